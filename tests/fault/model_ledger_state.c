/* The fault lab: the ledger: what is remembered, and what runs out. */
#include "fault/model_ledger.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ledger_figures ledger_figures_of[LEDGER_ACCOUNTS + 1] = {
    [1] = {.book = 1},
    [2] = {.book = 1},
    [3] = {.book = 1, .flags = FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS},
    [4] = {.book = 1,
           .flags = FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS,
           .credit_limit = 25},
    [5] = {.book = 1, .flags = FARM_LEDGER_ACCOUNT_CREDITS_MUST_NOT_EXCEED_DEBITS},
    [6] = {.book = 1, .flags = FARM_LEDGER_ACCOUNT_CLOSED},
    [7] = {.book = 2},
    [8] = {.book = 2, .flags = FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS},
    [9] = {.book = 1},
};

/* --- accounts --- */

int ledger_is_open(const ledger_state *state, int32_t account) {
    if (account < 1 || account > LEDGER_ACCOUNTS) return 0;
    return account < LEDGER_ACCOUNTS || state->accounts[account].is_open;
}

int ledger_is_closed(const ledger_state *state, int32_t account) {
    return (ledger_figures_of[account].flags & FARM_LEDGER_ACCOUNT_CLOSED) ||
           state->accounts[account].is_closed;
}

/* --- transfers --- */

ledger_record *ledger_find(ledger_state *state, int64_t id) {
    for (int64_t i = 0; i < state->record_count; i++)
        if (state->records[i].item.id == id) return &state->records[i];
    return NULL;
}

static void add_event(ledger_state *state, int32_t account) {
    state->event_count++;
    state->waiting[ledger_figures_of[account].book]++;
}

/* The oldest that nobody can ask for any more, nor runs out, is forgotten. */
static void forget_one(ledger_state *state) {
    int64_t place = state->record_count - 1;
    while (place > LEDGER_LOOKED && state->records[place].kind == FARM_LEDGER_KIND_PENDING &&
           state->records[place].resolution == 0 && state->records[place].item.timeout_us > 0)
        place--;
    if (place <= LEDGER_LOOKED) {
        fputs("the model of the ledger has no room: LEDGER_RECORD_MAX\n", stderr);
        abort();
    }
    memmove(&state->records[place], &state->records[place + 1],
            sizeof *state->records * (size_t)(state->record_count - 1 - place));
    state->record_count--;
    memset(&state->records[state->record_count], 0, sizeof *state->records);
}

ledger_record *ledger_remember(ledger_state *state, const ledger_record *record) {
    if (state->record_count == LEDGER_RECORD_MAX) forget_one(state);
    int64_t place = 0;
    while (place < state->record_count && state->records[place].item.id > record->item.id) place++;
    memmove(&state->records[place + 1], &state->records[place],
            sizeof *state->records * (size_t)(state->record_count - place));
    state->records[place] = *record;
    state->record_count++;
    add_event(state, record->item.debit);
    return &state->records[place];
}

int ledger_is_burnt(const ledger_state *state, int64_t id) {
    for (int64_t i = 0; i < LEDGER_RECORD_MAX; i++)
        if (state->burnt[i] == id) return 1;
    return 0;
}

void ledger_burn(ledger_state *state, int64_t id) {
    int64_t place = 0;
    state->burnt_count++;
    while (place < LEDGER_RECORD_MAX && state->burnt[place] > id) place++;
    if (place == LEDGER_RECORD_MAX) return;
    memmove(&state->burnt[place + 1], &state->burnt[place],
            sizeof *state->burnt * (size_t)(LEDGER_RECORD_MAX - 1 - place));
    state->burnt[place] = id;
}

/* --- holds --- */

int64_t ledger_end_ns(const ledger_record *hold) {
    const int is_open = hold->kind == FARM_LEDGER_KIND_PENDING && hold->resolution == 0;
    if (!is_open || hold->item.timeout_us == 0 || hold->timestamp_ns == 0) return INT64_MAX;
    return hold->timestamp_ns + hold->item.timeout_us * 1000;
}

void ledger_end_hold(ledger_state *state, ledger_record *hold, int32_t kind, int64_t amount) {
    ledger_account *debit = &state->accounts[hold->item.debit];
    ledger_account *credit = &state->accounts[hold->item.credit];
    debit->balances.debits_pending -= hold->item.amount;
    credit->balances.credits_pending -= hold->item.amount;
    if (kind == FARM_LEDGER_KIND_POSTED) {
        debit->balances.debits_posted += amount;
        credit->balances.credits_posted += amount;
    } else {
        if (hold->item.flags & FARM_LEDGER_CLOSING_DEBIT) debit->is_closed = 0;
        if (hold->item.flags & FARM_LEDGER_CLOSING_CREDIT) credit->is_closed = 0;
    }
    debit->version++;
    credit->version++;
    hold->resolution = kind;
}

void ledger_pass(ledger_state *state, const ledger_item *item, int64_t now_us, int64_t *last_ns) {
    ledger_account *debit = &state->accounts[item->debit];
    ledger_account *credit = &state->accounts[item->credit];
    if (*last_ns < now_us * 1000 - LEDGER_STEP_NS) *last_ns = now_us * 1000 - LEDGER_STEP_NS;
    if (*last_ns < debit->last_ns) *last_ns = debit->last_ns;
    if (*last_ns < credit->last_ns) *last_ns = credit->last_ns;
    debit->last_ns = credit->last_ns = *last_ns;
}

static ledger_record *find_oldest(ledger_state *state, int64_t now_us, uint32_t accounts) {
    ledger_record *oldest = NULL;
    for (int64_t i = 0; i < state->record_count; i++) {
        ledger_record *record = &state->records[i];
        const int is_meant =
            (accounts >> record->item.debit & 1) || (accounts >> record->item.credit & 1);
        if (!is_meant || ledger_end_ns(record) > now_us * 1000) continue;
        if (oldest == NULL || ledger_end_ns(record) < ledger_end_ns(oldest)) oldest = record;
    }
    return oldest;
}

int64_t ledger_run_out(ledger_state *state, int64_t now_us, uint32_t accounts, int64_t most,
                       int64_t *last_ns) {
    int64_t count = 0;
    for (; count < most; count++) {
        ledger_record *hold = find_oldest(state, now_us, accounts);
        if (hold == NULL) break;
        ledger_end_hold(state, hold, FARM_LEDGER_KIND_EXPIRED, hold->item.amount);
        ledger_pass(state, &hold->item, now_us, last_ns);
        add_event(state, hold->item.debit);
    }
    return count;
}

int64_t ledger_time_of(ledger_state *state, int64_t now_us, const lab_operation *operation) {
    const ledger_record *hold = ledger_find(state, operation->values[LEDGER_EDGE]);
    const int64_t end_ns = hold == NULL ? INT64_MAX : ledger_end_ns(hold);
    const int64_t edge_us = end_ns / 1000 + operation->values[LEDGER_LATE_US];
    const int is_soon = end_ns < INT64_MAX && edge_us > now_us && edge_us - now_us < 60000000;
    return is_soon ? edge_us : now_us;
}
