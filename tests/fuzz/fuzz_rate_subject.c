/* Names, limits and subjects of rate limits, addresses among them: a verdict on whatever comes, and
 * the canonical form of what is canonical is itself. */
#include "fuzz.h"
#include "rate/rate_rules.h"
#include "rate/rate_subject.h"
#include <arpa/inet.h>

static void check_name(const char *text) {
    if (rate_name_complaint(text) != NULL) return;
    size_t size = strlen(text);
    claim(size >= 1 && size <= FARM_KEY_MAX);
    for (size_t i = 0; i < size; i++)
        claim(text[i] > ' ' && text[i] < 127 && text[i] != '"' && text[i] != '\\');
}

/* The bytes of an address are written out and read again: they must stay what they are. */
static void check_address(const rate_owner *owner, const rate_subject *read) {
    char text[INET6_ADDRSTRLEN];
    rate_subject again;
    int family = read->size == 4 ? AF_INET : AF_INET6;
    if (read->size != 4 && read->size != 16) return;
    claim(inet_ntop(family, read->bytes, text, sizeof text) != NULL);
    claim(rate_subject_read(owner, text, &again) == NULL);
    claim(again.size == read->size && memcmp(again.bytes, read->bytes, read->size) == 0);
}

static void check_subject(const uint8_t *chosen, const char *text) {
    static const uint8_t secret[64] = {1};
    rate_owner owner = {.space = "s",
                        .limit = "l",
                        .secret = secret,
                        .scope = chosen[0] % 4,
                        .ipv4_prefix = 1 + chosen[1] % 32,
                        .ipv6_prefix = 1 + chosen[2] % 128};
    rate_subject read;
    uint8_t first[RATE_KEY_SIZE];
    uint8_t second[RATE_KEY_SIZE];
    const char *given = owner.scope == FARM_RATE_SCOPE_GLOBAL && text[0] == '\0' ? NULL : text;
    if (rate_subject_read(&owner, given, &read) != NULL) return;
    claim(read.size <= RATE_SUBJECT_MAX);
    if (owner.scope == FARM_RATE_SCOPE_ADDRESS) check_address(&owner, &read);
    rate_subject_hash(&owner, secret, &read, first);
    rate_subject_hash(&owner, secret, &read, second);
    claim(memcmp(first, second, sizeof first) == 0);
}

/* A take from a bucket that is not there yet: what can ever fit does, and nothing overflows. */
static void check_take(const rate_units *units, int64_t cost) {
    rate_ask ask;
    rate_row row;
    rate_ask_at(units, RATE_CLOCK_MAX_US * 1000, cost, &ask);
    claim(ask.moment.now >= 0 && ask.moment.now <= INT64_MAX - 3 * units->capacity);
    claim(ask.increment >= 0 && ask.increment <= units->capacity);
    claim(rate_is_never(units, cost) == (cost > units->burst));
    if (cost > units->burst) return;
    claim(rate_row_take(units, &ask, NULL, &row));
    const rate_facts facts = {.row = row, .has_row = 1, .is_taken = 1};
    farm_rate_state state = {0};
    rate_decide(units, &ask, &facts, &state);
    claim(state.allowed && state.remaining == units->burst - cost);
}

/* A limit of any numbers is refused, or counted so that nothing overflows. */
static void check_limit(const uint8_t *data, size_t size, const char *name) {
    static const zone utc;
    farm_rate_limit limit = {.struct_size = sizeof limit, .name = name};
    rate_units units;
    int64_t cost = 0;
    if (size < sizeof limit) return;
    memcpy(&limit.scope, data, sizeof limit.scope);
    memcpy(&limit.burst, data + 4, 2 * sizeof limit.burst);
    memcpy(&limit.period_us, data + 20, sizeof limit.period_us);
    memcpy(&limit.ipv4_prefix, data + 28, 2 * sizeof limit.ipv4_prefix);
    memcpy(&cost, data + 37, sizeof cost);
    limit.algorithm = data[36] % 3;
    if (rate_limit_complaint(&limit) != NULL || !rate_units_choose(&limit, &utc, &units)) return;
    claim(units.token > 0 && units.capacity / units.token == units.burst);
    check_take(&units, 1);
    if (cost >= 1 && cost <= RATE_AMOUNT_MAX) check_take(&units, cost);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    char *text = fuzz_text(data + 3, size - 3);
    if (text == NULL) return 0;
    check_name(text);
    check_subject(data, text);
    check_limit(data + 3, size - 3, "l");
    free(text);
    return 0;
}
