/* Making and removing the store of a contract test. */
#include "contract.h"
#include <farmcore/pool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static farm_pool *pool;
static char uri[1024];
static char schema[32];
static char path[512];

static void stop(const char *what, const char *text) {
    fprintf(stderr, "the test's store: %s: %s\n", what, text);
    abort();
}

int contract_is_postgres(void) {
    return strncmp(uri, "postgres", 8) == 0;
}

const char *contract_uri(void) {
    return strcmp(uri, "sqlite::memory:") == 0 ? NULL : uri;
}

static const char *owner_uri(void) {
    const char *owner = getenv("FARM_TEST_OWNER_URI");
    if (owner == NULL) stop("FARM_TEST_OWNER_URI", "is not set");
    return owner;
}

/* A session of the owner of the tables, on Postgres. */
static farm_session *open_owner(void) {
    char text[1200];
    farm_session *owner = NULL;
    snprintf(text, sizeof text, "%s?schema=%s&grant_to=farm_app", owner_uri(), schema);
    if (farm_session_new(&owner) != FARM_OK) stop("owner", "no memory");
    if (farm_session_open(owner, text, NULL) != FARM_OK)
        stop("owner", farm_session_error_text(owner));
    return owner;
}

static void name_store(void) {
    const char *given = getenv("FARM_TEST_URI");
    if (given == NULL) given = "sqlite::memory:";
    size_t size = strlen(given);
    if (strncmp(given, "postgres", 8) == 0) {
        snprintf(schema, sizeof schema, "t_%ld", (long)getpid());
        snprintf(uri, sizeof uri, "%s?schema=%s", given, schema);
    } else if (given[size - 1] == '/') {
        snprintf(path, sizeof path, "%s%ld.db", given + strlen("sqlite:"), (long)getpid());
        snprintf(uri, sizeof uri, "sqlite:%s", path);
    } else {
        snprintf(uri, sizeof uri, "%s", given);
    }
}

static void migrate(void) {
    if (!contract_is_postgres()) return;
    farm_session *owner = open_owner();
    if (farm_migrate(owner) != FARM_OK) stop("migrate", farm_session_error_text(owner));
    farm_session_free(owner);
}

farm_session *contract_open_another(void) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, 0, &error, &session) != FARM_OK) stop("acquire", error.text);
    farm_session_set_service(session);
    farm_session_set_clock_us(session, CONTRACT_NOW_US);
    return session;
}

void contract_close_another(farm_session *session) {
    farm_pool_release(pool, session);
}

farm_session *contract_open(void) {
    farm_error error = {.struct_size = sizeof error};
    farm_pool_options options = {.struct_size = sizeof options, .max_count = 32};
    name_store();
    migrate();
    if (farm_pool_new(&pool) != FARM_OK) stop("pool", "no memory");
    if (farm_pool_open(pool, uri, &options, &error) != FARM_OK) stop(uri, error.text);
    farm_session *session = contract_open_another();
    if (!contract_is_postgres() && farm_migrate(session) != FARM_OK)
        stop("migrate", farm_session_error_text(session));
    if (contract_execute(session, "CREATE TABLE {host} (name TEXT PRIMARY KEY)") != FARM_OK)
        stop("the host's table", farm_session_error_text(session));
    return session;
}

void contract_close(farm_session *session) {
    farm_session_set_service(session);
    if (contract_execute(session, "DROP TABLE {host}") != FARM_OK)
        stop("the host's table", farm_session_error_text(session));
    farm_pool_release(pool, session);
    farm_pool_free(pool);
    pool = NULL;
    if (contract_is_postgres()) {
        char text[80];
        farm_session *owner = open_owner();
        snprintf(text, sizeof text, "DROP SCHEMA %s CASCADE", schema);
        if (farm_session_execute(owner, text, NULL, 0, NULL) != FARM_OK)
            stop("drop", farm_session_error_text(owner));
        farm_session_free(owner);
    }
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; path[0] != '\0' && i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[600];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

/* {farm_x} becomes schema.farm_x on Postgres and farm_x elsewhere, {host} the host's own table. */
static void put_names(const char *text, char *out, size_t out_size) {
    size_t used = 0;
    for (; *text != '\0' && used + sizeof schema < out_size; text++) {
        if (strncmp(text, "{host", 5) == 0) {
            used += (size_t)snprintf(out + used, out_size - used, "%s", contract_host_table());
            text += 5;
        } else if (*text == '{' && contract_is_postgres()) {
            used += (size_t)snprintf(out + used, out_size - used, "%s.", schema);
        } else if (*text != '{' && *text != '}') {
            out[used++] = *text;
        }
    }
    out[used] = '\0';
}

const char *contract_host_table(void) {
    static char name[64];
    snprintf(name, sizeof name, contract_is_postgres() ? "public.host_%ld" : "host",
             (long)getpid());
    return name;
}

static farm_status execute(farm_session *session, const char *format, va_list arguments,
                           farm_rows **out) {
    char text[4096];
    char statement[4096];
    vsnprintf(text, sizeof text, format, arguments);
    put_names(text, statement, sizeof statement);
    return farm_session_execute(session, statement, NULL, 0, out);
}

farm_status contract_execute(farm_session *session, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    farm_status status = execute(session, format, arguments, NULL);
    va_end(arguments);
    return status;
}

int64_t contract_number(farm_session *session, const char *format, ...) {
    farm_rows *rows = NULL;
    va_list arguments;
    va_start(arguments, format);
    farm_status status = execute(session, format, arguments, &rows);
    va_end(arguments);
    const farm_value *value = farm_rows_value(rows, 0, 0);
    if (status != FARM_OK || value == NULL || value->type != FARM_INTEGER)
        stop("a statement answered no number", farm_session_error_text(session));
    int64_t number = value->integer;
    farm_rows_free(rows);
    return number;
}
