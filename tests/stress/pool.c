/* The pool under threads: bounded, fair enough that nobody starves, nothing lost. Runs on memory
 * and on a file of SQLite. */
#include <farmcore/farmcore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREAD_COUNT = 16, ROUND_COUNT = 50, SESSION_COUNT = 4 };

static farm_pool *pool;
static atomic_int inside;
static atomic_int most_inside;
static atomic_int failure_count;

static void fail(const char *what, const char *text) {
    fprintf(stderr, "not ok: %s: %s\n", what, text);
    atomic_fetch_add(&failure_count, 1);
}

static void note_inside(void) {
    int now = atomic_fetch_add(&inside, 1) + 1;
    int most = atomic_load(&most_inside);
    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now)) continue;
}

static void work(farm_session *session, int worker, int turn) {
    char entity[32];
    snprintf(entity, sizeof entity, "e-%d-%d", worker, turn);
    farm_session_set_service(session);
    if (farm_begin(session) != FARM_OK) {
        fail("begin", farm_session_error_text(session));
        return;
    }
    if (farm_role_found(session, entity, "ana") != FARM_OK)
        fail("found", farm_session_error_text(session));
    if (turn % 5 == 4) return; /* the release rolls it back */
    if (farm_commit(session) != FARM_OK) fail("commit", farm_session_error_text(session));
}

static void *run_worker(void *context) {
    int worker = *(const int *)context;
    for (int turn = 0; turn < ROUND_COUNT; turn++) {
        farm_session *session = NULL;
        farm_error error = {.struct_size = sizeof error};
        if (farm_pool_acquire(pool, 60 * 1000000, &error, &session) != FARM_OK) {
            fail("acquire", error.text);
            return NULL;
        }
        note_inside();
        work(session, worker, turn);
        atomic_fetch_sub(&inside, 1);
        farm_pool_release(pool, session);
    }
    return NULL;
}

static int64_t count_entities(void) {
    farm_session *session = NULL;
    farm_rows *rows = NULL;
    int64_t count = -1;
    if (farm_pool_acquire(pool, 0, NULL, &session) != FARM_OK) return -1;
    farm_session_set_service(session);
    if (farm_session_execute(session, "SELECT COUNT(*) FROM farm_role_entity", NULL, 0, &rows) ==
        FARM_OK)
        count = farm_rows_value(rows, 0, 0)->integer;
    farm_rows_free(rows);
    farm_pool_release(pool, session);
    return count;
}

static void open_pool(const char *uri) {
    farm_error error = {.struct_size = sizeof error};
    farm_pool_options options = {.struct_size = sizeof options, .max_count = SESSION_COUNT};
    farm_session *session = NULL;
    if (farm_pool_new(&pool) != FARM_OK || farm_pool_open(pool, uri, &options, &error) != FARM_OK ||
        farm_pool_acquire(pool, 0, &error, &session) != FARM_OK) {
        fail("open", error.text);
        exit(EXIT_FAILURE);
    }
    if (farm_migrate(session) != FARM_OK) fail("migrate", farm_session_error_text(session));
    farm_pool_release(pool, session);
}

static void storm(const char *uri) {
    pthread_t threads[THREAD_COUNT];
    int workers[THREAD_COUNT];
    open_pool(uri);
    atomic_store(&most_inside, 0);
    for (int i = 0; i < THREAD_COUNT; i++) {
        workers[i] = i;
        pthread_create(&threads[i], NULL, run_worker, &workers[i]);
    }
    for (int i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i], NULL);

    int64_t expected = THREAD_COUNT * (ROUND_COUNT - ROUND_COUNT / 5);
    int64_t found = count_entities();
    if (found != expected) fail("rows", "committed and rolled-back work does not add up");
    if (atomic_load(&most_inside) > SESSION_COUNT) fail("bound", "more sessions than allowed");
    printf("%s: %lld rows, at most %d sessions at once\n", uri, (long long)found,
           atomic_load(&most_inside));
    farm_pool_free(pool);
    pool = NULL;
}

int main(void) {
    char folder[] = "farm-pool-XXXXXX";
    char uri[64];
    storm("sqlite::memory:");
    if (mkdtemp(folder) == NULL) return EXIT_FAILURE;
    snprintf(uri, sizeof uri, "sqlite:%s/pool.db?durability=normal", folder);
    storm(uri);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0) fail("clean up", folder);
    printf("%d failed\n", atomic_load(&failure_count));
    return atomic_load(&failure_count) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
