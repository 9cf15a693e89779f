/* The strict reader. cJSON lets through what other readers understand differently (01, raw control
 * characters in strings, any byte below a space as white space) and cannot tell a wrong text from
 * a lack of memory: what passes here it either parses or has no memory for. */
#include "base/json_scan.h"
#include "base/json.h"
#include "base/text.h"
#include <string.h>

/* cJSON copies a number into 64 bytes, its NUL included. */
enum { NUMBER_SIZE_MAX = 63 };

static const char wrong_syntax[] = "is not JSON";
static const char wrong_depth[] = "is nested deeper than 32";
static const char wrong_size[] = "is larger than 1048576 bytes";
static const char wrong_encoding[] = "is not UTF-8";
static const char wrong_nul[] = "holds a NUL";
static const char wrong_surrogate[] = "holds half of a surrogate pair";
static const char wrong_number[] = "has a number out of range";

_Static_assert(JSON_DEPTH_MAX == 32 && JSON_SIZE_MAX == 1048576, "the texts above name them");

typedef struct scanner {
    const char *at;
    const char *end;
    size_t depth;
    const char *complaint;
} scanner;

static int32_t fail(scanner *scan, const char *complaint) {
    scan->complaint = complaint;
    return 0;
}

/* The next byte; 0 at the end, since the text holds no NUL. */
static char peek(const scanner *scan) {
    return scan->at < scan->end ? *scan->at : '\0';
}

static int32_t take(scanner *scan, char wanted) {
    if (scan->at == scan->end || *scan->at != wanted) return 0;
    scan->at++;
    return 1;
}

static int32_t is_in(char byte, const char *set) {
    return byte != '\0' && strchr(set, byte) != NULL;
}

static void skip_space(scanner *scan) {
    while (is_in(peek(scan), " \t\r\n")) scan->at++;
}

static int32_t read_digits(scanner *scan) {
    const char *start = scan->at;
    while (is_in(peek(scan), "0123456789")) scan->at++;
    return scan->at > start;
}

static int32_t read_number(scanner *scan) {
    const char *start = scan->at;
    take(scan, '-');
    if (!take(scan, '0') && !read_digits(scan)) return fail(scan, wrong_syntax);
    if (take(scan, '.') && !read_digits(scan)) return fail(scan, wrong_syntax);
    if (take(scan, 'e') || take(scan, 'E')) {
        if (is_in(peek(scan), "+-")) scan->at++;
        if (!read_digits(scan)) return fail(scan, wrong_syntax);
    }
    return scan->at - start <= NUMBER_SIZE_MAX || fail(scan, wrong_number);
}

static int32_t read_word(scanner *scan, const char *word) {
    for (; *word != '\0'; word++) {
        if (!take(scan, *word)) return fail(scan, wrong_syntax);
    }
    return 1;
}

/* The four digits of \uXXXX; -1: they are not there. */
static int32_t read_code(scanner *scan) {
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        const int32_t digit = text_hex_digit(peek(scan));
        if (digit < 0) return -1;
        code = code << 4 | digit;
        scan->at++;
    }
    return code;
}

/* What follows \u. A character above U+FFFF is written as two. */
static int32_t read_unicode(scanner *scan) {
    int32_t code = read_code(scan);
    if (code < 0) return fail(scan, wrong_syntax);
    if (code == 0) return fail(scan, wrong_nul);
    if (code < 0xD800 || code > 0xDFFF) return 1;
    if (code > 0xDBFF) return fail(scan, wrong_surrogate);
    if (!take(scan, '\\') || !take(scan, 'u')) return fail(scan, wrong_surrogate);
    code = read_code(scan);
    if (code < 0) return fail(scan, wrong_syntax);
    return (code >= 0xDC00 && code <= 0xDFFF) || fail(scan, wrong_surrogate);
}

static int32_t read_string(scanner *scan) {
    if (!take(scan, '"')) return fail(scan, wrong_syntax);
    while (!take(scan, '"')) {
        if ((unsigned char)peek(scan) < ' ') return fail(scan, wrong_syntax);
        if (!take(scan, '\\')) {
            scan->at++;
        } else if (take(scan, 'u')) {
            if (!read_unicode(scan)) return 0;
        } else {
            if (!is_in(peek(scan), "\"\\/bfnrt")) return fail(scan, wrong_syntax);
            scan->at++;
        }
    }
    return 1;
}

static int32_t read_name(scanner *scan) {
    if (!read_string(scan)) return 0;
    skip_space(scan);
    return take(scan, ':') || fail(scan, wrong_syntax);
}

static int32_t read_value(scanner *scan);

/* An array or object, behind its opening bracket. */
static int32_t read_items(scanner *scan, char close) {
    if (scan->depth == JSON_DEPTH_MAX) return fail(scan, wrong_depth);
    scan->depth++;
    skip_space(scan);
    if (!take(scan, close)) {
        do {
            skip_space(scan);
            if (close == '}' && !read_name(scan)) return 0;
            skip_space(scan);
            if (!read_value(scan)) return 0;
            skip_space(scan);
        } while (take(scan, ','));
        if (!take(scan, close)) return fail(scan, wrong_syntax);
    }
    scan->depth--;
    return 1;
}

/* Recursion ends at JSON_DEPTH_MAX. */
static int32_t read_value(scanner *scan) {
    if (take(scan, '{')) return read_items(scan, '}');
    if (take(scan, '[')) return read_items(scan, ']');
    switch (peek(scan)) {
    case '"':
        return read_string(scan);
    case 't':
        return read_word(scan, "true");
    case 'f':
        return read_word(scan, "false");
    case 'n':
        return read_word(scan, "null");
    default:
        return read_number(scan);
    }
}

const char *json_scan(const char *text, size_t size) {
    if (text == NULL) return "is missing";
    if (size > JSON_SIZE_MAX) return wrong_size;
    if (memchr(text, '\0', size) != NULL) return wrong_nul;
    if (!text_is_utf8(text, size)) return wrong_encoding;
    scanner scan = {.at = text, .end = text + size};
    skip_space(&scan);
    if (!read_value(&scan)) return scan.complaint;
    skip_space(&scan);
    return scan.at == scan.end ? NULL : wrong_syntax;
}
