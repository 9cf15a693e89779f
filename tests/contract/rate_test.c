/* Rate limits on every store: taking, all or none, peeking, refunds, resets, definitions,
 * transactions of the caller, and who may do what. What is said over HTTP: rate_reply_test.c;
 * limits with a store of their own: rate_side_test.c. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(rate, .init = define_limits, .fini = close_session, .timeout = 60);

static int64_t rows(const char *table) {
    return contract_number(session, "SELECT COUNT(*) FROM {farm_rate_%s}", table);
}

/* Changes when any bucket does. */
static int64_t fingerprint(void) {
    return contract_number(session,
                           "SELECT CAST(COALESCE(SUM(tat %% 1000000007 + stamp %% 998244353 + "
                           "capacity %% 1000003), 0) AS BIGINT) FROM {farm_rate_bucket}");
}

static void expect_take(const farm_rate_request *items, size_t count, farm_status status,
                        int32_t reason) {
    cr_assert_eq(farm_rate_take(session, items, count, states, &decision), status, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(farm_session_error(session)->status, status);
    cr_assert_eq(farm_session_error_reason(session), reason);
}

/* ------------------------------------------------------------------------------- taking */

Test(rate, the_burst_is_let_through_and_the_rate_comes_back_to_the_microsecond) {
    for (int64_t i = 0; i < 5; i++) {
        cr_assert(take("user", "ann", 1));
        cr_assert_eq(states[0].remaining, 4 - i);
        cr_assert_eq(states[0].reset_after_us, (i + 1) * SECOND_US);
        cr_assert_not(is_zero(&decision.token));
    }

    cr_assert_not(take("user", "ann", 1));
    cr_assert_eq(decision.retry_after_us, SECOND_US);
    cr_assert(is_zero(&decision.token));
    cr_assert(take("user", "bob", 1));
    set_clock(SECOND_US - 1);
    cr_assert_not(take("user", "ann", 1));
    cr_assert_eq(decision.retry_after_us, 1);
    set_clock(SECOND_US);
    cr_assert(take("user", "ann", 1));
    cr_assert_not(take("user", "ann", 1));
}

Test(rate, several_limits_are_taken_all_or_none) {
    const farm_rate_request items[] = {request_of("user", "ann", 1),
                                       request_of("route", "GET /", 1),
                                       request_of("ip", "192.0.2.1", 1)};
    for (int32_t i = 0; i < 3; i++) take_all(items, 3);
    cr_assert(decision.allowed);
    cr_assert_eq(decision.decided_index, 2);
    const int64_t before = fingerprint();

    take_all(items, 3);

    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 2);
    cr_assert_eq(decision.retry_after_us, 20 * SECOND_US);
    cr_assert(states[0].allowed);
    cr_assert(states[1].allowed);
    cr_assert_not(states[2].allowed);
    cr_assert_eq(states[0].remaining, 2);
    cr_assert_eq(states[1].remaining, 7);
    cr_assert_eq(states[2].remaining, 0);
    cr_assert_eq(fingerprint(), before);
}

Test(rate, a_refusal_writes_nothing) {
    take("user", "ann", 5);
    const int64_t before = fingerprint();
    const int64_t count = rows("bucket");
    const farm_rate_request fresh[] = {request_of("user", "ann", 1), request_of("route", "new", 1)};
    set_clock(1);

    cr_assert_not(take("user", "ann", 1));
    cr_assert_not(take("user", "eve", 6));
    take_all(fresh, 2);

    cr_assert_not(decision.allowed);
    cr_assert_eq(fingerprint(), before);
    cr_assert_eq(rows("bucket"), count);
}

Test(rate, more_than_the_burst_is_never) {
    const farm_rate_request items[] = {request_of("route", "GET /", 1),
                                       request_of("user", "ann", 6)};
    take("user", "ann", 2);

    take_all(items, 2);

    cr_assert_not(decision.allowed);
    cr_assert(decision.is_never);
    cr_assert_eq(decision.decided_index, 1);
    cr_assert_eq(decision.retry_after_us, -1);
    cr_assert(states[1].is_never);
    cr_assert_eq(states[1].remaining, 3);
    cr_assert_eq(states[1].reset_after_us, 2 * SECOND_US);
    cr_assert_eq(left("route", "GET /"), 10);
}

Test(rate, a_cost_of_nothing_looks_and_writes_nothing) {
    const farm_rate_request items[] = {request_of("user", "ann", 0),
                                       request_of("route", "GET /", 4)};
    take("user", "ann", 5);

    take_all(items, 2);

    cr_assert(decision.allowed);
    cr_assert_eq(states[0].remaining, 0);
    cr_assert_eq(states[1].remaining, 6);
    cr_assert_eq(rows("bucket"), 2);
    cr_assert(take("user", "zoe", 0));
    cr_assert(is_zero(&decision.token));
    cr_assert_eq(rows("bucket"), 2);
}

Test(rate, a_debt_beyond_capacity_refuses_even_a_cost_of_nothing) {
    const farm_rate_request items[] = {request_of("user", "ann", 0),
                                       request_of("route", "GET /", 4)};
    take("user", "ann", 5);
    define("user", FARM_RATE_SCOPE_USER, 2, 5, 5 * SECOND_US);

    take_all(items, 2);

    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 0);
    cr_assert_eq(decision.retry_after_us, 3 * SECOND_US);
    cr_assert_eq(left("route", "GET /"), 10);
}

Test(rate, a_peek_takes_nothing) {
    const farm_rate_request item = request_of("user", "ann", 3);
    take("user", "ann", 3);

    cr_assert_eq(farm_rate_peek(session, &item, 1, states, &decision), FARM_OK);

    cr_assert_not(decision.allowed);
    cr_assert_eq(states[0].remaining, 2);
    cr_assert_eq(states[0].retry_after_us, SECOND_US);
    cr_assert_eq(left("user", "ann"), 2);
    cr_assert_eq(left("user", "nobody"), 5);
}

Test(rate, the_longest_call_takes_every_bucket) {
    char names[FARM_RATE_BATCH_MAX][16];
    farm_rate_request items[FARM_RATE_BATCH_MAX];
    for (int32_t i = 0; i < FARM_RATE_BATCH_MAX; i++) {
        snprintf(names[i], sizeof names[i], "u%d", i);
        items[i] = request_of("user", names[i], i % 5 + 1);
    }

    take_all(items, FARM_RATE_BATCH_MAX);

    cr_assert(decision.allowed);
    cr_assert_eq(rows("bucket"), FARM_RATE_BATCH_MAX);
    for (int32_t i = 0; i < FARM_RATE_BATCH_MAX; i++) {
        cr_assert_eq(states[i].remaining, 5 - items[i].cost, "item %d", i);
        cr_assert_eq(left("user", names[i]), 5 - items[i].cost);
    }
}

Test(rate, a_clock_set_back_by_hours_heals) {
    take("user", "ann", 5);
    set_clock(-3 * HOUR_US);

    cr_assert(take("user", "ann", 1));
    cr_assert_not(take("user", "ann", 1));

    cr_assert_eq(decision.retry_after_us, SECOND_US);
}

Test(rate, an_address_counts_by_its_prefix_and_stands_nowhere_in_the_store) {
    cr_assert(take("ip", "2001:db8::1", 3));

    cr_assert_not(take("ip", "2001:DB8:0:0:ffff::2", 1));
    cr_assert(take("ip", "2001:db8:0:1::1", 1));
    cr_assert(take("ip", "192.0.2.1", 3));
    cr_assert_not(take("ip", "::ffff:192.0.2.1", 1));
    cr_assert_eq(contract_number(session, "SELECT count(*) FROM {farm_rate_bucket} "
                                          "WHERE length(bucket) = 16"),
                 3);
}

Test(rate, a_global_limit_has_one_bucket) {
    cr_assert(take("all", NULL, 60));

    cr_assert_not(take("all", NULL, 41));
    cr_assert_eq(rows("bucket"), 1);
}

/* ------------------------------------------------------------------------------ refusals */

Test(rate, wrong_arguments_are_named_and_take_nothing) {
    const struct {
        farm_rate_request item;
        farm_status status;
        int32_t reason;
    } cases[] = {
        {request_of("none", "ann", 1), FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT},
        {request_of("use", "ann", 1), FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT},
        {request_of(NULL, "ann", 1), FARM_EINVAL, 0},
        {request_of("", "ann", 1), FARM_EINVAL, 0},
        {request_of("\xff", "ann", 1), FARM_EINVAL, 0},
        {request_of(contract_too_long, "ann", 1), FARM_EINVAL, 0},
        {request_of("user", "ann", -1), FARM_EINVAL, 0},
        {request_of("user", "ann", INT64_C(2147483648)), FARM_EINVAL, 0},
        {request_of("user", "ann", INT64_MAX), FARM_EINVAL, 0},
        {request_of("user", "ann", INT64_MIN), FARM_EINVAL, 0},
        {request_of("user", NULL, 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {request_of("user", "", 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {request_of("user", contract_too_long, 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {request_of("user", "\xc0\x80", 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {request_of("ip", "fe80::1%eth0", 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {request_of("ip", "ann", 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {request_of("all", "ann", 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_rate_request items[] = {request_of("route", "GET /", 1), cases[i].item};
        expect_take(items, 2, cases[i].status, cases[i].reason);
        cr_assert_str_not_empty(farm_session_error_text(session), "case %zu", i);
    }
    cr_assert_eq(rows("bucket"), 0);
    cr_assert(take("user", "ann", 1));
    cr_assert_str_empty(farm_session_error_text(session));
}

Test(rate, wrong_arrays_are_refused) {
    farm_rate_request items[FARM_RATE_BATCH_MAX + 1];
    for (size_t i = 0; i <= FARM_RATE_BATCH_MAX; i++) items[i] = request_of("user", "ann", 1);
    farm_rate_request mixed[] = {request_of("user", "ann", 1), request_of("user", "bob", 1)};
    farm_rate_request unsized = request_of("user", "ann", 1);
    farm_rate_state unsized_state = {0};
    mixed[1].struct_size = 8;
    unsized.struct_size = 0;

    expect_take(NULL, 1, FARM_EINVAL, 0);
    expect_take(items, 0, FARM_EINVAL, 0);
    expect_take(items, FARM_RATE_BATCH_MAX + 1, FARM_EINVAL, 0);
    expect_take(items, 2, FARM_EINVAL, FARM_RATE_REASON_TWICE);
    expect_take(mixed, 2, FARM_EINVAL, 0);
    expect_take(&unsized, 1, FARM_EINVAL, 0);
    cr_assert_eq(farm_rate_take(session, items, 1, NULL, &decision), FARM_EINVAL);
    cr_assert_eq(farm_rate_take(session, items, 1, &unsized_state, &decision), FARM_EINVAL);
    cr_assert_eq(farm_rate_take(session, items, 1, states, NULL), FARM_EINVAL);
    cr_assert_eq(farm_rate_take(NULL, items, 1, states, &decision), FARM_EINVAL);
    cr_assert_eq(rows("bucket"), 0);
}

Test(rate, structs_of_another_version_are_understood) {
    struct newer_request {
        farm_rate_request request;
        int64_t more[2];
    } newer[2] = {{request_of("user", "ann", 2), {0}}, {request_of("route", "GET /", 3), {0}}};
    struct newer_state {
        farm_rate_state state;
        int64_t more;
    } results[2] = {{.more = 7}, {.more = 8}};
    for (size_t i = 0; i < 2; i++) {
        newer[i].request.struct_size = sizeof newer[i];
        results[i].state.struct_size = sizeof results[i];
    }

    farm_status status =
        farm_rate_take(session, &newer[0].request, 2, &results[0].state, &decision);

    cr_assert_eq(status, FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_eq(results[0].state.remaining, 3);
    cr_assert_eq(results[1].state.remaining, 7);
    newer[1].more[1] = 1;
    expect_take(&newer[0].request, 2, FARM_EUNSUPPORTED, 0);
}

/* ----------------------------------------------------------------------- refund and reset */

static farm_status refund(const farm_id *token, const char *limit, const char *subject,
                          int64_t cost) {
    farm_rate_request item = request_of(limit, subject, cost);
    return farm_rate_refund(session, token, &item, 1);
}

Test(rate, a_refund_gives_back_once) {
    take("user", "ann", 2);
    const farm_id first = decision.token;
    take("user", "ann", 3);
    const farm_id second = decision.token;

    cr_assert_eq(refund(&first, "user", "ann", 2), FARM_OK);
    cr_assert_eq(refund(&first, "user", "ann", 2), FARM_OK);

    cr_assert_eq(left("user", "ann"), 2);
    cr_assert_eq(refund(&second, "user", "ann", 1), FARM_OK);
    cr_assert_eq(left("user", "ann"), 3);
    cr_assert_eq(rows("refund"), 2);
}

Test(rate, a_refund_never_fills_beyond_full) {
    take("user", "ann", 1);
    const farm_id token = decision.token;

    cr_assert_eq(refund(&token, "user", "ann", 2147483647), FARM_OK);

    cr_assert_eq(left("user", "ann"), 5);
    cr_assert_not(take("user", "ann", 6));
    cr_assert(take("user", "ann", 5));
    cr_assert_not(take("user", "ann", 1));
}

Test(rate, each_bucket_of_a_decision_has_its_own_refund) {
    const farm_rate_request items[] = {request_of("user", "ann", 2),
                                       request_of("route", "GET /", 2)};
    take_all(items, 2);
    const farm_id token = decision.token;

    cr_assert_eq(refund(&token, "user", "ann", 2), FARM_OK);
    cr_assert_eq(farm_rate_refund(session, &token, items, 2), FARM_OK);

    cr_assert_eq(left("user", "ann"), 5);
    cr_assert_eq(left("route", "GET /"), 10);
}

Test(rate, a_refund_after_its_time_gives_nothing_and_is_forgotten) {
    farm_maintenance done = {.struct_size = sizeof done};
    take("user", "ann", 1);
    const farm_id token = decision.token;
    take("user", "bob", 1);
    const farm_id other = decision.token;
    cr_assert_eq(refund(&token, "user", "ann", 1), FARM_OK);
    set_clock(HOUR_US + 6 * SECOND_US);
    take("user", "bob", 5);

    cr_assert_eq(refund(&other, "user", "bob", 1), FARM_OK);

    cr_assert_eq(left("user", "bob"), 0);
    set_clock(3 * HOUR_US);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);
    cr_assert_eq(rows("refund"), 0);
    cr_assert_eq(rows("bucket"), 0);
}

Test(rate, a_bucket_that_is_not_full_is_kept) {
    define("day", FARM_RATE_SCOPE_USER, 24, 24, 24 * HOUR_US);
    take("day", "ann", 24);
    take("user", "ann", 1);
    set_clock(23 * HOUR_US);

    cr_assert_eq(farm_maintain(session, 100, NULL), FARM_OK);

    cr_assert_eq(rows("bucket"), 1);
    cr_assert_eq(left("day", "ann"), 23);
}

Test(rate, what_is_no_token_is_not_refundable) {
    farm_id token = {{0}};

    cr_assert_eq(refund(NULL, "user", "ann", 1), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_NOT_REFUNDABLE);
    cr_assert_eq(refund(&token, "user", "ann", 1), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_NOT_REFUNDABLE);
    memset(&token, 0xFF, sizeof token);
    cr_assert_eq(refund(&token, "user", "ann", 1), FARM_EINVAL);
    farm_id_new(session, &token);
    cr_assert_eq(refund(&token, "user", "ann", 0), FARM_EINVAL);
    cr_assert_eq(refund(&token, "none", "ann", 1), FARM_ENOTFOUND);
    cr_assert_eq(rows("refund"), 0);
}

Test(rate, a_reset_fills_and_only_the_service_may) {
    const farm_rate_request items[] = {request_of("user", "ann", -7), request_of("route", "x", 0)};
    take("user", "ann", 5);
    take("route", "x", 5);
    take("user", "bob", 5);

    farm_session_set_actor(session, "ann");
    cr_assert_eq(farm_rate_reset(session, items, 2), FARM_EDENIED);
    farm_session_set_service(session);
    cr_assert_eq(farm_rate_reset(session, items, 2), FARM_OK);
    cr_assert_eq(farm_rate_reset(session, items, 2), FARM_OK);

    cr_assert_eq(left("user", "ann"), 5);
    cr_assert_eq(left("route", "x"), 10);
    cr_assert_eq(left("user", "bob"), 0);
}

/* --------------------------------------------------------------------------- definitions */

Test(rate, a_change_of_burst_keeps_the_buckets_and_any_other_fills_them) {
    take("user", "ann", 4);

    define("user", FARM_RATE_SCOPE_USER, 5, 5, 5 * SECOND_US);
    cr_assert_eq(left("user", "ann"), 1);
    define("user", FARM_RATE_SCOPE_USER, 20, 5, 5 * SECOND_US);
    cr_assert_eq(left("user", "ann"), 16);
    define("user", FARM_RATE_SCOPE_USER, 20, 5, 6 * SECOND_US);
    cr_assert_eq(left("user", "ann"), 20);
}

Test(rate, a_removed_limit_is_unknown_and_comes_back_full) {
    const farm_rate_request item = request_of("user", "ann", 1);
    take("user", "ann", 4);

    cr_assert_eq(farm_rate_remove(session, "user"), FARM_OK);
    cr_assert_eq(farm_rate_remove(session, "user"), FARM_OK);

    expect_take(&item, 1, FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT);
    define("user", FARM_RATE_SCOPE_USER, 5, 5, 5 * SECOND_US);
    cr_assert_eq(left("user", "ann"), 5);
}

Test(rate, definitions_are_all_or_none_and_the_services) {
    farm_rate_limit items[] = {limit_of("a", FARM_RATE_SCOPE_KEY, 1, 1, 1),
                               limit_of("b", FARM_RATE_SCOPE_KEY, 1, 2147483647, 1)};
    const farm_rate_limit twice[] = {items[0], items[0]};
    farm_rate_limit unnamed = limit_of("two words", FARM_RATE_SCOPE_KEY, 1, 1, 1);

    cr_assert_eq(farm_rate_define(session, items, 2), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_OUT_OF_RANGE);
    cr_assert_eq(farm_rate_define(session, twice, 2), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_TWICE);
    cr_assert_eq(farm_rate_define(session, &unnamed, 1), FARM_EINVAL);
    cr_assert_eq(farm_rate_define(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_rate_remove(session, NULL), FARM_EINVAL);
    farm_session_set_actor(session, "ann");
    cr_assert_eq(farm_rate_define(session, items, 1), FARM_EDENIED);
    cr_assert_eq(farm_rate_remove(session, "user"), FARM_EDENIED);
    cr_assert(take("user", "ann", 1)); /* whoever asks is served */
    farm_session_set_service(session);

    cr_assert_eq(rows("limit"), 4);
    cr_assert_eq(rows("secret"), 1);
}

Test(rate, nobody_in_particular_is_served_too) {
    cr_assert_eq(farm_session_set_actor(session, NULL), FARM_OK);

    cr_assert(take("user", "ann", 1));
    cr_assert_eq(left("user", "ann"), 4);
    cr_assert_eq(refund(&decision.token, "user", "ann", 1), FARM_EINVAL); /* a peek's: zero */
}

/* What another process does is seen when the cache is old; this one's own changes at once. */
Test(rate, a_cached_limit_outlives_a_change_behind_its_back_but_not_one_of_this_process) {
    farm_session *other = contract_open_another();
    farm_rate_limit changed = limit_of("user", FARM_RATE_SCOPE_USER, 50, 5, 5 * SECOND_US);
    cr_assert_eq(left("user", "ann"), 5);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_limit} SET burst = 30 "
                                           "WHERE name = 'user'"),
                 FARM_OK);

    cr_assert_eq(left("user", "ann"), 5);
    cr_assert_eq(farm_rate_define(other, &changed, 1), FARM_OK);
    cr_assert_eq(left("user", "ann"), 50);

    contract_close_another(other);
}

/* ---------------------------------------------------------------------------- transactions */

Test(rate, a_rollback_gives_back_what_was_taken) {
    take("user", "ann", 1);
    cr_assert_eq(farm_begin(session), FARM_OK);

    cr_assert(take("user", "ann", 3));
    cr_assert_not(take("user", "ann", 2));
    cr_assert_eq(left("user", "ann"), 1);
    farm_rollback(session);

    cr_assert_eq(left("user", "ann"), 4);
}

Test(rate, a_refusal_inside_a_transaction_leaves_the_rest_of_it_standing) {
    const farm_rate_request items[] = {request_of("user", "ann", 5),
                                       request_of("ip", "192.0.2.1", 3)};
    cr_assert_eq(farm_begin(session), FARM_OK);

    take_all(items, 2);
    cr_assert(decision.allowed);
    take_all(items, 2);
    cr_assert_not(decision.allowed);
    cr_assert(take("route", "GET /", 1));
    cr_assert_eq(farm_commit(session), FARM_OK);

    cr_assert_eq(left("user", "ann"), 0);
    cr_assert_eq(left("ip", "192.0.2.1"), 0);
    cr_assert_eq(left("route", "GET /"), 9);
}

/* ------------------------------------------------------------------------------- the tables */

Test(rate, the_store_itself_refuses_a_debt_beyond_capacity) {
    take("user", "ann", 1);

    cr_assert_eq(
        contract_execute(session, "UPDATE {farm_rate_bucket} SET tat = stamp + capacity + 1"),
        FARM_EREFUSED);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_limit} SET burst = 0"),
                 FARM_EREFUSED);
}

Test(rate, all_is_well_after_use) {
    char *text = NULL;
    take("user", "ann", 5);
    refund(&decision.token, "user", "ann", 2);

    cr_assert_eq(farm_verify(session, &text), FARM_OK, "%s", farm_session_error_text(session));

    cr_assert_not_null(strstr(text, "debt\",\"violations\":0"), "%s", text);
    cr_assert_not_null(strstr(text, "\"ok\":true"), "%s", text);
    farm_free(text);
}
