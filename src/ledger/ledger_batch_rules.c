/* A batch of transfers: how they are walked, what each is told, and which accounts changed. */
#include "ledger/ledger_rules.h"

#define STATUS(name) FARM_LEDGER_TRANSFER_##name

/* The batch and the item that is being decided. */
typedef struct walking {
    ledger_batch *batch;
    ledger_step step;
} walking;

static uint32_t flags_of(const void *context, size_t index) {
    const walking *self = context;
    return self->batch->items[index].flags;
}

static int64_t timestamp_of(const void *context, size_t index) {
    const walking *self = context;
    return self->batch->items[index].timestamp_ns;
}

static size_t mark(const void *context) {
    const walking *self = context;
    return self->batch->record_count;
}

static void undo(void *context, size_t record_count) {
    const walking *self = context;
    ledger_undo(self->batch, record_count);
}

static int32_t decide(void *context, size_t index) {
    walking *self = context;
    self->step = (ledger_step){
        .batch = self->batch, .transfer = &self->batch->items[index], .record = LEDGER_NOWHERE};
    return ledger_decide_transfer(&self->step);
}

/* What is known of the item when it was the one that was decided last. */
static void fill(const walking *self, int32_t status, farm_ledger_transfer_result *result) {
    const ledger_step *step = &self->step;
    if (status == STATUS(CREATED) || status == STATUS(EXISTS)) {
        const farm_ledger_event *event = &self->batch->records[step->record].event;
        result->timestamp_ns = event->timestamp_ns;
        result->amount_minor = event->amount_minor;
        result->debit = event->debit;
        result->credit = event->credit;
    } else if (step->accounts[LEDGER_DEBIT] != NULL && step->accounts[LEDGER_CREDIT] != NULL) {
        result->debit = step->accounts[LEDGER_DEBIT]->state.balances;
        result->credit = step->accounts[LEDGER_CREDIT]->state.balances;
    }
}

static void answer(void *context, size_t index, int32_t status) {
    const walking *self = context;
    ledger_batch *batch = self->batch;
    farm_ledger_transfer_result *result = &batch->results[index];
    *result = (farm_ledger_transfer_result){.struct_size = sizeof *result, .status = status};
    if (self->step.transfer == &batch->items[index] && status != STATUS(LINKED_EVENT_FAILED))
        fill(self, status, result);
    if (ledger_burns(status))
        *id_map_put(&batch->record_places, &batch->items[index].id) = LEDGER_BURNT;
}

static const ledger_walk walk = {
    .imported_flag = FARM_LEDGER_IMPORTED,
    .imported_expected = STATUS(IMPORTED_EVENT_EXPECTED),
    .imported_not_expected = STATUS(IMPORTED_EVENT_NOT_EXPECTED),
    .imported_out_of_range = STATUS(IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE),
    .imported_must_not_advance = STATUS(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE),
    .flags_of = flags_of,
    .timestamp_of = timestamp_of,
    .decide = decide,
    .mark = mark,
    .undo = undo,
    .answer = answer,
};

void ledger_decide(ledger_batch *batch) {
    walking self = {.batch = batch};
    if (batch->count > 0 && (batch->items[0].flags & FARM_LEDGER_IMPORTED) == 0)
        ledger_expire_due(batch);
    ledger_walk_all(&walk, &self, batch->count, batch->now_ns);
}
