/* Calls of several threads, made by one of them for all. */
#include "store/combine.h"
#include "base/integer.h"
#include "store/session.h"
#include <string.h>

/* An interrupt and a cancellation do not wake who waits; he looks for them so often. */
enum { LOOK_US = 10000 };

typedef enum part_state {
    PART_WAITS,
    PART_LEADS, /* it is his turn, for all that wait */
    PART_TAKEN, /* a leader is doing it */
    PART_DONE
} part_state;

/* A caller who waits. It lies on his stack, and so a leader touches it under the mutex alone. */
typedef struct part {
    struct part *next;
    struct part **place; /* TAKEN: in the leader's list; he who gives up clears it */
    void *item;
    pthread_cond_t moved;
    part_state state;
    farm_status status;
} part;

typedef struct combiner {
    store_object object;
    pthread_mutex_t mutex; /* guards what follows and all parts */
    part *first;
    part **last;
    uint32_t count;
    uint32_t leaders;
} combiner;

/* What a leader has taken. The first item is his own. */
typedef struct taken {
    uint8_t *items;
    part **parts;
    size_t count;
} taken;

/* --- the object --- */

static void release(store_object *object) {
    combiner *self = (combiner *)object;
    pthread_mutex_destroy(&self->mutex);
    farm_free(self);
}

static store_object *make(void) {
    combiner *self = farm_allocate(sizeof *self);
    if (self == NULL) return NULL;
    memset(self, 0, sizeof *self);
    self->object.release = release;
    self->last = &self->first;
    pthread_mutex_init(&self->mutex, NULL);
    return &self->object;
}

int32_t store_may_combine(const farm_session *session) {
    return !session->is_adopted && session->frozen_us < 0 &&
           session->clock.real_ns == clock_system.real_ns && session->frame->outer == NULL &&
           !session->frame->is_joined;
}

/* --- the queue; all under the mutex --- */

static void add(combiner *self, part *waiting) {
    waiting->next = NULL;
    *self->last = waiting;
    self->last = &waiting->next;
    self->count++;
}

static part *take_first(combiner *self) {
    part *first = self->first;
    self->first = first->next;
    if (self->first == NULL) self->last = &self->first;
    self->count--;
    return first;
}

static void drop(combiner *self, const part *waiting) {
    part **at = &self->first;
    while (*at != waiting) at = &(*at)->next;
    *at = waiting->next;
    if (*at == NULL) self->last = at;
    self->count--;
}

static void move(part *waiting, part_state state) {
    waiting->state = state;
    pthread_cond_signal(&waiting->moved);
}

/* Who leads next, if anybody waits. */
static void pass_on(combiner *self) {
    if (self->first == NULL)
        self->leaders--;
    else
        move(take_first(self), PART_LEADS);
}

/* --- leading --- */

/* Behind the leader's own. Where there is no memory it is his own alone, and the next leads. */
static void take_all(combiner *self, arena *memory, void *item, size_t item_size, taken *out) {
    const size_t most = (size_t)integer_min(self->count + 1, STORE_COMBINE_MAX);
    *out = (taken){.items = arena_allocate_array(memory, most, item_size),
                   .parts = arena_allocate_array(memory, most, sizeof *out->parts),
                   .count = 1};
    if (out->items == NULL || out->parts == NULL) {
        out->items = item;
        return;
    }
    memcpy(out->items, item, item_size);
    for (; out->count < most; out->count++) {
        part *next = take_first(self);
        next->state = PART_TAKEN;
        next->place = &out->parts[out->count];
        *next->place = next;
        memcpy(out->items + out->count * item_size, next->item, item_size);
    }
}

static void give_back(const taken *all, size_t item_size, farm_status status) {
    for (size_t i = 1; i < all->count; i++) {
        part *each = all->parts[i];
        if (each == NULL) continue;
        if (status == FARM_OK) memcpy(each->item, all->items + i * item_size, item_size);
        each->status = status;
        move(each, PART_DONE);
    }
}

/* Entered and left under the mutex. */
static farm_status lead(combiner *self, farm_session *session, void *item, size_t item_size,
                        store_combined function) {
    taken all;
    take_all(self, store_arena(session), item, item_size, &all);
    pthread_mutex_unlock(&self->mutex);
    farm_status status = function(session, all.items, all.count);
    pthread_mutex_lock(&self->mutex);
    give_back(&all, item_size, status);
    if (status == FARM_OK && all.items != item) memcpy(item, all.items, item_size);
    pass_on(self);
    if (status != FARM_EREFUSED || all.count == 1) return status;
    pthread_mutex_unlock(&self->mutex);
    status = store_undo(session);
    if (status == FARM_OK) status = function(session, item, 1);
    pthread_mutex_lock(&self->mutex);
    return status;
}

/* --- waiting; under the mutex --- */

/* What has been begun for him may still happen. */
static farm_status give_up(combiner *self, farm_session *session, part *waiting) {
    const int32_t is_begun = waiting->state == PART_TAKEN;
    if (is_begun)
        *waiting->place = NULL;
    else
        drop(self, waiting);
    waiting->state = PART_DONE;
    return store_fail(session, is_begun ? FARM_EUNCERTAIN : FARM_ETIMEOUT, 0,
                      is_begun ? "the operation's time was over while it was being committed"
                               : "the operation's time was over before it was done");
}

static farm_status wait(combiner *self, farm_session *session, part *waiting) {
    const uint32_t interrupts = atomic_load(&session->interrupts);
    const int64_t end_us = session->deadline_us == 0 ? INT64_MAX : session->deadline_us;
    while (waiting->state == PART_WAITS || waiting->state == PART_TAKEN) {
        const int64_t now_us = clock_monotonic_us();
        if (now_us >= end_us || atomic_load(&session->is_cancelled) ||
            atomic_load(&session->interrupts) != interrupts)
            return give_up(self, session, waiting);
        (void)clock_condition_wait(&waiting->moved, &self->mutex,
                                   integer_min(end_us, now_us + LOOK_US));
    }
    return FARM_OK;
}

static farm_status follow(combiner *self, farm_session *session, void *item, size_t item_size,
                          store_combined function) {
    part waiting = {.item = item, .state = PART_WAITS};
    clock_condition_init(&waiting.moved);
    add(self, &waiting);
    farm_status status = wait(self, session, &waiting);
    if (waiting.state == PART_LEADS) status = lead(self, session, item, item_size, function);
    pthread_cond_destroy(&waiting.moved);
    if (status != FARM_OK || waiting.state == PART_LEADS || waiting.status == FARM_OK)
        return status;
    pthread_mutex_unlock(&self->mutex);
    status = function(session, item, 1);
    pthread_mutex_lock(&self->mutex);
    return status;
}

farm_status store_combine(farm_session *session, uint32_t object, void *item, size_t item_size,
                          store_combined function) {
    combiner *self = (combiner *)store_object_get(session, object, make);
    if (self == NULL) return function(session, item, 1);
    pthread_mutex_lock(&self->mutex);
    farm_status status = FARM_OK;
    if (self->leaders < STORE_COMBINE_LEADERS) {
        self->leaders++;
        status = lead(self, session, item, item_size, function);
    } else {
        status = follow(self, session, item, item_size, function);
    }
    pthread_mutex_unlock(&self->mutex);
    return status;
}

uint32_t store_combine_waiting(farm_session *session, uint32_t object) {
    combiner *self = (combiner *)store_object_find(session, object);
    if (self == NULL) return 0;
    pthread_mutex_lock(&self->mutex);
    const uint32_t count = self->count;
    pthread_mutex_unlock(&self->mutex);
    return count;
}
