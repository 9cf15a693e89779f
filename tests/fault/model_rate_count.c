/* The fault lab: one limit in the model, after docs/rate.md: buckets in exact integers, windows of
 * a period or of the calendar, sliding windows, holds. */
#include "fault/model_rate.h"
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)
/* 2200-01-01, until when everything must be counted. */
#define LAST_US INT64_C(7258118400000000)

enum { FORCED_MOST = 2 /* bursts that can be used by force */ };

static int64_t least_of(int64_t left, int64_t right) {
    return left < right ? left : right;
}

static int64_t most_of(int64_t left, int64_t right) {
    return left > right ? left : right;
}

static int64_t round_up(int64_t number, int64_t divisor) {
    return (number + divisor - 1) / divisor;
}

int64_t rate_burst(const farm_rate_limit *limit) {
    return limit->burst == 0 ? limit->count : limit->burst;
}

/* --- buckets --- */

static int64_t common_divisor(int64_t left, int64_t right) {
    return right == 0 ? left : common_divisor(right, left % right);
}

static int is_countable(const rate_bucket_units *units) {
    const int64_t last_tick = LAST_US * 1000 / units->tick_ns;
    return units->speed <= INT64_MAX / last_tick &&
           3 * units->capacity <= INT64_MAX - last_tick * units->speed;
}

void rate_bucket_units_of(const farm_rate_limit *limit, rate_bucket_units *out) {
    for (int64_t tick_ns = 1; tick_ns <= 1000000; tick_ns *= 1000) {
        const int64_t period = limit->period_us * 1000 / tick_ns;
        const int64_t divisor = common_divisor(limit->count, period);
        *out = (rate_bucket_units){
            .tick_ns = tick_ns, .speed = limit->count / divisor, .token = period / divisor};
        out->capacity = rate_burst(limit) * out->token;
        if (is_countable(out)) return;
    }
}

static int64_t units_at(const rate_bucket_units *units, int64_t now_us) {
    return now_us * 1000 / units->tick_ns * units->speed;
}

static int64_t wait_of(const rate_bucket_units *units, int64_t missing) {
    const int64_t ticks = round_up(missing, units->speed);
    return units->tick_ns == 1 ? round_up(ticks, 1000) : ticks * (units->tick_ns / 1000);
}

static int is_new(const farm_rate_limit *limit, const rate_count *count) {
    return limit->initial != 0 && !count->is_known;
}

int64_t rate_bucket_used(const farm_rate_limit *limit, const rate_count *count, int64_t now_us) {
    rate_bucket_units units;
    rate_bucket_units_of(limit, &units);
    if (is_new(limit, count)) return (rate_burst(limit) - limit->initial) * units.token;
    return most_of(0, count->full_at - units_at(&units, now_us));
}

static void ask_bucket(const farm_rate_limit *limit, const rate_count *count, int64_t now_us,
                       int64_t cost, rate_saying *out) {
    rate_bucket_units units;
    rate_bucket_units_of(limit, &units);
    const int64_t used = rate_bucket_used(limit, count, now_us);
    const int64_t missing = used + cost * units.token - units.capacity;
    out->allowed = missing <= 0;
    out->remaining = most_of(0, units.capacity - used) / units.token;
    out->retry_us = missing <= 0 ? 0 : wait_of(&units, missing);
    out->reset_us = wait_of(&units, used);
}

/* --- the calendar --- */

/* Zones: their standard time, and when clocks are an hour ahead of it: from a Sunday of one month
 * to a Sunday of another, at an hour of UTC. nth 0 is the last Sunday. */
typedef struct zone {
    const char *text;
    int64_t standard_us;
    struct {
        int month;
        int nth;
        int hour;
    } begin, end;
} zone;

static const zone zones[] = {
    {"IST-5:30", 11 * HOUR_US / 2, {0, 0, 0}, {0, 0, 0}},
    {"CET-1CEST,M3.5.0,M10.5.0/3", HOUR_US, {2, 0, 1}, {9, 0, 1}},
    {"EST5EDT,M3.2.0,M11.1.0", -5 * HOUR_US, {2, 2, 7}, {10, 1, 6}},
};
enum { ZONES = sizeof zones / sizeof *zones, MONTH_DAYS = 31 /* of March and October */ };

static struct tm civil_of(int64_t now_us) {
    const time_t seconds = (time_t)(now_us / SECOND_US);
    struct tm civil;
    gmtime_r(&seconds, &civil);
    return civil;
}

/* The day of the month on which that Sunday falls. */
static int sunday_of(const struct tm *at, int nth) {
    const int first = (at->tm_mday - 1 + 7 - at->tm_wday) % 7 + 1;
    return nth > 0 ? first + 7 * (nth - 1) : first + (MONTH_DAYS - first) / 7 * 7;
}

/* Whether the moment of the year, of which `at` is of the same month, has come. */
static int has_come(const struct tm *at, int nth, int hour) {
    const int sunday = sunday_of(at, nth);
    return at->tm_mday > sunday || (at->tm_mday == sunday && at->tm_hour >= hour);
}

static int64_t offset_us(const zone *place, int64_t now_us) {
    const struct tm at = civil_of(now_us);
    int is_ahead = at.tm_mon > place->begin.month && at.tm_mon < place->end.month;
    if (place->begin.month == place->end.month) return place->standard_us;
    if (at.tm_mon == place->begin.month)
        is_ahead = has_come(&at, place->begin.nth, place->begin.hour);
    if (at.tm_mon == place->end.month) is_ahead = !has_come(&at, place->end.nth, place->end.hour);
    return place->standard_us + (is_ahead ? HOUR_US : 0);
}

/* Of a midnight by local clocks; none of these zones changes its clocks on one. */
static int64_t utc_of(const zone *place, int64_t local_us) {
    return local_us - offset_us(place, local_us - place->standard_us);
}

static int64_t first_of_month(int64_t local_us) {
    return local_us / DAY_US * DAY_US - (civil_of(local_us).tm_mday - 1) * DAY_US;
}

static void calendar_window(const farm_rate_limit *limit, int64_t now_us, int64_t *begin_us,
                            int64_t *end_us) {
    const zone *place = zones;
    while (place < zones + ZONES - 1 && strcmp(place->text, limit->zone) != 0) place++;
    if (limit->calendar == FARM_RATE_CALENDAR_HOUR) {
        *begin_us = (now_us + place->standard_us) / HOUR_US * HOUR_US - place->standard_us;
        *end_us = *begin_us + HOUR_US;
        return;
    }
    const int64_t local_us = now_us + offset_us(place, now_us);
    int64_t first_us = local_us / DAY_US * DAY_US;
    int64_t next_us = first_us + DAY_US;
    if (limit->calendar == FARM_RATE_CALENDAR_MONTH) {
        first_us = first_of_month(local_us);
        next_us = first_of_month(first_us + 32 * DAY_US);
    }
    *begin_us = utc_of(place, first_us);
    *end_us = utc_of(place, next_us);
}

/* --- windows --- */

static int is_bucket(const farm_rate_limit *limit) {
    return limit->algorithm == FARM_RATE_ALGORITHM_BUCKET;
}

static int is_sliding(const farm_rate_limit *limit) {
    return limit->algorithm == FARM_RATE_ALGORITHM_SLIDING;
}

void rate_window_of(const farm_rate_limit *limit, int64_t now_us, int64_t *begin_us,
                    int64_t *end_us) {
    if (limit->calendar != FARM_RATE_CALENDAR_NONE) {
        calendar_window(limit, now_us, begin_us, end_us);
        return;
    }
    *begin_us = now_us / limit->period_us * limit->period_us;
    *end_us = *begin_us + limit->period_us;
}

static void ask_window(const farm_rate_limit *limit, const rate_count *count, int64_t now_us,
                       int64_t cost, rate_saying *out) {
    int64_t begin_us = 0;
    int64_t end_us = 0;
    rate_window_of(limit, now_us, &begin_us, &end_us);
    out->allowed = count->used + cost <= limit->count;
    out->remaining = most_of(0, limit->count - count->used);
    out->retry_us = out->allowed ? 0 : end_us - now_us;
    out->reset_us = count->used > 0 ? end_us - now_us : 0;
}

/* Whether the cost fits so many microseconds after the window began, when nothing is taken until
 * then. */
static int fits_after(const farm_rate_limit *limit, const rate_count *count, int64_t passed_us,
                      int64_t cost) {
    const int64_t period_us = limit->period_us;
    int64_t used = count->used;
    int64_t before = count->before;
    for (; passed_us >= period_us; passed_us -= period_us) {
        before = used;
        used = 0;
    }
    return before * (period_us - passed_us) + (used + cost) * period_us <= limit->count * period_us;
}

/* What has been used only weighs less as time goes on, so the first moment is found by halves. */
static int64_t sliding_wait(const farm_rate_limit *limit, const rate_count *count,
                            int64_t passed_us, int64_t cost) {
    int64_t least_us = 0;
    int64_t most_us = 2 * limit->period_us;
    while (least_us < most_us) {
        const int64_t middle_us = (least_us + most_us) / 2;
        if (fits_after(limit, count, passed_us + middle_us, cost))
            most_us = middle_us;
        else
            least_us = middle_us + 1;
    }
    return least_us;
}

static void ask_sliding(const farm_rate_limit *limit, const rate_count *count, int64_t now_us,
                        int64_t cost, rate_saying *out) {
    const int64_t period_us = limit->period_us;
    const int64_t passed_us = now_us % period_us;
    const int64_t left_us = period_us - passed_us;
    const int64_t weight = round_up(count->before * left_us, period_us);
    out->allowed = fits_after(limit, count, passed_us, cost);
    out->remaining = most_of(0, limit->count - weight - count->used);
    out->retry_us = out->allowed ? 0 : sliding_wait(limit, count, passed_us, cost);
    out->reset_us = count->used > 0 ? left_us + period_us : count->before > 0 ? left_us : 0;
}

/* --- all that count --- */

void rate_count_expire(const farm_rate_limit *limit, rate_count *count, int64_t now_us) {
    int64_t begin_us = 0;
    int64_t end_us = 0;
    if (is_bucket(limit)) {
        if (!is_new(limit, count) && rate_bucket_used(limit, count, now_us) == 0)
            count->full_at = 0;
        return;
    }
    rate_window_of(limit, now_us, &begin_us, &end_us);
    if (count->window_us != begin_us) {
        const int is_next = count->window_us == begin_us - limit->period_us;
        count->before = is_sliding(limit) && is_next ? count->used : 0;
        count->used = 0;
        count->window_us = begin_us;
    }
    if (count->used == 0 && count->before == 0) count->window_us = 0;
}

void rate_count_ask(const farm_rate_limit *limit, const rate_count *count, int64_t now_us,
                    int64_t cost, rate_saying *out) {
    if (is_bucket(limit))
        ask_bucket(limit, count, now_us, cost, out);
    else if (is_sliding(limit))
        ask_sliding(limit, count, now_us, cost, out);
    else
        ask_window(limit, count, now_us, cost, out);
    out->burst = rate_burst(limit);
    if (cost <= out->burst) return;
    out->allowed = 0;
    out->retry_us = -1;
}

void rate_count_begin(const farm_rate_limit *limit, rate_count *count, int64_t now_us) {
    if (!is_bucket(limit) || !is_new(limit, count)) return;
    rate_count_set(limit, count, now_us, rate_bucket_used(limit, count, now_us));
    count->is_known = 1;
}

void rate_count_set(const farm_rate_limit *limit, rate_count *count, int64_t now_us, int64_t used) {
    int64_t end_us = 0;
    rate_bucket_units units;
    if (is_bucket(limit)) {
        rate_bucket_units_of(limit, &units);
        count->full_at = used == 0 ? 0 : units_at(&units, now_us) + used;
        return;
    }
    rate_window_of(limit, now_us, &count->window_us, &end_us);
    count->used = used;
    if (used == 0 && count->before == 0) count->window_us = 0;
}

static int64_t used_of(const farm_rate_limit *limit, const rate_count *count, int64_t now_us) {
    return is_bucket(limit) ? rate_bucket_used(limit, count, now_us) : count->used;
}

static int64_t token_of(const farm_rate_limit *limit) {
    rate_bucket_units units = {.token = 1};
    if (is_bucket(limit)) rate_bucket_units_of(limit, &units);
    return units.token;
}

/* By force as much as fits into a debt of a burst; what is in a larger debt already stays there. */
void rate_count_take(const farm_rate_limit *limit, rate_count *count, int64_t now_us, int64_t cost,
                     int is_forced) {
    const int64_t token = token_of(limit);
    const int64_t most = FORCED_MOST * rate_burst(limit) * token;
    const int64_t used = used_of(limit, count, now_us);
    int64_t then = used + cost * token;
    if (is_forced) then = least_of(then, most_of(used, most));
    rate_count_set(limit, count, now_us, then);
}

int rate_count_refunds(const farm_rate_limit *limit, int64_t taken_us, int64_t now_us) {
    int64_t taken_begin_us = 0;
    int64_t begin_us = 0;
    int64_t end_us = 0;
    if (is_bucket(limit)) {
        rate_bucket_units units;
        rate_bucket_units_of(limit, &units);
        return now_us <= taken_us / 1000 * 1000 + wait_of(&units, units.capacity) + HOUR_US;
    }
    rate_window_of(limit, taken_us, &taken_begin_us, &end_us);
    rate_window_of(limit, now_us, &begin_us, &end_us);
    return taken_begin_us == begin_us;
}

void rate_count_give_back(const farm_rate_limit *limit, rate_count *count, int64_t now_us,
                          int64_t cost) {
    if (is_bucket(limit) && is_new(limit, count)) return;
    const int64_t most = FORCED_MOST * rate_burst(limit);
    const int64_t given = least_of(cost, most) * token_of(limit);
    rate_count_set(limit, count, now_us, most_of(0, used_of(limit, count, now_us) - given));
}

void rate_count_fill(const farm_rate_limit *limit, rate_count *count) {
    *count = (rate_count){.is_known = limit->initial != 0};
}

/* --- holds --- */

static void end_hold(rate_holds *holds, int32_t place) {
    for (; place < RATE_HELD_MAX - 1; place++) holds->items[place] = holds->items[place + 1];
    memset(&holds->items[place], 0, sizeof holds->items[place]);
}

void rate_holds_end(rate_holds *holds, int64_t now_us) {
    for (int32_t i = RATE_HELD_MAX - 1; i >= 0; i--)
        if (holds->items[i].number != 0 && holds->items[i].ends_us <= now_us) end_hold(holds, i);
}

/* When the bucket is full depends on who holds for how long: that it is not is all that is said. */
void rate_holds_ask(const farm_rate_limit *limit, const rate_holds *holds, int64_t now_us,
                    int64_t cost, rate_saying *out) {
    int64_t held = 0;
    int64_t first_us = INT64_MAX;
    for (int32_t i = 0; i < RATE_HELD_MAX && holds->items[i].number != 0; i++) {
        held += holds->items[i].cost;
        first_us = least_of(first_us, holds->items[i].ends_us);
    }
    out->allowed = cost == 0 || held + cost <= limit->count;
    out->remaining = limit->count - held;
    out->retry_us = out->allowed ? 0 : cost > limit->count ? -1 : first_us - now_us;
    out->reset_us = held > 0;
    out->burst = limit->count;
}

/* In the order of the takes, so that equal states are equal bytes. */
void rate_holds_add(const farm_rate_limit *limit, rate_holds *holds, int64_t now_us, int64_t cost,
                    uint64_t number) {
    int32_t place = RATE_HELD_MAX - 1;
    for (; place > 0 &&
           (holds->items[place - 1].number == 0 || holds->items[place - 1].number > number);
         place--)
        holds->items[place] = holds->items[place - 1];
    holds->items[place].number = number;
    holds->items[place].cost = cost;
    holds->items[place].ends_us = now_us + limit->period_us;
}

int32_t rate_holds_find(const rate_holds *holds, uint64_t number) {
    for (int32_t i = 0; i < RATE_HELD_MAX; i++)
        if (holds->items[i].number == number) return i;
    return -1;
}

void rate_holds_drop(rate_holds *holds, uint64_t number) {
    const int32_t place = rate_holds_find(holds, number);
    if (place >= 0) end_hold(holds, place);
}
