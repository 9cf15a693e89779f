/* Values made and read: what the generated binders call. Nothing is copied. */
#include "base/value.h"
#include <string.h>

value_text value_text_of(const char *text) {
    return (value_text){text, text == NULL ? 0 : strlen(text)};
}

void value_text_copy(value_text text, char *out, size_t out_size) {
    const size_t size = text.size < out_size ? text.size : out_size - 1;
    if (size > 0) memcpy(out, text.data, size);
    out[size] = '\0';
}

value_blob value_blob_of(const void *data, size_t size) {
    return (value_blob){data, data == NULL ? 0 : size};
}

value_blob value_blob_of_id(const farm_id *id) {
    return value_blob_of(id == NULL ? NULL : id->bytes, sizeof(id->bytes));
}

/* The values of text, blob and list differ in nothing but their type. */
static farm_value from_data(int32_t type, const void *data, size_t size) {
    return (farm_value){.type = type, .data = data, .size = size};
}

farm_value value_from_integer(int64_t integer) {
    return (farm_value){.type = FARM_INTEGER, .integer = integer};
}

farm_value value_from_nullable(value_integer integer) {
    return integer.is_null ? (farm_value){.type = FARM_NULL} : value_from_integer(integer.integer);
}

farm_value value_from_text(value_text text) {
    return text.data == NULL ? (farm_value){.type = FARM_NULL}
                             : from_data(FARM_TEXT, text.data, text.size);
}

farm_value value_from_blob(value_blob blob) {
    return blob.data == NULL ? (farm_value){.type = FARM_NULL}
                             : from_data(FARM_BLOB, blob.data, blob.size);
}

/* A list without values is a list, not a NULL: IN () finds nothing. */
farm_value value_from_list(value_list list) {
    return from_data(FARM_LIST, list.items, list.count);
}

value_integer value_to_nullable(const farm_value *value) {
    return value->type == FARM_INTEGER ? (value_integer){value->integer, 0} : (value_integer){0, 1};
}

/* Drivers hand out no address for zero bytes, but here no address means NULL. */
static const void *address_of(const farm_value *value) {
    return value->data == NULL ? "" : value->data;
}

value_text value_to_text(const farm_value *value) {
    return value->type == FARM_TEXT ? (value_text){address_of(value), value->size}
                                    : (value_text){NULL, 0};
}

value_blob value_to_blob(const farm_value *value) {
    return value->type == FARM_BLOB ? (value_blob){address_of(value), value->size}
                                    : (value_blob){NULL, 0};
}
