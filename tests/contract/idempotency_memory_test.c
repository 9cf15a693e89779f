/* Idempotency keys when there is no memory: nobody owns a key without having been told. */
#include "suite.h"
#include "unit/failing_allocator.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(idempotency_memory, .init = open_session, .fini = close_session, .timeout = 60);

static farm_idempotency *begin(const char *key, const char *request) {
    farm_idempotency *claim = NULL;
    cr_assert_eq(farm_idempotency_begin(session, "ann", key, "POST /orders", request,
                                        strlen(request), NULL, &claim),
                 FARM_OK, "%s", farm_session_error_text(session));
    return claim;
}

/* begin("k…", "one") on a key of its own, with the nth allocation failing. */
typedef struct poor_begin {
    char key[24];
    farm_idempotency *claim;
    farm_status status;
    int32_t has_failed; /* an allocation has */
} poor_begin;

static void begin_without(poor_begin *attempt, int64_t nth) {
    failing_allocator allocator;
    cr_assert_eq(failing_allocator_set(&allocator, nth), FARM_OK);
    attempt->status = farm_idempotency_begin(session, "ann", attempt->key, "POST /orders", "one", 3,
                                             NULL, &attempt->claim);
    cr_assert_eq(farm_allocator_set(NULL), FARM_OK);
    attempt->has_failed = allocator.has_failed;
}

Test(idempotency_memory, a_new_key_that_no_memory_was_left_for_is_free_for_any_request) {
    poor_begin attempt = {.has_failed = 1};
    for (int64_t i = 0; attempt.has_failed; i++) {
        snprintf(attempt.key, sizeof attempt.key, "k%lld", (long long)i);

        begin_without(&attempt, i);

        cr_assert(attempt.status == FARM_OK || attempt.status == FARM_ENOMEM, "%s",
                  farm_session_error_text(session));
        if (attempt.status == FARM_ENOMEM) attempt.claim = begin(attempt.key, "two");
        cr_assert_eq(farm_idempotency_outcome(attempt.claim), FARM_IDEMPOTENCY_EXECUTE);
        farm_idempotency_free(attempt.claim);
    }
}

Test(idempotency_memory, a_claim_that_no_memory_was_left_for_can_be_taken_up_at_once) {
    poor_begin attempt = {.has_failed = 1};
    for (int64_t i = 0; attempt.has_failed; i++) {
        snprintf(attempt.key, sizeof attempt.key, "k%lld", (long long)i);
        farm_idempotency *first = begin(attempt.key, "one");
        cr_assert_eq(farm_idempotency_advance(session, first, 4, "paid", 4), FARM_OK);
        cr_assert_eq(farm_idempotency_release(session, first), FARM_OK);
        farm_idempotency_free(first);

        begin_without(&attempt, i);

        farm_idempotency *again =
            attempt.status == FARM_OK ? attempt.claim : begin(attempt.key, "one");
        cr_assert_eq(farm_idempotency_outcome(again), FARM_IDEMPOTENCY_EXECUTE);
        cr_assert_eq(farm_idempotency_step(again), 4);
        cr_assert_arr_eq(farm_idempotency_data(again, NULL), "paid", 4);
        farm_idempotency_free(again);
    }
}
