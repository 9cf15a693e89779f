/* A transfer whose id is there already: the first field that differs, or that it is the same
 * (state_machine.zig, create_transfer_exists). */
#include "base/id.h"
#include "ledger/ledger_rules.h"

#define STATUS(name) FARM_LEDGER_TRANSFER_##name

/* What is asked for, and what it comes to: a transfer that resolves a hold or reverses another may
 * leave fields to it, and "all" is an amount. */
typedef struct repeat {
    const farm_ledger_transfer *transfer;
    const farm_ledger_event *found;
    const farm_ledger_event *former; /* NULL: it leaves nothing to any */
} repeat;

static const farm_id *id_or(const farm_id *given, const farm_id *inherited) {
    return id_is_zero(given) ? inherited : given;
}

static int32_t has_other_amount(const repeat *self) {
    const int64_t asked_minor = self->transfer->amount_minor;
    const int64_t found_minor = self->found->amount_minor;
    if (self->found->kind == FARM_LEDGER_KIND_REVERSAL)
        return asked_minor != FARM_LEDGER_AMOUNT_MAX && asked_minor != found_minor;
    if (self->former != NULL) {
        const int64_t all =
            self->transfer->flags & FARM_LEDGER_VOID_PENDING_TRANSFER ? 0 : FARM_LEDGER_AMOUNT_MAX;
        return found_minor != (asked_minor == all ? self->former->amount_minor : asked_minor);
    }
    if (self->transfer->flags & (FARM_LEDGER_BALANCING_DEBIT | FARM_LEDGER_BALANCING_CREDIT))
        return asked_minor < found_minor;
    return asked_minor != found_minor;
}

/* The transfer with what it leaves to its hold, or to what it reverses, filled in. The accounts are
 * those that were found, which are the former's, or its accounts the other way round. */
static farm_ledger_transfer complete(const repeat *self) {
    farm_ledger_transfer whole = *self->transfer;
    const farm_ledger_event *former = self->former;
    if (former == NULL) return whole;
    whole.debit_account_id = *id_or(&whole.debit_account_id, &self->found->debit_account_id);
    whole.credit_account_id = *id_or(&whole.credit_account_id, &self->found->credit_account_id);
    whole.user_data_128 = *id_or(&whole.user_data_128, &former->user_data_128);
    if (whole.user_data_64 == 0) whole.user_data_64 = former->user_data_64;
    if (whole.user_data_32 == 0) whole.user_data_32 = former->user_data_32;
    if (whole.book == 0) whole.book = former->book;
    if (whole.code == 0) whole.code = former->code;
    return whole;
}

int32_t ledger_repeat(const farm_ledger_transfer *transfer, const farm_ledger_event *found,
                      const farm_ledger_event *former) {
    const int32_t inherits =
        found->kind != FARM_LEDGER_KIND_SINGLE && found->kind != FARM_LEDGER_KIND_PENDING;
    const repeat self = {.transfer = transfer, .found = found, .former = inherits ? former : NULL};
    if (transfer->flags != found->flags) return STATUS(EXISTS_WITH_DIFFERENT_FLAGS);
    if (!id_equals(&transfer->pending_id, &found->pending_id))
        return STATUS(EXISTS_WITH_DIFFERENT_PENDING_ID);
    if (!id_equals(&transfer->reversed_id, &found->reversed_id))
        return STATUS(EXISTS_WITH_DIFFERENT_REVERSED_ID);
    if (transfer->timeout_us != found->timeout_us) return STATUS(EXISTS_WITH_DIFFERENT_TIMEOUT);
    const farm_ledger_transfer whole = complete(&self);
    if (!id_equals(&whole.debit_account_id, &found->debit_account_id))
        return STATUS(EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID);
    if (!id_equals(&whole.credit_account_id, &found->credit_account_id))
        return STATUS(EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID);
    if (has_other_amount(&self)) return STATUS(EXISTS_WITH_DIFFERENT_AMOUNT);
    if (!id_equals(&whole.user_data_128, &found->user_data_128))
        return STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_128);
    if (whole.user_data_64 != found->user_data_64)
        return STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_64);
    if (whole.user_data_32 != found->user_data_32)
        return STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_32);
    if (whole.book != found->book) return STATUS(EXISTS_WITH_DIFFERENT_LEDGER);
    if (whole.code != found->code) return STATUS(EXISTS_WITH_DIFFERENT_CODE);
    if (found->effective_us != ledger_effective_us(transfer, found->timestamp_ns))
        return STATUS(EXISTS_WITH_DIFFERENT_EFFECTIVE);
    return STATUS(EXISTS);
}
