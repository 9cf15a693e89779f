/* Taking in the process; see rate_memory.h. */
#include "rate/rate_memory.h"
#include "base/integer.h"
#include <string.h>

/* What a step does to a row; row NULL: there is none. */
typedef int32_t (*row_function)(const rate_units *units, const rate_ask *ask, const rate_row *row,
                                rate_row *out);

farm_status rate_memory_make(rate_memory *memory, uint32_t bucket_count) {
    memset(memory, 0, sizeof *memory);
    farm_status status = rate_table_make(&memory->table, bucket_count);
    if (status == FARM_OK) status = rate_holds_make(&memory->holds, bucket_count);
    if (status != FARM_OK) rate_memory_free(memory);
    return status;
}

void rate_memory_free(rate_memory *memory) {
    rate_table_free(&memory->table);
    rate_holds_free(&memory->holds);
}

static rate_key key_of(const rate_line *line) {
    return rate_key_of(line->bucket);
}

/* When the limit has no room left for a bucket of its own, its subjects share this one. */
static rate_key shared_key_of(const rate_line *line) {
    rate_key key = {0, 0};
    memcpy(&key.high, line->terms->salt, sizeof key.high);
    return key;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* What a new bucket begins with; 0: as if it had always been full. */
static int32_t first_row(rate_memory *memory, const rate_line *line, rate_row *out) {
    int64_t tat = 0;
    int64_t opening = line->opening;
    if (line->has_past) {
        const rate_definition *definition = line->definition;
        const rate_slot *slot = rate_table_find(&memory->table, rate_key_of(line->past), &tat);
        const rate_row past = slot == NULL ? (rate_row){0} : rate_slot_row(slot, tat);
        if (slot != NULL)
            opening = rate_carry(&definition->past->units, &past, line->ask.moment.now_us * 1000,
                                 definition->past_change, &line->terms->units);
    }
    *out = (rate_row){.tat = line->ask.moment.now + opening};
    return opening != 0;
}

static void set_row(rate_line *line, const rate_row *row, int32_t is_taken) {
    line->facts.has_row = 1;
    line->facts.row = *row;
    line->facts.is_taken = is_taken;
}

/* From when on the row is as good as none; a forced one is in debt by a whole capacity. */
static int64_t expires_us(const rate_line *line) {
    const rate_moment *moment = &line->ask.moment;
    return line->kind == RATE_LINE_FORCE
               ? rate_force_expires_hour(&line->terms->units, moment) * RATE_HOUR_US
               : moment->expires_us;
}

/* The bucket is not there yet: add it as the step leaves it. 1: done, 0: refused, -1: somebody else
 * was faster, -2: there is no room. */
static int32_t step_new(rate_memory *memory, rate_key key, rate_line *line, row_function step) {
    const rate_ask *ask = &line->ask;
    rate_row first;
    rate_row next;
    int32_t is_new = 0;
    const int32_t has_first = first_row(memory, line, &first);
    const int32_t is_done = step(&line->terms->units, ask, has_first ? &first : NULL, &next);
    if (!is_done && !has_first) return 0;
    const rate_row *row = is_done ? &next : &first;
    const rate_slot *slot =
        rate_table_add(&memory->table, key, row, ask->moment.now_us, expires_us(line), &is_new);
    if (slot == NULL) return -2;
    if (!is_new) return -1;
    set_row(line, row, is_done);
    return is_done;
}

/* 1: done, 0: refused, -2: there is no room. Ends: whenever this thread must try again, another has
 * changed the bucket. */
static int32_t step_at(rate_memory *memory, rate_key key, rate_line *line, row_function step) {
    const rate_units *units = &line->terms->units;
    for (;;) {
        int64_t tat = 0;
        rate_row next;
        rate_slot *slot = rate_table_find(&memory->table, key, &tat);
        if (slot == NULL) {
            const int32_t outcome = step_new(memory, key, line, step);
            if (outcome != -1) return outcome;
            continue;
        }
        const rate_row row = rate_slot_row(slot, tat);
        if (!step(units, &line->ask, &row, &next)) {
            set_row(line, &row, 0);
            return 0;
        }
        if (!rate_slot_change(slot, key, tat, &next, expires_us(line))) continue;
        set_row(line, &next, 1);
        return 1;
    }
}

/* Without any room even for a shared bucket nothing is let through: who fills the table with debts
 * must not buy his way past it. */
static int32_t step_row(rate_memory *memory, rate_line *line, row_function step) {
    int32_t outcome = step_at(memory, key_of(line), line, step);
    if (outcome == -2) outcome = step_at(memory, shared_key_of(line), line, step);
    if (outcome == -2) {
        const rate_units *units = &line->terms->units;
        set_row(line, &(rate_row){.tat = line->ask.moment.now + units->capacity}, 0);
        outcome = 0;
    }
    return outcome;
}

static void look_at_row(rate_memory *memory, rate_line *line) {
    int64_t tat = 0;
    rate_row row;
    const rate_slot *slot = rate_table_find(&memory->table, key_of(line), &tat);
    if (slot != NULL) {
        row = rate_slot_row(slot, tat);
        set_row(line, &row, 0);
    } else if (line->has_past && first_row(memory, line, &row)) {
        set_row(line, &row, 0);
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

static int32_t is_held(const rate_line *line) {
    return line->terms->units.algorithm == FARM_RATE_ALGORITHM_CONCURRENCY;
}

static void look_at(rate_memory *memory, rate_line *line) {
    line->facts = (rate_facts){0};
    if (line->kind == RATE_LINE_IDLE) return;
    if (is_held(line))
        rate_holds_read(&memory->holds, key_of(line), line->ask.moment.now_us, &line->facts);
    else
        look_at_row(memory, line);
}

void rate_memory_look(rate_memory *memory, rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) look_at(memory, &lines->items[i]);
}

static int32_t hold(rate_memory *memory, const farm_id *token, rate_line *line) {
    const rate_moment *moment = &line->ask.moment;
    const int32_t is_taken = rate_holds_take(&memory->holds, key_of(line), token, line->ask.cost,
                                             line->terms->units.capacity, moment->now_us,
                                             moment->expires_us, &line->facts);
    line->facts.is_taken = is_taken;
    return is_taken;
}

/* What a line that counts allows: 1, or 0 and nothing of it is taken. */
static int32_t take_line(rate_memory *memory, const farm_id *token, rate_line *line) {
    farm_rate_state state = {0};
    switch (line->kind) {
    case RATE_LINE_TAKE:
        return step_row(memory, line, rate_row_take);
    case RATE_LINE_HOLD:
        return hold(memory, token, line);
    case RATE_LINE_LOOK:
    case RATE_LINE_COUNT:
        look_at(memory, line);
        if (line->is_shadow) return 1;
        rate_decide(&line->terms->units, &line->ask, &line->facts, &state);
        return state.allowed;
    default:
        return 1;
    }
}

static void give_back_row(rate_memory *memory, rate_key key, const rate_ask *ask) {
    for (;;) {
        int64_t tat = 0;
        rate_row next;
        rate_slot *slot = rate_table_find(&memory->table, key, &tat);
        if (slot == NULL) return;
        const rate_row row = rate_slot_row(slot, tat);
        if (!rate_row_refund(ask, &row, &next)) return;
        if (rate_slot_change(slot, key, tat, &next, ask->moment.expires_us)) return;
    }
}

static void give_back_line(rate_memory *memory, const farm_id *token, rate_line *line) {
    if (!line->facts.is_taken) return;
    if (is_held(line))
        rate_holds_release(&memory->holds, key_of(line), token);
    else
        give_back_row(memory, key_of(line), &line->ask);
    line->facts.is_taken = 0;
}

/* Those that refuse nobody, once the others have let it through. */
static void take_rest(rate_memory *memory, const farm_id *token, rate_line *line) {
    const int32_t fits = !rate_is_never(&line->terms->units, line->ask.cost);
    if (line->kind == RATE_LINE_FORCE)
        (void)step_row(memory, line, rate_row_force);
    else if (line->kind == RATE_LINE_TRY && fits)
        (void)step_row(memory, line, rate_row_take);
    else if (line->kind == RATE_LINE_TRY_HOLD && fits)
        (void)hold(memory, token, line);
    else if (line->is_shadow)
        look_at(memory, line);
}

void rate_memory_take(rate_memory *memory, const farm_id *token, rate_lines *lines) {
    size_t taken = 0;
    int32_t is_allowed = 1;
    for (size_t i = 0; i < lines->count; i++) lines->items[i].facts = (rate_facts){0};
    while (taken < lines->count && is_allowed) {
        is_allowed = take_line(memory, token, &lines->items[taken]);
        taken += (size_t)is_allowed;
    }
    if (is_allowed) {
        for (size_t i = 0; i < lines->count; i++) take_rest(memory, token, &lines->items[i]);
        return;
    }
    /* The one that refused knows its state; the others are asked for theirs. */
    for (size_t i = 0; i < taken; i++) give_back_line(memory, token, &lines->items[i]);
    for (size_t i = 0; i < lines->count; i++)
        if (i != taken) look_at(memory, &lines->items[i]);
}

/* --- giving back ------------------------------------------------------------------------------ */

/* Who adds the claim may give back. It lasts as long as a refund is honoured. */
static int32_t claim(rate_memory *memory, const farm_id *token, const rate_line *line,
                     int64_t until_us) {
    const rate_key bucket = key_of(line);
    const rate_row row = {0};
    rate_key key = rate_key_of(token->bytes);
    int32_t is_new = 0;
    key.high ^= bucket.low;
    key.low ^= bucket.high;
    return rate_table_add(&memory->table, key, &row, line->ask.moment.now_us, until_us, &is_new) !=
               NULL &&
           is_new;
}

void rate_memory_refund(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        const rate_units *units = &line->terms->units;
        const int64_t now_us = line->ask.moment.now_us;
        const int64_t until_us = rate_refund_until_us(units, token);
        if (is_held(line) || now_us > until_us) continue;
        rate_ask ask = {.cost = line->ask.cost,
                        .increment = rate_force_increment(units, line->ask.cost)};
        rate_refund_moment(units, token, now_us * 1000, &ask.moment);
        if (claim(memory, token, line, until_us)) give_back_row(memory, key_of(line), &ask);
    }
}

void rate_memory_release(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++)
        if (is_held(&lines->items[i]))
            rate_holds_release(&memory->holds, key_of(&lines->items[i]), token);
}

int32_t rate_memory_renew(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    int32_t is_renewed = 1;
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        /* Who is exempt held nothing, and a limit in shadow mode may have given nothing. */
        if (!is_held(line) || line->rule == FARM_RATE_RULE_EXEMPT) continue;
        is_renewed &= rate_holds_renew(&memory->holds, key_of(line), token, line->ask.moment.now_us,
                                       line->ask.moment.expires_us) |
                      line->is_shadow;
    }
    return is_renewed;
}

/* An empty row is as good as none. */
static void reset_row(rate_memory *memory, rate_key key, int64_t now) {
    const rate_row full = {.tat = now};
    int64_t tat = 0;
    rate_slot *slot = NULL;
    do slot = rate_table_find(&memory->table, key, &tat);
    while (slot != NULL && !rate_slot_change(slot, key, tat, &full, 0));
}

void rate_memory_reset(rate_memory *memory, const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        rate_holds_reset(&memory->holds, key_of(line));
        const rate_row full = {.tat = line->ask.moment.now};
        int32_t is_new = 0;
        /* Where a new bucket is not full, a full one must be there. */
        if (line->terms->units.opening != 0)
            (void)rate_table_add(&memory->table, key_of(line), &full, line->ask.moment.now_us,
                                 line->ask.moment.expires_us, &is_new);
        reset_row(memory, key_of(line), line->ask.moment.now);
        if (line->has_past) reset_row(memory, rate_key_of(line->past), 0);
    }
}
