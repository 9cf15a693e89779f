/* XXH3 (xxHash 0.8): fast, stable on every platform, and no protection against those who know the
 * secret. For that there is crypto.h. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_SECRET_SIZE = 192 };

uint64_t hash_64(const void *data, size_t size, uint64_t seed);
/* 16 bytes, in canonical (big-endian) order. The secret is HASH_SECRET_SIZE random bytes. */
void hash_128_keyed(const void *data, size_t size, const uint8_t *secret, uint8_t out[16]);

#endif
