/* Balances reckoned again: what differs is found by the store, and written when that is wanted. */
#include "base/options.h"
#include "ledger/ledger_rows.h"
#include "ledger_audit_sql.h"
#include <farmcore/ledger_audit.h>

enum { LEDGER_READS = STORE_READS | STORE_SERVICE, LEDGER_WRITES = STORE_SERVICE };

typedef struct recompute_operation {
    int64_t book;
    int32_t is_repair;
    farm_ledger_difference *rows;
    size_t capacity;
    size_t count;     /* found */
    int64_t break_ns; /* likewise: of an event that does not follow; 0: all do */
    ledger_audit_balance_repair_each *repairs;
} recompute_operation;

static farm_status check_arguments(farm_session *session, const recompute_operation *operation) {
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "is_repair", operation->is_repair, 0, 1);
    if (status == FARM_OK)
        status = store_check_array(session, "rows", operation->rows, operation->capacity,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static int32_t take_break(void *context, size_t ordinal,
                          const ledger_audit_history_break_row *row) {
    (void)ordinal;
    recompute_operation *operation = context;
    operation->break_ns = row->timestamp_ns;
    return 0;
}

static farm_ledger_difference difference_of(int64_t book,
                                            const ledger_audit_balance_differ_row *row) {
    return (farm_ledger_difference){.struct_size = sizeof(farm_ledger_difference),
                                    .account_id = ledger_id_of(row->id),
                                    .book = book,
                                    .kept_version = row->kept_version,
                                    .version = row->version,
                                    .kept = {.debits_pending_minor = row->kept_debits_pending,
                                             .debits_posted_minor = row->kept_debits_posted,
                                             .credits_pending_minor = row->kept_credits_pending,
                                             .credits_posted_minor = row->kept_credits_posted},
                                    .balances = {.debits_pending_minor = row->debits_pending,
                                                 .debits_posted_minor = row->debits_posted,
                                                 .credits_pending_minor = row->credits_pending,
                                                 .credits_posted_minor = row->credits_posted},
                                    .kept_is_closed = (int32_t)row->kept_is_closed,
                                    .is_closed = (int32_t)row->is_closed,
                                    .kept_credit_limit_minor = row->kept_credit_limit,
                                    .credit_limit_minor = row->credit_limit};
}

static int32_t take_difference(void *context, size_t ordinal,
                               const ledger_audit_balance_differ_row *row) {
    (void)ordinal;
    recompute_operation *operation = context;
    const farm_ledger_difference found = difference_of(operation->book, row);
    (void)options_answer(store_array_at(operation->rows, operation->count), &found, sizeof found);
    operation->repairs[operation->count++] =
        (ledger_audit_balance_repair_each){.account = row->account,
                                           .is_closed = row->is_closed,
                                           .version = row->version,
                                           .last_ns = row->last_ns,
                                           .debits_pending = row->debits_pending,
                                           .debits_posted = row->debits_posted,
                                           .credits_pending = row->credits_pending,
                                           .credits_posted = row->credits_posted,
                                           .kept_version = row->kept_version,
                                           .kept_last_ns = row->kept_last_ns,
                                           .credit_limit = row->credit_limit};
    return 0;
}

static farm_status compare(farm_session *session, recompute_operation *operation) {
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_audit_history_break(&batch,
                               &(ledger_audit_history_break_params){.book = operation->book},
                               take_break, operation);
    ledger_audit_balance_differ(
        &batch,
        &(ledger_audit_balance_differ_params){.book = operation->book,
                                              .budget = (int64_t)operation->capacity},
        take_difference, operation);
    const farm_status status = store_run(session, &batch);
    if (status != FARM_OK || operation->break_ns == 0) return status;
    return store_fail(session, FARM_ECORRUPT, 0,
                      "book %lld: the event of %lld does not begin where the one before it ended",
                      (long long)operation->book, (long long)operation->break_ns);
}

static farm_status recompute(farm_session *session, void *context) {
    recompute_operation *operation = context;
    ledger_unit unit;
    farm_status status = check_arguments(session, operation);
    operation->count = 0;
    operation->break_ns = 0;
    if (status == FARM_OK) status = ledger_find_unit(session, operation->book, &unit);
    if (status != FARM_OK) return status;
    operation->repairs =
        arena_allocate_array(store_arena(session), operation->capacity, sizeof *operation->repairs);
    if (operation->repairs == NULL) return ledger_fail_memory(session, operation->capacity);
    status = compare(session, operation);
    if (status != FARM_OK || !operation->is_repair || operation->count == 0) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_audit_balance_repair(&batch,
                                &(ledger_audit_balance_repair_params){.book = operation->book},
                                operation->repairs, operation->count);
    return store_finish(session, &batch);
}

farm_status farm_ledger_recompute(farm_session *session, int64_t book, int32_t is_repair,
                                  farm_ledger_difference *rows, size_t capacity,
                                  size_t *out_count) {
    recompute_operation operation = {
        .book = book, .is_repair = is_repair, .rows = rows, .capacity = capacity};
    const uint32_t flags = is_repair ? LEDGER_WRITES : LEDGER_READS;
    const farm_status status = store_operate(session, flags, recompute, &operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation.count : 0;
    return status;
}
