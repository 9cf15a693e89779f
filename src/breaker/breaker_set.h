/* A set of breakers as its files share it: the table of names, one breaker, the ring of events. All
 * that changes is atomic; nothing that a name has got is moved or freed before the set is. */
#ifndef BREAKER_SET_H
#define BREAKER_SET_H

#include "breaker/breaker_rules.h"
#include <stdatomic.h>

typedef _Atomic uint64_t breaker_word;

typedef struct breaker_bucket {
    breaker_word failures; /* a tally: calls, and failures among them */
    breaker_word slow;     /* a tally: timed calls, and slow ones among them */
} breaker_bucket;

/* One name's breaker, in one allocation with its buckets, probes and name. */
typedef struct breaker_circuit {
    breaker_word phase;
    breaker_word consecutive; /* a counter of the closed generation: failures since a success */
    breaker_word probed;      /* a counter of the half-open generation: probes that succeeded */
    breaker_word begun;       /* buckets are begun up to this one, exclusively */
    breaker_word calls;       /* counted so far, where the window is of calls */
    breaker_word opened;
    breaker_word denied;
    breaker_word ignored;
    breaker_bucket *buckets;
    breaker_word *probes;
    farm_breaker_options options; /* filled in; never change */
    uint64_t bucket_size;         /* microseconds or calls */
    uint64_t hash;
    uint32_t place; /* in the table */
    uint32_t key_size;
    char *key;
} breaker_circuit;

/* 2 × sequence when it is written, one less while it is being written. */
typedef struct breaker_event_slot {
    breaker_word stamp;
    breaker_word at_us;
    breaker_word place; /* of the circuit 32 | generation 32 */
    breaker_word change;
} breaker_event_slot;

struct farm_breakers {
    farm_clock clock;
    farm_entropy entropy;
    int64_t start_us; /* by the monotonic clock: the set's time 0 */
    _Atomic int64_t frozen_us;
    int64_t frozen_first_us; /* what the clock was frozen at first, */
    int64_t frozen_start_us; /* at this time of the set; -1: never */
    farm_breaker_options options;
    uint64_t seed;
    uint32_t max_count;
    uint32_t event_count;
    uint32_t mask; /* of the table */
    _Atomic uint32_t count;
    breaker_word last_event;
    breaker_event_slot *events;
    _Atomic(breaker_circuit *) *table;
};

/* Microseconds since the set was made. */
int64_t breaker_now_us(farm_breakers *breakers);
/* The circuit of a name, or NULL. FARM_EINVAL: that can be no name. */
farm_status breaker_find(farm_breakers *breakers, const char *key, breaker_circuit **out);
/* The circuit of a name, made when it is new, with these options. */
farm_status breaker_obtain(farm_breakers *breakers, const char *key,
                           const farm_breaker_options *options, breaker_circuit **out);
void breaker_event_add(farm_breakers *breakers, const breaker_circuit *circuit, int32_t from,
                       const breaker_phase *to, int32_t cause);

#endif
