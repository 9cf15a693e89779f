/* Every allocation fails in turn, in every scenario: those of the library, of SQLite, of cJSON. The
 * call says ENOMEM or does all of it, nothing is half done or leaked, and the repeat succeeds. In a
 * file, SQLite may also leave it open whether a commit happened.
 *
 *     allocations URI
 *
 * Stores: sqlite-memory sqlite-file
 * Threads: one */
#include "support/fault_memory.h"
#include "support/fault_vfs.h"
#include "support/scenarios.h"
#include "support/store_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINT_MAX = 20000, PATH_SIZE = 1024 };

#define NOW_US INT64_C(1767225600000000)

static const char *uri;
static const char *path; /* NULL: in memory */
static char template_path[PATH_SIZE + 16];

/* One failure in one place. */
typedef struct allocation_point {
    const fault_scenario *scenario;
    int owner;
    long number;
} allocation_point;

/* --- one point --- */

static int fail(const allocation_point *point, const char *what, farm_session *session) {
    fprintf(stderr, "not ok: %s, allocation %ld of %s: %s: %s\n", point->scenario->name,
            point->number, fault_memory_name(point->owner), what, farm_session_error_text(session));
    return 0;
}

static farm_session *acquire(farm_pool *pool) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, 0, &error, &session) != FARM_OK ||
        farm_session_set_service(session) != FARM_OK ||
        farm_session_set_clock_us(session, NOW_US) != FARM_OK) {
        fprintf(stderr, "acquire: %s\n", error.text);
        abort();
    }
    return session;
}

static farm_pool *open_pool(void) {
    farm_pool *pool = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_new(&pool) != FARM_OK || farm_pool_open(pool, uri, NULL, &error) != FARM_OK) {
        fprintf(stderr, "open: %s\n", error.text);
        abort();
    }
    return pool;
}

static void prepare(farm_session *session, const fault_scenario *scenario) {
    if (farm_migrate(session) == FARM_OK && scenario->prepare(session) == FARM_OK) return;
    fprintf(stderr, "%s: %s\n", scenario->name, farm_session_error_text(session));
    abort();
}

/* Two sessions on one store: the first prepares and asks, the second, which has allocated nothing
 * yet, meets the failure. */
static farm_pool *open_store(const fault_scenario *scenario, farm_session **out) {
    if (path != NULL) {
        store_file_remove(path);
        store_file_copy(template_path, path);
    }
    farm_pool *pool = open_pool();
    *out = acquire(pool);
    if (path == NULL) prepare(*out, scenario);
    return pool;
}

static void make_template(const fault_scenario *scenario) {
    store_file_remove(path);
    farm_pool *pool = open_pool();
    farm_session *session = acquire(pool);
    prepare(session, scenario);
    farm_pool_release(pool, session);
    farm_pool_free(pool);
    store_file_copy(path, template_path);
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

static void arm(const allocation_point *point) {
    fault_memory_fail(point->owner, point->number);
}

static void disarm(void) {
    fault_memory_fail(FAULT_MEMORY_LIBRARY, -1);
}

static int is_as_said(const allocation_point *point, farm_status status, int64_t answer) {
    const fault_scenario *scenario = point->scenario;
    if (status == FARM_EUNCERTAIN && point->owner == FAULT_MEMORY_SQLITE && path != NULL)
        return answer == scenario->most || answer == scenario->least;
    return answer == (status == FARM_OK ? scenario->most : scenario->least);
}

/* One run with one failure; 0 when something is wrong. */
static int run_point(const allocation_point *point) {
    const fault_scenario *scenario = point->scenario;
    farm_session *session = NULL;
    farm_pool *pool = open_store(scenario, &session);
    arm(point);
    farm_status status = act(pool, scenario);
    disarm();

    int is_good = 1;
    int64_t answer = scenario_answer(session, scenario);
    if (status != FARM_OK && status != FARM_ENOMEM && status != FARM_EUNCERTAIN)
        is_good = fail(point, farm_status_name(status), session);
    if (!is_as_said(point, status, answer))
        is_good = fail(point, "the effect is not what was said", session);
    farm_status again = act(pool, scenario);
    int64_t most = scenario->most;
    if (answer == scenario->most && answer != scenario->least) most += scenario->repeat_adds;
    if (again != FARM_OK || scenario_answer(session, scenario) != most)
        is_good = fail(point, "the repeat went wrong", session);
    if (!scenario_is_sound(session)) is_good = fail(point, "the store is not sound", session);
    farm_pool_release(pool, session);
    farm_pool_free(pool);
    return is_good;
}

/* Opening and migrating themselves. */
static int run_opening(const allocation_point *point) {
    farm_session *session = NULL;
    if (path != NULL) store_file_remove(path);
    arm(point);
    farm_status status = farm_session_new(&session);
    if (status == FARM_OK) status = farm_session_open(session, uri, NULL);
    if (status == FARM_OK) status = farm_migrate(session);
    disarm();
    int is_good = status == FARM_OK || status == FARM_ENOMEM;
    if (!is_good) is_good = fail(point, farm_status_name(status), session);
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

/* Something that stands on a pool. */
static int run_on_pool(const allocation_point *point, farm_status (*use)(farm_pool *pool)) {
    farm_session *session = NULL;
    farm_pool *pool = open_store(point->scenario, &session);
    arm(point);
    farm_status status = use(pool);
    disarm();
    int is_good = status == FARM_OK || status == FARM_ENOMEM;
    is_good = is_good && (fault_memory_has_fired() || status == FARM_OK);
    if (!is_good) is_good = fail(point, farm_status_name(status), session);
    if (use(pool) != FARM_OK) is_good = fail(point, "the repeat went wrong", session);
    farm_pool_release(pool, session);
    farm_pool_free(pool);
    return is_good;
}

static int run_queue(const allocation_point *point) {
    return run_on_pool(point, use_queue);
}

static int run_topics(const allocation_point *point) {
    return run_on_pool(point, use_topics);
}

/* SQLite allocates too often for all of it: from some point on every so many are looked at. */
static int storm(const fault_scenario *scenario, int owner, int (*run)(const allocation_point *),
                 long *points) {
    allocation_point point = {.scenario = scenario, .owner = owner};
    int failed = 0;
    do {
        failed += !run(&point);
        point.number += owner == FAULT_MEMORY_SQLITE ? 1 + point.number / 32 : 1;
        (*points)++;
    } while (fault_memory_has_fired() && point.number < POINT_MAX);
    return failed;
}

int main(int argument_count, char **arguments) {
    if (argument_count < 2 || !fault_memory_register() || !fault_vfs_register())
        return EXIT_FAILURE;
    fault_vfs_skip_syncs(1);
    uri = arguments[1];
    if (strstr(uri, ":memory:") == NULL) {
        path = strchr(uri, ':') + 1;
        snprintf(template_path, sizeof template_path, "%s.template", path);
    }

    static const struct {
        fault_scenario scenario;
        int (*run)(const allocation_point *point);
    } others[] = {{{.name = "opening", .prepare = farm_migrate}, run_opening},
                  {{.name = "a queue", .prepare = farm_migrate}, run_queue},
                  {{.name = "topics", .prepare = farm_migrate}, run_topics}};
    const size_t other_count = sizeof others / sizeof *others;
    int failed = 0;
    for (int owner = 0; owner < FAULT_MEMORY_OWNERS; owner++) {
        long points = 0;
        for (size_t i = 0; i < scenario_count; i++) {
            if (path != NULL) make_template(&scenarios[i]);
            failed += storm(&scenarios[i], owner, run_point, &points);
        }
        for (size_t i = 0; i < other_count; i++) {
            if (path != NULL) make_template(&others[i].scenario);
            failed += storm(&others[i].scenario, owner, others[i].run, &points);
        }
        printf("%zu scenarios, %ld allocations of %s failed in turn\n",
               scenario_count + other_count, points, fault_memory_name(owner));
    }
    printf("%d went wrong\n", failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
