/* The pool where it meets its own closing. That it is bounded, fair and thread-safe is in
 * tests/stress/pool.c. */
#include "contract.h"
#include <criterion/criterion.h>
#include <farmcore/backend.h>
#include <farmcore/pool.h>

static farm_pool *pool;

static void tear_down(void) {
    farm_pool_free(pool);
}

TestSuite(pool, .fini = tear_down, .timeout = 60);

static void open_pool(const char *uri, const farm_pool_options *options) {
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_pool_new(&pool), FARM_OK);
    cr_assert_eq(farm_pool_open(pool, uri, options, &error), FARM_OK, "%s", error.text);
}

Test(pool, a_closed_pool_is_not_opened_again) {
    farm_error error = {.struct_size = sizeof error};
    farm_session *out = NULL;
    open_pool("sqlite::memory:", NULL);
    cr_assert_eq(farm_pool_acquire(pool, 0, &error, &out), FARM_OK);
    cr_assert_eq(farm_pool_open(pool, "sqlite::memory:", NULL, &error), FARM_EINVAL);
    cr_assert_str_eq(error.text, "the pool is open already");

    farm_pool_close(pool);

    cr_assert_eq(farm_pool_open(pool, "sqlite::memory:", NULL, &error), FARM_EINVAL);
    cr_assert_str_eq(error.text, "the pool was closed, and is not opened again: make a new one");
    cr_assert_eq(farm_migrate(out), FARM_OK); /* it is good until it is released */
    farm_pool_release(pool, out);
    cr_assert_eq(farm_pool_acquire(pool, 0, &error, &out), FARM_EINVAL);
}

Test(pool, an_opening_that_failed_may_be_tried_again) {
    farm_error error = {.struct_size = sizeof error};
    farm_session *out = NULL;
    cr_assert_eq(farm_pool_new(&pool), FARM_OK);
    cr_assert_eq(farm_pool_open(pool, "nowhere:", NULL, &error), FARM_EUNSUPPORTED);
    cr_assert_eq(farm_pool_open(pool, "sqlite:/nowhere/at/all.db", NULL, &error),
                 FARM_EUNAVAILABLE);

    cr_assert_eq(farm_pool_open(pool, "sqlite::memory:", NULL, &error), FARM_OK);

    cr_assert_eq(farm_pool_acquire(pool, 0, &error, &out), FARM_OK);
    farm_pool_release(pool, out);
}

/* A store that answers the check of an idle session by having the pool closed, and fails it, so
 * that the pool goes on to open another: as if another thread had closed it just then. */
static farm_backend closing;
static const farm_backend *inner;

static farm_status run_and_close(farm_connection *connection, farm_call *calls, size_t count,
                                 uint32_t flags, farm_fault *fault) {
    (void)connection, (void)calls, (void)count, (void)flags;
    farm_pool_close(pool);
    fault->status = FARM_EUNAVAILABLE;
    return FARM_EUNAVAILABLE;
}

Test(pool, closing_while_a_session_is_being_made_ready_is_safe) {
    const farm_pool_options options = {.struct_size = sizeof options, .idle_us = 1};
    farm_error error = {.struct_size = sizeof error};
    farm_session *out = NULL;
    inner = farm_backend_find("sqlite");
    closing = *inner;
    closing.scheme = "closing";
    closing.run = run_and_close;
    cr_assert_eq(farm_backend_register(&closing), FARM_OK);
    open_pool("closing::memory:", &options);
    const int64_t opened_us = farm_session_now_us(NULL);
    while (farm_session_now_us(NULL) < opened_us + 1000) continue;

    farm_status status = farm_pool_acquire(pool, 0, &error, &out);

    cr_assert_eq(status, FARM_OK, "%s", error.text); /* it came before the closing */
    farm_pool_release(pool, out);
    cr_assert_eq(farm_pool_acquire(pool, 0, &error, &out), FARM_EINVAL);
}
