/* The fault lab: rate limits that count who holds at once. The place is a subject, which holds of
 * three limits, one of them in shadow mode; a fourth is a window that is taken beside them. */
#include "fault/model_rate.h"
#include <string.h>

enum { FEW, MANY, SHADOW, BESIDE, LIMITS };

typedef struct hold_state {
    rate_holds holds[BESIDE];
    rate_count beside;
} hold_state;

static const farm_rate_limit limits[LIMITS] = {
    [FEW] = {.struct_size = sizeof *limits,
             .name = "lab-few",
             .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
             .count = 3,
             .period_us = 2000000},
    [MANY] = {.struct_size = sizeof *limits,
              .name = "lab-many",
              .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
              .count = RATE_HELD_MAX,
              .period_us = 700000},
    [SHADOW] = {.struct_size = sizeof *limits,
                .name = "lab-held-shadow",
                .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
                .count = 2,
                .period_us = 3000000,
                .is_shadow = 1},
    [BESIDE] = {.struct_size = sizeof *limits,
                .name = "lab-beside",
                .algorithm = FARM_RATE_ALGORITHM_WINDOW,
                .count = 4,
                .period_us = 1000000},
};

static farm_status prepare(farm_session *session) {
    return farm_rate_define(session, limits, LIMITS);
}

/* Who renews or releases mostly names what he took. A refund is of nothing: holds are released. */
static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    static const int32_t kinds[] = {RATE_TAKE,   RATE_TAKE,  RATE_TAKE,    RATE_TAKE,
                                    RATE_PEEK,   RATE_RENEW, RATE_RELEASE, RATE_RELEASE,
                                    RATE_REFUND, RATE_RESET};
    out->kind = kinds[lab_random_below(random, sizeof kinds / sizeof *kinds)];
    const int is_after =
        out->kind != RATE_TAKE && out->kind != RATE_PEEK && out->kind != RATE_RESET;
    const lab_operation *meant =
        is_after ? rate_draw_taken(random, recent, recent_count, out) : NULL;
    if (is_after && meant == NULL) out->kind = RATE_TAKE;
    rate_draw_costs(random, LIMITS, 1, lab_random_once_in(random, 12) ? 6 : 2, can_compose, out);
    int64_t *costs = out->values + RATE_COST;
    if (meant != NULL && !lab_random_once_in(random, 4))
        memcpy(costs, meant->values + RATE_COST, LIMITS * sizeof *costs);
    int is_first = 1;
    for (int32_t i = 0; i < LIMITS; i++) {
        if (costs[i] < 0) continue;
        if (lab_random_once_in(random, 10) && out->kind != RATE_REFUND) costs[i] = 0;
        /* What is refused is looked at in one limit after the other. */
        if (!can_compose && !is_first) costs[i] = -1;
        is_first = 0;
    }
    if (out->kind == RATE_REFUND) {
        costs[BESIDE] = -1;
        costs[FEW] = 1;
        for (int32_t i = MANY; i < BESIDE; i++)
            if (costs[i] == 0) costs[i] = 1;
    }
}

static void perform(farm_session *session, void *tokens, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    rate_perform(session, tokens, limits, LIMITS, place->name, operation, out);
    for (int32_t i = 0; i < BESIDE; i++) {
        /* Until all have let go, which somebody's renewal may put off. */
        int64_t *reset_us = rate_values_of(out, i) + 3;
        *reset_us = *reset_us > 0;
    }
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    hold_state *state = data;
    rate_slot slots[LIMITS];
    for (int32_t i = 0; i < BESIDE; i++)
        slots[i] = (rate_slot){.figures = limits[i], .holds = &state->holds[i]};
    slots[BESIDE] = (rate_slot){.figures = limits[BESIDE], .count = &state->beside};
    rate_apply(slots, LIMITS, NULL, now_us, operation, out);
}

static void expire(void *data, int64_t now_us) {
    hold_state *state = data;
    for (int32_t i = 0; i < BESIDE; i++) rate_holds_end(&state->holds[i], now_us);
    rate_count_expire(&limits[BESIDE], &state->beside, now_us);
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    rate_describe(operation, LIMITS, text, size);
}

/* Renewing what was renewed changes nothing at one time. */
const lab_module lab_rate_holds = {.name = "rate holds",
                                   .state_size = sizeof(hold_state),
                                   .hand_size = sizeof(rate_tokens),
                                   .prepare = prepare,
                                   .draw = draw,
                                   .perform = perform,
                                   .apply = apply,
                                   .is_repeated = rate_is_repeated,
                                   .expire = expire,
                                   .describe = describe};
