/* Options of a session of any size, with any bytes in them, and settings of a URI: they are taken
 * or refused, and what this library does not know is never ignored. */
#include "fuzz.h"
#include <farmcore/farmcore.h>

enum { SIZE_MAX_TRIED = 4200, TEXT_SIZE = 300 };

/* What stands behind the fields that are known: 0 when it is all zero. */
static int has_excess(const uint8_t *bytes, size_t size) {
    for (size_t i = sizeof(farm_session_options); i < size; i++)
        if (bytes[i] != 0) return 1;
    return 0;
}

static farm_status open_with(const char *uri, const farm_session_options *options) {
    farm_session *session = NULL;
    claim(farm_session_new(&session) == FARM_OK);
    farm_status status = farm_session_open(session, uri, options);
    claim((status == FARM_OK) == (farm_session_error_text(session)[0] == '\0'));
    farm_session_free(session);
    return status;
}

/* The first four bytes say the size, the rest are the fields that are no pointers, and beyond. */
static void check_options(const uint8_t *data, size_t size) {
    farm_session_options *options = calloc(1, SIZE_MAX_TRIED);
    if (options == NULL) return;
    uint32_t told = (uint32_t)data[0] | (uint32_t)(data[1] % 17) << 8;
    if (data[2] & 1) told = sizeof *options + data[0] % 32;
    options->struct_size = told;
    size_t part = size - 3 < 12 ? size - 3 : 12;
    memcpy((uint8_t *)options + 4, data + 3, part);
    size_t more = size - 3 - part;
    if (more > SIZE_MAX_TRIED - sizeof *options) more = SIZE_MAX_TRIED - sizeof *options;
    memcpy((uint8_t *)options + sizeof *options, data + 3 + part, more);

    farm_status status = open_with("sqlite::memory:", options);

    claim(status == FARM_OK || status == FARM_EINVAL || status == FARM_EUNSUPPORTED);
    if (told < 4 || told > 4096)
        claim(status == FARM_EINVAL);
    else if (told > sizeof *options && has_excess((const uint8_t *)options, told))
        claim(status == FARM_EUNSUPPORTED);
    free(options);
}

/* Settings behind the question mark; never a slash, so that nothing is opened elsewhere. */
static void check_settings(const uint8_t *data, size_t size) {
    static const char *const words[] = {"clock",
                                        "rate_uri",
                                        "durability",
                                        "schema",
                                        "grant_to",
                                        "prepare",
                                        "txn",
                                        "host",
                                        "full",
                                        "store",
                                        "sqlite%3A%3Amemory%3A",
                                        "=",
                                        "&",
                                        "%",
                                        "%00",
                                        "%2"};
    char uri[TEXT_SIZE] = "sqlite::memory:?";
    for (size_t i = 0; i < size && strlen(uri) < TEXT_SIZE - 40; i++) {
        char letter[2] = {(char)data[i], '\0'};
        int is_word = data[i] < sizeof words / sizeof *words;
        if (letter[0] == '/' || letter[0] == '?') continue;
        strncat(uri, is_word ? words[data[i]] : letter, TEXT_SIZE - strlen(uri) - 1);
    }
    farm_status status = open_with(uri, NULL);
    claim(status == FARM_OK || status == FARM_EINVAL || status == FARM_EUNSUPPORTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4) return 0;
    if (data[size - 1] & 1)
        check_options(data, size - 1);
    else
        check_settings(data, size - 1);
    return 0;
}
