/* The rules of idempotency keys. */
#include "idempotency/idempotency_rules.h"
#include "base/integer.h"

static const idempotency_verdict fine = {FARM_OK, 0, NULL};
static const idempotency_verdict lost = {
    FARM_ECONFLICT, FARM_IDEMPOTENCY_REASON_LOST,
    "the claim ran out or was given up, and the key is no longer this caller's"};
static const idempotency_verdict step_back = {FARM_EINVAL, FARM_IDEMPOTENCY_REASON_STEP_BACK,
                                              "a later step than this is recorded already"};

idempotency_terms idempotency_terms_of(const farm_idempotency_options *options) {
    return (idempotency_terms){
        .lock_us = options->lock_us == 0 ? IDEMPOTENCY_LOCK_DEFAULT_US : options->lock_us,
        .retention_us =
            options->retention_us == 0 ? IDEMPOTENCY_RETENTION_DEFAULT_US : options->retention_us,
    };
}

idempotency_ends idempotency_ends_at(const idempotency_terms *terms, int64_t now_us) {
    return (idempotency_ends){
        .locked_until_us = now_us + terms->lock_us,
        .claim_expires_us = now_us + integer_max(terms->lock_us, terms->retention_us),
        .answer_expires_us = now_us + terms->retention_us,
    };
}

int32_t idempotency_outcome_of(const idempotency_facts *facts) {
    if (!facts->is_same_request) return FARM_IDEMPOTENCY_MISMATCH;
    if (facts->state == IDEMPOTENCY_FINISHED) return FARM_IDEMPOTENCY_REPLAY;
    return facts->is_mine ? FARM_IDEMPOTENCY_EXECUTE : FARM_IDEMPOTENCY_IN_PROGRESS;
}

int64_t idempotency_wait_us(int32_t outcome, const idempotency_facts *facts, int64_t now_us) {
    if (outcome != FARM_IDEMPOTENCY_IN_PROGRESS) return 0;
    return integer_max(0, facts->locked_until_us - now_us);
}

idempotency_verdict idempotency_check_claim(int32_t is_claim, int32_t outcome) {
    if (is_claim && outcome == FARM_IDEMPOTENCY_EXECUTE) return fine;
    return (idempotency_verdict){FARM_EINVAL, FARM_IDEMPOTENCY_REASON_NOT_CLAIMED,
                                 is_claim ? "the outcome was not EXECUTE, so there is no claim"
                                          : "claim is missing"};
}

idempotency_verdict idempotency_check_step(int32_t step) {
    if (step < 1) return (idempotency_verdict){FARM_EINVAL, 0, "step is less than 1"};
    return fine;
}

idempotency_verdict idempotency_settle_advance(const idempotency_miss *miss, int32_t step) {
    if (!miss->is_mine) return lost;
    if (miss->state == IDEMPOTENCY_FINISHED)
        return (idempotency_verdict){FARM_EINVAL, FARM_IDEMPOTENCY_REASON_NOT_CLAIMED,
                                     "the key is finished, so there is no claim any more"};
    return miss->step > step ? step_back : lost;
}

idempotency_verdict idempotency_settle_finish(const idempotency_miss *miss) {
    if (!miss->is_mine || miss->state != IDEMPOTENCY_FINISHED) return lost;
    if (miss->is_same) return fine;
    return (idempotency_verdict){FARM_EEXISTS, 0, "the key is finished with another answer"};
}
