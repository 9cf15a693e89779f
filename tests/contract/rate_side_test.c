/* Rate limits with a store of their own (rate_uri=): takes commit at once, and are refused inside a
 * transaction, which they could not join. */
#include "contract.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static farm_session *session;
static farm_session *split;
static farm_rate_state state = {.struct_size = sizeof state};
static farm_rate_decision decision = {.struct_size = sizeof decision};
static const farm_rate_limit limit = {.struct_size = sizeof limit,
                                      .name = "user",
                                      .scope = FARM_RATE_SCOPE_USER,
                                      .count = 5,
                                      .period_us = 1000000};
static const farm_rate_request item = {
    .struct_size = sizeof item, .limit = "user", .subject = "ann", .cost = 2};

static void set_up(void) {
    char uri[1200];
    session = contract_open();
    snprintf(uri, sizeof uri, "%s%crate_uri=sqlite%%3A%%3Amemory%%3A", contract_uri(),
             contract_is_postgres() ? '&' : '?');
    cr_assert_eq(farm_session_new(&split), FARM_OK);
    cr_assert_eq(farm_session_open(split, uri, NULL), FARM_OK, "%s",
                 farm_session_error_text(split));
    farm_session_set_service(split);
    farm_session_set_clock_us(split, CONTRACT_NOW_US);
    cr_assert_eq(farm_migrate(split), FARM_OK, "%s", farm_session_error_text(split));
    cr_assert_eq(farm_rate_define(split, &limit, 1), FARM_OK, "%s", farm_session_error_text(split));
}

static void tear_down(void) {
    farm_session_free(split);
    contract_close(session);
}

TestSuite(rate_side, .init = set_up, .fini = tear_down, .timeout = 60);

static farm_status take(void) {
    return farm_rate_take(split, &item, 1, &state, &decision);
}

Test(rate_side, the_side_store_holds_the_buckets_and_the_main_one_none) {
    cr_assert_eq(take(), FARM_OK, "%s", farm_session_error_text(split));

    cr_assert(decision.allowed);
    cr_assert_eq(state.remaining, 3);
    cr_assert_eq(contract_count(split, "farm_rate_bucket"), 0);
    cr_assert_eq(contract_count(split, "farm_rate_limit"), 0);
}

Test(rate_side, everything_is_refused_inside_a_transaction_and_works_behind_it) {
    const farm_id token = {{1}};
    cr_assert_eq(farm_begin(split), FARM_OK);

    const farm_status statuses[] = {
        take(),
        farm_rate_peek(split, &item, 1, &state, &decision),
        farm_rate_refund(split, &token, &item, 1),
        farm_rate_reset(split, &item, 1),
        farm_rate_remove(split, "user"),
        farm_rate_define(split, &limit, 1),
    };
    const int32_t reason = farm_session_error_reason(split);
    farm_rollback(split);

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        cr_assert_eq(statuses[i], FARM_EREFUSED, "call %zu", i);
    cr_assert_eq(reason, FARM_RATE_REASON_OWN_TRANSACTION);
    cr_assert_eq(take(), FARM_OK);
    cr_assert_eq(state.remaining, 3);
}

Test(rate_side, limits_are_not_taken_over_inside_a_transaction_either) {
    farm_rate_local *local = NULL;
    cr_assert_eq(farm_rate_local_new(NULL, NULL, &local), FARM_OK);
    cr_assert_eq(farm_begin(split), FARM_OK);

    cr_assert_eq(farm_rate_local_load(split, local), FARM_EREFUSED);

    cr_assert_eq(farm_session_error_reason(split), FARM_RATE_REASON_OWN_TRANSACTION);
    cr_assert_str_not_empty(farm_session_error_text(split));
    farm_rollback(split);
    cr_assert_eq(farm_rate_local_load(split, local), FARM_OK);
    farm_rate_local_free(local);
}

Test(rate_side, an_error_of_the_side_store_is_told_on_the_session) {
    cr_assert_eq(farm_rate_remove(split, NULL), FARM_EINVAL);

    cr_assert_eq(farm_session_error(split)->status, FARM_EINVAL);
    cr_assert_str_not_empty(farm_session_error_text(split));
    cr_assert_eq(take(), FARM_OK);
    cr_assert_str_empty(farm_session_error_text(split));
}

Test(rate_side, verification_and_housekeeping_go_to_both_stores) {
    farm_maintenance done = {.struct_size = sizeof done};
    char *text = NULL;
    cr_assert_eq(take(), FARM_OK);
    farm_session_set_clock_us(split, CONTRACT_NOW_US + INT64_C(10) * 3600 * 1000000);

    cr_assert_eq(farm_verify(split, &text), FARM_OK, "%s", farm_session_error_text(split));
    cr_assert_eq(farm_maintain(split, 100, &done), FARM_OK, "%s", farm_session_error_text(split));

    const char *first = strstr(text, "\"rate.check_debt\"");
    cr_assert_not_null(first);
    cr_assert_not_null(strstr(first + 1, "\"rate.check_debt\""), "%s", text);
    cr_assert_eq(done.removed_count, 1);
    cr_assert_eq(done.is_done, 1);
    farm_free(text);
}
