/* SHA-256 (FIPS 180-4 examples) and HMAC-SHA-256 (RFC 4231). */
#include "base/crypto.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(crypto);

static const char *hexadecimal(const uint8_t *bytes) {
    static char text[2 * CRYPTO_HASH_SIZE + 1];
    for (size_t i = 0; i < CRYPTO_HASH_SIZE; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

Test(crypto, sha_256_is_that_of_the_standard) {
    uint8_t out[CRYPTO_HASH_SIZE];

    crypto_sha256("abc", 3, out);
    cr_assert_str_eq(hexadecimal(out),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, out);
    cr_assert_str_eq(hexadecimal(out),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    crypto_sha256(NULL, 0, out);
    cr_assert_str_eq(hexadecimal(out),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    char *many = malloc(1000000);
    memset(many, 'a', 1000000);
    crypto_sha256(many, 1000000, out);
    cr_assert_str_eq(hexadecimal(out),
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(many);
}

/* The keys of these cases are shorter than 32 bytes; HMAC fills a key with zeros up to a block, so
 * filling them up to 32 bytes changes nothing. */
Test(crypto, the_mac_is_that_of_rfc_4231) {
    uint8_t data[50];
    uint8_t out[CRYPTO_HASH_SIZE];
    uint8_t first[CRYPTO_KEY_SIZE] = {0};
    memset(first, 0x0B, 20);
    uint8_t second[CRYPTO_KEY_SIZE] = "Jefe";
    uint8_t third[CRYPTO_KEY_SIZE] = {0};
    memset(third, 0xAA, 20);
    uint8_t fourth[CRYPTO_KEY_SIZE] = {0};
    for (uint8_t i = 0; i < 25; i++) fourth[i] = (uint8_t)(i + 1);

    crypto_mac("Hi There", 8, first, out);
    cr_assert_str_eq(hexadecimal(out),
                     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    crypto_mac("what do ya want for nothing?", 28, second, out);
    cr_assert_str_eq(hexadecimal(out),
                     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(data, 0xDD, sizeof(data));
    crypto_mac(data, sizeof(data), third, out);
    cr_assert_str_eq(hexadecimal(out),
                     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    memset(data, 0xCD, sizeof(data));
    crypto_mac(data, sizeof(data), fourth, out);
    cr_assert_str_eq(hexadecimal(out),
                     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
}

Test(crypto, parts_are_hashed_behind_their_sizes) {
    crypto_part parts[] = {{"abc", 3}, {NULL, 0}, {"x", 1}};
    uint8_t expected[CRYPTO_HASH_SIZE];
    uint8_t out[CRYPTO_HASH_SIZE];
    static const uint8_t flat[] = {0, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0,
                                   0, 0, 0, 0, 0, 0, 0, 0, 0,   0,   0,   0, 1, 'x'};
    crypto_sha256(flat, sizeof(flat), expected);

    crypto_sha256_parts(parts, 3, out);

    cr_assert_eq(memcmp(out, expected, sizeof(out)), 0);
}

Test(crypto, the_same_bytes_in_other_parts_are_another_hash) {
    crypto_part lists[][3] = {
        {{"ab", 2}, {"c", 1}, {"", 0}},
        {{"a", 1}, {"bc", 2}, {"", 0}},
        {{"", 0}, {"ab", 2}, {"c", 1}},
        {{"abc", 3}, {"", 0}, {"", 0}},
    };
    uint8_t hashes[6][CRYPTO_HASH_SIZE];
    for (size_t i = 0; i < 4; i++) crypto_sha256_parts(lists[i], 3, hashes[i]);
    crypto_sha256_parts(lists[0], 2, hashes[4]);
    crypto_sha256_parts(NULL, 0, hashes[5]);

    for (size_t i = 0; i < 6; i++) {
        for (size_t n = 0; n < i; n++)
            cr_assert_neq(memcmp(hashes[i], hashes[n], CRYPTO_HASH_SIZE), 0, "%zu %zu", i, n);
    }
}

Test(crypto, equality_sees_every_bit) {
    uint8_t left[CRYPTO_HASH_SIZE];
    crypto_random(left, sizeof(left));

    for (size_t bit = 0; bit < 8 * sizeof(left); bit++) {
        uint8_t right[CRYPTO_HASH_SIZE];
        memcpy(right, left, sizeof(left));
        cr_assert_eq(crypto_equals(left, right, sizeof(left)), 1);
        right[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_eq(crypto_equals(left, right, sizeof(left)), 0);
        cr_assert_eq(crypto_equals(left, right, bit / 8), 1, "only so many bytes are compared");
    }
    cr_assert_eq(crypto_equals(NULL, NULL, 0), 1);
}
