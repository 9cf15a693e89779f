/* Taking in the process; see rate_memory.h. */
#include "rate/rate_memory.h"
#include "base/integer.h"
#include <string.h>

/* What a step does to a row; row NULL: there is none. */
typedef int32_t (*row_function)(const rate_units *units, const rate_ask *ask, const rate_row *row,
                                rate_row *out);

farm_status rate_memory_make(rate_memory *memory, uint32_t bucket_count,
                             int64_t (*now_ns)(void *context), void *now_context) {
    memset(memory, 0, sizeof *memory);
    memory->now_ns = now_ns;
    memory->now_context = now_context;
    farm_status status = rate_table_make(&memory->table, bucket_count);
    if (status == FARM_OK) status = rate_holds_make(&memory->holds, bucket_count);
    if (status != FARM_OK) rate_memory_free(memory);
    return status;
}

void rate_memory_free(rate_memory *memory) {
    rate_table_free(&memory->table);
    rate_holds_free(&memory->holds);
}

/* When there is no room for a bucket of their own, the subjects of a limit share this one. */
static rate_key shared_key_of(const rate_line *line) {
    rate_key key = {0, 0};
    memcpy(&key.high, line->terms->salt, sizeof key.high);
    key.low = ~key.high;
    return key;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Of a limit that was changed: what the bucket from before leaves to a new one. */
static void read_past(const rate_memory *memory, rate_line *line) {
    rate_row past;
    if (line->has_past && rate_table_find(&memory->table, rate_key_of(line->past), &past) != NULL)
        rate_line_carry(line, &past);
}

/* When the row is as good as none. A debt beyond the capacity takes as long again; and what was
 * carried over from a past bucket must not be carried over once more. */
static int64_t expires_of(const rate_line *line, const rate_row *row) {
    int64_t expires_us = line->ask.moment.expires_us;
    if (row->debt > 0)
        expires_us = integer_min(expires_us, INT64_MAX / 2) +
                     integer_min(line->terms->units.refill_us, INT64_MAX / 4);
    return line->has_past ? integer_max(expires_us, line->definition->past_until_us) : expires_us;
}

static void set_row(rate_line *line, const rate_row *row, int32_t is_taken) {
    line->facts.has_row = 1;
    line->facts.row = *row;
    line->facts.is_taken = is_taken;
}

/* What became of a step. */
enum { STEP_REFUSED, STEP_DONE, STEP_AGAIN, STEP_NO_ROOM };

/* The bucket is not there yet: add it as the step leaves it. AGAIN: somebody else was faster. */
static int32_t step_new(rate_memory *memory, rate_key key, rate_line *line, int32_t is_shared,
                        row_function step) {
    const rate_ask *ask = &line->ask;
    const rate_units *units = &line->terms->units;
    const int64_t opening = is_shared ? units->opening : line->opening;
    const rate_row first = {.tat = ask->moment.now + opening};
    rate_row next;
    int32_t is_new = 0;
    const int32_t is_done = step(units, ask, opening != 0 ? &first : NULL, &next);
    if (!is_done && opening == 0) return STEP_REFUSED;
    const rate_row *row = is_done ? &next : &first;
    const rate_slot *slot = rate_table_add(&memory->table, key, row, ask->moment.now_us,
                                           expires_of(line, row), &is_new);
    if (slot == NULL) return STEP_NO_ROOM;
    if (!is_new) return STEP_AGAIN;
    set_row(line, row, is_done);
    return is_done ? STEP_DONE : STEP_REFUSED;
}

/* Ends: whenever this thread must try again, another has changed the bucket. */
static int32_t step_at(rate_memory *memory, rate_key key, rate_line *line, int32_t is_shared,
                       row_function step) {
    const rate_units *units = &line->terms->units;
    int32_t outcome = STEP_AGAIN;
    while (outcome == STEP_AGAIN) {
        rate_row row;
        rate_row next;
        rate_slot *slot = rate_table_find(&memory->table, key, &row);
        if (slot == NULL) {
            outcome = step_new(memory, key, line, is_shared, step);
        } else if (!step(units, &line->ask, &row, &next)) {
            set_row(line, &row, 0);
            outcome = STEP_REFUSED;
        } else if (rate_slot_change(slot, key, &row, &next, expires_of(line, &next))) {
            set_row(line, &next, 1);
            outcome = STEP_DONE;
        }
    }
    return outcome;
}

/* Without any room even for a shared bucket nothing is let through: who fills the table with debts
 * must not buy his way past it. */
static void set_no_room(rate_line *line) {
    set_row(line, &(rate_row){.tat = line->ask.moment.now + line->terms->units.capacity}, 0);
}

/* 1: done; *out_is_shared: from the shared bucket. */
static int32_t step_row(rate_memory *memory, rate_line *line, row_function step,
                        int32_t *out_is_shared) {
    int32_t outcome = step_at(memory, rate_key_of(line->bucket), line, 0, step);
    *out_is_shared = outcome == STEP_NO_ROOM;
    if (*out_is_shared) outcome = step_at(memory, shared_key_of(line), line, 1, step);
    if (outcome == STEP_NO_ROOM) set_no_room(line);
    return outcome == STEP_DONE;
}

static int32_t look_for_row(const rate_memory *memory, rate_key key, rate_line *line) {
    rate_row row;
    if (rate_table_find(&memory->table, key, &row) == NULL) return 0;
    set_row(line, &row, 0);
    return 1;
}

/* Where a take would look, and what it would find. */
static void look_at_row(const rate_memory *memory, rate_line *line) {
    const int64_t now_us = line->ask.moment.now_us;
    if (!look_for_row(memory, rate_key_of(line->bucket), line) &&
        !rate_table_has_room(&memory->table, rate_key_of(line->bucket), now_us) &&
        !look_for_row(memory, shared_key_of(line), line) &&
        !rate_table_has_room(&memory->table, shared_key_of(line), now_us))
        set_no_room(line);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void look_at(rate_memory *memory, rate_line *line) {
    line->facts = (rate_facts){0};
    if (line->kind == RATE_LINE_IDLE) return;
    if (rate_line_is_held(line))
        rate_holds_read(&memory->holds, rate_key_of(line->bucket), line->ask.moment.now_us,
                        &line->facts);
    else
        look_at_row(memory, line);
}

void rate_memory_look(rate_memory *memory, rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        read_past(memory, &lines->items[i]);
        look_at(memory, &lines->items[i]);
    }
}

static int32_t hold(rate_memory *memory, const farm_id *token, rate_line *line) {
    const rate_moment *moment = &line->ask.moment;
    const int32_t is_taken = rate_holds_take(&memory->holds, rate_key_of(line->bucket), token,
                                             line->ask.cost, line->terms->units.capacity,
                                             moment->now_us, moment->expires_us, &line->facts);
    line->facts.is_taken = is_taken;
    return is_taken;
}

/* A take on its way: bit n of shared says that line n was taken from the shared bucket. */
typedef struct taking {
    rate_memory *memory;
    const farm_id *token;
    rate_lines *lines;
    uint64_t shared;
} taking;

_Static_assert(FARM_RATE_BATCH_MAX <= 64, "a bit for each line");

static int32_t step_line(taking *self, size_t index, row_function step) {
    int32_t is_shared = 0;
    const int32_t is_done = step_row(self->memory, &self->lines->items[index], step, &is_shared);
    if (is_done && is_shared) self->shared |= UINT64_C(1) << index;
    return is_done;
}

/* What a line that counts allows: 1, or 0 and nothing of it is taken. */
static int32_t take_line(taking *self, size_t index) {
    rate_line *line = &self->lines->items[index];
    farm_rate_state state = {0};
    switch (line->kind) {
    case RATE_LINE_TAKE:
        return step_line(self, index, rate_row_take);
    case RATE_LINE_HOLD:
        return hold(self->memory, self->token, line);
    case RATE_LINE_LOOK:
    case RATE_LINE_COUNT:
        look_at(self->memory, line);
        if (line->is_shadow) return 1;
        rate_decide(&line->terms->units, &line->ask, &line->facts, &state);
        return state.allowed;
    default:
        return 1;
    }
}

static void give_back_row(rate_memory *memory, rate_key key, const rate_line *line,
                          const rate_ask *ask) {
    rate_row row;
    rate_row next;
    rate_slot *slot = NULL;
    do slot = rate_table_find(&memory->table, key, &row);
    while (slot != NULL && rate_row_refund(ask, &row, &next) &&
           !rate_slot_change(slot, key, &row, &next, expires_of(line, &next)));
}

/* Whether the bucket may have been full again since the line was taken. Then what was taken has
 * come back by itself, and must not be given back a second time. */
static int32_t has_come_back(const rate_memory *memory, const rate_line *line) {
    rate_moment moment;
    rate_moment_at(&line->terms->units, memory->now_ns(memory->now_context), &moment);
    return moment.now >= line->facts.row.tat;
}

static void give_back_line(const taking *self, size_t index) {
    rate_line *line = &self->lines->items[index];
    const int32_t is_shared = (int32_t)(self->shared >> index & 1);
    if (!line->facts.is_taken) return;
    if (rate_line_is_held(line))
        rate_holds_release(&self->memory->holds, rate_key_of(line->bucket), self->token);
    else if (!has_come_back(self->memory, line))
        give_back_row(self->memory, is_shared ? shared_key_of(line) : rate_key_of(line->bucket),
                      line, &line->ask);
    line->facts.is_taken = 0;
}

/* Those that refuse nobody, once the others have let it through. */
static void take_rest(taking *self, size_t index) {
    rate_line *line = &self->lines->items[index];
    switch (line->kind) {
    case RATE_LINE_FORCE:
        (void)step_line(self, index, rate_row_force);
        return;
    case RATE_LINE_TRY:
        (void)step_line(self, index, rate_row_take);
        return;
    case RATE_LINE_TRY_HOLD:
        (void)hold(self->memory, self->token, line);
        return;
    case RATE_LINE_READ:
        look_at(self->memory, line);
        return;
    default:
        return;
    }
}

enum { TOKEN_MARK_AT = 15, TOKEN_MARK = 1 };

static int32_t is_marked(const farm_id *token) {
    return token->bytes[TOKEN_MARK_AT] & TOKEN_MARK;
}

/* As it was when it was used. */
static farm_id unmarked(const farm_id *token) {
    farm_id plain = *token;
    plain.bytes[TOKEN_MARK_AT] &= (uint8_t)~TOKEN_MARK;
    return plain;
}

/* Make the line's bucket where there is none, so many units from full. */
static void open_row(rate_memory *memory, const rate_line *line, int64_t opening) {
    const rate_key key = rate_key_of(line->bucket);
    const rate_row row = {.tat = line->ask.moment.now + opening};
    rate_row known;
    int32_t is_new = 0;
    if (rate_table_find(&memory->table, key, &known) == NULL)
        (void)rate_table_add(&memory->table, key, &row, line->ask.moment.now_us,
                             expires_of(line, &row), &is_new);
}

void rate_memory_take(rate_memory *memory, farm_id *token, rate_lines *lines) {
    if (rate_lines_take_nothing(lines)) {
        rate_memory_look(memory, lines);
        return;
    }
    taking self = {.memory = memory, .token = token, .lines = lines};
    size_t taken = 0;
    int32_t is_allowed = 1;
    for (size_t i = 0; i < lines->count; i++) {
        rate_line *line = &lines->items[i];
        read_past(memory, line);
        /* A new subject's time begins with the first take, though it be refused. */
        if (rate_line_opens(line)) open_row(memory, line, line->opening);
    }
    while (taken < lines->count && is_allowed) {
        is_allowed = take_line(&self, taken);
        taken += (size_t)is_allowed;
    }
    if (is_allowed) {
        for (size_t i = 0; i < lines->count; i++) take_rest(&self, i);
        if (self.shared != 0) token->bytes[TOKEN_MARK_AT] |= TOKEN_MARK;
        return;
    }
    /* The one that refused knows its state; the others are asked for theirs. */
    for (size_t i = 0; i < taken; i++) give_back_line(&self, i);
    for (size_t i = 0; i < lines->count; i++)
        if (i != taken) look_at(memory, &lines->items[i]);
}

/* --- giving back ------------------------------------------------------------------------------ */

/* Who adds the claim may give back. It lasts as long as a refund is honoured, and longer, so that
 * no clock that is a little ahead forgets it. */
static int32_t claim(rate_memory *memory, const farm_id *token, const rate_line *line,
                     int64_t until_us) {
    const rate_key bucket = rate_key_of(line->bucket);
    const rate_row row = {0};
    rate_key key = rate_key_of(token->bytes);
    int32_t is_new = 0;
    key.high ^= bucket.low;
    key.low ^= bucket.high;
    return rate_table_add(&memory->table, key, &row, line->ask.moment.now_us,
                          until_us + RATE_REFUND_MARGIN_US, &is_new) != NULL &&
           is_new;
}

void rate_memory_refund(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    if (is_marked(token)) return;
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        const rate_units *units = &line->terms->units;
        const int64_t now_us = line->ask.moment.now_us;
        const int64_t until_us = rate_refund_until_us(units, token);
        rate_ask ask = {.cost = line->ask.cost,
                        .increment = rate_force_increment(units, line->ask.cost)};
        if (rate_line_is_held(line) || now_us > until_us) continue;
        rate_refund_moment(units, token, now_us * 1000, &ask.moment);
        if (claim(memory, token, line, until_us))
            give_back_row(memory, rate_key_of(line->bucket), line, &ask);
    }
}

void rate_memory_release(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    const farm_id plain = unmarked(token);
    for (size_t i = 0; i < lines->count; i++)
        if (rate_line_is_held(&lines->items[i]))
            rate_holds_release(&memory->holds, rate_key_of(lines->items[i].bucket), &plain);
}

int32_t rate_memory_renew(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    const farm_id plain = unmarked(token);
    int32_t is_renewed = 1;
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        /* Who is exempt held nothing, and a limit in shadow mode may have given nothing. */
        if (!rate_line_is_held(line) || line->rule == FARM_RATE_RULE_EXEMPT) continue;
        is_renewed &= rate_holds_renew(&memory->holds, rate_key_of(line->bucket), &plain,
                                       line->ask.moment.now_us, line->ask.moment.expires_us) |
                      line->is_shadow;
    }
    return is_renewed;
}

static void reset_row(rate_memory *memory, rate_key key) {
    rate_row row;
    rate_slot *slot = NULL;
    do slot = rate_table_find(&memory->table, key, &row);
    while (slot != NULL && !rate_slot_remove(slot, key, &row));
}

void rate_memory_reset(rate_memory *memory, const rate_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        rate_holds_reset(&memory->holds, rate_key_of(line->bucket));
        reset_row(memory, rate_key_of(line->bucket));
        if (line->has_past) reset_row(memory, rate_key_of(line->past));
        /* Where a new bucket is not full, a full one must be there. */
        if (line->terms->units.opening != 0) open_row(memory, line, 0);
    }
}
