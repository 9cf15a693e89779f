/* The places of a completion queue: a fixed number, each free, waiting, running or done. Waiting
 * and done ones stand in line; waiting ones with a deadline are also in a heap. Plain data: whoever
 * uses it holds a lock, tells it the time, and frees what farm_allocate() gave. */
#ifndef STORE_SLOTS_H
#define STORE_SLOTS_H

#include <farmcore/queue.h>

enum { SLOTS_MAX = 65536 };

#define SLOTS_NONE UINT32_MAX

enum { SLOT_FREE, SLOT_WAITING, SLOT_RUNNING, SLOT_DONE, SLOT_STATE_COUNT };

typedef struct slot {
    farm_submission given;
    uint64_t generation; /* how often the slot was taken */
    int64_t submitted_us;
    int64_t until_us; /* 0: no deadline */
    int64_t started_us;
    int32_t state;
    uint32_t previous; /* in the line of its state */
    uint32_t next;
    uint32_t place;          /* in the heap, from 1 on; 0: not in it */
    farm_completion outcome; /* when it is done */
} slot;

typedef struct slot_line {
    uint32_t first;
    uint32_t last;
    uint32_t count;
} slot_line;

typedef struct slots {
    slot *items;
    uint32_t *heap; /* from 1 on; the earliest deadline first */
    uint32_t heap_count;
    uint32_t capacity;
    slot_line lines[SLOT_STATE_COUNT];
} slots;

/* FARM_ENOMEM: nothing was allocated. slots_free() takes what is all zeros, too. */
farm_status slots_init(slots *self, uint32_t capacity);
void slots_free(slots *self);

/* Take a free slot to the end of the line of those that wait; SLOTS_NONE: there is none. */
uint32_t slots_add(slots *self, const farm_submission *given, int64_t now_us, int64_t until_us);
/* Let the first that waits run; SLOTS_NONE: none waits. */
uint32_t slots_start(slots *self, int64_t now_us);
/* A slot that waits or runs is done with this. */
void slots_end(slots *self, uint32_t index, farm_status status, int32_t reason, const char *text,
               int64_t now_us);
/* The first that is done, whose slot is free from now on; NULL: there is none. */
const farm_completion *slots_collect(slots *self);
/* The earliest deadline of those that wait; INT64_MAX: there is none. */
int64_t slots_earliest_us(const slots *self);
/* The one that has it. */
uint32_t slots_earliest(const slots *self);

farm_ticket slots_ticket(const slots *self, uint32_t index);
/* The slot of a ticket while it waits or runs, else SLOTS_NONE. */
uint32_t slots_find(const slots *self, farm_ticket ticket);

#endif
