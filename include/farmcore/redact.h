/**
 * @file farmcore/redact.h
 * Personal data and secrets taken out of texts and JSON before they are logged: e-mail and network
 * addresses, numbers of cards and accounts, keys, tokens, passwords. By their form alone: names and
 * postal addresses of people are not found.
 *
 * One pass over the text, in time that grows with its size and nothing else, without memory of its
 * own. What is doubtful is taken out. A card's number is one with the digits of an issuer and a
 * sound check digit (ISO/IEC 7812), an IBAN one of its country's length and a sound checksum
 * (ISO 13616), so that numbers of orders stay.
 */
#ifndef FARMCORE_REDACT_H
#define FARMCORE_REDACT_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is looked for, as bits: name, number, what stands in its place. */
#define FARM_REDACT_RULES(X)                                                                       \
    X(EMAIL, 0, "email")                                                                           \
    X(IPV4, 1, "ipv4")                                                                             \
    X(IPV6, 2, "ipv6")                                                                             \
    X(CARD, 3, "card")                                                                             \
    X(IBAN, 4, "iban")                                                                             \
    X(SSN, 5, "ssn")                                                                               \
    X(PEM, 6, "pem")                                                                               \
    X(URL_AUTH, 7, "auth")                                                                         \
    X(USER_PATH, 8, "user")                                                                        \
    X(TOKEN, 9, "token")                                                                           \
    X(PASSWORD, 10, "password")                                                                    \
    X(MAC, 11, "mac")                                                                              \
    X(UUID, 12, "uuid")                                                                            \
    X(IMEI, 13, "imei")

/** The rules: FARM_REDACT_EMAIL is 1, FARM_REDACT_IPV4 is 2, and so on. */
enum {
#define FARM_REDACT_ENUM(name, number, text) FARM_REDACT_##name = 1 << number,
    FARM_REDACT_RULES(FARM_REDACT_ENUM)
#undef FARM_REDACT_ENUM
};

enum {
    /** All but MAC, UUID and IMEI, which often name no person. */
    FARM_REDACT_DEFAULT = (1 << 11) - 1,
    FARM_REDACT_KEY_SIZE = 32 /**< bytes of a key of hashes */
};

/** What is put in the place of what is found. */
enum {
    FARM_REDACT_ACTION_REPLACE = 0, /**< "[email]" */
    FARM_REDACT_ACTION_MASK = 1,    /**< as many `*` as it has bytes */
    FARM_REDACT_ACTION_HASH = 2,  /**< "[email:0123456789abcdef]", the first 8 bytes of HMAC-SHA-256
                                         (RFC 2104), so that the same value can be told again by who
                                         has the key */
    FARM_REDACT_ACTION_REMOVE = 3 /**< nothing */
};

/** How texts are redacted. */
typedef struct farm_redact_options {
    uint32_t struct_size;
    uint32_t rules; /**< FARM_REDACT_EMAIL … together; 0: FARM_REDACT_DEFAULT */
    int32_t action; /**< FARM_REDACT_ACTION_… */
    uint32_t reserved;
    const char *safe_fields; /**< keys of JSON, separated by commas, whose values are left as they
                                  are; NULL: none */
    uint8_t key[FARM_REDACT_KEY_SIZE]; /**< of hashes; not zeros with them */
} farm_redact_options;

/**
 * Take out of a text what the rules find. Any bytes may come; those that are no UTF-8 are kept.
 *
 * A password is what follows `=` or `:` behind a word that ends or begins with password, secret,
 * token, api_key and the like, up to a space, a comma, `;`, `&` or a bracket, or all that is
 * quoted; behind authorization and cookie it is the rest of the line.
 *
 * @param options how; NULL: the rules of FARM_REDACT_DEFAULT, replaced.
 * @param data the text. @param data_size its bytes; 0 and up.
 * @param text receives as much as there is room for, in whole characters and with whole
 *     replacements, and no NUL; it may not overlap data. NULL when size is 0.
 * @param size bytes of room. @param out_size receives how many bytes all of it has: more than size,
 *     and what was written is its beginning.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_redact_text(const farm_redact_options *options, const void *data,
                                      size_t data_size, char *text, size_t size, size_t *out_size,
                                      farm_error *error);

/**
 * Take out of JSON what the rules find in its strings and numbers, and the whole value of a key
 * that is one of a password. Escapes hide nothing. Keys stay, and so does everything else, byte by
 * byte.
 *
 * @param options how; NULL: the rules of FARM_REDACT_DEFAULT, replaced.
 * @param data one JSON value (RFC 8259), up to 1 MiB and 32 deep.
 * @param data_size its bytes. @param text receives as much as there is room for; what is not whole
 *     is no JSON. @param size bytes of room. @param out_size receives how many bytes all of it has.
 * @param error receives what went wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EINVAL also where it is no JSON: then nothing is written.
 * @return FARM_ENOMEM
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_redact_json(const farm_redact_options *options, const void *data,
                                      size_t data_size, char *text, size_t size, size_t *out_size,
                                      farm_error *error);

#ifdef __cplusplus
}
#endif
#endif
