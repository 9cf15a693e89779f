/* From a moment to a local day, from a day to the number of its window, from the number to the
 * window's first day, and from there to the moment at which that day begins. */
#include "base/calendar.h"
#include "base/civil.h"

enum { HOUR_S = 3600, MONTHS = 12, WEEK_DAYS = 7 };
#define US_PER_S INT64_C(1000000)

/* Clocks are at most a second short of 25 hours behind UTC, so that 1970 may begin in the 25th hour
 * before 1970, two days before it: those are number 1. */
enum { HOUR_BIAS = 26, DAY_BIAS = 3 };
/* 1970-01-01 was a Thursday: three days after a Monday. */
enum { WEEK_BIAS = 1, MONDAY_DAYS = 3 };
/* 2201-12-31. */
enum { DAY_MAX = 84735 };

static int64_t clamp(int64_t number, int64_t min, int64_t max) {
    if (number < min) return min;
    return number > max ? max : number;
}

static int64_t index_of_day(int32_t unit, int64_t day) {
    if (unit == CALENDAR_DAY) return day + DAY_BIAS;
    if (unit == CALENDAR_WEEK) return civil_divide_down(day + MONDAY_DAYS, WEEK_DAYS) + WEEK_BIAS;
    const civil_date date = civil_from_days((int32_t)day);
    if (unit == CALENDAR_YEAR) return date.year;
    return (int64_t)date.year * MONTHS + date.month - 1;
}

static int64_t first_day(int32_t unit, int64_t index) {
    if (unit == CALENDAR_DAY) return index - DAY_BIAS;
    if (unit == CALENDAR_WEEK) return (index - WEEK_BIAS) * WEEK_DAYS - MONDAY_DAYS;
    if (unit == CALENDAR_YEAR) return civil_to_days((int32_t)index, 1, 1);
    return civil_to_days((int32_t)(index / MONTHS), (int32_t)(index % MONTHS) + 1, 1);
}

static int64_t begin_us(const zone *place, int32_t unit, int64_t index) {
    if (unit == CALENDAR_HOUR)
        return ((index - HOUR_BIAS) * HOUR_S - zone_standard_offset_s(place)) * US_PER_S;
    return zone_first_s(place, first_day(unit, index) * CIVIL_DAY_S) * US_PER_S;
}

static int64_t index_of_hour(const zone *place, int64_t utc_s) {
    return civil_divide_down(utc_s + zone_standard_offset_s(place), HOUR_S) + HOUR_BIAS;
}

static int32_t is_unit(int32_t unit) {
    return unit > CALENDAR_NONE && unit < CALENDAR_COUNT;
}

static const calendar_window all_moments = {.index = 1, .begin_us = 0, .end_us = INT64_MAX};

void calendar_window_at(const zone *place, int32_t unit, int64_t now_us, calendar_window *out) {
    *out = all_moments;
    if (!is_unit(unit)) return;
    const int64_t moment_us = clamp(now_us, 0, CALENDAR_MAX_US);
    const int64_t utc_s = moment_us / US_PER_S;
    if (unit == CALENDAR_HOUR) {
        out->index = index_of_hour(place, utc_s);
    } else {
        const int64_t local_s = utc_s + zone_offset_s(place, utc_s);
        out->index = index_of_day(unit, civil_divide_down(local_s, CIVIL_DAY_S));
    }
    out->end_us = begin_us(place, unit, out->index + 1);
    if (out->end_us <= moment_us) {
        /* Clocks showed the next window's date already, and were put back: by less than a day, so
         * it is that one. */
        out->index++;
        out->begin_us = out->end_us;
        out->end_us = begin_us(place, unit, out->index + 1);
    } else {
        out->begin_us = begin_us(place, unit, out->index);
    }
}

void calendar_window_of(const zone *place, int32_t unit, int64_t index, calendar_window *out) {
    *out = all_moments;
    if (!is_unit(unit)) return;
    const int64_t last = unit == CALENDAR_HOUR
                             ? index_of_hour(place, (int64_t)DAY_MAX * CIVIL_DAY_S)
                             : index_of_day(unit, DAY_MAX);
    out->index = clamp(index, 1, last);
    out->begin_us = begin_us(place, unit, out->index);
    out->end_us = begin_us(place, unit, out->index + 1);
}
