/* Holds in the process: who holds what of the limits of so many at once. Of fixed size, under one
 * mutex: holds last long beside the moment that it takes to count them. */
#ifndef RATE_HOLDS_H
#define RATE_HOLDS_H

#include "rate/rate_table.h"
#include <pthread.h>

typedef struct rate_hold {
    rate_key key;  /* of the bucket */
    farm_id token; /* of the decision */
    int64_t cost;
    int64_t expires_us;
    uint32_t next; /* of the same chain, or of the free ones; 0: none */
} rate_hold;

typedef struct rate_holds {
    pthread_mutex_t mutex;
    rate_hold *items; /* numbered from 1; NULL: not made */
    uint32_t *chains; /* by key */
    uint32_t count;
    uint32_t free;
    int64_t first_end_us; /* none ends before that */
} rate_holds;

/* FARM_OK or FARM_ENOMEM. Room for count holds. */
farm_status rate_holds_make(rate_holds *holds, uint32_t count);
void rate_holds_free(rate_holds *holds);

/* What is held of a bucket, and when the first of that ends. */
void rate_holds_read(rate_holds *holds, rate_key key, int64_t now_us, rate_facts *out);
/* Hold when there is room within the capacity; 0: there is not, here or in the table. The facts say
 * what is held then: all of the capacity when the table is full. */
int32_t rate_holds_take(rate_holds *holds, rate_key key, const farm_id *token, int64_t cost,
                        int64_t capacity, int64_t now_us, int64_t expires_us, rate_facts *out);
void rate_holds_release(rate_holds *holds, rate_key key, const farm_id *token);
/* 0: there is no such hold any more. None ever ends sooner. */
int32_t rate_holds_renew(rate_holds *holds, rate_key key, const farm_id *token, int64_t now_us,
                         int64_t expires_us);
/* End all holds of a bucket. */
void rate_holds_reset(rate_holds *holds, rate_key key);

#endif
