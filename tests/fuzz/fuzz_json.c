/* Any bytes as JSON: a verdict with its words, and what is accepted means the same when it is
 * written and read again. */
#include "base/json.h"
#include "base/text.h"
#include "fuzz.h"

static int32_t is_known(const char *complaint) {
    static const char *const known[] = {
        "is missing",
        "is not JSON",
        "is nested deeper than 32",
        "is larger than 1048576 bytes",
        "has a key twice",
        "is not UTF-8",
        "holds a NUL",
        "holds half of a surrogate pair",
        "has a number out of range",
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i], complaint) == 0) return 1;
    }
    return 0;
}

/* Print, and refuse to go on when the text is not one that we would accept. */
static char *print(const json *value) {
    char *text = NULL;
    claim(json_print(value, &text) == FARM_OK);
    claim(text_is_utf8(text, strlen(text)));
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json *value = NULL;
    const char *complaint = NULL;
    farm_status status = json_parse((const char *)data, size, &value, &complaint);
    if (status != FARM_OK) {
        /* What the strict reader passed cJSON must not refuse: that would be out of memory. */
        claim(status == FARM_EINVAL);
        claim(value == NULL && is_known(complaint));
        return 0;
    }
    claim(complaint == NULL);
    claim(text_is_utf8((const char *)data, size));

    char *text = print(value);
    if (strlen(text) <= JSON_SIZE_MAX) {
        json *again = NULL;
        claim(json_parse(text, strlen(text), &again, &complaint) == FARM_OK);
        char *text_again = print(again);
        claim(strcmp(text, text_again) == 0);
        int64_t integer = 0;
        int64_t integer_again = 0;
        farm_status read = json_integer(value, &integer);
        claim(json_integer(again, &integer_again) == read && integer == integer_again);
        farm_free(text_again);
        json_free(again);
    }
    farm_free(text);
    json_free(value);
    return 0;
}
