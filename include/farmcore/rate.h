/**
 * @file farmcore/rate.h
 * Rate limits: how often, how much, or how many at once each subject may.
 *
 * A subject is whoever is limited: a key, a user, an address. The store holds only a keyed hash of
 * it. Several limits are taken at once, all or none, in one round trip. What is refused takes
 * nothing. "Over the limit" is no error: the call returns FARM_OK with allowed = 0.
 *
 * A limit counts in one of four ways:
 * - BUCKET, the default: a token bucket by the Generic Cell Rate Algorithm (GCRA, ITU-T I.371) in
 *   exact integer arithmetic. It has a burst (how many tokens a full bucket holds) and a rate
 *   (count tokens in period_us, given back evenly). 120 a minute with burst 120 lets 120 calls
 *   through at once and then one every half second; with burst 1 it lets one through every half
 *   second.
 * - WINDOW: a quota of count in each window, of period_us from 1970 on or of the calendar in a time
 *   zone. At the edge of two windows twice the quota fits: it is for quotas, not for protection.
 * - SLIDING: count in any period_us, by the sliding window counter: what is left of the window
 *   before counts as if it had come evenly.
 * - CONCURRENCY: count holds at once. Each ends with farm_rate_release(), or after period_us.
 *
 * Limits, overrides and the shadow switch belong to the session's space; only the service changes
 * them. The sessions of a store share a cache of them; a change made through one store object is
 * seen by others after FARM_RATE_STALENESS_US at the latest. The limiter serves whoever asks, with
 * or without an actor: it guards the doors that come before a login.
 *
 * Names of limits, and subjects that are keys or users, may have parts, divided by "/". A request
 * for the limit "api/search/images" goes by the limit of that name, else by "api/search", else by
 * "api"; an override for the subject "acme" also holds for "acme/eu" unless that has its own.
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
    FARM_RATE_HOLD_MAX = 10000,              /**< holds at once of one subject */
    FARM_RATE_STALENESS_US = 5 * 1000 * 1000 /**< how old a cached limit may be */
};

/** What a limit's subjects are. */
enum {
    FARM_RATE_SCOPE_KEY = 0,     /**< any text: a route, a token, an e-mail address */
    FARM_RATE_SCOPE_USER = 1,    /**< a user */
    FARM_RATE_SCOPE_ADDRESS = 2, /**< an IPv4 or IPv6 address, cut to the limit's prefix */
    FARM_RATE_SCOPE_GLOBAL = 3   /**< there is one bucket; the subject is NULL */
};

/** How a limit counts; see the top of this file. */
enum {
    FARM_RATE_ALGORITHM_BUCKET = 0,
    FARM_RATE_ALGORITHM_WINDOW = 1,
    FARM_RATE_ALGORITHM_SLIDING = 2,
    FARM_RATE_ALGORITHM_CONCURRENCY = 3
};

/** The windows of the calendar. */
enum {
    FARM_RATE_CALENDAR_NONE = 0, /**< windows of period_us */
    FARM_RATE_CALENDAR_HOUR = 1,
    FARM_RATE_CALENDAR_DAY = 2,
    FARM_RATE_CALENDAR_WEEK = 3, /**< from Monday (ISO 8601) */
    FARM_RATE_CALENDAR_MONTH = 4,
    FARM_RATE_CALENDAR_YEAR = 5
};

/** What a change of a limit's figures leaves of the buckets that there are. */
enum {
    /** What was used stays used when the burst alone changes (the count, of windows and holds),
     *  else as RESET. */
    FARM_RATE_CHANGE_DEFAULT = 0,
    FARM_RATE_CHANGE_RESET = 1,       /**< every subject has a full one */
    FARM_RATE_CHANGE_KEEP = 2,        /**< as many tokens are left as were, up to the new burst */
    FARM_RATE_CHANGE_PROPORTIONAL = 3 /**< the same part of it is left */
};

/**
 * What a take answers when the store cannot be asked: it is unavailable, full, read-only, busy for
 * too long, or its answer was lost (the take may then have counted there, too). Not inside
 * farm_begin(). See docs/rate_process.md.
 */
enum {
    FARM_RATE_ON_ERROR_CLOSED = 0, /**< the store's status: nobody is let through */
    FARM_RATE_ON_ERROR_OPEN = 1,   /**< this limit lets everybody through */
    /** This limit is counted in the process, at its rate and burst divided by node_count. */
    FARM_RATE_ON_ERROR_LOCAL = 2
};

/** Which figures a state goes by. */
enum {
    FARM_RATE_RULE_LIMIT = 0,    /**< those of the limit */
    FARM_RATE_RULE_OVERRIDE = 1, /**< the subject's own */
    FARM_RATE_RULE_EXEMPT = 2,   /**< none: the subject is on the allow list */
    FARM_RATE_RULE_BAN = 3       /**< none: the subject is banned */
};

/** Who decided. */
enum {
    FARM_RATE_SOURCE_STORE = 0,
    FARM_RATE_SOURCE_DENIAL = 1, /**< the process: it remembers the refusal (denied_us) */
    FARM_RATE_SOURCE_LEASE = 2,  /**< the process: it has tokens in advance (lease_count) */
    FARM_RATE_SOURCE_LOCAL = 3,  /**< the process, while the store cannot be asked */
    FARM_RATE_SOURCE_OPEN = 4    /**< nobody: the store cannot be asked, and all are let through */
};

/** Flags of a request. */
enum {
    /**
     * Take even when there is not enough: a penalty, or what has happened already. The bucket may
     * be in debt by up to its burst, and the request never refuses the call. What is forced is
     * taken only when the other limits of the call let it through.
     */
    FARM_RATE_FORCE = 1
};

/** Why a call was turned down. */
enum {
    FARM_RATE_REASON_UNKNOWN_LIMIT = 1,   /**< ENOTFOUND: the space has no such limit */
    FARM_RATE_REASON_BAD_SUBJECT = 2,     /**< EINVAL: missing, too long, or no address */
    FARM_RATE_REASON_OUT_OF_RANGE = 3,    /**< EINVAL: a rate that cannot be counted exactly */
    FARM_RATE_REASON_TWICE = 4,           /**< EINVAL: one bucket named twice in a call */
    FARM_RATE_REASON_NOT_REFUNDABLE = 5,  /**< EINVAL: the token is of no decision that took */
    FARM_RATE_REASON_OWN_TRANSACTION = 6, /**< EREFUSED: rate_uri= inside farm_begin() */
    FARM_RATE_REASON_NOT_HELD = 7,        /**< ECONFLICT: the hold has ended */
    FARM_RATE_REASON_BAD_ZONE = 8         /**< EINVAL: no time zone of that name is known here */
};

/** A limit. */
typedef struct farm_rate_limit {
    uint32_t struct_size;
    int32_t scope;       /**< FARM_RATE_SCOPE_… */
    const char *name;    /**< 1 to FARM_KEY_MAX visible ASCII characters but " and \ */
    int64_t burst;       /**< BUCKET: tokens of a full bucket, 1 to 2^31 - 1; 0: count. Else 0 */
    int64_t count;       /**< tokens given back in a period, quota of a window, holds at once:
                              1 to 2^31 - 1; of holds up to FARM_RATE_HOLD_MAX */
    int64_t period_us;   /**< 1 µs to 366 days, and but for a bucket at least 1 ms; with a calendar
                              0. CONCURRENCY: how long a hold lasts */
    int32_t ipv4_prefix; /**< bits of an IPv4 address that count, 1 to 32; 0: 32 */
    int32_t ipv6_prefix; /**< bits of an IPv6 address that count, 1 to 128; 0: 64 */
    int32_t algorithm;   /**< FARM_RATE_ALGORITHM_… */
    int32_t calendar;    /**< WINDOW: FARM_RATE_CALENDAR_… */
    /** Of the calendar: a name such as "Europe/Berlin" that this machine knows, or the text of TZ
     *  as POSIX writes it ("CET-1CEST,M3.5.0,M10.5.0/3"), which is what is stored. NULL: UTC. */
    const char *zone;
    int64_t initial;        /**< BUCKET: tokens of a subject that is new, 1 to burst; 0: burst */
    int32_t is_shadow;      /**< 1: it counts and says what it would do, and refuses nobody */
    int32_t on_error;       /**< FARM_RATE_ON_ERROR_… */
    int32_t on_change;      /**< FARM_RATE_CHANGE_…, of this very definition */
    int32_t node_count;     /**< ON_ERROR_LOCAL: processes that share the rate, 1 to 10,000; 0: 1 */
    int32_t jitter_percent; /**< a refused caller is told to wait up to so much longer, at random,
                                 so that not all come back at once: 0 to 100 */
    int32_t lease_count;    /**< BUCKET: tokens that a process may take in advance, up to burst; 0:
                                 none. See docs/rate_process.md */
    int64_t denied_us;      /**< how long a process may remember a refusal without asking the store
                                 again, 0 to 60 s. What is given back meanwhile by a refund or a
                                 reset in another process, by a rollback, or by the commit of a
                                 transaction that gives back, is then not seen before it is over */
} farm_rate_limit;

/** Figures of a subject's own, an exemption, or a ban. */
typedef struct farm_rate_override {
    uint32_t struct_size;
    int32_t rule;        /**< FARM_RATE_RULE_OVERRIDE, _EXEMPT or _BAN */
    const char *limit;   /**< its name */
    const char *subject; /**< as the limit's scope says; an address may be a network, such as
                              "2001:db8::/32", no longer than the limit's prefix */
    int64_t burst;       /**< OVERRIDE: as in farm_rate_limit, for the limit's algorithm */
    int64_t count;       /**< OVERRIDE */
    int64_t period_us;   /**< OVERRIDE; 0: the limit's */
    int64_t expires_us;  /**< when it ends; 0: never */
} farm_rate_override;

/** One limit to take, peek at, refund, release, renew or reset. */
typedef struct farm_rate_request {
    uint32_t struct_size;
    uint32_t flags;      /**< FARM_RATE_FORCE or 0 */
    const char *limit;   /**< its name, or one that begins with it and a "/" */
    const char *subject; /**< as its scope says; NULL for a global limit */
    int64_t cost;        /**< tokens, 0 to 2^31 - 1; 0 takes nothing and looks */
} farm_rate_request;

/** The state of one limit after the call. */
typedef struct farm_rate_state {
    uint32_t struct_size;
    int32_t allowed;        /**< this limit alone would have let the call through */
    int32_t is_never;       /**< the cost is more than the burst: no waiting helps */
    int32_t is_shadow;      /**< what it says has no part in the decision */
    int64_t burst;          /**< of the limit, or of the subject's override */
    int64_t remaining;      /**< tokens left, those of the process's lease included; -1: a refusal
                                 that is remembered answered (SOURCE_DENIAL), and this limit was not
                                 looked at: allowed is 1 then, and both times below are 0. Of a
                                 limit that lets all through (SOURCE_OPEN) the burst */
    int64_t retry_after_us; /**< until this cost can be had; 0 now, -1 never. CONCURRENCY: until the
                                 first hold ends, if nobody releases his before */
    int64_t reset_after_us; /**< until the bucket is full */
    int64_t refill_us;      /**< what an empty bucket needs to be full: the policy's window */
    int32_t rule;           /**< FARM_RATE_RULE_… */
    int32_t source;         /**< FARM_RATE_SOURCE_… */
} farm_rate_state;

/** What was decided over all limits of the call. */
typedef struct farm_rate_decision {
    uint32_t struct_size;
    int32_t allowed;        /**< every limit let it through, and all were taken */
    int32_t decided_index;  /**< of the limit that decided: the one to wait longest for when
                                 refused, the one with the smallest part left when allowed */
    int32_t is_never;       /**< no waiting helps */
    int64_t retry_after_us; /**< until all could be had; 0 when allowed, -1 never */
    farm_id token;          /**< names this decision for a refund, and its holds; zero when nothing
                                 was taken, and when is_degraded: what the process counted then is
                                 not given back, and holds end by themselves */
    int32_t is_shadowed;    /**< a limit in shadow mode would have refused */
    int32_t is_degraded;    /**< the store could not be asked; see the states' source */
} farm_rate_decision;

/**
 * Define limits, or change them. All or none. What becomes of the buckets that there are says each
 * limit's on_change; by default a change of burst alone keeps what was used, unless it is so large
 * that the limit must count by another clock (docs/rate.md), and any other change of figures gives
 * every subject a full bucket. Who has taken more than a lowered burst waits until that is paid; of
 * a bucket that is 5 seconds behind even so, he gets one more call through and then has an empty
 * one. Repeating a definition changes nothing.
 *
 * @param items limits of the session's space. @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL a field is out of range, a time zone unknown; the text names limit and rule.
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
 * Forget a limit and its overrides. Its buckets go with farm_maintain(), as all do, when they would
 * be full again. Repeating it changes nothing.
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
 * Switch all limits of the space to shadow mode, or back to each one's own: to try them out, or to
 * let everybody in while something else is wrong. Repeating it changes nothing.
 *
 * @param is_shadow 1 or 0.
 * @return FARM_OK
 * @return FARM_EINVAL it is neither.
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
FARM_API farm_status farm_rate_set_shadow(farm_session *session, int32_t is_shadow);

/**
 * Give subjects figures of their own, exempt them, or ban them, each perhaps for a time. All or
 * none. What a subject had taken under other figures that count alike stays taken. An exempt
 * subject takes nothing; a banned one is refused without a look at its bucket. Repeating it changes
 * nothing.
 *
 * @param items of limits of the session's space. @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL a field is out of range, or a subject is wrong or named twice.
 * @return FARM_ENOTFOUND a limit is unknown.
 * @return FARM_EDENIED the actor is not the service.
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_override_put(farm_session *session, const farm_rate_override *items,
                                            size_t count);

/**
 * Leave subjects to the limit itself again. Repeating it changes nothing.
 *
 * @param items limits and subjects; nothing else is looked at.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK also when there was none.
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND a limit is unknown.
 * @return FARM_EDENIED the actor is not the service.
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_override_remove(farm_session *session,
                                               const farm_rate_override *items, size_t count);

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
 * @return FARM_ECORRUPT
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
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_peek(farm_session *session, const farm_rate_request *items,
                                    size_t count, farm_rate_state *results,
                                    farm_rate_decision *out);

/**
 * Give back what a decision took, or a part of it: the request failed through no fault of the
 * caller. A bucket never gets fuller than full; what was taken of a window that has ended is gone;
 * holds are not refunded but released. Repeating it with the same token gives nothing
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
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_refund(farm_session *session, const farm_id *id,
                                      const farm_rate_request *items, size_t count);

/**
 * End the holds of a decision, before they end by themselves. Items whose limits hold nothing are
 * passed over, so that a caller may hand over what he took. Repeating it changes nothing.
 *
 * @param id the decision's token.
 * @param items the same limits and subjects; cost is not looked at.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK also when they have ended.
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
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_release(farm_session *session, const farm_id *id,
                                       const farm_rate_request *items, size_t count);

/**
 * Let the holds of a decision last for their limits' period from now on: for work that takes long.
 * All or none; none ever ends sooner by it. Items whose limits hold nothing are passed over.
 * Repeating it does it again.
 *
 * @param id the decision's token.
 * @param items the same limits and subjects; cost is not looked at.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL the token is zero or no id made by a decision; else as farm_rate_take().
 * @return FARM_ENOTFOUND
 * @return FARM_ECONFLICT a hold has ended: another may have its place.
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_renew(farm_session *session, const farm_id *id,
                                     const farm_rate_request *items, size_t count);

/**
 * Fill buckets again, and end all holds. What leases of this process have of them ends, too; what
 * other processes have is on top. Repeating it changes nothing.
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
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_reset(farm_session *session, const farm_rate_request *items,
                                     size_t count);

/**
 * Give back what leases have left, all of this process on the store: before it ends, or when it is
 * about to be idle. Otherwise a lease that nobody took of for a second is given back with a later
 * take that asks the store. Repeating it changes nothing.
 *
 * @return FARM_OK
 * @return FARM_EINVAL the session is not open.
 * @return FARM_EREFUSED inside farm_begin(). This and what follows, but FARM_EUNCERTAIN: what was
 *     not given back is still leased.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN what was on its way may be lost: the buckets get it back by their rate.
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_settle(farm_session *session);

/**
 * The HTTP fields of a decision, each line ended by CR LF: `RateLimit-Policy` and `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers-10, one item a limit) and, when refused, `Retry-After` in
 * whole seconds, rounded up (RFC 9110, 10.2.3); never when waiting does not help. `t` is the time
 * until the bucket is full, or until the cost can be had when that is what refused. A limit of
 * which nothing is known (remaining -1) has an item in the first field alone.
 *
 * @param items, count, results, decision what farm_rate_take() was given and gave.
 * @param out_text receives the lines.
 * @return FARM_OK
 * @return FARM_EINVAL an argument is missing or count is 0 or above FARM_RATE_BATCH_MAX.
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_headers(farm_session *session, const farm_rate_request *items,
                                       size_t count, const farm_rate_state *results,
                                       const farm_rate_decision *decision, char **out_text);

/**
 * The same of the limit that decided, in the fields that were usual before: `X-RateLimit-Limit`,
 * the burst; `X-RateLimit-Remaining`; `X-RateLimit-Reset`, in how many seconds the bucket is full,
 * or the cost can be had when that is what refused; and, when refused, `Retry-After`. They are of
 * no standard: some clients take the reset for a time since 1970.
 *
 * @param items, count, results, decision what farm_rate_take() was given and gave.
 * @param out_text receives the lines.
 * @return FARM_OK
 * @return FARM_EINVAL an argument is missing, or decided_index is of no item.
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_legacy_headers(farm_session *session, const farm_rate_request *items,
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
 * @return FARM_EUNSUPPORTED
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
