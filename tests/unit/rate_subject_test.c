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
                        .epoch = epoch,
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
    uint8_t keys[9][RATE_BUCKET_SIZE];
    for (size_t i = 0; i < 9; i++) {
        owners[i] = owner_of(FARM_RATE_SCOPE_KEY, 32, 64);
        owners[i].space = "a";
        owners[i].limit = "b";
    }
    owners[1].space = "ab";
    owners[2].limit = "a";
    owners[3].limit = "a\x1f"
                      "b";
    owners[4].epoch = other_epoch;
    owners[5].secret = other_secret;
    owners[6].scope = FARM_RATE_SCOPE_USER;
    owners[8].space = "a\x01";
    for (size_t i = 0; i < 9; i++) {
        rate_subject subject = read(&owners[i], subjects[i]);
        rate_subject_hash(&owners[i], &subject, keys[i]);
    }
    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(memcmp(keys[i], keys[j], RATE_BUCKET_SIZE), 0, "%zu and %zu", i, j);
}

Test(rate_subject, the_longest_parts_fit) {
    rate_owner owner = owner_of(FARM_RATE_SCOPE_KEY, 32, 64);
    char longest[FARM_KEY_MAX + 1];
    uint8_t key[RATE_BUCKET_SIZE] = {0};
    uint8_t again[RATE_BUCKET_SIZE] = {1};
    memset(longest, 'x', FARM_KEY_MAX);
    longest[FARM_KEY_MAX] = '\0';
    owner.space = owner.limit = longest;
    rate_subject subject = read(&owner, longest);

    rate_subject_hash(&owner, &subject, key);
    rate_subject_hash(&owner, &subject, again);

    cr_assert_eq(memcmp(key, again, sizeof key), 0);
}
