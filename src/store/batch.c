/* Filling a batch. Its first call is kept free for what run.c tells the store about the actor. */
#include "store/batch.h"
#include "base/integer.h"
#include <string.h>

enum { BATCH_FIRST_CAPACITY = 8 };

static farm_call *add_call(store_batch *batch) {
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity == 0 ? BATCH_FIRST_CAPACITY : batch->capacity * 2;
        farm_call *calls = arena_allocate_array(batch->arena, capacity, sizeof *calls);
        if (calls == NULL) return NULL;
        if (batch->count > 0) memcpy(calls, batch->calls, batch->count * sizeof *calls);
        batch->calls = calls;
        batch->capacity = capacity;
    }
    return &batch->calls[batch->count++];
}

static int32_t fill(store_batch *batch, farm_call *call, size_t row_count, store_slots *out) {
    const farm_statement *statement = call->statement;
    size_t each_count = statement->param_count - statement->shared_count;
    size_t value_count = 0;
    if (!size_multiply(each_count, row_count, &value_count)) return 0;
    out->shared = arena_allocate_array(batch->arena, statement->shared_count, sizeof(farm_value));
    out->rows = arena_allocate_array(batch->arena, value_count, sizeof(farm_value));
    call->shared = out->shared;
    call->rows = out->rows;
    call->row_count = row_count;
    return out->shared != NULL && out->rows != NULL;
}

int32_t store_batch_add(store_batch *batch, uint32_t statement, size_t row_count,
                        farm_row_function decode, void (*on_row)(void), void *context,
                        store_slots *out) {
    if (batch->status != FARM_OK) return 0;
    batch->status = FARM_ENOMEM;
    if (batch->count == 0 && add_call(batch) == NULL) return 0;
    farm_call *call = add_call(batch);
    if (call == NULL) return 0;
    *call = (farm_call){.statement = &batch->statements[statement]};
    if (!fill(batch, call, row_count, out)) return 0;
    if (decode != NULL) {
        store_sink *sink = arena_allocate(batch->arena, sizeof *sink);
        if (sink == NULL) return 0;
        *sink = (store_sink){on_row, context};
        call->on_row = decode;
        call->context = sink;
    }
    batch->status = FARM_OK;
    return 1;
}
