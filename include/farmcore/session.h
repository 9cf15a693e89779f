/**
 * @file farmcore/session.h
 * A session: one caller's connection to one store, with its transaction, actor, clock and last
 * error. Also what concerns the store as a whole: migration, health, verification, housekeeping.
 *
 * A session is used by one thread at a time, as a `sqlite3 *` or a `PGconn *` is. A second thread
 * that enters while a call runs is turned away with FARM_EINVAL and disturbs nothing; so is a child
 * process after fork(). Only farm_session_interrupt() may come from anywhere.
 *
 * The URI says where the store is:
 * - `sqlite:shop.db`, `sqlite:/var/lib/shop.db`, `sqlite::memory:`
 * - `postgresql://user@host/database`: what libpq accepts, as a URI
 *
 * and, after a question mark, how to use it (`sqlite:shop.db?durability=normal`), each but once:
 *
 * | setting | for | words | default |
 * |---|---|---|---|
 * | clock | all | host, store | store where machines share it, else host |
 * | rate_uri | all | URI of the store that holds the rate limits, percent-encoded | this one |
 * | topics | all | notify, poll: how waits learn of signals; the same for all processes | notify |
 * | durability | sqlite | full, normal | full |
 * | schema | postgresql | the schema of the tables | farm |
 * | grant_to | postgresql | the role that farm_migrate() lets use the tables | nobody |
 * | prepare | postgresql | auto, on, off: named statements | auto: not behind a pooler |
 * | txn | postgresql | implicit, explicit: for engines that commit each statement | implicit |
 */
#ifndef FARMCORE_SESSION_H
#define FARMCORE_SESSION_H

#include <farmcore/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A session; see the top of this file. */
typedef struct farm_session farm_session;

/** Rows answered by farm_session_execute(). */
typedef struct farm_rows farm_rows;

/** A clock of the caller's. Both functions may be called from any thread. */
typedef struct farm_clock {
    uint32_t struct_size;
    uint32_t reserved;
    /** Nanoseconds since 1970-01-01 UTC. */
    int64_t (*real_ns)(void *context);
    /** Nanoseconds since any moment; never goes back. */
    int64_t (*monotonic_ns)(void *context);
    void *context;
} farm_clock;

/** A source of random bytes of the caller's, for ids, secrets and jitter. */
typedef struct farm_entropy {
    uint32_t struct_size;
    uint32_t reserved;
    /** Fill size bytes. Called from any thread. */
    void (*fill)(void *context, void *data, size_t size);
    void *context;
} farm_entropy;

/** How to open a session. Zero means the default everywhere. */
typedef struct farm_session_options {
    uint32_t struct_size;
    uint32_t
        try_count; /**< how often to try an operation that meets EAGAIN; default 8, up to 100 */
    int64_t timeout_us; /**< for connecting and for each operation; default 30 s; -1: no limit */
    const char *actor;  /**< as farm_session_set_actor(); NULL: nobody yet */
    const char *space;  /**< owner of definitions such as limits and flags; default "default" */
    const farm_clock *clock;     /**< NULL: the system's */
    const farm_entropy *entropy; /**< NULL: the system's */
} farm_session_options;

/** What farm_maintain() did. */
typedef struct farm_maintenance {
    uint32_t struct_size;
    int32_t is_done;       /**< 1: nothing is left for now; 0: the budget ended first */
    int64_t removed_count; /**< rows removed */
} farm_maintenance;

/**
 * Make a session that is not open yet, so that every later failure has a place for its text.
 *
 * @param out receives the session, or NULL.
 * @return FARM_OK
 * @return FARM_ENOMEM
 * @return FARM_EINVAL out is NULL.
 * Ownership: the caller's, for farm_session_free(). Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_session_new(farm_session **out);

/**
 * Open the store at a URI. Nothing is created but, on SQLite, an empty file: farm_migrate() makes
 * the tables. Operations refuse a schema that this library cannot work on.
 *
 * @param uri see the top of this file.
 * @param options NULL: all defaults.
 * @return FARM_OK
 * @return FARM_EINVAL the URI or an option is wrong, or the session is open.
 * @return FARM_EUNSUPPORTED no such backend, or options of a newer library.
 * @return FARM_EUNAVAILABLE the store cannot be reached.
 * @return FARM_EDENIED the store refused the user or the password.
 * @return FARM_ETIMEOUT
 * @return FARM_ECORRUPT the file is not a database.
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Ownership: nothing is kept of uri and options but the contexts of clock and entropy.
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_open(farm_session *session, const char *uri,
                                       const farm_session_options *options);

/**
 * Close: an open transaction is rolled back. The session can be opened again. Closing a session
 * that is not open does nothing.
 *
 * @param session NULL is allowed. Threads: the session's. Since 0.1.0.
 */
FARM_API void farm_session_close(farm_session *session);

/**
 * Close and free. In a child after fork() the connection is left to the parent.
 *
 * @param session NULL is allowed. Threads: the session's. Since 0.1.0.
 */
FARM_API void farm_session_free(farm_session *session);

/**
 * Begin a transaction that every operation of every module joins until farm_commit() or
 * farm_rollback(). An operation that fails inside undoes itself alone, and the transaction goes
 * on, unless it failed with EAGAIN, EUNAVAILABLE, EUNCERTAIN, ETIMEOUT or ENOMEM: then only
 * farm_rollback() is left. Nothing in here is retried by the library. On SQLite the writers of a
 * process take turns, so this waits for its turn.
 *
 * @return FARM_OK
 * @return FARM_EINVAL one is open already, or the session is not open.
 * @return FARM_EAGAIN the turn did not come within the session's time.
 * @return FARM_EUNAVAILABLE
 * @return FARM_ETIMEOUT
 * @return FARM_EUNSUPPORTED the schema is not one that this library can work on.
 * @return FARM_EREADONLY
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_begin(farm_session *session);

/**
 * Commit the transaction of farm_begin().
 *
 * @return FARM_OK
 * @return FARM_EINVAL none is open, or one that can only be rolled back: it is rolled back now.
 * @return FARM_EUNCERTAIN the answer was lost; repeat the operations with the same ids.
 * @return FARM_EAGAIN
 * @return FARM_ECONFLICT a deferred foreign key of the host's refuses the whole.
 * @return FARM_EUNAVAILABLE
 * @return FARM_ETIMEOUT
 * @return FARM_EFULL
 * Whatever it returns, the transaction is over. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_commit(farm_session *session);

/**
 * Roll back the transaction of farm_begin(); without one, nothing happens.
 *
 * Threads: the session's. Since 0.1.0.
 */
FARM_API void farm_rollback(farm_session *session);

/**
 * The error of the last call on this session; all zero and "" after a success.
 *
 * @return lives until the next call on the session; never NULL. Threads: the session's.
 * Since 0.1.0.
 */
FARM_API const farm_error *farm_session_error(const farm_session *session);

/**
 * The text of that error.
 *
 * @return lives until the next call on the session; "" after a success. Threads: the session's.
 * Since 0.1.0.
 */
FARM_API const char *farm_session_error_text(const farm_session *session);

/**
 * The module's reason of that error.
 *
 * @return 0 when there is none. Threads: the session's. Since 0.1.0.
 */
FARM_API int32_t farm_session_error_reason(const farm_session *session);

/**
 * Say on whose behalf the next operations act. Operations on another owner's rows answer EDENIED
 * or, where existence is private, ENOTFOUND; on Postgres the row policies hold the same line.
 * Until somebody is named, operations on anyone's rows answer EDENIED.
 *
 * @param key the user, 1 to FARM_KEY_MAX bytes; NULL: nobody.
 * @return FARM_OK
 * @return FARM_EINVAL too long, empty or not UTF-8.
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_set_actor(farm_session *session, const char *key);

/**
 * Act as the service itself, which sees and may do everything: for jobs, administration, tests.
 *
 * @return FARM_OK
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_set_service(farm_session *session);

/**
 * Bound each of the next operations, retries and waiting included.
 *
 * @param timeout_us microseconds, real time; 0: the option's; -1: no limit.
 * @return FARM_OK
 * @return FARM_EINVAL below -1.
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_set_timeout_us(farm_session *session, int64_t timeout_us);

/**
 * Make the call that runs on the session, if any, end with FARM_ETIMEOUT.
 *
 * Threads: any, while the session is not being closed. Since 0.1.0.
 */
FARM_API void farm_session_interrupt(farm_session *session);

/**
 * Freeze the session's clock, for tests and simulations in any language.
 *
 * @param now_us microseconds since 1970 UTC, 0 to 2200-01-01; -1 lets it run again.
 * @return FARM_OK
 * @return FARM_EINVAL out of range.
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_set_clock_us(farm_session *session, int64_t now_us);

/**
 * The session's time: frozen, or the clock's plus what the store's clock is ahead of it.
 *
 * @return microseconds since 1970 UTC. Threads: the session's. Since 0.1.0.
 */
FARM_API int64_t farm_session_now_us(farm_session *session);

/**
 * Make an id: a UUIDv7 (RFC 9562, 6.2 method 1) of the session's time and entropy, greater than
 * every one that this process made before.
 *
 * @param session NULL: the system's clock and entropy.
 * @param out receives the id.
 * Threads: the session's. Since 0.1.0.
 */
FARM_API void farm_id_new(farm_session *session, farm_id *out);

/**
 * Run one statement of the host's own on the session: inside farm_begin() it commits or vanishes
 * with the operations of the library; outside it is a transaction of its own, run again only when
 * the store was busy and nothing of it has happened. Parameters are ?1, ?2 … on SQLite and $1, $2 …
 * on Postgres, where a cast gives the type when it is not bigint, text or bytea.
 *
 * @param text one statement.
 * @param items its parameters. @param count how many, up to 1,000.
 * @param out receives the rows, perhaps none; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL the store does not understand it, or an argument is missing.
 * @return FARM_EEXISTS a unique key refuses it.
 * @return FARM_EREFUSED a check, or a NULL where none may be.
 * @return FARM_ECONFLICT a foreign key refuses it.
 * @return FARM_EAGAIN
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN also when it was run and there is no memory for its rows.
 * @return FARM_ETIMEOUT
 * @return FARM_EDENIED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Ownership: out is the caller's, for farm_rows_free(). Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_execute(farm_session *session, const char *text,
                                          const farm_value *items, size_t count, farm_rows **out);

/** How many rows there are. @return 0 for NULL. Threads: any. Since 0.1.0. */
FARM_API size_t farm_rows_count(const farm_rows *rows);

/** How many columns a row has. @return 0 without rows. Threads: any. Since 0.1.0. */
FARM_API size_t farm_rows_column_count(const farm_rows *rows);

/**
 * One value.
 *
 * @return lives as long as rows; NULL when there is no such row or column.
 * Threads: any. Since 0.1.0.
 */
FARM_API const farm_value *farm_rows_value(const farm_rows *rows, size_t row, size_t column);

/** Free rows. NULL is allowed. Threads: any. Since 0.1.0. */
FARM_API void farm_rows_free(farm_rows *rows);

/**
 * Bring the store's schema up to this library: each missing migration in a transaction of its own,
 * under a lock that also works behind a transaction pooler. Several processes may call it at once;
 * one does the work. Repeating it changes nothing. On Postgres the user must own the schema; give
 * the application another user (docs/backends.md).
 *
 * @return FARM_OK
 * @return FARM_EINVAL a transaction is open.
 * @return FARM_EUNSUPPORTED a newer library has made the schema one that this cannot work on.
 * @return FARM_ECORRUPT a migration that was applied is not the one that this library knows.
 * @return FARM_EDENIED the user may not create tables.
 * @return FARM_EREADONLY
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_migrate(farm_session *session);

/**
 * Whether the store answers, as a JSON object for any transport's /health:
 * `{"ok":true,"latency_ms":0.41,"version":"0.1.0","backend":"postgresql","schema":1}` and, when it
 * does not, `"ok":false` with `"error"`. A store that is slower than the gate is not ok.
 *
 * @param timeout_us the gate; 0: 500 ms.
 * @param out_text receives the text also when the store is down.
 * @return FARM_OK the text says whether all is well.
 * @return FARM_EINVAL
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_health(farm_session *session, int64_t timeout_us, char **out_text);

/**
 * Run the checks of every module: what must never be false, recomputed from the rows. Acts as the
 * service. Reads only.
 *
 * @param out_text receives JSON: `{"checks":[{"name":"roles.check_owner_count",
 * "violations":0}, …],"ok":true}`; a check with violations also lists the first ten as
 * `"found":[{"subject":…,"detail":…}, …]`.
 * @return FARM_OK the text says whether all is well.
 * @return FARM_EINVAL
 * @return FARM_EDENIED the actor is not the service.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_verify(farm_session *session, char **out_text);

/**
 * Do a bounded amount of housekeeping: expired rows of every module. Any process may call it at
 * any time, several at once too; what one leaves the next does.
 *
 * @param budget_count rows to remove at most, 1 to 100,000.
 * @param out what was done; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED the actor is not the service.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_maintain(farm_session *session, int64_t budget_count,
                                   farm_maintenance *out);

#ifdef __cplusplus
}
#endif
#endif
