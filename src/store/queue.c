/* The completion queue: threads that run submissions on a pool's sessions, a thread that watches
 * deadlines and cancellations, and the pipe that an event loop polls. What state a submission is in
 * is in slots.c. */
#include <farmcore/queue.h>
#include "base/options.h"
#include "store/pool.h"
#include "store/session.h"
#include "store/slots.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_CAPACITY = 1024, MAX_WORKER_COUNT = 1000, MAX_STRUCT_SIZE = 4096 };

/* An interrupt misses a call that is just about to begin, so it is repeated. */
enum { INTERRUPT_AGAIN_US = 10000 };

typedef struct queue_worker {
    farm_queue *queue;
    pthread_t thread;
    farm_session *session; /* that a submission runs on; under the mutex */
    uint32_t index;        /* of that submission */
    int32_t is_cancelled;
} queue_worker;

struct farm_queue {
    pthread_mutex_t mutex;   /* guards all that follows it */
    pthread_cond_t has_work; /* a worker may have something to do */
    pthread_cond_t has_ended;
    pthread_cond_t watched; /* the watcher has to look sooner */
    farm_pool *pool;        /* NULL: was never open */
    slots slots;
    queue_worker *workers;
    uint32_t worker_count;
    uint32_t acquiring_count; /* workers that are getting a session, for one submission each */
    uint32_t cancelled_count; /* submissions that run and are cancelled */
    int64_t watch_us;         /* when the watcher looks next */
    pthread_t watcher;
    atomic_int is_closing;
    int32_t pipe[2];
    uint32_t fork_generation;
    int64_t timeout_us; /* of a submission that does not say */
    int32_t has_threads;
    pthread_mutex_t closing_mutex; /* one at a time waits for the threads */
};

/* The queue whose submission runs on this thread. */
static _Thread_local const farm_queue *queue_inside;

static farm_status fail(farm_error *error, farm_status status, const char *text) {
    if (error != NULL) error_set(error, status, 0, "%s", text);
    return status;
}

/* --- completions; all under the mutex --------------------------------------------------------- */

/* One byte stands in the pipe for as long as completions are there. The pipe never has more, so
 * neither call can block or fail but for a signal. */
static void raise_descriptor(const farm_queue *queue) {
    static const char byte = 1;
    while (write(queue->pipe[1], &byte, 1) < 0 && errno == EINTR) {}
}

static void lower_descriptor(const farm_queue *queue) {
    char byte = 0;
    while (read(queue->pipe[0], &byte, 1) < 0 && errno == EINTR) {}
}

static void end_submission(farm_queue *queue, uint32_t index, const farm_error *error) {
    const int32_t is_first = queue->slots.lines[SLOT_DONE].count == 0;
    slots_end(&queue->slots, index, error->status, error->reason, error->text,
              clock_monotonic_us());
    if (is_first) raise_descriptor(queue);
    pthread_cond_signal(&queue->has_ended);
}

static void end_waiting(farm_queue *queue, uint32_t index, const char *text) {
    farm_error error;
    error_set(&error, FARM_ETIMEOUT, 0, "%s", text);
    end_submission(queue, index, &error);
}

/* --- workers ---------------------------------------------------------------------------------- */

/* What the function's answer means, while the session still has its error. */
static void take_outcome(farm_session *session, farm_status status, farm_error *out) {
    const farm_error *error = farm_session_error(session);
    if (status == FARM_OK && session->transaction != TRANSACTION_NONE)
        error_set(out, FARM_EINVAL, 0,
                  "the function left a transaction open, which is rolled back");
    else if (status != FARM_OK && error->status == status)
        *out = *error;
    else
        error_set(out, status, 0, "%s", status == FARM_OK ? "" : farm_status_text(status));
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

/* With a session, or with the reason why there is none: the next that waits. Under the mutex, which
 * it leaves meanwhile. */
static void serve_next(farm_queue *queue, queue_worker *worker, farm_session *session,
                       farm_error *error) {
    const uint32_t index = session == NULL ? queue->slots.lines[SLOT_WAITING].first
                                           : slots_start(&queue->slots, clock_monotonic_us());
    if (index != SLOTS_NONE && session == NULL) end_submission(queue, index, error);
    if (session == NULL) return;

    if (index != SLOTS_NONE) {
        const slot *item = &queue->slots.items[index];
        const farm_submission given = item->given;
        const int64_t until_us = item->until_us;
        worker->index = index;
        worker->session = session;
        pthread_mutex_unlock(&queue->mutex);
        run_submission(queue, &given, until_us, session, error);
        pthread_mutex_lock(&queue->mutex);
        worker->session = NULL;
        queue->cancelled_count -= (uint32_t)worker->is_cancelled;
        worker->is_cancelled = 0;
    }
    /* It is free before its completion is there, so that whoever sees that can have it. */
    pthread_mutex_unlock(&queue->mutex);
    farm_pool_release(queue->pool, session);
    pthread_mutex_lock(&queue->mutex);
    if (index != SLOTS_NONE) end_submission(queue, index, error);
}

/* The submission is taken only with a session in hand: until then it can be cancelled, or run out
 * of time, as one that waits. */
static void *run_worker(void *context) {
    queue_worker *worker = context;
    farm_queue *queue = worker->queue;
    pthread_mutex_lock(&queue->mutex);
    while (!atomic_load(&queue->is_closing)) {
        if (queue->slots.lines[SLOT_WAITING].count <= queue->acquiring_count) {
            pthread_cond_wait(&queue->has_work, &queue->mutex);
            continue;
        }
        farm_session *session = NULL;
        farm_error error;
        queue->acquiring_count++;
        pthread_mutex_unlock(&queue->mutex);
        (void)pool_acquire(queue->pool, -1, &queue->is_closing, &error, &session);
        pthread_mutex_lock(&queue->mutex);
        queue->acquiring_count--;
        serve_next(queue, worker, session, &error);
    }
    pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

/* --- the watcher ------------------------------------------------------------------------------ */

static void end_overdue(farm_queue *queue) {
    const int64_t now_us = clock_monotonic_us();
    while (slots_earliest_us(&queue->slots) <= now_us)
        end_waiting(queue, slots_earliest(&queue->slots),
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

/* --- opening ---------------------------------------------------------------------------------- */

farm_status farm_queue_new(farm_queue **out) {
    if (out == NULL) return FARM_EINVAL;
    farm_queue *queue = farm_allocate(sizeof *queue);
    *out = NULL;
    if (queue == NULL) return FARM_ENOMEM;
    memset(queue, 0, sizeof *queue);
    queue->pipe[0] = queue->pipe[1] = -1;
    queue->fork_generation = clock_fork_generation();
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_mutex_init(&queue->closing_mutex, NULL);
    pthread_cond_init(&queue->has_work, NULL);
    clock_condition_init(&queue->has_ended);
    clock_condition_init(&queue->watched);
    *out = queue;
    return FARM_OK;
}

static int32_t set_flags(int32_t descriptor) {
    const int flags = fcntl(descriptor, F_GETFL);
    return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

static int32_t open_pipe(farm_queue *queue) {
    int ends[2];
    if (pipe(ends) != 0) return 0;
    queue->pipe[0] = ends[0];
    queue->pipe[1] = ends[1];
    return set_flags(ends[0]) && set_flags(ends[1]);
}

static void close_pipe(farm_queue *queue) {
    for (size_t i = 0; i < 2; i++) {
        if (queue->pipe[i] >= 0) (void)close(queue->pipe[i]);
        queue->pipe[i] = -1;
    }
}

/* The threads that there are end; then nobody but the caller uses the queue's memory. */
static void join_threads(farm_queue *queue, uint32_t worker_count) {
    for (uint32_t i = 0; i < worker_count; i++) pthread_join(queue->workers[i].thread, NULL);
    pthread_join(queue->watcher, NULL);
    queue->has_threads = 0;
}

/* The host's signals are for the host's threads. */
static int32_t start_threads(farm_queue *queue) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    uint32_t started = 0;
    int32_t is_fine = pthread_create(&queue->watcher, NULL, run_watcher, queue) == 0;
    const int32_t is_watched = is_fine;
    for (; is_fine && started < queue->worker_count; started += (uint32_t)is_fine) {
        queue_worker *worker = &queue->workers[started];
        worker->queue = queue;
        is_fine = pthread_create(&worker->thread, NULL, run_worker, worker) == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    queue->has_threads = is_fine;
    if (is_fine || !is_watched) return is_fine;
    pthread_mutex_lock(&queue->mutex);
    atomic_store(&queue->is_closing, 1);
    pthread_cond_broadcast(&queue->has_work);
    pthread_cond_signal(&queue->watched);
    pthread_mutex_unlock(&queue->mutex);
    join_threads(queue, started);
    atomic_store(&queue->is_closing, 0);
    return 0;
}

static farm_status start(farm_queue *queue, uint32_t capacity, farm_error *error) {
    if (!open_pipe(queue)) return fail(error, FARM_EAGAIN, "the system has no descriptors left");
    queue->workers = farm_allocate(queue->worker_count * sizeof *queue->workers);
    if (queue->workers == NULL || slots_init(&queue->slots, capacity) != FARM_OK)
        return fail(error, FARM_ENOMEM, "there is no memory for the queue");
    memset(queue->workers, 0, queue->worker_count * sizeof *queue->workers);
    if (!start_threads(queue)) return fail(error, FARM_EAGAIN, "the system has no threads left");
    return FARM_OK;
}

farm_status farm_queue_open(farm_queue *queue, farm_pool *pool, const farm_queue_options *options,
                            farm_error *error) {
    farm_queue_options given;
    if (error != NULL) error_set(error, FARM_OK, 0, "%s", "");
    if (queue == NULL || pool == NULL)
        return fail(error, FARM_EINVAL, "the queue or the pool is NULL");
    if (queue->fork_generation != clock_fork_generation())
        return fail(error, FARM_EINVAL, "the queue belongs to the process that forked this one");
    if (queue->pool != NULL) return fail(error, FARM_EINVAL, "a queue is opened once");
    if (pool_max_count(pool) == 0) return fail(error, FARM_EINVAL, "the pool is not open");
    farm_status status = options_copy(&given, sizeof given, options);
    if (status == FARM_OK && (given.worker_count > MAX_WORKER_COUNT || given.capacity > SLOTS_MAX))
        status = FARM_EINVAL;
    if (status != FARM_OK)
        return fail(error, status,
                    "the queue's options are wrong: struct_size, worker_count over 1000, or "
                    "capacity over 65536");
    queue->worker_count = given.worker_count == 0 ? pool_max_count(pool) : given.worker_count;
    if (queue->worker_count > MAX_WORKER_COUNT) queue->worker_count = MAX_WORKER_COUNT;
    queue->timeout_us = pool_timeout_us(pool);
    queue->watch_us = INT64_MAX;
    queue->pool = pool;
    status = start(queue, given.capacity == 0 ? DEFAULT_CAPACITY : given.capacity, error);
    if (status == FARM_OK) return FARM_OK;
    slots_free(&queue->slots);
    farm_free(queue->workers);
    queue->workers = NULL;
    close_pipe(queue);
    queue->pool = NULL;
    return status;
}

int32_t farm_queue_descriptor(const farm_queue *queue) {
    return queue == NULL ? -1 : queue->pipe[0];
}

/* --- handing in ------------------------------------------------------------------------------- */

/* An open queue of this process. Not under the mutex. */
static farm_status check_queue(const farm_queue *queue, farm_error *error) {
    if (error != NULL) error_set(error, FARM_OK, 0, "%s", "");
    if (queue == NULL) return fail(error, FARM_EINVAL, "the queue is NULL");
    if (queue->fork_generation != clock_fork_generation())
        return fail(error, FARM_EINVAL, "the queue belongs to the process that forked this one");
    if (queue->pool == NULL) return fail(error, FARM_EINVAL, "the queue is not open");
    return FARM_OK;
}

/* One item of the caller's array, whatever the size of his structs. */
static farm_status read_item(const farm_submission *items, size_t index, farm_submission *out) {
    const uint32_t size = items->struct_size;
    if (size < sizeof size || size > MAX_STRUCT_SIZE) return FARM_EINVAL;
    const unsigned char *place = (const unsigned char *)items + index * size;
    farm_status status = options_copy(out, sizeof *out, place);
    if (status != FARM_OK) return status;
    const int32_t is_sound = out->struct_size == size && out->function != NULL &&
                             out->timeout_us >= -1 && out->timeout_us <= CLOCK_MAX_US;
    return is_sound ? FARM_OK : FARM_EINVAL;
}

static farm_status check_items(const farm_submission *items, size_t count, farm_error *error) {
    farm_submission item;
    farm_status status = items == NULL || count == 0 ? FARM_EINVAL : FARM_OK;
    for (size_t i = 0; i < count && i <= SLOTS_MAX && status == FARM_OK; i++)
        status = read_item(items, i, &item);
    if (status == FARM_EINVAL)
        fail(error, status,
             "a submission is wrong: struct_size, no function, or timeout_us below -1");
    if (status == FARM_EUNSUPPORTED)
        fail(error, status, "a submission uses fields that came after this version");
    return status;
}

static void add_item(farm_queue *queue, const farm_submission *given, farm_ticket *out) {
    const int64_t now_us = clock_monotonic_us();
    int64_t limit_us = given->timeout_us == 0 ? queue->timeout_us : given->timeout_us;
    const int64_t until_us = limit_us > 0 ? now_us + limit_us : 0;
    const uint32_t index = slots_add(&queue->slots, given, now_us, until_us);
    if (out != NULL) *out = slots_ticket(&queue->slots, index);
    if (until_us > 0 && until_us < queue->watch_us) {
        queue->watch_us = until_us;
        pthread_cond_signal(&queue->watched);
    }
    pthread_cond_signal(&queue->has_work);
}

farm_status farm_submit(farm_queue *queue, const farm_submission *items, size_t count,
                        farm_ticket *results, farm_error *error) {
    farm_status status = check_queue(queue, error);
    if (status == FARM_OK) status = check_items(items, count, error);
    if (status != FARM_OK) return status;
    pthread_mutex_lock(&queue->mutex);
    if (atomic_load(&queue->is_closing))
        status = fail(error, FARM_EINVAL, "the queue is closed");
    else if (count > queue->slots.capacity)
        status = fail(error, FARM_EINVAL, "there are more submissions than the queue's capacity");
    else if (count > queue->slots.lines[SLOT_FREE].count)
        status = fail(error, FARM_EAGAIN, "the queue is full: collect completions first");
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        farm_submission item;
        (void)read_item(items, i, &item);
        add_item(queue, &item, results == NULL ? NULL : &results[i]);
    }
    pthread_mutex_unlock(&queue->mutex);
    return status;
}

/* --- cancelling, collecting ------------------------------------------------------------------- */

static void cancel_running(farm_queue *queue, uint32_t index) {
    for (uint32_t i = 0; i < queue->worker_count; i++) {
        queue_worker *worker = &queue->workers[i];
        if (worker->session == NULL || worker->index != index || worker->is_cancelled) continue;
        worker->is_cancelled = 1;
        queue->cancelled_count++;
        session_cancel(worker->session);
    }
    pthread_cond_signal(&queue->watched);
}

farm_status farm_queue_cancel(farm_queue *queue, farm_ticket ticket) {
    farm_status status = check_queue(queue, NULL);
    if (status != FARM_OK) return status;
    pthread_mutex_lock(&queue->mutex);
    const uint32_t index = slots_find(&queue->slots, ticket);
    if (index == SLOTS_NONE)
        status = FARM_ENOTFOUND;
    else if (queue->slots.items[index].state == SLOT_WAITING)
        end_waiting(queue, index, "the submission was cancelled before it began");
    else
        cancel_running(queue, index);
    pthread_mutex_unlock(&queue->mutex);
    return status;
}

static int32_t are_rows_sound(const farm_completion *rows, size_t capacity) {
    if (rows == NULL || capacity == 0 || capacity > SLOTS_MAX) return 0;
    const uint32_t size = rows->struct_size;
    if (size < sizeof size || size > MAX_STRUCT_SIZE) return 0;
    for (size_t i = 1; i < capacity; i++) {
        uint32_t other = 0;
        memcpy(&other, (const unsigned char *)rows + i * size, sizeof other);
        if (other != size) return 0;
    }
    return 1;
}

static void await_completion(farm_queue *queue, int64_t timeout_us) {
    const int64_t until_us =
        timeout_us < 0 || timeout_us > CLOCK_MAX_US ? INT64_MAX : clock_monotonic_us() + timeout_us;
    int32_t is_in_time = timeout_us != 0;
    while (is_in_time && queue->slots.lines[SLOT_DONE].count == 0 &&
           !atomic_load(&queue->is_closing))
        is_in_time = clock_condition_wait(&queue->has_ended, &queue->mutex, until_us);
}

farm_status farm_queue_next(farm_queue *queue, int64_t timeout_us, farm_completion *rows,
                            size_t capacity, size_t *out_count) {
    if (out_count == NULL) return FARM_EINVAL;
    *out_count = 0;
    farm_status status = check_queue(queue, NULL);
    if (status != FARM_OK || timeout_us < -1 || !are_rows_sound(rows, capacity)) return FARM_EINVAL;
    const uint32_t size = rows->struct_size;
    size_t count = 0;
    pthread_mutex_lock(&queue->mutex);
    await_completion(queue, timeout_us);
    const uint32_t there = queue->slots.lines[SLOT_DONE].count;
    for (; count < capacity && count < there; count++) {
        const farm_completion *done = slots_collect(&queue->slots);
        (void)options_answer((unsigned char *)rows + count * size, done, sizeof *done);
    }
    if (count > 0 && count == there) lower_descriptor(queue);
    pthread_mutex_unlock(&queue->mutex);
    *out_count = count;
    return FARM_OK;
}

/* --- closing ---------------------------------------------------------------------------------- */

static void end_all(farm_queue *queue) {
    slots *places = &queue->slots;
    while (places->lines[SLOT_WAITING].count > 0)
        end_waiting(queue, places->lines[SLOT_WAITING].first,
                    "the queue was closed before the submission began");
    for (uint32_t i = 0; i < queue->worker_count; i++) {
        queue_worker *worker = &queue->workers[i];
        if (worker->session != NULL) cancel_running(queue, worker->index);
    }
}

void farm_queue_close(farm_queue *queue) {
    if (check_queue(queue, NULL) != FARM_OK) return;
    pthread_mutex_lock(&queue->mutex);
    atomic_store(&queue->is_closing, 1);
    end_all(queue);
    pthread_cond_broadcast(&queue->has_work);
    pthread_cond_broadcast(&queue->has_ended);
    pthread_cond_signal(&queue->watched);
    pthread_mutex_unlock(&queue->mutex);
    if (queue_inside == queue) return;
    pthread_mutex_lock(&queue->closing_mutex);
    if (queue->has_threads) {
        pool_wake(queue->pool);
        join_threads(queue, queue->worker_count);
    }
    pthread_mutex_unlock(&queue->closing_mutex);
}

void farm_queue_free(farm_queue *queue) {
    if (queue == NULL) return;
    farm_queue_close(queue);
    slots_free(&queue->slots);
    farm_free(queue->workers);
    close_pipe(queue);
    /* A child has no threads to wait for, and the parent's may have held these when it forked. */
    if (queue->fork_generation == clock_fork_generation()) {
        pthread_cond_destroy(&queue->watched);
        pthread_cond_destroy(&queue->has_ended);
        pthread_cond_destroy(&queue->has_work);
        pthread_mutex_destroy(&queue->closing_mutex);
        pthread_mutex_destroy(&queue->mutex);
    }
    farm_free(queue);
}
