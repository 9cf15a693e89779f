/* Transfers that move back what others have moved: once as a whole, or in parts that never come to
 * more. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(ledger_reverse, .init = open_session, .fini = close_session, .timeout = 60);

#define ACCOUNTS                                                                                   \
    "book 1 EUR 2\n"                                                                               \
    "account A1\n"                                                                                 \
    "account A2\n"                                                                                 \
    "account A3 debits<=credits\n"

static void play(const char *script) {
    ledger_play(session, script);
    contract_assert_sound(session);
}

Test(ledger_reverse, all_of_a_transfer_comes_back_once) {
    play(ACCOUNTS "transfer T1 A1 A2 10\n"
                  "transfer T2 0 0 max reverses=T1 book=0 code=0 -> CREATED 10\n"
                  "balance A1 0 10 0 10\n"
                  "balance A2 0 10 0 10\n"
                  "transfer T2 0 0 max reverses=T1 book=0 code=0 -> EXISTS 10\n"
                  "transfer T3 0 0 max reverses=T1 -> REVERSED_TRANSFER_ALREADY_REVERSED\n"
                  "transfer T3 0 0 0 reverses=T1 -> REVERSED_TRANSFER_ALREADY_REVERSED\n"
                  "balance A1 0 10 0 10\n");
}

Test(ledger_reverse, parts_never_come_to_more) {
    play(ACCOUNTS "transfer T1 A1 A2 10\n"
                  "transfer T2 A2 A1 3 reverses=T1 -> CREATED 3\n"
                  "transfer T3 A2 A1 8 reverses=T1 -> EXCEEDS_REVERSIBLE_AMOUNT\n"
                  "transfer T3 A2 A1 0 reverses=T1 -> CREATED 0\n"
                  "transfer T4 A2 A1 6 reverses=T1 -> CREATED 6\n"
                  "transfer T5 A2 A1 max reverses=T1 -> CREATED 1\n"
                  "transfer T6 A2 A1 1 reverses=T1 -> REVERSED_TRANSFER_ALREADY_REVERSED\n"
                  "transfer T7 A1 A2 0\n"
                  "transfer T8 A2 A1 max reverses=T7 -> REVERSED_TRANSFER_ALREADY_REVERSED\n"
                  "balance A1 0 10 0 10\n");
}

Test(ledger_reverse, a_batch_sees_what_it_has_reversed_and_what_its_chains_have_not) {
    play(ACCOUNTS "transfer T1 A1 A2 10\n"
                  "transfer T2 0 0 4 reverses=T1\n"
                  "transfer T3 0 0 6 reverses=T1 linked -> LINKED_EVENT_FAILED\n"
                  "transfer T4 0 0 1 reverses=T1 -> REVERSED_TRANSFER_ALREADY_REVERSED\n"
                  "transfer T5 0 0 max reverses=T1 -> CREATED 6\n"
                  "send\n"
                  "balance A2 0 10 0 10\n");
}

Test(ledger_reverse, what_a_hold_moved_comes_back_and_the_hold_does_not) {
    play(ACCOUNTS "transfer T1 A1 A2 10 pending\n"
                  "transfer T2 0 0 7 post hold=T1 book=0 code=0\n"
                  "transfer T3 0 0 max reverses=T1 -> REVERSED_TRANSFER_NOT_REVERSIBLE\n"
                  "transfer T4 0 0 max reverses=T2 -> CREATED 7\n"
                  "transfer T5 0 0 max reverses=T4 -> REVERSED_TRANSFER_NOT_REVERSIBLE\n"
                  "transfer T6 0 0 1 post hold=T2 -> PENDING_TRANSFER_NOT_PENDING\n"
                  "balance A1 0 7 0 7\n");
}

Test(ledger_reverse, its_form) {
    play(ACCOUNTS
         "transfer T1 A1 A2 10\n"
         "transfer T2 0 0 1 reverses=T1 pending -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
         "transfer T2 0 0 1 reverses=T1 post hold=T1 -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
         "transfer T2 0 0 1 reverses=T1 balancing-debit -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
         "transfer T2 0 0 1 reverses=T1 hold=T1 -> PENDING_ID_MUST_BE_ZERO\n"
         "transfer T2 0 0 1 reverses=T2 -> REVERSED_ID_MUST_BE_DIFFERENT\n"
         "transfer T2 0 0 1 reverses=max -> REVERSED_ID_MUST_NOT_BE_INT_MAX\n"
         "transfer T2 0 0 1 reverses=T1 timeout=1s -> TIMEOUT_RESERVED_FOR_PENDING_TRANSFER\n"
         "transfer T2 A1 0 1 reverses=T1 -> REVERSED_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID\n"
         "transfer T2 A2 A3 1 reverses=T1 -> REVERSED_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID\n"
         "transfer T2 0 0 1 reverses=T1 book=2 -> REVERSED_TRANSFER_HAS_DIFFERENT_LEDGER\n"
         "transfer T2 0 0 1 reverses=T9 -> REVERSED_TRANSFER_NOT_FOUND\n"
         "transfer T9 A1 A2 1\n"
         "transfer T2 0 0 1 reverses=T9 -> ID_ALREADY_FAILED\n");
}

Test(ledger_reverse, a_repeat_is_compared) {
    play(ACCOUNTS "transfer T1 A1 A2 10 data64=7\n"
                  "transfer T2 0 0 4 reverses=T1 code=5\n"
                  "transfer T2 0 0 4 reverses=T1 code=5 -> EXISTS 4\n"
                  "transfer T2 A2 A1 4 reverses=T1 code=5 data64=7 -> EXISTS 4\n"
                  "transfer T2 0 0 max reverses=T1 code=5 -> EXISTS 4\n"
                  "transfer T2 0 0 5 reverses=T1 code=5 -> EXISTS_WITH_DIFFERENT_AMOUNT\n"
                  "transfer T2 0 0 4 reverses=T1 code=6 -> EXISTS_WITH_DIFFERENT_CODE\n"
                  "transfer T2 0 0 4 reverses=T9 code=5 -> EXISTS_WITH_DIFFERENT_REVERSED_ID\n"
                  "transfer T2 A2 A1 4 code=5 -> EXISTS_WITH_DIFFERENT_REVERSED_ID\n"
                  "transfer T1 A1 A2 10 data64=7 reverses=T2 -> EXISTS_WITH_DIFFERENT_REVERSED_ID\n"
                  "transfer T2 A1 A2 4 reverses=T1 code=5 "
                  "-> EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID\n");
}

Test(ledger_reverse, limits_and_closed_periods_hold_for_it) {
    play(ACCOUNTS "transfer T1 A1 A3 10\n"
                  "transfer T2 A3 A2 4\n"
                  "transfer T3 0 0 max reverses=T1 -> EXCEEDS_CREDITS\n"
                  "transfer T4 0 0 6 reverses=T1 leaves=1 -> CONDITION_FAILED\n"
                  "transfer T4 0 0 6 reverses=T1 leaves=0 -> CREATED 6\n"
                  "after 10s\n"
                  "close 1 5s\n"
                  "transfer T5 0 0 4 reverses=T2 counts=5s -> EFFECTIVE_IN_CLOSED_PERIOD\n"
                  "transfer T5 0 0 4 reverses=T2 -> CREATED 4\n"
                  "transfer T6 A2 A3 0 pending closing-debit\n"
                  "transfer T7 A1 A2 5 -> CREDIT_ACCOUNT_ALREADY_CLOSED\n"
                  "transfer T8 A3 A1 4 -> CREATED 4\n");
}

Test(ledger_reverse, what_it_is_of_is_found_with_how_much_came_back) {
    const farm_id ids[] = {ledger_script_id("T1"), ledger_script_id("T2")};
    farm_ledger_event found[2] = {{.struct_size = sizeof *found}, {.struct_size = sizeof *found}};
    play(ACCOUNTS "transfer T1 A1 A2 10 code=9 data32=4 data128=U1\n"
                  "transfer T2 0 0 4 reverses=T1 book=0 code=0\n");

    cr_assert_eq(farm_ledger_find_transfers(session, ids, 2, found), FARM_OK);

    cr_assert_eq(found[0].kind, FARM_LEDGER_KIND_SINGLE);
    cr_assert_eq(found[0].reversed_minor, 4);
    cr_assert_eq(found[1].kind, FARM_LEDGER_KIND_REVERSAL);
    cr_assert_eq(found[1].amount_minor, 4);
    cr_assert_eq(found[1].code, 9);
    cr_assert_eq(found[1].user_data_32, 4);
    cr_assert_eq(found[1].reversed_minor, 0);
    cr_assert_eq(memcmp(&found[1].reversed_id, &ids[0], sizeof *ids), 0);
    cr_assert_eq(memcmp(&found[1].user_data_128, &found[0].user_data_128, sizeof *ids), 0);
    cr_assert_eq(memcmp(&found[1].debit_account_id, &found[0].credit_account_id, sizeof *ids), 0);
}
