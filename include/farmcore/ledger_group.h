/**
 * @file farmcore/ledger_group.h
 * Accounts in groups, and what all accounts of a group have together: roll-ups.
 *
 * A group belongs to a book and may stand below another one of that book. What it stands below is
 * said when it is opened and never changed, and has to be there then, so that groups are trees and
 * no circle can come about. An account may be in several groups, and is put in and taken out at any
 * time.
 *
 * A sum is made when it is asked for, from the accounts' own balances: no total is kept anywhere.
 * So a group costs those who post nothing, and a busy account makes no busy row of its group; what
 * a sum costs is the accounts that are in it.
 */
#ifndef FARMCORE_LEDGER_GROUP_H
#define FARMCORE_LEDGER_GROUP_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_LEDGER_GROUP_DEPTH_MAX = 16 /**< groups one below the other, the uppermost included */
};

/** A group to open. */
typedef struct farm_ledger_group {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id id;        /**< neither zeros nor all ones; of all books */
    farm_id parent_id; /**< the group that it stands below, of the same book; zeros: none */
    int64_t book;
} farm_ledger_group;

/** That an account is in a group. */
typedef struct farm_ledger_member {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id group_id;
    farm_id account_id; /**< of the same book */
} farm_ledger_member;

/** What the accounts of a group have together. */
typedef struct farm_ledger_group_total {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t book;          /**< of the group; 0: there is no such group, and all else is 0, too */
    int64_t account_count; /**< accounts in it or below it, each once */
    farm_ledger_balances balances; /**< their sums */
} farm_ledger_group_total;

/**
 * Open groups, in the order of the items: one may stand below another of the same call that comes
 * before it. Only the service may. All are opened or none. Repeating it with the same fields
 * changes nothing.
 *
 * @param items groups. @param count 1 to FARM_LEDGER_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EEXISTS FARM_LEDGER_REASON_GROUP_DIFFERS: a group is there in another book or below
 *     another group.
 * @return FARM_ENOTFOUND FARM_LEDGER_REASON_BOOK_UNKNOWN, or …_GROUP_UNKNOWN: the one that it
 *     stands below.
 * @return FARM_EREFUSED FARM_LEDGER_REASON_OTHER_BOOK: the one that it stands below is of another
 *     book; …_GROUP_TOO_DEEP: it would be more than FARM_LEDGER_GROUP_DEPTH_MAX.
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
FARM_API farm_status farm_ledger_open_groups(farm_session *session, const farm_ledger_group *items,
                                             size_t count);

/**
 * Put accounts into groups. Only the service may. All are put there or none. Repeating it changes
 * nothing. Whoever is opening accounts in the groups' books is waited for before an account is said
 * not to be there.
 *
 * @param items members. @param count 1 to FARM_LEDGER_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_ENOTFOUND FARM_LEDGER_REASON_GROUP_UNKNOWN or …_ACCOUNT_UNKNOWN.
 * @return FARM_EREFUSED FARM_LEDGER_REASON_OTHER_BOOK: group and account are of two books.
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
FARM_API farm_status farm_ledger_group_accounts(farm_session *session,
                                                const farm_ledger_member *items, size_t count);

/**
 * Take accounts out of groups. Only the service may. All are taken out or none; what is not in its
 * group is left as it is, so that repeating it changes nothing. Groups and accounts are named as
 * they are to put them in, and refused likewise.
 *
 * @param items members. @param count 1 to FARM_LEDGER_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_ENOTFOUND FARM_LEDGER_REASON_GROUP_UNKNOWN or …_ACCOUNT_UNKNOWN.
 * @return FARM_EREFUSED FARM_LEDGER_REASON_OTHER_BOOK: group and account are of two books.
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
FARM_API farm_status farm_ledger_ungroup_accounts(farm_session *session,
                                                  const farm_ledger_member *items, size_t count);

/**
 * Sum what the accounts of groups have, of all that are in a group or below it, each once however
 * often it is. Only the service may. One round trip for all groups, and all of one moment: of a
 * transfer either both sides are in the sums or neither. It takes as long as there are accounts.
 *
 * @param items ids of groups. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
 * @return FARM_OK
 * @return FARM_EREFUSED FARM_LEDGER_REASON_SUM_OVERFLOWS: a sum has more than 63 bits; the error
 *     names the group.
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_sum_groups(farm_session *session, const farm_id *items,
                                            size_t count, farm_ledger_group_total *results);

/**
 * List the accounts that are in a group itself, not below it, in the order in which they were
 * opened. Only the service may.
 *
 * @param id the group; of one that is not there there are no accounts.
 * @param after_ns 0, or timestamp_ns of the last account of the page before this one.
 * @param rows receives the accounts as they are now. @param capacity 1 to FARM_LEDGER_BATCH_MAX.
 * @param out_count receives how many; fewer than capacity: there are no more.
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
FARM_API farm_status farm_ledger_list_group_accounts(farm_session *session, const farm_id *id,
                                                     int64_t after_ns, farm_ledger_account *rows,
                                                     size_t capacity, size_t *out_count);

#ifdef __cplusplus
}
#endif
#endif
