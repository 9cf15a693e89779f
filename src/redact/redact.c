/* Texts are redacted. What is found where is said by the rules. */
#include <farmcore/redact.h>
#include "base/crypto.h"
#include "base/text.h"
#include "redact/redact_output.h"
#include "store/run.h"
#include <string.h>

enum { NAME_SIZE = 64, HASH_BYTES = 8, RULES_ALL = (1 << 14) - 1 };

static const char *const names[] = {
#define NAME(name, number, text) [number] = text,
    FARM_REDACT_RULES(NAME)
#undef NAME
};

/* --- output --- */

void redact_keep(redact_output *output, const uint8_t *bytes, size_t size) {
    output->size += size;
    if (output->is_full || size == 0) return;
    size_t fits = output->room - output->written;
    if (fits >= size) {
        fits = size;
    } else {
        output->is_full = 1;
        while (fits > 0 && (bytes[fits] & 0xc0) == 0x80) fits--;
    }
    if (fits > 0) memcpy(output->text + output->written, bytes, fits);
    output->written += fits;
}

void redact_put(redact_output *output, const char *bytes, size_t size) {
    output->size += size;
    if (output->is_full) return;
    if (output->room - output->written < size) {
        output->is_full = 1;
        return;
    }
    if (size > 0) memcpy(output->text + output->written, bytes, size);
    output->written += size;
}

static void put_hash(redact_output *output, const farm_redact_options *options, const char *name,
                     const uint8_t *data, size_t size) {
    uint8_t hash[CRYPTO_HASH_SIZE];
    char text[NAME_SIZE];
    char digits[2 * HASH_BYTES + 1];
    crypto_mac(data, size, options->key, hash);
    for (size_t i = 0; i < HASH_BYTES; i++)
        text_format(digits + 2 * i, sizeof digits - 2 * i, "%02x", hash[i]);
    text_format(text, sizeof text, "[%s:%s]", name, digits);
    redact_put(output, text, strlen(text));
}

void redact_replace(redact_output *output, const farm_redact_options *options,
                    const redact_input *input, const redact_match *match) {
    const char *name = names[match->rule];
    const size_t size = match->end - match->begin;
    char text[NAME_SIZE];
    switch (options->action) {
    case FARM_REDACT_ACTION_MASK:
        for (size_t i = 0; i < size; i++) redact_put(output, "*", 1);
        break;
    case FARM_REDACT_ACTION_HASH:
        put_hash(output, options, name, input->bytes + match->begin, size);
        break;
    case FARM_REDACT_ACTION_REMOVE:
        break;
    default:
        text_format(text, sizeof text, "[%s]", name);
        redact_put(output, text, strlen(text));
    }
}

void redact_write(redact_output *output, const farm_redact_options *options,
                  const redact_input *input) {
    size_t at = 0;
    redact_match match;
    while (redact_next(input, at, options->rules, &match)) {
        redact_keep(output, input->bytes + at, match.begin - at);
        redact_replace(output, options, input, &match);
        at = match.end;
    }
    redact_keep(output, input->bytes + at, input->size - at);
}

/* --- arguments --- */

static int32_t has_key(const farm_redact_options *options) {
    for (size_t i = 0; i < sizeof options->key; i++)
        if (options->key[i] != 0) return 1;
    return 0;
}

farm_status redact_check(const farm_redact_options *given, farm_redact_options *options,
                         farm_error *error) {
    const farm_redact_options usual = {.struct_size = sizeof usual};
    farm_status status = store_error_check_options(error, "options", options, sizeof *options,
                                                   given == NULL ? &usual : given);
    if (status == FARM_OK)
        status = store_error_check_range(error, "rules", options->rules, 0, RULES_ALL);
    if (status == FARM_OK)
        status = store_error_check_range(error, "action", options->action,
                                         FARM_REDACT_ACTION_REPLACE, FARM_REDACT_ACTION_REMOVE);
    if (status == FARM_OK && options->action == FARM_REDACT_ACTION_HASH && !has_key(options))
        status = store_error_fail(error, FARM_EINVAL, 0, "key is missing: hashes have one");
    if (options->rules == 0) options->rules = FARM_REDACT_DEFAULT;
    return status;
}

farm_status redact_check_buffers(const void *data, size_t data_size, const char *text, size_t size,
                                 const size_t *out_size, farm_error *error) {
    if ((data == NULL && data_size > 0) || (text == NULL && size > 0) || out_size == NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "%s is missing",
                                out_size == NULL                ? "out_size"
                                : data == NULL && data_size > 0 ? "data"
                                                                : "text");
    return FARM_OK;
}

farm_status farm_redact_text(const farm_redact_options *options, const void *data, size_t data_size,
                             char *text, size_t size, size_t *out_size, farm_error *error) {
    farm_redact_options chosen;
    store_error_clear(error);
    farm_status status = redact_check(options, &chosen, error);
    if (status == FARM_OK)
        status = redact_check_buffers(data, data_size, text, size, out_size, error);
    if (status != FARM_OK) return status;
    redact_output output = {.text = text, .room = size};
    const redact_input input = {.bytes = data, .size = data_size};
    redact_write(&output, &chosen, &input);
    *out_size = output.size;
    return FARM_OK;
}
