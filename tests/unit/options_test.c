/* Structs that carry their size: every relation of the caller's size to ours. */
#include "base/options.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(options);

enum { OURS = 24, ROOM = 4100 };

static void set_size(unsigned char *bytes, uint32_t size) {
    memcpy(bytes, &size, sizeof(size));
}

Test(options, whatever_the_size_what_is_shared_is_copied_and_the_rest_is_zero) {
    for (uint32_t given = 4; given <= 4096; given++) {
        unsigned char source[ROOM] = {0};
        for (uint32_t i = 4; i < given && i < OURS; i++) source[i] = (unsigned char)(i + 1);
        memset(source + given, 0xEE, ROOM - given); /* not the caller's struct any more */
        set_size(source, given);
        unsigned char ours[OURS + 1];
        memset(ours, 0xCC, sizeof(ours));

        cr_assert_eq(options_copy(ours, OURS, source), FARM_OK, "%u", given);

        uint32_t shared = given < OURS ? given : OURS;
        cr_assert_eq(memcmp(ours, source, shared), 0, "%u", given);
        for (uint32_t i = shared; i < OURS; i++) cr_assert_eq(ours[i], 0);
        cr_assert_eq(ours[OURS], 0xCC);
    }
}

Test(options, any_byte_that_we_do_not_know_is_refused_and_changes_nothing) {
    for (uint32_t given = OURS + 1; given <= 4096; given += 37) {
        const uint32_t step = given - OURS > 16 ? 7 : 1;
        for (uint32_t i = OURS; i < given; i += step) {
            unsigned char source[ROOM] = {0};
            set_size(source, given);
            source[i] = 1;
            unsigned char ours[OURS];
            memset(ours, 0xCC, sizeof(ours));

            cr_assert_eq(options_copy(ours, OURS, source), FARM_EUNSUPPORTED);
            cr_assert_eq(ours[0], 0xCC);
        }
    }
}

Test(options, the_last_byte_of_the_excess_counts) {
    unsigned char source[ROOM] = {0};
    set_size(source, 100);
    unsigned char ours[OURS];

    source[100] = 1;
    cr_assert_eq(options_copy(ours, OURS, source), FARM_OK);
    source[99] = 1;
    cr_assert_eq(options_copy(ours, OURS, source), FARM_EUNSUPPORTED);
}

Test(options, a_size_that_was_never_set_is_refused) {
    static const uint32_t sizes[] = {0, 1, 3, 4097, UINT32_MAX, 0xCCCCCCCC};

    for (size_t i = 0; i < 6; i++) {
        unsigned char source[ROOM] = {0};
        set_size(source, sizes[i]);
        unsigned char ours[OURS] = {9};

        cr_assert_eq(options_copy(ours, OURS, source), FARM_EINVAL);
        cr_assert_eq(ours[0], 9);
        cr_assert_eq(options_answer(source, ours, OURS), FARM_EINVAL);
        cr_assert_eq(source[4], 0);
    }
}

Test(options, no_options_are_all_defaults) {
    unsigned char ours[OURS];
    memset(ours, 0xCC, sizeof(ours));

    cr_assert_eq(options_copy(ours, OURS, NULL), FARM_OK);

    for (size_t i = 0; i < OURS; i++) cr_assert_eq(ours[i], 0);
}

Test(options, options_may_lie_at_any_address) {
    unsigned char room[64] = {0};
    set_size(room + 1, 8);
    room[5] = 42;
    unsigned char ours[OURS];

    cr_assert_eq(options_copy(ours, OURS, room + 1), FARM_OK);

    cr_assert_eq(ours[4], 42);
}

Test(options, an_answer_fills_the_callers_struct_and_not_a_byte_more) {
    unsigned char ours[OURS];
    for (size_t i = 0; i < OURS; i++) ours[i] = (unsigned char)(i + 1);

    for (uint32_t given = 4; given <= 4096; given++) {
        unsigned char answer[ROOM];
        memset(answer, 0xEE, sizeof(answer));
        set_size(answer, given);

        cr_assert_eq(options_answer(answer, ours, OURS), FARM_OK);

        uint32_t size = 0;
        memcpy(&size, answer, sizeof(size));
        cr_assert_eq(size, given, "struct_size is the caller's");
        uint32_t shared = given < OURS ? given : OURS;
        cr_assert_eq(memcmp(answer + 4, ours + 4, shared - 4), 0);
        for (uint32_t i = shared; i < given; i++) cr_assert_eq(answer[i], 0);
        cr_assert_eq(answer[given], 0xEE);
    }
}
