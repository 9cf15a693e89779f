/* Clocks and entropy: the system's, behind the hooks that a session's options may replace. The
 * only place of the library that asks the system for the time or for randomness. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <farmcore/session.h>
#include <pthread.h>

extern const farm_clock clock_system;
extern const farm_entropy entropy_system; /* crypto_random() */

/* 2200-01-01: times beyond it are refused, so that sums of times stay far from overflow. */
#define CLOCK_MAX_US INT64_C(7258118400000000)

/* Microseconds of the real monotonic clock, for waiting; never the hook's. */
int64_t clock_monotonic_us(void);
/* The moment at which a timeout that begins now is over; below 0 and beyond the year 2200: never,
 * INT64_MAX. */
int64_t clock_deadline_us(int64_t timeout_us);
/* Sleep in real time. */
void clock_sleep_us(int64_t duration_us);
/* A condition that goes by that clock: 0, or an error of pthread_cond_init(). */
int clock_condition_init(pthread_cond_t *condition);
/* Wait until clock_monotonic_us() is until_us, INT64_MAX: for ever; 0 when the time was over. It
 * may come back early, as conditions do. */
int32_t clock_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us);
/* A number in [0, bound), unbiased; bound > 0. */
uint64_t entropy_below(const farm_entropy *entropy, uint64_t bound);
/* How many forks lie between the process that asked first and this one: differs between a parent
 * and its child once the parent has asked. */
uint32_t clock_fork_generation(void);

#endif
