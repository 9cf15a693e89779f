/* What counts and refuses nobody: shadow mode, of a limit and of all; forced takes and their bound;
 * and waits that are made longer at random. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_shadow, .init = define_limits, .fini = close_session, .timeout = 60);

static void define_shadow(const char *name, int32_t algorithm, int64_t count) {
    farm_rate_limit limit = limit_of(name, FARM_RATE_SCOPE_KEY, 0, count, MINUTE_US);
    limit.algorithm = algorithm;
    limit.is_shadow = 1;
    define_as(limit);
}

static farm_rate_request forced_of(const char *limit, const char *subject, int64_t cost) {
    farm_rate_request item = request_of(limit, subject, cost);
    item.flags = FARM_RATE_FORCE;
    return item;
}

static int32_t force(const char *limit, int64_t cost) {
    const farm_rate_request item = forced_of(limit, "s", cost);
    take_all(&item, 1);
    return decision.allowed;
}

Test(rate_shadow, a_limit_in_shadow_mode_counts_and_tells_and_refuses_nobody) {
    for (int32_t algorithm = 0; algorithm <= FARM_RATE_ALGORITHM_CONCURRENCY; algorithm++) {
        static const char *const names[] = {"t0", "t1", "t2", "t3"};
        define_shadow(names[algorithm], algorithm, 4);
        cr_assert(take(names[algorithm], "s", 3) && states[0].allowed);
        cr_assert_eq(decision.is_shadowed, 0);
        cr_assert_eq(states[0].is_shadow, 1);
        const farm_rate_request items[] = {request_of(names[algorithm], "s", 2),
                                           request_of("route", names[algorithm], 1)};

        take_all(items, 2);

        cr_assert(decision.allowed);
        cr_assert_eq(decision.is_shadowed, 1);
        cr_assert_eq(decision.decided_index, 1);
        cr_assert_eq(decision.retry_after_us, 0);
        cr_assert_not(states[0].allowed);
        cr_assert_gt(states[0].retry_after_us, 0);
        cr_assert_eq(states[0].remaining, 1); /* what does not fit is not taken */
        cr_assert_eq(states[1].remaining, 9);
        cr_assert_not(is_zero(&decision.token));
    }
}

Test(rate_shadow, nothing_taken_is_no_token_and_never_is_no_refusal) {
    define_shadow("trial", 0, 4);
    const farm_rate_request item = request_of("trial", "s", 5);
    take_all(&item, 1);
    cr_assert(decision.allowed && decision.is_shadowed);
    cr_assert(states[0].is_never);
    cr_assert(is_zero(&decision.token));
    take_all((farm_rate_request[]){request_of("trial", "s", 4)}, 1);
    cr_assert_not(is_zero(&decision.token));

    take_all((farm_rate_request[]){request_of("trial", "s", 4)}, 1);

    cr_assert(decision.allowed && decision.is_shadowed);
    cr_assert(is_zero(&decision.token));
}

Test(rate_shadow, what_another_limit_refuses_is_taken_of_no_shadow_either) {
    define_shadow("trial", 0, 4);
    cr_assert(take("user", "s", 5));
    const farm_rate_request items[] = {request_of("trial", "s", 2), request_of("user", "s", 1)};

    take_all(items, 2);

    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 1);
    cr_assert_eq(states[0].remaining, 4);
    cr_assert_eq(contract_count(session, "farm_rate_bucket"), 1);
}

/* Nobody waits for a debt of a limit that refuses nobody, though he only looks or asks too much. */
Test(rate_shadow, a_debt_in_shadow_mode_refuses_no_look) {
    define_shadow("trial", 0, 4);
    cr_assert(force("trial", 8));
    for (int64_t cost = 0; cost <= 5; cost += 5) {
        const farm_rate_request items[] = {request_of("trial", "s", cost),
                                           request_of("route", "s", 1)};
        cr_assert_eq(farm_rate_take(session, items, 2, states, &decision), FARM_OK, "%s",
                     farm_session_error_text(session));
        cr_assert(decision.allowed && decision.is_shadowed);
        cr_assert_not(states[0].allowed);
    }
    cr_assert_eq(states[1].remaining, 8);
    cr_assert(force("trial", 0));
}

Test(rate_shadow, all_limits_of_a_space_are_switched_and_back) {
    farm_session *other = contract_open_another();
    const farm_rate_request item = request_of("user", "s", 1);
    cr_assert(take("user", "s", 5));
    cr_assert_not(take("user", "s", 1));

    cr_assert_eq(farm_rate_set_shadow(session, 1), FARM_OK);
    cr_assert_eq(farm_rate_set_shadow(session, 1), FARM_OK);
    take_all(&item, 1);
    cr_assert(decision.allowed);
    cr_assert_eq(decision.is_shadowed, 1);
    cr_assert_eq(farm_rate_peek(other, &item, 1, states, &decision), FARM_OK);
    cr_assert(decision.allowed && states[0].is_shadow);
    define("later", FARM_RATE_SCOPE_KEY, 1, 1, MINUTE_US);
    const farm_rate_request later = request_of("later", "s", 1);
    take_all(&later, 1);
    take_all(&later, 1);
    cr_assert(decision.allowed && decision.is_shadowed);
    cr_assert_eq(farm_rate_set_shadow(session, 0), FARM_OK);

    cr_assert_not(take("user", "s", 1));
    cr_assert_not(take("later", "s", 1));
    cr_assert_eq(farm_rate_set_shadow(session, 2), FARM_EINVAL);
    cr_assert_eq(farm_rate_set_shadow(session, -1), FARM_EINVAL);
    cr_assert_str_not_empty(farm_session_error_text(session));
    act_as("ann");
    cr_assert_eq(farm_rate_set_shadow(session, 1), FARM_EDENIED);
    contract_close_another(other);
}

/* ------------------------------------------------------------------------------- forced takes */

Test(rate_shadow, a_forced_take_goes_into_debt_by_a_burst_and_no_further) {
    cr_assert(take("user", "s", 4));
    cr_assert(force("user", 3));
    cr_assert_eq(states[0].remaining, 0);
    cr_assert_eq(states[0].allowed, 1);
    cr_assert_eq(states[0].reset_after_us, 7 * SECOND_US);
    cr_assert(force("user", 2147483647));
    cr_assert_eq(states[0].reset_after_us, 10 * SECOND_US);
    cr_assert(force("user", 1));
    cr_assert_eq(states[0].reset_after_us, 10 * SECOND_US);

    cr_assert_not(take("user", "s", 1));
    cr_assert_eq(decision.retry_after_us, 6 * SECOND_US);
    cr_assert_not(take("user", "s", 0));
    cr_assert_eq(decision.retry_after_us, 5 * SECOND_US);
    set_clock(6 * SECOND_US);
    cr_assert(take("user", "s", 1));
    contract_assert_sound(session);
}

Test(rate_shadow, a_new_subject_can_be_forced_into_the_whole_debt) {
    for (int32_t algorithm = 0; algorithm <= FARM_RATE_ALGORITHM_SLIDING; algorithm++) {
        static const char *const names[] = {"f0", "f1", "f2"};
        farm_rate_limit limit = limit_of(names[algorithm], FARM_RATE_SCOPE_KEY, 0, 5, MINUTE_US);
        limit.algorithm = algorithm;
        define_as(limit);

        cr_assert(force(names[algorithm], 8));

        cr_assert_not(take(names[algorithm], "s", 0));
        const farm_id zero = decision.token;
        cr_assert(is_zero(&zero));
        cr_assert(force(names[algorithm], 1));
        const farm_id token = decision.token;
        const farm_rate_request back = request_of(names[algorithm], "s", 9);
        cr_assert_eq(farm_rate_refund(session, &token, &back, 1), FARM_OK);
        cr_assert(take(names[algorithm], "s", 5));
    }
    contract_assert_sound(session);
}

Test(rate_shadow, what_is_forced_is_taken_only_when_the_other_limits_let_it_through) {
    const farm_rate_request items[] = {forced_of("user", "s", 7), request_of("ip", "192.0.2.1", 1)};
    cr_assert(take("ip", "192.0.2.1", 3));

    take_all(items, 2);

    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 1);
    cr_assert(take("user", "s", 5));
    set_clock(MINUTE_US);
    take_all(items, 2);
    cr_assert(decision.allowed);
    cr_assert_not(take("user", "s", 0));
}

Test(rate_shadow, a_debt_outlives_housekeeping_until_it_is_paid) {
    farm_maintenance done = {.struct_size = sizeof done};
    define("day", FARM_RATE_SCOPE_KEY, 24, 24, 24 * HOUR_US);
    cr_assert(force("day", 48));
    set_clock(30 * HOUR_US);

    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);

    cr_assert_eq(done.removed_count, 0);
    cr_assert_not(take("day", "s", 7));
    cr_assert(take("day", "s", 6));
    set_clock(100 * HOUR_US);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 1);
}

Test(rate_shadow, a_peek_may_be_of_a_forced_take_and_nothing_else_may) {
    const farm_rate_request item = forced_of("user", "s", 7);
    cr_assert(take("user", "s", 1));
    const farm_id token = decision.token;

    cr_assert_eq(farm_rate_peek(session, &item, 1, states, &decision), FARM_OK);
    cr_assert(decision.allowed);
    cr_assert_eq(states[0].remaining, 4);
    cr_assert_eq(farm_rate_refund(session, &token, &item, 1), FARM_EINVAL);
    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_EINVAL);
    cr_assert_eq(farm_rate_release(session, &token, &item, 1), FARM_EINVAL);
    cr_assert_str_not_empty(farm_session_error_text(session));
}

Test(rate_shadow, a_planted_debt_is_found) {
    char *text = NULL;
    cr_assert(force("user", 8));
    contract_assert_sound(session);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_bucket} SET debt = debt - 1"),
                 FARM_EREFUSED);
    if (contract_is_postgres()) return; /* its tables let nobody go around their checks */
    cr_assert_eq(contract_execute(session, "PRAGMA ignore_check_constraints = ON"), FARM_OK);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_bucket} SET debt = debt - 1"),
                 FARM_OK);

    cr_assert_eq(farm_verify(session, &text), FARM_OK);

    cr_assert_not_null(strstr(text, "\"rate.check_debt\",\"found\""), "%s", text);
    cr_assert_not_null(strstr(text, "\"ok\":false"), "%s", text);
    farm_free(text);
}

/* ------------------------------------------------------------------------------------- jitter */

Test(rate_shadow, a_refused_caller_is_told_to_wait_up_to_a_part_longer) {
    farm_rate_limit limit = limit_of("queue", FARM_RATE_SCOPE_KEY, 1, 1, 10 * SECOND_US);
    limit.jitter_percent = 20;
    define_as(limit);
    int64_t least = INT64_MAX;
    int64_t most = 0;
    int64_t sum = 0;
    cr_assert(take("queue", "s", 1));
    cr_assert_eq(decision.retry_after_us, 0);
    for (int i = 0; i < 200; i++) {
        cr_assert_not(take("queue", "s", 1));
        cr_assert_eq(decision.retry_after_us, states[0].retry_after_us);
        const int64_t wait_us = decision.retry_after_us;
        if (wait_us < least) least = wait_us;
        if (wait_us > most) most = wait_us;
        sum += wait_us;
    }
    cr_assert(least >= 10 * SECOND_US && least < 11 * SECOND_US);
    cr_assert(most <= 12 * SECOND_US && most > 11 * SECOND_US);
    cr_assert(sum / 200 > 10700000 && sum / 200 < 11300000);
    cr_assert_not(take("queue", "s", 2));
    cr_assert_eq(decision.retry_after_us, -1);
}
