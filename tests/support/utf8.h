/* A second opinion on what UTF-8 is, for the tests of the first. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Whether the bytes are, by decoding them: each number is a scalar value in its shortest form, and
 * none is 0. */
int32_t utf8_decodes(const uint8_t *bytes, size_t size);

#endif
