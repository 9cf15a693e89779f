/* Running an operation: its own transaction or a savepoint in the caller's, retries, and what the
 * store is told about the actor. The decisions of modules are not here. */
#include "store/run.h"
#include "base/integer.h"
#include "base/text.h"
#include "store/session.h"
#include "store_sql.h"
#include <string.h>

/* Full jitter between nothing and a bound that doubles: 4, 8 … 64 ms (spec: 2 to 50 ms). */
enum { BACKOFF_FIRST_US = 4000, BACKOFF_MAX_US = 64000 };

/* Whether after this status a caller's transaction can only be rolled back. */
static int32_t breaks_transaction(farm_status status) {
    switch (status) {
    case FARM_EAGAIN:
    case FARM_EUNAVAILABLE:
    case FARM_EUNCERTAIN:
    case FARM_ETIMEOUT:
    case FARM_ENOMEM:
        return 1;
    default:
        return 0;
    }
}

void run_set_deadline(farm_session *session) {
    int64_t timeout = session->timeout_us == 0 ? session->default_timeout_us : session->timeout_us;
    session->deadline_us = timeout > 0 ? clock_monotonic_us() + timeout : 0;
    if (session->until_us > 0 &&
        (session->deadline_us == 0 || session->until_us < session->deadline_us))
        session->deadline_us = session->until_us;
}

void store_start(farm_session *session) {
    if (session->depth == 1) run_set_deadline(session);
}

farm_status run_set_timeout(farm_session *session) {
    int64_t left = 0;
    if (atomic_load(&session->is_cancelled))
        return store_fail(session, FARM_ETIMEOUT, 0, "it was cancelled before it was done");
    if (session->deadline_us != 0) {
        left = session->deadline_us - clock_monotonic_us();
        if (left <= 0)
            return store_fail(session, FARM_ETIMEOUT, 0,
                              "the operation's time was over before it was done");
    }
    if (session->connection != NULL)
        session->shared->backend.set_timeout(session->connection, left);
    return FARM_OK;
}

farm_status run_connect(farm_session *session) {
    if (session->connection != NULL) return FARM_OK;
    farm_fault fault = {.call = -1, .ordinal = -1};
    int64_t left = 0;
    if (session->deadline_us != 0)
        left = integer_max(1, session->deadline_us - clock_monotonic_us());
    const store_shared *shared = session->shared;
    farm_connection *connection = NULL;
    farm_status status = shared->backend.open(shared->store, left, &connection, &fault);
    if (status == FARM_OK) session->connection = connection;
    return error_of_call(session, NULL, status, &fault);
}

/* What the store's row policies go by: 's' the service, 'u' and the user, nothing. NULL when there
 * is no memory. */
static const char *actor_text(const farm_session *session, int32_t kind, arena *owner) {
    char *text = arena_allocate(owner, sizeof session->actor + 1);
    if (text == NULL) return NULL;
    if (kind == ACTOR_SERVICE) text[0] = 's';
    if (kind == ACTOR_USER) {
        text[0] = 'u';
        memcpy(text + 1, session->actor, strlen(session->actor));
    }
    return text;
}

/* Put what the store must be told into the batch's free first call. */
static farm_status set_first_call(farm_session *session, store_batch *batch, int32_t kind) {
    const int32_t is_timed = session->timeout_us > 0;
    const farm_statement *statement =
        &batch->statements[is_timed ? STORE_STATEMENT_ACTOR_AND_TIMEOUT_SET
                                    : STORE_STATEMENT_ACTOR_SET];
    farm_value *values = arena_allocate_array(batch->arena, 2, sizeof *values);
    const char *actor = actor_text(session, kind, batch->arena);
    if (values == NULL || actor == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the actor");
    values[0] = value_from_text(value_text_of(actor));
    if (is_timed) {
        char *timeout = arena_allocate(batch->arena, 24);
        if (timeout == NULL)
            return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the timeout");
        int64_t left_us = session->deadline_us - clock_monotonic_us();
        int64_t left_ms = integer_max(1, integer_min(left_us / 1000, INT32_MAX));
        text_format(timeout, 24, "%lld", (long long)left_ms);
        values[1] = value_from_text(value_text_of(timeout));
    }
    batch->calls[0] = (farm_call){.statement = statement, .shared = values, .row_count = 1};
    session->sent_kind = kind;
    return FARM_OK;
}

static int32_t has_actor(const farm_session *session) {
    return session->shared->statements[STORE_STATEMENT_ACTOR_SET].step_count > 0;
}

/* As whom the operation that runs acts. */
static int32_t acting_kind(const farm_session *session) {
    return session->frame->flags & STORE_SERVICE ? ACTOR_SERVICE : session->actor_kind;
}

/* A host whose connection we borrowed goes on in the same transaction: an operation that acts as
 * another leaves the host's actor behind. */
static int32_t must_restore_actor(const farm_session *session, uint32_t flags) {
    return session->is_adopted && (flags & FARM_RUN_RELEASE) && has_actor(session) &&
           acting_kind(session) != session->actor_kind;
}

static farm_status restore_actor(farm_session *session, store_batch *batch) {
    const char *actor = actor_text(session, session->actor_kind, batch->arena);
    store_slots slots;
    if (actor == NULL ||
        !store_batch_add(batch, STORE_STATEMENT_ACTOR_SET, 1, NULL, NULL, NULL, &slots))
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the actor");
    slots.shared[0] = value_from_text(value_text_of(actor));
    return FARM_OK;
}

static farm_status begin(farm_session *session) {
    store_frame *frame = session->frame;
    farm_fault fault = {.call = -1, .ordinal = -1};
    const uint32_t mode = frame->flags & STORE_READS ? FARM_BEGIN_READ : FARM_BEGIN_WRITE;
    const farm_status status =
        session->shared->backend.begin(session->connection, mode | FARM_BEGIN_BRIEF, &fault);
    if (status == FARM_OK) frame->state = FRAME_BEGUN;
    return error_of_call(session, NULL, status, &fault);
}

/* What a batch has to carry, so that its operation is a transaction of its own or, joined, a
 * savepoint. */
static farm_status choose_flags(farm_session *session, int32_t is_last, uint32_t *out) {
    const store_frame *frame = session->frame;
    if (frame->is_joined) {
        *out = (frame->state == FRAME_IDLE ? FARM_RUN_SAVEPOINT : 0u) |
               (is_last ? FARM_RUN_RELEASE : 0u);
        return FARM_OK;
    }
    *out = is_last ? FARM_RUN_COMMIT : 0;
    if (frame->state != FRAME_IDLE) return FARM_OK;
    session->sent_kind = -1;
    if (!is_last) return begin(session);
    if (frame->flags & STORE_READS) *out |= FARM_RUN_READ;
    return FARM_OK;
}

/* After a failed run nothing of the operation is left in the store. Returns what to report: where
 * taking it back has lost the caller's transaction, that, for he would believe that it goes on. */
static farm_status end_failed(farm_session *session, farm_status status) {
    const farm_backend *backend = &session->shared->backend;
    const int32_t state = session->frame->state;
    farm_fault fault = {.call = -1, .ordinal = -1};
    session->sent_kind = -1;
    session->frame->state = FRAME_IDLE;
    if (state == FRAME_BEGUN) backend->rollback(session->connection);
    if (state != FRAME_SAVED) return status;
    /* Even where only a rollback is left: a host must not be able to commit half of it. */
    const farm_status undone = backend->undo(session->connection, &fault);
    const int32_t is_broken = undone != FARM_OK || breaks_transaction(status);
    if (is_broken && session->transaction == TRANSACTION_OPEN)
        session->transaction = TRANSACTION_BROKEN;
    if (breaks_transaction(status) || !breaks_transaction(undone)) return status;
    return error_of_call(session, NULL, undone, &fault);
}

/* Put around the statements what the store must be told about the actor. out_skipped: how many of
 * the batch's calls, 1 or 0, say nothing new. */
static farm_status frame_batch(farm_session *session, store_batch *batch, uint32_t flags,
                               size_t *out_skipped) {
    const int32_t kind = acting_kind(session);
    farm_status status = FARM_OK;
    if (must_restore_actor(session, flags)) status = restore_actor(session, batch);
    *out_skipped = batch->count > 0 && (session->sent_kind == kind || !has_actor(session));
    if (status == FARM_OK && batch->count > *out_skipped)
        status = set_first_call(session, batch, kind);
    return status;
}

static farm_status send(farm_session *session, store_batch *batch, uint32_t flags) {
    farm_fault fault = {.call = -1, .ordinal = -1};
    size_t skipped = 0;
    farm_status status = frame_batch(session, batch, flags, &skipped);
    if (status != FARM_OK) return status;
    if (flags & FARM_RUN_SAVEPOINT) session->frame->state = FRAME_SAVED;
    farm_call *calls = skipped > 0 ? batch->calls + skipped : batch->calls;
    status = session->shared->backend.run(session->connection, calls, batch->count - skipped, flags,
                                          &fault);
    if (fault.call >= 0) fault.call += (int32_t)skipped;
    if (status == FARM_OK && must_restore_actor(session, flags))
        session->sent_kind = session->actor_kind;
    return error_of_call(session, batch, status, &fault);
}

static farm_status run(farm_session *session, store_batch *batch, int32_t is_last) {
    uint32_t flags = 0;
    if (batch->status != FARM_OK)
        return store_fail(session, batch->status, 0, "there is no memory for the statements");
    farm_status status = run_connect(session);
    if (status == FARM_OK) status = run_set_timeout(session);
    if (status == FARM_OK) status = choose_flags(session, is_last, &flags);
    if (status != FARM_OK) return status;
    status = send(session, batch, flags);
    if (status != FARM_OK) return end_failed(session, status);
    if (is_last) session->frame->state = FRAME_IDLE;
    return FARM_OK;
}

farm_status store_run(farm_session *session, store_batch *batch) {
    return run(session, batch, 0);
}

farm_status store_finish(farm_session *session, store_batch *batch) {
    return run(session, batch, 1);
}

farm_status store_undo(farm_session *session) {
    farm_status status = FARM_OK;
    if (session->frame->state != FRAME_IDLE) status = end_failed(session, FARM_OK);
    if (status != FARM_OK) return status;
    return session->transaction == TRANSACTION_BROKEN
               ? store_fail(session, FARM_EUNAVAILABLE, 0, "the transaction cannot go on")
               : FARM_OK;
}

void store_batch_init(store_batch *batch, farm_session *session) {
    memset(batch, 0, sizeof *batch);
    batch->arena = &session->arena;
    batch->statements = session->shared->statements;
}

/* Take back an operation that its rules have refused. What they went by may be another's that is
 * not yet stored, and never will be: then the refusal does not stand. */
static farm_status end_refused(farm_session *session, farm_status status) {
    store_frame *frame = session->frame;
    const farm_backend *backend = &session->shared->backend;
    if (backend->abandon == NULL || frame->state != FRAME_BEGUN || breaks_transaction(status))
        return end_failed(session, status);
    farm_fault fault = {.call = -1, .ordinal = -1};
    session->sent_kind = -1;
    frame->state = FRAME_IDLE;
    const farm_status abandoned = backend->abandon(session->connection, &fault);
    return abandoned == FARM_OK ? status : error_of_call(session, NULL, abandoned, &fault);
}

/* Whatever ends it, also the time being over before the last batch, leaves nothing open. */
static farm_status attempt(farm_session *session, store_function function, void *context) {
    session->frame->is_trusted = 0;
    farm_status status = function(session, context);
    if (status == FARM_OK && session->frame->state != FRAME_IDLE) {
        store_batch empty;
        store_batch_init(&empty, session);
        status = store_finish(session, &empty);
    }
    if (status == FARM_OK || session->frame->state == FRAME_IDLE) return status;
    return end_refused(session, status);
}

static int32_t may_run_again(const store_frame *frame, farm_status status, int32_t was_uncertain) {
    if (frame->is_joined) return 0;
    if (status == FARM_EAGAIN) return 1;
    if (status == FARM_EUNCERTAIN) return (frame->flags & (STORE_REPEATABLE | STORE_READS)) != 0;
    return status == FARM_EUNAVAILABLE && was_uncertain;
}

/* Wait before the next try; 0 when there is no time left for it. */
static int32_t back_off(farm_session *session, uint32_t tries) {
    int64_t bound = BACKOFF_FIRST_US;
    for (uint32_t i = 1; i < tries && bound < BACKOFF_MAX_US; i++) bound *= 2;
    int64_t wait = (int64_t)entropy_below(&session->entropy, (uint64_t)bound);
    if (session->deadline_us != 0 && clock_monotonic_us() + wait >= session->deadline_us) return 0;
    clock_sleep_us(wait);
    return 1;
}

/* Try until it is done, refused, or out of tries and time. Once an outcome was uncertain, only a
 * success settles it: the first try may have taken effect, and what another caller did since may be
 * why the repeat was refused. */
static farm_status try_all(farm_session *session, store_function function, void *context) {
    const store_frame *frame = session->frame;
    int32_t was_uncertain = 0;
    farm_status status = FARM_OK;
    for (uint32_t tries = 1; tries <= session->try_count; tries++) {
        if (!frame->is_joined && frame->outer == NULL) arena_reset(&session->arena);
        status = attempt(session, function, context);
        if (status == FARM_EUNCERTAIN) was_uncertain = 1;
        if (!may_run_again(frame, status, was_uncertain)) break;
        if (tries == session->try_count || !back_off(session, tries)) break;
        error_clear(session);
    }
    if (!was_uncertain || (frame->flags & STORE_READS) || status == FARM_OK) return status;
    if (status == FARM_EUNCERTAIN) return status;
    return store_fail(session, FARM_EUNCERTAIN, 0,
                      "the answer to the commit was lost, and asking again failed too");
}

/* An operation inside another module's operation joins what that one has open; so that one must
 * have something open. */
static farm_status open_outer(farm_session *session, store_frame *outer) {
    if (outer == NULL || outer->state != FRAME_IDLE) return FARM_OK;
    store_batch empty;
    store_batch_init(&empty, session);
    return store_run(session, &empty);
}

static farm_status join(farm_session *session, store_frame *frame) {
    if (session->transaction == TRANSACTION_BROKEN)
        return store_fail(session, FARM_EINVAL, 0,
                          "the transaction failed before and can only be rolled back");
    farm_status status = run_connect(session);
    if (status == FARM_OK) status = open_outer(session, frame->outer);
    if (status != FARM_OK) return status;
    frame->is_joined = frame->outer != NULL || store_is_in_transaction(session);
    if (session->is_adopted && frame->outer == NULL) session->sent_kind = -1;
    if (frame->is_joined && (frame->flags & STORE_OWN))
        return store_fail(session, FARM_EREFUSED, 0,
                          "this cannot be done inside a transaction of the caller");
    return FARM_OK;
}

static farm_status operate(farm_session *session, uint32_t flags, store_function function,
                           void *context) {
    store_frame frame = {.outer = session->frame, .flags = flags};
    farm_status status = FARM_OK;
    if (frame.outer == NULL && !(flags & STORE_UNCHECKED)) status = migrate_check(session);
    if (status == FARM_OK) status = join(session, &frame);
    if (status != FARM_OK) return status;
    session->frame = &frame;
    status = try_all(session, function, context);
    session->frame = frame.outer;
    return status;
}

farm_status store_operate(farm_session *session, uint32_t flags, store_function function,
                          void *context) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    if (session->depth == 1) {
        run_set_deadline(session);
        arena_reset(&session->arena);
    }
    status = operate(session, flags, function, context);
    return store_leave(session, status);
}
