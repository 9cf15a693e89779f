/* What payees may get, of what their accounts and their young credits are. The rules are a table of
 * unit/ledger_payout_test.c. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_payout.h>
#include <farmcore/ledger_seal.h>
#include <farmcore/ledger_total.h>

enum { PAYEES = 6 };

TestSuite(ledger_payout, .init = open_session, .fini = close_session, .timeout = 60);

static const char story[] = "book 1 EUR 2\n"
                            "account A1\n"
                            "account A2\n"
                            "account A3\n"
                            "account A4\n"
                            "account A5 closed\n"
                            "transfer T1 A1 A2 100 counts=3600s\n"
                            "transfer T2 A1 A2 50\n"
                            "transfer T3 A2 A1 10 counts=3600s\n"
                            "transfer T4 A2 A1 20 pending\n"
                            "transfer T5 A1 A3 60\n"
                            "transfer T6 A1 A4 9 counts=3600s\n"
                            "send\n";

static farm_ledger_payout results[PAYEES];

static void check(const farm_ledger_payout_rules *rules) {
    static const char *const names[] = {"A2", "A3", "A4", "A5", "A9", "A2"};
    farm_ledger_payee payees[PAYEES];
    for (size_t i = 0; i < PAYEES; i++) {
        payees[i] = (farm_ledger_payee){.struct_size = sizeof *payees,
                                        .account_id = ledger_script_id(names[i])};
        results[i].struct_size = sizeof *results;
    }
    payees[5].flags = FARM_LEDGER_PAYEE_UNVERIFIED;
    cr_assert_eq(farm_ledger_check_payouts(session, rules, payees, PAYEES, results), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static void expect(size_t place, int32_t reason, int64_t amount, int64_t available,
                   int64_t immature) {
    const farm_ledger_payout *found = &results[place];
    cr_assert(found->reason == reason && found->amount_minor == amount &&
                  found->available_minor == available && found->immature_minor == immature,
              "%zu: reason %d, %lld of %lld, %lld young", place, (int)found->reason,
              (long long)found->amount_minor, (long long)found->available_minor,
              (long long)found->immature_minor);
}

Test(ledger_payout, each_payee_has_an_answer) {
    const farm_ledger_payout_rules rules = {.struct_size = sizeof rules,
                                            .minimum_minor = 10,
                                            .reserve_minor = 5,
                                            .matured_us =
                                                CONTRACT_NOW_US - 2 * FARM_LEDGER_QUARTER_US};
    ledger_play(session, story);
    for (int is_sealed = 0; is_sealed < 2; is_sealed++) {
        check(&rules);
        expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 65, 120, 50);
        expect(1, FARM_LEDGER_PAYOUT_IMMATURE, 0, 60, 60);
        expect(2, FARM_LEDGER_PAYOUT_BELOW_MINIMUM, 0, 9, 0);
        expect(3, FARM_LEDGER_PAYOUT_CLOSED, 0, 0, 0);
        expect(4, FARM_LEDGER_PAYOUT_NOT_FOUND, 0, 0, 0);
        expect(5, FARM_LEDGER_PAYOUT_UNVERIFIED, 0, 120, 50);
        farm_ledger_seal seal = {.struct_size = sizeof seal};
        cr_assert_eq(farm_ledger_seal_events(session, 1, 100, &seal), FARM_OK);
    }
}

Test(ledger_payout, without_rules_it_is_whatever_is_available) {
    ledger_play(session, story);
    check(NULL);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 120, 120, 0);
    expect(1, FARM_LEDGER_PAYOUT_ELIGIBLE, 60, 60, 0);
    expect(2, FARM_LEDGER_PAYOUT_ELIGIBLE, 9, 9, 0);
}

Test(ledger_payout, misuse_is_a_sentence) {
    const farm_ledger_payout_rules wrong[] = {
        {.struct_size = sizeof *wrong, .minimum_minor = -1},
        {.struct_size = sizeof *wrong, .maximum_minor = -1},
        {.struct_size = sizeof *wrong, .reserve_minor = -1},
        {.struct_size = sizeof *wrong, .matured_us = -1},
        {.struct_size = sizeof *wrong, .matured_us = 1},
        {.struct_size = sizeof *wrong, .minimum_minor = 2, .maximum_minor = 1},
    };
    farm_ledger_payee payee = {.struct_size = sizeof payee};
    farm_ledger_payout found = {.struct_size = sizeof found};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(farm_ledger_check_payouts(session, &wrong[i], &payee, 1, &found), FARM_EINVAL,
                     "%zu", i);
    cr_assert_eq(farm_ledger_check_payouts(session, NULL, NULL, 1, &found), FARM_EINVAL);
    cr_assert_eq(farm_ledger_check_payouts(session, NULL, &payee, 0, &found), FARM_EINVAL);
    cr_assert_eq(farm_ledger_check_payouts(session, NULL, &payee, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_check_payouts(session, NULL, &payee, 1, &found), FARM_OK);
    cr_assert_eq(found.reason, FARM_LEDGER_PAYOUT_NOT_FOUND, "zeros are no account");
    payee.flags = 1u << 31;
    cr_assert_eq(farm_ledger_check_payouts(session, NULL, &payee, 1, &found), FARM_EINVAL);
    payee.flags = 0;
    act_as("ana");
    cr_assert_eq(farm_ledger_check_payouts(session, NULL, &payee, 1, &found), FARM_EDENIED);
}
