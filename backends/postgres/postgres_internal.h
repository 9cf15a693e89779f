/* What the files of the Postgres backend share: the store, the connection, a pipeline, and who does
 * what. Nothing here is public.
 *
 * postgres.c              the table, the store, opening and closing
 * postgres_connect.c      making a connection, finding out what is behind it, dropping it
 * postgres_wait.c         the clock, waiting for the socket, interrupts, cancelling
 * postgres_transaction.c  begin, run, commit, rollback, undo: what goes into which pipeline
 * postgres_pipeline.c     sending a pipeline, and what its answers say about the commit
 * postgres_script.c       migrations and notifications: what needs no pipeline
 * postgres_encode.c       parameters          postgres_decode.c  rows
 * postgres_fault.c        SQLSTATEs           postgres_adopt.c   the door for hosts */
#ifndef POSTGRES_INTERNAL_H
#define POSTGRES_INTERNAL_H

#include <farmcore/backend.h>
#include <farmcore/base.h>
#include <libpq-fe.h>
#include <stdatomic.h>

/* As a deadline: there is none. */
#define POSTGRES_NEVER_US INT64_MAX

enum {
    POSTGRES_PLACE_SIZE = 96,
    POSTGRES_CHANNEL_SIZE = 64,
    POSTGRES_COMMAND_SIZE = 96,
    POSTGRES_NAME_SIZE = 24,  /* of a prepared statement */
    POSTGRES_COMMAND_MAX = 3, /* before the calls of a pipeline, and after them */
    POSTGRES_VERSION_MIN = 140000
};

/* Types as the server numbers them; they never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_BYTEA_ARRAY = 1001,
    OID_TEXT_ARRAY = 1009,
    OID_INT8_ARRAY = 1016,
    OID_VOID = 2278
};

/* What a URI lists with commas, one a host. */
enum { HOST_NAMES, HOST_ADDRESSES, HOST_PORTS, HOST_LIST_COUNT };

/* The setting `prepare`. */
enum { PREPARE_AUTO, PREPARE_ON, PREPARE_OFF };

/* Whether a step is prepared on a connection: sent means that its answer is under way. */
enum { MARK_NONE, MARK_SENT, MARK_READY };

/* Deferred: begun, and the server does not know yet. Over: the server has ended it, or it went with
 * its connection; the caller has yet to roll back. */
enum { TRANSACTION_NONE, TRANSACTION_DEFERRED, TRANSACTION_OPEN, TRANSACTION_OVER };

/* One step of a statement of the store's table. */
typedef struct postgres_step {
    uint64_t hash;  /* of its text and the types of its parameters; names the prepared statement */
    uint32_t place; /* in a connection's marks; equal texts share one */
} postgres_step;

struct farm_store {
    const farm_statement *statements;
    uint32_t statement_count;
    const char *uri;
    int32_t prepare;
    int32_t is_explicit;   /* txn=explicit */
    atomic_int is_unnamed; /* prepare=auto has met a pooler that loses named statements */
    uint32_t *first_steps; /* by number of a statement: where its steps begin */
    postgres_step *steps;
    uint32_t step_count;
    int64_t connect_timeout_us;      /* of the URI, for each host; 0: none */
    char *hosts[HOST_LIST_COUNT];    /* when the URI names several: lists with commas, or NULL */
    uint32_t host_count;             /* 1 also when the URI names none */
    char place[POSTGRES_PLACE_SIZE]; /* for people: "the server 127.0.0.1:5432" */
};

/* Memory for parameters and rows, grown before anything is sent and then used again. */
typedef struct postgres_scratch {
    Oid *types;
    const char **values;
    int *sizes;
    int *formats;
    size_t parameter_capacity;
    unsigned char *bytes;
    size_t byte_count;
    size_t byte_capacity;
    farm_value *row;
    int *columns; /* those of the result that are values */
    size_t column_capacity;
} postgres_scratch;

struct farm_connection {
    farm_store *store;
    PGconn *handle; /* NULL: dropped, made anew when next used */
    int32_t is_adopted;
    int32_t was_nonblocking; /* as the host had it */
    int32_t is_pooled;       /* other servers may answer behind the same socket */
    int32_t is_explicit;     /* a pipeline needs BEGIN and COMMIT to be a transaction */
    int32_t uses_names;
    int32_t is_stale;  /* to be made anew before it is used again outside a transaction */
    int32_t has_ended; /* the server has said so unasked */

    int32_t transaction;
    uint32_t begin_flags;
    uint32_t depth;     /* of savepoints */
    int32_t is_unsaved; /* a run failed before it had set its own: undo has nothing to take back */

    int64_t deadline_us;
    int32_t is_overdue; /* this call's time is over; what is left is to find out how it went */
    atomic_int is_interrupted;
    int wake[2]; /* a pipe: an interrupt writes, whoever waits reads */

    uint8_t *marks; /* by postgres_step.place */
    postgres_scratch scratch;
    char channel[POSTGRES_CHANNEL_SIZE]; /* that somebody waited for; "": none */
    int32_t is_listening;                /* to it, since this connection was made */
};

/* Where a pipeline is: in sending, and in reading the answers. */
enum { PHASE_BEFORE, PHASE_CALLS, PHASE_AFTER, PHASE_SYNC };

typedef struct postgres_position {
    int32_t phase;
    uint32_t step;
    size_t index; /* of a command or of a call */
    size_t row;
} postgres_position;

/* One pipeline: commands, calls, commands, and a Sync. The first part is the plan, the rest is what
 * became of it. */
typedef struct postgres_pipeline {
    farm_connection *connection;
    farm_call *calls;
    size_t call_count;
    const char *before[POSTGRES_COMMAND_MAX];
    const char *after[POSTGRES_COMMAND_MAX];
    uint32_t before_count;
    uint32_t after_count;
    int32_t commits;    /* its end commits: the last command, or else the Sync */
    int32_t only_reads; /* so that a lost commit loses nothing */
    farm_fault *fault;

    postgres_position sent;
    postgres_position read;
    int32_t uses_names;
    int32_t is_failed; /* the fault is set */
    int32_t is_lost;   /* the connection cannot be used any more */
    int32_t is_commit_sent;
    int32_t is_committed;
    int32_t is_synced;    /* all answers are there */
    int32_t is_doubtful;  /* the failure does not prove that nothing was committed */
    int32_t is_outdated;  /* it is of a plan that no longer fits the tables */
    int32_t has_rows;     /* some have been handed over */
    uint32_t empty_count; /* answers in a row that were none */
    farm_status decoded;  /* FARM_OK, or what is wrong with a row; the fault is set */
    size_t skipped_call;  /* wants no more rows */
} postgres_pipeline;

/* postgres_fault.c */
void postgres_fault_clear(farm_fault *fault);
farm_status postgres_fault_set(farm_fault *fault, farm_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What a result with an error says. is_ad_hoc: the statement is the host's own. */
farm_status postgres_fault_result(farm_fault *fault, const PGresult *result, int32_t is_ad_hoc);
/* What a SQLSTATE of five characters says when the server refuses a connection. */
farm_status postgres_fault_state(farm_fault *fault, const char *state);
/* Whether the server, or what poses as it, ended the connection with this. */
int32_t postgres_result_is_fatal(const PGresult *result);
int32_t postgres_fault_is(const farm_fault *fault, const char *state);

/* postgres_wait.c */
int64_t postgres_now_us(void);
int64_t postgres_deadline_us(int64_t timeout_us);
/* Begin a call: an interrupt from before it does not count. */
void postgres_call_begin(farm_connection *connection, farm_fault *fault);
/* Wait until the socket can be read or, when wanted, written; 0: the time is over or somebody
 * interrupted, and the connection is overdue. */
int32_t postgres_wait_socket(farm_connection *connection, int32_t wants_read, int32_t wants_write,
                             int64_t deadline_us);
/* Whether something has arrived, or the connection has ended. */
int32_t postgres_is_readable(const farm_connection *connection);
/* PQconsumeInput() until the layer of encryption holds nothing back. */
int32_t postgres_read_input(PGconn *handle);
farm_status postgres_wait_fault(const farm_connection *connection, farm_fault *fault);
/* Ask the server to end what it is doing; waits a moment at most. */
void postgres_cancel(farm_connection *connection);
/* The same when the time is over, until *grace_us, which is 0 before the first: a cancel that comes
 * before the statement begins is lost, so at the new *deadline_us it is due again. 0: the server
 * had its time. */
int32_t postgres_urge(farm_connection *connection, int64_t *deadline_us, int64_t *grace_us);
int32_t postgres_wake_open(farm_connection *connection);
void postgres_wake_close(farm_connection *connection);
void postgres_interrupt(farm_connection *connection);

/* postgres_connect.c */
farm_status postgres_connect(farm_connection *connection, farm_fault *fault);
/* Whether a host's connection can be used now. */
farm_status postgres_check_host(farm_connection *connection, farm_fault *fault);
/* Find out whether a pooler is in front and whether a pipeline is a transaction. */
farm_status postgres_probe(farm_connection *connection, farm_fault *fault);
/* Give the connection up. A host's is shut down, so that the host sees it broken. */
void postgres_drop(farm_connection *connection);
/* Take what has come unasked: a notice, a notification, or the end. */
int32_t postgres_is_alive(farm_connection *connection);
/* Outside a transaction: make sure that there is a live connection. */
farm_status postgres_revive(farm_connection *connection, farm_fault *fault);
/* Around everything that is sent: a host's connection is put into our mode and back. */
farm_status postgres_enter(farm_connection *connection, int32_t is_pipeline, farm_fault *fault);
void postgres_leave(farm_connection *connection);

/* postgres_pipeline.c */
farm_status postgres_pipeline_run(postgres_pipeline *pipeline);

/* postgres_encode.c */
/* The type that a parameter is sent as. */
Oid postgres_parameter_type(const farm_statement *statement, uint32_t index);
/* How often a call executes its steps: once when its rows go as arrays, 0 when there is nothing to
 * do. */
size_t postgres_execution_count(const farm_call *call);
/* Make room for all that the calls need, and check that it can be sent. */
farm_status postgres_encode_reserve(farm_connection *connection, const farm_call *calls,
                                    size_t count, farm_fault *fault);
/* Put one execution's parameters into the scratch; returns their bytes. The room was reserved. */
size_t postgres_encode(postgres_scratch *scratch, const farm_call *call, size_t row);
int32_t postgres_reserve_columns(postgres_scratch *scratch, size_t count);
void postgres_scratch_free(postgres_scratch *scratch);

/* postgres_decode.c */
/* Hand over the rows of one result of a call's last step. */
farm_status postgres_decode(postgres_pipeline *pipeline, PGresult *result);
/* The rows that one step has changed. */
int64_t postgres_changes(const postgres_pipeline *pipeline, PGresult *result);

/* postgres_transaction.c */
farm_status postgres_begin(farm_connection *connection, uint32_t flags, farm_fault *fault);
farm_status postgres_run(farm_connection *connection, farm_call *calls, size_t count,
                         uint32_t flags, farm_fault *fault);
farm_status postgres_commit(farm_connection *connection, farm_fault *fault);
void postgres_rollback(farm_connection *connection);
farm_status postgres_undo(farm_connection *connection, farm_fault *fault);
int32_t postgres_has_transaction(farm_connection *connection);
/* Send a deferred BEGIN, for what cannot ride in a pipeline with it. */
farm_status postgres_begin_now(farm_connection *connection, farm_fault *fault);
/* After a call: what became of the transaction. */
void postgres_settle(farm_connection *connection, int32_t is_lost);

/* postgres_script.c */
farm_status postgres_script(farm_connection *connection, const char *sql, farm_fault *fault);
farm_status postgres_listen(farm_connection *connection, const char *channel, int64_t timeout_us,
                            farm_fault *fault);

#endif
