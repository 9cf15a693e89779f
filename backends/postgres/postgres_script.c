/* What needs no pipeline: scripts of several statements, and waiting for notifications. */
#include "postgres_internal.h"
#include <stdio.h>
#include <string.h>

/* How a script went. */
typedef struct script_state {
    int32_t is_failed; /* the fault is set */
    int32_t is_fatal;  /* by what ended the connection */
    int32_t is_lost;
} script_state;

static void take_result(script_state *state, const PGresult *result, farm_fault *fault) {
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        return;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        state->is_failed = state->is_lost = 1;
        (void)postgres_fault_set(fault, FARM_EINVAL, "COPY cannot be used here");
        return;
    default:
        break;
    }
    const int32_t is_fatal =
        PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL || postgres_result_is_fatal(result);
    if (is_fatal) state->is_fatal = state->is_lost = 1;
    if (state->is_failed) return;
    state->is_failed = 1;
    (void)postgres_fault_result(fault, result, 1);
}

/* Take what has come; 1 when all has. */
static int32_t take_results(farm_connection *connection, script_state *state, farm_fault *fault) {
    while (!state->is_lost && !PQisBusy(connection->handle)) {
        PGresult *result = PQgetResult(connection->handle);
        if (result == NULL) return 1;
        take_result(state, result, fault);
        PQclear(result);
    }
    return 0;
}

static void read_all(farm_connection *connection, script_state *state, farm_fault *fault) {
    int64_t deadline = connection->deadline_us;
    int64_t grace_us = 0;
    while (!state->is_lost) {
        int left = PQflush(connection->handle);
        if (left < 0 || PQstatus(connection->handle) == CONNECTION_BAD) {
            state->is_lost = 1;
        } else if (postgres_wait_socket(connection, 1, left > 0, deadline)) {
            int32_t is_read = postgres_read_input(connection->handle);
            if (take_results(connection, state, fault)) return;
            if (!is_read) state->is_lost = 1;
        } else if (!postgres_urge(connection, &deadline, &grace_us)) {
            state->is_lost = 1;
        }
    }
}

/* Outside a transaction a script is one of its own, which its end commits. */
static farm_status outcome(const farm_connection *connection, const script_state *state,
                           farm_fault *fault) {
    const int32_t is_certain = state->is_failed && !(state->is_fatal && connection->is_pooled);
    if (!state->is_failed && !state->is_lost) return FARM_OK;
    if (is_certain) {
        if (connection->is_overdue && postgres_fault_is(fault, "57014"))
            (void)postgres_wait_fault(connection, fault);
        return fault->status;
    }
    if (connection->transaction == TRANSACTION_NONE)
        return postgres_fault_set(fault, FARM_EUNCERTAIN,
                                  "the script was sent and its answer did not come");
    if (connection->is_overdue) return postgres_wait_fault(connection, fault);
    return postgres_fault_set(fault, FARM_EUNAVAILABLE, "the connection to the server was lost");
}

farm_status postgres_script(farm_connection *connection, const char *sql, farm_fault *fault) {
    script_state state = {0};
    farm_status status = FARM_OK;
    postgres_call_begin(connection, fault);
    if (connection->transaction == TRANSACTION_OVER)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE,
                                  "the transaction is over and can only be rolled back");
    if (connection->transaction == TRANSACTION_DEFERRED)
        status = postgres_begin_now(connection, fault);
    else if (!postgres_has_transaction(connection))
        status = postgres_revive(connection, fault);
    if (status == FARM_OK) status = postgres_enter(connection, 0, fault);
    if (status != FARM_OK) return status;

    if (PQsendQuery(connection->handle, sql))
        read_all(connection, &state, fault);
    else
        state.is_lost = 1;
    status = outcome(connection, &state, fault);
    if (connection->is_overdue) connection->is_stale = 1;
    if (state.is_lost)
        postgres_drop(connection);
    else
        postgres_leave(connection);
    postgres_settle(connection, state.is_lost);
    return status;
}

/* --- notifications ---------------------------------------------------------------------------- */

/* It goes into a statement as it is. */
static int32_t is_channel(const char *channel) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    size_t size = strlen(channel);
    return size >= 1 && size < POSTGRES_CHANNEL_SIZE && strchr(letters, channel[0]) != NULL &&
           strspn(channel, others) == size;
}

/* Listen for as long as the connection lives, so that nothing is missed between two waits. */
static farm_status listen_to(farm_connection *connection, const char *channel, farm_fault *fault) {
    char command[POSTGRES_COMMAND_SIZE];
    if (connection->is_listening && strcmp(connection->channel, channel) == 0) return FARM_OK;
    connection->is_listening = 0;
    (void)snprintf(command, sizeof command, "LISTEN \"%s\"", channel);
    postgres_pipeline pipeline = {.connection = connection,
                                  .before = {"UNLISTEN *", command},
                                  .before_count = 2,
                                  .only_reads = 1,
                                  .fault = fault};
    farm_status status = postgres_pipeline_run(&pipeline);
    if (status != FARM_OK) return status;
    memcpy(connection->channel, channel, strlen(channel) + 1);
    connection->is_listening = 1;
    return FARM_OK;
}

/* Take the notifications that have come; 1 when one is of the channel. */
static int32_t take_notifications(farm_connection *connection) {
    int32_t is_found = 0;
    PGnotify *notification = PQnotifies(connection->handle);
    while (notification != NULL) {
        is_found |= strcmp(notification->relname, connection->channel) == 0;
        PQfreemem(notification);
        notification = PQnotifies(connection->handle);
    }
    return is_found;
}

static farm_status wait_for_one(farm_connection *connection, int64_t deadline, farm_fault *fault) {
    while (!take_notifications(connection)) {
        if (!postgres_wait_socket(connection, 1, 0, deadline))
            return postgres_wait_fault(connection, fault);
        if (!postgres_read_input(connection->handle)) {
            postgres_drop(connection);
            return postgres_fault_set(fault, FARM_EUNAVAILABLE,
                                      "the connection to the server was lost");
        }
    }
    return FARM_OK;
}

farm_status postgres_listen(farm_connection *connection, const char *channel, int64_t timeout_us,
                            farm_fault *fault) {
    postgres_call_begin(connection, fault);
    if (!is_channel(channel))
        return postgres_fault_set(fault, FARM_EINVAL, "a channel is named by up to 63 of a-z0-9_");
    if (connection->is_adopted)
        return postgres_fault_set(fault, FARM_EUNSUPPORTED,
                                  "the notifications of a host's connection are the host's");
    if (connection->transaction != TRANSACTION_NONE)
        return postgres_fault_set(fault, FARM_EINVAL, "a transaction is open");

    const int64_t kept = connection->deadline_us;
    const int64_t deadline = timeout_us == 0 ? postgres_now_us() : postgres_deadline_us(timeout_us);
    farm_status status = postgres_revive(connection, fault);
    if (status == FARM_OK && connection->is_pooled)
        status = postgres_fault_set(fault, FARM_EUNSUPPORTED,
                                    "notifications do not pass through a pooler");
    /* What came while nobody listened is not known: let the caller look for himself. */
    const int32_t has_missed =
        !connection->is_listening && strcmp(connection->channel, channel) == 0;
    if (status == FARM_OK) status = listen_to(connection, channel, fault);
    /* A wait that is over has to have listened. */
    if (status == FARM_ETIMEOUT)
        status = postgres_fault_set(fault, FARM_EAGAIN, "the server did not begin to listen");
    if (status == FARM_OK && !has_missed) status = wait_for_one(connection, deadline, fault);
    connection->deadline_us = kept;
    return status;
}
