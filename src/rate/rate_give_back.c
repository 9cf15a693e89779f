/* Giving back: refunds of what a decision took, releasing and renewing what it holds, and filling
 * buckets again. */
#include "rate/rate_operation.h"

static farm_status check_token(farm_session *session, const farm_id *token) {
    if (token != NULL && rate_token_is_sound(token)) return FARM_OK;
    return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_NOT_REFUNDABLE,
                      "the id is not the token of a decision that took something");
}

/* The claim is what makes a repeat harmless: of all calls with one token, and of all runs of one
 * call, the one whose attempt inserted it gives back. Holds are given back by releasing them. */
farm_status rate_refund_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    uint8_t attempt[16];
    farm_status status = check_token(session, operation->token);
    if (status == FARM_OK) status = rate_operation_read(session, operation, RATE_ITEM_POSITIVE);
    if (status != FARM_OK) return status;
    store_random(session, attempt, sizeof attempt);
    const value_blob token = value_blob_of_id(operation->token);
    const value_blob own = value_blob_of(attempt, sizeof attempt);
    store_batch batch;
    store_batch_init(&batch, session);
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const rate_units *units = &line->terms->units;
        const int64_t until_us = rate_refund_until_us(units, operation->token);
        if (rate_line_is_held(line) || line->ask.moment.now_us > until_us) continue;
        rate_moment moment;
        rate_refund_moment(units, operation->token, line->ask.moment.now_us * 1000, &moment);
        const rate_refund_claim_each claim = {.bucket = rate_bucket_of(line),
                                              .expires_us = until_us + RATE_REFUND_MARGIN_US};
        const rate_bucket_refund_each row = {
            .bucket = claim.bucket,
            .now = moment.now,
            .increment = rate_force_increment(units, line->ask.cost),
            .reach = moment.reach,
        };
        rate_refund_claim(&batch, &(rate_refund_claim_params){token, own}, &claim, 1);
        rate_bucket_refund(&batch, &(rate_bucket_refund_params){token, own}, &row, 1);
    }
    return rate_operation_finish(session, &batch);
}

farm_status rate_release_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    farm_status status = check_token(session, operation->token);
    if (status == FARM_OK) status = rate_operation_read(session, operation, 0);
    if (status != FARM_OK) return status;
    const rate_hold_release_params params = {value_blob_of_id(operation->token)};
    store_batch batch;
    store_batch_init(&batch, session);
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_hold_release_each row = {rate_bucket_of(&operation->lines.items[i])};
        if (rate_line_is_held(&operation->lines.items[i]))
            rate_hold_release(&batch, &params, &row, 1);
    }
    return rate_operation_finish(session, &batch);
}

farm_status rate_renew_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    farm_status status = check_token(session, operation->token);
    if (status == FARM_OK) status = rate_operation_read(session, operation, 0);
    if (status != FARM_OK) return status;
    const rate_hold_renew_params params = {value_blob_of_id(operation->token),
                                           store_now_us(session)};
    store_batch batch;
    store_batch_init(&batch, session);
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const rate_hold_renew_each row = {.bucket = rate_bucket_of(line),
                                          .expires_us = line->ask.moment.expires_us};
        /* Who is exempt held nothing, and a limit in shadow mode may have given nothing. */
        if (!rate_line_is_held(line) || line->rule == FARM_RATE_RULE_EXEMPT) continue;
        if (line->is_shadow)
            rate_hold_extend(&batch, &params, &row, 1);
        else
            rate_hold_renew(&batch, &params, &row, 1);
    }
    status = rate_operation_finish(session, &batch);
    if (status != FARM_ECONFLICT || store_fault_kind(session) != FARM_FAULT_GUARD) return status;
    return store_fail(session, FARM_ECONFLICT, FARM_RATE_REASON_NOT_HELD,
                      "a hold has ended, or was never of this decision");
}

farm_status rate_reset_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    farm_status status = store_check_service(session);
    if (status == FARM_OK) status = rate_operation_read(session, operation, 0);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const rate_bucket_reset_each rows[] = {{rate_bucket_of(line)},
                                               {value_blob_of(line->past, RATE_KEY_SIZE)}};
        const rate_bucket_fill_each full = rate_bucket_row(line, 0);
        rate_bucket_reset(&batch, rows, line->has_past ? 2 : 1);
        /* Where a new bucket is not full, or takes over what one from before lacks, a full one must
         * be there: a take may be about to make it. */
        if (line->terms->units.opening != 0 || line->has_past) rate_bucket_fill(&batch, &full, 1);
    }
    return store_finish(session, &batch);
}
