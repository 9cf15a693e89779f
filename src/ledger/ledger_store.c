/* Store what a batch of transfers made: its events, the balances and holds that follow from them,
 * and the ids that it burnt. One round trip, and the commit in it. */
#include "base/id.h"
#include "ledger/ledger_load.h"
#include "ledger/ledger_rows.h"

/* Rows of each statement, as many as there can be. */
typedef struct storing {
    const ledger_batch *batch;
    ledger_event_add_each *events;
    ledger_balance_put_each *balances;
    ledger_hold_add_each *holds;
    ledger_hold_end_each *ends;
    ledger_burnt_add_each *burnt;
    size_t event_count;
    size_t balance_count;
    size_t hold_count;
    size_t end_count;
    size_t burnt_count;
} storing;

static int32_t make_room(storing *self, arena *memory) {
    const size_t made = self->batch->record_count - self->batch->stored_count;
    self->events = arena_allocate_array(memory, made, sizeof *self->events);
    self->balances =
        arena_allocate_array(memory, self->batch->account_count, sizeof *self->balances);
    self->holds = arena_allocate_array(memory, made, sizeof *self->holds);
    self->ends = arena_allocate_array(memory, made, sizeof *self->ends);
    self->burnt = arena_allocate_array(memory, self->batch->count, sizeof *self->burnt);
    return self->events != NULL && self->balances != NULL && self->holds != NULL &&
           self->ends != NULL && self->burnt != NULL;
}

static int64_t number_of(const ledger_batch *batch, const ledger_record *record, int32_t side) {
    return batch->accounts[record->accounts[side]].number;
}

/* The event before it of that account; 0: it is the first. */
static int64_t previous_ns(const ledger_record *record, int32_t side) {
    return record->before[side].version == 0 ? 0 : record->before[side].last_ns;
}

static ledger_event_add_each event_row(const ledger_batch *batch, const ledger_record *record) {
    const farm_ledger_event *event = &record->event;
    const farm_ledger_balances *debit = &event->debit;
    const farm_ledger_balances *credit = &event->credit;
    return (ledger_event_add_each){
        .book = event->book,
        .timestamp_ns = event->timestamp_ns,
        .kind = event->kind,
        .id = ledger_blob_or_null(&event->id),
        .debit_account = number_of(batch, record, LEDGER_DEBIT),
        .credit_account = number_of(batch, record, LEDGER_CREDIT),
        .amount = event->amount_minor,
        .pending_id = ledger_blob_or_null(&event->pending_id),
        .reversed_id = ledger_blob_or_null(&event->reversed_id),
        .timeout_us = event->timeout_us,
        .code = event->code,
        .flags = event->flags,
        .user_data_128 = ledger_blob_or_null(&event->user_data_128),
        .user_data_64 = event->user_data_64,
        .user_data_32 = event->user_data_32,
        .effective_us = event->effective_us,
        .debit_previous_ns = previous_ns(record, LEDGER_DEBIT),
        .credit_previous_ns = previous_ns(record, LEDGER_CREDIT),
        .debit_version = record->after[LEDGER_DEBIT].version,
        .debit_debits_pending = debit->debits_pending_minor,
        .debit_debits_posted = debit->debits_posted_minor,
        .debit_credits_pending = debit->credits_pending_minor,
        .debit_credits_posted = debit->credits_posted_minor,
        .credit_version = record->after[LEDGER_CREDIT].version,
        .credit_debits_pending = credit->debits_pending_minor,
        .credit_debits_posted = credit->debits_posted_minor,
        .credit_credits_pending = credit->credits_pending_minor,
        .credit_credits_posted = credit->credits_posted_minor,
    };
}

/* A hold that was made and ended by the same batch was never among the holds. */
static void add_hold(storing *self, const ledger_record *record) {
    const farm_ledger_event *event = &record->event;
    if (event->kind == FARM_LEDGER_KIND_PENDING && event->resolution == 0)
        self->holds[self->hold_count++] = (ledger_hold_add_each){
            .book = event->book,
            .id = value_blob_of_id(&event->id),
            .debit_account = number_of(self->batch, record, LEDGER_DEBIT),
            .credit_account = number_of(self->batch, record, LEDGER_CREDIT),
            .amount = event->amount_minor,
            .end_ns = ledger_hold_end_ns(event->timestamp_ns, event->timeout_us)};
    if (record->hold != LEDGER_NOWHERE && record->hold < self->batch->stored_count)
        self->ends[self->end_count++] =
            (ledger_hold_end_each){event->book, value_blob_of_id(&event->pending_id)};
}

static void add_records(storing *self) {
    const ledger_batch *batch = self->batch;
    for (size_t i = batch->stored_count; i < batch->record_count; i++) {
        const ledger_record *record = &batch->records[i];
        self->events[self->event_count++] = event_row(batch, record);
        add_hold(self, record);
        batch->accounts[record->accounts[LEDGER_DEBIT]].is_changed = 1;
        batch->accounts[record->accounts[LEDGER_CREDIT]].is_changed = 1;
    }
}

static void add_balances(storing *self) {
    for (size_t i = 0; i < self->batch->account_count; i++) {
        const ledger_account *account = &self->batch->accounts[i];
        const ledger_state *state = &account->state;
        if (!account->is_changed) continue;
        self->balances[self->balance_count++] =
            (ledger_balance_put_each){.book = account->book,
                                      .account = account->number,
                                      .is_closed = state->is_closed,
                                      .known_version = account->known_version,
                                      .version = state->version,
                                      .last_ns = state->last_ns,
                                      .debits_pending = state->balances.debits_pending_minor,
                                      .debits_posted = state->balances.debits_posted_minor,
                                      .credits_pending = state->balances.credits_pending_minor,
                                      .credits_posted = state->balances.credits_posted_minor};
    }
}

static void add_burnt(storing *self) {
    const ledger_batch *batch = self->batch;
    for (size_t i = 0; i < batch->count; i++)
        if (ledger_burns(batch->results[i].status))
            self->burnt[self->burnt_count++] = (ledger_burnt_add_each){
                value_blob_of_id(&batch->items[i].id), batch->results[i].status};
}

farm_status ledger_store(farm_session *session, const ledger_batch *batch) {
    storing self = {.batch = batch};
    if (!make_room(&self, store_arena(session))) return ledger_fail_memory(session, batch->count);
    add_records(&self);
    add_balances(&self);
    add_burnt(&self);
    store_batch calls;
    store_batch_init(&calls, session);
    /* Events first: a balance is held against the event that it follows from. */
    if (self.event_count > 0) ledger_event_add(&calls, self.events, self.event_count);
    if (self.balance_count > 0) ledger_balance_put(&calls, self.balances, self.balance_count);
    if (self.end_count > 0) ledger_hold_end(&calls, self.ends, self.end_count);
    if (self.hold_count > 0) ledger_hold_add(&calls, self.holds, self.hold_count);
    if (self.burnt_count > 0)
        ledger_burnt_add(&calls, &(ledger_burnt_add_params){.now = batch->now_ns / 1000},
                         self.burnt, self.burnt_count);
    return store_finish(session, &calls);
}
