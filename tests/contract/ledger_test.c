/* What the ledger promises, as scripts (ledger_script.h). The tests of transfers are in
 * ledger_transfer_test.c. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(ledger, .init = open_session, .fini = close_session, .timeout = 60);

/* --- books --- */

static farm_status open_book(int64_t number, const char *asset, int32_t scale) {
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = number, .asset = asset, .scale = scale};
    return farm_ledger_open_books(session, &book, 1);
}

Test(ledger, a_book_is_opened_once_and_never_changed) {
    cr_assert_eq(open_book(1, "EUR", 2), FARM_OK);
    cr_assert_eq(open_book(1, "EUR", 2), FARM_OK);
    cr_assert_eq(open_book(1, "EUR", 3), FARM_EEXISTS);
    cr_assert_eq(farm_session_error(session)->reason, FARM_LEDGER_REASON_BOOK_DIFFERS);
    cr_assert_eq(open_book(1, "USD", 2), FARM_EEXISTS);

    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_book}"), 1);
}

Test(ledger, of_several_books_all_are_opened_or_none) {
    const farm_ledger_book books[] = {
        {.struct_size = sizeof *books, .book = 2, .asset = "USD", .scale = 2},
        {.struct_size = sizeof *books, .book = 1, .asset = "USD", .scale = 2}};
    cr_assert_eq(open_book(1, "EUR", 2), FARM_OK);

    cr_assert_eq(farm_ledger_open_books(session, books, 2), FARM_EEXISTS);

    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_book}"), 1);
}

Test(ledger, a_book_that_cannot_be_is_a_sentence) {
    cr_assert_eq(open_book(0, "EUR", 2), FARM_EINVAL);
    cr_assert_eq(open_book(-1, "EUR", 2), FARM_EINVAL);
    cr_assert_eq(open_book(1, NULL, 2), FARM_EINVAL);
    cr_assert_eq(open_book(1, "", 2), FARM_EINVAL);
    cr_assert_eq(open_book(1, "E R", 2), FARM_EINVAL);
    cr_assert_eq(open_book(1, "EUREUREUREUREUREU", 2), FARM_EINVAL);
    cr_assert_eq(open_book(1, "EUR", 19), FARM_EINVAL);
    cr_assert_eq(open_book(1, "EUR", -1), FARM_EINVAL);
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_book}"), 0);
}

/* --- accounts --- */

Test(ledger, accounts_are_checked_in_this_order) {
    ledger_play(
        session,
        "book 1 EUR 2\n"
        "book 2 USD 2\n"
        "account A1 version=1 no-such-flag -> RESERVED_FIELD\n"
        "account 0 no-such-flag code=-1 -> RESERVED_FLAG\n"
        "account 0 code=-1 book=-1 -> CODE_OUT_OF_RANGE\n"
        "account 0 code=65536 -> CODE_OUT_OF_RANGE\n"
        "account 0 book=-1 limit=-1 -> LEDGER_OUT_OF_RANGE\n"
        "account 0 limit=-1 -> CREDIT_LIMIT_OUT_OF_RANGE\n"
        "account 0 debits<=credits credits<=debits -> ID_MUST_NOT_BE_ZERO\n"
        "account max debits<=credits credits<=debits -> ID_MUST_NOT_BE_INT_MAX\n"
        "account A1 debits<=credits credits<=debits dp=1 -> FLAGS_ARE_MUTUALLY_EXCLUSIVE\n"
        "account A1 dp=1 dd=1 -> DEBITS_PENDING_MUST_BE_ZERO\n"
        "account A1 dd=1 cp=1 -> DEBITS_POSTED_MUST_BE_ZERO\n"
        "account A1 cp=1 cc=1 -> CREDITS_PENDING_MUST_BE_ZERO\n"
        "account A1 cc=1 book=0 -> CREDITS_POSTED_MUST_BE_ZERO\n"
        "account A1 book=0 code=0 -> LEDGER_MUST_NOT_BE_ZERO\n"
        "account A1 code=0 limit=5 -> CODE_MUST_NOT_BE_ZERO\n"
        "account A1 limit=5 book=9 -> CREDIT_LIMIT_OUT_OF_RANGE\n"
        "account A1 book=9 -> LEDGER_NOT_FOUND\n"
        "account A1 timestamp=5 -> TIMESTAMP_MUST_BE_ZERO\n"
        "account A1 debits<=credits history limit=7 data128=U1 data64=2 data32=3 code=65535\n"
        "send\n"
        "account A1 history limit=7 data128=U2 -> EXISTS_WITH_DIFFERENT_FLAGS\n"
        "account A1 debits<=credits history data64=3 -> EXISTS_WITH_DIFFERENT_USER_DATA_128\n"
        "account A1 debits<=credits history data128=U1 -> EXISTS_WITH_DIFFERENT_USER_DATA_64\n"
        "account A1 debits<=credits history data128=U1 data64=2 book=2 "
        "-> EXISTS_WITH_DIFFERENT_USER_DATA_32\n"
        "account A1 debits<=credits history data128=U1 data64=2 data32=3 book=2 "
        "-> EXISTS_WITH_DIFFERENT_LEDGER\n"
        "account A1 debits<=credits history data128=U1 data64=2 data32=3 code=2 "
        "-> EXISTS_WITH_DIFFERENT_CODE\n"
        "account A1 debits<=credits history data128=U1 data64=2 data32=3 code=65535 "
        "-> EXISTS_WITH_DIFFERENT_CREDIT_LIMIT\n"
        "account A1 debits<=credits history data128=U1 data64=2 data32=3 code=65535 limit=7 "
        "-> EXISTS\n"
        "balance A1 0 0 0 0\n");
}

Test(ledger, accounts_of_a_chain_are_opened_together_or_not) {
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1 linked -> LINKED_EVENT_FAILED\n"
                         "account A2 linked code=0 -> CODE_MUST_NOT_BE_ZERO\n"
                         "account A3 linked -> LINKED_EVENT_FAILED\n"
                         "account A4 -> LINKED_EVENT_FAILED\n"
                         "account A5\n"
                         "account A6 linked\n"
                         "account A7\n"
                         "account A8 linked -> LINKED_EVENT_FAILED\n"
                         "account A9 linked -> LINKED_EVENT_CHAIN_OPEN\n"
                         "send\n"
                         "account A1\n"
                         "account A5 -> EXISTS\n"
                         "account A6 linked -> EXISTS\n"
                         "account A7 -> LINKED_EVENT_FAILED\n" /* EXISTS breaks a chain, too */
                         "account A7 -> EXISTS\n"
                         "account A8\n"
                         "account A8 -> EXISTS\n");
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_account}"), 5);
}

Test(ledger, accounts_of_the_past_are_imported_in_their_order) {
    ledger_play(session,
                "book 1 EUR 2\n"
                "book 2 EUR 2\n"
                "account A1 imported ago=9s\n"
                "account A2 -> IMPORTED_EVENT_EXPECTED\n"
                "account A3 imported -> IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE\n"
                "account A3 imported timestamp=-1 -> IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE\n"
                "account A3 imported ago=0s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE\n"
                "account A3 imported ago=-5s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE\n"
                "account A3 imported ago=9s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS\n"
                "account A3 imported ago=10s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS\n"
                "account A3 imported ago=8s\n"
                "send\n"
                "account A4 imported ago=8s -> IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS\n"
                "account A5 imported ago=8s book=2\n"
                "send\n"
                "account A6\n"
                "account A7 imported ago=1s -> IMPORTED_EVENT_NOT_EXPECTED\n");
}

/* Though the clock stands still. */
Test(ledger, accounts_that_are_opened_one_by_one_follow_each_other) {
    int64_t last_ns = 0;
    ledger_play(session, "book 1 EUR 2\n");
    for (int i = 0; i < 300; i++) {
        farm_ledger_account account = {.struct_size = sizeof account, .code = 1, .book = 1};
        farm_ledger_account_result result = {.struct_size = sizeof result};
        char word[16];
        snprintf(word, sizeof word, "A%d", i);
        account.id = ledger_script_id(word);
        cr_assert_eq(farm_ledger_open_accounts(session, &account, 1, &result), FARM_OK, "%s",
                     farm_session_error_text(session));
        cr_assert_eq(result.status, FARM_LEDGER_ACCOUNT_CREATED);
        cr_assert_gt(result.timestamp_ns, last_ns);
        last_ns = result.timestamp_ns;
    }
}

Test(ledger, what_was_opened_is_found) {
    const farm_id ids[] = {ledger_script_id("A2"), ledger_script_id("A9"), ledger_script_id("A1"),
                           ledger_script_id("A2")};
    farm_ledger_account found[4];
    for (int i = 0; i < 4; i++) found[i].struct_size = sizeof *found;
    ledger_play(session, "book 3 EUR 2\n"
                         "account A1 book=3\n"
                         "account A2 book=3 debits<=credits closed limit=5 code=9 data128=U1 "
                         "data64=-2 data32=-3\n");

    cr_assert_eq(farm_ledger_find_accounts(session, ids, 4, found), FARM_OK);

    cr_assert_eq(memcmp(&found[0].id, &ids[0], sizeof ids[0]), 0);
    cr_assert_eq(found[0].flags,
                 FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS | FARM_LEDGER_ACCOUNT_CLOSED);
    cr_assert_eq(found[0].book, 3);
    cr_assert_eq(found[0].code, 9);
    cr_assert_eq(found[0].credit_limit_minor, 5);
    cr_assert_eq(found[0].user_data_64, -2);
    cr_assert_eq(found[0].user_data_32, -3);
    cr_assert_gt(found[0].timestamp_ns, found[2].timestamp_ns);
    cr_assert_eq(found[1].book, 0);
    cr_assert_eq(memcmp(&found[3], &found[0], sizeof *found), 0);
}

/* --- who may --- */

Test(ledger, only_the_service_may) {
    farm_ledger_account account = {.struct_size = sizeof account};
    farm_ledger_transfer transfer = {.struct_size = sizeof transfer};
    farm_ledger_account_result opened = {.struct_size = sizeof opened};
    farm_ledger_transfer_result posted = {.struct_size = sizeof posted};
    farm_ledger_event event = {.struct_size = sizeof event};
    const farm_id id = ledger_script_id("A1");
    size_t count = 9;
    farm_session_set_actor(session, "ann");
    cr_assert_eq(open_book(1, "EUR", 2), FARM_EDENIED);
    cr_assert_eq(farm_ledger_open_accounts(session, &account, 1, &opened), FARM_EDENIED);
    cr_assert_eq(farm_ledger_post(session, &transfer, 1, &posted), FARM_EDENIED);
    cr_assert_eq(farm_ledger_expire(session, 1, &count), FARM_EDENIED);
    cr_assert_eq(farm_ledger_find_accounts(session, &id, 1, &account), FARM_EDENIED);
    cr_assert_eq(farm_ledger_find_transfers(session, &id, 1, &event), FARM_EDENIED);
    cr_assert_eq(count, 0);
}

Test(ledger, misuse_is_a_sentence) {
    farm_ledger_transfer transfer = {.struct_size = sizeof transfer};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    farm_ledger_account account = {.struct_size = sizeof account};
    const farm_id id = ledger_script_id("A1");
    cr_assert_eq(farm_ledger_post(session, NULL, 1, &result), FARM_EINVAL);
    cr_assert_eq(farm_ledger_post(session, &transfer, 0, &result), FARM_EINVAL);
    cr_assert_eq(farm_ledger_post(session, &transfer, FARM_LEDGER_BATCH_MAX + 1, &result),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_post(session, &transfer, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_accounts(session, NULL, 1, &account), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_accounts(session, &id, 0, &account), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_accounts(session, &id, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_expire(session, 0, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_expire(session, FARM_LEDGER_BATCH_MAX + 1, NULL), FARM_EINVAL);
    transfer.struct_size = 3;
    cr_assert_eq(farm_ledger_post(session, &transfer, 1, &result), FARM_EINVAL);
}

/* --- what the database itself refuses --- */

Test(ledger, nobody_edits_by_hand) {
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2 debits<=credits\n"
                         "transfer T1 A1 A2 5\n"
                         "send\n"
                         "transfer T2 A2 A1 3\n"
                         "transfer T3 A1 A2 3\n"
                         "close 1 1s\n");
    static const char *const attempts[] = {
        "UPDATE {farm_ledger_balance} SET version = 0, debits_posted = 0, credits_posted = 0",
        "UPDATE {farm_ledger_balance} SET version = 1, last_ns = (SELECT MIN(timestamp_ns) FROM "
        "{farm_ledger_event}), debits_posted = 0, credits_posted = 5 WHERE credits_posted = 8",
        "UPDATE {farm_ledger_book} SET scale = 3",
        "UPDATE {farm_ledger_book} SET closed_through_us = 6",
        "DELETE FROM {farm_ledger_book}",
        "UPDATE {farm_ledger_event} SET amount = 6",
        "DELETE FROM {farm_ledger_event}",
        "UPDATE {farm_ledger_account} SET flags = 0",
        "DELETE FROM {farm_ledger_account}",
        "UPDATE {farm_ledger_balance} SET credits_posted = 9 WHERE credits_posted = 8",
        "UPDATE {farm_ledger_balance} SET debits_posted = 2 WHERE credits_posted = 8",
        "UPDATE {farm_ledger_balance} SET flags = 0 WHERE credits_posted = 8",
        "DELETE FROM {farm_ledger_balance}"};
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        cr_assert_eq(contract_execute(session, "%s", attempts[i]), FARM_EREFUSED, "%s",
                     attempts[i]);
    ledger_play(session, "balance A2 0 3 0 8\n");
}

/* A reversal by hand of the one transfer that there is. */
static farm_status reverse_by_hand(const char *debit, const char *credit, int amount) {
    farm_status status = farm_begin(session);
    if (status == FARM_OK)
        status = contract_execute(
            session,
            "INSERT INTO {farm_ledger_event} (book, timestamp_ns, kind, id, debit_account, "
            "credit_account, amount, reversed_id, timeout_us, code, flags, user_data_64, "
            "user_data_32, effective_us, debit_previous_ns, credit_previous_ns, debit_version, "
            "debit_debits_pending, debit_debits_posted, debit_credits_pending, "
            "debit_credits_posted, credit_version, credit_debits_pending, credit_debits_posted, "
            "credit_credits_pending, credit_credits_posted) "
            "SELECT e.book, e.timestamp_ns + 5000, 5, a.id, e.%s, e.%s, %d, e.id, 0, 1, 0, 0, 0, "
            "1, "
            "e.timestamp_ns, e.timestamp_ns, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0 "
            "FROM {farm_ledger_event} AS e, {farm_ledger_account} AS a WHERE a.number = 1",
            debit, credit, amount);
    farm_rollback(session);
    return status;
}

Test(ledger, nobody_reverses_more_by_hand) {
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "transfer T1 A1 A2 5\n");
    cr_assert_eq(reverse_by_hand("credit_account", "debit_account", 5), FARM_OK);
    cr_assert_eq(reverse_by_hand("credit_account", "debit_account", 6), FARM_EREFUSED);
    cr_assert_eq(reverse_by_hand("debit_account", "credit_account", 5), FARM_EREFUSED);
}
