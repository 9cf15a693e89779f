/* One call of a run: its steps prepared once, bound and stepped for each parameter row, its rows
 * handed over and counted. Which transaction it is in is decided in sqlite_run.c. */
#include "sqlite_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A call that runs. */
typedef struct call_state {
    farm_connection *connection;
    farm_call *call;
    farm_fault *fault;
    sqlite_prepared *steps; /* in the connection's cache, or this call's own */
    int32_t is_enough;      /* the caller wants no more rows */
} call_state;

/* Preparing. */

static int32_t is_numbered(const farm_store *store, const farm_statement *statement) {
    return statement->number < store->statement_count &&
           store->statements[statement->number].steps == statement->steps;
}

int32_t sqlite_calls_are_numbered(const farm_store *store, const farm_call *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!is_numbered(store, calls[i].statement)) return 0;
    }
    return 1;
}

/* Past white space and comments. */
static const char *skip_space(const char *text) {
    for (;;) {
        if (isspace((unsigned char)*text)) {
            text++;
        } else if (text[0] == '-' && text[1] == '-') {
            text += strcspn(text, "\n");
        } else if (text[0] == '/' && text[1] == '*') {
            const char *end = strstr(text + 2, "*/");
            text = end != NULL ? end + 2 : text + strlen(text);
        } else {
            return text;
        }
    }
}

/* Transactions of a connection are begun and ended by this backend alone: behind its back its
 * turns would go astray. */
static int32_t moves_transaction(const char *text) {
    static const char *const words[] = {"BEGIN",    "COMMIT",    "END",
                                        "ROLLBACK", "SAVEPOINT", "RELEASE"};
    char word[10] = "";
    size_t size = 0;

    text = skip_space(text);
    while (isalpha((unsigned char)text[size]) && size < sizeof word - 1) {
        word[size] = (char)toupper((unsigned char)text[size]);
        size++;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) return 1;
    }
    return 0;
}

static farm_status prepare_foreign(farm_connection *connection, const char *text,
                                   sqlite_prepared *out, farm_fault *fault) {
    const char *rest = NULL;

    if (moves_transaction(text)) {
        return sqlite_fault_set(fault, FARM_EINVAL,
                                "a statement may not begin or end transactions");
    }
    int result = sqlite3_prepare_v3(connection->engine->handle, text, -1, 0, &out->handle, &rest);
    if (result != SQLITE_OK) return sqlite_fault_text(connection, fault, result);
    while (*skip_space(rest) == ';') rest = skip_space(rest) + 1;
    if (out->handle == NULL || *skip_space(rest) != '\0') {
        return sqlite_fault_set(fault, FARM_EINVAL, "there must be one statement, not %s",
                                out->handle == NULL ? "none" : "several");
    }
    out->parameter_count = sqlite3_bind_parameter_count(out->handle);
    out->column_count = sqlite3_column_count(out->handle);
    out->is_readonly = sqlite3_stmt_readonly(out->handle) != 0;
    return FARM_OK;
}

static farm_status reserve_row(farm_connection *connection, int32_t column_count) {
    size_t count = (size_t)column_count;

    if (count <= connection->row_capacity) return FARM_OK;
    farm_value *row = farm_reallocate(connection->row, count * sizeof *row);
    if (row == NULL) return FARM_ENOMEM;
    connection->row = row;
    connection->row_capacity = count;
    return FARM_OK;
}

/* What the generated decoder will read must be there. */
static farm_status check_shape(call_state *state, const sqlite_prepared *prepared,
                               int32_t is_last) {
    const farm_statement *statement = state->call->statement;
    int32_t is_ours = is_numbered(state->connection->store, statement);

    if (prepared->parameter_count > (int64_t)statement->param_count) {
        return sqlite_fault_set(state->fault, is_ours ? FARM_EINTERNAL : FARM_EINVAL,
                                "the statement has %d parameters, but %u values",
                                (int)prepared->parameter_count, (unsigned)statement->param_count);
    }
    if (is_last && statement->column_count > 0 &&
        prepared->column_count != (int64_t)statement->column_count) {
        return sqlite_fault_set(state->fault, FARM_EINTERNAL,
                                "the statement has %d columns, not %u", (int)prepared->column_count,
                                (unsigned)statement->column_count);
    }
    return FARM_OK;
}

/* Late, just before the step runs: an earlier step may make the table that it needs. */
static farm_status ready_step(call_state *state, uint32_t step) {
    farm_connection *connection = state->connection;
    const farm_statement *statement = state->call->statement;
    sqlite_prepared *prepared = &state->steps[step];
    farm_status status = FARM_OK;

    if (prepared->handle == NULL && is_numbered(connection->store, statement)) {
        status = sqlite_prepare(connection, statement->steps[step], prepared, state->fault);
    } else if (prepared->handle == NULL) {
        status = prepare_foreign(connection, statement->steps[step], prepared, state->fault);
    }
    if (status == FARM_OK) {
        status = check_shape(state, prepared, step + 1 == statement->step_count);
    }
    /* Prepared it may have been by another connection, on the writer that they share. */
    if (status == FARM_OK && reserve_row(connection, prepared->column_count) != FARM_OK) {
        status = sqlite_fault_memory(state->fault);
    }
    if (status != FARM_OK) sqlite_unprepare(prepared);
    return status;
}

static farm_status open_steps(call_state *state) {
    const farm_store *store = state->connection->store;
    const farm_statement *statement = state->call->statement;
    size_t size = statement->step_count * sizeof *state->steps;

    if (is_numbered(store, statement)) {
        state->steps = &state->connection->engine->cache[store->offsets[statement->number]];
        return FARM_OK;
    }
    state->steps = farm_allocate(size);
    if (state->steps == NULL) return sqlite_fault_memory(state->fault);
    memset(state->steps, 0, size);
    state->steps[0] = state->connection->ahead;
    state->connection->ahead = (sqlite_prepared){.handle = NULL};
    return FARM_OK;
}

/* No pointer of the caller's stays bound. */
static void close_steps(call_state *state) {
    const farm_statement *statement = state->call->statement;
    int32_t is_cached = is_numbered(state->connection->store, statement);

    for (uint32_t i = 0; i < statement->step_count; i++) {
        sqlite_prepared *prepared = &state->steps[i];
        if (!is_cached) {
            sqlite_unprepare(prepared);
        } else if (prepared->is_bound) {
            (void)sqlite3_clear_bindings(prepared->handle);
            prepared->is_bound = 0;
        }
    }
    if (!is_cached) farm_free(state->steps);
}

/* Failing. */

static farm_status miss(farm_fault *fault, int64_t expected, int64_t met) {
    (void)sqlite_fault_set(fault, FARM_EREFUSED, "a statement met %lld rows, not %lld",
                           (long long)met, (long long)expected);
    fault->kind = FARM_FAULT_GUARD;
    (void)snprintf(fault->native, sizeof fault->native, "%d", SQLITE_CONSTRAINT_COMMITHOOK);
    return fault->status;
}

/* After a failed step. A statement that commits by itself may have failed while it did. */
static farm_status fail_step(call_state *state, int result) {
    farm_connection *connection = state->connection;

    if (result == SQLITE_CONSTRAINT_COMMITHOOK) {
        return miss(state->fault, connection->expected, connection->returned);
    }
    if (connection->is_committing) {
        return sqlite_fault_commit(connection, state->fault, result);
    }
    (void)sqlite_fault_result(connection, state->fault, result);
    /* What the host's own statement does wrong is no defect of this library. */
    if (state->fault->status == FARM_EINTERNAL &&
        !is_numbered(connection->store, state->call->statement)) {
        state->fault->status = FARM_EINVAL;
    }
    return state->fault->status;
}

/* Binding. */

static int bind_value(sqlite3_stmt *handle, int32_t index, const farm_value *value) {
    const void *data = value->data != NULL ? value->data : "";

    if (value->data == NULL && value->size > 0 && value->type != FARM_INTEGER &&
        value->type != FARM_NULL) {
        return SQLITE_MISUSE;
    }
    switch (value->type) {
    case FARM_NULL:
        return sqlite3_bind_null(handle, index);
    case FARM_INTEGER:
        return sqlite3_bind_int64(handle, index, value->integer);
    case FARM_TEXT:
        return sqlite3_bind_text64(handle, index, data, value->size, SQLITE_STATIC, SQLITE_UTF8);
    case FARM_BLOB:
        return sqlite3_bind_blob64(handle, index, data, value->size, SQLITE_STATIC);
    case FARM_LIST:
        /* SQLite hands the pointer back as it was: farm_list() only reads. */
        return sqlite3_bind_pointer(handle, index, (void *)(uintptr_t)value, sqlite_list_type,
                                    NULL);
    default:
        return SQLITE_MISUSE;
    }
}

static farm_status bind_range(call_state *state, sqlite_prepared *prepared,
                              const farm_value *values, uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end && (int64_t)i < prepared->parameter_count; i++) {
        int result = bind_value(prepared->handle, (int32_t)i + 1, &values[i - first]);
        if (result != SQLITE_OK) return fail_step(state, result);
    }
    return FARM_OK;
}

/* The shared parameters stay bound from row to row. */
static farm_status bind_step(call_state *state, sqlite_prepared *prepared, size_t row) {
    const farm_call *call = state->call;
    uint32_t shared_count = call->statement->shared_count;
    uint32_t param_count = call->statement->param_count;
    farm_status status = FARM_OK;

    if (!prepared->is_bound) {
        prepared->is_bound = 1;
        status = bind_range(state, prepared, call->shared, 0, shared_count);
    }
    if (status != FARM_OK || param_count == shared_count) return status;
    return bind_range(state, prepared, call->rows + row * (param_count - shared_count),
                      shared_count, param_count);
}

/* Rows. */

/* A real number, which only a statement of the host's can answer, comes as its text. */
static int32_t read_value(sqlite3_stmt *handle, int column, farm_value *out) {
    *out = (farm_value){.type = FARM_NULL};
    switch (sqlite3_column_type(handle, column)) {
    case SQLITE_NULL:
        return 1;
    case SQLITE_INTEGER:
        out->type = FARM_INTEGER;
        out->integer = sqlite3_column_int64(handle, column);
        return 1;
    case SQLITE_BLOB:
        out->type = FARM_BLOB;
        out->data = sqlite3_column_blob(handle, column);
        out->size = (size_t)sqlite3_column_bytes(handle, column);
        if (out->size == 0) out->data = "";
        return out->data != NULL;
    default:
        out->type = FARM_TEXT;
        out->data = sqlite3_column_text(handle, column);
        out->size = (size_t)sqlite3_column_bytes(handle, column);
        return out->data != NULL;
    }
}

static farm_status hand_over(call_state *state, const sqlite_prepared *prepared, size_t row) {
    farm_value *values = state->connection->row;

    if (state->call->on_row == NULL || state->is_enough) return FARM_OK;
    /* SQLite prepares anew when the schema has changed, and `*` may mean more then. */
    if (sqlite3_column_count(prepared->handle) != prepared->column_count) {
        return sqlite_fault_set(state->fault, FARM_EAGAIN, "the table's columns have changed");
    }
    for (int32_t i = 0; i < prepared->column_count; i++) {
        if (!read_value(prepared->handle, i, &values[i])) {
            return sqlite_fault_result(state->connection, state->fault, SQLITE_NOMEM);
        }
    }
    if (state->call->on_row(state->call->context, row, values) != 0) state->is_enough = 1;
    return FARM_OK;
}

/* Whether the rows that are still to come can be left unread. A statement that writes runs to its
 * end, so that it is counted and, where it commits by itself, committed by SQLITE_DONE. */
static int32_t may_stop(const call_state *state, const sqlite_prepared *prepared) {
    if (!prepared->is_readonly || state->call->statement->expect >= 0) return 0;
    return state->is_enough || state->call->on_row == NULL;
}

static farm_status step_to_end(call_state *state, sqlite_prepared *prepared, int32_t is_last,
                               size_t row) {
    farm_connection *connection = state->connection;
    farm_status status = FARM_OK;
    int result = SQLITE_ROW;

    connection->returned = 0;
    connection->is_writing = !prepared->is_readonly;
    while ((result = sqlite3_step(prepared->handle)) == SQLITE_ROW) {
        connection->returned++;
        if (!is_last) continue;
        status = hand_over(state, prepared, row);
        if (status != FARM_OK || may_stop(state, prepared)) break;
    }
    if (result != SQLITE_ROW && result != SQLITE_DONE) status = fail_step(state, result);
    /* Ended halfway, a statement that commits by itself would commit here. */
    connection->is_vetoed = status != FARM_OK;
    (void)sqlite3_reset(prepared->handle);
    connection->is_vetoed = 0;
    return status;
}

/* One step for one parameter row. */
static farm_status run_step(call_state *state, uint32_t step, size_t row) {
    farm_connection *connection = state->connection;
    const farm_statement *statement = state->call->statement;
    sqlite_prepared *prepared = &state->steps[step];
    int32_t is_last = step + 1 == statement->step_count;
    farm_status status = ready_step(state, step);

    if (status != FARM_OK) return status;
    if (!prepared->is_readonly && connection->begun == FARM_BEGIN_READ) {
        return sqlite_fault_set(state->fault, FARM_EINVAL,
                                "a statement writes where only reading was announced");
    }
    status = bind_step(state, prepared, row);
    if (status != FARM_OK) return status;
    if (is_last) state->call->column_count = (size_t)prepared->column_count;
    int64_t total = sqlite3_total_changes64(connection->engine->handle);
    status = step_to_end(state, prepared, is_last, row);
    if (status != FARM_OK) return status;

    /* SQLite keeps the count of an earlier statement where this one counts nothing. */
    int64_t changes = 0;
    if (!prepared->is_readonly && sqlite3_total_changes64(connection->engine->handle) != total) {
        changes = sqlite3_changes64(connection->engine->handle);
    }
    state->call->changes += changes;
    if (!is_last || statement->expect < 0) return FARM_OK;
    int64_t met = prepared->column_count > 0 ? connection->returned : changes;
    return met == statement->expect ? FARM_OK : miss(state->fault, statement->expect, met);
}

/* When the caller has enough, the rows after it need not be read. */
static int32_t is_done(const call_state *state) {
    const farm_statement *statement = state->call->statement;

    return state->is_enough && statement->expect < 0 && statement->step_count == 1 &&
           state->steps[0].is_readonly;
}

farm_status sqlite_call_run(farm_connection *connection, farm_call *call, farm_fault *fault) {
    call_state state = {.connection = connection, .call = call, .fault = fault};

    call->changes = 0;
    call->column_count = call->statement->column_count;
    if (call->statement->step_count == 0 || call->row_count == 0) return FARM_OK;
    if (call->statement->flags & FARM_STATEMENT_ARRAYS) {
        return sqlite_fault_set(fault, FARM_EUNSUPPORTED, "SQLite takes no arrays");
    }
    farm_status status = open_steps(&state);
    if (status != FARM_OK) return status;
    for (size_t row = 0; row < call->row_count && status == FARM_OK && !is_done(&state); row++) {
        for (uint32_t i = 0; i < call->statement->step_count && status == FARM_OK; i++) {
            status = run_step(&state, i, row);
        }
        if (status != FARM_OK) fault->ordinal = (int32_t)row;
    }
    close_steps(&state);
    return status;
}

farm_status sqlite_call_is_readonly(farm_connection *connection, farm_call *call, int32_t *out,
                                    farm_fault *fault) {
    call_state state = {.connection = connection, .call = call, .fault = fault};

    *out = 0;
    farm_status status = open_steps(&state);
    if (status != FARM_OK) return status;
    status = ready_step(&state, 0);
    if (status == FARM_OK) {
        *out = state.steps[0].is_readonly;
        connection->ahead = state.steps[0];
        state.steps[0] = (sqlite_prepared){.handle = NULL};
    }
    close_steps(&state);
    return status;
}
