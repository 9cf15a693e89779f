/* Holds in the process: never more than may be, and what has ended makes room. */
#include "rate/rate_holds.h"
#include "failing_allocator.h"
#include <criterion/criterion.h>

enum { COUNT = 8, CAPACITY = 3 };

#define NOW_US INT64_C(1000000000)
#define END_US (NOW_US + 1000)

static const rate_key door = {1, 2};

static rate_holds make(void) {
    rate_holds holds = {0};
    cr_assert_eq(rate_holds_make(&holds, COUNT), FARM_OK);
    return holds;
}

static farm_id id_at(uint8_t number) {
    return (farm_id){.bytes = {number, 1}};
}

static int32_t take(rate_holds *holds, rate_key key, uint8_t number, int64_t cost, int64_t now_us,
                    rate_facts *out) {
    const farm_id token = id_at(number);
    return rate_holds_take(holds, key, &token, cost, CAPACITY, now_us, now_us + 1000, out);
}

static int64_t held(rate_holds *holds, rate_key key, int64_t now_us) {
    rate_facts facts = {0};
    rate_holds_read(holds, key, now_us, &facts);
    return facts.held;
}

Test(rate_holds, no_more_is_held_than_may_be_and_the_facts_say_so) {
    rate_holds holds = make();
    rate_facts facts = {0};

    cr_expect(take(&holds, door, 1, 2, NOW_US, &facts));
    cr_expect_eq(facts.held, 2);
    cr_expect_eq(facts.earliest_us, END_US);
    cr_expect_not(take(&holds, door, 2, 2, NOW_US + 1, &facts));
    cr_expect_eq(facts.held, 2);
    cr_expect(take(&holds, door, 3, 1, NOW_US + 2, &facts));
    cr_expect_eq(facts.held, 3);
    cr_expect_eq(facts.earliest_us, END_US);

    cr_expect_eq(held(&holds, door, END_US - 1), 3);
    cr_expect_eq(held(&holds, door, END_US), 1);
    cr_expect_eq(held(&holds, door, END_US + 2), 0);
    rate_holds_free(&holds);
    rate_holds_free(&holds);
}

Test(rate_holds, a_hold_is_released_once_and_by_its_own_token) {
    rate_holds holds = make();
    const rate_key other = {1, 2 + COUNT}; /* of the same chain */
    const farm_id first = id_at(1);
    const farm_id unknown = id_at(9);
    rate_facts facts = {0};
    cr_assert(take(&holds, door, 1, 1, NOW_US, &facts));
    cr_assert(take(&holds, door, 2, 1, NOW_US, &facts));
    cr_assert(take(&holds, other, 1, 1, NOW_US, &facts));

    rate_holds_release(&holds, door, &unknown);
    cr_expect_eq(held(&holds, door, NOW_US), 2);
    rate_holds_release(&holds, door, &first);
    rate_holds_release(&holds, door, &first);
    cr_expect_eq(held(&holds, door, NOW_US), 1);
    cr_expect_eq(held(&holds, other, NOW_US), 1);
    rate_holds_reset(&holds, other);
    cr_expect_eq(held(&holds, other, NOW_US), 0);
    cr_expect_eq(held(&holds, door, NOW_US), 1);
    rate_holds_free(&holds);
}

Test(rate_holds, a_hold_is_renewed_until_it_has_ended_and_never_ends_sooner) {
    rate_holds holds = make();
    const farm_id first = id_at(1);
    rate_facts facts = {0};
    cr_assert(take(&holds, door, 1, 1, NOW_US, &facts));

    cr_expect(rate_holds_renew(&holds, door, &first, END_US - 1, END_US + 500));
    cr_expect(rate_holds_renew(&holds, door, &first, END_US, END_US + 400));
    cr_expect_eq(held(&holds, door, END_US + 499), 1);
    cr_expect_not(rate_holds_renew(&holds, door, &first, END_US + 500, END_US + 900));
    cr_expect_eq(held(&holds, door, END_US + 500), 0);
    rate_holds_free(&holds);
}

Test(rate_holds, a_full_table_refuses_with_a_time_and_ended_holds_of_others_make_room) {
    rate_holds holds = make();
    rate_facts facts = {0};
    for (uint8_t i = 0; i < COUNT; i++)
        cr_assert(take(&holds, (rate_key){i, i}, i, 1, NOW_US + i, &facts));

    cr_expect_not(take(&holds, (rate_key){99, 99}, 99, 1, NOW_US + 10, &facts));
    cr_expect_eq(facts.held, CAPACITY, "as if it were all held");
    cr_expect_eq(facts.earliest_us, END_US);

    cr_expect(take(&holds, (rate_key){99, 99}, 99, 1, END_US, &facts));
    cr_expect_eq(facts.held, 1);
    cr_expect_not(take(&holds, (rate_key){98, 98}, 98, 1, END_US, &facts));
    cr_expect_eq(facts.earliest_us, END_US + 1, "the next of them");
    rate_holds_free(&holds);
}

Test(rate_holds, no_memory_is_said_and_nothing_is_left) {
    for (int64_t i = 0; i < 2; i++) {
        failing_allocator allocator;
        rate_holds holds = {0};
        cr_assert_eq(failing_allocator_set(&allocator, i), FARM_OK);
        cr_expect_eq(rate_holds_make(&holds, COUNT), FARM_ENOMEM);
        cr_expect_eq(allocator.live_count, 0);
        rate_holds_free(&holds);
    }
}
