/* Periods that are closed. What happens while one is being closed is in ledger_race_test.c. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>

TestSuite(ledger_period, .init = open_session, .fini = close_session, .timeout = 60);

#define ACCOUNTS                                                                                   \
    "book 1 EUR 2\n"                                                                               \
    "account A1\n"                                                                                 \
    "account A2\n"

Test(ledger_period, what_counts_in_a_closed_period_is_refused) {
    ledger_play(session, ACCOUNTS
                "transfer T1 A1 A2 10 counts=9s\n"
                "transfer T2 A1 A2 3 pending counts=9s\n"
                "transfer T3 A1 A2 3 pending counts=9s\n"
                "close 1 5s\n"
                "close 1 5s\n"
                "close 1 8s\n"
                "transfer T4 A1 A2 1 counts=5s -> EFFECTIVE_IN_CLOSED_PERIOD\n"
                "send\n"
                "transfer T5 A1 A2 1 counts=6s -> EFFECTIVE_IN_CLOSED_PERIOD\n"
                "transfer T6 A1 A2 1 counts=4s\n"
                "transfer T7 0 0 max post hold=T2 counts=5s -> EFFECTIVE_IN_CLOSED_PERIOD\n"
                "transfer T8 0 0 max post hold=T2\n"
                "transfer T9 0 0 0 void hold=T3 counts=7s -> EFFECTIVE_IN_CLOSED_PERIOD\n"
                "transfer T10 0 0 0 void hold=T3\n"
                "transfer T1 A1 A2 10 counts=9s -> EXISTS 10\n"
                "send\n"
                "transfer T4 A1 A2 1 counts=4s\n"
                "balance A2 0 0 0 15\n");
}

/* By the clock of the one who posts. */
Test(ledger_period, a_clock_that_is_behind_does_not_open_a_closed_period) {
    ledger_play(session, ACCOUNTS "after 5s\n"
                                  "close 1 0s\n");
    ledger_play(session, "transfer T1 A1 A2 10 -> EFFECTIVE_IN_CLOSED_PERIOD\n"
                         "after 6s\n"
                         "transfer T2 A1 A2 1 imported ago=2s -> EFFECTIVE_IN_CLOSED_PERIOD\n"
                         "send\n"
                         "transfer T1 A1 A2 10\n");
}

Test(ledger_period, a_book_is_closed_up_to_now_at_most) {
    ledger_play(session, "book 1 EUR 2\n");
    cr_assert_eq(farm_ledger_close_book(session, 0, 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_close_book(session, 1, 0), FARM_EINVAL);
    cr_assert_eq(farm_ledger_close_book(session, 1, CONTRACT_NOW_US + 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_close_book(session, 2, 1), FARM_ENOTFOUND);
    cr_assert_eq(farm_ledger_close_book(session, 1, CONTRACT_NOW_US), FARM_OK);
    farm_session_set_actor(session, "ana");
    cr_assert_eq(farm_ledger_close_book(session, 1, 1), FARM_EDENIED);
}
