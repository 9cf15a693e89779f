/* The shop of the tests of roles. */
#include "roles_shop.h"
#include <criterion/criterion.h>

void open_shop(void) {
    open_session();
    cr_assert_eq(farm_role_found(session, "shop", "ann"), FARM_OK, "%s",
                 farm_session_error_text(session));
}

farm_status grant(const char *subject, int32_t role) {
    return farm_role_grant(session, "shop", subject, role, 0);
}
