/* Names of zones, and the footer of a TZif file (RFC 9636, 3). All that is read of the rest are the
 * counts by which it is skipped. A file is not trusted: sizes are bounded, and what its footer says
 * must be a zone. */
#include "base/zone_file.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

enum { HEADER_SIZE = 44, COUNTS_AT = 20, COUNT_SIZE = 4, VERSION_AT = 4, PATH_SIZE = 128 };
/* In the order in which the counts stand in a header. */
enum { COUNT_UT, COUNT_STANDARD, COUNT_LEAP, COUNT_TIME, COUNT_TYPE, COUNT_CHAR, COUNT_COUNT };
/* The largest of the system's files are 4 KiB, those that count leap seconds included. */
enum { BLOCK_SIZE_MAX = 1 << 20 };

static const char not_a_file[] =
    "is named by the system, but not by a file that RFC 9636 describes";
static const char no_rules[] = "is named by the system without rules for the years to come";

static int32_t is_name(const char *text) {
    const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    const size_t size = strlen(text);
    return size > 0 && strspn(text, allowed) == size && text[0] != '/' && text[size - 1] != '/' &&
           strstr(text, "//") == NULL;
}

static uint32_t read_count(const unsigned char *header, size_t place) {
    const unsigned char *bytes = header + COUNTS_AT + place * COUNT_SIZE;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Read a header and skip the block that it describes. */
static const char *skip_block(FILE *file, int32_t time_size) {
    unsigned char header[HEADER_SIZE];
    if (fread(header, 1, sizeof(header), file) != sizeof(header)) return not_a_file;
    if (memcmp(header, "TZif", 4) != 0) return not_a_file;
    if (header[VERSION_AT] < '2') return header[VERSION_AT] == 0 ? no_rules : not_a_file;
    const int64_t sizes[COUNT_COUNT] = {
        [COUNT_UT] = 1,   [COUNT_STANDARD] = 1, [COUNT_LEAP] = time_size + 4,
        [COUNT_TYPE] = 6, [COUNT_CHAR] = 1,     [COUNT_TIME] = time_size + 1,
    };
    int64_t block_size = 0; /* six products of 32 bits and 4 bits */
    for (size_t i = 0; i < COUNT_COUNT; i++) block_size += read_count(header, i) * sizes[i];
    if (block_size > BLOCK_SIZE_MAX) return not_a_file;
    /* A position behind the end is found when there is nothing to read. */
    return fseek(file, (long)block_size, SEEK_CUR) == 0 ? NULL : not_a_file;
}

static const char *read_footer(FILE *file, char *out) {
    char footer[ZONE_TEXT_SIZE + 2] = {0}; /* two line ends around the text, and the NUL */
    const size_t size = fread(footer, 1, sizeof(footer) - 1, file);
    if (size == 0 || footer[0] != '\n') return not_a_file;
    const char *end = memchr(footer + 1, '\n', size - 1);
    if (end == NULL || memchr(footer, '\0', (size_t)(end - footer)) != NULL) return not_a_file;
    const size_t text_size = (size_t)(end - footer) - 1;
    if (text_size == 0) return no_rules;
    memcpy(out, footer + 1, text_size);
    out[text_size] = '\0';
    zone parsed;
    return zone_parse(out, &parsed) == NULL ? NULL : no_rules;
}

static const char *read_file(FILE *file, char *out) {
    const char *complaint = skip_block(file, 4);
    if (complaint == NULL) complaint = skip_block(file, 8);
    if (complaint == NULL) complaint = read_footer(file, out);
    return complaint;
}

static const char *look_up(const char *const *folders, size_t count, const char *name, char *out) {
    for (size_t i = 0; i < count; i++) {
        char path[PATH_SIZE];
        if (strlen(folders[i]) + 1 + strlen(name) >= sizeof(path)) continue;
        text_format(path, sizeof(path), "%s/%s", folders[i], name);
        FILE *file = fopen(path, "rb");
        if (file == NULL) continue;
        const char *complaint = read_file(file, out);
        fclose(file);
        return complaint;
    }
    return "is not a time zone that this system knows";
}

const char *zone_find_in(const char *const *folders, size_t count, const char *name, char *out) {
    out[0] = '\0';
    if (name == NULL || name[0] == '\0') return NULL;
    zone parsed;
    const char *complaint = zone_parse(name, &parsed);
    if (complaint == NULL) {
        memcpy(out, name, strlen(name) + 1);
        return NULL;
    }
    if (memchr(name, '\0', ZONE_TEXT_SIZE) == NULL || !is_name(name)) return complaint;
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0) {
        memcpy(out, "UTC0", sizeof("UTC0"));
        return NULL;
    }
    complaint = look_up(folders, count, name, out);
    if (complaint != NULL) out[0] = '\0';
    return complaint;
}

const char *zone_find(const char *name, char *out) {
    static const char *const folders[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo",
                                          "/usr/share/lib/zoneinfo", "/etc/zoneinfo"};
    return zone_find_in(folders, sizeof(folders) / sizeof(folders[0]), name, out);
}
