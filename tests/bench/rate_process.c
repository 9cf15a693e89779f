/* What the process does for rate limits beside the store, with a Postgres behind it and a file of
 * SQLite: takes from leases, by one thread and by two, with the totals checked to the token;
 * refusals that are remembered; and as many items as a call can have, against the same statement
 * by hand, one a round trip. */
#include "by_hand.h"
#include "support/bench.h"
#include "support/owner.h"
#include "support/store_file.h"
#include <farmcore/farmcore.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BATCH_COUNT = FARM_RATE_BATCH_MAX, LEASE_COUNT = 10000 };

#define BURST INT64_C(20000000)
#define DAY_US (INT64_C(86400) * 1000000)

static farm_pool *pool;
static atomic_llong admitted; /* from "leased" */

static farm_session *acquire(void) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK) bench_stop("acquire", error.text);
    farm_session_set_service(session);
    return session;
}

static void set_up(const char *uri, const char *owner_uri) {
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits,
         .name = "leased",
         .burst = BURST,
         .count = 1,
         .period_us = DAY_US,
         .lease_count = LEASE_COUNT},
        {.struct_size = sizeof *limits,
         .name = "shut",
         .count = 1,
         .period_us = DAY_US,
         .denied_us = 60000000},
        {.struct_size = sizeof *limits, .name = "wide", .count = 1000000000, .period_us = 1000000},
    };
    const farm_pool_options options = {.struct_size = sizeof options, .max_count = 3};
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_new(&pool) != FARM_OK) bench_stop("open", "no memory");
    owner_execute(owner_uri, NULL);
    if (farm_pool_open(pool, uri, &options, &error) != FARM_OK) bench_stop(uri, error.text);
    farm_session *session = acquire();
    if (farm_rate_define(session, limits, 3) != FARM_OK)
        bench_stop("define", farm_session_error_text(session));
    farm_pool_release(pool, session);
}

/* --- leases and refusals --- */

static int take_many(const char *limit, const char *subject, int64_t count) {
    const farm_rate_request item = {
        .struct_size = sizeof item, .limit = limit, .subject = subject, .cost = 1};
    farm_session *session = acquire();
    int64_t allowed = 0;
    for (int64_t i = 0; i < count; i++) {
        farm_rate_state state = {.struct_size = sizeof state};
        farm_rate_decision decision = {.struct_size = sizeof decision};
        if (farm_rate_take(session, &item, 1, &state, &decision) != FARM_OK)
            bench_stop("take", farm_session_error_text(session));
        allowed += decision.allowed;
    }
    farm_pool_release(pool, session);
    return (int)allowed;
}

static int take_leased(void *context, int64_t count) {
    (void)context;
    const int allowed = take_many("leased", "hot", count);
    atomic_fetch_add(&admitted, allowed);
    return allowed != count;
}

static int take_refused(void *context, int64_t count) {
    (void)context;
    take_many("shut", "eve", 1);
    return take_many("shut", "eve", count) != 0;
}

static int take_leased_by_two(void *context, int64_t count) {
    return bench_by_threads(take_leased, (void *[]){context, context}, 2, count);
}

/* To the token: when what is unused is given back, the bucket lacks what was let through. */
static void check_total(void) {
    const farm_rate_request item = {
        .struct_size = sizeof item, .limit = "leased", .subject = "hot", .cost = 0};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_session *session = acquire();
    if (farm_rate_settle(session) != FARM_OK ||
        farm_rate_peek(session, &item, 1, &state, &decision) != FARM_OK)
        bench_stop("settle", farm_session_error_text(session));
    const int64_t total = atomic_exchange(&admitted, 0);
    printf("%lld takes were let through, and the bucket lacks %lld\n", (long long)total,
           (long long)(BURST - state.remaining));
    if (total != BURST - state.remaining) bench_stop("leases", "the total is not exact");
    farm_pool_release(pool, session);
}

/* --- many items a call --- */

static int take_batches(void *context, int64_t count) {
    static char subjects[BATCH_COUNT][16];
    farm_rate_request items[BATCH_COUNT];
    farm_rate_state states[BATCH_COUNT];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    (void)context;
    for (int i = 0; i < BATCH_COUNT; i++) {
        snprintf(subjects[i], sizeof subjects[i], "user-%d", i);
        items[i] = (farm_rate_request){
            .struct_size = sizeof items[i], .limit = "wide", .subject = subjects[i], .cost = 1};
        states[i].struct_size = sizeof states[i];
    }
    farm_session *session = acquire();
    for (int64_t i = 0; i < count; i += BATCH_COUNT)
        if (farm_rate_take(session, items, BATCH_COUNT, states, &decision) != FARM_OK ||
            !decision.allowed)
            bench_stop("take", farm_session_error_text(session));
    farm_pool_release(pool, session);
    return 0;
}

typedef struct hand {
    PGconn *connection;
    int64_t now_ns;
} hand;

static void open_hand(hand *out, const char *uri) {
    static const char actor[] = "SELECT set_config('farm.actor', 's', false)";
    out->connection = by_hand_open_postgres(uri, 0);
    out->now_ns = BY_HAND_BEGIN_NS;
    PGresult *set = PQexec(out->connection, actor);
    if (PQresultStatus(set) != PGRES_TUPLES_OK)
        bench_stop("by hand", PQerrorMessage(out->connection));
    PQclear(set);
}

static int take_by_hand(void *context, int64_t count) {
    hand *self = context;
    for (int64_t i = 0; i < count; i++) {
        char bucket[BY_HAND_BUCKET_SIZE + 1];
        by_hand_params params;
        snprintf(bucket, sizeof bucket, "%016d", (int)(i % (2 * BATCH_COUNT)));
        by_hand_fill(&params, bucket, self->now_ns += 1000);
        PGresult *result = PQexecPrepared(self->connection, "take", BY_HAND_PARAM_COUNT,
                                          params.values, by_hand_sizes, by_hand_formats, 1);
        if (PQresultStatus(result) != PGRES_TUPLES_OK)
            bench_stop("by hand", PQerrorMessage(self->connection));
        PQclear(result);
    }
    return 0;
}

/* --- stores --- */

static void run(const char *title, hand *by_hand) {
    const bench_pair pairs[] = {
        {"take from a lease", take_leased, NULL, NULL, 200000},
        {"take from a lease, two threads", take_leased_by_two, NULL, NULL, 400000},
        {"refused take that is remembered", take_refused, NULL, NULL, 200000},
        {"item of a take of 64; by hand one at a time", take_batches,
         by_hand == NULL ? NULL : take_by_hand, by_hand, 1024},
    };
    bench_run(title, pairs, sizeof pairs / sizeof *pairs);
    check_total();
    farm_pool_free(pool);
}

static void run_postgres(const char *uri, const char *owner) {
    char owner_uri[1024];
    hand by_hand;
    snprintf(owner_uri, sizeof owner_uri, "%s?grant_to=farm_app", owner);
    set_up(uri, owner_uri);
    open_hand(&by_hand, uri);
    run("the process before Postgres", &by_hand);
    PQfinish(by_hand.connection);
}

int main(void) {
    const char *uri = getenv("FARM_TEST_POSTGRES");
    const char *owner = getenv("FARM_TEST_POSTGRES_OWNER");
    static const char path[] = "bench-process.db";
    static const char file[] = "sqlite:bench-process.db?durability=normal";
    store_file_remove(path);
    set_up(file, file);
    run("the process before a file of SQLite", NULL);
    store_file_remove(path);
    if (uri != NULL && owner != NULL) run_postgres(uri, owner);
    return EXIT_SUCCESS;
}
