/* One connection: opened with our settings or adopted from the host, bounded in time, prepared
 * statements, closed. Transactions are in sqlite_transaction.c. */
#include "sqlite_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    PAUSE_FIRST_US = 50,   /* doubles */
    PAUSE_DOUBLINGS = 5,   /* up to 1.6 ms */
    PROGRESS_STEPS = 1000, /* of SQLite's machine, between two looks at the clock */
};

/* The texts of CONTROL_… at the first savepoint; sqlite_transaction.c makes the deeper ones. */
static const char *const control_texts[CONTROL_COUNT] = {
    [CONTROL_BEGIN_READ] = "BEGIN",        [CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CONTROL_COMMIT] = "COMMIT",           [CONTROL_ROLLBACK] = "ROLLBACK",
    [CONTROL_SAVE] = "SAVEPOINT farm_1",   [CONTROL_RELEASE] = "RELEASE farm_1",
    [CONTROL_UNDO] = "ROLLBACK TO farm_1",
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

static int look_up(void *context) {
    farm_connection *connection = context;

    if (connection->is_settling) return 0;
    return atomic_load(&connection->is_interrupted) || sqlite_now_us() >= connection->deadline_us;
}

/* The last moment at which a statement that commits by itself can be refused: its changes are made
 * and its rows are counted. What is refused here is rolled back. */
static int allow_commit(void *context) {
    farm_connection *connection = context;

    if (connection->is_vetoed) return 1;
    if (connection->expected >= 0 && connection->returned != connection->expected) return 1;
    connection->is_committing = 1;
    return 0;
}

farm_status sqlite_check_time(farm_connection *connection, farm_fault *fault) {
    if (atomic_load(&connection->is_interrupted)) {
        return sqlite_fault_set(fault, FARM_ETIMEOUT, "the call was interrupted");
    }
    if (connection->deadline_us == SQLITE_NEVER_US) return FARM_OK;
    if (sqlite_now_us() < connection->deadline_us) return FARM_OK;
    return sqlite_fault_set(fault, FARM_ETIMEOUT,
                            "the time was over before the statement was begun");
}

/* Statements. */

farm_status sqlite_prepare(farm_connection *connection, const char *text, sqlite_prepared *out,
                           farm_fault *fault) {
    int result = sqlite3_prepare_v3(connection->handle, text, -1, SQLITE_PREPARE_PERSISTENT,
                                    &out->handle, NULL);

    if (result != SQLITE_OK) return sqlite_fault_result(connection, fault, result);
    if (out->handle == NULL) {
        return sqlite_fault_set(fault, FARM_EINTERNAL, "a statement has no text");
    }
    out->parameter_count = sqlite3_bind_parameter_count(out->handle);
    out->column_count = sqlite3_column_count(out->handle);
    out->is_readonly = sqlite3_stmt_readonly(out->handle) != 0;
    out->is_bound = 0;
    return FARM_OK;
}

void sqlite_unprepare(sqlite_prepared *prepared) {
    (void)sqlite3_finalize(prepared->handle);
    *prepared = (sqlite_prepared){.handle = NULL};
}

static void unprepare_all(farm_connection *connection) {
    for (size_t i = 0; i < CONTROL_COUNT; i++) sqlite_unprepare(&connection->controls[i]);
    for (size_t i = 0; i < connection->store->step_count; i++) {
        sqlite_unprepare(&connection->cache[i]);
    }
    sqlite_unprepare(&connection->ahead);
    sqlite_unprepare(&connection->version);
    connection->has_data_version = 0;
}

/* Beforehand, so that a rollback needs no memory. */
static farm_status prepare_controls(farm_connection *connection, farm_fault *fault) {
    farm_status status = FARM_OK;

    for (size_t i = 0; i < CONTROL_COUNT && status == FARM_OK; i++) {
        status = sqlite_prepare(connection, control_texts[i], &connection->controls[i], fault);
    }
    return status;
}

/* Opening. */

/* Everything but the locks, which cannot be taken back by farm_free() alone. */
static farm_connection *allocate_connection(farm_store *store) {
    farm_connection *connection = farm_allocate(sizeof *connection);
    size_t cache_size = store->step_count * sizeof *connection->cache;

    if (connection == NULL) return NULL;
    memset(connection, 0, sizeof *connection);
    connection->cache = farm_allocate(cache_size);
    if (connection->cache == NULL) {
        farm_free(connection);
        return NULL;
    }
    memset(connection->cache, 0, cache_size);
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
    farm_free(connection->cache);
    farm_free(connection);
    return NULL;
}

static void free_connection(farm_connection *connection) {
    sqlite_waiter_destroy(&connection->waiter);
    (void)pthread_mutex_destroy(&connection->guard);
    farm_free(connection->cache);
    farm_free(connection->row);
    farm_free(connection);
}

/* A path is no URI, even where SQLite was built or told to see one in "file:…". */
static char *plain_path(const char *path) {
    const char *prefix = strncmp(path, "file:", 5) == 0 ? "./" : "";
    size_t size = strlen(prefix) + strlen(path) + 1;
    char *plain = farm_allocate(size);

    if (plain != NULL) (void)snprintf(plain, size, "%s%s", prefix, path);
    return plain;
}

static farm_status open_handle(farm_connection *connection, sqlite3 **out, farm_fault *fault) {
    const farm_store *store = connection->store;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    *out = NULL;
    if (store->is_memory) {
        int result = sqlite3_open_v2(store->memory_uri, out, flags | SQLITE_OPEN_URI, NULL);
        return result == SQLITE_OK ? FARM_OK : sqlite_fault_open(*out, store->path, fault, result);
    }
    if (store->path[0] == '\0') {
        return sqlite_fault_set(fault, FARM_EINVAL, "the URI names no file");
    }
    char *path = plain_path(store->path);
    if (path == NULL) return sqlite_fault_memory(fault);
    farm_status status = sqlite_file_check(path, fault);
    if (status == FARM_OK) {
        int result = sqlite3_open_v2(path, out, flags, NULL);
        if (result != SQLITE_OK) status = sqlite_fault_open(*out, store->path, fault, result);
    }
    farm_free(path);
    return status;
}

/* Run a statement of ours until it no longer meets another's lock: switching to WAL answers
 * SQLITE_BUSY without asking the busy handler. */
static farm_status apply(farm_connection *connection, const char *text, farm_fault *fault) {
    int result = sqlite3_exec(connection->handle, text, NULL, NULL, NULL);

    for (int i = 0; (result & 255) == SQLITE_BUSY && sqlite_pause(connection, i); i++) {
        result = sqlite3_exec(connection->handle, text, NULL, NULL, NULL);
    }
    if (result == SQLITE_OK) return FARM_OK;
    farm_status status = sqlite_fault_result(connection, fault, result);
    if ((result & 255) == SQLITE_CANTOPEN) {
        status = sqlite_fault_open(connection->handle, connection->store->path, fault, result);
    }
    return status;
}

static farm_status check_wal(farm_connection *connection, farm_fault *fault) {
    sqlite_prepared mode = {.handle = NULL};
    farm_status status = sqlite_prepare(connection, "PRAGMA journal_mode", &mode, fault);

    if (status != FARM_OK) return status;
    int result = sqlite3_step(mode.handle);
    if (result != SQLITE_ROW) {
        status = sqlite_fault_result(connection, fault, result);
    } else if (strcmp((const char *)sqlite3_column_text(mode.handle, 0), "wal") != 0) {
        status = sqlite_fault_set(fault, FARM_EUNSUPPORTED,
                                  "the file system cannot hold a write-ahead log");
    }
    sqlite_unprepare(&mode);
    return status;
}

static farm_status set_up_file(farm_connection *connection, farm_fault *fault) {
    connection->is_readonly = sqlite3_db_readonly(connection->handle, "main") == 1;
    /* Reading the header finds a file that is no database. */
    if (connection->is_readonly) {
        return apply(connection, "SELECT 1 FROM sqlite_schema LIMIT 1", fault);
    }
    farm_status status = apply(connection, "PRAGMA journal_mode=WAL", fault);
    if (status == FARM_OK) status = check_wal(connection, fault);
    if (status != FARM_OK) return status;
    return apply(connection,
                 connection->store->is_durable ? "PRAGMA synchronous=FULL"
                                               : "PRAGMA synchronous=NORMAL",
                 fault);
}

static farm_status set_up_handle(farm_connection *connection, farm_fault *fault) {
    sqlite3 *handle = connection->handle;

    (void)sqlite3_extended_result_codes(handle, 1);
    (void)sqlite3_busy_handler(handle, sqlite_pause, connection);
    sqlite3_progress_handler(handle, PROGRESS_STEPS, look_up, connection);
    (void)sqlite3_commit_hook(handle, allow_commit, connection);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* A plan does not depend on the values bound: it is the one that was tested, and binding never
     * makes SQLite prepare anew. */
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
    int result = sqlite_list_register(handle);
    if (result != SQLITE_OK) return sqlite_fault_result(connection, fault, result);

    farm_status status = FARM_OK;
    sqlite_file *file = NULL;
    if (connection->store->is_memory) {
        file = sqlite_file_share(connection->store->memory_file);
    } else {
        status = set_up_file(connection, fault);
        if (status != FARM_OK) return status;
        status = sqlite_file_enter(sqlite3_db_filename(handle, "main"), &file, fault);
    }
    (void)pthread_mutex_lock(&connection->guard);
    connection->file = file;
    (void)pthread_mutex_unlock(&connection->guard);
    return status == FARM_OK ? prepare_controls(connection, fault) : status;
}

/* Give handle and file up; interrupt() may be looking at them. */
static void disconnect(farm_connection *connection) {
    unprepare_all(connection);
    (void)pthread_mutex_lock(&connection->guard);
    sqlite3 *handle = connection->handle;
    sqlite_file *file = connection->file;
    connection->handle = NULL;
    connection->file = NULL;
    (void)pthread_mutex_unlock(&connection->guard);
    if (connection->is_adopted) {
        sqlite_list_unregister(handle);
    } else {
        (void)sqlite3_close_v2(handle);
    }
    sqlite_file_leave(file);
    connection->is_broken = 0;
}

static farm_status connect_handle(farm_connection *connection, farm_fault *fault) {
    sqlite3 *handle = NULL;
    farm_status status = open_handle(connection, &handle, fault);

    if (status != FARM_OK) {
        (void)sqlite3_close_v2(handle);
        return status;
    }
    (void)pthread_mutex_lock(&connection->guard);
    connection->handle = handle;
    (void)pthread_mutex_unlock(&connection->guard);
    status = set_up_handle(connection, fault);
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
    const char *path = sqlite3_db_filename(connection->handle, "main");
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
    connection->handle = native;
    connection->is_readonly = sqlite3_db_readonly(native, "main") == 1;
    farm_status status = find_adopted_file(connection, fault);
    if (status == FARM_OK && sqlite_list_register(native) != SQLITE_OK) {
        status = sqlite_fault_memory(fault);
    }
    if (status == FARM_OK) status = prepare_controls(connection, fault);
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
    if (connection->handle != NULL) disconnect(connection);
    free_connection(connection);
}

/* Calls. */

farm_status sqlite_start(farm_connection *connection, farm_fault *fault) {
    sqlite_fault_clear(fault);
    atomic_store(&connection->is_interrupted, 0);
    atomic_store(&connection->is_running, 1);
    connection->is_settling = 0;
    if (connection->handle != NULL) return FARM_OK;
    return connect_handle(connection, fault);
}

/* A handle that failed where its state is doubtful is not used again. */
farm_status sqlite_end(farm_connection *connection, farm_status status) {
    atomic_store(&connection->is_running, 0);
    if (connection->ahead.handle != NULL) sqlite_unprepare(&connection->ahead);
    if (connection->is_broken && !connection->is_adopted && connection->begun == 0 &&
        connection->handle != NULL) {
        disconnect(connection);
    }
    return status;
}

void sqlite_interrupt(farm_connection *connection) {
    (void)pthread_mutex_lock(&connection->guard);
    if (atomic_load(&connection->is_running)) {
        atomic_store(&connection->is_interrupted, 1);
        if (connection->handle != NULL) sqlite3_interrupt(connection->handle);
        if (connection->file != NULL) sqlite_queue_wake(connection->file, &connection->waiter);
    }
    (void)pthread_mutex_unlock(&connection->guard);
}
