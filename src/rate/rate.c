/* Rate limits: the public operations. What they answer is computed in rate_rules.c, and whether a
 * take succeeds is decided by the statements of rate.sql. */
#include "base/options.h"
#include "rate/rate_request.h"
#include "rate_sql.h"
#include <string.h>

/* How often to ask again when the store refused what then looks possible: others were faster. */
enum { RACE_TRIES = 8 };

/* Whatever a call of this module is about. */
typedef struct rate_operation {
    const void *items;
    size_t count;
    void *results;        /* farm_rate_state of the caller's size; take, peek */
    void *out;            /* farm_rate_decision of the caller's size; take, peek */
    const farm_id *token; /* refund */
    rate_definitions *definitions;
    rate_lines lines;
    rate_line *takers[FARM_RATE_BATCH_MAX];  /* those with a cost */
    rate_line *lookers[FARM_RATE_BATCH_MAX]; /* those without */
    size_t taker_count;
    size_t looker_count;
    int32_t is_never;
    farm_rate_state states[FARM_RATE_BATCH_MAX];
    farm_rate_decision decision;
} rate_operation;

/* ---------------------------------------------------------------- what all operations share */

/* The session that holds the limits: this one, or the one of rate_uri=. */
static farm_status enter_home(farm_session *session, farm_session **out) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    status = store_rate_session(session, out);
    if (status == FARM_EREFUSED)
        store_fail(session, status, FARM_RATE_REASON_OWN_TRANSACTION,
                   "the rate limits have a store of their own, which cannot join a transaction");
    return store_leave(session, status);
}

static farm_status operate(farm_session *session, uint32_t flags, store_function function,
                           rate_operation *operation) {
    farm_session *home = NULL;
    farm_status status = enter_home(session, &home);
    if (status != FARM_OK) return status;
    status = rate_definitions_enter(home, &operation->definitions);
    if (status == FARM_OK) {
        status = store_operate(home, flags, function, operation);
        rate_definitions_leave(home, operation->definitions);
    }
    return store_take_error(session, home, status);
}

/* Define or remove: what is cached is no longer true, whatever came of it. */
static farm_status change(farm_session *session, store_function function, void *context) {
    farm_session *home = NULL;
    farm_status status = enter_home(session, &home);
    if (status != FARM_OK) return status;
    status = store_operate(home, STORE_SERVICE | STORE_REPEATABLE, function, context);
    rate_definitions_forget(home);
    return store_take_error(session, home, status);
}

static value_blob bucket_of(const rate_line *line) {
    return value_blob_of(line->bucket, RATE_BUCKET_SIZE);
}

/* ------------------------------------------------------------------- the states of buckets */

static void set_tat(rate_line *line, int32_t has_tat, int64_t tat) {
    line->facts.has_tat = has_tat;
    line->facts.tat = tat;
}

static int32_t on_read(void *context, size_t ordinal, const rate_bucket_read_row *row) {
    rate_operation *operation = context;
    set_tat(&operation->lines.items[ordinal], 1, row->tat);
    return 0;
}

static int32_t on_look(void *context, size_t ordinal, const rate_bucket_look_row *row) {
    rate_operation *operation = context;
    set_tat(operation->lookers[ordinal], !row->tat.is_null, row->tat.integer);
    return 0;
}

static void on_any_take(rate_line *line, int64_t is_taken, value_integer tat) {
    line->facts.is_taken = is_taken != 0;
    set_tat(line, !tat.is_null, tat.integer);
}

static int32_t on_take(void *context, size_t ordinal, const rate_bucket_take_row *row) {
    rate_operation *operation = context;
    on_any_take(operation->takers[ordinal], row->is_taken, row->tat);
    return 0;
}

static int32_t on_take_many(void *context, size_t ordinal, const rate_bucket_take_many_row *row) {
    rate_operation *operation = context;
    on_any_take(operation->takers[ordinal], row->is_taken, row->tat);
    return 0;
}

static void forget_states(rate_operation *operation) {
    for (size_t i = 0; i < operation->lines.count; i++) {
        operation->lines.items[i].facts.is_taken = 0;
        set_tat(&operation->lines.items[i], 0, 0);
    }
}

static farm_status read_states(farm_session *session, rate_operation *operation) {
    rate_bucket_read_each rows[FARM_RATE_BATCH_MAX];
    store_batch batch;
    forget_states(operation);
    for (size_t i = 0; i < operation->lines.count; i++)
        rows[i].bucket = bucket_of(&operation->lines.items[i]);
    store_batch_init(&batch, session);
    rate_bucket_read(&batch, rows, operation->lines.count, on_read, operation);
    return store_finish(session, &batch);
}

/* ---------------------------------------------------------------------------- take and peek */

/* Check, and sort the items into those that take, that look, and that can never be had. */
static farm_status read_items(farm_session *session, rate_operation *operation) {
    if (operation->out == NULL) return store_fail(session, FARM_EINVAL, 0, "out is missing");
    farm_status status = store_check_array(session, "results", operation->results, operation->count,
                                           FARM_RATE_BATCH_MAX);
    if (status == FARM_OK)
        status = rate_lines_read(session, operation->definitions, operation->items,
                                 operation->count, 0, &operation->lines);
    if (status != FARM_OK) return status;
    operation->taker_count = 0;
    operation->looker_count = 0;
    operation->is_never = 0;
    for (size_t i = 0; i < operation->lines.count; i++) {
        rate_line *line = &operation->lines.items[i];
        if (line->facts.cost > 0)
            operation->takers[operation->taker_count++] = line;
        else
            operation->lookers[operation->looker_count++] = line;
        operation->is_never |= rate_is_never(&line->definition->units, line->facts.cost);
    }
    return FARM_OK;
}

static void decide(rate_operation *operation) {
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        rate_decide(&line->definition->units, &line->facts, &operation->states[line->place]);
    }
    rate_conclude(operation->states, operation->count, &operation->decision);
}

static farm_status answer(farm_session *session, rate_operation *operation) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = options_answer(store_array_at(operation->results, i), &operation->states[i],
                                sizeof operation->states[i]);
    if (status == FARM_OK)
        status = options_answer(operation->out, &operation->decision, sizeof operation->decision);
    if (status == FARM_OK) return FARM_OK;
    return store_fail(session, status, 0, "out has no sound struct_size");
}

static void add_look(store_batch *batch, rate_operation *operation) {
    rate_bucket_look_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < operation->looker_count; i++) {
        const rate_line *line = operation->lookers[i];
        const rate_units *units = &line->definition->units;
        rows[i] = (rate_bucket_look_each){
            .bucket = bucket_of(line),
            .now = line->facts.now,
            .capacity = units->capacity,
            .slack = units->slack,
        };
    }
    if (operation->looker_count > 0)
        rate_bucket_look(batch, rows, operation->looker_count, on_look, operation);
}

static rate_bucket_take_params take_row(const rate_line *line, int64_t now_us) {
    const rate_units *units = &line->definition->units;
    return (rate_bucket_take_params){
        .bucket = bucket_of(line),
        .now = line->facts.now,
        .increment = rate_increment(units, line->facts.cost),
        .capacity = units->capacity,
        .slack = units->slack,
        .expires_hour = rate_expires_hour(units, now_us),
    };
}

static void add_take(store_batch *batch, rate_operation *operation, int64_t now_us) {
    if (operation->taker_count == 1) {
        rate_bucket_take_params row = take_row(operation->takers[0], now_us);
        rate_bucket_take(batch, &row, on_take, operation);
        return;
    }
    rate_bucket_take_many_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < operation->taker_count; i++) {
        const rate_bucket_take_params row = take_row(operation->takers[i], now_us);
        rows[i] = (rate_bucket_take_many_each){
            .bucket = row.bucket,
            .now = row.now,
            .increment = row.increment,
            .capacity = row.capacity,
            .slack = row.slack,
            .expires_hour = row.expires_hour,
        };
    }
    rate_bucket_take_many(batch, rows, operation->taker_count, on_take_many, operation);
}

/* Try to take once. FARM_OK: the states and the decision are there. A store either answers for
 * every bucket, or refuses the batch and has then to be asked for the states. */
static farm_status take_once(farm_session *session, rate_operation *operation) {
    store_batch batch;
    forget_states(operation);
    store_batch_init(&batch, session);
    add_look(&batch, operation);
    add_take(&batch, operation, store_now_us(session));
    farm_status status = store_finish(session, &batch);
    if (status != FARM_OK && store_fault_kind(session) == FARM_FAULT_GUARD) {
        status = store_undo(session);
        if (status == FARM_OK) status = read_states(session, operation);
    }
    if (status == FARM_OK) decide(operation);
    return status;
}

static int32_t is_all_taken(const rate_operation *operation) {
    for (size_t i = 0; i < operation->taker_count; i++)
        if (!operation->takers[i]->facts.is_taken) return 0;
    return 1;
}

static farm_status look(farm_session *session, rate_operation *operation) {
    farm_status status = read_states(session, operation);
    if (status != FARM_OK) return status;
    decide(operation);
    return answer(session, operation);
}

static farm_status peek(farm_session *session, void *context) {
    rate_operation *operation = context;
    farm_status status = read_items(session, operation);
    return status == FARM_OK ? look(session, operation) : status;
}

static farm_status take(farm_session *session, void *context) {
    rate_operation *operation = context;
    farm_status status = read_items(session, operation);
    if (status != FARM_OK) return status;
    if (operation->is_never || operation->taker_count == 0) return look(session, operation);
    for (int32_t i = 0; i < RACE_TRIES; i++) {
        status = take_once(session, operation);
        if (status != FARM_OK) return status;
        const int32_t is_taken = is_all_taken(operation);
        if (is_taken) farm_id_new(session, &operation->decision.token);
        /* Not taken, and yet there seems to be room: a race was lost, so ask again. */
        if (is_taken || !operation->decision.allowed) return answer(session, operation);
    }
    return store_fail(session, FARM_EAGAIN, 0, "others keep taking from the same buckets");
}

farm_status farm_rate_take(farm_session *session, const farm_rate_request *items, size_t count,
                           farm_rate_state *results, farm_rate_decision *out) {
    rate_operation operation;
    operation.items = items;
    operation.count = count;
    operation.results = results;
    operation.out = out;
    return operate(session, STORE_SERVICE, take, &operation);
}

farm_status farm_rate_peek(farm_session *session, const farm_rate_request *items, size_t count,
                           farm_rate_state *results, farm_rate_decision *out) {
    rate_operation operation;
    operation.items = items;
    operation.count = count;
    operation.results = results;
    operation.out = out;
    return operate(session, STORE_SERVICE | STORE_READS, peek, &operation);
}

/* ------------------------------------------------------------------------- refund and reset */

static farm_status check_token(farm_session *session, const farm_id *token) {
    if (token != NULL && rate_token_is_sound(token)) return FARM_OK;
    return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_NOT_REFUNDABLE,
                      "the id is not the token of a decision that took something");
}

/* The claim is what makes a repeat harmless: of all calls with one token, and of all runs of one
 * call, the one whose attempt inserted it gives back. */
static farm_status refund(farm_session *session, void *context) {
    rate_operation *operation = context;
    rate_refund_claim_each claims[FARM_RATE_BATCH_MAX];
    rate_bucket_refund_each rows[FARM_RATE_BATCH_MAX];
    uint8_t attempt[16];
    size_t count = 0;
    farm_status status = check_token(session, operation->token);
    if (status == FARM_OK)
        status = rate_lines_read(session, operation->definitions, operation->items,
                                 operation->count, 1, &operation->lines);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const rate_units *units = &line->definition->units;
        const int64_t until_us = rate_refund_until_us(units, operation->token);
        if (store_now_us(session) > until_us) continue;
        claims[count] = (rate_refund_claim_each){.bucket = bucket_of(line),
                                                 .expires_us = until_us + RATE_REFUND_MARGIN_US};
        rows[count++] = (rate_bucket_refund_each){
            .bucket = bucket_of(line),
            .now = line->facts.now,
            .increment = rate_increment(units, line->facts.cost),
        };
    }
    if (count == 0) return FARM_OK;

    store_random(session, attempt, sizeof attempt);
    const value_blob token = value_blob_of_id(operation->token);
    const value_blob own = value_blob_of(attempt, sizeof attempt);
    store_batch batch;
    store_batch_init(&batch, session);
    rate_refund_claim(&batch, &(rate_refund_claim_params){token, own}, claims, count);
    rate_bucket_refund(&batch, &(rate_bucket_refund_params){token, own}, rows, count);
    return store_finish(session, &batch);
}

farm_status farm_rate_refund(farm_session *session, const farm_id *id,
                             const farm_rate_request *items, size_t count) {
    rate_operation operation;
    operation.token = id;
    operation.items = items;
    operation.count = count;
    return operate(session, STORE_SERVICE | STORE_REPEATABLE, refund, &operation);
}

static farm_status reset(farm_session *session, void *context) {
    rate_operation *operation = context;
    rate_bucket_reset_each rows[FARM_RATE_BATCH_MAX];
    farm_status status = store_check_service(session);
    if (status == FARM_OK)
        status = rate_lines_read(session, operation->definitions, operation->items,
                                 operation->count, -1, &operation->lines);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < operation->lines.count; i++)
        rows[i].bucket = bucket_of(&operation->lines.items[i]);
    store_batch batch;
    store_batch_init(&batch, session);
    rate_bucket_reset(&batch, rows, operation->lines.count);
    return store_finish(session, &batch);
}

farm_status farm_rate_reset(farm_session *session, const farm_rate_request *items, size_t count) {
    rate_operation operation;
    operation.items = items;
    operation.count = count;
    return operate(session, STORE_SERVICE | STORE_REPEATABLE, reset, &operation);
}

/* ------------------------------------------------------------------------ define and remove */

farm_status farm_rate_define(farm_session *session, const farm_rate_limit *items, size_t count) {
    rate_define_operation operation = {items, count};
    return change(session, rate_define_operate, &operation);
}

farm_status farm_rate_remove(farm_session *session, const char *key) {
    return change(session, rate_remove_operate, (void *)(uintptr_t)key);
}
