/* The decorator that counts what reaches the store. A begin that the backend puts off to the first
 * run, and a commit or rollback of what was never begun there, do not. */
#include "decorator_hooks.h"
#include <pthread.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t counts[DECORATOR_OPERATION_COUNT]; /* guarded by mutex */

void decorator_count_reset(void) {
    pthread_mutex_lock(&mutex);
    memset(counts, 0, sizeof counts);
    pthread_mutex_unlock(&mutex);
}

void decorator_count_get(decorator_counts *out) {
    pthread_mutex_lock(&mutex);
    *out = (decorator_counts){.open = counts[DECORATOR_OPEN],
                              .begin = counts[DECORATOR_BEGIN],
                              .run = counts[DECORATOR_RUN],
                              .commit = counts[DECORATOR_COMMIT],
                              .rollback = counts[DECORATOR_ROLLBACK],
                              .undo = counts[DECORATOR_UNDO],
                              .script = counts[DECORATOR_SCRIPT]};
    pthread_mutex_unlock(&mutex);
    out->round_trips =
        out->begin + out->run + out->commit + out->rollback + out->undo + out->script;
}

static int32_t has_work(const decorator_event *event) {
    if (event->flags & (FARM_RUN_SAVEPOINT | FARM_RUN_RELEASE)) return 1;
    if ((event->flags & FARM_RUN_COMMIT) && event->had_transaction) return 1;
    for (size_t i = 0; i < event->call_count; i++)
        if (event->calls[i].row_count > 0 && event->calls[i].statement->step_count > 0) return 1;
    return 0;
}

static int32_t reaches_store(const decorator_event *event) {
    switch (event->operation) {
    case DECORATOR_BEGIN:
        return event->has_transaction;
    case DECORATOR_RUN:
        return has_work(event);
    case DECORATOR_COMMIT:
    case DECORATOR_ROLLBACK:
        return event->had_transaction;
    default:
        return 1;
    }
}

static farm_status after(decorator_event *event, farm_status status) {
    if (!reaches_store(event)) return status;
    pthread_mutex_lock(&mutex);
    counts[event->operation]++;
    pthread_mutex_unlock(&mutex);
    return status;
}

const decorator_kind decorator_count = {.prefix = "count", .after = after, .text = ""};
