/* Invoices are found by their ids and by their numbers, and their lines. */
#include "base/options.h"
#include "ledger/ledger_invoice_rows.h"
#include "ledger/ledger_invoice_rules.h"

enum { LEDGER_READS = STORE_READS | STORE_SERVICE };

/* --- by their ids --- */

typedef struct find_operation {
    const farm_id *items;
    size_t count;
    farm_ledger_invoice_row *results;
    ledger_rows found;
} find_operation;

static int32_t take_found(void *context, size_t ordinal,
                          const ledger_invoice_invoice_read_row *row) {
    (void)ordinal;
    find_operation *operation = context;
    farm_ledger_invoice_row *invoice = ledger_rows_add(&operation->found);
    if (invoice == NULL) return 1;
    *invoice = ledger_invoice_of(row);
    return 0;
}

static farm_status check_find(farm_session *session, const find_operation *operation) {
    farm_status status = FARM_OK;
    if (operation->items == NULL) status = store_fail(session, FARM_EINVAL, 0, "items is missing");
    if (status == FARM_OK)
        status = store_check_array(session, "results", operation->results, operation->count,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static farm_status answer_found(farm_session *session, const find_operation *operation) {
    const farm_ledger_invoice_row *found = operation->found.items;
    id_map places;
    if (operation->found.has_failed ||
        !ledger_map_init(&places, session, operation->found.count + 1))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->found.count; i++)
        *id_map_put(&places, &found[i].id) = (uint32_t)i;
    for (size_t i = 0; i < operation->count; i++) {
        static const farm_ledger_invoice_row nothing = {.struct_size = sizeof nothing};
        const uint32_t *place = id_map_find(&places, &operation->items[i]);
        (void)options_answer(store_array_at(operation->results, i),
                             place == NULL ? &nothing : &found[*place], sizeof nothing);
    }
    return FARM_OK;
}

static farm_status find_invoices(farm_session *session, void *context) {
    find_operation *operation = context;
    ledger_ids ids;
    store_batch batch;
    farm_status status = check_find(session, operation);
    if (status != FARM_OK) return status;
    if (!ledger_ids_init(&ids, session, operation->count))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++) ledger_ids_add(&ids, &operation->items[i]);
    operation->found =
        (ledger_rows){.memory = store_arena(session), .item_size = sizeof(farm_ledger_invoice_row)};
    store_batch_init(&batch, session);
    ledger_invoice_invoice_read(&batch,
                                &(ledger_invoice_invoice_read_params){ledger_ids_list(&ids)},
                                take_found, operation);
    status = store_finish(session, &batch);
    return status == FARM_OK ? answer_found(session, operation) : status;
}

farm_status farm_ledger_find_invoices(farm_session *session, const farm_id *items, size_t count,
                                      farm_ledger_invoice_row *results) {
    find_operation operation = {.items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, find_invoices, &operation);
}

/* --- a page of a series, or of an invoice's lines --- */

typedef struct list_operation {
    int64_t book;
    const char *series;
    const farm_id *id;
    int64_t after;
    void *rows;
    size_t capacity;
    size_t count; /* found: how many */
} list_operation;

static farm_status check_page(farm_session *session, list_operation *operation, const char *name) {
    operation->count = 0;
    farm_status status = store_check_range(session, name, operation->after, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "rows", operation->rows, operation->capacity,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static farm_status answer_page(farm_status status, const list_operation *operation,
                               size_t *out_count) {
    if (out_count != NULL) *out_count = status == FARM_OK ? operation->count : 0;
    return status;
}

static int32_t take_listed(void *context, size_t ordinal,
                           const ledger_invoice_invoice_page_row *row) {
    (void)ordinal;
    list_operation *operation = context;
    const farm_ledger_invoice_row invoice = ledger_invoice_of(row);
    (void)options_answer(store_array_at(operation->rows, operation->count++), &invoice,
                         sizeof invoice);
    return 0;
}

static farm_status list_invoices(farm_session *session, void *context) {
    list_operation *operation = context;
    store_batch batch;
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK && !ledger_is_series(operation->series))
        status = store_fail(session, FARM_EINVAL, 0,
                            "series has to be 1 to %d bytes of UTF-8 without control characters",
                            FARM_LEDGER_SERIES_MAX);
    if (status == FARM_OK) status = check_page(session, operation, "after_number");
    if (status != FARM_OK) return status;
    store_batch_init(&batch, session);
    ledger_invoice_invoice_page(
        &batch,
        &(ledger_invoice_invoice_page_params){.book = operation->book,
                                              .series = value_text_of(operation->series),
                                              .after_number = operation->after,
                                              .budget = (int64_t)operation->capacity},
        take_listed, operation);
    return store_finish(session, &batch);
}

farm_status farm_ledger_list_invoices(farm_session *session, int64_t book, const char *series,
                                      int64_t after_number, farm_ledger_invoice_row *rows,
                                      size_t capacity, size_t *out_count) {
    list_operation operation = {
        .book = book, .series = series, .after = after_number, .rows = rows, .capacity = capacity};
    return answer_page(store_operate(session, LEDGER_READS, list_invoices, &operation), &operation,
                       out_count);
}

static int32_t take_line(void *context, size_t ordinal, const ledger_invoice_line_page_row *row) {
    (void)ordinal;
    list_operation *operation = context;
    const farm_ledger_invoice_line_row line = ledger_invoice_line_of(row);
    (void)options_answer(store_array_at(operation->rows, operation->count++), &line, sizeof line);
    return 0;
}

static farm_status list_lines(farm_session *session, void *context) {
    list_operation *operation = context;
    store_batch batch;
    farm_status status = FARM_OK;
    if (operation->id == NULL) status = store_fail(session, FARM_EINVAL, 0, "id is missing");
    if (status == FARM_OK) status = check_page(session, operation, "after_line");
    if (status != FARM_OK) return status;
    store_batch_init(&batch, session);
    ledger_invoice_line_page(
        &batch,
        &(ledger_invoice_line_page_params){.invoice_id = value_blob_of_id(operation->id),
                                           .after_line = operation->after,
                                           .budget = (int64_t)operation->capacity},
        take_line, operation);
    return store_finish(session, &batch);
}

farm_status farm_ledger_list_invoice_lines(farm_session *session, const farm_id *id,
                                           int64_t after_line, farm_ledger_invoice_line_row *rows,
                                           size_t capacity, size_t *out_count) {
    list_operation operation = {.id = id, .after = after_line, .rows = rows, .capacity = capacity};
    return answer_page(store_operate(session, LEDGER_READS, list_lines, &operation), &operation,
                       out_count);
}
