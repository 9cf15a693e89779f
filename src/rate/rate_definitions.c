/* Definitions of limits, made and looked up. What a limit means is in the rules. */
#include "rate/rate_definitions.h"
#include "base/integer.h"
#include <stdlib.h>
#include <string.h>

/* Twice that, and a moment, are still a moment. */
#define REFILL_MAX_US (INT64_MAX / 4)

/* --- building --------------------------------------------------------------------------------- */

void rate_definitions_free(rate_definitions *definitions) {
    if (definitions == NULL) return;
    arena_free(&definitions->arena);
    farm_free(definitions);
}

static void release(store_snapshot *snapshot) {
    rate_definitions_free((rate_definitions *)snapshot);
}

static int compare_definitions(const void *left, const void *right) {
    const rate_definition *one = left;
    const rate_definition *other = right;
    return strcmp(one->owner.limit, other->owner.limit);
}

static int compare_overrides(const void *left, const void *right) {
    const rate_override *one = left;
    const rate_override *other = right;
    return memcmp(one->key, other->key, RATE_KEY_SIZE);
}

/* 0: what is stored cannot be counted. */
static int32_t make_terms(const rate_figures *source, rate_terms *out) {
    zone place;
    memcpy(out->epoch, source->epoch, RATE_EPOCH_SIZE);
    return zone_parse(source->limit.zone, &place) == NULL &&
           rate_units_make(&source->limit, &place, source->tick_ns, &out->units);
}

const rate_figures *rate_figures_find(const rate_figures *first, const char *name) {
    while (first != NULL && strcmp(first->limit.name, name) != 0) first = first->next;
    return first;
}

static void set_salt(const rate_owner *owner, rate_terms *terms) {
    static const rate_subject nobody;
    uint8_t key[RATE_KEY_SIZE];
    rate_subject_hash(owner, terms->epoch, &nobody, key);
    memcpy(terms->salt, key, sizeof terms->salt);
}

/* What the limit was, when its buckets are to be carried over; holds cannot be. */
static farm_status add_past(arena *memory, const rate_figures *source, rate_definition *item) {
    if (source == NULL || source->limit.on_change < FARM_RATE_CHANGE_KEEP) return FARM_OK;
    if (source->limit.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY ||
        item->figures.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY)
        return FARM_OK;
    rate_terms *past = arena_allocate(memory, sizeof *past);
    if (past == NULL) return FARM_ENOMEM;
    if (!make_terms(source, past)) return FARM_OK;
    set_salt(&item->owner, past);
    item->past = past;
    item->past_change = source->limit.on_change;
    item->past_until_us = source->changed_us +
                          2 * integer_min(past->units.refill_us, REFILL_MAX_US) +
                          FARM_RATE_STALENESS_US;
    return FARM_OK;
}

/* One node's part of the limit, for when it has to count alone. */
static farm_status add_part(arena *memory, rate_definition *item) {
    farm_rate_limit part = item->figures;
    if (part.on_error != FARM_RATE_ON_ERROR_LOCAL) return FARM_OK;
    rate_terms *terms = arena_allocate(memory, sizeof *terms);
    if (terms == NULL) return FARM_ENOMEM;
    *terms = item->terms;
    rate_limit_divide(&part, part.node_count);
    /* At the very edge of what can be counted, a burst that is rounded up may be beyond it. */
    (void)rate_units_choose(&part, &item->terms.units.zone, &terms->units);
    item->part = terms;
    return FARM_OK;
}

static farm_status add_definition(const rate_source *source, const rate_figures *figures,
                                  rate_definitions *definitions) {
    rate_definition *item = &definitions->items[definitions->count++];
    const farm_rate_limit *limit = &figures->limit;
    arena *memory = &definitions->arena;
    *item = (rate_definition){
        .owner = {.space = definitions->space,
                  .limit = arena_copy(memory, limit->name, strlen(limit->name)),
                  .secret = definitions->secret,
                  .scope = limit->scope,
                  .ipv4_prefix = limit->ipv4_prefix,
                  .ipv6_prefix = limit->ipv6_prefix},
        .figures = *limit,
        .is_shadow = limit->is_shadow || source->is_shadow,
    };
    item->figures.name = item->owner.limit;
    definitions->uses_process |=
        limit->lease_count > 0 || limit->denied_us > 0 || limit->on_error != 0;
    item->figures.zone = NULL;
    if (item->owner.limit == NULL) return FARM_ENOMEM;
    if (!make_terms(figures, &item->terms)) return FARM_ECORRUPT;
    set_salt(&item->owner, &item->terms);
    farm_status status = add_past(memory, rate_figures_find(source->pasts, limit->name), item);
    return status == FARM_OK ? add_part(memory, item) : status;
}

static rate_definition *find_exactly(const rate_definitions *definitions, const char *name,
                                     size_t size) {
    size_t first = 0;
    size_t end = definitions->count;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        const char *limit = definitions->items[middle].owner.limit;
        int order = strncmp(name, limit, size);
        if (order == 0 && limit[size] != '\0') order = -1;
        if (order == 0) return &definitions->items[middle];
        if (order < 0)
            end = middle;
        else
            first = middle + 1;
    }
    return NULL;
}

/* The stored epoch changes with the period, and with the count of a bucket. A larger burst can need
 * a coarser clock, and a larger quota a longer stride; a row in the old ones means nothing then. */
static void set_override_epoch(rate_terms *terms, const uint8_t *stored) {
    const uint64_t clock = (uint64_t)terms->units.tick_ns;
    const uint64_t stride = (uint64_t)terms->units.stride;
    for (size_t i = 0; i < RATE_EPOCH_SIZE; i++)
        terms->epoch[i] = (uint8_t)(stored[i] ^ (i < 8 ? clock >> 8 * i : stride >> 8 * (i - 8)));
}

/* With figures that the limit, changed since, cannot count, a subject is left to the limit. */
static int32_t set_override_terms(rate_definitions *definitions, const rate_definition *owner,
                                  const rate_exception *source, rate_override *out) {
    const farm_rate_limit own =
        rate_definition_figures(owner, source->burst, source->count, source->period_us);
    rate_terms *terms = arena_allocate(&definitions->arena, sizeof *terms);
    if (terms == NULL) return 0;
    if (!rate_units_choose(&own, &owner->terms.units.zone, &terms->units)) return 1;
    set_override_epoch(terms, source->epoch);
    /* Counted alike, the subject goes on with the bucket that it has. */
    if (rate_units_equal(&terms->units, &owner->terms.units))
        memcpy(terms->epoch, owner->terms.epoch, RATE_EPOCH_SIZE);
    set_salt(&owner->owner, terms);
    out->terms = terms;
    return 1;
}

static void note_length(rate_definition *owner, int32_t length) {
    owner->lengths[length / 64] |= UINT64_C(1) << (length % 64);
}

/* The overrides of one limit, which stand together: *at to the first of the next. */
static farm_status add_overrides(rate_definitions *definitions, const rate_exception **at) {
    const char *name = (*at)->name;
    rate_definition *owner = find_exactly(definitions, name, strlen(name));
    const rate_exception *end = *at;
    size_t count = 0;
    for (; end != NULL && strcmp(end->name, name) == 0; end = end->next) count++;
    if (owner != NULL)
        owner->overrides =
            arena_allocate_array(&definitions->arena, count, sizeof *owner->overrides);
    for (; *at != end; *at = (*at)->next) {
        if (owner == NULL) continue;
        if (owner->overrides == NULL) return FARM_ENOMEM;
        rate_override made = (*at)->override;
        if (made.rule == FARM_RATE_RULE_OVERRIDE &&
            !set_override_terms(definitions, owner, *at, &made))
            return FARM_ENOMEM;
        if (made.rule == FARM_RATE_RULE_OVERRIDE && made.terms == NULL) continue;
        note_length(owner, made.length);
        owner->overrides[owner->override_count++] = made;
    }
    if (owner != NULL)
        qsort(owner->overrides, owner->override_count, sizeof *owner->overrides, compare_overrides);
    return FARM_OK;
}

static farm_status fill(const rate_source *source, rate_definitions *definitions) {
    size_t count = 0;
    for (const rate_figures *each = source->limits; each != NULL; each = each->next) count++;
    definitions->items =
        arena_allocate_array(&definitions->arena, count, sizeof *definitions->items);
    farm_status status = definitions->items == NULL ? FARM_ENOMEM : FARM_OK;
    for (const rate_figures *each = source->limits; each != NULL && status == FARM_OK;
         each = each->next)
        status = add_definition(source, each, definitions);
    /* Stores differ in how they order text. */
    if (status == FARM_OK && count > 1)
        qsort(definitions->items, count, sizeof *definitions->items, compare_definitions);
    const rate_exception *at = source->exceptions;
    while (at != NULL && status == FARM_OK) status = add_overrides(definitions, &at);
    return status;
}

farm_status rate_definitions_make(const rate_source *source, rate_definitions **out) {
    rate_definitions *definitions = farm_allocate(sizeof *definitions);
    if (definitions == NULL) return FARM_ENOMEM;
    memset(definitions, 0, sizeof *definitions);
    definitions->snapshot.release = release;
    definitions->snapshot.references = 1;
    definitions->version = source->version;
    definitions->is_shadow = source->is_shadow;
    memcpy(definitions->secret, source->secret, HASH_SECRET_SIZE);
    memcpy(definitions->space, source->space, strlen(source->space) + 1);
    farm_status status = fill(source, definitions);
    if (status == FARM_OK)
        *out = definitions;
    else
        rate_definitions_free(definitions);
    return status;
}

/* --- finding ---------------------------------------------------------------------------------- */

const rate_definition *rate_definitions_find(const rate_definitions *definitions,
                                             const char *name) {
    if (name == NULL) return NULL;
    for (size_t size = strnlen(name, FARM_KEY_MAX + 1); size > 0; size--) {
        const int32_t is_end = size <= FARM_KEY_MAX && (name[size] == '\0' || name[size] == '/');
        const rate_definition *found = is_end ? find_exactly(definitions, name, size) : NULL;
        if (found != NULL) return found;
    }
    return NULL;
}

farm_rate_limit rate_definition_figures(const rate_definition *definition, int64_t burst,
                                        int64_t count, int64_t period_us) {
    farm_rate_limit own = definition->figures;
    own.burst = burst;
    own.count = count;
    own.initial = own.algorithm == FARM_RATE_ALGORITHM_BUCKET ? burst : 0;
    own.lease_count = 0;
    if (own.scope != FARM_RATE_SCOPE_ADDRESS) own.ipv4_prefix = own.ipv6_prefix = 0;
    if (period_us != 0) own.period_us = period_us;
    return own;
}

static const rate_override *find_override(const rate_definition *definition,
                                          const rate_subject *subject, size_t size, int32_t length,
                                          int64_t now_us) {
    rate_override wanted;
    rate_override_hash(&definition->owner, subject, size, length, wanted.key);
    const rate_override *found = bsearch(&wanted, definition->overrides, definition->override_count,
                                         sizeof *definition->overrides, compare_overrides);
    return found != NULL && (found->expires_us == 0 || found->expires_us > now_us) ? found : NULL;
}

/* The longest network that the address is in. */
static const rate_override *find_network(const rate_definition *definition,
                                         const rate_subject *subject, int64_t now_us) {
    const rate_override *found = NULL;
    for (int32_t length = (int32_t)subject->size * 8; length >= 0 && found == NULL; length--)
        if (definition->lengths[length / 64] >> (length % 64) & 1)
            found = find_override(definition, subject, subject->size, length, now_us);
    return found;
}

const rate_override *rate_definition_override(const rate_definition *definition,
                                              const rate_subject *subject, int64_t now_us) {
    if (definition->override_count == 0) return NULL;
    if (definition->owner.scope == FARM_RATE_SCOPE_ADDRESS)
        return find_network(definition, subject, now_us);
    const rate_override *found = NULL;
    for (size_t size = subject->size; size > 0 && found == NULL; size--)
        if (size == subject->size || subject->bytes[size] == '/')
            found = find_override(definition, subject, size, 0, now_us);
    return found;
}
