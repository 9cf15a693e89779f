/* days_from_civil() and civil_from_days() of Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms" (2013): years that begin in March, so that the day that comes and goes is the last
 * one, in eras of 400 years, after which everything repeats. */
#include "base/civil.h"

enum { ERA_YEARS = 400, ERA_DAYS = 146097, YEAR_DAYS = 365, EPOCH_DAYS = 719468 };

int32_t civil_to_days(int32_t year, int32_t month, int32_t day) {
    const int32_t march_year = month <= 2 ? year - 1 : year;
    const int32_t era = (march_year >= 0 ? march_year : march_year - (ERA_YEARS - 1)) / ERA_YEARS;
    const int32_t year_of_era = march_year - era * ERA_YEARS;
    const int32_t march_month = month > 2 ? month - 3 : month + 9;
    const int32_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    const int32_t day_of_era =
        year_of_era * YEAR_DAYS + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

civil_date civil_from_days(int32_t days) {
    const int32_t shifted = days + EPOCH_DAYS; /* since 0000-03-01 */
    const int32_t era = (shifted >= 0 ? shifted : shifted - (ERA_DAYS - 1)) / ERA_DAYS;
    const int32_t day_of_era = shifted - era * ERA_DAYS;
    /* Leap days before this one are taken away: every 4, not every 100, but every 400 years. */
    const int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / YEAR_DAYS;
    const int32_t day_of_year =
        day_of_era - (YEAR_DAYS * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int32_t march_month = (5 * day_of_year + 2) / 153;
    civil_date date;
    date.day = day_of_year - (153 * march_month + 2) / 5 + 1;
    date.month = march_month < 10 ? march_month + 3 : march_month - 9;
    date.year = year_of_era + era * ERA_YEARS + (date.month <= 2 ? 1 : 0);
    return date;
}

int32_t civil_weekday(int32_t days) {
    /* 1970-01-01 was a Thursday. */
    const int32_t weekday = (days % 7 + 4) % 7;
    return weekday < 0 ? weekday + 7 : weekday;
}

int32_t civil_is_leap(int32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t civil_divide_down(int64_t dividend, int64_t divisor) {
    const int64_t quotient = dividend / divisor;
    return dividend % divisor < 0 ? quotient - 1 : quotient;
}
