/* Any bytes as an id's text, and any 16 bytes as an id: there and back is the same. */
#include "base/id.h"
#include "fuzz.h"

static char lower(char byte) {
    return byte >= 'A' && byte <= 'F' ? (char)(byte - 'A' + 'a') : byte;
}

static void check_text(const char *text) {
    farm_id id;
    memset(&id, 0xCC, sizeof(id));
    farm_id before = id;
    if (farm_id_from_text(text, &id) != FARM_OK) {
        claim(id_equals(&id, &before));
        return;
    }
    char again[FARM_ID_TEXT_SIZE];
    farm_id_to_text(&id, again);
    claim(strlen(text) == FARM_ID_TEXT_SIZE - 1);
    for (size_t i = 0; i < FARM_ID_TEXT_SIZE; i++) claim(again[i] == lower(text[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    if (text == NULL) return 0;
    check_text(text);
    free(text);
    if (size < sizeof(farm_id)) return 0;

    farm_id id;
    farm_id back = {{0}};
    char written[FARM_ID_TEXT_SIZE];
    memcpy(id.bytes, data, sizeof(id.bytes));
    farm_id_to_text(&id, written);
    claim(farm_id_from_text(written, &back) == FARM_OK && id_equals(&id, &back));

    /* The same text with a byte of the input in one place is read only when it is as good. */
    if (size > sizeof(farm_id) + 1) {
        written[data[16] % (FARM_ID_TEXT_SIZE - 1)] = (char)data[17];
        check_text(written);
    }
    return 0;
}
