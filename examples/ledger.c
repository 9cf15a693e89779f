/* The example of docs/ledger.md as a whole program: a sale is booked once, however often it is
 * sent, and what Ann has is what can be paid out to her. */
#include <farmcore/farmcore.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void must(farm_session *session, farm_status status) {
    if (status == FARM_OK) return;
    fprintf(stderr, "ledger: %s\n", farm_session_error_text(session));
    exit(EXIT_FAILURE);
}

static farm_id new_id(farm_session *session) {
    farm_id id;
    farm_id_new(session, &id);
    return id;
}

/* Post one transfer and say what became of it: 1 when that is what was expected. */
static int post(farm_session *session, const farm_ledger_transfer *transfer, int32_t expected) {
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    must(session, farm_ledger_post(session, transfer, 1, &result));
    printf("%s: %" PRId64 " moved, %s\n", farm_ledger_transfer_status_name(result.status),
           result.amount_minor, farm_ledger_transfer_status_text(result.status));
    return result.status == expected;
}

static void open_accounts(farm_session *session, farm_id till, farm_id ann) {
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = 1, .asset = "EUR", .scale = 2};
    must(session, farm_ledger_open_books(session, &book, 1));

    const farm_ledger_account accounts[2] = {
        {.struct_size = sizeof *accounts, .id = till, .code = 10, .book = 1},
        {.struct_size = sizeof *accounts,
         .id = ann,
         .code = 20,
         .book = 1,
         .flags = FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS}};
    farm_ledger_account_result opened[2] = {{.struct_size = sizeof *opened},
                                            {.struct_size = sizeof *opened}};
    must(session, farm_ledger_open_accounts(session, accounts, 2, opened));
    for (int i = 0; i < 2; i++)
        printf("account %d: %s\n", i + 1, farm_ledger_account_status_name(opened[i].status));
}

static int sell(farm_session *session, farm_id till, farm_id ann) {
    const farm_ledger_transfer sale = {.struct_size = sizeof sale,
                                       .id = new_id(session),
                                       .debit_account_id = till,
                                       .credit_account_id = ann,
                                       .amount_minor = 1250,
                                       .code = 1,
                                       .book = 1};
    farm_ledger_transfer payout = sale;
    payout.id = new_id(session);
    payout.debit_account_id = ann;
    payout.credit_account_id = till;
    payout.amount_minor = 1251;

    return post(session, &sale, FARM_LEDGER_TRANSFER_CREATED) &&
           post(session, &sale, FARM_LEDGER_TRANSFER_EXISTS) &&
           post(session, &payout, FARM_LEDGER_TRANSFER_EXCEEDS_CREDITS);
}

int main(void) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK) return EXIT_FAILURE;
    must(session, farm_session_open(session, "sqlite::memory:", NULL));
    must(session, farm_migrate(session));
    must(session, farm_session_set_service(session));

    const farm_id till = new_id(session), ann = new_id(session);
    open_accounts(session, till, ann);
    const int is_as_told = sell(session, till, ann);

    farm_session_free(session);
    return is_as_told ? EXIT_SUCCESS : EXIT_FAILURE;
}
