/* Definitions of limits as the sessions of a store share them: reading, finding. What a limit means
 * is in the rules; what changes one is in rate_define.c. */
#include "rate/rate_definitions.h"
#include "base/clock.h"
#include "rate_sql.h"
#include <stdlib.h>
#include <string.h>

/* Figures as they are read, one behind the other in the session's arena. */
typedef struct read_figures {
    struct read_figures *next;
    const char *name;
    farm_rate_limit limit;
    int64_t tick_ns;
    int64_t changed_us; /* of a past */
    uint8_t epoch[RATE_EPOCH_SIZE];
} read_figures;

typedef struct read_override {
    struct read_override *next;
    const char *name;
    rate_override override;
    int64_t burst;
    int64_t count;
    int64_t period_us;
    uint8_t epoch[RATE_EPOCH_SIZE];
} read_override;

typedef struct load_operation {
    int64_t known_version; /* -1: none is at hand */
    rate_definitions *out; /* NULL: the known ones still hold */
    arena *arena;
    read_figures *limits;
    read_figures **limits_end;
    read_figures *pasts;
    read_override *overrides;
    size_t count;
    int32_t has_secret;
    int32_t is_shadow;
    int64_t version;
    farm_status status;
    uint8_t secret[HASH_SECRET_SIZE];
} load_operation;

/* --- reading ---------------------------------------------------------------------------------- */

static int32_t on_space(void *context, size_t ordinal, const rate_space_read_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    operation->version = row->version;
    operation->is_shadow = (int32_t)row->is_shadow;
    if (row->secret.size != HASH_SECRET_SIZE) return 0;
    memcpy(operation->secret, row->secret.data, HASH_SECRET_SIZE);
    operation->has_secret = 1;
    return 0;
}

static const char *keep_text(load_operation *operation, value_text text) {
    const char *kept = arena_copy(operation->arena, text.data, text.size);
    if (kept == NULL) operation->status = FARM_ENOMEM;
    return kept;
}

static void *keep(load_operation *operation, size_t size) {
    void *kept = arena_allocate(operation->arena, size);
    if (kept == NULL) operation->status = FARM_ENOMEM;
    return kept;
}

static void copy_epoch(uint8_t *out, value_blob epoch) {
    if (epoch.size == RATE_EPOCH_SIZE) memcpy(out, epoch.data, RATE_EPOCH_SIZE);
}

static int32_t on_limit(void *context, size_t ordinal, const rate_limit_list_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    read_figures *item = keep(operation, sizeof *item);
    if (item == NULL) return 1;
    item->name = keep_text(operation, row->name);
    item->tick_ns = row->tick_ns;
    item->limit = (farm_rate_limit){
        .scope = (int32_t)row->scope,
        .burst = row->burst,
        .count = row->count,
        .period_us = row->period_us,
        .ipv4_prefix = (int32_t)row->ipv4_prefix,
        .ipv6_prefix = (int32_t)row->ipv6_prefix,
        .algorithm = (int32_t)row->algorithm,
        .calendar = (int32_t)row->calendar,
        .zone = keep_text(operation, row->zone),
        .initial = row->initial == 0 ? row->burst : row->initial,
        .is_shadow = (int32_t)row->is_shadow,
        .on_error = (int32_t)row->on_error,
        .node_count = (int32_t)row->node_count,
        .jitter_percent = (int32_t)row->jitter_percent,
        .lease_count = (int32_t)row->lease_count,
        .denied_us = row->denied_us,
    };
    copy_epoch(item->epoch, row->epoch);
    *operation->limits_end = item;
    operation->limits_end = &item->next;
    operation->count++;
    return operation->status != FARM_OK;
}

static int32_t on_past(void *context, size_t ordinal, const rate_past_list_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    read_figures *item = keep(operation, sizeof *item);
    if (item == NULL) return 1;
    item->name = keep_text(operation, row->name);
    item->tick_ns = row->tick_ns;
    item->changed_us = row->changed_us;
    item->limit = (farm_rate_limit){
        .burst = row->burst,
        .count = row->count,
        .period_us = row->period_us,
        .algorithm = (int32_t)row->algorithm,
        .calendar = (int32_t)row->calendar,
        .zone = keep_text(operation, row->zone),
        .initial = row->initial == 0 ? row->burst : row->initial,
        .on_change = (int32_t)row->change,
    };
    copy_epoch(item->epoch, row->epoch);
    item->next = operation->pasts;
    operation->pasts = item;
    return operation->status != FARM_OK;
}

static int32_t on_override(void *context, size_t ordinal, const rate_override_list_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    read_override *item = keep(operation, sizeof *item);
    if (item == NULL) return 1;
    item->name = keep_text(operation, row->name);
    item->override = (rate_override){
        .rule = (int32_t)row->rule,
        .length = (int32_t)row->length,
        .expires_us = row->expires_us,
    };
    if (row->subject.size == RATE_KEY_SIZE)
        memcpy(item->override.key, row->subject.data, RATE_KEY_SIZE);
    item->burst = row->burst;
    item->count = row->count;
    item->period_us = row->period_us;
    copy_epoch(item->epoch, row->epoch);
    item->next = operation->overrides;
    operation->overrides = item;
    return operation->status != FARM_OK;
}

/* --- building --------------------------------------------------------------------------------- */

static void release(store_snapshot *snapshot) {
    rate_definitions *definitions = (rate_definitions *)snapshot;
    arena_free(&definitions->arena);
    farm_free(definitions);
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
static int32_t make_terms(const read_figures *source, rate_terms *out) {
    zone place;
    memcpy(out->epoch, source->epoch, RATE_EPOCH_SIZE);
    return zone_parse(source->limit.zone, &place) == NULL &&
           rate_units_make(&source->limit, &place, source->tick_ns, &out->units);
}

static const read_figures *find_figures(const read_figures *first, const char *name) {
    while (first != NULL && strcmp(first->name, name) != 0) first = first->next;
    return first;
}

/* What the limit was, when its buckets are to be carried over; holds cannot be. */
static int32_t add_past(const load_operation *operation, rate_definition *item) {
    const read_figures *source = find_figures(operation->pasts, item->owner.limit);
    if (source == NULL || source->limit.on_change < FARM_RATE_CHANGE_KEEP) return 1;
    if (source->limit.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY ||
        item->terms.units.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY)
        return 1;
    rate_terms *past = arena_allocate(&operation->out->arena, sizeof *past);
    if (past == NULL) return 0;
    if (!make_terms(source, past)) return 1;
    item->past = past;
    item->past_change = source->limit.on_change;
    item->past_until_us = source->changed_us + 2 * past->units.refill_us + FARM_RATE_STALENESS_US;
    return 1;
}

static farm_status add_definition(farm_session *session, load_operation *operation,
                                  const read_figures *source) {
    rate_definitions *definitions = operation->out;
    rate_definition *item = &definitions->items[definitions->count++];
    const farm_rate_limit *limit = &source->limit;
    *item = (rate_definition){
        .owner = {.space = definitions->space,
                  .limit = arena_copy(&definitions->arena, source->name, strlen(source->name)),
                  .secret = definitions->secret,
                  .scope = limit->scope,
                  .ipv4_prefix = limit->ipv4_prefix,
                  .ipv6_prefix = limit->ipv6_prefix},
        .figures = *limit,
        .is_shadow = limit->is_shadow || operation->is_shadow,
    };
    item->figures.zone = NULL;
    if (item->owner.limit == NULL || !add_past(operation, item))
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the limits");
    if (make_terms(source, &item->terms)) return FARM_OK;
    return store_fail(session, FARM_ECORRUPT, 0, "the limit %s cannot be counted as it is stored",
                      source->name);
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

/* With figures that the limit, changed since, cannot count, a subject is left to the limit. */
static int32_t set_override_terms(rate_definitions *definitions, const rate_definition *owner,
                                  const read_override *source, rate_override *out) {
    const farm_rate_limit own =
        rate_definition_figures(owner, source->burst, source->count, source->period_us);
    rate_terms *terms = arena_allocate(&definitions->arena, sizeof *terms);
    if (terms == NULL) return 0;
    memcpy(terms->epoch, source->epoch, RATE_EPOCH_SIZE);
    if (!rate_units_choose(&own, &owner->terms.units.zone, &terms->units)) return 1;
    /* Counted alike, the subject goes on with the bucket that it has. */
    if (rate_units_equal(&terms->units, &owner->terms.units))
        memcpy(terms->epoch, owner->terms.epoch, RATE_EPOCH_SIZE);
    out->terms = terms;
    return 1;
}

static void note_length(rate_definition *owner, int32_t length) {
    owner->lengths[length / 64] |= UINT64_C(1) << (length % 64);
}

/* The overrides of one limit, which stand together: *at to the first of the next. */
static farm_status add_overrides(farm_session *session, load_operation *operation,
                                 const read_override **at) {
    rate_definitions *definitions = operation->out;
    const char *name = (*at)->name;
    rate_definition *owner = find_exactly(definitions, name, strlen(name));
    const read_override *end = *at;
    size_t count = 0;
    for (; end != NULL && strcmp(end->name, name) == 0; end = end->next) count++;
    if (owner != NULL)
        owner->overrides =
            arena_allocate_array(&definitions->arena, count, sizeof *owner->overrides);
    int32_t is_fine = owner == NULL || owner->overrides != NULL;
    for (; *at != end && is_fine; *at = (*at)->next) {
        rate_override made = (*at)->override;
        if (owner == NULL) continue;
        if (made.rule == FARM_RATE_RULE_OVERRIDE)
            is_fine = set_override_terms(definitions, owner, *at, &made);
        if (made.rule == FARM_RATE_RULE_OVERRIDE && made.terms == NULL) continue;
        note_length(owner, made.length);
        owner->overrides[owner->override_count++] = made;
    }
    if (!is_fine) return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the limits");
    if (owner != NULL)
        qsort(owner->overrides, owner->override_count, sizeof *owner->overrides, compare_overrides);
    return FARM_OK;
}

static farm_status build(farm_session *session, load_operation *operation) {
    rate_definitions *definitions = farm_allocate(sizeof *definitions);
    if (definitions == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the limits");
    memset(definitions, 0, sizeof *definitions);
    operation->out = definitions;
    definitions->snapshot.release = release;
    definitions->snapshot.references = 1;
    definitions->version = operation->version;
    definitions->is_shadow = operation->is_shadow;
    memcpy(definitions->secret, operation->secret, HASH_SECRET_SIZE);
    const char *space = store_space(session);
    memcpy(definitions->space, space, strlen(space) + 1);

    farm_status status = FARM_OK;
    definitions->items =
        arena_allocate_array(&definitions->arena, operation->count, sizeof *definitions->items);
    if (definitions->items == NULL)
        status = store_fail(session, FARM_ENOMEM, 0, "there is no memory for the limits");
    for (read_figures *item = operation->limits; item != NULL && status == FARM_OK;
         item = item->next)
        status = add_definition(session, operation, item);
    /* Stores differ in how they order text. */
    if (status == FARM_OK && definitions->count > 1)
        qsort(definitions->items, definitions->count, sizeof *definitions->items,
              compare_definitions);
    const read_override *at = operation->overrides;
    while (at != NULL && status == FARM_OK) status = add_overrides(session, operation, &at);
    if (status != FARM_OK) {
        release(&definitions->snapshot);
        operation->out = NULL;
    }
    return status;
}

/* --- the shared snapshot ---------------------------------------------------------------------- */

static void add_space(store_batch *batch, farm_session *session, load_operation *operation) {
    const value_text space = value_text_of(store_space(session));
    rate_space_read(batch, &(rate_space_read_params){space}, on_space, operation);
}

static void add_lists(store_batch *batch, farm_session *session, load_operation *operation) {
    const value_text space = value_text_of(store_space(session));
    rate_limit_list(batch, &(rate_limit_list_params){space}, on_limit, operation);
    rate_past_list(batch, &(rate_past_list_params){space}, on_past, operation);
    rate_override_list(batch, &(rate_override_list_params){space, store_now_us(session)},
                       on_override, operation);
}

/* When they are known, look first whether they have changed: mostly they have not. */
static farm_status load(farm_session *session, void *context) {
    load_operation *operation = context;
    const int64_t known = operation->known_version;
    store_batch batch;
    memset(operation, 0, sizeof *operation);
    operation->known_version = known;
    operation->arena = store_arena(session);
    operation->limits_end = &operation->limits;

    store_batch_init(&batch, session);
    add_space(&batch, session, operation);
    if (known >= 0) {
        farm_status status = store_run(session, &batch);
        if (status != FARM_OK || operation->version == known) return status;
        store_batch_init(&batch, session);
    }
    add_lists(&batch, session, operation);
    farm_status status = store_finish(session, &batch);
    if (status != FARM_OK) return status;
    if (operation->status != FARM_OK)
        return store_fail(session, operation->status, 0, "there is no memory for the limits");
    if (operation->count > 0 && !operation->has_secret)
        return store_fail(session, FARM_ECORRUPT, 0, "the secret of the rate limits is gone");
    return build(session, operation);
}

static farm_status load_new(farm_session *session, rate_definitions *known,
                            rate_definitions **out) {
    load_operation operation = {.known_version = known == NULL ? -1 : known->version};
    const int64_t now_us = clock_monotonic_us(); /* before it is read, not after */
    farm_status status = store_operate(session, STORE_READS | STORE_SERVICE, load, &operation);
    if (status != FARM_OK) return status;
    rate_definitions *found = operation.out;
    *out = found == NULL ? known : found;
    if (store_is_in_transaction(session)) return FARM_OK;
    atomic_store(&(*out)->snapshot.loaded_us, now_us);
    if (found != NULL) store_snapshot_publish(session, STORE_SLOT_RATE, &found->snapshot);
    return FARM_OK;
}

/* The slot belongs to the store, whose sessions may be of several spaces. */
static rate_definitions *enter_known(farm_session *session) {
    rate_definitions *known = (rate_definitions *)store_snapshot_enter(session, STORE_SLOT_RATE);
    if (known == NULL || strcmp(known->space, store_space(session)) == 0) return known;
    store_snapshot_leave(session, &known->snapshot);
    return NULL;
}

static int32_t is_fresh(rate_definitions *definitions) {
    return clock_monotonic_us() - atomic_load(&definitions->snapshot.loaded_us) <
           FARM_RATE_STALENESS_US;
}

farm_status rate_definitions_enter(farm_session *session, rate_definitions **out) {
    rate_definitions *known = enter_known(session);
    *out = known;
    if (known != NULL && is_fresh(known)) return FARM_OK;
    farm_status status = load_new(session, known, out);
    if (known != NULL && (status != FARM_OK || *out != known))
        store_snapshot_leave(session, &known->snapshot);
    return status;
}

rate_definitions *rate_definitions_enter_stale(farm_session *session) {
    return enter_known(session);
}

void rate_definitions_leave(farm_session *session, rate_definitions *definitions) {
    store_snapshot_leave(session, &definitions->snapshot);
}

void rate_definitions_forget(farm_session *session) {
    store_snapshot_publish(session, STORE_SLOT_RATE, NULL);
}

/* --- finding ---------------------------------------------------------------------------------- */

const rate_definition *rate_definitions_find(const rate_definitions *definitions,
                                             const char *name) {
    for (size_t size = strlen(name); size > 0; size--) {
        const int32_t is_end = name[size] == '\0' || name[size] == '/';
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
