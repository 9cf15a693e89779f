/* Every allocation of the library fails in turn, in every scenario: the call says ENOMEM or does
 * all of it, nothing is half done or leaked, and the repeat succeeds. */
#include "support/scenarios.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINT_MAX = 5000 };

#define NOW_US INT64_C(1767225600000000)

/* The allocation to fail, on whatever thread: 0 is the next; below: none. */
static atomic_long countdown = -1;
static atomic_int has_fired;

static int fails_now(void) {
    if (atomic_load(&countdown) < 0 || atomic_fetch_sub(&countdown, 1) != 0) return 0;
    atomic_store(&has_fired, 1);
    return 1;
}

static void *allocate(void *context, size_t size) {
    (void)context;
    return fails_now() ? NULL : malloc(size);
}

static void *reallocate(void *context, void *data, size_t size) {
    (void)context;
    return fails_now() ? NULL : realloc(data, size);
}

static void release(void *context, void *data) {
    (void)context;
    free(data);
}

static int fail(const fault_scenario *scenario, long point, const char *what,
                farm_session *session) {
    fprintf(stderr, "not ok: %s, allocation %ld: %s: %s\n", scenario->name, point, what,
            farm_session_error_text(session));
    return 0;
}

/* Two sessions on one store: the first prepares and asks, the second, which has allocated nothing
 * yet, meets the failure. */
static farm_pool *open_store(const fault_scenario *scenario, farm_session **out) {
    farm_pool *pool = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_new(&pool) != FARM_OK ||
        farm_pool_open(pool, "sqlite::memory:", NULL, &error) != FARM_OK ||
        farm_pool_acquire(pool, 0, &error, out) != FARM_OK || farm_migrate(*out) != FARM_OK ||
        farm_session_set_service(*out) != FARM_OK ||
        farm_session_set_clock_us(*out, NOW_US) != FARM_OK || scenario->prepare(*out) != FARM_OK) {
        fprintf(stderr, "%s: %s%s\n", scenario->name, error.text, farm_session_error_text(*out));
        abort();
    }
    return pool;
}

static farm_status act(farm_pool *pool, const fault_scenario *scenario) {
    farm_session *session = NULL;
    farm_status status = farm_pool_acquire(pool, 0, NULL, &session);
    if (status == FARM_OK) status = farm_session_set_service(session);
    if (status == FARM_OK) status = farm_session_set_clock_us(session, NOW_US);
    if (status == FARM_OK) status = scenario->act(session);
    farm_pool_release(pool, session);
    return status;
}

/* One run with one failure; 0 when something is wrong. */
static int run_point(const fault_scenario *scenario, long point) {
    farm_session *session = NULL;
    farm_pool *pool = open_store(scenario, &session);
    has_fired = 0;
    countdown = point;
    farm_status status = act(pool, scenario);
    countdown = -1;

    int is_good = 1;
    int64_t answer = scenario_answer(session, scenario);
    if (status != FARM_OK && status != FARM_ENOMEM)
        is_good = fail(scenario, point, farm_status_name(status), session);
    if (answer != (status == FARM_OK ? scenario->most : scenario->least))
        is_good = fail(scenario, point, "the effect is not what was said", session);
    farm_status again = act(pool, scenario);
    int64_t most = scenario->most + (status == FARM_OK ? scenario->repeat_adds : 0);
    if (again != FARM_OK || scenario_answer(session, scenario) != most)
        is_good = fail(scenario, point, "the repeat went wrong", session);
    if (!scenario_is_sound(session))
        is_good = fail(scenario, point, "the store is not sound", session);
    farm_pool_release(pool, session);
    farm_pool_free(pool);
    return is_good;
}

/* Opening and migrating themselves. */
static int run_opening(long point) {
    farm_session *session = NULL;
    has_fired = 0;
    countdown = point;
    farm_status status = farm_session_new(&session);
    if (status == FARM_OK) status = farm_session_open(session, "sqlite::memory:", NULL);
    if (status == FARM_OK) status = farm_migrate(session);
    countdown = -1;
    int is_good = status == FARM_OK || status == FARM_ENOMEM;
    if (!is_good)
        fprintf(stderr, "not ok: opening, allocation %ld: %s\n", point,
                farm_session_error_text(session));
    farm_session_free(session);
    return is_good;
}

static farm_status nothing(farm_session *session, void *context) {
    (void)session;
    (void)context;
    return FARM_OK;
}

static farm_status use_queue(farm_pool *pool) {
    farm_queue *queue = NULL;
    farm_completion row = {.struct_size = sizeof row};
    const farm_submission item = {.struct_size = sizeof item, .function = nothing};
    size_t count = 0;
    farm_status status = farm_queue_new(&queue);
    if (status == FARM_OK) status = farm_queue_open(queue, pool, NULL, NULL);
    if (status == FARM_OK) status = farm_submit(queue, &item, 1, NULL, NULL);
    if (status == FARM_OK) status = farm_queue_next(queue, -1, &row, 1, &count);
    if (status == FARM_OK) status = row.status;
    farm_queue_free(queue);
    return status;
}

static farm_status use_topics(farm_pool *pool) {
    const farm_topic topic = {.struct_size = sizeof topic, .owner = "ana", .topic = "inbox"};
    farm_topic_version version = 0;
    size_t count = 0;
    return farm_wait(pool, &topic, 1, &version, 0, NULL, &count);
}

/* A pool, a queue over it, and a wait on it. */
static int run_pool(farm_status (*use)(farm_pool *pool), long point) {
    const fault_scenario none = {.name = "pool", .prepare = farm_migrate};
    farm_session *session = NULL;
    farm_pool *pool = open_store(&none, &session);
    has_fired = 0;
    countdown = point;
    farm_status status = use(pool);
    countdown = -1;
    int is_good = status == FARM_OK || status == FARM_ENOMEM;
    is_good = is_good && (has_fired || status == FARM_OK) && use(pool) == FARM_OK;
    if (!is_good)
        fprintf(stderr, "not ok: pool, allocation %ld: %s\n", point, farm_status_name(status));
    farm_pool_release(pool, session);
    farm_pool_free(pool);
    return is_good;
}

int main(void) {
    const farm_allocator allocator = {.struct_size = sizeof allocator,
                                      .allocate = allocate,
                                      .reallocate = reallocate,
                                      .release = release};
    if (farm_allocator_set(&allocator) != FARM_OK) return EXIT_FAILURE;
    int failed = 0;
    long points = 0;
    for (size_t i = 0; i < scenario_count; i++) {
        long point = 0;
        do failed += !run_point(&scenarios[i], point);
        while (has_fired && ++point < POINT_MAX);
        points += point;
    }
    long point = 0;
    do failed += !run_opening(point);
    while (has_fired && ++point < POINT_MAX);
    points += point;
    farm_status (*const uses[])(farm_pool *) = {use_queue, use_topics};
    for (size_t i = 0; i < 2; i++) {
        point = 0;
        do failed += !run_pool(uses[i], point);
        while (has_fired && ++point < POINT_MAX);
        points += point;
    }
    printf("%zu scenarios, %ld allocations failed in turn, %d went wrong\n", scenario_count + 3,
           points, failed);
    return failed == 0 && points > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
