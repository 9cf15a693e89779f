/* Refusals that the process remembers: what they save, and that they never refuse what the store
 * would let through. */
#include "rate/rate_process.h"
#include "process_store.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_denial, .init = open_process, .fini = close_process, .timeout = 60);

/* 1 token back in 10 s, remembered for up to a minute. */
static void define_slow(int64_t burst) {
    define_limit((farm_rate_limit){.name = "slow",
                                   .burst = burst,
                                   .count = 1,
                                   .period_us = 10 * SECOND_US,
                                   .denied_us = MINUTE_US});
}

static void refuse_at_the_store(int64_t cost) {
    round_trips();
    cr_assert_not(take("slow", "ann", cost));
    cr_assert_gt(round_trips(), 0);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_STORE);
}

static void refuse_by_memory(int64_t cost) {
    round_trips();
    cr_assert_not(take("slow", "ann", cost));
    cr_assert_eq(round_trips(), 0);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_DENIAL);
}

Test(rate_denial, the_second_refusal_asks_nobody_and_says_the_same) {
    define_slow(2);
    cr_assert(take("slow", "ann", 2));
    refuse_at_the_store(1);
    const farm_rate_state said = states[0];

    refuse_by_memory(1);

    cr_assert_eq(states[0].retry_after_us, said.retry_after_us);
    cr_assert_eq(states[0].reset_after_us, said.reset_after_us);
    cr_assert_eq(states[0].remaining, said.remaining);
    cr_assert_eq(states[0].burst, said.burst);
    cr_assert_eq(decision.retry_after_us, 10 * SECOND_US);
    cr_assert(is_zero(&decision.token));
    cr_assert_eq(decision.is_degraded, 0);
    pass(3 * SECOND_US);
    refuse_by_memory(1);
    cr_assert_eq(states[0].retry_after_us, 7 * SECOND_US);
    cr_assert(take("slow", "bob", 1), "of another nothing is remembered");
}

Test(rate_denial, it_ends_when_the_cost_can_be_had) {
    define_slow(1);
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    pass(10 * SECOND_US - 1);
    refuse_by_memory(1);
    pass(1);
    cr_assert(take("slow", "ann", 1));
}

Test(rate_denial, jitter_does_not_make_it_longer) {
    define_limit((farm_rate_limit){.name = "slow",
                                   .count = 1,
                                   .period_us = 10 * SECOND_US,
                                   .jitter_percent = 100,
                                   .denied_us = MINUTE_US});
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    refuse_by_memory(1);
    cr_assert_geq(states[0].retry_after_us, 10 * SECOND_US);
    pass(10 * SECOND_US);
    cr_assert(take("slow", "ann", 1));
}

Test(rate_denial, it_ends_after_denied_us) {
    define_limit((farm_rate_limit){.name = "slow", .count = 1, .denied_us = 2 * SECOND_US});
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    pass(2 * SECOND_US - 1);
    refuse_by_memory(1);
    pass(1);
    refuse_at_the_store(1);
}

Test(rate_denial, without_denied_us_nothing_is_remembered) {
    define_limit((farm_rate_limit){.name = "slow", .count = 1});
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    refuse_at_the_store(1);
}

Test(rate_denial, a_clock_that_is_set_back_does_not_make_it_longer) {
    define_limit((farm_rate_limit){.name = "slow", .count = 1, .denied_us = 2 * SECOND_US});
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    pass(-SECOND_US);
    refuse_at_the_store(1);
}

Test(rate_denial, a_smaller_cost_is_judged_by_itself) {
    define_slow(5);
    cr_assert(take("slow", "ann", 3));
    refuse_at_the_store(4);
    refuse_by_memory(3);
    cr_assert(take("slow", "ann", 2));
    refuse_at_the_store(1);
    refuse_by_memory(1);
}

Test(rate_denial, a_refund_ends_it) {
    const farm_rate_request item = request_of("slow", "ann", 1);
    define_slow(1);
    cr_assert(take("slow", "ann", 1));
    const farm_id token = decision.token;
    refuse_at_the_store(1);
    cr_assert_eq(farm_rate_refund(session, &token, &item, 1), FARM_OK);
    cr_assert(take("slow", "ann", 1));
}

Test(rate_denial, a_reset_ends_it) {
    const farm_rate_request item = request_of("slow", "ann", 1);
    define_slow(1);
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);
    cr_assert(take("slow", "ann", 1));
}

Test(rate_denial, a_change_of_the_limit_ends_it) {
    define_slow(1);
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    define_slow(2);
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    cr_assert_eq(farm_rate_set_shadow(session, 1), FARM_OK);
    const farm_rate_request item = request_of("slow", "ann", 1);
    take_all(&item, 1);
    cr_assert(decision.allowed);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_STORE);
}

Test(rate_denial, an_override_ends_it) {
    const farm_rate_override own = {.struct_size = sizeof own,
                                    .rule = FARM_RATE_RULE_OVERRIDE,
                                    .limit = "slow",
                                    .subject = "ann",
                                    .burst = 9,
                                    .count = 9};
    define_slow(1);
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    cr_assert_eq(farm_rate_override_put(session, &own, 1), FARM_OK);
    cr_assert(take("slow", "ann", 1));
}

static void give_back_elsewhere(void) {
    rate_process_forget_denials(session);
}

/* The refusal is on its way when another thread gives back: it must not be remembered. */
Test(rate_denial, what_was_refused_before_something_was_given_back_is_not_remembered) {
    define_slow(1);
    cr_assert(take("slow", "ann", 1));
    after_next_run(give_back_elsewhere);
    refuse_at_the_store(1);
    refuse_at_the_store(1);
    refuse_by_memory(1);
}

Test(rate_denial, of_several_limits_one_answers_and_of_the_others_nothing_is_said) {
    define_slow(1);
    define_limit((farm_rate_limit){.name = "wide", .count = 100});
    const farm_rate_request items[] = {request_of("wide", "ann", 1), request_of("slow", "ann", 1)};
    take_all(items, 2);
    cr_assert(decision.allowed);
    take_all(items, 2);
    cr_assert_not(decision.allowed);
    round_trips();

    take_all(items, 2);

    cr_assert_eq(round_trips(), 0);
    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 1);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_DENIAL);
    cr_assert_eq(states[0].allowed, 1);
    cr_assert_eq(states[0].remaining, -1);
    cr_assert_eq(states[0].burst, 100);
    cr_assert_eq(left_in_store("wide", "ann"), 99);
    char *text = NULL;
    cr_assert_eq(farm_rate_headers(session, items, 2, states, &decision, &text), FARM_OK);
    cr_assert_str_eq(text, "RateLimit-Policy: \"wide\";q=100;w=86400, \"slow\";q=1;w=10\r\n"
                           "RateLimit: \"slow\";r=0;t=10\r\nRetry-After: 10\r\n");
    farm_free(text);
}

Test(rate_denial, windows_are_remembered_until_they_end) {
    static const int32_t algorithms[] = {FARM_RATE_ALGORITHM_WINDOW, FARM_RATE_ALGORITHM_SLIDING};
    for (size_t i = 0; i < 2; i++) {
        define_limit((farm_rate_limit){.name = "slow",
                                       .count = 2,
                                       .period_us = 10 * SECOND_US,
                                       .algorithm = algorithms[i],
                                       .denied_us = MINUTE_US});
        cr_assert(take("slow", "ann", 2));
        refuse_at_the_store(1);
        const int64_t wait_us = states[0].retry_after_us;
        refuse_by_memory(1);
        cr_assert_eq(states[0].retry_after_us, wait_us);
        pass(wait_us - 1);
        refuse_by_memory(1);
        pass(1);
        cr_assert(take("slow", "ann", 1));
    }
}

Test(rate_denial, what_is_forced_held_or_in_a_transaction_asks_the_store) {
    farm_rate_request forced = request_of("slow", "ann", 1);
    forced.flags = FARM_RATE_FORCE;
    define_slow(1);
    define_limit((farm_rate_limit){.name = "held",
                                   .count = 1,
                                   .period_us = MINUTE_US,
                                   .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
                                   .denied_us = MINUTE_US});
    cr_assert(take("slow", "ann", 1));
    refuse_at_the_store(1);
    take_all(&forced, 1);
    cr_assert(decision.allowed);

    cr_assert(take("held", "ann", 1));
    const farm_id token = decision.token;
    const farm_rate_request held = request_of("held", "ann", 0);
    cr_assert_not(take("held", "ann", 1));
    cr_assert_eq(farm_rate_release(session, &token, &held, 1), FARM_OK);
    cr_assert(take("held", "ann", 1));

    refuse_at_the_store(1);
    cr_assert_eq(farm_begin(session), FARM_OK);
    refuse_at_the_store(1);
    farm_rollback(session);
}

Test(rate_denial, who_needs_nothing_of_the_process_pays_nothing) {
    define_limit((farm_rate_limit){.name = "plain", .count = 1});
    cr_assert(take("plain", "ann", 1));
    cr_assert_eq(farm_rate_settle(session), FARM_OK);
    cr_assert_null(store_object_find(session, STORE_OBJECT_RATE));
    define_slow(1);
    cr_assert(take("slow", "ann", 1));
    cr_assert_not_null(store_object_find(session, STORE_OBJECT_RATE));
}
