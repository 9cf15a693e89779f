/* A buffer that is written as far as there is room, and how much there would be. */
#ifndef REDACT_OUTPUT_H
#define REDACT_OUTPUT_H

#include "redact/redact_rules.h"

typedef struct redact_output {
    char *text;
    size_t room;
    size_t written;
    size_t size;     /* of all of it */
    int32_t is_full; /* nothing more is written, so that what is written is the beginning */
} redact_output;

/* Bytes that are kept: as many whole characters as there is room for. */
void redact_keep(redact_output *output, const uint8_t *bytes, size_t size);
/* All of it or nothing. */
void redact_put(redact_output *output, const char *bytes, size_t size);
/* What stands in the place of what was found. */
void redact_replace(redact_output *output, const farm_redact_options *options,
                    const redact_input *input, const redact_match *match);
/* A text with what its rules find replaced. */
void redact_write(redact_output *output, const farm_redact_options *options,
                  const redact_input *input);

/* The caller's options, checked, and with the rules that are meant. */
farm_status redact_check(const farm_redact_options *given, farm_redact_options *options,
                         farm_error *error);
farm_status redact_check_buffers(const void *data, size_t data_size, const char *text, size_t size,
                                 const size_t *out_size, farm_error *error);

#endif
