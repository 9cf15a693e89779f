/* A counted box around a native handle, the same for every language: closing while calls are in
 * flight is safe because the last user closes; a child (a session) keeps its parent (its pool).
 * C11 and C++17 share no header of atomics, so these are the compiler's own. */
#ifndef COMMON_BOX_H
#define COMMON_BOX_H

#include <farmcore/farmcore.h>
#include <stdint.h>
#include <stdlib.h>

/** What kind of handle is in a box; a wrapper asks for one of them. */
enum { BOX_POOL = 1, BOX_SESSION = 2, BOX_CLAIM = 3, BOX_BREAKERS = 4, BOX_RATE_LOCAL = 5 };

/** What box_enter() answers. */
enum { BOX_ENTERED = 0, BOX_IS_CLOSED = 1, BOX_IS_BUSY = 2 };

typedef struct box {
    void *handle;
    struct box *parent;
    int32_t kind;
    uint32_t users;      /* calls, children, and the owner until he closes */
    uint32_t references; /* users and the owner's object: who still needs this memory */
    uint32_t is_closed;  /* by the owner */
    uint32_t is_busy;    /* a call has it to itself */
} box;

/* The end of a handle; a session goes back to its pool, the parent. */
static inline void box_end(void *handle, int32_t kind, box *parent) {
    switch (kind) {
    case BOX_POOL:
        farm_pool_free((farm_pool *)handle);
        break;
    case BOX_SESSION:
        farm_pool_release((farm_pool *)parent->handle, (farm_session *)handle);
        break;
    case BOX_CLAIM:
        farm_idempotency_free((farm_idempotency *)handle);
        break;
    case BOX_BREAKERS:
        farm_breakers_free((farm_breakers *)handle);
        break;
    case BOX_RATE_LOCAL:
        farm_rate_local_free((farm_rate_local *)handle);
        break;
    }
}

static inline void box_reference(box *self) {
    __atomic_add_fetch(&self->references, 1, __ATOMIC_RELAXED);
}

static inline void box_unreference(box *self) {
    if (__atomic_sub_fetch(&self->references, 1, __ATOMIC_ACQ_REL) == 0) free(self);
}

static inline void box_leave_shared(box *self);

/* One user fewer, and with the last of a child one fewer of its parent. */
static inline void box_leave_handle(box *self) {
    if (__atomic_sub_fetch(&self->users, 1, __ATOMIC_ACQ_REL) != 0) return;
    box *parent = self->parent;
    if (self->handle != NULL) box_end(self->handle, self->kind, parent);
    self->handle = NULL;
    self->parent = NULL;
    if (parent != NULL) box_leave_shared(parent);
}

/* The child's reference goes after its use: with it the memory may go. */
static inline void box_leave_shared(box *self) {
    box_leave_handle(self);
    box_unreference(self);
}

/* For calls that may run beside others; box_leave_shared() ends it. */
static inline int32_t box_enter_shared(box *self) {
    uint32_t users = __atomic_load_n(&self->users, __ATOMIC_ACQUIRE);
    do {
        if (users == 0 || __atomic_load_n(&self->is_closed, __ATOMIC_ACQUIRE)) return BOX_IS_CLOSED;
    } while (!__atomic_compare_exchange_n(&self->users, &users, users + 1, 0, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    box_reference(self);
    return BOX_ENTERED;
}

/* For calls that need the handle to themselves, the error that they leave on it included. */
static inline int32_t box_enter(box *self) {
    int32_t outcome = box_enter_shared(self);
    if (outcome != BOX_ENTERED || self->kind == BOX_POOL) return outcome;
    if (!__atomic_exchange_n(&self->is_busy, 1, __ATOMIC_ACQ_REL)) return BOX_ENTERED;
    box_leave_shared(self);
    return BOX_IS_BUSY;
}

static inline void box_leave(box *self) {
    if (self->kind != BOX_POOL) __atomic_store_n(&self->is_busy, 0, __ATOMIC_RELEASE);
    box_leave_shared(self);
}

/* The owner wants no more of it. Idempotent. */
static inline void box_close(box *self) {
    if (!__atomic_exchange_n(&self->is_closed, 1, __ATOMIC_ACQ_REL)) box_leave_handle(self);
}

/* The owner's object ends. */
static inline void box_drop(box *self) {
    box_close(self);
    box_unreference(self);
}

/* A box with its owner. The parent, if any, is in use by the caller, so it cannot end meanwhile.
 * NULL when there is no memory: then the handle is still the caller's. */
static inline box *box_new(void *handle, int32_t kind, box *parent) {
    box *self = (box *)calloc(1, sizeof *self);
    if (self == NULL) return NULL;
    self->handle = handle;
    self->kind = kind;
    self->parent = parent;
    self->users = 1;
    self->references = 1;
    if (parent != NULL) {
        __atomic_add_fetch(&parent->users, 1, __ATOMIC_RELAXED);
        box_reference(parent);
    }
    return self;
}

/* No two kinds share a name: Python tells handles apart by it. */
static inline const char *box_kind_name(int32_t kind) {
    static const char *const names[] = {"store", "session", "claim", "set of breakers",
                                        "set of limits"};
    return names[kind - BOX_POOL];
}

#endif
