/* The rules of rate limits; see rate_rules.h. The bounds that make every sum fit are all in
 * rate_units_make(). */
#include "rate/rate_rules.h"
#include "base/integer.h"
#include <string.h>

enum { IPV4_PREFIX_DEFAULT = 32, IPV4_BITS = 32, IPV6_PREFIX_DEFAULT = 64, IPV6_BITS = 128 };

static const int64_t tick_ns_choices[RATE_TICK_COUNT] = {1, 1000, 1000000};

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

const char *rate_limit_complaint(farm_rate_limit *limit) {
    if (!is_within(limit->scope, FARM_RATE_SCOPE_KEY, FARM_RATE_SCOPE_GLOBAL))
        return "has a scope that does not exist";
    if (!is_within(limit->count, 1, RATE_AMOUNT_MAX)) return "must have a count of 1 to 2147483647";
    if (limit->burst == 0) limit->burst = limit->count;
    if (!is_within(limit->burst, 1, RATE_AMOUNT_MAX))
        return "must have a burst of 1 to 2147483647, or 0 for its count";
    if (!is_within(limit->period_us, 1, RATE_PERIOD_MAX_US))
        return "must have a period of 1 microsecond to 366 days";
    if (limit->scope != FARM_RATE_SCOPE_ADDRESS && (limit->ipv4_prefix | limit->ipv6_prefix) != 0)
        return "has a prefix, which only addresses have";
    if (limit->ipv4_prefix == 0) limit->ipv4_prefix = IPV4_PREFIX_DEFAULT;
    if (limit->ipv6_prefix == 0) limit->ipv6_prefix = IPV6_PREFIX_DEFAULT;
    if (!is_within(limit->ipv4_prefix, 1, IPV4_BITS)) return "must have an IPv4 prefix of 1 to 32";
    if (!is_within(limit->ipv6_prefix, 1, IPV6_BITS)) return "must have an IPv6 prefix of 1 to 128";
    return NULL;
}

/* Microseconds until so many units have passed, rounded up. */
static int64_t to_us(const rate_units *units, int64_t amount) {
    int64_t ticks = integer_divide_up(amount, units->speed);
    return units->tick_ns == 1 ? integer_divide_up(ticks, 1000) : ticks * (units->tick_ns / 1000);
}

int32_t rate_units_make(const farm_rate_limit *limit, int64_t tick_ns, rate_units *out) {
    const int64_t period_ns = limit->period_us * 1000;
    if (period_ns % tick_ns != 0) return 0;
    const int64_t period = period_ns / tick_ns;
    const int64_t divisor = integer_gcd(limit->count, period);
    rate_units units = {
        .tick_ns = tick_ns,
        .speed = limit->count / divisor,
        .token = period / divisor,
        .burst = limit->burst,
    };
    /* The largest sum is that of a bucket filled up in 2200, looked at after the clock was set back
     * to 1970, plus a cost: now + capacity + capacity. The slack is less than now. */
    const int64_t clock_max = RATE_CLOCK_MAX_US * 1000 / tick_ns;
    int64_t sum = 0;
    if (!integer_multiply(units.burst, units.token, &units.capacity)) return 0;
    if (!integer_multiply(clock_max, units.speed, &sum)) return 0;
    if (!integer_add(sum, units.capacity, &sum)) return 0;
    if (!integer_add(sum, units.capacity, &sum)) return 0;
    units.slack = RATE_SLACK_US * 1000 / tick_ns * units.speed;
    /* Likewise in microseconds, for the answers, the expiry and its rounding up to hours. */
    if (tick_ns > 1000) {
        const int64_t ticks = integer_divide_up(units.capacity, units.speed);
        if (!integer_multiply(ticks, tick_ns / 1000, &sum)) return 0;
    }
    units.refill_us = to_us(&units, units.capacity);
    if (units.refill_us > INT64_MAX - RATE_CLOCK_MAX_US - 2 * RATE_HOUR_US) return 0;
    *out = units;
    return 1;
}

int32_t rate_units_choose(const farm_rate_limit *limit, rate_units *out) {
    for (size_t i = 0; i < RATE_TICK_COUNT; i++)
        if (rate_units_make(limit, tick_ns_choices[i], out)) return 1;
    return 0;
}

int64_t rate_now(const rate_units *units, int64_t now_ns) {
    const int64_t bounded = integer_max(0, integer_min(now_ns, RATE_CLOCK_MAX_US * 1000));
    return bounded / units->tick_ns * units->speed;
}

int32_t rate_is_never(const rate_units *units, int64_t cost) {
    return cost > units->burst;
}

int64_t rate_increment(const rate_units *units, int64_t cost) {
    return integer_min(cost, units->burst) * units->token;
}

int64_t rate_expires_hour(const rate_units *units, int64_t now_us) {
    const int64_t bounded = integer_max(0, integer_min(now_us, RATE_CLOCK_MAX_US));
    return (bounded + units->refill_us) / RATE_HOUR_US + 1;
}

void rate_decide(const rate_units *units, const rate_facts *facts, farm_rate_state *out) {
    int64_t used = facts->has_tat ? integer_max(0, facts->tat - facts->now) : 0;
    /* A debt that nobody can have run up: the clock was set back. One more is let through, and
     * leaves the bucket empty. */
    const int32_t is_healed = used > units->capacity + units->slack;
    if (is_healed) used = units->capacity;
    const int64_t wait = used + rate_increment(units, facts->cost) - units->capacity;
    const int32_t is_never = !facts->is_taken && rate_is_never(units, facts->cost);

    out->burst = units->burst;
    out->refill_us = units->refill_us;
    out->is_never = is_never;
    out->allowed = facts->is_taken || (!is_never && (is_healed || wait <= 0));
    out->remaining = integer_max(0, units->capacity - used) / units->token;
    out->reset_after_us = to_us(units, used);
    out->retry_after_us = is_never ? -1 : (out->allowed ? 0 : to_us(units, wait));
    out->reserved = 0;
}

/* Whether the left one has the smaller part left; both numbers are below 2^31. */
static int32_t is_scarcer(const farm_rate_state *left, const farm_rate_state *right) {
    return left->remaining * right->burst < right->remaining * left->burst;
}

/* Whether the left one is longer to wait for. */
static int32_t is_later(const farm_rate_state *left, const farm_rate_state *right) {
    if (left->is_never || right->is_never) return left->is_never > right->is_never;
    return left->retry_after_us > right->retry_after_us;
}

void rate_conclude(const farm_rate_state *states, size_t count, farm_rate_decision *out) {
    size_t latest = 0;
    size_t scarcest = 0;
    int32_t allowed = 1;
    for (size_t i = 0; i < count; i++) {
        if (!states[i].allowed) allowed = 0;
        if (is_later(&states[i], &states[latest])) latest = i;
        if (is_scarcer(&states[i], &states[scarcest])) scarcest = i;
    }
    out->allowed = allowed;
    out->decided_index = (int32_t)(allowed ? scarcest : latest);
    out->is_never = states[latest].is_never;
    out->retry_after_us = states[latest].retry_after_us;
    memset(&out->token, 0, sizeof out->token);
}

int32_t rate_token_is_sound(const farm_id *token) {
    return token->bytes[6] >> 4 == 7 && token->bytes[8] >> 6 == 2;
}

int64_t rate_refund_until_us(const rate_units *units, const farm_id *token) {
    int64_t made_ms = 0;
    for (size_t i = 0; i < 6; i++) made_ms = made_ms * 256 + token->bytes[i];
    return made_ms * 1000 + integer_min(units->refill_us, RATE_PERIOD_MAX_US) +
           RATE_REFUND_MARGIN_US;
}
