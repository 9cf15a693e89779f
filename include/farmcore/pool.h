/**
 * @file farmcore/pool.h
 * A pool: thread-safe, bounded, hands out sessions. Its sessions share one store object and with
 * it the caches of definitions and, on SQLite, one database when it is `sqlite::memory:`.
 */
#ifndef FARMCORE_POOL_H
#define FARMCORE_POOL_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A pool; see the top of this file. */
typedef struct farm_pool farm_pool;

/** How to open a pool. Zero means the default everywhere. */
typedef struct farm_pool_options {
    uint32_t struct_size;
    uint32_t max_count; /**< sessions at most; default 8, up to 10,000 */
    int64_t idle_us;    /**< a session idle for longer is checked before it is handed out;
                             default 10 s; -1: never */
    const farm_session_options *session; /**< for every session; NULL: all defaults */
} farm_pool_options;

/**
 * Make a pool that is not open yet.
 *
 * @param out receives the pool, or NULL.
 * @return FARM_OK
 * @return FARM_ENOMEM
 * @return FARM_EINVAL
 * Ownership: the caller's, for farm_pool_free(). Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_pool_new(farm_pool **out);

/**
 * Open the pool on a URI. Connects once, so that a wrong URI is found here. A pool is opened once:
 * sessions may still be out when it has been closed, and they are not those of another opening.
 * After a failure it may be tried again.
 *
 * @param uri as farm_session_open().
 * @param options NULL: all defaults.
 * @param error receives what went wrong; NULL: not wanted.
 * @return as farm_session_open():
 * @return FARM_OK
 * @return FARM_EINVAL also when the pool is open, or was.
 * @return FARM_EUNSUPPORTED
 * @return FARM_EUNAVAILABLE
 * @return FARM_EDENIED
 * @return FARM_ETIMEOUT
 * @return FARM_ECORRUPT
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: one, before the pool is shared. Since 0.1.0.
 */
FARM_API farm_status farm_pool_open(farm_pool *pool, const char *uri,
                                    const farm_pool_options *options, farm_error *error);

/**
 * Take a session out of the pool: an idle one, the last used first, or a new one while there are
 * fewer than max_count. It comes without actor beyond the option's, with a running clock and the
 * option's timeout. Waiters are served in the order of their coming.
 *
 * @param timeout_us how long to wait for one; 0: not at all; -1: without limit.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out receives the session, or NULL.
 * @return FARM_OK
 * @return FARM_EAGAIN all were in use for that long.
 * @return FARM_EINVAL the pool is not open, or belongs to the process that forked this one.
 * @return FARM_EUNAVAILABLE
 * @return FARM_EDENIED
 * @return FARM_ETIMEOUT
 * @return FARM_ENOMEM
 * Ownership: the pool's; give it back with farm_pool_release(). Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_pool_acquire(farm_pool *pool, int64_t timeout_us, farm_error *error,
                                       farm_session **out);

/**
 * Give a session back. An open transaction is rolled back.
 *
 * @param session of this pool; NULL is allowed. Threads: any. Since 0.1.0.
 */
FARM_API void farm_pool_release(farm_pool *pool, farm_session *session);

/**
 * Close: idle sessions now, the others when they are released; nobody gets a new one.
 *
 * @param pool NULL is allowed. Threads: any. Since 0.1.0.
 */
FARM_API void farm_pool_close(farm_pool *pool);

/**
 * Close and free. All sessions must have been released.
 *
 * @param pool NULL is allowed. Threads: one. Since 0.1.0.
 */
FARM_API void farm_pool_free(farm_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
