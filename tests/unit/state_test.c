/* State tables: what may follow what, and numbers that are no state. */
#include "base/state.h"
#include <criterion/criterion.h>

TestSuite(state);

enum { OPEN, PAID, SENT, DEAD };

static const state_row rows[] = {
    {OPEN, "open", STATE_BIT(PAID) | STATE_BIT(DEAD)},
    {PAID, "paid", STATE_BIT(SENT)},
    {SENT, "sent", 0},
    /* A bit of a state that the table does not have. */
    {DEAD, "dead", STATE_BIT(31)},
};
static const state_table table = {rows, 4};

Test(state, all_pairs_are_as_the_table_says_and_others_are_refused) {
    int32_t allowed = 0;

    for (int32_t from = -3; from < 70; from++) {
        for (int32_t to = -3; to < 70; to++) allowed += state_may_follow(&table, from, to);
    }

    cr_assert_eq(allowed, 3);
    cr_assert_eq(state_may_follow(&table, OPEN, PAID), 1);
    cr_assert_eq(state_may_follow(&table, OPEN, DEAD), 1);
    cr_assert_eq(state_may_follow(&table, PAID, SENT), 1);
    cr_assert_eq(state_may_follow(&table, INT32_MIN, INT32_MAX), 0);
}

Test(state, every_state_has_its_word_and_strangers_have_one_too) {
    cr_assert_str_eq(state_word(&table, OPEN), "open");
    cr_assert_str_eq(state_word(&table, DEAD), "dead");
    cr_assert_str_eq(state_word(&table, 4), "unknown");
    cr_assert_str_eq(state_word(&table, -1), "unknown");
    cr_assert_str_eq(state_word(&table, INT32_MAX), "unknown");
}

Test(state, a_table_may_have_all_32_states) {
    static state_row many[32];
    for (int32_t i = 0; i < 32; i++)
        many[i] = (state_row){i, "word", i == 31 ? STATE_BIT(0) : STATE_BIT(i + 1)};
    state_table ring = {many, 32};

    for (int32_t i = 0; i < 32; i++) {
        cr_assert_eq(state_may_follow(&ring, i, (i + 1) % 32), 1);
        cr_assert_eq(state_may_follow(&ring, i, i), 0);
    }
}
