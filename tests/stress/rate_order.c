/* Many threads take from the same buckets in every way at once: plain, forced, in shadow mode, of
 * new subjects, and as holds; and give back, and reset. All lock them in one order, so nobody ever
 * meets a deadlock: each call succeeds with its first try.
 *
 *     rate_order [--seed N] [URI [OWNER_URI]]
 *
 * Stores: postgres pgbouncer */
#include "stress.h"
#include <stdio.h>

enum { THREAD_COUNT = 6, CALL_COUNT = 400, SUBJECT_COUNT = 2, LIMIT_COUNT = 4 };
enum { ITEM_COUNT = LIMIT_COUNT * SUBJECT_COUNT };

#define NOW_US INT64_C(1767225600000000)
#define DAY_US (INT64_C(86400) * 1000000)

static const farm_rate_limit limits[LIMIT_COUNT] = {
    {.struct_size = sizeof *limits, .name = "plain", .count = 1000000, .period_us = DAY_US},
    {.struct_size = sizeof *limits,
     .name = "new",
     .count = 1000000,
     .period_us = DAY_US,
     .initial = 900000},
    {.struct_size = sizeof *limits,
     .name = "quiet",
     .count = 1000000,
     .period_us = DAY_US,
     .is_shadow = 1},
    {.struct_size = sizeof *limits,
     .name = "held",
     .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
     .count = FARM_RATE_HOLD_MAX,
     .period_us = DAY_US},
};
static const char *const subjects[SUBJECT_COUNT] = {"ann", "bob"};

static farm_pool *pool; /* whose sessions try once */

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

/* About half of all there are, each with a cost of its own, some of them forced. */
static size_t choose(unsigned *random, farm_rate_request *items) {
    size_t count = 0;
    for (unsigned i = 0; i < ITEM_COUNT; i++) {
        const unsigned limit = i / SUBJECT_COUNT;
        if (next_random(random) % 2 == 0) continue;
        items[count++] = (farm_rate_request){
            .struct_size = sizeof *items,
            .flags = limit < 3 && next_random(random) % 3 == 0 ? FARM_RATE_FORCE : 0,
            .limit = limits[limit].name,
            .subject = subjects[i % SUBJECT_COUNT],
            .cost = next_random(random) % 3 + 1,
        };
    }
    return count;
}

static void call(farm_session *session, unsigned *random) {
    farm_rate_request items[ITEM_COUNT];
    farm_rate_state states[ITEM_COUNT];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    const size_t count = choose(random, items);
    const unsigned kind = next_random(random) % 8;
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) states[i].struct_size = sizeof states[i];
    stress_require(session, "take", farm_rate_take(session, items, count, states, &decision));
    for (size_t i = 0; i < count; i++) items[i].flags = 0;
    if (kind == 0)
        stress_require(session, "reset", farm_rate_reset(session, items, count));
    else if (kind < 3 && decision.allowed)
        stress_require(session, "refund", farm_rate_refund(session, &decision.token, items, count));
    else if (decision.allowed)
        stress_require(session, "release",
                       farm_rate_release(session, &decision.token, items, count));
}

static farm_session *acquire(void) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK)
        test_store_stop("acquire", error.text);
    farm_session_set_service(session);
    farm_session_set_clock_us(session, NOW_US);
    return session;
}

static void run_thread(int thread) {
    unsigned random = stress_seed * 7919U + (unsigned)thread;
    farm_session *session = acquire();
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) call(session, &random);
    farm_pool_release(pool, session);
}

static void open_pool(void) {
    const farm_session_options once = {.struct_size = sizeof once, .try_count = 1};
    const farm_pool_options options = {
        .struct_size = sizeof options, .max_count = THREAD_COUNT, .session = &once};
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_new(&pool) != FARM_OK ||
        farm_pool_open(pool, test_store_uri(), &options, &error) != FARM_OK)
        test_store_stop("pool", error.text);
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, 1);
    printf("seed %u\n", stress_seed);
    open_pool();
    farm_session *session = acquire();
    stress_require(session, "define", farm_rate_define(session, limits, LIMIT_COUNT));
    farm_pool_release(pool, session);

    stress_run(THREAD_COUNT, run_thread);

    farm_pool_free(pool);
    return stress_close();
}
