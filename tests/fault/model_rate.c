/* The fault lab: rate limits. The place is a subject with a bucket in each of two limits, whose
 * model counts in exact integers: microseconds times the rate. */
#include "fault/lab.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TAKE = 1, PEEK, REFUND, RESET };
enum { LIMITS = 2, HELD = LAB_RECENT_MAX, REFUND_MAX = 40 };
/* In values: a cost a limit, -1: this limit is left out; and the take that a refund is for. */
enum { COST, TAKEN = COST + LIMITS };

#define BASE_US INT64_C(1767225600000000)
#define PERIOD_US INT64_C(1000000)

typedef struct limit {
    const char *name;
    int64_t burst;
    int64_t count; /* in PERIOD_US */
} limit;

/* The second is one whose tokens are no whole number of nanoseconds apart. */
static const limit limits[LIMITS] = {{"lab-even", 5, 10}, {"lab-odd", 8, 7}};

typedef struct rate_state {
    /* When the bucket is full, in microseconds since BASE_US times count; 0: it is. */
    int64_t full_at[LIMITS];
    /* The takes that have had their refund, and of which limits, as bits. */
    struct {
        uint64_t number;
        int64_t limits;
    } refunded[REFUND_MAX];
} rate_state;

/* The tokens of a player's latest takes. */
typedef struct rate_hand {
    struct {
        uint64_t number;
        farm_id token;
    } takes[HELD];
    uint32_t next;
} rate_hand;

static farm_status prepare(farm_session *session) {
    farm_rate_limit defined[LIMITS];
    memset(defined, 0, sizeof defined);
    for (size_t i = 0; i < LIMITS; i++) {
        defined[i].struct_size = sizeof defined[i];
        defined[i].name = limits[i].name;
        defined[i].burst = limits[i].burst;
        defined[i].count = limits[i].count;
        defined[i].period_us = PERIOD_US;
    }
    return farm_rate_define(session, defined, LIMITS);
}

/* Limits of one call; at least one is in it. A take locks all its buckets before it decides; the
 * others, and a cost of 0, which only looks, come to one bucket after the other. */
static void draw_costs(lab_random *random, int64_t least, int64_t most, int can_compose,
                       lab_operation *out) {
    int64_t used = 1 + lab_random_below(random, (1 << LIMITS) - 1);
    if (out->kind != TAKE && !can_compose) used = INT64_C(1) << lab_random_below(random, LIMITS);
    if (!can_compose && least == 0 && (used & (used - 1)) != 0) least = 1;
    for (int32_t i = 0; i < LIMITS; i++) {
        int64_t cost = least + lab_random_below(random, most - least + 1);
        out->values[COST + i] = (used >> i & 1) ? cost : -1;
    }
}

static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    static const int32_t kinds[] = {TAKE, TAKE, TAKE, TAKE, PEEK, REFUND, REFUND, RESET};
    out->kind = kinds[lab_random_below(random, sizeof kinds / sizeof *kinds)];
    if (out->kind == REFUND && recent_count > 0) {
        const lab_operation *taken = &recent[lab_random_below(random, recent_count)];
        draw_costs(random, 1, 3, can_compose, out);
        out->values[TAKEN] = taken->kind == REFUND ? taken->values[TAKEN] : (int64_t)taken->number;
        return;
    }
    if (out->kind == REFUND) out->kind = TAKE;
    draw_costs(random, 0, lab_random_once_in(random, 12) ? 9 : 3, can_compose, out);
}

/* --- the library --- */

static size_t fill_requests(const lab_place *place, const lab_operation *operation,
                            farm_rate_request *items, int32_t *out_limits) {
    size_t count = 0;
    for (int32_t i = 0; i < LIMITS; i++) {
        if (operation->kind != 0 && operation->values[COST + i] < 0) continue;
        out_limits[count] = i;
        items[count++] = (farm_rate_request){.struct_size = sizeof *items,
                                             .limit = limits[i].name,
                                             .subject = place->name,
                                             .cost = operation->values[COST + i]};
    }
    return count;
}

static void hold(rate_hand *hand, uint64_t number, const farm_id *token) {
    hand->takes[hand->next % HELD].number = number;
    hand->takes[hand->next % HELD].token = *token;
    hand->next++;
}

static const farm_id *held(const rate_hand *hand, uint64_t number) {
    for (size_t i = 0; i < HELD; i++)
        if (hand->takes[i].number == number) return &hand->takes[i].token;
    return NULL;
}

static void answer(const farm_rate_state *states, const int32_t *used, size_t count,
                   const farm_rate_decision *decision, lab_result *out) {
    out->values[0] = decision->allowed;
    out->values[1] = decision->retry_after_us;
    for (size_t i = 0; i < count; i++) {
        int64_t *values = out->values + 2 + used[i] * 4;
        values[0] = states[i].allowed;
        values[1] = states[i].remaining;
        values[2] = states[i].retry_after_us;
        values[3] = states[i].reset_after_us;
    }
}

static void perform(farm_session *session, void *data, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    rate_hand *hand = data;
    farm_rate_request items[LIMITS];
    int32_t used[LIMITS];
    farm_rate_state states[LIMITS] = {{.struct_size = sizeof *states},
                                      {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    size_t count = fill_requests(place, operation, items, used);
    const farm_id *token = held(hand, (uint64_t)operation->values[TAKEN]);
    switch (operation->kind) {
    case TAKE:
        out->status = farm_rate_take(session, items, count, states, &decision);
        break;
    case RESET:
        out->status = farm_rate_reset(session, items, count);
        return;
    case REFUND:
        out->is_skipped = token == NULL;
        if (token != NULL) out->status = farm_rate_refund(session, token, items, count);
        return;
    default:
        out->status = farm_rate_peek(session, items, count, states, &decision);
        break;
    }
    if (out->status != FARM_OK) return;
    answer(states, used, count, &decision, out);
    const farm_id none = {{0}};
    if (operation->kind == TAKE && memcmp(&decision.token, &none, sizeof none) != 0)
        hold(hand, operation->number, &decision.token);
}

/* --- the model --- */

static int64_t round_up(int64_t number, int64_t divisor) {
    return (number + divisor - 1) / divisor;
}

/* Whether this limit alone lets the cost through; fills in what is said of it, as long as nothing
 * is taken. */
static int ask(const rate_state *state, int32_t index, int64_t now, int64_t cost, int64_t *values) {
    const limit *asked = &limits[index];
    int64_t here = now * asked->count;
    int64_t full_at = state->full_at[index] > here ? state->full_at[index] : here;
    int64_t excess = full_at + cost * PERIOD_US - here - asked->burst * PERIOD_US;
    values[0] = excess <= 0;
    values[1] = (asked->burst * PERIOD_US - (full_at - here)) / PERIOD_US;
    values[2] = excess <= 0 ? 0 : cost > asked->burst ? -1 : round_up(excess, asked->count);
    values[3] = round_up(full_at - here, asked->count);
    return excess <= 0;
}

static void take(rate_state *state, int64_t now, const lab_operation *operation, lab_result *out) {
    int is_allowed = 1;
    for (int32_t i = 0; i < LIMITS; i++) {
        int64_t cost = operation->values[COST + i];
        if (operation->kind != 0 && cost < 0) continue;
        int64_t *values = out->values + 2 + i * 4;
        if (ask(state, i, now, cost, values)) continue;
        is_allowed = 0;
        if (values[2] < 0 || out->values[1] < 0)
            out->values[1] = -1;
        else if (values[2] > out->values[1])
            out->values[1] = values[2];
    }
    out->values[0] = is_allowed;
    if (!is_allowed || operation->kind != TAKE) return;
    for (int32_t i = 0; i < LIMITS; i++) {
        int64_t cost = operation->values[COST + i];
        if (cost < 0) continue;
        int64_t here = now * limits[i].count;
        if (cost > 0) {
            if (state->full_at[i] < here) state->full_at[i] = here;
            state->full_at[i] += cost * PERIOD_US;
        }
        (void)ask(state, i, now, 0, out->values + 2 + i * 4);
    }
}

static void refund(rate_state *state, int64_t now, const lab_operation *operation) {
    uint64_t number = (uint64_t)operation->values[TAKEN];
    size_t place = 0;
    while (place < REFUND_MAX && state->refunded[place].number != number &&
           state->refunded[place].number != 0)
        place++;
    if (place == REFUND_MAX) return;
    state->refunded[place].number = number;
    for (int32_t i = 0; i < LIMITS; i++) {
        int64_t cost = operation->values[COST + i];
        if (cost < 0 || (state->refunded[place].limits >> i & 1)) continue;
        state->refunded[place].limits |= INT64_C(1) << i;
        state->full_at[i] -= cost * PERIOD_US;
        if (state->full_at[i] <= now * limits[i].count) state->full_at[i] = 0;
    }
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    rate_state *state = data;
    int64_t now = now_us - BASE_US;
    if (operation->kind == REFUND) {
        refund(state, now, operation);
    } else if (operation->kind == RESET) {
        for (int32_t i = 0; i < LIMITS; i++)
            if (operation->values[COST + i] >= 0) state->full_at[i] = 0;
    } else {
        take(state, now, operation, out);
    }
}

/* A take has no id. */
static int is_repeated(const lab_operation *operation) {
    return operation->kind == REFUND || operation->kind == RESET;
}

static void expire(void *data, int64_t now_us) {
    rate_state *state = data;
    for (int32_t i = 0; i < LIMITS; i++)
        if (state->full_at[i] <= (now_us - BASE_US) * limits[i].count) state->full_at[i] = 0;
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    static const char *const kinds[] = {"", "take", "peek", "refund", "reset"};
    const int64_t *values = operation->values;
    snprintf(text, size, "%s %" PRId64 " and %" PRId64 " (of take %" PRId64 ")",
             kinds[operation->kind], values[COST], values[COST + 1], values[TAKEN]);
}

const lab_module lab_rate = {.name = "rate",
                             .state_size = sizeof(rate_state),
                             .hand_size = sizeof(rate_hand),
                             .prepare = prepare,
                             .draw = draw,
                             .perform = perform,
                             .apply = apply,
                             .is_repeated = is_repeated,
                             .expire = expire,
                             .describe = describe};
