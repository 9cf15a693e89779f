/* Post transfers and end holds: load, decide, store. */
#include "base/options.h"
#include "ledger/ledger_access.h"
#include "ledger/ledger_load.h"
#include "ledger/ledger_rows.h"
#include "ledger/ledger_single.h"

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

typedef struct post_operation {
    const farm_ledger_transfer *items;
    size_t count;
    farm_ledger_transfer_result *results;
} post_operation;

typedef struct expire_operation {
    int64_t budget_count;
    size_t count; /* found: how many were ended */
} expire_operation;

/* Ids of holds as they arrive. */
typedef struct due_ids {
    farm_id *ids;
    size_t count;
} due_ids;

static void begin_batch(farm_session *session, ledger_batch *batch) {
    batch->writer = ledger_draw_writer(session);
    batch->now_ns = store_now_ns(session);
}

/* --- a batch --- */

static farm_status copy_items(farm_session *session, const post_operation *operation,
                              ledger_batch *batch) {
    arena *memory = store_arena(session);
    farm_ledger_transfer *items = arena_allocate_array(memory, operation->count, sizeof *items);
    batch->results = arena_allocate_array(memory, operation->count, sizeof *batch->results);
    if (items == NULL || batch->results == NULL)
        return ledger_fail_memory(session, operation->count);
    batch->items = items;
    batch->count = operation->count;
    return ledger_copy_items(session, operation->items, operation->count, sizeof *items, items);
}

/* What has to be done before a batch is decided for good. */
typedef struct care {
    value_list books; /* nobody opens accounts in these until it has ended */
    int32_t knows_ids;
} care;

static farm_status load_and_decide(farm_session *session, ledger_batch *batch, const care *taken) {
    store_batch calls;
    store_batch_init(&calls, session);
    *batch = (ledger_batch){.items = batch->items,
                            .count = batch->count,
                            .results = batch->results,
                            .knows_ids = taken->knows_ids};
    begin_batch(session, batch);
    if (taken->books.count > 0)
        ledger_book_keep(&calls, &(ledger_book_keep_params){taken->books}, NULL, NULL);
    farm_status status = calls.count > 0 ? store_run(session, &calls) : FARM_OK;
    if (status == FARM_OK) status = ledger_load(session, batch, NULL, 0);
    if (status == FARM_OK) ledger_decide(batch);
    return status;
}

static int32_t misses_account(int32_t status) {
    return status == FARM_LEDGER_TRANSFER_DEBIT_ACCOUNT_NOT_FOUND ||
           status == FARM_LEDGER_TRANSFER_CREDIT_ACCOUNT_NOT_FOUND;
}

/* What is refused may be a repeat. And an account is missing for good only while nobody can be
 * opening it; the lock for that comes before those of the accounts. *out: with what care it is
 * decided again, if with more than was taken. */
static farm_status take_care(farm_session *session, const ledger_batch *batch, const care *taken,
                             care *out) {
    farm_value *books = arena_allocate_array(store_arena(session), batch->count, sizeof *books);
    if (books == NULL) return ledger_fail_memory(session, batch->count);
    *out = (care){.books = {.items = books}, .knows_ids = taken->knows_ids};
    for (size_t i = 0; i < batch->count; i++) {
        const int32_t status = batch->results[i].status;
        if (status != FARM_LEDGER_TRANSFER_CREATED) out->knows_ids = 1;
        if (misses_account(status))
            books[out->books.count++] = value_from_integer(batch->items[i].book);
    }
    if (taken->books.count > 0) out->books = taken->books;
    return FARM_OK;
}

static farm_status post_with_care(farm_session *session, ledger_batch *batch, const care *taken) {
    care needed = {.knows_ids = 0};
    farm_status status = load_and_decide(session, batch, taken);
    if (status == FARM_OK) status = take_care(session, batch, taken, &needed);
    if (status != FARM_OK) return status;
    if (needed.knows_ids > taken->knows_ids || needed.books.count > taken->books.count) {
        status = store_undo(session);
        return status == FARM_OK ? post_with_care(session, batch, &needed) : status;
    }
    return ledger_store(session, batch);
}

/* Nearly every id is new, and so they are not looked up: the key finds out. Not in a transaction of
 * the caller, which that would break. */
static farm_status post_batch(farm_session *session, ledger_batch *batch, int32_t is_doubtful) {
    care taken = {.knows_ids = is_doubtful || store_is_in_transaction(session)};
    farm_status status = post_with_care(session, batch, &taken);
    if (status == FARM_OK || taken.knows_ids || store_fault_kind(session) != FARM_FAULT_UNIQUE)
        return status;
    taken.knows_ids = 1;
    status = store_undo(session);
    return status == FARM_OK ? post_with_care(session, batch, &taken) : status;
}

/* --- one that comes alone --- */

/* What becomes of it does not depend on whether others are posted with it. */
typedef struct single {
    farm_ledger_transfer item;
    farm_ledger_transfer_result result;
} single;

static farm_status post_alone(farm_session *session, single *self) {
    ledger_batch batch = {.items = &self->item, .count = 1, .results = &self->result};
    int32_t is_done = 0;
    const farm_status status = ledger_post_simple(session, &self->item, &self->result, &is_done);
    return status == FARM_OK && !is_done ? post_batch(session, &batch, 1) : status;
}

static farm_status post_singles(farm_session *session, void *items, size_t count) {
    single *singles = items;
    if (count == 1) return post_alone(session, singles);
    arena *memory = store_arena(session);
    farm_ledger_transfer *transfers = arena_allocate_array(memory, count, sizeof *transfers);
    ledger_batch batch = {.items = transfers,
                          .count = count,
                          .results = arena_allocate_array(memory, count, sizeof *batch.results)};
    if (transfers == NULL || batch.results == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) transfers[i] = singles[i].item;
    const farm_status status = post_batch(session, &batch, 0);
    for (size_t i = 0; i < count; i++) singles[i].result = batch.results[i];
    return status;
}

static farm_status post_single(farm_session *session, const ledger_batch *batch) {
    single self = {.item = *batch->items};
    const farm_status status =
        store_may_combine(session)
            ? store_combine(session, STORE_OBJECT_LEDGER, &self, sizeof self, post_singles)
            : post_alone(session, &self);
    *batch->results = self.result;
    return status;
}

/* --- post --- */

static farm_status post(farm_session *session, void *context) {
    const post_operation *operation = context;
    ledger_batch batch = {0};
    farm_status status =
        ledger_check_arrays(session, operation->items, operation->results, operation->count);
    if (status == FARM_OK) status = copy_items(session, operation, &batch);
    if (status == FARM_OK) status = ledger_check_may_post(session, batch.items, batch.count);
    if (status != FARM_OK) return status;
    const int32_t is_single = batch.count == 1 && ledger_is_simple(batch.items);
    status = is_single ? post_single(session, &batch) : post_batch(session, &batch, 0);
    for (size_t i = 0; i < batch.count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &batch.results[i],
                             sizeof batch.results[i]);
    return status;
}

farm_status farm_ledger_post(farm_session *session, const farm_ledger_transfer *items, size_t count,
                             farm_ledger_transfer_result *results) {
    post_operation operation = {items, count, results};
    return store_operate(session, LEDGER_WRITES, post, &operation);
}

/* --- expire --- */

static int32_t take_due(void *context, size_t ordinal, const ledger_hold_due_row *row) {
    (void)ordinal;
    due_ids *due = context;
    due->ids[due->count++] = ledger_id_of(row->id);
    return 0;
}

static farm_status find_due(farm_session *session, const expire_operation *operation,
                            int64_t now_ns, due_ids *due) {
    *due = (due_ids){.ids = arena_allocate_array(
                         store_arena(session), (size_t)operation->budget_count, sizeof *due->ids)};
    if (due->ids == NULL) return ledger_fail_memory(session, (size_t)operation->budget_count);
    store_batch calls;
    store_batch_init(&calls, session);
    ledger_hold_due(&calls,
                    &(ledger_hold_due_params){.now_ns = now_ns, .budget = operation->budget_count},
                    take_due, due);
    return store_run(session, &calls);
}

static farm_status expire(farm_session *session, void *context) {
    expire_operation *operation = context;
    ledger_batch batch = {0};
    due_ids due;
    operation->count = 0;
    farm_status status = store_check_range(session, "budget_count", operation->budget_count, 1,
                                           FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;

    begin_batch(session, &batch);
    status = find_due(session, operation, batch.now_ns, &due);
    if (status == FARM_OK) status = ledger_load(session, &batch, due.ids, due.count);
    if (status != FARM_OK) return status;

    ledger_expire_due(&batch);

    operation->count = batch.record_count - batch.stored_count;
    return ledger_store(session, &batch);
}

farm_status farm_ledger_expire(farm_session *session, int64_t budget_count, size_t *out_count) {
    expire_operation operation = {.budget_count = budget_count};
    farm_status status = store_operate(session, LEDGER_WRITES, expire, &operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation.count : 0;
    return status;
}
