/* The ids of a run's transfers, against those that another program reckoned:
 *
 *     def parts(*all): return sha256(b"".join(pack(">Q", len(p)) + p for p in all)).digest()
 *     parts(b"farm_ledger_payout 1", bytes([part]), bytes([act]), bytes(range(1, 17)),
 *           bytes(range(17, 33)))[:16] */
#include "ledger/ledger_payout_id.h"
#include <criterion/criterion.h>
#include <farmcore/session.h>

TestSuite(ledger_payout_id);

static const struct {
    int32_t part;
    int32_t act;
    const char *id;
} cases[] = {
    {LEDGER_PAYOUT_NET, LEDGER_PAYOUT_HOLD, "bc8baa97-a751-590d-f965-2d21e441d982"},
    {LEDGER_PAYOUT_NET, LEDGER_PAYOUT_POST, "d8f8d6ef-732c-dcc4-3f89-21e8e461d4a9"},
    {LEDGER_PAYOUT_NET, LEDGER_PAYOUT_VOID, "8ac7c1c4-3fd8-d372-602c-33679f9e7c8c"},
    {LEDGER_PAYOUT_FEE, LEDGER_PAYOUT_HOLD, "b5dbf4e4-c93d-d681-3eac-415f52723bac"},
    {LEDGER_PAYOUT_FEE, LEDGER_PAYOUT_POST, "a8f69d15-22f2-2126-c40e-c407ff7a1e2c"},
    {LEDGER_PAYOUT_FEE, LEDGER_PAYOUT_VOID, "b34a0df9-07f7-0aa2-b181-007188d22db1"},
};

Test(ledger_payout_id, they_are_those_of_the_manual) {
    farm_id run_id;
    farm_id account_id;
    for (int i = 0; i < 16; i++) {
        run_id.bytes[i] = (uint8_t)(i + 1);
        account_id.bytes[i] = (uint8_t)(i + 17);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[FARM_ID_TEXT_SIZE];
        const farm_id id = ledger_payout_id(&run_id, &account_id, cases[i].part, cases[i].act);
        farm_id_to_text(&id, text);
        cr_assert_str_eq(text, cases[i].id);
    }
}
