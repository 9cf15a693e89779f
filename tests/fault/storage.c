/* Every storage call fails in turn, in every scenario: before it took effect, or after, when only
 * its answer is lost. What is said to be done is done, what is said to have failed is not, and a
 * repeat is harmless. On SQLite, and on Postgres where the environment names one.
 *
 * Threads: one */
#include "backend/decorators.h"
#include "support/scenarios.h"
#include "support/test_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINT_MAX = 200 };

#define NOW_US INT64_C(1767225600000000)

typedef struct storage_failure {
    const char *name;
    farm_status status; /* 0: what a lost connection gives */
    int32_t when;
} storage_failure;

static const storage_failure failures[] = {
    {"busy", FARM_EAGAIN, DECORATOR_FAULT_BEFORE},
    {"unreachable", FARM_EUNAVAILABLE, DECORATOR_FAULT_BEFORE},
    {"full", FARM_EFULL, DECORATOR_FAULT_BEFORE},
    {"answer lost", FARM_OK, DECORATOR_FAULT_AFTER},
};

static int fail(const fault_scenario *scenario, const storage_failure *failure, uint64_t point,
                farm_status status, const char *what, farm_session *session) {
    fprintf(stderr, "not ok: %s, call %llu %s, %s: %s: %s\n", scenario->name,
            (unsigned long long)point, failure->name, farm_status_name(status), what,
            farm_session_error_text(session));
    return 0;
}

static farm_session *acquire(farm_pool *pool) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, 0, &error, &session) != FARM_OK ||
        farm_session_set_service(session) != FARM_OK ||
        farm_session_set_clock_us(session, NOW_US) != FARM_OK)
        test_store_stop("acquire", error.text);
    return session;
}

/* Whether the rows are what the status said; *out_answer is what they are. */
static int is_as_said(const fault_scenario *scenario, farm_session *session, farm_status status,
                      int64_t *out_answer) {
    *out_answer = scenario_answer(session, scenario);
    if (status == FARM_OK) return *out_answer == scenario->most;
    if (status == FARM_EUNCERTAIN)
        return *out_answer == scenario->most || *out_answer == scenario->least;
    return *out_answer == scenario->least;
}

static int run_point(farm_pool *pool, const fault_scenario *scenario,
                     const storage_failure *failure, uint64_t point, int *out_fired) {
    farm_session *session = acquire(pool);
    farm_session *witness = acquire(pool);
    scenario_clear(witness);
    if (scenario->prepare(session) != FARM_OK)
        return fail(scenario, failure, point, FARM_OK, "prepare", session);
    decorator_fault_set(point, failure->status, failure->when);
    farm_status status = scenario->act(session);
    *out_fired = decorator_fault_has_fired();
    decorator_fault_set(0, FARM_OK, 0);
    farm_rollback(session);

    int is_good = 1;
    int64_t answer = 0;
    if (!is_as_said(scenario, witness, status, &answer))
        is_good = fail(scenario, failure, point, status, "the rows say otherwise", session);
    int is_retried = strstr(scenario->name, "transaction") == NULL;
    if (failure->status == FARM_EAGAIN && is_retried && status != FARM_OK)
        is_good = fail(scenario, failure, point, status, "it was not tried again", session);
    if (status == FARM_EUNCERTAIN && scenario->has_id)
        is_good =
            fail(scenario, failure, point, status, "it has an id and was not settled", session);
    farm_session_set_service(session);
    farm_status again = scenario->act(session);
    int64_t most = scenario->most;
    if (answer == scenario->most && answer != scenario->least) most += scenario->repeat_adds;
    if (again != FARM_OK || scenario_answer(witness, scenario) != most)
        is_good = fail(scenario, failure, point, again, "the repeat went wrong", session);
    if (!scenario_is_sound(witness))
        is_good = fail(scenario, failure, point, status, "the store is not sound", witness);
    farm_pool_release(pool, witness);
    farm_pool_release(pool, session);
    return is_good;
}

static int storm(farm_pool *pool, const char *name) {
    int failed = 0;
    unsigned long points = 0;
    for (size_t i = 0; i < scenario_count; i++)
        for (size_t j = 0; j < sizeof failures / sizeof *failures; j++) {
            int has_fired = 1;
            for (uint64_t point = 1; has_fired && point < POINT_MAX; point++) {
                failed += !run_point(pool, &scenarios[i], &failures[j], point, &has_fired);
                points += (unsigned long)has_fired;
            }
        }
    printf("%s: %zu scenarios, %lu storage calls failed in turn, %d went wrong\n", name,
           scenario_count, points, failed);
    return failed + (points == 0);
}

static farm_pool *open_pool(const char *uri) {
    farm_pool *pool = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_new(&pool) != FARM_OK || farm_pool_open(pool, uri, NULL, &error) != FARM_OK)
        test_store_stop(uri, error.text);
    return pool;
}

static int storm_sqlite(void) {
    if (decorator_register(&decorator_fault, "sqlite") == NULL) return 1;
    farm_pool *pool = open_pool("fault+sqlite::memory:");
    farm_session *session = acquire(pool);
    if (farm_migrate(session) != FARM_OK)
        test_store_stop("migrate", farm_session_error_text(session));
    farm_pool_release(pool, session);
    int failed = storm(pool, "SQLite");
    farm_pool_free(pool);
    return failed;
}

/* The owner migrates and the application's role is put to the test. */
static int storm_postgres(void) {
    const char *application = getenv("FARM_TEST_POSTGRES");
    const char *owner = getenv("FARM_TEST_POSTGRES_OWNER");
    char uri[1100];
    if (application == NULL || owner == NULL) return 0;
    if (decorator_register(&decorator_fault, "postgresql") == NULL) return 1;
    test_store_open(application, owner, 1);
    snprintf(uri, sizeof uri, "fault+%s", test_store_uri());
    farm_pool *pool = open_pool(uri);

    int failed = storm(pool, "Postgres");

    farm_pool_free(pool);
    test_store_close();
    return failed;
}

int main(void) {
    int failed = storm_sqlite() + storm_postgres();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
