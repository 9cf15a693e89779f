/* Changing definitions. Each change tells the caches by the version of its space, in the same
 * batch. Rows are locked in the order of their names by everybody. */
#include "rate/rate_define.h"
#include "rate_sql.h"

/* secret: for the space's first change, until the batch is finished. */
static void begin_change(store_batch *batch, farm_session *session, uint8_t *secret) {
    store_random(session, secret, HASH_SECRET_SIZE);
    store_batch_init(batch, session);
    rate_space_touch(batch, &(rate_space_touch_params){value_text_of(store_space(session)),
                                                       value_blob_of(secret, HASH_SECRET_SIZE)});
}

/* --- limits ----------------------------------------------------------------------------------- */

static rate_limit_define_each define_row(const rate_sound_limit *source) {
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

farm_status rate_define_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    farm_status status = store_check_service(session);
    if (status != FARM_OK) return status;
    arena *memory = store_arena(session);
    const size_t most = FARM_RATE_BATCH_MAX;
    rate_sound_limit *limits = arena_allocate_array(memory, most, sizeof *limits);
    rate_limit_define_each *rows = arena_allocate_array(memory, most, sizeof *rows);
    if (limits == NULL || rows == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the limits");
    status = rate_check_limits(store_error(session), &operation->given, limits);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->given.count; i++) rows[i] = define_row(&limits[i]);

    uint8_t secret[HASH_SECRET_SIZE];
    farm_id epoch;
    farm_id_new(session, &epoch);
    store_batch batch;
    begin_change(&batch, session, secret);
    const rate_limit_define_params params = {value_text_of(store_space(session)),
                                             value_blob_of_id(&epoch), store_now_us(session)};
    rate_limit_define(&batch, &params, rows, operation->given.count);
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
    begin_change(&batch, session, secret);
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
    begin_change(&batch, session, secret);
    rate_space_shadow(&batch, &(rate_space_shadow_params){value_text_of(store_space(session)),
                                                          operation->is_shadow});
    return store_finish(session, &batch);
}

/* --- overrides -------------------------------------------------------------------------------- */

static farm_status read_overrides(farm_session *session, const rate_define_operation *operation,
                                  int32_t is_put, rate_sound_override **out) {
    farm_status status = store_check_service(session);
    if (status != FARM_OK) return status;
    *out = arena_allocate_array(store_arena(session), FARM_RATE_BATCH_MAX, sizeof **out);
    if (*out == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the overrides");
    return rate_check_overrides(store_error(session), &operation->given, is_put, *out);
}

farm_status rate_override_put_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    rate_sound_override *items = NULL;
    rate_override_put_each rows[FARM_RATE_BATCH_MAX];
    uint8_t secret[HASH_SECRET_SIZE];
    farm_id epoch;
    farm_status status = read_overrides(session, operation, 1, &items);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->given.count; i++) {
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
            .algorithm = items[i].definition->figures.algorithm,
        };
    }
    farm_id_new(session, &epoch);
    store_batch batch;
    begin_change(&batch, session, secret);
    rate_override_put(
        &batch,
        &(rate_override_put_params){value_text_of(store_space(session)), value_blob_of_id(&epoch)},
        rows, operation->given.count);
    return store_finish(session, &batch);
}

farm_status rate_override_remove_operate(farm_session *session, void *context) {
    const rate_define_operation *operation = context;
    rate_sound_override *items = NULL;
    rate_override_remove_each rows[FARM_RATE_BATCH_MAX];
    uint8_t secret[HASH_SECRET_SIZE];
    farm_status status = read_overrides(session, operation, 0, &items);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->given.count; i++)
        rows[i] = (rate_override_remove_each){
            .name = value_text_of(items[i].override.limit),
            .subject = value_blob_of(items[i].key, RATE_KEY_SIZE),
        };
    store_batch batch;
    begin_change(&batch, session, secret);
    rate_override_remove(&batch,
                         &(rate_override_remove_params){value_text_of(store_space(session))}, rows,
                         operation->given.count);
    return store_finish(session, &batch);
}
