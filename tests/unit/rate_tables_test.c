/* The rules of rate limits at their bounds: clocks set back and ahead, the year 2200, what a change
 * carries over, jitter, decisions with limits in shadow mode, and every complaint. */
#include "base/clock.h"
#include "rate/rate_rules.h"
#include <criterion/criterion.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
#define NOW_US INT64_C(1767225600000000) /* 2026-01-01, where a window of each kind begins */

enum { BUCKET, WINDOW, SLIDING, CONCURRENCY };

static rate_units units_of(farm_rate_limit limit) {
    rate_units units = {0};
    const char *complaint = rate_limit_complaint(&limit);
    cr_assert_null(complaint, "%s", complaint);
    cr_assert(rate_units_choose(&limit, &(zone){0}, &units));
    return units;
}

static rate_units plain(int32_t algorithm, int64_t count, int64_t period_us) {
    return units_of(
        (farm_rate_limit){.algorithm = algorithm, .count = count, .period_us = period_us});
}

static farm_rate_state look(const rate_units *units, const rate_row *row, int64_t now_us,
                            int64_t cost) {
    const rate_facts facts = {.row = row == NULL ? (rate_row){0} : *row, .has_row = row != NULL};
    farm_rate_state state = {0};
    rate_ask ask;
    rate_ask_at(units, now_us * 1000, cost, &ask);
    rate_decide(units, &ask, &facts, &state);
    return state;
}

static int32_t take(const rate_units *units, rate_row *row, int64_t now_us, int64_t cost) {
    rate_ask ask;
    rate_ask_at(units, now_us * 1000, cost, &ask);
    return rate_row_take(units, &ask, row, row);
}

static rate_row row_of(const rate_units *units, int64_t now_us, int64_t cost) {
    rate_row row = {0};
    rate_ask ask;
    rate_ask_at(units, now_us * 1000, cost, &ask);
    cr_assert(rate_row_take(units, &ask, NULL, &row));
    return row;
}

/* --- clocks --------------------------------------------------------------------------------- */

/* Two nodes at the edge of a window: whoever is behind finds the row of the window after his, and
 * must not take a second quota from it. */
Test(rate_tables, clocks_that_differ_at_the_edge_of_a_window_do_not_grant_twice) {
    static const int32_t algorithms[] = {WINDOW, SLIDING};
    for (size_t i = 0; i < 2; i++) {
        const rate_units units = plain(algorithms[i], 10, MINUTE_US);
        rate_row row = row_of(&units, NOW_US, 4); /* the node that is ahead */

        cr_assert_not(take(&units, &row, NOW_US - 1, 1));
        farm_rate_state state = look(&units, &row, NOW_US - SECOND_US, 1);
        cr_assert_not(state.allowed);
        cr_assert_eq(state.remaining, 0);
        cr_assert_eq(state.retry_after_us, SECOND_US);
        cr_assert_eq(state.reset_after_us,
                     SECOND_US + (algorithms[i] == SLIDING ? 2 : 1) * MINUTE_US);
        cr_assert(take(&units, &row, NOW_US, 6));
        cr_assert_not(take(&units, &row, NOW_US, 1));
        /* All of the window ahead is used, so it is the one after it that must be waited for. */
        state = look(&units, &row, NOW_US - SECOND_US, 1);
        const int64_t tail_us = algorithms[i] == SLIDING ? MINUTE_US / 10 : 0;
        cr_assert_eq(state.retry_after_us, SECOND_US + MINUTE_US + tail_us, "%lld",
                     (long long)state.retry_after_us);
    }
}

Test(rate_tables, a_clock_set_back_by_windows_heals_with_one_call) {
    static const int32_t algorithms[] = {WINDOW, SLIDING};
    for (size_t i = 0; i < 2; i++) {
        const rate_units units = plain(algorithms[i], 10, MINUTE_US);
        rate_row row = row_of(&units, NOW_US + 3 * MINUTE_US, 4);

        const farm_rate_state seen = look(&units, &row, NOW_US, 1);
        cr_assert(seen.allowed);
        cr_assert_eq(seen.remaining, 0);
        cr_assert(take(&units, &row, NOW_US, 1));
        cr_assert_not(take(&units, &row, NOW_US, 1));
        cr_assert_eq(row.previous, 0);
        cr_assert(take(&units, &row, NOW_US + 2 * MINUTE_US, 10));
    }
}

Test(rate_tables, forcing_a_stray_row_leaves_it_in_debt_from_an_empty_bucket) {
    for (int32_t algorithm = BUCKET; algorithm <= SLIDING; algorithm++) {
        const rate_units units = plain(algorithm, 10, MINUTE_US);
        rate_row row = row_of(&units, NOW_US + 10 * MINUTE_US, 4);
        rate_moment moment;
        rate_ask ask;
        rate_ask_at(&units, NOW_US * 1000, 3, &ask);
        rate_moment_at(&units, NOW_US * 1000, &moment);

        cr_assert(rate_row_is_stray(&units, &moment, &row));
        cr_assert(rate_row_force(&units, &ask, &row, &row));

        cr_assert_eq(row.debt, 3 * units.token);
        cr_assert_eq(rate_row_used(&moment, &row), 13 * units.token);
        cr_assert_not(rate_row_is_stray(&units, &moment, &row));
        cr_assert_eq(look(&units, &row, NOW_US, 0).allowed, 0);
    }
}

Test(rate_tables, a_debt_from_another_bound_is_not_made_less_by_a_forced_cost) {
    const rate_units units = plain(BUCKET, 10, 10 * SECOND_US);
    const rate_moment moment = {.now = NOW_US * 1000, .reach = INT64_MAX};
    rate_row row = {.tat = moment.now + 25 * units.token, .debt = 15 * units.token};
    rate_ask ask;
    rate_ask_at(&units, NOW_US * 1000, 1, &ask);

    cr_assert(rate_row_force(&units, &ask, &row, &row));

    cr_assert_eq(row.tat, moment.now + 25 * units.token);
    cr_assert_eq(row.debt, 15 * units.token);
}

/* --- the end of time ------------------------------------------------------------------------- */

Test(rate_tables, every_algorithm_counts_up_to_2200_and_from_1970) {
    static const farm_rate_limit limits[] = {
        {.algorithm = WINDOW, .count = 2147483647, .period_us = 1000},
        {.algorithm = WINDOW, .count = 2147483647, .calendar = FARM_RATE_CALENDAR_HOUR},
        {.algorithm = WINDOW, .count = 1, .calendar = FARM_RATE_CALENDAR_YEAR},
        {.algorithm = SLIDING, .count = 2147483647, .period_us = MINUTE_US},
        {.algorithm = SLIDING, .count = 1, .period_us = 1000},
        {.algorithm = CONCURRENCY, .count = 10000, .period_us = RATE_PERIOD_MAX_US},
    };
    static const int64_t moments_us[] = {0, 1, CLOCK_MAX_US - 1, CLOCK_MAX_US, INT64_MAX / 1000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        farm_rate_limit limit = limits[i];
        rate_units units;
        cr_assert_null(rate_limit_complaint(&limit));
        if (!rate_units_choose(&limit, &(zone){0}, &units)) {
            cr_assert_eq(i, 0, "case %zu", i); /* too many windows of too long a stride */
            continue;
        }
        for (size_t j = 0; j < sizeof moments_us / sizeof *moments_us; j++) {
            rate_moment moment;
            rate_moment_at(&units, moments_us[j] * 1000, &moment);
            cr_assert_geq(moment.now, j == 0 && units.stride == 0 ? 0 : units.stride);
            cr_assert_gt(moment.expires_us, moment.now_us);
            cr_assert_leq(moment.now_us, CLOCK_MAX_US);
            cr_assert_lt(rate_expires_hour(&moment), INT64_MAX / RATE_HOUR_US);
            cr_assert_geq(rate_force_expires_hour(&units, &moment), rate_expires_hour(&moment));
            cr_assert_leq(rate_force_expires_hour(&units, &moment), INT64_MAX / RATE_HOUR_US);
            if (units.stride == 0) continue;
            rate_row row = row_of(&units, moments_us[j], limit.count);
            rate_ask ask;
            rate_ask_at(&units, moments_us[j] * 1000, limit.count, &ask);
            cr_assert(rate_row_force(&units, &ask, &row, &row));
            cr_assert_eq(row.debt, limit.count);
            cr_assert_not(look(&units, &row, moments_us[j], 1).allowed);
            cr_assert_gt(look(&units, &row, moments_us[j], 1).retry_after_us, 0);
        }
    }
}

Test(rate_tables, the_longest_bucket_is_kept_for_as_long_as_numbers_reach) {
    const rate_units units = plain(BUCKET, 1, SECOND_US);
    rate_units longest = units;
    rate_moment moment;
    longest.refill_us = INT64_MAX - CLOCK_MAX_US - 2 * RATE_HOUR_US;
    rate_moment_at(&longest, INT64_MAX, &moment);

    cr_assert_leq(rate_force_expires_hour(&longest, &moment), INT64_MAX / RATE_HOUR_US);
    cr_assert_geq(rate_force_expires_hour(&longest, &moment), rate_expires_hour(&moment));
}

/* --- refunds ---------------------------------------------------------------------------------- */

static farm_id token_at(int64_t now_us) {
    farm_id token = {{0}};
    for (int i = 0; i < 6; i++) token.bytes[i] = (uint8_t)(now_us / 1000 >> (40 - 8 * i));
    return token;
}

Test(rate_tables, a_refund_gives_back_only_in_the_window_that_it_was_taken_of) {
    const rate_units units = plain(WINDOW, 10, MINUTE_US);
    const farm_id before = token_at(NOW_US - 1);
    const farm_id now = token_at(NOW_US);
    rate_row row = row_of(&units, NOW_US, 4);
    rate_ask ask = {.increment = 3};

    cr_assert_eq(rate_refund_until_us(&units, &before), NOW_US - 1);
    cr_assert_eq(rate_refund_until_us(&units, &now), NOW_US + MINUTE_US - 1);
    rate_refund_moment(&units, &before, NOW_US * 1000, &ask.moment);
    cr_assert_not(rate_row_refund(&ask, &row, &row));
    rate_refund_moment(&units, &now, (NOW_US - 1) * 1000, &ask.moment);
    cr_assert(rate_row_refund(&ask, &row, &row));
    cr_assert_eq(look(&units, &row, NOW_US, 0).remaining, 9);
    cr_assert(rate_row_refund(&ask, &row, &row));
    cr_assert_eq(look(&units, &row, NOW_US, 0).remaining, 10);
    cr_assert_not(rate_row_refund(&ask, &row, &row));
    cr_assert_not(rate_row_refund(&ask, NULL, &row));
}

/* --- changes ---------------------------------------------------------------------------------- */

/* What a new bucket has left, of an old one with `used` of its tokens used. */
static int64_t carried(const rate_units *old, int64_t used, int32_t change, const rate_units *units,
                       int64_t later_us) {
    const rate_row row = row_of(old, NOW_US, used);
    const int64_t opening = rate_carry(old, &row, (NOW_US + later_us) * 1000, change, units);
    cr_assert_geq(opening, 0);
    cr_assert_leq(opening, units->capacity);
    return (units->capacity - opening) / units->token;
}

Test(rate_tables, a_change_keeps_tokens_or_their_part_from_any_algorithm_to_any_other) {
    enum { KEEP = FARM_RATE_CHANGE_KEEP, PART = FARM_RATE_CHANGE_PROPORTIONAL };
    for (int32_t from = BUCKET; from <= SLIDING; from++)
        for (int32_t to = BUCKET; to <= SLIDING; to++) {
            const rate_units old = plain(from, 100, MINUTE_US);
            const rate_units less = plain(to, 50, 7 * SECOND_US);
            const rate_units more = plain(to, 1000, DAY_US);

            cr_assert_eq(carried(&old, 30, KEEP, &less, 0), 50);
            cr_assert_eq(carried(&old, 80, KEEP, &less, 0), 20);
            cr_assert_eq(carried(&old, 100, KEEP, &less, 0), 0);
            cr_assert_eq(carried(&old, 30, KEEP, &more, 0), 70);
            cr_assert_eq(carried(&old, 30, PART, &less, 0), 35);
            cr_assert_eq(carried(&old, 100, PART, &less, 0), 0);
            cr_assert_eq(carried(&old, 33, PART, &less, 0), 33); /* 33.5, never more */
            cr_assert_eq(carried(&old, 30, PART, &more, 0), 700);
        }
}

Test(rate_tables, what_came_back_since_is_carried_over_too) {
    const rate_units units = plain(BUCKET, 10, SECOND_US);
    const rate_units bucket = plain(BUCKET, 100, MINUTE_US);
    const rate_units window = plain(WINDOW, 100, MINUTE_US);
    const rate_units sliding = plain(SLIDING, 100, MINUTE_US);

    cr_assert_eq(carried(&bucket, 100, 2, &units, 3 * SECOND_US), 5);
    cr_assert_eq(carried(&bucket, 100, 3, &units, 30 * SECOND_US), 5);
    cr_assert_eq(carried(&window, 100, 3, &units, MINUTE_US - 1), 0);
    cr_assert_eq(carried(&window, 100, 3, &units, MINUTE_US), 10);
    /* What was used of the window before weighs, too: half of it after half of this one. */
    cr_assert_eq(carried(&sliding, 100, 3, &units, MINUTE_US), 0);
    cr_assert_eq(carried(&sliding, 100, 3, &units, MINUTE_US + MINUTE_US / 2), 5);
    cr_assert_eq(carried(&sliding, 100, 2, &units, MINUTE_US + MINUTE_US / 4 * 3), 10);
    cr_assert_eq(carried(&sliding, 100, 3, &units, 2 * MINUTE_US), 10);
}

Test(rate_tables, a_debt_becomes_an_empty_bucket) {
    const rate_units old = plain(BUCKET, 10, SECOND_US);
    const rate_units units = plain(WINDOW, 5, SECOND_US);
    rate_row row = row_of(&old, NOW_US, 10);
    rate_ask ask;
    rate_ask_at(&old, NOW_US * 1000, 10, &ask);
    cr_assert(rate_row_force(&old, &ask, &row, &row));

    cr_assert_eq(rate_carry(&old, &row, NOW_US * 1000, FARM_RATE_CHANGE_KEEP, &units), 5);
    cr_assert_eq(rate_carry(&old, &row, NOW_US * 1000, FARM_RATE_CHANGE_PROPORTIONAL, &units), 5);
}

/* --- jitter ----------------------------------------------------------------------------------- */

Test(rate_tables, jitter_is_never_shorter_and_up_to_its_part_longer) {
    static const int64_t waits_us[] = {1, 99, 100, 12345, SECOND_US, 400 * DAY_US, INT64_MAX / 2};
    static const int32_t percents[] = {1, 3, 50, 100};
    uint64_t random = 1;
    for (size_t i = 0; i < sizeof waits_us / sizeof *waits_us; i++)
        for (size_t j = 0; j < sizeof percents / sizeof *percents; j++) {
            const int64_t wait_us = waits_us[i];
            const int64_t extra = wait_us / 100 * percents[j];
            cr_assert_eq(rate_jitter(wait_us, percents[j], 0), wait_us);
            cr_assert_leq(rate_jitter(wait_us, percents[j], UINT32_MAX), wait_us + extra);
            cr_assert_geq(rate_jitter(wait_us, percents[j], UINT32_MAX),
                          wait_us + extra - extra / 4294967295 - 1);
            cr_assert_eq(rate_jitter(wait_us, percents[j], UINT32_C(1) << 31), wait_us + extra / 2);
        }
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        sum += (double)rate_jitter(SECOND_US, 20, (uint32_t)(random >> 32)) - SECOND_US;
    }
    cr_assert(sum / 10000 > 97000 && sum / 10000 < 103000, "%f", sum / 10000);
    cr_assert_eq(rate_jitter(0, 50, UINT32_MAX), 0);
    cr_assert_eq(rate_jitter(-1, 50, UINT32_MAX), -1);
    cr_assert_eq(rate_jitter(77, 0, UINT32_MAX), 77);
    cr_assert_eq(rate_jitter(INT64_MAX - 1, 100, UINT32_MAX), INT64_MAX);
}

/* --- decisions -------------------------------------------------------------------------------- */

static farm_rate_state line(int32_t is_shadow, int32_t allowed, int64_t remaining,
                            int64_t retry_us) {
    return (farm_rate_state){.allowed = allowed,
                             .is_shadow = is_shadow,
                             .is_never = retry_us < 0,
                             .burst = 10,
                             .remaining = remaining,
                             .retry_after_us = retry_us};
}

Test(rate_tables, a_limit_in_shadow_mode_has_no_part_in_the_decision) {
    const struct {
        farm_rate_state states[3];
        int32_t allowed, index, is_shadowed, is_never;
        int64_t retry_us;
    } cases[] = {
        {{line(1, 0, 0, 900), line(0, 1, 5, 0), line(0, 1, 4, 0)}, 1, 2, 1, 0, 0},
        {{line(0, 1, 9, 0), line(1, 0, 0, -1), line(1, 1, 1, 0)}, 1, 0, 1, 0, 0},
        {{line(1, 0, 0, -1), line(0, 0, 1, 50), line(1, 0, 0, 900)}, 0, 1, 1, 0, 50},
        {{line(1, 1, 0, 0), line(1, 1, 9, 0), line(0, 0, 1, -1)}, 0, 2, 0, 1, -1},
        {{line(0, 0, 0, 10), line(1, 0, 0, 900), line(0, 0, 0, 20)}, 0, 2, 1, 0, 20},
        {{line(1, 0, 0, 10), line(1, 0, 0, 900), line(1, 0, 0, -1)}, 1, 0, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_rate_decision decision;
        memset(&decision, 0xFF, sizeof decision);

        rate_conclude(cases[i].states, 3, &decision);

        cr_assert_eq(decision.allowed, cases[i].allowed, "case %zu", i);
        cr_assert_eq(decision.decided_index, cases[i].index, "case %zu", i);
        cr_assert_eq(decision.is_shadowed, cases[i].is_shadowed, "case %zu", i);
        cr_assert_eq(decision.is_never, cases[i].is_never, "case %zu", i);
        cr_assert_eq(decision.retry_after_us, cases[i].retry_us, "case %zu", i);
        cr_assert_eq(decision.is_degraded, 0);
    }
}

/* --- definitions ------------------------------------------------------------------------------ */

Test(rate_tables, every_wrong_field_of_every_algorithm_is_named) {
    static const struct {
        farm_rate_limit limit;
        const char *word;
    } cases[] = {
        {{.algorithm = -1, .count = 1, .period_us = 1}, "algorithm"},
        {{.algorithm = 4, .count = 1, .period_us = 1}, "algorithm"},
        {{.count = 5, .initial = 6, .period_us = 1}, "initial"},
        {{.count = 5, .initial = -1, .period_us = 1}, "initial"},
        {{.count = 5, .lease_count = 6, .period_us = 1}, "leases"},
        {{.count = 5, .lease_count = -1, .period_us = 1}, "leases"},
        {{.count = 5, .calendar = 2}, "calendar"},
        {{.count = 5, .period_us = 1, .zone = "UTC0"}, "zone"},
        {{.algorithm = 1, .count = 5, .burst = 4, .period_us = 1000}, "burst"},
        {{.algorithm = 1, .count = 5, .initial = 4, .period_us = 1000}, "initial"},
        {{.algorithm = 1, .count = 5, .lease_count = 4, .period_us = 1000}, "leases"},
        {{.algorithm = 1, .count = 5, .period_us = 999}, "period"},
        {{.algorithm = 1, .count = 5, .period_us = RATE_PERIOD_MAX_US + 1}, "period"},
        {{.algorithm = 1, .count = 5, .calendar = 6}, "calendar"},
        {{.algorithm = 1, .count = 5, .calendar = -1}, "calendar"},
        {{.algorithm = 1, .count = 5, .calendar = 2, .period_us = 1000}, "period"},
        {{.algorithm = 2, .count = 5, .calendar = 2}, "calendar"},
        {{.algorithm = 2, .count = 5, .period_us = 0}, "period"},
        {{.algorithm = 3, .count = 10001, .period_us = 1000}, "10000"},
        {{.algorithm = 3, .count = 1, .calendar = 1}, "calendar"},
        {{.count = 1, .period_us = 1, .is_shadow = 2}, "shadow"},
        {{.count = 1, .period_us = 1, .is_shadow = -1}, "shadow"},
        {{.count = 1, .period_us = 1, .on_error = 3}, "errors"},
        {{.count = 1, .period_us = 1, .on_error = -1}, "errors"},
        {{.count = 1, .period_us = 1, .on_change = 4}, "change"},
        {{.count = 1, .period_us = 1, .on_change = -1}, "change"},
        {{.count = 1, .period_us = 1, .node_count = 10001}, "nodes"},
        {{.count = 1, .period_us = 1, .node_count = -1}, "nodes"},
        {{.count = 1, .period_us = 1, .jitter_percent = 101}, "jitter"},
        {{.count = 1, .period_us = 1, .jitter_percent = -1}, "jitter"},
        {{.count = 1, .period_us = 1, .denied_us = 60 * SECOND_US + 1}, "refusals"},
        {{.count = 1, .period_us = 1, .denied_us = -1}, "refusals"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_rate_limit limit = cases[i].limit;
        const char *complaint = rate_limit_complaint(&limit);
        cr_assert_not_null(complaint, "case %zu", i);
        cr_assert_not_null(strstr(complaint, cases[i].word), "case %zu: %s", i, complaint);
    }
}

Test(rate_tables, every_bound_itself_is_allowed) {
    static const farm_rate_limit limits[] = {
        {.count = 5, .initial = 5, .lease_count = 5, .period_us = 1, .zone = ""},
        {.algorithm = 1, .count = 5, .burst = 5, .period_us = 1000},
        {.algorithm = 1, .count = 2147483647, .period_us = RATE_PERIOD_MAX_US},
        {.algorithm = 1, .count = 5, .calendar = 5, .zone = "UTC0"},
        {.algorithm = 2, .count = 1, .period_us = 1000},
        {.algorithm = 3, .count = 10000, .period_us = 1000},
        {.scope = 2, .count = 1, .period_us = 1, .ipv4_prefix = 1, .ipv6_prefix = 128},
        {.count = 1,
         .period_us = 1,
         .is_shadow = 1,
         .on_error = 2,
         .on_change = 3,
         .node_count = 10000,
         .jitter_percent = 100,
         .denied_us = 60 * SECOND_US},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        farm_rate_limit limit = limits[i];
        const char *complaint = rate_limit_complaint(&limit);
        cr_assert_null(complaint, "case %zu: %s", i, complaint);
        cr_assert_eq(limit.burst, limit.count);
        cr_assert_geq(limit.node_count, 1);
    }
}

/* --- units ------------------------------------------------------------------------------------ */

Test(rate_tables, small_changes_of_a_quota_leave_the_stride_and_units_as_they_are) {
    static const int64_t strides[][2] = {{1, 4},  {2, 8},       {3, 8},       {4, 16},     {7, 16},
                                         {8, 32}, {1000, 2048}, {1023, 2048}, {1024, 4096}};
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) {
        const rate_units units = plain(WINDOW, strides[i][0], MINUTE_US);
        cr_assert_eq(units.stride, strides[i][1], "case %zu", i);
        cr_assert_gt(units.stride, 2 * units.capacity);
    }
}

Test(rate_tables, units_are_equal_when_rows_mean_the_same) {
    const rate_units base = plain(WINDOW, 10, MINUTE_US);
    const rate_units same = plain(WINDOW, 12, MINUTE_US);
    rate_units others[10];
    for (size_t i = 0; i < 10; i++) others[i] = base;
    others[0].algorithm = SLIDING;
    others[1].calendar = FARM_RATE_CALENDAR_DAY;
    others[2].zone.standard_s = 3600;
    others[3].tick_ns = 1000;
    others[4].speed = 2;
    others[5].token = 2;
    others[6].stride = 64;
    others[7].span = 2;
    others[8].period_us = 1;
    others[9].zone.begin.kind = 1;

    cr_assert(rate_units_equal(&base, &same));
    for (size_t i = 0; i < 10; i++) cr_assert_not(rate_units_equal(&base, &others[i]), "%zu", i);
}

Test(rate_tables, a_sliding_window_takes_the_ticks_that_its_sums_allow) {
    cr_assert_eq(plain(SLIDING, 50, MINUTE_US).tick_ns, 1);
    cr_assert_eq(plain(SLIDING, 2147483647, MINUTE_US).tick_ns, 1000);
    cr_assert_eq(plain(SLIDING, 2147483647, 3600 * SECOND_US).tick_ns, 1000000);
    farm_rate_limit limit = {.algorithm = SLIDING, .count = 2147483647, .period_us = 1001};
    rate_units units;
    cr_assert_null(rate_limit_complaint(&limit));
    /* Too many windows until 2200 for the stride of such a quota. */
    cr_assert_not(rate_units_choose(&limit, &(zone){0}, &units));
    limit.period_us = RATE_PERIOD_MAX_US;
    cr_assert_not(rate_units_choose(&limit, &(zone){0}, &units));
    limit.count = 1;
    limit.burst = 1;
    cr_assert(rate_units_choose(&limit, &(zone){0}, &units));
}
