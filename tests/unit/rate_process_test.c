/* The process's part in a take when there is no memory for some of it: the call says so and has
 * taken nothing, or the store is asked for everything; never more is let through than there is. */
#include "failing_allocator.h"
#include "rate_local_support.h"

enum { BURST = 10, TRY_MAX = 1000 };

static farm_session *open_store(void) {
    farm_session *session = NULL;
    cr_assert_eq(farm_session_new(&session), FARM_OK);
    cr_assert_eq(farm_session_open(session, "sqlite::memory:", NULL), FARM_OK);
    cr_assert_eq(farm_session_set_service(session), FARM_OK);
    cr_assert_eq(farm_migrate(session), FARM_OK);
    cr_assert_eq(farm_session_set_clock_us(session, NOW_US), FARM_OK);
    farm_rate_limit limit = bucket_limit("rate", BURST, BURST, DAY_US);
    limit.lease_count = 3;
    limit.denied_us = MINUTE_US;
    limit.on_error = FARM_RATE_ON_ERROR_LOCAL;
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK);
    return session;
}

static farm_status take_one(farm_session *session, int64_t *total) {
    const farm_rate_request item = request_of("rate", "ann", 1);
    answer got = empty_answer();
    farm_status status = farm_rate_take(session, &item, 1, got.states, &got.decision);
    if (status == FARM_OK) *total += got.decision.allowed;
    return status;
}

/* The first take makes the process's object, a later one uses its lease, the last ones are refused:
 * the nth allocation from each of them on fails. */
static void fail_at(failing_allocator *allocator, int64_t before, int64_t number) {
    int64_t total = 0;
    farm_session *session = open_store();
    for (int64_t i = 0; i < before; i++) cr_assert_eq(take_one(session, &total), FARM_OK);

    allocator->has_failed = 0;
    allocator->countdown = number;
    const farm_status status = take_one(session, &total);
    allocator->countdown = -1;

    cr_assert(status == FARM_OK || (status == FARM_ENOMEM && allocator->has_failed),
              "allocation %d after %d takes: %s", (int)number, (int)before,
              farm_status_name(status));
    for (int64_t i = 0; i < 2 * BURST; i++) cr_assert_eq(take_one(session, &total), FARM_OK);
    cr_assert_eq(total, BURST, "allocation %d after %d takes", (int)number, (int)before);
    cr_assert_eq(farm_rate_settle(session), FARM_OK);
    farm_session_free(session);
    cr_assert_eq(allocator->live_count, 0);
}

Test(rate_process_memory, whichever_allocation_fails_the_burst_is_let_through_and_no_more) {
    static const int64_t takes_before[] = {0, 1, 3, BURST, BURST + 1};
    failing_allocator allocator;
    cr_assert_eq(failing_allocator_set(&allocator, -1), FARM_OK);
    for (size_t i = 0; i < sizeof takes_before / sizeof *takes_before; i++) {
        int64_t number = 0;
        do fail_at(&allocator, takes_before[i], number++);
        while (allocator.has_failed && number < TRY_MAX);
        cr_assert_lt(number, TRY_MAX);
        if (i == 0) cr_assert_gt(number, 5, "what the first take makes");
    }
}
