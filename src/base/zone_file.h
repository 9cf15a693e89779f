/* The system's files of time zones. */
#ifndef BASE_ZONE_FILE_H
#define BASE_ZONE_FILE_H

#include "base/zone.h"
#include <stddef.h>

/* Turn what an application writes into a POSIX text that zone_parse() takes. A POSIX text is taken
 * as it is, "" and NULL are UTC, and so are "UTC" and "Etc/UTC" on systems without files, too; an
 * IANA name ("Europe/Berlin") is looked up in the system's folders. Names are at most 64 letters,
 * digits, "_", "+", "-" and "/", and lead to nowhere outside.
 *
 * Taken is the footer of the TZif file (RFC 9636, version 2 or later): the rules of today and of
 * the years to come, without the past. A file may list changes of the near future one by one
 * before its footer holds, as Morocco's does until 2087; these are not seen.
 *
 * What is wrong with it, as the end of a sentence, or NULL. out: ZONE_TEXT_SIZE bytes, "" when
 * there is a complaint. */
const char *zone_find(const char *name, char *out);

/* The same in other folders; the first that has the name decides. */
const char *zone_find_in(const char *const *folders, size_t count, const char *name, char *out);

#endif
