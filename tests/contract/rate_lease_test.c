/* Tokens that the process takes in advance: nothing is let through twice, nothing is lost, and most
 * takes ask nobody. */
#include "process_store.h"
#include "rate/rate_process.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_lease, .init = open_process, .fini = close_process, .timeout = 60);

/* 10 a day, and up to 4 in advance. */
static void define_leased(const char *name) {
    define_limit((farm_rate_limit){.name = name, .count = 10, .lease_count = 4});
}

static void take_at_the_store(const char *subject, int64_t cost) {
    round_trips();
    cr_assert(take("leased", subject, cost));
    cr_assert_gt(round_trips(), 0);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_STORE);
}

static void take_from_the_lease(const char *subject, int64_t cost) {
    round_trips();
    cr_assert(take("leased", subject, cost));
    cr_assert_eq(round_trips(), 0);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_LEASE);
}

static void settle(void) {
    cr_assert_eq(farm_rate_settle(session), FARM_OK, "%s", farm_session_error_text(session));
}

Test(rate_lease, most_takes_ask_nobody_and_the_total_is_exact) {
    define_leased("leased");
    int64_t left = 10;
    for (int64_t i = 0; i < 8; i++) {
        if (i % 4 == 0)
            take_at_the_store("ann", 1);
        else
            take_from_the_lease("ann", 1);
        cr_assert_eq(states[0].remaining, --left);
        cr_assert_eq(states[0].reset_after_us, (10 - left) * 24 * HOUR_US / 10);
        cr_assert_eq(states[0].burst, 10);
    }
    /* The store has not enough for a lease: it is asked for the cost, too, then for that alone. */
    times_asked();
    take_at_the_store("ann", 1);
    const uint64_t asked_twice = times_asked();
    take_at_the_store("ann", 1);
    cr_assert_lt(times_asked(), asked_twice);
    cr_assert_not(take("leased", "ann", 1));
    cr_assert_eq(left_in_store("leased", "ann"), 0);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 0);
}

Test(rate_lease, costs_of_any_size_add_up_to_the_burst_and_no_more) {
    define_limit((farm_rate_limit){.name = "leased", .count = 1000, .lease_count = 50});
    for (int64_t cost = 1; cost <= 60; cost += 7) {
        char subject[] = {'s', (char)('a' + cost % 26), '\0'};
        const int64_t total = take_until_refused("leased", subject, cost);
        cr_assert_gt(total, 1000 - 50 - cost);
        cr_assert_leq(total, 1000);
        settle();
        cr_assert_eq(left_in_store("leased", subject), 1000 - total);
        pass(SECOND_US);
        cr_assert_eq(take_until_refused("leased", subject, 1), 1000 - total);
    }
}

Test(rate_lease, what_is_unused_is_given_back_once) {
    define_leased("leased");
    take_at_the_store("ann", 1);
    cr_assert_eq(left_in_store("leased", "ann"), 6);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 9);
    round_trips();
    settle();
    cr_assert_eq(round_trips(), 0);
    cr_assert_eq(left_in_store("leased", "ann"), 9);
    take_at_the_store("ann", 1);
    take_from_the_lease("ann", 2);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 6);
}

Test(rate_lease, many_leases_are_given_back_together) {
    char subject[] = "s00";
    define_leased("leased");
    for (int i = 0; i < 70; i++) {
        subject[1] = (char)('0' + i / 10);
        subject[2] = (char)('0' + i % 10);
        take_at_the_store(subject, 1);
    }
    round_trips();
    settle();
    cr_assert_leq(round_trips(), 3 * 3);
    for (int i = 0; i < 70; i++) {
        subject[1] = (char)('0' + i / 10);
        subject[2] = (char)('0' + i % 10);
        cr_assert_eq(left_in_store("leased", subject), 9);
    }
}

Test(rate_lease, a_lease_out_of_use_is_given_back_with_a_later_take) {
    define_leased("leased");
    define_limit((farm_rate_limit){.name = "other", .count = 10});
    take_at_the_store("ann", 1);
    pass(SECOND_US - 1);
    cr_assert(take("other", "ann", 1));
    cr_assert_eq(left_in_store("leased", "ann"), 6);
    pass(SECOND_US);
    cr_assert(take("other", "ann", 1));
    cr_assert_eq(left_in_store("leased", "ann"), 9);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 9);
}

Test(rate_lease, who_takes_seldom_does_not_hoard) {
    define_leased("leased");
    for (int64_t i = 1; i <= 8; i++) {
        cr_assert(take("leased", "ann", 1));
        pass(5 * SECOND_US);
        cr_assert_geq(left_in_store("leased", "ann"), 10 - i - 3);
    }
    cr_assert(take("leased", "ann", 1));
    cr_assert(take("leased", "ann", 1));
    cr_assert_not(take("leased", "ann", 1));
}

Test(rate_lease, a_larger_cost_uses_what_is_left_as_well) {
    define_leased("leased");
    take_at_the_store("ann", 1);
    take_from_the_lease("ann", 1);
    take_at_the_store("ann", 4);
    take_from_the_lease("ann", 2);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 2);
    take_at_the_store("ann", 2);
    cr_assert_not(take("leased", "ann", 1));
}

Test(rate_lease, a_cost_above_the_lease_is_taken_from_the_store) {
    define_leased("leased");
    take_at_the_store("ann", 5);
    cr_assert_eq(left_in_store("leased", "ann"), 5);
    take_at_the_store("ann", 1);
    take_from_the_lease("ann", 3);
    cr_assert_eq(left_in_store("leased", "ann"), 1);
}

Test(rate_lease, who_takes_first_gets_back_his_cost_and_not_the_lease) {
    const farm_rate_request item = request_of("leased", "ann", 1);
    farm_id tokens[2];
    define_leased("leased");
    for (size_t i = 0; i < 2; i++) {
        cr_assert(take("leased", "ann", 1));
        tokens[i] = decision.token;
    }
    cr_assert_neq(memcmp(&tokens[0], &tokens[1], sizeof tokens[0]), 0);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(farm_rate_refund(session, &tokens[i], &item, 1), FARM_OK);
        cr_assert_eq(farm_rate_refund(session, &tokens[i], &item, 1), FARM_OK);
        cr_assert_eq(left_in_store("leased", "ann"), 7 + (int64_t)i);
    }
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 10);
}

Test(rate_lease, several_limits_are_served_when_all_have_enough) {
    const farm_rate_request items[] = {request_of("leased", "ann", 2),
                                       request_of("second", "ann", 2)};
    define_leased("leased");
    define_leased("second");
    cr_assert(take("leased", "ann", 1));
    cr_assert(take("second", "ann", 2));
    round_trips();

    take_all(items, 2);
    cr_assert(decision.allowed);
    cr_assert_eq(round_trips(), 0);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_LEASE);
    cr_assert_eq(states[1].source, FARM_RATE_SOURCE_LEASE);

    /* The second has nothing left: the store is asked for both. */
    take_all(items, 2);
    cr_assert(decision.allowed);
    cr_assert_gt(round_trips(), 0);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_STORE);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 10 - 1 - 2 - 2);
    cr_assert_eq(left_in_store("second", "ann"), 10 - 2 - 2 - 2);
}

/* The order in which they are looked at is that of their buckets, which no test knows: so of many
 * subjects, of which some have it the one way and some the other. */
Test(rate_lease, what_one_of_several_gave_is_put_back) {
    char subject[] = "s0";
    define_leased("leased");
    define_leased("second");
    for (; subject[1] <= '9'; subject[1]++) {
        const farm_rate_request items[] = {request_of("leased", subject, 2),
                                           request_of("second", subject, 2)};
        cr_assert(take("leased", subject, 1));
        cr_assert(take("second", subject, 3));
        take_all(items, 2);
        cr_assert(decision.allowed);
        cr_assert_eq(states[0].source, FARM_RATE_SOURCE_STORE);
        settle();
        cr_assert_eq(left_in_store("leased", subject), 10 - 1 - 2);
        cr_assert_eq(left_in_store("second", subject), 10 - 3 - 2);
    }
}

Test(rate_lease, a_call_of_several_leaves_the_leases_of_others_alone) {
    const farm_rate_request items[] = {request_of("leased", "ann", 1),
                                       request_of("plain", "ann", 1)};
    define_leased("leased");
    define_limit((farm_rate_limit){.name = "plain", .count = 10});
    take_all(items, 2);
    cr_assert(decision.allowed);
    cr_assert_eq(left_in_store("leased", "ann"), 9);
    take_at_the_store("ann", 1);
    take_from_the_lease("ann", 1);
    take_all(items, 2);
    take_from_the_lease("ann", 1);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 5);
    cr_assert_eq(left_in_store("plain", "ann"), 8);
}

Test(rate_lease, a_transaction_of_the_callers_has_no_part_in_it) {
    define_leased("leased");
    take_at_the_store("ann", 1);
    cr_assert_eq(farm_begin(session), FARM_OK);
    take_at_the_store("ann", 1);
    cr_assert_eq(farm_rate_settle(session), FARM_EREFUSED);
    cr_assert_eq(left_in_store("leased", "ann"), 5);
    farm_rollback(session);
    cr_assert_eq(left_in_store("leased", "ann"), 6);
    take_from_the_lease("ann", 3);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 6);
}

Test(rate_lease, what_is_forced_or_only_looks_asks_the_store) {
    farm_rate_request item = request_of("leased", "ann", 1);
    define_leased("leased");
    take_at_the_store("ann", 1);
    item.flags = FARM_RATE_FORCE;
    take_all(&item, 1);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_STORE);
    cr_assert_eq(left_in_store("leased", "ann"), 5);
    item = request_of("leased", "ann", 0);
    take_all(&item, 1);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_STORE);
    take_from_the_lease("ann", 3);
}

Test(rate_lease, a_reset_leaves_no_lease_on_top_of_a_full_bucket) {
    const farm_rate_request item = request_of("leased", "ann", 0);
    define_leased("leased");
    take_at_the_store("ann", 1);
    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);
    cr_assert_eq(take_until_refused("leased", "ann", 1), 10);
}

static void reset_elsewhere(void) {
    rate_lines none = {.count = 0};
    rate_process_forget_leases(session, &none);
}

Test(rate_lease, a_lease_from_before_a_reset_is_worth_nothing) {
    define_leased("leased");
    after_next_run(reset_elsewhere);
    take_at_the_store("ann", 1);
    take_at_the_store("ann", 1);
}

Test(rate_lease, a_subject_with_figures_of_its_own_has_no_lease) {
    farm_rate_override own = {.struct_size = sizeof own,
                              .rule = FARM_RATE_RULE_OVERRIDE,
                              .limit = "leased",
                              .subject = "ann",
                              .burst = 20,
                              .count = 20};
    define_leased("leased");
    cr_assert_eq(farm_rate_override_put(session, &own, 1), FARM_OK);
    cr_assert(take("leased", "ann", 1));
    take_at_the_store("ann", 1);
    own.rule = FARM_RATE_RULE_BAN;
    own.burst = own.count = 0;
    own.subject = "bob";
    take_at_the_store("bob", 1);
    cr_assert_eq(farm_rate_override_put(session, &own, 1), FARM_OK);
    cr_assert_not(take("leased", "bob", 1));
}

Test(rate_lease, what_cannot_be_given_back_now_is_given_back_later) {
    define_leased("leased");
    take_at_the_store("ann", 1);
    store_fails(FARM_EUNAVAILABLE);
    cr_assert_eq(farm_rate_settle(session), FARM_EUNAVAILABLE);
    take_from_the_lease("ann", 1);
    store_fails(FARM_OK);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 8);
}

Test(rate_lease, an_uncertain_give_back_is_not_repeated) {
    define_leased("leased");
    take_at_the_store("ann", 1);
    store_fails(FARM_EUNCERTAIN);
    cr_assert_eq(farm_rate_settle(session), FARM_EUNCERTAIN);
    store_fails(FARM_OK);
    settle();
    cr_assert_eq(left_in_store("leased", "ann"), 6);
}

Test(rate_lease, while_there_are_refusals_a_small_cost_is_still_served) {
    define_limit(
        (farm_rate_limit){.name = "leased", .count = 10, .lease_count = 4, .denied_us = MINUTE_US});
    take_at_the_store("ann", 4);
    take_at_the_store("ann", 3);
    take_at_the_store("ann", 2);
    /* 1 is left in the lease, 1 or 2 in the store. */
    cr_assert_not(take("leased", "ann", 4));
    round_trips();
    cr_assert_not(take("leased", "ann", 4));
    cr_assert_eq(round_trips(), 0);
    cr_assert_eq(states[0].source, FARM_RATE_SOURCE_DENIAL);
    cr_assert_eq(take_until_refused("leased", "ann", 1), 1);
}

/* An operation that came too late leaves a deadline behind, which is not the next one's. */
Test(rate_lease, each_call_has_time_of_its_own) {
    define_leased("leased");
    cr_assert_eq(farm_session_set_timeout_us(session, 1), FARM_OK);
    (void)farm_rate_settle(session);
    cr_assert_eq(farm_session_set_timeout_us(session, MINUTE_US), FARM_OK);
    take_at_the_store("ann", 1);
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_session_set_timeout_us(session, 1), FARM_OK);
    cr_assert_eq(farm_rate_settle(session), FARM_EREFUSED);
    cr_assert_eq(farm_session_set_timeout_us(session, MINUTE_US), FARM_OK);
    take_at_the_store("ann", 1);
    cr_assert_eq(farm_commit(session), FARM_OK);
}

Test(rate_lease, after_a_refused_lease_there_is_another_try) {
    define_leased("leased");
    take_at_the_store("ann", 7);
    take_at_the_store("ann", 1);
    const farm_rate_request item = request_of("leased", "ann", 0);
    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);
    take_at_the_store("ann", 1);
    take_at_the_store("ann", 1);
    pass(SECOND_US / 10);
    take_at_the_store("ann", 1);
    take_from_the_lease("ann", 1);
}
