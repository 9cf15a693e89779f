/* A store of a test's own with a pool on it: named, migrated and removed. A process has one at a
 * time. What goes wrong here ends the process by abort(), which no test can mistake for success.
 *
 * The URI is `sqlite::memory:`, `sqlite:FOLDER/` (a file of its own in there), a file's, which is
 * left behind, or a postgresql: URI, on which the store is a schema of its own. There OWNER_URI
 * names the role that makes the tables; NULL: the role of the URI. */
#ifndef TEST_STORE_H
#define TEST_STORE_H

#include <farmcore/farmcore.h>

void test_store_open(const char *uri, const char *owner_uri, uint32_t session_max);
/* Close the pool and remove what the store left. */
void test_store_close(void);

/* A session of the pool that acts as the service. */
farm_session *test_store_acquire(void);
void test_store_release(farm_session *session);
/* Another one, outside the pool, of the role that owns the tables; Postgres alone has one. */
farm_session *test_store_open_owner(void);

farm_pool *test_store_pool(void);
/* The URI of the store, with its schema. */
const char *test_store_uri(void);
int test_store_is_postgres(void);

/* Run a statement in which {farm_x} stands for a table: the schema is put in front where there is
 * one. */
farm_status test_store_execute(farm_session *session, const char *text, farm_rows **out);
/* The number that it answers in its first row and column. */
int64_t test_store_number(farm_session *session, const char *text);

_Noreturn void test_store_stop(const char *what, const char *text);

#endif
