/* Invoices and credit notes: what is issued, what is refused, what a repeat is told, and how they
 * are read. */
#include "contract/ledger_invoice_support.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define STATUS(name) FARM_LEDGER_INVOICE_##name

/* Of T1 100 was moved, of T4 5 of a hold of 9; T7 and T8 are as much as an account can have. */
static void set_up(void) {
    open_session();
    ledger_play(session, "book 1 EUR 2\n"
                         "book 2 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "account A3\n"
                         "account A5\n"
                         "account A6\n"
                         "account A8 book=2\n"
                         "account A9 book=2\n"
                         "transfer T1 A1 A2 100\n"
                         "transfer T2 A1 A2 50\n"
                         "transfer T3 A1 A2 9 pending\n"
                         "transfer T4 0 0 5 post hold=T3 book=0 code=0\n"
                         "transfer T5 A1 A2 9 pending\n"
                         "transfer T6 A3 A1 7\n"
                         "transfer T7 A5 A6 max\n"
                         "transfer T8 A6 A5 max\n"
                         "transfer T9 A8 A9 7 book=2\n"
                         "transfer T10 A1 A2 0\n"
                         "transfer T11 0 0 10 reverses=T2 book=0 code=1\n");
}

TestSuite(ledger_invoice, .init = set_up, .fini = close_session, .timeout = 60);

static const short_invoice books = {
    .id = "I1",
    .account = "A2",
    .series = "R",
    .lines = {{.transfer = "T1",
               .amount_minor = 60,
               .tax_minor = 10,
               .tax_rate_ppm = 190000,
               .text = "books"},
              {.transfer = "T2", .tax_minor = 5, .tax_rate_ppm = 70000}}};

static const short_invoice back = {
    .id = "C1",
    .series = "G",
    .corrects = "I1",
    .lines = {{.corrected_line = 1, .amount_minor = 20, .tax_minor = 4, .text = "one is torn"},
              {.corrected_line = 2}}};

/* --- what is issued --- */

Test(ledger_invoice, numbers_of_a_series_follow_each_other_and_a_refusal_takes_none) {
    const farm_ledger_invoice_result first = expect_issue(session, &books, STATUS(CREATED));
    cr_assert_eq(first.number, 1);
    cr_assert_eq(first.issued_us, CONTRACT_NOW_US);
    cr_assert_eq(first.amount_minor, 110);
    cr_assert_eq(first.tax_minor, 15);
    cr_assert_eq(first.refused_line, 0);
    const farm_ledger_invoice_result refused = expect_issue(
        session,
        &(short_invoice){.id = "I2",
                         .account = "A2",
                         .series = "R",
                         .lines = {{.transfer = "T1", .amount_minor = 1}, {.transfer = "T2"}}},
        STATUS(TRANSFER_ALREADY_INVOICED));
    cr_assert_eq(refused.number, 0);
    cr_assert_eq(refused.refused_line, 2);
    const farm_ledger_invoice_result second =
        expect_issue(session,
                     &(short_invoice){.id = "I3",
                                      .account = "A1",
                                      .series = "R",
                                      .issued_us = 5,
                                      .lines = {{.transfer = "T1"}, {.transfer = "T6"}}},
                     STATUS(CREATED));
    cr_assert_eq(second.number, 2);
    cr_assert_eq(second.amount_minor, 47, "all that is left, and what the refused one let go");
    cr_assert_eq(second.issued_us, 5);
    const farm_ledger_invoice_result other = expect_issue(
        session,
        &(short_invoice){
            .id = "I4", .account = "A9", .series = "R", .book = 2, .lines = {{.transfer = "T9"}}},
        STATUS(CREATED));
    cr_assert_eq(other.number, 1, "of another book");
    contract_assert_sound(session);
}

Test(ledger_invoice, what_a_credit_note_gives_back_may_be_invoiced_again) {
    expect_issue(session, &books, STATUS(CREATED));
    const farm_ledger_invoice_result given = expect_issue(session, &back, STATUS(CREATED));
    cr_assert_eq(given.number, 1, "of its own series");
    cr_assert_eq(given.amount_minor, 70);
    cr_assert_eq(given.tax_minor, 9);
    const farm_ledger_invoice_result again = expect_issue(
        session,
        &(short_invoice){.id = "I2", .account = "A2", .series = "R", .lines = {{.transfer = "T2"}}},
        STATUS(CREATED));
    cr_assert_eq(again.amount_minor, 50);
    const farm_ledger_invoice_result rest = expect_issue(
        session,
        &(short_invoice){
            .id = "C2", .series = "R", .corrects = "I1", .lines = {{.corrected_line = 1}}},
        STATUS(CREATED));
    cr_assert_eq(rest.number, 3, "of the invoices' series");
    cr_assert_eq(rest.amount_minor, 40);
    cr_assert_eq(rest.tax_minor, 6);
    cr_assert_eq(find_invoice(session, "I1").credited_minor, 110);
    contract_assert_sound(session);
}

Test(ledger_invoice, each_item_sees_what_those_before_it_did) {
    farm_ledger_invoice_result results[7];
    const short_invoice items[7] = {
        books,
        {.id = "I2", .account = "A2", .series = "R", .lines = {{.transfer = "T1"}}},
        {.id = "I3", .account = "A2", .series = "R", .lines = {{.transfer = "T1"}}},
        back,
        books,
        {.id = "C2", .series = "G", .corrects = "I1", .lines = {{.corrected_line = 2}}},
        {.id = "I4", .account = "A1", .series = "R", .lines = {{.transfer = "T1"}}},
    };
    static const int32_t statuses[7] = {
        STATUS(CREATED), STATUS(CREATED), STATUS(TRANSFER_ALREADY_INVOICED),
        STATUS(CREATED), STATUS(EXISTS),  STATUS(CORRECTED_LINE_ALREADY_CREDITED),
        STATUS(CREATED),
    };
    static const int64_t numbers[7] = {1, 2, 0, 1, 1, 0, 3};

    issue_all(session, items, 7, results);

    for (size_t i = 0; i < 7; i++) {
        cr_assert_eq(results[i].status, statuses[i], "%zu: %s", i,
                     farm_ledger_invoice_status_name(results[i].status));
        cr_assert_eq(results[i].number, numbers[i], "%zu", i);
    }
    cr_assert_eq(results[6].amount_minor, 20, "what was given back");
    contract_assert_sound(session);
}

Test(ledger_invoice, a_posted_hold_is_invoiced_for_what_was_posted) {
    const short_invoice posted = {
        .id = "I1", .account = "A2", .series = "R", .lines = {{.transfer = "T4"}}};
    cr_assert_eq(expect_issue(session, &posted, STATUS(CREATED)).amount_minor, 5);
}

Test(ledger_invoice, an_amount_may_be_as_large_as_an_account_can_have) {
    const short_invoice large = {
        .id = "I1", .account = "A5", .series = "R", .lines = {{.transfer = "T7"}}};
    const short_invoice given = {
        .id = "C1", .series = "R", .corrects = "I1", .lines = {{.corrected_line = 1}}};
    const short_invoice again = {
        .id = "I2", .account = "A6", .series = "R", .lines = {{.transfer = "T7"}}};
    cr_assert_eq(expect_issue(session, &large, STATUS(CREATED)).amount_minor, INT64_MAX);
    cr_assert_eq(expect_issue(session, &given, STATUS(CREATED)).amount_minor, INT64_MAX);
    cr_assert_eq(expect_issue(session, &again, STATUS(CREATED)).amount_minor, INT64_MAX);
    contract_assert_sound(session);
}

/* --- a repeat --- */

Test(ledger_invoice, a_repeat_answers_the_same_number_and_time) {
    short_invoice same = books;
    expect_issue(session, &books, STATUS(CREATED));
    expect_issue(session, &back, STATUS(CREATED));
    set_clock(5 * SECOND_US);
    for (int i = 0; i < 2; i++) {
        const farm_ledger_invoice_result repeat = expect_issue(session, &same, STATUS(EXISTS));
        cr_assert_eq(repeat.number, 1);
        cr_assert_eq(repeat.issued_us, CONTRACT_NOW_US);
        cr_assert_eq(repeat.amount_minor, 110);
        cr_assert_eq(repeat.tax_minor, 15);
        cr_assert_eq(expect_issue(session, &back, STATUS(EXISTS)).number, 1);
        same.issued_us = CONTRACT_NOW_US;
        same.lines[1].amount_minor = 50;
    }
    cr_assert_eq(contract_count(session, "farm_ledger_invoice"), 2);
}

typedef struct repeat_case {
    short_invoice invoice;
    int32_t status;
} repeat_case;

#define BOOKS                                                                                      \
    {                                                                                              \
        .transfer = "T1", .amount_minor = 60, .tax_minor = 10, .tax_rate_ppm = 190000,             \
        .text = "books"                                                                            \
    }
#define REST                                                                                       \
    { .transfer = "T2", .tax_minor = 5, .tax_rate_ppm = 70000 }
#define LINES(...)                                                                                 \
    {                                                                                              \
        {.id = "I1", .account = "A2", .series = "R", .lines = {__VA_ARGS__}},                      \
            STATUS(EXISTS_WITH_DIFFERENT_LINES)                                                    \
    }

Test(ledger_invoice, an_id_with_other_content_is_refused) {
    static const repeat_case cases[] = {
        {{.id = "I1", .series = "R", .corrects = "I9", .lines = {{.corrected_line = 1}}},
         STATUS(EXISTS_WITH_DIFFERENT_CORRECTS_ID)},
        {{.id = "I1", .account = "A2", .series = "R", .book = 2, .lines = {BOOKS, REST}},
         STATUS(EXISTS_WITH_DIFFERENT_BOOK)},
        {{.id = "I1", .account = "A2", .series = "S", .lines = {BOOKS, REST}},
         STATUS(EXISTS_WITH_DIFFERENT_SERIES)},
        {{.id = "I1", .account = "A1", .series = "R", .lines = {BOOKS, REST}},
         STATUS(EXISTS_WITH_DIFFERENT_ACCOUNT_ID)},
        {{.id = "I1", .account = "A2", .series = "R", .issued_us = 1, .lines = {BOOKS, REST}},
         STATUS(EXISTS_WITH_DIFFERENT_ISSUED)},
        {{.id = "I1", .account = "A2", .series = "R", .user_data = "U1", .lines = {BOOKS, REST}},
         STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_128)},
        LINES(BOOKS),
        LINES(BOOKS, REST, REST),
        LINES(REST, BOOKS),
        LINES({.transfer = "T1", .tax_minor = 11, .tax_rate_ppm = 190000, .text = "books"}, REST),
        LINES({.transfer = "T1", .tax_minor = 10, .tax_rate_ppm = 190001, .text = "books"}, REST),
        LINES({.transfer = "T1", .tax_minor = 10, .tax_rate_ppm = 190000, .text = "book"}, REST),
        LINES({.transfer = "T1",
               .amount_minor = 61,
               .tax_minor = 10,
               .tax_rate_ppm = 190000,
               .text = "books"},
              REST),
        LINES({.transfer = "T6", .tax_minor = 10, .tax_rate_ppm = 190000, .text = "books"}, REST),
    };
    expect_issue(session, &books, STATUS(CREATED));
    for (size_t i = 0; i < COUNT(cases); i++) {
        const farm_ledger_invoice_result result = issue(session, &cases[i].invoice);
        cr_assert_eq(result.status, cases[i].status, "%zu: %s", i,
                     farm_ledger_invoice_status_name(result.status));
        cr_assert_eq(result.number, 0);
    }
    cr_assert_eq(contract_count(session, "farm_ledger_invoice"), 1);
    expect_issue(session, &books, STATUS(EXISTS));
}

Test(ledger_invoice, a_credit_note_with_other_lines_is_refused) {
    short_invoice other = back;
    expect_issue(session, &books, STATUS(CREATED));
    expect_issue(session, &back, STATUS(CREATED));
    other.lines[0].tax_minor = 3;
    expect_issue(session, &other, STATUS(EXISTS_WITH_DIFFERENT_LINES));
    other = back;
    other.lines[1].corrected_line = 1;
    expect_issue(session, &other, STATUS(EXISTS_WITH_DIFFERENT_LINES));
    other = back;
    other.lines[1].tax_rate_ppm = 1;
    expect_issue(session, &other, STATUS(EXISTS_WITH_DIFFERENT_LINES));
    other.lines[1].tax_rate_ppm = 70000;
    other.account = "A2";
    expect_issue(session, &other, STATUS(EXISTS));
}

/* --- what is refused, one status after the other --- */

static const char long_text[FARM_LEDGER_LINE_TEXT_MAX + 2] =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
    "01234567890123456789012345678901234567890123456789012345678901234567890123";

typedef struct refusal {
    int32_t status;
    int64_t refused_line;
    short_invoice invoice;
} refusal;

#define ID .id = "I9"
#define OF_A2 ID, .account = "A2", .series = "R"
#define NOTE ID, .series = "G", .corrects = "I1"
#define T1                                                                                         \
    { .transfer = "T1" }

static const refusal refusals[] = {
    {STATUS(ID_MUST_NOT_BE_ZERO), 0, {.account = "A2", .series = "R", .lines = {T1}}},
    {STATUS(ID_MUST_NOT_BE_INT_MAX),
     0,
     {.id = "max", .account = "A2", .series = "R", .lines = {T1}}},
    {STATUS(BOOK_OUT_OF_RANGE), 0, {OF_A2, .book = -1, .lines = {T1}}},
    {STATUS(BOOK_OUT_OF_RANGE), 0, {OF_A2, .book = INT64_MIN, .lines = {T1}}},
    {STATUS(SERIES_NOT_SOUND), 0, {ID, .account = "A2", .lines = {T1}}},
    {STATUS(SERIES_NOT_SOUND), 0, {ID, .account = "A2", .series = "", .lines = {T1}}},
    {STATUS(SERIES_NOT_SOUND), 0, {ID, .account = "A2", .series = "a\nb", .lines = {T1}}},
    {STATUS(SERIES_NOT_SOUND), 0, {ID, .account = "A2", .series = "a\x7f", .lines = {T1}}},
    {STATUS(SERIES_NOT_SOUND), 0, {ID, .account = "A2", .series = "\xff", .lines = {T1}}},
    {STATUS(SERIES_NOT_SOUND), 0, {ID, .account = "A2", .series = long_text, .lines = {T1}}},
    {STATUS(ISSUED_OUT_OF_RANGE), 0, {OF_A2, .issued_us = -1, .lines = {T1}}},
    {STATUS(ISSUED_OUT_OF_RANGE), 0, {OF_A2, .issued_us = INT64_MAX, .lines = {T1}}},
    {STATUS(ACCOUNT_ID_MUST_NOT_BE_ZERO), 0, {ID, .series = "R", .lines = {T1}}},
    {STATUS(CORRECTS_ID_MUST_BE_DIFFERENT),
     0,
     {ID, .series = "R", .corrects = "I9", .lines = {{.corrected_line = 1}}}},
    {STATUS(LINE_TRANSFER_ID_MUST_NOT_BE_ZERO), 1, {OF_A2, .lines = {{.corrected_line = 1}}}},
    {STATUS(LINE_TRANSFER_ID_MUST_BE_ZERO),
     2,
     {NOTE, .lines = {{.corrected_line = 1}, {.transfer = "T1", .corrected_line = 1}}}},
    {STATUS(LINE_NUMBER_OUT_OF_RANGE),
     1,
     {OF_A2, .lines = {{.transfer = "T1", .corrected_line = 1}}}},
    {STATUS(LINE_NUMBER_OUT_OF_RANGE), 1, {NOTE, .lines = {{.corrected_line = -1}}}},
    {STATUS(LINE_AMOUNT_OUT_OF_RANGE),
     1,
     {OF_A2, .lines = {{.transfer = "T1", .amount_minor = -1}}}},
    {STATUS(LINE_TAX_OUT_OF_RANGE), 1, {OF_A2, .lines = {{.transfer = "T1", .tax_minor = -1}}}},
    {STATUS(LINE_TAX_OUT_OF_RANGE),
     1,
     {OF_A2, .lines = {{.transfer = "T1", .amount_minor = 5, .tax_minor = 6}}}},
    {STATUS(LINE_TAX_OUT_OF_RANGE), 1, {OF_A2, .lines = {{.transfer = "T1", .tax_minor = 42}}}},
    {STATUS(LINE_TAX_OUT_OF_RANGE), 1, {NOTE, .lines = {{.corrected_line = 1, .tax_minor = 1}}}},
    {STATUS(LINE_TAX_RATE_OUT_OF_RANGE),
     1,
     {OF_A2, .lines = {{.transfer = "T1", .tax_rate_ppm = -1}}}},
    {STATUS(LINE_TEXT_NOT_SOUND), 1, {OF_A2, .lines = {{.transfer = "T1", .text = long_text}}}},
    {STATUS(LINE_TEXT_NOT_SOUND), 1, {OF_A2, .lines = {{.transfer = "T1", .text = "\xc3"}}}},
    {STATUS(ACCOUNT_NOT_FOUND), 0, {ID, .account = "A7", .series = "R", .lines = {T1}}},
    {STATUS(ACCOUNT_HAS_DIFFERENT_BOOK), 0, {ID, .account = "A9", .series = "R", .lines = {T1}}},
    {STATUS(ACCOUNT_HAS_DIFFERENT_BOOK), 0, {OF_A2, .book = 3, .lines = {T1}}},
    {STATUS(CORRECTED_INVOICE_NOT_FOUND),
     0,
     {ID, .series = "G", .corrects = "I7", .lines = {{.corrected_line = 1}}}},
    {STATUS(CORRECTED_INVOICE_IS_CREDIT_NOTE),
     0,
     {ID, .series = "G", .corrects = "C1", .lines = {{.corrected_line = 1}}}},
    {STATUS(CORRECTED_INVOICE_HAS_DIFFERENT_BOOK),
     0,
     {NOTE, .book = 2, .lines = {{.corrected_line = 1}}}},
    {STATUS(CORRECTED_INVOICE_HAS_DIFFERENT_ACCOUNT_ID),
     0,
     {NOTE, .account = "A1", .lines = {{.corrected_line = 1}}}},
    {STATUS(TRANSFER_NOT_FOUND), 2, {OF_A2, .lines = {T1, {.transfer = "T99"}}}},
    {STATUS(TRANSFER_HAS_DIFFERENT_BOOK), 1, {OF_A2, .lines = {{.transfer = "T9"}}}},
    {STATUS(TRANSFER_NOT_INVOICEABLE), 1, {OF_A2, .lines = {{.transfer = "T5"}}}},
    {STATUS(TRANSFER_NOT_INVOICEABLE), 1, {OF_A2, .lines = {{.transfer = "T11"}}}},
    {STATUS(TRANSFER_HAS_DIFFERENT_ACCOUNTS),
     2,
     {ID, .account = "A1", .series = "R", .lines = {T1, {.transfer = "T7"}}}},
    {STATUS(TRANSFER_ALREADY_INVOICED), 1, {OF_A2, .lines = {{.transfer = "T2"}}}},
    {STATUS(TRANSFER_ALREADY_INVOICED), 1, {OF_A2, .lines = {{.transfer = "T10"}}}},
    {STATUS(TRANSFER_ALREADY_INVOICED), 2, {OF_A2, .lines = {T1, T1}}},
    {STATUS(EXCEEDS_TRANSFER_AMOUNT),
     1,
     {OF_A2, .lines = {{.transfer = "T1", .amount_minor = 42}}}},
    {STATUS(EXCEEDS_TRANSFER_AMOUNT),
     2,
     {OF_A2,
      .lines = {{.transfer = "T1", .amount_minor = 40}, {.transfer = "T1", .amount_minor = 2}}}},
    {STATUS(CORRECTED_LINE_NOT_FOUND), 1, {NOTE, .lines = {{.corrected_line = 3}}}},
    {STATUS(CORRECTED_LINE_HAS_DIFFERENT_TAX_RATE),
     1,
     {NOTE, .lines = {{.corrected_line = 1, .tax_rate_ppm = 70000}}}},
    {STATUS(CORRECTED_LINE_ALREADY_CREDITED),
     2,
     {NOTE, .lines = {{.corrected_line = 1}, {.corrected_line = 1}}}},
    {STATUS(EXCEEDS_CORRECTED_LINE_AMOUNT),
     1,
     {NOTE, .lines = {{.corrected_line = 1, .amount_minor = 60}}}},
    {STATUS(EXCEEDS_CORRECTED_LINE_TAX),
     1,
     {NOTE, .lines = {{.corrected_line = 1, .amount_minor = 20, .tax_minor = 11}}}},
    {STATUS(EXCEEDS_CORRECTED_LINE_TAX),
     1,
     {NOTE, .lines = {{.corrected_line = 1, .amount_minor = 59, .tax_minor = 8}}}},
    {STATUS(OVERFLOWS_AMOUNT),
     2,
     {ID, .account = "A5", .series = "R", .lines = {{.transfer = "T7"}, {.transfer = "T8"}}}},
};

/* C1 has given one of line 1 back, so that 59 are left of it, and 10 of its tax. */
static void issue_two(void) {
    expect_issue(session, &books, STATUS(CREATED));
    expect_issue(session,
                 &(short_invoice){.id = "C1",
                                  .series = "G",
                                  .corrects = "I1",
                                  .lines = {{.corrected_line = 1, .amount_minor = 1}}},
                 STATUS(CREATED));
}

Test(ledger_invoice, each_refusal_says_why_and_leaves_nothing) {
    issue_two();
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const farm_ledger_invoice_result result = issue(session, &refusals[i].invoice);
        cr_assert_eq(result.status, refusals[i].status, "%zu: %s instead of %s", i,
                     farm_ledger_invoice_status_name(result.status),
                     farm_ledger_invoice_status_name(refusals[i].status));
        cr_assert_eq(result.refused_line, refusals[i].refused_line, "%zu", i);
        cr_assert_eq(result.number + result.issued_us + result.amount_minor, 0, "%zu", i);
    }
    cr_assert_eq(contract_count(session, "farm_ledger_invoice"), 2);
    cr_assert_eq(contract_count(session, "farm_ledger_series"), 2);
    const short_invoice after = {
        .id = "I9", .account = "A2", .series = "R", .lines = {T1, {.transfer = "T4"}}};
    cr_assert_eq(expect_issue(session, &after, STATUS(CREATED)).number, 2);
    contract_assert_sound(session);
}

Test(ledger_invoice, an_invoice_without_lines_is_refused_beside_another) {
    farm_ledger_invoice_result results[2];
    const short_invoice items[2] = {{.id = "I2", .account = "A2", .series = "R"}, books};
    issue_all(session, items, 2, results);
    cr_assert_eq(results[0].status, STATUS(LINES_MISSING));
    cr_assert_eq(results[1].status, STATUS(CREATED));
    cr_assert_eq(results[1].number, 1);
}

Test(ledger_invoice, statuses_have_names_and_texts) {
    cr_assert_str_eq(farm_ledger_invoice_status_name(STATUS(OVERFLOWS_AMOUNT)), "OVERFLOWS_AMOUNT");
    cr_assert_str_eq(farm_ledger_invoice_status_name(99), "UNKNOWN");
    for (int32_t i = 0; i <= STATUS(OVERFLOWS_AMOUNT); i++) {
        cr_assert_str_neq(farm_ledger_invoice_status_name(i), "UNKNOWN");
        cr_assert_gt(strlen(farm_ledger_invoice_status_text(i)), 0);
    }
}

/* --- in a transaction of the caller's --- */

Test(ledger_invoice, what_is_rolled_back_takes_no_number) {
    const short_invoice other = {
        .id = "I2", .account = "A2", .series = "R", .lines = {{.transfer = "T1"}}};
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(expect_issue(session, &books, STATUS(CREATED)).number, 1);
    cr_assert_eq(expect_issue(session, &back, STATUS(CREATED)).number, 1);
    farm_rollback(session);
    cr_assert_eq(expect_issue(session, &other, STATUS(CREATED)).number, 1);
    cr_assert_eq(farm_begin(session), FARM_OK);
    ledger_play(session, "transfer T20 A1 A2 3\n");
    const short_invoice both = {
        .id = "I3", .account = "A2", .series = "R", .lines = {{.transfer = "T20"}}};
    cr_assert_eq(expect_issue(session, &both, STATUS(CREATED)).number, 2);
    cr_assert_eq(farm_commit(session), FARM_OK);
    contract_assert_sound(session);
}

/* --- read --- */

Test(ledger_invoice, what_was_issued_is_found) {
    expect_issue(session, &books, STATUS(CREATED));
    expect_issue(session, &back, STATUS(CREATED));
    const farm_id ids[3] = {ledger_script_id("C1"), ledger_script_id("I9"), ledger_script_id("I1")};
    farm_ledger_invoice_row found[3];
    for (int i = 0; i < 3; i++) found[i].struct_size = sizeof *found;
    cr_assert_eq(farm_ledger_find_invoices(session, ids, 3, found), FARM_OK);
    cr_assert_str_eq(found[0].series, "G");
    cr_assert_eq(found[0].number, 1);
    cr_assert_eq(memcmp(&found[0].corrects_id, &ids[2], sizeof *ids), 0);
    const farm_id owner = ledger_script_id("A2");
    cr_assert_eq(memcmp(&found[0].account_id, &owner, sizeof owner), 0);
    cr_assert_eq(found[0].credited_minor, 0);
    cr_assert_eq(found[1].number + found[1].book, 0);
    cr_assert_eq(found[2].amount_minor, 110);
    cr_assert_eq(found[2].tax_minor, 15);
    cr_assert_eq(found[2].line_count, 2);
    cr_assert_eq(found[2].credited_minor, 70);
    cr_assert_eq(found[2].created_us, CONTRACT_NOW_US);
}

Test(ledger_invoice, lines_are_listed_a_page_at_a_time) {
    farm_ledger_invoice_line_row lines[2] = {{.struct_size = sizeof *lines},
                                             {.struct_size = sizeof *lines}};
    const farm_id id = ledger_script_id("I1");
    const farm_id transfer = ledger_script_id("T1");
    size_t count = 0;
    expect_issue(session, &books, STATUS(CREATED));
    expect_issue(session, &back, STATUS(CREATED));
    cr_assert_eq(farm_ledger_list_invoice_lines(session, &id, 0, lines, 2, &count), FARM_OK);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(lines[0].text, "books");
    cr_assert_eq(memcmp(&lines[0].transfer_id, &transfer, sizeof transfer), 0);
    cr_assert_eq(lines[0].amount_minor, 60);
    cr_assert_eq(lines[0].tax_minor, 10);
    cr_assert_eq(lines[0].tax_rate_ppm, 190000);
    cr_assert_eq(lines[0].credited_minor, 20);
    cr_assert_eq(lines[0].credited_tax_minor, 4);
    cr_assert_str_eq(lines[1].text, "");
    cr_assert_eq(lines[1].line_number, 2);
    cr_assert_eq(farm_ledger_list_invoice_lines(session, &id, 1, lines, 2, &count), FARM_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(lines[0].line_number, 2);
    const farm_id note = ledger_script_id("C1");
    cr_assert_eq(farm_ledger_list_invoice_lines(session, &note, 0, lines, 1, &count), FARM_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(lines[0].corrected_line, 1);
    cr_assert_eq(lines[0].tax_rate_ppm, 190000, "that of the line");
}

Test(ledger_invoice, a_series_is_listed_a_page_at_a_time) {
    farm_ledger_invoice_row rows[2] = {{.struct_size = sizeof *rows},
                                       {.struct_size = sizeof *rows}};
    size_t count = 0;
    int64_t after = 0;
    for (int i = 0; i < 5; i++) {
        const char *ids[] = {"I1", "I2", "I3", "I4", "I5"};
        const short_invoice one = {.id = ids[i],
                                   .account = "A2",
                                   .series = "2026-é",
                                   .lines = {{.transfer = "T1", .amount_minor = 1}}};
        expect_issue(session, &one, STATUS(CREATED));
    }
    for (int64_t expected = 1; expected <= 5; after = rows[count - 1].number) {
        cr_assert_eq(farm_ledger_list_invoices(session, 1, "2026-é", after, rows, 2, &count),
                     FARM_OK);
        cr_assert_gt(count, 0);
        for (size_t i = 0; i < count; i++) cr_assert_eq(rows[i].number, expected++);
    }
    cr_assert_eq(farm_ledger_list_invoices(session, 1, "2026-é", after, rows, 2, &count), FARM_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(farm_ledger_list_invoices(session, 1, "2026", 0, rows, 2, &count), FARM_OK);
    cr_assert_eq(count, 0);
}

/* --- misuse --- */

static farm_status issue_raw(const farm_ledger_invoice_line *lines, size_t line_count,
                             const farm_ledger_invoice *items, size_t count) {
    farm_ledger_invoice_result results[2] = {{.struct_size = sizeof *results},
                                             {.struct_size = sizeof *results}};
    return farm_ledger_issue_invoices(session, lines, line_count, items, count, results);
}

Test(ledger_invoice, misuse_is_a_sentence) {
    const farm_ledger_invoice_line line = {.struct_size = sizeof line,
                                           .transfer_id = ledger_script_id("T1")};
    farm_ledger_invoice item = {.struct_size = sizeof item,
                                .line_count = 1,
                                .id = ledger_script_id("I1"),
                                .account_id = ledger_script_id("A2"),
                                .book = 1,
                                .series = "R"};
    cr_assert_eq(issue_raw(NULL, 1, &item, 1), FARM_EINVAL);
    cr_assert_eq(issue_raw(&line, 0, &item, 1), FARM_EINVAL);
    cr_assert_eq(issue_raw(&line, 1, NULL, 1), FARM_EINVAL);
    cr_assert_eq(issue_raw(&line, 1, &item, 0), FARM_EINVAL);
    cr_assert_eq(issue_raw(&line, FARM_LEDGER_BATCH_MAX + 1, &item, 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_issue_invoices(session, &line, 1, &item, 1, NULL), FARM_EINVAL);
    for (item.line_count = 0; item.line_count <= 2; item.line_count += 2)
        cr_assert_eq(issue_raw(&line, 1, &item, 1), FARM_EINVAL, "line_count does not fit");
    item.line_count = UINT32_MAX;
    cr_assert_eq(issue_raw(&line, 1, &item, 1), FARM_EINVAL);
    item.line_count = 1;
    act_as("ana");
    cr_assert_eq(issue_raw(&line, 1, &item, 1), FARM_EDENIED);
    act_as_service();
    cr_assert_eq(issue_raw(&line, 1, &item, 1), FARM_OK);
}

Test(ledger_invoice, reading_is_for_the_service_and_has_limits) {
    farm_ledger_invoice_row row = {.struct_size = sizeof row};
    farm_ledger_invoice_line_row line = {.struct_size = sizeof line};
    const farm_id id = ledger_script_id("I1");
    size_t count = 7;
    cr_assert_eq(farm_ledger_find_invoices(session, NULL, 1, &row), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_invoices(session, &id, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_invoices(session, &id, 0, &row), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoices(session, 0, "R", 0, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(count, 0);
    cr_assert_eq(farm_ledger_list_invoices(session, 1, NULL, 0, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoices(session, 1, "R", -1, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoices(session, 1, "R", 0, NULL, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoices(session, 1, "R", 0, &row, 0, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoice_lines(session, NULL, 0, &line, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoice_lines(session, &id, -1, &line, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoice_lines(session, &id, 0, &line, 0, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_invoice_lines(session, &id, 0, &line, 1, NULL), FARM_OK);
    act_as("ana");
    cr_assert_eq(farm_ledger_find_invoices(session, &id, 1, &row), FARM_EDENIED);
    cr_assert_eq(farm_ledger_list_invoices(session, 1, "R", 0, &row, 1, &count), FARM_EDENIED);
    cr_assert_eq(farm_ledger_list_invoice_lines(session, &id, 0, &line, 1, NULL), FARM_EDENIED);
}
