/* The host's own statements: when they are run again, and what is said when their rows cannot be
 * kept. */
#include "backend/decorators.h"
#include "suite.h"
#include "unit/failing_allocator.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(execute, .init = open_session, .fini = close_session, .timeout = 60);

/* Each allocation of a statement that writes and answers fails in turn, on a name of its own. */
Test(execute, who_is_told_that_nothing_was_changed_can_believe_it) {
    failing_allocator allocator = {.has_failed = 1};
    for (int64_t i = 0; allocator.has_failed; i++) {
        char text[256];
        farm_rows *rows = NULL;
        const int64_t count = contract_host_count(session);
        snprintf(text, sizeof text, "INSERT INTO %s VALUES ('%lld') RETURNING name",
                 contract_host_table(), (long long)i);

        cr_assert_eq(failing_allocator_set(&allocator, i), FARM_OK);
        farm_status status = farm_session_execute(session, text, NULL, 0, &rows);
        cr_assert_eq(farm_allocator_set(NULL), FARM_OK);

        if (status == FARM_OK) cr_assert_eq(farm_rows_count(rows), 1);
        if (status != FARM_OK) cr_assert_null(rows);
        cr_assert(status == FARM_OK || status == FARM_ENOMEM || status == FARM_EUNCERTAIN, "%s",
                  farm_session_error_text(session));
        if (status != FARM_EUNCERTAIN)
            cr_assert_eq(contract_host_count(session) - count, status == FARM_OK);
        farm_rows_free(rows);
    }
}

Test(execute, a_statement_that_met_a_busy_store_is_run_again_and_one_in_doubt_is_not) {
    farm_session *own = NULL;
    cr_assert_not_null(decorator_register(&decorator_fault, "sqlite"));
    cr_assert_eq(farm_session_new(&own), FARM_OK);
    cr_assert_eq(farm_session_open(own, "fault+sqlite::memory:", NULL), FARM_OK);
    cr_assert_eq(farm_migrate(own), FARM_OK);
    cr_assert_eq(contract_execute(own, "CREATE TABLE word (number INTEGER)"), FARM_OK);

    decorator_fault_set(1, FARM_EAGAIN, DECORATOR_FAULT_BEFORE);
    cr_assert_eq(contract_execute(own, "INSERT INTO word VALUES (1)"), FARM_OK);
    cr_assert(decorator_fault_has_fired());
    decorator_fault_set(1, FARM_OK, DECORATOR_FAULT_AFTER);
    cr_assert_eq(contract_execute(own, "INSERT INTO word VALUES (2)"), FARM_EUNCERTAIN);

    cr_assert_eq(contract_number(own, "SELECT COUNT(*) FROM word"), 2);
    farm_session_free(own);
}
