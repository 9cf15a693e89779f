/* The arena's blocks: a chain that grows at its end. The first is small and kept by a reset; those
 * behind it double, so that a large result costs few allocations, and are given back. */
#include "base/arena.h"
#include "base/integer.h"
#include <farmcore/base.h>
#include <string.h>

struct arena_block {
    arena_block *next;
    size_t size; /* bytes of data */
    size_t used; /* a multiple of the alignment */
    _Alignas(max_align_t) unsigned char data[];
};

#define ALIGNMENT _Alignof(max_align_t)
#define FIRST_SIZE (4096 - sizeof(arena_block))
#define LARGEST_SIZE ((size_t)1 << 20) /* where doubling ends; a larger request has its own block */

static arena_block *append_block(arena *owner, size_t size) {
    arena_block *block = farm_allocate(sizeof(*block) + size);
    if (block == NULL) return NULL;
    block->next = NULL;
    block->size = size;
    block->used = 0;
    if (owner->first == NULL) {
        owner->first = block;
    } else {
        owner->last->next = block;
    }
    owner->last = block;
    return block;
}

/* A block with room for size bytes. A large first request does not become the block that is kept:
 * one large answer would otherwise stay with a session for its life. */
static arena_block *block_for(arena *owner, size_t size) {
    if (owner->first == NULL && append_block(owner, FIRST_SIZE) == NULL) return NULL;
    arena_block *last = owner->last;
    if (last->size - last->used >= size) return last;
    size_t next = last->size < LARGEST_SIZE / 2 ? last->size * 2 : LARGEST_SIZE;
    return append_block(owner, next < size ? size : next);
}

void *arena_allocate(arena *owner, size_t size) {
    /* No object is larger than PTRDIFF_MAX; what follows then cannot overflow. */
    if (size > PTRDIFF_MAX - sizeof(arena_block) - ALIGNMENT) return NULL;
    size_t rounded = (size == 0 ? ALIGNMENT : size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    arena_block *block = block_for(owner, rounded);
    if (block == NULL) return NULL;
    void *data = block->data + block->used;
    block->used += rounded;
    return memset(data, 0, rounded);
}

void *arena_allocate_array(arena *owner, size_t count, size_t size) {
    size_t total = 0;
    if (!size_multiply(count, size, &total)) return NULL;
    return arena_allocate(owner, total);
}

char *arena_copy(arena *owner, const void *data, size_t size) {
    if (size == SIZE_MAX) return NULL;
    char *copy = arena_allocate(owner, size + 1);
    if (copy != NULL && size > 0) memcpy(copy, data, size);
    return copy;
}

static void free_chain(arena_block *block) {
    while (block != NULL) {
        arena_block *next = block->next;
        farm_free(block);
        block = next;
    }
}

void arena_reset(arena *owner) {
    if (owner->first == NULL) return;
    free_chain(owner->first->next);
    owner->first->next = NULL;
    owner->first->used = 0;
    owner->last = owner->first;
}

void arena_free(arena *owner) {
    free_chain(owner->first);
    owner->first = NULL;
    owner->last = NULL;
}
