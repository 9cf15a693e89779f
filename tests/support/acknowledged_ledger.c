/* Transfers of clients that are killed. */
#include "acknowledged_ledger.h"
#include <stdio.h>
#include <string.h>

enum { BOOK = 1, BANK = 1, CLIENT = 2, TRANSFER = 3, OTHER = 4 };

/* What it is, whose, and its number. */
static farm_id name(int kind, int worker, int64_t number) {
    const uint64_t halves[] = {(uint64_t)kind << 32 | (uint32_t)worker, (uint64_t)number};
    farm_id id;
    for (size_t i = 0; i < 16; i++) id.bytes[i] = (uint8_t)(halves[i / 8] >> (56 - i % 8 * 8));
    return id;
}

static farm_status open_account(farm_session *session, int kind, int worker) {
    const farm_ledger_account account = {
        .struct_size = sizeof account, .id = name(kind, worker, 0), .code = 1, .book = BOOK};
    farm_ledger_account_result result = {.struct_size = sizeof result};
    const farm_status status = farm_ledger_open_accounts(session, &account, 1, &result);
    const int is_open =
        result.status == FARM_LEDGER_ACCOUNT_CREATED || result.status == FARM_LEDGER_ACCOUNT_EXISTS;
    return status != FARM_OK || is_open ? status : FARM_EINTERNAL;
}

farm_status acknowledged_ledger_prepare(farm_session *session) {
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = BOOK, .asset = "EUR", .scale = 2};
    const farm_status status = farm_ledger_open_books(session, &book, 1);
    return status == FARM_OK ? open_account(session, BANK, 0) : status;
}

farm_status acknowledged_ledger_post(farm_session *session, int worker, int64_t number,
                                     int is_other) {
    const farm_ledger_transfer item = {.struct_size = sizeof item,
                                       .id = name(is_other ? OTHER : TRANSFER, worker, number),
                                       .debit_account_id = name(BANK, 0, 0),
                                       .credit_account_id = name(CLIENT, worker, 0),
                                       .amount_minor = 1,
                                       .code = 1,
                                       .book = BOOK};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    farm_status status = open_account(session, CLIENT, worker);
    if (status == FARM_OK) status = farm_ledger_post(session, &item, 1, &result);
    const int has_happened = result.status == FARM_LEDGER_TRANSFER_CREATED ||
                             result.status == FARM_LEDGER_TRANSFER_EXISTS;
    return status != FARM_OK || has_happened ? status : FARM_EINTERNAL;
}

farm_status acknowledged_ledger_find(farm_session *session, const char *prefix, int worker,
                                     farm_rows **out) {
    char text[256];
    const farm_id account = name(CLIENT, worker, 0);
    const farm_value value = {.type = FARM_BLOB, .data = &account, .size = sizeof account};
    snprintf(text, sizeof text,
             "SELECT id FROM %sfarm_ledger_event WHERE book = %d AND credit_account = "
             "(SELECT number FROM %sfarm_ledger_account WHERE id = %s)",
             prefix, BOOK, prefix, *prefix == '\0' ? "?1" : "$1");
    return farm_session_execute(session, text, &value, 1, out);
}

int64_t acknowledged_ledger_number(const farm_rows *rows, size_t row) {
    const farm_value *value = farm_rows_value(rows, row, 0);
    const unsigned char *bytes = value->data;
    int64_t number = 0;
    if (value->size != sizeof(farm_id)) return -1;
    for (int i = 8; i < 16; i++) number = number << 8 | bytes[i];
    return number;
}

int64_t acknowledged_ledger_balance(farm_session *session, int worker) {
    const farm_id id = name(CLIENT, worker, 0);
    farm_ledger_account account = {.struct_size = sizeof account};
    if (farm_ledger_find_accounts(session, &id, 1, &account) != FARM_OK) return -1;
    return account.balances.credits_posted_minor;
}
