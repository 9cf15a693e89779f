/* Every message between a session and Postgres is hit in turn, by every fault that a network has,
 * in every scenario: the call ends, what it says is true, a repeat on the same session is harmless
 * and succeeds, and the store is sound. Each worker is a process with a proxy and a schema of its
 * own, as most of the time is spent in waiting for holes.
 *
 *     wire [--forged | --seconds N] URI OWNER_URI
 *
 * Stores: postgres
 * Threads: one
 *
 * With --seconds it takes a pooler's URIs, too.
 *
 * --forged plants a client that takes a commit for done without asking, which must be noticed. */
#include "base/clock.h"
#include "support/scenarios.h"
#include "support/test_store.h"
#include "support/wire_proxy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SHARE_COUNT = 2,     /* workers for each scenario */
    SHORT_US = 50000,    /* for a call that falls into a hole */
    LONG_US = 20000000,  /* for any other */
    WATCH_SECONDS = 300, /* a worker that takes longer hangs */
    SOUND_STRIDE = 4     /* in a short run the store is verified after every so many points */
};

#define NOW_US INT64_C(1767225600000000)
#define SECOND_US INT64_C(1000000)

/* How the session is when the fault is armed. */
enum { WARM, COLD };

typedef struct wire_case {
    const char *name;
    int32_t kind;
    int32_t from;
    int64_t delay_us;
    uint64_t stride;  /* in a short run every so many messages are hit */
    int32_t start;    /* COLD: the session has lost its connection, so it connects first */
    int32_t is_short; /* the call has little time, since it will have to wait in vain */
    int32_t succeeds; /* whatever happens, the call says FARM_OK */
} wire_case;

static const wire_case cases[] = {
    {"cut before the server sees it", WIRE_CUT_BEFORE, WIRE_CLIENT, 0, 4, WARM, 0, 0},
    {"cut after the server has seen it", WIRE_CUT_AFTER, WIRE_CLIENT, 0, 4, WARM, 0, 0},
    {"cut before the client sees it", WIRE_CUT_BEFORE, WIRE_SERVER, 0, 4, WARM, 0, 0},
    {"cut while connecting, before the server sees it", WIRE_CUT_BEFORE, WIRE_CLIENT, 0, 16, COLD,
     0, 0},
    {"cut while connecting, before the client sees it", WIRE_CUT_BEFORE, WIRE_SERVER, 0, 16, COLD,
     0, 0},
    {"half closed to the server", WIRE_HALF_CLOSE, WIRE_CLIENT, 0, 16, WARM, 0, 0},
    {"half closed to the client", WIRE_HALF_CLOSE, WIRE_SERVER, 0, 16, WARM, 0, 0},
    {"cut, and turned away after", WIRE_REFUSE, WIRE_CLIENT, 0, 16, WARM, 0, 0},
    {"delayed to the server", WIRE_DELAY, WIRE_CLIENT, 3000, 16, WARM, 0, 1},
    {"delayed to the client", WIRE_DELAY, WIRE_SERVER, 3000, 16, WARM, 0, 1},
    {"in single bytes to the server", WIRE_SPLIT, WIRE_CLIENT, 0, 16, COLD, 0, 1},
    {"in single bytes to the client", WIRE_SPLIT, WIRE_SERVER, 0, 16, COLD, 0, 1},
    {"a hole to the server", WIRE_HOLE, WIRE_CLIENT, 0, 48, WARM, 1, 0},
    {"a hole to the client", WIRE_HOLE, WIRE_SERVER, 0, 48, WARM, 1, 0},
    {"a dead network to the server", WIRE_DEAD, WIRE_CLIENT, 0, 48, COLD, 1, 0},
    {"a dead network to the client", WIRE_DEAD, WIRE_SERVER, 0, 48, COLD, 1, 0},
    {"delayed to the server for too long", WIRE_DELAY, WIRE_CLIENT, 200000, 48, WARM, 1, 0},
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

static const wire_case forged_cases[] = {
    {"a commit that nobody asked the server for", WIRE_FORGE, WIRE_CLIENT, 0, 16, WARM, 0, 0},
};

static const char *application_uri;
static const char *owner_uri;
static int is_pooled; /* a pooler stands in between */

typedef struct wire_worker {
    wire_proxy *proxy;
    farm_session *session; /* through the proxy; the same all the time */
    farm_session *witness; /* not */
    int is_long;           /* every message, rather than some */
    uint64_t totals[2][2]; /* messages of an undisturbed act, by start and side; 0: not known */
    uint64_t points;
    int failed;
} wire_worker;

/* --- one point -------------------------------------------------------------------------------- */

static void fail(wire_worker *worker, const fault_scenario *scenario, const wire_case *with,
                 uint64_t nth, farm_status status, const char *what) {
    worker->failed++;
    fprintf(stderr, "not ok: %s, message %llu %s: %s: %s: %s\n", scenario->name,
            (unsigned long long)nth, with->name, farm_status_name(status), what,
            farm_session_error_text(worker->session));
}

/* On the session, which keeps the definitions of limits for a while: its own are the newest. */
static void prepare(wire_worker *worker, const fault_scenario *scenario, const wire_case *with) {
    scenario_clear(worker->witness);
    if (scenario->prepare(worker->session) != FARM_OK) {
        fprintf(stderr, "%s: %s\n", scenario->name, farm_session_error_text(worker->session));
        abort();
    }
    if (with->start == COLD) wire_proxy_cut(worker->proxy);
}

static int is_admissible(const wire_case *with, farm_status status) {
    if (with->succeeds || status == FARM_OK) return status == FARM_OK;
    return status == FARM_EUNAVAILABLE || status == FARM_EUNCERTAIN || status == FARM_ETIMEOUT;
}

static int is_as_said(const fault_scenario *scenario, farm_status status, int64_t answer) {
    if (status == FARM_OK) return answer == scenario->most;
    if (status == FARM_EUNCERTAIN) return answer == scenario->most || answer == scenario->least;
    return answer == scenario->least;
}

/* One cut leaves time enough to settle what has an id. */
static int must_be_settled(const fault_scenario *scenario, const wire_case *with) {
    return scenario->has_id && (with->kind == WIRE_CUT_BEFORE || with->kind == WIRE_CUT_AFTER ||
                                with->kind == WIRE_HALF_CLOSE);
}

static int run_point(wire_worker *worker, const fault_scenario *scenario, const wire_case *with,
                     uint64_t nth) {
    const wire_fault fault = {
        .kind = with->kind, .from = with->from, .nth = nth, .delay_us = with->delay_us};
    farm_session *session = worker->session;
    prepare(worker, scenario, with);
    farm_session_set_timeout_us(session, with->is_short ? SHORT_US : LONG_US);
    wire_proxy_arm(worker->proxy, &fault);
    farm_status status = scenario->act(session);
    int has_fired = wire_proxy_heal(worker->proxy);
    if (!is_admissible(with, status))
        fail(worker, scenario, with, nth, status, "no status for a network");
    if (status == FARM_EUNCERTAIN && must_be_settled(scenario, with))
        fail(worker, scenario, with, nth, status, "it has an id and was not settled");

    farm_rollback(session);
    int64_t answer = scenario_answer(worker->witness, scenario);
    if (!is_as_said(scenario, status, answer))
        fail(worker, scenario, with, nth, status, "the rows say otherwise");
    int64_t most = scenario->most;
    if (answer == scenario->most && answer != scenario->least) most += scenario->repeat_adds;
    farm_session_set_timeout_us(session, LONG_US);
    farm_session_set_service(session);
    status = scenario->act(session);
    if (status != FARM_OK) fail(worker, scenario, with, nth, status, "the repeat failed");
    int64_t found = scenario_answer(worker->witness, scenario);
    if (found != most) fail(worker, scenario, with, nth, status, "the repeat was not harmless");
    const int is_due = worker->is_long || worker->points % SOUND_STRIDE == 0;
    if (is_due && !scenario_is_sound(worker->witness))
        fail(worker, scenario, with, nth, status, "the store is not sound");
    worker->points += (uint64_t)has_fired;
    return has_fired;
}

/* The fault is set on a message that never comes. The first time the session has yet to look at the
 * schema and to prepare its statements. Of two runs one may read limits anew, which have become
 * stale: the other counts. */
static uint64_t count_messages(wire_worker *worker, const fault_scenario *scenario,
                               const wire_case *with) {
    uint64_t *total = &worker->totals[with->start][with->from];
    if (worker->points == 0) (void)run_point(worker, scenario, with, UINT64_MAX);
    if (*total == 0) {
        uint64_t seen[2];
        for (int i = 0; i < 2; i++) {
            (void)run_point(worker, scenario, with, UINT64_MAX);
            seen[i] = wire_proxy_seen(worker->proxy);
        }
        *total = seen[0] < seen[1] ? seen[0] : seen[1];
    }
    return *total;
}

/* In a long run every message; in a short one every so many, other ones in each scenario, and
 * always the last two, among which is what commits. */
static void run_case(wire_worker *worker, const fault_scenario *scenario, const wire_case *with) {
    const uint64_t total = count_messages(worker, scenario, with);
    const uint64_t stride = worker->is_long ? 1 : with->stride;
    const uint64_t offset = (uint64_t)(scenario - scenarios) % stride;
    for (uint64_t nth = 1; nth <= total; nth++) {
        if (nth % stride != offset && nth + 1 < total) continue;
        /* One with little time may not get so far on a busy machine. */
        if (run_point(worker, scenario, with, nth) || with->is_short) continue;
        fail(worker, scenario, with, nth, FARM_OK, "the message did not come");
    }
}

/* --- the workers ------------------------------------------------------------------------------ */

static farm_session *open_session(const char *uri) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK || farm_session_open(session, uri, NULL) != FARM_OK ||
        farm_session_set_service(session) != FARM_OK ||
        farm_session_set_clock_us(session, NOW_US) != FARM_OK) {
        fprintf(stderr, "open: %s\n", farm_session_error_text(session));
        abort();
    }
    return session;
}

/* Of postgresql://user@host:port/database. */
static int port_of(const char *uri) {
    const char *at = strchr(uri, '@');
    const char *colon = at == NULL ? NULL : strchr(at, ':');
    return colon == NULL ? 5432 : (int)strtol(colon + 1, NULL, 10);
}

static void open_worker(wire_worker *worker) {
    char uri[1024];
    test_store_open(application_uri, owner_uri, 1);
    worker->witness = open_session(test_store_uri());
    worker->proxy = wire_proxy_new(port_of(application_uri));
    snprintf(uri, sizeof uri,
             "postgresql://farm_app@127.0.0.1:%d/farm%s&sslmode=disable"
             "&gssencmode=disable",
             wire_proxy_port(worker->proxy), strchr(test_store_uri(), '?'));
    worker->session = open_session(uri);
}

/* One scenario and its share of the cases, once or until the time is over. */
static int run_worker(int number, const wire_case *with, size_t count, int64_t until, int out) {
    wire_worker worker = {.is_long = until > 0};
    alarm((unsigned)(WATCH_SECONDS + (until > 0 ? (until - clock_monotonic_us()) / 1000000 : 0)));
    open_worker(&worker);
    do {
        for (size_t i = (size_t)number / scenario_count; i < count; i += SHARE_COUNT) {
            /* PgBouncer 1.18 hangs up when the first message's header comes in pieces. */
            if (is_pooled && with[i].kind == WIRE_SPLIT) continue;
            run_case(&worker, &scenarios[(size_t)number % scenario_count], &with[i]);
        }
    } while (worker.failed == 0 && clock_monotonic_us() < until);
    farm_session_free(worker.session);
    farm_session_free(worker.witness);
    wire_proxy_free(worker.proxy);
    test_store_close();
    if (write(out, &worker.points, sizeof worker.points) != (ssize_t)sizeof worker.points) return 1;
    return worker.failed != 0;
}

static int run_all(const wire_case *with, size_t count, int64_t until) {
    const int workers = (int)scenario_count * SHARE_COUNT;
    int ends[2];
    int failed = 0;
    uint64_t points = 0;
    uint64_t some = 0;
    if (pipe(ends) != 0) abort();
    for (int i = 0; i < workers; i++)
        if (fork() == 0) exit(run_worker(i, with, count, until, ends[1]));
    close(ends[1]);
    for (int i = 0; i < workers; i++) {
        int status = -1;
        wait(&status);
        failed += status != 0;
    }
    while (read(ends[0], &some, sizeof some) == (ssize_t)sizeof some) points += some;
    close(ends[0]);
    printf("%zu scenarios, %zu faults, %llu messages hit in turn, %d workers of %d found faults\n",
           scenario_count, count, (unsigned long long)points, failed, workers);
    return failed + (points == 0);
}

int main(int count, char **arguments) {
    int64_t until = 0;
    int next = 1;
    const int is_forged = count > 1 && strcmp(arguments[1], "--forged") == 0;
    if (is_forged) next = 2;
    if (count > 2 && strcmp(arguments[1], "--seconds") == 0) {
        until = clock_monotonic_us() + SECOND_US * strtoll(arguments[2], NULL, 10);
        next = 3;
    }
    if (next + 2 != count || strncmp(arguments[next], "postgresql:", 11) != 0) return 77;
    const char *pooler = getenv("FARM_TEST_PGBOUNCER");
    is_pooled = pooler != NULL && strcmp(arguments[next], pooler) == 0;
    if (is_pooled && until == 0) return 77;
    application_uri = arguments[next];
    owner_uri = arguments[next + 1];
    if (is_forged) return run_all(forged_cases, 1, 0) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    return run_all(cases, CASE_COUNT, until) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
