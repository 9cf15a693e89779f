/* Who may do what with books and accounts that are kept for an entity: a table of the roles, and
 * what nobody may. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_export.h>
#include <farmcore/ledger_owner.h>
#include <farmcore/ledger_payout.h>
#include <farmcore/ledger_total.h>
#include <farmcore/roles.h>
#include <stdio.h>
#include <string.h>

static void open_market(void);

TestSuite(ledger_owner, .init = open_market, .fini = close_session, .timeout = 60);

/* The market owns book 1, the shop its account A2; book 2 is nobody's. */
static const char story[] = "book 1 EUR 2\n"
                            "book 2 EUR 2\n"
                            "account A1\n"
                            "account A2\n"
                            "account A3\n"
                            "account A4 book=2\n"
                            "account A5 book=2\n"
                            "transfer T1 A1 A2 100\n"
                            "transfer T2 A1 A3 100\n"
                            "transfer T3 A4 A5 100 book=2\n"
                            "send\n";

static farm_ledger_owner owner_of(int64_t book, const char *account, const char *entity) {
    return (farm_ledger_owner){.struct_size = sizeof(farm_ledger_owner),
                               .book = book,
                               .account_id = ledger_script_id(account),
                               .entity = entity};
}

static void assign(farm_ledger_owner owner) {
    cr_assert_eq(farm_ledger_assign_owners(session, &owner, 1), FARM_OK, "%s",
                 farm_session_error_text(session));
}

static void grant(const char *entity, const char *subject, int32_t role) {
    cr_assert_eq(farm_role_grant(session, entity, subject, role, 0), FARM_OK);
}

static void open_market(void) {
    open_session();
    ledger_play(session, story);
    assign(owner_of(1, "0", "market"));
    assign(owner_of(0, "A2", "shop"));
    cr_assert_eq(farm_role_found(session, "market", "mia"), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "sue"), FARM_OK);
    grant("market", "max", FARM_ROLE_MANAGER);
    grant("shop", "sam", FARM_ROLE_MANAGER);
    grant("shop", "vic", FARM_ROLE_VIEWER);
}

/* --- what may be done --- */

static farm_status read_of(int64_t book, const char *account) {
    const farm_ledger_query query = {
        .struct_size = sizeof query, .book = book, .account_id = ledger_script_id(account)};
    farm_ledger_event event = {.struct_size = sizeof event};
    size_t count = 0;
    int64_t cursor_ns = 0;
    return farm_ledger_query_transfers(session, &query, &event, 1, &count, &cursor_ns);
}

static farm_status export_of(int64_t book, const char *account) {
    static char data[FARM_LEDGER_EXPORT_SIZE_MIN];
    const farm_ledger_query query = {
        .struct_size = sizeof query, .book = book, .account_id = ledger_script_id(account)};
    size_t size = 0;
    int64_t cursor_ns = 0;
    return farm_ledger_export_next(session, &query, FARM_LEDGER_FORMAT_CSV, data, sizeof data,
                                   &size, &cursor_ns);
}

/* A run without an effect: everything is below the minimum. */
static farm_status pay_of(int64_t book, const char *account) {
    (void)account;
    const farm_ledger_payout_run run = {.struct_size = sizeof run,
                                        .id = ledger_script_id("P1"),
                                        .code = 1,
                                        .clearing_account_id = ledger_script_id("A1")};
    const farm_ledger_payout_rules rules = {
        .struct_size = sizeof rules, .book = book, .minimum_minor = INT64_MAX};
    const farm_ledger_payee payee = {.struct_size = sizeof payee,
                                     .account_id = ledger_script_id("A2")};
    const farm_ledger_payout_outcome outcome = {.struct_size = sizeof outcome,
                                                .outcome = FARM_LEDGER_OUTCOME_PAID,
                                                .account_id = payee.account_id};
    farm_ledger_payout payout = {.struct_size = sizeof payout};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    const farm_status held = farm_ledger_hold_payouts(session, &run, &rules, &payee, 1, &payout);
    cr_assert_eq(farm_ledger_settle_payouts(session, book, &run.id, &outcome, 1, &result), held);
    cr_assert_eq(farm_ledger_find_payouts(session, book, &run.id, &payee.account_id, 1, &payout),
                 held);
    return held;
}

/* Of the transfer that credited the account: T1 of A2, and so on. */
static farm_status refund_of(int64_t book, const char *account) {
    static int made;
    char name[16];
    snprintf(name, sizeof name, "T%d", 100 + ++made);
    const char *reversed = strcmp(account, "A2") == 0   ? "T1"
                           : strcmp(account, "A3") == 0 ? "T2"
                                                        : "T3";
    const farm_ledger_transfer item = {.struct_size = sizeof item,
                                       .id = ledger_script_id(name),
                                       .reversed_id = ledger_script_id(reversed),
                                       .amount_minor = 1,
                                       .code = 1,
                                       .book = book};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    const farm_status status = farm_ledger_post(session, &item, 1, &result);
    if (status == FARM_OK)
        cr_assert_eq(result.status, FARM_LEDGER_TRANSFER_CREATED, "%s",
                     farm_ledger_transfer_status_name(result.status));
    return status;
}

static farm_status close_of(int64_t book, const char *account) {
    (void)account;
    return farm_ledger_close_book(session, book, 1);
}

typedef farm_status (*act)(int64_t book, const char *account);

/* What an actor may do with the market's book, with the shop's account A2 in it, with the account
 * A3 in it that has no owner of its own, and with book 2: R, E, P, F (refund), C. */
static const struct {
    const char *actor;
    const char *book;
    const char *shop;
    const char *other;
    const char *foreign;
} cases[] = {
    {"mia", "REPC", "REF", "REF", ""}, /* owner of the market */
    {"max", "RE", "REF", "REF", ""},   /* its manager */
    {"sue", "", "REF", "", ""},        /* owner of the shop */
    {"sam", "", "REF", "", ""},        /* its manager */
    {"vic", "", "R", "", ""},          /* its viewer */
    {"eve", "", "", "", ""},           /* a stranger */
};

static void expect(const char *actor, const char *allowed, const char *letters, int64_t book,
                   const char *account) {
    static const struct {
        char letter;
        act function;
    } acts[] = {{'R', read_of}, {'E', export_of}, {'P', pay_of}, {'F', refund_of}, {'C', close_of}};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (strchr(letters, acts[i].letter) == NULL) continue;
        const farm_status expected =
            strchr(allowed, acts[i].letter) != NULL ? FARM_OK : FARM_EDENIED;
        const farm_status found = acts[i].function(book, account);
        cr_assert_eq(found, expected, "%s, %c of %lld %s: %d, %s", actor, acts[i].letter,
                     (long long)book, account, (int)found, farm_session_error_text(session));
    }
}

Test(ledger_owner, a_role_allows_what_it_says) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        act_as(cases[i].actor);
        expect(cases[i].actor, cases[i].book, "REPC", 1, "0");
        expect(cases[i].actor, cases[i].shop, "REF", 1, "A2");
        expect(cases[i].actor, cases[i].other, "REF", 1, "A3");
        expect(cases[i].actor, cases[i].foreign, "REPC", 2, "0");
        expect(cases[i].actor, cases[i].foreign, "REF", 2, "A5");
        /* The book that is said does not make it another account. */
        expect(cases[i].actor, cases[i].foreign, "RE", 1, "A5");
    }
    act_as_service();
    ledger_play(session, "verify\n");
}

Test(ledger_owner, what_is_revoked_or_reassigned_is_over) {
    act_as("sam");
    cr_assert_eq(read_of(0, "A2"), FARM_OK);
    act_as_service();
    cr_assert_eq(farm_role_revoke(session, "shop", "sam", FARM_ROLE_MANAGER), FARM_OK);
    act_as("sam");
    cr_assert_eq(read_of(0, "A2"), FARM_EDENIED);
    act_as("sue");
    cr_assert_eq(read_of(0, "A2"), FARM_OK);
    act_as_service();
    assign(owner_of(0, "A2", NULL));
    act_as("sue");
    cr_assert_eq(read_of(0, "A2"), FARM_EDENIED);
    act_as("mia");
    cr_assert_eq(read_of(0, "A2"), FARM_OK);
}

/* --- what nobody may but the service --- */

static farm_status post_of(const char *actor, farm_ledger_transfer item) {
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    item.struct_size = sizeof item;
    item.id = ledger_script_id("T50");
    item.amount_minor = 1;
    item.code = 1;
    item.book = 1;
    act_as(actor);
    return farm_ledger_post(session, &item, 1, &result);
}

Test(ledger_owner, nothing_is_posted_but_reversals) {
    const farm_id reversed = ledger_script_id("T1");
    const farm_id a1 = ledger_script_id("A1");
    const farm_id a2 = ledger_script_id("A2");
    const farm_ledger_transfer wrong[] = {
        {.debit_account_id = a1, .credit_account_id = a2},
        {.reversed_id = reversed, .flags = FARM_LEDGER_PENDING},
        {.reversed_id = reversed, .flags = FARM_LEDGER_IMPORTED, .timestamp_ns = 1},
        {.reversed_id = ledger_script_id("T9")},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(post_of("mia", wrong[i]), FARM_EDENIED, "%zu", i);
    cr_assert_eq(post_of("mia", (farm_ledger_transfer){.reversed_id = reversed}), FARM_OK);

    /* One that is not allowed keeps all from happening. */
    farm_ledger_transfer both[2];
    farm_ledger_transfer_result results[2];
    for (int i = 0; i < 2; i++) {
        results[i].struct_size = sizeof *results;
        both[i] = (farm_ledger_transfer){.struct_size = sizeof *both,
                                         .id = ledger_script_id(i == 0 ? "T60" : "T61"),
                                         .reversed_id = ledger_script_id(i == 0 ? "T1" : "T2"),
                                         .amount_minor = 1,
                                         .code = 1,
                                         .book = 1};
    }
    act_as("sue");
    cr_assert_eq(farm_ledger_post(session, both, 2, results), FARM_EDENIED);
    act_as_service();
    ledger_play(session, "balance A2 0 1 0 100\nbalance A3 0 0 0 100\nverify\n");
}

Test(ledger_owner, a_member_gives_back_so_many_at_once) {
    static farm_ledger_transfer items[FARM_LEDGER_REFUND_MAX + 1];
    static farm_ledger_transfer_result results[FARM_LEDGER_REFUND_MAX + 1];
    for (size_t i = 0; i <= FARM_LEDGER_REFUND_MAX; i++) {
        items[i] = (farm_ledger_transfer){.struct_size = sizeof *items,
                                          .reversed_id = ledger_script_id("T1"),
                                          .code = 1,
                                          .book = 1};
        items[i].id.bytes[0] = 7;
        items[i].id.bytes[1] = (uint8_t)(i + 1);
        results[i].struct_size = sizeof *results;
    }
    act_as("sue");
    cr_assert_eq(farm_ledger_post(session, items, FARM_LEDGER_REFUND_MAX + 1, results),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_post(session, items, FARM_LEDGER_REFUND_MAX, results), FARM_OK);
}

/* What one call was allowed does not count for the next. */
Test(ledger_owner, the_trust_ends_with_the_call) {
    const farm_id id = ledger_script_id("A2");
    farm_ledger_account account = {.struct_size = sizeof account};
    act_as("mia");
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(export_of(1, "0"), FARM_OK);
    cr_assert_eq(farm_ledger_find_accounts(session, &id, 1, &account), FARM_EDENIED);
    cr_assert_eq(farm_ledger_expire(session, 1, NULL), FARM_EDENIED);
    cr_assert_eq(export_of(2, "0"), FARM_EDENIED);
    cr_assert_eq(farm_commit(session), FARM_OK);
    cr_assert_eq(farm_session_set_actor(session, NULL), FARM_OK);
    cr_assert_eq(export_of(1, "0"), FARM_EDENIED);
    cr_assert_eq(refund_of(1, "A2"), FARM_EDENIED);
}

/* --- assigning --- */

Test(ledger_owner, owners_are_found) {
    const farm_id ids[] = {ledger_script_id("A2"), ledger_script_id("A3"), ledger_script_id("A5"),
                           ledger_script_id("A9"), ledger_script_id("A2")};
    static const char *const expected[][2] = {
        {"shop", "market"}, {"", "market"}, {"", ""}, {"", ""}, {"shop", "market"}};
    static const int64_t books[] = {1, 1, 2, 0, 1};
    static farm_ledger_ownership found[5];
    for (int i = 0; i < 5; i++) found[i].struct_size = sizeof *found;
    cr_assert_eq(farm_ledger_find_owners(session, ids, 5, found), FARM_OK);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(found[i].book, books[i], "%d", i);
        cr_assert_str_eq(found[i].entity, expected[i][0]);
        cr_assert_str_eq(found[i].book_entity, expected[i][1]);
    }
}

Test(ledger_owner, all_are_assigned_or_none) {
    farm_ledger_owner owners[] = {owner_of(1, "A2", "a"), owner_of(1, "A2", "b"),
                                  owner_of(2, "0", "c"), owner_of(0, "A9", "d")};
    farm_ledger_ownership found = {.struct_size = sizeof found};
    cr_assert_eq(farm_ledger_assign_owners(session, owners, 4), FARM_ENOTFOUND);
    cr_assert_eq(farm_ledger_find_owners(session, &owners[0].account_id, 1, &found), FARM_OK);
    cr_assert_str_eq(found.entity, "shop");
    for (int i = 0; i < 2; i++)
        cr_assert_eq(farm_ledger_assign_owners(session, owners, 3), FARM_OK);
    cr_assert_eq(farm_ledger_find_owners(session, &owners[0].account_id, 1, &found), FARM_OK);
    cr_assert_str_eq(found.entity, "b");
}

Test(ledger_owner, misuse_is_a_sentence) {
    char too_long[FARM_KEY_MAX + 2];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const farm_ledger_owner wrong[] = {owner_of(0, "0", "a"), owner_of(-1, "A2", "a"),
                                       owner_of(1, "0", ""), owner_of(1, "0", too_long),
                                       owner_of(1, "0", "\xff")};
    const farm_id id = ledger_script_id("A2");
    farm_ledger_ownership found = {.struct_size = sizeof found};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(farm_ledger_assign_owners(session, &wrong[i], 1), FARM_EINVAL, "%zu", i);
    const farm_ledger_owner missing = owner_of(9, "0", "a");
    const farm_ledger_owner other_book = owner_of(2, "A2", "a");
    cr_assert_eq(farm_ledger_assign_owners(session, &missing, 1), FARM_ENOTFOUND);
    cr_assert_eq(farm_ledger_assign_owners(session, &other_book, 1), FARM_ENOTFOUND);
    cr_assert_eq(farm_ledger_assign_owners(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_ledger_assign_owners(session, wrong, 0), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_owners(session, NULL, 1, &found), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_owners(session, &id, 1, NULL), FARM_EINVAL);
    act_as("mia");
    cr_assert_eq(farm_ledger_assign_owners(session, &other_book, 1), FARM_EDENIED);
    cr_assert_eq(farm_ledger_find_owners(session, &id, 1, &found), FARM_EDENIED);
}
