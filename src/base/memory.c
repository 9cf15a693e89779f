/* The process-wide allocator: malloc() and its kin, until the host replaces them. Everything that
 * the library itself allocates passes through here. */
#include "base/options.h"
#include <stdlib.h>

static void *allocate_default(void *context, size_t size) {
    (void)context;
    return malloc(size);
}

static void *reallocate_default(void *context, void *data, size_t size) {
    (void)context;
    return realloc(data, size);
}

static void release_default(void *context, void *data) {
    (void)context;
    free(data);
}

static const farm_allocator system_allocator = {
    .struct_size = sizeof(farm_allocator),
    .allocate = allocate_default,
    .reallocate = reallocate_default,
    .release = release_default,
};

/* Without a lock, since it is set before any other call. */
static farm_allocator current = {
    .struct_size = sizeof(farm_allocator),
    .allocate = allocate_default,
    .reallocate = reallocate_default,
    .release = release_default,
};

farm_status farm_allocator_set(const farm_allocator *allocator) {
    if (allocator == NULL) {
        current = system_allocator;
        return FARM_OK;
    }
    farm_allocator given;
    farm_status status = options_copy(&given, sizeof(given), allocator);
    if (status != FARM_OK) return status;
    if (given.reserved != 0) return FARM_EUNSUPPORTED;
    if (given.allocate == NULL || given.reallocate == NULL || given.release == NULL)
        return FARM_EINVAL;
    current = given;
    return FARM_OK;
}

/* realloc(data, 0) and malloc(0) mean different things in different C libraries. */
static size_t at_least_one(size_t size) {
    return size == 0 ? 1 : size;
}

void *farm_allocate(size_t size) {
    return current.allocate(current.context, at_least_one(size));
}

void *farm_reallocate(void *data, size_t size) {
    return current.reallocate(current.context, data, at_least_one(size));
}

void farm_free(void *data) {
    current.release(current.context, data);
}
