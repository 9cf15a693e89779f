/**
 * @file farmcore/idempotency.h
 * Idempotency keys for requests whose work is more than one operation of this library: the first
 * caller of a key executes, everyone after is given the same answer.
 *
 * farm_idempotency_begin() answers one of four things:
 *
 * | outcome | meaning | what to do |
 * |---|---|---|
 * | EXECUTE | the key is this caller's now | do the work from step(), then finish |
 * | REPLAY | it was finished | answer code() and data() again |
 * | IN_PROGRESS | another caller holds it | answer 409, or try after retry_after_us() |
 * | MISMATCH | the key was used for another request | answer 422 |
 *
 * When all the work is in this store, do everything in one transaction: farm_begin(), begin, the
 * work, finish, farm_commit(). Then the key and the effect stand or fall together. When the work
 * reaches outside (a payment), begin without a transaction: the claim is held for lock_us, steps
 * record how far it came, and whoever claims it after a crash goes on from there.
 */
#ifndef FARMCORE_IDEMPOTENCY_H
#define FARMCORE_IDEMPOTENCY_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FARM_IDEMPOTENCY_DATA_MAX = 1 << 20 /**< bytes of a request or an answer */ };

/** What farm_idempotency_begin() found. */
enum {
    FARM_IDEMPOTENCY_EXECUTE = 1,
    FARM_IDEMPOTENCY_REPLAY = 2,
    FARM_IDEMPOTENCY_IN_PROGRESS = 3,
    FARM_IDEMPOTENCY_MISMATCH = 4
};

/** Why a call was turned down. */
enum {
    FARM_IDEMPOTENCY_REASON_LOST = 1,        /**< ECONFLICT: another caller has claimed the key */
    FARM_IDEMPOTENCY_REASON_NOT_CLAIMED = 2, /**< EINVAL: not EXECUTE, or finished by now */
    FARM_IDEMPOTENCY_REASON_STEP_BACK = 3,   /**< EINVAL: a step goes back */
    FARM_IDEMPOTENCY_REASON_TOO_LARGE = 4    /**< EINVAL: data over FARM_IDEMPOTENCY_DATA_MAX */
};

/** How long things last. Zero means the default. */
typedef struct farm_idempotency_options {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t lock_us;      /**< how long a claim is held; default 60 s, 1 ms to 1 day */
    int64_t retention_us; /**< how long an answer, or the steps of a claim that nobody took up, are
                               kept; default 72 h, 1 s to 366 days */
} farm_idempotency_options;

/** What was found, and the claim when the outcome is EXECUTE. */
typedef struct farm_idempotency farm_idempotency;

/**
 * Claim a key, or learn what became of it. One round trip. Inside farm_begin() the claim commits
 * or vanishes with the transaction, and a caller with the same key waits for it.
 *
 * @param owner whose key it is: the actor, unless the actor is the service.
 * @param key 1 to FARM_KEY_MAX bytes, made by the client that repeats.
 * @param operation what is done, such as "POST /orders"; 1 to FARM_KEY_MAX bytes.
 * @param data the request, in a form that is the same for each repeat; only its SHA-256, with the
 *     operation's, is stored. @param data_size 0 to FARM_IDEMPOTENCY_DATA_MAX.
 * @param options NULL: all defaults.
 * @param out receives what was found, or NULL.
 * @return FARM_OK whatever the outcome.
 * @return FARM_EINVAL
 * @return FARM_EDENIED the actor is neither the owner nor the service.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Ownership: out is the caller's, for farm_idempotency_free(). Threads: the session's.
 * Since 0.1.0.
 */
FARM_API farm_status farm_idempotency_begin(farm_session *session, const char *owner,
                                            const char *key, const char *operation,
                                            const void *data, size_t data_size,
                                            const farm_idempotency_options *options,
                                            farm_idempotency **out);

/** FARM_IDEMPOTENCY_EXECUTE … MISMATCH. @return 0 for NULL. Threads: any. Since 0.1.0. */
FARM_API int32_t farm_idempotency_outcome(const farm_idempotency *claim);

/** The last step recorded, by this claim too, be it rolled back since. @return 0 when there is
 * none, or for MISMATCH. Threads: any. Since 0.1.0. */
FARM_API int32_t farm_idempotency_step(const farm_idempotency *claim);

/** REPLAY: the code of the answer. @return 0 otherwise. Threads: any. Since 0.1.0. */
FARM_API int32_t farm_idempotency_code(const farm_idempotency *claim);

/**
 * IN_PROGRESS: when the other caller's claim ends.
 *
 * @return microseconds from the time of begin; 0 otherwise. Threads: any. Since 0.1.0.
 */
FARM_API int64_t farm_idempotency_retry_after_us(const farm_idempotency *claim);

/**
 * REPLAY: the answer; EXECUTE: what the last step before this begin recorded.
 *
 * @param out_size receives its bytes.
 * @return lives as long as claim; NULL when there is none. Threads: any. Since 0.1.0.
 */
FARM_API const void *farm_idempotency_data(const farm_idempotency *claim, size_t *out_size);

/**
 * Record how far the work came, with what the next step needs, and renew the claim. Repeating the
 * last step changes nothing but its data.
 *
 * @param claim with the outcome EXECUTE.
 * @param step 1 and up; not less than the last.
 * @param data what to hand to whoever goes on. @param data_size up to FARM_IDEMPOTENCY_DATA_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL the step goes back, the data is too large, the claim is none or finished.
 * @return FARM_ECONFLICT the claim ran out and another caller has it, or it was given up or rolled
 *     back: stop working.
 * @return FARM_EDENIED
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
FARM_API farm_status farm_idempotency_advance(farm_session *session, farm_idempotency *claim,
                                              int32_t step, const void *data, size_t data_size);

/**
 * Record the answer: from now on the key replays it until its retention ends. Repeating it with
 * the same claim and answer changes nothing.
 *
 * @param claim with the outcome EXECUTE.
 * @param code the application's, such as an HTTP status.
 * @param data the answer. @param data_size up to FARM_IDEMPOTENCY_DATA_MAX.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EEXISTS it was finished with another answer.
 * @return FARM_ECONFLICT the claim ran out and another caller has it, or it was given up or rolled
 *     back: roll back.
 * @return FARM_EDENIED
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
FARM_API farm_status farm_idempotency_finish(farm_session *session, farm_idempotency *claim,
                                             int32_t code, const void *data, size_t data_size);

/**
 * Give the claim up, so that the next caller with the same request may execute at once. Steps stay
 * recorded. Releasing what is finished, given up, or another caller's by now, changes nothing.
 *
 * @param claim with the outcome EXECUTE.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
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
FARM_API farm_status farm_idempotency_release(farm_session *session, farm_idempotency *claim);

/** Free what begin gave; the claim itself stays. NULL is allowed. Threads: any. Since 0.1.0. */
FARM_API void farm_idempotency_free(farm_idempotency *claim);

#ifdef __cplusplus
}
#endif
#endif
