/* Credit limits that are changed after an account was opened. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_read.h>
#include <pthread.h>

TestSuite(ledger_limit, .init = open_session, .fini = close_session, .timeout = 60);

#define ACCOUNTS                                                                                   \
    "book 1 EUR 2\n"                                                                               \
    "account A1 debits<=credits limit=5\n"                                                         \
    "account A2\n"

static farm_status change(const char *account, int64_t from_minor, int64_t to_minor) {
    const farm_id id = ledger_script_id(account);
    return farm_ledger_change_credit_limit(session, &id, from_minor, to_minor);
}

static void expect_refusal(int64_t from_minor, int64_t to_minor, int32_t reason) {
    cr_assert_eq(change("A1", from_minor, to_minor), FARM_EREFUSED);
    cr_assert_eq(farm_session_error_reason(session), reason, "%s",
                 farm_session_error_text(session));
}

static int64_t limit_of(const char *account) {
    const farm_id id = ledger_script_id(account);
    farm_ledger_account found = {.struct_size = sizeof found};
    cr_assert_eq(farm_ledger_find_accounts(session, &id, 1, &found), FARM_OK);
    return found.credit_limit_minor;
}

Test(ledger_limit, what_is_posted_from_then_on_goes_by_it) {
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 6 -> EXCEEDS_CREDITS\n");
    cr_assert_eq(change("A1", 5, 9), FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_eq(limit_of("A1"), 9);
    ledger_play(session, "transfer T2 A1 A2 6\n"
                         "send\n"
                         "transfer T3 A1 A2 2 pending\n"
                         "transfer T4 A1 A2 2 -> EXCEEDS_CREDITS\n"
                         "verify\n");
    cr_assert_eq(change("A1", 9, 8), FARM_OK);
    ledger_play(session, "transfer T5 A1 A2 1 -> EXCEEDS_CREDITS\n"
                         "verify\n");
}

Test(ledger_limit, a_repeat_changes_nothing_and_another_value_is_refused) {
    ledger_play(session, ACCOUNTS);
    for (int i = 0; i < 3; i++) cr_assert_eq(change("A1", 5, 9), FARM_OK);
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_limit}"), 1);
    expect_refusal(5, 7, FARM_LEDGER_REASON_LIMIT_DIFFERS);
    cr_assert_eq(change("A1", 9, 5), FARM_OK, "the clock stands still");
    cr_assert_eq(change("A1", 5, 9), FARM_OK);
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_limit}"), 3);
    cr_assert_eq(limit_of("A1"), 9);
    contract_assert_sound(session);
}

static int64_t limit_at(int64_t timestamp_ns) {
    const farm_id ids[] = {ledger_script_id("A2"), ledger_script_id("A1")};
    farm_ledger_account found[] = {{.struct_size = sizeof *found}, {.struct_size = sizeof *found}};
    cr_assert_eq(farm_ledger_find_accounts_at(session, timestamp_ns, ids, 2, found), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(found[0].credit_limit_minor, 0);
    return found[1].credit_limit_minor;
}

Test(ledger_limit, an_account_as_it_was_has_the_limit_of_then) {
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(change("A1", 5, 9), FARM_OK);
    cr_assert_eq(change("A1", 9, 3), FARM_OK);
    const int64_t first_ns =
        contract_number(session, "SELECT MIN(timestamp_ns) FROM {farm_ledger_limit}");
    const int64_t second_ns =
        contract_number(session, "SELECT MAX(timestamp_ns) FROM {farm_ledger_limit}");
    cr_assert_eq(limit_at(first_ns - 1), 5);
    cr_assert_eq(limit_at(first_ns), 9);
    cr_assert_eq(limit_at(second_ns - 1), 9);
    cr_assert_eq(limit_at(second_ns), 3);
    cr_assert_eq(limit_at(INT64_MAX), 3);
}

/* The opening is compared with what it was opened with. */
Test(ledger_limit, an_account_that_is_opened_again_is_the_same) {
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(change("A1", 5, 9), FARM_OK);
    ledger_play(session, "account A1 debits<=credits limit=5 -> EXISTS\n"
                         "account A1 debits<=credits limit=9 -> "
                         "EXISTS_WITH_DIFFERENT_CREDIT_LIMIT\n");
    cr_assert_eq(limit_of("A1"), 9);
}

Test(ledger_limit, credit_that_is_used_is_not_taken_away) {
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 3\n"
                                  "transfer T2 A1 A2 1 pending\n");
    expect_refusal(5, 3, FARM_LEDGER_REASON_LIMIT_USED);
    cr_assert_eq(change("A1", 5, 4), FARM_OK);
    ledger_play(session, "transfer T3 A2 A1 4\n");
    cr_assert_eq(change("A1", 4, 0), FARM_OK);
    contract_assert_sound(session);
}

Test(ledger_limit, misuse_is_a_sentence) {
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(change("A9", 0, 1), FARM_ENOTFOUND);
    cr_assert_eq(change("A1", -1, 1), FARM_EINVAL);
    cr_assert_eq(change("A1", 5, -1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_change_credit_limit(session, NULL, 0, 1), FARM_EINVAL);
    cr_assert_eq(change("A2", 0, 1), FARM_EREFUSED);
    cr_assert_eq(farm_session_error_reason(session), FARM_LEDGER_REASON_UNLIMITED);
    act_as("ana");
    cr_assert_eq(change("A1", 5, 6), FARM_EDENIED);
    act_as_service();
    cr_assert_eq(change("A1", 5, INT64_MAX), FARM_OK);
    ledger_play(session, "transfer T1 A1 A2 max\n");
    cr_assert_eq(limit_of("A1"), INT64_MAX);
}

Test(ledger_limit, it_joins_the_transaction_of_its_caller) {
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(change("A1", 5, 9), FARM_OK);
    farm_rollback(session);
    cr_assert_eq(limit_of("A1"), 5);
}

Test(ledger_limit, nobody_changes_it_by_hand) {
    static const char *const attempts[] = {
        "UPDATE {farm_ledger_balance} SET credit_limit = 100 WHERE credit_limit = 9",
        "UPDATE {farm_ledger_balance} SET credit_limit = 5 WHERE credit_limit = 9",
        "UPDATE {farm_ledger_limit} SET credit_limit = 100",
        "DELETE FROM {farm_ledger_limit}",
    };
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(change("A1", 5, 7), FARM_OK);
    cr_assert_eq(change("A1", 7, 9), FARM_OK);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        cr_assert_eq(contract_execute(session, "%s", attempts[i]), FARM_EREFUSED, "%s",
                     attempts[i]);
    cr_assert_eq(limit_of("A1"), 9);
}

/* --- two at once: he who comes second is told --- */

typedef struct other_change {
    farm_session *session;
    farm_status status;
    int32_t reason;
} other_change;

static void *change_other(void *context) {
    other_change *self = context;
    const farm_id id = ledger_script_id("A1");
    self->status = farm_ledger_change_credit_limit(self->session, &id, 5, 7);
    self->reason = farm_session_error_reason(self->session);
    return NULL;
}

Test(ledger_limit, of_two_who_change_it_at_once_one_is_told) {
    pthread_t thread;
    other_change other = {.session = contract_open_another()};
    ledger_play(session, ACCOUNTS);

    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(change("A1", 5, 9), FARM_OK);
    cr_assert_eq(pthread_create(&thread, NULL, change_other, &other), 0);
    cr_assert_eq(farm_commit(session), FARM_OK);
    pthread_join(thread, NULL);

    cr_assert_eq(other.status, FARM_EREFUSED);
    cr_assert_eq(other.reason, FARM_LEDGER_REASON_LIMIT_DIFFERS);
    cr_assert_eq(limit_of("A1"), 9);
    contract_close_another(other.session);
    contract_assert_sound(session);
}
