/* What the programs of this folder share: their arguments, a store of their own, threads that meet,
 * failures counted.
 *
 *     program [--broken] [--seed N] [URI [OWNER_URI]]
 *
 * URI and OWNER_URI are those of support/test_store.h; without, it is a file in the current folder.
 * With --broken a program makes the mistake that it is there to find, and ends well only when it
 * has found it. */
#ifndef STRESS_H
#define STRESS_H

#include "support/test_store.h"

extern int stress_is_broken;
extern unsigned stress_seed; /* 1 when it is not given */

/* Read the arguments; say how many failures there were, and give the program's exit status. */
void stress_begin(int argument_count, char **arguments);
int stress_end(void);
/* The same with a store around it. */
void stress_open(int argument_count, char **arguments, uint32_t session_max);
int stress_close(void);

/* Run so many threads until all have ended; each is given its number. */
void stress_run(int count, void (*work)(int thread));
/* Wait until each of the threads that run is here. */
void stress_meet(void);

void stress_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What was called must have succeeded: count a failure when it has not. */
void stress_require(farm_session *session, const char *what, farm_status status);
/* farm_verify() must find nothing. */
void stress_verify(farm_session *session);

#endif
