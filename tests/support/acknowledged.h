/* A client that writes down what it asks of a store and what the store has acknowledged, each
 * before it goes on, so that it, or the server, can be killed at any moment; and the comparison of
 * what it wrote with what is there. Which operation the nth one of a client is follows from their
 * numbers. */
#ifndef ACKNOWLEDGED_H
#define ACKNOWLEDGED_H

#include <farmcore/farmcore.h>

typedef struct acknowledged_options {
    const char *uri;       /* of the application */
    const char *owner_uri; /* who migrates; NULL: the same */
    int is_broken;         /* repeats an operation with a new id, as a careless client does */
    int lost_buckets;      /* a crash of the server may have emptied the buckets of rate limits */
} acknowledged_options;

typedef struct acknowledged_totals {
    uint64_t clients;
    uint64_t asked;
    uint64_t done;
    uint64_t uncertain; /* at least once */
    uint64_t found;
    uint64_t wrong;
} acknowledged_totals;

/* Make the tables, and what the clients share. Once for a schema or a file. */
void acknowledged_prepare(const acknowledged_options *options);
/* Be client number `worker` until killed: write to the descriptor. Whatever the store answers that
 * no fault explains is said on stderr and ends the process. `count` operations; 0: without end. */
void acknowledged_run(const acknowledged_options *options, int worker, int out, int64_t count);
/* Compare what a client wrote with the store; repeat all that may be unsettled, and compare again.
 * What is wrong is said on stderr and counted. */
void acknowledged_check(const acknowledged_options *options, int worker, const char *log,
                        acknowledged_totals *totals);
/* After the last client: what they share, and farm_verify(). */
void acknowledged_finish(const acknowledged_options *options, acknowledged_totals *totals);

#endif
