/* Operations that call others, as a module may: what the inner one leaves of the outer one. And one
 * that is run again. */
#include "backend/decorators.h"
#include "roles_sql.h"
#include "store/run.h"
#include "suite.h"
#include <criterion/criterion.h>
#include <farmcore/postgres.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

TestSuite(run, .init = open_session, .fini = close_session, .timeout = 60);

static farm_status grant_viewer(farm_session *given, const char *subject) {
    store_batch batch;
    store_batch_init(&batch, given);
    roles_grant_put(&batch, &(roles_grant_put_params){.entity = value_text_of("shop"),
                                                      .subject = value_text_of(subject),
                                                      .role = FARM_ROLE_VIEWER,
                                                      .granted_by = value_text_of("")});
    return store_run(given, &batch);
}

/* A grant, an operation that fails before anything is sent, and another grant. */
static farm_status go_on_after_a_failure(farm_session *given, void *context) {
    const farm_value large = {.type = FARM_BLOB, .data = "", .size = (size_t)1 << 30};
    const char *text =
        contract_is_postgres() ? "SELECT octet_length($1::bytea)" : "SELECT length(?1)";
    (void)context;
    farm_status status = grant_viewer(given, "bob");
    if (status != FARM_OK) return status;
    status = farm_session_execute(given, text, &large, 1, NULL);
    return status == FARM_EINVAL ? grant_viewer(given, "cid") : FARM_EINTERNAL;
}

Test(run, an_inner_operation_that_fails_at_once_takes_nothing_of_the_outer_one_back) {
    cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
    cr_assert_eq(farm_begin(session), FARM_OK);

    cr_assert_eq(store_operate(session, STORE_SERVICE, go_on_after_a_failure, NULL), FARM_OK, "%s",
                 farm_session_error_text(session));

    cr_assert_eq(farm_commit(session), FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_eq(contract_count(session, "farm_role_grant"), 3);
}

/* As the service, though the inner one gives the host's connection its actor back. */
static farm_status go_on_as_the_service(farm_session *given, void *context) {
    (void)context;
    farm_status status = grant_viewer(given, "bob");
    if (status == FARM_OK) status = farm_role_grant(given, "shop", "cid", FARM_ROLE_VIEWER, 0);
    return status == FARM_OK ? grant_viewer(given, "dan") : status;
}

Test(run, an_outer_operation_goes_on_as_who_it_was_on_the_hosts_connection) {
    if (!contract_is_postgres()) return;
    char uri[1024];
    char settings[80];
    snprintf(uri, sizeof uri, "%s", contract_uri());
    char *query = strchr(uri, '?');
    snprintf(settings, sizeof settings, "postgresql:%s", query);
    *query = '\0';
    PGconn *host = PQconnectdb(uri);
    farm_session *adopted = NULL;
    cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
    cr_assert_eq(farm_session_new(&adopted), FARM_OK);
    cr_assert_eq(farm_session_open_postgres(adopted, host, settings, NULL), FARM_OK);
    cr_assert_eq(farm_session_set_actor(adopted, "ana"), FARM_OK);
    PQclear(PQexec(host, "BEGIN"));

    farm_status status = store_operate(adopted, STORE_SERVICE, go_on_as_the_service, NULL);

    cr_assert_eq(status, FARM_OK, "%s", farm_session_error_text(adopted));
    PGresult *result = PQexec(host, "SELECT current_setting('farm.actor', true)");
    cr_assert_str_eq(PQgetvalue(result, 0, 0), "uana");
    PQclear(result);
    PQclear(PQexec(host, "COMMIT"));
    cr_assert_eq(contract_count(session, "farm_role_grant"), 4);
    farm_session_free(adopted);
    PQfinish(host);
}

/* The rows had been handed over when the answer was lost. */
Test(run, what_a_check_finds_is_counted_once_though_it_is_run_again) {
    farm_session *own = NULL;
    char *text = NULL;
    cr_assert_not_null(decorator_register(&decorator_fault, "sqlite"));
    cr_assert_eq(farm_session_new(&own), FARM_OK);
    cr_assert_eq(farm_session_open(own, "fault+sqlite::memory:", NULL), FARM_OK);
    cr_assert_eq(farm_session_set_service(own), FARM_OK);
    cr_assert_eq(farm_migrate(own), FARM_OK);
    cr_assert_eq(farm_role_found(own, "shop", "ana"), FARM_OK);
    cr_assert_eq(contract_execute(own, "UPDATE farm_role_entity SET owner_count = 2"), FARM_OK);

    for (uint64_t i = 1; i == 1 || decorator_fault_has_fired(); i++) {
        decorator_fault_set(i, FARM_EAGAIN, DECORATOR_FAULT_AFTER);
        cr_assert_eq(farm_verify(own, &text), FARM_OK, "%s", farm_session_error_text(own));
        const char *first = strstr(text, "\"subject\":\"shop\"");
        cr_assert_not_null(first, "%s", text);
        cr_assert_null(strstr(first + 1, "\"subject\":\"shop\""), "%s", text);
        cr_assert_not_null(strstr(first, "\"violations\":1"), "%s", text);
        farm_free(text);
    }
    farm_session_free(own);
}
