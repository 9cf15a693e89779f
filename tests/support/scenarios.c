/* The scenarios of the fault tests. */
#include "scenarios.h"
#include "test_store.h"
#include <stdio.h>
#include <string.h>

/* What the clocks of these tests' sessions say. */
#define NOW_US INT64_C(1767225600000000)

static farm_status nothing(farm_session *session) {
    (void)session;
    return FARM_OK;
}

static farm_status migrate(farm_session *session) {
    return farm_migrate(session);
}

static farm_status define(farm_session *session) {
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits, .name = "a", .count = 10, .period_us = 1000000},
        {.struct_size = sizeof *limits, .name = "b", .count = 10, .period_us = 1000000},
    };
    return farm_rate_define(session, limits, 2);
}

static const farm_rate_request requests[] = {
    {.struct_size = sizeof *requests, .limit = "a", .subject = "s", .cost = 1},
    {.struct_size = sizeof *requests, .limit = "b", .subject = "s", .cost = 1},
};

static farm_status take(farm_session *session) {
    farm_rate_state states[2] = {{.struct_size = sizeof *states}, {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    return farm_rate_take(session, requests, 2, states, &decision);
}

static farm_id token;

static farm_status take_for_refund(farm_session *session) {
    farm_rate_state states[2] = {{.struct_size = sizeof *states}, {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_status status = define(session);
    if (status == FARM_OK) status = farm_rate_take(session, requests, 2, states, &decision);
    token = decision.token;
    return status;
}

static farm_status refund(farm_session *session) {
    return farm_rate_refund(session, &token, requests, 2);
}

static farm_status found(farm_session *session) {
    return farm_role_found(session, "shop", "ana");
}

static farm_status grant(farm_session *session) {
    return farm_role_grant(session, "shop", "bob", FARM_ROLE_OWNER, 0);
}

static farm_status found_and_grant(farm_session *session) {
    farm_status status = found(session);
    return status == FARM_OK ? grant(session) : status;
}

static farm_status revoke(farm_session *session) {
    return farm_role_revoke(session, "shop", "bob", FARM_ROLE_OWNER);
}

static farm_status check(farm_session *session) {
    farm_status status = farm_session_set_actor(session, "ana");
    if (status == FARM_OK) status = farm_role_check(session, "shop", FARM_ROLE_PAY);
    farm_session_set_service(session);
    return status;
}

/* Claim and finish in one transaction of the caller's. */
static farm_status answer(farm_session *session) {
    farm_idempotency *claim = NULL;
    farm_status status = farm_begin(session);
    if (status != FARM_OK) return status;
    status = farm_idempotency_begin(session, "ana", "k", "o", "r", 1, NULL, &claim);
    if (status == FARM_OK && farm_idempotency_outcome(claim) == FARM_IDEMPOTENCY_EXECUTE)
        status = farm_idempotency_finish(session, claim, 200, "yes", 3);
    farm_idempotency_free(claim);
    if (status == FARM_OK) return farm_commit(session);
    farm_rollback(session);
    return status;
}

static farm_status signal_topic(farm_session *session) {
    const farm_topic topic = {.struct_size = sizeof topic, .owner = "ana", .topic = "inbox"};
    return farm_signal(session, &topic, 1);
}

/* --- the ledger: nothing of it is ever removed, so that each run has a book of its own --- */

static int64_t book;

static farm_id ledger_id(int64_t number) {
    farm_id id = {{0}};
    for (int i = 0; i < 8; i++) id.bytes[i] = (uint8_t)(book >> (56 - i * 8));
    id.bytes[15] = (uint8_t)number;
    return id;
}

static farm_status open_book(farm_session *session) {
    book++;
    const farm_ledger_book opened = {
        .struct_size = sizeof opened, .book = book, .asset = "EUR", .scale = 2};
    return farm_ledger_open_books(session, &opened, 1);
}

static farm_status open_accounts(farm_session *session) {
    farm_ledger_account_result results[2] = {{.struct_size = sizeof *results},
                                             {.struct_size = sizeof *results}};
    farm_ledger_account accounts[2];
    for (int i = 0; i < 2; i++)
        accounts[i] = (farm_ledger_account){
            .struct_size = sizeof *accounts,
            .id = ledger_id(1 + i),
            .code = 1,
            .book = book,
            .flags = i == 0 ? 0 : FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS};
    const farm_status status = farm_ledger_open_accounts(session, accounts, 2, results);
    for (int i = 0; i < 2 && status == FARM_OK; i++)
        if (results[i].status != FARM_LEDGER_ACCOUNT_CREATED &&
            results[i].status != FARM_LEDGER_ACCOUNT_EXISTS)
            return FARM_EINTERNAL;
    return status;
}

static farm_status open_ledger(farm_session *session) {
    const farm_status status = open_book(session);
    return status == FARM_OK ? open_accounts(session) : status;
}

/* A transfer; a hold and its post in a chain; and one whose id is burnt. */
static farm_status post(farm_session *session) {
    static const uint32_t flags[] = {0, FARM_LEDGER_PENDING | FARM_LEDGER_LINKED,
                                     FARM_LEDGER_POST_PENDING_TRANSFER, 0};
    farm_ledger_transfer_result results[4];
    farm_ledger_transfer items[4];
    for (int i = 0; i < 4; i++) {
        results[i].struct_size = sizeof *results;
        items[i] = (farm_ledger_transfer){.struct_size = sizeof *items,
                                          .flags = flags[i],
                                          .id = ledger_id(11 + i),
                                          .debit_account_id = ledger_id(1),
                                          .credit_account_id = ledger_id(i == 3 ? 3 : 2),
                                          .amount_minor = 5,
                                          .code = 1,
                                          .book = book};
    }
    items[2].pending_id = items[1].id;
    const farm_status status = farm_ledger_post(session, items, 4, results);
    /* A chain that is repeated breaks at what is there. */
    const int is_new = results[0].status == FARM_LEDGER_TRANSFER_CREATED;
    const int32_t last =
        is_new ? FARM_LEDGER_TRANSFER_CREATED : FARM_LEDGER_TRANSFER_LINKED_EVENT_FAILED;
    if (status == FARM_OK && (results[1].status != results[0].status || results[2].status != last))
        return FARM_EINTERNAL;
    return status;
}

static farm_status hold_for_a_second(farm_session *session) {
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    farm_status status = farm_session_set_clock_us(session, NOW_US - 10000000);
    if (status == FARM_OK) status = open_ledger(session);
    const farm_ledger_transfer item = {.struct_size = sizeof item,
                                       .flags = FARM_LEDGER_PENDING,
                                       .id = ledger_id(21),
                                       .debit_account_id = ledger_id(1),
                                       .credit_account_id = ledger_id(2),
                                       .amount_minor = 5,
                                       .timeout_us = 1000000,
                                       .code = 1,
                                       .book = book};
    if (status == FARM_OK) status = farm_ledger_post(session, &item, 1, &result);
    farm_session_set_clock_us(session, NOW_US);
    return status;
}

static farm_status expire(farm_session *session) {
    return farm_ledger_expire(session, FARM_LEDGER_BATCH_MAX, NULL);
}

static farm_status change_limit(farm_session *session) {
    const farm_id id = ledger_id(2);
    return farm_ledger_change_credit_limit(session, &id, 0, 7);
}

static farm_status seal_events(farm_session *session) {
    farm_ledger_seal seal = {.struct_size = sizeof seal};
    return farm_ledger_seal_events(session, book, FARM_LEDGER_BATCH_MAX, &seal);
}

/* An invoice of what was posted, one that is refused, and a credit note. */
static farm_status issue(farm_session *session) {
    farm_ledger_invoice_line lines[4];
    farm_ledger_invoice items[3];
    farm_ledger_invoice_result results[3];
    for (int i = 0; i < 4; i++)
        lines[i] = (farm_ledger_invoice_line){
            .struct_size = sizeof *lines, .transfer_id = ledger_id(i == 1 ? 13 : 11), .text = "x"};
    lines[3] = (farm_ledger_invoice_line){.struct_size = sizeof *lines, .corrected_line = 2};
    for (int i = 0; i < 3; i++) {
        results[i].struct_size = sizeof *results;
        items[i] = (farm_ledger_invoice){.struct_size = sizeof *items,
                                         .line_count = i == 0 ? 2 : 1,
                                         .id = ledger_id(41 + i),
                                         .account_id = ledger_id(2),
                                         .book = book,
                                         .series = i == 2 ? "G" : "R"};
    }
    items[2].corrects_id = items[0].id;
    const farm_status status = farm_ledger_issue_invoices(session, lines, 4, items, 3, results);
    if (status == FARM_OK && (results[0].number != 1 || results[2].number != 1 ||
                              results[1].status != FARM_LEDGER_INVOICE_TRANSFER_ALREADY_INVOICED))
        return FARM_EINTERNAL;
    return status;
}

static farm_status post_first(farm_session *session) {
    const farm_status status = open_ledger(session);
    return status == FARM_OK ? post(session) : status;
}

static farm_status hold_payouts(farm_session *session) {
    const farm_ledger_payout_run run = {.struct_size = sizeof run,
                                        .code = 1,
                                        .id = ledger_id(31),
                                        .clearing_account_id = ledger_id(1)};
    const farm_ledger_payout_rules rules = {
        .struct_size = sizeof rules, .book = book, .reserve_minor = 3};
    const farm_ledger_payee payee = {.struct_size = sizeof payee, .account_id = ledger_id(2)};
    farm_ledger_payout payout = {.struct_size = sizeof payout};
    const farm_status status = farm_ledger_hold_payouts(session, &run, &rules, &payee, 1, &payout);
    return status == FARM_OK && payout.amount_minor != 7 ? FARM_EINTERNAL : status;
}

static farm_status hold_first(farm_session *session) {
    const farm_status status = post_first(session);
    return status == FARM_OK ? hold_payouts(session) : status;
}

static farm_status settle_payouts(farm_session *session) {
    const farm_id run_id = ledger_id(31);
    const farm_ledger_payout_outcome outcome = {.struct_size = sizeof outcome,
                                                .outcome = FARM_LEDGER_OUTCOME_PAID,
                                                .account_id = ledger_id(2)};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    const farm_status status =
        farm_ledger_settle_payouts(session, book, &run_id, &outcome, 1, &result);
    return status == FARM_OK && result.amount_minor != 7 ? FARM_EINTERNAL : status;
}

/* One below the other, with an account in each. */
static farm_status open_groups(farm_session *session) {
    farm_ledger_group groups[2];
    for (int i = 0; i < 2; i++)
        groups[i] = (farm_ledger_group){
            .struct_size = sizeof *groups, .id = ledger_id(31 + i), .book = book};
    groups[1].parent_id = groups[0].id;
    return farm_ledger_open_groups(session, groups, 2);
}

static farm_status change_members(farm_session *session,
                                  farm_status (*change)(farm_session *, const farm_ledger_member *,
                                                        size_t)) {
    farm_ledger_member members[2];
    for (int i = 0; i < 2; i++)
        members[i] = (farm_ledger_member){.struct_size = sizeof *members,
                                          .group_id = ledger_id(31 + i),
                                          .account_id = ledger_id(1 + i)};
    return change(session, members, 2);
}

static farm_status group_accounts(farm_session *session) {
    return change_members(session, farm_ledger_group_accounts);
}

static farm_status ungroup_accounts(farm_session *session) {
    return change_members(session, farm_ledger_ungroup_accounts);
}

static farm_status open_ledger_with_groups(farm_session *session) {
    const farm_status status = open_ledger(session);
    return status == FARM_OK ? open_groups(session) : status;
}

static farm_status fill_groups(farm_session *session) {
    const farm_status status = open_ledger_with_groups(session);
    return status == FARM_OK ? group_accounts(session) : status;
}

static farm_status open_programs(farm_session *session) {
    const farm_ledger_program program = {.struct_size = sizeof program,
                                         .id = ledger_id(31),
                                         .book = book,
                                         .name = "p",
                                         .nominations_max = 2};
    return farm_ledger_open_programs(session, &program, 1);
}

/* Two with one number each, so that whoever repeats it makes no others. */
static farm_status nominate(farm_session *session) {
    static const char *const subjects[] = {"a", "b"};
    farm_ledger_nomination items[2];
    farm_ledger_nomination_result results[2];
    for (int i = 0; i < 2; i++) {
        items[i] = (farm_ledger_nomination){.struct_size = sizeof *items,
                                            .program_id = ledger_id(31),
                                            .subject = subjects[i],
                                            .account_id = ledger_id(2),
                                            .nominated_by = "ann",
                                            .number = 1};
        results[i].struct_size = sizeof *results;
    }
    const farm_status status = farm_ledger_nominate(session, items, 2, results);
    return status == FARM_OK && results[1].number != 1 ? FARM_EINTERNAL : status;
}

static farm_status withdraw(farm_session *session) {
    const farm_ledger_withdrawal item = {.struct_size = sizeof item,
                                         .program_id = ledger_id(31),
                                         .subject = "b",
                                         .withdrawn_by = "eve"};
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    const farm_status status = farm_ledger_withdraw_nominations(session, &item, 1, &result);
    return status == FARM_OK && result.number != 1 ? FARM_EINTERNAL : status;
}

static farm_status open_ledger_with_program(farm_session *session) {
    const farm_status status = open_ledger(session);
    return status == FARM_OK ? open_programs(session) : status;
}

static farm_status nominate_first(farm_session *session) {
    const farm_status status = open_ledger_with_program(session);
    return status == FARM_OK ? nominate(session) : status;
}

static farm_status compose(farm_session *session) {
    farm_status status = farm_begin(session);
    if (status == FARM_OK) status = found(session);
    if (status == FARM_OK) status = grant(session);
    if (status == FARM_OK) return farm_commit(session);
    farm_rollback(session);
    return status;
}

/* What is refused undoes itself alone, and what was done before it commits. */
static farm_status compose_refused(farm_session *session) {
    farm_status status = farm_begin(session);
    if (status == FARM_OK) status = found(session);
    if (status == FARM_OK) {
        farm_session_set_actor(session, "eve");
        status = farm_role_grant(session, "shop", "eve", FARM_ROLE_VIEWER, 0);
        farm_session_set_service(session);
        if (status == FARM_EDENIED) return farm_commit(session);
    }
    farm_rollback(session);
    return status;
}

static farm_status verify(farm_session *session) {
    char *text = NULL;
    farm_status status = farm_verify(session, &text);
    farm_free(text);
    return status;
}

static farm_status maintain(farm_session *session) {
    return farm_maintain(session, 100, NULL);
}

static farm_status host(farm_session *session) {
    farm_rows *rows = NULL;
    farm_status status = farm_session_execute(session, "SELECT 'x', 1", NULL, 0, &rows);
    farm_rows_free(rows);
    return status;
}

#define LIMITS "SELECT COUNT(*) FROM {farm_rate_limit}"
/* How often the buckets were taken from, if always both at once; else what no one expects. */
#define TAKES                                                                                      \
    "SELECT CASE WHEN COUNT(*) = 0 THEN 0 WHEN COUNT(*) <> 2 OR MIN(tat - stamp) <> "              \
    "MAX(tat - stamp) THEN -1 ELSE MAX(tat - stamp) / 100000000 END FROM {farm_rate_bucket}"
#define REFUNDS "SELECT COUNT(*) FROM {farm_rate_refund}"
#define OWNERS "SELECT COUNT(*) FROM {farm_role_grant} WHERE role = 1"
#define ACCOUNTS                                                                                   \
    "SELECT COUNT(*) FROM {farm_ledger_account} "                                                  \
    "WHERE book = (SELECT MAX(book) FROM {farm_ledger_book})"
/* With what both accounts have, if that is what the events make. */
#define POSTED                                                                                     \
    "SELECT COUNT(*) * 10 + (SELECT CAST(SUM(debits_posted - debits_pending) AS BIGINT) "          \
    "FROM {farm_ledger_balance} WHERE book = (SELECT MAX(book) FROM {farm_ledger_book})) "         \
    "FROM {farm_ledger_event} WHERE book = (SELECT MAX(book) FROM {farm_ledger_book})"
#define EXPIRED                                                                                    \
    "SELECT (SELECT COUNT(*) FROM {farm_ledger_event} WHERE kind = 4 AND book = "                  \
    "(SELECT MAX(book) FROM {farm_ledger_book})) * 10 + (SELECT CAST(SUM(debits_pending) AS "      \
    "BIGINT) "                                                                                     \
    "FROM {farm_ledger_balance} WHERE book = (SELECT MAX(book) FROM {farm_ledger_book}))"
/* The limit that holds, if it is kept when it was changed. */
#define LIMITED                                                                                    \
    "SELECT (SELECT MAX(credit_limit) FROM {farm_ledger_balance} WHERE book = "                    \
    "(SELECT MAX(book) FROM {farm_ledger_book})) * 10 + (SELECT COUNT(*) FROM {farm_ledger_limit}" \
    " WHERE book = (SELECT MAX(book) FROM {farm_ledger_book}))"
/* The seals, what is in sequence and what is not. */
#define SEALED                                                                                     \
    "SELECT (SELECT COUNT(*) FROM {farm_ledger_seal} WHERE book = "                                \
    "(SELECT MAX(book) FROM {farm_ledger_book})) * 100 + (SELECT COUNT(*) FROM "                   \
    "{farm_ledger_sequence} WHERE book = (SELECT MAX(book) FROM {farm_ledger_book})) * 10 + "      \
    "(SELECT COUNT(*) FROM {farm_ledger_event} AS e WHERE e.book = "                               \
    "(SELECT MAX(book) FROM {farm_ledger_book}) AND NOT EXISTS (SELECT 1 FROM "                    \
    "{farm_ledger_sequence} AS s WHERE s.book = e.book AND s.timestamp_ns = e.timestamp_ns))"
/* The groups and what is in them. */
#define GROUPED                                                                                    \
    "SELECT (SELECT COUNT(*) FROM {farm_ledger_group} WHERE book = "                               \
    "(SELECT MAX(book) FROM {farm_ledger_book})) * 10 + (SELECT COUNT(*) FROM "                    \
    "{farm_ledger_member} WHERE book = (SELECT MAX(book) FROM {farm_ledger_book}))"
/* The numbers that were given out, and the lines. */
#define ISSUED                                                                                     \
    "SELECT (SELECT CAST(COALESCE(SUM(last_number), 0) AS BIGINT) FROM {farm_ledger_series} "      \
    "WHERE book = (SELECT MAX(book) FROM {farm_ledger_book})) * 10 + (SELECT COUNT(*) FROM "       \
    "{farm_ledger_invoice_line} WHERE book = (SELECT MAX(book) FROM {farm_ledger_book}))"
/* The programs, the nominations, and those that were withdrawn. */
#define NOMINATED                                                                                  \
    "SELECT (SELECT COUNT(*) FROM {farm_ledger_program} WHERE book = "                             \
    "(SELECT MAX(book) FROM {farm_ledger_book})) + (SELECT COUNT(*) * 10 + "                       \
    "COUNT(withdrawn_by) * 100 FROM {farm_ledger_nomination} WHERE book = "                        \
    "(SELECT MAX(book) FROM {farm_ledger_book}))"
#define TOPICS "SELECT COUNT(*) FROM {farm_topic}"
#define ANSWERS "SELECT COUNT(*) FROM {farm_idempotency} WHERE state = 2"

const fault_scenario scenarios[] = {
    {"migrate again", nothing, migrate, "SELECT 1", 1, 1, 0, 1},
    {"rate define", nothing, define, LIMITS, 0, 2, 0, 1},
    {"rate take", define, take, TAKES, 0, 1, 1, 0},
    {"rate refund", take_for_refund, refund, REFUNDS, 0, 2, 0, 1},
    {"role found", nothing, found, OWNERS, 0, 1, 0, 1},
    {"role grant", found, grant, OWNERS, 1, 2, 0, 1},
    {"role revoke", found_and_grant, revoke, OWNERS, 2, 1, 0, 1},
    {"role check", found, check, OWNERS, 1, 1, 0, 1},
    {"idempotency in a transaction", nothing, answer, ANSWERS, 0, 1, 0, 0},
    {"two operations in a transaction", nothing, compose, OWNERS, 0, 2, 0, 0},
    {"signal", nothing, signal_topic, TOPICS, 0, 1, 0, 1},
    {"a refusal in a transaction", nothing, compose_refused, OWNERS, 0, 1, 0, 0},
    {"ledger open accounts", open_book, open_accounts, ACCOUNTS, 0, 2, 0, 1},
    {"ledger post", open_ledger, post, POSTED, 0, 40, 0, 1},
    {"ledger expire", hold_for_a_second, expire, EXPIRED, 5, 10, 0, 1},
    {"ledger change credit limit", open_ledger, change_limit, LIMITED, 0, 71, 0, 1},
    {"ledger seal events", hold_for_a_second, seal_events, SEALED, 1, 110, 0, 1},
    {"ledger hold payouts", post_first, hold_payouts, POSTED, 40, 43, 0, 1},
    {"ledger settle payouts", hold_first, settle_payouts, POSTED, 43, 67, 0, 1},
    {"ledger open groups", open_ledger, open_groups, GROUPED, 0, 20, 0, 1},
    {"ledger group accounts", open_ledger_with_groups, group_accounts, GROUPED, 20, 22, 0, 1},
    {"ledger ungroup accounts", fill_groups, ungroup_accounts, GROUPED, 22, 20, 0, 1},
    {"ledger issue invoices", post_first, issue, ISSUED, 0, 23, 0, 1},
    {"ledger open programs", open_ledger, open_programs, NOMINATED, 0, 1, 0, 1},
    {"ledger nominate", open_ledger_with_program, nominate, NOMINATED, 1, 21, 0, 1},
    {"ledger withdraw a nomination", nominate_first, withdraw, NOMINATED, 21, 121, 0, 1},
    {"verify", found, verify, OWNERS, 1, 1, 0, 1},
    {"maintain", found, maintain, OWNERS, 1, 1, 0, 1},
    {"a statement of the host's", nothing, host, "SELECT 1", 1, 1, 0, 0},
};
const size_t scenario_count = sizeof scenarios / sizeof *scenarios;

int64_t scenario_answer(farm_session *session, const fault_scenario *scenario) {
    farm_session_set_service(session);
    return test_store_number(session, scenario->question);
}

void scenario_clear(farm_session *session) {
    static const char *const statements[] = {
        "DELETE FROM {farm_rate_refund}", "DELETE FROM {farm_rate_bucket}",
        "DELETE FROM {farm_rate_limit}",  "DELETE FROM {farm_idempotency}",
        "DELETE FROM {farm_role_grant}",  "DELETE FROM {farm_role_entity}",
        "DELETE FROM {farm_topic}",
    };
    farm_session_set_service(session);
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (test_store_execute(session, statements[i], NULL) != FARM_OK)
            test_store_stop("clear", farm_session_error_text(session));
}

int scenario_is_sound(farm_session *session) {
    char *text = NULL;
    farm_session_set_service(session);
    farm_status status = farm_verify(session, &text);
    int is_sound = status == FARM_OK && strstr(text, "\"ok\":true") != NULL;
    if (!is_sound)
        fprintf(stderr, "verify: %s\n", text != NULL ? text : farm_session_error_text(session));
    farm_free(text);
    return is_sound;
}
