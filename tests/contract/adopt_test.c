/* A session on the host's own connection: its transaction and ours are one. */
#include "contract.h"
#include <criterion/criterion.h>
#include <farmcore/postgres.h>
#include <farmcore/sqlite.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <string.h>

/* The host's handle, whichever it is. */
typedef struct adopted {
    sqlite3 *sqlite;
    PGconn *postgres;
    farm_session *contract; /* keeps the store while the test runs */
    farm_session *session;  /* on the host's handle */
} adopted;

static void run(adopted *host, const char *format, const char *name) {
    char text[256];
    snprintf(text, sizeof text, format, name);
    if (host->sqlite != NULL) {
        cr_assert_eq(sqlite3_exec(host->sqlite, text, NULL, NULL, NULL), SQLITE_OK, "%s: %s", text,
                     sqlite3_errmsg(host->sqlite));
        return;
    }
    PGresult *result = PQexec(host->postgres, text);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", text,
                 PQerrorMessage(host->postgres));
    PQclear(result);
}

static void begin(adopted *host) {
    run(host, "BEGIN", "");
}
static void commit(adopted *host) {
    run(host, "COMMIT", "");
}
static void roll_back(adopted *host) {
    run(host, "ROLLBACK", "");
}
static void insert(adopted *host) {
    run(host, "INSERT INTO %s VALUES ('a')", contract_host_table());
}

static void open_postgres(adopted *host) {
    char uri[1024];
    char settings[80];
    snprintf(uri, sizeof uri, "%s", contract_uri());
    char *query = strchr(uri, '?');
    snprintf(settings, sizeof settings, "postgresql:%s", query);
    *query = '\0';
    host->postgres = PQconnectdb(uri);
    cr_assert_eq(PQstatus(host->postgres), CONNECTION_OK);
    cr_assert_eq(farm_session_open_postgres(host->session, host->postgres, settings, NULL), FARM_OK,
                 "%s", farm_session_error_text(host->session));
}

static void open_sqlite(adopted *host) {
    const char *path = contract_uri() + strlen("sqlite:");
    cr_assert_eq(sqlite3_open(path, &host->sqlite), SQLITE_OK);
    run(host, "PRAGMA foreign_keys = ON", "");
    sqlite3_busy_timeout(host->sqlite, 10000);
    cr_assert_eq(farm_session_open_sqlite(host->session, host->sqlite, NULL), FARM_OK, "%s",
                 farm_session_error_text(host->session));
    cr_assert_eq(farm_migrate(host->session), FARM_OK, "%s",
                 farm_session_error_text(host->session));
}

static adopted open_host(void) {
    adopted host = {0};
    host.contract = contract_open();
    cr_assert_eq(farm_session_new(&host.session), FARM_OK);
    if (contract_is_postgres())
        open_postgres(&host);
    else
        open_sqlite(&host);
    if (contract_is_memory()) run(&host, "CREATE TABLE host (name TEXT)", "");
    cr_assert_eq(farm_session_set_service(host.session), FARM_OK);
    return host;
}

static void close_host(adopted *host) {
    farm_session_free(host->session);
    if (host->sqlite != NULL) cr_assert_eq(sqlite3_close(host->sqlite), SQLITE_OK);
    if (host->postgres != NULL) PQfinish(host->postgres);
    contract_close(host->contract);
}

static int64_t grants(adopted *host) {
    return contract_count(host->session, "farm_role_grant");
}

Test(adopt, the_hosts_row_and_ours_commit_together) {
    adopted host = open_host();
    begin(&host);
    insert(&host);
    cr_assert_eq(farm_role_found(host.session, "shop", "ana"), FARM_OK, "%s",
                 farm_session_error_text(host.session));

    commit(&host);

    cr_assert_eq(contract_host_count(host.session), 1);
    cr_assert_eq(grants(&host), 1);
    close_host(&host);
}

Test(adopt, the_hosts_row_and_ours_vanish_together) {
    adopted host = open_host();
    begin(&host);
    insert(&host);
    cr_assert_eq(farm_role_found(host.session, "shop", "ana"), FARM_OK);

    roll_back(&host);

    cr_assert_eq(contract_host_count(host.session), 0);
    cr_assert_eq(grants(&host), 0);
    close_host(&host);
}

Test(adopt, an_operation_that_fails_leaves_the_hosts_transaction_whole) {
    adopted host = open_host();
    begin(&host);
    insert(&host);
    cr_assert_eq(farm_role_found(host.session, "shop", "ana"), FARM_OK);

    cr_assert_eq(farm_role_revoke(host.session, "shop", "ana", FARM_ROLE_OWNER), FARM_EREFUSED);
    commit(&host);

    cr_assert_eq(contract_host_count(host.session), 1);
    cr_assert_eq(grants(&host), 1);
    close_host(&host);
}

Test(adopt, outside_a_transaction_every_operation_is_one_of_its_own) {
    adopted host = open_host();

    cr_assert_eq(farm_role_found(host.session, "shop", "ana"), FARM_OK);

    cr_assert_eq(grants(&host), 1);
    cr_assert_eq(farm_begin(host.session), FARM_OK);
    cr_assert_eq(farm_role_grant(host.session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_OK);
    farm_rollback(host.session);
    cr_assert_eq(grants(&host), 1);
    begin(&host);
    cr_assert_eq(farm_begin(host.session), FARM_EINVAL);
    cr_assert_str_eq(farm_session_error_text(host.session),
                     "the host has a transaction open already");
    roll_back(&host);
    close_host(&host);
}

Test(adopt, the_callers_actor_is_back_when_an_operation_acted_as_the_service) {
    adopted host = open_host();
    if (contract_is_postgres()) {
        cr_assert_eq(farm_role_found(host.session, "shop", "ana"), FARM_OK);
        cr_assert_eq(farm_session_set_actor(host.session, "ana"), FARM_OK);
        begin(&host);

        cr_assert_eq(farm_role_grant(host.session, "shop", "bob", FARM_ROLE_VIEWER, 0), FARM_OK);

        PGresult *result = PQexec(host.postgres, "SELECT current_setting('farm.actor', true)");
        cr_assert_str_eq(PQgetvalue(result, 0, 0), "uana");
        PQclear(result);
        roll_back(&host);
    }
    close_host(&host);
}

Test(adopt, a_handle_without_foreign_keys_is_refused) {
    sqlite3 *handle = NULL;
    farm_session *session = NULL;
    cr_assert_eq(sqlite3_open(":memory:", &handle), SQLITE_OK);
    cr_assert_eq(farm_session_new(&session), FARM_OK);

    cr_assert_eq(farm_session_open_sqlite(session, handle, NULL), FARM_EUNSUPPORTED);
    cr_assert_eq(farm_session_open_sqlite(session, NULL, NULL), FARM_EINVAL);

    cr_assert_gt(strlen(farm_session_error_text(session)), 0);
    farm_session_free(session);
    cr_assert_eq(sqlite3_close(handle), SQLITE_OK);
}
