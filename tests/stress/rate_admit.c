/* Many threads take from the same limits while the clock stands still. Whatever the order, exactly
 * the burst is admitted; several limits are taken all or none; and of many repeats of one refund,
 * one gives back.
 *
 *     rate_admit [--broken] [--seed N] [URI [OWNER_URI]]
 *
 * Four parts: one hot bucket; three shared limits of which each call takes a random choice in a
 * random order, so that what is left of each must be its burst less what was admitted; refunds; and
 * takes that are rolled back. --broken takes by a peek and then a take of its own bucket, as one
 * would who reads and then writes, and refunds with a new token each time. */
#include "stress.h"
#include <stdatomic.h>
#include <stdio.h>

enum { THREAD_COUNT = 8, CALL_COUNT = 250, LIMIT_COUNT = 3, BURST = 500 };

#define NOW_US INT64_C(1767225600000000)
#define DAY_US (INT64_C(86400) * 1000000)

static const char *const names[LIMIT_COUNT] = {"first", "second", "third"};
static const int64_t bursts[LIMIT_COUNT] = {BURST, BURST / 2, BURST * 2};

static atomic_llong admitted[LIMIT_COUNT]; /* tokens */
static farm_id token;

typedef struct part {
    const char *name;
    /* One call with a thread's session and random numbers; own: a subject that no other uses. */
    void (*call)(farm_session *session, unsigned *random, char *own);
    const char *subject;
    int limit_count;
    int fills; /* so many calls must use up the first limit */
} part;

static const part *current;

static farm_session *acquire(void) {
    farm_session *session = test_store_acquire();
    farm_session_set_clock_us(session, NOW_US);
    return session;
}

static void require(farm_session *session, farm_status status) {
    stress_require(session, current->name, status);
}

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

/* A correct call is one take. A broken one asks first and then takes whatever it was told, from a
 * subject of its own, as if the write were unconditional. */
static int take(farm_session *session, farm_rate_request *items, size_t count, char *own) {
    farm_rate_state states[LIMIT_COUNT];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    for (size_t i = 0; i < count; i++) states[i].struct_size = sizeof states[i];
    farm_status status;
    if (stress_is_broken) {
        status = farm_rate_peek(session, items, count, states, &decision);
        const int allowed = decision.allowed;
        for (size_t i = 0; i < count && allowed; i++) items[i].subject = own;
        if (status == FARM_OK && allowed)
            status = farm_rate_take(session, items, count, states, &decision);
    } else {
        status = farm_rate_take(session, items, count, states, &decision);
    }
    if (status == FARM_EAGAIN) return 0;
    require(session, status);
    if (status != FARM_OK) return 0;
    if (!decision.allowed && decision.retry_after_us <= 0)
        stress_fail("%s: a refusal has no time to wait", current->name);
    return decision.allowed;
}

static void call_hot(farm_session *session, unsigned *random, char *own) {
    (void)random;
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[0], .subject = "hot", .cost = 1};
    if (take(session, &item, 1, own)) atomic_fetch_add(&admitted[0], 1);
}

static void call_several(farm_session *session, unsigned *random, char *own) {
    farm_rate_request items[LIMIT_COUNT];
    size_t chosen[LIMIT_COUNT];
    size_t count = 0;
    const unsigned first = next_random(random) % LIMIT_COUNT;
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        if (i > 0 && next_random(random) % 3 == 0) continue;
        chosen[count] = (first + i) % LIMIT_COUNT;
        items[count] = (farm_rate_request){.struct_size = sizeof items[0],
                                           .limit = names[chosen[count]],
                                           .subject = "several",
                                           .cost = next_random(random) % 3 + 1};
        count++;
    }
    if (!take(session, items, count, own)) return;
    for (size_t i = 0; i < count; i++) atomic_fetch_add(&admitted[chosen[i]], items[i].cost);
}

static void call_refund(farm_session *session, unsigned *random, char *own) {
    (void)random;
    (void)own;
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[0], .subject = "refund", .cost = 7};
    farm_id used = token;
    if (stress_is_broken) farm_id_new(session, &used);
    farm_status status = farm_rate_refund(session, &used, &item, 1);
    if (status != FARM_EAGAIN) require(session, status);
}

static void call_rolled_back(farm_session *session, unsigned *random, char *own) {
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[0], .subject = "rollback", .cost = 1};
    farm_status status = farm_begin(session);
    if (status == FARM_EAGAIN) return;
    require(session, status);
    if (status != FARM_OK) return;
    const int allowed = take(session, &item, 1, own);
    if (next_random(random) % 3 != 0 && farm_commit(session) == FARM_OK) {
        if (allowed) atomic_fetch_add(&admitted[0], 1);
        return;
    }
    farm_rollback(session);
}

static const part parts[] = {
    {"one hot bucket", call_hot, "hot", 1, 1},
    {"several limits", call_several, "several", LIMIT_COUNT, 0},
    {"one refund", call_refund, "refund", 1, 0},
    {"takes rolled back", call_rolled_back, "rollback", 1, 1},
};

static void run_thread(int thread) {
    char own[32];
    unsigned random = stress_seed * 7919U + (unsigned)thread;
    snprintf(own, sizeof own, "own-%d", thread);
    farm_session *session = acquire();
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) current->call(session, &random, own);
    test_store_release(session);
}

static int64_t left_of(farm_session *session, size_t limit, const char *subject) {
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[limit], .subject = subject};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    require(session, farm_rate_peek(session, &item, 1, &state, &decision));
    return state.remaining;
}

/* 100 are taken, of which 7 are to be given back once. */
static void take_for_refund(farm_session *session) {
    farm_rate_request item = {
        .struct_size = sizeof item, .limit = names[0], .subject = "refund", .cost = 100};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    require(session, farm_rate_take(session, &item, 1, &state, &decision));
    token = decision.token;
    atomic_store(&admitted[0], 93);
}

static void check_part(farm_session *session) {
    for (size_t i = 0; i < LIMIT_COUNT; i++) atomic_store(&admitted[i], 0);
    if (current->call == call_refund) take_for_refund(session);

    stress_run(THREAD_COUNT, run_thread);

    for (int i = 0; i < current->limit_count; i++) {
        char text[96];
        const long long taken = atomic_load(&admitted[i]);
        const long long left = left_of(session, (size_t)i, current->subject);
        snprintf(text, sizeof text, "%s, %s: %lld admitted, %lld of %lld left", current->name,
                 names[i], taken, left, (long long)bursts[i]);
        puts(text);
        if (taken + left != bursts[i] || taken > bursts[i]) stress_fail("%s", text);
    }
    if (current->fills && atomic_load(&admitted[0]) != BURST)
        stress_fail("%s: %s is not admitted to exactly its burst", current->name, names[0]);
}

static void define(farm_session *session) {
    farm_rate_limit limits[LIMIT_COUNT];
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        limits[i] = (farm_rate_limit){.struct_size = sizeof limits[0],
                                      .name = names[i],
                                      .burst = bursts[i],
                                      .count = 1,
                                      .period_us = DAY_US};
    stress_require(session, "define", farm_rate_define(session, limits, LIMIT_COUNT));
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, THREAD_COUNT + 1);
    printf("seed %u\n", stress_seed);
    farm_session *session = acquire();
    define(session);

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        current = &parts[i];
        check_part(session);
    }

    test_store_release(session);
    return stress_close();
}
