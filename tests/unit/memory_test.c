/* The allocator hooks. */
#include "unit/failing_allocator.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(memory);

/* What the hooks were last asked. */
typedef struct record {
    size_t size;
    void *data;
    int32_t allocate_count, reallocate_count, release_count;
    char block[64];
} record;

static void *record_allocate(void *context, size_t size) {
    record *seen = context;
    seen->allocate_count++;
    seen->size = size;
    return seen->block;
}

static void *record_reallocate(void *context, void *data, size_t size) {
    record *seen = context;
    seen->reallocate_count++;
    seen->size = size;
    seen->data = data;
    return seen->block;
}

static void record_release(void *context, void *data) {
    record *seen = context;
    seen->release_count++;
    seen->data = data;
}

static farm_allocator recorder(record *seen) {
    return (farm_allocator){
        .struct_size = sizeof(farm_allocator),
        .allocate = record_allocate,
        .reallocate = record_reallocate,
        .release = record_release,
        .context = seen,
    };
}

Test(memory, the_hooks_are_asked_for_what_the_caller_wants) {
    record seen = {0};
    farm_allocator hooks = recorder(&seen);
    cr_assert_eq(farm_allocator_set(&hooks), FARM_OK);
    memset(&hooks, 0xFF, sizeof(hooks)); /* it was copied */

    void *data = farm_allocate(17);
    size_t allocated = seen.size;
    void *larger = farm_reallocate(data, 33);
    size_t reallocated = seen.size;
    seen.data = NULL;
    farm_free(larger);
    void *released = seen.data;
    farm_allocator_set(NULL);

    cr_assert_eq(allocated, 17);
    cr_assert_eq(reallocated, 33);
    cr_assert_eq(data, (void *)seen.block);
    cr_assert_eq(released, (void *)seen.block);
    cr_assert_eq(seen.allocate_count, 1);
    cr_assert_eq(seen.reallocate_count, 1);
    cr_assert_eq(seen.release_count, 1);
}

Test(memory, no_bytes_count_as_one) {
    record seen = {0};
    farm_allocator hooks = recorder(&seen);
    farm_allocator_set(&hooks);

    farm_allocate(0);
    size_t allocated = seen.size;
    farm_reallocate(NULL, 0);
    size_t reallocated = seen.size;
    farm_allocator_set(NULL);

    cr_assert_eq(allocated, 1);
    cr_assert_eq(reallocated, 1);
}

Test(memory, without_hooks_it_is_the_memory_of_the_c_library) {
    cr_assert_eq(farm_allocator_set(NULL), FARM_OK);

    char *data = farm_allocate(4);
    memcpy(data, "abc", 4);
    data = farm_reallocate(data, 100000);
    data[99999] = 'z';

    cr_assert_str_eq(data, "abc");
    free(data);
    void *fresh = farm_reallocate(NULL, 8);
    cr_assert_not_null(fresh);
    farm_free(fresh);
    farm_free(NULL);
}

Test(memory, hooks_with_a_hole_are_refused_and_the_old_ones_stay) {
    record seen = {0};
    farm_allocator hooks = recorder(&seen);
    farm_allocator_set(&hooks);
    farm_allocator holes[3] = {recorder(NULL), recorder(NULL), recorder(NULL)};
    holes[0].allocate = NULL;
    holes[1].reallocate = NULL;
    holes[2].release = NULL;

    for (size_t i = 0; i < 3; i++) cr_expect_eq(farm_allocator_set(&holes[i]), FARM_EINVAL);
    farm_allocate(5);
    farm_allocator_set(NULL);

    cr_assert_eq(seen.allocate_count, 1);
    cr_assert_eq(seen.size, 5);
}

Test(memory, a_struct_of_another_version_is_taken_when_it_asks_for_nothing_unknown) {
    record seen = {0};
    struct {
        farm_allocator known;
        uint64_t unknown;
    } newer = {recorder(&seen), 0};
    newer.known.struct_size = sizeof(newer);

    cr_assert_eq(farm_allocator_set(&newer.known), FARM_OK);
    newer.unknown = 1;
    cr_assert_eq(farm_allocator_set(&newer.known), FARM_EUNSUPPORTED);
    newer.known.struct_size = 0;
    cr_assert_eq(farm_allocator_set(&newer.known), FARM_EINVAL);
    newer.known.struct_size = 8;
    cr_assert_eq(farm_allocator_set(&newer.known), FARM_EINVAL, "the functions are cut off");
    newer.known.struct_size = sizeof(newer.known);
    newer.known.reserved = 1;
    cr_assert_eq(farm_allocator_set(&newer.known), FARM_EUNSUPPORTED);
    farm_allocator_set(NULL);
}

Test(memory, the_counting_allocator_of_these_tests_fails_the_nth_and_balances) {
    failing_allocator allocator;
    cr_assert_eq(failing_allocator_set(&allocator, 1), FARM_OK);

    void *first = farm_allocate(1);
    void *second = farm_allocate(1);
    void *third = farm_reallocate(first, 10);

    cr_assert_not_null(first);
    cr_assert_null(second);
    cr_assert_null(third, "it goes on failing");
    cr_assert_eq(allocator.live_count, 1);
    farm_free(first);
    cr_assert_eq(allocator.live_count, 0);
    farm_allocator_set(NULL);
}
