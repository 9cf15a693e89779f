/* What becomes of transfers, as scripts (ledger_script.h): each status, in the order of the checks,
 * and what it leaves behind. The rules are TigerBeetle's. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(ledger_transfer, .init = open_session, .fini = close_session, .timeout = 60);

static void play(const char *script) {
    ledger_play(session, script);
}

#define ACCOUNTS                                                                                   \
    "book 1 EUR 2\n"                                                                               \
    "account A1\n"                                                                                 \
    "account A2\n"                                                                                 \
    "account A3\n"

Test(ledger_transfer, a_transfer_debits_one_and_credits_the_other) {
    play(ACCOUNTS "transfer T1 A1 A2 10 -> CREATED 10\n"
                  "transfer T2 A2 A1 3 -> CREATED 3\n"
                  "transfer T3 A1 A2 0 -> CREATED 0\n"
                  "balance A1 0 10 0 3\n"
                  "balance A2 0 3 0 10\n"
                  "balance A3 0 0 0 0\n");
}

Test(ledger_transfer, fields_are_checked_in_this_order) {
    play(ACCOUNTS
         "book 2 USD 2\n"
         "account B1 book=2\n"
         "account B2 book=2\n"
         "transfer 0 0 0 -1 timestamp=5 no-such-flag -> TIMESTAMP_MUST_BE_ZERO\n"
         "transfer 0 0 0 -1 no-such-flag -> RESERVED_FLAG\n"
         "transfer 0 0 0 -1 conditions=8 -> RESERVED_FLAG\n"
         "transfer 0 0 0 -1 timeout=-1 -> AMOUNT_MUST_NOT_BE_NEGATIVE\n"
         "transfer 0 0 0 1 timeout=-1 code=-1 -> TIMEOUT_MUST_NOT_BE_NEGATIVE\n"
         "transfer 0 0 0 1 code=-1 book=-1 -> CODE_OUT_OF_RANGE\n"
         "transfer 0 0 0 1 code=65536 book=-1 -> CODE_OUT_OF_RANGE\n"
         "transfer 0 0 0 1 book=-1 effective=-1 -> LEDGER_OUT_OF_RANGE\n"
         "transfer 0 0 0 1 effective=-1 -> EFFECTIVE_OUT_OF_RANGE\n"
         "transfer 0 0 0 1 effective=max -> EFFECTIVE_OUT_OF_RANGE\n"
         "transfer 0 0 0 1 -> ID_MUST_NOT_BE_ZERO\n"
         "transfer max 0 0 1 -> ID_MUST_NOT_BE_INT_MAX\n"
         "transfer T1 0 0 1 hold=T9 -> DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO\n"
         "transfer T1 max 0 1 hold=T9 -> DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX\n"
         "transfer T1 A1 0 1 hold=T9 -> CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO\n"
         "transfer T1 A1 max 1 hold=T9 -> CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX\n"
         "transfer T1 A1 A1 1 hold=T9 -> ACCOUNTS_MUST_BE_DIFFERENT\n"
         "transfer T1 A1 A2 1 hold=T9 timeout=5 -> PENDING_ID_MUST_BE_ZERO\n"
         "transfer T1 A1 A2 1 timeout=5 closing-debit -> TIMEOUT_RESERVED_FOR_PENDING_TRANSFER\n"
         "transfer T1 A1 A2 1 closing-debit book=0 -> CLOSING_TRANSFER_MUST_BE_PENDING\n"
         "transfer T1 A1 A2 1 closing-credit book=0 -> CLOSING_TRANSFER_MUST_BE_PENDING\n"
         "transfer T1 A1 A2 1 book=0 code=0 -> LEDGER_MUST_NOT_BE_ZERO\n"
         "transfer T1 A8 A9 1 code=0 -> CODE_MUST_NOT_BE_ZERO\n"
         "transfer T11 A8 A9 1 -> DEBIT_ACCOUNT_NOT_FOUND\n"
         "transfer T12 A1 A9 1 book=9 -> CREDIT_ACCOUNT_NOT_FOUND\n"
         "transfer T1 A1 B1 1 book=9 -> ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER\n"
         "transfer T1 A1 A2 1 book=2 -> TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS\n"
         "transfer T1 A1 A2 1\n"
         "transfer T2 B1 B2 1 book=2\n"
         "balance A1 0 1 0 0\n"
         "balance B1 0 1 0 0\n");
}

Test(ledger_transfer, an_id_is_used_once) {
    play(ACCOUNTS
         "book 2 EUR 2\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 data64=2 data32=3 code=4 effective=5\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 data64=2 data32=3 code=4 effective=5 "
         "-> EXISTS 7\n"
         "send\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 data64=2 data32=3 code=4 effective=5 "
         "-> EXISTS 7\n"
         "transfer T1 A3 A1 8 hold=T2 -> EXISTS_WITH_DIFFERENT_FLAGS\n"
         "transfer T1 A3 A1 8 pending hold=T2 timeout=8s -> EXISTS_WITH_DIFFERENT_PENDING_ID\n"
         "transfer T1 A3 A1 8 pending timeout=8s -> EXISTS_WITH_DIFFERENT_TIMEOUT\n"
         "transfer T1 A3 A1 8 pending timeout=9s -> EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID\n"
         "transfer T1 A1 A3 8 pending timeout=9s -> EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID\n"
         "transfer T1 A1 A2 8 pending timeout=9s -> EXISTS_WITH_DIFFERENT_AMOUNT\n"
         "transfer T1 A1 A2 7 pending timeout=9s -> EXISTS_WITH_DIFFERENT_USER_DATA_128\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 -> EXISTS_WITH_DIFFERENT_USER_DATA_64\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 data64=2 "
         "-> EXISTS_WITH_DIFFERENT_USER_DATA_32\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 data64=2 data32=3 book=2 "
         "-> EXISTS_WITH_DIFFERENT_LEDGER\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 data64=2 data32=3 "
         "-> EXISTS_WITH_DIFFERENT_CODE\n"
         "transfer T1 A1 A2 7 pending timeout=9s data128=U1 data64=2 data32=3 code=4 "
         "-> EXISTS_WITH_DIFFERENT_EFFECTIVE\n"
         "transfer T2 A1 A2 7 -> CREATED 7\n"
         "after 5s\n"
         "transfer T2 A1 A2 7 -> EXISTS 7\n"
         "transfer T2 A1 A2 7 linked -> EXISTS_WITH_DIFFERENT_FLAGS\n"
         "transfer T3 A1 A2 1 -> LINKED_EVENT_FAILED\n"
         "send\n"
         "transfer T3 A1 A2 1\n"
         "balance A1 7 8 0 0\n");
}

Test(ledger_transfer, a_refusal_that_may_pass_burns_the_id) {
    play(ACCOUNTS "account A4 debits<=credits\n"
                  "account A5 credits<=debits\n"
                  "account A6 closed\n"
                  "transfer T1 A4 A1 1 -> EXCEEDS_CREDITS\n"
                  "transfer T1 A1 A2 1 -> ID_ALREADY_FAILED\n"
                  "transfer T2 A1 A5 1 -> EXCEEDS_DEBITS\n"
                  "transfer T3 A8 A1 1 -> DEBIT_ACCOUNT_NOT_FOUND\n"
                  "transfer T4 A1 A8 1 -> CREDIT_ACCOUNT_NOT_FOUND\n"
                  "transfer T5 A6 A1 1 -> DEBIT_ACCOUNT_ALREADY_CLOSED\n"
                  "transfer T6 A1 A6 1 -> CREDIT_ACCOUNT_ALREADY_CLOSED\n"
                  "transfer T7 0 0 0 post hold=T99 -> PENDING_TRANSFER_NOT_FOUND\n"
                  "transfer T8 A1 A1 1 -> ACCOUNTS_MUST_BE_DIFFERENT\n"
                  "transfer T9 A1 A2 1 debit-version=9 -> CONDITION_FAILED\n"
                  "send\n"
                  "account A8\n"
                  "transfer T0 A1 A4 9\n"
                  "transfer T1 A4 A1 1 -> ID_ALREADY_FAILED\n"
                  "transfer T2 A1 A2 1 -> ID_ALREADY_FAILED\n"
                  "transfer T3 A8 A1 1 -> ID_ALREADY_FAILED\n"
                  "transfer T4 A1 A8 1 -> ID_ALREADY_FAILED\n"
                  "transfer T5 A1 A2 1 -> ID_ALREADY_FAILED\n"
                  "transfer T6 A1 A2 1 -> ID_ALREADY_FAILED\n"
                  "transfer T7 A1 A2 1 -> ID_ALREADY_FAILED\n"
                  "transfer T8 A1 A2 1\n" /* these two could never have passed */
                  "transfer T9 A1 A2 1\n"
                  "balance A1 0 11 0 0\n");
}

/* --- holds --- */

Test(ledger_transfer, a_hold_is_posted_in_part_and_the_rest_given_back) {
    play(ACCOUNTS "transfer T1 A1 A2 10 pending\n"
                  "balance A1 10 0 0 0\n"
                  "balance A2 0 0 10 0\n"
                  "transfer T2 0 0 4 post hold=T1 book=0 code=0 -> CREATED 4\n"
                  "balance A1 0 4 0 0\n"
                  "balance A2 0 0 0 4\n"
                  "transfer T3 0 0 6 post hold=T1 -> PENDING_TRANSFER_ALREADY_POSTED\n"
                  "transfer T4 0 0 0 void hold=T1 -> PENDING_TRANSFER_ALREADY_POSTED\n");
}

Test(ledger_transfer, a_hold_that_was_given_back_is_given_back_once) {
    play(ACCOUNTS "transfer T1 A1 A2 10 pending\n"
                  "transfer T2 0 0 0 void hold=T1\n"
                  "transfer T3 0 0 max post hold=T1 -> PENDING_TRANSFER_ALREADY_VOIDED\n"
                  "send\n"
                  "transfer T4 0 0 0 void hold=T1 -> PENDING_TRANSFER_ALREADY_VOIDED\n"
                  "balance A1 0 0 0 0\n");
}

Test(ledger_transfer, amounts_of_a_resolution_mean_this) {
    play(ACCOUNTS "transfer T1 A1 A2 10 pending\n"
                  "transfer T2 A1 A2 10 pending\n"
                  "transfer T3 A1 A2 10 pending\n"
                  "transfer T4 A1 A2 10 pending\n"
                  "transfer T5 A1 A2 10 pending\n"
                  "transfer T11 0 0 max post hold=T1 -> CREATED 10\n"
                  "transfer T12 0 0 0 post hold=T2 -> CREATED 0\n"
                  "transfer T13 0 0 0 void hold=T3 -> CREATED 10\n"
                  "transfer T14 0 0 10 void hold=T4 -> CREATED 10\n"
                  "transfer T15 0 0 11 post hold=T5 -> EXCEEDS_PENDING_TRANSFER_AMOUNT\n"
                  "transfer T15 0 0 11 void hold=T5 -> EXCEEDS_PENDING_TRANSFER_AMOUNT\n"
                  "transfer T15 0 0 max void hold=T5 -> EXCEEDS_PENDING_TRANSFER_AMOUNT\n"
                  "transfer T15 0 0 9 void hold=T5 -> PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT\n"
                  "balance A1 10 10 0 0\n"
                  "balance A2 0 0 10 10\n");
}

Test(ledger_transfer, resolutions_are_checked_in_this_order) {
    play(
        ACCOUNTS
        "book 2 EUR 2\n"
        "transfer T1 A1 A2 10 pending code=7\n"
        "transfer T2 A1 A2 10\n"
        "transfer T5 0 0 1 post void -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
        "transfer T5 0 0 1 post pending -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
        "transfer T5 0 0 1 void balancing-debit -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
        "transfer T5 0 0 1 void balancing-credit -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
        "transfer T5 0 0 1 post closing-debit -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
        "transfer T5 0 0 1 post closing-credit -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
        "transfer T5 0 0 1 post timeout=5 -> PENDING_ID_MUST_NOT_BE_ZERO\n"
        "transfer T5 0 0 1 post timeout=5 hold=max -> PENDING_ID_MUST_NOT_BE_INT_MAX\n"
        "transfer T5 0 0 1 post timeout=5 hold=T5 -> PENDING_ID_MUST_BE_DIFFERENT\n"
        "transfer T5 0 0 1 post timeout=5 hold=T9 -> TIMEOUT_RESERVED_FOR_PENDING_TRANSFER\n"
        "transfer T6 0 0 1 post hold=T9 -> PENDING_TRANSFER_NOT_FOUND\n"
        "transfer T5 A3 A3 1 post hold=T2 -> PENDING_TRANSFER_NOT_PENDING\n"
        "transfer T5 A3 A3 99 post hold=T1 "
        "-> PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID\n"
        "transfer T5 A1 A3 99 post hold=T1 book=2 "
        "-> PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID\n"
        "transfer T5 A1 A2 99 post hold=T1 book=2 code=1 -> PENDING_TRANSFER_HAS_DIFFERENT_LEDGER\n"
        "transfer T5 A1 A2 99 post hold=T1 code=1 -> PENDING_TRANSFER_HAS_DIFFERENT_CODE\n"
        "transfer T5 A1 A2 99 post hold=T1 code=7 -> EXCEEDS_PENDING_TRANSFER_AMOUNT\n"
        "transfer T5 A1 A2 10 post hold=T1 code=7 -> CREATED 10\n"
        "transfer T7 A1 A2 11 post hold=T1 code=7 -> EXCEEDS_PENDING_TRANSFER_AMOUNT\n"
        "transfer T7 A1 A2 10 post hold=T1 code=7 -> PENDING_TRANSFER_ALREADY_POSTED\n");
}

Test(ledger_transfer, a_resolution_is_repeated) {
    play(ACCOUNTS "transfer T1 A1 A2 10 pending data64=5 code=7\n"
                  "transfer T2 A1 A2 10 pending\n"
                  "transfer T3 A1 A2 10 pending\n"
                  "transfer T11 0 0 max post hold=T1 code=0\n"
                  "transfer T12 0 0 0 void hold=T2\n"
                  "transfer T13 0 0 4 post hold=T3 data64=6\n"
                  "send\n"
                  "transfer T11 0 0 max post hold=T1 code=0 -> EXISTS 10\n"
                  "transfer T11 A1 A2 10 post hold=T1 code=7 data64=5 -> EXISTS 10\n"
                  "transfer T11 0 0 9 post hold=T1 code=0 -> EXISTS_WITH_DIFFERENT_AMOUNT\n"
                  "transfer T11 0 0 11 post hold=T1 code=0 -> EXISTS_WITH_DIFFERENT_AMOUNT\n"
                  "transfer T11 A3 0 9 post hold=T1 "
                  "-> EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID\n"
                  "transfer T11 0 A3 9 post hold=T1 "
                  "-> EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID\n"
                  "transfer T11 0 0 max post hold=T2 -> EXISTS_WITH_DIFFERENT_PENDING_ID\n"
                  "transfer T11 0 0 max void hold=T1 -> EXISTS_WITH_DIFFERENT_FLAGS\n"
                  "transfer T11 0 0 10 post hold=T1 -> EXISTS_WITH_DIFFERENT_CODE\n"
                  "transfer T12 0 0 0 void hold=T2 -> EXISTS 10\n"
                  "transfer T12 0 0 10 void hold=T2 -> EXISTS 10\n"
                  "transfer T12 0 0 4 void hold=T2 -> EXISTS_WITH_DIFFERENT_AMOUNT\n"
                  "transfer T13 0 0 max post hold=T3 -> EXISTS_WITH_DIFFERENT_AMOUNT\n"
                  "transfer T13 0 0 4 post hold=T3 -> EXISTS_WITH_DIFFERENT_USER_DATA_64\n"
                  "transfer T13 0 0 4 post hold=T3 data64=6 -> EXISTS 4\n"
                  "balance A1 0 14 0 0\n");
}

Test(ledger_transfer, a_hold_runs_out_exactly_at_its_end) {
    play(ACCOUNTS "transfer T1 A1 A2 10 pending timeout=5s\n"
                  "transfer T2 A1 A2 20 pending\n"
                  "after 4s\n"
                  "transfer T3 A3 A2 1\n"
                  "balance A1 30 0 0 0\n"
                  "after 2s\n"
                  "balance A1 30 0 0 0\n" /* until a batch touches one of its accounts */
                  "transfer T4 A3 A2 1\n"
                  "balance A1 20 0 0 0\n"
                  "balance A2 0 0 20 2\n"
                  "transfer T5 0 0 0 post hold=T1 -> PENDING_TRANSFER_EXPIRED\n"
                  "transfer T6 0 0 0 void hold=T1 -> PENDING_TRANSFER_EXPIRED\n"
                  "transfer T1 A1 A2 10 pending timeout=5s -> EXISTS 10\n"
                  "transfer T7 0 0 max post hold=T2 -> CREATED 20\n"
                  "balance A1 0 20 0 0\n");
}

Test(ledger_transfer, what_ran_out_is_there_again_for_the_batch_that_finds_it) {
    play(ACCOUNTS "account A4 debits<=credits\n"
                  "transfer T1 A1 A4 10\n"
                  "transfer T2 A4 A2 10 pending timeout=5s\n"
                  "transfer T3 A4 A3 1 -> EXCEEDS_CREDITS\n"
                  "after 6s\n"
                  "transfer T4 A4 A3 10\n"
                  "balance A4 0 10 0 10\n"
                  "balance A2 0 0 0 0\n");
}

Test(ledger_transfer, a_resolution_finds_what_ran_out_of_the_accounts_of_its_hold) {
    play(ACCOUNTS "transfer T0 A3 A1 10\n"
                  "transfer T1 A1 A2 4 pending\n"
                  "transfer T2 A1 A3 6 pending timeout=5s\n"
                  "after 6s\n"
                  "transfer T3 0 0 4 post hold=T1 leaves=6\n"
                  "balance A1 0 4 0 10\n"
                  "balance A3 0 10 0 0\n");
}

Test(ledger_transfer, holds_that_ran_out_are_ended_a_few_at_a_time) {
    play(ACCOUNTS "transfer T1 A1 A2 1 pending timeout=9s\n"
                  "transfer T2 A1 A3 2 pending timeout=5s\n"
                  "transfer T3 A2 A3 4 pending timeout=5s\n"
                  "transfer T4 A2 A3 8 pending\n"
                  "expire 10 -> 0\n"
                  "after 6s\n"
                  "expire 1 -> 1\n"
                  "balance A1 1 0 0 0\n"
                  "expire 10 -> 1\n"
                  "balance A2 8 0 1 0\n"
                  "after 6s\n"
                  "expire 10 -> 1\n"
                  "expire 10 -> 0\n"
                  "balance A1 0 0 0 0\n"
                  "balance A3 0 0 8 0\n");
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_event} "
                                          "WHERE kind = 4 AND id IS NULL"),
                 3);
}

/* --- limits --- */

Test(ledger_transfer, what_is_held_counts_against_the_limit) {
    play(ACCOUNTS "account A4 debits<=credits\n"
                  "transfer T1 A1 A4 10\n"
                  "transfer T2 A4 A2 6 pending\n"
                  "transfer T3 A4 A2 5 -> EXCEEDS_CREDITS\n"
                  "transfer T4 A4 A2 4\n"
                  "transfer T5 A4 A2 1 -> EXCEEDS_CREDITS\n"
                  "transfer T6 0 0 2 post hold=T2\n"
                  "transfer T7 A4 A2 5 -> EXCEEDS_CREDITS\n"
                  "transfer T8 A4 A2 4\n"
                  "balance A4 0 10 0 10\n");
}

Test(ledger_transfer, credits_may_be_limited_likewise) {
    play(ACCOUNTS "account A5 credits<=debits\n"
                  "transfer T1 A1 A5 1 -> EXCEEDS_DEBITS\n"
                  "transfer T2 A5 A1 10\n"
                  "transfer T3 A1 A5 6 pending\n"
                  "transfer T4 A1 A5 5 -> EXCEEDS_DEBITS\n"
                  "transfer T5 A1 A5 4\n"
                  "balance A5 0 10 6 4\n");
}

Test(ledger_transfer, a_credit_limit_lets_debits_go_further) {
    play(ACCOUNTS "account A4 debits<=credits limit=5\n"
                  "transfer T1 A4 A1 6 -> EXCEEDS_CREDITS\n"
                  "transfer T2 A4 A1 3 pending\n"
                  "transfer T3 A4 A1 2\n"
                  "transfer T4 A4 A1 1 -> EXCEEDS_CREDITS\n"
                  "transfer T6 A1 A4 1\n"
                  "transfer T7 A4 A1 1\n"
                  "balance A4 3 3 0 1\n");
}

Test(ledger_transfer, conditions_hold_or_nothing_happens) {
    play(ACCOUNTS "transfer T1 A1 A2 10 debit-version=0 credit-version=0\n"
                  "transfer T2 A1 A2 1 debit-version=0 -> CONDITION_FAILED\n"
                  "transfer T3 A1 A2 1 debit-version=1 credit-version=0 -> CONDITION_FAILED\n"
                  "transfer T4 A2 A1 4 leaves=7 -> CONDITION_FAILED\n"
                  "transfer T5 A2 A1 4 leaves=6 debit-version=1\n"
                  "transfer T6 A2 A3 7 pending leaves=0 -> CONDITION_FAILED\n"
                  "transfer T7 A2 A3 6 pending leaves=0\n"
                  "transfer T8 0 0 2 post hold=T7 leaves=5 -> CONDITION_FAILED\n"
                  "transfer T9 0 0 2 post hold=T7 leaves=4\n"
                  "transfer T5 A2 A1 4 leaves=99 -> EXISTS\n" /* it did when it happened */
                  "balance A2 0 6 0 10\n");
}

/* --- balancing --- */

Test(ledger_transfer, a_balancing_transfer_moves_what_there_is) {
    play(ACCOUNTS "account A4 debits<=credits\n"
                  "account A5 credits<=debits\n"
                  "transfer T1 A1 A4 10\n"
                  "transfer T2 A5 A1 4\n"
                  "transfer T3 A4 A2 3 pending\n"
                  "transfer T4 A4 A5 max balancing-debit balancing-credit -> CREATED 4\n"
                  "transfer T5 A4 A2 2 balancing-debit -> CREATED 2\n"
                  "transfer T6 A4 A2 max balancing-debit pending -> CREATED 1\n"
                  "transfer T7 A4 A2 max balancing-debit -> CREATED 0\n"
                  "transfer T8 A2 A4 5 balancing-debit -> CREATED 2\n"
                  "send\n"
                  "transfer T4 A4 A5 max balancing-debit balancing-credit -> EXISTS 4\n"
                  "transfer T4 A4 A5 4 balancing-debit balancing-credit -> EXISTS 4\n"
                  "transfer T4 A4 A5 3 balancing-debit balancing-credit "
                  "-> EXISTS_WITH_DIFFERENT_AMOUNT\n"
                  "balance A4 4 6 0 12\n");
}

/* --- overflow --- */

Test(ledger_transfer, sums_that_would_overflow_are_refused) {
    play(ACCOUNTS "account A4\n"
                  "transfer T1 A1 A2 max-1 pending\n"
                  "transfer T2 A1 A3 2 pending -> OVERFLOWS_DEBITS_PENDING\n"
                  "transfer T2 A3 A2 2 pending -> OVERFLOWS_CREDITS_PENDING\n"
                  "transfer T2 A1 A3 2 -> OVERFLOWS_DEBITS\n"
                  "transfer T2 A3 A2 2 -> OVERFLOWS_CREDITS\n"
                  "transfer T2 A1 A2 1 -> CREATED 1\n"
                  "transfer T3 0 0 0 void hold=T1\n"
                  "transfer T4 A1 A2 max-1\n"
                  "transfer T5 A1 A4 1 -> OVERFLOWS_DEBITS_POSTED\n"
                  "transfer T5 A4 A2 1 -> OVERFLOWS_CREDITS_POSTED\n"
                  "transfer T5 A3 A4 1 pending timeout=max -> OVERFLOWS_TIMEOUT\n"
                  "transfer T5 A3 A4 1 pending timeout=9000000000000000 -> OVERFLOWS_TIMEOUT\n"
                  "transfer T5 A3 A4 max pending timeout=7000000000000000\n"
                  "balance A1 0 max 0 0\n"
                  "balance A3 max 0 0 0\n");
}

/* --- chains --- */

Test(ledger_transfer, a_chain_happens_whole_or_not_at_all) {
    play(ACCOUNTS "account A4 debits<=credits\n"
                  "transfer T1 A1 A4 5 linked -> LINKED_EVENT_FAILED\n"
                  "transfer T2 A4 A2 3 linked -> LINKED_EVENT_FAILED\n"
                  "transfer T3 A4 A3 3 -> EXCEEDS_CREDITS\n"
                  "transfer T4 A4 A3 1 -> EXCEEDS_CREDITS\n"
                  "transfer T5 A1 A4 5 linked\n"
                  "transfer T6 A4 A2 3 linked\n"
                  "transfer T7 A4 A3 2\n"
                  "send\n"
                  "balance A4 0 5 0 5\n"
                  "transfer T3 A1 A2 1 -> ID_ALREADY_FAILED\n" /* burnt in the chain */
                  "transfer T1 A1 A2 1\n"                      /* and these are free */
                  "transfer T2 A1 A2 1\n"
                  "transfer T5 A1 A4 5 linked -> EXISTS\n"
                  "transfer T6 A4 A2 3 linked -> LINKED_EVENT_FAILED\n"
                  "transfer T7 A4 A3 2 -> LINKED_EVENT_FAILED\n");
}

Test(ledger_transfer, a_chain_that_does_not_end_fails) {
    play(ACCOUNTS "transfer T1 A1 A2 1\n"
                  "transfer T2 A1 A2 2 linked -> LINKED_EVENT_FAILED\n"
                  "transfer T3 A1 A2 4 linked -> LINKED_EVENT_CHAIN_OPEN\n"
                  "send\n"
                  "transfer T4 A1 A2 8 linked -> LINKED_EVENT_CHAIN_OPEN\n"
                  "send\n"
                  "transfer T5 A1 A1 1 linked -> ACCOUNTS_MUST_BE_DIFFERENT\n"
                  "transfer T6 A1 A2 1 linked -> LINKED_EVENT_CHAIN_OPEN\n"
                  "balance A1 0 1 0 0\n");
}

Test(ledger_transfer, holds_live_and_die_inside_chains) {
    play(ACCOUNTS "transfer T1 A1 A2 5 pending linked\n"
                  "transfer T2 0 0 3 post hold=T1\n"
                  "transfer T3 A1 A2 5 pending\n"
                  "transfer T4 0 0 2 post hold=T3 linked -> LINKED_EVENT_FAILED\n"
                  "transfer T5 A1 A1 1 -> ACCOUNTS_MUST_BE_DIFFERENT\n"
                  "transfer T6 0 0 4 post hold=T3\n" /* the chain gave it back */
                  "transfer T7 A1 A2 5 pending linked -> LINKED_EVENT_FAILED\n"
                  "transfer T8 A1 A1 1 -> ACCOUNTS_MUST_BE_DIFFERENT\n"
                  "transfer T9 0 0 4 post hold=T7 -> PENDING_TRANSFER_NOT_FOUND\n"
                  "balance A1 0 7 0 0\n");
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_hold}"), 0);
}

Test(ledger_transfer, a_chain_may_span_books) {
    play(ACCOUNTS "book 2 USD 2\n"
                  "account B1 book=2 debits<=credits\n"
                  "account B2 book=2\n"
                  "transfer T1 A1 A2 100 linked -> LINKED_EVENT_FAILED\n"
                  "transfer T2 B1 B2 110 book=2 -> EXCEEDS_CREDITS\n"
                  "transfer T3 B2 B1 500 book=2\n"
                  "transfer T4 A1 A2 100 linked\n"
                  "transfer T5 B1 B2 110 book=2\n"
                  "balance A2 0 0 0 100\n"
                  "balance B2 0 500 0 110\n");
}

/* --- closing --- */

Test(ledger_transfer, an_account_is_closed_by_a_hold_and_opened_by_its_end) {
    play(ACCOUNTS "transfer T1 A1 A2 5 pending\n"
                  "transfer T2 A1 A3 0 pending closing-debit\n"
                  "transfer T3 A1 A2 1 -> DEBIT_ACCOUNT_ALREADY_CLOSED\n"
                  "transfer T4 A2 A1 1 -> CREDIT_ACCOUNT_ALREADY_CLOSED\n"
                  "transfer T5 0 0 5 post hold=T1 -> DEBIT_ACCOUNT_ALREADY_CLOSED\n"
                  "transfer T6 0 0 0 void hold=T1\n"
                  "transfer T7 0 0 0 post hold=T2 -> DEBIT_ACCOUNT_ALREADY_CLOSED\n"
                  "transfer T8 0 0 0 void hold=T2\n"
                  "transfer T9 A1 A2 1\n"
                  "transfer T10 A2 A3 0 pending closing-credit timeout=5s\n"
                  "transfer T11 A2 A3 1 -> CREDIT_ACCOUNT_ALREADY_CLOSED\n"
                  "after 6s\n"
                  "transfer T12 A2 A3 1\n" /* its end opened the account */
                  "balance A3 0 0 0 1\n"
                  "transfer T13 A1 A3 0 pending closing-debit\n"
                  "account A1 -> EXISTS\n"); /* as it was opened */
    const farm_id id = ledger_script_id("A1");
    farm_ledger_account found = {.struct_size = sizeof found};
    cr_assert_eq(farm_ledger_find_accounts(session, &id, 1, &found), FARM_OK);
    cr_assert_eq(found.flags, FARM_LEDGER_ACCOUNT_CLOSED);
}

/* --- imports --- */

Test(ledger_transfer, events_of_the_past_are_imported_in_their_order) {
    play("book 1 EUR 2\n"
         "account A1 imported ago=100s\n"
         "account A2 imported ago=99s\n"
         "account A3 imported ago=50s\n"
         "send\n"
         "transfer T1 A1 A2 1 imported ago=90s\n"
         "transfer T2 A1 A2 1 -> IMPORTED_EVENT_EXPECTED\n"
         "transfer T3 A1 A2 1 imported -> IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE\n"
         "transfer T3 A1 A2 1 imported ago=0s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE\n"
         "transfer T3 A1 A2 1 imported ago=90s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS\n"
         "transfer T3 A3 A2 1 imported ago=60s "
         "-> IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT\n"
         "transfer T3 A2 A3 1 imported ago=60s "
         "-> IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT\n"
         "transfer T3 A1 A2 1 imported ago=60s pending timeout=1s "
         "-> IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO\n"
         "transfer T3 A1 A2 5 imported ago=60s pending\n"
         "transfer T4 0 0 4 imported ago=59s post hold=T3\n"
         "send\n"
         "transfer T5 A1 A3 1 imported ago=59s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS\n"
         "transfer T5 A1 A3 1 imported ago=40s\n"
         "send\n"
         "transfer T1 A1 A2 1 imported ago=90s -> EXISTS 1\n"
         "send\n"
         "transfer T6 A1 A2 1\n"
         "transfer T7 A1 A2 1 imported ago=1s -> IMPORTED_EVENT_NOT_EXPECTED\n"
         "balance A1 0 7 0 0\n");
}

/* --- what is told --- */

Test(ledger_transfer, results_carry_the_outcome) {
    play(ACCOUNTS "account A4 debits<=credits\n"
                  "transfer T1 A1 A4 10\n");
    farm_ledger_transfer items[2] = {{.struct_size = sizeof *items,
                                      .id = ledger_script_id("T2"),
                                      .debit_account_id = ledger_script_id("A4"),
                                      .credit_account_id = ledger_script_id("A2"),
                                      .amount_minor = 4,
                                      .code = 1,
                                      .book = 1}};
    farm_ledger_transfer_result results[2] = {{.struct_size = sizeof *results},
                                              {.struct_size = sizeof *results}};
    items[1] = items[0];
    items[1].id = ledger_script_id("T3");
    items[1].amount_minor = 7;

    cr_assert_eq(farm_ledger_post(session, items, 2, results), FARM_OK);

    cr_assert_eq(results[0].status, FARM_LEDGER_TRANSFER_CREATED);
    cr_assert_eq(results[0].amount_minor, 4);
    cr_assert_eq(results[0].debit.debits_posted_minor, 4);
    cr_assert_eq(results[0].debit.credits_posted_minor, 10);
    cr_assert_eq(results[0].credit.credits_posted_minor, 4);
    cr_assert_eq(results[1].status, FARM_LEDGER_TRANSFER_EXCEEDS_CREDITS);
    cr_assert_eq(results[1].timestamp_ns, 0);
    cr_assert_eq(results[1].amount_minor, 0);
    cr_assert_eq(results[1].debit.debits_posted_minor, 4); /* what was found */
    cr_assert_eq(results[1].debit.credits_posted_minor, 10);
    const int64_t when_ns = results[0].timestamp_ns;

    cr_assert_eq(farm_ledger_post(session, items, 1, results), FARM_OK);

    cr_assert_eq(results[0].status, FARM_LEDGER_TRANSFER_EXISTS);
    cr_assert_eq(results[0].timestamp_ns, when_ns);
    cr_assert_eq(results[0].debit.credits_posted_minor, 10);
}

Test(ledger_transfer, what_was_posted_is_found) {
    const farm_id ids[] = {ledger_script_id("T3"), ledger_script_id("T9"), ledger_script_id("T1")};
    farm_ledger_event found[3];
    for (int i = 0; i < 3; i++) found[i].struct_size = sizeof *found;
    play(ACCOUNTS "transfer T1 A1 A2 5 pending timeout=9s data128=U1 data64=-2 data32=-3 code=9\n"
                  "transfer T3 0 0 4 post hold=T1 book=0 code=0 effective=77\n");

    cr_assert_eq(farm_ledger_find_transfers(session, ids, 3, found), FARM_OK);

    cr_assert_eq(found[0].kind, FARM_LEDGER_KIND_POSTED);
    cr_assert_eq(found[0].amount_minor, 4);
    cr_assert_eq(found[0].code, 9);
    cr_assert_eq(found[0].user_data_64, -2);
    cr_assert_eq(found[0].effective_us, 77);
    cr_assert_eq(memcmp(&found[0].pending_id, &ids[2], sizeof *ids), 0);
    cr_assert_eq(found[0].debit.debits_posted_minor, 4);
    cr_assert_eq(found[1].book, 0);
    cr_assert_eq(found[2].kind, FARM_LEDGER_KIND_PENDING);
    cr_assert_eq(found[2].resolution, FARM_LEDGER_KIND_POSTED);
    cr_assert_eq(found[2].timeout_us, 9000000);
    cr_assert_eq(found[2].effective_us, found[2].timestamp_ns / 1000);
    cr_assert_eq(found[2].debit.debits_pending_minor, 5);
}

Test(ledger_transfer, a_batch_joins_the_transaction_of_its_caller) {
    play(ACCOUNTS);
    farm_ledger_transfer item = {.struct_size = sizeof item,
                                 .id = ledger_script_id("T1"),
                                 .debit_account_id = ledger_script_id("A1"),
                                 .credit_account_id = ledger_script_id("A2"),
                                 .amount_minor = 4,
                                 .code = 1,
                                 .book = 1};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_ledger_post(session, &item, 1, &result), FARM_OK);
    cr_assert_eq(result.status, FARM_LEDGER_TRANSFER_CREATED);
    farm_rollback(session);

    play("balance A1 0 0 0 0\n"
         "transfer T1 A1 A2 4 -> CREATED 4\n");
}
