/* Rows: from the binary form of the protocol for statements that the library knows, from the text
 * form for the host's own, whose types may be anything. */
#include "postgres_internal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FORM_NONE, FORM_INTEGER, FORM_BOOL, FORM_TEXT, FORM_BYTES };

typedef struct type_row {
    Oid type;
    int32_t form;
} type_row;

static const type_row types[] = {
    {OID_INT8, FORM_INTEGER}, {OID_INT4, FORM_INTEGER},
    {OID_INT2, FORM_INTEGER}, {OID_OID, FORM_INTEGER},
    {OID_BOOL, FORM_BOOL},    {OID_TEXT, FORM_TEXT},
    {OID_BYTEA, FORM_BYTES},  {18, FORM_TEXT},                 /* "char" */
    {19, FORM_TEXT},          /* name */ {705, FORM_TEXT},     /* unknown */
    {1042, FORM_TEXT},        /* char(n) */ {1043, FORM_TEXT}, /* varchar */
    {2950, FORM_BYTES},                                        /* uuid */
};

static int32_t find_form(Oid type) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type) return types[i].form;
    return FORM_NONE;
}

static void set_bytes(farm_value *value, int32_t type, const void *data, size_t size) {
    *value = (farm_value){.type = type, .data = data, .size = size};
}

static int64_t read_number(const unsigned char *bytes, size_t size) {
    uint64_t number = size > 0 && size < 8 && (bytes[0] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++) number = number << 8 | bytes[i];
    return (int64_t)number;
}

static int32_t decode_binary(farm_value *value, Oid type, const char *data, size_t size) {
    switch (find_form(type)) {
    case FORM_BOOL:
    case FORM_INTEGER: {
        if (size == 0 || size > 8) return 0;
        int64_t number = read_number((const unsigned char *)data, size);
        *value = (farm_value){.type = FARM_INTEGER,
                              .integer = type == OID_OID ? number & UINT32_MAX : number};
        return 1;
    }
    case FORM_TEXT:
        set_bytes(value, FARM_TEXT, data, size);
        return 1;
    case FORM_BYTES:
        set_bytes(value, FARM_BLOB, data, size);
        return 1;
    default:
        return 0;
    }
}

static int hex_digit(char character) {
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, tolower((unsigned char)character));
    return found == NULL || *found == '\0' ? 0 : (int)(found - digits);
}

/* bytea as text, in whichever of its two forms; in place, since it only gets shorter. */
static size_t unescape(char *data, size_t size) {
    size_t used = 0;
    if (size >= 2 && data[0] == '\\' && data[1] == 'x') {
        for (size_t i = 2; i + 1 < size; i += 2)
            data[used++] = (char)(hex_digit(data[i]) << 4 | hex_digit(data[i + 1]));
        return used;
    }
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\\') {
            data[used++] = data[i];
        } else if (i + 1 < size && data[i + 1] == '\\') {
            data[used++] = data[++i];
        } else if (i + 3 < size) {
            data[used++] =
                (char)((data[i + 1] & 3) << 6 | (data[i + 2] & 7) << 3 | (data[i + 3] & 7));
            i += 3;
        }
    }
    return used;
}

static void decode_text(farm_value *value, Oid type, char *data, size_t size) {
    switch (find_form(type)) {
    case FORM_INTEGER:
        *value = (farm_value){.type = FARM_INTEGER, .integer = strtoll(data, NULL, 10)};
        break;
    case FORM_BOOL:
        *value = (farm_value){.type = FARM_INTEGER, .integer = size > 0 && data[0] == 't'};
        break;
    case FORM_BYTES:
        if (type == OID_BYTEA)
            set_bytes(value, FARM_BLOB, data, unescape(data, size));
        else
            set_bytes(value, FARM_TEXT, data, size);
        break;
    default:
        set_bytes(value, FARM_TEXT, data, size);
    }
}

static int32_t decode_value(farm_value *value, PGresult *result, int tuple, int column) {
    if (PQgetisnull(result, tuple, column)) {
        *value = (farm_value){.type = FARM_NULL};
        return 1;
    }
    char *data = PQgetvalue(result, tuple, column);
    size_t size = (size_t)PQgetlength(result, tuple, column);
    Oid type = PQftype(result, column);
    if (PQfformat(result, column) == 1) return decode_binary(value, type, data, size);
    decode_text(value, type, data, size);
    return 1;
}

static farm_status fail(postgres_pipeline *pipeline, farm_status status, const char *text) {
    pipeline->decoded = postgres_fault_set(pipeline->fault, status, "%s", text);
    pipeline->fault->call = (int32_t)pipeline->read.index;
    return status;
}

/* The columns that are values: void is what a function that only checks returns. */
static size_t find_columns(postgres_scratch *scratch, const PGresult *result) {
    size_t count = 0;
    for (int i = 0; i < PQnfields(result); i++)
        if (PQftype(result, i) != OID_VOID) scratch->columns[count++] = i;
    return count;
}

/* One row into the scratch. has_ordinal: its first column says which parameter row it answers. */
static farm_status decode_row(postgres_pipeline *pipeline, PGresult *result, int tuple,
                              size_t count) {
    const farm_statement *statement = pipeline->calls[pipeline->read.index].statement;
    postgres_scratch *scratch = &pipeline->connection->scratch;
    const int32_t is_known = statement->number != FARM_STATEMENT_UNNUMBERED;
    const size_t offset = count - statement->column_count;
    for (size_t i = 0; i < count; i++) {
        farm_value *value = &scratch->row[i];
        if (!decode_value(value, result, tuple, scratch->columns[i]))
            return fail(pipeline, FARM_EINTERNAL, "a column has a type that is not read here");
        if (!is_known || i < offset || value->type == FARM_NULL) continue;
        if (value->type != (statement->columns[i - offset] & FARM_TYPE_MASK))
            return fail(pipeline, FARM_EINTERNAL, "a column is not of its declared type");
    }
    return FARM_OK;
}

static farm_status hand_over(postgres_pipeline *pipeline, PGresult *result, size_t count,
                             int32_t has_ordinal) {
    farm_call *call = &pipeline->calls[pipeline->read.index];
    const farm_value *row = pipeline->connection->scratch.row;
    for (int tuple = 0; tuple < PQntuples(result); tuple++) {
        farm_status status = decode_row(pipeline, result, tuple, count);
        if (status != FARM_OK) return status;
        size_t ordinal = pipeline->read.row;
        if (has_ordinal) {
            if (row[0].type != FARM_INTEGER || row[0].integer < 0 ||
                (uint64_t)row[0].integer >= call->row_count)
                return fail(pipeline, FARM_EINTERNAL, "a row answers a parameter row that is none");
            ordinal = (size_t)row[0].integer;
        }
        pipeline->has_rows = 1;
        if (call->on_row(call->context, ordinal, has_ordinal ? row + 1 : row) != 0) {
            pipeline->skipped_call = pipeline->read.index;
            break;
        }
    }
    return FARM_OK;
}

farm_status postgres_decode(postgres_pipeline *pipeline, PGresult *result) {
    farm_call *call = &pipeline->calls[pipeline->read.index];
    const farm_statement *statement = call->statement;
    const int32_t is_known = statement->number != FARM_STATEMENT_UNNUMBERED;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) return FARM_OK;
    if (is_known && statement->column_count == 0) return FARM_OK;
    if (!postgres_reserve_columns(&pipeline->connection->scratch, (size_t)PQnfields(result) + 1))
        return fail(pipeline, FARM_ENOMEM, "there is no memory for the rows");

    const size_t count = find_columns(&pipeline->connection->scratch, result);
    const int32_t has_ordinal = is_known && (statement->flags & FARM_STATEMENT_ARRAYS) != 0;
    if (is_known && count != statement->column_count + (has_ordinal ? 1u : 0u))
        return fail(pipeline, FARM_EINTERNAL, "a row has another number of columns than declared");
    call->column_count = is_known ? statement->column_count : count;
    if (call->on_row == NULL || pipeline->skipped_call == pipeline->read.index) return FARM_OK;
    return hand_over(pipeline, result, count, has_ordinal);
}

static const char *skip_space(const char *text) {
    return text + strspn(text, " \t\r\n");
}

/* Whether a text is of the form WITH name AS (INSERT|UPDATE|DELETE …: a change whose count the
 * server does not tell, because the statement as a whole is a query. */
static int32_t wraps_change(const char *text) {
    static const char *const verbs[] = {"INSERT", "UPDATE", "DELETE"};
    text = skip_space(text);
    if (strncasecmp(text, "WITH", 4) != 0) return 0;
    text = strchr(text, '(');
    if (text == NULL) return 0;
    text = skip_space(text + 1);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strncasecmp(text, verbs[i], strlen(verbs[i])) == 0) return 1;
    return 0;
}

int64_t postgres_changes(const postgres_pipeline *pipeline, PGresult *result) {
    static const char *const verbs[] = {"INSERT", "UPDATE", "DELETE", "MERGE"};
    const farm_call *call = &pipeline->calls[pipeline->read.index];
    const farm_statement *statement = call->statement;
    const uint32_t step = pipeline->read.step;
    const char *command = PQcmdStatus(result);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strncmp(command, verbs[i], strlen(verbs[i])) == 0)
            return strtoll(PQcmdTuples(result), NULL, 10);
    /* A guard that let it pass has counted for us. */
    if (statement->expect <= 0 || step + 1 != statement->step_count ||
        !wraps_change(statement->steps[step]))
        return 0;
    const size_t rows = statement->flags & FARM_STATEMENT_ARRAYS ? call->row_count : 1;
    return (int64_t)rows * statement->expect;
}
