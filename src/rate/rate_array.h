/* Arrays of a caller's structs: each element has the size that the first one tells. */
#ifndef RATE_ARRAY_H
#define RATE_ARRAY_H

#include "store/run.h"

/* Check that all elements tell the same, sound size. name is the argument's. */
farm_status rate_array_check(farm_session *session, const char *name, const void *items,
                             size_t count);
/* An element of a checked array; to be copied with store_check_options() or options_answer(). */
const void *rate_array_at(const void *items, size_t index);

#endif
