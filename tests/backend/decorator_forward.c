/* The one backend behind all decorators: it forwards each call to the backend inside, and lets the
 * decorator's hooks see it. Which decorator it is follows from the scheme of the URI.
 *
 * A failure that a decorator makes up keeps the promises of farmcore/backend.h: what failed to
 * begin is not begun, and a savepoint that a failed run was to set is there for undo. */
#include "decorator_hooks.h"
#include <pthread.h>
#include <string.h>

enum { DECORATED_MAX = 16, SCHEME_SIZE = 64 };

/* A decorator around a backend; never freed, as the registry keeps it. */
typedef struct decorated {
    farm_backend backend;
    const decorator_kind *kind;
    const farm_backend *inner;
    char scheme[SCHEME_SIZE];
} decorated;

struct farm_store {
    const decorated *type;
    farm_store *inner;
    farm_store_config config; /* as the inner store knows it */
    char *uri;
};

struct farm_connection {
    const decorated *type;
    farm_connection *inner;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static decorated table[DECORATED_MAX]; /* guarded by mutex, but for what is in use */
static size_t table_count;

/* --- hooks --- */

static farm_status fill_fault(const decorator_kind *kind, farm_status status, farm_fault *fault) {
    memset(fault, 0, sizeof *fault);
    fault->status = status;
    fault->call = -1;
    fault->ordinal = -1;
    memcpy(fault->native, "made-up", sizeof "made-up");
    strncpy(fault->text, kind->text, sizeof fault->text - 1);
    return status;
}

static farm_status call_before(const decorated *type, decorator_event *event, farm_fault *fault) {
    if (type->kind->before == NULL) return FARM_OK;
    farm_status status = type->kind->before(event);
    return status == FARM_OK ? FARM_OK : fill_fault(type->kind, status, fault);
}

static farm_status call_after(const decorated *type, decorator_event *event, farm_status status,
                              farm_fault *fault) {
    if (type->kind->after == NULL) return status;
    farm_status told = type->kind->after(event, status);
    return told == status ? status : fill_fault(type->kind, told, fault);
}

static decorator_event event_of(farm_connection *connection, int32_t operation, uint32_t flags) {
    return (decorator_event){
        .operation = operation,
        .flags = flags,
        .had_transaction = connection->type->inner->has_transaction(connection->inner),
        .is_committing = operation == DECORATOR_COMMIT ||
                         (operation == DECORATOR_RUN && (flags & FARM_RUN_COMMIT) != 0)};
}

static farm_status settle(farm_connection *connection, decorator_event *event, farm_status status,
                          farm_fault *fault) {
    event->has_transaction = connection->type->inner->has_transaction(connection->inner);
    return call_after(connection->type, event, status, fault);
}

/* --- stores --- */

static const decorated *find_by_uri(const char *uri) {
    const decorated *found = NULL;
    size_t size = strcspn(uri, ":");
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < table_count && found == NULL; i++)
        if (strlen(table[i].scheme) == size && memcmp(table[i].scheme, uri, size) == 0)
            found = &table[i];
    pthread_mutex_unlock(&mutex);
    return found;
}

static farm_status fail_to_open(farm_store *store, farm_status status, farm_fault *fault) {
    static const decorator_kind nobody = {.text = "the decorated store cannot be opened"};
    if (store != NULL) farm_free(store->uri);
    farm_free(store);
    return fill_fault(&nobody, status, fault);
}

static farm_status store_open(const farm_store_config *config, farm_store **out,
                              farm_fault *fault) {
    const decorated *type = find_by_uri(config->uri);
    if (type == NULL) return fail_to_open(NULL, FARM_EINVAL, fault);
    const char *inner_uri = config->uri + strlen(type->kind->prefix) + 1;
    size_t uri_size = strlen(inner_uri) + 1;
    farm_store *made = farm_allocate(sizeof *made);
    if (made == NULL) return fail_to_open(NULL, FARM_ENOMEM, fault);
    memset(made, 0, sizeof *made);
    made->uri = farm_allocate(uri_size);
    if (made->uri == NULL) return fail_to_open(made, FARM_ENOMEM, fault);
    memcpy(made->uri, inner_uri, uri_size);
    made->type = type;
    made->config = *config;
    made->config.uri = made->uri;

    farm_status status = type->inner->store_open(&made->config, &made->inner, fault);
    if (status == FARM_OK) {
        *out = made;
        return FARM_OK;
    }
    farm_free(made->uri);
    farm_free(made);
    return status;
}

static void store_close(farm_store *store) {
    store->type->inner->store_close(store->inner);
    farm_free(store->uri);
    farm_free(store);
}

/* --- connections --- */

static farm_status connect_inner(farm_store *store, int32_t operation, int64_t timeout_us,
                                 void *native, farm_connection **out, farm_fault *fault) {
    const decorated *type = store->type;
    decorator_event event = {.operation = operation};
    farm_status status = call_before(type, &event, fault);
    if (status != FARM_OK) return status;
    farm_connection *made = farm_allocate(sizeof *made);
    if (made == NULL) return fail_to_open(NULL, FARM_ENOMEM, fault);
    *made = (farm_connection){.type = type};

    status = operation == DECORATOR_OPEN
                 ? type->inner->open(store->inner, timeout_us, &made->inner, fault)
                 : type->inner->adopt(store->inner, native, &made->inner, fault);
    const farm_status answered = status;
    status = call_after(type, &event, status, fault);
    if (status == FARM_OK) {
        *out = made;
        return FARM_OK;
    }
    if (answered == FARM_OK) type->inner->close(made->inner);
    farm_free(made);
    return status;
}

static farm_status open_connection(farm_store *store, int64_t timeout_us, farm_connection **out,
                                   farm_fault *fault) {
    return connect_inner(store, DECORATOR_OPEN, timeout_us, NULL, out, fault);
}

static farm_status adopt(farm_store *store, void *native, farm_connection **out,
                         farm_fault *fault) {
    return connect_inner(store, DECORATOR_ADOPT, 0, native, out, fault);
}

static void close_connection(farm_connection *connection) {
    connection->type->inner->close(connection->inner);
    farm_free(connection);
}

static void set_timeout(farm_connection *connection, int64_t timeout_us) {
    connection->type->inner->set_timeout(connection->inner, timeout_us);
}

static int32_t has_transaction(farm_connection *connection) {
    return connection->type->inner->has_transaction(connection->inner);
}

static void interrupt_connection(farm_connection *connection) {
    connection->type->inner->interrupt(connection->inner);
}

/* --- transactions --- */

static farm_status begin(farm_connection *connection, uint32_t flags, farm_fault *fault) {
    const farm_backend *inner = connection->type->inner;
    decorator_event event = event_of(connection, DECORATOR_BEGIN, flags);
    farm_status status = call_before(connection->type, &event, fault);
    if (status != FARM_OK) return status;
    const farm_status answered = inner->begin(connection->inner, event.flags, fault);
    status = settle(connection, &event, answered, fault);
    if (answered == FARM_OK && status != FARM_OK) inner->rollback(connection->inner);
    return status;
}

/* undo finds the savepoint that the run would have set. */
static void set_savepoint(farm_connection *connection, uint32_t flags) {
    farm_fault unused;
    if (flags & FARM_RUN_SAVEPOINT)
        (void)connection->type->inner->run(connection->inner, NULL, 0, FARM_RUN_SAVEPOINT, &unused);
}

static farm_status run(farm_connection *connection, farm_call *calls, size_t count, uint32_t flags,
                       farm_fault *fault) {
    decorator_event event = event_of(connection, DECORATOR_RUN, flags);
    event.calls = calls;
    event.call_count = count;
    farm_status status = call_before(connection->type, &event, fault);
    if (status != FARM_OK) {
        set_savepoint(connection, flags);
        return status;
    }
    status = connection->type->inner->run(connection->inner, calls, count, event.flags, fault);
    return settle(connection, &event, status, fault);
}

static farm_status commit(farm_connection *connection, farm_fault *fault) {
    const farm_backend *inner = connection->type->inner;
    decorator_event event = event_of(connection, DECORATOR_COMMIT, 0);
    farm_status status = call_before(connection->type, &event, fault);
    if (status != FARM_OK) {
        inner->rollback(connection->inner);
        return status;
    }
    return settle(connection, &event, inner->commit(connection->inner, fault), fault);
}

static void rollback(farm_connection *connection) {
    farm_fault unused;
    decorator_event event = event_of(connection, DECORATOR_ROLLBACK, 0);
    (void)call_before(connection->type, &event, &unused);
    connection->type->inner->rollback(connection->inner);
    (void)settle(connection, &event, FARM_OK, &unused);
}

static farm_status undo(farm_connection *connection, farm_fault *fault) {
    decorator_event event = event_of(connection, DECORATOR_UNDO, 0);
    farm_status status = call_before(connection->type, &event, fault);
    if (status != FARM_OK) return status;
    return settle(connection, &event, connection->type->inner->undo(connection->inner, fault),
                  fault);
}

static farm_status script(farm_connection *connection, const char *sql, farm_fault *fault) {
    decorator_event event = event_of(connection, DECORATOR_SCRIPT, 0);
    farm_status status = call_before(connection->type, &event, fault);
    if (status != FARM_OK) return status;
    return settle(connection, &event,
                  connection->type->inner->script(connection->inner, sql, fault), fault);
}

static farm_status wait_for(farm_connection *connection, const char *channel, int64_t timeout_us,
                            farm_fault *fault) {
    decorator_event event = event_of(connection, DECORATOR_WAIT, 0);
    farm_status status = call_before(connection->type, &event, fault);
    if (status != FARM_OK) return status;
    status = connection->type->inner->wait(connection->inner, channel, timeout_us, fault);
    return settle(connection, &event, status, fault);
}

static farm_status abandon(farm_connection *connection, farm_fault *fault) {
    farm_fault unused;
    decorator_event event = event_of(connection, DECORATOR_ROLLBACK, 0);
    (void)call_before(connection->type, &event, &unused);
    const farm_status status = connection->type->inner->abandon(connection->inner, fault);
    (void)settle(connection, &event, FARM_OK, &unused);
    return status;
}

/* --- registration --- */

static void fill_backend(decorated *made) {
    made->backend = (farm_backend){.struct_size = sizeof made->backend,
                                   .capabilities = made->inner->capabilities,
                                   .scheme = made->scheme,
                                   .dialect = made->inner->dialect,
                                   .settings = made->inner->settings,
                                   .store_open = store_open,
                                   .store_close = store_close,
                                   .open = open_connection,
                                   .close = close_connection,
                                   .set_timeout = set_timeout,
                                   .begin = begin,
                                   .run = run,
                                   .commit = commit,
                                   .rollback = rollback,
                                   .undo = undo,
                                   .script = script,
                                   .has_transaction = has_transaction};
    if (made->inner->struct_size < sizeof made->backend) return;
    made->backend.adopt = made->inner->adopt == NULL ? NULL : adopt;
    made->backend.interrupt = made->inner->interrupt == NULL ? NULL : interrupt_connection;
    made->backend.wait = made->inner->wait == NULL ? NULL : wait_for;
    made->backend.abandon = made->inner->abandon == NULL ? NULL : abandon;
}

static const farm_backend *find_or_add(const decorator_kind *kind, const farm_backend *inner) {
    for (size_t i = 0; i < table_count; i++)
        if (table[i].kind == kind && table[i].inner == inner) return &table[i].backend;
    if (table_count == DECORATED_MAX) return NULL;
    decorated *made = &table[table_count];
    made->kind = kind;
    made->inner = inner;
    int size = snprintf(made->scheme, sizeof made->scheme, "%s+%s", kind->prefix, inner->scheme);
    if (size < 0 || (size_t)size >= sizeof made->scheme) return NULL;
    fill_backend(made);
    if (farm_backend_register(&made->backend) != FARM_OK) return NULL;
    table_count++;
    return &made->backend;
}

const farm_backend *decorator_register(const decorator_kind *kind, const char *scheme) {
    const farm_backend *inner = farm_backend_find(scheme);
    if (inner == NULL) return NULL;
    pthread_mutex_lock(&mutex);
    const farm_backend *made = find_or_add(kind, inner);
    pthread_mutex_unlock(&mutex);
    return made;
}
