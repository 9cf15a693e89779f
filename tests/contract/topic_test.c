/* Signals and waits on every store: nothing that was signalled is missed, whenever it came. What
 * waits, waits without limit or far longer than anything here takes; a missed signal is a wait that
 * answers nobody. */
#include "contract.h"
#include <criterion/criterion.h>
#include <farmcore/backend.h>
#include <farmcore/pool.h>
#include <farmcore/topic.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Less than the time after which a wait looks by itself, so that it does not hide a miss. */
enum { GENEROUS_US = 20 * 1000000, ROUND_COUNT = 40, WAITER_COUNT = 12 };

static farm_session *session;

static void set_up(void) {
    session = contract_open();
}

static void tear_down(void) {
    contract_close(session);
}

TestSuite(topic, .init = set_up, .fini = tear_down, .timeout = 60);

static farm_topic topic_of(const char *owner, const char *name, int64_t seen) {
    return (farm_topic){
        .struct_size = sizeof(farm_topic), .owner = owner, .topic = name, .seen = seen};
}

static void tell_in(farm_session *given, const char *owner, const char *name) {
    const farm_topic topic = topic_of(owner, name, 0);
    cr_assert_eq(farm_signal(given, &topic, 1), FARM_OK, "%s", farm_session_error_text(given));
}

static void tell(const char *owner, const char *name) {
    tell_in(session, owner, name);
}

/* The version that is there now. */
static int64_t version_of(const char *owner, const char *name) {
    const farm_topic topic = topic_of(owner, name, 0);
    farm_topic_version version = 0;
    size_t count = 0;
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_wait(contract_pool(), &topic, 1, &version, 0, &error, &count), FARM_OK, "%s",
                 error.text);
    cr_assert_eq(count, 1); /* 0 was seen, and is no version */
    cr_assert_neq(version, 0);
    return version;
}

/* Whether it has another version than that within the time; the new one is put in its place. */
static int is_changed(const char *owner, const char *name, int64_t *seen, int64_t timeout_us) {
    const farm_topic topic = topic_of(owner, name, *seen);
    farm_error error = {.struct_size = sizeof error};
    farm_topic_version version = 0;
    size_t count = 9;
    farm_status status =
        farm_wait(contract_pool(), &topic, 1, &version, timeout_us, &error, &count);
    cr_assert_eq(status, FARM_OK, "%s", error.text);
    cr_assert_eq(count, version != *seen);
    *seen = version;
    return count == 1;
}

Test(topic, a_signal_before_the_wait_is_found_at_once) {
    int64_t seen = version_of("ana", "inbox");
    cr_assert_not(is_changed("ana", "inbox", &seen, 0));

    tell("ana", "inbox");

    cr_assert(is_changed("ana", "inbox", &seen, 0));
    cr_assert_not(is_changed("ana", "inbox", &seen, 0));
}

Test(topic, a_signal_between_two_waits_is_found_by_the_second) {
    int64_t seen = version_of("ana", "inbox");
    for (int i = 0; i < 5; i++) {
        cr_assert_not(is_changed("ana", "inbox", &seen, 1000));
        tell("ana", "inbox");
        cr_assert(is_changed("ana", "inbox", &seen, GENEROUS_US));
    }
}

/* Somebody who waits in a thread, the rounds in which he is answered, and what went wrong. */
typedef struct waiting {
    const char *owner;
    const char *name;
    atomic_int answered_count;
    farm_error error;
    atomic_int is_missed;
} waiting;

static void *wait_in_rounds(void *context) {
    waiting *self = context;
    int64_t seen = 0;
    self->error.struct_size = sizeof self->error;
    for (int i = 0; i <= ROUND_COUNT; i++) {
        const farm_topic topic = topic_of(self->owner, self->name, seen);
        size_t count = 0;
        farm_status status =
            farm_wait(contract_pool(), &topic, 1, &seen, GENEROUS_US, &self->error, &count);
        const int is_missed = status != FARM_OK || count != 1;
        atomic_store(&self->is_missed, is_missed);
        atomic_fetch_add(&self->answered_count, 1);
        if (is_missed) break;
    }
    return NULL;
}

static void await_answer(waiting *self, int count) {
    while (atomic_load(&self->answered_count) < count) (void)poll(NULL, 0, 1);
    if (atomic_load(&self->is_missed)) cr_assert_fail("%s: %s", self->name, self->error.text);
}

Test(topic, a_signal_at_whatever_moment_of_a_wait_is_never_missed) {
    waiting self = {.owner = "ana", .name = "inbox"};
    farm_session *other = contract_open_another();
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, wait_in_rounds, &self), 0);

    /* The first answer comes by itself; each other to the signal that follows the one before, which
     * falls before, into or after the beginning of the next wait. */
    for (int i = 1; i <= ROUND_COUNT; i++) {
        await_answer(&self, i);
        if (i % 3 == 0) (void)poll(NULL, 0, i % 7);
        tell_in(other, "ana", "inbox");
    }

    await_answer(&self, ROUND_COUNT + 1);
    pthread_join(thread, NULL);
    contract_close_another(other);
}

Test(topic, many_wait_at_once_and_each_is_told_of_his_own) {
    waiting selves[WAITER_COUNT];
    char names[WAITER_COUNT][16];
    pthread_t threads[WAITER_COUNT];
    farm_session *other = contract_open_another();
    for (int i = 0; i < WAITER_COUNT; i++) {
        snprintf(names[i], sizeof names[i], "t-%d", i);
        selves[i] = (waiting){.owner = "ana", .name = names[i]};
        cr_assert_eq(pthread_create(&threads[i], NULL, wait_in_rounds, &selves[i]), 0);
    }

    for (int i = 1; i <= ROUND_COUNT; i++) {
        for (int j = 0; j < WAITER_COUNT; j++) {
            await_answer(&selves[j], i);
            tell_in(other, "ana", names[j]);
        }
    }

    for (int i = 0; i < WAITER_COUNT; i++) {
        await_answer(&selves[i], ROUND_COUNT + 1);
        pthread_join(threads[i], NULL);
    }
    contract_close_another(other);
}

Test(topic, one_of_several_wakes_and_the_others_keep_their_versions) {
    farm_topic topics[] = {topic_of("ana", "a", version_of("ana", "a")),
                           topic_of("ben", "a", version_of("ben", "a")),
                           topic_of("ana", "b", version_of("ana", "b"))};
    farm_topic_version versions[3] = {0};
    size_t count = 0;
    tell("ben", "a");

    cr_assert_eq(farm_wait(contract_pool(), topics, 3, versions, -1, NULL, &count), FARM_OK);

    cr_assert_eq(count, 1);
    cr_assert_eq(versions[0], topics[0].seen);
    cr_assert_neq(versions[1], topics[1].seen);
    cr_assert_eq(versions[2], topics[2].seen);
}

Test(topic, a_signal_is_part_of_the_transaction) {
    int64_t seen = version_of("ana", "inbox");
    farm_session *other = contract_open_another();
    cr_assert_eq(farm_begin(other), FARM_OK);
    tell_in(other, "ana", "inbox");
    if (!contract_is_memory()) /* in memory readers wait for the writer */
        cr_assert_not(is_changed("ana", "inbox", &seen, 0));
    farm_rollback(other);
    cr_assert_not(is_changed("ana", "inbox", &seen, 0));

    cr_assert_eq(farm_begin(other), FARM_OK);
    tell_in(other, "ana", "inbox");
    tell_in(other, "ana", "inbox");
    cr_assert_eq(farm_commit(other), FARM_OK);

    cr_assert(is_changed("ana", "inbox", &seen, GENEROUS_US));
    contract_close_another(other);
}

Test(topic, transactions_that_signal_the_same_topics_do_not_wait_for_each_other) {
    if (!contract_is_postgres()) return; /* SQLite has one writer at a time */
    tell("ana", "a");
    tell("ana", "b");
    int64_t seen_a = version_of("ana", "a");
    int64_t seen_b = version_of("ana", "b");
    farm_session *first = contract_open_another();
    farm_session *second = contract_open_another();
    cr_assert_eq(farm_begin(first), FARM_OK);
    cr_assert_eq(farm_begin(second), FARM_OK);

    /* In opposite orders: with locks that one waits for, a circle. */
    tell_in(first, "ana", "a");
    tell_in(second, "ana", "b");
    tell_in(first, "ana", "b");
    tell_in(second, "ana", "a");

    cr_assert_eq(farm_commit(first), FARM_OK);
    cr_assert(is_changed("ana", "a", &seen_a, 0));
    cr_assert(is_changed("ana", "b", &seen_b, 0));
    cr_assert_eq(farm_commit(second), FARM_OK);
    cr_assert(is_changed("ana", "a", &seen_a, 0));
    cr_assert(is_changed("ana", "b", &seen_b, 0));
    contract_close_another(first);
    contract_close_another(second);
    for (int i = 0; i < 10; i++) tell("ana", "a");
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_topic}"), 4);
}

Test(topic, another_process_is_heard) {
    /* SQLite does not survive a fork; tests/stress/topics.c starts its processes first. */
    if (!contract_is_postgres()) return;
    int64_t seen = version_of("ana", "inbox");
    pid_t child = fork();
    if (child == 0) {
        farm_session *own = NULL;
        const farm_topic topic = topic_of("ana", "inbox", 0);
        const int is_told = farm_session_new(&own) == FARM_OK &&
                            farm_session_open(own, contract_uri(), NULL) == FARM_OK &&
                            farm_session_set_service(own) == FARM_OK &&
                            farm_signal(own, &topic, 1) == FARM_OK;
        farm_session_free(own);
        _exit(is_told ? 7 : 1);
    }

    cr_assert(is_changed("ana", "inbox", &seen, GENEROUS_US));

    int result = 0;
    cr_assert_eq(waitpid(child, &result, 0), child);
    cr_assert(WIFEXITED(result) && WEXITSTATUS(result) == 7);
}

static void *wait_for_change(void *context) {
    int64_t *seen = context;
    const farm_topic topic = topic_of("ana", "inbox", *seen);
    farm_error error = {.struct_size = sizeof error};
    size_t count = 0;
    farm_status status = farm_wait(contract_pool(), &topic, 1, seen, GENEROUS_US, &error, &count);
    return (void *)(intptr_t)(status == FARM_OK ? count == 1 : status == FARM_EUNAVAILABLE);
}

/* It listens anew, and has to look at what came while it did not. What a pooler's connection did
 * last does not say who is using it now, so there the wrong one could be ended. */
Test(topic, a_signal_is_heard_that_came_with_the_end_of_the_connection) {
    if (!contract_is_postgres() || contract_is_pooled()) return;
    for (int i = 0; i < 5; i++) {
        int64_t seen = version_of("ana", "inbox");
        pthread_t thread;
        void *is_heard = NULL;
        cr_assert_eq(pthread_create(&thread, NULL, wait_for_change, &seen), 0);
        (void)poll(NULL, 0, 20);

        cr_assert_eq(farm_begin(session), FARM_OK);
        tell("ana", "inbox");
        cr_assert_geq(contract_number(session, "SELECT COUNT(pg_terminate_backend(pid)) "
                                               "FROM pg_stat_activity WHERE query LIKE "
                                               "'%%{farm_topic}%%' AND pid <> pg_backend_pid()"),
                      0);
        cr_assert_eq(farm_commit(session), FARM_OK);

        pthread_join(thread, &is_heard);
        cr_assert_not_null(is_heard);
    }
}

Test(topic, only_the_owner_and_the_service_signal) {
    const farm_topic topics[] = {topic_of("ana", "inbox", 0), topic_of("ben", "inbox", 0)};
    int64_t seen = version_of("ana", "inbox");
    farm_session_set_actor(session, "ana");
    cr_assert_eq(farm_signal(session, topics, 1), FARM_OK);
    cr_assert(is_changed("ana", "inbox", &seen, GENEROUS_US));

    cr_assert_eq(farm_signal(session, topics, 2), FARM_EDENIED);
    farm_session_set_actor(session, NULL);
    cr_assert_eq(farm_signal(session, topics, 1), FARM_EDENIED);

    cr_assert_not(is_changed("ana", "inbox", &seen, 0));
}

static void *wait_for_ever(void *context) {
    const farm_topic topic = topic_of("ana", "inbox", *(const int64_t *)context);
    farm_topic_version version = 0;
    size_t count = 0;
    farm_error error = {.struct_size = sizeof error};
    farm_status status = farm_wait(contract_pool(), &topic, 1, &version, -1, &error, &count);
    return (void *)(intptr_t)(status == FARM_EINVAL &&
                              strcmp(error.text, "the pool is not open") == 0);
}

Test(topic, closing_the_pool_sends_all_away_who_wait) {
    pthread_t threads[3];
    int64_t seen = version_of("ana", "inbox");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, wait_for_ever, &seen), 0);
    if (seen % 2 == 0) (void)poll(NULL, 0, 5);

    farm_pool_close(contract_pool());

    for (int i = 0; i < 3; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        cr_assert_not_null(result);
    }
}

/* What stands behind such a struct is not part of it. */
Test(topic, who_has_an_older_header_has_seen_nothing) {
    struct {
        uint32_t struct_size;
        uint32_t reserved;
        const char *owner;
        const char *topic;
        int64_t behind;
    } item = {offsetof(farm_topic, seen), 0, "ana", "inbox", version_of("ana", "inbox")};
    farm_topic_version version = 0;
    size_t count = 0;

    cr_assert_eq(farm_wait(contract_pool(), (const farm_topic *)(const void *)&item, 1, &version, 0,
                           NULL, &count),
                 FARM_OK);

    cr_assert_eq(version, item.behind);
    cr_assert_eq(count, 1);
}

Test(topic, misuse_is_a_sentence) {
    farm_topic topic = topic_of("ana", "inbox", 0);
    farm_topic_version version = 0;
    size_t count = 0;
    farm_pool *pool = contract_pool();
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_wait(NULL, &topic, 1, &version, 0, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_wait(pool, NULL, 1, &version, 0, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_wait(pool, &topic, 0, &version, 0, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_wait(pool, &topic, 101, &version, 0, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_wait(pool, &topic, 1, NULL, 0, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_wait(pool, &topic, 1, &version, -2, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_wait(pool, &topic, 1, &version, 0, &error, NULL), FARM_EINVAL);
    cr_assert_eq(farm_signal(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_signal(session, &topic, 0), FARM_EINVAL);
    cr_assert_eq(farm_signal(session, &topic, 101), FARM_EINVAL);
    topic.topic = "";
    cr_assert_eq(farm_wait(pool, &topic, 1, &version, 0, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_signal(session, &topic, 1), FARM_EINVAL);
    topic.topic = "\xff";
    cr_assert_eq(farm_wait(pool, &topic, 1, &version, 0, &error, &count), FARM_EINVAL);
    topic = topic_of(NULL, "inbox", 0);
    cr_assert_eq(farm_wait(pool, &topic, 1, &version, 0, &error, &count), FARM_EINVAL);
    topic = topic_of("ana", "inbox", 0);
    topic.struct_size = 3;
    cr_assert_eq(farm_wait(pool, &topic, 1, &version, 0, &error, &count), FARM_EINVAL);
    cr_assert_eq(farm_signal(session, &topic, 1), FARM_EINVAL);
    cr_assert_eq(version, 0);
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_topic}"), 0);
}

Test(topic, housekeeping_forgets_what_nobody_signals_any_more) {
    const int64_t day_us = INT64_C(86400000000);
    farm_maintenance done = {.struct_size = sizeof done};
    tell("ana", "old");
    farm_session_set_clock_us(session, CONTRACT_NOW_US + 29 * day_us);
    tell("ana", "new");
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_topic}"), 2);
    int64_t seen = version_of("ana", "old");

    farm_session_set_clock_us(session, CONTRACT_NOW_US + 32 * day_us);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);

    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_topic}"), 1);
    cr_assert(is_changed("ana", "old", &seen, 0)); /* for no reason, which is allowed */
    tell("ana", "old");
    cr_assert(is_changed("ana", "old", &seen, 0));
}

Test(topic, a_store_that_polls_hears_as_well) {
    char uri[1200];
    farm_pool *pool = NULL;
    farm_session *own = NULL;
    const char *given = contract_uri();
    snprintf(uri, sizeof uri, "%s%ctopics=poll", given, strchr(given, '?') == NULL ? '?' : '&');
    cr_assert_eq(farm_pool_new(&pool), FARM_OK);
    cr_assert_eq(farm_pool_open(pool, uri, NULL, NULL), FARM_OK);
    cr_assert_eq(farm_pool_acquire(pool, 0, NULL, &own), FARM_OK);
    if (contract_is_memory()) cr_assert_eq(farm_migrate(own), FARM_OK);
    farm_session_set_service(own);
    farm_topic topic = topic_of("ana", "inbox", 0);
    size_t count = 0;

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(farm_wait(pool, &topic, 1, &topic.seen, GENEROUS_US, NULL, &count), FARM_OK);
        cr_assert_eq(count, 1);
        tell_in(own, "ana", "inbox");
    }

    farm_pool_release(pool, own);
    farm_pool_free(pool);
}
