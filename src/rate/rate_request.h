/* What a call asks for: its items checked, looked up and turned into buckets. */
#ifndef RATE_REQUEST_H
#define RATE_REQUEST_H

#include "rate/rate_definitions.h"

/* One item, and what the store said of its bucket. */
typedef struct rate_line {
    const rate_definition *definition;
    size_t place; /* of the item */
    rate_facts facts;
    uint8_t bucket[RATE_BUCKET_SIZE];
} rate_line;

/* The lines of a call, in the order of their buckets: everybody locks them in that order. */
typedef struct rate_lines {
    size_t count;
    rate_line items[FARM_RATE_BATCH_MAX];
} rate_lines;

/* Read farm_rate_request items of the caller's size. least_cost: what a cost must be at least; -1:
 * costs are not looked at. */
farm_status rate_lines_read(farm_session *session, const rate_definitions *definitions,
                            const void *items, size_t count, int64_t least_cost, rate_lines *out);

#endif
