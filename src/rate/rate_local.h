/* The inside of a limiter in the process. */
#ifndef RATE_LOCAL_H
#define RATE_LOCAL_H

#include "rate/rate_memory.h"
#include <farmcore/rate_local.h>

enum { RATE_LOCAL_STRIPES = 16, RATE_LOCAL_PARITIES = 2 };

/* Readers of one parity, on a cache line of its own. */
typedef struct rate_readers {
    _Atomic uint32_t is_held; /* by one of them */
    _Atomic uint32_t count;   /* of the others */
    uint8_t padding[56];
} rate_readers;

/* Definitions that readers use without waiting and a writer replaces: a reader announces himself
 * before he looks for them; a writer frees the old ones when all who may have seen them have left.
 * He turns the parity twice, so that who was late to announce himself is waited for, too. */
typedef struct rate_current {
    _Atomic(rate_definitions *) definitions;
    _Atomic uint32_t turn;
    rate_readers readers[RATE_LOCAL_PARITIES][RATE_LOCAL_STRIPES];
} rate_current;

struct farm_rate_local {
    rate_current current;
    rate_memory memory;
    farm_clock clock;
    farm_entropy entropy;
    _Atomic int64_t frozen_us; /* -1: the clock runs */
    atomic_flag is_changing;   /* a latch for those who change definitions */
    int32_t is_loaded;         /* from a store: only that changes them */
    arena arena;               /* of the lists, which are made anew with each change */
    rate_figures *limits;
    rate_figures *pasts;
    rate_exception *exceptions;
    uint8_t secret[HASH_SECRET_SIZE];
};

/* rate_current.c */
/* Use the definitions until rate_current_leave() with the same place. */
const rate_definitions *rate_current_enter(rate_current *current, uint32_t *out_place);
void rate_current_leave(rate_current *current, uint32_t place);
/* Put others in their place, and free those when nobody uses them any more. Under the latch. */
void rate_current_replace(rate_current *current, rate_definitions *definitions);

/* rate_local.c */
int64_t rate_local_now_ns(const farm_rate_local *local);
/* Tell the caller what went wrong, in his struct of whatever size; NULL: he does not ask. Answers
 * the status. */
farm_status rate_local_tell(farm_error *error, const farm_error *made, farm_status status);

#endif
