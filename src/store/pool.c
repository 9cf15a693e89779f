/* The pool: idle sessions last in, first out; waiters first come, first served. Sessions are opened
 * and checked outside the mutex, so that a slow store holds up nobody else. */
#include "store/pool.h"
#include "store/session.h"
#include "store_sql.h"
#include <string.h>

enum { DEFAULT_MAX_COUNT = 8, MAX_MAX_COUNT = 10000 };

static const int64_t default_idle_us = 10 * INT64_C(1000000);

/* A caller in the queue; lives on his stack. */
typedef struct pool_waiter {
    pthread_cond_t condition;
    struct pool_waiter *next;
    farm_session *session;         /* what he was handed */
    int32_t may_open;              /* or a place to open one */
    const atomic_int *is_given_up; /* NULL: he waits as long as he said */
} pool_waiter;

struct farm_pool {
    pthread_mutex_t mutex; /* guards all that follows it */
    store_shared *shared;  /* NULL: not open; used outside of the mutex by counted reference */
    int32_t was_opened;    /* once: sessions of an earlier opening may still be out */
    farm_session *idle;
    pool_waiter *first;
    pool_waiter *last;
    uint32_t count; /* sessions out, idle or being opened */
    uint32_t max_count;
    int64_t idle_us;
    bell *bell; /* NULL until somebody waits */
    uint32_t fork_generation;
    farm_session_options options; /* its strings and hooks are the pool's own */
    farm_clock clock;
    farm_entropy entropy;
    arena arena;
};

farm_status farm_pool_new(farm_pool **out) {
    if (out == NULL) return FARM_EINVAL;
    farm_pool *pool = farm_allocate(sizeof *pool);
    *out = pool;
    if (pool == NULL) return FARM_ENOMEM;
    memset(pool, 0, sizeof *pool);
    pthread_mutex_init(&pool->mutex, NULL);
    pool->fork_generation = clock_fork_generation();
    return FARM_OK;
}

static farm_status fail_closed(farm_error *error) {
    return store_error_fail(error, FARM_EINVAL, 0, "the pool is not open");
}

static int32_t keep_text(farm_pool *pool, const char **text) {
    if (*text == NULL) return 1;
    *text = arena_copy(&pool->arena, *text, strlen(*text));
    return *text != NULL;
}

/* Copy what outlives the call: the options' strings and hooks. */
static farm_status keep_options(farm_pool *pool, const farm_session_options *source,
                                farm_error *error) {
    farm_session_options *kept = &pool->options;
    farm_status status =
        store_error_check_options(error, "options.session", kept, sizeof *kept, source);
    kept->struct_size = sizeof *kept;
    if (status == FARM_OK && kept->clock != NULL) {
        status = store_error_check_options(error, "options.session.clock", &pool->clock,
                                           sizeof pool->clock, kept->clock);
        pool->clock.struct_size = sizeof pool->clock;
        kept->clock = &pool->clock;
    }
    if (status == FARM_OK && kept->entropy != NULL) {
        status = store_error_check_options(error, "options.session.entropy", &pool->entropy,
                                           sizeof pool->entropy, kept->entropy);
        pool->entropy.struct_size = sizeof pool->entropy;
        kept->entropy = &pool->entropy;
    }
    if (status == FARM_OK && !(keep_text(pool, &kept->actor) && keep_text(pool, &kept->space)))
        status = store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for the options");
    return status;
}

static farm_status take_options(farm_pool *pool, const farm_pool_options *source,
                                farm_error *error) {
    farm_pool_options options;
    farm_status status =
        store_error_check_options(error, "options", &options, sizeof options, source);
    if (status == FARM_OK)
        status = store_error_check_range(error, "options.max_count", options.max_count, 0,
                                         MAX_MAX_COUNT);
    if (status == FARM_OK)
        status = store_error_check_range(error, "options.idle_us", options.idle_us, -1, INT64_MAX);
    if (status != FARM_OK) return status;
    pool->max_count = options.max_count == 0 ? DEFAULT_MAX_COUNT : options.max_count;
    pool->idle_us = options.idle_us == 0 ? default_idle_us : options.idle_us;
    return keep_options(pool, options.session, error);
}

static farm_status open_session(farm_pool *pool, store_shared *shared, farm_error *error,
                                farm_session **out) {
    farm_status status = farm_session_new(out);
    if (status != FARM_OK)
        return store_error_fail(error, status, 0, "there is no memory for a session");
    status = session_open_shared(*out, shared, &pool->options);
    if (status == FARM_OK) status = run_connect(*out);
    if (status == FARM_OK) return FARM_OK;
    if (error != NULL) *error = (*out)->error;
    farm_session_free(*out);
    *out = NULL;
    return status;
}

farm_status farm_pool_open(farm_pool *pool, const char *uri, const farm_pool_options *options,
                           farm_error *error) {
    store_error_clear(error);
    if (pool == NULL) return store_error_fail(error, FARM_EINVAL, 0, "the pool is NULL");
    if (pool->was_opened)
        return store_error_fail(error, FARM_EINVAL, 0, "%s",
                                pool->shared != NULL
                                    ? "the pool is open already"
                                    : "the pool was closed, and is not opened again: make a "
                                      "new one");
    farm_status status = take_options(pool, options, error);
    if (status != FARM_OK) return status;
    status = shared_open(uri, NULL, error, &pool->shared);
    if (status != FARM_OK) return status;
    status = open_session(pool, pool->shared, error, &pool->idle);
    if (status == FARM_OK) {
        pool->was_opened = 1;
        pool->idle->idle_since_us = clock_monotonic_us();
        pool->count = 1;
        return FARM_OK;
    }
    shared_leave(pool->shared);
    pool->shared = NULL;
    return status;
}

/* The next in line gets the session, or the place of one that is no more. Under the mutex. */
static int32_t hand_on(farm_pool *pool, farm_session *session) {
    pool_waiter *waiter = pool->first;
    if (waiter == NULL) return 0;
    pool->first = waiter->next;
    if (pool->first == NULL) pool->last = NULL;
    waiter->session = session;
    waiter->may_open = session == NULL;
    pthread_cond_signal(&waiter->condition);
    return 1;
}

static void give_up_place(farm_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    if (!hand_on(pool, NULL)) pool->count--;
    pthread_mutex_unlock(&pool->mutex);
}

static void leave_queue(farm_pool *pool, pool_waiter *waiter) {
    pool_waiter **link = &pool->first;
    pool_waiter *previous = NULL;
    while (*link != NULL && *link != waiter) {
        previous = *link;
        link = &(*link)->next;
    }
    if (*link == NULL) return;
    *link = waiter->next;
    if (pool->last == waiter) pool->last = previous;
}

static int32_t is_served(const pool_waiter *waiter) {
    return waiter->session != NULL || waiter->may_open;
}

static int32_t goes_on(const farm_pool *pool, const pool_waiter *waiter) {
    return !is_served(waiter) && pool->shared != NULL &&
           (waiter->is_given_up == NULL || !atomic_load(waiter->is_given_up));
}

/* Stand in line until served or out of time. Under the mutex. */
static void wait_in_line(farm_pool *pool, pool_waiter *waiter, int64_t timeout_us) {
    clock_condition_init(&waiter->condition);
    if (pool->last == NULL)
        pool->first = waiter;
    else
        pool->last->next = waiter;
    pool->last = waiter;

    const int64_t until_us = clock_deadline_us(timeout_us);
    int32_t is_in_time = 1;
    while (goes_on(pool, waiter) && is_in_time)
        is_in_time = clock_condition_wait(&waiter->condition, &pool->mutex, until_us);
    if (!is_served(waiter)) leave_queue(pool, waiter);
    pthread_cond_destroy(&waiter->condition);
}

/* Take an idle session, or a place to open one in, or wait for either. Under the mutex. */
static void take_place(farm_pool *pool, int64_t timeout_us, pool_waiter *out) {
    if (pool->idle != NULL) {
        out->session = pool->idle;
        pool->idle = pool->idle->next;
        return;
    }
    if (pool->count < pool->max_count) {
        pool->count++;
        out->may_open = 1;
        return;
    }
    if (timeout_us != 0) wait_in_line(pool, out, timeout_us);
}

static farm_status ping(farm_session *session, void *context) {
    (void)context;
    store_batch batch;
    store_batch_init(&batch, session);
    store_ping(&batch, NULL, NULL);
    return store_finish(session, &batch);
}

/* Make an idle session ready, or replace it when it is dead. */
static farm_status prepare(farm_pool *pool, store_shared *shared, farm_session *session,
                           farm_error *error, farm_session **out) {
    *out = session;
    farm_status status = session_reset(session, &pool->options);
    const int64_t idle_us = clock_monotonic_us() - session->idle_since_us;
    if (status == FARM_OK && pool->idle_us >= 0 && idle_us > pool->idle_us)
        status = store_operate(session, STORE_READS | STORE_UNCHECKED, ping, NULL);
    if (status == FARM_OK) return FARM_OK;
    farm_session_free(session);
    return open_session(pool, shared, error, out);
}

static farm_status check_process(const farm_pool *pool, farm_error *error) {
    if (pool == NULL) return store_error_fail(error, FARM_EINVAL, 0, "the pool is NULL");
    if (pool->fork_generation == clock_fork_generation()) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, 0,
                            "the pool belongs to the process that forked this one");
}

/* Why nobody served him. */
static farm_status fail_unserved(const farm_pool *pool, int32_t is_open, int64_t timeout_us,
                                 farm_error *error) {
    if (!is_open) return fail_closed(error);
    return store_error_fail(error, FARM_EAGAIN, 0,
                            "all %u sessions of the pool were in use for %lld ms", pool->max_count,
                            (long long)(timeout_us / 1000));
}

farm_status pool_acquire(farm_pool *pool, int64_t timeout_us, const atomic_int *is_given_up,
                         farm_error *error, farm_session **out) {
    store_error_clear(error);
    if (out == NULL) return store_error_fail(error, FARM_EINVAL, 0, "out is NULL");
    *out = NULL;
    farm_status status = check_process(pool, error);
    if (status != FARM_OK) return status;
    pool_waiter place = {.is_given_up = is_given_up};
    store_shared *shared = NULL;
    pthread_mutex_lock(&pool->mutex);
    if (pool->shared != NULL) take_place(pool, timeout_us, &place);
    const int32_t is_open = pool->shared != NULL;
    if (is_open && is_served(&place)) shared = shared_enter(pool->shared);
    bell *waited = pool->bell;
    pthread_mutex_unlock(&pool->mutex);
    bell_rest(waited);

    if (!is_served(&place)) return fail_unserved(pool, is_open, timeout_us, error);
    if (shared == NULL) {
        /* Served, and closed before it could look: what it was handed ends here. */
        status = fail_closed(error);
        farm_session_free(place.session);
    } else if (place.session != NULL) {
        status = prepare(pool, shared, place.session, error, out);
    } else {
        status = open_session(pool, shared, error, out);
    }
    shared_leave(shared);
    if (status != FARM_OK) give_up_place(pool);
    return status;
}

farm_status farm_pool_acquire(farm_pool *pool, int64_t timeout_us, farm_error *error,
                              farm_session **out) {
    return pool_acquire(pool, timeout_us, NULL, error, out);
}

void pool_wake(farm_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    for (pool_waiter *waiter = pool->first; waiter != NULL; waiter = waiter->next)
        pthread_cond_signal(&waiter->condition);
    pthread_mutex_unlock(&pool->mutex);
}

farm_status pool_open_session(farm_pool *pool, farm_error *error, farm_session **out) {
    *out = NULL;
    pthread_mutex_lock(&pool->mutex);
    store_shared *shared = pool->shared == NULL ? NULL : shared_enter(pool->shared);
    pthread_mutex_unlock(&pool->mutex);
    if (shared == NULL) return fail_closed(error);
    farm_status status = open_session(pool, shared, error, out);
    shared_leave(shared);
    return status;
}

farm_status pool_bell(farm_pool *pool, farm_error *error, bell **out) {
    farm_status status = check_process(pool, error);
    if (status != FARM_OK) return status;
    pthread_mutex_lock(&pool->mutex);
    if (pool->shared == NULL)
        status = fail_closed(error);
    else if (pool->bell == NULL)
        pool->bell = bell_new();
    *out = pool->bell;
    pthread_mutex_unlock(&pool->mutex);
    if (status == FARM_OK && *out == NULL)
        status = store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for the topics");
    return status;
}

uint32_t pool_max_count(const farm_pool *pool) {
    return pool->max_count;
}

int64_t pool_timeout_us(const farm_pool *pool) {
    return session_timeout_us(&pool->options);
}

void farm_pool_release(farm_pool *pool, farm_session *session) {
    if (pool == NULL || session == NULL || pool->fork_generation != clock_fork_generation()) return;
    farm_rollback(session);
    session->idle_since_us = clock_monotonic_us();
    pthread_mutex_lock(&pool->mutex);
    const int32_t is_open = pool->shared != NULL;
    if (is_open && !hand_on(pool, session)) {
        session->next = pool->idle;
        pool->idle = session;
    }
    if (!is_open) pool->count--;
    pthread_mutex_unlock(&pool->mutex);
    if (!is_open) farm_session_free(session);
}

void farm_pool_close(farm_pool *pool) {
    if (pool == NULL || pool->fork_generation != clock_fork_generation()) return;
    pthread_mutex_lock(&pool->mutex);
    store_shared *shared = pool->shared;
    farm_session *idle = pool->idle;
    bell *waited = pool->bell;
    pool->shared = NULL;
    pool->idle = NULL;
    for (pool_waiter *waiter = pool->first; waiter != NULL; waiter = waiter->next)
        pthread_cond_signal(&waiter->condition);
    pthread_mutex_unlock(&pool->mutex);
    bell_close(waited);
    while (idle != NULL) {
        farm_session *next = idle->next;
        farm_session_free(idle);
        idle = next;
    }
    shared_leave(shared);
}

void farm_pool_free(farm_pool *pool) {
    if (pool == NULL) return;
    farm_pool_close(pool);
    bell_free(pool->bell);
    arena_free(&pool->arena);
    pthread_mutex_destroy(&pool->mutex);
    farm_free(pool);
}
