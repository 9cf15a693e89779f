/* What a call asks for: its items checked, looked up, and turned into buckets. */
#ifndef RATE_REQUEST_H
#define RATE_REQUEST_H

#include "rate/rate_definitions.h"

/* What is done with a line in a take. */
enum {
    RATE_LINE_IDLE,     /* nothing: the subject is exempt or banned, or its bucket is not asked */
    RATE_LINE_LOOK,     /* it costs nothing */
    RATE_LINE_READ,     /* the same for a limit in shadow mode */
    RATE_LINE_TAKE,     /* from a bucket */
    RATE_LINE_TRY,      /* the same for a limit in shadow mode */
    RATE_LINE_FORCE,    /* from a bucket, whether it fits or not */
    RATE_LINE_COUNT,    /* of holds: it costs nothing */
    RATE_LINE_HOLD,     /* some of so many at once */
    RATE_LINE_TRY_HOLD, /* the same for a limit in shadow mode */
    RATE_LINE_KIND_COUNT
};

/* One item, and what the store said of its bucket. */
typedef struct rate_line {
    const rate_definition *definition;
    const rate_terms *terms; /* the limit's, or the subject's own */
    size_t place;            /* of the item */
    int32_t kind;            /* RATE_LINE_… */
    int32_t rule;            /* FARM_RATE_RULE_… */
    int32_t is_shadow;
    int32_t source;      /* FARM_RATE_SOURCE_… */
    int64_t ban_ends_us; /* 0: never */
    rate_ask ask;
    rate_facts facts;
    uint8_t bucket[RATE_KEY_SIZE];
    uint8_t past[RATE_KEY_SIZE]; /* the bucket to carry over, when has_past */
    int32_t has_past;
    int64_t opening; /* units that its bucket lacks when it is new */
} rate_line;

/* The lines of a call, in the order of their buckets: everybody locks them in that order. */
typedef struct rate_lines {
    size_t count;
    rate_line items[FARM_RATE_BATCH_MAX];
} rate_lines;

/* What is looked at in an item. */
enum {
    RATE_ITEM_COST = 1,     /* its cost, 0 or more */
    RATE_ITEM_POSITIVE = 2, /* its cost, 1 or more */
    RATE_ITEM_FLAGS = 4     /* its flags; without, they must be 0 */
};

/* Items of a call, and how they are read. */
typedef struct rate_items {
    const rate_definitions *definitions;
    const void *items; /* farm_rate_request of the caller's size */
    size_t count;
    uint32_t looked_at; /* RATE_ITEM_… */
    int32_t is_local;   /* their buckets are in the process, not in the store */
    int64_t now_ns;
} rate_items;

/* Let the line count by these terms: what it asks for, and what is done with it. */
void rate_line_count_by(rate_line *line, const rate_terms *terms, int64_t now_ns, int64_t cost,
                        int32_t is_forced);
/* Whether it is of so many at once. */
int32_t rate_line_is_held(const rate_line *line);
/* Whether its bucket, when it is new, begins with this take, and not with a full one. */
int32_t rate_line_opens(const rate_line *line);
/* What the bucket from before a change of the limit leaves to a new one. */
void rate_line_carry(rate_line *line, const rate_row *past);

farm_status rate_lines_read(farm_error *error, const rate_items *given, rate_lines *out);
/* Whether there is nothing to take, but perhaps to look at. */
int32_t rate_lines_take_nothing(const rate_lines *lines);
/* Whether there is no use in trying: a limit that counts can never let it through. */
int32_t rate_lines_are_hopeless(const rate_lines *lines);
/* Whether any of what the lines ask for was taken. */
int32_t rate_lines_took(const rate_lines *lines);

#endif
