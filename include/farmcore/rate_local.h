/**
 * @file farmcore/rate_local.h
 * Rate limits in the process: the limits of farmcore/rate.h, with the same rules and answers,
 * counted in memory instead of a store. For what one process limits by itself, and for millions of
 * decisions a second. What it counts is forgotten when it is freed.
 *
 * Its memory is bounded: bucket_count buckets and as many holds. A bucket is given up only when it
 * is as good as none, so that no debt is ever forgiven. When there is no room, new subjects of a
 * limit share one bucket, and when there is no room for that either they are refused.
 *
 * Limits are defined by the host, or taken over from a store with farm_rate_local_load().
 */
#ifndef FARMCORE_RATE_LOCAL_H
#define FARMCORE_RATE_LOCAL_H

#include <farmcore/base.h>
#include <farmcore/rate.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A limiter in the process; see the top of this file. */
typedef struct farm_rate_local farm_rate_local;

enum {
    FARM_RATE_LOCAL_BUCKET_MAX = 1 << 24, /**< buckets of one limiter */
    FARM_RATE_LOCAL_LIMIT_MAX = 10000     /**< limits of one limiter */
};

/** How to make a farm_rate_local. Zero means the default everywhere. */
typedef struct farm_rate_local_options {
    uint32_t struct_size;
    uint32_t bucket_count;   /**< buckets, 16 to FARM_RATE_LOCAL_BUCKET_MAX; default 65,536;
                                      about 200 bytes each */
    const farm_clock *clock; /**< NULL: the system's */
    const farm_entropy
        *entropy; /**< for the secret of its hashes and for jitter; NULL: the system's */
} farm_rate_local_options;

/**
 * Make a limiter without limits.
 *
 * @param options NULL: all defaults.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out receives the limiter, or NULL.
 * @return FARM_OK
 * @return FARM_EINVAL an option is out of range, or out is NULL.
 * @return FARM_EUNSUPPORTED options of a newer library.
 * @return FARM_ENOMEM
 * Ownership: the caller's, for farm_rate_local_free(). Nothing is kept of options but the contexts
 * of clock and entropy. Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_new(const farm_rate_local_options *options, farm_error *error,
                                         farm_rate_local **out);

/**
 * Free a limiter that nobody uses any more.
 *
 * @param local NULL is allowed. Threads: one. Since 0.1.0.
 */
FARM_API void farm_rate_local_free(farm_rate_local *local);

/**
 * Freeze the limiter's clock, for tests and simulations in any language.
 *
 * @param now_us microseconds since 1970 UTC, 0 to 2200-01-01; -1 lets it run again.
 * @return FARM_OK
 * @return FARM_EINVAL out of range, or local is NULL.
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_set_clock_us(farm_rate_local *local, int64_t now_us);

/**
 * Define limits, or change them, as farm_rate_define(). on_error, node_count, lease_count and
 * denied_us mean nothing here. Takes that run see the limits from before or those from after.
 *
 * @param items limits. @param count 1 to FARM_RATE_BATCH_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL a field is out of range, a time zone unknown; the text names limit and rule.
 *     Or the limits are those of a store.
 * @return FARM_EFULL there would be more than FARM_RATE_LOCAL_LIMIT_MAX.
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_define(farm_rate_local *local, const farm_rate_limit *items,
                                            size_t count, farm_error *error);

/**
 * Forget a limit and its overrides. Repeating it changes nothing.
 *
 * @param key the limit's name.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK also when there was none.
 * @return FARM_EINVAL
 * @return FARM_ENOMEM
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_remove(farm_rate_local *local, const char *key,
                                            farm_error *error);

/**
 * Give subjects figures of their own, exempt them, or ban them, as farm_rate_override_put().
 *
 * @param items of limits that are defined. @param count 1 to FARM_RATE_BATCH_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND a limit is unknown.
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_override_put(farm_rate_local *local,
                                                  const farm_rate_override *items, size_t count,
                                                  farm_error *error);

/**
 * Leave subjects to the limit itself again. Repeating it changes nothing.
 *
 * @param items limits and subjects; nothing else is looked at.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK also when there was none.
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND a limit is unknown.
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_override_remove(farm_rate_local *local,
                                                     const farm_rate_override *items, size_t count,
                                                     farm_error *error);

/**
 * Take over all limits and overrides of a session's space, instead of those that there are. Buckets
 * go on while their limits stay the same. Call it again, every few seconds or when farm_wait() says
 * so, to bound how old they are; when nothing has changed it costs one round trip. From then on
 * only this changes them.
 *
 * @param session reads them, as the service.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EREFUSED inside farm_begin() when the limits have a store of their own.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ECORRUPT
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_load(farm_session *session, farm_rate_local *local);

/**
 * Take from limits, all or none, as farm_rate_take(). Waits for nobody when the buckets are there.
 * While a call that is about to be refused by one of its limits still holds what it took of
 * another, a second call may be refused by that; more than the limits allow is never let through.
 * What is taken while subjects share a bucket, for want of room, cannot be refunded.
 *
 * @param items the limits. @param count 1 to FARM_RATE_BATCH_MAX.
 * @param results receives the state of each; set struct_size in every element.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out receives the decision; set struct_size.
 * @return FARM_OK the decision says whether the call is allowed.
 * @return FARM_EINVAL a cost is out of range, a subject is wrong, a bucket is named twice.
 * @return FARM_ENOTFOUND a limit is unknown.
 * @return FARM_EUNSUPPORTED
 * Ownership: nothing is kept. Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_take(farm_rate_local *local, const farm_rate_request *items,
                                          size_t count, farm_rate_state *results, farm_error *error,
                                          farm_rate_decision *out);

/**
 * Whether farm_rate_local_take() would let the call through now; nothing is taken.
 *
 * @param items as farm_rate_local_take(). @param count 1 to FARM_RATE_BATCH_MAX.
 * @param results receives the states. @param out receives the decision; its token is zero.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND
 * @return FARM_EUNSUPPORTED
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_peek(farm_rate_local *local, const farm_rate_request *items,
                                          size_t count, farm_rate_state *results, farm_error *error,
                                          farm_rate_decision *out);

/**
 * Give back what a decision took, once for each bucket, as farm_rate_refund().
 *
 * @param id the decision's token. @param items the same limits and subjects; cost 1 or more.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND
 * @return FARM_EUNSUPPORTED
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_refund(farm_rate_local *local, const farm_id *id,
                                            const farm_rate_request *items, size_t count,
                                            farm_error *error);

/**
 * End the holds of a decision, as farm_rate_release().
 *
 * @param id the decision's token. @param items the same limits and subjects.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND
 * @return FARM_EUNSUPPORTED
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_release(farm_rate_local *local, const farm_id *id,
                                             const farm_rate_request *items, size_t count,
                                             farm_error *error);

/**
 * Let the holds of a decision last for their limits' period from now on. Those that have not ended
 * are renewed, whatever the others' fate.
 *
 * @param id the decision's token. @param items the same limits and subjects.
 * @param count 1 to FARM_RATE_BATCH_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND
 * @return FARM_ECONFLICT a hold has ended.
 * @return FARM_EUNSUPPORTED
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_renew(farm_rate_local *local, const farm_id *id,
                                           const farm_rate_request *items, size_t count,
                                           farm_error *error);

/**
 * Write the header fields of an HTTP reply, as farm_rate_headers(), without a session.
 *
 * @param items the requests of the take. @param count 1 to FARM_RATE_BATCH_MAX.
 * @param results the states that it answered. @param decision the decision that it answered.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out_text receives the text: lines that end in CR LF.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_headers(const farm_rate_request *items, size_t count,
                                             const farm_rate_state *results,
                                             const farm_rate_decision *decision, farm_error *error,
                                             char **out_text);

/**
 * Write the header fields that were usual before, as farm_rate_legacy_headers(), without a session.
 *
 * @param items the requests of the take. @param count 1 to FARM_RATE_BATCH_MAX.
 * @param results the states that it answered. @param decision the decision that it answered.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out_text receives the text: lines that end in CR LF.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_legacy_headers(const farm_rate_request *items, size_t count,
                                                    const farm_rate_state *results,
                                                    const farm_rate_decision *decision,
                                                    farm_error *error, char **out_text);

/**
 * Write the body of a refusal, as farm_rate_problem(), without a session.
 *
 * @param items the requests of the take. @param count 1 to FARM_RATE_BATCH_MAX.
 * @param results the states that it answered. @param decision the decision, which refused.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out_text receives the JSON text.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Ownership: out_text is the caller's, for farm_free(). Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_problem(const farm_rate_request *items, size_t count,
                                             const farm_rate_state *results,
                                             const farm_rate_decision *decision, farm_error *error,
                                             char **out_text);

/**
 * Fill buckets again, and end all holds. Repeating it changes nothing.
 *
 * @param items limits and subjects. @param count 1 to FARM_RATE_BATCH_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND
 * @return FARM_EUNSUPPORTED
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_rate_local_reset(farm_rate_local *local, const farm_rate_request *items,
                                           size_t count, farm_error *error);

#ifdef __cplusplus
}
#endif
#endif
