/* The limits of a space as the store has them, in a snapshot that the sessions of a store share.
 * What changes them is in rate_define.c. */
#ifndef RATE_LOAD_H
#define RATE_LOAD_H

#include "rate/rate_definitions.h"

/* The session that holds the limits: this one, or the one of rate_uri=. */
farm_status rate_home(farm_session *session, farm_session **out);
/* The limits of the session's space, not older than FARM_RATE_STALENESS_US; give them back with
 * rate_definitions_leave(). One round trip when they are not at hand, else none. */
farm_status rate_definitions_enter(farm_session *session, rate_definitions **out);
/* However old; NULL when there are none. For when the store cannot be asked. */
rate_definitions *rate_definitions_enter_stale(farm_session *session);
/* Whether they are not older than FARM_RATE_STALENESS_US. */
int32_t rate_definitions_are_fresh(rate_definitions *definitions);
void rate_definitions_leave(farm_session *session, rate_definitions *definitions);
/* Let the next one read them again. */
void rate_definitions_forget(farm_session *session);
/* Read them for the caller alone, who frees them. NULL: they are still of the version that he
 * knows; -1: he knows none. */
farm_status rate_definitions_read(farm_session *session, int64_t known_version,
                                  rate_definitions **out);

#endif
