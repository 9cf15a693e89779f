/* The completion queue as its caller sees it: opening, handing in, cancelling, collecting, closing;
 * and the pipe that an event loop polls. What its threads do is in queue_threads.c, what state a
 * submission is in in slots.c. */
#include "store/queue.h"
#include "base/integer.h"
#include "base/options.h"
#include "store/session.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_CAPACITY = 1024, MAX_WORKER_COUNT = 1000 };

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

void queue_end(farm_queue *queue, uint32_t index, const farm_error *outcome) {
    const int32_t is_first = queue->slots.lines[SLOT_DONE].count == 0;
    slots_end(&queue->slots, index, outcome->status, outcome->reason, outcome->text,
              clock_monotonic_us());
    if (is_first) raise_descriptor(queue);
    pthread_cond_signal(&queue->has_ended);
}

void queue_give_up(farm_queue *queue, uint32_t index, const char *text) {
    farm_error error;
    (void)store_error_fail(&error, FARM_ETIMEOUT, 0, "%s", text);
    queue_end(queue, index, &error);
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

static farm_status start(farm_queue *queue, uint32_t capacity, farm_error *error) {
    if (!open_pipe(queue))
        return store_error_fail(error, FARM_EAGAIN, 0, "the system has no descriptors left");
    queue->workers = farm_allocate(queue->worker_count * sizeof *queue->workers);
    if (queue->workers == NULL || slots_init(&queue->slots, capacity) != FARM_OK)
        return store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for the queue");
    memset(queue->workers, 0, queue->worker_count * sizeof *queue->workers);
    if (!queue_start_threads(queue))
        return store_error_fail(error, FARM_EAGAIN, 0, "the system has no threads left");
    return FARM_OK;
}

static farm_status check_process(const farm_queue *queue, farm_error *error) {
    if (queue == NULL) return store_error_fail(error, FARM_EINVAL, 0, "the queue is NULL");
    if (queue->fork_generation == clock_fork_generation()) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, 0,
                            "the queue belongs to the process that forked this one");
}

/* The options with their defaults in place. */
static farm_status take_options(const farm_pool *pool, const farm_queue_options *options,
                                farm_error *error, farm_queue_options *out) {
    farm_status status = store_error_check_options(error, "options", out, sizeof *out, options);
    if (status == FARM_OK)
        status = store_error_check_range(error, "options.worker_count", out->worker_count, 0,
                                         MAX_WORKER_COUNT);
    if (status == FARM_OK)
        status = store_error_check_range(error, "options.capacity", out->capacity, 0, SLOTS_MAX);
    if (out->worker_count == 0)
        out->worker_count = (uint32_t)integer_min(pool_max_count(pool), MAX_WORKER_COUNT);
    if (out->capacity == 0) out->capacity = DEFAULT_CAPACITY;
    return status;
}

farm_status farm_queue_open(farm_queue *queue, farm_pool *pool, const farm_queue_options *options,
                            farm_error *error) {
    store_error_clear(error);
    farm_status status = check_process(queue, error);
    if (status != FARM_OK) return status;
    if (queue->pool != NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "a queue is opened once");
    if (pool == NULL || pool_max_count(pool) == 0)
        return store_error_fail(error, FARM_EINVAL, 0, "the pool is not open");
    farm_queue_options given;
    status = take_options(pool, options, error, &given);
    if (status != FARM_OK) return status;
    queue->worker_count = given.worker_count;
    queue->timeout_us = pool_timeout_us(pool);
    queue->watch_us = INT64_MAX;
    queue->pool = pool;
    status = start(queue, given.capacity, error);
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
    store_error_clear(error);
    farm_status status = check_process(queue, error);
    if (status == FARM_OK && queue->pool == NULL)
        status = store_error_fail(error, FARM_EINVAL, 0, "the queue is not open");
    return status;
}

static farm_status check_items(const farm_queue *queue, const farm_submission *items, size_t count,
                               farm_error *error) {
    farm_status status =
        store_error_check_array(error, "items", items, count, queue->slots.capacity);
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        farm_submission item;
        status =
            store_error_check_options(error, "items", &item, sizeof item, store_array_at(items, i));
        if (status == FARM_OK && item.function == NULL)
            status = store_error_fail(error, FARM_EINVAL, 0, "items[%zu] has no function", i);
        if (status == FARM_OK)
            status =
                store_error_check_range(error, "timeout_us", item.timeout_us, -1, CLOCK_MAX_US);
    }
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
    if (status == FARM_OK) status = check_items(queue, items, count, error);
    if (status != FARM_OK) return status;
    pthread_mutex_lock(&queue->mutex);
    if (atomic_load(&queue->is_closing))
        status = store_error_fail(error, FARM_EINVAL, 0, "the queue is closed");
    else if (count > queue->slots.lines[SLOT_FREE].count)
        status =
            store_error_fail(error, FARM_EAGAIN, 0, "the queue is full: collect completions first");
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        farm_submission item;
        (void)options_copy(&item, sizeof item, store_array_at(items, i));
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
        queue_give_up(queue, index, "the submission was cancelled before it began");
    else
        cancel_running(queue, index);
    pthread_mutex_unlock(&queue->mutex);
    return status;
}

static void await_completion(farm_queue *queue, int64_t timeout_us) {
    const int64_t until_us = clock_deadline_us(timeout_us);
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
    if (status == FARM_OK)
        status = store_error_check_array(NULL, "rows", rows, capacity, SLOTS_MAX);
    if (status != FARM_OK || timeout_us < -1) return FARM_EINVAL;
    size_t count = 0;
    pthread_mutex_lock(&queue->mutex);
    await_completion(queue, timeout_us);
    const uint32_t there = queue->slots.lines[SLOT_DONE].count;
    for (; count < capacity && count < there; count++) {
        const farm_completion *done = slots_collect(&queue->slots);
        (void)options_answer(store_array_at(rows, count), done, sizeof *done);
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
        queue_give_up(queue, places->lines[SLOT_WAITING].first,
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
    if (queue_is_inside(queue)) return;
    pthread_mutex_lock(&queue->closing_mutex);
    if (queue->has_threads) {
        pool_wake(queue->pool);
        queue_join_threads(queue);
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
