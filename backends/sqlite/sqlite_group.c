/* Group commit: brief operations of several connections in one transaction, so that one fsync
 * serves them all.
 *
 * A connection that is alone commits on its own handle; nothing here costs it anything. When others
 * are about, the one whose turn it is works on the handle of the file's writer, from its own
 * thread. Done, it passes the turn and the open transaction to the next in line and waits; whoever
 * finds nobody to pass it to commits, and only then does anybody learn that his operation has
 * succeeded. Each but the first works under a savepoint, so one that fails undoes itself alone.
 *
 * - A commit that fails, fails for all. When SQLite gives up the whole transaction, for want of
 *   memory or room, nothing of anybody's is stored and the others are told FARM_EAGAIN.
 * - A member that fails may have failed for what an earlier member wrote. It too learns that only
 *   after the commit, or else FARM_EAGAIN: what it was refused for was never true.
 * - A member that waits for the outcome cannot give up waiting: neither "done" nor "not done" would
 *   be true. So the wait is kept short instead. A group takes nobody in after 5 ms, and who keeps
 *   others waiting for longer than 10 ms fails with FARM_EAGAIN and has the next turn to itself.
 * - A deferred foreign key that is violated is its member's failure, not the commit's.
 * - SQLite checkpoints the log within the commit that fills it, and all would wait for that. Here
 *   whoever has committed for a group does it, on his own handle while others go on writing; and
 *   when the log has grown long, once more in a turn, when little is left to do. Then the log is
 *   whole in the database, and the next commit begins it anew. */
#include "sqlite_internal.h"

enum {
    GROUP_MOST = 64,
    RETRY_US = 1000000, /* before a writer that could not be opened is tried again */
    CHECKPOINT_PAGES = 1000,
    LOG_PAGES = 4000, /* a log that is long */
};

int64_t sqlite_group_open_us = 5000;
int64_t sqlite_group_patience_us = 10000;

static int32_t is_open(const sqlite_writer *writer) {
    return writer->engine.handle != NULL && !sqlite3_get_autocommit(writer->engine.handle);
}

int32_t sqlite_group_has_company(const farm_connection *connection) {
    return connection->is_member && connection->writer->count > 0;
}

int32_t sqlite_group_is_overdue(const farm_connection *connection) {
    if (!sqlite_group_has_company(connection)) return 0;
    return sqlite_now_us() - connection->joined_us > sqlite_group_patience_us;
}

/* The writer's handle. */

static void close_writer(sqlite_writer *writer) {
    sqlite_engine_clear(&writer->engine);
    (void)sqlite3_close_v2(writer->engine.handle);
    writer->engine.handle = NULL;
    writer->engine.is_broken = 0;
}

/* Another file may stand at the path by now. */
static farm_status check_place(const farm_connection *connection, farm_fault *fault) {
    sqlite_file *file = NULL;
    farm_status status = sqlite_file_enter(
        sqlite3_db_filename(connection->writer->engine.handle, "main"), &file, fault);

    if (status == FARM_OK && file != connection->file) {
        status = sqlite_fault_set(fault, FARM_EUNAVAILABLE, "another file is in the place of it");
    }
    sqlite_file_leave(file);
    return status;
}

/* In place of SQLite's own, which checkpoints here. */
static int note_log(void *context, sqlite3 *handle, const char *name, int page_count) {
    sqlite_writer *writer = context;

    (void)handle;
    (void)name;
    if (page_count < writer->log_pages) writer->due_pages = CHECKPOINT_PAGES;
    writer->log_pages = page_count;
    return SQLITE_OK;
}

/* 0 when it cannot be had: then each goes on alone, which is slower and as good. */
static int32_t open_writer(farm_connection *connection) {
    sqlite_writer *writer = connection->writer;
    farm_fault ignored;

    if (writer->engine.handle != NULL) return 1;
    if (writer->retry_us > 0 && sqlite_now_us() < writer->retry_us) return 0;
    sqlite_fault_clear(&ignored);
    writer->engine.user = connection;
    connection->engine = &writer->engine;
    farm_status status = sqlite_engine_open(connection->store, &writer->engine.handle, &ignored);
    if (status == FARM_OK) status = sqlite_engine_set_up(&writer->engine, &ignored);
    if (status == FARM_OK) status = check_place(connection, &ignored);
    if (status == FARM_OK) status = sqlite_engine_ready(&writer->engine, &ignored);
    connection->engine = &connection->own;
    writer->retry_us = 0;
    if (status == FARM_OK) {
        writer->due_pages = CHECKPOINT_PAGES;
        (void)sqlite3_wal_hook(writer->engine.handle, note_log, writer);
        return 1;
    }
    close_writer(writer);
    writer->retry_us = sqlite_now_us() + RETRY_US;
    return 0;
}

/* Coming and going. */

static void attach(farm_connection *connection) {
    connection->engine = &connection->writer->engine;
    connection->engine->user = connection;
    connection->is_member = 1;
    connection->joined_us = sqlite_now_us();
}

static void detach(farm_connection *connection) {
    connection->engine = &connection->own;
    connection->is_member = 0;
    connection->is_evicted = 0;
    connection->is_settling = 0;
    connection->is_committing = 0;
}

/* With the file's mutex held: what one who waits is told of a transaction that was not committed.
 * That somebody's time was over is nothing to the others. */
static void tell(sqlite_waiter *waiter, farm_status status, const farm_fault *fault) {
    if (waiter->is_unstored) {
        waiter->status = sqlite_fault_set(waiter->outcome, FARM_EAGAIN,
                                          "what it was refused for has not been committed");
    } else {
        *waiter->outcome = *fault;
        waiter->status = status == FARM_ETIMEOUT ? FARM_EAGAIN : status;
    }
    waiter->outcome->status = waiter->status;
    waiter->outcome->call = -1;
    waiter->outcome->ordinal = -1;
}

/* The transaction is over, or is to be rolled back: tell all who wait, and give the turn up. */
static void end_group(farm_connection *connection, farm_status status, const farm_fault *fault) {
    sqlite_writer *writer = connection->writer;
    sqlite_file *file = connection->file;

    connection->is_settling = 1;
    if (is_open(writer)) {
        (void)sqlite_control(connection, CONTROL_ROLLBACK);
        if (is_open(writer)) writer->engine.is_broken = 1;
    }
    if (writer->engine.is_broken) close_writer(writer);
    writer->has_company = writer->count > 0;
    writer->count = 0;
    detach(connection);

    (void)pthread_mutex_lock(&file->mutex);
    sqlite_waiter *next = writer->members;
    writer->members = NULL;
    while (next != NULL) {
        sqlite_waiter *waiter = next;
        next = waiter->next;
        if (status != FARM_OK) tell(waiter, status, fault);
        waiter->is_settled = 1;
        (void)pthread_cond_signal(&waiter->wake);
    }
    (void)pthread_mutex_unlock(&file->mutex);
    sqlite_turn_leave(connection);
}

/* Pass the turn on with the transaction, and wait until it is over. 0: nobody is there who could
 * have it, or the group has lasted long enough. */
static int32_t pass_on(farm_connection *connection, int32_t is_awaited) {
    sqlite_writer *writer = connection->writer;
    sqlite_waiter *waiter = &connection->waiter;
    sqlite_file *file = connection->file;

    if (writer->count >= GROUP_MOST) return 0;
    if (sqlite_now_us() - writer->begun_us >= sqlite_group_open_us) return 0;
    (void)pthread_mutex_lock(&file->mutex);
    int32_t is_passed = sqlite_queue_pass(file, writer);
    if (is_passed) {
        /* Whoever has it now sleeps until the mutex is free. */
        detach(connection);
        connection->turn = TURN_NONE;
        if (!waiter->is_unstored) writer->count++;
    }
    if (is_passed && is_awaited) {
        waiter->is_settled = 0;
        waiter->next = writer->members;
        writer->members = waiter;
        while (!waiter->is_settled) (void)pthread_cond_wait(&waiter->wake, &file->mutex);
    }
    (void)pthread_mutex_unlock(&file->mutex);
    return is_passed;
}

/* Nobody's outcome depends on it: what fails here is tried again. */
static void checkpoint(farm_connection *connection, int32_t is_long) {
    sqlite3 *handle = connection->own.handle;
    farm_fault ignored;

    (void)sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (!is_long || sqlite_turn_take(connection, TURN_EXCLUSIVE, &ignored) != FARM_OK) return;
    (void)sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    sqlite_turn_leave(connection);
}

/* Commit for everybody in the group. */
static void commit_group(farm_connection *connection) {
    sqlite_writer *writer = connection->writer;
    farm_fault fault;
    farm_status status = FARM_OK;

    sqlite_fault_clear(&fault);
    connection->is_settling = 1;
    int result = sqlite_control(connection, CONTROL_COMMIT);
    if (result != SQLITE_OK) {
        status = sqlite_fault_commit(connection, &fault, result);
        tell(&connection->waiter, status, &fault);
    }
    int32_t is_due = status == FARM_OK && writer->log_pages >= writer->due_pages;
    int32_t is_long = writer->log_pages >= LOG_PAGES;
    if (is_due) writer->due_pages = writer->log_pages + CHECKPOINT_PAGES;
    end_group(connection, status, &fault);
    if (is_due) checkpoint(connection, is_long);
}

/* The member's own part is over, with that status. */
static farm_status conclude(farm_connection *connection, farm_status status, farm_fault *fault) {
    sqlite_waiter *waiter = &connection->waiter;
    /* Its time over, a member has not been refused for anything that others did. */
    int32_t is_awaited = status != FARM_ETIMEOUT && status != FARM_EAGAIN && status != FARM_ENOMEM;
    farm_fault ignored;

    waiter->is_unstored = status != FARM_OK;
    waiter->status = status;
    waiter->outcome = is_awaited ? fault : &ignored;
    if (!pass_on(connection, is_awaited)) commit_group(connection);
    waiter->outcome = NULL;
    return is_awaited ? waiter->status : status;
}

static farm_status start(farm_connection *connection, farm_fault *fault) {
    sqlite_writer *writer = connection->writer;

    if (!open_writer(connection)) return FARM_OK;
    attach(connection);
    int result = sqlite_control(connection, CONTROL_BEGIN_WRITE);
    writer->begun_us = sqlite_now_us();
    if (result == SQLITE_OK) return FARM_OK;
    farm_status status = sqlite_fault_result(connection, fault, result);
    end_group(connection, FARM_OK, NULL);
    return status;
}

static farm_status join(farm_connection *connection, farm_fault *fault) {
    attach(connection);
    int result = sqlite_control(connection, CONTROL_JOIN);
    if (result == SQLITE_OK) return FARM_OK;
    return conclude(connection, sqlite_fault_result(connection, fault, result), fault);
}

farm_status sqlite_group_enter(farm_connection *connection, farm_fault *fault) {
    sqlite_writer *writer = connection->goes_alone ? NULL : connection->writer;

    connection->goes_alone = 0;
    connection->waiter.writer = writer;
    farm_status status = sqlite_turn_take(connection, TURN_EXCLUSIVE, fault);
    connection->waiter.writer = NULL;
    if (status != FARM_OK || writer == NULL) return status;
    if (connection->waiter.is_joining) return join(connection, fault);
    if (!connection->waiter.has_waited && !writer->has_company) return FARM_OK;
    return start(connection, fault);
}

static farm_status check_foreign_keys(farm_connection *connection, farm_fault *fault) {
    int violated = 0;
    int most = 0;

    (void)sqlite3_db_status(connection->engine->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &violated,
                            &most, 0);
    if (violated == 0) return FARM_OK;
    return sqlite_fault_result(connection, fault, SQLITE_CONSTRAINT_FOREIGNKEY);
}

farm_status sqlite_group_finish(farm_connection *connection, farm_fault *fault) {
    farm_status status = check_foreign_keys(connection, fault);

    if (status == FARM_OK && connection->writer->count > 0) {
        int result = sqlite_control(connection, CONTROL_STAY);
        if (result != SQLITE_OK) status = sqlite_fault_result(connection, fault, result);
    }
    if (status != FARM_OK) return sqlite_group_leave(connection, status, fault);
    return conclude(connection, FARM_OK, fault);
}

farm_status sqlite_group_leave(farm_connection *connection, farm_status status, farm_fault *fault) {
    sqlite_writer *writer = connection->writer;
    farm_fault lost;
    int result = SQLITE_OK;

    connection->goes_alone = connection->is_evicted;
    connection->is_settling = 1;
    if (is_open(writer) && writer->count > 0) {
        result = sqlite_control(connection, CONTROL_QUIT);
        if (result == SQLITE_OK) result = sqlite_control(connection, CONTROL_STAY);
        connection->is_settling = 0;
        if (result == SQLITE_OK) return conclude(connection, status, fault);
    }
    sqlite_fault_clear(&lost);
    (void)sqlite_fault_set(&lost, FARM_EAGAIN,
                           "the transaction that it shared with others was rolled back");
    end_group(connection, FARM_EAGAIN, &lost);
    return status;
}
