/* Taking and peeking. Whether a take succeeds is decided by the statements of rate.sql; what the
 * caller is told is computed in the rules. */
#include "rate/rate_answer.h"
#include "rate/rate_operation.h"
#include "rate_sql.h"

/* How often to ask again when the store refused what then looks possible: others were faster. */
enum { RACE_TRIES = 8 };

value_blob rate_bucket_of(const rate_line *line) {
    return value_blob_of(line->bucket, RATE_KEY_SIZE);
}

/* --- what the store says of the buckets ------------------------------------------------------- */

static void set_row(rate_line *line, int64_t tat, int64_t previous, int64_t debt) {
    line->facts.has_row = 1;
    line->facts.row = (rate_row){.tat = tat, .previous = previous, .debt = debt};
}

static void set_maybe(rate_line *line, value_integer tat, int64_t previous, int64_t debt) {
    line->facts.has_row = 0;
    if (!tat.is_null) set_row(line, tat.integer, previous, debt);
}

static int32_t on_read(void *context, size_t ordinal, const rate_bucket_read_row *row) {
    const rate_group *group = context;
    set_row(group->lines[ordinal], row->tat, row->previous, row->debt);
    return 0;
}

static int32_t on_look(void *context, size_t ordinal, const rate_bucket_look_row *row) {
    const rate_group *group = context;
    set_maybe(group->lines[ordinal], row->tat, row->previous.integer, row->debt.integer);
    return 0;
}

static int32_t on_take(void *context, size_t ordinal, const rate_bucket_take_row *row) {
    const rate_group *group = context;
    group->lines[ordinal]->facts.is_taken = row->is_taken != 0;
    set_maybe(group->lines[ordinal], row->tat, 0, row->debt.integer);
    return 0;
}

static int32_t on_take_many(void *context, size_t ordinal, const rate_bucket_take_many_row *row) {
    const rate_group *group = context;
    group->lines[ordinal]->facts.is_taken = row->is_taken != 0;
    set_maybe(group->lines[ordinal], row->tat, row->previous.integer, row->debt.integer);
    return 0;
}

static void set_taken(rate_line *line, int64_t tat, int64_t previous, int64_t debt) {
    line->facts.is_taken = 1;
    set_row(line, tat, previous, debt);
}

static int32_t on_take_all(void *context, size_t ordinal, const rate_bucket_take_all_row *row) {
    const rate_group *group = context;
    set_taken(group->lines[ordinal], row->tat, row->previous, row->debt);
    return 0;
}

static int32_t on_try(void *context, size_t ordinal, const rate_bucket_take_shadow_row *row) {
    const rate_group *group = context;
    set_taken(group->lines[ordinal], row->tat, row->previous, row->debt);
    return 0;
}

static int32_t on_force(void *context, size_t ordinal, const rate_bucket_force_row *row) {
    const rate_group *group = context;
    set_taken(group->lines[ordinal], row->tat, row->previous, row->debt);
    return 0;
}

static int32_t on_try_hold(void *context, size_t ordinal, const rate_hold_try_row *row) {
    const rate_group *group = context;
    group->lines[ordinal]->facts.is_taken = row->is_taken != 0;
    return 0;
}

static int32_t on_holds(void *context, size_t ordinal, const rate_hold_read_row *row) {
    const rate_group *group = context;
    group->lines[ordinal]->facts.held = row->held;
    group->lines[ordinal]->facts.earliest_us = row->earliest_us;
    return 0;
}

static void add_reads(store_batch *batch, rate_group *group) {
    rate_bucket_read_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < group->count; i++) rows[i].bucket = rate_bucket_of(group->lines[i]);
    if (group->count > 0) rate_bucket_read(batch, rows, group->count, on_read, group);
}

static void add_hold_reads(store_batch *batch, rate_group *group, int64_t now_us) {
    rate_hold_read_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < group->count; i++) rows[i].bucket = rate_bucket_of(group->lines[i]);
    if (group->count == 0) return;
    rate_hold_read(batch, &(rate_hold_read_params){now_us}, rows, group->count, on_holds, group);
}

static void forget_states(rate_operation *operation) {
    for (size_t i = 0; i < operation->lines.count; i++)
        operation->lines.items[i].facts = (rate_facts){0};
}

/* How things stand, with nothing taken. */
static farm_status read_states(farm_session *session, rate_operation *operation) {
    store_batch batch;
    forget_states(operation);
    store_batch_init(&batch, session);
    for (size_t kind = RATE_LINE_LOOK; kind <= RATE_LINE_FORCE; kind++)
        add_reads(&batch, &operation->groups[kind]);
    for (size_t kind = RATE_LINE_COUNT; kind <= RATE_LINE_TRY_HOLD; kind++)
        add_hold_reads(&batch, &operation->groups[kind], store_now_us(session));
    return store_finish(session, &batch);
}

/* --- buckets that do not begin full ----------------------------------------------------------- */

static int32_t on_past(void *context, size_t ordinal, const rate_bucket_read_row *row) {
    const rate_group *group = context;
    rate_line *line = group->lines[ordinal];
    const rate_definition *definition = line->definition;
    line->opening =
        rate_carry(&definition->past->units, &(rate_row){row->tat, row->previous, row->debt},
                   line->ask.moment.now_us * 1000, definition->past_change, &line->terms->units);
    return 0;
}

/* Of a limit that was changed: what the bucket from before leaves to a new one. */
static farm_status read_pasts(farm_session *session, rate_operation *operation) {
    rate_bucket_read_each rows[FARM_RATE_BATCH_MAX];
    rate_group group = {.count = 0};
    for (size_t i = 0; i < operation->lines.count; i++) {
        rate_line *line = &operation->lines.items[i];
        if (!line->has_past) continue;
        rows[group.count].bucket = value_blob_of(line->past, RATE_KEY_SIZE);
        group.lines[group.count++] = line;
    }
    if (group.count == 0) return FARM_OK;
    store_batch batch;
    store_batch_init(&batch, session);
    rate_bucket_read(&batch, rows, group.count, on_past, &group);
    return store_run(session, &batch);
}

static size_t add_openings(store_batch *batch, rate_operation *operation) {
    rate_bucket_open_each rows[FARM_RATE_BATCH_MAX];
    size_t count = 0;
    for (size_t i = 0; i < operation->lines.count; i++) {
        const rate_line *line = &operation->lines.items[i];
        const rate_units *units = &line->terms->units;
        if (line->opening == 0 || line->facts.has_row || line->kind < RATE_LINE_TAKE ||
            line->kind > RATE_LINE_FORCE)
            continue;
        rows[count++] = (rate_bucket_open_each){
            .bucket = rate_bucket_of(line),
            .now = line->ask.moment.now,
            .opening = line->opening,
            .capacity = units->capacity,
            .slack = units->slack,
            .expires_hour = rate_expires_hour(&line->ask.moment),
            .share = line->ask.moment.share,
            .span = units->span,
        };
    }
    if (count > 0) rate_bucket_open(batch, rows, count);
    return count;
}

/* A new subject's time begins with the first call, though it be refused. */
static farm_status open_refused(farm_session *session, rate_operation *operation) {
    store_batch batch;
    store_batch_init(&batch, session);
    if (add_openings(&batch, operation) == 0) return FARM_OK;
    return store_finish(session, &batch);
}

/* --- taking ----------------------------------------------------------------------------------- */

static rate_bucket_take_many_each take_row(const rate_line *line) {
    const rate_units *units = &line->terms->units;
    const rate_moment *moment = &line->ask.moment;
    return (rate_bucket_take_many_each){
        .bucket = rate_bucket_of(line),
        .now = moment->now,
        .increment = line->ask.increment,
        .capacity = units->capacity,
        .slack = units->slack,
        .expires_hour = rate_expires_hour(moment),
        .share = moment->share,
        .span = units->span,
    };
}

static void add_look(store_batch *batch, rate_group *group) {
    rate_bucket_look_each rows[FARM_RATE_BATCH_MAX];
    for (size_t i = 0; i < group->count; i++) {
        const rate_line *line = group->lines[i];
        const rate_units *units = &line->terms->units;
        rows[i] = (rate_bucket_look_each){
            .bucket = rate_bucket_of(line),
            .now = line->ask.moment.now,
            .capacity = units->capacity,
            .slack = units->slack,
            .share = line->ask.moment.share,
            .span = units->span,
        };
    }
    if (group->count > 0) rate_bucket_look(batch, rows, group->count, on_look, group);
}

static void add_take_alone(store_batch *batch, rate_group *group) {
    const rate_bucket_take_many_each row = take_row(group->lines[0]);
    rate_bucket_take(batch,
                     &(rate_bucket_take_params){
                         .bucket = row.bucket,
                         .now = row.now,
                         .increment = row.increment,
                         .capacity = row.capacity,
                         .slack = row.slack,
                         .expires_hour = row.expires_hour,
                     },
                     on_take, group);
}

/* Three statements of one rule: a single one, several that are refused with an answer, and several
 * whose refusal takes back all that stands beside them. */
static void add_take(store_batch *batch, rate_group *group, int32_t is_alone) {
    rate_bucket_take_many_each rows[FARM_RATE_BATCH_MAX];
    if (group->count == 0) return;
    if (is_alone && group->count == 1 && group->lines[0]->ask.moment.share == 0) {
        add_take_alone(batch, group);
        return;
    }
    for (size_t i = 0; i < group->count; i++) rows[i] = take_row(group->lines[i]);
    if (is_alone)
        rate_bucket_take_many(batch, rows, group->count, on_take_many, group);
    else
        rate_bucket_take_all(batch, rows, group->count, on_take_all, group);
}

static void add_try(store_batch *batch, rate_group *group) {
    rate_bucket_take_many_each rows[FARM_RATE_BATCH_MAX];
    if (group->count == 0) return;
    for (size_t i = 0; i < group->count; i++) rows[i] = take_row(group->lines[i]);
    add_reads(batch, group);
    rate_bucket_take_shadow(batch, rows, group->count, on_try, group);
}

static void add_force(store_batch *batch, rate_group *group) {
    rate_bucket_take_many_each rows[FARM_RATE_BATCH_MAX];
    if (group->count == 0) return;
    for (size_t i = 0; i < group->count; i++) {
        const rate_line *line = group->lines[i];
        rows[i] = take_row(line);
        rows[i].expires_hour = rate_force_expires_hour(&line->terms->units, &line->ask.moment);
    }
    rate_bucket_force(batch, rows, group->count, on_force, group);
}

static rate_hold_take_each hold_row(const rate_line *line) {
    return (rate_hold_take_each){
        .bucket = rate_bucket_of(line),
        .cost = line->ask.cost,
        .capacity = line->terms->units.capacity,
        .expires_us = line->ask.moment.expires_us,
    };
}

static void add_holds(store_batch *batch, rate_operation *operation, int64_t now_us) {
    rate_hold_take_each rows[FARM_RATE_BATCH_MAX];
    rate_hold_try_each tries[FARM_RATE_BATCH_MAX];
    rate_group *holds = &operation->groups[RATE_LINE_HOLD];
    rate_group *shadows = &operation->groups[RATE_LINE_TRY_HOLD];
    const value_blob token = value_blob_of_id(&operation->made);
    for (size_t i = 0; i < holds->count; i++) rows[i] = hold_row(holds->lines[i]);
    for (size_t i = 0; i < shadows->count; i++) tries[i] = hold_row(shadows->lines[i]);
    if (holds->count > 0)
        rate_hold_take(batch, &(rate_hold_take_params){token, now_us}, rows, holds->count);
    if (shadows->count > 0)
        rate_hold_try(batch, &(rate_hold_try_params){token, now_us}, tries, shadows->count,
                      on_try_hold, shadows);
    for (size_t kind = RATE_LINE_COUNT; kind <= RATE_LINE_TRY_HOLD; kind++)
        add_hold_reads(batch, &operation->groups[kind], now_us);
}

/* --- the operations --------------------------------------------------------------------------- */

static void decide(farm_session *session, rate_operation *operation) {
    rate_answer_decide(&operation->lines, store_entropy(session), operation->states,
                       &operation->decision);
}

static farm_status answer(farm_session *session, rate_operation *operation) {
    return rate_answer_write(store_error(session), operation->states, operation->count,
                             &operation->decision, operation->results, operation->out);
}

static farm_status look(farm_session *session, rate_operation *operation) {
    farm_status status = read_pasts(session, operation);
    if (status == FARM_OK) status = read_states(session, operation);
    if (status != FARM_OK) return status;
    decide(session, operation);
    return answer(session, operation);
}

farm_status rate_take_read(farm_session *session, rate_operation *operation) {
    const rate_items given = {
        .definitions = operation->definitions,
        .items = operation->items,
        .count = operation->count,
        .looked_at = RATE_ITEM_COST | RATE_ITEM_FLAGS,
        .now_ns = store_now_ns(session),
    };
    farm_error *error = store_error(session);
    farm_status status =
        rate_answer_check(error, operation->results, operation->count, operation->out);
    if (status == FARM_OK) status = rate_lines_read(error, &given, &operation->lines);
    if (status != FARM_OK) return status;
    for (size_t kind = 0; kind < RATE_LINE_KIND_COUNT; kind++) operation->groups[kind].count = 0;
    if (operation->lease_count > 0) {
        rate_line *line = &operation->lines.items[0];
        rate_ask_at(&line->terms->units, given.now_ns, operation->lease_count, &line->ask);
    }
    for (size_t i = 0; i < operation->lines.count; i++) {
        rate_line *line = &operation->lines.items[i];
        rate_group *group = &operation->groups[line->kind];
        group->lines[group->count++] = line;
    }
    return FARM_OK;
}

static size_t count_of(const rate_operation *operation, int32_t kind) {
    return operation->groups[kind].count;
}

static int32_t takes_nothing(const rate_operation *operation) {
    return count_of(operation, RATE_LINE_IDLE) + count_of(operation, RATE_LINE_LOOK) +
               count_of(operation, RATE_LINE_READ) + count_of(operation, RATE_LINE_COUNT) ==
           operation->lines.count;
}

/* A limit in shadow mode whose cost is above its burst takes nothing either. */
static void leave_what_never_fits(rate_operation *operation) {
    static const int32_t kinds[] = {RATE_LINE_TRY, RATE_LINE_TRY_HOLD};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        rate_group *group = &operation->groups[kinds[i]];
        rate_group *lookers =
            &operation->groups[kinds[i] == RATE_LINE_TRY ? RATE_LINE_READ : RATE_LINE_COUNT];
        size_t kept = 0;
        for (size_t j = 0; j < group->count; j++) {
            rate_line *line = group->lines[j];
            if (rate_is_never(&line->terms->units, line->ask.cost))
                lookers->lines[lookers->count++] = line;
            else
                group->lines[kept++] = line;
        }
        group->count = kept;
    }
}

/* Try to take once. FARM_OK: the states and the decision are there. A store either answers for
 * every bucket, or refuses the batch and has then to be asked for the states. */
static farm_status take_once(farm_session *session, rate_operation *operation) {
    store_batch batch;
    const int32_t is_alone =
        count_of(operation, RATE_LINE_TAKE) + count_of(operation, RATE_LINE_IDLE) ==
        operation->lines.count;
    forget_states(operation);
    store_batch_init(&batch, session);
    const size_t opened = add_openings(&batch, operation);
    add_look(&batch, &operation->groups[RATE_LINE_LOOK]);
    add_reads(&batch, &operation->groups[RATE_LINE_READ]);
    add_holds(&batch, operation, store_now_us(session));
    add_take(&batch, &operation->groups[RATE_LINE_TAKE], is_alone && opened == 0);
    add_try(&batch, &operation->groups[RATE_LINE_TRY]);
    add_force(&batch, &operation->groups[RATE_LINE_FORCE]);
    farm_status status = store_finish(session, &batch);
    if (status == FARM_OK) {
        rate_group *holds = &operation->groups[RATE_LINE_HOLD];
        for (size_t i = 0; i < holds->count; i++) holds->lines[i]->facts.is_taken = 1;
    } else if (store_fault_kind(session) == FARM_FAULT_GUARD) {
        status = store_undo(session);
        if (status == FARM_OK) status = read_states(session, operation);
        if (status == FARM_OK && opened > 0) status = open_refused(session, operation);
    }
    if (status == FARM_OK) decide(session, operation);
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
    if (rate_lines_are_hopeless(&operation->lines) || takes_nothing(operation))
        return look(session, operation);
    leave_what_never_fits(operation);
    status = read_pasts(session, operation);
    for (int32_t i = 0; i < RACE_TRIES && status == FARM_OK; i++) {
        farm_id_new(session, &operation->made);
        status = take_once(session, operation);
        if (status != FARM_OK) return status;
        const int32_t is_taken = is_all_taken(operation);
        if (is_taken && rate_lines_took(&operation->lines))
            operation->decision.token = operation->made;
        /* Not taken, and yet there seems to be room: a race was lost, so ask again. */
        if (is_taken || !operation->decision.allowed) return answer(session, operation);
    }
    if (status != FARM_OK) return status;
    return store_fail(session, FARM_EAGAIN, 0, "others keep taking from the same buckets");
}
