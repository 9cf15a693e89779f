/* Definitions that readers use without waiting; see rate_local.h. The order of these accesses is
 * sequential: a reader's announcement must be seen before he looks. */
#include "rate/rate_local.h"
#include "base/clock.h"

enum { PAUSE_US = 50 };

/* A number that stays the same for a thread, and mostly differs between threads. */
static uint32_t stripe(void) {
    static _Thread_local char mark;
    const uintptr_t place = (uintptr_t)&mark;
    return (uint32_t)((place >> 12 ^ place >> 20) % RATE_LOCAL_STRIPES);
}

/* The stripe is the thread's alone while it is held, and then given back without a locked
 * instruction; who finds it held is counted beside it. */
const rate_definitions *rate_current_enter(rate_current *current, uint32_t *out_place) {
    const uint32_t parity = atomic_load(&current->turn) % RATE_LOCAL_PARITIES;
    const uint32_t own = stripe();
    rate_readers *readers = &current->readers[parity][own];
    const int32_t is_counted = (int32_t)atomic_exchange(&readers->is_held, 1);
    if (is_counted) atomic_fetch_add(&readers->count, 1);
    *out_place = (parity * RATE_LOCAL_STRIPES + own) * 2 + (uint32_t)is_counted;
    return atomic_load(&current->definitions);
}

void rate_current_leave(rate_current *current, uint32_t place) {
    const uint32_t at = place / 2;
    rate_readers *readers = &current->readers[at / RATE_LOCAL_STRIPES][at % RATE_LOCAL_STRIPES];
    if (place % 2)
        atomic_fetch_sub(&readers->count, 1);
    else
        atomic_store_explicit(&readers->is_held, 0, memory_order_release);
}

static int32_t is_read(rate_current *current, uint32_t parity, size_t at) {
    rate_readers *readers = &current->readers[parity][at];
    return atomic_load(&readers->is_held) || atomic_load(&readers->count) != 0;
}

static void await_readers(rate_current *current, uint32_t parity) {
    for (size_t i = 0; i < RATE_LOCAL_STRIPES; i++)
        while (is_read(current, parity, i)) clock_sleep_us(PAUSE_US);
}

void rate_current_replace(rate_current *current, rate_definitions *definitions) {
    rate_definitions *old = atomic_exchange(&current->definitions, definitions);
    for (uint32_t i = 0; i < RATE_LOCAL_PARITIES; i++) {
        const uint32_t turn = atomic_fetch_add(&current->turn, 1);
        await_readers(current, turn % RATE_LOCAL_PARITIES);
    }
    rate_definitions_free(old);
}
