/* Taking in the process: the lines of a call from a table of buckets and a table of holds, by the
 * same rules as the statements. From any number of threads at once. */
#ifndef RATE_MEMORY_H
#define RATE_MEMORY_H

#include "rate/rate_holds.h"
#include "rate/rate_request.h"

typedef struct rate_memory {
    rate_table table;
    rate_holds holds;
    int64_t (*now_ns)(void *context);
    void *now_context;
} rate_memory;

/* Room for so many buckets, and holds; the clock of the caller's asks. FARM_OK or FARM_ENOMEM. */
farm_status rate_memory_make(rate_memory *memory, uint32_t bucket_count,
                             int64_t (*now_ns)(void *context), void *now_context);
void rate_memory_free(rate_memory *memory);

/* How things stand, with nothing taken. */
void rate_memory_look(rate_memory *memory, rate_lines *lines);
/* Take all or nothing; the lines' facts, empty before, say what became of it. What one call takes
 * for a moment, before another of its limits refuses, may refuse others meanwhile, and never lets
 * more in. The last bit of the token, 0 before, becomes 1 when some was taken from a bucket that
 * subjects share: a refund, which could not tell, then gives nothing back. */
void rate_memory_take(rate_memory *memory, farm_id *token, rate_lines *lines);
/* Give back once for each token. */
void rate_memory_refund(rate_memory *memory, const farm_id *token, const rate_lines *lines);
void rate_memory_release(rate_memory *memory, const farm_id *token, const rate_lines *lines);
/* 0: a hold has ended. */
int32_t rate_memory_renew(rate_memory *memory, const farm_id *token, const rate_lines *lines);
void rate_memory_reset(rate_memory *memory, const rate_lines *lines);

#endif
