/* What the fuzzers share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer with one input after the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void claim(int32_t condition) {
    if (!condition) abort();
}

/* The bytes with a NUL behind them, in a block of exactly that size, so that the address sanitizer
 * sees a byte too far; for free(). NULL when there is no memory, which is no finding. */
static inline char *fuzz_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (text == NULL) return NULL;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
