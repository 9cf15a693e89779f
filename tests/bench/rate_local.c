/* Takes in the process: from one hot bucket, over ten thousand, what is refused, three limits at
 * once, by two threads; against one look at the clock, which each take needs. */
#include "support/bench.h"
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SUBJECT_COUNT = 10000, SUBJECT_SIZE = 16 };

static farm_rate_local *local;
static char subjects[SUBJECT_COUNT][SUBJECT_SIZE];

static void set_up(void) {
    const farm_rate_local_options options = {.struct_size = sizeof options};
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits, .name = "wide", .count = 1000000000, .period_us = 1000000},
        {.struct_size = sizeof *limits, .name = "all", .count = 1000000000, .period_us = 1000000},
        {.struct_size = sizeof *limits, .name = "user", .count = 1000000000, .period_us = 1000000},
        {.struct_size = sizeof *limits, .name = "shut", .count = 1, .period_us = 86400000000},
    };
    farm_error error = {.struct_size = sizeof error};
    if (farm_rate_local_new(&options, &error, &local) != FARM_OK) bench_stop("new", error.text);
    if (farm_rate_local_define(local, limits, 4, &error) != FARM_OK)
        bench_stop("define", error.text);
    for (int i = 0; i < SUBJECT_COUNT; i++)
        snprintf(subjects[i], SUBJECT_SIZE, "user-%d", i * 7919);
}

static int take(const char *limit, const char *subject, int32_t wanted) {
    const farm_rate_request item = {
        .struct_size = sizeof item, .limit = limit, .subject = subject, .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    return farm_rate_local_take(local, &item, 1, &state, NULL, &decision) != FARM_OK ||
           (wanted >= 0 && decision.allowed != wanted);
}

static int take_hot(void *context, int64_t count) {
    (void)context;
    for (int64_t i = 0; i < count; i++)
        if (take("wide", "203.0.113.9", 1)) return 1;
    return 0;
}

static int take_many(void *context, int64_t count) {
    (void)context;
    for (int64_t i = 0; i < count; i++)
        if (take("wide", subjects[i * 7 % SUBJECT_COUNT], 1)) return 1;
    return 0;
}

static int take_refused(void *context, int64_t count) {
    (void)context;
    if (take("shut", "ann", -1)) return 1;
    for (int64_t i = 0; i < count; i++)
        if (take("shut", "ann", 0)) return 1;
    return 0;
}

static int take_three(void *context, int64_t count) {
    const farm_rate_request items[] = {
        {.struct_size = sizeof *items, .limit = "wide", .subject = "203.0.113.9", .cost = 1},
        {.struct_size = sizeof *items, .limit = "user", .subject = "ann", .cost = 1},
        {.struct_size = sizeof *items, .limit = "all", .subject = "GET /", .cost = 1},
    };
    (void)context;
    for (int64_t i = 0; i < count; i++) {
        farm_rate_state states[3] = {{.struct_size = sizeof *states},
                                     {.struct_size = sizeof *states},
                                     {.struct_size = sizeof *states}};
        farm_rate_decision decision = {.struct_size = sizeof decision};
        if (farm_rate_local_take(local, items, 3, states, NULL, &decision) != FARM_OK) return 1;
    }
    return 0;
}

static int read_clock(void *context, int64_t count) {
    struct timespec now = {0};
    (void)context;
    for (int64_t i = 0; i < count; i++)
        if (clock_gettime(CLOCK_REALTIME, &now) != 0) return 1;
    return 0;
}

static int take_hot_by_two(void *context, int64_t count) {
    return bench_by_threads(take_hot, (void *[]){context, context}, 2, count);
}

static int take_many_by_two(void *context, int64_t count) {
    return bench_by_threads(take_many, (void *[]){context, context}, 2, count);
}

int main(void) {
    const bench_pair pairs[] = {
        {"hot bucket", take_hot, read_clock, NULL, 500000},
        {"10,000 buckets", take_many, read_clock, NULL, 500000},
        {"refused", take_refused, read_clock, NULL, 500000},
        {"three limits", take_three, NULL, NULL, 200000},
        {"hot bucket, two threads", take_hot_by_two, NULL, NULL, 500000},
        {"10,000 buckets, two threads", take_many_by_two, NULL, NULL, 500000},
    };
    set_up();
    bench_run("rate limits in the process", pairs, sizeof pairs / sizeof *pairs);
    farm_rate_local_free(local);
    return EXIT_SUCCESS;
}
