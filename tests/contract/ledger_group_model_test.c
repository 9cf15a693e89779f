/* Groups, members and transfers at random, against sums that are made one by one. */
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_group.h>
#include <stdio.h>
#include <string.h>

enum { ACCOUNTS = 9, GROUPS_MAX = 25, STEPS = 150, ROOT = -1 };

TestSuite(ledger_group_model, .init = open_session, .fini = close_session, .timeout = 60);

/* What there has to be. */
static struct {
    int group_count;
    int parents[GROUPS_MAX]; /* ROOT: none */
    int depths[GROUPS_MAX];
    int is_member[GROUPS_MAX][ACCOUNTS];
    int64_t debits[ACCOUNTS];
    int64_t credits[ACCOUNTS];
    int transfer_count;
} model;

static uint32_t state = 2463534242u;

static int draw(int count) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (int)(state % (uint32_t)count);
}

static farm_id name_of(char letter, int number) {
    char word[20];
    snprintf(word, sizeof word, "%c%d", letter, 1 + number);
    return ledger_script_id(word);
}

static void open_group(void) {
    const int number = model.group_count;
    const int parent = number == 0 ? ROOT : draw(number + 1) - 1;
    farm_ledger_group group = {.struct_size = sizeof group, .id = name_of('G', number), .book = 1};
    if (number == GROUPS_MAX) return;
    if (parent != ROOT) group.parent_id = name_of('G', parent);
    const int depth = parent == ROOT ? 1 : model.depths[parent] + 1;
    const farm_status status = farm_ledger_open_groups(session, &group, 1);
    cr_assert_eq(status, depth > FARM_LEDGER_GROUP_DEPTH_MAX ? FARM_EREFUSED : FARM_OK);
    if (status != FARM_OK) return;
    model.parents[number] = parent;
    model.depths[number] = depth;
    model.group_count++;
}

static void change_members(void) {
    farm_ledger_member members[3];
    const int is_removal = draw(3) == 0;
    for (int i = 0; i < 3; i++) {
        const int group = draw(model.group_count);
        const int account = draw(ACCOUNTS);
        members[i] = (farm_ledger_member){.struct_size = sizeof *members,
                                          .group_id = name_of('G', group),
                                          .account_id = name_of('A', account)};
        model.is_member[group][account] = !is_removal;
    }
    cr_assert_eq(is_removal ? farm_ledger_ungroup_accounts(session, members, 3)
                            : farm_ledger_group_accounts(session, members, 3),
                 FARM_OK, "%s", farm_session_error_text(session));
}

static void post(void) {
    const int debit = draw(ACCOUNTS);
    const int credit = (debit + 1 + draw(ACCOUNTS - 1)) % ACCOUNTS;
    /* Over 32 bits now and then, so that halves carry. */
    const int64_t amount = INT64_C(1) << draw(40);
    const farm_ledger_transfer item = {.struct_size = sizeof item,
                                       .id = name_of('T', model.transfer_count++),
                                       .debit_account_id = name_of('A', debit),
                                       .credit_account_id = name_of('A', credit),
                                       .amount_minor = amount - 1,
                                       .code = 1,
                                       .book = 1};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    cr_assert_eq(farm_ledger_post(session, &item, 1, &result), FARM_OK);
    cr_assert_eq(result.status, FARM_LEDGER_TRANSFER_CREATED);
    model.debits[debit] += amount - 1;
    model.credits[credit] += amount - 1;
}

static int is_below(int group, int other) {
    while (group != ROOT && group != other) group = model.parents[group];
    return group == other;
}

static int is_in(int account, int group) {
    for (int i = 0; i < model.group_count; i++)
        if (model.is_member[i][account] && is_below(i, group)) return 1;
    return 0;
}

static void compare(void) {
    farm_id ids[GROUPS_MAX];
    farm_ledger_group_total totals[GROUPS_MAX];
    for (int i = 0; i < model.group_count; i++) {
        ids[i] = name_of('G', i);
        totals[i].struct_size = sizeof *totals;
    }
    cr_assert_eq(farm_ledger_sum_groups(session, ids, (size_t)model.group_count, totals), FARM_OK);
    for (int i = 0; i < model.group_count; i++) {
        int64_t count = 0;
        farm_ledger_balances sums = {0};
        for (int account = 0; account < ACCOUNTS; account++) {
            if (!is_in(account, i)) continue;
            count++;
            sums.debits_posted_minor += model.debits[account];
            sums.credits_posted_minor += model.credits[account];
        }
        cr_assert_eq(totals[i].account_count, count, "group %d", i);
        cr_assert(memcmp(&totals[i].balances, &sums, sizeof sums) == 0, "group %d", i);
    }
}

Test(ledger_group_model, sums_are_those_of_the_accounts_whatever_happened) {
    ledger_play(session, "book 1 EUR 2\n");
    for (int i = 0; i < ACCOUNTS; i++) {
        char line[40];
        snprintf(line, sizeof line, "account A%d\n%s", 1 + i, i == ACCOUNTS - 1 ? "send\n" : "");
        ledger_play(session, line);
    }
    for (int i = 0; i < STEPS; i++) {
        const int what = i == 0 ? 0 : draw(6);
        if (what == 0)
            open_group();
        else if (what < 4)
            change_members();
        else
            post();
        compare();
    }
    cr_assert_gt(model.group_count, 15);
    contract_assert_sound(session);
}
