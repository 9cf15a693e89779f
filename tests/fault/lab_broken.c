/* Planted faults. */
#include "fault/lab_broken.h"
#include "backend/decorator_hooks.h"
#include "support/fault_vfs.h"
#include <farmcore/backend.h>
#include <string.h>

/* --- a backend that runs another statement than it is told to --- */

static const farm_backend *inner;
static farm_backend altered;
static _Thread_local char text[4096];
static _Thread_local const char *steps[1];
static _Thread_local farm_statement guardless;

/* Without its last WHERE: whoever comes takes the key. */
static const farm_statement *without_guard(const farm_statement *statement) {
    const char *whole = statement->steps[0];
    const char *last = NULL;
    for (const char *at = strstr(whole, "WHERE"); at != NULL; at = strstr(at + 1, "WHERE"))
        last = at;
    if (last == NULL || (size_t)(last - whole) >= sizeof text) return statement;
    memcpy(text, whole, (size_t)(last - whole));
    steps[0] = text;
    guardless = *statement;
    guardless.steps = steps;
    return &guardless;
}

static farm_status run_altered(farm_connection *connection, farm_call *calls, size_t count,
                               uint32_t flags, farm_fault *fault) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(calls[i].statement->name, "idempotency.key_claim") == 0)
            calls[i].statement = without_guard(calls[i].statement);
    return inner->run(connection, calls, count, flags, fault);
}

static farm_status open_altered(const farm_store_config *config, farm_store **out,
                                farm_fault *fault) {
    farm_store_config changed = *config;
    changed.uri = strchr(config->uri, '+') + 1;
    return inner->store_open(&changed, out, fault);
}

static const char *plant_missing_key(void) {
    inner = farm_backend_find("sqlite");
    if (inner == NULL) return NULL;
    altered = *inner;
    altered.scheme = "altered+sqlite";
    altered.store_open = open_altered;
    altered.run = run_altered;
    return farm_backend_register(&altered) == FARM_OK ? "altered+" : NULL;
}

/* --- a commit whose failure nobody hears of --- */

/* Uncertain: it was the commit itself that failed, so that all rows have been answered. */
static farm_status swallow(decorator_event *event, farm_status status) {
    return event->is_committing && status == FARM_EUNCERTAIN ? FARM_OK : status;
}

static const decorator_kind swallowing = {
    .prefix = "swallowing", .after = swallow, .text = "it swallows what fails"};

/* --- by name --- */

const char *lab_broken_plant(const char *name) {
    if (strcmp(name, "missing-key") == 0) return plant_missing_key();
    if (strcmp(name, "swallowed-error") == 0)
        return decorator_register(&swallowing, "sqlite") == NULL ? NULL : "swallowing+";
    if (strcmp(name, "lost-lock") == 0) {
        fault_vfs_lie(FAULT_VFS_SHM);
        return "";
    }
    return NULL;
}
