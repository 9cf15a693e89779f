/* A set of breakers as an object: making and freeing it, its clock, its table of names. The table
 * is open addressing; names are added by one exchange and never taken out, so that whoever reads
 * it needs no lock. */
#include "breaker/breaker_set.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/options.h"
#include "base/text.h"
#include <string.h>

enum { DEFAULT_COUNT = 256, EVENT_COUNT_MAX = 65536 };

#define NS_PER_US INT64_C(1000)

/* --- errors ---------------------------------------------------------------------------------- */

static farm_status fail(farm_error *error, farm_status status, const char *what,
                        const char *complaint) {
    if (error == NULL) return status;
    farm_error made = {.struct_size = sizeof made, .status = status};
    text_format(made.text, sizeof made.text, "%s%s", what, complaint);
    options_answer(error, &made, sizeof made);
    return status;
}

static farm_status read_options(void *out, size_t size, const void *given, const char *what,
                                farm_error *error) {
    farm_status status = options_copy(out, size, given);
    if (status == FARM_EUNSUPPORTED)
        return fail(error, status, what, " has fields that this version does not know");
    if (status != FARM_OK) return fail(error, status, what, ".struct_size is not set");
    return FARM_OK;
}

static farm_status read_breaker_options(const farm_breaker_options *given,
                                        farm_breaker_options *out, farm_error *error) {
    farm_status status = read_options(out, sizeof *out, given, "options", error);
    if (status != FARM_OK) return status;
    const char *complaint = breaker_options_fill(out, out);
    return complaint == NULL ? FARM_OK : fail(error, FARM_EINVAL, "options.", complaint);
}

/* --- the object ------------------------------------------------------------------------------ */

static farm_status read_hooks(farm_breakers *breakers, const farm_breakers_options *options,
                              farm_error *error) {
    farm_status status = FARM_OK;
    breakers->clock = clock_system;
    breakers->entropy = entropy_system;
    if (options->clock != NULL)
        status = read_options(&breakers->clock, sizeof breakers->clock, options->clock,
                              "options.clock", error);
    if (status == FARM_OK && options->entropy != NULL)
        status = read_options(&breakers->entropy, sizeof breakers->entropy, options->entropy,
                              "options.entropy", error);
    if (status != FARM_OK) return status;
    if (breakers->clock.real_ns == NULL || breakers->clock.monotonic_ns == NULL)
        return fail(error, FARM_EINVAL, "options.clock", " lacks a function");
    if (breakers->entropy.fill == NULL)
        return fail(error, FARM_EINVAL, "options.entropy", " lacks its function");
    return FARM_OK;
}

static farm_status fill_set(farm_breakers *breakers, const farm_breakers_options *options,
                            farm_error *error) {
    if (options->reserved != 0) return fail(error, FARM_EINVAL, "options.", "reserved is not 0");
    if (options->max_count > FARM_BREAKER_LIST_MAX)
        return fail(error, FARM_EINVAL, "options.", "max_count is not 0 to 10,000");
    if (options->event_count > EVENT_COUNT_MAX)
        return fail(error, FARM_EINVAL, "options.", "event_count is not 0 to 65,536");
    farm_status status = read_breaker_options(options->breaker, &breakers->options, error);
    if (status == FARM_OK) status = read_hooks(breakers, options, error);
    if (status != FARM_OK) return status;

    breakers->max_count = options->max_count == 0 ? DEFAULT_COUNT : options->max_count;
    breakers->event_count = options->event_count == 0 ? DEFAULT_COUNT : options->event_count;
    /* At most half full, so that a name is found in a step or two. */
    uint32_t size = 2;
    while (size < 2 * breakers->max_count) size *= 2;
    breakers->mask = size - 1;
    breakers->table = farm_allocate(size * sizeof *breakers->table);
    for (uint32_t i = 0; breakers->table != NULL && i < size; i++)
        atomic_init(&breakers->table[i], NULL);
    breakers->events = farm_allocate(breakers->event_count * sizeof *breakers->events);
    if (breakers->table == NULL || breakers->events == NULL)
        return fail(error, FARM_ENOMEM, "no memory for the breakers", "");
    for (uint32_t i = 0; i < breakers->event_count; i++) {
        atomic_init(&breakers->events[i].stamp, 0);
        atomic_init(&breakers->events[i].at_us, 0);
        atomic_init(&breakers->events[i].place, 0);
        atomic_init(&breakers->events[i].change, 0);
    }
    return FARM_OK;
}

farm_status farm_breakers_new(const farm_breakers_options *options, farm_error *error,
                              farm_breakers **out) {
    farm_breakers_options given;
    fail(error, FARM_OK, "", "");
    if (out == NULL) return fail(error, FARM_EINVAL, "out is NULL", "");
    *out = NULL;
    farm_status status = read_options(&given, sizeof given, options, "options", error);
    if (status != FARM_OK) return status;
    farm_breakers *breakers = farm_allocate(sizeof *breakers);
    if (breakers == NULL) return fail(error, FARM_ENOMEM, "no memory for the breakers", "");
    breakers->table = NULL;
    breakers->events = NULL;
    atomic_init(&breakers->count, 0);
    atomic_init(&breakers->last_event, 0);
    atomic_init(&breakers->frozen_us, -1);
    breakers->frozen_first_us = 0;
    breakers->frozen_start_us = -1;

    status = fill_set(breakers, &given, error);
    if (status != FARM_OK) {
        farm_breakers_free(breakers);
        return status;
    }
    breakers->start_us = breakers->clock.monotonic_ns(breakers->clock.context) / NS_PER_US;
    /* Names may come from outside after all, and nobody shall choose them to collide. */
    breakers->entropy.fill(breakers->entropy.context, &breakers->seed, sizeof breakers->seed);
    *out = breakers;
    return FARM_OK;
}

void farm_breakers_free(farm_breakers *breakers) {
    if (breakers == NULL) return;
    for (uint32_t i = 0; breakers->table != NULL && i <= breakers->mask; i++)
        farm_free(atomic_load(&breakers->table[i]));
    farm_free(breakers->table);
    farm_free(breakers->events);
    farm_free(breakers);
}

/* --- the clock ------------------------------------------------------------------------------- */

int64_t breaker_now_us(farm_breakers *breakers) {
    const int64_t frozen_us = atomic_load_explicit(&breakers->frozen_us, memory_order_acquire);
    const int64_t now_us =
        frozen_us < 0
            ? breakers->clock.monotonic_ns(breakers->clock.context) / NS_PER_US - breakers->start_us
            : breakers->frozen_start_us + frozen_us - breakers->frozen_first_us;
    return now_us < 0 ? 0 : now_us;
}

farm_status farm_breakers_set_clock_us(farm_breakers *breakers, int64_t now_us) {
    if (breakers == NULL || now_us < -1 || now_us > CLOCK_MAX_US) return FARM_EINVAL;
    if (now_us >= 0 && breakers->frozen_start_us < 0) {
        /* On a whole millisecond, as open times end. */
        breakers->frozen_start_us = (breaker_now_us(breakers) + 999) / 1000 * 1000;
        breakers->frozen_first_us = now_us;
    }
    atomic_store_explicit(&breakers->frozen_us, now_us, memory_order_release);
    return FARM_OK;
}

/* --- the table of names ---------------------------------------------------------------------- */

typedef struct name {
    const char *text;
    size_t size;
    uint64_t hash;
} name;

/* Whether it is UTF-8 is asked only when the name is new. */
static int32_t read_name(const farm_breakers *breakers, const char *key, name *out) {
    if (key == NULL || key[0] == '\0') return 0;
    const char *end = memchr(key, '\0', FARM_KEY_MAX + 1);
    if (end == NULL) return 0;
    out->text = key;
    out->size = (size_t)(end - key);
    out->hash = hash_64(key, out->size, breakers->seed);
    return 1;
}

static int32_t is_named(const breaker_circuit *circuit, const name *wanted) {
    return circuit->hash == wanted->hash && circuit->key_size == wanted->size &&
           memcmp(circuit->key, wanted->text, wanted->size) == 0;
}

static breaker_circuit *look_up(const farm_breakers *breakers, const name *wanted) {
    for (uint32_t i = 0; i <= breakers->mask; i++) {
        const uint32_t place = ((uint32_t)wanted->hash + i) & breakers->mask;
        breaker_circuit *found =
            atomic_load_explicit(&breakers->table[place], memory_order_acquire);
        if (found == NULL || is_named(found, wanted)) return found;
    }
    return NULL;
}

/* Nothing overflows: there are at most 60 buckets, 32 probes and 255 bytes. */
static breaker_circuit *new_circuit(const name *named, const farm_breaker_options *options) {
    const size_t bucket_count = (size_t)options->bucket_count;
    const size_t probe_count = (size_t)options->probe_count;
    const size_t buckets_size = bucket_count * sizeof(breaker_bucket);
    const size_t probes_size = probe_count * sizeof(breaker_word);
    breaker_circuit *made =
        farm_allocate(sizeof *made + buckets_size + probes_size + named->size + 1);
    if (made == NULL) return NULL;
    unsigned char *rest = (unsigned char *)(made + 1);
    made->buckets = (breaker_bucket *)(void *)rest;
    made->probes = (breaker_word *)(void *)(rest + buckets_size);
    made->key = (char *)(rest + buckets_size + probes_size);
    memcpy(made->key, named->text, named->size + 1);
    made->key_size = (uint32_t)named->size;
    made->hash = named->hash;
    made->options = *options;
    made->bucket_size = (uint64_t)breaker_bucket_size(options);
    breaker_word *const words[] = {&made->phase, &made->consecutive, &made->probed, &made->begun,
                                   &made->calls, &made->opened,      &made->denied, &made->ignored};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) atomic_init(words[i], 0);
    for (size_t i = 0; i < bucket_count; i++) {
        atomic_init(&made->buckets[i].failures, 0);
        atomic_init(&made->buckets[i].slow, 0);
    }
    for (size_t i = 0; i < probe_count; i++) atomic_init(&made->probes[i], 0);
    return made;
}

/* Put it into the first free place of its way; another thread may have put the same name there. */
static breaker_circuit *insert(farm_breakers *breakers, breaker_circuit *made) {
    const name own = {made->key, made->key_size, made->hash};
    for (uint32_t i = 0; i <= breakers->mask; i++) {
        const uint32_t place = ((uint32_t)own.hash + i) & breakers->mask;
        breaker_circuit *found = NULL;
        made->place = place;
        if (atomic_compare_exchange_strong(&breakers->table[place], &found, made)) return made;
        if (is_named(found, &own)) return found;
    }
    return NULL;
}

static farm_status add(farm_breakers *breakers, const name *named,
                       const farm_breaker_options *options, breaker_circuit **out) {
    if (!text_is_utf8(named->text, named->size)) return FARM_EINVAL;
    farm_status status = FARM_OK;
    breaker_circuit *made = NULL;
    /* A place is reserved before it is used, so the bound holds whoever else adds. */
    if (atomic_fetch_add(&breakers->count, 1) >= breakers->max_count) {
        *out = look_up(breakers, named);
        status = *out == NULL ? FARM_EFULL : FARM_OK;
    } else {
        made = new_circuit(named, options);
        *out = made == NULL ? NULL : insert(breakers, made);
        status = *out == NULL ? FARM_ENOMEM : FARM_OK;
    }
    if (made == NULL || *out != made) {
        atomic_fetch_sub(&breakers->count, 1);
        farm_free(made);
    }
    return status;
}

farm_status breaker_find(farm_breakers *breakers, const char *key, breaker_circuit **out) {
    name wanted;
    if (breakers == NULL || !read_name(breakers, key, &wanted)) return FARM_EINVAL;
    *out = look_up(breakers, &wanted);
    return FARM_OK;
}

farm_status breaker_obtain(farm_breakers *breakers, const char *key,
                           const farm_breaker_options *options, breaker_circuit **out) {
    name wanted;
    if (breakers == NULL || !read_name(breakers, key, &wanted)) return FARM_EINVAL;
    *out = look_up(breakers, &wanted);
    return *out != NULL ? FARM_OK : add(breakers, &wanted, options, out);
}

farm_status farm_breaker_define(farm_breakers *breakers, const char *key,
                                const farm_breaker_options *options, farm_error *error) {
    farm_breaker_options given;
    breaker_circuit *found = NULL;
    fail(error, FARM_OK, "", "");
    if (breakers == NULL) return fail(error, FARM_EINVAL, "the set is NULL", "");
    const char *complaint = text_complaint(key, FARM_KEY_MAX);
    if (complaint != NULL) return fail(error, FARM_EINVAL, "the name ", complaint);
    farm_status status = read_breaker_options(options, &given, error);
    if (status != FARM_OK) return status;
    status = breaker_obtain(breakers, key, &given, &found);
    if (status != FARM_OK)
        return fail(error, status,
                    status == FARM_EFULL ? "the set has as many names as it may have"
                                         : farm_status_text(status),
                    "");
    if (memcmp(&found->options, &given, sizeof given) != 0)
        return fail(error, FARM_EEXISTS, "the name is in use with other options", "");
    return FARM_OK;
}
