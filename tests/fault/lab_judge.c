/* The fault lab: the judge. A world is a state of all modules at a place that the store may be in.
 * The judge keeps them all, and drops those that an answer has made impossible. */
#include "fault/lab.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORLD_MAX = 20000, HISTORY_MAX = 512 };

/* Of a turn, shifted by its index: its first try has been played, beside the bits of those that
 * have been played to the end. */
#define FIRST_TRY (UINT32_C(1) << LAB_PLAYER_MAX)

/* Aligned as the modules' structs need it. */
typedef union world {
    unsigned char bytes[LAB_STATE_MAX];
    int64_t alignment;
} world;

typedef struct world_set {
    world *worlds;
    size_t count;
    size_t capacity;
} world_set;

struct lab_judge {
    world_set now;
    world_set history[HISTORY_MAX]; /* after each round; the latest at history_last */
    size_t history_count;
    size_t history_last;
    size_t offsets[LAB_MODULE_MAX];
    size_t size; /* of a world that is used */
};

/* A round as it is judged. */
typedef struct round {
    lab_judge *judge;
    int64_t now_us;
    const lab_turn *turns;
    int32_t count;
    int can_fail;
    world_set *next;
} round;

/* --- sets of worlds --- */

static void *require(void *data) {
    if (data != NULL) return data;
    fputs("the judge has no memory\n", stderr);
    abort();
}

static void set_add(world_set *set, const world *added, size_t size) {
    for (size_t i = 0; i < set->count; i++)
        if (memcmp(set->worlds[i].bytes, added->bytes, size) == 0) return;
    if (set->count == WORLD_MAX) {
        fputs("too many worlds: look more often\n", stderr);
        abort();
    }
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 1 : set->capacity * 2;
        set->worlds = require(realloc(set->worlds, set->capacity * sizeof *set->worlds));
    }
    set->worlds[set->count++] = *added;
}

static void set_free(world_set *set) {
    free(set->worlds);
    *set = (world_set){.worlds = NULL};
}

/* --- the judge itself --- */

lab_judge *lab_judge_new(void) {
    lab_judge *judge = calloc(1, sizeof *judge);
    if (judge == NULL) return NULL;
    for (int32_t i = 0; i < lab_module_count; i++) {
        judge->offsets[i] = judge->size;
        judge->size += (lab_modules[i]->state_size + 7) / 8 * 8;
    }
    if (judge->size > LAB_STATE_MAX) {
        fputs("the modules' states are larger than LAB_STATE_MAX\n", stderr);
        abort();
    }
    lab_judge_reset(judge);
    return judge;
}

void lab_judge_free(lab_judge *judge) {
    if (judge == NULL) return;
    set_free(&judge->now);
    for (size_t i = 0; i < HISTORY_MAX; i++) set_free(&judge->history[i]);
    free(judge);
}

static void remember(lab_judge *judge) {
    judge->history_last = (judge->history_last + 1) % HISTORY_MAX;
    world_set *kept = &judge->history[judge->history_last];
    kept->count = 0;
    for (size_t i = 0; i < judge->now.count; i++) set_add(kept, &judge->now.worlds[i], judge->size);
    if (judge->history_count < HISTORY_MAX) judge->history_count++;
}

void lab_judge_reset(lab_judge *judge) {
    const world nothing = {.bytes = {0}};
    judge->now.count = 0;
    judge->history_count = 0;
    set_add(&judge->now, &nothing, judge->size);
    remember(judge);
}

size_t lab_judge_world_count(const lab_judge *judge) {
    return judge->now.count;
}

void lab_judge_rewind(lab_judge *judge, size_t rounds) {
    for (size_t i = 0; i <= rounds && i < judge->history_count; i++) {
        const world_set *kept =
            &judge->history[(judge->history_last + HISTORY_MAX - i) % HISTORY_MAX];
        for (size_t j = 0; j < kept->count; j++)
            set_add(&judge->now, &kept->worlds[j], judge->size);
    }
}

void lab_judge_settle(lab_judge *judge) {
    judge->history_count = 0;
    remember(judge);
}

/* --- what a turn makes of a world --- */

/* Failed for certain, and not by a rule of the module's. */
static int is_fault(farm_status status) {
    return status == FARM_EAGAIN || status == FARM_EUNAVAILABLE || status == FARM_ETIMEOUT ||
           status == FARM_ENOMEM || status == FARM_EFULL || status == FARM_EREADONLY;
}

/* Whoever contends may be told to come again without any fault. */
static int may_fail(const round *self, farm_status status) {
    return self->can_fail || status == FARM_EAGAIN;
}

static void copy_facts(const lab_result *seen, lab_result *out) {
    if (seen == NULL || !seen->has_facts) return;
    out->has_facts = 1;
    memcpy(out->facts, seen->facts, sizeof out->facts);
}

/* Do the operation to the world. seen NULL: whatever was answered. 0: the model does not answer
 * what was seen. */
static int apply(const round *self, world *at, const lab_operation *operation,
                 const lab_result *seen) {
    lab_result expected;
    memset(&expected, 0, sizeof expected);
    copy_facts(seen, &expected);
    lab_modules[operation->module]->apply(at->bytes + self->judge->offsets[operation->module],
                                          self->now_us, operation, &expected);
    if (seen == NULL) return 1;
    return expected.status == seen->status &&
           memcmp(expected.values, seen->values, sizeof expected.values) == 0;
}

static void play_rest(const round *self, const world *at, uint32_t played);

/* Do the operation, whatever was answered, and go on from each world that it may have left. */
static void play_unseen(const round *self, const world *before, const lab_operation *operation,
                        uint32_t played) {
    int32_t choices = 1;
    for (int32_t i = 0; i < choices; i++) {
        world after = *before;
        lab_result expected;
        memset(&expected, 0, sizeof expected);
        expected.choice = i;
        lab_modules[operation->module]->apply(after.bytes + self->judge->offsets[operation->module],
                                              self->now_us, operation, &expected);
        if (expected.choices > choices) choices = expected.choices;
        play_rest(self, &after, played);
    }
}

static void play_alone(const round *self, const world *before, const lab_turn *turn,
                       uint32_t played) {
    const lab_result *seen = turn->done_count > 0 ? &turn->results[0] : NULL;
    world after = *before;
    if (seen != NULL && seen->is_skipped) {
        play_rest(self, before, played);
    } else if (turn->end == FARM_EUNCERTAIN) {
        if (!self->can_fail) return;
        play_rest(self, before, played);
        play_unseen(self, before, &turn->operations[0], played);
    } else if (is_fault(turn->end)) {
        if (may_fail(self, turn->end)) play_rest(self, before, played);
    } else if (apply(self, &after, &turn->operations[0], seen)) {
        play_rest(self, &after, played);
    }
}

/* From the index-th operation of a transaction on. What was never answered may have been skipped,
 * for all that the judge knows. */
static void play_composed(const round *self, const world *before, world at, const lab_turn *turn,
                          int32_t index, uint32_t played) {
    if (index == turn->count) {
        if (turn->end != FARM_OK && !self->can_fail) return;
        if (turn->end != FARM_OK) play_rest(self, before, played);
        play_rest(self, &at, played);
        return;
    }
    const lab_operation *operation = &turn->operations[index];
    const lab_result *seen = index < turn->done_count ? &turn->results[index] : NULL;
    if (seen == NULL || seen->is_skipped) play_composed(self, before, at, turn, index + 1, played);
    if (seen != NULL && seen->is_skipped) return;
    if (apply(self, &at, operation, seen)) play_composed(self, before, at, turn, index + 1, played);
}

/* Nothing of it stays, but what was answered on the way must be right. */
static void play_undone(const round *self, const world *before, const lab_turn *turn,
                        uint32_t played) {
    world at = *before;
    for (int32_t i = 0; i < turn->done_count; i++) {
        const lab_result *seen = &turn->results[i];
        if (seen->is_skipped) continue;
        if (is_fault(seen->status) || seen->status == FARM_EUNCERTAIN) {
            if (may_fail(self, seen->status)) break;
            return;
        }
        if (!apply(self, &at, &turn->operations[i], seen)) return;
    }
    play_rest(self, before, played);
}

static void play_turn(const round *self, const world *before, const lab_turn *turn,
                      uint32_t played) {
    /* An operation that is uncertain inside a transaction leaves it to be rolled back. */
    int is_rolled_back = turn->done_count > 0 && turn->end != FARM_OK &&
                         turn->results[turn->done_count - 1].status == turn->end;
    int is_uncertain = turn->end == FARM_EUNCERTAIN && !is_rolled_back && self->can_fail;
    if (turn->mode == LAB_ALONE)
        play_alone(self, before, turn, played);
    else if (turn->mode == LAB_ROLLBACK)
        play_undone(self, before, turn, played);
    else if (turn->end == FARM_OK || is_uncertain)
        play_composed(self, before, *before, turn, 0, played);
    else if (is_rolled_back || (is_fault(turn->end) && may_fail(self, turn->end)))
        play_undone(self, before, turn, played);
}

/* Its first try took effect, the answer was lost, and it will be tried again: only its last answer
 * is known. When that is a refusal, the first try must not have taken effect. */
static void play_first_try(const round *self, const world *before, int32_t index, uint32_t played) {
    const lab_turn *turn = &self->turns[index];
    const lab_operation *operation = &turn->operations[0];
    uint32_t bit = FIRST_TRY << index;
    int is_repeated = turn->mode == LAB_ALONE && turn->end == FARM_OK &&
                      lab_modules[operation->module]->is_repeated(operation);
    if (!is_repeated || (played & bit) || !self->can_fail) return;
    play_unseen(self, before, operation, played | bit);
}

/* Each order of the turns that have not been played yet. */
static void play_rest(const round *self, const world *at, uint32_t played) {
    int is_over = 1;
    for (int32_t i = 0; i < self->count; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if (played & bit) continue;
        is_over = 0;
        play_first_try(self, at, i, played);
        play_turn(self, at, &self->turns[i], played | bit);
    }
    if (is_over) set_add(self->next, at, self->judge->size);
}

/* --- judging --- */

static void expire(const lab_judge *judge, world *at, int64_t now_us) {
    for (int32_t i = 0; i < lab_module_count; i++)
        if (lab_modules[i]->expire != NULL)
            lab_modules[i]->expire(at->bytes + judge->offsets[i], now_us);
}

static void print_differences(const lab_turn *turn, const lab_turn *told) {
    for (int32_t i = 0; i < turn->done_count; i++)
        for (int32_t j = 0; j < LAB_VALUE_MAX && !turn->results[i].is_skipped; j++)
            if (turn->results[i].values[j] != told->results[i].values[j])
                fprintf(stderr, "  %" PRIu64 " differs at %d: %" PRId64 ", the model %" PRId64 "\n",
                        turn->operations[i].number, (int)j, turn->results[i].values[j],
                        told->results[i].values[j]);
}

/* What the model would have answered, to a turn alone. */
static void print_expected(const round *self, const world *before, const lab_turn *turn) {
    world at = *before;
    lab_turn told = *turn;
    memset(told.results, 0, sizeof told.results);
    for (int32_t i = 0; i < turn->count; i++) {
        const lab_operation *operation = &turn->operations[i];
        if (i < turn->done_count) copy_facts(&turn->results[i], &told.results[i]);
        lab_modules[operation->module]->apply(at.bytes + self->judge->offsets[operation->module],
                                              self->now_us, operation, &told.results[i]);
    }
    told.done_count = turn->count;
    fprintf(stderr, "  the model, had it been the first:\n");
    lab_turn_print(&told);
    print_differences(turn, &told);
}

static void print_round(const round *self) {
    fprintf(stderr, "no world is left of %zu after these turns, in whatever order:\n",
            self->judge->now.count);
    for (int32_t i = 0; i < self->count; i++) {
        lab_turn_print(&self->turns[i]);
        for (size_t j = 0; j < self->judge->now.count && j < 3; j++)
            print_expected(self, &self->judge->now.worlds[j], &self->turns[i]);
    }
}

int lab_judge_round(lab_judge *judge, int64_t now_us, const lab_turn *turns, int32_t count,
                    int can_fail) {
    world_set next = {.worlds = NULL};
    const round self = {.judge = judge,
                        .now_us = now_us,
                        .turns = turns,
                        .count = count,
                        .can_fail = can_fail,
                        .next = &next};
    world_set before = {.worlds = NULL};
    for (size_t i = 0; i < judge->now.count; i++) {
        world at = judge->now.worlds[i];
        expire(judge, &at, now_us);
        set_add(&before, &at, judge->size);
    }
    set_free(&judge->now);
    judge->now = before;
    for (size_t i = 0; i < judge->now.count; i++) play_rest(&self, &judge->now.worlds[i], 0);
    if (next.count == 0) {
        print_round(&self);
        return 0;
    }
    set_free(&judge->now);
    judge->now = next;
    remember(judge);
    return 1;
}

int lab_judge_look(lab_judge *judge, uint32_t modules, farm_session *session,
                   const lab_place *place) {
    lab_player *nobody = require(lab_player_new());
    int is_good = 1;
    for (int32_t i = 0; i < lab_module_count && is_good; i++) {
        lab_turn turn;
        if ((modules >> i & 1) == 0) continue;
        lab_turn_look(i, &turn);
        lab_turn_play(session, nobody, place, &turn);
        is_good = lab_judge_round(judge, place->now_us, &turn, 1, 0);
        if (!is_good) fprintf(stderr, "look: %s\n", farm_session_error_text(session));
    }
    lab_player_free(nobody);
    return is_good;
}
