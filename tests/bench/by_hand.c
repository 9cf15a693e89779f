/* The take of one token from a bucket of a thousand million a second, by hand. */
#include "by_hand.h"
#include "rate_sql.h"
#include "support/bench.h"
#include <stdio.h>
#include <string.h>

/* Behind the bucket and the time: increment, capacity, slack, expiry. */
static const int64_t figures[] = {1, 1000000000, 5000000000, 490896};

static const char *text_of(int dialect) {
    const store_module *module = &rate_statements;
    return module->statements[dialect][RATE_STATEMENT_BUCKET_TAKE - module->first].steps[0];
}

const char *by_hand_take_text(void) {
    return text_of(STORE_DIALECT_SQLITE);
}

sqlite3 *by_hand_open_sqlite(const char *path, const char *synchronous) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    char pragma[64];
    sqlite3 *connection = NULL;
    snprintf(pragma, sizeof pragma, "PRAGMA synchronous=%s", synchronous);
    if (sqlite3_open_v2(path, &connection, flags, NULL) != SQLITE_OK ||
        sqlite3_exec(connection, pragma, NULL, NULL, NULL) != SQLITE_OK)
        bench_stop(path, sqlite3_errmsg(connection));
    return connection;
}

sqlite3_stmt *by_hand_prepare(sqlite3 *connection, const char *text) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(connection, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK)
        bench_stop(text, sqlite3_errmsg(connection));
    return statement;
}

void by_hand_bind(sqlite3_stmt *take, const char *bucket, int64_t now_ns) {
    sqlite3_bind_blob(take, 1, bucket, BY_HAND_BUCKET_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(take, 2, now_ns);
    for (int i = 0; i < 4; i++) sqlite3_bind_int64(take, 3 + i, figures[i]);
}

/* The schema is filled in, or put before the table's name in what SQLite is given, and ?n is $n. */
static void postgres_text(int is_bare, char *out, size_t out_size) {
    const char *text = text_of(is_bare ? STORE_DIALECT_SQLITE : STORE_DIALECT_POSTGRES);
    size_t used = 0;
    while (*text != '\0' && used + 16 < out_size) {
        if (strncmp(text, "{schema}", 8) == 0) {
            used += (size_t)snprintf(out + used, out_size - used, "farm");
            text += 8;
            continue;
        }
        if (is_bare && strncmp(text, "farm_rate_bucket", 16) == 0)
            used += (size_t)snprintf(out + used, out_size - used, "farm.");
        out[used++] = *text == '?' ? '$' : *text;
        text++;
    }
    out[used] = '\0';
}

PGconn *by_hand_open_postgres(const char *uri, int is_bare) {
    static const Oid types[BY_HAND_PARAM_COUNT] = {17, 20, 20, 20, 20, 20};
    char text[4096];
    postgres_text(is_bare, text, sizeof text);
    PGconn *connection = PQconnectdb(uri);
    PGresult *result = PQprepare(connection, "take", text, BY_HAND_PARAM_COUNT, types);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        bench_stop("by hand", PQerrorMessage(connection));
    PQclear(result);
    return connection;
}

const int by_hand_sizes[BY_HAND_PARAM_COUNT] = {BY_HAND_BUCKET_SIZE, 8, 8, 8, 8, 8};
const int by_hand_formats[BY_HAND_PARAM_COUNT] = {1, 1, 1, 1, 1, 1};

static void put_number(char *out, int64_t number) {
    for (int i = 0; i < 8; i++) out[i] = (char)((uint64_t)number >> (56 - 8 * i));
}

void by_hand_fill(by_hand_params *out, const char *bucket, int64_t now_ns) {
    put_number(out->numbers[0], now_ns);
    for (int i = 0; i < 4; i++) put_number(out->numbers[i + 1], figures[i]);
    out->values[0] = bucket;
    for (int i = 1; i < BY_HAND_PARAM_COUNT; i++) out->values[i] = out->numbers[i - 1];
}
