/* Text: UTF-8 checks with limits, bounded formatting. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <farmcore/base.h>
#include <stdarg.h>

/* Whether the bytes are UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms, nothing
 * above U+10FFFF) and hold no NUL. */
int32_t text_is_utf8(const char *data, size_t size);

/* What a text fails, as the end of a sentence that begins with its name: "is missing", "is empty",
 * "is longer than 255 bytes" ("is too long" where text.c does not list the limit), "is not UTF-8";
 * NULL when it is 1 to max_size bytes of UTF-8. Reads at most max_size + 1 bytes. */
const char *text_complaint(const char *text, size_t max_size);

/* The value of a hexadecimal digit in upper or lower case; -1: it is none. */
int32_t text_hex_digit(char digit);

/* snprintf() that always ends in a NUL and never splits a UTF-8 sequence when it cuts. */
void text_format(char *out, size_t out_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void text_format_list(char *out, size_t out_size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

#endif
