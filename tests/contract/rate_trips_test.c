/* How often each operation of the rate limits goes to the store and back, as round_trips_test.c has
 * it for the others. */
#include "backend/decorators.h"
#include "contract.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define MINUTE_US INT64_C(60000000)

static farm_session *keeper; /* keeps the store */
static farm_session *session;
static farm_rate_state states[4];
static farm_rate_decision decision;

static const farm_rate_limit limits[] = {
    {.struct_size = sizeof *limits, .name = "bucket", .count = 9, .period_us = MINUTE_US},
    {.struct_size = sizeof *limits,
     .name = "window",
     .algorithm = 1,
     .count = 9,
     .period_us = MINUTE_US},
    {.struct_size = sizeof *limits,
     .name = "sliding",
     .algorithm = 2,
     .count = 9,
     .period_us = MINUTE_US},
    {.struct_size = sizeof *limits,
     .name = "holds",
     .algorithm = 3,
     .count = 9,
     .period_us = MINUTE_US},
};

static const farm_rate_request items[] = {
    {.struct_size = sizeof *items, .limit = "bucket", .subject = "s", .cost = 2},
    {.struct_size = sizeof *items, .limit = "window", .subject = "s", .cost = 2},
    {.struct_size = sizeof *items, .limit = "sliding", .subject = "s", .cost = 2},
    {.struct_size = sizeof *items, .limit = "holds", .subject = "s", .cost = 2},
};

static uint64_t counted(void) {
    decorator_counts counts;
    decorator_count_get(&counts);
    decorator_count_reset();
    return counts.round_trips;
}

static int32_t take(size_t first, size_t count) {
    cr_assert_eq(farm_rate_take(session, items + first, count, states, &decision), FARM_OK, "%s",
                 farm_session_error_text(session));
    return decision.allowed;
}

static void set_up(void) {
    char uri[1200];
    keeper = contract_open();
    cr_assert_not_null(
        decorator_register(&decorator_count, contract_is_postgres() ? "postgresql" : "sqlite"));
    snprintf(uri, sizeof uri, "count+%s", contract_uri());
    cr_assert_eq(farm_session_new(&session), FARM_OK);
    cr_assert_eq(farm_session_open(session, uri, NULL), FARM_OK, "%s",
                 farm_session_error_text(session));
    if (!contract_is_postgres()) cr_assert_eq(farm_migrate(session), FARM_OK);
    farm_session_set_service(session);
    farm_session_set_clock_us(session, CONTRACT_NOW_US);
    for (size_t i = 0; i < 4; i++) states[i].struct_size = sizeof states[i];
    decision.struct_size = sizeof decision;
    cr_assert_eq(farm_rate_define(session, limits, 4), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert(take(0, 1)); /* reads the limits */
    counted();
}

static void tear_down(void) {
    farm_session_free(session);
    contract_close(keeper);
}

TestSuite(rate_trips, .init = set_up, .fini = tear_down, .timeout = 60);

Test(rate_trips, a_take_is_one_of_whatever_kind) {
    for (size_t i = 0; i < 4; i++) {
        cr_assert(take(i, 1));
        cr_assert_eq(counted(), 1, "limit %zu", i);
    }
    cr_assert(take(0, 3));
    cr_assert_eq(counted(), 1);
    cr_assert(take(0, 4));
    cr_assert_eq(counted(), 1);
}

/* One alone, and several that are buckets, are told at once on a server; where a refusal must take
 * back what stands beside it, the states are asked for behind it. */
Test(rate_trips, a_refusal_of_buckets_is_one_and_of_what_is_mixed_two) {
    const uint64_t plain = contract_is_postgres() ? 1 : 2;
    while (take(0, 4)) counted();
    cr_assert_eq(counted(), 2);
    cr_assert_not(take(0, 4));
    cr_assert_eq(counted(), 2);
    while (take(0, 3)) counted();
    counted();
    cr_assert_not(take(0, 3));
    cr_assert_eq(counted(), plain);
    for (size_t i = 0; i < 3; i++) {
        while (take(i, 1)) counted();
        cr_assert_eq(counted(), plain, "limit %zu", i);
    }
}

Test(rate_trips, the_other_operations_are_one_each) {
    cr_assert(take(0, 4));
    const farm_id token = decision.token;
    counted();
    cr_assert_eq(farm_rate_peek(session, items, 4, states, &decision), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_rate_refund(session, &token, items, 4), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_rate_renew(session, &token, items, 4), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_rate_release(session, &token, items, 4), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_rate_release(session, &token, items, 3), FARM_OK); /* nothing held */
    cr_assert_eq(counted(), 0);
    cr_assert_eq(farm_rate_reset(session, items, 4), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_rate_define(session, limits, 4), FARM_OK);
    cr_assert_eq(counted(), 1);
    cr_assert_eq(farm_rate_set_shadow(session, 0), FARM_OK);
    cr_assert_eq(counted(), 1);
}

Test(rate_trips, a_change_costs_the_next_call_one_more) {
    const farm_rate_override ban = {
        .struct_size = sizeof ban, .rule = FARM_RATE_RULE_BAN, .limit = "bucket", .subject = "eve"};
    cr_assert_eq(farm_rate_define(session, limits, 1), FARM_OK);
    counted();
    cr_assert(take(0, 1));
    cr_assert_eq(counted(), 2);
    cr_assert(take(0, 1));
    cr_assert_eq(counted(), 1);
    /* Overrides are checked against the limits as they are now. */
    cr_assert_eq(farm_rate_override_put(session, &ban, 1), FARM_OK);
    cr_assert_eq(counted(), 2);
    cr_assert(take(0, 1));
    cr_assert_eq(counted(), 2);
}

Test(rate_trips, what_is_exempt_or_banned_needs_none) {
    const farm_rate_override items_own[] = {{.struct_size = sizeof *items_own,
                                             .rule = FARM_RATE_RULE_EXEMPT,
                                             .limit = "bucket",
                                             .subject = "s"},
                                            {.struct_size = sizeof *items_own,
                                             .rule = FARM_RATE_RULE_BAN,
                                             .limit = "window",
                                             .subject = "s"}};
    cr_assert_eq(farm_rate_override_put(session, items_own, 2), FARM_OK);
    cr_assert(take(0, 1));
    counted();

    cr_assert(take(0, 1));
    cr_assert_eq(counted(), 0);
    cr_assert_not(take(1, 1));
    cr_assert_eq(counted(), 0);
}

/* While the buckets from before a change are carried over, each take looks at them first. */
Test(rate_trips, a_change_that_carries_over_costs_more_for_a_time) {
    farm_rate_limit changed = limits[0];
    changed.count = 12;
    changed.on_change = FARM_RATE_CHANGE_KEEP;
    cr_assert_eq(farm_rate_define(session, &changed, 1), FARM_OK);
    cr_assert(take(0, 1));
    counted();

    cr_assert(take(0, 1));
    const uint64_t carrying = counted();
    cr_assert_eq(carrying, 3, "%d", (int)carrying); /* a transaction of two batches */
    farm_session_set_clock_us(session, CONTRACT_NOW_US + 3 * MINUTE_US);
    cr_assert(take(0, 1));
    cr_assert_eq(counted(), 1);
    /* Holds begin anew, so there is nothing to look at. */
    changed.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    changed.count = 5;
    cr_assert_eq(farm_rate_define(session, &changed, 1), FARM_OK);
    cr_assert(take(0, 1));
    counted();
    cr_assert(take(0, 1));
    cr_assert_eq(counted(), 1);
}
