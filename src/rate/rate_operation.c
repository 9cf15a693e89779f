/* Pieces that the operations share: see rate_operation.h. */
#include "rate/rate_operation.h"
#include "rate/rate_answer.h"

farm_status rate_operation_read(farm_session *session, rate_operation *operation,
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

void rate_operation_decide(farm_session *session, rate_operation *operation) {
    rate_answer_decide(&operation->lines, store_entropy(session), operation->states,
                       &operation->decision);
}

farm_status rate_operation_answer(farm_session *session, rate_operation *operation) {
    return rate_answer_write(store_error(session), operation->states, operation->count,
                             &operation->decision, operation->results, operation->out);
}

farm_status rate_operation_finish(farm_session *session, store_batch *batch) {
    return batch->count == 0 && batch->status == FARM_OK ? FARM_OK : store_finish(session, batch);
}

value_blob rate_bucket_of(const rate_line *line) {
    return value_blob_of(line->bucket, RATE_KEY_SIZE);
}

rate_bucket_take_many_each rate_bucket_row(const rate_line *line, int64_t increment) {
    const rate_units *units = &line->terms->units;
    const rate_moment *moment = &line->ask.moment;
    return (rate_bucket_take_many_each){
        .bucket = rate_bucket_of(line),
        .now = moment->now,
        .increment = increment,
        .capacity = units->capacity,
        .slack = units->slack,
        .expires_hour = rate_expires_hour(moment),
        .share = moment->share,
        .span = units->span,
    };
}
