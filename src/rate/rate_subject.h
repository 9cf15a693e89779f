/* Who is limited: subjects, made canonical and hashed into keys of buckets and overrides. Pure. */
#ifndef RATE_SUBJECT_H
#define RATE_SUBJECT_H

#include "base/hash.h"
#include <farmcore/rate.h>

enum {
    RATE_SUBJECT_MAX = FARM_KEY_MAX,
    RATE_KEY_SIZE = 16,
    RATE_EPOCH_SIZE = 16,
    RATE_SALT_SIZE = 8
};

/* A subject in canonical bytes: equal subjects, and only they, have equal ones. */
typedef struct rate_subject {
    uint8_t bytes[RATE_SUBJECT_MAX];
    size_t size;
} rate_subject;

/* Whose subjects they are. */
typedef struct rate_owner {
    const char *space;
    const char *limit;
    const uint8_t *secret; /* HASH_SECRET_SIZE bytes */
    int32_t scope;
    int32_t ipv4_prefix;
    int32_t ipv6_prefix;
} rate_owner;

/* What is wrong with a subject, as the end of a sentence; NULL: nothing, and *out is its canonical
 * form. Addresses are cut to their prefix; an IPv4 address mapped into IPv6 counts as IPv4. */
const char *rate_subject_read(const rate_owner *owner, const char *text, rate_subject *out);
/* The same of an override's subject: an address may be a network. *out_length: its bits, else 0. */
const char *rate_network_read(const rate_owner *owner, const char *text, rate_subject *out,
                              int32_t *out_length);

/* The key of its bucket: a keyed hash, from which nobody can tell the subject. epoch:
 * RATE_EPOCH_SIZE bytes. */
void rate_subject_hash(const rate_owner *owner, const uint8_t *epoch, const rate_subject *subject,
                       uint8_t out[RATE_KEY_SIZE]);
/* The key of its bucket in the process; salt:
 * RATE_SALT_SIZE bytes that stand for the rest. */
void rate_subject_hash_local(const rate_owner *owner, const uint8_t *salt,
                             const rate_subject *subject, uint8_t out[RATE_KEY_SIZE]);
/* The key of an override: of the subject cut to length bits when it is an address, of its first
 * size bytes else. Lasts as long as the limit's name. */
void rate_override_hash(const rate_owner *owner, const rate_subject *subject, size_t size,
                        int32_t length, uint8_t out[RATE_KEY_SIZE]);

#endif
