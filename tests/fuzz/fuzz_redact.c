/* Any bytes as a text and as JSON: what is redacted is the same whatever room there is, and sound
 * JSON stays JSON. */
#include "base/json_scan.h"
#include "fuzz.h"
#include <farmcore/redact.h>

static void check_text(const farm_redact_options *options, const uint8_t *data, size_t size) {
    size_t needed = 0;
    size_t again = 0;
    claim(farm_redact_text(options, data, size, NULL, 0, &needed, NULL) == FARM_OK);
    char *whole = malloc(needed + 1);
    char *part = malloc(needed / 2 + 1);
    if (whole != NULL && part != NULL) {
        memset(part, 0, needed / 2 + 1);
        claim(farm_redact_text(options, data, size, whole, needed, &again, NULL) == FARM_OK);
        claim(again == needed);
        claim(farm_redact_text(options, data, size, part, needed / 2, &again, NULL) == FARM_OK);
        claim(again == needed);
        for (size_t i = 0; i < needed / 2 && part[i] != '\0'; i++) claim(part[i] == whole[i]);
    }
    free(whole);
    free(part);
}

static void check_json(const farm_redact_options *options, const uint8_t *data, size_t size) {
    size_t needed = 0;
    const farm_status status = farm_redact_json(options, data, size, NULL, 0, &needed, NULL);
    claim((status == FARM_OK) == (json_scan((const char *)data, size) == NULL));
    if (status != FARM_OK) return;
    char *whole = malloc(needed + 1);
    if (whole != NULL) {
        claim(farm_redact_json(options, data, size, whole, needed, &needed, NULL) == FARM_OK);
        claim(needed > 1 << 20 || json_scan(whole, needed) == NULL);
    }
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    farm_redact_options options = {.struct_size = sizeof options, .safe_fields = "a,b"};
    if (size == 0) return 0;
    options.rules = (uint32_t)(data[0] % 2 == 0 ? (1 << 14) - 1 : 0);
    options.action = data[0] / 2 % 4;
    options.key[0] = 1;
    check_text(&options, data + 1, size - 1);
    check_json(&options, data + 1, size - 1);
    return 0;
}
