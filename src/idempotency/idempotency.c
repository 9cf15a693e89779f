/* Idempotency keys: who claims a key executes, the others are given his answer. What a row means is
 * decided in idempotency_rules.c. */
#include "base/assert.h"
#include "base/crypto.h"
#include "idempotency/idempotency_rules.h"
#include "idempotency_sql.h"
#include "store/run.h"
#include <string.h>

enum { TOKEN_SIZE = 16 };

/* The token of a key that was given up; random ones are never this. */
static const uint8_t nobody[TOKEN_SIZE];

struct farm_idempotency {
    int32_t outcome;
    int32_t step;
    int32_t code;
    int64_t retry_after_us;
    idempotency_terms terms;
    uint8_t token[TOKEN_SIZE];
    const char *owner; /* these point into bytes */
    const char *key;
    size_t data_size;
    const void *data;
    char bytes[];
};

typedef struct begin_operation {
    const char *owner;
    const char *key;
    const char *operation;
    const void *data;
    size_t data_size;
    const farm_idempotency_options *options;
    farm_idempotency **out;
    idempotency_terms terms;
    int64_t now_us;
    uint8_t fingerprint[CRYPTO_HASH_SIZE];
    uint8_t token[TOKEN_SIZE];
    int32_t has_token;
    int32_t has_row;
    idempotency_facts facts;
    farm_idempotency *claim;
} begin_operation;

/* One that changes a claim. */
typedef struct claim_operation {
    farm_idempotency *claim;
    int32_t number; /* the step or the code */
    const void *data;
    size_t data_size;
    idempotency_miss miss;
} claim_operation;

/* Empty is written as no bytes, not as NULL. */
static value_blob blob_of(const void *data, size_t size) {
    return value_blob_of(size == 0 ? "" : data, size);
}

static value_blob blob_of_nothing(void) {
    return blob_of(NULL, 0);
}

static farm_status check_data(farm_session *session, const void *data, size_t data_size) {
    if (data_size > FARM_IDEMPOTENCY_DATA_MAX)
        return store_fail(session, FARM_EINVAL, FARM_IDEMPOTENCY_REASON_TOO_LARGE,
                          "data has %zu bytes, and may have %d", data_size,
                          FARM_IDEMPOTENCY_DATA_MAX);
    if (data == NULL && data_size > 0)
        return store_fail(session, FARM_EINVAL, 0, "data is missing");
    return FARM_OK;
}

static farm_status check_verdict(farm_session *session, idempotency_verdict verdict) {
    if (verdict.status == FARM_OK) return FARM_OK;
    return store_fail(session, verdict.status, verdict.reason, "%s", verdict.text);
}

static farm_status check_options(farm_session *session, begin_operation *operation) {
    farm_idempotency_options options;
    farm_status status =
        store_check_options(session, "options", &options, sizeof options, operation->options);
    if (status != FARM_OK) return status;
    operation->terms = idempotency_terms_of(&options);
    status = store_check_range(session, "lock_us", operation->terms.lock_us,
                               IDEMPOTENCY_LOCK_LEAST_US, IDEMPOTENCY_LOCK_MOST_US);
    if (status != FARM_OK) return status;
    return store_check_range(session, "retention_us", operation->terms.retention_us,
                             IDEMPOTENCY_RETENTION_LEAST_US, IDEMPOTENCY_RETENTION_MOST_US);
}

static farm_status check_begin(farm_session *session, begin_operation *operation) {
    if (operation->out == NULL) return store_fail(session, FARM_EINVAL, 0, "out is missing");
    farm_status status = store_check_key(session, "owner", operation->owner);
    if (status == FARM_OK) status = store_check_key(session, "key", operation->key);
    if (status == FARM_OK) status = store_check_key(session, "operation", operation->operation);
    if (status == FARM_OK) status = check_data(session, operation->data, operation->data_size);
    if (status == FARM_OK) status = check_options(session, operation);
    if (status == FARM_OK) status = store_check_owner(session, operation->owner);
    return status;
}

static char *append(char *place, const void *data, size_t size) {
    if (size > 0) memcpy(place, data, size);
    place[size] = '\0';
    return place + size + 1;
}

/* The block for all but data, so that what needs none cannot fail once the key is claimed. */
static size_t claim_size(const begin_operation *operation) {
    return sizeof(farm_idempotency) + strlen(operation->owner) + 1 + strlen(operation->key) + 1 + 1;
}

/* The block with room for what the row hands over; NULL when there is no memory. */
static farm_idempotency *fit_claim(begin_operation *operation, size_t data_size) {
    farm_idempotency *claim = operation->claim;
    if (data_size == 0) return claim;
    operation->claim = NULL;
    farm_idempotency *larger = farm_reallocate(claim, claim_size(operation) + data_size);
    if (larger == NULL) farm_idempotency_free(claim);
    return larger;
}

static void fill_claim(begin_operation *operation, const idempotency_key_read_row *row) {
    const int32_t outcome = idempotency_outcome_of(&operation->facts);
    const int32_t has_data =
        outcome == FARM_IDEMPOTENCY_EXECUTE || outcome == FARM_IDEMPOTENCY_REPLAY;
    const size_t data_size = has_data ? row->data.size : 0;
    farm_idempotency *claim = fit_claim(operation, data_size);
    operation->claim = claim;
    if (claim == NULL) return;
    *claim = (farm_idempotency){
        .outcome = outcome,
        .step = outcome == FARM_IDEMPOTENCY_MISMATCH ? 0 : (int32_t)row->step,
        .code = outcome == FARM_IDEMPOTENCY_REPLAY ? (int32_t)row->code.integer : 0,
        .retry_after_us = idempotency_wait_us(outcome, &operation->facts, operation->now_us),
        .terms = operation->terms,
        .data_size = data_size,
    };
    memcpy(claim->token, operation->token, sizeof claim->token);
    char *place = claim->bytes;
    claim->owner = place;
    place = append(place, operation->owner, strlen(operation->owner));
    claim->key = place;
    place = append(place, operation->key, strlen(operation->key));
    claim->data = data_size > 0 ? place : NULL;
    append(place, row->data.data, data_size);
}

static int32_t equals(value_blob blob, const void *data, size_t size) {
    return blob.size == size && crypto_equals(blob.data, data, size);
}

static int32_t take_row(void *context, size_t ordinal, const idempotency_key_read_row *row) {
    (void)ordinal;
    begin_operation *operation = context;
    operation->has_row = 1;
    operation->facts = (idempotency_facts){
        .is_same_request =
            equals(row->fingerprint, operation->fingerprint, sizeof operation->fingerprint),
        .is_mine = equals(row->token, operation->token, sizeof operation->token),
        .state = (int32_t)row->state,
        .locked_until_us = row->locked_until_us,
    };
    fill_claim(operation, row);
    return 0;
}

static void forget_claim(begin_operation *operation) {
    farm_idempotency_free(operation->claim);
    operation->claim = NULL;
    operation->has_row = 0;
}

static void identify(farm_session *session, begin_operation *operation) {
    const value_blob request = blob_of(operation->data, operation->data_size);
    const crypto_part parts[] = {{operation->operation, strlen(operation->operation)},
                                 {request.data, request.size}};
    crypto_sha256_parts(parts, sizeof parts / sizeof parts[0], operation->fingerprint);
    /* Made once, so that a rerun after an uncertain outcome knows its own claim again. */
    if (!operation->has_token) store_random(session, operation->token, sizeof operation->token);
    operation->has_token = 1;
}

static void add_begin(store_batch *batch, begin_operation *operation) {
    const idempotency_ends ends = idempotency_ends_at(&operation->terms, operation->now_us);
    const value_text owner = value_text_of(operation->owner);
    const value_text key = value_text_of(operation->key);
    const value_blob fingerprint =
        value_blob_of(operation->fingerprint, sizeof operation->fingerprint);
    idempotency_key_claim(batch,
                          &(idempotency_key_claim_params){
                              .owner = owner,
                              .key = key,
                              .fingerprint = fingerprint,
                              .token = value_blob_of(operation->token, sizeof operation->token),
                              .now = operation->now_us,
                              .locked_until = ends.locked_until_us,
                              .expires = ends.claim_expires_us,
                              .nothing = blob_of_nothing(),
                          });
    idempotency_key_read(
        batch,
        &(idempotency_key_read_params){
            .owner = owner, .key = key, .fingerprint = fingerprint, .nothing = blob_of_nothing()},
        take_row, operation);
}

static farm_status release(farm_session *session, const char *owner, const char *key,
                           const uint8_t *token) {
    store_batch batch;
    store_batch_init(&batch, session);
    idempotency_key_release(&batch, &(idempotency_key_release_params){
                                        .owner = value_text_of(owner),
                                        .key = value_text_of(key),
                                        .token = value_blob_of(token, TOKEN_SIZE),
                                        .nobody = value_blob_of(nobody, sizeof nobody),
                                    });
    return store_finish(session, &batch);
}

static farm_status begin_key(farm_session *session, void *context) {
    begin_operation *operation = context;
    forget_claim(operation);
    farm_status status = check_begin(session, operation);
    if (status != FARM_OK) return status;
    operation->claim = farm_allocate(claim_size(operation));
    if (operation->claim == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for what will be found");
    identify(session, operation);
    operation->now_us = store_now_us(session);

    store_batch batch;
    store_batch_init(&batch, session);
    add_begin(&batch, operation);
    status = store_finish(session, &batch);
    if (status != FARM_OK) return status;
    FARM_ASSERT(operation->has_row);
    if (operation->claim != NULL) return FARM_OK;

    /* The key may have been taken up for a caller who will not hear of it: let the next one have
     * it at once. Should that fail too, the key is free again when the lock ends. */
    (void)release(session, operation->owner, operation->key, operation->token);
    return store_fail(session, FARM_ENOMEM, 0, "there is no memory for what was found");
}

farm_status farm_idempotency_begin(farm_session *session, const char *owner, const char *key,
                                   const char *operation, const void *data, size_t data_size,
                                   const farm_idempotency_options *options,
                                   farm_idempotency **out) {
    if (out != NULL) *out = NULL;
    begin_operation begin = {
        .owner = owner,
        .key = key,
        .operation = operation,
        .data = data,
        .data_size = data_size,
        .options = options,
        .out = out,
    };
    farm_status status = store_operate(session, STORE_REPEATABLE, begin_key, &begin);
    if (status == FARM_OK)
        *out = begin.claim;
    else
        forget_claim(&begin);
    return status;
}

int32_t farm_idempotency_outcome(const farm_idempotency *claim) {
    return claim == NULL ? 0 : claim->outcome;
}

int32_t farm_idempotency_step(const farm_idempotency *claim) {
    return claim == NULL ? 0 : claim->step;
}

int32_t farm_idempotency_code(const farm_idempotency *claim) {
    return claim == NULL ? 0 : claim->code;
}

int64_t farm_idempotency_retry_after_us(const farm_idempotency *claim) {
    return claim == NULL ? 0 : claim->retry_after_us;
}

const void *farm_idempotency_data(const farm_idempotency *claim, size_t *out_size) {
    if (out_size != NULL) *out_size = claim == NULL ? 0 : claim->data_size;
    return claim == NULL ? NULL : claim->data;
}

static farm_status check_claim(farm_session *session, const claim_operation *operation) {
    const farm_idempotency *claim = operation->claim;
    farm_status status = check_verdict(
        session, idempotency_check_claim(claim != NULL, farm_idempotency_outcome(claim)));
    if (status == FARM_OK) status = check_data(session, operation->data, operation->data_size);
    if (status == FARM_OK) status = store_check_owner(session, claim->owner);
    return status;
}

static int32_t take_miss(void *context, size_t ordinal, const idempotency_key_settle_row *row) {
    (void)ordinal;
    idempotency_miss *miss = context;
    *miss = (idempotency_miss){
        .is_mine = (int32_t)row->is_mine,
        .state = (int32_t)row->state,
        .step = (int32_t)row->step,
        .is_same = (int32_t)row->is_same,
    };
    return 0;
}

/* A guard missed, and nothing was written: read why. */
static farm_status read_miss(farm_session *session, claim_operation *operation) {
    const farm_idempotency *claim = operation->claim;
    operation->miss = (idempotency_miss){0};
    store_batch batch;
    farm_status status = store_undo(session);
    if (status != FARM_OK) return status;
    store_batch_init(&batch, session);
    idempotency_key_settle(&batch,
                           &(idempotency_key_settle_params){
                               .owner = value_text_of(claim->owner),
                               .key = value_text_of(claim->key),
                               .token = value_blob_of(claim->token, sizeof claim->token),
                               .code = operation->number,
                               .data = blob_of(operation->data, operation->data_size),
                           },
                           take_miss, &operation->miss);
    return store_finish(session, &batch);
}

static int32_t has_missed(const farm_session *session, farm_status status) {
    return status == FARM_ECONFLICT && store_fault_kind(session) == FARM_FAULT_GUARD;
}

static farm_status advance_key(farm_session *session, void *context) {
    claim_operation *operation = context;
    farm_idempotency *claim = operation->claim;
    farm_status status = check_claim(session, operation);
    /* Whether it goes back, the store alone knows: what this claim last recorded may have been
     * rolled back. */
    if (status == FARM_OK)
        status = check_verdict(session, idempotency_check_step(operation->number));
    if (status != FARM_OK) return status;

    const idempotency_ends ends = idempotency_ends_at(&claim->terms, store_now_us(session));
    store_batch batch;
    store_batch_init(&batch, session);
    idempotency_key_advance(&batch, &(idempotency_key_advance_params){
                                        .owner = value_text_of(claim->owner),
                                        .key = value_text_of(claim->key),
                                        .token = value_blob_of(claim->token, sizeof claim->token),
                                        .step = operation->number,
                                        .data = blob_of(operation->data, operation->data_size),
                                        .locked_until = ends.locked_until_us,
                                        .expires = ends.claim_expires_us,
                                    });
    status = store_finish(session, &batch);
    if (!has_missed(session, status)) return status;
    status = read_miss(session, operation);
    if (status != FARM_OK) return status;
    return check_verdict(session, idempotency_settle_advance(&operation->miss, operation->number));
}

farm_status farm_idempotency_advance(farm_session *session, farm_idempotency *claim, int32_t step,
                                     const void *data, size_t data_size) {
    claim_operation operation = {
        .claim = claim, .number = step, .data = data, .data_size = data_size};
    farm_status status = store_operate(session, STORE_REPEATABLE, advance_key, &operation);
    if (status == FARM_OK) claim->step = step;
    return status;
}

static farm_status finish_key(farm_session *session, void *context) {
    claim_operation *operation = context;
    const farm_idempotency *claim = operation->claim;
    farm_status status = check_claim(session, operation);
    if (status != FARM_OK) return status;

    const idempotency_ends ends = idempotency_ends_at(&claim->terms, store_now_us(session));
    store_batch batch;
    store_batch_init(&batch, session);
    idempotency_key_finish(&batch, &(idempotency_key_finish_params){
                                       .owner = value_text_of(claim->owner),
                                       .key = value_text_of(claim->key),
                                       .token = value_blob_of(claim->token, sizeof claim->token),
                                       .code = operation->number,
                                       .data = blob_of(operation->data, operation->data_size),
                                       .expires = ends.answer_expires_us,
                                   });
    status = store_finish(session, &batch);
    if (!has_missed(session, status)) return status;
    status = read_miss(session, operation);
    if (status != FARM_OK) return status;
    return check_verdict(session, idempotency_settle_finish(&operation->miss));
}

farm_status farm_idempotency_finish(farm_session *session, farm_idempotency *claim, int32_t code,
                                    const void *data, size_t data_size) {
    claim_operation operation = {
        .claim = claim, .number = code, .data = data, .data_size = data_size};
    return store_operate(session, STORE_REPEATABLE, finish_key, &operation);
}

static farm_status release_key(farm_session *session, void *context) {
    const claim_operation *operation = context;
    const farm_idempotency *claim = operation->claim;
    farm_status status = check_claim(session, operation);
    return status != FARM_OK ? status : release(session, claim->owner, claim->key, claim->token);
}

farm_status farm_idempotency_release(farm_session *session, farm_idempotency *claim) {
    claim_operation operation = {.claim = claim};
    return store_operate(session, STORE_REPEATABLE, release_key, &operation);
}

void farm_idempotency_free(farm_idempotency *claim) {
    farm_free(claim);
}
