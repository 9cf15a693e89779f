/* The inside of a session, for src/store alone. Modules see run.h. */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "base/arena.h"
#include "base/clock.h"
#include "store/shared.h"
#include <stdatomic.h>

enum { ACTOR_NOBODY, ACTOR_USER, ACTOR_SERVICE };

/* The caller's transaction. BROKEN: only farm_rollback() is left. */
enum { TRANSACTION_NONE, TRANSACTION_OPEN, TRANSACTION_BROKEN };

/* What a running operation has open in the store. */
enum { FRAME_IDLE, FRAME_BEGUN, FRAME_SAVED };

/* One running operation; they nest when an operation calls another module. */
typedef struct store_frame {
    struct store_frame *outer;
    uint32_t flags;
    int32_t state;
    int32_t is_joined;  /* inside a transaction that is not its own */
    int32_t is_trusted; /* store_trust() */
} store_frame;

struct farm_session {
    store_shared *shared;
    /* NULL until first needed, and after close. Atomic for farm_session_interrupt() alone. */
    _Atomic(farm_connection *) connection;
    atomic_uintptr_t thread; /* the thread inside, 0: none */
    uint32_t depth;          /* how often it is inside */
    uint32_t fork_generation;
    farm_error error;
    int32_t fault_kind;

    int32_t actor_kind;
    char actor[FARM_KEY_MAX + 1];
    char space[FARM_KEY_MAX + 1];
    int32_t sent_kind; /* what the store's transaction was told; -1: nothing yet */

    farm_clock clock;
    farm_entropy entropy;
    int64_t frozen_us; /* -1: the clock runs */
    int64_t ahead_ns;  /* what the store's clock is ahead of ours */
    uint32_t try_count;
    int64_t default_timeout_us; /* 0: no limit */
    int64_t timeout_us;         /* 0: the default; -1: no limit */
    int64_t deadline_us;        /* of the running operation, clock_monotonic_us(); 0: none */
    int64_t until_us;           /* of all operations together; 0: none */
    atomic_int is_cancelled;    /* from any thread: what is not done by now is not wanted */
    atomic_uint interrupts;     /* how many there were: seen by who waits for no connection */

    int32_t transaction;
    uint32_t forgotten; /* slots of snapshots, as bits: what the transaction has changed */
    int32_t is_adopted;
    int32_t is_checked; /* the schema is one that we can work on */
    store_frame *frame;
    arena arena;
    /* Of rate_uri=, made when first needed. Atomic for the same. */
    _Atomic(struct farm_session *) side;
    struct farm_session *next; /* in the pool's list of idle sessions */
    int64_t idle_since_us;
};

/* Flags of an operation beside those of run.h: it does without a checked schema. */
enum { STORE_UNCHECKED = 1 << 16 };

/* session.c */
farm_status session_open_shared(farm_session *session, store_shared *shared,
                                const farm_session_options *options);
/* As the pool hands it out: nothing of the last user is left. */
farm_status session_reset(farm_session *session, const farm_session_options *options);
/* What the option means; 0: no limit. */
int64_t session_timeout_us(const farm_session_options *options);
/* Until the pool's next reset: all operations together end by then, clock_monotonic_us(). */
void session_set_until(farm_session *session, int64_t until_us);
/* Until the pool's next reset: what has not been sent is refused with FARM_ETIMEOUT, and the call
 * that runs is interrupted. Any thread. A call that was just about to run is missed by the
 * interrupt: repeat it until the session's user has ended. */
void session_cancel(farm_session *session);

/* error.c */
void error_clear(farm_session *session);
/* What a call of the backend answered. Other than FARM_OK: its fault is recorded, as the rules of
 * the statement say. batch: what was sent, or NULL. */
farm_status error_of_call(farm_session *session, const store_batch *batch, farm_status status,
                          const farm_fault *fault);

/* run.c */
farm_status run_connect(farm_session *session);
/* Start the time that the session allows an operation. */
void run_set_deadline(farm_session *session);
/* Tell the backend what is left of the deadline; FARM_ETIMEOUT when nothing is. */
farm_status run_set_timeout(farm_session *session);

/* snapshot.c */
/* The caller's transaction has ended: forget for good what it changed. */
void snapshot_settle(farm_session *session);

/* migrate.c */
farm_status migrate_check(farm_session *session);

#endif
