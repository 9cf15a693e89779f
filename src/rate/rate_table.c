/* The table of buckets in the process; see rate_table.h.
 *
 * A row changes by a compare-and-swap of its tat. To write more than that, or to give the slot to
 * another key, a thread first swaps in BUSY, so that every swap of another fails; who finds BUSY
 * waits for those few stores, and the tat stored last ends it.
 *
 * A reader loads the tat, then the rest, then the tat again: the same twice means that the rest is
 * of that tat. What is written under BUSY is stored with release and loaded with acquire, so that
 * who sees any of it sees at least BUSY when he loads the tat again.
 *
 * All of that goes by the tat alone, so it is blind to a slot that was given away, or changed, and
 * has by chance the very same tat again. Who swaps looks at the key once more and takes his swap
 * back; his own key's row he then finds elsewhere, or adds. */
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

rate_key rate_key_of(const uint8_t bytes[sizeof(rate_key)]) {
    rate_key key;
    memcpy(&key.high, bytes, sizeof key.high);
    memcpy(&key.low, bytes + sizeof key.high, sizeof key.low);
    return key;
}

static rate_slot *slot_at(const rate_table *table, rate_key key, size_t step) {
    return &table->slots[(size_t)(key.low + step) & table->mask];
}

static int32_t has_key(const rate_slot *slot, rate_key key) {
    return atomic_load_explicit(&slot->low, memory_order_acquire) == key.low &&
           atomic_load_explicit(&slot->high, memory_order_acquire) == key.high;
}

/* The tat when nobody is writing. */
static int64_t settled_tat(const rate_slot *slot) {
    uint32_t spins = 0;
    int64_t tat = rate_word_read(&slot->tat);
    while (tat == RATE_SLOT_BUSY) {
        wait_a_little(&spins);
        tat = rate_word_read(&slot->tat);
    }
    return tat;
}

/* Whether the slot is the key's, and then its row. Ends: whenever it reads again, another thread
 * has written. */
static int32_t read_slot(const rate_slot *slot, rate_key key, rate_row *out) {
    int32_t is_ours = 0;
    do {
        out->tat = settled_tat(slot);
        is_ours = has_key(slot, key);
        out->previous = rate_word_read(&slot->previous);
        out->debt = rate_word_read(&slot->debt);
    } while (is_ours && atomic_load_explicit(&slot->tat, memory_order_relaxed) != out->tat);
    return is_ours;
}

/* A slot is never empty again, so the first empty one ends the search. */
rate_slot *rate_table_find(const rate_table *table, rate_key key, rate_row *out) {
    for (size_t step = 0; step < RATE_TABLE_WINDOW; step++) {
        rate_slot *slot = slot_at(table, key, step);
        if (read_slot(slot, key, out)) return out->tat == RATE_SLOT_EMPTY ? NULL : slot;
        if (out->tat == RATE_SLOT_EMPTY) return NULL;
    }
    return NULL;
}

static int32_t swap(rate_slot *slot, int64_t tat, int64_t next) {
    return atomic_compare_exchange_strong_explicit(&slot->tat, &tat, next, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

void rate_slot_let_go(rate_slot *slot, int64_t tat) {
    rate_word_write(&slot->tat, tat);
}

static int32_t is_needed(const rate_slot *slot, int64_t tat, int64_t now_us) {
    return tat != RATE_SLOT_EMPTY && rate_word_read(&slot->expires_us) > now_us;
}

/* Take a slot that nobody needs any more; its tat is BUSY then. Looked at again when it is ours: it
 * may have been given to another key, whose tat is by chance the same. */
static int32_t seize(rate_slot *slot, int64_t now_us) {
    int64_t tat = settled_tat(slot);
    if (is_needed(slot, tat, now_us) || !swap(slot, tat, RATE_SLOT_BUSY)) return 0;
    if (!is_needed(slot, tat, now_us)) return 1;
    rate_slot_let_go(slot, tat);
    return 0;
}

static rate_slot *seize_one(rate_table *table, rate_key key, int64_t now_us) {
    for (size_t step = 0; step < RATE_TABLE_WINDOW; step++) {
        rate_slot *slot = slot_at(table, key, step);
        if (seize(slot, now_us)) return slot;
    }
    return NULL;
}

int32_t rate_table_has_room(const rate_table *table, rate_key key, int64_t now_us) {
    int32_t has_room = 0;
    for (size_t step = 0; step < RATE_TABLE_WINDOW && !has_room; step++) {
        const rate_slot *slot = slot_at(table, key, step);
        has_room = !is_needed(slot, settled_tat(slot), now_us);
    }
    return has_room;
}

/* Ends BUSY. */
static void fill(rate_slot *slot, rate_key key, const rate_row *row, int64_t expires_us) {
    atomic_store_explicit(&slot->high, key.high, memory_order_release);
    atomic_store_explicit(&slot->low, key.low, memory_order_release);
    rate_word_write(&slot->previous, row->previous);
    rate_word_write(&slot->debt, row->debt);
    rate_word_write(&slot->expires_us, expires_us);
    for (size_t i = 0; i < 2; i++) rate_word_write(&slot->extra[i], 0);
    rate_slot_let_go(slot, row->tat);
}

/* Of all who add the same key one comes first: they share a latch. */
rate_slot *rate_table_add(rate_table *table, rate_key key, const rate_row *row, int64_t now_us,
                          int64_t expires_us, int32_t *out_is_new) {
    atomic_flag *latch = &table->latches[key.high % RATE_TABLE_LATCHES];
    uint32_t spins = 0;
    rate_row known;
    while (atomic_flag_test_and_set_explicit(latch, memory_order_acquire)) wait_a_little(&spins);
    rate_slot *slot = rate_table_find(table, key, &known);
    *out_is_new = slot == NULL;
    if (slot == NULL) {
        slot = seize_one(table, key, now_us);
        if (slot != NULL) fill(slot, key, row, expires_us);
    }
    atomic_flag_clear_explicit(latch, memory_order_release);
    return slot;
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

int32_t rate_slot_hold(rate_slot *slot, rate_key key, int64_t tat) {
    if (!swap(slot, tat, RATE_SLOT_BUSY)) return 0;
    if (has_key(slot, key)) return 1;
    rate_slot_let_go(slot, tat);
    return 0;
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

int32_t rate_slot_change(rate_slot *slot, rate_key key, const rate_row *known, const rate_row *row,
                         int64_t expires_us) {
    if (known->previous == row->previous && known->debt == row->debt)
        return rate_slot_swap(slot, key, known->tat, row->tat, expires_us);
    prolong(slot, expires_us);
    if (!rate_slot_hold(slot, key, known->tat)) return 0;
    rate_word_write(&slot->previous, row->previous);
    rate_word_write(&slot->debt, row->debt);
    rate_slot_let_go(slot, row->tat);
    return 1;
}

/* The slot is given to a key that nobody has, and is anybody's from now on. */
int32_t rate_slot_remove(rate_slot *slot, rate_key key, const rate_row *known) {
    static const rate_key nobody;
    static const rate_row nothing;
    if (!rate_slot_hold(slot, key, known->tat)) return 0;
    fill(slot, nobody, &nothing, 0);
    return 1;
}
