/* A transfer that comes alone. */
#ifndef LEDGER_SINGLE_H
#define LEDGER_SINGLE_H

#include "ledger/ledger_rules.h"
#include "store/run.h"

/* Whether it moves money and nothing else, so that it can be tried in one round trip. */
int32_t ledger_is_simple(const farm_ledger_transfer *transfer);
/* Try it, and commit. *out_is_done 0: nothing was written, and the rules have to decide. */
farm_status ledger_post_simple(farm_session *session, const farm_ledger_transfer *transfer,
                               farm_ledger_transfer_result *result, int32_t *out_is_done);

#endif
