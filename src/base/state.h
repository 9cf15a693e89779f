/* State machines as tables: {state, word, allowed next}. One test walks all pairs. */
#ifndef BASE_STATE_H
#define BASE_STATE_H

#include <stddef.h>
#include <stdint.h>

typedef struct state_row {
    int32_t state;
    const char *word;
    uint32_t next; /* bit n: state n may follow */
} state_row;

#define STATE_BIT(state) (UINT32_C(1) << (state))

typedef struct state_table {
    const state_row *rows; /* row n is state n */
    size_t count;
} state_table;

int32_t state_may_follow(const state_table *table, int32_t from, int32_t to);
/* "unknown" for a number that is no state. */
const char *state_word(const state_table *table, int32_t state);

#endif
