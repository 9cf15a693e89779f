/* Clocks that disagree: the store's rows see them all. */
#include "contract.h"
#include <criterion/criterion.h>

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)

static const farm_rate_request request = {
    .struct_size = sizeof request, .limit = "node", .subject = "ann", .cost = 1};

static void define(farm_session *session) {
    const farm_rate_limit limit = {
        .struct_size = sizeof limit, .name = "node", .count = 100, .period_us = SECOND_US};
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static int take_at(farm_session *session, int64_t now_us) {
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    cr_assert_eq(farm_session_set_clock_us(session, now_us), FARM_OK);
    cr_assert_eq(farm_rate_take(session, &request, 1, &state, &decision), FARM_OK, "%s",
                 farm_session_error_text(session));
    return decision.allowed;
}

/* 100 at once, 100 in each of two seconds, and 100 for the second that one node is ahead. */
Test(rate_clock, two_nodes_with_skewed_clocks_do_not_double_the_rate) {
    farm_session *behind = contract_open();
    farm_session *ahead = contract_open_another();
    int admitted = 0;
    define(behind);

    for (int64_t i = 0; i < 500; i++) {
        int64_t now_us = CONTRACT_NOW_US + i * 4000;
        admitted += take_at(behind, now_us);
        admitted += take_at(ahead, now_us + SECOND_US);
    }

    cr_assert_leq(admitted, 401, "%d", admitted);
    cr_assert_geq(admitted, 290, "%d", admitted);
    contract_close_another(ahead);
    contract_close(behind);
}

Test(rate_clock, a_clock_that_is_set_back_heals_and_mints_nothing) {
    farm_session *session = contract_open();
    int admitted = 0;
    define(session);
    for (int i = 0; i < 100; i++) cr_assert(take_at(session, CONTRACT_NOW_US + HOUR_US));
    cr_assert_not(take_at(session, CONTRACT_NOW_US + HOUR_US));

    for (int i = 0; i < 100; i++) admitted += take_at(session, CONTRACT_NOW_US);
    cr_assert_leq(admitted, 1, "%d tokens came from nowhere", admitted);
    for (int i = 0; i < 200; i++) admitted += take_at(session, CONTRACT_NOW_US + SECOND_US);

    cr_assert_geq(admitted, 99, "an hour back locks the bucket for an hour: %d", admitted);
    cr_assert_leq(admitted, 101, "%d", admitted);
    contract_close(session);
}
