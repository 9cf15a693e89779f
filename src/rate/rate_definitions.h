/* The limits of a space as the store has them, with the secret, in a snapshot that the sessions of
 * a store share; and the operations that change them. */
#ifndef RATE_DEFINITIONS_H
#define RATE_DEFINITIONS_H

#include "rate/rate_rules.h"
#include "rate/rate_subject.h"
#include "store/run.h"

/* One limit. Its texts lie in the snapshot. */
typedef struct rate_definition {
    rate_owner owner;
    rate_units units;
    uint8_t epoch[16];
} rate_definition;

/* Limits in the order of their names. */
typedef struct rate_definitions {
    store_snapshot snapshot;
    uint8_t secret[HASH_SECRET_SIZE];
    char space[FARM_KEY_MAX + 1];
    size_t count;
    rate_definition *items;
} rate_definitions;

/* The limits of the session's space, not older than FARM_RATE_STALENESS_US; give them back with
 * rate_definitions_leave(). One round trip when they are not at hand, else none. */
farm_status rate_definitions_enter(farm_session *session, rate_definitions **out);
void rate_definitions_leave(farm_session *session, rate_definitions *definitions);
/* Let the next one read them again. */
void rate_definitions_forget(farm_session *session);

/* NULL: there is no such limit. */
const rate_definition *rate_definitions_find(const rate_definitions *definitions, const char *name);

/* What farm_rate_define() was given. */
typedef struct rate_define_operation {
    const void *items; /* farm_rate_limit of the caller's size */
    size_t count;
} rate_define_operation;

/* Operations for store_operate(). */
farm_status rate_define_operate(farm_session *session, void *context);
farm_status rate_remove_operate(farm_session *session, void *name);

#endif
