/* How often an operation goes to the store and back: counted, so that one more is a failure. */
#include "backend/decorators.h"
#include "contract.h"
#include <criterion/criterion.h>
#include <stdio.h>

static farm_session *keeper; /* keeps the store */
static farm_session *session;

static void set_up(void) {
    char uri[1200];
    keeper = contract_open();
    const char *inner = contract_is_postgres() ? "postgresql" : "sqlite";
    cr_assert_not_null(decorator_register(&decorator_count, inner));
    snprintf(uri, sizeof uri, "count+%s", contract_uri());
    cr_assert_eq(farm_session_new(&session), FARM_OK);
    cr_assert_eq(farm_session_open(session, uri, NULL), FARM_OK, "%s",
                 farm_session_error_text(session));
    if (!contract_is_postgres()) cr_assert_eq(farm_migrate(session), FARM_OK);
    farm_session_set_service(session);
    farm_session_set_clock_us(session, CONTRACT_NOW_US);
}

static void tear_down(void) {
    farm_session_free(session);
    contract_close(keeper);
}

TestSuite(round_trips, .init = set_up, .fini = tear_down, .timeout = 60);

static uint64_t counted(void) {
    decorator_counts counts;
    decorator_count_get(&counts);
    decorator_count_reset();
    return counts.round_trips;
}

static int take(size_t count) {
    static const farm_rate_request requests[] = {
        {.struct_size = sizeof *requests, .limit = "a", .subject = "s", .cost = 1},
        {.struct_size = sizeof *requests, .limit = "b", .subject = "s", .cost = 1},
        {.struct_size = sizeof *requests, .limit = "c", .subject = "s", .cost = 1},
    };
    farm_rate_state states[3] = {{.struct_size = sizeof *states},
                                 {.struct_size = sizeof *states},
                                 {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    cr_assert_eq(farm_rate_take(session, requests, count, states, &decision), FARM_OK, "%s",
                 farm_session_error_text(session));
    return decision.allowed;
}

Test(round_trips, a_take_is_one_whether_of_one_limit_or_of_three) {
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits, .name = "a", .count = 3, .period_us = 60000000},
        {.struct_size = sizeof *limits, .name = "b", .count = 9, .period_us = 60000000},
        {.struct_size = sizeof *limits, .name = "c", .count = 9, .period_us = 60000000},
    };
    cr_assert_eq(farm_rate_define(session, limits, 3), FARM_OK);
    cr_assert(take(1)); /* reads the limits, too */
    counted();

    cr_assert(take(1));
    cr_assert_eq(counted(), 1);
    cr_assert(take(3));
    cr_assert_eq(counted(), 1);

    /* SQLite asks again for what it tells the one who is refused; that travels nowhere. */
    const uint64_t refused = contract_is_postgres() ? 1 : 2;
    cr_assert_not(take(1));
    cr_assert_eq(counted(), refused);
    cr_assert_not(take(3));
    cr_assert_eq(counted(), refused);
}

Test(round_trips, a_claim_is_one_and_so_is_its_answer) {
    farm_idempotency *claim = NULL;
    cr_assert_eq(farm_role_check(session, "warm", FARM_ROLE_READ), FARM_OK);
    counted();

    cr_assert_eq(farm_idempotency_begin(session, "ana", "k", "o", "r", 1, NULL, &claim), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_idempotency_finish(session, claim, 1, "yes", 3), FARM_OK);
    cr_assert_eq(counted(), 1);
    farm_idempotency_free(claim);
}

Test(round_trips, a_thousand_checks_of_roles_are_one) {
    static farm_role_question questions[FARM_ROLE_BATCH_MAX];
    static farm_status results[FARM_ROLE_BATCH_MAX];
    for (size_t i = 0; i < FARM_ROLE_BATCH_MAX; i++)
        questions[i] = (farm_role_question){
            .struct_size = sizeof *questions, .operation = FARM_ROLE_READ, .entity = "shop"};
    cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
    cr_assert_eq(farm_session_set_actor(session, "ana"), FARM_OK);
    counted();

    cr_assert_eq(farm_role_check(session, "shop", FARM_ROLE_PAY), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_role_check_many(session, questions, FARM_ROLE_BATCH_MAX, results), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(results[FARM_ROLE_BATCH_MAX - 1], FARM_OK);
}

Test(round_trips, in_a_transaction_of_the_callers_each_operation_is_one_and_the_commit_another) {
    cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
    farm_idempotency *claim = NULL;
    cr_assert_eq(farm_begin(session), FARM_OK);
    counted();

    cr_assert_eq(farm_idempotency_begin(session, "ana", "k", "o", "r", 1, NULL, &claim), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_commit(session), FARM_OK);
    cr_assert_eq(counted(), 1);
    farm_idempotency_free(claim);
}

Test(round_trips, a_signal_is_one_whether_of_one_topic_or_of_a_hundred) {
    static farm_topic topics[FARM_TOPIC_BATCH_MAX];
    for (size_t i = 0; i < FARM_TOPIC_BATCH_MAX; i++)
        topics[i] = (farm_topic){
            .struct_size = sizeof *topics, .owner = i % 2 ? "ana" : "ben", .topic = "inbox"};
    cr_assert_eq(farm_signal(session, topics, 1), FARM_OK);
    counted();

    cr_assert_eq(farm_signal(session, topics, 1), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_signal(session, topics, FARM_TOPIC_BATCH_MAX), FARM_OK);
    cr_assert_eq(counted(), 1);
}

static int64_t clock_us = CONTRACT_NOW_US;

static int32_t post(size_t count, int64_t amount_minor) {
    static uint8_t last_id;
    farm_ledger_transfer items[2];
    farm_ledger_transfer_result results[2];
    for (size_t i = 0; i < count; i++) {
        items[i] = (farm_ledger_transfer){.struct_size = sizeof *items,
                                          .id = {{9, ++last_id}},
                                          .debit_account_id = {{1}},
                                          .credit_account_id = {{2}},
                                          .amount_minor = amount_minor,
                                          .code = 1,
                                          .book = 1};
        results[i].struct_size = sizeof *results;
    }
    farm_session_set_clock_us(session, clock_us += 1000);
    cr_assert_eq(farm_ledger_post(session, items, count, results), FARM_OK, "%s",
                 farm_session_error_text(session));
    return results[count - 1].status;
}

static void open_ledger(void) {
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = 1, .asset = "EUR", .scale = 2};
    const farm_ledger_account accounts[2] = {
        {.struct_size = sizeof *accounts,
         .id = {{1}},
         .code = 1,
         .book = 1,
         .flags = FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS,
         .credit_limit_minor = 100},
        {.struct_size = sizeof *accounts, .id = {{2}}, .code = 1, .book = 1}};
    farm_ledger_account_result opened[2] = {{.struct_size = sizeof *opened},
                                            {.struct_size = sizeof *opened}};
    cr_assert_eq(farm_ledger_open_books(session, &book, 1), FARM_OK);
    cr_assert_eq(farm_ledger_open_accounts(session, accounts, 2, opened), FARM_OK);
    counted();
}

/* The beginning of a transaction is counted, and travels with what comes first in it. */
Test(round_trips, a_transfer_is_one_and_what_the_rules_decide_two) {
    open_ledger();

    cr_assert_eq(post(1, 1), FARM_LEDGER_TRANSFER_CREATED);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(post(2, 1), FARM_LEDGER_TRANSFER_CREATED);
    cr_assert_eq(counted(), 1 + 2);
    cr_assert_eq(post(1, 1000), FARM_LEDGER_TRANSFER_EXCEEDS_CREDITS);
    cr_assert_eq(counted(), 1 + 1 + 2);

    /* The account has seen a later time: another clock goes before this one, or who posts there had
     * to be waited for. */
    clock_us -= 1000000;
    cr_assert_eq(post(1, 1), FARM_LEDGER_TRANSFER_CREATED);
    cr_assert_eq(counted(), contract_is_postgres() ? 1 : 1 + 1 + 2);
}

Test(round_trips, groups_are_two_to_change_and_one_to_sum_however_many) {
    enum { GROUPS = 100 };
    static farm_ledger_group groups[GROUPS];
    static farm_ledger_member members[GROUPS];
    static farm_ledger_group_total totals[GROUPS];
    static farm_id ids[GROUPS];
    open_ledger();
    for (size_t i = 0; i < GROUPS; i++) {
        ids[i] = (farm_id){{7, (uint8_t)i}};
        groups[i] = (farm_ledger_group){.struct_size = sizeof *groups, .id = ids[i], .book = 1};
        if (i > 0) groups[i].parent_id = ids[(i - 1) / 2];
        members[i] = (farm_ledger_member){
            .struct_size = sizeof *members, .group_id = ids[i], .account_id = {{2}}};
        totals[i].struct_size = sizeof *totals;
    }
    cr_assert_eq(farm_ledger_open_groups(session, groups, GROUPS), FARM_OK);
    cr_assert_eq(counted(), 1 + 2);
    cr_assert_eq(farm_ledger_group_accounts(session, members, GROUPS), FARM_OK);
    cr_assert_eq(counted(), 1 + 2);
    cr_assert_eq(farm_ledger_sum_groups(session, ids, GROUPS, totals), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(totals[0].account_count, 1);
}

enum { NOMINATIONS = 100 };

/* What is nominated is read and then written, and who is nominated is found in one. */
Test(round_trips, nominations_are_two_to_make_and_one_to_find_however_many) {
    static farm_ledger_nomination items[NOMINATIONS];
    static farm_ledger_withdrawal ended[NOMINATIONS];
    static farm_ledger_nomination_result results[NOMINATIONS];
    static farm_ledger_nomination_row rows[NOMINATIONS];
    static char subjects[NOMINATIONS][8];
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = 1, .asset = "EUR", .scale = 2};
    const farm_ledger_program program = {
        .struct_size = sizeof program, .id = {{1}}, .book = 1, .name = "p"};
    farm_ledger_nominated found = {.struct_size = sizeof found};
    size_t count = 0;
    for (size_t i = 0; i < NOMINATIONS; i++) {
        snprintf(subjects[i], sizeof subjects[i], "%zu", i);
        items[i] = (farm_ledger_nomination){.struct_size = sizeof *items,
                                            .program_id = program.id,
                                            .subject = subjects[i],
                                            .nominated_by = "a"};
        ended[i] = (farm_ledger_withdrawal){.struct_size = sizeof *ended,
                                            .program_id = program.id,
                                            .subject = subjects[i],
                                            .withdrawn_by = "a"};
        results[i].struct_size = sizeof *results;
        rows[i].struct_size = sizeof *rows;
    }
    cr_assert_eq(farm_ledger_open_books(session, &book, 1), FARM_OK);
    cr_assert_eq(farm_ledger_open_programs(session, &program, 1), FARM_OK);
    (void)counted();
    cr_assert_eq(farm_ledger_nominate(session, items, NOMINATIONS, results), FARM_OK);
    cr_assert_eq(results[NOMINATIONS - 1].status, FARM_LEDGER_NOMINATION_CREATED);
    cr_assert_eq(counted(), 1 + 2);
    cr_assert_eq(
        farm_ledger_list_nominations(session, &program.id, 0, NULL, rows, NOMINATIONS, &count),
        FARM_OK);
    cr_assert_eq(count, NOMINATIONS);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_ledger_check_nominations(session, &program.id, 0, &program.id, 1, &found),
                 FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_ledger_withdraw_nominations(session, ended, NOMINATIONS, results), FARM_OK);
    cr_assert_eq(results[NOMINATIONS - 1].status, FARM_LEDGER_NOMINATION_CREATED);
    cr_assert_eq(counted(), 1 + 2);
}
