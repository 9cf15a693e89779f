/* Many threads come with one key at a time, in transactions that found an entity; every
 * third attempt to execute is rolled back. Whatever the order, each key is executed by one
 * committed transaction and all others are given its answer.
 *
 *     idempotency_one_key [--broken] [URI [OWNER_URI]]
 *
 * It fails when the store holds more or fewer entities than keys, or an answer that is not the
 * executor's. A claim made by a read and a later write would let two threads find no row and both
 * execute. --broken gives each thread a key of its own. */
#include "stress.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { THREAD_COUNT = 8, KEY_COUNT = 60, TRY_COUNT = 200 };

static atomic_int attempts;

static int is_busy(farm_status status) {
    return status == FARM_EAGAIN || status == FARM_ETIMEOUT;
}

/* The answer names the executor, so that a replay can be compared with it. */
static farm_status work(farm_session *session, farm_idempotency *claim, int key, int thread) {
    char entity[64];
    const int attempt = atomic_fetch_add(&attempts, 1);
    snprintf(entity, sizeof entity, "key-%d-%d-%d", key, thread, attempt);
    farm_status status = farm_role_found(session, entity, "owner");
    if (status == FARM_OK)
        status = farm_idempotency_finish(session, claim, key, entity, strlen(entity));
    if (status == FARM_OK && attempt % 3 == 2) {
        farm_rollback(session);
        return FARM_EAGAIN;
    }
    return status == FARM_OK ? farm_commit(session) : status;
}

/* One try; FARM_EAGAIN: come again. */
static farm_status try_key(farm_session *session, int key, int thread) {
    char name[32];
    snprintf(name, sizeof name, "key-%d-%d", key, stress_is_broken ? thread : 0);
    farm_idempotency *claim = NULL;
    farm_status status = farm_begin(session);
    if (status == FARM_OK)
        status = farm_idempotency_begin(session, "ann", name, "POST /shops", &key, sizeof key, NULL,
                                        &claim);
    const int32_t outcome = farm_idempotency_outcome(claim);
    if (status == FARM_OK && outcome == FARM_IDEMPOTENCY_EXECUTE)
        status = work(session, claim, key, thread);
    else if (status == FARM_OK && outcome == FARM_IDEMPOTENCY_REPLAY &&
             farm_idempotency_code(claim) != key)
        stress_fail("key %d: the answer is not the executor's", key);
    else if (status == FARM_OK && outcome == FARM_IDEMPOTENCY_MISMATCH)
        stress_fail("key %d: the outcome is MISMATCH for the same request", key);
    else if (status == FARM_OK && outcome == FARM_IDEMPOTENCY_IN_PROGRESS)
        status = FARM_EAGAIN;
    farm_idempotency_free(claim);
    if (status != FARM_OK && !is_busy(status)) stress_require(session, name, status);
    farm_rollback(session);
    return status;
}

static void run_thread(int thread) {
    farm_session *session = test_store_acquire();
    for (int key = 0; key < KEY_COUNT; key++) {
        farm_status status = FARM_EAGAIN;
        stress_meet();
        for (int i = 0; i < TRY_COUNT && is_busy(status); i++)
            status = try_key(session, key, thread);
        if (status != FARM_OK)
            stress_fail("key %d: %s: it never came to an end", key, farm_status_name(status));
    }
    test_store_release(session);
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, THREAD_COUNT);

    stress_run(THREAD_COUNT, run_thread);

    farm_session *session = test_store_acquire();
    const int64_t found = test_store_number(session, "SELECT COUNT(*) FROM {farm_role_entity}");
    test_store_release(session);
    if (found != KEY_COUNT)
        stress_fail("%lld executions were committed for %d keys", (long long)found, KEY_COUNT);
    printf("%d keys, %d threads, %d attempts\n", KEY_COUNT, THREAD_COUNT, atomic_load(&attempts));
    return stress_close();
}
