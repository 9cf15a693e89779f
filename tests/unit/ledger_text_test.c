/* What a journal can name. What it says is a matter of contract/ledger_export_test.c. */
#include "ledger/ledger_text_rules.h"
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

TestSuite(ledger_text);

Test(ledger_text, an_asset_that_a_journal_cannot_name_is_told_from_one_that_it_can) {
    static const struct {
        const char *asset;
        int32_t hledger;
        int32_t beancount;
    } rows[] = {
        {"EUR", 1, 1},  {"US", 1, 1},    {"A1", 1, 1},
        {"A-B", 1, 1},  {"A.B", 1, 1},   {"A_B", 1, 1},
        {"A'B", 1, 1},  {"NULLS", 1, 1}, {"ABCDEFGHIJKLMNOP", 1, 1},
        {"", 1, 0},     {"X", 1, 0},     {"Eur", 1, 0},
        {"eur", 1, 0},  {"1A", 1, 0},    {"A-", 1, 0},
        {"A'", 1, 0},   {"A$", 1, 0},    {"$A", 1, 0},
        {"A\"B", 0, 0}, {"TRUE", 1, 0},  {"FALSE", 1, 0},
        {"NULL", 1, 0}, {"A;B", 1, 0},   {"A@B", 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *asset = rows[i].asset;
        cr_assert_eq(ledger_text_is_nameable(FARM_LEDGER_FORMAT_HLEDGER, asset), rows[i].hledger,
                     "%s", asset);
        cr_assert_eq(ledger_text_is_nameable(FARM_LEDGER_FORMAT_BEANCOUNT, asset),
                     rows[i].beancount, "%s", asset);
        cr_assert(ledger_text_is_nameable(FARM_LEDGER_FORMAT_CSV, asset), "%s", asset);
    }
}

/* So many of them fit in a piece for certain. */
Test(ledger_text, the_longest_balance_has_110_bytes) {
    char data[300];
    ledger_text text = {.asset = "ABCDEFGHIJKLMNOP",
                        .scale = 18,
                        .format = FARM_LEDGER_FORMAT_BEANCOUNT,
                        .data = data,
                        .capacity = sizeof data};
    const farm_ledger_account account = {.id = {{0xff}},
                                         .balances = {.credits_posted_minor = INT64_MAX}};
    cr_assert(ledger_text_add_account(&text, &account));
    cr_assert_eq(text.size, 110);
    data[text.size] = '\0';
    cr_assert_str_eq(data, "9999-12-31 balance Assets:Ac-ff000000-0000-0000-0000-000000000000  "
                           "-9.223372036854775807 ~ 0 ABCDEFGHIJKLMNOP\n");
    text.capacity = 219;
    cr_assert_not(ledger_text_add_account(&text, &account), "there is no room for half of it");
    cr_assert_eq(text.size, 110);
}
