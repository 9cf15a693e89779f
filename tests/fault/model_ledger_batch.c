/* The fault lab: the ledger: a batch: what runs out first, chains, fields, repeats. */
#include "fault/model_ledger.h"
#include <string.h>

#define SAY(name)                                                                                  \
    do {                                                                                           \
        said->status = FARM_LEDGER_TRANSFER_##name;                                                \
        return;                                                                                    \
    } while (0)

/* --- an item's own fields --- */

static int64_t check_import(const ledger_item *first, const ledger_item *item) {
    const int is_import = (item->flags & FARM_LEDGER_IMPORTED) != 0;
    if ((first->flags & FARM_LEDGER_IMPORTED) && !is_import)
        return FARM_LEDGER_TRANSFER_IMPORTED_EVENT_EXPECTED;
    if (!(first->flags & FARM_LEDGER_IMPORTED) && is_import)
        return FARM_LEDGER_TRANSFER_IMPORTED_EVENT_NOT_EXPECTED;
    if (!is_import && item->stamp != LEDGER_STAMP_NONE)
        return FARM_LEDGER_TRANSFER_TIMESTAMP_MUST_BE_ZERO;
    if (is_import && (item->stamp == LEDGER_STAMP_NONE || item->stamp == LEDGER_STAMP_NEGATIVE))
        return FARM_LEDGER_TRANSFER_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE;
    if (is_import && item->stamp == LEDGER_STAMP_LATER)
        return FARM_LEDGER_TRANSFER_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE;
    return 0;
}

static int64_t check_fields(const ledger_item *item) {
    if (item->flags > 0x1ff || (item->conditions & 8)) return FARM_LEDGER_TRANSFER_RESERVED_FLAG;
    if (item->amount < 0) return FARM_LEDGER_TRANSFER_AMOUNT_MUST_NOT_BE_NEGATIVE;
    if (item->timeout_us < 0) return FARM_LEDGER_TRANSFER_TIMEOUT_MUST_NOT_BE_NEGATIVE;
    if (item->code < 0 || item->code > FARM_LEDGER_CODE_MAX)
        return FARM_LEDGER_TRANSFER_CODE_OUT_OF_RANGE;
    if (item->book == LEDGER_BOOK_NEGATIVE) return FARM_LEDGER_TRANSFER_LEDGER_OUT_OF_RANGE;
    if (item->effective_us < 0 || item->effective_us == INT64_MAX)
        return FARM_LEDGER_TRANSFER_EFFECTIVE_OUT_OF_RANGE;
    if (item->id == LEDGER_ZEROS) return FARM_LEDGER_TRANSFER_ID_MUST_NOT_BE_ZERO;
    if (item->id == LEDGER_ONES) return FARM_LEDGER_TRANSFER_ID_MUST_NOT_BE_INT_MAX;
    return 0;
}

/* --- a repeat --- */

static int has_same_amount(const ledger_item *item, const ledger_record *there,
                           const ledger_item *hold) {
    if (there->kind == FARM_LEDGER_KIND_REVERSAL)
        return item->amount == FARM_LEDGER_AMOUNT_MAX || item->amount == there->item.amount;
    const int is_balancing =
        (item->flags & (FARM_LEDGER_BALANCING_DEBIT | FARM_LEDGER_BALANCING_CREDIT)) != 0;
    if (hold == NULL)
        return is_balancing ? item->amount >= there->item.amount
                            : item->amount == there->item.amount;
    const int is_post = (item->flags & FARM_LEDGER_POST_PENDING_TRANSFER) != 0;
    const int is_all = is_post ? item->amount == FARM_LEDGER_AMOUNT_MAX : item->amount == 0;
    return there->item.amount == (is_all ? hold->amount : item->amount);
}

/* Zero means the former's: of the hold, or of what is reversed. */
static int has_same_data(const ledger_item *item, const ledger_item *there,
                         const ledger_item *former, int place) {
    const int is_former = former != NULL && item->data[place] == 0;
    return there->data[place] == (is_former ? former->data[place] : item->data[place]);
}

static int64_t compare(ledger_state *state, const ledger_item *item, const ledger_record *there) {
    const ledger_item *is = &there->item;
    if (item->flags != is->flags) return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_FLAGS;
    if (item->hold != is->hold) return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_PENDING_ID;
    if (item->timeout_us != is->timeout_us)
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_TIMEOUT;
    if (item->reversed != is->reversed)
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_REVERSED_ID;
    const int64_t former_id = is->hold == 0 ? is->reversed : is->hold;
    const ledger_record *record = former_id == 0 ? NULL : ledger_find(state, former_id);
    const ledger_item *former = record == NULL ? NULL : &record->item;
    const int may_omit = former != NULL;
    if (item->debit != is->debit && !(may_omit && item->debit == LEDGER_ZEROS))
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID;
    if (item->credit != is->credit && !(may_omit && item->credit == LEDGER_ZEROS))
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID;
    if (!has_same_amount(item, there, former))
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_AMOUNT;
    for (int i = 0; i < 3; i++)
        if (!has_same_data(item, is, former, i))
            return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_USER_DATA_128 + i;
    if (item->book != is->book && !(may_omit && item->book == LEDGER_BOOK_NONE))
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_LEDGER;
    if (is->code != (may_omit && item->code == 0 ? former->code : item->code))
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_CODE;
    if (item->effective_us != is->effective_us)
        return FARM_LEDGER_TRANSFER_EXISTS_WITH_DIFFERENT_EFFECTIVE;
    return FARM_LEDGER_TRANSFER_EXISTS;
}

static void repeat(ledger_state *state, const ledger_item *item, const ledger_record *there,
                   ledger_said *said) {
    said->status = compare(state, item, there);
    if (said->status != FARM_LEDGER_TRANSFER_EXISTS) return;
    said->amount = there->item.amount;
    said->debit = there->debit;
    said->credit = there->credit;
}

/* --- an item --- */

static int burns(int64_t status) {
    return status == FARM_LEDGER_TRANSFER_DEBIT_ACCOUNT_NOT_FOUND ||
           status == FARM_LEDGER_TRANSFER_CREDIT_ACCOUNT_NOT_FOUND ||
           status == FARM_LEDGER_TRANSFER_PENDING_TRANSFER_NOT_FOUND ||
           status == FARM_LEDGER_TRANSFER_REVERSED_TRANSFER_NOT_FOUND ||
           status == FARM_LEDGER_TRANSFER_DEBIT_ACCOUNT_ALREADY_CLOSED ||
           status == FARM_LEDGER_TRANSFER_CREDIT_ACCOUNT_ALREADY_CLOSED ||
           status == FARM_LEDGER_TRANSFER_EXCEEDS_CREDITS ||
           status == FARM_LEDGER_TRANSFER_EXCEEDS_DEBITS;
}

static void decide(ledger_batch *batch, const ledger_item *item, ledger_said *said) {
    const ledger_item first = ledger_item_at(batch->operation, 0);
    said->status = check_import(&first, item);
    if (said->status == 0) said->status = check_fields(item);
    if (said->status != 0) return;
    const ledger_record *there = ledger_find(batch->state, item->id);
    if (there != NULL) {
        repeat(batch->state, item, there, said);
        return;
    }
    if (ledger_is_burnt(batch->state, item->id)) SAY(ID_ALREADY_FAILED);
    ledger_transfer(batch, item, said);
}

/* --- chains --- */

typedef struct chain {
    int64_t begin; /* its first item; -1: there is none */
    int is_broken;
    ledger_state before;
} chain;

/* Nothing of it stays but the ids that it burnt. */
static void undo(ledger_batch *batch, const chain *self) {
    ledger_state *state = batch->state;
    const ledger_state after = *state;
    *state = self->before;
    state->burnt_count = after.burnt_count;
    memcpy(state->burnt, after.burnt, sizeof state->burnt);
}

static void break_chain(ledger_batch *batch, chain *self, ledger_said *said, int64_t place) {
    undo(batch, self);
    self->is_broken = 1;
    for (int64_t i = self->begin; i < place; i++)
        said[i] = (ledger_said){.status = FARM_LEDGER_TRANSFER_LINKED_EVENT_FAILED};
}

/* Of a refusal, what the accounts have now that it and its chain are not. */
static void tell_balances(const ledger_batch *batch, ledger_said *said) {
    if (said->status == 0 || batch->debit == 0) return;
    said->debit = batch->state->accounts[batch->debit].balances;
    said->credit = batch->state->accounts[batch->credit].balances;
}

static void decide_all(ledger_batch *batch, ledger_said *said) {
    const int64_t count = batch->operation->values[LEDGER_COUNT];
    chain chained = {.begin = -1};
    for (int64_t i = 0; i < count; i++) {
        const ledger_item item = ledger_item_at(batch->operation, i);
        const int is_linked = (item.flags & FARM_LEDGER_LINKED) != 0;
        if (is_linked && chained.begin < 0) {
            chained.begin = i;
            chained.is_broken = 0;
            chained.before = *batch->state;
        }
        batch->debit = batch->credit = 0;
        batch->place = i;
        if (is_linked && i == count - 1)
            said[i].status = FARM_LEDGER_TRANSFER_LINKED_EVENT_CHAIN_OPEN;
        else if (chained.begin >= 0 && chained.is_broken)
            said[i].status = FARM_LEDGER_TRANSFER_LINKED_EVENT_FAILED;
        else
            decide(batch, &item, &said[i]);
        if (said[i].status != 0 && chained.begin >= 0 && !chained.is_broken)
            break_chain(batch, &chained, said, i);
        tell_balances(batch, &said[i]);
        if (burns(said[i].status)) ledger_burn(batch->state, item.id);
        if (!is_linked) chained.begin = -1;
    }
}

/* --- timestamps --- */

/* What is told of one that happened before, which may be news. */
static void learn_repeats(ledger_batch *batch, const ledger_said *said) {
    for (int64_t i = 0; i < batch->operation->values[LEDGER_COUNT] && batch->out->has_facts; i++) {
        const int64_t timestamp_ns = batch->out->facts[LEDGER_TIMESTAMPS + i];
        ledger_record *record = ledger_find(batch->state, ledger_item_at(batch->operation, i).id);
        /* One that met itself in its own chain has been undone with it. */
        if (said[i].status != FARM_LEDGER_TRANSFER_EXISTS || record == NULL) continue;
        if (record->timestamp_ns != 0 && record->timestamp_ns != timestamp_ns)
            batch->out->values[LEDGER_OMEN] = 1 + i;
        record->timestamp_ns = timestamp_ns;
    }
}

/* --- the batch --- */

static uint32_t accounts_of(const ledger_batch *batch, int64_t id) {
    const ledger_record *record = id == 0 ? NULL : ledger_find(batch->state, id);
    if (record == NULL) return 0;
    return UINT32_C(1) << record->item.debit | UINT32_C(1) << record->item.credit;
}

/* The accounts that it names, by themselves or by transfers; a bit each. */
static uint32_t named_accounts(const ledger_batch *batch) {
    uint32_t accounts = 0;
    for (int64_t i = 0; i < batch->operation->values[LEDGER_COUNT]; i++) {
        const ledger_item item = ledger_item_at(batch->operation, i);
        if (ledger_is_open(batch->state, item.debit)) accounts |= UINT32_C(1) << item.debit;
        if (ledger_is_open(batch->state, item.credit)) accounts |= UINT32_C(1) << item.credit;
        accounts |= accounts_of(batch, item.hold) | accounts_of(batch, item.reversed);
    }
    return accounts;
}

void ledger_post(ledger_state *state, int64_t now_us, const lab_operation *operation,
                 lab_result *out) {
    ledger_batch batch = {.state = state, .operation = operation, .out = out, .now_us = now_us};
    ledger_said said[LEDGER_ITEM_MAX];
    memset(said, 0, sizeof said);
    for (int32_t i = 1; i <= LEDGER_ACCOUNTS; i++)
        batch.versions[i] =
            out->has_facts ? out->facts[LEDGER_VERSIONS + i - 1] : state->accounts[i].version;
    const int is_import = (ledger_item_at(operation, 0).flags & FARM_LEDGER_IMPORTED) != 0;
    if (!is_import)
        (void)ledger_run_out(state, now_us, named_accounts(&batch), INT64_MAX, &batch.last_ns);
    decide_all(&batch, said);
    memcpy(out->values, said, sizeof said);
    learn_repeats(&batch, said);
}
