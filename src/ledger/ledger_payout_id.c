/* Ids of a run's transfers. */
#include "ledger/ledger_payout_id.h"
#include "base/crypto.h"
#include <string.h>

farm_id ledger_payout_id(const farm_id *run_id, const farm_id *account_id, int32_t part,
                         int32_t act) {
    static const char version[] = "farm_ledger_payout 1";
    const uint8_t part_byte = (uint8_t)part;
    const uint8_t act_byte = (uint8_t)act;
    const crypto_part parts[] = {{version, sizeof version - 1},
                                 {&part_byte, sizeof part_byte},
                                 {&act_byte, sizeof act_byte},
                                 {run_id, sizeof *run_id},
                                 {account_id, sizeof *account_id}};
    uint8_t hash[CRYPTO_HASH_SIZE];
    farm_id id;
    crypto_sha256_parts(parts, sizeof parts / sizeof *parts, hash);
    memcpy(&id, hash, sizeof id);
    return id;
}
