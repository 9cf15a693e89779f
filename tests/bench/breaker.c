/* What a guarded call costs beside the call: allow and report on one hot breaker, by one thread and
 * by two, against the two looks at the clock that every such guard needs. */
#include "support/bench.h"
#include <farmcore/farmcore.h>
#include <stdlib.h>
#include <time.h>

static farm_breakers *breakers;

static int guard(const char *key, int64_t count, int32_t outcome) {
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    for (int64_t i = 0; i < count; i++) {
        if (farm_breaker_allow(breakers, key, &permit) != FARM_OK || !permit.allowed) return 1;
        if (farm_breaker_report(breakers, &permit, outcome, -1) != FARM_OK) return 1;
    }
    return 0;
}

static int guard_success(void *context, int64_t count) {
    return guard(context, count, FARM_BREAKER_SUCCESS);
}

static int guard_failure(void *context, int64_t count) {
    return guard(context, count, FARM_BREAKER_FAILURE);
}

static int deny(void *context, int64_t count) {
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    for (int64_t i = 0; i < count; i++)
        if (farm_breaker_allow(breakers, context, &permit) != FARM_OK || permit.allowed) return 1;
    return 0;
}

static int read_clock_twice(void *context, int64_t count) {
    struct timespec now = {0};
    (void)context;
    for (int64_t i = 0; i < 2 * count; i++)
        if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 1;
    return 0;
}

static int guard_one_by_two(void *context, int64_t count) {
    return bench_by_threads(guard_success, (void *[]){context, context}, 2, count);
}

static int guard_two_by_two(void *context, int64_t count) {
    return bench_by_threads(guard_success, (void *[]){context, "other"}, 2, count);
}

int main(void) {
    const farm_breaker_options plain = {.struct_size = sizeof plain};
    farm_breaker_options slow = {.struct_size = sizeof slow, .slow_us = 1000000};
    farm_breaker_options calls = {.struct_size = sizeof calls, .window_count = 100};
    farm_breaker_options failing = {
        .struct_size = sizeof failing, .consecutive_count = -1, .failure_percent = -1};
    if (farm_breakers_new(NULL, NULL, &breakers) != FARM_OK ||
        farm_breaker_define(breakers, "hot", &plain, NULL) != FARM_OK ||
        farm_breaker_define(breakers, "slow", &slow, NULL) != FARM_OK ||
        farm_breaker_define(breakers, "calls", &calls, NULL) != FARM_OK ||
        farm_breaker_define(breakers, "failing", &failing, NULL) != FARM_OK ||
        farm_breaker_set(breakers, "forced", FARM_BREAKER_FORCED_OPEN) != FARM_OK)
        bench_stop("breakers", "cannot be made");
    const bench_pair pairs[] = {
        {"allow and report, two looks at the clock", guard_success, read_clock_twice, "hot",
         500000},
        {"the same with a rule of slow calls", guard_success, NULL, "slow", 500000},
        {"the same with a window of calls", guard_success, NULL, "calls", 500000},
        {"the same with failures", guard_failure, NULL, "failing", 500000},
        {"denied", deny, NULL, "forced", 500000},
        {"two threads, one breaker", guard_one_by_two, NULL, "hot", 500000},
        {"two threads, a breaker each", guard_two_by_two, NULL, "hot", 500000},
    };
    bench_run("breaker", pairs, sizeof pairs / sizeof *pairs);
    farm_breakers_free(breakers);
    return EXIT_SUCCESS;
}
