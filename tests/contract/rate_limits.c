/* The limits of the tests of rate limits. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <string.h>

farm_rate_state states[FARM_RATE_BATCH_MAX];
farm_rate_decision decision;

farm_rate_limit limit_of(const char *name, int32_t scope, int64_t burst, int64_t count,
                         int64_t period_us) {
    return (farm_rate_limit){.struct_size = sizeof(farm_rate_limit),
                             .name = name,
                             .scope = scope,
                             .burst = burst,
                             .count = count,
                             .period_us = period_us};
}

farm_rate_request request_of(const char *limit, const char *subject, int64_t cost) {
    return (farm_rate_request){
        .struct_size = sizeof(farm_rate_request), .limit = limit, .subject = subject, .cost = cost};
}

void define_as(farm_rate_limit limit) {
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK, "%s",
                 farm_session_error_text(session));
}

void define(const char *name, int32_t scope, int64_t burst, int64_t count, int64_t period_us) {
    define_as(limit_of(name, scope, burst, count, period_us));
}

void define_limits(void) {
    open_session();
    for (size_t i = 0; i < FARM_RATE_BATCH_MAX; i++) states[i].struct_size = sizeof states[i];
    decision.struct_size = sizeof decision;
    define("user", FARM_RATE_SCOPE_USER, 5, 5, 5 * SECOND_US);
    define("route", FARM_RATE_SCOPE_KEY, 10, 10, SECOND_US);
    define("ip", FARM_RATE_SCOPE_ADDRESS, 3, 3, MINUTE_US);
    define("all", FARM_RATE_SCOPE_GLOBAL, 100, 100, SECOND_US);
}

void take_all(const farm_rate_request *items, size_t count) {
    cr_assert_eq(farm_rate_take(session, items, count, states, &decision), FARM_OK, "%s",
                 farm_session_error_text(session));
}

int32_t take(const char *limit, const char *subject, int64_t cost) {
    farm_rate_request item = request_of(limit, subject, cost);
    take_all(&item, 1);
    cr_assert_eq(decision.allowed, states[0].allowed);
    return decision.allowed;
}

int64_t left(const char *limit, const char *subject) {
    const farm_rate_request item = request_of(limit, subject, 0);
    cr_assert_eq(farm_rate_peek(session, &item, 1, states, &decision), FARM_OK, "%s",
                 farm_session_error_text(session));
    return states[0].remaining;
}

int32_t is_zero(const farm_id *id) {
    static const farm_id zero;
    return memcmp(id, &zero, sizeof zero) == 0;
}
