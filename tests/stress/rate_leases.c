/* Threads of several processes take from limits that lease: together they are let through no more
 * than the bucket gives, and when all have given back what they did not use, exactly that is left.
 *
 *     rate_leases [--broken] [URI [OWNER_URI]]
 *
 * 3 processes of 4 threads; one of them alone on sqlite::memory:, which no other sees. Of the first
 * limit the threads want more than there is; of the next less, so that leases are left over; the
 * third fills again meanwhile, for the clock of a process goes on by a tenth of a millisecond with
 * each call. One thread of each settles now and then. --broken refunds each take, so that the same
 * tokens are let through again. */
#include "stress.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LIMIT_COUNT = 3,
    THREAD_COUNT = 4,
    PROCESS_COUNT = 3,
    CALL_COUNT = 5000,
    SETTLE_EVERY = 997
};

#define NOW_US INT64_C(1767225600000000)
#define DAY_US (INT64_C(86400) * 1000000)
#define STEP_US INT64_C(100)

static const char *const names[LIMIT_COUNT] = {"scarce", "ample", "filling"};
static const int64_t bursts[LIMIT_COUNT] = {20000, 1000000, 5000};
static const int32_t leases[LIMIT_COUNT] = {250, 2000, 100};

typedef struct totals {
    int64_t admitted[LIMIT_COUNT]; /* tokens */
    int64_t leased;                /* takes that asked nobody */
} totals;

static atomic_llong admitted[LIMIT_COUNT];
static atomic_llong leased;
static atomic_llong clock_us;
static farm_pool *pool; /* of this process */

static farm_session *acquire(void) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK)
        test_store_stop("acquire", error.text);
    farm_session_set_service(session);
    return session;
}

static void take(farm_session *session, size_t limit, int64_t cost) {
    const farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[limit], .subject = "hot", .cost = cost};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_status status = farm_rate_take(session, &item, 1, &state, &decision);
    if (status == FARM_EAGAIN) return;
    stress_require(session, names[limit], status);
    if (status != FARM_OK || !decision.allowed) return;
    atomic_fetch_add(&admitted[limit], cost);
    if (state.source == FARM_RATE_SOURCE_LEASE) atomic_fetch_add(&leased, 1);
    if (stress_is_broken) farm_rate_refund(session, &decision.token, &item, 1);
}

static void work(int thread) {
    farm_session *session = acquire();
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) {
        const int64_t now_us = atomic_fetch_add(&clock_us, STEP_US) + STEP_US;
        farm_session_set_clock_us(session, now_us);
        take(session, (size_t)(i + thread) % LIMIT_COUNT, i % 7 == 0 ? 5 : 1);
        if (thread != 0 || i % SETTLE_EVERY != 0) continue;
        farm_status status = farm_rate_settle(session);
        if (status != FARM_EAGAIN) stress_require(session, "settle", status);
    }
    farm_pool_release(pool, session);
}

/* All that a process does; what it was given, to be added up. */
static void run(totals *out) {
    atomic_store(&clock_us, NOW_US);
    stress_run(THREAD_COUNT, work);
    farm_session *session = acquire();
    farm_session_set_clock_us(session, atomic_load(&clock_us));
    stress_require(session, "settle", farm_rate_settle(session));
    farm_pool_release(pool, session);
    for (size_t i = 0; i < LIMIT_COUNT; i++) out->admitted[i] = atomic_load(&admitted[i]);
    out->leased = atomic_load(&leased);
}

static void define(farm_session *session) {
    farm_rate_limit limits[LIMIT_COUNT];
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        limits[i] = (farm_rate_limit){.struct_size = sizeof limits[0],
                                      .name = names[i],
                                      .burst = bursts[i],
                                      .count = 1,
                                      .period_us = i == 2 ? 4 * STEP_US : DAY_US,
                                      .lease_count = leases[i],
                                      .denied_us = STEP_US * 10};
    stress_require(session, "define", farm_rate_define(session, limits, LIMIT_COUNT));
}

static int64_t left_of(farm_session *session, size_t limit) {
    const farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[limit], .subject = "hot"};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    stress_require(session, "peek", farm_rate_peek(session, &item, 1, &state, &decision));
    return state.remaining;
}

/* The clocks of all processes go as far. */
static void check(farm_session *session, const totals *sum) {
    const int64_t until_us = NOW_US + THREAD_COUNT * CALL_COUNT * STEP_US;
    farm_session_set_clock_us(session, until_us);
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        const int64_t refill = i == 2 ? (until_us - NOW_US) / (4 * STEP_US) : 0;
        const int64_t left = left_of(session, i);
        printf("%s: %lld admitted of %lld and %lld, %lld left\n", names[i],
               (long long)sum->admitted[i], (long long)bursts[i], (long long)refill,
               (long long)left);
        if (sum->admitted[i] > bursts[i] + refill)
            stress_fail("%s: more was let through than there was", names[i]);
        if (refill == 0 && sum->admitted[i] + left != bursts[i])
            stress_fail("%s: what is left is not what was not used", names[i]);
    }
    printf("%lld takes from leases\n", (long long)sum->leased);
    if (sum->leased == 0) stress_fail("there was no lease");
}

/* --- processes --- */

typedef struct process {
    int uri_end; /* where it is told the store's URI; an empty one: nothing to do */
    int totals_end;
    pid_t id;
} process;

static _Noreturn void run_process(int uri_end, int totals_end) {
    char uri[1024] = "";
    totals mine = {.leased = 0};
    const farm_pool_options options = {.struct_size = sizeof options, .max_count = THREAD_COUNT};
    farm_error error = {.struct_size = sizeof error};
    if (read(uri_end, uri, sizeof uri) <= 0) exit(EXIT_FAILURE);
    if (uri[0] == '\0') exit(EXIT_SUCCESS);
    if (farm_pool_new(&pool) != FARM_OK) test_store_stop("pool", "no memory");
    if (farm_pool_open(pool, uri, &options, &error) != FARM_OK) test_store_stop(uri, error.text);
    run(&mine);
    farm_pool_free(pool);
    if (write(totals_end, &mine, sizeof mine) != (ssize_t)sizeof mine) exit(EXIT_FAILURE);
    exit(stress_end() == EXIT_SUCCESS || stress_is_broken ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Before anything is open, as SQLite wants it. */
static void start(process *out) {
    int uri_ends[2];
    int totals_ends[2];
    if (pipe(uri_ends) != 0 || pipe(totals_ends) != 0) test_store_stop("pipe", "none");
    fflush(stdout);
    out->id = fork();
    if (out->id < 0) test_store_stop("fork", "none");
    if (out->id == 0) {
        /* Whoever waits for a word of this process must learn of its end. */
        close(uri_ends[1]);
        run_process(uri_ends[0], totals_ends[1]);
    }
    close(uri_ends[0]);
    close(totals_ends[1]);
    out->uri_end = uri_ends[1];
    out->totals_end = totals_ends[0];
}

static void tell(const process *self, const char *uri) {
    const size_t size = strlen(uri) + 1;
    if (write(self->uri_end, uri, size) != (ssize_t)size) test_store_stop("pipe", "closed");
}

static void finish(const process *self, int is_used, totals *sum) {
    totals its = {.leased = 0};
    int status = -1;
    if (is_used && read(self->totals_end, &its, sizeof its) != (ssize_t)sizeof its)
        stress_fail("a process did not say what it was given");
    if (waitpid(self->id, &status, 0) != self->id || status != 0)
        stress_fail("a process did not end well");
    for (size_t i = 0; i < LIMIT_COUNT; i++) sum->admitted[i] += its.admitted[i];
    sum->leased += its.leased;
}

int main(int argument_count, char **arguments) {
    process others[PROCESS_COUNT - 1];
    totals sum;
    stress_begin(argument_count, arguments);
    for (size_t i = 0; i < PROCESS_COUNT - 1; i++) start(&others[i]);
    stress_open(argument_count, arguments, THREAD_COUNT + 1);
    const int is_shared = strcmp(test_store_uri(), "sqlite::memory:") != 0;
    pool = test_store_pool();
    farm_session *session = acquire();
    define(session);
    for (size_t i = 0; i < PROCESS_COUNT - 1; i++)
        tell(&others[i], is_shared ? test_store_uri() : "");

    run(&sum);
    for (size_t i = 0; i < PROCESS_COUNT - 1; i++) finish(&others[i], is_shared, &sum);
    check(session, &sum);

    farm_pool_release(pool, session);
    return stress_close();
}
