/* The backends that this process knows: those built in, and those that somebody registered. */
#include "store/module.h"
#include <pthread.h>
#include <string.h>

#if FARM_WITH_SQLITE
#include <farmcore/sqlite.h>
#endif
#if FARM_WITH_POSTGRES
#include <farmcore/postgres.h>
#endif

enum { REGISTRY_MAX = 16 };

static const farm_backend *const built_in[] = {
#if FARM_WITH_SQLITE
    &farm_sqlite_backend,
#endif
#if FARM_WITH_POSTGRES
    &farm_postgres_backend,
#endif
    NULL,
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const farm_backend *registered[REGISTRY_MAX];
static size_t registered_count;

static const farm_backend *find_built_in(const char *scheme) {
    for (size_t i = 0; built_in[i] != NULL; i++)
        if (strcmp(built_in[i]->scheme, scheme) == 0) return built_in[i];
    return NULL;
}

static const farm_backend *find_registered(const char *scheme) {
    for (size_t i = 0; i < registered_count; i++)
        if (strcmp(registered[i]->scheme, scheme) == 0) return registered[i];
    return NULL;
}

const farm_backend *farm_backend_find(const char *key) {
    if (key == NULL) return NULL;
    const farm_backend *found = find_built_in(key);
    if (found != NULL) return found;
    pthread_mutex_lock(&mutex);
    found = find_registered(key);
    pthread_mutex_unlock(&mutex);
    return found;
}

static int32_t is_complete(const farm_backend *backend) {
    return backend != NULL && backend->struct_size >= offsetof(farm_backend, adopt) &&
           backend->scheme != NULL && backend->dialect != NULL && backend->store_open != NULL &&
           backend->store_close != NULL && backend->open != NULL && backend->close != NULL &&
           backend->set_timeout != NULL && backend->begin != NULL && backend->run != NULL &&
           backend->commit != NULL && backend->rollback != NULL && backend->undo != NULL &&
           backend->script != NULL && backend->has_transaction != NULL;
}

farm_status farm_backend_register(const farm_backend *backend) {
    if (!is_complete(backend)) return FARM_EINVAL;
    farm_status status = FARM_OK;
    pthread_mutex_lock(&mutex);
    const farm_backend *known = find_built_in(backend->scheme);
    if (known == NULL) known = find_registered(backend->scheme);
    if (known != NULL)
        status = known == backend ? FARM_OK : FARM_EEXISTS;
    else if (registered_count == REGISTRY_MAX)
        status = FARM_EFULL;
    else
        registered[registered_count++] = backend;
    pthread_mutex_unlock(&mutex);
    return status;
}
