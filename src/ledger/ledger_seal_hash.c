/* What is hashed of a seal and of an event. */
#include "ledger/ledger_seal_hash.h"
#include "base/crypto.h"

enum { NUMBER_SIZE = 8 };

static void put_number(uint8_t *out, int64_t number) {
    for (int i = 0; i < NUMBER_SIZE; i++)
        out[i] = (uint8_t)((uint64_t)number >> (8 * (NUMBER_SIZE - 1 - i)));
}

static void put_numbers(uint8_t *out, const int64_t *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) put_number(out + i * NUMBER_SIZE, numbers[i]);
}

void ledger_seal_begin(const farm_ledger_seal *seal, uint8_t out[FARM_LEDGER_HASH_SIZE]) {
    static const char version[] = "farm_ledger_seal 1";
    const int64_t numbers[] = {seal->book, seal->number, seal->first_sequence, seal->event_count};
    uint8_t bytes[sizeof numbers];
    put_numbers(bytes, numbers, sizeof numbers / sizeof *numbers);
    const crypto_part parts[] = {{version, sizeof version - 1},
                                 {bytes, sizeof bytes},
                                 {seal->previous_hash, sizeof seal->previous_hash}};
    crypto_sha256_parts(parts, sizeof parts / sizeof *parts, out);
}

void ledger_seal_add(uint8_t hash[FARM_LEDGER_HASH_SIZE], const farm_ledger_event *event) {
    const int64_t numbers[] = {
        event->timestamp_ns, event->kind,         event->amount_minor,
        event->timeout_us,   event->code,         event->flags,
        event->user_data_64, event->user_data_32, event->effective_us,
    };
    const farm_id ids[] = {event->id,         event->debit_account_id, event->credit_account_id,
                           event->pending_id, event->reversed_id,      event->user_data_128};
    uint8_t bytes[sizeof numbers];
    put_numbers(bytes, numbers, sizeof numbers / sizeof *numbers);
    const crypto_part parts[] = {
        {hash, FARM_LEDGER_HASH_SIZE}, {bytes, sizeof bytes}, {ids, sizeof ids}};
    crypto_sha256_parts(parts, sizeof parts / sizeof *parts, hash);
}
