/* XXH3 against the values that xxHash publishes in its own check (lengths and seeds of its test
 * sequence), and the order of the bytes. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hash.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(hash);

#define PRIME_32 UINT64_C(2654435761)
#define PRIME_64 UINT64_C(11400714785074694797)

enum { SEQUENCE_SIZE = 2400 };

/* xxHash's test sequence: the top bytes of prime × prime × prime … */
static const uint8_t *sequence(void) {
    static uint8_t bytes[SEQUENCE_SIZE];
    uint64_t state = PRIME_32;
    for (size_t i = 0; i < SEQUENCE_SIZE; i++, state *= PRIME_64) bytes[i] = (uint8_t)(state >> 56);
    return bytes;
}

static uint64_t read_big_endian(const uint8_t *bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++) number = number << 8 | bytes[i];
    return number;
}

Test(hash, hashes_of_64_bits_are_the_published_ones) {
    static const struct {
        size_t size;
        uint64_t seed, hash;
    } known[] = {
        {0, 0, 0x2D06800538D394C2},    {0, PRIME_64, 0xA8A6B918B2F0364A},
        {1, 0, 0xC44BDFF4074EECDB},    {1, PRIME_64, 0x032BE332DD766EF8},
        {6, 0, 0x27B56A84CD2D7325},    {12, 0, 0xA713DAF0DFBB77E7},
        {24, 0, 0xA3FE70BF9D3510EB},   {80, PRIME_64, 0xC6DD0CB699532E73},
        {195, 0, 0xCD94217EE362EC3A},  {403, PRIME_64, 0x6259F6ECFD6443FD},
        {2048, 0, 0xDD59E2C3A5F038E0}, {2367, PRIME_64, 0xD2DB3415B942B42A},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        cr_assert_eq(hash_64(sequence(), known[i].size, known[i].seed), known[i].hash, "%zu", i);
    cr_assert_eq(hash_64(NULL, 0, 0), 0x2D06800538D394C2);
}

/* With the secret that the algorithm has by itself, the keyed hash is the plain one. */
Test(hash, keyed_hashes_are_the_published_ones_high_half_first) {
    static const struct {
        size_t size;
        uint64_t low, high;
    } known[] = {
        {0, 0x6001C324468D497F, 0x99AA06D3014798D8},
        {1, 0xC44BDFF4074EECDB, 0xA6CD5E9392000F6A},
        {6, 0x3E7039BDDA43CFC6, 0x082AFE0B8162D12A},
        {12, 0x061A192713F69AD9, 0x6E3EFD8FC7802B18},
        {24, 0x1E7044D28B1B901D, 0x0CE966E4678D3761},
        {222, 0xF1AEBD597CEC6B3A, 0x337E09641B948717},
        {403, 0xCDEB804D65C6DEA4, 0x1B6DE21E332DD73D},
        {2240, 0x6E73A90539CF2948, 0xCCB134FBFA7CE49D},
    };
    uint8_t secret[HASH_SECRET_SIZE];
    XXH3_generateSecret_fromSeed(secret, 0);

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint8_t out[17] = {0};
        out[16] = 0xEE;
        hash_128_keyed(sequence(), known[i].size, secret, out);
        cr_assert_eq(read_big_endian(out), known[i].high, "%zu", known[i].size);
        cr_assert_eq(read_big_endian(out + 8), known[i].low, "%zu", known[i].size);
        cr_assert_eq(out[16], 0xEE);
    }
}

/* Published for a shorter secret, of whose end inputs of up to 16 bytes use nothing. */
Test(hash, the_secret_is_used_as_published) {
    static const struct {
        size_t size;
        uint64_t low, high;
    } known[] = {
        {0, 0x005923CCEECBE8AE, 0x5F70F4EA232F1D38},
        {1, 0x8A52451418B2DA4D, 0x3A66AF5A9819198E},
        {6, 0x0B61C8ACA7D4778F, 0x376BD91B6432F36D},
        {12, 0xAF82F6EBA263D7D8, 0x90A3C2D839F57D0F},
    };

    for (size_t i = 0; i < 4; i++) {
        uint8_t out[16];
        hash_128_keyed(sequence(), known[i].size, sequence() + 7, out);
        cr_assert_eq(read_big_endian(out), known[i].high);
        cr_assert_eq(read_big_endian(out + 8), known[i].low);
    }
}

Test(hash, the_address_of_the_data_and_of_the_secret_does_not_matter) {
    uint8_t data[400];
    uint8_t secret[HASH_SECRET_SIZE + 16];

    for (size_t size = 0; size <= 300; size += 23) {
        uint8_t expected[16];
        hash_128_keyed(sequence(), size, sequence() + 500, expected);
        uint64_t expected_64 = hash_64(sequence(), size, 9);
        for (size_t shift = 1; shift < 16; shift++) {
            memcpy(data + shift, sequence(), size);
            memcpy(secret + shift, sequence() + 500, HASH_SECRET_SIZE);
            uint8_t out[16];
            hash_128_keyed(data + shift, size, secret + shift, out);
            cr_assert_eq(memcmp(out, expected, 16), 0);
            cr_assert_eq(hash_64(data + shift, size, 9), expected_64);
        }
    }
}

Test(hash, another_secret_gives_another_hash_at_every_length) {
    for (size_t size = 0; size < 300; size++) {
        uint8_t left[16];
        uint8_t right[16];
        hash_128_keyed(sequence(), size, sequence() + 100, left);
        hash_128_keyed(sequence(), size, sequence() + 1100, right);
        cr_assert_neq(memcmp(left, right, 16), 0, "%zu", size);
    }
}
