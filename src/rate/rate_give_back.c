/* Giving back: refunds of what a decision took, releasing and renewing what it holds, and filling
 * buckets again. */
#include "rate/rate_operation.h"
#include "rate_sql.h"
#include <string.h>

static farm_status check_token(farm_session *session, const farm_id *token) {
    if (token != NULL && rate_token_is_sound(token)) return FARM_OK;
    return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_NOT_REFUNDABLE,
                      "the id is not the token of a decision that took something");
}

static farm_status read_lines(farm_session *session, rate_operation *operation,
                              uint32_t looked_at) {
    const rate_items given = {
        .definitions = operation->definitions,
        .items = operation->items,
        .count = operation->count,
        .looked_at = looked_at,
        .now_ns = store_now_ns(session),
    };
    return rate_lines_read(store_error(session), &given, &operation->lines);
}

static int32_t is_held(const rate_line *line) {
    return line->terms->units.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY;
}

/* The claim is what makes a repeat harmless: of all calls with one token, and of all runs of one
 * call, the one whose attempt inserted it gives back. Holds are given back by releasing them. */
farm_status rate_refund_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    rate_refund_claim_each claims[FARM_RATE_BATCH_MAX];
    rate_bucket_refund_each rows[FARM_RATE_BATCH_MAX];
    uint8_t attempt[16];
    size_t count = 0;
    farm_status status = check_token(session, operation->token);
    if (status == FARM_OK) status = read_lines(session, operation, RATE_ITEM_POSITIVE);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const int64_t until_us = rate_refund_until_us(&line->terms->units, operation->token);
        if (is_held(line) || store_now_us(session) > until_us) continue;
        claims[count] = (rate_refund_claim_each){.bucket = rate_bucket_of(line),
                                                 .expires_us = until_us + RATE_REFUND_MARGIN_US};
        rate_moment moment;
        rate_refund_moment(&line->terms->units, operation->token, store_now_ns(session), &moment);
        rows[count++] = (rate_bucket_refund_each){
            .bucket = rate_bucket_of(line),
            .now = moment.now,
            .increment = rate_force_increment(&line->terms->units, line->ask.cost),
            .reach = moment.reach,
        };
    }
    if (count == 0) return FARM_OK;

    store_random(session, attempt, sizeof attempt);
    const value_blob token = value_blob_of_id(operation->token);
    const value_blob own = value_blob_of(attempt, sizeof attempt);
    store_batch batch;
    store_batch_init(&batch, session);
    rate_refund_claim(&batch, &(rate_refund_claim_params){token, own}, claims, count);
    rate_bucket_refund(&batch, &(rate_bucket_refund_params){token, own}, rows, count);
    return store_finish(session, &batch);
}

farm_status rate_release_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    rate_hold_release_each rows[FARM_RATE_BATCH_MAX];
    size_t count = 0;
    farm_status status = check_token(session, operation->token);
    if (status == FARM_OK) status = read_lines(session, operation, 0);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->lines.count; i++)
        if (is_held(&operation->lines.items[i]))
            rows[count++].bucket = rate_bucket_of(&operation->lines.items[i]);
    if (count == 0) return FARM_OK;
    store_batch batch;
    store_batch_init(&batch, session);
    rate_hold_release(&batch, &(rate_hold_release_params){value_blob_of_id(operation->token)}, rows,
                      count);
    return store_finish(session, &batch);
}

farm_status rate_renew_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    rate_hold_renew_each rows[FARM_RATE_BATCH_MAX];
    rate_hold_extend_each shadows[FARM_RATE_BATCH_MAX];
    size_t count = 0;
    size_t shadow_count = 0;
    farm_status status = check_token(session, operation->token);
    if (status == FARM_OK) status = read_lines(session, operation, 0);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        /* Who is exempt held nothing, and a limit in shadow mode may have given nothing. */
        if (!is_held(line) || line->rule == FARM_RATE_RULE_EXEMPT) continue;
        const rate_hold_renew_each row = {.bucket = rate_bucket_of(line),
                                          .expires_us = line->ask.moment.expires_us};
        if (line->is_shadow)
            shadows[shadow_count++] = row;
        else
            rows[count++] = row;
    }
    if (count + shadow_count == 0) return FARM_OK;
    const value_blob token = value_blob_of_id(operation->token);
    const int64_t now_us = store_now_us(session);
    store_batch batch;
    store_batch_init(&batch, session);
    if (count > 0) rate_hold_renew(&batch, &(rate_hold_renew_params){token, now_us}, rows, count);
    if (shadow_count > 0)
        rate_hold_extend(&batch, &(rate_hold_extend_params){token, now_us}, shadows, shadow_count);
    status = store_finish(session, &batch);
    if (status != FARM_ECONFLICT || store_fault_kind(session) != FARM_FAULT_GUARD) return status;
    return store_fail(session, FARM_ECONFLICT, FARM_RATE_REASON_NOT_HELD,
                      "a hold has ended, or was never of this decision");
}

/* Where a new bucket is not full, or takes over what one from before lacks, a full one must be
 * there: a take may be about to make it. */
static void add_full(store_batch *batch, const rate_operation *operation) {
    rate_bucket_fill_each rows[FARM_RATE_BATCH_MAX];
    size_t count = 0;
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const rate_units *units = &line->terms->units;
        if (units->opening == 0 && !line->has_past) continue;
        rows[count++] = (rate_bucket_fill_each){
            .bucket = rate_bucket_of(line),
            .now = line->ask.moment.now,
            .capacity = units->capacity,
            .slack = units->slack,
            .expires_hour = rate_expires_hour(&line->ask.moment),
            .share = line->ask.moment.share,
            .span = units->span,
        };
    }
    if (count > 0) rate_bucket_fill(batch, rows, count);
}

farm_status rate_reset_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    rate_bucket_reset_each rows[2 * FARM_RATE_BATCH_MAX];
    size_t count = 0;
    farm_status status = store_check_service(session);
    if (status == FARM_OK) status = read_lines(session, operation, 0);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        rows[count++].bucket = rate_bucket_of(line);
        if (line->has_past) rows[count++].bucket = value_blob_of(line->past, RATE_KEY_SIZE);
    }
    store_batch batch;
    store_batch_init(&batch, session);
    rate_bucket_reset(&batch, rows, count);
    add_full(&batch, operation);
    return store_finish(session, &batch);
}
