/* The fault lab: drawing turns and playing them. */
#include "fault/lab.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const lab_module *const lab_modules[] = {&lab_rate_counts,  &lab_rate_holds,  &lab_rate_overrides,
                                         &lab_rate_changes, &lab_idempotency, &lab_roles,
                                         &lab_ledger};
const int32_t lab_module_count = sizeof lab_modules / sizeof *lab_modules;
const char *lab_schema = "";

#define HALF_HOUR_US (INT64_C(1800) * 1000000)
/* 2150: what is counted is counted until 2200. */
#define LEAP_MAX_US INT64_C(5680281600000000)

/* What is played at one place. */
enum { MODULES_AT_A_PLACE = 3 };

struct lab_player {
    void *hands[LAB_MODULE_MAX];
};

/* --- chance: splitmix64 --- */

uint64_t lab_random_next(lab_random *random) {
    uint64_t word = random->state += UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

int64_t lab_random_below(lab_random *random, int64_t bound) {
    return (int64_t)(lab_random_next(random) % (uint64_t)bound);
}

int lab_random_once_in(lab_random *random, int64_t n) {
    return lab_random_below(random, n) == 0;
}

static atomic_uint_least64_t entropy_state;

static void fill_entropy(void *context, void *data, size_t size) {
    unsigned char *bytes = data;
    (void)context;
    for (size_t i = 0; i < size; i++) {
        lab_random random = {atomic_fetch_add(&entropy_state, 1) << 20};
        bytes[i] = (unsigned char)lab_random_next(&random);
    }
}

const farm_entropy *lab_entropy(uint64_t seed) {
    static const farm_entropy entropy = {.struct_size = sizeof entropy, .fill = fill_entropy};
    lab_random random = {seed};
    atomic_store(&entropy_state, lab_random_next(&random));
    return &entropy;
}

/* --- drawing --- */

void lab_dealer_init(lab_dealer *dealer, uint64_t seed, const char *only) {
    memset(dealer, 0, sizeof *dealer);
    dealer->only = -1;
    for (int32_t i = 0; i < lab_module_count && only != NULL; i++)
        if (strcmp(lab_modules[i]->name, only) == 0) dealer->only = i;
    if (only != NULL && dealer->only < 0) {
        fprintf(stderr, "there is no module %s\n", only);
        exit(EXIT_FAILURE);
    }
    dealer->random.state = seed;
    lab_dealer_move(dealer);
}

void lab_dealer_move(lab_dealer *dealer) {
    memset(dealer->recent_count, 0, sizeof dealer->recent_count);
    dealer->modules = 0;
    dealer->number++;
    for (int32_t i = 0; i < lab_module_count; i++) dealer->sole[i] = dealer->number;
    for (int32_t i = 0; i < MODULES_AT_A_PLACE; i++)
        dealer->modules |= UINT32_C(1) << lab_random_below(&dealer->random, lab_module_count);
    if (dealer->only >= 0) dealer->modules = UINT32_C(1) << dealer->only;
}

farm_status lab_enter(const lab_dealer *dealer, farm_session *session, const lab_place *place) {
    farm_status status = farm_session_set_clock_us(session, place->now_us);
    for (int32_t i = 0; i < lab_module_count && status == FARM_OK; i++)
        if ((dealer->modules >> i & 1) && lab_modules[i]->enter != NULL)
            status = lab_modules[i]->enter(session, place);
    return status;
}

/* To about the edge of a half hour, in which some zones' hours begin: mostly the next one, or one
 * of the next days, or months. */
static void leap(lab_random *random, lab_place *place) {
    int64_t most_us = HALF_HOUR_US;
    if (lab_random_once_in(random, 3)) most_us = 96 * HALF_HOUR_US;
    if (lab_random_once_in(random, 12)) most_us = 40 * 48 * HALF_HOUR_US;
    const int64_t then_us = place->now_us + lab_random_below(random, most_us);
    const int64_t edge_us = (then_us / HALF_HOUR_US + 1) * HALF_HOUR_US;
    const int64_t near_us = edge_us - 200000 + lab_random_below(random, 400000);
    if (near_us > place->now_us) place->now_us = near_us;
}

void lab_time_pass(lab_random *random, lab_place *place) {
    const int64_t most_us = lab_random_once_in(random, 8) ? 30000000 : 300000;
    if (lab_random_once_in(random, 3)) return;
    if (lab_random_once_in(random, 30) && place->now_us < LEAP_MAX_US)
        leap(random, place);
    else
        place->now_us += lab_random_below(random, most_us);
}

static void remember(lab_dealer *dealer, int32_t player, const lab_operation *operation) {
    lab_operation *recent = dealer->recent[player][operation->module];
    int32_t *count = &dealer->recent_count[player][operation->module];
    memmove(recent + 1, recent, sizeof *recent * (LAB_RECENT_MAX - 1));
    recent[0] = *operation;
    if (*count < LAB_RECENT_MAX) (*count)++;
}

static int32_t draw_module(lab_dealer *dealer) {
    int32_t module = (int32_t)lab_random_below(&dealer->random, lab_module_count);
    for (int32_t i = 0; i < lab_module_count && (dealer->modules >> module & 1) == 0; i++)
        module = (module + 1) % lab_module_count;
    return module;
}

/* Now and then a look, or what the player did last once more: a repeat is harmless. */
static void draw_operation(lab_dealer *dealer, int32_t player, const lab_place *place,
                           int can_compose, lab_operation *out) {
    int32_t module = draw_module(dealer);
    const lab_operation *recent = dealer->recent[player][module];
    int32_t recent_count = dealer->recent_count[player][module];
    memset(out, 0, sizeof *out);
    out->number = ++dealer->number;
    int is_repeat = recent_count > 0 && lab_random_once_in(&dealer->random, 6);
    if (is_repeat && recent[0].can_compose <= can_compose) {
        *out = recent[0];
        out->number = dealer->number;
    } else {
        out->can_compose = can_compose;
        if (!can_compose || !lab_random_once_in(&dealer->random, 8))
            lab_modules[module]->draw(&dealer->random, recent, recent_count, can_compose, out);
    }
    out->module = module;
    out->now_us = place->now_us;
    out->sole = dealer->sole[module];
    if (can_compose == LAB_SOLE) dealer->sole[module] = out->number;
    if (out->kind != 0) remember(dealer, player, out);
}

void lab_turn_draw(lab_dealer *dealer, int32_t player, const lab_place *place, int can_compose,
                   lab_turn *out) {
    memset(out, 0, sizeof *out);
    out->fault = -1;
    out->mode = LAB_ALONE;
    out->count = 1;
    if (can_compose && lab_random_once_in(&dealer->random, 4)) {
        out->mode = lab_random_once_in(&dealer->random, 5) ? LAB_ROLLBACK : LAB_COMMIT;
        out->count = 1 + (int32_t)lab_random_below(&dealer->random, LAB_TURN_MAX);
    }
    for (int32_t i = 0; i < out->count; i++)
        draw_operation(dealer, player, place, can_compose, &out->operations[i]);
}

void lab_turn_look(int32_t module, lab_turn *out) {
    memset(out, 0, sizeof *out);
    out->fault = -1;
    out->count = 1;
    out->operations[0].module = module;
}

/* --- playing --- */

lab_player *lab_player_new(void) {
    lab_player *player = calloc(1, sizeof *player);
    if (player == NULL) return NULL;
    for (int32_t i = 0; i < lab_module_count; i++) {
        player->hands[i] = calloc(1, lab_modules[i]->hand_size + 1);
        if (player->hands[i] == NULL) {
            lab_player_free(player);
            return NULL;
        }
    }
    return player;
}

void lab_player_forget(lab_player *player) {
    for (int32_t i = 0; i < lab_module_count; i++) {
        if (player->hands[i] == NULL) continue;
        if (lab_modules[i]->drop_hand != NULL) lab_modules[i]->drop_hand(player->hands[i]);
        memset(player->hands[i], 0, lab_modules[i]->hand_size);
    }
}

void lab_player_free(lab_player *player) {
    if (player == NULL) return;
    lab_player_forget(player);
    for (int32_t i = 0; i < lab_module_count; i++) free(player->hands[i]);
    free(player);
}

/* What leaves a transaction nothing but its rollback. */
static int ends_transaction(farm_status status) {
    return status == FARM_EAGAIN || status == FARM_EUNAVAILABLE || status == FARM_EUNCERTAIN ||
           status == FARM_ETIMEOUT || status == FARM_ENOMEM || status == FARM_EFULL ||
           status == FARM_EREADONLY;
}

static farm_status play_operation(farm_session *session, lab_player *player, const lab_place *place,
                                  lab_turn *turn) {
    const lab_operation *operation = &turn->operations[turn->done_count];
    lab_result *result = &turn->results[turn->done_count];
    lab_modules[operation->module]->perform(session, player->hands[operation->module], place,
                                            operation, result);
    turn->done_count++;
    return result->status;
}

static farm_status play_all(farm_session *session, lab_player *player, const lab_place *place,
                            lab_turn *turn) {
    farm_status status = farm_begin(session);
    for (int32_t i = 0; i < turn->count && !ends_transaction(status); i++)
        status = play_operation(session, player, place, turn);
    if (ends_transaction(status) || turn->mode == LAB_ROLLBACK) {
        farm_rollback(session);
        return status;
    }
    return farm_commit(session);
}

void lab_turn_play(farm_session *session, lab_player *player, const lab_place *place,
                   lab_turn *turn) {
    memset(turn->results, 0, sizeof turn->results);
    turn->done_count = 0;
    farm_session_set_clock_us(session, place->now_us);
    if (turn->mode == LAB_ALONE)
        turn->end = play_operation(session, player, place, turn);
    else
        turn->end = play_all(session, player, place, turn);
}

void lab_turn_lose(lab_turn *turn) {
    memset(turn->results, 0, sizeof turn->results);
    turn->done_count = 0;
    turn->end = FARM_EUNCERTAIN;
}

/* --- reporting --- */

static void print_result(const lab_result *result) {
    if (result->is_skipped) {
        fprintf(stderr, " -> skipped\n");
        return;
    }
    int32_t last = LAB_VALUE_MAX - 1;
    while (last >= 0 && result->values[last] == 0) last--;
    fprintf(stderr, " -> %s", farm_status_name(result->status));
    for (int32_t i = 0; i <= last; i++) fprintf(stderr, " %" PRId64, result->values[i]);
    fputc('\n', stderr);
}

void lab_turn_print(const lab_turn *turn) {
    static const char *const modes[] = {"alone", "commit", "rollback"};
    char text[4096];
    fprintf(stderr, "  %s, fault %d:\n", modes[turn->mode], (int)turn->fault);
    for (int32_t i = 0; i < turn->count; i++) {
        const lab_operation *operation = &turn->operations[i];
        const lab_module *module = lab_modules[operation->module];
        snprintf(text, sizeof text, "look");
        if (operation->kind != 0) module->describe(operation, text, sizeof text);
        fprintf(stderr, "    %" PRIu64 " %s: %s", operation->number, module->name, text);
        if (i < turn->done_count)
            print_result(&turn->results[i]);
        else
            fprintf(stderr, " -> no answer\n");
    }
    if (turn->mode == LAB_COMMIT)
        fprintf(stderr, "    commit -> %s\n", farm_status_name(turn->end));
}
