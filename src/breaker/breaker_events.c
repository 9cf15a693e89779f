/* The ring of events: written without a lock by whoever changes a state, read when the host asks.
 * Each slot carries the number of its event, before and after it is written, so that a reader knows
 * whether what he read was one event. */
#include "base/options.h"
#include "breaker/breaker_set.h"
#include <string.h>

#define NS_PER_US INT64_C(1000)

enum { FROM_SHIFT = 16, TO_SHIFT = 8, WORD_MASK = 0xff };

static int64_t real_us(farm_breakers *breakers) {
    const int64_t frozen_us = atomic_load(&breakers->frozen_us);
    return frozen_us >= 0 ? frozen_us
                          : breakers->clock.real_ns(breakers->clock.context) / NS_PER_US;
}

void breaker_event_add(farm_breakers *breakers, const breaker_circuit *circuit, int32_t from,
                       const breaker_phase *to, int32_t cause) {
    const uint64_t sequence = atomic_fetch_add(&breakers->last_event, 1) + 1;
    breaker_event_slot *slot = &breakers->events[(sequence - 1) % breakers->event_count];
    uint64_t stamp = atomic_load(&slot->stamp);
    /* A thread that was held up while the ring went round loses its event, and the event of one
     * that meets it there is lost, too: nobody waits. */
    if (stamp % 2 != 0 || stamp >= 2 * sequence) return;
    if (!atomic_compare_exchange_strong(&slot->stamp, &stamp, 2 * sequence - 1)) return;
    atomic_store(&slot->at_us, (uint64_t)real_us(breakers));
    atomic_store(&slot->place, (uint64_t)circuit->place << 32 | to->generation);
    atomic_store(&slot->change,
                 (uint64_t)from << FROM_SHIFT | (uint64_t)to->state << TO_SHIFT | (uint64_t)cause);
    atomic_store(&slot->stamp, 2 * sequence);
}

static void answer(const breaker_circuit *circuit, uint64_t change, farm_breaker_event *out) {
    out->before = (int32_t)(change >> FROM_SHIFT & WORD_MASK);
    out->after = (int32_t)(change >> TO_SHIFT & WORD_MASK);
    out->cause = (int32_t)(change & WORD_MASK);
    memcpy(out->key, circuit->key, circuit->key_size + 1);
}

/* 1: read; 0: it is no more; -1: it is not written yet, nor is what comes after it to be told. */
static int32_t read_event(farm_breakers *breakers, uint64_t sequence, farm_breaker_event *out) {
    breaker_event_slot *slot = &breakers->events[(sequence - 1) % breakers->event_count];
    const uint64_t stamp = atomic_load(&slot->stamp);
    if (stamp < 2 * sequence) return -1;
    const uint64_t at_us = atomic_load(&slot->at_us);
    const uint64_t place = atomic_load(&slot->place);
    const uint64_t change = atomic_load(&slot->change);
    if (stamp != 2 * sequence || atomic_load(&slot->stamp) != stamp) return 0;
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->sequence = (int64_t)sequence;
    out->at_us = (int64_t)at_us;
    out->generation = (int64_t)(uint32_t)place;
    answer(atomic_load(&breakers->table[place >> 32]), change, out);
    return 1;
}

farm_status farm_breaker_events(farm_breakers *breakers, int64_t after_sequence,
                                farm_breaker_event *rows, size_t capacity, size_t *out_count) {
    if (breakers == NULL || after_sequence < 0 || rows == NULL || out_count == NULL)
        return FARM_EINVAL;
    *out_count = 0;
    if (capacity == 0 || capacity > FARM_BREAKER_LIST_MAX) return FARM_EINVAL;
    const size_t row_size = rows->struct_size;
    const uint64_t last = atomic_load(&breakers->last_event);
    const uint64_t oldest = last > breakers->event_count ? last - breakers->event_count + 1 : 1;
    uint64_t before = (uint64_t)after_sequence;
    uint64_t next = before + 1 < oldest ? oldest : before + 1;
    size_t count = 0;
    for (; next <= last && count < capacity; next++) {
        farm_breaker_event event;
        const int32_t outcome = read_event(breakers, next, &event);
        if (outcome < 0) break;
        if (outcome == 0) continue;
        event.lost_count = (int64_t)(next - before - 1);
        farm_status status =
            options_answer((unsigned char *)rows + count * row_size, &event, sizeof event);
        if (status != FARM_OK) return status;
        before = next;
        count++;
    }
    *out_count = count;
    return FARM_OK;
}
