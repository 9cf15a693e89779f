/* Random operations of all modules against their models, while faults happen (fault/lab.h).
 *
 *     model [--broken=NAME] [--seed N] [--rounds N] [--seconds N] [--only MODULE] [--verbose]
 *           URI [OWNER_URI]
 *
 * Without a bound it plays some thousands of them; without a seed, 1. It plays the seed with
 * threads and, where several processes can open the store, the next seed with processes. --broken
 * plants a fault of fault/lab_broken.h and must fail: "--broken=lost-lock",
 * "--broken=missing-key", "--broken=swallowed-error". */
#include "backend/decorators.h"
#include "fault/lab.h"
#include "fault/lab_broken.h"
#include "support/fault_memory.h"
#include "support/fault_vfs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { URI_SIZE = 1024, ROUNDS = 2000, ROUNDS_IN_PROCESS = 8000 };

static void arm_storage(lab_random *random, farm_status status, int32_t when) {
    decorator_fault_set(1 + (uint64_t)lab_random_below(random, 4), status, when);
}

static void arm_busy(lab_random *random) {
    arm_storage(random, FARM_EAGAIN, DECORATOR_FAULT_BEFORE);
}

static void arm_unreachable(lab_random *random) {
    arm_storage(random, FARM_EUNAVAILABLE, DECORATOR_FAULT_BEFORE);
}

static void arm_full(lab_random *random) {
    arm_storage(random, FARM_EFULL, DECORATOR_FAULT_BEFORE);
}

static void arm_answer_lost(lab_random *random) {
    arm_storage(random, FARM_OK, DECORATOR_FAULT_AFTER);
}

static void disarm_storage(void) {
    decorator_fault_set(0, FARM_OK, 0);
}

static void arm_disk(lab_random *random) {
    static const uint32_t kinds[] = {FAULT_VFS_ALL,  FAULT_VFS_ALL,  FAULT_VFS_WRITE,
                                     FAULT_VFS_SYNC, FAULT_VFS_READ, FAULT_VFS_SHM};
    uint32_t kind = kinds[lab_random_below(random, sizeof kinds / sizeof *kinds)];
    uint64_t nth = 1 + (uint64_t)lab_random_below(random, kind == FAULT_VFS_ALL ? 30 : 5);
    fault_vfs_fail(nth, kind, lab_random_once_in(random, 3) ? FAULT_VFS_FOR_GOOD : FAULT_VFS_ONCE);
}

static void arm_disk_full(lab_random *random) {
    fault_vfs_fill(lab_random_below(random, 20000));
}

static void disarm_disk(void) {
    fault_vfs_fail(0, 0, FAULT_VFS_ONCE);
}

/* Mostly of the library, which allocates less often than SQLite does. */
static void arm_no_memory(lab_random *random) {
    const int is_sqlite = lab_random_once_in(random, 3);
    fault_memory_fail(is_sqlite ? FAULT_MEMORY_SQLITE : FAULT_MEMORY_LIBRARY,
                      (long)lab_random_below(random, is_sqlite ? 120 : 30));
}

static void disarm_no_memory(void) {
    fault_memory_fail(FAULT_MEMORY_LIBRARY, -1);
}

/* Those of the disk come last: they are only for a file. */
static const lab_fault faults[] = {
    {"busy", arm_busy, disarm_storage},
    {"unreachable", arm_unreachable, disarm_storage},
    {"full", arm_full, disarm_storage},
    {"answer lost", arm_answer_lost, disarm_storage},
    {"no memory", arm_no_memory, disarm_no_memory},
    {"disk", arm_disk, disarm_disk},
    {"disk full", arm_disk_full, disarm_disk},
};
enum { FAULT_COUNT = sizeof faults / sizeof *faults, DISK_FAULTS = 2 };

static int64_t number(const char *text) {
    char *end = NULL;
    long long value = strtoll(text == NULL ? "" : text, &end, 10);
    if (end == NULL || end == text || *end != '\0' || value < 0) {
        fprintf(stderr, "%s is no number\n", text == NULL ? "nothing" : text);
        exit(EXIT_FAILURE);
    }
    return value;
}

/* The storage faults wrap whatever is planted beneath them. */
static void name_stores(lab_options *options, const char *planted, char *uri, char *owner_uri) {
    static char schema[64];
    if (strncmp(options->uri, "postgres", 8) == 0) {
        snprintf(schema, sizeof schema, "lab_%ld.", (long)getpid());
        lab_schema = schema;
        snprintf(uri, URI_SIZE, "fault+%s?schema=lab_%ld", options->uri, (long)getpid());
        snprintf(owner_uri, URI_SIZE, "%s?schema=lab_%ld&grant_to=farm_app",
                 options->owner_uri == NULL ? options->uri : options->owner_uri, (long)getpid());
        options->owner_uri = owner_uri;
    } else {
        snprintf(uri, URI_SIZE, "fault+%s%s", planted, options->uri);
        options->owner_uri = NULL;
    }
    options->uri = uri;
}

static int register_faults(const char *planted) {
    char scheme[64];
    snprintf(scheme, sizeof scheme, "%ssqlite", planted);
    return decorator_register(&decorator_fault, scheme) != NULL &&
           decorator_register(&decorator_fault, "postgresql") != NULL;
}

static void drop_schema(const lab_options *options) {
    char text[100];
    farm_session *session = NULL;
    if (options->owner_uri == NULL) return;
    snprintf(text, sizeof text, "DROP SCHEMA lab_%ld CASCADE", (long)getpid());
    if (farm_session_new(&session) != FARM_OK ||
        farm_session_open(session, options->owner_uri, NULL) != FARM_OK ||
        farm_session_execute(session, text, NULL, 0, NULL) != FARM_OK)
        fprintf(stderr, "drop: %s\n", farm_session_error_text(session));
    farm_session_free(session);
}

/* Fills in the options, and answers what is planted: the URI's prefix. */
static const char *read_arguments(int count, char **arguments, lab_options *options) {
    const char *planted = "";
    for (int i = 1; i < count && planted != NULL; i++) {
        const char *argument = arguments[i];
        const char *next = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(argument, "--verbose") == 0)
            options->is_verbose = 1;
        else if (strncmp(argument, "--broken=", 9) == 0)
            planted = lab_broken_plant(argument + 9);
        else if (strcmp(argument, "--seed") == 0 && ++i)
            options->seed = (uint64_t)number(next);
        else if (strcmp(argument, "--rounds") == 0 && ++i)
            options->rounds = number(next);
        else if (strcmp(argument, "--seconds") == 0 && ++i)
            options->duration_us = number(next) * 1000000;
        else if (strcmp(argument, "--only") == 0 && ++i)
            options->only = next;
        else if (options->uri == NULL)
            options->uri = argument;
        else
            options->owner_uri = argument;
    }
    return options->uri == NULL ? NULL : planted;
}

int main(int argument_count, char **arguments) {
    static char uri[URI_SIZE];
    static char owner_uri[URI_SIZE];
    lab_options options = {.seed = 1, .player_count = 3, .faults = faults};
    if (!fault_memory_register() || !fault_vfs_register()) return EXIT_FAILURE;
    fault_vfs_skip_syncs(1);
    const char *planted = read_arguments(argument_count, arguments, &options);
    int is_planted = argument_count > 1 && strncmp(arguments[1], "--broken=", 9) == 0;
    if (planted == NULL || !register_faults(planted)) return EXIT_FAILURE;
    int is_server = strncmp(options.uri, "postgres", 8) == 0;
    int is_bounded = options.rounds > 0 || options.duration_us > 0;
    if (!is_bounded) options.rounds = is_server ? ROUNDS : ROUNDS_IN_PROCESS;

    int has_processes = strstr(options.uri, ":memory:") == NULL;
    int is_file = has_processes && strncmp(options.uri, "sqlite:", 7) == 0;
    options.fault_count = FAULT_COUNT - (is_file ? 0 : DISK_FAULTS);
    name_stores(&options, planted, uri, owner_uri);
    options.duration_us /= 1 + has_processes;
    int failed = lab_run(&options);
    options.has_processes = 1;
    options.seed++;
    /* What is planted ends the run, sooner or later. */
    if (is_planted && !is_bounded) options.rounds = ROUNDS * 100;
    if (failed == 0 && has_processes) failed = lab_run(&options);
    drop_schema(&options);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
