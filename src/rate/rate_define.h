/* What changes definitions: limits, overrides, the shadow switch. */
#ifndef RATE_DEFINE_H
#define RATE_DEFINE_H

#include "rate/rate_check.h"

/* What was given, for store_operate(). */
typedef struct rate_define_operation {
    rate_given given;
    const char *name;  /* remove */
    int32_t is_shadow; /* shadow */
} rate_define_operation;

farm_status rate_define_operate(farm_session *session, void *context);
farm_status rate_remove_operate(farm_session *session, void *context);
farm_status rate_shadow_operate(farm_session *session, void *context);
farm_status rate_override_put_operate(farm_session *session, void *context);
farm_status rate_override_remove_operate(farm_session *session, void *context);

#endif
