/* The completion queue in storms: many threads hand in, cancel and collect, some submissions fail,
 * queues and pools are closed under it, the store is down. Whatever happens, each submission that
 * was accepted comes back exactly once, and what says that it has not run has had no effect.
 *
 *     stress_queue [--broken] URI [OWNER_URI]
 *
 * With --broken a collector forgets a completion now and then, which must be found. */
#include "support/owner.h"
#include <farmcore/backend.h>
#include <farmcore/farmcore.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREAD_COUNT = 4, ROUND_COUNT = 400, CAPACITY = 64, WORKER_COUNT = 6, SESSION_COUNT = 4 };
enum { SUBMISSION_COUNT = THREAD_COUNT * ROUND_COUNT };

static farm_pool *pool;
static farm_queue *queue;
static int is_broken;
static atomic_int failure_count;
static atomic_int come_back[SUBMISSION_COUNT]; /* how often */
static atomic_int was_accepted[SUBMISSION_COUNT];
static atomic_int has_called[SUBMISSION_COUNT];
static atomic_int accepted_count, collected_count, handing_count;
static atomic_int ok_count, late_count;

static void fail(const char *what, const char *text) {
    fprintf(stderr, "not ok: %s: %s\n", what, text);
    atomic_fetch_add(&failure_count, 1);
}

/* Every kind of ending: done, failed, left open, slow until somebody interrupts. */
static farm_status work(farm_session *session, void *context) {
    const int number = (int)(intptr_t)context;
    char entity[32];
    snprintf(entity, sizeof entity, "q-%d", number);
    atomic_fetch_add(&has_called[number], 1);
    if (number % 7 == 1) return farm_role_check(session, "nobody's", FARM_ROLE_READ);
    farm_status status = farm_session_set_service(session);
    if (number % 7 == 2) status = farm_begin(session);
    if (status == FARM_OK) status = farm_role_found(session, entity, "ana");
    return status;
}

static void *hand_in(void *context) {
    const int first = *(const int *)context * ROUND_COUNT;
    for (int i = first; i < first + ROUND_COUNT; i++) {
        const farm_submission item = {
            .struct_size = sizeof item,
            .function = work,
            .context = (void *)(intptr_t)i,
            .word = i,
            .timeout_us = i % 11 == 3 ? 1 : 0,
        };
        farm_ticket ticket = 0;
        farm_status status = FARM_EAGAIN;
        while (status == FARM_EAGAIN) status = farm_submit(queue, &item, 1, &ticket, NULL);
        if (status != FARM_OK) break; /* closed */
        atomic_store(&was_accepted[i], 1);
        atomic_fetch_add(&accepted_count, 1);
        if (i % 5 == 4) (void)farm_queue_cancel(queue, ticket);
    }
    atomic_fetch_sub(&handing_count, 1);
    return NULL;
}

static void note(const farm_completion *row) {
    const int number = (int)row->word;
    if (is_broken && number % 50 == 49) return;
    atomic_fetch_add(&come_back[number], 1);
    if (row->has_run != atomic_load(&has_called[number])) fail("has_run", row->text);
    if (row->status == FARM_OK) atomic_fetch_add(&ok_count, 1);
    if (row->status == FARM_ETIMEOUT) atomic_fetch_add(&late_count, 1);
    if (row->status != FARM_OK && row->text[0] == '\0') fail("text", "there is none");
}

static size_t collect(int64_t timeout_us) {
    farm_completion rows[16];
    size_t count = 0;
    for (size_t i = 0; i < 16; i++) rows[i].struct_size = sizeof *rows;
    if (farm_queue_next(queue, timeout_us, rows, 16, &count) != FARM_OK) fail("next", "failed");
    for (size_t i = 0; i < count; i++) note(&rows[i]);
    atomic_fetch_add(&collected_count, (int)count);
    return count;
}

/* As an event loop does: never a call that waits. */
static void *poll_and_collect(void *context) {
    (void)context;
    while (atomic_load(&handing_count) > 0 ||
           atomic_load(&collected_count) < atomic_load(&accepted_count)) {
        struct pollfd polled = {.fd = farm_queue_descriptor(queue), .events = POLLIN};
        if (poll(&polled, 1, 50) > 0) (void)collect(0);
    }
    return NULL;
}

static void open_all(const char *uri) {
    farm_error error = {.struct_size = sizeof error};
    const farm_pool_options pool_options = {.struct_size = sizeof pool_options,
                                            .max_count = SESSION_COUNT};
    const farm_queue_options options = {
        .struct_size = sizeof options, .worker_count = WORKER_COUNT, .capacity = CAPACITY};
    if (farm_pool_new(&pool) != FARM_OK ||
        farm_pool_open(pool, uri, &pool_options, &error) != FARM_OK ||
        farm_queue_new(&queue) != FARM_OK ||
        farm_queue_open(queue, pool, &options, &error) != FARM_OK) {
        fail("open", error.text);
        exit(EXIT_FAILURE);
    }
    memset(come_back, 0, sizeof come_back);
    memset(was_accepted, 0, sizeof was_accepted);
    memset(has_called, 0, sizeof has_called);
    atomic_store(&accepted_count, 0);
    atomic_store(&collected_count, 0);
    atomic_store(&ok_count, 0);
    atomic_store(&late_count, 0);
    atomic_store(&handing_count, THREAD_COUNT);
}

/* In memory there is no store but the pool's. */
static void migrate_pool(void) {
    farm_session *session = NULL;
    if (farm_pool_acquire(pool, -1, NULL, &session) != FARM_OK || farm_migrate(session) != FARM_OK)
        fail("migrate", farm_session_error_text(session));
    farm_pool_release(pool, session);
}

static void close_all(const char *name) {
    while (collect(0) > 0) continue;
    for (int i = 0; i < SUBMISSION_COUNT; i++)
        if (atomic_load(&come_back[i]) != atomic_load(&was_accepted[i]))
            fail(name, "a submission did not come back exactly once");
    printf("%-28s %d accepted, %d done, %d cancelled or late\n", name, atomic_load(&accepted_count),
           atomic_load(&ok_count), atomic_load(&late_count));
    farm_queue_free(queue);
    farm_pool_free(pool);
}

static void storm(const char *name, const char *uri, void (*disturb)(void)) {
    pthread_t threads[THREAD_COUNT];
    pthread_t collectors[2];
    int numbers[THREAD_COUNT];
    open_all(uri);
    if (strstr(uri, ":memory:") != NULL) migrate_pool();
    for (int i = 0; i < THREAD_COUNT; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, hand_in, &numbers[i]);
    }
    for (int i = 0; i < 2; i++) pthread_create(&collectors[i], NULL, poll_and_collect, NULL);
    if (disturb != NULL) disturb();
    for (int i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) pthread_join(collectors[i], NULL);
    close_all(name);
}

/* Leaves the processor to those who are watched. */
static void pause_briefly(void) {
    (void)poll(NULL, 0, 1);
}

static void await_some(void) {
    while (atomic_load(&collected_count) < SUBMISSION_COUNT / 8) pause_briefly();
}

static void close_queue(void) {
    await_some();
    farm_queue_close(queue);
}

static void close_pool(void) {
    await_some();
    farm_pool_close(pool);
}

/* --- a store that is down --- */

static farm_backend down;
static const farm_backend *inner;
static atomic_int is_down;

static farm_status run_or_fail(farm_connection *connection, farm_call *calls, size_t count,
                               uint32_t flags, farm_fault *fault) {
    if (!atomic_load(&is_down)) return inner->run(connection, calls, count, flags, fault);
    fault->status = FARM_EUNAVAILABLE;
    return FARM_EUNAVAILABLE;
}

static farm_status open_or_fail(farm_store *store, int64_t timeout_us, farm_connection **out,
                                farm_fault *fault) {
    if (!atomic_load(&is_down)) return inner->open(store, timeout_us, out, fault);
    fault->status = FARM_EUNAVAILABLE;
    return FARM_EUNAVAILABLE;
}

/* The backend inside knows its own scheme. */
static farm_status open_inner(const farm_store_config *config, farm_store **out,
                              farm_fault *fault) {
    static char uri[1400];
    farm_store_config copy = *config;
    snprintf(uri, sizeof uri, "%s%s", inner->scheme, strchr(config->uri, ':'));
    copy.uri = uri;
    return inner->store_open(&copy, out, fault);
}

static void go_down_and_up(void) {
    for (int i = 0; i < 20; i++) {
        atomic_store(&is_down, i % 2 == 0);
        int before = atomic_load(&collected_count);
        while (atomic_load(&collected_count) < before + SUBMISSION_COUNT / 40 &&
               atomic_load(&handing_count) > 0)
            pause_briefly();
    }
    atomic_store(&is_down, 0);
}

static void run_storms(const char *uri) {
    char down_uri[1400];
    storm("cancelled and late", uri, NULL);
    storm("the queue is closed", uri, close_queue);
    storm("the pool is closed", uri, close_pool);

    inner = farm_backend_find(strncmp(uri, "sqlite", 6) == 0 ? "sqlite" : "postgresql");
    down = *inner;
    down.scheme = "down";
    down.store_open = open_inner;
    down.run = run_or_fail;
    down.open = open_or_fail;
    if (farm_backend_register(&down) != FARM_OK) fail("register", "refused");
    snprintf(down_uri, sizeof down_uri, "down%s", strchr(uri, ':'));
    storm("the store goes down and up", down_uri, go_down_and_up);
}

int main(int count, char **arguments) {
    char uri[1200];
    char owner_uri[1200];
    char drop[64];
    is_broken = count > 1 && strcmp(arguments[1], "--broken") == 0;
    const int first = is_broken ? 2 : 1;
    if (first >= count) return EXIT_FAILURE;
    const int has_owner = first + 1 < count;
    snprintf(uri, sizeof uri, has_owner ? "%s?schema=queue_%ld" : "%s", arguments[first],
             (long)getpid());
    snprintf(owner_uri, sizeof owner_uri,
             has_owner ? "%s?schema=queue_%ld&grant_to=farm_app" : "%s",
             arguments[has_owner ? first + 1 : first], (long)getpid());
    snprintf(drop, sizeof drop, "DROP SCHEMA queue_%ld CASCADE", (long)getpid());

    if (strstr(uri, ":memory:") == NULL) owner_execute(owner_uri, NULL);
    run_storms(uri);
    if (has_owner) owner_execute(owner_uri, drop);
    printf("%d failed\n", atomic_load(&failure_count));
    return atomic_load(&failure_count) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
