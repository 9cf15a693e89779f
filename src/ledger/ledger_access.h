/* Who may do what with a book or an account, beside the service. */
#ifndef LEDGER_ACCESS_H
#define LEDGER_ACCESS_H

#include "store/run.h"
#include <farmcore/ledger.h>

/* FARM_OK: the service, or who has a role that allows the operation (FARM_ROLE_…) for whom the
 * account is kept, or without one the book; and from then on what the caller's operation calls is
 * the service's. Else FARM_EDENIED. */
farm_status ledger_check_may(farm_session *session, int32_t operation, int64_t book,
                             const farm_id *account_id);
/* The same of transfers to post: those of others than the service are reversals of what was paid to
 * accounts for which they may refund. */
farm_status ledger_check_may_post(farm_session *session, const farm_ledger_transfer *items,
                                  size_t count);

#endif
