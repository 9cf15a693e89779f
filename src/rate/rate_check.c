/* Checking what is to be defined, for the store and for the process alike. */
#include "rate/rate_check.h"
#include "base/clock.h"
#include "base/zone_file.h"
#include <stdlib.h>
#include <string.h>

/* --- limits ----------------------------------------------------------------------------------- */

static farm_status check_zone(farm_error *error, rate_sound_limit *out, zone *place) {
    const char *complaint = zone_find(out->limit.zone, out->zone);
    if (complaint == NULL) complaint = zone_parse(out->zone, place);
    if (complaint == NULL) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_BAD_ZONE,
                            "the time zone of the limit %s %s", out->limit.name, complaint);
}

static farm_status read_limit(farm_error *error, const void *source, size_t index,
                              rate_sound_limit *out) {
    farm_rate_limit *limit = &out->limit;
    zone place;
    farm_status status = store_error_check_options(error, "items", limit, sizeof *limit, source);
    if (status != FARM_OK) return status;
    const char *complaint = rate_name_complaint(limit->name);
    if (complaint != NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "items[%zu].name %s", index, complaint);
    complaint = rate_limit_complaint(limit);
    if (complaint != NULL)
        return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE,
                                "the limit %s %s", limit->name, complaint);
    status = check_zone(error, out, &place);
    if (status != FARM_OK) return status;
    if (rate_units_choose(limit, &place, &out->units)) return FARM_OK;
    return store_error_fail(
        error, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE,
        "the limit %s cannot be counted exactly until the year 2200: its burst, its "
        "period, or what its count does not share with its period is too large",
        limit->name);
}

static int compare_limits(const void *left, const void *right) {
    const rate_sound_limit *one = left;
    const rate_sound_limit *other = right;
    return strcmp(one->limit.name, other->limit.name);
}

farm_status rate_check_limits(farm_error *error, const rate_given *given, rate_sound_limit *out) {
    farm_status status =
        store_error_check_array(error, "items", given->items, given->count, FARM_RATE_BATCH_MAX);
    for (size_t i = 0; i < given->count && status == FARM_OK; i++)
        status = read_limit(error, store_array_at(given->items, i), i, &out[i]);
    if (status != FARM_OK) return status;
    qsort(out, given->count, sizeof *out, compare_limits);
    for (size_t i = 1; i < given->count; i++)
        if (compare_limits(&out[i - 1], &out[i]) == 0)
            return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_TWICE,
                                    "the limit %s is named twice", out[i].limit.name);
    return FARM_OK;
}

/* --- overrides -------------------------------------------------------------------------------- */

/* Whether the limit can be counted with the subject's own figures. */
static farm_status check_figures(farm_error *error, const rate_sound_override *source,
                                 size_t index) {
    const rate_definition *definition = source->definition;
    const farm_rate_override *override = &source->override;
    rate_units units;
    farm_rate_limit own =
        rate_definition_figures(definition, override->burst, override->count, override->period_us);
    const char *complaint = rate_limit_complaint(&own);
    if (complaint == NULL && !rate_units_choose(&own, &definition->terms.units.zone, &units))
        complaint = "cannot be counted exactly until the year 2200";
    if (complaint == NULL) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE, "items[%zu] %s",
                            index, complaint);
}

static farm_status find_definition(farm_error *error, const rate_given *given, const char *name,
                                   size_t index, const rate_definition **out) {
    const char *complaint = rate_name_complaint(name);
    if (complaint != NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "items[%zu].limit %s", index, complaint);
    *out = rate_definitions_find(given->definitions, name);
    if (*out != NULL && strcmp((*out)->owner.limit, name) == 0) return FARM_OK;
    return store_error_fail(error, FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT,
                            "the space %s has no limit %s", given->definitions->space, name);
}

static farm_status find_key(farm_error *error, rate_sound_override *out, size_t index) {
    const rate_owner *owner = &out->definition->owner;
    rate_subject subject;
    const char *complaint = NULL;
    if (owner->scope == FARM_RATE_SCOPE_GLOBAL)
        complaint = "is of a global limit, whose only subject is the limit";
    else
        complaint = rate_network_read(owner, out->override.subject, &subject, &out->length);
    if (complaint != NULL)
        return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT,
                                "items[%zu].subject %s", index, complaint);
    rate_override_hash(owner, &subject, subject.size, out->length, out->key);
    return FARM_OK;
}

/* is_put: 0 when only the limit and the subject are looked at. */
static farm_status read_override(farm_error *error, const rate_given *given, size_t index,
                                 int32_t is_put, rate_sound_override *out) {
    farm_rate_override *override = &out->override;
    farm_status status = store_error_check_options(error, "items", override, sizeof *override,
                                                   store_array_at(given->items, index));
    if (status == FARM_OK)
        status = find_definition(error, given, override->limit, index, &out->definition);
    if (status == FARM_OK) status = find_key(error, out, index);
    if (status != FARM_OK || !is_put) return status;
    status = store_error_check_range(error, "rule", override->rule, FARM_RATE_RULE_OVERRIDE,
                                     FARM_RATE_RULE_BAN);
    if (status == FARM_OK)
        status =
            store_error_check_range(error, "expires_us", override->expires_us, 0, CLOCK_MAX_US);
    if (status != FARM_OK) return status;
    if (override->rule == FARM_RATE_RULE_OVERRIDE) {
        if (override->burst == 0) override->burst = override->count;
        return check_figures(error, out, index);
    }
    if ((override->burst | override->count | override->period_us) == 0) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, 0,
                            "items[%zu] has figures, which bans and exemptions do not", index);
}

static int compare_overrides(const void *left, const void *right) {
    const rate_sound_override *one = left;
    const rate_sound_override *other = right;
    const int order = strcmp(one->override.limit, other->override.limit);
    return order != 0 ? order : memcmp(one->key, other->key, RATE_KEY_SIZE);
}

farm_status rate_check_overrides(farm_error *error, const rate_given *given, int32_t is_put,
                                 rate_sound_override *out) {
    farm_status status =
        store_error_check_array(error, "items", given->items, given->count, FARM_RATE_BATCH_MAX);
    for (size_t i = 0; i < given->count && status == FARM_OK; i++)
        status = read_override(error, given, i, is_put, &out[i]);
    if (status != FARM_OK) return status;
    qsort(out, given->count, sizeof *out, compare_overrides);
    for (size_t i = 1; i < given->count; i++)
        if (compare_overrides(&out[i - 1], &out[i]) == 0)
            return store_error_fail(error, FARM_EINVAL, FARM_RATE_REASON_TWICE,
                                    "one subject of the limit %s is named twice",
                                    out[i].override.limit);
    return FARM_OK;
}
