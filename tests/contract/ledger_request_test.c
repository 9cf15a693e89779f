/* Requests that are repeated by callers who have no ids: a key of the idempotency module, the
 * transfers and the answer commit together. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

enum { CALLERS = 8, AMOUNT = 5 };

TestSuite(ledger_request, .init = open_session, .fini = close_session, .timeout = 60);

static void open_accounts(void) {
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n");
}

/* Two transfers with ids of this moment, and the second one's result. */
static farm_status move_money(farm_session *with, farm_ledger_transfer_result *out) {
    farm_ledger_transfer items[2];
    farm_ledger_transfer_result results[2];
    for (int i = 0; i < 2; i++) {
        items[i] = (farm_ledger_transfer){.struct_size = sizeof *items,
                                          .debit_account_id = ledger_script_id("A1"),
                                          .credit_account_id = ledger_script_id("A2"),
                                          .amount_minor = AMOUNT,
                                          .flags = i == 0 ? FARM_LEDGER_LINKED : 0,
                                          .code = 1,
                                          .book = 1};
        results[i].struct_size = sizeof *results;
        farm_id_new(with, &items[i].id);
    }
    const farm_status status = farm_ledger_post(with, items, 2, results);
    *out = results[1];
    return status;
}

static farm_status work(farm_session *with, farm_idempotency *claim, int fails,
                        farm_ledger_transfer_result *out) {
    farm_status status = move_money(with, out);
    if (status == FARM_OK) status = farm_idempotency_finish(with, claim, 201, out, sizeof *out);
    return status == FARM_OK && fails ? FARM_EREFUSED : status;
}

/* A payment as a server makes it. FARM_EAGAIN: another one with the key is on its way. */
static farm_status pay(farm_session *with, const char *key, const char *request, int fails,
                       farm_ledger_transfer_result *out) {
    farm_idempotency *claim = NULL;
    size_t size = 0;
    farm_status status =
        farm_idempotency_begin(with, "ann", key, "pay", request, strlen(request), NULL, &claim);
    if (status != FARM_OK) return status;
    const int32_t outcome = farm_idempotency_outcome(claim);
    if (outcome == FARM_IDEMPOTENCY_REPLAY) {
        memcpy(out, farm_idempotency_data(claim, &size), sizeof *out);
        cr_assert_eq(size, sizeof *out);
    } else if (outcome != FARM_IDEMPOTENCY_EXECUTE) {
        status = outcome == FARM_IDEMPOTENCY_MISMATCH ? FARM_ECONFLICT : FARM_EAGAIN;
    } else {
        status = farm_begin(with);
        if (status == FARM_OK) status = work(with, claim, fails, out);
        if (status == FARM_OK)
            status = farm_commit(with);
        else
            farm_rollback(with);
        if (status != FARM_OK) (void)farm_idempotency_release(with, claim);
    }
    farm_idempotency_free(claim);
    return status;
}

Test(ledger_request, a_request_that_is_repeated_is_answered_and_not_done_again) {
    farm_ledger_transfer_result first;
    farm_ledger_transfer_result again;
    open_accounts();

    cr_assert_eq(pay(session, "k", "5 EUR", 0, &first), FARM_OK);
    cr_assert_eq(pay(session, "k", "5 EUR", 0, &again), FARM_OK);
    cr_assert_eq(pay(session, "k", "6 EUR", 0, &again), FARM_ECONFLICT);

    cr_assert_eq(first.status, FARM_LEDGER_TRANSFER_CREATED);
    cr_assert_eq(memcmp(&first, &again, sizeof first), 0);
    ledger_play(session, "balance A2 0 0 0 10\n"
                         "verify\n");
}

Test(ledger_request, a_request_that_failed_is_made_again) {
    farm_ledger_transfer_result result;
    open_accounts();

    cr_assert_eq(pay(session, "k", "5 EUR", 1, &result), FARM_EREFUSED);
    ledger_play(session, "balance A2 0 0 0 0\n");
    cr_assert_eq(pay(session, "k", "5 EUR", 0, &result), FARM_OK);

    ledger_play(session, "balance A2 0 0 0 10\n"
                         "verify\n");
}

/* --- at once --- */

typedef struct caller {
    farm_session *session;
    farm_ledger_transfer_result result;
    farm_status status;
    pthread_t thread;
} caller;

static void *call(void *context) {
    caller *self = context;
    do {
        self->status = pay(self->session, "k", "5 EUR", 0, &self->result);
    } while (self->status == FARM_EAGAIN);
    return NULL;
}

Test(ledger_request, of_those_who_ask_at_once_one_does_it_and_all_are_told) {
    caller callers[CALLERS];
    open_accounts();
    for (int i = 0; i < CALLERS; i++) callers[i].session = contract_open_another();
    for (int i = 0; i < CALLERS; i++)
        cr_assert_eq(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    for (int i = 0; i < CALLERS; i++) pthread_join(callers[i].thread, NULL);

    for (int i = 0; i < CALLERS; i++) {
        cr_assert_eq(callers[i].status, FARM_OK, "%s", farm_status_name(callers[i].status));
        cr_assert_eq(callers[i].result.timestamp_ns, callers[0].result.timestamp_ns);
        contract_close_another(callers[i].session);
    }
    ledger_play(session, "balance A2 0 0 0 10\n"
                         "verify\n");
}
