/* A transfer that posts or voids a hold (state_machine.zig, post_or_void_pending_transfer). */
#include "base/id.h"
#include "ledger/ledger_rules.h"

#define STATUS(name) FARM_LEDGER_TRANSFER_##name

enum {
    BOTH = FARM_LEDGER_POST_PENDING_TRANSFER | FARM_LEDGER_VOID_PENDING_TRANSFER,
    EXCLUDED = FARM_LEDGER_PENDING | FARM_LEDGER_BALANCING_DEBIT | FARM_LEDGER_BALANCING_CREDIT |
               FARM_LEDGER_CLOSING_DEBIT | FARM_LEDGER_CLOSING_CREDIT
};

static int32_t check_form(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    if ((transfer->flags & BOTH) == BOTH || (transfer->flags & EXCLUDED))
        return STATUS(FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    const int32_t status =
        ledger_check_id(&transfer->pending_id, STATUS(PENDING_ID_MUST_NOT_BE_ZERO),
                        STATUS(PENDING_ID_MUST_NOT_BE_INT_MAX));
    if (status != STATUS(CREATED)) return status;
    if (id_equals(&transfer->pending_id, &transfer->id))
        return STATUS(PENDING_ID_MUST_BE_DIFFERENT);
    if (transfer->timeout_us != 0) return STATUS(TIMEOUT_RESERVED_FOR_PENDING_TRANSFER);
    step->kind = transfer->flags & FARM_LEDGER_POST_PENDING_TRANSFER ? FARM_LEDGER_KIND_POSTED
                                                                     : FARM_LEDGER_KIND_VOIDED;
    return STATUS(CREATED);
}

static int32_t find_hold(ledger_step *step) {
    const uint32_t place = ledger_find_record(step->batch, &step->transfer->pending_id);
    if (place == LEDGER_NOWHERE) return STATUS(PENDING_TRANSFER_NOT_FOUND);
    step->hold_place = place;
    step->hold = &step->batch->records[place];
    if (step->hold->event.kind != FARM_LEDGER_KIND_PENDING)
        return STATUS(PENDING_TRANSFER_NOT_PENDING);
    ledger_find_account(step, LEDGER_DEBIT, &step->hold->event.debit_account_id);
    ledger_find_account(step, LEDGER_CREDIT, &step->hold->event.credit_account_id);
    ledger_set_time(step);
    return STATUS(CREATED);
}

static int32_t check_match(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    const farm_ledger_event *hold = &step->hold->event;
    if (ledger_is_other(&transfer->debit_account_id, &hold->debit_account_id))
        return STATUS(PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID);
    if (ledger_is_other(&transfer->credit_account_id, &hold->credit_account_id))
        return STATUS(PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID);
    if (transfer->book != 0 && transfer->book != hold->book)
        return STATUS(PENDING_TRANSFER_HAS_DIFFERENT_LEDGER);
    if (transfer->code != 0 && transfer->code != hold->code)
        return STATUS(PENDING_TRANSFER_HAS_DIFFERENT_CODE);
    return STATUS(CREATED);
}

static int32_t check_amount(ledger_step *step) {
    const int64_t held_minor = step->hold->event.amount_minor;
    const int32_t is_void = step->kind == FARM_LEDGER_KIND_VOIDED;
    const int64_t all = is_void ? 0 : FARM_LEDGER_AMOUNT_MAX;
    step->amount_minor =
        step->transfer->amount_minor == all ? held_minor : step->transfer->amount_minor;
    if (step->amount_minor > held_minor) return STATUS(EXCEEDS_PENDING_TRANSFER_AMOUNT);
    if (is_void && step->amount_minor < held_minor)
        return STATUS(PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT);
    return STATUS(CREATED);
}

/* By how it ended. One whose time is over has ended, whether that is written down yet or not. */
static int32_t check_held(ledger_step *step) {
    static const int32_t statuses[] = {
        [FARM_LEDGER_KIND_POSTED] = STATUS(PENDING_TRANSFER_ALREADY_POSTED),
        [FARM_LEDGER_KIND_VOIDED] = STATUS(PENDING_TRANSFER_ALREADY_VOIDED),
        [FARM_LEDGER_KIND_EXPIRED] = STATUS(PENDING_TRANSFER_EXPIRED)};
    const farm_ledger_event *hold = &step->hold->event;
    if (hold->resolution != 0) return statuses[hold->resolution];
    return ledger_hold_end_ns(hold->timestamp_ns, hold->timeout_us) <= step->timestamp_ns
               ? STATUS(PENDING_TRANSFER_EXPIRED)
               : STATUS(CREATED);
}

/* A void is the one thing that a closed account takes. */
static int32_t check_open(ledger_step *step) {
    return step->kind == FARM_LEDGER_KIND_VOIDED ? STATUS(CREATED) : ledger_check_open(step);
}

int32_t ledger_check_resolve(ledger_step *step) {
    static const ledger_check checks[] = {check_form,          find_hold,  check_match,
                                          check_amount,        check_held, ledger_check_import,
                                          ledger_check_period, check_open, ledger_check_conditions};
    return ledger_check_all(step, checks, sizeof checks / sizeof *checks);
}
