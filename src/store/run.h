/* How a module's operation runs: batches, transaction, retry, error text. What a module's x.c
 * includes of the store.
 *
 * A public function checks its arguments and hands the rest to store_operate() as a function. That
 * function loads, decides and stores:
 *
 *     static farm_status grant(farm_session *session, void *context) {
 *         grant_operation *operation = context;
 *         store_batch batch;
 *
 *         store_batch_init(&batch, session);
 *         roles_grant_read(&batch, &(roles_grant_read_params){…}, on_grant, operation);
 *         farm_status status = store_run(session, &batch);
 *         …
 *         return store_finish(session, &batch);
 *     }
 *
 * On EAGAIN, and on EUNCERTAIN when the operation is repeatable, it is run again whole, so it must
 * begin from its arguments each time: what it writes into `context` it must also reset. */
#ifndef STORE_RUN_H
#define STORE_RUN_H

#include "store/batch.h"
#include <farmcore/session.h>
#include <stdatomic.h>

/* Flags of an operation. */
enum {
    STORE_READS = 1,      /* it writes nothing */
    STORE_SERVICE = 2,    /* scope: service. Its rules have checked the caller */
    STORE_REPEATABLE = 4, /* it has an id: running it again after EUNCERTAIN changes nothing */
    STORE_OWN = 8         /* refused inside farm_begin() */
};

typedef farm_status (*store_function)(farm_session *session, void *context);

/* Run an operation: enter the session, run the function, retry, settle, leave. */
farm_status store_operate(farm_session *session, uint32_t flags, store_function function,
                          void *context);

/* Begin a public function that only sets or checks: the session's error is cleared. FARM_EINVAL
 * when the session is NULL, not open, in use by another thread or of the parent process. Every
 * enter that returns FARM_OK is followed by a leave. store_operate() does both itself. */
farm_status store_enter(farm_session *session);
farm_status store_leave(farm_session *session, farm_status status);
/* After store_enter(), of a function that then runs operations: the time that the session allows,
 * for all of them together, begins now. */
void store_start(farm_session *session);

/* Inside an operation. */
void store_batch_init(store_batch *batch, farm_session *session);
/* Send a batch that others may follow. Empty batches are fine. */
farm_status store_run(farm_session *session, store_batch *batch);
/* Send the last batch: with it the operation's own transaction commits. */
farm_status store_finish(farm_session *session, store_batch *batch);
/* Take back what this operation has stored so far; it may then run further batches. */
farm_status store_undo(farm_session *session);

/* Record an error and return its status: `return store_fail(session, FARM_EREFUSED, reason, …)`.
 * The text is one line for a person, with the figures and never a secret. */
farm_status store_fail(farm_session *session, farm_status status, int32_t reason,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Which class of failure the last store_run() or store_finish() met: FARM_FAULT_…, for
 * operations to which it is an outcome. */
int32_t store_fault_kind(const farm_session *session);

/* Arguments. Each returns FARM_OK, or FARM_EINVAL and a sentence that begins with name. */
farm_status store_check_key(farm_session *session, const char *name, const char *key);
farm_status store_check_range(farm_session *session, const char *name, int64_t value, int64_t least,
                              int64_t most);
/* Copy a caller's struct (base/options.h); name is the argument's. */
farm_status store_check_options(farm_session *session, const char *name, void *out, size_t size,
                                const void *source);
/* Arrays of a caller's structs: check that there are 1 to most elements, all of one sound size. An
 * element is then copied with store_check_options(), or answered with options_answer(). */
farm_status store_check_array(farm_session *session, const char *name, const void *items,
                              size_t count, size_t most);
/* An element of a checked array. */
void *store_array_at(const void *items, size_t index);

/* The same for what may be called without a session: the error is then the caller's, and NULL when
 * he wants none. store_error(): a session's. */
farm_error *store_error(farm_session *session);
void store_error_clear(farm_error *error);
farm_status store_error_fail(farm_error *error, farm_status status, int32_t reason,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
farm_status store_error_check_range(farm_error *error, const char *name, int64_t value,
                                    int64_t least, int64_t most);
farm_status store_error_check_options(farm_error *error, const char *name, void *out, size_t size,
                                      const void *source);
farm_status store_error_check_array(farm_error *error, const char *name, const void *items,
                                    size_t count, size_t most);

/* Who acts. store_check_owner(): FARM_OK for the owner and for the service, else FARM_EDENIED. */
farm_status store_check_owner(farm_session *session, const char *owner);
farm_status store_check_service(farm_session *session);
int32_t store_is_service(const farm_session *session);
/* The operation has found out that its caller may do it: what it calls from here on is as if the
 * service called it. It holds until the operation has ended, or begins again. */
void store_trust(farm_session *session);
/* The service, or an operation that trusts its caller. */
int32_t store_is_trusted(const farm_session *session);
/* Whether the caller, or his host, has a transaction open. */
int32_t store_is_in_transaction(const farm_session *session);
/* NULL: nobody, or the service. */
const char *store_actor(const farm_session *session);
/* The owner of definitions: the option `space`. */
const char *store_space(const farm_session *session);

int64_t store_now_us(farm_session *session);
int64_t store_now_ns(farm_session *session);
int64_t store_monotonic_ns(farm_session *session);
void store_random(farm_session *session, void *data, size_t size);
const farm_entropy *store_entropy(const farm_session *session);
/* Freed when the outermost operation on the session ends. */
arena *store_arena(farm_session *session);

/* The session that rate limits use: this one, or the one of `rate_uri=`. Errors of the other are
 * copied by store_take_error(). */
farm_status store_rate_session(farm_session *session, farm_session **out);
farm_status store_take_error(farm_session *session, farm_session *from, farm_status status);

/* Something of a module's that the sessions of a store share, from when it is first needed until
 * the store is closed. It is for several threads. */
enum { STORE_OBJECT_RATE, STORE_OBJECT_LEDGER, STORE_OBJECT_COUNT };

typedef struct store_object {
    void (*release)(struct store_object *self); /* frees it */
} store_object;

/* The object, made by the first who asks; NULL: there is no memory for it. */
store_object *store_object_get(farm_session *session, uint32_t place, store_object *(*make)(void));
/* NULL: nobody has asked for it yet. */
store_object *store_object_find(farm_session *session, uint32_t place);

/* Calls of several threads that one of them makes for all, as one batch: what leaders of group
 * commits do in databases, before the database is asked. Two at most are on their way at once, each
 * with its item alone: so long nobody waits. Whoever comes then leaves his item, and the next to be
 * free takes all that have come together. Two and not one, so that a batch is made while another
 * one is committed. */
enum { STORE_COMBINE_LEADERS = 2, STORE_COMBINE_MAX = 1000 };

/* Do it for all the items, which are copies, and leave the outcomes in them. On a failure nothing
 * has happened, or it does not matter that it happens again. */
typedef farm_status (*store_combined)(farm_session *session, void *items, size_t count);

/* Do it with others for the item, or alone. Inside an operation that has done nothing yet; object:
 * whose calls these are. What is refused to several is done again for each alone, as it may have
 * been for another's sake. */
farm_status store_combine(farm_session *session, uint32_t object, void *item, size_t item_size,
                          store_combined function);
/* Whether others' items can be done on this session, and its own on others: it has the time that
 * they have, no transaction and no connection of its host. */
int32_t store_may_combine(const farm_session *session);

/* A cache that the sessions of a store share: immutable snapshots, one a slot, counted. */
enum { STORE_SLOT_RATE, STORE_SLOT_COUNT };

typedef struct store_snapshot {
    _Atomic int64_t loaded_us;                    /* of clock_monotonic_us() */
    void (*release)(struct store_snapshot *self); /* frees it */
    uint32_t references;                          /* 1 at first: its maker's */
} store_snapshot;

/* The slot's snapshot, or NULL; give it back with store_snapshot_leave(). */
store_snapshot *store_snapshot_enter(farm_session *session, uint32_t slot);
void store_snapshot_leave(farm_session *session, store_snapshot *snapshot);
/* Replace the slot's snapshot by one that was read since the slot had this generation, unless it
 * was forgotten meanwhile: it may then be of before the change. The caller keeps his own reference.
 * What was read inside a transaction that may yet be rolled back is not for others. */
uint64_t store_snapshot_generation(farm_session *session, uint32_t slot);
void store_snapshot_publish(farm_session *session, uint32_t slot, uint64_t generation,
                            store_snapshot *snapshot);
/* What it is of was changed. Inside the caller's transaction that is so for others once it has
 * committed, and so it is forgotten then again. */
void store_snapshot_forget(farm_session *session, uint32_t slot);

#endif
