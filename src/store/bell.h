/* Waiting for a word from the store on one connection, for as many threads of a pool as wait. One
 * of them at a time uses the connection, for all; it has no thread of its own. */
#ifndef STORE_BELL_H
#define STORE_BELL_H

#include "store/shared.h"
#include <farmcore/topic.h>

typedef struct bell bell;

/* NULL: there is no memory. */
bell *bell_new(void);
void bell_free(bell *self);
/* Send everybody away with FARM_EINVAL, and close the connection. Waits until they have left it. */
void bell_close(bell *self);
/* Close the connection when nobody has waited for long: a server keeps what it tells a connection
 * that nobody reads. */
void bell_rest(bell *self);

/* What farm_wait() promises, of items that are sound. open() makes the connection's session. */
typedef farm_status (*bell_open_function)(void *context, farm_error *error, farm_session **out);
farm_status bell_wait(bell *self, bell_open_function open, void *context, const farm_topic *items,
                      size_t count, farm_topic_version *results, int64_t timeout_us,
                      farm_error *error, size_t *out_count);

#endif
