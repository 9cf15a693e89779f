/* Benchmarks: two ways of doing the same, in turn, in one run, so that a noisy machine disturbs
 * both. What counts is the median of the ratios of the pairs. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { BENCH_ROUND_MAX = 1000, BENCH_ROUNDS = 15 };

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
 * JSON object a line to that file. FARM_BENCH_ROUNDS: how many rounds; default BENCH_ROUNDS. */
void bench_run(const char *title, const bench_pair *pairs, size_t count);

enum { BENCH_THREAD_MAX = 16 };

/* A function on so many threads at once, each with its context and its share of the times; nonzero
 * when any of them failed. */
int bench_by_threads(bench_function function, void *const *contexts, int thread_count,
                     int64_t count);

/* Say what went wrong, and end. */
_Noreturn void bench_stop(const char *what, const char *text);

/* What bench_run() is made of, for benches that measure otherwise: rounds, of which there are by
 * default so many; a median; the file for figures, or NULL when nobody wants them. */
int bench_round_count(int by_default);
double bench_median(const double *values, int count);
FILE *bench_json(void);

/* Nanoseconds of a monotonic clock. */
int64_t bench_now_ns(void);

#endif
