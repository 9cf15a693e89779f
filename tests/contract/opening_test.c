/* What cannot be opened, and what goes away: a status and a sentence, no password, nothing lost. */
#include "backend/decorators.h"
#include "base/clock.h"
#include "contract.h"
#include "support/store_file.h"
#include "unit/failing_allocator.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "S3cretWord"

/* A URI that cannot be opened, and what is answered. */
typedef struct refusal {
    const char *uri;
    farm_status status;
    const char *text; /* a part of it */
} refusal;

static const refusal refusals[] = {
    {NULL, FARM_EINVAL, "is missing"},
    {"", FARM_EINVAL, "is empty"},
    {"nonsense", FARM_EINVAL, "scheme"},
    {":memory:", FARM_EINVAL, "scheme"},
    {"sqlite:\xff", FARM_EINVAL, "UTF-8"},
    {"mysql://host/db", FARM_EUNSUPPORTED, "mysql:"},
    {"sqlite::memory:?durability=perhaps", FARM_EINVAL, "full|normal"},
    {"sqlite::memory:?colour=red", FARM_EINVAL, "colour"},
    {"sqlite::memory:?durability", FARM_EINVAL, "without a value"},
    {"sqlite::memory:?clock=%zz", FARM_EINVAL, "percent"},
    {"sqlite::memory:?schema=Robert'); DROP", FARM_EINVAL, "schema"},
    {"sqlite::memory:?rate_uri=nonsense", FARM_EINVAL, "scheme"},
    {"sqlite::memory:?rate_uri=sqlite%3Aa.db&rate_uri=sqlite%3Ab.db", FARM_EINVAL, "twice"},
    {"sqlite::memory:?durability=full&durability=full", FARM_EINVAL, "durability twice"},
    {"sqlite:/no/such/folder/shop.db", FARM_EUNAVAILABLE, ""},
    {"postgresql://farm_app:" SECRET "@127.0.0.1:1/farm", FARM_EUNAVAILABLE, ""},
    {"postgresql://farm_app:" SECRET "@127.0.0.1:1/farm?port=" SECRET, FARM_EINVAL, ""},
    {"postgresql://farm_app:" SECRET "@127.0.0.1:1/farm?prepare=never", FARM_EINVAL, "auto|on|off"},
};

static farm_session *new_session(void) {
    farm_session *session = NULL;
    cr_assert_eq(farm_session_new(&session), FARM_OK);
    return session;
}

static void check_refused(const char *uri, farm_status status, const char *text) {
    farm_session *session = new_session();
    farm_session_options options = {.struct_size = sizeof options, .timeout_us = 5000000};
    cr_assert_eq(farm_session_open(session, uri, &options), status, "%s: %s", uri,
                 farm_session_error_text(session));
    const char *said = farm_session_error_text(session);
    cr_assert_not_null(strstr(said, text), "%s: %s", uri, said);
    cr_assert_gt(strlen(said), 0, "%s", uri);
    cr_assert_null(strstr(said, SECRET), "the password is shown: %s", said);
    cr_assert_null(strchr(said, '\n'), "%s", said);
    cr_assert_eq(farm_session_open(session, "sqlite::memory:", NULL), FARM_OK,
                 "the session is spoilt by %s", uri);
    farm_session_free(session);
}

Test(opening, what_cannot_be_opened_is_a_sentence_without_secrets) {
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        check_refused(refusals[i].uri, refusals[i].status, refusals[i].text);
}

Test(opening, a_uri_has_its_limit) {
    char uri[6000];
    memset(uri, 'x', sizeof uri);
    memcpy(uri, "sqlite:", 7);
    uri[sizeof uri - 1] = '\0';
    check_refused(uri, FARM_EINVAL, "longer than 4096 bytes");
}

/* A long one takes more than one block of memory. */
Test(opening, a_lack_of_memory_is_not_taken_for_a_wrong_uri) {
    char uri[4000];
    failing_allocator allocator = {.has_failed = 1};
    snprintf(uri, sizeof uri, "sqlite:/no/such/%03500d?durability=full", 0);
    for (int64_t i = 0; allocator.has_failed; i++) {
        farm_session *session = new_session();
        cr_assert_eq(failing_allocator_set(&allocator, i), FARM_OK);
        farm_status status = farm_session_open(session, uri, NULL);
        cr_assert_eq(farm_allocator_set(NULL), FARM_OK);

        cr_assert_eq(status, allocator.has_failed ? FARM_ENOMEM : FARM_EUNAVAILABLE, "%s",
                     farm_session_error_text(session));
        farm_session_free(session);
    }
}

Test(opening, a_wrong_password_is_denied_and_not_shown) {
    const char *given = getenv("FARM_TEST_POSTGRES_PASSWORD_URI");
    if (given == NULL) return;
    char uri[512];
    const char *host = strchr(given, '@');
    snprintf(uri, sizeof uri, "postgresql://farm_password:%s%s", SECRET, host);
    check_refused(uri, FARM_EDENIED, "");
}

Test(opening, a_file_that_is_no_database_is_corrupt_and_left_alone) {
    char path[] = "not-a-database-XXXXXX";
    char uri[64];
    int file = mkstemp(path);
    static const char text[] = "This is a letter to somebody, and not a database at all. ....\n";
    for (int i = 0; i < 100; i++) cr_assert_eq(write(file, text, sizeof text - 1), 62);
    close(file);
    snprintf(uri, sizeof uri, "sqlite:%s", path);

    check_refused(uri, FARM_ECORRUPT, "");

    struct stat facts;
    cr_assert_eq(stat(path, &facts), 0);
    cr_assert_eq(facts.st_size, 6200);
    unlink(path);
}

Test(opening, wrong_options_are_told_apart_from_newer_ones) {
    struct {
        farm_session_options options;
        uint64_t later;
    } newer = {.options = {.struct_size = sizeof newer}, .later = 0};
    farm_session *session = new_session();

    cr_assert_eq(farm_session_open(session, "sqlite::memory:", &newer.options), FARM_OK);
    farm_session_close(session);
    newer.later = 1;
    cr_assert_eq(farm_session_open(session, "sqlite::memory:", &newer.options), FARM_EUNSUPPORTED);
    newer.options.struct_size = 2;
    cr_assert_eq(farm_session_open(session, "sqlite::memory:", &newer.options), FARM_EINVAL);
    const farm_session_options wrong[] = {
        {.struct_size = sizeof *wrong, .try_count = 101},
        {.struct_size = sizeof *wrong, .timeout_us = -2},
        {.struct_size = sizeof *wrong, .actor = ""},
        {.struct_size = sizeof *wrong, .space = "\xc3"},
        {.struct_size = sizeof *wrong,
         .clock = &(const farm_clock){.struct_size = sizeof(farm_clock)}},
        {.struct_size = sizeof *wrong,
         .entropy = &(const farm_entropy){.struct_size = sizeof(farm_entropy)}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(farm_session_open(session, "sqlite::memory:", &wrong[i]), FARM_EINVAL, "%zu",
                     i);
    farm_session_free(session);
}

Test(opening, a_store_without_room_says_so_and_loses_nothing) {
    farm_session *session = contract_open();
    if (!contract_is_postgres()) {
        cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
        cr_assert_eq(contract_execute(session, "PRAGMA max_page_count = 1"), FARM_OK);
        farm_status status = FARM_OK;
        char subject[FARM_KEY_MAX + 1];
        memset(subject, 'x', FARM_KEY_MAX);
        subject[FARM_KEY_MAX] = '\0';

        int64_t granted = 1;
        for (int i = 0; i < 1000 && status == FARM_OK; i++) {
            char number[16];
            snprintf(number, sizeof number, "%07d", i);
            memcpy(subject, number, 7);
            status = farm_role_grant(session, "shop", subject, FARM_ROLE_VIEWER, 0);
            granted += status == FARM_OK;
        }

        cr_assert_eq(status, FARM_EFULL, "%s", farm_session_error_text(session));
        cr_assert_eq(contract_count(session, "farm_role_grant"), granted);
        cr_assert_eq(contract_execute(session, "PRAGMA max_page_count = 100000"), FARM_OK);
        cr_assert_eq(farm_role_grant(session, "shop", subject, FARM_ROLE_VIEWER, 0), FARM_OK);
    }
    contract_close(session);
}

Test(opening, a_server_that_goes_away_is_met_again) {
    farm_session *session = contract_open();
    if (contract_is_postgres()) {
        farm_status status =
            contract_execute(session, "SELECT pg_terminate_backend(pg_backend_pid())");
        cr_assert(status == FARM_EUNAVAILABLE || status == FARM_EUNCERTAIN, "%s: %s",
                  farm_status_name(status), farm_session_error_text(session));

        cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK, "%s",
                     farm_session_error_text(session));

        cr_assert_eq(farm_begin(session), FARM_OK);
        cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_OK);
        contract_execute(session, "SELECT pg_terminate_backend(pg_backend_pid())");
        cr_assert_eq(farm_role_grant(session, "shop", "eve", FARM_ROLE_VIEWER, 0), FARM_EINVAL);
        cr_assert_eq(farm_commit(session), FARM_EINVAL);
        cr_assert_eq(contract_count(session, "farm_role_grant"), 1);
    }
    contract_close(session);
}

Test(opening, a_call_ends_when_its_time_is_over_and_the_session_goes_on) {
    farm_session *session = contract_open();
    if (contract_is_postgres()) {
        cr_assert_eq(farm_session_set_timeout_us(session, 200000), FARM_OK);
        cr_assert_eq(contract_execute(session, "SELECT pg_sleep(30)"), FARM_ETIMEOUT, "%s",
                     farm_session_error_text(session));
        cr_assert_eq(farm_session_set_timeout_us(session, 0), FARM_OK);
        cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK, "%s",
                     farm_session_error_text(session));
    }
    cr_assert_eq(farm_session_set_timeout_us(session, -2), FARM_EINVAL);
    contract_close(session);
}

Test(opening, health_of_a_store_that_does_not_answer_is_told_as_json) {
    farm_session *session = new_session();
    char *text = NULL;
    cr_assert_not_null(decorator_register(&decorator_fault, "sqlite"));
    cr_assert_eq(farm_session_open(session, "fault+sqlite::memory:", NULL), FARM_OK);
    decorator_fault_set(1, FARM_EUNAVAILABLE, DECORATOR_FAULT_BEFORE);

    cr_assert_eq(farm_health(session, 0, &text), FARM_OK);

    cr_assert_not_null(strstr(text, "\"ok\":false"), "%s", text);
    cr_assert_not_null(strstr(text, "\"status\":\"FARM_EUNAVAILABLE\""), "%s", text);
    farm_free(text);
    cr_assert_eq(farm_health(session, 0, &text), FARM_OK);
    cr_assert_not_null(strstr(text, "older than the library's"), "%s", text);
    farm_free(text);
    cr_assert_eq(farm_migrate(session), FARM_OK);
    cr_assert_eq(farm_health(session, 1, &text), FARM_OK);
    cr_assert_not_null(strstr(text, "slower than the gate"), "%s", text);
    farm_free(text);
    farm_session_free(session);
}

static atomic_int is_over;

static void *interrupt_until_over(void *session) {
    while (!atomic_load(&is_over)) {
        farm_session_interrupt(session);
        clock_sleep_us(1000);
    }
    return NULL;
}

/* In a transaction: the outcome of a call that commits could be in doubt. */
Test(opening, an_interrupted_call_ends_and_the_session_goes_on, .timeout = 60) {
    farm_session *session = contract_open();
    pthread_t thread;
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(pthread_create(&thread, NULL, interrupt_until_over, session), 0);

    farm_status status = contract_execute(
        session, contract_is_postgres()
                     ? "SELECT pg_sleep(120)"
                     : "WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number "
                       "WHERE i < 1000000000) SELECT MAX(i) FROM number");
    atomic_store(&is_over, 1);
    pthread_join(thread, NULL);

    cr_assert_eq(status, FARM_ETIMEOUT, "%s", farm_session_error_text(session));
    farm_rollback(session);
    cr_assert_eq(contract_number(session, "SELECT 1"), 1);
    contract_close(session);
}

/* It waits for its turn on the store of the rate limits. */
Test(opening, an_interrupt_reaches_the_store_of_the_rate_limits, .timeout = 60) {
    const farm_rate_limit limit = {.struct_size = sizeof limit,
                                   .name = "user",
                                   .scope = FARM_RATE_SCOPE_USER,
                                   .count = 5,
                                   .period_us = 1000000};
    const farm_rate_request item = {
        .struct_size = sizeof item, .limit = "user", .subject = "ann", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    char path[] = "limits-XXXXXX";
    char uri[80];
    farm_session *session = new_session();
    farm_session *holder = new_session();
    close(mkstemp(path));
    snprintf(uri, sizeof uri, "sqlite::memory:?rate_uri=sqlite%%3A%s", path);
    cr_assert_eq(farm_session_open(session, uri, NULL), FARM_OK);
    cr_assert_eq(farm_session_set_service(session), FARM_OK);
    cr_assert_eq(farm_migrate(session), FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK);
    snprintf(uri, sizeof uri, "sqlite:%s", path);
    cr_assert_eq(farm_session_open(holder, uri, NULL), FARM_OK);
    cr_assert_eq(farm_begin(holder), FARM_OK, "%s", farm_session_error_text(holder));
    pthread_t thread;
    cr_assert_eq(farm_session_set_timeout_us(session, 10000000), FARM_OK);
    cr_assert_eq(pthread_create(&thread, NULL, interrupt_until_over, session), 0);

    farm_status status = farm_rate_take(session, &item, 1, &state, &decision);
    atomic_store(&is_over, 1);
    pthread_join(thread, NULL);

    cr_assert_eq(status, FARM_ETIMEOUT, "%s", farm_session_error_text(session));
    farm_session_free(holder);
    farm_session_free(session);
    store_file_remove(path);
}

static farm_status refuse_adopting(farm_store *store, void *native, farm_connection **out,
                                   farm_fault *fault) {
    (void)store, (void)native, (void)out, (void)fault;
    abort();
}

static void refuse_interrupt(farm_connection *connection) {
    (void)connection;
    abort();
}

static farm_status refuse_abandoning(farm_connection *connection, farm_fault *fault) {
    (void)connection, (void)fault;
    abort();
}

/* What stands behind the size that a table tells is not its own. */
Test(opening, a_backend_of_an_older_header_lacks_what_is_optional) {
    static farm_backend older;
    farm_session *session = new_session();
    older = *farm_backend_find("sqlite");
    older.struct_size = offsetof(farm_backend, adopt);
    older.scheme = "older";
    older.adopt = refuse_adopting;
    older.interrupt = refuse_interrupt;
    older.abandon = refuse_abandoning;
    cr_assert_eq(farm_backend_register(&older), FARM_OK);

    cr_assert_eq(farm_session_adopt(session, &older, session, "older:", NULL), FARM_EUNSUPPORTED);
    cr_assert_eq(farm_session_open(session, "older::memory:", NULL), FARM_OK);
    cr_assert_eq(farm_session_set_service(session), FARM_OK);
    cr_assert_eq(farm_migrate(session), FARM_OK);
    farm_session_interrupt(session);

    cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_ENOTFOUND);
    farm_session_free(session);
}

Test(opening, an_interrupt_of_nothing_disturbs_nothing) {
    farm_session *session = contract_open();

    farm_session_interrupt(session);
    farm_session_interrupt(NULL);

    cr_assert_eq(contract_number(session, "SELECT 1"), 1);
    contract_close(session);
}

Test(opening, a_store_that_takes_no_writes_says_so_and_still_answers) {
    farm_session *session = contract_open();
    if (!contract_is_postgres()) {
        cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
        cr_assert_eq(contract_execute(session, "PRAGMA query_only = ON"), FARM_OK);

        cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_EREADONLY,
                     "%s", farm_session_error_text(session));
        cr_assert_eq(contract_count(session, "farm_role_grant"), 1);

        cr_assert_eq(contract_execute(session, "PRAGMA query_only = OFF"), FARM_OK);
        cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_OK);
    }
    contract_close(session);
}

/* Behind a pooler a setting of the session would be somebody else's next. tests/fault/servers.py
 * does the same with a standby. */
Test(opening, a_server_that_takes_no_writes_says_so_and_another_is_looked_for) {
    farm_session *session = contract_open();
    const char *direct = getenv("FARM_TEST_POSTGRES");
    if (direct != NULL && strcmp(getenv("FARM_TEST_URI"), direct) == 0) {
        cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
        cr_assert_eq(contract_execute(session, "SET default_transaction_read_only = on"), FARM_OK);

        cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_EREADONLY,
                     "%s", farm_session_error_text(session));

        /* On a connection of its own, which that setting does not concern. */
        cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_OK);
        cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_role_grant}"), 2);
    }
    contract_close(session);
}
