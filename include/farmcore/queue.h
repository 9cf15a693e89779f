/**
 * @file farmcore/queue.h
 * A completion queue, for event loops: operations are handed in, run on a pool's sessions by
 * threads of the queue's, and come back as completions. A descriptor is readable while completions
 * are there, so that one thread with epoll, kqueue or poll() serves any number of operations and
 * never waits for the store.
 *
 *     farm_submit() → waiting → running → done → farm_queue_next()
 *
 * - Submissions start in the order in which they were handed in.
 * - Each that was accepted comes back exactly once, whatever happens: done, failed, out of time,
 *   cancelled, or dropped because the queue was closed. Only farm_queue_free() forgets completions.
 * - What was accepted and not yet collected is bounded by the queue's capacity: farm_submit()
 *   answers FARM_EAGAIN at once when there is no room. Nothing is allocated for a submission.
 * - A function gets a session as farm_pool_acquire() hands it out: with the actor of the pool's
 *   option, so it says itself for whom it acts. A transaction that it leaves open is rolled back.
 * - The time limit of a submission counts from farm_submit() on: waiting, all operations of the
 *   function and their retries together. A submission that still waits when it is over comes back
 *   then, though all threads may be busy.
 *
 * A queue belongs to the process that made it: in a child after fork() every call answers
 * FARM_EINVAL.
 */
#ifndef FARMCORE_QUEUE_H
#define FARMCORE_QUEUE_H

#include <farmcore/base.h>
#include <farmcore/pool.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A completion queue; see the top of this file. */
typedef struct farm_queue farm_queue;

/** What one submission is known by to its queue, never again given to another. */
typedef uint64_t farm_ticket;

/**
 * What a submission runs, on a thread of the queue: any operations of any modules on the session,
 * in a transaction or not. The session is its own until it returns. What it answers becomes the
 * completion's status; reason and text are taken from the session when its last error has that
 * status. It must not free the queue.
 */
typedef farm_status (*farm_queue_function)(farm_session *session, void *context);

/** How to open a queue. Zero means the default everywhere. */
typedef struct farm_queue_options {
    uint32_t struct_size;
    uint32_t worker_count; /**< threads that run submissions; default the pool's max_count, up to
                                1,000. More than the pool has sessions wait for one another */
    uint32_t capacity;     /**< submissions that are not yet collected; default 1,024, up to
                                65,536 */
    uint32_t reserved;
} farm_queue_options;

/** One submission. */
typedef struct farm_submission {
    uint32_t struct_size;
    uint32_t reserved;
    farm_queue_function function; /**< required */
    void *context;                /**< handed to the function, and comes back */
    int64_t word;                 /**< the caller's own; comes back */
    int64_t timeout_us;           /**< 0: the timeout of the pool's sessions; -1: no limit */
} farm_submission;

/** What became of a submission. */
typedef struct farm_completion {
    uint32_t struct_size;
    int32_t has_run;    /**< 0: the function was not called, so nothing happened */
    farm_ticket ticket; /**< as farm_submit() gave it */
    void *context;
    int64_t word;
    farm_status status;              /**< what the function answered; or why it was not called */
    int32_t reason;                  /**< the module's reason of that status, 0: none */
    int64_t waited_us;               /**< from farm_submit() until it started, or was given up */
    int64_t ran_us;                  /**< how long the function ran; 0 when it did not */
    char text[FARM_ERROR_TEXT_SIZE]; /**< one line for a person; "" when the status is FARM_OK */
} farm_completion;

/**
 * Make a queue that is not open yet.
 *
 * @param out receives the queue, or NULL.
 * @return FARM_OK
 * @return FARM_ENOMEM
 * @return FARM_EINVAL out is NULL.
 * Ownership: the caller's, for farm_queue_free(). Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_queue_new(farm_queue **out);

/**
 * Open the queue over a pool: makes its descriptor, its memory and its threads, so that nothing of
 * it can fail later. A queue is opened once. The threads take no signals.
 *
 * @param pool open; it lives until the queue has been closed.
 * @param options NULL: all defaults.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL an argument or option is wrong, or the queue is open, or was.
 * @return FARM_EUNSUPPORTED options of a newer library.
 * @return FARM_ENOMEM there is no memory.
 * @return FARM_EAGAIN the system has no descriptors or threads left; it may be tried again.
 * Ownership: the pool stays the caller's. Threads: one, before the queue is shared. Since 0.1.0.
 */
FARM_API farm_status farm_queue_open(farm_queue *queue, farm_pool *pool,
                                     const farm_queue_options *options, farm_error *error);

/**
 * The descriptor that is readable (POLLIN) exactly while completions are there. Wait for it; do
 * not read from it, close it or change its flags.
 *
 * @return the descriptor, until farm_queue_free(); -1 when the queue was never open.
 * Threads: any. Since 0.1.0.
 */
FARM_API int32_t farm_queue_descriptor(const farm_queue *queue);

/**
 * Hand in submissions: all of them or none. Never waits.
 *
 * @param items what to run. @param count how many, 1 to the queue's capacity.
 * @param results receives a ticket for each, for farm_queue_cancel(); NULL: not wanted.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK each of them comes back once as a completion.
 * @return FARM_EAGAIN there is no room: collect completions first.
 * @return FARM_EINVAL an item is wrong, or the queue is not open, or closed, or of the process that
 *         forked this one.
 * @return FARM_EUNSUPPORTED items of a newer library.
 * Ownership: functions and contexts must live until their completion is there.
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_submit(farm_queue *queue, const farm_submission *items, size_t count,
                                 farm_ticket *results, farm_error *error);

/**
 * Cancel one submission. One that waits comes back at once with FARM_ETIMEOUT and has_run 0. One
 * that runs is interrupted: what its function has not yet sent to the store fails with
 * FARM_ETIMEOUT, and it comes back when the function returns. That may have done its work already,
 * so the completion says what happened. Repeating it changes nothing.
 *
 * @param ticket of farm_submit().
 * @return FARM_OK it had not ended.
 * @return FARM_ENOTFOUND it has ended, or there is no such submission.
 * @return FARM_EINVAL as farm_submit().
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_queue_cancel(farm_queue *queue, farm_ticket ticket);

/**
 * Collect completions, in the order in which they ended.
 *
 * @param timeout_us how long to wait for the first; 0: not at all; -1: without limit.
 * @param rows receives them; each carries the same struct_size.
 * @param capacity how many fit, 1 to 65,536.
 * @param out_count receives how many there are.
 * @return FARM_OK also when there are none.
 * @return FARM_EINVAL an argument is wrong, or the queue was never open, or is of the process that
 *         forked this one.
 * Repeat: what was collected does not come again. A closed queue still hands out what is there, and
 * does not wait. Threads: any; each completion goes to one of them. Since 0.1.0.
 */
FARM_API farm_status farm_queue_next(farm_queue *queue, int64_t timeout_us, farm_completion *rows,
                                     size_t capacity, size_t *out_count);

/**
 * Close: nothing is accepted any more, what waits comes back as if cancelled, what runs is
 * interrupted, and the threads end, for which this waits. All completions are there afterwards, to
 * be collected or forgotten. To end gently, stop submitting and collect what is under way first.
 * Within a submission's function it does not wait.
 *
 * @param queue NULL is allowed. Threads: any. Since 0.1.0.
 */
FARM_API void farm_queue_close(farm_queue *queue);

/**
 * Close and free, with completions that nobody collected. The descriptor ends; take it out of the
 * event loop first.
 *
 * @param queue NULL is allowed. Threads: one. Since 0.1.0.
 */
FARM_API void farm_queue_free(farm_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
