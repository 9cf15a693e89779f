/* farm_rate_take() with the process's part in it: refusals that it remembers, leases, and what is
 * done while the store cannot be asked. */
#include "rate/rate_process.h"
#include "rate/rate_answer.h"
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

static store_object *make(void) {
    const farm_breakers_options options = {.struct_size = sizeof options,
                                           .max_count = 1,
                                           .event_count = 1,
                                           .breaker = &breaker_options};
    rate_process *process = farm_allocate(sizeof *process);
    if (process == NULL) return NULL;
    memset(process, 0, sizeof *process);
    process->object.release = release;
    farm_status status = rate_table_make(&process->denials, DENIAL_COUNT);
    if (status == FARM_OK) status = rate_table_make(&process->leases, LEASE_COUNT);
    if (status == FARM_OK) status = rate_memory_make(&process->local, LOCAL_COUNT);
    if (status == FARM_OK) status = farm_breakers_new(&options, NULL, &process->breakers);
    if (status == FARM_OK) return &process->object;
    release(&process->object);
    return NULL;
}

rate_process *rate_process_get(farm_session *session) {
    return (rate_process *)store_object_get(session, STORE_OBJECT_RATE, make);
}

void rate_process_forget_denials(farm_session *session) {
    rate_process *process = rate_process_get(session);
    if (process != NULL) atomic_fetch_add(&process->generation, 1);
}

/* --- while the store cannot be asked ---------------------------------------------------------- */

static int32_t is_outage(farm_status status) {
    switch (status) {
    case FARM_EAGAIN:
    case FARM_ETIMEOUT:
    case FARM_EUNAVAILABLE:
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

/* Count by one node's part of the limit. Figures of a subject's own are not divided. */
static void use_part(rate_line *line, int64_t now_ns) {
    line->source = FARM_RATE_SOURCE_LOCAL;
    if (line->terms != &line->definition->terms) return;
    line->terms = line->definition->part;
    line->opening = line->terms->units.opening;
    line->has_past = 0;
    rate_ask_at(&line->terms->units, now_ns, line->ask.cost, &line->ask);
    if (line->kind == RATE_LINE_FORCE)
        line->ask.increment = rate_force_increment(&line->terms->units, line->ask.cost);
}

static void decide_without(farm_session *session, rate_process *process,
                           rate_operation *operation) {
    rate_lines counted;
    counted.count = 0;
    for (size_t i = 0; i < operation->lines.count; i++) {
        rate_line *line = &operation->lines.items[i];
        line->facts = (rate_facts){0};
        if (line->kind == RATE_LINE_IDLE) continue;
        if (line->definition->figures.on_error == FARM_RATE_ON_ERROR_LOCAL) {
            use_part(line, store_now_ns(session));
            counted.items[counted.count++] = *line;
            continue;
        }
        line->source = FARM_RATE_SOURCE_OPEN;
        line->is_open = 1;
    }
    farm_id_new(session, &operation->made);
    if (rate_lines_are_hopeless(&operation->lines))
        rate_memory_look(&process->local, &counted);
    else
        rate_memory_take(&process->local, &operation->made, &counted);
    for (size_t i = 0, next = 0; i < operation->lines.count && next < counted.count; i++)
        if (operation->lines.items[i].place == counted.items[next].place)
            operation->lines.items[i] = counted.items[next++];
}

/* Inside the session's call. */
static farm_status answer_without(farm_session *session, rate_process *process,
                                  rate_operation *operation) {
    decide_without(session, process, operation);
    rate_answer_decide(&operation->lines, store_entropy(session), operation->states,
                       &operation->decision);
    operation->decision.is_degraded = 1;
    return rate_answer_write(store_error(session), operation->states, operation->count,
                             &operation->decision, operation->results, operation->out);
}

/* --- around the store ------------------------------------------------------------------------- */

static int32_t may_ask(rate_process *process, farm_breaker_permit *permit) {
    permit->struct_size = sizeof *permit;
    return farm_breaker_allow(process->breakers, "store", permit) != FARM_OK || permit->allowed;
}

static void report(rate_process *process, const farm_breaker_permit *permit, farm_status status) {
    const int32_t outcome = is_outage(status)   ? FARM_BREAKER_FAILURE
                            : status == FARM_OK ? FARM_BREAKER_SUCCESS
                                                : FARM_BREAKER_EXCLUDED;
    (void)farm_breaker_report(process->breakers, permit, outcome, -1);
}

static farm_status ask_store(farm_session *session, rate_operation *operation) {
    return store_operate(session, STORE_SERVICE, rate_take_operate, operation);
}

/* Ask the store unless it has just failed, and answer without it when that is allowed. */
static farm_status ask_or_do_without(farm_session *session, rate_process *process,
                                     rate_operation *operation) {
    farm_breaker_permit permit = {0};
    const int32_t can = can_do_without(&operation->lines);
    if (can && !may_ask(process, &permit)) return answer_without(session, process, operation);
    farm_status status = ask_store(session, operation);
    if (!can) return status;
    report(process, &permit, status);
    if (!is_outage(status)) return status;
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

/* A new lease: the store is asked for all of it at once; when it has not so much, for the cost. */
static farm_status take_lease(farm_session *session, rate_process *process,
                              rate_operation *operation) {
    const rate_line line = operation->lines.items[0];
    operation->lease_count = line.definition->figures.lease_count;
    farm_status status = ask_or_do_without(session, process, operation);
    operation->lease_count = 0;
    if (status == FARM_OK && operation->decision.allowed && !operation->decision.is_degraded) {
        rate_lease_fill(process, &line, &operation->decision.token);
    } else {
        rate_lease_forgo(process, &line);
        if (status == FARM_OK && !operation->decision.allowed)
            status = ask_or_do_without(session, process, operation);
    }
    if (status == FARM_OK && rate_lease_is_due(process, line.ask.moment.now_us))
        (void)rate_lease_settle(session, process, 0);
    return status;
}

/* Serve every line from its lease, or none: what is taken from several is given back when one of
 * them has not enough. 1: all are served. *out_wanted: the only line wants a new lease. */
static int32_t take_from_leases(rate_process *process, rate_operation *operation,
                                int32_t *out_wanted) {
    rate_lines *lines = &operation->lines;
    size_t taken = 0;
    *out_wanted = 0;
    for (size_t i = 0; i < lines->count; i++)
        if (!is_leased(&lines->items[i])) return 0;
    while (taken < lines->count) {
        const int32_t outcome = rate_lease_take(process, &lines->items[taken]);
        if (outcome == RATE_LEASE_TAKEN) {
            taken++;
            continue;
        }
        *out_wanted = outcome == RATE_LEASE_WANTED && is_single_take(operation);
        if (outcome == RATE_LEASE_WANTED && !*out_wanted)
            rate_lease_forgo(process, &lines->items[taken]);
        for (size_t i = 0; i < taken; i++) rate_lease_give_back(process, &lines->items[i]);
        return 0;
    }
    return 1;
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
        if (line->source == FARM_RATE_SOURCE_DENIAL || line->kind == RATE_LINE_IDLE) continue;
        line->source = FARM_RATE_SOURCE_DENIAL;
        line->is_open = 1;
    }
    return is_found;
}

static farm_status answer_here(farm_session *session, rate_operation *operation) {
    rate_answer_decide(&operation->lines, store_entropy(session), operation->states,
                       &operation->decision);
    if (operation->decision.allowed) farm_id_new(session, &operation->decision.token);
    return rate_answer_write(store_error(session), operation->states, operation->count,
                             &operation->decision, operation->results, operation->out);
}

static farm_status take(farm_session *session, rate_process *process, rate_operation *operation) {
    int32_t is_wanted = 0;
    farm_status status = rate_take_read(session, operation);
    if (status != FARM_OK) return status;
    if (rate_lines_are_hopeless(&operation->lines))
        return ask_or_do_without(session, process, operation);
    if (is_denied(process, operation) || take_from_leases(process, operation, &is_wanted))
        return answer_here(session, operation);
    if (is_wanted) return take_lease(session, process, operation);
    status = ask_or_do_without(session, process, operation);
    if (status == FARM_OK && !operation->decision.allowed && !operation->decision.is_degraded)
        rate_denial_keep(process, &operation->lines, operation->states);
    return status;
}

/* What a transaction of the caller's takes is its own, so the process has no part in it. */
farm_status rate_process_take(farm_session *session, rate_operation *operation) {
    rate_process *process = rate_process_get(session);
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    status = process == NULL || store_is_in_transaction(session)
                 ? ask_store(session, operation)
                 : take(session, process, operation);
    return store_leave(session, status);
}

farm_status rate_process_take_stale(farm_session *session, rate_operation *operation,
                                    farm_status status) {
    rate_process *process = rate_process_get(session);
    if (process == NULL || !is_outage(status) || store_is_in_transaction(session)) return status;
    operation->definitions = rate_definitions_enter_stale(session);
    if (operation->definitions == NULL) return status;
    const farm_error kept = *store_error(session);
    farm_status entered = store_enter(session);
    if (entered == FARM_OK) {
        entered = rate_take_read(session, operation);
        if (entered == FARM_OK && can_do_without(&operation->lines))
            status = answer_without(session, process, operation);
        else
            *store_error(session) = kept;
        (void)store_leave(session, status);
    }
    rate_definitions_leave(session, operation->definitions);
    return status;
}
