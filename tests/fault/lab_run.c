/* The fault lab: a whole run: players as threads or processes, rounds, faults, looks, verification.
 * Players that are processes get their turns and send their answers through pipes. */
#include "fault/lab.h"
#include "support/scenarios.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS_AT_A_PLACE = 40,
    PLACES_TO_VERIFY = 8,  /* between two runs of farm_verify() */
    REACQUIRE_ONCE_IN = 30 /* turns of a player that is a thread */
};

#define BEGIN_US INT64_C(1767225600000000)

/* When the next run of this process begins: a store that was played in sees no time go back. */
static int64_t begin_us = BEGIN_US;

/* A player as the run sees him. */
typedef struct seat {
    lab_player *player;    /* a thread's */
    farm_session *session; /* likewise */
    pid_t process;
    int to_process; /* pipes */
    int from_process;
    lab_turn turn;
    int is_playing; /* in this round */
} seat;

typedef struct run {
    const lab_options *options;
    lab_dealer dealer;
    lab_judge *judge;
    lab_place place;
    seat seats[LAB_PLAYER_MAX];
    farm_pool *pool;
    farm_session *witness;
    int64_t round;
    int64_t place_number;
    int64_t fault_count;
    int64_t done[LAB_MODULE_MAX]; /* of each module: what was answered */
    int is_composing;             /* transactions may meet: the isolation is serializable */
    int has_failed;
} run;

/* What goes to a process, and the turn comes back. */
typedef struct order {
    lab_place place;
    lab_turn turn;
    int is_new_place;
} order;

static void stop(const char *what, const char *text) {
    fprintf(stderr, "the lab cannot go on: %s: %s\n", what, text);
    exit(EXIT_FAILURE);
}

static int64_t real_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- a player in a process of its own --- */

static int transfer(int file, void *data, size_t size, int is_writing) {
    char *at = data;
    for (size_t done = 0; done < size;) {
        ssize_t part =
            is_writing ? write(file, at + done, size - done) : read(file, at + done, size - done);
        if (part <= 0) return 0;
        done += (size_t)part;
    }
    return 1;
}

static void play_with_fault(const lab_options *options, farm_session *session, lab_player *player,
                            const lab_place *place, lab_turn *turn) {
    lab_random random = {turn->fault_seed};
    if (turn->fault >= 0) options->faults[turn->fault].arm(&random);
    lab_turn_play(session, player, place, turn);
    if (turn->fault >= 0) options->faults[turn->fault].disarm();
}

static farm_session *open_session(const char *uri, const farm_session_options *session_options) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK) stop("session", "no memory");
    if (farm_session_open(session, uri, session_options) != FARM_OK)
        stop("open", farm_session_error_text(session));
    farm_session_set_service(session);
    return session;
}

static void serve(const lab_options *options, int from_run, int to_run) {
    lab_player *player = lab_player_new();
    farm_session *session = NULL;
    order received;
    const farm_session_options session_options = {
        .struct_size = sizeof session_options,
        .entropy = lab_entropy(options->seed + (uint64_t)to_run)};
    if (player == NULL) stop("player", "no memory");
    while (transfer(from_run, &received, sizeof received, 0)) {
        if (session == NULL) session = open_session(options->uri, &session_options);
        if (received.is_new_place) lab_player_forget(player);
        play_with_fault(options, session, player, &received.place, &received.turn);
        if (!transfer(to_run, &received.turn, sizeof received.turn, 1)) break;
    }
    lab_player_free(player);
    farm_session_free(session);
    exit(EXIT_SUCCESS);
}

static void start_process(run *self, seat *taken) {
    int orders[2];
    int answers[2];
    if (pipe(orders) != 0 || pipe(answers) != 0) stop("pipe", "none left");
    fflush(NULL);
    taken->process = fork();
    if (taken->process < 0) stop("fork", "refused");
    if (taken->process == 0) {
        /* Else a player would not see the end of another one's pipe. */
        for (int32_t i = 0; i < LAB_PLAYER_MAX; i++)
            if (self->seats[i].to_process > 0) close(self->seats[i].to_process);
        close(orders[1]);
        close(answers[0]);
        serve(self->options, orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    taken->to_process = orders[1];
    taken->from_process = answers[0];
}

/* --- opening and closing --- */

static farm_session *acquire(run *self) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(self->pool, -1, &error, &session) != FARM_OK) stop("acquire", error.text);
    farm_session_set_service(session);
    return session;
}

static void prepare(run *self) {
    const lab_options *options = self->options;
    farm_session *session =
        options->owner_uri == NULL ? self->witness : open_session(options->owner_uri, NULL);
    farm_session_set_clock_us(session, begin_us);
    if (farm_migrate(session) != FARM_OK) stop("migrate", farm_session_error_text(session));
    if (session != self->witness) farm_session_free(session);
    farm_session_set_clock_us(self->witness, begin_us);
    for (int32_t i = 0; i < lab_module_count; i++)
        if (lab_modules[i]->prepare != NULL && lab_modules[i]->prepare(self->witness) != FARM_OK)
            stop(lab_modules[i]->name, farm_session_error_text(self->witness));
}

static void open_run(run *self, const lab_options *options) {
    const farm_session_options session_options = {.struct_size = sizeof session_options,
                                                  .entropy = lab_entropy(options->seed)};
    const farm_pool_options bounds = {
        .struct_size = sizeof bounds, .max_count = LAB_PLAYER_MAX + 1, .session = &session_options};
    farm_error error = {.struct_size = sizeof error};
    memset(self, 0, sizeof *self);
    self->options = options;
    self->is_composing = strstr(options->uri, "sqlite:") != NULL;
    lab_dealer_init(&self->dealer, options->seed, options->only);
    for (int32_t i = 0; i < options->player_count && options->has_processes; i++)
        start_process(self, &self->seats[i]);
    self->judge = lab_judge_new();
    if (self->judge == NULL || farm_pool_new(&self->pool) != FARM_OK) stop("open", "no memory");
    if (farm_pool_open(self->pool, options->uri, &bounds, &error) != FARM_OK)
        stop("open", error.text);
    self->witness = acquire(self);
    prepare(self);
    for (int32_t i = 0; i < options->player_count && !options->has_processes; i++) {
        self->seats[i].player = lab_player_new();
        if (self->seats[i].player == NULL) stop("player", "no memory");
    }
}

static void close_run(run *self) {
    for (int32_t i = 0; i < self->options->player_count; i++) {
        seat *taken = &self->seats[i];
        int status = 0;
        if (taken->process > 0) {
            close(taken->to_process);
            close(taken->from_process);
            waitpid(taken->process, &status, 0);
            if (status != 0 && !self->has_failed) {
                fprintf(stderr, "player %d ended with %d\n", (int)i, status);
                self->has_failed = 1;
            }
        }
        if (taken->session != NULL) farm_pool_release(self->pool, taken->session);
        lab_player_free(taken->player);
    }
    farm_pool_release(self->pool, self->witness);
    farm_pool_free(self->pool);
    lab_judge_free(self->judge);
}

/* --- rounds --- */

static int move(run *self) {
    self->place_number++;
    snprintf(self->place.name, sizeof self->place.name, "%" PRIx64 "-%ld-%" PRId64,
             self->options->seed & 0xffffffff, (long)getpid(), self->place_number);
    lab_judge_reset(self->judge);
    lab_dealer_move(&self->dealer);
    for (int32_t i = 0; i < self->options->player_count; i++)
        if (self->seats[i].player != NULL) lab_player_forget(self->seats[i].player);
    if (lab_enter(&self->dealer, self->witness, &self->place) == FARM_OK) return 1;
    fprintf(stderr, "enter: %s\n", farm_session_error_text(self->witness));
    return 0;
}

/* Who plays what. Faults are of the whole process, so that of threads only the first gets one. */
static void deal(run *self) {
    const lab_options *options = self->options;
    lab_random *random = &self->dealer.random;
    int32_t first = (int32_t)lab_random_below(random, options->player_count);
    int32_t playing = 1 + (int32_t)lab_random_below(random, options->player_count);
    int can_compose = playing == 1 ? LAB_SOLE : self->is_composing ? LAB_COMPOSING : LAB_CROWDED;
    for (int32_t i = 0; i < options->player_count; i++) {
        seat *taken = &self->seats[(first + i) % options->player_count];
        taken->is_playing = i < playing;
        if (!taken->is_playing) continue;
        lab_turn_draw(&self->dealer, (first + i) % options->player_count, &self->place, can_compose,
                      &taken->turn);
        if (options->fault_count == 0 || (i > 0 && !options->has_processes)) continue;
        if (!lab_random_once_in(random, 3)) continue;
        taken->turn.fault = (int32_t)lab_random_below(random, options->fault_count);
        taken->turn.fault_seed = lab_random_next(random);
        self->fault_count++;
    }
}

/* A thread of the round. */
typedef struct thread_turn {
    run *self;
    seat *taken;
    pthread_t thread;
} thread_turn;

static void *play_in_thread(void *context) {
    const thread_turn *mine = context;
    seat *taken = mine->taken;
    lab_turn_play(taken->session, taken->player, &mine->self->place, &taken->turn);
    return NULL;
}

/* A player keeps a session for a while, so that it meets what the last fault has left of it. */
static void seat_thread(run *self, seat *taken) {
    if (taken->session != NULL && lab_random_once_in(&self->dealer.random, REACQUIRE_ONCE_IN)) {
        farm_pool_release(self->pool, taken->session);
        taken->session = NULL;
    }
    if (taken->session == NULL) taken->session = acquire(self);
}

static void play_threads(run *self) {
    thread_turn threads[LAB_PLAYER_MAX];
    int32_t count = 0;
    int32_t fault = -1;
    for (int32_t i = 0; i < self->options->player_count; i++)
        if (self->seats[i].is_playing) seat_thread(self, &self->seats[i]);
    for (int32_t i = 0; i < self->options->player_count; i++) {
        seat *taken = &self->seats[i];
        if (!taken->is_playing) continue;
        threads[count++] = (thread_turn){.self = self, .taken = taken};
        if (taken->turn.fault < 0) continue;
        lab_random random = {taken->turn.fault_seed};
        fault = taken->turn.fault;
        self->options->faults[fault].arm(&random);
    }
    for (int32_t i = 1; i < count; i++)
        if (pthread_create(&threads[i].thread, NULL, play_in_thread, &threads[i]) != 0)
            stop("thread", "none left");
    (void)play_in_thread(&threads[0]);
    for (int32_t i = 1; i < count; i++) pthread_join(threads[i].thread, NULL);
    if (fault >= 0) self->options->faults[fault].disarm();
}

static void play_processes(run *self, int is_new_place) {
    for (int32_t i = 0; i < self->options->player_count; i++) {
        seat *taken = &self->seats[i];
        order sent = {.place = self->place, .turn = taken->turn, .is_new_place = is_new_place};
        /* Who does not play hears of a new place all the same: he looks, as nobody judges. */
        if (!taken->is_playing && !is_new_place) continue;
        if (!taken->is_playing) lab_turn_look(0, &sent.turn);
        if (!transfer(taken->to_process, &sent, sizeof sent, 1)) stop("player", "has gone");
    }
    for (int32_t i = 0; i < self->options->player_count; i++) {
        seat *taken = &self->seats[i];
        if (!taken->is_playing && !is_new_place) continue;
        if (!transfer(taken->from_process, &taken->turn, sizeof taken->turn, 0))
            stop("player", "has gone");
    }
}

/* --- judging --- */

static void count_done(run *self, const lab_turn *turn) {
    for (int32_t i = 0; i < turn->done_count; i++) {
        const lab_operation *operation = &turn->operations[i];
        const lab_module *module = lab_modules[operation->module];
        if (turn->results[i].status != FARM_OK || turn->results[i].is_skipped) continue;
        self->done[operation->module] += module->count == NULL ? 1 : module->count(operation);
    }
}

static int judge_round(run *self) {
    lab_turn turns[LAB_PLAYER_MAX];
    int32_t count = 0;
    int can_fail = 0;
    for (int32_t i = 0; i < self->options->player_count; i++) {
        if (!self->seats[i].is_playing) continue;
        turns[count++] = self->seats[i].turn;
        count_done(self, &self->seats[i].turn);
        can_fail |= self->seats[i].turn.fault >= 0;
        if (self->options->is_verbose) lab_turn_print(&self->seats[i].turn);
    }
    if (!lab_judge_round(self->judge, self->place.now_us, turns, count, can_fail)) return 0;
    if (lab_judge_world_count(self->judge) == 1 && !can_fail) return 1;
    return lab_judge_look(self->judge, self->dealer.modules, self->witness, &self->place);
}

static int verify(run *self) {
    if (farm_maintain(self->witness, 1000, NULL) != FARM_OK) {
        fprintf(stderr, "maintain: %s\n", farm_session_error_text(self->witness));
        return 0;
    }
    return scenario_is_sound(self->witness);
}

static int play_round(run *self, int is_new_place) {
    lab_time_pass(&self->dealer.random, &self->place);
    deal(self);
    if (self->options->is_verbose)
        fprintf(stderr, "round %" PRId64 ", place %s, %" PRId64 " us\n", self->round,
                self->place.name, self->place.now_us - BEGIN_US);
    if (self->options->has_processes)
        play_processes(self, is_new_place);
    else
        play_threads(self);
    return judge_round(self);
}

static int play_place(run *self) {
    if (!move(self)) return 0;
    for (int32_t i = 0; i < ROUNDS_AT_A_PLACE; i++, self->round++)
        if (!play_round(self, i == 0)) return 0;
    if (!lab_judge_look(self->judge, self->dealer.modules, self->witness, &self->place)) return 0;
    return self->place_number % PLACES_TO_VERIFY != 0 || verify(self);
}

int lab_run(const lab_options *options) {
    run *self = calloc(1, sizeof *self);
    if (self == NULL) stop("run", "no memory");
    printf("seed %" PRIu64 ": %d %s on %s, %d kinds of fault\n", options->seed,
           (int)options->player_count, options->has_processes ? "processes" : "threads",
           options->uri, (int)options->fault_count);
    fflush(stdout);
    open_run(self, options);
    self->place.now_us = begin_us;
    int64_t end_us = real_us() + options->duration_us;
    while (!self->has_failed && (options->rounds == 0 || self->round < options->rounds) &&
           (options->duration_us == 0 || real_us() < end_us))
        self->has_failed = !play_place(self);
    if (!self->has_failed) self->has_failed = !verify(self);
    close_run(self);
    begin_us = self->place.now_us;
    if (self->has_failed)
        fprintf(stderr, "not ok: seed %" PRIu64 ", round %" PRId64 ", place %s\n", options->seed,
                self->round, self->place.name);
    printf("seed %" PRIu64 ": %" PRId64 " rounds at %" PRId64 " places, %" PRIu64
           " operations, %" PRId64 " faults: %s\n",
           options->seed, self->round, self->place_number, self->dealer.number, self->fault_count,
           self->has_failed ? "went wrong" : "well");
    for (int32_t i = 0; i < lab_module_count; i++)
        printf("%s %s %" PRId64 "%s", i == 0 ? "answered:" : ",", lab_modules[i]->name,
               self->done[i], i + 1 == lab_module_count ? "\n" : "");
    int failed = self->has_failed;
    free(self);
    return failed;
}
