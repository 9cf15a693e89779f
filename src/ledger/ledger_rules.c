/* A batch, walked from the first item to the last, and its chains. The order of the checks is
 * TigerBeetle's (state_machine.zig, execute_create). */
#include "ledger/ledger_rules.h"
#include "base/id.h"
#include "base/integer.h"
#include <string.h>

enum {
    CREATED = FARM_LEDGER_TRANSFER_CREATED,
    LINKED_EVENT_FAILED = FARM_LEDGER_TRANSFER_LINKED_EVENT_FAILED,
    LINKED_EVENT_CHAIN_OPEN = FARM_LEDGER_TRANSFER_LINKED_EVENT_CHAIN_OPEN,
    TIMESTAMP_MUST_BE_ZERO = FARM_LEDGER_TRANSFER_TIMESTAMP_MUST_BE_ZERO,
    LINKED = FARM_LEDGER_LINKED
};

typedef struct chain {
    size_t first;
    size_t mark;
    int32_t is_open;
    int32_t is_broken;
} chain;

static int32_t check_timestamp(const ledger_walk *walk, const void *context, size_t index,
                               int64_t now_ns) {
    const uint32_t is_imported = walk->flags_of(context, index) & walk->imported_flag;
    const uint32_t is_expected = walk->flags_of(context, 0) & walk->imported_flag;
    const int64_t timestamp_ns = walk->timestamp_of(context, index);
    if (is_imported != is_expected)
        return is_imported ? walk->imported_not_expected : walk->imported_expected;
    if (!is_imported) return timestamp_ns == 0 ? CREATED : TIMESTAMP_MUST_BE_ZERO;
    if (timestamp_ns <= 0) return walk->imported_out_of_range;
    return timestamp_ns < now_ns ? CREATED : walk->imported_must_not_advance;
}

/* All that the chain did is taken back; the item that broke it keeps its status. */
static void break_chain(const ledger_walk *walk, void *context, size_t index, chain *broken) {
    broken->is_broken = 1;
    walk->undo(context, broken->mark);
    for (size_t i = broken->first; i < index; i++) walk->answer(context, i, LINKED_EVENT_FAILED);
}

void ledger_walk_all(const ledger_walk *walk, void *context, size_t count, int64_t now_ns) {
    chain now = {0};
    for (size_t i = 0; i < count; i++) {
        const int32_t is_linked = (walk->flags_of(context, i) & LINKED) != 0;
        if (is_linked && !now.is_open)
            now = (chain){.first = i, .mark = walk->mark(context), .is_open = 1};
        int32_t status = CREATED;
        if (is_linked && i + 1 == count)
            status = LINKED_EVENT_CHAIN_OPEN;
        else if (now.is_broken)
            status = LINKED_EVENT_FAILED;
        else
            status = check_timestamp(walk, context, i, now_ns);
        if (status == CREATED) status = walk->decide(context, i);
        if (status != CREATED && now.is_open && !now.is_broken) break_chain(walk, context, i, &now);
        walk->answer(context, i, status);
        if (!is_linked) now = (chain){0};
    }
}

int64_t ledger_next_ns(int64_t now_ns, int64_t writer, int64_t last_ns) {
    const int64_t latest_ns = integer_max(now_ns, last_ns);
    const int64_t next_ns = latest_ns - latest_ns % LEDGER_STEP_NS + writer;
    return next_ns > last_ns ? next_ns : next_ns + LEDGER_STEP_NS;
}

int32_t ledger_check_id(const farm_id *id, int32_t is_zero_status, int32_t is_max_status) {
    farm_id all_ones;
    memset(&all_ones, 0xff, sizeof all_ones);
    if (id_is_zero(id)) return is_zero_status;
    return id_equals(id, &all_ones) ? is_max_status : CREATED;
}
