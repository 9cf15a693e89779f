/* Subjects: reading, canonical form, hash; see rate_subject.h. */
#include "rate/rate_subject.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <string.h>

enum {
    IPV4_SIZE = 4,
    IPV6_SIZE = 16,
    MAPPED_AT = 12, /* where the IPv4 address stands in ::ffff:192.0.2.1 */
    /* Each part with its size in one byte before it: space, name, epoch, scope, subject. */
    HASHED_MAX = 3 * (1 + FARM_KEY_MAX) + (1 + RATE_EPOCH_SIZE) + (1 + 1)
};

/* A part with its size before it, so that no two lists of parts have the same bytes. */
static size_t add_part(uint8_t *out, size_t at, const void *data, size_t size) {
    out[at] = (uint8_t)size;
    memcpy(out + at + 1, data, size);
    return at + 1 + size;
}

/* Clear all bits behind the prefix. */
static void cut(uint8_t *address, size_t size, size_t prefix) {
    for (size_t i = 0; i < size; i++) {
        if (prefix >= 8) {
            prefix -= 8;
            continue;
        }
        address[i] = (uint8_t)(address[i] & (0xFF00U >> prefix));
        prefix = 0;
    }
}

static void set_address(rate_subject *out, const uint8_t *address, size_t size, int32_t prefix) {
    memcpy(out->bytes, address, size);
    out->size = size;
    cut(out->bytes, size, (size_t)prefix);
}

static const char *read_address(const rate_owner *owner, const char *text, rate_subject *out) {
    static const uint8_t mapped[MAPPED_AT] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    uint8_t address[IPV6_SIZE];
    /* A zone belongs to one machine's interfaces and means nothing to the others. */
    if (strchr(text, '%') != NULL) return "is an address with a zone";
    if (inet_pton(AF_INET, text, address) == 1) {
        set_address(out, address, IPV4_SIZE, owner->ipv4_prefix);
        return NULL;
    }
    if (inet_pton(AF_INET6, text, address) != 1) return "is not an IPv4 or IPv6 address";
    if (memcmp(address, mapped, sizeof mapped) == 0)
        set_address(out, address + MAPPED_AT, IPV4_SIZE, owner->ipv4_prefix);
    else
        set_address(out, address, IPV6_SIZE, owner->ipv6_prefix);
    return NULL;
}

const char *rate_subject_read(const rate_owner *owner, const char *text, rate_subject *out) {
    out->size = 0;
    if (owner->scope == FARM_RATE_SCOPE_GLOBAL)
        return text == NULL ? NULL : "must be NULL, since the limit is global";
    const char *complaint = text_complaint(text, FARM_KEY_MAX);
    if (complaint != NULL) return complaint;
    if (owner->scope == FARM_RATE_SCOPE_ADDRESS) return read_address(owner, text, out);
    out->size = strlen(text);
    memcpy(out->bytes, text, out->size);
    return NULL;
}

/* The bits behind "/" in the text of a network; -1: it has none, -2: they are no number to 128. */
static int32_t network_bits(const char *text) {
    const char *slash = strchr(text, '/');
    if (slash == NULL) return -1;
    int32_t bits = 0;
    size_t digits = strspn(slash + 1, "0123456789");
    if (digits < 1 || digits > 3 || slash[1 + digits] != '\0') return -2;
    for (size_t i = 1; i <= digits; i++) bits = bits * 10 + (slash[i] - '0');
    return bits <= 128 ? bits : -2;
}

static const char *read_network(const rate_owner *owner, const char *text, int32_t bits,
                                rate_subject *out, int32_t *out_length) {
    char address[FARM_KEY_MAX + 1];
    const size_t size = strcspn(text, "/");
    memcpy(address, text, size);
    address[size] = '\0';
    const char *complaint = read_address(owner, address, out);
    if (complaint != NULL) return complaint;
    /* An IPv4 network that is written as a mapped one has 96 bits more. */
    const int32_t prefix = out->size == IPV4_SIZE ? owner->ipv4_prefix : owner->ipv6_prefix;
    if (out->size == IPV4_SIZE && strchr(address, ':') != NULL) bits -= 96;
    if (bits < 0) return "is not the network of an IPv4 or IPv6 address";
    if (bits > prefix) return "is a network longer than the limit's prefix";
    cut(out->bytes, out->size, (size_t)bits);
    *out_length = bits;
    return NULL;
}

const char *rate_network_read(const rate_owner *owner, const char *text, rate_subject *out,
                              int32_t *out_length) {
    *out_length = 0;
    if (owner->scope != FARM_RATE_SCOPE_ADDRESS) return rate_subject_read(owner, text, out);
    const char *complaint = text_complaint(text, FARM_KEY_MAX);
    if (complaint != NULL) return complaint;
    const int32_t bits = network_bits(text);
    if (bits == -2) return "is a network whose length is no number up to 128";
    if (bits >= 0) return read_network(owner, text, bits, out, out_length);
    complaint = read_address(owner, text, out);
    *out_length = out->size == IPV4_SIZE ? owner->ipv4_prefix : owner->ipv6_prefix;
    return complaint;
}

/* What all hashes of a limit begin with. */
static size_t add_owner(uint8_t *hashed, const rate_owner *owner, const uint8_t *epoch,
                        size_t epoch_size) {
    const uint8_t scope = (uint8_t)owner->scope;
    size_t size = add_part(hashed, 0, owner->space, strlen(owner->space));
    size = add_part(hashed, size, owner->limit, strlen(owner->limit));
    size = add_part(hashed, size, epoch, epoch_size);
    return add_part(hashed, size, &scope, sizeof scope);
}

void rate_subject_hash(const rate_owner *owner, const uint8_t *epoch, const rate_subject *subject,
                       uint8_t out[RATE_KEY_SIZE]) {
    uint8_t hashed[HASHED_MAX];
    size_t size = add_owner(hashed, owner, epoch, RATE_EPOCH_SIZE);
    size = add_part(hashed, size, subject->bytes, subject->size);
    hash_128_keyed(hashed, size, owner->secret, out);
}

void rate_subject_hash_local(const rate_owner *owner, const uint8_t *salt,
                             const rate_subject *subject, uint8_t out[RATE_KEY_SIZE]) {
    uint8_t hashed[RATE_SALT_SIZE + RATE_SUBJECT_MAX];
    memcpy(hashed, salt, RATE_SALT_SIZE);
    memcpy(hashed + RATE_SALT_SIZE, subject->bytes, subject->size);
    hash_128_keyed(hashed, RATE_SALT_SIZE + subject->size, owner->secret, out);
}

void rate_override_hash(const rate_owner *owner, const rate_subject *subject, size_t size,
                        int32_t length, uint8_t out[RATE_KEY_SIZE]) {
    const uint8_t bits = (uint8_t)length;
    uint8_t hashed[HASHED_MAX];
    rate_subject part = *subject;
    if (owner->scope == FARM_RATE_SCOPE_ADDRESS) cut(part.bytes, part.size, (size_t)length);
    /* Instead of an epoch of 16 bytes, one byte: no bucket has the same. */
    size_t end = add_owner(hashed, owner, &bits, sizeof bits);
    end = add_part(hashed, end, part.bytes, size);
    hash_128_keyed(hashed, end, owner->secret, out);
}
