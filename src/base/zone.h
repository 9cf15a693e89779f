/* Time zones as POSIX writes them. Pure: nothing of the system's is read; the text of a name such
 * as "Europe/Berlin" comes from zone_file.h. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

/* The longest text is a byte shorter: the NUL counts. */
enum { ZONE_TEXT_SIZE = 65 };

/* The day and the time of the local clock at which daylight time begins or ends, each year. */
typedef struct zone_change {
    int32_t kind; /* 0: clocks never change; else how the day is written */
    int32_t month;
    int32_t week;
    int32_t day;
    int32_t time_s;
} zone_change;

/* A plain value: copy it, keep it; zero is UTC. */
typedef struct zone {
    int32_t standard_s; /* east of UTC */
    int32_t daylight_s;
    zone_change begin;
    zone_change end;
} zone;

/* Read the text of the TZ variable as POSIX defines it (IEEE 1003.1, 8.3), with times of changes
 * from -167 to 167 hours (RFC 9636, 3.3.1): "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30", "UTC0".
 * NULL or "": UTC. What is wrong with it, as the end of a sentence, or NULL; *out is UTC then.
 *
 * Refused, although some systems take it: a daylight name without rules, since their meaning
 * differs between systems; a text of more than 64 bytes; clocks that change by a day or more, so
 * that no local day is skipped whole. */
const char *zone_parse(const char *text, zone *out);

/* Seconds east of UTC at a moment. Moments more than three thousand years away from 1970 count as
 * that far away. */
int64_t zone_offset_s(const zone *place, int64_t utc_s);
int64_t zone_standard_offset_s(const zone *place);

/* The first moment at which clocks in the zone show this time or a later one. local_s: seconds
 * since 1970-01-01 00:00 of the local clock. Where the clocks skip that time, it is the moment of
 * the change; where they show it twice, the first. */
int64_t zone_first_s(const zone *place, int64_t local_s);

#endif
