/* Many threads come with one key at a time, in transactions that found an entity; every
 * third attempt to execute is rolled back. Whatever the order, each key is executed by one
 * committed transaction and all others are given its answer.
 *
 *     idempotency_one_key [--broken] [URI]
 *
 * It fails when the store holds more or fewer entities than keys, or an answer that is not the
 * executor's. A claim made by a read and a later write would let two threads find no row and both
 * execute. --broken gives each thread a key of its own, and must fail. Without URI it runs on a
 * file in the current folder; a postgresql: URI is migrated by FARM_TEST_OWNER_URI when that is
 * set. */
#include <farmcore/farmcore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREAD_COUNT = 8, KEY_COUNT = 60, TRY_COUNT = 200 };

static farm_pool *pool;
static pthread_barrier_t barrier;
static atomic_int attempts;
static atomic_int failures;
static int is_broken;
static char store[1024];
static char migrating[1024];
static char schema[32];
static char file[64];

static void fail(int key, const char *what, const char *text) {
    fprintf(stderr, "key %d: %s: %s\n", key, what, text);
    atomic_fetch_add(&failures, 1);
}

static int is_busy(farm_status status) {
    return status == FARM_EAGAIN || status == FARM_ETIMEOUT;
}

/* The answer names the executor, so that a replay can be compared with it. */
static farm_status work(farm_session *session, farm_idempotency *claim, int key, int thread) {
    char entity[64];
    const int attempt = atomic_fetch_add(&attempts, 1);
    snprintf(entity, sizeof entity, "key-%d-%d-%d", key, thread, attempt);
    farm_status status = farm_role_found(session, entity, "owner");
    if (status == FARM_OK)
        status = farm_idempotency_finish(session, claim, key, entity, strlen(entity));
    if (status == FARM_OK && attempt % 3 == 2) {
        farm_rollback(session);
        return FARM_EAGAIN;
    }
    return status == FARM_OK ? farm_commit(session) : status;
}

/* One try; FARM_EAGAIN: come again. */
static farm_status try_key(farm_session *session, int key, int thread, int *out_outcome) {
    char name[32];
    snprintf(name, sizeof name, "key-%d-%d", key, is_broken ? thread : 0);
    farm_idempotency *claim = NULL;
    farm_status status = farm_begin(session);
    if (status == FARM_OK)
        status = farm_idempotency_begin(session, "ann", name, "POST /shops", &key, sizeof key, NULL,
                                        &claim);
    *out_outcome = farm_idempotency_outcome(claim);
    if (status == FARM_OK && *out_outcome == FARM_IDEMPOTENCY_EXECUTE)
        status = work(session, claim, key, thread);
    else if (status == FARM_OK && *out_outcome == FARM_IDEMPOTENCY_REPLAY &&
             farm_idempotency_code(claim) != key)
        fail(key, "the answer", "is not the executor's");
    else if (status == FARM_OK && *out_outcome == FARM_IDEMPOTENCY_MISMATCH)
        fail(key, "the outcome", "is MISMATCH for the same request");
    else if (status == FARM_OK && *out_outcome == FARM_IDEMPOTENCY_IN_PROGRESS)
        status = FARM_EAGAIN;
    farm_idempotency_free(claim);
    if (status != FARM_OK && !is_busy(status))
        fail(key, farm_status_name(status), farm_session_error_text(session));
    farm_rollback(session);
    return status;
}

static void *run_thread(void *context) {
    const int thread = (int)(size_t)context;
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK) {
        fail(-1, "acquire", error.text);
        exit(1);
    }
    farm_session_set_service(session);
    for (int key = 0; key < KEY_COUNT; key++) {
        farm_status status = FARM_EAGAIN;
        int outcome = 0;
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < TRY_COUNT && is_busy(status); i++)
            status = try_key(session, key, thread, &outcome);
        if (status != FARM_OK) fail(key, farm_status_name(status), "it never came to an end");
    }
    farm_pool_release(pool, session);
    return NULL;
}

static void stop(const char *what, const char *text) {
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static void name_store(const char *uri) {
    if (uri != NULL && strncmp(uri, "postgres", 8) == 0) {
        const char *owner = getenv("FARM_TEST_OWNER_URI");
        snprintf(schema, sizeof schema, "stress_%ld", (long)getpid());
        snprintf(store, sizeof store, "%s?schema=%s", uri, schema);
        snprintf(migrating, sizeof migrating,
                 owner == NULL ? "%s?schema=%s" : "%s?schema=%s&grant_to=farm_app",
                 owner == NULL ? uri : owner, schema);
        return;
    }
    if (uri == NULL) {
        snprintf(file, sizeof file, "idempotency_stress_%ld.db", (long)getpid());
        snprintf(store, sizeof store, "sqlite:%s", file);
    } else {
        snprintf(store, sizeof store, "%s", uri);
    }
    snprintf(migrating, sizeof migrating, "%s", store);
}

static void open_store(void) {
    farm_error error = {.struct_size = sizeof error};
    farm_pool_options options = {.struct_size = sizeof options, .max_count = THREAD_COUNT};
    farm_session *session = NULL;
    if (farm_pool_new(&pool) != FARM_OK || farm_session_new(&session) != FARM_OK)
        stop("open", "no memory");
    /* The pool first: it keeps sqlite::memory: alive. */
    if (farm_pool_open(pool, store, &options, &error) != FARM_OK) stop("open", error.text);
    farm_session *migrator = session;
    if (schema[0] == '\0' && farm_pool_acquire(pool, 0, &error, &migrator) != FARM_OK)
        stop("acquire", error.text);
    if (schema[0] != '\0' && farm_session_open(session, migrating, NULL) != FARM_OK)
        stop("open", farm_session_error_text(session));
    if (farm_migrate(migrator) != FARM_OK) stop("migrate", farm_session_error_text(migrator));
    if (schema[0] == '\0') farm_pool_release(pool, migrator);
    farm_session_free(session);
}

static void drop_store(void) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    farm_pool_free(pool);
    for (size_t i = 0; file[0] != '\0' && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", file, suffixes[i]);
        unlink(name);
    }
    if (schema[0] == '\0') return;
    char text[80];
    farm_session *session = NULL;
    snprintf(text, sizeof text, "DROP SCHEMA %s CASCADE", schema);
    if (farm_session_new(&session) != FARM_OK ||
        farm_session_open(session, migrating, NULL) != FARM_OK ||
        farm_session_execute(session, text, NULL, 0, NULL) != FARM_OK)
        stop("drop", farm_session_error_text(session));
    farm_session_free(session);
}

static int64_t entity_count(void) {
    char text[128];
    farm_session *session = NULL;
    farm_rows *rows = NULL;
    farm_error error = {.struct_size = sizeof error};
    snprintf(text, sizeof text, "SELECT COUNT(*) FROM %s%sfarm_role_entity", schema,
             schema[0] == '\0' ? "" : ".");
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK) stop("acquire", error.text);
    farm_session_set_service(session);
    if (farm_session_execute(session, text, NULL, 0, &rows) != FARM_OK)
        stop("count", farm_session_error_text(session));
    const int64_t count = farm_rows_value(rows, 0, 0)->integer;
    farm_rows_free(rows);
    farm_pool_release(pool, session);
    return count;
}

int main(int argument_count, char **arguments) {
    pthread_t threads[THREAD_COUNT];
    is_broken = argument_count > 1 && strcmp(arguments[1], "--broken") == 0;
    name_store(argument_count > 1 + is_broken ? arguments[1 + is_broken] : NULL);
    open_store();
    pthread_barrier_init(&barrier, NULL, THREAD_COUNT);

    for (size_t i = 0; i < THREAD_COUNT; i++)
        if (pthread_create(&threads[i], NULL, run_thread, (void *)i) != 0) stop("thread", "none");
    for (size_t i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i], NULL);

    const int64_t found = entity_count();
    if (found != KEY_COUNT) {
        fprintf(stderr, "%lld executions were committed for %d keys\n", (long long)found,
                KEY_COUNT);
        atomic_fetch_add(&failures, 1);
    }
    pthread_barrier_destroy(&barrier);
    drop_store();
    printf("%d keys, %d threads, %d attempts, %d failures\n", KEY_COUNT, THREAD_COUNT,
           atomic_load(&attempts), atomic_load(&failures));
    return atomic_load(&failures) == 0 ? 0 : 1;
}
