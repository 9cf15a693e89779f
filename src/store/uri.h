/* Store URIs: scheme:rest?name=value&…, percent-encoded (RFC 3986). */
#ifndef STORE_URI_H
#define STORE_URI_H

#include "base/arena.h"
#include <farmcore/backend.h>

enum { URI_MAX = 4096, URI_PARAMETER_MAX = 32 };

typedef struct uri_parameter {
    const char *name;
    const char *value; /* decoded */
    const char *raw;   /* name=value as it was written */
} uri_parameter;

typedef struct uri_parts {
    const char *scheme;
    const char *rest; /* what stands between the scheme's colon and the question mark, as written */
    uri_parameter parameters[URI_PARAMETER_MAX];
    size_t parameter_count;
} uri_parts;

/* Parse into the arena. On FARM_EINVAL *complaint is static text without a word of the URI, which
 * may hold a password. */
farm_status uri_parse(arena *owner, const char *text, uri_parts *out, const char **complaint);
/* Percent-decode into the arena. FARM_EINVAL: it is wrong, or not UTF-8. */
farm_status uri_decode(arena *owner, const char *text, size_t size, const char **out_text);

#endif
