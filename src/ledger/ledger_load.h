/* What the store knows about a batch of transfers, and what the batch makes of it. */
#ifndef LEDGER_LOAD_H
#define LEDGER_LOAD_H

#include "ledger/ledger_rules.h"
#include "ledger_sql.h"
#include "store/run.h"

/* Fill in a batch whose items are set: locks the accounts, and reads them, the holds that are named
 * or have run out, and, when knows_ids is set, the transfers that are there of the items' ids.
 * holds: ids of further ones to end, or NULL. */
farm_status ledger_load(farm_session *session, ledger_batch *batch, const farm_id *holds,
                        size_t hold_count);
/* Write what ledger_decide() made of it; with that the operation commits. */
farm_status ledger_store(farm_session *session, const ledger_batch *batch);

#endif
