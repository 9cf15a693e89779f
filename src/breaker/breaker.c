/* The two steps around a call, and what a person does by hand. Every change is one exchange of a
 * word whose meaning is the rules' (breaker_rules.c): whoever exchanges first has decided, everyone
 * else reads again. */
#include "base/clock.h"
#include "base/options.h"
#include "breaker/breaker_set.h"
#include <string.h>

#define US_PER_MS INT64_C(1000)

/* An exchange that fails has been won by another thread, so that somebody always makes progress.
 * Changes of state are tried so often. */
enum { TRIES = 1000 };

/* permit.place: place in the table 16 | number of the probe from 1, or 0. */
enum { PROBE_SHIFT = 16, PLACE_MASK = 0xffff };

static int64_t probe_ms(const breaker_circuit *circuit) {
    return (circuit->options.probe_us + US_PER_MS - 1) / US_PER_MS;
}

/* --- changes of state ------------------------------------------------------------------------ */

/* 1 when this call has changed the state from exactly that word. */
static int32_t change(farm_breakers *breakers, breaker_circuit *circuit, uint64_t word,
                      int32_t state, int32_t cause, int64_t now_us) {
    breaker_phase next;
    if (!breaker_phase_follow(word, state, &next)) return 0;
    if (state == FARM_BREAKER_OPEN) {
        const uint32_t random = (uint32_t)entropy_below(&breakers->entropy, BREAKER_RANDOM_MAX + 1);
        next.until_ms =
            breaker_until_ms(now_us, breaker_open_us(&circuit->options, next.trips, random));
    }
    const int32_t from = breaker_phase_unpack(word).state;
    if (!atomic_compare_exchange_strong(&circuit->phase, &word, breaker_phase_pack(&next)))
        return 0;
    if (state == FARM_BREAKER_OPEN && cause != FARM_BREAKER_CAUSE_MANUAL)
        atomic_fetch_add(&circuit->opened, 1);
    breaker_event_add(breakers, circuit, from, &next, cause);
    return 1;
}

farm_status farm_breaker_set(farm_breakers *breakers, const char *key, int32_t state) {
    breaker_circuit *circuit = NULL;
    if (breakers == NULL || state == FARM_BREAKER_HALF_OPEN || state < 0 ||
        state > FARM_BREAKER_FORCED_CLOSED)
        return FARM_EINVAL;
    farm_status status = breaker_obtain(breakers, key, &breakers->options, &circuit);
    for (int i = 0; status == FARM_OK && i < TRIES; i++) {
        const uint64_t word = atomic_load(&circuit->phase);
        const int32_t is_same = breaker_phase_unpack(word).state == state;
        if (is_same && state != FARM_BREAKER_CLOSED) return FARM_OK;
        if (change(breakers, circuit, word, state, FARM_BREAKER_CAUSE_MANUAL,
                   breaker_now_us(breakers)))
            return FARM_OK;
    }
    return status == FARM_OK ? FARM_EAGAIN : status;
}

/* --- allow ----------------------------------------------------------------------------------- */

static void deny(breaker_circuit *circuit, int64_t retry_after_us, farm_breaker_permit *permit) {
    permit->retry_after_us = retry_after_us;
    atomic_fetch_add_explicit(&circuit->denied, 1, memory_order_relaxed);
}

/* Take the place of a probe: its number from 1; 0 when none is free, and then the shortest time
 * after which one is. */
static int32_t take_probe(breaker_circuit *circuit, int64_t now_ms, uint64_t *out_word,
                          int64_t *out_left_ms) {
    const int64_t lifetime_ms = probe_ms(circuit);
    *out_left_ms = lifetime_ms;
    for (int32_t i = 0; i < circuit->options.probe_count; i++) {
        uint64_t word = atomic_load(&circuit->probes[i]);
        const int64_t left_ms = breaker_probe_left_ms(word, now_ms, lifetime_ms);
        const uint64_t given = breaker_probe_give(word, now_ms);
        if (left_ms == 0 && atomic_compare_exchange_strong(&circuit->probes[i], &word, given)) {
            *out_word = given;
            return i + 1;
        }
        if (left_ms > 0 && left_ms < *out_left_ms) *out_left_ms = left_ms;
    }
    return 0;
}

/* Half-open: 1 when the permit says all, 0 when the state changed meanwhile. */
static int32_t probe(breaker_circuit *circuit, uint64_t word, farm_breaker_permit *permit) {
    uint64_t given = 0;
    int64_t left_ms = 0;
    const int32_t number = take_probe(circuit, permit->started_us / US_PER_MS, &given, &left_ms);
    if (number == 0) {
        deny(circuit, breaker_probe_retry_us(&circuit->options, left_ms), permit);
        return 1;
    }
    if (atomic_load(&circuit->phase) != word) {
        atomic_compare_exchange_strong(&circuit->probes[number - 1], &given,
                                       breaker_probe_return(given));
        return 0;
    }
    permit->allowed = 1;
    permit->place |= number << PROBE_SHIFT;
    permit->probe = (int64_t)given;
    return 1;
}

/* 1 when the permit says all, 0 when the state changed meanwhile. */
static int32_t try_allow(farm_breakers *breakers, breaker_circuit *circuit,
                         farm_breaker_permit *permit) {
    const uint64_t word = atomic_load_explicit(&circuit->phase, memory_order_acquire);
    const breaker_phase phase = breaker_phase_unpack(word);
    const int64_t wait_us = phase.until_ms * US_PER_MS - permit->started_us;
    permit->state = phase.state;
    permit->generation = (int64_t)phase.generation;
    switch (phase.state) {
    case FARM_BREAKER_OPEN:
        if (wait_us <= 0) {
            change(breakers, circuit, word, FARM_BREAKER_HALF_OPEN, FARM_BREAKER_CAUSE_TIME,
                   permit->started_us);
            return 0;
        }
        deny(circuit, wait_us, permit);
        return 1;
    case FARM_BREAKER_HALF_OPEN:
        return probe(circuit, word, permit);
    case FARM_BREAKER_FORCED_OPEN:
        deny(circuit, -1, permit);
        return 1;
    default:
        permit->allowed = 1;
        return 1;
    }
}

farm_status farm_breaker_allow(farm_breakers *breakers, const char *key, farm_breaker_permit *out) {
    breaker_circuit *circuit = NULL;
    if (breakers == NULL || out == NULL) return FARM_EINVAL;
    farm_status status = breaker_obtain(breakers, key, &breakers->options, &circuit);
    if (status != FARM_OK) return status;
    farm_breaker_permit permit = {.struct_size = sizeof permit,
                                  .place = (int32_t)circuit->place,
                                  .started_us = breaker_now_us(breakers)};
    int32_t is_done = 0;
    for (int i = 0; i < TRIES && !is_done; i++) is_done = try_allow(breakers, circuit, &permit);
    /* The state changes without end: what is that unstable is not called. */
    if (!is_done) deny(circuit, US_PER_MS, &permit);
    return options_answer(out, &permit, sizeof permit);
}

/* --- the window ------------------------------------------------------------------------------ */

typedef struct window {
    breaker_circuit *circuit;
    uint32_t generation;
    uint64_t bucket; /* its number since the set was made */
} window;

static breaker_stamp stamp_of(const window *at, uint64_t bucket) {
    return (breaker_stamp){at->generation, bucket / (uint64_t)at->circuit->options.bucket_count};
}

static breaker_bucket *bucket_of(const window *at, uint64_t bucket) {
    return &at->circuit->buckets[bucket % (uint64_t)at->circuit->options.bucket_count];
}

/* 0 when somebody has begun buckets since: then the word may be of the present. That is asked
 * between reading the word and exchanging it, so that no call which was counted is lost. */
static int32_t begin_tally(const window *at, breaker_word *tally, uint64_t bucket, uint64_t begun,
                           int32_t is_idle) {
    uint64_t next;
    uint64_t word = atomic_load(tally);
    if (atomic_load(&at->circuit->begun) != begun) return 0;
    if (breaker_tally_begin(word, stamp_of(at, bucket), is_idle, &next))
        atomic_compare_exchange_strong(tally, &word, next);
    return 1;
}

/* Empty the buckets that the time has come to since the last call. Who comes at the same time does
 * the same; it is said to be done after it is. */
static void begin_buckets(const window *at) {
    const uint64_t count = (uint64_t)at->circuit->options.bucket_count;
    uint64_t begun = atomic_load_explicit(&at->circuit->begun, memory_order_acquire);
    while (begun <= at->bucket) {
        const int32_t is_idle = at->bucket - begun >= count;
        uint64_t next = is_idle ? at->bucket - count + 1 : begun;
        int32_t is_mine = 1;
        for (; is_mine && next <= at->bucket; next++) {
            breaker_bucket *bucket = bucket_of(at, next);
            is_mine = begin_tally(at, &bucket->failures, next, begun, is_idle) &&
                      begin_tally(at, &bucket->slow, next, begun, is_idle);
        }
        if (is_mine && atomic_compare_exchange_strong(&at->circuit->begun, &begun, at->bucket + 1))
            return;
        begun = atomic_load(&at->circuit->begun);
    }
}

static void add_tally(breaker_word *tally, breaker_stamp stamp, int32_t is_bad) {
    uint64_t next;
    uint64_t word = atomic_load_explicit(tally, memory_order_relaxed);
    while (breaker_tally_add(word, stamp, is_bad, &next) &&
           !atomic_compare_exchange_weak(tally, &word, next)) {}
}

static void read_window(const window *at, breaker_facts *out) {
    const uint64_t begun = atomic_load(&at->circuit->begun);
    const uint64_t count = (uint64_t)at->circuit->options.bucket_count;
    memset(out, 0, sizeof *out);
    for (uint64_t i = 0; i < count && i <= at->bucket; i++) {
        const uint64_t number = at->bucket - i;
        /* What was not begun holds something of long ago. */
        if (number >= begun) continue;
        breaker_bucket *bucket = bucket_of(at, number);
        const breaker_stamp stamp = stamp_of(at, number);
        const breaker_tally failures = breaker_tally_read(atomic_load(&bucket->failures), stamp);
        const breaker_tally slow = breaker_tally_read(atomic_load(&bucket->slow), stamp);
        out->failures.count += failures.count;
        out->failures.bad += failures.bad;
        out->slow.count += slow.count;
        out->slow.bad += slow.bad;
    }
    out->consecutive_count =
        breaker_counter_read(atomic_load(&at->circuit->consecutive), at->generation);
}

/* --- report ---------------------------------------------------------------------------------- */

typedef struct report {
    breaker_circuit *circuit;
    breaker_phase phase;
    uint64_t word; /* of the phase */
    int64_t now_us;
    int32_t is_failure;
    int32_t is_slow;
    int32_t is_probe;
} report;

static uint64_t add_counter(breaker_word *counter, uint32_t generation) {
    uint64_t word = atomic_load(counter);
    uint64_t next = breaker_counter_add(word, generation);
    while (!atomic_compare_exchange_weak(counter, &word, next))
        next = breaker_counter_add(word, generation);
    return next;
}

static void clear_counter(breaker_word *counter, uint32_t generation) {
    uint64_t word = atomic_load_explicit(counter, memory_order_relaxed);
    /* Nearly always there is nothing to clear, and then nothing is written. */
    while (breaker_counter_read(word, generation) != 0 &&
           !atomic_compare_exchange_weak(counter, &word, breaker_counter_clear(word, generation))) {
    }
}

static void report_closed(farm_breakers *breakers, const report *said) {
    breaker_circuit *circuit = said->circuit;
    const farm_breaker_options *options = &circuit->options;
    const uint64_t at_us = (uint64_t)said->now_us;
    const uint64_t position =
        options->window_count > 0 ? atomic_fetch_add(&circuit->calls, 1) : at_us;
    const window at = {circuit, said->phase.generation, position / circuit->bucket_size};
    const breaker_stamp stamp = stamp_of(&at, at.bucket);
    begin_buckets(&at);
    add_tally(&bucket_of(&at, at.bucket)->failures, stamp, said->is_failure);
    if (options->slow_us > 0) add_tally(&bucket_of(&at, at.bucket)->slow, stamp, said->is_slow);
    if (said->is_failure)
        add_counter(&circuit->consecutive, at.generation);
    else
        clear_counter(&circuit->consecutive, at.generation);
    /* A good call never makes things worse, so it is not asked whether to open. */
    if (!said->is_failure && !said->is_slow) return;
    breaker_facts facts;
    read_window(&at, &facts);
    const int32_t cause = breaker_decide(options, &facts);
    if (cause != 0) change(breakers, circuit, said->word, FARM_BREAKER_OPEN, cause, said->now_us);
}

static void report_probe(farm_breakers *breakers, const report *said) {
    breaker_circuit *circuit = said->circuit;
    if (said->is_failure || said->is_slow) {
        change(breakers, circuit, said->word, FARM_BREAKER_OPEN, FARM_BREAKER_CAUSE_PROBE_FAILED,
               said->now_us);
        return;
    }
    const uint32_t generation = said->phase.generation;
    const uint64_t word = add_counter(&circuit->probed, generation);
    if (breaker_counter_read(word, generation) >= circuit->options.probe_count)
        change(breakers, circuit, said->word, FARM_BREAKER_CLOSED, FARM_BREAKER_CAUSE_PROBED,
               said->now_us);
}

/* Give the place of a probe back, once: 0 when it was given back before, or taken away. */
static int32_t return_probe(breaker_circuit *circuit, const farm_breaker_permit *permit,
                            int64_t now_us) {
    const int32_t number = permit->place >> PROBE_SHIFT;
    if (number == 0) return 1;
    uint64_t word = (uint64_t)permit->probe;
    const int32_t is_out = breaker_probe_is_out(word, now_us / US_PER_MS, probe_ms(circuit));
    return atomic_compare_exchange_strong(&circuit->probes[number - 1], &word,
                                          breaker_probe_return(word)) &&
           is_out;
}

static breaker_circuit *circuit_of(farm_breakers *breakers, const farm_breaker_permit *permit) {
    const uint32_t place = (uint32_t)permit->place & PLACE_MASK;
    const int32_t number = permit->place >> PROBE_SHIFT;
    if (permit->allowed != 1 || permit->place < 0 || place > breakers->mask) return NULL;
    breaker_circuit *found = atomic_load_explicit(&breakers->table[place], memory_order_acquire);
    return found != NULL && number <= found->options.probe_count ? found : NULL;
}

farm_status farm_breaker_report(farm_breakers *breakers, const farm_breaker_permit *permit,
                                int32_t outcome, int64_t duration_us) {
    farm_breaker_permit given;
    if (breakers == NULL || permit == NULL || duration_us < -1 || outcome < FARM_BREAKER_SUCCESS ||
        outcome > FARM_BREAKER_EXCLUDED)
        return FARM_EINVAL;
    farm_status status = options_copy(&given, sizeof given, permit);
    if (status != FARM_OK) return FARM_EINVAL;
    breaker_circuit *circuit = circuit_of(breakers, &given);
    if (circuit == NULL) return FARM_EINVAL;

    report said = {.circuit = circuit,
                   .now_us = breaker_now_us(breakers),
                   .is_failure = outcome == FARM_BREAKER_FAILURE,
                   .is_probe = given.place >> PROBE_SHIFT != 0};
    const int32_t is_held = return_probe(circuit, &given, said.now_us);
    said.word = atomic_load_explicit(&circuit->phase, memory_order_acquire);
    said.phase = breaker_phase_unpack(said.word);
    if (!is_held || given.generation != (int64_t)said.phase.generation) {
        atomic_fetch_add_explicit(&circuit->ignored, 1, memory_order_relaxed);
        return FARM_OK;
    }
    if (outcome == FARM_BREAKER_EXCLUDED) return FARM_OK;
    said.is_slow = breaker_is_slow(&circuit->options,
                                   duration_us >= 0 ? duration_us : said.now_us - given.started_us);
    if (said.phase.state == FARM_BREAKER_CLOSED)
        report_closed(breakers, &said);
    else if (said.phase.state == FARM_BREAKER_HALF_OPEN && said.is_probe)
        report_probe(breakers, &said);
    return FARM_OK;
}

/* --- looking --------------------------------------------------------------------------------- */

static void look(farm_breakers *breakers, breaker_circuit *circuit, farm_breaker_state *out) {
    const farm_breaker_options *options = &circuit->options;
    const breaker_phase phase = breaker_phase_unpack(atomic_load(&circuit->phase));
    const int64_t now_us = breaker_now_us(breakers);
    const int64_t wait_us = phase.until_ms * US_PER_MS - now_us;
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->state = phase.state;
    out->generation = (int64_t)phase.generation;
    if (phase.state == FARM_BREAKER_OPEN) out->retry_after_us = wait_us > 0 ? wait_us : 0;
    if (phase.state == FARM_BREAKER_FORCED_OPEN) out->retry_after_us = -1;
    if (phase.state == FARM_BREAKER_CLOSED) {
        const uint64_t calls = atomic_load(&circuit->calls);
        const uint64_t last = calls > 0 ? calls - 1 : 0;
        const uint64_t position = options->window_count > 0 ? last : (uint64_t)now_us;
        const window at = {circuit, phase.generation, position / circuit->bucket_size};
        breaker_facts facts;
        read_window(&at, &facts);
        out->call_count = facts.failures.count;
        out->failure_count = facts.failures.bad;
        out->timed_count = facts.slow.count;
        out->slow_count = facts.slow.bad;
        out->consecutive_count = facts.consecutive_count;
    }
    for (int32_t i = 0; i < options->probe_count; i++)
        out->probe_count += breaker_probe_is_out(atomic_load(&circuit->probes[i]),
                                                 now_us / US_PER_MS, probe_ms(circuit));
    out->opened_count = (int64_t)atomic_load(&circuit->opened);
    out->denied_count = (int64_t)atomic_load(&circuit->denied);
    out->ignored_count = (int64_t)atomic_load(&circuit->ignored);
    memcpy(out->key, circuit->key, circuit->key_size + 1);
}

farm_status farm_breaker_look(farm_breakers *breakers, const char *key, farm_breaker_state *out) {
    breaker_circuit *circuit = NULL;
    farm_breaker_state state;
    if (out == NULL) return FARM_EINVAL;
    farm_status status = breaker_find(breakers, key, &circuit);
    if (status != FARM_OK) return status;
    if (circuit == NULL) return FARM_ENOTFOUND;
    look(breakers, circuit, &state);
    return options_answer(out, &state, sizeof state);
}

farm_status farm_breaker_list(farm_breakers *breakers, farm_breaker_state *rows, size_t capacity,
                              size_t *out_count) {
    if (breakers == NULL || rows == NULL || out_count == NULL) return FARM_EINVAL;
    *out_count = 0;
    if (capacity == 0 || capacity > FARM_BREAKER_LIST_MAX) return FARM_EINVAL;
    const size_t row_size = rows->struct_size;
    size_t count = 0;
    for (uint32_t i = 0; i <= breakers->mask && count < capacity; i++) {
        breaker_circuit *circuit = atomic_load(&breakers->table[i]);
        farm_breaker_state state;
        if (circuit == NULL) continue;
        look(breakers, circuit, &state);
        farm_status status =
            options_answer((unsigned char *)rows + count * row_size, &state, sizeof state);
        if (status != FARM_OK) return status;
        count++;
    }
    *out_count = count;
    return FARM_OK;
}
