/* A table read and posted, a piece at a time. Its lines are read in ledger_table_rules.c. */
#include "base/integer.h"
#include "ledger/ledger_rows.h"
#include "ledger/ledger_table_rules.h"
#include <farmcore/money.h>
#include <string.h>

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

typedef struct import_operation {
    int64_t book;
    const char *data;
    size_t size;
    int64_t given_count;
    int64_t line_count; /* found */
    size_t used;        /* found */
} import_operation;

/* The lines of a piece, and what they say. */
typedef struct import_piece {
    ledger_unit unit;
    ledger_table table;
    farm_ledger_transfer *transfers;
    farm_ledger_transfer_result *results;
    int64_t (*balances)[LEDGER_TABLE_BALANCES];
    size_t count;
    int64_t first_line; /* of the first transfer */
} import_piece;

static farm_status check_arguments(farm_session *session, const import_operation *operation) {
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK && operation->data == NULL)
        status = store_fail(session, FARM_EINVAL, 0, "data is missing");
    if (status == FARM_OK)
        status = store_check_range(session, "data_size", (int64_t)operation->size, 0, INT32_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "line_count", operation->given_count, 0, INT32_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static farm_status fail_line(farm_session *session, const import_piece *piece, int64_t line) {
    const ledger_table *table = &piece->table;
    return store_fail(session, FARM_EINVAL, 0, "line %lld: %s%s%s", (long long)line,
                      table->column == NULL ? "" : table->column, table->column == NULL ? "" : " ",
                      table->complaint);
}

/* Room for as many transfers as there are ends of lines. */
static farm_status make_room(farm_session *session, const import_operation *operation,
                             import_piece *piece) {
    arena *memory = store_arena(session);
    size_t most = 0;
    const char *data = operation->data;
    for (size_t at = 0, line = 1; line > 0 && most < FARM_LEDGER_BATCH_MAX; at += line, most++)
        line = ledger_table_line(data + at, operation->size - at);
    piece->transfers = arena_allocate_array(memory, most, sizeof *piece->transfers);
    piece->results = arena_allocate_array(memory, most, sizeof *piece->results);
    piece->balances = arena_allocate_array(memory, most, sizeof *piece->balances);
    if (piece->transfers == NULL || piece->results == NULL || piece->balances == NULL)
        return ledger_fail_memory(session, most);
    for (size_t i = 0; i < most; i++) piece->results[i].struct_size = sizeof *piece->results;
    return FARM_OK;
}

static farm_status read_lines(farm_session *session, import_operation *operation,
                              import_piece *piece) {
    const char *data = operation->data;
    ledger_table_row row;
    for (size_t line; piece->count < FARM_LEDGER_BATCH_MAX; operation->used += line) {
        const char *at = data + operation->used;
        line = ledger_table_line(at, operation->size - operation->used);
        if (line == 0 && operation->size - operation->used < FARM_LEDGER_LINE_MAX) break;
        const int32_t is_head = operation->line_count++ == 0;
        if (is_head ? !ledger_table_read_head(&piece->table, at, line)
                    : !ledger_table_read(&piece->table, at, line, &row))
            return fail_line(session, piece, operation->line_count);
        if (is_head) continue;
        piece->transfers[piece->count] = row.transfer;
        memcpy(piece->balances[piece->count++], row.balances, sizeof row.balances);
    }
    piece->first_line = operation->line_count - (int64_t)piece->count + 1;
    return FARM_OK;
}

static farm_status check_balances(farm_session *session, const import_piece *piece, size_t index) {
    char said[FARM_MONEY_TEXT_SIZE];
    char found[FARM_MONEY_TEXT_SIZE];
    int64_t balances[LEDGER_TABLE_BALANCES];
    ledger_table_balances_of(&piece->results[index], balances);
    for (size_t i = 0; i < LEDGER_TABLE_BALANCES; i++) {
        if (balances[i] == piece->balances[index][i]) continue;
        (void)farm_money_to_text(piece->balances[index][i], piece->unit.scale, said);
        (void)farm_money_to_text(balances[i], piece->unit.scale, found);
        return store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_BALANCE,
                          "line %lld: %s is %s there and would be %s here",
                          (long long)(piece->first_line + (int64_t)index),
                          ledger_table_balance_name(i), said, found);
    }
    return FARM_OK;
}

static farm_status check_results(farm_session *session, const import_piece *piece) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < piece->count && status == FARM_OK; i++) {
        const int32_t found = piece->results[i].status;
        if (found == FARM_LEDGER_TRANSFER_CREATED || found == FARM_LEDGER_TRANSFER_EXISTS)
            status = check_balances(session, piece, i);
        else
            status = store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_REFUSED,
                                "line %lld: %s: %s", (long long)(piece->first_line + (int64_t)i),
                                farm_ledger_transfer_status_name(found),
                                farm_ledger_transfer_status_text(found));
    }
    return status;
}

static farm_status import_piece_of(farm_session *session, void *context) {
    import_operation *operation = context;
    import_piece piece = {.count = 0};
    farm_status status = check_arguments(session, operation);
    if (status != FARM_OK) return status;
    operation->line_count = operation->given_count;
    operation->used = 0;
    status = ledger_find_unit(session, operation->book, &piece.unit);
    if (status == FARM_OK) status = make_room(session, operation, &piece);
    if (status != FARM_OK) return status;
    piece.table = (ledger_table){
        .asset = piece.unit.asset, .scale = piece.unit.scale, .book = operation->book};
    status = read_lines(session, operation, &piece);
    if (status != FARM_OK || piece.count == 0) return status;
    status = farm_ledger_post(session, piece.transfers, piece.count, piece.results);
    return status == FARM_OK ? check_results(session, &piece) : status;
}

farm_status farm_ledger_import_next(farm_session *session, int64_t book, const void *data,
                                    size_t data_size, int64_t line_count, int64_t *out_line_count,
                                    size_t *out_used) {
    import_operation operation = {
        .book = book, .data = data, .size = data_size, .given_count = line_count};
    const farm_status status = store_operate(session, LEDGER_WRITES, import_piece_of, &operation);
    if (out_line_count != NULL)
        *out_line_count = status == FARM_OK ? operation.line_count : line_count;
    if (out_used != NULL) *out_used = status == FARM_OK ? operation.used : 0;
    return status;
}
