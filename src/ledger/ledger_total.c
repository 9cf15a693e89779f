/* What accounts moved in a period, from totals and from what is in none yet. */
#include "base/options.h"
#include "ledger/ledger_rows.h"
#include "ledger_total_sql.h"
#include <farmcore/ledger_total.h>

enum { LEDGER_READS = STORE_READS | STORE_SERVICE };

static farm_status check_period(farm_session *session, farm_ledger_period *period,
                                int32_t most_code) {
    farm_status status = store_check_range(session, "code", period->code, 0, most_code);
    if (status == FARM_OK) status = ledger_check_quarter(session, "from_us", period->from_us);
    if (status == FARM_OK) status = ledger_check_quarter(session, "to_us", period->to_us);
    if (period->to_us == 0) period->to_us = INT64_MAX;
    return status;
}

/* --- sums --- */

typedef struct sum_operation {
    const farm_ledger_period *items;
    size_t count;
    farm_ledger_total *results;
    farm_ledger_total *totals; /* as they arrive */
} sum_operation;

static farm_status take_periods(farm_session *session, const sum_operation *operation,
                                ledger_total_period_sum_each *each, farm_id *ids) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++) {
        farm_ledger_period period;
        status = store_check_options(session, "items", &period, sizeof period,
                                     store_array_at(operation->items, i));
        if (status == FARM_OK) status = check_period(session, &period, FARM_LEDGER_CODE_MAX);
        if (status != FARM_OK) return status;
        ids[i] = period.account_id;
        each[i] = (ledger_total_period_sum_each){value_blob_of_id(&ids[i]), period.code,
                                                 period.from_us, period.to_us};
        operation->totals[i] =
            (farm_ledger_total){.struct_size = sizeof(farm_ledger_total), .code = period.code};
    }
    return status;
}

static int32_t take_sum(void *context, size_t ordinal, const ledger_total_period_sum_row *row) {
    const sum_operation *operation = context;
    farm_ledger_total *total = &operation->totals[ordinal];
    total->debits_minor = row->debits;
    total->credits_minor = row->credits;
    total->event_count = row->event_count;
    return 0;
}

static farm_status sum_periods(farm_session *session, void *context) {
    sum_operation *operation = context;
    arena *memory = store_arena(session);
    farm_status status =
        ledger_check_batch(session, operation->items, operation->results, operation->count);
    if (status != FARM_OK) return status;
    const size_t count = operation->count;
    ledger_total_period_sum_each *each = arena_allocate_array(memory, count, sizeof *each);
    farm_id *ids = arena_allocate_array(memory, count, sizeof *ids);
    operation->totals = arena_allocate_array(memory, count, sizeof *operation->totals);
    if (each == NULL || ids == NULL || operation->totals == NULL)
        return ledger_fail_memory(session, count);
    status = take_periods(session, operation, each, ids);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_total_period_sum(&batch, each, count, take_sum, operation);
    status = store_finish(session, &batch);
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &operation->totals[i],
                             sizeof operation->totals[i]);
    return status;
}

farm_status farm_ledger_sum_periods(farm_session *session, const farm_ledger_period *items,
                                    size_t count, farm_ledger_total *results) {
    sum_operation operation = {.items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, sum_periods, &operation);
}

/* --- by code --- */

typedef struct codes_operation {
    const farm_ledger_period *given;
    farm_ledger_period period;
    int32_t after_code;
    farm_ledger_total *rows;
    size_t capacity;
    size_t count; /* found: how many */
} codes_operation;

static farm_status check_codes(farm_session *session, codes_operation *operation) {
    operation->count = 0;
    if (operation->given == NULL) return store_fail(session, FARM_EINVAL, 0, "period is missing");
    farm_status status = store_check_options(session, "period", &operation->period,
                                             sizeof operation->period, operation->given);
    if (status == FARM_OK) status = check_period(session, &operation->period, 0);
    if (status == FARM_OK)
        status = store_check_range(session, "after_code", operation->after_code, 0,
                                   FARM_LEDGER_CODE_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "rows", operation->rows, operation->capacity,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static int32_t take_code(void *context, size_t ordinal, const ledger_total_period_codes_row *row) {
    (void)ordinal;
    codes_operation *operation = context;
    const farm_ledger_total total = {.struct_size = sizeof total,
                                     .code = (int32_t)row->code,
                                     .debits_minor = row->debits,
                                     .credits_minor = row->credits,
                                     .event_count = row->event_count};
    (void)options_answer(store_array_at(operation->rows, operation->count++), &total, sizeof total);
    return 0;
}

static farm_status sum_codes(farm_session *session, void *context) {
    codes_operation *operation = context;
    const farm_status status = check_codes(session, operation);
    if (status != FARM_OK) return status;
    const farm_ledger_period *period = &operation->period;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_total_period_codes(
        &batch,
        &(ledger_total_period_codes_params){.id = value_blob_of_id(&period->account_id),
                                            .from_us = period->from_us,
                                            .to_us = period->to_us,
                                            .after_code = operation->after_code,
                                            .budget = (int64_t)operation->capacity},
        take_code, operation);
    return store_finish(session, &batch);
}

farm_status farm_ledger_sum_codes(farm_session *session, const farm_ledger_period *period,
                                  int32_t after_code, farm_ledger_total *rows, size_t capacity,
                                  size_t *out_count) {
    codes_operation operation = {
        .given = period, .after_code = after_code, .rows = rows, .capacity = capacity};
    const farm_status status = store_operate(session, LEDGER_READS, sum_codes, &operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation.count : 0;
    return status;
}
