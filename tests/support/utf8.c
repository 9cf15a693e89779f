/* UTF-8 by the arithmetic of its bits, where the library goes by a table of bytes. */
#include "utf8.h"

int32_t utf8_decodes(const uint8_t *bytes, size_t size) {
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
