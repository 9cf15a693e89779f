/**
 * @file farmcore/ledger_owner.h
 * Books and accounts that are kept for an entity (farmcore/roles.h): who has a role for it may do
 * with them what the role allows, and nobody else may but the service.
 *
 * | operation | allows | of |
 * |---|---|---|
 * | read | farm_ledger_query_transfers() | the account, or the book |
 * | export | farm_ledger_export_next() | the account, or the book |
 * | pay | farm_ledger_hold_payouts(), _settle_payouts(), _find_payouts() | the book |
 * | refund | farm_ledger_post() of reversals alone | the account that gives back |
 * | close | farm_ledger_close_book() | the book |
 *
 * What a role for a book's owner allows, it allows of all its accounts. An account that nobody has
 * been assigned is its book's owner's, and a book that nobody has been is the service's.
 */
#ifndef FARMCORE_LEDGER_OWNER_H
#define FARMCORE_LEDGER_OWNER_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_LEDGER_REFUND_MAX = 100 /**< reversals in a call of somebody who is not the service */
};

/** For whom a book or an account is kept. */
typedef struct farm_ledger_owner {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t book;       /**< the book; with an account 0, or the account's */
    farm_id account_id; /**< zeros: the book */
    const char *entity; /**< 1 to FARM_KEY_MAX bytes; NULL: for nobody */
} farm_ledger_owner;

/** Of an account, for whom it and its book are kept; "": for nobody. */
typedef struct farm_ledger_ownership {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t book; /**< 0: there is no such account */
    char entity[FARM_KEY_MAX + 1];
    char book_entity[FARM_KEY_MAX + 1];
} farm_ledger_ownership;

/**
 * Say for whom books and accounts are kept, from the next call of anyone on. Only the service may.
 * Repeating it changes nothing. Whether the entity has been founded is not asked.
 *
 * @param items books and accounts; of one that is there twice the last counts.
 * @param count 1 to FARM_LEDGER_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_ENOTFOUND a book or an account is not there. Nothing was changed.
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
FARM_API farm_status farm_ledger_assign_owners(farm_session *session,
                                               const farm_ledger_owner *items, size_t count);

/**
 * For whom accounts are kept, in one round trip. Only the service may.
 *
 * @param items ids. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
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
FARM_API farm_status farm_ledger_find_owners(farm_session *session, const farm_id *items,
                                             size_t count, farm_ledger_ownership *results);

#ifdef __cplusplus
}
#endif
#endif
