/* A map from ids to numbers. */
#include "base/id_map.h"
#include "base/hash.h"
#include "base/id.h"

size_t id_map_capacity(size_t count) {
    size_t capacity = 4;
    while (capacity / 2 < count) capacity *= 2;
    return capacity;
}

void id_map_init(id_map *self, id_map_slot *slots, size_t capacity, uint64_t seed) {
    *self = (id_map){.slots = slots, .mask = capacity - 1, .seed = seed};
}

/* Where it is, or where it would be put. */
static id_map_slot *slot_of(const id_map *self, const farm_id *id) {
    size_t place = (size_t)hash_64(id, sizeof *id, self->seed) & self->mask;
    while (self->slots[place].is_used && !id_equals(&self->slots[place].id, id))
        place = (place + 1) & self->mask;
    return &self->slots[place];
}

uint32_t *id_map_find(const id_map *self, const farm_id *id) {
    if (self->slots == NULL) return NULL;
    id_map_slot *slot = slot_of(self, id);
    return slot->is_used ? &slot->number : NULL;
}

uint32_t *id_map_put(id_map *self, const farm_id *id) {
    id_map_slot *slot = slot_of(self, id);
    if (!slot->is_used) *slot = (id_map_slot){.id = *id, .is_used = 1};
    return &slot->number;
}

/* Nothing was probed past its slot since, so that no other is lost with it. */
void id_map_remove_last(id_map *self, const farm_id *id) {
    *slot_of(self, id) = (id_map_slot){0};
}
