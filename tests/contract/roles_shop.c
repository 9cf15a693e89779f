/* The shop of the tests of roles. */
#include "roles_shop.h"
#include <criterion/criterion.h>

farm_session *session;

void roles_open_shop(void) {
    session = contract_open();
    cr_assert_eq(farm_role_found(session, "shop", "ann"), FARM_OK, "%s",
                 farm_session_error_text(session));
}

void roles_close_shop(void) {
    contract_close(session);
}

void act_as(const char *actor) {
    cr_assert_eq(farm_session_set_actor(session, actor), FARM_OK);
}

void act_as_service(void) {
    cr_assert_eq(farm_session_set_service(session), FARM_OK);
}

void set_clock(int64_t after_us) {
    cr_assert_eq(farm_session_set_clock_us(session, CONTRACT_NOW_US + after_us), FARM_OK);
}

farm_status grant(const char *subject, int32_t role) {
    return farm_role_grant(session, "shop", subject, role, 0);
}
