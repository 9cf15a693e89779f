/* Sending one pipeline and reading its answers up to the Sync, both at once so that neither side's
 * buffers can fill for good; and what the answers, or their absence, say about the commit. */
#include "postgres_internal.h"
#include <stdio.h>
#include <string.h>

enum {
    PUMP_STATEMENTS = 128,
    PUMP_BYTES = 1 << 16,
    QUEUE_EMPTY = 2 /* that many answers in a row that are none */
};

/* --- where it is ------------------------------------------------------------------------------ */

/* Go on to the first thing at or after the position that there is. */
static void find_next(const postgres_pipeline *self, postgres_position *at) {
    if (at->phase == PHASE_BEFORE && at->index >= self->before_count)
        *at = (postgres_position){.phase = PHASE_CALLS};
    while (at->phase == PHASE_CALLS && at->index < self->call_count &&
           postgres_execution_count(&self->calls[at->index]) == 0)
        at->index++;
    if (at->phase == PHASE_CALLS && at->index >= self->call_count)
        *at = (postgres_position){.phase = PHASE_AFTER};
    if (at->phase == PHASE_AFTER && at->index >= self->after_count)
        *at = (postgres_position){.phase = PHASE_SYNC};
}

static void advance(const postgres_pipeline *self, postgres_position *at) {
    if (at->phase == PHASE_CALLS) {
        const farm_call *call = &self->calls[at->index];
        at->step++;
        if (at->step == call->statement->step_count) {
            at->step = 0;
            at->row++;
        }
        if (at->row == postgres_execution_count(call)) {
            at->row = 0;
            at->index++;
        }
    } else {
        at->index++;
    }
    find_next(self, at);
}

static int32_t is_commit(const postgres_pipeline *self, const postgres_position *at) {
    if (!self->commits) return 0;
    if (self->after_count == 0) return at->phase == PHASE_SYNC;
    return at->phase == PHASE_AFTER && at->index + 1 == self->after_count;
}

/* The step in the store's table, when the statement there is named. */
static const postgres_step *named_step(const postgres_pipeline *self, const postgres_position *at) {
    const farm_store *store = self->connection->store;
    const uint32_t number = self->calls[at->index].statement->number;
    if (!self->uses_names || number >= store->statement_count) return NULL;
    return &store->steps[store->first_steps[number] + at->step];
}

/* --- sending ---------------------------------------------------------------------------------- */

static void write_name(const postgres_step *step, char *out) {
    (void)snprintf(out, POSTGRES_NAME_SIZE, "farm_%016llx", (unsigned long long)step->hash);
}

static int32_t send_named(postgres_pipeline *self, const postgres_step *step, const char *text,
                          int count) {
    farm_connection *connection = self->connection;
    const postgres_scratch *scratch = &connection->scratch;
    uint8_t *mark = &connection->marks[step->place];
    char name[POSTGRES_NAME_SIZE];
    write_name(step, name);
    if (*mark == MARK_NONE) {
        if (!PQsendPrepare(connection->handle, name, text, count, scratch->types)) return 0;
        *mark = MARK_SENT;
    }
    return PQsendQueryPrepared(connection->handle, name, count, scratch->values, scratch->sizes,
                               scratch->formats, 1);
}

/* 0 when libpq takes no more. Adds the bytes of the parameters. */
static int32_t send_next(postgres_pipeline *self, size_t *bytes) {
    const postgres_position *at = &self->sent;
    PGconn *handle = self->connection->handle;
    if (at->phase != PHASE_CALLS) {
        const char *const *commands = at->phase == PHASE_BEFORE ? self->before : self->after;
        if (is_commit(self, at)) self->is_commit_sent = 1;
        return PQsendQueryParams(handle, commands[at->index], 0, NULL, NULL, NULL, NULL, 1);
    }
    const farm_call *call = &self->calls[at->index];
    const farm_statement *statement = call->statement;
    const char *text = statement->steps[at->step];
    const int count = (int)statement->param_count;
    postgres_scratch *scratch = &self->connection->scratch;
    *bytes += postgres_encode(scratch, call, at->row);
    const postgres_step *step = named_step(self, at);
    if (step != NULL) return send_named(self, step, text, count);
    return PQsendQueryParams(handle, text, count, scratch->types, scratch->values, scratch->sizes,
                             scratch->formats, statement->number != FARM_STATEMENT_UNNUMBERED);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void note_place(postgres_pipeline *self) {
    if (self->read.phase != PHASE_CALLS) return;
    const farm_call *call = &self->calls[self->read.index];
    self->fault->call = (int32_t)self->read.index;
    self->fault->ordinal =
        call->statement->flags & FARM_STATEMENT_ARRAYS ? -1 : (int32_t)self->read.row;
}

static void fail(postgres_pipeline *self, farm_status status, const char *text) {
    if (self->is_failed) return;
    self->is_failed = 1;
    (void)postgres_fault_set(self->fault, status, "%s", text);
    note_place(self);
}

/* A FATAL from the server itself stands where the server was. A pooler sends one when its own
 * connection broke, whatever the server may have done by then. */
static void take_error(postgres_pipeline *self, const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    const int32_t is_fatal = state == NULL || postgres_result_is_fatal(result);
    if (is_fatal) self->is_lost = 1;
    if (self->is_failed) return;

    self->is_failed = 1;
    const int32_t is_ad_hoc =
        self->read.phase == PHASE_CALLS &&
        self->calls[self->read.index].statement->number == FARM_STATEMENT_UNNUMBERED;
    farm_status status = postgres_fault_result(self->fault, result, is_ad_hoc);
    note_place(self);
    if (is_fatal && status == FARM_EINTERNAL) self->fault->status = FARM_EUNAVAILABLE;
    self->is_doubtful =
        is_fatal && (state == NULL || self->connection->is_pooled ||
                     self->read.phase == PHASE_SYNC || is_commit(self, &self->read));
    self->is_outdated = function != NULL && strcmp(function, "RevalidateCachedQuery") == 0;
}

static void take_call(postgres_pipeline *self, PGresult *result) {
    farm_call *call = &self->calls[self->read.index];
    const postgres_step *step = named_step(self, &self->read);
    if (step != NULL && self->connection->marks[step->place] == MARK_SENT) {
        self->connection->marks[step->place] = MARK_READY;
        return; /* the execution's own answer comes next */
    }
    call->changes += postgres_changes(self, result);
    if (self->read.step + 1 == call->statement->step_count && self->decoded == FARM_OK)
        (void)postgres_decode(self, result);
    advance(self, &self->read);
}

static void take_answer(postgres_pipeline *self, PGresult *result) {
    if (self->is_failed || self->read.phase == PHASE_SYNC) return;
    if (self->read.phase == PHASE_CALLS) {
        take_call(self, result);
        return;
    }
    if (is_commit(self, &self->read)) {
        /* The server says so when all that was left to do was to roll back. */
        if (strcmp(PQcmdStatus(result), "ROLLBACK") == 0)
            fail(self, FARM_EINVAL, "the transaction had failed before and is rolled back");
        else
            self->is_committed = 1;
    }
    advance(self, &self->read);
}

static void take_result(postgres_pipeline *self, PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        self->is_synced = 1;
        break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        take_answer(self, result);
        break;
    case PGRES_PIPELINE_ABORTED:
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        fail(self, FARM_EINVAL, "COPY cannot be used here");
        self->is_lost = 1;
        break;
    default:
        take_error(self, result);
    }
}

/* Take all answers that have arrived. 0: there is nothing left that could still come. */
static int32_t take_results(postgres_pipeline *self) {
    PGconn *handle = self->connection->handle;
    self->empty_count = 0;
    while (!self->is_synced && !PQisBusy(handle)) {
        PGresult *result = PQgetResult(handle);
        if (result == NULL) {
            if (++self->empty_count == QUEUE_EMPTY) return 0;
            continue;
        }
        self->empty_count = 0;
        take_result(self, result);
        PQclear(result);
        if (PQstatus(handle) == CONNECTION_BAD) self->is_lost = 1;
        if (self->is_lost) return 0;
    }
    return 1;
}

static int32_t read_more(postgres_pipeline *self) {
    PGconn *handle = self->connection->handle;
    int32_t is_read = postgres_read_input(handle);
    int32_t may_come = take_results(self);
    if (!is_read || PQstatus(handle) == CONNECTION_BAD) self->is_lost = 1;
    return may_come;
}

/* --- both ------------------------------------------------------------------------------------- */

/* Get what is queued on its way, reading meanwhile. */
static void pump(postgres_pipeline *self) {
    farm_connection *connection = self->connection;
    for (;;) {
        int left = PQflush(connection->handle);
        if (left == 0) return;
        if (left > 0 && postgres_wait_socket(connection, 1, 1, connection->deadline_us)) {
            (void)read_more(self);
        } else {
            if (left > 0) postgres_cancel(connection);
            self->is_lost = 1;
        }
        if (self->is_lost || self->is_failed) return;
    }
}

static void send_all(postgres_pipeline *self) {
    uint32_t statements = 0;
    size_t bytes = 0;
    while (self->sent.phase != PHASE_SYNC && !self->is_lost && !self->is_failed) {
        if (!send_next(self, &bytes)) {
            self->is_lost = 1;
            return;
        }
        advance(self, &self->sent);
        if (++statements < PUMP_STATEMENTS && bytes < PUMP_BYTES) continue;
        statements = 0;
        bytes = 0;
        pump(self);
    }
    if (self->is_lost) return;
    if (!self->is_failed && is_commit(self, &self->sent)) self->is_commit_sent = 1;
    if (!PQpipelineSync(self->connection->handle)) self->is_lost = 1;
}

/* Until the Sync. When the time is over the server is told to stop, and has a moment to say how far
 * it got. */
static void read_all(postgres_pipeline *self) {
    farm_connection *connection = self->connection;
    int64_t deadline = connection->deadline_us;
    int64_t grace_us = 0;
    while (!self->is_synced && !self->is_lost) {
        int left = PQflush(connection->handle);
        if (left < 0) {
            (void)read_more(self);
            self->is_lost = !self->is_synced;
            return;
        }
        if (postgres_wait_socket(connection, 1, left > 0, deadline)) {
            if (!read_more(self) && !self->is_synced) self->is_lost = 1;
        } else if (!postgres_urge(connection, &deadline, &grace_us)) {
            self->is_lost = 1;
        }
    }
}

/* --- outcome ---------------------------------------------------------------------------------- */

static farm_status outcome(postgres_pipeline *self) {
    const farm_connection *connection = self->connection;
    farm_fault *fault = self->fault;
    const int32_t is_over = self->is_synced || self->is_committed;
    const int32_t risks_commit = self->is_commit_sent && !self->only_reads;
    if (!self->is_failed && is_over && self->decoded == FARM_OK) return FARM_OK;
    if (!self->is_failed && is_over && (self->decoded != FARM_ENOMEM || !risks_commit))
        return self->decoded;

    if (self->is_failed && !self->is_doubtful) {
        if (connection->is_overdue && postgres_fault_is(fault, "57014"))
            (void)postgres_wait_fault(connection, fault);
        return fault->status;
    }
    if (risks_commit) {
        fault->call = -1;
        fault->ordinal = -1;
        return postgres_fault_set(fault, FARM_EUNCERTAIN,
                                  "the commit was sent and its answer did not come");
    }
    if (connection->is_overdue) return postgres_wait_fault(connection, fault);
    if (!self->is_failed)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE,
                                  "the connection to the server was lost");
    return fault->status;
}

/* What was sent to be prepared and never answered is not prepared. */
static void forget_sent(farm_connection *connection) {
    for (uint32_t i = 0; i < connection->store->step_count; i++)
        if (connection->marks[i] == MARK_SENT) connection->marks[i] = MARK_NONE;
}

static farm_status check_time(farm_connection *connection, farm_fault *fault) {
    if (connection->deadline_us == POSTGRES_NEVER_US || postgres_now_us() < connection->deadline_us)
        return FARM_OK;
    connection->is_overdue = 1;
    return postgres_wait_fault(connection, fault);
}

/* The end of a connection that is seen before the COMMIT is sent leaves nothing uncertain. */
static farm_status check_alive(postgres_pipeline *self) {
    farm_connection *connection = self->connection;
    if (!self->commits || connection->transaction != TRANSACTION_OPEN) return FARM_OK;
    if (connection->handle == NULL || postgres_is_alive(connection)) return FARM_OK;
    self->is_lost = 1;
    postgres_drop(connection);
    return postgres_fault_set(self->fault, FARM_EUNAVAILABLE,
                              "the connection to the server was lost");
}

farm_status postgres_pipeline_run(postgres_pipeline *self) {
    farm_connection *connection = self->connection;
    self->skipped_call = SIZE_MAX;
    self->uses_names = connection->uses_names && (connection->store->prepare == PREPARE_ON ||
                                                  !atomic_load(&connection->store->is_unnamed));
    find_next(self, &self->sent);
    find_next(self, &self->read);
    farm_status status =
        postgres_encode_reserve(connection, self->calls, self->call_count, self->fault);
    if (status == FARM_OK) status = check_time(connection, self->fault);
    if (status == FARM_OK) status = check_alive(self);
    if (status == FARM_OK) status = postgres_enter(connection, 1, self->fault);
    if (status != FARM_OK) return status;

    send_all(self);
    read_all(self);
    status = outcome(self);
    if (self->uses_names && (self->is_failed || self->is_lost)) forget_sent(connection);
    /* A cancel may still be on its way and would hit whatever comes next. */
    if (connection->is_overdue) connection->is_stale = 1;
    if (self->is_lost)
        postgres_drop(connection);
    else
        postgres_leave(connection);
    return status;
}
