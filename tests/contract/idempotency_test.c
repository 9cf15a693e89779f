/* Idempotency keys on every store: the four outcomes, steps, repeats, lost claims, expiry, and what
 * a transaction of the caller makes of them. */
#include "suite.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_US (60 * SECOND_US)
#define RETENTION_US (72 * 3600 * SECOND_US)

TestSuite(idempotency, .init = open_session, .fini = close_session, .timeout = 60);

/* ann's POST /orders with a request and a key. */
static farm_idempotency *begin(const char *key, const char *request) {
    farm_idempotency *claim = NULL;
    cr_assert_eq(farm_idempotency_begin(session, "ann", key, "POST /orders", request,
                                        strlen(request), NULL, &claim),
                 FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_not_null(claim);
    return claim;
}

/* The outcome alone. */
static int32_t outcome_of(const char *key, const char *request) {
    farm_idempotency *claim = begin(key, request);
    const int32_t outcome = farm_idempotency_outcome(claim);
    farm_idempotency_free(claim);
    return outcome;
}

static void finish(farm_idempotency *claim, int32_t code, const char *answer) {
    cr_assert_eq(farm_idempotency_finish(session, claim, code, answer, strlen(answer)), FARM_OK,
                 "%s", farm_session_error_text(session));
}

static void assert_data(const farm_idempotency *claim, const char *expected) {
    size_t size = 99;
    const void *data = farm_idempotency_data(claim, &size);
    cr_assert_eq(size, strlen(expected));
    if (size == 0)
        cr_assert_null(data);
    else
        cr_assert_eq(memcmp(data, expected, size), 0);
}

static int64_t row_count(void) {
    return contract_count(session, "farm_idempotency");
}

Test(idempotency, the_first_caller_executes_from_step_0) {
    farm_idempotency *claim = begin("k", "one");

    cr_assert_eq(farm_idempotency_outcome(claim), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(farm_idempotency_step(claim), 0);
    cr_assert_eq(farm_idempotency_code(claim), 0);
    cr_assert_eq(farm_idempotency_retry_after_us(claim), 0);
    assert_data(claim, "");
    farm_idempotency_free(claim);
}

Test(idempotency, while_one_executes_the_others_are_told_how_long) {
    farm_idempotency *first = begin("k", "one");
    set_clock(20 * SECOND_US);

    farm_idempotency *second = begin("k", "one");

    cr_assert_eq(farm_idempotency_outcome(second), FARM_IDEMPOTENCY_IN_PROGRESS);
    cr_assert_eq(farm_idempotency_retry_after_us(second), LOCK_US - 20 * SECOND_US);
    assert_data(second, "");
    farm_idempotency_free(first);
    farm_idempotency_free(second);
}

Test(idempotency, a_finished_key_replays_its_answer) {
    farm_idempotency *first = begin("k", "one");
    finish(first, 201, "made");

    farm_idempotency *second = begin("k", "one");

    cr_assert_eq(farm_idempotency_outcome(second), FARM_IDEMPOTENCY_REPLAY);
    cr_assert_eq(farm_idempotency_code(second), 201);
    assert_data(second, "made");
    farm_idempotency_free(first);
    farm_idempotency_free(second);
}

Test(idempotency, an_answer_may_be_empty_and_its_code_negative) {
    farm_idempotency *first = begin("k", "");
    cr_assert_eq(farm_idempotency_finish(session, first, INT32_MIN, NULL, 0), FARM_OK);

    farm_idempotency *second = begin("k", "");

    cr_assert_eq(farm_idempotency_code(second), INT32_MIN);
    assert_data(second, "");
    farm_idempotency_free(first);
    farm_idempotency_free(second);
}

Test(idempotency, another_request_under_the_same_key_is_a_mismatch_and_learns_nothing) {
    farm_idempotency *first = begin("k", "one");
    cr_assert_eq(farm_idempotency_advance(session, first, 3, "secret", 6), FARM_OK);
    farm_idempotency *early = begin("k", "two");
    finish(first, 201, "made");
    farm_idempotency *late = begin("k", "two");
    farm_idempotency *other = NULL;

    cr_assert_eq(
        farm_idempotency_begin(session, "ann", "k", "POST /refunds", "one", 3, NULL, &other),
        FARM_OK);

    const farm_idempotency *const all[] = {early, late, other};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(farm_idempotency_outcome(all[i]), FARM_IDEMPOTENCY_MISMATCH);
        cr_assert_eq(farm_idempotency_code(all[i]), 0);
        cr_assert_eq(farm_idempotency_step(all[i]), 0);
        assert_data(all[i], "");
    }
    farm_idempotency_free(first);
    farm_idempotency_free(early);
    farm_idempotency_free(late);
    farm_idempotency_free(other);
}

Test(idempotency, operation_and_request_are_not_run_together) {
    farm_idempotency *claim = NULL;
    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "ab", "c", 1, NULL, &claim), FARM_OK);
    farm_idempotency_free(claim);

    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "a", "bc", 2, NULL, &claim), FARM_OK);

    cr_assert_eq(farm_idempotency_outcome(claim), FARM_IDEMPOTENCY_MISMATCH);
    farm_idempotency_free(claim);
}

Test(idempotency, owners_do_not_share_keys) {
    farm_idempotency *anns = begin("k", "one");
    farm_idempotency *bobs = NULL;

    cr_assert_eq(farm_idempotency_begin(session, "bob", "k", "POST /orders", "two", 3, NULL, &bobs),
                 FARM_OK);

    cr_assert_eq(farm_idempotency_outcome(bobs), FARM_IDEMPOTENCY_EXECUTE);
    farm_idempotency_free(anns);
    farm_idempotency_free(bobs);
}

Test(idempotency, keys_differ_by_case_and_by_every_byte) {
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(outcome_of("K", "one"), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(outcome_of("k ", "one"), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(outcome_of("\xc3\xa9", "one"), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(outcome_of("e\xcc\x81", "one"), FARM_IDEMPOTENCY_EXECUTE);
}

Test(idempotency, a_claim_that_ran_out_is_taken_up_where_it_stopped) {
    farm_idempotency *first = begin("k", "one");
    cr_assert_eq(farm_idempotency_advance(session, first, 2, "charge 7", 8), FARM_OK);
    set_clock(LOCK_US - 1);
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_IN_PROGRESS);
    set_clock(LOCK_US);

    farm_idempotency *second = begin("k", "one");

    cr_assert_eq(farm_idempotency_outcome(second), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(farm_idempotency_step(second), 2);
    assert_data(second, "charge 7");
    cr_assert_eq(farm_idempotency_advance(session, first, 3, "", 0), FARM_ECONFLICT);
    cr_assert_eq(farm_session_error_reason(session), FARM_IDEMPOTENCY_REASON_LOST);
    cr_assert_eq(farm_idempotency_finish(session, first, 200, "", 0), FARM_ECONFLICT);
    cr_assert_eq(farm_session_error_reason(session), FARM_IDEMPOTENCY_REASON_LOST);
    cr_assert_eq(farm_idempotency_release(session, first), FARM_OK);
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_IN_PROGRESS);
    finish(second, 201, "made");
    farm_idempotency_free(first);
    farm_idempotency_free(second);
}

Test(idempotency, a_claim_that_ran_out_and_nobody_took_may_still_finish) {
    farm_idempotency *claim = begin("k", "one");
    set_clock(2 * LOCK_US);

    finish(claim, 201, "made");

    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_REPLAY);
    farm_idempotency_free(claim);
}

Test(idempotency, an_advance_renews_the_claim) {
    farm_idempotency *claim = begin("k", "one");
    set_clock(LOCK_US / 2);

    cr_assert_eq(farm_idempotency_advance(session, claim, 1, "", 0), FARM_OK);

    set_clock(LOCK_US);
    cr_assert_eq(farm_idempotency_step(claim), 1);
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_IN_PROGRESS);
    farm_idempotency_free(claim);
}

Test(idempotency, a_step_may_be_repeated_but_not_go_back_unless_it_was_rolled_back) {
    farm_idempotency *claim = begin("k", "one");
    cr_assert_eq(farm_idempotency_advance(session, claim, 2, "a", 1), FARM_OK);
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_idempotency_advance(session, claim, 9, "c", 1), FARM_OK);
    farm_rollback(session);

    cr_assert_eq(farm_idempotency_advance(session, claim, 2, "b", 1), FARM_OK);
    cr_assert_eq(farm_idempotency_advance(session, claim, 1, "c", 1), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_IDEMPOTENCY_REASON_STEP_BACK);
    cr_assert_eq(farm_idempotency_advance(session, claim, 0, "c", 1), FARM_EINVAL);
    cr_assert_eq(farm_idempotency_advance(session, claim, -1, "c", 1), FARM_EINVAL);

    set_clock(LOCK_US);
    farm_idempotency *next = begin("k", "one");
    cr_assert_eq(farm_idempotency_step(next), 2);
    assert_data(next, "b");
    farm_idempotency_free(claim);
    farm_idempotency_free(next);
}

Test(idempotency, repeating_a_finish_changes_nothing_and_another_answer_is_refused) {
    farm_idempotency *claim = begin("k", "one");
    finish(claim, 201, "made");
    set_clock(SECOND_US);

    cr_assert_eq(farm_idempotency_finish(session, claim, 201, "made", 4), FARM_OK);
    cr_assert_str_eq(farm_session_error_text(session), "");
    cr_assert_eq(farm_idempotency_finish(session, claim, 200, "made", 4), FARM_EEXISTS);
    cr_assert_eq(farm_idempotency_finish(session, claim, 201, "mode", 4), FARM_EEXISTS);
    cr_assert_eq(farm_idempotency_finish(session, claim, 201, NULL, 0), FARM_EEXISTS);

    cr_assert_eq(contract_number(session, "SELECT expires_us FROM {farm_idempotency}"),
                 CONTRACT_NOW_US + RETENTION_US);
    cr_assert_eq(contract_number(session, "SELECT code FROM {farm_idempotency}"), 201);
    farm_idempotency_free(claim);
}

Test(idempotency, after_the_finish_there_is_no_claim_to_advance_or_release) {
    farm_idempotency *claim = begin("k", "one");
    finish(claim, 201, "made");

    cr_assert_eq(farm_idempotency_advance(session, claim, 5, "", 0), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_IDEMPOTENCY_REASON_NOT_CLAIMED);
    cr_assert_eq(farm_idempotency_release(session, claim), FARM_OK);

    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_REPLAY);
    farm_idempotency_free(claim);
}

Test(idempotency, a_released_key_is_free_at_once_for_the_same_request_alone) {
    farm_idempotency *claim = begin("k", "one");
    cr_assert_eq(farm_idempotency_advance(session, claim, 4, "d", 1), FARM_OK);

    cr_assert_eq(farm_idempotency_release(session, claim), FARM_OK);
    cr_assert_eq(farm_idempotency_release(session, claim), FARM_OK);

    cr_assert_eq(farm_idempotency_finish(session, claim, 200, "", 0), FARM_ECONFLICT);
    cr_assert_eq(farm_idempotency_advance(session, claim, 5, "", 0), FARM_ECONFLICT);
    cr_assert_eq(outcome_of("k", "two"), FARM_IDEMPOTENCY_MISMATCH);
    farm_idempotency *next = begin("k", "one");
    cr_assert_eq(farm_idempotency_outcome(next), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(farm_idempotency_step(next), 4);
    assert_data(next, "d");
    farm_idempotency_free(claim);
    farm_idempotency_free(next);
}

Test(idempotency, an_answer_is_kept_until_its_retention_ends) {
    farm_idempotency *claim = begin("k", "one");
    set_clock(SECOND_US);
    finish(claim, 201, "made");
    set_clock(SECOND_US + RETENTION_US - 1);
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_REPLAY);
    cr_assert_eq(outcome_of("k", "two"), FARM_IDEMPOTENCY_MISMATCH);
    set_clock(SECOND_US + RETENTION_US);

    farm_idempotency *next = begin("k", "two");

    cr_assert_eq(farm_idempotency_outcome(next), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(farm_idempotency_step(next), 0);
    assert_data(next, "");
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_MISMATCH);
    farm_idempotency_free(claim);
    farm_idempotency_free(next);
}

Test(idempotency, steps_of_a_claim_that_nobody_took_up_are_forgotten_in_the_end) {
    farm_idempotency *claim = begin("k", "one");
    cr_assert_eq(farm_idempotency_advance(session, claim, 4, "d", 1), FARM_OK);
    set_clock(RETENTION_US);

    farm_idempotency *next = begin("k", "one");

    cr_assert_eq(farm_idempotency_outcome(next), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(farm_idempotency_step(next), 0);
    assert_data(next, "");
    farm_idempotency_free(claim);
    farm_idempotency_free(next);
}

Test(idempotency, a_lock_longer_than_the_retention_is_respected) {
    const farm_idempotency_options options = {
        .struct_size = sizeof options, .lock_us = LOCK_US, .retention_us = SECOND_US};
    farm_idempotency *claim = NULL;
    cr_assert_eq(
        farm_idempotency_begin(session, "ann", "k", "POST /orders", "one", 3, &options, &claim),
        FARM_OK);
    set_clock(LOCK_US - 1);

    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_IN_PROGRESS);
    cr_assert_eq(outcome_of("k", "two"), FARM_IDEMPOTENCY_MISMATCH);

    farm_idempotency_free(claim);
}

Test(idempotency, key_and_work_commit_together) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    farm_idempotency *claim = begin("k", "one");
    cr_assert_eq(farm_role_found(session, "shop", "ann"), FARM_OK);
    finish(claim, 201, "made");

    cr_assert_eq(farm_commit(session), FARM_OK);

    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_REPLAY);
    cr_assert_eq(contract_count(session, "farm_role_entity"), 1);
    farm_idempotency_free(claim);
}

Test(idempotency, key_and_work_vanish_together) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    farm_idempotency *claim = begin("k", "one");
    cr_assert_eq(farm_role_found(session, "shop", "ann"), FARM_OK);
    finish(claim, 201, "made");

    farm_rollback(session);

    cr_assert_eq(row_count(), 0);
    cr_assert_eq(contract_count(session, "farm_role_entity"), 0);
    cr_assert_eq(farm_idempotency_finish(session, claim, 201, "made", 4), FARM_ECONFLICT);
    cr_assert_eq(outcome_of("k", "two"), FARM_IDEMPOTENCY_EXECUTE);
    farm_idempotency_free(claim);
}

Test(idempotency, a_refused_finish_leaves_the_callers_transaction_usable) {
    farm_idempotency *first = begin("k", "one");
    set_clock(LOCK_US);
    farm_idempotency *second = begin("k", "one");
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "ann"), FARM_OK);

    cr_assert_eq(farm_idempotency_finish(session, first, 200, "", 0), FARM_ECONFLICT);
    cr_assert_eq(farm_idempotency_finish(session, second, 201, "made", 4), FARM_OK);
    cr_assert_eq(farm_idempotency_finish(session, second, 201, "made", 4), FARM_OK);
    cr_assert_eq(farm_idempotency_finish(session, second, 202, "made", 4), FARM_EEXISTS);

    cr_assert_eq(farm_commit(session), FARM_OK);
    cr_assert_eq(contract_number(session, "SELECT code FROM {farm_idempotency}"), 201);
    cr_assert_eq(contract_count(session, "farm_role_entity"), 1);
    farm_idempotency_free(first);
    farm_idempotency_free(second);
}

Test(idempotency, a_transaction_that_asks_twice_does_not_wait_for_itself) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    farm_idempotency *first = begin("k", "one");

    farm_idempotency *second = begin("k", "one");

    cr_assert_eq(farm_idempotency_outcome(first), FARM_IDEMPOTENCY_EXECUTE);
    cr_assert_eq(farm_idempotency_outcome(second), FARM_IDEMPOTENCY_IN_PROGRESS);
    farm_rollback(session);
    farm_idempotency_free(first);
    farm_idempotency_free(second);
}

Test(idempotency, a_claim_may_be_finished_from_another_session) {
    farm_session *other = contract_open_another();
    farm_idempotency *claim = begin("k", "one");

    cr_assert_eq(farm_idempotency_finish(other, claim, 201, "made", 4), FARM_OK);

    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_REPLAY);
    farm_idempotency_free(claim);
    contract_close_another(other);
}

Test(idempotency, a_key_is_its_owners_and_the_services) {
    farm_idempotency *claim = begin("k", "one");
    farm_idempotency *none = NULL;
    act_as("bob");

    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "x", "", 0, NULL, &none),
                 FARM_EDENIED);
    cr_assert_null(none);
    cr_assert_eq(farm_idempotency_advance(session, claim, 1, "", 0), FARM_EDENIED);
    cr_assert_eq(farm_idempotency_finish(session, claim, 200, "", 0), FARM_EDENIED);
    cr_assert_eq(farm_idempotency_release(session, claim), FARM_EDENIED);
    act_as(NULL);
    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "x", "", 0, NULL, &none),
                 FARM_EDENIED);

    act_as("ann");
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_IN_PROGRESS);
    cr_assert_eq(outcome_of("k2", "one"), FARM_IDEMPOTENCY_EXECUTE);
    finish(claim, 201, "made");
    farm_idempotency_free(claim);
}

Test(idempotency, wrong_arguments_are_refused_and_claim_nothing) {
    farm_idempotency *none = NULL;

    for (size_t i = 0; i < CONTRACT_BAD_TEXT_COUNT; i++) {
        const char *bad = contract_bad_texts[i];
        cr_assert_eq(farm_idempotency_begin(session, bad, "k", "o", "", 0, NULL, &none),
                     FARM_EINVAL);
        cr_assert_eq(farm_idempotency_begin(session, "ann", bad, "o", "", 0, NULL, &none),
                     FARM_EINVAL);
        cr_assert_eq(farm_idempotency_begin(session, "ann", "k", bad, "", 0, NULL, &none),
                     FARM_EINVAL);
        cr_assert_null(none);
    }
    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "o", NULL, 1, NULL, &none),
                 FARM_EINVAL);
    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "o", "", 0, NULL, NULL), FARM_EINVAL);
    cr_assert_eq(farm_idempotency_begin(NULL, "ann", "k", "o", "", 0, NULL, &none), FARM_EINVAL);

    cr_assert_eq(row_count(), 0);
}

Test(idempotency, the_longest_texts_and_the_largest_data_pass) {
    const char *longest = contract_longest;
    const size_t size = FARM_IDEMPOTENCY_DATA_MAX;
    char *large = calloc(1, size + 1);
    cr_assert_not_null(large);
    farm_idempotency *claim = NULL;
    farm_idempotency *again = NULL;

    cr_assert_eq(
        farm_idempotency_begin(session, longest, longest, longest, large, size, NULL, &claim),
        FARM_OK);
    cr_assert_eq(farm_idempotency_finish(session, claim, 1, large, size), FARM_OK);
    cr_assert_eq(
        farm_idempotency_begin(session, longest, longest, longest, large, size, NULL, &again),
        FARM_OK);

    size_t found = 0;
    cr_assert_eq(memcmp(farm_idempotency_data(again, &found), large, size), 0);
    cr_assert_eq(found, size);
    farm_idempotency_free(claim);
    farm_idempotency_free(again);
    free(large);
}

Test(idempotency, data_over_the_limit_is_refused) {
    const size_t size = FARM_IDEMPOTENCY_DATA_MAX + 1;
    char *large = calloc(1, size);
    cr_assert_not_null(large);
    farm_idempotency *none = NULL;
    farm_idempotency *claim = begin("k", "one");

    cr_assert_eq(farm_idempotency_begin(session, "ann", "k2", "o", large, size, NULL, &none),
                 FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_IDEMPOTENCY_REASON_TOO_LARGE);
    cr_assert_eq(farm_idempotency_advance(session, claim, 1, large, size), FARM_EINVAL);
    cr_assert_eq(farm_idempotency_finish(session, claim, 1, large, size), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_IDEMPOTENCY_REASON_TOO_LARGE);

    finish(claim, 201, "made");
    farm_idempotency_free(claim);
    free(large);
}

Test(idempotency, terms_out_of_range_and_unknown_options_are_refused) {
    static const int64_t locks[] = {-1, 999, INT64_C(86400000001), INT64_MAX, INT64_MIN};
    static const int64_t retentions[] = {-1, 999999, INT64_C(31622400000001), INT64_MAX, INT64_MIN};
    farm_idempotency *none = NULL;

    for (size_t i = 0; i < 5; i++) {
        farm_idempotency_options options = {.struct_size = sizeof options, .lock_us = locks[i]};
        cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "o", "", 0, &options, &none),
                     FARM_EINVAL);
        options.lock_us = 0;
        options.retention_us = retentions[i];
        cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "o", "", 0, &options, &none),
                     FARM_EINVAL);
    }
    struct {
        farm_idempotency_options known;
        int64_t unknown;
    } newer = {.known.struct_size = sizeof newer, .unknown = 1};
    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "o", "", 0, &newer.known, &none),
                 FARM_EUNSUPPORTED);
    newer.known.struct_size = 0;
    cr_assert_eq(farm_idempotency_begin(session, "ann", "k", "o", "", 0, &newer.known, &none),
                 FARM_EINVAL);

    cr_assert_eq(row_count(), 0);
}

Test(idempotency, only_a_claim_can_be_advanced_finished_and_released) {
    farm_idempotency *first = begin("k", "one");
    farm_idempotency *others[] = {begin("k", "one"), begin("k", "two"), NULL};

    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(farm_idempotency_advance(session, others[i], 1, "", 0), FARM_EINVAL);
        cr_assert_eq(farm_session_error_reason(session), FARM_IDEMPOTENCY_REASON_NOT_CLAIMED);
        cr_assert_eq(farm_idempotency_finish(session, others[i], 1, "", 0), FARM_EINVAL);
        cr_assert_eq(farm_idempotency_release(session, others[i]), FARM_EINVAL);
        farm_idempotency_free(others[i]);
    }
    cr_assert_eq(farm_idempotency_finish(session, first, 1, NULL, 1), FARM_EINVAL);
    finish(first, 201, "made");
    farm_idempotency_free(first);
}

Test(idempotency, the_accessors_take_nothing_for_nothing) {
    size_t size = 99;

    cr_assert_null(farm_idempotency_data(NULL, &size));

    cr_assert_eq(size, 0);
    cr_assert_null(farm_idempotency_data(NULL, NULL));
    cr_assert_eq(farm_idempotency_outcome(NULL), 0);
    cr_assert_eq(farm_idempotency_step(NULL), 0);
    cr_assert_eq(farm_idempotency_code(NULL), 0);
    cr_assert_eq(farm_idempotency_retry_after_us(NULL), 0);
    farm_idempotency_free(NULL);
}

Test(idempotency, housekeeping_removes_what_has_expired_and_no_more_than_asked) {
    for (int i = 0; i < 5; i++) {
        const char key[] = {(char)('a' + i), '\0'};
        cr_assert_eq(outcome_of(key, "one"), FARM_IDEMPOTENCY_EXECUTE);
    }
    set_clock(SECOND_US);
    cr_assert_eq(outcome_of("later", "one"), FARM_IDEMPOTENCY_EXECUTE);
    set_clock(RETENTION_US);
    farm_maintenance done = {.struct_size = sizeof done};

    cr_assert_eq(farm_maintain(session, 3, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 3);
    cr_assert_eq(row_count(), 3);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);

    cr_assert_eq(done.removed_count, 2);
    cr_assert_eq(row_count(), 1);
}

Test(idempotency, verification_finds_a_claim_of_a_clock_that_ran_ahead) {
    set_clock(LOCK_US);
    cr_assert_eq(outcome_of("k", "one"), FARM_IDEMPOTENCY_EXECUTE);
    char *text = NULL;
    contract_assert_sound(session);
    set_clock(-2 * 86400 * SECOND_US);

    cr_assert_eq(farm_verify(session, &text), FARM_OK);

    cr_assert_not_null(strstr(text, "\"ok\":false"), "%s", text);
    cr_assert_not_null(strstr(text, "idempotency.check_states"), "%s", text);
    cr_assert_not_null(strstr(text, "ann/k"), "%s", text);
    farm_free(text);
}

Test(idempotency, the_store_itself_refuses_what_must_never_be) {
    farm_idempotency_free(begin("k", "one"));
    static const char *const wrong[] = {
        "state = 2",      "state = 3",          "state = 2, code = 1",  "code = 1",
        "expires_us = 1", "step = -1",          "owner = ''",           "step = 2147483648",
        "token = data",   "fingerprint = data", "locked_until_us = -1", "key = ''",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(contract_execute(session, "UPDATE {farm_idempotency} SET %s", wrong[i]),
                     FARM_EREFUSED, "%s", wrong[i]);
}
