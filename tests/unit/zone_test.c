/* Zones: what POSIX writes and what it does not, and every change of the clock against the
 * system's own, second by second. */
#include "base/civil.h"
#include "base/zone.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TestSuite(zone);

enum { DAY_S = 86400, STEP_S = 1799 };

/* Daylight time east and west, north and south, never, of half an hour, backward, at and
 * around midnight, in the days of another week or year, by each way of writing a day. */
static const char *const texts[] = {
    "UTC0",
    "<+0330>-3:30",
    "<-0930>9:30",
    "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "GMT0BST,M3.5.0/1,M10.5.0",
    "IST-1GMT0,M10.5.0,M3.5.0/1",
    "EST5EDT,M3.2.0,M11.1.0",
    "NST3:30NDT,M3.2.0,M11.1.0",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "AEST-10AEDT,M10.1.0,M4.1.0/3",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
    "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
    "AST4ADT,M3.2.0/0:01,M11.1.0/0:01",
    "EET-2EEST,M3.5.0/0,M10.5.0/0",
    "EET-2EEST,M4.5.5/0,M10.5.4/24",
    "IST-2IDT,M3.4.4/26,M10.5.0",
    "EET-2EEST,M3.4.4/50,M10.4.4/50",
    "<-01>1<+00>,M3.5.0/0,M10.5.0/1",
    "AAA3BBB,J59/3,J305/1:30:15",
    "AAA-5BBB,J60,J300",
    "AAA3BBB,59,299/12",
    "AAA-12BBB-13,J365/23,J1/20",
    "AAA-9:59:58BBB-11:01:02,60/0,250/0",
    "CCC-13:59:59DDD-14:59:59,M1.2.1/-24,M12.5.5/24",
    "EEE8FFF7:15,M2.1.1/100,M6.4.3/-100",
};
enum { TEXT_COUNT = sizeof(texts) / sizeof(texts[0]) };

static void use_system_zone(const char *text) {
    cr_assert_eq(setenv("TZ", text, 1), 0);
    tzset();
}

/* By the digits that the system's clock shows. */
static int64_t system_offset_s(int64_t utc_s) {
    time_t moment = (time_t)utc_s;
    struct tm shown;
    cr_assert_not_null(localtime_r(&moment, &shown));
    int64_t days = civil_to_days(shown.tm_year + 1900, shown.tm_mon + 1, shown.tm_mday);
    return days * DAY_S + shown.tm_hour * 3600 + shown.tm_min * 60 + shown.tm_sec - utc_s;
}

static void claim_same(const char *text, const zone *place, int64_t utc_s) {
    cr_assert_eq(zone_offset_s(place, utc_s), system_offset_s(utc_s), "%s at %lld: %lld, not %lld",
                 text, (long long)utc_s, (long long)zone_offset_s(place, utc_s),
                 (long long)system_offset_s(utc_s));
}

/* Halve the time between two moments with different offsets until the change is found. */
static int64_t find_change(const zone *place, int64_t before_s, int64_t after_s) {
    while (after_s - before_s > 1) {
        int64_t middle_s = before_s + (after_s - before_s) / 2;
        if (zone_offset_s(place, middle_s) == zone_offset_s(place, before_s))
            before_s = middle_s;
        else
            after_s = middle_s;
    }
    return after_s;
}

static int32_t has_moment(int64_t utc_s) {
    return (int64_t)(time_t)utc_s == utc_s;
}

Test(zone, every_half_hour_of_years_and_every_change_is_as_the_system_has_it, .timeout = 600) {
    static const int32_t years[] = {1970, 1971, 1999, 2000, 2026, 2100, 2199};

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        zone place;
        cr_assert_null(zone_parse(texts[i], &place), "%s", texts[i]);
        use_system_zone(texts[i]);
        size_t change_count = 0;
        for (size_t y = 0; y < sizeof(years) / sizeof(years[0]); y++) {
            const int64_t begin_s = (int64_t)civil_to_days(years[y], 1, 1) * DAY_S;
            for (int64_t s = begin_s; s < begin_s + 366 * DAY_S && has_moment(s); s += STEP_S) {
                claim_same(texts[i], &place, s);
                if (zone_offset_s(&place, s) == zone_offset_s(&place, s + STEP_S)) continue;
                const int64_t change_s = find_change(&place, s, s + STEP_S);
                claim_same(texts[i], &place, change_s - 1);
                claim_same(texts[i], &place, change_s);
                change_count++;
            }
        }
        const int32_t has_changes = strchr(texts[i], ',') != NULL;
        cr_assert(has_changes ? change_count >= 6 : change_count == 0, "%s: %zu", texts[i],
                  change_count);
    }
}

Test(zone, random_moments_from_1970_to_2200_are_as_the_system_has_them, .timeout = 600) {
    uint64_t seed = 20260101;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        zone place;
        cr_assert_null(zone_parse(texts[i], &place));
        use_system_zone(texts[i]);
        for (int32_t n = 0; n < 20000; n++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const int64_t utc_s = (int64_t)((seed >> 24) % UINT64_C(7258118400));
            if (has_moment(utc_s)) claim_same(texts[i], &place, utc_s);
        }
    }
}

Test(zone, nothing_is_utc) {
    static const zone zero;
    zone place = {.standard_s = 1};

    cr_assert_null(zone_parse(NULL, &place));
    cr_assert_eq(memcmp(&place, &zero, sizeof(place)), 0);
    place.standard_s = 1;
    cr_assert_null(zone_parse("", &place));
    cr_assert_eq(memcmp(&place, &zero, sizeof(place)), 0);
    cr_assert_eq(zone_offset_s(&zero, 0), 0);
    cr_assert_leq(sizeof(zone), 64);
}

Test(zone, the_standard_offset_is_that_of_the_first_name) {
    zone place;

    cr_assert_null(zone_parse("CET-1CEST,M3.5.0,M10.5.0/3", &place));
    cr_assert_eq(zone_standard_offset_s(&place), 3600);
    cr_assert_null(zone_parse("IST-1GMT0,M10.5.0,M3.5.0/1", &place));
    cr_assert_eq(zone_standard_offset_s(&place), 3600);
    cr_assert_eq(zone_offset_s(&place, 0), 0);
    cr_assert_null(zone_parse("<-0930>+09:30:01", &place));
    cr_assert_eq(zone_standard_offset_s(&place), -(9 * 3600 + 1801));
}

Test(zone, a_change_is_written_in_three_ways_and_at_two_when_no_time_is_said) {
    zone by_day;
    zone by_common_day;
    zone by_weekday;
    cr_assert_null(zone_parse("AAA0BBB,59,M10.5.0", &by_day));
    cr_assert_null(zone_parse("AAA0BBB,J60/2,M10.5.0", &by_common_day));
    cr_assert_null(zone_parse("AAA0BBB,M3.1.0/02:00:00,M10.5.0", &by_weekday));

    const int64_t march_2026_s = (int64_t)civil_to_days(2026, 3, 1) * DAY_S + 7200; /* a Sunday */
    const int64_t march_2024_s =
        (int64_t)civil_to_days(2024, 3, 1) * DAY_S + 7200; /* a leap year */
    cr_assert_eq(zone_offset_s(&by_day, march_2026_s - 1), 0);
    cr_assert_eq(zone_offset_s(&by_day, march_2026_s), 3600);
    cr_assert_eq(zone_offset_s(&by_common_day, march_2026_s - 1), 0);
    cr_assert_eq(zone_offset_s(&by_common_day, march_2026_s), 3600);
    cr_assert_eq(zone_offset_s(&by_weekday, march_2026_s - 1), 0);
    cr_assert_eq(zone_offset_s(&by_weekday, march_2026_s), 3600);
    cr_assert_eq(zone_offset_s(&by_day, march_2024_s - DAY_S - 1), 0);
    cr_assert_eq(zone_offset_s(&by_day, march_2024_s - DAY_S), 3600);
    cr_assert_eq(zone_offset_s(&by_common_day, march_2024_s - 1), 0);
    cr_assert_eq(zone_offset_s(&by_common_day, march_2024_s), 3600);
    cr_assert_eq(zone_offset_s(&by_weekday, march_2024_s + 2 * DAY_S - 1), 0);
    cr_assert_eq(zone_offset_s(&by_weekday, march_2024_s + 2 * DAY_S), 3600);
}

typedef struct model {
    int32_t standard_s, daylight_s;
    int32_t begin_day, begin_time_s; /* the day of the year from 0 */
    int32_t end_day, end_time_s;
} model;

/* Any year whose daylight time could reach the moment, and some more. */
static int32_t model_is_daylight(const model *of, int32_t year, int64_t utc_s) {
    for (int32_t y = year - 4; y <= year + 4; y++) {
        const int64_t year_s = (int64_t)civil_to_days(y, 1, 1) * DAY_S;
        const int64_t next_s = (int64_t)civil_to_days(y + 1, 1, 1) * DAY_S;
        const int64_t begin_s =
            year_s + (int64_t)of->begin_day * DAY_S + of->begin_time_s - of->standard_s;
        const int64_t after_s = (int64_t)of->end_day * DAY_S + of->end_time_s - of->daylight_s;
        const int64_t end_s = year_s + after_s < begin_s ? next_s + after_s : year_s + after_s;
        if (begin_s <= utc_s && utc_s < end_s) return 1;
    }
    return 0;
}

static int32_t draw_between(uint64_t *seed, int32_t min, int32_t max) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return min + (int32_t)((*seed >> 24) % (uint64_t)(max - min + 1));
}

/* Mostly about New Year, where a change can fall into the year before or after its own. */
static int32_t draw_day(uint64_t *seed) {
    const int32_t kind = draw_between(seed, 0, 4);
    if (kind == 0) return draw_between(seed, 0, 365);
    return kind < 3 ? draw_between(seed, 0, 9) : draw_between(seed, 356, 365);
}

Test(zone, changes_about_new_year_are_as_a_model_that_looks_at_nine_years_has_them) {
    uint64_t seed = 3;
    for (int32_t i = 0; i < 4000; i++) {
        const int32_t standard_h = draw_between(&seed, -12, 12);
        const int32_t daylight_h = standard_h + draw_between(&seed, -12, 12);
        const int32_t begin_h = draw_between(&seed, -167, 167);
        const int32_t end_h = draw_between(&seed, -167, 167);
        const model of = {standard_h * 3600, daylight_h * 3600, draw_day(&seed),
                          begin_h * 3600,    draw_day(&seed),   end_h * 3600};
        char text[64];
        snprintf(text, sizeof(text), "AAA%dBBB%d,%d/%d,%d/%d", -standard_h, -daylight_h,
                 of.begin_day, begin_h, of.end_day, end_h);
        zone place;
        cr_assert_null(zone_parse(text, &place), "%s", text);
        for (int32_t n = 0; n < 200; n++) {
            const int32_t year = draw_between(&seed, 1970, 2199);
            const int32_t hours = n % 4 == 0 ? draw_between(&seed, 0, 364 * 24)
                                             : draw_between(&seed, -25 * 24, 25 * 24);
            const int64_t utc_s = (int64_t)civil_to_days(year, 1, 1) * DAY_S + hours * 3600;
            const int32_t is_daylight = model_is_daylight(&of, year, utc_s);
            cr_assert_eq(zone_offset_s(&place, utc_s), is_daylight ? of.daylight_s : of.standard_s,
                         "%s at %lld", text, (long long)utc_s);
        }
    }
}

Test(zone, daylight_time_may_hold_all_year) {
    /* As RFC 9636, 3.3.1 writes it. By the year of UTC, as in glibc, it would pause at New Year. */
    static const char *const always[] = {"XXX3EDT4,0/0,J365/23", "AAA-3BBB-4,0/0,J365/25"};

    for (size_t i = 0; i < 2; i++) {
        zone place;
        cr_assert_null(zone_parse(always[i], &place));
        for (int64_t s = 0; s < INT64_C(7258118400); s += 1800 * 3 + 1)
            cr_assert_eq(zone_offset_s(&place, s), place.daylight_s, "%lld", (long long)s);
    }
}

Test(zone, a_change_may_fall_into_the_next_year_of_utc) {
    /* Where glibc goes wrong: it asks for the changes of the year that UTC has. */
    zone place;
    cr_assert_null(zone_parse("AAA12BBB11,J365/23,J1/20", &place));
    const int64_t new_year_s = (int64_t)civil_to_days(2026, 1, 1) * DAY_S;

    cr_assert_eq(zone_offset_s(&place, new_year_s), -12 * 3600);
    cr_assert_eq(zone_offset_s(&place, new_year_s + 11 * 3600 - 1), -12 * 3600);
    cr_assert_eq(zone_offset_s(&place, new_year_s + 11 * 3600), -11 * 3600);
    cr_assert_eq(zone_offset_s(&place, new_year_s + 31 * 3600 - 1), -11 * 3600);
    cr_assert_eq(zone_offset_s(&place, new_year_s + 31 * 3600), -12 * 3600);
}

Test(zone, far_moments_have_an_offset_too) {
    zone place;
    cr_assert_null(zone_parse("CET-1CEST,M3.5.0,M10.5.0/3", &place));

    cr_assert_eq(zone_offset_s(&place, INT64_MAX), zone_offset_s(&place, 100000000000));
    cr_assert_eq(zone_offset_s(&place, INT64_MIN), zone_offset_s(&place, -100000000000));
    cr_assert_geq(zone_first_s(&place, INT64_MAX), 100000000000 - 7200);
    cr_assert_leq(zone_first_s(&place, INT64_MIN), -100000000000);
}

Test(zone, what_posix_does_not_write_is_refused_and_leaves_utc) {
    static const char *const wrong[] = {
        "U",
        "UT0",
        "UTC",
        "UTC ",
        " UTC0",
        "UTC0 ",
        ":UTC0",
        "UTC+",
        "UTC0:",
        "UTC0:0",
        "UTC0:60",
        "UTC0:00:60",
        "UTC0:00:00:00",
        "UTC25",
        "UTC024",
        "UTC--1",
        "UTC+-1",
        "<UTC0",
        "<>0",
        "<+1>0",
        "<A_B>0",
        "A+B0",
        "UTC>0",
        "\xC3\xA4\xC3\xB6\xC3\xBC-1",
        "CET-1CEST",
        "CET-1CEST-2",
        "CET-1CE,M3.5.0,M10.5.0",
        "CET-1,M3.5.0,M10.5.0",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,",
        "CET-1CEST,M3.5.0,M10.5.0,",
        "CET-1CEST,M3.5.0,M10.5.0/",
        "CET-1CEST,M3.5.0,M10.5.0/3x",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5,M10.5.0",
        "CET-1CEST,M3.5.00,M10.5.0",
        "CET-1CEST,m3.5.0,M10.5.0",
        "CET-1CEST,J0,M10.5.0",
        "CET-1CEST,J366,M10.5.0",
        "CET-1CEST,366,M10.5.0",
        "CET-1CEST,-1,M10.5.0",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0/-168,M10.5.0",
        "CET-1CEST,M3.5.0/0167,M10.5.0",
        "CET-1CEST,M3.5.0/2:5,M10.5.0",
        "CET-1CEST,M3.5.0M10.5.0",
        "AAA-12BBB12,M3.5.0,M10.5.0",
        "AAA12BBB-12,M3.5.0,M10.5.0",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0",
    };
    static const zone zero;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        zone place = {.standard_s = 1};
        cr_assert_not_null(zone_parse(wrong[i], &place), "\"%s\"", wrong[i]);
        cr_assert_eq(memcmp(&place, &zero, sizeof(place)), 0, "\"%s\"", wrong[i]);
    }
}

Test(zone, a_complaint_says_what_is_wrong) {
    zone place;

    cr_assert_str_eq(zone_parse("Europe/Berlin", &place),
                     "is not a time zone as POSIX writes them");
    cr_assert_str_eq(zone_parse("CET-1CEST", &place),
                     "does not say when daylight time begins and ends");
    cr_assert_str_eq(zone_parse("AAA-12BBB12,J1,J2", &place),
                     "changes its clocks by a day or more");
    char text[80];
    memset(text, 'A', sizeof(text));
    memcpy(text + 63, "0", 2);
    cr_assert_null(zone_parse(text, &place), "64 bytes");
    memcpy(text + 63, "00", 3);
    cr_assert_str_eq(zone_parse(text, &place), "is longer than 64 bytes");
}

Test(zone, what_lies_at_a_bound_is_taken) {
    static const char *const right[] = {
        "ABC24:59:59",
        "ABC-24:59:59",
        "<abc+-09>00:00:00",
        "ABC0DEF-23:59:59,J1,J365",
        "ABC0DEF,0/167:59:59,365/-167:59:59",
        "ABC0DEF,M1.1.0/+5,M12.5.6/007",
    };

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        zone place;
        cr_assert_null(zone_parse(right[i], &place), "%s", right[i]);
    }
}

Test(zone, days_and_dates_count_each_other_through_four_centuries) {
    int32_t days = civil_to_days(1799, 12, 31);
    civil_date before = civil_from_days(days);
    cr_assert(before.year == 1799 && before.month == 12 && before.day == 31);
    static const int32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    for (days++; days < 160000; days++) {
        const civil_date date = civil_from_days(days);
        cr_assert_eq(civil_to_days(date.year, date.month, date.day), days);
        const int32_t last =
            lengths[before.month - 1] + (before.month == 2 && before.year % 4 == 0 &&
                                         (before.year % 100 != 0 || before.year % 400 == 0));
        const int32_t is_first = before.day == last;
        cr_assert_eq(date.day, is_first ? 1 : before.day + 1);
        cr_assert_eq(date.month, is_first ? before.month % 12 + 1 : before.month);
        cr_assert_eq(date.year, before.year + (is_first && before.month == 12));
        cr_assert_eq(civil_weekday(days), (civil_weekday(days - 1) + 1) % 7);
        before = date;
    }
    cr_assert_eq(civil_to_days(1970, 1, 1), 0);
    cr_assert_eq(civil_to_days(2000, 2, 29), 11016);
    cr_assert_eq(civil_to_days(-1, 3, 1), -719834);
    cr_assert_eq(civil_weekday(civil_to_days(2026, 1, 1)), 4);
    cr_assert_eq(civil_weekday(civil_to_days(1899, 12, 31)), 0);
}

Test(zone, division_rounds_down) {
    cr_assert_eq(civil_divide_down(7, 3), 2);
    cr_assert_eq(civil_divide_down(6, 3), 2);
    cr_assert_eq(civil_divide_down(0, 3), 0);
    cr_assert_eq(civil_divide_down(-1, 3), -1);
    cr_assert_eq(civil_divide_down(-3, 3), -1);
    cr_assert_eq(civil_divide_down(-4, 3), -2);
}
