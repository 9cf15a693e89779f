/* The ledger's part of what a client writes down (acknowledged.c): each operation is a transfer of
 * 1 from the bank, which all share, to the client's own account. */
#ifndef ACKNOWLEDGED_LEDGER_H
#define ACKNOWLEDGED_LEDGER_H

#include <farmcore/farmcore.h>

/* The book and the bank. */
farm_status acknowledged_ledger_prepare(farm_session *session);
/* Opens the client's account first, if it is not there. is_other: with another id than the one of
 * this number. FARM_EINTERNAL: it was refused. */
farm_status acknowledged_ledger_post(farm_session *session, int worker, int64_t number,
                                     int is_other);
/* Read the numbers of the transfers that the client's account has. prefix: of tables. */
farm_status acknowledged_ledger_find(farm_session *session, const char *prefix, int worker,
                                     farm_rows **out);
/* The number of a row of these. */
int64_t acknowledged_ledger_number(const farm_rows *rows, size_t row);
/* What the client's account has; -1: nobody could say. */
int64_t acknowledged_ledger_balance(farm_session *session, int worker);

#endif
