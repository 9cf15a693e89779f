/* Texts that are redacted: an ordinary line of a log, against one look at each of its bytes; and
 * hostile ones of 10 MB, against ten times 1 MB of the same: 1.0 is linear. */
#include "support/bench.h"
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEGABYTE = 1 << 20, SIZE_MAX_OF_TEXT = 10 * MEGABYTE, LINE_COUNT = 20000 };

static const char line[] =
    "2026-11-27T12:00:00Z INFO login of bob@example.com from 203.0.113.9 in 12 ms, order 1234567";

static const char *const units[] = {
    "@",    "a@a@", "a.a.a.", "1-1-1-",     "::::",     "eyJeyJ",     "eyJ.", "password ",
    "a://", "/x",   "\\\\",   "-----BEGIN", "\xc3\xbc", "4111 1111 ", "\"'="};
enum { UNIT_COUNT = sizeof units / sizeof *units };

static char *text; /* of the unit that text_of is */
static const char *text_of;

static const char *fill(const char *unit) {
    const size_t size = strlen(unit);
    if (text == NULL && (text = malloc(SIZE_MAX_OF_TEXT)) == NULL) bench_stop("malloc", "text");
    if (text_of != unit)
        for (size_t i = 0; i < SIZE_MAX_OF_TEXT; i++) text[i] = unit[i % size];
    text_of = unit;
    return text;
}

static int redact(const char *data, size_t size) {
    static char out[sizeof line];
    const farm_redact_options all = {.struct_size = sizeof all, .rules = (1 << 14) - 1};
    size_t needed = 0;
    return farm_redact_text(&all, data, size, out, sizeof out, &needed, NULL) != FARM_OK;
}

static int redact_whole(void *context, int64_t count) {
    const char *data = fill(context);
    for (int64_t i = 0; i < count; i++)
        if (redact(data, SIZE_MAX_OF_TEXT)) return 1;
    return 0;
}

static int redact_parts(void *context, int64_t count) {
    const char *data = fill(context);
    for (int64_t i = 0; i < count * 10; i++)
        if (redact(data, MEGABYTE)) return 1;
    return 0;
}

static int redact_lines(void *context, int64_t count) {
    (void)context;
    for (int64_t i = 0; i < count; i++)
        if (redact(line, sizeof line - 1)) return 1;
    return 0;
}

static int look_at_lines(void *context, int64_t count) {
    (void)context;
    volatile unsigned sum = 0;
    for (int64_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof line - 1; j++) sum += (unsigned char)line[j];
    return 0;
}

int main(void) {
    static char names[UNIT_COUNT][64];
    bench_pair pairs[UNIT_COUNT + 1] = {
        {"a line of 92 bytes", redact_lines, look_at_lines, NULL, LINE_COUNT}};
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        snprintf(names[i], sizeof names[i], "10 MB of %s", units[i]);
        pairs[i + 1] =
            (bench_pair){names[i], redact_whole, redact_parts, (void *)(uintptr_t)units[i], 1};
    }
    bench_run("redact", pairs, UNIT_COUNT + 1);
    free(text);
    return 0;
}
