/* Buckets in the process: a table of fixed size in which many threads take at once. A take from a
 * bucket that is there waits for nobody; only who adds one holds a latch, and who changes more than
 * one word of a row holds that row for as long. A bucket is given up only when it is as good as
 * none, so that no debt is ever forgiven: when there is no such place, there is no room. */
#ifndef RATE_TABLE_H
#define RATE_TABLE_H

#include "rate/rate_rules.h"
#include <stdatomic.h>

enum { RATE_TABLE_WINDOW = 32, RATE_TABLE_LATCHES = 64 };

/* As a tat: the slot was never used, or is being written. */
#define RATE_SLOT_EMPTY INT64_MIN
#define RATE_SLOT_BUSY (INT64_MIN + 1)

/* One cache line. All but tat and expires_us is written only while tat is BUSY. */
typedef struct rate_slot {
    _Atomic uint64_t high; /* the key */
    _Atomic uint64_t low;
    _Atomic int64_t tat;
    _Atomic int64_t previous;
    _Atomic int64_t debt;
    _Atomic int64_t expires_us; /* from then on it may be another's */
    _Atomic int64_t extra[2];
} rate_slot;

typedef struct rate_table {
    rate_slot *slots; /* NULL: not made */
    size_t mask;
    atomic_flag latches[RATE_TABLE_LATCHES];
} rate_table;

typedef struct rate_key {
    uint64_t high;
    uint64_t low;
} rate_key;

/* FARM_OK or FARM_ENOMEM. Room for that many buckets at least, with half of the slots to spare. */
farm_status rate_table_make(rate_table *table, size_t bucket_count);
void rate_table_free(rate_table *table);

rate_key rate_key_of(const uint8_t bytes[sizeof(rate_key)]);

/* The slot of a key and its row, both of one moment; NULL: there is none. */
rate_slot *rate_table_find(const rate_table *table, rate_key key, rate_row *out);
/* Add a slot for a key. NULL: there is no room. *out_is_new 0: somebody else has added it. */
rate_slot *rate_table_add(rate_table *table, rate_key key, const rate_row *row, int64_t now_us,
                          int64_t expires_us, int32_t *out_is_new);
/* Whether a slot could be added for the key. */
int32_t rate_table_has_room(const rate_table *table, rate_key key, int64_t now_us);
/* Write a row where the known one still stands; 0: it does not, so find it again. */
int32_t rate_slot_change(rate_slot *slot, rate_key key, const rate_row *known, const rate_row *row,
                         int64_t expires_us);
/* The same of the tat alone. */
int32_t rate_slot_swap(rate_slot *slot, rate_key key, int64_t tat, int64_t next,
                       int64_t expires_us);
/* A word of a slot that is held, or of one that was found: who writes it holds it, and who reads it
 * looks at the tat once more. */
static inline int64_t rate_word_read(const _Atomic int64_t *word) {
    return atomic_load_explicit(word, memory_order_acquire);
}
static inline void rate_word_write(_Atomic int64_t *word, int64_t value) {
    atomic_store_explicit(word, value, memory_order_release);
}
/* Keep all others off a slot whose tat was found, to write whatever of it; 0: it has changed. Let
 * go of it soon, with the new tat. */
int32_t rate_slot_hold(rate_slot *slot, rate_key key, int64_t tat);
void rate_slot_let_go(rate_slot *slot, int64_t tat);
/* The key has no slot any more; 0: the known row does not stand, so find it again. */
int32_t rate_slot_remove(rate_slot *slot, rate_key key, const rate_row *known);

#endif
