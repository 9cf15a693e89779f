/* UTF-8 after table 3-7 of the Unicode standard, and formatting that never cuts a sequence in two.
 * No normalisation, no case folding: keys are compared as bytes. */
#include "base/text.h"
#include <stdio.h>
#include <string.h>

/* A row of table 3-7. All bytes after the second are 80..BF. */
typedef struct lead_row {
    uint8_t first, last; /* lead bytes */
    uint8_t size;
    uint8_t second_first, second_last;
} lead_row;

static const lead_row leads[] = {
    {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF}, {0xE1, 0xEC, 3, 0x80, 0xBF},
    {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF}, {0xF0, 0xF0, 4, 0x90, 0xBF},
    {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

enum { LEAD_COUNT = sizeof(leads) / sizeof(leads[0]) };

static const lead_row *find_lead(uint8_t byte) {
    for (size_t i = 0; i < LEAD_COUNT; i++) {
        if (byte >= leads[i].first && byte <= leads[i].last) return &leads[i];
    }
    return NULL;
}

static int32_t is_continuation(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the sequence of more than one byte that begins here; 0: there is none. */
static size_t sequence_size(const uint8_t *bytes, size_t left) {
    const lead_row *lead = find_lead(bytes[0]);
    if (lead == NULL || left < lead->size) return 0;
    if (bytes[1] < lead->second_first || bytes[1] > lead->second_last) return 0;
    for (size_t i = 2; i < lead->size; i++) {
        if (!is_continuation(bytes[i])) return 0;
    }
    return lead->size;
}

/* How many bytes at the beginning are ASCII but NUL, in words: most texts are nothing else. In a
 * word, subtracting one from each byte sets the highest bit of those that are zero, and of some
 * that have it already. */
static size_t ascii_size(const uint8_t *bytes, size_t size) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    size_t at = 0;
    uint64_t word = 0;
    while (size - at >= sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        if (((word | (word - ones)) & highs) != 0) break;
        at += sizeof word;
    }
    return at;
}

int32_t text_is_utf8(const char *data, size_t size) {
    const uint8_t *bytes = (const uint8_t *)data;
    size_t at = ascii_size(bytes, size);
    while (at < size) {
        if (bytes[at] == 0) return 0;
        size_t step = bytes[at] < 0x80 ? 1 : sequence_size(bytes + at, size - at);
        if (step == 0) return 0;
        at += step;
    }
    return 1;
}

/* Complaints are static text, so the limits that the library has are written out. */
#define LIMITS(X) X(64) X(128) X(255) X(1000) X(1024) X(4096) X(65536) X(1048576)

typedef struct limit_row {
    size_t max_size;
    const char *complaint;
} limit_row;

static const limit_row limits[] = {
#define LIMIT_ROW(size) {size, "is longer than " #size " bytes"},
    LIMITS(LIMIT_ROW)
#undef LIMIT_ROW
};

enum { LIMIT_COUNT = sizeof(limits) / sizeof(limits[0]) };

static const char *complaint_of_limit(size_t max_size) {
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        if (limits[i].max_size == max_size) return limits[i].complaint;
    }
    return "is too long";
}

const char *text_complaint(const char *text, size_t max_size) {
    if (text == NULL) return "is missing";
    size_t size = strnlen(text, max_size + 1);
    if (size == 0) return "is empty";
    if (size > max_size) return complaint_of_limit(max_size);
    return text_is_utf8(text, size) ? NULL : "is not UTF-8";
}

int32_t text_hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/* The size without a sequence at the end that a cut has left incomplete. */
static size_t whole_size(const char *text, size_t size) {
    const uint8_t *bytes = (const uint8_t *)text;
    size_t tail = 0;
    while (tail < 3 && tail < size && is_continuation(bytes[size - 1 - tail])) tail++;
    if (tail == size) return size;
    const lead_row *lead = find_lead(bytes[size - 1 - tail]);
    return lead != NULL && lead->size > tail + 1 ? size - 1 - tail : size;
}

void text_format_list(char *out, size_t out_size, const char *format, va_list arguments) {
    if (out_size == 0) return;
    int wanted = vsnprintf(out, out_size, format, arguments);
    if (wanted < 0) {
        out[0] = '\0';
    } else if ((size_t)wanted >= out_size) {
        out[whole_size(out, out_size - 1)] = '\0';
    }
}

void text_format(char *out, size_t out_size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_format_list(out, out_size, format, arguments);
    va_end(arguments);
}
