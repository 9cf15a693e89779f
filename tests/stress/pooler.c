/* 200 sessions at once through a pooler in transaction mode: each works, and together they hold at
 * most as many server connections as the pooler has, since none keeps one between operations. Needs
 * FARM_TEST_PGBOUNCER and its like. */
#include <farmcore/farmcore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { SESSION_COUNT = 200, TURN_COUNT = 20, SERVER_MAX = 50, SKIPPED = 77 };

static farm_pool *pool;
static pthread_barrier_t all_connected;
static atomic_int failure_count;
static atomic_int working_count = SESSION_COUNT;
static atomic_int admitted_count;

static void fail(const char *what, const char *text) {
    fprintf(stderr, "not ok: %s: %s\n", what, text);
    atomic_fetch_add(&failure_count, 1);
}

static void take(farm_session *session) {
    const farm_rate_request request = {.struct_size = sizeof request, .limit = "pooler", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_session_set_clock_us(session, INT64_C(1767225600000000));
    if (farm_rate_take(session, &request, 1, &state, &decision) != FARM_OK)
        fail("take", farm_session_error_text(session));
    atomic_fetch_add(&admitted_count, decision.allowed);
}

static void *run_worker(void *context) {
    (void)context;
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, 60 * 1000000, &error, &session) != FARM_OK)
        fail("acquire", error.text);
    pthread_barrier_wait(&all_connected);
    for (int i = 0; i < TURN_COUNT && session != NULL; i++) take(session);
    farm_pool_release(pool, session);
    atomic_fetch_sub(&working_count, 1);
    return NULL;
}

static farm_session *open_owner(void) {
    char uri[1024];
    farm_session *session = NULL;
    const farm_rate_limit limit = {.struct_size = sizeof limit,
                                   .name = "pooler",
                                   .scope = FARM_RATE_SCOPE_GLOBAL,
                                   .count = 1000,
                                   .period_us = INT64_C(86400000000)};
    snprintf(uri, sizeof uri, "%s?schema=pooler&grant_to=farm_app",
             getenv("FARM_TEST_POSTGRES_OWNER"));
    if (farm_session_new(&session) != FARM_OK || farm_session_open(session, uri, NULL) != FARM_OK ||
        farm_migrate(session) != FARM_OK || farm_session_set_service(session) != FARM_OK ||
        farm_rate_define(session, &limit, 1) != FARM_OK) {
        fail("owner", farm_session_error_text(session));
        exit(EXIT_FAILURE);
    }
    return session;
}

static void open_pool(void) {
    char uri[1024];
    farm_error error = {.struct_size = sizeof error};
    farm_pool_options options = {.struct_size = sizeof options, .max_count = SESSION_COUNT};
    snprintf(uri, sizeof uri, "%s?schema=pooler", getenv("FARM_TEST_PGBOUNCER"));
    if (farm_pool_new(&pool) != FARM_OK || farm_pool_open(pool, uri, &options, &error) != FARM_OK) {
        fail("pool", error.text);
        exit(EXIT_FAILURE);
    }
}

/* How many connections the application's role has on the server, as long as anybody works. */
static int64_t watch(farm_session *owner) {
    static const char text[] = "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'farm_app'";
    int64_t most = 0;
    while (atomic_load(&working_count) > 0) {
        farm_rows *rows = NULL;
        if (farm_session_execute(owner, text, NULL, 0, &rows) != FARM_OK)
            fail("watch", farm_session_error_text(owner));
        const farm_value *value = farm_rows_value(rows, 0, 0);
        if (value != NULL && value->integer > most) most = value->integer;
        farm_rows_free(rows);
    }
    return most;
}

int main(void) {
    pthread_t threads[SESSION_COUNT];
    if (getenv("FARM_TEST_PGBOUNCER") == NULL || getenv("FARM_TEST_POSTGRES_OWNER") == NULL)
        return SKIPPED;
    farm_session *owner = open_owner();
    open_pool();
    pthread_barrier_init(&all_connected, NULL, SESSION_COUNT);
    for (int i = 0; i < SESSION_COUNT; i++) pthread_create(&threads[i], NULL, run_worker, NULL);
    int64_t most = watch(owner);
    for (int i = 0; i < SESSION_COUNT; i++) pthread_join(threads[i], NULL);

    if (most == 0 || most > SERVER_MAX) fail("server connections", "not 1 to 50");
    if (atomic_load(&admitted_count) != 1000) fail("takes", "not exactly the burst of 1000");
    printf(
        "%d sessions, %d takes: %d admitted of a burst of 1000, at most %lld server connections\n",
        SESSION_COUNT, SESSION_COUNT * TURN_COUNT, atomic_load(&admitted_count), (long long)most);
    farm_pool_free(pool);
    farm_session_free(owner);
    return atomic_load(&failure_count) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
