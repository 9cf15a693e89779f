/* Tables of one book read into another: the same balances, or nothing and a sentence. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_export.h>
#include <farmcore/ledger_import.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE = 1 << 18, LATER_US = 60000000 };

static char table[FILE_SIZE];

TestSuite(ledger_import, .init = open_session, .fini = close_session, .timeout = 60);

static void replace_all(char *text, const char *from, const char *to) {
    for (char *at = strstr(text, from); at != NULL; at = strstr(at, from))
        memcpy(at, to, strlen(to));
}

static void replace_once(char *text, const char *from, const char *to) {
    char *at = strstr(text, from);
    cr_assert(at != NULL && strlen(from) == strlen(to), "%s", from);
    memcpy(at, to, strlen(to));
}

/* The first book's table, of accounts B… and transfers U… instead of A… and T…. */
static void export_renamed(void) {
    farm_ledger_query query = {.struct_size = sizeof query, .book = 1};
    size_t size = 0;
    do {
        size_t added = 0;
        cr_assert_eq(farm_ledger_export_next(session, &query, FARM_LEDGER_FORMAT_CSV, table + size,
                                             sizeof table - 1 - size, &added, &query.cursor_ns),
                     FARM_OK);
        size += added;
    } while (query.cursor_ns != 0);
    table[size] = '\0';
    replace_all(table, "ac_41", "ac_42");
    replace_all(table, "tr_54", "tr_55");
}

/* All kinds of transfers, and accounts that a second book's can be of. */
static void play_story(void) {
    ledger_play(session,
                "book 1 EUR 2\n"
                "book 2 EUR 2\n"
                "account A1\n"
                "account A2 debits<=credits\n"
                "account A3\n"
                "send\n"
                "account B1 book=2\n"
                "account B2 book=2 debits<=credits\n"
                "account B3 book=2\n"
                "send\n"
                "after 1s\n"
                "transfer T1 A1 A2 1250 code=7 data64=-5 data32=6 data128=T9 effective=77\n"
                "transfer T2 A1 A2 5 pending timeout=1s\n"
                "transfer T3 A2 A1 300 pending\n"
                "transfer T4 0 0 299 hold=T3 post book=0 code=0\n"
                "transfer T5 A2 A3 40 pending\n"
                "transfer T6 0 0 0 hold=T5 void book=0 code=0\n"
                "transfer T7 A2 A3 max balancing-debit linked\n"
                "transfer T8 A3 A1 1\n"
                "transfer T10 0 0 max reverses=T8 book=0 code=0\n"
                "transfer T9 A1 A3 8 pending\n"
                "after 2s\n"
                "expire 9 -> 1\n"
                "after 1s\n");
    export_renamed();
}

/* The whole text in pieces of so many bytes, each with a line more than fits in what is left over.
 * The status of the last one. */
static farm_status import_all(const char *text, size_t piece) {
    const size_t size = strlen(text);
    int64_t line_count = 0;
    farm_status status = farm_session_set_clock_us(session, CONTRACT_NOW_US + LATER_US);
    for (size_t at = 0, used = 0, room = piece; at < size && status == FARM_OK; at += used) {
        if (room > size - at) room = size - at;
        char *data = malloc(room);
        memcpy(data, text + at, room);
        status = farm_ledger_import_next(session, 2, data, room, line_count, &line_count, &used);
        free(data);
        cr_assert(status != FARM_OK || used > 0 || room < size - at, "line %d has no end",
                  (int)line_count);
        room = used == 0 ? room * 2 : piece;
    }
    return status;
}

#define BALANCES                                                                                   \
    "balance B1 8 1251 0 300\n"                                                                    \
    "balance B2 0 1250 0 1250\n"                                                                   \
    "balance B3 0 1 8 952\n"
#define NOTHING                                                                                    \
    "balance B1 0 0 0 0\n"                                                                         \
    "balance B2 0 0 0 0\n"                                                                         \
    "balance B3 0 0 0 0\n"

Test(ledger_import, balances_are_the_same) {
    play_story();

    cr_assert_eq(import_all(table, FILE_SIZE), FARM_OK, "%s", farm_session_error_text(session));

    ledger_play(session, "balance A1 8 1251 0 300\n"
                         "balance A2 0 1250 0 1250\n"
                         "balance A3 0 1 8 952\n" BALANCES "verify\n");
}

Test(ledger_import, pieces_of_any_size_are_the_same_and_a_repeat_changes_nothing) {
    static const size_t pieces[] = {1, 100, 500, 4096, FILE_SIZE};
    play_story();
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        cr_assert_eq(import_all(table, pieces[i]), FARM_OK, "%s", farm_session_error_text(session));
        ledger_play(session, BALANCES);
    }
    cr_assert_eq(
        contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_event} WHERE book = 2"),
        contract_number(session, "SELECT COUNT(*) FROM {farm_ledger_event} WHERE book = 1"));
    ledger_play(session, "verify\n");
}

Test(ledger_import, a_table_that_a_spreadsheet_has_saved_is_read) {
    static char saved[FILE_SIZE];
    play_story();
    char *to = saved;
    memcpy(to, "\xef\xbb\xbf", 3);
    to += 3;
    for (const char *from = table; *from != '\0'; from++)
        if (*from != '\r') *to++ = *from;
    replace_once(saved, ",single,", ",\"single");
    char *at = strstr(saved, ",\"single");
    memmove(at + 10, at + 8, strlen(at + 8) + 1);
    memcpy(at, ",\"single\",", 10);
    cr_assert_null(strchr(saved, '\r'));

    cr_assert_eq(import_all(saved, FILE_SIZE), FARM_OK, "%s", farm_session_error_text(session));

    ledger_play(session, BALANCES);
}

static void expect_refusal(const char *from, const char *to, farm_status status, int32_t reason,
                           const char *sentence) {
    static char altered[FILE_SIZE];
    memcpy(altered, table, sizeof altered);
    replace_once(altered, from, to);

    cr_assert_eq(import_all(altered, FILE_SIZE), status, "%s: %s", to,
                 farm_session_error_text(session));

    cr_assert_eq(farm_session_error_reason(session), reason);
    cr_assert_not_null(strstr(farm_session_error_text(session), sentence), "%s: %s", to,
                       farm_session_error_text(session));
    ledger_play(session, NOTHING);
}

Test(ledger_import, one_line_that_is_wrong_leaves_nothing_and_is_named) {
    play_story();
    const struct {
        const char *from;
        const char *to;
        const char *sentence;
    } unread[] = {
        {"timestamp,", "timestomp,", "line 1: these are not the columns"},
        {"2026-01-01T", "2026-13-01T", "line 2: timestamp is no time"},
        {"2026-01-01T", "2026-02-30T", "line 2: timestamp is no time"},
        {"T00:00:0", "T24:00:0", "line 2: timestamp is no time"},
        {",single,", ",simple,", "line 2: kind is not"},
        {",tr_55", ",ac_55", "line 2: id is no id"},
        {",tr_55", ",tr_5g", "line 2: id is no id"},
        {",reversal,", ",\"single\",", "line 10: reversed_id is of a reversal"},
        {",ac_42", ",tr_42", "line 2: debit_account is no id"},
        {",12.50,EUR", ",12.5x,EUR", "line 2: amount is no amount"},
        {",12.50,EUR", ",1.250,EUR", "line 2: amount is no amount"},
        {",12.50,EUR", ",12.50,USD", "line 2: asset is not the book's"},
        {",7,0,0,-5,", ",x,0,0,-5,", "line 2: code is no whole number"},
        {",7,0,0,-5,", ",7,0,0,--,", "line 2: user_data_64 is no whole number"},
        {",7,0,0,-5,", ",7,0,0,-5\"", "line 2: a quotation mark"},
        {",7,0,0,-5,", ",7,0,0,-5x", "line 2: it has not 20 cells"},
        {",7,0,0,-5,", ",7,0,0,,5,", "line 2: it has not 20 cells"},
    };
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        expect_refusal(unread[i].from, unread[i].to, FARM_EINVAL, 0, unread[i].sentence);
    const int32_t balance = FARM_LEDGER_REASON_BALANCE;
    expect_refusal(",-12.50,0.00,12.50,", ",-12.51,0.00,12.50,", FARM_EREFUSED, balance,
                   "line 2: debit_balance is -12.51 there and would be -12.50 here");
    expect_refusal(",12.50,EUR", ",12.49,EUR", FARM_EREFUSED, balance,
                   "line 2: debit_balance is -12.50 there and would be -12.49 here");
    expect_refusal(",9.51,EUR", ",9.52,EUR", FARM_EREFUSED, FARM_LEDGER_REASON_REFUSED,
                   "EXCEEDS_CREDITS: the debit account");
}

Test(ledger_import, what_cannot_be_imported_is_said) {
    static char large[FARM_LEDGER_LINE_MAX + 1];
    int64_t lines = 1;
    size_t used = 1;
    ledger_play(session, "book 2 EUR 2\n");
    memset(large, ',', sizeof large);
    const struct {
        int64_t book;
        const void *data;
        size_t size;
        int64_t line_count;
        farm_status status;
    } rows[] = {{0, "a", 1, 0, FARM_EINVAL},
                {2, NULL, 1, 0, FARM_EINVAL},
                {2, "a", (size_t)INT32_MAX + 1, 0, FARM_EINVAL},
                {2, "a", 1, -1, FARM_EINVAL},
                {2, large, sizeof large, 0, FARM_EINVAL},
                {2, large, sizeof large, 1, FARM_EINVAL},
                {2, "\0\n", 2, 1, FARM_EINVAL},
                {2, "\n", 1, 1, FARM_EINVAL},
                {3, "a", 1, 0, FARM_ENOTFOUND}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(farm_ledger_import_next(session, rows[i].book, rows[i].data, rows[i].size,
                                             rows[i].line_count, &lines, &used),
                     rows[i].status, "%zu", i);
        cr_assert_eq(used, 0);
        cr_assert_eq(lines, rows[i].line_count);
    }
    cr_assert_eq(farm_ledger_import_next(session, 2, large, 9, 0, NULL, &used), FARM_OK);
    cr_assert_eq(used, 0, "no line has ended");
    farm_session_set_actor(session, "ana");
    cr_assert_eq(farm_ledger_import_next(session, 2, "a", 1, 0, NULL, NULL), FARM_EDENIED);
}
