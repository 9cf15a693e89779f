/* Transfers against the plain limit, in one run: two UPDATEs and an INSERT each, by hand, on tables
 * without ids, indexes and running balances; on Postgres in one pipeline. One, a hundred and a
 * thousand in a transaction; among fifty accounts, and all from one. */
#include "by_hand.h"
#include "support/bench.h"
#include "support/owner.h"
#include "support/store_file.h"
#include <farmcore/farmcore.h>
#include <stdlib.h>
#include <string.h>

enum { ACCOUNT_COUNT = 50, BATCH_MAX = 1000 };

typedef struct bench_ledger {
    farm_session *session;
    sqlite3 *sqlite;
    sqlite3_stmt *debit;
    sqlite3_stmt *credit;
    sqlite3_stmt *event;
    PGconn *postgres;
    int64_t batch_size;
    int is_hot;
    unsigned random;
} bench_ledger;

static farm_ledger_transfer items[BATCH_MAX];
static farm_ledger_transfer_result results[BATCH_MAX];

static farm_id account_id(int64_t number) {
    farm_id id = {{0xBE}};
    id.bytes[15] = (uint8_t)(number + 1);
    return id;
}

/* Two different accounts; a hot one is always debited. */
static void draw(bench_ledger *self, int64_t *debit, int64_t *credit) {
    self->random = self->random * 1664525U + 1013904223U;
    *debit = self->is_hot ? 0 : (self->random >> 8) % ACCOUNT_COUNT;
    *credit = (*debit + 1 + (self->random >> 16) % (ACCOUNT_COUNT - 1)) % ACCOUNT_COUNT;
}

/* --- ours --- */

static void post_batch(bench_ledger *self, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t debit = 0;
        int64_t credit = 0;
        draw(self, &debit, &credit);
        items[i] = (farm_ledger_transfer){.struct_size = sizeof *items,
                                          .debit_account_id = account_id(debit),
                                          .credit_account_id = account_id(credit),
                                          .amount_minor = 1,
                                          .code = 1,
                                          .book = 1};
        farm_id_new(self->session, &items[i].id);
        results[i].struct_size = sizeof *results;
    }
    if (farm_ledger_post(self->session, items, count, results) != FARM_OK)
        bench_stop("post", farm_session_error_text(self->session));
    if (results[count - 1].status != FARM_LEDGER_TRANSFER_CREATED)
        bench_stop("post", farm_ledger_transfer_status_name(results[count - 1].status));
}

static int post_ours(void *context, int64_t count) {
    bench_ledger *self = context;
    for (int64_t i = 0; i < count; i += self->batch_size)
        post_batch(self, (size_t)self->batch_size);
    return 0;
}

static void open_accounts(farm_session *session) {
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = 1, .asset = "EUR", .scale = 2};
    farm_ledger_account accounts[ACCOUNT_COUNT];
    farm_ledger_account_result opened[ACCOUNT_COUNT];
    for (int i = 0; i < ACCOUNT_COUNT; i++) {
        accounts[i] = (farm_ledger_account){
            .struct_size = sizeof *accounts, .id = account_id(i), .code = 1, .book = 1};
        opened[i].struct_size = sizeof *opened;
    }
    if (farm_ledger_open_books(session, &book, 1) != FARM_OK ||
        farm_ledger_open_accounts(session, accounts, ACCOUNT_COUNT, opened) != FARM_OK)
        bench_stop("open", farm_session_error_text(session));
}

static farm_session *open_session(const char *uri, const char *owner_uri) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK) bench_stop("open", "no memory");
    owner_execute(owner_uri, NULL);
    if (farm_session_open(session, uri, NULL) != FARM_OK ||
        farm_session_set_service(session) != FARM_OK)
        bench_stop(uri, farm_session_error_text(session));
    open_accounts(session);
    return session;
}

/* --- by hand, on SQLite --- */

static void run(sqlite3 *connection, const char *text) {
    if (sqlite3_exec(connection, text, NULL, NULL, NULL) != SQLITE_OK)
        bench_stop(text, sqlite3_errmsg(connection));
}

static void step(bench_ledger *self, sqlite3_stmt *statement, const int64_t *numbers, int count) {
    for (int i = 0; i < count; i++) sqlite3_bind_int64(statement, i + 1, numbers[i]);
    if (sqlite3_step(statement) != SQLITE_DONE) bench_stop("step", sqlite3_errmsg(self->sqlite));
    sqlite3_reset(statement);
}

static int post_sqlite(void *context, int64_t count) {
    bench_ledger *self = context;
    for (int64_t i = 0; i < count; i += self->batch_size) {
        run(self->sqlite, "BEGIN IMMEDIATE");
        for (int64_t j = 0; j < self->batch_size; j++) {
            int64_t debit = 0;
            int64_t credit = 0;
            draw(self, &debit, &credit);
            step(self, self->debit, (const int64_t[]){1, debit}, 2);
            step(self, self->credit, (const int64_t[]){1, credit}, 2);
            step(self, self->event, (const int64_t[]){debit, credit, 1}, 3);
        }
        run(self->sqlite, "COMMIT");
    }
    return 0;
}

static void open_plain(bench_ledger *self) {
    run(self->sqlite,
        "CREATE TABLE plain_balance (account INTEGER PRIMARY KEY, debits INTEGER NOT "
        "NULL, credits INTEGER NOT NULL) STRICT;"
        "CREATE TABLE plain_event (number INTEGER PRIMARY KEY, debit INTEGER NOT NULL, "
        "credit INTEGER NOT NULL, amount INTEGER NOT NULL) STRICT;"
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49) "
        "INSERT INTO plain_balance SELECT i, 0, 0 FROM n");
    self->debit = by_hand_prepare(
        self->sqlite, "UPDATE plain_balance SET debits = debits + ?1 WHERE account = ?2");
    self->credit = by_hand_prepare(
        self->sqlite, "UPDATE plain_balance SET credits = credits + ?1 WHERE account = ?2");
    self->event = by_hand_prepare(
        self->sqlite, "INSERT INTO plain_event (debit, credit, amount) VALUES (?1, ?2, ?3)");
}

static void bench_sqlite(const char *durability, const char *synchronous, int64_t single_count) {
    char path[64];
    char uri[128];
    char title[64];
    snprintf(path, sizeof path, "bench-ledger-%s.db", durability);
    snprintf(uri, sizeof uri, "sqlite:%s?durability=%s", path, durability);
    snprintf(title, sizeof title, "transfers on SQLite, %s", durability);
    store_file_remove(path);
    bench_ledger base = {.session = open_session(uri, uri),
                         .sqlite = by_hand_open_sqlite(path, synchronous)};
    open_plain(&base);
    bench_ledger kinds[6];
    for (int i = 0; i < 6; i++) {
        kinds[i] = base;
        kinds[i].batch_size = i % 3 == 0 ? 1 : i % 3 == 1 ? 100 : BATCH_MAX;
        kinds[i].is_hot = i >= 3;
    }
    const bench_pair pairs[] = {
        {"one a transaction", post_ours, post_sqlite, &kinds[0], single_count},
        {"a hundred", post_ours, post_sqlite, &kinds[1], 2000},
        {"a thousand", post_ours, post_sqlite, &kinds[2], 5000},
        {"one, from a hot account", post_ours, post_sqlite, &kinds[3], single_count},
        {"a hundred, from a hot account", post_ours, post_sqlite, &kinds[4], 2000},
        {"a thousand, from a hot account", post_ours, post_sqlite, &kinds[5], 5000},
    };
    bench_run(title, pairs, sizeof pairs / sizeof *pairs);
    sqlite3_finalize(base.debit);
    sqlite3_finalize(base.credit);
    sqlite3_finalize(base.event);
    sqlite3_close(base.sqlite);
    farm_session_free(base.session);
    store_file_remove(path);
}

/* --- by hand, on Postgres --- */

static void send(bench_ledger *self, const char *name, const int64_t *numbers, int count) {
    char texts[3][24];
    const char *values[3];
    for (int i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "%lld", (long long)numbers[i]);
        values[i] = texts[i];
    }
    if (PQsendQueryPrepared(self->postgres, name, count, values, NULL, NULL, 1) != 1)
        bench_stop(name, PQerrorMessage(self->postgres));
}

static void read_all(bench_ledger *self, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        PGresult *result = PQgetResult(self->postgres);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            bench_stop("plain", PQerrorMessage(self->postgres));
        PQclear(result);
        PQclear(PQgetResult(self->postgres));
    }
    PQclear(PQgetResult(self->postgres)); /* the sync */
}

static int post_postgres(void *context, int64_t count) {
    bench_ledger *self = context;
    for (int64_t i = 0; i < count; i += self->batch_size) {
        for (int64_t j = 0; j < self->batch_size; j++) {
            int64_t debit = 0;
            int64_t credit = 0;
            draw(self, &debit, &credit);
            send(self, "debit", (const int64_t[]){1, debit}, 2);
            send(self, "credit", (const int64_t[]){1, credit}, 2);
            send(self, "event", (const int64_t[]){debit, credit, 1}, 3);
        }
        PQpipelineSync(self->postgres);
        read_all(self, 3 * self->batch_size);
    }
    return 0;
}

static PGconn *open_pipeline(const char *uri) {
    static const char *const statements[][2] = {
        {"debit", "UPDATE farm.plain_balance SET debits = debits + $1 WHERE account = $2"},
        {"credit", "UPDATE farm.plain_balance SET credits = credits + $1 WHERE account = $2"},
        {"event", "INSERT INTO farm.plain_event (debit, credit, amount) VALUES ($1, $2, $3)"}};
    PGconn *connection = PQconnectdb(uri);
    PGresult *result =
        PQexec(connection,
               "DROP TABLE IF EXISTS farm.plain_balance, farm.plain_event;"
               "CREATE TABLE farm.plain_balance (account bigint PRIMARY KEY, debits bigint NOT "
               "NULL, credits bigint NOT NULL) WITH (fillfactor = 50);"
               "CREATE TABLE farm.plain_event (number bigint GENERATED ALWAYS AS IDENTITY "
               "PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL, amount bigint NOT "
               "NULL);"
               "INSERT INTO farm.plain_balance SELECT i, 0, 0 FROM generate_series(0, 49) i");
    if (PQresultStatus(result) != PGRES_COMMAND_OK) bench_stop("plain", PQerrorMessage(connection));
    PQclear(result);
    for (int i = 0; i < 3; i++)
        PQclear(PQprepare(connection, statements[i][0], statements[i][1], 0, NULL));
    PQenterPipelineMode(connection);
    return connection;
}

static void bench_postgres(const char *uri, const char *owner) {
    char owner_uri[1024];
    snprintf(owner_uri, sizeof owner_uri, "%s?grant_to=farm_app", owner);
    bench_ledger base = {.session = open_session(uri, owner_uri), .postgres = open_pipeline(owner)};
    bench_ledger kinds[6];
    for (int i = 0; i < 6; i++) {
        kinds[i] = base;
        kinds[i].batch_size = i % 3 == 0 ? 1 : i % 3 == 1 ? 100 : BATCH_MAX;
        kinds[i].is_hot = i >= 3;
    }
    const bench_pair pairs[] = {
        {"one a transaction", post_ours, post_postgres, &kinds[0], 100},
        {"a hundred", post_ours, post_postgres, &kinds[1], 1000},
        {"a thousand", post_ours, post_postgres, &kinds[2], 3000},
        {"one, from a hot account", post_ours, post_postgres, &kinds[3], 100},
        {"a hundred, from a hot account", post_ours, post_postgres, &kinds[4], 1000},
        {"a thousand, from a hot account", post_ours, post_postgres, &kinds[5], 3000},
    };
    bench_run("transfers on Postgres", pairs, sizeof pairs / sizeof *pairs);
    PQfinish(base.postgres);
    farm_session_free(base.session);
}

int main(void) {
    const char *uri = getenv("FARM_TEST_POSTGRES");
    const char *owner = getenv("FARM_TEST_POSTGRES_OWNER");
    bench_sqlite("normal", "NORMAL", 500);
    bench_sqlite("full", "FULL", 200);
    if (uri != NULL && owner != NULL) bench_postgres(uri, owner);
    return EXIT_SUCCESS;
}
