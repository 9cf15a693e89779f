/* The queue in which the writers of this process wait for their turn on a file, served in the
 * order of their coming. SQLite's own busy_timeout is neither fair nor quick: threads poll, and
 * the unlucky one waits for seconds.
 *
 * Whoever has the turn may pass it on together with a transaction that is open, see sqlite_group.c.
 * Then the next in line has it without anybody's commit between.
 *
 * A memory database (the VFS "memdb") has no WAL. Its locking is sound but coarse: a reader is
 * turned away with SQLITE_BUSY from a writer's BEGIN to its COMMIT, a COMMIT from the first reader
 * to the last, and as nothing announces the writer, readers that overlap keep it out for ever. So
 * there readers queue too: they share a turn, writers have it alone, and who came first is served
 * first. Nobody then meets SQLITE_BUSY, and every wait ends by its deadline. The price is that on
 * a memory database a write waits for open read transactions, which it does not on a file. */
#include "sqlite_internal.h"

#include <errno.h>
#include <time.h>

int64_t sqlite_now_us(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Waits are measured on a clock that nobody sets. */
int32_t sqlite_waiter_init(sqlite_waiter *waiter, const atomic_int *is_interrupted) {
    pthread_condattr_t attributes;

    *waiter = (sqlite_waiter){.is_interrupted = is_interrupted};
    if (pthread_condattr_init(&attributes) != 0) return 0;
    int result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (result == 0) result = pthread_cond_init(&waiter->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return result == 0;
}

void sqlite_waiter_destroy(sqlite_waiter *waiter) {
    (void)pthread_cond_destroy(&waiter->wake);
}

/* From here to the public part: with the file's mutex held. */

static int32_t is_free_for(const sqlite_file *file, int32_t kind) {
    if (file->is_exclusive) return 0;
    return kind == TURN_SHARED || file->shared_count == 0;
}

static void take(sqlite_file *file, int32_t kind) {
    if (kind == TURN_SHARED) {
        file->shared_count++;
    } else {
        file->is_exclusive = 1;
    }
}

static void grant_first(sqlite_file *file) {
    sqlite_waiter *waiter = file->first;

    file->first = waiter->next;
    if (file->first == NULL) file->last = NULL;
    waiter->is_granted = 1;
    (void)pthread_cond_signal(&waiter->wake);
}

/* Hand the turn over rather than up for grabs: whoever is first in line has it from this moment,
 * even before it wakes. */
static void grant_next(sqlite_file *file) {
    while (file->first != NULL && is_free_for(file, file->first->kind)) {
        take(file, file->first->kind);
        grant_first(file);
    }
}

int32_t sqlite_queue_pass(sqlite_file *file, const sqlite_writer *writer) {
    if (file->first == NULL || file->first->writer != writer) return 0;
    file->first->is_joining = 1;
    grant_first(file);
    return 1;
}

static void append(sqlite_file *file, sqlite_waiter *waiter) {
    if (file->last == NULL) {
        file->first = waiter;
    } else {
        file->last->next = waiter;
    }
    file->last = waiter;
}

static void remove_waiter(sqlite_file *file, const sqlite_waiter *waiter) {
    sqlite_waiter *before = NULL;

    for (sqlite_waiter *each = file->first; each != NULL; before = each, each = each->next) {
        if (each != waiter) continue;
        if (before == NULL) {
            file->first = each->next;
        } else {
            before->next = each->next;
        }
        if (file->last == each) file->last = before;
        return;
    }
}

static farm_status await_turn(sqlite_file *file, sqlite_waiter *waiter, int64_t deadline_us) {
    struct timespec until = {.tv_sec = (time_t)(deadline_us / 1000000),
                             .tv_nsec = (long)(deadline_us % 1000000) * 1000};
    int result = 0;

    while (!waiter->is_granted && result != ETIMEDOUT && !atomic_load(waiter->is_interrupted)) {
        if (deadline_us == SQLITE_NEVER_US) {
            result = pthread_cond_wait(&waiter->wake, &file->mutex);
        } else {
            result = pthread_cond_timedwait(&waiter->wake, &file->mutex, &until);
        }
    }
    if (waiter->is_granted) return FARM_OK;
    remove_waiter(file, waiter);
    /* It may have been a writer behind whom readers stood. */
    grant_next(file);
    return atomic_load(waiter->is_interrupted) ? FARM_ETIMEOUT : FARM_EAGAIN;
}

farm_status sqlite_queue_enter(sqlite_file *file, sqlite_waiter *waiter, int32_t kind,
                               int64_t deadline_us) {
    farm_status status = FARM_OK;

    (void)pthread_mutex_lock(&file->mutex);
    waiter->is_joining = 0;
    waiter->has_waited = 0;
    if (file->first == NULL && is_free_for(file, kind)) {
        take(file, kind);
    } else {
        waiter->has_waited = 1;
        waiter->next = NULL;
        waiter->kind = kind;
        waiter->is_granted = 0;
        append(file, waiter);
        status = await_turn(file, waiter, deadline_us);
    }
    (void)pthread_mutex_unlock(&file->mutex);
    return status;
}

void sqlite_queue_leave(sqlite_file *file, int32_t kind) {
    (void)pthread_mutex_lock(&file->mutex);
    if (kind == TURN_SHARED) {
        file->shared_count--;
    } else {
        file->is_exclusive = 0;
    }
    grant_next(file);
    (void)pthread_mutex_unlock(&file->mutex);
}

void sqlite_queue_wake(sqlite_file *file, sqlite_waiter *waiter) {
    (void)pthread_mutex_lock(&file->mutex);
    (void)pthread_cond_signal(&waiter->wake);
    (void)pthread_mutex_unlock(&file->mutex);
}
