/* The parser of store URIs: whatever comes, it answers a status, and what it takes it can give
 * back. */
#include "fuzz.h"
#include "store/uri.h"

static void check_parsed(const uri_parts *parts) {
    claim(parts->scheme != NULL && parts->scheme[0] != '\0' && strchr(parts->scheme, ':') == NULL);
    claim(parts->rest != NULL && strchr(parts->rest, '?') == NULL);
    claim(parts->parameter_count <= URI_PARAMETER_MAX);
    for (size_t i = 0; i < parts->parameter_count; i++) {
        const uri_parameter *parameter = &parts->parameters[i];
        claim(parameter->name != NULL && parameter->value != NULL);
        claim(strchr(parameter->raw, '=') != NULL && strchr(parameter->raw, '&') == NULL);
        claim(strlen(parameter->name) + strlen(parameter->value) < strlen(parameter->raw) + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    if (text == NULL) return 0;
    arena memory = {0};
    uri_parts parts;
    const char *complaint = NULL;

    farm_status status = uri_parse(&memory, text, &parts, &complaint);

    claim(status == FARM_OK || status == FARM_EINVAL);
    claim((status == FARM_OK) == (complaint == NULL));
    if (status == FARM_OK) check_parsed(&parts);
    arena_free(&memory);
    free(text);
    return 0;
}
