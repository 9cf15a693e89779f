/* Exact arithmetic in portable C: each function asks first whether the result fits. */
#include "base/integer.h"

int32_t integer_add(int64_t left, int64_t right, int64_t *out) {
    if (right > 0 ? left > INT64_MAX - right : left < INT64_MIN - right) return 0;
    *out = left + right;
    return 1;
}

int32_t integer_subtract(int64_t left, int64_t right, int64_t *out) {
    if (right > 0 ? left < INT64_MIN + right : left > INT64_MAX + right) return 0;
    *out = left - right;
    return 1;
}

/* |integer|, also of INT64_MIN. */
static uint64_t magnitude(int64_t integer) {
    return integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
}

int32_t integer_multiply(int64_t left, int64_t right, int64_t *out) {
    int32_t is_negative = (left < 0) != (right < 0);
    uint64_t limit = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
    if (right != 0 && magnitude(left) > limit / magnitude(right)) return 0;
    *out = left * right;
    return 1;
}

int32_t size_multiply(size_t left, size_t right, size_t *out) {
    if (right != 0 && left > SIZE_MAX / right) return 0;
    *out = left * right;
    return 1;
}

int64_t integer_gcd(int64_t left, int64_t right) {
    while (right != 0) {
        int64_t rest = left % right;
        left = right;
        right = rest;
    }
    return left;
}

/* Long division, bit by bit of the numerator: the rest stays below the denominator, so that twice
 * the rest fits into 64 bits without a sign. */
int64_t integer_scale_up(int64_t value, int64_t numerator, int64_t denominator) {
    uint64_t quotient = 0;
    uint64_t rest = 0;
    const uint64_t divisor = (uint64_t)denominator;
    for (int bit = 62; bit >= 0; bit--) {
        quotient <<= 1;
        rest <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient++;
        }
        if ((numerator >> bit & 1) == 0) continue;
        rest += (uint64_t)value;
        if (rest >= divisor) {
            rest -= divisor;
            quotient++;
        }
    }
    return (int64_t)(quotient + (rest > 0 ? 1 : 0));
}
