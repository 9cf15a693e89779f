/* The ids of a run's transfers: whoever knows the run and the account knows them. */
#ifndef LEDGER_PAYOUT_ID_H
#define LEDGER_PAYOUT_ID_H

#include <farmcore/ledger_payout.h>

/* What a payee's payout consists of, linked in this order. */
enum { LEDGER_PAYOUT_NET, LEDGER_PAYOUT_FEE, LEDGER_PAYOUT_PARTS };
/* What is done with a part. */
enum { LEDGER_PAYOUT_HOLD, LEDGER_PAYOUT_POST, LEDGER_PAYOUT_VOID };

/* As farm_ledger_hold_payouts() says. */
farm_id ledger_payout_id(const farm_id *run_id, const farm_id *account_id, int32_t part,
                         int32_t act);

#endif
