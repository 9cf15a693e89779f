/* Transfers against the plain limit, in one run: two UPDATEs and an INSERT each, by hand, of the
 * same rows without ids, indexes, running balances and constraints; on Postgres in one pipeline.
 * One, a hundred and a thousand in a transaction; among fifty accounts, and all from one; by one
 * client and by eight at once, each with a session and a thread of its own. */
#include "by_hand.h"
#include "support/bench.h"
#include "support/owner.h"
#include "support/store_file.h"
#include <farmcore/farmcore.h>
#include <stdlib.h>
#include <string.h>

enum { ACCOUNT_COUNT = 50, BATCH_MAX = 1000, CLIENT_COUNT = 8, BUSY_MS = 60000 };

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
    int64_t timestamp_ns;
} bench_ledger;

/* For both stores: {} is the schema, () how the table is kept. */
static const char plain_tables[] =
    "CREATE TABLE {}plain_balance (book bigint NOT NULL, account bigint NOT NULL, debits_pending "
    "bigint NOT NULL, debits_posted bigint NOT NULL, credits_pending bigint NOT NULL, "
    "credits_posted bigint NOT NULL, PRIMARY KEY (book, account))();"
    "CREATE TABLE {}plain_event (book bigint NOT NULL, timestamp_ns bigint NOT NULL, kind bigint "
    "NOT NULL, debit_account bigint NOT NULL, credit_account bigint NOT NULL, amount bigint NOT "
    "NULL, timeout_us bigint NOT NULL, code bigint NOT NULL, flags bigint NOT NULL, user_data_64 "
    "bigint NOT NULL, user_data_32 bigint NOT NULL, effective_us bigint NOT NULL, PRIMARY KEY "
    "(book, timestamp_ns))();";
static const char plain_debit[] = "UPDATE {}plain_balance SET debits_posted = debits_posted + $1 "
                                  "WHERE book = 1 AND account = $2";
static const char plain_credit[] = "UPDATE {}plain_balance SET credits_posted = credits_posted + "
                                   "$1 WHERE book = 1 AND account = $2";
static const char plain_event[] =
    "INSERT INTO {}plain_event VALUES (1, $1, 0, $2, $3, $4, 0, 1, 0, 0, 0, 1795696855000000)";

static const char *plain_text(const char *text, const char *schema, const char *kept) {
    static char made[2000];
    char *at = made;
    for (; *text != '\0'; text++) {
        const char *put = *text == '{' ? schema : *text == '(' && text[1] == ')' ? kept : NULL;
        at += put == NULL ? snprintf(at, 2, "%c", *text) : snprintf(at, 100, "%s", put);
        if (put != NULL) text++;
    }
    return made;
}

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
    static _Thread_local farm_ledger_transfer items[BATCH_MAX];
    static _Thread_local farm_ledger_transfer_result results[BATCH_MAX];
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

/* A session for each client, of a pool as a server has it. */
static farm_pool *open_ours(const char *uri, const char *owner_uri, bench_ledger *clients) {
    const farm_pool_options options = {.struct_size = sizeof options, .max_count = CLIENT_COUNT};
    farm_error error = {.struct_size = sizeof error};
    farm_pool *pool = NULL;
    owner_execute(owner_uri, NULL);
    if (farm_pool_new(&pool) != FARM_OK || farm_pool_open(pool, uri, &options, &error) != FARM_OK)
        bench_stop(uri, error.text);
    for (int i = 0; i < CLIENT_COUNT; i++)
        if (farm_pool_acquire(pool, 0, &error, &clients[i].session) != FARM_OK ||
            farm_session_set_service(clients[i].session) != FARM_OK)
            bench_stop("acquire", error.text);
    open_accounts(clients[0].session);
    return pool;
}

static void close_ours(farm_pool *pool, const bench_ledger *clients) {
    for (int i = 0; i < CLIENT_COUNT; i++) farm_pool_release(pool, clients[i].session);
    farm_pool_free(pool);
}

/* One of several that are measured: by hand each has timestamps of its own. */
static void begin_kind(bench_ledger *self, int number, int64_t batch_size, int is_hot) {
    self->batch_size = batch_size;
    self->is_hot = is_hot;
    self->random = (unsigned)number;
    self->timestamp_ns = INT64_C(1795696855000000000) + number * INT64_C(1000000000000);
}

/* --- eight at once --- */

typedef struct bench_crowd {
    bench_ledger clients[CLIENT_COUNT];
    void *contexts[CLIENT_COUNT];
} bench_crowd;

static void begin_crowd(bench_crowd *self, const bench_ledger *clients, int number,
                        int64_t batch_size, int is_hot) {
    for (int i = 0; i < CLIENT_COUNT; i++) {
        self->clients[i] = clients[i];
        begin_kind(&self->clients[i], number * CLIENT_COUNT + i, batch_size, is_hot);
        self->contexts[i] = &self->clients[i];
    }
}

static int post_ours_at_once(void *context, int64_t count) {
    bench_crowd *self = context;
    return bench_by_threads(post_ours, self->contexts, CLIENT_COUNT, count);
}

/* by_hand: one a transaction; batches by hand would wait for each other in a circle. */
static void bench_crowds(const char *title, const bench_ledger *clients, bench_function by_hand,
                         int64_t single_count) {
    static bench_crowd kinds[4];
    for (int i = 0; i < 4; i++)
        begin_crowd(&kinds[i], clients, 2 + i, i % 2 == 0 ? 1 : 100, i >= 2);
    const bench_pair pairs[] = {
        {"one a transaction", post_ours_at_once, by_hand, &kinds[0], single_count},
        {"a hundred", post_ours_at_once, NULL, &kinds[1], 8000},
        {"one, from a hot account", post_ours_at_once, by_hand, &kinds[2], single_count},
        {"a hundred, from a hot account", post_ours_at_once, NULL, &kinds[3], 8000},
    };
    bench_run(title, pairs, sizeof pairs / sizeof *pairs);
}

/* --- all events, once a round --- */

static int verify(void *context, int64_t count) {
    bench_ledger *self = context;
    char *text = NULL;
    (void)count;
    if (farm_verify(self->session, &text) != FARM_OK || strstr(text, "\"ok\":true") == NULL)
        bench_stop("verify", text == NULL ? farm_session_error_text(self->session) : text);
    farm_free(text);
    return 0;
}

static int recompute(void *context, int64_t count) {
    bench_ledger *self = context;
    farm_ledger_difference row = {.struct_size = sizeof row};
    size_t found = 0;
    (void)count;
    if (farm_ledger_recompute(self->session, 1, 0, &row, 1, &found) != FARM_OK || found != 0)
        bench_stop("recompute", farm_session_error_text(self->session));
    return 0;
}

/* What they amount to, account by account. */
static const char plain_sums[] =
    "SELECT account, SUM(amount) FROM (SELECT debit_account AS account, -amount AS amount FROM "
    "{}plain_event UNION ALL SELECT credit_account, amount FROM {}plain_event) AS side "
    "GROUP BY account";

static int64_t event_count(bench_ledger *self) {
    farm_rows *rows = NULL;
    char text[100];
    snprintf(text, sizeof text, "SELECT COUNT(*) FROM %sfarm_ledger_event",
             self->postgres == NULL ? "" : "farm.");
    if (farm_session_execute(self->session, text, NULL, 0, &rows) != FARM_OK)
        bench_stop("count", farm_session_error_text(self->session));
    const int64_t count = farm_rows_value(rows, 0, 0)->integer;
    farm_rows_free(rows);
    return count;
}

static void bench_audit(const char *title, bench_ledger *self, bench_function by_hand) {
    const int64_t count = event_count(self);
    const bench_pair pairs[] = {{"verify, an event", verify, by_hand, self, count},
                                {"recompute, an event", recompute, by_hand, self, count}};
    bench_run(title, pairs, sizeof pairs / sizeof *pairs);
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
            step(self, self->event, (const int64_t[]){++self->timestamp_ns, debit, credit, 1}, 4);
        }
        run(self->sqlite, "COMMIT");
    }
    return 0;
}

static int sum_sqlite(void *context, int64_t count) {
    bench_ledger *self = context;
    (void)count;
    run(self->sqlite, plain_text(plain_sums, "", ""));
    return 0;
}

static int post_sqlite_at_once(void *context, int64_t count) {
    bench_crowd *self = context;
    return bench_by_threads(post_sqlite, self->contexts, CLIENT_COUNT, count);
}

static void make_plain(sqlite3 *connection) {
    run(connection, plain_text(plain_tables, "", " WITHOUT ROWID"));
    run(connection, "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49) "
                    "INSERT INTO plain_balance SELECT 1, i, 0, 0, 0, 0 FROM n");
}

static void open_plain(bench_ledger *self, const char *path, const char *synchronous, int is_new) {
    self->sqlite = by_hand_open_sqlite(path, synchronous);
    sqlite3_busy_timeout(self->sqlite, BUSY_MS);
    if (is_new) make_plain(self->sqlite);
    self->debit = by_hand_prepare(self->sqlite, plain_text(plain_debit, "", ""));
    self->credit = by_hand_prepare(self->sqlite, plain_text(plain_credit, "", ""));
    self->event = by_hand_prepare(self->sqlite, plain_text(plain_event, "", ""));
}

static void close_plain(bench_ledger *self) {
    sqlite3_finalize(self->debit);
    sqlite3_finalize(self->credit);
    sqlite3_finalize(self->event);
    sqlite3_close(self->sqlite);
}

static void bench_sqlite(const char *durability, const char *synchronous, int64_t single_count) {
    char path[64];
    char uri[128];
    char title[64];
    snprintf(path, sizeof path, "bench-ledger-%s.db", durability);
    snprintf(uri, sizeof uri, "sqlite:%s?durability=%s", path, durability);
    snprintf(title, sizeof title, "transfers on SQLite, %s", durability);
    store_file_remove(path);
    bench_ledger clients[CLIENT_COUNT] = {{.batch_size = 0}};
    farm_pool *pool = open_ours(uri, uri, clients);
    for (int i = 0; i < CLIENT_COUNT; i++) open_plain(&clients[i], path, synchronous, i == 0);
    bench_ledger kinds[6];
    for (int i = 0; i < 6; i++) {
        kinds[i] = clients[0];
        begin_kind(&kinds[i], i, i % 3 == 0 ? 1 : i % 3 == 1 ? 100 : BATCH_MAX, i >= 3);
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
    snprintf(title, sizeof title, "transfers on SQLite, %s, by eight at once", durability);
    bench_crowds(title, clients, post_sqlite_at_once, single_count);
    snprintf(title, sizeof title, "all events on SQLite, %s", durability);
    bench_audit(title, &clients[0], sum_sqlite);
    for (int i = 0; i < CLIENT_COUNT; i++) close_plain(&clients[i]);
    close_ours(pool, clients);
    store_file_remove(path);
}

/* --- by hand, on Postgres --- */

static void send(bench_ledger *self, const char *name, const int64_t *numbers, int count) {
    char texts[4][24];
    const char *values[4];
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

static void send_alone(bench_ledger *self, const char *name, const int64_t *numbers, int count) {
    send(self, name, numbers, count);
    PQpipelineSync(self->postgres);
    read_all(self, 1);
}

/* A transaction as it is written without a pipeline: each statement is waited for. */
static int post_one_by_one(void *context, int64_t count) {
    bench_ledger *self = context;
    for (int64_t i = 0; i < count; i++) {
        int64_t debit = 0;
        int64_t credit = 0;
        draw(self, &debit, &credit);
        send_alone(self, "begin", NULL, 0);
        send_alone(self, "debit", (const int64_t[]){1, debit}, 2);
        send_alone(self, "credit", (const int64_t[]){1, credit}, 2);
        send_alone(self, "event", (const int64_t[]){++self->timestamp_ns, debit, credit, 1}, 4);
        send_alone(self, "commit", NULL, 0);
    }
    return 0;
}

static int post_postgres(void *context, int64_t count) {
    bench_ledger *self = context;
    for (int64_t i = 0; i < count; i += self->batch_size) {
        for (int64_t j = 0; j < self->batch_size; j++) {
            int64_t debit = 0;
            int64_t credit = 0;
            draw(self, &debit, &credit);
            /* In the order of the accounts: of several clients none waits in a circle. */
            if (debit < credit) send(self, "debit", (const int64_t[]){1, debit}, 2);
            send(self, "credit", (const int64_t[]){1, credit}, 2);
            if (debit > credit) send(self, "debit", (const int64_t[]){1, debit}, 2);
            send(self, "event", (const int64_t[]){++self->timestamp_ns, debit, credit, 1}, 4);
        }
        PQpipelineSync(self->postgres);
        read_all(self, 3 * self->batch_size);
    }
    return 0;
}

static int post_postgres_at_once(void *context, int64_t count) {
    bench_crowd *self = context;
    return bench_by_threads(post_postgres, self->contexts, CLIENT_COUNT, count);
}

static void execute(PGconn *connection, const char *text) {
    PGresult *result = PQexec(connection, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) bench_stop("plain", PQerrorMessage(connection));
    PQclear(result);
}

static int sum_postgres(void *context, int64_t count) {
    bench_ledger *self = context;
    (void)count;
    PGresult *result = PQexec(self->postgres, plain_text(plain_sums, "farm.", ""));
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        bench_stop("sums", PQerrorMessage(self->postgres));
    PQclear(result);
    return 0;
}

static void prepare(PGconn *connection, const char *name, const char *text) {
    PQclear(PQprepare(connection, name, plain_text(text, "farm.", ""), 0, NULL));
}

static void make_plain_on(PGconn *connection) {
    execute(connection, "SET client_min_messages = warning;"
                        "DROP TABLE IF EXISTS farm.plain_balance, farm.plain_event");
    execute(connection, plain_text(plain_tables, "farm.", ""));
    execute(connection,
            "ALTER TABLE farm.plain_balance SET (fillfactor = 50);"
            "INSERT INTO farm.plain_balance SELECT 1, i, 0, 0, 0, 0 FROM generate_series(0, 49) i");
}

static PGconn *open_pipeline(const char *uri, int is_new) {
    PGconn *connection = PQconnectdb(uri);
    if (is_new) make_plain_on(connection);
    prepare(connection, "debit", plain_debit);
    prepare(connection, "credit", plain_credit);
    prepare(connection, "event", plain_event);
    prepare(connection, "begin", "BEGIN");
    prepare(connection, "commit", "COMMIT");
    PQenterPipelineMode(connection);
    return connection;
}

static void bench_postgres(const char *uri, const char *owner) {
    char owner_uri[1024];
    snprintf(owner_uri, sizeof owner_uri, "%s?grant_to=farm_app", owner);
    bench_ledger clients[CLIENT_COUNT] = {{.batch_size = 0}};
    farm_pool *pool = open_ours(uri, owner_uri, clients);
    for (int i = 0; i < CLIENT_COUNT; i++) clients[i].postgres = open_pipeline(owner, i == 0);
    bench_ledger kinds[7];
    for (int i = 0; i < 7; i++) {
        kinds[i] = clients[0];
        begin_kind(&kinds[i], i, i % 3 == 0 ? 1 : i % 3 == 1 ? 100 : BATCH_MAX, i >= 3 && i < 6);
    }
    const bench_pair pairs[] = {
        {"one, each statement waited for", post_ours, post_one_by_one, &kinds[6], 100},
        {"one a transaction", post_ours, post_postgres, &kinds[0], 100},
        {"a hundred", post_ours, post_postgres, &kinds[1], 1000},
        {"a thousand", post_ours, post_postgres, &kinds[2], 3000},
        {"one, from a hot account", post_ours, post_postgres, &kinds[3], 100},
        {"a hundred, from a hot account", post_ours, post_postgres, &kinds[4], 1000},
        {"a thousand, from a hot account", post_ours, post_postgres, &kinds[5], 3000},
    };
    bench_run("transfers on Postgres", pairs, sizeof pairs / sizeof *pairs);
    bench_crowds("transfers on Postgres, by eight at once", clients, post_postgres_at_once, 400);
    PQexitPipelineMode(clients[0].postgres);
    bench_audit("all events on Postgres", &clients[0], sum_postgres);
    for (int i = 0; i < CLIENT_COUNT; i++) PQfinish(clients[i].postgres);
    close_ours(pool, clients);
}

int main(void) {
    const char *uri = getenv("FARM_TEST_POSTGRES");
    const char *owner = getenv("FARM_TEST_POSTGRES_OWNER");
    bench_sqlite("normal", "NORMAL", 500);
    bench_sqlite("full", "FULL", 200);
    if (uri != NULL && owner != NULL) bench_postgres(uri, owner);
    return EXIT_SUCCESS;
}
