/* Snapshots that the sessions of a store share: immutable, counted under the store's mutex. */
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

void store_snapshot_publish(farm_session *session, uint32_t slot, store_snapshot *snapshot) {
    store_shared *shared = session->shared;
    pthread_mutex_lock(&shared->mutex);
    if (snapshot != NULL) snapshot->references++;
    store_snapshot *old = shared->snapshots[slot];
    shared->snapshots[slot] = snapshot;
    pthread_mutex_unlock(&shared->mutex);
    store_snapshot_leave(session, old);
}
