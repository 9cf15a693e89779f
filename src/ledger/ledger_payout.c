/* What payees may get: their accounts and then their young credits are read, so that what comes in
 * between is young and not paid; the rest is decided in ledger_payout_rules.c. */
#include "base/id.h"
#include "base/options.h"
#include "ledger/ledger_payout_rules.h"
#include "ledger/ledger_rows.h"
#include "ledger_program_sql.h"
#include "ledger_total_sql.h"

enum {
    LEDGER_READS = STORE_READS | STORE_SERVICE,
    PAYEE_FLAGS = FARM_LEDGER_PAYEE_BLOCKED | FARM_LEDGER_PAYEE_UNVERIFIED
};

typedef struct payout_operation {
    const farm_ledger_payout_rules *given;
    farm_ledger_payout_rules rules;
    const farm_ledger_payee *items;
    size_t count;
    farm_ledger_payout *results;
    ledger_ids ids;
    farm_id *account_ids;   /* of the items */
    ledger_payee *payees;   /* likewise */
    ledger_payee *accounts; /* by the places of the ids */
} payout_operation;

static farm_status check_rules(farm_session *session, payout_operation *operation) {
    farm_ledger_payout_rules *rules = &operation->rules;
    farm_status status =
        store_check_options(session, "rules", rules, sizeof *rules, operation->given);
    if (status == FARM_OK)
        status = store_check_range(session, "minimum_minor", rules->minimum_minor, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "maximum_minor", rules->maximum_minor, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "reserve_minor", rules->reserve_minor, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "fee_minor", rules->fee_minor, 0, INT64_MAX - 1);
    if (status == FARM_OK) status = store_check_range(session, "book", rules->book, 0, INT64_MAX);
    if (status == FARM_OK) status = ledger_check_quarter(session, "matured_us", rules->matured_us);
    if (status != FARM_OK || rules->maximum_minor == 0) return status;
    if (rules->maximum_minor >= rules->minimum_minor && rules->maximum_minor > rules->fee_minor)
        return FARM_OK;
    return store_fail(session, FARM_EINVAL, 0,
                      "maximum_minor is %lld, minimum_minor %lld and fee_minor %lld",
                      (long long)rules->maximum_minor, (long long)rules->minimum_minor,
                      (long long)rules->fee_minor);
}

static farm_status take_payees(farm_session *session, payout_operation *operation) {
    for (size_t i = 0; i < operation->count; i++) {
        farm_ledger_payee payee;
        const farm_status status = store_check_options(session, "items", &payee, sizeof payee,
                                                       store_array_at(operation->items, i));
        if (status != FARM_OK) return status;
        if (payee.flags & ~(uint32_t)PAYEE_FLAGS)
            return store_fail(session, FARM_EINVAL, 0, "flags has one that does not exist");
        operation->account_ids[i] = payee.account_id;
        operation->payees[i] = (ledger_payee){.flags = payee.flags};
        ledger_ids_add(&operation->ids, &operation->account_ids[i]);
    }
    return FARM_OK;
}

static farm_status make_room(farm_session *session, payout_operation *operation) {
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    operation->account_ids = arena_allocate_array(memory, count, sizeof *operation->account_ids);
    operation->payees = arena_allocate_array(memory, count, sizeof *operation->payees);
    operation->accounts = arena_allocate_array(memory, count, sizeof *operation->accounts);
    if (operation->account_ids == NULL || operation->payees == NULL ||
        operation->accounts == NULL || !ledger_ids_init(&operation->ids, session, count))
        return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) operation->accounts[i] = (ledger_payee){.flags = 0};
    return FARM_OK;
}

static int32_t take_account(void *context, size_t ordinal, const ledger_account_read_row *row) {
    (void)ordinal;
    payout_operation *operation = context;
    const farm_ledger_account account = ledger_account_now(row);
    const uint32_t *number = id_map_find(&operation->ids.known, &account.id);
    ledger_payee *found = &operation->accounts[*number - 1];
    found->is_there = 1;
    found->book = account.book;
    found->is_closed = (account.flags & FARM_LEDGER_ACCOUNT_CLOSED) != 0;
    found->balances = account.balances;
    return 0;
}

static int32_t take_young(void *context, size_t ordinal, const ledger_total_period_sum_row *row) {
    payout_operation *operation = context;
    operation->accounts[ordinal].immature_minor = row->credits;
    return 0;
}

static int32_t take_nominated(void *context, size_t ordinal,
                              const ledger_program_nominated_find_row *row) {
    (void)row;
    payout_operation *operation = context;
    operation->accounts[ordinal].is_nominated = 1;
    return 0;
}

static farm_status read_nominated(farm_session *session, payout_operation *operation,
                                  store_batch *batch) {
    const ledger_ids *ids = &operation->ids;
    if (id_is_zero(&operation->rules.program_id) || ids->count == 0) return FARM_OK;
    ledger_program_nominated_find_each *each =
        arena_allocate_array(store_arena(session), ids->count, sizeof *each);
    if (each == NULL) return ledger_fail_memory(session, ids->count);
    for (size_t i = 0; i < ids->count; i++)
        each[i].id = (value_blob){.data = ids->values[i].data, .size = ids->values[i].size};
    ledger_program_nominated_find(batch,
                                  &(ledger_program_nominated_find_params){
                                      .program = value_blob_of_id(&operation->rules.program_id),
                                      .at_us = store_now_us(session)},
                                  each, ids->count, take_nominated, operation);
    return FARM_OK;
}

static farm_status read_all(farm_session *session, payout_operation *operation) {
    const ledger_ids *ids = &operation->ids;
    ledger_total_period_sum_each *each =
        arena_allocate_array(store_arena(session), operation->count, sizeof *each);
    if (each == NULL) return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < ids->count; i++)
        each[i] = (ledger_total_period_sum_each){
            .id = {.data = ids->values[i].data, .size = ids->values[i].size},
            .from_us = operation->rules.matured_us,
            .to_us = INT64_MAX};
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_account_read(&batch, &(ledger_account_read_params){.ids = ledger_ids_list(ids)},
                        take_account, operation);
    if (ids->count > 0 && operation->rules.matured_us > 0)
        ledger_total_period_sum(&batch, each, ids->count, take_young, operation);
    const farm_status status = read_nominated(session, operation, &batch);
    return status == FARM_OK ? store_finish(session, &batch) : status;
}

static void answer_all(payout_operation *operation) {
    for (size_t i = 0; i < operation->count; i++) {
        ledger_payee payee = {.is_there = 0};
        const uint32_t *number = id_map_find(&operation->ids.known, &operation->account_ids[i]);
        if (number != NULL) payee = operation->accounts[*number - 1];
        payee.flags = operation->payees[i].flags;
        const farm_ledger_payout payout = ledger_decide_payout(&operation->rules, &payee);
        (void)options_answer(store_array_at(operation->results, i), &payout, sizeof payout);
    }
}

static farm_status check_payouts(farm_session *session, void *context) {
    payout_operation *operation = context;
    farm_status status =
        ledger_check_batch(session, operation->items, operation->results, operation->count);
    if (status == FARM_OK) status = check_rules(session, operation);
    if (status == FARM_OK) status = make_room(session, operation);
    if (status == FARM_OK) status = take_payees(session, operation);
    if (status == FARM_OK) status = read_all(session, operation);
    if (status == FARM_OK) answer_all(operation);
    return status;
}

farm_status farm_ledger_check_payouts(farm_session *session, const farm_ledger_payout_rules *rules,
                                      const farm_ledger_payee *items, size_t count,
                                      farm_ledger_payout *results) {
    payout_operation operation = {
        .given = rules, .items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, check_payouts, &operation);
}
