/* The places of a completion queue: lines by index, and a binary heap of deadlines. */
#include "store/slots.h"
#include "base/assert.h"
#include "base/integer.h"
#include "base/text.h"
#include <string.h>

/* A ticket is a generation and an index. */
enum { INDEX_BITS = 16 };

static void line_push(slots *self, int32_t state, uint32_t index) {
    slot_line *line = &self->lines[state];
    slot *item = &self->items[index];
    item->state = state;
    item->previous = line->last;
    item->next = SLOTS_NONE;
    if (line->last == SLOTS_NONE)
        line->first = index;
    else
        self->items[line->last].next = index;
    line->last = index;
    line->count++;
}

static void line_remove(slots *self, uint32_t index) {
    slot *item = &self->items[index];
    slot_line *line = &self->lines[item->state];
    if (item->previous == SLOTS_NONE)
        line->first = item->next;
    else
        self->items[item->previous].next = item->next;
    if (item->next == SLOTS_NONE)
        line->last = item->previous;
    else
        self->items[item->next].previous = item->previous;
    line->count--;
}

static void move(slots *self, uint32_t index, int32_t state) {
    line_remove(self, index);
    line_push(self, state, index);
}

farm_status slots_init(slots *self, uint32_t capacity) {
    memset(self, 0, sizeof *self);
    FARM_ASSERT(capacity > 0 && capacity <= SLOTS_MAX);
    self->items = farm_allocate(capacity * sizeof *self->items);
    self->heap = farm_allocate((capacity + 1u) * sizeof *self->heap);
    if (self->items == NULL || self->heap == NULL) {
        slots_free(self);
        return FARM_ENOMEM;
    }
    memset(self->items, 0, capacity * sizeof *self->items);
    self->capacity = capacity;
    for (size_t i = 0; i < SLOT_STATE_COUNT; i++)
        self->lines[i] = (slot_line){SLOTS_NONE, SLOTS_NONE, 0};
    for (uint32_t i = 0; i < capacity; i++) line_push(self, SLOT_FREE, i);
    return FARM_OK;
}

void slots_free(slots *self) {
    farm_free(self->items);
    farm_free(self->heap);
    memset(self, 0, sizeof *self);
}

/* --- the heap of deadlines -------------------------------------------------------------------- */

static int64_t deadline_at(const slots *self, uint32_t place) {
    return self->items[self->heap[place]].until_us;
}

static void put_at(slots *self, uint32_t place, uint32_t index) {
    self->heap[place] = index;
    self->items[index].place = place;
}

static void rise(slots *self, uint32_t place) {
    const uint32_t index = self->heap[place];
    const int64_t until_us = self->items[index].until_us;
    for (; place > 1 && deadline_at(self, place / 2) > until_us; place /= 2)
        put_at(self, place, self->heap[place / 2]);
    put_at(self, place, index);
}

static void sink(slots *self, uint32_t place) {
    const uint32_t index = self->heap[place];
    const int64_t until_us = self->items[index].until_us;
    for (uint32_t child = place * 2; child <= self->heap_count; child = place * 2) {
        if (child < self->heap_count && deadline_at(self, child + 1) < deadline_at(self, child))
            child++;
        if (deadline_at(self, child) >= until_us) break;
        put_at(self, place, self->heap[child]);
        place = child;
    }
    put_at(self, place, index);
}

static void heap_add(slots *self, uint32_t index) {
    put_at(self, ++self->heap_count, index);
    rise(self, self->heap_count);
}

static void heap_remove(slots *self, uint32_t index) {
    const uint32_t place = self->items[index].place;
    if (place == 0) return;
    const uint32_t last = self->heap[self->heap_count--];
    self->items[index].place = 0;
    if (last == index) return;
    put_at(self, place, last);
    rise(self, place);
    sink(self, self->items[last].place);
}

int64_t slots_earliest_us(const slots *self) {
    return self->heap_count == 0 ? INT64_MAX : deadline_at(self, 1);
}

uint32_t slots_earliest(const slots *self) {
    return self->heap_count == 0 ? SLOTS_NONE : self->heap[1];
}

/* --- from free to done ------------------------------------------------------------------------ */

uint32_t slots_add(slots *self, const farm_submission *given, int64_t now_us, int64_t until_us) {
    const uint32_t index = self->lines[SLOT_FREE].first;
    if (index == SLOTS_NONE) return SLOTS_NONE;
    slot *item = &self->items[index];
    item->given = *given;
    item->generation++;
    item->submitted_us = now_us;
    item->until_us = until_us;
    item->started_us = 0;
    move(self, index, SLOT_WAITING);
    if (until_us > 0) heap_add(self, index);
    return index;
}

uint32_t slots_start(slots *self, int64_t now_us) {
    const uint32_t index = self->lines[SLOT_WAITING].first;
    if (index == SLOTS_NONE) return SLOTS_NONE;
    heap_remove(self, index);
    self->items[index].started_us = now_us;
    move(self, index, SLOT_RUNNING);
    return index;
}

void slots_end(slots *self, uint32_t index, farm_status status, int32_t reason, const char *text,
               int64_t now_us) {
    slot *item = &self->items[index];
    const int32_t has_run = item->state == SLOT_RUNNING;
    const int64_t started_us = has_run ? item->started_us : now_us;
    heap_remove(self, index);
    farm_completion *outcome = &item->outcome;
    outcome->struct_size = sizeof *outcome;
    outcome->has_run = has_run;
    outcome->ticket = slots_ticket(self, index);
    outcome->context = item->given.context;
    outcome->word = item->given.word;
    outcome->status = status;
    outcome->reason = reason;
    outcome->waited_us = integer_max(0, started_us - item->submitted_us);
    outcome->ran_us = integer_max(0, now_us - started_us);
    text_format(outcome->text, sizeof outcome->text, "%s", text);
    move(self, index, SLOT_DONE);
}

const farm_completion *slots_collect(slots *self) {
    const uint32_t index = self->lines[SLOT_DONE].first;
    if (index == SLOTS_NONE) return NULL;
    move(self, index, SLOT_FREE);
    return &self->items[index].outcome;
}

farm_ticket slots_ticket(const slots *self, uint32_t index) {
    return self->items[index].generation << INDEX_BITS | index;
}

uint32_t slots_find(const slots *self, farm_ticket ticket) {
    const uint32_t index = (uint32_t)(ticket & (SLOTS_MAX - 1));
    if (index >= self->capacity || slots_ticket(self, index) != ticket) return SLOTS_NONE;
    const int32_t state = self->items[index].state;
    return state == SLOT_WAITING || state == SLOT_RUNNING ? index : SLOTS_NONE;
}
