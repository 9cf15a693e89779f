/* Refusals that a process remembers. A bucket's tat only moves forward, so who was refused stays
 * refused until his time has come, unless something is given back: in this process that ends all
 * that is remembered, elsewhere it is unseen for denied_us at most. What is remembered is the row,
 * and every call is judged by it anew: a smaller cost may fit. */
#include "rate/rate_process.h"
#include "base/integer.h"

/* A row with until when it holds and of which generation it is. 0: there is none, or somebody was
 * writing it meanwhile. */
static int32_t read(rate_process *process, rate_key key, rate_row *out_row, int64_t *out_until_us,
                    int64_t *out_generation) {
    rate_row again;
    const rate_slot *slot = rate_table_find(&process->denials, key, out_row);
    if (slot == NULL) return 0;
    *out_until_us = rate_word_read(&slot->extra[0]);
    *out_generation = rate_word_read(&slot->extra[1]);
    return rate_table_find(&process->denials, key, &again) == slot && again.tat == out_row->tat;
}

int32_t rate_denial_find(rate_process *process, rate_line *line) {
    rate_facts facts = {.has_row = 1};
    int64_t until_us = 0;
    int64_t generation = 0;
    if (!read(process, rate_key_of(line->bucket), &facts.row, &until_us, &generation)) return 0;
    /* Longer than a refusal is ever remembered: a clock was set back. */
    const int64_t left_us = until_us - line->ask.moment.now_us;
    if (left_us <= 0 || left_us > line->definition->figures.denied_us) return 0;
    if (generation != atomic_load(&process->generation)) return 0;
    farm_rate_state state = {0};
    rate_decide(&line->terms->units, &line->ask, &facts, &state);
    if (state.allowed) return 0;
    line->facts = facts;
    line->source = FARM_RATE_SOURCE_DENIAL;
    return 1;
}

static void keep(rate_process *process, const rate_line *line, int64_t retry_after_us,
                 int64_t generation) {
    const int64_t now_us = line->ask.moment.now_us;
    const int64_t most_us = line->definition->figures.denied_us;
    const int64_t until_us = now_us + integer_min(most_us, retry_after_us);
    const rate_key key = rate_key_of(line->bucket);
    const rate_row *row = &line->facts.row;
    int32_t is_new = 0;
    rate_row known;
    (void)rate_table_add(&process->denials, key, row, now_us, until_us, &is_new);
    rate_slot *slot = rate_table_find(&process->denials, key, &known);
    /* Without room, or when another is writing it, it is not remembered. */
    if (slot == NULL || !rate_slot_hold(slot, key, known.tat)) return;
    rate_word_write(&slot->previous, row->previous);
    rate_word_write(&slot->debt, row->debt);
    rate_word_write(&slot->expires_us, until_us);
    rate_word_write(&slot->extra[0], until_us);
    rate_word_write(&slot->extra[1], generation);
    rate_slot_let_go(slot, row->tat);
}

void rate_denial_keep(rate_process *process, const rate_lines *lines, const farm_rate_state *states,
                      int64_t generation) {
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        const farm_rate_state *state = &states[line->place];
        const int32_t is_kept = line->kind == RATE_LINE_TAKE && !state->allowed &&
                                state->retry_after_us > 0 && line->facts.has_row &&
                                line->definition->figures.denied_us > 0;
        if (is_kept) keep(process, line, state->retry_after_us, generation);
    }
}
