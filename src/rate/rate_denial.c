/* Refusals that a process remembers. A bucket's tat only moves forward, so who was refused stays
 * refused until his time has come, unless something is given back: in this process that ends all
 * that is remembered, elsewhere it is unseen for denied_us at most. */
#include "rate/rate_process.h"
#include "base/integer.h"

/* The cost that was refused, and of which generation. */
static int64_t pack(uint32_t generation, int64_t cost) {
    return (int64_t)((uint64_t)(generation & INT32_MAX) << 32 | (uint64_t)cost);
}

static int64_t cost_of(int64_t packed) {
    return packed & UINT32_MAX;
}

static uint32_t generation_of(const rate_process *process) {
    return atomic_load(&process->generation) & INT32_MAX;
}

int32_t rate_denial_find(rate_process *process, rate_line *line) {
    int64_t tat = 0;
    const rate_key key = rate_key_of(line->bucket);
    const rate_slot *slot = rate_table_find(&process->denials, key, &tat);
    if (slot == NULL) return 0;
    const rate_row row = rate_slot_row(slot, tat);
    const int64_t until_us = atomic_load_explicit(&slot->extra[0], memory_order_relaxed);
    const int64_t packed = atomic_load_explicit(&slot->extra[1], memory_order_relaxed);
    int64_t again = 0;
    /* All of it is of one moment. */
    if (rate_table_find(&process->denials, key, &again) != slot || again != tat) return 0;
    if (until_us <= line->ask.moment.now_us || line->ask.cost < cost_of(packed)) return 0;
    if ((uint32_t)(packed >> 32) != generation_of(process)) return 0;
    farm_rate_state state = {0};
    const rate_facts facts = {.row = row, .has_row = 1};
    rate_decide(&line->terms->units, &line->ask, &facts, &state);
    if (state.allowed) return 0;
    line->facts = facts;
    line->source = FARM_RATE_SOURCE_DENIAL;
    return 1;
}

static void keep(rate_process *process, const rate_line *line, int64_t retry_after_us) {
    const int64_t now_us = line->ask.moment.now_us;
    const int64_t most_us = line->definition->figures.denied_us;
    const int64_t until_us = now_us + integer_min(most_us, retry_after_us);
    const rate_key key = rate_key_of(line->bucket);
    const rate_row *row = &line->facts.row;
    int32_t is_new = 0;
    int64_t tat = 0;
    (void)rate_table_add(&process->denials, key, row, now_us, until_us, &is_new);
    rate_slot *slot = rate_table_find(&process->denials, key, &tat);
    /* Without room, or when another is writing it, it is not remembered. */
    if (slot == NULL || !rate_slot_hold(slot, key, tat)) return;
    atomic_store_explicit(&slot->previous, row->previous, memory_order_relaxed);
    atomic_store_explicit(&slot->debt, row->debt, memory_order_relaxed);
    atomic_store_explicit(&slot->expires_us, until_us, memory_order_relaxed);
    atomic_store_explicit(&slot->extra[0], until_us, memory_order_relaxed);
    atomic_store_explicit(&slot->extra[1], pack(generation_of(process), line->ask.cost),
                          memory_order_relaxed);
    rate_slot_let_go(slot, row->tat);
}

void rate_denial_keep(rate_process *process, const rate_lines *lines,
                      const farm_rate_state *states) {
    for (size_t i = 0; i < lines->count; i++) {
        const rate_line *line = &lines->items[i];
        const farm_rate_state *state = &states[line->place];
        const int32_t is_kept = line->kind == RATE_LINE_TAKE && !state->allowed &&
                                state->retry_after_us > 0 && line->facts.has_row &&
                                line->definition->figures.denied_us > 0;
        if (is_kept) keep(process, line, state->retry_after_us);
    }
}
