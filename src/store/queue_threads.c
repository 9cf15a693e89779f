/* The threads of a completion queue: workers, which run submissions on the pool's sessions, and a
 * watcher, which sees to deadlines and repeats interrupts. */
#include "store/queue.h"
#include "store/session.h"
#include <signal.h>

/* An interrupt misses a call that is just about to begin, so it is repeated. */
enum { INTERRUPT_AGAIN_US = 10000 };

/* The queue whose submission runs on this thread. */
static _Thread_local const farm_queue *queue_inside;

int32_t queue_is_inside(const farm_queue *queue) {
    return queue_inside == queue;
}

/* --- workers ---------------------------------------------------------------------------------- */

/* What the function's answer means, while the session still has its error. */
static void take_outcome(farm_session *session, farm_status status, farm_error *out) {
    const farm_error *error = farm_session_error(session);
    if (status == FARM_OK && session->transaction != TRANSACTION_NONE)
        (void)store_error_fail(out, FARM_EINVAL, 0,
                               "the function left a transaction open, which is rolled back");
    else if (status == FARM_OK)
        store_error_clear(out);
    else if (error->status == status)
        *out = *error;
    else
        (void)store_error_fail(out, status, 0, "%s", farm_status_text(status));
}

static void run_submission(const farm_queue *queue, const farm_submission *given, int64_t until_us,
                           farm_session *session, farm_error *out) {
    session_set_until(session, until_us);
    /* The server, too, is to give up when a time was asked for. */
    if (given->timeout_us > 0) (void)farm_session_set_timeout_us(session, given->timeout_us);
    queue_inside = queue;
    farm_status status = given->function(session, given->context);
    queue_inside = NULL;
    take_outcome(session, status, out);
}

/* From here on under the mutex, which is left while a function runs. */

static void run_started(farm_queue *queue, queue_worker *worker, uint32_t index,
                        farm_session *session, farm_error *out) {
    const slot *item = &queue->slots.items[index];
    const farm_submission given = item->given;
    const int64_t until_us = item->until_us;
    worker->index = index;
    worker->session = session;
    pthread_mutex_unlock(&queue->mutex);
    run_submission(queue, &given, until_us, session, out);
    pthread_mutex_lock(&queue->mutex);
    worker->session = NULL;
    queue->cancelled_count -= (uint32_t)worker->is_cancelled;
    worker->is_cancelled = 0;
}

/* Run the next that waits, which may be gone by now. The session is free before the completion is
 * there, so that whoever sees that can have it. */
static void run_next(farm_queue *queue, queue_worker *worker, farm_session *session) {
    farm_error outcome;
    const uint32_t index = slots_start(&queue->slots, clock_monotonic_us());
    if (index != SLOTS_NONE) run_started(queue, worker, index, session, &outcome);
    pthread_mutex_unlock(&queue->mutex);
    farm_pool_release(queue->pool, session);
    pthread_mutex_lock(&queue->mutex);
    if (index != SLOTS_NONE) queue_end(queue, index, &outcome);
}

/* There is no session for the next that waits, and it is told why. */
static void fail_next(farm_queue *queue, const farm_error *error) {
    const uint32_t index = queue->slots.lines[SLOT_WAITING].first;
    if (index != SLOTS_NONE) queue_end(queue, index, error);
}

/* A submission is taken only with a session in hand: until then it can be cancelled, or run out of
 * time, as one that waits. */
static void serve_next(farm_queue *queue, queue_worker *worker) {
    farm_session *session = NULL;
    farm_error error;
    queue->acquiring_count++;
    pthread_mutex_unlock(&queue->mutex);
    (void)pool_acquire(queue->pool, -1, &queue->is_closing, &error, &session);
    pthread_mutex_lock(&queue->mutex);
    queue->acquiring_count--;
    if (session != NULL)
        run_next(queue, worker, session);
    else
        fail_next(queue, &error);
}

static void *run_worker(void *context) {
    queue_worker *worker = context;
    farm_queue *queue = worker->queue;
    pthread_mutex_lock(&queue->mutex);
    while (!atomic_load(&queue->is_closing)) {
        if (queue->slots.lines[SLOT_WAITING].count > queue->acquiring_count)
            serve_next(queue, worker);
        else
            pthread_cond_wait(&queue->has_work, &queue->mutex);
    }
    pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

/* --- the watcher ------------------------------------------------------------------------------ */

static void end_overdue(farm_queue *queue) {
    const int64_t now_us = clock_monotonic_us();
    while (slots_earliest_us(&queue->slots) <= now_us)
        queue_give_up(queue, slots_earliest(&queue->slots),
                      "the submission's time was over before it began");
}

static void interrupt_cancelled(farm_queue *queue) {
    for (uint32_t i = 0; queue->cancelled_count > 0 && i < queue->worker_count; i++) {
        queue_worker *worker = &queue->workers[i];
        if (worker->session != NULL && worker->is_cancelled) session_cancel(worker->session);
    }
}

static void *run_watcher(void *context) {
    farm_queue *queue = context;
    pthread_mutex_lock(&queue->mutex);
    while (!atomic_load(&queue->is_closing) || queue->slots.lines[SLOT_RUNNING].count > 0) {
        end_overdue(queue);
        interrupt_cancelled(queue);
        queue->watch_us = slots_earliest_us(&queue->slots);
        if (queue->cancelled_count > 0 || atomic_load(&queue->is_closing))
            queue->watch_us = clock_monotonic_us() + INTERRUPT_AGAIN_US;
        (void)clock_condition_wait(&queue->watched, &queue->mutex, queue->watch_us);
    }
    pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

/* --- starting and ending ---------------------------------------------------------------------- */

static void join_threads(farm_queue *queue, uint32_t worker_count) {
    for (uint32_t i = 0; i < worker_count; i++) pthread_join(queue->workers[i].thread, NULL);
    pthread_join(queue->watcher, NULL);
    queue->has_threads = 0;
}

void queue_join_threads(farm_queue *queue) {
    join_threads(queue, queue->worker_count);
}

/* Some could not be started: those that were have nothing to do, and end. */
static void stop_threads(farm_queue *queue, uint32_t started) {
    pthread_mutex_lock(&queue->mutex);
    atomic_store(&queue->is_closing, 1);
    pthread_cond_broadcast(&queue->has_work);
    pthread_cond_signal(&queue->watched);
    pthread_mutex_unlock(&queue->mutex);
    join_threads(queue, started);
    atomic_store(&queue->is_closing, 0);
}

/* The host's signals are for the host's threads. */
int32_t queue_start_threads(farm_queue *queue) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    uint32_t started = 0;
    const int32_t is_watched = pthread_create(&queue->watcher, NULL, run_watcher, queue) == 0;
    int32_t is_fine = is_watched;
    for (; is_fine && started < queue->worker_count; started += (uint32_t)is_fine) {
        queue_worker *worker = &queue->workers[started];
        worker->queue = queue;
        is_fine = pthread_create(&worker->thread, NULL, run_worker, worker) == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_watched && !is_fine) stop_threads(queue, started);
    queue->has_threads = is_fine;
    return is_fine;
}
