/* State machines as tables: the two questions that are asked of them. */
#include "base/state.h"

enum { STATE_MAX = 32 }; /* bits of state_row.next */

static int32_t is_state(const state_table *table, int32_t state) {
    return state >= 0 && state < STATE_MAX && (size_t)state < table->count;
}

int32_t state_may_follow(const state_table *table, int32_t from, int32_t to) {
    if (!is_state(table, from) || !is_state(table, to)) return 0;
    return (table->rows[from].next & STATE_BIT(to)) != 0;
}

const char *state_word(const state_table *table, int32_t state) {
    return is_state(table, state) ? table->rows[state].word : "unknown";
}
