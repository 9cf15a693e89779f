/* Damage that no statement can do while the triggers stand: verification names it, and recomputing
 * finds what the balances have to be. */
#include "contract/ledger_damage.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_audit.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = 10 };

static farm_ledger_difference rows[ROOM];

static void set_up(void) {
    open_session();
    for (size_t i = 0; i < ROOM; i++) rows[i].struct_size = sizeof *rows;
}

TestSuite(ledger_audit, .init = set_up, .fini = close_session, .timeout = 60);

/* --- what is said of it --- */

static void expect_violation(const char *check) {
    char name[100];
    snprintf(name, sizeof name, "ledger_audit.%s", check);
    ledger_expect_violation(session, name);
}

static size_t recompute(int32_t is_repair) {
    size_t count = 0;
    cr_assert_eq(farm_ledger_recompute(session, 1, is_repair, rows, ROOM, &count), FARM_OK, "%s",
                 farm_session_error_text(session));
    return count;
}

static void play_story(void) {
    ledger_play(session, "book 1 EUR 2\n"
                         "book 2 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "account A3\n"
                         "account A4 closed debits<=credits\n"
                         "transfer T1 A1 A2 10\n"
                         "transfer T2 A1 A2 20\n"
                         "transfer T3 A2 A3 5 pending\n"
                         "transfer T4 0 0 max post hold=T3 book=0 code=0\n"
                         "transfer T5 A1 A2 30 pending\n"
                         "transfer T6 A3 A1 0 pending closing-debit\n"
                         "send\n");
    const farm_id limited = ledger_script_id("A4");
    cr_assert_eq(farm_ledger_change_credit_limit(session, &limited, 0, 7), FARM_OK);
    ledger_play(session, "verify\n");
}

static const char balances[] = "balance A1 30 30 0 0\n"
                               "balance A2 0 5 30 30\n"
                               "balance A3 0 0 0 5\n"
                               "balance A4 0 0 0 0\n"
                               "verify\n";

static void expect_repaired(size_t count) {
    cr_assert_eq(recompute(0), count);
    cr_assert_eq(recompute(0), count, "nothing was written");
    cr_assert_eq(recompute(1), count);
    cr_assert_eq(recompute(1), 0);
    ledger_play(session, balances);
}

Test(ledger_audit, what_is_right_stays_as_it_is) {
    play_story();
    expect_repaired(0);
    size_t count = 1;
    cr_assert_eq(farm_ledger_recompute(session, 2, 1, rows, ROOM, &count), FARM_OK);
    cr_assert_eq(count, 0);
}

Test(ledger_audit, a_balance_is_what_its_events_say) {
    static const struct {
        const char *text;
        const char *check;
    } cases[] = {
        {"UPDATE {farm_ledger_balance} SET credits_posted = 31 WHERE account = @2",
         "check_balances"},
        {"UPDATE {farm_ledger_balance} SET credits_posted = 31 WHERE account = @2",
         "check_conservation"},
        {"UPDATE {farm_ledger_balance} SET version = 9 WHERE account = @1", "check_balances"},
        {"UPDATE {farm_ledger_balance} SET credits_posted = 10, credits_pending = 0, "
         "debits_posted = 0, version = 1, last_ns = (SELECT timestamp_ns FROM {farm_ledger_event} "
         "WHERE id = #1) WHERE account = @2",
         "check_balances"},
        {"UPDATE {farm_ledger_balance} SET is_closed = 1 WHERE account = @1", "check_closed"},
        {"UPDATE {farm_ledger_balance} SET is_closed = 0 WHERE account = @3", "check_closed"},
        {"UPDATE {farm_ledger_balance} SET is_closed = 0 WHERE account = @4", "check_closed"},
        {"UPDATE {farm_ledger_balance} SET credit_limit = 9 WHERE account = @2", "check_limits"},
        {"UPDATE {farm_ledger_balance} SET credit_limit = 0 WHERE account = @4", "check_limits"},
        {"DELETE FROM {farm_ledger_balance} WHERE account = @2", "check_balances"},
        {"DELETE FROM {farm_ledger_balance} WHERE account = @4", "check_balances"},
    };
    play_story();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ledger_damage(session, cases[i].text);
        expect_violation(cases[i].check);
        expect_repaired(1);
    }
}

Test(ledger_audit, what_differs_is_said) {
    play_story();
    ledger_damage(session, "UPDATE {farm_ledger_balance} SET debits_posted = 7, version = 8, "
                           "is_closed = 0 WHERE account = @3");

    cr_assert_eq(recompute(0), 1);

    const farm_id third = ledger_script_id("A3");
    cr_assert_eq(memcmp(&rows[0].account_id, &third, sizeof third), 0);
    cr_assert_eq(rows[0].book, 1);
    cr_assert_eq(rows[0].kept_version, 8);
    cr_assert_eq(rows[0].version, 3);
    cr_assert_eq(rows[0].kept.debits_posted_minor, 7);
    cr_assert_eq(rows[0].balances.debits_posted_minor, 0);
    cr_assert_eq(rows[0].kept.credits_posted_minor, 5);
    cr_assert_eq(rows[0].balances.credits_posted_minor, 5);
    cr_assert_eq(rows[0].kept_is_closed, 0);
    cr_assert_eq(rows[0].is_closed, 1);
}

Test(ledger_audit, no_more_than_there_is_room_for) {
    size_t count = 0;
    play_story();
    ledger_damage(session, "UPDATE {farm_ledger_balance} SET version = version + 50");
    for (size_t left = 4; left > 0; left--) {
        cr_assert_eq(recompute(0), left);
        cr_assert_eq(farm_ledger_recompute(session, 1, 1, rows, 1, &count), FARM_OK, "%s",
                     farm_session_error_text(session));
        cr_assert_eq(count, 1);
    }
    expect_repaired(0);
}

/* Events are the truth: where they do not follow from each other, nothing can be reckoned. */
Test(ledger_audit, an_event_that_does_not_follow_is_named_and_nothing_is_written) {
    static const char *const texts[] = {
        "UPDATE {farm_ledger_event} SET amount = 11 WHERE id = #1",
        "UPDATE {farm_ledger_event} SET debit_debits_posted = 11 WHERE id = #1",
        "UPDATE {farm_ledger_event} SET credit_credits_pending = 1 WHERE id = #2",
        "UPDATE {farm_ledger_event} SET debit_previous_ns = debit_previous_ns - 1 WHERE id = #2",
        "UPDATE {farm_ledger_event} SET debit_version = 5 WHERE id = #2",
        "UPDATE {farm_ledger_event} SET credit_account = @3 WHERE id = #2",
        "UPDATE {farm_ledger_event} SET kind = 0, timeout_us = 0 WHERE id = #3",
        "DELETE FROM {farm_ledger_event} WHERE id = #2",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t count = 1;
        if (i > 0) {
            close_session();
            set_up();
        }
        play_story();
        ledger_damage(session, texts[i]);
        ledger_damage(session, "UPDATE {farm_ledger_balance} SET version = version + 50");

        expect_violation("check_history");
        cr_assert_eq(farm_ledger_recompute(session, 1, 1, rows, ROOM, &count), FARM_ECORRUPT, "%s",
                     texts[i]);
        cr_assert_eq(count, 0);
        cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_balance} "
                                              "WHERE version >= 50"),
                     4);
    }
}

Test(ledger_audit, the_last_event_is_missed) {
    play_story();
    ledger_damage(session, "DELETE FROM {farm_ledger_event} WHERE id = #6");
    expect_violation("check_balances");
    cr_assert_eq(recompute(0), 2);
}

Test(ledger_audit, holds_are_the_events_that_have_not_ended) {
    static const char *const texts[] = {
        "DELETE FROM {farm_ledger_hold} WHERE id = #5",
        "UPDATE {farm_ledger_hold} SET amount = 31 WHERE id = #5",
        "INSERT INTO {farm_ledger_hold} SELECT book, id, debit_account, credit_account, amount, 9 "
        "FROM {farm_ledger_event} WHERE id = #3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (i > 0) {
            close_session();
            set_up();
        }
        play_story();
        ledger_damage(session, texts[i]);
        expect_violation("check_holds");
    }
}

Test(ledger_audit, what_came_back_is_what_was_moved) {
    static const char *const texts[] = {
        "UPDATE {farm_ledger_event} SET amount = 4 WHERE id = #1",
        "UPDATE {farm_ledger_event} SET reversed_id = #3 WHERE id = #2",
        "UPDATE {farm_ledger_event} SET reversed_id = #9 WHERE id = #2",
        "UPDATE {farm_ledger_event} SET debit_account = credit_account, credit_account = "
        "debit_account WHERE id = #2",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (i > 0) {
            close_session();
            set_up();
        }
        ledger_play(session, "book 1 EUR 2\n"
                             "account A1\n"
                             "account A2\n"
                             "transfer T1 A1 A2 10\n"
                             "transfer T2 0 0 5 reverses=T1\n"
                             "transfer T3 A1 A2 10\n"
                             "verify\n");
        if (i == 1)
            ledger_damage(session, "UPDATE {farm_ledger_event} SET amount = 2 WHERE id = #3");
        ledger_damage(session, texts[i]);
        expect_violation("check_reversals");
    }
}

Test(ledger_audit, misuse_is_a_sentence) {
    size_t count = 1;
    ledger_play(session, "book 1 EUR 2\n");
    cr_assert_eq(farm_ledger_recompute(session, 0, 0, rows, ROOM, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_recompute(session, 1, 2, rows, ROOM, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_recompute(session, 1, 0, NULL, ROOM, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_recompute(session, 1, 0, rows, 0, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_recompute(session, 3, 0, rows, ROOM, &count), FARM_ENOTFOUND);
    cr_assert_eq(count, 0);
    farm_session_set_actor(session, "ana");
    cr_assert_eq(farm_ledger_recompute(session, 1, 0, rows, ROOM, &count), FARM_EDENIED);
}
