/* Exact arithmetic against the compiler's own at every pair of boundaries. */
#include "base/integer.h"
#include <criterion/criterion.h>

TestSuite(integer);

static const int64_t edges[] = {
    INT64_MIN,
    INT64_MIN + 1,
    INT64_MIN + 2,
    INT64_MIN / 2 - 1,
    INT64_MIN / 2,
    INT64_MIN / 2 + 1,
    -4294967297,
    -4294967296,
    -4294967295,
    -3037000500,
    -3037000499,
    -2147483649,
    -2147483648,
    -1000000007,
    -3,
    -2,
    -1,
    0,
    1,
    2,
    3,
    1000000007,
    2147483647,
    2147483648,
    3037000499,
    3037000500,
    4294967295,
    4294967296,
    4294967297,
    INT64_MAX / 2 - 1,
    INT64_MAX / 2,
    INT64_MAX / 2 + 1,
    INT64_MAX - 2,
    INT64_MAX - 1,
    INT64_MAX,
};

enum { EDGE_COUNT = sizeof(edges) / sizeof(edges[0]), UNTOUCHED = 77 };

/* One result against the expected one; a refusal leaves the result as it was. */
static void check(const char *what, int64_t left, int64_t right, int32_t fits, int64_t result,
                  int32_t should_fit, int64_t expected) {
    cr_assert_eq(fits, should_fit, "%lld %s %lld", (long long)left, what, (long long)right);
    cr_assert_eq(result, should_fit ? expected : UNTOUCHED, "%lld %s %lld", (long long)left, what,
                 (long long)right);
}

Test(integer, sums_differences_and_products_are_exact_or_refused) {
    for (size_t i = 0; i < EDGE_COUNT * EDGE_COUNT; i++) {
        int64_t left = edges[i / EDGE_COUNT];
        int64_t right = edges[i % EDGE_COUNT];
        int64_t expected = 0;
        int64_t result = UNTOUCHED;
        int32_t should_fit = !__builtin_add_overflow(left, right, &expected);
        int32_t fits = integer_add(left, right, &result);
        check("+", left, right, fits, result, should_fit, expected);

        result = UNTOUCHED;
        should_fit = !__builtin_sub_overflow(left, right, &expected);
        fits = integer_subtract(left, right, &result);
        check("-", left, right, fits, result, should_fit, expected);

        result = UNTOUCHED;
        should_fit = !__builtin_mul_overflow(left, right, &expected);
        fits = integer_multiply(left, right, &result);
        check("*", left, right, fits, result, should_fit, expected);
    }
}

Test(integer, random_products_are_exact_or_refused) {
    uint64_t random = 88172645463325252;
    int32_t fitting = 0;

    for (int i = 0; i < 200000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int64_t left = (int64_t)random >> (random & 63);
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int64_t right = (int64_t)random >> (random & 63);
        int64_t expected = 0;
        int64_t result = UNTOUCHED;
        int32_t should_fit = !__builtin_mul_overflow(left, right, &expected);
        int32_t fits = integer_multiply(left, right, &result);
        check("*", left, right, fits, result, should_fit, expected);
        fitting += should_fit;
    }

    cr_assert(fitting > 20000 && fitting < 180000, "both kinds were met: %d", fitting);
}

Test(integer, sizes_multiply_up_to_the_last_that_fits) {
    size_t result = UNTOUCHED;

    cr_assert_not(size_multiply(SIZE_MAX, 2, &result));
    cr_assert_not(size_multiply(2, SIZE_MAX, &result));
    cr_assert_not(size_multiply(SIZE_MAX / 8 + 1, 8, &result));
    cr_assert_eq(result, UNTOUCHED);
    cr_assert(size_multiply(SIZE_MAX / 8, 8, &result));
    cr_assert_eq(result, SIZE_MAX - 7);
    cr_assert(size_multiply(SIZE_MAX, 1, &result) && result == SIZE_MAX);
    cr_assert(size_multiply(0, SIZE_MAX, &result) && result == 0);
    cr_assert(size_multiply(SIZE_MAX, 0, &result) && result == 0);
}

Test(integer, the_greatest_divisor_divides_both_and_nothing_larger_does) {
    for (int64_t left = 1; left <= 120; left++) {
        for (int64_t right = 1; right <= 120; right++) {
            int64_t greatest = 1;
            for (int64_t i = 1; i <= left; i++) {
                if (left % i == 0 && right % i == 0) greatest = i;
            }
            cr_assert_eq(integer_gcd(left, right), greatest);
        }
    }
    cr_assert_eq(integer_gcd(INT64_MAX, INT64_MAX), INT64_MAX);
    cr_assert_eq(integer_gcd(INT64_MAX, 1), 1);
    cr_assert_eq(integer_gcd(INT64_C(1000000) * 3600, INT64_C(86400) * 7000000), 7200000000 / 2);
}

Test(integer, division_rounds_toward_plus_infinity) {
    for (int64_t dividend = -50; dividend <= 50; dividend++) {
        for (int64_t divisor = 1; divisor <= 12; divisor++) {
            int64_t up = integer_divide_up(dividend, divisor);
            cr_assert(up * divisor >= dividend && (up - 1) * divisor < dividend);
        }
    }
    cr_assert_eq(integer_divide_up(INT64_MAX, 2), INT64_MAX / 2 + 1);
    cr_assert_eq(integer_divide_up(INT64_MAX, 1), INT64_MAX);
    cr_assert_eq(integer_divide_up(INT64_MIN, 1), INT64_MIN);
    cr_assert_eq(integer_divide_up(INT64_MIN, INT64_MAX), -1);
    cr_assert_eq(integer_divide_up(INT64_MAX, INT64_MAX), 1);
}

Test(integer, the_smaller_and_the_larger_of_two) {
    cr_assert_eq(integer_min(INT64_MIN, INT64_MAX), INT64_MIN);
    cr_assert_eq(integer_max(INT64_MIN, INT64_MAX), INT64_MAX);
    cr_assert_eq(integer_min(3, 2), 2);
    cr_assert_eq(integer_max(3, 2), 3);
    cr_assert_eq(integer_max(-3, -3), -3);
}
