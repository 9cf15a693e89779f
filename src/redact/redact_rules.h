/* Where in a text something begins that a rule finds. Each rule begins only where the run of its
 * characters does, so that no byte is looked at by it more than a few times, whatever the text. */
#ifndef REDACT_RULES_H
#define REDACT_RULES_H

#include <farmcore/redact.h>

/* A text, and what is known of its bytes. */
typedef struct redact_input {
    const uint8_t *bytes;
    size_t size;
} redact_input;

/* What was found: bytes from begin to end are taken out, and those before it stay. */
typedef struct redact_match {
    size_t begin;
    size_t end;
    int32_t rule; /* its number */
} redact_match;

/* Classes of bytes. */
enum {
    REDACT_DIGIT = 1,
    REDACT_HEX = 2,    /* digits too */
    REDACT_LETTER = 4, /* ASCII, both cases */
    REDACT_WORD = 8,   /* letters, digits, _ and - */
    REDACT_LOCAL = 16, /* of the local part of an e-mail address, and bytes beyond ASCII */
    REDACT_SPACE = 32,
    REDACT_PATH = 64,    /* of a part of a path */
    REDACT_TOKEN = 128,  /* of tokens: + / = . ~ too */
    REDACT_DOTTED = 256, /* of words and points */
    REDACT_COLON = 512,
    REDACT_SLASH = 1024, /* either */
    REDACT_DASH = 2048
};

/* Classes of the byte at a place; 0 outside of the text. */
uint32_t redact_class(const redact_input *input, size_t at);
/* The first place from at on whose byte is of none of the classes. */
size_t redact_run(const redact_input *input, size_t at, uint32_t classes);
/* Whether a word stands there, in any case of its letters. */
int32_t redact_has(const redact_input *input, size_t at, const char *word);

/* Whether something is found that begins exactly at a place. */
typedef int32_t (*redact_rule)(const redact_input *input, size_t at, redact_match *out);
int32_t redact_email(const redact_input *input, size_t at, redact_match *out);
int32_t redact_ipv4(const redact_input *input, size_t at, redact_match *out);
int32_t redact_ipv6(const redact_input *input, size_t at, redact_match *out);
int32_t redact_mac(const redact_input *input, size_t at, redact_match *out);
int32_t redact_url_auth(const redact_input *input, size_t at, redact_match *out);
int32_t redact_user_path(const redact_input *input, size_t at, redact_match *out);
int32_t redact_card(const redact_input *input, size_t at, redact_match *out);
int32_t redact_iban(const redact_input *input, size_t at, redact_match *out);
int32_t redact_ssn(const redact_input *input, size_t at, redact_match *out);
int32_t redact_imei(const redact_input *input, size_t at, redact_match *out);
int32_t redact_uuid(const redact_input *input, size_t at, redact_match *out);
int32_t redact_pem(const redact_input *input, size_t at, redact_match *out);
int32_t redact_token(const redact_input *input, size_t at, redact_match *out);
int32_t redact_password(const redact_input *input, size_t at, redact_match *out);

/* Whether the value of a key of this name is a password. */
int32_t redact_is_secret(const uint8_t *name, size_t size);
/* The next that is found from a place on, by rules of these bits; 0: there is none. */
int32_t redact_next(const redact_input *input, size_t from, uint32_t rules, redact_match *out);

#endif
