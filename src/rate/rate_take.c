/* Taking and peeking. Whether a take succeeds is decided by the statements of rate.sql; what the
 * caller is told is computed in the rules. */
#include "rate/rate_answer.h"
#include "rate/rate_operation.h"

/* How often to ask again when the store refused what then looks possible: others were faster. */
enum { RACE_TRIES = 8 };

/* Some of a call's lines, in their order. */
typedef struct group {
    size_t count;
    rate_line *lines[FARM_RATE_BATCH_MAX];
} group;

static void choose(rate_lines *lines, int32_t (*is_wanted)(const rate_line *line), group *out) {
    out->count = 0;
    for (size_t i = 0; i < lines->count; i++)
        if (is_wanted(&lines->items[i])) out->lines[out->count++] = &lines->items[i];
}

static int32_t is_asked(const rate_line *line) {
    return line->kind != RATE_LINE_IDLE;
}

static int32_t is_of_bucket(const rate_line *line) {
    return is_asked(line) && !rate_line_is_held(line);
}

static int32_t is_of_holds(const rate_line *line) {
    return is_asked(line) && rate_line_is_held(line);
}

static int32_t has_past(const rate_line *line) {
    return line->has_past;
}

/* --- what the store says of the buckets ------------------------------------------------------- */

/* The context of a call's rows is where its lines stand, one after the other, in a group. */
static rate_line *line_at(void *context, size_t ordinal) {
    rate_line *const *lines = context;
    return lines[ordinal];
}

static int32_t set_row(rate_line *line, int64_t tat, int64_t previous, int64_t debt) {
    line->facts.has_row = 1;
    line->facts.row = (rate_row){.tat = tat, .previous = previous, .debt = debt};
    return 0;
}

static int32_t set_taken(rate_line *line, int64_t tat, int64_t previous, int64_t debt) {
    line->facts.is_taken = 1;
    return set_row(line, tat, previous, debt);
}

static int32_t set_maybe(rate_line *line, int64_t is_taken, value_integer tat, int64_t previous,
                         int64_t debt) {
    line->facts.is_taken = is_taken != 0;
    return tat.is_null ? 0 : set_row(line, tat.integer, previous, debt);
}

static int32_t on_read(void *context, size_t ordinal, const rate_bucket_read_row *row) {
    return set_row(line_at(context, ordinal), row->tat, row->previous, row->debt);
}

static int32_t on_look(void *context, size_t ordinal, const rate_bucket_look_row *row) {
    return set_maybe(line_at(context, ordinal), 0, row->tat, row->previous.integer,
                     row->debt.integer);
}

static int32_t on_take(void *context, size_t ordinal, const rate_bucket_take_row *row) {
    return set_maybe(line_at(context, ordinal), row->is_taken, row->tat, 0, row->debt.integer);
}

static int32_t on_take_many(void *context, size_t ordinal, const rate_bucket_take_many_row *row) {
    return set_maybe(line_at(context, ordinal), row->is_taken, row->tat, row->previous.integer,
                     row->debt.integer);
}

static int32_t on_take_all(void *context, size_t ordinal, const rate_bucket_take_all_row *row) {
    return set_taken(line_at(context, ordinal), row->tat, row->previous, row->debt);
}

static int32_t on_try(void *context, size_t ordinal, const rate_bucket_take_shadow_row *row) {
    return set_taken(line_at(context, ordinal), row->tat, row->previous, row->debt);
}

static int32_t on_force(void *context, size_t ordinal, const rate_bucket_force_row *row) {
    return set_taken(line_at(context, ordinal), row->tat, row->previous, row->debt);
}

static int32_t set_held(rate_line *line, int64_t held, int64_t earliest_us) {
    line->facts.held = held;
    line->facts.earliest_us = earliest_us;
    return 0;
}

static int32_t on_try_hold(void *context, size_t ordinal, const rate_hold_try_row *row) {
    line_at(context, ordinal)->facts.is_taken = row->is_taken != 0;
    return set_held(line_at(context, ordinal), row->held, row->earliest_us);
}

static int32_t on_holds(void *context, size_t ordinal, const rate_hold_read_row *row) {
    return set_held(line_at(context, ordinal), row->held, row->earliest_us);
}

static void add_reads(store_batch *batch, rate_line **lines, size_t count) {
    rate_bucket_read_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) rows[i].bucket = rate_bucket_of(lines[i]);
    if (count > 0) rate_bucket_read(batch, rows, count, on_read, lines);
}

static void add_hold_reads(store_batch *batch, rate_line **lines, size_t count) {
    rate_hold_read_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) rows[i].bucket = rate_bucket_of(lines[i]);
    if (count == 0) return;
    const rate_hold_read_params params = {lines[0]->ask.moment.now_us};
    rate_hold_read(batch, &params, rows, count, on_holds, lines);
}

static void forget_states(rate_operation *operation) {
    for (size_t i = 0; i < operation->lines.count; i++)
        operation->lines.items[i].facts = (rate_facts){0};
}

/* How things stand, with nothing taken. */
static farm_status read_states(farm_session *session, rate_operation *operation) {
    group buckets;
    group holds;
    store_batch batch;
    forget_states(operation);
    choose(&operation->lines, is_of_bucket, &buckets);
    choose(&operation->lines, is_of_holds, &holds);
    store_batch_init(&batch, session);
    add_reads(&batch, buckets.lines, buckets.count);
    add_hold_reads(&batch, holds.lines, holds.count);
    return store_finish(session, &batch);
}

/* --- buckets that do not begin full ----------------------------------------------------------- */

static int32_t on_past(void *context, size_t ordinal, const rate_bucket_read_row *row) {
    rate_line_carry(line_at(context, ordinal), &(rate_row){row->tat, row->previous, row->debt});
    return 0;
}

/* Of a limit that was changed: what the bucket from before leaves to a new one. */
static farm_status read_pasts(farm_session *session, rate_operation *operation) {
    rate_bucket_read_each rows[FARM_RATE_BATCH_MAX];
    group pasts;
    choose(&operation->lines, has_past, &pasts);
    if (pasts.count == 0) return FARM_OK;
    for (size_t i = 0; i < pasts.count; i++)
        rows[i].bucket = value_blob_of(pasts.lines[i]->past, RATE_KEY_SIZE);
    store_batch batch;
    store_batch_init(&batch, session);
    rate_bucket_read(&batch, rows, pasts.count, on_past, pasts.lines);
    return store_run(session, &batch);
}

static void add_opening(store_batch *batch, const rate_line *line) {
    const rate_bucket_open_each row = rate_bucket_row(line, line->opening);
    rate_bucket_open(batch, &row, 1);
}

/* A new subject's time begins with the first call, though it be refused. */
static farm_status open_refused(farm_session *session, rate_operation *operation) {
    store_batch batch;
    store_batch_init(&batch, session);
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        if (rate_line_opens(line) && !line->facts.has_row) add_opening(&batch, line);
    }
    return rate_operation_finish(session, &batch);
}

/* --- taking ----------------------------------------------------------------------------------- */

static void add_look(store_batch *batch, rate_line **at) {
    const rate_units *units = &(*at)->terms->units;
    const rate_moment *moment = &(*at)->ask.moment;
    const rate_bucket_look_each row = {
        .bucket = rate_bucket_of(*at),
        .now = moment->now,
        .capacity = units->capacity,
        .slack = units->slack,
        .share = moment->share,
        .span = units->span,
    };
    rate_bucket_look(batch, &row, 1, on_look, at);
}

static void add_take(store_batch *batch, rate_line **at) {
    const rate_bucket_take_all_each row = rate_bucket_row(*at, (*at)->ask.increment);
    rate_bucket_take_all(batch, &row, 1, on_take_all, at);
}

static void add_try(store_batch *batch, rate_line **at) {
    const rate_bucket_take_shadow_each row = rate_bucket_row(*at, (*at)->ask.increment);
    rate_bucket_take_shadow(batch, &row, 1, on_try, at);
    /* Nobody else changes it in between: the row is locked, also when it was full. */
    add_reads(batch, at, 1);
}

static void add_force(store_batch *batch, rate_line **at) {
    rate_bucket_force_each row = rate_bucket_row(*at, (*at)->ask.increment);
    row.expires_hour = rate_force_expires_hour(&(*at)->terms->units, &(*at)->ask.moment);
    rate_bucket_force(batch, &row, 1, on_force, at);
}

static rate_hold_take_each hold_row(const rate_line *line) {
    return (rate_hold_take_each){
        .bucket = rate_bucket_of(line),
        .cost = line->ask.cost,
        .capacity = line->terms->units.capacity,
        .expires_us = line->ask.moment.expires_us,
    };
}

static rate_hold_take_params hold_params(const rate_line *line, const farm_id *token) {
    return (rate_hold_take_params){value_blob_of_id(token), line->ask.moment.now_us};
}

static void add_hold(store_batch *batch, const farm_id *token, rate_line **at) {
    const rate_hold_take_params params = hold_params(*at, token);
    const rate_hold_take_each row = hold_row(*at);
    rate_hold_take(batch, &params, &row, 1);
    add_hold_reads(batch, at, 1);
}

static void add_try_hold(store_batch *batch, const farm_id *token, rate_line **at) {
    const rate_hold_try_params params = hold_params(*at, token);
    const rate_hold_try_each row = hold_row(*at);
    rate_hold_try(batch, &params, &row, 1, on_try_hold, at);
}

/* What a take does with the line that stands there. */
static void add_line(store_batch *batch, const farm_id *token, rate_line **at) {
    if (rate_line_opens(*at)) add_opening(batch, *at);
    switch ((*at)->kind) {
    case RATE_LINE_LOOK:
        add_look(batch, at);
        break;
    case RATE_LINE_READ:
        add_reads(batch, at, 1);
        break;
    case RATE_LINE_TAKE:
        add_take(batch, at);
        break;
    case RATE_LINE_TRY:
        add_try(batch, at);
        break;
    case RATE_LINE_FORCE:
        add_force(batch, at);
        break;
    case RATE_LINE_COUNT:
        add_hold_reads(batch, at, 1);
        break;
    case RATE_LINE_HOLD:
        add_hold(batch, token, at);
        break;
    case RATE_LINE_TRY_HOLD:
        add_try_hold(batch, token, at);
        break;
    default:
        break;
    }
}

/* Whatever their kinds, in the order of their buckets, in which everybody locks them. What one of
 * them refuses takes back all. */
static void add_lines(store_batch *batch, const farm_id *token, group *lines) {
    for (size_t i = 0; i < lines->count; i++) add_line(batch, token, &lines->lines[i]);
}

/* Whether they are takes and nothing else, of which the store may answer the refused. */
static int32_t are_takes(const group *lines) {
    for (size_t i = 0; i < lines->count; i++)
        if (lines->lines[i]->kind != RATE_LINE_TAKE || rate_line_opens(lines->lines[i])) return 0;
    return 1;
}

static void add_takes(store_batch *batch, group *lines) {
    rate_bucket_take_many_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < lines->count; i++)
        rows[i] = rate_bucket_row(lines->lines[i], lines->lines[i]->ask.increment);
    if (lines->count > 1 || rows[0].share > 0) {
        rate_bucket_take_many(batch, rows, lines->count, on_take_many, lines->lines);
        return;
    }
    const rate_bucket_take_params params = {
        .bucket = rows[0].bucket,
        .now = rows[0].now,
        .increment = rows[0].increment,
        .capacity = rows[0].capacity,
        .slack = rows[0].slack,
        .expires_hour = rows[0].expires_hour,
    };
    rate_bucket_take(batch, &params, on_take, lines->lines);
}

/* --- the operations --------------------------------------------------------------------------- */

farm_status rate_take_read(farm_session *session, rate_operation *operation) {
    farm_status status = rate_answer_check(store_error(session), operation->results,
                                           operation->count, operation->out);
    if (status == FARM_OK)
        status = rate_operation_read(session, operation, RATE_ITEM_COST | RATE_ITEM_FLAGS);
    if (status != FARM_OK || operation->lease_count == 0) return status;
    rate_line *line = &operation->lines.items[0];
    rate_ask_at(&line->terms->units, store_now_ns(session), operation->lease_count, &line->ask);
    return FARM_OK;
}

static farm_status look(farm_session *session, rate_operation *operation) {
    farm_status status = read_pasts(session, operation);
    if (status == FARM_OK) status = read_states(session, operation);
    if (status != FARM_OK) return status;
    rate_operation_decide(session, operation);
    return rate_operation_answer(session, operation);
}

static void note_holds(rate_operation *operation) {
    for (size_t i = 0; i < operation->lines.count; i++)
        if (operation->lines.items[i].kind == RATE_LINE_HOLD)
            operation->lines.items[i].facts.is_taken = 1;
}

/* Try to take once. FARM_OK: the states and the decision are there. A store either answers for
 * every bucket, or refuses the batch and has then to be asked for the states. */
static farm_status take_once(farm_session *session, rate_operation *operation) {
    store_batch batch;
    group asked;
    forget_states(operation);
    choose(&operation->lines, is_asked, &asked);
    store_batch_init(&batch, session);
    if (are_takes(&asked))
        add_takes(&batch, &asked);
    else
        add_lines(&batch, &operation->made, &asked);
    farm_status status = store_finish(session, &batch);
    if (status == FARM_OK) {
        note_holds(operation);
    } else if (store_fault_kind(session) == FARM_FAULT_GUARD) {
        status = store_undo(session);
        if (status == FARM_OK) status = read_states(session, operation);
        if (status == FARM_OK) status = open_refused(session, operation);
    }
    if (status == FARM_OK) rate_operation_decide(session, operation);
    return status;
}

static int32_t is_all_taken(const rate_operation *operation) {
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const int32_t counts = line->kind == RATE_LINE_TAKE || line->kind == RATE_LINE_HOLD;
        if (counts && !line->facts.is_taken) return 0;
    }
    return 1;
}

farm_status rate_peek_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    farm_status status = rate_take_read(session, operation);
    return status == FARM_OK ? look(session, operation) : status;
}

farm_status rate_take_operate(farm_session *session, void *context) {
    rate_operation *operation = context;
    farm_status status = rate_take_read(session, operation);
    if (status != FARM_OK) return status;
    if (rate_lines_are_hopeless(&operation->lines) || rate_lines_take_nothing(&operation->lines))
        return look(session, operation);
    status = read_pasts(session, operation);
    for (int32_t i = 0; i < RACE_TRIES && status == FARM_OK; i++) {
        farm_id_new(session, &operation->made);
        status = take_once(session, operation);
        if (status != FARM_OK) return status;
        const int32_t is_taken = is_all_taken(operation);
        if (is_taken && rate_lines_took(&operation->lines))
            operation->decision.token = operation->made;
        /* Not taken, and yet there seems to be room: a race was lost, so ask again. */
        if (is_taken || !operation->decision.allowed)
            return rate_operation_answer(session, operation);
    }
    if (status != FARM_OK) return status;
    return store_fail(session, FARM_EAGAIN, 0, "others keep taking from the same buckets");
}
