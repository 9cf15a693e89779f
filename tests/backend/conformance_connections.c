/* Cases: the table of the backend, opening and closing, scripts, statements without a number, the
 * cache of statements. */
#include "conformance_suite.h"
#include <stdio.h>
#include <string.h>

enum { UNNUMBERED_COUNT = 200, CACHE_COUNT = 1000, CACHE_CLIENT_COUNT = 3 };

static void table_is_complete(conformance_suite *suite) {
    const farm_backend *backend = suite->backend;

    CLAIM(suite, backend->struct_size >= offsetof(farm_backend, adopt));
    CLAIM(suite, backend->scheme != NULL && backend->scheme[0] != '\0');
    CLAIM(suite, suite->is_postgres || strcmp(backend->dialect, "sqlite") == 0);
    CLAIM(suite, backend->store_open != NULL && backend->store_close != NULL);
    CLAIM(suite, backend->open != NULL && backend->close != NULL);
    CLAIM(suite, backend->set_timeout != NULL && backend->begin != NULL && backend->run != NULL);
    CLAIM(suite, backend->commit != NULL && backend->rollback != NULL && backend->undo != NULL);
    CLAIM(suite, backend->script != NULL && backend->has_transaction != NULL);
}

static void connection_answers(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;

    int64_t one = client_number(client, ONE, ALONE_READ, NULL);

    CLAIM(suite, one == 1);
}

static void opens_without_limit(conformance_suite *suite) {
    suite_client *client = NULL;

    farm_status status = suite_try_open(suite, 0, &client);

    CLAIM(suite, status == FARM_OK);
    CLAIM(suite, client_number(client, ONE, ALONE_READ, NULL) == 1);
}

static void connections_come_and_go(conformance_suite *suite) {
    for (int32_t i = 0; i < 20; i++) {
        suite_client *client = suite_open(suite);
        if (client == NULL) return;
        CLAIM_OK(client, item_add(client, ALONE, i, i % 2 == 0 ? "even" : "odd", i));
        CLAIM(suite, item_count(client, ALONE_READ) == 1);
        const farm_value key[] = {integer(i)};
        CLAIM_OK(client, client_do(client, ITEM_REMOVE, ALONE, NULL, key, 1));
        client_close(client);
        suite->client_count = 0;
    }
}

/* A place that is not there, with a password that nobody may read. */
static farm_status open_nowhere(conformance_suite *suite, const char *rest, farm_fault *fault) {
    char uri[SUITE_TEXT_SIZE];
    (void)snprintf(uri, sizeof uri, "%s:%s", suite->backend->scheme, rest);
    farm_store_config config = {.struct_size = sizeof config,
                                .statement_count = STATEMENT_COUNT,
                                .statements = suite->statements,
                                .uri = uri};
    farm_store *store = NULL;
    farm_connection *connection = NULL;
    memset(fault, 0x5a, sizeof *fault);
    farm_status status = suite->backend->store_open(&config, &store, fault);
    if (status != FARM_OK) return status;
    status = suite->backend->open(store, GENEROUS_US, &connection, fault);
    if (status == FARM_OK) suite->backend->close(connection);
    suite->backend->store_close(store);
    return status;
}

static void wrong_uris_are_refused(conformance_suite *suite) {
    static const char *const rests[] = {
        "//user:" SUITE_MARKER "@[broken/none",
        "//user:" SUITE_MARKER "@127.0.0.1:1/none",
    };
    for (size_t i = 0; i < COUNT_OF(rests); i++) {
        farm_fault fault;

        farm_status status = open_nowhere(suite, rests[i], &fault);

        CLAIM(suite, status != FARM_OK && status != FARM_EINTERNAL);
        CLAIM(suite, fault.status == status);
        CLAIM(suite, memchr(fault.text, '\0', sizeof fault.text) != NULL);
        CLAIM(suite, fault.text[0] != '\0');
        CLAIM(suite, strpbrk(fault.text, "\n\r\t") == NULL);
        CLAIM(suite, strstr(fault.text, SUITE_MARKER) == NULL);
    }
}

static void close_rolls_back(conformance_suite *suite) {
    suite_client *first = suite_open_begun(suite);
    suite_client *second = suite_open(suite);
    if (first == NULL || second == NULL) return;

    client_close(first);

    CLAIM(suite, item_count(second, ALONE_READ) == 0);
    CLAIM_OK(second, item_add(second, ALONE, 1, "one", 1));
}

static void scripts_run_all_statements(conformance_suite *suite) {
    suite_client *client = &suite->owner;

    farm_status status = client_script(
        client, "INSERT INTO {}item (key, name, amount) VALUES (1, 'a;b', 1); -- a; comment\n"
                "INSERT INTO {}item (key, name, amount) VALUES (2, 'it''s', 2);\n\n"
                "UPDATE {}item SET amount = amount + 10; /* ; */ ;\n"
                "CREATE TABLE {}extra (key {int})");

    CLAIM_OK(client, status);
    CLAIM(suite, item_count(client, ALONE_READ) == 2);
    CLAIM(suite, item_amount(client, ALONE_READ, 2) == 12);
    CLAIM(suite, client_number(client, EXTRA_COUNT, ALONE_READ, NULL) == 0);
    CLAIM(suite, !client_has_transaction(client));
}

static void scripts_keep_bodies_together(conformance_suite *suite) {
    suite_client *client = &suite->owner;
    const char *body = "CREATE TRIGGER {}extra_rule AFTER INSERT ON {}extra BEGIN"
                       " UPDATE {}item SET amount = amount + 1;"
                       " UPDATE {}item SET amount = amount + 1; END;";
    if (suite->is_postgres)
        body = "DO $$ BEGIN UPDATE {}item SET amount = amount + 1;"
               " UPDATE {}item SET amount = amount + 1; END $$;";
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 0));
    CLAIM_OK(client, client_script(client, "CREATE TABLE {}extra (key {int});"));

    farm_status status = client_script(client, body);

    CLAIM_OK(client, status);
    CLAIM_OK(client, client_script(client, "INSERT INTO {}extra (key) VALUES (1);"));
    CLAIM(suite, item_amount(client, ALONE_READ, 1) == 2);
}

static void scripts_join_transactions(conformance_suite *suite) {
    suite_client *client = &suite->owner;
    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, client_script(client, "CREATE TABLE {}extra (key {int});"
                                           "INSERT INTO {}extra (key) VALUES (1);"));
    CLAIM(suite, client_number(client, EXTRA_COUNT, INSIDE, NULL) == 1);

    client_rollback(client);

    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, client_do(client, EXTRA_COUNT, ALONE_READ, NULL, NULL, 1) != FARM_OK);
    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, client_script(client, "CREATE TABLE {}extra (key {int})"));
    CLAIM_OK(client, client_commit(client));
    CLAIM(suite, client_number(client, EXTRA_COUNT, ALONE_READ, NULL) == 0);
}

static void wrong_scripts_are_refused(conformance_suite *suite) {
    suite_client *client = &suite->owner;

    farm_status status =
        client_script(client, "CREATE TABLE {}extra (key {int}); SELEKT '" SUITE_MARKER "';");

    CLAIM(suite, status == FARM_EINVAL);
    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, item_count(client, ALONE_READ) == 0);
}

/* A statement that is in no table; its struct is used again and again with other texts. */
static farm_statement unnumbered(const char *const *steps) {
    return (farm_statement){.name = "unnumbered",
                            .steps = steps,
                            .step_count = 1,
                            .expect = -1,
                            .number = FARM_STATEMENT_UNNUMBERED};
}

static void unnumbered_statements_run(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    char words[SUITE_TEXT_SIZE];
    const char *const steps[] = {words};
    farm_statement statement = unnumbered(steps);

    for (int32_t i = 0; i < UNNUMBERED_COUNT; i++) {
        collected *rows = suite_collect(suite, 2);
        (void)snprintf(words, sizeof words,
                       suite->is_postgres ? "SELECT CAST(%d AS bigint), CAST('w%d' AS text)"
                                          : "SELECT %d, 'w%d'",
                       (int)i, (int)i);
        char expected[32];
        (void)snprintf(expected, sizeof expected, "w%d", (int)i);
        const farm_value word = text(expected);
        farm_call call = {.statement = &statement, .row_count = 1};
        call_collect(&call, rows);
        CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));
        CLAIM(suite, rows->count == 1 && call.column_count == 2);
        CLAIM(suite, collected_value(rows, 0, 0)->integer == i);
        CLAIM(suite, value_equals(collected_value(rows, 0, 1), &word));
    }
}

static void unnumbered_statements_take_parameters(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    static const uint8_t params[] = {FARM_INTEGER, FARM_TEXT};
    const char *const steps[] = {
        suite_expand(suite, "INSERT INTO {}item (key, name, amount) VALUES ($1, $2, 7)")};
    farm_statement statement = unnumbered(steps);
    statement.params = params;
    statement.param_count = 2;
    statement.shared_count = 2;
    const farm_value values[] = {integer(1), text("one")};
    farm_call call = {.statement = &statement, .shared = values, .row_count = 1};

    farm_status status = client_run(client, &call, 1, ALONE);

    CLAIM_OK(client, status);
    CLAIM(suite, call.changes == 1);
    CLAIM(suite, item_amount(client, ALONE_READ, 1) == 7);
}

static void unnumbered_syntax_errors_are_invalid(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const char *const steps[] = {"SELEKT '" SUITE_MARKER "'\n FROM nowhere"};
    farm_statement statement = unnumbered(steps);
    farm_call calls[] = {item_add_call(suite, 1, "one", 1), {.statement = &statement}};
    calls[1].row_count = 1;

    farm_status status = client_run(client, calls, COUNT_OF(calls), ALONE);

    CLAIM_FAULT(client, FARM_EINVAL, FARM_FAULT_OTHER, 1, status);
    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, item_count(client, ALONE_READ) == 0);
}

static void cached_statements_interleave(conformance_suite *suite) {
    suite_client *clients[CACHE_CLIENT_COUNT];
    for (size_t i = 0; i < CACHE_CLIENT_COUNT; i++) {
        clients[i] = suite_open(suite);
        if (clients[i] == NULL) return;
    }
    CLAIM_OK(clients[0], item_add(clients[0], ALONE, 1, "one", 0));
    const farm_value row[] = {integer(1), integer(1)};

    for (size_t i = 0; i < CACHE_COUNT; i++) {
        suite_client *client = clients[i % CACHE_CLIENT_COUNT];
        CLAIM_OK(client, client_do(client, ITEM_CHANGE, ALONE, NULL, row, 1));
    }

    for (size_t i = 0; i < CACHE_CLIENT_COUNT; i++)
        CLAIM(suite, item_amount(clients[i], ALONE_READ, 1) == CACHE_COUNT);
}

/* Another store, whose statement of the same number and name says something else. */
static void caches_of_stores_do_not_mix(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    farm_statement statements[STATEMENT_COUNT];
    const char *const steps[] = {suite_expand(suite, "SELECT CAST(2 AS {int})")};
    memcpy(statements, suite->statements, sizeof statements);
    statements[ONE].steps = steps;
    farm_store_config config = {.struct_size = sizeof config,
                                .statement_count = STATEMENT_COUNT,
                                .statements = statements,
                                .uri = suite->uri.text,
                                .settings = suite->uri.settings,
                                .setting_count = suite->uri.setting_count};
    farm_store *mine = suite->store;
    farm_store *other = NULL;
    farm_fault fault = {.call = -1, .ordinal = -1};
    CLAIM(suite, suite->backend->store_open(&config, &other, &fault) == FARM_OK);
    suite->store = other;
    suite_client *stranger = suite_open(suite);
    suite->store = mine;

    int32_t is_right = stranger != NULL;
    for (int32_t i = 0; i < 20 && is_right; i++) {
        farm_call call = call_of(suite, ONE, NULL, NULL, 1);
        collected *rows = suite_collect(suite, 1);
        call.statement = &statements[ONE];
        call_collect(&call, rows);
        is_right = client_number(client, ONE, ALONE_READ, NULL) == 1 &&
                   client_run(stranger, &call, 1, ALONE_READ) == FARM_OK &&
                   collected_value(rows, 0, 0)->integer == 2;
    }
    if (stranger != NULL) client_close(stranger);
    suite->backend->store_close(other);

    CLAIM(suite, is_right);
}

static const suite_case cases[] = {
    {"every required function of the table is there", table_is_complete},
    {"a connection that was opened answers", connection_answers},
    {"a connection opens without a time limit", opens_without_limit},
    {"connections come and go, and what they committed stays", connections_come_and_go},
    {"a wrong URI is refused in one line that tells no password", wrong_uris_are_refused},
    {"closing with a transaction open rolls it back", close_rolls_back},
    {"a script runs all of its statements", scripts_run_all_statements},
    {"a script's statement that holds semicolons is one", scripts_keep_bodies_together},
    {"a script joins the transaction that is open", scripts_join_transactions},
    {"a script that is no SQL is invalid, in one line", wrong_scripts_are_refused},
    {"statements without a number run, each by its own text", unnumbered_statements_run},
    {"a statement without a number takes parameters", unnumbered_statements_take_parameters},
    {"a syntax error without a number is invalid, in one line",
     unnumbered_syntax_errors_are_invalid},
    {"a statement runs a thousand times, interleaved over connections",
     cached_statements_interleave},
    {"two stores with other texts under the same number do not mix", caches_of_stores_do_not_mix},
};

const suite_group suite_connection_cases = {cases, COUNT_OF(cases)};
