/* The inside of a completion queue, shared by queue.c, which is for the caller's threads, and
 * queue_threads.c, which is what the queue's own threads do. */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "store/pool.h"
#include "store/slots.h"
#include <farmcore/queue.h>
#include <pthread.h>

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

/* queue.c, under the mutex: a submission that waits or runs is done, with that outcome. */
void queue_end(farm_queue *queue, uint32_t index, const farm_error *outcome);
/* One that waits is given up: FARM_ETIMEOUT, and text says why. */
void queue_give_up(farm_queue *queue, uint32_t index, const char *text);

/* queue_threads.c. Start a watcher and all workers; 0: the system has no threads left, and none of
 * them runs. */
int32_t queue_start_threads(farm_queue *queue);
/* Wait until they have ended: then nobody but the caller uses the queue's memory. */
void queue_join_threads(farm_queue *queue);
/* Whether this is a thread of the queue's, in a submission. */
int32_t queue_is_inside(const farm_queue *queue);

#endif
