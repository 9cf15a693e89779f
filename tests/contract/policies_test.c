/* The second line: what the store itself lets an actor see and write when the library's checks are
 * bypassed by SQL of the host's on the same session. Postgres alone has policies; the test over the
 * catalog is tests/sql/test_catalog.py. */
#include "contract.h"
#include "ledger_script.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_group.h>
#include <farmcore/ledger_invoice.h>
#include <farmcore/ledger_owner.h>
#include <farmcore/ledger_program.h>
#include <farmcore/ledger_seal.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_MAX = 64 };

static farm_session *session;
static char tables[TABLE_MAX][64];
static size_t table_count;

static void plant_invoice(void) {
    const farm_ledger_invoice_line line = {.struct_size = sizeof line,
                                           .transfer_id = ledger_script_id("T3")};
    const farm_ledger_invoice item = {.struct_size = sizeof item,
                                      .line_count = 1,
                                      .id = ledger_script_id("I1"),
                                      .account_id = ledger_script_id("A2"),
                                      .book = 1,
                                      .series = "R"};
    farm_ledger_invoice_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_issue_invoices(session, &line, 1, &item, 1, &result), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(result.status, FARM_LEDGER_INVOICE_CREATED);
}

static void plant_nomination(void) {
    const farm_ledger_program program = {
        .struct_size = sizeof program, .id = ledger_script_id("P1"), .book = 1, .name = "p"};
    const farm_ledger_nomination nomination = {.struct_size = sizeof nomination,
                                               .program_id = program.id,
                                               .subject = "b",
                                               .nominated_by = "b"};
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_open_programs(session, &program, 1), FARM_OK);
    cr_assert_eq(farm_ledger_nominate(session, &nomination, 1, &result), FARM_OK);
}

/* A row of B's, and of others who are not A, in every table. */
static void plant_rows_of_others(void) {
    farm_rate_limit limit = {
        .struct_size = sizeof limit, .name = "l", .count = 1, .period_us = 1000000};
    const farm_rate_limit holds = {.struct_size = sizeof holds,
                                   .name = "h",
                                   .count = 1,
                                   .period_us = 1000000,
                                   .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY};
    const farm_rate_override ban = {
        .struct_size = sizeof ban, .rule = FARM_RATE_RULE_BAN, .limit = "l", .subject = "c"};
    const farm_rate_request hold = {
        .struct_size = sizeof hold, .limit = "h", .subject = "b", .cost = 1};
    const farm_rate_request request = {
        .struct_size = sizeof request, .limit = "l", .subject = "b", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    const farm_topic topic = {.struct_size = sizeof topic, .owner = "b", .topic = "t"};
    farm_idempotency *claim = NULL;
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK);
    cr_assert_eq(farm_rate_take(session, &request, 1, &state, &decision), FARM_OK);
    cr_assert_eq(farm_rate_refund(session, &decision.token, &request, 1), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(farm_rate_define(session, &holds, 1), FARM_OK);
    cr_assert_eq(farm_rate_take(session, &hold, 1, &state, &decision), FARM_OK);
    cr_assert_eq(farm_rate_override_put(session, &ban, 1), FARM_OK, "%s",
                 farm_session_error_text(session));
    limit.count = 2;
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK);
    cr_assert_eq(farm_idempotency_begin(session, "b", "k", "o", "", 0, NULL, &claim), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "b"), FARM_OK);
    cr_assert_eq(farm_signal(session, &topic, 1), FARM_OK);
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1 debits<=credits limit=99\n"
                         "account A2 debits<=credits\n"
                         "transfer T1 A1 A2 1 pending\n"
                         "transfer T2 A2 A1 1 -> EXCEEDS_CREDITS\n"
                         "transfer T3 A1 A2 1\n"
                         "transfer T4 A1 A2 1\n");
    const farm_id limited = ledger_script_id("A1");
    cr_assert_eq(farm_ledger_change_credit_limit(session, &limited, 99, 98), FARM_OK);
    plant_invoice();
    farm_ledger_seal seal = {.struct_size = sizeof seal};
    cr_assert_eq(farm_ledger_seal_events(session, 1, 2, &seal), FARM_OK);
    const farm_ledger_owner owner = {.struct_size = sizeof owner, .book = 1, .entity = "shop"};
    cr_assert_eq(farm_ledger_assign_owners(session, &owner, 1), FARM_OK);
    const farm_ledger_group group = {
        .struct_size = sizeof group, .id = ledger_script_id("G1"), .book = 1};
    const farm_ledger_member member = {
        .struct_size = sizeof member, .group_id = group.id, .account_id = limited};
    cr_assert_eq(farm_ledger_open_groups(session, &group, 1), FARM_OK);
    cr_assert_eq(farm_ledger_group_accounts(session, &member, 1), FARM_OK);
    plant_nomination();
    farm_idempotency_free(claim);
}

static void list_tables(void) {
    farm_rows *rows = NULL;
    char text[256];
    const char *schema = strstr(contract_uri(), "schema=") + strlen("schema=");
    snprintf(text, sizeof text,
             "SELECT tablename FROM pg_tables WHERE schemaname = '%s' ORDER BY 1", schema);
    cr_assert_eq(farm_session_execute(session, text, NULL, 0, &rows), FARM_OK);
    for (size_t i = 0; i < farm_rows_count(rows) && i < TABLE_MAX; i++) {
        const farm_value *name = farm_rows_value(rows, i, 0);
        snprintf(tables[table_count++], sizeof tables[0], "%.*s", (int)name->size,
                 (const char *)name->data);
    }
    farm_rows_free(rows);
    cr_assert_gt(table_count, 5);
}

/* What everyone may read: the list of migrations, the table of roles and operations. */
static int is_for_everyone(const char *table) {
    return strcmp(table, "farm_schema") == 0 || strcmp(table, "farm_role_permission") == 0;
}

static int set_up(void) {
    session = contract_open();
    if (!contract_is_postgres()) {
        contract_close(session);
        return 0;
    }
    plant_rows_of_others();
    list_tables();
    return 1;
}

static int64_t count(const char *table) {
    return contract_number(session, "SELECT COUNT(*) FROM {%s}", table);
}

Test(policies, an_actor_sees_and_changes_no_row_of_another_in_any_table) {
    if (!set_up()) return;
    for (size_t i = 0; i < table_count; i++)
        cr_assert_gt(count(tables[i]), 0, "no row was planted in %s", tables[i]);

    static const char *const actors[] = {"a", NULL};
    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < table_count; i++) {
            const char *table = tables[i];
            cr_assert_eq(farm_session_set_actor(session, actors[j]), FARM_OK);
            if (!is_for_everyone(table)) cr_assert_eq(count(table), 0, "%s is seen", table);
            cr_assert_eq(contract_number(session,
                                         "WITH gone AS (DELETE FROM {%s} RETURNING 1) "
                                         "SELECT COUNT(*) FROM gone",
                                         table),
                         0, "%s is deleted from", table);
        }

    cr_assert_eq(farm_session_set_service(session), FARM_OK);
    for (size_t i = 0; i < table_count; i++)
        cr_assert_gt(count(tables[i]), 0, "%s lost its row", tables[i]);
    contract_close(session);
}

Test(policies, an_actor_writes_no_row_in_anothers_name) {
    if (!set_up()) return;
    for (size_t i = 0; i < table_count; i++) {
        const char *table = tables[i];
        cr_assert_eq(farm_session_set_service(session), FARM_OK);
        cr_assert_eq(contract_execute(session, "CREATE TABLE public.copy_%s AS SELECT * FROM {%s}",
                                      table, table),
                     FARM_OK, "%s", farm_session_error_text(session));
        cr_assert_eq(farm_session_set_actor(session, "a"), FARM_OK);

        farm_status status = contract_execute(
            session, "INSERT INTO {%s} SELECT * FROM public.copy_%s", table, table);

        /* A trigger comes before the policy, and does not see the account. */
        const int has_trigger = strcmp(table, "farm_ledger_balance") == 0;
        cr_assert_eq(status, has_trigger ? FARM_EREFUSED : FARM_EDENIED, "%s: %s", table,
                     farm_session_error_text(session));
        cr_assert_eq(contract_execute(session, "DROP TABLE public.copy_%s", table), FARM_OK);
    }
    contract_close(session);
}

Test(policies, an_actor_sees_his_own) {
    if (!set_up()) return;
    cr_assert_eq(farm_session_set_actor(session, "b"), FARM_OK);
    cr_assert_eq(count("farm_idempotency"), 1);
    cr_assert_eq(count("farm_role_grant"), 1);
    cr_assert_eq(count("farm_role_entity"), 1);
    contract_close(session);
}
