/* What the database itself keeps of invoices, whoever writes, and what verification says of damage
 * that no statement can do while its triggers stand. */
#include "contract/ledger_damage.h"
#include "contract/ledger_invoice_support.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include "support/test_store.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* R/1 is of T1 and T2, and 40 of T1 are left; R/2 is of another account; G/1 gives 20 of line 1 and
 * all of line 2 back. */
static void set_up(void) {
    static const short_invoice items[] = {
        {.id = "I1",
         .account = "A2",
         .series = "R",
         .lines = {{.transfer = "T1", .amount_minor = 60, .tax_minor = 10}, {.transfer = "T2"}}},
        {.id = "I2", .account = "A3", .series = "R", .lines = {{.transfer = "T3"}}},
        {.id = "C1",
         .series = "G",
         .corrects = "I1",
         .lines = {{.corrected_line = 1, .amount_minor = 20, .tax_minor = 4},
                   {.corrected_line = 2}}},
    };
    open_session();
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "account A3\n"
                         "transfer T1 A1 A2 100\n"
                         "transfer T2 A1 A2 50\n"
                         "transfer T3 A1 A3 7\n"
                         "transfer T4 A1 A2 9 pending\n");
    for (size_t i = 0; i < COUNT(items); i++)
        expect_issue(session, &items[i], FARM_LEDGER_INVOICE_CREATED);
    contract_assert_sound(session);
}

TestSuite(ledger_invoice_kept, .init = set_up, .fini = close_session, .timeout = 60);

/* --- by hand --- */

/* An id that is none of theirs, and the timestamp of a transfer; written for both stores. */
static const char *id_text(char last) {
    static char text[2][64];
    static int turn = 0;
    turn = !turn;
    snprintf(text[turn], sizeof text[turn],
             contract_is_postgres() ? "'\\x4900000000000000000000000000000%c'"
                                    : "x'4900000000000000000000000000000%c'",
             last);
    return text[turn];
}

static void expect_refused(const char *statement) {
    const farm_status status = contract_execute(session, "%s", statement);
    cr_assert(status == FARM_EREFUSED || status == FARM_ECONFLICT, "%s: %s", statement,
              farm_status_name(status));
}

Test(ledger_invoice_kept, nothing_of_it_is_changed_or_removed) {
    static const char *const attempts[] = {
        "UPDATE {farm_ledger_invoice} SET amount = 111 WHERE series = 'R' AND number = 1",
        "UPDATE {farm_ledger_invoice} SET number = 3 WHERE series = 'R' AND number = 2",
        "UPDATE {farm_ledger_invoice} SET issued_us = 1",
        "DELETE FROM {farm_ledger_invoice} WHERE series = 'R' AND number = 2",
        "UPDATE {farm_ledger_invoice_line} SET text = 'x'",
        "UPDATE {farm_ledger_invoice_line} SET amount = amount + 1",
        "DELETE FROM {farm_ledger_invoice_line} WHERE corrected_id IS NOT NULL",
        "UPDATE {farm_ledger_series} SET last_number = 1 WHERE series = 'R'",
        "UPDATE {farm_ledger_series} SET last_number = 3 WHERE series = 'R'",
        "UPDATE {farm_ledger_series} SET series = 'S' WHERE series = 'G'",
        "DELETE FROM {farm_ledger_series} WHERE series = 'G'",
        "INSERT INTO {farm_ledger_series} (book, series, last_number) VALUES (1, 'S', 1)",
    };
    for (size_t i = 0; i < COUNT(attempts); i++) expect_refused(attempts[i]);
    contract_assert_sound(session);
}

/* Not by the owner of the tables either. */
Test(ledger_invoice_kept, nothing_of_it_is_emptied) {
    static const char *const tables[] = {"series", "invoice", "invoice_line"};
    char statement[100];
    if (!contract_is_postgres()) return;
    farm_session *owner = test_store_open_owner();
    for (size_t i = 0; i < COUNT(tables); i++) {
        snprintf(statement, sizeof statement, "TRUNCATE {farm_ledger_%s} CASCADE", tables[i]);
        cr_assert_eq(test_store_execute(owner, statement, NULL), FARM_EREFUSED, "%s: %s", tables[i],
                     farm_session_error_text(owner));
    }
    farm_session_free(owner);
    contract_assert_sound(session);
}

#define COLUMNS                                                                                    \
    "book, series, number, id, account, corrects_id, user_data_128, issued_us, created_us, "       \
    "line_count, amount, tax"
#define LINE_COLUMNS                                                                               \
    "book, invoice_id, line, timestamp_ns, corrected_id, corrected_line, amount, tax, "            \
    "tax_rate_ppm, text"

/* An invoice of the account of R/1, as somebody would write it by hand. */
static farm_status write_invoice(const char *series, int64_t number, char last, int64_t line_count,
                                 int64_t amount_minor, int is_note) {
    return contract_execute(session,
                            "INSERT INTO {farm_ledger_invoice} (" COLUMNS
                            ") SELECT 1, '%s', %lld, %s, i.account, "
                            "%s, NULL, 0, 0, %lld, %lld, 0 FROM {farm_ledger_invoice} AS i "
                            "WHERE i.series = 'R' AND i.number = 1",
                            series, (long long)number, id_text(last), is_note ? "i.id" : "NULL",
                            (long long)line_count, (long long)amount_minor);
}

/* A line of the invoice, of the transfer of a line of R/1. */
static farm_status write_line(char last, int64_t line, int64_t of_line, int64_t amount_minor,
                              int is_note) {
    return contract_execute(session,
                            "INSERT INTO {farm_ledger_invoice_line} (" LINE_COLUMNS ") "
                            "SELECT 1, %s, %lld, l.timestamp_ns, %s, %s, %lld, 0, 0, '' "
                            "FROM {farm_ledger_invoice_line} AS l "
                            "JOIN {farm_ledger_invoice} AS i ON i.id = l.invoice_id "
                            "WHERE i.series = 'R' AND i.number = 1 AND l.line = %lld",
                            id_text(last), (long long)line, is_note ? "l.invoice_id" : "NULL",
                            is_note ? "l.line" : "NULL", (long long)amount_minor,
                            (long long)of_line);
}

static void put_series(int64_t last_number) {
    cr_assert_eq(contract_execute(session,
                                  "UPDATE {farm_ledger_series} SET last_number = %lld "
                                  "WHERE series = 'R'",
                                  (long long)last_number),
                 FARM_OK, "%s", farm_session_error_text(session));
}

/* What one writes by hand: which number, how many lines it says and has, amounts. */
typedef struct by_hand {
    const char *name;
    int64_t last_number; /* that the series is set to */
    int64_t number;
    int64_t line_count;
    int64_t amount_minor;
    int64_t lines[2]; /* amounts; 0: none */
    int64_t of_line;  /* of R/1 */
    int is_note;
    int is_fine;
} by_hand;

static int is_written(const by_hand *tried) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    put_series(tried->last_number);
    farm_status status = write_invoice("R", tried->number, '9', tried->line_count,
                                       tried->amount_minor, tried->is_note);
    for (int i = 0; i < 2 && status == FARM_OK && tried->lines[i] != 0; i++)
        status = write_line('9', i + 1, tried->of_line, tried->lines[i], tried->is_note);
    if (status == FARM_OK) return farm_commit(session) == FARM_OK;
    farm_rollback(session);
    return 0;
}

Test(ledger_invoice_kept, what_is_written_by_hand_keeps_to_the_rules_as_well) {
    static const by_hand tries[] = {
        {"a number is left out", 4, 4, 1, 1, {1}, 1, 0, 0},
        {"the series goes further than the invoices", 4, 3, 1, 1, {1}, 1, 0, 0},
        {"the series is left where it was", 2, 3, 1, 1, {1}, 1, 0, 0},
        {"a number is used again", 2, 2, 1, 1, {1}, 1, 0, 0},
        {"it has no lines", 3, 3, 1, 1, {0}, 1, 0, 0},
        {"it has fewer lines than it says", 3, 3, 2, 2, {2}, 1, 0, 0},
        {"it has more lines than it says", 3, 3, 1, 2, {1, 1}, 1, 0, 0},
        {"the sum is another", 3, 3, 1, 2, {1}, 1, 0, 0},
        {"more than is left of the transfer", 3, 3, 1, 61, {61}, 1, 0, 0},
        {"more than is left of the line", 3, 3, 1, 41, {41}, 1, 1, 0},
        {"more beside the tax than is left of the line", 3, 3, 1, 35, {35}, 1, 1, 0},
        {"nothing is left of the line", 3, 3, 1, 1, {1}, 2, 1, 0},
        {"a credit note that fits", 3, 3, 1, 34, {34}, 1, 1, 1},
    };
    for (size_t i = 0; i < COUNT(tries); i++)
        cr_assert_eq(is_written(&tries[i]), tries[i].is_fine, "%s: %s", tries[i].name,
                     farm_session_error_text(session));
    contract_assert_sound(session);
}

Test(ledger_invoice_kept, an_invoice_by_hand_that_fits_is_one) {
    static const by_hand fits = {"all that is left", 3, 3, 1, 60, {60}, 1, 0, 1};
    cr_assert(is_written(&fits), "%s", farm_session_error_text(session));
    contract_assert_sound(session);
    const short_invoice next = {
        .id = "I5", .account = "A2", .series = "R", .lines = {{.transfer = "T2"}}};
    cr_assert_eq(expect_issue(session, &next, FARM_LEDGER_INVOICE_CREATED).number, 4);
}

Test(ledger_invoice_kept, a_line_is_not_added_to_what_is_there) {
    cr_assert_neq(write_line('1', 3, 1, 1, 0), FARM_OK);
    cr_assert_neq(write_line('1', 2, 1, 1, 0), FARM_OK);
    cr_assert_neq(write_line('7', 1, 1, 1, 0), FARM_OK, "of no invoice");
    cr_assert_neq(write_invoice("T", 1, '8', 1, 1, 0), FARM_OK, "of no series");
    contract_assert_sound(session);
}

/* --- two by hand at once: each sees only what is left of the transfer --- */

/* An invoice of 35 of T1, of which 60 are left. */
static farm_status write_by_hand(farm_session *writer, const char *series, char last) {
    char id[64];
    snprintf(id, sizeof id, "%s", id_text(last));
    farm_status status = contract_execute(
        writer, "INSERT INTO {farm_ledger_series} (book, series, last_number) VALUES (1, '%s', 1)",
        series);
    if (status == FARM_OK)
        status = contract_execute(writer,
                                  "INSERT INTO {farm_ledger_invoice} (" COLUMNS ") SELECT 1, '%s', "
                                  "1, %s, i.account, NULL, NULL, 0, 0, 1, 35, 0 "
                                  "FROM {farm_ledger_invoice} AS i "
                                  "WHERE i.series = 'R' AND i.number = 1",
                                  series, id);
    if (status != FARM_OK) return status;
    return contract_execute(writer,
                            "INSERT INTO {farm_ledger_invoice_line} (" LINE_COLUMNS ") "
                            "SELECT 1, %s, 1, l.timestamp_ns, NULL, NULL, 35, 0, 0, '' "
                            "FROM {farm_ledger_invoice_line} AS l "
                            "JOIN {farm_ledger_invoice} AS i ON i.id = l.invoice_id "
                            "WHERE i.series = 'R' AND i.number = 1 AND l.line = 1",
                            id);
}

typedef struct other_writer {
    farm_session *session;
    farm_status status;
} other_writer;

static void *write_other(void *context) {
    other_writer *self = context;
    self->status = farm_begin(self->session);
    if (self->status == FARM_OK) self->status = write_by_hand(self->session, "Y", '9');
    if (self->status == FARM_OK)
        self->status = farm_commit(self->session);
    else
        farm_rollback(self->session);
    return NULL;
}

Test(ledger_invoice_kept, two_who_write_by_hand_do_not_exceed_a_transfer_together) {
    other_writer other = {.session = contract_open_another()};
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(write_by_hand(session, "X", '8'), FARM_OK, "%s", farm_session_error_text(session));
    commit_beside(write_other, &other);
    cr_assert_eq(other.status, FARM_EREFUSED, "%s", farm_status_name(other.status));
    contract_close_another(other.session);
    contract_assert_sound(session);
}

/* --- damage --- */

typedef struct damage {
    const char *check;
    const char *text;
} damage;

#define INVOICE(series, number) " WHERE series = '" series "' AND number = " number
#define LINE(series, number, line)                                                                 \
    " WHERE line = " line                                                                          \
    " AND invoice_id = (SELECT id FROM {farm_ledger_invoice}" INVOICE(series, number) ")"

static const damage damages[] = {
    {"check_invoice_numbers", "UPDATE {farm_ledger_series} SET last_number = 1 WHERE series = 'R'"},
    {"check_invoice_numbers", "DELETE FROM {farm_ledger_series} WHERE series = 'R'"},
    {"check_invoice_numbers", "DELETE FROM {farm_ledger_invoice}" INVOICE("R", "1")},
    {"check_invoice_numbers", "UPDATE {farm_ledger_invoice} SET number = 5" INVOICE("R", "1")},
    {"check_invoice_totals", "DELETE FROM {farm_ledger_invoice}" INVOICE("R", "1")},
    {"check_invoice_totals", "UPDATE {farm_ledger_invoice} SET amount = 111" INVOICE("R", "1")},
    {"check_invoice_totals", "UPDATE {farm_ledger_invoice} SET tax = 11" INVOICE("R", "1")},
    {"check_invoice_totals", "UPDATE {farm_ledger_invoice} SET line_count = 1" INVOICE("R", "1")},
    {"check_invoice_totals",
     "UPDATE {farm_ledger_invoice_line} SET amount = 59" LINE("R", "1", "1")},
    {"check_invoice_totals", "DELETE FROM {farm_ledger_invoice_line}" LINE("G", "1", "1")},
    {"check_invoice_lines",
     "UPDATE {farm_ledger_invoice_line} SET amount = 121" LINE("R", "1", "1")},
    {"check_invoice_lines", "UPDATE {farm_ledger_invoice} SET account = @3" INVOICE("R", "1")},
    {"check_invoice_lines",
     "UPDATE {farm_ledger_invoice_line} SET timestamp_ns = (SELECT timestamp_ns FROM "
     "{farm_ledger_event} WHERE id = #4)" LINE("R", "2", "1")},
    {"check_invoice_lines", "UPDATE {farm_ledger_event} SET amount = 39 WHERE id = #1"},
    {"check_credit_notes", "UPDATE {farm_ledger_invoice} SET corrects_id = NULL" INVOICE("G", "1")},
    {"check_credit_notes", "UPDATE {farm_ledger_invoice} SET corrects_id = id" INVOICE("G", "1")},
    {"check_credit_notes", "UPDATE {farm_ledger_invoice} SET account = @1" INVOICE("G", "1")},
    {"check_credit_notes", "UPDATE {farm_ledger_invoice_line} SET amount = 61" LINE("G", "1", "1")},
    {"check_credit_notes", "UPDATE {farm_ledger_invoice_line} SET tax = 11" LINE("G", "1", "1")},
    {"check_credit_notes",
     "UPDATE {farm_ledger_invoice_line} SET tax_rate_ppm = 1" LINE("G", "1", "1")},
    {"check_credit_notes",
     "UPDATE {farm_ledger_invoice_line} SET corrected_line = 2" LINE("G", "1", "1")},
    {"check_credit_notes",
     "UPDATE {farm_ledger_invoice_line} SET timestamp_ns = (SELECT timestamp_ns FROM "
     "{farm_ledger_event} WHERE id = #3)" LINE("G", "1", "1")},
};

Test(ledger_invoice_kept, verification_names_each_kind_of_damage) {
    for (size_t i = 0; i < COUNT(damages); i++) {
        char name[100];
        if (i > 0) {
            close_session();
            set_up();
        }
        snprintf(name, sizeof name, "ledger_invoice.%s", damages[i].check);
        ledger_damage(session, damages[i].text);
        ledger_expect_violation(session, name);
    }
}
