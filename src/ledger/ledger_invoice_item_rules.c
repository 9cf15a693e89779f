/* What is decided about an invoice but for its lines: its fields, a repeat, whose it is. */
#include "base/id.h"
#include "base/text.h"
#include "ledger/ledger_invoice_rules.h"
#include "ledger/ledger_rules.h"
#include <string.h>

int32_t ledger_is_series(const char *series) {
    if (text_complaint(series, FARM_LEDGER_SERIES_MAX) != NULL) return 0;
    for (const char *at = series; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) return 0;
    return 1;
}

/* --- fields --- */

int32_t ledger_check_invoice(ledger_issuing *issuing) {
    const farm_ledger_invoice *item = issuing->item;
    const int32_t status = ledger_check_id(&item->id, FARM_LEDGER_INVOICE_ID_MUST_NOT_BE_ZERO,
                                           FARM_LEDGER_INVOICE_ID_MUST_NOT_BE_INT_MAX);
    if (status != FARM_LEDGER_INVOICE_CREATED) return status;
    if (item->book < 1) return FARM_LEDGER_INVOICE_BOOK_OUT_OF_RANGE;
    if (!ledger_is_series(item->series)) return FARM_LEDGER_INVOICE_SERIES_NOT_SOUND;
    if (item->issued_us < 0 || item->issued_us > LEDGER_TIME_MAX_US)
        return FARM_LEDGER_INVOICE_ISSUED_OUT_OF_RANGE;
    if (id_is_zero(&item->corrects_id) && id_is_zero(&item->account_id))
        return FARM_LEDGER_INVOICE_ACCOUNT_ID_MUST_NOT_BE_ZERO;
    if (id_equals(&item->corrects_id, &item->id))
        return FARM_LEDGER_INVOICE_CORRECTS_ID_MUST_BE_DIFFERENT;
    return item->line_count == 0 ? FARM_LEDGER_INVOICE_LINES_MISSING : FARM_LEDGER_INVOICE_CREATED;
}

/* --- a repeat --- */

/* Of an account that is not given it is the invoice's that is corrected. */
static int32_t is_other_account(const farm_id *given, const farm_id *found) {
    return !id_is_zero(given) && !id_equals(given, found);
}

/* Where no date was given it was that of the writing. */
static int64_t given_issued_us(const farm_ledger_invoice *item,
                               const farm_ledger_invoice_row *found) {
    return item->issued_us == 0 ? found->created_us : item->issued_us;
}

static int32_t has_same_lines(ledger_issuing *issuing, const farm_ledger_invoice_row *found) {
    if (issuing->item->line_count != found->line_count) return 0;
    for (size_t i = 0; i < found->line_count; i++) {
        const ledger_line *line = ledger_find_line(issuing->all, found, (int64_t)i + 1);
        if (line != NULL && ledger_is_same_line(&issuing->lines[i], line)) continue;
        issuing->refused_line = i + 1;
        return 0;
    }
    return 1;
}

int32_t ledger_repeat_invoice(ledger_issuing *issuing, const farm_ledger_invoice_row *found) {
    const farm_ledger_invoice *item = issuing->item;
    if (!id_equals(&item->corrects_id, &found->corrects_id))
        return FARM_LEDGER_INVOICE_EXISTS_WITH_DIFFERENT_CORRECTS_ID;
    if (item->book != found->book) return FARM_LEDGER_INVOICE_EXISTS_WITH_DIFFERENT_BOOK;
    if (strcmp(item->series, found->series) != 0)
        return FARM_LEDGER_INVOICE_EXISTS_WITH_DIFFERENT_SERIES;
    if (is_other_account(&item->account_id, &found->account_id))
        return FARM_LEDGER_INVOICE_EXISTS_WITH_DIFFERENT_ACCOUNT_ID;
    if (given_issued_us(item, found) != found->issued_us)
        return FARM_LEDGER_INVOICE_EXISTS_WITH_DIFFERENT_ISSUED;
    if (!id_equals(&item->user_data_128, &found->user_data_128))
        return FARM_LEDGER_INVOICE_EXISTS_WITH_DIFFERENT_USER_DATA_128;
    return has_same_lines(issuing, found) ? FARM_LEDGER_INVOICE_EXISTS
                                          : FARM_LEDGER_INVOICE_EXISTS_WITH_DIFFERENT_LINES;
}

/* --- whose it is --- */

static int32_t check_account(ledger_issuing *issuing) {
    const farm_ledger_invoice *item = issuing->item;
    const uint32_t *place = id_map_find(&issuing->all->owner_places, &item->account_id);
    if (place == NULL) return FARM_LEDGER_INVOICE_ACCOUNT_NOT_FOUND;
    if (issuing->all->owners[*place].book != item->book)
        return FARM_LEDGER_INVOICE_ACCOUNT_HAS_DIFFERENT_BOOK;
    issuing->account_id = item->account_id;
    return FARM_LEDGER_INVOICE_CREATED;
}

int32_t ledger_check_owner(ledger_issuing *issuing) {
    const farm_ledger_invoice *item = issuing->item;
    if (id_is_zero(&item->corrects_id)) return check_account(issuing);
    farm_ledger_invoice_row *corrected = ledger_find_invoice(issuing->all, &item->corrects_id);
    if (corrected == NULL) return FARM_LEDGER_INVOICE_CORRECTED_INVOICE_NOT_FOUND;
    if (!id_is_zero(&corrected->corrects_id))
        return FARM_LEDGER_INVOICE_CORRECTED_INVOICE_IS_CREDIT_NOTE;
    if (corrected->book != item->book)
        return FARM_LEDGER_INVOICE_CORRECTED_INVOICE_HAS_DIFFERENT_BOOK;
    if (is_other_account(&item->account_id, &corrected->account_id))
        return FARM_LEDGER_INVOICE_CORRECTED_INVOICE_HAS_DIFFERENT_ACCOUNT_ID;
    issuing->corrected = corrected;
    issuing->account_id = corrected->account_id;
    return FARM_LEDGER_INVOICE_CREATED;
}
