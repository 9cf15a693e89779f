/* Changing definitions. Each change tells the caches by the version of its space, in the same
 * batch. Rows are locked in the order of their names by everybody. */
#include "rate/rate_define.h"
#include "base/clock.h"
#include "base/zone_file.h"
#include "rate_sql.h"
#include <stdlib.h>
#include <string.h>

/* A limit, checked, with what is derived from it. */
typedef struct sound_limit {
    farm_rate_limit limit;
    rate_units units;
    char zone[ZONE_TEXT_SIZE];
} sound_limit;

static void add_touch(store_batch *batch, farm_session *session, uint8_t *secret) {
    store_random(session, secret, HASH_SECRET_SIZE);
    rate_space_touch(batch, &(rate_space_touch_params){value_text_of(store_space(session)),
                                                       value_blob_of(secret, HASH_SECRET_SIZE)});
}

/* --- limits ----------------------------------------------------------------------------------- */

static farm_status check_zone(farm_session *session, sound_limit *out, zone *place) {
    const char *complaint = zone_find(out->limit.zone, out->zone);
    if (complaint == NULL) complaint = zone_parse(out->zone, place);
    if (complaint == NULL) return FARM_OK;
    return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_BAD_ZONE,
                      "the time zone of the limit %s %s", out->limit.name, complaint);
}

static farm_status read_limit(farm_session *session, const void *source, size_t index,
                              sound_limit *out) {
    farm_rate_limit *limit = &out->limit;
    zone place;
    farm_status status = store_check_options(session, "items", limit, sizeof *limit, source);
    if (status != FARM_OK) return status;
    const char *complaint = rate_name_complaint(limit->name);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, 0, "items[%zu].name %s", index, complaint);
    complaint = rate_limit_complaint(limit);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE, "the limit %s %s",
                          limit->name, complaint);
    status = check_zone(session, out, &place);
    if (status != FARM_OK) return status;
    if (rate_units_choose(limit, &place, &out->units)) return FARM_OK;
    return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE,
                      "the limit %s cannot be counted exactly until the year 2200: its burst, its "
                      "period, or what its count does not share with its period is too large",
                      limit->name);
}

static int compare_limits(const void *left, const void *right) {
    const sound_limit *one = left;
    const sound_limit *other = right;
    return strcmp(one->limit.name, other->limit.name);
}

static farm_status read_limits(farm_session *session, const rate_define_operation *operation,
                               sound_limit *out) {
    farm_status status = store_check_array(session, "items", operation->items, operation->count,
                                           FARM_RATE_BATCH_MAX);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = read_limit(session, store_array_at(operation->items, i), i, &out[i]);
    if (status != FARM_OK) return status;
    qsort(out, operation->count, sizeof *out, compare_limits);
    for (size_t i = 1; i < operation->count; i++)
        if (compare_limits(&out[i - 1], &out[i]) == 0)
            return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_TWICE,
                              "the limit %s is named twice", out[i].limit.name);
    return FARM_OK;
}

static rate_limit_define_each define_row(const sound_limit *source) {
    const farm_rate_limit *limit = &source->limit;
    return (rate_limit_define_each){
        .name = value_text_of(limit->name),
        .scope = limit->scope,
        .burst = limit->burst,
        .count = limit->count,
        .period_us = limit->period_us,
        .ipv4_prefix = limit->ipv4_prefix,
        .ipv6_prefix = limit->ipv6_prefix,
        .tick_ns = source->units.tick_ns,
        .algorithm = limit->algorithm,
        .calendar = limit->calendar,
        .zone = value_text_of(source->zone),
        .initial = limit->initial,
        .stride = source->units.stride,
        .on_change = limit->on_change,
        .is_shadow = limit->is_shadow,
        .on_error = limit->on_error,
        .node_count = limit->node_count,
        .jitter_percent = limit->jitter_percent,
        .lease_count = limit->lease_count,
        .denied_us = limit->denied_us,
    };
}

static rate_past_keep_each past_row(const rate_limit_define_each *limit) {
    return (rate_past_keep_each){
        .name = limit->name,
        .scope = limit->scope,
        .burst = limit->burst,
        .count = limit->count,
        .period_us = limit->period_us,
        .ipv4_prefix = limit->ipv4_prefix,
        .ipv6_prefix = limit->ipv6_prefix,
        .tick_ns = limit->tick_ns,
        .algorithm = limit->algorithm,
        .calendar = limit->calendar,
        .zone = limit->zone,
        .initial = limit->initial,
        .stride = limit->stride,
        .on_change = limit->on_change,
    };
}

farm_status rate_define_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    farm_status status = store_check_service(session);
    if (status != FARM_OK) return status;
    arena *memory = store_arena(session);
    const size_t most = FARM_RATE_BATCH_MAX;
    sound_limit *limits = arena_allocate_array(memory, most, sizeof *limits);
    rate_limit_define_each *rows = arena_allocate_array(memory, most, sizeof *rows);
    rate_past_keep_each *pasts = arena_allocate_array(memory, most, sizeof *pasts);
    if (limits == NULL || rows == NULL || pasts == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the limits");
    status = read_limits(session, operation, limits);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->count; i++) {
        rows[i] = define_row(&limits[i]);
        pasts[i] = past_row(&rows[i]);
    }

    uint8_t secret[HASH_SECRET_SIZE];
    farm_id epoch;
    farm_id_new(session, &epoch);
    const value_text space = value_text_of(store_space(session));
    store_batch batch;
    store_batch_init(&batch, session);
    add_touch(&batch, session, secret);
    rate_past_keep(&batch, &(rate_past_keep_params){space, store_now_us(session)}, pasts,
                   operation->count);
    rate_limit_define(&batch, &(rate_limit_define_params){space, value_blob_of_id(&epoch)}, rows,
                      operation->count);
    return store_finish(session, &batch);
}

farm_status rate_remove_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    farm_status status = store_check_service(session);
    if (status != FARM_OK) return status;
    const char *complaint = rate_name_complaint(operation->name);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, 0, "the limit's name %s", complaint);
    uint8_t secret[HASH_SECRET_SIZE];
    store_batch batch;
    store_batch_init(&batch, session);
    add_touch(&batch, session, secret);
    rate_limit_remove(&batch, &(rate_limit_remove_params){value_text_of(store_space(session)),
                                                          value_text_of(operation->name)});
    return store_finish(session, &batch);
}

farm_status rate_shadow_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    farm_status status = store_check_service(session);
    if (status == FARM_OK)
        status = store_check_range(session, "is_shadow", operation->is_shadow, 0, 1);
    if (status != FARM_OK) return status;
    uint8_t secret[HASH_SECRET_SIZE];
    store_batch batch;
    store_batch_init(&batch, session);
    add_touch(&batch, session, secret);
    rate_space_shadow(&batch, &(rate_space_shadow_params){value_text_of(store_space(session)),
                                                          operation->is_shadow});
    return store_finish(session, &batch);
}

/* --- overrides -------------------------------------------------------------------------------- */

/* An override, checked, with its key. */
typedef struct sound_override {
    farm_rate_override override;
    const rate_definition *definition;
    int32_t length;
    uint8_t key[RATE_KEY_SIZE];
} sound_override;

/* Whether the limit can be counted with the subject's own figures. */
static farm_status check_figures(farm_session *session, const sound_override *source,
                                 size_t index) {
    const rate_definition *definition = source->definition;
    const farm_rate_override *override = &source->override;
    rate_units units;
    farm_rate_limit own =
        rate_definition_figures(definition, override->burst, override->count, override->period_us);
    const char *complaint = rate_limit_complaint(&own);
    if (complaint == NULL && !rate_units_choose(&own, &definition->terms.units.zone, &units))
        complaint = "cannot be counted exactly until the year 2200";
    if (complaint == NULL) return FARM_OK;
    return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE, "items[%zu] %s", index,
                      complaint);
}

static farm_status find_definition(farm_session *session, const rate_define_operation *operation,
                                   const char *name, size_t index, const rate_definition **out) {
    const char *complaint = rate_name_complaint(name);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, 0, "items[%zu].limit %s", index, complaint);
    *out = rate_definitions_find(operation->definitions, name);
    if (*out != NULL && strcmp((*out)->owner.limit, name) == 0) return FARM_OK;
    return store_fail(session, FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT,
                      "the space %s has no limit %s", operation->definitions->space, name);
}

static farm_status find_key(farm_session *session, sound_override *out, size_t index) {
    const rate_owner *owner = &out->definition->owner;
    rate_subject subject;
    const char *complaint = NULL;
    if (owner->scope == FARM_RATE_SCOPE_GLOBAL)
        complaint = "is of a global limit, whose only subject is the limit";
    else
        complaint = rate_network_read(owner, out->override.subject, &subject, &out->length);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT,
                          "items[%zu].subject %s", index, complaint);
    rate_override_hash(owner, &subject, subject.size, out->length, out->key);
    return FARM_OK;
}

/* is_put: 0 when only the limit and the subject are looked at. */
static farm_status read_override(farm_session *session, const rate_define_operation *operation,
                                 size_t index, int32_t is_put, sound_override *out) {
    farm_rate_override *override = &out->override;
    farm_status status = store_check_options(session, "items", override, sizeof *override,
                                             store_array_at(operation->items, index));
    if (status == FARM_OK)
        status = find_definition(session, operation, override->limit, index, &out->definition);
    if (status == FARM_OK) status = find_key(session, out, index);
    if (status != FARM_OK || !is_put) return status;
    status = store_check_range(session, "rule", override->rule, FARM_RATE_RULE_OVERRIDE,
                               FARM_RATE_RULE_BAN);
    if (status == FARM_OK)
        status = store_check_range(session, "expires_us", override->expires_us, 0, CLOCK_MAX_US);
    if (status != FARM_OK) return status;
    if (override->rule == FARM_RATE_RULE_OVERRIDE) {
        if (override->burst == 0) override->burst = override->count;
        return check_figures(session, out, index);
    }
    if ((override->burst | override->count | override->period_us) == 0) return FARM_OK;
    return store_fail(session, FARM_EINVAL, 0,
                      "items[%zu] has figures, which bans and exemptions do not", index);
}

static int compare_overrides(const void *left, const void *right) {
    const sound_override *one = left;
    const sound_override *other = right;
    const int order = strcmp(one->override.limit, other->override.limit);
    return order != 0 ? order : memcmp(one->key, other->key, RATE_KEY_SIZE);
}

static farm_status read_overrides(farm_session *session, const rate_define_operation *operation,
                                  int32_t is_put, sound_override **out) {
    farm_status status = store_check_service(session);
    if (status == FARM_OK)
        status = store_check_array(session, "items", operation->items, operation->count,
                                   FARM_RATE_BATCH_MAX);
    if (status != FARM_OK) return status;
    sound_override *items =
        arena_allocate_array(store_arena(session), operation->count, sizeof *items);
    if (items == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the overrides");
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = read_override(session, operation, i, is_put, &items[i]);
    if (status != FARM_OK) return status;
    qsort(items, operation->count, sizeof *items, compare_overrides);
    for (size_t i = 1; i < operation->count; i++)
        if (compare_overrides(&items[i - 1], &items[i]) == 0)
            return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_TWICE,
                              "one subject of the limit %s is named twice",
                              items[i].override.limit);
    *out = items;
    return FARM_OK;
}

farm_status rate_override_put_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    sound_override *items = NULL;
    rate_override_put_each rows[FARM_RATE_BATCH_MAX];
    uint8_t secret[HASH_SECRET_SIZE];
    farm_id epoch;
    farm_status status = read_overrides(session, operation, 1, &items);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->count; i++) {
        const farm_rate_override *override = &items[i].override;
        rows[i] = (rate_override_put_each){
            .name = value_text_of(override->limit),
            .subject = value_blob_of(items[i].key, RATE_KEY_SIZE),
            .length = items[i].length,
            .rule = override->rule,
            .burst = override->burst,
            .count = override->count,
            .period_us = override->period_us,
            .expires_us = override->expires_us,
        };
    }
    farm_id_new(session, &epoch);
    store_batch batch;
    store_batch_init(&batch, session);
    add_touch(&batch, session, secret);
    rate_override_put(
        &batch,
        &(rate_override_put_params){value_text_of(store_space(session)), value_blob_of_id(&epoch)},
        rows, operation->count);
    return store_finish(session, &batch);
}

farm_status rate_override_remove_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    sound_override *items = NULL;
    rate_override_remove_each rows[FARM_RATE_BATCH_MAX];
    uint8_t secret[HASH_SECRET_SIZE];
    farm_status status = read_overrides(session, operation, 0, &items);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->count; i++)
        rows[i] = (rate_override_remove_each){
            .name = value_text_of(items[i].override.limit),
            .subject = value_blob_of(items[i].key, RATE_KEY_SIZE),
        };
    store_batch batch;
    store_batch_init(&batch, session);
    add_touch(&batch, session, secret);
    rate_override_remove(&batch,
                         &(rate_override_remove_params){value_text_of(store_space(session))}, rows,
                         operation->count);
    return store_finish(session, &batch);
}
