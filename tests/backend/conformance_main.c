/* The program `conformance [-k WORDS] URI [OWNER_URI]`: the suite against a backend that the
 * library knows by the URI's scheme. */
#include "conformance.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEME_SIZE = 64 };

static const farm_backend *find_backend(const char *uri) {
    char scheme[SCHEME_SIZE];
    size_t size = strcspn(uri, ":");
    if (size >= sizeof scheme) return NULL;
    memcpy(scheme, uri, size);
    scheme[size] = '\0';
    return farm_backend_find(scheme);
}

int main(int argument_count, char **arguments) {
    const char *only = NULL;
    int next = 1;
    if (argument_count > 2 && strcmp(arguments[1], "-k") == 0) {
        only = arguments[2];
        next = 3;
    }
    if (argument_count - next < 1 || argument_count - next > 2) {
        fputs("usage: conformance [-k WORDS] URI [OWNER_URI]\n", stderr);
        return EXIT_FAILURE;
    }
    const char *uri = arguments[next];
    const char *owner_uri = argument_count - next == 2 ? arguments[next + 1] : NULL;
    const farm_backend *backend = find_backend(uri);
    if (backend == NULL) {
        fputs("conformance: no backend has the scheme of that URI\n", stderr);
        return EXIT_FAILURE;
    }
    return farm_backend_conformance(backend, uri, owner_uri, only) == 0 ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}
