/* Exact integer arithmetic. Every function returns 1 when the result fits and 0 when not, and then
 * leaves *out as it was. */
#ifndef BASE_INTEGER_H
#define BASE_INTEGER_H

#include <stddef.h>
#include <stdint.h>

int32_t integer_add(int64_t left, int64_t right, int64_t *out);
int32_t integer_subtract(int64_t left, int64_t right, int64_t *out);
int32_t integer_multiply(int64_t left, int64_t right, int64_t *out);
int32_t size_multiply(size_t left, size_t right, size_t *out);

/* Both arguments positive. */
int64_t integer_gcd(int64_t left, int64_t right);
/* divisor > 0; rounds toward plus infinity, and never overflows. By 1, which is common where limits
 * are counted in nanoseconds, nothing is divided: that would take as long as all the rest. */
static inline int64_t integer_divide_up(int64_t dividend, int64_t divisor) {
    if (divisor == 1) return dividend;
    return dividend / divisor + (dividend % divisor > 0 ? 1 : 0);
}
/* value × numerator / denominator, rounded up, exact though the product may have 126 bits.
 * 0 <= value <= denominator, 0 <= numerator, denominator > 0: the result is at most numerator. */
int64_t integer_scale_up(int64_t value, int64_t numerator, int64_t denominator);
static inline int64_t integer_min(int64_t left, int64_t right) {
    return left < right ? left : right;
}
static inline int64_t integer_max(int64_t left, int64_t right) {
    return left > right ? left : right;
}

#endif
