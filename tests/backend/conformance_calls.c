/* Cases: calls with many parameter rows, sequences, arrays, changes, batches; and the rows that
 * they hand over. */
#include "conformance_suite.h"
#include <string.h>

enum { LARGE_COUNT = 10000, CALL_COUNT = 500, LONG_COUNT = 3000, LONG_SIZE = 2000 };

static void rows_of_one_call_are_all_stored(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(1), text("a"), integer(10), null(),
                               integer(2), text("b"), integer(20), blob("b", 1),
                               integer(3), text("c"), integer(30), null()};
    farm_call call = call_of(suite, ITEM_ADD, NULL, rows, 3);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE));

    CLAIM(suite, call.changes == 3);
    CLAIM(suite, item_count(client, ALONE_READ) == 3);
    CLAIM(suite, item_amount(client, ALONE_READ, 2) == 20);
}

static void shared_and_varying_parameters_mix(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value shared[] = {text("shelf-"), integer(9)};
    const farm_value rows[] = {integer(5), integer(6), integer(7)};
    const farm_value bounds[] = {integer(0), integer(100)};
    const farm_value last = text("shelf-7");
    collected *found = suite_collect(suite, 2);
    farm_call add = call_of(suite, ITEM_ADD_SHARED, shared, rows, 3);
    farm_call read = call_of(suite, ITEM_NAMES_BETWEEN, NULL, bounds, 1);
    call_collect(&read, found);

    CLAIM_OK(client, client_run(client, &add, 1, ALONE));
    CLAIM_OK(client, client_run(client, &read, 1, ALONE_READ));

    CLAIM(suite, add.changes == 3 && found->count == 3);
    CLAIM(suite, value_equals(collected_value(found, 2, 1), &last));
    CLAIM(suite, item_amount(client, ALONE_READ, 5) == 9);
}

static void sequences_run_their_steps_in_order(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 100));
    CLAIM_OK(client, item_add(client, ALONE, 2, "two", 0));
    const farm_value moves[] = {integer(1), integer(2), integer(30),
                                integer(2), integer(1), integer(5)};
    farm_call move = call_of(suite, ITEM_MOVE, NULL, moves, 2);

    CLAIM_OK(client, client_run(client, &move, 1, ALONE));

    CLAIM(suite, move.changes == 4);
    CLAIM(suite, item_amount(client, ALONE_READ, 1) == 75);
    CLAIM(suite, item_amount(client, ALONE_READ, 2) == 25);
}

static void sequences_answer_rows_of_the_last_step(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(4), text("four"), integer(40),
                               integer(5), text("five"), integer(50)};
    collected *found = suite_collect(suite, 2);
    farm_call call = call_of(suite, ITEM_ADD_AND_READ, NULL, rows, 2);
    call_collect(&call, found);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE));

    CLAIM(suite, call.changes == 2 && found->count == 2);
    for (size_t i = 0; i < 2; i++) {
        CLAIM(suite, found->ordinals[i] == i);
        CLAIM(suite, collected_value(found, i, 0)->integer == (int64_t)(4 + i));
        CLAIM(suite, collected_value(found, i, 1)->integer == (int64_t)(41 + 10 * i));
    }
}

static void nothing_to_do_does_nothing(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value keys[] = {integer(1)};
    collected *none = suite_collect(suite, 2);
    farm_call calls[] = {
        call_of(suite, ITEM_ADD, NULL, NULL, 0),
        item_add_call(suite, 1, "one", 1),
        call_of(suite, NOTHING, NULL, keys, 1),
        call_of(suite, ITEM_SET_EXPECT, NULL, NULL, 0),
        call_of(suite, ITEM_ADD_ARRAYS, keys, NULL, 0),
        call_of(suite, ITEM_FIND_ARRAYS, NULL, NULL, 0),
    };
    call_collect(&calls[5], none);

    CLAIM_OK(client, client_run(client, calls, COUNT_OF(calls), ALONE));

    for (size_t i = 0; i < COUNT_OF(calls); i++) CLAIM(suite, calls[i].changes == (i == 1));
    CLAIM(suite, none->count == 0);
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

static void runs_of_no_calls_are_fine(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;

    CLAIM_OK(client, client_run(client, NULL, 0, ALONE));
    CLAIM_OK(client, client_run(client, NULL, 0, ALONE_READ));
    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, client_run(client, NULL, 0, INSIDE));
    CLAIM_OK(client, item_add(client, INSIDE, 1, "one", 1));
    CLAIM_OK(client, client_run(client, NULL, 0, FARM_RUN_COMMIT));

    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

static void changes_are_counted(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value added[] = {integer(1), text("a"), integer(1), null(),    integer(2), text("b"),
                                integer(2), null(),    integer(3), text("c"), integer(3), null()};
    const farm_value again[] = {integer(1), text("a"), integer(1),
                                integer(4), text("d"), integer(4)};
    const farm_value one[] = {integer(1)};
    const farm_value removed[] = {integer(1), integer(99), integer(2)};
    const farm_value missing[] = {integer(99), integer(1)};
    farm_call calls[] = {
        call_of(suite, ITEM_ADD, NULL, added, 3),
        call_of(suite, ITEM_COUNT, NULL, NULL, 1),
        call_of(suite, ITEM_ADD_NEW, NULL, again, 2),
        call_of(suite, ITEM_CHANGE_ALL, one, NULL, 1),
        call_of(suite, ITEM_CHANGE, NULL, missing, 1),
        call_of(suite, ITEM_COUNT, NULL, NULL, 1),
        call_of(suite, ITEM_REMOVE, NULL, removed, 3),
    };
    static const int64_t expected[] = {3, 0, 1, 4, 0, 0, 2};

    CLAIM_OK(client, client_run(client, calls, COUNT_OF(calls), ALONE));

    for (size_t i = 0; i < COUNT_OF(calls); i++) CLAIM(suite, calls[i].changes == expected[i]);
}

static void returning_statements_count_changes(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value rows[] = {integer(1), text("a"), integer(1),
                               integer(2), text("b"), integer(2)};
    collected *found = suite_collect(suite, 2);
    farm_call call = call_of(suite, ITEM_ADD_RETURNING, NULL, rows, 2);
    call_collect(&call, found);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE));

    CLAIM(suite, call.changes == 2 && found->count == 2 && call.column_count == 2);
    CLAIM(suite, found->ordinals[0] == 0 && found->ordinals[1] == 1);
}

static void arrays_store_every_row(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value shared[] = {text("shelf-"), integer(9)};
    const farm_value rows[] = {integer(1),     null(),     integer(2),
                               blob("\0x", 2), integer(3), blob("", 0)};
    farm_call add = call_of(suite, ITEM_ADD_ARRAYS, shared, rows, 3);

    CLAIM_OK(client, client_run(client, &add, 1, ALONE));

    CLAIM(suite, add.changes == 3);
    CLAIM(suite, item_count(client, ALONE_READ) == 3);
    CLAIM(suite, item_amount(client, ALONE_READ, 3) == 9);
}

static void arrays_keep_values(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value rows[] = {
        integer(0),
        integer(INT64_MIN),
        text("it's {\"a\",b}"),
        blob("\0\xff", 2),
        integer(1),
        null(),
        null(),
        null(),
        integer(2),
        integer(0),
        text(""),
        blob("", 0),
        integer(3),
        integer(INT64_MAX),
        text("NULL"),
        blob("NULL", 4),
        integer(4),
        integer(-1),
        text("\\ \n ü"),
        blob("\\", 1),
    };
    const farm_value keys[] = {integer(0), integer(1), integer(2), integer(3), integer(4)};
    collected *found = suite_collect(suite, 3);
    farm_call read = call_of(suite, VALUE_GET, NULL, keys, 5);
    call_collect(&read, found);

    CLAIM_OK(client, client_do(client, VALUE_ADD_ARRAYS, ALONE, NULL, rows, 5));
    CLAIM_OK(client, client_run(client, &read, 1, ALONE_READ));

    CLAIM(suite, found->count == 5);
    for (size_t row = 0; row < 5; row++)
        for (size_t column = 0; column < 3; column++)
            CLAIM(suite,
                  value_equals(collected_value(found, row, column), &rows[row * 4 + column + 1]));
}

/* Neither store promises the order of rows; the ordinal says which parameter row is answered. */
static void arrays_answer_with_ordinals(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    static const char *const names[] = {"zero", "one", "two", "three"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        CLAIM_OK(client, item_add(client, ALONE, (int64_t)i, names[i], 0));
    static const int64_t asked[] = {3, 0, 77, 1, 3};
    farm_value rows[COUNT_OF(asked)];
    for (size_t i = 0; i < COUNT_OF(asked); i++) rows[i] = integer(asked[i]);
    collected *found = suite_collect(suite, 2);
    farm_call call = call_of(suite, ITEM_FIND_ARRAYS, NULL, rows, COUNT_OF(asked));
    call_collect(&call, found);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, found->count == 4 && call.column_count == 2);
    uint32_t seen = 0;
    for (size_t i = 0; i < found->count; i++) {
        size_t ordinal = found->ordinals[i];
        CLAIM(suite, ordinal < COUNT_OF(asked) && (seen & (1U << ordinal)) == 0);
        seen |= 1U << ordinal;
        const farm_value name = text(names[asked[ordinal] & 3]);
        CLAIM(suite, collected_value(found, i, 0)->integer == asked[ordinal]);
        CLAIM(suite, value_equals(collected_value(found, i, 1), &name));
    }
}

static farm_value *many_items(conformance_suite *suite, size_t count, size_t columns) {
    farm_value *rows = suite_allocate(suite, count * columns, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        rows[i * columns] = integer((int64_t)i);
        rows[i * columns + 1] = text(suite_numbered(suite, i));
        rows[i * columns + 2] = integer((int64_t)i);
        for (size_t column = 3; column < columns; column++) rows[i * columns + column] = null();
    }
    return rows;
}

static void ten_thousand_rows_go_in_one_call(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value *rows = many_items(suite, LARGE_COUNT, 3);
    collected *found = suite_collect(suite, 2);
    farm_call call = call_of(suite, ITEM_ADD_RETURNING, NULL, rows, LARGE_COUNT);
    call_collect(&call, found);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE));

    CLAIM(suite, call.changes == LARGE_COUNT && found->count == LARGE_COUNT);
    for (size_t i = 0; i < LARGE_COUNT; i++) {
        CLAIM(suite, found->ordinals[i] == i);
        CLAIM(suite, value_equals(collected_value(found, i, 1), &rows[i * 3 + 1]));
    }
    CLAIM(suite, item_count(client, ALONE_READ) == LARGE_COUNT);
}

static void ten_thousand_rows_go_as_arrays(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value *rows = many_items(suite, LARGE_COUNT, 3);
    const farm_value shared[] = {text("x"), integer(1)};
    farm_value *keys = suite_allocate(suite, LARGE_COUNT * 2, sizeof *keys);
    for (size_t i = 0; i < LARGE_COUNT; i++) {
        keys[2 * i] = rows[3 * i];
        keys[2 * i + 1] = null();
    }
    farm_call call = call_of(suite, ITEM_ADD_ARRAYS, shared, keys, LARGE_COUNT);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE));

    CLAIM(suite, call.changes == LARGE_COUNT);
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == LARGE_COUNT);
}

/* A driver that sends everything before it reads anything stands still here. */
static void long_answers_do_not_block_long_batches(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    farm_value *rows = suite_allocate(suite, LONG_COUNT * 2, sizeof *rows);
    for (size_t i = 0; i < LONG_COUNT; i++) {
        rows[2 * i] = integer((int64_t)i);
        rows[2 * i + 1] = integer(LONG_SIZE);
    }
    collected *found = suite_collect(suite, 2);
    farm_call call = call_of(suite, LONG_TEXTS, NULL, rows, LONG_COUNT);
    call_collect(&call, found);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, found->count == LONG_COUNT);
    for (size_t i = 0; i < LONG_COUNT; i++) {
        CLAIM(suite, collected_value(found, i, 0)->integer == (int64_t)i);
        CLAIM(suite, collected_value(found, i, 1)->size == LONG_SIZE);
    }
}

static void many_calls_go_in_one_run(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    farm_call *calls = suite_allocate(suite, CALL_COUNT, sizeof *calls);
    const farm_value *rows = many_items(suite, CALL_COUNT, 4);
    collected *counts = suite_collect(suite, 1);
    for (size_t i = 0; i < CALL_COUNT; i++) {
        calls[i] = call_of(suite, ITEM_ADD, NULL, &rows[i * 4], 1);
        if (i % 2 == 0) continue;
        calls[i] = call_of(suite, ITEM_COUNT, NULL, NULL, 1);
        call_collect(&calls[i], counts);
    }

    CLAIM_OK(client, client_run(client, calls, CALL_COUNT, ALONE));

    CLAIM(suite, counts->count == CALL_COUNT / 2);
    for (size_t i = 0; i < counts->count; i++)
        CLAIM(suite, collected_value(counts, i, 0)->integer == (int64_t)(i + 1));
}

static const suite_case call_cases[] = {
    {"the rows of one call are all stored", rows_of_one_call_are_all_stored},
    {"shared parameters and those that vary by row mix", shared_and_varying_parameters_mix},
    {"a sequence runs its steps in order for each row", sequences_run_their_steps_in_order},
    {"a sequence answers the rows of its last step", sequences_answer_rows_of_the_last_step},
    {"calls without rows or steps do nothing", nothing_to_do_does_nothing},
    {"runs of no calls are fine, and commit", runs_of_no_calls_are_fine},
    {"changes count rows inserted, updated and deleted, and no others", changes_are_counted},
    {"a statement that returns rows counts its changes", returning_statements_count_changes},
    {"arrays store every row", arrays_store_every_row},
    {"arrays keep values and NULLs as they were", arrays_keep_values},
    {"arrays answer with the ordinal of the parameter row", arrays_answer_with_ordinals},
    {"ten thousand rows go in one call and answer in order", ten_thousand_rows_go_in_one_call},
    {"ten thousand rows go as arrays", ten_thousand_rows_go_as_arrays},
    {"long answers do not block a long batch", long_answers_do_not_block_long_batches},
    {"five hundred calls go in one run, each seeing those before", many_calls_go_in_one_run},
};

const suite_group suite_call_cases = {call_cases, COUNT_OF(call_cases)};
