/* Arrays of a caller's structs. Each element has the size that the first one tells, which is that
 * of the header that the caller was compiled with. */
#include "base/options.h"
#include "store/run.h"
#include <string.h>

/* The caller's struct may be of an older or newer header, so it is read as bytes. */
static uint32_t element_size(const void *element) {
    uint32_t size = 0;
    memcpy(&size, element, sizeof size);
    return size;
}

void *store_array_at(const void *items, size_t index) {
    return (unsigned char *)(uintptr_t)items + index * element_size(items);
}

farm_status store_error_check_array(farm_error *error, const char *name, const void *items,
                                    size_t count, size_t most) {
    if (items == NULL) return store_error_fail(error, FARM_EINVAL, 0, "%s is missing", name);
    if (count < 1 || count > most)
        return store_error_fail(error, FARM_EINVAL, 0, "%s has %zu entries, and must have 1 to %zu",
                                name, count, most);
    const uint32_t size = element_size(items);
    if (size < OPTIONS_SIZE_MIN || size > OPTIONS_SIZE_MAX)
        return store_error_fail(error, FARM_EINVAL, 0, "%s has no sound struct_size", name);
    for (size_t i = 1; i < count; i++)
        if (element_size(store_array_at(items, i)) != size)
            return store_error_fail(error, FARM_EINVAL, 0,
                                    "%s[%zu] has another struct_size than the first", name, i);
    return FARM_OK;
}

farm_status store_check_array(farm_session *session, const char *name, const void *items,
                              size_t count, size_t most) {
    return store_error_check_array(store_error(session), name, items, count, most);
}
