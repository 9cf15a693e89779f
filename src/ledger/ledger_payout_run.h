/* What holding, settling and finding the payouts of a run have in common: payees, and what the
 * ledger has of them. */
#ifndef LEDGER_PAYOUT_RUN_H
#define LEDGER_PAYOUT_RUN_H

#include "ledger/ledger_payout_id.h"
#include "ledger/ledger_rows.h"

enum { LEDGER_PAYEES_MAX = FARM_LEDGER_BATCH_MAX / LEDGER_PAYOUT_PARTS };

/* A payee of a run. */
typedef struct ledger_paid {
    farm_id account_id;
    farm_id hold_ids[LEDGER_PAYOUT_PARTS];
    const farm_ledger_event *holds[LEDGER_PAYOUT_PARTS]; /* NULL: there is none */
} ledger_paid;

typedef struct ledger_run {
    farm_session *session;
    int64_t book;
    const farm_id *id;
    ledger_paid *payees;
    size_t count;
    ledger_ids account_ids;
    ledger_ids hold_ids; /* LEDGER_PAYOUT_PARTS of each payee */
    int32_t has_failed;  /* there was no memory for a hold */
} ledger_run;

/* The run's book and id, the results' array, and whether the caller may pay. */
farm_status ledger_run_check(farm_session *session, int64_t book, const farm_id *run_id,
                             const void *results, size_t count);
/* Room for count payees. What is held in another book is not theirs; 0: of any. */
farm_status ledger_run_init(ledger_run *run, farm_session *session, int64_t book, const farm_id *id,
                            size_t count);
/* One more. FARM_EINVAL: he is there already, or his id is zero. */
farm_status ledger_run_add(ledger_run *run, const farm_id *account_id);
/* Into a batch: what is held of the payees. */
void ledger_run_read(ledger_run *run, store_batch *batch);
/* What became of it, given the status of that batch. */
farm_status ledger_run_loaded(const ledger_run *run, farm_status status);
/* What a payee got; zeros: nothing. */
farm_ledger_payout ledger_run_payout(const ledger_paid *payee);

#endif
