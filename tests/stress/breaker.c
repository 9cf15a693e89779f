/* Breakers under threads. It needs no store.
 *
 *     breaker [--broken] [--seed N]
 *
 * Seven parts: calls counted by all add up while the window moves on under them; half-open lets no
 * more than probe_count through at once, whatever is lost or late; of two who ask at the same
 * moment for one place, one has it; what is reported across a reset leaves nothing in the new
 * window; the events of a breaker that changes all the time are one chain, told to a reader who
 * reads meanwhile; an event that is overwritten while it is read is not told; and names that all
 * add at once are there once.
 * --broken reports each probe before its call is over, as a careless host would, and must fail. */
#include "stress.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_COUNT = 8, CALL_COUNT = 100000, PROBE_COUNT = 3, ROUND_COUNT = 300, HELD_COUNT = 20 };
enum {
    NAME_COUNT = 8000,
    CHANGE_COUNT = 5000,
    DUEL_COUNT = 100000,
    SPIN_COUNT = 2000,
    EVENT_COUNT = 65536
};

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

static farm_breakers *breakers;
static pthread_barrier_t barrier;
static atomic_llong now_us;
static const char *part;

static void fail(const char *what, long long number) {
    stress_fail("%s: %s: %lld", part, what, number);
}

static void must(farm_status status, const char *what) {
    if (status == FARM_OK) return;
    fprintf(stderr, "%s: %s: %s\n", part, what, farm_status_name(status));
    exit(1);
}

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

static int64_t read_clock(void *context) {
    (void)context;
    return (int64_t)atomic_load(&now_us) * 1000;
}

static void open_set(const farm_breaker_options *options) {
    const farm_clock clock = {
        .struct_size = sizeof clock, .real_ns = read_clock, .monotonic_ns = read_clock};
    const farm_breakers_options set = {.struct_size = sizeof set,
                                       .max_count = FARM_BREAKER_LIST_MAX,
                                       .event_count = EVENT_COUNT,
                                       .breaker = options,
                                       .clock = &clock};
    farm_error error = {.struct_size = sizeof error};
    must(farm_breakers_new(&set, &error, &breakers), error.text);
}

static farm_breaker_permit ask(const char *key) {
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    must(farm_breaker_allow(breakers, key, &permit), "allow");
    return permit;
}

static void report(const farm_breaker_permit *permit, int32_t outcome) {
    must(farm_breaker_report(breakers, permit, outcome, 0), "report");
}

static farm_breaker_state look(const char *key) {
    farm_breaker_state state = {.struct_size = sizeof state};
    must(farm_breaker_look(breakers, key, &state), "look");
    return state;
}

static void run_threads(void *(*work)(void *)) {
    pthread_t threads[THREAD_COUNT];
    int numbers[THREAD_COUNT];
    for (int i = 0; i < THREAD_COUNT; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0) exit(1);
    }
    for (int i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i], NULL);
}

static unsigned seed_of(void *number) {
    return stress_seed * 7919U + (unsigned)*(const int *)number;
}

/* --- counts add up --- */

static atomic_llong failed_count;

static void *count_calls(void *number) {
    unsigned random = seed_of(number);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < CALL_COUNT; i++) {
        farm_breaker_permit permit = ask("shop");
        const int is_failure = next_random(&random) % 3 == 0;
        atomic_fetch_add(&failed_count, is_failure);
        report(&permit, is_failure ? FARM_BREAKER_FAILURE : FARM_BREAKER_SUCCESS);
        if (i % (CALL_COUNT / 40) == 0 && *(const int *)number == 0)
            atomic_fetch_add(&now_us, SECOND_US);
    }
    return NULL;
}

/* 40 of 60 buckets pass meanwhile: nothing is too old to count. */
static void check_counts(int32_t window_count) {
    const farm_breaker_options options = {.struct_size = sizeof options,
                                          .consecutive_count = -1,
                                          .failure_percent = -1,
                                          .bucket_count = 60,
                                          .slow_us = DAY_US,
                                          .window_count = window_count,
                                          .window_us = 60 * SECOND_US};
    open_set(&options);
    atomic_store(&failed_count, 0);
    run_threads(count_calls);
    const farm_breaker_state state = look("shop");
    const long long expected = (long long)THREAD_COUNT * CALL_COUNT;
    if (state.call_count != expected) fail("calls", (long long)state.call_count - expected);
    if (state.timed_count != expected) fail("timed", (long long)state.timed_count - expected);
    if (state.failure_count != atomic_load(&failed_count))
        fail("failures", (long long)state.failure_count - atomic_load(&failed_count));
    if (state.ignored_count != 0) fail("ignored", (long long)state.ignored_count);
    printf("%s: %lld calls, %lld failures\n", part, (long long)state.call_count,
           (long long)state.failure_count);
    farm_breakers_free(breakers);
}

/* --- probes --- */

static atomic_int inside;
static atomic_int most_inside;
static atomic_llong probe_total;

/* While it is inside, others get their turn. */
static void be_inside(unsigned *random) {
    const int now = atomic_fetch_add(&inside, 1) + 1;
    int most = atomic_load(&most_inside);
    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now)) {}
    for (unsigned i = next_random(random) % 4; i > 0; i--) sched_yield();
    atomic_fetch_add(&probe_total, 1);
}

static void *probe(void *number) {
    unsigned random = seed_of(number);
    farm_breaker_permit held = {.struct_size = sizeof held};
    int held_for = 0;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < CALL_COUNT; i++) {
        if (held.allowed && held_for-- == 0 && i < CALL_COUNT - 100) {
            report(&held, FARM_BREAKER_SUCCESS);
            held.allowed = 0;
        }
        atomic_fetch_add(&now_us, next_random(&random) % 200);
        farm_breaker_permit permit = ask("shop");
        if (!permit.allowed) continue;
        const unsigned kind = next_random(&random) % 16;
        const int32_t outcome = kind < 3   ? FARM_BREAKER_FAILURE
                                : kind < 5 ? FARM_BREAKER_EXCLUDED
                                           : FARM_BREAKER_SUCCESS;
        if (permit.state != FARM_BREAKER_HALF_OPEN) {
            report(&permit, FARM_BREAKER_FAILURE);
            continue;
        }
        if (kind == 15 && held.allowed == 0) {
            held = permit; /* forgotten for a while, the last one for good */
            held_for = 50;
            continue;
        }
        if (stress_is_broken) report(&permit, FARM_BREAKER_EXCLUDED);
        be_inside(&random);
        atomic_fetch_sub(&inside, 1);
        report(&permit, outcome);
    }
    return NULL;
}

/* Nobody is inside for as long as a place is kept, so no place is taken from one who is. */
static void check_probes(void) {
    const farm_breaker_options options = {.struct_size = sizeof options,
                                          .consecutive_count = 2,
                                          .probe_count = PROBE_COUNT,
                                          .open_us = 1000,
                                          .open_max_us = 2000,
                                          .probe_us = 3600 * SECOND_US};
    open_set(&options);
    run_threads(probe);
    if (atomic_load(&most_inside) > PROBE_COUNT) fail("at once", atomic_load(&most_inside));
    if (atomic_load(&probe_total) == 0) fail("probes", 0);
    if (look("shop").probe_count > PROBE_COUNT) fail("out", (long long)look("shop").probe_count);
    atomic_fetch_add(&now_us, 3600 * SECOND_US);
    if (look("shop").probe_count != 0) fail("lost for ever", (long long)look("shop").probe_count);
    if (!ask("shop").allowed) fail("allowed once the lost ones are given up", 0);
    printf("%s: %lld, at most %d at once\n", part, atomic_load(&probe_total),
           atomic_load(&most_inside));
    farm_breakers_free(breakers);
}

/* --- two at the same moment, and one place --- */

static atomic_int arrived;
static atomic_int admitted;
static atomic_int wrong_count;

/* As close to the same moment as two processors can; who waits for long lets others run. */
static void meet(int round) {
    atomic_fetch_add(&arrived, 1);
    for (int i = 0; atomic_load(&arrived) < 2 * round; i++)
        if (i % SPIN_COUNT == SPIN_COUNT - 1) sched_yield();
}

static void *duel(void *number) {
    const int is_first = *(const int *)number == 0;
    if (*(const int *)number > 1) return NULL;
    for (int round = 0; round < DUEL_COUNT; round++) {
        meet(2 * round + 1);
        farm_breaker_permit permit = ask("shop");
        atomic_fetch_add(&admitted, permit.allowed);
        meet(2 * round + 2);
        if (is_first && atomic_exchange(&admitted, 0) != 1) atomic_fetch_add(&wrong_count, 1);
        if (permit.allowed) report(&permit, FARM_BREAKER_EXCLUDED);
    }
    return NULL;
}

static void check_duels(void) {
    const farm_breaker_options options = {
        .struct_size = sizeof options, .probe_count = 1, .jitter_percent = -1, .open_us = 1000};
    open_set(&options);
    must(farm_breaker_set(breakers, "shop", FARM_BREAKER_OPEN), "open");
    atomic_fetch_add(&now_us, 2000);
    run_threads(duel);
    if (atomic_load(&wrong_count) != 0) fail("not one of two", atomic_load(&wrong_count));
    printf("%s: %d\n", part, DUEL_COUNT);
    farm_breakers_free(breakers);
}

/* --- late reports --- */

static atomic_llong leaked_count;

static void *report_late(void *number) {
    const int is_first = *(const int *)number == 0;
    farm_breaker_permit held[HELD_COUNT];
    for (int round = 0; round < ROUND_COUNT; round++) {
        for (int i = 0; i < HELD_COUNT; i++) held[i] = ask("shop");
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < HELD_COUNT; i++) {
            if (is_first && i == HELD_COUNT / 2)
                must(farm_breaker_set(breakers, "shop", FARM_BREAKER_CLOSED), "reset");
            report(&held[i], FARM_BREAKER_FAILURE);
        }
        pthread_barrier_wait(&barrier);
        if (is_first) {
            const farm_breaker_state state = look("shop");
            atomic_fetch_add(&leaked_count, state.call_count + state.consecutive_count);
        }
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void check_late(void) {
    const farm_breaker_options options = {.struct_size = sizeof options,
                                          .consecutive_count = -1,
                                          .failure_percent = -1,
                                          .window_us = DAY_US};
    open_set(&options);
    run_threads(report_late);
    if (atomic_load(&leaked_count) != 0) fail("counted after a reset", atomic_load(&leaked_count));
    if (look("shop").ignored_count == 0) fail("none came late", 0);
    printf("%s: %lld ignored\n", part, (long long)look("shop").ignored_count);
    farm_breakers_free(breakers);
}

/* --- events --- */

static farm_breaker_event events[EVENT_COUNT];
static size_t event_count;

static void read_events(void) {
    static farm_breaker_event rows[256];
    size_t count = 0;
    for (size_t i = 0; i < 256; i++) rows[i].struct_size = sizeof *rows;
    must(farm_breaker_events(breakers, event_count == 0 ? 0 : events[event_count - 1].sequence,
                             rows, 256, &count),
         "events");
    for (size_t i = 0; i < count && event_count < EVENT_COUNT; i++) {
        if (rows[i].lost_count != 0) fail("lost", (long long)rows[i].lost_count);
        if (rows[i].sequence != (int64_t)event_count + 1) fail("sequence", (long long)event_count);
        events[event_count++] = rows[i];
    }
}

static void *change_states(void *number) {
    unsigned random = seed_of(number);
    const int is_reader = *(const int *)number == 0;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < CHANGE_COUNT; i++) {
        if (is_reader) {
            read_events();
            continue;
        }
        atomic_fetch_add(&now_us, next_random(&random) % 500);
        farm_breaker_permit permit = ask("shop");
        if (permit.allowed)
            report(&permit,
                   next_random(&random) % 2 == 0 ? FARM_BREAKER_FAILURE : FARM_BREAKER_SUCCESS);
        if (next_random(&random) % 64 == 0)
            must(farm_breaker_set(breakers, "shop", FARM_BREAKER_CLOSED), "reset");
    }
    return NULL;
}

static int by_generation(const void *left, const void *right) {
    const int64_t a = ((const farm_breaker_event *)left)->generation;
    const int64_t b = ((const farm_breaker_event *)right)->generation;
    return (a > b) - (a < b);
}

static void check_events(void) {
    const farm_breaker_options options = {.struct_size = sizeof options,
                                          .consecutive_count = 1,
                                          .probe_count = 1,
                                          .open_us = 1000,
                                          .open_max_us = 1000};
    open_set(&options);
    run_threads(change_states);
    size_t before = event_count + 1;
    while (before != event_count) {
        before = event_count;
        read_events();
    }
    qsort(events, event_count, sizeof *events, by_generation);
    int32_t state = FARM_BREAKER_CLOSED;
    for (size_t i = 0; i < event_count; i++) {
        if (events[i].generation != (int64_t)i + 1) fail("generation", (long long)i);
        if (events[i].before != state) fail("chain", (long long)i);
        state = events[i].after;
    }
    if (state != look("shop").state) fail("the last state", state);
    if ((int64_t)event_count != look("shop").generation) fail("events", (long long)event_count);
    printf("%s: %zu\n", part, event_count);
    farm_breakers_free(breakers);
}

/* --- a ring of one event --- */

static atomic_int writer_count;
static atomic_llong read_count;

/* "a" is only ever forced open, and "b" forced closed, each at its odd generations. */
static void check_event(const farm_breaker_event *event, int64_t last) {
    const int32_t forced =
        strcmp(event->key, "a") == 0 ? FARM_BREAKER_FORCED_OPEN : FARM_BREAKER_FORCED_CLOSED;
    const int is_odd = event->generation % 2 != 0;
    if (event->sequence <= last) fail("goes back", (long long)event->sequence);
    if (event->after != (is_odd ? forced : FARM_BREAKER_CLOSED) ||
        event->before != (is_odd ? FARM_BREAKER_CLOSED : forced))
        fail("torn", (long long)event->sequence);
    atomic_fetch_add(&read_count, 1);
}

static void *overwrite(void *number) {
    const int place = *(const int *)number;
    const char *key = place == 1 ? "a" : "b";
    const int32_t forced = place == 1 ? FARM_BREAKER_FORCED_OPEN : FARM_BREAKER_FORCED_CLOSED;
    farm_breaker_event rows[2] = {{.struct_size = sizeof *rows}, {.struct_size = sizeof *rows}};
    size_t count = 0;
    pthread_barrier_wait(&barrier);
    if (place > 2) return NULL;
    /* Long enough that the reader has his turns, too. */
    for (int i = 0; place > 0 && (i < DUEL_COUNT || atomic_load(&read_count) < 100); i++) {
        must(farm_breaker_set(breakers, key, forced), "force");
        must(farm_breaker_set(breakers, key, FARM_BREAKER_CLOSED), "let go");
    }
    if (place > 0) atomic_fetch_add(&writer_count, 1);
    int64_t last = 0;
    while (place == 0 && atomic_load(&writer_count) < 2) {
        must(farm_breaker_events(breakers, last, rows, 2, &count), "events");
        for (size_t i = 0; i < count; i++) {
            check_event(&rows[i], last);
            last = rows[i].sequence;
        }
    }
    return NULL;
}

static void check_ring(void) {
    const farm_breakers_options set = {.struct_size = sizeof set, .event_count = 1};
    must(farm_breakers_new(&set, NULL, &breakers), "new");
    run_threads(overwrite);
    printf("%s: %lld read\n", part, atomic_load(&read_count));
    farm_breakers_free(breakers);
}

/* --- names --- */

/* Two add each name at the same moment, in turns with a name of their own. */
static void *add_names(void *number) {
    const int place = *(const int *)number;
    char key[16];
    for (int i = 0; place < 2 && i < NAME_COUNT; i++) {
        snprintf(key, sizeof key, i % 8 == 0 ? "own-%d-%d" : "n%d", i, place);
        meet(i + 1);
        farm_breaker_permit permit = ask(key);
        report(&permit, FARM_BREAKER_SUCCESS);
    }
    return NULL;
}

static void check_names(void) {
    static farm_breaker_state rows[FARM_BREAKER_LIST_MAX];
    const farm_breaker_options options = {.struct_size = sizeof options, .window_us = DAY_US};
    size_t count = 0;
    int64_t calls = 0;
    open_set(&options);
    atomic_store(&arrived, 0);
    run_threads(add_names);
    for (size_t i = 0; i < FARM_BREAKER_LIST_MAX; i++) rows[i].struct_size = sizeof *rows;
    must(farm_breaker_list(breakers, rows, FARM_BREAKER_LIST_MAX, &count), "list");
    for (size_t i = 0; i < count; i++) calls += rows[i].call_count;
    if (count != NAME_COUNT + NAME_COUNT / 8) fail("names", (long long)count);
    if (calls != 2 * NAME_COUNT) fail("calls", (long long)calls);
    printf("%s: %zu names, %lld calls\n", part, count, (long long)calls);
    farm_breakers_free(breakers);
}

int main(int argument_count, char **arguments) {
    stress_begin(argument_count, arguments);
    printf("seed %u\n", stress_seed);
    pthread_barrier_init(&barrier, NULL, THREAD_COUNT);
    part = "a window of time";
    check_counts(0);
    part = "a window of calls";
    check_counts(1000000);
    part = "probes";
    check_probes();
    part = "duels";
    check_duels();
    part = "late reports";
    check_late();
    part = "events";
    check_events();
    part = "a ring of one";
    check_ring();
    part = "names";
    check_names();
    pthread_barrier_destroy(&barrier);
    return stress_end();
}
