/**
 * @file farmcore/topic.h
 * Topics: how a worker that has nothing to do learns that there is something, from whatever
 * process.
 *
 * farm_signal() says "something about this topic changed", in the caller's transaction: it is told
 * when that commits, and never when it is rolled back. farm_wait() waits until one of several
 * topics has another version than the one that the caller has seen. A version is a number that says
 * nothing but "the same" or "another", so nothing is lost: what is signalled before a wait, or
 * between two, makes the next one come back at once.
 *
 *     for (;;) {
 *         farm_wait(pool, topics, count, versions, timeout_us, &error, &changed_count);
 *         … keep the versions, then look for work in the store, then wait again …
 *     }
 *
 * Take the version first and look for the work after it, as farm_wait() does it: what changes while
 * one looks has another version than the one that was kept.
 *
 * A wait may come back for no reason, and always does for a topic whose version is not known
 * yet (0). It never misses a change. It says nothing of what changed, nor how often.
 *
 * All that wait on one pool share one connection beside the pool's sessions, made when needed. On
 * Postgres it listens (LISTEN) and is told at once. Where that is not possible, behind a
 * transaction pooler, it asks for the versions 3 to 50 times a second. On SQLite it sees by the
 * file's data version that somebody committed, some 30 times a second, and asks only then.
 */
#ifndef FARMCORE_TOPIC_H
#define FARMCORE_TOPIC_H

#include <farmcore/base.h>
#include <farmcore/pool.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_TOPIC_BATCH_MAX = 100 /**< topics of one call */
};

/** A topic of an owner's, such as "inbox" of the user "u42". */
typedef struct farm_topic {
    uint32_t struct_size;
    uint32_t reserved;
    const char *owner; /**< whose; 1 to FARM_KEY_MAX bytes */
    const char *topic; /**< its name; 1 to FARM_KEY_MAX bytes */
    int64_t seen;      /**< farm_wait() only: the version that the caller knows; 0: none yet */
} farm_topic;

/** The version of a topic: never 0, and nothing but equal to another or not. */
typedef int64_t farm_topic_version;

/**
 * Say that topics changed. Whoever waits for one of them learns of it when the transaction commits:
 * that of farm_begin(), of an operation that calls this, or one of its own. It never waits for
 * another transaction that signals the same topics (SQLite's writers take turns anyhow).
 *
 * On Postgres commits that notify take turns on the server, so signal what somebody waits for, not
 * every change; `topics=poll` in the URI does without notifications.
 *
 * @param items the topics; of the session's actor, or anybody's for the service.
 * @param count how many, 1 to FARM_TOPIC_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL an argument is missing, too long or not UTF-8.
 * @return FARM_EDENIED a topic is not the actor's.
 * @return FARM_EAGAIN
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN it may have been signalled; repeat it.
 * @return FARM_ETIMEOUT
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_EUNSUPPORTED the schema is older than topics: call farm_migrate().
 * @return FARM_ENOMEM
 * A repeat wakes whoever waits once more. One round trip. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_signal(farm_session *session, const farm_topic *items, size_t count);

/**
 * Wait until a topic has another version than the caller has seen, whoever changed it, in whatever
 * process. It acts as the service: the host decides who may wait for what.
 *
 * @param items the topics, with the versions that the caller knows.
 * @param count how many, 1 to FARM_TOPIC_BATCH_MAX.
 * @param results receives the version of each, to be handed in next time; unchanged on failure.
 * @param timeout_us how long to wait; 0: not at all, only ask; -1: without limit.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out_count receives how many versions are not the ones seen; 0: the time was over.
 * @return FARM_OK also when the time was over.
 * @return FARM_EINVAL an argument is wrong, or the pool is not open, or is closed meanwhile, or
 *         belongs to the process that forked this one.
 * @return FARM_EUNAVAILABLE the store cannot be reached: wait a little, and come again with the
 *         same versions.
 * @return FARM_ETIMEOUT the store did not answer in time.
 * @return FARM_EAGAIN
 * @return FARM_EDENIED
 * @return FARM_EUNSUPPORTED the schema is older than topics: call farm_migrate().
 * @return FARM_ENOMEM
 * Threads: any number at once, on one connection. Since 0.1.0.
 */
FARM_API farm_status farm_wait(farm_pool *pool, const farm_topic *items, size_t count,
                               farm_topic_version *results, int64_t timeout_us, farm_error *error,
                               size_t *out_count);

#ifdef __cplusplus
}
#endif
#endif
