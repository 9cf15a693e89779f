/* Limits of what may be held at once: taken, released, renewed, expired; counted for each subject;
 * found when planted; tidied away. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

static void define_holds(const char *name, int64_t count, int64_t period_us, int32_t is_shadow) {
    farm_rate_limit limit = limit_of(name, FARM_RATE_SCOPE_KEY, 0, count, period_us);
    limit.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    limit.is_shadow = is_shadow;
    define_as(limit);
}

static void set_up(void) {
    define_limits();
    define_holds("jobs", 3, 10 * SECOND_US, 0);
}

TestSuite(rate_holds, .init = set_up, .fini = close_session, .timeout = 60);

static int64_t held(void) {
    return contract_count(session, "farm_rate_hold");
}

static farm_status release(const farm_id *token, const char *limit) {
    const farm_rate_request item = request_of(limit, "s", 0);
    return farm_rate_release(session, token, &item, 1);
}

static farm_status renew(const farm_id *token, const char *limit) {
    const farm_rate_request item = request_of(limit, "s", 0);
    return farm_rate_renew(session, token, &item, 1);
}

Test(rate_holds, so_many_are_held_at_once_until_they_are_released) {
    cr_assert(take("jobs", "s", 1));
    const farm_id first = decision.token;
    cr_assert_eq(states[0].remaining, 2);
    set_clock(SECOND_US);
    cr_assert(take("jobs", "s", 2));
    cr_assert_eq(states[0].remaining, 0);

    cr_assert_not(take("jobs", "s", 1));
    cr_assert_eq(decision.retry_after_us, 9 * SECOND_US);
    cr_assert(take("jobs", "other", 3));
    cr_assert_eq(release(&first, "jobs"), FARM_OK);
    cr_assert_eq(release(&first, "jobs"), FARM_OK);
    cr_assert(take("jobs", "s", 1));
    cr_assert_not(take("jobs", "s", 1));
    cr_assert(take("jobs", "s", 0)); /* looks */
    cr_assert_eq(held(), 3);
    contract_assert_sound(session);
}

Test(rate_holds, a_hold_ends_by_itself_and_not_before) {
    cr_assert(take("jobs", "s", 3));
    set_clock(10 * SECOND_US - 1);
    cr_assert_not(take("jobs", "s", 1));
    cr_assert_eq(decision.retry_after_us, 1);

    set_clock(10 * SECOND_US);

    cr_assert(take("jobs", "s", 3));
    cr_assert_eq(states[0].remaining, 0);
}

Test(rate_holds, a_renewal_lasts_from_now_and_never_shortens) {
    cr_assert(take("jobs", "s", 3));
    const farm_id token = decision.token;
    set_clock(6 * SECOND_US);
    cr_assert_eq(renew(&token, "jobs"), FARM_OK);
    set_clock(3 * SECOND_US); /* of a node that is behind */
    cr_assert_eq(renew(&token, "jobs"), FARM_OK);

    set_clock(16 * SECOND_US - 1);
    cr_assert_not(take("jobs", "s", 1));
    cr_assert_eq(renew(&token, "jobs"), FARM_OK);
    set_clock(16 * SECOND_US);
    cr_assert_not(take("jobs", "s", 1));
}

Test(rate_holds, what_has_ended_or_never_was_cannot_be_renewed) {
    const farm_rate_request both[] = {request_of("jobs", "s", 0), request_of("more", "s", 0)};
    define_holds("more", 3, 5 * SECOND_US, 0);
    take_all((farm_rate_request[]){request_of("jobs", "s", 1), request_of("more", "s", 1)}, 2);
    const farm_id token = decision.token;
    farm_id unknown;
    farm_id_new(session, &unknown);
    cr_assert_eq(renew(&unknown, "jobs"), FARM_ECONFLICT);
    set_clock(5 * SECOND_US);

    cr_assert_eq(farm_rate_renew(session, &token, both, 2), FARM_ECONFLICT);

    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_NOT_HELD);
    cr_assert_str_not_empty(farm_session_error_text(session));
    set_clock(10 * SECOND_US); /* none of them was renewed */
    cr_assert(take("jobs", "s", 3));
    cr_assert_eq(renew(&token, "more"), FARM_ECONFLICT);
    cr_assert_eq(release(&unknown, "jobs"), FARM_OK);
    cr_assert_eq(release(&token, "jobs"), FARM_OK);
    cr_assert_not(take("jobs", "s", 1));
}

Test(rate_holds, a_caller_may_hand_over_all_that_he_took) {
    const farm_rate_request items[] = {request_of("user", "s", 2), request_of("jobs", "s", 2)};
    take_all(items, 2);
    const farm_id token = decision.token;
    cr_assert_eq(farm_rate_renew(session, &token, items, 2), FARM_OK);
    cr_assert_eq(farm_rate_release(session, &token, items, 2), FARM_OK);
    cr_assert_eq(held(), 0);
    cr_assert_eq(farm_rate_renew(session, &token, items, 1), FARM_OK);
    cr_assert_eq(farm_rate_release(session, &token, items, 1), FARM_OK);
    /* Holds are no tokens: a refund leaves them alone. */
    take_all(items, 2);
    cr_assert_eq(farm_rate_refund(session, &decision.token, items, 2), FARM_OK);
    cr_assert_eq(held(), 1);
    cr_assert_eq(contract_count(session, "farm_rate_refund"), 1);
}

Test(rate_holds, who_is_exempt_holds_nothing_and_may_renew_it) {
    const farm_rate_override item = {
        .struct_size = sizeof item, .rule = FARM_RATE_RULE_EXEMPT, .limit = "jobs", .subject = "s"};
    cr_assert_eq(farm_rate_override_put(session, &item, 1), FARM_OK);
    take_all((farm_rate_request[]){request_of("jobs", "s", 1), request_of("user", "s", 1)}, 2);
    cr_assert(decision.allowed);

    cr_assert_eq(renew(&decision.token, "jobs"), FARM_OK);
    cr_assert_eq(release(&decision.token, "jobs"), FARM_OK);
    cr_assert_eq(held(), 0);
}

Test(rate_holds, wrong_calls_are_named_and_change_nothing) {
    const farm_id zero = {{0}};
    farm_rate_request item = request_of("jobs", "s", 1);
    take_all(&item, 1);
    const farm_id token = decision.token;
    const int64_t before = held();

    cr_assert_eq(release(NULL, "jobs"), FARM_EINVAL);
    cr_assert_eq(release(&zero, "jobs"), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_NOT_REFUNDABLE);
    cr_assert_eq(renew(&zero, "jobs"), FARM_EINVAL);
    cr_assert_eq(release(&token, "none"), FARM_ENOTFOUND);
    cr_assert_eq(renew(&token, "none"), FARM_ENOTFOUND);
    cr_assert_eq(farm_rate_release(session, &token, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_rate_release(session, &token, &item, 0), FARM_EINVAL);
    cr_assert_eq(farm_rate_renew(session, &token, &item, FARM_RATE_BATCH_MAX + 1), FARM_EINVAL);
    item.flags = FARM_RATE_FORCE;
    cr_assert_eq(farm_rate_take(session, &item, 1, states, &decision), FARM_EINVAL);
    cr_assert_not_null(strstr(farm_session_error_text(session), "forced"));
    cr_assert_eq(farm_rate_release(session, &token, &item, 1), FARM_EINVAL);
    item.flags = 2;
    cr_assert_eq(farm_rate_take(session, &item, 1, states, &decision), FARM_EINVAL);
    item = request_of("jobs", "s", 4);
    take_all(&item, 1);
    cr_assert(decision.is_never);
    cr_assert_eq(held(), before);
    cr_assert_eq(renew(&token, "jobs"), FARM_OK);
}

Test(rate_holds, a_shadow_limit_holds_what_fits_and_refuses_no_renewal) {
    define_holds("trial", 2, 10 * SECOND_US, 1);
    cr_assert(take("trial", "s", 2));
    const farm_id first = decision.token;
    cr_assert_eq(decision.is_shadowed, 0);
    take_all((farm_rate_request[]){request_of("trial", "s", 1), request_of("user", "s", 1)}, 2);

    cr_assert(decision.allowed);
    cr_assert_eq(decision.is_shadowed, 1);
    cr_assert_not(states[0].allowed);
    cr_assert_eq(held(), 1);
    cr_assert_eq(renew(&decision.token, "trial"), FARM_OK);
    set_clock(6 * SECOND_US);
    cr_assert_eq(renew(&first, "trial"), FARM_OK);
    set_clock(12 * SECOND_US);
    cr_assert(take("trial", "s", 0));
    cr_assert_eq(states[0].remaining, 0);
}

Test(rate_holds, fewer_at_once_let_nobody_in_before_enough_have_left) {
    cr_assert(take("jobs", "s", 2));
    const farm_id token = decision.token;
    cr_assert(take("jobs", "s", 1));
    define_holds("jobs", 1, 10 * SECOND_US, 0);
    const farm_rate_request items[] = {request_of("jobs", "s", 0), request_of("user", "s", 1)};

    cr_assert_not(take("jobs", "s", 1));
    take_all(items, 2);
    cr_assert(decision.allowed); /* a cost of nothing holds nothing */
    cr_assert_eq(release(&token, "jobs"), FARM_OK);
    cr_assert_not(take("jobs", "s", 1));
    define_holds("jobs", 2, 10 * SECOND_US, 0);
    cr_assert(take("jobs", "s", 1));
}

Test(rate_holds, a_reset_ends_all_holds_of_a_subject) {
    const farm_rate_request item = request_of("jobs", "s", 0);
    cr_assert(take("jobs", "s", 3));
    cr_assert(take("jobs", "other", 3));

    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);

    cr_assert_eq(held(), 1);
    cr_assert(take("jobs", "s", 3));
}

Test(rate_holds, a_rollback_holds_nothing) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert(take("jobs", "s", 3));
    cr_assert_not(take("jobs", "s", 1));
    farm_rollback(session);

    cr_assert_eq(held(), 0);
    cr_assert(take("jobs", "s", 3));
}

Test(rate_holds, a_hold_too_many_is_found_and_ended_ones_are_tidied_away) {
    farm_maintenance done = {.struct_size = sizeof done};
    char *text = NULL;
    cr_assert(take("jobs", "s", 3));
    cr_assert_eq(contract_execute(session,
                                  "INSERT INTO {farm_rate_hold} (bucket, token, cost, capacity, "
                                  "expires_us) SELECT bucket, token, 2, capacity, expires_us FROM "
                                  "(SELECT bucket, bucket AS token, capacity, expires_us FROM "
                                  "{farm_rate_hold}) AS h"),
                 FARM_OK, "%s", farm_session_error_text(session));

    cr_assert_eq(farm_verify(session, &text), FARM_OK);
    cr_assert_not_null(strstr(text, "5 are held at once"), "%s", text);
    farm_free(text);

    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 0);
    set_clock(10 * SECOND_US);
    cr_assert_eq(farm_maintain(session, 1, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 1);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);
    cr_assert_eq(held(), 0);
    contract_assert_sound(session);
}

Test(rate_holds, the_store_itself_refuses_a_hold_of_nothing) {
    cr_assert(take("jobs", "s", 1));

    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_hold} SET cost = 0"), FARM_EREFUSED);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_hold} SET cost = capacity + 1"),
                 FARM_EREFUSED);
}

static void *reset_jobs(void *other) {
    const farm_rate_request item = request_of("jobs", "s", 0);
    return (void *)(intptr_t)(farm_rate_reset(other, &item, 1) == FARM_OK);
}

/* It comes after the take, and so what was taken is gone; or before, but then it says so. */
Test(rate_holds, a_reset_does_not_pass_by_a_hold_that_is_being_taken) {
    farm_session *other = contract_open_another();
    pthread_t thread;
    void *is_reset = NULL;
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert(take("jobs", "s", 2));
    cr_assert_eq(pthread_create(&thread, NULL, reset_jobs, other), 0);
    (void)poll(NULL, 0, 100); /* for one that does not wait to have gone by */
    cr_assert_eq(farm_commit(session), FARM_OK);

    pthread_join(thread, &is_reset);

    cr_assert_not_null(is_reset);
    cr_assert_eq(held(), 0);
    contract_close_another(other);
}
