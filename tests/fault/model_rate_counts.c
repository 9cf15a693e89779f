/* The fault lab: rate limits that count: buckets, and windows of a period, sliding, and of the
 * calendar in zones whose hours begin at half hours, or whose clocks are changed. The place is a
 * subject with one of each. */
#include "fault/model_rate.h"

enum { EVEN, ODD, NEW, WINDOW, SLIDING, HOUR, DAY, MONTH, LIMITS };

typedef struct count_state {
    rate_count counts[LIMITS];
    rate_refunds refunds;
} count_state;

/* Tokens of the second bucket are no whole number of nanoseconds apart; of the third a new subject
 * has fewer. */
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
    [WINDOW] = {.struct_size = sizeof *limits,
                .name = "lab-window",
                .algorithm = FARM_RATE_ALGORITHM_WINDOW,
                .count = 5,
                .period_us = 1000000},
    [SLIDING] = {.struct_size = sizeof *limits,
                 .name = "lab-sliding",
                 .algorithm = FARM_RATE_ALGORITHM_SLIDING,
                 .count = 7,
                 .period_us = 1500000},
    [HOUR] = {.struct_size = sizeof *limits,
              .name = "lab-hour",
              .algorithm = FARM_RATE_ALGORITHM_WINDOW,
              .count = 9,
              .calendar = FARM_RATE_CALENDAR_HOUR,
              .zone = "IST-5:30"},
    [DAY] = {.struct_size = sizeof *limits,
             .name = "lab-day",
             .algorithm = FARM_RATE_ALGORITHM_WINDOW,
             .count = 9,
             .calendar = FARM_RATE_CALENDAR_DAY,
             .zone = "CET-1CEST,M3.5.0,M10.5.0/3"},
    [MONTH] = {.struct_size = sizeof *limits,
               .name = "lab-month",
               .algorithm = FARM_RATE_ALGORITHM_WINDOW,
               .count = 12,
               .calendar = FARM_RATE_CALENDAR_MONTH,
               .zone = "EST5EDT,M3.2.0,M11.1.0"},
};

static farm_status prepare(farm_session *session) {
    return farm_rate_define(session, limits, LIMITS);
}

static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    static const int32_t kinds[] = {RATE_TAKE, RATE_TAKE,   RATE_TAKE,   RATE_TAKE,
                                    RATE_PEEK, RATE_REFUND, RATE_REFUND, RATE_RESET};
    out->kind = kinds[lab_random_below(random, sizeof kinds / sizeof *kinds)];
    if (out->kind == RATE_REFUND && !rate_draw_taken(random, recent, recent_count, out))
        out->kind = RATE_TAKE;
    rate_draw_costs(random, LIMITS, out->kind == RATE_REFUND,
                    lab_random_once_in(random, 12) ? 14 : 3, can_compose, out);
    /* Of a new subject the manual does not say what a cost does that can never be had; and where
     * others play, its bucket comes before the rest. */
    int64_t *costs = out->values + RATE_COST;
    for (int32_t i = 0; i < LIMITS && costs[NEW] >= 0; i++) {
        if (!can_compose && i != NEW) costs[i] = -1;
        if (costs[i] > 5) costs[i] = 5;
    }
    rate_draw_force(random, LIMITS, can_compose, out);
}

static void perform(farm_session *session, void *tokens, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    rate_perform(session, tokens, limits, LIMITS, place->name, operation, out);
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    count_state *state = data;
    rate_slot slots[LIMITS];
    for (int32_t i = 0; i < LIMITS; i++)
        slots[i] = (rate_slot){.figures = limits[i], .count = &state->counts[i], .bit = i};
    rate_apply(slots, LIMITS, &state->refunds, now_us, operation, out);
}

static void expire(void *data, int64_t now_us) {
    count_state *state = data;
    for (int32_t i = 0; i < LIMITS; i++) rate_count_expire(&limits[i], &state->counts[i], now_us);
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    rate_describe(operation, LIMITS, text, size);
}

const lab_module lab_rate_counts = {.name = "rate counts",
                                    .state_size = sizeof(count_state),
                                    .hand_size = sizeof(rate_tokens),
                                    .prepare = prepare,
                                    .draw = draw,
                                    .perform = perform,
                                    .apply = apply,
                                    .is_repeated = rate_is_repeated,
                                    .expire = expire,
                                    .describe = describe};
