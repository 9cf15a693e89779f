/* Scripts of the ledger, so that its tests read like a specification. A line is one thing:
 *
 *     book 1 EUR 2                                a book
 *     account A1 debits<=credits limit=5          an account to open; "-> STATUS" unless CREATED
 *     transfer T1 A1 A2 10 pending timeout=5s     a transfer; "-> STATUS" unless CREATED
 *     send                                        the accounts or transfers since the last one, as
 *                                                 one batch; another kind of line sends it, too
 *     after 5s                                    the clock goes on
 *     close 1 5s                                  farm_ledger_close_book() through 5 s ago
 *     expire 10 -> 1                              farm_ledger_expire(), and how many it ended
 *     balance A1 0 10 0 0                         debits pending, posted, credits pending, posted
 *     verify                                      farm_verify() finds nothing
 *
 * Ids are a letter and a number, "0" or "max". Words behind them are flags and name=value; a
 * transfer that was made may say what it moved: "-> CREATED 7". "#" begins a comment. */
#ifndef LEDGER_SCRIPT_H
#define LEDGER_SCRIPT_H

#include <farmcore/ledger.h>

/* Play it; what is not as it says fails the test, with the line. */
void ledger_play(farm_session *session, const char *script);
farm_id ledger_script_id(const char *word);

#endif
