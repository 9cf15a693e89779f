/* Takes while the store cannot be asked: closed, open, or counted in the process. */
#include "rate/rate_load.h"
#include "process_store.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_process, .init = open_process, .fini = close_process, .timeout = 60);

static farm_status take_status(const farm_rate_request *items, size_t count) {
    return farm_rate_take(session, items, count, states, &decision);
}

static farm_status take_one(const char *limit) {
    const farm_rate_request item = request_of(limit, "ann", 1);
    return take_status(&item, 1);
}

static void define_three(void) {
    define_limit((farm_rate_limit){.name = "closed", .count = 10});
    define_limit(
        (farm_rate_limit){.name = "open", .count = 10, .on_error = FARM_RATE_ON_ERROR_OPEN});
    define_limit((farm_rate_limit){
        .name = "local", .count = 10, .on_error = FARM_RATE_ON_ERROR_LOCAL, .node_count = 4});
}

/* It is let through, and the store is asked or is not. */
static void expect_take(const char *limit, const char *subject, int32_t is_degraded) {
    cr_assert(take(limit, subject, 1));
    cr_assert_eq(decision.is_degraded, is_degraded);
}

/* Of a limit that refuses nobody: what it says, and what is left. */
static void expect_cost(const char *limit, int64_t cost, int32_t fits, int64_t remaining) {
    const farm_rate_request item = request_of(limit, "ann", cost);
    take_all(&item, 1);
    cr_assert(decision.allowed);
    cr_assert_eq(states[0].allowed, fits);
    cr_assert_eq(states[0].remaining, remaining);
}

/* Failures of any kind, so that the breaker opens. */
static void fail_three_times(void) {
    store_fails(FARM_EUNAVAILABLE);
    for (int i = 0; i < 3; i++) cr_assert(take("open", "zoe", 1));
}

Test(rate_process, a_closed_limit_answers_what_the_store_says) {
    define_three();
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(take_one("closed"), FARM_EUNAVAILABLE);
    cr_assert_not_null(strstr(farm_session_error_text(session), "test"));
    store_fails(FARM_OK);
    expect_take("closed", "ann", 0);
}

Test(rate_process, an_open_limit_lets_all_through) {
    static const farm_status outages[] = {FARM_EUNAVAILABLE, FARM_ETIMEOUT, FARM_EUNCERTAIN,
                                          FARM_EREADONLY, FARM_EFULL};
    define_three();
    cr_assert(take("open", "ann", 10));
    cr_assert_not(take("open", "ann", 1));
    for (size_t i = 0; i < sizeof outages / sizeof *outages; i++) {
        store_fails(outages[i]);
        expect_take("open", "ann", 1);
        cr_assert_eq(states[0].source, FARM_RATE_SOURCE_OPEN);
        cr_assert_eq(states[0].remaining, 10);
        cr_assert(is_zero(&decision.token));
        cr_assert_str_eq(farm_session_error_text(session), "");
    }
    store_fails(FARM_OK);
    pass(SECOND_US);
    cr_assert_not(take("open", "ann", 1));
    cr_assert_eq(decision.is_degraded, 0);
}

Test(rate_process, what_is_no_outage_is_not_hidden) {
    define_three();
    store_fails(FARM_EDENIED);
    cr_assert_eq(take_one("open"), FARM_EDENIED);
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(take_one("unknown"), FARM_ENOTFOUND);
    const farm_rate_request wrong = request_of("open", "ann", -1);
    cr_assert_eq(take_status(&wrong, 1), FARM_EINVAL);
    const farm_rate_request never = request_of("local", "ann", 11);
    take_all(&never, 1);
    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.is_never, 1);
}

Test(rate_process, a_local_limit_counts_one_nodes_part) {
    define_three();
    store_fails(FARM_EUNAVAILABLE);
    for (int64_t left = 2; left >= 0; left--) {
        expect_take("local", "ann", 1);
        cr_assert_eq(states[0].source, FARM_RATE_SOURCE_LOCAL);
        cr_assert_eq(states[0].burst, 3);
        cr_assert_eq(states[0].remaining, left);
    }
    cr_assert_not(take("local", "ann", 1));
    /* 10 a day over 4 nodes are 1 in 9.6 hours. */
    const int64_t wait_us = 24 * HOUR_US * 4 / 10;
    cr_assert_eq(decision.retry_after_us, wait_us);
    cr_assert(take("local", "bob", 3));
    pass(wait_us - 1);
    cr_assert_not(take("local", "ann", 1));
    pass(1);
    cr_assert(take("local", "ann", 1));
    cr_assert_not(take("local", "ann", 1));
}

Test(rate_process, a_local_limit_is_charged_the_cost_and_not_a_lease) {
    define_limit((farm_rate_limit){
        .name = "local", .count = 10, .on_error = FARM_RATE_ON_ERROR_LOCAL, .lease_count = 5});
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(take_until_refused("local", "ann", 1), 10);
    cr_assert_eq(decision.is_degraded, 1);
}

Test(rate_process, a_lease_is_used_up_before) {
    define_limit((farm_rate_limit){
        .name = "local", .count = 10, .on_error = FARM_RATE_ON_ERROR_OPEN, .lease_count = 3});
    cr_assert(take("local", "ann", 1));
    store_fails(FARM_EUNAVAILABLE);
    for (int i = 0; i < 2; i++) {
        cr_assert(take("local", "ann", 1));
        cr_assert_eq(states[0].source, FARM_RATE_SOURCE_LEASE);
        cr_assert_eq(decision.is_degraded, 0);
    }
    cr_assert(take("local", "ann", 1));
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_OPEN);
    store_fails(FARM_OK);
    pass(SECOND_US);
    cr_assert_eq(left_in_store("local", "ann"), 7);
}

Test(rate_process, what_a_subject_has_of_its_own_is_not_divided) {
    const farm_rate_override own[] = {{.struct_size = sizeof own[0],
                                       .rule = FARM_RATE_RULE_OVERRIDE,
                                       .limit = "local",
                                       .subject = "ann",
                                       .burst = 8,
                                       .count = 8},
                                      {.struct_size = sizeof own[0],
                                       .rule = FARM_RATE_RULE_BAN,
                                       .limit = "local",
                                       .subject = "eve"},
                                      {.struct_size = sizeof own[0],
                                       .rule = FARM_RATE_RULE_EXEMPT,
                                       .limit = "local",
                                       .subject = "joe"}};
    define_three();
    cr_assert_eq(farm_rate_override_put(session, own, 3), FARM_OK);
    cr_assert(take("local", "zoe", 1));
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(take_until_refused("local", "ann", 1), 8);
    cr_assert_not(take("local", "eve", 1));
    cr_assert_eq(decision.is_degraded, 1);
    for (int i = 0; i < 20; i++) cr_assert(take("local", "joe", 1));
}

Test(rate_process, of_several_limits_each_goes_its_own_way) {
    const farm_rate_request both[] = {request_of("open", "ann", 1), request_of("local", "ann", 2)};
    const farm_rate_request all[] = {request_of("open", "ann", 1), request_of("local", "ann", 1),
                                     request_of("closed", "ann", 1)};
    define_three();
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(take_status(all, 3), FARM_EUNAVAILABLE);
    take_all(both, 2);
    cr_assert(decision.allowed);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_OPEN);
    cr_assert_eq(states[1].source, FARM_RATE_SOURCE_LOCAL);
    cr_assert_eq(states[1].remaining, 1);
    take_all(both, 2);
    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 1);
    cr_assert_eq(states[0].allowed, 1);
    /* A limit in shadow mode refuses nobody, so it needs no answer. */
    store_fails(FARM_OK);
    define_limit((farm_rate_limit){.name = "closed", .count = 10, .is_shadow = 1});
    store_fails(FARM_EUNAVAILABLE);
    take_all(all, 3);
    cr_assert(decision.allowed);
    cr_assert_eq(states[2].source, FARM_RATE_SOURCE_OPEN);
}

Test(rate_process, beside_an_open_limit_the_others_are_counted_whatever_the_cost) {
    const farm_rate_request items[] = {request_of("open", "ann", 11),
                                       request_of("local", "ann", 1)};
    define_three();
    cr_assert(take("open", "zoe", 1));
    store_fails(FARM_EUNAVAILABLE);
    for (int64_t left_here = 2; left_here >= 0; left_here--) {
        take_all(items, 2);
        cr_assert(decision.allowed);
        cr_assert_eq(states[1].remaining, left_here);
    }
    take_all(items, 2);
    cr_assert_not(decision.allowed);
}

Test(rate_process, in_shadow_mode_what_a_part_never_holds_is_not_taken_of_it) {
    define_limit((farm_rate_limit){.name = "quiet",
                                   .count = 10,
                                   .is_shadow = 1,
                                   .on_error = FARM_RATE_ON_ERROR_LOCAL,
                                   .node_count = 4});
    store_fails(FARM_EUNAVAILABLE);
    expect_cost("quiet", 4, 0, 3);
    expect_cost("quiet", 3, 1, 0);
}

Test(rate_process, holds_are_counted_and_end_by_themselves) {
    define_limit((farm_rate_limit){.name = "held",
                                   .count = 4,
                                   .period_us = MINUTE_US,
                                   .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
                                   .on_error = FARM_RATE_ON_ERROR_LOCAL,
                                   .node_count = 2});
    store_fails(FARM_EUNAVAILABLE);
    cr_assert(take("held", "ann", 1));
    cr_assert(take("held", "ann", 1));
    cr_assert(is_zero(&decision.token));
    cr_assert_not(take("held", "ann", 1));
    pass(MINUTE_US);
    cr_assert(take("held", "ann", 1));
}

Test(rate_process, after_three_failures_the_store_is_left_alone_for_a_second) {
    define_three();
    fail_three_times();
    cr_assert_gt(times_asked(), 0);
    store_fails(FARM_OK);

    /* Up to a fifth less, so that many processes do not come back at once. */
    pass(SECOND_US * 4 / 5 - 1000);
    cr_assert(take("open", "ann", 1));
    expect_take("local", "ann", 1);
    cr_assert_eq(times_asked(), 0);

    pass(SECOND_US / 5 + 1000);
    expect_take("open", "ann", 0);
    expect_take("local", "ann", 0);
    cr_assert_gt(times_asked(), 0);
}

Test(rate_process, a_probe_that_fails_is_one_and_then_there_is_another_second) {
    define_three();
    fail_three_times();
    pass(SECOND_US);
    times_asked();
    cr_assert(take("open", "ann", 1));
    cr_assert_gt(times_asked(), 0);
    for (int i = 0; i < 5; i++) cr_assert(take("open", "ann", 1));
    cr_assert_eq(times_asked(), 0);
    pass(SECOND_US);
    store_fails(FARM_OK);
    expect_take("open", "ann", 0);
}

Test(rate_process, closed_limits_ask_whatever_the_breaker_says) {
    define_three();
    fail_three_times();
    store_fails(FARM_OK);
    expect_take("closed", "ann", 0);
}

Test(rate_process, definitions_that_cannot_be_read_again_are_used_as_they_are) {
    define_three();
    cr_assert(take("open", "ann", 1));
    store_fails(FARM_EUNAVAILABLE);
    age_definitions();
    expect_take("open", "ann", 1);
    cr_assert_str_eq(farm_session_error_text(session), "");
    cr_assert_eq(take_until_refused("local", "ann", 1), 3);
    cr_assert_eq(take_one("closed"), FARM_EUNAVAILABLE);
    cr_assert_not_null(strstr(farm_session_error_text(session), "test"));
    store_fails(FARM_OK);
    pass(SECOND_US);
    expect_take("open", "ann", 0);
}

Test(rate_process, old_definitions_do_not_wake_a_store_that_is_left_alone) {
    define_three();
    age_definitions();
    store_fails(FARM_EUNAVAILABLE);
    for (int i = 0; i < 3; i++) cr_assert(take("open", "ann", 1));
    times_asked();
    for (int i = 0; i < 5; i++) cr_assert(take("open", "ann", 1));
    cr_assert_eq(times_asked(), 0);
    pass(SECOND_US);
    cr_assert(take("open", "ann", 1));
    const uint64_t probe = times_asked();
    cr_assert_gt(probe, 0);
    cr_assert_leq(probe, 2);
    cr_assert(take("open", "ann", 1));
    cr_assert_eq(times_asked(), 0);
    store_fails(FARM_OK);
    pass(SECOND_US);
    expect_take("open", "ann", 0);
    cr_assert_eq(left_in_store("open", "ann"), 9);
}

Test(rate_process, without_definitions_there_is_no_answer) {
    define_three();
    rate_definitions_forget(session);
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(take_one("open"), FARM_EUNAVAILABLE);
}

Test(rate_process, inside_a_transaction_the_callers_work_must_not_go_on_without_the_store) {
    define_three();
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert(take("open", "ann", 1));
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(take_one("open"), FARM_EUNAVAILABLE);
    cr_assert_neq(farm_commit(session), FARM_OK);
    store_fails(FARM_OK);
    cr_assert_eq(left_in_store("open", "ann"), 10);
    fail_three_times();
    store_fails(FARM_OK);
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert(take("open", "ann", 1));
    cr_assert_eq(decision.is_degraded, 0, "the breaker has no part in it");
    cr_assert_eq(farm_commit(session), FARM_OK);
    cr_assert_eq(left_in_store("open", "ann"), 9);
}
