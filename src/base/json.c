/* cJSON, called from this file alone, behind the strict reader of json_scan.c. cJSON's allocator
 * belongs to the whole process and stays what the host set; only the text of json_print() comes
 * from farm_allocate(). cJSON's place of the last error is the process's, too, and set without a
 * lock: nobody here reads it. In the few locales whose decimal point has several bytes cJSON reads
 * no fraction, which looks like a lack of memory. */
#include "base/json.h"
#include "base/integer.h"
#include "base/json_scan.h"
#include <cjson/cJSON.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* On a container to which something could not be added. cJSON looks at the low ten bits alone. */
enum { TYPE_INCOMPLETE = 1 << 16 };

/* 2^53: from here on a double no longer tells an integer from its neighbours. */
#define INTEGER_BOUND 9007199254740992.0

enum { DIGITS_SIZE = 40 }; /* of any number, with room for a locale's decimal point */

static size_t count_children(const json *value) {
    size_t count = 0;
    for (const json *child = value->child; child != NULL; child = child->next) count++;
    return count;
}

static int compare_names(const void *left, const void *right) {
    const json *const *left_member = left;
    const json *const *right_member = right;
    return strcmp((*left_member)->string, (*right_member)->string);
}

/* Readers disagree on which of two equal keys counts, so neither does. Sorted, because an object of
 * a megabyte has a hundred thousand members. */
static farm_status check_names(const json *object, const char **complaint) {
    size_t count = count_children(object);
    if (count < 2) return FARM_OK;
    size_t size = 0;
    if (!size_multiply(count, sizeof(const json *), &size)) return FARM_ENOMEM;
    const json **members = farm_allocate(size);
    if (members == NULL) return FARM_ENOMEM;
    size_t filled = 0;
    for (const json *child = object->child; child != NULL; child = child->next)
        members[filled++] = child;
    qsort(members, count, sizeof(members[0]), compare_names);
    farm_status status = FARM_OK;
    for (size_t i = 1; i < count && status == FARM_OK; i++) {
        if (strcmp(members[i - 1]->string, members[i]->string) == 0) status = FARM_EINVAL;
    }
    farm_free(members);
    if (status == FARM_EINVAL) *complaint = "has a key twice";
    return status;
}

/* Neither infinite nor no number. */
static int32_t is_finite(double number) {
    return number >= -DBL_MAX && number <= DBL_MAX;
}

/* Whether the number is an integer that a double tells from its neighbours. */
static int32_t is_exact(double number) {
    if (!(number > -INTEGER_BOUND && number < INTEGER_BOUND)) return 0;
    double whole = (double)(int64_t)number;
    return !(whole < number || whole > number);
}

/* The decimal point of the process's locale, of whatever bytes, becomes JSON's. */
static void replace_decimal_point(char *digits) {
    size_t at = strspn(digits, "-0123456789");
    size_t size = strcspn(digits + at, "e0123456789");
    if (digits[at] == '\0' || size == 0) return;
    digits[at] = '.';
    memmove(digits + at + 1, digits + at + size, strlen(digits + at + size) + 1);
}

/* 15 digits, and more where it takes them to be read as the same number again. */
static void format_number(double number, char digits[DIGITS_SIZE]) {
    if (is_exact(number)) {
        snprintf(digits, DIGITS_SIZE, "%" PRId64, (int64_t)number);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, DIGITS_SIZE, "%.*g", precision, number);
        double again = strtod(digits, NULL);
        if (!(again < number || again > number)) break;
    }
    replace_decimal_point(digits);
}

/* cJSON writes numbers other than an int with 15 digits; a time in microseconds has 16. So they
 * carry their digits along and are written as they are, and read by their valuedouble. */
static farm_status settle_number(json *value, const char **complaint) {
    double number = value->valuedouble;
    if (!is_finite(number)) {
        *complaint = "has a number out of range";
        return FARM_EINVAL;
    }
    if (number >= INT_MIN && number <= INT_MAX && is_exact(number)) return FARM_OK;
    value->valuestring = cJSON_malloc(DIGITS_SIZE);
    if (value->valuestring == NULL) return FARM_ENOMEM;
    format_number(number, value->valuestring);
    value->type = cJSON_Raw;
    return FARM_OK;
}

/* What the text alone does not show: equal keys, numbers that no double holds. Recursion ends at
 * JSON_DEPTH_MAX. */
static farm_status settle_value(json *value, const char **complaint) {
    if (cJSON_IsNumber(value)) return settle_number(value, complaint);
    farm_status status = cJSON_IsObject(value) ? check_names(value, complaint) : FARM_OK;
    for (json *child = value->child; child != NULL && status == FARM_OK; child = child->next)
        status = settle_value(child, complaint);
    return status;
}

farm_status json_parse(const char *text, size_t size, json **out, const char **complaint) {
    *out = NULL;
    *complaint = json_scan(text, size);
    if (*complaint != NULL) return FARM_EINVAL;
    json *value = cJSON_ParseWithLength(text, size);
    if (value == NULL) return FARM_ENOMEM;
    farm_status status = settle_value(value, complaint);
    if (status == FARM_OK) {
        *out = value;
    } else {
        cJSON_Delete(value);
    }
    return status;
}

void json_free(json *value) {
    cJSON_Delete(value);
}

const json *json_member(const json *object, const char *name) {
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *json_text(const json *value) {
    return cJSON_GetStringValue(value);
}

farm_status json_integer(const json *value, int64_t *out) {
    if (!cJSON_IsNumber(value) && !cJSON_IsRaw(value)) return FARM_EINVAL;
    if (!is_exact(value->valuedouble)) return FARM_EINVAL;
    *out = (int64_t)value->valuedouble;
    return FARM_OK;
}

int32_t json_is_true(const json *value) {
    return cJSON_IsTrue(value) ? 1 : 0;
}

json *json_new_object(void) {
    return cJSON_CreateObject();
}

/* Every add ends here: what could not be added is remembered by its parent. */
static json *added(json *parent, json *made) {
    if (made == NULL && parent != NULL) parent->type |= TYPE_INCOMPLETE;
    return made;
}

json *json_add_object(json *parent, const char *name) {
    return parent == NULL ? NULL : added(parent, cJSON_AddObjectToObject(parent, name));
}

json *json_add_array(json *parent, const char *name) {
    return parent == NULL ? NULL : added(parent, cJSON_AddArrayToObject(parent, name));
}

/* Take the item into the array, or free it. */
static json *append(json *array, json *made) {
    if (made != NULL && !cJSON_AddItemToArray(array, made)) {
        cJSON_Delete(made);
        made = NULL;
    }
    return added(array, made);
}

json *json_append_object(json *array) {
    return array == NULL ? NULL : append(array, cJSON_CreateObject());
}

void json_add_text(json *parent, const char *name, const char *text) {
    if (parent == NULL) return;
    added(parent, text == NULL ? cJSON_AddNullToObject(parent, name)
                               : cJSON_AddStringToObject(parent, name, text));
}

static void add_digits(json *parent, const char *name, const char *digits, double number) {
    json *made = added(parent, cJSON_AddRawToObject(parent, name, digits));
    if (made != NULL) made->valuedouble = number;
}

void json_add_integer(json *parent, const char *name, int64_t integer) {
    if (parent == NULL) return;
    char digits[DIGITS_SIZE];
    snprintf(digits, sizeof(digits), "%" PRId64, integer);
    add_digits(parent, name, digits, (double)integer);
}

void json_add_number(json *parent, const char *name, double number) {
    if (parent == NULL) return;
    if (!is_finite(number)) {
        json_add_text(parent, name, NULL);
        return;
    }
    char digits[DIGITS_SIZE];
    format_number(number, digits);
    add_digits(parent, name, digits, number);
}

void json_add_boolean(json *parent, const char *name, int32_t boolean) {
    if (parent == NULL) return;
    added(parent, cJSON_AddBoolToObject(parent, name, boolean != 0));
}

/* Recursion ends where the nesting of what was built ends, as cJSON's own does. */
static int32_t is_complete(const json *value) {
    if ((value->type & TYPE_INCOMPLETE) != 0) return 0;
    for (const json *child = value->child; child != NULL; child = child->next) {
        if (!is_complete(child)) return 0;
    }
    return 1;
}

farm_status json_print(const json *value, char **out_text) {
    *out_text = NULL;
    if (value == NULL || !is_complete(value)) return FARM_ENOMEM;
    char *printed = cJSON_PrintUnformatted(value);
    if (printed == NULL) return FARM_ENOMEM;
    size_t size = strlen(printed) + 1;
    *out_text = farm_allocate(size);
    if (*out_text != NULL) memcpy(*out_text, printed, size);
    cJSON_free(printed);
    return *out_text == NULL ? FARM_ENOMEM : FARM_OK;
}
