/* A run holds what its payees get: their accounts are locked, what the run has of them is read and
 * the others are checked, and so nothing can come between that and the holds. */
#include "base/id.h"
#include "base/options.h"
#include "ledger/ledger_payout_run.h"
#include "ledger/ledger_rules.h"

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

typedef struct hold_operation {
    const farm_ledger_payout_run *given_run;
    const farm_ledger_payout_rules *given_rules;
    farm_ledger_payout_run settings;
    farm_ledger_payout_rules rules;
    const farm_ledger_payee *items;
    size_t count;
    farm_ledger_payout *results;
    ledger_run run;
    farm_ledger_payee *payees;   /* of the items */
    farm_ledger_payout *payouts; /* likewise */
    farm_ledger_transfer *holds; /* to post */
    size_t hold_count;
} hold_operation;

/* --- check --- */

static farm_status check_settings(farm_session *session, const hold_operation *operation) {
    const farm_ledger_payout_run *settings = &operation->settings;
    farm_status status =
        store_check_range(session, "run: code", settings->code, 1, FARM_LEDGER_CODE_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "run: timeout_us", settings->timeout_us, 0, INT64_MAX);
    if (status == FARM_OK && id_is_zero(&settings->clearing_account_id))
        status = store_fail(session, FARM_EINVAL, 0, "run: clearing_account_id is missing");
    if (status == FARM_OK && operation->rules.fee_minor > 0 &&
        id_is_zero(&settings->fee_account_id))
        status = store_fail(session, FARM_EINVAL, 0,
                            "run: fee_account_id is missing, and the fee is %lld",
                            (long long)operation->rules.fee_minor);
    return status;
}

static farm_status make_room(farm_session *session, hold_operation *operation) {
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    operation->payees = arena_allocate_array(memory, count, sizeof *operation->payees);
    operation->payouts = arena_allocate_array(memory, count, sizeof *operation->payouts);
    operation->holds =
        arena_allocate_array(memory, count * LEDGER_PAYOUT_PARTS, sizeof *operation->holds);
    operation->hold_count = 0;
    if (operation->payees == NULL || operation->payouts == NULL || operation->holds == NULL)
        return ledger_fail_memory(session, count);
    return FARM_OK;
}

static farm_status take_arguments(farm_session *session, hold_operation *operation) {
    farm_status status =
        store_check_array(session, "items", operation->items, operation->count, LEDGER_PAYEES_MAX);
    if (status == FARM_OK)
        status = store_check_options(session, "run", &operation->settings,
                                     sizeof operation->settings, operation->given_run);
    if (status == FARM_OK)
        status = store_check_options(session, "rules", &operation->rules, sizeof operation->rules,
                                     operation->given_rules);
    if (status == FARM_OK)
        status = ledger_run_check(session, operation->rules.book, &operation->settings.id,
                                  operation->results, operation->count);
    if (status == FARM_OK) status = check_settings(session, operation);
    if (status == FARM_OK) status = make_room(session, operation);
    if (status == FARM_OK)
        status =
            ledger_run_init(&operation->run, session, 0, &operation->settings.id, operation->count);
    if (status == FARM_OK)
        status = ledger_copy_items(session, operation->items, operation->count,
                                   sizeof *operation->payees, operation->payees);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = ledger_run_add(&operation->run, &operation->payees[i].account_id);
    return status;
}

/* --- load --- */

/* All that the holds will lock, in the order in which they would. */
static farm_status lock_and_read(farm_session *session, hold_operation *operation) {
    ledger_ids accounts;
    if (!ledger_ids_init(&accounts, session, operation->count + LEDGER_PAYOUT_PARTS))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++)
        ledger_ids_add(&accounts, &operation->payees[i].account_id);
    ledger_ids_add(&accounts, &operation->settings.clearing_account_id);
    ledger_ids_add(&accounts, &operation->settings.fee_account_id);
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_account_lock(&batch,
                        &(ledger_account_lock_params){.accounts = ledger_ids_list(&accounts),
                                                      .now_ns = store_now_ns(session)},
                        NULL, NULL);
    ledger_run_read(&operation->run, &batch);
    return ledger_run_loaded(&operation->run, store_run(session, &batch));
}

/* --- decide --- */

static int32_t is_of_run(const hold_operation *operation, const ledger_paid *payee) {
    const farm_ledger_event *net = payee->holds[LEDGER_PAYOUT_NET];
    const farm_ledger_event *fee = payee->holds[LEDGER_PAYOUT_FEE];
    return net->book == operation->rules.book && net->code == operation->settings.code &&
           id_equals(&net->credit_account_id, &operation->settings.clearing_account_id) &&
           (fee == NULL || id_equals(&fee->credit_account_id, &operation->settings.fee_account_id));
}

/* Those who have something are answered by it, and those behind are checked. *out: how many are. */
static farm_status answer_held(farm_session *session, hold_operation *operation,
                               farm_ledger_payee *unpaid, size_t *out) {
    *out = 0;
    for (size_t i = 0; i < operation->count; i++) {
        const ledger_paid *payee = &operation->run.payees[i];
        if (payee->holds[LEDGER_PAYOUT_NET] == NULL) {
            unpaid[(*out)++] = operation->payees[i];
            continue;
        }
        if (!is_of_run(operation, payee))
            return store_fail(session, FARM_EEXISTS, FARM_LEDGER_REASON_RUN_DIFFERS,
                              "the run is there with another account, book or code");
        operation->payouts[i] = ledger_run_payout(payee);
    }
    return FARM_OK;
}

static farm_status check_unpaid(farm_session *session, hold_operation *operation) {
    arena *memory = store_arena(session);
    farm_ledger_payee *unpaid = arena_allocate_array(memory, operation->count, sizeof *unpaid);
    farm_ledger_payout *found = arena_allocate_array(memory, operation->count, sizeof *found);
    size_t count = 0;
    size_t next = 0;
    if (unpaid == NULL || found == NULL) return ledger_fail_memory(session, operation->count);
    farm_status status = answer_held(session, operation, unpaid, &count);
    for (size_t i = 0; i < count; i++) found[i].struct_size = sizeof *found;
    if (status == FARM_OK && count > 0)
        status = farm_ledger_check_payouts(session, &operation->rules, unpaid, count, found);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        if (operation->run.payees[i].holds[LEDGER_PAYOUT_NET] == NULL)
            operation->payouts[i] = found[next++];
    return status;
}

static void add_hold(hold_operation *operation, size_t index, int32_t part, int64_t amount_minor) {
    const farm_ledger_payout_run *settings = &operation->settings;
    const ledger_paid *payee = &operation->run.payees[index];
    operation->holds[operation->hold_count++] = (farm_ledger_transfer){
        .struct_size = sizeof *operation->holds,
        .flags = FARM_LEDGER_PENDING,
        .id = payee->hold_ids[part],
        .debit_account_id = payee->account_id,
        .credit_account_id =
            part == LEDGER_PAYOUT_NET ? settings->clearing_account_id : settings->fee_account_id,
        .user_data_128 = settings->id,
        .code = settings->code,
        .book = operation->rules.book,
        .amount_minor = amount_minor,
        .timeout_us = settings->timeout_us};
}

static void add_holds(hold_operation *operation) {
    for (size_t i = 0; i < operation->count; i++) {
        farm_ledger_payout *payout = &operation->payouts[i];
        if (payout->amount_minor == 0 || !id_is_zero(&payout->transfer_id)) continue;
        payout->transfer_id = operation->run.payees[i].hold_ids[LEDGER_PAYOUT_NET];
        add_hold(operation, i, LEDGER_PAYOUT_NET, payout->amount_minor - payout->fee_minor);
        if (payout->fee_minor == 0) continue;
        operation->holds[operation->hold_count - 1].flags |= FARM_LEDGER_LINKED;
        add_hold(operation, i, LEDGER_PAYOUT_FEE, payout->fee_minor);
    }
}

/* --- store --- */

/* Of a payee's chain the hold that was refused itself, or a hold that was made. */
static farm_status check_result(farm_session *session, const farm_ledger_transfer_result *result) {
    const int32_t found = result->status;
    if (found == FARM_LEDGER_TRANSFER_CREATED || found == FARM_LEDGER_TRANSFER_LINKED_EVENT_FAILED)
        return FARM_OK;
    return store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_REFUSED,
                      "a payout is refused, %s: %s", farm_ledger_transfer_status_name(found),
                      farm_ledger_transfer_status_text(found));
}

static farm_status post_holds(farm_session *session, hold_operation *operation) {
    const size_t count = operation->hold_count;
    farm_ledger_transfer_result *results =
        arena_allocate_array(store_arena(session), count, sizeof *results);
    if (results == NULL) return ledger_fail_memory(session, count);
    if (count == 0) return FARM_OK;
    for (size_t i = 0; i < count; i++) results[i].struct_size = sizeof *results;
    farm_status status = farm_ledger_post(session, operation->holds, count, results);
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        status = check_result(session, &results[i]);
    size_t next = 0;
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++) {
        farm_ledger_payout *payout = &operation->payouts[i];
        if (payout->amount_minor == 0 || payout->timestamp_ns != 0) continue;
        payout->timestamp_ns = results[next].timestamp_ns;
        next += payout->fee_minor == 0 ? 1 : LEDGER_PAYOUT_PARTS;
    }
    return status;
}

static farm_status hold_payouts(farm_session *session, void *context) {
    hold_operation *operation = context;
    farm_status status = take_arguments(session, operation);
    if (status == FARM_OK) status = lock_and_read(session, operation);
    if (status == FARM_OK) status = check_unpaid(session, operation);
    if (status != FARM_OK) return status;
    add_holds(operation);
    status = post_holds(session, operation);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &operation->payouts[i],
                             sizeof operation->payouts[i]);
    return status;
}

farm_status farm_ledger_hold_payouts(farm_session *session, const farm_ledger_payout_run *run,
                                     const farm_ledger_payout_rules *rules,
                                     const farm_ledger_payee *items, size_t count,
                                     farm_ledger_payout *results) {
    hold_operation operation = {
        .given_run = run, .given_rules = rules, .items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_WRITES, hold_payouts, &operation);
}
