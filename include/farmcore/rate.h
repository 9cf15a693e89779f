/**
 * @file farmcore/rate.h
 * Rate limits: a token bucket for each subject, by the Generic Cell Rate Algorithm (GCRA, ITU-T
 * I.371) in exact integer arithmetic.
 *
 * A limit has a burst (how many tokens a full bucket holds) and a rate (count tokens in period_us,
 * given back evenly). 120 a minute with burst 120 lets 120 calls through at once and then one
 * every half second; with burst 1 it lets one through every half second.
 *
 * A subject is whoever is limited: a key, a user, an address. The store holds only a keyed hash of
 * it. Several limits are taken at once, all or none, in one round trip. What is refused writes
 * nothing. "Over the limit" is no error: the call returns FARM_OK with allowed = 0.
 *
 * Limits belong to the session's space. The sessions of a store share a cache of them; a change
 * made through one store object is seen by others after FARM_RATE_STALENESS_US at the latest. The
 * limiter serves whoever asks, with or without an actor: it guards the doors that come before a
 * login. Only the service defines limits.
 */
#ifndef FARMCORE_RATE_H
#define FARMCORE_RATE_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_RATE_BATCH_MAX = 64,                /**< limits in one call */
    FARM_RATE_STALENESS_US = 5 * 1000 * 1000 /**< how old a cached limit may be */
};

/** What a limit's subjects are. */
enum {
    FARM_RATE_SCOPE_KEY = 0,     /**< any text: a route, a token, an e-mail address */
    FARM_RATE_SCOPE_USER = 1,    /**< a user */
    FARM_RATE_SCOPE_ADDRESS = 2, /**< an IPv4 or IPv6 address, cut to the limit's prefix */
    FARM_RATE_SCOPE_GLOBAL = 3   /**< there is one bucket; the subject is NULL */
};

/** Why a call was turned down. */
enum {
    FARM_RATE_REASON_UNKNOWN_LIMIT = 1,  /**< ENOTFOUND: the space has no such limit */
    FARM_RATE_REASON_BAD_SUBJECT = 2,    /**< EINVAL: missing, too long, or no address */
    FARM_RATE_REASON_OUT_OF_RANGE = 3,   /**< EINVAL: a rate that cannot be counted exactly */
    FARM_RATE_REASON_TWICE = 4,          /**< EINVAL: one bucket named twice in a call */
    FARM_RATE_REASON_NOT_REFUNDABLE = 5, /**< EINVAL: the token is of no decision that took */
    FARM_RATE_REASON_OWN_TRANSACTION = 6 /**< EREFUSED: rate_uri= inside farm_begin() */
};

/** A limit. */
typedef struct farm_rate_limit {
    uint32_t struct_size;
    int32_t scope;       /**< FARM_RATE_SCOPE_… */
    const char *name;    /**< 1 to FARM_KEY_MAX visible ASCII characters but " and \ */
    int64_t burst;       /**< tokens of a full bucket, 1 to 2^31 - 1; 0: count */
    int64_t count;       /**< tokens given back in a period, 1 to 2^31 - 1 */
    int64_t period_us;   /**< 1 µs to 366 days */
    int32_t ipv4_prefix; /**< bits of an IPv4 address that count, 1 to 32; 0: 32 */
    int32_t ipv6_prefix; /**< bits of an IPv6 address that count, 1 to 128; 0: 64 */
} farm_rate_limit;

/** One limit to take, peek at, refund or reset. */
typedef struct farm_rate_request {
    uint32_t struct_size;
    uint32_t reserved;
    const char *limit;   /**< its name */
    const char *subject; /**< as its scope says; NULL for a global limit */
    int64_t cost;        /**< tokens, 0 to 2^31 - 1; 0 takes nothing and looks */
} farm_rate_request;

/** The state of one limit after the call. */
typedef struct farm_rate_state {
    uint32_t struct_size;
    int32_t allowed;  /**< this limit alone would have let the call through */
    int32_t is_never; /**< the cost is more than the burst: no waiting helps */
    uint32_t reserved;
    int64_t burst;          /**< of the limit */
    int64_t remaining;      /**< tokens left */
    int64_t retry_after_us; /**< until this cost can be had; 0 now, -1 never */
    int64_t reset_after_us; /**< until the bucket is full */
    int64_t refill_us;      /**< what an empty bucket needs to be full: the policy's window */
} farm_rate_state;

/** What was decided over all limits of the call. */
typedef struct farm_rate_decision {
    uint32_t struct_size;
    int32_t allowed;        /**< every limit let it through, and all were taken */
    int32_t decided_index;  /**< of the limit that decided: the one to wait longest for when
                                 refused, the one with the smallest part left when allowed */
    int32_t is_never;       /**< no waiting helps */
    int64_t retry_after_us; /**< until all could be had; 0 when allowed, -1 never */
    farm_id token;          /**< names this decision for a refund; zero when nothing was taken */
} farm_rate_decision;

/**
 * Define limits, or change them. All or none. A change of burst alone keeps the buckets, unless it
 * is so large that the limit must count by another clock (docs/rate.md); any other change gives
 * every subject a full one. Who has taken more than a lowered burst gets one more call through and
 * then has an empty bucket. Repeating a definition changes nothing.
 *
 * @param items limits of the session's space. @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL a field is out of range; the text names the limit and the rule.
 * @return FARM_EDENIED the actor is not the service.
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_define(farm_session *session, const farm_rate_limit *items,
                                      size_t count);

/**
 * Forget a limit. Its buckets go with farm_maintain(), as all do, when they would be full again.
 * Repeating it changes nothing.
 *
 * @param key the limit's name.
 * @return FARM_OK also when there was none.
 * @return FARM_EINVAL
 * @return FARM_EDENIED the actor is not the service.
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_remove(farm_session *session, const char *key);

/**
 * Take from 1 to FARM_RATE_BATCH_MAX limits, all or none, atomically and in one round trip. Inside
 * farm_begin() what was taken is given back by a rollback. There is no id: a repeat takes again,
 * and a take whose outcome is uncertain must count as done.
 *
 * @param items the limits. @param count how many. @param results receives the state of each, in
 *     the order of items; set struct_size in every element.
 * @param out receives the decision; set struct_size.
 * @return FARM_OK the decision says whether the call is allowed.
 * @return FARM_EINVAL a cost is out of range, a subject is wrong, a bucket is named twice.
 * @return FARM_ENOTFOUND a limit is unknown.
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN what was asked for may have been taken.
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_take(farm_session *session, const farm_rate_request *items,
                                    size_t count, farm_rate_state *results,
                                    farm_rate_decision *out);

/**
 * Whether farm_rate_take() would let the call through now, and the states as they are; nothing is
 * taken or written.
 *
 * @param items as farm_rate_take(). @param count 1 to FARM_RATE_BATCH_MAX.
 * @param results receives the states. @param out receives the decision; its token is zero.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_peek(farm_session *session, const farm_rate_request *items,
                                    size_t count, farm_rate_state *results,
                                    farm_rate_decision *out);

/**
 * Give back what a decision took, or a part of it: the request failed through no fault of the
 * caller. A bucket never gets fuller than full. Repeating it with the same token gives nothing
 * back for a bucket that had its refund, and returns FARM_OK. So does a refund that comes too
 * late: more than an hour after an empty bucket of the limit would have filled (or after a year).
 *
 * @param id the decision's token.
 * @param items the same limits and subjects; cost is what to give back, 1 or more.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL the token is zero or no id made by a decision; else as farm_rate_take().
 * @return FARM_ENOTFOUND
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_refund(farm_session *session, const farm_id *id,
                                      const farm_rate_request *items, size_t count);

/**
 * Fill buckets again. Repeating it changes nothing.
 *
 * @param items limits and subjects; cost is not looked at. @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND
 * @return FARM_EDENIED the actor is not the service.
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_reset(farm_session *session, const farm_rate_request *items,
                                     size_t count);

/**
 * The HTTP fields of a decision, each line ended by CR LF: `RateLimit-Policy` and `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers-10, one item a limit) and, when refused, `Retry-After` in
 * whole seconds, rounded up (RFC 9110, 10.2.3); never when waiting does not help. `t` is the time
 * until the bucket is full, or until the cost can be had when that is what refused.
 *
 * @param items, count, results, decision what farm_rate_take() was given and gave.
 * @param out_text receives the lines.
 * @return FARM_OK
 * @return FARM_EINVAL an argument is missing or count is 0 or above FARM_RATE_BATCH_MAX.
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_headers(farm_session *session, const farm_rate_request *items,
                                       size_t count, const farm_rate_state *results,
                                       const farm_rate_decision *decision, char **out_text);

/**
 * The body of a refusal, for `application/problem+json` (RFC 9457) with the type of the same
 * draft: `{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":…,
 * "status":429,"detail":…,"violated-policies":["user"]}`.
 *
 * @param items, count, results, decision what farm_rate_take() was given and gave.
 * @param out_text receives the JSON.
 * @return FARM_OK
 * @return FARM_EINVAL the decision allowed the call, or an argument is missing.
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_problem(farm_session *session, const farm_rate_request *items,
                                       size_t count, const farm_rate_state *results,
                                       const farm_rate_decision *decision, char **out_text);

#ifdef __cplusplus
}
#endif
#endif
