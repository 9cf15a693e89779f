/* Arrays of a caller's structs; see rate_array.h. */
#include "rate/rate_array.h"
#include <farmcore/rate.h>
#include <string.h>

enum { SIZE_LEAST = 4, SIZE_MOST = 4096 };

/* The caller's struct may be of an older or newer header, so it is read as bytes. */
static uint32_t element_size(const void *element) {
    uint32_t size = 0;
    memcpy(&size, element, sizeof size);
    return size;
}

const void *rate_array_at(const void *items, size_t index) {
    return (const unsigned char *)items + index * element_size(items);
}

farm_status rate_array_check(farm_session *session, const char *name, const void *items,
                             size_t count) {
    if (items == NULL) return store_fail(session, FARM_EINVAL, 0, "%s is missing", name);
    farm_status status = store_check_count(session, name, count, FARM_RATE_BATCH_MAX);
    if (status != FARM_OK) return status;
    const uint32_t size = element_size(items);
    if (size < SIZE_LEAST || size > SIZE_MOST)
        return store_fail(session, FARM_EINVAL, 0, "%s has no sound struct_size", name);
    for (size_t i = 1; i < count; i++)
        if (element_size(rate_array_at(items, i)) != size)
            return store_fail(session, FARM_EINVAL, 0,
                              "%s[%zu] has another struct_size than the first", name, i);
    return FARM_OK;
}
