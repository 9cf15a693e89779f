/* The SQLite backend: its table of functions, and stores. A store is little more than its URI: what
 * sessions on one file share, in whatever store they are, is in sqlite_file.c. */
#include "sqlite_internal.h"

#include <farmcore/sqlite.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OLDEST_VERSION = 3040000 };

static const char memory_path[] = ":memory:";

static farm_status check_library(farm_fault *fault) {
    if (sqlite3_libversion_number() < OLDEST_VERSION) {
        return sqlite_fault_set(fault, FARM_EUNSUPPORTED, "SQLite is older than 3.40");
    }
    if (!sqlite3_threadsafe()) {
        return sqlite_fault_set(fault, FARM_EUNSUPPORTED, "SQLite was built without threads");
    }
    return FARM_OK;
}

/* Where each statement's steps stand in the cache of a connection. */
static farm_status lay_out_cache(farm_store *store, const farm_store_config *config) {
    store->statements = config->statements;
    store->statement_count = config->statement_count;
    store->offsets = farm_allocate(config->statement_count * sizeof *store->offsets);
    if (store->offsets == NULL) return FARM_ENOMEM;
    for (uint32_t i = 0; i < config->statement_count; i++) {
        store->offsets[i] = store->step_count;
        store->step_count += config->statements[i].step_count;
    }
    return FARM_OK;
}

static int32_t is_set(const farm_store_config *config, const char *name, const char *value) {
    for (size_t i = 0; i < config->setting_count; i++) {
        if (strcmp(config->settings[i].name, name) == 0) {
            return strcmp(config->settings[i].value, value) == 0;
        }
    }
    return 0;
}

/* A name in the VFS "memdb" is one database for the whole process, while anybody has it open. */
static farm_status open_memory(farm_store *store, farm_fault *fault) {
    static atomic_uint count;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;

    (void)snprintf(store->memory_uri, sizeof store->memory_uri, "file:/farm-%u-%ld?vfs=memdb",
                   atomic_fetch_add(&count, 1), (long)getpid());
    farm_status status = sqlite_file_new(&store->memory_file, fault);
    if (status != FARM_OK) return status;
    int result = sqlite3_open_v2(store->memory_uri, &store->anchor, flags, NULL);
    return result == SQLITE_OK ? FARM_OK
                               : sqlite_fault_open(store->anchor, store->path, fault, result);
}

static void store_close(farm_store *store) {
    if (store == NULL) return;
    (void)sqlite3_close_v2(store->anchor);
    sqlite_file_leave(store->memory_file);
    farm_free(store->offsets);
    farm_free(store);
}

static farm_status store_open(const farm_store_config *config, farm_store **out,
                              farm_fault *fault) {
    const char *colon = strchr(config->uri, ':');

    sqlite_fault_clear(fault);
    *out = NULL;
    farm_status status = check_library(fault);
    if (status != FARM_OK) return status;
    if (colon == NULL) return sqlite_fault_set(fault, FARM_EINVAL, "the URI has no scheme");
    farm_store *store = farm_allocate(sizeof *store);
    if (store == NULL) return sqlite_fault_memory(fault);
    *store = (farm_store){.path = colon + 1};
    store->is_memory = strcmp(store->path, memory_path) == 0;
    store->is_durable = !is_set(config, "durability", "normal");
    if (lay_out_cache(store, config) != FARM_OK) status = sqlite_fault_memory(fault);
    if (status == FARM_OK && store->is_memory) status = open_memory(store, fault);
    if (status == FARM_OK) {
        *out = store;
    } else {
        store_close(store);
    }
    return status;
}

static const farm_setting_rule setting_rules[] = {
    {"durability", "full|normal"},
    {NULL, NULL},
};

const farm_backend farm_sqlite_backend = {
    .struct_size = sizeof(farm_backend),
    .capabilities = 0,
    .scheme = "sqlite",
    .dialect = "sqlite",
    .settings = setting_rules,
    .store_open = store_open,
    .store_close = store_close,
    .open = sqlite_open,
    .close = sqlite_close,
    .set_timeout = sqlite_set_timeout,
    .begin = sqlite_begin,
    .run = sqlite_run,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .undo = sqlite_undo,
    .script = sqlite_script,
    .has_transaction = sqlite_has_transaction,
    .adopt = sqlite_adopt,
    .interrupt = sqlite_interrupt,
    .wait = sqlite_wait,
    .abandon = sqlite_abandon,
};
