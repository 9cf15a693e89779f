/* Any bytes as text: the verdict is that of a decoder, and a cut leaves a whole prefix. */
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void claim(int32_t condition) {
    if (!condition) abort();
}

/* Decode by the bits, then ask whether the number is a scalar value in its shortest form. */
static int32_t decodes(const uint8_t *bytes, size_t size) {
    static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
    for (size_t at = 0; at < size;) {
        uint8_t lead = bytes[at];
        size_t count = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : 4;
        if ((count == 4 && lead >> 3 != 30) || size - at < count) return 0;
        uint32_t code = count == 1 ? lead : lead & (0x7Fu >> count);
        for (size_t i = 1; i < count; i++) {
            if (bytes[at + i] >> 6 != 2) return 0;
            code = code << 6 | (bytes[at + i] & 0x3F);
        }
        if (code < least[count] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return 0;
        at += count;
    }
    return 1;
}

/* Cut at a size that the input chooses. */
static void check_cut(const char *text, size_t out_size) {
    char *out = malloc(out_size);
    if (out == NULL) return;
    text_format(out, out_size, "%s", text);
    size_t size = strlen(text);
    size_t kept = strlen(out);
    size_t room = size < out_size - 1 ? size : out_size - 1;
    claim(kept <= room && memcmp(out, text, kept) == 0);
    claim(room - kept <= 3);
    if (size < out_size) claim(kept == size);
    if (text_is_utf8(text, size)) claim(text_is_utf8(out, kept));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    claim(text_is_utf8((const char *)data, size) == decodes(data, size));
    if (size == 0) return 0;

    size_t text_size = size - 1;
    char *text = malloc(text_size + 1);
    if (text == NULL) return 0;
    memcpy(text, data + 1, text_size);
    text[text_size] = '\0';
    size_t max_size = (size_t)data[0] + 1;
    const char *complaint = text_complaint(text, max_size);
    size_t seen = strlen(text);
    int32_t is_good = seen > 0 && seen <= max_size && decodes((const uint8_t *)text, seen);
    claim((complaint == NULL) == is_good);
    check_cut(text, max_size);
    free(text);
    return 0;
}
