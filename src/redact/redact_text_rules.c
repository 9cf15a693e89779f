/* The pass over a text: at each byte those rules are asked whose first byte it can be, in the order
 * of the table. */
#include "redact/redact_rules.h"

/* What begins with a byte of `first` and is not the middle of a run of `run`. */
typedef struct entry {
    redact_rule function;
    uint32_t first;
    uint32_t run;
    int32_t number;
} entry;

enum { ALNUM = REDACT_DIGIT | REDACT_LETTER };

/* A password comes first, as its value may be anything. */
static const entry entries[] = {
    {redact_password, REDACT_WORD, REDACT_WORD, 10},
    {redact_pem, REDACT_DASH, 0, 6},
    {redact_url_auth, REDACT_COLON, 0, 7},
    {redact_token, REDACT_WORD, REDACT_WORD, 9},
    {redact_email, REDACT_LOCAL, REDACT_LOCAL, 0},
    {redact_iban, REDACT_LETTER, ALNUM, 4},
    {redact_uuid, REDACT_HEX, ALNUM, 12},
    {redact_mac, REDACT_HEX, ALNUM, 11},
    {redact_ipv6, REDACT_HEX | REDACT_COLON, ALNUM, 2},
    {redact_ipv4, REDACT_DIGIT, ALNUM, 1},
    {redact_ssn, REDACT_DIGIT, REDACT_WORD, 5},
    {redact_card, REDACT_DIGIT, ALNUM, 3},
    {redact_imei, REDACT_DIGIT, ALNUM, 13},
    {redact_user_path, REDACT_SLASH, 0, 8},
};

/* The classes of ASCII, as redact_rules.h has them: whoever changes those makes this anew, and the
 * unit test compares. Bytes beyond are of local parts and of paths. */
static const uint16_t ascii[128] = {
    0,   0,   0,   0,   0,   0,   0,   0,   0,   32,  32,  32,  32,   32,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,    0,    0,   0,
    32,  16,  0,   16,  16,  16,  0,   0,   0,   0,   16,  144, 0,    2520, 464, 1152,
    475, 475, 475, 475, 475, 475, 475, 475, 475, 475, 512, 0,   0,    128,  0,   0,
    0,   478, 478, 478, 478, 478, 478, 476, 476, 476, 476, 476, 476,  476,  476, 476,
    476, 476, 476, 476, 476, 476, 476, 476, 476, 476, 476, 0,   1024, 0,    16,  472,
    0,   478, 478, 478, 478, 478, 478, 476, 476, 476, 476, 476, 476,  476,  476, 476,
    476, 476, 476, 476, 476, 476, 476, 476, 476, 476, 476, 0,   0,    0,    128, 0,
};

static uint32_t class_of(uint8_t byte) {
    return byte < sizeof ascii / sizeof *ascii ? ascii[byte] : REDACT_LOCAL | REDACT_PATH;
}

uint32_t redact_class(const redact_input *input, size_t at) {
    return at < input->size ? class_of(input->bytes[at]) : 0;
}

size_t redact_run(const redact_input *input, size_t at, uint32_t classes) {
    while (redact_class(input, at) & classes) at++;
    return at;
}

int32_t redact_has(const redact_input *input, size_t at, const char *word) {
    for (; *word != '\0'; word++, at++) {
        if (at >= input->size) return 0;
        const uint8_t byte = input->bytes[at];
        const uint8_t lower = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
        if (lower != (uint8_t)*word) return 0;
    }
    return 1;
}

static int32_t find_at(const redact_input *input, size_t at, uint32_t rules, redact_match *out) {
    const uint32_t classes = redact_class(input, at);
    if (classes == 0) return 0;
    const uint32_t before = at == 0 ? 0 : redact_class(input, at - 1);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const entry *one = &entries[i];
        if ((rules & (1u << one->number)) == 0 || (before & one->run) != 0) continue;
        if ((classes & one->first) == 0) continue;
        if (!one->function(input, at, out)) continue;
        out->rule = one->number;
        return 1;
    }
    return 0;
}

int32_t redact_next(const redact_input *input, size_t from, uint32_t rules, redact_match *out) {
    for (size_t at = from; at < input->size; at++)
        if (find_at(input, at, rules, out)) return 1;
    return 0;
}
