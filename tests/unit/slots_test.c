/* The places of a completion queue against a plain model: lines in order, deadlines in a heap. */
#include "store/slots.h"
#include <criterion/criterion.h>
#include <string.h>

enum { CAPACITY = 37, STEP_COUNT = 200000 };

static slots places;

static void tear_down(void) {
    slots_free(&places);
}

TestSuite(slots, .fini = tear_down);

static uint32_t add(int64_t word, int64_t until_us) {
    const farm_submission given = {.struct_size = sizeof given, .word = word};
    return slots_add(&places, &given, 1000, until_us);
}

Test(slots, a_place_goes_from_free_to_waiting_running_done_and_back) {
    cr_assert_eq(slots_init(&places, 1), FARM_OK);
    uint32_t index = add(7, 0);
    cr_assert_eq(index, 0);
    cr_assert_eq(add(8, 0), SLOTS_NONE);
    farm_ticket ticket = slots_ticket(&places, index);
    cr_assert_eq(slots_find(&places, ticket), 0);

    cr_assert_eq(slots_start(&places, 1500), 0);
    cr_assert_eq(slots_start(&places, 1500), SLOTS_NONE);
    cr_assert_null(slots_collect(&places));
    slots_end(&places, index, FARM_EDENIED, 3, "no", 1700);

    cr_assert_eq(slots_find(&places, ticket), SLOTS_NONE);
    const farm_completion *done = slots_collect(&places);
    cr_assert_eq(done->word, 7);
    cr_assert_eq(done->ticket, ticket);
    cr_assert_eq(done->has_run, 1);
    cr_assert_eq(done->status, FARM_EDENIED);
    cr_assert_eq(done->reason, 3);
    cr_assert_str_eq(done->text, "no");
    cr_assert_eq(done->waited_us, 500);
    cr_assert_eq(done->ran_us, 200);
    cr_assert_null(slots_collect(&places));
    cr_assert_eq(add(9, 0), 0);
    cr_assert_neq(slots_ticket(&places, 0), ticket);
}

Test(slots, one_that_never_ran_says_so) {
    cr_assert_eq(slots_init(&places, 2), FARM_OK);
    uint32_t index = add(7, 5000);

    slots_end(&places, index, FARM_ETIMEOUT, 0, "late", 1700);

    const farm_completion *done = slots_collect(&places);
    cr_assert_eq(done->has_run, 0);
    cr_assert_eq(done->waited_us, 700);
    cr_assert_eq(done->ran_us, 0);
    cr_assert_eq(slots_earliest_us(&places), INT64_MAX);
    cr_assert_eq(slots_earliest(&places), SLOTS_NONE);
}

/* --- a model: every place's state, and lines as arrays of words --- */

typedef struct model_line {
    int64_t words[CAPACITY];
    size_t count;
} model_line;

static model_line waiting, running, done_line;
static int64_t deadlines[STEP_COUNT];
static uint32_t indexes[STEP_COUNT];

static void push(model_line *line, int64_t word) {
    line->words[line->count++] = word;
}

static int64_t take_at(model_line *line, size_t place) {
    int64_t word = line->words[place];
    memmove(line->words + place, line->words + place + 1,
            (--line->count - place) * sizeof *line->words);
    return word;
}

/* xorshift64: the same numbers every time. */
static uint64_t draw(uint64_t bound) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % bound;
}

static int64_t earliest_of_model(void) {
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < waiting.count; i++) {
        int64_t until_us = deadlines[waiting.words[i]];
        if (until_us > 0 && until_us < earliest) earliest = until_us;
    }
    return earliest;
}

static void step_add(int64_t word) {
    size_t used = waiting.count + running.count + done_line.count;
    deadlines[word] = draw(3) == 0 ? 0 : (int64_t)draw(50) + 1;
    indexes[word] = add(word, deadlines[word]);
    cr_assert_eq(indexes[word] == SLOTS_NONE, used == CAPACITY);
    if (indexes[word] != SLOTS_NONE) push(&waiting, word);
}

static void step_start(void) {
    uint32_t index = slots_start(&places, 0);
    cr_assert_eq(index == SLOTS_NONE, waiting.count == 0);
    if (index == SLOTS_NONE) return;
    int64_t word = take_at(&waiting, 0);
    cr_assert_eq(places.items[index].given.word, word);
    push(&running, word);
}

static void step_end(model_line *line) {
    if (line->count == 0) return;
    int64_t word = take_at(line, draw(line->count));
    slots_end(&places, indexes[word], FARM_OK, 0, "", 0);
    push(&done_line, word);
}

static void step_collect(void) {
    const farm_completion *done = slots_collect(&places);
    cr_assert_eq(done == NULL, done_line.count == 0);
    if (done != NULL) cr_assert_eq(done->word, take_at(&done_line, 0));
}

Test(slots, any_order_of_steps_agrees_with_a_plain_model) {
    cr_assert_eq(slots_init(&places, CAPACITY), FARM_OK);
    for (int64_t word = 0; word < STEP_COUNT; word++) {
        switch (draw(8)) {
        case 0:
        case 1:
        case 2:
            step_add(word);
            break;
        case 3:
            step_start();
            break;
        case 4:
            step_end(&waiting);
            break;
        case 5:
            step_end(&running);
            break;
        default:
            step_collect();
        }
        cr_assert_eq(slots_earliest_us(&places), earliest_of_model());
        cr_assert_eq(places.lines[SLOT_WAITING].count, waiting.count);
        cr_assert_eq(places.lines[SLOT_DONE].count, done_line.count);
    }
}
