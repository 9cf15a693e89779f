/* Changing what a limiter in the process goes by. Each change makes the lists of limits and
 * overrides anew, and definitions of them, which then take the place of those that there were. What
 * a change does to the buckets is what limit_define of rate.sql does. */
#include "base/clock.h"
#include "base/id.h"
#include "rate/rate_check.h"
#include "rate/rate_load.h"
#include "rate/rate_local.h"
#include <string.h>

/* The lists on their way. */
typedef struct new_lists {
    arena arena;
    rate_figures *limits;
    rate_figures *pasts;
    rate_exception *exceptions;
    int32_t is_full; /* there was no memory for all of it */
} new_lists;

/* What is changed, and by which function. */
typedef struct change {
    rate_given given;
    const char *name;
    farm_error *error;
} change;

typedef farm_status (*change_function)(farm_rate_local *local, const change *what, new_lists *out);

/* --- lists ------------------------------------------------------------------------------------ */

static void *keep(new_lists *lists, size_t size) {
    void *kept = arena_allocate(&lists->arena, size);
    if (kept == NULL) lists->is_full = 1;
    return kept;
}

static const char *keep_text(new_lists *lists, const char *text) {
    const char *kept = arena_copy(&lists->arena, text, strlen(text));
    if (kept == NULL) lists->is_full = 1;
    return kept;
}

static void add_figures(new_lists *lists, rate_figures **first, const rate_figures *source) {
    rate_figures *item = keep(lists, sizeof *item);
    if (item == NULL) return;
    *item = *source;
    item->limit.name = keep_text(lists, source->limit.name);
    item->limit.zone = keep_text(lists, source->limit.zone == NULL ? "" : source->limit.zone);
    item->next = *first;
    *first = item;
}

static void add_exception(new_lists *lists, rate_exception **link, const rate_exception *source) {
    rate_exception *item = keep(lists, sizeof *item);
    if (item == NULL) return;
    *item = *source;
    item->name = keep_text(lists, source->name);
    item->next = *link;
    *link = item;
}

/* What a change leaves out: limits that are defined anew, or one that is removed. */
typedef struct omission {
    const rate_sound_limit *limits;
    size_t count;
    const char *removed; /* NULL: none; its overrides go with it */
} omission;

static int32_t is_removed(const omission *left_out, const char *name) {
    return left_out->removed != NULL && strcmp(left_out->removed, name) == 0;
}

static int32_t is_left_out(const omission *left_out, const char *name) {
    for (size_t i = 0; i < left_out->count; i++)
        if (strcmp(left_out->limits[i].limit.name, name) == 0) return 1;
    return is_removed(left_out, name);
}

static void copy_figures(const rate_figures *from, const omission *left_out, new_lists *lists,
                         rate_figures **first) {
    for (; from != NULL; from = from->next)
        if (!is_left_out(left_out, from->limit.name)) add_figures(lists, first, from);
}

/* Whether it has ended so long ago that also its subject's bucket is full again, be it in debt: put
 * again with the same figures, it goes on with that bucket until then. */
static int32_t is_forgotten(const farm_rate_local *local, const rate_exception *item,
                            int64_t now_us) {
    const int64_t expires_us = item->override.expires_us;
    const rate_definition *owner =
        rate_definitions_find(atomic_load(&local->current.definitions), item->name);
    rate_units units;
    if (expires_us == 0 || expires_us > now_us) return 0;
    if (item->override.rule != FARM_RATE_RULE_OVERRIDE || owner == NULL) return 1;
    const farm_rate_limit own =
        rate_definition_figures(owner, item->burst, item->count, item->period_us);
    return !rate_units_choose(&own, &owner->terms.units.zone, &units) ||
           (now_us - expires_us) / 2 >= units.refill_us;
}

/* They stay in their order: those of one limit stand together. What has ended is left out, so that
 * bans for a time do not pile up. */
static void copy_exceptions(const farm_rate_local *local, const omission *left_out,
                            new_lists *lists) {
    const int64_t now_us = rate_local_now_ns(local) / 1000;
    rate_exception **end = &lists->exceptions;
    for (const rate_exception *from = local->exceptions; from != NULL; from = from->next) {
        if (is_removed(left_out, from->name) || is_forgotten(local, from, now_us)) continue;
        add_exception(lists, end, from);
        if (*end != NULL) end = &(*end)->next;
    }
}

static void copy_all(const farm_rate_local *local, const omission *left_out, new_lists *lists) {
    copy_figures(local->limits, left_out, lists, &lists->limits);
    copy_figures(local->pasts, left_out, lists, &lists->pasts);
    copy_exceptions(local, left_out, lists);
}

/* --- the frame of a change -------------------------------------------------------------------- */

static farm_status put_in_place(farm_rate_local *local, new_lists *lists, farm_error *error) {
    const rate_source source = {
        .space = "",
        .secret = local->secret,
        .limits = lists->limits,
        .pasts = lists->pasts,
        .exceptions = lists->exceptions,
    };
    rate_definitions *made = NULL;
    farm_status status = lists->is_full ? FARM_ENOMEM : rate_definitions_make(&source, &made);
    if (status != FARM_OK)
        return store_error_fail(error, status, 0, "there is no memory for the limits");
    rate_current_replace(&local->current, made);
    arena_free(&local->arena);
    local->arena = lists->arena;
    local->limits = lists->limits;
    local->pasts = lists->pasts;
    local->exceptions = lists->exceptions;
    lists->arena = (arena){0};
    return FARM_OK;
}

static void enter(farm_rate_local *local) {
    while (atomic_flag_test_and_set(&local->is_changing)) clock_sleep_us(50);
}

static void leave(farm_rate_local *local) {
    atomic_flag_clear(&local->is_changing);
}

static farm_status make_change(farm_rate_local *local, change *what, change_function function) {
    farm_error *told = what->error;
    farm_error made;
    new_lists lists = {.is_full = 0};
    farm_status status = FARM_OK;
    what->error = &made;
    if (local == NULL)
        return rate_local_tell(told, &made,
                               store_error_fail(&made, FARM_EINVAL, 0, "local is missing"));
    enter(local);
    if (local->is_loaded)
        status = store_error_fail(&made, FARM_EINVAL, 0,
                                  "the limits are those of a store, and are changed there");
    what->given.definitions = atomic_load(&local->current.definitions);
    if (status == FARM_OK) status = function(local, what, &lists);
    if (status == FARM_OK) status = put_in_place(local, &lists, &made);
    leave(local);
    arena_free(&lists.arena);
    return rate_local_tell(told, &made, status);
}

/* --- limits ----------------------------------------------------------------------------------- */

static int32_t has_same_subjects(const farm_rate_limit *left, const farm_rate_limit *right) {
    return left->scope == right->scope && left->ipv4_prefix == right->ipv4_prefix &&
           left->ipv6_prefix == right->ipv6_prefix;
}

static int32_t has_same_figures(const rate_figures *old, const rate_sound_limit *source) {
    const farm_rate_limit *left = &old->limit;
    const farm_rate_limit *right = &source->limit;
    return has_same_subjects(left, right) && left->burst == right->burst &&
           left->count == right->count && left->period_us == right->period_us &&
           left->algorithm == right->algorithm && left->calendar == right->calendar &&
           left->initial == right->initial && strcmp(left->zone, source->zone) == 0;
}

/* As same_units of rate.sql: the burst, or a quota's count, is all that may differ. */
static int32_t has_same_units(const change *what, const rate_figures *old,
                              const rate_sound_limit *source) {
    const rate_definition *known =
        rate_definitions_find(what->given.definitions, source->limit.name);
    const int32_t is_same_count = old->limit.algorithm != FARM_RATE_ALGORITHM_BUCKET ||
                                  old->limit.count == source->limit.count;
    return has_same_subjects(&old->limit, &source->limit) && known != NULL && is_same_count &&
           old->limit.period_us == source->limit.period_us &&
           rate_units_equal(&known->terms.units, &source->units);
}

static void add_limit(farm_rate_local *local, const change *what, const rate_sound_limit *source,
                      const farm_id *epoch, new_lists *lists) {
    const rate_figures *old = rate_figures_find(local->limits, source->limit.name);
    rate_figures item = {.limit = source->limit, .tick_ns = source->units.tick_ns};
    const int32_t is_same = old != NULL && has_same_figures(old, source);
    const int32_t goes_on = old != NULL && source->limit.on_change == FARM_RATE_CHANGE_DEFAULT &&
                            has_same_units(what, old, source);
    item.limit.zone = source->zone;
    memcpy(item.epoch, is_same || goes_on ? old->epoch : epoch->bytes, RATE_EPOCH_SIZE);
    add_figures(lists, &lists->limits, &item);
    if (old == NULL) return;

    rate_figures past = *old;
    past.changed_us = rate_local_now_ns(local) / 1000;
    past.limit.on_change = has_same_subjects(&old->limit, &source->limit) ? source->limit.on_change
                                                                          : FARM_RATE_CHANGE_RESET;
    const rate_figures *known = rate_figures_find(local->pasts, source->limit.name);
    if (is_same && known == NULL) return;
    add_figures(lists, &lists->pasts, is_same ? known : &past);
}

static farm_status define(farm_rate_local *local, const change *what, new_lists *lists) {
    const size_t count = what->given.count;
    farm_id epoch;
    rate_sound_limit *limits =
        arena_allocate_array(&lists->arena, FARM_RATE_BATCH_MAX, sizeof *limits);
    if (limits == NULL)
        return store_error_fail(what->error, FARM_ENOMEM, 0, "there is no memory for the limits");
    farm_status status = rate_check_limits(what->error, &what->given, limits);
    if (status != FARM_OK) return status;
    id_make(rate_local_now_ns(local) / 1000, &local->entropy, &epoch);
    copy_all(local, &(omission){.limits = limits, .count = count}, lists);
    for (size_t i = 0; i < count; i++) add_limit(local, what, &limits[i], &epoch, lists);
    size_t total = 0;
    for (const rate_figures *each = lists->limits; each != NULL; each = each->next) total++;
    if (total <= FARM_RATE_LOCAL_LIMIT_MAX) return FARM_OK;
    return store_error_fail(what->error, FARM_EFULL, 0, "there would be %zu limits, and may be %d",
                            total, FARM_RATE_LOCAL_LIMIT_MAX);
}

farm_status farm_rate_local_define(farm_rate_local *local, const farm_rate_limit *items,
                                   size_t count, farm_error *error) {
    change what = {.given = {.items = items, .count = count}, .error = error};
    return make_change(local, &what, define);
}

static farm_status remove_limit(farm_rate_local *local, const change *what, new_lists *lists) {
    const char *complaint = rate_name_complaint(what->name);
    if (complaint != NULL)
        return store_error_fail(what->error, FARM_EINVAL, 0, "the limit's name %s", complaint);
    copy_all(local, &(omission){.removed = what->name}, lists);
    return FARM_OK;
}

farm_status farm_rate_local_remove(farm_rate_local *local, const char *key, farm_error *error) {
    change what = {.name = key, .error = error};
    return make_change(local, &what, remove_limit);
}

/* --- overrides -------------------------------------------------------------------------------- */

static int32_t is_of(const rate_exception *item, const rate_sound_override *source) {
    return strcmp(item->name, source->override.limit) == 0 &&
           memcmp(item->override.key, source->key, RATE_KEY_SIZE) == 0;
}

/* The link to what the source overrides, or to the first of its limit, or to the end. */
static rate_exception **find_exception(new_lists *lists, const rate_sound_override *source) {
    rate_exception **first = NULL;
    rate_exception **link = &lists->exceptions;
    for (; *link != NULL; link = &(*link)->next) {
        if (is_of(*link, source)) return link;
        if (first == NULL && strcmp((*link)->name, source->override.limit) == 0) first = link;
    }
    return first != NULL ? first : link;
}

static farm_status read_overrides(const change *what, int32_t is_put, new_lists *lists,
                                  rate_sound_override **out) {
    *out = arena_allocate_array(&lists->arena, FARM_RATE_BATCH_MAX, sizeof **out);
    if (*out == NULL)
        return store_error_fail(what->error, FARM_ENOMEM, 0,
                                "there is no memory for the overrides");
    return rate_check_overrides(what->error, &what->given, is_put, *out);
}

static farm_status put_overrides(farm_rate_local *local, const change *what, new_lists *lists) {
    rate_sound_override *items = NULL;
    farm_id epoch;
    farm_status status = read_overrides(what, 1, lists, &items);
    if (status != FARM_OK) return status;
    id_make(rate_local_now_ns(local) / 1000, &local->entropy, &epoch);
    copy_all(local, &(omission){.removed = NULL}, lists);
    for (size_t i = 0; i < what->given.count; i++) {
        const farm_rate_override *override = &items[i].override;
        rate_exception made = {
            .name = override->limit,
            .override = {.rule = override->rule,
                         .length = items[i].length,
                         .expires_us = override->expires_us},
            .burst = override->burst,
            .count = override->count,
            .period_us = override->period_us,
        };
        rate_exception **link = find_exception(lists, &items[i]);
        const int32_t is_known = *link != NULL && is_of(*link, &items[i]);
        const int32_t goes_on =
            is_known && (*link)->count == made.count && (*link)->period_us == made.period_us;
        memcpy(made.override.key, items[i].key, RATE_KEY_SIZE);
        memcpy(made.epoch, goes_on ? (*link)->epoch : epoch.bytes, RATE_EPOCH_SIZE);
        if (is_known) *link = (*link)->next;
        add_exception(lists, link, &made);
    }
    return FARM_OK;
}

static farm_status remove_overrides(farm_rate_local *local, const change *what, new_lists *lists) {
    rate_sound_override *items = NULL;
    farm_status status = read_overrides(what, 0, lists, &items);
    if (status != FARM_OK) return status;
    copy_all(local, &(omission){.removed = NULL}, lists);
    for (size_t i = 0; i < what->given.count; i++) {
        rate_exception **link = find_exception(lists, &items[i]);
        if (*link != NULL && is_of(*link, &items[i])) *link = (*link)->next;
    }
    return FARM_OK;
}

farm_status farm_rate_local_override_put(farm_rate_local *local, const farm_rate_override *items,
                                         size_t count, farm_error *error) {
    change what = {.given = {.items = items, .count = count}, .error = error};
    return make_change(local, &what, put_overrides);
}

farm_status farm_rate_local_override_remove(farm_rate_local *local, const farm_rate_override *items,
                                            size_t count, farm_error *error) {
    change what = {.given = {.items = items, .count = count}, .error = error};
    return make_change(local, &what, remove_overrides);
}

/* --- loading ---------------------------------------------------------------------------------- */

/* The version that needs not be read again; -1: there is none. Each space counts its own. */
static int64_t known_version(const farm_rate_local *local, farm_session *session) {
    const rate_definitions *known = atomic_load(&local->current.definitions);
    const int32_t is_known = local->is_loaded && strcmp(known->space, store_space(session)) == 0;
    return is_known ? known->version : -1;
}

/* The lists of what the host defined are of no use any more. */
static void forget_lists(farm_rate_local *local) {
    arena_free(&local->arena);
    local->arena = (arena){0};
    local->limits = NULL;
    local->pasts = NULL;
    local->exceptions = NULL;
}

farm_status farm_rate_local_load(farm_session *session, farm_rate_local *local) {
    rate_definitions *found = NULL;
    farm_session *home = NULL;
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    if (local == NULL)
        return store_leave(session, store_fail(session, FARM_EINVAL, 0, "local is missing"));
    status = rate_home(session, &home);
    if (status != FARM_OK) return store_leave(session, status);
    enter(local);
    status = rate_definitions_read(home, known_version(local, session), &found);
    status = store_take_error(session, home, status);
    if (status == FARM_OK && found != NULL) {
        rate_current_replace(&local->current, found);
        local->is_loaded = 1;
        forget_lists(local);
    }
    leave(local);
    return store_leave(session, status);
}
