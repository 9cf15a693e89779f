/* The limits of a space, ready to be looked up: immutable, so that all may share them. They come
 * from the store (rate_load.h) or from a host (rate_local.c). */
#ifndef RATE_DEFINITIONS_H
#define RATE_DEFINITIONS_H

#include "base/arena.h"
#include "rate/rate_rules.h"
#include "rate/rate_subject.h"
#include "store/run.h"

enum { RATE_LENGTH_WORDS = 3 };

/* How a bucket counts, and what tells it from the buckets of other times. */
typedef struct rate_terms {
    rate_units units;
    uint8_t epoch[RATE_EPOCH_SIZE];
    uint8_t salt[RATE_SALT_SIZE]; /* of its keys in the process */
} rate_terms;

typedef struct rate_override {
    uint8_t key[RATE_KEY_SIZE]; /* rate_override_hash() */
    int32_t rule;
    int32_t length;
    int64_t expires_us;      /* 0: never */
    const rate_terms *terms; /* OVERRIDE; else NULL */
} rate_override;

/* One limit. Its texts and overrides lie in the snapshot. */
typedef struct rate_definition {
    rate_owner owner;
    farm_rate_limit figures; /* without texts */
    rate_terms terms;
    int32_t is_shadow;      /* it, or all of the space */
    const rate_terms *part; /* ON_ERROR_LOCAL: of one node */
    const rate_terms *past; /* to be carried over until then, how; NULL: nothing */
    int32_t past_change;
    int64_t past_until_us;
    rate_override *overrides; /* in the order of their keys */
    size_t override_count;
    uint64_t lengths[RATE_LENGTH_WORDS]; /* bit n: an override is of a network of n bits */
} rate_definition;

/* Limits in the order of their names. */
typedef struct rate_definitions {
    store_snapshot snapshot;
    arena arena; /* of all that is in it, but itself */
    uint8_t secret[HASH_SECRET_SIZE];
    char space[FARM_KEY_MAX + 1];
    int64_t version;
    int32_t is_shadow;    /* all of them are */
    int32_t uses_process; /* a limit has leases, remembers refusals, or goes on without the store */
    size_t count;
    rate_definition *items;
} rate_definitions;

/* What definitions are made of. Texts and lists are read, never kept. */
typedef struct rate_figures {
    struct rate_figures *next;
    farm_rate_limit limit; /* name and zone, as POSIX writes it, included; on_change of a past */
    int64_t tick_ns;
    int64_t changed_us; /* of a past */
    uint8_t epoch[RATE_EPOCH_SIZE];
} rate_figures;

typedef struct rate_exception {
    struct rate_exception *next; /* those of one limit stand together */
    const char *name;
    rate_override override; /* without terms */
    int64_t burst;
    int64_t count;
    int64_t period_us;
    uint8_t epoch[RATE_EPOCH_SIZE];
} rate_exception;

typedef struct rate_source {
    const char *space;
    const uint8_t *secret; /* HASH_SECRET_SIZE bytes */
    int64_t version;
    int32_t is_shadow;
    const rate_figures *limits;
    const rate_figures *pasts;
    const rate_exception *exceptions;
} rate_source;

/* The figures of that very name; NULL: there are none. */
const rate_figures *rate_figures_find(const rate_figures *first, const char *name);
/* FARM_OK, FARM_ENOMEM, or FARM_ECORRUPT: a limit cannot be counted as it stands there. */
farm_status rate_definitions_make(const rate_source *source, rate_definitions **out);
/* For what nobody shares. */
void rate_definitions_free(rate_definitions *definitions);

/* The limit of that name, or of what stands before one of its "/", the longest; NULL: none. */
const rate_definition *rate_definitions_find(const rate_definitions *definitions, const char *name);
/* The limit with figures of a subject's own. period_us 0: the limit's. */
farm_rate_limit rate_definition_figures(const rate_definition *definition, int64_t burst,
                                        int64_t count, int64_t period_us);
/* What holds for a subject beside the limit itself; NULL: nothing. */
const rate_override *rate_definition_override(const rate_definition *definition,
                                              const rate_subject *subject, int64_t now_us);

#endif
