/* Invoices and credit notes are issued: what they name is locked and read, decided in
 * ledger_invoice_rules.c, and written. They are found in ledger_invoice_find.c. */
#include "base/options.h"
#include "ledger/ledger_invoice_load.h"
#include "ledger/ledger_rows.h"
#include "ledger_invoice_sql.h"

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

typedef struct invoices_operation {
    const farm_ledger_invoice_line *lines;
    size_t line_count;
    const farm_ledger_invoice *items;
    size_t count;
    farm_ledger_invoice_result *results;
} invoices_operation;

/* --- checked --- */

static farm_status check_arguments(farm_session *session, const invoices_operation *operation) {
    const farm_status status = store_check_array(session, "lines", operation->lines,
                                                 operation->line_count, FARM_LEDGER_BATCH_MAX);
    if (status != FARM_OK) return status;
    return ledger_check_batch(session, operation->items, operation->results, operation->count);
}

/* Where each item's lines begin. */
static farm_status find_lines(farm_session *session, const invoices_operation *operation,
                              const ledger_invoicing *invoicing, size_t *first_lines) {
    size_t total = 0;
    for (size_t i = 0; i < invoicing->count; i++) {
        first_lines[i] = total;
        if (invoicing->items[i].line_count > operation->line_count - total) break;
        total += invoicing->items[i].line_count;
        if (i + 1 == invoicing->count && total == operation->line_count) return FARM_OK;
    }
    return store_fail(session, FARM_EINVAL, 0,
                      "lines are %zu, and the items' line_count are not so many together",
                      operation->line_count);
}

static farm_status copy_all(farm_session *session, const invoices_operation *operation,
                            ledger_invoicing *invoicing) {
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    farm_ledger_invoice *items = arena_allocate_array(memory, count, sizeof *items);
    farm_ledger_invoice_line *lines =
        arena_allocate_array(memory, operation->line_count, sizeof *lines);
    size_t *first_lines = arena_allocate_array(memory, count, sizeof *first_lines);
    invoicing->results = arena_allocate_array(memory, count, sizeof *invoicing->results);
    if (items == NULL || lines == NULL || first_lines == NULL || invoicing->results == NULL)
        return ledger_fail_memory(session, count);
    invoicing->items = items;
    invoicing->count = count;
    invoicing->lines = lines;
    invoicing->first_lines = first_lines;
    farm_status status = ledger_copy_items(session, operation->items, count, sizeof *items, items);
    for (size_t i = 0; i < operation->line_count && status == FARM_OK; i++)
        status = store_check_options(session, "lines", &lines[i], sizeof lines[i],
                                     store_array_at(operation->lines, i));
    return status == FARM_OK ? find_lines(session, operation, invoicing, first_lines) : status;
}

/* --- stored --- */

/* The series whose number goes on; those of which it is the first are another statement's. */
static int32_t write_series(store_batch *batch, arena *memory, const ledger_invoicing *invoicing) {
    const size_t count = invoicing->series_count;
    ledger_invoice_series_add_each *added = arena_allocate_array(memory, count, sizeof *added);
    ledger_invoice_series_put_each *put = arena_allocate_array(memory, count, sizeof *put);
    size_t added_count = 0;
    size_t put_count = 0;
    if (added == NULL || put == NULL) return 0;
    for (size_t i = 0; i < count; i++) {
        const ledger_series *series = &invoicing->series[i];
        const value_text name = value_text_of(series->series);
        if (series->last_number == series->known_number) continue;
        if (series->known_number == 0)
            added[added_count++] =
                (ledger_invoice_series_add_each){series->book, name, series->last_number};
        else
            put[put_count++] = (ledger_invoice_series_put_each){
                series->book, name, series->known_number, series->last_number};
    }
    if (added_count > 0) ledger_invoice_series_add(batch, added, added_count);
    if (put_count > 0) ledger_invoice_series_put(batch, put, put_count);
    return 1;
}

static ledger_invoice_invoice_add_each row_of(const farm_ledger_invoice_row *invoice) {
    return (ledger_invoice_invoice_add_each){
        .book = invoice->book,
        .series = value_text_of(invoice->series),
        .number = invoice->number,
        .id = value_blob_of_id(&invoice->id),
        .account = value_blob_of_id(&invoice->account_id),
        .corrects_id = ledger_blob_or_null(&invoice->corrects_id),
        .user_data_128 = ledger_blob_or_null(&invoice->user_data_128),
        .issued_us = invoice->issued_us,
        .line_count = invoice->line_count,
        .amount = invoice->amount_minor,
        .tax = invoice->tax_minor};
}

static ledger_invoice_line_add_each line_row_of(const farm_ledger_invoice_row *invoice,
                                                const ledger_line *line) {
    return (ledger_invoice_line_add_each){
        .book = invoice->book,
        .invoice_id = value_blob_of_id(&invoice->id),
        .line = line->line_number,
        .timestamp_ns = line->timestamp_ns,
        .corrected_id = ledger_blob_or_null(&invoice->corrects_id),
        .corrected_line = {.integer = line->corrected_line, .is_null = line->corrected_line == 0},
        .amount = line->amount_minor,
        .tax = line->tax_minor,
        .tax_rate_ppm = line->tax_rate_ppm,
        .text = value_text_of(line->text)};
}

static int32_t write_invoices(store_batch *batch, arena *memory, const ledger_invoicing *invoicing,
                              size_t line_room) {
    const size_t count = invoicing->invoice_count - invoicing->stored_count;
    ledger_invoice_invoice_add_each *rows = arena_allocate_array(memory, count, sizeof *rows);
    ledger_invoice_line_add_each *lines = arena_allocate_array(memory, line_room, sizeof *lines);
    size_t line_count = 0;
    if (rows == NULL || lines == NULL) return 0;
    for (size_t i = 0; i < count; i++) {
        const farm_ledger_invoice_row *invoice = &invoicing->invoices[invoicing->stored_count + i];
        const size_t first = invoicing->first_lines[invoicing->invoice_items[i]];
        rows[i] = row_of(invoice);
        for (size_t j = 0; j < invoice->line_count; j++)
            lines[line_count++] = line_row_of(invoice, &invoicing->made_lines[first + j]);
    }
    if (count == 0) return 1;
    ledger_invoice_invoice_add(
        batch, &(ledger_invoice_invoice_add_params){.now = invoicing->now_us}, rows, count);
    ledger_invoice_line_add(batch, lines, line_count);
    return 1;
}

static farm_status issue_invoices(farm_session *session, void *context) {
    const invoices_operation *operation = context;
    ledger_invoicing invoicing = {.now_us = store_now_us(session)};
    arena *memory = store_arena(session);
    store_batch batch;
    farm_status status = check_arguments(session, operation);
    if (status == FARM_OK) status = copy_all(session, operation, &invoicing);
    if (status == FARM_OK) status = ledger_load_invoices(session, &invoicing);
    if (status != FARM_OK) return status;

    ledger_issue(&invoicing);

    store_batch_init(&batch, session);
    if (!write_series(&batch, memory, &invoicing) ||
        !write_invoices(&batch, memory, &invoicing, operation->line_count))
        return ledger_fail_memory(session, operation->count);
    status = store_finish(session, &batch);
    for (size_t i = 0; i < invoicing.count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &invoicing.results[i],
                             sizeof invoicing.results[i]);
    return status;
}

farm_status farm_ledger_issue_invoices(farm_session *session, const farm_ledger_invoice_line *lines,
                                       size_t line_count, const farm_ledger_invoice *items,
                                       size_t count, farm_ledger_invoice_result *results) {
    invoices_operation operation = {lines, line_count, items, count, results};
    return store_operate(session, LEDGER_WRITES, issue_invoices, &operation);
}
