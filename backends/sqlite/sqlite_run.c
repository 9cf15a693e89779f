/* How the calls of a run become one transaction, at the least cost that is safe; scripts; waiting.
 * A single call itself is in sqlite_call.c. */
#include "sqlite_internal.h"

#include <string.h>
#include <time.h>

enum {
    WAIT_FIRST_US = 1000, /* doubles */
    WAIT_DOUBLINGS = 5,   /* up to 32 ms */
};

static farm_status run_calls(farm_connection *connection, farm_call *calls, size_t count,
                             farm_fault *fault) {
    farm_status status = FARM_OK;

    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        status = sqlite_check_time(connection, fault);
        if (status == FARM_OK) status = sqlite_call_run(connection, &calls[i], fault);
        if (status != FARM_OK) fault->call = (int32_t)i;
    }
    return status;
}

/* In a transaction that begin() or the host has opened. */
static farm_status run_inside(farm_connection *connection, farm_call *calls, size_t count,
                              uint32_t flags, farm_fault *fault) {
    farm_status status = FARM_OK;

    if ((flags & FARM_RUN_COMMIT) && connection->begun == 0) {
        return sqlite_fault_set(fault, FARM_EINVAL, "the host's transaction is the host's to end");
    }
    if (connection->is_member && !sqlite_calls_are_numbered(connection->store, calls, count)) {
        return sqlite_fault_set(fault, FARM_EINVAL,
                                "a brief transaction is for statements of the store's table");
    }
    if (flags & FARM_RUN_SAVEPOINT) status = sqlite_savepoint_set(connection, fault);
    if (status == FARM_OK) status = run_calls(connection, calls, count, fault);
    if (status == FARM_OK && (flags & FARM_RUN_RELEASE)) {
        status = sqlite_savepoint_release(connection, fault);
    }
    if (status == FARM_OK && (flags & FARM_RUN_COMMIT)) {
        status = sqlite_transaction_commit(connection, fault);
    }
    return status;
}

/* As a transaction of its own, or as a member of one that is shared. */
static farm_status run_whole(farm_connection *connection, farm_call *calls, size_t count,
                             uint32_t begin_flags, farm_fault *fault) {
    farm_status status = sqlite_transaction_begin(connection, begin_flags, fault);

    if (status != FARM_OK) return status;
    status = run_calls(connection, calls, count, fault);
    if (status == FARM_OK) return sqlite_transaction_commit(connection, fault);
    if (connection->is_member) status = sqlite_group_leave(connection, status, fault);
    sqlite_transaction_end(connection);
    return status;
}

/* A single statement is a transaction as it is, and BEGIN and COMMIT around it cost a tenth. */
static int32_t is_single(const farm_call *calls, size_t count) {
    return count == 1 && calls[0].row_count == 1 && calls[0].statement->step_count == 1;
}

/* Whether a single statement that writes may commit by itself. What it must change is not known
 * before it has committed; what it must return is, and the commit hook refuses a miss. The hooks
 * of a host's connection are not ours. */
static int32_t may_autocommit(const farm_connection *connection, const farm_call *call) {
    if (connection->is_adopted) return 0;
    return call->statement->expect < 0 || call->statement->column_count > 0;
}

static farm_status run_single_read(farm_connection *connection, farm_call *call,
                                   farm_fault *fault) {
    farm_status status =
        sqlite_turn_take(connection, sqlite_turn_of(connection, FARM_BEGIN_READ), fault);

    if (status != FARM_OK) return status;
    connection->begun = FARM_BEGIN_READ;
    status = run_calls(connection, call, 1, fault);
    connection->begun = 0;
    sqlite_turn_leave(connection);
    return status;
}

static farm_status autocommit(farm_connection *connection, farm_call *call, farm_fault *fault) {
    connection->is_committing = 0;
    connection->expected = call->statement->expect;
    farm_status status = run_calls(connection, call, 1, fault);
    connection->expected = -1;
    connection->is_committing = 0;
    sqlite_transaction_end(connection);
    return status;
}

/* A host's statement may be of a kind that no transaction takes, or leave something on the handle:
 * it has its turn alone. */
static farm_status run_write(farm_connection *connection, farm_call *calls, size_t count,
                             farm_fault *fault) {
    uint32_t flags = FARM_BEGIN_WRITE;

    if (sqlite_calls_are_numbered(connection->store, calls, count)) flags |= FARM_BEGIN_BRIEF;
    if (!is_single(calls, count) || !may_autocommit(connection, &calls[0])) {
        return run_whole(connection, calls, count, flags, fault);
    }
    if (connection->is_readonly) {
        return sqlite_fault_set(fault, FARM_EREADONLY, "the database cannot be written");
    }
    farm_status status = sqlite_writer_turn(connection, flags, fault);
    if (status != FARM_OK) return status;
    if (!connection->is_member) return autocommit(connection, &calls[0], fault);
    status = run_calls(connection, calls, count, fault);
    status = status == FARM_OK ? sqlite_group_finish(connection, fault)
                               : sqlite_group_leave(connection, status, fault);
    sqlite_transaction_end(connection);
    return status;
}

/* Without begin(). */
static farm_status run_alone(farm_connection *connection, farm_call *calls, size_t count,
                             uint32_t flags, farm_fault *fault) {
    int32_t is_read = (flags & FARM_RUN_READ) != 0;

    if (!(flags & FARM_RUN_COMMIT) || (flags & (FARM_RUN_SAVEPOINT | FARM_RUN_RELEASE))) {
        return sqlite_fault_set(fault, FARM_EINVAL, "no transaction is open");
    }
    /* The host does not say whether its statement reads. In a memory database preparing may read
     * the schema and needs a turn already. */
    if (!is_read && is_single(calls, count) &&
        calls[0].statement->number == FARM_STATEMENT_UNNUMBERED && !connection->store->is_memory) {
        farm_status status = sqlite_call_is_readonly(connection, &calls[0], &is_read, fault);
        if (status != FARM_OK) return status;
    }
    if (!is_read) return run_write(connection, calls, count, fault);
    if (is_single(calls, count)) return run_single_read(connection, &calls[0], fault);
    return run_whole(connection, calls, count, FARM_BEGIN_READ, fault);
}

farm_status sqlite_run(farm_connection *connection, farm_call *calls, size_t count, uint32_t flags,
                       farm_fault *fault) {
    farm_status status = sqlite_start(connection, fault);

    connection->is_unsaved = (flags & FARM_RUN_SAVEPOINT) != 0;
    if (status != FARM_OK) return sqlite_end(connection, status);
    status = sqlite_transaction_check(connection, fault);
    if (status != FARM_OK) return sqlite_end(connection, status);
    if (sqlite_has_transaction(connection)) {
        status = run_inside(connection, calls, count, flags, fault);
        if (status != FARM_OK && connection->is_member && connection->depth == 0) {
            status = sqlite_group_leave(connection, status, fault);
            connection->has_left = 1;
        }
        /* A transaction of the host is the host's to judge. */
        connection->is_failed =
            status != FARM_OK && connection->begun != 0 && !connection->is_unsaved;
    } else {
        connection->depth = 0;
        status = run_alone(connection, calls, count, flags, fault);
    }
    return sqlite_end(connection, status);
}

/* Scripts. */

static farm_status run_script(farm_connection *connection, const char *sql, farm_fault *fault) {
    const char *rest = sql;
    farm_status status = FARM_OK;

    for (int32_t i = 0; *rest != '\0' && status == FARM_OK; i++) {
        sqlite3_stmt *handle = NULL;
        connection->is_committing = 0;
        int result = sqlite3_prepare_v2(connection->engine->handle, rest, -1, &handle, &rest);
        if (result != SQLITE_OK) {
            status = sqlite_fault_text(connection, fault, result);
        } else if (handle != NULL) {
            while ((result = sqlite3_step(handle)) == SQLITE_ROW) continue;
            if (result != SQLITE_DONE && connection->is_committing) {
                status = sqlite_fault_commit(connection, fault, result);
            } else if (result != SQLITE_DONE) {
                status = sqlite_fault_result(connection, fault, result);
            }
        }
        (void)sqlite3_finalize(handle);
        if (status != FARM_OK) fault->ordinal = i;
    }
    return status;
}

/* Outside of a transaction each statement commits by itself, since some cannot do otherwise. */
farm_status sqlite_script(farm_connection *connection, const char *sql, farm_fault *fault) {
    farm_status status = sqlite_start(connection, fault);
    int32_t is_alone = 0;

    if (status == FARM_OK) status = sqlite_transaction_check(connection, fault);
    if (status == FARM_OK) status = sqlite_check_time(connection, fault);
    if (status == FARM_OK && !sqlite_has_transaction(connection)) {
        is_alone = 1;
        status = sqlite_turn_take(connection, TURN_EXCLUSIVE, fault);
    }
    if (status == FARM_OK) status = run_script(connection, sql, fault);
    if (status == FARM_OK && is_alone && sqlite_has_transaction(connection)) {
        status = sqlite_fault_set(fault, FARM_EINVAL, "the script leaves a transaction open");
    }
    if (is_alone) sqlite_transaction_end(connection);
    if (status != FARM_OK && connection->begun != 0) connection->is_failed = 1;
    return sqlite_end(connection, status);
}

/* Waiting. */

/* Changes when another connection has committed, in this process or elsewhere. */
static farm_status read_data_version(farm_connection *connection, int64_t *out, farm_fault *fault) {
    sqlite_prepared *version = &connection->version;
    farm_status status =
        sqlite_turn_take(connection, sqlite_turn_of(connection, FARM_BEGIN_READ), fault);

    if (status != FARM_OK) return status;
    if (version->handle == NULL) {
        status = sqlite_prepare(connection, "PRAGMA data_version", version, fault);
    }
    if (status == FARM_OK) {
        int result = sqlite3_step(version->handle);
        if (result == SQLITE_ROW) {
            *out = sqlite3_column_int64(version->handle, 0);
        } else {
            status = sqlite_fault_result(connection, fault, result);
        }
        (void)sqlite3_reset(version->handle);
    }
    sqlite_turn_leave(connection);
    return status;
}

/* As on Postgres, what is told between two waits is not lost: the second returns at once. */
static farm_status await_change(farm_connection *connection, farm_fault *fault) {
    int64_t version = 0;

    for (int i = 0;; i++) {
        farm_status status = read_data_version(connection, &version, fault);
        if (status != FARM_OK) return status == FARM_EAGAIN ? FARM_ETIMEOUT : status;
        if (version != connection->data_version) {
            connection->data_version = version;
            return FARM_OK;
        }
        int64_t pause_us = WAIT_FIRST_US << (i < WAIT_DOUBLINGS ? i : WAIT_DOUBLINGS);
        int64_t left_us = connection->deadline_us - sqlite_now_us();
        if (left_us < pause_us) pause_us = left_us > 0 ? left_us : 0;
        struct timespec pause = {.tv_nsec = (long)pause_us * 1000};
        (void)nanosleep(&pause, NULL);
        if (sqlite_check_time(connection, fault) != FARM_OK) return FARM_ETIMEOUT;
    }
}

/* The version from which on changes count. It has the connection's time, not the wait's: without it
 * nobody listens, and a wait that is over has to have listened. */
static farm_status begin_listening(farm_connection *connection, int32_t *has_missed,
                                   farm_fault *fault) {
    *has_missed = connection->has_data_version < 0;
    if (connection->has_data_version > 0) return FARM_OK;
    farm_status status = read_data_version(connection, &connection->data_version, fault);
    if (status == FARM_OK) connection->has_data_version = 1;
    if (status == FARM_ETIMEOUT) fault->status = status = FARM_EAGAIN;
    return status;
}

/* A name that LISTEN would take too. */
static int32_t is_channel(const char *channel) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";

    if (channel == NULL) return 0;
    size_t size = strspn(channel, letters);
    return size > 0 && size < 64 && channel[size] == '\0' && (channel[0] < '0' || channel[0] > '9');
}

/* SQLite has no channels: any commit of another connection counts as a word for all of them. */
farm_status sqlite_wait(farm_connection *connection, const char *channel, int64_t timeout_us,
                        farm_fault *fault) {
    farm_status status = sqlite_start(connection, fault);
    int64_t deadline_us = connection->deadline_us;
    int32_t has_missed = 0;

    if (status == FARM_OK && !is_channel(channel)) {
        status = sqlite_fault_set(fault, FARM_EINVAL,
                                  "a channel is 1 to 63 of a-z, 0-9 and _, no digit first");
    }
    if (status == FARM_OK && sqlite_has_transaction(connection)) {
        status = sqlite_fault_set(fault, FARM_EINVAL, "a transaction sees no changes of others");
    }
    if (status == FARM_OK) status = begin_listening(connection, &has_missed, fault);
    if (status == FARM_OK && !has_missed) {
        sqlite_set_timeout(connection, timeout_us);
        if (connection->deadline_us > deadline_us) connection->deadline_us = deadline_us;
        status = await_change(connection, fault);
        connection->deadline_us = deadline_us;
    }
    if (status == FARM_ETIMEOUT) {
        (void)sqlite_fault_set(fault, status, "nobody changed anything in that time");
    }
    return sqlite_end(connection, status);
}
