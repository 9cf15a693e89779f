/* An operation takes effect, its answer is lost, and before the library asks again another caller
 * takes away what allowed it: the repeat is refused, and yet the outcome is uncertain, not a
 * refusal.
 *
 * Threads: one */
#include "backend/decorator_hooks.h"
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <stdlib.h>

static farm_session *other;
static int is_armed;

static farm_status interfere(decorator_event *event, farm_status status) {
    if (!is_armed || !event->is_committing || status != FARM_OK) return status;
    is_armed = 0;
    if (farm_role_revoke(other, "shop", "ann", FARM_ROLE_OWNER) != FARM_OK) {
        fprintf(stderr, "revoke: %s\n", farm_session_error_text(other));
        abort();
    }
    return FARM_EUNCERTAIN;
}

static const decorator_kind interfering = {
    .prefix = "interfering", .after = interfere, .text = "an answer that a test lost"};

static int check(int is_true, const char *what, farm_session *session) {
    if (!is_true) fprintf(stderr, "not ok: %s: %s\n", what, farm_session_error_text(session));
    return !is_true;
}

int main(void) {
    farm_pool *pool = NULL;
    farm_session *session = NULL;
    if (decorator_register(&interfering, "sqlite") == NULL || farm_pool_new(&pool) != FARM_OK ||
        farm_pool_open(pool, "interfering+sqlite::memory:", NULL, NULL) != FARM_OK ||
        farm_pool_acquire(pool, 0, NULL, &session) != FARM_OK ||
        farm_pool_acquire(pool, 0, NULL, &other) != FARM_OK || farm_migrate(session) != FARM_OK)
        return EXIT_FAILURE;
    farm_session_set_service(session);
    farm_session_set_service(other);
    int failed = check(farm_role_found(session, "shop", "ann") == FARM_OK &&
                           farm_role_grant(session, "shop", "bob", FARM_ROLE_OWNER, 0) == FARM_OK,
                       "prepare", session);
    farm_session_set_actor(session, "ann");

    is_armed = 1;
    farm_status status = farm_role_grant(session, "shop", "cem", FARM_ROLE_MEMBER, 0);

    failed += check(!is_armed, "nothing was committed", session);
    failed += check(status == FARM_EUNCERTAIN, "it was not called uncertain", session);
    farm_session_set_actor(session, "cem");
    failed += check(farm_role_check(session, "shop", FARM_ROLE_WRITE) == FARM_OK,
                    "the grant took no effect", session);
    farm_pool_release(pool, session);
    farm_pool_release(pool, other);
    farm_pool_free(pool);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
