/* Seals and what they are of, from rows. */
#ifndef LEDGER_SEAL_ROWS_H
#define LEDGER_SEAL_ROWS_H

#include "ledger/ledger_rows.h"
#include "ledger_seal_sql.h"
#include <farmcore/ledger_seal.h>

farm_ledger_seal ledger_seal_of(int64_t book, const ledger_seal_seal_read_row *row);
/* Into ledger_rows of farm_ledger_event: what is hashed of an event, the rest zeros. */
int32_t ledger_seal_take_event(void *context, size_t ordinal,
                               const ledger_seal_unsealed_read_row *row);

#endif
