/* Load what a batch of transfers is decided by: one round trip, under the locks of its accounts. */
#include "ledger/ledger_load.h"
#include "base/id.h"
#include "ledger/ledger_rows.h"
#include <stdlib.h>
#include <string.h>

typedef struct loading {
    ledger_batch *batch;
    ledger_rows accounts;
    ledger_rows records;
    ledger_rows burnt;
    int32_t has_due; /* holds of the accounts have run out */
    ledger_ids account_ids;
    ledger_ids former_ids; /* what is ended or reversed: its accounts are needed */
    ledger_ids record_ids; /* these, and what is posted */
    ledger_ids new_ids;    /* what is posted */
} loading;

static int32_t take_account(void *context, size_t ordinal, const ledger_account_lock_row *row) {
    (void)ordinal;
    loading *self = context;
    ledger_account *account = ledger_rows_add(&self->accounts);
    if (account == NULL) return 1;
    self->has_due = row->has_due != 0;
    *account = (ledger_account){
        .id = ledger_id_of(row->id),
        .book = row->book,
        .number = row->number,
        .book_last_ns = row->book_last_ns,
        .book_sealed_ns = row->book_sealed_ns,
        .closed_through_us = row->closed_through_us,
        .timestamp_ns = row->timestamp_ns,
        .credit_limit_minor = row->credit_limit,
        .flags = (uint32_t)row->flags,
        .known_version = row->version,
        .state = {.balances = {.debits_pending_minor = row->debits_pending,
                               .debits_posted_minor = row->debits_posted,
                               .credits_pending_minor = row->credits_pending,
                               .credits_posted_minor = row->credits_posted},
                  .version = row->version,
                  .last_ns = row->last_ns,
                  .is_closed = (int32_t)row->is_closed},
    };
    return 0;
}

static int32_t take_record(void *context, size_t ordinal, const ledger_event_read_row *row) {
    (void)ordinal;
    loading *self = context;
    ledger_record *record = ledger_rows_add(&self->records);
    if (record == NULL) return 1;
    record->event = ledger_event_of(row);
    record->hold = record->reversed = LEDGER_NOWHERE;
    return 0;
}

static int32_t take_burnt(void *context, size_t ordinal, const ledger_burnt_read_row *row) {
    (void)ordinal;
    loading *self = context;
    farm_id *id = ledger_rows_add(&self->burnt);
    if (id == NULL) return 1;
    *id = ledger_id_of(row->id);
    return 0;
}

/* --- what is asked for --- */

static int32_t collect(farm_session *session, loading *self, const farm_id *holds,
                       size_t hold_count) {
    const ledger_batch *batch = self->batch;
    if (!ledger_ids_init(&self->account_ids, session, batch->count * 2) ||
        !ledger_ids_init(&self->former_ids, session, batch->count * 2 + hold_count) ||
        !ledger_ids_init(&self->record_ids, session, batch->count * 3 + hold_count) ||
        !ledger_ids_init(&self->new_ids, session, batch->count))
        return 0;
    for (size_t i = 0; i < batch->count; i++) {
        const farm_ledger_transfer *item = &batch->items[i];
        ledger_ids_add(&self->account_ids, &item->debit_account_id);
        ledger_ids_add(&self->account_ids, &item->credit_account_id);
        ledger_ids_add(&self->former_ids, &item->pending_id);
        ledger_ids_add(&self->former_ids, &item->reversed_id);
        ledger_ids_add(&self->new_ids, &item->id);
        if (batch->knows_ids) ledger_ids_add(&self->record_ids, &item->id);
        ledger_ids_add(&self->record_ids, &item->pending_id);
        ledger_ids_add(&self->record_ids, &item->reversed_id);
    }
    for (size_t i = 0; i < hold_count; i++) {
        ledger_ids_add(&self->former_ids, &holds[i]);
        ledger_ids_add(&self->record_ids, &holds[i]);
    }
    return 1;
}

static void read_records(store_batch *calls, loading *self, int64_t due_ns) {
    ledger_event_read(calls,
                      &(ledger_event_read_params){.ids = ledger_ids_list(&self->record_ids),
                                                  .accounts = ledger_ids_list(&self->account_ids),
                                                  .formers = ledger_ids_list(&self->former_ids),
                                                  .now_ns = due_ns},
                      take_record, self);
}

/* A batch that names no transfers of before needs none, unless a hold has run out: that is found
 * with the accounts, and is worth another round trip. */
static farm_status read_all(farm_session *session, loading *self) {
    const ledger_batch *batch = self->batch;
    const int32_t is_import =
        batch->count > 0 && (batch->items[0].flags & FARM_LEDGER_IMPORTED) != 0;
    /* An import ends no holds, and without items no others are ended than those that are named. */
    const int64_t due_ns = is_import || batch->count == 0 ? 0 : batch->now_ns;
    const int32_t has_named = ledger_ids_list(&self->record_ids).count > 0;
    store_batch calls;
    store_batch_init(&calls, session);
    ledger_account_lock(
        &calls,
        &(ledger_account_lock_params){.accounts = ledger_ids_list(&self->account_ids),
                                      .formers = ledger_ids_list(&self->former_ids),
                                      .now_ns = due_ns,
                                      .is_import = is_import},
        take_account, self);
    if (has_named) read_records(&calls, self, due_ns);
    ledger_burnt_read(&calls, &(ledger_burnt_read_params){.ids = ledger_ids_list(&self->new_ids)},
                      take_burnt, self);
    farm_status status = store_run(session, &calls);
    if (status == FARM_OK && self->has_due && !has_named) {
        store_batch_init(&calls, session);
        read_records(&calls, self, due_ns);
        status = store_run(session, &calls);
    }
    if (status != FARM_OK) return status;
    if (self->accounts.has_failed || self->records.has_failed || self->burnt.has_failed)
        return ledger_fail_memory(session, batch->count);
    return FARM_OK;
}

/* --- what is found --- */

static uint32_t place_of(const id_map *map, const farm_id *id) {
    const uint32_t *place = id_map_find(map, id);
    return place == NULL ? LEDGER_NOWHERE : *place;
}

static int32_t index_all(farm_session *session, loading *self) {
    ledger_batch *batch = self->batch;
    const size_t most = self->records.count + self->burnt.count + batch->count;
    if (!ledger_map_init(&batch->account_places, session, self->accounts.count) ||
        !ledger_map_init(&batch->record_places, session, most))
        return 0;
    for (size_t i = 0; i < self->accounts.count; i++)
        *id_map_put(&batch->account_places, &batch->accounts[i].id) = (uint32_t)i;
    const farm_id *burnt = self->burnt.items;
    for (size_t i = 0; i < self->burnt.count; i++)
        *id_map_put(&batch->record_places, &burnt[i]) = LEDGER_BURNT;
    for (size_t i = 0; i < batch->record_count; i++) {
        ledger_record *record = &batch->records[i];
        const farm_ledger_event *event = &record->event;
        *id_map_put(&batch->record_places, &event->id) = (uint32_t)i;
        record->accounts[LEDGER_DEBIT] = place_of(&batch->account_places, &event->debit_account_id);
        record->accounts[LEDGER_CREDIT] =
            place_of(&batch->account_places, &event->credit_account_id);
    }
    return 1;
}

/* Whether all is known of what the id names. */
static int32_t is_locked(const ledger_batch *batch, const farm_id *id) {
    const uint32_t place = place_of(&batch->record_places, id);
    if (place >= batch->record_count) return 1;
    const ledger_record *record = &batch->records[place];
    return record->accounts[LEDGER_DEBIT] != LEDGER_NOWHERE &&
           record->accounts[LEDGER_CREDIT] != LEDGER_NOWHERE;
}

/* What is ended or reversed may have come into being after its accounts could be locked with the
 * others. */
static farm_status check_locked(farm_session *session, const ledger_batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        if (!is_locked(batch, &batch->items[i].pending_id) ||
            !is_locked(batch, &batch->items[i].reversed_id))
            return store_fail(session, FARM_EAGAIN, 0, "a transfer came into being meanwhile");
    return FARM_OK;
}

typedef struct due_hold {
    int64_t end_ns;
    int64_t timestamp_ns;
    uint32_t place;
} due_hold;

static int by_end(const void *left, const void *right) {
    const due_hold *a = left;
    const due_hold *b = right;
    if (a->end_ns != b->end_ns) return a->end_ns < b->end_ns ? -1 : 1;
    return a->timestamp_ns < b->timestamp_ns ? -1 : a->timestamp_ns > b->timestamp_ns;
}

static int32_t find_due(farm_session *session, ledger_batch *batch) {
    arena *memory = store_arena(session);
    due_hold *holds = arena_allocate_array(memory, batch->record_count, sizeof *holds);
    uint32_t *due = arena_allocate_array(memory, batch->record_count, sizeof *due);
    if (holds == NULL || due == NULL) return 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        const farm_ledger_event *event = &batch->records[i].event;
        const int64_t end_ns = ledger_hold_end_ns(event->timestamp_ns, event->timeout_us);
        if (event->kind == FARM_LEDGER_KIND_PENDING && event->resolution == 0 &&
            end_ns <= batch->now_ns)
            holds[batch->due_count++] = (due_hold){end_ns, event->timestamp_ns, (uint32_t)i};
    }
    qsort(holds, batch->due_count, sizeof *holds, by_end);
    for (size_t i = 0; i < batch->due_count; i++) due[i] = holds[i].place;
    batch->due = due;
    return 1;
}

/* The stored records, with room behind them. */
static int32_t make_room(farm_session *session, loading *self) {
    ledger_batch *batch = self->batch;
    const size_t most = self->records.count * 2 + batch->count;
    batch->records = arena_allocate_array(store_arena(session), most, sizeof *batch->records);
    if (batch->records == NULL) return 0;
    if (self->records.count > 0)
        memcpy(batch->records, self->records.items, self->records.count * sizeof *batch->records);
    batch->record_count = self->records.count;
    batch->stored_count = self->records.count;
    batch->accounts = self->accounts.items;
    batch->account_count = self->accounts.count;
    return 1;
}

farm_status ledger_load(farm_session *session, ledger_batch *batch, const farm_id *holds,
                        size_t hold_count) {
    arena *memory = store_arena(session);
    loading self = {.batch = batch,
                    .accounts = {.memory = memory, .item_size = sizeof(ledger_account)},
                    .records = {.memory = memory, .item_size = sizeof(ledger_record)},
                    .burnt = {.memory = memory, .item_size = sizeof(farm_id)}};
    if (!collect(session, &self, holds, hold_count))
        return ledger_fail_memory(session, batch->count);
    const farm_status status = read_all(session, &self);
    if (status != FARM_OK) return status;
    if (!make_room(session, &self) || !index_all(session, &self) || !find_due(session, batch))
        return ledger_fail_memory(session, batch->count);
    return check_locked(session, batch);
}
