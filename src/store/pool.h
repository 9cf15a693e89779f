/* What the rest of src/store needs of a pool beside its public functions: queue.c takes sessions
 * for its workers, topics.c has a connection of its own beside the pool's sessions. */
#ifndef STORE_POOL_H
#define STORE_POOL_H

#include "store/bell.h"
#include <farmcore/pool.h>
#include <stdatomic.h>

/* As farm_pool_acquire(), but whoever waits in line gives up once *is_given_up is set and
 * pool_wake() called: FARM_EAGAIN. */
farm_status pool_acquire(farm_pool *pool, int64_t timeout_us, const atomic_int *is_given_up,
                         farm_error *error, farm_session **out);
/* Make everybody in line look at what he was given to look at. */
void pool_wake(farm_pool *pool);

/* A session that is not counted among the pool's; the caller's, for farm_session_free(). */
farm_status pool_open_session(farm_pool *pool, farm_error *error, farm_session **out);
/* Where those wait who wait for topics; lives as long as the pool. */
farm_status pool_bell(farm_pool *pool, farm_error *error, bell **out);

uint32_t pool_max_count(const farm_pool *pool);
/* The session option: what an operation may take; 0: no limit. */
int64_t pool_timeout_us(const farm_pool *pool);

#endif
