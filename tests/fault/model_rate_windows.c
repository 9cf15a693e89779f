/* The fault lab: rate limits that are windows: of a period, sliding, and of the calendar in zones
 * whose hours begin at half hours, or whose clocks are changed. The place is a subject. */
#include "fault/model_rate.h"

enum { LIMITS = 5 };

typedef struct window_state {
    rate_count counts[LIMITS];
    rate_refunds refunds;
} window_state;

static const farm_rate_limit limits[LIMITS] = {
    {.struct_size = sizeof *limits,
     .name = "lab-window",
     .algorithm = FARM_RATE_ALGORITHM_WINDOW,
     .count = 5,
     .period_us = 1000000},
    {.struct_size = sizeof *limits,
     .name = "lab-sliding",
     .algorithm = FARM_RATE_ALGORITHM_SLIDING,
     .count = 7,
     .period_us = 1500000},
    {.struct_size = sizeof *limits,
     .name = "lab-hour",
     .algorithm = FARM_RATE_ALGORITHM_WINDOW,
     .count = 9,
     .calendar = FARM_RATE_CALENDAR_HOUR,
     .zone = "IST-5:30"},
    {.struct_size = sizeof *limits,
     .name = "lab-day",
     .algorithm = FARM_RATE_ALGORITHM_WINDOW,
     .count = 9,
     .calendar = FARM_RATE_CALENDAR_DAY,
     .zone = "CET-1CEST,M3.5.0,M10.5.0/3"},
    {.struct_size = sizeof *limits,
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
    rate_draw_counts(random, recent, recent_count, LIMITS, 14, can_compose, out);
    rate_draw_force(random, LIMITS, can_compose, out);
}

static void perform(farm_session *session, void *tokens, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    rate_perform(session, tokens, limits, LIMITS, place->name, operation, out);
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    window_state *state = data;
    rate_apply_counts(limits, LIMITS, state->counts, &state->refunds, now_us, operation, out);
}

static void expire(void *data, int64_t now_us) {
    window_state *state = data;
    for (int32_t i = 0; i < LIMITS; i++) rate_count_expire(&limits[i], &state->counts[i], now_us);
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    rate_describe(operation, LIMITS, text, size);
}

const lab_module lab_rate_windows = {.name = "rate windows",
                                     .state_size = sizeof(window_state),
                                     .hand_size = sizeof(rate_tokens),
                                     .prepare = prepare,
                                     .draw = draw,
                                     .perform = perform,
                                     .apply = apply,
                                     .is_repeated = rate_is_repeated,
                                     .expire = expire,
                                     .describe = describe};
