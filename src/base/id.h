/* UUIDv7 (RFC 9562), monotonic within the process. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <farmcore/session.h>

/* The id of a moment: 48 bits of milliseconds, 12 bits of a counter that starts at random in its
 * lower half and carries into the time when it runs over, 62 random bits. */
void id_make(int64_t now_us, const farm_entropy *entropy, farm_id *out);
int32_t id_is_zero(const farm_id *id);
int32_t id_equals(const farm_id *left, const farm_id *right);

#endif
