/* Transactions: which BEGIN, SAVEPOINT, RELEASE and COMMIT ride with the calls of a run, and what
 * is left of the transaction when one fails. */
#include "postgres_internal.h"
#include <stdio.h>
#include <string.h>

enum {
    RUN_TRIES = 3,   /* of the same run, when a prepared statement has gone */
    END_US = 1000000 /* at least so long for a rollback, however late it is */
};

static const char over_text[] = "the transaction is over and can only be rolled back";

/* The host has a transaction open on its own connection. */
static int32_t is_hosted(const farm_connection *connection) {
    if (!connection->is_adopted || connection->transaction != TRANSACTION_NONE) return 0;
    PGTransactionStatusType status = PQtransactionStatus(connection->handle);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* Nothing that was done on the server depends on this connection. */
static int32_t is_outside(const farm_connection *connection) {
    return !is_hosted(connection) && (connection->transaction == TRANSACTION_NONE ||
                                      connection->transaction == TRANSACTION_DEFERRED);
}

int32_t postgres_has_transaction(farm_connection *connection) {
    if (connection->transaction == TRANSACTION_DEFERRED) return 1;
    if (connection->handle == NULL) return 0;
    PGTransactionStatusType status = PQtransactionStatus(connection->handle);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

farm_status postgres_begin(farm_connection *connection, uint32_t flags, farm_fault *fault) {
    postgres_call_begin(connection, fault);
    if (connection->transaction != TRANSACTION_NONE || is_hosted(connection))
        return postgres_fault_set(fault, FARM_EINVAL, "a transaction is open already");
    connection->transaction = TRANSACTION_DEFERRED;
    connection->begin_flags = flags;
    connection->depth = 0;
    return FARM_OK;
}

/* Commands outside the calls: they have the caller's time, or a little when that is over. */
static farm_status send_commands(farm_connection *connection, const char *const *commands,
                                 uint32_t count, farm_fault *fault) {
    postgres_pipeline pipeline = {.connection = connection, .before_count = count, .fault = fault};
    for (uint32_t i = 0; i < count; i++) pipeline.before[i] = commands[i];
    int64_t kept = connection->deadline_us;
    int64_t least = postgres_now_us() + END_US;
    if (kept < least) connection->deadline_us = least;
    farm_status status = postgres_pipeline_run(&pipeline);
    connection->deadline_us = kept;
    return status;
}

/* Roll back on the server. A connection that cannot is dropped, which does it too. */
static void roll_back(farm_connection *connection) {
    static const char *const commands[] = {"ROLLBACK"};
    farm_fault fault;
    postgres_fault_clear(&fault);
    connection->is_overdue = 0;
    atomic_store(&connection->is_interrupted, 0);
    if (send_commands(connection, commands, 1, &fault) != FARM_OK) postgres_drop(connection);
}

/* Who reads in several runs sees one moment; that cannot fail, since it writes nothing. */
static const char *begin_text(int32_t is_read) {
    return is_read ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN";
}

farm_status postgres_begin_now(farm_connection *connection, farm_fault *fault) {
    const char *command = begin_text((connection->begin_flags & FARM_BEGIN_READ) != 0);
    farm_status status = postgres_revive(connection, fault);
    if (status == FARM_OK) status = send_commands(connection, &command, 1, fault);
    if (status == FARM_OK) connection->transaction = TRANSACTION_OPEN;
    return status;
}

/* --- run -------------------------------------------------------------------------------------- */

/* One run on its way: the pipeline, the texts that it points to, and what was before it. */
typedef struct run_plan {
    postgres_pipeline pipeline;
    uint32_t flags;
    int32_t was_outside;
    int32_t is_alone; /* it brings its own transaction, begun or not */
    char savepoint[POSTGRES_COMMAND_SIZE];
    char release[POSTGRES_COMMAND_SIZE];
} run_plan;

static farm_status check_run(const farm_connection *connection, uint32_t flags, farm_fault *fault) {
    const int32_t commits = (flags & FARM_RUN_COMMIT) != 0;
    const int32_t hosted = is_hosted(connection);
    const uint32_t depth = connection->depth + ((flags & FARM_RUN_SAVEPOINT) != 0);
    if (connection->transaction == TRANSACTION_OVER)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE, over_text);
    if (hosted && commits)
        return postgres_fault_set(fault, FARM_EINVAL,
                                  "the host's transaction is the host's to end");
    if (connection->transaction == TRANSACTION_NONE && !hosted &&
        (!commits || (flags & (FARM_RUN_SAVEPOINT | FARM_RUN_RELEASE))))
        return postgres_fault_set(fault, FARM_EINVAL, "no transaction is open");
    if ((flags & FARM_RUN_RELEASE) && depth == 0)
        return postgres_fault_set(fault, FARM_EINVAL, "no savepoint is set");
    return FARM_OK;
}

static void add_before(postgres_pipeline *pipeline, const char *command) {
    pipeline->before[pipeline->before_count++] = command;
}

static void add_after(postgres_pipeline *pipeline, const char *command) {
    pipeline->after[pipeline->after_count++] = command;
}

static int32_t only_reads(const farm_connection *connection, uint32_t flags) {
    if (connection->transaction == TRANSACTION_NONE) return (flags & FARM_RUN_READ) != 0;
    return (connection->begin_flags & FARM_BEGIN_READ) != 0;
}

/* A run that brings its transaction needs no commands where the Sync alone ends one. */
static void make_plan(run_plan *plan, farm_connection *connection, farm_call *calls, size_t count,
                      uint32_t flags, farm_fault *fault) {
    const int32_t commits = (flags & FARM_RUN_COMMIT) != 0;
    uint32_t depth = connection->depth;
    *plan = (run_plan){.flags = flags, .was_outside = is_outside(connection)};
    plan->is_alone = plan->was_outside && commits;
    postgres_pipeline *pipeline = &plan->pipeline;
    pipeline->connection = connection;
    pipeline->calls = calls;
    pipeline->call_count = count;
    pipeline->fault = fault;
    pipeline->commits = commits;
    pipeline->only_reads = only_reads(connection, flags);

    const int32_t is_begun_read =
        connection->transaction == TRANSACTION_DEFERRED && pipeline->only_reads;
    const int32_t is_implicit = plan->is_alone && !connection->is_explicit && !is_begun_read &&
                                !(flags & FARM_RUN_SAVEPOINT);
    if (plan->was_outside && !is_implicit) add_before(pipeline, begin_text(pipeline->only_reads));
    if (flags & FARM_RUN_SAVEPOINT) {
        (void)snprintf(plan->savepoint, sizeof plan->savepoint, "SAVEPOINT farm_%u", ++depth);
        add_before(pipeline, plan->savepoint);
    }
    if (flags & FARM_RUN_RELEASE) {
        (void)snprintf(plan->release, sizeof plan->release, "RELEASE SAVEPOINT farm_%u", depth);
        add_after(pipeline, plan->release);
    }
    if (commits && !is_implicit) add_after(pipeline, "COMMIT");
}

/* There is nothing to do, and nothing on the server that waits for its end. */
static int32_t is_idle(const farm_connection *connection, const farm_call *calls, size_t count,
                       uint32_t flags) {
    for (size_t i = 0; i < count; i++)
        if (postgres_execution_count(&calls[i]) > 0) return 0;
    if (flags & (FARM_RUN_SAVEPOINT | FARM_RUN_RELEASE)) return 0;
    return is_outside(connection) || !(flags & FARM_RUN_COMMIT);
}

static void note_success(farm_connection *connection, const run_plan *plan) {
    if (plan->flags & FARM_RUN_COMMIT) {
        connection->transaction = TRANSACTION_NONE;
        connection->depth = 0;
        return;
    }
    if (connection->transaction == TRANSACTION_DEFERRED) connection->transaction = TRANSACTION_OPEN;
    connection->is_unsaved = 0;
    connection->depth += (plan->flags & FARM_RUN_SAVEPOINT) != 0;
    connection->depth -= (plan->flags & FARM_RUN_RELEASE) != 0;
}

void postgres_settle(farm_connection *connection, int32_t is_lost) {
    const int32_t was_open = connection->transaction != TRANSACTION_NONE;
    if (is_lost || connection->handle == NULL || !postgres_has_transaction(connection)) {
        connection->depth = 0;
        if (was_open) connection->transaction = TRANSACTION_OVER;
    } else if (was_open) {
        connection->transaction = TRANSACTION_OPEN;
    }
}

static void note_failure(farm_connection *connection, const run_plan *plan) {
    const postgres_pipeline *pipeline = &plan->pipeline;
    const PGTransactionStatusType status =
        connection->handle == NULL ? PQTRANS_IDLE : PQtransactionStatus(connection->handle);
    const int32_t is_nothing_sent =
        pipeline->sent.phase == PHASE_BEFORE && pipeline->sent.index == 0;
    if (connection->transaction == TRANSACTION_NONE && plan->is_alone) {
        if (status != PQTRANS_IDLE && !pipeline->is_lost) roll_back(connection);
        return;
    }
    if (connection->transaction == TRANSACTION_DEFERRED && status == PQTRANS_IDLE &&
        is_nothing_sent && !pipeline->is_lost)
        return;
    if ((plan->flags & FARM_RUN_SAVEPOINT) && pipeline->read.phase != PHASE_BEFORE) {
        connection->is_unsaved = 0;
        connection->depth++;
    }
    if (connection->transaction == TRANSACTION_DEFERRED) connection->transaction = TRANSACTION_OPEN;
    postgres_settle(connection, pipeline->is_lost);
}

/* A prepared statement was not where it should be, or is there already, or no longer fits: make
 * sure that the next try finds it as it must be. */
static int32_t is_remedied(run_plan *plan) {
    postgres_pipeline *pipeline = &plan->pipeline;
    farm_connection *connection = pipeline->connection;
    farm_store *store = connection->store;
    const farm_fault *fault = pipeline->fault;
    if (!pipeline->is_failed || !pipeline->uses_names || pipeline->is_lost) return 0;
    const int32_t is_missing = postgres_fault_is(fault, "26000");
    const int32_t is_double = postgres_fault_is(fault, "42P05");
    if (pipeline->read.phase != PHASE_CALLS || !(is_missing || is_double || pipeline->is_outdated))
        return 0;
    if (store->prepare == PREPARE_AUTO && !pipeline->is_outdated) {
        atomic_store(&store->is_unnamed, 1);
    } else if (is_double) {
        const uint32_t number = pipeline->calls[pipeline->read.index].statement->number;
        if (number >= store->statement_count) return 0;
        const uint32_t step = store->first_steps[number] + pipeline->read.step;
        connection->marks[store->steps[step].place] = MARK_READY;
    } else if (connection->is_adopted) {
        connection->uses_names = 0;
    } else {
        connection->is_stale = 1;
    }
    return 1;
}

/* The server takes no writes: another may have taken its place. A transaction that is to write
 * nothing is refused by its own BEGIN. */
static void note_readonly(farm_connection *connection, const run_plan *plan) {
    const farm_fault *fault = plan->pipeline.fault;
    if (fault->status != FARM_EREADONLY) return;
    if (!plan->pipeline.only_reads || !postgres_fault_is(fault, "25006")) connection->is_stale = 1;
}

static farm_status run_once(run_plan *plan, farm_connection *connection, int32_t *out_again) {
    const int32_t before = connection->transaction;
    farm_fault *fault = plan->pipeline.fault;
    farm_status status = postgres_pipeline_run(&plan->pipeline);
    *out_again = 0;
    if (status == FARM_OK) {
        note_success(connection, plan);
        return FARM_OK;
    }
    note_failure(connection, plan);
    note_readonly(connection, plan);
    if (!is_remedied(plan)) return status;

    /* Nothing of it has had an effect, here or with the caller: run it once more. */
    if (plan->was_outside && !plan->pipeline.has_rows) {
        if (connection->transaction != before && postgres_has_transaction(connection))
            roll_back(connection);
        connection->transaction = before;
        connection->depth = 0;
        *out_again = 1;
    }
    return postgres_fault_set(fault, FARM_EAGAIN, "a prepared statement has to be prepared again");
}

static void reset_calls(farm_call *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        calls[i].changes = 0;
        calls[i].column_count = calls[i].statement->column_count;
    }
}

farm_status postgres_run(farm_connection *connection, farm_call *calls, size_t count,
                         uint32_t flags, farm_fault *fault) {
    postgres_call_begin(connection, fault);
    reset_calls(calls, count);
    connection->is_unsaved = (flags & FARM_RUN_SAVEPOINT) != 0;
    farm_status status = check_run(connection, flags, fault);
    if (status != FARM_OK) return status;
    if (is_idle(connection, calls, count, flags)) {
        if (flags & FARM_RUN_COMMIT) connection->transaction = TRANSACTION_NONE;
        return FARM_OK;
    }
    int32_t is_again = 1;
    for (int tries = 0; is_again && tries < RUN_TRIES; tries++) {
        run_plan plan;
        postgres_fault_clear(fault);
        reset_calls(calls, count);
        if (is_outside(connection)) status = postgres_revive(connection, fault);
        if (is_outside(connection) && status != FARM_OK) return status;
        make_plan(&plan, connection, calls, count, flags, fault);
        status = run_once(&plan, connection, &is_again);
    }
    return status;
}

/* --- the rest --------------------------------------------------------------------------------- */

farm_status postgres_commit(farm_connection *connection, farm_fault *fault) {
    postgres_call_begin(connection, fault);
    const int32_t transaction = connection->transaction;
    if (transaction == TRANSACTION_NONE)
        return postgres_fault_set(fault, FARM_EINVAL, "no transaction is open");
    if (transaction == TRANSACTION_OVER)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE, over_text);
    if (transaction == TRANSACTION_DEFERRED) {
        connection->transaction = TRANSACTION_NONE;
        return FARM_OK;
    }
    postgres_pipeline pipeline = {.connection = connection,
                                  .after = {"COMMIT"},
                                  .after_count = 1,
                                  .commits = 1,
                                  .only_reads = (connection->begin_flags & FARM_BEGIN_READ) != 0,
                                  .fault = fault};
    farm_status status = postgres_pipeline_run(&pipeline);
    if (status == FARM_OK)
        connection->transaction = TRANSACTION_NONE;
    else
        postgres_settle(connection, pipeline.is_lost);
    if (connection->transaction != TRANSACTION_OPEN) connection->transaction = TRANSACTION_NONE;
    return status;
}

void postgres_rollback(farm_connection *connection) {
    farm_fault fault;
    postgres_call_begin(connection, &fault);
    if (connection->transaction == TRANSACTION_OPEN) roll_back(connection);
    connection->transaction = TRANSACTION_NONE;
    connection->is_unsaved = 0;
    if (!is_hosted(connection)) connection->depth = 0;
}

farm_status postgres_undo(farm_connection *connection, farm_fault *fault) {
    char undo[POSTGRES_COMMAND_SIZE];
    char release[POSTGRES_COMMAND_SIZE];
    const char *const commands[] = {undo, release};
    const int32_t is_unsaved = connection->is_unsaved;
    postgres_call_begin(connection, fault);
    connection->is_unsaved = 0;
    if (connection->transaction == TRANSACTION_OVER)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE, over_text);
    /* Where SAVEPOINT itself was refused the transaction has failed. */
    if (is_unsaved && PQtransactionStatus(connection->handle) == PQTRANS_INERROR)
        return postgres_fault_set(fault, FARM_EINVAL, over_text);
    if (is_unsaved) return FARM_OK;
    if (connection->depth == 0)
        return postgres_fault_set(fault, FARM_EINVAL, "no savepoint is set");
    (void)snprintf(undo, sizeof undo, "ROLLBACK TO SAVEPOINT farm_%u", connection->depth);
    (void)snprintf(release, sizeof release, "RELEASE SAVEPOINT farm_%u", connection->depth);
    farm_status status = send_commands(connection, commands, 2, fault);
    if (status == FARM_OK)
        connection->depth--;
    else
        postgres_settle(connection, connection->handle == NULL);
    return status;
}
