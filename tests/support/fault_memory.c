/* Memory that runs out; see fault_memory.h. */
#include "support/fault_memory.h"
#include <cjson/cJSON.h>
#include <farmcore/base.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

static const char *const names[FAULT_MEMORY_OWNERS] = {"the library", "SQLite", "cJSON"};

static atomic_int failing_owner;
/* The allocation to fail: 0 is the next; below: none. */
static atomic_long countdown = -1;
static atomic_int has_fired;

static int fails_now(int owner) {
    if (owner != atomic_load(&failing_owner) || atomic_load(&countdown) < 0) return 0;
    if (atomic_fetch_sub(&countdown, 1) != 0) return 0;
    atomic_store(&has_fired, 1);
    return 1;
}

/* --- the library's --- */

static void *allocate(void *context, size_t size) {
    (void)context;
    return fails_now(FAULT_MEMORY_LIBRARY) ? NULL : malloc(size);
}

static void *reallocate(void *context, void *data, size_t size) {
    (void)context;
    return fails_now(FAULT_MEMORY_LIBRARY) ? NULL : realloc(data, size);
}

static void release(void *context, void *data) {
    (void)context;
    free(data);
}

/* --- SQLite's: its own allocator, which may refuse --- */

static sqlite3_mem_methods sqlite_memory;

static void *allocate_sqlite(int size) {
    return fails_now(FAULT_MEMORY_SQLITE) ? NULL : sqlite_memory.xMalloc(size);
}

static void *reallocate_sqlite(void *data, int size) {
    return fails_now(FAULT_MEMORY_SQLITE) ? NULL : sqlite_memory.xRealloc(data, size);
}

static int take_sqlite(void) {
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) != SQLITE_OK) return 0;
    sqlite3_mem_methods refusing = sqlite_memory;
    refusing.xMalloc = allocate_sqlite;
    refusing.xRealloc = reallocate_sqlite;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &refusing) == SQLITE_OK;
}

/* --- cJSON's --- */

static void *allocate_cjson(size_t size) {
    return fails_now(FAULT_MEMORY_CJSON) ? NULL : malloc(size);
}

static void release_cjson(void *data) {
    free(data);
}

/* --- all of them --- */

int fault_memory_register(void) {
    const farm_allocator allocator = {.struct_size = sizeof allocator,
                                      .allocate = allocate,
                                      .reallocate = reallocate,
                                      .release = release};
    cJSON_Hooks hooks = {.malloc_fn = allocate_cjson, .free_fn = release_cjson};
    if (!take_sqlite() || farm_allocator_set(&allocator) != FARM_OK) return 0;
    cJSON_InitHooks(&hooks);
    return 1;
}

void fault_memory_fail(int owner, long nth) {
    atomic_store(&countdown, -1);
    atomic_store(&failing_owner, owner);
    if (nth >= 0) atomic_store(&has_fired, 0);
    atomic_store(&countdown, nth);
}

int fault_memory_has_fired(void) {
    return atomic_load(&has_fired);
}

const char *fault_memory_name(int owner) {
    return names[owner];
}
