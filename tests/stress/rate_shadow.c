/* Limits that refuse nobody are taken by several threads while another one fills them again. What
 * each take says of such a limit is of one moment: there was room and it took, or there was none
 * and it did not.
 *
 *     rate_shadow [--seed N] [URI [OWNER_URI]]
 *
 * It fails when a take says that there was room and has taken nothing, or the other way round: then
 * it has looked before or after somebody else changed what it met. */
#include "stress.h"
#include <stdio.h>
#include <string.h>

enum { THREAD_COUNT = 4, CALL_COUNT = 250, LIMIT_COUNT = 2 };

#define NOW_US INT64_C(1767225600000000)

static const char *const names[LIMIT_COUNT] = {"bucket", "holds"};

static farm_rate_request request_of(int limit) {
    return (farm_rate_request){.struct_size = sizeof(farm_rate_request),
                               .limit = names[limit],
                               .subject = "shared",
                               .cost = 1};
}

static void take(farm_session *session, int limit) {
    static const farm_id none;
    const farm_rate_request item = request_of(limit);
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_status status = farm_rate_take(session, &item, 1, &state, &decision);
    if (status == FARM_EAGAIN) return;
    stress_require(session, names[limit], status);
    const int has_taken = memcmp(&decision.token, &none, sizeof none) != 0;
    if (!decision.allowed) stress_fail("%s refuses", names[limit]);
    if (state.allowed != has_taken)
        stress_fail("%s: there was %s room, and it took %s: %lld are left", names[limit],
                    state.allowed ? "enough" : "no", has_taken ? "one" : "none",
                    (long long)state.remaining);
}

static void fill(farm_session *session, int limit) {
    const farm_rate_request item = request_of(limit);
    farm_status status = farm_rate_reset(session, &item, 1);
    if (status != FARM_EAGAIN) stress_require(session, "reset", status);
}

static void run_thread(int thread) {
    farm_session *session = test_store_acquire();
    farm_session_set_clock_us(session, NOW_US);
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) {
        const int limit = i % LIMIT_COUNT;
        if (thread == 0)
            fill(session, limit);
        else
            take(session, limit);
    }
    test_store_release(session);
}

static void define(void) {
    farm_session *session = test_store_acquire();
    farm_rate_limit limits[LIMIT_COUNT];
    for (int i = 0; i < LIMIT_COUNT; i++)
        limits[i] = (farm_rate_limit){.struct_size = sizeof *limits,
                                      .name = names[i],
                                      .count = 2,
                                      .period_us = INT64_C(3600000000),
                                      .is_shadow = 1};
    limits[1].algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    stress_require(session, "define", farm_rate_define(session, limits, LIMIT_COUNT));
    test_store_release(session);
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, THREAD_COUNT);
    define();

    stress_run(THREAD_COUNT, run_thread);

    printf("%d threads, %d calls each\n", THREAD_COUNT, CALL_COUNT);
    return stress_close();
}
