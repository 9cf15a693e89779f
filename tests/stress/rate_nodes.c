/* Several processes take from one bucket while the clock stands still: together they are admitted
 * exactly the burst. 4 processes on a file of SQLite; 8 on Postgres, where the environment names
 * one. */
#include "support/test_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BURST = 1000, CALL_COUNT = 500, SQLITE_PROCESSES = 4, POSTGRES_PROCESSES = 8 };

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
    farm_session *session = open_session(uri);
    if (farm_migrate(session) != FARM_OK || farm_rate_define(session, &limit, 1) != FARM_OK)
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

static void run_process(const char *uri, int out) {
    int admitted = take_all(uri);
    if (write(out, &admitted, sizeof admitted) != (ssize_t)sizeof admitted) exit(EXIT_FAILURE);
    exit(EXIT_SUCCESS);
}

static int storm(const char *name, const char *uri, int processes) {
    int ends[2];
    int total = 0;
    int failed = 0;
    if (pipe(ends) != 0) test_store_stop("pipe", "none");
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
    fflush(stdout);
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
