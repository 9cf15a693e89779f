/* Many threads take from the same limits while the clock stands still. Whatever the order, exactly
 * the burst is admitted; several limits are taken all or none; and of many repeats of one refund,
 * one gives back.
 *
 *     rate_admit [--broken] [--seed N] [URI]
 *
 * Four parts: one hot bucket; three shared limits of which each call takes a random choice in a
 * random order, so that what is left of each must be its burst less what was admitted; refunds; and
 * takes that are rolled back. --broken takes by a peek and then a take of its own bucket, as one
 * would who reads and then writes, refunds with a new token each time, and must fail. Without URI
 * it runs on a file in the current folder; a postgresql: URI is migrated by FARM_TEST_OWNER_URI
 * when that is set. */
#include <farmcore/farmcore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREAD_COUNT = 8, CALL_COUNT = 250, LIMIT_COUNT = 3, BURST = 500 };

#define NOW_US INT64_C(1767225600000000)
#define DAY_US (INT64_C(86400) * 1000000)

static const char *const names[LIMIT_COUNT] = {"first", "second", "third"};
static const int64_t bursts[LIMIT_COUNT] = {BURST, BURST / 2, BURST * 2};

static farm_pool *pool;
static pthread_barrier_t barrier;
static atomic_int failures;
static atomic_llong admitted[LIMIT_COUNT]; /* tokens */
static farm_id token;
static int is_broken;
static const char *phase;
static unsigned seed = 1;
static char store[1024];
static char schema[32];
static char file[64];

static void fail(const char *what, const char *text) {
    fprintf(stderr, "%s: %s: %s\n", phase, what, text);
    atomic_fetch_add(&failures, 1);
}

static farm_session *acquire(void) {
    farm_error error = {.struct_size = sizeof error};
    farm_session *session = NULL;
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK) {
        fprintf(stderr, "acquire: %s\n", error.text);
        exit(1);
    }
    farm_session_set_service(session);
    farm_session_set_clock_us(session, NOW_US);
    return session;
}

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

/* A correct call is one take. A broken one asks first and then takes whatever it was told, from a
 * subject of its own, as if the write were unconditional. */
static int take(farm_session *session, farm_rate_request *items, size_t count, char *own) {
    farm_rate_state states[LIMIT_COUNT];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    for (size_t i = 0; i < count; i++) states[i].struct_size = sizeof states[i];
    farm_status status;
    if (is_broken) {
        status = farm_rate_peek(session, items, count, states, &decision);
        const int allowed = decision.allowed;
        for (size_t i = 0; i < count && allowed; i++) items[i].subject = own;
        if (status == FARM_OK && allowed)
            status = farm_rate_take(session, items, count, states, &decision);
    } else {
        status = farm_rate_take(session, items, count, states, &decision);
    }
    if (status == FARM_EAGAIN) return 0;
    if (status != FARM_OK) {
        fail(farm_status_name(status), farm_session_error_text(session));
        return 0;
    }
    if (!decision.allowed && decision.retry_after_us <= 0) fail("a refusal", "has no time to wait");
    return decision.allowed;
}

/* Each part does its calls with a thread's session and random numbers. */
static void call_hot(farm_session *session, unsigned *random, char *own) {
    (void)random;
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[0], .subject = "hot", .cost = 1};
    if (take(session, &item, 1, own)) atomic_fetch_add(&admitted[0], 1);
}

static void call_several(farm_session *session, unsigned *random, char *own) {
    farm_rate_request items[LIMIT_COUNT];
    size_t chosen[LIMIT_COUNT];
    size_t count = 0;
    const unsigned first = next_random(random) % LIMIT_COUNT;
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        if (i > 0 && next_random(random) % 3 == 0) continue;
        chosen[count] = (first + i) % LIMIT_COUNT;
        items[count] = (farm_rate_request){.struct_size = sizeof items[0],
                                           .limit = names[chosen[count]],
                                           .subject = "several",
                                           .cost = next_random(random) % 3 + 1};
        count++;
    }
    if (!take(session, items, count, own)) return;
    for (size_t i = 0; i < count; i++) atomic_fetch_add(&admitted[chosen[i]], items[i].cost);
}

static void call_refund(farm_session *session, unsigned *random, char *own) {
    (void)random;
    (void)own;
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[0], .subject = "refund", .cost = 7};
    farm_id used = token;
    if (is_broken) farm_id_new(session, &used);
    farm_status status = farm_rate_refund(session, &used, &item, 1);
    if (status != FARM_OK && status != FARM_EAGAIN)
        fail(farm_status_name(status), farm_session_error_text(session));
}

static void call_rolled_back(farm_session *session, unsigned *random, char *own) {
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[0], .subject = "rollback", .cost = 1};
    farm_status status = farm_begin(session);
    if (status == FARM_EAGAIN) return;
    if (status != FARM_OK) {
        fail("begin", farm_session_error_text(session));
        return;
    }
    const int allowed = take(session, &item, 1, own);
    if (next_random(random) % 3 != 0 && farm_commit(session) == FARM_OK) {
        if (allowed) atomic_fetch_add(&admitted[0], 1);
        return;
    }
    farm_rollback(session);
}

typedef struct part {
    const char *name;
    void (*call)(farm_session *session, unsigned *random, char *own);
    const char *subject;
    int limit_count;
    int fills; /* so many calls must use up the first limit */
} part;

static const part parts[] = {
    {"one hot bucket", call_hot, "hot", 1, 1},
    {"several limits", call_several, "several", LIMIT_COUNT, 0},
    {"one refund", call_refund, "refund", 1, 0},
    {"takes rolled back", call_rolled_back, "rollback", 1, 1},
};

typedef struct worker {
    const part *part;
    int number;
} worker;

static void *work(void *argument) {
    const worker *self = argument;
    char own[32];
    unsigned random = seed * 7919U + (unsigned)self->number;
    snprintf(own, sizeof own, "own-%d", self->number);
    farm_session *session = acquire();
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < CALL_COUNT; i++) self->part->call(session, &random, own);
    farm_pool_release(pool, session);
    return NULL;
}

static int64_t left_of(farm_session *session, size_t limit, const char *subject) {
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[limit], .subject = subject};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    if (farm_rate_peek(session, &item, 1, &state, &decision) != FARM_OK)
        fail("peek", farm_session_error_text(session));
    return state.remaining;
}

static void run_threads(const part *current) {
    pthread_t threads[THREAD_COUNT];
    worker workers[THREAD_COUNT];
    for (int i = 0; i < THREAD_COUNT; i++) {
        workers[i] = (worker){current, i};
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) exit(1);
    }
    for (int i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i], NULL);
}

static void check_part(farm_session *session, const part *current) {
    char text[96];
    phase = current->name;
    for (size_t i = 0; i < LIMIT_COUNT; i++) atomic_store(&admitted[i], 0);
    if (current->call == call_refund) {
        farm_rate_request item = {
            .struct_size = sizeof item, .limit = names[0], .subject = "refund", .cost = 100};
        farm_rate_state state = {.struct_size = sizeof state};
        farm_rate_decision decision = {.struct_size = sizeof decision};
        if (farm_rate_take(session, &item, 1, &state, &decision) != FARM_OK)
            fail("take", farm_session_error_text(session));
        token = decision.token;
        atomic_store(&admitted[0], 93); /* 100 taken, 7 given back once */
    }

    run_threads(current);

    for (int i = 0; i < current->limit_count; i++) {
        const long long taken = atomic_load(&admitted[i]);
        const long long left = left_of(session, (size_t)i, current->subject);
        snprintf(text, sizeof text, "%lld admitted, %lld of %lld left", taken, left,
                 (long long)bursts[i]);
        printf("%-18s %-7s %s\n", phase, names[i], text);
        if (taken + left != bursts[i] || taken > bursts[i]) fail(names[i], text);
    }
    if (current->fills && atomic_load(&admitted[0]) != BURST)
        fail(names[0], "is not admitted to exactly its burst");
}

static void stop(const char *what, const char *text) {
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

/* As its owner; the URI that takes is of a role that does not own the tables. */
static void migrate(const char *uri, const char *statement) {
    farm_session *owner = NULL;
    if (farm_session_new(&owner) != FARM_OK) stop("owner", "no memory");
    if (farm_session_open(owner, uri, NULL) != FARM_OK)
        stop("open", farm_session_error_text(owner));
    farm_status status = statement == NULL ? farm_migrate(owner)
                                           : farm_session_execute(owner, statement, NULL, 0, NULL);
    if (status != FARM_OK) stop("migrate", farm_session_error_text(owner));
    farm_session_free(owner);
}

static void open_store(const char *given) {
    const char *owner = getenv("FARM_TEST_OWNER_URI");
    char text[1100];
    if (given != NULL && strncmp(given, "postgres", 8) == 0) {
        snprintf(schema, sizeof schema, "rate_%ld", (long)getpid());
        snprintf(store, sizeof store, "%s?schema=%s", given, schema);
        snprintf(text, sizeof text, "%s?schema=%s&grant_to=farm_app", owner == NULL ? given : owner,
                 schema);
        migrate(owner == NULL ? store : text, NULL);
        return;
    }
    if (given == NULL) {
        snprintf(file, sizeof file, "rate_admit_%ld.db", (long)getpid());
        snprintf(store, sizeof store, "sqlite:%s", file);
    } else {
        snprintf(store, sizeof store, "%s", given);
    }
}

static void close_store(const char *given) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    const char *owner = getenv("FARM_TEST_OWNER_URI");
    char statement[64];
    char text[1100];
    farm_pool_free(pool);
    if (schema[0] != '\0') {
        snprintf(text, sizeof text, "%s?schema=%s", owner == NULL ? given : owner, schema);
        snprintf(statement, sizeof statement, "DROP SCHEMA %s CASCADE", schema);
        migrate(text, statement);
    }
    for (size_t i = 0; file[0] != '\0' && i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(text, sizeof text, "%s%s", file, suffixes[i]);
        unlink(text);
    }
}

int main(int argument_count, char **arguments) {
    const char *given = NULL;
    for (int i = 1; i < argument_count; i++) {
        if (strcmp(arguments[i], "--broken") == 0)
            is_broken = 1;
        else if (strcmp(arguments[i], "--seed") == 0 && i + 1 < argument_count)
            seed = (unsigned)strtoul(arguments[++i], NULL, 10);
        else
            given = arguments[i];
    }
    printf("seed %u\n", seed);
    open_store(given);
    farm_error error = {.struct_size = sizeof error};
    farm_pool_options options = {.struct_size = sizeof options, .max_count = THREAD_COUNT + 1};
    if (farm_pool_new(&pool) != FARM_OK) stop("pool", "no memory");
    if (farm_pool_open(pool, store, &options, &error) != FARM_OK) stop("pool", error.text);
    farm_session *session = acquire();
    if (schema[0] == '\0' && farm_migrate(session) != FARM_OK)
        stop("migrate", farm_session_error_text(session));
    farm_rate_limit limits[LIMIT_COUNT];
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        limits[i] = (farm_rate_limit){.struct_size = sizeof limits[0],
                                      .name = names[i],
                                      .burst = bursts[i],
                                      .count = 1,
                                      .period_us = DAY_US};
    if (farm_rate_define(session, limits, LIMIT_COUNT) != FARM_OK)
        stop("define", farm_session_error_text(session));
    pthread_barrier_init(&barrier, NULL, THREAD_COUNT);

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) check_part(session, &parts[i]);

    pthread_barrier_destroy(&barrier);
    farm_pool_release(pool, session);
    close_store(given);
    const int failed = atomic_load(&failures);
    printf(failed == 0 ? "exact\n" : "%d failures\n", failed);
    return failed == 0 ? 0 : 1;
}
