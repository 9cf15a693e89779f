/* Rate limits: the public functions. What they do is in rate_take.c, rate_give_back.c and
 * rate_define.c; over HTTP it is said by rate_headers.c. */
#include "rate/rate_define.h"
#include "rate/rate_load.h"
#include "rate/rate_operation.h"
#include "rate/rate_process.h"

static farm_status enter_home(farm_session *session, farm_session **out) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    return store_leave(session, rate_home(session, out));
}

static farm_status operate(farm_session *session, uint32_t flags, store_function function,
                           rate_operation *operation) {
    farm_session *home = NULL;
    farm_status status = enter_home(session, &home);
    if (status != FARM_OK) return status;
    status = rate_definitions_enter(home, &operation->definitions);
    if (status == FARM_OK) {
        status = store_operate(home, flags, function, operation);
        if (!(flags & STORE_READS)) rate_process_forget_denials(home);
        if (function == rate_reset_operate && (status == FARM_OK || status == FARM_EUNCERTAIN))
            rate_process_forget_leases(home, &operation->lines);
        rate_definitions_leave(home, operation->definitions);
    }
    return store_take_error(session, home, status);
}

static farm_status take(farm_session *home, rate_operation *operation) {
    farm_status status = FARM_OK;
    if (rate_process_take_alone(home, operation, &status)) return status;
    status = rate_definitions_enter(home, &operation->definitions);
    if (status != FARM_OK) return rate_process_take_stale(home, operation, status);
    status = operation->definitions->uses_process
                 ? rate_process_take(home, operation)
                 : store_operate(home, STORE_SERVICE, rate_take_operate, operation);
    rate_definitions_leave(home, operation->definitions);
    return status;
}

/* What is not set here is written before it is read: all of it is large. */
static void set_question(rate_operation *operation, const farm_rate_request *items, size_t count,
                         farm_rate_state *results, farm_rate_decision *out) {
    operation->items = items;
    operation->count = count;
    operation->results = results;
    operation->out = out;
    operation->lease_count = 0;
}

farm_status farm_rate_take(farm_session *session, const farm_rate_request *items, size_t count,
                           farm_rate_state *results, farm_rate_decision *out) {
    rate_operation operation;
    farm_session *home = NULL;
    farm_status status = enter_home(session, &home);
    if (status != FARM_OK) return status;
    set_question(&operation, items, count, results, out);
    return store_take_error(session, home, take(home, &operation));
}

farm_status farm_rate_peek(farm_session *session, const farm_rate_request *items, size_t count,
                           farm_rate_state *results, farm_rate_decision *out) {
    rate_operation operation;
    set_question(&operation, items, count, results, out);
    return operate(session, STORE_SERVICE | STORE_READS, rate_peek_operate, &operation);
}

/* Those that say neither a state nor a decision. */
static farm_status operate_on(farm_session *session, const farm_id *token,
                              const farm_rate_request *items, size_t count,
                              store_function function) {
    rate_operation operation;
    operation.token = token;
    operation.items = items;
    operation.count = count;
    return operate(session, STORE_SERVICE | STORE_REPEATABLE, function, &operation);
}

farm_status farm_rate_refund(farm_session *session, const farm_id *id,
                             const farm_rate_request *items, size_t count) {
    return operate_on(session, id, items, count, rate_refund_operate);
}

farm_status farm_rate_release(farm_session *session, const farm_id *id,
                              const farm_rate_request *items, size_t count) {
    return operate_on(session, id, items, count, rate_release_operate);
}

farm_status farm_rate_renew(farm_session *session, const farm_id *id,
                            const farm_rate_request *items, size_t count) {
    return operate_on(session, id, items, count, rate_renew_operate);
}

farm_status farm_rate_reset(farm_session *session, const farm_rate_request *items, size_t count) {
    return operate_on(session, NULL, items, count, rate_reset_operate);
}

/* What leases have left. */
farm_status farm_rate_settle(farm_session *session) {
    farm_session *home = NULL;
    farm_status status = enter_home(session, &home);
    if (status != FARM_OK) return status;
    return store_take_error(session, home, rate_process_settle(home));
}

/* --- definitions ------------------------------------------------------------------------------ */

/* What is cached is no longer true, whatever comes of it. needs_limits: it looks at the limits. */
static farm_status change(farm_session *session, store_function function, int32_t needs_limits,
                          rate_define_operation *operation) {
    farm_session *home = NULL;
    rate_definitions *definitions = NULL;
    farm_status status = enter_home(session, &home);
    if (status != FARM_OK) return status;
    if (needs_limits) {
        /* Those of another store object may be new. */
        rate_definitions_forget(home);
        status = rate_definitions_enter(home, &definitions);
    }
    operation->given.definitions = definitions;
    if (status == FARM_OK)
        status = store_operate(home, STORE_SERVICE | STORE_REPEATABLE, function, operation);
    if (definitions != NULL) rate_definitions_leave(home, definitions);
    rate_definitions_forget(home);
    rate_process_forget_denials(home);
    return store_take_error(session, home, status);
}

farm_status farm_rate_define(farm_session *session, const farm_rate_limit *items, size_t count) {
    rate_define_operation operation = {.given = {.items = items, .count = count}};
    return change(session, rate_define_operate, 0, &operation);
}

farm_status farm_rate_remove(farm_session *session, const char *key) {
    rate_define_operation operation = {.name = key};
    return change(session, rate_remove_operate, 0, &operation);
}

farm_status farm_rate_set_shadow(farm_session *session, int32_t is_shadow) {
    rate_define_operation operation = {.is_shadow = is_shadow};
    return change(session, rate_shadow_operate, 0, &operation);
}

farm_status farm_rate_override_put(farm_session *session, const farm_rate_override *items,
                                   size_t count) {
    rate_define_operation operation = {.given = {.items = items, .count = count}};
    return change(session, rate_override_put_operate, 1, &operation);
}

farm_status farm_rate_override_remove(farm_session *session, const farm_rate_override *items,
                                      size_t count) {
    rate_define_operation operation = {.given = {.items = items, .count = count}};
    return change(session, rate_override_remove_operate, 1, &operation);
}
