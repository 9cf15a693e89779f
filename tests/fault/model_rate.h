/* What the scenarios of rate limits share (fault/lab.h): a model of a limit in plain code, after
 * docs/rate.md and not after the module's rules; what an operation on limits asks of the library,
 * and what has to be answered.
 *
 *     count    a limit that counts in a bucket or in windows: model_rate_count.c
 *     holds    one that counts who holds: likewise
 *     slot     what an operation's item comes to: figures, and a count or holds: model_rate.c
 *
 * A scenario says which limits it has, which slots they are for the subject, and draws. */
#ifndef MODEL_RATE_H
#define MODEL_RATE_H

#include "fault/lab.h"

enum {
    RATE_LIMIT_MAX = 8, /* of a scenario */
    RATE_SLOT_MAX = 8,  /* of one call */
    RATE_HELD_MAX = 5,  /* holds at once */
    RATE_TOKEN_MAX = LAB_RECENT_MAX,
    RATE_REFUND_MAX = 40
};

/* Kinds; a scenario's own begin after them. */
enum { RATE_TAKE = 1, RATE_PEEK, RATE_REFUND, RATE_RESET, RATE_RENEW, RATE_RELEASE, RATE_KINDS };

/* In an operation's values: a cost for each limit, -1: it is left out; the take that is meant, by
 * its number, and when it was; the limits that are forced, as bits. A scenario's own follow. */
enum {
    RATE_COST,
    RATE_TAKEN = RATE_COST + RATE_LIMIT_MAX,
    RATE_TAKEN_US,
    RATE_FORCED,
    RATE_VALUES
};

/* --- a limit in the model --- */

/* What a subject has used of a bucket or of windows. */
typedef struct rate_count {
    int64_t full_at;   /* of a bucket: the unit of time at which it is full; 0: it is */
    int64_t window_us; /* when the window began that was last used; 0: none was */
    int64_t used;      /* of that window */
    int64_t before;    /* of the one before it, when windows slide */
    int64_t is_known;  /* of a bucket that begins with fewer tokens: it has begun */
} rate_count;

/* Who holds; those of whom nothing is known have the number 0 and stand at the end. */
typedef struct rate_holds {
    struct {
        uint64_t number; /* of the take */
        int64_t cost;
        int64_t ends_us;
    } items[RATE_HELD_MAX];
} rate_holds;

/* What a limit says to a cost. */
typedef struct rate_saying {
    int64_t allowed;
    int64_t remaining;
    int64_t retry_us;
    int64_t reset_us;
    int64_t burst;
    int64_t rule;
} rate_saying;

/* Units of a bucket, as docs/rate.md has them: time goes on by `speed` with each tick. */
typedef struct rate_bucket_units {
    int64_t tick_ns;
    int64_t speed;
    int64_t token;
    int64_t capacity;
} rate_bucket_units;

int64_t rate_burst(const farm_rate_limit *limit);
void rate_bucket_units_of(const farm_rate_limit *limit, rate_bucket_units *out);
/* What is used of a bucket, in its units. */
int64_t rate_bucket_used(const farm_rate_limit *limit, const rate_count *count, int64_t now_us);
/* The window that the moment lies in. */
void rate_window_of(const farm_rate_limit *limit, int64_t now_us, int64_t *begin_us,
                    int64_t *end_us);

/* Forget what time has ended. All others have to be told of a count after that. */
void rate_count_expire(const farm_rate_limit *limit, rate_count *count, int64_t now_us);
void rate_count_ask(const farm_rate_limit *limit, const rate_count *count, int64_t now_us,
                    int64_t cost, rate_saying *out);
/* A subject comes that nobody has seen: its time begins. */
void rate_count_begin(const farm_rate_limit *limit, rate_count *count, int64_t now_us);
void rate_count_take(const farm_rate_limit *limit, rate_count *count, int64_t now_us, int64_t cost,
                     int is_forced);
/* Make it lack so much: units of a bucket, or what was used of a window. */
void rate_count_set(const farm_rate_limit *limit, rate_count *count, int64_t now_us, int64_t used);
/* Whether what was taken then can still be given back. */
int rate_count_refunds(const farm_rate_limit *limit, int64_t taken_us, int64_t now_us);
void rate_count_give_back(const farm_rate_limit *limit, rate_count *count, int64_t now_us,
                          int64_t cost);
void rate_count_fill(const farm_rate_limit *limit, rate_count *count);

void rate_holds_end(rate_holds *holds, int64_t now_us);
void rate_holds_ask(const farm_rate_limit *limit, const rate_holds *holds, int64_t now_us,
                    int64_t cost, rate_saying *out);
void rate_holds_add(const farm_rate_limit *limit, rate_holds *holds, int64_t now_us, int64_t cost,
                    uint64_t number);
/* The place of a hold; -1: it has ended, or was never there. */
int32_t rate_holds_find(const rate_holds *holds, uint64_t number);
void rate_holds_drop(rate_holds *holds, uint64_t number);

/* --- an operation in the model --- */

/* Refunds given: numbers of takes, and of which counts, as bits; the latest ones, in order. */
typedef struct rate_refunds {
    struct {
        uint64_t number;
        int64_t counts;
    } items[RATE_REFUND_MAX];
} rate_refunds;

/* What an item of the operation comes to. */
typedef struct rate_slot {
    farm_rate_limit figures;
    rate_count *count;
    rate_holds *holds; /* of CONCURRENCY */
    int32_t bit;       /* of the count, among those of the scenario */
    int32_t rule;      /* FARM_RATE_RULE_… */
    int64_t ends_us;   /* of a ban; 0: never */
} rate_slot;

/* What an operation does to the slots of its limits, by their place among the scenario's limits;
 * those that it leaves out are not looked at. Kind 0 takes all for left in, at no cost. */
void rate_apply(rate_slot *slots, int32_t count, rate_refunds *refunds, int64_t now_us,
                const lab_operation *operation, lab_result *out);
/* The answer's numbers that are of one limit. */
int64_t *rate_values_of(lab_result *result, int32_t place);

/* --- an operation on the library --- */

/* The tokens of a player's latest takes. */
typedef struct rate_tokens {
    struct {
        uint64_t number;
        farm_id token;
    } items[RATE_TOKEN_MAX];
    uint32_t next;
    uint64_t sole; /* see rate_learn() */
} rate_tokens;

/* Other processes may go by what they know of limits for a while. Who may not know what the last
 * LAB_SOLE operation has changed first changes nothing himself, after which his process looks at
 * the limits anew. */
farm_status rate_learn(farm_session *session, rate_tokens *tokens, const lab_operation *operation);
/* Any kind of above, of those limits and one subject. */
void rate_perform(farm_session *session, rate_tokens *tokens, const farm_rate_limit *limits,
                  int32_t count, const char *subject, const lab_operation *operation,
                  lab_result *out);
/* What was answered of one limit. */
void rate_answer(const farm_rate_state *state, int64_t *values);

/* --- drawing --- */

/* Costs from least to most for some of the limits, at least one and at most two of them; the
 * others are left out. can_compose 0: such that all of it is decided under locks. */
void rate_draw_costs(lab_random *random, int32_t count, int64_t least, int64_t most,
                     int can_compose, lab_operation *out);
/* Force some of it, now and then. */
void rate_draw_force(lab_random *random, int32_t count, int can_compose, lab_operation *out);
/* That it is about a take of before, and which operation told of it; NULL when there is none. */
const lab_operation *rate_draw_taken(lab_random *random, const lab_operation *recent,
                                     int32_t recent_count, lab_operation *out);
int rate_is_repeated(const lab_operation *operation);
/* What the values of above say; how many characters that were. */
int rate_describe(const lab_operation *operation, int32_t count, char *text, size_t size);

#endif
