/* Structs that carry their size: copied as Linux's copy_struct_from_user() does. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <farmcore/base.h>
#include <string.h>

/* No struct of ours comes near the most; a larger number is memory that was never set. */
enum { OPTIONS_SIZE_MIN = 4, OPTIONS_SIZE_MAX = 4096 };

/* Of callers with another header; the functions below see to all others without a call. */
farm_status options_copy_other(void *out, size_t size, const void *source);
farm_status options_answer_other(void *out, const void *source, size_t size);

static inline uint32_t options_size(const void *data) {
    uint32_t size = 0;
    memcpy(&size, data, sizeof size);
    return size;
}

/* Copy a caller's struct of whatever size into one of ours: what is shorter is filled with zeros,
 * what is longer must be zero in the excess. source NULL: all zeros.
 *
 * FARM_EINVAL: struct_size is less than 4 or more than 4096. FARM_EUNSUPPORTED: the excess is not
 * zero, that is, the caller asks for something that this version does not know. */
static inline farm_status options_copy(void *out, size_t size, const void *source) {
    if (source == NULL || options_size(source) != size)
        return options_copy_other(out, size, source);
    memcpy(out, source, size);
    return FARM_OK;
}

/* Write a result of ours into a caller's struct of whatever size (read from its struct_size, which
 * is left as it is). FARM_EINVAL: struct_size is less than 4 or more than 4096. */
static inline farm_status options_answer(void *out, const void *source, size_t size) {
    if (options_size(out) != size) return options_answer_other(out, source, size);
    memcpy((unsigned char *)out + OPTIONS_SIZE_MIN,
           (const unsigned char *)source + OPTIONS_SIZE_MIN, size - OPTIONS_SIZE_MIN);
    return FARM_OK;
}

#endif
