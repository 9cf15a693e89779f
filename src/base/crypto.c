/* libsodium, called from this file alone: SHA-256, HMAC-SHA-256, comparison, randomness. */
#include "base/crypto.h"
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;

/* A process without randomness must not go on: its secrets and ids would be guessable. */
static void start_sodium(void) {
    if (sodium_init() < 0) abort();
}

static void need_sodium(void) {
    pthread_once(&sodium_once, start_sodium);
}

void crypto_sha256(const void *data, size_t size, uint8_t out[CRYPTO_HASH_SIZE]) {
    need_sodium();
    crypto_hash_sha256(out, data, size);
}

void crypto_sha256_parts(const crypto_part *parts, size_t count, uint8_t out[CRYPTO_HASH_SIZE]) {
    need_sodium();
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++) {
        uint8_t size[8];
        for (size_t n = 0; n < sizeof(size); n++)
            size[n] = (uint8_t)((uint64_t)parts[i].size >> (56 - 8 * n));
        crypto_hash_sha256_update(&state, size, sizeof(size));
        if (parts[i].size > 0) crypto_hash_sha256_update(&state, parts[i].data, parts[i].size);
    }
    crypto_hash_sha256_final(&state, out);
}

void crypto_mac(const void *data, size_t size, const uint8_t key[CRYPTO_KEY_SIZE],
                uint8_t out[CRYPTO_HASH_SIZE]) {
    need_sodium();
    crypto_auth_hmacsha256(out, data, size, key);
}

int32_t crypto_equals(const void *left, const void *right, size_t size) {
    need_sodium();
    return size == 0 || sodium_memcmp(left, right, size) == 0;
}

void crypto_random(void *data, size_t size) {
    need_sodium();
    randombytes_buf(data, size);
}

_Static_assert((int)CRYPTO_HASH_SIZE == (int)crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert((int)CRYPTO_HASH_SIZE == (int)crypto_auth_hmacsha256_BYTES, "HMAC-SHA-256");
_Static_assert((int)CRYPTO_KEY_SIZE == (int)crypto_auth_hmacsha256_KEYBYTES, "HMAC-SHA-256 key");
