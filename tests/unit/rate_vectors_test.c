/* What other rate limiters have published of their behaviour, as tables: each is named with where
 * it can be read. No code of theirs is here. */
#include "rate/rate_rules.h"
#include <criterion/criterion.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define DAY_US (86400 * SECOND_US)
#define NOW_US INT64_C(1767225600000000) /* 2026-01-01 00:00 UTC */

enum { KEEP = FARM_RATE_CHANGE_KEEP, PART = FARM_RATE_CHANGE_PROPORTIONAL };

typedef struct bucket {
    rate_units units;
    rate_row row;
    int32_t has_row;
} bucket;

static rate_units units_of(farm_rate_limit limit, const char *zone_text) {
    rate_units units;
    zone place;
    limit.zone = zone_text;
    cr_assert_null(zone_parse(zone_text, &place));
    cr_assert_null(rate_limit_complaint(&limit));
    cr_assert(rate_units_choose(&limit, &place, &units));
    return units;
}

static bucket bucket_of(int64_t burst, int64_t count, int64_t period_us) {
    return (bucket){
        .units = units_of((farm_rate_limit){.burst = burst, .count = count, .period_us = period_us},
                          NULL)};
}

static farm_rate_state state_at(const bucket *from, int64_t now_us, int64_t cost,
                                int32_t is_taken) {
    const rate_facts facts = {.row = from->row, .has_row = from->has_row, .is_taken = is_taken};
    farm_rate_state state = {0};
    rate_ask ask;
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    rate_decide(&from->units, &ask, &facts, &state);
    return state;
}

static farm_rate_state take(bucket *from, int64_t now_us, int64_t cost) {
    rate_ask ask;
    rate_row after;
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    if (rate_is_never(&from->units, cost) ||
        !rate_row_take(&from->units, &ask, from->has_row ? &from->row : NULL, &after))
        return state_at(from, now_us, cost, 0);
    from->row = after;
    from->has_row = 1;
    return state_at(from, now_us, cost, 1);
}

static void refund(bucket *from, int64_t now_us, int64_t cost) {
    rate_ask ask;
    rate_ask_at(&from->units, now_us * 1000, 0, &ask);
    ask.increment = rate_force_increment(&from->units, cost);
    (void)rate_row_refund(&ask, from->has_row ? &from->row : NULL, &from->row);
}

static void force(bucket *from, int64_t now_us, int64_t cost) {
    rate_ask ask;
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    ask.increment = rate_force_increment(&from->units, cost);
    (void)rate_row_force(&from->units, &ask, from->has_row ? &from->row : NULL, &from->row);
    from->has_row = 1;
}

static int64_t left(const bucket *from, int64_t now_us) {
    return state_at(from, now_us, 0, 0).remaining;
}

/* throttled, rate_test.go, and redis-cell, README ("CL.THROTTLE user123 15 30 60 1": a burst of 15
 * more, so 16 in all, 30 in 60 s; the reply is limited, limit, remaining, retry, reset). */
Test(rate_vectors, redis_cell_answers_five_fields) {
    bucket from = bucket_of(16, 30, MINUTE_US);
    const farm_rate_state first = take(&from, NOW_US, 1);

    cr_assert(first.allowed);
    cr_assert_eq(first.burst, 16);
    cr_assert_eq(first.remaining, 15);
    cr_assert_eq(first.retry_after_us, 0);
    cr_assert_eq(first.reset_after_us, 2 * SECOND_US);
    /* A quantity of 0 looks; one above the limit is refused with -1; a negative one gives back. */
    cr_assert_eq(take(&from, NOW_US, 0).remaining, 15);
    cr_assert_eq(take(&from, NOW_US, 17).retry_after_us, -1);
    cr_assert_eq(left(&from, NOW_US), 15);
    cr_assert_eq(take(&from, NOW_US, 15).remaining, 0);
    cr_assert_eq(take(&from, NOW_US, 3).retry_after_us, 6 * SECOND_US);
    refund(&from, NOW_US, 3);
    cr_assert_eq(left(&from, NOW_US), 3);
    refund(&from, NOW_US, 100);
    cr_assert_eq(left(&from, NOW_US), 16);
}

/* golang.org/x/time/rate, rate_test.go: a burst that differs from the rate, n above the burst is
 * false for ever, tokens after an advance; SetBurst keeps what there is up to the new burst. */
Test(rate_vectors, golang_keeps_what_there_is_up_to_the_burst) {
    /* tenths of a second, n, allowed: limit 10 a second, burst 3 */
    static const int64_t rows[][3] = {{0, 4, 0}, {0, 3, 1}, {0, 1, 0}, {1, 2, 0},  {2, 2, 1},
                                      {3, 1, 1}, {6, 4, 0}, {6, 3, 1}, {50, 3, 1}, {50, 1, 0}};
    bucket from = bucket_of(3, 10, SECOND_US);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(take(&from, NOW_US + rows[i][0] * SECOND_US / 10, rows[i][1]).allowed,
                     rows[i][2], "row %zu", i);
    const int64_t later_us = NOW_US + 60 * SECOND_US;
    take(&from, later_us, 1);
    const rate_units smaller = bucket_of(1, 10, SECOND_US).units;
    const rate_units larger = bucket_of(100, 10, SECOND_US).units;
    cr_assert_eq(smaller.capacity -
                     rate_carry(&from.units, &from.row, later_us * 1000, KEEP, &smaller),
                 1 * smaller.token);
    cr_assert_eq(larger.capacity -
                     rate_carry(&from.units, &from.row, later_us * 1000, KEEP, &larger),
                 2 * larger.token);
}

/* bucket4j, documentation, "Configuration replacement": RESET fills; AS_IS keeps the tokens, up to
 * the new capacity; PROPORTIONALLY keeps their part, so that 40 of 100 are 20 of 50 and 80 of 200;
 * ADDITIVE adds what the capacity grew by, which here is a change of burst alone. */
Test(rate_vectors, bucket4j_replaces_its_configuration_in_four_ways) {
    bucket from = bucket_of(100, 100, MINUTE_US);
    take(&from, NOW_US, 60);
    static const struct {
        int32_t change;
        int64_t burst, left;
    } rows[] = {{KEEP, 200, 40}, {KEEP, 30, 30},  {KEEP, 50, 40},
                {PART, 50, 20},  {PART, 200, 80}, {PART, 100, 40}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bucket to = bucket_of(rows[i].burst, 7, SECOND_US);
        rate_moment moment;
        rate_moment_at(&to.units, NOW_US * 1000, &moment);
        to.row.tat = moment.now +
                     rate_carry(&from.units, &from.row, NOW_US * 1000, rows[i].change, &to.units);
        to.has_row = 1;
        cr_assert_eq(left(&to, NOW_US), rows[i].left, "row %zu", i);
    }
    bucket grown = {bucket_of(150, 100, MINUTE_US).units, from.row, 1};
    cr_assert(rate_units_equal(&grown.units, &from.units));
    cr_assert_eq(left(&grown, NOW_US), 90);
}

/* bucket4j, documentation: addTokens never exceeds the capacity; consumeIgnoringRateLimits goes
 * into debt, after which consumption waits until it is paid. */
Test(rate_vectors, bucket4j_goes_into_debt_and_pays_it) {
    bucket from = bucket_of(10, 10, 10 * SECOND_US);
    take(&from, NOW_US, 10);
    force(&from, NOW_US, 4);

    cr_assert_eq(take(&from, NOW_US, 1).retry_after_us, 5 * SECOND_US);
    cr_assert_not(take(&from, NOW_US + 5 * SECOND_US - 1, 1).allowed);
    cr_assert(take(&from, NOW_US + 5 * SECOND_US, 1).allowed);
    refund(&from, NOW_US + 5 * SECOND_US, 25);
    cr_assert_eq(left(&from, NOW_US + 5 * SECOND_US), 10);
}

/* letsencrypt/boulder, ratelimits/README.md and limiter_test.go: several limits are decided
 * together and the strictest of them is told; check-only spends nothing; spend-only spends what
 * there is and never refuses; a refund never exceeds the burst. */
Test(rate_vectors, boulder_tells_the_strictest_of_a_batch) {
    bucket account = bucket_of(20, 20, SECOND_US);
    bucket domain = bucket_of(5, 5, 10 * SECOND_US);
    farm_rate_decision decision;
    for (int i = 0; i < 5; i++) {
        take(&account, NOW_US, 1);
        take(&domain, NOW_US, 1);
    }
    const farm_rate_state refused[] = {state_at(&account, NOW_US, 1, 0),
                                       state_at(&domain, NOW_US, 1, 0)};
    rate_conclude(refused, 2, &decision);
    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 1);
    cr_assert_eq(decision.retry_after_us, 2 * SECOND_US);

    /* check-only */
    cr_assert_eq(left(&account, NOW_US), 15);
    /* spend-only: here a limit whose cost is forced, which says nothing in the decision */
    force(&domain, NOW_US, 1);
    farm_rate_state spent[] = {state_at(&account, NOW_US, 1, 0), state_at(&domain, NOW_US, 1, 1)};
    spent[1].is_shadow = 1;
    rate_conclude(spent, 2, &decision);
    cr_assert(decision.allowed);
    cr_assert_eq(state_at(&domain, NOW_US, 1, 0).retry_after_us, 4 * SECOND_US);
    /* refund */
    refund(&account, NOW_US, 2);
    cr_assert_eq(left(&account, NOW_US), 17);
    refund(&account, NOW_US, 20);
    cr_assert_eq(left(&account, NOW_US), 20);
}

/* governor, documentation of check_n: all n cells at once or none, more than the burst never; the
 * earliest time is told. Quota: 5 a second with a burst of 3. */
Test(rate_vectors, governor_lets_n_cells_through_at_once_or_none) {
    bucket from = bucket_of(3, 5, SECOND_US);

    cr_assert(take(&from, NOW_US, 4).is_never);
    cr_assert(take(&from, NOW_US, 2).allowed);
    cr_assert_eq(take(&from, NOW_US, 2).retry_after_us, 200000);
    cr_assert(take(&from, NOW_US, 1).allowed);
    cr_assert_eq(take(&from, NOW_US, 3).retry_after_us, 600000);
    cr_assert_not(take(&from, NOW_US + 599999, 3).allowed);
    cr_assert(take(&from, NOW_US + 600000, 3).allowed);
}

/* Cloudflare, "How we built rate limiting capable of scaling to millions of domains": a limit of 50
 * a minute, 42 requests in the minute before, 18 in the current one which began 15 s ago:
 * 42 × (60 - 15) / 60 + 18 = 49.5 requests; the next one is over the limit. */
Test(rate_vectors, cloudflare_counts_forty_nine_and_a_half) {
    bucket from = {.units = units_of((farm_rate_limit){.algorithm = FARM_RATE_ALGORITHM_SLIDING,
                                                       .count = 50,
                                                       .period_us = MINUTE_US},
                                     NULL)};
    const int64_t now_us = NOW_US + 15 * SECOND_US;
    cr_assert_eq(take(&from, NOW_US - 30 * SECOND_US, 42).remaining, 8);
    cr_assert(take(&from, now_us, 18).allowed);

    cr_assert_eq(left(&from, now_us), 0); /* 0.5 */
    const farm_rate_state refused = take(&from, now_us, 1);
    cr_assert_not(refused.allowed);
    /* 42 × left / 60 must fall to 31: left is 44.29 s, which is 0.71 s from now. */
    cr_assert_eq(refused.retry_after_us, 714286);
    cr_assert(take(&from, now_us + 714286, 1).allowed);
}

/* envoyproxy/ratelimit, README: requests_per_unit of a unit, whose window begins with the unit:
 * all of the quota is there again when the minute, the hour, the day turns. */
Test(rate_vectors, envoy_fills_the_quota_when_the_unit_turns) {
    static const struct {
        int32_t calendar;
        int64_t unit_us;
    } units[] = {{FARM_RATE_CALENDAR_NONE, MINUTE_US},
                 {FARM_RATE_CALENDAR_HOUR, 60 * MINUTE_US},
                 {FARM_RATE_CALENDAR_DAY, DAY_US},
                 {FARM_RATE_CALENDAR_MONTH, 31 * DAY_US},
                 {FARM_RATE_CALENDAR_YEAR, 365 * DAY_US}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        bucket from = {.units = units_of(
                           (farm_rate_limit){.algorithm = FARM_RATE_ALGORITHM_WINDOW,
                                             .count = 10,
                                             .calendar = units[i].calendar,
                                             .period_us = units[i].calendar == 0 ? MINUTE_US : 0},
                           NULL)};
        const int64_t last_us = NOW_US + units[i].unit_us - 1;
        for (int j = 0; j < 10; j++) cr_assert(take(&from, last_us, 1).allowed);
        const farm_rate_state refused = take(&from, last_us, 1);
        cr_assert_not(refused.allowed);
        cr_assert_eq(refused.retry_after_us, 1, "unit %zu", i);
        cr_assert_eq(take(&from, last_us + 1, 10).remaining, 0);
        cr_assert_not(take(&from, last_us + 2, 1).allowed);
    }
}

/* The same in a zone: the day of Berlin on which clocks go forward has 23 hours. */
Test(rate_vectors, a_day_of_twenty_three_hours_is_a_day) {
    bucket from = {.units = units_of((farm_rate_limit){.algorithm = FARM_RATE_ALGORITHM_WINDOW,
                                                       .count = 1,
                                                       .calendar = FARM_RATE_CALENDAR_DAY},
                                     "CET-1CEST,M3.5.0,M10.5.0/3")};
    const int64_t begin_us = INT64_C(1774738800000000); /* 2026-03-29 00:00 CET */
    cr_assert(take(&from, begin_us - 1, 1).allowed);
    cr_assert(take(&from, begin_us, 1).allowed);

    cr_assert_eq(take(&from, begin_us, 1).retry_after_us, 23 * 60 * MINUTE_US);
    cr_assert(take(&from, begin_us + 23 * 60 * MINUTE_US, 1).allowed);
}
