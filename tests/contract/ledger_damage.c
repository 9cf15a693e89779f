/* The triggers go, the damage is done, and they come back. */
#include "contract/ledger_damage.h"
#include "contract/contract.h"
#include "support/test_store.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { TRIGGER_MAX = 60, TEXT_SIZE = 4096 };

static const char *const tables[] = {
    "farm_ledger_group",        "farm_ledger_member",   "farm_ledger_account",
    "farm_ledger_event",        "farm_ledger_balance",  "farm_ledger_hold",
    "farm_ledger_unsealed",     "farm_ledger_sequence", "farm_ledger_seal",
    "farm_ledger_total",        "farm_ledger_series",   "farm_ledger_invoice",
    "farm_ledger_invoice_line", "farm_ledger_program",  "farm_ledger_nomination"};

static void run(farm_session *owner, const char *text) {
    cr_assert_eq(test_store_execute(owner, text, NULL), FARM_OK, "%s: %s", text,
                 farm_session_error_text(owner));
}

static void damage_postgres(const char *text) {
    char statement[200];
    farm_session *owner = test_store_open_owner();
    for (int is_after = 0; is_after < 2; is_after++) {
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
            snprintf(statement, sizeof statement, "ALTER TABLE {%s} %s TRIGGER USER", tables[i],
                     is_after ? "ENABLE" : "DISABLE");
            run(owner, statement);
        }
        if (!is_after) run(owner, text);
    }
    farm_session_free(owner);
}

/* SQLite cannot disable triggers: they go, and come back. */
static void damage_sqlite(farm_session *session, const char *text) {
    char statement[200];
    static char triggers[TRIGGER_MAX][TEXT_SIZE];
    farm_rows *found = NULL;
    cr_assert_eq(test_store_execute(session,
                                    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' "
                                    "AND tbl_name LIKE 'farm_ledger_%'",
                                    &found),
                 FARM_OK);
    const size_t count = farm_rows_count(found);
    cr_assert(count > 0 && count <= TRIGGER_MAX);
    for (size_t i = 0; i < count; i++) {
        const farm_value *name = farm_rows_value(found, i, 0);
        const farm_value *made = farm_rows_value(found, i, 1);
        snprintf(triggers[i], TEXT_SIZE, "%.*s", (int)made->size, (const char *)made->data);
        snprintf(statement, sizeof statement, "DROP TRIGGER %.*s", (int)name->size,
                 (const char *)name->data);
        run(session, statement);
    }
    farm_rows_free(found);
    run(session, text);
    for (size_t i = 0; i < count; i++) run(session, triggers[i]);
}

static const char *with_names(const char *text) {
    static char out[TEXT_SIZE];
    const char *literal = contract_is_postgres() ? "'\\x" : "x'";
    size_t size = 0;
    for (; *text != '\0'; text++) {
        const char digit = *text == '@' || *text == '#' ? *++text : '\0';
        if (digit == '\0') {
            out[size++] = *text;
            continue;
        }
        const int is_account = text[-1] == '@';
        size += (size_t)snprintf(
            out + size, sizeof out - size,
            is_account ? "(SELECT number FROM {farm_ledger_account} WHERE id = %s%s000%c')"
                       : "%s%s000%c'",
            literal, is_account ? "4100000000000000000000000000" : "5400000000000000000000000000",
            digit);
    }
    out[size] = '\0';
    return out;
}

void ledger_damage(farm_session *session, const char *text) {
    if (contract_is_postgres())
        damage_postgres(with_names(text));
    else
        damage_sqlite(session, with_names(text));
}

void ledger_expect_violation(farm_session *session, const char *check) {
    char *text = NULL;
    char found[100];
    cr_assert_eq(farm_verify(session, &text), FARM_OK, "%s", farm_session_error_text(session));
    snprintf(found, sizeof found, "\"%s\",\"found\"", check);
    cr_assert_not_null(strstr(text, found), "%s: %s", check, text);
    farm_free(text);
}
