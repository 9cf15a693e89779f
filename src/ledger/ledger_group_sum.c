/* What accounts have together, and which accounts those of a group are. */
#include "base/options.h"
#include "ledger/ledger_group_rules.h"
#include "ledger/ledger_rows.h"
#include "ledger_group_sql.h"

enum { LEDGER_READS = STORE_READS | STORE_SERVICE };

/* --- sums --- */

typedef struct sum_operation {
    const farm_id *items;
    size_t count;
    farm_ledger_group_total *results;
    farm_ledger_group_total *totals; /* as they arrive */
    size_t overflow;                 /* the place of a group whose sum does not fit, and one more */
} sum_operation;

static int32_t take_sum(void *context, size_t ordinal, const ledger_group_group_sum_row *row) {
    sum_operation *operation = context;
    farm_ledger_group_total *total = &operation->totals[ordinal];
    const ledger_halves halves[] = {{row->debits_pending_high, row->debits_pending_low},
                                    {row->debits_posted_high, row->debits_posted_low},
                                    {row->credits_pending_high, row->credits_pending_low},
                                    {row->credits_posted_high, row->credits_posted_low}};
    total->book = row->book;
    total->account_count = row->account_count;
    if (!ledger_join_halves(halves, &total->balances)) operation->overflow = ordinal + 1;
    return 0;
}

static farm_status make_room(farm_session *session, sum_operation *operation,
                             ledger_group_group_sum_each **each) {
    arena *memory = store_arena(session);
    *each = arena_allocate_array(memory, operation->count, sizeof **each);
    operation->totals = arena_allocate_array(memory, operation->count, sizeof *operation->totals);
    if (*each == NULL || operation->totals == NULL)
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++) {
        (*each)[i].id = value_blob_of_id(&operation->items[i]);
        operation->totals[i] = (farm_ledger_group_total){.struct_size = sizeof *operation->totals};
    }
    return FARM_OK;
}

static farm_status fail_overflow(farm_session *session, const sum_operation *operation) {
    char text[FARM_ID_TEXT_SIZE];
    farm_id_to_text(&operation->items[operation->overflow - 1], text);
    return store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_SUM_OVERFLOWS,
                      "what the accounts of group %s have together does not fit in 63 bits", text);
}

static farm_status sum_groups(farm_session *session, void *context) {
    sum_operation *operation = context;
    ledger_group_group_sum_each *each = NULL;
    operation->overflow = 0;
    if (operation->items == NULL) return store_fail(session, FARM_EINVAL, 0, "items is missing");
    farm_status status =
        store_check_range(session, "count", (int64_t)operation->count, 1, FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "results", operation->results, operation->count,
                                   FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status == FARM_OK) status = make_room(session, operation, &each);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_group_group_sum(&batch, each, operation->count, take_sum, operation);
    status = store_finish(session, &batch);
    if (status == FARM_OK && operation->overflow > 0) return fail_overflow(session, operation);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &operation->totals[i],
                             sizeof operation->totals[i]);
    return status;
}

farm_status farm_ledger_sum_groups(farm_session *session, const farm_id *items, size_t count,
                                   farm_ledger_group_total *results) {
    sum_operation operation = {.items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, sum_groups, &operation);
}

/* --- lists --- */

typedef struct list_operation {
    const farm_id *id;
    int64_t after_ns;
    farm_ledger_account *rows;
    size_t capacity;
    size_t count; /* found: how many */
} list_operation;

static farm_status check_list(farm_session *session, list_operation *operation) {
    operation->count = 0;
    if (operation->id == NULL) return store_fail(session, FARM_EINVAL, 0, "id is missing");
    farm_status status = store_check_range(session, "after_ns", operation->after_ns, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "rows", operation->rows, operation->capacity,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static int32_t take_account(void *context, size_t ordinal, const ledger_account_of_group_row *row) {
    (void)ordinal;
    list_operation *operation = context;
    const farm_ledger_account account = ledger_account_now(row);
    (void)options_answer(store_array_at(operation->rows, operation->count++), &account,
                         sizeof account);
    return 0;
}

static farm_status list_accounts(farm_session *session, void *context) {
    list_operation *operation = context;
    const farm_status status = check_list(session, operation);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_account_of_group(
        &batch,
        &(ledger_account_of_group_params){.id = value_blob_of_id(operation->id),
                                          .after_ns = operation->after_ns,
                                          .budget = (int64_t)operation->capacity},
        take_account, operation);
    return store_finish(session, &batch);
}

farm_status farm_ledger_list_group_accounts(farm_session *session, const farm_id *id,
                                            int64_t after_ns, farm_ledger_account *rows,
                                            size_t capacity, size_t *out_count) {
    list_operation operation = {.id = id, .after_ns = after_ns, .rows = rows, .capacity = capacity};
    const farm_status status = store_operate(session, LEDGER_READS, list_accounts, &operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation.count : 0;
    return status;
}
