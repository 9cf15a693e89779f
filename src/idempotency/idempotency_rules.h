/* The rules of idempotency keys: how long things last, what a row means to the caller who asked for
 * it, and why a guard missed. Pure functions; the statements are in idempotency.sql. */
#ifndef IDEMPOTENCY_RULES_H
#define IDEMPOTENCY_RULES_H

#include <farmcore/idempotency.h>

/* The states of a row. One that was given up is CLAIMED and held by nobody. */
enum { IDEMPOTENCY_CLAIMED = 1, IDEMPOTENCY_FINISHED = 2 };

#define IDEMPOTENCY_LOCK_DEFAULT_US INT64_C(60000000)
#define IDEMPOTENCY_LOCK_LEAST_US INT64_C(1000)
#define IDEMPOTENCY_LOCK_MOST_US INT64_C(86400000000)
#define IDEMPOTENCY_RETENTION_DEFAULT_US INT64_C(259200000000)
#define IDEMPOTENCY_RETENTION_LEAST_US INT64_C(1000000)
#define IDEMPOTENCY_RETENTION_MOST_US INT64_C(31622400000000)

/* How long a claim is held and an answer kept; both set and in range. */
typedef struct idempotency_terms {
    int64_t lock_us;
    int64_t retention_us;
} idempotency_terms;

/* When they end. */
typedef struct idempotency_ends {
    int64_t locked_until_us;
    int64_t claim_expires_us; /* of a claim: never before its lock ends */
    int64_t answer_expires_us;
} idempotency_ends;

/* Zero means the default. */
idempotency_terms idempotency_terms_of(const farm_idempotency_options *options);
idempotency_ends idempotency_ends_at(const idempotency_terms *terms, int64_t now_us);

/* What begin found in the row after its claim was tried. */
typedef struct idempotency_facts {
    int32_t is_same_request;
    int32_t is_mine; /* the row has the token of this call */
    int32_t state;
    int64_t locked_until_us;
} idempotency_facts;

/* FARM_IDEMPOTENCY_EXECUTE … MISMATCH. */
int32_t idempotency_outcome_of(const idempotency_facts *facts);
/* 0 but for FARM_IDEMPOTENCY_IN_PROGRESS. */
int64_t idempotency_wait_us(int32_t outcome, const idempotency_facts *facts, int64_t now_us);

/* What the row says after a guard missed; all zero when there is no row. */
typedef struct idempotency_miss {
    int32_t is_mine;
    int32_t state;
    int32_t step;    /* recorded */
    int32_t is_same; /* the answer recorded is the one to record */
} idempotency_miss;

typedef struct idempotency_verdict {
    farm_status status;
    int32_t reason;
    const char *text; /* NULL with FARM_OK */
} idempotency_verdict;

/* Before the store is asked. */
idempotency_verdict idempotency_check_claim(int32_t is_claim, int32_t outcome);
idempotency_verdict idempotency_check_step(int32_t step);
/* Why an advance or a finish changed nothing. */
idempotency_verdict idempotency_settle_advance(const idempotency_miss *miss, int32_t step);
idempotency_verdict idempotency_settle_finish(const idempotency_miss *miss);

#endif
