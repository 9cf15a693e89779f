/* The fault lab: the ledger: transfers that are new. The order of the checks is that of the tables
 * in docs/ledger.md. */
#include "fault/model_ledger.h"
#include <string.h>

#define BALANCING (FARM_LEDGER_BALANCING_DEBIT | FARM_LEDGER_BALANCING_CREDIT)
#define CLOSING (FARM_LEDGER_CLOSING_DEBIT | FARM_LEDGER_CLOSING_CREDIT)
#define REFUSE(name) return FARM_LEDGER_TRANSFER_##name

static int overflows(int64_t one, int64_t other) {
    return one > INT64_MAX - other;
}

static int64_t smaller(int64_t one, int64_t other) {
    return one < other ? one : other;
}

/* What is there beyond what is used, or nothing. */
static int64_t beyond(int64_t there, int64_t pending, int64_t posted) {
    const int64_t used = pending + posted;
    return there > used ? there - used : 0;
}

/* --- what both kinds have in common --- */

/* An import is always of the first nanosecond of time: the accounts are younger, and so is every
 * event. */
static int64_t check_import(const ledger_batch *batch, const ledger_item *item) {
    if (!(item->flags & FARM_LEDGER_IMPORTED)) return 0;
    const int8_t book = ledger_figures_of[item->debit].book;
    for (int32_t i = 1; i <= LEDGER_ACCOUNTS; i++)
        if (ledger_figures_of[i].book == book && batch->state->accounts[i].version > 0)
            REFUSE(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    REFUSE(IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT);
}

/* What has no date of its own is of now, to which no book is closed here. */
static int64_t check_period(const ledger_state *state, const ledger_item *item) {
    const int64_t closed_us = state->closed_through_us[item->book];
    if (item->effective_us != 0 && item->effective_us <= closed_us)
        REFUSE(EFFECTIVE_IN_CLOSED_PERIOD);
    return 0;
}

static int64_t check_closed(const ledger_state *state, int32_t debit, int32_t credit) {
    if (ledger_is_closed(state, debit)) REFUSE(DEBIT_ACCOUNT_ALREADY_CLOSED);
    if (ledger_is_closed(state, credit)) REFUSE(CREDIT_ACCOUNT_ALREADY_CLOSED);
    return 0;
}

/* What the operand is added to; 0 where the item leaves the account to its hold. */
static int64_t version_before(const ledger_batch *batch, const ledger_item *item, int8_t account) {
    const int is_known = account >= 1 && account <= LEDGER_ACCOUNTS;
    return is_known && (item->conditions & LEDGER_RELATIVE) ? batch->versions[account] : 0;
}

/* left: what remains on the debit account afterwards. */
static int64_t check_conditions(const ledger_batch *batch, const ledger_item *item, int32_t debit,
                                int32_t credit, int64_t left) {
    const ledger_account *accounts = batch->state->accounts;
    const int64_t debit_version = item->operand + version_before(batch, item, item->debit);
    const int64_t credit_version = item->operand + version_before(batch, item, item->credit);
    if ((item->conditions & FARM_LEDGER_IF_DEBIT_VERSION) &&
        accounts[debit].version != debit_version)
        REFUSE(CONDITION_FAILED);
    if ((item->conditions & FARM_LEDGER_IF_CREDIT_VERSION) &&
        accounts[credit].version != credit_version)
        REFUSE(CONDITION_FAILED);
    if ((item->conditions & FARM_LEDGER_IF_DEBIT_BALANCE) && left < item->operand)
        REFUSE(CONDITION_FAILED);
    return 0;
}

/* The timestamp that it was given, which has to be later than what both accounts had. 0: nobody
 * knows, or it will be undone with its chain. */
static int64_t take_timestamp(ledger_batch *batch, const ledger_item *item) {
    ledger_account *debit = &batch->state->accounts[item->debit];
    ledger_account *credit = &batch->state->accounts[item->credit];
    const int64_t timestamp_ns =
        batch->out->has_facts ? batch->out->facts[LEDGER_TIMESTAMPS + batch->place] : 0;
    if (timestamp_ns == 0) {
        ledger_pass(batch->state, item, batch->now_us, &batch->last_ns);
    } else {
        if (timestamp_ns <= debit->last_ns || timestamp_ns <= credit->last_ns)
            batch->out->values[LEDGER_OMEN] = 1 + batch->place;
        debit->last_ns = credit->last_ns = batch->last_ns = timestamp_ns;
    }
    return timestamp_ns;
}

/* It happened: remember it with what the accounts have now. */
static void happen(ledger_batch *batch, const ledger_item *item, int32_t kind, ledger_said *said) {
    ledger_record record = {.item = *item, .kind = kind, .round_us = batch->operation->now_us};
    record.item.amount = said->amount;
    record.item.operand = 0;
    record.item.conditions = 0;
    said->debit = record.debit = batch->state->accounts[item->debit].balances;
    said->credit = record.credit = batch->state->accounts[item->credit].balances;
    record.timestamp_ns = take_timestamp(batch, item);
    ledger_remember(batch->state, &record);
}

/* --- those that move or hold --- */

static int64_t check_form(const ledger_item *item) {
    if (item->debit == LEDGER_ZEROS) REFUSE(DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO);
    if (item->debit == LEDGER_ONES) REFUSE(DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX);
    if (item->credit == LEDGER_ZEROS) REFUSE(CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO);
    if (item->credit == LEDGER_ONES) REFUSE(CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX);
    if (item->debit == item->credit) REFUSE(ACCOUNTS_MUST_BE_DIFFERENT);
    if (item->hold != 0) REFUSE(PENDING_ID_MUST_BE_ZERO);
    if (!(item->flags & FARM_LEDGER_PENDING)) {
        if (item->timeout_us != 0) REFUSE(TIMEOUT_RESERVED_FOR_PENDING_TRANSFER);
        if (item->flags & CLOSING) REFUSE(CLOSING_TRANSFER_MUST_BE_PENDING);
    }
    if (item->book == LEDGER_BOOK_NONE) REFUSE(LEDGER_MUST_NOT_BE_ZERO);
    if (item->code == 0) REFUSE(CODE_MUST_NOT_BE_ZERO);
    return 0;
}

static int64_t check_found(ledger_batch *batch, const ledger_item *item) {
    const ledger_state *state = batch->state;
    if (!ledger_is_open(state, item->debit)) REFUSE(DEBIT_ACCOUNT_NOT_FOUND);
    if (!ledger_is_open(state, item->credit)) REFUSE(CREDIT_ACCOUNT_NOT_FOUND);
    batch->debit = item->debit;
    batch->credit = item->credit;
    const int8_t book = ledger_figures_of[item->debit].book;
    if (book != ledger_figures_of[item->credit].book) REFUSE(ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER);
    if (book != item->book) REFUSE(TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS);
    return 0;
}

static int64_t amount_of(const ledger_item *item, const ledger_balances *debit,
                         const ledger_balances *credit) {
    int64_t amount = item->amount;
    if (item->flags & FARM_LEDGER_BALANCING_DEBIT)
        amount = smaller(
            amount, beyond(debit->credits_posted, debit->debits_pending, debit->debits_posted));
    if (item->flags & FARM_LEDGER_BALANCING_CREDIT)
        amount = smaller(
            amount, beyond(credit->debits_posted, credit->credits_pending, credit->credits_posted));
    return amount;
}

static int64_t check_sums(const ledger_item *item, int64_t amount, const ledger_balances *debit,
                          const ledger_balances *credit) {
    if (item->flags & FARM_LEDGER_PENDING) {
        if (overflows(amount, debit->debits_pending)) REFUSE(OVERFLOWS_DEBITS_PENDING);
        if (overflows(amount, credit->credits_pending)) REFUSE(OVERFLOWS_CREDITS_PENDING);
    }
    if (overflows(amount, debit->debits_posted)) REFUSE(OVERFLOWS_DEBITS_POSTED);
    if (overflows(amount, credit->credits_posted)) REFUSE(OVERFLOWS_CREDITS_POSTED);
    if (overflows(amount, debit->debits_pending + debit->debits_posted)) REFUSE(OVERFLOWS_DEBITS);
    if (overflows(amount, credit->credits_pending + credit->credits_posted))
        REFUSE(OVERFLOWS_CREDITS);
    /* Drawn are such that are either much too long or not. */
    if (item->timeout_us > INT64_C(4000000000000000)) REFUSE(OVERFLOWS_TIMEOUT);
    return 0;
}

static int64_t check_limits(const ledger_item *item, int64_t amount, const ledger_balances *debit,
                            const ledger_balances *credit) {
    const ledger_figures *payer = &ledger_figures_of[item->debit];
    const ledger_figures *payee = &ledger_figures_of[item->credit];
    const int64_t debits = debit->debits_pending + debit->debits_posted + amount;
    const int64_t credits = credit->credits_pending + credit->credits_posted + amount;
    if ((payer->flags & FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS) &&
        debits - debit->credits_posted > payer->credit_limit)
        REFUSE(EXCEEDS_CREDITS);
    if ((payee->flags & FARM_LEDGER_ACCOUNT_CREDITS_MUST_NOT_EXCEED_DEBITS) &&
        credits > credit->debits_posted)
        REFUSE(EXCEEDS_DEBITS);
    return 0;
}

static int64_t move(ledger_batch *batch, const ledger_item *item, ledger_said *said) {
    int64_t refusal = check_form(item);
    if (refusal == 0) refusal = check_found(batch, item);
    if (refusal == 0) refusal = check_import(batch, item);
    if (refusal == 0) refusal = check_period(batch->state, item);
    if (refusal == 0) refusal = check_closed(batch->state, item->debit, item->credit);
    if (refusal != 0) return refusal;
    ledger_account *debit = &batch->state->accounts[item->debit];
    ledger_account *credit = &batch->state->accounts[item->credit];
    const int64_t amount = amount_of(item, &debit->balances, &credit->balances);
    refusal = check_sums(item, amount, &debit->balances, &credit->balances);
    if (refusal == 0) refusal = check_limits(item, amount, &debit->balances, &credit->balances);
    const int64_t left = debit->balances.credits_posted -
                         (debit->balances.debits_pending + debit->balances.debits_posted);
    if (refusal == 0)
        refusal = check_conditions(batch, item, item->debit, item->credit, left - amount);
    if (refusal != 0) return refusal;

    const int is_hold = (item->flags & FARM_LEDGER_PENDING) != 0;
    *(is_hold ? &debit->balances.debits_pending : &debit->balances.debits_posted) += amount;
    *(is_hold ? &credit->balances.credits_pending : &credit->balances.credits_posted) += amount;
    if (item->flags & FARM_LEDGER_CLOSING_DEBIT) debit->is_closed = 1;
    if (item->flags & FARM_LEDGER_CLOSING_CREDIT) credit->is_closed = 1;
    debit->version++;
    credit->version++;
    said->amount = amount;
    happen(batch, item, is_hold ? FARM_LEDGER_KIND_PENDING : FARM_LEDGER_KIND_SINGLE, said);
    return 0;
}

/* --- those that post or void --- */

static int64_t check_resolution(const ledger_item *item) {
    const uint32_t both = FARM_LEDGER_POST_PENDING_TRANSFER | FARM_LEDGER_VOID_PENDING_TRANSFER;
    if ((item->flags & both) == both || (item->flags & (FARM_LEDGER_PENDING | BALANCING | CLOSING)))
        REFUSE(FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    if (item->hold == LEDGER_ZEROS) REFUSE(PENDING_ID_MUST_NOT_BE_ZERO);
    if (item->hold == LEDGER_ONES) REFUSE(PENDING_ID_MUST_NOT_BE_INT_MAX);
    if (item->hold == item->id) REFUSE(PENDING_ID_MUST_BE_DIFFERENT);
    if (item->timeout_us != 0) REFUSE(TIMEOUT_RESERVED_FOR_PENDING_TRANSFER);
    return 0;
}

static int64_t check_hold(const ledger_item *item, const ledger_record *hold) {
    if (item->debit != LEDGER_ZEROS && item->debit != hold->item.debit)
        REFUSE(PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID);
    if (item->credit != LEDGER_ZEROS && item->credit != hold->item.credit)
        REFUSE(PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID);
    if (item->book != LEDGER_BOOK_NONE && item->book != hold->item.book)
        REFUSE(PENDING_TRANSFER_HAS_DIFFERENT_LEDGER);
    if (item->code != 0 && item->code != hold->item.code)
        REFUSE(PENDING_TRANSFER_HAS_DIFFERENT_CODE);
    return 0;
}

/* What the item was told, where it is the store's choice; of an answer that was lost, either. */
static int was_told(const ledger_batch *batch, int32_t fact) {
    if (batch->out->has_facts) return (int)(batch->out->facts[fact] >> batch->place & 1);
    const int32_t bit = batch->out->choices == 0 ? 1 : batch->out->choices;
    batch->out->choices = bit * 2;
    return (batch->out->choice & bit) != 0;
}

/* Whether it is missed that comes into being at that moment, where nobody has to wait: several
 * write at once, and the accounts that both lock are not named. */
static int is_missed(const ledger_batch *batch, const ledger_item *item,
                     const ledger_record *hold) {
    const int is_beside = hold->round_us == batch->operation->now_us;
    const int8_t debit = hold->item.debit;
    const int8_t credit = hold->item.credit;
    const int is_named = item->debit == debit || item->debit == credit || item->credit == debit ||
                         item->credit == credit;
    if (*lab_schema == '\0' || !is_beside || is_named) return 0;
    return was_told(batch, LEDGER_TOLD_MISSING);
}

/* By the time of the event, which is the store's choice, within bounds. */
static int has_run_out(ledger_batch *batch, const ledger_record *hold, int is_import) {
    const ledger_account *accounts = batch->state->accounts;
    int64_t latest_ns = batch->now_us * 1000;
    if (batch->last_ns > latest_ns) latest_ns = batch->last_ns;
    if (accounts[hold->item.debit].last_ns > latest_ns)
        latest_ns = accounts[hold->item.debit].last_ns;
    if (accounts[hold->item.credit].last_ns > latest_ns)
        latest_ns = accounts[hold->item.credit].last_ns;
    if (hold->item.timeout_us == 0 || is_import) return 0;
    int64_t end_ns = ledger_end_ns(hold);
    if (hold->timestamp_ns == 0) end_ns = latest_ns + hold->item.timeout_us * 1000;
    if (end_ns <= latest_ns - LEDGER_STEP_NS) return 1;
    if (end_ns > latest_ns + INT64_C(64) * LEDGER_STEP_NS) return 0;
    return was_told(batch, LEDGER_TOLD_EXPIRED);
}

static int64_t check_ended(ledger_batch *batch, const ledger_record *hold, int is_import) {
    if (hold->resolution == FARM_LEDGER_KIND_POSTED) REFUSE(PENDING_TRANSFER_ALREADY_POSTED);
    if (hold->resolution == FARM_LEDGER_KIND_VOIDED) REFUSE(PENDING_TRANSFER_ALREADY_VOIDED);
    if (hold->resolution == FARM_LEDGER_KIND_EXPIRED) REFUSE(PENDING_TRANSFER_EXPIRED);
    if (has_run_out(batch, hold, is_import)) REFUSE(PENDING_TRANSFER_EXPIRED);
    return 0;
}

static int64_t check_resolved_amount(int is_post, int64_t amount, int64_t held) {
    if (amount > held) REFUSE(EXCEEDS_PENDING_TRANSFER_AMOUNT);
    if (!is_post && amount < held) REFUSE(PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT);
    return 0;
}

/* What it leaves at zero is its hold's, or that of what it reverses. */
static ledger_item complete(const ledger_item *item, const ledger_item *former) {
    ledger_item whole = *item;
    whole.debit = item->reversed == 0 ? former->debit : former->credit;
    whole.credit = item->reversed == 0 ? former->credit : former->debit;
    whole.book = former->book;
    if (whole.code == 0) whole.code = former->code;
    for (int i = 0; i < 3; i++)
        if (whole.data[i] == 0) whole.data[i] = former->data[i];
    return whole;
}

static int64_t resolve(ledger_batch *batch, const ledger_item *item, ledger_said *said) {
    ledger_state *state = batch->state;
    int64_t refusal = check_resolution(item);
    if (refusal != 0) return refusal;
    ledger_record *hold = ledger_find(state, item->hold);
    if (hold == NULL || is_missed(batch, item, hold)) REFUSE(PENDING_TRANSFER_NOT_FOUND);
    if (hold->kind != FARM_LEDGER_KIND_PENDING) REFUSE(PENDING_TRANSFER_NOT_PENDING);
    const int is_post = (item->flags & FARM_LEDGER_POST_PENDING_TRANSFER) != 0;
    const ledger_item held = hold->item;
    int64_t amount = item->amount;
    if (is_post ? amount == FARM_LEDGER_AMOUNT_MAX : amount == 0) amount = held.amount;
    batch->debit = held.debit;
    batch->credit = held.credit;
    refusal = check_hold(item, hold);
    if (refusal == 0) refusal = check_resolved_amount(is_post, amount, held.amount);
    if (refusal == 0) refusal = check_ended(batch, hold, (item->flags & FARM_LEDGER_IMPORTED) != 0);
    const ledger_item whole = complete(item, &held);
    if (refusal == 0) refusal = check_import(batch, &whole);
    if (refusal == 0) refusal = check_period(state, &whole);
    if (refusal == 0 && is_post) refusal = check_closed(state, held.debit, held.credit);
    const ledger_balances *debit = &state->accounts[held.debit].balances;
    const int64_t left = debit->credits_posted - (debit->debits_pending + debit->debits_posted) +
                         held.amount - (is_post ? amount : 0);
    if (refusal == 0) refusal = check_conditions(batch, item, held.debit, held.credit, left);
    if (refusal != 0) return refusal;

    const int32_t kind = is_post ? FARM_LEDGER_KIND_POSTED : FARM_LEDGER_KIND_VOIDED;
    ledger_end_hold(state, hold, kind, amount);
    said->amount = amount;
    happen(batch, &whole, kind, said);
    return 0;
}

/* --- those that move back --- */

static int64_t check_reversal(const ledger_item *item) {
    if (item->flags & ~(uint32_t)(FARM_LEDGER_LINKED | FARM_LEDGER_IMPORTED))
        REFUSE(FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    if (item->hold != 0) REFUSE(PENDING_ID_MUST_BE_ZERO);
    if (item->reversed == item->id) REFUSE(REVERSED_ID_MUST_BE_DIFFERENT);
    if (item->timeout_us != 0) REFUSE(TIMEOUT_RESERVED_FOR_PENDING_TRANSFER);
    if (item->reversed == LEDGER_ONES) REFUSE(REVERSED_ID_MUST_NOT_BE_INT_MAX);
    return 0;
}

static int64_t check_reversed(const ledger_item *item, const ledger_item *former) {
    if (item->debit != LEDGER_ZEROS && item->debit != former->credit)
        REFUSE(REVERSED_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID);
    if (item->credit != LEDGER_ZEROS && item->credit != former->debit)
        REFUSE(REVERSED_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID);
    if (item->book != LEDGER_BOOK_NONE && item->book != former->book)
        REFUSE(REVERSED_TRANSFER_HAS_DIFFERENT_LEDGER);
    return 0;
}

static int64_t check_what_is_left(int64_t amount, int64_t left) {
    if (left == 0) REFUSE(REVERSED_TRANSFER_ALREADY_REVERSED);
    if (amount > left) REFUSE(EXCEEDS_REVERSIBLE_AMOUNT);
    return 0;
}

static int64_t reverse(ledger_batch *batch, const ledger_item *item, ledger_said *said) {
    ledger_state *state = batch->state;
    int64_t refusal = check_reversal(item);
    if (refusal != 0) return refusal;
    ledger_record *former = ledger_find(state, item->reversed);
    if (former == NULL || is_missed(batch, item, former)) REFUSE(REVERSED_TRANSFER_NOT_FOUND);
    if (former->kind != FARM_LEDGER_KIND_SINGLE && former->kind != FARM_LEDGER_KIND_POSTED)
        REFUSE(REVERSED_TRANSFER_NOT_REVERSIBLE);
    const ledger_item whole = complete(item, &former->item);
    batch->debit = whole.debit;
    batch->credit = whole.credit;
    ledger_account *debit = &state->accounts[whole.debit];
    ledger_account *credit = &state->accounts[whole.credit];
    const int64_t came_back = former->came_back;
    const int64_t left = former->item.amount - came_back;
    const int64_t amount = item->amount == FARM_LEDGER_AMOUNT_MAX ? left : item->amount;
    refusal = check_reversed(item, &former->item);
    if (refusal == 0) refusal = check_what_is_left(amount, left);
    if (refusal == 0) refusal = check_import(batch, &whole);
    if (refusal == 0) refusal = check_period(state, &whole);
    if (refusal == 0) refusal = check_closed(state, whole.debit, whole.credit);
    if (refusal == 0) refusal = check_sums(&whole, amount, &debit->balances, &credit->balances);
    if (refusal == 0) refusal = check_limits(&whole, amount, &debit->balances, &credit->balances);
    const int64_t rest = debit->balances.credits_posted -
                         (debit->balances.debits_pending + debit->balances.debits_posted);
    if (refusal == 0)
        refusal = check_conditions(batch, item, whole.debit, whole.credit, rest - amount);
    if (refusal != 0) return refusal;

    debit->balances.debits_posted += amount;
    credit->balances.credits_posted += amount;
    debit->version++;
    credit->version++;
    former->came_back = came_back + amount;
    said->amount = amount;
    happen(batch, &whole, FARM_LEDGER_KIND_REVERSAL, said);
    return 0;
}

void ledger_transfer(ledger_batch *batch, const ledger_item *item, ledger_said *said) {
    const uint32_t resolves = FARM_LEDGER_POST_PENDING_TRANSFER | FARM_LEDGER_VOID_PENDING_TRANSFER;
    if (item->reversed != 0)
        said->status = reverse(batch, item, said);
    else
        said->status =
            item->flags & resolves ? resolve(batch, item, said) : move(batch, item, said);
}
