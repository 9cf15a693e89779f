/* Rounds, medians, and how they are printed. */
#include "bench.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

double bench_median(const double *values, int count) {
    double sorted[BENCH_ROUND_MAX];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

_Noreturn void bench_stop(const char *what, const char *text) {
    fprintf(stderr, "%s: %s\n", what, text);
    exit(EXIT_FAILURE);
}

static double time_one(const bench_pair *pair, bench_function function) {
    int64_t begun = bench_now_ns();
    if (function(pair->context, pair->count) != 0) bench_stop(pair->name, "went wrong");
    return (double)(bench_now_ns() - begun) / (double)pair->count;
}

int bench_round_count(int by_default) {
    const char *text = getenv("FARM_BENCH_ROUNDS");
    long count = text == NULL ? by_default : strtol(text, NULL, 10);
    return count < 1 || count > BENCH_ROUND_MAX ? by_default : (int)count;
}

FILE *bench_json(void) {
    const char *path = getenv("FARM_BENCH_JSON");
    return path == NULL ? NULL : fopen(path, "a");
}

static void append_json(const char *title, const bench_pair *pair, double ours, double plain,
                        double ratio) {
    FILE *file = bench_json();
    if (file == NULL) return;
    fprintf(file, "{\"bench\":\"%s\",\"name\":\"%s\",\"ours_ns\":%.1f", title, pair->name, ours);
    if (pair->plain != NULL) fprintf(file, ",\"plain_ns\":%.1f,\"ratio\":%.3f", plain, ratio);
    fprintf(file, "}\n");
    fclose(file);
}

static void run_pair(const char *title, const bench_pair *pair) {
    static double ours[BENCH_ROUND_MAX];
    static double plain[BENCH_ROUND_MAX];
    static double ratios[BENCH_ROUND_MAX];
    const int rounds = bench_round_count(BENCH_ROUNDS);
    time_one(pair, pair->ours); /* warm up */
    if (pair->plain != NULL) time_one(pair, pair->plain);
    for (int i = 0; i < rounds; i++) {
        ours[i] = time_one(pair, pair->ours);
        if (pair->plain != NULL) {
            plain[i] = time_one(pair, pair->plain);
            ratios[i] = plain[i] / ours[i];
        }
    }
    double our_median = bench_median(ours, rounds);
    double plain_median = pair->plain == NULL ? 0 : bench_median(plain, rounds);
    double ratio = pair->plain == NULL ? 0 : bench_median(ratios, rounds);
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
           bench_round_count(BENCH_ROUNDS));
    printf("%-44s %12s %12s %8s %12s\n", "", "ours ns", "plain ns", "ratio", "ours /s");
    for (size_t i = 0; i < count; i++) run_pair(title, &pairs[i]);
}

typedef struct bench_part {
    bench_function function;
    void *context;
    int64_t count;
    int outcome;
} bench_part;

static void *run_part(void *context) {
    bench_part *self = context;
    self->outcome = self->function(self->context, self->count);
    return NULL;
}

int bench_by_threads(bench_function function, void *const *contexts, int thread_count,
                     int64_t count) {
    bench_part parts[BENCH_THREAD_MAX];
    pthread_t threads[BENCH_THREAD_MAX];
    int outcome = 0;
    for (int i = 0; i < thread_count; i++) {
        parts[i] = (bench_part){function, contexts[i], count / thread_count, 0};
        if (pthread_create(&threads[i], NULL, run_part, &parts[i]) != 0)
            bench_stop("thread", "cannot be made");
    }
    for (int i = 0; i < thread_count; i++) {
        pthread_join(threads[i], NULL);
        outcome |= parts[i].outcome != 0;
    }
    return outcome;
}
