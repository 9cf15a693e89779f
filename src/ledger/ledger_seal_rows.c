/* Seals and what they are of, from rows. */
#include "ledger/ledger_seal_rows.h"
#include <string.h>

static void take_hash(uint8_t out[FARM_LEDGER_HASH_SIZE], value_blob blob) {
    if (blob.data != NULL && blob.size == FARM_LEDGER_HASH_SIZE)
        memcpy(out, blob.data, FARM_LEDGER_HASH_SIZE);
}

farm_ledger_seal ledger_seal_of(int64_t book, const ledger_seal_seal_read_row *row) {
    farm_ledger_seal seal = {.struct_size = sizeof seal,
                             .book = book,
                             .number = row->number,
                             .first_sequence = row->first_sequence,
                             .event_count = row->event_count,
                             .sealed_us = row->sealed_us};
    take_hash(seal.previous_hash, row->previous_hash);
    take_hash(seal.hash, row->hash);
    return seal;
}

int32_t ledger_seal_take_event(void *context, size_t ordinal,
                               const ledger_seal_unsealed_read_row *row) {
    (void)ordinal;
    farm_ledger_event *event = ledger_rows_add(context);
    if (event == NULL) return 1;
    *event = (farm_ledger_event){.timestamp_ns = row->timestamp_ns,
                                 .kind = (int32_t)row->kind,
                                 .id = ledger_id_of(row->id),
                                 .debit_account_id = ledger_id_of(row->debit_account),
                                 .credit_account_id = ledger_id_of(row->credit_account),
                                 .amount_minor = row->amount,
                                 .pending_id = ledger_id_of(row->pending_id),
                                 .reversed_id = ledger_id_of(row->reversed_id),
                                 .timeout_us = row->timeout_us,
                                 .code = (int32_t)row->code,
                                 .flags = (uint32_t)row->flags,
                                 .user_data_128 = ledger_id_of(row->user_data_128),
                                 .user_data_64 = row->user_data_64,
                                 .user_data_32 = (int32_t)row->user_data_32,
                                 .effective_us = row->effective_us};
    return 0;
}
