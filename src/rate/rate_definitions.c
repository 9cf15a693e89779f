/* Definitions of limits: the shared snapshot, defining, removing. What a limit means is in
 * rate_rules.c. */
#include "rate/rate_definitions.h"
#include "base/clock.h"
#include "rate_sql.h"
#include <stdlib.h>
#include <string.h>

enum { EPOCH_SIZE = 16 };

/* A limit as it is read, one behind the other in the session's arena. */
typedef struct read_limit {
    struct read_limit *next;
    const char *name;
    farm_rate_limit limit;
    int64_t tick_ns;
    uint8_t epoch[EPOCH_SIZE];
} read_limit;

typedef struct load_operation {
    rate_definitions *out;
    arena *arena;
    read_limit *first;
    read_limit **end;
    size_t count;
    size_t name_bytes;
    int32_t has_secret;
    farm_status status;
    uint8_t secret[HASH_SECRET_SIZE];
} load_operation;

static int32_t on_secret(void *context, size_t ordinal, const rate_secret_read_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    if (row->secret.size != HASH_SECRET_SIZE) return 0;
    memcpy(operation->secret, row->secret.data, HASH_SECRET_SIZE);
    operation->has_secret = 1;
    return 0;
}

static int32_t on_limit(void *context, size_t ordinal, const rate_limit_list_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    read_limit *item = arena_allocate(operation->arena, sizeof *item);
    char *name = arena_copy(operation->arena, row->name.data, row->name.size);
    if (item == NULL || name == NULL) {
        operation->status = FARM_ENOMEM;
        return 1;
    }
    item->name = name;
    item->limit = (farm_rate_limit){
        .scope = (int32_t)row->scope,
        .burst = row->burst,
        .count = row->count,
        .period_us = row->period_us,
        .ipv4_prefix = (int32_t)row->ipv4_prefix,
        .ipv6_prefix = (int32_t)row->ipv6_prefix,
    };
    item->tick_ns = row->tick_ns;
    if (row->epoch.size == EPOCH_SIZE) memcpy(item->epoch, row->epoch.data, EPOCH_SIZE);
    *operation->end = item;
    operation->end = &item->next;
    operation->count++;
    operation->name_bytes += row->name.size + 1;
    return 0;
}

static void release(store_snapshot *snapshot) {
    farm_free(snapshot); /* it begins its rate_definitions, which is one block */
}

static int compare_definitions(const void *left, const void *right) {
    const rate_definition *one = left;
    const rate_definition *other = right;
    return strcmp(one->owner.limit, other->owner.limit);
}

static farm_status add_definition(farm_session *session, rate_definitions *definitions,
                                  const read_limit *source, const char *name) {
    rate_definition *item = &definitions->items[definitions->count++];
    memcpy(item->epoch, source->epoch, EPOCH_SIZE);
    item->owner = (rate_owner){
        .space = definitions->space,
        .limit = name,
        .secret = definitions->secret,
        .scope = source->limit.scope,
        .ipv4_prefix = source->limit.ipv4_prefix,
        .ipv6_prefix = source->limit.ipv6_prefix,
    };
    if (rate_units_make(&source->limit, source->tick_ns, &item->units)) return FARM_OK;
    return store_fail(session, FARM_ECORRUPT, 0, "the limit %s cannot be counted as it is stored",
                      name);
}

/* All in one block: the struct, the limits, their names. */
static farm_status build(farm_session *session, load_operation *operation) {
    const size_t items_size = operation->count * sizeof(rate_definition);
    rate_definitions *definitions =
        farm_allocate(sizeof *definitions + items_size + operation->name_bytes);
    if (definitions == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the limits");
    memset(definitions, 0, sizeof *definitions);
    definitions->snapshot.release = release;
    definitions->snapshot.references = 1;
    definitions->items = (rate_definition *)(definitions + 1);
    memcpy(definitions->secret, operation->secret, HASH_SECRET_SIZE);
    const char *space = store_space(session);
    memcpy(definitions->space, space, strlen(space) + 1);

    char *names = (char *)definitions->items + items_size;
    farm_status status = FARM_OK;
    for (const read_limit *item = operation->first; item != NULL && status == FARM_OK;
         item = item->next) {
        const size_t size = strlen(item->name) + 1;
        memcpy(names, item->name, size);
        status = add_definition(session, definitions, item, names);
        names += size;
    }
    if (status != FARM_OK) {
        farm_free(definitions);
        return status;
    }
    /* Stores differ in how they order text. */
    if (definitions->count > 1)
        qsort(definitions->items, definitions->count, sizeof *definitions->items,
              compare_definitions);
    for (size_t i = 0; i < definitions->count; i++) /* where it stands now that they are sorted */
        definitions->items[i].owner.epoch = definitions->items[i].epoch;
    operation->out = definitions;
    return FARM_OK;
}

static farm_status load(farm_session *session, void *context) {
    load_operation *operation = context;
    store_batch batch;
    const value_text space = value_text_of(store_space(session));
    memset(operation, 0, sizeof *operation);
    operation->arena = store_arena(session);
    operation->end = &operation->first;

    store_batch_init(&batch, session);
    rate_secret_read(&batch, &(rate_secret_read_params){space}, on_secret, operation);
    rate_limit_list(&batch, &(rate_limit_list_params){space}, on_limit, operation);
    farm_status status = store_finish(session, &batch);
    if (status != FARM_OK) return status;
    if (operation->status != FARM_OK)
        return store_fail(session, operation->status, 0, "there is no memory for the limits");
    if (operation->count > 0 && !operation->has_secret)
        return store_fail(session, FARM_ECORRUPT, 0, "the secret of the rate limits is gone");
    return build(session, operation);
}

/* The slot belongs to the store, whose sessions may be of several spaces. */
static int32_t is_fresh(farm_session *session, const rate_definitions *definitions) {
    return clock_monotonic_us() - definitions->snapshot.loaded_us < FARM_RATE_STALENESS_US &&
           strcmp(definitions->space, store_space(session)) == 0;
}

static farm_status load_new(farm_session *session, rate_definitions **out) {
    load_operation operation;
    const int64_t now_us = clock_monotonic_us(); /* before it is read, not after */
    farm_status status = store_operate(session, STORE_READS | STORE_SERVICE, load, &operation);
    if (status != FARM_OK) return status;
    *out = operation.out;
    (*out)->snapshot.loaded_us = now_us;
    if (!store_is_in_transaction(session))
        store_snapshot_publish(session, STORE_SLOT_RATE, &(*out)->snapshot);
    return FARM_OK;
}

farm_status rate_definitions_enter(farm_session *session, rate_definitions **out) {
    store_snapshot *known = store_snapshot_enter(session, STORE_SLOT_RATE);
    if (known != NULL && is_fresh(session, (rate_definitions *)known)) {
        *out = (rate_definitions *)known;
        return FARM_OK;
    }
    store_snapshot_leave(session, known);
    return load_new(session, out);
}

void rate_definitions_leave(farm_session *session, rate_definitions *definitions) {
    store_snapshot_leave(session, &definitions->snapshot);
}

void rate_definitions_forget(farm_session *session) {
    store_snapshot_publish(session, STORE_SLOT_RATE, NULL);
}

static int compare_name(const void *name, const void *item) {
    const rate_definition *definition = item;
    return strcmp(name, definition->owner.limit);
}

const rate_definition *rate_definitions_find(const rate_definitions *definitions,
                                             const char *name) {
    if (definitions->count == 0) return NULL;
    return bsearch(name, definitions->items, definitions->count, sizeof *definitions->items,
                   compare_name);
}

/* Check one limit and turn it into its row. */
static farm_status read_definition(farm_session *session, const void *source, size_t index,
                                   rate_limit_define_each *out) {
    farm_rate_limit limit;
    farm_status status = store_check_options(session, "items", &limit, sizeof limit, source);
    if (status != FARM_OK) return status;
    const char *complaint = rate_name_complaint(limit.name);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, 0, "items[%zu].name %s", index, complaint);
    complaint = rate_limit_complaint(&limit);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE, "the limit %s %s",
                          limit.name, complaint);
    rate_units units;
    if (!rate_units_choose(&limit, &units))
        return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE,
                          "the limit %s cannot be counted exactly until the year 2200: its burst, "
                          "its period, or what its count does not share with its period is too "
                          "large",
                          limit.name);
    *out = (rate_limit_define_each){
        .name = value_text_of(limit.name),
        .scope = limit.scope,
        .burst = limit.burst,
        .count = limit.count,
        .period_us = limit.period_us,
        .ipv4_prefix = limit.ipv4_prefix,
        .ipv6_prefix = limit.ipv6_prefix,
        .tick_ns = units.tick_ns,
    };
    return FARM_OK;
}

static int compare_rows(const void *left, const void *right) {
    const rate_limit_define_each *one = left;
    const rate_limit_define_each *other = right;
    return strcmp(one->name.data, other->name.data);
}

farm_status rate_define_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    rate_limit_define_each rows[FARM_RATE_BATCH_MAX];
    farm_status status = store_check_service(session);
    if (status == FARM_OK)
        status = store_check_array(session, "items", operation->items, operation->count,
                                   FARM_RATE_BATCH_MAX);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = read_definition(session, store_array_at(operation->items, i), i, &rows[i]);
    if (status != FARM_OK) return status;
    /* Rows are locked in one order by everybody. */
    qsort(rows, operation->count, sizeof *rows, compare_rows);
    for (size_t i = 1; i < operation->count; i++)
        if (compare_rows(&rows[i - 1], &rows[i]) == 0)
            return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_TWICE,
                              "the limit %s is named twice", rows[i].name.data);

    uint8_t secret[HASH_SECRET_SIZE];
    farm_id epoch;
    store_random(session, secret, sizeof secret);
    farm_id_new(session, &epoch);
    const value_text space = value_text_of(store_space(session));
    store_batch batch;
    store_batch_init(&batch, session);
    rate_secret_make(&batch,
                     &(rate_secret_make_params){space, value_blob_of(secret, sizeof secret)});
    rate_limit_define(&batch, &(rate_limit_define_params){space, value_blob_of_id(&epoch)}, rows,
                      operation->count);
    return store_finish(session, &batch);
}

farm_status rate_remove_operate(farm_session *session, void *name) {
    farm_status status = store_check_service(session);
    if (status != FARM_OK) return status;
    const char *complaint = rate_name_complaint(name);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, 0, "the limit's name %s", complaint);
    store_batch batch;
    store_batch_init(&batch, session);
    rate_limit_remove(&batch, &(rate_limit_remove_params){value_text_of(store_space(session)),
                                                          value_text_of(name)});
    return store_finish(session, &batch);
}
