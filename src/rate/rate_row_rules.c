/* What a statement does to a bucket's row, in C: for what is counted in the process, and as what
 * the statements are tested against. It reads like rate.sql. */
#include "base/integer.h"
#include "rate/rate_rules.h"

int32_t rate_row_is_stray(const rate_units *units, const rate_moment *moment, const rate_row *row) {
    return row->tat - moment->now > units->capacity + units->slack + row->debt;
}

int64_t rate_row_used(const rate_moment *moment, const rate_row *row) {
    return integer_max(0, row->tat - moment->now);
}

int64_t rate_row_carry(const rate_units *units, const rate_moment *moment, const rate_row *row) {
    if (row->tat >= moment->now) return row->previous;
    return integer_max(0, row->tat - (moment->now - units->stride));
}

/* The carry that the row keeps; only a sliding window looks at it. */
static int64_t carry_to_keep(const rate_units *units, const rate_moment *moment,
                             const rate_row *row) {
    return units->algorithm == FARM_RATE_ALGORITHM_SLIDING ? rate_row_carry(units, moment, row) : 0;
}

int32_t rate_row_take(const rate_units *units, const rate_ask *ask, const rate_row *row,
                      rate_row *out) {
    const rate_moment *moment = &ask->moment;
    if (row == NULL) {
        *out = (rate_row){.tat = moment->now + ask->increment};
        return 1;
    }
    if (rate_row_is_stray(units, moment, row)) {
        *out = (rate_row){.tat = moment->now + units->capacity};
        return 1;
    }
    const int64_t used = rate_row_used(moment, row);
    const int64_t carry = carry_to_keep(units, moment, row);
    if (carry * moment->share + (used + ask->increment) * units->span >
        units->capacity * units->span)
        return 0;
    *out = (rate_row){.tat = moment->now + used + ask->increment, .previous = carry};
    return 1;
}

int32_t rate_row_force(const rate_units *units, const rate_ask *ask, const rate_row *row,
                       rate_row *out) {
    const rate_moment *moment = &ask->moment;
    int64_t used = 0;
    int64_t carry = 0;
    if (row != NULL && rate_row_is_stray(units, moment, row)) {
        used = units->capacity;
    } else if (row != NULL) {
        used = rate_row_used(moment, row);
        carry = carry_to_keep(units, moment, row);
    }
    /* What is in debt already, by whatever it took, is not made less by the bound. */
    const int64_t most = integer_max(used, RATE_FORCE_FACTOR * units->capacity);
    used = integer_min(used + ask->increment, most);
    *out = (rate_row){.tat = moment->now + used,
                      .previous = carry,
                      .debt = integer_max(0, used - units->capacity)};
    return 1;
}

int32_t rate_row_refund(const rate_ask *ask, const rate_row *row, rate_row *out) {
    if (row == NULL || row->tat <= ask->moment.now) return 0;
    if (row->tat - ask->moment.now >= ask->moment.reach) return 0;
    *out = *row;
    out->tat = integer_max(ask->moment.now, row->tat - ask->increment);
    return 1;
}
