/* Cases: rows handed over, and expectations of how many there are. */
#include "conformance_suite.h"
#include <string.h>

/* Items 1 to 5 with their key as amount. */
static suite_client *open_five(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return NULL;
    const farm_value rows[] = {integer(1), text("a"),  integer(1), null(),     integer(2),
                               text("b"),  integer(2), null(),     integer(3), text("c"),
                               integer(3), null(),     integer(4), text("d"),  integer(4),
                               null(),     integer(5), text("e"),  integer(5), null()};
    farm_status status = client_do(client, ITEM_ADD, ALONE, NULL, rows, 5);
    return suite_claim_status(client, FARM_OK, status, __FILE__, __LINE__, "adding five items")
               ? client
               : NULL;
}

static void rows_tell_their_parameter_row(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value bounds[] = {integer(4), integer(9), integer(7),
                                 integer(9), integer(1), integer(3)};
    static const int64_t expected[][2] = {{0, 4}, {0, 5}, {2, 1}, {2, 2}}; /* {ordinal, key} */
    collected *found = suite_collect(suite, 2);
    farm_call call = call_of(suite, ITEM_NAMES_BETWEEN, NULL, bounds, 3);
    call_collect(&call, found);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, found->count == COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        CLAIM(suite, found->ordinals[i] == (size_t)expected[i][0]);
        CLAIM(suite, collected_value(found, i, 0)->integer == expected[i][1]);
    }
}

static void unwanted_rows_are_dropped(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value row[] = {integer(6), text("f"), integer(6)};
    collected *keys = suite_collect(suite, 1);
    farm_call calls[] = {call_of(suite, ITEM_KEYS, NULL, NULL, 1),
                         call_of(suite, ITEM_ADD_RETURNING, NULL, row, 1),
                         call_of(suite, ITEM_KEYS, NULL, NULL, 1)};
    call_collect(&calls[2], keys);

    CLAIM_OK(client, client_run(client, calls, COUNT_OF(calls), ALONE));

    CLAIM(suite, keys->count == 6);
}

static void enough_skips_the_rest_of_the_call(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    collected *some = suite_collect(suite, 1);
    collected *all = suite_collect(suite, 1);
    some->limit = 2;
    farm_call calls[] = {call_of(suite, ITEM_KEYS, NULL, NULL, 1),
                         call_of(suite, ITEM_KEYS, NULL, NULL, 1)};
    call_collect(&calls[0], some);
    call_collect(&calls[1], all);

    CLAIM_OK(client, client_run(client, calls, COUNT_OF(calls), ALONE_READ));

    CLAIM(suite, some->count == 2);
    CLAIM(suite, all->count == 5);
    CLAIM(suite, item_count(client, ALONE_READ) == 5);
}

static void enough_still_stores_all_rows(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(1), text("a"),  integer(1), integer(2), text("b"),
                               integer(2), integer(3), text("c"),  integer(3)};
    collected *some = suite_collect(suite, 2);
    some->limit = 1;
    farm_call call = call_of(suite, ITEM_ADD_RETURNING, NULL, rows, 3);
    call_collect(&call, some);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE));

    CLAIM(suite, some->count == 1 && call.changes == 3);
    CLAIM(suite, item_count(client, ALONE_READ) == 3);
}

static void enough_is_no_miss(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value from[] = {integer(4)};
    collected *some = suite_collect(suite, 2);
    some->limit = 1;
    farm_call call = call_of(suite, ITEM_FIND_FROM_EXPECT, NULL, from, 1);
    call_collect(&call, some);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, some->count == 1);
}

static const suite_case row_cases[] = {
    {"rows tell which parameter row they answer", rows_tell_their_parameter_row},
    {"rows that nobody wants are dropped", unwanted_rows_are_dropped},
    {"after enough rows the call's others are skipped, the next call's not",
     enough_skips_the_rest_of_the_call},
    {"after enough rows the parameter rows are stored all the same", enough_still_stores_all_rows},
    {"enough rows do not make an expectation miss", enough_is_no_miss},
};

const suite_group suite_row_cases = {row_cases, COUNT_OF(row_cases)};

/* --- expectations --- */

static void met_expectations_pass(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value set[] = {integer(1), integer(10), integer(2), integer(20)};
    const farm_value set_three[] = {integer(3), integer(30)};
    const farm_value returning[] = {integer(1), integer(11)};
    const farm_value from_four[] = {integer(4)};
    const farm_value beyond[] = {integer(6), integer(7)};
    collected *changed = suite_collect(suite, 2);
    collected *found = suite_collect(suite, 2);
    collected *absent = suite_collect(suite, 2);
    farm_call calls[] = {
        call_of(suite, ITEM_SET_EXPECT, NULL, set, 2),
        call_of(suite, ITEM_SET_FROM_EXPECT, NULL, set_three, 1),
        call_of(suite, ITEM_SET_RETURNING_EXPECT, NULL, returning, 1),
        call_of(suite, ITEM_FIND_FROM_EXPECT, NULL, from_four, 1),
        call_of(suite, ITEM_ABSENT_EXPECT, NULL, beyond, 2),
    };
    collected *const sinks[] = {NULL, NULL, changed, found, absent};
    for (size_t i = 2; i < COUNT_OF(calls); i++) {
        call_collect(&calls[i], sinks[i]);
    }

    CLAIM_OK(client, client_run(client, calls, COUNT_OF(calls), ALONE));

    CLAIM(suite, changed->count == 1 && collected_value(changed, 0, 1)->integer == 11);
    CLAIM(suite, found->count == 2 && collected_value(found, 1, 1)->integer == 30);
    CLAIM(suite, absent->count == 0);
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == 11 + 20 + 90);
}

/* A run whose third call misses, when there are six items: nothing of it may stay. */
static void miss(conformance_suite *suite, uint32_t statement, const farm_value *rows,
                 size_t row_count, int32_t missing_row) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value one[] = {integer(100)};
    const farm_value after[] = {integer(1)};
    farm_call calls[] = {item_add_call(suite, 6, "f", 6),
                         call_of(suite, ITEM_CHANGE_ALL, one, NULL, 1),
                         call_of(suite, statement, NULL, rows, row_count),
                         call_of(suite, ITEM_REMOVE, NULL, after, 1)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), ALONE);

    CLAIM_FAULT(client, FARM_EREFUSED, FARM_FAULT_GUARD, 2, status);
    CLAIM(suite, client->fault.ordinal == -1 || client->fault.ordinal == missing_row);
    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, item_count(client, ALONE_READ) == 5);
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == 15);
}

static void a_miss_with_no_row(conformance_suite *suite) {
    const farm_value rows[] = {integer(99), integer(1)};
    miss(suite, ITEM_SET_EXPECT, rows, 1, 0);
}

static void a_miss_with_too_few_rows(conformance_suite *suite) {
    const farm_value rows[] = {integer(5), integer(1)};
    miss(suite, ITEM_SET_FROM_EXPECT, rows, 1, 0);
}

static void a_miss_with_too_many_rows(conformance_suite *suite) {
    const farm_value rows[] = {integer(1), integer(1)};
    miss(suite, ITEM_SET_FROM_EXPECT, rows, 1, 0);
}

static void a_miss_in_a_later_row(conformance_suite *suite) {
    const farm_value rows[] = {integer(1), integer(1),  integer(2), integer(1), integer(3),
                               integer(1), integer(99), integer(1), integer(4), integer(1)};
    miss(suite, ITEM_SET_EXPECT, rows, 5, 3);
}

static void a_miss_of_returned_rows(conformance_suite *suite) {
    const farm_value rows[] = {integer(99), integer(1)};
    miss(suite, ITEM_SET_RETURNING_EXPECT, rows, 1, 0);
}

static void a_miss_of_read_rows(conformance_suite *suite) {
    const farm_value rows[] = {integer(5), integer(6)};
    miss(suite, ITEM_FIND_FROM_EXPECT, rows, 2, 1);
}

static void a_miss_of_absence(conformance_suite *suite) {
    const farm_value rows[] = {integer(7), integer(5)};
    miss(suite, ITEM_ABSENT_EXPECT, rows, 2, 1);
}

static void a_miss_of_a_sequence(conformance_suite *suite) {
    const farm_value rows[] = {integer(1), integer(1), integer(99)};
    miss(suite, ITEM_CHANGE_AND_EXPECT, rows, 1, 0);
}

static void a_miss_among_arrays(conformance_suite *suite) {
    const farm_value rows[] = {integer(1), integer(1), integer(99), integer(1)};
    miss(suite, ITEM_SET_ARRAYS_EXPECT, rows, 2, 1);
}

/* A run of one statement may be committed by the store itself: the miss must come first. */
static void a_miss_alone_has_no_effect(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(1), integer(7)};

    farm_status status = client_do(client, ITEM_SET_FROM_EXPECT, ALONE, NULL, rows, 1);

    CLAIM_FAULT(client, FARM_EREFUSED, FARM_FAULT_GUARD, 0, status);
    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == 15);
    CLAIM_OK(client, item_add(client, ALONE, 6, "f", 6));
    CLAIM(suite, item_count(client, ALONE_READ) == 6);
}

static void arrays_meet_expectations(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(5),  integer(50), integer(2),
                               integer(20), integer(1),  integer(10)};

    farm_status status = client_do(client, ITEM_SET_ARRAYS_EXPECT, ALONE, NULL, rows, 3);

    CLAIM_OK(client, status);
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == 10 + 20 + 3 + 4 + 50);
}

static void a_miss_ends_a_transaction(conformance_suite *suite) {
    suite_client *client = open_five(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(99), integer(1)};
    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, item_add(client, INSIDE, 6, "f", 6));

    farm_status status = client_do(client, ITEM_SET_EXPECT, INSIDE, NULL, rows, 1);

    CLAIM_FAULT(client, FARM_EREFUSED, FARM_FAULT_GUARD, 0, status);
    client_rollback(client);
    CLAIM(suite, item_count(client, ALONE_READ) == 5);
}

static const suite_case expect_cases[] = {
    {"expectations that are met pass and hand their rows over", met_expectations_pass},
    {"an expectation missed by no row undoes the run", a_miss_with_no_row},
    {"an expectation missed by too few rows undoes the run", a_miss_with_too_few_rows},
    {"an expectation missed by too many rows undoes the run", a_miss_with_too_many_rows},
    {"an expectation missed in a later parameter row undoes the run", a_miss_in_a_later_row},
    {"an expectation of returned rows that is missed undoes the run", a_miss_of_returned_rows},
    {"an expectation of read rows that is missed undoes the run", a_miss_of_read_rows},
    {"an expectation of no rows that is missed undoes the run", a_miss_of_absence},
    {"an expectation of a sequence's last step that is missed undoes the run",
     a_miss_of_a_sequence},
    {"an expectation missed among arrays undoes the run", a_miss_among_arrays},
    {"an expectation missed by a run's only statement undoes it", a_miss_alone_has_no_effect},
    {"arrays meet their expectation row by row", arrays_meet_expectations},
    {"an expectation missed inside a transaction leaves it to be rolled back",
     a_miss_ends_a_transaction},
};

const suite_group suite_expect_cases = {expect_cases, COUNT_OF(expect_cases)};
