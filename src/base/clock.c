/* The system's clocks, its entropy as a hook, and the count of forks. Randomness itself comes from
 * crypto.c. */
#include "base/clock.h"
#include "base/crypto.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define US_PER_S INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

static int64_t read_ns(clockid_t clock) {
    struct timespec now = {0};
    /* Neither clock can fail where POSIX holds. */
    if (clock_gettime(clock, &now) != 0) return 0;
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t read_real_ns(void *context) {
    (void)context;
    return read_ns(CLOCK_REALTIME);
}

static int64_t read_monotonic_ns(void *context) {
    (void)context;
    return read_ns(CLOCK_MONOTONIC);
}

/* Every draw from the system is a call of the kernel, so small ones are cut from a larger one.
 * Bytes are given out once; a child after fork() has a copy of its parent's, and draws its own. */
enum { STOCK_SIZE = 512, STOCK_DRAW_MAX = 32 };

typedef struct random_stock {
    uint8_t bytes[STOCK_SIZE];
    size_t left;
    uint32_t fork_generation;
} random_stock;

static void fill_random(void *context, void *data, size_t size) {
    static _Thread_local random_stock stock;
    (void)context;
    if (size > STOCK_DRAW_MAX) {
        crypto_random(data, size);
        return;
    }
    const uint32_t generation = clock_fork_generation();
    if (stock.left < size || stock.fork_generation != generation) {
        crypto_random(stock.bytes, sizeof stock.bytes);
        stock.left = sizeof stock.bytes;
        stock.fork_generation = generation;
    }
    stock.left -= size;
    memcpy(data, stock.bytes + stock.left, size);
    memset(stock.bytes + stock.left, 0, size);
}

const farm_clock clock_system = {
    .struct_size = sizeof(farm_clock),
    .real_ns = read_real_ns,
    .monotonic_ns = read_monotonic_ns,
};

const farm_entropy entropy_system = {
    .struct_size = sizeof(farm_entropy),
    .fill = fill_random,
};

int64_t clock_monotonic_us(void) {
    return read_ns(CLOCK_MONOTONIC) / NS_PER_US;
}

int64_t clock_deadline_us(int64_t timeout_us) {
    if (timeout_us < 0 || timeout_us > CLOCK_MAX_US) return INT64_MAX;
    return clock_monotonic_us() + timeout_us;
}

void clock_sleep_us(int64_t duration_us) {
    if (duration_us <= 0) return;
    struct timespec left = {
        .tv_sec = (time_t)(duration_us / US_PER_S),
        .tv_nsec = (long)(duration_us % US_PER_S * NS_PER_US),
    };
    /* A signal ends the sleep early and leaves the rest to be slept. */
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

int clock_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    int result = pthread_condattr_init(&attributes);
    if (result != 0) return result;
    result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (result == 0) result = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return result;
}

int32_t clock_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us) {
    if (until_us == INT64_MAX) return pthread_cond_wait(condition, mutex) == 0;
    const struct timespec until = {
        .tv_sec = (time_t)(until_us / US_PER_S),
        .tv_nsec = (long)(until_us % US_PER_S * NS_PER_US),
    };
    return pthread_cond_timedwait(condition, mutex, &until) == 0;
}

static uint64_t draw(const farm_entropy *entropy) {
    uint8_t bytes[8];
    entropy->fill(entropy->context, bytes, sizeof(bytes));
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) number = number << 8 | bytes[i];
    return number;
}

uint64_t entropy_below(const farm_entropy *entropy, uint64_t bound) {
    if (bound == 0) return 0;
    /* The lowest numbers, 2^64 modulo bound of them, would make some results likelier. A draw falls
     * there less than half of the time, so only a source that is stuck needs the bound. */
    uint64_t excess = (UINT64_MAX - bound + 1) % bound;
    uint64_t number = draw(entropy);
    for (int tries = 0; number < excess && tries < 128; tries++) number = draw(entropy);
    return number % bound;
}

static atomic_uint fork_count;
static int32_t fork_is_counted;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void count_fork(void) {
    atomic_fetch_add(&fork_count, 1);
}

static void install_fork_handler(void) {
    fork_is_counted = pthread_atfork(NULL, NULL, count_fork) == 0;
}

uint32_t clock_fork_generation(void) {
    /* What is made before the first call has no generation to compare, so a fork before it need
     * not be counted. */
    pthread_once(&fork_once, install_fork_handler);
    /* Without memory for the handler the process id, too, tells a child from its parent. */
    return fork_is_counted ? atomic_load(&fork_count) : (uint32_t)getpid();
}
