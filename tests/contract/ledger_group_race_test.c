/* Groups that several change, sum and open at once. */
#include "contract/ledger_groups.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

TestSuite(ledger_group_race, .init = open_session, .fini = close_session, .timeout = 60);

static void open_groups(const char *text) {
    cr_assert_eq(ledger_groups_open(session, text), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static void put_in(const char *text) {
    cr_assert_eq(ledger_groups_change(session, farm_ledger_group_accounts, text), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static void take_out(const char *text) {
    cr_assert_eq(ledger_groups_change(session, farm_ledger_ungroup_accounts, text), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static int64_t group_count(void) {
    return contract_count(session, "farm_ledger_group");
}

static int64_t member_count(void) {
    return contract_count(session, "farm_ledger_member");
}

typedef struct other_call {
    farm_session *session;
    ledger_members_function function;
    const char *members;
    farm_status status;
} other_call;

static void *call_other(void *context) {
    other_call *self = context;
    self->status = ledger_groups_change(self->session, self->function, self->members);
    return NULL;
}

static void commit_beside_call(other_call *other) {
    other->session = contract_open_another();
    commit_beside(call_other, other);
    cr_assert_eq(other->status, FARM_OK, "%s", farm_session_error_text(other->session));
    contract_close_another(other->session);
    contract_assert_sound(session);
}

Test(ledger_group_race, two_who_put_the_same_account_in_at_once_both_have) {
    other_call other = {.function = farm_ledger_group_accounts, .members = "A2>G1 A1>G1"};
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    open_groups("G1");

    cr_assert_eq(farm_begin(session), FARM_OK);
    put_in("A1>G1 A3>G1");
    commit_beside_call(&other);

    cr_assert_eq(member_count(), 3);
}

Test(ledger_group_race, who_puts_in_what_another_takes_out_has_it_in) {
    other_call other = {.function = farm_ledger_group_accounts, .members = "A1>G1"};
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    open_groups("G1");
    put_in("A1>G1");

    cr_assert_eq(farm_begin(session), FARM_OK);
    take_out("A1>G1");
    commit_beside_call(&other);

    cr_assert_eq(member_count(), 1);
}

Test(ledger_group_race, two_who_take_the_same_out_at_once_both_have) {
    other_call other = {.function = farm_ledger_ungroup_accounts, .members = "A2>G1 A1>G1"};
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    open_groups("G1");
    put_in("A1>G1 A2>G1");

    cr_assert_eq(farm_begin(session), FARM_OK);
    take_out("A1>G1");
    commit_beside_call(&other);

    cr_assert_eq(member_count(), 0);
}

Test(ledger_group_race, an_account_that_is_being_opened_is_waited_for) {
    other_call other = {.function = farm_ledger_group_accounts, .members = "A6>G1"};
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    open_groups("G1");

    cr_assert_eq(farm_begin(session), FARM_OK);
    ledger_play(session, "account A6\n"
                         "send\n");
    commit_beside_call(&other);

    cr_assert_eq(member_count(), 1);
}

/* --- many --- */

enum { GROUPS = 40, ROUNDS = 30, OPENERS = 4 };

typedef struct opener {
    farm_session *session;
    int is_backwards;
    farm_status status;
} opener;

static farm_id numbered(uint8_t kind, int number) {
    return (farm_id){{kind, (uint8_t)(number >> 8), (uint8_t)number}};
}

/* Each in an order of its own, and below a group that is there. */
static void *open_many(void *context) {
    opener *self = context;
    for (int round = 0; round < ROUNDS && self->status == FARM_OK; round++) {
        farm_ledger_group items[GROUPS];
        for (int i = 0; i < GROUPS; i++)
            items[i] = (farm_ledger_group){
                .struct_size = sizeof *items,
                .book = 1,
                .id = numbered(7, round * GROUPS + (self->is_backwards ? GROUPS - 1 - i : i)),
                .parent_id = ledger_script_id("G1")};
        self->status = farm_ledger_open_groups(self->session, items, GROUPS);
    }
    return NULL;
}

Test(ledger_group_race, those_who_open_the_same_groups_at_once_are_all_told_that_they_are_open) {
    pthread_t threads[OPENERS];
    opener openers[OPENERS];
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    open_groups("G1");
    for (int i = 0; i < OPENERS; i++) {
        openers[i] = (opener){.session = contract_open_another(), .is_backwards = i % 2};
        cr_assert_eq(pthread_create(&threads[i], NULL, open_many, &openers[i]), 0);
    }
    for (int i = 0; i < OPENERS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(openers[i].status, FARM_OK, "%s", farm_session_error_text(openers[i].session));
        contract_close_another(openers[i].session);
    }
    cr_assert_eq(group_count(), 1 + ROUNDS * GROUPS);
    contract_assert_sound(session);
}

enum { TRANSFERS = 300 };

typedef struct poster {
    farm_session *session;
    farm_status status;
    atomic_int is_done;
} poster;

static void *post_many(void *context) {
    poster *self = context;
    for (int i = 0; i < TRANSFERS && self->status == FARM_OK; i++) {
        farm_ledger_transfer_result result = {.struct_size = sizeof result};
        const farm_ledger_transfer item = {
            .struct_size = sizeof item,
            .id = numbered(8, 1 + i),
            .debit_account_id = ledger_script_id(i % 3 ? "A1" : "A2"),
            .credit_account_id = ledger_script_id(i % 3 ? "A2" : "A3"),
            .amount_minor = 1 + i,
            .code = 1,
            .book = 1};
        self->status = farm_ledger_post(self->session, &item, 1, &result);
    }
    atomic_store(&self->is_done, 1);
    return NULL;
}

/* Of a transfer between two accounts of a group both sides are in its sum, or neither. */
Test(ledger_group_race, a_sum_is_of_one_moment) {
    pthread_t thread;
    poster other = {.session = contract_open_another()};
    const farm_id ids[] = {ledger_script_id("G1"), ledger_script_id("G2")};
    farm_ledger_group_total totals[2];
    ledger_play(session, LEDGER_GROUPS_BOOKS);
    open_groups("G1 G2<G1 G3");
    put_in("A1>G1 A2>G2 A3>G2 A3>G1");
    cr_assert_eq(pthread_create(&thread, NULL, post_many, &other), 0);
    int64_t looks = 0;
    for (int is_last = 0; !is_last; looks++) {
        is_last = atomic_load(&other.is_done);
        for (size_t i = 0; i < 2; i++) totals[i].struct_size = sizeof *totals;
        if (farm_ledger_sum_groups(session, ids, 2, totals) != FARM_OK) break;
        const farm_ledger_balances *all = &totals[0].balances;
        if (all->debits_posted_minor != all->credits_posted_minor) break;
        if (totals[1].balances.credits_posted_minor != all->credits_posted_minor) break;
    }
    pthread_join(thread, NULL);
    cr_assert_eq(other.status, FARM_OK);
    cr_assert_eq(totals[0].balances.debits_posted_minor, TRANSFERS * (TRANSFERS + 1) / 2,
                 "after %lld looks", (long long)looks);
    cr_assert_eq(totals[0].balances.credits_posted_minor, TRANSFERS * (TRANSFERS + 1) / 2);
    contract_close_another(other.session);
}
