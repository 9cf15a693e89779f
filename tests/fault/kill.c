/* Clients are killed in the middle of what they do, again and again: what the store acknowledged is
 * there, nothing that nobody asked for is, repeats are harmless, the store is sound.
 *
 *     kill [--broken=new-id | --seconds N] URI [OWNER_URI]
 *     kill prepare URI OWNER_URI               what servers.py runs, which kills servers: the
 *     kill run URI WORKER                      log goes to standard output
 *     kill check URI LOG...                    logs are named log.WORKER
 *
 * --broken=new-id plants a client that repeats with a new id, which must be noticed.
 *
 * Stores: sqlite-file postgres pgbouncer
 * Threads: one */
#include "base/clock.h"
#include "support/acknowledged.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CLIENT_COUNT = 3,
    KILL_COUNT = 24,
    LINES_MAX = 400, /* that a client writes before it is killed */
    URI_SIZE = 1024,
    CHUNK_SIZE = 4096
};

#define SECOND_US INT64_C(1000000)

typedef struct victim {
    pid_t process;
    int in;
    int worker;
    uint64_t lines_left;
    char *log;
    size_t size;
} victim;

static uint64_t random_state = 1;

static uint64_t draw(uint64_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

static _Noreturn void stop(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static int report(const char *uri, const acknowledged_totals *totals) {
    printf("%s%.10s…: %llu clients, %llu asked, %llu acknowledged, %llu uncertain, %llu found, "
           "%llu wrong\n",
           totals->wrong == 0 ? "" : "not ok: ", uri, (unsigned long long)totals->clients,
           (unsigned long long)totals->asked, (unsigned long long)totals->done,
           (unsigned long long)totals->uncertain, (unsigned long long)totals->found,
           (unsigned long long)totals->wrong);
    fflush(stdout);
    return totals->wrong == 0 && totals->done > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- killing clients -------------------------------------------------------------------------- */

static void start(victim *self, const acknowledged_options *options, int worker) {
    int ends[2];
    if (pipe(ends) != 0) stop("pipe");
    *self = (victim){.in = ends[0], .worker = worker, .lines_left = 1 + draw(LINES_MAX)};
    fflush(stdout);
    self->process = fork();
    if (self->process < 0) stop("fork");
    if (self->process == 0) {
        close(ends[0]);
        acknowledged_run(options, worker, ends[1], 0);
        exit(EXIT_FAILURE);
    }
    close(ends[1]);
}

/* Returns whether there may be more. A client that has written its lines is killed; what it still
 * wrote by then is read to the end. */
static int read_more(victim *self) {
    char chunk[CHUNK_SIZE];
    ssize_t got = read(self->in, chunk, sizeof chunk);
    if (got <= 0) return 0;
    char *grown = realloc(self->log, self->size + (size_t)got + 1);
    if (grown == NULL) stop("log");
    memcpy(grown + self->size, chunk, (size_t)got);
    self->log = grown;
    self->size += (size_t)got;
    self->log[self->size] = '\0';
    for (ssize_t i = 0; i < got; i++) {
        if (chunk[i] != '\n' || self->lines_left == 0) continue;
        if (--self->lines_left == 0 && kill(self->process, SIGKILL) != 0) stop("kill");
    }
    return 1;
}

/* Returns whether it ended as it should: by our hand. */
static int bury(victim *self, const acknowledged_options *options, acknowledged_totals *totals) {
    int status = 0;
    close(self->in);
    if (waitpid(self->process, &status, 0) != self->process) stop("wait");
    acknowledged_check(options, self->worker, self->log == NULL ? "" : self->log, totals);
    free(self->log);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* The others go on while one that was killed is looked into. */
static int kill_clients(const acknowledged_options *options, int64_t until) {
    victim victims[CLIENT_COUNT];
    acknowledged_totals totals = {0};
    int worker = 0;
    int failed = 0;
    int running = CLIENT_COUNT;
    for (; worker < CLIENT_COUNT; worker++) start(&victims[worker], options, worker);
    while (running > 0) {
        struct pollfd polled[CLIENT_COUNT];
        for (int i = 0; i < CLIENT_COUNT; i++)
            polled[i] = (struct pollfd){.fd = victims[i].in, .events = POLLIN};
        if (poll(polled, CLIENT_COUNT, -1) < 0) stop("poll");
        for (int i = 0; i < CLIENT_COUNT; i++) {
            if (polled[i].revents == 0 || read_more(&victims[i])) continue;
            failed += !bury(&victims[i], options, &totals);
            victims[i].in = -1;
            running--;
            if (failed > 0 || totals.wrong > 0 ||
                (worker >= KILL_COUNT && clock_monotonic_us() >= until))
                continue;
            start(&victims[i], options, worker++);
            running++;
        }
    }
    acknowledged_finish(options, &totals);
    return report(options->uri, &totals) == EXIT_SUCCESS && failed == 0 ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}

/* --- for servers.py --------------------------------------------------------------------------- */

static char *read_file(const char *name) {
    FILE *file = fopen(name, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) stop(name);
    long size = ftell(file);
    char *text = size < 0 ? NULL : calloc((size_t)size + 1, 1);
    rewind(file);
    if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size) stop(name);
    fclose(file);
    return text;
}

static int check_logs(const acknowledged_options *options, int count, char **names) {
    acknowledged_totals totals = {0};
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(names[i], '.');
        char *log = read_file(names[i]);
        acknowledged_check(options, dot == NULL ? -1 : (int)strtol(dot + 1, NULL, 10), log,
                           &totals);
        free(log);
    }
    acknowledged_finish(options, &totals);
    return report(options->uri, &totals);
}

/* --- main ------------------------------------------------------------------------------------- */

/* On a server a schema of our own; the tests may run beside each other through several doors. */
static int run_here(acknowledged_options *options, int64_t until) {
    char uri[URI_SIZE];
    char owner_uri[URI_SIZE];
    if (options->owner_uri != NULL) {
        snprintf(uri, sizeof uri, "%s?schema=kill%d", options->uri, (int)getpid());
        snprintf(owner_uri, sizeof owner_uri, "%s?schema=kill%d&grant_to=farm_app",
                 options->owner_uri, (int)getpid());
        options->uri = uri;
        options->owner_uri = owner_uri;
    }
    acknowledged_prepare(options);
    return kill_clients(options, until);
}

int main(int count, char **arguments) {
    acknowledged_options options = {0};
    int64_t until = 0;
    int next = 1;
    random_state = (uint64_t)clock_monotonic_us() | 1;
    if (getenv("FARM_TEST_SEED") != NULL)
        random_state = strtoull(getenv("FARM_TEST_SEED"), NULL, 10) | 1;
    const char *mode = count > 1 ? arguments[1] : "";
    if (strcmp(mode, "--broken=new-id") == 0) {
        options.is_broken = 1;
        next = 2;
    } else if (strcmp(mode, "--seconds") == 0 && count > 2) {
        until = clock_monotonic_us() + SECOND_US * strtoll(arguments[2], NULL, 10);
        next = 3;
    } else if (strchr(mode, ':') == NULL) {
        next = 2;
    }
    if (next >= count) return 2;
    options.uri = arguments[next];
    options.owner_uri = next + 1 < count ? arguments[next + 1] : NULL;
    if (strcmp(mode, "prepare") == 0) {
        acknowledged_prepare(&options);
        return EXIT_SUCCESS;
    }
    if (strcmp(mode, "run") == 0 && count == 4) {
        acknowledged_run(&options, (int)strtol(arguments[3], NULL, 10), STDOUT_FILENO, 0);
        return EXIT_SUCCESS;
    }
    if (strcmp(mode, "check") == 0) {
        options.lost_buckets = 1;
        return check_logs(&options, count - 3, arguments + 3);
    }
    printf("seed %llu (FARM_TEST_SEED)\n", (unsigned long long)random_state);
    return run_here(&options, until);
}
