/* The session of a suite's tests. */
#include "suite.h"
#include <criterion/criterion.h>

farm_session *session;

void open_session(void) {
    session = contract_open();
}

void close_session(void) {
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
