/* Backends that wrap another: to make storage calls fail, to slow them down, to write down which
 * statements run, to count round trips. Each is registered under a scheme of its own:
 * decorator_register(&decorator_fault, "sqlite") makes "fault+sqlite", so that
 * `fault+sqlite:shop.db` opens shop.db through it; they stack ("count+fault+sqlite"). The dialect,
 * settings and capabilities are those of the backend inside.
 *
 * What is set and counted is of the process, and may be called from any thread. Building it takes
 * decorator_*.c, the library and POSIX threads. */
#ifndef DECORATORS_H
#define DECORATORS_H

#include <farmcore/backend.h>
#include <stdio.h>

typedef struct decorator_kind decorator_kind;

extern const decorator_kind decorator_fault;
extern const decorator_kind decorator_delay;
extern const decorator_kind decorator_trace;
extern const decorator_kind decorator_count;

/* Wrap the backend of that scheme, and register the result; again for the same pair gives the same.
 * NULL when there is no such backend, or no more room. */
const farm_backend *decorator_register(const decorator_kind *kind, const char *scheme);

/* --- fault: the nth call fails --- */

enum {
    /* The call does not reach the store. */
    DECORATOR_FAULT_BEFORE = 0,
    /* The store has done what it was told; only its answer is lost. */
    DECORATOR_FAULT_AFTER = 1
};

/* Let a call fail: the nth of open, begin, run and commit from now on, 1 being the next; 0: none.
 * status 0 means what a lost connection gives: FARM_EUNCERTAIN when the call committed, else
 * FARM_EUNAVAILABLE. Counting starts anew. After it, calls succeed again. */
void decorator_fault_set(uint64_t nth, farm_status status, int32_t when);
/* How many such calls there were since. */
uint64_t decorator_fault_count(void);
/* Whether the fault has happened. */
int32_t decorator_fault_has_fired(void);

/* --- delay: each call that goes to the store waits first --- */

void decorator_delay_set(int64_t delay_us);

/* --- trace: the names of each run's statements, one line a run --- */

/* Into a stream that the caller closes after decorator_trace_set_stream(NULL). */
void decorator_trace_set_stream(FILE *stream);
/* Into memory of size bytes, always ended by a NUL; what does not fit is left out. NULL: no more.
 * Setting it empties it. */
void decorator_trace_set_memory(char *memory, size_t size);

/* --- count: what reached the store --- */

typedef struct decorator_counts {
    uint64_t open;
    uint64_t begin; /* without those that the backend put off to the first run */
    uint64_t run;   /* with something to do */
    uint64_t commit;
    uint64_t rollback;
    uint64_t undo;
    uint64_t script;
    uint64_t round_trips; /* begin + run + commit + rollback + undo + script */
} decorator_counts;

void decorator_count_reset(void);
void decorator_count_get(decorator_counts *out);

#endif
