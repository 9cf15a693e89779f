/* The rules of circuit breakers: pure functions of numbers. Everything that threads share is one
 * 64-bit word at a time; what a word holds and how it changes is said here, and breaker.c only
 * exchanges the words. Times are microseconds or milliseconds since the set was made. */
#ifndef BREAKER_RULES_H
#define BREAKER_RULES_H

#include "base/state.h"
#include <farmcore/breaker.h>

/* FARM_BREAKER_CLOSED … with what may follow. */
extern const state_table breaker_states;

/* Fill in the defaults. NULL, or what is wrong as the end of a sentence that begins with
 * "options.". */
const char *breaker_options_fill(const farm_breaker_options *given, farm_breaker_options *out);

/* --- the state: one word, so that a change is one exchange ----------------------------------- */

enum { BREAKER_GENERATION_COUNT = 1 << 18, BREAKER_TRIPS_MAX = 31 };

typedef struct breaker_phase {
    int32_t state;
    uint32_t trips;      /* how often in a row it has opened, up to BREAKER_TRIPS_MAX */
    uint32_t generation; /* modulo BREAKER_GENERATION_COUNT */
    int64_t until_ms;    /* when an open state is over; 38 bits, 8.7 years */
} breaker_phase;

uint64_t breaker_phase_pack(const breaker_phase *phase);
breaker_phase breaker_phase_unpack(uint64_t word);
/* The next generation, its until_ms still 0, and 1; 0 when that state may not follow. */
int32_t breaker_phase_follow(uint64_t word, int32_t state, breaker_phase *out);
/* How long it stays open the trips-th time in a row. Random: 0 to BREAKER_RANDOM_MAX. */
enum { BREAKER_RANDOM_MAX = 1000000 };
int64_t breaker_open_us(const farm_breaker_options *options, uint32_t trips, uint32_t random);
/* The millisecond at which that is over: not before it. */
int64_t breaker_until_ms(int64_t now_us, int64_t open_us);

/* --- a tally: what happened in one bucket of the window -------------------------------------- */

/* Which bucket, of which time around the ring, in which generation. */
typedef struct breaker_stamp {
    uint32_t generation;
    uint64_t lap;
} breaker_stamp;

typedef struct breaker_tally {
    int64_t count;
    int64_t bad;
} breaker_tally;

/* Add one call. 1, or 0 when the bucket belongs to a later generation: then the call is of the
 * past. A bucket that has just gone on to a later lap counts it there. */
int32_t breaker_tally_add(uint64_t word, breaker_stamp stamp, int32_t is_bad, uint64_t *out);
/* Begin the bucket when it is of the past: 1, and the word of none; 0 when nothing is to be done.
 * is_idle: nothing was counted for a whole time around or more, so that whatever is there is of the
 * past even where its lap, of which 8 bits are kept, seems to be this one. */
int32_t breaker_tally_begin(uint64_t word, breaker_stamp stamp, int32_t is_idle, uint64_t *out);
/* What it holds when it is of that stamp, else nothing. */
breaker_tally breaker_tally_read(uint64_t word, breaker_stamp stamp);

/* --- the failures in a row, and the probes that succeeded: numbers that a generation owns ---- */

/* The word as it was when it belongs to a later generation. */
uint64_t breaker_counter_add(uint64_t word, uint32_t generation);
/* The word as it was when it belongs to another generation. */
uint64_t breaker_counter_clear(uint64_t word, uint32_t generation);
int64_t breaker_counter_read(uint64_t word, uint32_t generation);

/* --- the place of a probe -------------------------------------------------------------------- */

int32_t breaker_probe_is_out(uint64_t word, int64_t now_ms, int64_t probe_ms);
/* How long until its place is free at the latest; 0 when it is. */
int64_t breaker_probe_left_ms(uint64_t word, int64_t now_ms, int64_t probe_ms);
/* Never the same word twice, until 2^31 probes have had the place. */
uint64_t breaker_probe_give(uint64_t word, int64_t now_ms);
uint64_t breaker_probe_return(uint64_t word);

/* --- decisions ------------------------------------------------------------------------------- */

/* What is known after a failure or a slow call. */
typedef struct breaker_facts {
    breaker_tally failures;
    breaker_tally slow;
    int64_t consecutive_count;
} breaker_facts;

/* FARM_BREAKER_CAUSE_CONSECUTIVE, FAILURES or SLOW when it is time to open, else 0. */
int32_t breaker_decide(const farm_breaker_options *options, const breaker_facts *facts);
/* Whether a call of that duration was slow. */
int32_t breaker_is_slow(const farm_breaker_options *options, int64_t duration_us);
/* How many microseconds or calls a bucket of the window holds. */
int64_t breaker_bucket_size(const farm_breaker_options *options);
/* What a caller who was denied while probes are out is told to wait. */
int64_t breaker_probe_retry_us(const farm_breaker_options *options, int64_t left_ms);

#endif
