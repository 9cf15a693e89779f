/* The fault lab: a limit is changed while a subject, the place, uses it: by default, with a reset,
 * keeping what is left, or the same part of it; between buckets, windows and sliding windows. It is
 * removed, too, and then unknown.
 *
 * The limit is of all places, so that it is made anew at each. It is changed where nobody else
 * plays, see rate_learn(). */
#include "fault/model_rate.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEFINE = RATE_KINDS, REMOVE };
enum { FIGURES = 6 };
/* In values. */
enum { FIGURE = RATE_VALUES, CHANGE };

#define NAME "lab-change"

/* A bucket, by what it counts and whether there is one. */
typedef struct bucket {
    rate_count count;
    int64_t is_there;
} bucket;

typedef struct change_state {
    int64_t is_removed;
    int64_t figure;
    bucket now;
    /* What it was before it last changed such that buckets are not the same any more. */
    int64_t past_change; /* FARM_RATE_CHANGE_…; 0: nothing is to be carried over */
    int64_t past_figure;
    bucket past;
} change_state;

static const farm_rate_limit limits[FIGURES] = {
    {.struct_size = sizeof *limits, .name = NAME, .burst = 6, .count = 4, .period_us = 1000000},
    {.struct_size = sizeof *limits, .name = NAME, .burst = 9, .count = 4, .period_us = 1000000},
    {.struct_size = sizeof *limits, .name = NAME, .burst = 8, .count = 8, .period_us = 1000000},
    {.struct_size = sizeof *limits,
     .name = NAME,
     .algorithm = FARM_RATE_ALGORITHM_WINDOW,
     .count = 10,
     .period_us = 2000000},
    {.struct_size = sizeof *limits,
     .name = NAME,
     .algorithm = FARM_RATE_ALGORITHM_WINDOW,
     .count = 12,
     .period_us = 2000000},
    {.struct_size = sizeof *limits,
     .name = NAME,
     .algorithm = FARM_RATE_ALGORITHM_SLIDING,
     .count = 7,
     .period_us = 1500000},
};

/* Whether what is used of the one is used of the other: the same rate, or the same windows. */
static int count_alike(int64_t left, int64_t right) {
    const farm_rate_limit *one = &limits[left];
    const farm_rate_limit *other = &limits[right];
    const int is_bucket = one->algorithm == FARM_RATE_ALGORITHM_BUCKET;
    return one->algorithm == other->algorithm && one->period_us == other->period_us &&
           (!is_bucket || one->count == other->count);
}

static farm_status enter(farm_session *session, const lab_place *place) {
    (void)place;
    return farm_rate_define(session, &limits[0], 1);
}

static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    static const int32_t kinds[] = {RATE_TAKE, RATE_TAKE, RATE_TAKE, RATE_TAKE,
                                    RATE_TAKE, RATE_PEEK, RATE_RESET};
    out->kind = kinds[lab_random_below(random, sizeof kinds / sizeof *kinds)];
    if (can_compose == LAB_SOLE && lab_random_once_in(random, 3))
        out->kind = lab_random_once_in(random, 12) ? REMOVE : DEFINE;
    out->values[FIGURE] = lab_random_below(random, FIGURES);
    out->values[CHANGE] = lab_random_below(random, FARM_RATE_CHANGE_PROPORTIONAL + 1);
    /* Before anybody comes, the burst alone changes again: what was to be carried over still is. */
    if (can_compose == LAB_SOLE && recent_count > 0 && recent[0].kind == DEFINE &&
        lab_random_once_in(random, 2)) {
        out->kind = DEFINE;
        out->values[CHANGE] = FARM_RATE_CHANGE_DEFAULT;
        while (!count_alike(out->values[FIGURE], recent[0].values[FIGURE]))
            out->values[FIGURE] = (out->values[FIGURE] + 1) % FIGURES;
    }
    rate_draw_costs(random, 1, 0, 4, can_compose, out);
    rate_draw_force(random, 1, can_compose, out);
}

/* --- the library --- */

static void perform(farm_session *session, void *tokens, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    farm_rate_limit limit = limits[operation->values[FIGURE]];
    limit.on_change = (int32_t)operation->values[CHANGE];
    out->status = rate_learn(session, tokens, operation);
    if (out->status != FARM_OK) return;
    if (operation->kind == DEFINE)
        out->status = farm_rate_define(session, &limit, 1);
    else if (operation->kind == REMOVE)
        out->status = farm_rate_remove(session, NAME);
    else
        rate_perform(session, tokens, limits, 1, place->name, operation, out);
}

/* --- the model --- */

/* What the bucket from before leaves used of a new one: of a bucket in its units, rounded up. */
static int64_t carry(const change_state *state, int64_t now_us) {
    const farm_rate_limit *old = &limits[state->past_figure];
    const farm_rate_limit *new = &limits[state->figure];
    rate_bucket_units old_units = {.token = 1, .capacity = old->count};
    rate_bucket_units new_units = {.token = 1, .capacity = new->count};
    rate_count count = state->past.count;
    rate_saying left;
    rate_count_expire(old, &count, now_us);
    rate_count_ask(old, &count, now_us, 0, &left);
    if (left.reset_us == 0) return 0;
    if (old->algorithm == FARM_RATE_ALGORITHM_BUCKET) rate_bucket_units_of(old, &old_units);
    if (new->algorithm == FARM_RATE_ALGORITHM_BUCKET) rate_bucket_units_of(new, &new_units);
    if (state->past_change == FARM_RATE_CHANGE_KEEP) {
        const int64_t kept = left.remaining < rate_burst(new) ? left.remaining : rate_burst(new);
        return new_units.capacity - kept * new_units.token;
    }
    int64_t used = old_units.capacity - left.remaining * old_units.token;
    if (old->algorithm == FARM_RATE_ALGORITHM_BUCKET) {
        used = rate_bucket_used(old, &count, now_us);
        if (used > old_units.capacity) used = old_units.capacity;
    }
    return (used * new_units.capacity + old_units.capacity - 1) / old_units.capacity;
}

/* The bucket as it is found; what was before it is carried over when its subject comes. */
static bucket find(const change_state *state, int64_t now_us) {
    bucket found = state->now;
    if (found.is_there || state->past_change < FARM_RATE_CHANGE_KEEP || !state->past.is_there)
        return found;
    const int64_t used = carry(state, now_us);
    found.is_there = used > 0;
    rate_count_set(&limits[state->figure], &found.count, now_us, used);
    return found;
}

static void define(change_state *state, const lab_operation *operation) {
    const int64_t figure = operation->values[FIGURE];
    const int64_t change = operation->values[CHANGE];
    const int is_alike = change == FARM_RATE_CHANGE_DEFAULT && count_alike(figure, state->figure);
    if (state->is_removed) {
        memset(state, 0, sizeof *state);
        state->figure = figure;
        return;
    }
    if (figure == state->figure) return;
    if (!is_alike) {
        const int is_kept = change >= FARM_RATE_CHANGE_KEEP && state->now.is_there;
        state->past_change = is_kept ? change : 0;
        state->past_figure = is_kept ? state->figure : 0;
        state->past = is_kept ? state->now : (bucket){.is_there = 0};
        state->now = (bucket){.is_there = 0};
    }
    state->figure = figure;
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    change_state *state = data;
    if (operation->kind == DEFINE) {
        define(state, operation);
        return;
    }
    if (operation->kind == REMOVE) {
        memset(state, 0, sizeof *state);
        state->is_removed = 1;
        return;
    }
    if (state->is_removed) {
        out->status = FARM_ENOTFOUND;
        return;
    }
    bucket found = find(state, now_us);
    rate_slot slot = {.figures = limits[state->figure], .count = &found.count};
    rate_apply(&slot, 1, NULL, now_us, operation, out);
    if (operation->kind == RATE_RESET) {
        state->now = (bucket){.is_there = 0};
        state->past = (bucket){.is_there = 0};
    } else if (operation->kind == RATE_TAKE && operation->values[RATE_COST] > 0) {
        found.is_there |= out->values[0] != 0;
        state->now = found;
    }
}

static int is_repeated(const lab_operation *operation) {
    return rate_is_repeated(operation);
}

/* Of the bucket from before only that it is full again. */
static void expire(void *data, int64_t now_us) {
    change_state *state = data;
    rate_count_expire(&limits[state->figure], &state->now.count, now_us);
    rate_count_expire(&limits[state->past_figure], &state->past.count, now_us);
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    static const char *const changes[] = {"default", "reset", "keep", "proportional"};
    const int64_t *values = operation->values;
    if (operation->kind == DEFINE)
        snprintf(text, size, "define figures %" PRId64 ", %s", values[FIGURE],
                 changes[values[CHANGE]]);
    else if (operation->kind == REMOVE)
        snprintf(text, size, "remove");
    else
        rate_describe(operation, 1, text, size);
}

const lab_module lab_rate_changes = {.name = "rate changes",
                                     .state_size = sizeof(change_state),
                                     .hand_size = sizeof(rate_tokens),
                                     .enter = enter,
                                     .draw = draw,
                                     .perform = perform,
                                     .apply = apply,
                                     .is_repeated = is_repeated,
                                     .expire = expire,
                                     .describe = describe};
