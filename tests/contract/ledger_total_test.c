/* What accounts moved in a period: the same whether it is sealed or not. */
#include "contract/ledger_damage.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_read.h>
#include <farmcore/ledger_seal.h>
#include <farmcore/ledger_total.h>
#include <string.h>

#define QUARTER FARM_LEDGER_QUARTER_US
/* A quarter of an hour ends as the tests begin. */
#define NOW CONTRACT_NOW_US

enum { ROOM = 20, RANDOM_COUNT = 120 };

TestSuite(ledger_total, .init = open_session, .fini = close_session, .timeout = 60);

#define ACCOUNTS                                                                                   \
    "book 1 EUR 2\n"                                                                               \
    "account A1\n"                                                                                 \
    "account A2\n"                                                                                 \
    "account A3\n"

static void seal(int64_t budget_count) {
    farm_ledger_seal made = {.struct_size = sizeof made};
    cr_assert_eq(farm_ledger_seal_events(session, 1, budget_count, &made), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static farm_ledger_total sum(const char *account, int32_t code, int64_t from_us, int64_t to_us) {
    const farm_ledger_period period = {.struct_size = sizeof period,
                                       .code = code,
                                       .account_id = ledger_script_id(account),
                                       .from_us = from_us,
                                       .to_us = to_us};
    farm_ledger_total total = {.struct_size = sizeof total};
    cr_assert_eq(farm_ledger_sum_periods(session, &period, 1, &total), FARM_OK, "%s",
                 farm_session_error_text(session));
    return total;
}

static void expect(const char *account, int32_t code, int64_t from_us, int64_t to_us,
                   int64_t debits, int64_t credits, int64_t count) {
    const farm_ledger_total total = sum(account, code, from_us, to_us);
    cr_assert(total.debits_minor == debits && total.credits_minor == credits &&
                  total.event_count == count && total.code == code,
              "%s code %d from %lld to %lld: %lld %lld in %lld", account, (int)code,
              (long long)from_us, (long long)to_us, (long long)total.debits_minor,
              (long long)total.credits_minor, (long long)total.event_count);
}

static const char story[] = "transfer T1 A1 A2 10\n"
                            "transfer T2 A1 A2 5 counts=900s\n"
                            "transfer T3 A1 A2 4 counts=1800s code=2\n"
                            "transfer T4 A2 A3 3 pending\n"
                            "transfer T5 A2 A3 2 pending code=3\n"
                            "transfer T6 0 0 1 post hold=T4 book=0 code=0\n"
                            "transfer T7 0 0 0 void hold=T5 book=0 code=0\n"
                            "transfer T8 0 0 6 reverses=T1\n"
                            "send\n";

static void expect_story(void) {
    expect("A1", 0, 0, 0, 19, 6, 4);
    expect("A2", 0, 0, 0, 7, 19, 5);
    expect("A3", 0, 0, 0, 0, 1, 1);
    expect("A1", 1, 0, 0, 15, 6, 3);
    expect("A1", 2, 0, 0, 4, 0, 1);
    expect("A1", 3, 0, 0, 0, 0, 0);
    expect("A1", 0, NOW, NOW + QUARTER, 10, 6, 2);
    expect("A1", 0, NOW, 0, 10, 6, 2);
    expect("A1", 0, NOW - QUARTER, NOW, 5, 0, 1);
    expect("A1", 0, NOW - 2 * QUARTER, NOW - QUARTER, 4, 0, 1);
    expect("A1", 0, 0, NOW, 9, 0, 2);
    expect("A1", 0, NOW, NOW, 0, 0, 0);
    expect("A9", 0, 0, 0, 0, 0, 0);
}

Test(ledger_total, sealed_or_not_a_period_has_the_same_sums) {
    ledger_play(session, ACCOUNTS);
    ledger_play(session, story);
    expect_story();
    for (int i = 0; i < 9; i++) {
        seal(1);
        expect_story();
    }
    contract_assert_sound(session);
}

Test(ledger_total, a_period_by_its_codes) {
    farm_ledger_total rows[ROOM];
    size_t count = 0;
    farm_ledger_period period = {.struct_size = sizeof period,
                                 .account_id = ledger_script_id("A1")};
    for (size_t i = 0; i < ROOM; i++) rows[i].struct_size = sizeof *rows;
    ledger_play(session, ACCOUNTS);
    ledger_play(session, story);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(farm_ledger_sum_codes(session, &period, 0, rows, ROOM, &count), FARM_OK);
        cr_assert_eq(count, 2);
        cr_assert(rows[0].code == 1 && rows[0].debits_minor == 15 && rows[0].credits_minor == 6 &&
                  rows[0].event_count == 3);
        cr_assert(rows[1].code == 2 && rows[1].debits_minor == 4 && rows[1].credits_minor == 0 &&
                  rows[1].event_count == 1);
        cr_assert_eq(farm_ledger_sum_codes(session, &period, 0, rows, 1, &count), FARM_OK);
        cr_assert_eq(count, 1);
        cr_assert_eq(farm_ledger_sum_codes(session, &period, 1, rows, ROOM, &count), FARM_OK);
        cr_assert(count == 1 && rows[0].code == 2);
        seal(2 + i * ROOM);
    }
}

/* What an account had at the end of a day is the sum of all before it, whatever was posted when. */
Test(ledger_total, a_correction_of_the_past_counts_in_the_past) {
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10 counts=1800s\n"
                                  "send\n");
    seal(ROOM);
    expect("A2", 0, 0, NOW - QUARTER, 0, 10, 1);
    ledger_play(session, "transfer T2 A2 A1 4 counts=1801s\n"
                         "send\n");
    expect("A2", 0, 0, NOW - QUARTER, 4, 10, 2);
    expect("A2", 0, 0, NOW - 2 * QUARTER, 4, 0, 1);
    seal(ROOM);
    expect("A2", 0, 0, NOW - QUARTER, 4, 10, 2);
    expect("A2", 0, 0, NOW - 2 * QUARTER, 4, 0, 1);
}

/* --- at random, against what is reckoned from the account's history --- */

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

static void post_some(unsigned *random) {
    farm_ledger_transfer items[6];
    farm_ledger_transfer_result results[6];
    for (size_t i = 0; i < 6; i++) {
        const unsigned debit = next_random(random) % 3;
        const unsigned credit = (debit + 1 + next_random(random) % 2) % 3;
        const char *const names[] = {"A1", "A2", "A3"};
        items[i] = (farm_ledger_transfer){
            .struct_size = sizeof *items,
            .flags = next_random(random) % 4 == 0 ? FARM_LEDGER_PENDING : 0,
            .debit_account_id = ledger_script_id(names[debit]),
            .credit_account_id = ledger_script_id(names[credit]),
            .amount_minor = next_random(random) % 100,
            .code = 1 + (int32_t)(next_random(random) % 3),
            .book = 1,
            .effective_us = NOW - (int64_t)(next_random(random) % 8) * QUARTER / 2};
        farm_id_new(session, &items[i].id);
        results[i].struct_size = sizeof *results;
    }
    cr_assert_eq(farm_ledger_post(session, items, 6, results), FARM_OK, "%s",
                 farm_session_error_text(session));
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(results[i].status, FARM_LEDGER_TRANSFER_CREATED, "%d", (int)results[i].status);
}

static farm_ledger_total reckon(const farm_ledger_event *events, size_t count, const farm_id *id,
                                int32_t code, int64_t from_us, int64_t to_us) {
    farm_ledger_total total = {.code = code};
    for (size_t i = 0; i < count; i++) {
        const farm_ledger_event *event = &events[i];
        const int is_debit = memcmp(&event->debit_account_id, id, sizeof *id) == 0;
        const int is_credit = memcmp(&event->credit_account_id, id, sizeof *id) == 0;
        if ((!is_debit && !is_credit) || event->kind != FARM_LEDGER_KIND_SINGLE) continue;
        if ((code != 0 && event->code != code) || event->effective_us < from_us) continue;
        if (event->effective_us >= to_us) continue;
        if (is_debit) total.debits_minor += event->amount_minor;
        if (is_credit) total.credits_minor += event->amount_minor;
        total.event_count++;
    }
    return total;
}

static void compare_all(const farm_ledger_event *events, size_t count) {
    const char *const names[] = {"A1", "A2", "A3"};
    for (int account = 0; account < 3; account++) {
        for (int32_t code = 0; code < 4; code++) {
            for (int64_t from = 0; from < 5; from += 2) {
                const int64_t from_us = NOW - from * QUARTER;
                const farm_id id = ledger_script_id(names[account]);
                const farm_ledger_total wanted =
                    reckon(events, count, &id, code, from_us, NOW - QUARTER);
                expect(names[account], code, from_us, NOW - QUARTER, wanted.debits_minor,
                       wanted.credits_minor, wanted.event_count);
            }
        }
    }
}

Test(ledger_total, sums_are_those_of_the_transfers) {
    static farm_ledger_event events[RANDOM_COUNT];
    unsigned random = 11;
    ledger_play(session, ACCOUNTS);
    for (int round = 1; round <= RANDOM_COUNT / 6; round++) {
        size_t count = 0;
        int64_t cursor_ns = 0;
        const farm_ledger_query query = {.struct_size = sizeof query, .book = 1};
        post_some(&random);
        if (next_random(&random) % 2 == 0) seal(1 + next_random(&random) % 9);
        if (round % 5 != 0) continue;
        for (size_t i = 0; i < RANDOM_COUNT; i++) events[i].struct_size = sizeof *events;
        cr_assert_eq(
            farm_ledger_query_transfers(session, &query, events, RANDOM_COUNT, &count, &cursor_ns),
            FARM_OK);
        cr_assert_eq(count, (size_t)round * 6);
        compare_all(events, count);
    }
    contract_assert_sound(session);
}

/* --- several at once, and what is wrong --- */

Test(ledger_total, many_periods_are_one_question) {
    farm_ledger_period items[3];
    farm_ledger_total results[3];
    const char *const names[] = {"A2", "A9", "A1"};
    ledger_play(session, ACCOUNTS);
    ledger_play(session, story);
    for (size_t i = 0; i < 3; i++) {
        items[i] = (farm_ledger_period){.struct_size = sizeof *items,
                                        .account_id = ledger_script_id(names[i])};
        results[i].struct_size = sizeof *results;
    }
    cr_assert_eq(farm_ledger_sum_periods(session, items, 3, results), FARM_OK);
    cr_assert_eq(results[0].credits_minor, 19);
    cr_assert_eq(results[1].event_count, 0);
    cr_assert_eq(results[2].debits_minor, 19);
}

Test(ledger_total, a_total_that_is_wrong_is_found) {
    static const char *const texts[] = {
        "UPDATE {farm_ledger_total} SET debits = debits + 1 WHERE account = @1",
        "DELETE FROM {farm_ledger_total} WHERE account = @3",
        "UPDATE {farm_ledger_total} SET code = 9 WHERE account = @3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (i > 0) {
            close_session();
            open_session();
        }
        ledger_play(session, ACCOUNTS);
        ledger_play(session, story);
        seal(ROOM);
        contract_assert_sound(session);
        ledger_damage(session, texts[i]);
        ledger_expect_violation(session, "ledger_total.check_totals");
    }
}

static size_t recompute(int32_t is_repair, farm_ledger_total_difference *rows, size_t capacity) {
    size_t count = 0;
    for (size_t i = 0; i < capacity; i++) rows[i].struct_size = sizeof *rows;
    cr_assert_eq(farm_ledger_recompute_totals(session, 1, is_repair, rows, capacity, &count),
                 FARM_OK, "%s", farm_session_error_text(session));
    return count;
}

/* What is kept, as one number: that each total is what it was. */
static int64_t kept(void) {
    return contract_number(session, "SELECT CAST(SUM((debits + 7 * credits + 49 * event_count) * "
                                    "(code + 3 * account) + quarter_us %% 999999937) AS BIGINT) "
                                    "FROM {farm_ledger_total}");
}

Test(ledger_total, a_total_that_is_wrong_is_reckoned_again) {
    farm_ledger_total_difference rows[ROOM];
    ledger_play(session, ACCOUNTS);
    ledger_play(session, story);
    seal(ROOM);
    ledger_play(session, "transfer T91 A1 A3 1000\nsend\n");
    cr_assert_eq(recompute(1, rows, ROOM), 0);
    const int64_t before = kept();
    ledger_damage(session, "UPDATE {farm_ledger_total} SET debits = debits + 1 WHERE account = @1");
    ledger_damage(session, "UPDATE {farm_ledger_total} SET code = 9 WHERE account = @3");
    const size_t count = recompute(0, rows, ROOM);
    cr_assert(count >= 3, "%zu", count);
    cr_assert_eq(rows[0].kept_debits_minor, rows[0].debits_minor + 1);
    cr_assert_eq(rows[0].kept_event_count, rows[0].event_count);
    const farm_id first = ledger_script_id("A1");
    cr_assert_eq(memcmp(&rows[0].account_id, &first, sizeof first), 0);
    cr_assert_eq(recompute(0, rows, ROOM), count, "nothing was written");
    for (size_t left = count; left > 0; left--) {
        cr_assert_eq(recompute(0, rows, ROOM), left);
        cr_assert_eq(recompute(1, rows, 1), 1);
    }
    cr_assert_eq(recompute(1, rows, ROOM), 0);
    cr_assert_eq(kept(), before);
    contract_assert_sound(session);
    size_t none = 1;
    cr_assert_eq(farm_ledger_recompute_totals(session, 3, 0, rows, ROOM, &none), FARM_ENOTFOUND);
    cr_assert_eq(none, 0);
    cr_assert_eq(farm_ledger_recompute_totals(session, 0, 0, rows, ROOM, &none), FARM_EINVAL);
    cr_assert_eq(farm_ledger_recompute_totals(session, 1, 2, rows, ROOM, &none), FARM_EINVAL);
    cr_assert_eq(farm_ledger_recompute_totals(session, 1, 0, NULL, ROOM, &none), FARM_EINVAL);
    cr_assert_eq(farm_ledger_recompute_totals(session, 1, 0, rows, 0, &none), FARM_EINVAL);
    act_as("ana");
    cr_assert_eq(farm_ledger_recompute_totals(session, 1, 0, rows, ROOM, &none), FARM_EDENIED);
}

Test(ledger_total, misuse_is_a_sentence) {
    farm_ledger_period period = {.struct_size = sizeof period,
                                 .account_id = ledger_script_id("A1")};
    farm_ledger_total total = {.struct_size = sizeof total};
    size_t count = 1;
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(farm_ledger_sum_periods(session, NULL, 1, &total), FARM_EINVAL);
    cr_assert_eq(farm_ledger_sum_periods(session, &period, 0, &total), FARM_EINVAL);
    cr_assert_eq(farm_ledger_sum_periods(session, &period, 1, NULL), FARM_EINVAL);
    static const int64_t moments[] = {-QUARTER, 1, QUARTER + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        period.from_us = moments[i];
        cr_assert_eq(farm_ledger_sum_periods(session, &period, 1, &total), FARM_EINVAL);
        period.from_us = 0;
        period.to_us = moments[i];
        cr_assert_eq(farm_ledger_sum_periods(session, &period, 1, &total), FARM_EINVAL);
        period.to_us = 0;
    }
    period.code = -1;
    cr_assert_eq(farm_ledger_sum_periods(session, &period, 1, &total), FARM_EINVAL);
    period.code = FARM_LEDGER_CODE_MAX + 1;
    cr_assert_eq(farm_ledger_sum_periods(session, &period, 1, &total), FARM_EINVAL);
    period.code = 1;
    cr_assert_eq(farm_ledger_sum_codes(session, &period, 0, &total, 1, &count), FARM_EINVAL);
    period.code = 0;
    cr_assert_eq(farm_ledger_sum_codes(session, &period, -1, &total, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_sum_codes(session, NULL, 0, &total, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_sum_codes(session, &period, 0, NULL, 1, &count), FARM_EINVAL);
    cr_assert_eq(count, 0);
    act_as("ana");
    cr_assert_eq(farm_ledger_sum_periods(session, &period, 1, &total), FARM_EDENIED);
    cr_assert_eq(farm_ledger_sum_codes(session, &period, 0, &total, 1, &count), FARM_EDENIED);
}
