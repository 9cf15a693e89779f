/* The rules of rate limits (docs/rate.md, "The arithmetic"): limits made exact, what a bucket says,
 * which limit decided. Pure: no store, no clock, no memory. What takes is not here but in rate.sql,
 * where it decides under the row's lock; rate_row_rules.c says the same in C, for what is counted
 * in the process. */
#ifndef RATE_RULES_H
#define RATE_RULES_H

#include "base/calendar.h"
#include "base/zone.h"
#include <farmcore/rate.h>

enum {
    RATE_AMOUNT_MAX = 2147483647,
    RATE_TICK_COUNT = 3,
    RATE_NODE_MAX = 10000,
    RATE_PERCENT_MAX = 100,
    RATE_FORCE_FACTOR = 2 /* a forced bucket is at most so many times its capacity from full */
};

#define RATE_PERIOD_MAX_US (INT64_C(366) * 86400 * 1000000)
#define RATE_WINDOW_MIN_US INT64_C(1000)
#define RATE_DENIED_MAX_US (INT64_C(60) * 1000000)
/* 2200-01-01, as CLOCK_MAX_US of base/clock.h, which rules do not see: what a session's time is
 * cut to. */
#define RATE_CLOCK_MAX_US INT64_C(7258118400000000)
/* Clocks of several nodes may differ by this much without minting tokens. */
#define RATE_SLACK_US (INT64_C(5) * 1000000)
/* A refund is honoured for as long as a bucket takes to fill, a year at most, and this longer. Its
 * row is kept for the same again, so that no clock that is a little ahead forgets it too soon. */
#define RATE_REFUND_MARGIN_US (INT64_C(3600) * 1000000)
#define RATE_HOUR_US (INT64_C(3600) * 1000000)

/* The units that a limit counts in. A bucket's time goes on by `speed` units with each tick of the
 * clock; a window's stands still and goes on by a stride when the next one begins. Either way a
 * bucket is full when its tat is not after now. */
typedef struct rate_units {
    int32_t algorithm;
    int32_t calendar;
    zone zone;
    int64_t tick_ns; /* 1, 1,000 or 1,000,000 */
    int64_t speed;   /* BUCKET */
    int64_t token;   /* 1 but for a BUCKET */
    int64_t burst;
    int64_t capacity; /* units of a full bucket */
    int64_t slack;
    int64_t stride;    /* WINDOW and SLIDING, else 0 */
    int64_t span;      /* SLIDING: ticks of a window, else 1 */
    int64_t period_us; /* of a WINDOW without calendar; CONCURRENCY: how long a hold lasts */
    int64_t refill_us; /* what an empty bucket needs to be full */
    int64_t opening;   /* units that the bucket of a new subject lacks */
} rate_units;

/* A moment as a limit sees it. */
typedef struct rate_moment {
    int64_t now;        /* units */
    int64_t now_us;     /* bounded */
    int64_t share;      /* SLIDING: ticks that are left of the window, else 0 */
    int64_t reach;      /* units of the window: what lies beyond now by so much is of another */
    int64_t end_us;     /* WINDOW and SLIDING: when the window ends */
    int64_t expires_us; /* from when on what is taken now is as good as never taken */
} rate_moment;

/* A bucket as it is kept: tat is its theoretical arrival time, when it is full again; previous what
 * was used of the window before tat's; debt how far beyond its capacity it was forced. */
typedef struct rate_row {
    int64_t tat;
    int64_t previous;
    int64_t debt;
} rate_row;

/* What is asked of one bucket. */
typedef struct rate_ask {
    rate_moment moment;
    int64_t cost;      /* tokens */
    int64_t increment; /* units of that cost; the whole capacity for what is more */
} rate_ask;

/* What is known of it afterwards. */
typedef struct rate_facts {
    rate_row row;
    int32_t has_row;     /* 0: nobody ever took */
    int32_t is_taken;    /* the row, or the holds, are what they became by this very ask */
    int64_t held;        /* CONCURRENCY: by all holds */
    int64_t earliest_us; /* CONCURRENCY: when the first of them ends */
} rate_facts;

/* rate_rules.c */
/* What is wrong with a limit's fields, as the end of a sentence; NULL: nothing. Fills defaults in.
 * Whether it can be counted exactly is for rate_units_choose(). */
const char *rate_limit_complaint(farm_rate_limit *limit);
/* One part of a limit that so many share: its burst and its rate, at least one token. */
void rate_limit_divide(farm_rate_limit *limit, int32_t part_count);
/* What is wrong with a limit's name, as the end of a sentence; NULL: nothing. */
const char *rate_name_complaint(const char *name);
/* The decision over all states but its token. struct_size is left alone. */
void rate_conclude(const farm_rate_state *states, size_t count, farm_rate_decision *out);
/* The wait with up to percent more of it. random: 0 to 2^32 - 1. */
int64_t rate_jitter(int64_t wait_us, int32_t percent, uint32_t random);
/* Whether an id may be of a decision: a UUIDv7. */
int32_t rate_token_is_sound(const farm_id *token);
/* Of a refund of that decision: the moment that its units count from, and until when it is
 * honoured. Of a window that is the one in which the decision was made. */
void rate_refund_moment(const rate_units *units, const farm_id *token, int64_t now_ns,
                        rate_moment *out);
int64_t rate_refund_until_us(const rate_units *units, const farm_id *token);

/* rate_units_rules.c */
/* 1 and the units when the limit can be counted exactly until 2200 with such ticks. The fields are
 * sound, and the place is that of limit->zone. */
int32_t rate_units_make(const farm_rate_limit *limit, const zone *place, int64_t tick_ns,
                        rate_units *out);
/* The same with the finest ticks that do. */
int32_t rate_units_choose(const farm_rate_limit *limit, const zone *place, rate_units *out);
/* Whether a bucket counted in the one means the same in the other. */
int32_t rate_units_equal(const rate_units *left, const rate_units *right);
void rate_moment_at(const rate_units *units, int64_t now_ns, rate_moment *out);
int32_t rate_is_never(const rate_units *units, int64_t cost);
void rate_ask_at(const rate_units *units, int64_t now_ns, int64_t cost, rate_ask *out);
/* The hour from which on a bucket taken from now is surely full. */
int64_t rate_expires_hour(const rate_moment *moment);
/* The same of one that is forced, and so in debt by a whole capacity. */
int64_t rate_force_expires_hour(const rate_units *units, const rate_moment *moment);
/* Units of a cost that is forced or given back: up to what can be used of a bucket by force. */
int64_t rate_force_increment(const rate_units *units, int64_t cost);

/* rate_state_rules.c */
/* The state that the facts make. struct_size, is_shadow, rule and source are left alone. */
void rate_decide(const rate_units *units, const rate_ask *ask, const rate_facts *facts,
                 farm_rate_state *out);
/* What a new bucket lacks so that of the old one as much is left as `change` says. */
int64_t rate_carry(const rate_units *old, const rate_row *row, int64_t now_ns, int32_t change,
                   const rate_units *units);

/* rate_row_rules.c: what the statements of rate.sql do to a row. row NULL: there is none. Each
 * returns 1 and the new row, or 0 when nothing changes. */
int32_t rate_row_take(const rate_units *units, const rate_ask *ask, const rate_row *row,
                      rate_row *out);
int32_t rate_row_force(const rate_units *units, const rate_ask *ask, const rate_row *row,
                       rate_row *out);
int32_t rate_row_refund(const rate_ask *ask, const rate_row *row, rate_row *out);
/* What the row says was used of the bucket, and that a clock was set back so far that it means
 * nothing any more. */
int32_t rate_row_is_stray(const rate_units *units, const rate_moment *moment, const rate_row *row);
int64_t rate_row_used(const rate_moment *moment, const rate_row *row);
/* SLIDING: what was used of the window before this one. */
int64_t rate_row_carry(const rate_units *units, const rate_moment *moment, const rate_row *row);

#endif
