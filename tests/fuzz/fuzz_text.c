/* Any bytes as text: the verdict is that of a decoder, and a cut leaves a whole prefix. */
#include "base/text.h"
#include "fuzz.h"
#include "support/utf8.h"

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
    claim(text_is_utf8((const char *)data, size) == utf8_decodes(data, size));
    if (size == 0) return 0;

    char *text = fuzz_text(data + 1, size - 1);
    if (text == NULL) return 0;
    size_t max_size = (size_t)data[0] + 1;
    const char *complaint = text_complaint(text, max_size);
    size_t seen = strlen(text);
    int32_t is_good = seen > 0 && seen <= max_size && utf8_decodes((const uint8_t *)text, seen);
    claim((complaint == NULL) == is_good);
    check_cut(text, max_size);
    free(text);
    return 0;
}
