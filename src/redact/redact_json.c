/* JSON is redacted: what is not a string, a number or a secret is copied as it stands. It was found
 * to be sound before, so that this only looks for where things end. */
#include <farmcore/redact.h>
#include "base/json_scan.h"
#include "base/options.h"
#include "base/text.h"
#include "redact/redact_output.h"
#include "store/run.h"
#include <string.h>

static const char secret_text[] = "\"[password]\"";

typedef struct walk {
    const farm_redact_options *options;
    redact_input input;
    redact_output output;
    size_t at;
    size_t kept; /* what lies before it was written */
    char *plain; /* room for any string, without its escapes */
    char *clean; /* room for one whose secrets are replaced */
    size_t clean_room;
    int32_t has_failed; /* there was no memory */
} walk;

/* --- strings --- */

static size_t string_end(const walk *self, size_t at) {
    for (at++; self->input.bytes[at] != '"'; at++)
        if (self->input.bytes[at] == '\\') at++;
    return at + 1;
}

static uint32_t hex_of(const uint8_t *digits) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t byte = digits[i];
        unit = unit * 16 + (uint32_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
    }
    return unit;
}

static size_t put_character(char *out, uint32_t character) {
    size_t count = 0;
    if (character < 0x80) {
        out[count++] = (char)character;
    } else if (character < 0x800) {
        out[count++] = (char)(0xc0 | character >> 6);
    } else if (character < 0x10000) {
        out[count++] = (char)(0xe0 | character >> 12);
        out[count++] = (char)(0x80 | (character >> 6 & 0x3f));
    } else {
        out[count++] = (char)(0xf0 | character >> 18);
        out[count++] = (char)(0x80 | (character >> 12 & 0x3f));
        out[count++] = (char)(0x80 | (character >> 6 & 0x3f));
    }
    if (character >= 0x80) out[count++] = (char)(0x80 | (character & 0x3f));
    return count;
}

/* An escape at *at, which is left behind it. */
static size_t read_escape(const walk *self, size_t *at, char *out) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const uint8_t *bytes = self->input.bytes + *at + 1;
    if (*bytes != 'u') {
        *out = values[strchr(names, *bytes) - names];
        *at += 2;
        return 1;
    }
    uint32_t character = hex_of(bytes + 1);
    *at += 6;
    if (character >= 0xd800 && character < 0xdc00) {
        character = 0x10000 + ((character - 0xd800) << 10) + (hex_of(bytes + 7) - 0xdc00);
        *at += 6;
    }
    return put_character(out, character);
}

/* The string from begin to end, its quotation marks included, without escapes. */
static size_t read_string(walk *self, size_t begin, size_t end) {
    size_t size = 0;
    for (size_t at = begin + 1; at < end - 1;)
        if (self->input.bytes[at] == '\\')
            size += read_escape(self, &at, self->plain + size);
        else
            self->plain[size++] = (char)self->input.bytes[at++];
    return size;
}

static void put_string(redact_output *output, const char *text, size_t size) {
    redact_put(output, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        char escape[8];
        const uint8_t byte = (uint8_t)text[i];
        if (byte == '"' || byte == '\\')
            text_format(escape, sizeof escape, "\\%c", byte);
        else if (byte < ' ')
            text_format(escape, sizeof escape, "\\u%04x", (unsigned)byte);
        else
            text_format(escape, sizeof escape, "%c", byte);
        redact_put(output, escape, strlen(escape));
    }
    redact_put(output, "\"", 1);
}

/* --- values --- */

static void keep_until(walk *self, size_t at) {
    redact_keep(&self->output, self->input.bytes + self->kept, at - self->kept);
    self->kept = at;
}

/* What is found in plain bytes; the size, and *out_text the text; 0 and NULL: nothing is. */
static size_t clean_of(walk *self, const char *bytes, size_t size, const char **out_text) {
    const redact_input input = {.bytes = (const uint8_t *)bytes, .size = size};
    redact_match match;
    *out_text = NULL;
    if (!redact_next(&input, 0, self->options->rules, &match)) return 0;
    redact_output output = {.text = self->clean, .room = self->clean_room};
    redact_write(&output, self->options, &input);
    if (output.size > self->clean_room) {
        char *grown = farm_reallocate(self->clean, output.size);
        self->has_failed |= grown == NULL;
        if (grown == NULL) return 0;
        self->clean = grown;
        self->clean_room = output.size;
        output = (redact_output){.text = self->clean, .room = self->clean_room};
        redact_write(&output, self->options, &input);
    }
    *out_text = self->clean;
    return output.size;
}

static void put_clean(walk *self, size_t begin, size_t end, const char *plain, size_t size) {
    const char *text = NULL;
    const size_t clean_size = clean_of(self, plain, size, &text);
    if (text == NULL) return;
    keep_until(self, begin);
    put_string(&self->output, text, clean_size);
    self->kept = end;
}

static size_t number_end(const walk *self, size_t at) {
    return redact_run(&self->input, at, REDACT_DIGIT | REDACT_HEX | REDACT_DASH | REDACT_LOCAL);
}

/* The end of an object or an array, whatever is in it. */
static size_t nested_end(const walk *self, size_t at) {
    for (size_t depth = 0; at < self->input.size;) {
        const uint8_t byte = self->input.bytes[at];
        if (byte == '"') {
            at = string_end(self, at);
            continue;
        }
        depth += byte == '{' || byte == '[';
        depth -= byte == '}' || byte == ']';
        at++;
        if (depth == 0) break;
    }
    return at;
}

static size_t value_end(const walk *self, size_t at) {
    const uint8_t byte = self->input.bytes[at];
    if (byte == '"') return string_end(self, at);
    if (byte == '{' || byte == '[') return nested_end(self, at);
    if (byte == 't' || byte == 'n') return at + 4;
    return byte == 'f' ? at + 5 : number_end(self, at);
}

/* The first place from at on that is no white space. */
static size_t next_token(const walk *self, size_t at) {
    return redact_run(&self->input, at, REDACT_SPACE);
}

/* Whether the string that ends there is one. */
static int32_t is_key(const walk *self, size_t end) {
    return (redact_class(&self->input, next_token(self, end)) & REDACT_COLON) != 0;
}

static int32_t is_safe(const walk *self, size_t size) {
    const char *fields = self->options->safe_fields;
    while (fields != NULL && *fields != '\0') {
        const size_t length = strcspn(fields, ",");
        if (length == size && memcmp(fields, self->plain, size) == 0) return 1;
        fields += length + (fields[length] == ',');
    }
    return 0;
}

/* A key, and its value where the key says what becomes of it. */
static void walk_key(walk *self, size_t begin, size_t end) {
    const size_t size = read_string(self, begin, end);
    const size_t value = next_token(self, next_token(self, end) + 1);
    self->at = end;
    if (is_safe(self, size)) {
        self->at = value_end(self, value);
    } else if ((self->options->rules & FARM_REDACT_PASSWORD) != 0 &&
               redact_is_secret((const uint8_t *)self->plain, size)) {
        keep_until(self, value);
        redact_put(&self->output, secret_text, sizeof secret_text - 1);
        self->at = self->kept = value_end(self, value);
    }
}

static void walk_one(walk *self) {
    const size_t begin = self->at;
    const uint8_t byte = self->input.bytes[begin];
    if (byte == '"') {
        const size_t end = string_end(self, begin);
        if (is_key(self, end)) {
            walk_key(self, begin, end);
            return;
        }
        put_clean(self, begin, end, self->plain, read_string(self, begin, end));
        self->at = end;
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        const size_t end = number_end(self, begin);
        put_clean(self, begin, end, (const char *)self->input.bytes + begin, end - begin);
        self->at = end;
    } else {
        self->at++;
    }
}

static farm_status walk_all(walk *self, farm_error *error) {
    self->plain = farm_allocate(self->input.size + 1);
    self->clean_room = self->input.size + 1;
    self->clean = farm_allocate(self->clean_room);
    self->has_failed = self->plain == NULL || self->clean == NULL;
    while (!self->has_failed && self->at < self->input.size) walk_one(self);
    if (!self->has_failed) keep_until(self, self->input.size);
    farm_free(self->plain);
    farm_free(self->clean);
    if (!self->has_failed) return FARM_OK;
    return store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for %zu bytes",
                            self->input.size);
}

farm_status farm_redact_json(const farm_redact_options *options, const void *data, size_t data_size,
                             char *text, size_t size, size_t *out_size, farm_error *error) {
    farm_redact_options chosen;
    store_error_clear(error);
    farm_status status = redact_check(options, &chosen, error);
    if (status == FARM_OK)
        status = redact_check_buffers(data, data_size, text, size, out_size, error);
    const char *complaint = status == FARM_OK ? json_scan(data, data_size) : NULL;
    if (complaint != NULL) status = store_error_fail(error, FARM_EINVAL, 0, "data %s", complaint);
    if (status != FARM_OK) return status;
    walk self = {.options = &chosen,
                 .input = {.bytes = data, .size = data_size},
                 .output = {.text = text, .room = size}};
    status = walk_all(&self, error);
    if (status == FARM_OK) *out_size = self.output.size;
    return status;
}
