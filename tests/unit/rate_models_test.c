/* The rules of rate limits against models that are written from the definitions alone, in 128 bits:
 * windows by the days of the C library, the sliding window counter by its inequation, buckets by
 * fractions; with forced takes, refunds and looks mixed in. A wait is checked to be the least. */
#include "base/clock.h"
#include "base/integer.h"
#include "rate/rate_rules.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define DAY_US (86400 * SECOND_US)
#define NOW_US INT64_C(1767225600000000) /* 2026-01-01 */

__extension__ typedef __int128 wide;

static uint64_t random_state = 7;

static int64_t below(int64_t bound) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((random_state >> 32) % (uint64_t)bound);
}

static wide least(wide left, wide right) {
    return left < right ? left : right;
}

static wide most(wide left, wide right) {
    return left > right ? left : right;
}

static wide up(wide dividend, wide divisor) {
    return (dividend + divisor - 1) / divisor;
}

/* --- the rules in the hands of a test --------------------------------------------------------- */

typedef struct subject {
    rate_units units;
    rate_row row;
    int32_t has_row;
    farm_rate_state state; /* of the last call */
} subject;

static subject subject_of(farm_rate_limit limit, const char *zone_text) {
    subject made = {.has_row = 0};
    zone place;
    limit.name = "limit";
    limit.zone = zone_text;
    cr_assert_null(zone_parse(zone_text, &place));
    const char *complaint = rate_limit_complaint(&limit);
    cr_assert_null(complaint, "%s", complaint);
    cr_assert(rate_units_choose(&limit, &place, &made.units));
    return made;
}

static void decide(subject *from, int64_t now_us, int64_t cost, int32_t is_taken) {
    const rate_facts facts = {.row = from->row, .has_row = from->has_row, .is_taken = is_taken};
    rate_ask ask;
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    rate_decide(&from->units, &ask, &facts, &from->state);
}

static int32_t take(subject *from, int64_t now_us, int64_t cost) {
    rate_ask ask;
    rate_row after;
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    decide(from, now_us, cost, 0);
    const int32_t fits =
        !rate_is_never(&from->units, cost) &&
        rate_row_take(&from->units, &ask, from->has_row ? &from->row : NULL, &after);
    cr_assert_eq(from->state.allowed, fits);
    if (!fits) return 0;
    from->row = after;
    from->has_row = 1;
    decide(from, now_us, cost, 1);
    return 1;
}

static void force(subject *from, int64_t now_us, int64_t cost) {
    rate_ask ask;
    rate_ask_at(&from->units, now_us * 1000, cost, &ask);
    ask.increment = rate_force_increment(&from->units, cost);
    cr_assert(rate_row_force(&from->units, &ask, from->has_row ? &from->row : NULL, &from->row));
    from->has_row = 1;
}

static farm_id token_at(int64_t now_us) {
    farm_id token = {{0}};
    for (int i = 0; i < 6; i++) token.bytes[i] = (uint8_t)(now_us / 1000 >> (40 - 8 * i));
    return token;
}

static void refund(subject *from, int64_t now_us, int64_t made_us, int64_t cost) {
    const farm_id token = token_at(made_us);
    rate_ask ask = {.increment = rate_force_increment(&from->units, cost)};
    rate_row after;
    if (now_us > rate_refund_until_us(&from->units, &token)) return;
    rate_refund_moment(&from->units, &token, now_us * 1000, &ask.moment);
    if (rate_row_refund(&ask, from->has_row ? &from->row : NULL, &after)) from->row = after;
}

/* The wait of the last call, which was refused, is the least after which the cost fits. */
static void check_wait(subject *from, int64_t now_us, int64_t cost) {
    const int64_t wait_us = from->state.retry_after_us;
    const int64_t tick_us = (int64_t)most(1, from->units.tick_ns / 1000);
    cr_assert_gt(wait_us, 0);
    decide(from, now_us + wait_us, cost, 0);
    cr_assert(from->state.allowed, "not after %lld", (long long)wait_us);
    decide(from, now_us + wait_us - tick_us, cost, 0);
    cr_assert_not(from->state.allowed, "before %lld", (long long)wait_us);
}

/* --- windows ---------------------------------------------------------------------------------- */

/* The number of a moment's window, by the C library's own zones. */
static int64_t window_number(int32_t calendar, int64_t standard_s, int64_t period_us,
                             int64_t now_us) {
    const time_t now_s = (time_t)(now_us / SECOND_US);
    struct tm local;
    cr_assert_not_null(localtime_r(&now_s, &local));
    /* Days since 1970 of a date, by the rule of a civil calendar: the zone plays no part. */
    struct tm date = {.tm_year = local.tm_year, .tm_mon = local.tm_mon, .tm_mday = local.tm_mday};
    const int64_t year = local.tm_year + 1900 - (local.tm_mon < 2);
    const int64_t shifted = (local.tm_mon + 10) % 12;
    const int64_t day = year * 365 + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 +
                        date.tm_mday - 719469;
    if (calendar == FARM_RATE_CALENDAR_HOUR) return (now_us / SECOND_US + standard_s) / 3600;
    if (calendar == FARM_RATE_CALENDAR_DAY) return day;
    if (calendar == FARM_RATE_CALENDAR_WEEK) return (day + 3) / 7; /* 1970-01-01: a Thursday */
    if (calendar == FARM_RATE_CALENDAR_MONTH) return local.tm_year * 12 + local.tm_mon;
    if (calendar == FARM_RATE_CALENDAR_YEAR) return local.tm_year;
    return now_us / period_us;
}

typedef struct window_case {
    const char *zone;
    int32_t calendar;
    int64_t period_us;
    int64_t start_us;
    int64_t step_us;
} window_case;

static void walk_windows(const window_case *one) {
    const int64_t count = 20;
    subject from = subject_of((farm_rate_limit){.algorithm = FARM_RATE_ALGORITHM_WINDOW,
                                                .count = count,
                                                .calendar = one->calendar,
                                                .period_us = one->period_us},
                              one->calendar == FARM_RATE_CALENDAR_NONE ? NULL : one->zone);
    const int64_t standard_s = zone_standard_offset_s(&from.units.zone);
    setenv("TZ", one->zone, 1);
    tzset();
    int64_t now_us = one->start_us;
    int64_t last = -1;
    wide used = 0;
    for (int step = 0; step < 3000 && now_us < CLOCK_MAX_US - 400 * DAY_US; step++) {
        now_us += below(one->step_us);
        const int64_t number = window_number(one->calendar, standard_s, one->period_us, now_us);
        cr_assert_geq(number, last);
        if (number != last) used = 0;
        last = number;
        const int64_t cost = below(12);
        const int64_t kind = below(10);
        if (kind == 0) {
            force(&from, now_us, cost * 4);
            used = least(used + cost * 4, most(used, 2 * count));
        } else if (kind == 1) {
            const int64_t made_us = now_us - below(2 * one->step_us);
            refund(&from, now_us, made_us, cost + 1);
            if (window_number(one->calendar, standard_s, one->period_us,
                              made_us / 1000 * 1000 + 999) == number)
                used = most(0, used - cost - 1);
        } else {
            const int32_t fits = used + cost <= count;
            if (fits) used += cost;
            cr_assert_eq(take(&from, now_us, cost), fits, "%s %d, step %d", one->zone,
                         one->calendar, step);
            cr_assert_eq(from.state.remaining, (int64_t)most(0, count - used));
            cr_assert_eq(from.state.reset_after_us > 0, used > 0);
            if (!fits) check_wait(&from, now_us, cost);
        }
    }
}

Test(rate_models, windows_agree_with_the_days_of_the_c_library) {
    static const char *const zones[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "EST5EDT,M3.2.0,M11.1.0", "IST-5:30",
                                        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"};
    /* Days on which clocks change, the end of a leap February, the turn of a century. */
    static const int64_t starts_us[] = {INT64_C(1774569600000000), INT64_C(1792800000000000),
                                        INT64_C(1835136000000000), INT64_C(4102272000000000)};
    static const int64_t steps_us[] = {
        0, MINUTE_US * 10, 3600 * SECOND_US, 5 * 3600 * SECOND_US, DAY_US, 9 * DAY_US};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        for (size_t j = 0; j < sizeof starts_us / sizeof *starts_us; j++)
            for (int32_t calendar = FARM_RATE_CALENDAR_HOUR; calendar <= FARM_RATE_CALENDAR_YEAR;
                 calendar++)
                walk_windows(
                    &(window_case){zones[i], calendar, 0, starts_us[j], steps_us[calendar]});
}

Test(rate_models, windows_of_a_period_begin_in_1970) {
    static const int64_t periods_us[] = {1000,          1001,   SECOND_US,
                                         7 * MINUTE_US, DAY_US, INT64_C(366) * DAY_US};
    for (size_t i = 0; i < sizeof periods_us / sizeof *periods_us; i++)
        walk_windows(&(window_case){"UTC0", 0, periods_us[i], NOW_US, periods_us[i] / 4 + 1});
}

/* --- the sliding window counter --------------------------------------------------------------- */

typedef struct sliding_model {
    wide count;
    wide period_us;
    wide window;
    wide used;
    wide previous;
} sliding_model;

static void slide(sliding_model *model, int64_t now_us) {
    const wide window = now_us / model->period_us;
    if (window == model->window) return;
    model->previous = window == model->window + 1 ? model->used : 0;
    model->used = 0;
    model->window = window;
}

/* What the header promises: what is left of the window before, as if it had come evenly. */
static int32_t sliding_fits(const sliding_model *from, int64_t now_us, wide cost) {
    sliding_model model = *from;
    slide(&model, now_us);
    const wide left = model.period_us - now_us % model.period_us;
    return model.previous * left + (model.used + cost) * model.period_us <=
           model.count * model.period_us;
}

static void walk_sliding(int64_t count, int64_t period_us, int64_t step_us) {
    subject from = subject_of((farm_rate_limit){.algorithm = FARM_RATE_ALGORITHM_SLIDING,
                                                .count = count,
                                                .period_us = period_us},
                              NULL);
    sliding_model model = {.count = count, .period_us = period_us};
    const int64_t tick_us = (int64_t)most(1, from.units.tick_ns / 1000);
    int64_t now_us = NOW_US;
    int64_t refusals = 0;
    for (int step = 0; step < 4000; step++) {
        now_us += below(step_us / tick_us + 1) * tick_us;
        slide(&model, now_us);
        const int64_t cost = below(count / 3 + 3);
        const int64_t kind = below(12);
        if (kind == 0) {
            force(&from, now_us, cost * 3);
            model.used =
                least(model.used + least(cost * 3, 2 * count), most(model.used, 2 * (wide)count));
            continue;
        }
        if (kind == 1) {
            const int64_t made_us = now_us - below(period_us);
            refund(&from, now_us, made_us, cost + 1);
            if ((made_us / 1000 * 1000 + 999) / period_us == model.window)
                model.used = most(0, model.used - cost - 1);
            continue;
        }
        const int32_t fits = cost <= count && sliding_fits(&model, now_us, cost);
        if (fits) model.used += cost;
        cr_assert_eq(take(&from, now_us, cost), fits, "step %d of %lld in %lld", step,
                     (long long)count, (long long)period_us);
        const farm_rate_state state = from.state;
        cr_assert_eq(state.is_never, cost > count);
        cr_assert(state.remaining == 0 || sliding_fits(&model, now_us, state.remaining));
        cr_assert_not(sliding_fits(&model, now_us, state.remaining + 1));
        const wide end_us = (model.window + 1) * model.period_us;
        const wide full_us = model.used > 0       ? end_us + period_us
                             : model.previous > 0 ? end_us
                                                  : now_us;
        cr_assert_eq(state.reset_after_us, (int64_t)(full_us - now_us));
        if (fits || cost > count) continue;
        refusals++;
        check_wait(&from, now_us, cost);
        cr_assert(sliding_fits(&model, now_us + state.retry_after_us, cost));
        cr_assert_not(sliding_fits(&model, now_us + state.retry_after_us - tick_us, cost));
    }
    cr_assert_gt(refusals, 300);
}

Test(rate_models, sliding_windows_agree_with_their_inequation) {
    walk_sliding(1, SECOND_US, 400000);
    walk_sliding(50, MINUTE_US, 8 * SECOND_US);
    walk_sliding(7, 1000, 300);
    walk_sliding(13, 1000003, 200000);
    walk_sliding(1000000, 3600 * SECOND_US, 900 * SECOND_US);
    walk_sliding(2147483647, MINUTE_US, 8 * SECOND_US);
    walk_sliding(100, INT64_C(366) * DAY_US, 40 * DAY_US);
}

/* --- buckets with debts and refunds ----------------------------------------------------------- */

static void walk_bucket(int64_t burst, int64_t count, int64_t period_us, int64_t initial,
                        int64_t step_us) {
    subject from = subject_of(
        (farm_rate_limit){
            .burst = burst, .count = count, .period_us = period_us, .initial = initial},
        NULL);
    const int64_t tick_us = (int64_t)most(1, from.units.tick_ns / 1000);
    const wide token = (wide)period_us * 1000; /* what is left is in tokens × period */
    const wide full = burst * token;
    int64_t now_us = NOW_US;
    wide left = (initial == 0 ? burst : initial) * token;
    decide(&from, now_us, 0, 0);
    cr_assert_eq(from.state.remaining, (int64_t)(left / token));
    from.has_row = 1; /* as rate.bucket_open makes it */
    rate_moment moment;
    rate_moment_at(&from.units, now_us * 1000, &moment);
    from.row.tat = moment.now + from.units.opening;
    for (int step = 0; step < 3000; step++) {
        const int64_t passed_us = below(step_us + 1) * tick_us;
        now_us += passed_us;
        left = least(full, left + (wide)passed_us * 1000 * count);
        const int64_t cost = below(burst / 4 + 2);
        const int64_t kind = below(8);
        if (kind == 0) {
            force(&from, now_us, cost);
            left = most(left - least(cost, 2 * burst) * token, least(left, -full));
        } else if (kind == 1) {
            refund(&from, now_us, now_us, cost + 1);
            left = least(full, left + least(cost + 1, 2 * burst) * token);
        }
        decide(&from, now_us, cost, 0);
        const int32_t fits = cost <= burst && left >= cost * token;
        cr_assert_eq(from.state.allowed, fits, "step %d", step);
        if (!fits && cost <= burst) check_wait(&from, now_us, cost);
        if (fits) left -= cost * token;
        cr_assert_eq(take(&from, now_us, cost), fits);
        cr_assert_eq(from.state.remaining, (int64_t)(most(0, left) / token));
        const wide rate = (wide)count * from.units.tick_ns;
        cr_assert_eq(from.state.reset_after_us,
                     (int64_t)up(up(full - left, rate) * from.units.tick_ns, 1000));
    }
}

Test(rate_models, buckets_go_into_debt_and_come_out_of_it_exactly) {
    walk_bucket(10, 10, SECOND_US, 0, 200000);
    walk_bucket(40, 7, SECOND_US, 13, 900000);
    walk_bucket(1, 120, MINUTE_US, 0, 600000);
    walk_bucket(5, 10001, DAY_US, 1, 3000);
    walk_bucket(2147483647, 1, SECOND_US, 5, INT64_C(100000000) * SECOND_US);
}

/* --- holds ------------------------------------------------------------------------------------ */

Test(rate_models, holds_are_counted_and_nothing_else) {
    subject from = subject_of((farm_rate_limit){.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
                                                .count = 5,
                                                .period_us = 3 * SECOND_US},
                              NULL);
    for (int64_t held = 0; held <= 7; held++)
        for (int64_t cost = 0; cost <= 7; cost++)
            for (int32_t is_taken = 0; is_taken <= (held >= cost && held <= 5 && cost > 0);
                 is_taken++) {
                const rate_facts facts = {
                    .held = held, .earliest_us = NOW_US + 900, .is_taken = is_taken};
                rate_ask ask;
                farm_rate_state state = {0};
                rate_ask_at(&from.units, NOW_US * 1000, cost, &ask);
                rate_decide(&from.units, &ask, &facts, &state);
                const int32_t never = cost > 5 && !is_taken;
                const int32_t fits = is_taken || cost == 0 || (held + cost <= 5 && !never);
                cr_assert_eq(state.allowed, fits, "%lld %lld", (long long)held, (long long)cost);
                cr_assert_eq(state.is_never, never);
                cr_assert_eq(state.remaining, held > 5 ? 0 : 5 - held);
                cr_assert_eq(state.retry_after_us, never ? -1 : fits ? 0 : 900);
                cr_assert_eq(state.reset_after_us, held > 0 ? 3 * SECOND_US : 0);
                cr_assert_eq(state.burst, 5);
                cr_assert_eq(state.refill_us, 3 * SECOND_US);
                cr_assert_eq(ask.moment.expires_us, NOW_US + 3 * SECOND_US);
            }
}

/* --- arithmetic ------------------------------------------------------------------------------- */

Test(rate_models, a_scaled_number_is_exact_in_126_bits) {
    static const int64_t edges[] = {0, 1, 2, 3, 1000003, INT64_MAX / 3, INT64_MAX - 1, INT64_MAX};
    enum { EDGE_COUNT = sizeof edges / sizeof *edges };
    for (int i = 0; i < 20000; i++) {
        int64_t denominator = i % 3 == 0 ? edges[1 + below(EDGE_COUNT - 1)]
                                         : (int64_t)(random_state >> 1 >> below(62)) + 1;
        below(2);
        int64_t numerator =
            i % 5 == 0 ? edges[below(EDGE_COUNT)] : (int64_t)(random_state >> 1 >> below(63));
        below(2);
        if (denominator <= 0) denominator = INT64_MAX;
        const int64_t value =
            i % 7 == 0 ? denominator : (int64_t)((random_state >> 1) % (uint64_t)denominator);

        const int64_t scaled = integer_scale_up(value, numerator, denominator);

        cr_assert_eq(scaled, (int64_t)up((wide)value * numerator, denominator),
                     "%lld * %lld / %lld", (long long)value, (long long)numerator,
                     (long long)denominator);
    }
}
