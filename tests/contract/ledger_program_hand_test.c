/* Nominations at once, and by hand: what the database itself refuses, and what verification finds
 * where it could not. */
#include "contract/ledger_damage.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_program.h>
#include <pthread.h>
#include <stdio.h>

static void open_program(void);

TestSuite(ledger_program_hand, .init = open_program, .fini = close_session, .timeout = 60);

enum { NOMINATORS = 8, SUBJECTS = 6, ROOM = 5 };

static void open_program(void) {
    const farm_ledger_program programs[] = {{.struct_size = sizeof *programs,
                                             .id = ledger_script_id("P1"),
                                             .book = 1,
                                             .name = "p1",
                                             .until_us = CONTRACT_NOW_US + 100 * SECOND_US,
                                             .nominations_max = ROOM},
                                            {.struct_size = sizeof *programs,
                                             .id = ledger_script_id("P2"),
                                             .book = 1,
                                             .name = "p2",
                                             .nominations_max = ROOM}};
    open_session();
    ledger_play(session, "book 1 EUR 2\naccount A1\n");
    cr_assert_eq(farm_ledger_open_programs(session, programs, 2), FARM_OK, "%s",
                 farm_session_error_text(session));
}

/* --- at once --- */

typedef struct nominator {
    farm_session *session;
    int number;
    int created;
    farm_status status;
} nominator;

/* Each of the programs in turn, in both orders, so that who locks them waits for others. */
static void *nominate_all(void *context) {
    nominator *self = context;
    for (int i = 0; i < SUBJECTS && self->status == FARM_OK; i++) {
        char subject[40];
        farm_ledger_nomination items[2];
        farm_ledger_nomination_result results[2];
        snprintf(subject, sizeof subject, "s%d-%d", self->number, i);
        for (int k = 0; k < 2; k++) {
            items[k] = (farm_ledger_nomination){
                .struct_size = sizeof *items,
                .program_id = ledger_script_id((self->number + k) % 2 == 0 ? "P1" : "P2"),
                .subject = subject,
                .nominated_by = "ann"};
            results[k].struct_size = sizeof *results;
        }
        self->status = farm_ledger_nominate(self->session, items, 2, results);
        for (int k = 0; k < 2 && self->status == FARM_OK; k++)
            self->created += results[k].status == FARM_LEDGER_NOMINATION_CREATED;
    }
    return NULL;
}

Test(ledger_program_hand, many_who_nominate_at_once_never_make_more_than_there_is_room_for) {
    pthread_t threads[NOMINATORS];
    nominator all[NOMINATORS];
    int created = 0;
    for (int i = 0; i < NOMINATORS; i++)
        all[i] = (nominator){.session = contract_open_another(), .number = i};
    for (int i = 0; i < NOMINATORS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, nominate_all, &all[i]), 0);
    for (int i = 0; i < NOMINATORS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(all[i].status, FARM_OK, "%s", farm_session_error_text(all[i].session));
        created += all[i].created;
        contract_close_another(all[i].session);
    }
    cr_assert_eq(created, 2 * ROOM);
    cr_assert_eq(contract_count(session, "farm_ledger_nomination"), 2 * ROOM);
    contract_assert_sound(session);
}

typedef struct beside {
    farm_session *session;
    farm_status status;
    farm_ledger_nomination_result result;
} beside;

static void *nominate_beside(void *context) {
    beside *self = context;
    const farm_ledger_nomination item = {.struct_size = sizeof item,
                                         .program_id = ledger_script_id("P1"),
                                         .subject = "a",
                                         .nominated_by = "ann"};
    self->result.struct_size = sizeof self->result;
    self->status = farm_ledger_nominate(self->session, &item, 1, &self->result);
    return NULL;
}

static void expect_beside(int32_t status) {
    beside other = {.session = contract_open_another()};
    commit_beside(nominate_beside, &other);
    cr_assert_eq(other.status, FARM_OK, "%s", farm_session_error_text(other.session));
    cr_assert_eq(other.result.status, status, "%s",
                 farm_ledger_nomination_status_name(other.result.status));
    contract_close_another(other.session);
    contract_assert_sound(session);
}

Test(ledger_program_hand, of_two_who_nominate_the_same_the_second_is_told) {
    beside first = {.session = session};
    cr_assert_eq(farm_begin(session), FARM_OK);
    nominate_beside(&first);
    cr_assert_eq(first.result.status, FARM_LEDGER_NOMINATION_CREATED);
    expect_beside(FARM_LEDGER_NOMINATION_EXISTS);
}

Test(ledger_program_hand, who_nominates_while_the_program_ends_is_told) {
    const farm_id id = ledger_script_id("P1");
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(farm_ledger_end_program(session, &id, 1), FARM_OK);
    expect_beside(FARM_LEDGER_NOMINATION_PROGRAM_ENDED);
}

/* --- by hand --- */

static void nominate(const char *subject) {
    const farm_ledger_nomination item = {.struct_size = sizeof item,
                                         .program_id = ledger_script_id("P1"),
                                         .subject = subject,
                                         .account_id = ledger_script_id("A1"),
                                         .nominated_by = "ann"};
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_nominate(session, &item, 1, &result), FARM_OK);
    cr_assert_eq(result.status, FARM_LEDGER_NOMINATION_CREATED);
}

static void withdraw(const char *subject) {
    const farm_ledger_withdrawal item = {.struct_size = sizeof item,
                                         .program_id = ledger_script_id("P1"),
                                         .subject = subject,
                                         .withdrawn_by = "eve"};
    farm_ledger_nomination_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_withdraw_nominations(session, &item, 1, &result), FARM_OK);
    cr_assert_eq(result.status, FARM_LEDGER_NOMINATION_CREATED);
}

/* A copy of the first nomination that differs in these. */
#define COPY(subject, number, from_us, until_us)                                                   \
    "INSERT INTO {farm_ledger_nomination} (book, subject, program, number, account, "              \
    "nominated_by, from_us, until_us, given_until_us) SELECT book, " subject ", program, " number  \
    ", account, nominated_by, " from_us ", " until_us ", " until_us                                \
    " FROM {farm_ledger_nomination} WHERE subject = 'a'"

Test(ledger_program_hand, nobody_changes_it_by_hand) {
    static const char *const attempts[] = {
        "UPDATE {farm_ledger_program} SET name = 'other'",
        "UPDATE {farm_ledger_program} SET until_us = until_us - 1, nominations_max = 99",
        "UPDATE {farm_ledger_program} SET until_us = until_us + 1 WHERE name = 'p1'",
        "UPDATE {farm_ledger_program} SET opened_until_us = 9, until_us = 9",
        "DELETE FROM {farm_ledger_program}",
        "UPDATE {farm_ledger_nomination} SET nominated_by = 'eve'",
        "UPDATE {farm_ledger_nomination} SET account = NULL",
        "UPDATE {farm_ledger_nomination} SET until_us = from_us",
        "UPDATE {farm_ledger_nomination} SET until_us = from_us, withdrawn_by = 'eve', "
        "subject = 'x' WHERE subject = 'a'",
        "UPDATE {farm_ledger_nomination} SET withdrawn_by = 'eve'",
        "UPDATE {farm_ledger_nomination} SET withdrawn_by = 'bob' WHERE subject = 'b'",
        "UPDATE {farm_ledger_nomination} SET until_us = given_until_us, withdrawn_by = NULL "
        "WHERE subject = 'b'",
        "DELETE FROM {farm_ledger_nomination}",
        COPY("'x'", "2", "from_us", "until_us"),
        COPY("subject", "2", "from_us", "until_us"),
        COPY("'x'", "1", "from_us", "from_us + 1000000000"),
        COPY("'x'", "1", "from_us + 1000000000", "until_us"),
        COPY("'x'", "1", "from_us", "until_us"),
    };
    nominate("b");
    withdraw("b");
    nominate("a");
    nominate("c");
    nominate("d");
    nominate("e");
    nominate("f");
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        cr_assert_eq(contract_execute(session, "%s", attempts[i]), FARM_EREFUSED, "%s",
                     attempts[i]);
    if (contract_is_postgres())
        cr_assert_neq(contract_execute(session, "TRUNCATE {farm_ledger_nomination}"), FARM_OK);
    withdraw("f");
    cr_assert_eq(contract_execute(session, "%s", COPY("'x'", "1", "from_us", "until_us")), FARM_OK,
                 "%s", farm_session_error_text(session));
    contract_assert_sound(session);
}

Test(ledger_program_hand, each_damage_is_found) {
    static const struct {
        const char *damage;
        const char *check;
    } all[] = {
        {"UPDATE {farm_ledger_program} SET nominations_max = 1 WHERE name = 'p1'",
         "ledger_program.check_programs"},
        {"UPDATE {farm_ledger_nomination} SET until_us = from_us, given_until_us = "
         "9223372036854775806, withdrawn_by = 'eve' WHERE subject = 'a'",
         "ledger_program.check_nominations"},
        {"UPDATE {farm_ledger_nomination} SET number = 2 WHERE subject = 'a'",
         "ledger_program.check_nominations"},
        {COPY("subject", "2", "from_us", "until_us"), "ledger_program.check_nominations"},
        {"UPDATE {farm_ledger_program} SET until_us = from_us + 1, opened_until_us = from_us + 1 "
         "WHERE name = 'p1'",
         "ledger_program.check_nominations"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (i > 0) {
            close_session();
            open_program();
        }
        nominate("a");
        nominate("b");
        contract_assert_sound(session);
        ledger_damage(session, all[i].damage);
        ledger_expect_violation(session, all[i].check);
    }
}

/* Its CHECKs go, too. */
Test(ledger_program_hand, an_end_before_the_beginning_is_found) {
    nominate("a");
    ledger_damage(session, contract_is_postgres() ? "ALTER TABLE {farm_ledger_nomination} "
                                                    "DROP CONSTRAINT farm_ledger_nomination_check"
                                                  : "PRAGMA ignore_check_constraints = on");
    ledger_damage(session, "UPDATE {farm_ledger_nomination} SET until_us = from_us - 1, "
                           "withdrawn_by = 'eve' WHERE subject = 'a'");
    if (!contract_is_postgres()) ledger_damage(session, "PRAGMA ignore_check_constraints = off");
    ledger_expect_violation(session, "ledger_program.check_nominations");
}
