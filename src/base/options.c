/* Structs of callers that were compiled with an older or a newer header. */
#include "base/options.h"
#include <string.h>

/* Read by copying: a caller's struct_size may be anything, and so may its alignment. */
static farm_status read_size(const void *data, size_t *out) {
    uint32_t size;
    memcpy(&size, data, sizeof(size));
    if (size < OPTIONS_SIZE_MIN || size > OPTIONS_SIZE_MAX) return FARM_EINVAL;
    *out = size;
    return FARM_OK;
}

static int32_t is_zero(const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) return 0;
    }
    return 1;
}

farm_status options_copy_other(void *out, size_t size, const void *source) {
    size_t given = 0;
    if (source != NULL) {
        farm_status status = read_size(source, &given);
        if (status != FARM_OK) return status;
        if (given > size && !is_zero((const unsigned char *)source + size, given - size))
            return FARM_EUNSUPPORTED;
    }
    if (given < size) memset(out, 0, size);
    if (given > 0) memcpy(out, source, given < size ? given : size);
    return FARM_OK;
}

farm_status options_answer_other(void *out, const void *source, size_t size) {
    size_t given = 0;
    farm_status status = read_size(out, &given);
    if (status != FARM_OK) return status;
    size_t copied = given < size ? given : size;
    unsigned char *target = out;
    if (copied > OPTIONS_SIZE_MIN) {
        memcpy(target + OPTIONS_SIZE_MIN, (const unsigned char *)source + OPTIONS_SIZE_MIN,
               copied - OPTIONS_SIZE_MIN);
    }
    if (given > copied) memset(target + copied, 0, given - copied);
    return FARM_OK;
}
