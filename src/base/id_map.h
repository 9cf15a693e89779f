/* A map from ids to numbers, in memory that the caller gives: open addressing, probed in order. */
#ifndef BASE_ID_MAP_H
#define BASE_ID_MAP_H

#include <farmcore/base.h>

typedef struct id_map_slot {
    farm_id id;
    uint32_t number;
    uint32_t is_used;
} id_map_slot;

/* Zeros: an empty map, in which things can be looked for. */
typedef struct id_map {
    id_map_slot *slots;
    size_t mask;
    uint64_t seed;
} id_map;

/* How many slots hold count ids, at most half of them used. */
size_t id_map_capacity(size_t count);
/* slots: zeros, capacity of them. The seed is random where ids come from those who may choose them
 * to collide. */
void id_map_init(id_map *self, id_map_slot *slots, size_t capacity, uint64_t seed);
/* Its number, to be read or changed; NULL: it is not there. */
uint32_t *id_map_find(const id_map *self, const farm_id *id);
/* Its number, put there as 0 when it is new. There is room: that is the caller's to see to. */
uint32_t *id_map_put(id_map *self, const farm_id *id);
/* Take out what was put in last of all that is there. */
void id_map_remove_last(id_map *self, const farm_id *id);

#endif
