/* What a transfer does to its two accounts, and how that is taken back. */
#include "base/id.h"
#include "base/integer.h"
#include "ledger/ledger_rules.h"

/* How often a kind of transfer moves the pending amount, which is that of the hold where there is
 * one, and the posted amount. */
static const struct {
    int32_t pending;
    int32_t posted;
} moves[] = {
    [FARM_LEDGER_KIND_SINGLE] = {0, 1},   [FARM_LEDGER_KIND_PENDING] = {1, 0},
    [FARM_LEDGER_KIND_POSTED] = {-1, 1},  [FARM_LEDGER_KIND_VOIDED] = {-1, 0},
    [FARM_LEDGER_KIND_EXPIRED] = {-1, 0}, [FARM_LEDGER_KIND_REVERSAL] = {0, 1},
};

static const uint32_t closing_flags[LEDGER_SIDES] = {FARM_LEDGER_CLOSING_DEBIT,
                                                     FARM_LEDGER_CLOSING_CREDIT};

static void move_side(const ledger_step *step, int32_t side, ledger_state *after) {
    const int64_t held = step->hold == NULL ? step->amount_minor : step->hold->event.amount_minor;
    farm_ledger_balances *balances = &after->balances;
    int64_t *pending =
        side == LEDGER_DEBIT ? &balances->debits_pending_minor : &balances->credits_pending_minor;
    int64_t *posted =
        side == LEDGER_DEBIT ? &balances->debits_posted_minor : &balances->credits_posted_minor;
    *pending += moves[step->kind].pending * held;
    *posted += moves[step->kind].posted * step->amount_minor;
}

static void close_side(const ledger_step *step, int32_t side, ledger_state *after) {
    if (step->kind == FARM_LEDGER_KIND_PENDING && (step->transfer->flags & closing_flags[side]))
        after->is_closed = 1;
    if ((step->kind == FARM_LEDGER_KIND_VOIDED || step->kind == FARM_LEDGER_KIND_EXPIRED) &&
        (step->hold->event.flags & closing_flags[side]))
        after->is_closed = 0;
}

void ledger_move(const ledger_step *step, ledger_state *after) {
    for (int32_t side = 0; side < LEDGER_SIDES; side++) {
        after[side] = step->accounts[side]->state;
        move_side(step, side, &after[side]);
        close_side(step, side, &after[side]);
        after[side].version++;
        after[side].last_ns = step->timestamp_ns;
    }
}

/* What a hold that is ended hands on to the event that ends it, and what is reversed to the one
 * that reverses it. */
static void inherit(farm_ledger_event *event, const farm_ledger_event *former) {
    const int32_t is_hold = former->kind == FARM_LEDGER_KIND_PENDING;
    event->debit_account_id = is_hold ? former->debit_account_id : former->credit_account_id;
    event->credit_account_id = is_hold ? former->credit_account_id : former->debit_account_id;
    *(is_hold ? &event->pending_id : &event->reversed_id) = former->id;
    event->book = former->book;
    if (event->code == 0) event->code = former->code;
    if (id_is_zero(&event->user_data_128)) event->user_data_128 = former->user_data_128;
    if (event->user_data_64 == 0) event->user_data_64 = former->user_data_64;
    if (event->user_data_32 == 0) event->user_data_32 = former->user_data_32;
}

int64_t ledger_effective_us(const farm_ledger_transfer *transfer, int64_t timestamp_ns) {
    return transfer->effective_us != 0 ? transfer->effective_us : timestamp_ns / 1000;
}

/* A hold that runs out has no transfer of its own. */
static farm_ledger_event event_of(const ledger_step *step) {
    static const farm_ledger_transfer nobody;
    const farm_ledger_transfer *transfer = step->transfer == NULL ? &nobody : step->transfer;
    farm_ledger_event event = {
        .struct_size = sizeof event,
        .flags = transfer->flags,
        .id = transfer->id,
        .debit_account_id = transfer->debit_account_id,
        .credit_account_id = transfer->credit_account_id,
        .user_data_128 = transfer->user_data_128,
        .user_data_64 = transfer->user_data_64,
        .user_data_32 = transfer->user_data_32,
        .code = transfer->code,
        .book = transfer->book,
        .amount_minor = step->amount_minor,
        .timeout_us = transfer->timeout_us,
        .timestamp_ns = step->timestamp_ns,
        .effective_us = ledger_effective_us(transfer, step->timestamp_ns),
        .kind = step->kind,
    };
    if (step->hold != NULL) inherit(&event, &step->hold->event);
    if (step->reversed != NULL) inherit(&event, &step->reversed->event);
    return event;
}

void ledger_apply(ledger_step *step) {
    ledger_batch *batch = step->batch;
    ledger_record *record = &batch->records[batch->record_count];
    *record =
        (ledger_record){.event = event_of(step),
                        .hold = step->hold == NULL ? LEDGER_NOWHERE : step->hold_place,
                        .reversed = step->reversed == NULL ? LEDGER_NOWHERE : step->reversed_place};
    ledger_move(step, record->after);
    for (int32_t side = 0; side < LEDGER_SIDES; side++) {
        record->accounts[side] = step->places[side];
        record->before[side] = step->accounts[side]->state;
        step->accounts[side]->state = record->after[side];
    }
    record->event.debit = record->after[LEDGER_DEBIT].balances;
    record->event.credit = record->after[LEDGER_CREDIT].balances;
    if (step->hold != NULL) step->hold->event.resolution = step->kind;
    if (step->reversed != NULL) step->reversed->event.reversed_minor += step->amount_minor;
    step->record = (uint32_t)batch->record_count++;
    if (step->kind != FARM_LEDGER_KIND_EXPIRED)
        *id_map_put(&batch->record_places, &record->event.id) = step->record;
    batch->last_ns = step->timestamp_ns;
}

void ledger_undo(ledger_batch *batch, size_t record_count) {
    while (batch->record_count > record_count) {
        const ledger_record *record = &batch->records[--batch->record_count];
        for (int32_t side = 0; side < LEDGER_SIDES; side++)
            batch->accounts[record->accounts[side]].state = record->before[side];
        if (record->hold != LEDGER_NOWHERE) batch->records[record->hold].event.resolution = 0;
        if (record->reversed != LEDGER_NOWHERE)
            batch->records[record->reversed].event.reversed_minor -= record->event.amount_minor;
        id_map_remove_last(&batch->record_places, &record->event.id);
    }
}

static void expire(ledger_batch *batch, uint32_t place) {
    ledger_record *hold = &batch->records[place];
    ledger_step step = {.batch = batch,
                        .hold = hold,
                        .hold_place = place,
                        .kind = FARM_LEDGER_KIND_EXPIRED,
                        .amount_minor = hold->event.amount_minor};
    for (int32_t side = 0; side < LEDGER_SIDES; side++) {
        step.places[side] = hold->accounts[side];
        if (step.places[side] == LEDGER_NOWHERE) return;
        step.accounts[side] = &batch->accounts[step.places[side]];
    }
    ledger_set_time(&step);
    ledger_apply(&step);
}

void ledger_expire_due(ledger_batch *batch) {
    for (size_t i = 0; i < batch->due_count; i++) expire(batch, batch->due[i]);
}

void ledger_set_time(ledger_step *step) {
    const ledger_batch *batch = step->batch;
    int64_t last_ns = integer_max(batch->last_ns, step->accounts[LEDGER_DEBIT]->book_sealed_ns);
    for (int32_t side = 0; side < LEDGER_SIDES; side++)
        last_ns = integer_max(last_ns, step->accounts[side]->state.last_ns);
    step->timestamp_ns = ledger_next_ns(batch->now_ns, batch->writer, last_ns);
    if (step->transfer != NULL && (step->transfer->flags & FARM_LEDGER_IMPORTED))
        step->timestamp_ns = step->transfer->timestamp_ns;
}

int64_t ledger_hold_end_ns(int64_t timestamp_ns, int64_t timeout_us) {
    int64_t end_ns = 0;
    if (timeout_us == 0) return INT64_MAX;
    if (!integer_multiply(timeout_us, 1000, &end_ns)) return 0;
    return integer_add(end_ns, timestamp_ns, &end_ns) ? end_ns : 0;
}
