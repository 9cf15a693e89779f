/* One connection: opened or adopted from the host, bounded in time, closed. How a handle is set up
 * is in sqlite_engine.c, transactions are in sqlite_transaction.c. */
#include "sqlite_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    PAUSE_FIRST_US = 50, /* doubles */
    PAUSE_DOUBLINGS = 5, /* up to 1.6 ms */
};

static void sleep_us(int64_t duration_us) {
    struct timespec duration = {.tv_sec = (time_t)(duration_us / 1000000),
                                .tv_nsec = (long)(duration_us % 1000000) * 1000};

    (void)nanosleep(&duration, NULL);
}

/* xorshift: enough to keep two processes from polling in step. */
static uint64_t draw(farm_connection *connection) {
    uint64_t word = connection->jitter;

    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    connection->jitter = word;
    return word;
}

/* SQLite's own handler sleeps up to 100 ms, in which the lock comes and goes unseen. */
int sqlite_pause(void *context, int count) {
    farm_connection *connection = context;
    int64_t pause_us = PAUSE_FIRST_US << (count < PAUSE_DOUBLINGS ? count : PAUSE_DOUBLINGS);
    int64_t now_us = sqlite_now_us();

    if (atomic_load(&connection->is_interrupted) || now_us >= connection->deadline_us) return 0;
    pause_us = pause_us / 2 + (int64_t)(draw(connection) % (uint64_t)pause_us);
    if (pause_us > connection->deadline_us - now_us) pause_us = connection->deadline_us - now_us;
    sleep_us(pause_us);
    return 1;
}

farm_status sqlite_check_time(farm_connection *connection, farm_fault *fault) {
    if (sqlite_group_is_overdue(connection)) {
        connection->is_evicted = 1;
        return sqlite_fault_result(connection, fault, SQLITE_INTERRUPT);
    }
    if (atomic_load(&connection->is_interrupted)) {
        return sqlite_fault_set(fault, FARM_ETIMEOUT, "the call was interrupted");
    }
    if (connection->deadline_us == SQLITE_NEVER_US) return FARM_OK;
    if (sqlite_now_us() < connection->deadline_us) return FARM_OK;
    return sqlite_fault_set(fault, FARM_ETIMEOUT,
                            "the time was over before the statement was begun");
}

/* Opening. */

/* Everything but the locks, which cannot be taken back by farm_free() alone. */
static farm_connection *allocate_connection(farm_store *store) {
    farm_connection *connection = farm_allocate(sizeof *connection);

    if (connection == NULL) return NULL;
    memset(connection, 0, sizeof *connection);
    if (sqlite_engine_init(&connection->own, store->step_count) != FARM_OK) {
        farm_free(connection);
        return NULL;
    }
    connection->own.user = connection;
    connection->engine = &connection->own;
    connection->store = store;
    connection->deadline_us = SQLITE_NEVER_US;
    connection->expected = -1;
    connection->jitter = ((uint64_t)(uintptr_t)connection ^ (uint64_t)sqlite_now_us()) | 1;
    atomic_init(&connection->is_running, 0);
    atomic_init(&connection->is_interrupted, 0);
    return connection;
}

static farm_connection *new_connection(farm_store *store) {
    farm_connection *connection = allocate_connection(store);

    if (connection == NULL) return NULL;
    int32_t has_guard = pthread_mutex_init(&connection->guard, NULL) == 0;
    if (has_guard && sqlite_waiter_init(&connection->waiter, &connection->is_interrupted)) {
        return connection;
    }
    if (has_guard) (void)pthread_mutex_destroy(&connection->guard);
    farm_free(connection->own.cache);
    farm_free(connection);
    return NULL;
}

static void free_connection(farm_connection *connection) {
    sqlite_waiter_destroy(&connection->waiter);
    (void)pthread_mutex_destroy(&connection->guard);
    farm_free(connection->own.cache);
    farm_free(connection->row);
    farm_free(connection);
}

/* Give handle and file up; interrupt() may be looking at them. */
static void disconnect(farm_connection *connection) {
    sqlite_engine_clear(&connection->own);
    sqlite_unprepare(&connection->ahead);
    sqlite_unprepare(&connection->version);
    (void)pthread_mutex_lock(&connection->guard);
    sqlite3 *handle = connection->own.handle;
    sqlite_file *file = connection->file;
    connection->own.handle = NULL;
    connection->file = NULL;
    (void)pthread_mutex_unlock(&connection->guard);
    if (connection->is_adopted) {
        sqlite_list_unregister(handle);
    } else {
        (void)sqlite3_close_v2(handle);
    }
    sqlite_writer_leave(file, connection->writer);
    connection->writer = NULL;
    sqlite_file_leave(file);
    connection->own.is_broken = 0;
    /* What changes until it is open again is not known: whoever listened has to look. */
    if (connection->has_data_version > 0) connection->has_data_version = -1;
}

/* The file's queue, and in it the writer. A memory database needs none: there nobody waits for a
 * disk. */
static farm_status enter_file(farm_connection *connection, farm_fault *fault) {
    farm_status status = FARM_OK;
    sqlite_file *file = NULL;

    if (connection->store->is_memory) {
        file = sqlite_file_share(connection->store->memory_file);
    } else {
        const char *path = sqlite3_db_filename(connection->own.handle, "main");
        status = sqlite_file_enter(path, &file, fault);
    }
    (void)pthread_mutex_lock(&connection->guard);
    connection->file = file;
    (void)pthread_mutex_unlock(&connection->guard);
    if (status != FARM_OK || connection->store->is_memory || connection->is_readonly) return status;
    return sqlite_writer_enter(file, connection->store, &connection->writer, fault);
}

static farm_status connect_handle(farm_connection *connection, farm_fault *fault) {
    sqlite3 *handle = NULL;
    farm_status status = sqlite_engine_open(connection->store, &handle, fault);

    if (status != FARM_OK) {
        (void)sqlite3_close_v2(handle);
        return status;
    }
    (void)pthread_mutex_lock(&connection->guard);
    connection->own.handle = handle;
    (void)pthread_mutex_unlock(&connection->guard);
    status = sqlite_engine_set_up(&connection->own, fault);
    if (status == FARM_OK) status = enter_file(connection, fault);
    if (status == FARM_OK) status = sqlite_engine_ready(&connection->own, fault);
    if (status != FARM_OK) disconnect(connection);
    return status;
}

void sqlite_set_timeout(farm_connection *connection, int64_t timeout_us) {
    int64_t now_us = timeout_us > 0 ? sqlite_now_us() : 0;

    connection->deadline_us = SQLITE_NEVER_US;
    if (timeout_us > 0 && timeout_us < SQLITE_NEVER_US - now_us) {
        connection->deadline_us = now_us + timeout_us;
    }
}

farm_status sqlite_open(farm_store *store, int64_t timeout_us, farm_connection **out,
                        farm_fault *fault) {
    sqlite_fault_clear(fault);
    *out = NULL;
    farm_connection *connection = new_connection(store);
    if (connection == NULL) return sqlite_fault_memory(fault);
    sqlite_set_timeout(connection, timeout_us);
    farm_status status = connect_handle(connection, fault);
    sqlite_set_timeout(connection, 0);
    if (status == FARM_OK) {
        *out = connection;
    } else {
        free_connection(connection);
    }
    return status;
}

/* The file of a host's connection, so that its writers queue with ours. One in memory has none
 * that others could reach. */
static farm_status find_adopted_file(farm_connection *connection, farm_fault *fault) {
    const char *path = sqlite3_db_filename(connection->own.handle, "main");
    farm_status status = FARM_EUNAVAILABLE;

    if (path != NULL && path[0] != '\0') status = sqlite_file_enter(path, &connection->file, fault);
    if (status != FARM_EUNAVAILABLE) return status;
    sqlite_fault_clear(fault);
    return sqlite_file_new(&connection->file, fault);
}

farm_status sqlite_adopt(farm_store *store, void *native, farm_connection **out,
                         farm_fault *fault) {
    int has_foreign_keys = 0;

    sqlite_fault_clear(fault);
    *out = NULL;
    if (native == NULL) return sqlite_fault_set(fault, FARM_EINVAL, "there is no connection");
    if (sqlite3_db_config(native, SQLITE_DBCONFIG_ENABLE_FKEY, -1, &has_foreign_keys) !=
            SQLITE_OK ||
        !has_foreign_keys) {
        return sqlite_fault_set(fault, FARM_EUNSUPPORTED,
                                "the connection must have PRAGMA foreign_keys on");
    }
    farm_connection *connection = new_connection(store);
    if (connection == NULL) return sqlite_fault_memory(fault);
    connection->is_adopted = 1;
    connection->own.handle = native;
    connection->is_readonly = sqlite3_db_readonly(native, "main") == 1;
    farm_status status = find_adopted_file(connection, fault);
    if (status == FARM_OK && sqlite_list_register(native) != SQLITE_OK) {
        status = sqlite_fault_memory(fault);
    }
    if (status == FARM_OK) status = sqlite_engine_ready(&connection->own, fault);
    if (status == FARM_OK) {
        *out = connection;
    } else {
        disconnect(connection);
        free_connection(connection);
    }
    return status;
}

void sqlite_close(farm_connection *connection) {
    if (connection == NULL) return;
    sqlite_rollback(connection);
    if (connection->own.handle != NULL) disconnect(connection);
    free_connection(connection);
}

/* Calls. */

farm_status sqlite_start(farm_connection *connection, farm_fault *fault) {
    sqlite_fault_clear(fault);
    atomic_store(&connection->is_interrupted, 0);
    atomic_store(&connection->is_running, 1);
    connection->is_settling = 0;
    if (connection->own.handle != NULL) return FARM_OK;
    return connect_handle(connection, fault);
}

/* A handle that failed where its state is doubtful is not used again. */
farm_status sqlite_end(farm_connection *connection, farm_status status) {
    atomic_store(&connection->is_running, 0);
    if (connection->ahead.handle != NULL) sqlite_unprepare(&connection->ahead);
    if (connection->own.is_broken && !connection->is_adopted && connection->begun == 0 &&
        connection->own.handle != NULL) {
        disconnect(connection);
    }
    return status;
}

void sqlite_interrupt(farm_connection *connection) {
    (void)pthread_mutex_lock(&connection->guard);
    if (atomic_load(&connection->is_running)) {
        atomic_store(&connection->is_interrupted, 1);
        if (connection->own.handle != NULL) sqlite3_interrupt(connection->own.handle);
        if (connection->file != NULL) sqlite_queue_wake(connection->file, &connection->waiter);
    }
    (void)pthread_mutex_unlock(&connection->guard);
}
