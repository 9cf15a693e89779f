/* The store that a contract test runs on: FARM_TEST_URI names it, every test has a fresh one.
 *
 * FARM_TEST_URI is `sqlite::memory:`, `sqlite:FOLDER/` (a file of its own in there), or a
 * postgresql: URI of a role that does not own the tables; FARM_TEST_OWNER_URI is then the owner's.
 * Each test has a schema of its own there. */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <farmcore/farmcore.h>

/* A migrated store and a session on it that acts as the service, its clock frozen at
 * CONTRACT_NOW_US. A test has one store. Aborts the test when it cannot be had. */
farm_session *contract_open(void);
/* Another session on the same store, with the same actor and clock. */
farm_session *contract_open_another(void);
void contract_close_another(farm_session *session);
/* Close the store and remove what it left. */
void contract_close(farm_session *session);

/* The pool that these sessions come from: CONTRACT_SESSION_COUNT at most. */
struct farm_pool *contract_pool(void);

/* The URI of the store, with its schema. In memory it is another store for whoever opens it on his
 * own. */
const char *contract_uri(void);
int contract_is_memory(void);
int contract_is_postgres(void);
/* A pooler stands before it: its connections to the server are whoever's asks next. */
int contract_is_pooled(void);

/* A table of the host's, with the column `name TEXT PRIMARY KEY`; it is there for every test. */
const char *contract_host_table(void);
int64_t contract_host_count(farm_session *session);

/* The number that a statement answers in its first row and column. Our tables are written
 * {farm_x}: the schema is put in front where there is one. */
int64_t contract_number(farm_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The status of a statement, with names written likewise. */
farm_status contract_execute(farm_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* How many rows one of our tables has for the session's actor. */
int64_t contract_count(farm_session *session, const char *table);
/* farm_verify() finds nothing. */
void contract_assert_sound(farm_session *session);

#define CONTRACT_SESSION_COUNT 32
#define CONTRACT_NOW_US INT64_C(1767225600000000) /* 2026-01-01 */

/* The longest key, a text that is a byte longer, and that with all other texts that are no key:
 * missing, empty, not UTF-8. */
enum { CONTRACT_BAD_TEXT_COUNT = 5 };
extern const char contract_longest[FARM_KEY_MAX + 1];
extern const char contract_too_long[FARM_KEY_MAX + 2];
extern const char *const contract_bad_texts[CONTRACT_BAD_TEXT_COUNT];

#endif
