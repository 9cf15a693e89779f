/* Windows: known dates, the first moment of a date by scanning the clock, and that windows tile. */
#include "base/calendar.h"
#include "base/civil.h"
#include "base/clock.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(calendar);

enum { DAY_S = 86400 };
#define US_PER_S INT64_C(1000000)

static const char *const texts[] = {
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
    "AST4ADT,M3.2.0/0:01,M11.1.0/0:01",
    "EET-2EEST,M3.5.0/0,M10.5.0/0",
    "EET-2EEST,M4.5.5/0,M10.5.4/24",
    "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
    "IST-1GMT0,M10.5.0,M3.5.0/1",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "XXX3EDT4,0/0,J365/23",
    "AAA24:59:59BBB1,J365/23:59:59,J1/0:30",
    "CCC-24:59:59DDD-1:00,J365/23:59:59,J2/0:30",
};
enum { TEXT_COUNT = sizeof(texts) / sizeof(texts[0]) };

static zone zone_of(const char *text) {
    zone place;
    cr_assert_null(zone_parse(text, &place), "%s", text);
    return place;
}

static uint64_t draw(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 20;
}

static int32_t draw_between(uint64_t *seed, int32_t min, int32_t max) {
    return min + (int32_t)(draw(seed) % (uint64_t)(max - min + 1));
}

/* Any zone that can be written, the absurd included. */
static zone draw_zone(uint64_t *seed, char *text, size_t text_size) {
    zone place;
    const char *complaint;
    do {
        char days[2][16];
        for (size_t i = 0; i < 2; i++) {
            const int32_t kind = draw_between(seed, 0, 2);
            if (kind == 0)
                snprintf(days[i], sizeof(days[i]), "M%d.%d.%d", draw_between(seed, 1, 12),
                         draw_between(seed, 1, 5), draw_between(seed, 0, 6));
            else
                snprintf(days[i], sizeof(days[i]), "%s%d", kind == 1 ? "J" : "",
                         draw_between(seed, 1, 365));
        }
        snprintf(text, text_size, "AAA%d:%02dBBB%d:%02d,%s/%d:%02d,%s/%d",
                 draw_between(seed, -14, 14), draw_between(seed, 0, 59),
                 draw_between(seed, -14, 14), draw_between(seed, 0, 59), days[0],
                 draw_between(seed, -167, 167), draw_between(seed, 0, 59), days[1],
                 draw_between(seed, -30, 30));
        complaint = zone_parse(text, &place);
    } while (complaint != NULL);
    return place;
}

static int64_t moment_us(int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute) {
    return ((int64_t)civil_to_days(year, month, day) * DAY_S + hour * 3600 + minute * 60) *
           US_PER_S;
}

static void claim_window(const char *text, int32_t unit, int64_t now_us, int64_t begin_us,
                         int64_t end_us) {
    const zone place = zone_of(text);
    calendar_window window;
    calendar_window_at(&place, unit, now_us, &window);
    cr_assert_eq(window.begin_us, begin_us, "%s: %lld, not %lld", text,
                 (long long)(window.begin_us / US_PER_S), (long long)(begin_us / US_PER_S));
    cr_assert_eq(window.end_us, end_us, "%s: %lld, not %lld", text,
                 (long long)(window.end_us / US_PER_S), (long long)(end_us / US_PER_S));
}

/* The local date, as days, at a moment. */
static int64_t day_at(const zone *place, int64_t utc_s) {
    return civil_divide_down(utc_s + zone_offset_s(place, utc_s), DAY_S);
}

Test(calendar, known_windows_of_utc) {
    const int64_t now_us = moment_us(2026, 5, 14, 13, 37); /* a Thursday */

    claim_window("UTC0", CALENDAR_HOUR, now_us, moment_us(2026, 5, 14, 13, 0),
                 moment_us(2026, 5, 14, 14, 0));
    claim_window("UTC0", CALENDAR_DAY, now_us, moment_us(2026, 5, 14, 0, 0),
                 moment_us(2026, 5, 15, 0, 0));
    claim_window("UTC0", CALENDAR_WEEK, now_us, moment_us(2026, 5, 11, 0, 0),
                 moment_us(2026, 5, 18, 0, 0));
    claim_window("UTC0", CALENDAR_MONTH, now_us, moment_us(2026, 5, 1, 0, 0),
                 moment_us(2026, 6, 1, 0, 0));
    claim_window("UTC0", CALENDAR_YEAR, now_us, moment_us(2026, 1, 1, 0, 0),
                 moment_us(2027, 1, 1, 0, 0));
    claim_window("UTC0", CALENDAR_WEEK, 0, moment_us(1969, 12, 29, 0, 0),
                 moment_us(1970, 1, 5, 0, 0));
    claim_window("UTC0", CALENDAR_MONTH, moment_us(2024, 2, 29, 23, 59),
                 moment_us(2024, 2, 1, 0, 0), moment_us(2024, 3, 1, 0, 0));
    claim_window("UTC0", CALENDAR_MONTH, moment_us(2100, 2, 28, 23, 59),
                 moment_us(2100, 2, 1, 0, 0), moment_us(2100, 3, 1, 0, 0));
}

Test(calendar, days_have_23_and_25_hours_where_clocks_change) {
    static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";

    claim_window(berlin, CALENDAR_DAY, moment_us(2026, 3, 29, 12, 0), moment_us(2026, 3, 28, 23, 0),
                 moment_us(2026, 3, 29, 22, 0));
    claim_window(berlin, CALENDAR_DAY, moment_us(2026, 10, 25, 12, 0),
                 moment_us(2026, 10, 24, 22, 0), moment_us(2026, 10, 25, 23, 0));
    claim_window(berlin, CALENDAR_WEEK, moment_us(2026, 3, 29, 12, 0),
                 moment_us(2026, 3, 22, 23, 0), moment_us(2026, 3, 29, 22, 0));
    claim_window(berlin, CALENDAR_MONTH, moment_us(2026, 3, 29, 12, 0),
                 moment_us(2026, 2, 28, 23, 0), moment_us(2026, 3, 31, 22, 0));
    claim_window(berlin, CALENDAR_YEAR, moment_us(2026, 7, 1, 0, 0), moment_us(2025, 12, 31, 23, 0),
                 moment_us(2026, 12, 31, 23, 0));
    claim_window("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", CALENDAR_DAY, moment_us(2026, 4, 4, 20, 0),
                 moment_us(2026, 4, 4, 13, 0), moment_us(2026, 4, 5, 13, 30));
}

Test(calendar, a_day_without_its_midnight_begins_at_the_change) {
    /* Cairo: 00:00 of Friday 24 April 2026 is 01:00. */
    claim_window("EET-2EEST,M4.5.5/0,M10.5.4/24", CALENDAR_DAY, moment_us(2026, 4, 24, 12, 0),
                 moment_us(2026, 4, 23, 22, 0), moment_us(2026, 4, 24, 21, 0));
    /* From 23:30 to 00:30: the last half hour of the day before is skipped as well. */
    claim_window("EET-2EEST,M4.5.5/-0:30,M10.5.4/24", CALENDAR_DAY, moment_us(2026, 4, 24, 12, 0),
                 moment_us(2026, 4, 23, 21, 30), moment_us(2026, 4, 24, 21, 0));
}

Test(calendar, clocks_put_back_behind_midnight_do_not_bring_yesterday_back) {
    /* Until 2006: 00:01 of Sunday 1 November 2026 is 23:01 of the day, and month, before. */
    static const char newfoundland[] = "AST4ADT,M3.2.0/0:01,M11.1.0/0:01";

    claim_window(newfoundland, CALENDAR_DAY, moment_us(2026, 11, 1, 2, 59),
                 moment_us(2026, 10, 31, 3, 0), moment_us(2026, 11, 1, 3, 0));
    for (int32_t minute = 0; minute < 120; minute++) {
        claim_window(newfoundland, CALENDAR_DAY, moment_us(2026, 11, 1, 3, minute),
                     moment_us(2026, 11, 1, 3, 0), moment_us(2026, 11, 2, 4, 0));
        claim_window(newfoundland, CALENDAR_MONTH, moment_us(2026, 11, 1, 3, minute),
                     moment_us(2026, 11, 1, 3, 0), moment_us(2026, 12, 1, 4, 0));
    }
    /* Cairo: 24:00 of Thursday 29 October is 23:00 of it: one long day, nothing twice. */
    claim_window("EET-2EEST,M4.5.5/0,M10.5.4/24", CALENDAR_DAY, moment_us(2026, 10, 29, 21, 30),
                 moment_us(2026, 10, 28, 21, 0), moment_us(2026, 10, 29, 22, 0));
}

Test(calendar, hours_pass_and_are_aligned_to_standard_time) {
    static const char lord_howe[] = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";

    claim_window(lord_howe, CALENDAR_HOUR, moment_us(2026, 7, 1, 0, 45),
                 moment_us(2026, 7, 1, 0, 30), moment_us(2026, 7, 1, 1, 30));
    claim_window(lord_howe, CALENDAR_HOUR, moment_us(2026, 1, 1, 0, 45),
                 moment_us(2026, 1, 1, 0, 30), moment_us(2026, 1, 1, 1, 30));
    claim_window("<+0545>-5:45", CALENDAR_HOUR, moment_us(2026, 1, 1, 0, 15),
                 moment_us(2026, 1, 1, 0, 15), moment_us(2026, 1, 1, 1, 15));
}

/* By looking at the clock each minute of two days before: the window's first day is shown at its
 * begin, or a later one, and never before. */
static void claim_first_moment(const char *text, const zone *place, const calendar_window *window) {
    const int64_t day = window->index - 3; /* 1970-01-01 is the third */
    const int64_t begin_s = window->begin_us / US_PER_S;
    cr_assert_geq(day_at(place, begin_s), day, "%s: day %lld", text, (long long)day);
    for (int64_t s = begin_s - 1; s > begin_s - 2 * DAY_S; s -= 60)
        cr_assert_lt(day_at(place, s), day, "%s: day %lld", text, (long long)day);
}

Test(calendar, a_day_begins_at_the_first_moment_that_shows_it, .timeout = 600) {
    uint64_t seed = 7;
    for (size_t i = 0; i < 300; i++) {
        char text[80];
        zone place = i < TEXT_COUNT ? zone_of(texts[i]) : draw_zone(&seed, text, sizeof(text));
        const char *name = i < TEXT_COUNT ? texts[i] : text;
        /* Two years around a change of the year, in steps of a day and a bit. */
        int64_t now_us = moment_us(draw_between(&seed, 1970, 2196), 6, 1, 0, 0);
        for (int32_t n = 0; n < 700; n++, now_us += INT64_C(93601) * US_PER_S) {
            calendar_window window;
            calendar_window_at(&place, CALENDAR_DAY, now_us, &window);
            /* Around changes alone: elsewhere all days are alike. */
            const int64_t length_s = (window.end_us - window.begin_us) / US_PER_S;
            if (n % 50 == 0 || length_s != DAY_S) claim_first_moment(name, &place, &window);
            const int64_t shown = day_at(&place, now_us / US_PER_S);
            cr_assert(window.index - 3 >= shown && window.index - 3 <= shown + 1, "%s", name);
        }
    }
}

static void claim_same(const calendar_window *left, const calendar_window *right,
                       const char *text) {
    cr_assert_eq(memcmp(left, right, sizeof(*left)), 0,
                 "%s: %lld [%lld, %lld) and %lld [%lld, %lld)", text, (long long)left->index,
                 (long long)(left->begin_us / US_PER_S), (long long)(left->end_us / US_PER_S),
                 (long long)right->index, (long long)(right->begin_us / US_PER_S),
                 (long long)(right->end_us / US_PER_S));
}

/* A window is the same from its first moment, its last, one within, and by its number. */
static void claim_whole(const char *text, const zone *place, int32_t unit,
                        const calendar_window *window, uint64_t *seed) {
    cr_assert_geq(window->index, 1);
    cr_assert_lt(window->begin_us, window->end_us, "%s", text);
    calendar_window other;
    const uint64_t size_us = (uint64_t)(window->end_us - window->begin_us);
    const int64_t moments[] = {window->begin_us, window->end_us - 1,
                               window->begin_us + (int64_t)(draw(seed) % size_us)};
    for (size_t i = 0; i < 3; i++) {
        if (moments[i] < 0 || moments[i] > CALENDAR_MAX_US) continue;
        calendar_window_at(place, unit, moments[i], &other);
        claim_same(window, &other, text);
    }
    calendar_window_of(place, unit, window->index, &other);
    claim_same(window, &other, text);
}

static void walk(const char *text, const zone *place, int32_t unit, int64_t from_us,
                 int64_t until_us, uint64_t *seed) {
    calendar_window window;
    calendar_window_at(place, unit, from_us, &window);
    cr_assert(window.begin_us <= from_us && from_us < window.end_us, "%s", text);
    while (window.end_us <= until_us) {
        claim_whole(text, place, unit, &window, seed);
        calendar_window next;
        calendar_window_at(place, unit, window.end_us, &next);
        cr_assert_eq(next.begin_us, window.end_us, "%s: a gap or an overlap", text);
        cr_assert_eq(next.index, window.index + 1, "%s", text);
        window = next;
    }
    claim_whole(text, place, unit, &window, seed);
}

Test(calendar, windows_tile_the_time_from_1970_to_2200, .timeout = 600) {
    uint64_t seed = 11;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const zone place = zone_of(texts[i]);
        for (int32_t unit = CALENDAR_DAY; unit < CALENDAR_COUNT; unit++)
            walk(texts[i], &place, unit, 0, CALENDAR_MAX_US, &seed);
        walk(texts[i], &place, CALENDAR_HOUR, 0, moment_us(1971, 1, 3, 0, 0), &seed);
        walk(texts[i], &place, CALENDAR_HOUR, moment_us(2199, 1, 1, 0, 0), CALENDAR_MAX_US, &seed);
    }
}

Test(calendar, windows_tile_in_any_zone_that_can_be_written, .timeout = 600) {
    uint64_t seed = 13;
    for (int32_t i = 0; i < 2000; i++) {
        char text[80];
        const zone place = draw_zone(&seed, text, sizeof(text));
        const int32_t unit = CALENDAR_DAY + i % 4;
        const int32_t year = draw_between(&seed, 1970, 2195);
        walk(text, &place, unit, moment_us(year, 11, 1, 0, 0), moment_us(year + 2, 2, 1, 0, 0),
             &seed);
        calendar_window before = {0};
        for (int64_t now_us = 0; now_us < CALENDAR_MAX_US;
             now_us += (int64_t)(draw(&seed) % (90 * DAY_S * UINT64_C(1000000)))) {
            calendar_window window;
            calendar_window_at(&place, unit, now_us, &window);
            cr_assert(window.begin_us <= now_us && now_us < window.end_us, "%s", text);
            cr_assert(window.index > before.index || memcmp(&window, &before, sizeof(window)) == 0,
                      "%s", text);
            before = window;
        }
    }
}

Test(calendar, numbers_are_those_that_are_stored) {
    static const int64_t numbers[CALENDAR_COUNT] = {
        [CALENDAR_NONE] = 1, [CALENDAR_HOUR] = 26,          [CALENDAR_DAY] = 3,
        [CALENDAR_WEEK] = 1, [CALENDAR_MONTH] = 1970 * 12L, [CALENDAR_YEAR] = 1970};
    const zone utc = {0};

    for (int32_t unit = 0; unit < CALENDAR_COUNT; unit++) {
        calendar_window window;
        calendar_window_at(&utc, unit, 0, &window);
        cr_assert_eq(window.index, numbers[unit], "%d", unit);
    }
    /* As far behind UTC as can be written: 1970 begins on the day, and year, before. */
    const zone behind = zone_of("AAA24:59:59");
    for (int32_t unit = CALENDAR_HOUR; unit < CALENDAR_COUNT; unit++) {
        calendar_window window;
        calendar_window_at(&behind, unit, 0, &window);
        cr_assert_geq(window.index, 1);
        cr_assert_leq(window.begin_us, 0);
    }
}

Test(calendar, what_lies_beyond_the_range_counts_as_its_nearest) {
    const zone place = zone_of("CET-1CEST,M3.5.0,M10.5.0/3");
    cr_assert_eq(CALENDAR_MAX_US, CLOCK_MAX_US);

    for (int32_t unit = CALENDAR_HOUR; unit < CALENDAR_COUNT; unit++) {
        calendar_window window;
        calendar_window nearest;
        calendar_window_at(&place, unit, INT64_MIN, &window);
        calendar_window_at(&place, unit, 0, &nearest);
        claim_same(&window, &nearest, "before");
        calendar_window_at(&place, unit, INT64_MAX, &window);
        calendar_window_at(&place, unit, CALENDAR_MAX_US, &nearest);
        claim_same(&window, &nearest, "after");
        calendar_window_of(&place, unit, INT64_MIN, &window);
        cr_assert(window.index == 1 && window.begin_us < window.end_us &&
                  window.end_us <= US_PER_S * DAY_S * 7);
        calendar_window_of(&place, unit, INT64_MAX, &window);
        cr_assert(window.begin_us > CALENDAR_MAX_US && window.begin_us < window.end_us);
        cr_assert_gt(window.index, nearest.index);
    }
}

Test(calendar, no_unit_is_one_window) {
    static const int32_t units[] = {CALENDAR_NONE, -1, CALENDAR_COUNT, INT32_MAX, INT32_MIN};
    const zone utc = {0};

    for (size_t i = 0; i < 5; i++) {
        calendar_window window;
        calendar_window_at(&utc, units[i], CALENDAR_MAX_US, &window);
        cr_assert(window.index == 1 && window.begin_us == 0 && window.end_us == INT64_MAX);
        calendar_window_of(&utc, units[i], 5, &window);
        cr_assert(window.index == 1 && window.begin_us == 0 && window.end_us == INT64_MAX);
    }
}
