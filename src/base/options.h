/* Structs that carry their size: copied as Linux's copy_struct_from_user() does. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <farmcore/base.h>

/* No struct of ours comes near the most; a larger number is memory that was never set. */
enum { OPTIONS_SIZE_MIN = 4, OPTIONS_SIZE_MAX = 4096 };

/* Copy a caller's struct of whatever size into one of ours: what is shorter is filled with zeros,
 * what is longer must be zero in the excess. source NULL: all zeros.
 *
 * FARM_EINVAL: struct_size is less than 4 or more than 4096. FARM_EUNSUPPORTED: the excess is not
 * zero, that is, the caller asks for something that this version does not know. */
farm_status options_copy(void *out, size_t size, const void *source);

/* Write a result of ours into a caller's struct of whatever size (read from its struct_size, which
 * is left as it is). FARM_EINVAL: struct_size is less than 4 or more than 4096. */
farm_status options_answer(void *out, const void *source, size_t size);

#endif
