/* The text of a zone, and when its clocks change. Daylight time is a set of spans, one a year, from
 * that year's begin to the end that comes next; the rest is whether a moment is in one. */
#include "base/zone.h"
#include "base/civil.h"
#include <stddef.h>

enum { MINUTE_S = 60, HOUR_S = 3600 };
enum {
    OFFSET_HOURS_MAX = 24,
    TIME_HOURS_MAX = 167,
    NAME_SIZE_MIN = 3,
    DEFAULT_TIME_S = 2 * HOUR_S
};
/* How the day of a change is written: "M3.5.0"; "J60", where 29 February has no number; "59", where
 * it has one. */
enum { BY_NEVER, BY_WEEKDAY, BY_COMMON_DAY, BY_DAY };

/* The days of years then fit 32 bits with room. */
#define MOMENT_MAX_S INT64_C(100000000000)

static const char not_posix[] = "is not a time zone as POSIX writes them";

/* --- reading: each function returns 1 and moves *at behind what it read, or returns 0 --------- */

static int32_t is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static int32_t is_letter(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static int32_t skip(const char **at, char byte) {
    if (**at != byte) return 0;
    (*at)++;
    return 1;
}

static int32_t read_number(const char **at, int32_t digits_max, int32_t min, int32_t max,
                           int32_t *out) {
    int32_t number = 0;
    int32_t digits = 0;
    for (; digits < digits_max && is_digit(**at); digits++) {
        number = number * 10 + (**at - '0');
        (*at)++;
    }
    if (digits == 0 || is_digit(**at) || number < min || number > max) return 0;
    *out = number;
    return 1;
}

/* Letters, or what stands in angle brackets. What it says is for people. */
static int32_t read_name(const char **at) {
    const int32_t is_quoted = skip(at, '<');
    int32_t size = 0;
    while (is_letter(**at) || (is_quoted && (is_digit(**at) || **at == '+' || **at == '-'))) {
        (*at)++;
        size++;
    }
    return size >= NAME_SIZE_MIN && (!is_quoted || skip(at, '>'));
}

/* ":00", both digits. */
static int32_t read_sixty(const char **at, int32_t *out) {
    if (!skip(at, ':') || !is_digit((*at)[0]) || !is_digit((*at)[1])) return 0;
    return read_number(at, 2, 0, 59, out);
}

/* "3", "-3:30", "+03:30:00", in seconds. */
static int32_t read_time(const char **at, int32_t hours_max, int32_t *out) {
    const int32_t is_negative = skip(at, '-');
    if (!is_negative) skip(at, '+');
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t seconds = 0;
    if (!read_number(at, hours_max > 99 ? 3 : 2, 0, hours_max, &hours)) return 0;
    if (**at == ':' && !read_sixty(at, &minutes)) return 0;
    if (**at == ':' && !read_sixty(at, &seconds)) return 0;
    const int32_t total_s = hours * HOUR_S + minutes * MINUTE_S + seconds;
    *out = is_negative ? -total_s : total_s;
    return 1;
}

/* POSIX counts offsets to the west. */
static int32_t read_offset(const char **at, int32_t *out) {
    int32_t west_s = 0;
    if (!read_time(at, OFFSET_HOURS_MAX, &west_s)) return 0;
    *out = -west_s;
    return 1;
}

static int32_t read_change(const char **at, zone_change *out) {
    if (!skip(at, ',')) return 0;
    if (skip(at, 'M')) {
        out->kind = BY_WEEKDAY;
        if (!read_number(at, 2, 1, 12, &out->month) || !skip(at, '.') ||
            !read_number(at, 1, 1, 5, &out->week) || !skip(at, '.') ||
            !read_number(at, 1, 0, 6, &out->day))
            return 0;
    } else if (skip(at, 'J')) {
        out->kind = BY_COMMON_DAY;
        if (!read_number(at, 3, 1, 365, &out->day)) return 0;
    } else {
        out->kind = BY_DAY;
        if (!read_number(at, 3, 0, 365, &out->day)) return 0;
    }
    out->time_s = DEFAULT_TIME_S;
    return !skip(at, '/') || read_time(at, TIME_HOURS_MAX, &out->time_s);
}

static const char *read_zone(const char *at, zone *out) {
    if (!read_name(&at) || !read_offset(&at, &out->standard_s)) return not_posix;
    if (*at == '\0') return NULL;

    if (!read_name(&at)) return not_posix;
    out->daylight_s = out->standard_s + HOUR_S;
    if (*at != ',' && *at != '\0' && !read_offset(&at, &out->daylight_s)) return not_posix;
    if (*at == '\0') return "does not say when daylight time begins and ends";
    if (!read_change(&at, &out->begin) || !read_change(&at, &out->end) || *at != '\0')
        return not_posix;
    const int32_t step_s = out->daylight_s - out->standard_s;
    if (step_s >= CIVIL_DAY_S || step_s <= -CIVIL_DAY_S)
        return "changes its clocks by a day or more";
    return NULL;
}

const char *zone_parse(const char *text, zone *out) {
    const zone utc = {0};
    *out = utc;
    if (text == NULL || text[0] == '\0') return NULL;
    size_t size = 0;
    while (size < ZONE_TEXT_SIZE && text[size] != '\0') size++;
    if (size == ZONE_TEXT_SIZE) return "is longer than 64 bytes";

    zone read = {0};
    const char *complaint = read_zone(text, &read);
    if (complaint == NULL) *out = read;
    return complaint;
}

/* --- when clocks change ----------------------------------------------------------------------- */

/* A year as days: when it begins, and whether it has a 29th of February. */
typedef struct year_days {
    int32_t first; /* since 1970-01-01 */
    int32_t leap;  /* 0 or 1 */
} year_days;

/* The day of a year's change, since 1970-01-01. */
static int32_t change_day(const zone_change *change, const year_days *year) {
    static const int16_t days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const int16_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (change->kind == BY_DAY) return year->first + change->day;
    /* Day 60 is 1 March in every year. */
    if (change->kind == BY_COMMON_DAY)
        return year->first + change->day - 1 + (change->day >= 60 ? year->leap : 0);

    const int32_t month = change->month - 1;
    const int32_t first = year->first + days_before[month] + (month > 1 ? year->leap : 0);
    const int32_t length = lengths[month] + (month == 1 ? year->leap : 0);
    const int32_t ahead = (change->day + 7 - civil_weekday(first)) % 7;
    const int32_t day = ahead + (change->week - 1) * 7;
    /* The fifth is the last, which may be the fourth. */
    return first + (day < length ? day : day - 7);
}

/* The moment of a year's change; offset_s is what clocks go by until then. */
static int64_t change_moment_s(const zone_change *change, const year_days *year, int32_t offset_s) {
    return (int64_t)change_day(change, year) * CIVIL_DAY_S + change->time_s - offset_s;
}

typedef struct daylight_span {
    int64_t begin_s;
    int64_t end_s; /* the first moment after it */
} daylight_span;

/* A change may lie a week outside its year, and a span reaches into the next year where summer is
 * in January. Around New Year, what began two years before can still hold, and what begins the year
 * after can already; far from it, neither. */
enum { SPAN_MAX = 4, SPAN_FEW = 2, YEARS_BEFORE = 2, EDGE_DAYS = 20 };

typedef struct daylight_spans {
    daylight_span items[SPAN_MAX];
    size_t count;
} daylight_spans;

/* The spans that can touch a moment or the day after it, in order. */
static void find_spans(const zone *place, int64_t utc_s, daylight_spans *out) {
    const int32_t day = (int32_t)civil_divide_down(utc_s + place->standard_s, CIVIL_DAY_S);
    int32_t number = civil_from_days(day).year;
    const int32_t day_of_year = day - civil_to_days(number, 1, 1);
    const int32_t is_edge = day_of_year < EDGE_DAYS || day_of_year >= 365 - EDGE_DAYS;
    out->count = is_edge ? SPAN_MAX : SPAN_FEW;
    number -= is_edge ? YEARS_BEFORE : 1;

    year_days year = {civil_to_days(number, 1, 1), civil_is_leap(number)};
    int64_t end_s = change_moment_s(&place->end, &year, place->daylight_s);
    for (size_t i = 0; i < out->count; i++) {
        daylight_span *span = &out->items[i];
        span->begin_s = change_moment_s(&place->begin, &year, place->standard_s);
        number++;
        year.first += 365 + year.leap;
        year.leap = civil_is_leap(number);
        const int64_t next_end_s = change_moment_s(&place->end, &year, place->daylight_s);
        span->end_s = end_s >= span->begin_s ? end_s : next_end_s;
        end_s = next_end_s;
    }
}

static int32_t is_within(const daylight_span *span, int64_t utc_s) {
    return span->begin_s <= utc_s && utc_s < span->end_s;
}

static int32_t is_daylight(const daylight_spans *spans, int64_t utc_s) {
    int32_t is_found = 0;
    for (size_t i = 0; i < spans->count; i++) is_found |= is_within(&spans->items[i], utc_s);
    return is_found;
}

static int64_t clamp_moment(int64_t moment_s) {
    if (moment_s < -MOMENT_MAX_S) return -MOMENT_MAX_S;
    return moment_s > MOMENT_MAX_S ? MOMENT_MAX_S : moment_s;
}

int64_t zone_offset_s(const zone *place, int64_t utc_s) {
    if (place->begin.kind == BY_NEVER) return place->standard_s;
    const int64_t moment_s = clamp_moment(utc_s);
    daylight_spans spans;
    find_spans(place, moment_s, &spans);
    return is_daylight(&spans, moment_s) ? place->daylight_s : place->standard_s;
}

int64_t zone_standard_offset_s(const zone *place) {
    return place->standard_s;
}

/* The first moment after utc_s, before limit_s, at which the other time holds; else limit_s. */
static int64_t find_change(const daylight_spans *spans, int32_t is_daylight_now, int64_t utc_s,
                           int64_t limit_s) {
    int64_t found_s = utc_s;
    if (is_daylight_now) {
        /* Where daylight time holds all year, a span ends as the next begins. */
        for (size_t i = 0; i < spans->count; i++) {
            if (is_within(&spans->items[i], found_s)) found_s = spans->items[i].end_s;
        }
        return found_s < limit_s ? found_s : limit_s;
    }
    found_s = limit_s;
    for (size_t i = 0; i < spans->count; i++) {
        const daylight_span *span = &spans->items[i];
        if (span->begin_s < span->end_s && span->begin_s > utc_s && span->begin_s < found_s)
            found_s = span->begin_s;
    }
    return found_s;
}

int64_t zone_first_s(const zone *place, int64_t local_s) {
    const int64_t shown_s = clamp_moment(local_s);
    if (place->begin.kind == BY_NEVER) return shown_s - place->standard_s;
    const int32_t has_later_daylight = place->daylight_s > place->standard_s;
    const int64_t ahead_s = has_later_daylight ? place->daylight_s : place->standard_s;
    const int64_t behind_s = has_later_daylight ? place->standard_s : place->daylight_s;

    /* Before this moment not even the clock that is ahead shows it; from limit_s on, both do. */
    const int64_t moment_s = shown_s - ahead_s;
    const int64_t limit_s = shown_s - behind_s;
    daylight_spans spans;
    find_spans(place, moment_s, &spans);
    const int32_t is_daylight_now = is_daylight(&spans, moment_s);
    if (is_daylight_now == has_later_daylight) return moment_s;
    return find_change(&spans, is_daylight_now, moment_s, limit_s);
}
