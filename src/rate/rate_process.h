/* What a process does of the limiter's work itself, beside the store: it remembers refusals, takes
 * tokens in advance, and goes on while the store cannot be asked (docs/rate_process.md, "In the
 * process"). */
#ifndef RATE_PROCESS_H
#define RATE_PROCESS_H

#include "rate/rate_memory.h"
#include "rate/rate_operation.h"
#include <farmcore/breaker.h>

/* All of it, shared by the sessions of a store. */
typedef struct rate_process {
    store_object object;
    rate_table denials;      /* row of a refusal; extra: until when it holds, of which generation */
    rate_table leases;       /* see rate_lease.c */
    rate_memory local;       /* while the store cannot be asked */
    farm_breakers *breakers; /* around the store */
    _Atomic int32_t is_troubled;  /* the store was last found not to answer */
    _Atomic int64_t monotonic_ns; /* the breakers' clock: the latest of the sessions' */
    _Atomic int64_t real_ns;      /* of the session that last did without the store */
    _Atomic int64_t generation;   /* of the denials: what is given back or changed ends them all */
    _Atomic int64_t reset_count;  /* of the leases: what was taken before is not given back after */
    _Atomic int64_t settled_us;   /* when leases were last looked through */
} rate_process;

/* rate_process.c */
/* What is given back or changed makes refusals untrue. */
void rate_process_forget_denials(farm_session *session);
/* Buckets were filled again: what leases have of them is not on top of that. */
void rate_process_forget_leases(farm_session *session, const rate_lines *lines);
/* farm_rate_take() where a limit of the space wants the process to have a part in it. */
farm_status rate_process_take(farm_session *session, rate_operation *operation);
/* The same when even the definitions cannot be read; status is what the store said. */
farm_status rate_process_take_stale(farm_session *session, rate_operation *operation,
                                    farm_status status);
/* The same when they would have to be read, and the store is left alone. 0: ask it. */
int32_t rate_process_take_alone(farm_session *session, rate_operation *operation,
                                farm_status *out_status);
farm_status rate_process_settle(farm_session *session);

/* rate_denial.c */
/* Whether a refusal is remembered that holds for the line; its facts are then set. */
int32_t rate_denial_find(rate_process *process, rate_line *line);
/* Remember the refusals among the lines that the store has answered. generation: the process's
 * before it was asked. */
void rate_denial_keep(rate_process *process, const rate_lines *lines, const farm_rate_state *states,
                      int64_t generation);

/* rate_lease.c. reset_count is the process's before the tokens were taken. */
enum { RATE_LEASE_NONE, RATE_LEASE_TAKEN, RATE_LEASE_WANTED };
/* Serve the line from the lease: TAKEN, or WANTED when this caller is the one to take a new one, or
 * NONE. Who was told WANTED calls rate_lease_fill() or rate_lease_forgo(). may_want 0: never
 * WANTED. */
int32_t rate_lease_take(rate_process *process, rate_line *line, int32_t may_want);
/* The store has given the tokens, with the line's facts as they then were; its cost is taken of
 * them. */
void rate_lease_fill(rate_process *process, rate_line *line, int64_t reset_count);
/* It has not; nobody asks for a while. */
void rate_lease_forgo(rate_process *process, const rate_line *line);
/* Put back tokens of a lease. */
void rate_lease_give_back(rate_process *process, rate_key key, int64_t count, int64_t reset_count);
/* What leases have of these buckets is worth nothing. */
void rate_lease_drop(rate_process *process, const rate_lines *lines);
/* Give the store back what leases have left: those that are out of use, or all. */
farm_status rate_lease_settle(farm_session *session, rate_process *process, int32_t is_all);
/* Whether it is time to look for leases that are out of use. */
int32_t rate_lease_is_due(rate_process *process, int64_t now_us);

#endif
