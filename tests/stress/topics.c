/* Waiting under load: processes and threads add rows, each with a signal in the same transaction,
 * and others wait and count rows until they have seen all. Whoever misses a signal waits in vain
 * for the last row.
 *
 *     stress_topics [--broken] URI [OWNER_URI]
 *
 * With --broken nothing is signalled, which must be found. */
#include "support/owner.h"
#include <farmcore/farmcore.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESS_COUNT = 2, THREAD_COUNT = 3, ROW_COUNT = 60, WAITER_COUNT = 6 };
/* Less than the time after which a wait looks by itself, and far more than a signal takes. */
enum { MISSED_US = 20 * 1000000, MISSED_ON_PURPOSE_US = 2000000 };

static farm_pool *pool;
static const char *prefix = "";
static int row_total;
static int is_broken;
static atomic_int failure_count;
static atomic_int wake_count;
static atomic_int first_look_count; /* who has looked before anything is written */

static void fail(const char *what, const char *text) {
    fprintf(stderr, "not ok: %s: %s\n", what, text);
    atomic_fetch_add(&failure_count, 1);
}

static farm_topic topic_of(int64_t seen) {
    return (farm_topic){
        .struct_size = sizeof(farm_topic), .owner = "shop", .topic = "orders", .seen = seen};
}

/* A row and its signal, or neither. */
static farm_status add_row(farm_session *session, int writer, int row, int is_told) {
    char entity[32];
    const farm_topic topic = topic_of(0);
    snprintf(entity, sizeof entity, "e-%d-%d", writer, row);
    farm_session_set_service(session);
    farm_status status = farm_begin(session);
    if (status == FARM_OK) status = farm_role_found(session, entity, "ana");
    if (status == FARM_OK && is_told) status = farm_signal(session, &topic, 1);
    if (status == FARM_OK) return farm_commit(session);
    farm_rollback(session);
    return status;
}

static void write_rows(farm_session *session, int writer) {
    for (int i = 0; i < ROW_COUNT; i++) {
        farm_status status = FARM_EAGAIN;
        for (int tries = 0; tries < 100 && farm_status_is_retryable(status); tries++)
            status = add_row(session, writer, i, !is_broken);
        if (status != FARM_OK) fail("row", farm_session_error_text(session));
    }
}

static void *write_in_thread(void *context) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK) fail("acquire", error.text);
    if (session != NULL) write_rows(session, *(const int *)context);
    farm_pool_release(pool, session);
    return NULL;
}

/* A process of its own, which begins when it reads a byte. */
static pid_t start_writer(const char *uri, int writer, int start) {
    pid_t child = fork();
    if (child != 0) return child;
    char byte;
    farm_session *session = NULL;
    if (read(start, &byte, 1) != 1) _exit(1);
    if (farm_session_new(&session) != FARM_OK || farm_session_open(session, uri, NULL) != FARM_OK)
        fail("open", farm_session_error_text(session));
    else
        write_rows(session, writer);
    farm_session_free(session);
    _exit(atomic_load(&failure_count) == 0 ? 7 : 1);
}

static int64_t count_rows(farm_session *session) {
    char text[96];
    farm_rows *rows = NULL;
    snprintf(text, sizeof text, "SELECT COUNT(*) FROM %sfarm_role_entity", prefix);
    farm_session_set_service(session);
    if (farm_session_execute(session, text, NULL, 0, &rows) != FARM_OK)
        fail("count", farm_session_error_text(session));
    const farm_value *value = farm_rows_value(rows, 0, 0);
    const int64_t count = value == NULL ? -1 : value->integer;
    farm_rows_free(rows);
    return count;
}

/* Wait, then look; until all is there. */
static void *wait_and_look(void *context) {
    (void)context;
    farm_topic topic = topic_of(0);
    int has_looked = 0;
    for (int64_t found = 0; found < row_total;) {
        size_t count = 0;
        farm_session *session = NULL;
        farm_error error = {.struct_size = sizeof error};
        farm_topic_version version = 0;
        if (farm_wait(pool, &topic, 1, &version, is_broken ? MISSED_ON_PURPOSE_US : MISSED_US,
                      &error, &count) != FARM_OK) {
            fail("wait", error.text);
            return NULL;
        }
        if (count == 0) {
            fail("wait", "a signal was missed");
            return NULL;
        }
        topic.seen = version;
        atomic_fetch_add(&wake_count, 1);
        if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK) fail("acquire", error.text);
        found = session == NULL ? -1 : count_rows(session);
        farm_pool_release(pool, session);
        if (found < 0) return NULL;
        if (!has_looked) atomic_fetch_add(&first_look_count, 1);
        has_looked = 1;
    }
    return NULL;
}

static void open_pool(const char *uri) {
    farm_error error = {.struct_size = sizeof error};
    farm_session *session = NULL;
    const farm_pool_options options = {.struct_size = sizeof options,
                                       .max_count = THREAD_COUNT + WAITER_COUNT};
    if (farm_pool_new(&pool) != FARM_OK || farm_pool_open(pool, uri, &options, &error) != FARM_OK ||
        farm_pool_acquire(pool, 0, &error, &session) != FARM_OK) {
        fail("open", error.text);
        exit(EXIT_FAILURE);
    }
    if (strncmp(uri, "sqlite", 6) == 0 && farm_migrate(session) != FARM_OK)
        fail("migrate", farm_session_error_text(session));
    farm_pool_release(pool, session);
}

static void run_threads(int start, int process_count) {
    pthread_t writers[THREAD_COUNT];
    pthread_t waiters[WAITER_COUNT];
    int numbers[THREAD_COUNT];
    for (int i = 0; i < WAITER_COUNT; i++) pthread_create(&waiters[i], NULL, wait_and_look, NULL);
    while (atomic_load(&first_look_count) < WAITER_COUNT && atomic_load(&failure_count) == 0)
        (void)poll(NULL, 0, 1);
    if (process_count > 0 && write(start, "go", PROCESS_COUNT) != PROCESS_COUNT)
        fail("start", "no writers");
    for (int i = 0; i < THREAD_COUNT; i++) {
        numbers[i] = PROCESS_COUNT + i;
        pthread_create(&writers[i], NULL, write_in_thread, &numbers[i]);
    }
    for (int i = 0; i < THREAD_COUNT; i++) pthread_join(writers[i], NULL);
    for (int i = 0; i < WAITER_COUNT; i++) pthread_join(waiters[i], NULL);
}

int main(int count, char **arguments) {
    static char uri[1200], owner_uri[1200], schema[40], drop[80];
    int start[2];
    pid_t children[PROCESS_COUNT];
    is_broken = count > 1 && strcmp(arguments[1], "--broken") == 0;
    const int first = is_broken ? 2 : 1;
    if (first >= count || pipe(start) != 0) return EXIT_FAILURE;
    const int has_owner = first + 1 < count;
    snprintf(uri, sizeof uri, has_owner ? "%s?schema=topics_%ld" : "%s", arguments[first],
             (long)getpid());
    if (has_owner) {
        snprintf(owner_uri, sizeof owner_uri, "%s?schema=topics_%ld&grant_to=farm_app",
                 arguments[first + 1], (long)getpid());
        snprintf(drop, sizeof drop, "DROP SCHEMA topics_%ld CASCADE", (long)getpid());
        snprintf(schema, sizeof schema, "topics_%ld.", (long)getpid());
        prefix = schema;
    }
    const int process_count = strstr(uri, ":memory:") == NULL ? PROCESS_COUNT : 0;
    row_total = (process_count + THREAD_COUNT) * ROW_COUNT;

    /* Before anything is open: SQLite does not survive a fork. */
    for (int i = 0; i < process_count; i++) children[i] = start_writer(uri, i, start[0]);
    if (has_owner) owner_execute(owner_uri, NULL);
    open_pool(uri);
    run_threads(start[1], process_count);
    for (int i = 0; i < process_count; i++) {
        int result = 0;
        if (waitpid(children[i], &result, 0) != children[i] || !WIFEXITED(result) ||
            WEXITSTATUS(result) != 7)
            fail("writer", "ended badly");
    }
    farm_pool_free(pool);
    if (has_owner) owner_execute(owner_uri, drop);
    printf("%d rows of %d writers, %d waiters woken %d times, %d failed\n", row_total,
           process_count + THREAD_COUNT, WAITER_COUNT, atomic_load(&wake_count),
           atomic_load(&failure_count));
    return atomic_load(&failure_count) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
