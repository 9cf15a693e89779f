/* The rules of rate limits: against an independent model of a token bucket, against behaviour that
 * other limiters have published, and at every bound. */
#include "base/clock.h"
#include "rate/rate_rules.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define NOW_US INT64_C(1767225600000000)

__extension__ typedef __int128 wide;

static farm_rate_limit limit_of(int64_t burst, int64_t count, int64_t period_us) {
    return (farm_rate_limit){.struct_size = sizeof(farm_rate_limit),
                             .name = "limit",
                             .burst = burst,
                             .count = count,
                             .period_us = period_us};
}

static rate_units units_of(int64_t burst, int64_t count, int64_t period_us) {
    farm_rate_limit limit = limit_of(burst, count, period_us);
    rate_units units = {0};
    cr_assert_null(rate_limit_complaint(&limit));
    cr_assert(rate_units_choose(&limit, &(zone){0}, &units));
    return units;
}

/* A bucket in the hands of the test. */
typedef struct bucket {
    rate_units units;
    rate_row row;
    int32_t has_row;
} bucket;

static farm_rate_state state_at(const bucket *from, int64_t now_us, int64_t cost,
                                int32_t is_taken) {
    farm_rate_state state = {.struct_size = sizeof state};
    rate_facts facts = {.row = from->row, .has_row = from->has_row, .is_taken = is_taken};
    rate_ask ask;
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    rate_decide(&from->units, &ask, &facts, &state);
    return state;
}

static farm_rate_state look(const bucket *from, int64_t now_us, int64_t cost) {
    return state_at(from, now_us, cost, 0);
}

static farm_rate_state take(bucket *from, int64_t now_us, int64_t cost) {
    rate_row after;
    rate_ask ask;
    farm_rate_state before = look(from, now_us, cost);
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    const int32_t is_taken =
        !rate_is_never(&from->units, cost) &&
        rate_row_take(&from->units, &ask, from->has_row ? &from->row : NULL, &after);
    /* The row and what is said of it agree. */
    cr_assert_eq(before.allowed, is_taken);
    if (!is_taken) return before;
    from->row = after;
    from->has_row = 1;
    return state_at(from, now_us, cost, 1);
}

static int64_t now_of(const rate_units *units, int64_t now_ns) {
    rate_moment moment;
    rate_moment_at(units, now_ns, &moment);
    return moment.now;
}

static int64_t expires_at(const rate_units *units, int64_t now_us) {
    rate_moment moment;
    rate_moment_at(units, now_us, &moment);
    return rate_expires_hour(&moment);
}

/* ------------------------------------------------------------------------- the units */

Test(rate_rules, units_are_exact_and_as_fine_as_the_century_allows) {
    static const struct {
        int64_t burst, count, period_us, tick_ns, speed, token;
    } cases[] = {
        {120, 120, MINUTE_US, 1, 1, 500000000}, /* as the spec computes it */
        {7, 7, SECOND_US, 1000, 7, 1000000},    /* 7 per ns would not last until 2200 */
        {5, 1, SECOND_US, 1, 1, 1000000000},
        {1, 3, 1, 1000, 3, 1},
        {1, 1000, 1, 1, 1, 1},
        {2147483647, 2147483647, 2147483647, 1, 1, 1000},
        {10, 10001, 86400 * SECOND_US, 1000000, 10001, 86400000},
        {2147483647, 1, SECOND_US, 1000, 1, 1000000}, /* 68 years to fill: too long in ns */
        {2147483647, 1, 3600 * SECOND_US, 1000000, 1, 3600000},
        {1, 1, RATE_PERIOD_MAX_US, 1, 1, RATE_PERIOD_MAX_US * 1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rate_units units = units_of(cases[i].burst, cases[i].count, cases[i].period_us);

        cr_assert_eq(units.tick_ns, cases[i].tick_ns, "case %zu", i);
        cr_assert_eq(units.speed, cases[i].speed, "case %zu", i);
        cr_assert_eq(units.token, cases[i].token, "case %zu", i);
        cr_assert_eq((wide)units.speed * cases[i].period_us * 1000,
                     (wide)units.token * cases[i].count * units.tick_ns, "case %zu", i);
        cr_assert_eq(units.capacity, cases[i].burst * cases[i].token, "case %zu", i);
    }
}

Test(rate_rules, what_cannot_be_counted_exactly_is_refused) {
    static const int64_t cases[][3] = {
        {1, 2147483647, RATE_PERIOD_MAX_US},   /* speed: too many units in a tick */
        {2147483647, 1, RATE_PERIOD_MAX_US},   /* capacity: beyond 2^62 */
        {1, 2147483647, 1},                    /* no millisecond in the period */
        {2147483647, 1, 3600 * SECOND_US + 1}, /* would fit in ms, were it divisible */
        {2147483647, 1, 86400 * SECOND_US},    /* fits in ms, but not its refill in µs */
        {2147483647, 1, 4293 * SECOND_US},     /* likewise, once the clock is added */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_rate_limit limit = limit_of(cases[i][0], cases[i][1], cases[i][2]);
        rate_units units;

        cr_assert_null(rate_limit_complaint(&limit));
        cr_assert_not(rate_units_choose(&limit, &(zone){0}, &units), "case %zu", i);
    }
}

Test(rate_rules, no_sum_overflows_at_the_end_of_time) {
    static const int64_t cases[][3] = {
        {1, 1, RATE_PERIOD_MAX_US},           {120, 120, MINUTE_US},
        {2147483647, 1, SECOND_US},           {2147483647, 1, 3600 * SECOND_US},
        {2147483647, 2147483647, 2147483647}, {1, 3, 1},
        {30, 10001, 86400 * SECOND_US},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rate_units units = units_of(cases[i][0], cases[i][1], cases[i][2]);
        const wide now = now_of(&units, INT64_MAX);

        cr_assert(now + 3 * (wide)units.capacity <= (wide)INT64_MAX, "case %zu", i);
        cr_assert((wide)units.capacity + units.slack <= (wide)INT64_MAX, "case %zu", i);
        cr_assert(expires_at(&units, INT64_MAX) <= INT64_MAX / RATE_HOUR_US, "case %zu", i);
        cr_assert(expires_at(&units, CLOCK_MAX_US * 1000) * RATE_HOUR_US >
                  CLOCK_MAX_US + units.refill_us);
        cr_assert_eq(RATE_CLOCK_MAX_US, CLOCK_MAX_US);
        cr_assert_eq(now_of(&units, -5), 0);
        bucket from = {.units = units, .row = {.tat = (int64_t)now + units.capacity}, .has_row = 1};
        cr_assert(look(&from, 0, RATE_AMOUNT_MAX).remaining == 0);
    }
}

/* ------------------------------------------------------------------------- the model */

static uint64_t random_state = 42;

static int64_t random_below(int64_t bound) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((random_state >> 33) % (uint64_t)bound);
}

static wide up(wide dividend, wide divisor) {
    return (dividend + divisor - 1) / divisor;
}

/* Microseconds until the model has gained so much: count a nanosecond, seen in ticks. */
static int64_t model_us(wide missing, int64_t count, int64_t tick_ns) {
    return (int64_t)up(up(missing, (wide)count * tick_ns) * tick_ns, 1000);
}

static void compare_with_model(int64_t burst, int64_t count, int64_t period_us, int64_t step_us) {
    bucket from = {.units = units_of(burst, count, period_us)};
    const int64_t tick_us = from.units.tick_ns / 1000 + (from.units.tick_ns < 1000);
    const wide period = (wide)period_us * 1000;
    const wide full = burst * period; /* what is left, in tokens × period */
    wide left = full;
    int64_t now_us = NOW_US;
    for (int32_t i = 0; i < 2000; i++) {
        const int64_t passed_us = random_below(step_us + 1) * tick_us;
        const int64_t cost = random_below(burst < 20 ? burst + 2 : burst / 7 + 2);
        now_us += passed_us;
        left += (wide)passed_us * 1000 * count;
        if (left > full) left = full;
        const int32_t fits = cost <= burst && left >= cost * period;
        const wide missing = cost * period - left;
        if (fits) left -= cost * period;

        farm_rate_state state = take(&from, now_us, cost);

        cr_assert_eq(state.allowed, fits, "step %d of %lld/%lld", i, (long long)count,
                     (long long)period_us);
        cr_assert_eq(state.remaining, (int64_t)(left / period), "step %d", i);
        cr_assert_eq(state.is_never, cost > burst);
        cr_assert_eq(state.reset_after_us, model_us(full - left, count, from.units.tick_ns));
        if (fits) cr_assert_eq(state.retry_after_us, 0);
        if (cost > burst) cr_assert_eq(state.retry_after_us, -1);
        if (!fits && cost <= burst)
            cr_assert_eq(state.retry_after_us, model_us(missing, count, from.units.tick_ns));
    }
}

Test(rate_rules, takes_agree_with_a_token_bucket_of_exact_fractions) {
    compare_with_model(7, 7, SECOND_US, 150000);
    compare_with_model(120, 120, MINUTE_US, 4000000);
    compare_with_model(1, 120, MINUTE_US, 600000);
    compare_with_model(10, 3, 1, 3);
    compare_with_model(1000000, 1000, 1, 50);
    compare_with_model(30, 10001, 86400 * SECOND_US, 20000);
    compare_with_model(3, 1, RATE_PERIOD_MAX_US, RATE_PERIOD_MAX_US);
    compare_with_model(2147483647, 2147483647, 2147483647, 200000000);
    compare_with_model(2147483647, 1, SECOND_US, 100 * SECOND_US);
}

/* -------------------------------------------------- what other limiters have published */

/* throttled and redis-cell: five fields after each call; here µs and -1 only for never. */
Test(rate_rules, a_burst_then_a_steady_rate_answers_as_throttled_does) {
    /* burst 5, one a second: {at second, cost, allowed, remaining, retry s, reset s} */
    static const int64_t rows[][6] = {
        {0, 6, 0, 5, -1, 0},   {0, 1, 1, 4, 0, 1},    {0, 1, 1, 3, 0, 2},    {0, 1, 1, 2, 0, 3},
        {0, 1, 1, 1, 0, 4},    {0, 1, 1, 0, 0, 5},    {0, 1, 0, 0, 1, 5},    {30, 1, 1, 4, 0, 1},
        {1030, 1, 1, 4, 0, 1}, {1030, 2, 1, 2, 0, 3}, {1030, 5, 0, 2, 3, 3}, {1030, 0, 1, 2, 0, 3},
        {1032, 3, 1, 1, 0, 4}, {1032, 2, 0, 1, 1, 4}, {1033, 2, 1, 0, 0, 5},
    };
    bucket from = {.units = units_of(5, 1, SECOND_US)};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t *row = rows[i];

        farm_rate_state state = take(&from, NOW_US + row[0] * SECOND_US, row[1]);

        cr_assert_eq(state.allowed, row[2], "row %zu", i);
        cr_assert_eq(state.remaining, row[3], "row %zu", i);
        cr_assert_eq(state.retry_after_us, row[4] < 0 ? -1 : row[4] * SECOND_US, "row %zu", i);
        cr_assert_eq(state.reset_after_us, row[5] * SECOND_US, "row %zu", i);
    }
}

/* golang.org/x/time/rate: 10 a second, burst 2, in tenths of a second. */
Test(rate_rules, ten_a_second_with_burst_two_answers_as_golang_does) {
    static const int64_t rows[][3] = {{0, 1, 1}, {0, 1, 1}, {0, 1, 0}, {0, 1, 0},
                                      {1, 1, 1}, {1, 1, 0}, {2, 2, 0}, {3, 2, 1},
                                      {3, 1, 0}, {9, 2, 1}, {9, 1, 0}};
    bucket from = {.units = units_of(2, 10, SECOND_US)};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(take(&from, NOW_US + rows[i][0] * 100000, rows[i][1]).allowed, rows[i][2],
                     "row %zu", i);
}

/* boulder: burst 10, 10 a second; a spend of everything, a wait for one, an idle second. */
Test(rate_rules, a_bucket_refills_one_emission_at_a_time_as_boulder_does) {
    bucket from = {.units = units_of(10, 10, SECOND_US)};
    for (int64_t i = 0; i < 10; i++) {
        farm_rate_state state = take(&from, NOW_US, 1);
        cr_assert_eq(state.remaining, 9 - i);
        cr_assert_eq(state.reset_after_us, (i + 1) * 100000);
    }
    cr_assert_eq(take(&from, NOW_US, 1).retry_after_us, 100000);
    cr_assert_not(take(&from, NOW_US + 99999, 1).allowed);
    cr_assert(take(&from, NOW_US + 100000, 1).allowed);
    cr_assert_eq(take(&from, NOW_US + 1100000, 10).remaining, 0);
    cr_assert_eq(look(&from, NOW_US + 1100000, 5).retry_after_us, 500000);
}

/* governor: n cells at once need n emissions; more than the burst is never. bucket4j: a rate that
 * does not divide the nanoseconds of a second loses nothing over a long time. */
Test(rate_rules, seven_a_second_are_exactly_seven_a_second_for_a_day) {
    bucket from = {.units = units_of(7, 7, SECOND_US)};
    int64_t taken = 0;
    for (int64_t second = 0; second < 86400; second++)
        while (take(&from, NOW_US + second * SECOND_US, 1).allowed) taken++;

    cr_assert_eq(taken, 7 * INT64_C(86400));
    cr_assert_eq(look(&from, NOW_US + 86399 * SECOND_US, 1).retry_after_us, 142858);
    cr_assert(look(&from, NOW_US + 86399 * SECOND_US, 8).is_never);
}

Test(rate_rules, burst_one_spreads_a_hundred_and_twenty_a_minute_evenly) {
    bucket from = {.units = units_of(1, 120, MINUTE_US)};

    cr_assert(take(&from, NOW_US, 1).allowed);
    cr_assert_eq(take(&from, NOW_US, 1).retry_after_us, 500000);
    cr_assert_not(take(&from, NOW_US + 499999, 1).allowed);
    cr_assert(take(&from, NOW_US + 500000, 1).allowed);
}

/* ------------------------------------------------------------------------- clocks */

Test(rate_rules, a_clock_set_back_by_hours_heals_with_one_call) {
    bucket from = {.units = units_of(10, 10, SECOND_US)};
    take(&from, NOW_US, 4);
    const int64_t back_us = NOW_US - 3 * RATE_HOUR_US;

    farm_rate_state seen = look(&from, back_us, 1);
    farm_rate_state first = take(&from, back_us, 1);
    farm_rate_state second = take(&from, back_us, 1);

    cr_assert(seen.allowed);
    cr_assert_eq(seen.remaining, 0);
    cr_assert(first.allowed);
    cr_assert_eq(first.remaining, 0);
    cr_assert_not(second.allowed);
    cr_assert_eq(second.retry_after_us, 100000);
    cr_assert(take(&from, back_us + 100000, 1).allowed);
}

Test(rate_rules, two_nodes_a_second_apart_do_not_double_the_rate) {
    bucket from = {.units = units_of(10, 10, SECOND_US)};
    int64_t taken = 0;
    for (int64_t i = 0; i < 30000; i++) { /* 30 s, a try each millisecond */
        const int64_t skew_us = i % 2 == 0 ? 0 : SECOND_US;
        taken += take(&from, NOW_US + i * 1000 + skew_us, 1).allowed;
    }

    cr_assert_geq(taken, 300);
    cr_assert_leq(taken, 320);
}

Test(rate_rules, a_debt_within_the_slack_waits_instead_of_healing) {
    bucket from = {.units = units_of(10, 10, SECOND_US)};
    take(&from, NOW_US, 10);

    farm_rate_state state = take(&from, NOW_US - 4 * SECOND_US, 0);

    cr_assert_not(state.allowed); /* in debt beyond its capacity: even a cost of 0 */
    cr_assert_eq(state.retry_after_us, 4 * SECOND_US);
    cr_assert_eq(state.remaining, 0);
}

/* ------------------------------------------------------------------------- decisions */

static farm_rate_state state_of(int32_t allowed, int32_t is_never, int64_t remaining, int64_t burst,
                                int64_t retry_after_us) {
    return (farm_rate_state){.allowed = allowed,
                             .is_never = is_never,
                             .remaining = remaining,
                             .burst = burst,
                             .retry_after_us = retry_after_us};
}

Test(rate_rules, the_longest_wait_decides_a_refusal) {
    const farm_rate_state states[] = {state_of(1, 0, 1, 100, 0), state_of(0, 0, 0, 5, 300),
                                      state_of(0, 0, 0, 5, 900), state_of(0, 0, 0, 5, 900)};
    farm_rate_decision decision;

    rate_conclude(states, 4, &decision);

    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 2);
    cr_assert_eq(decision.retry_after_us, 900);
    cr_assert_not(decision.is_never);
}

Test(rate_rules, never_decides_over_every_wait) {
    const farm_rate_state states[] = {state_of(0, 0, 0, 5, 900), state_of(0, 1, 5, 5, -1),
                                      state_of(0, 1, 5, 5, -1), state_of(0, 0, 0, 5, 1000)};
    farm_rate_decision decision;

    rate_conclude(states, 4, &decision);

    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 1);
    cr_assert_eq(decision.retry_after_us, -1);
    cr_assert(decision.is_never);
}

Test(rate_rules, the_smallest_part_left_decides_what_is_allowed) {
    const farm_rate_state states[] = {state_of(1, 0, 3, 5, 0),
                                      state_of(1, 0, 2147483646, 2147483647, 0),
                                      state_of(1, 0, 50, 100, 0), state_of(1, 0, 5, 10, 0)};
    farm_rate_decision decision;
    memset(&decision, 0xFF, sizeof decision);

    rate_conclude(states, 4, &decision);

    cr_assert(decision.allowed);
    cr_assert_eq(decision.decided_index, 2);
    cr_assert_eq(decision.retry_after_us, 0);
    cr_assert_eq(decision.token.bytes[0], 0);
}

/* ------------------------------------------------------------------------- definitions */

Test(rate_rules, defaults_are_filled_in) {
    farm_rate_limit limit = limit_of(0, 120, MINUTE_US);

    cr_assert_null(rate_limit_complaint(&limit));

    cr_assert_eq(limit.burst, 120);
    cr_assert_eq(limit.ipv4_prefix, 32);
    cr_assert_eq(limit.ipv6_prefix, 64);
}

Test(rate_rules, every_field_out_of_range_is_named) {
    static const struct {
        farm_rate_limit limit;
        const char *word;
    } cases[] = {
        {{.scope = -1, .count = 1, .period_us = 1}, "scope"},
        {{.scope = 4, .count = 1, .period_us = 1}, "scope"},
        {{.count = 0, .period_us = 1}, "count"},
        {{.count = -1, .period_us = 1}, "count"},
        {{.count = INT64_C(2147483648), .period_us = 1}, "count"},
        {{.count = 1, .burst = -1, .period_us = 1}, "burst"},
        {{.count = 1, .burst = INT64_C(2147483648), .period_us = 1}, "burst"},
        {{.count = 1, .period_us = 0}, "period"},
        {{.count = 1, .period_us = RATE_PERIOD_MAX_US + 1}, "period"},
        {{.count = 1, .period_us = 1, .ipv4_prefix = 24}, "prefix"},
        {{.count = 1, .period_us = 1, .ipv6_prefix = 48}, "prefix"},
        {{.scope = 2, .count = 1, .period_us = 1, .ipv4_prefix = 33}, "IPv4 prefix"},
        {{.scope = 2, .count = 1, .period_us = 1, .ipv4_prefix = -1}, "IPv4 prefix"},
        {{.scope = 2, .count = 1, .period_us = 1, .ipv6_prefix = 129}, "IPv6 prefix"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_rate_limit limit = cases[i].limit;
        const char *complaint = rate_limit_complaint(&limit);
        cr_assert_not_null(complaint, "case %zu", i);
        cr_assert_not_null(strstr(complaint, cases[i].word), "case %zu: %s", i, complaint);
    }
}

Test(rate_rules, names_are_visible_ascii_without_quotes_and_backslashes) {
    char longest[FARM_KEY_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    static const char *const wrong[] = {NULL,   "",     "a b",  "a\"b",
                                        "a\\b", "a\tb", "\x7f", "\xc3\xa9"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not_null(rate_name_complaint(wrong[i]), "name %zu", i);
    cr_assert_not_null(rate_name_complaint(longest));
    cr_assert_null(rate_name_complaint(longest + 1));
    cr_assert_null(rate_name_complaint("!per-user/minute~"));
}

/* ------------------------------------------------------------------------- refunds */

Test(rate_rules, a_token_is_a_uuid_of_version_7) {
    farm_id token = {{0}};

    cr_assert_not(rate_token_is_sound(&token));
    token.bytes[6] = 0x7A;
    cr_assert_not(rate_token_is_sound(&token));
    token.bytes[8] = 0xBF;
    cr_assert(rate_token_is_sound(&token));
    token.bytes[6] = 0x4A;
    cr_assert_not(rate_token_is_sound(&token));
}

Test(rate_rules, a_refund_is_honoured_for_a_refill_and_an_hour_a_year_at_most) {
    const int64_t made_ms = NOW_US / 1000;
    farm_id token = {{0}};
    for (int32_t i = 0; i < 6; i++) token.bytes[i] = (uint8_t)(made_ms >> (40 - 8 * i));
    rate_units minute = units_of(120, 120, MINUTE_US);
    rate_units years = units_of(3, 1, RATE_PERIOD_MAX_US);

    cr_assert_eq(rate_refund_until_us(&minute, &token), NOW_US + MINUTE_US + RATE_HOUR_US);
    cr_assert_eq(rate_refund_until_us(&years, &token), NOW_US + RATE_PERIOD_MAX_US + RATE_HOUR_US);
}

/* ---------------------------------------------------------------------------- parts of a limit */

/* Any size is as likely as any other. */
static int64_t random_up_to(int64_t most) {
    const int64_t bound = INT64_C(1) << (1 + random_below(45));
    return 1 + random_below(bound < most ? bound : most);
}

static void check_part(farm_rate_limit whole, int32_t part_count) {
    farm_rate_limit part = whole;
    rate_units units;

    rate_limit_divide(&part, part_count);

    cr_assert(rate_units_choose(&part, &(zone){0}, &units), "%lld in %lld, burst %lld, %d parts",
              (long long)whole.count, (long long)whole.period_us, (long long)whole.burst,
              part_count);
    cr_assert_eq(part.burst, (int64_t)up(whole.burst, part_count));
    /* All parts together give what the whole gives, and with a token less they would not. */
    const wide given = (wide)part.count * part_count * whole.period_us;
    const wide wanted = (wide)whole.count * part.period_us;
    cr_assert(given >= wanted);
    cr_assert(given - (wide)part_count * whole.period_us < wanted);
    cr_assert(part.period_us == RATE_PERIOD_MAX_US || given == wanted ||
              part.period_us > RATE_PERIOD_MAX_US / 2);
}

Test(rate_rules, parts_of_any_limit_can_be_counted_and_make_a_whole) {
    static const int64_t steps_us[] = {1, 1000, SECOND_US, MINUTE_US, 86400 * SECOND_US};
    int32_t checked = 0;
    check_part(limit_of(10, 10, 86400 * SECOND_US), 4);
    check_part(limit_of(1, 64 * 31622400, RATE_PERIOD_MAX_US), 7);
    check_part(limit_of(1, 2, RATE_PERIOD_MAX_US), 4);
    for (int32_t i = 0; i < 200000; i++) {
        const int64_t step_us = steps_us[random_below(5)];
        const farm_rate_limit whole =
            limit_of(random_up_to(RATE_AMOUNT_MAX), random_up_to(RATE_AMOUNT_MAX),
                     random_up_to(RATE_PERIOD_MAX_US / step_us) * step_us);
        rate_units units;
        if (!rate_units_choose(&whole, &(zone){0}, &units)) continue;
        check_part(whole, (int32_t)(1 + random_below(RATE_NODE_MAX)));
        checked++;
    }
    cr_assert_gt(checked, 20000);
}
