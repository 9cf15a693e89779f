/* Planted faults: stores that break a promise, outside of the product, so that the lab can show
 * that it notices. */
#ifndef LAB_BROKEN_H
#define LAB_BROKEN_H

#include <farmcore/farmcore.h>

/* Plant a fault. Returns the prefix that a URI needs for it, "" when it needs none, NULL when there
 * is none of that name:
 *
 *     lost-lock       the shared-memory locks of SQLite's log are a lie: processes write at once
 *     missing-key     the claim of an idempotency key no longer asks whether somebody holds it
 *     swallowed-error a commit that fails is said to have succeeded */
const char *lab_broken_plant(const char *name);

#endif
