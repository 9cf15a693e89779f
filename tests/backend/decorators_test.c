/* The decorators over sqlite::memory:, and the conformance suite through them: a decorator that is
 * told nothing must not be noticed. A program of its own, with conformance*.c but its main(). */
#include "conformance.h"
#include "decorators.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failed_count;
static const char *sentence;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("not ok - %s\n# %s:%d: %s\n", sentence, __FILE__, __LINE__, #condition);        \
            failed_count++;                                                                        \
            return;                                                                                \
        }                                                                                          \
    } while (0)

enum { NOTE_ADD, NOTE_COUNT, NOTHING, STATEMENT_COUNT };

static const uint8_t types[] = {FARM_INTEGER};
static const char *const add_steps[] = {"INSERT INTO note (key) VALUES (?1)"};
static const char *const count_steps[] = {"SELECT COUNT(*) FROM note"};

static const farm_statement statements[STATEMENT_COUNT] = {
    [NOTE_ADD] = {.name = "test.note_add",
                  .steps = add_steps,
                  .step_count = 1,
                  .params = types,
                  .param_count = 1,
                  .expect = -1,
                  .number = NOTE_ADD},
    [NOTE_COUNT] = {.name = "test.note_count",
                    .steps = count_steps,
                    .step_count = 1,
                    .flags = FARM_STATEMENT_READS,
                    .columns = types,
                    .column_count = 1,
                    .expect = -1,
                    .number = NOTE_COUNT},
    [NOTHING] = {.name = "test.nothing", .expect = -1, .number = NOTHING},
};

/* A store through a decorator, with the table `note`, and one connection. */
typedef struct fixture {
    const farm_backend *backend;
    farm_store_config config;
    farm_store *store;
    farm_connection *connection;
    farm_fault fault;
} fixture;

static farm_status open_connection(fixture *self) {
    self->connection = NULL;
    return self->backend->open(self->store, 0, &self->connection, &self->fault);
}

static void close_connection(fixture *self) {
    if (self->connection != NULL) self->backend->close(self->connection);
    self->connection = NULL;
}

static void close_fixture(fixture *self) {
    close_connection(self);
    if (self->store != NULL) self->backend->store_close(self->store);
    self->store = NULL;
}

static int32_t open_fixture(fixture *self, const decorator_kind *kind, const char *uri) {
    memset(self, 0, sizeof *self);
    self->backend = decorator_register(kind, "sqlite");
    if (self->backend == NULL) return 0;
    self->config = (farm_store_config){.struct_size = sizeof self->config,
                                       .statement_count = STATEMENT_COUNT,
                                       .statements = statements,
                                       .uri = uri};
    if (self->backend->store_open(&self->config, &self->store, &self->fault) != FARM_OK) return 0;
    if (open_connection(self) == FARM_OK &&
        self->backend->script(self->connection,
                              "CREATE TABLE note (key INTEGER NOT NULL PRIMARY KEY) STRICT",
                              &self->fault) == FARM_OK)
        return 1;
    close_fixture(self);
    return 0;
}

static farm_status add_note(fixture *self, int64_t key, uint32_t flags) {
    const farm_value values[] = {{.type = FARM_INTEGER, .integer = key}};
    farm_call call = {.statement = &statements[NOTE_ADD], .rows = values, .row_count = 1};
    return self->backend->run(self->connection, &call, 1, flags, &self->fault);
}

static int32_t take_number(void *context, size_t ordinal, const farm_value *row) {
    (void)ordinal;
    *(int64_t *)context = row[0].integer;
    return 0;
}

/* -1: it could not be read. */
static int64_t count_notes(fixture *self, uint32_t flags) {
    int64_t count = -1;
    farm_call call = {.statement = &statements[NOTE_COUNT],
                      .row_count = 1,
                      .on_row = take_number,
                      .context = &count};
    farm_status status = self->backend->run(self->connection, &call, 1, flags, &self->fault);
    return status == FARM_OK ? count : -1;
}

enum { ALONE = FARM_RUN_COMMIT, ALONE_READ = FARM_RUN_COMMIT | FARM_RUN_READ };

/* --- registration --- */

static void a_decorator_is_registered_under_its_own_scheme(fixture *self) {
    (void)self;
    const farm_backend *inner = farm_backend_find("sqlite");

    const farm_backend *made = decorator_register(&decorator_count, "sqlite");
    const farm_backend *stacked = decorator_register(&decorator_trace, "count+sqlite");

    CHECK(made != NULL && strcmp(made->scheme, "count+sqlite") == 0);
    CHECK(farm_backend_find("count+sqlite") == made);
    CHECK(decorator_register(&decorator_count, "sqlite") == made);
    CHECK(strcmp(made->dialect, inner->dialect) == 0 && made->settings == inner->settings);
    CHECK(stacked != NULL && strcmp(stacked->scheme, "trace+count+sqlite") == 0);
    CHECK(decorator_register(&decorator_count, "nowhere") == NULL);
}

/* --- fault --- */

static void a_fault_before_a_run_has_no_effect(fixture *self) {
    decorator_fault_set(1, FARM_OK, DECORATOR_FAULT_BEFORE);

    farm_status status = add_note(self, 1, ALONE);

    CHECK(status == FARM_EUNAVAILABLE && self->fault.status == status);
    CHECK(self->fault.call == -1 && self->fault.text[0] != '\0');
    CHECK(decorator_fault_has_fired() && decorator_fault_count() == 1);
    CHECK(count_notes(self, ALONE_READ) == 0);
    CHECK(add_note(self, 1, ALONE) == FARM_OK);
    CHECK(decorator_fault_count() == 3);
}

static void a_fault_after_a_committing_run_is_uncertain(fixture *self) {
    decorator_fault_set(2, FARM_OK, DECORATOR_FAULT_AFTER);

    CHECK(add_note(self, 1, ALONE) == FARM_OK);
    CHECK(add_note(self, 2, ALONE) == FARM_EUNCERTAIN);

    CHECK(count_notes(self, ALONE_READ) == 2);
    CHECK(!self->backend->has_transaction(self->connection));
}

static void a_fault_after_a_commit_is_uncertain(fixture *self) {
    decorator_fault_set(3, FARM_OK, DECORATOR_FAULT_AFTER);

    CHECK(self->backend->begin(self->connection, FARM_BEGIN_WRITE, &self->fault) == FARM_OK);
    CHECK(add_note(self, 1, 0) == FARM_OK);
    CHECK(self->backend->commit(self->connection, &self->fault) == FARM_EUNCERTAIN);

    CHECK(count_notes(self, ALONE_READ) == 1);
}

static void a_fault_before_a_commit_commits_nothing(fixture *self) {
    decorator_fault_set(3, FARM_EAGAIN, DECORATOR_FAULT_BEFORE);

    CHECK(self->backend->begin(self->connection, FARM_BEGIN_WRITE, &self->fault) == FARM_OK);
    CHECK(add_note(self, 1, 0) == FARM_OK);
    CHECK(self->backend->commit(self->connection, &self->fault) == FARM_EAGAIN);

    CHECK(!self->backend->has_transaction(self->connection));
    CHECK(count_notes(self, ALONE_READ) == 0);
}

static void a_fault_of_begin_begins_nothing(fixture *self) {
    for (int32_t when = DECORATOR_FAULT_BEFORE; when <= DECORATOR_FAULT_AFTER; when++) {
        decorator_fault_set(1, FARM_OK, when);

        farm_status status = self->backend->begin(self->connection, FARM_BEGIN_WRITE, &self->fault);

        CHECK(status == FARM_EUNAVAILABLE);
        CHECK(!self->backend->has_transaction(self->connection));
        CHECK(add_note(self, when, ALONE) == FARM_OK);
    }
}

static void a_fault_of_open_gives_no_connection(fixture *self) {
    for (int32_t when = DECORATOR_FAULT_BEFORE; when <= DECORATOR_FAULT_AFTER; when++) {
        close_connection(self);
        decorator_fault_set(1, FARM_OK, when);

        CHECK(open_connection(self) == FARM_EUNAVAILABLE && self->connection == NULL);

        CHECK(open_connection(self) == FARM_OK);
        CHECK(count_notes(self, ALONE_READ) == 0);
    }
}

/* Whatever the decorator makes up, undo finds the savepoint that belongs to the run. */
static void savepoints_survive_made_up_faults(fixture *self) {
    static const uint32_t flags = FARM_RUN_SAVEPOINT | FARM_RUN_RELEASE;
    for (int32_t when = DECORATOR_FAULT_BEFORE; when <= DECORATOR_FAULT_AFTER; when++) {
        const int64_t first = 10 * when;
        CHECK(self->backend->begin(self->connection, FARM_BEGIN_WRITE, &self->fault) == FARM_OK);
        CHECK(add_note(self, first, FARM_RUN_SAVEPOINT) == FARM_OK);
        decorator_fault_set(1, FARM_EREFUSED, when);

        CHECK(add_note(self, first + 1, flags) == FARM_EREFUSED);
        CHECK(self->backend->undo(self->connection, &self->fault) == FARM_OK);

        CHECK(add_note(self, first + 2, FARM_RUN_RELEASE) == FARM_OK);
        CHECK(self->backend->commit(self->connection, &self->fault) == FARM_OK);
        CHECK(count_notes(self, ALONE_READ) == 2 * (when + 1));
    }
}

/* Two notes in one transaction, on a connection of its own. */
static farm_status add_two(fixture *self) {
    farm_status status = open_connection(self);
    if (status != FARM_OK) return status;
    status = self->backend->begin(self->connection, FARM_BEGIN_WRITE, &self->fault);
    if (status != FARM_OK) return status;
    status = add_note(self, 1, 0);
    if (status == FARM_OK) status = add_note(self, 2, 0);
    if (status == FARM_OK) return self->backend->commit(self->connection, &self->fault);
    self->backend->rollback(self->connection);
    return status;
}

static void whatever_call_fails_both_notes_are_there_or_none(fixture *self) {
    enum { CALL_COUNT = 5 };
    for (int32_t when = DECORATOR_FAULT_BEFORE; when <= DECORATOR_FAULT_AFTER; when++)
        for (uint64_t nth = 1; nth <= CALL_COUNT + 1; nth++) {
            close_connection(self);
            decorator_fault_set(nth, FARM_OK, when);

            farm_status status = add_two(self);

            CHECK(decorator_fault_has_fired() == (nth <= CALL_COUNT));
            CHECK((status == FARM_OK) == (nth > CALL_COUNT));
            CHECK((status == FARM_EUNCERTAIN) == (nth == CALL_COUNT && when != 0));
            decorator_fault_set(0, FARM_OK, DECORATOR_FAULT_BEFORE);
            if (self->connection == NULL) CHECK(open_connection(self) == FARM_OK);
            const int64_t expected = status == FARM_OK || status == FARM_EUNCERTAIN ? 2 : 0;
            CHECK(count_notes(self, ALONE_READ) == expected);
            CHECK(self->backend->script(self->connection, "DELETE FROM note", &self->fault) ==
                  FARM_OK);
        }
}

/* --- delay --- */

static int64_t now_us(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void each_call_waits_at_least_the_delay(fixture *self) {
    enum { DELAY_US = 3000, CALL_COUNT = 4 };
    decorator_delay_set(DELAY_US);
    const int64_t start = now_us();

    for (int64_t i = 0; i < CALL_COUNT; i++) CHECK(add_note(self, i, ALONE) == FARM_OK);
    const int64_t end = now_us();
    decorator_delay_set(0);

    CHECK(end - start >= DELAY_US * CALL_COUNT);
    CHECK(count_notes(self, ALONE_READ) == CALL_COUNT);
}

/* --- trace --- */

static farm_status run_three(fixture *self) {
    const farm_value values[] = {{.type = FARM_INTEGER, .integer = 7}};
    farm_call calls[] = {
        {.statement = &statements[NOTE_ADD], .rows = values, .row_count = 1},
        {.statement = &statements[NOTHING], .row_count = 1},
        {.statement = &statements[NOTE_COUNT], .row_count = 1},
    };
    return self->backend->run(self->connection, calls, 3, ALONE, &self->fault);
}

static const char two_lines[] = "test.note_add test.nothing test.note_count\ntest.note_count\n";

static void each_run_is_a_line_in_memory(fixture *self) {
    char trace[128];
    decorator_trace_set_memory(trace, sizeof trace);

    CHECK(run_three(self) == FARM_OK);
    CHECK(count_notes(self, ALONE_READ) == 1);
    decorator_trace_set_memory(NULL, 0);
    CHECK(count_notes(self, ALONE_READ) == 1);

    CHECK(strcmp(trace, two_lines) == 0);
}

static void a_trace_stays_within_its_memory(fixture *self) {
    char trace[32];
    memset(trace, '#', sizeof trace);
    decorator_trace_set_memory(trace, 20);

    CHECK(run_three(self) == FARM_OK);
    decorator_trace_set_memory(NULL, 0);

    CHECK(memchr(trace, '\0', 20) != NULL && trace[20] == '#');
    CHECK(strncmp(trace, "test.note_add ", 14) == 0);
}

static void each_run_is_a_line_in_a_stream(fixture *self) {
    char trace[128] = "";
    FILE *stream = tmpfile();
    CHECK(stream != NULL);
    decorator_trace_set_stream(stream);

    farm_status status = run_three(self);
    int64_t count = count_notes(self, ALONE_READ);
    decorator_trace_set_stream(NULL);
    rewind(stream);
    size_t size = fread(trace, 1, sizeof trace - 1, stream);
    (void)fclose(stream);

    CHECK(status == FARM_OK && count == 1);
    CHECK(size == strlen(two_lines) && strcmp(trace, two_lines) == 0);
}

/* --- count --- */

static void what_reaches_the_store_is_counted(fixture *self) {
    decorator_counts counts;
    farm_call nothing = {.statement = &statements[NOTHING], .row_count = 1};
    decorator_count_reset();

    CHECK(self->backend->begin(self->connection, FARM_BEGIN_WRITE, &self->fault) == FARM_OK);
    const int32_t was_begun = self->backend->has_transaction(self->connection);
    CHECK(add_note(self, 1, 0) == FARM_OK);
    CHECK(add_note(self, 2, FARM_RUN_SAVEPOINT) == FARM_OK);
    CHECK(self->backend->undo(self->connection, &self->fault) == FARM_OK);
    CHECK(self->backend->run(self->connection, &nothing, 1, 0, &self->fault) == FARM_OK);
    CHECK(self->backend->commit(self->connection, &self->fault) == FARM_OK);
    CHECK(add_note(self, 3, ALONE) == FARM_OK);
    self->backend->rollback(self->connection);
    decorator_count_get(&counts);

    CHECK(counts.open == 0 && counts.begin == (uint64_t)was_begun);
    CHECK(counts.run == 3 && counts.undo == 1 && counts.commit == 1);
    CHECK(counts.rollback == 0 && counts.script == 0);
    CHECK(counts.round_trips == 5 + counts.begin);
}

static void a_transaction_of_nothing_is_no_round_trip_when_put_off(fixture *self) {
    decorator_counts counts;
    decorator_count_reset();

    CHECK(self->backend->begin(self->connection, FARM_BEGIN_READ, &self->fault) == FARM_OK);
    const int32_t was_begun = self->backend->has_transaction(self->connection);
    CHECK(self->backend->commit(self->connection, &self->fault) == FARM_OK);
    decorator_count_get(&counts);

    CHECK(counts.round_trips == (was_begun ? 2 : 0));
}

/* --- all --- */

typedef struct test {
    const char *sentence;
    const decorator_kind *kind;
    const char *uri;
    void (*run)(fixture *self);
} test;

#define TEST(name, prefix)                                                                         \
    { #name, &decorator_##prefix, #prefix "+sqlite::memory:", name }

static const test tests[] = {
    TEST(a_decorator_is_registered_under_its_own_scheme, count),
    TEST(a_fault_before_a_run_has_no_effect, fault),
    TEST(a_fault_after_a_committing_run_is_uncertain, fault),
    TEST(a_fault_after_a_commit_is_uncertain, fault),
    TEST(a_fault_before_a_commit_commits_nothing, fault),
    TEST(a_fault_of_begin_begins_nothing, fault),
    TEST(a_fault_of_open_gives_no_connection, fault),
    TEST(savepoints_survive_made_up_faults, fault),
    TEST(whatever_call_fails_both_notes_are_there_or_none, fault),
    TEST(each_call_waits_at_least_the_delay, delay),
    TEST(each_run_is_a_line_in_memory, trace),
    TEST(a_trace_stays_within_its_memory, trace),
    TEST(each_run_is_a_line_in_a_stream, trace),
    TEST(what_reaches_the_store_is_counted, count),
    TEST(a_transaction_of_nothing_is_no_round_trip_when_put_off, count),
};

static void run_test(const test *what) {
    fixture self;
    sentence = what->sentence;
    const int failed_before = failed_count;
    decorator_fault_set(0, FARM_OK, DECORATOR_FAULT_BEFORE);
    if (!open_fixture(&self, what->kind, what->uri)) {
        printf("not ok - %s\n# the store does not open: %s\n", sentence, self.fault.text);
        failed_count++;
        return;
    }
    what->run(&self);
    close_fixture(&self);
    if (failed_count == failed_before) printf("ok - %s\n", sentence);
}

/* The suite through a stack of all four, with none of them told anything. */
static void run_conformance(void) {
    const farm_backend *stack = decorator_register(&decorator_fault, "sqlite");
    if (stack != NULL) stack = decorator_register(&decorator_delay, stack->scheme);
    if (stack != NULL) stack = decorator_register(&decorator_trace, stack->scheme);
    if (stack != NULL) stack = decorator_register(&decorator_count, stack->scheme);
    decorator_fault_set(0, FARM_OK, DECORATOR_FAULT_BEFORE);
    if (stack == NULL ||
        farm_backend_conformance(stack, "count+trace+delay+fault+sqlite::memory:", NULL, NULL) != 0)
        failed_count++;
}

int main(void) {
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) run_test(&tests[i]);
    run_conformance();
    return failed_count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
