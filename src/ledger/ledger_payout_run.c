/* Payees of a run, what the ledger has of them, and finding it. */
#include "ledger/ledger_payout_run.h"
#include "base/options.h"
#include "ledger/ledger_access.h"
#include "ledger/ledger_rules.h"
#include <farmcore/roles.h>

enum { LEDGER_READS = STORE_READS | STORE_SERVICE };

farm_status ledger_run_check(farm_session *session, int64_t book, const farm_id *run_id,
                             const void *results, size_t count) {
    farm_status status = store_check_array(session, "results", results, count, LEDGER_PAYEES_MAX);
    if (status == FARM_OK) status = store_check_range(session, "book", book, 1, INT64_MAX);
    if (status == FARM_OK && (run_id == NULL || ledger_check_id(run_id, 1, 1)))
        status = store_fail(session, FARM_EINVAL, 0, "the run's id is missing, zero or all ones");
    return status == FARM_OK ? ledger_check_may(session, FARM_ROLE_PAY, book, NULL) : status;
}

farm_status ledger_run_init(ledger_run *run, farm_session *session, int64_t book, const farm_id *id,
                            size_t count) {
    *run = (ledger_run){.session = session, .book = book, .id = id};
    run->payees = arena_allocate_array(store_arena(session), count, sizeof *run->payees);
    if (run->payees == NULL || !ledger_ids_init(&run->account_ids, session, count) ||
        !ledger_ids_init(&run->hold_ids, session, count * LEDGER_PAYOUT_PARTS))
        return ledger_fail_memory(session, count);
    return FARM_OK;
}

farm_status ledger_run_add(ledger_run *run, const farm_id *account_id) {
    ledger_paid *payee = &run->payees[run->count];
    *payee = (ledger_paid){.account_id = *account_id};
    ledger_ids_add(&run->account_ids, &payee->account_id);
    if (run->account_ids.count == run->count)
        return store_fail(run->session, FARM_EINVAL, 0,
                          "items: the account of item %zu is zero or was there before", run->count);
    for (int32_t part = 0; part < LEDGER_PAYOUT_PARTS; part++) {
        payee->hold_ids[part] = ledger_payout_id(run->id, account_id, part, LEDGER_PAYOUT_HOLD);
        ledger_ids_add(&run->hold_ids, &payee->hold_ids[part]);
    }
    run->count++;
    return FARM_OK;
}

static int32_t take_hold(void *context, size_t ordinal, const ledger_event_read_row *row) {
    (void)ordinal;
    ledger_run *run = context;
    farm_ledger_event *hold = arena_allocate(store_arena(run->session), sizeof *hold);
    run->has_failed = hold == NULL;
    if (hold == NULL) return 1;
    *hold = ledger_event_of(row);
    if (run->book != 0 && hold->book != run->book) return 0;
    const uint32_t place = *id_map_find(&run->hold_ids.known, &hold->id) - 1;
    run->payees[place / LEDGER_PAYOUT_PARTS].holds[place % LEDGER_PAYOUT_PARTS] = hold;
    return 0;
}

void ledger_run_read(ledger_run *run, store_batch *batch) {
    ledger_event_read(batch, &(ledger_event_read_params){.ids = ledger_ids_list(&run->hold_ids)},
                      take_hold, run);
}

farm_status ledger_run_loaded(const ledger_run *run, farm_status status) {
    if (status != FARM_OK || !run->has_failed) return status;
    return ledger_fail_memory(run->session, run->count);
}

farm_ledger_payout ledger_run_payout(const ledger_paid *payee) {
    const farm_ledger_event *net = payee->holds[LEDGER_PAYOUT_NET];
    const farm_ledger_event *fee = payee->holds[LEDGER_PAYOUT_FEE];
    farm_ledger_payout payout = {.struct_size = sizeof payout};
    if (net == NULL) return payout;
    payout.fee_minor = fee == NULL ? 0 : fee->amount_minor;
    payout.amount_minor = net->amount_minor + payout.fee_minor;
    payout.transfer_id = net->id;
    payout.timestamp_ns = net->timestamp_ns;
    payout.resolution = net->resolution;
    return payout;
}

/* --- finding --- */

typedef struct find_operation {
    int64_t book;
    const farm_id *run_id;
    const farm_id *items;
    size_t count;
    farm_ledger_payout *results;
} find_operation;

static farm_status take_items(farm_session *session, const find_operation *operation,
                              ledger_run *run) {
    farm_status status =
        ledger_run_init(run, session, operation->book, operation->run_id, operation->count);
    if (status == FARM_OK && operation->items == NULL)
        status = store_fail(session, FARM_EINVAL, 0, "items is missing");
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = ledger_run_add(run, &operation->items[i]);
    return status;
}

static farm_status find_payouts(farm_session *session, void *context) {
    const find_operation *operation = context;
    ledger_run run;
    farm_status status = ledger_run_check(session, operation->book, operation->run_id,
                                          operation->results, operation->count);
    if (status == FARM_OK) status = take_items(session, operation, &run);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_run_read(&run, &batch);
    status = ledger_run_loaded(&run, store_finish(session, &batch));
    for (size_t i = 0; i < run.count && status == FARM_OK; i++) {
        const farm_ledger_payout payout = ledger_run_payout(&run.payees[i]);
        (void)options_answer(store_array_at(operation->results, i), &payout, sizeof payout);
    }
    return status;
}

farm_status farm_ledger_find_payouts(farm_session *session, int64_t book, const farm_id *run_id,
                                     const farm_id *items, size_t count,
                                     farm_ledger_payout *results) {
    find_operation operation = {book, run_id, items, count, results};
    return store_operate(session, LEDGER_READS, find_payouts, &operation);
}
