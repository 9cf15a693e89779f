/* Who is paid out how much: a pure function of the rules and of what is known of him. */
#ifndef LEDGER_PAYOUT_RULES_H
#define LEDGER_PAYOUT_RULES_H

#include <farmcore/ledger_payout.h>

/* What is known of a payee. */
typedef struct ledger_payee {
    uint32_t flags;       /* FARM_LEDGER_PAYEE_… */
    int32_t is_there;     /* his account */
    int32_t is_closed;    /* likewise */
    int32_t is_nominated; /* in the program of the rules */
    int64_t book;         /* of his account */
    farm_ledger_balances balances;
    int64_t immature_minor; /* of his credits */
} ledger_payee;

farm_ledger_payout ledger_decide_payout(const farm_ledger_payout_rules *rules,
                                        const ledger_payee *payee);

#endif
