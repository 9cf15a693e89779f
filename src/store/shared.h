/* What the sessions of one store share: the backend's store object, the statements of its dialect
 * with the schema filled in, the settings of the URI, the caches. Counted; thread-safe. */
#ifndef STORE_SHARED_H
#define STORE_SHARED_H

#include "base/arena.h"
#include "store/module.h"
#include "store/run.h"
#include <pthread.h>

enum { SHARED_SCHEMA_MAX = 31, SHARED_SETTING_MAX = 16 };

typedef struct store_shared {
    uint32_t references;
    pthread_mutex_t mutex; /* guards references, snapshots, generations */
    farm_backend backend;  /* its table, where all that an older one does not have is NULL */
    farm_store *store;
    farm_statement *statements;
    uint32_t statement_count;
    int32_t dialect;
    int32_t follows_store_clock;
    int32_t polls_topics; /* nobody listens, so nobody is notified */
    char schema[SHARED_SCHEMA_MAX + 1];
    char grant_to[FARM_KEY_MAX + 1];
    struct store_shared *side; /* of rate_uri=; NULL: there is none */
    store_snapshot *snapshots[STORE_SLOT_COUNT];
    uint64_t generations[STORE_SLOT_COUNT];              /* how often each was forgotten */
    _Atomic(store_object *) objects[STORE_OBJECT_COUNT]; /* made under the mutex, read without */
    arena arena;
    farm_setting settings[SHARED_SETTING_MAX];
    size_t setting_count;
} store_shared;

/* Open what a URI names. backend NULL: the one of the URI's scheme. On failure *error is filled. */
farm_status shared_open(const char *uri, const farm_backend *backend, farm_error *error,
                        store_shared **out);
store_shared *shared_enter(store_shared *shared);
void shared_leave(store_shared *shared);

/* The text with every {schema} (and {role}) replaced; NULL when there is no memory. */
char *shared_expand(const store_shared *shared, arena *owner, const char *text);

#endif
