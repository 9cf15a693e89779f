/* A handle as this backend uses it: how it is opened and set up, its hooks, what is prepared on it.
 * Whose it is, is not asked here: a connection's own, or the writer's that several share. */
#include "sqlite_internal.h"

#include <stdio.h>
#include <string.h>

enum { PROGRESS_STEPS = 1000 }; /* of SQLite's machine, between two looks at the clock */

/* The texts of CONTROL_…, of savepoints the first; sqlite_transaction.c makes the deeper ones. */
static const char *const control_texts[CONTROL_COUNT] = {
    [CONTROL_BEGIN_READ] = "BEGIN",
    [CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CONTROL_COMMIT] = "COMMIT",
    [CONTROL_ROLLBACK] = "ROLLBACK",
    [CONTROL_SAVE] = "SAVEPOINT farm_1",
    [CONTROL_RELEASE] = "RELEASE farm_1",
    [CONTROL_UNDO] = "ROLLBACK TO farm_1",
    [CONTROL_JOIN] = "SAVEPOINT farm_member",
    [CONTROL_STAY] = "RELEASE farm_member",
    [CONTROL_QUIT] = "ROLLBACK TO farm_member",
};

/* Hooks. */

/* SQLite rolls the whole transaction back where a statement that writes is stopped halfway. In a
 * shared one that would be at the cost of others, so there such a statement may run on until they
 * have waited for too long; the next look at the time, after it, stops the member alone. */
static int look_up(void *context) {
    farm_connection *connection = ((sqlite_engine *)context)->user;

    if (connection->is_settling) return 0;
    if (sqlite_group_has_company(connection)) {
        connection->is_evicted = sqlite_group_is_overdue(connection);
        if (connection->is_evicted || connection->is_writing) return connection->is_evicted;
    }
    return atomic_load(&connection->is_interrupted) || sqlite_now_us() >= connection->deadline_us;
}

static int pause_for_lock(void *context, int count) {
    return sqlite_pause(((sqlite_engine *)context)->user, count);
}

/* The last moment at which a statement that commits by itself can be refused: its changes are made
 * and its rows are counted. What is refused here is rolled back. */
static int allow_commit(void *context) {
    farm_connection *connection = ((sqlite_engine *)context)->user;

    if (connection->is_vetoed) return 1;
    if (connection->expected >= 0 && connection->returned != connection->expected) return 1;
    connection->is_committing = 1;
    return 0;
}

/* Statements. */

farm_status sqlite_prepare(farm_connection *connection, const char *text, sqlite_prepared *out,
                           farm_fault *fault) {
    int result = sqlite3_prepare_v3(connection->engine->handle, text, -1, SQLITE_PREPARE_PERSISTENT,
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

void sqlite_engine_clear(sqlite_engine *engine) {
    for (size_t i = 0; i < CONTROL_COUNT; i++) sqlite_unprepare(&engine->controls[i]);
    for (size_t i = 0; i < engine->step_count; i++) sqlite_unprepare(&engine->cache[i]);
}

farm_status sqlite_engine_ready(sqlite_engine *engine, farm_fault *fault) {
    farm_status status = FARM_OK;

    for (size_t i = 0; i < CONTROL_COUNT && status == FARM_OK; i++) {
        status = sqlite_prepare(engine->user, control_texts[i], &engine->controls[i], fault);
    }
    return status;
}

/* Opening. */

farm_status sqlite_engine_init(sqlite_engine *engine, uint32_t step_count) {
    size_t size = step_count * sizeof *engine->cache;

    *engine = (sqlite_engine){.cache = farm_allocate(size)};
    if (engine->cache == NULL) return FARM_ENOMEM;
    /* Not before there is a cache: what failed to be made is cleared all the same. */
    engine->step_count = step_count;
    memset(engine->cache, 0, size);
    return FARM_OK;
}

/* A path is no URI, even where SQLite was built or told to see one in "file:…". */
static char *plain_path(const char *path) {
    const char *prefix = strncmp(path, "file:", 5) == 0 ? "./" : "";
    size_t size = strlen(prefix) + strlen(path) + 1;
    char *plain = farm_allocate(size);

    if (plain != NULL) (void)snprintf(plain, size, "%s%s", prefix, path);
    return plain;
}

farm_status sqlite_engine_open(const farm_store *store, sqlite3 **out, farm_fault *fault) {
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
    int result = sqlite3_exec(connection->engine->handle, text, NULL, NULL, NULL);

    for (int i = 0; (result & 255) == SQLITE_BUSY && sqlite_pause(connection, i); i++) {
        result = sqlite3_exec(connection->engine->handle, text, NULL, NULL, NULL);
    }
    if (result == SQLITE_OK) return FARM_OK;
    farm_status status = sqlite_fault_result(connection, fault, result);
    if ((result & 255) == SQLITE_CANTOPEN) {
        status =
            sqlite_fault_open(connection->engine->handle, connection->store->path, fault, result);
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
    int32_t is_readonly = sqlite3_db_readonly(connection->engine->handle, "main") == 1;

    if (connection->engine == &connection->own) connection->is_readonly = is_readonly;
    /* Reading the header finds a file that is no database. */
    if (is_readonly) {
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

farm_status sqlite_engine_set_up(sqlite_engine *engine, farm_fault *fault) {
    farm_connection *connection = engine->user;
    sqlite3 *handle = engine->handle;

    (void)sqlite3_extended_result_codes(handle, 1);
    (void)sqlite3_busy_handler(handle, pause_for_lock, engine);
    sqlite3_progress_handler(handle, PROGRESS_STEPS, look_up, engine);
    (void)sqlite3_commit_hook(handle, allow_commit, engine);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* A plan does not depend on the values bound: it is the one that was tested, and binding never
     * makes SQLite prepare anew. */
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
    int result = sqlite_list_register(handle);
    if (result != SQLITE_OK) return sqlite_fault_result(connection, fault, result);
    return connection->store->is_memory ? FARM_OK : set_up_file(connection, fault);
}
