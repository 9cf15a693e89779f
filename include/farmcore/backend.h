/**
 * @file farmcore/backend.h
 * The storage boundary: what a backend supplies, and nothing else.
 *
 * Include this to write a backend; applications do not need it. The library hands a backend named
 * statements with typed parameters. A backend knows how to run them and nothing of what they mean:
 * it holds no business SQL, formats no value into text, neither logs nor retries nor reads the
 * environment, allocates with farm_allocate(), and its fault texts are one line without secrets.
 * A backend is done when the conformance suite (share/farmcore/conformance) passes on it.
 */
#ifndef FARMCORE_BACKEND_H
#define FARMCORE_BACKEND_H

#include <farmcore/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct farm_session;

/** The type of a parameter or column: FARM_INTEGER, FARM_TEXT or FARM_BLOB, and perhaps flags. */
enum {
    FARM_TYPE_MASK = 15,
    FARM_TYPE_NULLABLE = 16, /**< may be FARM_NULL */
    FARM_TYPE_LIST = 32      /**< a FARM_LIST of that type, for IN (…) */
};

/** Flags of a statement. */
enum {
    FARM_STATEMENT_READS = 1, /**< writes nothing */
    /**
     * The parameters that vary by row are sent as one array each, in one execution. A statement
     * with columns then answers the row's ordinal (0-based) as a first column of its own.
     */
    FARM_STATEMENT_ARRAYS = 2
};

/** Statements that are not in the table given to store_open have this number: do not cache them. */
#define FARM_STATEMENT_UNNUMBERED UINT32_MAX

/** One named statement in one dialect. Generated from .sql files; parameters are ?1… or $1…. */
typedef struct farm_statement {
    const char *name;         /**< "rate.bucket_take" */
    const char *const *steps; /**< the texts to run in order; all take the same parameters */
    uint32_t step_count;      /**< 0: this dialect has nothing to do */
    uint32_t flags;           /**< FARM_STATEMENT_… */
    const uint8_t *params;    /**< types: the shared ones first, then those that vary by row */
    const uint8_t *columns;   /**< types of the columns of the last step's rows */
    uint32_t param_count;
    uint32_t shared_count; /**< how many of them are shared by all rows of a call */
    uint32_t column_count;
    /**
     * How many rows the last step must change or return for each parameter row; -1: any number.
     * A miss is FARM_FAULT_GUARD and the run has no effect. The texts of the dialect "postgres"
     * see to it themselves: they raise SQLSTATE FM001.
     */
    int32_t expect;
    uint32_t number; /**< its place in the table, for the cache of prepared statements */
    uint32_t reserved;
} farm_statement;

/**
 * Called for each row of the last step; the values live only during the call.
 *
 * @param ordinal the parameter row that it answers, 0-based.
 * @return 0 to go on; anything else: enough, the other rows of this call are skipped.
 */
typedef int32_t (*farm_row_function)(void *context, size_t ordinal, const farm_value *row);

/** One statement with its parameter rows. */
typedef struct farm_call {
    const farm_statement *statement;
    const farm_value *shared; /**< statement->shared_count values */
    const farm_value *rows;   /**< row after row, param_count - shared_count values each */
    size_t row_count; /**< at least 1 unless the statement varies by row; 0: nothing to do */
    farm_row_function on_row; /**< NULL: rows are not wanted */
    void *context;
    int64_t changes; /**< out: rows inserted, updated or deleted by all steps and rows */
    /** out, set before the first row: how many values a row has. Equals the statement's
     * column_count but for unnumbered statements, of which only the store knows. */
    size_t column_count;
} farm_call;

/** The class of a failed statement, by which the library looks up what it means. */
enum {
    FARM_FAULT_OTHER = 0,
    FARM_FAULT_UNIQUE = 1,
    FARM_FAULT_CHECK = 2,
    FARM_FAULT_NULL = 3,
    FARM_FAULT_FOREIGN = 4,
    FARM_FAULT_GUARD = 5
};

/** What went wrong, filled in by the backend. */
typedef struct farm_fault {
    farm_status status;
    int32_t kind;    /**< FARM_FAULT_… */
    int32_t call;    /**< index of the call that failed, or -1 */
    int32_t ordinal; /**< its parameter row, or -1 when that is not known */
    char native[8];  /**< SQLSTATE, or the store's own number */
    char text[160];  /**< one line; no statement, no value, no secret */
} farm_fault;

/** What is shared by the connections to one URI. Each backend defines its own. */
typedef struct farm_store farm_store;
/** One connection; used by one thread at a time. Each backend defines its own. */
typedef struct farm_connection farm_connection;

/** One `name=value` of the URI. */
typedef struct farm_setting {
    const char *name;
    const char *value;
} farm_setting;

/** What store_open is given; it all lives until store_close. */
typedef struct farm_store_config {
    uint32_t struct_size;
    uint32_t statement_count;
    const farm_statement *statements;
    const char *uri; /**< without the settings that the library or the backend takes out */
    const farm_setting *settings; /**< those that the backend names in its own table */
    size_t setting_count;
} farm_store_config;

/** A setting of the URI that a backend takes, with the words that it allows. */
typedef struct farm_setting_rule {
    const char *name;
    const char *words; /**< "full|normal|off"; NULL: any text */
} farm_setting_rule;

/** What a backend can. */
enum {
    /** The rest of the URI's query is the backend's own business (libpq's parameters). */
    FARM_BACKEND_KEEPS_QUERY = 1,
    /** Several machines may share the store: its clock is the one to go by. */
    FARM_BACKEND_SHARED = 2
};

/** How a transaction begins. */
enum {
    FARM_BEGIN_READ = 1, /**< it will write nothing */
    FARM_BEGIN_WRITE = 2,
    /**
     * Added to one of the others: an operation of the library's that ends within moments, waits for
     * nobody and uses statements of the table alone. A backend may commit several such together, as
     * long as none is told FARM_OK before all of it is stored, each can fail by itself, and a
     * failure that is owed to what another wrote is told as one only after that is stored. It may
     * ignore the flag. Without it the host holds the transaction: it is nobody else's.
     */
    FARM_BEGIN_BRIEF = 4
};

/** Flags of run. */
enum {
    FARM_RUN_COMMIT = 1,    /**< commit when all calls succeeded */
    FARM_RUN_READ = 2,      /**< without a transaction open: the calls write nothing */
    FARM_RUN_SAVEPOINT = 4, /**< set a savepoint before the calls (inside a transaction only) */
    FARM_RUN_RELEASE = 8    /**< release the innermost savepoint after the calls */
};

/**
 * A backend: a table of functions. All but the optional ones must be set.
 *
 * Transactions. Without begin, run must carry FARM_RUN_COMMIT and its calls are one transaction
 * of their own. begin may be deferred to the first run. When run fails outside a savepoint, the
 * transaction can only be rolled back; when it fails and a savepoint is set, undo takes everything
 * since the savepoint back and the transaction goes on — unless the status is EAGAIN, EUNAVAILABLE,
 * EUNCERTAIN, ETIMEOUT or ENOMEM: then it, too, can only be rolled back. After a failed run with
 * FARM_RUN_SAVEPOINT undo takes back that run and nothing else, also where it failed before its
 * savepoint was set. A failed run with FARM_RUN_COMMIT and no begin has rolled back already.
 * Savepoints nest. All runs of a transaction that was begun with FARM_BEGIN_READ see the store as
 * it was at one moment.
 *
 * Constraints. A NULL where none may be is EREFUSED with FARM_FAULT_NULL, as a check is with its
 * own class. The texts of the dialect "sqlite" call farm_list(?n), a table of the values of a
 * parameter of type FARM_LIST, which the backend supplies.
 *
 * Rows. run stops at the first failure and says which call; what came before in the same run is
 * then without effect, but its rows may have been handed over.
 *
 * Outcomes. A lost answer to a commit is EUNCERTAIN; anything else that fails is certain not to
 * have happened.
 */
typedef struct farm_backend {
    uint32_t struct_size;
    uint32_t capabilities; /**< FARM_BACKEND_… */
    const char *scheme;    /**< of the URI: "sqlite", "postgresql" */
    const char *dialect;   /**< which statement texts to hand over: "sqlite" or "postgres" */
    const farm_setting_rule *settings; /**< ended by a NULL name; NULL: none */

    /** Make what the connections share. Must not wait for the network. */
    farm_status (*store_open)(const farm_store_config *config, farm_store **out, farm_fault *fault);
    /** All connections are closed. */
    void (*store_close)(farm_store *store);

    /** Connect, within timeout_us (0: no limit). */
    farm_status (*open)(farm_store *store, int64_t timeout_us, farm_connection **out,
                        farm_fault *fault);
    /** Roll back what is open, and close. Cannot fail. */
    void (*close)(farm_connection *connection);

    /** The calls from here on may together take this long; 0: no limit. */
    void (*set_timeout)(farm_connection *connection, int64_t timeout_us);
    farm_status (*begin)(farm_connection *connection, uint32_t flags, farm_fault *fault);
    farm_status (*run)(farm_connection *connection, farm_call *calls, size_t count, uint32_t flags,
                       farm_fault *fault);
    farm_status (*commit)(farm_connection *connection, farm_fault *fault);
    /** Cannot fail: a connection that cannot roll back is dropped and made anew when next used. */
    void (*rollback)(farm_connection *connection);
    /** Roll back to the innermost savepoint and release it. */
    farm_status (*undo)(farm_connection *connection, farm_fault *fault);
    /** Run several statements separated by semicolons, for migrations. */
    farm_status (*script)(farm_connection *connection, const char *sql, farm_fault *fault);
    /** Whether the store has a transaction open, whoever began it. */
    int32_t (*has_transaction)(farm_connection *connection);

    /* Optional from here on: may be NULL. */

    /** Use a connection that the host opened and will close; native is the driver's own handle. */
    farm_status (*adopt)(farm_store *store, void *native, farm_connection **out, farm_fault *fault);
    /** Make a running call fail with ETIMEOUT; from any thread. */
    void (*interrupt)(farm_connection *connection);
    /**
     * Wait until somebody notifies the channel: FARM_OK, or FARM_ETIMEOUT, which says that it has
     * listened, be it briefly, and listens on until the next wait, so that what comes between two
     * waits is not lost. Where it could not begin to listen: another status. May answer FARM_OK
     * for no reason, and must when it may have missed a word. timeout_us > 0.
     */
    farm_status (*wait)(farm_connection *connection, const char *channel, int64_t timeout_us,
                        farm_fault *fault);
    /**
     * Roll back, for an operation that was refused for what it has read: FARM_OK, or FARM_EAGAIN
     * when that was never stored. For backends that commit brief transactions together and so let
     * one read what another has yet to commit; NULL: rollback does, as what is read is stored.
     */
    farm_status (*abandon)(farm_connection *connection, farm_fault *fault);
} farm_backend;

/**
 * Make a backend known by its scheme. The ones built in are known already.
 *
 * @param backend lives as long as the process.
 * @return FARM_OK also when the very same table is registered again.
 * @return FARM_EEXISTS another backend has that scheme.
 * @return FARM_EINVAL a required function or name is missing.
 * @return FARM_EFULL there are 16 already.
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_backend_register(const farm_backend *backend);

/**
 * The backend of a scheme, for decorators that wrap it.
 *
 * @param key the scheme, such as "sqlite".
 * @return the table, or NULL. Threads: any. Since 0.1.0.
 */
FARM_API const farm_backend *farm_backend_find(const char *key);

/**
 * Open a session on a connection of the host: what farmcore/sqlite.h and farmcore/postgres.h call.
 * Inside a transaction of the host every operation joins it, under a savepoint of its own; outside,
 * every operation is a transaction of its own.
 *
 * @param session made by farm_session_new(), not open.
 * @param native the driver's handle; open and unused by others until farm_session_close().
 * @param uri where the backend finds the same store; its settings count. May be just "sqlite:".
 * @param options as farm_session_open().
 * @return FARM_OK
 * @return FARM_EINVAL an argument is missing or the session is open.
 * @return FARM_EUNSUPPORTED the backend cannot adopt, or the handle's settings forbid it.
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
struct farm_session_options;
FARM_API farm_status farm_session_adopt(struct farm_session *session, const farm_backend *backend,
                                        void *native, const char *uri,
                                        const struct farm_session_options *options);

#ifdef __cplusplus
}
#endif
#endif
