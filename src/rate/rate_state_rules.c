/* What a bucket's row, or the holds of a subject, say to the caller: what is left and when to come
 * again. */
#include "base/integer.h"
#include "rate/rate_rules.h"

typedef void (*decide_function)(const rate_units *units, const rate_ask *ask,
                                const rate_facts *facts, farm_rate_state *out);

/* Microseconds until so many units have passed, rounded up. */
static int64_t to_us(const rate_units *units, int64_t amount) {
    int64_t ticks = integer_divide_up(amount, units->speed);
    return units->tick_ns == 1 ? integer_divide_up(ticks, 1000) : ticks * (units->tick_ns / 1000);
}

static int32_t is_stray(const rate_units *units, const rate_ask *ask, const rate_facts *facts) {
    return facts->has_row && rate_row_is_stray(units, &ask->moment, &facts->row);
}

/* What is used of the bucket. A debt that nobody can have run up means that the clock was set back:
 * one more is let through, and leaves the bucket empty. */
static int64_t used_of(const rate_units *units, const rate_ask *ask, const rate_facts *facts) {
    if (!facts->has_row) return 0;
    if (is_stray(units, ask, facts)) return units->capacity;
    return rate_row_used(&ask->moment, &facts->row);
}

/* Whether it is let through, given whether the figures say so. */
static void settle(const rate_units *units, const rate_ask *ask, const rate_facts *facts,
                   int32_t fits, farm_rate_state *out) {
    out->is_never = !facts->is_taken && rate_is_never(units, ask->cost);
    out->allowed = facts->is_taken || (!out->is_never && (fits || is_stray(units, ask, facts)));
}

/* How long to wait when it is not, given how long it would take. */
static int64_t wait_of(const farm_rate_state *state, int64_t wait_us) {
    if (state->is_never) return -1;
    return state->allowed ? 0 : wait_us;
}

static void decide_bucket(const rate_units *units, const rate_ask *ask, const rate_facts *facts,
                          farm_rate_state *out) {
    const int64_t used = facts->has_row ? used_of(units, ask, facts) : units->opening;
    const int64_t missing = used + ask->increment - units->capacity;
    settle(units, ask, facts, missing <= 0, out);
    out->remaining = integer_max(0, units->capacity - used) / units->token;
    out->retry_after_us = out->allowed ? 0 : wait_of(out, to_us(units, missing));
    out->reset_after_us = to_us(units, used);
}

/* A row of the window after this one was written by a clock that is ahead. */
static int64_t windows_ahead(const rate_units *units, int64_t used) {
    return used >= units->stride ? 1 : 0;
}

static void decide_window(const rate_units *units, const rate_ask *ask, const rate_facts *facts,
                          farm_rate_state *out) {
    const int64_t used = used_of(units, ask, facts);
    const int64_t left_us = ask->moment.end_us - ask->moment.now_us;
    settle(units, ask, facts, used + ask->increment <= units->capacity, out);
    const int64_t ahead = used - windows_ahead(units, used) * units->stride;
    const int64_t more = ahead + ask->increment > units->capacity ? windows_ahead(units, used) : 0;
    out->remaining = integer_max(0, units->capacity - used);
    out->retry_after_us = wait_of(out, left_us + more * units->refill_us);
    out->reset_after_us = used > 0 ? left_us + windows_ahead(units, used) * units->refill_us : 0;
}

/* The ticks from now after which `before`, used in a window that is `share` ticks from being
 * forgotten, weighs no more than `room` tokens. */
static int64_t ticks_until(const rate_units *units, int64_t share, int64_t before, int64_t room) {
    if (before == 0) return 0;
    return integer_max(0, share - room * units->span / before);
}

/* Within this window while what was used in it leaves room, else in the next one. */
static int64_t sliding_ticks(const rate_units *units, int64_t increment, int64_t share,
                             int64_t used, int64_t carry) {
    const int64_t room = units->capacity - used - increment;
    return room >= 0 ? ticks_until(units, share, carry, room)
                     : share + ticks_until(units, units->span, used, units->capacity - increment);
}

static int64_t sliding_wait_us(const rate_units *units, const rate_ask *ask, int64_t used,
                               int64_t carry) {
    const int64_t share = ask->moment.share;
    const int64_t ticks =
        windows_ahead(units, used)
            ? share + sliding_ticks(units, ask->increment, units->span, used - units->stride, carry)
            : sliding_ticks(units, ask->increment, share, used, carry);
    return to_us(units, ticks);
}

static void decide_sliding(const rate_units *units, const rate_ask *ask, const rate_facts *facts,
                           farm_rate_state *out) {
    const rate_moment *moment = &ask->moment;
    const int64_t used = used_of(units, ask, facts);
    const int64_t carry = facts->has_row && !is_stray(units, ask, facts)
                              ? rate_row_carry(units, moment, &facts->row)
                              : 0;
    const int64_t weight = carry * moment->share;
    const int64_t left_us = moment->end_us - moment->now_us;
    const int64_t left = units->capacity - integer_divide_up(weight, units->span) -
                         integer_min(used, units->capacity);
    settle(units, ask, facts,
           weight + (used + ask->increment) * units->span <= units->capacity * units->span, out);
    out->remaining = integer_max(0, left);
    out->retry_after_us = wait_of(out, sliding_wait_us(units, ask, used, carry));
    out->reset_after_us = 0;
    if (carry > 0) out->reset_after_us = left_us;
    if (used > 0)
        out->reset_after_us = left_us + (1 + windows_ahead(units, used)) * units->refill_us;
}

static void decide_concurrency(const rate_units *units, const rate_ask *ask,
                               const rate_facts *facts, farm_rate_state *out) {
    const int64_t added = facts->is_taken ? 0 : ask->cost;
    const int64_t first_us = facts->held > 0 ? facts->earliest_us - ask->moment.now_us : 0;
    settle(units, ask, facts, added == 0 || facts->held + added <= units->capacity, out);
    out->remaining = integer_max(0, units->capacity - facts->held);
    out->retry_after_us = wait_of(out, integer_max(0, first_us));
    out->reset_after_us = facts->held > 0 ? units->period_us : 0;
}

static const decide_function algorithms[] = {
    [FARM_RATE_ALGORITHM_BUCKET] = decide_bucket,
    [FARM_RATE_ALGORITHM_WINDOW] = decide_window,
    [FARM_RATE_ALGORITHM_SLIDING] = decide_sliding,
    [FARM_RATE_ALGORITHM_CONCURRENCY] = decide_concurrency,
};

void rate_decide(const rate_units *units, const rate_ask *ask, const rate_facts *facts,
                 farm_rate_state *out) {
    out->burst = units->burst;
    out->refill_us = units->refill_us;
    algorithms[units->algorithm](units, ask, facts, out);
}

int64_t rate_carry(const rate_units *old, const rate_row *row, int64_t now_ns, int32_t change,
                   const rate_units *units) {
    const rate_facts facts = {.row = *row, .has_row = 1};
    farm_rate_state state = {0};
    rate_ask ask;
    rate_ask_at(old, now_ns, 0, &ask);
    rate_decide(old, &ask, &facts, &state);
    /* A full one is as good as none, and may be gone at any time. */
    if (state.reset_after_us == 0) return units->opening;
    if (change == FARM_RATE_CHANGE_KEEP)
        return units->capacity - integer_min(state.remaining, units->burst) * units->token;
    /* What is left tells of a sliding window what was used of both; of a bucket it is rounded. */
    const int64_t used = old->algorithm == FARM_RATE_ALGORITHM_BUCKET
                             ? integer_min(used_of(old, &ask, &facts), old->capacity)
                             : old->capacity - state.remaining;
    return integer_scale_up(used, units->capacity, old->capacity);
}
