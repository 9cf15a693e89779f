/* The arena: zeroed, aligned, disjoint, and nothing leaked when memory runs out. */
#include "base/arena.h"
#include "unit/failing_allocator.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(arena);

static int32_t is_filled(const unsigned char *data, size_t size, unsigned char byte) {
    for (size_t i = 0; i < size; i++) {
        if (data[i] != byte) return 0;
    }
    return 1;
}

Test(arena, memory_is_zero_even_when_it_was_used_before) {
    arena area = {0};

    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 600; size++) {
            unsigned char *data = arena_allocate(&area, size);
            cr_assert(is_filled(data, size, 0));
            memset(data, 0xA5, size);
        }
        arena_reset(&area);
    }

    arena_free(&area);
}

Test(arena, memory_is_aligned_for_any_type) {
    arena area = {0};

    for (size_t size = 0; size < 300; size++) {
        void *data = arena_allocate(&area, size);
        cr_assert_not_null(data);
        cr_assert_eq((uintptr_t)data % _Alignof(max_align_t), 0);
    }

    arena_free(&area);
}

Test(arena, no_two_pieces_overlap) {
    enum { COUNT = 4000 };
    static unsigned char *pieces[COUNT];
    static size_t sizes[COUNT];
    arena area = {0};
    uint32_t random = 12345;

    for (size_t i = 0; i < COUNT; i++) {
        random = random * 1664525 + 1013904223;
        sizes[i] = i % 500 == 0 ? 70000 + (random >> 16) : (random >> 16) % 900;
        pieces[i] = arena_allocate(&area, sizes[i]);
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }

    for (size_t i = 0; i < COUNT; i++)
        cr_assert(is_filled(pieces[i], sizes[i], (unsigned char)(i % 251)), "piece %zu", i);
    arena_free(&area);
}

Test(arena, a_steady_state_allocates_nothing) {
    failing_allocator allocator;
    failing_allocator_set(&allocator, -1);
    arena area = {0};
    arena_allocate(&area, 1000);

    for (int round = 0; round < 1000; round++) {
        arena_reset(&area);
        for (int i = 0; i < 10; i++) cr_assert_not_null(arena_allocate(&area, 300));
    }

    cr_assert_eq(allocator.total_count, 1);
    arena_free(&area);
    cr_assert_eq(allocator.live_count, 0);
    farm_allocator_set(NULL);
}

Test(arena, a_reset_keeps_one_small_block_even_after_a_large_beginning) {
    failing_allocator allocator;
    failing_allocator_set(&allocator, -1);
    arena area = {0};
    cr_assert_not_null(arena_allocate(&area, 5 << 20));

    arena_reset(&area);

    cr_assert_eq(allocator.live_count, 1);
    cr_assert_not_null(arena_allocate(&area, 4000));
    cr_assert_eq(allocator.total_count, 2, "the small block was there");
    arena_free(&area);
    farm_allocator_set(NULL);
}

Test(arena, blocks_grow_so_that_a_large_result_costs_few_of_them) {
    failing_allocator allocator;
    failing_allocator_set(&allocator, -1);
    arena area = {0};

    for (int i = 0; i < 100000; i++) arena_allocate(&area, 100);

    cr_assert_leq(allocator.total_count, 25, "%lld blocks", (long long)allocator.total_count);
    arena_free(&area);
    cr_assert_eq(allocator.live_count, 0);
    farm_allocator_set(NULL);
}

Test(arena, sizes_that_overflow_are_refused) {
    arena area = {0};

    cr_assert_null(arena_allocate(&area, SIZE_MAX));
    cr_assert_null(arena_allocate(&area, SIZE_MAX - 15));
    cr_assert_null(arena_allocate(&area, (size_t)PTRDIFF_MAX));
    cr_assert_null(arena_allocate_array(&area, SIZE_MAX / 8 + 1, 8));
    cr_assert_null(arena_allocate_array(&area, SIZE_MAX / 2 + 2, 2), "wraps to 2");
    cr_assert_null(arena_copy(&area, "x", SIZE_MAX));

    cr_assert_not_null(arena_allocate_array(&area, 0, SIZE_MAX));
    arena_free(&area);
}

Test(arena, a_copy_ends_in_a_nul_and_may_hold_any_byte) {
    arena area = {0};

    char *copy = arena_copy(&area, "a\0b", 3);
    char *empty = arena_copy(&area, NULL, 0);

    cr_assert_eq(memcmp(copy, "a\0b", 4), 0);
    cr_assert_str_eq(empty, "");
    arena_free(&area);
}

Test(arena, an_unused_arena_can_be_reset_and_freed_twice) {
    arena area = {0};

    arena_reset(&area);
    arena_free(&area);
    arena_free(&area);

    cr_assert_not_null(arena_allocate(&area, 1));
    arena_free(&area);
    cr_assert_not_null(arena_allocate(&area, 1), "it can be used again");
    arena_free(&area);
}

Test(arena, each_failing_allocation_is_said_and_leaves_the_arena_whole) {
    int64_t nth = 0;
    failing_allocator allocator;

    do {
        failing_allocator_set(&allocator, nth++);
        arena area = {0};
        int32_t missed = 0;
        for (int i = 0; i < 60; i++) {
            unsigned char *data = arena_allocate(&area, 1000);
            missed += data == NULL ? 1 : 0;
            if (data != NULL) memset(data, 1, 1000);
        }
        cr_assert_eq(missed > 0, allocator.has_failed);
        arena_free(&area);
        cr_assert_eq(allocator.live_count, 0);
    } while (allocator.has_failed && nth < 100);

    cr_assert_gt(nth, 3, "several blocks were at stake");
    cr_assert_lt(nth, 100);
    farm_allocator_set(NULL);
}
