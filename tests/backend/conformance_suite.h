/* What the files of the conformance suite share: the suite with its store, clients (a connection
 * and its last fault), values, calls, rows collected, claims. Not for those who embed it. */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include "conformance.h"
#include "conformance_statements.h"
#include <farmcore/backend.h>
#include <farmcore/base.h>
#include <pthread.h>

enum {
    SUITE_CLIENT_MAX = 24,
    SUITE_SETTING_MAX = 16,
    SUITE_TEXT_SIZE = 512,
    SUITE_URI_SIZE = 2048,
    SUITE_PREFIX_SIZE = 48
};

/* Stands in values and URIs; no fault may repeat it. */
#define SUITE_MARKER "conformance-secret-7f3a"

/* Outside a transaction that was begun. */
#define ALONE ((uint32_t)FARM_RUN_COMMIT)
#define ALONE_READ ((uint32_t)(FARM_RUN_COMMIT | FARM_RUN_READ))
/* Inside one. */
#define INSIDE ((uint32_t)0)

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* For calls that must end, however long the machine takes. */
#define GENEROUS_US INT64_C(120000000)
/* For calls that may have to wait for what this very thread holds, and must then give up. */
#define SHORT_US INT64_C(300000)

typedef struct conformance_suite conformance_suite;

/* A URI taken apart: what the backend names in its settings, and what is left. */
typedef struct suite_uri {
    char text[SUITE_URI_SIZE];
    char words[SUITE_URI_SIZE];
    farm_setting settings[SUITE_SETTING_MAX];
    size_t setting_count;
} suite_uri;

/* A connection; used by one thread at a time. */
typedef struct suite_client {
    conformance_suite *suite;
    farm_connection *connection; /* NULL: closed */
    farm_fault fault;            /* of the last call that failed */
} suite_client;

struct conformance_suite {
    const farm_backend *backend;
    suite_uri uri;
    suite_uri owner_uri;
    int32_t has_owner;
    int32_t is_postgres;

    /* Of the case that runs. */
    char prefix[SUITE_PREFIX_SIZE]; /* of its tables */
    farm_statement *statements;
    farm_store *store;
    farm_store *owner_store; /* the same as store when there is no owner */
    suite_client clients[SUITE_CLIENT_MAX];
    size_t client_count;
    suite_client owner;
    void *memory; /* freed after the case */
    pthread_mutex_t mutex;
    int32_t is_failed; /* guarded by mutex, as complaint is */
    char complaint[SUITE_TEXT_SIZE];
    const char *skipped; /* why */
};

/* A case: what must hold, as a sentence, and how it is tried. */
typedef struct suite_case {
    const char *sentence;
    void (*run)(conformance_suite *suite);
} suite_case;

typedef struct suite_group {
    const suite_case *cases;
    size_t count;
} suite_group;

extern const suite_group suite_connection_cases;
extern const suite_group suite_value_cases;
extern const suite_group suite_list_cases;
extern const suite_group suite_call_cases;
extern const suite_group suite_row_cases;
extern const suite_group suite_expect_cases;
extern const suite_group suite_fault_cases;
extern const suite_group suite_transaction_cases;
extern const suite_group suite_savepoint_cases;
extern const suite_group suite_isolation_cases;
extern const suite_group suite_thread_cases;
extern const suite_group suite_time_cases;

/* Claims. A case ends at the first that does not hold. */
void suite_complain(conformance_suite *suite, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int32_t suite_has_failed(conformance_suite *suite);
int32_t suite_claim_status(suite_client *client, farm_status expected, farm_status status,
                           const char *file, int line, const char *what);

#define CLAIM(suite, condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            suite_complain((suite), __FILE__, __LINE__, "%s", #condition);                         \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CLAIM_STATUS(client, expected, status)                                                     \
    do {                                                                                           \
        if (!suite_claim_status((client), (expected), (status), __FILE__, __LINE__, #status))      \
            return;                                                                                \
    } while (0)

#define CLAIM_OK(client, status) CLAIM_STATUS(client, FARM_OK, status)

#define CLAIM_FAULT(client, expected_status, expected_kind, expected_call, status)                 \
    do {                                                                                           \
        CLAIM_STATUS(client, expected_status, status);                                             \
        CLAIM((client)->suite, (client)->fault.kind == (expected_kind));                           \
        CLAIM((client)->suite, (client)->fault.call == (expected_call));                           \
    } while (0)

/* Zeroed memory, until the case ends. Without memory the program ends: nothing can be claimed. */
void *suite_allocate(conformance_suite *suite, size_t count, size_t size);

/* The name of item 17 among many: "n17". */
const char *suite_numbered(conformance_suite *suite, size_t number);

/* Connections of a case: closed after it. NULL when it failed, which is then the case's failure. */
suite_client *suite_open(conformance_suite *suite);
/* One in a transaction that writes and has added item 1, "one", of the amount 1. */
suite_client *suite_open_begun(conformance_suite *suite);
farm_status suite_try_open(conformance_suite *suite, int64_t timeout_us, suite_client **out);
/* SQL with the tokens of conformance_statements.h. */
char *suite_expand(conformance_suite *suite, const char *sql);

farm_status client_begin(suite_client *client, uint32_t flags);
farm_status client_run(suite_client *client, farm_call *calls, size_t count, uint32_t flags);
farm_status client_commit(suite_client *client);
farm_status client_undo(suite_client *client);
farm_status client_script(suite_client *client, const char *sql);
void client_rollback(suite_client *client);
void client_set_timeout(suite_client *client, int64_t timeout_us);
int32_t client_has_transaction(suite_client *client);
void client_close(suite_client *client);

/* Calls. A statement without parameters that vary by row takes one row, and rows is NULL. */
farm_call call_of(const conformance_suite *suite, uint32_t statement, const farm_value *shared,
                  const farm_value *rows, size_t row_count);
/* A call of its own run. */
farm_status client_do(suite_client *client, uint32_t statement, uint32_t flags,
                      const farm_value *shared, const farm_value *rows, size_t row_count);
/* The integer that the first row begins with; INT64_MIN and a complaint when there is none. */
int64_t client_number(suite_client *client, uint32_t statement, uint32_t flags,
                      const farm_value *shared);

/* The tables' usual content: an item with a name; how many there are; the amount of one. */
farm_status item_add(suite_client *client, uint32_t flags, int64_t key, const char *name,
                     int64_t amount);
farm_call item_add_call(conformance_suite *suite, int64_t key, const char *name, int64_t amount);
int64_t item_count(suite_client *client, uint32_t flags);
int64_t item_amount(suite_client *client, uint32_t flags, int64_t key);

farm_value integer(int64_t number);
farm_value text(const char *words);
farm_value text_sized(const char *words, size_t size);
farm_value blob(const void *bytes, size_t size);
farm_value list(const farm_value *values, size_t count);
farm_value null(void);
int32_t value_equals(const farm_value *left, const farm_value *right);

/* Rows as they were handed over, copied. */
typedef struct collected {
    conformance_suite *suite;
    size_t columns;
    size_t count;
    size_t capacity;
    size_t limit; /* ask for no more after so many; 0: all */
    size_t *ordinals;
    farm_value *values; /* columns of each row, row after row */
} collected;

collected *suite_collect(conformance_suite *suite, size_t columns);
void call_collect(farm_call *call, collected *rows);
const farm_value *collected_value(const collected *rows, size_t row, size_t column);

/* Threads: each gets a client of its own and its place among them. They note what they find in
 * counts; the case claims. */
typedef struct worker {
    suite_client *client;
    size_t place;
    int64_t done_count;
    int64_t refused_count;
    farm_status status; /* the first that was not expected */
} worker;

/* Run them all and wait; 0 when that could not be done, which is then the case's failure. */
int32_t suite_run_workers(conformance_suite *suite, worker *workers, size_t count,
                          void *(*function)(void *worker));

#endif
