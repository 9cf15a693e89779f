/* The table of buckets in the process; see rate_table.h.
 *
 * A row changes by a compare-and-swap of its tat. To write more than that, or to give the slot to
 * another key, a thread first swaps in BUSY, so that every swap of another fails; who finds BUSY
 * waits for those few stores. A tat is loaded before the key is looked at: when the key is the
 * right one then, the tat was its own, or the swap will fail. That a slot was given away in between
 * and has, by chance, the very same tat again is seen after the swap, which is then taken back. */
#include "rate/rate_table.h"
#include "base/clock.h"
#include <string.h>

enum { SPINS = 200, PAUSE_US = 20, SECOND_US = 1000000 };

/* Whoever holds what we wait for is about to let go, unless its thread was stopped. */
static void wait_a_little(uint32_t *spins) {
    if (++*spins % SPINS == 0) clock_sleep_us(PAUSE_US);
}

farm_status rate_table_make(rate_table *table, size_t bucket_count) {
    size_t count = RATE_TABLE_WINDOW;
    while (count < bucket_count * 2) count *= 2;
    rate_slot *slots = farm_allocate(count * sizeof *slots);
    if (slots == NULL) return FARM_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        memset(&slots[i], 0, sizeof slots[i]);
        atomic_init(&slots[i].tat, RATE_SLOT_EMPTY);
    }
    for (size_t i = 0; i < RATE_TABLE_LATCHES; i++) atomic_flag_clear(&table->latches[i]);
    table->slots = slots;
    table->mask = count - 1;
    return FARM_OK;
}

void rate_table_free(rate_table *table) {
    farm_free(table->slots);
    table->slots = NULL;
}

rate_key rate_key_of(const uint8_t bytes[RATE_TABLE_KEY_SIZE]) {
    rate_key key;
    memcpy(&key.high, bytes, sizeof key.high);
    memcpy(&key.low, bytes + sizeof key.high, sizeof key.low);
    return key;
}

static rate_slot *slot_at(const rate_table *table, rate_key key, size_t step) {
    return &table->slots[(size_t)(key.low + step) & table->mask];
}

static int32_t has_key(const rate_slot *slot, rate_key key) {
    return atomic_load_explicit(&slot->high, memory_order_relaxed) == key.high &&
           atomic_load_explicit(&slot->low, memory_order_relaxed) == key.low;
}

/* The tat when nobody is writing. */
static int64_t settled_tat(const rate_slot *slot) {
    uint32_t spins = 0;
    int64_t tat = atomic_load_explicit(&slot->tat, memory_order_acquire);
    while (tat == RATE_SLOT_BUSY) {
        wait_a_little(&spins);
        tat = atomic_load_explicit(&slot->tat, memory_order_acquire);
    }
    return tat;
}

/* A slot is never empty again, so the first empty one ends the search. */
rate_slot *rate_table_find(rate_table *table, rate_key key, int64_t *out_tat) {
    for (size_t step = 0; step < RATE_TABLE_WINDOW; step++) {
        rate_slot *slot = slot_at(table, key, step);
        *out_tat = settled_tat(slot);
        if (*out_tat == RATE_SLOT_EMPTY) return NULL;
        if (has_key(slot, key)) return slot;
    }
    return NULL;
}

/* Take a slot that nobody needs any more; its tat is BUSY then. */
static int32_t seize(rate_slot *slot, int64_t now_us) {
    int64_t tat = settled_tat(slot);
    if (tat != RATE_SLOT_EMPTY &&
        atomic_load_explicit(&slot->expires_us, memory_order_relaxed) > now_us)
        return 0;
    return atomic_compare_exchange_strong_explicit(&slot->tat, &tat, RATE_SLOT_BUSY,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

static rate_slot *seize_one(rate_table *table, rate_key key, int64_t now_us) {
    for (size_t step = 0; step < RATE_TABLE_WINDOW; step++) {
        rate_slot *slot = slot_at(table, key, step);
        if (seize(slot, now_us)) return slot;
    }
    return NULL;
}

/* Each word is released, so that who has read one of them finds the tat BUSY, or newer. */
static void fill(rate_slot *slot, rate_key key, const rate_row *row, int64_t expires_us) {
    const memory_order order = memory_order_release;
    atomic_store_explicit(&slot->high, key.high, order);
    atomic_store_explicit(&slot->low, key.low, order);
    atomic_store_explicit(&slot->previous, row->previous, order);
    atomic_store_explicit(&slot->debt, row->debt, order);
    atomic_store_explicit(&slot->expires_us, expires_us, order);
    for (size_t i = 0; i < 2; i++) atomic_store_explicit(&slot->extra[i], 0, order);
    atomic_store_explicit(&slot->tat, row->tat, order);
}

/* Of all who add the same key one comes first: they share a latch. */
rate_slot *rate_table_add(rate_table *table, rate_key key, const rate_row *row, int64_t now_us,
                          int64_t expires_us, int32_t *out_is_new) {
    atomic_flag *latch = &table->latches[key.high % RATE_TABLE_LATCHES];
    uint32_t spins = 0;
    int64_t tat = 0;
    while (atomic_flag_test_and_set_explicit(latch, memory_order_acquire)) wait_a_little(&spins);
    rate_slot *slot = rate_table_find(table, key, &tat);
    *out_is_new = slot == NULL;
    if (slot == NULL) {
        slot = seize_one(table, key, now_us);
        if (slot != NULL) fill(slot, key, row, expires_us);
    }
    atomic_flag_clear_explicit(latch, memory_order_release);
    return slot;
}

rate_row rate_slot_row(const rate_slot *slot, int64_t tat) {
    return (rate_row){
        .tat = tat,
        .previous = atomic_load_explicit(&slot->previous, memory_order_relaxed),
        .debt = atomic_load_explicit(&slot->debt, memory_order_relaxed),
    };
}

/* Before the tat that needs it, so that who sees that tat sees this. In whole seconds, so that a
 * busy bucket writes it seldom. */
static void prolong(rate_slot *slot, int64_t expires_us) {
    const int64_t wanted = (expires_us / SECOND_US + 1) * SECOND_US;
    int64_t known = atomic_load_explicit(&slot->expires_us, memory_order_relaxed);
    while (known < wanted &&
           !atomic_compare_exchange_weak_explicit(&slot->expires_us, &known, wanted,
                                                  memory_order_relaxed, memory_order_relaxed)) {}
}

static int32_t swap(rate_slot *slot, int64_t tat, int64_t next) {
    return atomic_compare_exchange_strong_explicit(&slot->tat, &tat, next, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

int32_t rate_slot_hold(rate_slot *slot, rate_key key, int64_t tat) {
    if (!swap(slot, tat, RATE_SLOT_BUSY)) return 0;
    if (has_key(slot, key)) return 1;
    rate_slot_let_go(slot, tat);
    return 0;
}

void rate_slot_let_go(rate_slot *slot, int64_t tat) {
    atomic_store_explicit(&slot->tat, tat, memory_order_release);
}

int32_t rate_slot_swap(rate_slot *slot, rate_key key, int64_t tat, int64_t next,
                       int64_t expires_us) {
    prolong(slot, expires_us);
    if (!swap(slot, tat, next)) return 0;
    if (has_key(slot, key)) return 1;
    int64_t others = 0;
    do others = settled_tat(slot);
    while (!swap(slot, others, others - (next - tat)));
    return 0;
}

int32_t rate_slot_change(rate_slot *slot, rate_key key, int64_t tat, const rate_row *row,
                         int64_t expires_us) {
    const rate_row known = rate_slot_row(slot, tat);
    if (known.previous == row->previous && known.debt == row->debt)
        return rate_slot_swap(slot, key, tat, row->tat, expires_us);
    prolong(slot, expires_us);
    if (!rate_slot_hold(slot, key, tat)) return 0;
    atomic_store_explicit(&slot->previous, row->previous, memory_order_relaxed);
    atomic_store_explicit(&slot->debt, row->debt, memory_order_relaxed);
    rate_slot_let_go(slot, row->tat);
    return 1;
}
