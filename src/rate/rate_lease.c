/* Tokens that a process has taken in advance. They were taken from the store's bucket before, so
 * whatever becomes of them, no more is let through than it gives; what is not used is given back
 * when nobody takes of the lease for a while, and lost when the process dies.
 *
 * In a slot of the table the tat is the balance in tokens, previous the units of a token, debt
 * until when the lease is in use (or one of the numbers below), extra[0] the bucket's tat in the
 * store when the lease was taken. A balance is at most lease_count: a new lease is asked for only
 * when the old one has less than the cost. */
#include "rate/rate_process.h"
#include "base/integer.h"
#include "rate_sql.h"
#include <stdlib.h>
#include <string.h>

/* As a lease's end: somebody is taking a new one. Less than that: the store would not give so
 * much, so nobody asks before that time, negated. */
#define BEING_FILLED INT64_C(-1)

enum { LEASE_US = 1000000, FORGO_US = 100000, KEPT_US = 60000000, SETTLE_MAX = 32 };

static int64_t end_of(const rate_slot *slot) {
    return rate_word_read(&slot->debt);
}

static void set_end(rate_slot *slot, int64_t end_us) {
    rate_word_write(&slot->debt, end_us);
}

/* Of clocks that were set back: no lease is in use for longer than it lasts. */
static int32_t is_in_use(int64_t end_us, int64_t now_us) {
    return end_us > now_us && end_us - now_us <= LEASE_US;
}

static int32_t may_ask(int64_t end_us, int64_t now_us) {
    if (end_us >= 0) return 1;
    return end_us != BEING_FILLED && (-end_us <= now_us || -end_us - now_us > FORGO_US);
}

/* Hold the slot of a lease; NULL: it is gone, and with it what it had. */
static rate_slot *hold(rate_process *process, rate_key key, int64_t *out_balance) {
    rate_slot *slot = NULL;
    rate_row row = {0};
    do slot = rate_table_find(&process->leases, key, &row);
    while (slot != NULL && !rate_slot_hold(slot, key, row.tat));
    *out_balance = row.tat;
    return slot;
}

/* --- taking ----------------------------------------------------------------------------------- */

/* What the rules say of the line: what the store had left when the lease was taken, what has come
 * back since, and what the lease has left. */
static void set_facts(rate_line *line, int64_t balance, int64_t store_tat) {
    line->facts = (rate_facts){.row = {.tat = store_tat - balance * line->terms->units.token},
                               .has_row = 1,
                               .is_taken = 1};
}

/* Nobody has such a lease yet; mark that this caller takes one. */
static int32_t begin(rate_process *process, const rate_line *line) {
    const rate_row first = {.previous = line->terms->units.token, .debt = BEING_FILLED};
    const int64_t now_us = line->ask.moment.now_us;
    int32_t is_new = 0;
    const rate_slot *slot = rate_table_add(&process->leases, rate_key_of(line->bucket), &first,
                                           now_us, now_us + KEPT_US, &is_new);
    return slot != NULL && is_new ? RATE_LEASE_WANTED : RATE_LEASE_NONE;
}

/* In the slot, which is held: go on with a lease that was out of use, or mark that this caller
 * takes a new one. */
static int32_t take_held(rate_slot *slot, const rate_line *line, int64_t balance) {
    const int64_t now_us = line->ask.moment.now_us;
    const int64_t left = balance - line->ask.cost;
    int32_t outcome = RATE_LEASE_NONE;
    if (left >= 0) {
        if (end_of(slot) >= 0) set_end(slot, now_us + LEASE_US);
        outcome = RATE_LEASE_TAKEN;
    } else if (may_ask(end_of(slot), now_us)) {
        set_end(slot, BEING_FILLED);
        outcome = RATE_LEASE_WANTED;
    }
    rate_word_write(&slot->expires_us, now_us + KEPT_US);
    rate_slot_let_go(slot, left >= 0 ? left : balance);
    return outcome;
}

int32_t rate_lease_take(rate_process *process, rate_line *line, int32_t may_want) {
    const int64_t now_us = line->ask.moment.now_us;
    const rate_key key = rate_key_of(line->bucket);
    for (;;) {
        rate_row row;
        rate_slot *slot = rate_table_find(&process->leases, key, &row);
        if (slot == NULL) return may_want ? begin(process, line) : RATE_LEASE_NONE;
        const int64_t balance = row.tat;
        const int64_t left = balance - line->ask.cost;
        const int64_t end_us = row.debt;
        const int64_t store_tat = rate_word_read(&slot->extra[0]);
        int32_t outcome = RATE_LEASE_TAKEN;
        if (left < 0 && !(may_want && may_ask(end_us, now_us))) return RATE_LEASE_NONE;
        if (left >= 0 && (end_us < 0 || is_in_use(end_us, now_us))) {
            if (!rate_slot_swap(slot, key, balance, left, now_us + KEPT_US)) continue;
        } else {
            if (!rate_slot_hold(slot, key, balance)) continue;
            outcome = take_held(slot, line, balance);
        }
        if (outcome != RATE_LEASE_TAKEN) return outcome;
        set_facts(line, left, store_tat);
        line->source = FARM_RATE_SOURCE_LEASE;
        return outcome;
    }
}

void rate_lease_fill(rate_process *process, rate_line *line, int64_t reset_count) {
    const int64_t now_us = line->ask.moment.now_us;
    const int64_t added = line->definition->figures.lease_count - line->ask.cost;
    const int64_t store_tat = line->facts.row.tat;
    int64_t balance = 0;
    rate_slot *slot = hold(process, rate_key_of(line->bucket), &balance);
    set_facts(line, 0, store_tat);
    if (slot == NULL) return;
    /* What was taken before a bucket was filled again is not on top of it. */
    if (atomic_load(&process->reset_count) == reset_count) balance += added;
    set_end(slot, now_us + LEASE_US);
    rate_word_write(&slot->expires_us, now_us + KEPT_US);
    rate_word_write(&slot->extra[0], store_tat);
    rate_slot_let_go(slot, balance);
    set_facts(line, balance, store_tat);
}

void rate_lease_forgo(rate_process *process, const rate_line *line) {
    int64_t balance = 0;
    rate_slot *slot = hold(process, rate_key_of(line->bucket), &balance);
    if (slot == NULL) return;
    set_end(slot, -(line->ask.moment.now_us + FORGO_US));
    rate_slot_let_go(slot, balance);
}

void rate_lease_give_back(rate_process *process, rate_key key, int64_t count, int64_t reset_count) {
    int64_t balance = 0;
    rate_slot *slot = hold(process, key, &balance);
    if (slot == NULL) return;
    if (atomic_load(&process->reset_count) == reset_count) balance += count;
    rate_slot_let_go(slot, balance);
}

void rate_lease_drop(rate_process *process, const rate_lines *lines) {
    atomic_fetch_add(&process->reset_count, 1);
    for (size_t i = 0; i < lines->count; i++) {
        int64_t balance = 0;
        rate_slot *slot = hold(process, rate_key_of(lines->items[i].bucket), &balance);
        if (slot != NULL) rate_slot_let_go(slot, 0);
    }
}

/* --- giving back ------------------------------------------------------------------------------ */

/* What is left of one lease, on its way to the store. */
typedef struct leftover {
    uint8_t bucket[RATE_KEY_SIZE];
    int64_t count;
    int64_t token; /* units */
} leftover;

typedef struct settle_operation {
    farm_id id;
    size_t count;
    leftover items[SETTLE_MAX];
} settle_operation;

/* Take what is left out of a slot; 0: there is nothing, or it is in use. */
static int32_t collect_slot(rate_process *process, rate_slot *slot, int64_t now_us, int32_t is_all,
                            leftover *out) {
    const rate_key key = {atomic_load(&slot->high), atomic_load(&slot->low)};
    rate_row row;
    if (rate_table_find(&process->leases, key, &row) != slot || row.tat <= 0) return 0;
    if (!is_all && (row.debt == BEING_FILLED || is_in_use(row.debt, now_us))) return 0;
    if (!rate_slot_hold(slot, key, row.tat)) return 0;
    memcpy(out->bucket, &key.high, sizeof key.high);
    memcpy(out->bucket + sizeof key.high, &key.low, sizeof key.low);
    out->count = row.tat;
    out->token = rate_word_read(&slot->previous);
    rate_slot_let_go(slot, 0);
    return 1;
}

static int compare_leftovers(const void *left, const void *right) {
    const leftover *one = left;
    const leftover *other = right;
    return memcmp(one->bucket, other->bucket, RATE_KEY_SIZE);
}

/* *at goes on from slot to slot. In the order of buckets, in which everybody locks them. */
static void collect(rate_process *process, int64_t now_us, int32_t is_all, size_t *at,
                    settle_operation *out) {
    const rate_table *table = &process->leases;
    out->count = 0;
    for (; *at <= table->mask && out->count < SETTLE_MAX; ++*at) {
        rate_slot *slot = &table->slots[*at];
        if (rate_word_read(&slot->tat) <= 0) continue;
        if (collect_slot(process, slot, now_us, is_all, &out->items[out->count])) out->count++;
    }
    qsort(out->items, out->count, sizeof *out->items, compare_leftovers);
}

/* As a refund that has an id, so that a repeat after an uncertain outcome gives back once. A bucket
 * whose tat falls behind its time is full. */
static farm_status give_back(farm_session *session, void *context) {
    const settle_operation *operation = context;
    rate_refund_claim_each claims[SETTLE_MAX];
    rate_bucket_refund_each refunds[SETTLE_MAX];
    uint8_t attempt[16];
    store_random(session, attempt, sizeof attempt);
    const value_blob own = value_blob_of(attempt, sizeof attempt);
    const value_blob token = value_blob_of_id(&operation->id);
    const int64_t expires_us = store_now_us(session) + RATE_REFUND_MARGIN_US;
    for (size_t i = 0; i < operation->count; i++) {
        const leftover *item = &operation->items[i];
        const value_blob bucket = value_blob_of(item->bucket, RATE_KEY_SIZE);
        claims[i] = (rate_refund_claim_each){.bucket = bucket, .expires_us = expires_us};
        refunds[i] = (rate_bucket_refund_each){
            .bucket = bucket, .increment = item->count * item->token, .reach = INT64_MAX};
    }
    store_batch batch;
    store_batch_init(&batch, session);
    rate_refund_claim(&batch, &(rate_refund_claim_params){token, own}, claims, operation->count);
    rate_bucket_refund(&batch, &(rate_bucket_refund_params){token, own}, refunds, operation->count);
    return store_finish(session, &batch);
}

farm_status rate_lease_settle(farm_session *session, rate_process *process, int32_t is_all) {
    const int64_t reset_count = atomic_load(&process->reset_count);
    settle_operation operation;
    size_t at = 0;
    farm_status status = FARM_OK;
    do {
        collect(process, store_now_us(session), is_all, &at, &operation);
        if (operation.count == 0) break;
        farm_id_new(session, &operation.id);
        status = store_operate(session, STORE_SERVICE | STORE_REPEATABLE, give_back, &operation);
    } while (status == FARM_OK && operation.count == SETTLE_MAX);
    if (status == FARM_OK || status == FARM_EUNCERTAIN) return status;
    for (size_t i = 0; i < operation.count; i++)
        rate_lease_give_back(process, rate_key_of(operation.items[i].bucket),
                             operation.items[i].count, reset_count);
    return status;
}

int32_t rate_lease_is_due(rate_process *process, int64_t now_us) {
    int64_t last_us = atomic_load(&process->settled_us);
    const int64_t passed_us = now_us - last_us;
    if (passed_us >= 0 && passed_us < LEASE_US) return 0;
    return atomic_compare_exchange_strong(&process->settled_us, &last_us, now_us);
}
