/* Many threads hold places of one limit, do something, and let go, while the clock stands still:
 * never more than so many are inside at once, whoever comes when, and in the end all places are
 * free again. Some hold two at once, some take a second limit along that may refuse, some roll
 * back.
 *
 *     rate_holds [--broken] [--seed N] [URI [OWNER_URI]]
 *
 * --broken looks whether there is a place and then goes in, as one would who counts without the
 * lock. */
#include "stress.h"
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { THREAD_COUNT = 8, CALL_COUNT = 150, PLACE_COUNT = 3 };

#define NOW_US INT64_C(1767225600000000)
#define HOUR_US (INT64_C(3600) * 1000000)

static atomic_int inside;
static atomic_int most_inside;
static atomic_int entries;

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

static farm_rate_request request_of(const char *limit, int64_t cost) {
    return (farm_rate_request){.struct_size = sizeof(farm_rate_request),
                               .limit = limit,
                               .subject = "shared",
                               .cost = cost};
}

static int enter(farm_session *session, const farm_rate_request *items, size_t count,
                 farm_id *token) {
    farm_rate_state states[2] = {{.struct_size = sizeof *states}, {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_status status = stress_is_broken
                             ? farm_rate_peek(session, items, count, states, &decision)
                             : farm_rate_take(session, items, count, states, &decision);
    if (status == FARM_EAGAIN) return 0;
    stress_require(session, "take", status);
    *token = decision.token;
    return status == FARM_OK && decision.allowed;
}

/* Between taking and letting go. */
static void stay(int places, unsigned *random) {
    const int now = atomic_fetch_add(&inside, places) + places;
    int most = atomic_load(&most_inside);
    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now)) {}
    if (now > most && now > PLACE_COUNT)
        stress_fail("%d are inside where %d may be", now, PLACE_COUNT);
    atomic_fetch_add(&entries, 1);
    for (unsigned i = next_random(random) % 4; i > 0; i--) sched_yield();
    atomic_fetch_sub(&inside, places);
}

static void leave(farm_session *session, const farm_id *token, const farm_rate_request *item) {
    farm_status status = FARM_EAGAIN;
    for (int i = 0; i < 100 && status == FARM_EAGAIN; i++)
        status = farm_rate_release(session, token, item, 1);
    stress_require(session, "release", status);
}

static void call(farm_session *session, unsigned *random) {
    const unsigned kind = next_random(random) % 8;
    const int places = kind < 6 ? 1 : 2;
    const farm_rate_request items[] = {request_of("places", places), request_of("narrow", 1)};
    farm_id token = {{0}};
    if (kind == 0 && !stress_is_broken) {
        farm_status status = farm_begin(session);
        if (status == FARM_EAGAIN) return;
        stress_require(session, "begin", status);
        if (status == FARM_OK) enter(session, items, 1, &token);
        farm_rollback(session);
        return;
    }
    if (!enter(session, items, kind % 3 == 1 ? 2 : 1, &token)) return;
    stay(places, random);
    if (!stress_is_broken) leave(session, &token, items);
}

static farm_session *acquire(void) {
    farm_session *session = test_store_acquire();
    farm_session_set_clock_us(session, NOW_US);
    return session;
}

static void run_thread(int thread) {
    unsigned random = stress_seed * 7919U + (unsigned)thread;
    farm_session *session = acquire();
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) call(session, &random);
    test_store_release(session);
}

static void define(farm_session *session) {
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits,
         .name = "places",
         .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
         .count = PLACE_COUNT,
         .period_us = HOUR_US},
        {.struct_size = sizeof *limits, .name = "narrow", .count = 40, .period_us = HOUR_US},
    };
    stress_require(session, "define", farm_rate_define(session, limits, 2));
}

static void check_free(farm_session *session) {
    const farm_rate_request item = request_of("places", PLACE_COUNT);
    farm_id token;
    const int is_free = enter(session, &item, 1, &token);
    printf("%d entries, %d at once at most, %s\n", atomic_load(&entries), atomic_load(&most_inside),
           is_free ? "all free again" : "some never left");
    if (!is_free) stress_fail("a place is not free again");
    if (atomic_load(&entries) < 3 * PLACE_COUNT) stress_fail("hardly anybody got in");
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, THREAD_COUNT + 1);
    printf("seed %u\n", stress_seed);
    farm_session *session = acquire();
    define(session);

    stress_run(THREAD_COUNT, run_thread);

    check_free(session);
    test_store_release(session);
    return stress_close();
}
