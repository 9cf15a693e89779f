/* Every I/O of every scenario fails in turn, once or from then on, and the disk is full after any
 * number of bytes: the call says the truth, a repeat is harmless, the store stays sound. Each time
 * on a fresh copy of the same file, by a session that opens it in the midst of the fault, and by
 * one that had it open before and goes on afterwards.
 *
 *     disk URI
 *
 * Stores: sqlite-file
 * Threads: one */
#include "support/fault_vfs.h"
#include "support/scenarios.h"
#include "support/store_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINT_MAX = 5000, FULL_STEP = 1536, PATH_SIZE = 1024 };

#define NOW_US INT64_C(1767225600000000)

typedef struct disk_failure {
    const char *name;
    int32_t how;
    int is_full;
} disk_failure;

static const disk_failure failures[] = {
    {"fails once", FAULT_VFS_ONCE, 0},
    {"fails for good", FAULT_VFS_FOR_GOOD, 0},
    {"finds the disk full", 0, 1},
};

/* One failure in one place. */
typedef struct disk_point {
    const fault_scenario *scenario;
    const disk_failure *failure;
    uint64_t number; /* of the I/O, or of the step in bytes */
    int is_warm;     /* the session had the file open before */
} disk_point;

static const char *uri;
static char path[PATH_SIZE];
static char template_path[PATH_SIZE + 16];

static farm_status open_session(farm_session *session) {
    /* A disk that fails for good is not worth waiting for. */
    const farm_session_options options = {.struct_size = sizeof options, .try_count = 3};
    farm_status status = farm_session_open(session, uri, &options);
    if (status == FARM_OK) status = farm_session_set_service(session);
    return status == FARM_OK ? farm_session_set_clock_us(session, NOW_US) : status;
}

static farm_session *new_session(void) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK) abort();
    return session;
}

/* A session on a disk without faults. */
static farm_session *open_well(void) {
    farm_session *session = new_session();
    if (open_session(session) != FARM_OK) {
        fprintf(stderr, "open: %s\n", farm_session_error_text(session));
        abort();
    }
    return session;
}

/* Each point begins with what this leaves. */
static void make_template(const fault_scenario *scenario) {
    store_file_remove(path);
    farm_session *session = open_well();
    if (farm_migrate(session) != FARM_OK || scenario->prepare(session) != FARM_OK) {
        fprintf(stderr, "%s: %s\n", scenario->name, farm_session_error_text(session));
        abort();
    }
    farm_session_free(session);
    store_file_copy(path, template_path);
}

static int fail(const disk_point *point, farm_status status, const char *what,
                farm_session *session) {
    fprintf(stderr, "not ok: %s, %s: I/O %llu %s, %s: %s: %s\n", point->scenario->name,
            point->is_warm ? "open before" : "opening", (unsigned long long)point->number,
            point->failure->name, farm_status_name(status), what, farm_session_error_text(session));
    return 0;
}

static void arm(const disk_point *point) {
    fault_vfs_fail(point->failure->is_full ? 0 : point->number, FAULT_VFS_ALL, point->failure->how);
    if (point->failure->is_full) fault_vfs_fill((int64_t)(point->number - 1) * FULL_STEP);
}

/* Act under the fault. *out_session is the session that goes on afterwards, if it was open. */
static farm_status act(const disk_point *point, farm_session *session, int *out_fired) {
    farm_status status = FARM_OK;
    if (point->is_warm && open_session(session) != FARM_OK) abort();
    arm(point);
    if (!point->is_warm) status = open_session(session);
    if (status == FARM_OK) status = point->scenario->act(session);
    farm_rollback(session);
    if (!point->is_warm) farm_session_close(session);
    *out_fired = fault_vfs_has_fired();
    fault_vfs_fail(0, 0, FAULT_VFS_ONCE);
    return status;
}

static int is_as_said(const fault_scenario *scenario, farm_status status, int64_t answer) {
    if (status == FARM_OK) return answer == scenario->most;
    if (status == FARM_EUNCERTAIN) return answer == scenario->most || answer == scenario->least;
    return answer == scenario->least;
}

static int run_point(const disk_point *point, int *out_fired) {
    const fault_scenario *scenario = point->scenario;
    store_file_remove(path);
    store_file_copy(template_path, path);
    farm_session *session = new_session();
    farm_status status = act(point, session, out_fired);

    int is_good = 1;
    farm_session *witness = open_well();
    int64_t answer = scenario_answer(witness, scenario);
    if (!is_as_said(scenario, status, answer))
        is_good = fail(point, status, "the rows say otherwise", witness);
    if (!*out_fired && status != FARM_OK)
        is_good = fail(point, status, "it failed without a fault", session);
    if (!point->is_warm && open_session(session) != FARM_OK)
        is_good = fail(point, status, "it cannot be opened again", session);
    farm_session_set_service(session);
    farm_status again = scenario->act(session);
    int64_t most = scenario->most;
    if (answer == scenario->most && answer != scenario->least) most += scenario->repeat_adds;
    if (again != FARM_OK || scenario_answer(witness, scenario) != most)
        is_good = fail(point, again, "the repeat went wrong", session);
    if (!scenario_is_sound(witness))
        is_good = fail(point, status, "the store is not sound", witness);
    farm_session_free(witness);
    farm_session_free(session);
    return is_good;
}

static int storm(const fault_scenario *scenario, const disk_failure *failure, int is_warm,
                 unsigned long *points) {
    disk_point point = {.scenario = scenario, .failure = failure, .is_warm = is_warm};
    int failed = 0;
    int has_fired = 1;
    for (point.number = 1; has_fired && point.number < POINT_MAX; point.number++) {
        failed += !run_point(&point, &has_fired);
        *points += (unsigned long)has_fired;
    }
    return failed;
}

/* --- a file that is not there yet --- */

static farm_status open_and_migrate(farm_session *session) {
    farm_status status = open_session(session);
    return status == FARM_OK ? farm_migrate(session) : status;
}

/* Every so many of the many I/Os: the file is made, opened and migrated as if nothing had been. */
static int storm_first(unsigned long *points) {
    enum { STRIDE = 3 };
    static const fault_scenario first = {.name = "the first migration"};
    disk_point point = {.scenario = &first, .failure = &failures[0]};
    int failed = 0;
    int has_fired = 1;
    for (point.number = 1; has_fired && point.number < POINT_MAX; point.number += STRIDE) {
        store_file_remove(path);
        farm_session *session = new_session();
        arm(&point);
        farm_status status = open_and_migrate(session);
        farm_session_close(session);
        has_fired = fault_vfs_has_fired();
        fault_vfs_fail(0, 0, FAULT_VFS_ONCE);
        if (open_and_migrate(session) != FARM_OK || !scenario_is_sound(session))
            failed += !fail(&point, status, "it cannot be made afterwards", session);
        farm_session_free(session);
        *points += (unsigned long)has_fired;
    }
    return failed;
}

int main(int argument_count, char **arguments) {
    if (argument_count < 2 || strncmp(arguments[1], "sqlite:", 7) != 0) return EXIT_FAILURE;
    uri = arguments[1];
    snprintf(path, sizeof path, "%s", uri + 7);
    snprintf(template_path, sizeof template_path, "%s.template", path);
    if (!fault_vfs_register()) return EXIT_FAILURE;
    fault_vfs_skip_syncs(1);

    int failed = 0;
    unsigned long points = 0;
    for (size_t i = 0; i < scenario_count; i++) {
        make_template(&scenarios[i]);
        for (size_t j = 0; j < sizeof failures / sizeof *failures; j++)
            for (int is_warm = 0; is_warm < 2; is_warm++)
                failed += storm(&scenarios[i], &failures[j], is_warm, &points);
    }
    failed += storm_first(&points);
    printf("%zu scenarios, %lu times the disk failed, %d went wrong\n", scenario_count + 1, points,
           failed);
    return failed == 0 && points > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
