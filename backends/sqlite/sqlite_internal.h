/* What the files of the SQLite backend share: the store, the file behind it with its queue of
 * writers, the connection, the transaction that writers share, and who does what. Nothing here is
 * public. */
#ifndef SQLITE_INTERNAL_H
#define SQLITE_INTERNAL_H

#include <farmcore/backend.h>
#include <farmcore/base.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

/* As a deadline: there is none. */
#define SQLITE_NEVER_US INT64_MAX

/* What a connection holds of its file. Readers of a file need no turn: WAL gives each a snapshot.
 * Readers of a memory database do, see sqlite_queue.c. */
enum { TURN_NONE, TURN_SHARED, TURN_EXCLUSIVE };

/* One in the queue, and afterwards perhaps one of those who wait for the commit that they share. It
 * belongs to a connection and is used for one wait after the other. */
typedef struct sqlite_waiter {
    struct sqlite_waiter *next;
    pthread_cond_t wake;
    const atomic_int *is_interrupted;
    const struct sqlite_writer *writer; /* whose shared transaction it may join; NULL: none */
    int32_t kind;
    int32_t is_granted;
    int32_t has_waited; /* for its turn: others are about */
    int32_t is_joining; /* the turn came with the shared transaction open */

    int32_t is_settled;  /* the outcome is known */
    int32_t is_unstored; /* it has stored nothing: to it a failed commit means that what it went by
                          * was never true */
    farm_status status;  /* it, */
    farm_fault *outcome; /* and where to put why */
} sqlite_waiter;

/* One database of this process, however many stores and connections are on it. */
typedef struct sqlite_file {
    struct sqlite_file *next; /* in the list of files; guarded by the list's mutex */
    uint64_t device;
    uint64_t inode;
    uint32_t references;
    int32_t is_listed;

    pthread_mutex_t mutex; /* guards the rest */
    sqlite_waiter *first;
    sqlite_waiter *last;
    uint32_t shared_count;
    int32_t is_exclusive;

    struct sqlite_writer *writers; /* guarded by the list's mutex, too */
} sqlite_file;

struct farm_store {
    const farm_statement *statements;
    uint32_t statement_count;
    uint32_t *offsets;   /* where a statement's steps begin in a connection's cache */
    uint32_t step_count; /* of all statements */
    const char *path;    /* in the URI, which lives as long; "" when only for adopting */
    int32_t is_memory;
    int32_t is_durable; /* durability=full */
    char memory_uri[64];
    sqlite3 *anchor;          /* keeps a memory database alive */
    sqlite_file *memory_file; /* its queue */
};

/* A prepared step. */
typedef struct sqlite_prepared {
    sqlite3_stmt *handle; /* NULL: not yet */
    int32_t parameter_count;
    int32_t column_count;
    int32_t is_readonly;
    int32_t is_bound; /* the shared parameters are, for the call that runs */
} sqlite_prepared;

/* The statements that move transactions. */
enum {
    CONTROL_BEGIN_READ,
    CONTROL_BEGIN_WRITE,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVE,
    CONTROL_RELEASE,
    CONTROL_UNDO,
    CONTROL_JOIN,
    CONTROL_STAY,
    CONTROL_QUIT,
    CONTROL_COUNT
};

/* An open handle with what is prepared on it. */
typedef struct sqlite_engine {
    sqlite3 *handle;       /* NULL: not open */
    farm_connection *user; /* whose statements run on it: what its hooks go by */
    int32_t is_broken;     /* drop the handle once the transaction is over */
    sqlite_prepared controls[CONTROL_COUNT];
    sqlite_prepared *cache; /* step_count of them, in the order of the statements */
    uint32_t step_count;
} sqlite_engine;

/* The transaction that brief operations share, and the handle that it is on; see sqlite_group.c.
 * One for all connections to a file that know the same statements and ask for the same durability:
 * nobody's commit is weaker than he asked for. */
typedef struct sqlite_writer {
    struct sqlite_writer *next; /* of the file; guarded by the list's mutex, as these are: */
    uint32_t references;
    int32_t is_durable;
    uint32_t statement_count;
    const char *const **steps; /* of each statement */

    /* The rest is for whoever has the file's turn. */
    sqlite_engine engine;
    int64_t retry_us;       /* it could not be opened: not again before then */
    int64_t begun_us;       /* when the transaction did */
    uint32_t count;         /* members whose changes are in it */
    sqlite_waiter *members; /* who wait for its outcome; with the file's mutex */
    int32_t has_company;    /* the last transaction had more than one member */
    int32_t log_pages;      /* in the log after its last commit */
    int32_t due_pages;      /* how many make a checkpoint due */
} sqlite_writer;

struct farm_connection {
    farm_store *store;
    sqlite_engine own;     /* its handle is dropped after a failure, and made anew when next used */
    sqlite_engine *engine; /* where its statements run: its own, or the writer's */
    sqlite_file *file;     /* where its turns are taken */
    sqlite_writer *writer; /* whose transaction it may share; NULL: none */
    pthread_mutex_t guard; /* own.handle and file, against interrupt() from another thread */
    sqlite_waiter waiter;
    int32_t is_adopted;
    int32_t is_readonly;

    int32_t turn;       /* TURN_… */
    int32_t begun;      /* FARM_BEGIN_… of begin(), 0: none */
    int32_t is_failed;  /* a run in it has, and nothing has undone that */
    uint32_t depth;     /* savepoints of ours */
    int32_t is_unsaved; /* a run failed before it had set its own: undo has nothing to take back */

    int32_t is_member;  /* it is at work in the writer's transaction */
    int32_t has_left;   /* after a failure; what it began it has yet to end */
    int32_t is_writing; /* the statement that runs does */
    int32_t is_evicted; /* it kept the other members waiting for too long */
    int32_t goes_alone; /* next time, for that reason */
    int64_t joined_us;

    int64_t deadline_us; /* of sqlite_now_us() */
    atomic_int is_running;
    atomic_int is_interrupted;
    int32_t is_settling; /* neither deadline nor interrupt count: it commits or rolls back */

    /* What the commit hook goes by; see sqlite_engine.c. */
    int32_t is_committing;
    int32_t is_vetoed;
    int64_t expected; /* rows that an autocommitted statement must return; -1: any number */
    int64_t returned;

    farm_value *row;
    size_t row_capacity;

    sqlite_prepared ahead;   /* prepared to learn whether it writes, for the call that follows */
    sqlite_prepared version; /* PRAGMA data_version, for wait() */
    int64_t data_version;
    int32_t has_data_version; /* -1: had one, and may have missed changes since */
    uint64_t jitter;
};

/* sqlite_file.c */
/* The file at that place, known to all of this process; its reference is the caller's. */
farm_status sqlite_file_enter(const char *path, sqlite_file **out, farm_fault *fault);
/* FARM_EUNSUPPORTED when the parent process had it open at the fork; ask before opening. */
farm_status sqlite_file_check(const char *path, farm_fault *fault);
/* A file that only the holder of the pointer knows. */
farm_status sqlite_file_new(sqlite_file **out, farm_fault *fault);
sqlite_file *sqlite_file_share(sqlite_file *file);
void sqlite_file_leave(sqlite_file *file);
/* The file's writer for the connections of such a store, each with a reference of its own; the
 * handle is opened when it is needed and closed with the last. */
farm_status sqlite_writer_enter(sqlite_file *file, const farm_store *store, sqlite_writer **out,
                                farm_fault *fault);
void sqlite_writer_leave(sqlite_file *file, sqlite_writer *writer);

/* sqlite_queue.c */
int64_t sqlite_now_us(void);
int32_t sqlite_waiter_init(sqlite_waiter *waiter, const atomic_int *is_interrupted);
void sqlite_waiter_destroy(sqlite_waiter *waiter);
/* FARM_OK, FARM_EAGAIN after the deadline, FARM_ETIMEOUT after an interrupt. */
farm_status sqlite_queue_enter(sqlite_file *file, sqlite_waiter *waiter, int32_t kind,
                               int64_t deadline_us);
void sqlite_queue_leave(sqlite_file *file, int32_t kind);
/* With the file's mutex held and the turn: give the turn, and the writer's open transaction with
 * it, to whoever is first in line, if it may join. 0: it may not, or nobody is there. */
int32_t sqlite_queue_pass(sqlite_file *file, const sqlite_writer *writer);
/* Make the waiter look at its interrupt. */
void sqlite_queue_wake(sqlite_file *file, sqlite_waiter *waiter);

/* sqlite_engine.c */
/* Memory for what it will prepare. */
farm_status sqlite_engine_init(sqlite_engine *engine, uint32_t step_count);
farm_status sqlite_engine_open(const farm_store *store, sqlite3 **out, farm_fault *fault);
/* Settings and hooks for a handle that is open; the user waits for locks and is told of faults. */
farm_status sqlite_engine_set_up(sqlite_engine *engine, farm_fault *fault);
/* What moves transactions, beforehand: so a rollback needs no memory. */
farm_status sqlite_engine_ready(sqlite_engine *engine, farm_fault *fault);
/* Forget all that is prepared. The handle stays, for its owner to close. */
void sqlite_engine_clear(sqlite_engine *engine);
/* On the engine of the connection. */
farm_status sqlite_prepare(farm_connection *connection, const char *text, sqlite_prepared *out,
                           farm_fault *fault);
void sqlite_unprepare(sqlite_prepared *prepared);

/* sqlite_connection.c */
farm_status sqlite_open(farm_store *store, int64_t timeout_us, farm_connection **out,
                        farm_fault *fault);
farm_status sqlite_adopt(farm_store *store, void *native, farm_connection **out, farm_fault *fault);
void sqlite_close(farm_connection *connection);
void sqlite_set_timeout(farm_connection *connection, int64_t timeout_us);
void sqlite_interrupt(farm_connection *connection);
/* Every call that the library makes is between these two. start() connects again after a drop. */
farm_status sqlite_start(farm_connection *connection, farm_fault *fault);
farm_status sqlite_end(farm_connection *connection, farm_status status);
/* Sleep a little, for what another process holds: 0 when time is up. Also the busy handler. */
int sqlite_pause(void *context, int count);
/* FARM_ETIMEOUT when the deadline has passed or somebody interrupted. */
farm_status sqlite_check_time(farm_connection *connection, farm_fault *fault);

/* sqlite_transaction.c */
farm_status sqlite_begin(farm_connection *connection, uint32_t flags, farm_fault *fault);
farm_status sqlite_commit(farm_connection *connection, farm_fault *fault);
void sqlite_rollback(farm_connection *connection);
farm_status sqlite_abandon(farm_connection *connection, farm_fault *fault);
farm_status sqlite_undo(farm_connection *connection, farm_fault *fault);
int32_t sqlite_has_transaction(farm_connection *connection);
farm_status sqlite_turn_take(farm_connection *connection, int32_t kind, farm_fault *fault);
void sqlite_turn_leave(farm_connection *connection);
/* A writer's: with FARM_BEGIN_BRIEF perhaps as a member of the shared transaction. */
farm_status sqlite_writer_turn(farm_connection *connection, uint32_t flags, farm_fault *fault);
/* The turn that a transaction begun with those flags needs: TURN_… */
int32_t sqlite_turn_of(const farm_connection *connection, uint32_t begin_flags);
/* A BEGIN of either kind with its turn; when it fails nothing is held. */
farm_status sqlite_transaction_begin(farm_connection *connection, uint32_t flags,
                                     farm_fault *fault);
/* COMMIT, and whatever it says the transaction is over and the turn given back. */
farm_status sqlite_transaction_commit(farm_connection *connection, farm_fault *fault);
/* ROLLBACK, and the turn given back. */
void sqlite_transaction_end(farm_connection *connection);
/* Step one of the statements that move transactions: SQLITE_OK or what it said. */
int sqlite_control(farm_connection *connection, size_t control);
farm_status sqlite_savepoint_set(farm_connection *connection, farm_fault *fault);
farm_status sqlite_savepoint_release(farm_connection *connection, farm_fault *fault);
/* FARM_OK when the transaction that was begun, if any, can still go on. SQLite itself may have
 * rolled it back; and where it has not, what a failed run left behind must not be committed. */
farm_status sqlite_transaction_check(const farm_connection *connection, farm_fault *fault);

/* sqlite_group.c: the shared transaction. */
/* For how long a group takes members in, and one may keep others waiting. Variables for tests. */
extern int64_t sqlite_group_open_us;
extern int64_t sqlite_group_patience_us;
/* Take the turn for an operation that is brief and will write: where others are about, as a member
 * of the transaction that they share; the connection says afterwards whether it is. */
farm_status sqlite_group_enter(farm_connection *connection, farm_fault *fault);
/* The member has succeeded: FARM_OK once its changes are committed, never before. */
farm_status sqlite_group_finish(farm_connection *connection, farm_fault *fault);
/* The member has failed: its changes are undone, those of others go on. Returns the status, or
 * FARM_EAGAIN when what it went by was not committed. */
farm_status sqlite_group_leave(farm_connection *connection, farm_status status, farm_fault *fault);
/* Whether others wait for this member and have done so for too long. */
int32_t sqlite_group_is_overdue(const farm_connection *connection);
int32_t sqlite_group_has_company(const farm_connection *connection);

/* sqlite_run.c: decides how the calls of a run become one transaction. */
farm_status sqlite_run(farm_connection *connection, farm_call *calls, size_t count, uint32_t flags,
                       farm_fault *fault);
farm_status sqlite_script(farm_connection *connection, const char *sql, farm_fault *fault);
farm_status sqlite_wait(farm_connection *connection, const char *channel, int64_t timeout_us,
                        farm_fault *fault);

/* sqlite_call.c: one call: prepare, bind, step, hand over. */
farm_status sqlite_call_run(farm_connection *connection, farm_call *call, farm_fault *fault);
/* Whether they are all of the store's own table. */
int32_t sqlite_calls_are_numbered(const farm_store *store, const farm_call *calls, size_t count);
/* Whether the single step of an unnumbered call writes nothing. It is prepared to know that, and
 * stays so for the sqlite_call_run() that must be the next. */
farm_status sqlite_call_is_readonly(farm_connection *connection, farm_call *call, int32_t *out,
                                    farm_fault *fault);

/* sqlite_list.c */
int sqlite_list_register(sqlite3 *handle);
void sqlite_list_unregister(sqlite3 *handle);
/* The type of the pointers that parameters of type FARM_LIST are bound as. */
extern const char sqlite_list_type[];

/* sqlite_fault.c: each fills the fault in and returns its status. */
void sqlite_fault_clear(farm_fault *fault);
farm_status sqlite_fault_set(farm_fault *fault, farm_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
farm_status sqlite_fault_memory(farm_fault *fault);
/* After a call of SQLite on the connection answered result. */
farm_status sqlite_fault_result(farm_connection *connection, farm_fault *fault, int result);
/* The same for a text that the host or a migration wrote, when preparing it failed. */
farm_status sqlite_fault_text(farm_connection *connection, farm_fault *fault, int result);
/* The same when a commit had begun. */
farm_status sqlite_fault_commit(farm_connection *connection, farm_fault *fault, int result);
/* The same when opening failed. */
farm_status sqlite_fault_open(sqlite3 *handle, const char *path, farm_fault *fault, int result);

#endif
