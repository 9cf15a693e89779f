/* The fault lab: rate limits that are buckets. The place is a subject with one in each of three
 * limits. */
#include "fault/model_rate.h"

enum { EVEN, ODD, NEW, LIMITS };

typedef struct bucket_state {
    rate_count counts[LIMITS];
    rate_refunds refunds;
} bucket_state;

/* Tokens of the second are no whole number of nanoseconds apart; of the third a new subject has
 * fewer. */
static const farm_rate_limit limits[LIMITS] = {
    [EVEN] = {.struct_size = sizeof *limits,
              .name = "lab-even",
              .burst = 5,
              .count = 10,
              .period_us = 1000000},
    [ODD] = {.struct_size = sizeof *limits,
             .name = "lab-odd",
             .burst = 8,
             .count = 7,
             .period_us = 1000000},
    [NEW] = {.struct_size = sizeof *limits,
             .name = "lab-new",
             .burst = 6,
             .count = 3,
             .period_us = 1000000,
             .initial = 2},
};

static farm_status prepare(farm_session *session) {
    return farm_rate_define(session, limits, LIMITS);
}

static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    rate_draw_counts(random, recent, recent_count, LIMITS, 9, can_compose, out);
    int64_t *costs = out->values + RATE_COST;
    /* Of a new subject the manual does not say what a cost does that can never be had; and where
     * others play, its bucket comes before the rest. */
    if (costs[NEW] >= 0 && !can_compose) costs[EVEN] = costs[ODD] = -1;
    for (int32_t i = 0; i < LIMITS && costs[NEW] >= 0; i++)
        if (costs[i] > 5) costs[i] = 5;
    rate_draw_force(random, LIMITS, can_compose, out);
}

static void perform(farm_session *session, void *tokens, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    rate_perform(session, tokens, limits, LIMITS, place->name, operation, out);
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    bucket_state *state = data;
    rate_apply_counts(limits, LIMITS, state->counts, &state->refunds, now_us, operation, out);
}

static void expire(void *data, int64_t now_us) {
    bucket_state *state = data;
    for (int32_t i = 0; i < LIMITS; i++) rate_count_expire(&limits[i], &state->counts[i], now_us);
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    rate_describe(operation, LIMITS, text, size);
}

const lab_module lab_rate_buckets = {.name = "rate buckets",
                                     .state_size = sizeof(bucket_state),
                                     .hand_size = sizeof(rate_tokens),
                                     .prepare = prepare,
                                     .draw = draw,
                                     .perform = perform,
                                     .apply = apply,
                                     .is_repeated = rate_is_repeated,
                                     .expire = expire,
                                     .describe = describe};
