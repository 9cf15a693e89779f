/* What the tests of the limiter in the process share: a limiter with a frozen clock, limits, and
 * calls of one line. A call that fails where it must not ends the test. */
#ifndef UNIT_RATE_LOCAL_SUPPORT_H
#define UNIT_RATE_LOCAL_SUPPORT_H

#include <criterion/criterion.h>
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
#define NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

enum { SMALL = 64 };

static inline farm_rate_local *new_local(uint32_t bucket_count) {
    const farm_rate_local_options options = {.struct_size = sizeof options,
                                             .bucket_count = bucket_count};
    farm_rate_local *local = NULL;
    cr_assert_eq(farm_rate_local_new(&options, NULL, &local), FARM_OK);
    cr_assert_eq(farm_rate_local_set_clock_us(local, NOW_US), FARM_OK);
    return local;
}

static inline void at(farm_rate_local *local, int64_t after_us) {
    cr_assert_eq(farm_rate_local_set_clock_us(local, NOW_US + after_us), FARM_OK);
}

static inline farm_rate_limit bucket_limit(const char *name, int64_t burst, int64_t count,
                                           int64_t period_us) {
    return (farm_rate_limit){.struct_size = sizeof(farm_rate_limit),
                             .name = name,
                             .burst = burst,
                             .count = count,
                             .period_us = period_us};
}

static inline void define_one(farm_rate_local *local, farm_rate_limit limit) {
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_rate_local_define(local, &limit, 1, &error), FARM_OK, "%s", error.text);
}

static inline farm_rate_request request_of(const char *limit, const char *subject, int64_t cost) {
    return (farm_rate_request){
        .struct_size = sizeof(farm_rate_request), .limit = limit, .subject = subject, .cost = cost};
}

/* A decision with the states of its first limits. */
typedef struct answer {
    farm_rate_decision decision;
    farm_rate_state states[4];
} answer;

static inline answer empty_answer(void) {
    answer made;
    memset(&made, 0, sizeof made);
    made.decision.struct_size = sizeof made.decision;
    for (size_t i = 0; i < 4; i++) made.states[i].struct_size = sizeof made.states[i];
    return made;
}

static inline answer take_many(farm_rate_local *local, const farm_rate_request *items,
                               size_t count) {
    farm_error error = {.struct_size = sizeof error};
    answer got = empty_answer();
    cr_assert_eq(farm_rate_local_take(local, items, count, got.states, &error, &got.decision),
                 FARM_OK, "%s", error.text);
    return got;
}

static inline answer peek_many(farm_rate_local *local, const farm_rate_request *items,
                               size_t count) {
    answer got = empty_answer();
    cr_assert_eq(farm_rate_local_peek(local, items, count, got.states, NULL, &got.decision),
                 FARM_OK);
    return got;
}

static inline answer take(farm_rate_local *local, const char *limit, const char *subject,
                          int64_t cost) {
    const farm_rate_request item = request_of(limit, subject, cost);
    return take_many(local, &item, 1);
}

static inline answer force(farm_rate_local *local, const char *limit, const char *subject,
                           int64_t cost) {
    farm_rate_request item = request_of(limit, subject, cost);
    item.flags = FARM_RATE_FORCE;
    return take_many(local, &item, 1);
}

static inline answer peek(farm_rate_local *local, const char *limit, const char *subject,
                          int64_t cost) {
    const farm_rate_request item = request_of(limit, subject, cost);
    return peek_many(local, &item, 1);
}

static inline int32_t is_zero(const farm_id *id) {
    static const farm_id zero;
    return memcmp(id, &zero, sizeof zero) == 0;
}

static inline int64_t left(farm_rate_local *local, const char *limit, const char *subject) {
    return peek(local, limit, subject, 0).states[0].remaining;
}

static inline int64_t admitted(farm_rate_local *local, const char *limit, const char *subject,
                               int64_t tries) {
    int64_t count = 0;
    for (int64_t i = 0; i < tries; i++) count += take(local, limit, subject, 1).decision.allowed;
    return count;
}

#endif
