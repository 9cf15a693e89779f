/* Subjects of rate limits: equal addresses in every spelling, prefixes, hashes that do not collide
 * and do not repeat what was hashed. */
#include "rate/rate_subject.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static uint8_t secret[HASH_SECRET_SIZE];
static const uint8_t epoch[16] = {1, 2, 3};

static rate_owner owner_of(int32_t scope, int32_t ipv4_prefix, int32_t ipv6_prefix) {
    for (size_t i = 0; i < sizeof secret; i++) secret[i] = (uint8_t)(i * 7 + 1);
    return (rate_owner){.space = "space",
                        .limit = "limit",
                        .secret = secret,
                        .scope = scope,
                        .ipv4_prefix = ipv4_prefix,
                        .ipv6_prefix = ipv6_prefix};
}

static rate_subject read(const rate_owner *owner, const char *text) {
    rate_subject subject;
    const char *complaint = rate_subject_read(owner, text, &subject);
    cr_assert_null(complaint, "%s %s", text, complaint);
    return subject;
}

static int32_t is_same(const rate_owner *owner, const char *left, const char *right) {
    rate_subject one = read(owner, left);
    rate_subject other = read(owner, right);
    return one.size == other.size && memcmp(one.bytes, other.bytes, one.size) == 0;
}

Test(rate_subject, an_address_is_the_same_in_every_spelling) {
    static const char *const pairs[][2] = {
        {"2001:db8::1", "2001:DB8:0:0:0:0:0:1"},   {"2001:db8::1", "2001:0db8:0000::0.0.0.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},         {"::FFFF:c000:201", "192.0.2.1"},
        {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"}, {"::", "0:0:0:0:0:0:0:0"},
    };
    rate_owner owner = owner_of(FARM_RATE_SCOPE_ADDRESS, 32, 128);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        cr_assert(is_same(&owner, pairs[i][0], pairs[i][1]), "pair %zu", i);
    cr_assert_not(is_same(&owner, "192.0.2.1", "::192.0.2.1")); /* compatible, not mapped */
    cr_assert_not(is_same(&owner, "192.0.2.1", "192.0.2.2"));
    cr_assert_not(is_same(&owner, "0.0.0.0", "::"));
}

Test(rate_subject, what_is_no_address_is_refused) {
    static const char *const wrong[] = {
        NULL,        "",          "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4x", "fe80::1%eth0",
        "fe80::1%1", "1.2.3.4%0", "::1::", "host",      " 1.2.3.4",  "1.2.3.4 ",  "2001:db8::/32",
        "[::1]",     "\xff"};
    rate_owner owner = owner_of(FARM_RATE_SCOPE_ADDRESS, 32, 64);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rate_subject subject;
        cr_assert_not_null(rate_subject_read(&owner, wrong[i], &subject), "address %zu", i);
    }
}

/* The bit behind the prefix does not count and the last one in it does, for every prefix. */
Test(rate_subject, exactly_the_bits_of_the_prefix_count) {
    for (int32_t prefix = 1; prefix <= 32; prefix++) {
        rate_owner owner = owner_of(FARM_RATE_SCOPE_ADDRESS, prefix, 64);
        uint32_t inside = 0xFFFFFFFFU ^ (UINT32_C(1) << (32 - prefix));
        uint32_t outside = prefix == 32 ? 0xFFFFFFFFU : 0xFFFFFFFFU >> prefix ^ 0xFFFFFFFFU;
        char one[64], other[64];
        snprintf(one, sizeof one, "%u.%u.%u.%u", inside >> 24, inside >> 16 & 255,
                 inside >> 8 & 255, inside & 255);
        snprintf(other, sizeof other, "::ffff:%u.%u.%u.%u", outside >> 24, outside >> 16 & 255,
                 outside >> 8 & 255, outside & 255);
        cr_assert_not(is_same(&owner, one, "255.255.255.255"), "prefix %d", prefix);
        cr_assert(is_same(&owner, other, "255.255.255.255"), "prefix %d", prefix);
    }
    for (int32_t prefix = 1; prefix <= 128; prefix++) {
        rate_owner owner = owner_of(FARM_RATE_SCOPE_ADDRESS, 32, prefix);
        uint8_t bits[16], cut[16];
        char one[64], other[64];
        memset(bits, 0xFF, sizeof bits);
        bits[(prefix - 1) / 8] = (uint8_t)(bits[(prefix - 1) / 8] ^ (0x80 >> ((prefix - 1) % 8)));
        for (int32_t i = 0; i < 16; i++) {
            int32_t left = prefix - 8 * i;
            cut[i] = (uint8_t)(left >= 8 ? 0xFF : left <= 0 ? 0 : 0xFF00 >> left);
        }
        for (size_t i = 0; i < 8; i++) {
            snprintf(one + 5 * i, 6, "%02x%02x:", bits[2 * i], bits[2 * i + 1]);
            snprintf(other + 5 * i, 6, "%02x%02x:", cut[2 * i], cut[2 * i + 1]);
        }
        one[39] = other[39] = '\0';
        const char *all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        cr_assert_not(is_same(&owner, one, all), "prefix %d", prefix);
        cr_assert(is_same(&owner, other, all), "prefix %d", prefix);
    }
}

Test(rate_subject, texts_count_byte_by_byte) {
    rate_owner owner = owner_of(FARM_RATE_SCOPE_USER, 32, 64);
    char longest[FARM_KEY_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    rate_subject subject;

    cr_assert_not(is_same(&owner, "ann", "Ann"));
    cr_assert_not(is_same(&owner, "ann", "ann "));
    cr_assert_eq(read(&owner, longest + 1).size, FARM_KEY_MAX);
    cr_assert_not_null(rate_subject_read(&owner, longest, &subject));
    cr_assert_not_null(rate_subject_read(&owner, NULL, &subject));
    cr_assert_not_null(rate_subject_read(&owner, "\xc0\x80", &subject));
}

Test(rate_subject, a_global_limit_has_no_subject) {
    rate_owner owner = owner_of(FARM_RATE_SCOPE_GLOBAL, 32, 64);
    rate_subject subject;

    cr_assert_null(rate_subject_read(&owner, NULL, &subject));
    cr_assert_eq(subject.size, 0);
    cr_assert_not_null(rate_subject_read(&owner, "all", &subject));
}

Test(rate_subject, every_part_of_a_bucket_counts_and_none_runs_into_the_next) {
    static const uint8_t other_epoch[16] = {9};
    static const uint8_t other_secret[HASH_SECRET_SIZE] = {5};
    rate_owner owners[9];
    static const char *const subjects[9] = {"c", "c", "bc", "c", "c", "c", "c", "cc", "c"};
    uint8_t keys[9][RATE_KEY_SIZE];
    for (size_t i = 0; i < 9; i++) {
        owners[i] = owner_of(FARM_RATE_SCOPE_KEY, 32, 64);
        owners[i].space = "a";
        owners[i].limit = "b";
    }
    owners[1].space = "ab";
    owners[2].limit = "a";
    owners[3].limit = "a\x1f"
                      "b";
    owners[5].secret = other_secret;
    owners[6].scope = FARM_RATE_SCOPE_USER;
    owners[8].space = "a\x01";
    for (size_t i = 0; i < 9; i++) {
        rate_subject subject = read(&owners[i], subjects[i]);
        rate_subject_hash(&owners[i], i == 4 ? other_epoch : epoch, &subject, keys[i]);
    }
    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(memcmp(keys[i], keys[j], RATE_KEY_SIZE), 0, "%zu and %zu", i, j);
}

Test(rate_subject, the_longest_parts_fit) {
    rate_owner owner = owner_of(FARM_RATE_SCOPE_KEY, 32, 64);
    char longest[FARM_KEY_MAX + 1];
    uint8_t key[RATE_KEY_SIZE] = {0};
    uint8_t again[RATE_KEY_SIZE] = {1};
    memset(longest, 'x', FARM_KEY_MAX);
    longest[FARM_KEY_MAX] = '\0';
    owner.space = owner.limit = longest;
    rate_subject subject = read(&owner, longest);

    rate_subject_hash(&owner, epoch, &subject, key);
    rate_subject_hash(&owner, epoch, &subject, again);

    cr_assert_eq(memcmp(key, again, sizeof key), 0);
}

/* ------------------------------------------------------------------------- overrides */

static int32_t override_length(const rate_owner *owner, const char *text, uint8_t *key) {
    rate_subject subject;
    int32_t length = -1;
    const char *complaint = rate_network_read(owner, text, &subject, &length);
    cr_assert_null(complaint, "%s %s", text, complaint);
    rate_override_hash(owner, &subject, subject.size, length, key);
    return length;
}

Test(rate_subject, networks_of_overrides_are_found_from_the_addresses_in_them) {
    static const struct {
        const char *network, *address;
        int32_t length;
    } cases[] = {
        {"10.0.0.0/8", "10.255.3.4", 8},     {"10.9.9.9/8", "10.255.3.4", 8},
        {"0.0.0.0/0", "203.0.113.9", 0},     {"::ffff:10.0.0.0/104", "10.255.3.4", 8},
        {"192.0.2.1", "192.0.2.1", 32},      {"2001:db8::/32", "2001:db8:ffff::1", 32},
        {"2001:db8::5", "2001:db8::77", 64},
    };
    rate_owner owner = owner_of(FARM_RATE_SCOPE_ADDRESS, 32, 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t key[RATE_KEY_SIZE];
        uint8_t found[RATE_KEY_SIZE];
        rate_subject address = read(&owner, cases[i].address);

        cr_assert_eq(override_length(&owner, cases[i].network, key), cases[i].length, "%zu", i);

        rate_override_hash(&owner, &address, address.size, cases[i].length, found);
        cr_assert_eq(memcmp(key, found, sizeof key), 0, "case %zu", i);
    }
}

Test(rate_subject, what_is_no_network_is_refused) {
    static const char *const wrong[] = {"10.0.0.0/33",      "10.0.0.0/",    "10.0.0.0/x",
                                        "2001:db8::/65",    "/8",           "10.0.0/8",
                                        "::ffff:1.2.3.4/8", "1.2.3.4/1000", "1.2.3.4/-1"};
    rate_owner owner = owner_of(FARM_RATE_SCOPE_ADDRESS, 32, 64);
    rate_subject subject;
    int32_t length = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not_null(rate_network_read(&owner, wrong[i], &subject, &length), "%s", wrong[i]);
}

Test(rate_subject, an_override_is_no_bucket_and_networks_of_two_lengths_are_two) {
    rate_owner owner = owner_of(FARM_RATE_SCOPE_ADDRESS, 32, 64);
    uint8_t keys[3][RATE_KEY_SIZE];
    rate_subject address = read(&owner, "10.0.0.0");

    override_length(&owner, "10.0.0.0/8", keys[0]);
    override_length(&owner, "10.0.0.0/16", keys[1]);
    rate_subject_hash(&owner, epoch, &address, keys[2]);

    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(memcmp(keys[i], keys[j], RATE_KEY_SIZE), 0, "%zu and %zu", i, j);
}
