/* Batches of two callers at once: one waits for the accounts that the other has, and what it sees
 * then is more than what it saw when it began. On SQLite the second waits before it begins. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <pthread.h>

TestSuite(ledger_race, .init = open_session, .fini = close_session, .timeout = 60);

static farm_ledger_transfer transfer_of(const char *id, const char *debit, const char *credit,
                                        uint32_t flags) {
    return (farm_ledger_transfer){.struct_size = sizeof(farm_ledger_transfer),
                                  .id = ledger_script_id(id),
                                  .debit_account_id = ledger_script_id(debit),
                                  .credit_account_id = ledger_script_id(credit),
                                  .amount_minor = 5,
                                  .flags = flags,
                                  .code = 1,
                                  .book = 1};
}

/* A batch of another caller, in a thread. */
typedef struct other_batch {
    farm_session *session;
    farm_ledger_transfer items[2];
    farm_ledger_transfer_result results[2];
    size_t count;
    farm_status status;
} other_batch;

static void *post_other(void *context) {
    other_batch *self = context;
    for (size_t i = 0; i < 2; i++) self->results[i].struct_size = sizeof *self->results;
    self->status = farm_ledger_post(self->session, self->items, self->count, self->results);
    return NULL;
}

/* The transaction that is open commits once the other's batch has come to wait for it. */
static void commit_beside_batch(other_batch *other) {
    other->session = contract_open_another();
    commit_beside(post_other, other);
    cr_assert_eq(other->status, FARM_OK, "%s", farm_session_error_text(other->session));
    contract_close_another(other->session);
    contract_assert_sound(session);
}

/* The first is posted in a transaction. */
static void post_beside(const farm_ledger_transfer *first, other_batch *other) {
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_ledger_post(session, first, 1, &result), FARM_OK);
    cr_assert_eq(result.status, FARM_LEDGER_TRANSFER_CREATED);
    commit_beside_batch(other);
}

Test(ledger_race, an_account_that_is_being_opened_is_waited_for) {
    other_batch other = {.count = 1, .items = {transfer_of("T1", "A1", "A2", 0)}};
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n");

    cr_assert_eq(farm_begin(session), FARM_OK);
    ledger_play(session, "account A2\n");
    commit_beside_batch(&other);

    cr_assert_eq(other.results[0].status, FARM_LEDGER_TRANSFER_CREATED);
    ledger_play(session, "balance A2 0 0 0 5\n");
}

Test(ledger_race, a_hold_that_came_into_being_meanwhile_is_resolved) {
    const farm_ledger_transfer hold = transfer_of("T1", "A1", "A2", FARM_LEDGER_PENDING);
    other_batch other = {.count = 2,
                         .items = {transfer_of("T2", "A1", "A3", 0),
                                   transfer_of("T3", "0", "0", FARM_LEDGER_POST_PENDING_TRANSFER)}};
    other.items[1].pending_id = hold.id;
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "account A3\n");

    post_beside(&hold, &other);

    cr_assert_eq(other.results[0].status, FARM_LEDGER_TRANSFER_CREATED);
    cr_assert_eq(other.results[1].status, FARM_LEDGER_TRANSFER_CREATED);
    ledger_play(session, "balance A1 0 10 0 0\n"
                         "balance A2 0 0 0 5\n");
}

Test(ledger_race, what_two_reverse_at_once_comes_back_once) {
    farm_ledger_transfer first = transfer_of("T2", "0", "0", 0);
    other_batch other = {.count = 2,
                         .items = {transfer_of("T3", "0", "0", 0), transfer_of("T4", "0", "0", 0)}};
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n"
                         "transfer T1 A1 A2 9\n");
    first.reversed_id = other.items[0].reversed_id = other.items[1].reversed_id =
        ledger_script_id("T1");
    other.items[1].amount_minor = FARM_LEDGER_AMOUNT_MAX;

    post_beside(&first, &other);

    cr_assert_eq(other.results[0].status, FARM_LEDGER_TRANSFER_EXCEEDS_REVERSIBLE_AMOUNT);
    cr_assert_eq(other.results[1].status, FARM_LEDGER_TRANSFER_CREATED);
    cr_assert_eq(other.results[1].amount_minor, 4);
    ledger_play(session, "balance A1 0 9 0 9\n");
}

/* He who comes while a book is being closed is refused by it. */
static void close_beside(other_batch *other) {
    for (size_t i = 0; i < other->count; i++)
        other->items[i].effective_us = CONTRACT_NOW_US - 1000000;
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n");

    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_ledger_close_book(session, 1, CONTRACT_NOW_US - 1000000), FARM_OK);
    commit_beside_batch(other);

    for (size_t i = 0; i < other->count; i++)
        cr_assert_eq(other->results[i].status, FARM_LEDGER_TRANSFER_EFFECTIVE_IN_CLOSED_PERIOD);
}

Test(ledger_race, a_period_that_is_being_closed_takes_nothing_more) {
    other_batch single = {.count = 1, .items = {transfer_of("T1", "A1", "A2", 0)}};
    close_beside(&single);
}

Test(ledger_race, a_batch_of_several_is_refused_likewise) {
    other_batch several = {.count = 2,
                           .items = {transfer_of("T1", "A1", "A2", 0),
                                     transfer_of("T2", "A2", "A1", FARM_LEDGER_PENDING)}};
    close_beside(&several);
}

typedef struct other_closing {
    farm_session *session;
    farm_status status;
} other_closing;

static void *close_other(void *context) {
    other_closing *self = context;
    self->status = farm_ledger_close_book(self->session, 1, CONTRACT_NOW_US - 1000000);
    return NULL;
}

/* Once it is closed, what was on its way is there: it is not added later. */
Test(ledger_race, a_closing_waits_for_what_is_on_its_way) {
    farm_ledger_transfer first = transfer_of("T1", "A1", "A2", 0);
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    first.effective_us = CONTRACT_NOW_US - 1000000;
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1\n"
                         "account A2\n");
    pthread_t thread;
    farm_session *watcher = contract_open_another();
    other_closing other = {.session = contract_open_another()};

    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_ledger_post(session, &first, 1, &result), FARM_OK);
    cr_assert_eq(pthread_create(&thread, NULL, close_other, &other), 0);
    await_waiting(watcher);
    cr_assert(!contract_is_postgres() ||
              contract_number(watcher, "SELECT MAX(closed_through_us) FROM {farm_ledger_book}") ==
                  0);
    cr_assert_eq(farm_commit(session), FARM_OK);
    pthread_join(thread, NULL);

    cr_assert_eq(other.status, FARM_OK, "%s", farm_session_error_text(other.session));
    cr_assert_eq(result.status, FARM_LEDGER_TRANSFER_CREATED);
    contract_close_another(other.session);
    contract_close_another(watcher);
    ledger_play(session, "balance A2 0 0 0 5\n");
}

Test(ledger_race, an_import_comes_after_what_happened_meanwhile) {
    const farm_ledger_transfer now = transfer_of("T1", "A1", "A2", 0);
    other_batch other = {.count = 1,
                         .items = {transfer_of("T2", "A1", "A2", FARM_LEDGER_IMPORTED)}};
    other.items[0].timestamp_ns = (CONTRACT_NOW_US - 1000000) * 1000;
    ledger_play(session, "book 1 EUR 2\n"
                         "account A1 imported ago=9s\n"
                         "account A2 imported ago=8s\n");

    post_beside(&now, &other);

    cr_assert_eq(other.results[0].status,
                 FARM_LEDGER_TRANSFER_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    ledger_play(session, "balance A1 0 5 0 0\n");
}
