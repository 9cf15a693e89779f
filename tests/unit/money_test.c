/* Amounts of money: texts that are amounts or none, and shares that lose nothing. */
#include <criterion/criterion.h>
#include <farmcore/money.h>
#include <stdio.h>
#include <string.h>

/* --- texts --- */

Test(money, texts_that_are_amounts) {
    static const struct {
        const char *text;
        int32_t scale;
        int64_t amount;
    } rows[] = {{"0", 0, 0},
                {"7", 0, 7},
                {"-7", 0, -7},
                {"0", 2, 0},
                {"12.50", 2, 1250},
                {"12.5", 2, 1250},
                {"12", 2, 1200},
                {"-0.05", 2, -5},
                {"-0", 2, 0},
                {"0.000000000000000001", 18, 1},
                {"9.223372036854775807", 18, INT64_MAX},
                {"-9.223372036854775807", 18, -INT64_MAX},
                {"9223372036854775807", 0, INT64_MAX},
                {"92233720368547758.07", 2, INT64_MAX},
                {"1.234", 3, 1234}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t amount = 99;
        cr_expect_eq(farm_money_from_text(rows[i].text, rows[i].scale, NULL, &amount), FARM_OK,
                     "%s", rows[i].text);
        cr_expect_eq(amount, rows[i].amount, "%s", rows[i].text);
    }
}

Test(money, texts_that_are_none) {
    static const struct {
        const char *text;
        int32_t scale;
        const char *complaint;
    } rows[] = {
        {"", 2, "the amount begins with no digit (scale 2)"},
        {"-", 2, "the amount begins with no digit (scale 2)"},
        {"--1", 2, "the amount begins with no digit (scale 2)"},
        {"+1", 2, "the amount begins with no digit (scale 2)"},
        {" 1", 2, "the amount begins with no digit (scale 2)"},
        {".5", 2, "the amount begins with no digit (scale 2)"},
        {"01", 2, "the amount has a zero in front of other digits (scale 2)"},
        {"00.5", 2, "the amount has a zero in front of other digits (scale 2)"},
        {"1.", 2, "the amount has a point without digits behind it (scale 2)"},
        {"1.x", 2, "the amount has a point without digits behind it (scale 2)"},
        {"1.005", 2, "the amount has more decimal places than its scale (scale 2)"},
        {"1.000", 2, "the amount has more decimal places than its scale (scale 2)"},
        {"1.5", 0, "the amount has decimal places, and its scale is 0 (scale 0)"},
        {"1e3", 2, "the amount has a character that is no part of an amount (scale 2)"},
        {"1,5", 2, "the amount has a character that is no part of an amount (scale 2)"},
        {"1 ", 2, "the amount has a character that is no part of an amount (scale 2)"},
        {"1.5.5", 2, "the amount has a character that is no part of an amount (scale 2)"},
        {"\xd9\xa1", 2, "the amount begins with no digit (scale 2)"},
        {"9223372036854775808", 0, "the amount is more than 9223372036854775807 units (scale 0)"},
        {"-9223372036854775808", 0, "the amount is more than 9223372036854775807 units (scale 0)"},
        {"92233720368547758.08", 2, "the amount is more than 9223372036854775807 units (scale 2)"},
        {"99999999999999999999999999999999999999999", 18,
         "the amount is more than 9223372036854775807 units (scale 18)"},
        {"1", 19, "scale is 19, and must be 0 to 18"},
        {"1", -1, "scale is -1, and must be 0 to 18"},
        {NULL, 2, "text is missing"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        farm_error error = {.struct_size = sizeof error};
        int64_t amount = 99;
        cr_expect_eq(farm_money_from_text(rows[i].text, rows[i].scale, &error, &amount),
                     FARM_EINVAL, "%zu", i);
        cr_expect_str_eq(error.text, rows[i].complaint);
        cr_expect_eq(amount, 99);
    }
    cr_expect_eq(farm_money_from_text("1", 2, NULL, NULL), FARM_EINVAL);
}

Test(money, amounts_as_texts) {
    static const struct {
        int64_t amount;
        int32_t scale;
        const char *text;
    } rows[] = {{0, 0, "0"},
                {0, 2, "0.00"},
                {5, 2, "0.05"},
                {-5, 2, "-0.05"},
                {1250, 2, "12.50"},
                {100, 0, "100"},
                {INT64_MAX, 18, "9.223372036854775807"},
                {INT64_MIN, 18, "-9.223372036854775808"},
                {INT64_MIN, 0, "-9223372036854775808"},
                {1, 18, "0.000000000000000001"}};
    char text[FARM_MONEY_TEXT_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(farm_money_to_text(rows[i].amount, rows[i].scale, text), FARM_OK);
        cr_expect_str_eq(text, rows[i].text);
    }
    cr_expect_eq(farm_money_to_text(1, 19, text), FARM_EINVAL);
    cr_expect_str_eq(text, "");
    cr_expect_eq(farm_money_to_text(1, 2, NULL), FARM_EINVAL);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(money, what_is_written_is_read_as_the_same) {
    uint64_t random = 88172645463325252U;
    for (int i = 0; i < 100000; i++) {
        const int32_t scale = (int32_t)(next_random(&random) % (FARM_MONEY_SCALE_MAX + 1));
        const int64_t written = (int64_t)next_random(&random) >> next_random(&random) % 63;
        int64_t read = 0;
        char text[FARM_MONEY_TEXT_SIZE];
        if (written == INT64_MIN) continue;
        cr_assert_eq(farm_money_to_text(written, scale, text), FARM_OK);
        cr_assert_eq(farm_money_from_text(text, scale, NULL, &read), FARM_OK, "%s", text);
        cr_assert_eq(read, written, "%s of scale %d", text, scale);
    }
}

/* --- currencies --- */

Test(money, currencies_have_their_places) {
    cr_expect_eq(farm_money_scale("EUR"), 2);
    cr_expect_eq(farm_money_scale("AED"), 2);
    cr_expect_eq(farm_money_scale("ZWG"), 2);
    cr_expect_eq(farm_money_scale("JPY"), 0);
    cr_expect_eq(farm_money_scale("XPF"), 0);
    cr_expect_eq(farm_money_scale("BHD"), 3);
    cr_expect_eq(farm_money_scale("UYW"), 4);
    static const char *const none[] = {"XAU", "XTS", "DEM", "eur", "EU", "EURO", "", "R K", "UR "};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_eq(farm_money_scale(none[i]), -1, "%s", none[i]);
    cr_expect_eq(farm_money_scale(NULL), -1);
}

/* --- shares --- */

enum { PARTS = 4 };

Test(money, what_is_left_goes_to_the_first_with_a_share) {
    static const struct {
        int64_t amount;
        farm_money_weight weights[PARTS];
        int64_t parts[PARTS];
    } rows[] = {{100, {{1}, {1}, {1}, {0}}, {34, 33, 33, 0}},
                {-100, {{1}, {1}, {1}, {0}}, {-34, -33, -33, 0}},
                {5, {{0}, {1}, {1}, {1}}, {0, 3, 1, 1}},
                {0, {{1}, {2}, {3}, {4}}, {0, 0, 0, 0}},
                {1, {{1}, {1}, {1}, {1}}, {1, 0, 0, 0}},
                {10, {{70}, {20}, {10}, {0}}, {7, 2, 1, 0}},
                {INT64_MAX, {{INT64_MAX - 3}, {1}, {1}, {1}}, {INT64_MAX - 3, 1, 1, 1}},
                {INT64_MAX, {{1}, {1}, {0}, {0}}, {INT64_MAX / 2 + 1, INT64_MAX / 2, 0, 0}},
                {-INT64_MAX, {{0}, {0}, {0}, {5}}, {0, 0, 0, -INT64_MAX}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t parts[PARTS] = {9, 9, 9, 9};
        cr_expect_eq(farm_money_split(rows[i].amount, rows[i].weights, PARTS, parts, NULL),
                     FARM_OK);
        for (int j = 0; j < PARTS; j++) cr_expect_eq(parts[j], rows[i].parts[j], "%zu, %d", i, j);
    }
}

/* Against the definition, in numbers that are small enough for it. */
Test(money, every_small_split_is_by_the_rule) {
    for (int64_t amount = -40; amount <= 40; amount++)
        for (int64_t code = 1; code < 6 * 6 * 6; code++) {
            const int64_t shares[3] = {code % 6, code / 6 % 6, code / 36};
            const farm_money_weight weights[3] = {{shares[0]}, {shares[1]}, {shares[2]}};
            const int64_t sum = shares[0] + shares[1] + shares[2];
            const int first = shares[0] > 0 ? 0 : shares[1] > 0 ? 1 : 2;
            int64_t parts[3];
            int64_t left = amount;
            cr_assert_eq(farm_money_split(amount, weights, 3, parts, NULL), FARM_OK);
            for (int i = 0; i < 3; i++) left -= amount * shares[i] / sum;
            for (int i = 0; i < 3; i++)
                cr_assert_eq(parts[i], amount * shares[i] / sum + (i == first ? left : 0));
        }
}

Test(money, what_cannot_be_split_is_said) {
    static const farm_money_weight negative[] = {{1}, {-1}};
    static const farm_money_weight zeros[] = {{0}, {0}};
    static const farm_money_weight large[] = {{INT64_MAX}, {1}};
    static const farm_money_weight right[] = {{1}, {1}};
    static const struct {
        int64_t amount;
        const farm_money_weight *weights;
        size_t count;
        const char *complaint;
    } rows[] = {{1, negative, 2, "weight 1 is negative: -1"},
                {1, zeros, 2, "every weight is 0"},
                {1, large, 2, "the weights' sum is more than 9223372036854775807"},
                {1, right, 0, "count is 0, and must be 1 to 8190"},
                {1, right, 8191, "count is 8191, and must be 1 to 8190"},
                {1, NULL, 2, "items is missing"},
                {INT64_MIN, right, 2,
                 "amount_minor is -9223372036854775808, and must be -9223372036854775807 to "
                 "9223372036854775807"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        farm_error error = {.struct_size = sizeof error};
        int64_t parts[2] = {9, 9};
        cr_expect_eq(
            farm_money_split(rows[i].amount, rows[i].weights, rows[i].count, parts, &error),
            FARM_EINVAL, "%zu", i);
        cr_expect_str_eq(error.text, rows[i].complaint);
        cr_expect_eq(parts[0], 9);
    }
    cr_expect_eq(farm_money_split(1, right, 2, NULL, NULL), FARM_EINVAL);
}
