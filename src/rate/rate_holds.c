/* Holds in the process; see rate_holds.h. Those of equal hashes are chained; who walks a chain for
 * its own bucket frees what has ended on the way. */
#include "rate/rate_holds.h"
#include "base/id.h"
#include "base/integer.h"
#include <string.h>

farm_status rate_holds_make(rate_holds *holds, uint32_t count) {
    rate_hold *items = farm_allocate((count + (size_t)1) * sizeof *items);
    uint32_t *chains = farm_allocate(count * sizeof *chains);
    if (items == NULL || chains == NULL || pthread_mutex_init(&holds->mutex, NULL) != 0) {
        farm_free(items);
        farm_free(chains);
        return FARM_ENOMEM;
    }
    memset(chains, 0, count * sizeof *chains);
    for (uint32_t i = 1; i <= count; i++) items[i].next = i < count ? i + 1 : 0;
    holds->items = items;
    holds->chains = chains;
    holds->count = count;
    holds->free = 1;
    holds->first_end_us = INT64_MAX;
    return FARM_OK;
}

void rate_holds_free(rate_holds *holds) {
    if (holds->items == NULL) return;
    pthread_mutex_destroy(&holds->mutex);
    farm_free(holds->items);
    farm_free(holds->chains);
    holds->items = NULL;
}

static uint32_t *chain_of(const rate_holds *holds, rate_key key) {
    return &holds->chains[key.low % holds->count];
}

static int32_t is_of(const rate_hold *hold, rate_key key) {
    return hold->key.high == key.high && hold->key.low == key.low;
}

/* Unlink what the link points to. */
static void give_up(rate_holds *holds, uint32_t *link) {
    const uint32_t place = *link;
    *link = holds->items[place].next;
    holds->items[place].next = holds->free;
    holds->free = place;
}

/* With the mutex held, as all below. Ended holds of whatever bucket are given up. */
static void count_held(rate_holds *holds, rate_key key, int64_t now_us, rate_facts *out) {
    uint32_t *link = chain_of(holds, key);
    out->held = 0;
    out->earliest_us = 0;
    while (*link != 0) {
        const rate_hold *hold = &holds->items[*link];
        if (hold->expires_us <= now_us) {
            give_up(holds, link);
            continue;
        }
        if (is_of(hold, key)) {
            out->held += hold->cost;
            if (out->earliest_us == 0 || hold->expires_us < out->earliest_us)
                out->earliest_us = hold->expires_us;
        }
        link = &holds->items[*link].next;
    }
}

/* Ended holds of buckets that nobody asks about take room, too. While none can have ended there is
 * no need to look: a full table must not make each call slow. */
static void sweep(rate_holds *holds, int64_t now_us) {
    if (now_us < holds->first_end_us) return;
    holds->first_end_us = INT64_MAX;
    for (uint32_t i = 0; i < holds->count; i++) {
        uint32_t *link = &holds->chains[i];
        while (*link != 0) {
            const rate_hold *hold = &holds->items[*link];
            if (hold->expires_us <= now_us) {
                give_up(holds, link);
                continue;
            }
            holds->first_end_us = integer_min(holds->first_end_us, hold->expires_us);
            link = &holds->items[*link].next;
        }
    }
}

static int32_t add(rate_holds *holds, rate_key key, const farm_id *token, int64_t cost,
                   int64_t now_us, int64_t expires_us) {
    if (holds->free == 0) sweep(holds, now_us);
    if (holds->free == 0) return 0;
    const uint32_t place = holds->free;
    uint32_t *first = chain_of(holds, key);
    holds->free = holds->items[place].next;
    holds->items[place] = (rate_hold){
        .key = key, .token = *token, .cost = cost, .expires_us = expires_us, .next = *first};
    holds->first_end_us = integer_min(holds->first_end_us, expires_us);
    *first = place;
    return 1;
}

void rate_holds_read(rate_holds *holds, rate_key key, int64_t now_us, rate_facts *out) {
    pthread_mutex_lock(&holds->mutex);
    count_held(holds, key, now_us, out);
    pthread_mutex_unlock(&holds->mutex);
}

int32_t rate_holds_take(rate_holds *holds, rate_key key, const farm_id *token, int64_t cost,
                        int64_t capacity, int64_t now_us, int64_t expires_us, rate_facts *out) {
    pthread_mutex_lock(&holds->mutex);
    count_held(holds, key, now_us, out);
    const int32_t fits = out->held + cost <= capacity;
    const int32_t is_taken = fits && add(holds, key, token, cost, now_us, expires_us);
    if (is_taken) {
        count_held(holds, key, now_us, out);
    } else if (fits) {
        /* Nobody's figures say why, so it is as if all were held until somebody's hold ends. */
        out->held = capacity;
        out->earliest_us = holds->first_end_us;
    }
    pthread_mutex_unlock(&holds->mutex);
    return is_taken;
}

/* The link to a hold; NULL: there is none. */
static uint32_t *find(rate_holds *holds, rate_key key, const farm_id *token) {
    uint32_t *link = chain_of(holds, key);
    while (*link != 0) {
        const rate_hold *hold = &holds->items[*link];
        if (is_of(hold, key) && id_equals(&hold->token, token)) return link;
        link = &holds->items[*link].next;
    }
    return NULL;
}

void rate_holds_release(rate_holds *holds, rate_key key, const farm_id *token) {
    pthread_mutex_lock(&holds->mutex);
    uint32_t *link = find(holds, key, token);
    if (link != NULL) give_up(holds, link);
    pthread_mutex_unlock(&holds->mutex);
}

int32_t rate_holds_renew(rate_holds *holds, rate_key key, const farm_id *token, int64_t now_us,
                         int64_t expires_us) {
    pthread_mutex_lock(&holds->mutex);
    uint32_t *link = find(holds, key, token);
    rate_hold *hold = link == NULL ? NULL : &holds->items[*link];
    const int32_t is_held = hold != NULL && hold->expires_us > now_us;
    if (is_held && hold->expires_us < expires_us) hold->expires_us = expires_us;
    pthread_mutex_unlock(&holds->mutex);
    return is_held;
}

void rate_holds_reset(rate_holds *holds, rate_key key) {
    pthread_mutex_lock(&holds->mutex);
    uint32_t *link = chain_of(holds, key);
    while (*link != 0)
        if (is_of(&holds->items[*link], key))
            give_up(holds, link);
        else
            link = &holds->items[*link].next;
    pthread_mutex_unlock(&holds->mutex);
}
