/* Queries of the ledger against a plain list of what was posted: every account, in both directions,
 * by pages of every size, between any two times; and accounts as they were after each event. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_read.h>
#include <stdio.h>
#include <string.h>

/* More than two milestones for each of the busy accounts. */
enum { ACCOUNTS = 4, EVENTS = 400, BATCH = 40, CODES = 3 };

static farm_ledger_event events[EVENTS]; /* in the order of their timestamps */

static farm_id account_id(int number) {
    return (farm_id){{0xA0, (uint8_t)(number + 1)}};
}

static farm_id transfer_id(int number) {
    return (farm_id){{0xB0, (uint8_t)(number >> 8), (uint8_t)number, 1}};
}

/* The third account has few events, the last none. */
static farm_ledger_transfer transfer_of(int number) {
    const int debit = number % 2;
    const int credit = number % 50 == 7 ? 2 : 1 - debit;
    farm_ledger_transfer item = {.struct_size = sizeof item,
                                 .id = transfer_id(number),
                                 .debit_account_id = account_id(debit),
                                 .credit_account_id = account_id(credit),
                                 .amount_minor = number + 1,
                                 .code = 1 + number % CODES,
                                 .user_data_64 = number % 10,
                                 .book = 1};
    if (number % 20 == 19) item.flags = FARM_LEDGER_PENDING;
    return item;
}

static void open_accounts(void) {
    const farm_ledger_book book = {
        .struct_size = sizeof book, .book = 1, .asset = "EUR", .scale = 2};
    farm_ledger_account accounts[ACCOUNTS];
    farm_ledger_account_result results[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) {
        accounts[i] = (farm_ledger_account){
            .struct_size = sizeof *accounts, .id = account_id(i), .code = 1 + i % 2, .book = 1};
        results[i].struct_size = sizeof *results;
    }
    cr_assert_eq(farm_ledger_open_books(session, &book, 1), FARM_OK);
    cr_assert_eq(farm_ledger_open_accounts(session, accounts, ACCOUNTS, results), FARM_OK);
}

static void post_all(void) {
    farm_ledger_transfer items[BATCH];
    farm_ledger_transfer_result results[BATCH];
    farm_id ids[BATCH];
    for (int first = 0; first < EVENTS; first += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            items[i] = transfer_of(first + i);
            ids[i] = items[i].id;
            results[i].struct_size = sizeof *results;
            events[first + i].struct_size = sizeof *events;
        }
        farm_session_set_clock_us(session, CONTRACT_NOW_US + 1000 * (first + 1));
        cr_assert_eq(farm_ledger_post(session, items, BATCH, results), FARM_OK);
        cr_assert_eq(farm_ledger_find_transfers(session, ids, BATCH, events + first), FARM_OK);
    }
    for (int i = 1; i < EVENTS; i++)
        cr_assert_gt(events[i].timestamp_ns, events[i - 1].timestamp_ns);
}

static void set_up(void) {
    open_session();
    open_accounts();
    post_all();
}

TestSuite(ledger_query, .init = set_up, .fini = close_session, .timeout = 60);

/* --- the plain list --- */

static int is_same(const farm_id *one, const farm_id *other) {
    return memcmp(one, other, sizeof *one) == 0;
}

static int is_zero(const farm_id *id) {
    return is_same(id, &(farm_id){{0}});
}

static int is_wanted(const farm_ledger_query *query, const farm_ledger_event *event) {
    const int is_debit = is_same(&event->debit_account_id, &query->account_id);
    const int is_credit = is_same(&event->credit_account_id, &query->account_id);
    if (!is_zero(&query->account_id) && !is_debit && !is_credit) return 0;
    if ((query->flags & FARM_LEDGER_QUERY_DEBITS) && !is_debit) return 0;
    if ((query->flags & FARM_LEDGER_QUERY_CREDITS) && !is_credit) return 0;
    if ((query->flags & FARM_LEDGER_QUERY_HOLDS) && event->kind != FARM_LEDGER_KIND_PENDING)
        return 0;
    if (query->code != 0 && event->code != query->code) return 0;
    if (query->user_data_64 != 0 && event->user_data_64 != query->user_data_64) return 0;
    if (query->from_ns != 0 && event->timestamp_ns < query->from_ns) return 0;
    return query->to_ns == 0 || event->timestamp_ns <= query->to_ns;
}

/* All pages of the query are what the list has, in its order. */
static void claim_pages(farm_ledger_query query, size_t page) {
    static farm_ledger_event rows[EVENTS];
    const int is_reversed = (query.flags & FARM_LEDGER_QUERY_REVERSED) != 0;
    int next = 0;
    query.struct_size = sizeof query;
    for (size_t i = 0; i < EVENTS; i++) rows[i].struct_size = sizeof *rows;
    do {
        size_t count = 0;
        cr_assert_eq(
            farm_ledger_query_transfers(session, &query, rows, page, &count, &query.cursor_ns),
            FARM_OK, "%s", farm_session_error_text(session));
        for (size_t i = 0; i < count; i++, next++) {
            while (next < EVENTS &&
                   !is_wanted(&query, &events[is_reversed ? EVENTS - 1 - next : next]))
                next++;
            cr_assert_lt(next, EVENTS, "more than there is");
            const farm_ledger_event *expected = &events[is_reversed ? EVENTS - 1 - next : next];
            cr_assert_eq(memcmp(&rows[i], expected, sizeof rows[i]), 0, "row %zu", i);
        }
    } while (query.cursor_ns != 0);
    for (; next < EVENTS; next++)
        cr_assert_not(is_wanted(&query, &events[is_reversed ? EVENTS - 1 - next : next]),
                      "one is missing");
}

/* --- queries --- */

Test(ledger_query, a_history_is_read_in_pages_of_any_size) {
    static const size_t pages[] = {1, 7, 63, 64, 65, 130, EVENTS};
    for (int account = 0; account < ACCOUNTS; account++)
        for (size_t i = account == 2 ? 0 : 1; i < sizeof pages / sizeof *pages; i++)
            for (uint32_t flags = 0; flags < 8; flags++)
                if ((flags & 3) != 3)
                    claim_pages(
                        (farm_ledger_query){.account_id = account_id(account), .flags = flags},
                        pages[i]);
}

Test(ledger_query, a_book_is_read_in_pages) {
    claim_pages((farm_ledger_query){.book = 1}, 37);
    claim_pages((farm_ledger_query){.book = 1, .flags = FARM_LEDGER_QUERY_REVERSED}, 37);
    claim_pages((farm_ledger_query){.book = 1, .code = 2}, 10);
    claim_pages((farm_ledger_query){.book = 1, .user_data_64 = 9, .code = 1}, EVENTS);
}

Test(ledger_query, times_are_included) {
    static const int places[] = {0, 1, 63, 64, 127, 128, 200, EVENTS - 2, EVENTS - 1};
    enum { PLACES = sizeof places / sizeof *places };
    for (int i = 0; i < PLACES; i++)
        for (int j = i; j < PLACES; j++)
            for (uint32_t account = 0; account < 3; account++)
                for (uint32_t flags = 0; flags <= FARM_LEDGER_QUERY_REVERSED;
                     flags += FARM_LEDGER_QUERY_REVERSED)
                    claim_pages((farm_ledger_query){.account_id = account_id((int)account),
                                                    .flags = flags,
                                                    .from_ns = events[places[i]].timestamp_ns,
                                                    .to_ns = events[places[j]].timestamp_ns},
                                70);
}

Test(ledger_query, what_else_is_asked_is_looked_for) {
    for (uint32_t flags = 0; flags < 8; flags++)
        if ((flags & 3) != 3)
            claim_pages(
                (farm_ledger_query){
                    .account_id = account_id(1), .flags = flags, .code = 2, .user_data_64 = 4},
                5);
}

Test(ledger_query, holds_are_those_that_have_not_ended) {
    farm_ledger_transfer end = {.struct_size = sizeof end,
                                .id = {{0xC0}},
                                .pending_id = transfer_id(39),
                                .flags = FARM_LEDGER_VOID_PENDING_TRANSFER};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    claim_pages((farm_ledger_query){.account_id = account_id(0), .flags = FARM_LEDGER_QUERY_HOLDS},
                3);
    claim_pages((farm_ledger_query){.account_id = account_id(1),
                                    .flags = FARM_LEDGER_QUERY_HOLDS | FARM_LEDGER_QUERY_REVERSED |
                                             FARM_LEDGER_QUERY_CREDITS},
                3);
    cr_assert_eq(farm_ledger_post(session, &end, 1, &result), FARM_OK);
    cr_assert_eq(result.status, FARM_LEDGER_TRANSFER_CREATED);
    events[39].kind = FARM_LEDGER_KIND_VOIDED; /* to the list it is no hold any more */

    claim_pages((farm_ledger_query){.account_id = account_id(1), .flags = FARM_LEDGER_QUERY_HOLDS},
                3);
}

Test(ledger_query, accounts_are_listed_as_they_were_opened) {
    farm_ledger_query query = {.struct_size = sizeof query, .book = 1};
    farm_ledger_account rows[ACCOUNTS];
    size_t count = 0;
    int next = 0;
    for (int i = 0; i < ACCOUNTS; i++) rows[i].struct_size = sizeof *rows;
    do {
        cr_assert_eq(farm_ledger_query_accounts(session, &query, rows, 1, &count, &query.cursor_ns),
                     FARM_OK);
        if (count > 0) cr_assert(is_same(&rows[0].id, &(farm_id){{0xA0, (uint8_t)(++next)}}));
    } while (query.cursor_ns != 0);
    cr_assert_eq(next, ACCOUNTS);

    query = (farm_ledger_query){
        .struct_size = sizeof query, .book = 1, .code = 2, .flags = FARM_LEDGER_QUERY_REVERSED};
    cr_assert_eq(farm_ledger_query_accounts(session, &query, rows, ACCOUNTS, &count, NULL),
                 FARM_OK);
    cr_assert_eq(count, 2);
    cr_assert(is_same(&rows[0].id, &(farm_id){{0xA0, 4}}));
    cr_assert(is_same(&rows[1].id, &(farm_id){{0xA0, 2}}));
    cr_assert_eq(rows[1].version, EVENTS);
}

Test(ledger_query, an_account_is_found_as_it_was_after_each_event) {
    const farm_id ids[] = {account_id(0), account_id(3), account_id(1), account_id(0), {{9}}};
    enum { IDS = sizeof ids / sizeof *ids };
    farm_ledger_account found[IDS];
    farm_ledger_balances now[2] = {0};
    int64_t versions[2] = {0};
    for (int i = 0; i < IDS; i++) found[i].struct_size = sizeof *found;
    for (int i = 0; i < EVENTS; i++) {
        for (int account = 0; account < 2; account++) {
            const farm_id id = account_id(account);
            const int is_debit = is_same(&events[i].debit_account_id, &id);
            if (!is_debit && !is_same(&events[i].credit_account_id, &id)) continue;
            now[account] = is_debit ? events[i].debit : events[i].credit;
            versions[account]++;
        }
        if (i % 13 != 0) continue;
        cr_assert_eq(farm_ledger_find_accounts_at(session, events[i].timestamp_ns, ids, IDS, found),
                     FARM_OK, "%s", farm_session_error_text(session));
        cr_assert_eq(memcmp(&found[0].balances, &now[0], sizeof *now), 0, "event %d", i);
        cr_assert_eq(memcmp(&found[2].balances, &now[1], sizeof *now), 0, "event %d", i);
        cr_assert_eq(memcmp(&found[3], &found[0], sizeof *found), 0);
        cr_assert_eq(found[0].version, versions[0]);
        cr_assert_eq(found[2].version, versions[1]);
        cr_assert(is_same(&found[1].id, &ids[1]));
        cr_assert_eq(found[1].version, 0);
        cr_assert(is_zero(&found[4].id));
    }
    cr_assert_eq(farm_ledger_find_accounts_at(session, 1, ids, IDS, found), FARM_OK);
    cr_assert(is_zero(&found[0].id), "it was not there then");
}

Test(ledger_query, what_cannot_be_asked_is_said) {
    farm_ledger_event row = {.struct_size = sizeof row};
    farm_ledger_account account = {.struct_size = sizeof account};
    const farm_id id = account_id(0);
    size_t count = 0;
    const farm_ledger_query wrong[] = {
        {.struct_size = sizeof *wrong},
        {.struct_size = sizeof *wrong, .book = -1},
        {.struct_size = sizeof *wrong, .book = 1, .flags = FARM_LEDGER_QUERY_HOLDS},
        {.struct_size = sizeof *wrong, .book = 1, .flags = FARM_LEDGER_QUERY_DEBITS},
        {.struct_size = sizeof *wrong, .book = 1, .flags = 1u << 30},
        {.struct_size = sizeof *wrong, .book = 1, .from_ns = -1},
        {.struct_size = sizeof *wrong, .book = 1, .to_ns = -1},
        {.struct_size = sizeof *wrong, .book = 1, .cursor_ns = -1},
        {.struct_size = sizeof *wrong, .book = 1, .code = FARM_LEDGER_CODE_MAX + 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(farm_ledger_query_transfers(session, &wrong[i], &row, 1, &count, NULL),
                     FARM_EINVAL, "%zu", i);
    const farm_ledger_query right = {.struct_size = sizeof right, .book = 1, .account_id = id};
    cr_assert_eq(farm_ledger_query_transfers(session, &right, &row, 0, &count, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_query_transfers(session, &right, NULL, 1, &count, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_query_transfers(session, NULL, &row, 1, &count, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_query_accounts(session, &right, &account, 1, &count, NULL),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_accounts_at(session, 0, &id, 1, &account), FARM_EINVAL);

    farm_session_set_actor(session, "ana");
    cr_assert_eq(farm_ledger_query_transfers(session, &right, &row, 1, &count, NULL), FARM_EDENIED);
    cr_assert_eq(farm_ledger_find_accounts_at(session, 1, &id, 1, &account), FARM_EDENIED);
}
