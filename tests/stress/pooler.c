/* 200 sessions at once through a pooler in transaction mode: each works, and together they hold at
 * most as many server connections as the pooler has, since none keeps one between operations. Needs
 * FARM_TEST_PGBOUNCER and its like. */
#include "stress.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { SESSION_COUNT = 200, TURN_COUNT = 20, SERVER_MAX = 50, BURST = 1000, SKIPPED = 77 };

static atomic_int working_count = SESSION_COUNT;
static atomic_int admitted_count;
static int64_t most_connections; /* of the watcher */

static void define(void) {
    const farm_rate_limit limit = {.struct_size = sizeof limit,
                                   .name = "pooler",
                                   .scope = FARM_RATE_SCOPE_GLOBAL,
                                   .count = BURST,
                                   .period_us = INT64_C(86400000000)};
    farm_session *session = test_store_acquire();
    stress_require(session, "define", farm_rate_define(session, &limit, 1));
    test_store_release(session);
}

static void take(farm_session *session) {
    const farm_rate_request request = {.struct_size = sizeof request, .limit = "pooler", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_session_set_clock_us(session, INT64_C(1767225600000000));
    stress_require(session, "take", farm_rate_take(session, &request, 1, &state, &decision));
    atomic_fetch_add(&admitted_count, decision.allowed);
}

/* How many connections work for the application's role on the server, as long as anybody works. The
 * owner asks, past the pooler, so as not to count himself. What another test was killed with may
 * still be at its last statement, which began before. */
static void watch(void) {
    char question[200];
    farm_session *owner = test_store_open_owner();
    const int64_t begun_us = test_store_number(
        owner, "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)");
    snprintf(question, sizeof question,
             "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'farm_app' AND "
             "EXTRACT(EPOCH FROM query_start) * 1000000 >= %" PRId64,
             begun_us);
    stress_meet();
    while (atomic_load(&working_count) > 0) {
        const int64_t count = test_store_number(owner, question);
        if (count > most_connections) most_connections = count;
    }
    farm_session_free(owner);
}

static void run_thread(int thread) {
    if (thread == SESSION_COUNT) {
        watch();
        return;
    }
    farm_session *session = test_store_acquire();
    stress_meet();
    for (int i = 0; i < TURN_COUNT; i++) take(session);
    test_store_release(session);
    atomic_fetch_sub(&working_count, 1);
}

int main(void) {
    const char *uri = getenv("FARM_TEST_PGBOUNCER");
    const char *owner_uri = getenv("FARM_TEST_POSTGRES_OWNER");
    if (uri == NULL || owner_uri == NULL) return SKIPPED;
    test_store_open(uri, owner_uri, SESSION_COUNT);
    define();

    stress_run(SESSION_COUNT + 1, run_thread);

    if (most_connections == 0 || most_connections > SERVER_MAX)
        stress_fail("%lld server connections, not 1 to %d", (long long)most_connections,
                    SERVER_MAX);
    if (atomic_load(&admitted_count) != BURST)
        stress_fail("%d takes, not exactly the burst of %d", atomic_load(&admitted_count), BURST);
    printf("%d sessions, %d takes, at most %lld server connections\n", SESSION_COUNT,
           SESSION_COUNT * TURN_COUNT, (long long)most_connections);
    return stress_close();
}
