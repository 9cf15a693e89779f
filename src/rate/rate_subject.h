/* Who is limited: subjects, made canonical and hashed into the key of a bucket. Pure. */
#ifndef RATE_SUBJECT_H
#define RATE_SUBJECT_H

#include "base/hash.h"
#include <farmcore/rate.h>

enum { RATE_SUBJECT_MAX = FARM_KEY_MAX, RATE_BUCKET_SIZE = 16 };

/* A subject in canonical bytes: equal subjects, and only they, have equal ones. */
typedef struct rate_subject {
    uint8_t bytes[RATE_SUBJECT_MAX];
    size_t size;
} rate_subject;

/* What a bucket belongs to. */
typedef struct rate_owner {
    const char *space;
    const char *limit;
    const uint8_t *epoch;  /* 16 bytes */
    const uint8_t *secret; /* HASH_SECRET_SIZE bytes */
    int32_t scope;
    int32_t ipv4_prefix;
    int32_t ipv6_prefix;
} rate_owner;

/* What is wrong with a subject, as the end of a sentence; NULL: nothing, and *out is its canonical
 * form. Addresses are cut to their prefix; an IPv4 address mapped into IPv6 counts as IPv4. */
const char *rate_subject_read(const rate_owner *owner, const char *text, rate_subject *out);

/* The key of its bucket: a keyed hash, from which nobody can tell the subject. */
void rate_subject_hash(const rate_owner *owner, const rate_subject *subject,
                       uint8_t out[RATE_BUCKET_SIZE]);

#endif
