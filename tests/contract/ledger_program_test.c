/* Programs and nominations: each status, the history that stays, and what nobody may write by hand.
 * The rules are tables of unit/ledger_program_test.c. */
#include "contract/ledger_damage.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_payout.h>
#include <farmcore/ledger_program.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void open_programs(void);

TestSuite(ledger_program, .init = open_programs, .fini = close_session, .timeout = 60);

#define END_US (CONTRACT_NOW_US + 100 * SECOND_US)
#define STATUS(name) FARM_LEDGER_NOMINATION_##name

static const char story[] = "book 1 EUR 2\n"
                            "book 2 EUR 2\n"
                            "account A1\n"
                            "account A2\n"
                            "account A3\n"
                            "account A4 book=2\n"
                            "transfer T1 A1 A2 100\n"
                            "transfer T2 A1 A3 100\n";

static farm_ledger_program program_of(const char *id, int64_t until_us, int64_t nominations_max) {
    return (farm_ledger_program){.struct_size = sizeof(farm_ledger_program),
                                 .id = ledger_script_id(id),
                                 .user_data_128 = ledger_script_id("U1"),
                                 .book = 1,
                                 .name = "shop of the month",
                                 .from_us = CONTRACT_NOW_US,
                                 .until_us = until_us,
                                 .nominations_max = nominations_max};
}

/* P1 ends and has room for two, P2 does neither. */
static void open_programs(void) {
    const farm_ledger_program programs[] = {program_of("P2", 0, 0), program_of("P1", END_US, 2)};
    open_session();
    ledger_play(session, story);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(farm_ledger_open_programs(session, programs, 2), FARM_OK, "%s",
                     farm_session_error_text(session));
}

static farm_ledger_nomination nomination_of(const char *program, const char *subject,
                                            const char *account, int64_t until_us) {
    return (farm_ledger_nomination){.struct_size = sizeof(farm_ledger_nomination),
                                    .program_id = ledger_script_id(program),
                                    .subject = subject,
                                    .account_id = ledger_script_id(account),
                                    .nominated_by = "ann",
                                    .until_us = until_us};
}

static void expect_nominated(const farm_ledger_nomination *item, int32_t status, int64_t number) {
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_nominate(session, item, 1, &result), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert(result.status == status && result.number == number, "%s: %s, %lld", item->subject,
              farm_ledger_nomination_status_name(result.status), (long long)result.number);
}

static void nominate(const char *program, const char *subject, const char *account,
                     int64_t until_us, int32_t status, int64_t number) {
    const farm_ledger_nomination item = nomination_of(program, subject, account, until_us);
    expect_nominated(&item, status, number);
}

static void withdraw(const char *program, const char *subject, const char *by, int64_t number,
                     int32_t status) {
    const farm_ledger_withdrawal item = {.struct_size = sizeof item,
                                         .program_id = ledger_script_id(program),
                                         .subject = subject,
                                         .withdrawn_by = by,
                                         .number = number};
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_withdraw_nominations(session, &item, 1, &result), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(result.status, status, "%s: %s", subject,
                 farm_ledger_nomination_status_name(result.status));
}

static farm_status end_program(const char *program, int64_t until_us) {
    const farm_id id = ledger_script_id(program);
    return farm_ledger_end_program(session, &id, until_us);
}

static farm_ledger_program_row found_program(const char *program) {
    const farm_id ids[] = {ledger_script_id("P9"), ledger_script_id(program)};
    farm_ledger_program_row found[] = {{.struct_size = sizeof *found},
                                       {.struct_size = sizeof *found}};
    cr_assert_eq(farm_ledger_find_programs(session, ids, 2, found), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(found[0].book, 0);
    return found[1];
}

/* What stands behind the name in the line; "": it is not there. */
static void word_of(const char *line, const char *name, char out[32]) {
    const char *found = strstr(line, name);
    const size_t size = found == NULL ? 0 : strcspn(found + strlen(name), " \n");
    cr_assert(size < 32);
    if (size > 0) memcpy(out, found + strlen(name), size);
    out[size] = '\0';
}

static void nominate_line(const char *line, const char *expected) {
    char program[32], subject[32], account[32], by[32], until[32], data[32], number[32];
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(sscanf(line, "nomination %31s %31s %31s %31s", program, subject, account, by), 4);
    word_of(line, "until=", until);
    word_of(line, "data=", data);
    word_of(line, "number=", number);
    farm_ledger_nomination item = nomination_of(program, subject, account, 0);
    item.nominated_by = by;
    item.number = strtoll(number, NULL, 10);
    if (strtoll(until, NULL, 10) != 0)
        item.until_us = CONTRACT_NOW_US + strtoll(until, NULL, 10) * SECOND_US;
    if (data[0] != '\0') item.user_data_128 = ledger_script_id(data);
    cr_assert_eq(farm_ledger_nominate(session, &item, 1, &result), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_str_eq(farm_ledger_nomination_status_name(result.status), expected, "%s", line);
}

static void withdraw_line(const char *line, const char *expected) {
    char program[32], subject[32], by[32], number[32];
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(sscanf(line, "withdrawn nomination %31s %31s by %31s", program, subject, by), 3);
    word_of(line, "number=", number);
    const farm_ledger_withdrawal item = {.struct_size = sizeof item,
                                         .program_id = ledger_script_id(program),
                                         .subject = subject,
                                         .withdrawn_by = by,
                                         .number = strtoll(number, NULL, 10)};
    cr_assert_eq(farm_ledger_withdraw_nominations(session, &item, 1, &result), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_str_eq(farm_ledger_nomination_status_name(result.status), expected, "%s", line);
}

/* Each line is a call of its own: program, subject, account and by whom; until= is in seconds. */
static void play(const char *script) {
    for (const char *line = script; *line != '\0'; line += strcspn(line, "\n") + 1) {
        char one[200], expected[64];
        snprintf(one, sizeof one, "%.*s", (int)strcspn(line, "\n"), line);
        cr_assert_not_null(strstr(one, "-> "));
        snprintf(expected, sizeof expected, "%s", strstr(one, "-> ") + 3);
        if (strncmp(one, "withdrawn", 9) == 0)
            withdraw_line(one, expected);
        else
            nominate_line(one, expected);
    }
}

/* The subjects of a program at a time, with commas, read two at a time. */
static const char *nominated_at(const char *program, int64_t at_us) {
    static char text[400];
    const farm_id id = ledger_script_id(program);
    farm_ledger_nomination_row rows[2];
    const char *after = NULL;
    char last[FARM_KEY_MAX + 1];
    size_t count = 2;
    size_t size = 0;
    text[0] = '\0';
    while (count == 2) {
        for (int i = 0; i < 2; i++) rows[i].struct_size = sizeof *rows;
        cr_assert_eq(farm_ledger_list_nominations(session, &id, at_us, after, rows, 2, &count),
                     FARM_OK, "%s", farm_session_error_text(session));
        for (size_t i = 0; i < count; i++) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", size == 0 ? "" : ",",
                                     rows[i].subject);
            snprintf(last, sizeof last, "%s", rows[i].subject);
        }
        after = last;
    }
    return text;
}

/* Of A1, A2, A3, A4 and one that is not there: '+' who is nominated. */
static const char *accounts_at(const char *program, int64_t at_us) {
    static char text[6];
    static const char *const names[] = {"A1", "A2", "A3", "A4", "A9"};
    const farm_id id = ledger_script_id(program);
    farm_id ids[5];
    farm_ledger_nominated found[5];
    for (int i = 0; i < 5; i++) {
        ids[i] = ledger_script_id(names[i]);
        found[i].struct_size = sizeof *found;
    }
    cr_assert_eq(farm_ledger_check_nominations(session, &id, at_us, ids, 5, found), FARM_OK, "%s",
                 farm_session_error_text(session));
    for (int i = 0; i < 5; i++) text[i] = found[i].is_nominated ? '+' : '-';
    return text;
}

/* --- programs --- */

Test(ledger_program, a_program_is_found_as_it_was_opened) {
    nominate("P1", "shop", "A2", 0, STATUS(CREATED), 1);
    const farm_ledger_program_row found = found_program("P1");
    const farm_id user_data = ledger_script_id("U1");
    cr_assert(found.book == 1 && found.from_us == CONTRACT_NOW_US && found.until_us == END_US &&
              found.opened_until_us == END_US && found.nominations_max == 2 &&
              found.nomination_count == 1);
    cr_assert_str_eq(found.name, "shop of the month");
    cr_assert_eq(memcmp(&found.user_data_128, &user_data, sizeof user_data), 0);
    cr_assert_eq(found_program("P2").until_us, 0);
}

Test(ledger_program, the_same_id_with_other_fields_is_refused) {
    farm_ledger_program other[8];
    for (int i = 0; i < 8; i++) other[i] = program_of("P1", END_US, 2);
    other[0].name = "shop of the mont";
    other[1].book = 2;
    other[2].from_us++;
    other[3].until_us++;
    other[4].until_us = 0;
    other[5].nominations_max = 0;
    other[6].user_data_128 = ledger_script_id("0");
    other[7].user_data_128 = ledger_script_id("U2");
    for (int i = 0; i < 8; i++) {
        const farm_ledger_program both[] = {program_of("P3", 0, 0), other[i]};
        cr_assert_eq(farm_ledger_open_programs(session, both, 2), FARM_EEXISTS, "%d", i);
        cr_assert_eq(farm_session_error_reason(session), FARM_LEDGER_REASON_PROGRAM_DIFFERS);
        cr_assert_eq(found_program("P3").book, 0, "all or none");
    }
}

Test(ledger_program, an_end_is_brought_forward_and_never_put_off) {
    cr_assert_eq(end_program("P1", END_US + 1), FARM_EREFUSED);
    cr_assert_eq(farm_session_error_reason(session), FARM_LEDGER_REASON_PROGRAM_ENDS_EARLIER);
    for (int i = 0; i < 2; i++) cr_assert_eq(end_program("P1", END_US - SECOND_US), FARM_OK);
    cr_assert_eq(end_program("P1", END_US), FARM_EREFUSED);
    cr_assert_eq(end_program("P2", END_US), FARM_OK, "where there was none");
    cr_assert_eq(found_program("P2").until_us, END_US);
    cr_assert_eq(found_program("P2").opened_until_us, 0);
    /* A repeat of the opening is of what was opened. */
    const farm_ledger_program again = program_of("P1", END_US, 2);
    cr_assert_eq(farm_ledger_open_programs(session, &again, 1), FARM_OK);
    cr_assert_eq(found_program("P1").until_us, END_US - SECOND_US);
    cr_assert_eq(end_program("P9", 1), FARM_ENOTFOUND);
    contract_assert_sound(session);
}

Test(ledger_program, an_end_that_has_passed_is_now) {
    nominate("P1", "shop", "A2", 0, STATUS(CREATED), 1);
    set_clock(5 * SECOND_US);
    cr_assert_eq(end_program("P1", 1), FARM_OK);
    set_clock(6 * SECOND_US);
    cr_assert_eq(end_program("P1", 1), FARM_OK);
    cr_assert_eq(found_program("P1").until_us, CONTRACT_NOW_US + 5 * SECOND_US);
    cr_assert_eq(found_program("P1").nomination_count, 0);
    cr_assert_str_eq(accounts_at("P1", 0), "-----");
    cr_assert_str_eq(accounts_at("P1", CONTRACT_NOW_US + 5 * SECOND_US - 1), "-+---");
    nominate("P1", "other", "A2", 0, STATUS(PROGRAM_ENDED), 0);
    withdraw("P1", "shop", "eve", 0, STATUS(NOMINATION_ENDED));
    contract_assert_sound(session);
}

Test(ledger_program, one_that_ends_before_it_begins_never_runs) {
    farm_ledger_program later = program_of("P3", 0, 0);
    later.from_us = END_US;
    cr_assert_eq(farm_ledger_open_programs(session, &later, 1), FARM_OK);
    nominate("P3", "shop", "A2", 0, STATUS(CREATED), 1);
    cr_assert_str_eq(nominated_at("P3", 0), "", "it has not begun");
    cr_assert_str_eq(nominated_at("P3", END_US), "shop");
    cr_assert_eq(end_program("P3", 1), FARM_OK);
    cr_assert_str_eq(nominated_at("P3", END_US), "");
    cr_assert_eq(found_program("P3").until_us, END_US);
    nominate("P3", "other", "A2", 0, STATUS(PROGRAM_ENDED), 0);
}

/* --- nominations --- */

Test(ledger_program, each_item_has_its_status) {
    play("nomination P1 a A2 ann until=100 -> CREATED\n"
         "nomination P1 a A2 ann until=100 -> EXISTS\n"
         "nomination P1 a A3 ann until=100 -> EXISTS_WITH_DIFFERENT_ACCOUNT_ID\n"
         "nomination P1 a A2 bob until=100 -> EXISTS_WITH_DIFFERENT_NOMINATED_BY\n"
         "nomination P1 a A2 ann until=0 -> EXISTS_WITH_DIFFERENT_UNTIL\n"
         "nomination P1 a A2 ann until=100 data=U2 -> EXISTS_WITH_DIFFERENT_USER_DATA_128\n"
         "nomination P1 a A2 ann until=100 number=2 -> EXISTS_WITH_DIFFERENT_NUMBER\n"
         "nomination P9 a A2 ann -> PROGRAM_NOT_FOUND\n"
         "nomination 0 a A2 ann -> PROGRAM_NOT_FOUND\n"
         "nomination P1 b A9 ann -> ACCOUNT_NOT_FOUND\n"
         "nomination P1 b A4 ann -> ACCOUNT_HAS_DIFFERENT_LEDGER\n"
         "nomination P1 b A3 ann until=101 -> UNTIL_OUT_OF_RANGE\n"
         "nomination P1 b 0 ann -> CREATED\n"
         "nomination P1 c A2 ann -> FULL\n"
         "nomination P2 c A2 ann -> CREATED\n");
    cr_assert_eq(end_program("P1", 1), FARM_OK);
    play("nomination P1 d A2 ann -> PROGRAM_ENDED\n"
         "nomination P1 a A2 ann until=100 -> EXISTS\n");
    cr_assert_eq(contract_count(session, "farm_ledger_nomination"), 3);
    contract_assert_sound(session);
}

Test(ledger_program, items_of_one_call_see_those_before_them) {
    const farm_ledger_nomination items[] = {
        nomination_of("P1", "a", "A2", 0), nomination_of("P1", "a", "A2", 0),
        nomination_of("P1", "a", "A3", 0), nomination_of("P1", "b", "A2", 1),
        nomination_of("P1", "b", "0", 0),  nomination_of("P1", "c", "A2", 0),
        nomination_of("P2", "c", "A2", 0)};
    static const int32_t expected[] = {STATUS(CREATED),
                                       STATUS(EXISTS),
                                       STATUS(EXISTS_WITH_DIFFERENT_ACCOUNT_ID),
                                       STATUS(UNTIL_OUT_OF_RANGE),
                                       STATUS(CREATED),
                                       STATUS(FULL),
                                       STATUS(CREATED)};
    enum { COUNT = sizeof items / sizeof *items };
    farm_ledger_nomination_result results[COUNT];
    for (int i = 0; i < COUNT; i++) results[i].struct_size = sizeof *results;
    cr_assert_eq(farm_ledger_nominate(session, items, COUNT, results), FARM_OK, "%s",
                 farm_session_error_text(session));
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(results[i].status, expected[i], "%d: %s", i,
                     farm_ledger_nomination_status_name(results[i].status));
    contract_assert_sound(session);
}

Test(ledger_program, what_has_ended_leaves_room_and_comes_again) {
    const int64_t soon_us = CONTRACT_NOW_US + SECOND_US;
    nominate("P1", "a", "A2", soon_us, STATUS(CREATED), 1);
    nominate("P1", "b", "A3", 0, STATUS(CREATED), 1);
    nominate("P1", "c", "A3", 0, STATUS(FULL), 0);
    set_clock(SECOND_US - 1);
    nominate("P1", "c", "A3", 0, STATUS(FULL), 0);
    set_clock(SECOND_US);
    nominate("P1", "c", "A3", 0, STATUS(CREATED), 1);
    nominate("P1", "a", "A2", 0, STATUS(FULL), 0);
    withdraw("P1", "b", "eve", 0, STATUS(CREATED));
    nominate("P1", "a", "A2", 0, STATUS(CREATED), 2);
    cr_assert_str_eq(nominated_at("P1", 0), "a,c");
    cr_assert_str_eq(nominated_at("P1", soon_us - 1), "a,b");
    cr_assert_str_eq(nominated_at("P1", CONTRACT_NOW_US - 1), "");
    contract_assert_sound(session);
}

Test(ledger_program, a_late_repeat_with_its_number_makes_no_other) {
    farm_ledger_nomination item = nomination_of("P2", "a", "A2", 0);
    item.number = 1;
    expect_nominated(&item, STATUS(CREATED), 1);
    withdraw("P2", "a", "eve", 1, STATUS(CREATED));
    expect_nominated(&item, STATUS(EXISTS), 1);
    item.number = 0;
    expect_nominated(&item, STATUS(CREATED), 2);
    item.number = 1;
    expect_nominated(&item, STATUS(EXISTS_WITH_DIFFERENT_NUMBER), 0);
    withdraw("P2", "a", "eve", 1, STATUS(EXISTS_WITH_DIFFERENT_NUMBER));
}

Test(ledger_program, a_withdrawal_has_its_status) {
    play("nomination P2 a A2 ann -> CREATED\n"
         "nomination P2 b A2 ann until=1 -> CREATED\n");
    set_clock(SECOND_US);
    play("withdrawn nomination P2 a by eve -> CREATED\n");
    set_clock(2 * SECOND_US);
    play("withdrawn nomination P2 a by eve -> EXISTS\n"
         "withdrawn nomination P2 a by bob -> EXISTS_WITH_DIFFERENT_WITHDRAWN_BY\n"
         "withdrawn nomination P2 b by eve -> NOMINATION_ENDED\n"
         "withdrawn nomination P2 c by eve -> NOMINATION_NOT_FOUND\n"
         "withdrawn nomination P2 a by eve number=2 -> NOMINATION_NOT_FOUND\n"
         "withdrawn nomination P9 a by eve -> PROGRAM_NOT_FOUND\n");
    contract_assert_sound(session);
}

/* --- reading --- */

Test(ledger_program, the_history_of_a_subject_stays) {
    farm_ledger_nomination_row rows[2];
    farm_ledger_nomination_query query = {.struct_size = sizeof query, .book = 1, .subject = "a"};
    char found[200] = "";
    size_t count = 2;
    size_t size = 0;
    nominate("P2", "a", "A2", 0, STATUS(CREATED), 1);
    set_clock(SECOND_US);
    withdraw("P2", "a", "eve", 0, STATUS(CREATED));
    nominate("P2", "a", "A3", 0, STATUS(CREATED), 2);
    nominate("P1", "a", "0", 0, STATUS(CREATED), 1);
    nominate("P1", "b", "0", 0, STATUS(CREATED), 1);
    while (count == 2) {
        for (int i = 0; i < 2; i++) rows[i].struct_size = sizeof *rows;
        cr_assert_eq(farm_ledger_list_subject_nominations(session, &query, rows, 2, &count),
                     FARM_OK, "%s", farm_session_error_text(session));
        for (size_t i = 0; i < count; i++) {
            size += (size_t)snprintf(
                found + size, sizeof found - size, "P%c %lld %s-%s until %lld;",
                rows[i].program_id.bytes[15] == 1 ? '1' : '2', (long long)rows[i].number,
                rows[i].nominated_by, rows[i].withdrawn_by,
                rows[i].until_us == 0
                    ? -1LL
                    : (long long)((rows[i].until_us - CONTRACT_NOW_US) / SECOND_US));
            query.after_program_id = rows[i].program_id;
            query.after_number = rows[i].number;
        }
    }
    cr_assert_str_eq(found, "P1 1 ann- until 100;P2 1 ann-eve until 1;P2 2 ann- until -1;");
    query.book = 2;
    query.after_program_id = ledger_script_id("0");
    cr_assert_eq(farm_ledger_list_subject_nominations(session, &query, rows, 2, &count), FARM_OK);
    cr_assert_eq(count, 0);
}

Test(ledger_program, accounts_are_nominated_by_any_subject_and_until_the_latest) {
    const farm_id program = ledger_script_id("P1");
    const farm_id account = ledger_script_id("A2");
    farm_ledger_nominated found = {.struct_size = sizeof found};
    nominate("P1", "a", "A2", CONTRACT_NOW_US + 5 * SECOND_US, STATUS(CREATED), 1);
    nominate("P1", "b", "A2", 0, STATUS(CREATED), 1);
    cr_assert_str_eq(accounts_at("P1", 0), "-+---");
    cr_assert_str_eq(accounts_at("P2", 0), "-----");
    cr_assert_str_eq(accounts_at("P9", 0), "-----");
    cr_assert_eq(farm_ledger_check_nominations(session, &program, 0, &account, 1, &found), FARM_OK);
    cr_assert_eq(found.until_us, END_US, "as long as the program");
    withdraw("P1", "b", "eve", 0, STATUS(CREATED));
    cr_assert_eq(farm_ledger_check_nominations(session, &program, 0, &account, 1, &found), FARM_OK);
    cr_assert_eq(found.until_us, CONTRACT_NOW_US + 5 * SECOND_US);
    cr_assert_str_eq(accounts_at("P1", END_US), "-----");
}

/* --- payouts --- */

static int32_t payout_reason(const char *program, const char *account) {
    const farm_ledger_payout_rules rules = {
        .struct_size = sizeof rules, .book = 1, .program_id = ledger_script_id(program)};
    const farm_ledger_payee payee = {.struct_size = sizeof payee,
                                     .account_id = ledger_script_id(account)};
    farm_ledger_payout found = {.struct_size = sizeof found};
    cr_assert_eq(farm_ledger_check_payouts(session, &rules, &payee, 1, &found), FARM_OK, "%s",
                 farm_session_error_text(session));
    return found.reason;
}

Test(ledger_program, only_who_is_nominated_is_paid) {
    nominate("P1", "a", "A2", 0, STATUS(CREATED), 1);
    cr_assert_eq(payout_reason("P1", "A2"), FARM_LEDGER_PAYOUT_ELIGIBLE);
    cr_assert_eq(payout_reason("P1", "A3"), FARM_LEDGER_PAYOUT_NOT_NOMINATED);
    cr_assert_eq(payout_reason("0", "A3"), FARM_LEDGER_PAYOUT_ELIGIBLE);
    cr_assert_eq(payout_reason("P9", "A2"), FARM_LEDGER_PAYOUT_NOT_NOMINATED);
    cr_assert_eq(payout_reason("P1", "A9"), FARM_LEDGER_PAYOUT_NOT_FOUND);
    set_clock(100 * SECOND_US);
    cr_assert_eq(payout_reason("P1", "A2"), FARM_LEDGER_PAYOUT_NOT_NOMINATED);
}

/* What a run holds: whoever is not nominated is not in it, and may be later. */
Test(ledger_program, a_run_holds_for_who_is_nominated) {
    const farm_ledger_payout_run run = {.struct_size = sizeof run,
                                        .id = ledger_script_id("R1"),
                                        .code = 1,
                                        .clearing_account_id = ledger_script_id("A1")};
    const farm_ledger_payout_rules rules = {
        .struct_size = sizeof rules, .book = 1, .program_id = ledger_script_id("P1")};
    farm_ledger_payee payees[2];
    farm_ledger_payout found[2];
    nominate("P1", "a", "A2", 0, STATUS(CREATED), 1);
    for (int is_later = 0; is_later < 2; is_later++) {
        for (int i = 0; i < 2; i++) {
            payees[i] = (farm_ledger_payee){.struct_size = sizeof *payees,
                                            .account_id = ledger_script_id(i == 0 ? "A2" : "A3")};
            found[i].struct_size = sizeof *found;
        }
        cr_assert_eq(farm_ledger_hold_payouts(session, &run, &rules, payees, 2, found), FARM_OK);
        cr_assert_eq(found[0].amount_minor, 100);
        cr_assert_eq(found[1].amount_minor, is_later ? 100 : 0);
        cr_assert_eq(found[1].reason,
                     is_later ? FARM_LEDGER_PAYOUT_ELIGIBLE : FARM_LEDGER_PAYOUT_NOT_NOMINATED);
        withdraw("P1", "a", "eve", 0, is_later ? STATUS(EXISTS) : STATUS(CREATED));
        nominate("P1", "b", "A3", 0, is_later ? STATUS(EXISTS) : STATUS(CREATED), 1);
    }
    contract_assert_sound(session);
}

/* --- misuse --- */

Test(ledger_program, a_program_is_wrong) {
    farm_ledger_program wrong[9 + CONTRACT_BAD_TEXT_COUNT];
    size_t count = 0;
    for (; count < 9; count++) wrong[count] = program_of("P3", END_US, 2);
    wrong[0].id = ledger_script_id("0");
    wrong[1].id = ledger_script_id("max");
    wrong[2].book = 0;
    wrong[3].book = -1;
    wrong[4].from_us = -1;
    wrong[5].until_us = wrong[5].from_us;
    wrong[6].until_us = -1;
    wrong[7].nominations_max = -1;
    wrong[8].from_us = INT64_MAX;
    for (size_t i = 0; i < CONTRACT_BAD_TEXT_COUNT; i++) {
        wrong[count] = program_of("P3", END_US, 2);
        wrong[count++].name = contract_bad_texts[i];
    }
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(farm_ledger_open_programs(session, &wrong[i], 1), FARM_EINVAL, "%zu", i);
    farm_ledger_program unknown = program_of("P3", END_US, 2);
    unknown.book = 9;
    cr_assert_eq(farm_ledger_open_programs(session, &unknown, 1), FARM_ENOTFOUND);
    cr_assert_eq(farm_session_error_reason(session), FARM_LEDGER_REASON_BOOK_UNKNOWN);
    cr_assert_eq(farm_ledger_open_programs(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_open_programs(session, &unknown, 0), FARM_EINVAL);
    cr_assert_eq(end_program("P1", 0), FARM_EINVAL);
    cr_assert_eq(end_program("P1", -1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_end_program(session, NULL, 1), FARM_EINVAL);
}

Test(ledger_program, a_nomination_is_wrong) {
    farm_ledger_nomination item = nomination_of("P1", "a", "A2", -1);
    farm_ledger_withdrawal ended = {.struct_size = sizeof ended, .subject = "a", .number = -1};
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_nominate(session, &item, 1, &result), FARM_EINVAL);
    item.until_us = 0;
    item.number = -1;
    cr_assert_eq(farm_ledger_nominate(session, &item, 1, &result), FARM_EINVAL);
    item.number = 0;
    for (size_t i = 0; i < CONTRACT_BAD_TEXT_COUNT; i++) {
        farm_ledger_nomination wrong = item;
        wrong.subject = contract_bad_texts[i];
        cr_assert_eq(farm_ledger_nominate(session, &wrong, 1, &result), FARM_EINVAL, "%zu", i);
        wrong = item;
        wrong.nominated_by = contract_bad_texts[i];
        cr_assert_eq(farm_ledger_nominate(session, &wrong, 1, &result), FARM_EINVAL, "%zu", i);
        ended.withdrawn_by = contract_bad_texts[i];
        cr_assert_eq(farm_ledger_withdraw_nominations(session, &ended, 1, &result), FARM_EINVAL);
    }
    ended.withdrawn_by = "eve";
    cr_assert_eq(farm_ledger_withdraw_nominations(session, &ended, 1, &result), FARM_EINVAL);
    cr_assert_eq(farm_ledger_nominate(session, NULL, 1, &result), FARM_EINVAL);
    cr_assert_eq(farm_ledger_nominate(session, &item, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_nominate(session, &item, FARM_LEDGER_BATCH_MAX + 1, &result),
                 FARM_EINVAL);
    nominate("P1", contract_longest, "A2", 0, STATUS(CREATED), 1);
}

Test(ledger_program, a_question_is_wrong) {
    const farm_id id = ledger_script_id("P1");
    farm_ledger_nomination_row row = {.struct_size = sizeof row};
    farm_ledger_nominated found = {.struct_size = sizeof found};
    farm_ledger_program_row program = {.struct_size = sizeof program};
    farm_ledger_nomination_query query = {.struct_size = sizeof query, .book = 1};
    size_t count = 7;
    cr_assert_eq(farm_ledger_list_nominations(session, NULL, 0, NULL, &row, 1, &count),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_nominations(session, &id, -1, NULL, &row, 1, &count),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_nominations(session, &id, 0, "\xff", &row, 1, &count),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_nominations(session, &id, 0, NULL, &row, 0, &count), FARM_EINVAL);
    cr_assert_eq(count, 0);
    cr_assert_eq(farm_ledger_list_subject_nominations(session, NULL, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_list_subject_nominations(session, &query, &row, 1, &count),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_check_nominations(session, &id, -1, &id, 1, &found), FARM_EINVAL);
    cr_assert_eq(farm_ledger_check_nominations(session, NULL, 0, &id, 1, &found), FARM_EINVAL);
    cr_assert_eq(farm_ledger_check_nominations(session, &id, 0, NULL, 1, &found), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_programs(session, NULL, 1, &program), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_programs(session, &id, 1, NULL), FARM_EINVAL);
}

Test(ledger_program, only_the_service_may) {
    const farm_id id = ledger_script_id("P1");
    const farm_ledger_program program = program_of("P1", END_US, 2);
    const farm_ledger_nomination item = nomination_of("P1", "a", "A2", 0);
    const farm_ledger_withdrawal ended = {
        .struct_size = sizeof ended, .subject = "a", .withdrawn_by = "ann"};
    const farm_ledger_nomination_query query = {
        .struct_size = sizeof query, .book = 1, .subject = "a"};
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    farm_ledger_nomination_row row = {.struct_size = sizeof row};
    farm_ledger_nominated found = {.struct_size = sizeof found};
    farm_ledger_program_row there = {.struct_size = sizeof there};
    size_t count = 0;
    act_as("ann");
    cr_assert_eq(farm_ledger_open_programs(session, &program, 1), FARM_EDENIED);
    cr_assert_eq(farm_ledger_end_program(session, &id, 1), FARM_EDENIED);
    cr_assert_eq(farm_ledger_find_programs(session, &id, 1, &there), FARM_EDENIED);
    cr_assert_eq(farm_ledger_nominate(session, &item, 1, &result), FARM_EDENIED);
    cr_assert_eq(farm_ledger_withdraw_nominations(session, &ended, 1, &result), FARM_EDENIED);
    cr_assert_eq(farm_ledger_list_nominations(session, &id, 0, NULL, &row, 1, &count),
                 FARM_EDENIED);
    cr_assert_eq(farm_ledger_list_subject_nominations(session, &query, &row, 1, &count),
                 FARM_EDENIED);
    cr_assert_eq(farm_ledger_check_nominations(session, &id, 0, &id, 1, &found), FARM_EDENIED);
}

Test(ledger_program, it_joins_the_transaction_of_its_caller) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    nominate("P1", "a", "A2", 0, STATUS(CREATED), 1);
    cr_assert_eq(end_program("P1", 1), FARM_OK);
    farm_rollback(session);
    cr_assert_eq(found_program("P1").until_us, END_US);
    nominate("P1", "a", "A2", 0, STATUS(CREATED), 1);
}
