/* Items of a call; see rate_request.h. */
#include "rate/rate_request.h"
#include <stdlib.h>
#include <string.h>

static farm_status check_cost(farm_session *session, size_t index, int64_t cost, int64_t least) {
    if (cost >= least && cost <= RATE_AMOUNT_MAX) return FARM_OK;
    return store_fail(session, FARM_EINVAL, 0, "items[%zu].cost is %lld, and must be %lld to %d",
                      index, (long long)cost, (long long)least, RATE_AMOUNT_MAX);
}

static farm_status read_line(farm_session *session, const rate_definitions *definitions,
                             const void *source, size_t index, int64_t least_cost, rate_line *out) {
    farm_rate_request request;
    farm_status status = store_check_options(session, "items", &request, sizeof request, source);
    if (status != FARM_OK) return status;
    const char *complaint = rate_name_complaint(request.limit);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, 0, "items[%zu].limit %s", index, complaint);
    const int64_t cost = least_cost < 0 ? 0 : request.cost;
    status = check_cost(session, index, cost, least_cost < 0 ? 0 : least_cost);
    if (status != FARM_OK) return status;
    const rate_definition *definition = rate_definitions_find(definitions, request.limit);
    if (definition == NULL)
        return store_fail(session, FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT,
                          "the space %s has no limit %s", definitions->space, request.limit);
    rate_subject subject;
    complaint = rate_subject_read(&definition->owner, request.subject, &subject);
    if (complaint != NULL)
        return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT,
                          "items[%zu].subject %s", index, complaint);

    memset(out, 0, sizeof *out);
    out->definition = definition;
    out->place = index;
    out->facts.cost = cost;
    out->facts.now = rate_now(&definition->units, store_now_ns(session));
    rate_subject_hash(&definition->owner, &subject, out->bucket);
    return FARM_OK;
}

static int compare_lines(const void *left, const void *right) {
    const rate_line *one = left;
    const rate_line *other = right;
    return memcmp(one->bucket, other->bucket, RATE_BUCKET_SIZE);
}

farm_status rate_lines_read(farm_session *session, const rate_definitions *definitions,
                            const void *items, size_t count, int64_t least_cost, rate_lines *out) {
    farm_status status = store_check_array(session, "items", items, count, FARM_RATE_BATCH_MAX);
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        status = read_line(session, definitions, store_array_at(items, i), i, least_cost,
                           &out->items[i]);
    if (status != FARM_OK) return status;
    out->count = count;
    qsort(out->items, count, sizeof *out->items, compare_lines);
    for (size_t i = 1; i < count; i++)
        if (compare_lines(&out->items[i - 1], &out->items[i]) == 0)
            return store_fail(session, FARM_EINVAL, FARM_RATE_REASON_TWICE,
                              "items[%zu] and items[%zu] are the same bucket",
                              out->items[i - 1].place, out->items[i].place);
    return FARM_OK;
}
