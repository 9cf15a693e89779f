/* The one boundary to a cryptographic library (libsodium): SHA-256, a keyed MAC, comparison,
 * randomness. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

enum { CRYPTO_HASH_SIZE = 32, CRYPTO_KEY_SIZE = 32 };

/* SHA-256 (FIPS 180-4). */
void crypto_sha256(const void *data, size_t size, uint8_t out[CRYPTO_HASH_SIZE]);

/* SHA-256 of several parts, each preceded by its size as 8 bytes (big-endian), so that no two
 * lists of parts give the same bytes. */
typedef struct crypto_part {
    const void *data;
    size_t size;
} crypto_part;
void crypto_sha256_parts(const crypto_part *parts, size_t count, uint8_t out[CRYPTO_HASH_SIZE]);

/* HMAC-SHA-256 (RFC 2104). */
void crypto_mac(const void *data, size_t size, const uint8_t key[CRYPTO_KEY_SIZE],
                uint8_t out[CRYPTO_HASH_SIZE]);
/* Equality in time that does not depend on the bytes. */
int32_t crypto_equals(const void *left, const void *right, size_t size);
/* Bytes that nobody can foretell, from any thread. Aborts when the system has none. */
void crypto_random(void *data, size_t size);

#endif
