/* A take by hand, for benches to compare with: the statement that the library sends, with the same
 * figures, straight to the driver. */
#ifndef BENCH_BY_HAND_H
#define BENCH_BY_HAND_H

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdint.h>

/* When the first take is, in nanoseconds. */
#define BY_HAND_BEGIN_NS (INT64_C(1767225600) * 1000000000)

enum { BY_HAND_PARAM_COUNT = 6, BY_HAND_BUCKET_SIZE = 16 };

/* A connection of one thread, synchronous as the pragma of that name says. */
sqlite3 *by_hand_open_sqlite(const char *path, const char *synchronous);
sqlite3_stmt *by_hand_prepare(sqlite3 *connection, const char *text);
/* The text of the take, and what it is given. The bucket is read when the statement is run. */
const char *by_hand_take_text(void);
void by_hand_bind(sqlite3_stmt *take, const char *bucket, int64_t now_ns);

/* A connection that has prepared "take": Postgres's own text, or the bare upsert that SQLite is
 * given. */
PGconn *by_hand_open_postgres(const char *uri, int is_bare);

/* Its parameters, for PQsendQueryPrepared() and its like. The bucket is not copied. */
typedef struct by_hand_params {
    char numbers[BY_HAND_PARAM_COUNT - 1][8];
    const char *values[BY_HAND_PARAM_COUNT];
} by_hand_params;

extern const int by_hand_sizes[BY_HAND_PARAM_COUNT];
extern const int by_hand_formats[BY_HAND_PARAM_COUNT];
void by_hand_fill(by_hand_params *out, const char *bucket, int64_t now_ns);

#endif
