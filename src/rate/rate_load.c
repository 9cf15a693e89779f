/* Reading definitions from the store, and sharing them among its sessions. */
#include "rate/rate_load.h"
#include "base/clock.h"
#include "base/integer.h"
#include "rate_sql.h"
#include <string.h>

typedef struct load_operation {
    int64_t known_version; /* -1: none is at hand */
    rate_definitions *out; /* NULL: the known ones still hold */
    arena *arena;
    rate_figures *limits;
    rate_figures *pasts;
    rate_exception *exceptions;
    int32_t has_secret;
    int32_t is_shadow;
    int64_t version;
    farm_status status;
    uint8_t secret[HASH_SECRET_SIZE];
} load_operation;

farm_status rate_home(farm_session *session, farm_session **out) {
    farm_status status = store_rate_session(session, out);
    if (status != FARM_EREFUSED) return status;
    return store_fail(session, status, FARM_RATE_REASON_OWN_TRANSACTION,
                      "the rate limits have a store of their own, which cannot join a transaction");
}

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

/* An older release knows no initial tokens: it writes none, and lowers a burst below them. */
static int64_t initial_of(int64_t initial, int64_t burst) {
    return initial == 0 ? burst : integer_min(initial, burst);
}

static int32_t on_limit(void *context, size_t ordinal, const rate_limit_list_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    rate_figures *item = keep(operation, sizeof *item);
    if (item == NULL) return 1;
    item->tick_ns = row->tick_ns;
    item->limit = (farm_rate_limit){
        .name = keep_text(operation, row->name),
        .scope = (int32_t)row->scope,
        .burst = row->burst,
        .count = row->count,
        .period_us = row->period_us,
        .ipv4_prefix = (int32_t)row->ipv4_prefix,
        .ipv6_prefix = (int32_t)row->ipv6_prefix,
        .algorithm = (int32_t)row->algorithm,
        .calendar = (int32_t)row->calendar,
        .zone = keep_text(operation, row->zone),
        .initial = initial_of(row->initial, row->burst),
        .is_shadow = (int32_t)row->is_shadow,
        .on_error = (int32_t)row->on_error,
        .node_count = (int32_t)row->node_count,
        .jitter_percent = (int32_t)row->jitter_percent,
        .lease_count = (int32_t)row->lease_count,
        .denied_us = row->denied_us,
    };
    copy_epoch(item->epoch, row->epoch);
    item->next = operation->limits;
    operation->limits = item;
    return operation->status != FARM_OK;
}

static int32_t on_past(void *context, size_t ordinal, const rate_past_list_row *row) {
    (void)ordinal;
    load_operation *operation = context;
    rate_figures *item = keep(operation, sizeof *item);
    if (item == NULL) return 1;
    item->tick_ns = row->tick_ns;
    item->changed_us = row->changed_us;
    item->limit = (farm_rate_limit){
        .name = keep_text(operation, row->name),
        .burst = row->burst,
        .count = row->count,
        .period_us = row->period_us,
        .algorithm = (int32_t)row->algorithm,
        .calendar = (int32_t)row->calendar,
        .zone = keep_text(operation, row->zone),
        .initial = initial_of(row->initial, row->burst),
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
    rate_exception *item = keep(operation, sizeof *item);
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
    item->next = operation->exceptions;
    operation->exceptions = item;
    return operation->status != FARM_OK;
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

static farm_status make(farm_session *session, load_operation *operation) {
    const rate_source source = {
        .space = store_space(session),
        .secret = operation->secret,
        .version = operation->version,
        .is_shadow = operation->is_shadow,
        .limits = operation->limits,
        .pasts = operation->pasts,
        .exceptions = operation->exceptions,
    };
    farm_status status = rate_definitions_make(&source, &operation->out);
    if (status == FARM_OK) return FARM_OK;
    return store_fail(session, status, 0,
                      status == FARM_ENOMEM ? "there is no memory for the limits"
                                            : "a limit cannot be counted as it is stored");
}

/* When they are known, look first whether they have changed: mostly they have not. */
static farm_status load(farm_session *session, void *context) {
    load_operation *operation = context;
    const int64_t known = operation->known_version;
    store_batch batch;
    memset(operation, 0, sizeof *operation);
    operation->known_version = known;
    operation->arena = store_arena(session);

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
    if (operation->limits != NULL && !operation->has_secret)
        return store_fail(session, FARM_ECORRUPT, 0, "the secret of the rate limits is gone");
    return make(session, operation);
}

static farm_status load_new(farm_session *session, rate_definitions *known,
                            rate_definitions **out) {
    load_operation operation = {.known_version = known == NULL ? -1 : known->version};
    const int64_t now_us = clock_monotonic_us(); /* before it is read, not after */
    const uint64_t generation = store_snapshot_generation(session, STORE_SLOT_RATE);
    farm_status status = store_operate(session, STORE_READS | STORE_SERVICE, load, &operation);
    if (status != FARM_OK) return status;
    rate_definitions *found = operation.out;
    *out = found == NULL ? known : found;
    if (store_is_in_transaction(session)) return FARM_OK;
    atomic_store(&(*out)->snapshot.loaded_us, now_us);
    if (found != NULL)
        store_snapshot_publish(session, STORE_SLOT_RATE, generation, &found->snapshot);
    return FARM_OK;
}

/* The slot belongs to the store, whose sessions may be of several spaces. */
static rate_definitions *enter_known(farm_session *session) {
    rate_definitions *known = (rate_definitions *)store_snapshot_enter(session, STORE_SLOT_RATE);
    if (known == NULL || strcmp(known->space, store_space(session)) == 0) return known;
    store_snapshot_leave(session, &known->snapshot);
    return NULL;
}

int32_t rate_definitions_are_fresh(rate_definitions *definitions) {
    return clock_monotonic_us() - atomic_load(&definitions->snapshot.loaded_us) <
           FARM_RATE_STALENESS_US;
}

farm_status rate_definitions_enter(farm_session *session, rate_definitions **out) {
    rate_definitions *known = enter_known(session);
    *out = known;
    if (known != NULL && rate_definitions_are_fresh(known)) return FARM_OK;
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
    store_snapshot_forget(session, STORE_SLOT_RATE);
}

farm_status rate_definitions_read(farm_session *session, int64_t known_version,
                                  rate_definitions **out) {
    load_operation operation = {.known_version = known_version};
    farm_status status = store_operate(session, STORE_READS | STORE_SERVICE, load, &operation);
    if (status == FARM_OK) *out = operation.out;
    return status;
}
