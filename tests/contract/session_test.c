/* The session on every store: its transaction, the host's own rows in it, actor, clock, limits of
 * use, health, verification, housekeeping. */
#include "suite.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(session, .init = open_session, .fini = close_session, .timeout = 60);

static farm_status add_host_row(void) {
    return contract_execute(session, "INSERT INTO %s VALUES ('a')", contract_host_table());
}

static int64_t grant_count(void) {
    return contract_count(session, "farm_role_grant");
}

Test(session, a_host_row_and_ours_commit_together) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(add_host_row(), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);

    cr_assert_eq(farm_commit(session), FARM_OK);

    cr_assert_eq(contract_host_count(session), 1);
    cr_assert_eq(grant_count(), 1);
}

Test(session, a_host_row_and_ours_vanish_together) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(add_host_row(), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);

    farm_rollback(session);

    cr_assert_eq(contract_host_count(session), 0);
    cr_assert_eq(grant_count(), 0);
}

Test(session, an_operation_that_fails_inside_undoes_itself_alone) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "ana"), FARM_OK);
    cr_assert_eq(add_host_row(), FARM_OK);

    cr_assert_eq(add_host_row(), FARM_EEXISTS);
    cr_assert_eq(farm_role_revoke(session, "shop", "ana", FARM_ROLE_OWNER), FARM_EREFUSED);

    cr_assert_eq(farm_commit(session), FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_eq(contract_host_count(session), 1);
    cr_assert_eq(grant_count(), 1);
}

/* Postgres refuses it before it has set a savepoint, SQLite after. */
Test(session, a_value_too_large_to_be_sent_costs_the_transaction_nothing) {
    const farm_value large = {.type = FARM_BLOB, .data = "", .size = (size_t)1 << 30};
    const char *text =
        contract_is_postgres() ? "SELECT octet_length($1::bytea)" : "SELECT length(?1)";
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_session_execute(session, text, &large, 1, NULL), FARM_EINVAL);
    cr_assert_eq(add_host_row(), FARM_OK, "%s", farm_session_error_text(session));

    cr_assert_eq(farm_session_execute(session, text, &large, 1, NULL), FARM_EINVAL);

    cr_assert_eq(farm_commit(session), FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_eq(contract_host_count(session), 1);
}

Test(session, misuse_of_transactions_is_said) {
    cr_assert_eq(farm_commit(session), FARM_EINVAL);
    cr_assert_str_eq(farm_session_error_text(session), "no transaction is open");
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_begin(session), FARM_EINVAL);
    cr_assert_str_eq(farm_session_error_text(session), "a transaction is open already");
    cr_assert_eq(farm_migrate(session), FARM_EINVAL);

    farm_rollback(session);
    farm_rollback(session);

    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_commit(session), FARM_OK);
}

Test(session, values_of_every_kind_come_back_from_the_hosts_statement) {
    const char *text = contract_is_postgres()
                           ? "SELECT $1::bigint, $2::text, $3::bytea, $4::text, $5::bigint"
                           : "SELECT ?1, ?2, ?3, ?4, ?5";
    const farm_value items[] = {
        {.type = FARM_INTEGER, .integer = INT64_MIN},
        {.type = FARM_TEXT, .data = "\xc3\xa9", .size = 2},
        {.type = FARM_BLOB, .data = "\0\xff", .size = 2},
        {.type = FARM_TEXT, .data = "", .size = 0},
        {.type = FARM_NULL},
    };
    farm_rows *rows = NULL;

    cr_assert_eq(farm_session_execute(session, text, items, 5, &rows), FARM_OK, "%s",
                 farm_session_error_text(session));

    cr_assert_eq(farm_rows_count(rows), 1);
    cr_assert_eq(farm_rows_column_count(rows), 5);
    cr_assert_eq(farm_rows_value(rows, 0, 0)->integer, INT64_MIN);
    cr_assert_eq(farm_rows_value(rows, 0, 1)->type, FARM_TEXT);
    cr_assert_arr_eq(farm_rows_value(rows, 0, 1)->data, "\xc3\xa9", 2);
    cr_assert_eq(farm_rows_value(rows, 0, 2)->type, FARM_BLOB);
    cr_assert_arr_eq(farm_rows_value(rows, 0, 2)->data, "\0\xff", 2);
    cr_assert_eq(farm_rows_value(rows, 0, 3)->type, FARM_TEXT);
    cr_assert_eq(farm_rows_value(rows, 0, 3)->size, 0);
    cr_assert_eq(farm_rows_value(rows, 0, 4)->type, FARM_NULL);
    cr_assert_null(farm_rows_value(rows, 0, 5));
    cr_assert_null(farm_rows_value(rows, 1, 0));
    farm_rows_free(rows);
}

Test(session, a_wrong_statement_of_the_host_is_a_sentence) {
    cr_assert_eq(contract_execute(session, "SELEC 1"), FARM_EINVAL);
    cr_assert_gt(strlen(farm_session_error_text(session)), 0);
    cr_assert_null(strchr(farm_session_error_text(session), '\n'));
    cr_assert_eq(contract_execute(session, contract_is_postgres() ? "SELECT $1::int" : "SELECT x"),
                 FARM_EINVAL, "%s", farm_session_error_text(session));
    cr_assert_eq(farm_session_execute(session, NULL, NULL, 0, NULL), FARM_EINVAL);
    cr_assert_eq(farm_session_execute(session, "SELECT 1", NULL, 1, NULL), FARM_EINVAL);
    cr_assert_eq(contract_number(session, "SELECT 1"), 1);
}

Test(session, an_actor_must_be_a_key) {
    cr_assert_eq(farm_session_set_actor(session, contract_too_long), FARM_EINVAL);
    cr_assert_str_eq(farm_session_error_text(session), "the actor is longer than 255 bytes");
    cr_assert_eq(farm_session_set_actor(session, contract_longest), FARM_OK);
    cr_assert_eq(farm_session_set_actor(session, ""), FARM_EINVAL);
    cr_assert_eq(farm_session_set_actor(session, "\xff"), FARM_EINVAL);
    cr_assert_eq(farm_session_set_actor(session, NULL), FARM_OK);

    cr_assert_eq(farm_role_check(session, "shop", FARM_ROLE_READ), FARM_EDENIED);
}

Test(session, a_frozen_clock_stands_and_has_bounds) {
    cr_assert_eq(farm_session_now_us(session), CONTRACT_NOW_US);
    cr_assert_eq(farm_session_set_clock_us(session, -2), FARM_EINVAL);
    cr_assert_eq(farm_session_set_clock_us(session, INT64_MAX), FARM_EINVAL);
    cr_assert_eq(farm_session_now_us(session), CONTRACT_NOW_US);
    cr_assert_eq(farm_session_set_clock_us(session, -1), FARM_OK);
    cr_assert_gt(farm_session_now_us(session), CONTRACT_NOW_US);
}

typedef struct intrusion {
    farm_status status;
} intrusion;

static void *intrude(void *context) {
    ((intrusion *)context)->status = farm_session_set_actor(session, "eve");
    return NULL;
}

static int64_t intruding_clock(void *context) {
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, intrude, context), 0);
    pthread_join(thread, NULL);
    return CONTRACT_NOW_US * 1000;
}

static int64_t still_clock(void *context) {
    (void)context;
    return 0;
}

Test(session, a_second_thread_is_turned_away_while_a_call_runs) {
    intrusion attempt = {FARM_OK};
    farm_clock clock = {.struct_size = sizeof clock,
                        .real_ns = intruding_clock,
                        .monotonic_ns = still_clock,
                        .context = &attempt};
    farm_session_options options = {.struct_size = sizeof options, .clock = &clock};
    farm_session *guarded = NULL;
    cr_assert_eq(farm_session_new(&guarded), FARM_OK);
    farm_session *other = session;
    session = guarded;

    cr_assert_eq(farm_session_open(guarded, "sqlite::memory:", &options), FARM_OK);
    cr_assert_eq(farm_migrate(guarded), FARM_OK, "%s", farm_session_error_text(guarded));

    cr_assert_eq(attempt.status, FARM_EINVAL);
    farm_session_free(guarded);
    session = other;
}

Test(session, a_child_process_is_turned_away_and_the_parent_goes_on) {
    pid_t child = fork();
    if (child == 0) {
        int is_refused = farm_begin(session) == FARM_EINVAL &&
                         strstr(farm_session_error_text(session), "forked") != NULL;
        _exit(is_refused ? 0 : 1);
    }
    int outcome = -1;
    waitpid(child, &outcome, 0);

    cr_assert_eq(outcome, 0);
    cr_assert_eq(contract_number(session, "SELECT 1"), 1);
}

Test(session, what_is_closed_or_null_says_so) {
    farm_session *closed = NULL;
    cr_assert_eq(farm_session_new(&closed), FARM_OK);
    cr_assert_eq(farm_begin(closed), FARM_EINVAL);
    cr_assert_str_eq(farm_session_error_text(closed), "the session is not open");
    cr_assert_eq(farm_session_open(closed, "sqlite::memory:", NULL), FARM_OK);
    cr_assert_eq(farm_session_open(closed, "sqlite::memory:", NULL), FARM_EINVAL);

    farm_session_close(closed);
    farm_session_close(closed);

    cr_assert_eq(farm_role_check(closed, "shop", FARM_ROLE_READ), FARM_EINVAL);
    cr_assert_eq(farm_begin(NULL), FARM_EINVAL);
    cr_assert_eq(farm_session_error(NULL)->status, FARM_EINVAL);
    farm_session_free(closed);
    farm_session_free(NULL);
}

Test(session, health_tells_backend_and_schema) {
    char *text = NULL;
    cr_assert_eq(farm_health(session, 60 * 1000000, &text), FARM_OK);
    cr_assert_not_null(strstr(text, "\"ok\":true"), "%s", text);
    cr_assert_not_null(strstr(text, contract_is_postgres() ? "postgresql" : "sqlite"));
    farm_free(text);
    cr_assert_eq(farm_health(session, 0, NULL), FARM_EINVAL);
}

Test(session, verification_is_the_services_and_finds_nothing_in_a_sound_store) {
    char *text = NULL;
    contract_assert_sound(session);
    cr_assert_eq(farm_session_set_actor(session, "ana"), FARM_OK);
    cr_assert_eq(farm_verify(session, &text), FARM_EDENIED);
    cr_assert_eq(farm_maintain(session, 10, NULL), FARM_EDENIED);
}

Test(session, housekeeping_is_bounded) {
    farm_maintenance done = {.struct_size = sizeof done};
    cr_assert_eq(farm_maintain(session, 1, &done), FARM_OK, "%s", farm_session_error_text(session));
    cr_assert_eq(done.is_done, 1);
    cr_assert_eq(done.removed_count, 0);
    cr_assert_eq(farm_maintain(session, 0, &done), FARM_EINVAL);
    cr_assert_eq(farm_maintain(session, 100001, &done), FARM_EINVAL);
}

Test(session, migrating_again_changes_nothing) {
    if (contract_is_postgres()) return; /* the application's role does not own the tables */
    int64_t count = contract_count(session, "farm_schema");
    cr_assert_eq(farm_migrate(session), FARM_OK);
    cr_assert_eq(contract_count(session, "farm_schema"), count);
}
