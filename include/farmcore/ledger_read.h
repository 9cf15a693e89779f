/**
 * @file farmcore/ledger_read.h
 * Reading the ledger: transfers and accounts by what they are, a page at a time, and accounts as
 * they were.
 *
 * A page is asked for by a farm_ledger_query, whose cursor_ns is the answer of the page before it.
 * Along an account nothing is ever missed by that, whoever posts meanwhile: its events get
 * their timestamps one after the other. Of a whole book, an event may be committed a moment after
 * one with a later timestamp was read; who follows a book goes by farmcore/ledger_seal.h.
 */
#ifndef FARMCORE_LEDGER_READ_H
#define FARMCORE_LEDGER_READ_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Flags of a query. */
enum {
    FARM_LEDGER_QUERY_DEBITS = 1 << 0,   /**< transfers that debit account_id */
    FARM_LEDGER_QUERY_CREDITS = 1 << 1,  /**< that credit it; neither flag: both */
    FARM_LEDGER_QUERY_REVERSED = 1 << 2, /**< the newest first */
    FARM_LEDGER_QUERY_HOLDS = 1 << 3     /**< of account_id: holds that have not ended */
};

enum {
    FARM_LEDGER_SCAN_MAX = 10000 /**< transfers or accounts that a call looks at, at the most */
};

/** What is asked for: all that is set has to hold. */
typedef struct farm_ledger_query {
    uint32_t struct_size;
    uint32_t flags;     /**< FARM_LEDGER_QUERY_… */
    farm_id account_id; /**< transfers of this account; zeros: of the whole book */
    farm_id user_data_128;
    int64_t user_data_64; /**< this and the next two: 0 is not asked */
    int32_t user_data_32;
    int32_t code;
    int64_t book;      /**< of what is asked for; 0 where account_id says it */
    int64_t from_ns;   /**< timestamps, this one too; 0: from the first on */
    int64_t to_ns;     /**< this one too; 0: to the last */
    int64_t cursor_ns; /**< what the page before this one answered; 0: the first page */
} farm_ledger_query;

/**
 * Find transfers by the query, in the order of their timestamps. Only the service may. A page of an
 * account costs what is on it, however long its history is. What else is asked for has no index: a
 * call looks at FARM_LEDGER_SCAN_MAX transfers at the most and may answer a page that is not full,
 * or empty, and a cursor all the same.
 *
 * @param rows receives the transfers; of an account that is not there none.
 * @param capacity 1 to FARM_LEDGER_BATCH_MAX. @param out_count receives how many.
 * @param out_cursor_ns receives where to go on; 0: the end was reached.
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
FARM_API farm_status farm_ledger_query_transfers(farm_session *session,
                                                 const farm_ledger_query *query,
                                                 farm_ledger_event *rows, size_t capacity,
                                                 size_t *out_count, int64_t *out_cursor_ns);

/**
 * Find accounts of a book likewise, in the order in which they were opened. account_id is zeros,
 * and of the flags only REVERSED may be set.
 *
 * @param rows receives the accounts as they are now.
 * @param capacity 1 to FARM_LEDGER_BATCH_MAX. @param out_count receives how many.
 * @param out_cursor_ns receives where to go on; 0: the end was reached.
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
FARM_API farm_status farm_ledger_query_accounts(farm_session *session,
                                                const farm_ledger_query *query,
                                                farm_ledger_account *rows, size_t capacity,
                                                size_t *out_count, int64_t *out_cursor_ns);

/**
 * Look accounts up as they were at a time of the ledger: version and balances right after their
 * last event of then and the credit limit of then, in one round trip. Only the service may. Whether
 * the account was closed then is not said: that is as it was opened.
 *
 * @param timestamp_ns the time, events of this timestamp included; 1 and up.
 * @param items ids. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each; an account
 *     that was not there then is all zeros but for struct_size.
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
FARM_API farm_status farm_ledger_find_accounts_at(farm_session *session, int64_t timestamp_ns,
                                                  const farm_id *items, size_t count,
                                                  farm_ledger_account *results);

#ifdef __cplusplus
}
#endif
#endif
