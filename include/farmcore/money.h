/**
 * @file farmcore/money.h
 * Amounts of money as whole numbers of a smallest unit: to and from decimal text, and split without
 * losing any. Nothing here knows a floating point number, a locale, or a store.
 *
 * An amount of scale 2 is a number of cents: 1250 is `12.50`.
 */
#ifndef FARMCORE_MONEY_H
#define FARMCORE_MONEY_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_MONEY_SCALE_MAX = 18, /**< decimal places */
    FARM_MONEY_TEXT_SIZE = 24, /**< bytes of any amount as text, and its NUL */
    FARM_MONEY_PARTS_MAX = 8190
};

/** What a part of a split weighs. */
typedef struct farm_money_weight {
    int64_t weight;
} farm_money_weight;
/** What it gets. */
typedef int64_t farm_money_part;

/**
 * Read an amount. A text is an optional `-`, digits without a leading zero (`0` itself is one),
 * and, when the scale is not 0, optionally a point and 1 to `scale` digits. More decimal places
 * than the scale has are refused, zeros too: nothing is rounded. So are `+`, spaces, exponents,
 * separators between thousands, and a point without digits on both its sides.
 *
 * @param text the amount; from -9223372036854775807 to 9223372036854775807 units.
 * @param scale decimal places, 0 to FARM_MONEY_SCALE_MAX.
 * @param error receives what went wrong; NULL: not wanted.
 * @param out_minor receives the amount, and is left as it was otherwise.
 * @return FARM_OK
 * @return FARM_EINVAL
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_money_from_text(const char *text, int32_t scale, farm_error *error,
                                          int64_t *out_minor);

/**
 * Write an amount with all decimal places of its scale: 5 of scale 2 is `0.05`. What is written,
 * farm_money_from_text() reads as the same amount; INT64_MIN, too, is written.
 *
 * @param scale decimal places, 0 to FARM_MONEY_SCALE_MAX.
 * @param text FARM_MONEY_TEXT_SIZE bytes; when the scale is none, an empty text.
 * @return FARM_OK
 * @return FARM_EINVAL
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_money_to_text(int64_t amount_minor, int32_t scale, char *text);

/**
 * The decimal places of a currency, by ISO 4217 (list one, 2026): 2 of `EUR`, 0 of `JPY`,
 * 3 of `BHD`.
 *
 * @param key three letters in upper case.
 * @return 0 to 4; -1: no currency in use, or one without a smaller unit, such as `XAU`.
 * Threads: any. Since 0.1.0.
 */
FARM_API int32_t farm_money_scale(const char *key);

/**
 * Split an amount by weights. Each part is its share, rounded toward zero; what that leaves is
 * added to the first part whose weight is not 0. So the parts' sum is the amount, exactly, and the
 * parts of a negative amount are those of the positive one, negative: a refund splits as the sale
 * did.
 *
 * @param amount_minor -9223372036854775807 to 9223372036854775807.
 * @param items weights, 0 and up; their sum is at least 1 and at most 9223372036854775807.
 * @param count 1 to FARM_MONEY_PARTS_MAX. @param results receives a part each.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_money_split(int64_t amount_minor, const farm_money_weight *items,
                                      size_t count, farm_money_part *results, farm_error *error);

#ifdef __cplusplus
}
#endif
#endif
