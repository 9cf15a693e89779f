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

const rate_definitions *rate_current_enter(rate_current *current, uint32_t *out_place) {
    const uint32_t parity = atomic_load(&current->turn) % RATE_LOCAL_PARITIES;
    const uint32_t own = stripe();
    *out_place = parity * RATE_LOCAL_STRIPES + own;
    atomic_fetch_add(&current->readers[parity][own].count, 1);
    return atomic_load(&current->definitions);
}

void rate_current_leave(rate_current *current, uint32_t place) {
    rate_readers *readers =
        &current->readers[place / RATE_LOCAL_STRIPES][place % RATE_LOCAL_STRIPES];
    atomic_fetch_sub(&readers->count, 1);
}

static void await_readers(rate_current *current, uint32_t parity) {
    for (size_t i = 0; i < RATE_LOCAL_STRIPES; i++)
        while (atomic_load(&current->readers[parity][i].count) != 0) clock_sleep_us(PAUSE_US);
}

void rate_current_replace(rate_current *current, rate_definitions *definitions) {
    rate_definitions *old = atomic_exchange(&current->definitions, definitions);
    for (uint32_t i = 0; i < RATE_LOCAL_PARITIES; i++) {
        const uint32_t turn = atomic_fetch_add(&current->turn, 1);
        await_readers(current, turn % RATE_LOCAL_PARITIES);
    }
    rate_definitions_free(old);
}
