/* What the sessions of a store share of a module's: snapshots, immutable and counted under the
 * store's mutex, and objects, which live as long as the store. */
#include "store/session.h"

store_snapshot *store_snapshot_enter(farm_session *session, uint32_t slot) {
    store_shared *shared = session->shared;
    pthread_mutex_lock(&shared->mutex);
    store_snapshot *snapshot = shared->snapshots[slot];
    if (snapshot != NULL) snapshot->references++;
    pthread_mutex_unlock(&shared->mutex);
    return snapshot;
}

void store_snapshot_leave(farm_session *session, store_snapshot *snapshot) {
    if (snapshot == NULL) return;
    store_shared *shared = session->shared;
    pthread_mutex_lock(&shared->mutex);
    uint32_t left = --snapshot->references;
    pthread_mutex_unlock(&shared->mutex);
    if (left == 0) snapshot->release(snapshot);
}

uint64_t store_snapshot_generation(farm_session *session, uint32_t slot) {
    store_shared *shared = session->shared;
    pthread_mutex_lock(&shared->mutex);
    const uint64_t generation = shared->generations[slot];
    pthread_mutex_unlock(&shared->mutex);
    return generation;
}

void store_snapshot_publish(farm_session *session, uint32_t slot, uint64_t generation,
                            store_snapshot *snapshot) {
    store_shared *shared = session->shared;
    store_snapshot *old = NULL;
    pthread_mutex_lock(&shared->mutex);
    if (shared->generations[slot] == generation) {
        snapshot->references++;
        old = shared->snapshots[slot];
        shared->snapshots[slot] = snapshot;
    }
    pthread_mutex_unlock(&shared->mutex);
    store_snapshot_leave(session, old);
}

static void forget(farm_session *session, uint32_t slot) {
    store_shared *shared = session->shared;
    pthread_mutex_lock(&shared->mutex);
    store_snapshot *old = shared->snapshots[slot];
    shared->snapshots[slot] = NULL;
    shared->generations[slot]++;
    pthread_mutex_unlock(&shared->mutex);
    store_snapshot_leave(session, old);
}

void store_snapshot_forget(farm_session *session, uint32_t slot) {
    forget(session, slot);
    if (session->transaction != TRANSACTION_NONE) session->forgotten |= UINT32_C(1) << slot;
}

void snapshot_settle(farm_session *session) {
    for (uint32_t slot = 0; session->forgotten != 0 && slot < STORE_SLOT_COUNT; slot++)
        if (session->forgotten >> slot & 1) forget(session, slot);
    session->forgotten = 0;
}

store_object *store_object_find(farm_session *session, uint32_t place) {
    return atomic_load_explicit(&session->shared->objects[place], memory_order_acquire);
}

store_object *store_object_get(farm_session *session, uint32_t place, store_object *(*make)(void)) {
    store_shared *shared = session->shared;
    store_object *object = store_object_find(session, place);
    if (object != NULL) return object;
    pthread_mutex_lock(&shared->mutex);
    object = atomic_load(&shared->objects[place]);
    if (object == NULL) {
        object = make();
        atomic_store(&shared->objects[place], object);
    }
    pthread_mutex_unlock(&shared->mutex);
    return object;
}
