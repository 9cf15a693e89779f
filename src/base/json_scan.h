/* A strict reading of JSON (RFC 8259) that builds nothing: what json.c asks before cJSON sees the
 * text. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stddef.h>

/* What is wrong with the text, in the words of json_parse(); NULL: it is one JSON value, within the
 * limits. Keys are not compared, and numbers not computed. */
const char *json_scan(const char *text, size_t size);

#endif
