/* One transfer in one round trip. The good case is decided by the statement; every other is left to
 * the rules, which find out what it is. */
#include "ledger/ledger_single.h"
#include "base/id.h"
#include "ledger/ledger_rows.h"
#include "ledger_single_sql.h"

#define STATUS(name) FARM_LEDGER_TRANSFER_##name

/* By the rules themselves: where nothing is known, the first thing that is missing of a transfer
 * whose form is right is an account. */
int32_t ledger_is_simple(const farm_ledger_transfer *transfer) {
    ledger_batch nothing = {0};
    ledger_step step = {.batch = &nothing, .transfer = transfer};
    return transfer->flags == 0 && transfer->conditions == 0 && transfer->timestamp_ns == 0 &&
           ledger_decide_transfer(&step) == STATUS(DEBIT_ACCOUNT_NOT_FOUND);
}

static int32_t take_balances(void *context, size_t ordinal,
                             const ledger_single_transfer_add_row *row) {
    (void)ordinal;
    farm_ledger_transfer_result *result = context;
    result->status = STATUS(CREATED);
    result->timestamp_ns = row->timestamp_ns;
    result->debit = (farm_ledger_balances){
        .debits_pending_minor = row->debit_debits_pending,
        .debits_posted_minor = row->debit_debits_posted,
        .credits_pending_minor = row->debit_credits_pending,
        .credits_posted_minor = row->debit_credits_posted,
    };
    result->credit = (farm_ledger_balances){
        .debits_pending_minor = row->credit_debits_pending,
        .debits_posted_minor = row->credit_debits_posted,
        .credits_pending_minor = row->credit_credits_pending,
        .credits_posted_minor = row->credit_credits_posted,
    };
    return 0;
}

farm_status ledger_post_simple(farm_session *session, const farm_ledger_transfer *transfer,
                               farm_ledger_transfer_result *result, int32_t *out_is_done) {
    const int64_t now_ns = store_now_ns(session);
    const int64_t timestamp_ns = ledger_next_ns(now_ns, ledger_draw_writer(session), 0);
    const value_blob id = value_blob_of_id(&transfer->id);
    const ledger_single_transfer_add_params params = {
        .book = transfer->book,
        .timestamp_ns = timestamp_ns,
        .now_ns = now_ns,
        .id = id,
        .debit_account = value_blob_of_id(&transfer->debit_account_id),
        .credit_account = value_blob_of_id(&transfer->credit_account_id),
        .amount = transfer->amount_minor,
        .code = transfer->code,
        .user_data_128 = ledger_blob_or_null(&transfer->user_data_128),
        .user_data_64 = transfer->user_data_64,
        .user_data_32 = transfer->user_data_32,
        .effective_us = transfer->effective_us,
        .timestamp_us = timestamp_ns / 1000,
    };
    *result = (farm_ledger_transfer_result){.struct_size = sizeof *result,
                                            .status = STATUS(DEBIT_ACCOUNT_NOT_FOUND),
                                            .amount_minor = transfer->amount_minor};
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_single_transfer_add(&batch, &params, take_balances, result);
    ledger_single_balances_follow(&batch, &(ledger_single_balances_follow_params){.id = id});
    const farm_status status = store_finish(session, &batch);
    *out_is_done = result->status == STATUS(CREATED);
    return status;
}
