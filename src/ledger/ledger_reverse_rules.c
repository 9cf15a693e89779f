/* A transfer that moves back what another has moved. TigerBeetle has none: its recipe is a transfer
 * the other way round, which nobody holds against what it corrects. */
#include "base/id.h"
#include "ledger/ledger_rules.h"

#define STATUS(name) FARM_LEDGER_TRANSFER_##name

enum { ALLOWED = FARM_LEDGER_LINKED | FARM_LEDGER_IMPORTED };

static int32_t check_form(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    if (transfer->flags & ~(uint32_t)ALLOWED) return STATUS(FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    if (!id_is_zero(&transfer->pending_id)) return STATUS(PENDING_ID_MUST_BE_ZERO);
    if (id_equals(&transfer->reversed_id, &transfer->id))
        return STATUS(REVERSED_ID_MUST_BE_DIFFERENT);
    if (transfer->timeout_us != 0) return STATUS(TIMEOUT_RESERVED_FOR_PENDING_TRANSFER);
    step->kind = FARM_LEDGER_KIND_REVERSAL;
    return ledger_check_id(&transfer->reversed_id, STATUS(CREATED),
                           STATUS(REVERSED_ID_MUST_NOT_BE_INT_MAX));
}

static int32_t find_reversed(ledger_step *step) {
    const uint32_t place = ledger_find_record(step->batch, &step->transfer->reversed_id);
    if (place == LEDGER_NOWHERE) return STATUS(REVERSED_TRANSFER_NOT_FOUND);
    step->reversed_place = place;
    step->reversed = &step->batch->records[place];
    const farm_ledger_event *event = &step->reversed->event;
    if (event->kind != FARM_LEDGER_KIND_SINGLE && event->kind != FARM_LEDGER_KIND_POSTED)
        return STATUS(REVERSED_TRANSFER_NOT_REVERSIBLE);
    ledger_find_account(step, LEDGER_DEBIT, &event->credit_account_id);
    ledger_find_account(step, LEDGER_CREDIT, &event->debit_account_id);
    ledger_set_time(step);
    return STATUS(CREATED);
}

/* The code may be another: a refund is not a sale. */
static int32_t check_match(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    const farm_ledger_event *event = &step->reversed->event;
    if (ledger_is_other(&transfer->debit_account_id, &event->credit_account_id))
        return STATUS(REVERSED_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID);
    if (ledger_is_other(&transfer->credit_account_id, &event->debit_account_id))
        return STATUS(REVERSED_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID);
    if (transfer->book != 0 && transfer->book != event->book)
        return STATUS(REVERSED_TRANSFER_HAS_DIFFERENT_LEDGER);
    return STATUS(CREATED);
}

static int32_t check_amount(ledger_step *step) {
    const farm_ledger_event *event = &step->reversed->event;
    const int64_t left_minor = event->amount_minor - event->reversed_minor;
    const int64_t asked_minor = step->transfer->amount_minor;
    if (left_minor == 0) return STATUS(REVERSED_TRANSFER_ALREADY_REVERSED);
    step->amount_minor = asked_minor == FARM_LEDGER_AMOUNT_MAX ? left_minor : asked_minor;
    return step->amount_minor > left_minor ? STATUS(EXCEEDS_REVERSIBLE_AMOUNT) : STATUS(CREATED);
}

int32_t ledger_check_reverse(ledger_step *step) {
    static const ledger_check checks[] = {
        check_form,          find_reversed,          check_match,       check_amount,
        ledger_check_import, ledger_check_period,    ledger_check_open, ledger_check_overflow,
        ledger_check_limits, ledger_check_conditions};
    return ledger_check_all(step, checks, sizeof checks / sizeof *checks);
}
