/* Parsing of store URIs. What a setting means is decided in shared.c and by the backends. */
#include "store/uri.h"
#include "base/text.h"
#include <string.h>

farm_status uri_decode(arena *owner, const char *text, size_t size, const char **out_text) {
    char *out = arena_allocate(owner, size + 1);
    if (out == NULL) return FARM_ENOMEM;
    *out_text = out;
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '%') {
            out[used++] = text[i];
            continue;
        }
        if (size - i < 3) return FARM_EINVAL;
        int32_t high = text_hex_digit(text[i + 1]);
        int32_t low = text_hex_digit(text[i + 2]);
        if (high < 0 || low < 0 || high + low == 0) return FARM_EINVAL;
        out[used++] = (char)(high * 16 + low);
        i += 2;
    }
    out[used] = '\0';
    return text_is_utf8(out, used) ? FARM_OK : FARM_EINVAL;
}

static int32_t is_scheme_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') ||
           character == '+' || character == '-' || character == '.';
}

static farm_status parse_parameter(arena *owner, const char *text, size_t size, uri_parts *out,
                                   const char **complaint) {
    const char *equals = memchr(text, '=', size);
    *complaint = "has a setting without a value";
    if (equals == NULL || equals == text) return FARM_EINVAL;
    *complaint = "has too many settings";
    if (out->parameter_count == URI_PARAMETER_MAX) return FARM_EINVAL;

    uri_parameter *parameter = &out->parameters[out->parameter_count++];
    size_t name_size = (size_t)(equals - text);
    *complaint = "has a setting that is not percent-encoded UTF-8";
    parameter->raw = arena_copy(owner, text, size);
    if (parameter->raw == NULL) return FARM_ENOMEM;
    farm_status status = uri_decode(owner, text, name_size, &parameter->name);
    if (status != FARM_OK) return status;
    return uri_decode(owner, equals + 1, size - name_size - 1, &parameter->value);
}

farm_status uri_parse(arena *owner, const char *text, uri_parts *out, const char **complaint) {
    memset(out, 0, sizeof *out);
    *complaint = text_complaint(text, URI_MAX);
    if (*complaint != NULL) return FARM_EINVAL;

    size_t scheme_size = 0;
    while (is_scheme_character(text[scheme_size])) scheme_size++;
    *complaint = "does not begin with a scheme such as sqlite: or postgresql:";
    if (scheme_size == 0 || text[scheme_size] != ':') return FARM_EINVAL;

    const char *rest = text + scheme_size + 1;
    const char *query = strchr(rest, '?');
    size_t rest_size = query == NULL ? strlen(rest) : (size_t)(query - rest);
    out->scheme = arena_copy(owner, text, scheme_size);
    out->rest = arena_copy(owner, rest, rest_size);
    if (out->scheme == NULL || out->rest == NULL) return FARM_ENOMEM;

    while (query != NULL && query[1] != '\0') {
        const char *begin = query + 1;
        query = strchr(begin, '&');
        size_t size = query == NULL ? strlen(begin) : (size_t)(query - begin);
        farm_status status = parse_parameter(owner, begin, size, out, complaint);
        if (status != FARM_OK) return status;
    }
    *complaint = NULL;
    return FARM_OK;
}
