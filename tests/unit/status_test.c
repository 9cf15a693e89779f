/* Statuses: every number has its name and text, and which may be repeated. */
#include <criterion/criterion.h>
#include <farmcore/base.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

TestSuite(status);

Test(status, every_status_has_its_name_and_a_text) {
    static const char *const names[] = {
#define STATUS_NAME(name, number, text) "FARM_" #name,
        FARM_STATUSES(STATUS_NAME)
#undef STATUS_NAME
    };

    for (farm_status i = 0; i < 17; i++) {
        cr_assert_str_eq(farm_status_name(i), names[i]);
        cr_assert_gt(strlen(farm_status_text(i)), 0);
        cr_assert_null(strchr(farm_status_text(i), '\n'));
    }
    cr_assert_eq(sizeof(names) / sizeof(names[0]), 17);
}

Test(status, the_numbers_are_those_that_other_languages_have_written_down) {
    cr_assert_eq(FARM_OK, 0);
    cr_assert_eq(FARM_ENOTFOUND, 3);
    cr_assert_eq(FARM_EAGAIN, 7);
    cr_assert_eq(FARM_EINTERNAL, 16);
    cr_assert_str_eq(farm_status_name(FARM_EUNCERTAIN), "FARM_EUNCERTAIN");
    cr_assert_str_eq(farm_status_text(FARM_OK), "done");
}

Test(status, a_number_that_is_no_status_has_a_name_and_a_text_too) {
    static const farm_status strangers[] = {-1, 17, INT32_MIN, INT32_MAX};

    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(farm_status_name(strangers[i]), "FARM_UNKNOWN");
        cr_assert_gt(strlen(farm_status_text(strangers[i])), 0);
        cr_assert_eq(farm_status_is_retryable(strangers[i]), 0);
    }
}

Test(status, four_statuses_may_be_repeated_and_no_other) {
    int32_t count = 0;
    for (farm_status i = 0; i < 17; i++) count += farm_status_is_retryable(i);

    cr_assert_eq(count, 4);
    cr_assert_eq(farm_status_is_retryable(FARM_EAGAIN), 1);
    cr_assert_eq(farm_status_is_retryable(FARM_ETIMEOUT), 1);
    cr_assert_eq(farm_status_is_retryable(FARM_EUNAVAILABLE), 1);
    cr_assert_eq(farm_status_is_retryable(FARM_EUNCERTAIN), 1);
}

Test(status, the_version_is_one_number_in_decimal_places) {
    char text[32];

    snprintf(text, sizeof(text), "%d.%d.%d", farm_version() / 1000000, farm_version() / 1000 % 1000,
             farm_version() % 1000);

    char expected[32];
    snprintf(expected, sizeof(expected), "%d.%d.%d", FARM_VERSION_MAJOR, FARM_VERSION_MINOR,
             FARM_VERSION_PATCH);
    cr_assert_str_eq(text, expected);
}
