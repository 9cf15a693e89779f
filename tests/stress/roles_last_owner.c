/* Owners take each other's role away at once, by turns of an entity that has a third, and other
 * threads make the same person an owner and none, several times over. An entity always keeps an
 * owner, and its count is the count of its owners.
 *
 *     roles_last_owner [--broken] [URI [OWNER_URI]]
 *
 * It fails when a round leaves no owner, when both revocations succeed, or when farm_verify() finds
 * a wrong count. A revocation that counted the owners first and deleted one then would let both see
 * two and leave none; one that learned what its caller may do before it locked would take him for
 * an owner who is none any more; a grant that looked before it locked would count one owner twice.
 * --broken deletes the rows past the library. */
#include "stress.h"
#include <stdio.h>
#include <string.h>

enum { PAIR_COUNT = 2, CROWD_COUNT = 4, ROUND_COUNT = 150 };
enum { THREAD_COUNT = PAIR_COUNT + CROWD_COUNT };

static const char *const owners[PAIR_COUNT] = {"ann", "bob"};

/* The second has a third owner. */
enum { ENTITY_COUNT = 2 };
static const char *const entities[ENTITY_COUNT] = {"shop", "mart"};

static farm_status answers[PAIR_COUNT];

/* One of the pair: as one owner, take the other's role away. */
static farm_status take_away(farm_session *session, int self, const char *entity) {
    const char *other = owners[1 - self];
    if (stress_is_broken) {
        char text[128];
        snprintf(text, sizeof text,
                 "DELETE FROM {farm_role_grant} WHERE entity = '%s' AND subject = '%s'", entity,
                 other);
        return test_store_execute(session, text, NULL);
    }
    farm_session_set_actor(session, owners[self]);
    farm_status status = farm_role_revoke(session, entity, other, FARM_ROLE_OWNER);
    if (status != FARM_EREFUSED && status != FARM_EDENIED)
        stress_require(session, "revoke", status);
    farm_session_set_service(session);
    return status;
}

/* One of the crowd: make cem an owner of the hall, or none. */
static void join_crowd(farm_session *session, int thread, int round) {
    if ((thread + round) % 2 == 0)
        stress_require(session, "grant",
                       farm_role_grant(session, "hall", "cem", FARM_ROLE_OWNER, 0));
    else
        stress_require(session, "revoke",
                       farm_role_revoke(session, "hall", "cem", FARM_ROLE_OWNER));
}

static void check_round(farm_session *session, int round) {
    const int place = round % ENTITY_COUNT;
    char question[128];
    snprintf(question, sizeof question,
             "SELECT COUNT(*) FROM {farm_role_grant} WHERE entity = '%s' AND role = 1",
             entities[place]);
    const int64_t left = test_store_number(session, question);
    if (left != 1 + place) stress_fail("round %d: %lld owners are left", round, (long long)left);
    if (answers[0] == FARM_OK && answers[1] == FARM_OK)
        stress_fail("round %d: both took the other's role away", round);
    stress_verify(session);
    for (int i = 0; i < PAIR_COUNT; i++)
        stress_require(session, "grant again",
                       farm_role_grant(session, entities[place], owners[i], FARM_ROLE_OWNER, 0));
}

static void run_thread(int thread) {
    farm_session *session = test_store_acquire();
    for (int round = 0; round < ROUND_COUNT; round++) {
        stress_meet();
        if (thread < PAIR_COUNT)
            answers[thread] = take_away(session, thread, entities[round % ENTITY_COUNT]);
        else
            join_crowd(session, thread, round);
        stress_meet();
        if (thread == 0) check_round(session, round);
    }
    test_store_release(session);
}

static void found(void) {
    farm_session *session = test_store_acquire();
    for (int i = 0; i < ENTITY_COUNT; i++) {
        stress_require(session, "found", farm_role_found(session, entities[i], owners[0]));
        stress_require(session, "grant",
                       farm_role_grant(session, entities[i], owners[1], FARM_ROLE_OWNER, 0));
    }
    stress_require(session, "grant", farm_role_grant(session, "mart", "eva", FARM_ROLE_OWNER, 0));
    stress_require(session, "found", farm_role_found(session, "hall", "ann"));
    test_store_release(session);
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, THREAD_COUNT);
    found();

    stress_run(THREAD_COUNT, run_thread);

    printf("%d rounds, %d threads\n", ROUND_COUNT, THREAD_COUNT);
    return stress_close();
}
