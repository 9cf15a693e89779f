/* Rounds, medians, and how they are printed. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUND_MAX = 1000, DEFAULT_ROUNDS = 15 };

int64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double time_one(const bench_pair *pair, bench_function function) {
    int64_t begun = bench_now_ns();
    if (function(pair->context, pair->count) != 0) {
        fprintf(stderr, "%s: went wrong\n", pair->name);
        exit(EXIT_FAILURE);
    }
    return (double)(bench_now_ns() - begun) / (double)pair->count;
}

static int round_count(void) {
    const char *text = getenv("FARM_BENCH_ROUNDS");
    long count = text == NULL ? DEFAULT_ROUNDS : strtol(text, NULL, 10);
    return count < 1 || count > ROUND_MAX ? DEFAULT_ROUNDS : (int)count;
}

static void append_json(const char *title, const bench_pair *pair, double ours, double plain,
                        double ratio) {
    const char *path = getenv("FARM_BENCH_JSON");
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file == NULL) return;
    fprintf(file, "{\"bench\":\"%s\",\"name\":\"%s\",\"ours_ns\":%.1f", title, pair->name, ours);
    if (pair->plain != NULL) fprintf(file, ",\"plain_ns\":%.1f,\"ratio\":%.3f", plain, ratio);
    fprintf(file, "}\n");
    fclose(file);
}

static void run_pair(const char *title, const bench_pair *pair) {
    static double ours[ROUND_MAX];
    static double plain[ROUND_MAX];
    static double ratios[ROUND_MAX];
    const int rounds = round_count();
    time_one(pair, pair->ours); /* warm up */
    if (pair->plain != NULL) time_one(pair, pair->plain);
    for (int i = 0; i < rounds; i++) {
        ours[i] = time_one(pair, pair->ours);
        if (pair->plain != NULL) {
            plain[i] = time_one(pair, pair->plain);
            ratios[i] = plain[i] / ours[i];
        }
    }
    double our_median = median(ours, rounds);
    double plain_median = pair->plain == NULL ? 0 : median(plain, rounds);
    double ratio = pair->plain == NULL ? 0 : median(ratios, rounds);
    if (pair->plain == NULL)
        printf("%-44s %12.0f %12s %8s %12.0f\n", pair->name, our_median, "-", "-",
               1e9 / our_median);
    else
        printf("%-44s %12.0f %12.0f %8.3f %12.0f\n", pair->name, our_median, plain_median, ratio,
               1e9 / our_median);
    append_json(title, pair, our_median, plain_median, ratio);
    fflush(stdout);
}

void bench_run(const char *title, const bench_pair *pairs, size_t count) {
    printf("\n%s: medians of %d rounds; ratio is ours to the plain limit, 1 is as fast\n", title,
           round_count());
    printf("%-44s %12s %12s %8s %12s\n", "", "ours ns", "plain ns", "ratio", "ours /s");
    for (size_t i = 0; i < count; i++) run_pair(title, &pairs[i]);
}
