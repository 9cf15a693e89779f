/* Every allocation fails in turn, whoever asks malloc() for it: libpq above all, and what it stands
 * on, but for the libraries of GSSAPI and TLS, the first of which does not survive it. The call
 * does all of it, or says that it has no memory, no connection, or that it does not know; nothing
 * is half done, and the repeat succeeds.
 *
 *     malloc URI [OWNER_URI]
 *
 * malloc() itself is replaced, so it needs glibc and no sanitizer, and is skipped elsewhere.
 * Stores: postgres */
#include "support/scenarios.h"
#include "support/test_store.h"
#include <stdio.h>
#include <stdlib.h>

enum { SKIPPED = 77, POINT_MAX = 20000, URI_SIZE = 1024 };

#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||        \
    defined(__clang__)

int main(int argument_count, char **arguments) {
    (void)argument_count;
    (void)arguments;
    return SKIPPED;
}

#else

#define NOW_US INT64_C(1767225600000000)
/* Where libpq has no memory for a message it waits for the rest of it. The library's time bounds
 * that; on a machine that is very busy it may also end a call that met no failure. */
#define ACT_US INT64_C(2000000)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *data, size_t size);

static _Thread_local long countdown = -1; /* the allocation to fail: 0 is the next; -1: none */
static int has_fired;

static int fails_now(void) {
    if (countdown < 0 || countdown-- > 0) return 0;
    has_fired = 1;
    return 1;
}

/* Visible, so that shared libraries find these before the C library's. */
#define REPLACES __attribute__((visibility("default")))

REPLACES void *malloc(size_t size) {
    return fails_now() ? NULL : __libc_malloc(size);
}

REPLACES void *calloc(size_t count, size_t size) {
    return fails_now() ? NULL : __libc_calloc(count, size);
}

REPLACES void *realloc(void *data, size_t size) {
    return fails_now() ? NULL : __libc_realloc(data, size);
}

static char uri[URI_SIZE];

static int fail(const fault_scenario *scenario, long point, farm_status status, const char *what,
                farm_session *session) {
    fprintf(stderr, "not ok: %s, allocation %ld, %s: %s: %s\n", scenario->name, point,
            farm_status_name(status), what, farm_session_error_text(session));
    return 0;
}

/* timeout_us 0: the default. */
static farm_status open_session(farm_session *session, const char *at, int64_t timeout_us) {
    const farm_session_options options = {.struct_size = sizeof options, .timeout_us = timeout_us};
    farm_status status = farm_session_open(session, at, &options);
    if (status == FARM_OK) status = farm_session_set_service(session);
    return status == FARM_OK ? farm_session_set_clock_us(session, NOW_US) : status;
}

static int is_as_said(const fault_scenario *scenario, farm_status status, int64_t answer) {
    if (status == FARM_EUNCERTAIN) return answer == scenario->most || answer == scenario->least;
    return answer == (status == FARM_OK ? scenario->most : scenario->least);
}

static int run_point(const fault_scenario *scenario, farm_session *witness, long point) {
    farm_session *session = NULL;
    scenario_clear(witness);
    if (farm_session_new(&session) != FARM_OK || scenario->prepare(witness) != FARM_OK)
        return fail(scenario, point, FARM_OK, "prepare", witness);
    has_fired = 0;
    countdown = point;
    farm_status status = open_session(session, uri, ACT_US);
    if (status == FARM_OK) status = scenario->act(session);
    farm_rollback(session);
    countdown = -1;

    int is_good = 1;
    int64_t answer = scenario_answer(witness, scenario);
    int is_known = status == FARM_OK || status == FARM_ENOMEM || status == FARM_EUNAVAILABLE ||
                   status == FARM_ETIMEOUT || status == FARM_EUNCERTAIN;
    if (!is_known || (status != FARM_OK && status != FARM_ETIMEOUT && !has_fired))
        is_good = fail(scenario, point, status, "that is not what happened", session);
    if (!is_as_said(scenario, status, answer))
        is_good = fail(scenario, point, status, "the rows say otherwise", session);
    farm_session_close(session);
    farm_status again = open_session(session, uri, 0);
    if (again == FARM_OK) again = scenario->act(session);
    int64_t most = scenario->most;
    if (answer == scenario->most && answer != scenario->least) most += scenario->repeat_adds;
    if (again != FARM_OK || scenario_answer(witness, scenario) != most)
        is_good = fail(scenario, point, again, "the repeat went wrong", session);
    farm_session_free(session);
    return is_good;
}

/* Opening a connection allocates often: the more came before, the more are passed over. */
static int storm(farm_session *witness, const fault_scenario *scenario, long *points) {
    int failed = 0;
    long point = 0;
    do {
        failed += !run_point(scenario, witness, point);
        point += 1 + point / 4;
        (*points)++;
    } while (has_fired && point < POINT_MAX);
    if (!scenario_is_sound(witness))
        failed += !fail(scenario, point, FARM_OK, "the store is not sound", witness);
    return failed;
}

int main(int argument_count, char **arguments) {
    if (argument_count < 2) return EXIT_FAILURE;
    test_store_open(arguments[1], argument_count > 2 ? arguments[2] : NULL, 2);
    snprintf(uri, sizeof uri, "%s&sslmode=disable&gssencmode=disable", test_store_uri());
    farm_session *witness = test_store_acquire();
    farm_session_set_clock_us(witness, NOW_US);
    int failed = 0;
    long points = 0;
    for (size_t i = 0; i < scenario_count; i++) failed += storm(witness, &scenarios[i], &points);
    test_store_release(witness);
    test_store_close();
    printf("%zu scenarios, %ld allocations failed in turn, %d went wrong\n", scenario_count, points,
           failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
