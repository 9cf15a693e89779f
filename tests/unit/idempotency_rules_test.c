/* The rules of idempotency keys: what a row means, how long things last, why a guard missed. */
#include "idempotency/idempotency_rules.h"
#include <criterion/criterion.h>

Test(idempotency_rules, a_row_means_one_thing_to_each_caller) {
    enum { CLAIMED = IDEMPOTENCY_CLAIMED, FINISHED = IDEMPOTENCY_FINISHED };
    static const struct {
        idempotency_facts facts;
        int32_t outcome;
        int64_t wait_us;
    } cases[] = {
        {{.is_same_request = 1, .is_mine = 1, .state = CLAIMED, .locked_until_us = 90},
         FARM_IDEMPOTENCY_EXECUTE,
         0},
        {{.is_same_request = 1, .is_mine = 0, .state = CLAIMED, .locked_until_us = 90},
         FARM_IDEMPOTENCY_IN_PROGRESS,
         40},
        {{.is_same_request = 1, .is_mine = 0, .state = CLAIMED, .locked_until_us = 50},
         FARM_IDEMPOTENCY_IN_PROGRESS,
         0},
        {{.is_same_request = 1, .is_mine = 0, .state = CLAIMED, .locked_until_us = 0},
         FARM_IDEMPOTENCY_IN_PROGRESS,
         0},
        {{.is_same_request = 1, .is_mine = 0, .state = FINISHED}, FARM_IDEMPOTENCY_REPLAY, 0},
        {{.is_same_request = 1, .is_mine = 1, .state = FINISHED}, FARM_IDEMPOTENCY_REPLAY, 0},
        {{.is_same_request = 0, .is_mine = 0, .state = CLAIMED, .locked_until_us = 90},
         FARM_IDEMPOTENCY_MISMATCH,
         0},
        {{.is_same_request = 0, .is_mine = 1, .state = CLAIMED, .locked_until_us = 90},
         FARM_IDEMPOTENCY_MISMATCH,
         0},
        {{.is_same_request = 0, .is_mine = 0, .state = FINISHED}, FARM_IDEMPOTENCY_MISMATCH, 0},
        {{.is_same_request = 0, .is_mine = 1, .state = FINISHED}, FARM_IDEMPOTENCY_MISMATCH, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int32_t outcome = idempotency_outcome_of(&cases[i].facts);
        cr_assert_eq(outcome, cases[i].outcome, "case %zu", i);
        cr_assert_eq(idempotency_wait_us(outcome, &cases[i].facts, 50), cases[i].wait_us,
                     "case %zu", i);
    }
}

Test(idempotency_rules, zero_means_the_default_term) {
    const farm_idempotency_options none = {0};
    const farm_idempotency_options both = {.lock_us = 5, .retention_us = 7};

    const idempotency_terms usual = idempotency_terms_of(&none);
    const idempotency_terms own = idempotency_terms_of(&both);

    cr_assert_eq(usual.lock_us, INT64_C(60) * 1000 * 1000);
    cr_assert_eq(usual.retention_us, INT64_C(72) * 3600 * 1000 * 1000);
    cr_assert_eq(own.lock_us, 5);
    cr_assert_eq(own.retention_us, 7);
}

Test(idempotency_rules, a_claim_is_never_forgotten_while_it_is_held) {
    const idempotency_terms longer_lock = {.lock_us = 500, .retention_us = 20};
    const idempotency_terms shorter_lock = {.lock_us = 20, .retention_us = 500};

    const idempotency_ends first = idempotency_ends_at(&longer_lock, 1000);
    const idempotency_ends second = idempotency_ends_at(&shorter_lock, 1000);

    cr_assert_eq(first.locked_until_us, 1500);
    cr_assert_eq(first.claim_expires_us, 1500);
    cr_assert_eq(first.answer_expires_us, 1020);
    cr_assert_eq(second.locked_until_us, 1020);
    cr_assert_eq(second.claim_expires_us, 1500);
    cr_assert_eq(second.answer_expires_us, 1500);
}

Test(idempotency_rules, only_the_outcome_execute_is_a_claim) {
    for (int32_t outcome = 0; outcome <= FARM_IDEMPOTENCY_MISMATCH; outcome++) {
        const idempotency_verdict verdict = idempotency_check_claim(1, outcome);
        const int32_t is_claim = outcome == FARM_IDEMPOTENCY_EXECUTE;
        cr_assert_eq(verdict.status, is_claim ? FARM_OK : FARM_EINVAL);
        cr_assert_eq(verdict.reason, is_claim ? 0 : FARM_IDEMPOTENCY_REASON_NOT_CLAIMED);
        cr_assert_eq(verdict.text == NULL, is_claim);
    }
    cr_assert_eq(idempotency_check_claim(0, 0).reason, FARM_IDEMPOTENCY_REASON_NOT_CLAIMED);
}

Test(idempotency_rules, steps_stay_or_go_forward) {
    static const struct {
        int32_t step;
        farm_status status;
    } cases[] = {
        {1, FARM_OK}, {9, FARM_OK}, {INT32_MAX, FARM_OK}, {0, FARM_EINVAL}, {-1, FARM_EINVAL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const idempotency_verdict verdict = idempotency_check_step(cases[i].step);
        cr_assert_eq(verdict.status, cases[i].status, "case %zu", i);
        cr_assert_eq(verdict.reason, 0, "case %zu", i);
    }
}

/* The row, then what a missed advance to step 3 and a missed finish mean. */
Test(idempotency_rules, a_missed_guard_is_told_by_the_row) {
    enum { CLAIMED = IDEMPOTENCY_CLAIMED, FINISHED = IDEMPOTENCY_FINISHED };
    static const struct {
        idempotency_miss miss;
        farm_status advance, finish;
    } cases[] = {
        {{0}, FARM_ECONFLICT, FARM_ECONFLICT},
        {{.state = CLAIMED, .step = 9}, FARM_ECONFLICT, FARM_ECONFLICT},
        {{.state = FINISHED, .is_same = 1}, FARM_ECONFLICT, FARM_ECONFLICT},
        {{.is_mine = 1, .state = FINISHED, .is_same = 1}, FARM_EINVAL, FARM_OK},
        {{.is_mine = 1, .state = FINISHED}, FARM_EINVAL, FARM_EEXISTS},
        {{.is_mine = 1, .state = CLAIMED, .step = 4}, FARM_EINVAL, FARM_ECONFLICT},
        {{.is_mine = 1, .state = CLAIMED, .step = 3}, FARM_ECONFLICT, FARM_ECONFLICT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const idempotency_verdict advance = idempotency_settle_advance(&cases[i].miss, 3);
        const idempotency_verdict finish = idempotency_settle_finish(&cases[i].miss);
        cr_assert_eq(advance.status, cases[i].advance, "case %zu", i);
        cr_assert_eq(finish.status, cases[i].finish, "case %zu", i);
        cr_assert_eq(finish.text == NULL, finish.status == FARM_OK, "case %zu", i);
        if (advance.status == FARM_ECONFLICT)
            cr_assert_eq(advance.reason, FARM_IDEMPOTENCY_REASON_LOST, "case %zu", i);
    }
}

Test(idempotency_rules, a_missed_advance_says_whether_it_was_late_or_went_back) {
    const idempotency_miss finished = {.is_mine = 1, .state = IDEMPOTENCY_FINISHED, .step = 9};
    const idempotency_miss ahead = {.is_mine = 1, .state = IDEMPOTENCY_CLAIMED, .step = 9};

    cr_assert_eq(idempotency_settle_advance(&finished, 3).reason,
                 FARM_IDEMPOTENCY_REASON_NOT_CLAIMED);
    cr_assert_eq(idempotency_settle_advance(&ahead, 3).reason, FARM_IDEMPOTENCY_REASON_STEP_BACK);
}
