/* The fault lab: random operations against a model in plain code, while faults happen. A module
 * adds one file, model_<module>.c, with a lab_module; a kind of fault adds a lab_fault. What is in
 * between is here:
 *
 *     player   a thread or a process with a session of its own; it plays turns
 *     turn     one operation, or up to three in one transaction, with what the store answered
 *     place    where they play: names that nobody else uses (an entity, a key, a subject …)
 *     judge    keeps every state that the store may be in by what was answered: its worlds
 *
 * A round is one turn a player, all at once, at one frozen time. The judge then asks the model what
 * each world becomes by these turns in each order in which they may have happened. An answer that
 * the model would not have given rules that order out; an uncertain one leaves both what happened
 * and what did not. When no world is left, the store has lost, doubled or half done something, or
 * has lied. This is what "acknowledged = found, found <= asked, repeats harmless" means here.
 *
 * All that is exchanged is plain bytes, so that a player may be another process (kill -9). */
#ifndef LAB_H
#define LAB_H

#include <farmcore/farmcore.h>

enum {
    LAB_MODULE_MAX = 16,
    LAB_STATE_MAX = 73728, /* bytes of all modules' states together */
    LAB_VALUE_MAX = 144,   /* numbers in an operation or a result */
    LAB_FACT_MAX = 40,     /* of a result */
    LAB_TURN_MAX = 3,      /* operations in a transaction */
    LAB_PLAYER_MAX = 4,
    LAB_RECENT_MAX = 6,
    LAB_FAULT_MAX = 16,
    LAB_NAME_SIZE = 48
};

/* --- chance: the same seed, the same everything --- */

typedef struct lab_random {
    uint64_t state;
} lab_random;

uint64_t lab_random_next(lab_random *random);
/* 0 to bound - 1; bound is at least 1. */
int64_t lab_random_below(lab_random *random, int64_t bound);
/* Whether something happens that does so once in n times. */
int lab_random_once_in(lab_random *random, int64_t n);

/* The library's entropy of this process, from a seed: what is random in a store is so, too. Call it
 * once, before sessions are opened with the options that it belongs in. */
const farm_entropy *lab_entropy(uint64_t seed);

/* --- what is played --- */

/* An operation. What the values mean, the module says. kind 0 is the look: an operation that reads
 * the module's whole state of the place and changes nothing. */
typedef struct lab_operation {
    int32_t module;      /* its index among lab_modules */
    int32_t kind;        /* 0 or the module's own */
    int32_t can_compose; /* as it was drawn; see lab_turn_draw() */
    uint64_t number;     /* of no other operation of the run; a repeat has a new one, too */
    int64_t now_us;      /* the time of the round that it was drawn for */
    uint64_t sole;       /* the latest operation of the module that was drawn with LAB_SOLE here, by
                            whomever; before the first, a number of the place's; 0: not known */
    int64_t values[LAB_VALUE_MAX];
} lab_operation;

/* What was answered. Only what the model can foretell is in the values. */
typedef struct lab_result {
    farm_status status;
    int32_t is_skipped; /* the player has not got what it takes (a token, a claim): nothing done */
    int64_t values[LAB_VALUE_MAX];
    int32_t has_facts;           /* they are known: it was answered, and the module has any */
    int64_t facts[LAB_FACT_MAX]; /* what the store alone can choose, such as a timestamp; the model
                                    is told and need not foretell it */
    int32_t choice;  /* without facts: which of its choices the store may have made; from 0 on */
    int32_t choices; /* out, of the model: how many there are; 0 is 1 */
} lab_result;

/* Where, and when: the frozen time of the round. */
typedef struct lab_place {
    char name[LAB_NAME_SIZE];
    int64_t now_us;
} lab_place;

/* How a turn's operations belong together. */
enum {
    LAB_ALONE = 0,    /* one operation, which is a transaction of its own */
    LAB_COMMIT = 1,   /* farm_begin(), the operations, farm_commit() */
    LAB_ROLLBACK = 2, /* farm_begin(), the operations, farm_rollback() */
};

typedef struct lab_turn {
    int32_t mode;
    int32_t count;      /* of operations: 1 when LAB_ALONE */
    int32_t fault;      /* its index among the run's faults; -1: none */
    int32_t done_count; /* out: operations answered. What was sent but not answered (the player was
                           killed) has results with FARM_EUNCERTAIN; see lab_turn_lose() */
    farm_status end;    /* out: what farm_commit() answered */
    uint64_t fault_seed;
    lab_operation operations[LAB_TURN_MAX];
    lab_result results[LAB_TURN_MAX]; /* out */
} lab_turn;

/* --- what a module adds --- */

typedef struct lab_module {
    const char *name;
    size_t state_size; /* of its part of a world: plain bytes, compared as bytes, at first all 0 */
    size_t hand_size;  /* what a player keeps between operations; at first all 0 */
    /* Once a run, as the service, without faults; several processes may do it. NULL: nothing. */
    farm_status (*prepare)(farm_session *session);
    /* The players come to a new place, likewise. What it makes anew is not of the place alone, so
     * that the last players may have left it in any state. NULL: nothing. */
    farm_status (*enter)(farm_session *session, const lab_place *place);
    /* Draw an operation's kind, at least 1, and values; its number is there. recent: the last
     * operations of the module that the same player drew at this place, the latest first, so that
     * one may refer to another by its number ("refund what that one took"); not all of them need
     * have succeeded. can_compose: LAB_CROWDED, _COMPOSING or _SOLE, see lab_turn_draw(); when 0,
     * nothing that reads or changes several rows and does not lock them together. */
    void (*draw)(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out);
    /* Do it. The session's clock stands at place->now_us; its actor is the service. results are all
     * 0 before. The kind 0, too. */
    void (*perform)(farm_session *session, void *hand, const lab_place *place,
                    const lab_operation *operation, lab_result *out);
    /* What it does to a state, and what must be answered; out is all 0 before, but for the facts.
     * With a status that is not FARM_OK the state stays as it was. */
    void (*apply)(void *state, int64_t now_us, const lab_operation *operation, lab_result *out);
    /* Whether the library itself runs it again when its commit was uncertain: then it may take
     * effect twice, with other players' turns between. */
    int (*is_repeated)(const lab_operation *operation);
    /* Forget in the state what time has ended, so that equal states are equal bytes. NULL: nothing
     * ends. */
    void (*expire)(void *state, int64_t now_us);
    /* How many of what the module is about are in an operation, for a report. NULL: one. */
    int64_t (*count)(const lab_operation *operation);
    /* Give back what is in the hand. NULL: nothing is. The memory itself is the lab's. */
    void (*drop_hand)(void *hand);
    /* The operation in a few words, for a report. */
    void (*describe)(const lab_operation *operation, char *text, size_t size);
} lab_module;

extern const lab_module lab_rate_counts, lab_rate_holds, lab_rate_overrides;
extern const lab_module lab_rate_changes, lab_idempotency, lab_roles, lab_ledger;
extern const lab_module *const lab_modules[];
extern const int32_t lab_module_count;

/* --- what a kind of fault adds --- */

typedef struct lab_fault {
    const char *name;
    /* Before a turn, in the player's process; random is the turn's own. */
    void (*arm)(lab_random *random);
    /* After it, whether it has fired or not. From then on the store works again: sessions may have
     * to reconnect, and do so by themselves. */
    void (*disarm)(void);
} lab_fault;

/* --- playing --- */

/* "" or the schema of the tables and a dot: for looks that read the rows themselves. */
extern const char *lab_schema;

/* A player's belongings: a hand for each module. */
typedef struct lab_player lab_player;

lab_player *lab_player_new(void);
void lab_player_free(lab_player *player);
/* It has lost its hands, as when its process was killed. */
void lab_player_forget(lab_player *player);
/* Who draws: chance, and what each player drew last. */
typedef struct lab_dealer {
    lab_random random;
    uint64_t number;               /* of the last operation */
    int32_t only;                  /* the one module to play; -1: several */
    uint32_t modules;              /* a bit for each that is played at this place, by its index */
    uint64_t sole[LAB_MODULE_MAX]; /* see lab_operation */
    lab_operation recent[LAB_PLAYER_MAX][LAB_MODULE_MAX][LAB_RECENT_MAX];
    int32_t recent_count[LAB_PLAYER_MAX][LAB_MODULE_MAX];
} lab_dealer;

/* only: the name of the one module to play; NULL: all. */
void lab_dealer_init(lab_dealer *dealer, uint64_t seed, const char *only);
/* The players go to a new place, where they play a few of the modules: who plays all of them meets
 * nobody. */
void lab_dealer_move(lab_dealer *dealer);
/* The modules that are played here, see lab_module. */
farm_status lab_enter(const lab_dealer *dealer, farm_session *session, const lab_place *place);
/* Mostly little; now and then enough for claims to run out and buckets to fill, and seldom to the
 * edge of an hour, a day or a month. */
void lab_time_pass(lab_random *random, lab_place *place);

/* What may be drawn: more of it the fewer others there are. */
enum {
    LAB_CROWDED = 0, /* others play in the same round, and the isolation is READ COMMITTED: what one
                          statement reads need not hold any more when the next one does */
    LAB_COMPOSING = 1, /* also transactions, and looks */
    LAB_SOLE = 2       /* nobody else plays: also what others may learn of late */
};

/* Draw a turn at a place, without a fault. */
void lab_turn_draw(lab_dealer *dealer, int32_t player, const lab_place *place, int can_compose,
                   lab_turn *out);
/* A turn that looks at the module. */
void lab_turn_look(int32_t module, lab_turn *out);
/* Play it on a session that acts as the service; fills in what is out. Faults are armed by whoever
 * calls. */
void lab_turn_play(farm_session *session, lab_player *player, const lab_place *place,
                   lab_turn *turn);
/* Its player was killed, or its answer never came: all of it is uncertain. */
void lab_turn_lose(lab_turn *turn);
void lab_turn_print(const lab_turn *turn);

/* --- judging --- */

typedef struct lab_judge lab_judge;

/* The place is new: nothing is there. NULL when there is no memory. */
lab_judge *lab_judge_new(void);
void lab_judge_free(lab_judge *judge);
/* A new place, where nothing is. */
void lab_judge_reset(lab_judge *judge);
/* The turns of one round, which may have happened in any order. 0 when no world is left; then the
 * round is printed. can_fail: a call may have failed for certain by a fault (EUNAVAILABLE, EFULL,
 * ENOMEM …), here or in another player's turn. */
int lab_judge_round(lab_judge *judge, int64_t now_us, const lab_turn *turns, int32_t count,
                    int can_fail);
/* How many worlds there are; a look makes it one again. */
size_t lab_judge_world_count(const lab_judge *judge);
/* Look at the modules, a bit for each, and judge what is seen: acknowledged = found, found <=
 * asked. */
int lab_judge_look(lab_judge *judge, uint32_t modules, farm_session *session,
                   const lab_place *place);
/* The store may have lost the latest rounds, but no others before them (durability=normal): any of
 * the last `rounds` states is possible again. Then look. */
void lab_judge_rewind(lab_judge *judge, size_t rounds);
/* What is now is on the disk for good: no rewind goes back beyond it. */
void lab_judge_settle(lab_judge *judge);

/* --- a whole run --- */

typedef struct lab_options {
    const char *uri;
    const char *owner_uri; /* migrates, on Postgres; NULL: uri does */
    uint64_t seed;
    int64_t rounds;          /* 0: only time bounds it */
    int64_t duration_us;     /* real time; 0: only rounds do */
    int32_t player_count;    /* 1 to LAB_PLAYER_MAX */
    int32_t has_processes;   /* players are processes, not threads. Nothing may be open yet. */
    const lab_fault *faults; /* that may happen in a turn */
    int32_t fault_count;
    const char *only;   /* see lab_dealer_init() */
    int32_t is_verbose; /* every turn is printed as it is judged */
} lab_options;

/* Play and judge; prints the seed at the beginning and with each failure. Returns how many rounds
 * went wrong; the run ends with the first. Every place ends in a look and in farm_verify(). */
int lab_run(const lab_options *options);

#endif
