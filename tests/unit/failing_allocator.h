/* An allocator whose nth allocation fails and that counts what is not given back. A test runs its
 * act once for each n until an act succeeds without having met a failure. */
#ifndef UNIT_FAILING_ALLOCATOR_H
#define UNIT_FAILING_ALLOCATOR_H

#include <farmcore/base.h>
#include <stdlib.h>

typedef struct failing_allocator {
    int64_t countdown; /* allocations that still succeed; below 0: all of them */
    int64_t live_count;
    int64_t total_count;
    int32_t has_failed;
} failing_allocator;

static inline int32_t failing_allocator_fails(failing_allocator *allocator) {
    if (allocator->countdown != 0) {
        allocator->countdown -= allocator->countdown > 0 ? 1 : 0;
        return 0;
    }
    allocator->has_failed = 1;
    return 1;
}

static inline void *failing_allocate(void *context, size_t size) {
    failing_allocator *allocator = context;
    if (failing_allocator_fails(allocator)) return NULL;
    allocator->live_count++;
    allocator->total_count++;
    return malloc(size);
}

static inline void *failing_reallocate(void *context, void *data, size_t size) {
    failing_allocator *allocator = context;
    if (failing_allocator_fails(allocator)) return NULL;
    allocator->live_count += data == NULL ? 1 : 0;
    allocator->total_count++;
    return realloc(data, size);
}

static inline void failing_release(void *context, void *data) {
    failing_allocator *allocator = context;
    allocator->live_count -= data == NULL ? 0 : 1;
    free(data);
}

/* Make it the library's, with the nth allocation from here on failing; -1: none. */
static inline farm_status failing_allocator_set(failing_allocator *allocator, int64_t countdown) {
    *allocator = (failing_allocator){.countdown = countdown};
    farm_allocator hooks = {
        .struct_size = sizeof(hooks),
        .allocate = failing_allocate,
        .reallocate = failing_reallocate,
        .release = failing_release,
        .context = allocator,
    };
    return farm_allocator_set(&hooks);
}

#endif
