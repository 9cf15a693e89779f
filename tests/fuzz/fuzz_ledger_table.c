/* The parser of tables: whatever a line is, it is read or complained of, and one that is read is
 * written and read again as the same. */
#include "fuzz.h"
#include "ledger/ledger_table_rules.h"
#include "ledger/ledger_text_rules.h"

enum { SCALE = 2 };

static void read_again(ledger_table *table, const ledger_table_row *row) {
    char line[FARM_LEDGER_LINE_MAX];
    ledger_table_row again;
    ledger_text text = {
        .asset = table->asset, .scale = SCALE, .data = line, .capacity = sizeof line};
    const farm_ledger_transfer *transfer = &row->transfer;
    farm_ledger_event event = {.flags = transfer->flags,
                               .id = transfer->id,
                               .debit_account_id = transfer->debit_account_id,
                               .credit_account_id = transfer->credit_account_id,
                               .pending_id = transfer->pending_id,
                               .reversed_id = transfer->reversed_id,
                               .user_data_128 = transfer->user_data_128,
                               .user_data_64 = transfer->user_data_64,
                               .user_data_32 = transfer->user_data_32,
                               .code = transfer->code,
                               .amount_minor = transfer->amount_minor,
                               .timestamp_ns = transfer->timestamp_ns,
                               .effective_us = transfer->effective_us,
                               .kind = (int32_t)row->kind};
    claim(ledger_text_add(&text, &event));
    claim(ledger_table_line(line, text.size) == text.size);
    claim(ledger_table_read(table, line, text.size, &again));
    claim(memcmp(&again.transfer, transfer, sizeof *transfer) == 0 && again.kind == row->kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1); /* of its size, so that a sanitizer sees a byte too far */
    if (text == NULL) return 0;
    memcpy(text, data, size);
    ledger_table table = {.asset = "EUR", .scale = SCALE, .book = 1};
    for (size_t at = 0, line; (line = ledger_table_line(text + at, size - at)) > 0; at += line) {
        ledger_table_row row;
        table.column = table.complaint = NULL;
        const int32_t is_head = ledger_table_read_head(&table, text + at, line);
        claim(is_head == (table.complaint == NULL));
        table.complaint = NULL;
        const int32_t is_read = ledger_table_read(&table, text + at, line, &row);
        claim(is_read == (table.complaint == NULL));
        if (!is_read) continue;
        claim(row.kind >= FARM_LEDGER_KIND_SINGLE && row.kind <= FARM_LEDGER_KIND_REVERSAL);
        read_again(&table, &row);
    }
    free(text);
    return 0;
}
