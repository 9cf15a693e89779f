/* Clients: the backend's functions, called as the library calls them. Every fault that comes back
 * is looked at, whatever the case is about. */
#include "conformance_suite.h"
#include <stdio.h>
#include <string.h>

/* What an untouched out-parameter holds. */
enum { UNTOUCHED = -77 };

static int32_t is_one_line(const char *words, size_t size) {
    if (words[0] == '\0' || memchr(words, '\0', size) == NULL) return 0;
    for (const unsigned char *at = (const unsigned char *)words; *at != '\0'; at++)
        if (*at < 32 || *at == 127) return 0;
    return 1;
}

static void check_fault(suite_client *client, farm_status status, size_t call_count) {
    const farm_fault *fault = &client->fault;
    const char *wrong = NULL;
    if (!is_one_line(fault->text, sizeof fault->text)) wrong = "text is not one line";
    if (memchr(fault->native, '\0', sizeof fault->native) == NULL)
        wrong = "native is not ended by a NUL";
    if (wrong == NULL && strstr(fault->text, SUITE_MARKER) != NULL) wrong = "text tells a secret";
    if (fault->status != status) wrong = "status is not the one that was returned";
    if (fault->kind < FARM_FAULT_OTHER || fault->kind > FARM_FAULT_GUARD)
        wrong = "kind is no FARM_FAULT";
    if (fault->call < -1 || (fault->call >= 0 && (size_t)fault->call >= call_count))
        wrong = "call is no index of a call";
    if (fault->ordinal < -1) wrong = "ordinal is no parameter row";
    if (status < FARM_OK || status > FARM_EINTERNAL) wrong = "status is none of the library's";
    if (wrong != NULL)
        suite_complain(client->suite, __FILE__, __LINE__, "after %s the fault's %s",
                       farm_status_name(status), wrong);
}

static farm_fault *fresh_fault(suite_client *client) {
    memset(&client->fault, 0x5a, sizeof client->fault);
    return &client->fault;
}

static farm_status settle(suite_client *client, farm_status status, size_t call_count) {
    if (status != FARM_OK)
        check_fault(client, status, call_count);
    else
        memset(&client->fault, 0, sizeof client->fault);
    return status;
}

farm_status suite_try_open(conformance_suite *suite, int64_t timeout_us, suite_client **out) {
    *out = NULL;
    if (suite->client_count == SUITE_CLIENT_MAX) {
        suite_complain(suite, __FILE__, __LINE__, "a case opens too many connections");
        return FARM_EFULL;
    }
    suite_client *made = &suite->clients[suite->client_count];
    memset(made, 0, sizeof *made);
    made->suite = suite;
    farm_status status =
        suite->backend->open(suite->store, timeout_us, &made->connection, fresh_fault(made));
    (void)settle(made, status, 0);
    if (status != FARM_OK) {
        made->connection = NULL;
        return status;
    }
    suite->client_count++;
    *out = made;
    return FARM_OK;
}

suite_client *suite_open(conformance_suite *suite) {
    suite_client *made = NULL;
    farm_status status = suite_try_open(suite, GENEROUS_US, &made);
    if (status != FARM_OK) {
        suite_complain(suite, __FILE__, __LINE__, "open answers %s: %s", farm_status_name(status),
                       suite->clients[suite->client_count].fault.text);
        return NULL;
    }
    client_set_timeout(made, GENEROUS_US);
    return made;
}

suite_client *suite_open_begun(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return NULL;
    farm_status status = client_begin(client, FARM_BEGIN_WRITE);
    if (status == FARM_OK) status = item_add(client, INSIDE, 1, "one", 1);
    return suite_claim_status(client, FARM_OK, status, __FILE__, __LINE__, "begin and add") ? client
                                                                                            : NULL;
}

char *suite_expand(conformance_suite *suite, const char *sql) {
    char *out = suite_allocate(suite, statements_expanded_size(sql, suite->prefix), 1);
    statements_expand(sql, suite->prefix, suite->is_postgres, out);
    return out;
}

farm_status client_begin(suite_client *client, uint32_t flags) {
    return settle(client,
                  client->suite->backend->begin(client->connection, flags, fresh_fault(client)), 0);
}

static void check_changes(suite_client *client, const farm_call *calls, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (calls[i].changes < 0)
            suite_complain(client->suite, __FILE__, __LINE__, "changes of call %zu (%s) is not set",
                           i, calls[i].statement->name);
}

farm_status client_run(suite_client *client, farm_call *calls, size_t count, uint32_t flags) {
    for (size_t i = 0; i < count; i++) calls[i].changes = UNTOUCHED;
    farm_status status =
        client->suite->backend->run(client->connection, calls, count, flags, fresh_fault(client));
    if (status == FARM_OK) check_changes(client, calls, count);
    return settle(client, status, count);
}

farm_status client_commit(suite_client *client) {
    return settle(client, client->suite->backend->commit(client->connection, fresh_fault(client)),
                  0);
}

farm_status client_undo(suite_client *client) {
    return settle(client, client->suite->backend->undo(client->connection, fresh_fault(client)), 0);
}

farm_status client_script(suite_client *client, const char *sql) {
    const char *expanded = suite_expand(client->suite, sql);
    return settle(client,
                  client->suite->backend->script(client->connection, expanded, fresh_fault(client)),
                  0);
}

void client_rollback(suite_client *client) {
    client->suite->backend->rollback(client->connection);
}

void client_set_timeout(suite_client *client, int64_t timeout_us) {
    client->suite->backend->set_timeout(client->connection, timeout_us);
}

int32_t client_has_transaction(suite_client *client) {
    return client->suite->backend->has_transaction(client->connection);
}

void client_close(suite_client *client) {
    if (client->connection != NULL) client->suite->backend->close(client->connection);
    client->connection = NULL;
}

farm_call call_of(const conformance_suite *suite, uint32_t statement, const farm_value *shared,
                  const farm_value *rows, size_t row_count) {
    return (farm_call){.statement = &suite->statements[statement],
                       .shared = shared,
                       .rows = rows,
                       .row_count = row_count};
}

farm_status client_do(suite_client *client, uint32_t statement, uint32_t flags,
                      const farm_value *shared, const farm_value *rows, size_t row_count) {
    farm_call call = call_of(client->suite, statement, shared, rows, row_count);
    return client_run(client, &call, 1, flags);
}

typedef struct found_number {
    int64_t integer;
    int32_t is_found;
} found_number;

static int32_t take_number(void *context, size_t ordinal, const farm_value *row) {
    (void)ordinal;
    found_number *found = context;
    found->is_found = row[0].type == FARM_INTEGER;
    found->integer = row[0].integer;
    return 1;
}

int64_t client_number(suite_client *client, uint32_t statement, uint32_t flags,
                      const farm_value *shared) {
    found_number found = {.integer = 0};
    farm_call call = call_of(client->suite, statement, shared, NULL, 1);
    call.on_row = take_number;
    call.context = &found;
    farm_status status = client_run(client, &call, 1, flags);
    if (status == FARM_OK && found.is_found) return found.integer;
    suite_complain(client->suite, __FILE__, __LINE__, "%s answers %s and no integer: %s",
                   call.statement->name, farm_status_name(status), client->fault.text);
    return INT64_MIN;
}

farm_call item_add_call(conformance_suite *suite, int64_t key, const char *name, int64_t amount) {
    farm_value *row = suite_allocate(suite, 4, sizeof *row);
    row[0] = integer(key);
    row[1] = text(name);
    row[2] = integer(amount);
    row[3] = null();
    return call_of(suite, ITEM_ADD, NULL, row, 1);
}

farm_status item_add(suite_client *client, uint32_t flags, int64_t key, const char *name,
                     int64_t amount) {
    const farm_value row[] = {integer(key), text(name), integer(amount), null()};
    return client_do(client, ITEM_ADD, flags, NULL, row, 1);
}

int64_t item_count(suite_client *client, uint32_t flags) {
    return client_number(client, ITEM_COUNT, flags, NULL);
}

int64_t item_amount(suite_client *client, uint32_t flags, int64_t key) {
    const farm_value shared[] = {integer(key)};
    return client_number(client, ITEM_AMOUNT, flags, shared);
}
