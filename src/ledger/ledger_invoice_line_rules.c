/* What is decided about the lines of an invoice: of a transfer or of a line so much is taken as is
 * left of it. */
#include "base/id.h"
#include "base/integer.h"
#include "base/text.h"
#include "ledger/ledger_invoice_rules.h"
#include <string.h>

/* --- fields --- */

static int32_t is_text(const char *text) {
    return text == NULL || *text == '\0' || text_complaint(text, FARM_LEDGER_LINE_TEXT_MAX) == NULL;
}

/* An amount of 0 is not known yet; of a line that is given back of, nor is its tax then. */
static int32_t has_tax_in_range(const farm_ledger_invoice_line *line, int32_t is_credit) {
    if (line->tax_minor < 0) return 0;
    if (line->amount_minor == 0) return !is_credit || line->tax_minor == 0;
    return line->tax_minor <= line->amount_minor;
}

static int32_t check_line(const farm_ledger_invoice_line *line, int32_t is_credit) {
    const int32_t has_transfer = !id_is_zero(&line->transfer_id);
    if (!is_credit && !has_transfer) return FARM_LEDGER_INVOICE_LINE_TRANSFER_ID_MUST_NOT_BE_ZERO;
    if (is_credit && has_transfer) return FARM_LEDGER_INVOICE_LINE_TRANSFER_ID_MUST_BE_ZERO;
    if (is_credit ? line->corrected_line < 1 : line->corrected_line != 0)
        return FARM_LEDGER_INVOICE_LINE_NUMBER_OUT_OF_RANGE;
    if (line->amount_minor < 0) return FARM_LEDGER_INVOICE_LINE_AMOUNT_OUT_OF_RANGE;
    if (!has_tax_in_range(line, is_credit)) return FARM_LEDGER_INVOICE_LINE_TAX_OUT_OF_RANGE;
    if (line->tax_rate_ppm < 0) return FARM_LEDGER_INVOICE_LINE_TAX_RATE_OUT_OF_RANGE;
    return is_text(line->text) ? FARM_LEDGER_INVOICE_CREATED
                               : FARM_LEDGER_INVOICE_LINE_TEXT_NOT_SOUND;
}

int32_t ledger_check_lines(ledger_issuing *issuing) {
    const int32_t is_credit = !id_is_zero(&issuing->item->corrects_id);
    int32_t status = FARM_LEDGER_INVOICE_CREATED;
    for (size_t i = 0; i < issuing->item->line_count && status == FARM_LEDGER_INVOICE_CREATED;
         i++) {
        status = check_line(&issuing->lines[i], is_credit);
        if (status != FARM_LEDGER_INVOICE_CREATED) issuing->refused_line = i + 1;
    }
    return status;
}

/* --- a repeat --- */

static const char *text_of(const char *text) {
    return text == NULL ? "" : text;
}

int32_t ledger_is_same_line(const farm_ledger_invoice_line *given, const ledger_line *found) {
    const int32_t is_credit = given->corrected_line != 0;
    if (strcmp(text_of(given->text), found->text) != 0) return 0;
    if (given->corrected_line != found->corrected_line) return 0;
    if (!is_credit && !id_equals(&given->transfer_id, &found->transfer_id)) return 0;
    if (!(is_credit && given->tax_rate_ppm == 0) && given->tax_rate_ppm != found->tax_rate_ppm)
        return 0;
    if (given->amount_minor == 0) return is_credit || given->tax_minor == found->tax_minor;
    return given->amount_minor == found->amount_minor && given->tax_minor == found->tax_minor;
}

/* --- taken --- */

static ledger_billed *find_transfer(const ledger_invoicing *all, const farm_id *id) {
    const uint32_t *place = id_map_find(&all->transfer_places, id);
    return place == NULL ? NULL : &all->transfers[*place];
}

static int32_t is_invoiceable(const ledger_billed *transfer) {
    return transfer->kind == FARM_LEDGER_KIND_SINGLE || transfer->kind == FARM_LEDGER_KIND_POSTED;
}

static int32_t is_of(const ledger_billed *transfer, const farm_id *account_id) {
    return id_equals(&transfer->debit_account_id, account_id) ||
           id_equals(&transfer->credit_account_id, account_id);
}

static int32_t bill_transfer(const ledger_issuing *issuing, const farm_ledger_invoice_line *line,
                             ledger_line *made) {
    ledger_billed *transfer = find_transfer(issuing->all, &line->transfer_id);
    if (transfer == NULL) return FARM_LEDGER_INVOICE_TRANSFER_NOT_FOUND;
    if (transfer->book != issuing->item->book)
        return FARM_LEDGER_INVOICE_TRANSFER_HAS_DIFFERENT_BOOK;
    if (!is_invoiceable(transfer)) return FARM_LEDGER_INVOICE_TRANSFER_NOT_INVOICEABLE;
    if (!is_of(transfer, &issuing->account_id))
        return FARM_LEDGER_INVOICE_TRANSFER_HAS_DIFFERENT_ACCOUNTS;
    if (transfer->left_minor == 0) return FARM_LEDGER_INVOICE_TRANSFER_ALREADY_INVOICED;
    made->amount_minor = line->amount_minor == 0 ? transfer->left_minor : line->amount_minor;
    if (made->amount_minor > transfer->left_minor)
        return FARM_LEDGER_INVOICE_EXCEEDS_TRANSFER_AMOUNT;
    if (line->tax_minor > made->amount_minor) return FARM_LEDGER_INVOICE_LINE_TAX_OUT_OF_RANGE;
    made->tax_minor = line->tax_minor;
    made->tax_rate_ppm = line->tax_rate_ppm;
    made->transfer_id = transfer->id;
    made->timestamp_ns = transfer->timestamp_ns;
    transfer->left_minor -= made->amount_minor;
    return FARM_LEDGER_INVOICE_CREATED;
}

/* Give back, or with a negative amount take it again. What is left of the transfer is known where
 * an item names it. */
static void give_back(const ledger_invoicing *all, ledger_line *line, int64_t amount_minor,
                      int64_t tax_minor) {
    ledger_billed *transfer = find_transfer(all, &line->transfer_id);
    line->credited_minor += amount_minor;
    line->credited_tax_minor += tax_minor;
    if (transfer != NULL) transfer->left_minor += amount_minor;
}

static int32_t credit_line(const ledger_issuing *issuing, const farm_ledger_invoice_line *line,
                           ledger_line *made) {
    ledger_line *corrected =
        ledger_find_line(issuing->all, issuing->corrected, line->corrected_line);
    if (corrected == NULL) return FARM_LEDGER_INVOICE_CORRECTED_LINE_NOT_FOUND;
    if (line->tax_rate_ppm != 0 && line->tax_rate_ppm != corrected->tax_rate_ppm)
        return FARM_LEDGER_INVOICE_CORRECTED_LINE_HAS_DIFFERENT_TAX_RATE;
    const int64_t left_minor = corrected->amount_minor - corrected->credited_minor;
    const int64_t left_tax_minor = corrected->tax_minor - corrected->credited_tax_minor;
    if (left_minor == 0) return FARM_LEDGER_INVOICE_CORRECTED_LINE_ALREADY_CREDITED;
    const int32_t is_all = line->amount_minor == 0;
    made->amount_minor = is_all ? left_minor : line->amount_minor;
    made->tax_minor = is_all ? left_tax_minor : line->tax_minor;
    if (made->amount_minor > left_minor) return FARM_LEDGER_INVOICE_EXCEEDS_CORRECTED_LINE_AMOUNT;
    if (made->tax_minor > left_tax_minor ||
        made->amount_minor - made->tax_minor > left_minor - left_tax_minor)
        return FARM_LEDGER_INVOICE_EXCEEDS_CORRECTED_LINE_TAX;
    made->tax_rate_ppm = corrected->tax_rate_ppm;
    made->transfer_id = corrected->transfer_id;
    made->timestamp_ns = corrected->timestamp_ns;
    made->corrected = corrected;
    give_back(issuing->all, corrected, made->amount_minor, made->tax_minor);
    return FARM_LEDGER_INVOICE_CREATED;
}

static void take_back(const ledger_invoicing *all, ledger_line *made) {
    if (made->corrected != NULL)
        give_back(all, made->corrected, -made->amount_minor, -made->tax_minor);
    else
        find_transfer(all, &made->transfer_id)->left_minor += made->amount_minor;
}

static int32_t bill_line(ledger_issuing *issuing, size_t index) {
    const farm_ledger_invoice_line *line = &issuing->lines[index];
    ledger_line *made = &issuing->made[index];
    *made = (ledger_line){.invoice_id = issuing->item->id,
                          .line_number = (int64_t)index + 1,
                          .is_there = 1,
                          .corrected_line = line->corrected_line,
                          .text = text_of(line->text)};
    const int32_t status = issuing->corrected == NULL ? bill_transfer(issuing, line, made)
                                                      : credit_line(issuing, line, made);
    if (status != FARM_LEDGER_INVOICE_CREATED) return status;
    if (!integer_add(issuing->amount_minor, made->amount_minor, &issuing->amount_minor)) {
        take_back(issuing->all, made);
        return FARM_LEDGER_INVOICE_OVERFLOWS_AMOUNT;
    }
    issuing->tax_minor += made->tax_minor; /* at most the amount */
    return FARM_LEDGER_INVOICE_CREATED;
}

int32_t ledger_bill_lines(ledger_issuing *issuing) {
    int32_t status = FARM_LEDGER_INVOICE_CREATED;
    size_t count = 0;
    while (count < issuing->item->line_count) {
        status = bill_line(issuing, count);
        if (status != FARM_LEDGER_INVOICE_CREATED) break;
        count++;
    }
    if (status == FARM_LEDGER_INVOICE_CREATED) return status;
    issuing->refused_line = count + 1;
    while (count > 0) take_back(issuing->all, &issuing->made[--count]);
    return status;
}
