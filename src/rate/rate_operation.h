/* A call of this module on its way: what was asked and what became of it. The operations are for
 * store_operate(). */
#ifndef RATE_OPERATION_H
#define RATE_OPERATION_H

#include "rate/rate_request.h"

/* Lines of one kind. */
typedef struct rate_group {
    size_t count;
    rate_line *lines[FARM_RATE_BATCH_MAX];
} rate_group;

typedef struct rate_operation {
    const void *items;
    size_t count;
    void *results;        /* farm_rate_state of the caller's size; take, peek */
    void *out;            /* farm_rate_decision of the caller's size; take, peek */
    const farm_id *token; /* of refund, release and renew */
    rate_definitions *definitions;
    rate_lines lines;
    rate_group groups[RATE_LINE_KIND_COUNT]; /* take, peek */
    farm_id made;                            /* the token of a take */
    int64_t lease_count; /* of the only line: what to take instead of its cost; 0: its cost */
    farm_rate_state states[FARM_RATE_BATCH_MAX];
    farm_rate_decision decision;
} rate_operation;

/* rate_take.c */
/* Check the arguments and sort the lines into their groups. */
farm_status rate_take_read(farm_session *session, rate_operation *operation);
farm_status rate_take_operate(farm_session *session, void *context);
farm_status rate_peek_operate(farm_session *session, void *context);

/* rate_give_back.c */
farm_status rate_refund_operate(farm_session *session, void *context);
farm_status rate_release_operate(farm_session *session, void *context);
farm_status rate_renew_operate(farm_session *session, void *context);
farm_status rate_reset_operate(farm_session *session, void *context);

/* Pieces of them. */
value_blob rate_bucket_of(const rate_line *line);

#endif
