/* Names, limits and subjects of rate limits, addresses among them: a verdict on whatever comes, and
 * the canonical form of what is canonical is itself. */
#include "rate/rate_rules.h"
#include "rate/rate_subject.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void claim(int holds) {
    if (!holds) abort();
}

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
                        .epoch = secret,
                        .secret = secret,
                        .scope = chosen[0] % 4,
                        .ipv4_prefix = 1 + chosen[1] % 32,
                        .ipv6_prefix = 1 + chosen[2] % 128};
    rate_subject read;
    uint8_t first[RATE_BUCKET_SIZE];
    uint8_t second[RATE_BUCKET_SIZE];
    const char *given = owner.scope == FARM_RATE_SCOPE_GLOBAL && text[0] == '\0' ? NULL : text;
    if (rate_subject_read(&owner, given, &read) != NULL) return;
    claim(read.size <= RATE_SUBJECT_MAX);
    if (owner.scope == FARM_RATE_SCOPE_ADDRESS) check_address(&owner, &read);
    rate_subject_hash(&owner, &read, first);
    rate_subject_hash(&owner, &read, second);
    claim(memcmp(first, second, sizeof first) == 0);
}

/* A limit of any numbers is refused, or counted so that nothing overflows. */
static void check_limit(const uint8_t *data, size_t size, const char *name) {
    farm_rate_limit limit = {.struct_size = sizeof limit, .name = name};
    rate_units units;
    if (size < sizeof limit) return;
    memcpy(&limit.scope, data, sizeof limit.scope);
    memcpy(&limit.burst, data + 4, 2 * sizeof limit.burst);
    memcpy(&limit.period_us, data + 20, sizeof limit.period_us);
    memcpy(&limit.ipv4_prefix, data + 28, 2 * sizeof limit.ipv4_prefix);
    if (rate_limit_complaint(&limit) != NULL || !rate_units_choose(&limit, &units)) return;
    claim(units.token > 0 && units.speed > 0 && units.capacity / units.token == units.burst);
    int64_t now = rate_now(&units, RATE_CLOCK_MAX_US * 1000);
    claim(now >= 0 && now <= INT64_MAX - units.capacity);
    claim(now + units.capacity <= INT64_MAX - units.capacity);
    claim(rate_increment(&units, RATE_AMOUNT_MAX) <= units.capacity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    char *text = malloc(size - 2);
    if (text == NULL) return 0;
    memcpy(text, data + 3, size - 3);
    text[size - 3] = '\0';
    check_name(text);
    check_subject(data, text);
    check_limit(data + 3, size - 3, "l");
    free(text);
    return 0;
}
