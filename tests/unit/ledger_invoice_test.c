/* Rules of invoices over what a store would have found: one invoice in series R, of a line of 60
 * with 10 of tax, of a transfer of 100. */
#include "ledger/ledger_invoice_rules.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(ledger_invoice);

enum { ROOM = 4, SLOTS = 32 };

#define STATUS(name) FARM_LEDGER_INVOICE_##name
#define NOW_US 1000

static farm_id id_of(char kind, int number) {
    farm_id id = {{(uint8_t)kind}};
    id.bytes[15] = (uint8_t)number;
    return id;
}

/* What is known, and room for what is made. */
typedef struct world {
    ledger_invoicing all;
    ledger_series series[2];
    ledger_owner owners[1];
    ledger_billed transfers[2];
    farm_ledger_invoice_row invoices[1 + ROOM];
    size_t invoice_items[ROOM];
    ledger_line stored[2];
    ledger_line made[ROOM];
    farm_ledger_invoice items[ROOM];
    farm_ledger_invoice_line lines[ROOM];
    farm_ledger_invoice_result results[ROOM];
    size_t first_lines[ROOM];
    id_map_slot slots[3][SLOTS];
} world;

static world made;

static void put_all(void) {
    id_map_init(&made.all.owner_places, made.slots[0], SLOTS, 1);
    id_map_init(&made.all.transfer_places, made.slots[1], SLOTS, 2);
    id_map_init(&made.all.invoice_places, made.slots[2], SLOTS, 3);
    *id_map_put(&made.all.owner_places, &made.owners[0].account_id) = 0;
    for (uint32_t i = 0; i < 2; i++)
        *id_map_put(&made.all.transfer_places, &made.transfers[i].id) = i;
    *id_map_put(&made.all.invoice_places, &made.invoices[0].id) = 0;
}

static void make_world(void) {
    made = (world){.series = {{.book = 1, .series = "G"},
                              {.book = 1, .series = "R", .known_number = 1, .last_number = 1}},
                   .owners = {{.account_id = id_of('A', 1), .book = 1}},
                   .transfers = {{.id = id_of('T', 1),
                                  .debit_account_id = id_of('A', 2),
                                  .credit_account_id = id_of('A', 1),
                                  .book = 1,
                                  .timestamp_ns = 11,
                                  .left_minor = 40},
                                 {.id = id_of('T', 2),
                                  .debit_account_id = id_of('A', 1),
                                  .credit_account_id = id_of('A', 2),
                                  .book = 1,
                                  .timestamp_ns = 12,
                                  .left_minor = INT64_MAX,
                                  .kind = FARM_LEDGER_KIND_POSTED}},
                   .invoices = {{.line_count = 2,
                                 .id = id_of('I', 1),
                                 .account_id = id_of('A', 1),
                                 .book = 1,
                                 .number = 1,
                                 .issued_us = 7,
                                 .created_us = 7,
                                 .series = "R"}},
                   .stored = {{.invoice_id = id_of('I', 1),
                               .line_number = 1,
                               .is_there = 1,
                               .transfer_id = id_of('T', 1),
                               .timestamp_ns = 11,
                               .amount_minor = 60,
                               .tax_minor = 10,
                               .text = ""},
                              {.invoice_id = id_of('I', 1), .line_number = 2}},
                   .all = {.now_us = NOW_US,
                           .items = made.items,
                           .lines = made.lines,
                           .first_lines = made.first_lines,
                           .results = made.results,
                           .series = made.series,
                           .series_count = 2,
                           .owners = made.owners,
                           .transfers = made.transfers,
                           .invoices = made.invoices,
                           .invoice_count = 1,
                           .stored_count = 1,
                           .invoice_items = made.invoice_items,
                           .stored_lines = made.stored,
                           .stored_line_count = 2,
                           .made_lines = made.made}};
    put_all();
}

/* An item more, with so many lines, each of T1 and all of it. */
static farm_ledger_invoice *add_item(int number, uint32_t line_count) {
    const size_t index = made.all.count++;
    const size_t first =
        index == 0 ? 0 : made.first_lines[index - 1] + made.items[index - 1].line_count;
    made.first_lines[index] = first;
    made.items[index] = (farm_ledger_invoice){.line_count = line_count,
                                              .id = id_of('I', number),
                                              .account_id = id_of('A', 1),
                                              .book = 1,
                                              .series = "R"};
    for (size_t i = 0; i < line_count; i++) made.lines[first + i].transfer_id = id_of('T', 1);
    return &made.items[index];
}

static void make_note(farm_ledger_invoice *item, int corrects, int64_t line_number) {
    const size_t first = made.first_lines[item - made.items];
    item->corrects_id = id_of('I', corrects);
    item->account_id = (farm_id){{0}};
    item->series = "G";
    made.lines[first] = (farm_ledger_invoice_line){.corrected_line = line_number};
}

static void expect(size_t index, int32_t status, int64_t number) {
    const farm_ledger_invoice_result *result = &made.results[index];
    cr_assert_eq(result->status, status, "%zu: %d", index, result->status);
    cr_assert_eq(result->number, number, "%zu: %lld", index, (long long)result->number);
}

Test(ledger_invoice, numbers_go_on_and_lines_know_their_transfer) {
    make_world();
    add_item(2, 1);
    make_note(add_item(3, 1), 2, 1);
    ledger_issue(&made.all);
    expect(0, STATUS(CREATED), 2);
    expect(1, STATUS(CREATED), 1);
    cr_assert_eq(made.results[0].amount_minor, 40);
    cr_assert_eq(made.results[0].issued_us, NOW_US);
    cr_assert_eq(made.made[0].timestamp_ns, 11);
    cr_assert_eq(made.made[1].timestamp_ns, 11);
    cr_assert_eq(made.made[0].credited_minor, 40);
    cr_assert_eq(made.transfers[0].left_minor, 40);
    cr_assert_eq(made.all.invoice_count, 3);
}

Test(ledger_invoice, what_a_refused_item_took_is_there_again) {
    make_world();
    farm_ledger_invoice *item = add_item(2, 2);
    (void)item;
    made.lines[0].amount_minor = 30;
    made.lines[1].amount_minor = 11;
    add_item(3, 1);
    ledger_issue(&made.all);
    expect(0, STATUS(EXCEEDS_TRANSFER_AMOUNT), 0);
    cr_assert_eq(made.results[0].refused_line, 2);
    expect(1, STATUS(CREATED), 2);
    cr_assert_eq(made.results[1].amount_minor, 40);
}

Test(ledger_invoice, what_a_refused_credit_note_gave_back_is_taken_again) {
    make_world();
    farm_ledger_invoice *item = add_item(2, 2);
    make_note(item, 1, 1);
    made.lines[1] = (farm_ledger_invoice_line){.corrected_line = 2};
    ledger_issue(&made.all);
    expect(0, STATUS(CORRECTED_LINE_NOT_FOUND), 0);
    cr_assert_eq(made.stored[0].credited_minor, 0);
    cr_assert_eq(made.stored[0].credited_tax_minor, 0);
    cr_assert_eq(made.transfers[0].left_minor, 40);
    cr_assert_eq(made.series[0].last_number, 0);
}

Test(ledger_invoice, a_sum_that_would_overflow_leaves_nothing) {
    make_world();
    add_item(2, 2);
    made.lines[0].transfer_id = id_of('T', 2);
    ledger_issue(&made.all);
    expect(0, STATUS(OVERFLOWS_AMOUNT), 0);
    cr_assert_eq(made.results[0].refused_line, 2);
    cr_assert_eq(made.transfers[0].left_minor, 40);
    cr_assert_eq(made.transfers[1].left_minor, INT64_MAX);
}

Test(ledger_invoice, a_line_that_was_not_read_is_none) {
    make_world();
    made.all.stored_line_count = 0;
    make_note(add_item(2, 1), 1, 1);
    make_note(add_item(3, 1), 1, 3);
    add_item(1, 2);
    made.items[2].issued_us = 7;
    ledger_issue(&made.all);
    expect(0, STATUS(CORRECTED_LINE_NOT_FOUND), 0);
    expect(1, STATUS(CORRECTED_LINE_NOT_FOUND), 0);
    expect(2, STATUS(EXISTS_WITH_DIFFERENT_LINES), 0);
}

typedef struct tax_case {
    const char *name;
    int64_t amount_minor;
    int64_t tax_minor;
    int32_t status;
} tax_case;

/* Of 60 with 10 of tax, of which 20 with 8 were given back: 40 are left, 2 of them tax. */
Test(ledger_invoice, tax_and_what_is_beside_it_are_given_back_no_more_than_once) {
    static const tax_case cases[] = {
        {"all of it", 0, 0, STATUS(CREATED)},
        {"all of it, by its figures", 40, 2, STATUS(CREATED)},
        {"the tax alone", 2, 2, STATUS(CREATED)},
        {"all but the tax", 38, 0, STATUS(CREATED)},
        {"too much tax", 3, 3, STATUS(EXCEEDS_CORRECTED_LINE_TAX)},
        {"too much beside the tax", 39, 0, STATUS(EXCEEDS_CORRECTED_LINE_TAX)},
        {"too much", 41, 2, STATUS(EXCEEDS_CORRECTED_LINE_AMOUNT)},
        {"more tax than amount", 1, 2, STATUS(LINE_TAX_OUT_OF_RANGE)},
        {"a tax of all", 0, 2, STATUS(LINE_TAX_OUT_OF_RANGE)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_world();
        made.stored[0].credited_minor = 20;
        made.stored[0].credited_tax_minor = 8;
        make_note(add_item(2, 1), 1, 1);
        made.lines[0].amount_minor = cases[i].amount_minor;
        made.lines[0].tax_minor = cases[i].tax_minor;
        ledger_issue(&made.all);
        cr_assert_eq(made.results[0].status, cases[i].status, "%s: %d", cases[i].name,
                     made.results[0].status);
    }
}

Test(ledger_invoice, series_and_lines_are_in_an_order) {
    const ledger_series series[] = {
        {.book = 1, .series = "b"}, {.book = 2, .series = "a"}, {.book = 2, .series = "b"}};
    const ledger_line lines[] = {{.invoice_id = id_of('I', 1), .line_number = 2},
                                 {.invoice_id = id_of('I', 2), .line_number = 1},
                                 {.invoice_id = id_of('I', 2), .line_number = 2}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int wanted = (i > j) - (i < j);
            const int by_series = ledger_compare_series(&series[i], &series[j]);
            const int by_line = ledger_compare_lines(&lines[i], &lines[j]);
            cr_assert_eq((by_series > 0) - (by_series < 0), wanted);
            cr_assert_eq((by_line > 0) - (by_line < 0), wanted);
        }
    cr_assert_eq(ledger_is_series("2026-R \xc3\xa9"), 1);
    cr_assert_eq(ledger_is_series("\t"), 0);
}
