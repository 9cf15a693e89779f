/* Taking in the process: each way of counting, several limits at once, and whatever is refused.
 * That it counts as a store does is for rate_local_model_test.c. */
#include "failing_allocator.h"
#include "rate_local_support.h"

/* --- ways of counting ------------------------------------------------------------------------- */

Test(rate_local, a_bucket_fills_evenly) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 5, 60, MINUTE_US));

    cr_expect_eq(admitted(local, "rate", "ann", 10), 5);
    answer refused = take(local, "rate", "ann", 1);
    cr_expect_not(refused.decision.allowed);
    cr_expect_eq(refused.decision.retry_after_us, SECOND_US);
    cr_expect_eq(refused.states[0].reset_after_us, 5 * SECOND_US);
    cr_expect_eq(refused.states[0].refill_us, 5 * SECOND_US);
    cr_expect(is_zero(&refused.decision.token));

    at(local, SECOND_US - 1);
    cr_expect_eq(admitted(local, "rate", "ann", 2), 0);
    at(local, SECOND_US);
    cr_expect_eq(admitted(local, "rate", "ann", 2), 1);
    cr_expect_eq(admitted(local, "rate", "bob", 9), 5);
    farm_rate_local_free(local);
}

Test(rate_local, a_quota_begins_anew_with_the_day_of_its_zone) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, (farm_rate_limit){.struct_size = sizeof(farm_rate_limit),
                                        .name = "quota",
                                        .count = 3,
                                        .algorithm = FARM_RATE_ALGORITHM_WINDOW,
                                        .calendar = FARM_RATE_CALENDAR_DAY,
                                        .zone = "<+03>-3"});

    cr_expect_eq(admitted(local, "quota", "ann", 5), 3);
    cr_expect_eq(take(local, "quota", "ann", 1).decision.retry_after_us, 21 * HOUR_US);
    at(local, 21 * HOUR_US - 1);
    cr_expect_eq(admitted(local, "quota", "ann", 5), 0);
    at(local, 21 * HOUR_US);
    cr_expect_eq(admitted(local, "quota", "ann", 5), 3);
    farm_rate_local_free(local);
}

Test(rate_local, a_sliding_window_weighs_the_one_before) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit limit = bucket_limit("sliding", 0, 10, MINUTE_US);
    limit.algorithm = FARM_RATE_ALGORITHM_SLIDING;
    define_one(local, limit);

    cr_expect_eq(admitted(local, "sliding", "ann", 20), 10);
    at(local, MINUTE_US);
    cr_expect_eq(admitted(local, "sliding", "ann", 20), 0);
    at(local, MINUTE_US + 30 * SECOND_US);
    cr_expect_eq(admitted(local, "sliding", "ann", 20), 5);
    at(local, 2 * MINUTE_US + 30 * SECOND_US);
    cr_expect_eq(left(local, "sliding", "ann"), 7, "half of 5 still count, rounded up");
    farm_rate_local_free(local);
}

Test(rate_local, holds_are_counted_released_renewed_and_end) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit limit = bucket_limit("slots", 0, 2, MINUTE_US);
    limit.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    define_one(local, limit);
    const farm_rate_request item = request_of("slots", "ann", 1);
    farm_error error = {.struct_size = sizeof error};

    const answer first = take(local, "slots", "ann", 1);
    const answer second = take(local, "slots", "ann", 1);
    const answer third = take(local, "slots", "ann", 1);
    cr_expect(first.decision.allowed && second.decision.allowed && !third.decision.allowed);
    cr_expect_eq(third.decision.retry_after_us, MINUTE_US);

    cr_expect_eq(farm_rate_local_release(local, &first.decision.token, &item, 1, NULL), FARM_OK);
    cr_expect_eq(farm_rate_local_release(local, &first.decision.token, &item, 1, NULL), FARM_OK);
    cr_expect_eq(left(local, "slots", "ann"), 1);
    cr_expect_eq(farm_rate_local_renew(local, &first.decision.token, &item, 1, &error),
                 FARM_ECONFLICT);
    cr_expect_eq(error.reason, FARM_RATE_REASON_NOT_HELD);
    at(local, 59 * SECOND_US);
    cr_expect_eq(farm_rate_local_renew(local, &second.decision.token, &item, 1, NULL), FARM_OK);
    at(local, MINUTE_US);
    cr_expect_eq(left(local, "slots", "ann"), 1);
    at(local, 59 * SECOND_US + MINUTE_US);
    cr_expect_eq(left(local, "slots", "ann"), 2);
    cr_expect_eq(farm_rate_local_renew(local, &second.decision.token, &item, 1, NULL),
                 FARM_ECONFLICT);
    farm_rate_local_free(local);
}

Test(rate_local, renewing_several_renews_those_that_have_not_ended) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit limit = bucket_limit("short", 0, 2, MINUTE_US);
    limit.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    define_one(local, limit);
    limit.name = "long";
    limit.period_us = HOUR_US;
    define_one(local, limit);
    const farm_rate_request items[] = {request_of("short", "ann", 1), request_of("long", "ann", 1)};
    const answer got = take_many(local, items, 2);

    at(local, 2 * MINUTE_US);
    cr_expect_eq(farm_rate_local_renew(local, &got.decision.token, items, 2, NULL), FARM_ECONFLICT);
    at(local, HOUR_US + MINUTE_US);
    cr_expect_eq(left(local, "long", "ann"), 1);
    farm_rate_local_free(local);
}

Test(rate_local, a_new_subject_begins_with_the_initial_tokens_and_fills_from_the_first_call) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit limit = bucket_limit("opened", 10, 60, MINUTE_US);
    limit.initial = 2;
    define_one(local, limit);

    cr_expect_eq(left(local, "opened", "ann"), 2);
    cr_expect_not(take(local, "opened", "ann", 5).decision.allowed);
    at(local, 3 * SECOND_US);
    cr_expect_eq(left(local, "opened", "ann"), 5);
    cr_expect_eq(left(local, "opened", "bob"), 2, "a look is no call");
    farm_rate_local_free(local);
}

/* --- several limits --------------------------------------------------------------------------- */

Test(rate_local, several_limits_are_taken_all_or_none) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit slots = bucket_limit("slots", 0, 3, MINUTE_US);
    slots.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    define_one(local, slots);
    define_one(local, bucket_limit("wide", 10, 1, HOUR_US));
    define_one(local, bucket_limit("narrow", 2, 1, HOUR_US));
    const farm_rate_request items[] = {request_of("wide", "ann", 1), request_of("slots", "ann", 1),
                                       request_of("narrow", "ann", 1)};

    for (int i = 0; i < 2; i++) cr_expect(take_many(local, items, 3).decision.allowed);
    const answer refused = take_many(local, items, 3);

    cr_expect_not(refused.decision.allowed);
    cr_expect_eq(refused.decision.decided_index, 2);
    cr_expect(refused.states[0].allowed);
    cr_expect_eq(refused.states[0].remaining, 8);
    cr_expect(refused.states[1].allowed);
    cr_expect_eq(refused.states[1].remaining, 1);
    cr_expect_eq(refused.decision.retry_after_us, HOUR_US);
    cr_expect_eq(left(local, "wide", "ann"), 8);
    cr_expect_eq(left(local, "slots", "ann"), 1);
    farm_rate_local_free(local);
}

static int32_t is_free(farm_rate_local *local) {
    const answer got = take(local, "rate", "ann", 0);
    return got.decision.allowed && is_zero(&got.decision.token);
}

Test(rate_local, a_peek_says_the_same_and_takes_nothing) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 3, 1, HOUR_US));

    for (int i = 0; i < 5; i++) {
        const answer looked = peek(local, "rate", "ann", 2);
        cr_expect(looked.decision.allowed);
        cr_expect_eq(looked.states[0].remaining, 3);
        cr_expect(is_zero(&looked.decision.token));
    }
    cr_expect(take(local, "rate", "ann", 2).decision.allowed);
    cr_expect_not(peek(local, "rate", "ann", 2).decision.allowed);
    cr_expect(is_free(local), "nothing was taken");
    farm_rate_local_free(local);
}

Test(rate_local, a_cost_above_the_burst_is_never_let_through_and_touches_nothing) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 3, 1, HOUR_US));
    define_one(local, bucket_limit("other", 3, 1, HOUR_US));
    const farm_rate_request items[] = {request_of("rate", "ann", 4), request_of("other", "ann", 1)};

    const answer refused = take_many(local, items, 2);

    cr_expect_not(refused.decision.allowed);
    cr_expect(refused.decision.is_never);
    cr_expect_eq(refused.decision.retry_after_us, -1);
    cr_expect_eq(left(local, "other", "ann"), 3);
    farm_rate_local_free(local);
}

Test(rate_local, a_limit_in_shadow_counts_and_refuses_nobody) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit limit = bucket_limit("quiet", 1, 1, HOUR_US);
    limit.is_shadow = 1;
    define_one(local, limit);

    cr_expect_eq(take(local, "quiet", "ann", 1).decision.is_shadowed, 0);
    const answer got = take(local, "quiet", "ann", 1);

    cr_expect(got.decision.allowed);
    cr_expect(got.decision.is_shadowed);
    cr_expect_not(got.states[0].allowed);
    cr_expect(got.states[0].is_shadow);
    farm_rate_local_free(local);
}

Test(rate_local, what_is_forced_runs_up_a_debt_that_is_bounded_and_never_evicted) {
    farm_rate_local *local = new_local(16);
    define_one(local, bucket_limit("rate", 4, 1, MINUTE_US));
    define_one(local, bucket_limit("brief", 1, 1, 1));

    for (int i = 0; i < 5; i++) cr_expect(force(local, "rate", "ann", 4).decision.allowed);
    cr_expect_eq(take(local, "rate", "ann", 1).decision.retry_after_us, 5 * MINUTE_US);

    /* Full again after 8 minutes, not after the 4 of an empty bucket. */
    at(local, 5 * MINUTE_US);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        (void)take(local, "brief", name, 1);
        at(local, 5 * MINUTE_US + 10 * i);
    }
    at(local, 5 * MINUTE_US);
    cr_expect_eq(admitted(local, "rate", "ann", 4), 1);
    farm_rate_local_free(local);
}

/* --- what is refused -------------------------------------------------------------------------- */

static farm_status try_take(farm_rate_local *local, const farm_rate_request *items, size_t count,
                            farm_error *error) {
    answer got = empty_answer();
    return farm_rate_local_take(local, items, count, got.states, error, &got.decision);
}

Test(rate_local, requests_that_are_wrong_are_refused_with_a_reason) {
    static const struct {
        const char *limit, *subject;
        int64_t cost;
        uint32_t flags;
        farm_status status;
        int32_t reason;
    } cases[] = {
        {NULL, "ann", 1, 0, FARM_EINVAL, 0},
        {"", "ann", 1, 0, FARM_EINVAL, 0},
        {"a b", "ann", 1, 0, FARM_EINVAL, 0},
        {"unknown", "ann", 1, 0, FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT},
        {"rated", "ann", 1, 0, FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT},
        {"rate", NULL, 1, 0, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {"rate", "", 1, 0, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {"rate", "\xFF", 1, 0, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {"net", "localhost", 1, 0, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {"all", "ann", 1, 0, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {"rate", "ann", -1, 0, FARM_EINVAL, 0},
        {"rate", "ann", INT64_C(1) << 31, 0, FARM_EINVAL, 0},
        {"rate", "ann", 1, 2, FARM_EINVAL, 0},
        {"slots", "ann", 1, FARM_RATE_FORCE, FARM_EINVAL, 0},
    };
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit limit = bucket_limit("net", 3, 1, HOUR_US);
    define_one(local, bucket_limit("rate", 3, 1, HOUR_US));
    limit.scope = FARM_RATE_SCOPE_ADDRESS;
    define_one(local, limit);
    limit.name = "all";
    limit.scope = FARM_RATE_SCOPE_GLOBAL;
    define_one(local, limit);
    limit = bucket_limit("slots", 0, 1, HOUR_US);
    limit.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    define_one(local, limit);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_error error = {.struct_size = sizeof error};
        farm_rate_request item = request_of(cases[i].limit, cases[i].subject, cases[i].cost);
        item.flags = cases[i].flags;
        cr_expect_eq(try_take(local, &item, 1, &error), cases[i].status, "case %zu", i);
        cr_expect_eq(error.status, cases[i].status, "case %zu", i);
        cr_expect_eq(error.reason, cases[i].reason, "case %zu", i);
        cr_expect(strlen(error.text) > 10, "case %zu", i);
        cr_expect_eq(try_take(local, &item, 1, NULL), cases[i].status, "case %zu", i);
    }
    farm_rate_local_free(local);
}

Test(rate_local, calls_that_are_wrong_are_refused) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 3, 1, HOUR_US));
    const farm_rate_request items[2] = {request_of("rate", "ann", 1), request_of("rate", "ann", 1)};
    farm_rate_request small = items[0];
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_state unset = {.struct_size = 0};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_rate_decision odd = {.struct_size = 2};
    farm_error error = {.struct_size = sizeof error};
    const farm_id zero = {{0}};
    const farm_id token = take(local, "rate", "bob", 1).decision.token;
    small.struct_size = 3;

    cr_expect_eq(farm_rate_local_take(NULL, items, 1, &state, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_peek(NULL, items, 1, &state, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_take(local, NULL, 1, &state, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_take(local, items, 0, &state, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_take(local, items, 65, &state, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_take(local, items, 1, NULL, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_take(local, items, 1, &unset, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_take(local, items, 1, &state, NULL, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_take(local, &small, 1, &state, NULL, &decision), FARM_EINVAL);
    cr_expect_eq(try_take(local, items, 2, &error), FARM_EINVAL);
    cr_expect_eq(error.reason, FARM_RATE_REASON_TWICE);
    cr_expect_eq(farm_rate_local_take(local, items, 1, &state, NULL, &odd), FARM_EINVAL);
    cr_expect_eq(left(local, "rate", "ann"), 3, "none of them took anything");

    cr_expect_eq(farm_rate_local_refund(local, NULL, items, 1, &error), FARM_EINVAL);
    cr_expect_eq(error.reason, FARM_RATE_REASON_NOT_REFUNDABLE);
    cr_expect_eq(farm_rate_local_refund(local, &zero, items, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_refund(NULL, &token, items, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_release(local, &zero, items, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_renew(local, &zero, items, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_reset(NULL, items, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_reset(local, NULL, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_set_clock_us(NULL, 0), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_set_clock_us(local, -2), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_set_clock_us(local, INT64_MAX), FARM_EINVAL);
    farm_rate_local_free(local);
    farm_rate_local_free(NULL);
}

/* Callers of an older and of a newer header. */
Test(rate_local, structs_of_other_sizes_are_read_and_answered) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 3, 1, HOUR_US));
    struct {
        farm_rate_request known;
        int64_t later;
    } item = {request_of("rate", "ann", 1), 0};
    struct {
        farm_rate_state known;
        int64_t later;
    } state = {{.struct_size = sizeof state}, 7};
    struct {
        uint32_t struct_size;
        int32_t allowed;
    } decision = {sizeof decision, 9};
    farm_rate_decision *out = (void *)&decision;
    item.known.struct_size = sizeof item;

    cr_expect_eq(farm_rate_local_take(local, &item.known, 1, &state.known, NULL, out), FARM_OK);
    cr_expect_eq(decision.allowed, 1);
    cr_expect_eq(state.known.remaining, 2);
    cr_expect_eq(state.later, 0);
    item.later = 1;
    cr_expect_eq(farm_rate_local_take(local, &item.known, 1, &state.known, NULL, out),
                 FARM_EUNSUPPORTED);
    farm_rate_local_free(local);
}

Test(rate_local, options_are_checked_and_no_memory_is_said) {
    static const farm_clock no_clock = {.struct_size = sizeof no_clock};
    static const farm_entropy no_entropy = {.struct_size = sizeof no_entropy};
    static const uint32_t size = sizeof(farm_rate_local_options);
    const farm_rate_local_options cases[] = {
        {.struct_size = size, .bucket_count = 15},
        {.struct_size = size, .bucket_count = FARM_RATE_LOCAL_BUCKET_MAX + 1},
        {.struct_size = 0},
        {.struct_size = size, .clock = &no_clock},
        {.struct_size = size, .entropy = &no_entropy},
    };
    farm_error error = {.struct_size = sizeof error};
    farm_rate_local *local = (void *)&error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(farm_rate_local_new(&cases[i], &error, &local), FARM_EINVAL);
        cr_expect_null(local);
    }
    cr_expect_eq(farm_rate_local_new(NULL, &error, NULL), FARM_EINVAL);

    failing_allocator allocator = {.has_failed = 1};
    for (int64_t i = 0; allocator.has_failed; i++) {
        cr_assert_eq(failing_allocator_set(&allocator, i), FARM_OK);
        const farm_status status = farm_rate_local_new(NULL, &error, &local);
        cr_expect_eq(status, allocator.has_failed ? FARM_ENOMEM : FARM_OK);
        cr_expect_eq(local == NULL, allocator.has_failed);
        farm_rate_local_free(local);
        cr_expect_eq(allocator.live_count, 0);
    }
}

static int64_t fixed_ns(void *context) {
    return *(const int64_t *)context;
}

static void fill_ones(void *context, void *data, size_t size) {
    ++*(int *)context;
    memset(data, 1, size);
}

Test(rate_local, the_host_s_clock_and_entropy_are_used) {
    int64_t now_ns = NOW_US * 1000;
    int draws = 0;
    const farm_clock clock = {.struct_size = sizeof clock, .real_ns = fixed_ns, .context = &now_ns};
    const farm_entropy entropy = {
        .struct_size = sizeof entropy, .fill = fill_ones, .context = &draws};
    const farm_rate_local_options options = {
        .struct_size = sizeof options, .clock = &clock, .entropy = &entropy};
    farm_rate_limit limit = bucket_limit("rate", 1, 1, MINUTE_US);
    farm_rate_local *local = NULL;
    limit.jitter_percent = 10;
    cr_assert_eq(farm_rate_local_new(&options, NULL, &local), FARM_OK);
    define_one(local, limit);
    cr_assert(take(local, "rate", "ann", 1).decision.allowed);
    const int before = draws;

    const int64_t wait_us = take(local, "rate", "ann", 1).decision.retry_after_us;
    cr_expect(wait_us > MINUTE_US && wait_us < MINUTE_US + MINUTE_US / 10);
    cr_expect_gt(draws, before);
    now_ns += MINUTE_US * 1000;
    cr_expect(take(local, "rate", "ann", 1).decision.allowed);
    at(local, MINUTE_US);
    now_ns += MINUTE_US * 1000;
    cr_expect_not(take(local, "rate", "ann", 1).decision.allowed);
    cr_expect_eq(farm_rate_local_set_clock_us(local, -1), FARM_OK);
    cr_expect(take(local, "rate", "ann", 1).decision.allowed);
    farm_rate_local_free(local);
}

Test(rate_local, tokens_are_version_7_ids_and_differ) {
    enum { COUNT = 1000 };
    static farm_id seen[COUNT];
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", COUNT, 1, HOUR_US));
    for (size_t i = 0; i < COUNT; i++) {
        seen[i] = take(local, "rate", "ann", 1).decision.token;
        cr_expect_eq(seen[i].bytes[6] >> 4, 7);
        cr_expect_eq(seen[i].bytes[8] >> 6, 2);
        cr_expect_eq(seen[i].bytes[15] & 1, 0);
        for (size_t j = 0; j < i; j++) cr_assert_neq(memcmp(&seen[i], &seen[j], sizeof *seen), 0);
    }
    farm_rate_local_free(local);
}
