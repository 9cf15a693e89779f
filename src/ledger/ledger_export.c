/* The ledger as text, a piece at a time: a page is read, and as much of it written as there is room
 * for. The lines are made in ledger_text_rules.c. */
#include "base/id.h"
#include "base/integer.h"
#include "ledger/ledger_access.h"
#include "ledger/ledger_rows.h"
#include "ledger/ledger_text_rules.h"
#include <farmcore/roles.h>
#include <string.h>

enum {
    LEDGER_READS = STORE_READS | STORE_SERVICE,
    LINE_SIZE = 300,    /* most are longer */
    BALANCE_SIZE = 112, /* none is longer */
    ROWS_MAX = 1000,
    BALANCES_BEGIN = -1 /* the cursor when all transfers are written, and balances are not */
};

typedef struct export_operation {
    const farm_ledger_query *given;
    farm_ledger_query query;
    ledger_text text;
    int64_t cursor_ns;
    ledger_unit unit;
} export_operation;

/* As many rows as there may be room for, and all that there is room for of them. */
static farm_status write_page(farm_session *session, export_operation *operation) {
    ledger_text *text = &operation->text;
    const size_t room = text->capacity - text->size;
    const size_t most = (size_t)integer_max(1, integer_min((int64_t)(room / LINE_SIZE), ROWS_MAX));
    farm_ledger_event *rows = arena_allocate_array(store_arena(session), most, sizeof *rows);
    size_t count = 0;
    if (rows == NULL) return ledger_fail_memory(session, most);
    for (size_t i = 0; i < most; i++) rows[i].struct_size = sizeof *rows;
    const farm_status status = farm_ledger_query_transfers(session, &operation->query, rows, most,
                                                           &count, &operation->cursor_ns);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < count; i++) {
        if (!ledger_text_add(text, &rows[i])) {
            operation->cursor_ns = operation->query.cursor_ns;
            return FARM_OK;
        }
        operation->query.cursor_ns = rows[i].timestamp_ns;
    }
    return FARM_OK;
}

/* --- what accounts have, behind the transfers of Beancount --- */

/* A cursor of balances is what orders accounts: the time at which one was opened. */
static int64_t opened_of(int64_t cursor_ns) {
    return -(cursor_ns - BALANCES_BEGIN);
}

static int64_t cursor_of(int64_t opened_ns) {
    return BALANCES_BEGIN - opened_ns;
}

static farm_status read_then(farm_session *session, const export_operation *operation,
                             farm_ledger_account *rows, size_t count) {
    farm_id *ids = arena_allocate_array(store_arena(session), count, sizeof *ids);
    if (ids == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) ids[i] = rows[i].id;
    if (count == 0) return FARM_OK;
    return farm_ledger_find_accounts_at(session, operation->query.to_ns, ids, count, rows);
}

static farm_status write_balances(farm_session *session, export_operation *operation) {
    ledger_text *text = &operation->text;
    const size_t most = (size_t)integer_min((int64_t)(text->capacity / BALANCE_SIZE), ROWS_MAX);
    farm_ledger_account *rows = arena_allocate_array(store_arena(session), most, sizeof *rows);
    size_t count = 0;
    int64_t cursor_ns = 0;
    if (rows == NULL) return ledger_fail_memory(session, most);
    for (size_t i = 0; i < most; i++) rows[i].struct_size = sizeof *rows;
    operation->query.cursor_ns = opened_of(operation->query.cursor_ns);
    farm_status status =
        farm_ledger_query_accounts(session, &operation->query, rows, most, &count, &cursor_ns);
    if (status == FARM_OK) status = read_then(session, operation, rows, count);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < count; i++) (void)ledger_text_add_account(text, &rows[i]);
    operation->cursor_ns = cursor_ns == 0 ? 0 : cursor_of(cursor_ns);
    return FARM_OK;
}

/* --- pieces --- */

static farm_status check_journal(farm_session *session, const export_operation *operation) {
    const farm_ledger_query *query = &operation->query;
    if (!id_is_zero(&query->account_id) || !id_is_zero(&query->user_data_128) ||
        query->user_data_64 != 0 || query->user_data_32 != 0 || query->code != 0 ||
        query->flags != 0 || query->from_ns != 0)
        return store_fail(session, FARM_EINVAL, 0,
                          "a journal is of a whole book, from its beginning");
    if (operation->text.format == FARM_LEDGER_FORMAT_BEANCOUNT && query->to_ns <= 0)
        return store_fail(session, FARM_EINVAL, 0,
                          "to_ns is missing: a journal for Beancount ends with what accounts had");
    if (ledger_text_is_nameable(operation->text.format, operation->unit.asset)) return FARM_OK;
    return store_fail(session, FARM_EINVAL, 0, "a journal cannot name the asset %s",
                      operation->unit.asset);
}

static farm_status check_arguments(farm_session *session, export_operation *operation) {
    farm_ledger_query *query = &operation->query;
    const ledger_text *text = &operation->text;
    farm_status status =
        store_check_options(session, "query", query, sizeof *query, operation->given);
    if (status == FARM_OK && text->data == NULL)
        status = store_fail(session, FARM_EINVAL, 0, "data is missing");
    if (status == FARM_OK)
        status = store_check_range(session, "data_size", (int64_t)text->capacity,
                                   FARM_LEDGER_EXPORT_SIZE_MIN, INT32_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "format", text->format, FARM_LEDGER_FORMAT_CSV,
                                   FARM_LEDGER_FORMAT_BEANCOUNT);
    if (status == FARM_OK) status = store_check_range(session, "book", query->book, 1, INT64_MAX);
    if (status != FARM_OK) return status;
    return ledger_check_may(session, FARM_ROLE_EXPORT, query->book, &query->account_id);
}

static farm_status export_piece(farm_session *session, void *context) {
    export_operation *operation = context;
    ledger_text *text = &operation->text;
    text->size = 0;
    farm_status status = check_arguments(session, operation);
    if (status == FARM_OK)
        status = ledger_find_unit(session, operation->query.book, &operation->unit);
    if (status == FARM_OK && ledger_text_is_journal(text->format))
        status = check_journal(session, operation);
    if (status != FARM_OK) return status;
    text->asset = operation->unit.asset;
    text->scale = operation->unit.scale;
    text->account_id = operation->query.account_id;
    text->book = operation->query.book;
    if (operation->query.cursor_ns == 0) (void)ledger_text_begin(text);
    const int32_t has_balances = text->format == FARM_LEDGER_FORMAT_BEANCOUNT;
    if (has_balances && operation->query.cursor_ns < 0) return write_balances(session, operation);
    status = write_page(session, operation);
    if (has_balances && operation->cursor_ns == 0) operation->cursor_ns = BALANCES_BEGIN;
    return status;
}

farm_status farm_ledger_export_next(farm_session *session, const farm_ledger_query *query,
                                    int32_t format, void *data, size_t data_size, size_t *out_size,
                                    int64_t *out_cursor_ns) {
    export_operation operation = {.given = query,
                                  .text = {.format = format, .data = data, .capacity = data_size}};
    const farm_status status = store_operate(session, LEDGER_READS, export_piece, &operation);
    if (out_size != NULL) *out_size = status == FARM_OK ? operation.text.size : 0;
    if (out_cursor_ns != NULL) *out_cursor_ns = status == FARM_OK ? operation.cursor_ns : 0;
    return status;
}
