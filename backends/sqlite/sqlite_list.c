/* farm_list(?1): the values of a FARM_LIST parameter as rows, for `IN (SELECT value FROM
 * farm_list(?1))`. A virtual table without a table: it exists in every connection by its name, and
 * reads a pointer that only sqlite3_bind_pointer() can make, so that no SQL can forge one. */
#include "sqlite_internal.h"

enum { COLUMN_VALUE, COLUMN_LIST };

const char sqlite_list_type[] = "farm_list";

typedef struct list_cursor {
    sqlite3_vtab_cursor base;
    const farm_value *items;
    size_t count;
    size_t position;
} list_cursor;

static int connect_list(sqlite3 *handle, void *context, int count, const char *const *arguments,
                        sqlite3_vtab **out, char **out_message) {
    (void)context;
    (void)count;
    (void)arguments;
    (void)out_message;
    int result = sqlite3_declare_vtab(handle, "CREATE TABLE farm_list(value, list HIDDEN)");
    if (result != SQLITE_OK) return result;
    sqlite3_vtab *table = sqlite3_malloc(sizeof *table);
    if (table == NULL) return SQLITE_NOMEM;
    *table = (sqlite3_vtab){0};
    /* Not from views and triggers: there no parameter can be. */
    (void)sqlite3_vtab_config(handle, SQLITE_VTAB_DIRECTONLY);
    *out = table;
    return SQLITE_OK;
}

static int disconnect_list(sqlite3_vtab *table) {
    sqlite3_free(table);
    return SQLITE_OK;
}

/* The list must be known before the first row is. */
static int plan_list(sqlite3_vtab *table, sqlite3_index_info *plan) {
    (void)table;
    for (int i = 0; i < plan->nConstraint; i++) {
        const struct sqlite3_index_constraint *constraint = &plan->aConstraint[i];
        if (constraint->iColumn != COLUMN_LIST || constraint->op != SQLITE_INDEX_CONSTRAINT_EQ) {
            continue;
        }
        if (!constraint->usable) return SQLITE_CONSTRAINT;
        plan->aConstraintUsage[i].argvIndex = 1;
        plan->aConstraintUsage[i].omit = 1;
        plan->idxNum = 1;
        plan->estimatedCost = 1;
        plan->estimatedRows = 16;
        return SQLITE_OK;
    }
    return SQLITE_CONSTRAINT;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out) {
    (void)table;
    list_cursor *cursor = sqlite3_malloc(sizeof *cursor);
    if (cursor == NULL) return SQLITE_NOMEM;
    *cursor = (list_cursor){.position = 0};
    *out = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    sqlite3_free(base);
    return SQLITE_OK;
}

/* Anything but a list of ours is an empty list. */
static int begin_cursor(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                        sqlite3_value **values) {
    list_cursor *cursor = (list_cursor *)base;
    const farm_value *list = NULL;

    (void)text;
    if (plan == 1 && count == 1) list = sqlite3_value_pointer(values[0], sqlite_list_type);
    cursor->items = list != NULL ? list->data : NULL;
    cursor->count = list != NULL ? list->size : 0;
    cursor->position = 0;
    return SQLITE_OK;
}

static int advance_cursor(sqlite3_vtab_cursor *base) {
    ((list_cursor *)base)->position++;
    return SQLITE_OK;
}

static int is_at_end(sqlite3_vtab_cursor *base) {
    const list_cursor *cursor = (const list_cursor *)base;

    return cursor->position >= cursor->count;
}

/* The caller's bytes stay where they are until the call ends, hence SQLITE_STATIC. */
static void answer_item(sqlite3_context *context, const farm_value *item) {
    const void *data = item->data != NULL ? item->data : "";

    switch (item->type) {
    case FARM_NULL:
        sqlite3_result_null(context);
        break;
    case FARM_INTEGER:
        sqlite3_result_int64(context, item->integer);
        break;
    case FARM_TEXT:
        sqlite3_result_text64(context, data, item->size, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case FARM_BLOB:
        sqlite3_result_blob64(context, data, item->size, SQLITE_STATIC);
        break;
    default:
        sqlite3_result_error_code(context, SQLITE_MISMATCH);
        break;
    }
}

static int read_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    const list_cursor *cursor = (const list_cursor *)base;

    if (column == COLUMN_VALUE) answer_item(context, &cursor->items[cursor->position]);
    return SQLITE_OK;
}

static int read_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = (sqlite3_int64)((const list_cursor *)base)->position;
    return SQLITE_OK;
}

/* xCreate is missing on purpose: nobody can make a table of it. */
static const sqlite3_module list_module = {
    .iVersion = 0,
    .xConnect = connect_list,
    .xBestIndex = plan_list,
    .xDisconnect = disconnect_list,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = begin_cursor,
    .xNext = advance_cursor,
    .xEof = is_at_end,
    .xColumn = read_column,
    .xRowid = read_rowid,
};

int sqlite_list_register(sqlite3 *handle) {
    return sqlite3_create_module_v2(handle, "farm_list", &list_module, NULL, NULL);
}

void sqlite_list_unregister(sqlite3 *handle) {
    (void)sqlite3_create_module_v2(handle, "farm_list", NULL, NULL, NULL);
}
