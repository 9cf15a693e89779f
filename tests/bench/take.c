/* A take against the same statement by hand: same store, same role, settings and durability, in one
 * run. And what the library itself costs a call, on a store that answers at once; and how many
 * round trips operations make. */
#include "backend/decorators.h"
#include "by_hand.h"
#include "support/bench.h"
#include "support/owner.h"
#include "support/store_file.h"
#include <farmcore/farmcore.h>
#include <stdlib.h>
#include <string.h>

/* --- ours --- */

static const farm_rate_request requests[] = {
    {.struct_size = sizeof *requests, .limit = "user", .subject = "ana", .cost = 1},
    {.struct_size = sizeof *requests, .limit = "route", .subject = "/orders", .cost = 1},
    {.struct_size = sizeof *requests, .limit = "address", .subject = "2001:db8::1", .cost = 1},
};

typedef struct bench_taker {
    farm_session *session;
    size_t limit_count;
} bench_taker;

static farm_session *open_session(const char *uri, const char *owner_uri) {
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits, .name = "user", .count = 1000000000, .period_us = 1000000},
        {.struct_size = sizeof *limits, .name = "route", .count = 1000000000, .period_us = 1000000},
        {.struct_size = sizeof *limits,
         .name = "address",
         .scope = FARM_RATE_SCOPE_ADDRESS,
         .count = 1000000000,
         .period_us = 1000000},
        {.struct_size = sizeof *limits,
         .name = "none",
         .burst = 1,
         .count = 1,
         .period_us = INT64_C(86400000000)},
    };
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK) bench_stop("open", "no memory");
    owner_execute(owner_uri, NULL);
    if (farm_session_open(session, uri, NULL) != FARM_OK ||
        farm_session_set_service(session) != FARM_OK ||
        farm_rate_define(session, limits, 4) != FARM_OK)
        bench_stop(uri, farm_session_error_text(session));
    return session;
}

static int take_ours(void *context, int64_t count) {
    bench_taker *taker = context;
    farm_rate_state states[3] = {{.struct_size = sizeof *states},
                                 {.struct_size = sizeof *states},
                                 {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    for (int64_t i = 0; i < count; i++) {
        farm_status status =
            farm_rate_take(taker->session, requests, taker->limit_count, states, &decision);
        if (status != FARM_OK) bench_stop("take", farm_session_error_text(taker->session));
        if (!decision.allowed) return 1;
    }
    return 0;
}

static int deny_ours(void *context, int64_t count) {
    bench_taker *taker = context;
    const farm_rate_request request = {
        .struct_size = sizeof request, .limit = "none", .subject = "eve", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    for (int64_t i = 0; i < count; i++)
        if (farm_rate_take(taker->session, &request, 1, &state, &decision) != FARM_OK) return 1;
    return decision.allowed;
}

/* --- by hand --- */

typedef struct bench_hand {
    bench_taker taker;
    sqlite3 *sqlite;
    sqlite3_stmt *statement;
    PGconn *postgres;
    int64_t now_ns;
} bench_hand;

static const char bucket[BY_HAND_BUCKET_SIZE + 1] = "by-hand-bucket-1";

static int take_sqlite(void *context, int64_t count) {
    bench_hand *hand = context;
    for (int64_t i = 0; i < count; i++) {
        by_hand_bind(hand->statement, bucket, hand->now_ns += 1000);
        if (sqlite3_step(hand->statement) != SQLITE_ROW ||
            sqlite3_step(hand->statement) != SQLITE_DONE)
            bench_stop("step", sqlite3_errmsg(hand->sqlite));
        sqlite3_reset(hand->statement);
    }
    return 0;
}

static PGconn *open_pipeline(const char *uri, int is_bare) {
    PGconn *connection = by_hand_open_postgres(uri, is_bare);
    PQclear(PQprepare(connection, "actor", "SELECT set_config('farm.actor', 's', true)", 0, NULL));
    PQenterPipelineMode(connection);
    return connection;
}

static int read_pipeline(PGconn *connection, int results) {
    int rows = 0;
    for (int i = 0; i < results; i++) {
        PGresult *result = PQgetResult(connection);
        rows += PQntuples(result);
        PQclear(result);
        if ((result = PQgetResult(connection)) != NULL) return -1;
    }
    PGresult *sync = PQgetResult(connection);
    int is_sync = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return is_sync ? rows : -1;
}

static int take_postgres(void *context, int64_t count) {
    bench_hand *hand = context;
    by_hand_params params;
    for (int64_t i = 0; i < count; i++) {
        by_hand_fill(&params, bucket, hand->now_ns += 1000);
        PQsendQueryPrepared(hand->postgres, "actor", 0, NULL, NULL, NULL, 1);
        PQsendQueryPrepared(hand->postgres, "take", BY_HAND_PARAM_COUNT, params.values,
                            by_hand_sizes, by_hand_formats, 1);
        PQpipelineSync(hand->postgres);
        if (read_pipeline(hand->postgres, 2) != 2)
            bench_stop("take", PQerrorMessage(hand->postgres));
    }
    return 0;
}

/* --- a store that answers at once --- */

static farm_backend instant;
static const farm_backend *inner;
static int is_instant;

static farm_status run_instantly(farm_connection *connection, farm_call *calls, size_t count,
                                 uint32_t flags, farm_fault *fault) {
    if (!is_instant) return inner->run(connection, calls, count, flags, fault);
    const farm_value row[] = {{.type = FARM_INTEGER, .integer = 1},
                              {.type = FARM_INTEGER, .integer = BY_HAND_BEGIN_NS}};
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; calls[i].on_row != NULL && j < calls[i].row_count; j++)
            calls[i].on_row(calls[i].context, j, row);
    return FARM_OK;
}

static void bench_overhead(void) {
    inner = farm_backend_find("sqlite");
    instant = *inner;
    instant.scheme = "instant";
    instant.run = run_instantly;
    if (farm_backend_register(&instant) != FARM_OK) bench_stop("instant", "cannot be registered");
    bench_taker one = {.session =
                           open_session("instant:bench-instant.db", "sqlite:bench-instant.db"),
                       .limit_count = 1};
    bench_taker three = {.session = one.session, .limit_count = 3};
    if (take_ours(&three, 1) != 0) bench_stop("overhead", "the warm-up was refused");
    is_instant = 1;
    const bench_pair pairs[] = {
        {"take of 1, the library alone", take_ours, NULL, &one, 20000},
        {"take of 3, the library alone", take_ours, NULL, &three, 20000},
    };
    bench_run("overhead", pairs, 2);
    is_instant = 0;
    farm_session_free(one.session);
}

static void bench_sqlite(const char *durability, const char *synchronous, int64_t count) {
    char path[64];
    char uri[128];
    char title[32];
    snprintf(path, sizeof path, "bench-%s.db", durability);
    snprintf(uri, sizeof uri, "sqlite:%s?durability=%s", path, durability);
    snprintf(title, sizeof title, "SQLite, %s", durability);
    bench_hand one = {.taker = {.session = open_session(uri, uri), .limit_count = 1},
                      .sqlite = by_hand_open_sqlite(path, synchronous),
                      .now_ns = BY_HAND_BEGIN_NS};
    one.statement = by_hand_prepare(one.sqlite, by_hand_take_text());
    bench_taker three = {.session = one.taker.session, .limit_count = 3};
    const bench_pair pairs[] = {
        {"take of 1, the same statement by hand", take_ours, take_sqlite, &one, count},
        {"take of 3", take_ours, NULL, &three, count},
        {"denied take of 1", deny_ours, NULL, &three, count},
    };
    bench_run(title, pairs, 3);
    sqlite3_finalize(one.statement);
    sqlite3_close(one.sqlite);
    farm_session_free(one.taker.session);
}

static void bench_postgres(const char *uri, const char *owner) {
    char owner_uri[1024];
    snprintf(owner_uri, sizeof owner_uri, "%s?grant_to=farm_app", owner);
    bench_hand same = {.taker = {.session = open_session(uri, owner_uri), .limit_count = 1},
                       .postgres = open_pipeline(uri, 0),
                       .now_ns = BY_HAND_BEGIN_NS};
    bench_hand bare = same;
    bare.postgres = open_pipeline(uri, 1);
    bench_taker three = {.session = same.taker.session, .limit_count = 3};
    const bench_pair pairs[] = {
        {"take of 1, the same statement by hand", take_ours, take_postgres, &same, 500},
        {"take of 1, a bare upsert by hand", take_ours, take_postgres, &bare, 500},
        {"take of 3", take_ours, NULL, &three, 500},
        {"denied take of 1", deny_ours, NULL, &three, 500},
    };
    bench_run("Postgres", pairs, 4);
    PQfinish(same.postgres);
    PQfinish(bare.postgres);
    farm_session_free(same.taker.session);
}

static uint64_t round_trips(int (*function)(void *, int64_t), bench_taker *taker) {
    decorator_counts counts;
    function(taker, 1); /* connects, and reads the limits */
    decorator_count_reset();
    function(taker, 1);
    decorator_count_get(&counts);
    return counts.round_trips;
}

static void count_round_trips(const char *uri, const char *owner) {
    char counted[1024];
    const char *scheme = strncmp(uri, "sqlite", 6) == 0 ? "sqlite" : "postgresql";
    decorator_register(&decorator_count, scheme);
    snprintf(counted, sizeof counted, "count+%s", uri);
    bench_taker one = {.session = open_session(counted, owner), .limit_count = 1};
    bench_taker three = {.session = one.session, .limit_count = 3};
    printf("\nround trips on %s: take of 1: %llu, take of 3: %llu, denied take: %llu\n", scheme,
           (unsigned long long)round_trips(take_ours, &one),
           (unsigned long long)round_trips(take_ours, &three),
           (unsigned long long)round_trips(deny_ours, &three));
    farm_session_free(one.session);
}

static void remove_files(void) {
    static const char *const paths[] = {"bench-instant.db", "bench-full.db", "bench-normal.db",
                                        "bench-count.db"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) store_file_remove(paths[i]);
}

int main(void) {
    const char *uri = getenv("FARM_TEST_POSTGRES");
    const char *owner = getenv("FARM_TEST_POSTGRES_OWNER");
    remove_files();
    bench_overhead();
    bench_sqlite("normal", "NORMAL", 2000);
    bench_sqlite("full", "FULL", 300);
    count_round_trips("sqlite:bench-count.db", "sqlite:bench-count.db");
    if (uri != NULL && owner != NULL) {
        bench_postgres(uri, owner);
        count_round_trips(uri, owner);
    }
    remove_files();
    return EXIT_SUCCESS;
}
