/* Days and dates of the proleptic Gregorian calendar, without a time zone. */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdint.h>

enum { CIVIL_DAY_S = 86400 };

typedef struct civil_date {
    int32_t year;
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
} civil_date;

/* Days since 1970-01-01. Years from -1,000,000 to 1,000,000. */
int32_t civil_to_days(int32_t year, int32_t month, int32_t day);
/* The date of a day; the same range. */
civil_date civil_from_days(int32_t days);
/* 0: Sunday, to 6. */
int32_t civil_weekday(int32_t days);
/* Whether the year has a 29th of February. */
int32_t civil_is_leap(int32_t year);
/* Rounds toward minus infinity; divisor > 0. */
int64_t civil_divide_down(int64_t dividend, int64_t divisor);

#endif
