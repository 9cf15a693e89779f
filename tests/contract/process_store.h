/* For tests of what the process does beside the store: a session whose store can be taken away,
 * with a clock that the test moves, and whose round trips are counted. */
#ifndef PROCESS_STORE_H
#define PROCESS_STORE_H

#include "rate_limits.h"

/* For .init and .fini of suites. They set `session` of suite.h. */
void open_process(void);
void close_process(void);

/* From now on every call fails so before it reaches the store; FARM_OK: none does. */
void store_fails(farm_status status);
/* Called once, when the store has answered the next run. */
void after_next_run(void (*function)(void));
/* What has reached the store since the last time. */
uint64_t round_trips(void);
/* The same with what never came there. */
uint64_t times_asked(void);
/* Let both clocks of the session go on. */
void pass(int64_t duration_us);
/* The definitions that are known must be read again. */
void age_definitions(void);

/* Define a limit with the process's part in it. */
void define_limit(farm_rate_limit limit);
/* What the store says is left. */
int64_t left_in_store(const char *limit, const char *subject);
/* Take until it is refused, and say how many tokens were let through. */
int64_t take_until_refused(const char *limit, const char *subject, int64_t cost);

#endif
