/* What the tests of roles begin with: a shop that ann owns. */
#ifndef ROLES_SHOP_H
#define ROLES_SHOP_H

#include "suite.h"

enum { ROLE_COUNT = 5, OPERATION_COUNT = 8 };

/* For a suite's .init. */
void open_shop(void);
/* A role at the shop, until it is revoked. */
farm_status grant(const char *subject, int32_t role);

#endif
