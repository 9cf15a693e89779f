/* Keys, tokens and passwords. */
#include "redact/redact_rules.h"
#include <string.h>

enum { TOKEN_MIN = 8, NAME_MAX = 64 };

static uint8_t byte_at(const redact_input *input, size_t at) {
    return at < input->size ? input->bytes[at] : 0;
}

static int32_t is_one_of(uint8_t byte, const char *bytes) {
    return byte != 0 && strchr(bytes, byte) != NULL;
}

/* --- PEM (RFC 7468) --- */

/* Without an end it is all that follows. */
int32_t redact_pem(const redact_input *input, size_t at, redact_match *out) {
    if (!redact_has(input, at, "-----begin ")) return 0;
    size_t end = at + 11;
    while (end < input->size && !redact_has(input, end, "-----end ")) end++;
    if (end < input->size) {
        end += 9;
        while (end < input->size && input->bytes[end] != '-' && input->bytes[end] != '\n') end++;
        while (byte_at(input, end) == '-') end++;
    }
    *out = (redact_match){.begin = at, .end = end};
    return 1;
}

/* --- tokens --- */

/* Three parts, of which the first two begin as base64url of `{"` does (RFC 7519). */
static int32_t is_jwt(const redact_input *input, size_t at, size_t end) {
    int32_t points = 0;
    if (!redact_has(input, at, "eyj")) return 0;
    for (size_t i = at; i < end; i++) points += input->bytes[i] == '.';
    return points >= 2;
}

int32_t redact_token(const redact_input *input, size_t at, redact_match *out) {
    static const char *const schemes[] = {"bearer ", "basic "};
    static const char *const marks[] = {
        "sk_live_", "sk_test_", "rk_live_", "rk_test_",    "whsec_", "ghp_",  "gho_",  "ghu_",
        "ghs_",     "ghr_",     "glpat-",   "github_pat_", "xoxb-",  "xoxp-", "xoxa-", "xoxs-",
        "akia",     "asia",     "aiza",     "sk-",         "npm_",   "pypi-", "sg."};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (!redact_has(input, at, schemes[i])) continue;
        const size_t begin = at + strlen(schemes[i]);
        const size_t end = redact_run(input, begin, REDACT_TOKEN);
        if (end - begin < TOKEN_MIN) continue;
        *out = (redact_match){.begin = begin, .end = end};
        return 1;
    }
    size_t mark = 0;
    for (size_t i = 0; i < sizeof marks / sizeof *marks && mark == 0; i++)
        if (redact_has(input, at, marks[i])) mark = strlen(marks[i]);
    if (mark == 0 && !redact_has(input, at, "eyj")) return 0;
    const size_t end = redact_run(input, at, REDACT_DOTTED);
    if (mark == 0 ? !is_jwt(input, at, end) : end - at < mark + 2 * TOKEN_MIN) return 0;
    *out = (redact_match){.begin = at, .end = end};
    return 1;
}

/* --- passwords --- */

/* Parts of names, in lower case and without _ - and points. Those of `whole` are all of it. */
static const char *const parts[] = {
    "password",  "passwd",     "passphrase",    "passwort",   "secret",       "apikey",
    "accesskey", "privatekey", "authorization", "credential", "cookie",       "csrf",
    "xsrf",      "sessionid",  "sessionkey",    "signingkey", "encryptionkey"};
static const char *const ends[] = {"token", "pwd", "passcode"};
static const char *const whole[] = {"pass", "pin", "otp",  "cvv", "cvc",   "ssn",
                                    "auth", "sid", "salt", "jwt", "bearer"};

static size_t put_plain(const uint8_t *name, size_t size, char *out) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = name[i];
        if (byte == '_' || byte == '-' || byte == '.' || byte == ' ') continue;
        out[count++] = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    }
    out[count] = '\0';
    return count;
}

static int32_t is_secret(const uint8_t *name, size_t size) {
    char plain[NAME_MAX + 1];
    const size_t count = put_plain(name, size, plain);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(plain, parts[i]) != NULL) return 1;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t length = strlen(ends[i]);
        if (count >= length && strcmp(plain + count - length, ends[i]) == 0) return 1;
    }
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(plain, whole[i]) == 0) return 1;
    return 0;
}

/* Of a long name both ends say what it is. */
int32_t redact_is_secret(const uint8_t *name, size_t size) {
    if (size <= NAME_MAX) return is_secret(name, size);
    return is_secret(name, NAME_MAX) || is_secret(name + size - NAME_MAX, NAME_MAX);
}

/* Of these it is the rest of the line: they have several words. */
static int32_t is_of_line(const redact_input *input, size_t at, size_t end) {
    for (size_t i = at; i < end; i++)
        if (redact_has(input, i, "authorization") || redact_has(input, i, "cookie")) return 1;
    return 0;
}

static size_t quoted_end(const redact_input *input, size_t at, uint8_t quote) {
    while (at < input->size && input->bytes[at] != quote && input->bytes[at] != '\n')
        at += input->bytes[at] == '\\' && at + 1 < input->size ? 2 : 1;
    return at < input->size ? at : input->size;
}

static size_t value_end(const redact_input *input, size_t at, int32_t is_line) {
    for (; at < input->size; at++) {
        const uint8_t byte = input->bytes[at];
        if (byte == '\r' || byte == '\n') break;
        if (!is_line && (redact_class(input, at) & REDACT_SPACE || is_one_of(byte, ",;&)]}\"'<")))
            break;
    }
    return at;
}

/* What stands there already in the place of a password. */
static int32_t is_replaced(const redact_input *input, size_t at) {
    if (redact_has(input, at, "[password]")) return 1;
    if (!redact_has(input, at, "[password:")) return 0;
    const size_t end = redact_run(input, at + 10, REDACT_HEX);
    return end == at + 26 && byte_at(input, end) == ']';
}

int32_t redact_password(const redact_input *input, size_t at, redact_match *out) {
    const size_t name_end = redact_run(input, at, REDACT_WORD);
    size_t begin = name_end;
    if (is_one_of(byte_at(input, begin), "\"'")) begin++;
    while (is_one_of(byte_at(input, begin), " \t")) begin++;
    if (!is_one_of(byte_at(input, begin), "=:")) return 0;
    if (!redact_is_secret(input->bytes + at, name_end - at)) return 0;
    begin++;
    while (is_one_of(byte_at(input, begin), "=>: \t")) begin++;
    const uint8_t quote = byte_at(input, begin);
    const int32_t is_quoted = is_one_of(quote, "\"'");
    const size_t end = is_quoted ? quoted_end(input, ++begin, quote)
                                 : value_end(input, begin, is_of_line(input, at, name_end));
    if (end == begin || is_replaced(input, begin)) return 0;
    *out = (redact_match){.begin = begin, .end = end};
    return 1;
}
