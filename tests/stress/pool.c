/* The pool under threads: bounded, fair enough that nobody starves, nothing lost.
 *
 *     pool [URI [OWNER_URI]] */
#include "stress.h"
#include <stdatomic.h>
#include <stdio.h>

enum { THREAD_COUNT = 16, ROUND_COUNT = 50, SESSION_COUNT = 4 };

static atomic_int inside;
static atomic_int most_inside;

static void note_inside(void) {
    int now = atomic_fetch_add(&inside, 1) + 1;
    int most = atomic_load(&most_inside);
    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now)) continue;
}

/* Work that the release rolls back when it is every fifth. */
static void work(farm_session *session, int thread, int turn) {
    char entity[32];
    snprintf(entity, sizeof entity, "e-%d-%d", thread, turn);
    farm_session_set_service(session);
    stress_require(session, "begin", farm_begin(session));
    stress_require(session, "found", farm_role_found(session, entity, "ana"));
    if (turn % 5 != 4) stress_require(session, "commit", farm_commit(session));
}

static void run_thread(int thread) {
    for (int turn = 0; turn < ROUND_COUNT; turn++) {
        farm_session *session = NULL;
        farm_error error = {.struct_size = sizeof error};
        if (farm_pool_acquire(test_store_pool(), 60 * 1000000, &error, &session) != FARM_OK) {
            stress_fail("acquire: %s", error.text);
            return;
        }
        note_inside();
        work(session, thread, turn);
        atomic_fetch_sub(&inside, 1);
        test_store_release(session);
    }
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, SESSION_COUNT);

    stress_run(THREAD_COUNT, run_thread);

    farm_session *session = test_store_acquire();
    const int64_t expected = THREAD_COUNT * (ROUND_COUNT - ROUND_COUNT / 5);
    const int64_t found = test_store_number(session, "SELECT COUNT(*) FROM {farm_role_entity}");
    const int most = atomic_load(&most_inside);
    test_store_release(session);
    if (found != expected) stress_fail("committed and rolled-back work does not add up");
    if (most > SESSION_COUNT) stress_fail("more sessions than allowed");
    printf("%lld rows, at most %d sessions at once\n", (long long)found, most);
    return stress_close();
}
