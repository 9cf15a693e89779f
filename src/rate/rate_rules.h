/* The rules of rate limits: GCRA in exact integers (docs/rate.md, "The arithmetic"), what a state
 * says, which limit decided. Pure: no store, no clock, no memory. The step that takes is not here
 * but in rate.sql, where it decides under the row's lock. */
#ifndef RATE_RULES_H
#define RATE_RULES_H

#include <farmcore/rate.h>

enum { RATE_AMOUNT_MAX = 2147483647, RATE_TICK_COUNT = 3 };

#define RATE_PERIOD_MAX_US (INT64_C(366) * 86400 * 1000000)
/* 2200-01-01, as CLOCK_MAX_US of base/clock.h, which rules do not see: what a session's time is
 * cut to. */
#define RATE_CLOCK_MAX_US INT64_C(7258118400000000)
/* Clocks of several nodes may differ by this much without minting tokens. */
#define RATE_SLACK_US (INT64_C(5) * 1000000)
/* A refund is honoured for as long as a bucket takes to fill, a year at most, and this longer. Its
 * row is kept for the same again, so that no clock that is a little ahead forgets it too soon. */
#define RATE_REFUND_MARGIN_US (INT64_C(3600) * 1000000)
#define RATE_HOUR_US (INT64_C(3600) * 1000000)

/* The units that a limit counts in: a tick of the clock is `speed` units, a token is `token`. */
typedef struct rate_units {
    int64_t tick_ns; /* 1, 1,000 or 1,000,000 */
    int64_t speed;
    int64_t token;
    int64_t burst;
    int64_t capacity; /* units of a full bucket */
    int64_t slack;
    int64_t refill_us; /* what an empty bucket needs to be full */
} rate_units;

/* What is known of one bucket. */
typedef struct rate_facts {
    int64_t now;      /* units */
    int64_t cost;     /* tokens */
    int64_t tat;      /* theoretical arrival time, units: when the bucket is full again */
    int32_t has_tat;  /* 0: nobody ever took */
    int32_t is_taken; /* tat is what it became by this very take */
} rate_facts;

/* What is wrong with a limit's fields, as the end of a sentence; NULL: nothing. Fills defaults in.
 * Whether it can be counted exactly is for rate_units_choose(). */
const char *rate_limit_complaint(farm_rate_limit *limit);
/* What is wrong with a limit's name, as the end of a sentence; NULL: nothing. */
const char *rate_name_complaint(const char *name);

/* 1 and the units when the limit can be counted exactly until 2200 with such ticks. */
int32_t rate_units_make(const farm_rate_limit *limit, int64_t tick_ns, rate_units *out);
/* The same with the finest ticks that do. */
int32_t rate_units_choose(const farm_rate_limit *limit, rate_units *out);

/* A time in units. */
int64_t rate_now(const rate_units *units, int64_t now_ns);
int32_t rate_is_never(const rate_units *units, int64_t cost);
/* Units of a cost; the whole capacity for what is more. */
int64_t rate_increment(const rate_units *units, int64_t cost);
/* The hour from which on a bucket taken from now is surely full. */
int64_t rate_expires_hour(const rate_units *units, int64_t now_us);

/* The state that the facts make. struct_size is left alone. */
void rate_decide(const rate_units *units, const rate_facts *facts, farm_rate_state *out);
/* The decision over all states but its token. struct_size is left alone. */
void rate_conclude(const farm_rate_state *states, size_t count, farm_rate_decision *out);

/* Whether an id may be of a decision: a UUIDv7. */
int32_t rate_token_is_sound(const farm_id *token);
/* Until when a refund of that decision is honoured. */
int64_t rate_refund_until_us(const rate_units *units, const farm_id *token);

#endif
