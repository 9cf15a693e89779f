/* The session as an object: making, opening, closing, its actor, clock and limits. */
#include "store/session.h"
#include "base/id.h"
#include "base/integer.h"
#include "base/options.h"
#include "base/text.h"
#include <string.h>

enum { DEFAULT_TRY_COUNT = 8, MAX_TRY_COUNT = 100 };

static const int64_t default_timeout_us = 30 * INT64_C(1000000);

/* A number that only this thread has: the address of something of its own. */
static uintptr_t this_thread(void) {
    static _Thread_local char mark;
    return (uintptr_t)&mark;
}

/* Let one thread in, again and again when it is the same. */
static int32_t take_thread(farm_session *session) {
    uintptr_t nobody = 0;
    uintptr_t self = this_thread();
    if (!atomic_compare_exchange_strong(&session->thread, &nobody, self) && nobody != self)
        return 0;
    session->depth++;
    return 1;
}

static void leave_thread(farm_session *session) {
    if (--session->depth == 0) atomic_store(&session->thread, 0);
}

farm_status farm_session_new(farm_session **out) {
    if (out == NULL) return FARM_EINVAL;
    farm_session *session = farm_allocate(sizeof *session);
    *out = session;
    if (session == NULL) return FARM_ENOMEM;
    memset(session, 0, sizeof *session);
    session->error.struct_size = sizeof session->error;
    session->fork_generation = clock_fork_generation();
    session->clock = clock_system;
    session->entropy = entropy_system;
    session->frozen_us = -1;
    session->sent_kind = -1;
    return FARM_OK;
}

/* Enter for what needs no open store. */
static farm_status enter(farm_session *session) {
    if (session == NULL || !take_thread(session)) return FARM_EINVAL;
    if (session->depth == 1) error_clear(session);
    if (session->fork_generation == clock_fork_generation()) return FARM_OK;
    leave_thread(session);
    return store_fail(session, FARM_EINVAL, 0,
                      "the session belongs to the process that forked this one");
}

farm_status store_enter(farm_session *session) {
    farm_status status = enter(session);
    if (status != FARM_OK || session->shared != NULL) return status;
    leave_thread(session);
    return store_fail(session, FARM_EINVAL, 0, "the session is not open");
}

farm_status store_leave(farm_session *session, farm_status status) {
    if (session->depth == 1) {
        if (status == FARM_OK)
            error_clear(session);
        else if (session->error.status != status)
            store_fail(session, status, 0, "%s", farm_status_text(status));
    }
    leave_thread(session);
    return status;
}

static farm_status copy_key(farm_session *session, const char *name, const char *key, char *out) {
    farm_status status = store_check_key(session, name, key);
    if (status == FARM_OK) memcpy(out, key, strlen(key) + 1);
    return status;
}

static farm_status copy_hooks(farm_session *session, const farm_session_options *options) {
    session->clock = clock_system;
    session->entropy = entropy_system;
    farm_status status = FARM_OK;
    if (options->clock != NULL)
        status = store_check_options(session, "options.clock", &session->clock,
                                     sizeof session->clock, options->clock);
    if (status == FARM_OK && options->entropy != NULL)
        status = store_check_options(session, "options.entropy", &session->entropy,
                                     sizeof session->entropy, options->entropy);
    if (status != FARM_OK) return status;
    if (session->clock.real_ns == NULL || session->clock.monotonic_ns == NULL)
        return store_fail(session, FARM_EINVAL, 0, "options.clock lacks a function");
    if (session->entropy.fill == NULL)
        return store_fail(session, FARM_EINVAL, 0, "options.entropy lacks its function");
    return FARM_OK;
}

static farm_status set_user(farm_session *session, const char *name, const char *key) {
    session->actor_kind = ACTOR_NOBODY;
    if (key == NULL) return FARM_OK;
    farm_status status = copy_key(session, name, key, session->actor);
    if (status == FARM_OK) session->actor_kind = ACTOR_USER;
    return status;
}

int64_t session_timeout_us(const farm_session_options *options) {
    return options->timeout_us == 0 ? default_timeout_us : integer_max(0, options->timeout_us);
}

static farm_status take_options(farm_session *session, const farm_session_options *source) {
    farm_session_options options;
    farm_status status = store_check_options(session, "options", &options, sizeof options, source);
    if (status != FARM_OK) return status;
    if (options.try_count > MAX_TRY_COUNT)
        return store_fail(session, FARM_EINVAL, 0, "options.try_count is %u, and may be up to %d",
                          options.try_count, MAX_TRY_COUNT);
    status = store_check_range(session, "options.timeout_us", options.timeout_us, -1, CLOCK_MAX_US);
    if (status == FARM_OK) status = copy_hooks(session, &options);
    if (status == FARM_OK) status = set_user(session, "options.actor", options.actor);
    if (status == FARM_OK)
        status = copy_key(session, "options.space",
                          options.space == NULL ? "default" : options.space, session->space);
    session->try_count = options.try_count == 0 ? DEFAULT_TRY_COUNT : options.try_count;
    session->default_timeout_us = session_timeout_us(&options);
    session->timeout_us = 0;
    session->until_us = 0;
    atomic_store(&session->is_cancelled, 0);
    return status;
}

farm_status session_open_shared(farm_session *session, store_shared *shared,
                                const farm_session_options *options) {
    farm_status status = take_options(session, options);
    if (status != FARM_OK) return status;
    session->shared = shared_enter(shared);
    session->deadline_us =
        session->default_timeout_us > 0 ? clock_monotonic_us() + session->default_timeout_us : 0;
    return FARM_OK;
}

static void close_store(farm_session *session) {
    farm_session_free(session->side);
    session->side = NULL;
    if (session->connection != NULL) session->shared->backend.close(session->connection);
    session->connection = NULL;
    shared_leave(session->shared);
    session->shared = NULL;
    session->transaction = TRANSACTION_NONE;
    session->forgotten = 0;
    session->is_adopted = 0;
    session->is_checked = 0;
    session->ahead_ns = 0;
    session->frozen_us = -1;
    session->sent_kind = -1;
    arena_free(&session->arena);
}

static farm_status adopt(farm_session *session, void *native) {
    const store_shared *shared = session->shared;
    farm_connection *connection = NULL;
    farm_fault fault = {.call = -1, .ordinal = -1};
    if (shared->backend.adopt == NULL)
        return store_fail(session, FARM_EUNSUPPORTED, 0, "the backend %s: cannot adopt",
                          shared->backend.scheme);
    farm_status status = shared->backend.adopt(shared->store, native, &connection, &fault);
    session->is_adopted = 1;
    if (status == FARM_OK) session->connection = connection;
    return error_of_call(session, NULL, status, &fault);
}

static farm_status open_new(farm_session *session, const char *uri, const farm_backend *backend,
                            void *native, const farm_session_options *options) {
    if (session->shared != NULL)
        return store_fail(session, FARM_EINVAL, 0, "the session is open already");
    store_shared *shared = NULL;
    farm_status status = shared_open(uri, backend, &session->error, &shared);
    if (status != FARM_OK) return status;
    status = session_open_shared(session, shared, options);
    shared_leave(shared);
    if (status == FARM_OK && native == NULL) status = run_connect(session);
    if (status == FARM_OK && native != NULL) status = adopt(session, native);
    if (status != FARM_OK && session->shared != NULL) close_store(session);
    return status;
}

farm_status farm_session_open(farm_session *session, const char *uri,
                              const farm_session_options *options) {
    farm_status status = enter(session);
    if (status != FARM_OK) return status;
    return store_leave(session, open_new(session, uri, NULL, NULL, options));
}

farm_status farm_session_adopt(farm_session *session, const farm_backend *backend, void *native,
                               const char *uri, const farm_session_options *options) {
    farm_status status = enter(session);
    if (status != FARM_OK) return status;
    if (backend == NULL || native == NULL)
        status = store_fail(session, FARM_EINVAL, 0, "the backend or its handle is missing");
    else
        status = open_new(session, uri, backend, native, options);
    return store_leave(session, status);
}

void farm_session_close(farm_session *session) {
    if (enter(session) != FARM_OK) return;
    if (session->shared != NULL && session->depth == 1) close_store(session);
    store_leave(session, FARM_OK);
}

void farm_session_free(farm_session *session) {
    if (session == NULL) return;
    /* In a forked child the connection is the parent's: closing it would end the parent's too. */
    if (session->fork_generation == clock_fork_generation()) farm_session_close(session);
    arena_free(&session->arena);
    farm_free(session);
}

farm_status session_reset(farm_session *session, const farm_session_options *options) {
    session->frozen_us = -1;
    return take_options(session, options);
}

farm_status farm_session_set_actor(farm_session *session, const char *key) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    return store_leave(session, set_user(session, "the actor", key));
}

farm_status farm_session_set_service(farm_session *session) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    session->actor_kind = ACTOR_SERVICE;
    return store_leave(session, FARM_OK);
}

farm_status farm_session_set_timeout_us(farm_session *session, int64_t timeout_us) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    status = store_check_range(session, "timeout_us", timeout_us, -1, CLOCK_MAX_US);
    if (status == FARM_OK) session->timeout_us = timeout_us;
    return store_leave(session, status);
}

/* The call that runs may be at work on the store of the rate limits. */
void farm_session_interrupt(farm_session *session) {
    for (; session != NULL; session = session->side) {
        atomic_fetch_add(&session->interrupts, 1);
        farm_connection *connection = session->connection;
        if (connection == NULL || session->shared->backend.interrupt == NULL) continue;
        session->shared->backend.interrupt(connection);
    }
}

void session_set_until(farm_session *session, int64_t until_us) {
    session->until_us = until_us;
}

void session_cancel(farm_session *session) {
    for (farm_session *each = session; each != NULL; each = each->side)
        atomic_store(&each->is_cancelled, 1);
    farm_session_interrupt(session);
}

farm_status farm_session_set_clock_us(farm_session *session, int64_t now_us) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    status = store_check_range(session, "now_us", now_us, -1, CLOCK_MAX_US);
    if (status == FARM_OK) session->frozen_us = now_us;
    return store_leave(session, status);
}

int64_t store_now_ns(farm_session *session) {
    if (session->frozen_us >= 0) return session->frozen_us * 1000;
    return session->clock.real_ns(session->clock.context) + session->ahead_ns;
}

int64_t store_now_us(farm_session *session) {
    return store_now_ns(session) / 1000;
}

int64_t store_monotonic_ns(farm_session *session) {
    return session->clock.monotonic_ns(session->clock.context);
}

int64_t farm_session_now_us(farm_session *session) {
    return session == NULL ? clock_system.real_ns(clock_system.context) / 1000
                           : store_now_us(session);
}

void farm_id_new(farm_session *session, farm_id *out) {
    const farm_entropy *entropy = session == NULL ? &entropy_system : &session->entropy;
    id_make(farm_session_now_us(session), entropy, out);
}

void store_random(farm_session *session, void *data, size_t size) {
    session->entropy.fill(session->entropy.context, data, size);
}

const farm_entropy *store_entropy(const farm_session *session) {
    return &session->entropy;
}

arena *store_arena(farm_session *session) {
    return &session->arena;
}

const char *store_actor(const farm_session *session) {
    return session->actor_kind == ACTOR_USER ? session->actor : NULL;
}

const char *store_space(const farm_session *session) {
    return session->space;
}

int32_t store_is_in_transaction(const farm_session *session) {
    if (session->transaction != TRANSACTION_NONE) return 1;
    return session->is_adopted &&
           session->shared->backend.has_transaction(session->connection) != 0;
}

int32_t store_is_service(const farm_session *session) {
    return session->actor_kind == ACTOR_SERVICE;
}

farm_status store_check_owner(farm_session *session, const char *owner) {
    if (store_is_service(session)) return FARM_OK;
    const char *actor = store_actor(session);
    if (actor != NULL && strcmp(actor, owner) == 0) return FARM_OK;
    return store_fail(session, FARM_EDENIED, 0,
                      actor == NULL ? "nobody is named as the session's actor"
                                    : "the session's actor is not the owner");
}

void store_trust(farm_session *session) {
    session->frame->is_trusted = 1;
}

int32_t store_is_trusted(const farm_session *session) {
    if (store_is_service(session)) return 1;
    for (const store_frame *frame = session->frame; frame != NULL; frame = frame->outer)
        if (frame->is_trusted) return 1;
    return 0;
}

farm_status store_check_service(farm_session *session) {
    if (store_is_trusted(session)) return FARM_OK;
    return store_fail(session, FARM_EDENIED, 0, "only the service may do this");
}

static farm_status open_side(farm_session *session) {
    farm_session *side = NULL;
    farm_status status = farm_session_new(&side);
    if (status != FARM_OK) return status;
    farm_session_options options = {
        .struct_size = sizeof options,
        .try_count = session->try_count,
        .timeout_us = session->default_timeout_us == 0 ? -1 : session->default_timeout_us,
        .space = session->space,
        .clock = &session->clock,
        .entropy = &session->entropy,
    };
    status = session_open_shared(side, session->shared->side, &options);
    if (status == FARM_OK) {
        session->side = side;
        return FARM_OK;
    }
    (void)store_take_error(session, side, status);
    farm_session_free(side);
    return status;
}

farm_status store_rate_session(farm_session *session, farm_session **out) {
    *out = session;
    if (session->shared->side == NULL) return FARM_OK;
    if (session->transaction != TRANSACTION_NONE)
        return store_fail(session, FARM_EREFUSED, 0,
                          "the rate limits have a store of their own, whose takes commit at once: "
                          "not inside a transaction");
    if (session->side == NULL) {
        farm_status status = open_side(session);
        if (status != FARM_OK) return status;
    }
    farm_session *side = session->side;
    side->actor_kind = session->actor_kind;
    memcpy(side->actor, session->actor, sizeof session->actor);
    side->frozen_us = session->frozen_us;
    side->timeout_us = session->timeout_us;
    side->until_us = session->until_us;
    atomic_store(&side->is_cancelled, atomic_load(&session->is_cancelled));
    *out = side;
    return FARM_OK;
}
