/* The client that writes down what it does, and the comparison. A line of its log is a letter, and
 * the number of the operation: a, asked; d, done; u, it may have been done; f, it failed for
 * certain. One write() a line: what was written is there, however the client ended. */
#include "acknowledged.h"
#include "acknowledged_ledger.h"
#include "base/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_US INT64_C(1767225600000000)

enum {
    NUMBER_MAX = 1 << 20,
    TIMEOUT_US = 2000000,
    CHECK_TIMEOUT_US = 30000000,
    PAUSE_US = 5000, /* before an operation is tried again */
    BURST = 1000000000,
    LEASE_COUNT = 7,
    REPEAT_COUNT = 40, /* of a client's last operations, whatever became of them */
    NAME_SIZE = 64
};

enum { KIND_FOUND, KIND_GRANT, KIND_ORDER, KIND_TRANSFER, KIND_TAKE, KIND_LEASE, KIND_COUNT };
enum { STATE_ASKED = 1, STATE_DONE = 2, STATE_UNCERTAIN = 4, STATE_FAILED = 8, STATE_FOUND = 16 };

/* Limits, of the kinds from KIND_TAKE on: of the second a client takes tokens in advance, which are
 * lost with it. */
enum { LIMIT_COUNT = KIND_COUNT - KIND_TAKE };
static const farm_rate_limit limits[LIMIT_COUNT] = {
    {.struct_size = sizeof *limits,
     .name = "free",
     .count = BURST,
     .period_us = INT64_C(86400000000)},
    {.struct_size = sizeof *limits,
     .name = "leased",
     .count = BURST,
     .period_us = INT64_C(86400000000),
     .lease_count = LEASE_COUNT},
};

typedef struct client {
    const acknowledged_options *options;
    farm_session *session;
    int worker;
    int out;
    const char *prefix; /* of the host's table: its schema */
} client;

static _Noreturn void stop(const char *what, farm_session *session) {
    const char *text = session == NULL ? "" : farm_session_error_text(session);
    fprintf(stderr, "%s: %s\n", what, text);
    exit(EXIT_FAILURE);
}

static const char *prefix_of(const char *uri) {
    static char schema[NAME_SIZE];
    const char *found = strstr(uri, "schema=");
    if (found == NULL) return "";
    (void)snprintf(schema, sizeof schema, "%.*s.", (int)strcspn(found + 7, "&"), found + 7);
    return schema;
}

static int kind_of(int worker, int64_t number) {
    return (int)((worker + number) % KIND_COUNT);
}

static int is_temporary(farm_status status) {
    return status == FARM_EAGAIN || status == FARM_ETIMEOUT || status == FARM_EUNAVAILABLE ||
           status == FARM_EUNCERTAIN || status == FARM_EREADONLY;
}

static farm_session *open_session(const char *uri, int64_t timeout_us) {
    farm_session *session = NULL;
    farm_session_options options = {.struct_size = sizeof options, .timeout_us = timeout_us};
    if (farm_session_new(&session) != FARM_OK) stop("open", NULL);
    farm_status status = farm_session_open(session, uri, &options);
    while (is_temporary(status)) {
        clock_sleep_us(PAUSE_US);
        status = farm_session_open(session, uri, &options);
    }
    if (status != FARM_OK || farm_session_set_service(session) != FARM_OK ||
        farm_session_set_clock_us(session, NOW_US) != FARM_OK)
        stop("open", session);
    return session;
}

/* --- operations ------------------------------------------------------------------------------- */

static farm_status count_up(client *self) {
    char text[256];
    snprintf(text, sizeof text,
             "INSERT INTO %sfault_counter (worker, n) VALUES (%d, 1) "
             "ON CONFLICT (worker) DO UPDATE SET n = fault_counter.n + 1",
             self->prefix, self->worker);
    farm_status status = farm_session_execute(self->session, text, NULL, 0, NULL);
    if (status != FARM_OK) return status;
    snprintf(text, sizeof text, "UPDATE %sfault_counter SET n = n + 1 WHERE worker = -1",
             self->prefix);
    return farm_session_execute(self->session, text, NULL, 0, NULL);
}

/* The host's own effect under a key: once, however often it is asked for. */
static farm_status order(client *self, const char *key) {
    farm_idempotency *claim = NULL;
    farm_session *session = self->session;
    farm_status status = farm_begin(session);
    if (status != FARM_OK) return status;
    status = farm_idempotency_begin(session, "ana", key, "order", "r", 1, NULL, &claim);
    int32_t outcome = farm_idempotency_outcome(claim);
    if (status == FARM_OK && outcome == FARM_IDEMPOTENCY_EXECUTE) {
        status = count_up(self);
        if (status == FARM_OK) status = farm_idempotency_finish(session, claim, 200, "done", 4);
    } else if (status == FARM_OK && outcome != FARM_IDEMPOTENCY_REPLAY) {
        stop("an order is neither new nor done", NULL);
    }
    farm_idempotency_free(claim);
    if (status == FARM_OK) return farm_commit(session);
    farm_rollback(session);
    return status;
}

static farm_status take(client *self, int limit, int64_t cost, int64_t *out_taken) {
    char subject[NAME_SIZE];
    snprintf(subject, sizeof subject, "w%d", self->worker);
    const farm_rate_request request = {.struct_size = sizeof request,
                                       .limit = limits[limit].name,
                                       .subject = subject,
                                       .cost = cost};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_status status = farm_rate_take(self->session, &request, 1, &state, &decision);
    if (status == FARM_OK && !decision.allowed) stop("a full bucket refuses", NULL);
    if (status == FARM_OK) *out_taken = state.burst - state.remaining;
    return status;
}

static farm_status operate(client *self, int64_t number, int is_repeat) {
    char name[NAME_SIZE];
    int64_t taken = 0;
    const char *suffix = is_repeat && self->options->is_broken ? "again" : "";
    snprintf(name, sizeof name, "%d-%" PRId64 "%s", self->worker, number, suffix);
    switch (kind_of(self->worker, number)) {
    case KIND_FOUND:
        return farm_role_found(self->session, name, "ana");
    case KIND_GRANT:
        return farm_role_grant(self->session, "all", name, FARM_ROLE_VIEWER, 0);
    case KIND_ORDER:
        return order(self, name);
    case KIND_TRANSFER:
        return acknowledged_ledger_post(self->session, self->worker, number, *suffix != '\0');
    default:
        return take(self, kind_of(self->worker, number) - KIND_TAKE, 1, &taken);
    }
}

/* --- the client ------------------------------------------------------------------------------- */

static void note(const client *self, char letter, int64_t number) {
    char line[NAME_SIZE];
    int size = snprintf(line, sizeof line, "%c %" PRId64 "\n", letter, number);
    if (write(self->out, line, (size_t)size) != size) exit(EXIT_FAILURE);
}

void acknowledged_run(const acknowledged_options *options, int worker, int out, int64_t count) {
    client self = {.options = options,
                   .session = open_session(options->uri, TIMEOUT_US),
                   .worker = worker,
                   .out = out,
                   .prefix = prefix_of(options->uri)};
    for (int64_t number = 0; number < NUMBER_MAX && (count == 0 || number < count); number++) {
        farm_status status = FARM_EAGAIN;
        for (int tries = 0; status != FARM_OK; tries++) {
            note(&self, 'a', number);
            status = operate(&self, number, tries > 0);
            if (status == FARM_OK) break;
            if (!is_temporary(status)) stop(farm_status_name(status), self.session);
            note(&self, status == FARM_EUNCERTAIN ? 'u' : 'f', number);
            clock_sleep_us(PAUSE_US);
        }
        note(&self, 'd', number);
    }
    farm_session_free(self.session);
}

void acknowledged_prepare(const acknowledged_options *options) {
    const char *uri = options->owner_uri != NULL ? options->owner_uri : options->uri;
    const char *prefix = prefix_of(uri);
    char text[256];
    farm_session *session = open_session(uri, CHECK_TIMEOUT_US);
    int is_good = farm_migrate(session) == FARM_OK;
    snprintf(text, sizeof text,
             "CREATE TABLE %sfault_counter (worker BIGINT PRIMARY KEY, n BIGINT NOT NULL)", prefix);
    is_good = is_good && farm_session_execute(session, text, NULL, 0, NULL) == FARM_OK;
    snprintf(text, sizeof text, "INSERT INTO %sfault_counter VALUES (-1, 0)", prefix);
    is_good = is_good && farm_session_execute(session, text, NULL, 0, NULL) == FARM_OK;
    if (*prefix != '\0') {
        snprintf(text, sizeof text, "GRANT ALL ON %sfault_counter TO farm_app", prefix);
        is_good = is_good && farm_session_execute(session, text, NULL, 0, NULL) == FARM_OK;
    }
    is_good = is_good && farm_rate_define(session, limits, LIMIT_COUNT) == FARM_OK &&
              farm_role_found(session, "all", "ana") == FARM_OK &&
              acknowledged_ledger_prepare(session) == FARM_OK;
    if (!is_good) stop("prepare", session);
    farm_session_free(session);
}

/* --- the comparison --------------------------------------------------------------------------- */

typedef struct record {
    unsigned char *states; /* by number of the operation: STATE_… */
    int64_t count;
    struct {
        int64_t asked;
        int64_t done;
        int64_t uncertain;
    } takes[LIMIT_COUNT];
    acknowledged_totals *totals;
} record;

static void wrong(const client *self, record *found, int64_t number, const char *what) {
    found->totals->wrong++;
    fprintf(stderr, "not ok: client %d, operation %" PRId64 ": %s\n", self->worker, number, what);
}

static void read_line(const client *self, record *found, char letter, int64_t number) {
    const int kind = kind_of(self->worker, number);
    const int limit = kind < KIND_TAKE ? 0 : kind - KIND_TAKE;
    const int is_take = kind >= KIND_TAKE;
    unsigned char *state = &found->states[number];
    if (number >= found->count) found->count = number + 1;
    if (letter == 'a') {
        *state |= STATE_ASKED;
        *state &= (unsigned char)~STATE_FAILED; /* until this answer comes, nobody knows */
        found->takes[limit].asked += is_take;
    }
    if (letter == 'd') {
        *state |= STATE_DONE;
        found->takes[limit].done += is_take;
    }
    if (letter == 'u') {
        *state |= STATE_UNCERTAIN;
        found->takes[limit].uncertain += is_take;
    }
    if (letter == 'f' && !(*state & STATE_UNCERTAIN)) *state |= STATE_FAILED;
}

static void read_log(const client *self, record *found, const char *log) {
    char letter = '\0';
    int64_t number = 0;
    int size = 0;
    while (sscanf(log, "%c %" SCNd64 "\n%n", &letter, &number, &size) == 2 && number >= 0 &&
           number < NUMBER_MAX) {
        read_line(self, found, letter, number);
        log += size;
    }
    if (*log != '\0') stop("a log that is none", NULL);
}

static farm_rows *ask(const client *self, const char *text) {
    farm_rows *rows = NULL;
    if (farm_session_execute(self->session, text, NULL, 0, &rows) != FARM_OK)
        stop("ask", self->session);
    return rows;
}

/* Mark what is there of one kind; names are "worker-number", whatever follows. */
static void find(const client *self, record *found, int kind, const char *column,
                 const char *table) {
    char text[256];
    snprintf(text, sizeof text, "SELECT %s FROM %s%s WHERE %s LIKE '%d-%%'", column, self->prefix,
             table, column, self->worker);
    farm_rows *rows = ask(self, text);
    for (size_t row = 0; row < farm_rows_count(rows); row++) {
        const farm_value *value = farm_rows_value(rows, row, 0);
        int64_t number = -1;
        int worker = -1;
        char name[NAME_SIZE] = "";
        snprintf(name, sizeof name, "%.*s", (int)value->size, (const char *)value->data);
        if (sscanf(name, "%d-%" SCNd64, &worker, &number) != 2 || number < 0 ||
            number >= found->count || kind_of(worker, number) != kind)
            wrong(self, found, number, "found, and nobody asked for it");
        else
            found->states[number] |= STATE_FOUND;
    }
    farm_rows_free(rows);
}

/* What a killed client sent last may be committed meanwhile. */
static void find_transfers(const client *self, record *found) {
    farm_rows *rows = NULL;
    const int64_t before = acknowledged_ledger_balance(self->session, self->worker);
    if (acknowledged_ledger_find(self->session, self->prefix, self->worker, &rows) != FARM_OK)
        stop("ask", self->session);
    const size_t count = farm_rows_count(rows);
    for (size_t row = 0; row < count; row++) {
        const int64_t number = acknowledged_ledger_number(rows, row);
        if (number < 0 || number >= found->count ||
            kind_of(self->worker, number) != KIND_TRANSFER || (found->states[number] & STATE_FOUND))
            wrong(self, found, number, "transferred, and nobody asked for it, or once more");
        else
            found->states[number] |= STATE_FOUND;
    }
    farm_rows_free(rows);
    const int64_t after = acknowledged_ledger_balance(self->session, self->worker);
    if (before < 0 || before > (int64_t)count || after < (int64_t)count)
        wrong(self, found, -1, "the account has not what was transferred to it");
}

static int64_t read_counter(const client *self, int worker) {
    char text[256];
    snprintf(text, sizeof text,
             "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM %sfault_counter WHERE worker = %d",
             self->prefix, worker);
    farm_rows *rows = ask(self, text);
    const farm_value *value = farm_rows_value(rows, 0, 0);
    int64_t counter = value == NULL ? -1 : value->integer;
    farm_rows_free(rows);
    return counter;
}

/* Returns how many orders were found. */
static int64_t find_all(const client *self, record *found) {
    int64_t orders = 0;
    for (int64_t i = 0; i < found->count; i++) found->states[i] &= (unsigned char)~STATE_FOUND;
    find(self, found, KIND_FOUND, "entity", "farm_role_entity");
    find(self, found, KIND_GRANT, "subject", "farm_role_grant");
    find(self, found, KIND_ORDER, "key", "farm_idempotency");
    find_transfers(self, found);
    for (int64_t i = 0; i < found->count; i++)
        orders += (found->states[i] & STATE_FOUND) && kind_of(self->worker, i) == KIND_ORDER;
    return orders;
}

/* Acknowledged means found, and found means asked and not known to have failed. */
static void compare(const client *self, record *found) {
    int64_t orders = find_all(self, found);
    for (int64_t i = 0; i < found->count; i++) {
        const unsigned char state = found->states[i];
        found->totals->asked += (state & STATE_ASKED) != 0;
        found->totals->done += (state & STATE_DONE) != 0;
        found->totals->uncertain += (state & STATE_UNCERTAIN) != 0;
        found->totals->found += (state & STATE_FOUND) != 0;
        if (kind_of(self->worker, i) >= KIND_TAKE) continue;
        if ((state & STATE_DONE) && !(state & STATE_FOUND))
            wrong(self, found, i, "acknowledged and not found");
        if ((state & STATE_FOUND) && !(state & STATE_ASKED))
            wrong(self, found, i, "found and never asked for");
        if ((state & STATE_FOUND) && (state & STATE_FAILED) && !(state & STATE_DONE))
            wrong(self, found, i, "found, and said to have failed for certain");
    }
    if (read_counter(self, self->worker) != orders)
        wrong(self, found, -1, "the counter differs from the orders found");
}

/* What was taken in advance may be lost, at the end and with each answer. */
static void compare_takes(client *self, record *found, int limit) {
    const int64_t lost = limits[limit].lease_count * (1 + found->takes[limit].uncertain);
    int64_t taken = 0;
    if (take(self, limit, 0, &taken) != FARM_OK) stop("look", self->session);
    if (taken > found->takes[limit].asked + lost)
        wrong(self, found, -1, "more was taken than asked for");
    if (taken < found->takes[limit].done && !self->options->lost_buckets)
        wrong(self, found, -1, "less was taken than acknowledged");
}

/* Afterwards everything that was asked for is there once. */
static void repeat(client *self, record *found) {
    int64_t asked = 0;
    for (int64_t i = 0; i < found->count; i++) {
        const int kind = kind_of(self->worker, i);
        const int is_settled = (found->states[i] & STATE_DONE) && i < found->count - REPEAT_COUNT;
        asked += kind == KIND_ORDER;
        if (kind >= KIND_TAKE || is_settled) continue;
        if (operate(self, i, 1) != FARM_OK) stop("the repeat failed", self->session);
    }
    int64_t orders = find_all(self, found);
    if (orders != asked) wrong(self, found, -1, "orders are missing after they were repeated");
    if (read_counter(self, self->worker) != asked)
        wrong(self, found, -1, "the repeats were not harmless");
    for (int64_t i = 0; i < found->count; i++)
        if (!(found->states[i] & STATE_FOUND) && kind_of(self->worker, i) < KIND_TAKE)
            wrong(self, found, i, "not there after it was repeated");
}

void acknowledged_check(const acknowledged_options *options, int worker, const char *log,
                        acknowledged_totals *totals) {
    client self = {.options = options,
                   .session = open_session(options->uri, CHECK_TIMEOUT_US),
                   .worker = worker,
                   .prefix = prefix_of(options->uri)};
    record found = {.states = calloc(NUMBER_MAX, 1), .totals = totals};
    if (found.states == NULL) stop("no memory", NULL);
    read_log(&self, &found, log);
    totals->clients++;
    compare(&self, &found);
    for (int i = 0; i < LIMIT_COUNT; i++) compare_takes(&self, &found, i);
    repeat(&self, &found);
    free(found.states);
    farm_session_free(self.session);
}

void acknowledged_finish(const acknowledged_options *options, acknowledged_totals *totals) {
    client self = {.options = options,
                   .session = open_session(options->uri, CHECK_TIMEOUT_US),
                   .prefix = prefix_of(options->uri)};
    char text[256];
    char *report = NULL;
    snprintf(text, sizeof text,
             "SELECT CAST(SUM(CASE WHEN worker = -1 THEN -n ELSE n END) AS BIGINT) "
             "FROM %sfault_counter",
             self.prefix);
    farm_rows *rows = ask(&self, text);
    if (farm_rows_value(rows, 0, 0)->integer != 0) {
        totals->wrong++;
        fprintf(stderr, "not ok: the clients' counters are not their sum\n");
    }
    farm_rows_free(rows);
    if (farm_verify(self.session, &report) != FARM_OK || strstr(report, "\"ok\":true") == NULL) {
        totals->wrong++;
        fprintf(stderr, "not ok: verify: %s\n", report != NULL ? report : "no answer");
    }
    farm_free(report);
    farm_session_free(self.session);
}
