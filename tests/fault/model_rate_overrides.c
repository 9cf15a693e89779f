/* The fault lab: figures of subjects' own, exemptions and bans. The place is a subject and a part
 * of it, "place/part", which goes by what is said of the place unless there is something of its
 * own; they have a bucket, a window, and a bucket in shadow mode.
 *
 * Overrides are put and removed where nobody else plays, see rate_learn(). */
#include "fault/model_rate.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PUT = RATE_KINDS, REMOVE, SHADOWED };
enum { BUCKET, WINDOW, SHADOW, LIMITS };
enum { WHOLE, PART, SUBJECTS };
enum { FIGURES = 3, SUBJECT_SIZE = LAB_NAME_SIZE + 8 };
/* In values. */
enum { SUBJECT = RATE_VALUES, LIMIT, RULE, FIGURE, LASTING_US };

/* Figures that count otherwise have a bucket of their own, for each subject that goes by them. */
enum { OWN_WHOLE, OWN_PART_OF_WHOLE, OWN_PART, OWNS };

/* What is said of a subject, also when it has ended: then it is only changed when it is put again.
 * Nothing is removed for having ended while the players are at a place. */
typedef struct exception {
    int64_t is_there;
    int64_t rule;
    int64_t figure;
    int64_t ends_us; /* 0: never */
} exception;

typedef struct override_state {
    exception exceptions[LIMITS][SUBJECTS];
    rate_count counts[LIMITS][SUBJECTS];
    rate_count owns[LIMITS][OWNS];
    rate_refunds refunds;
} override_state;

static const farm_rate_limit limits[LIMITS] = {
    [BUCKET] = {.struct_size = sizeof *limits,
                .name = "lab-own",
                .burst = 5,
                .count = 4,
                .period_us = 1000000},
    [WINDOW] = {.struct_size = sizeof *limits,
                .name = "lab-own-window",
                .algorithm = FARM_RATE_ALGORITHM_WINDOW,
                .count = 6,
                .period_us = 1000000},
    [SHADOW] = {.struct_size = sizeof *limits,
                .name = "lab-own-shadow",
                .burst = 3,
                .count = 2,
                .period_us = 1000000,
                .is_shadow = 1},
};

/* The last of each bucket has another rate, and so a bucket of its own. */
static const struct {
    int64_t burst;
    int64_t count;
} figures[LIMITS][FIGURES] = {
    {{3, 4}, {9, 4}, {4, 1}},
    {{5, 5}, {7, 7}, {6, 6}},
    {{2, 2}, {5, 2}, {4, 1}},
};

static int has_own_bucket(int32_t limit, int64_t figure) {
    return figures[limit][figure].count != limits[limit].count && limit != WINDOW;
}

static farm_status prepare(farm_session *session) {
    return farm_rate_define(session, limits, LIMITS);
}

/* --- drawing --- */

static void draw_change(lab_random *random, lab_operation *out) {
    static const int64_t rules[] = {FARM_RATE_RULE_OVERRIDE, FARM_RATE_RULE_OVERRIDE,
                                    FARM_RATE_RULE_EXEMPT, FARM_RATE_RULE_BAN};
    out->kind = lab_random_once_in(random, 3) ? REMOVE : PUT;
    out->values[LIMIT] = lab_random_below(random, LIMITS);
    out->values[RULE] = rules[lab_random_below(random, 4)];
    out->values[FIGURE] = lab_random_below(random, FIGURES);
    if (!lab_random_once_in(random, 3))
        out->values[LASTING_US] = 1 + lab_random_below(random, 3000000);
}

/* Often it is about what was changed a little before. */
static void stay(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 lab_operation *out) {
    int32_t last = 0;
    while (last < recent_count && recent[last].kind != PUT && recent[last].kind != REMOVE) last++;
    if (last == recent_count || lab_random_once_in(random, 4)) return;
    out->values[SUBJECT] = recent[last].values[SUBJECT];
    out->values[LIMIT] = recent[last].values[LIMIT];
    out->values[FIGURE] = recent[last].values[FIGURE];
}

static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    static const int32_t kinds[] = {RATE_TAKE,   RATE_TAKE,   RATE_TAKE,  RATE_PEEK,
                                    RATE_REFUND, RATE_REFUND, RATE_RESET, SHADOWED};
    const int is_sole = can_compose == LAB_SOLE;
    out->kind = kinds[lab_random_below(random, sizeof kinds / sizeof *kinds)];
    if (is_sole && lab_random_once_in(random, 3)) draw_change(random, out);
    if (out->kind == SHADOWED && !is_sole) out->kind = RATE_TAKE;
    if (out->kind == RATE_REFUND && rate_draw_taken(random, recent, recent_count, out) == NULL)
        out->kind = RATE_TAKE;
    out->values[SUBJECT] = lab_random_below(random, SUBJECTS);
    if (out->kind == PUT || out->kind == REMOVE) {
        stay(random, recent, recent_count, out);
        return;
    }
    const int64_t most = lab_random_once_in(random, 12) ? 8 : 3;
    /* In shadow mode what is looked at and what is taken are two statements. */
    rate_draw_costs(random, can_compose ? LIMITS : SHADOW, out->kind == RATE_REFUND, most,
                    can_compose, out);
    if (!can_compose) out->values[RATE_COST + SHADOW] = -1;
    rate_draw_force(random, LIMITS, can_compose, out);
}

/* --- the library --- */

static void name_subject(const lab_place *place, int64_t subject, char *text) {
    snprintf(text, SUBJECT_SIZE, "%s%s", place->name, subject == PART ? "/part" : "");
}

static farm_status change(farm_session *session, const char *subject,
                          const lab_operation *operation) {
    const int64_t *values = operation->values;
    farm_rate_override item = {.struct_size = sizeof item,
                               .limit = limits[values[LIMIT]].name,
                               .subject = subject,
                               .rule = (int32_t)values[RULE]};
    if (operation->kind == REMOVE) return farm_rate_override_remove(session, &item, 1);
    if (item.rule == FARM_RATE_RULE_OVERRIDE) {
        item.burst = figures[values[LIMIT]][values[FIGURE]].burst;
        item.count = figures[values[LIMIT]][values[FIGURE]].count;
    }
    if (values[LASTING_US] > 0) item.expires_us = operation->now_us + values[LASTING_US];
    return farm_rate_override_put(session, &item, 1);
}

/* Both subjects at once. */
static void look(farm_session *session, const lab_place *place, lab_result *out) {
    char subjects[SUBJECTS][SUBJECT_SIZE];
    farm_rate_request items[LIMITS * SUBJECTS];
    farm_rate_state states[LIMITS * SUBJECTS];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    for (int32_t i = 0; i < LIMITS * SUBJECTS; i++) {
        name_subject(place, i % SUBJECTS, subjects[i % SUBJECTS]);
        states[i] = (farm_rate_state){.struct_size = sizeof *states};
        items[i] = (farm_rate_request){.struct_size = sizeof *items,
                                       .limit = limits[i / SUBJECTS].name,
                                       .subject = subjects[i % SUBJECTS]};
    }
    out->status = farm_rate_peek(session, items, LIMITS * SUBJECTS, states, &decision);
    for (int32_t i = 0; i < LIMITS * SUBJECTS && out->status == FARM_OK; i++)
        rate_answer(&states[i], rate_values_of(out, i));
}

/* A take while all limits are in shadow mode, which they are for nobody else: in a transaction, the
 * caller's or its own. */
static void take_shadowed(farm_session *session, rate_tokens *tokens, const char *subject,
                          const lab_operation *operation, lab_result *out) {
    lab_operation taken = *operation;
    taken.kind = RATE_TAKE;
    const int is_own = farm_begin(session) == FARM_OK;
    out->status = farm_rate_set_shadow(session, 1);
    if (out->status == FARM_OK) rate_perform(session, tokens, limits, LIMITS, subject, &taken, out);
    if (out->status == FARM_OK) out->status = farm_rate_set_shadow(session, 0);
    if (is_own && out->status == FARM_OK)
        out->status = farm_commit(session);
    else if (is_own)
        farm_rollback(session);
    if (out->status != FARM_OK) memset(out->values, 0, sizeof out->values);
}

static void perform(farm_session *session, void *tokens, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    char subject[SUBJECT_SIZE];
    name_subject(place, operation->values[SUBJECT], subject);
    out->status = rate_learn(session, tokens, operation);
    if (out->status != FARM_OK) return;
    if (operation->kind == 0)
        look(session, place, out);
    else if (operation->kind == SHADOWED)
        take_shadowed(session, tokens, subject, operation, out);
    else if (operation->kind >= PUT)
        out->status = change(session, subject, operation);
    else
        rate_perform(session, tokens, limits, LIMITS, subject, operation, out);
}

/* --- the model --- */

/* What is said of the part, else of the whole. */
static const exception *find(const override_state *state, int32_t limit, int64_t subject,
                             int64_t now_us, int32_t *out_own) {
    const exception *own = &state->exceptions[limit][subject];
    *out_own = subject == WHOLE ? OWN_WHOLE : OWN_PART;
    if (own->is_there && (own->ends_us == 0 || own->ends_us > now_us)) return own;
    if (subject == WHOLE) return NULL;
    const exception *found = find(state, limit, WHOLE, now_us, out_own);
    *out_own = OWN_PART_OF_WHOLE;
    return found;
}

static void make_slot(override_state *state, int32_t limit, int64_t subject, int64_t now_us,
                      rate_slot *out) {
    int32_t own = 0;
    const exception *found = find(state, limit, subject, now_us, &own);
    *out = (rate_slot){.figures = limits[limit],
                       .count = &state->counts[limit][subject],
                       .bit = limit * SUBJECTS + (int32_t)subject};
    if (found == NULL) return;
    out->rule = (int32_t)found->rule;
    out->ends_us = found->ends_us;
    if (found->rule != FARM_RATE_RULE_OVERRIDE) return;
    out->figures.count = figures[limit][found->figure].count;
    out->figures.burst = figures[limit][found->figure].burst;
    if (!has_own_bucket(limit, found->figure)) return;
    out->count = &state->owns[limit][own];
    out->bit = LIMITS * SUBJECTS + limit * OWNS + own;
}

static void forget_own(override_state *state, int32_t limit, int32_t own) {
    const int32_t bit = LIMITS * SUBJECTS + limit * OWNS + own;
    memset(&state->owns[limit][own], 0, sizeof state->owns[limit][own]);
    for (int32_t i = 0; i < RATE_REFUND_MAX; i++)
        state->refunds.items[i].counts &= ~(INT64_C(1) << bit);
}

/* Another rate than was said before begins with full buckets. */
static void change_exception(override_state *state, const lab_operation *operation) {
    const int64_t *values = operation->values;
    const int32_t limit = (int32_t)values[LIMIT];
    exception *changed = &state->exceptions[limit][values[SUBJECT]];
    const int is_figures = values[RULE] == FARM_RATE_RULE_OVERRIDE;
    exception then = {.is_there = operation->kind == PUT};
    if (operation->kind == PUT) {
        then.rule = values[RULE];
        then.figure = is_figures ? values[FIGURE] : 0;
        then.ends_us = values[LASTING_US] == 0 ? 0 : operation->now_us + values[LASTING_US];
    }
    const int goes_on = then.is_there && changed->is_there && then.rule == changed->rule &&
                        is_figures &&
                        figures[limit][then.figure].count == figures[limit][changed->figure].count;
    *changed = then;
    if (goes_on) return;
    if (values[SUBJECT] == PART) {
        forget_own(state, limit, OWN_PART);
    } else {
        forget_own(state, limit, OWN_WHOLE);
        forget_own(state, limit, OWN_PART_OF_WHOLE);
    }
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    override_state *state = data;
    rate_slot slots[LIMITS * SUBJECTS];
    lab_operation done = *operation;
    if (operation->kind == PUT || operation->kind == REMOVE) {
        change_exception(state, operation);
        return;
    }
    if (operation->kind == 0) {
        for (int32_t i = 0; i < LIMITS * SUBJECTS; i++)
            make_slot(state, i / SUBJECTS, i % SUBJECTS, now_us, &slots[i]);
        rate_apply(slots, LIMITS * SUBJECTS, &state->refunds, now_us, operation, out);
        memset(out->values, 0,
               (size_t)(rate_values_of(out, 0) - out->values) * sizeof *out->values);
        return;
    }
    for (int32_t i = 0; i < LIMITS; i++) {
        make_slot(state, i, operation->values[SUBJECT], now_us, &slots[i]);
        slots[i].figures.is_shadow |= operation->kind == SHADOWED;
    }
    if (operation->kind == SHADOWED) done.kind = RATE_TAKE;
    rate_apply(slots, LIMITS, &state->refunds, now_us, &done, out);
}

static int is_repeated(const lab_operation *operation) {
    return operation->kind != SHADOWED && rate_is_repeated(operation);
}

static void expire(void *data, int64_t now_us) {
    override_state *state = data;
    for (int32_t i = 0; i < LIMITS; i++) {
        farm_rate_limit own = limits[i];
        own.burst = figures[i][FIGURES - 1].burst;
        own.count = figures[i][FIGURES - 1].count;
        for (int32_t j = 0; j < SUBJECTS; j++)
            rate_count_expire(&limits[i], &state->counts[i][j], now_us);
        for (int32_t j = 0; j < OWNS; j++) rate_count_expire(&own, &state->owns[i][j], now_us);
    }
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    static const char *const rules[] = {"the limit", "figures", "exempt", "ban"};
    static const char *const kinds[] = {"put", "remove", "take shadowed"};
    const int64_t *values = operation->values;
    int used = snprintf(text, size, "%s: ", values[SUBJECT] == PART ? "part" : "whole");
    if (operation->kind < PUT)
        rate_describe(operation, LIMITS, text + used, size - (size_t)used);
    else
        snprintf(text + used, size - (size_t)used,
                 "%s %s %s %" PRId64 " for %" PRId64 " us, costs %" PRId64 " %" PRId64 " %" PRId64,
                 kinds[operation->kind - PUT], limits[values[LIMIT]].name, rules[values[RULE]],
                 values[FIGURE], values[LASTING_US], values[RATE_COST], values[RATE_COST + 1],
                 values[RATE_COST + 2]);
}

const lab_module lab_rate_overrides = {.name = "rate overrides",
                                       .state_size = sizeof(override_state),
                                       .hand_size = sizeof(rate_tokens),
                                       .prepare = prepare,
                                       .draw = draw,
                                       .perform = perform,
                                       .apply = apply,
                                       .is_repeated = is_repeated,
                                       .expire = expire,
                                       .describe = describe};
