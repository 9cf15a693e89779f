/* Checking what is to be defined, for the store and for the process alike. */
#ifndef RATE_CHECK_H
#define RATE_CHECK_H

#include "rate/rate_definitions.h"

/* What a caller hands over: an array of his structs, of whatever size. */
typedef struct rate_given {
    const void *items;
    size_t count;
    const rate_definitions *definitions; /* overrides: the limits that they are of */
} rate_given;

/* A limit, with what is derived from it. */
typedef struct rate_sound_limit {
    farm_rate_limit limit; /* defaults filled in; its zone is as it was written */
    rate_units units;
    char zone[ZONE_TEXT_SIZE]; /* as POSIX writes it */
} rate_sound_limit;

/* An override, with its key. */
typedef struct rate_sound_override {
    farm_rate_override override;
    const rate_definition *definition;
    int32_t length;
    uint8_t key[RATE_KEY_SIZE];
} rate_sound_override;

/* Up to FARM_RATE_BATCH_MAX, in the order of their names; no two are alike. */
farm_status rate_check_limits(farm_error *error, const rate_given *given, rate_sound_limit *out);
/* Likewise, in the order of their limits and keys. is_put 0: nothing but the limits and the
 * subjects is looked at. */
farm_status rate_check_overrides(farm_error *error, const rate_given *given, int32_t is_put,
                                 rate_sound_override *out);

#endif
