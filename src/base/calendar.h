/* Hours, days, weeks, months and years of a time zone as windows that tile the time line of UTC.
 * Pure. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include "base/zone.h"

/* Numbers that are stored: append only. */
enum {
    CALENDAR_NONE,
    CALENDAR_HOUR,
    CALENDAR_DAY,
    CALENDAR_WEEK, /* of ISO 8601: begins on Monday */
    CALENDAR_MONTH,
    CALENDAR_YEAR,
    CALENDAR_COUNT
};

/* 2200-01-01. */
#define CALENDAR_MAX_US INT64_C(7258118400000000)

typedef struct calendar_window {
    int64_t index;    /* at least 1; the year itself for years; the next window has the next one */
    int64_t begin_us; /* UTC */
    int64_t end_us;   /* the begin of the next window */
} calendar_window;

/* The window that holds a moment: begin_us <= now_us < end_us. now_us from 0 to CALENDAR_MAX_US;
 * what lies beyond counts as the nearest of them. Where moments come by the million, keep the
 * window: it holds until end_us.
 *
 * Days, weeks, months and years are those of the Gregorian calendar; a window begins at the first
 * moment at which local clocks show a date in it, so that clocks that are put back behind midnight
 * do not bring yesterday's window again. Hours are hours that pass, aligned to the zone's standard
 * time, so that none is skipped or comes twice. CALENDAR_NONE, and what is no unit: one window that
 * holds all moments. */
void calendar_window_at(const zone *place, int32_t unit, int64_t now_us, calendar_window *out);

/* The window of an index, the same as calendar_window_at() gives for each moment in it. An index
 * below 1, or of a window after the year 2201, counts as the nearest that is not. */
void calendar_window_of(const zone *place, int32_t unit, int64_t index, calendar_window *out);

#endif
