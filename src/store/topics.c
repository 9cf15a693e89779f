/* farm_signal() and farm_wait(): the arguments, and the statement of a signal. How one waits is in
 * bell.c. */
#include <farmcore/topic.h>
#include "base/text.h"
#include "store/bell.h"
#include "store/pool.h"
#include "store/session.h"
#include "store_sql.h"
#include <string.h>

static const int64_t day_us = INT64_C(86400000000);

/* Values are drawn from 1 to 2^48 - 1, so that the sum of thousands fits. */
static const uint64_t value_max = (UINT64_C(1) << 48) - 1;

/* --- signals ---------------------------------------------------------------------------------- */

typedef struct signal_operation {
    const farm_topic *items;
    size_t count;
} signal_operation;

static farm_status take_items(farm_session *session, const signal_operation *operation,
                              store_topic_signal_each *each) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++) {
        farm_topic item;
        status = store_check_options(session, "items", &item, sizeof item,
                                     store_array_at(operation->items, i));
        if (status == FARM_OK) status = store_check_key(session, "the topic's owner", item.owner);
        if (status == FARM_OK) status = store_check_key(session, "the topic", item.topic);
        if (status == FARM_OK) status = store_check_owner(session, item.owner);
        if (status != FARM_OK) break;
        uint64_t value = 0;
        store_random(session, &value, sizeof value);
        each[i].owner = value_text_of(item.owner);
        each[i].topic = value_text_of(item.topic);
        each[i].value = (int64_t)(1 + value % value_max);
    }
    return status;
}

static farm_status signal_topics(farm_session *session, void *context) {
    const signal_operation *operation = context;
    store_topic_signal_each *each =
        arena_allocate_array(store_arena(session), operation->count, sizeof *each);
    if (each == NULL) return store_fail(session, FARM_ENOMEM, 0, "there is no memory for topics");
    farm_status status = take_items(session, operation, each);
    if (status != FARM_OK) return status;
    const int64_t now_us = store_now_us(session);
    store_batch batch;
    store_batch_init(&batch, session);
    store_topic_signal(&batch, &(store_topic_signal_params){.now = now_us - now_us % day_us}, each,
                       operation->count);
    if (!session->shared->polls_topics) store_topic_notify(&batch, NULL, NULL);
    return store_finish(session, &batch);
}

static farm_status signal_checked(farm_session *session, void *context) {
    const signal_operation *operation = context;
    farm_status status = store_check_array(session, "items", operation->items, operation->count,
                                           FARM_TOPIC_BATCH_MAX);
    return status != FARM_OK ? status : signal_topics(session, context);
}

farm_status farm_signal(farm_session *session, const farm_topic *items, size_t count) {
    signal_operation operation = {items, count};
    return store_operate(session, STORE_REPEATABLE, signal_checked, &operation);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static farm_status check_items(const farm_topic *items, size_t count, farm_error *error) {
    farm_status status =
        store_error_check_array(error, "items", items, count, FARM_TOPIC_BATCH_MAX);
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        farm_topic item;
        status =
            store_error_check_options(error, "items", &item, sizeof item, store_array_at(items, i));
        if (status == FARM_OK && (text_complaint(item.owner, FARM_KEY_MAX) != NULL ||
                                  text_complaint(item.topic, FARM_KEY_MAX) != NULL))
            status = store_error_fail(error, FARM_EINVAL, 0,
                                      "items[%zu]: a topic and its owner are texts of 1 to %d "
                                      "bytes in UTF-8",
                                      i, FARM_KEY_MAX);
    }
    return status;
}

static farm_status open_session(void *context, farm_error *error, farm_session **out) {
    farm_status status = pool_open_session(context, error, out);
    if (status == FARM_OK) (void)farm_session_set_service(*out);
    return status;
}

farm_status farm_wait(farm_pool *pool, const farm_topic *items, size_t count,
                      farm_topic_version *results, int64_t timeout_us, farm_error *error,
                      size_t *out_count) {
    store_error_clear(error);
    if (out_count != NULL) *out_count = 0;
    if (results == NULL || out_count == NULL || timeout_us < -1)
        return store_error_fail(error, FARM_EINVAL, 0,
                                "results or out_count is missing, or timeout_us is below -1");
    farm_status status = check_items(items, count, error);
    bell *waited = NULL;
    if (status == FARM_OK) status = pool_bell(pool, error, &waited);
    if (status != FARM_OK) return status;
    return bell_wait(waited, open_session, pool, items, count, results, timeout_us, error,
                     out_count);
}
