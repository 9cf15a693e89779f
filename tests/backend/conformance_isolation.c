/* Cases: what connections see of each other, alone and from threads. A store may keep versions or
 * make others wait; a case accepts both, and neither a wrong sight nor a lost change. */
#include "conformance_suite.h"
#include <string.h>

enum {
    THREAD_COUNT = 4,
    INCREMENT_COUNT = 200,
    TRY_MAX = 100000,
    WRITER_COUNT = 8,
    WRITE_COUNT = 50,
    MIXED_COUNT = 60,
    OPPOSITE_COUNT = 4
};

/* To wait for this very thread and give up is as good as to go on. */
static int32_t is_wait_given_up(farm_status status) {
    return status == FARM_EAGAIN || status == FARM_ETIMEOUT;
}

static int32_t take_count(void *context, size_t ordinal, const farm_value *row) {
    (void)ordinal;
    *(int64_t *)context = row[0].integer;
    return 0;
}

/* How many items a client sees, within a short time. */
static farm_status try_count(suite_client *client, uint32_t flags, int64_t *out) {
    farm_call call = call_of(client->suite, ITEM_COUNT, NULL, NULL, 1);
    call.on_row = take_count;
    call.context = out;
    client_set_timeout(client, SHORT_US);
    farm_status status = client_run(client, &call, 1, flags);
    client_set_timeout(client, GENEROUS_US);
    return status;
}

static void uncommitted_changes_are_unseen(conformance_suite *suite) {
    suite_client *writer = suite_open_begun(suite);
    suite_client *reader = suite_open(suite);
    if (writer == NULL || reader == NULL) return;
    int64_t seen = 0;

    farm_status status = try_count(reader, ALONE_READ, &seen);

    CLAIM(suite, status == FARM_OK || is_wait_given_up(status));
    CLAIM(suite, seen == 0);
    CLAIM_OK(writer, client_commit(writer));
    CLAIM(suite, item_count(reader, ALONE_READ) == 1);
}

static void reading_transactions_see_one_moment(conformance_suite *suite) {
    suite_client *writer = suite_open(suite);
    suite_client *reader = suite_open(suite);
    if (writer == NULL || reader == NULL) return;
    CLAIM_OK(writer, item_add(writer, ALONE, 1, "one", 1));
    CLAIM_OK(reader, client_begin(reader, FARM_BEGIN_READ));
    CLAIM(suite, item_count(reader, INSIDE) == 1);

    client_set_timeout(writer, SHORT_US);
    farm_status status = item_add(writer, ALONE, 2, "two", 2);
    client_set_timeout(writer, GENEROUS_US);
    CLAIM(suite, status == FARM_OK || is_wait_given_up(status));
    CLAIM(suite, item_count(reader, INSIDE) == 1);
    CLAIM_OK(reader, client_commit(reader));

    if (status != FARM_OK) CLAIM_OK(writer, item_add(writer, ALONE, 2, "two", 2));
    CLAIM(suite, item_count(reader, ALONE_READ) == 2);
}

static void second_writers_wait_for_the_first(conformance_suite *suite) {
    suite_client *first = suite_open(suite);
    suite_client *second = suite_open(suite);
    if (first == NULL || second == NULL) return;
    const farm_value row[] = {integer(1), integer(1)};
    CLAIM_OK(first, item_add(first, ALONE, 1, "one", 0));
    CLAIM_OK(first, client_begin(first, FARM_BEGIN_WRITE));
    CLAIM_OK(first, client_do(first, ITEM_CHANGE, INSIDE, NULL, row, 1));

    client_set_timeout(second, SHORT_US);
    farm_status status = client_do(second, ITEM_CHANGE, ALONE, NULL, row, 1);
    client_set_timeout(second, GENEROUS_US);

    CLAIM(suite, is_wait_given_up(status));
    CLAIM_OK(first, client_commit(first));
    CLAIM(suite, item_amount(second, ALONE_READ, 1) == 1);
    CLAIM_OK(second, client_do(second, ITEM_CHANGE, ALONE, NULL, row, 1));
    CLAIM(suite, item_amount(first, ALONE_READ, 1) == 2);
}

static void rolled_back_writers_let_others_in(conformance_suite *suite) {
    suite_client *first = suite_open(suite);
    suite_client *second = suite_open(suite);
    if (first == NULL || second == NULL) return;
    CLAIM_OK(first, item_add(first, ALONE, 1, "one", 0));
    for (int32_t i = 0; i < 3; i++) {
        const farm_value row[] = {integer(1), integer(1)};
        CLAIM_OK(first, client_begin(first, FARM_BEGIN_WRITE));
        CLAIM_OK(first, client_do(first, ITEM_CHANGE, INSIDE, NULL, row, 1));
        CLAIM(suite, item_add(first, INSIDE, 2, "one", 0) == FARM_EEXISTS);
        client_rollback(first);
        CLAIM_OK(second, client_do(second, ITEM_CHANGE, ALONE, NULL, row, 1));
    }
    CLAIM(suite, item_amount(first, ALONE_READ, 1) == 3);
}

static const suite_case isolation_cases[] = {
    {"what is not committed is not seen", uncommitted_changes_are_unseen},
    {"a reading transaction sees one moment", reading_transactions_see_one_moment},
    {"a second writer of a row waits for the first", second_writers_wait_for_the_first},
    {"a writer that rolled back lets others in", rolled_back_writers_let_others_in},
};

const suite_group suite_isolation_cases = {isolation_cases, COUNT_OF(isolation_cases)};

/* --- threads --- */

/* Read the amount, then write it one higher if it is still the same. */
static void *increment_what_was_read(void *context) {
    worker *self = context;
    int64_t tries = 0;
    while (self->done_count < INCREMENT_COUNT && self->status == FARM_OK) {
        int64_t seen = item_amount(self->client, ALONE_READ, 1);
        const farm_value row[] = {integer(1), integer(seen), integer(seen + 1)};
        farm_status status = client_do(self->client, ITEM_SWAP_EXPECT, ALONE, NULL, row, 1);
        const int32_t was_changed =
            status == FARM_EREFUSED && self->client->fault.kind == FARM_FAULT_GUARD;
        if (status == FARM_OK) self->done_count++;
        if (was_changed) self->refused_count++;
        if (status != FARM_OK && !was_changed && status != FARM_EAGAIN) self->status = status;
        if (++tries > TRY_MAX || seen == INT64_MIN) self->status = FARM_EINTERNAL;
    }
    return NULL;
}

static void no_update_is_lost(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    worker workers[THREAD_COUNT] = {{0}};
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 0));

    CLAIM(suite, suite_run_workers(suite, workers, THREAD_COUNT, increment_what_was_read));

    CLAIM(suite, item_amount(client, ALONE_READ, 1) == THREAD_COUNT * INCREMENT_COUNT);
}

/* Every second one in a transaction of three runs. */
static void *increment_in_turn(void *context) {
    worker *self = context;
    const farm_value row[] = {integer(1), integer(1)};
    for (int32_t i = 0; i < WRITE_COUNT && self->status == FARM_OK; i++) {
        if ((i + (int32_t)self->place) % 2 == 0) {
            self->status = client_do(self->client, ITEM_CHANGE, ALONE, NULL, row, 1);
            continue;
        }
        self->status = client_begin(self->client, FARM_BEGIN_WRITE);
        if (self->status == FARM_OK)
            self->status = client_do(self->client, ITEM_CHANGE, INSIDE, NULL, row, 1);
        if (self->status == FARM_OK) (void)item_count(self->client, INSIDE);
        if (self->status == FARM_OK) self->status = client_commit(self->client);
    }
    return NULL;
}

static void writers_queue(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    worker workers[WRITER_COUNT] = {{0}};
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 0));

    CLAIM(suite, suite_run_workers(suite, workers, WRITER_COUNT, increment_in_turn));

    CLAIM(suite, item_amount(client, ALONE_READ, 1) == WRITER_COUNT * WRITE_COUNT);
}

/* Runs that fail among runs that succeed: a store that commits several together must take apart
 * what belongs to whom. */
static void *write_well_and_badly(void *context) {
    worker *self = context;
    conformance_suite *suite = self->client->suite;
    const farm_value change[] = {integer(1), integer(1)};
    const farm_value wrong[] = {integer(1), text("one"), integer(0), null()};
    const farm_value missing[] = {integer(99), integer(0)};
    for (int32_t i = 0; i < MIXED_COUNT && self->status == FARM_OK; i++) {
        farm_call calls[] = {call_of(suite, ITEM_CHANGE, NULL, change, 1),
                             call_of(suite, ITEM_ADD, NULL, wrong, 1)};
        if (i % 3 == 1) calls[1] = call_of(suite, ITEM_SET_EXPECT, NULL, missing, 1);
        farm_status status = client_run(self->client, calls, i % 3 == 2 ? 1 : 2, ALONE);
        if (status == FARM_OK)
            self->done_count++;
        else if (status == FARM_EEXISTS || status == FARM_EREFUSED)
            self->refused_count++;
        else
            self->status = status;
    }
    return NULL;
}

static void failing_writers_disturb_no_others(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    worker workers[THREAD_COUNT] = {{0}};
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 0));

    CLAIM(suite, suite_run_workers(suite, workers, THREAD_COUNT, write_well_and_badly));

    for (size_t i = 0; i < THREAD_COUNT; i++) {
        CLAIM(suite, workers[i].done_count == MIXED_COUNT / 3);
        CLAIM(suite, workers[i].refused_count == MIXED_COUNT - MIXED_COUNT / 3);
    }
    CLAIM(suite, item_amount(client, ALONE_READ, 1) == THREAD_COUNT * (MIXED_COUNT / 3));
}

static farm_status change_briefly(suite_client *client, int32_t turn) {
    const farm_value change[] = {integer(1), integer(1)};
    const farm_value wrong[] = {integer(1), text("one"), integer(0), null()};
    farm_status status = client_begin(client, FARM_BEGIN_WRITE | FARM_BEGIN_BRIEF);
    if (status == FARM_OK) status = client_do(client, ITEM_CHANGE, INSIDE, NULL, change, 1);
    /* Inside it an operation that fails, and one that is taken back. */
    if (status == FARM_OK &&
        client_do(client, ITEM_ADD, FARM_RUN_SAVEPOINT, NULL, wrong, 1) != FARM_EEXISTS)
        status = FARM_EINTERNAL;
    if (status == FARM_OK) status = client_undo(client);
    if (status == FARM_OK)
        status = client_do(client, ITEM_CHANGE, FARM_RUN_SAVEPOINT, NULL, change, 1);
    if (status == FARM_OK) status = client_undo(client);
    if (status != FARM_OK || turn % 4 == 0) {
        client_rollback(client);
        return status == FARM_OK ? FARM_EREFUSED : status;
    }
    if (turn % 2 == 0) return client_commit(client);
    return client_run(client, NULL, 0, FARM_RUN_COMMIT);
}

static void *write_briefly(void *context) {
    worker *self = context;
    int64_t tries = 0;
    for (int32_t i = 0; i < MIXED_COUNT && self->status == FARM_OK; i++) {
        farm_status status = FARM_EAGAIN;
        while (status == FARM_EAGAIN && ++tries < TRY_MAX) status = change_briefly(self->client, i);
        if (status == FARM_OK) self->done_count++;
        if (status != FARM_OK && status != FARM_EREFUSED) self->status = status;
    }
    return NULL;
}

static void brief_transactions_keep_to_themselves(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    worker workers[THREAD_COUNT] = {{0}};
    int64_t done_count = 0;
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 0));

    CLAIM(suite, suite_run_workers(suite, workers, THREAD_COUNT, write_briefly));

    for (size_t i = 0; i < THREAD_COUNT; i++) done_count += workers[i].done_count;
    CLAIM(suite, done_count == THREAD_COUNT * (MIXED_COUNT - (MIXED_COUNT + 3) / 4));
    CLAIM(suite, item_amount(client, ALONE_READ, 1) == done_count);
}

/* Two rows in two runs, half of the threads in the other order. */
static farm_status change_both(suite_client *client, int64_t first, int64_t second) {
    const farm_value one[] = {integer(first), integer(1)};
    const farm_value other[] = {integer(second), integer(1)};
    farm_status status = client_begin(client, FARM_BEGIN_WRITE);
    if (status == FARM_OK) status = client_do(client, ITEM_CHANGE, INSIDE, NULL, one, 1);
    if (status == FARM_OK) status = client_do(client, ITEM_CHANGE, INSIDE, NULL, other, 1);
    if (status == FARM_OK) return client_commit(client);
    client_rollback(client);
    return status;
}

static void *change_in_opposite_order(void *context) {
    worker *self = context;
    int64_t first = self->place % 2 == 0 ? 1 : 2;
    int64_t tries = 0;
    while (self->done_count < OPPOSITE_COUNT && self->status == FARM_OK) {
        farm_status status = change_both(self->client, first, 3 - first);
        if (status == FARM_OK) self->done_count++;
        if (status != FARM_OK && status != FARM_EAGAIN) self->status = status;
        if (++tries > TRY_MAX) self->status = FARM_EAGAIN;
    }
    return NULL;
}

static void deadlocks_may_be_tried_again(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    worker workers[2] = {{0}};
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 0));
    CLAIM_OK(client, item_add(client, ALONE, 2, "two", 0));

    CLAIM(suite, suite_run_workers(suite, workers, 2, change_in_opposite_order));

    CLAIM(suite, item_amount(client, ALONE_READ, 1) == 2 * OPPOSITE_COUNT);
    CLAIM(suite, item_amount(client, ALONE_READ, 2) == 2 * OPPOSITE_COUNT);
}

/* Writers keep the sum at 100 while readers look; item 1 has what item 2 lacks. */
static void *move_or_look(void *context) {
    worker *self = context;
    const int32_t is_writer = self->place % 2 == 0;
    for (int32_t i = 0; i < WRITE_COUNT && self->status == FARM_OK; i++) {
        const farm_value row[] = {integer(i % 2 == 0 ? 1 : 2), integer(i % 2 == 0 ? 2 : 1),
                                  integer(1)};
        if (is_writer)
            self->status = client_do(self->client, ITEM_MOVE, ALONE, NULL, row, 1);
        else if (client_number(self->client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) != 100)
            self->status = FARM_ECORRUPT;
        if (is_writer && self->status == FARM_EAGAIN) self->status = FARM_OK;
    }
    return NULL;
}

static void readers_see_whole_transactions(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    worker workers[THREAD_COUNT] = {{0}};
    if (client == NULL) return;
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 50));
    CLAIM_OK(client, item_add(client, ALONE, 2, "two", 50));

    CLAIM(suite, suite_run_workers(suite, workers, THREAD_COUNT, move_or_look));

    CLAIM(suite, client_number(client, ITEM_AMOUNT_SUM, ALONE_READ, NULL) == 100);
}

static const suite_case thread_cases[] = {
    {"of 4 × 200 guarded increments none is lost", no_update_is_lost},
    {"eight writers wait for their turn, and none is sent away", writers_queue},
    {"writers that fail disturb no others", failing_writers_disturb_no_others},
    {"brief transactions keep to themselves", brief_transactions_keep_to_themselves},
    {"rows locked in opposite order end in EAGAIN at worst", deadlocks_may_be_tried_again},
    {"readers see whole transactions while others write", readers_see_whole_transactions},
};

const suite_group suite_thread_cases = {thread_cases, COUNT_OF(thread_cases)};
