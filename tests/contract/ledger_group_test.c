/* Groups of accounts: trees, members, and what they come to. */
#include "contract/ledger_damage.h"
#include "contract/ledger_groups.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(ledger_group, .init = open_session, .fini = close_session, .timeout = 60);

static farm_status open_groups(const char *text) {
    return ledger_groups_open(session, text);
}

static farm_status put_in(const char *text) {
    return ledger_groups_change(session, farm_ledger_group_accounts, text);
}

static farm_status take_out(const char *text) {
    return ledger_groups_change(session, farm_ledger_ungroup_accounts, text);
}

static void expect(farm_status found, farm_status status, int32_t reason) {
    cr_assert_eq(found, status, "%s", farm_session_error_text(session));
    if (status != FARM_OK)
        cr_assert_eq(farm_session_error_reason(session), reason, "%d: %s",
                     (int)farm_session_error_reason(session), farm_session_error_text(session));
}

static farm_ledger_group_total total_of(const char *group) {
    const farm_id id = ledger_script_id(group);
    farm_ledger_group_total total = {.struct_size = sizeof total};
    cr_assert_eq(farm_ledger_sum_groups(session, &id, 1, &total), FARM_OK, "%s",
                 farm_session_error_text(session));
    return total;
}

static void expect_total(const char *group, int64_t accounts, farm_ledger_balances balances) {
    const farm_ledger_group_total found = total_of(group);
    cr_assert_eq(found.account_count, accounts, "%s: %lld accounts", group,
                 (long long)found.account_count);
    cr_assert(memcmp(&found.balances, &balances, sizeof balances) == 0, "%s: %lld %lld %lld %lld",
              group, (long long)found.balances.debits_pending_minor,
              (long long)found.balances.debits_posted_minor,
              (long long)found.balances.credits_pending_minor,
              (long long)found.balances.credits_posted_minor);
}

static int64_t group_count(void) {
    return contract_count(session, "farm_ledger_group");
}

static int64_t member_count(void) {
    return contract_count(session, "farm_ledger_member");
}

#define HAS(held, debits, incoming, credits)                                                       \
    ((farm_ledger_balances){(held), (debits), (incoming), (credits)})

/* --- sums --- */

Test(ledger_group, a_sum_is_of_all_that_is_below_and_each_account_once) {
    ledger_play(session, LEDGER_GROUPS_BOOKS "transfer T1 A1 A2 100\n"
                                             "transfer T2 A1 A3 20\n"
                                             "transfer T3 A2 A3 7 pending\n"
                                             "transfer T4 A1 A4 3\n");
    expect(open_groups("G1 G2<G1 G3<G1 G4<G3 G5"), FARM_OK, 0);
    expect(put_in("A2>G2 A3>G3 A3>G4 A4>G4 A2>G1 A1>G5 A3>G5"), FARM_OK, 0);

    expect_total("G4", 2, HAS(0, 0, 7, 23));
    expect_total("G3", 2, HAS(0, 0, 7, 23));
    expect_total("G2", 1, HAS(7, 0, 0, 100));
    expect_total("G1", 3, HAS(7, 0, 7, 123));
    expect_total("G5", 2, HAS(0, 123, 7, 20));
    ledger_play(session, "transfer T5 A1 A3 1\n"
                         "send\n");
    expect_total("G1", 3, HAS(7, 0, 7, 124));
    contract_assert_sound(session);
}

Test(ledger_group, many_groups_are_one_question_each_with_its_answer) {
    ledger_play(session, LEDGER_GROUPS_BOOKS "transfer T1 A1 A2 100\n"
                                             "send\n");
    expect(open_groups("G1 G2<G1 G3 G4@2"), FARM_OK, 0);
    expect(put_in("A1>G1 A2>G2 A5>G4"), FARM_OK, 0);
    static const struct {
        const char *group;
        int64_t book, accounts, debits, credits;
    } rows[] = {{"G9", 0, 0, 0, 0}, {"G1", 1, 2, 100, 100}, {"G3", 1, 0, 0, 0},
                {"0", 0, 0, 0, 0},  {"G2", 1, 1, 0, 100},   {"G4", 2, 1, 0, 0},
                {"A1", 0, 0, 0, 0}, {"G1", 1, 2, 100, 100}};
    enum { COUNT = sizeof rows / sizeof *rows };
    farm_id ids[COUNT];
    farm_ledger_group_total totals[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = ledger_script_id(rows[i].group);
        memset(&totals[i], 0xab, sizeof totals[i]);
        totals[i].struct_size = sizeof *totals;
    }
    cr_assert_eq(farm_ledger_sum_groups(session, ids, COUNT, totals), FARM_OK);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert(totals[i].book == rows[i].book && totals[i].account_count == rows[i].accounts &&
                      totals[i].balances.debits_posted_minor == rows[i].debits &&
                      totals[i].balances.credits_posted_minor == rows[i].credits,
                  "%s", rows[i].group);
}

Test(ledger_group, a_sum_that_does_not_fit_is_said_and_not_answered) {
    ledger_play(session, LEDGER_GROUPS_BOOKS "account A6\n"
                                             "transfer T1 A1 A2 max\n"
                                             "transfer T2 A3 A4 1 pending\n"
                                             "send\n");
    expect(open_groups("G1 G2"), FARM_OK, 0);
    expect(put_in("A2>G1 A6>G1 A3>G2 A1>G2"), FARM_OK, 0);
    expect_total("G1", 2, HAS(0, 0, 0, INT64_MAX));

    ledger_play(session, "transfer T3 A3 A6 1\n"
                         "send\n");
    static const char *const groups[] = {"G1", "G2"}; /* posted, and pending with posted */
    for (size_t i = 0; i < 2; i++) {
        const farm_id id = ledger_script_id(groups[i]);
        farm_ledger_group_total total = {.struct_size = sizeof total};
        expect(farm_ledger_sum_groups(session, &id, 1, &total), FARM_EREFUSED,
               FARM_LEDGER_REASON_SUM_OVERFLOWS);
        cr_assert_not_null(strstr(farm_session_error_text(session), "63 bits"));
        cr_assert_eq(total.account_count, 0, "nothing is answered");
    }
}

/* --- trees --- */

Test(ledger_group, a_group_stands_below_one_that_is_there) {
    static const struct {
        const char *groups;
        farm_status status;
        int32_t reason;
    } rows[] = {
        {"G2 G3<G4", FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN},
        {"G3<G2 G2", FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN},
        {"G2 G3<G3", FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN},
        {"G2 G3<A1", FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN},
        {"G2 G3@3", FARM_ENOTFOUND, FARM_LEDGER_REASON_BOOK_UNKNOWN},
        {"G2 G3<G1@2", FARM_EREFUSED, FARM_LEDGER_REASON_OTHER_BOOK},
        {"G2 G1@2", FARM_EEXISTS, FARM_LEDGER_REASON_GROUP_DIFFERS},
        {"G2 G1<G2", FARM_EEXISTS, FARM_LEDGER_REASON_GROUP_DIFFERS},
        {"G2 G1<G1", FARM_EEXISTS, FARM_LEDGER_REASON_GROUP_DIFFERS},
        {"G2 G2@2", FARM_EEXISTS, FARM_LEDGER_REASON_GROUP_DIFFERS},
        {"G2 0", FARM_EINVAL, 0},
        {"G2 max", FARM_EINVAL, 0},
        {"G2 G3@0", FARM_EINVAL, 0},
    };
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    expect(open_groups("G1"), FARM_OK, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect(open_groups(rows[i].groups), rows[i].status, rows[i].reason);
        cr_assert_eq(group_count(), 1, "%s: nothing of it happens", rows[i].groups);
    }
    expect(open_groups("G2<G1 G3<G2 G2<G1"), FARM_OK, 0);
    cr_assert_eq(group_count(), 3);
}

Test(ledger_group, a_repeat_changes_nothing) {
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    for (int i = 0; i < 3; i++) {
        expect(open_groups("G1 G2<G1"), FARM_OK, 0);
        expect(put_in("A1>G2 A2>G2 A1>G2"), FARM_OK, 0);
        cr_assert_eq(group_count(), 2);
        cr_assert_eq(member_count(), 2);
    }
    expect(open_groups("G1 G3<G2"), FARM_OK, 0);
    for (int i = 0; i < 3; i++) {
        expect(take_out("A2>G2 A3>G2 A2>G2 A2>G1"), FARM_OK, 0);
        cr_assert_eq(member_count(), 1);
    }
    expect_total("G1", 1, HAS(0, 0, 0, 0));
    expect(put_in("A2>G3"), FARM_OK, 0);
    expect_total("G1", 2, HAS(0, 0, 0, 0));
}

Test(ledger_group, sixteen_stand_below_each_other_and_no_more) {
    char text[20] = "G1";
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    for (int i = 1; i <= FARM_LEDGER_GROUP_DEPTH_MAX; i++) {
        expect(open_groups(text), FARM_OK, 0);
        snprintf(text, sizeof text, "G%d<G%d", i + 1, i);
    }
    expect(open_groups(text), FARM_EREFUSED, FARM_LEDGER_REASON_GROUP_TOO_DEEP);
    cr_assert_eq(group_count(), FARM_LEDGER_GROUP_DEPTH_MAX);
    expect(put_in("A1>G16"), FARM_OK, 0);
    expect_total("G1", 1, HAS(0, 0, 0, 0));
}

/* --- members --- */

Test(ledger_group, a_member_is_an_account_of_the_groups_book) {
    static const struct {
        const char *members;
        farm_status status;
        int32_t reason;
    } rows[] = {
        {"A2>G1 A1>G9", FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN},
        {"A2>G1 A1>0", FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN},
        {"A2>G1 A1>A1", FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN},
        {"A2>G1 A9>G1", FARM_ENOTFOUND, FARM_LEDGER_REASON_ACCOUNT_UNKNOWN},
        {"A2>G1 0>G1", FARM_ENOTFOUND, FARM_LEDGER_REASON_ACCOUNT_UNKNOWN},
        {"A2>G1 G1>G1", FARM_ENOTFOUND, FARM_LEDGER_REASON_ACCOUNT_UNKNOWN},
        {"A2>G1 A5>G1", FARM_EREFUSED, FARM_LEDGER_REASON_OTHER_BOOK},
        {"A2>G1 A1>G2", FARM_EREFUSED, FARM_LEDGER_REASON_OTHER_BOOK},
    };
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    expect(open_groups("G1 G2@2"), FARM_OK, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect(put_in(rows[i].members), rows[i].status, rows[i].reason);
        cr_assert_not_null(strstr(farm_session_error_text(session), "item 1"));
        cr_assert_eq(member_count(), 0, "%s: nothing of it happens", rows[i].members);
    }
    expect(put_in("A2>G1"), FARM_OK, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect(take_out(rows[i].members), rows[i].status, rows[i].reason);
        cr_assert_eq(member_count(), 1, "%s: nothing of it happens", rows[i].members);
    }
}

static size_t list(const char *group, int64_t after_ns, farm_ledger_account *rows,
                   size_t capacity) {
    const farm_id id = ledger_script_id(group);
    size_t count = 0;
    for (size_t i = 0; i < capacity; i++) rows[i].struct_size = sizeof *rows;
    cr_assert_eq(farm_ledger_list_group_accounts(session, &id, after_ns, rows, capacity, &count),
                 FARM_OK, "%s", farm_session_error_text(session));
    return count;
}

Test(ledger_group, its_own_accounts_are_listed_in_their_order_a_page_at_a_time) {
    static const char *const names[] = {"A1", "A3", "A4"};
    farm_ledger_account rows[4];
    int64_t after_ns = 0;
    ledger_play(session, LEDGER_GROUPS_BOOKS "transfer T1 A2 A3 5\n"
                                             "send\n");
    expect(open_groups("G1 G2<G1 G3@2"), FARM_OK, 0);
    expect(put_in("A4>G1 A3>G1 A1>G1 A2>G2 A5>G3"), FARM_OK, 0);

    for (size_t i = 0; i < 3; i++) {
        const farm_id id = ledger_script_id(names[i]);
        cr_assert_eq(list("G1", after_ns, rows, 1), 1);
        cr_assert(memcmp(&rows[0].id, &id, sizeof id) == 0, "%s", names[i]);
        after_ns = rows[0].timestamp_ns;
    }
    cr_assert_eq(list("G1", after_ns, rows, 1), 0);
    cr_assert_eq(list("G1", INT64_MAX, rows, 4), 0);
    cr_assert_eq(list("G1", 0, rows, 4), 3);
    cr_assert_eq(rows[1].balances.credits_posted_minor, 5);
    cr_assert_eq(list("G1", rows[0].timestamp_ns, rows, 2), 2);
    cr_assert_eq(list("G9", 0, rows, 4), 0);
}

/* --- what is no question --- */

Test(ledger_group, misuse_is_a_sentence) {
    const farm_id id = ledger_script_id("G1");
    farm_ledger_group group = {.struct_size = sizeof group, .id = id, .book = 1};
    farm_ledger_member member = {.struct_size = sizeof member, .group_id = id};
    farm_ledger_group_total total = {.struct_size = sizeof total};
    farm_ledger_account row = {.struct_size = sizeof row};
    size_t count = 1;
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    cr_assert_eq(farm_ledger_open_groups(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_open_groups(session, &group, 0), FARM_EINVAL);
    cr_assert_eq(farm_ledger_open_groups(session, &group, FARM_LEDGER_BATCH_MAX + 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_group_accounts(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_ungroup_accounts(session, &member, 0), FARM_EINVAL);
    cr_assert_eq(farm_ledger_sum_groups(session, NULL, 1, &total), FARM_EINVAL);
    cr_assert_eq(farm_ledger_sum_groups(session, &id, 0, &total), FARM_EINVAL);
    cr_assert_eq(farm_ledger_sum_groups(session, &id, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_group_accounts(session, NULL, 0, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_group_accounts(session, &id, -1, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_group_accounts(session, &id, 0, NULL, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_group_accounts(session, &id, 0, &row, 0, &count), FARM_EINVAL);
    cr_assert_eq(count, 0);
    group.struct_size = 1;
    cr_assert_eq(farm_ledger_open_groups(session, &group, 1), FARM_EINVAL);
    group.struct_size = sizeof group;
    act_as("ana");
    cr_assert_eq(farm_ledger_open_groups(session, &group, 1), FARM_EDENIED);
    cr_assert_eq(farm_ledger_group_accounts(session, &member, 1), FARM_EDENIED);
    cr_assert_eq(farm_ledger_ungroup_accounts(session, &member, 1), FARM_EDENIED);
    cr_assert_eq(farm_ledger_sum_groups(session, &id, 1, &total), FARM_EDENIED);
    cr_assert_eq(farm_ledger_list_group_accounts(session, &id, 0, &row, 1, &count), FARM_EDENIED);
}

Test(ledger_group, it_joins_the_transaction_of_its_caller) {
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    cr_assert_eq(farm_begin(session), FARM_OK);
    expect(open_groups("G1 G2<G1"), FARM_OK, 0);
    expect(put_in("A1>G2"), FARM_OK, 0);
    expect_total("G1", 1, HAS(0, 0, 0, 0));
    expect(put_in("A9>G2"), FARM_ENOTFOUND, FARM_LEDGER_REASON_ACCOUNT_UNKNOWN);
    farm_rollback(session);
    cr_assert_eq(group_count() + member_count(), 0);
}

/* --- who writes past the library --- */

#define COPY_OF(id, parent, depth)                                                                 \
    "INSERT INTO {farm_ledger_group} (book, id, parent_id, depth, parent_depth, created_us) "      \
    "SELECT g.book, " id ", " parent ", " depth ", " depth " - 1, 0 FROM {farm_ledger_group} AS "  \
    "g WHERE g.depth = 2"

Test(ledger_group, nobody_changes_a_tree_by_hand) {
    static const char *const attempts[] = {
        "UPDATE {farm_ledger_group} SET parent_id = id WHERE depth = 2",
        "UPDATE {farm_ledger_group} SET book = 2",
        "UPDATE {farm_ledger_group} SET created_us = 7",
        "UPDATE {farm_ledger_group} SET parent_id = (SELECT u.id FROM {farm_ledger_group} AS u "
        "WHERE u.depth = 1 ORDER BY u.id DESC LIMIT 1) WHERE depth = 2",
        "DELETE FROM {farm_ledger_group} WHERE id = (SELECT u.id FROM {farm_ledger_group} AS u "
        "WHERE u.depth = 1 ORDER BY u.id DESC LIMIT 1)",
        "DELETE FROM {farm_ledger_group} WHERE depth = 2",
        "UPDATE {farm_ledger_member} SET account = account + 1",
        "INSERT INTO {farm_ledger_member} (book, group_id, account) "
        "SELECT 2, group_id, 1 FROM {farm_ledger_member}",
        "INSERT INTO {farm_ledger_member} (book, group_id, account) "
        "SELECT book, group_id, 99 FROM {farm_ledger_member}",
        "INSERT INTO {farm_ledger_member} (book, group_id, account) "
        "SELECT book, group_id, account FROM {farm_ledger_member}",
        COPY_OF("g.id", "g.parent_id", "2"),
        COPY_OF("g.id", "NULL", "1"),
    };
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    expect(open_groups("G1 G2<G1 G4"), FARM_OK, 0);
    expect(put_in("A1>G2"), FARM_OK, 0);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        const farm_status status = contract_execute(session, "%s", attempts[i]);
        cr_assert(status == FARM_EREFUSED || status == FARM_ECONFLICT || status == FARM_EEXISTS,
                  "%s: %d %s", attempts[i], (int)status, farm_session_error_text(session));
    }
    expect_total("G1", 1, HAS(0, 0, 0, 0));
    contract_assert_sound(session);
}

/* A new group below G2, which stands at depth 2, is at depth 3 and nowhere else. */
Test(ledger_group, a_group_by_hand_has_the_depth_of_its_place) {
    static const char *const attempts[] = {
        COPY_OF("NEW", "g.id", "2"), COPY_OF("NEW", "g.id", "4"),  COPY_OF("NEW", "NEW", "3"),
        COPY_OF("NEW", "NULL", "3"), COPY_OF("NEW", "g.id", "17"), COPY_OF("NEW", "g.id", "1")};
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    expect(open_groups("G1 G2<G1"), FARM_OK, 0);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        char text[400];
        const char *literal = contract_is_postgres() ? "'\\x07070707070707070707070707070707'"
                                                     : "x'07070707070707070707070707070707'";
        size_t size = 0;
        for (const char *at = attempts[i]; *at != '\0';) {
            const int is_new = strncmp(at, "NEW", 3) == 0;
            size += (size_t)snprintf(text + size, sizeof text - size, "%.*s",
                                     is_new ? (int)strlen(literal) : 1, is_new ? literal : at);
            at += is_new ? 3 : 1;
        }
        const farm_status status = contract_execute(session, "%s", text);
        cr_assert(status == FARM_EREFUSED || status == FARM_ECONFLICT, "%s: %d %s", text,
                  (int)status, farm_session_error_text(session));
    }
    cr_assert_eq(group_count(), 2);
}

Test(ledger_group, a_group_that_was_moved_past_the_keys_is_found) {
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    expect(open_groups("G1 G2<G1 G3<G2"), FARM_OK, 0);
    contract_assert_sound(session);
    ledger_damage(session,
                  contract_is_postgres()
                      ? "ALTER TABLE {farm_ledger_group} "
                        "DROP CONSTRAINT farm_ledger_group_book_parent_id_parent_depth_fkey"
                      : "PRAGMA foreign_keys = off");
    ledger_damage(session, "UPDATE {farm_ledger_group} SET depth = 4, parent_depth = 3 "
                           "WHERE depth = 3");
    if (!contract_is_postgres()) ledger_damage(session, "PRAGMA foreign_keys = on");
    ledger_expect_violation(session, "ledger_group.check_groups");
}
