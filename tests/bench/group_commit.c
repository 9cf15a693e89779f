/* Writers of one process on one SQLite file: the library's shared commits against what plain SQLite
 * offers, a connection a thread with busy_timeout and BEGIN IMMEDIATE. The same statement, a take
 * of a rate limit, each thread on a bucket of its own, in one run, in turn.
 *
 * The figures are takes per second, medians of the rounds; and the longest that any take of any
 * round lasted, which is what busy_timeout is bad at. With FARM_BENCH_JSON one JSON object a line
 * is appended to that file; FARM_BENCH_ROUNDS: how many rounds, default 7; FARM_BENCH_FOLDER: where
 * the file is, since the disk is half of what is measured; default the current folder.
 *
 * Disks differ: one with a battery answers a sync in a tenth of a millisecond, one in a rented
 * machine in one or more. So it is measured on this disk and, since that says little of others, on
 * the same with a sync that sleeps for a millisecond; the first line says what a sync takes here.
 *
 * It runs on all processors, whatever it was pinned to: how threads take turns is the matter here,
 * and pinned to one they would never meet at the lock. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_setaffinity() */
#endif
#include "by_hand.h"
#include "support/bench.h"
#include "support/store_file.h"
#include <farmcore/farmcore.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUND_NS INT64_C(500000000)

enum { THREAD_MAX = 16, ROUNDS = 7, BUSY_MS = 60000, SLOW_SYNC_US = 1000 };

typedef struct bench_writer {
    pthread_t thread;
    int number;
    farm_session *session; /* ours */
    sqlite3 *handle;       /* by hand */
    sqlite3_stmt *begin;
    sqlite3_stmt *take;
    sqlite3_stmt *commit;
    char bucket[32]; /* of which the first 16 count */
    int64_t now_ns;
    int64_t count;
    int64_t worst_ns;
} bench_writer;

typedef struct bench_side {
    double rates[BENCH_ROUND_MAX]; /* takes a second */
    int64_t worst_ns;
} bench_side;

static char path[1024];
static bench_writer writers[THREAD_MAX];
static pthread_barrier_t barrier;
static int64_t round_end_ns;

static void use_all_processors(void) {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (size_t i = 0; i < CPU_SETSIZE; i++) CPU_SET(i, &all);
    (void)sched_setaffinity(0, sizeof all, &all);
}

/* --- a disk whose sync takes a millisecond --- */

typedef struct slow_file {
    sqlite3_file base;
    const sqlite3_io_methods *inner;
    sqlite3_io_methods methods;
} slow_file;

/* The real file stands at the beginning of what SQLite has given us; what we add, at its end. */
static sqlite3_vfs slow_vfs;
static sqlite3_vfs *real_vfs;

static slow_file *slow_part(sqlite3_file *file) {
    return (slow_file *)((char *)file + real_vfs->szOsFile);
}

static int sync_slowly(sqlite3_file *file, int flags) {
    real_vfs->xSleep(real_vfs, SLOW_SYNC_US);
    return slow_part(file)->inner->xSync(file, flags);
}

static int open_slowly(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                       int *out_flags) {
    (void)vfs;
    const int result = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
    if (result != SQLITE_OK || file->pMethods == NULL) return result;
    slow_file *slow = slow_part(file);
    slow->inner = file->pMethods;
    slow->methods = *slow->inner;
    slow->methods.xSync = sync_slowly;
    file->pMethods = &slow->methods;
    return result;
}

static void make_disk_slow(void) {
    real_vfs = sqlite3_vfs_find(NULL);
    slow_vfs = *real_vfs;
    slow_vfs.zName = "slow";
    slow_vfs.szOsFile = real_vfs->szOsFile + (int)sizeof(slow_file);
    slow_vfs.xOpen = open_slowly;
    if (sqlite3_vfs_register(&slow_vfs, 1) != SQLITE_OK) bench_stop("disk", "cannot be made slow");
}

static double sync_us(void) {
    enum { COUNT = 200 };
    FILE *file = fopen(path, "w");
    if (file == NULL) bench_stop(path, "cannot be written");
    const int64_t begun = bench_now_ns();
    for (int i = 0; i < COUNT; i++) {
        fprintf(file, "%4096d", i);
        fflush(file);
        fdatasync(fileno(file));
    }
    const double took = (double)(bench_now_ns() - begun) / 1e3 / COUNT;
    fclose(file);
    return took;
}

/* --- takes --- */

static void take_ours(bench_writer *writer) {
    char subject[16];
    snprintf(subject, sizeof subject, "user-%d", writer->number);
    const farm_rate_request request = {
        .struct_size = sizeof request, .limit = "user", .subject = subject, .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    if (farm_rate_take(writer->session, &request, 1, &state, &decision) != FARM_OK)
        bench_stop("take", farm_session_error_text(writer->session));
    if (!decision.allowed) bench_stop("take", "denied");
}

static void step(bench_writer *writer, sqlite3_stmt *statement) {
    int result = sqlite3_step(statement);
    while (result == SQLITE_ROW) result = sqlite3_step(statement);
    if (result != SQLITE_DONE) bench_stop("step", sqlite3_errmsg(writer->handle));
    sqlite3_reset(statement);
}

static void take_plain(bench_writer *writer) {
    step(writer, writer->begin);
    by_hand_bind(writer->take, writer->bucket, writer->now_ns += 1000);
    step(writer, writer->take);
    step(writer, writer->commit);
}

static void *run_writer(void *context) {
    bench_writer *writer = context;
    writer->count = 0;
    writer->worst_ns = 0;
    pthread_barrier_wait(&barrier);
    int64_t begun = bench_now_ns();
    while (begun < round_end_ns) {
        if (writer->session != NULL)
            take_ours(writer);
        else
            take_plain(writer);
        const int64_t ended = bench_now_ns();
        if (ended - begun > writer->worst_ns) writer->worst_ns = ended - begun;
        if (ended < round_end_ns) writer->count++;
        begun = ended;
    }
    return NULL;
}

/* What was done when the time was over counts, and how long it took whoever was then at it. */
static void run_round(int thread_count, bench_side *side, int round) {
    int64_t count = 0;
    pthread_barrier_init(&barrier, NULL, (unsigned)thread_count);
    round_end_ns = bench_now_ns() + ROUND_NS;
    for (int i = 0; i < thread_count; i++)
        if (pthread_create(&writers[i].thread, NULL, run_writer, &writers[i]) != 0)
            bench_stop("thread", "none");
    for (int i = 0; i < thread_count; i++) {
        pthread_join(writers[i].thread, NULL);
        count += writers[i].count;
        if (writers[i].worst_ns > side->worst_ns) side->worst_ns = writers[i].worst_ns;
    }
    pthread_barrier_destroy(&barrier);
    side->rates[round] = (double)count * 1e9 / (double)ROUND_NS;
}

static void open_ours(farm_pool *pool) {
    farm_error error = {.struct_size = sizeof error};
    for (int i = 0; i < THREAD_MAX; i++) {
        writers[i].number = i;
        if (farm_pool_acquire(pool, 0, &error, &writers[i].session) != FARM_OK)
            bench_stop("acquire", error.text);
        farm_session_set_service(writers[i].session);
    }
}

static void close_ours(farm_pool *pool) {
    for (int i = 0; i < THREAD_MAX; i++) {
        farm_pool_release(pool, writers[i].session);
        writers[i].session = NULL;
    }
}

static void open_plain(const char *synchronous) {
    for (int i = 0; i < THREAD_MAX; i++) {
        bench_writer *writer = &writers[i];
        writer->handle = by_hand_open_sqlite(path, synchronous);
        sqlite3_busy_timeout(writer->handle, BUSY_MS);
        snprintf(writer->bucket, sizeof writer->bucket, "by-hand-bucket%02d", i);
        writer->now_ns = BY_HAND_BEGIN_NS;
        writer->begin = by_hand_prepare(writer->handle, "BEGIN IMMEDIATE");
        writer->take = by_hand_prepare(writer->handle, by_hand_take_text());
        writer->commit = by_hand_prepare(writer->handle, "COMMIT");
    }
}

static void close_plain(void) {
    for (int i = 0; i < THREAD_MAX; i++) {
        sqlite3_finalize(writers[i].begin);
        sqlite3_finalize(writers[i].take);
        sqlite3_finalize(writers[i].commit);
        sqlite3_close(writers[i].handle);
    }
}

static void report(const char *disk, const char *durability, int thread_count,
                   const bench_side *ours, const bench_side *plain) {
    const int rounds = bench_round_count(ROUNDS);
    double ratios[BENCH_ROUND_MAX];
    for (int i = 0; i < rounds; i++) ratios[i] = ours->rates[i] / plain->rates[i];
    const double our_rate = bench_median(ours->rates, rounds);
    const double plain_rate = bench_median(plain->rates, rounds);
    const double ratio = bench_median(ratios, rounds);
    const double our_worst = (double)ours->worst_ns / 1e6;
    const double plain_worst = (double)plain->worst_ns / 1e6;
    printf("%-10s %-8s %7d %10.0f %10.0f %8.2f %14.1f %14.1f\n", disk, durability, thread_count,
           our_rate, plain_rate, ratio, our_worst, plain_worst);
    fflush(stdout);
    FILE *file = bench_json();
    if (file == NULL) return;
    fprintf(
        file,
        "{\"bench\":\"SQLite group commit, %s, %s\",\"name\":\"%d threads\",\"ours_per_s\":%.0f,"
        "\"busy_timeout_per_s\":%.0f,\"ratio\":%.3f,\"ours_worst_ms\":%.2f,"
        "\"busy_timeout_worst_ms\":%.2f}\n",
        disk, durability, thread_count, our_rate, plain_rate, ratio, our_worst, plain_worst);
    fclose(file);
}

static farm_pool *make_store(const char *durability) {
    const farm_rate_limit limit = {
        .struct_size = sizeof limit, .name = "user", .count = 1000000000, .period_us = 1000000};
    farm_pool_options options = {.struct_size = sizeof options, .max_count = THREAD_MAX};
    farm_error error = {.struct_size = sizeof error};
    farm_session *session = NULL;
    farm_pool *pool = NULL;
    char uri[1100];
    snprintf(uri, sizeof uri, "sqlite:%s?durability=%s", path, durability);
    if (farm_pool_new(&pool) != FARM_OK || farm_pool_open(pool, uri, &options, &error) != FARM_OK ||
        farm_pool_acquire(pool, 0, &error, &session) != FARM_OK)
        bench_stop("open", error.text);
    if (farm_migrate(session) != FARM_OK || farm_session_set_service(session) != FARM_OK ||
        farm_rate_define(session, &limit, 1) != FARM_OK)
        bench_stop("define", farm_session_error_text(session));
    farm_pool_release(pool, session);
    return pool;
}

static void bench_durability(const char *disk, const char *durability, const char *synchronous) {
    static const int thread_counts[] = {1, 4, 16};
    store_file_remove(path);
    farm_pool *pool = make_store(durability);
    open_plain(synchronous);
    for (size_t i = 0; i < sizeof thread_counts / sizeof *thread_counts; i++) {
        static bench_side ours;
        static bench_side plain;
        memset(&ours, 0, sizeof ours);
        memset(&plain, 0, sizeof plain);
        for (int round = 0; round < bench_round_count(ROUNDS); round++) {
            open_ours(pool);
            run_round(thread_counts[i], &ours, round);
            close_ours(pool);
            run_round(thread_counts[i], &plain, round);
        }
        report(disk, durability, thread_counts[i], &ours, &plain);
    }
    close_plain();
    farm_pool_free(pool);
    store_file_remove(path);
}

int main(void) {
    const char *folder = getenv("FARM_BENCH_FOLDER");
    snprintf(path, sizeof path, "%s%sbench-group.db", folder == NULL ? "" : folder,
             folder == NULL ? "" : "/");
    use_all_processors();
    printf("\nSQLite group commit: takes a second, medians of %d rounds, and the longest of all;\n"
           "ratio is ours to a connection a thread with busy_timeout; a sync takes %.0f us here\n",
           bench_round_count(ROUNDS), sync_us());
    printf("%-10s %-8s %7s %10s %10s %8s %14s %14s\n", "disk", "", "threads", "ours /s", "busy /s",
           "ratio", "ours worst ms", "busy worst ms");
    bench_durability("this", "full", "FULL");
    bench_durability("this", "normal", "NORMAL");
    make_disk_slow();
    bench_durability("1 ms sync", "full", "FULL");
    bench_durability("1 ms sync", "normal", "NORMAL");
    return EXIT_SUCCESS;
}
