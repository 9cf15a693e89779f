/* Cases: what a failed statement says, and that it leaves nothing behind. */
#include "conformance_suite.h"
#include <string.h>

enum { BATCH_COUNT = 40, FAILING_CALL = 23 };

/* A run in which the second of three calls fails. */
static void refuse(conformance_suite *suite, uint32_t statement, const farm_value *shared,
                   const farm_value *rows, farm_status expected, int32_t kind) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, SUITE_MARKER, 1));
    farm_call calls[] = {item_add_call(suite, 2, "two", 2),
                         call_of(suite, statement, shared, rows, 1),
                         item_add_call(suite, 3, "three", 3)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), ALONE);

    CLAIM_FAULT(client, expected, kind, 1, status);
    CLAIM(suite, client->fault.ordinal == 0 || client->fault.ordinal == -1);
    CLAIM(suite, client->fault.native[0] != '\0');
    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
    CLAIM_OK(client, client_run(client, calls, 1, ALONE));
    CLAIM(suite, item_count(client, ALONE_READ) == 2);
}

static void unique_is_told(conformance_suite *suite) {
    const farm_value row[] = {integer(9), text(SUITE_MARKER), integer(1), null()};
    refuse(suite, ITEM_ADD, NULL, row, FARM_EEXISTS, FARM_FAULT_UNIQUE);
}

static void primary_key_is_unique(conformance_suite *suite) {
    const farm_value row[] = {integer(1), text("other"), integer(1), null()};
    refuse(suite, ITEM_ADD, NULL, row, FARM_EEXISTS, FARM_FAULT_UNIQUE);
}

static void check_is_told(conformance_suite *suite) {
    const farm_value row[] = {integer(9), text("x" SUITE_MARKER), integer(-1), null()};
    refuse(suite, ITEM_ADD, NULL, row, FARM_EREFUSED, FARM_FAULT_CHECK);
}

static void check_of_an_update_is_told(conformance_suite *suite) {
    const farm_value row[] = {integer(1), integer(-2)};
    refuse(suite, ITEM_CHANGE, NULL, row, FARM_EREFUSED, FARM_FAULT_CHECK);
}

static void null_is_told(conformance_suite *suite) {
    const farm_value row[] = {integer(9), null(), integer(1)};
    refuse(suite, ITEM_ADD_UNNAMED, NULL, row, FARM_EREFUSED, FARM_FAULT_NULL);
}

static void foreign_is_told(conformance_suite *suite) {
    const farm_value row[] = {integer(99), text(SUITE_MARKER)};
    refuse(suite, PART_ADD, NULL, row, FARM_ECONFLICT, FARM_FAULT_FOREIGN);
}

static void guard_is_told(conformance_suite *suite) {
    const farm_value row[] = {integer(99), integer(1)};
    refuse(suite, ITEM_SET_EXPECT, NULL, row, FARM_EREFUSED, FARM_FAULT_GUARD);
}

/* The store's own text repeats the value: on Postgres it says which words are no number. */
static void values_are_not_repeated(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value shared[] = {text(SUITE_MARKER)};

    farm_status status = client_do(client, WRONG_VALUE, ALONE, shared, NULL, 1);

    CLAIM(suite, status != FARM_OK && !farm_status_is_retryable(status));
    CLAIM(suite, client->fault.call == 0);
    CLAIM(suite, strstr(client->fault.text, SUITE_MARKER) == NULL);
    CLAIM(suite, client_number(client, ONE, ALONE_READ, NULL) == 1);
}

static void missing_tables_are_told(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    farm_call calls[] = {item_add_call(suite, 1, "one", 1),
                         call_of(suite, EXTRA_COUNT, NULL, NULL, 1)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), ALONE);

    CLAIM(suite, status != FARM_OK && !farm_status_is_retryable(status));
    CLAIM(suite, client->fault.kind == FARM_FAULT_OTHER && client->fault.call == 1);
    CLAIM(suite, item_count(client, ALONE_READ) == 0);
}

static int32_t count_row(void *context, size_t ordinal, const farm_value *row) {
    (void)ordinal;
    (void)row;
    *(int32_t *)context += 1;
    return 0;
}

static void the_first_failing_call_is_told(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    farm_value rows[BATCH_COUNT][3];
    farm_call calls[BATCH_COUNT];
    int32_t rows_after = 0;
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        rows[i][0] = integer((int64_t)i);
        rows[i][1] = text_sized(&letters[i], 1);
        rows[i][2] = integer(1);
        calls[i] = call_of(suite, ITEM_ADD_RETURNING, NULL, rows[i], 1);
        if (i < FAILING_CALL) continue;
        calls[i].on_row = count_row;
        calls[i].context = &rows_after;
    }
    rows[FAILING_CALL][1] = rows[3][1];
    rows[FAILING_CALL + 5][2] = integer(-1);

    farm_status status = client_run(client, calls, BATCH_COUNT, ALONE);

    CLAIM_FAULT(client, FARM_EEXISTS, FARM_FAULT_UNIQUE, FAILING_CALL, status);
    CLAIM(suite, rows_after == 0);
    CLAIM(suite, item_count(client, ALONE_READ) == 0);
}

static void the_failing_row_is_told_when_known(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(1), text("a"), integer(1), null(),    integer(2), text("b"),
                               integer(1), null(),    integer(3), text("a"), integer(1), null(),
                               integer(4), text("d"), integer(1), null()};
    farm_call calls[] = {call_of(suite, ITEM_COUNT, NULL, NULL, 1),
                         call_of(suite, ITEM_ADD, NULL, rows, 4)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), ALONE);

    CLAIM_FAULT(client, FARM_EEXISTS, FARM_FAULT_UNIQUE, 1, status);
    CLAIM(suite, client->fault.ordinal == -1 || client->fault.ordinal == 2);
    CLAIM(suite, item_count(client, ALONE_READ) == 0);
}

static void faults_among_arrays_undo_the_run(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value shared[] = {text("x"), integer(1)};
    const farm_value rows[] = {integer(1), null(), integer(2), null(), integer(1), null()};
    farm_call calls[] = {item_add_call(suite, 7, "seven", 1),
                         call_of(suite, ITEM_ADD_ARRAYS, shared, rows, 3)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), ALONE);

    CLAIM_FAULT(client, FARM_EEXISTS, FARM_FAULT_UNIQUE, 1, status);
    CLAIM(suite, item_count(client, ALONE_READ) == 0);
}

static void later_steps_that_fail_undo_the_first(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 5));
    CLAIM_OK(client, item_add(client, ALONE, 2, "two", 5));
    const farm_value row[] = {integer(1), integer(2), integer(-9)};

    farm_status status = client_do(client, ITEM_MOVE, ALONE, NULL, row, 1);

    CLAIM_FAULT(client, FARM_EREFUSED, FARM_FAULT_CHECK, 0, status);
    CLAIM(suite, item_amount(client, ALONE_READ, 1) == 5);
    CLAIM(suite, item_amount(client, ALONE_READ, 2) == 5);
}

/* It fails after the last call, when the store commits; and what follows must not read its
 * answer. */
static void deferred_constraints_fail_the_commit(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value missing[] = {integer(99)};

    for (int32_t i = 0; i < 3; i++) {
        farm_status status = client_do(client, LATE_ADD, ALONE, NULL, missing, 1);

        CLAIM(suite, status == FARM_ECONFLICT);
        CLAIM(suite, client->fault.kind == FARM_FAULT_FOREIGN);
        CLAIM(suite, !client_has_transaction(client));
        CLAIM(suite, client_number(client, LATE_COUNT, ALONE_READ, NULL) == 0);
        CLAIM(suite, client_number(client, ONE, ALONE_READ, NULL) == 1);
    }
}

static void deferred_constraints_fail_a_begun_commit(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value missing[] = {integer(99)};
    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, client_do(client, LATE_ADD, INSIDE, NULL, missing, 1));

    farm_status status = client_commit(client);

    CLAIM(suite, status == FARM_ECONFLICT);
    CLAIM(suite, client->fault.kind == FARM_FAULT_FOREIGN);
    client_rollback(client);
    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, client_number(client, LATE_COUNT, ALONE_READ, NULL) == 0);
}

static void deferred_constraints_may_be_mended(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value key[] = {integer(5)};
    farm_call calls[] = {call_of(suite, LATE_ADD, NULL, key, 1),
                         item_add_call(suite, 5, "five", 5)};

    CLAIM_OK(client, client_run(client, calls, COUNT_OF(calls), ALONE));

    CLAIM(suite, client_number(client, LATE_COUNT, ALONE_READ, NULL) == 1);
}

static const suite_case cases[] = {
    {"a UNIQUE that fails is EEXISTS of the class unique", unique_is_told},
    {"a primary key taken twice is of the class unique", primary_key_is_unique},
    {"a CHECK that fails is EREFUSED of the class check", check_is_told},
    {"a CHECK that an update fails is of the class check", check_of_an_update_is_told},
    {"a NOT NULL that fails is EREFUSED of the class null", null_is_told},
    {"a FOREIGN KEY that fails is ECONFLICT of the class foreign", foreign_is_told},
    {"an expectation that fails is EREFUSED of the class guard", guard_is_told},
    {"a fault repeats no value, even where the store does", values_are_not_repeated},
    {"a table that is missing is a fault of the call", missing_tables_are_told},
    {"of many calls the first that fails is told", the_first_failing_call_is_told},
    {"of many rows the one that failed is told, or none", the_failing_row_is_told_when_known},
    {"a fault among arrays undoes the run", faults_among_arrays_undo_the_run},
    {"a later step that fails undoes the first", later_steps_that_fail_undo_the_first},
    {"a deferred constraint fails the commit, and the connection goes on",
     deferred_constraints_fail_the_commit},
    {"a deferred constraint fails the commit of a transaction that was begun",
     deferred_constraints_fail_a_begun_commit},
    {"a deferred constraint that is met in time commits", deferred_constraints_may_be_mended},
};

const suite_group suite_fault_cases = {cases, COUNT_OF(cases)};
