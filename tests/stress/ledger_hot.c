/* Many threads move money between the same four accounts, in batches of one and of several, with
 * holds that are posted and voided and with chains. None may go below zero. What was acknowledged
 * is what the balances say, and along each account every event begins where the last one ended, and
 * is in sequence behind it.
 *
 *     ledger_hot [--broken] [--seed N] [URI [OWNER_URI]]
 *
 * --broken reads the balances first and then writes event and balances by hand, as one would who
 * forgets to lock: some events then begin where another began. */
#include "stress.h"
#include <farmcore/ledger_seal.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { THREAD_COUNT = 8, CALL_COUNT = 60, ACCOUNT_COUNT = 4, BATCH_MAX = 6, FUNDS = 1000 };

/* Net posted credits that were acknowledged, and what is held of each account's credits. */
static atomic_llong moved[ACCOUNT_COUNT];
static atomic_llong refusal_count;
static atomic_llong broken_number;

static farm_id account_id(int number) {
    farm_id id = {{0xA0}};
    id.bytes[15] = (uint8_t)(number + 1);
    return id;
}

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

static farm_ledger_transfer draw(farm_session *session, unsigned *random) {
    farm_ledger_transfer item = {.struct_size = sizeof item, .code = 1, .book = 1};
    const int debit = (int)(next_random(random) % ACCOUNT_COUNT);
    const int credit =
        (debit + 1 + (int)(next_random(random) % (ACCOUNT_COUNT - 1))) % ACCOUNT_COUNT;
    farm_id_new(session, &item.id);
    item.debit_account_id = account_id(debit);
    item.credit_account_id = account_id(credit);
    item.amount_minor = next_random(random) % 400;
    return item;
}

static int account_number(const farm_id *id) {
    return id->bytes[15] - 1;
}

static void acknowledge(const farm_ledger_transfer *item, int64_t amount_minor) {
    atomic_fetch_add(&moved[account_number(&item->debit_account_id)], -amount_minor);
    atomic_fetch_add(&moved[account_number(&item->credit_account_id)], amount_minor);
}

static int post(farm_session *session, farm_ledger_transfer *items, size_t count,
                farm_ledger_transfer_result *results) {
    for (size_t i = 0; i < count; i++) results[i].struct_size = sizeof *results;
    farm_status status = FARM_EAGAIN;
    for (int i = 0; i < 50 && (status == FARM_EAGAIN || status == FARM_ETIMEOUT); i++)
        status = farm_ledger_post(session, items, count, results);
    stress_require(session, "post", status);
    return status == FARM_OK;
}

/* Some transfers, now and then in a chain. A repeat must change nothing. */
static void call_transfers(farm_session *session, unsigned *random) {
    farm_ledger_transfer items[BATCH_MAX];
    farm_ledger_transfer_result results[BATCH_MAX];
    const size_t count = next_random(random) % 2 == 0 ? 1 : 1 + next_random(random) % BATCH_MAX;
    for (size_t i = 0; i < count; i++) items[i] = draw(session, random);
    if (count > 1 && next_random(random) % 2 == 0) items[0].flags = FARM_LEDGER_LINKED;
    if (!post(session, items, count, results)) return;
    for (size_t i = 0; i < count; i++) {
        if (results[i].status == FARM_LEDGER_TRANSFER_CREATED)
            acknowledge(&items[i], results[i].amount_minor);
        else
            atomic_fetch_add(&refusal_count, 1);
    }
    if (next_random(random) % 4 == 0) (void)post(session, items, count, results);
}

/* A hold, then its end: in part, as a whole, or not at all. */
static void call_hold(farm_session *session, unsigned *random) {
    farm_ledger_transfer hold = draw(session, random);
    farm_ledger_transfer end = {.struct_size = sizeof end};
    farm_ledger_transfer_result result;
    hold.flags = FARM_LEDGER_PENDING;
    if (!post(session, &hold, 1, &result)) return;
    if (result.status != FARM_LEDGER_TRANSFER_CREATED) return;
    farm_id_new(session, &end.id);
    end.pending_id = hold.id;
    const int is_post = next_random(random) % 3 != 0;
    end.flags = is_post ? FARM_LEDGER_POST_PENDING_TRANSFER : FARM_LEDGER_VOID_PENDING_TRANSFER;
    end.amount_minor = is_post ? hold.amount_minor / 2 : 0;
    if (!post(session, &end, 1, &result)) return;
    if (result.status != FARM_LEDGER_TRANSFER_CREATED)
        stress_fail("a hold cannot be ended: %s", farm_ledger_transfer_status_name(result.status));
    if (is_post) acknowledge(&hold, result.amount_minor);
}

/* Some of the events are put in sequence while others are being committed. */
static int64_t seal(farm_session *session, int64_t budget_count) {
    farm_ledger_seal made = {.struct_size = sizeof made};
    farm_status status = FARM_EAGAIN;
    for (int i = 0; i < 50 && (status == FARM_EAGAIN || status == FARM_ETIMEOUT); i++)
        status = farm_ledger_seal_events(session, 1, budget_count, &made);
    stress_require(session, "seal", status);
    return made.event_count;
}

/* As one would who reads, decides and writes without a lock. */
static void call_broken(farm_session *session, unsigned *random) {
    const farm_ledger_transfer item = draw(session, random);
    const farm_id ids[2] = {item.debit_account_id, item.credit_account_id};
    farm_ledger_account found[2] = {{.struct_size = sizeof *found}, {.struct_size = sizeof *found}};
    char text[1500];
    stress_require(session, "find", farm_ledger_find_accounts(session, ids, 2, found));
    const farm_ledger_balances *debit = &found[0].balances;
    const farm_ledger_balances *credit = &found[1].balances;
    const int64_t when_ns =
        INT64_C(4000000000000000000) + (int64_t)atomic_fetch_add(&broken_number, 1);
    snprintf(text, sizeof text,
             "INSERT INTO {farm_ledger_event} SELECT 1, %" PRId64
             ", 0, e.id, a.number, b.number, %" PRId64
             ", NULL, NULL, 0, 1, 0, a.user_data_128, 0, 0, 0, c.last_ns, d.last_ns, %" PRId64
             ", 0, %" PRId64 ", 0, %" PRId64 ", %" PRId64 ", 0, %" PRId64 ", 0, %" PRId64
             " FROM {farm_ledger_account} AS a, {farm_ledger_account} AS b, "
             "{farm_ledger_balance} AS c, {farm_ledger_balance} AS d, "
             "(SELECT %s AS id) AS e WHERE a.timestamp_ns = %" PRId64
             " AND b.timestamp_ns = %" PRId64 " AND c.account = a.number AND d.account = b.number",
             when_ns, item.amount_minor, found[0].version + 1,
             debit->debits_posted_minor + item.amount_minor, debit->credits_posted_minor,
             found[1].version + 1, credit->debits_posted_minor,
             credit->credits_posted_minor + item.amount_minor,
             test_store_is_postgres() ? "decode(md5(random()::text), 'hex')" : "randomblob(16)",
             found[0].timestamp_ns, found[1].timestamp_ns);
    stress_require(session, "insert", test_store_execute(session, text, NULL));
}

static void run_thread(int thread) {
    unsigned random = stress_seed * 7919U + (unsigned)thread;
    farm_session *session = test_store_acquire();
    stress_meet();
    for (int i = 0; i < CALL_COUNT; i++) {
        if (stress_is_broken)
            call_broken(session, &random);
        else if (i % 3 == 0)
            call_hold(session, &random);
        else if (i % 10 == 1)
            (void)seal(session, 1 + next_random(&random) % 40);
        else
            call_transfers(session, &random);
    }
    test_store_release(session);
}

static void prepare(void) {
    farm_session *session = test_store_acquire();
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = 1, .asset = "EUR", .scale = 2};
    farm_ledger_account accounts[ACCOUNT_COUNT + 1] = {{.struct_size = sizeof *accounts}};
    farm_ledger_account_result opened[ACCOUNT_COUNT + 1];
    farm_ledger_transfer funds[ACCOUNT_COUNT];
    farm_ledger_transfer_result results[ACCOUNT_COUNT];
    for (int i = 0; i <= ACCOUNT_COUNT; i++) {
        accounts[i] = (farm_ledger_account){
            .struct_size = sizeof *accounts, .id = account_id(i), .code = 1, .book = 1};
        if (i < ACCOUNT_COUNT)
            accounts[i].flags = FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS;
        opened[i].struct_size = sizeof *opened;
    }
    stress_require(session, "book", farm_ledger_open_books(session, &book, 1));
    stress_require(session, "open",
                   farm_ledger_open_accounts(session, accounts, ACCOUNT_COUNT + 1, opened));
    for (int i = 0; i < ACCOUNT_COUNT; i++) {
        funds[i] = (farm_ledger_transfer){.struct_size = sizeof *funds,
                                          .debit_account_id = account_id(ACCOUNT_COUNT),
                                          .credit_account_id = account_id(i),
                                          .amount_minor = FUNDS,
                                          .code = 1,
                                          .book = 1};
        farm_id_new(session, &funds[i].id);
    }
    (void)post(session, funds, ACCOUNT_COUNT, results);
    test_store_release(session);
}

static void check(void) {
    farm_session *session = test_store_acquire();
    farm_id ids[ACCOUNT_COUNT];
    farm_ledger_account found[ACCOUNT_COUNT];
    for (int i = 0; i < ACCOUNT_COUNT; i++) {
        ids[i] = account_id(i);
        found[i].struct_size = sizeof *found;
    }
    stress_require(session, "find", farm_ledger_find_accounts(session, ids, ACCOUNT_COUNT, found));
    for (int i = 0; i < ACCOUNT_COUNT; i++) {
        const farm_ledger_balances *is = &found[i].balances;
        const int64_t net = is->credits_posted_minor - is->debits_posted_minor;
        if (net != FUNDS + atomic_load(&moved[i]))
            stress_fail("account %d has %" PRId64 ", %lld was acknowledged", i, net,
                        (long long)atomic_load(&moved[i]) + FUNDS);
        if (net < 0 || is->debits_pending_minor != 0 || is->credits_pending_minor != 0)
            stress_fail("account %d has %" PRId64 ", and %" PRId64 " pending", i, net,
                        is->debits_pending_minor + is->credits_pending_minor);
    }
    while (seal(session, FARM_LEDGER_BATCH_MAX) > 0) continue;
    const int64_t missed = test_store_number(
        session, "SELECT (SELECT COUNT(*) FROM {farm_ledger_event}) - (SELECT COUNT(*) FROM "
                 "{farm_ledger_sequence})");
    if (missed != 0) stress_fail("%" PRId64 " events are in no sequence", missed);
    stress_verify(session);
    test_store_release(session);
}

int main(int argument_count, char **arguments) {
    stress_open(argument_count, arguments, THREAD_COUNT);
    prepare();

    stress_run(THREAD_COUNT, run_thread);

    check();
    printf("%d threads, %d calls each, %lld transfers refused\n", THREAD_COUNT, CALL_COUNT,
           (long long)atomic_load(&refusal_count));
    return stress_close();
}
