/* The bytes that a seal is a hash of: farmcore/ledger_seal.h says which. */
#ifndef LEDGER_SEAL_HASH_H
#define LEDGER_SEAL_HASH_H

#include <farmcore/ledger_seal.h>

/* The hash before the first event: of what the seal says of itself. */
void ledger_seal_begin(const farm_ledger_seal *seal, uint8_t out[FARM_LEDGER_HASH_SIZE]);
/* The hash so far, and the next event. */
void ledger_seal_add(uint8_t hash[FARM_LEDGER_HASH_SIZE], const farm_ledger_event *event);

#endif
