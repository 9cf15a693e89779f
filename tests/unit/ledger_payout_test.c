/* Who is paid out how much, as a table. */
#include "ledger/ledger_payout_rules.h"
#include <criterion/criterion.h>

TestSuite(ledger_payout);

enum { THERE = 1, CLOSED = 2 };

typedef struct payout_case {
    const char *name;
    farm_ledger_payout_rules rules;
    int account; /* THERE, CLOSED */
    uint32_t flags;
    farm_ledger_balances balances;
    int64_t immature_minor;
    int32_t reason;
    int64_t amount_minor;
} payout_case;

#define RULES(minimum, maximum, reserve)                                                           \
    { .minimum_minor = (minimum), .maximum_minor = (maximum), .reserve_minor = (reserve) }
#define HAS(held, debits, incoming, credits)                                                       \
    { (held), (debits), (incoming), (credits) }

static const payout_case cases[] = {
    {"all of it", RULES(0, 0, 0), THERE, 0, HAS(0, 0, 0, 100), 0, FARM_LEDGER_PAYOUT_ELIGIBLE, 100},
    {"less what was paid and is held", RULES(0, 0, 0), THERE, 0, HAS(20, 30, 7, 100), 0,
     FARM_LEDGER_PAYOUT_ELIGIBLE, 50},
    {"less what has to stay", RULES(0, 0, 40), THERE, 0, HAS(0, 0, 0, 100), 0,
     FARM_LEDGER_PAYOUT_ELIGIBLE, 60},
    {"less what is too young", RULES(0, 0, 0), THERE, 0, HAS(0, 0, 0, 100), 30,
     FARM_LEDGER_PAYOUT_ELIGIBLE, 70},
    {"up to the maximum", RULES(0, 25, 0), THERE, 0, HAS(0, 0, 0, 100), 30,
     FARM_LEDGER_PAYOUT_ELIGIBLE, 25},
    {"the minimum is enough", RULES(70, 70, 0), THERE, 0, HAS(0, 0, 0, 100), 30,
     FARM_LEDGER_PAYOUT_ELIGIBLE, 70},
    {"one less is not", RULES(71, 0, 0), THERE, 0, HAS(0, 0, 0, 100), 30,
     FARM_LEDGER_PAYOUT_IMMATURE, 0},
    {"below the minimum, however old", RULES(101, 0, 0), THERE, 0, HAS(0, 0, 0, 100), 30,
     FARM_LEDGER_PAYOUT_BELOW_MINIMUM, 0},
    {"everything is too young", RULES(0, 0, 0), THERE, 0, HAS(0, 0, 0, 100), 100,
     FARM_LEDGER_PAYOUT_IMMATURE, 0},
    {"what was too young was spent", RULES(0, 0, 0), THERE, 0, HAS(0, 90, 0, 100), 50,
     FARM_LEDGER_PAYOUT_IMMATURE, 0},
    {"nothing", RULES(0, 0, 0), THERE, 0, HAS(0, 0, 9, 0), 0, FARM_LEDGER_PAYOUT_NOTHING, 0},
    {"nothing but what has to stay", RULES(0, 0, 100), THERE, 0, HAS(0, 0, 0, 100), 0,
     FARM_LEDGER_PAYOUT_NOTHING, 0},
    {"he owes", RULES(0, 0, 0), THERE, 0, HAS(0, 50, 0, 20), 0, FARM_LEDGER_PAYOUT_NOTHING, 0},
    {"no account", RULES(0, 0, 0), 0, FARM_LEDGER_PAYEE_BLOCKED, HAS(0, 0, 0, 0), 0,
     FARM_LEDGER_PAYOUT_NOT_FOUND, 0},
    {"closed", RULES(0, 0, 0), THERE | CLOSED, FARM_LEDGER_PAYEE_BLOCKED, HAS(0, 0, 0, 100), 0,
     FARM_LEDGER_PAYOUT_CLOSED, 0},
    {"blocked", RULES(0, 0, 0), THERE, FARM_LEDGER_PAYEE_BLOCKED | FARM_LEDGER_PAYEE_UNVERIFIED,
     HAS(0, 0, 0, 100), 0, FARM_LEDGER_PAYOUT_BLOCKED, 0},
    {"not verified", RULES(0, 0, 0), THERE, FARM_LEDGER_PAYEE_UNVERIFIED, HAS(0, 0, 0, 0), 0,
     FARM_LEDGER_PAYOUT_UNVERIFIED, 0},
    {"as much as there can be", RULES(INT64_MAX, INT64_MAX, 0), THERE, 0, HAS(0, 0, 0, INT64_MAX),
     0, FARM_LEDGER_PAYOUT_ELIGIBLE, INT64_MAX},
    {"as little", RULES(0, 0, INT64_MAX), THERE, 0, HAS(1, INT64_MAX - 1, 0, 0), INT64_MAX,
     FARM_LEDGER_PAYOUT_NOTHING, 0},
};

/* Whoever is not nominated, in the order of the reasons. */
Test(ledger_payout, who_is_not_nominated_gets_nothing) {
    static const struct {
        int account;
        uint32_t flags;
        int64_t credits;
        int32_t is_nominated;
        int32_t reason;
    } all[] = {
        {THERE, 0, 100, 1, FARM_LEDGER_PAYOUT_ELIGIBLE},
        {THERE, 0, 100, 0, FARM_LEDGER_PAYOUT_NOT_NOMINATED},
        {THERE, 0, 0, 0, FARM_LEDGER_PAYOUT_NOT_NOMINATED},
        {THERE, 0, 0, 1, FARM_LEDGER_PAYOUT_NOTHING},
        {THERE, FARM_LEDGER_PAYEE_UNVERIFIED, 100, 0, FARM_LEDGER_PAYOUT_UNVERIFIED},
        {0, 0, 0, 0, FARM_LEDGER_PAYOUT_NOT_FOUND},
    };
    const farm_ledger_payout_rules rules = {.program_id = {{1}}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const ledger_payee payee = {.flags = all[i].flags,
                                    .is_there = (all[i].account & THERE) != 0,
                                    .is_nominated = all[i].is_nominated,
                                    .balances = {.credits_posted_minor = all[i].credits}};
        const farm_ledger_payout found = ledger_decide_payout(&rules, &payee);
        cr_assert_eq(found.reason, all[i].reason, "%zu: %d", i, (int)found.reason);
        cr_assert_eq(found.amount_minor,
                     all[i].reason == FARM_LEDGER_PAYOUT_ELIGIBLE ? all[i].credits : 0);
    }
}

Test(ledger_payout, each_has_his_reason_and_his_amount) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const payout_case *one = &cases[i];
        const ledger_payee payee = {.flags = one->flags,
                                    .is_there = (one->account & THERE) != 0,
                                    .is_closed = (one->account & CLOSED) != 0,
                                    .balances = one->balances,
                                    .immature_minor = one->immature_minor};
        const farm_ledger_payout found = ledger_decide_payout(&one->rules, &payee);
        cr_assert(found.reason == one->reason && found.amount_minor == one->amount_minor,
                  "%s: reason %d, %lld", one->name, (int)found.reason,
                  (long long)found.amount_minor);
        cr_assert_eq(found.immature_minor, one->immature_minor);
        cr_assert_eq(found.available_minor,
                     one->balances.credits_posted_minor - one->balances.debits_posted_minor -
                         one->balances.debits_pending_minor,
                     "%s", one->name);
    }
}
