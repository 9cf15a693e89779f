/* farm_rate_take() with the process's part in it: refusals that it remembers, leases, and what is
 * done while the store cannot be asked. */
#include "rate/rate_process.h"
#include "rate/rate_load.h"
#include <string.h>

enum { DENIAL_COUNT = 8192, LEASE_COUNT = 4096, LOCAL_COUNT = 16384 };

/* Three failures in a row, and the store is left alone for a second. */
static const farm_breaker_options breaker_options = {
    .struct_size = sizeof breaker_options,
    .consecutive_count = 3,
    .failure_percent = -1,
    .probe_count = 1,
    .open_us = 1000000,
    .open_max_us = 1000000,
};

/* --- the object ------------------------------------------------------------------------------- */

static void release(store_object *object) {
    rate_process *process = (rate_process *)object;
    rate_table_free(&process->denials);
    rate_table_free(&process->leases);
    rate_memory_free(&process->local);
    farm_breakers_free(process->breakers);
    farm_free(process);
}

/* The clocks of the breakers and of the buckets: those of the sessions, which may come and go. */
static int64_t read_monotonic_ns(void *context) {
    rate_process *process = context;
    return atomic_load(&process->monotonic_ns);
}

static int64_t read_real_ns(void *context) {
    rate_process *process = context;
    return atomic_load(&process->real_ns);
}

static farm_status make_breakers(rate_process *process) {
    const farm_clock clock = {.struct_size = sizeof clock,
                              .real_ns = read_real_ns,
                              .monotonic_ns = read_monotonic_ns,
                              .context = process};
    const farm_breakers_options options = {.struct_size = sizeof options,
                                           .max_count = 1,
                                           .event_count = 1,
                                           .breaker = &breaker_options,
                                           .clock = &clock};
    return farm_breakers_new(&options, NULL, &process->breakers);
}

static store_object *make(void) {
    rate_process *process = farm_allocate(sizeof *process);
    if (process == NULL) return NULL;
    memset(process, 0, sizeof *process);
    process->object.release = release;
    farm_status status = rate_table_make(&process->denials, DENIAL_COUNT);
    if (status == FARM_OK) status = rate_table_make(&process->leases, LEASE_COUNT);
    if (status == FARM_OK)
        status = rate_memory_make(&process->local, LOCAL_COUNT, read_real_ns, process);
    if (status == FARM_OK) status = make_breakers(process);
    if (status == FARM_OK) return &process->object;
    release(&process->object);
    return NULL;
}

/* NULL: there is no memory for it, and the store is asked for everything. */
static rate_process *get(farm_session *session) {
    return (rate_process *)store_object_get(session, STORE_OBJECT_RATE, make);
}

/* NULL: nobody has needed it yet. */
static rate_process *find(farm_session *session) {
    return (rate_process *)store_object_find(session, STORE_OBJECT_RATE);
}

void rate_process_forget_denials(farm_session *session) {
    rate_process *process = find(session);
    if (process != NULL) atomic_fetch_add(&process->generation, 1);
}

void rate_process_forget_leases(farm_session *session, const rate_lines *lines) {
    rate_process *process = find(session);
    if (process != NULL) rate_lease_drop(process, lines);
}

/* --- while the store cannot be asked ---------------------------------------------------------- */

/* Also when its answer was lost: then the take may have counted there as well. */
static int32_t is_outage(farm_status status) {
    switch (status) {
    case FARM_EAGAIN:
    case FARM_ETIMEOUT:
    case FARM_EUNAVAILABLE:
    case FARM_EUNCERTAIN:
    case FARM_EREADONLY:
    case FARM_EFULL:
        return 1;
    default:
        return 0;
    }
}

/* Whether each limit that counts says what to do without the store. */
static int32_t can_do_without(const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        if (line->is_shadow || line->kind == RATE_LINE_IDLE) continue;
        if (line->definition->figures.on_error == FARM_RATE_ON_ERROR_CLOSED) return 0;
    }
    return 1;
}

/* Count by one node's part of the limit. Figures of a subject's own are not divided, and count in
 * other units, so they have a bucket of their own. */
static void use_part(rate_line *line, int64_t now_ns) {
    line->source = FARM_RATE_SOURCE_LOCAL;
    if (line->terms != &line->definition->terms) return;
    line->bucket[0] ^= UINT8_MAX;
    line->has_past = 0;
    rate_line_count_by(line, line->definition->part, now_ns, line->ask.cost,
                       line->kind == RATE_LINE_FORCE);
}

/* Nobody asks its bucket. */
static void leave_out(rate_line *line, int32_t source) {
    line->source = source;
    line->kind = RATE_LINE_IDLE;
}

static void decide_without(farm_session *session, rate_process *process,
                           rate_operation *operation) {
    rate_lines *lines = &operation->lines;
    for (size_t i = 0; i < lines->count; i++) {
        rate_line *line = &lines->items[i];
        line->facts = (rate_facts){0};
        if (line->kind == RATE_LINE_IDLE) continue;
        if (line->definition->figures.on_error == FARM_RATE_ON_ERROR_LOCAL)
            use_part(line, store_now_ns(session));
        else
            leave_out(line, FARM_RATE_SOURCE_OPEN);
    }
    farm_id_new(session, &operation->made);
    atomic_store(&process->real_ns, store_now_ns(session));
    if (rate_lines_are_hopeless(lines))
        rate_memory_look(&process->local, lines);
    else
        rate_memory_take(&process->local, &operation->made, lines);
}

/* Inside the session's call. */
static farm_status answer_without(farm_session *session, rate_process *process,
                                  rate_operation *operation) {
    decide_without(session, process, operation);
    rate_operation_decide(session, operation);
    operation->decision.is_degraded = 1;
    return rate_operation_answer(session, operation);
}

/* --- around the store ------------------------------------------------------------------------- */

static void set_clock(farm_session *session, rate_process *process) {
    const int64_t now_ns = store_monotonic_ns(session);
    int64_t known_ns = atomic_load(&process->monotonic_ns);
    while (known_ns < now_ns &&
           !atomic_compare_exchange_weak(&process->monotonic_ns, &known_ns, now_ns)) {}
}

static int32_t may_ask(farm_session *session, rate_process *process, farm_breaker_permit *permit) {
    set_clock(session, process);
    permit->struct_size = sizeof *permit;
    return farm_breaker_allow(process->breakers, "store", permit) != FARM_OK || permit->allowed;
}

static void report(farm_session *session, rate_process *process, const farm_breaker_permit *permit,
                   farm_status status) {
    const int32_t is_failed = is_outage(status);
    const int32_t outcome = is_failed           ? FARM_BREAKER_FAILURE
                            : status == FARM_OK ? FARM_BREAKER_SUCCESS
                                                : FARM_BREAKER_EXCLUDED;
    set_clock(session, process);
    (void)farm_breaker_report(process->breakers, permit, outcome, -1);
    if (atomic_load(&process->is_troubled) != is_failed)
        atomic_store(&process->is_troubled, is_failed);
}

static farm_status ask_store(farm_session *session, rate_operation *operation) {
    return store_operate(session, STORE_SERVICE, rate_take_operate, operation);
}

/* Ask the store unless it has just failed, and answer without it when that is allowed. */
static farm_status ask_or_do_without(farm_session *session, rate_process *process,
                                     rate_operation *operation) {
    farm_breaker_permit permit = {0};
    const int32_t can = can_do_without(&operation->lines);
    if (can && !may_ask(session, process, &permit))
        return answer_without(session, process, operation);
    farm_status status = ask_store(session, operation);
    if (!can) return status;
    report(session, process, &permit, status);
    if (!is_outage(status)) return status;
    operation->lease_count = 0;
    status = rate_take_read(session, operation);
    return status == FARM_OK ? answer_without(session, process, operation) : status;
}

/* --- leases ----------------------------------------------------------------------------------- */

static int32_t is_leased(const rate_line *line) {
    const int64_t most = line->definition->figures.lease_count;
    return line->kind == RATE_LINE_TAKE && most > 0 && line->ask.cost <= most &&
           line->terms == &line->definition->terms && !line->has_past && line->opening == 0;
}

/* Whether all that the call asks for is one take. */
static int32_t is_single_take(const rate_operation *operation) {
    return operation->lines.count == 1 && operation->lines.items[0].kind == RATE_LINE_TAKE;
}

static farm_status answer_alone(farm_session *session, rate_operation *operation) {
    rate_operation_decide(session, operation);
    if (operation->decision.allowed) farm_id_new(session, &operation->decision.token);
    return rate_operation_answer(session, operation);
}

/* A new lease: the store is asked for all of it at once; when it has not so much, for the cost. The
 * token of the store's take is not the caller's: he has taken his cost, not the lease. */
static farm_status take_lease(farm_session *session, rate_process *process,
                              rate_operation *operation, int64_t reset_count) {
    rate_line *asked = &operation->lines.items[0];
    rate_line line = *asked;
    operation->lease_count = line.definition->figures.lease_count;
    farm_status status = ask_or_do_without(session, process, operation);
    operation->lease_count = 0;
    if (status == FARM_OK && operation->decision.allowed && !operation->decision.is_degraded) {
        line.facts = asked->facts;
        rate_lease_fill(process, &line, reset_count);
        *asked = line;
        return answer_alone(session, operation);
    }
    rate_lease_forgo(process, &line);
    if (status != FARM_OK || operation->decision.is_degraded) return status;
    return ask_or_do_without(session, process, operation);
}

/* Serve every line from its lease, or none: what is taken from several is given back when one of
 * them has not enough. Answers as rate_lease_take() does. */
static int32_t take_from_leases(rate_process *process, rate_operation *operation,
                                int64_t reset_count, int32_t may_want) {
    rate_lines *lines = &operation->lines;
    size_t taken = 0;
    int32_t outcome = RATE_LEASE_TAKEN;
    for (size_t i = 0; i < lines->count; i++)
        if (!is_leased(&lines->items[i])) return RATE_LEASE_NONE;
    while (taken < lines->count && outcome == RATE_LEASE_TAKEN) {
        outcome = rate_lease_take(process, &lines->items[taken], may_want);
        taken += outcome == RATE_LEASE_TAKEN;
    }
    for (size_t i = 0; i < taken && outcome != RATE_LEASE_TAKEN; i++) {
        rate_line *line = &lines->items[i];
        rate_lease_give_back(process, rate_key_of(line->bucket), line->ask.cost, reset_count);
        line->source = FARM_RATE_SOURCE_STORE;
    }
    return outcome;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* A refusal that is remembered answers for the call. Of its other limits nothing is known then. */
static int32_t is_denied(rate_process *process, rate_operation *operation) {
    rate_lines *lines = &operation->lines;
    int32_t is_found = 0;
    for (size_t i = 0; i < lines->count; i++) {
        rate_line *line = &lines->items[i];
        if (line->kind == RATE_LINE_TAKE && line->definition->figures.denied_us > 0)
            is_found |= rate_denial_find(process, line);
    }
    for (size_t i = 0; i < lines->count && is_found; i++) {
        rate_line *line = &lines->items[i];
        if (line->source != FARM_RATE_SOURCE_DENIAL && line->kind != RATE_LINE_IDLE)
            leave_out(line, FARM_RATE_SOURCE_DENIAL);
    }
    return is_found;
}

static farm_status take(farm_session *session, rate_process *process, rate_operation *operation) {
    const int64_t generation = atomic_load(&process->generation);
    const int64_t reset_count = atomic_load(&process->reset_count);
    int32_t lease = RATE_LEASE_NONE;
    farm_status status = rate_take_read(session, operation);
    if (status != FARM_OK) return status;
    if (!rate_lines_are_hopeless(&operation->lines)) {
        lease = take_from_leases(process, operation, reset_count, 0);
        if (lease == RATE_LEASE_TAKEN || is_denied(process, operation))
            return answer_alone(session, operation);
        if (is_single_take(operation)) lease = take_from_leases(process, operation, reset_count, 1);
        if (lease == RATE_LEASE_TAKEN) return answer_alone(session, operation);
    }
    store_start(session);
    status = lease == RATE_LEASE_WANTED ? take_lease(session, process, operation, reset_count)
                                        : ask_or_do_without(session, process, operation);
    if (status != FARM_OK || operation->decision.is_degraded) return status;
    if (!operation->decision.allowed)
        rate_denial_keep(process, &operation->lines, operation->states, generation);
    if (rate_lease_is_due(process, store_now_us(session)))
        (void)rate_lease_settle(session, process, 0);
    return FARM_OK;
}

/* What a transaction of the caller's takes is its own, so the process has no part in it. */
farm_status rate_process_take(farm_session *session, rate_operation *operation) {
    rate_process *process = get(session);
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    if (process == NULL || store_is_in_transaction(session)) {
        store_start(session);
        status = ask_store(session, operation);
    } else {
        status = take(session, process, operation);
    }
    return store_leave(session, status);
}

/* By definitions that are known but may be old. 0: they, or the limits, do not allow it. */
static int32_t take_by_old(farm_session *session, rate_process *process, rate_operation *operation,
                           farm_status *out_status) {
    farm_status status = rate_take_read(session, operation);
    if (status != FARM_OK || !can_do_without(&operation->lines)) return 0;
    *out_status = answer_without(session, process, operation);
    return 1;
}

farm_status rate_process_take_stale(farm_session *session, rate_operation *operation,
                                    farm_status status) {
    farm_breaker_permit permit = {0};
    if (!is_outage(status) || store_is_in_transaction(session)) return status;
    operation->definitions = rate_definitions_enter_stale(session);
    if (operation->definitions == NULL) return status;
    rate_process *process = operation->definitions->uses_process ? get(session) : NULL;
    const farm_error kept = *store_error(session);
    if (process != NULL && store_enter(session) == FARM_OK) {
        if (may_ask(session, process, &permit)) report(session, process, &permit, status);
        if (!take_by_old(session, process, operation, &status)) *store_error(session) = kept;
        (void)store_leave(session, status);
    }
    rate_definitions_leave(session, operation->definitions);
    return status;
}

/* The store was in trouble: read the definitions again when it may be asked, else, or when that
 * fails, go by those that are known. 0: they are as good as new, or the limits want the store. */
static int32_t take_or_reload(farm_session *session, rate_process *process,
                              rate_operation *operation, farm_status *out_status) {
    farm_breaker_permit permit = {0};
    rate_definitions *fresh = NULL;
    farm_status status = rate_take_read(session, operation);
    if (status != FARM_OK || !can_do_without(&operation->lines)) return 0;
    if (may_ask(session, process, &permit)) {
        store_start(session);
        status = rate_definitions_enter(session, &fresh);
        report(session, process, &permit, status);
        if (status == FARM_OK) rate_definitions_leave(session, fresh);
        if (!is_outage(status)) return 0;
    }
    *out_status = answer_without(session, process, operation);
    return 1;
}

int32_t rate_process_take_alone(farm_session *session, rate_operation *operation,
                                farm_status *out_status) {
    rate_process *process = find(session);
    int32_t is_answered = 0;
    if (process == NULL || !atomic_load(&process->is_troubled)) return 0;
    operation->definitions = rate_definitions_enter_stale(session);
    if (operation->definitions == NULL) return 0;
    if (!rate_definitions_are_fresh(operation->definitions) && store_enter(session) == FARM_OK) {
        if (!store_is_in_transaction(session))
            is_answered = take_or_reload(session, process, operation, out_status);
        (void)store_leave(session, is_answered ? *out_status : FARM_OK);
    }
    rate_definitions_leave(session, operation->definitions);
    return is_answered;
}

farm_status rate_process_settle(farm_session *session) {
    rate_process *process = find(session);
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    store_start(session);
    if (store_is_in_transaction(session))
        status = store_fail(session, FARM_EREFUSED, 0,
                            "leases cannot be given back inside a transaction of the caller");
    else if (process != NULL)
        status = rate_lease_settle(session, process, 1);
    return store_leave(session, status);
}
