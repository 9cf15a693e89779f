/* Groups: which may be opened, which accounts may be put into them, and what their sums come to.
 * Pure functions of what was asked for and what is there. */
#ifndef LEDGER_GROUP_RULES_H
#define LEDGER_GROUP_RULES_H

#include "base/id_map.h"
#include <farmcore/ledger_group.h>

/* A group that is there, or that the call opens. */
typedef struct ledger_group_found {
    farm_id id;
    farm_id parent_id;
    int64_t book;
    int64_t depth;
} ledger_group_found;

/* An account that is there. */
typedef struct ledger_account_found {
    farm_id id;
    int64_t book;
    int64_t number;
} ledger_account_found;

/* Why a call is refused: its first item that cannot be. FARM_OK: it is not refused. */
typedef struct ledger_group_refusal {
    farm_status status;
    int32_t reason;
    size_t place;     /* of the item */
    const char *text; /* what is wrong with it */
} ledger_group_refusal;

/* Groups to open. */
typedef struct ledger_group_opening {
    const farm_ledger_group *items;
    size_t count;
    const int64_t *books; /* that are there, in the order of their numbers */
    size_t book_count;
    ledger_group_found *groups; /* that are there, with room for all items behind them */
    size_t group_count;         /* grows by those that are opened */
    id_map *places;             /* of the groups, likewise */
} ledger_group_opening;

/* Members to put in or to take out. */
typedef struct ledger_group_filling {
    const farm_ledger_member *items;
    size_t count;
    const ledger_group_found *groups;
    const id_map *group_places;
    const ledger_account_found *accounts;
    const id_map *account_places;
} ledger_group_filling;

/* Put those that are new behind the groups that are there. */
ledger_group_refusal ledger_open_groups(ledger_group_opening *opening);

ledger_group_refusal ledger_check_members(const ledger_group_filling *filling);

/* Sums of the upper halves of balances and of the lower 32 bits of them. */
typedef struct ledger_halves {
    int64_t high;
    int64_t low;
} ledger_halves;

/* Debits pending and posted, credits pending and posted; 0: a sum, or what is pending and posted of
 * one side together, does not fit. */
int32_t ledger_join_halves(const ledger_halves halves[4], farm_ledger_balances *out);

#endif
