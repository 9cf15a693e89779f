/* Ids: layout of RFC 9562, order within the process, text. The state is the process's, and each
 * test has a process of its own. */
#include "base/id.h"
#include "base/clock.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

TestSuite(id);

#define NOW_US INT64_C(1645557742000000) /* the moment of RFC 9562's own example */

/* Fills with one byte. */
static void fill_same(void *context, void *data, size_t size) {
    memset(data, *(uint8_t *)context, size);
}

static farm_entropy same_bytes(uint8_t *byte) {
    return (farm_entropy){.struct_size = sizeof(farm_entropy), .fill = fill_same, .context = byte};
}

static uint64_t milliseconds_of(const farm_id *id) {
    uint64_t milliseconds = 0;
    for (size_t i = 0; i < 6; i++) milliseconds = milliseconds << 8 | id->bytes[i];
    return milliseconds;
}

static uint32_t counter_of(const farm_id *id) {
    return (uint32_t)(id->bytes[6] & 0x0F) << 8 | id->bytes[7];
}

static int32_t is_greater(const farm_id *left, const farm_id *right) {
    return memcmp(left->bytes, right->bytes, sizeof(left->bytes)) > 0;
}

Test(id, the_layout_is_that_of_version_7) {
    uint8_t ones = 0xFF;
    farm_entropy entropy = same_bytes(&ones);
    farm_id id;

    id_make(NOW_US + 999, &entropy, &id);

    char text[FARM_ID_TEXT_SIZE];
    farm_id_to_text(&id, text);
    cr_assert_str_eq(text, "017f22e2-79b0-77ff-bfff-ffffffffffff");
    uint8_t zeros = 0;
    entropy = same_bytes(&zeros);
    id_make(NOW_US + 1000, &entropy, &id);
    farm_id_to_text(&id, text);
    cr_assert_str_eq(text, "017f22e2-79b1-7000-8000-000000000000");
}

Test(id, version_and_variant_hold_whatever_the_entropy_and_the_time) {
    for (int i = 0; i < 20000; i++) {
        farm_id id;
        int64_t now_us = (int64_t)entropy_below(&entropy_system, (uint64_t)CLOCK_MAX_US);
        id_make(now_us, &entropy_system, &id);
        cr_assert_eq(id.bytes[6] >> 4, 7);
        cr_assert_eq(id.bytes[8] >> 6, 2);
    }
}

Test(id, each_millisecond_starts_its_counter_at_random_in_the_lower_half) {
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;

    for (int64_t i = 1; i <= 20000; i++) {
        farm_id id;
        id_make(NOW_US + i * 1000, &entropy_system, &id);
        cr_assert_eq(milliseconds_of(&id), (uint64_t)(NOW_US / 1000 + i));
        uint32_t counter = counter_of(&id);
        least = counter < least ? counter : least;
        most = counter > most ? counter : most;
    }

    cr_assert_lt(most, 2048);
    cr_assert_lt(least, 64);
    cr_assert_gt(most, 2048 - 64);
}

Test(id, a_counter_that_runs_over_carries_into_the_time) {
    uint8_t ones = 0xFF; /* starts at 0x7FF and has the same random bits each time */
    farm_entropy entropy = same_bytes(&ones);
    farm_id last;
    id_make(NOW_US, &entropy, &last);

    for (uint32_t i = 1; i <= 10000; i++) {
        farm_id id;
        id_make(NOW_US, &entropy, &id);
        uint32_t total = 0x7FF + i;
        cr_assert(is_greater(&id, &last));
        cr_assert_eq(counter_of(&id), total % 4096);
        cr_assert_eq(milliseconds_of(&id), (uint64_t)NOW_US / 1000 + total / 4096);
        last = id;
    }

    farm_id caught_up;
    id_make(NOW_US + 1000, &entropy, &caught_up);
    cr_assert(is_greater(&caught_up, &last), "the real time lies behind the carried one");
    id_make(NOW_US + 1000000, &entropy, &caught_up);
    cr_assert_eq(milliseconds_of(&caught_up), (uint64_t)NOW_US / 1000 + 1000);
    cr_assert_eq(counter_of(&caught_up), 0x7FF);
}

Test(id, ids_never_go_back_though_the_clock_does) {
    static const int64_t steps_us[] = {0,       -1000,       -3600000000,  5,
                                       -NOW_US, -2 * NOW_US, INT64_MIN / 2};
    farm_id last;
    id_make(NOW_US, &entropy_system, &last);

    for (size_t round = 0; round < 7000; round++) {
        farm_id id;
        id_make(NOW_US + steps_us[round % 7], &entropy_system, &id);
        cr_assert(is_greater(&id, &last));
        last = id;
    }

    cr_assert_lt(milliseconds_of(&last), (uint64_t)NOW_US / 1000 + 3);
}

Test(id, a_clock_beyond_all_bounds_leaves_room_for_more_ids) {
    farm_id last;
    id_make(INT64_MAX, &entropy_system, &last);

    for (int i = 0; i < 10000; i++) {
        farm_id id;
        id_make(INT64_MAX, &entropy_system, &id);
        cr_assert(is_greater(&id, &last));
        cr_assert_eq(id.bytes[6] >> 4, 7);
        last = id;
    }

    cr_assert_geq(milliseconds_of(&last), (uint64_t)CLOCK_MAX_US / 1000);
    cr_assert_lt(milliseconds_of(&last), (uint64_t)CLOCK_MAX_US / 1000 + 5);
}

enum { THREAD_COUNT = 4, ID_COUNT = 50000 };

static farm_id made[THREAD_COUNT][ID_COUNT];

static void *make_ids(void *context) {
    farm_id *ids = context;
    for (size_t i = 0; i < ID_COUNT; i++)
        id_make(clock_system.real_ns(NULL) / 1000, &entropy_system, &ids[i]);
    return NULL;
}

static int compare_ids(const void *left, const void *right) {
    return memcmp(left, right, sizeof(farm_id));
}

Test(id, two_hundred_thousand_ids_of_four_threads_are_distinct_and_each_threads_grow) {
    pthread_t threads[THREAD_COUNT];
    for (size_t i = 0; i < THREAD_COUNT; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, make_ids, made[i]), 0);
    for (size_t i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i], NULL);

    for (size_t i = 0; i < THREAD_COUNT; i++) {
        for (size_t n = 1; n < ID_COUNT; n++) cr_assert(is_greater(&made[i][n], &made[i][n - 1]));
    }
    qsort(made, (size_t)THREAD_COUNT * ID_COUNT, sizeof(farm_id), compare_ids);
    const farm_id *all = &made[0][0];
    for (size_t i = 1; i < (size_t)THREAD_COUNT * ID_COUNT; i++)
        cr_assert_neq(memcmp(all[i].bytes, all[i - 1].bytes, 8), 0, "not by the random bits alone");
}

Test(id, text_and_back_is_the_same_id) {
    for (int i = 0; i < 10000; i++) {
        farm_id id;
        farm_id back = {{0}};
        char text[FARM_ID_TEXT_SIZE + 1];
        text[FARM_ID_TEXT_SIZE] = 'x';
        entropy_system.fill(NULL, id.bytes, sizeof(id.bytes));

        farm_id_to_text(&id, text);

        cr_assert_eq(strlen(text), 36);
        cr_assert_eq(text[FARM_ID_TEXT_SIZE], 'x');
        cr_assert_eq(farm_id_from_text(text, &back), FARM_OK);
        cr_assert(id_equals(&id, &back));
    }
}

Test(id, upper_and_lower_case_are_read_and_lower_is_written) {
    farm_id id;
    char text[FARM_ID_TEXT_SIZE];

    cr_assert_eq(farm_id_from_text("017F22E2-79B0-7Cc3-98C4-dC0C0C07398F", &id), FARM_OK);

    farm_id_to_text(&id, text);
    cr_assert_str_eq(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

Test(id, any_other_byte_in_any_place_is_refused_and_changes_nothing) {
    static const char good[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

    for (size_t place = 0; place < 36; place++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[FARM_ID_TEXT_SIZE];
            memcpy(text, good, sizeof(text));
            text[place] = (char)byte;
            int32_t is_hyphen = good[place] == '-';
            int32_t is_digit = byte != 0 && strchr("0123456789abcdefABCDEF", byte) != NULL;
            farm_id id;
            memset(&id, 0xCC, sizeof(id));

            farm_status status = farm_id_from_text(text, &id);

            int32_t is_good = is_hyphen ? byte == '-' : is_digit;
            cr_assert_eq(status, is_good ? FARM_OK : FARM_EINVAL, "%zu %02X", place, byte);
            cr_assert_eq(id.bytes[0] == 0xCC && id.bytes[15] == 0xCC, !is_good);
        }
    }
}

Test(id, texts_of_other_lengths_are_refused_and_not_read_beyond_their_end) {
    static const char good[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    farm_id id;

    for (size_t size = 0; size < 36; size++) {
        char *text = malloc(size + 1);
        memcpy(text, good, size);
        text[size] = '\0';
        cr_assert_eq(farm_id_from_text(text, &id), FARM_EINVAL);
        free(text);
    }
    cr_assert_eq(farm_id_from_text("017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", &id), FARM_EINVAL);
    cr_assert_eq(farm_id_from_text("{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", &id), FARM_EINVAL);
    cr_assert_eq(farm_id_from_text("017f22e279b07cc398c4dc0c0c07398f", &id), FARM_EINVAL);
    cr_assert_eq(farm_id_from_text(NULL, &id), FARM_EINVAL);
    cr_assert_eq(farm_id_from_text(good, NULL), FARM_EINVAL);
}

Test(id, a_missing_id_is_written_as_no_text) {
    char text[FARM_ID_TEXT_SIZE] = "before";

    farm_id_to_text(NULL, text);
    cr_assert_str_eq(text, "");
    farm_id id = {{0}};
    farm_id_to_text(&id, NULL);
}

Test(id, zero_is_zero_and_one_bit_makes_it_another) {
    farm_id zero = {{0}};
    cr_assert(id_is_zero(&zero));

    for (size_t bit = 0; bit < 128; bit++) {
        farm_id id = {{0}};
        id.bytes[bit / 8] = (uint8_t)(1 << bit % 8);
        cr_assert_not(id_is_zero(&id));
        cr_assert_not(id_equals(&id, &zero));
        cr_assert(id_equals(&id, &id));
    }
}
