/* xxHash, called from this file alone. It uses the stable half of the interface only, so the shared
 * library of the system serves; a build with -DXXH_INLINE_ALL needs the one header and no library,
 * and gives the same hashes. */
#include "base/hash.h"
#include <string.h>
#include <xxhash.h>

_Static_assert(sizeof(XXH128_canonical_t) == 16, "16 bytes in a fixed order");
_Static_assert((int)HASH_SECRET_SIZE >= (int)XXH3_SECRET_SIZE_MIN, "XXH3's least secret");

uint64_t hash_64(const void *data, size_t size, uint64_t seed) {
    return XXH3_64bits_withSeed(data, size, seed);
}

void hash_128_keyed(const void *data, size_t size, const uint8_t *secret, uint8_t out[16]) {
    XXH128_hash_t hash = XXH3_128bits_withSecret(data, size, secret, HASH_SECRET_SIZE);
    XXH128_canonicalFromHash((XXH128_canonical_t *)out, hash);
}
