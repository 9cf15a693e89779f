/* Cases: transactions, begun and implicit, and what a failure leaves of them. */
#include "conformance_suite.h"
#include <string.h>

/* After a rollback there is no transaction, and nothing of it. */
static void roll_back_and_claim(suite_client *client) {
    client_rollback(client);
    CLAIM(client->suite, !client_has_transaction(client));
    CLAIM(client->suite, item_count(client, ALONE_READ) == 0);
}

static void runs_alone_are_atomic(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    farm_call good[] = {item_add_call(suite, 1, "one", 1), item_add_call(suite, 2, "two", 2)};
    farm_call bad[] = {item_add_call(suite, 3, "three", 3), item_add_call(suite, 4, "four", 4),
                       item_add_call(suite, 3, "again", 3)};

    CLAIM_OK(client, client_run(client, good, COUNT_OF(good), ALONE));
    farm_status status = client_run(client, bad, COUNT_OF(bad), ALONE);

    CLAIM_FAULT(client, FARM_EEXISTS, FARM_FAULT_UNIQUE, 2, status);
    CLAIM(suite, item_count(client, ALONE_READ) == 2);
}

static void committed_runs_stay(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    suite_client *other = suite_open(suite);
    if (client == NULL || other == NULL) return;

    CLAIM(suite, item_count(client, INSIDE) == 1);
    CLAIM_OK(client, item_add(client, INSIDE, 2, "two", 2));
    CLAIM_OK(client, client_commit(client));

    CLAIM(suite, item_count(other, ALONE_READ) == 2);
}

static void the_last_run_commits(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    suite_client *other = suite_open(suite);
    if (client == NULL || other == NULL) return;

    CLAIM_OK(client, item_add(client, FARM_RUN_COMMIT, 2, "two", 2));

    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, item_count(other, ALONE_READ) == 2);
    CLAIM_OK(client, item_add(client, ALONE, 3, "three", 3));
}

static void begun_and_nothing_else(conformance_suite *suite) {
    static const uint32_t modes[] = {FARM_BEGIN_WRITE, FARM_BEGIN_READ};
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        CLAIM_OK(client, client_begin(client, modes[i]));
        CLAIM_OK(client, client_commit(client));
        CLAIM(suite, !client_has_transaction(client));
        CLAIM_OK(client, client_begin(client, modes[i]));
        client_rollback(client);
        CLAIM(suite, !client_has_transaction(client));
        CLAIM_OK(client, item_add(client, ALONE, (int64_t)i, i == 0 ? "a" : "b", 1));
    }
    CLAIM(suite, item_count(client, ALONE_READ) == 2);
}

static void rolled_back_runs_vanish(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    suite_client *other = suite_open(suite);
    if (client == NULL || other == NULL) return;
    CLAIM_OK(client, item_add(client, INSIDE, 2, "two", 2));

    roll_back_and_claim(client);

    CLAIM_OK(other, item_add(other, ALONE, 1, "one", 1));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

static void rollback_without_transaction_is_harmless(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;

    client_rollback(client);
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 1));
    client_rollback(client);
    client_rollback(client);

    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

static void has_transaction_tells_the_truth(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    CLAIM(suite, !client_has_transaction(client));
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 1));
    CLAIM(suite, !client_has_transaction(client));
    CLAIM(suite, item_add(client, ALONE, 1, "one", 1) == FARM_EEXISTS);
    CLAIM(suite, !client_has_transaction(client));

    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, item_add(client, INSIDE, 2, "two", 1));
    CLAIM(suite, client_has_transaction(client));
    CLAIM(suite, item_count(client, INSIDE) == 2);
    CLAIM(suite, client_has_transaction(client));
    CLAIM_OK(client, client_commit(client));
    CLAIM(suite, !client_has_transaction(client));

    CLAIM_OK(client, client_begin(client, FARM_BEGIN_READ));
    CLAIM(suite, item_count(client, INSIDE) == 2);
    CLAIM(suite, client_has_transaction(client));
    client_rollback(client);
    CLAIM(suite, !client_has_transaction(client));
}

static void failed_transactions_roll_back_and_go_on(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    for (int32_t i = 0; i < 3; i++) {
        CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
        CLAIM_OK(client, item_add(client, INSIDE, 1, "one", 1));
        CLAIM(suite, item_add(client, INSIDE, 2, "one", 1) == FARM_EEXISTS);

        roll_back_and_claim(client);
    }
    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, item_add(client, INSIDE, 1, "one", 1));
    CLAIM_OK(client, client_commit(client));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

/* On Postgres a COMMIT after an error is answered well, and rolls back. */
static void failed_transactions_do_not_commit(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    if (client == NULL) return;
    CLAIM(suite, item_add(client, INSIDE, 2, "one", 1) == FARM_EEXISTS);

    farm_status status = client_commit(client);

    CLAIM(suite, status != FARM_OK);
    roll_back_and_claim(client);
}

static void failed_transactions_run_no_more(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    if (client == NULL) return;
    CLAIM(suite, item_add(client, INSIDE, 2, "one", 1) == FARM_EEXISTS);

    farm_status status = item_add(client, FARM_RUN_COMMIT, 3, "three", 3);

    CLAIM(suite, status != FARM_OK);
    roll_back_and_claim(client);
}

static void a_committing_run_that_fails_commits_nothing(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    if (client == NULL) return;
    farm_call calls[] = {item_add_call(suite, 2, "two", 2), item_add_call(suite, 3, "one", 3)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), FARM_RUN_COMMIT);

    CLAIM_FAULT(client, FARM_EEXISTS, FARM_FAULT_UNIQUE, 1, status);
    roll_back_and_claim(client);
}

static void many_transactions_follow_each_other(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 0));
    const farm_value row[] = {integer(1), integer(1)};
    for (int32_t i = 0; i < 100; i++) {
        CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
        CLAIM_OK(client, client_do(client, ITEM_CHANGE, INSIDE, NULL, row, 1));
        if (i % 2 == 0)
            CLAIM_OK(client, client_commit(client));
        else
            client_rollback(client);
    }
    CLAIM(suite, item_amount(client, ALONE_READ, 1) == 50);
}

static const suite_case transaction_cases[] = {
    {"a run of its own takes effect whole or not at all", runs_alone_are_atomic},
    {"runs that were committed stay", committed_runs_stay},
    {"the last run commits when told so", the_last_run_commits},
    {"a transaction of no runs begins and ends", begun_and_nothing_else},
    {"runs that were rolled back vanish", rolled_back_runs_vanish},
    {"a rollback without a transaction is harmless", rollback_without_transaction_is_harmless},
    {"has_transaction tells the truth", has_transaction_tells_the_truth},
    {"a failed transaction rolls back and the connection goes on",
     failed_transactions_roll_back_and_go_on},
    {"a failed transaction does not commit", failed_transactions_do_not_commit},
    {"a failed transaction runs no more", failed_transactions_run_no_more},
    {"a committing run that fails commits nothing", a_committing_run_that_fails_commits_nothing},
    {"a hundred transactions follow each other", many_transactions_follow_each_other},
};

const suite_group suite_transaction_cases = {transaction_cases, COUNT_OF(transaction_cases)};

/* --- savepoints --- */

enum {
    SAVE = FARM_RUN_SAVEPOINT,
    RELEASE = FARM_RUN_RELEASE,
    SAVE_RELEASE = FARM_RUN_SAVEPOINT | FARM_RUN_RELEASE
};

/* What is there after the transaction committed, as the sum of amounts, which are powers of two. */
static void commit_and_claim(suite_client *client, int64_t expected_sum) {
    CLAIM_OK(client, client_commit(client));
    CLAIM(client->suite, !client_has_transaction(client));
    CLAIM(client->suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == expected_sum);
}

/* Begun, with savepoints one inside the other, of which each adds an item: 2, 4, 8. */
static suite_client *open_saved(conformance_suite *suite, int32_t depth) {
    static const char *const names[] = {"two", "four", "eight"};
    suite_client *client = suite_open_begun(suite);
    for (int32_t i = 0; i < depth && client != NULL; i++) {
        farm_status status = item_add(client, SAVE, 2 << i, names[i], 2 << i);
        if (!suite_claim_status(client, FARM_OK, status, __FILE__, __LINE__, "save and add"))
            return NULL;
    }
    return client;
}

static void released_savepoints_stay(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    if (client == NULL) return;

    CLAIM_OK(client, item_add(client, SAVE, 2, "two", 2));
    CLAIM_OK(client, item_add(client, INSIDE, 4, "four", 4));
    CLAIM_OK(client, item_add(client, RELEASE, 8, "eight", 8));
    CLAIM_OK(client, item_add(client, SAVE_RELEASE, 16, "sixteen", 16));

    commit_and_claim(client, 31);
}

static void undo_takes_back_the_savepoint(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 1);
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, INSIDE, 4, "four", 4));

    CLAIM_OK(client, client_undo(client));

    CLAIM(suite, client_has_transaction(client));
    CLAIM(suite, item_count(client, INSIDE) == 1);
    CLAIM_OK(client, item_add(client, INSIDE, 8, "eight", 8));
    commit_and_claim(client, 9);
}

static void savepoints_nest_three_deep(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 3);
    if (client == NULL) return;

    CLAIM_OK(client, client_undo(client));
    CLAIM_OK(client, item_add(client, RELEASE, 16, "sixteen", 16));
    CLAIM_OK(client, item_add(client, INSIDE, 32, "thirty-two", 32));
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, INSIDE, NULL) == 1 + 2 + 4 + 16 + 32);
    CLAIM_OK(client, client_undo(client));
    CLAIM_OK(client, item_add(client, INSIDE, 64, "sixty-four", 64));

    commit_and_claim(client, 65);
}

static void nested_savepoints_release_outwards(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 2);
    if (client == NULL) return;

    CLAIM_OK(client, item_add(client, SAVE_RELEASE, 8, "eight", 8));
    CLAIM_OK(client, client_run(client, NULL, 0, RELEASE));
    CLAIM_OK(client, client_run(client, NULL, 0, RELEASE));

    commit_and_claim(client, 15);
}

static void undo_after_undo_goes_outwards(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 3);
    if (client == NULL) return;

    CLAIM_OK(client, client_undo(client));
    CLAIM_OK(client, client_undo(client));
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, INSIDE, NULL) == 3);
    CLAIM_OK(client, client_undo(client));

    commit_and_claim(client, 1);
}

static void faults_inside_a_savepoint_are_undone(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 1);
    if (client == NULL) return;
    farm_call calls[] = {item_add_call(suite, 4, "four", 4), item_add_call(suite, 5, "two", 5)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), INSIDE);
    CLAIM_FAULT(client, FARM_EEXISTS, FARM_FAULT_UNIQUE, 1, status);
    CLAIM_OK(client, client_undo(client));

    CLAIM(suite, client_has_transaction(client));
    CLAIM(suite, item_count(client, INSIDE) == 1);
    CLAIM_OK(client, item_add(client, INSIDE, 2, "two", 2));
    commit_and_claim(client, 3);
}

/* The run that sets the savepoint fails itself; the savepoint is there for undo. */
static void faults_of_the_first_run_are_undone(conformance_suite *suite) {
    static const uint32_t flags[] = {SAVE, SAVE_RELEASE};
    suite_client *client = suite_open_begun(suite);
    if (client == NULL) return;
    farm_call calls[] = {item_add_call(suite, 4, "four", 4), item_add_call(suite, 5, "one", 5)};
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        farm_status status = client_run(client, calls, COUNT_OF(calls), flags[i]);

        CLAIM_FAULT(client, FARM_EEXISTS, FARM_FAULT_UNIQUE, 1, status);
        CLAIM_OK(client, client_undo(client));
        CLAIM(suite, item_count(client, INSIDE) == 1);
    }
    CLAIM_OK(client, item_add(client, SAVE_RELEASE, 2, "two", 2));
    commit_and_claim(client, 3);
}

/* A run that would set a savepoint in another and fails, perhaps before it has: undo is its own,
 * and the one around it stands. */
static void a_run_that_fails_at_once_is_undone_alone(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 1);
    if (client == NULL) return;
    const farm_value wrong[] = {text("four"), text("four"), integer(4), null()};

    CLAIM(suite, client_do(client, ITEM_ADD, SAVE, NULL, wrong, 1) != FARM_OK);
    CLAIM_OK(client, client_undo(client));

    CLAIM(suite, item_count(client, INSIDE) == 2);
    CLAIM_OK(client, item_add(client, RELEASE, 4, "four", 4));
    commit_and_claim(client, 7);
}

static void a_releasing_run_that_fails_is_undone(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 1);
    if (client == NULL) return;

    CLAIM(suite, item_add(client, RELEASE, 4, "two", 4) == FARM_EEXISTS);
    CLAIM_OK(client, client_undo(client));

    CLAIM(suite, item_count(client, INSIDE) == 1);
    commit_and_claim(client, 1);
}

static void misses_inside_a_savepoint_are_undone(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    if (client == NULL) return;
    const farm_value missing[] = {integer(99), integer(1)};
    farm_call calls[] = {item_add_call(suite, 2, "two", 2),
                         call_of(suite, ITEM_SET_EXPECT, NULL, missing, 1)};

    farm_status status = client_run(client, calls, COUNT_OF(calls), SAVE);
    CLAIM_FAULT(client, FARM_EREFUSED, FARM_FAULT_GUARD, 1, status);
    CLAIM_OK(client, client_undo(client));

    CLAIM_OK(client, item_add(client, FARM_RUN_COMMIT, 4, "four", 4));
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == 5);
}

static void inner_faults_leave_the_outer_savepoint(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 2);
    if (client == NULL) return;
    CLAIM(suite, item_add(client, INSIDE, 5, "four", 5) == FARM_EEXISTS);

    CLAIM_OK(client, client_undo(client));
    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, INSIDE, NULL) == 3);
    CLAIM_OK(client, item_add(client, INSIDE, 8, "eight", 8));
    CLAIM(suite, item_add(client, INSIDE, 9, "eight", 9) == FARM_EEXISTS);
    CLAIM_OK(client, client_undo(client));

    CLAIM_OK(client, item_add(client, INSIDE, 16, "sixteen", 16));
    commit_and_claim(client, 17);
}

static void rollback_takes_all_savepoints(conformance_suite *suite) {
    suite_client *client = open_saved(suite, 2);
    if (client == NULL) return;
    CLAIM(suite, item_add(client, INSIDE, 5, "four", 5) == FARM_EEXISTS);

    roll_back_and_claim(client);

    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));
    CLAIM_OK(client, item_add(client, SAVE, 1, "one", 1));
    CLAIM_OK(client, client_undo(client));
    commit_and_claim(client, 0);
}

static void savepoints_begin_a_transaction(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    CLAIM_OK(client, client_begin(client, FARM_BEGIN_WRITE));

    CLAIM_OK(client, item_add(client, SAVE, 1, "one", 1));
    CLAIM_OK(client, client_undo(client));
    CLAIM_OK(client, client_run(client, NULL, 0, SAVE));
    CLAIM_OK(client, item_add(client, RELEASE, 2, "two", 2));

    commit_and_claim(client, 2);
}

static const suite_case savepoint_cases[] = {
    {"savepoints that were released stay", released_savepoints_stay},
    {"undo takes back what was done since the savepoint", undo_takes_back_the_savepoint},
    {"savepoints nest three deep", savepoints_nest_three_deep},
    {"nested savepoints are released from within", nested_savepoints_release_outwards},
    {"undo after undo goes outwards", undo_after_undo_goes_outwards},
    {"a fault inside a savepoint is undone and the transaction goes on",
     faults_inside_a_savepoint_are_undone},
    {"a fault of the run that sets the savepoint is undone", faults_of_the_first_run_are_undone},
    {"a run that fails at once is undone alone", a_run_that_fails_at_once_is_undone_alone},
    {"a fault of the run that would release is undone", a_releasing_run_that_fails_is_undone},
    {"an expectation missed inside a savepoint is undone", misses_inside_a_savepoint_are_undone},
    {"an inner fault leaves the outer savepoint", inner_faults_leave_the_outer_savepoint},
    {"a rollback takes all savepoints with it", rollback_takes_all_savepoints},
    {"a savepoint may be the first thing in a transaction", savepoints_begin_a_transaction},
};

const suite_group suite_savepoint_cases = {savepoint_cases, COUNT_OF(savepoint_cases)};
