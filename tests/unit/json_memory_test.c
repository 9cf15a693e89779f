/* JSON when memory runs out, ours and cJSON's. */
#include "base/json.h"
#include "unit/failing_allocator.h"
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* cJSON has an allocator of its own. */
static int64_t cjson_countdown = -1;
static int32_t cjson_has_failed;

static void *allocate_for_cjson(size_t size) {
    if (cjson_countdown == 0) {
        cjson_has_failed = 1;
        return NULL;
    }
    cjson_countdown -= cjson_countdown > 0 ? 1 : 0;
    return malloc(size);
}

static void fail_cjson(int64_t countdown) {
    cJSON_Hooks hooks = {allocate_for_cjson, free};
    cJSON_InitHooks(&hooks);
    cjson_countdown = countdown;
    cjson_has_failed = 0;
}

static const char document[] =
    "{\"b\":[1645557742123456,{\"d\":\"t\",\"c\":true}],\"a\":{\"x\":null,\"y\":2}}";

/* Write the document; what cannot be added goes unnoticed until the end. */
static farm_status write_document(char **out_text) {
    json *root = json_new_object();
    json *inner = json_add_object(root, "inner");
    json_add_integer(inner, "n", INT64_MAX);
    json_add_number(inner, "m", 1.5);
    json *list = json_add_array(inner, "list");
    json *item = json_append_object(list);
    json_add_text(item, "text", "a text");
    json_add_text(item, "none", NULL);
    json_add_boolean(json_append_object(list), "b", 1);
    farm_status status = json_print(root, out_text);
    json_free(root);
    return status;
}

/* Every allocation of cJSON fails in turn, once for a while and once for that one alone. */
Test(json_memory, each_allocation_of_cjson_that_fails_is_out_of_memory) {
    int64_t nth = 0;

    do {
        fail_cjson(nth++);
        const char *complaint;
        json *value = NULL;
        farm_status status = json_parse(document, sizeof(document) - 1, &value, &complaint);
        cr_assert_eq(status, cjson_has_failed ? FARM_ENOMEM : FARM_OK);
        cr_assert_eq(value == NULL, cjson_has_failed);
        json_free(value);
    } while (cjson_has_failed && nth < 1000);
    cr_assert(nth > 10 && nth < 1000);

    nth = 0;
    do {
        fail_cjson(nth++);
        char *text = (char *)document;
        farm_status status = write_document(&text);
        cr_assert_eq(status, cjson_has_failed ? FARM_ENOMEM : FARM_OK);
        cr_assert_eq(text == NULL, cjson_has_failed);
        farm_free(text);
    } while (cjson_has_failed && nth < 1000);
    cr_assert(nth > 15 && nth < 1000);
    cJSON_InitHooks(NULL);
}

static int64_t only_failing = -1;

static void *allocate_but_one(size_t size) {
    if (only_failing-- == 0) {
        cjson_has_failed = 1;
        return NULL;
    }
    return malloc(size);
}

Test(json_memory, one_thing_that_could_not_be_added_spoils_the_whole) {
    int64_t nth = 0;

    do {
        cJSON_Hooks hooks = {allocate_but_one, free};
        cJSON_InitHooks(&hooks);
        only_failing = nth++;
        cjson_has_failed = 0;
        char *text = NULL;
        farm_status status = write_document(&text);
        cr_assert_eq(status, cjson_has_failed ? FARM_ENOMEM : FARM_OK, "allocation %d", (int)nth);
        farm_free(text);
    } while (cjson_has_failed && nth < 1000);

    cr_assert(nth > 15 && nth < 1000);
    cJSON_InitHooks(NULL);
}

Test(json_memory, each_allocation_of_ours_that_fails_is_out_of_memory) {
    int64_t nth = 0;
    failing_allocator allocator;

    do {
        failing_allocator_set(&allocator, nth++);
        const char *complaint;
        json *value = NULL;
        char *text = NULL;
        farm_status printed = json_parse(document, sizeof(document) - 1, &value, &complaint);
        if (printed == FARM_OK) printed = json_print(value, &text);
        cr_assert_eq(printed, allocator.has_failed ? FARM_ENOMEM : FARM_OK);
        cr_assert_eq(text == NULL, allocator.has_failed);
        farm_free(text);
        json_free(value);
        cr_assert_eq(allocator.live_count, 0);
    } while (allocator.has_failed && nth < 100);

    cr_assert_eq(nth, 5, "three objects and one text were at stake");
    farm_allocator_set(NULL);
}

Test(json_memory, nothing_can_be_added_to_nothing) {
    cr_assert_null(json_add_object(NULL, "a"));
    cr_assert_null(json_add_array(NULL, "a"));
    cr_assert_null(json_append_object(NULL));
    json_add_text(NULL, "a", "b");
    json_add_integer(NULL, "a", 1);
    json_add_number(NULL, "a", 1);
    json_add_boolean(NULL, "a", 1);
    char *text = (char *)document;

    cr_assert_eq(json_print(NULL, &text), FARM_ENOMEM);

    cr_assert_null(text);
}
