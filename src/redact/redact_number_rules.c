/* Numbers of cards (ISO/IEC 7812), accounts (ISO 13616), persons and devices, by their digits. */
#include "redact/redact_rules.h"

enum { CARD_MIN = 13, CARD_MAX = 19, IMEI_SIZE = 15, IBAN_MAX = 34 };

static int32_t is_digit(const redact_input *input, size_t at) {
    return (redact_class(input, at) & REDACT_DIGIT) != 0;
}

static int32_t is_alnum(const redact_input *input, size_t at) {
    return (redact_class(input, at) & (REDACT_DIGIT | REDACT_LETTER)) != 0;
}

/* The check digit by Luhn. */
static int32_t is_checked(const uint8_t *digits, size_t count) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t digit = digits[count - 1 - i];
        if (i % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return sum % 10 == 0;
}

/* Issuers by the first digits, and how many digits their cards have. */
typedef struct issuer {
    int32_t first;
    int32_t last;
    int32_t places; /* of first and last */
    uint32_t sizes; /* as bits */
} issuer;

#define SIZE(count) (UINT32_C(1) << (count))
static const issuer issuers[] = {
    {4, 4, 1, SIZE(13) | SIZE(16) | SIZE(19)},
    {51, 55, 2, SIZE(16)},
    {2221, 2720, 4, SIZE(16)},
    {34, 34, 2, SIZE(15)},
    {37, 37, 2, SIZE(15)},
    {300, 305, 3, SIZE(14)},
    {36, 36, 2, SIZE(14)},
    {38, 39, 2, SIZE(14)},
    {6011, 6011, 4, SIZE(16) | SIZE(19)},
    {644, 649, 3, SIZE(16) | SIZE(19)},
    {65, 65, 2, SIZE(16) | SIZE(19)},
    {3528, 3589, 4, SIZE(16) | SIZE(17) | SIZE(18) | SIZE(19)},
    {62, 62, 2, SIZE(16) | SIZE(17) | SIZE(18) | SIZE(19)},
    {50, 50, 2, SIZE(13) | SIZE(14) | SIZE(15) | SIZE(16) | SIZE(17) | SIZE(18) | SIZE(19)},
    {56, 58, 2, SIZE(13) | SIZE(14) | SIZE(15) | SIZE(16) | SIZE(17) | SIZE(18) | SIZE(19)},
};

static int32_t has_issuer(const uint8_t *digits, size_t count) {
    for (size_t i = 0; i < sizeof issuers / sizeof *issuers; i++) {
        int32_t prefix = 0;
        for (int32_t place = 0; place < issuers[i].places; place++)
            prefix = prefix * 10 + digits[place];
        if (prefix >= issuers[i].first && prefix <= issuers[i].last &&
            (issuers[i].sizes & SIZE(count)) != 0)
            return 1;
    }
    return 0;
}

/* Digits with single spaces or dashes between them, up to most; ends[i] is the place behind digit
 * i. Returns how many there are. */
static size_t read_digits(const redact_input *input, size_t at, uint8_t *digits, size_t *ends,
                          size_t most) {
    size_t count = 0;
    while (count < most && is_digit(input, at)) {
        digits[count] = (uint8_t)(input->bytes[at] - '0');
        ends[count++] = ++at;
        const uint8_t next = at < input->size ? input->bytes[at] : 0;
        if ((next == ' ' || next == '-') && is_digit(input, at + 1)) at++;
    }
    return count;
}

int32_t redact_card(const redact_input *input, size_t at, redact_match *out) {
    uint8_t digits[CARD_MAX];
    size_t ends[CARD_MAX];
    for (size_t count = read_digits(input, at, digits, ends, CARD_MAX); count >= CARD_MIN;
         count--) {
        if (is_alnum(input, ends[count - 1])) continue;
        if (!has_issuer(digits, count) || !is_checked(digits, count)) continue;
        *out = (redact_match){.begin = at, .end = ends[count - 1]};
        return 1;
    }
    return 0;
}

int32_t redact_imei(const redact_input *input, size_t at, redact_match *out) {
    uint8_t digits[IMEI_SIZE];
    size_t ends[IMEI_SIZE];
    if (read_digits(input, at, digits, ends, IMEI_SIZE) < IMEI_SIZE) return 0;
    if (is_alnum(input, ends[IMEI_SIZE - 1]) || !is_checked(digits, IMEI_SIZE)) return 0;
    *out = (redact_match){.begin = at, .end = ends[IMEI_SIZE - 1]};
    return 1;
}

/* --- accounts --- */

/* Countries and how many characters their numbers have (the registry of ISO 13616). */
static const char countries[] =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29"
    "ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20"
    "LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29"
    "PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20"
    "YE30";

static size_t size_in(uint8_t first, uint8_t second) {
    for (const char *at = countries; *at != '\0'; at += 4)
        if ((uint8_t)at[0] == first && (uint8_t)at[1] == second)
            return (size_t)((at[2] - '0') * 10 + at[3] - '0');
    return 0;
}

static uint8_t upper(uint8_t byte) {
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 0x20) : byte;
}

/* What it leaves by 97, its first four characters behind the others; letters are 10 to 35. */
static int32_t is_checksum(const uint8_t *characters, size_t count) {
    uint32_t rest = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = characters[(i + 4) % count];
        rest = byte <= '9' ? (rest * 10 + byte - '0') % 97 : (rest * 100 + byte - 'A' + 10) % 97;
    }
    return rest == 1;
}

int32_t redact_iban(const redact_input *input, size_t at, redact_match *out) {
    uint8_t characters[IBAN_MAX];
    size_t count = 0;
    if ((redact_class(input, at + 1) & REDACT_LETTER) == 0 || !is_digit(input, at + 2)) return 0;
    const size_t size = size_in(upper(input->bytes[at]), upper(input->bytes[at + 1]));
    if (size == 0) return 0;
    size_t end = at;
    while (count < size && is_alnum(input, end)) {
        characters[count++] = upper(input->bytes[end++]);
        const uint8_t next = end < input->size ? input->bytes[end] : 0;
        if ((next == ' ' || next == '-') && count < size && is_alnum(input, end + 1)) end++;
    }
    if (count < size || is_alnum(input, end) || !is_checksum(characters, count)) return 0;
    *out = (redact_match){.begin = at, .end = end};
    return 1;
}

/* --- persons --- */

static int32_t number_at(const redact_input *input, size_t at, size_t places) {
    int32_t number = 0;
    for (size_t i = 0; i < places; i++) {
        if (!is_digit(input, at + i)) return -1;
        number = number * 10 + input->bytes[at + i] - '0';
    }
    return number;
}

/* As the Social Security Administration gives them: no part is all zeros, no area is 666 or from
 * 900 on. */
int32_t redact_ssn(const redact_input *input, size_t at, redact_match *out) {
    enum { SIZE_OF_SSN = 11 };
    if (at + SIZE_OF_SSN > input->size || input->bytes[at + 3] != '-' ||
        input->bytes[at + 6] != '-')
        return 0;
    const int32_t area = number_at(input, at, 3);
    const int32_t group = number_at(input, at + 4, 2);
    const int32_t serial = number_at(input, at + 7, 4);
    if (area <= 0 || area == 666 || area >= 900 || group <= 0 || serial <= 0) return 0;
    if (redact_class(input, at + SIZE_OF_SSN) & REDACT_WORD) return 0;
    *out = (redact_match){.begin = at, .end = at + SIZE_OF_SSN};
    return 1;
}

/* --- ids --- */

/* 8-4-4-4-12 (RFC 9562). */
int32_t redact_uuid(const redact_input *input, size_t at, redact_match *out) {
    static const size_t groups[] = {8, 4, 4, 4, 12};
    size_t end = at;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (i > 0 && (end >= input->size || input->bytes[end++] != '-')) return 0;
        for (size_t j = 0; j < groups[i]; j++)
            if ((redact_class(input, end++) & REDACT_HEX) == 0) return 0;
    }
    if (is_alnum(input, end)) return 0;
    *out = (redact_match){.begin = at, .end = end};
    return 1;
}
