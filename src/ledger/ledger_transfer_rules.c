/* What becomes of one transfer. Each check is a function, and a table says in which order they are
 * made: TigerBeetle's (state_machine.zig, create_transfer). */
#include "base/id.h"
#include "base/integer.h"
#include "ledger/ledger_rules.h"

#define STATUS(name) FARM_LEDGER_TRANSFER_##name

enum {
    FLAGS_ALL = FARM_LEDGER_IMPORTED * 2 - 1,
    CONDITIONS_ALL = FARM_LEDGER_IF_DEBIT_BALANCE * 2 - 1,
    RESOLVING = FARM_LEDGER_POST_PENDING_TRANSFER | FARM_LEDGER_VOID_PENDING_TRANSFER,
    CLOSING = FARM_LEDGER_CLOSING_DEBIT | FARM_LEDGER_CLOSING_CREDIT
};

int32_t ledger_check_all(ledger_step *step, const ledger_check *checks, size_t count) {
    int32_t status = STATUS(CREATED);
    for (size_t i = 0; i < count && status == STATUS(CREATED); i++) status = checks[i](step);
    return status;
}

/* --- what every transfer has --- */

static int32_t check_reserved(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    const int32_t is_known = (transfer->flags & ~(uint32_t)FLAGS_ALL) == 0 &&
                             (transfer->conditions & ~(uint32_t)CONDITIONS_ALL) == 0 &&
                             transfer->reserved == 0;
    return is_known ? STATUS(CREATED) : STATUS(RESERVED_FLAG);
}

/* Numbers that TigerBeetle's types cannot hold. */
static int32_t check_ranges(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    if (transfer->amount_minor < 0) return STATUS(AMOUNT_MUST_NOT_BE_NEGATIVE);
    if (transfer->timeout_us < 0) return STATUS(TIMEOUT_MUST_NOT_BE_NEGATIVE);
    if (transfer->code < 0 || transfer->code > FARM_LEDGER_CODE_MAX)
        return STATUS(CODE_OUT_OF_RANGE);
    if (transfer->book < 0) return STATUS(LEDGER_OUT_OF_RANGE);
    if (transfer->effective_us < 0 || transfer->effective_us > LEDGER_TIME_MAX_US)
        return STATUS(EFFECTIVE_OUT_OF_RANGE);
    return STATUS(CREATED);
}

static int32_t check_id(ledger_step *step) {
    return ledger_check_id(&step->transfer->id, STATUS(ID_MUST_NOT_BE_ZERO),
                           STATUS(ID_MUST_NOT_BE_INT_MAX));
}

uint32_t ledger_find_record(const ledger_batch *batch, const farm_id *id) {
    const uint32_t *place = id_map_find(&batch->record_places, id);
    return place == NULL || *place == LEDGER_BURNT ? LEDGER_NOWHERE : *place;
}

int32_t ledger_is_other(const farm_id *given, const farm_id *inherited) {
    return !id_is_zero(given) && !id_equals(given, inherited);
}

static int32_t check_repeat(ledger_step *step) {
    const ledger_batch *batch = step->batch;
    const uint32_t *place = id_map_find(&batch->record_places, &step->transfer->id);
    if (place == NULL) return STATUS(CREATED);
    if (*place == LEDGER_BURNT) return STATUS(ID_ALREADY_FAILED);
    const farm_ledger_transfer *transfer = step->transfer;
    const uint32_t former = ledger_find_record(
        batch, id_is_zero(&transfer->reversed_id) ? &transfer->pending_id : &transfer->reversed_id);
    step->record = *place;
    return ledger_repeat(transfer, &batch->records[*place].event,
                         former == LEDGER_NOWHERE ? NULL : &batch->records[former].event);
}

/* --- one that moves money or holds it --- */

static int32_t check_account_ids(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    int32_t status =
        ledger_check_id(&transfer->debit_account_id, STATUS(DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO),
                        STATUS(DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX));
    if (status == STATUS(CREATED))
        status = ledger_check_id(&transfer->credit_account_id,
                                 STATUS(CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO),
                                 STATUS(CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX));
    if (status == STATUS(CREATED) &&
        id_equals(&transfer->debit_account_id, &transfer->credit_account_id))
        status = STATUS(ACCOUNTS_MUST_BE_DIFFERENT);
    return status;
}

static int32_t check_form(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    const int32_t is_pending = (transfer->flags & FARM_LEDGER_PENDING) != 0;
    if (!id_is_zero(&transfer->pending_id)) return STATUS(PENDING_ID_MUST_BE_ZERO);
    if (!is_pending && transfer->timeout_us != 0)
        return STATUS(TIMEOUT_RESERVED_FOR_PENDING_TRANSFER);
    if (!is_pending && (transfer->flags & CLOSING)) return STATUS(CLOSING_TRANSFER_MUST_BE_PENDING);
    if (transfer->book == 0) return STATUS(LEDGER_MUST_NOT_BE_ZERO);
    if (transfer->code == 0) return STATUS(CODE_MUST_NOT_BE_ZERO);
    step->kind = is_pending ? FARM_LEDGER_KIND_PENDING : FARM_LEDGER_KIND_SINGLE;
    return STATUS(CREATED);
}

void ledger_find_account(ledger_step *step, int32_t side, const farm_id *id) {
    const uint32_t *place = id_map_find(&step->batch->account_places, id);
    if (place == NULL) return;
    step->places[side] = *place;
    step->accounts[side] = &step->batch->accounts[*place];
}

static int32_t find_accounts(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    ledger_find_account(step, LEDGER_DEBIT, &transfer->debit_account_id);
    ledger_find_account(step, LEDGER_CREDIT, &transfer->credit_account_id);
    const ledger_account *debit = step->accounts[LEDGER_DEBIT];
    const ledger_account *credit = step->accounts[LEDGER_CREDIT];
    if (debit == NULL) return STATUS(DEBIT_ACCOUNT_NOT_FOUND);
    if (credit == NULL) return STATUS(CREDIT_ACCOUNT_NOT_FOUND);
    if (debit->book != credit->book) return STATUS(ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER);
    if (transfer->book != debit->book)
        return STATUS(TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS);
    ledger_set_time(step);
    return STATUS(CREATED);
}

/* The latest event that an import has to come after. Of the accounts it is known under their locks,
 * of the rest of the book as it was when the batch began to wait for them. */
static int64_t latest_event_ns(const ledger_step *step) {
    int64_t latest_ns = step->batch->last_ns;
    for (int32_t side = 0; side < LEDGER_SIDES; side++) {
        const ledger_account *account = step->accounts[side];
        latest_ns = integer_max(latest_ns, account->book_last_ns);
        if (account->state.version > 0) latest_ns = integer_max(latest_ns, account->state.last_ns);
    }
    return latest_ns;
}

int32_t ledger_check_import(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    const ledger_account *debit = step->accounts[LEDGER_DEBIT];
    const ledger_account *credit = step->accounts[LEDGER_CREDIT];
    if ((transfer->flags & FARM_LEDGER_IMPORTED) == 0) return STATUS(CREATED);
    if (transfer->timestamp_ns <= latest_event_ns(step))
        return STATUS(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    if (transfer->timestamp_ns <= debit->timestamp_ns)
        return STATUS(IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT);
    if (transfer->timestamp_ns <= credit->timestamp_ns)
        return STATUS(IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT);
    if (transfer->timeout_us != 0) return STATUS(IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO);
    return STATUS(CREATED);
}

int32_t ledger_check_period(ledger_step *step) {
    return ledger_effective_us(step->transfer, step->timestamp_ns) <=
                   step->accounts[LEDGER_DEBIT]->closed_through_us
               ? STATUS(EFFECTIVE_IN_CLOSED_PERIOD)
               : STATUS(CREATED);
}

int32_t ledger_check_open(ledger_step *step) {
    if (step->accounts[LEDGER_DEBIT]->state.is_closed) return STATUS(DEBIT_ACCOUNT_ALREADY_CLOSED);
    if (step->accounts[LEDGER_CREDIT]->state.is_closed)
        return STATUS(CREDIT_ACCOUNT_ALREADY_CLOSED);
    return STATUS(CREATED);
}

/* --- amounts --- */

/* By how much the one exceeds the other; 0 when it does not. Both are sums that fit. */
static int64_t excess(int64_t this_minor, int64_t that_minor) {
    return this_minor > that_minor ? this_minor - that_minor : 0;
}

static int64_t debits_of(const farm_ledger_balances *balances) {
    return balances->debits_pending_minor + balances->debits_posted_minor;
}

static int64_t credits_of(const farm_ledger_balances *balances) {
    return balances->credits_pending_minor + balances->credits_posted_minor;
}

static int32_t work_out_amount(ledger_step *step) {
    const farm_ledger_balances *debit = &step->accounts[LEDGER_DEBIT]->state.balances;
    const farm_ledger_balances *credit = &step->accounts[LEDGER_CREDIT]->state.balances;
    int64_t amount_minor = step->transfer->amount_minor;
    if (step->transfer->flags & FARM_LEDGER_BALANCING_DEBIT)
        amount_minor =
            integer_min(amount_minor, excess(debit->credits_posted_minor, debits_of(debit)));
    if (step->transfer->flags & FARM_LEDGER_BALANCING_CREDIT)
        amount_minor =
            integer_min(amount_minor, excess(credit->debits_posted_minor, credits_of(credit)));
    step->amount_minor = amount_minor;
    return STATUS(CREATED);
}

static int32_t overflows(int64_t left, int64_t right) {
    int64_t sum = 0;
    return !integer_add(left, right, &sum);
}

int32_t ledger_check_overflow(ledger_step *step) {
    const farm_ledger_balances *debit = &step->accounts[LEDGER_DEBIT]->state.balances;
    const farm_ledger_balances *credit = &step->accounts[LEDGER_CREDIT]->state.balances;
    const int64_t amount_minor = step->amount_minor;
    const int32_t is_pending = step->kind == FARM_LEDGER_KIND_PENDING;
    if (is_pending && overflows(amount_minor, debit->debits_pending_minor))
        return STATUS(OVERFLOWS_DEBITS_PENDING);
    if (is_pending && overflows(amount_minor, credit->credits_pending_minor))
        return STATUS(OVERFLOWS_CREDITS_PENDING);
    if (overflows(amount_minor, debit->debits_posted_minor)) return STATUS(OVERFLOWS_DEBITS_POSTED);
    if (overflows(amount_minor, credit->credits_posted_minor))
        return STATUS(OVERFLOWS_CREDITS_POSTED);
    if (overflows(amount_minor, debits_of(debit))) return STATUS(OVERFLOWS_DEBITS);
    if (overflows(amount_minor, credits_of(credit))) return STATUS(OVERFLOWS_CREDITS);
    if (ledger_hold_end_ns(step->timestamp_ns, step->transfer->timeout_us) == 0)
        return STATUS(OVERFLOWS_TIMEOUT);
    return STATUS(CREATED);
}

int32_t ledger_check_limits(ledger_step *step) {
    const ledger_account *debit = step->accounts[LEDGER_DEBIT];
    const ledger_account *credit = step->accounts[LEDGER_CREDIT];
    const int64_t debits = debits_of(&debit->state.balances) + step->amount_minor;
    const int64_t credits = credits_of(&credit->state.balances) + step->amount_minor;
    if ((debit->flags & FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS) &&
        debits - debit->state.balances.credits_posted_minor > debit->credit_limit_minor)
        return STATUS(EXCEEDS_CREDITS);
    if ((credit->flags & FARM_LEDGER_ACCOUNT_CREDITS_MUST_NOT_EXCEED_DEBITS) &&
        credits > credit->state.balances.debits_posted_minor)
        return STATUS(EXCEEDS_DEBITS);
    return STATUS(CREATED);
}

/* --- conditions --- */

int32_t ledger_check_conditions(ledger_step *step) {
    const farm_ledger_transfer *transfer = step->transfer;
    if (transfer->conditions == 0) return STATUS(CREATED);
    ledger_state after[LEDGER_SIDES];
    ledger_move(step, after);
    const farm_ledger_balances *debit = &after[LEDGER_DEBIT].balances;
    const int32_t has_failed =
        ((transfer->conditions & FARM_LEDGER_IF_DEBIT_VERSION) &&
         step->accounts[LEDGER_DEBIT]->state.version != transfer->debit_version) ||
        ((transfer->conditions & FARM_LEDGER_IF_CREDIT_VERSION) &&
         step->accounts[LEDGER_CREDIT]->state.version != transfer->credit_version) ||
        ((transfer->conditions & FARM_LEDGER_IF_DEBIT_BALANCE) &&
         debit->credits_posted_minor - debits_of(debit) < transfer->debit_balance_minor);
    return has_failed ? STATUS(CONDITION_FAILED) : STATUS(CREATED);
}

/* --- all of it --- */

static int32_t check_single(ledger_step *step) {
    static const ledger_check checks[] = {check_account_ids,   check_form,
                                          find_accounts,       ledger_check_import,
                                          ledger_check_period, ledger_check_open,
                                          work_out_amount,     ledger_check_overflow,
                                          ledger_check_limits, ledger_check_conditions};
    return ledger_check_all(step, checks, sizeof checks / sizeof *checks);
}

int32_t ledger_decide_transfer(ledger_step *step) {
    static const ledger_check checks[] = {check_reserved, check_ranges, check_id, check_repeat};
    int32_t status = ledger_check_all(step, checks, sizeof checks / sizeof *checks);
    if (status != STATUS(CREATED)) return status;
    if (!id_is_zero(&step->transfer->reversed_id))
        status = ledger_check_reverse(step);
    else
        status =
            step->transfer->flags & RESOLVING ? ledger_check_resolve(step) : check_single(step);
    if (status == STATUS(CREATED)) ledger_apply(step);
    return status;
}

int32_t ledger_burns(int32_t status) {
    static const int32_t burning[] = {STATUS(DEBIT_ACCOUNT_NOT_FOUND),
                                      STATUS(CREDIT_ACCOUNT_NOT_FOUND),
                                      STATUS(PENDING_TRANSFER_NOT_FOUND),
                                      STATUS(REVERSED_TRANSFER_NOT_FOUND),
                                      STATUS(EXCEEDS_CREDITS),
                                      STATUS(EXCEEDS_DEBITS),
                                      STATUS(DEBIT_ACCOUNT_ALREADY_CLOSED),
                                      STATUS(CREDIT_ACCOUNT_ALREADY_CLOSED)};
    for (size_t i = 0; i < sizeof burning / sizeof *burning; i++)
        if (burning[i] == status) return 1;
    return 0;
}
