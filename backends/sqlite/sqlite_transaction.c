/* Transactions and savepoints, and the turn that goes with them. Whatever fails here, flags and
 * turn say afterwards what is true of SQLite. */
#include "sqlite_internal.h"

#include <stdio.h>

static const char *const deep_texts[CONTROL_COUNT] = {
    [CONTROL_SAVE] = "SAVEPOINT farm_%u",
    [CONTROL_RELEASE] = "RELEASE farm_%u",
    [CONTROL_UNDO] = "ROLLBACK TO farm_%u",
};

/* Run one of the statements that move transactions. Savepoints below the first are rare enough to
 * be prepared each time. */
int sqlite_control(farm_connection *connection, size_t control) {
    sqlite3_stmt *handle = connection->engine->controls[control].handle;
    char text[48];

    if (deep_texts[control] != NULL && connection->depth > 1) {
        (void)snprintf(text, sizeof text, deep_texts[control], (unsigned)connection->depth);
        return sqlite3_exec(connection->engine->handle, text, NULL, NULL, NULL);
    }
    int result = sqlite3_step(handle);
    (void)sqlite3_reset(handle);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int32_t is_open(const farm_connection *connection) {
    sqlite3 *handle = connection->engine->handle;

    return handle != NULL && !sqlite3_get_autocommit(handle);
}

static farm_status fault_failed(farm_fault *fault) {
    return sqlite_fault_set(fault, FARM_EINVAL,
                            "the transaction has failed and can only be rolled back");
}

static farm_status fault_gone(farm_fault *fault) {
    return sqlite_fault_set(fault, FARM_EUNAVAILABLE,
                            "SQLite has rolled the transaction back after a failure");
}

farm_status sqlite_transaction_check(const farm_connection *connection, farm_fault *fault) {
    if (connection->begun == 0) return FARM_OK;
    if (connection->has_left) return fault_failed(fault);
    if (!is_open(connection)) return fault_gone(fault);
    return connection->is_failed ? fault_failed(fault) : FARM_OK;
}

/* Turns. */

int32_t sqlite_turn_of(const farm_connection *connection, uint32_t begin_flags) {
    if (!(begin_flags & FARM_BEGIN_READ)) return TURN_EXCLUSIVE;
    return connection->store->is_memory && !connection->is_adopted ? TURN_SHARED : TURN_NONE;
}

farm_status sqlite_turn_take(farm_connection *connection, int32_t kind, farm_fault *fault) {
    if (kind == TURN_NONE) return FARM_OK;
    int64_t begin_us = 0;
    if (connection->deadline_us != SQLITE_NEVER_US) begin_us = sqlite_now_us();
    farm_status status =
        sqlite_queue_enter(connection->file, &connection->waiter, kind, connection->deadline_us);

    if (status == FARM_OK) {
        connection->turn = kind;
        return FARM_OK;
    }
    if (status == FARM_ETIMEOUT) {
        return sqlite_fault_set(fault, status, "interrupted while waiting for the turn");
    }
    return sqlite_fault_set(fault, status,
                            "the turn did not come within %lld ms: other sessions of this process "
                            "are at work",
                            (long long)((sqlite_now_us() - begin_us) / 1000));
}

void sqlite_turn_leave(farm_connection *connection) {
    if (connection->turn == TURN_NONE) return;
    sqlite_queue_leave(connection->file, connection->turn);
    connection->turn = TURN_NONE;
}

farm_status sqlite_writer_turn(farm_connection *connection, uint32_t flags, farm_fault *fault) {
    if (flags & FARM_BEGIN_BRIEF) return sqlite_group_enter(connection, fault);
    return sqlite_turn_take(connection, TURN_EXCLUSIVE, fault);
}

/* Transactions. */

farm_status sqlite_transaction_begin(farm_connection *connection, uint32_t flags,
                                     farm_fault *fault) {
    int32_t is_read = (flags & FARM_BEGIN_READ) != 0;
    farm_status status = FARM_OK;

    if (!is_read && connection->is_readonly) {
        return sqlite_fault_set(fault, FARM_EREADONLY, "the database cannot be written");
    }
    if (is_read) {
        status = sqlite_turn_take(connection, sqlite_turn_of(connection, flags), fault);
    } else {
        status = sqlite_writer_turn(connection, flags, fault);
    }
    if (status != FARM_OK) return status;
    if (connection->is_member) {
        connection->begun = FARM_BEGIN_WRITE;
        return FARM_OK;
    }
    int result = sqlite_control(connection, is_read ? CONTROL_BEGIN_READ : CONTROL_BEGIN_WRITE);
    if (result == SQLITE_OK) {
        connection->begun = is_read ? FARM_BEGIN_READ : FARM_BEGIN_WRITE;
        return FARM_OK;
    }
    status = sqlite_fault_result(connection, fault, result);
    sqlite_turn_leave(connection);
    return status;
}

/* The handle is used no more when even ROLLBACK fails: sqlite_end() drops it. */
void sqlite_transaction_end(farm_connection *connection) {
    farm_fault ignored;

    if (connection->is_member) {
        (void)sqlite_group_leave(connection, FARM_ETIMEOUT, &ignored);
    }
    connection->is_settling = 1;
    if (is_open(connection)) {
        (void)sqlite_control(connection, CONTROL_ROLLBACK);
        if (is_open(connection)) connection->engine->is_broken = 1;
    }
    connection->is_settling = 0;
    connection->is_committing = 0;
    connection->begun = 0;
    connection->is_failed = 0;
    connection->has_left = 0;
    connection->is_unsaved = 0;
    connection->depth = 0;
    sqlite_turn_leave(connection);
}

farm_status sqlite_transaction_commit(farm_connection *connection, farm_fault *fault) {
    farm_status status = sqlite_transaction_check(connection, fault);

    if (status == FARM_OK && connection->is_member) {
        status = sqlite_group_finish(connection, fault);
    } else if (status == FARM_OK) {
        connection->is_settling = 1;
        int result = sqlite_control(connection, CONTROL_COMMIT);
        if (result != SQLITE_OK && connection->begun == FARM_BEGIN_READ) {
            status = sqlite_fault_result(connection, fault, result);
        } else if (result != SQLITE_OK) {
            status = sqlite_fault_commit(connection, fault, result);
        }
    }
    sqlite_transaction_end(connection);
    return status;
}

/* Savepoints. */

farm_status sqlite_savepoint_set(farm_connection *connection, farm_fault *fault) {
    connection->depth++;
    int result = sqlite_control(connection, CONTROL_SAVE);
    connection->is_unsaved = result != SQLITE_OK;
    if (result == SQLITE_OK) return FARM_OK;
    connection->depth--;
    return sqlite_fault_result(connection, fault, result);
}

farm_status sqlite_savepoint_release(farm_connection *connection, farm_fault *fault) {
    if (connection->depth == 0) {
        return sqlite_fault_set(fault, FARM_EINVAL, "no savepoint is set");
    }
    int result = sqlite_control(connection, CONTROL_RELEASE);
    if (result != SQLITE_OK) return sqlite_fault_result(connection, fault, result);
    connection->depth--;
    return FARM_OK;
}

static farm_status undo(farm_connection *connection, farm_fault *fault) {
    int32_t is_unsaved = connection->is_unsaved;

    connection->is_unsaved = 0;
    if (!is_open(connection)) return fault_gone(fault);
    if (is_unsaved) return FARM_OK;
    if (connection->depth == 0) {
        return sqlite_fault_set(fault, FARM_EINVAL, "no savepoint is set");
    }
    connection->is_settling = 1;
    int result = sqlite_control(connection, CONTROL_UNDO);
    if (result == SQLITE_OK) result = sqlite_control(connection, CONTROL_RELEASE);
    connection->is_settling = 0;
    if (result != SQLITE_OK) return sqlite_fault_result(connection, fault, result);
    connection->depth--;
    connection->is_failed = 0;
    return FARM_OK;
}

/* The table's functions. */

farm_status sqlite_begin(farm_connection *connection, uint32_t flags, farm_fault *fault) {
    farm_status status = sqlite_start(connection, fault);

    if (status == FARM_OK && (connection->begun != 0 || is_open(connection))) {
        status = sqlite_fault_set(fault, FARM_EINVAL, "a transaction is open already");
    }
    if (status == FARM_OK) status = sqlite_transaction_begin(connection, flags, fault);
    return sqlite_end(connection, status);
}

farm_status sqlite_commit(farm_connection *connection, farm_fault *fault) {
    farm_status status = sqlite_start(connection, fault);

    if (status == FARM_OK && connection->begun == 0) {
        status = sqlite_fault_set(fault, FARM_EINVAL, "no transaction is open");
    }
    if (status == FARM_OK) status = sqlite_transaction_commit(connection, fault);
    return sqlite_end(connection, status);
}

/* A transaction of the host is not ours to end: there only our savepoints go. */
void sqlite_rollback(farm_connection *connection) {
    farm_fault ignored;

    if (connection->begun != 0 || !connection->is_adopted) {
        sqlite_transaction_end(connection);
    } else {
        connection->is_unsaved = 0;
        for (uint32_t i = connection->depth; i > 0; i--) {
            if (undo(connection, &ignored) != FARM_OK) break;
        }
        connection->depth = 0;
    }
    (void)sqlite_end(connection, FARM_OK);
}

farm_status sqlite_abandon(farm_connection *connection, farm_fault *fault) {
    farm_status status = FARM_OK;

    sqlite_fault_clear(fault);
    if (connection->is_member) {
        status = sqlite_group_leave(connection, FARM_EREFUSED, fault);
        if (status == FARM_EREFUSED) status = FARM_OK;
    }
    sqlite_rollback(connection);
    return status;
}

farm_status sqlite_undo(farm_connection *connection, farm_fault *fault) {
    farm_status status = sqlite_start(connection, fault);

    if (status == FARM_OK) status = undo(connection, fault);
    return sqlite_end(connection, status);
}

int32_t sqlite_has_transaction(farm_connection *connection) {
    return is_open(connection);
}
