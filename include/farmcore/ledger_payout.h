/**
 * @file farmcore/ledger_payout.h
 * Who may be paid out, how much, and if not why: what an account has, less what is held, what is
 * too young and what has to stay. And runs of payouts: what is paid is held first, and posted once
 * the bank has said that it arrived, or voided.
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
    FARM_LEDGER_PAYOUT_BELOW_MINIMUM = 6, /**< something is, and less than the minimum, or no more
                                               than the fee */
    FARM_LEDGER_PAYOUT_IMMATURE = 7,      /**< enough is, but too much of it is too young */
    FARM_LEDGER_PAYOUT_NOT_NOMINATED = 8  /**< not in the program of the rules, now; it comes behind
                                               UNVERIFIED */
};

/** What holds for all of them. Amounts are minor units of the accounts' book. */
typedef struct farm_ledger_payout_rules {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t book;          /**< an account of another one is not found; 0: whatever it is of */
    int64_t minimum_minor; /**< less is not paid; 0 and up */
    int64_t maximum_minor; /**< more is not paid at once; 0: however much it is */
    int64_t reserve_minor; /**< so much stays on the account; 0 and up */
    int64_t fee_minor;     /**< so much of what is paid is the fee; 0 and up */
    int64_t matured_us;    /**< credits that count from then on are too young (effective_us), a
                                multiple of FARM_LEDGER_QUARTER_US; 0: none is */
    farm_id program_id; /**< only who is nominated in it now gets something, and nobody where there
                             is no such program (farmcore/ledger_program.h); zeros: whoever */
} farm_ledger_payout_rules;

/** Of whom it is asked. */
typedef struct farm_ledger_payee {
    uint32_t struct_size;
    uint32_t flags; /**< FARM_LEDGER_PAYEE_… */
    farm_id account_id;
} farm_ledger_payee;

/** What he may get, or of a run what he got. */
typedef struct farm_ledger_payout {
    uint32_t struct_size;
    int32_t reason;          /**< FARM_LEDGER_PAYOUT_… */
    int64_t amount_minor;    /**< what leaves his account, the fee with it; 0 but for ELIGIBLE */
    int64_t fee_minor;       /**< likewise */
    int64_t available_minor; /**< credits posted less debits posted and held; may be negative. Of a
                                  payout that was there already 0, as is the next */
    int64_t immature_minor;  /**< credits that are too young */
    farm_id transfer_id;     /**< the hold of a run; zeros: there is none */
    int64_t timestamp_ns;    /**< its timestamp */
    int32_t resolution;      /**< how it ended: FARM_LEDGER_KIND_POSTED … ; 0: it has not */
    uint32_t reserved;
} farm_ledger_payout;

/**
 * Say what payees may get, in one round trip, and change nothing. Only the service may. What is
 * paid is what is available, less what is too young and what has to stay, up to the maximum.
 * Whoever then pays goes by farm_ledger_hold_payouts(), as something may have happened since.
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

/** A run of payouts. Whatever has its id is the same run, in every process. */
typedef struct farm_ledger_payout_run {
    uint32_t struct_size;
    int32_t code; /**< of its transfers, 1 to FARM_LEDGER_CODE_MAX */
    farm_id id;   /**< neither zeros nor all ones; its transfers have it as user_data_128 */
    farm_id clearing_account_id; /**< is credited with what is paid */
    farm_id fee_account_id;      /**< is credited with the fees; zeros: there are none */
    int64_t timeout_us;          /**< of the holds; 0: they do not end by themselves */
} farm_ledger_payout_run;

/** What the bank has said. */
enum {
    FARM_LEDGER_OUTCOME_PAID = 1,  /**< it arrived: the holds are posted */
    FARM_LEDGER_OUTCOME_FAILED = 2 /**< it did not: they are voided, and the payee has it again */
};

/** Of whom. */
typedef struct farm_ledger_payout_outcome {
    uint32_t struct_size;
    int32_t outcome; /**< FARM_LEDGER_OUTCOME_PAID, …_FAILED */
    farm_id account_id;
} farm_ledger_payout_outcome;

/**
 * Hold what payees get: farm_ledger_check_payouts() under the locks of their accounts, and of each
 * who is eligible a hold to the clearing account and, with a fee, one to the fee account, linked.
 * One transaction, four round trips. Only the service may, and who may pay
 * for the book's owner (farmcore/ledger_owner.h).
 *
 * A payee has one payout in a run, whatever became of it. So a repeat holds nothing twice: it
 * answers what is there, whatever the rules say by now, and decides again about those who got
 * nothing. Ids are made of the run and the account: the first 16 bytes of SHA-256 over
 * "farm_ledger_payout 1", the byte 0 for the payout or 1 for the fee, the byte 0 for the hold, 1
 * for its post or 2 for its void, the run's id and the account's, each preceded by its size as 8
 * bytes, the first the most significant.
 *
 * A hold that has run out counts as held until it is ended: farm_ledger_expire() comes before.
 *
 * @param run the run. @param rules the rules, with a book.
 * @param items payees, each account once. @param count 1 to FARM_LEDGER_BATCH_MAX / 2.
 * @param results one each.
 * @return FARM_OK
 * @return FARM_EEXISTS FARM_LEDGER_REASON_RUN_DIFFERS: the run has other accounts, another book or
 *     code. Nothing was held.
 * @return FARM_EREFUSED FARM_LEDGER_REASON_REFUSED: a hold was, as where the clearing account is
 *     closed or not there. Nothing was held.
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_hold_payouts(farm_session *session,
                                              const farm_ledger_payout_run *run,
                                              const farm_ledger_payout_rules *rules,
                                              const farm_ledger_payee *items, size_t count,
                                              farm_ledger_payout *results);

/**
 * Post or void what a run holds. One transaction, three round trips. The same may. Each has
 * the status of the transfer that ends his hold: CREATED; of a repeat EXISTS;
 * PENDING_TRANSFER_NOT_FOUND where nothing is held, PENDING_TRANSFER_ALREADY_POSTED, …_VOIDED or
 * …_EXPIRED where it ended otherwise, and where an account is closed …_ALREADY_CLOSED. None of them
 * burns an id: what was refused can be settled later.
 *
 * @param book of the payees; holds of another one are not found. @param run_id the run.
 * @param items payees, each account once.
 * @param count 1 to FARM_LEDGER_BATCH_MAX / 2.
 * @param results one each: of the payout; the fee's goes with it.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_settle_payouts(farm_session *session, int64_t book,
                                                const farm_id *run_id,
                                                const farm_ledger_payout_outcome *items,
                                                size_t count, farm_ledger_transfer_result *results);

/**
 * What a run holds or held of payees, and how it ended, in one round trip. The same may.
 * All payouts of a run are the transfers of its clearing account with its id as user_data_128
 * (farm_ledger_query_transfers()).
 *
 * @param book of the payees; holds of another one are not found. @param run_id the run.
 * @param items accounts. @param count 1 to FARM_LEDGER_BATCH_MAX / 2.
 * @param results one each; where there is none, all zeros but for struct_size.
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
FARM_API farm_status farm_ledger_find_payouts(farm_session *session, int64_t book,
                                              const farm_id *run_id, const farm_id *items,
                                              size_t count, farm_ledger_payout *results);

#ifdef __cplusplus
}
#endif
#endif
