/* An arena: many small allocations, freed together. It keeps its first block across resets, so
 * that a session's steady state allocates nothing. Not for several threads. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

typedef struct arena_block arena_block;

typedef struct arena {
    arena_block *first; /* the block that a reset keeps */
    arena_block *last;
} arena;

/* Zeroed memory, aligned for any type; NULL when there is none. size 0 counts as 1. */
void *arena_allocate(arena *arena, size_t size);
/* count × size, overflow-checked. */
void *arena_allocate_array(arena *arena, size_t count, size_t size);
/* A copy of size bytes with a NUL behind it; NULL when there is no memory. */
char *arena_copy(arena *arena, const void *data, size_t size);
void arena_reset(arena *arena);
void arena_free(arena *arena);

#endif
