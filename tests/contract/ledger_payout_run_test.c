/* Runs of payouts: held once, settled once, whatever is repeated and whoever comes between. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_payout.h>
#include <string.h>

enum { PAYEES = 4, CODE = 9 };

TestSuite(ledger_payout_run, .init = open_session, .fini = close_session, .timeout = 60);

/* A1 pays in, A8 is the clearing account, A9 has the fees. */
static const char story[] = "book 1 EUR 2\n"
                            "book 2 EUR 2\n"
                            "account A1\n"
                            "account A2\n"
                            "account A3\n"
                            "account A4\n"
                            "account A7 book=2\n"
                            "account A8\n"
                            "account A9\n"
                            "transfer T1 A1 A2 100\n"
                            "transfer T2 A1 A3 60\n"
                            "transfer T3 A1 A4 5\n"
                            "send\n";

static const char *const names[PAYEES] = {"A2", "A3", "A4", "A7"};
static farm_ledger_payee payees[PAYEES];
static farm_ledger_payout payouts[PAYEES];
static farm_ledger_transfer_result settled[PAYEES];

static farm_ledger_payout_run run_of(const char *id) {
    return (farm_ledger_payout_run){.struct_size = sizeof(farm_ledger_payout_run),
                                    .id = ledger_script_id(id),
                                    .code = CODE,
                                    .clearing_account_id = ledger_script_id("A8"),
                                    .fee_account_id = ledger_script_id("A9")};
}

static farm_ledger_payout_rules rules_of(int64_t minimum_minor, int64_t fee_minor) {
    return (farm_ledger_payout_rules){.struct_size = sizeof(farm_ledger_payout_rules),
                                      .book = 1,
                                      .minimum_minor = minimum_minor,
                                      .fee_minor = fee_minor};
}

static farm_status try_hold(const farm_ledger_payout_run *run,
                            const farm_ledger_payout_rules *rules) {
    for (size_t i = 0; i < PAYEES; i++) {
        payees[i] = (farm_ledger_payee){.struct_size = sizeof *payees,
                                        .account_id = ledger_script_id(names[i])};
        payouts[i].struct_size = sizeof *payouts;
    }
    return farm_ledger_hold_payouts(session, run, rules, payees, PAYEES, payouts);
}

static void hold(const farm_ledger_payout_run *run, const farm_ledger_payout_rules *rules) {
    cr_assert_eq(try_hold(run, rules), FARM_OK, "%s", farm_session_error_text(session));
}

static void expect(size_t place, int32_t reason, int64_t amount, int64_t fee, int32_t resolution) {
    const farm_ledger_payout *found = &payouts[place];
    cr_assert(found->reason == reason && found->amount_minor == amount && found->fee_minor == fee &&
                  found->resolution == resolution,
              "%s: reason %d, %lld with a fee of %lld, ended by %d", names[place],
              (int)found->reason, (long long)found->amount_minor, (long long)found->fee_minor,
              (int)found->resolution);
    cr_assert_eq(found->timestamp_ns != 0, amount != 0, "%s", names[place]);
}

/* What the bank says of A2, A3 …: '+', '-', and ' ' of whom it says nothing. */
static void settle(const char *run, const char *said, const int32_t *expected) {
    farm_ledger_payout_outcome outcomes[PAYEES];
    const farm_id run_id = ledger_script_id(run);
    size_t count = 0;
    for (size_t i = 0; said[i] != '\0'; i++)
        if (said[i] != ' ')
            outcomes[count++] = (farm_ledger_payout_outcome){
                .struct_size = sizeof *outcomes,
                .outcome = said[i] == '+' ? FARM_LEDGER_OUTCOME_PAID : FARM_LEDGER_OUTCOME_FAILED,
                .account_id = ledger_script_id(names[i])};
    for (size_t i = 0; i < PAYEES; i++) settled[i].struct_size = sizeof *settled;
    cr_assert_eq(farm_ledger_settle_payouts(session, 1, &run_id, outcomes, count, settled), FARM_OK,
                 "%s", farm_session_error_text(session));
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(settled[i].status, expected[i], "\"%s\", the %zuth: %s", said, i,
                     farm_ledger_transfer_status_name(settled[i].status));
}

#define STATUSES(...)                                                                              \
    (const int32_t[]) {                                                                            \
        __VA_ARGS__                                                                                \
    }
#define STATUS(name) FARM_LEDGER_TRANSFER_##name

/* --- holding --- */

Test(ledger_payout_run, who_is_eligible_is_held_and_the_fee_with_it) {
    const farm_ledger_payout_run run = run_of("P1");
    const farm_ledger_payout_rules rules = rules_of(10, 3);
    ledger_play(session, story);
    hold(&run, &rules);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 100, 3, 0);
    expect(1, FARM_LEDGER_PAYOUT_ELIGIBLE, 60, 3, 0);
    expect(2, FARM_LEDGER_PAYOUT_BELOW_MINIMUM, 0, 0, 0);
    expect(3, FARM_LEDGER_PAYOUT_NOT_FOUND, 0, 0, 0);
    ledger_play(session, "balance A2 100 0 0 100\n"
                         "balance A3 60 0 0 60\n"
                         "balance A4 0 0 0 5\n"
                         "balance A8 0 0 154 0\n"
                         "balance A9 0 0 6 0\n"
                         "verify\n");

    farm_ledger_event event = {.struct_size = sizeof event};
    cr_assert_eq(farm_ledger_find_transfers(session, &payouts[0].transfer_id, 1, &event), FARM_OK);
    cr_assert(event.kind == FARM_LEDGER_KIND_PENDING && event.code == CODE &&
              event.amount_minor == 97 && event.timestamp_ns == payouts[0].timestamp_ns);
    cr_assert(memcmp(&event.user_data_128, &run.id, sizeof run.id) == 0);
    cr_assert(event.flags & FARM_LEDGER_LINKED);
}

Test(ledger_payout_run, a_repeat_answers_what_is_there_and_decides_about_the_others) {
    const farm_ledger_payout_run run = run_of("P1");
    farm_ledger_payout_rules rules = rules_of(10, 0);
    ledger_play(session, story);
    hold(&run, &rules);
    const farm_id first = payouts[0].transfer_id;
    ledger_play(session, "transfer T5 A1 A2 70\n"
                         "transfer T6 A1 A4 20\n"
                         "send\n");
    rules = rules_of(10, 1);
    hold(&run, &rules);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 100, 0, 0);
    cr_assert(memcmp(&first, &payouts[0].transfer_id, sizeof first) == 0);
    expect(2, FARM_LEDGER_PAYOUT_ELIGIBLE, 25, 1, 0);
    ledger_play(session, "balance A2 100 0 0 170\n"
                         "balance A4 25 0 0 25\n"
                         "balance A9 0 0 1 0\n");

    const farm_ledger_payout_run next = run_of("P2");
    hold(&next, &rules);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 70, 1, 0);
    expect(1, FARM_LEDGER_PAYOUT_NOTHING, 0, 0, 0);
    ledger_play(session, "balance A2 170 0 0 170\nverify\n");
}

Test(ledger_payout_run, a_run_stays_the_same) {
    const farm_ledger_payout_rules rules = rules_of(10, 1);
    const farm_ledger_payout_rules other_book = {
        .struct_size = sizeof other_book, .book = 2, .minimum_minor = 10};
    farm_ledger_payout_run run = run_of("P1");
    ledger_play(session, story);
    hold(&run, &rules);
    farm_ledger_payout_run others[3] = {run, run, run};
    others[0].clearing_account_id = ledger_script_id("A9");
    others[1].fee_account_id = ledger_script_id("A8");
    others[2].code = CODE + 1;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(try_hold(&others[i], &rules), FARM_EEXISTS, "%zu", i);
        cr_assert_eq(farm_session_error_reason(session), FARM_LEDGER_REASON_RUN_DIFFERS);
    }
    cr_assert_eq(try_hold(&run, &other_book), FARM_EEXISTS);
    ledger_play(session, "balance A2 100 0 0 100\nbalance A8 0 0 158 0\nverify\n");
}

Test(ledger_payout_run, what_is_refused_leaves_nothing_and_burns_nothing) {
    const farm_ledger_payout_rules rules = rules_of(10, 1);
    farm_ledger_payout_run run = run_of("P1");
    ledger_play(session, story);
    run.clearing_account_id = ledger_script_id("A6");
    cr_assert_eq(try_hold(&run, &rules), FARM_EREFUSED);
    cr_assert_eq(farm_session_error_reason(session), FARM_LEDGER_REASON_REFUSED);
    ledger_play(session, "balance A2 0 0 0 100\n"
                         "account A6\n"
                         "send\n");
    hold(&run, &rules);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 100, 1, 0);
    ledger_play(session, "balance A6 0 0 158 0\nverify\n");
}

/* --- settling --- */

Test(ledger_payout_run, what_is_held_is_posted_or_voided_once) {
    const farm_ledger_payout_run run = run_of("P1");
    const farm_ledger_payout_rules rules = rules_of(10, 3);
    ledger_play(session, story);
    hold(&run, &rules);
    settle("P1", "+-+",
           STATUSES(STATUS(CREATED), STATUS(CREATED), STATUS(PENDING_TRANSFER_NOT_FOUND)));
    cr_assert_eq(settled[0].amount_minor, 97);
    cr_assert_eq(settled[0].credit.credits_posted_minor, 97);
    static const char after[] = "balance A2 0 100 0 100\n"
                                "balance A3 0 0 0 60\n"
                                "balance A8 0 0 0 97\n"
                                "balance A9 0 0 0 3\n"
                                "verify\n";
    ledger_play(session, after);
    settle("P1", "+-", STATUSES(STATUS(EXISTS), STATUS(EXISTS)));
    settle(
        "P1", "-+",
        STATUSES(STATUS(PENDING_TRANSFER_ALREADY_POSTED), STATUS(PENDING_TRANSFER_ALREADY_VOIDED)));
    hold(&run, &rules);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 100, 3, FARM_LEDGER_KIND_POSTED);
    expect(1, FARM_LEDGER_PAYOUT_ELIGIBLE, 60, 3, FARM_LEDGER_KIND_VOIDED);
    ledger_play(session, after);
}

Test(ledger_payout_run, nothing_that_was_refused_is_burnt) {
    const farm_ledger_payout_run run = run_of("P1");
    farm_ledger_payout_rules rules = rules_of(10, 1);
    ledger_play(session, story);
    settle("P1", "+++",
           STATUSES(STATUS(PENDING_TRANSFER_NOT_FOUND), STATUS(PENDING_TRANSFER_NOT_FOUND),
                    STATUS(PENDING_TRANSFER_NOT_FOUND)));
    hold(&run, &rules);
    ledger_play(session, "transfer T7 A1 A8 0 pending closing-credit\n"
                         "transfer T8 A3 A1 0 pending closing-debit\n"
                         "send\n");
    settle("P1", "++",
           STATUSES(STATUS(CREDIT_ACCOUNT_ALREADY_CLOSED), STATUS(DEBIT_ACCOUNT_ALREADY_CLOSED)));
    ledger_play(session, "transfer T17 0 0 0 void hold=T7 book=0 code=0\n"
                         "transfer T18 0 0 0 void hold=T8 book=0 code=0\n"
                         "send\n");
    settle("P1", "+", STATUSES(STATUS(CREATED)));
    ledger_play(session, "transfer T27 A1 A9 0 pending closing-credit\nsend\n");
    settle("P1", "++", STATUSES(STATUS(EXISTS), STATUS(CREDIT_ACCOUNT_ALREADY_CLOSED)));
    settle("P1", " -", STATUSES(STATUS(CREATED)));
    ledger_play(session, "balance A2 0 100 0 100\nbalance A3 0 0 0 60\nverify\n");
}

Test(ledger_payout_run, a_hold_that_ran_out_is_settled_no_more) {
    farm_ledger_payout_run run = run_of("P1");
    const farm_ledger_payout_rules rules = rules_of(10, 1);
    ledger_play(session, story);
    run.timeout_us = SECOND_US;
    hold(&run, &rules);
    ledger_play(session, "after 2s\n");
    settle("P1", "+-",
           STATUSES(STATUS(PENDING_TRANSFER_EXPIRED), STATUS(PENDING_TRANSFER_EXPIRED)));
    ledger_play(session, "balance A2 0 0 0 100\nbalance A9 0 0 0 0\nverify\n");
    hold(&run, &rules);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 100, 1, FARM_LEDGER_KIND_EXPIRED);
}

Test(ledger_payout_run, payouts_are_found) {
    const farm_ledger_payout_run run = run_of("P1");
    const farm_ledger_payout_rules rules = rules_of(10, 3);
    farm_id ids[PAYEES];
    ledger_play(session, story);
    hold(&run, &rules);
    settle("P1", "+", STATUSES(STATUS(CREATED)));
    for (size_t i = 0; i < PAYEES; i++) {
        ids[i] = ledger_script_id(names[i]);
        memset(&payouts[i], 0xff, sizeof payouts[i]);
        payouts[i].struct_size = sizeof *payouts;
    }
    cr_assert_eq(farm_ledger_find_payouts(session, 1, &run.id, ids, PAYEES, payouts), FARM_OK);
    expect(0, FARM_LEDGER_PAYOUT_ELIGIBLE, 100, 3, FARM_LEDGER_KIND_POSTED);
    expect(1, FARM_LEDGER_PAYOUT_ELIGIBLE, 60, 3, 0);
    const farm_ledger_payout nothing = {.struct_size = sizeof nothing};
    cr_assert(memcmp(&payouts[2], &nothing, sizeof nothing) == 0);
    cr_assert_eq(farm_ledger_find_payouts(session, 2, &run.id, ids, 1, payouts), FARM_OK);
    cr_assert(memcmp(payouts, &nothing, sizeof nothing) == 0, "it is of another book");
    farm_ledger_payout_outcome outcome = {
        .struct_size = sizeof outcome, .outcome = FARM_LEDGER_OUTCOME_FAILED, .account_id = ids[1]};
    cr_assert_eq(farm_ledger_settle_payouts(session, 2, &run.id, &outcome, 1, settled), FARM_OK);
    cr_assert_eq(settled->status, STATUS(PENDING_TRANSFER_NOT_FOUND));
}

/* --- races --- */

/* A run of another caller, in a thread. */
typedef struct other_run {
    farm_session *session;
    farm_ledger_payout_run run;
    farm_ledger_payout_rules rules;
    farm_ledger_payout payouts[PAYEES];
    farm_status status;
} other_run;

static void *hold_other(void *context) {
    other_run *self = context;
    farm_ledger_payee items[PAYEES];
    for (size_t i = 0; i < PAYEES; i++) {
        items[i] = (farm_ledger_payee){.struct_size = sizeof *items,
                                       .account_id = ledger_script_id(names[i])};
        self->payouts[i].struct_size = sizeof *self->payouts;
    }
    self->status = farm_ledger_hold_payouts(self->session, &self->run, &self->rules, items, PAYEES,
                                            self->payouts);
    return NULL;
}

static void commit_beside_run(other_run *other) {
    other->session = contract_open_another();
    commit_beside(hold_other, other);
    cr_assert_eq(other->status, FARM_OK, "%s", farm_session_error_text(other->session));
    contract_close_another(other->session);
}

Test(ledger_payout_run, what_is_spent_meanwhile_is_not_paid_out) {
    other_run other = {.run = run_of("P1"), .rules = rules_of(10, 0)};
    ledger_play(session, story);
    cr_assert_eq(farm_begin(session), FARM_OK);
    ledger_play(session, "transfer T5 A2 A1 80\nsend\n");
    commit_beside_run(&other);
    cr_assert_eq(other.payouts[0].amount_minor, 20);
    ledger_play(session, "balance A2 20 80 0 100\nverify\n");
}

Test(ledger_payout_run, of_two_who_run_the_same_one_holds) {
    other_run other = {.run = run_of("P1"), .rules = rules_of(10, 0)};
    const farm_ledger_payout_rules rules = rules_of(10, 2);
    ledger_play(session, story);
    cr_assert_eq(farm_begin(session), FARM_OK);
    hold(&other.run, &rules);
    commit_beside_run(&other);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(other.payouts[i].timestamp_ns, payouts[i].timestamp_ns);
        cr_assert_eq(other.payouts[i].fee_minor, 2);
    }
    ledger_play(session, "balance A8 0 0 156 0\nbalance A9 0 0 4 0\nverify\n");
}

/* --- misuse --- */

Test(ledger_payout_run, misuse_is_a_sentence) {
    const farm_ledger_payout_rules rules = rules_of(0, 0);
    const farm_ledger_payout_rules with_fee = rules_of(0, 1);
    const farm_ledger_payout_rules anywhere = {.struct_size = sizeof anywhere};
    const farm_ledger_payout_run run = run_of("P1");
    farm_ledger_payout_run wrong[7] = {run, run, run, run, run, run, run};
    memset(&wrong[0].id, 0, sizeof wrong[0].id);
    memset(&wrong[1].id, 0xff, sizeof wrong[1].id);
    wrong[2].code = 0;
    wrong[3].code = FARM_LEDGER_CODE_MAX + 1;
    wrong[4].timeout_us = -1;
    memset(&wrong[5].clearing_account_id, 0, sizeof wrong[5].clearing_account_id);
    wrong[6].struct_size = 3;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(try_hold(&wrong[i], &rules), FARM_EINVAL, "%zu", i);
    farm_ledger_payout_run free_of_charge = run;
    memset(&free_of_charge.fee_account_id, 0, sizeof free_of_charge.fee_account_id);
    cr_assert_eq(try_hold(&free_of_charge, &with_fee), FARM_EINVAL);
    cr_assert_eq(try_hold(&run, &anywhere), FARM_EINVAL);
    cr_assert_eq(try_hold(&run, NULL), FARM_EINVAL);
    cr_assert_eq(try_hold(NULL, &rules), FARM_EINVAL);

    payees[1] = payees[0];
    cr_assert_eq(farm_ledger_hold_payouts(session, &run, &rules, payees, 2, payouts), FARM_EINVAL);
    cr_assert_eq(farm_ledger_hold_payouts(session, &run, &rules, payees, 0, payouts), FARM_EINVAL);
    cr_assert_eq(farm_ledger_hold_payouts(session, &run, &rules, NULL, 1, payouts), FARM_EINVAL);
    cr_assert_eq(farm_ledger_hold_payouts(session, &run, &rules, payees, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_payouts(session, 1, &run.id, NULL, 1, payouts), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_payouts(session, 1, NULL, &run.id, 1, payouts), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_payouts(session, 1, &run.id, &run.id, 1, NULL), FARM_EINVAL);

    farm_ledger_payout_outcome outcome = {.struct_size = sizeof outcome, .account_id = run.id};
    settled->struct_size = sizeof *settled;
    cr_assert_eq(farm_ledger_settle_payouts(session, 1, &run.id, &outcome, 1, settled),
                 FARM_EINVAL);
    outcome.outcome = 3;
    cr_assert_eq(farm_ledger_settle_payouts(session, 1, &run.id, &outcome, 1, settled),
                 FARM_EINVAL);
    outcome.outcome = FARM_LEDGER_OUTCOME_PAID;
    cr_assert_eq(farm_ledger_settle_payouts(session, 1, &run.id, NULL, 1, settled), FARM_EINVAL);
    cr_assert_eq(farm_ledger_settle_payouts(session, 0, &run.id, &outcome, 1, settled),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_settle_payouts(session, 1, NULL, &outcome, 1, settled), FARM_EINVAL);
    act_as("ana");
    cr_assert_eq(try_hold(&run, &rules), FARM_EDENIED);
    cr_assert_eq(farm_ledger_settle_payouts(session, 1, &run.id, &outcome, 1, settled),
                 FARM_EDENIED);
    cr_assert_eq(farm_ledger_find_payouts(session, 1, &run.id, &run.id, 1, payouts), FARM_EDENIED);
}
