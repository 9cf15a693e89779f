/* For suites whose tests have one session each: it is opened by .init and closed by .fini. */
#ifndef SUITE_H
#define SUITE_H

#include "contract.h"

#define SECOND_US INT64_C(1000000)

/* Of contract_open(). */
extern farm_session *session;

void open_session(void);
void close_session(void);

void act_as(const char *actor);
void act_as_service(void);
/* Freeze the clock so long after CONTRACT_NOW_US. */
void set_clock(int64_t after_us);

/* Until somebody waits for a lock. Where nobody can be seen to, it is long enough. */
void await_waiting(farm_session *watcher);
/* Run the function in a thread. The transaction that is open commits once the thread has come to
 * wait for it. */
void commit_beside(void *(*function)(void *context), void *context);

#endif
