/* Making and removing the store of a test. */
#include "test_store.h"
#include "store_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer than any machine takes. */
#define ACQUIRE_US INT64_C(60000000)

static farm_pool *pool;
static char uri[1024];
static char owner_uri[1024];
static char schema[32]; /* "" but on Postgres */
static char path[512];  /* "" but of a file that is removed */

void test_store_stop(const char *what, const char *text) {
    fprintf(stderr, "the test's store: %s: %s\n", what, text);
    abort();
}

farm_pool *test_store_pool(void) {
    return pool;
}

const char *test_store_uri(void) {
    return uri;
}

int test_store_is_postgres(void) {
    return schema[0] != '\0';
}

static void name_store(const char *given, const char *owner) {
    const size_t size = strlen(given);
    if (strncmp(given, "postgres", 8) == 0) {
        snprintf(schema, sizeof schema, "t_%ld", (long)getpid());
        snprintf(uri, sizeof uri, "%s?schema=%s", given, schema);
        snprintf(owner_uri, sizeof owner_uri,
                 owner == NULL ? "%s?schema=%s" : "%s?schema=%s&grant_to=farm_app",
                 owner == NULL ? given : owner, schema);
    } else if (given[size - 1] == '/') {
        snprintf(path, sizeof path, "%s%ld.db", given + strlen("sqlite:"), (long)getpid());
        snprintf(uri, sizeof uri, "sqlite:%s", path);
    } else {
        snprintf(uri, sizeof uri, "%s", given);
    }
}

farm_session *test_store_open_owner(void) {
    farm_session *owner = NULL;
    if (farm_session_new(&owner) != FARM_OK) test_store_stop("owner", "no memory");
    if (farm_session_open(owner, owner_uri, NULL) != FARM_OK)
        test_store_stop("owner", farm_session_error_text(owner));
    return owner;
}

farm_session *test_store_acquire(void) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, ACQUIRE_US, &error, &session) != FARM_OK)
        test_store_stop("acquire", error.text);
    farm_session_set_service(session);
    return session;
}

void test_store_release(farm_session *session) {
    farm_pool_release(pool, session);
}

static void migrate(farm_session *session) {
    if (farm_migrate(session) != FARM_OK)
        test_store_stop("migrate", farm_session_error_text(session));
}

static void open_pool(uint32_t session_max) {
    farm_error error = {.struct_size = sizeof error};
    const farm_pool_options options = {.struct_size = sizeof options, .max_count = session_max};
    if (farm_pool_new(&pool) != FARM_OK) test_store_stop("pool", "no memory");
    if (farm_pool_open(pool, uri, &options, &error) != FARM_OK) test_store_stop(uri, error.text);
}

void test_store_open(const char *given, const char *owner, uint32_t session_max) {
    name_store(given, owner);
    if (test_store_is_postgres()) {
        farm_session *session = test_store_open_owner();
        migrate(session);
        farm_session_free(session);
        open_pool(session_max);
        return;
    }
    /* sqlite::memory: lives as long as the pool, and so only the pool can migrate it. */
    open_pool(session_max);
    farm_session *session = test_store_acquire();
    migrate(session);
    test_store_release(session);
}

static void drop_schema(void) {
    char text[80];
    farm_session *owner = test_store_open_owner();
    snprintf(text, sizeof text, "DROP SCHEMA %s CASCADE", schema);
    if (farm_session_execute(owner, text, NULL, 0, NULL) != FARM_OK)
        test_store_stop("drop", farm_session_error_text(owner));
    farm_session_free(owner);
}

void test_store_close(void) {
    farm_pool_free(pool);
    pool = NULL;
    if (test_store_is_postgres()) drop_schema();
    if (path[0] != '\0') store_file_remove(path);
    schema[0] = path[0] = '\0';
}

/* {farm_x} becomes schema.farm_x on Postgres and farm_x elsewhere. */
static void name_tables(const char *text, char *out, size_t out_size) {
    size_t used = 0;
    for (; *text != '\0' && used + sizeof schema < out_size; text++)
        if (*text == '{' && test_store_is_postgres())
            used += (size_t)snprintf(out + used, out_size - used, "%s.", schema);
        else if (*text != '{' && *text != '}')
            out[used++] = *text;
    out[used] = '\0';
}

farm_status test_store_execute(farm_session *session, const char *text, farm_rows **out) {
    char statement[4096];
    name_tables(text, statement, sizeof statement);
    return farm_session_execute(session, statement, NULL, 0, out);
}

int64_t test_store_number(farm_session *session, const char *text) {
    farm_rows *rows = NULL;
    farm_status status = test_store_execute(session, text, &rows);
    const farm_value *value = farm_rows_value(rows, 0, 0);
    if (status != FARM_OK || value == NULL || value->type != FARM_INTEGER)
        test_store_stop("a statement answered no number", farm_session_error_text(session));
    const int64_t number = value->integer;
    farm_rows_free(rows);
    return number;
}
