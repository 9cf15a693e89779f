/* Amounts: decimal text to and from numbers, and shares. */
#include <farmcore/money.h>
#include "base/integer.h"
#include "base/text.h"
#include "store/run.h"
#include <string.h>

static farm_status check_scale(farm_error *error, int32_t scale) {
    return store_error_check_range(error, "scale", scale, 0, FARM_MONEY_SCALE_MAX);
}

/* --- reading --- */

typedef struct reader {
    const char *at;
    int64_t amount; /* of the digits so far, without a sign */
    int32_t has_overflown;
} reader;

/* How many digits there were. */
static int32_t read_digits(reader *self, int32_t most) {
    int32_t count = 0;
    for (; count < most && *self->at >= '0' && *self->at <= '9'; count++, self->at++)
        if (!integer_multiply(self->amount, 10, &self->amount) ||
            !integer_add(self->amount, *self->at - '0', &self->amount))
            self->has_overflown = 1;
    return count;
}

/* What is wrong with the text, as the end of a sentence; NULL: nothing. */
static const char *read_amount(reader *self, int32_t scale) {
    const char *first = self->at;
    int32_t places = 0;
    if (read_digits(self, INT32_MAX) == 0) return "begins with no digit";
    if (*first == '0' && self->at - first > 1) return "has a zero in front of other digits";
    if (*self->at == '.' && scale > 0) {
        self->at++;
        places = read_digits(self, scale);
        if (places == 0) return "has a point without digits behind it";
    }
    if (*self->at >= '0' && *self->at <= '9') return "has more decimal places than its scale";
    if (*self->at == '.' && scale == 0) return "has decimal places, and its scale is 0";
    if (*self->at != '\0') return "has a character that is no part of an amount";
    for (; places < scale; places++)
        if (!integer_multiply(self->amount, 10, &self->amount)) self->has_overflown = 1;
    return self->has_overflown ? "is more than 9223372036854775807 units" : NULL;
}

farm_status farm_money_from_text(const char *text, int32_t scale, farm_error *error,
                                 int64_t *out_minor) {
    store_error_clear(error);
    const farm_status status = check_scale(error, scale);
    if (status != FARM_OK) return status;
    if (text == NULL || out_minor == NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "%s is missing",
                                text == NULL ? "text" : "out_minor");
    const int32_t is_negative = text[0] == '-';
    reader self = {.at = text + is_negative};
    const char *complaint = read_amount(&self, scale);
    if (complaint != NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "the amount %s (scale %d)", complaint,
                                scale);
    *out_minor = is_negative ? -self.amount : self.amount;
    return FARM_OK;
}

/* --- writing --- */

farm_status farm_money_to_text(int64_t amount_minor, int32_t scale, char *text) {
    if (text == NULL) return FARM_EINVAL;
    text[0] = '\0';
    if (scale < 0 || scale > FARM_MONEY_SCALE_MAX) return FARM_EINVAL;
    char digits[FARM_MONEY_TEXT_SIZE];
    char *at = digits + sizeof digits;
    uint64_t left = amount_minor < 0 ? 0 - (uint64_t)amount_minor : (uint64_t)amount_minor;
    *--at = '\0';
    for (int32_t places = 0; places <= scale || left > 0; places++, left /= 10) {
        if (places == scale && scale > 0) *--at = '.';
        *--at = (char)('0' + left % 10);
    }
    if (amount_minor < 0) *--at = '-';
    memcpy(text, at, (size_t)(digits + sizeof digits - at));
    return FARM_OK;
}

/* --- shares --- */

static farm_status sum_weights(const farm_money_weight *items, size_t count, farm_error *error,
                               int64_t *out) {
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].weight < 0)
            return store_error_fail(error, FARM_EINVAL, 0, "weight %zu is negative: %lld", i,
                                    (long long)items[i].weight);
        if (!integer_add(sum, items[i].weight, &sum))
            return store_error_fail(error, FARM_EINVAL, 0,
                                    "the weights' sum is more than 9223372036854775807");
    }
    *out = sum;
    if (sum > 0) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, 0, "every weight is 0");
}

/* amount × weight / sum, rounded down: what is left when the rest gets its share rounded up. */
static int64_t share_of(int64_t amount, int64_t weight, int64_t sum) {
    return amount - integer_scale_up(sum - weight, amount, sum);
}

farm_status farm_money_split(int64_t amount_minor, const farm_money_weight *items, size_t count,
                             farm_money_part *results, farm_error *error) {
    int64_t sum = 0;
    store_error_clear(error);
    farm_status status =
        store_error_check_range(error, "amount_minor", amount_minor, -INT64_MAX, INT64_MAX);
    if (status == FARM_OK && (items == NULL || results == NULL))
        status = store_error_fail(error, FARM_EINVAL, 0, "%s is missing",
                                  items == NULL ? "items" : "results");
    if (status == FARM_OK && (count < 1 || count > FARM_MONEY_PARTS_MAX))
        status = store_error_fail(error, FARM_EINVAL, 0, "count is %zu, and must be 1 to %d", count,
                                  FARM_MONEY_PARTS_MAX);
    if (status == FARM_OK) status = sum_weights(items, count, error, &sum);
    if (status != FARM_OK) return status;

    const int64_t amount = amount_minor < 0 ? -amount_minor : amount_minor;
    const int64_t sign = amount_minor < 0 ? -1 : 1;
    int64_t left = amount;
    size_t first = count;
    for (size_t i = 0; i < count; i++) {
        const int64_t weight = items[i].weight;
        if (weight > 0 && first == count) first = i;
        const int64_t share = share_of(amount, weight, sum);
        left -= share;
        results[i] = sign * share;
    }
    results[first] += sign * left;
    return FARM_OK;
}
