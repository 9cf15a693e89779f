/* A call of this module on its way: what was asked and what became of it. The operations are for
 * store_operate(). */
#ifndef RATE_OPERATION_H
#define RATE_OPERATION_H

#include "rate/rate_request.h"
#include "rate_sql.h"

typedef struct rate_operation {
    const void *items;
    size_t count;
    void *results;        /* farm_rate_state of the caller's size; take, peek */
    void *out;            /* farm_rate_decision of the caller's size; take, peek */
    const farm_id *token; /* of refund, release and renew */
    rate_definitions *definitions;
    rate_lines lines;
    farm_id made;        /* the token of a take */
    int64_t lease_count; /* of the only line: what to take instead of its cost; 0: its cost */
    farm_rate_state states[FARM_RATE_BATCH_MAX];
    farm_rate_decision decision;
} rate_operation;

/* rate_take.c */
/* Check the arguments and read the lines. */
farm_status rate_take_read(farm_session *session, rate_operation *operation);
farm_status rate_take_operate(farm_session *session, void *context);
farm_status rate_peek_operate(farm_session *session, void *context);

/* rate_give_back.c */
farm_status rate_refund_operate(farm_session *session, void *context);
farm_status rate_release_operate(farm_session *session, void *context);
farm_status rate_renew_operate(farm_session *session, void *context);
farm_status rate_reset_operate(farm_session *session, void *context);

/* rate_operation.c: pieces of them. */
/* looked_at: RATE_ITEM_… */
farm_status rate_operation_read(farm_session *session, rate_operation *operation,
                                uint32_t looked_at);
/* What the lines' facts say: the states, and the decision but for its token. */
void rate_operation_decide(farm_session *session, rate_operation *operation);
/* Tell the caller. */
farm_status rate_operation_answer(farm_session *session, rate_operation *operation);
/* store_finish(), unless there is nothing to do. */
farm_status rate_operation_finish(farm_session *session, store_batch *batch);
value_blob rate_bucket_of(const rate_line *line);
/* For what changes the line's bucket by so many units, or makes it so far from full. */
rate_bucket_take_many_each rate_bucket_row(const rate_line *line, int64_t increment);

#endif
