/* Items of a call; see rate_request.h. */
#include "rate/rate_request.h"
#include "base/options.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

static farm_status check_item(farm_error *error, size_t index, farm_rate_request *item,
                              uint32_t looked_at) {
    if ((item->flags & ~(uint32_t)FARM_RATE_FORCE) != 0 ||
        (item->flags != 0 && !(looked_at & RATE_ITEM_FLAGS)))
        return store_error_fail(error, FARM_EINVAL, 0,
                                "items[%zu].flags has flags that mean nothing here", index);
    if (!(looked_at & (RATE_ITEM_COST | RATE_ITEM_POSITIVE))) item->cost = 0;
    const int64_t least = looked_at & RATE_ITEM_POSITIVE ? 1 : 0;
    if (item->cost >= least && item->cost <= RATE_AMOUNT_MAX) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, 0,
                            "items[%zu].cost is %lld, and must be %lld to %d", index,
                            (long long)item->cost, (long long)least, RATE_AMOUNT_MAX);
}

/* --- one line --------------------------------------------------------------------------------- */

int32_t rate_line_is_held(const rate_line *line) {
    return line->terms->units.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY;
}

/* What is to be done with the line in a take. In shadow mode what never fits takes nothing. */
static int32_t kind_of(const rate_line *line, int32_t is_forced) {
    const int32_t is_vain =
        line->is_shadow && !is_forced && rate_is_never(&line->terms->units, line->ask.cost);
    const int32_t is_look = line->ask.cost == 0 || is_vain;
    if (line->rule == FARM_RATE_RULE_EXEMPT || line->rule == FARM_RATE_RULE_BAN)
        return RATE_LINE_IDLE;
    if (rate_line_is_held(line)) {
        if (is_look) return RATE_LINE_COUNT;
        return line->is_shadow ? RATE_LINE_TRY_HOLD : RATE_LINE_HOLD;
    }
    if (is_look) return line->is_shadow ? RATE_LINE_READ : RATE_LINE_LOOK;
    if (is_forced) return RATE_LINE_FORCE;
    return line->is_shadow ? RATE_LINE_TRY : RATE_LINE_TAKE;
}

void rate_line_count_by(rate_line *line, const rate_terms *terms, int64_t now_ns, int64_t cost,
                        int32_t is_forced) {
    line->terms = terms;
    line->opening = terms->units.opening;
    rate_ask_at(&terms->units, now_ns, cost, &line->ask);
    if (is_forced) line->ask.increment = rate_force_increment(&terms->units, cost);
    line->kind = kind_of(line, is_forced);
}

int32_t rate_line_opens(const rate_line *line) {
    return line->opening != 0 && line->kind >= RATE_LINE_TAKE && line->kind <= RATE_LINE_FORCE;
}

void rate_line_carry(rate_line *line, const rate_row *past) {
    const rate_definition *definition = line->definition;
    line->opening = rate_carry(&definition->past->units, past, line->ask.moment.now_us * 1000,
                               definition->past_change, &line->terms->units);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* By what the subject is limited, beside the limit itself: its terms. */
static const rate_terms *apply_override(rate_line *line, const rate_subject *subject,
                                        int64_t now_us) {
    const rate_override *found = rate_definition_override(line->definition, subject, now_us);
    if (found == NULL) return &line->definition->terms;
    line->rule = found->rule;
    if (found->rule == FARM_RATE_RULE_BAN) line->ban_ends_us = found->expires_us;
    return found->terms != NULL ? found->terms : &line->definition->terms;
}

/* The bucket from before the limit was last changed, if it is to be carried over. */
static void find_past(rate_line *line, const rate_subject *subject, int32_t is_local) {
    const rate_definition *definition = line->definition;
    if (definition->past == NULL || line->terms != &definition->terms ||
        line->ask.moment.now_us > definition->past_until_us)
        return;
    if (is_local)
        rate_subject_hash_local(&definition->owner, definition->past->salt, subject, line->past);
    else
        rate_subject_hash(&definition->owner, definition->past->epoch, subject, line->past);
    line->has_past = 1;
}

/* A name that is known is sound; of others it is said which of both they are not. */
static farm_status fail_limit(farm_error *error, const rate_items *given, size_t index,
                              const char *name) {
    const char *complaint = rate_name_complaint(name);
    if (complaint != NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "items[%zu].limit %s", index, complaint);
    return store_error_fail(error, FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT,
                            "the space %s has no limit %s", given->definitions->space, name);
}

static void set_bucket(rate_line *line, const rate_subject *subject, int32_t is_local) {
    const rate_owner *owner = &line->definition->owner;
    if (is_local)
        rate_subject_hash_local(owner, line->terms->salt, subject, line->bucket);
    else
        rate_subject_hash(owner, line->terms->epoch, subject, line->bucket);
}

/* Each field by itself: to clear the whole line costs more than all that is done with it. What is
 * not set here, the terms and the bucket set. */
static void begin_line(rate_line *line, const rate_definition *definition, size_t place) {
    line->definition = definition;
    line->place = place;
    line->rule = FARM_RATE_RULE_LIMIT;
    line->source = FARM_RATE_SOURCE_STORE;
    line->ban_ends_us = 0;
    line->facts = (rate_facts){0};
    line->has_past = 0;
}

static farm_status read_line(farm_error *error, const rate_items *given, size_t index,
                             rate_line *out) {
    const void *source = store_array_at(given->items, index);
    farm_rate_request item;
    farm_status status = options_copy(&item, sizeof item, source);
    if (status != FARM_OK)
        status = store_error_check_options(error, "items", &item, sizeof item, source);
    if (status == FARM_OK) status = check_item(error, index, &item, given->looked_at);
    if (status != FARM_OK) return status;
    const rate_definition *definition = rate_definitions_find(given->definitions, item.limit);
    if (definition == NULL) return fail_limit(error, given, index, item.limit);
    const int32_t is_forced = (item.flags & FARM_RATE_FORCE) != 0;
    if (is_forced && definition->figures.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY)
        return store_error_fail(error, FARM_EINVAL, 0, "items[%zu].flags: holds cannot be forced",
                                index);
    rate_subject subject;
    const char *complaint = rate_subject_read(&definition->owner, item.subject, &subject);
    if (complaint != NULL)
        return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT,
                                "items[%zu].subject %s", index, complaint);

    begin_line(out, definition, index);
    out->is_shadow = definition->is_shadow || is_forced;
    const rate_terms *terms = apply_override(out, &subject, given->now_ns / 1000);
    rate_line_count_by(out, terms, given->now_ns, item.cost, is_forced);
    set_bucket(out, &subject, given->is_local);
    find_past(out, &subject, given->is_local);
    return FARM_OK;
}

static int compare_lines(const void *left, const void *right) {
    const rate_line *one = left;
    const rate_line *other = right;
    return memcmp(one->bucket, other->bucket, RATE_KEY_SIZE);
}

farm_status rate_lines_read(farm_error *error, const rate_items *given, rate_lines *out) {
    const size_t count = given->count;
    farm_status status =
        store_error_check_array(error, "items", given->items, count, FARM_RATE_BATCH_MAX);
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        status = read_line(error, given, i, &out->items[i]);
    if (status != FARM_OK) return status;
    out->count = count;
    if (count > 1) qsort(out->items, count, sizeof *out->items, compare_lines);
    for (size_t i = 1; i < count; i++)
        if (compare_lines(&out->items[i - 1], &out->items[i]) == 0)
            return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_TWICE,
                                    "items[%zu] and items[%zu] are the same bucket",
                                    out->items[i - 1].place, out->items[i].place);
    return FARM_OK;
}

int32_t rate_lines_are_hopeless(const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        if (line->is_shadow) continue;
        if (line->rule == FARM_RATE_RULE_BAN) return 1;
        if (line->kind != RATE_LINE_IDLE && rate_is_never(&line->terms->units, line->ask.cost))
            return 1;
    }
    return 0;
}

int32_t rate_lines_take_nothing(const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const int32_t kind = lines->items[i].kind;
        if (kind > RATE_LINE_READ && kind != RATE_LINE_COUNT) return 0;
    }
    return 1;
}

int32_t rate_lines_took(const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++)
        if (lines->items[i].facts.is_taken) return 1;
    return 0;
}
