/**
 * @file farmcore/ledger.h
 * A double-entry ledger: money moves from one account to another, and every movement is an event
 * that is never changed.
 *
 * - A **book** has one asset at one scale (`EUR` at 2: amounts are cents). Amounts are whole
 *   numbers of the asset's smallest unit, 0 to FARM_LEDGER_AMOUNT_MAX.
 * - An **account** belongs to a book. It has four balances: debits and credits, pending and posted.
 *   Its flags say which of them may not exceed which.
 * - A **transfer** debits one account and credits another of the same book. It is a batch's item;
 *   an item that is refused does not keep the others from happening, unless they are LINKED.
 *
 * The semantics are TigerBeetle's (docs.tigerbeetle.com, Reference): two-phase transfers, linked
 * chains, balancing and closing transfers, ids that are burnt by a refusal that could pass later,
 * imported events. Each item has one status, found in a fixed order of checks; names and numbers
 * of the statuses are TigerBeetle's, those from 1000 on are ours. Where this ledger differs:
 * - amounts, balances and times have 63 bits;
 * - a hold's time out is in microseconds, and its end is an event like any other (EXPIRED), made by
 *   the next batch that touches one of its accounts or by farm_ledger_expire();
 * - an account may have a credit limit, and a transfer conditions;
 * - a transfer may reverse another one, in part or as a whole, and never more than was moved.
 *
 * The ledger's own time, `timestamp_ns`, is unique in a book and grows along each account's
 * history. It is nanoseconds, unlike other times: it is what orders events, and its last bits tell
 * writers apart that know nothing of each other.
 */
#ifndef FARMCORE_LEDGER_H
#define FARMCORE_LEDGER_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The largest amount. A POST of this amount posts all that is held; a BALANCING transfer of it
 *  moves all that there is, and a reversal of it all that is left. */
#define FARM_LEDGER_AMOUNT_MAX INT64_MAX

enum {
    FARM_LEDGER_BATCH_MAX = 8190, /**< accounts or transfers in one call */
    FARM_LEDGER_ASSET_MAX = 16,   /**< bytes of an asset's name */
    FARM_LEDGER_SCALE_MAX = 18,   /**< decimal places of an asset */
    FARM_LEDGER_CODE_MAX = 65535  /**< the application's kinds of accounts and of transfers */
};

/** Flags of an account. */
enum {
    FARM_LEDGER_ACCOUNT_LINKED = 1 << 0, /**< it and the next item are opened together or not */
    /** Its debits, those pending included, are at most its posted credits and its credit limit. */
    FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS = 1 << 1,
    /** Its credits, those pending included, are at most its posted debits. */
    FARM_LEDGER_ACCOUNT_CREDITS_MUST_NOT_EXCEED_DEBITS = 1 << 2,
    FARM_LEDGER_ACCOUNT_HISTORY = 1 << 3, /**< kept for whoever comes from TigerBeetle: the balances
                                               after each event are kept of every account */
    FARM_LEDGER_ACCOUNT_IMPORTED = 1 << 4, /**< opened in the past: timestamp_ns is the caller's */
    FARM_LEDGER_ACCOUNT_CLOSED = 1 << 5    /**< it takes no more than voids and expiries */
};

/** Flags of a transfer. */
enum {
    FARM_LEDGER_LINKED = 1 << 0,  /**< it and the next item happen together or not at all */
    FARM_LEDGER_PENDING = 1 << 1, /**< a hold: it moves pending balances until it is resolved */
    FARM_LEDGER_POST_PENDING_TRANSFER = 1
                                        << 2, /**< resolve the hold pending_id: move amount_minor of
                                                     it, give the rest back */
    FARM_LEDGER_VOID_PENDING_TRANSFER = 1 << 3, /**< resolve it and give all of it back */
    /** Move amount_minor at most, and no more than the debit account's credits exceed debits. */
    FARM_LEDGER_BALANCING_DEBIT = 1 << 4,
    /** The same of what the credit account's debits exceed its credits. */
    FARM_LEDGER_BALANCING_CREDIT = 1 << 5,
    FARM_LEDGER_CLOSING_DEBIT = 1 << 6,  /**< a hold that closes the debit account; voiding it, or
                                              its expiry, opens it again */
    FARM_LEDGER_CLOSING_CREDIT = 1 << 7, /**< likewise the credit account */
    FARM_LEDGER_IMPORTED = 1 << 8 /**< it happened in the past: timestamp_ns is the caller's */
};

/** Conditions of a transfer; together. One that does not hold answers CONDITION_FAILED. */
enum {
    FARM_LEDGER_IF_DEBIT_VERSION = 1 << 0,  /**< debit_version is the debit account's version */
    FARM_LEDGER_IF_CREDIT_VERSION = 1 << 1, /**< credit_version is the credit account's */
    /** Afterwards the debit account's posted credits, less its debits and less those pending, are
     *  debit_balance_minor at least. */
    FARM_LEDGER_IF_DEBIT_BALANCE = 1 << 2
};

/** What an item of farm_ledger_open_accounts() is told: name, number, what it says. In the order of
 *  the numbers; the order of the checks is in docs/ledger.md. */
#define FARM_LEDGER_ACCOUNT_STATUSES(X)                                                            \
    X(CREATED, 0, "opened")                                                                        \
    X(LINKED_EVENT_FAILED, 1, "another item of its chain was refused")                             \
    X(LINKED_EVENT_CHAIN_OPEN, 2, "the batch ends inside a chain")                                 \
    X(TIMESTAMP_MUST_BE_ZERO, 3, "timestamp_ns is set and the item is not imported")               \
    X(RESERVED_FIELD, 4, "a reserved field is set")                                                \
    X(RESERVED_FLAG, 5, "a flag is set that does not exist")                                       \
    X(ID_MUST_NOT_BE_ZERO, 6, "the id is zero")                                                    \
    X(ID_MUST_NOT_BE_INT_MAX, 7, "the id is all ones")                                             \
    X(FLAGS_ARE_MUTUALLY_EXCLUSIVE, 8, "both limits at once")                                      \
    X(DEBITS_PENDING_MUST_BE_ZERO, 9, "a new account has no pending debits")                       \
    X(DEBITS_POSTED_MUST_BE_ZERO, 10, "a new account has no debits")                               \
    X(CREDITS_PENDING_MUST_BE_ZERO, 11, "a new account has no pending credits")                    \
    X(CREDITS_POSTED_MUST_BE_ZERO, 12, "a new account has no credits")                             \
    X(LEDGER_MUST_NOT_BE_ZERO, 13, "the book is zero")                                             \
    X(CODE_MUST_NOT_BE_ZERO, 14, "the code is zero")                                               \
    X(EXISTS_WITH_DIFFERENT_FLAGS, 15, "the account is there with other flags")                    \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_128, 16, "it is there with other user data")                 \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_64, 17, "it is there with other user data")                  \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_32, 18, "it is there with other user data")                  \
    X(EXISTS_WITH_DIFFERENT_LEDGER, 19, "it is there in another book")                             \
    X(EXISTS_WITH_DIFFERENT_CODE, 20, "it is there with another code")                             \
    X(EXISTS, 21, "it is there, and the same")                                                     \
    X(IMPORTED_EVENT_EXPECTED, 22, "the batch's first item is imported, and this is not")          \
    X(IMPORTED_EVENT_NOT_EXPECTED, 23, "the batch's first item is not imported, and this is")      \
    X(IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE, 24, "timestamp_ns is no time")                        \
    X(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE, 25, "timestamp_ns is not in the past")            \
    X(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS, 26,                                               \
      "the book has an event of that time or later")                                               \
    X(LEDGER_NOT_FOUND, 1001, "there is no such book")                                             \
    X(CODE_OUT_OF_RANGE, 1002, "the code is negative or over FARM_LEDGER_CODE_MAX")                \
    X(LEDGER_OUT_OF_RANGE, 1003, "the book's number is negative")                                  \
    X(CREDIT_LIMIT_OUT_OF_RANGE, 1004, "the credit limit is negative, or of an account without")   \
    X(EXISTS_WITH_DIFFERENT_CREDIT_LIMIT, 1005, "it was opened with another credit limit")

/** What an item of farm_ledger_post() is told: name, number, what it says. */
#define FARM_LEDGER_TRANSFER_STATUSES(X)                                                           \
    X(CREATED, 0, "it happened")                                                                   \
    X(LINKED_EVENT_FAILED, 1, "another item of its chain was refused")                             \
    X(LINKED_EVENT_CHAIN_OPEN, 2, "the batch ends inside a chain")                                 \
    X(TIMESTAMP_MUST_BE_ZERO, 3, "timestamp_ns is set and the item is not imported")               \
    X(RESERVED_FLAG, 4, "a flag or a condition is set that does not exist")                        \
    X(ID_MUST_NOT_BE_ZERO, 5, "the id is zero")                                                    \
    X(ID_MUST_NOT_BE_INT_MAX, 6, "the id is all ones")                                             \
    X(FLAGS_ARE_MUTUALLY_EXCLUSIVE, 7, "two flags that exclude each other")                        \
    X(DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO, 8, "the debit account's id is zero")                      \
    X(DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX, 9, "the debit account's id is all ones")               \
    X(CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO, 10, "the credit account's id is zero")                   \
    X(CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX, 11, "the credit account's id is all ones")            \
    X(ACCOUNTS_MUST_BE_DIFFERENT, 12, "both accounts are the same")                                \
    X(PENDING_ID_MUST_BE_ZERO, 13, "it resolves no hold and has a pending_id")                     \
    X(PENDING_ID_MUST_NOT_BE_ZERO, 14, "it resolves a hold and does not say which")                \
    X(PENDING_ID_MUST_NOT_BE_INT_MAX, 15, "pending_id is all ones")                                \
    X(PENDING_ID_MUST_BE_DIFFERENT, 16, "pending_id is its own id")                                \
    X(TIMEOUT_RESERVED_FOR_PENDING_TRANSFER, 17, "only a hold has a time out")                     \
    X(LEDGER_MUST_NOT_BE_ZERO, 19, "the book is zero")                                             \
    X(CODE_MUST_NOT_BE_ZERO, 20, "the code is zero")                                               \
    X(DEBIT_ACCOUNT_NOT_FOUND, 21, "there is no such debit account")                               \
    X(CREDIT_ACCOUNT_NOT_FOUND, 22, "there is no such credit account")                             \
    X(ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER, 23, "the accounts are of two books")                     \
    X(TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS, 24, "the accounts are of another book")      \
    X(PENDING_TRANSFER_NOT_FOUND, 25, "there is no such hold")                                     \
    X(PENDING_TRANSFER_NOT_PENDING, 26, "pending_id is of a transfer that is no hold")             \
    X(PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID, 27, "the hold debits another account")      \
    X(PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID, 28, "the hold credits another account")    \
    X(PENDING_TRANSFER_HAS_DIFFERENT_LEDGER, 29, "the hold is of another book")                    \
    X(PENDING_TRANSFER_HAS_DIFFERENT_CODE, 30, "the hold has another code")                        \
    X(EXCEEDS_PENDING_TRANSFER_AMOUNT, 31, "more than is held")                                    \
    X(PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT, 32, "a void of less than is held")                    \
    X(PENDING_TRANSFER_ALREADY_POSTED, 33, "the hold was posted")                                  \
    X(PENDING_TRANSFER_ALREADY_VOIDED, 34, "the hold was voided")                                  \
    X(PENDING_TRANSFER_EXPIRED, 35, "the hold has expired")                                        \
    X(EXISTS_WITH_DIFFERENT_FLAGS, 36, "the transfer is there with other flags")                   \
    X(EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID, 37, "it is there and debits another account")        \
    X(EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID, 38, "it is there and credits another account")      \
    X(EXISTS_WITH_DIFFERENT_AMOUNT, 39, "it is there with another amount")                         \
    X(EXISTS_WITH_DIFFERENT_PENDING_ID, 40, "it is there and resolves another hold")               \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_128, 41, "it is there with other user data")                 \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_64, 42, "it is there with other user data")                  \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_32, 43, "it is there with other user data")                  \
    X(EXISTS_WITH_DIFFERENT_TIMEOUT, 44, "it is there with another time out")                      \
    X(EXISTS_WITH_DIFFERENT_CODE, 45, "it is there with another code")                             \
    X(EXISTS, 46, "it is there, and the same")                                                     \
    X(OVERFLOWS_DEBITS_PENDING, 47, "the pending debits would overflow")                           \
    X(OVERFLOWS_CREDITS_PENDING, 48, "the pending credits would overflow")                         \
    X(OVERFLOWS_DEBITS_POSTED, 49, "the posted debits would overflow")                             \
    X(OVERFLOWS_CREDITS_POSTED, 50, "the posted credits would overflow")                           \
    X(OVERFLOWS_DEBITS, 51, "the debits would overflow")                                           \
    X(OVERFLOWS_CREDITS, 52, "the credits would overflow")                                         \
    X(OVERFLOWS_TIMEOUT, 53, "the hold would end after the end of time")                           \
    X(EXCEEDS_CREDITS, 54, "the debit account has not enough")                                     \
    X(EXCEEDS_DEBITS, 55, "the credit account would have too much")                                \
    X(IMPORTED_EVENT_EXPECTED, 56, "the batch's first item is imported, and this is not")          \
    X(IMPORTED_EVENT_NOT_EXPECTED, 57, "the batch's first item is not imported, and this is")      \
    X(IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE, 58, "timestamp_ns is no time")                        \
    X(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE, 59, "timestamp_ns is not in the past")            \
    X(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS, 60,                                               \
      "the book has an event of that time or later")                                               \
    X(IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT, 61, "the debit account is younger")    \
    X(IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT, 62, "the credit account is younger")  \
    X(IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO, 63, "an imported hold has no time out")                 \
    X(CLOSING_TRANSFER_MUST_BE_PENDING, 64, "only a hold closes an account")                       \
    X(DEBIT_ACCOUNT_ALREADY_CLOSED, 65, "the debit account is closed")                             \
    X(CREDIT_ACCOUNT_ALREADY_CLOSED, 66, "the credit account is closed")                           \
    X(EXISTS_WITH_DIFFERENT_LEDGER, 67, "it is there in another book")                             \
    X(ID_ALREADY_FAILED, 68, "the id was refused before, for a reason that may have passed")       \
    X(AMOUNT_MUST_NOT_BE_NEGATIVE, 1001, "the amount is negative")                                 \
    X(TIMEOUT_MUST_NOT_BE_NEGATIVE, 1002, "the time out is negative")                              \
    X(CODE_OUT_OF_RANGE, 1003, "the code is negative or over FARM_LEDGER_CODE_MAX")                \
    X(LEDGER_OUT_OF_RANGE, 1004, "the book's number is negative")                                  \
    X(EFFECTIVE_OUT_OF_RANGE, 1005, "effective_us is no time")                                     \
    X(EXISTS_WITH_DIFFERENT_EFFECTIVE, 1006, "it is there with another effective time")            \
    X(CONDITION_FAILED, 1007, "a condition of the transfer does not hold")                         \
    X(EFFECTIVE_IN_CLOSED_PERIOD, 1008, "the book is closed through its effective time")           \
    X(REVERSED_ID_MUST_NOT_BE_INT_MAX, 1009, "reversed_id is all ones")                            \
    X(REVERSED_ID_MUST_BE_DIFFERENT, 1010, "reversed_id is its own id")                            \
    X(REVERSED_TRANSFER_NOT_FOUND, 1011, "there is no such transfer to reverse")                   \
    X(REVERSED_TRANSFER_NOT_REVERSIBLE, 1012, "a hold, its end or a reversal is not reversed")     \
    X(REVERSED_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID, 1013, "that debits another account")       \
    X(REVERSED_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID, 1014, "that credits another account")     \
    X(REVERSED_TRANSFER_HAS_DIFFERENT_LEDGER, 1015, "that is of another book")                     \
    X(REVERSED_TRANSFER_ALREADY_REVERSED, 1016, "nothing of it is left to be reversed")            \
    X(EXCEEDS_REVERSIBLE_AMOUNT, 1017, "more than is left of it to be reversed")                   \
    X(EXISTS_WITH_DIFFERENT_REVERSED_ID, 1018, "it is there and reverses another transfer")

/** The statuses as numbers. 18 is a number that TigerBeetle no longer uses. */
enum {
#define FARM_LEDGER_ENUM(name, number, text) FARM_LEDGER_ACCOUNT_##name = number,
    FARM_LEDGER_ACCOUNT_STATUSES(FARM_LEDGER_ENUM)
#undef FARM_LEDGER_ENUM
};

enum {
#define FARM_LEDGER_ENUM(name, number, text) FARM_LEDGER_TRANSFER_##name = number,
    FARM_LEDGER_TRANSFER_STATUSES(FARM_LEDGER_ENUM)
#undef FARM_LEDGER_ENUM
};

/** What a stored transfer is. */
enum {
    FARM_LEDGER_KIND_SINGLE = 0,
    FARM_LEDGER_KIND_PENDING = 1,
    FARM_LEDGER_KIND_POSTED = 2,  /**< it posted a hold */
    FARM_LEDGER_KIND_VOIDED = 3,  /**< it voided a hold */
    FARM_LEDGER_KIND_EXPIRED = 4, /**< a hold ran out; it has no id of its own */
    FARM_LEDGER_KIND_REVERSAL = 5 /**< it reversed a SINGLE or a POSTED one */
};

/** Why a call was turned down. */
enum {
    FARM_LEDGER_REASON_BOOK_DIFFERS = 1,     /**< EEXISTS: the book is there with other fields */
    FARM_LEDGER_REASON_REFUSED = 2,          /**< EREFUSED: a transfer of a table was refused */
    FARM_LEDGER_REASON_BALANCE = 3,          /**< EREFUSED: a table states another balance */
    FARM_LEDGER_REASON_UNLIMITED = 4,        /**< EREFUSED: the account has no limit to change */
    FARM_LEDGER_REASON_LIMIT_DIFFERS = 5,    /**< EREFUSED: its credit limit is another one */
    FARM_LEDGER_REASON_LIMIT_USED = 6,       /**< EREFUSED: more of the credit is used */
    FARM_LEDGER_REASON_RUN_DIFFERS = 7,      /**< EEXISTS: a run of payouts is there with others */
    FARM_LEDGER_REASON_GROUP_DIFFERS = 8,    /**< EEXISTS: the group is there with other fields */
    FARM_LEDGER_REASON_BOOK_UNKNOWN = 9,     /**< ENOTFOUND: there is no such book */
    FARM_LEDGER_REASON_GROUP_UNKNOWN = 10,   /**< ENOTFOUND: there is no such group */
    FARM_LEDGER_REASON_ACCOUNT_UNKNOWN = 11, /**< ENOTFOUND: there is no such account */
    FARM_LEDGER_REASON_OTHER_BOOK = 12,      /**< EREFUSED: two of two books */
    FARM_LEDGER_REASON_GROUP_TOO_DEEP = 13,  /**< EREFUSED: too many groups below each other */
    FARM_LEDGER_REASON_SUM_OVERFLOWS = 14,   /**< EREFUSED: a sum of balances has too many bits */
    FARM_LEDGER_REASON_PROGRAM_DIFFERS = 15, /**< EEXISTS: the program is there with others */
    FARM_LEDGER_REASON_PROGRAM_ENDS_EARLIER = 16 /**< EREFUSED: its end is not put off */
};

/** A book. */
typedef struct farm_ledger_book {
    uint32_t struct_size;
    int32_t scale;     /**< decimal places of an amount, 0 to FARM_LEDGER_SCALE_MAX */
    int64_t book;      /**< its number, 1 and up */
    const char *asset; /**< such as "EUR" (ISO 4217), 1 to FARM_LEDGER_ASSET_MAX visible ASCII
                            characters */
} farm_ledger_book;

/** The four balances of an account. Their sums fit in 63 bits, too. */
typedef struct farm_ledger_balances {
    int64_t debits_pending_minor;
    int64_t debits_posted_minor;
    int64_t credits_pending_minor;
    int64_t credits_posted_minor;
} farm_ledger_balances;

/** An account: to open, or as it was found. */
typedef struct farm_ledger_account {
    uint32_t struct_size;
    uint32_t flags;        /**< FARM_LEDGER_ACCOUNT_… */
    farm_id id;            /**< neither zeros nor all ones; of all books */
    farm_id user_data_128; /**< the application's, as are the next two */
    int64_t user_data_64;
    int32_t user_data_32;
    int32_t code; /**< the application's kind of account, 1 to FARM_LEDGER_CODE_MAX */
    int64_t book;
    int64_t credit_limit_minor; /**< with DEBITS_MUST_NOT_EXCEED_CREDITS: how far debits may exceed
                                     credits all the same; found: the one that holds now */
    int64_t timestamp_ns;       /**< when it was opened; to open: 0 unless IMPORTED */
    int64_t version;            /**< how many events it has; to open: 0 */
    farm_ledger_balances balances; /**< to open: zeros */
} farm_ledger_account;

/** A transfer to post. */
typedef struct farm_ledger_transfer {
    uint32_t struct_size;
    uint32_t flags;            /**< FARM_LEDGER_LINKED … */
    farm_id id;                /**< neither zeros nor all ones; of all books */
    farm_id debit_account_id;  /**< POST and VOID: zeros, or the hold's, as are the next. A
                                   reversal: zeros, or the account that was credited */
    farm_id credit_account_id; /**< a reversal: zeros, or the account that was debited */
    farm_id pending_id;        /**< POST and VOID: the hold */
    farm_id reversed_id;       /**< not zeros: a reversal, of this transfer. It moves amount_minor
                                    back, at most what no reversal has moved back before; the
                                    limits of accounts hold for it, too */
    farm_id user_data_128; /**< the application's, as are the next two; POST, VOID and a reversal:
                                zeros mean those of the hold, or of what is reversed */
    int64_t user_data_64;
    int32_t user_data_32;
    int32_t code; /**< the application's kind of transfer, 1 to FARM_LEDGER_CODE_MAX */
    int64_t book;
    int64_t amount_minor; /**< 0 is an amount; of a VOID it means all */
    int64_t timeout_us;   /**< of a hold, from its timestamp on; 0: it does not end by itself */
    int64_t timestamp_ns; /**< 0 unless IMPORTED */
    int64_t effective_us; /**< when it counts in the application's eyes; 0: its timestamp */
    uint32_t conditions;  /**< FARM_LEDGER_IF_…, and their operands; not compared in a repeat */
    uint32_t reserved;
    int64_t debit_version;
    int64_t credit_version;
    int64_t debit_balance_minor;
} farm_ledger_transfer;

/** What became of an account to open. */
typedef struct farm_ledger_account_result {
    uint32_t struct_size;
    int32_t status;       /**< FARM_LEDGER_ACCOUNT_CREATED … */
    int64_t timestamp_ns; /**< CREATED, EXISTS: when it was opened; else 0 */
} farm_ledger_account_result;

/** What became of a transfer. */
typedef struct farm_ledger_transfer_result {
    uint32_t struct_size;
    int32_t status;       /**< FARM_LEDGER_TRANSFER_CREATED … */
    int64_t timestamp_ns; /**< CREATED, EXISTS: the event's; else 0 */
    int64_t amount_minor; /**< CREATED, EXISTS: what was moved, held or given back; else 0 */
    /** CREATED, EXISTS: after the event. Refused once the accounts were known: what was found.
     *  Else zeros. */
    farm_ledger_balances debit;
    farm_ledger_balances credit;
} farm_ledger_transfer_result;

/** A transfer as it is stored. */
typedef struct farm_ledger_event {
    uint32_t struct_size;
    uint32_t flags;
    farm_id id; /**< EXPIRED: zeros */
    farm_id debit_account_id;
    farm_id credit_account_id;
    farm_id pending_id;  /**< POSTED, VOIDED, EXPIRED: the hold */
    farm_id reversed_id; /**< REVERSAL: what it reversed */
    farm_id user_data_128;
    int64_t user_data_64;
    int32_t user_data_32;
    int32_t code;
    int64_t book;
    int64_t amount_minor;
    int64_t timeout_us;
    int64_t timestamp_ns;
    int64_t effective_us;
    int32_t kind;               /**< FARM_LEDGER_KIND_… */
    int32_t resolution;         /**< PENDING: 0, or by what kind of event it ended */
    int64_t reversed_minor;     /**< SINGLE, POSTED: how much of it was reversed */
    farm_ledger_balances debit; /**< after it */
    farm_ledger_balances credit;
} farm_ledger_event;

/** "CREATED" … of FARM_LEDGER_ACCOUNT_STATUSES. @return static text, "UNKNOWN"
 *  otherwise. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_account_status_name(int32_t code);

/** What it says, as one English line. @return static text. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_account_status_text(int32_t code);

/** "CREATED" … of FARM_LEDGER_TRANSFER_STATUSES. @return static text, "UNKNOWN"
 *  otherwise. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_transfer_status_name(int32_t code);

/** What it says, as one English line. @return static text. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_transfer_status_text(int32_t code);

/**
 * Open books. Only the service may. Repeating it with the same fields changes nothing.
 *
 * @param items books. @param count 1 to FARM_LEDGER_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EEXISTS a book is there with another asset or scale; none of these was opened.
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
FARM_API farm_status farm_ledger_open_books(farm_session *session, const farm_ledger_book *items,
                                            size_t count);

/**
 * Close a book through a time: whatever is effective then or earlier is refused from now on,
 * EFFECTIVE_IN_CLOSED_PERIOD; a correction is made in the open period. Holds that end later end
 * later. Only the service may. It waits for transfers that are on their way, of all books, and
 * others wait for it. Repeating it changes nothing, nor does an earlier time: what is closed stays
 * closed.
 *
 * @param book the book. @param through_us microseconds since 1970, the last that is closed; 1 to
 *     now.
 * @return FARM_OK
 * @return FARM_ENOTFOUND there is no such book.
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
FARM_API farm_status farm_ledger_close_book(farm_session *session, int64_t book,
                                            int64_t through_us);

/**
 * Open accounts, in the order of the items. Only the service may. Each has its own result; the call
 * is FARM_OK whatever they are. Repeating it changes nothing and answers EXISTS.
 *
 * @param items accounts. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
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
FARM_API farm_status farm_ledger_open_accounts(farm_session *session,
                                               const farm_ledger_account *items, size_t count,
                                               farm_ledger_account_result *results);

/**
 * Change the credit limit of an account that was opened with DEBITS_MUST_NOT_EXCEED_CREDITS. Only
 * the service may. It holds for whatever is posted from its return on; that it was changed, and
 * when, is kept. Repeating it changes nothing: what has become to_minor is left as it is. What it
 * was opened with still is what farm_ledger_open_accounts() compares a repeat with.
 *
 * @param id the account.
 * @param from_minor the limit that the caller knows, so that of two who change it at once the one
 *     who comes second is told. @param to_minor the limit from now on. Both 0 and up.
 * @return FARM_OK
 * @return FARM_ENOTFOUND there is no such account.
 * @return FARM_EREFUSED FARM_LEDGER_REASON_UNLIMITED, …_LIMIT_DIFFERS, or …_LIMIT_USED: its debits
 *     exceed its credits by more than to_minor.
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
FARM_API farm_status farm_ledger_change_credit_limit(farm_session *session, const farm_id *id,
                                                     int64_t from_minor, int64_t to_minor);

/**
 * Post transfers, in the order of the items; each sees what those before it did. Only the service
 * may. Each has its own result; the call is FARM_OK whatever they are. One transaction, two round
 * trips; of a transfer that comes alone and simply moves money one. Holds of the accounts concerned
 * that have run out are ended first.
 *
 * Repeating it with the same ids changes nothing: what happened answers EXISTS, what was refused by
 * a balance, a closed or a missing account or a missing transfer that it ends or reverses answers
 * ID_ALREADY_FAILED, and everything else is decided again.
 *
 * @param items transfers. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
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
FARM_API farm_status farm_ledger_post(farm_session *session, const farm_ledger_transfer *items,
                                      size_t count, farm_ledger_transfer_result *results);

/**
 * End holds that have run out, the oldest first, wherever they are. Only the service may. A
 * repeat ends the next ones.
 *
 * @param budget_count how many at most: 1 to FARM_LEDGER_BATCH_MAX. @param out_count how many were.
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
FARM_API farm_status farm_ledger_expire(farm_session *session, int64_t budget_count,
                                        size_t *out_count);

/**
 * Look accounts up by their ids. Only the service may.
 *
 * @param items ids. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each; an account
 *     that is not there is all zeros but for struct_size.
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
FARM_API farm_status farm_ledger_find_accounts(farm_session *session, const farm_id *items,
                                               size_t count, farm_ledger_account *results);

/**
 * Look transfers up by their ids. Only the service may.
 *
 * @param items ids. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each; a transfer
 *     that is not there is all zeros but for struct_size.
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
FARM_API farm_status farm_ledger_find_transfers(farm_session *session, const farm_id *items,
                                                size_t count, farm_ledger_event *results);

#ifdef __cplusplus
}
#endif
#endif
