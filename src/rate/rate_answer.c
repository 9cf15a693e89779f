/* What the caller is told; see rate_answer.h. */
#include "rate/rate_answer.h"
#include "base/options.h"

farm_status rate_answer_check(farm_error *error, const void *results, size_t count,
                              const void *out) {
    if (out == NULL) return store_error_fail(error, FARM_EINVAL, 0, "out is missing");
    /* Before anything is taken, not after. */
    farm_status status = store_error_check_array(error, "out", out, 1, 1);
    if (status != FARM_OK) return status;
    return store_error_check_array(error, "results", results, count, FARM_RATE_BATCH_MAX);
}

/* Of an exempt or a banned subject. */
static void decide_excepted(const rate_line *line, farm_rate_state *out) {
    const rate_units *units = &line->terms->units;
    const int32_t is_banned = line->rule == FARM_RATE_RULE_BAN;
    const int64_t left_us =
        line->ban_ends_us == 0 ? -1 : line->ban_ends_us - line->ask.moment.now_us;
    out->burst = units->burst;
    out->refill_us = units->refill_us;
    out->allowed = !is_banned;
    out->is_never = is_banned && line->ban_ends_us == 0;
    out->remaining = is_banned ? 0 : units->burst;
    out->retry_after_us = is_banned ? left_us : 0;
    out->reset_after_us = is_banned && left_us > 0 ? left_us : 0;
}

/* Of what is not asked: all are let through, or what is known is of another limit of the call. */
static void decide_open(const rate_line *line, farm_rate_state *out) {
    const rate_units *units = &line->terms->units;
    out->burst = units->burst;
    out->refill_us = units->refill_us;
    out->allowed = 1;
    out->remaining = line->source == FARM_RATE_SOURCE_OPEN ? units->burst : -1;
}

/* A bucket that is not there yet, as it would be made. */
static rate_facts facts_of(const rate_line *line) {
    rate_facts facts = line->facts;
    if (facts.has_row || line->opening == 0) return facts;
    facts.has_row = 1;
    facts.row = (rate_row){.tat = line->ask.moment.now + line->opening};
    return facts;
}

static void decide_line(const rate_line *line, const farm_entropy *entropy, farm_rate_state *out) {
    const rate_facts facts = facts_of(line);
    *out =
        (farm_rate_state){.is_shadow = line->is_shadow, .rule = line->rule, .source = line->source};
    if (line->kind != RATE_LINE_IDLE)
        rate_decide(&line->terms->units, &line->ask, &facts, out);
    else if (line->rule == FARM_RATE_RULE_EXEMPT || line->rule == FARM_RATE_RULE_BAN)
        decide_excepted(line, out);
    else
        decide_open(line, out);
    const int32_t percent = line->definition->figures.jitter_percent;
    if (out->retry_after_us > 0 && percent > 0) {
        uint32_t random = 0;
        entropy->fill(entropy->context, &random, sizeof random);
        out->retry_after_us = rate_jitter(out->retry_after_us, percent, random);
    }
}

void rate_answer_decide(const rate_lines *lines, const farm_entropy *entropy,
                        farm_rate_state *states, farm_rate_decision *decision) {
    for (size_t i = 0; i < lines->count; i++)
        decide_line(&lines->items[i], entropy, &states[lines->items[i].place]);
    rate_conclude(states, lines->count, decision);
}

farm_status rate_answer_write(farm_error *error, const farm_rate_state *states, size_t count,
                              const farm_rate_decision *decision, void *results, void *out) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        status = options_answer(store_array_at(results, i), &states[i], sizeof states[i]);
    if (status == FARM_OK) status = options_answer(out, decision, sizeof *decision);
    if (status == FARM_OK) return FARM_OK;
    return store_error_fail(error, status, 0, "out has no sound struct_size");
}
