/* Addresses of mail and of networks, and who signs in by a URL. */
#include "redact/redact_rules.h"
#include <arpa/inet.h>
#include <string.h>

enum { ADDRESS_MAX = 45, ADDRESS_BYTES = 16, MAC_SIZE = 17 };

static uint8_t byte_at(const redact_input *input, size_t at) {
    return at < input->size ? input->bytes[at] : 0;
}

static int32_t is_one_of(uint8_t byte, const char *bytes) {
    return byte != 0 && strchr(bytes, byte) != NULL;
}

/* --- mail --- */

static int32_t is_label(const redact_input *input, size_t at) {
    return at < input->size && input->bytes[at] != '.' && !is_one_of(input->bytes[at], "!#$%*^+") &&
           redact_class(input, at) & REDACT_LOCAL;
}

/* Labels with points between them, up to the last that can be a top-level domain: it has two
 * characters or more and begins with no digit. The place behind it, or 0. */
static size_t domain_end(const redact_input *input, size_t at) {
    size_t found = 0;
    for (size_t label = at; is_label(input, label);) {
        size_t end = label;
        while (is_label(input, end)) end++;
        const size_t next = byte_at(input, end) == '.' ? end + 1 : input->size;
        while (end > label && is_one_of(input->bytes[end - 1], "-_")) end--;
        if (label > at && end >= label + 2 && (redact_class(input, label) & REDACT_DIGIT) == 0)
            found = end;
        label = next;
    }
    return found;
}

/* RFC 5321 without quoted local parts; addresses beyond ASCII as RFC 6531 has them. */
int32_t redact_email(const redact_input *input, size_t at, redact_match *out) {
    const size_t sign = redact_run(input, at, REDACT_LOCAL);
    if (byte_at(input, sign) != '@') return 0;
    const size_t end = domain_end(input, sign + 1);
    if (end == 0) return 0;
    *out = (redact_match){.begin = at, .end = end};
    return 1;
}

/* --- networks --- */

static int32_t is_address(int family, const redact_input *input, size_t at, size_t size) {
    char text[ADDRESS_MAX + 1];
    uint8_t address[ADDRESS_BYTES];
    if (size == 0 || size > ADDRESS_MAX) return 0;
    memcpy(text, input->bytes + at, size);
    text[size] = '\0';
    return inet_pton(family, text, address) == 1;
}

/* Behind a point it is a part of a longer number, such as a version. */
int32_t redact_ipv4(const redact_input *input, size_t at, redact_match *out) {
    if (at > 0 && input->bytes[at - 1] == '.') return 0;
    size_t end = at;
    while (end - at <= 15 &&
           (redact_class(input, end) & REDACT_DIGIT || byte_at(input, end) == '.'))
        end++;
    if (end > at && input->bytes[end - 1] == '.') end--;
    if (redact_class(input, end) & REDACT_LETTER || !is_address(AF_INET, input, at, end - at))
        return 0;
    *out = (redact_match){.begin = at, .end = end};
    return 1;
}

int32_t redact_ipv6(const redact_input *input, size_t at, redact_match *out) {
    if (at > 0 && is_one_of(input->bytes[at - 1], ":.")) return 0;
    size_t end = at;
    int32_t colons = 0;
    while (end - at <= ADDRESS_MAX &&
           (redact_class(input, end) & REDACT_HEX || is_one_of(byte_at(input, end), ":.")))
        colons += input->bytes[end++] == ':';
    while (end > at &&
           (input->bytes[end - 1] == '.' ||
            (input->bytes[end - 1] == ':' && !(end - at >= 2 && input->bytes[end - 2] == ':'))))
        end--;
    if (colons < 2 || redact_class(input, end) & REDACT_LETTER || end - at < 3 ||
        !is_address(AF_INET6, input, at, end - at))
        return 0;
    *out = (redact_match){.begin = at, .end = end};
    return 1;
}

int32_t redact_mac(const redact_input *input, size_t at, redact_match *out) {
    if (at + MAC_SIZE > input->size) return 0;
    const uint8_t between = input->bytes[at + 2];
    if (between != ':' && between != '-') return 0;
    for (size_t i = 0; i < MAC_SIZE; i++)
        if (i % 3 == 2 ? input->bytes[at + i] != between
                       : (redact_class(input, at + i) & REDACT_HEX) == 0)
            return 0;
    if (redact_class(input, at + MAC_SIZE) & REDACT_WORD || byte_at(input, at + MAC_SIZE) == ':' ||
        (at > 0 && input->bytes[at - 1] == between))
        return 0;
    *out = (redact_match){.begin = at, .end = at + MAC_SIZE};
    return 1;
}

/* --- URLs and paths --- */

/* What stands between `://` and the last `@` of the authority (RFC 3986). */
int32_t redact_url_auth(const redact_input *input, size_t at, redact_match *out) {
    if (!redact_has(input, at, "://")) return 0;
    const size_t begin = at + 3;
    size_t sign = 0;
    for (size_t end = begin; end < input->size; end++) {
        const uint8_t byte = input->bytes[end];
        if (byte == '@') sign = end;
        if (redact_class(input, end) & REDACT_SPACE || is_one_of(byte, "/?#\"'<>")) break;
    }
    if (sign <= begin) return 0;
    *out = (redact_match){.begin = begin, .end = sign};
    return 1;
}

int32_t redact_user_path(const redact_input *input, size_t at, redact_match *out) {
    static const char *const folders[] = {"/home/", "/users/", "\\users\\", "\\\\users\\\\",
                                          "\\documents and settings\\"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!redact_has(input, at, folders[i])) continue;
        const size_t begin = at + strlen(folders[i]);
        const size_t end = redact_run(input, begin, REDACT_PATH);
        if (end == begin) return 0;
        *out = (redact_match){.begin = begin, .end = end};
        return 1;
    }
    return 0;
}
