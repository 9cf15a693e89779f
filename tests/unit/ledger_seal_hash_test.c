/* The hash of a seal, against one that another program reckoned:
 *
 *     def parts(*all): return sha256(b"".join(pack(">Q", len(p)) + p for p in all)).digest()
 *     h = parts(b"farm_ledger_seal 1", pack(">4q", 7, 2, 5, 1), bytes(range(32)))
 *     h = parts(h, pack(">9q", 11, 5, 12, 13, 14, 15, -16, -17, 18), bytes(range(96))) */
#include "ledger/ledger_seal_hash.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(ledger_seal_hash);

static const uint8_t expected[FARM_LEDGER_HASH_SIZE] = {
    0xb5, 0xb2, 0x38, 0x8c, 0x16, 0x62, 0x11, 0x5e, 0x1b, 0x13, 0x7f, 0xdd, 0x13, 0xca, 0x1a, 0x66,
    0x05, 0xb2, 0xa5, 0x37, 0xaf, 0x35, 0x4b, 0x47, 0xf7, 0x44, 0x57, 0x84, 0xb4, 0x2a, 0x3c, 0x37,
};

static farm_id id_of(int number) {
    farm_id id;
    for (int i = 0; i < 16; i++) id.bytes[i] = (uint8_t)(number * 16 + i);
    return id;
}

static void hash(farm_ledger_seal *seal, const farm_ledger_event *event) {
    ledger_seal_begin(seal, seal->hash);
    ledger_seal_add(seal->hash, event);
}

static const farm_ledger_seal begun = {
    .book = 7, .number = 2, .first_sequence = 5, .event_count = 1};
static farm_ledger_event event = {.timestamp_ns = 11,
                                  .kind = 5,
                                  .amount_minor = 12,
                                  .timeout_us = 13,
                                  .code = 14,
                                  .flags = 15,
                                  .user_data_64 = -16,
                                  .user_data_32 = -17,
                                  .effective_us = 18};

static farm_ledger_seal set_up(void) {
    farm_ledger_seal seal = begun;
    for (int i = 0; i < FARM_LEDGER_HASH_SIZE; i++) seal.previous_hash[i] = (uint8_t)i;
    event.id = id_of(0);
    event.debit_account_id = id_of(1);
    event.credit_account_id = id_of(2);
    event.pending_id = id_of(3);
    event.reversed_id = id_of(4);
    event.user_data_128 = id_of(5);
    return seal;
}

Test(ledger_seal_hash, the_hash_is_what_the_header_says) {
    farm_ledger_seal seal = set_up();
    hash(&seal, &event);
    cr_assert_eq(memcmp(seal.hash, expected, sizeof expected), 0);
}

/* What follows from the events is not in it. */
Test(ledger_seal_hash, balances_and_resolution_are_not_in_it) {
    farm_ledger_seal seal = set_up();
    event.debit.debits_posted_minor = 1;
    event.credit.credits_posted_minor = 1;
    event.resolution = FARM_LEDGER_KIND_VOIDED;
    event.reversed_minor = 1;
    hash(&seal, &event);
    cr_assert_eq(memcmp(seal.hash, expected, sizeof expected), 0);
}

Test(ledger_seal_hash, every_number_of_a_seal_is_in_it) {
    for (int i = 0; i < 5; i++) {
        farm_ledger_seal seal = set_up();
        seal.book += i == 0;
        seal.number += i == 1;
        seal.first_sequence += i == 2;
        seal.event_count += i == 3;
        seal.previous_hash[31] = (uint8_t)(seal.previous_hash[31] + (i == 4));
        hash(&seal, &event);
        cr_assert_neq(memcmp(seal.hash, expected, sizeof expected), 0, "%d", i);
    }
}
