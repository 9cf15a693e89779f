/* Exports: what a line says, and that pieces of any size are the same file. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_export.h>
#include <farmcore/ledger_owner.h>
#include <farmcore/roles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE = 1 << 20 };

static char file[FILE_SIZE];

TestSuite(ledger_export, .init = open_session, .fini = close_session, .timeout = 60);

/* All pieces, one behind the other. */
static const char *export_all(farm_ledger_query query, int32_t format, size_t piece) {
    size_t size = 0;
    query.struct_size = sizeof query;
    do {
        size_t added = 0;
        char *data = malloc(piece); /* of that size, so that a sanitizer sees a byte too far */
        cr_assert_eq(
            farm_ledger_export_next(session, &query, format, data, piece, &added, &query.cursor_ns),
            FARM_OK, "%s", farm_session_error_text(session));
        cr_assert_leq(added, piece);
        cr_assert_lt(size + added, sizeof file);
        memcpy(file + size, data, added);
        free(data);
        size += added;
    } while (query.cursor_ns != 0);
    file[size] = '\0';
    return file;
}

static void play_story(void) {
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "transfer T1 A1 A2 1250 code=7 data64=-5 data128=T9\n"
                         "transfer T2 A1 A2 5 pending timeout=1s\n"
                         "transfer T3 A2 A1 300 pending\n"
                         "transfer T4 0 0 299 hold=T3 post book=0 code=0\n"
                         "after 2s\n"
                         "expire 9 -> 1\n");
}

/* The file without parts of seconds, which the store chooses, and with the last digits of ids. */
static const char *plain(const char *text) {
    static char out[FILE_SIZE];
    char *at = out;
    for (const char *from = text; *from != '\0';) {
        const size_t digits = from[0] == '.' ? strspn(from + 1, "0123456789") : 0;
        if (strncmp(from, "tr_", 3) == 0 || strncmp(from, "ac_", 3) == 0 ||
            strncmp(from, "ud_", 3) == 0 || strncmp(from, "Ac-", 3) == 0) {
            from += 3 + 36;
            *at++ = from[-36 - 3];
            *at++ = from[-1];
        } else if (digits >= 6) {
            from += 1 + digits;
        } else {
            *at++ = *from++;
        }
    }
    *at = '\0';
    return out;
}

Test(ledger_export, a_table_of_a_book) {
    play_story();

    const char *table = plain(export_all((farm_ledger_query){.book = 1}, 0, 1 << 16));

    cr_assert_str_eq(
        table,
        "timestamp,effective,kind,id,pending_id,reversed_id,debit_account,credit_account,amount,"
        "asset,code,flags,timeout_us,user_data_64,user_data_32,user_data_128,debit_balance,debit_"
        "pending,"
        "credit_balance,credit_pending\r\n"
        "2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,single,t1,,,a1,a2,12.50,EUR,7,0,0,-5,0,u9,"
        "-12.50,0.00,12.50,0.00\r\n"
        "2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,pending,t2,,,a1,a2,0.05,EUR,1,2,1000000,0,0,,"
        "-12.50,-0.05,12.50,0.05\r\n"
        "2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,pending,t3,,,a2,a1,3.00,EUR,1,2,0,0,0,,"
        "12.50,-2.95,-12.50,2.95\r\n"
        "2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,posted,t4,t3,,a2,a1,2.99,EUR,1,4,0,0,0,,"
        "9.51,0.05,-9.51,-0.05\r\n"
        "2026-01-01T00:00:02Z,2026-01-01T00:00:02Z,expired,,t2,,a1,a2,0.05,EUR,1,0,0,0,0,,"
        "-9.51,0.00,9.51,0.00\r\n");
}

Test(ledger_export, a_table_of_an_account_has_what_changed) {
    play_story();

    const char *table = plain(export_all(
        (farm_ledger_query){.book = 1, .account_id = ledger_script_id("A2")}, 0, 1 << 16));

    const char *expected[] = {"u9,12.50,12.50,0.00\r\n", ",0.00,12.50,0.05\r\n",
                              ",0.00,12.50,-2.95\r\n", ",-2.99,9.51,0.05\r\n",
                              ",0.00,9.51,0.00\r\n"};
    cr_assert_not_null(strstr(table, "user_data_128,change,balance,pending\r\n"));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        table = strstr(table, expected[i]);
        cr_assert_not_null(table, "%s", expected[i]);
    }
}

Test(ledger_export, a_journal_is_what_moved_money) {
    play_story();

    const char *journal =
        plain(export_all((farm_ledger_query){.book = 1}, FARM_LEDGER_FORMAT_HLEDGER, 1 << 16));

    cr_assert_str_eq(journal, "; book 1, in EUR; debits are positive\n\n"
                              "2026-01-01=2026-01-01 t1  ; code:7\n"
                              "    a1  12.50 \"EUR\" = 12.50 \"EUR\"\n"
                              "    a2  -12.50 \"EUR\" = -12.50 \"EUR\"\n\n"
                              "2026-01-01=2026-01-01 t4  ; code:1\n"
                              "    a2  2.99 \"EUR\" = -9.51 \"EUR\"\n"
                              "    a1  -2.99 \"EUR\" = 9.51 \"EUR\"\n\n");
}

Test(ledger_export, a_journal_for_beancount_ends_with_what_accounts_had) {
    play_story();
    ledger_play(session, "account A3\n"
                         "transfer T5 A1 A2 6 reverses=T9 -> REVERSED_TRANSFER_NOT_FOUND\n"
                         "transfer T6 0 0 50 reverses=T1 code=0 book=0\n"
                         "send\n");
    const int64_t to_ns =
        contract_number(session, "SELECT MAX(timestamp_ns) FROM {farm_ledger_event}");
    ledger_play(session, "after 5s\n"
                         "account A4\n"
                         "transfer T7 A1 A2 1\n"
                         "send\n");

    const char *journal = plain(export_all((farm_ledger_query){.book = 1, .to_ns = to_ns},
                                           FARM_LEDGER_FORMAT_BEANCOUNT, 1 << 16));

    cr_assert_str_eq(journal, "; book 1, in EUR; debits are positive\n\n"
                              "option \"title\" \"book 1\"\n"
                              "option \"operating_currency\" \"EUR\"\n"
                              "plugin \"beancount.plugins.auto_accounts\"\n\n"
                              "2026-01-01 * \"single\" ^t1\n"
                              "  timestamp: \"2026-01-01T00:00:00Z\"\n"
                              "  effective: \"2026-01-01T00:00:00Z\"\n"
                              "  code: 7\n"
                              "  Assets:A1  12.50 EUR\n"
                              "  Assets:A2  -12.50 EUR\n\n"
                              "2026-01-01 * \"posted\" ^t4 ^t3\n"
                              "  timestamp: \"2026-01-01T00:00:00Z\"\n"
                              "  effective: \"2026-01-01T00:00:00Z\"\n"
                              "  code: 1\n"
                              "  Assets:A2  2.99 EUR\n"
                              "  Assets:A1  -2.99 EUR\n\n"
                              "2026-01-01 * \"reversal\" ^t6 ^t1\n"
                              "  timestamp: \"2026-01-01T00:00:02Z\"\n"
                              "  effective: \"2026-01-01T00:00:02Z\"\n"
                              "  code: 7\n"
                              "  Assets:A2  0.50 EUR\n"
                              "  Assets:A1  -0.50 EUR\n\n"
                              "9999-12-31 balance Assets:A1  9.01 ~ 0 EUR\n"
                              "9999-12-31 balance Assets:A2  -9.01 ~ 0 EUR\n"
                              "9999-12-31 balance Assets:A3  0.00 ~ 0 EUR\n");
}

Test(ledger_export, who_may_export_a_book_has_its_balances_too) {
    static char data[FARM_LEDGER_EXPORT_SIZE_MIN];
    const farm_ledger_owner owner = {.struct_size = sizeof owner, .book = 1, .entity = "market"};
    const farm_ledger_query all = {.struct_size = sizeof all, .book = 1, .to_ns = INT64_MAX};
    farm_ledger_query behind = all;
    size_t size = 0;
    behind.cursor_ns = -1;
    play_story();
    cr_assert_eq(farm_ledger_assign_owners(session, &owner, 1), FARM_OK);
    cr_assert_eq(farm_role_found(session, "market", "ana"), FARM_OK);
    char *whole = strdup(export_all(all, FARM_LEDGER_FORMAT_BEANCOUNT, 1 << 16));

    act_as("ana");
    cr_assert_str_eq(export_all(all, FARM_LEDGER_FORMAT_BEANCOUNT, 1 << 16), whole);
    act_as("eve");
    cr_assert_eq(farm_ledger_export_next(session, &behind, FARM_LEDGER_FORMAT_BEANCOUNT, data,
                                         sizeof data, &size, NULL),
                 FARM_EDENIED);
    free(whole);
}

/* The first negative cursor, and what is behind it. */
Test(ledger_export, a_cursor_of_balances_goes_on_where_it_says) {
    static char data[FARM_LEDGER_EXPORT_SIZE_MIN];
    char script[100];
    size_t size = 0;
    int64_t accounts = 0;
    ledger_play(session, "book 1 EUR 2\n");
    for (int i = 0; i < 100; i++) {
        snprintf(script, sizeof script, "account A%d\n%s", 1 + i, i == 99 ? "send\n" : "");
        ledger_play(session, script);
    }
    farm_ledger_query query = {.struct_size = sizeof query, .book = 1, .to_ns = INT64_MAX};
    for (int pieces = 0; pieces == 0 || query.cursor_ns != 0; pieces++) {
        for (int twice = 0; twice < 2; twice++) {
            int64_t cursor_ns = 0;
            cr_assert_eq(farm_ledger_export_next(session, &query, FARM_LEDGER_FORMAT_BEANCOUNT,
                                                 data, sizeof data, &size, &cursor_ns),
                         FARM_OK, "%s", farm_session_error_text(session));
            if (twice) query.cursor_ns = cursor_ns;
        }
        cr_assert(pieces > 0 ? query.cursor_ns == 0 || query.cursor_ns < -1
                             : query.cursor_ns == -1);
        for (size_t i = 0; pieces > 0 && i < size; i++) accounts += data[i] == '\n';
    }
    cr_assert_eq(accounts, 100, "%lld", (long long)accounts);
    query.cursor_ns = INT64_MIN;
    cr_assert_eq(farm_ledger_export_next(session, &query, FARM_LEDGER_FORMAT_BEANCOUNT, data,
                                         sizeof data, &size, NULL),
                 FARM_EINVAL);
}

Test(ledger_export, no_cell_is_a_formula) {
    ledger_play(session, "book 1 =1,\"x 0\n"
                         "book 2 +A 0\n"
                         "account A1\n"
                         "account A2\n"
                         "transfer T1 A1 A2 7\n"
                         "account A3 book=2\n"
                         "account A4 book=2\n"
                         "transfer T2 A3 A4 7 book=2\n");
    const farm_ledger_query one = {.book = 1};
    const farm_ledger_query two = {.book = 2};

    cr_assert_not_null(strstr(export_all(one, FARM_LEDGER_FORMAT_CSV, 5000), ",\"'=1,\"\"x\","));
    cr_assert_not_null(strstr(export_all(one, FARM_LEDGER_FORMAT_CSV_RAW, 5000), ",\"=1,\"\"x\","));
    cr_assert_not_null(strstr(export_all(two, FARM_LEDGER_FORMAT_CSV, 5000), ",'+A,"));
    cr_assert_not_null(strstr(export_all(two, FARM_LEDGER_FORMAT_CSV_RAW, 5000), ",+A,"));
}

Test(ledger_export, what_cannot_be_exported_is_said) {
    static char data[FARM_LEDGER_EXPORT_SIZE_MIN];
    const size_t size = sizeof data;
    size_t written = 1;
    ledger_play(session, "book 1 EUR 2\n"
                         "book 2 a\"b 2\n");
    const farm_ledger_query right = {.struct_size = sizeof right, .book = 1};
    const farm_ledger_query none = {.struct_size = sizeof none};
    const farm_ledger_query unknown = {.struct_size = sizeof unknown, .book = 3};
    const farm_ledger_query quoted = {.struct_size = sizeof quoted, .book = 2};
    const farm_ledger_query part = {.struct_size = sizeof part, .book = 1, .code = 7, .to_ns = 9};
    const farm_ledger_query lower = {.struct_size = sizeof lower, .book = 2, .to_ns = 9};
    const farm_ledger_query never = {.struct_size = sizeof never, .book = 1, .to_ns = -1};
    const farm_ledger_query behind = {
        .struct_size = sizeof behind, .book = 1, .to_ns = 9, .cursor_ns = -1};
    const struct {
        const farm_ledger_query *query;
        int32_t format;
        void *data;
        size_t size;
        farm_status status;
    } rows[] = {{&right, FARM_LEDGER_FORMAT_CSV, data, size - 1, FARM_EINVAL},
                {&right, FARM_LEDGER_FORMAT_CSV, NULL, size, FARM_EINVAL},
                {&right, -1, data, size, FARM_EINVAL},
                {&right, FARM_LEDGER_FORMAT_BEANCOUNT + 1, data, size, FARM_EINVAL},
                {&right, FARM_LEDGER_FORMAT_BEANCOUNT, data, size, FARM_EINVAL},
                {&never, FARM_LEDGER_FORMAT_BEANCOUNT, data, size, FARM_EINVAL},
                {&lower, FARM_LEDGER_FORMAT_BEANCOUNT, data, size, FARM_EINVAL},
                {&part, FARM_LEDGER_FORMAT_BEANCOUNT, data, size, FARM_EINVAL},
                {&behind, FARM_LEDGER_FORMAT_CSV, data, size, FARM_EINVAL},
                {&behind, FARM_LEDGER_FORMAT_HLEDGER, data, size, FARM_EINVAL},
                {NULL, FARM_LEDGER_FORMAT_CSV, data, size, FARM_EINVAL},
                {&none, FARM_LEDGER_FORMAT_CSV, data, size, FARM_EINVAL},
                {&unknown, FARM_LEDGER_FORMAT_CSV, data, size, FARM_ENOTFOUND},
                {&quoted, FARM_LEDGER_FORMAT_HLEDGER, data, size, FARM_EINVAL},
                {&part, FARM_LEDGER_FORMAT_HLEDGER, data, size, FARM_EINVAL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(farm_ledger_export_next(session, rows[i].query, rows[i].format, rows[i].data,
                                             rows[i].size, &written, NULL),
                     rows[i].status, "%zu", i);
        cr_assert_eq(written, 0);
    }
    farm_session_set_actor(session, "ana");
    cr_assert_eq(farm_ledger_export_next(session, &right, FARM_LEDGER_FORMAT_CSV, data, size,
                                         &written, NULL),
                 FARM_EDENIED);
}

Test(ledger_export, pieces_of_any_size_are_the_same_file) {
    char script[200];
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n");
    for (int i = 0; i < 300; i++) {
        snprintf(script, sizeof script, "transfer T%d A1 A2 %d code=%d%s\n", 1 + i, i, 1 + i % 3,
                 i == 299 ? "\nsend\n" : "");
        ledger_play(session, script);
    }
    const farm_ledger_query queries[] = {
        {.book = 1},
        {.book = 1, .flags = FARM_LEDGER_QUERY_REVERSED},
        {.book = 1, .account_id = ledger_script_id("A2"), .code = 2},
        {.book = 1, .code = 999}};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        for (int32_t format = FARM_LEDGER_FORMAT_CSV; format <= FARM_LEDGER_FORMAT_CSV_RAW;
             format++) {
            char *whole = strdup(export_all(queries[i], format, FILE_SIZE / 2));
            cr_assert_str_eq(export_all(queries[i], format, FARM_LEDGER_EXPORT_SIZE_MIN), whole);
            cr_assert_str_eq(export_all(queries[i], format, 10000), whole);
            free(whole);
        }
    for (int32_t format = FARM_LEDGER_FORMAT_HLEDGER; format <= FARM_LEDGER_FORMAT_BEANCOUNT;
         format++) {
        const farm_ledger_query all = {.book = 1, .to_ns = INT64_MAX};
        char *journal = strdup(export_all(all, format, FILE_SIZE / 2));
        cr_assert_str_eq(export_all(all, format, FARM_LEDGER_EXPORT_SIZE_MIN), journal);
        cr_assert_str_eq(export_all(all, format, 10000), journal);
        free(journal);
    }
}
