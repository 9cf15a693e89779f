/* Tokens that a process has taken in advance. They were taken from the store's bucket before, so
 * whatever becomes of them, no more is let through than it gives; what is not used is given back
 * when the lease ends, and lost when the process dies.
 *
 * In a slot of the table the tat is the balance in tokens, previous the units of a token, debt
 * until when the lease may be used (or one of the numbers below), extra the token of the take. */
#include "rate/rate_process.h"
#include "base/integer.h"
#include "rate_sql.h"
#include <string.h>

/* As a lease's end: somebody is taking a new one. Less than that: the store would not give so
 * much, so nobody asks before that time, negated. */
#define BEING_FILLED INT64_C(-1)

enum { LEASE_US = 1000000, FORGO_US = 100000, KEPT_US = 60000000, SETTLE_MAX = 32 };

static rate_key key_of(const rate_line *line) {
    return rate_key_of(line->bucket);
}

/* --- taking ----------------------------------------------------------------------------------- */

/* So that the rules say of the line what the lease has left. */
static void set_facts(rate_line *line, int64_t balance) {
    const rate_units *units = &line->terms->units;
    const int64_t left = integer_min(balance, units->burst) * units->token;
    line->facts = (rate_facts){
        .row = {.tat = line->ask.moment.now + units->capacity - left}, .has_row = 1, .is_taken = 1};
    line->source = FARM_RATE_SOURCE_LEASE;
}

static int32_t may_ask(const rate_row *row, int64_t now_us) {
    return row->debt != BEING_FILLED && (row->debt >= 0 || -row->debt <= now_us);
}

int32_t rate_lease_take(rate_process *process, rate_line *line) {
    const int64_t now_us = line->ask.moment.now_us;
    const int64_t cost = line->ask.cost;
    for (;;) {
        const rate_key key = key_of(line);
        int64_t balance = 0;
        int32_t is_new = 0;
        rate_slot *slot = rate_table_find(&process->leases, key, &balance);
        if (slot == NULL) {
            const rate_row first = {.previous = line->terms->units.token, .debt = BEING_FILLED};
            slot = rate_table_add(&process->leases, key, &first, now_us, now_us + KEPT_US, &is_new);
            if (slot == NULL) return RATE_LEASE_NONE;
            if (is_new) return RATE_LEASE_WANTED;
            continue;
        }
        rate_row row = rate_slot_row(slot, balance);
        const int32_t is_served = row.debt > now_us && balance >= cost;
        if (!is_served && !may_ask(&row, now_us)) return RATE_LEASE_NONE;
        if (is_served)
            row.tat -= cost;
        else
            row.debt = BEING_FILLED;
        if (!rate_slot_change(slot, key, balance, &row, now_us + KEPT_US)) continue;
        if (is_served) set_facts(line, row.tat);
        return is_served ? RATE_LEASE_TAKEN : RATE_LEASE_WANTED;
    }
}

/* Hold the slot of the line's lease; NULL: it is gone, and with it what it had. */
static rate_slot *hold(rate_process *process, const rate_line *line, int64_t *out_balance) {
    rate_slot *slot = NULL;
    do slot = rate_table_find(&process->leases, key_of(line), out_balance);
    while (slot != NULL && !rate_slot_hold(slot, key_of(line), *out_balance));
    return slot;
}

void rate_lease_fill(rate_process *process, const rate_line *line, const farm_id *token) {
    const int64_t now_us = line->ask.moment.now_us;
    int64_t words[2];
    int64_t balance = 0;
    rate_slot *slot = hold(process, line, &balance);
    if (slot == NULL) return;
    memcpy(words, token->bytes, sizeof words);
    atomic_store_explicit(&slot->debt, now_us + LEASE_US, memory_order_relaxed);
    atomic_store_explicit(&slot->expires_us, now_us + KEPT_US, memory_order_relaxed);
    for (size_t i = 0; i < 2; i++)
        atomic_store_explicit(&slot->extra[i], words[i], memory_order_relaxed);
    rate_slot_let_go(slot, balance + line->definition->figures.lease_count - line->ask.cost);
}

void rate_lease_forgo(rate_process *process, const rate_line *line) {
    int64_t balance = 0;
    rate_slot *slot = hold(process, line, &balance);
    if (slot == NULL) return;
    atomic_store_explicit(&slot->debt, -(line->ask.moment.now_us + FORGO_US), memory_order_relaxed);
    rate_slot_let_go(slot, balance);
}

void rate_lease_give_back(rate_process *process, const rate_line *line) {
    int64_t balance = 0;
    rate_slot *slot = hold(process, line, &balance);
    if (slot != NULL) rate_slot_let_go(slot, balance + line->ask.cost);
}

/* --- giving back ------------------------------------------------------------------------------ */

/* What is left of leases, on its way to the store. */
typedef struct settle_operation {
    size_t count;
    uint8_t buckets[SETTLE_MAX][RATE_KEY_SIZE];
    farm_id tokens[SETTLE_MAX];
    int64_t increments[SETTLE_MAX];
} settle_operation;

static void collect_slot(rate_slot *slot, rate_key key, int64_t balance, settle_operation *out) {
    const int64_t token = atomic_load_explicit(&slot->previous, memory_order_relaxed);
    int64_t words[2];
    for (size_t i = 0; i < 2; i++)
        words[i] = atomic_load_explicit(&slot->extra[i], memory_order_relaxed);
    memcpy(out->buckets[out->count], &key.high, sizeof key.high);
    memcpy(out->buckets[out->count] + sizeof key.high, &key.low, sizeof key.low);
    memcpy(out->tokens[out->count].bytes, words, sizeof words);
    out->increments[out->count++] = balance * token;
    atomic_store_explicit(&slot->debt, 0, memory_order_relaxed);
}

/* Take what is left out of the leases; *at goes on from slot to slot. */
static void collect(rate_process *process, int64_t now_us, int32_t is_all, size_t *at,
                    settle_operation *out) {
    const rate_table *table = &process->leases;
    out->count = 0;
    for (; *at <= table->mask && out->count < SETTLE_MAX; ++*at) {
        rate_slot *slot = &table->slots[*at];
        const rate_key key = {atomic_load(&slot->high), atomic_load(&slot->low)};
        int64_t balance = 0;
        if (atomic_load(&slot->tat) <= 0 ||
            rate_table_find(&process->leases, key, &balance) != slot || balance <= 0)
            continue;
        const int64_t end_us = atomic_load_explicit(&slot->debt, memory_order_relaxed);
        if (end_us == BEING_FILLED || (end_us > now_us && !is_all)) continue;
        if (!rate_slot_hold(slot, key, balance)) continue;
        collect_slot(slot, key, balance, out);
        rate_slot_let_go(slot, 0);
    }
}

/* As refunds of the takes that they came from. A bucket whose tat falls behind its time is full. */
static farm_status give_back(farm_session *session, void *context) {
    const settle_operation *operation = context;
    uint8_t attempt[16];
    store_random(session, attempt, sizeof attempt);
    const value_blob own = value_blob_of(attempt, sizeof attempt);
    store_batch batch;
    store_batch_init(&batch, session);
    for (size_t i = 0; i < operation->count; i++) {
        const value_blob bucket = value_blob_of(operation->buckets[i], RATE_KEY_SIZE);
        const value_blob token = value_blob_of_id(&operation->tokens[i]);
        const rate_refund_claim_each claim = {
            .bucket = bucket, .expires_us = store_now_us(session) + RATE_REFUND_MARGIN_US};
        const rate_bucket_refund_each refund = {
            .bucket = bucket, .increment = operation->increments[i], .reach = INT64_MAX};
        rate_refund_claim(&batch, &(rate_refund_claim_params){token, own}, &claim, 1);
        rate_bucket_refund(&batch, &(rate_bucket_refund_params){token, own}, &refund, 1);
    }
    return store_finish(session, &batch);
}

farm_status rate_lease_settle(farm_session *session, rate_process *process, int32_t is_all) {
    settle_operation operation;
    size_t at = 0;
    farm_status status = FARM_OK;
    do {
        collect(process, store_now_us(session), is_all, &at, &operation);
        if (operation.count > 0)
            status =
                store_operate(session, STORE_SERVICE | STORE_REPEATABLE, give_back, &operation);
    } while (status == FARM_OK && operation.count == SETTLE_MAX);
    return status;
}

int32_t rate_lease_is_due(rate_process *process, int64_t now_us) {
    int64_t last_us = atomic_load(&process->settled_us);
    const int64_t passed_us = now_us - last_us;
    if (passed_us >= 0 && passed_us < LEASE_US) return 0;
    return atomic_compare_exchange_strong(&process->settled_us, &last_us, now_us);
}
