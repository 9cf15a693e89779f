/* What a run holds is posted or voided. What would burn an id of the run is found out before, under
 * the locks of the accounts, and not posted. */
#include "base/id.h"
#include "base/options.h"
#include "ledger/ledger_payout_run.h"

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

typedef struct settle_operation {
    int64_t book;
    const farm_id *run_id;
    const farm_ledger_payout_outcome *items;
    size_t count;
    farm_ledger_transfer_result *results;
    ledger_run run;
    ledger_rows closed_ids;             /* accounts */
    id_map closed;                      /* the same */
    int32_t *outcomes;                  /* of the items */
    farm_ledger_transfer_result *found; /* likewise */
    farm_ledger_transfer *transfers;    /* to post */
    size_t *transfer_items;             /* of which item each is */
    size_t transfer_count;
} settle_operation;

/* --- check --- */

static farm_status make_room(farm_session *session, settle_operation *operation) {
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    const size_t most = count * LEDGER_PAYOUT_PARTS;
    operation->outcomes = arena_allocate_array(memory, count, sizeof *operation->outcomes);
    operation->found = arena_allocate_array(memory, count, sizeof *operation->found);
    operation->transfers = arena_allocate_array(memory, most, sizeof *operation->transfers);
    operation->transfer_items =
        arena_allocate_array(memory, most, sizeof *operation->transfer_items);
    operation->transfer_count = 0;
    operation->closed_ids = (ledger_rows){.memory = memory, .item_size = sizeof(farm_id)};
    if (operation->outcomes == NULL || operation->found == NULL || operation->transfers == NULL ||
        operation->transfer_items == NULL)
        return ledger_fail_memory(session, count);
    return FARM_OK;
}

static farm_status take_item(farm_session *session, settle_operation *operation, size_t index) {
    farm_ledger_payout_outcome item;
    farm_status status = store_check_options(session, "items", &item, sizeof item,
                                             store_array_at(operation->items, index));
    if (status == FARM_OK)
        status = store_check_range(session, "outcome", item.outcome, FARM_LEDGER_OUTCOME_PAID,
                                   FARM_LEDGER_OUTCOME_FAILED);
    operation->outcomes[index] = item.outcome;
    return status == FARM_OK ? ledger_run_add(&operation->run, &item.account_id) : status;
}

static farm_status take_arguments(farm_session *session, settle_operation *operation) {
    farm_status status =
        store_check_array(session, "items", operation->items, operation->count, LEDGER_PAYEES_MAX);
    if (status == FARM_OK)
        status = ledger_run_check(session, operation->book, operation->run_id, operation->results,
                                  operation->count);
    if (status == FARM_OK) status = make_room(session, operation);
    if (status == FARM_OK)
        status = ledger_run_init(&operation->run, session, operation->book, operation->run_id,
                                 operation->count);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = take_item(session, operation, i);
    return status;
}

/* --- load --- */

static int32_t take_locked(void *context, size_t ordinal, const ledger_account_lock_row *row) {
    (void)ordinal;
    settle_operation *operation = context;
    if (!row->is_closed) return 0;
    farm_id *id = ledger_rows_add(&operation->closed_ids);
    if (id == NULL) return 1;
    *id = ledger_id_of(row->id);
    return 0;
}

static farm_status index_closed(farm_session *session, settle_operation *operation) {
    const farm_id *ids = operation->closed_ids.items;
    const size_t count = operation->closed_ids.count;
    if (operation->closed_ids.has_failed || !ledger_map_init(&operation->closed, session, count))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < count; i++) *id_map_put(&operation->closed, &ids[i]) = 1;
    return FARM_OK;
}

static farm_status lock_and_read(farm_session *session, settle_operation *operation) {
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_account_lock(
        &batch,
        &(ledger_account_lock_params){.formers = ledger_ids_list(&operation->run.hold_ids),
                                      .now_ns = store_now_ns(session)},
        take_locked, operation);
    ledger_run_read(&operation->run, &batch);
    const farm_status status = ledger_run_loaded(&operation->run, store_run(session, &batch));
    return status == FARM_OK ? index_closed(session, operation) : status;
}

/* --- decide --- */

static int32_t is_closed(const settle_operation *operation, const farm_id *account_id) {
    return id_map_find(&operation->closed, account_id) != NULL;
}

/* CREATED: nothing is known that would burn an id. */
static int32_t bar_of(const settle_operation *operation, size_t index) {
    const ledger_paid *payee = &operation->run.payees[index];
    const farm_ledger_event *net = payee->holds[LEDGER_PAYOUT_NET];
    const farm_ledger_event *fee = payee->holds[LEDGER_PAYOUT_FEE];
    if (net == NULL) return FARM_LEDGER_TRANSFER_PENDING_TRANSFER_NOT_FOUND;
    if (net->resolution != 0 || operation->outcomes[index] == FARM_LEDGER_OUTCOME_FAILED)
        return FARM_LEDGER_TRANSFER_CREATED;
    if (is_closed(operation, &net->debit_account_id))
        return FARM_LEDGER_TRANSFER_DEBIT_ACCOUNT_ALREADY_CLOSED;
    if (is_closed(operation, &net->credit_account_id) ||
        (fee != NULL && is_closed(operation, &fee->credit_account_id)))
        return FARM_LEDGER_TRANSFER_CREDIT_ACCOUNT_ALREADY_CLOSED;
    return FARM_LEDGER_TRANSFER_CREATED;
}

static void add_transfer(settle_operation *operation, size_t index, int32_t part, uint32_t linked) {
    const int32_t is_paid = operation->outcomes[index] == FARM_LEDGER_OUTCOME_PAID;
    const ledger_paid *payee = &operation->run.payees[index];
    operation->transfer_items[operation->transfer_count] = index;
    operation->transfers[operation->transfer_count++] = (farm_ledger_transfer){
        .struct_size = sizeof *operation->transfers,
        .flags = linked |
                 (is_paid ? FARM_LEDGER_POST_PENDING_TRANSFER : FARM_LEDGER_VOID_PENDING_TRANSFER),
        .id = ledger_payout_id(operation->run_id, &payee->account_id, part,
                               is_paid ? LEDGER_PAYOUT_POST : LEDGER_PAYOUT_VOID),
        .pending_id = payee->hold_ids[part],
        .code = payee->holds[part]->code,
        .book = payee->holds[part]->book,
        .amount_minor = is_paid ? FARM_LEDGER_AMOUNT_MAX : 0};
}

static void decide(settle_operation *operation) {
    for (size_t i = 0; i < operation->count; i++) {
        const int32_t has_fee = operation->run.payees[i].holds[LEDGER_PAYOUT_FEE] != NULL;
        operation->found[i] = (farm_ledger_transfer_result){.struct_size = sizeof *operation->found,
                                                            .status = bar_of(operation, i)};
        if (operation->found[i].status != FARM_LEDGER_TRANSFER_CREATED) continue;
        add_transfer(operation, i, LEDGER_PAYOUT_NET, has_fee ? FARM_LEDGER_LINKED : 0);
        if (has_fee) add_transfer(operation, i, LEDGER_PAYOUT_FEE, 0);
    }
}

/* --- store --- */

/* The answer is that of the payout; where it is only that the fee was refused, the fee's. */
static void take_results(settle_operation *operation, const farm_ledger_transfer_result *results) {
    for (size_t i = 0; i < operation->transfer_count; i++) {
        const size_t item = operation->transfer_items[i];
        farm_ledger_transfer_result *found = &operation->found[item];
        const int32_t is_first = i == 0 || operation->transfer_items[i - 1] != item;
        if (is_first || found->status == FARM_LEDGER_TRANSFER_LINKED_EVENT_FAILED)
            *found = results[i];
    }
}

static farm_status post_transfers(farm_session *session, settle_operation *operation) {
    const size_t count = operation->transfer_count;
    farm_ledger_transfer_result *results =
        arena_allocate_array(store_arena(session), count, sizeof *results);
    if (results == NULL) return ledger_fail_memory(session, count);
    if (count == 0) return FARM_OK;
    for (size_t i = 0; i < count; i++) results[i].struct_size = sizeof *results;
    const farm_status status = farm_ledger_post(session, operation->transfers, count, results);
    if (status == FARM_OK) take_results(operation, results);
    return status;
}

static farm_status settle_payouts(farm_session *session, void *context) {
    settle_operation *operation = context;
    farm_status status = take_arguments(session, operation);
    if (status == FARM_OK) status = lock_and_read(session, operation);
    if (status != FARM_OK) return status;
    decide(operation);
    status = post_transfers(session, operation);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &operation->found[i],
                             sizeof operation->found[i]);
    return status;
}

farm_status farm_ledger_settle_payouts(farm_session *session, int64_t book, const farm_id *run_id,
                                       const farm_ledger_payout_outcome *items, size_t count,
                                       farm_ledger_transfer_result *results) {
    settle_operation operation = {
        .book = book, .run_id = run_id, .items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_WRITES, settle_payouts, &operation);
}
