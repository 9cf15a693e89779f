/* A batch: the calls that go to the store together. Generated binders fill it; run.h sends it. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "base/arena.h"
#include "base/value.h"
#include <farmcore/backend.h>

/* Zero is an empty batch but for its session's arena and statements: see store_batch_init(). */
typedef struct store_batch {
    arena *arena;
    const farm_statement *statements; /* of the store's dialect */
    farm_call *calls;
    size_t count;
    size_t capacity;
    farm_status status; /* FARM_ENOMEM once an add failed; store_run() then answers it */
} store_batch;

/* Where rows go: the generated decoder finds the typed function and its context here. */
typedef struct store_sink {
    void (*on_row)(void);
    void *context;
} store_sink;

/* The values of one call, to be filled by the generated binder. */
typedef struct store_slots {
    farm_value *shared;
    farm_value *rows;
} store_slots;

/* Add a call; 0 when there is no memory (the batch remembers). decode NULL: rows are not wanted. */
int32_t store_batch_add(store_batch *batch, uint32_t statement, size_t row_count,
                        farm_row_function decode, void (*on_row)(void), void *context,
                        store_slots *out);

#endif
