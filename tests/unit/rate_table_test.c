/* The table of buckets in the process: what has no place is told so, a debt keeps its place, and a
 * slot that was given away is never taken for the old one. */
#include "rate/rate_table.h"
#include "failing_allocator.h"
#include <criterion/criterion.h>

enum { SMALL = 16, WINDOW = RATE_TABLE_WINDOW };

#define NOW_US INT64_C(1000000000)
#define LATER_US (NOW_US + 3600000000)

static rate_table make(void) {
    rate_table table = {0};
    cr_assert_eq(rate_table_make(&table, SMALL), FARM_OK);
    cr_assert_eq(table.mask, WINDOW - 1, "every key has the whole table for its window");
    return table;
}

static rate_key key_at(uint64_t number) {
    return (rate_key){number * UINT64_C(0x9E3779B97F4A7C15), number};
}

static int32_t add(rate_table *table, uint64_t number, int64_t now_us, int64_t expires_us) {
    const rate_row row = {.tat = (int64_t)number + 1, .previous = 2, .debt = 3};
    int32_t is_new = 0;
    const rate_slot *slot =
        rate_table_add(table, key_at(number), &row, now_us, expires_us, &is_new);
    return slot == NULL ? -1 : is_new;
}

static int32_t has(const rate_table *table, uint64_t number) {
    rate_row row;
    return rate_table_find(table, key_at(number), &row) != NULL;
}

Test(rate_table, a_row_is_found_as_it_was_added_and_once) {
    rate_table table = make();
    rate_row row;

    cr_expect_null(rate_table_find(&table, key_at(7), &row));
    cr_expect_eq(add(&table, 7, NOW_US, LATER_US), 1);
    cr_expect_eq(add(&table, 7, NOW_US, LATER_US), 0);

    cr_assert_not_null(rate_table_find(&table, key_at(7), &row));
    cr_expect_eq(row.tat, 8);
    cr_expect_eq(row.previous, 2);
    cr_expect_eq(row.debt, 3);
    rate_table_free(&table);
    rate_table_free(&table);
}

Test(rate_table, no_debt_is_forgiven_and_what_has_no_room_is_told_so) {
    rate_table table = make();

    for (uint64_t i = 0; i < WINDOW; i++) {
        cr_expect(rate_table_has_room(&table, key_at(999), NOW_US));
        cr_expect_eq(add(&table, i, NOW_US, LATER_US), 1);
    }
    cr_expect_not(rate_table_has_room(&table, key_at(999), NOW_US));
    cr_expect_eq(add(&table, 999, NOW_US, LATER_US), -1);
    cr_expect_eq(add(&table, 999, LATER_US - 1, LATER_US + 1), -1);

    for (uint64_t i = 0; i < WINDOW; i++) cr_expect(has(&table, i));
    cr_expect_not(has(&table, 999));
    cr_expect_eq(add(&table, 999, LATER_US, LATER_US + 1), 1);
    cr_expect(has(&table, 999));
    rate_table_free(&table);
}

Test(rate_table, a_change_prolongs_and_only_where_the_row_still_stands) {
    rate_table table = make();
    rate_row row;
    cr_assert_eq(add(&table, 5, NOW_US, NOW_US + 1), 1);
    rate_slot *slot = rate_table_find(&table, key_at(5), &row);
    const rate_row further = {.tat = 100, .previous = row.previous, .debt = row.debt};
    const rate_row other = {.tat = 200, .previous = 7, .debt = 8};

    cr_expect(rate_slot_change(slot, key_at(5), &row, &further, LATER_US));
    cr_expect_not(rate_slot_change(slot, key_at(5), &row, &further, LATER_US));
    cr_expect_not(rate_slot_change(slot, key_at(5), &row, &other, LATER_US));
    cr_expect_not(rate_slot_remove(slot, key_at(5), &row));
    cr_expect_eq(rate_table_find(&table, key_at(5), &row), slot);
    cr_expect_eq(row.tat, 100);
    cr_expect(rate_slot_change(slot, key_at(5), &row, &other, NOW_US));

    cr_expect_eq(rate_table_find(&table, key_at(5), &row), slot);
    cr_expect_eq(row.tat, 200);
    cr_expect_eq(row.previous, 7);
    cr_expect_eq(row.debt, 8);
    for (uint64_t i = 0; i < 2 * WINDOW; i++)
        if (i != 5) (void)add(&table, i, LATER_US, LATER_US + 1);
    cr_expect(has(&table, 5), "it was prolonged");
    rate_table_free(&table);
}

/* The slot is given to another key that happens to have the very same tat. */
Test(rate_table, who_swaps_in_a_slot_that_was_given_away_takes_it_back) {
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        rate_table table = make();
        rate_row old = {.tat = 50};
        rate_row next = {.tat = 60, .previous = is_wide};
        rate_row now;
        int32_t is_new = 0;
        rate_slot *slot = rate_table_add(&table, key_at(1), &old, NOW_US, NOW_US + 1, &is_new);
        cr_assert_not_null(slot);
        cr_assert_eq(rate_table_add(&table, key_at(33), &old, LATER_US, 2 * LATER_US, &is_new),
                     slot, "the only one in its window that may be taken first");

        cr_expect_not(rate_slot_change(slot, key_at(1), &old, &next, NOW_US));

        cr_expect_eq(rate_table_find(&table, key_at(33), &now), slot);
        cr_expect_eq(now.tat, 50);
        cr_expect_eq(now.previous, 0);
        cr_expect_not(rate_slot_remove(slot, key_at(1), &old));
        cr_expect_eq(rate_table_find(&table, key_at(33), &now), slot);
        rate_table_free(&table);
    }
}

Test(rate_table, a_slot_that_was_removed_is_anybody_s) {
    rate_table table = make();
    rate_row row;
    for (uint64_t i = 0; i < WINDOW; i++) cr_assert_eq(add(&table, i, NOW_US, LATER_US), 1);
    rate_slot *slot = rate_table_find(&table, key_at(9), &row);

    cr_expect(rate_slot_remove(slot, key_at(9), &row));

    cr_expect_not(has(&table, 9));
    cr_expect_eq(add(&table, 999, NOW_US, LATER_US), 1);
    cr_expect_eq(add(&table, 998, NOW_US, LATER_US), -1);
    for (uint64_t i = 0; i < WINDOW; i++) cr_expect_eq(has(&table, i), i != 9);
    rate_table_free(&table);
}

Test(rate_table, there_is_room_for_twice_as_many_and_no_memory_is_said) {
    failing_allocator allocator;
    rate_table table = {0};
    cr_assert_eq(rate_table_make(&table, 1000), FARM_OK);
    cr_expect_eq(table.mask, 2047);
    rate_table_free(&table);

    cr_assert_eq(failing_allocator_set(&allocator, 0), FARM_OK);
    cr_expect_eq(rate_table_make(&table, SMALL), FARM_ENOMEM);
    rate_table_free(&table);
}
