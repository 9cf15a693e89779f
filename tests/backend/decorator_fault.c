/* The decorator that makes the nth storage call fail, before or after the store has done it. */
#include "decorator_hooks.h"
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t nth;
    uint64_t count;
    farm_status status;
    int32_t when;
    int32_t has_fired;
} plan; /* guarded by mutex */

static const uint8_t is_counted[DECORATOR_OPERATION_COUNT] = {
    [DECORATOR_OPEN] = 1, [DECORATOR_BEGIN] = 1, [DECORATOR_RUN] = 1, [DECORATOR_COMMIT] = 1};

enum { NOTE_NONE, NOTE_FAIL_AFTER };

void decorator_fault_set(uint64_t nth, farm_status status, int32_t when) {
    pthread_mutex_lock(&mutex);
    plan.nth = nth;
    plan.count = 0;
    plan.status = status;
    plan.when = when;
    plan.has_fired = 0;
    pthread_mutex_unlock(&mutex);
}

uint64_t decorator_fault_count(void) {
    pthread_mutex_lock(&mutex);
    uint64_t count = plan.count;
    pthread_mutex_unlock(&mutex);
    return count;
}

int32_t decorator_fault_has_fired(void) {
    pthread_mutex_lock(&mutex);
    int32_t has_fired = plan.has_fired;
    pthread_mutex_unlock(&mutex);
    return has_fired;
}

/* Whether this call is the one. */
static int32_t is_due(farm_status *out_status, int32_t *out_when) {
    pthread_mutex_lock(&mutex);
    plan.count++;
    int32_t is_it = plan.nth != 0 && plan.count == plan.nth;
    *out_status = plan.status;
    *out_when = plan.when;
    pthread_mutex_unlock(&mutex);
    return is_it;
}

static void note_fired(void) {
    pthread_mutex_lock(&mutex);
    plan.has_fired = 1;
    pthread_mutex_unlock(&mutex);
}

static farm_status before(decorator_event *event) {
    farm_status status = FARM_OK;
    int32_t when = DECORATOR_FAULT_BEFORE;
    event->note = NOTE_NONE;
    if (!is_counted[event->operation] || !is_due(&status, &when)) return FARM_OK;
    if (when == DECORATOR_FAULT_BEFORE) {
        note_fired();
        return status == FARM_OK ? FARM_EUNAVAILABLE : status;
    }
    if (status == FARM_OK) status = event->is_committing ? FARM_EUNCERTAIN : FARM_EUNAVAILABLE;
    event->note = NOTE_FAIL_AFTER + status;
    /* The savepoint has to be there for undo. */
    event->flags &= ~(uint32_t)FARM_RUN_RELEASE;
    return FARM_OK;
}

static farm_status after(decorator_event *event, farm_status status) {
    if (event->note == NOTE_NONE || status != FARM_OK) return status;
    note_fired();
    return (farm_status)(event->note - NOTE_FAIL_AFTER);
}

const decorator_kind decorator_fault = {
    .prefix = "fault", .before = before, .after = after, .text = "a fault that a test planted"};
