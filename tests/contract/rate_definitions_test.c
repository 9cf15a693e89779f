/* Which limits a session goes by: those of its own transaction inside it, and nobody's that was
 * rolled back. */
#include "contract.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const farm_rate_request request = {
    .struct_size = sizeof request, .limit = "user", .subject = "ann", .cost = 1};

static void define(farm_session *session, int64_t count) {
    const farm_rate_limit limit = {
        .struct_size = sizeof limit, .name = "user", .count = count, .period_us = 60000000};
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static int64_t burst_seen(farm_session *session) {
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    cr_assert_eq(farm_rate_peek(session, &request, 1, &state, &decision), FARM_OK, "%s",
                 farm_session_error_text(session));
    return state.burst;
}

Test(rate_definitions, limits_of_a_transaction_that_is_rolled_back_are_nobodys) {
    farm_session *session = contract_open();
    farm_session *other = contract_open_another();
    define(session, 5);
    cr_assert_eq(farm_begin(session), FARM_OK);
    define(session, 9);

    cr_assert_eq(burst_seen(session), 9);
    farm_rollback(session);

    cr_assert_eq(burst_seen(session), 5);
    cr_assert_eq(burst_seen(other), 5);
    contract_close_another(other);
    contract_close(session);
}

Test(rate_definitions, a_change_is_seen_at_once_by_the_sessions_of_the_same_store) {
    farm_session *session = contract_open();
    farm_session *other = contract_open_another();
    define(session, 5);
    cr_assert_eq(burst_seen(other), 5);

    define(session, 7);

    cr_assert_eq(burst_seen(other), 7);
    contract_close_another(other);
    contract_close(session);
}

Test(rate_definitions, housekeeping_keeps_to_its_budget) {
    farm_session *session = contract_open();
    farm_maintenance done = {.struct_size = sizeof done};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    char subject[16];
    define(session, 5);
    for (int i = 0; i < 25; i++) {
        snprintf(subject, sizeof subject, "s%d", i);
        const farm_rate_request each = {
            .struct_size = sizeof each, .limit = "user", .subject = subject, .cost = 1};
        cr_assert_eq(farm_rate_take(session, &each, 1, &state, &decision), FARM_OK);
    }
    farm_session_set_clock_us(session, CONTRACT_NOW_US + INT64_C(10) * 3600 * 1000000);

    cr_assert_eq(farm_maintain(session, 10, &done), FARM_OK, "%s",
                 farm_session_error_text(session));

    cr_assert_eq(done.removed_count, 10);
    cr_assert_eq(done.is_done, 0);
    cr_assert_eq(contract_count(session, "farm_rate_bucket"), 15);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 15);
    cr_assert_eq(done.is_done, 1);
    contract_close(session);
}
