/* What becomes of nominations and withdrawals, as tables. It is 100; the program runs from 50 to
 * 1000, is of book 1, and two may run. */
#include "ledger/ledger_program_rules.h"
#include <criterion/criterion.h>

TestSuite(ledger_program_rules);

enum { NOW = 100, ACCOUNT = 7, DATA = 9 };

#define STATUS(name) FARM_LEDGER_NOMINATION_##name

static farm_id id_of(int number) {
    farm_id id = {{0}};
    id.bytes[15] = (uint8_t)number;
    return id;
}

static const ledger_program_state running = {
    .book = 1, .from_us = 50, .until_us = 1000, .nominations_max = 2};

/* What is there: the subject's first, by "ann", of the account, until its end. */
static ledger_subject_state former(int64_t until_us, const char *withdrawn_by) {
    return (ledger_subject_state){.number = 1,
                                  .from_us = 60,
                                  .until_us = until_us,
                                  .given_until_us = withdrawn_by == NULL ? until_us : 500,
                                  .account_id = id_of(ACCOUNT),
                                  .user_data_128 = id_of(DATA),
                                  .nominated_by = "ann",
                                  .withdrawn_by = withdrawn_by};
}

typedef struct nomination_case {
    const char *name;
    ledger_program_state program;
    int64_t there_until; /* 0: there is none */
    int account;
    int64_t account_book;
    const char *by;
    int64_t until_us;
    int data;
    int64_t number;
    int32_t status;
    int64_t expected_number;
} nomination_case;

#define PROGRAM(from, until, max, count)                                                           \
    {                                                                                              \
        .book = 1, .from_us = (from), .until_us = (until), .nominations_max = (max),               \
        .nomination_count = (count)                                                                \
    }
#define RUNS PROGRAM(50, 1000, 2, 0)

static const nomination_case cases[] = {
    {"the first", RUNS, 0, ACCOUNT, 1, "ann", 500, DATA, 0, STATUS(CREATED), 1},
    {"by its number", RUNS, 0, ACCOUNT, 1, "ann", 500, DATA, 1, STATUS(CREATED), 1},
    {"without an account", RUNS, 0, 0, 0, "ann", 0, 0, 0, STATUS(CREATED), 1},
    {"as long as the program", RUNS, 0, 0, 0, "ann", 1000, 0, 0, STATUS(CREATED), 1},
    {"longer", RUNS, 0, 0, 0, "ann", 1001, 0, 0, STATUS(UNTIL_OUT_OF_RANGE), 0},
    {"until now", RUNS, 0, 0, 0, "ann", NOW, 0, 0, STATUS(UNTIL_OUT_OF_RANGE), 0},
    {"a moment", RUNS, 0, 0, 0, "ann", NOW + 1, 0, 0, STATUS(CREATED), 1},
    {"before it begins", PROGRAM(200, 1000, 0, 0), 0, 0, 0, "ann", 300, 0, 0, STATUS(CREATED), 1},
    {"and not until it", PROGRAM(200, 1000, 0, 0), 0, 0, 0, "ann", 200, 0, 0,
     STATUS(UNTIL_OUT_OF_RANGE), 0},
    {"no program", {0}, 0, 0, 0, "ann", 0, 0, 0, STATUS(PROGRAM_NOT_FOUND), 0},
    {"it has ended", PROGRAM(50, NOW, 2, 0), 0, 0, 0, "ann", 0, 0, 0, STATUS(PROGRAM_ENDED), 0},
    {"it never begins", PROGRAM(200, 200, 2, 0), 0, 0, 0, "ann", 0, 0, 0, STATUS(PROGRAM_ENDED), 0},
    {"no account", RUNS, 0, ACCOUNT, 0, "ann", 0, 0, 0, STATUS(ACCOUNT_NOT_FOUND), 0},
    {"of another book", RUNS, 0, ACCOUNT, 2, "ann", 0, 0, 0, STATUS(ACCOUNT_HAS_DIFFERENT_LEDGER),
     0},
    {"full", PROGRAM(50, 1000, 2, 2), 0, 0, 0, "ann", 0, 0, 0, STATUS(FULL), 0},
    {"as many as one likes", PROGRAM(50, 1000, 0, 99), 0, 0, 0, "ann", 0, 0, 0, STATUS(CREATED), 1},
    {"a repeat", PROGRAM(50, 1000, 2, 2), 500, ACCOUNT, 1, "ann", 500, DATA, 0, STATUS(EXISTS), 1},
    {"another account", RUNS, 500, ACCOUNT + 1, 1, "bob", 501, DATA + 1, 0,
     STATUS(EXISTS_WITH_DIFFERENT_ACCOUNT_ID), 1},
    {"somebody else", RUNS, 500, ACCOUNT, 1, "bob", 501, DATA + 1, 0,
     STATUS(EXISTS_WITH_DIFFERENT_NOMINATED_BY), 1},
    {"another time", RUNS, 500, ACCOUNT, 1, "ann", 501, DATA + 1, 0,
     STATUS(EXISTS_WITH_DIFFERENT_UNTIL), 1},
    {"other data", RUNS, 500, ACCOUNT, 1, "ann", 500, DATA + 1, 0,
     STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_128), 1},
    {"again, as it has ended", RUNS, NOW, ACCOUNT, 1, "ann", 500, DATA, 0, STATUS(CREATED), 2},
    {"again, by its number", RUNS, NOW, ACCOUNT, 1, "ann", 500, DATA, 2, STATUS(CREATED), 2},
    {"a late repeat", PROGRAM(50, NOW, 2, 2), NOW, ACCOUNT, 1, "ann", NOW, DATA, 1, STATUS(EXISTS),
     1},
    {"one too early", RUNS, 500, ACCOUNT, 1, "ann", 500, DATA, 2,
     STATUS(EXISTS_WITH_DIFFERENT_NUMBER), 1},
    {"one that is left out", RUNS, NOW, ACCOUNT, 1, "ann", 500, DATA, 3,
     STATUS(EXISTS_WITH_DIFFERENT_NUMBER), 1},
    {"the last number", RUNS, NOW, ACCOUNT, 1, "ann", 500, DATA, INT64_MAX,
     STATUS(EXISTS_WITH_DIFFERENT_NUMBER), 1},
};

Test(ledger_program_rules, a_nomination_has_its_status) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const nomination_case *one = &cases[i];
        const farm_ledger_nomination item = {.subject = "shop",
                                             .nominated_by = one->by,
                                             .account_id = id_of(one->account),
                                             .user_data_128 = id_of(one->data),
                                             .until_us = one->until_us,
                                             .number = one->number};
        ledger_program_state program = one->program;
        ledger_subject_state subject = {0};
        if (one->there_until != 0) subject = former(one->there_until, NULL);
        const int32_t status =
            ledger_decide_nomination(&item, one->account_book, NOW, &program, &subject);
        cr_assert_eq(status, one->status, "%s: %s", one->name,
                     farm_ledger_nomination_status_name(status));
        cr_assert_eq(subject.number, one->expected_number, "%s", one->name);
        cr_assert_eq(program.nomination_count - one->program.nomination_count,
                     status == STATUS(CREATED), "%s", one->name);
        if (status != STATUS(CREATED)) continue;
        cr_assert_eq(subject.from_us, NOW);
        cr_assert_eq(ledger_until_said(subject.until_us), one->until_us);
    }
}

Test(ledger_program_rules, a_withdrawal_has_its_status) {
    static const struct {
        const char *name;
        ledger_program_state program;
        int64_t there_until; /* 0: there is none */
        const char *withdrawn_by;
        int64_t number;
        int32_t status;
    } all[] = {
        {"it runs", RUNS, 500, NULL, 0, STATUS(CREATED)},
        {"by its number", RUNS, 500, NULL, 1, STATUS(CREATED)},
        {"no program", {0}, 0, NULL, 0, STATUS(PROGRAM_NOT_FOUND)},
        {"never nominated", RUNS, 0, NULL, 0, STATUS(NOMINATION_NOT_FOUND)},
        {"not so often", RUNS, 500, NULL, 2, STATUS(NOMINATION_NOT_FOUND)},
        {"a repeat", RUNS, 70, "eve", 1, STATUS(EXISTS)},
        {"somebody else did", RUNS, 70, "bob", 0, STATUS(EXISTS_WITH_DIFFERENT_WITHDRAWN_BY)},
        {"it has ended", RUNS, NOW, NULL, 0, STATUS(NOMINATION_ENDED)},
        {"the program has", PROGRAM(50, NOW, 0, 0), 500, NULL, 0, STATUS(NOMINATION_ENDED)},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const farm_ledger_withdrawal item = {
            .subject = "shop", .withdrawn_by = "eve", .number = all[i].number};
        ledger_program_state program = all[i].program;
        ledger_subject_state subject = {0};
        if (all[i].there_until != 0) subject = former(all[i].there_until, all[i].withdrawn_by);
        const int32_t status = ledger_decide_withdrawal(&item, NOW, &program, &subject);
        cr_assert_eq(status, all[i].status, "%s: %s", all[i].name,
                     farm_ledger_nomination_status_name(status));
        if (status == STATUS(CREATED)) cr_assert_eq(subject.until_us, NOW);
    }
}

Test(ledger_program_rules, an_earlier_one_is_not_withdrawn_any_more) {
    const farm_ledger_withdrawal item = {.subject = "shop", .withdrawn_by = "eve", .number = 1};
    ledger_program_state program = running;
    ledger_subject_state subject = former(500, NULL);
    subject.number = 2;
    cr_assert_eq(ledger_decide_withdrawal(&item, NOW, &program, &subject),
                 STATUS(EXISTS_WITH_DIFFERENT_NUMBER));
}

/* A clock that is behind the one that nominated. */
Test(ledger_program_rules, what_is_withdrawn_ends_no_sooner_than_it_began) {
    const farm_ledger_withdrawal item = {.subject = "shop", .withdrawn_by = "eve"};
    ledger_program_state program = running;
    ledger_subject_state subject = former(500, NULL);
    subject.from_us = NOW + 5;
    cr_assert_eq(ledger_decide_withdrawal(&item, NOW, &program, &subject), STATUS(CREATED));
    cr_assert_eq(subject.until_us, NOW + 5);
}
