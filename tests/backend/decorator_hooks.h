/* What a decorator is made of: a prefix, and what to do before and after each call. Forwarding is
 * the same for all, in decorator_forward.c. */
#ifndef DECORATOR_HOOKS_H
#define DECORATOR_HOOKS_H

#include "decorators.h"

enum {
    DECORATOR_OPEN,
    DECORATOR_BEGIN,
    DECORATOR_RUN,
    DECORATOR_COMMIT,
    DECORATOR_ROLLBACK,
    DECORATOR_UNDO,
    DECORATOR_SCRIPT,
    DECORATOR_ADOPT,
    DECORATOR_WAIT,
    DECORATOR_OPERATION_COUNT
};

/* A call on its way. */
typedef struct decorator_event {
    int32_t operation;      /* DECORATOR_… */
    uint32_t flags;         /* of begin or run; before() may change what is forwarded */
    const farm_call *calls; /* of run */
    size_t call_count;
    int32_t had_transaction; /* whether the store had one open before the call */
    int32_t has_transaction; /* and after it */
    int32_t is_committing;   /* it is commit, or a run that commits */
    int64_t note;            /* the decorator's own, from before() to after() */
} decorator_event;

struct decorator_kind {
    const char *prefix;
    /* Anything but FARM_OK: the call fails so and is not forwarded. NULL: nothing to do. */
    farm_status (*before)(decorator_event *event);
    /* Sees what the store answered, and answers what the caller is told. NULL: the same. When it
     * makes a success fail, what was opened or begun is closed or rolled back. */
    farm_status (*after)(decorator_event *event, farm_status status);
    const char *text; /* of the faults that it makes */
};

#endif
