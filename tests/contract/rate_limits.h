/* What the tests of rate limits begin with: four limits, and what the last call answered. */
#ifndef RATE_LIMITS_H
#define RATE_LIMITS_H

#include "suite.h"

#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)

extern farm_rate_state states[FARM_RATE_BATCH_MAX];
extern farm_rate_decision decision;

farm_rate_limit limit_of(const char *name, int32_t scope, int64_t burst, int64_t count,
                         int64_t period_us);
farm_rate_request request_of(const char *limit, const char *subject, int64_t cost);

void define_as(farm_rate_limit limit);
void define(const char *name, int32_t scope, int64_t burst, int64_t count, int64_t period_us);
/* For a suite's .init. By user: 5 in 5 s; by route: 10 a second; by ip: 3 a minute; for all: 100 a
 * second. */
void define_limits(void);

void take_all(const farm_rate_request *items, size_t count);
/* Take from one limit; whether it was allowed. */
int32_t take(const char *limit, const char *subject, int64_t cost);
/* What a peek says is left. */
int64_t left(const char *limit, const char *subject);
/* Whether it is no token. */
int32_t is_zero(const farm_id *id);

#endif
