/* Invoices in short, for their tests. */
#include "contract/ledger_invoice_support.h"
#include "contract/ledger_script.h"
#include <criterion/criterion.h>

enum { ITEMS_MAX = 8 };

static farm_id id_of(const char *word) {
    return ledger_script_id(word == NULL ? "0" : word);
}

static uint32_t count_lines(const short_invoice *invoice) {
    uint32_t count = 0;
    while (count < INVOICE_LINES_MAX &&
           (invoice->lines[count].transfer != NULL || invoice->lines[count].corrected_line != 0))
        count++;
    return count;
}

static farm_ledger_invoice item_of(const short_invoice *invoice) {
    return (farm_ledger_invoice){.struct_size = sizeof(farm_ledger_invoice),
                                 .line_count = count_lines(invoice),
                                 .id = id_of(invoice->id),
                                 .account_id = id_of(invoice->account),
                                 .corrects_id = id_of(invoice->corrects),
                                 .user_data_128 = id_of(invoice->user_data),
                                 .book = invoice->book == 0    ? 1
                                         : invoice->book == -1 ? 0
                                                               : invoice->book,
                                 .issued_us = invoice->issued_us,
                                 .series = invoice->series};
}

static farm_ledger_invoice_line line_of(const short_line *line) {
    return (farm_ledger_invoice_line){.struct_size = sizeof(farm_ledger_invoice_line),
                                      .tax_rate_ppm = line->tax_rate_ppm,
                                      .transfer_id = id_of(line->transfer),
                                      .corrected_line = line->corrected_line,
                                      .amount_minor = line->amount_minor,
                                      .tax_minor = line->tax_minor,
                                      .text = line->text};
}

void issue_all(farm_session *session, const short_invoice *invoices, size_t count,
               farm_ledger_invoice_result *results) {
    farm_ledger_invoice items[ITEMS_MAX];
    farm_ledger_invoice_line lines[ITEMS_MAX * INVOICE_LINES_MAX];
    size_t line_count = 0;
    for (size_t i = 0; i < count; i++) {
        items[i] = item_of(&invoices[i]);
        results[i] = (farm_ledger_invoice_result){.struct_size = sizeof *results};
        for (uint32_t j = 0; j < items[i].line_count; j++)
            lines[line_count++] = line_of(&invoices[i].lines[j]);
    }
    cr_assert_eq(farm_ledger_issue_invoices(session, lines, line_count, items, count, results),
                 FARM_OK, "%s: %s", invoices[0].id, farm_session_error_text(session));
}

farm_ledger_invoice_result issue(farm_session *session, const short_invoice *invoice) {
    farm_ledger_invoice_result result;
    issue_all(session, invoice, 1, &result);
    return result;
}

farm_ledger_invoice_result expect_issue(farm_session *session, const short_invoice *invoice,
                                        int32_t status) {
    const farm_ledger_invoice_result result = issue(session, invoice);
    cr_assert_eq(result.status, status, "%s: %s", invoice->id,
                 farm_ledger_invoice_status_name(result.status));
    return result;
}

farm_ledger_invoice_row find_invoice(farm_session *session, const char *id) {
    const farm_id wanted = id_of(id);
    farm_ledger_invoice_row found = {.struct_size = sizeof found};
    cr_assert_eq(farm_ledger_find_invoices(session, &wanted, 1, &found), FARM_OK, "%s",
                 farm_session_error_text(session));
    return found;
}
