/* The fault lab: what an operation does to the slots of its limits, and what is asked of the
 * library for it; see model_rate.h. */
#include "fault/model_rate.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* In a result's values: the decision, then each limit's state. */
enum { ALLOWED, RETRY_US, SHADOWED, STATES, STATE_VALUES = 6 };

int64_t *rate_values_of(lab_result *result, int32_t place) {
    return result->values + STATES + place * STATE_VALUES;
}

static int is_used(const lab_operation *operation, int32_t place) {
    return operation->kind == 0 || operation->values[RATE_COST + place] >= 0;
}

static int64_t cost_of(const lab_operation *operation, int32_t place) {
    return operation->kind == 0 ? 0 : operation->values[RATE_COST + place];
}

/* --- the model: taking --- */

static void ask(const rate_slot *slot, int64_t now_us, int64_t cost, rate_saying *out) {
    *out = (rate_saying){.allowed = 1, .rule = slot->rule};
    if (slot->rule == FARM_RATE_RULE_EXEMPT) {
        out->burst = out->remaining = rate_burst(&slot->figures);
    } else if (slot->rule == FARM_RATE_RULE_BAN) {
        out->allowed = 0;
        out->burst = rate_burst(&slot->figures);
        out->retry_us = slot->ends_us == 0 ? -1 : slot->ends_us - now_us;
        out->reset_us = slot->ends_us == 0 ? 0 : slot->ends_us - now_us;
    } else if (slot->holds != NULL) {
        rate_holds_ask(&slot->figures, slot->holds, now_us, cost, out);
    } else {
        rate_count_ask(&slot->figures, slot->count, now_us, cost, out);
    }
}

static int has_part(const rate_slot *slot, const lab_operation *operation, int32_t place) {
    return !slot->figures.is_shadow && (operation->values[RATE_FORCED] >> place & 1) == 0;
}

/* Whom nothing is counted of, or who can never have so much, is answered without a look. */
static int is_hopeless(const rate_slot *slot, const rate_saying *saying) {
    return !saying->allowed && (slot->rule == FARM_RATE_RULE_BAN || saying->retry_us < 0);
}

static void take_slot(rate_slot *slot, int64_t now_us, const lab_operation *operation,
                      int32_t place, rate_saying *saying) {
    const int64_t cost = cost_of(operation, place);
    const int is_forced = operation->values[RATE_FORCED] >> place & 1;
    if (cost == 0 || slot->rule == FARM_RATE_RULE_EXEMPT || slot->rule == FARM_RATE_RULE_BAN ||
        (!saying->allowed && !is_forced))
        return;
    if (slot->holds != NULL)
        rate_holds_add(&slot->figures, slot->holds, now_us, cost, operation->number);
    else
        rate_count_take(&slot->figures, slot->count, now_us, cost, is_forced);
    ask(slot, now_us, 0, saying);
    saying->allowed = 1;
    saying->retry_us = 0;
}

static void begin_slots(rate_slot *slots, int32_t count, int64_t now_us,
                        const lab_operation *operation) {
    for (int32_t i = 0; i < count; i++)
        if (is_used(operation, i) && cost_of(operation, i) > 0 && slots[i].count != NULL)
            rate_count_begin(&slots[i].figures, slots[i].count, now_us);
}

static int decide(const rate_slot *slots, int32_t count, const lab_operation *operation,
                  const rate_saying *sayings, lab_result *out) {
    int hopeless = 0;
    out->values[ALLOWED] = 1;
    for (int32_t i = 0; i < count; i++) {
        if (!is_used(operation, i) || sayings[i].allowed || !has_part(&slots[i], operation, i))
            continue;
        const int64_t retry_us = sayings[i].retry_us;
        out->values[ALLOWED] = 0;
        hopeless |= is_hopeless(&slots[i], &sayings[i]);
        if (retry_us < 0 || out->values[RETRY_US] < 0)
            out->values[RETRY_US] = -1;
        else if (retry_us > out->values[RETRY_US])
            out->values[RETRY_US] = retry_us;
    }
    return hopeless;
}

static void take(rate_slot *slots, int32_t count, int64_t now_us, const lab_operation *operation,
                 lab_result *out) {
    rate_saying sayings[RATE_SLOT_MAX];
    for (int32_t i = 0; i < count; i++)
        if (is_used(operation, i)) ask(&slots[i], now_us, cost_of(operation, i), &sayings[i]);
    const int hopeless = decide(slots, count, operation, sayings, out);
    if (operation->kind == RATE_TAKE && !hopeless) begin_slots(slots, count, now_us, operation);
    for (int32_t i = 0; i < count; i++) {
        if (!is_used(operation, i)) continue;
        if (operation->kind == RATE_TAKE && out->values[ALLOWED])
            take_slot(&slots[i], now_us, operation, i, &sayings[i]);
        if (!sayings[i].allowed && !has_part(&slots[i], operation, i)) out->values[SHADOWED] = 1;
        memcpy(rate_values_of(out, i), &sayings[i], sizeof sayings[i]);
    }
}

/* --- the model: giving back --- */

/* The bits of a take that have had their refund. The oldest takes are forgotten: no player holds
 * their tokens any more. */
static int64_t *find_refund(rate_refunds *refunds, uint64_t number) {
    int32_t place = 0;
    while (place < RATE_REFUND_MAX && refunds->items[place].number > number) place++;
    if (place < RATE_REFUND_MAX && refunds->items[place].number != number) {
        memmove(&refunds->items[place + 1], &refunds->items[place],
                sizeof *refunds->items * (size_t)(RATE_REFUND_MAX - 1 - place));
        refunds->items[place].number = number;
        refunds->items[place].counts = 0;
    }
    return place < RATE_REFUND_MAX ? &refunds->items[place].counts : NULL;
}

static void refund(rate_slot *slots, int32_t count, rate_refunds *refunds, int64_t now_us,
                   const lab_operation *operation) {
    const int64_t taken_us = operation->values[RATE_TAKEN_US];
    for (int32_t i = 0; i < count; i++) {
        rate_slot *slot = &slots[i];
        if (!is_used(operation, i) || slot->holds != NULL ||
            !rate_count_refunds(&slot->figures, taken_us, now_us))
            continue;
        int64_t *given = find_refund(refunds, (uint64_t)operation->values[RATE_TAKEN]);
        if (given == NULL || (*given >> slot->bit & 1)) continue;
        *given |= INT64_C(1) << slot->bit;
        rate_count_give_back(&slot->figures, slot->count, now_us, cost_of(operation, i));
    }
}

static void reset(rate_slot *slots, int32_t count, const lab_operation *operation) {
    for (int32_t i = 0; i < count; i++) {
        if (!is_used(operation, i)) continue;
        if (slots[i].holds != NULL)
            memset(slots[i].holds, 0, sizeof *slots[i].holds);
        else
            rate_count_fill(&slots[i].figures, slots[i].count);
    }
}

/* All or none; limits in shadow mode may have given nothing. */
static farm_status renew(rate_slot *slots, int32_t count, int64_t now_us,
                         const lab_operation *operation) {
    const uint64_t number = (uint64_t)operation->values[RATE_TAKEN];
    for (int32_t i = 0; i < count; i++)
        if (is_used(operation, i) && slots[i].holds != NULL && !slots[i].figures.is_shadow &&
            rate_holds_find(slots[i].holds, number) < 0)
            return FARM_ECONFLICT;
    for (int32_t i = 0; i < count; i++) {
        if (!is_used(operation, i) || slots[i].holds == NULL) continue;
        const int32_t place = rate_holds_find(slots[i].holds, number);
        if (place >= 0) slots[i].holds->items[place].ends_us = now_us + slots[i].figures.period_us;
    }
    return FARM_OK;
}

static void release(rate_slot *slots, int32_t count, const lab_operation *operation) {
    for (int32_t i = 0; i < count; i++)
        if (is_used(operation, i) && slots[i].holds != NULL)
            rate_holds_drop(slots[i].holds, (uint64_t)operation->values[RATE_TAKEN]);
}

void rate_apply(rate_slot *slots, int32_t count, rate_refunds *refunds, int64_t now_us,
                const lab_operation *operation, lab_result *out) {
    switch (operation->kind) {
    case RATE_REFUND:
        refund(slots, count, refunds, now_us, operation);
        break;
    case RATE_RESET:
        reset(slots, count, operation);
        break;
    case RATE_RENEW:
        out->status = renew(slots, count, now_us, operation);
        break;
    case RATE_RELEASE:
        release(slots, count, operation);
        break;
    default:
        take(slots, count, now_us, operation, out);
        break;
    }
}

/* --- the library --- */

static void keep_token(rate_tokens *tokens, uint64_t number, const farm_id *token) {
    static const farm_id none;
    if (memcmp(token, &none, sizeof none) == 0) return;
    tokens->items[tokens->next % RATE_TOKEN_MAX].number = number;
    tokens->items[tokens->next % RATE_TOKEN_MAX].token = *token;
    tokens->next++;
}

static const farm_id *find_token(const rate_tokens *tokens, uint64_t number) {
    for (int32_t i = 0; i < RATE_TOKEN_MAX; i++)
        if (tokens->items[i].number == number && number != 0) return &tokens->items[i].token;
    return NULL;
}

void rate_answer(const farm_rate_state *state, int64_t *values) {
    const rate_saying said = {.allowed = state->allowed,
                              .remaining = state->remaining,
                              .retry_us = state->retry_after_us,
                              .reset_us = state->reset_after_us,
                              .burst = state->burst,
                              .rule = state->rule};
    memcpy(values, &said, sizeof said);
}

/* Kinds that are about a take of before; out: the status, unless there is no token. */
static int perform_after(farm_session *session, const rate_tokens *tokens,
                         const farm_rate_request *items, size_t count,
                         const lab_operation *operation, lab_result *out) {
    const farm_id *token = find_token(tokens, (uint64_t)operation->values[RATE_TAKEN]);
    int is_after = operation->kind >= RATE_REFUND && operation->kind < RATE_KINDS;
    if (operation->kind == RATE_RESET) {
        out->status = farm_rate_reset(session, items, count);
    } else if (is_after && token == NULL) {
        out->is_skipped = 1;
    } else if (operation->kind == RATE_REFUND) {
        out->status = farm_rate_refund(session, token, items, count);
    } else if (operation->kind == RATE_RENEW) {
        out->status = farm_rate_renew(session, token, items, count);
    } else if (operation->kind == RATE_RELEASE) {
        out->status = farm_rate_release(session, token, items, count);
    }
    return is_after;
}

farm_status rate_learn(farm_session *session, rate_tokens *tokens, const lab_operation *operation) {
    if (operation->sole != 0 && operation->sole == tokens->sole) return FARM_OK;
    const farm_status status = farm_rate_remove(session, "lab-nothing");
    if (status == FARM_OK) tokens->sole = operation->sole;
    return status;
}

void rate_perform(farm_session *session, rate_tokens *tokens, const farm_rate_limit *limits,
                  int32_t count, const char *subject, const lab_operation *operation,
                  lab_result *out) {
    farm_rate_request items[RATE_LIMIT_MAX];
    farm_rate_state states[RATE_LIMIT_MAX];
    int32_t places[RATE_LIMIT_MAX];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    size_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        if (!is_used(operation, i)) continue;
        places[used] = i;
        states[used] = (farm_rate_state){.struct_size = sizeof states[used]};
        items[used++] = (farm_rate_request){
            .struct_size = sizeof items[0],
            .flags = operation->values[RATE_FORCED] >> i & 1 ? FARM_RATE_FORCE : 0,
            .limit = limits[i].name,
            .subject = subject,
            .cost = cost_of(operation, i)};
    }
    if (perform_after(session, tokens, items, used, operation, out)) return;
    out->status = operation->kind == RATE_TAKE
                      ? farm_rate_take(session, items, used, states, &decision)
                      : farm_rate_peek(session, items, used, states, &decision);
    if (out->status != FARM_OK) return;
    keep_token(tokens, operation->number, &decision.token);
    out->values[ALLOWED] = decision.allowed;
    out->values[RETRY_US] = decision.retry_after_us;
    out->values[SHADOWED] = decision.is_shadowed;
    for (size_t i = 0; i < used; i++) rate_answer(&states[i], rate_values_of(out, places[i]));
}

/* --- drawing --- */

/* A take locks all its buckets before it decides; other calls, and a cost of 0, which only looks,
 * come to one bucket after the other. */
void rate_draw_costs(lab_random *random, int32_t count, int64_t least, int64_t most,
                     int can_compose, lab_operation *out) {
    const int64_t first = lab_random_below(random, count);
    const int64_t other = lab_random_below(random, count);
    const int is_single = lab_random_once_in(random, 2) || (!can_compose && out->kind != RATE_TAKE);
    if (!can_compose && !is_single && first != other && least == 0) least = 1;
    for (int32_t i = 0; i < count; i++) {
        const int64_t cost = least + lab_random_below(random, most - least + 1);
        out->values[RATE_COST + i] = i == first || (i == other && !is_single) ? cost : -1;
    }
}

void rate_draw_force(lab_random *random, int32_t count, int can_compose, lab_operation *out) {
    int32_t used = 0;
    for (int32_t i = 0; i < count; i++) used += out->values[RATE_COST + i] >= 0;
    if (out->kind != RATE_TAKE || !lab_random_once_in(random, 10) || (!can_compose && used > 1))
        return;
    out->values[RATE_FORCED] = 1 + lab_random_below(random, (INT64_C(1) << count) - 1);
    for (int32_t i = 0; i < count; i++)
        if (out->values[RATE_COST + i] < 0) out->values[RATE_FORCED] &= ~(INT64_C(1) << i);
}

const lab_operation *rate_draw_taken(lab_random *random, const lab_operation *recent,
                                     int32_t recent_count, lab_operation *out) {
    if (recent_count == 0) return NULL;
    const lab_operation *meant = &recent[lab_random_below(random, recent_count)];
    const int is_take = meant->kind == RATE_TAKE;
    out->values[RATE_TAKEN] = is_take ? (int64_t)meant->number : meant->values[RATE_TAKEN];
    out->values[RATE_TAKEN_US] = is_take ? meant->now_us : meant->values[RATE_TAKEN_US];
    return out->values[RATE_TAKEN] != 0 ? meant : NULL;
}

/* A take has no id. */
int rate_is_repeated(const lab_operation *operation) {
    return operation->kind >= RATE_REFUND;
}

int rate_describe(const lab_operation *operation, int32_t count, char *text, size_t size) {
    static const char *const kinds[RATE_KINDS] = {"",      "take",  "peek",   "refund",
                                                  "reset", "renew", "release"};
    const int64_t *values = operation->values;
    int used = snprintf(text, size, "%s",
                        operation->kind < RATE_KINDS ? kinds[operation->kind] : "change");
    for (int32_t i = 0; i < count; i++)
        used += snprintf(text + used, size - (size_t)used, " %" PRId64 "%s", values[RATE_COST + i],
                         values[RATE_FORCED] >> i & 1 ? "!" : "");
    if (values[RATE_TAKEN] != 0)
        used += snprintf(text + used, size - (size_t)used, " of take %" PRId64, values[RATE_TAKEN]);
    return used;
}
