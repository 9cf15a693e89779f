/* The decorator that lets each call to the store wait first, like a network would. */
#include "decorator_hooks.h"
#include <pthread.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t delay; /* microseconds; guarded by mutex */

void decorator_delay_set(int64_t delay_us) {
    pthread_mutex_lock(&mutex);
    delay = delay_us;
    pthread_mutex_unlock(&mutex);
}

static farm_status before(decorator_event *event) {
    (void)event;
    pthread_mutex_lock(&mutex);
    const int64_t delay_us = delay;
    pthread_mutex_unlock(&mutex);
    if (delay_us <= 0) return FARM_OK;
    const struct timespec time = {.tv_sec = (time_t)(delay_us / 1000000),
                                  .tv_nsec = (long)(delay_us % 1000000 * 1000)};
    (void)nanosleep(&time, NULL);
    return FARM_OK;
}

const decorator_kind decorator_delay = {.prefix = "delay", .before = before, .text = ""};
