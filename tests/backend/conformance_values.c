/* Cases: values go in and come out as they were. And lists of values. */
#include "conformance_suite.h"
#include <string.h>

enum { LARGE_SIZE = 1 << 20, LIST_COUNT = 1000 };

static void store_value(suite_client *client, int64_t key, farm_value number, farm_value words,
                        farm_value bytes) {
    conformance_suite *suite = client->suite;
    const farm_value row[] = {integer(key), number, words, bytes};
    CLAIM_OK(client, client_do(client, VALUE_ADD, ALONE, NULL, row, 1));

    collected *rows = suite_collect(suite, 3);
    const farm_value wanted[] = {integer(key)};
    farm_call call = call_of(suite, VALUE_GET, NULL, wanted, 1);
    call_collect(&call, rows);
    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, rows->count == 1 && call.column_count == 3);
    CLAIM(suite, value_equals(collected_value(rows, 0, 0), &number));
    CLAIM(suite, value_equals(collected_value(rows, 0, 1), &words));
    CLAIM(suite, value_equals(collected_value(rows, 0, 2), &bytes));
}

static void store_values(conformance_suite *suite, const farm_value *numbers,
                         const farm_value *words, const farm_value *bytes, size_t count) {
    suite_client *client = suite_open(suite);
    for (size_t i = 0; client != NULL && i < count && !suite_has_failed(suite); i++)
        store_value(client, (int64_t)i, numbers == NULL ? null() : numbers[i],
                    words == NULL ? null() : words[i], bytes == NULL ? null() : bytes[i]);
}

static void integers_return(conformance_suite *suite) {
    const farm_value numbers[] = {
        integer(0),
        integer(1),
        integer(-1),
        integer(INT32_MAX),
        integer(INT32_MIN),
        integer(INT64_MAX),
        integer(INT64_MIN),
        integer(INT64_MAX - 1),
        integer(1LL << 32),
        integer(1LL << 53),
        integer((1LL << 53) + 1),
    };
    store_values(suite, numbers, NULL, NULL, COUNT_OF(numbers));
}

static void texts_return(conformance_suite *suite) {
    const farm_value words[] = {
        text(""),
        text("a"),
        text(" "),
        text("it's \"quoted\" \\ $1 ?1 :name %s {}"),
        text("two\nlines\tand a tab"),
        text("naïve Zürich 東京 \xf0\x9f\x8c\xb1 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"),
        text("NULL"),
        text("0"),
        text("9223372036854775808"),
        text("\\x00ff"),
    };
    store_values(suite, NULL, words, NULL, COUNT_OF(words));
}

static void blobs_return(conformance_suite *suite) {
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++) all[i] = (uint8_t)i;
    const farm_value bytes[] = {
        blob("", 0),      blob("\0", 1),         blob("a\0b\0", 4),      blob(all, sizeof all),
        blob("\\x00", 4), blob("\xff\xfe\0", 3), blob("plain text", 10),
    };
    store_values(suite, NULL, NULL, bytes, COUNT_OF(bytes));
}

/* Part of a longer text: what is behind its end must not come along. */
static void sizes_count(conformance_suite *suite) {
    const farm_value words[] = {text_sized("abcdef", 3), text_sized("abcdef", 0)};
    const farm_value bytes[] = {blob("abcdef", 2), blob("abcdef", 0)};
    store_values(suite, NULL, words, bytes, COUNT_OF(words));
}

static void large_values_return(conformance_suite *suite) {
    char *words = suite_allocate(suite, LARGE_SIZE, 1);
    uint8_t *bytes = suite_allocate(suite, LARGE_SIZE, 1);
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        words[i] = (char)('a' + i % 26);
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    }
    const farm_value large_text[] = {text_sized(words, LARGE_SIZE)};
    const farm_value large_blob[] = {blob(bytes, LARGE_SIZE)};
    store_values(suite, NULL, large_text, large_blob, 1);
}

static void nulls_are_null(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value rows[] = {
        integer(1), null(), null(), null(), integer(2), integer(0), text(""), blob("", 0),
    };
    const farm_value first[] = {integer(1)};
    const farm_value second[] = {integer(2)};
    collected *flags = suite_collect(suite, 3);
    farm_call calls[] = {call_of(suite, VALUE_NULLS, first, NULL, 1),
                         call_of(suite, VALUE_NULLS, second, NULL, 1)};
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        call_collect(&calls[i], flags);
    }

    CLAIM_OK(client, client_do(client, VALUE_ADD, ALONE, NULL, rows, 2));
    CLAIM_OK(client, client_run(client, calls, COUNT_OF(calls), ALONE_READ));

    CLAIM(suite, flags->count == 2);
    for (size_t column = 0; column < 3; column++) {
        CLAIM(suite, collected_value(flags, 0, column)->integer == 1);
        CLAIM(suite, collected_value(flags, 1, column)->integer == 0);
    }
}

static void parameters_come_back(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value values[][3] = {
        {integer(INT64_MIN), text("words"), blob("\0\1", 2)},
        {null(), null(), null()},
        {integer(7), text(""), blob("", 0)},
        {null(), text("only text"), null()},
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        collected *rows = suite_collect(suite, 3);
        farm_call call = call_of(suite, ECHO, values[i], NULL, 1);
        call_collect(&call, rows);

        CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

        CLAIM(suite, rows->count == 1);
        for (size_t column = 0; column < 3; column++)
            CLAIM(suite, value_equals(collected_value(rows, 0, column), &values[i][column]));
    }
}

static void many_parameters_keep_their_places(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    const farm_value shared[] = {integer(1), integer(2), integer(3),
                                 integer(4), integer(5), integer(6)};
    const farm_value rows[] = {integer(7),  integer(8),   integer(9),   integer(10),
                               integer(11), integer(12),  integer(-7),  integer(-8),
                               integer(-9), integer(-10), integer(-11), integer(-12)};
    collected *sums = suite_collect(suite, 1);
    farm_call call = call_of(suite, SUM_OF_TWELVE, shared, rows, 2);
    call_collect(&call, sums);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, sums->count == 2);
    CLAIM(suite, collected_value(sums, 0, 0)->integer == 650);
    CLAIM(suite, collected_value(sums, 1, 0)->integer == 91 - 559);
}

static const suite_case value_cases[] = {
    {"integers return as they were, from the least to the greatest", integers_return},
    {"texts return as they were, whatever they hold", texts_return},
    {"blobs return as they were, with all bytes and none", blobs_return},
    {"a value ends at its size", sizes_count},
    {"a text and a blob of 1 MiB return as they were", large_values_return},
    {"NULL is NULL, and neither 0 nor empty", nulls_are_null},
    {"parameters come back as columns with their types", parameters_come_back},
    {"twelve parameters keep their places, shared and by row", many_parameters_keep_their_places},
};

const suite_group suite_value_cases = {value_cases, COUNT_OF(value_cases)};

/* --- lists --- */

/* Items 0 … 1,999, named "n0" …, whose data is their name. */
static suite_client *open_filled(conformance_suite *suite) {
    enum { FILLED_COUNT = 2 * LIST_COUNT, COLUMNS = 4 };
    suite_client *client = suite_open(suite);
    if (client == NULL) return NULL;
    farm_value *rows = suite_allocate(suite, FILLED_COUNT * COLUMNS, sizeof *rows);
    for (size_t i = 0; i < FILLED_COUNT; i++) {
        const char *name = suite_numbered(suite, i);
        farm_value *row = &rows[i * COLUMNS];
        row[0] = integer((int64_t)i);
        row[1] = text(name);
        row[2] = integer(0);
        row[3] = blob(name, strlen(name));
    }
    farm_status status = client_do(client, ITEM_ADD, ALONE, NULL, rows, FILLED_COUNT);
    return suite_claim_status(client, FARM_OK, status, __FILE__, __LINE__, "filling the table")
               ? client
               : NULL;
}

/* Every second item, as a value of the type. */
static farm_value *half_of_items(conformance_suite *suite, int32_t type) {
    farm_value *values = suite_allocate(suite, LIST_COUNT, sizeof *values);
    for (size_t i = 0; i < LIST_COUNT; i++) {
        const char *name = suite_numbered(suite, 2 * i);
        values[i] = text(name);
        if (type == FARM_BLOB) values[i] = blob(name, strlen(name));
        if (type == FARM_INTEGER) values[i] = integer((int64_t)(2 * i));
    }
    return values;
}

static void find_in_list(suite_client *client, uint32_t statement, const farm_value *values,
                         size_t count) {
    conformance_suite *suite = client->suite;
    const farm_value shared[] = {list(values, count)};
    collected *rows = suite_collect(suite, 1);
    farm_call call = call_of(suite, statement, shared, NULL, 1);
    call_collect(&call, rows);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, rows->count == count);
    for (size_t i = 0; i < count; i++)
        CLAIM(suite, collected_value(rows, i, 0)->integer == (int64_t)(2 * i));
}

static void find_in_lists(conformance_suite *suite, uint32_t statement, int32_t type) {
    static const size_t counts[] = {0, 1, 2, LIST_COUNT, 1, 0};
    suite_client *client = open_filled(suite);
    if (client == NULL) return;
    const farm_value *values = half_of_items(suite, type);
    for (size_t i = 0; i < COUNT_OF(counts) && !suite_has_failed(suite); i++)
        find_in_list(client, statement, values, counts[i]);
}

static void integers_are_found(conformance_suite *suite) {
    find_in_lists(suite, IN_INTEGERS, FARM_INTEGER);
}

static void texts_are_found(conformance_suite *suite) {
    find_in_lists(suite, IN_TEXTS, FARM_TEXT);
}

static void blobs_are_found(conformance_suite *suite) {
    find_in_lists(suite, IN_BLOBS, FARM_BLOB);
}

/* What an array written as text would stumble over. */
static void odd_texts_are_found(conformance_suite *suite) {
    static const char *const names[] = {"", "NULL", "{a,b}", "it's", "\"", "\\", "a b", "ü", ","};
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    farm_value items[COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLAIM_OK(client, item_add(client, ALONE, (int64_t)i, names[i], 0));
        items[i] = text(names[i]);
    }
    const farm_value shared[] = {list(items, COUNT_OF(names))};
    collected *rows = suite_collect(suite, 1);
    farm_call call = call_of(suite, IN_TEXTS, shared, NULL, 1);
    call_collect(&call, rows);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, rows->count == COUNT_OF(names));
}

static void lists_mix_with_values(conformance_suite *suite) {
    suite_client *client = open_filled(suite);
    if (client == NULL) return;
    const farm_value keys[] = {integer(1), integer(2), integer(3), integer(4), integer(5)};
    const farm_value names[] = {text("n2"), text("n4"), text("n5"), text("n9")};
    const farm_value shared[] = {integer(2), list(keys, COUNT_OF(keys)),
                                 list(names, COUNT_OF(names))};
    const farm_value bounds[] = {integer(4), integer(9), integer(2)};
    static const size_t expected[][2] = {{0, 4}, {1, 4}, {1, 5}}; /* {ordinal, key} */
    collected *rows = suite_collect(suite, 1);
    farm_call call = call_of(suite, IN_MIXED, shared, bounds, COUNT_OF(bounds));
    call_collect(&call, rows);

    CLAIM_OK(client, client_run(client, &call, 1, ALONE_READ));

    CLAIM(suite, rows->count == COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        CLAIM(suite, rows->ordinals[i] == expected[i][0]);
        CLAIM(suite, collected_value(rows, i, 0)->integer == (int64_t)expected[i][1]);
    }
}

static const suite_case list_cases[] = {
    {"a list of 0, 1 or 1,000 integers finds them", integers_are_found},
    {"a list of 0, 1 or 1,000 texts finds them", texts_are_found},
    {"a list of 0, 1 or 1,000 blobs finds them", blobs_are_found},
    {"texts of a list may hold anything", odd_texts_are_found},
    {"lists mix with shared values and values by row", lists_mix_with_values},
};

const suite_group suite_list_cases = {list_cases, COUNT_OF(list_cases)};
