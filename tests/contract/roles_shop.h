/* What the tests of roles begin with: a shop that ann owns, and a session of the service. */
#ifndef ROLES_SHOP_H
#define ROLES_SHOP_H

#include "contract.h"

enum { ROLE_COUNT = 5, OPERATION_COUNT = 8 };

#define SECOND_US INT64_C(1000000)

extern farm_session *session;

/* For a suite's .init and .fini. */
void roles_open_shop(void);
void roles_close_shop(void);

void act_as(const char *actor);
void act_as_service(void);
void set_clock(int64_t after_us);
/* A role at the shop, until it is revoked. */
farm_status grant(const char *subject, int32_t role);

#endif
