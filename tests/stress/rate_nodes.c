/* Several processes take from one bucket while the clock stands still: together they are admitted
 * exactly the burst; and they hold places of one limit, of which never more are held at once. 4
 * processes on a file of SQLite; 8 on Postgres, where the environment names one. */
#include "support/test_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BURST = 1000, CALL_COUNT = 500, SQLITE_PROCESSES = 4, POSTGRES_PROCESSES = 8 };
enum { PLACE_COUNT = 2, VISIT_COUNT = 150 };

/* Seen by all processes. */
static struct {
    atomic_int inside;
    atomic_int entries;
    atomic_int crowds;
} * shared;

#define NOW_US INT64_C(1767225600000000)

static farm_session *open_session(const char *uri) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK) test_store_stop("open", "no memory");
    if (farm_session_open(session, uri, NULL) != FARM_OK ||
        farm_session_set_service(session) != FARM_OK ||
        farm_session_set_clock_us(session, NOW_US) != FARM_OK)
        test_store_stop(uri, farm_session_error_text(session));
    return session;
}

static void prepare(const char *uri) {
    const farm_rate_limit limit = {.struct_size = sizeof limit,
                                   .name = "hot",
                                   .scope = FARM_RATE_SCOPE_GLOBAL,
                                   .count = BURST,
                                   .period_us = INT64_C(86400000000)};
    const farm_rate_limit places = {.struct_size = sizeof places,
                                    .name = "places",
                                    .scope = FARM_RATE_SCOPE_GLOBAL,
                                    .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
                                    .count = PLACE_COUNT,
                                    .period_us = INT64_C(86400000000)};
    farm_session *session = open_session(uri);
    if (farm_migrate(session) != FARM_OK || farm_rate_define(session, &limit, 1) != FARM_OK ||
        farm_rate_define(session, &places, 1) != FARM_OK)
        test_store_stop(uri, farm_session_error_text(session));
    farm_session_free(session);
}

/* What one process is admitted. */
static int take_all(const char *uri) {
    const farm_rate_request request = {.struct_size = sizeof request, .limit = "hot", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_session *session = open_session(uri);
    int admitted = 0;
    for (int i = 0; i < CALL_COUNT; i++) {
        if (farm_rate_take(session, &request, 1, &state, &decision) != FARM_OK)
            test_store_stop("take", farm_session_error_text(session));
        admitted += decision.allowed;
    }
    farm_session_free(session);
    return admitted;
}

static void visit(farm_session *session) {
    const farm_rate_request request = {.struct_size = sizeof request, .limit = "places", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    if (farm_rate_take(session, &request, 1, &state, &decision) != FARM_OK)
        test_store_stop("hold", farm_session_error_text(session));
    if (!decision.allowed) return;
    if (atomic_fetch_add(&shared->inside, 1) >= PLACE_COUNT) atomic_fetch_add(&shared->crowds, 1);
    atomic_fetch_add(&shared->entries, 1);
    for (int i = 0; i < 20; i++) sched_yield();
    atomic_fetch_sub(&shared->inside, 1);
    if (farm_rate_release(session, &decision.token, &request, 1) != FARM_OK)
        test_store_stop("release", farm_session_error_text(session));
}

static void visit_all(const char *uri) {
    farm_session *session = open_session(uri);
    for (int i = 0; i < VISIT_COUNT; i++) visit(session);
    farm_session_free(session);
}

static int share(void) {
    char name[] = "rate-nodes-shared-XXXXXX";
    const int file = mkstemp(name);
    if (file < 0 || unlink(name) != 0 || ftruncate(file, sizeof *shared) != 0) return 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return shared != MAP_FAILED;
}

static void run_process(const char *uri, int out) {
    int admitted = take_all(uri);
    visit_all(uri);
    if (write(out, &admitted, sizeof admitted) != (ssize_t)sizeof admitted) exit(EXIT_FAILURE);
    exit(EXIT_SUCCESS);
}

static int storm(const char *name, const char *uri, int processes) {
    int ends[2];
    int total = 0;
    int failed = 0;
    if (pipe(ends) != 0) test_store_stop("pipe", "none");
    if (!share()) test_store_stop("shared memory", "none");
    for (int i = 0; i < processes; i++)
        if (fork() == 0) run_process(uri, ends[1]);
    close(ends[1]);
    for (int i = 0; i < processes; i++) {
        int status = -1;
        wait(&status);
        failed += status != 0;
    }
    int admitted = 0;
    while (read(ends[0], &admitted, sizeof admitted) == (ssize_t)sizeof admitted) total += admitted;
    close(ends[0]);
    printf("%s: %d processes, %d takes, %d admitted of a burst of %d\n", name, processes,
           processes * CALL_COUNT, total, BURST);
    printf("%s: %d visits, %d with more than %d inside\n", name, atomic_load(&shared->entries),
           atomic_load(&shared->crowds), PLACE_COUNT);
    fflush(stdout);
    failed += atomic_load(&shared->crowds) != 0 || atomic_load(&shared->entries) < 3 * PLACE_COUNT;
    return failed + (total != BURST);
}

static int storm_sqlite(void) {
    char folder[] = "rate-nodes-XXXXXX";
    char uri[64];
    char command[64];
    if (mkdtemp(folder) == NULL) test_store_stop("folder", "none");
    snprintf(uri, sizeof uri, "sqlite:%s/nodes.db?durability=normal", folder);
    prepare(uri);
    int failed = storm("SQLite", uri, SQLITE_PROCESSES);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return failed + (system(command) != 0);
}

static int storm_postgres(void) {
    const char *application = getenv("FARM_TEST_POSTGRES");
    const char *owner = getenv("FARM_TEST_POSTGRES_OWNER");
    char uri[1024];
    if (application == NULL || owner == NULL) return 0;
    snprintf(uri, sizeof uri, "%s?schema=nodes&grant_to=farm_app", owner);
    prepare(uri);
    snprintf(uri, sizeof uri, "%s?schema=nodes", application);
    return storm("Postgres", uri, POSTGRES_PROCESSES);
}

int main(void) {
    int failed = storm_sqlite() + storm_postgres();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
