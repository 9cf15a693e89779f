/* The order of the reasons is that of the header, but that NOT_NOMINATED comes behind UNVERIFIED:
 * first what bars a payee, then what his account has. */
#include "ledger/ledger_payout_rules.h"
#include "base/id.h"
#include "base/integer.h"

/* Neither can overflow: each is at most 2^63 - 1 and at least 0, and debits fit with what is held
 * of them. */
static int64_t available_minor(const farm_ledger_balances *balances) {
    return balances->credits_posted_minor -
           (balances->debits_posted_minor + balances->debits_pending_minor);
}

/* Less than zero: nothing. */
static int64_t left_minor(int64_t minor, int64_t less_minor) {
    return minor > less_minor ? minor - less_minor : 0;
}

static int32_t bar_of(const farm_ledger_payout_rules *rules, const ledger_payee *payee) {
    if (!payee->is_there || (rules->book != 0 && rules->book != payee->book))
        return FARM_LEDGER_PAYOUT_NOT_FOUND;
    if (payee->is_closed) return FARM_LEDGER_PAYOUT_CLOSED;
    if (payee->flags & FARM_LEDGER_PAYEE_BLOCKED) return FARM_LEDGER_PAYOUT_BLOCKED;
    if (payee->flags & FARM_LEDGER_PAYEE_UNVERIFIED) return FARM_LEDGER_PAYOUT_UNVERIFIED;
    if (!id_is_zero(&rules->program_id) && !payee->is_nominated)
        return FARM_LEDGER_PAYOUT_NOT_NOMINATED;
    return FARM_LEDGER_PAYOUT_ELIGIBLE;
}

static int32_t reason_of(const farm_ledger_payout_rules *rules, int64_t free_minor,
                         int64_t matured_minor) {
    const int64_t least_minor = integer_max(rules->minimum_minor, rules->fee_minor + 1);
    if (free_minor == 0) return FARM_LEDGER_PAYOUT_NOTHING;
    if (free_minor < least_minor) return FARM_LEDGER_PAYOUT_BELOW_MINIMUM;
    if (matured_minor < least_minor) return FARM_LEDGER_PAYOUT_IMMATURE;
    return FARM_LEDGER_PAYOUT_ELIGIBLE;
}

farm_ledger_payout ledger_decide_payout(const farm_ledger_payout_rules *rules,
                                        const ledger_payee *payee) {
    farm_ledger_payout payout = {.struct_size = sizeof payout,
                                 .available_minor = available_minor(&payee->balances),
                                 .immature_minor = payee->immature_minor};
    const int64_t free_minor = left_minor(payout.available_minor, rules->reserve_minor);
    const int64_t matured_minor = left_minor(free_minor, payee->immature_minor);
    payout.reason = bar_of(rules, payee);
    if (payout.reason == FARM_LEDGER_PAYOUT_ELIGIBLE)
        payout.reason = reason_of(rules, free_minor, matured_minor);
    if (payout.reason != FARM_LEDGER_PAYOUT_ELIGIBLE) return payout;
    payout.fee_minor = rules->fee_minor;
    payout.amount_minor = rules->maximum_minor == 0
                              ? matured_minor
                              : integer_min(matured_minor, rules->maximum_minor);
    return payout;
}
