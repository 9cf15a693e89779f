/* JSON (RFC 8259) behind one boundary: cJSON, with limits that it does not have. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <farmcore/base.h>

typedef struct cJSON json;

enum { JSON_DEPTH_MAX = 32, JSON_SIZE_MAX = 1 << 20 };

/* Parse text of one value. Strict. Numbers become doubles and are written as what they became.
 * *complaint, when the status is FARM_EINVAL, is static text: "is missing", "is not JSON", "is
 * nested deeper than 32", "is larger than 1048576 bytes", "has a key twice", "is not UTF-8", "holds
 * a NUL" (also as \u0000), "holds half of a surrogate pair", "has a number out of range" (of a
 * double, or of 63 characters). */
farm_status json_parse(const char *text, size_t size, json **out, const char **complaint);
void json_free(json *value);

/* NULL when it is no object or has no such member. */
const json *json_member(const json *object, const char *name);
const char *json_text(const json *value); /* NULL when it is no string */
/* FARM_EINVAL when it is no integer between -2^53 and 2^53, both excluded: from there on a double
 * does not tell neighbours apart. */
farm_status json_integer(const json *value, int64_t *out);
int32_t json_is_true(const json *value);

/* Writing. Each add returns what it made, NULL when there is no memory or parent is NULL: so a
 * chain needs one check, at json_print(). Names and texts are UTF-8; a text of NULL and a number
 * that is not finite are written as null. */
json *json_new_object(void);
json *json_add_object(json *parent, const char *name);
json *json_add_array(json *parent, const char *name);
json *json_append_object(json *array);
void json_add_text(json *parent, const char *name, const char *text);
void json_add_integer(json *parent, const char *name, int64_t integer); /* exact: all 64 bits */
void json_add_number(json *parent, const char *name, double number);
void json_add_boolean(json *parent, const char *name, int32_t boolean);
/* Compact text, for farm_free(). FARM_ENOMEM also when an add before it failed. */
farm_status json_print(const json *value, char **out_text);

#endif
