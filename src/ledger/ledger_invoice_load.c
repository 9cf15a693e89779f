/* One batch locks and reads all that items name: series and transfers are locked first, in the
 * order of their keys, and read when nobody else changes them. */
#include "ledger/ledger_invoice_load.h"
#include "base/id.h"
#include "ledger/ledger_invoice_rows.h"
#include <stdlib.h>
#include <string.h>

typedef struct loading {
    ledger_invoicing *all;
    arena *memory;
    size_t line_count; /* of all items */
    ledger_ids invoices;
    ledger_ids accounts;
    ledger_ids transfers;
    farm_value *corrected; /* these two: lines that are given back of */
    farm_value *corrected_lines;
    size_t corrected_count;
    ledger_rows found_invoices;
    ledger_rows found_owners;
    ledger_rows found_transfers;
    int32_t has_failed; /* there was no memory for a text */
} loading;

static int32_t is_credit(const farm_ledger_invoice *item) {
    return !id_is_zero(&item->corrects_id);
}

/* --- what is asked for --- */

static size_t make_unique(void *items, size_t count, size_t size,
                          int (*compare)(const void *, const void *)) {
    unsigned char *bytes = items;
    size_t kept = 0;
    if (count > 0) qsort(items, count, size, compare);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare(bytes + (kept - 1) * size, bytes + i * size) == 0) continue;
        if (kept != i) memcpy(bytes + kept * size, bytes + i * size, size);
        kept++;
    }
    return kept;
}

static void want_line(ledger_invoicing *all, const farm_id *invoice_id, int64_t line_number) {
    all->stored_lines[all->stored_line_count++] =
        (ledger_line){.invoice_id = *invoice_id, .line_number = line_number};
}

/* The lines that it has if it is a repeat, and those that it gives back of. */
static void want_lines(loading *self, size_t index) {
    ledger_invoicing *all = self->all;
    const farm_ledger_invoice *item = &all->items[index];
    for (size_t i = 0; i < item->line_count; i++) {
        const farm_ledger_invoice_line *line = &all->lines[all->first_lines[index] + i];
        if (!id_is_zero(&item->id)) want_line(all, &item->id, (int64_t)i + 1);
        ledger_ids_add(&self->transfers, &line->transfer_id);
        if (!is_credit(item) || line->corrected_line < 1) continue;
        want_line(all, &item->corrects_id, line->corrected_line);
        self->corrected[self->corrected_count] =
            value_from_blob(value_blob_of_id(&item->corrects_id));
        self->corrected_lines[self->corrected_count++] = value_from_integer(line->corrected_line);
    }
}

static void collect(loading *self) {
    ledger_invoicing *all = self->all;
    for (size_t i = 0; i < all->count; i++) {
        const farm_ledger_invoice *item = &all->items[i];
        if (item->book >= 1 && ledger_is_series(item->series))
            all->series[all->series_count++] =
                (ledger_series){.book = item->book, .series = item->series};
        ledger_ids_add(&self->invoices, &item->id);
        ledger_ids_add(&self->invoices, &item->corrects_id);
        ledger_ids_add(&self->accounts, &item->account_id);
        want_lines(self, i);
    }
    all->series_count =
        make_unique(all->series, all->series_count, sizeof *all->series, ledger_compare_series);
    all->stored_line_count = make_unique(all->stored_lines, all->stored_line_count,
                                         sizeof *all->stored_lines, ledger_compare_lines);
}

static int32_t make_room(farm_session *session, loading *self) {
    ledger_invoicing *all = self->all;
    arena *memory = self->memory;
    const size_t count = all->count;
    const size_t lines = self->line_count;
    all->series = arena_allocate_array(memory, count, sizeof *all->series);
    all->stored_lines = arena_allocate_array(memory, lines * 2, sizeof *all->stored_lines);
    all->made_lines = arena_allocate_array(memory, lines, sizeof *all->made_lines);
    self->corrected = arena_allocate_array(memory, lines, sizeof *self->corrected);
    self->corrected_lines = arena_allocate_array(memory, lines, sizeof *self->corrected_lines);
    return all->series != NULL && all->stored_lines != NULL && all->made_lines != NULL &&
           self->corrected != NULL && self->corrected_lines != NULL &&
           ledger_ids_init(&self->invoices, session, count * 2) &&
           ledger_ids_init(&self->accounts, session, count) &&
           ledger_ids_init(&self->transfers, session, lines);
}

/* --- what is found --- */

static int32_t take_series(void *context, size_t ordinal,
                           const ledger_invoice_series_lock_row *row) {
    loading *self = context;
    self->all->series[ordinal].known_number = row->last_number;
    self->all->series[ordinal].last_number = row->last_number;
    return 0;
}

static int32_t take_owner(void *context, size_t ordinal, const ledger_invoice_owner_read_row *row) {
    (void)ordinal;
    loading *self = context;
    ledger_owner *owner = ledger_rows_add(&self->found_owners);
    if (owner == NULL) return 1;
    *owner = (ledger_owner){.account_id = ledger_id_of(row->id), .book = row->book};
    return 0;
}

static int32_t take_transfer(void *context, size_t ordinal,
                             const ledger_invoice_transfer_read_row *row) {
    (void)ordinal;
    loading *self = context;
    ledger_billed *transfer = ledger_rows_add(&self->found_transfers);
    if (transfer == NULL) return 1;
    *transfer = (ledger_billed){.id = ledger_id_of(row->id),
                                .debit_account_id = ledger_id_of(row->debit_account),
                                .credit_account_id = ledger_id_of(row->credit_account),
                                .book = row->book,
                                .timestamp_ns = row->timestamp_ns,
                                .left_minor = row->amount - row->invoiced,
                                .kind = row->kind};
    return 0;
}

static int32_t take_invoice(void *context, size_t ordinal,
                            const ledger_invoice_invoice_read_row *row) {
    (void)ordinal;
    loading *self = context;
    farm_ledger_invoice_row *invoice = ledger_rows_add(&self->found_invoices);
    if (invoice == NULL) return 1;
    *invoice = ledger_invoice_of(row);
    return 0;
}

static int32_t take_line(void *context, size_t ordinal, const ledger_invoice_line_read_row *row) {
    loading *self = context;
    ledger_line *line = &self->all->stored_lines[ordinal];
    line->is_there = 1;
    line->tax_rate_ppm = (int32_t)row->tax_rate_ppm;
    line->transfer_id = ledger_id_of(row->transfer);
    line->timestamp_ns = row->timestamp_ns;
    line->corrected_line = row->corrected_line.is_null ? 0 : row->corrected_line.integer;
    line->amount_minor = row->amount;
    line->tax_minor = row->tax;
    line->credited_minor = row->credited;
    line->credited_tax_minor = row->credited_tax;
    line->text = arena_copy(self->memory, row->text.data, row->text.size);
    if (line->text == NULL) self->has_failed = 1;
    return self->has_failed;
}

/* --- one batch --- */

static void lock_all(store_batch *batch, loading *self,
                     const ledger_invoice_series_lock_each *series) {
    if (self->all->series_count > 0)
        ledger_invoice_series_lock(batch, series, self->all->series_count, take_series, self);
    ledger_invoice_transfer_lock(
        batch,
        &(ledger_invoice_transfer_lock_params){
            .transfers = ledger_ids_list(&self->transfers),
            .corrected = {self->corrected, self->corrected_count},
            .corrected_lines = {self->corrected_lines, self->corrected_count}},
        NULL, NULL);
}

static farm_status read_all(farm_session *session, loading *self) {
    const ledger_invoicing *all = self->all;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_invoice_series_lock_each *series =
        arena_allocate_array(self->memory, all->series_count, sizeof *series);
    ledger_invoice_line_read_each *lines =
        arena_allocate_array(self->memory, all->stored_line_count, sizeof *lines);
    if (series == NULL || lines == NULL) return ledger_fail_memory(session, self->line_count);
    for (size_t i = 0; i < all->series_count; i++)
        series[i] = (ledger_invoice_series_lock_each){all->series[i].book,
                                                      value_text_of(all->series[i].series)};
    for (size_t i = 0; i < all->stored_line_count; i++)
        lines[i] = (ledger_invoice_line_read_each){
            value_blob_of_id(&all->stored_lines[i].invoice_id), all->stored_lines[i].line_number};
    lock_all(&batch, self, series);
    ledger_invoice_owner_read(&batch,
                              &(ledger_invoice_owner_read_params){ledger_ids_list(&self->accounts)},
                              take_owner, self);
    ledger_invoice_transfer_read(
        &batch, &(ledger_invoice_transfer_read_params){ledger_ids_list(&self->transfers)},
        take_transfer, self);
    ledger_invoice_invoice_read(
        &batch, &(ledger_invoice_invoice_read_params){ledger_ids_list(&self->invoices)},
        take_invoice, self);
    if (all->stored_line_count > 0)
        ledger_invoice_line_read(&batch, lines, all->stored_line_count, take_line, self);
    return store_run(session, &batch);
}

/* --- where it is --- */

static int32_t index_rows(farm_session *session, id_map *map, const ledger_rows *rows,
                          size_t id_offset, size_t room) {
    if (!ledger_map_init(map, session, rows->count + room)) return 0;
    for (size_t i = 0; i < rows->count; i++) {
        farm_id id;
        memcpy(&id, (const unsigned char *)rows->items + i * rows->item_size + id_offset,
               sizeof id);
        *id_map_put(map, &id) = (uint32_t)i;
    }
    return 1;
}

static int32_t index_all(farm_session *session, loading *self) {
    ledger_invoicing *all = self->all;
    const ledger_rows *invoices = &self->found_invoices;
    all->owners = self->found_owners.items;
    all->transfers = self->found_transfers.items;
    all->stored_count = all->invoice_count = invoices->count;
    all->invoices =
        arena_allocate_array(self->memory, invoices->count + all->count, sizeof *all->invoices);
    all->invoice_items = arena_allocate_array(self->memory, all->count, sizeof *all->invoice_items);
    if (all->invoices == NULL || all->invoice_items == NULL) return 0;
    if (invoices->count > 0)
        memcpy(all->invoices, invoices->items, invoices->count * sizeof *all->invoices);
    return index_rows(session, &all->owner_places, &self->found_owners,
                      offsetof(ledger_owner, account_id), 0) &&
           index_rows(session, &all->transfer_places, &self->found_transfers,
                      offsetof(ledger_billed, id), 0) &&
           index_rows(session, &all->invoice_places, invoices,
                      offsetof(farm_ledger_invoice_row, id), all->count);
}

farm_status ledger_load_invoices(farm_session *session, ledger_invoicing *invoicing) {
    arena *memory = store_arena(session);
    loading self = {
        .all = invoicing,
        .memory = memory,
        .found_invoices = {.memory = memory, .item_size = sizeof(farm_ledger_invoice_row)},
        .found_owners = {.memory = memory, .item_size = sizeof(ledger_owner)},
        .found_transfers = {.memory = memory, .item_size = sizeof(ledger_billed)}};
    for (size_t i = 0; i < invoicing->count; i++) self.line_count += invoicing->items[i].line_count;
    if (!make_room(session, &self)) return ledger_fail_memory(session, self.line_count);
    collect(&self);
    const farm_status status = read_all(session, &self);
    const int32_t has_failed = self.has_failed || self.found_invoices.has_failed ||
                               self.found_owners.has_failed || self.found_transfers.has_failed;
    if (status != FARM_OK) return status;
    if (has_failed || !index_all(session, &self))
        return ledger_fail_memory(session, self.line_count);
    return FARM_OK;
}
