/* Many who issue at once: numbers without a gap, and nothing twice. */
#include "contract/ledger_invoice_support.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, CALLS = 12, TRIES = 50 };

static void set_up(void) {
    open_session();
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "transfer T1 A1 A2 1000\n"
                         "transfer T2 A1 A2 1\n");
}

TestSuite(ledger_invoice_race, .init = set_up, .fini = close_session, .timeout = 60);

typedef struct issuer {
    farm_session *session;
    pthread_t thread;
    int number;
    int call_count;
    void (*make)(const struct issuer *self, int call, farm_ledger_invoice *item,
                 farm_ledger_invoice_line *line);
    int created_count;
    int existing_count;
    int64_t last_number;
    int failure_count; /* calls that were not answered */
    char series[8];
} issuer;

static void *issue_many(void *context) {
    issuer *self = context;
    for (int call = 0; call < self->call_count; call++) {
        farm_ledger_invoice item = {.struct_size = sizeof item, .line_count = 1, .book = 1};
        farm_ledger_invoice_line line = {.struct_size = sizeof line};
        farm_ledger_invoice_result result = {.struct_size = sizeof result};
        farm_status status = FARM_EAGAIN;
        self->make(self, call, &item, &line);
        for (int i = 0; i < TRIES && status == FARM_EAGAIN; i++)
            status = farm_ledger_issue_invoices(self->session, &line, 1, &item, 1, &result);
        if (status != FARM_OK) self->failure_count++;
        if (status != FARM_OK) continue;
        self->created_count += result.status == FARM_LEDGER_INVOICE_CREATED;
        self->existing_count += result.status == FARM_LEDGER_INVOICE_EXISTS;
        if (result.number != 0) self->last_number = result.number;
    }
    return NULL;
}

/* How many were created by all together. */
static int issue_at_once(issuer *issuers, int call_count,
                         void (*make)(const issuer *self, int call, farm_ledger_invoice *item,
                                      farm_ledger_invoice_line *line)) {
    int created_count = 0;
    for (int i = 0; i < THREADS; i++) {
        issuers[i] = (issuer){.session = contract_open_another(),
                              .number = i,
                              .call_count = call_count,
                              .make = make};
        snprintf(issuers[i].series, sizeof issuers[i].series, "S%d", i);
    }
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&issuers[i].thread, NULL, issue_many, &issuers[i]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(issuers[i].thread, NULL);
    for (int i = 0; i < THREADS; i++) {
        created_count += issuers[i].created_count;
        cr_assert_eq(issuers[i].failure_count, 0, "%s",
                     farm_session_error_text(issuers[i].session));
        contract_close_another(issuers[i].session);
    }
    contract_assert_sound(session);
    return created_count;
}

static farm_id id_of(const issuer *self, int call) {
    char word[16];
    snprintf(word, sizeof word, "I%d", 100 + self->number * CALLS + call);
    return ledger_script_id(word);
}

/* Each third one is refused, as it has more than the transfer moved. */
static void make_of_one_series(const issuer *self, int call, farm_ledger_invoice *item,
                               farm_ledger_invoice_line *line) {
    item->id = id_of(self, call);
    item->account_id = ledger_script_id("A2");
    item->series = "R";
    line->transfer_id = ledger_script_id("T1");
    line->amount_minor = call % 3 == 2 ? 2000 : 1;
}

Test(ledger_invoice_race, numbers_have_no_gap_and_none_is_given_twice) {
    issuer issuers[THREADS];
    const int created = issue_at_once(issuers, CALLS, make_of_one_series);
    cr_assert_eq(created, THREADS * CALLS * 2 / 3);
    cr_assert_eq(contract_count(session, "farm_ledger_invoice"), created);
    cr_assert_eq(contract_number(session, "SELECT MAX(number) FROM {farm_ledger_invoice}"),
                 created);
    cr_assert_eq(contract_number(session, "SELECT last_number FROM {farm_ledger_series}"), created);
}

/* Series of their own, so that the transfer alone is what they meet at. */
static void make_of_one_transfer(const issuer *self, int call, farm_ledger_invoice *item,
                                 farm_ledger_invoice_line *line) {
    make_of_one_series(self, call, item, line);
    item->series = self->series;
    line->amount_minor = 150;
}

Test(ledger_invoice_race, a_transfer_is_not_invoiced_for_more_than_it_moved) {
    issuer issuers[THREADS];
    cr_assert_eq(issue_at_once(issuers, 2, make_of_one_transfer), 6);
    cr_assert_eq(contract_number(session, "SELECT CAST(SUM(amount) AS BIGINT) "
                                          "FROM {farm_ledger_invoice_line}"),
                 900);
}

static void make_of_one_line(const issuer *self, int call, farm_ledger_invoice *item,
                             farm_ledger_invoice_line *line) {
    item->id = id_of(self, call);
    item->corrects_id = ledger_script_id("I1");
    item->series = self->series;
    line->corrected_line = 1;
    line->amount_minor = 150;
}

Test(ledger_invoice_race, a_line_is_not_given_back_more_than_once) {
    issuer issuers[THREADS];
    const short_invoice whole = {
        .id = "I1", .account = "A2", .series = "R", .lines = {{.transfer = "T1"}}};
    expect_issue(session, &whole, FARM_LEDGER_INVOICE_CREATED);
    cr_assert_eq(issue_at_once(issuers, 2, make_of_one_line), 6);
    cr_assert_eq(find_invoice(session, "I1").credited_minor, 900);
}

static void make_the_same(const issuer *self, int call, farm_ledger_invoice *item,
                          farm_ledger_invoice_line *line) {
    make_of_one_series(self, call, item, line);
    item->id = ledger_script_id("I7");
    line->amount_minor = 1;
}

Test(ledger_invoice_race, one_id_is_one_invoice_for_all_who_use_it_at_once) {
    issuer issuers[THREADS];
    cr_assert_eq(issue_at_once(issuers, CALLS, make_the_same), 1);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(issuers[i].created_count + issuers[i].existing_count, CALLS);
        cr_assert_eq(issuers[i].last_number, 1);
    }
}

/* The one gives a line back and invoices it again, the other invoices what is left: in whatever
 * order, all that the transfer moved is invoiced and no more. */
static void make_back_and_forth(const issuer *self, int call, farm_ledger_invoice *item,
                                farm_ledger_invoice_line *line) {
    if (self->number % 2 == 0) {
        make_of_one_line(self, call, item, line);
        line->amount_minor = 10;
        return;
    }
    make_of_one_transfer(self, call, item, line);
    line->amount_minor = 0;
}

Test(ledger_invoice_race, what_is_given_back_is_invoiced_again_once) {
    issuer issuers[THREADS];
    const short_invoice whole = {
        .id = "I1", .account = "A2", .series = "R", .lines = {{.transfer = "T1"}}};
    expect_issue(session, &whole, FARM_LEDGER_INVOICE_CREATED);
    const int created = issue_at_once(issuers, CALLS, make_back_and_forth);
    cr_assert_geq(created, THREADS / 2 * CALLS);
    cr_assert_eq(find_invoice(session, "I1").credited_minor, THREADS / 2 * CALLS * 10);
}

/* --- one waits for the other, and sees what it did --- */

typedef struct other_issue {
    farm_session *session;
    farm_ledger_invoice item;
    farm_ledger_invoice_line line;
    farm_ledger_invoice_result result;
    farm_status status;
} other_issue;

static void *issue_other(void *context) {
    other_issue *self = context;
    self->status =
        farm_ledger_issue_invoices(self->session, &self->line, 1, &self->item, 1, &self->result);
    return NULL;
}

/* The first is issued in a transaction that is open while the other is. */
static int32_t issue_beside(const short_invoice *first, other_issue *other) {
    other->session = contract_open_another();
    other->item.struct_size = sizeof other->item;
    other->item.line_count = 1;
    other->item.book = 1;
    other->item.id = ledger_script_id("I8");
    other->line.struct_size = sizeof other->line;
    other->result.struct_size = sizeof other->result;
    cr_assert_eq(farm_begin(session), FARM_OK);
    expect_issue(session, first, FARM_LEDGER_INVOICE_CREATED);
    commit_beside(issue_other, other);
    cr_assert_eq(other->status, FARM_OK, "%s", farm_session_error_text(other->session));
    contract_close_another(other->session);
    contract_assert_sound(session);
    return other->result.status;
}

Test(ledger_invoice_race, who_comes_second_has_what_is_left_of_the_transfer) {
    const short_invoice first = {.id = "I1",
                                 .account = "A2",
                                 .series = "R",
                                 .lines = {{.transfer = "T1", .amount_minor = 600}}};
    other_issue other = {.item = {.account_id = ledger_script_id("A1"), .series = "S"},
                         .line = {.transfer_id = ledger_script_id("T1"), .amount_minor = 600}};
    cr_assert_eq(issue_beside(&first, &other), FARM_LEDGER_INVOICE_EXCEEDS_TRANSFER_AMOUNT);
}

Test(ledger_invoice_race, who_comes_second_has_what_is_left_of_the_line) {
    const short_invoice whole = {
        .id = "I1", .account = "A2", .series = "R", .lines = {{.transfer = "T1"}}};
    const short_invoice first = {.id = "C1",
                                 .series = "G",
                                 .corrects = "I1",
                                 .lines = {{.corrected_line = 1, .amount_minor = 600}}};
    other_issue other = {.item = {.corrects_id = ledger_script_id("I1"), .series = "S"},
                         .line = {.corrected_line = 1, .amount_minor = 600}};
    expect_issue(session, &whole, FARM_LEDGER_INVOICE_CREATED);
    cr_assert_eq(issue_beside(&first, &other), FARM_LEDGER_INVOICE_EXCEEDS_CORRECTED_LINE_AMOUNT);
}

Test(ledger_invoice_race, who_comes_second_has_the_next_number) {
    const short_invoice first = {
        .id = "I1", .account = "A2", .series = "R", .lines = {{.transfer = "T1"}}};
    other_issue other = {.item = {.account_id = ledger_script_id("A2"), .series = "R"},
                         .line = {.transfer_id = ledger_script_id("T2")}};
    cr_assert_eq(issue_beside(&first, &other), FARM_LEDGER_INVOICE_CREATED);
    cr_assert_eq(other.result.number, 2);
}
