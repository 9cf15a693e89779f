/**
 * @file farmcore/ledger_payout.h
 * Who may be paid out, how much, and if not why: what an account has, less what is held, what is
 * too young and what has to stay.
 */
#ifndef FARMCORE_LEDGER_PAYOUT_H
#define FARMCORE_LEDGER_PAYOUT_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the application knows of a payee; flags. */
enum {
    FARM_LEDGER_PAYEE_BLOCKED = 1 << 0,   /**< he gets nothing for now */
    FARM_LEDGER_PAYEE_UNVERIFIED = 1 << 1 /**< who he is has not been seen to */
};

/** Why somebody gets nothing: the first that applies. */
enum {
    FARM_LEDGER_PAYOUT_ELIGIBLE = 0,      /**< he gets something */
    FARM_LEDGER_PAYOUT_NOT_FOUND = 1,     /**< there is no such account */
    FARM_LEDGER_PAYOUT_CLOSED = 2,        /**< it takes no more transfers */
    FARM_LEDGER_PAYOUT_BLOCKED = 3,       /**< …_PAYEE_BLOCKED */
    FARM_LEDGER_PAYOUT_UNVERIFIED = 4,    /**< …_PAYEE_UNVERIFIED */
    FARM_LEDGER_PAYOUT_NOTHING = 5,       /**< nothing is there but what has to stay or is held */
    FARM_LEDGER_PAYOUT_BELOW_MINIMUM = 6, /**< something is, and less than the minimum */
    FARM_LEDGER_PAYOUT_IMMATURE = 7       /**< enough is, but too much of it is too young */
};

/** What holds for all of them. Amounts are minor units of the accounts' book. */
typedef struct farm_ledger_payout_rules {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t minimum_minor; /**< less is not paid; 0 and up */
    int64_t maximum_minor; /**< more is not paid at once; 0: however much it is */
    int64_t reserve_minor; /**< so much stays on the account; 0 and up */
    int64_t matured_us;    /**< credits that count from then on are too young (effective_us), a
                                multiple of FARM_LEDGER_QUARTER_US; 0: none is */
} farm_ledger_payout_rules;

/** Of whom it is asked. */
typedef struct farm_ledger_payee {
    uint32_t struct_size;
    uint32_t flags; /**< FARM_LEDGER_PAYEE_… */
    farm_id account_id;
} farm_ledger_payee;

/** What he may get. */
typedef struct farm_ledger_payout {
    uint32_t struct_size;
    int32_t reason;          /**< FARM_LEDGER_PAYOUT_… */
    int64_t amount_minor;    /**< what is paid; 0 but for ELIGIBLE */
    int64_t available_minor; /**< credits posted less debits posted and held; may be negative */
    int64_t immature_minor;  /**< credits that are too young */
} farm_ledger_payout;

/**
 * Say what payees may get, in one round trip, and change nothing. Only the service may. What is
 * paid is what is available, less what is too young and what has to stay, up to the maximum.
 * Whoever then posts the payouts holds them with DEBITS_MUST_NOT_EXCEED_CREDITS or with a condition
 * on the balance, as something may have happened since.
 *
 * @param rules the rules; NULL: whatever is available.
 * @param items payees. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_check_payouts(farm_session *session,
                                               const farm_ledger_payout_rules *rules,
                                               const farm_ledger_payee *items, size_t count,
                                               farm_ledger_payout *results);

#ifdef __cplusplus
}
#endif
#endif
