/* Somebody is made the first owner of an entity while he gives up a role there that he never had,
 * and, in another thread, the one that he is being given. The former is right before and after, and
 * so it is meanwhile; the latter is right before and refused after, and leaves an owner.
 *
 *     roles_found [--seed N] [URI [OWNER_URI]]
 *
 * It fails when he is told that there is no such entity, or that he may not: then the entity and
 * his roles in it were seen at two moments, and taken for one. And it fails when farm_verify()
 * finds an entity whose owner is gone. */
#include "stress.h"
#include <stdio.h>

enum { THREAD_COUNT = 4, ROUND_COUNT = 400 };

static void run_thread(int thread) {
    char entity[32];
    farm_session *session = test_store_acquire();
    for (int round = 0; round < ROUND_COUNT; round++) {
        snprintf(entity, sizeof entity, "shop-%d", round);
        stress_meet();
        if (thread == 0) {
            stress_require(session, "found", farm_role_found(session, entity, "ann"));
            continue;
        }
        const int32_t role = thread == 1 ? FARM_ROLE_OWNER : FARM_ROLE_VIEWER;
        farm_session_set_actor(session, "ann");
        const farm_status status = farm_role_revoke(session, entity, "ann", role);
        if (role == FARM_ROLE_VIEWER || status != FARM_EREFUSED)
            stress_require(session, "give up", status);
        farm_session_set_service(session);
    }
    test_store_release(session);
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, THREAD_COUNT);

    stress_run(THREAD_COUNT, run_thread);
    farm_session *session = test_store_acquire();
    stress_verify(session);
    test_store_release(session);

    printf("%d rounds, %d threads\n", ROUND_COUNT, THREAD_COUNT);
    return stress_close();
}
