/* The rules of rate limits: what a limit may say, which limit decides, how long a decision can be
 * taken back. See rate_rules.h. */
#include "rate/rate_rules.h"
#include "base/integer.h"
#include <string.h>

enum { IPV4_PREFIX_DEFAULT = 32, IPV4_BITS = 32, IPV6_PREFIX_DEFAULT = 64, IPV6_BITS = 128 };

static int32_t is_within(int64_t value, int64_t least, int64_t most) {
    return value >= least && value <= most;
}

static int32_t is_name_character(unsigned char character) {
    return character > ' ' && character < 0x7F && character != '"' && character != '\\';
}

const char *rate_name_complaint(const char *name) {
    if (name == NULL) return "is missing";
    if (name[0] == '\0') return "is empty";
    size_t size = 0;
    while (size <= FARM_KEY_MAX && name[size] != '\0') {
        if (!is_name_character((unsigned char)name[size]))
            return "has a character that is not visible ASCII, or is \" or \\";
        size++;
    }
    return size > FARM_KEY_MAX ? "is longer than 255 bytes" : NULL;
}

/* Fields that every limit has. */
static const char *common_complaint(farm_rate_limit *limit) {
    if (!is_within(limit->scope, FARM_RATE_SCOPE_KEY, FARM_RATE_SCOPE_GLOBAL))
        return "has a scope that does not exist";
    if (!is_within(limit->algorithm, FARM_RATE_ALGORITHM_BUCKET, FARM_RATE_ALGORITHM_CONCURRENCY))
        return "has an algorithm that does not exist";
    if (!is_within(limit->count, 1, RATE_AMOUNT_MAX)) return "must have a count of 1 to 2147483647";
    if (limit->scope != FARM_RATE_SCOPE_ADDRESS && (limit->ipv4_prefix | limit->ipv6_prefix) != 0)
        return "has a prefix, which only addresses have";
    if (limit->ipv4_prefix == 0) limit->ipv4_prefix = IPV4_PREFIX_DEFAULT;
    if (limit->ipv6_prefix == 0) limit->ipv6_prefix = IPV6_PREFIX_DEFAULT;
    if (!is_within(limit->ipv4_prefix, 1, IPV4_BITS)) return "must have an IPv4 prefix of 1 to 32";
    if (!is_within(limit->ipv6_prefix, 1, IPV6_BITS)) return "must have an IPv6 prefix of 1 to 128";
    return NULL;
}

static const char *bucket_complaint(farm_rate_limit *limit) {
    if (limit->burst == 0) limit->burst = limit->count;
    if (!is_within(limit->burst, 1, RATE_AMOUNT_MAX))
        return "must have a burst of 1 to 2147483647, or 0 for its count";
    if (limit->initial == 0) limit->initial = limit->burst;
    if (!is_within(limit->initial, 1, limit->burst))
        return "must have initial tokens of 1 to burst";
    if (!is_within(limit->lease_count, 0, limit->burst)) return "must have leases of 0 to burst";
    if (!is_within(limit->period_us, 1, RATE_PERIOD_MAX_US))
        return "must have a period of 1 microsecond to 366 days";
    return NULL;
}

/* Windows and holds. */
static const char *count_complaint(farm_rate_limit *limit) {
    if (limit->burst != 0 && limit->burst != limit->count)
        return "has a burst, which only buckets have";
    limit->burst = limit->count;
    if (limit->initial != 0) return "has initial tokens, which only buckets have";
    if (limit->lease_count != 0) return "has leases, which only buckets have";
    if (limit->calendar == FARM_RATE_CALENDAR_NONE &&
        !is_within(limit->period_us, RATE_WINDOW_MIN_US, RATE_PERIOD_MAX_US))
        return "must have a period of 1 millisecond to 366 days";
    if (limit->algorithm == FARM_RATE_ALGORITHM_CONCURRENCY && limit->count > FARM_RATE_HOLD_MAX)
        return "must have a count of 1 to 10000";
    return NULL;
}

static const char *calendar_complaint(const farm_rate_limit *limit) {
    if (!is_within(limit->calendar, FARM_RATE_CALENDAR_NONE, FARM_RATE_CALENDAR_YEAR))
        return "has a calendar that does not exist";
    if (limit->calendar == FARM_RATE_CALENDAR_NONE)
        return limit->zone == NULL || limit->zone[0] == '\0'
                   ? NULL
                   : "has a time zone, which only calendars have";
    if (limit->algorithm != FARM_RATE_ALGORITHM_WINDOW)
        return "has a calendar, which only windows have";
    return limit->period_us == 0 ? NULL : "has a period beside its calendar";
}

/* How it behaves, whatever it counts. */
static const char *manner_complaint(const farm_rate_limit *limit) {
    if (!is_within(limit->is_shadow, 0, 1)) return "must be in shadow mode, 1, or not, 0";
    if (!is_within(limit->on_error, FARM_RATE_ON_ERROR_CLOSED, FARM_RATE_ON_ERROR_LOCAL))
        return "has an answer to errors that does not exist";
    if (!is_within(limit->on_change, FARM_RATE_CHANGE_DEFAULT, FARM_RATE_CHANGE_PROPORTIONAL))
        return "has a way to change that does not exist";
    if (!is_within(limit->node_count, 0, RATE_NODE_MAX)) return "must have 0 to 10000 nodes";
    if (!is_within(limit->jitter_percent, 0, RATE_PERCENT_MAX))
        return "must have a jitter of 0 to 100 percent";
    if (!is_within(limit->denied_us, 0, RATE_DENIED_MAX_US))
        return "must remember refusals for 0 to 60 seconds";
    return NULL;
}

const char *rate_limit_complaint(farm_rate_limit *limit) {
    const char *complaint = common_complaint(limit);
    if (complaint == NULL) complaint = calendar_complaint(limit);
    if (complaint == NULL)
        complaint = limit->algorithm == FARM_RATE_ALGORITHM_BUCKET ? bucket_complaint(limit)
                                                                   : count_complaint(limit);
    if (complaint == NULL) complaint = manner_complaint(limit);
    if (complaint == NULL && limit->node_count == 0) limit->node_count = 1;
    return complaint;
}

/* The period is made longer, as far as one may be, and only then the count smaller, rounded up. In
 * lowest terms, but of whole milliseconds where it was that: a part needs no finer clock. */
static void divide_rate(farm_rate_limit *limit, int32_t part_count) {
    const int64_t step_us = limit->period_us % 1000 == 0 ? 1000 : 1;
    const int64_t shared = integer_gcd(limit->count, limit->period_us / step_us);
    const int64_t period_us = limit->period_us / shared;
    const int64_t longer = integer_min(part_count, RATE_PERIOD_MAX_US / period_us);
    limit->period_us = period_us * longer;
    limit->count = integer_divide_up(limit->count / shared * longer, part_count);
}

void rate_limit_divide(farm_rate_limit *limit, int32_t part_count) {
    if (limit->algorithm == FARM_RATE_ALGORITHM_BUCKET)
        divide_rate(limit, part_count);
    else
        limit->count = integer_divide_up(limit->count, part_count);
    limit->burst = integer_divide_up(limit->burst, part_count);
    limit->initial = integer_min(limit->initial, limit->burst);
    limit->lease_count = 0;
}

/* Whether the left one has the smaller part left; both numbers are below 2^31. */
static int32_t is_scarcer(const farm_rate_state *left, const farm_rate_state *right) {
    if (left->is_shadow != right->is_shadow) return right->is_shadow;
    return left->remaining * right->burst < right->remaining * left->burst;
}

/* Whether the left one is longer to wait for. */
static int32_t is_later(const farm_rate_state *left, const farm_rate_state *right) {
    if (left->is_shadow != right->is_shadow) return right->is_shadow;
    if (left->is_never || right->is_never) return left->is_never > right->is_never;
    return left->retry_after_us > right->retry_after_us;
}

void rate_conclude(const farm_rate_state *states, size_t count, farm_rate_decision *out) {
    size_t latest = 0;
    size_t scarcest = 0;
    int32_t allowed = 1;
    out->is_shadowed = 0;
    for (size_t i = 0; i < count; i++) {
        if (states[i].is_shadow) {
            if (!states[i].allowed) out->is_shadowed = 1;
            continue;
        }
        if (!states[i].allowed) allowed = 0;
        if (is_later(&states[i], &states[latest])) latest = i;
        if (is_scarcer(&states[i], &states[scarcest])) scarcest = i;
    }
    out->allowed = allowed;
    out->decided_index = (int32_t)(allowed ? scarcest : latest);
    out->is_never = !allowed && states[latest].is_never;
    out->retry_after_us = allowed ? 0 : states[latest].retry_after_us;
    out->is_degraded = 0;
    memset(&out->token, 0, sizeof out->token);
}

int64_t rate_jitter(int64_t wait_us, int32_t percent, uint32_t random) {
    if (wait_us <= 0 || percent == 0) return wait_us;
    const uint64_t most = (uint64_t)(wait_us / RATE_PERCENT_MAX) * (uint64_t)percent;
    /* most × random / 2^32, in halves, since the product has up to 95 bits. */
    const uint64_t extra = (most >> 32) * random + ((most & UINT32_MAX) * random >> 32);
    return integer_min(wait_us, INT64_MAX - (int64_t)extra) + (int64_t)extra;
}

int32_t rate_token_is_sound(const farm_id *token) {
    return token->bytes[6] >> 4 == 7 && token->bytes[8] >> 6 == 2;
}

/* In milliseconds, as a token tells it. */
static int64_t made_ms(const farm_id *token) {
    int64_t moment_ms = 0;
    for (size_t i = 0; i < 6; i++) moment_ms = moment_ms * 256 + token->bytes[i];
    return moment_ms;
}

/* A token says the millisecond: of one in which two windows meet, the later is meant. */
static void made_moment(const rate_units *units, const farm_id *token, rate_moment *out) {
    const int64_t made_us = integer_min(made_ms(token) * 1000 + 999, RATE_CLOCK_MAX_US);
    rate_moment_at(units, made_us * 1000, out);
}

void rate_refund_moment(const rate_units *units, const farm_id *token, int64_t now_ns,
                        rate_moment *out) {
    if (units->stride > 0)
        made_moment(units, token, out);
    else
        rate_moment_at(units, now_ns, out);
}

int64_t rate_refund_until_us(const rate_units *units, const farm_id *token) {
    rate_moment made;
    if (units->stride > 0) {
        made_moment(units, token, &made);
        return made.end_us - 1;
    }
    return made_ms(token) * 1000 + integer_min(units->refill_us, RATE_PERIOD_MAX_US) +
           RATE_REFUND_MARGIN_US;
}
