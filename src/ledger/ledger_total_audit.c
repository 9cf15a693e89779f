/* Totals reckoned again: what differs is found by the store, and written when that is wanted. */
#include "base/options.h"
#include "ledger/ledger_rows.h"
#include "ledger_seal_sql.h"
#include "ledger_total_sql.h"
#include <farmcore/ledger_audit.h>

enum { LEDGER_READS = STORE_READS | STORE_SERVICE, LEDGER_WRITES = STORE_SERVICE };

typedef struct totals_operation {
    int64_t book;
    int32_t is_repair;
    farm_ledger_total_difference *rows;
    size_t capacity;
    size_t count; /* found */
    ledger_total_total_repair_each *repairs;
} totals_operation;

static farm_status check_arguments(farm_session *session, const totals_operation *operation) {
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "is_repair", operation->is_repair, 0, 1);
    if (status == FARM_OK)
        status = store_check_array(session, "rows", operation->rows, operation->capacity,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static int32_t take_difference(void *context, size_t ordinal,
                               const ledger_total_total_differ_row *row) {
    (void)ordinal;
    totals_operation *operation = context;
    const farm_ledger_total_difference found = {.struct_size = sizeof found,
                                                .code = (int32_t)row->code,
                                                .account_id = ledger_id_of(row->id),
                                                .quarter_us = row->quarter_us,
                                                .kept_debits_minor = row->kept_debits,
                                                .kept_credits_minor = row->kept_credits,
                                                .kept_event_count = row->kept_count,
                                                .debits_minor = row->debits,
                                                .credits_minor = row->credits,
                                                .event_count = row->event_count};
    (void)options_answer(store_array_at(operation->rows, operation->count), &found, sizeof found);
    operation->repairs[operation->count++] =
        (ledger_total_total_repair_each){.account = row->account,
                                         .quarter_us = row->quarter_us,
                                         .code = row->code,
                                         .debits = row->debits,
                                         .credits = row->credits,
                                         .event_count = row->event_count};
    return 0;
}

/* Who seals adds to totals, and waits for the last seal as this does. */
static farm_status compare(farm_session *session, totals_operation *operation) {
    store_batch batch;
    store_batch_init(&batch, session);
    if (operation->is_repair)
        ledger_seal_seal_lock(&batch, &(ledger_seal_seal_lock_params){.book = operation->book},
                              NULL, NULL);
    ledger_total_total_differ(&batch,
                              &(ledger_total_total_differ_params){
                                  .book = operation->book, .budget = (int64_t)operation->capacity},
                              take_difference, operation);
    return store_run(session, &batch);
}

static farm_status recompute_totals(farm_session *session, void *context) {
    totals_operation *operation = context;
    ledger_unit unit;
    operation->count = 0;
    farm_status status = check_arguments(session, operation);
    if (status == FARM_OK) status = ledger_find_unit(session, operation->book, &unit);
    if (status != FARM_OK) return status;
    operation->repairs =
        arena_allocate_array(store_arena(session), operation->capacity, sizeof *operation->repairs);
    if (operation->repairs == NULL) return ledger_fail_memory(session, operation->capacity);
    status = compare(session, operation);
    if (status != FARM_OK || !operation->is_repair || operation->count == 0) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_total_total_repair(&batch, &(ledger_total_total_repair_params){.book = operation->book},
                              operation->repairs, operation->count);
    return store_finish(session, &batch);
}

farm_status farm_ledger_recompute_totals(farm_session *session, int64_t book, int32_t is_repair,
                                         farm_ledger_total_difference *rows, size_t capacity,
                                         size_t *out_count) {
    totals_operation operation = {
        .book = book, .is_repair = is_repair, .rows = rows, .capacity = capacity};
    const uint32_t flags = is_repair ? LEDGER_WRITES : LEDGER_READS;
    const farm_status status = store_operate(session, flags, recompute_totals, &operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation.count : 0;
    return status;
}
