/* Many threads take in the process, which needs no store. Whatever the order, exactly the burst is
 * admitted of one hot bucket, and of each of many while others are added and evicted beside them
 * and limits are defined anew; several limits are taken all or none; of many refunds at once one
 * gives back; there are never more holds than may be.
 *
 *     rate_local [--broken] [--seed N]
 *
 * --broken takes from the hot bucket by a load and a store instead of a compare-and-swap, lets
 * buckets be evicted while they are in debt, takes several limits one by one, refunds with a new
 * token each time, and holds without asking. */
#include "rate/rate_local.h"
#include "stress.h"
#include <stdatomic.h>
#include <stdio.h>

enum {
    THREAD_COUNT = 8,
    CALL_COUNT = 20000,
    HOT_BURST = 50000,
    KEY_COUNT = 64,
    KEY_BURST = 100,
    LIMIT_COUNT = 3,
    HOLD_COUNT = 5,
    NEW_COUNT = 2000,
    BUCKET_COUNT = 4096
};

#define NOW_US INT64_C(1767225600000000)
#define HOUR_US (INT64_C(3600) * 1000000)

static farm_rate_local *local;
static atomic_llong admitted[KEY_COUNT];
static atomic_llong now_us;
static atomic_int held;
static atomic_int arrived;
static farm_id token;

static void require(const char *what, farm_status status) {
    if (status != FARM_OK) stress_fail("%s: %s", what, farm_status_name(status));
}

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

static farm_rate_request request_of(const char *limit, const char *subject, int64_t cost) {
    return (farm_rate_request){
        .struct_size = sizeof(farm_rate_request), .limit = limit, .subject = subject, .cost = cost};
}

static farm_rate_decision take_many(const farm_rate_request *items, size_t count) {
    farm_rate_state states[LIMIT_COUNT];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    for (size_t i = 0; i < count; i++) states[i].struct_size = sizeof states[i];
    require("take", farm_rate_local_take(local, items, count, states, NULL, &decision));
    return decision;
}

static int take(const char *limit, const char *subject) {
    const farm_rate_request item = request_of(limit, subject, 1);
    return take_many(&item, 1).allowed;
}

static int64_t left_of(const char *limit, const char *subject) {
    const farm_rate_request item = request_of(limit, subject, 0);
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    require("peek", farm_rate_local_peek(local, &item, 1, &state, NULL, &decision));
    return state.remaining;
}

static void expect(const char *what, long long got, long long wanted) {
    if (got != wanted) stress_fail("%s: %lld, and should be %lld", what, got, wanted);
}

/* --- one hot bucket --------------------------------------------------------------------------- */

static rate_slot *first_slot(void) {
    rate_slot *slot = local->memory.table.slots;
    while (atomic_load(&slot->tat) == RATE_SLOT_EMPTY) slot++;
    return slot;
}

/* The bucket is the only one in the table. */
static int take_without_swap(int64_t unit) {
    rate_slot *slot = first_slot();
    const int64_t tat = atomic_load(&slot->tat);
    if (left_of("hot", "one") == 0) return 0;
    atomic_store(&slot->tat, tat + unit);
    return 1;
}

static void take_hot(int thread) {
    const int64_t unit = atomic_load(&local->current.definitions)->items[0].terms.units.token;
    long long own = 0;
    (void)thread;
    if (stress_is_broken && thread == 0) own += take("hot", "one");
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++)
        own += stress_is_broken ? take_without_swap(unit) : take("hot", "one");
    atomic_fetch_add(&admitted[0], own);
}

static void check_hot(void) {
    stress_run(THREAD_COUNT, take_hot);
    expect("one hot bucket", atomic_load(&admitted[0]), HOT_BURST);
    expect("what is left of it", left_of("hot", "one"), 0);
}

/* --- many, while others come and go ----------------------------------------------------------- */

/* Buckets of this limit are full again a moment later, and evicted. */
static void add_others(int thread, unsigned *random) {
    char name[32];
    snprintf(name, sizeof name, "%d-%u", thread, next_random(random) % 20000);
    (void)take("brief", name);
    if (next_random(random) % 64 == 0)
        farm_rate_local_set_clock_us(local, atomic_fetch_add(&now_us, 500));
}

/* All that is there may be evicted, whatever its debt. */
static void forgive(void) {
    rate_table *table = &local->memory.table;
    for (size_t i = 0; i <= table->mask; i++) atomic_store(&table->slots[i].expires_us, 0);
}

static void define_other(unsigned *random) {
    const farm_rate_limit limit = {.struct_size = sizeof limit,
                                   .name = "other",
                                   .count = 1 + next_random(random) % 100,
                                   .period_us = HOUR_US};
    const farm_rate_override ban = {
        .struct_size = sizeof ban, .rule = FARM_RATE_RULE_BAN, .limit = "other", .subject = "eve"};
    require("define", farm_rate_local_define(local, &limit, 1, NULL));
    require("ban", farm_rate_local_override_put(local, &ban, 1, NULL));
    if (take("other", "eve")) stress_fail("a banned subject was let through");
}

static void take_keys(int thread) {
    unsigned random = stress_seed * 7919U + (unsigned)thread;
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) {
        char name[16];
        const unsigned key = next_random(&random) % KEY_COUNT;
        snprintf(name, sizeof name, "key-%u", key);
        if (take("keys", name)) atomic_fetch_add(&admitted[key], 1);
        add_others(thread, &random);
        if (thread == 0 && i % 100 == 0) define_other(&random);
        if (stress_is_broken && thread == 0 && i % 1000 == 0) forgive();
    }
}

static void check_keys(void) {
    stress_run(THREAD_COUNT, take_keys);
    for (int i = 0; i < KEY_COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "key-%d", i);
        expect(name, atomic_load(&admitted[i]), KEY_BURST);
    }
}

/* --- new ones --------------------------------------------------------------------------------- */

/* Two take at the very same moment from a bucket that is not there yet: a barrier that sleeps would
 * wake one after the other. */
static void take_new(int thread) {
    (void)thread;
    for (int i = 0; i < NEW_COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "new-%d", i);
        atomic_fetch_add(&arrived, 1);
        while (atomic_load(&arrived) < 2 * (i + 1)) {}
        for (int j = 0; j < 2; j++)
            if (take("new", stress_is_broken && j == 1 ? "other" : name))
                atomic_fetch_add(&admitted[0], 1);
    }
}

static void check_new(void) {
    stress_run(2, take_new);
    expect("new buckets", atomic_load(&admitted[0]), NEW_COUNT * 3);
}

/* --- several limits --------------------------------------------------------------------------- */

static const char *const names[LIMIT_COUNT] = {"first", "second", "third"};
static const int64_t bursts[LIMIT_COUNT] = {20000, 10000, 40000};

static int take_items(farm_rate_request *items, size_t count) {
    int allowed = 1;
    if (!stress_is_broken) return take_many(items, count).allowed;
    for (size_t i = 0; i < count; i++) allowed &= take_many(&items[i], 1).allowed;
    return allowed;
}

static void take_several(int thread) {
    unsigned random = stress_seed * 104729U + (unsigned)thread;
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) {
        farm_rate_request items[LIMIT_COUNT];
        size_t chosen[LIMIT_COUNT];
        size_t count = 0;
        const unsigned first = next_random(&random) % LIMIT_COUNT;
        for (size_t j = 0; j < LIMIT_COUNT; j++) {
            if (j > 0 && next_random(&random) % 3 == 0) continue;
            chosen[count] = (first + j) % LIMIT_COUNT;
            items[count] = request_of(names[chosen[count]], "all", next_random(&random) % 3 + 1);
            count++;
        }
        if (!take_items(items, count)) continue;
        for (size_t j = 0; j < count; j++) atomic_fetch_add(&admitted[chosen[j]], items[j].cost);
    }
}

static void check_several(void) {
    stress_run(THREAD_COUNT, take_several);
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        expect(names[i], atomic_load(&admitted[i]) + left_of(names[i], "all"), bursts[i]);
    if (left_of(names[1], "all") > 2) stress_fail("the smallest limit was not used up");
}

/* --- refunds ---------------------------------------------------------------------------------- */

static void refund(int thread) {
    farm_rate_request item = request_of("hot", "refund", 7);
    stress_meet();
    for (int i = 0; i < 100; i++) {
        farm_id used = token;
        if (stress_is_broken) used.bytes[10] = (uint8_t)(thread * 100 + i);
        require("refund", farm_rate_local_refund(local, &used, &item, 1, NULL));
    }
}

static void check_refund(void) {
    farm_rate_request item = request_of("hot", "refund", 7);
    token = take_many(&item, 1).token;
    item.cost = HOT_BURST / 2;
    (void)take_many(&item, 1);
    stress_run(THREAD_COUNT, refund);
    expect("after one refund", left_of("hot", "refund"), HOT_BURST - HOT_BURST / 2);
}

/* --- holds ------------------------------------------------------------------------------------ */

static void hold(int thread) {
    const farm_rate_request item = request_of("slots", "door", 1);
    (void)thread;
    stress_meet();
    for (int i = 0; i < CALL_COUNT / 4; i++) {
        farm_rate_decision decision = take_many(&item, 1);
        if (!decision.allowed && !stress_is_broken) continue;
        if (atomic_fetch_add(&held, 1) >= HOLD_COUNT) stress_fail("more holds than may be");
        if (decision.allowed) {
            require("renew", farm_rate_local_renew(local, &decision.token, &item, 1, NULL));
            atomic_fetch_add(&admitted[0], 1);
        }
        atomic_fetch_sub(&held, 1);
        if (decision.allowed)
            require("release", farm_rate_local_release(local, &decision.token, &item, 1, NULL));
    }
}

static void check_holds(void) {
    stress_run(THREAD_COUNT, hold);
    expect("free places in the end", left_of("slots", "door"), HOLD_COUNT);
    if (atomic_load(&admitted[0]) == 0) stress_fail("nobody held anything");
}

/* --- all of it -------------------------------------------------------------------------------- */

static farm_rate_limit limit_of(const char *name, int64_t burst, int64_t period_us) {
    return (farm_rate_limit){.struct_size = sizeof(farm_rate_limit),
                             .name = name,
                             .burst = burst,
                             .count = 1,
                             .period_us = period_us};
}

/* Only "brief" fills again before it is over. */
static void set_up(const farm_rate_limit *limits, size_t count) {
    const farm_rate_local_options options = {.struct_size = sizeof options,
                                             .bucket_count = BUCKET_COUNT};
    farm_rate_local_free(local);
    require("new", farm_rate_local_new(&options, NULL, &local));
    atomic_store(&now_us, NOW_US);
    farm_rate_local_set_clock_us(local, NOW_US);
    require("define", farm_rate_local_define(local, limits, count, NULL));
    for (size_t i = 0; i < KEY_COUNT; i++) atomic_store(&admitted[i], 0);
}

int main(int argument_count, char **arguments) {
    const farm_rate_limit hot = limit_of("hot", HOT_BURST, 60 * 1000000);
    const farm_rate_limit fresh = limit_of("new", 3, HOUR_US);
    farm_rate_limit slots = limit_of("slots", 0, HOUR_US);
    const farm_rate_limit keys[] = {limit_of("keys", KEY_BURST, HOUR_US),
                                    limit_of("brief", 1, 1000)};
    const farm_rate_limit several[] = {limit_of(names[0], bursts[0], HOUR_US),
                                       limit_of(names[1], bursts[1], HOUR_US),
                                       limit_of(names[2], bursts[2], HOUR_US)};
    slots.count = HOLD_COUNT;
    slots.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    stress_begin(argument_count, arguments);
    printf("seed %u\n", stress_seed);

    set_up(&hot, 1);
    check_hot();
    check_refund();
    set_up(keys, 2);
    check_keys();
    set_up(&fresh, 1);
    check_new();
    set_up(several, LIMIT_COUNT);
    check_several();
    set_up(&slots, 1);
    check_holds();

    farm_rate_local_free(local);
    return stress_end();
}
