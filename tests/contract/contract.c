/* The store of a contract test, and what the tests ask of it. */
#include "contract.h"
#include "support/test_store.h"
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FARM_KEY_MAX bytes. */
#define X_5 "xxxxx"
#define X_51 X_5 X_5 X_5 X_5 X_5 X_5 X_5 X_5 X_5 X_5 "x"
#define X_255 X_51 X_51 X_51 X_51 X_51
_Static_assert(sizeof X_255 == FARM_KEY_MAX + 1, "the longest key");

const char contract_longest[FARM_KEY_MAX + 1] = X_255;
const char contract_too_long[FARM_KEY_MAX + 2] = X_255 "x";
const char *const contract_bad_texts[CONTRACT_BAD_TEXT_COUNT] = {NULL, "", "\xff", "a\xc0\x80",
                                                                 contract_too_long};

int contract_is_postgres(void) {
    return test_store_is_postgres();
}

int contract_is_pooled(void) {
    const char *pooler = getenv("FARM_TEST_PGBOUNCER");
    return pooler != NULL && strncmp(contract_uri(), pooler, strlen(pooler)) == 0;
}

const char *contract_uri(void) {
    return test_store_uri();
}

int contract_is_memory(void) {
    return strcmp(contract_uri(), "sqlite::memory:") == 0;
}

farm_session *contract_open_another(void) {
    farm_session *session = test_store_acquire();
    farm_session_set_clock_us(session, CONTRACT_NOW_US);
    return session;
}

void contract_close_another(farm_session *session) {
    test_store_release(session);
}

static void change_host_table(farm_session *session, const char *format) {
    farm_session_set_service(session);
    if (contract_execute(session, format, contract_host_table()) != FARM_OK)
        test_store_stop("the host's table", farm_session_error_text(session));
}

farm_session *contract_open(void) {
    const char *uri = getenv("FARM_TEST_URI");
    test_store_open(uri == NULL ? "sqlite::memory:" : uri, getenv("FARM_TEST_OWNER_URI"),
                    CONTRACT_SESSION_COUNT);
    farm_session *session = contract_open_another();
    change_host_table(session, "CREATE TABLE %s (name TEXT PRIMARY KEY)");
    return session;
}

farm_pool *contract_pool(void) {
    return test_store_pool();
}

void contract_close(farm_session *session) {
    change_host_table(session, "DROP TABLE %s");
    test_store_release(session);
    test_store_close();
}

const char *contract_host_table(void) {
    static char name[64];
    snprintf(name, sizeof name, contract_is_postgres() ? "public.host_%ld" : "host",
             (long)getpid());
    return name;
}

farm_status contract_execute(farm_session *session, const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return test_store_execute(session, text, NULL);
}

int64_t contract_number(farm_session *session, const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return test_store_number(session, text);
}

int64_t contract_count(farm_session *session, const char *table) {
    return contract_number(session, "SELECT COUNT(*) FROM {%s}", table);
}

int64_t contract_host_count(farm_session *session) {
    return contract_number(session, "SELECT COUNT(*) FROM %s", contract_host_table());
}

void contract_assert_sound(farm_session *session) {
    char *text = NULL;
    cr_assert_eq(farm_verify(session, &text), FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_not_null(strstr(text, "\"ok\":true"), "%s", text);
    farm_free(text);
}
