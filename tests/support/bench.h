/* Benchmarks: two ways of doing the same, in turn, in one run, so that a noisy machine disturbs
 * both. What counts is the median of the ratios of the pairs. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Do it `count` times; nonzero ends the program. */
typedef int (*bench_function)(void *context, int64_t count);

typedef struct bench_pair {
    const char *name;
    bench_function ours;
    bench_function plain; /* the limit; NULL: there is none */
    void *context;
    int64_t count; /* how often in one round */
} bench_pair;

/* Run the pairs and print a table; with the environment variable FARM_BENCH_JSON also append one
 * JSON object a line to that file. FARM_BENCH_ROUNDS: how many rounds; default 15. */
void bench_run(const char *title, const bench_pair *pairs, size_t count);

/* Nanoseconds of a monotonic clock. */
int64_t bench_now_ns(void);

#endif
