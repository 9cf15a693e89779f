#include "base/id_map.h"
#include <criterion/criterion.h>
#include <string.h>

enum { COUNT = 1000 };

static id_map_slot slots[4096];

static farm_id id_of(uint32_t number) {
    farm_id id = {{0}};
    memcpy(id.bytes + 12, &number, sizeof number);
    return id;
}

static id_map map_for(size_t count, uint64_t seed) {
    id_map map;
    const size_t capacity = id_map_capacity(count);
    cr_assert_leq(capacity, sizeof slots / sizeof *slots);
    memset(slots, 0, sizeof slots);
    id_map_init(&map, slots, capacity, seed);
    return map;
}

Test(id_map, its_capacity_leaves_half_of_it_free) {
    for (size_t count = 0; count < 5000; count++) {
        const size_t capacity = id_map_capacity(count);
        cr_assert_eq(capacity & (capacity - 1), 0);
        cr_assert_geq(capacity, 2 * count);
        cr_assert_leq(capacity, 4 * count + 4);
    }
}

Test(id_map, in_zeros_nothing_is_found) {
    const id_map nothing = {0};
    const farm_id id = {{1}};
    cr_assert_null(id_map_find(&nothing, &id));
}

Test(id_map, what_was_put_is_found_and_nothing_else) {
    id_map map = map_for(COUNT, 7);
    for (uint32_t i = 0; i < COUNT; i++) {
        const farm_id id = id_of(i);
        cr_assert_null(id_map_find(&map, &id));
        uint32_t *number = id_map_put(&map, &id);
        cr_assert_eq(*number, 0);
        *number = i + 1;
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        const farm_id id = id_of(i);
        cr_assert_eq(*id_map_find(&map, &id), i + 1);
        cr_assert_eq(*id_map_put(&map, &id), i + 1);
    }
    const farm_id other = id_of(COUNT);
    cr_assert_null(id_map_find(&map, &other));
}

/* Every order of putting in is undone in the opposite one, whoever probed past whom. */
Test(id_map, what_came_last_goes_first_and_leaves_the_others) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        id_map map = map_for(COUNT, seed);
        for (uint32_t i = 0; i < COUNT; i++) {
            const farm_id id = id_of(i);
            *id_map_put(&map, &id) = i;
        }
        for (uint32_t left = COUNT; left > 0; left--) {
            const farm_id last = id_of(left - 1);
            id_map_remove_last(&map, &last);
            cr_assert_null(id_map_find(&map, &last));
            const farm_id other = id_of((left - 1) / 2);
            if (left > 1) cr_assert_eq(*id_map_find(&map, &other), (left - 1) / 2);
        }
    }
}
