/* The C types of statement parameters and columns, and farm_value made from them. */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <farmcore/base.h>

/* Text or bytes, borrowed. data NULL is SQL's NULL where the column allows it. */
typedef struct value_text {
    const char *data;
    size_t size;
} value_text;

typedef struct value_blob {
    const void *data;
    size_t size;
} value_blob;

/* A nullable integer. */
typedef struct value_integer {
    int64_t integer;
    int32_t is_null;
} value_integer;

/* The values of IN (…). */
typedef struct value_list {
    const farm_value *items;
    size_t count;
} value_list;

/* NULL makes a NULL. */
value_text value_text_of(const char *text);
/* With a NUL, and as much of it as there is room for; NULL is nothing. */
void value_text_copy(value_text text, char *out, size_t out_size);
value_blob value_blob_of(const void *data, size_t size);
value_blob value_blob_of_id(const farm_id *id);

/* Into and out of farm_value, for the generated binders. */
farm_value value_from_integer(int64_t integer);
farm_value value_from_nullable(value_integer integer);
farm_value value_from_text(value_text text);
farm_value value_from_blob(value_blob blob);
farm_value value_from_list(value_list list);
value_integer value_to_nullable(const farm_value *value);
value_text value_to_text(const farm_value *value);
value_blob value_to_blob(const farm_value *value);

#endif
