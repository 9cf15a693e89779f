/* The system's clocks and entropy, unbiased draws, the count of forks. */
#include "base/clock.h"
#include "base/crypto.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(clock);

/* Hands out prepared numbers, the last one for ever. */
typedef struct script {
    uint64_t numbers[8];
    size_t count;
    size_t used;
} script;

static void fill_from_script(void *context, void *data, size_t size) {
    script *scripted = context;
    size_t i = scripted->used < scripted->count ? scripted->used : scripted->count - 1;
    scripted->used++;
    uint8_t *bytes = data;
    for (size_t n = 0; n < size; n++) bytes[n] = (uint8_t)(scripted->numbers[i] >> (56 - 8 * n));
}

static farm_entropy scripted_entropy(script *scripted) {
    return (farm_entropy){
        .struct_size = sizeof(farm_entropy), .fill = fill_from_script, .context = scripted};
}

Test(clock, the_real_clock_is_in_this_century_and_the_other_never_goes_back) {
    int64_t real_us = clock_system.real_ns(clock_system.context) / 1000;
    int64_t last = clock_system.monotonic_ns(clock_system.context);

    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_system.monotonic_ns(clock_system.context);
        cr_assert_geq(now, last);
        last = now;
    }

    cr_assert_gt(real_us, INT64_C(1577836800000000), "2020-01-01");
    cr_assert_lt(real_us, CLOCK_MAX_US);
    cr_assert_geq(clock_monotonic_us(), last / 1000);
}

static volatile sig_atomic_t signal_count;

static void count_signal(int number) {
    (void)number;
    signal_count = signal_count + 1;
}

Test(clock, a_sleep_that_signals_interrupt_still_lasts) {
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGUSR1, &action, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t timer;
    cr_assert_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    struct itimerspec each = {{0, 2000000}, {0, 2000000}};
    timer_settime(timer, 0, &each, NULL);

    int64_t before = clock_monotonic_us();
    clock_sleep_us(30000);
    int64_t after = clock_monotonic_us();

    timer_delete(timer);
    cr_assert_geq(after - before, 30000 - 1);
    cr_assert_gt(signal_count, 0);
}

Test(clock, no_time_to_sleep_is_no_sleep) {
    int64_t before = clock_monotonic_us();

    clock_sleep_us(0);
    clock_sleep_us(-1);
    clock_sleep_us(INT64_MIN);

    cr_assert_lt(clock_monotonic_us() - before, 10000000, "a slow machine's, not a sleep's");
}

Test(clock, the_systems_entropy_differs_each_time_and_fills_every_byte) {
    uint8_t first[48] = {0};
    uint8_t second[48] = {0};
    uint8_t ever_set[48] = {0};

    entropy_system.fill(entropy_system.context, first, sizeof(first));
    entropy_system.fill(entropy_system.context, second, sizeof(second));
    for (int round = 0; round < 32; round++) {
        uint8_t bytes[48];
        crypto_random(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++) ever_set[i] |= bytes[i];
    }

    cr_assert_neq(memcmp(first, second, sizeof(first)), 0);
    for (size_t i = 0; i < sizeof(ever_set); i++) cr_assert_neq(ever_set[i], 0);
}

Test(clock, a_draw_below_a_bound_stays_below_it_and_meets_every_number) {
    for (uint64_t bound = 1; bound < 40; bound++) {
        uint32_t met[40] = {0};
        for (int i = 0; i < 2000; i++) {
            uint64_t number = entropy_below(&entropy_system, bound);
            cr_assert_lt(number, bound);
            met[number]++;
        }
        for (uint64_t i = 0; i < bound; i++) cr_assert_gt(met[i], 0);
    }
    cr_assert_eq(entropy_below(&entropy_system, 0), 0);
    cr_assert_eq(entropy_below(&entropy_system, 1), 0);
}

Test(clock, numbers_that_would_bias_a_draw_are_drawn_again) {
    /* 2^64 modulo 3 is 1: of all numbers only 0 is one too many. */
    script scripted = {{0, 0, 0, 8}, 4, 0};
    farm_entropy entropy = scripted_entropy(&scripted);
    cr_assert_eq(entropy_below(&entropy, 3), 2);
    cr_assert_eq(scripted.used, 4);

    /* 2^63 + 1: the numbers below 2^63 - 1 are too many. */
    uint64_t bound = (UINT64_C(1) << 63) + 1;
    script edge = {{bound - 3, bound - 2}, 2, 0};
    entropy = scripted_entropy(&edge);
    cr_assert_eq(entropy_below(&entropy, bound), bound - 2);
    cr_assert_eq(edge.used, 2);

    /* A power of two divides evenly: nothing is drawn again. */
    script even = {{0}, 1, 0};
    entropy = scripted_entropy(&even);
    cr_assert_eq(entropy_below(&entropy, UINT64_C(1) << 40), 0);
    cr_assert_eq(even.used, 1);
}

Test(clock, a_source_that_is_stuck_does_not_stop_the_caller) {
    script stuck = {{0}, 1, 0};
    farm_entropy entropy = scripted_entropy(&stuck);

    cr_assert_eq(entropy_below(&entropy, 3), 0);

    cr_assert_leq(stuck.used, 200);
}

Test(clock, a_child_has_another_generation_than_its_parent_and_so_has_its_child) {
    uint32_t parent = clock_fork_generation();
    pid_t child = fork();
    if (child == 0) {
        uint32_t own = clock_fork_generation();
        pid_t grandchild = fork();
        if (grandchild == 0) _exit(clock_fork_generation() == parent + 2 ? 0 : 1);
        int status = 1;
        waitpid(grandchild, &status, 0);
        _exit(status == 0 && own == parent + 1 && clock_fork_generation() == own ? 0 : 1);
    }

    int status = 1;
    cr_assert_eq(waitpid(child, &status, 0), child);

    cr_assert_eq(status, 0);
    cr_assert_eq(clock_fork_generation(), parent);
}

Test(clock, a_child_never_draws_what_its_parent_draws) {
    uint8_t first[16];
    uint8_t mine[16];
    uint8_t childs[16];
    int ends[2];
    entropy_system.fill(NULL, first, sizeof first);
    cr_assert_eq(pipe(ends), 0);

    pid_t child = fork();
    entropy_system.fill(NULL, mine, sizeof mine);
    if (child == 0) {
        _exit(write(ends[1], mine, sizeof mine) == (ssize_t)sizeof mine ? 0 : 1);
    }

    cr_assert_eq(read(ends[0], childs, sizeof childs), (ssize_t)sizeof childs);
    int outcome = -1;
    waitpid(child, &outcome, 0);
    cr_assert_eq(outcome, 0);
    cr_assert_arr_neq(mine, childs, sizeof mine);
    cr_assert_arr_neq(mine, first, sizeof mine);
}

Test(clock, small_draws_do_not_repeat_and_large_ones_are_whole) {
    enum { DRAWS = 1000 };
    static uint64_t drawn[DRAWS];
    static uint8_t large[4096];
    size_t zeros = 0;

    for (size_t i = 0; i < DRAWS; i++) entropy_system.fill(NULL, &drawn[i], sizeof drawn[i]);
    entropy_system.fill(NULL, large, sizeof large);

    for (size_t i = 0; i < DRAWS; i++)
        for (size_t j = i + 1; j < DRAWS; j++) cr_assert_neq(drawn[i], drawn[j]);
    for (size_t i = 0; i < sizeof large; i++) zeros += large[i] == 0;
    cr_assert_lt(zeros, 100);
}
