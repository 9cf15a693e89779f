/* Random operations, and the power fails: between two of them, or in the midst of an I/O of one, of
 * opening, migrating or closing. What was not synced is dropped, kept or torn. With durability=full
 * whatever was acknowledged is found; with normal it is a state of before, of all modules together;
 * and the file is never damaged.
 *
 *     power [--broken=NAME] [--seed N] [--cuts N] [--only MODULE] URI
 *
 * Of what is planted the first is a disk that lies about syncs, and must make it fail:
 * "--broken=lost-sync", "--broken=swallowed-error".
 *
 * Stores: sqlite-file */
#include "fault/lab.h"
#include "fault/lab_broken.h"
#include "support/fault_vfs.h"
#include "support/scenarios.h"
#include "support/store_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS = 300, CUTS_IN_A_LIFE = 12, TURNS_MAX = 60, URI_SIZE = 1024, KINDS = 3 };
enum { WORLDS_IN_A_LIFE = 20 }; /* with more, it is time for another */

#define BEGIN_US INT64_C(1767225600000000)

typedef struct life {
    lab_dealer dealer;
    lab_judge *judge;
    lab_player *player;
    farm_session *session;
    lab_place place;
    const char *path;
    char uri[URI_SIZE];
    const farm_entropy *entropy;
    int is_durable;
    int64_t cuts;
    int64_t rounds;
} life;

static int fail(const life *self, const char *what) {
    fprintf(stderr, "not ok: cut %" PRId64 ", durability %s: %s: %s\n", self->cuts,
            self->is_durable ? "full" : "normal", what, farm_session_error_text(self->session));
    return 0;
}

/* --- the store, with and without power --- */

/* A store without power answers at once that it cannot; it is not worth waiting for. */
static farm_status open_store(life *self) {
    const farm_session_options options = {
        .struct_size = sizeof options, .try_count = 2, .entropy = self->entropy};
    farm_status status = farm_session_open(self->session, self->uri, &options);
    if (status == FARM_OK) status = farm_session_set_service(self->session);
    if (status == FARM_OK) status = farm_session_set_clock_us(self->session, self->place.now_us);
    if (status == FARM_OK) status = farm_migrate(self->session);
    return status;
}

/* The power is to fail at some I/O from now on; perhaps at none of those that come. */
static void plan_cut(life *self) {
    int64_t bound = lab_random_once_in(&self->dealer.random, 3) ? 200 : 40;
    fault_vfs_fail(1 + (uint64_t)lab_random_below(&self->dealer.random, bound), FAULT_VFS_ALL,
                   FAULT_VFS_POWER);
}

/* Whatever was to happen, the power is off now; and comes back. */
static void cut(life *self) {
    static const int32_t unsynced[KINDS] = {FAULT_VFS_DROPPED, FAULT_VFS_KEPT, FAULT_VFS_TORN};
    int64_t kind = lab_random_below(&self->dealer.random, KINDS + 2);
    fault_vfs_power_cut();
    farm_session_close(self->session);
    lab_player_forget(self->player);
    fault_vfs_power_restore(lab_random_next(&self->dealer.random),
                            kind < KINDS ? unsynced[kind] : FAULT_VFS_TORN);
    self->cuts++;
}

static int is_undamaged(life *self) {
    farm_rows *rows = NULL;
    farm_status status = farm_session_execute(
        self->session, "SELECT integrity_check FROM pragma_integrity_check", NULL, 0, &rows);
    const farm_value *value = status == FARM_OK ? farm_rows_value(rows, 0, 0) : NULL;
    int is_sound = value != NULL && value->size == 2 && memcmp(value->data, "ok", 2) == 0;
    farm_rows_free(rows);
    return is_sound;
}

/* --- a life of a store --- */

/* Made by chance's leave: each time the power fails in the midst of it, it begins again. */
static int make_store(life *self) {
    store_file_remove(self->path);
    for (int is_made = 0; !is_made;) {
        int is_interrupted = lab_random_once_in(&self->dealer.random, 2);
        if (is_interrupted) plan_cut(self);
        is_made = open_store(self) == FARM_OK && !fault_vfs_power_is_cut();
        if (!is_made && !is_interrupted) return fail(self, "it cannot be made");
        if (!is_made) cut(self);
    }
    fault_vfs_fail(0, 0, FAULT_VFS_ONCE);
    for (int32_t i = 0; i < lab_module_count; i++)
        if (lab_modules[i]->prepare != NULL && lab_modules[i]->prepare(self->session) != FARM_OK)
            return fail(self, "it cannot be prepared");
    if (lab_enter(&self->dealer, self->session, &self->place) != FARM_OK)
        return fail(self, "it cannot be entered");
    /* What is prepared is not of the model: let nothing take it back. */
    farm_session_close(self->session);
    return open_store(self) == FARM_OK || fail(self, "it cannot be opened");
}

static int play_round(life *self, int can_fail) {
    lab_turn turn;
    lab_random *random = &self->dealer.random;
    lab_time_pass(random, &self->place);
    lab_turn_draw(&self->dealer, 0, &self->place, LAB_SOLE, &turn);
    lab_turn_play(self->session, self->player, &self->place, &turn);
    self->rounds++;
    return lab_judge_round(self->judge, self->place.now_us, &turn, 1, can_fail);
}

/* Until the power fails. */
static int play_until_cut(life *self) {
    int64_t turns = lab_random_below(&self->dealer.random, TURNS_MAX);
    for (int64_t i = 0; i < turns; i++)
        if (!play_round(self, 0)) return fail(self, "nobody has cut the power yet");
    if (lab_random_once_in(&self->dealer.random, 4)) return 1;
    plan_cut(self);
    if (lab_random_once_in(&self->dealer.random, 4)) {
        farm_session_close(self->session);
        return 1;
    }
    for (int64_t i = 0; i < TURNS_MAX && !fault_vfs_power_is_cut(); i++)
        if (!play_round(self, 1)) return fail(self, "the power was failing");
    return 1;
}

static int check_after_cut(life *self) {
    if (open_store(self) != FARM_OK) return fail(self, "it cannot be opened again");
    if (!is_undamaged(self)) return fail(self, "the file is damaged");
    if (!self->is_durable) lab_judge_rewind(self->judge, SIZE_MAX);
    if (!lab_judge_look(self->judge, self->dealer.modules, self->session, &self->place))
        return fail(self, "what was acknowledged is not what is found");
    lab_judge_settle(self->judge);
    return scenario_is_sound(self->session) || fail(self, "it is not sound");
}

static int live(life *self, int64_t number) {
    snprintf(self->place.name, sizeof self->place.name, "life-%" PRId64, number);
    lab_judge_reset(self->judge);
    lab_dealer_move(&self->dealer);
    int is_good = make_store(self);
    for (int32_t i = 0; i < CUTS_IN_A_LIFE && is_good; i++) {
        if (lab_judge_world_count(self->judge) > WORLDS_IN_A_LIFE) break;
        is_good = play_until_cut(self);
        if (!is_good) break;
        cut(self);
        is_good = check_after_cut(self);
    }
    fault_vfs_fail(0, 0, FAULT_VFS_ONCE);
    farm_session_close(self->session);
    lab_player_forget(self->player);
    return is_good;
}

/* --- arguments --- */

static int64_t number(const char *text) {
    char *end = NULL;
    long long value = strtoll(text == NULL ? "" : text, &end, 10);
    if (text == NULL || *text == '\0' || *end != '\0' || value < 0) exit(EXIT_FAILURE);
    return value;
}

static const char *plant(const char *name) {
    if (strcmp(name, "lost-sync") != 0) return lab_broken_plant(name);
    fault_vfs_lie(FAULT_VFS_SYNC);
    return "";
}

int main(int argument_count, char **arguments) {
    const char *uri = NULL;
    const char *planted = "";
    const char *only = NULL;
    uint64_t seed = 1;
    int64_t cuts = CUTS;
    if (!fault_vfs_register()) return EXIT_FAILURE;
    for (int i = 1; i < argument_count && planted != NULL; i++) {
        const char *next = i + 1 < argument_count ? arguments[i + 1] : NULL;
        if (strncmp(arguments[i], "--broken=", 9) == 0)
            planted = plant(arguments[i] + 9);
        else if (strcmp(arguments[i], "--seed") == 0 && ++i)
            seed = (uint64_t)number(next);
        else if (strcmp(arguments[i], "--cuts") == 0 && ++i)
            cuts = number(next);
        else if (strcmp(arguments[i], "--only") == 0 && ++i)
            only = next;
        else
            uri = arguments[i];
    }
    if (uri == NULL || planted == NULL || strncmp(uri, "sqlite:", 7) != 0) return EXIT_FAILURE;
    life self = {.path = uri + 7, .judge = lab_judge_new(), .player = lab_player_new()};
    if (self.judge == NULL || self.player == NULL || farm_session_new(&self.session) != FARM_OK)
        return EXIT_FAILURE;
    self.entropy = lab_entropy(seed);
    fault_vfs_seed(seed);
    fault_vfs_skip_syncs(1);
    fault_vfs_power_watch();
    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);

    lab_dealer_init(&self.dealer, seed, only);
    self.place.now_us = BEGIN_US;
    int is_good = 1;
    for (int64_t i = 1; is_good && self.cuts < cuts; i++) {
        self.is_durable = i % 2 != 0;
        snprintf(self.uri, sizeof self.uri, "%s%s?durability=%s", planted, uri,
                 self.is_durable ? "full" : "normal");
        is_good = live(&self, i);
    }
    farm_session_free(self.session);
    lab_player_free(self.player);
    lab_judge_free(self.judge);
    printf("seed %" PRIu64 ": %" PRId64 " times the power failed, %" PRId64 " rounds: %s\n", seed,
           self.cuts, self.rounds, is_good ? "well" : "went wrong");
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
