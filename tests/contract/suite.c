/* The session of a suite's tests. */
#include "suite.h"
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>

enum { LOOKS_MAX = 5000, LOOK_MS = 1 };

farm_session *session;

void open_session(void) {
    session = contract_open();
}

void close_session(void) {
    contract_close(session);
}

void act_as(const char *actor) {
    cr_assert_eq(farm_session_set_actor(session, actor), FARM_OK);
}

void act_as_service(void) {
    cr_assert_eq(farm_session_set_service(session), FARM_OK);
}

void set_clock(int64_t after_us) {
    cr_assert_eq(farm_session_set_clock_us(session, CONTRACT_NOW_US + after_us), FARM_OK);
}

void await_waiting(farm_session *watcher) {
    for (int i = 0; i < LOOKS_MAX; i++) {
        if (!contract_is_postgres()) return;
        if (contract_number(watcher, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") > 0) return;
        poll(NULL, 0, LOOK_MS);
    }
}

void commit_beside(void *(*function)(void *context), void *context) {
    pthread_t thread;
    farm_session *watcher = contract_open_another();
    cr_assert_eq(pthread_create(&thread, NULL, function, context), 0);
    await_waiting(watcher);
    cr_assert_eq(farm_commit(session), FARM_OK);
    pthread_join(thread, NULL);
    contract_close_another(watcher);
}
