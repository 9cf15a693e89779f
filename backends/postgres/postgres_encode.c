/* Parameters, in the binary form of the protocol: integers, text, bytes, and arrays of them. First
 * all room is made and every value checked, so that nothing can fail once sending has begun. */
#include "postgres_internal.h"
#include <string.h>

/* A field may have 1 GB; the arrays around it have their own few bytes. */
enum { VALUE_SIZE_MAX = 0x3FFFFF00, ARRAY_HEAD_SIZE = 20, ELEMENT_HEAD_SIZE = 4, INTEGER_SIZE = 8 };
enum { PARAMETER_MAX = 65535 };

static Oid scalar_type(uint32_t type) {
    switch (type & FARM_TYPE_MASK) {
    case FARM_INTEGER:
        return OID_INT8;
    case FARM_TEXT:
        return OID_TEXT;
    case FARM_BLOB:
        return OID_BYTEA;
    default:
        return 0; /* the server infers it */
    }
}

static Oid array_type(uint32_t type) {
    switch (type & FARM_TYPE_MASK) {
    case FARM_INTEGER:
        return OID_INT8_ARRAY;
    case FARM_BLOB:
        return OID_BYTEA_ARRAY;
    default:
        return OID_TEXT_ARRAY;
    }
}

/* Whether a parameter varies by row and all its rows go in one array. */
static int32_t is_column(const farm_statement *statement, uint32_t index) {
    return (statement->flags & FARM_STATEMENT_ARRAYS) && index >= statement->shared_count;
}

Oid postgres_parameter_type(const farm_statement *statement, uint32_t index) {
    const uint32_t type = statement->params[index];
    return is_column(statement, index) || (type & FARM_TYPE_LIST) ? array_type(type)
                                                                  : scalar_type(type);
}

static uint32_t row_width(const farm_statement *statement) {
    return statement->param_count - statement->shared_count;
}

size_t postgres_execution_count(const farm_call *call) {
    const farm_statement *statement = call->statement;
    if (statement->step_count == 0 || call->row_count == 0) return 0;
    return statement->flags & FARM_STATEMENT_ARRAYS ? 1 : call->row_count;
}

static const farm_value *value_at(const farm_call *call, uint32_t index, size_t row) {
    const farm_statement *statement = call->statement;
    if (index < statement->shared_count) return &call->shared[index];
    return &call->rows[row * row_width(statement) + (index - statement->shared_count)];
}

/* NULL when there is no memory; the old block then stands. */
static void *grow(void *data, size_t count, size_t size) {
    return count > SIZE_MAX / size ? NULL : farm_reallocate(data, count * size);
}

static int32_t reserve_parameters(postgres_scratch *scratch, size_t count) {
    if (count <= scratch->parameter_capacity) return 1;
    Oid *types = grow(scratch->types, count, sizeof *types);
    if (types == NULL) return 0;
    scratch->types = types;
    const char **values = grow((void *)scratch->values, count, sizeof *values);
    if (values == NULL) return 0;
    scratch->values = values;
    int *sizes = grow(scratch->sizes, count, sizeof *sizes);
    if (sizes == NULL) return 0;
    scratch->sizes = sizes;
    int *formats = grow(scratch->formats, count, sizeof *formats);
    if (formats == NULL) return 0;
    scratch->formats = formats;
    for (size_t i = 0; i < count; i++) formats[i] = 1;
    scratch->parameter_capacity = count;
    return 1;
}

static int32_t reserve_bytes(postgres_scratch *scratch, size_t size) {
    if (size <= scratch->byte_capacity) return 1;
    unsigned char *bytes = grow(scratch->bytes, size, 1);
    if (bytes == NULL) return 0;
    scratch->bytes = bytes;
    scratch->byte_capacity = size;
    return 1;
}

int32_t postgres_reserve_columns(postgres_scratch *scratch, size_t count) {
    if (count <= scratch->column_capacity) return 1;
    farm_value *row = grow(scratch->row, count, sizeof *row);
    if (row == NULL) return 0;
    scratch->row = row;
    int *columns = grow(scratch->columns, count, sizeof *columns);
    if (columns == NULL) return 0;
    scratch->columns = columns;
    scratch->column_capacity = count;
    return 1;
}

void postgres_scratch_free(postgres_scratch *scratch) {
    farm_free(scratch->types);
    farm_free((void *)scratch->values);
    farm_free(scratch->sizes);
    farm_free(scratch->formats);
    farm_free(scratch->bytes);
    farm_free(scratch->row);
    farm_free(scratch->columns);
}

/* The bytes that a value takes in an array, or SIZE_MAX when it cannot be sent. */
static size_t element_size(const farm_value *value, uint32_t type) {
    const uint32_t declared = type & FARM_TYPE_MASK;
    if (value->type == FARM_NULL) return 0;
    if (declared != 0 && (uint32_t)value->type != declared) return SIZE_MAX;
    switch (value->type) {
    case FARM_INTEGER:
        return INTEGER_SIZE;
    case FARM_TEXT:
    case FARM_BLOB:
        return value->size <= VALUE_SIZE_MAX ? value->size : SIZE_MAX;
    default:
        return SIZE_MAX;
    }
}

static size_t array_size(const farm_value *first, size_t count, size_t stride, uint32_t type) {
    size_t total = ARRAY_HEAD_SIZE;
    for (size_t i = 0; i < count; i++) {
        size_t size = element_size(&first[i * stride], type);
        if (size == SIZE_MAX) return SIZE_MAX;
        total += size + ELEMENT_HEAD_SIZE;
        if (total > VALUE_SIZE_MAX) return SIZE_MAX;
    }
    return total;
}

/* The bytes of scratch that one parameter of one execution needs; text and bytes need none. */
static size_t parameter_size(const farm_call *call, uint32_t index, size_t row) {
    const farm_statement *statement = call->statement;
    const uint32_t type = statement->params[index];
    const farm_value *value = value_at(call, index, row);
    if (is_column(statement, index)) {
        if (type & FARM_TYPE_LIST) return SIZE_MAX;
        return array_size(value, call->row_count, row_width(statement), type);
    }
    if (type & FARM_TYPE_LIST) {
        if (value->type == FARM_NULL) return 0;
        if (value->type != FARM_LIST) return SIZE_MAX;
        return array_size(value->data, value->size, 1, type);
    }
    size_t size = element_size(value, type);
    return size == SIZE_MAX || value->type == FARM_INTEGER ? size : 0;
}

/* The most that any execution of the call needs; SIZE_MAX when a value cannot be sent. */
static size_t call_size(const farm_call *call, int32_t *out_row) {
    const farm_statement *statement = call->statement;
    const size_t count = postgres_execution_count(call);
    size_t shared = 0;
    size_t most = 0;
    *out_row = -1;
    for (uint32_t i = 0; i < statement->shared_count && count > 0; i++) {
        size_t size = parameter_size(call, i, 0);
        if (size == SIZE_MAX) return SIZE_MAX;
        shared += size;
    }
    for (size_t row = 0; row < count; row++) {
        size_t total = shared;
        *out_row = statement->flags & FARM_STATEMENT_ARRAYS ? -1 : (int32_t)row;
        for (uint32_t i = statement->shared_count; i < statement->param_count; i++) {
            size_t size = parameter_size(call, i, row);
            if (size == SIZE_MAX) return SIZE_MAX;
            total += size;
        }
        if (total > most) most = total;
    }
    return most;
}

farm_status postgres_encode_reserve(farm_connection *connection, const farm_call *calls,
                                    size_t count, farm_fault *fault) {
    size_t parameters = 1;
    size_t bytes = 1;
    size_t columns = 1;
    for (size_t i = 0; i < count; i++) {
        const farm_statement *statement = calls[i].statement;
        size_t size = call_size(&calls[i], &fault->ordinal);
        if (size == SIZE_MAX || statement->param_count > PARAMETER_MAX) {
            fault->call = (int32_t)i;
            return postgres_fault_set(fault, FARM_EINVAL,
                                      "a parameter is too large or not of its declared type");
        }
        if (size > bytes) bytes = size;
        if (statement->param_count > parameters) parameters = statement->param_count;
        if (statement->column_count + 2u > columns) columns = statement->column_count + 2u;
    }
    fault->ordinal = -1;
    postgres_scratch *scratch = &connection->scratch;
    if (reserve_parameters(scratch, parameters) && reserve_bytes(scratch, bytes) &&
        postgres_reserve_columns(scratch, columns))
        return FARM_OK;
    return postgres_fault_set(fault, FARM_ENOMEM, "there is no memory for the parameters");
}

static void put_bytes(postgres_scratch *scratch, const void *data, size_t size) {
    if (size > 0) memcpy(scratch->bytes + scratch->byte_count, data, size);
    scratch->byte_count += size;
}

static void put_number(postgres_scratch *scratch, uint64_t number, size_t size) {
    unsigned char bytes[INTEGER_SIZE];
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(number >> (8 * (size - 1 - i)));
    put_bytes(scratch, bytes, size);
}

static void put_element(postgres_scratch *scratch, const farm_value *value) {
    if (value->type == FARM_NULL) {
        put_number(scratch, UINT32_MAX, 4);
    } else if (value->type == FARM_INTEGER) {
        put_number(scratch, INTEGER_SIZE, 4);
        put_number(scratch, (uint64_t)value->integer, INTEGER_SIZE);
    } else {
        put_number(scratch, value->size, 4);
        put_bytes(scratch, value->data, value->size);
    }
}

/* Dimensions, whether there are NULLs, the elements' type; then length, lower bound, elements. */
static void put_array(postgres_scratch *scratch, const farm_value *first, size_t count,
                      size_t stride, uint32_t type) {
    int32_t has_null = 0;
    for (size_t i = 0; i < count; i++) has_null |= first[i * stride].type == FARM_NULL;
    put_number(scratch, count > 0, 4);
    put_number(scratch, (uint64_t)has_null, 4);
    put_number(scratch, (type & FARM_TYPE_MASK) == 0 ? OID_TEXT : scalar_type(type), 4);
    if (count == 0) return;
    put_number(scratch, count, 4);
    put_number(scratch, 1, 4);
    for (size_t i = 0; i < count; i++) put_element(scratch, &first[i * stride]);
}

static void encode_parameter(postgres_scratch *scratch, const farm_call *call, uint32_t index,
                             size_t row) {
    const farm_statement *statement = call->statement;
    const uint32_t type = statement->params[index];
    const farm_value *value = value_at(call, index, row);
    const size_t begin = scratch->byte_count;
    const char *data = (const char *)scratch->bytes + begin;
    if (is_column(statement, index)) {
        put_array(scratch, value, call->row_count, row_width(statement), type);
    } else if (value->type == FARM_NULL) {
        data = NULL;
    } else if (value->type == FARM_LIST) {
        put_array(scratch, value->data, value->size, 1, type);
    } else if (value->type == FARM_INTEGER) {
        put_number(scratch, (uint64_t)value->integer, INTEGER_SIZE);
    } else {
        scratch->values[index] = value->data == NULL ? "" : value->data;
        scratch->sizes[index] = (int)value->size;
        return;
    }
    scratch->values[index] = data;
    scratch->sizes[index] = (int)(scratch->byte_count - begin);
}

size_t postgres_encode(postgres_scratch *scratch, const farm_call *call, size_t row) {
    const farm_statement *statement = call->statement;
    size_t total = 0;
    scratch->byte_count = 0;
    for (uint32_t i = 0; i < statement->param_count; i++) {
        scratch->types[i] = postgres_parameter_type(statement, i);
        encode_parameter(scratch, call, i, row);
        total += (size_t)scratch->sizes[i];
    }
    return total;
}
