/* How limits become exact units, and moments in them. The bounds that make every sum fit, here and
 * in the statements, are all in this file. */
#include "base/integer.h"
#include "rate/rate_rules.h"
#include <string.h>

static const int64_t tick_ns_choices[RATE_TICK_COUNT] = {1, 1000, 1000000};

/* Windows are numbered from 1, so that none is before the first. */
enum { FIRST_WINDOW = 1 };

typedef int32_t (*make_function)(const farm_rate_limit *limit, rate_units *units);
typedef void (*moment_function)(const rate_units *units, int64_t now_ns, rate_moment *out);

/* Microseconds of so many ticks, rounded up; 0 when they do not fit. */
static int32_t ticks_to_us(const rate_units *units, int64_t ticks, int64_t *out) {
    if (units->tick_ns == 1) {
        *out = integer_divide_up(ticks, 1000);
        return 1;
    }
    return integer_multiply(ticks, units->tick_ns / 1000, out);
}

/* --- the token bucket ------------------------------------------------------------------------- */

/* The largest sum is that of a bucket forced in 2200, looked at after the clock was set back to
 * 1970, plus a cost: now + 3 × capacity. The slack is less than now. */
static int32_t fits_clock(const rate_units *units) {
    int64_t sum = 0;
    if (!integer_multiply(RATE_CLOCK_MAX_US * 1000 / units->tick_ns, units->speed, &sum)) return 0;
    for (int32_t i = 0; i <= RATE_FORCE_FACTOR; i++)
        if (!integer_add(sum, units->capacity, &sum)) return 0;
    return 1;
}

static int32_t make_bucket(const farm_rate_limit *limit, rate_units *units) {
    const int64_t period = limit->period_us * 1000 / units->tick_ns;
    const int64_t divisor = integer_gcd(limit->count, period);
    units->speed = limit->count / divisor;
    units->token = period / divisor;
    if (!integer_multiply(units->burst, units->token, &units->capacity)) return 0;
    if (!fits_clock(units)) return 0;
    units->slack = RATE_SLACK_US * 1000 / units->tick_ns * units->speed;
    units->opening = (units->burst - limit->initial) * units->token;
    /* Likewise in microseconds, for the answers, the expiry and its rounding up to hours. */
    if (!ticks_to_us(units, integer_divide_up(units->capacity, units->speed), &units->refill_us))
        return 0;
    return units->refill_us <= INT64_MAX - RATE_CLOCK_MAX_US - 2 * RATE_HOUR_US;
}

static void bucket_moment(const rate_units *units, int64_t now_ns, rate_moment *out) {
    const int64_t ticks = units->tick_ns == 1 ? now_ns : now_ns / units->tick_ns;
    out->now = ticks * units->speed;
    out->expires_us = out->now_us + units->refill_us;
}

/* --- windows ---------------------------------------------------------------------------------- */

/* Strides are powers of two, so that small changes of a quota leave them as they are, and longer
 * than what can be forced, so that no window reaches into the next. */
static int64_t stride_of(int64_t capacity) {
    int64_t stride = 4;
    while (stride <= capacity * RATE_FORCE_FACTOR) stride *= 2;
    return stride;
}

/* A row may be of one window ahead when clocks differ at its edge; what is further ahead was
 * written by a clock that has been set back. */
static int32_t set_stride(rate_units *units, int64_t window_count) {
    int64_t sum = 0;
    units->stride = stride_of(units->capacity);
    units->slack = units->stride;
    return integer_multiply(window_count + 4, units->stride, &sum);
}

static const int64_t calendar_us[CALENDAR_COUNT] = {
    0, RATE_HOUR_US, 24 * RATE_HOUR_US, 168 * RATE_HOUR_US, 744 * RATE_HOUR_US, 8784 * RATE_HOUR_US,
};

static int32_t make_window(const farm_rate_limit *limit, rate_units *units) {
    units->capacity = units->burst;
    units->period_us = limit->period_us;
    units->refill_us =
        limit->calendar == CALENDAR_NONE ? limit->period_us : calendar_us[limit->calendar];
    return set_stride(units, RATE_CLOCK_MAX_US / units->refill_us);
}

static void window_moment(const rate_units *units, int64_t now_ns, rate_moment *out) {
    (void)now_ns;
    calendar_window window = {0};
    if (units->calendar != CALENDAR_NONE) {
        calendar_window_at(&units->zone, units->calendar, out->now_us, &window);
    } else {
        window.index = out->now_us / units->period_us + FIRST_WINDOW;
        window.end_us = window.index * units->period_us;
    }
    out->now = window.index * units->stride;
    out->reach = units->stride;
    out->end_us = window.end_us;
    out->expires_us = window.end_us;
}

/* The largest sum of the rule: all that can be used, forced, of a window ahead, plus a cost, each
 * times the span; and the window before with its share of the span. That is less than 16. */
static int32_t make_sliding(const farm_rate_limit *limit, rate_units *units) {
    int64_t sum = 0;
    units->capacity = units->burst;
    units->span = limit->period_us * 1000 / units->tick_ns;
    units->refill_us = limit->period_us;
    if (!integer_multiply(units->capacity, units->span, &sum)) return 0;
    if (!integer_multiply(sum, 16, &sum)) return 0;
    return set_stride(units, RATE_CLOCK_MAX_US / limit->period_us);
}

static void sliding_moment(const rate_units *units, int64_t now_ns, rate_moment *out) {
    const int64_t ticks = now_ns / units->tick_ns;
    const int64_t window = ticks / units->span + FIRST_WINDOW;
    out->now = window * units->stride;
    out->reach = units->stride;
    out->share = units->span - ticks % units->span;
    (void)ticks_to_us(units, window * units->span, &out->end_us);
    out->expires_us = out->end_us + units->refill_us;
}

/* --- holds ------------------------------------------------------------------------------------ */

static int32_t make_concurrency(const farm_rate_limit *limit, rate_units *units) {
    units->capacity = units->burst;
    units->period_us = limit->period_us;
    units->refill_us = limit->period_us;
    return 1;
}

static void concurrency_moment(const rate_units *units, int64_t now_ns, rate_moment *out) {
    (void)now_ns;
    out->now = out->now_us;
    out->expires_us = out->now_us + units->period_us;
}

/* --- all of them ------------------------------------------------------------------------------ */

static const struct {
    make_function make;
    moment_function at;
} algorithms[] = {
    [FARM_RATE_ALGORITHM_BUCKET] = {make_bucket, bucket_moment},
    [FARM_RATE_ALGORITHM_WINDOW] = {make_window, window_moment},
    [FARM_RATE_ALGORITHM_SLIDING] = {make_sliding, sliding_moment},
    [FARM_RATE_ALGORITHM_CONCURRENCY] = {make_concurrency, concurrency_moment},
};

int32_t rate_units_make(const farm_rate_limit *limit, const zone *place, int64_t tick_ns,
                        rate_units *out) {
    if (limit->period_us * 1000 % tick_ns != 0) return 0;
    rate_units units = {
        .algorithm = limit->algorithm,
        .calendar = limit->calendar,
        .zone = *place,
        .tick_ns = tick_ns,
        .speed = 1,
        .token = 1,
        .burst = limit->burst,
        .span = 1,
    };
    if (!algorithms[limit->algorithm].make(limit, &units)) return 0;
    *out = units;
    return 1;
}

int32_t rate_units_choose(const farm_rate_limit *limit, const zone *place, rate_units *out) {
    for (size_t i = 0; i < RATE_TICK_COUNT; i++)
        if (rate_units_make(limit, place, tick_ns_choices[i], out)) return 1;
    return 0;
}

int32_t rate_units_equal(const rate_units *left, const rate_units *right) {
    return left->algorithm == right->algorithm && left->calendar == right->calendar &&
           memcmp(&left->zone, &right->zone, sizeof left->zone) == 0 &&
           left->tick_ns == right->tick_ns && left->speed == right->speed &&
           left->token == right->token && left->stride == right->stride &&
           left->span == right->span && left->period_us == right->period_us;
}

void rate_moment_at(const rate_units *units, int64_t now_ns, rate_moment *out) {
    const int64_t bounded = integer_max(0, integer_min(now_ns, RATE_CLOCK_MAX_US * 1000));
    *out = (rate_moment){.now_us = bounded / 1000, .reach = INT64_MAX};
    algorithms[units->algorithm].at(units, bounded, out);
}

int32_t rate_is_never(const rate_units *units, int64_t cost) {
    return cost > units->burst;
}

void rate_ask_at(const rate_units *units, int64_t now_ns, int64_t cost, rate_ask *out) {
    rate_moment_at(units, now_ns, &out->moment);
    out->cost = cost;
    out->increment = integer_min(cost, units->burst) * units->token;
}

int64_t rate_expires_hour(const rate_moment *moment) {
    return moment->expires_us / RATE_HOUR_US + 1;
}

int64_t rate_force_expires_hour(const rate_units *units, const rate_moment *moment) {
    const int64_t most = INT64_MAX - 2 * RATE_HOUR_US - moment->expires_us;
    return (moment->expires_us + integer_min(units->refill_us, most)) / RATE_HOUR_US + 1;
}

int64_t rate_force_increment(const rate_units *units, int64_t cost) {
    return integer_min(cost, RATE_FORCE_FACTOR * units->burst) * units->token;
}
