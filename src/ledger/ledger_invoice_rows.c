/* Rows as the caller gets them. */
#include "ledger/ledger_invoice_rows.h"
#include <string.h>

static void copy_text(value_text text, char *out, size_t out_size) {
    const size_t size = text.size < out_size ? text.size : out_size - 1;
    if (size > 0) memcpy(out, text.data, size);
    out[size] = '\0';
}

farm_ledger_invoice_row ledger_invoice_of(const ledger_invoice_invoice_read_row *row) {
    farm_ledger_invoice_row invoice = {.struct_size = sizeof invoice,
                                       .line_count = (uint32_t)row->line_count,
                                       .id = ledger_id_of(row->id),
                                       .account_id = ledger_id_of(row->account),
                                       .corrects_id = ledger_id_of(row->corrects_id),
                                       .user_data_128 = ledger_id_of(row->user_data_128),
                                       .book = row->book,
                                       .number = row->number,
                                       .issued_us = row->issued_us,
                                       .created_us = row->created_us,
                                       .amount_minor = row->amount,
                                       .tax_minor = row->tax,
                                       .credited_minor = row->credited};
    copy_text(row->series, invoice.series, sizeof invoice.series);
    return invoice;
}

farm_ledger_invoice_line_row ledger_invoice_line_of(const ledger_invoice_line_read_row *row) {
    farm_ledger_invoice_line_row line = {
        .struct_size = sizeof line,
        .tax_rate_ppm = (int32_t)row->tax_rate_ppm,
        .transfer_id = ledger_id_of(row->transfer),
        .line_number = row->line,
        .corrected_line = row->corrected_line.is_null ? 0 : row->corrected_line.integer,
        .amount_minor = row->amount,
        .tax_minor = row->tax,
        .credited_minor = row->credited,
        .credited_tax_minor = row->credited_tax};
    copy_text(row->text, line.text, sizeof line.text);
    return line;
}
