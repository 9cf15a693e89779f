/* The host's own statements on a session, and the rows that they answer. */
#include "base/text.h"
#include "store/session.h"
#include <string.h>

enum { EXECUTE_PARAMETER_MAX = 1000, EXECUTE_TEXT_MAX = 1 << 20 };

typedef struct execute_row {
    struct execute_row *next;
    farm_value *values;
} execute_row;

struct farm_rows {
    arena arena;
    size_t count;
    size_t column_count;
    execute_row *first;
    execute_row **last;
    const execute_row **index; /* made when the rows are complete */
    farm_status status;
};

typedef struct execute_operation {
    farm_statement statement;
    farm_call *call; /* the one that is running, for its column count */
    const farm_value *items;
    farm_rows *rows;
} execute_operation;

static int32_t copy_value(arena *owner, const farm_value *value, farm_value *out) {
    *out = *value;
    if (value->type != FARM_TEXT && value->type != FARM_BLOB) return 1;
    out->data = arena_copy(owner, value->data, value->size);
    return out->data != NULL;
}

static int32_t add_row(farm_rows *rows, const farm_value *values, size_t column_count) {
    execute_row *row = arena_allocate(&rows->arena, sizeof *row);
    if (row == NULL) return 0;
    row->values = arena_allocate_array(&rows->arena, column_count, sizeof *row->values);
    if (row->values == NULL) return 0;
    for (size_t i = 0; i < column_count; i++)
        if (!copy_value(&rows->arena, &values[i], &row->values[i])) return 0;
    rows->column_count = column_count;
    *rows->last = row;
    rows->last = &row->next;
    rows->count++;
    return 1;
}

static int32_t on_row(void *context, size_t ordinal, const farm_value *values) {
    (void)ordinal;
    execute_operation *operation = context;
    farm_rows *rows = operation->rows;
    if (rows->status == FARM_OK && !add_row(rows, values, operation->call->column_count))
        rows->status = FARM_ENOMEM;
    return rows->status != FARM_OK;
}

static void reset_rows(farm_rows *rows) {
    arena_reset(&rows->arena);
    rows->count = 0;
    rows->column_count = 0;
    rows->first = NULL;
    rows->last = &rows->first;
    rows->status = FARM_OK;
}

static int32_t index_rows(farm_rows *rows) {
    rows->index = arena_allocate_array(&rows->arena, rows->count, sizeof *rows->index);
    if (rows->index == NULL) return 0;
    size_t i = 0;
    for (const execute_row *row = rows->first; row != NULL; row = row->next) rows->index[i++] = row;
    return 1;
}

/* The statement has done its work, and its rows cannot be kept. That nothing was changed is true of
 * one that changes nothing. */
static farm_status fail_to_keep(farm_session *session, const farm_call *call) {
    if (call->changes == 0)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the rows");
    return store_fail(session, FARM_EUNCERTAIN, 0,
                      "the statement was run, and there is no memory for its rows");
}

static farm_status execute(farm_session *session, void *context) {
    execute_operation *operation = context;
    store_batch batch;
    store_batch_init(&batch, session);
    if (operation->rows != NULL) reset_rows(operation->rows);
    farm_call *calls = arena_allocate_array(batch.arena, 2, sizeof *calls);
    if (calls == NULL) return store_fail(session, FARM_ENOMEM, 0, "there is no memory");
    calls[1] = (farm_call){
        .statement = &operation->statement,
        .shared = operation->items,
        .row_count = 1,
        .on_row = operation->rows == NULL ? NULL : on_row,
        .context = operation,
    };
    operation->call = &calls[1];
    batch.calls = calls;
    batch.count = 2;
    batch.capacity = 2;
    farm_status status = store_finish(session, &batch);
    farm_rows *rows = operation->rows;
    if (status != FARM_OK || rows == NULL) return status;
    if (rows->status == FARM_OK && index_rows(rows)) return FARM_OK;
    return fail_to_keep(session, operation->call);
}

static farm_status check_item(farm_session *session, const farm_value *item, size_t number,
                              uint8_t *out_type) {
    *out_type = (uint8_t)(item->type | FARM_TYPE_NULLABLE);
    const int32_t has_bytes = item->type == FARM_TEXT || item->type == FARM_BLOB;
    if (item->type < FARM_NULL || item->type > FARM_BLOB)
        return store_fail(session, FARM_EINVAL, 0, "parameter %zu is no value", number);
    if (has_bytes && item->data == NULL && item->size > 0)
        return store_fail(session, FARM_EINVAL, 0, "parameter %zu has no data", number);
    if (item->type == FARM_TEXT && !text_is_utf8(item->data, item->size))
        return store_fail(session, FARM_EINVAL, 0, "parameter %zu is not UTF-8", number);
    return FARM_OK;
}

static farm_status check(farm_session *session, const char *text, const farm_value *items,
                         size_t count, uint8_t *types) {
    const char *complaint = text_complaint(text, EXECUTE_TEXT_MAX);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, 0, "the statement %s", complaint);
    if (count > EXECUTE_PARAMETER_MAX || (count > 0 && items == NULL))
        return store_fail(session, FARM_EINVAL, 0, "there are %zu parameters, and may be up to %d",
                          count, EXECUTE_PARAMETER_MAX);
    farm_status status = FARM_OK;
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        status = check_item(session, &items[i], i + 1, &types[i]);
    return status;
}

static farm_status execute_checked(farm_session *session, const char *text, const farm_value *items,
                                   size_t count, farm_rows *rows) {
    uint8_t types[EXECUTE_PARAMETER_MAX];
    farm_status status = check(session, text, items, count, types);
    if (status != FARM_OK) return status;
    execute_operation operation = {
        .statement = {.name = "statement",
                      .steps = &text,
                      .step_count = 1,
                      .params = types,
                      .param_count = (uint32_t)count,
                      .shared_count = (uint32_t)count,
                      .expect = -1,
                      .number = FARM_STATEMENT_UNNUMBERED},
        .items = items,
        .rows = rows,
    };
    return store_operate(session, 0, execute, &operation);
}

farm_status farm_session_execute(farm_session *session, const char *text, const farm_value *items,
                                 size_t count, farm_rows **out) {
    if (out != NULL) *out = NULL;
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    run_set_deadline(session);
    farm_rows *rows = NULL;
    if (out != NULL) {
        rows = farm_allocate(sizeof *rows);
        if (rows == NULL)
            return store_leave(
                session, store_fail(session, FARM_ENOMEM, 0, "there is no memory for the rows"));
        memset(rows, 0, sizeof *rows);
    }
    status = execute_checked(session, text, items, count, rows);
    if (status == FARM_OK && out != NULL)
        *out = rows;
    else
        farm_rows_free(rows);
    return store_leave(session, status);
}

size_t farm_rows_count(const farm_rows *rows) {
    return rows == NULL ? 0 : rows->count;
}

size_t farm_rows_column_count(const farm_rows *rows) {
    return rows == NULL ? 0 : rows->column_count;
}

const farm_value *farm_rows_value(const farm_rows *rows, size_t row, size_t column) {
    if (rows == NULL || row >= rows->count || column >= rows->column_count) return NULL;
    return &rows->index[row]->values[column];
}

void farm_rows_free(farm_rows *rows) {
    if (rows == NULL) return;
    arena_free(&rows->arena);
    farm_free(rows);
}
