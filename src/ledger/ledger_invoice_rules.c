/* Items are walked, each sees what those before it did. */
#include "ledger/ledger_invoice_rules.h"
#include <string.h>

int ledger_compare_series(const void *left, const void *right) {
    const ledger_series *a = left;
    const ledger_series *b = right;
    if (a->book != b->book) return a->book < b->book ? -1 : 1;
    return strcmp(a->series, b->series);
}

int ledger_compare_lines(const void *left, const void *right) {
    const ledger_line *a = left;
    const ledger_line *b = right;
    const int by_invoice = memcmp(&a->invoice_id, &b->invoice_id, sizeof a->invoice_id);
    if (by_invoice != 0) return by_invoice;
    return (a->line_number > b->line_number) - (a->line_number < b->line_number);
}

/* Where it is among the sorted ones; NULL: it is none of them. */
static void *find_sorted(const void *wanted, void *items, size_t count, size_t size,
                         int (*compare)(const void *, const void *)) {
    size_t first = 0;
    while (count > 0) {
        const size_t half = count / 2;
        unsigned char *middle = (unsigned char *)items + (first + half) * size;
        const int order = compare(wanted, middle);
        if (order == 0) return middle;
        if (order > 0) first += half + 1;
        count = order > 0 ? count - half - 1 : half;
    }
    return NULL;
}

farm_ledger_invoice_row *ledger_find_invoice(const ledger_invoicing *all, const farm_id *id) {
    const uint32_t *place = id_map_find(&all->invoice_places, id);
    return place == NULL ? NULL : &all->invoices[*place];
}

ledger_line *ledger_find_line(const ledger_invoicing *all, const farm_ledger_invoice_row *invoice,
                              int64_t line_number) {
    const size_t place = (size_t)(invoice - all->invoices);
    if (line_number < 1 || line_number > (int64_t)invoice->line_count) return NULL;
    if (place >= all->stored_count) {
        const size_t item = all->invoice_items[place - all->stored_count];
        return &all->made_lines[all->first_lines[item] + (size_t)line_number - 1];
    }
    const ledger_line wanted = {.invoice_id = invoice->id, .line_number = line_number};
    ledger_line *found = find_sorted(&wanted, all->stored_lines, all->stored_line_count,
                                     sizeof wanted, ledger_compare_lines);
    return found != NULL && found->is_there ? found : NULL;
}

static int32_t decide(ledger_issuing *issuing) {
    const farm_ledger_invoice_row *found;
    int32_t status = ledger_check_invoice(issuing);
    if (status == FARM_LEDGER_INVOICE_CREATED) status = ledger_check_lines(issuing);
    if (status != FARM_LEDGER_INVOICE_CREATED) return status;
    found = ledger_find_invoice(issuing->all, &issuing->item->id);
    if (found != NULL) return ledger_repeat_invoice(issuing, found);
    status = ledger_check_owner(issuing);
    return status == FARM_LEDGER_INVOICE_CREATED ? ledger_bill_lines(issuing) : status;
}

/* The next number of its series. It cannot overflow, as each is of an invoice that is stored. */
static void add_invoice(const ledger_issuing *issuing, size_t index) {
    ledger_invoicing *all = issuing->all;
    const farm_ledger_invoice *item = issuing->item;
    const ledger_series wanted = {.book = item->book, .series = item->series};
    ledger_series *series =
        find_sorted(&wanted, all->series, all->series_count, sizeof wanted, ledger_compare_series);
    farm_ledger_invoice_row *row = &all->invoices[all->invoice_count];
    *row =
        (farm_ledger_invoice_row){.struct_size = sizeof *row,
                                  .line_count = item->line_count,
                                  .id = item->id,
                                  .account_id = issuing->account_id,
                                  .corrects_id = item->corrects_id,
                                  .user_data_128 = item->user_data_128,
                                  .book = item->book,
                                  .number = ++series->last_number,
                                  .issued_us = item->issued_us == 0 ? all->now_us : item->issued_us,
                                  .created_us = all->now_us,
                                  .amount_minor = issuing->amount_minor,
                                  .tax_minor = issuing->tax_minor};
    memcpy(row->series, item->series, strlen(item->series) + 1);
    all->invoice_items[all->invoice_count - all->stored_count] = index;
    *id_map_put(&all->invoice_places, &row->id) = (uint32_t)all->invoice_count++;
}

static void answer(const ledger_issuing *issuing, int32_t status,
                   farm_ledger_invoice_result *result) {
    *result = (farm_ledger_invoice_result){.struct_size = sizeof *result, .status = status};
    if (status != FARM_LEDGER_INVOICE_CREATED && status != FARM_LEDGER_INVOICE_EXISTS) {
        result->refused_line = (int64_t)issuing->refused_line;
        return;
    }
    const farm_ledger_invoice_row *row = ledger_find_invoice(issuing->all, &issuing->item->id);
    result->number = row->number;
    result->issued_us = row->issued_us;
    result->amount_minor = row->amount_minor;
    result->tax_minor = row->tax_minor;
}

void ledger_issue(ledger_invoicing *invoicing) {
    for (size_t i = 0; i < invoicing->count; i++) {
        const size_t first_line = invoicing->first_lines[i];
        ledger_issuing issuing = {.all = invoicing,
                                  .item = &invoicing->items[i],
                                  .lines = &invoicing->lines[first_line],
                                  .made = &invoicing->made_lines[first_line]};
        const int32_t status = decide(&issuing);
        if (status == FARM_LEDGER_INVOICE_CREATED) add_invoice(&issuing, i);
        answer(&issuing, status, &invoicing->results[i]);
    }
}
