/* What a decision says over HTTP: header fields and the body of a refusal. No store is asked. */
#include "base/integer.h"
#include "base/text.h"
#include "rate/rate_local.h"
#include "rate/rate_rules.h"
#include "store/run.h"
#include <string.h>

enum {
    /* One item of a field without its name, `"";r=…;t=…, `, with the longest numbers. */
    ITEM_SIZE = 64,
    /* The rest of a reply: names of the fields, Retry-After; the problem's texts but names. */
    FRAME_SIZE = 640
};

/* What was given, copied. */
typedef struct reply {
    size_t count;
    const char *names[FARM_RATE_BATCH_MAX];
    farm_rate_state states[FARM_RATE_BATCH_MAX];
    farm_rate_decision decision;
} reply;

/* A text under construction, in a block that is large enough. */
typedef struct writer {
    char *text;
    size_t size;
    size_t capacity;
} writer;

static void write_text(writer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void write_text(writer *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_format_list(out->text + out->size, out->capacity - out->size, format, arguments);
    va_end(arguments);
    out->size += strlen(out->text + out->size);
}

/* A block for a reply with each name twice, and once more in a problem's detail. */
static farm_status open_writer(farm_error *error, const reply *from, writer *out) {
    *out = (writer){.capacity = FRAME_SIZE + FARM_KEY_MAX};
    for (size_t i = 0; i < from->count; i++)
        out->capacity += 2 * (ITEM_SIZE + strlen(from->names[i]));
    out->text = farm_allocate(out->capacity);
    if (out->text != NULL) return FARM_OK;
    return store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for the reply");
}

static int64_t to_seconds(int64_t duration_us) {
    return integer_divide_up(duration_us, 1000000);
}

static farm_status read_reply(farm_error *error, const farm_rate_request *items, size_t count,
                              const farm_rate_state *results, const farm_rate_decision *decision,
                              reply *out) {
    farm_status status = store_error_check_array(error, "items", items, count, FARM_RATE_BATCH_MAX);
    if (status == FARM_OK)
        status = store_error_check_array(error, "results", results, count, FARM_RATE_BATCH_MAX);
    if (status != FARM_OK) return status;
    if (decision == NULL) return store_error_fail(error, FARM_EINVAL, 0, "decision is missing");
    status = store_error_check_options(error, "decision", &out->decision, sizeof out->decision,
                                       decision);
    out->count = count;
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        farm_rate_request request;
        status = store_error_check_options(error, "items", &request, sizeof request,
                                           store_array_at(items, i));
        if (status == FARM_OK)
            status = store_error_check_options(error, "results", &out->states[i],
                                               sizeof out->states[i], store_array_at(results, i));
        if (status != FARM_OK) return status;
        const char *complaint = rate_name_complaint(request.limit);
        if (complaint != NULL)
            return store_error_fail(error, FARM_EINVAL, 0, "items[%zu].limit %s", i, complaint);
        out->names[i] = request.limit;
    }
    return status;
}

/* ---------------------------------------------------------------------------- header fields */

/* The time that `t` tells: until there is room if there is none, else until the bucket is full. */
static int64_t time_of(const farm_rate_state *state) {
    return state->retry_after_us > 0 ? state->retry_after_us : state->reset_after_us;
}

static void write_retry_after(writer *out, const reply *from) {
    if (!from->decision.allowed && !from->decision.is_never)
        write_text(out, "Retry-After: %lld\r\n",
                   (long long)to_seconds(from->decision.retry_after_us));
}

/* Of a limit that was not looked at nothing is said but its policy. */
static void write_headers(writer *out, const reply *from) {
    const char *separator = "\r\nRateLimit: ";
    write_text(out, "RateLimit-Policy: ");
    for (size_t i = 0; i < from->count; i++)
        write_text(out, "%s\"%s\";q=%lld;w=%lld", i == 0 ? "" : ", ", from->names[i],
                   (long long)from->states[i].burst,
                   (long long)to_seconds(from->states[i].refill_us));
    for (size_t i = 0; i < from->count; i++) {
        const farm_rate_state *state = &from->states[i];
        if (state->remaining < 0) continue;
        write_text(out, "%s\"%s\";r=%lld;t=%lld", separator, from->names[i],
                   (long long)state->remaining, (long long)to_seconds(time_of(state)));
        separator = ", ";
    }
    write_text(out, "\r\n");
    write_retry_after(out, from);
}

static farm_status check_decided(farm_error *error, const reply *from) {
    const int32_t index = from->decision.decided_index;
    if (index >= 0 && (size_t)index < from->count) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, 0, "decision.decided_index is not of an item");
}

/* Of the limit that decided. */
static void write_legacy_headers(writer *out, const reply *from) {
    const farm_rate_state *state = &from->states[from->decision.decided_index];
    write_text(out, "X-RateLimit-Limit: %lld\r\n", (long long)state->burst);
    if (state->remaining >= 0)
        write_text(out, "X-RateLimit-Remaining: %lld\r\nX-RateLimit-Reset: %lld\r\n",
                   (long long)state->remaining, (long long)to_seconds(time_of(state)));
    write_retry_after(out, from);
}

/* ----------------------------------------------------------------------------- problem body */

static farm_status check_refused(farm_error *error, const reply *from) {
    if (!from->decision.allowed) return check_decided(error, from);
    return store_error_fail(error, FARM_EINVAL, 0, "the decision allowed the call");
}

static void write_detail(writer *out, const reply *from) {
    const int32_t index = from->decision.decided_index;
    const char *name = from->names[index];
    const farm_rate_state *state = &from->states[index];
    if (from->decision.is_never)
        write_text(out, "The limit %s never holds more than %lld, and this request costs more.",
                   name, (long long)state->burst);
    else
        write_text(out, "The limit %s has %lld of %lld left. Try again in %lld s.", name,
                   (long long)integer_max(0, state->remaining), (long long)state->burst,
                   (long long)to_seconds(from->decision.retry_after_us));
}

/* A name is visible ASCII without quotes and backslashes, so nothing in here needs an escape. */
static void write_problem(writer *out, const reply *from) {
    const char *separator = "";
    write_text(out, "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","
                    "\"title\":\"Request cannot be satisfied as assigned quota has been exceeded\","
                    "\"status\":429,\"detail\":\"");
    write_detail(out, from);
    write_text(out, "\",\"violated-policies\":[");
    for (size_t i = 0; i < from->count; i++) {
        if (from->states[i].allowed) continue;
        write_text(out, "%s\"%s\"", separator, from->names[i]);
        separator = ",";
    }
    write_text(out, "]}");
}

/* -------------------------------------------------------------------------- public functions */

/* A text of a reply: what must hold for it, NULL: nothing, and how it is written. */
typedef struct text_kind {
    farm_status (*check)(farm_error *error, const reply *from);
    void (*write)(writer *out, const reply *from);
} text_kind;

static const text_kind headers = {NULL, write_headers};
static const text_kind legacy_headers = {check_decided, write_legacy_headers};
static const text_kind problem = {check_refused, write_problem};

static farm_status make(farm_error *error, const farm_rate_request *items, size_t count,
                        const farm_rate_state *results, const farm_rate_decision *decision,
                        const text_kind *kind, char **out_text) {
    reply from;
    writer out;
    if (out_text == NULL) return store_error_fail(error, FARM_EINVAL, 0, "out_text is missing");
    *out_text = NULL;
    farm_status status = read_reply(error, items, count, results, decision, &from);
    if (status == FARM_OK && kind->check != NULL) status = kind->check(error, &from);
    if (status == FARM_OK) status = open_writer(error, &from, &out);
    if (status != FARM_OK) return status;
    kind->write(&out, &from);
    *out_text = out.text;
    return FARM_OK;
}

static farm_status make_in(farm_session *session, const farm_rate_request *items, size_t count,
                           const farm_rate_state *results, const farm_rate_decision *decision,
                           const text_kind *kind, char **out_text) {
    if (out_text != NULL) *out_text = NULL;
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    status = make(store_error(session), items, count, results, decision, kind, out_text);
    return store_leave(session, status);
}

static farm_status make_alone(const farm_rate_request *items, size_t count,
                              const farm_rate_state *results, const farm_rate_decision *decision,
                              const text_kind *kind, farm_error *error, char **out_text) {
    farm_error made;
    farm_status status = make(&made, items, count, results, decision, kind, out_text);
    return rate_local_tell(error, &made, status);
}

farm_status farm_rate_headers(farm_session *session, const farm_rate_request *items, size_t count,
                              const farm_rate_state *results, const farm_rate_decision *decision,
                              char **out_text) {
    return make_in(session, items, count, results, decision, &headers, out_text);
}

farm_status farm_rate_legacy_headers(farm_session *session, const farm_rate_request *items,
                                     size_t count, const farm_rate_state *results,
                                     const farm_rate_decision *decision, char **out_text) {
    return make_in(session, items, count, results, decision, &legacy_headers, out_text);
}

farm_status farm_rate_problem(farm_session *session, const farm_rate_request *items, size_t count,
                              const farm_rate_state *results, const farm_rate_decision *decision,
                              char **out_text) {
    return make_in(session, items, count, results, decision, &problem, out_text);
}

farm_status farm_rate_local_headers(const farm_rate_request *items, size_t count,
                                    const farm_rate_state *results,
                                    const farm_rate_decision *decision, farm_error *error,
                                    char **out_text) {
    return make_alone(items, count, results, decision, &headers, error, out_text);
}

farm_status farm_rate_local_legacy_headers(const farm_rate_request *items, size_t count,
                                           const farm_rate_state *results,
                                           const farm_rate_decision *decision, farm_error *error,
                                           char **out_text) {
    return make_alone(items, count, results, decision, &legacy_headers, error, out_text);
}

farm_status farm_rate_local_problem(const farm_rate_request *items, size_t count,
                                    const farm_rate_state *results,
                                    const farm_rate_decision *decision, farm_error *error,
                                    char **out_text) {
    return make_alone(items, count, results, decision, &problem, error, out_text);
}
