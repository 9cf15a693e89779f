/* The parser of amounts: what it takes is written as the same amount, in a text that begins with
 * the same. */
#include "fuzz.h"
#include <farmcore/money.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const int32_t scale = data[0] % (FARM_MONEY_SCALE_MAX + 1);
    char *text = fuzz_text(data + 1, size - 1);
    if (text == NULL) return 0;
    farm_error error = {.struct_size = sizeof error};
    int64_t amount = 0;
    int64_t again = 0;
    char written[FARM_MONEY_TEXT_SIZE];

    const farm_status status = farm_money_from_text(text, scale, &error, &amount);

    claim(status == FARM_OK || status == FARM_EINVAL);
    claim((status == FARM_OK) == (error.text[0] == '\0'));
    if (status == FARM_OK) {
        claim(farm_money_to_text(amount, scale, written) == FARM_OK);
        claim(farm_money_from_text(written, scale, NULL, &again) == FARM_OK && again == amount);
        claim(amount == 0 || strncmp(written, text, strlen(text)) == 0);
    }
    free(text);
    return 0;
}
