/* The completion queue on every store. Nothing here goes by time: what has to run for a while waits
 * at a gate that the test opens. */
#include "contract.h"
#include <criterion/criterion.h>
#include <farmcore/queue.h>
#include <farmcore/rate.h>
#include <farmcore/roles.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 8, GENEROUS_US = 60 * 1000000 };

static farm_session *session;
static farm_queue *queue;

static void open_queue(uint32_t worker_count, uint32_t capacity) {
    const farm_queue_options options = {
        .struct_size = sizeof options, .worker_count = worker_count, .capacity = capacity};
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_queue_new(&queue), FARM_OK);
    cr_assert_eq(farm_queue_open(queue, contract_pool(), &options, &error), FARM_OK, "%s",
                 error.text);
}

static void set_up(void) {
    session = contract_open();
    open_queue(1, CAPACITY);
}

static void tear_down(void) {
    farm_queue_free(queue);
    contract_close(session);
}

TestSuite(queue, .init = set_up, .fini = tear_down, .timeout = 60);

/* --- what the submissions do --- */

/* A gate: functions come to it and say so, and pass when it is open. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int come;
    int is_open;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static farm_status hold(farm_session *given, void *context) {
    (void)given;
    (void)context;
    pthread_mutex_lock(&gate.mutex);
    gate.come++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.is_open) pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    return FARM_OK;
}

static void await_come(int count) {
    pthread_mutex_lock(&gate.mutex);
    while (gate.come < count) pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

static void open_gate(void) {
    pthread_mutex_lock(&gate.mutex);
    gate.is_open = 1;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static atomic_int started_count;
static atomic_int is_misled; /* something was not as it should be, in another thread */

static farm_status note_order(farm_session *given, void *context) {
    (void)given;
    if (atomic_fetch_add(&started_count, 1) != (int)(intptr_t)context) atomic_store(&is_misled, 1);
    return FARM_OK;
}

static farm_status found(farm_session *given, void *context) {
    farm_session_set_service(given);
    return farm_role_found(given, context, "ana");
}

static farm_status check_nobody(farm_session *given, void *context) {
    (void)context;
    return farm_role_check(given, "shop", FARM_ROLE_READ);
}

static farm_status leave_open(farm_session *given, void *context) {
    farm_session_set_service(given);
    farm_status status = farm_begin(given);
    if (status == FARM_OK) status = farm_role_found(given, context, "ana");
    return status;
}

/* Ends only by an interrupt, or by the end of its time. */
static farm_status run_for_ever(farm_session *given, void *context) {
    const char *text = contract_is_postgres()
                           ? "SELECT COUNT(*) FROM pg_sleep(600)"
                           : "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                             "SELECT COUNT(*) FROM n";
    pthread_mutex_lock(&gate.mutex);
    gate.come++;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    farm_status status = farm_session_set_service(given);
    while (status == FARM_OK) status = farm_session_execute(given, text, NULL, 0, NULL);
    /* Whoever is cancelled cannot go on to something else. */
    if (context != NULL && farm_role_found(given, context, "ana") != FARM_ETIMEOUT)
        atomic_store(&is_misled, 1);
    if (context != NULL) (void)farm_session_execute(given, text, NULL, 0, NULL);
    return status;
}

/* Whatever it says to its session, it has no more time than its submission. */
static farm_status run_without_limit(farm_session *given, void *context) {
    farm_status status = farm_session_set_timeout_us(given, -1);
    return status == FARM_OK ? run_for_ever(given, context) : status;
}

/* --- helpers --- */

static farm_status submit(farm_queue_function function, void *context, int64_t word,
                          farm_ticket *ticket) {
    const farm_submission item = {
        .struct_size = sizeof item, .function = function, .context = context, .word = word};
    return farm_submit(queue, &item, 1, ticket, NULL);
}

static farm_ticket submit_fine(farm_queue_function function, void *context, int64_t word) {
    farm_ticket ticket = 0;
    cr_assert_eq(submit(function, context, word, &ticket), FARM_OK);
    cr_assert_neq(ticket, 0);
    return ticket;
}

static farm_completion next(void) {
    farm_completion row = {.struct_size = sizeof row};
    size_t count = 0;
    cr_assert_eq(farm_queue_next(queue, GENEROUS_US, &row, 1, &count), FARM_OK);
    cr_assert_eq(count, 1);
    return row;
}

static int is_readable(void) {
    struct pollfd polled = {.fd = farm_queue_descriptor(queue), .events = POLLIN};
    return poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0;
}

static int64_t entity_count(void) {
    return contract_number(session, "SELECT COUNT(*) FROM {farm_role_entity}");
}

/* --- what is promised --- */

Test(queue, a_submission_runs_and_comes_back_with_what_was_given) {
    farm_ticket ticket = submit_fine(found, "shop", 42);

    farm_completion row = next();

    cr_assert_eq(row.status, FARM_OK, "%s", row.text);
    cr_assert_eq(row.has_run, 1);
    cr_assert_eq(row.ticket, ticket);
    cr_assert_eq(row.word, 42);
    cr_assert_str_eq(row.context, "shop");
    cr_assert_str_eq(row.text, "");
    cr_assert_geq(row.waited_us, 0);
    cr_assert_geq(row.ran_us, 0);
    cr_assert_eq(entity_count(), 1);
}

Test(queue, a_failure_brings_its_status_reason_and_text) {
    submit_fine(check_nobody, NULL, 1);

    farm_completion row = next();

    cr_assert_eq(row.status, FARM_EDENIED);
    cr_assert_eq(row.has_run, 1);
    cr_assert_gt(strlen(row.text), 0);
}

Test(queue, nobody_acts_until_the_function_says_for_whom) {
    submit_fine(found, "shop", 1); /* leaves its session as the service's */
    cr_assert_eq(next().status, FARM_OK);

    submit_fine(check_nobody, NULL, 2);

    cr_assert_eq(next().status, FARM_EDENIED);
}

Test(queue, the_descriptor_is_readable_exactly_while_completions_are_there) {
    farm_completion rows[2] = {{.struct_size = sizeof *rows}, {.struct_size = sizeof *rows}};
    size_t count = 9;
    cr_assert_eq(is_readable(), 0);
    cr_assert_eq(farm_queue_next(queue, 0, rows, 2, &count), FARM_OK);
    cr_assert_eq(count, 0);
    submit_fine(hold, NULL, 1);
    submit_fine(hold, NULL, 2);
    submit_fine(hold, NULL, 3);
    await_come(1);
    cr_assert_eq(is_readable(), 0);

    open_gate();
    await_come(3);
    next();

    /* The last one may still be on its way. */
    cr_assert_eq(farm_queue_next(queue, GENEROUS_US, rows, 1, &count), FARM_OK);
    cr_assert_eq(count, 1);
    struct pollfd polled = {.fd = farm_queue_descriptor(queue), .events = POLLIN};
    cr_assert_eq(poll(&polled, 1, -1), 1);
    cr_assert_eq(is_readable(), 1);
    cr_assert_eq(farm_queue_next(queue, 0, rows, 2, &count), FARM_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(is_readable(), 0);
}

Test(queue, submissions_start_in_the_order_of_their_coming) {
    submit_fine(hold, NULL, 0);
    await_come(1);
    for (int64_t i = 0; i < CAPACITY - 1; i++) submit_fine(note_order, (void *)(intptr_t)i, i);

    open_gate();

    cr_assert_eq(next().word, 0);
    for (int64_t i = 0; i < CAPACITY - 1; i++) cr_assert_eq(next().word, i);
    cr_assert_eq(atomic_load(&is_misled), 0);
    cr_assert_eq(atomic_load(&started_count), CAPACITY - 1);
}

Test(queue, a_full_queue_takes_nothing_until_completions_are_collected) {
    farm_submission items[CAPACITY + 1];
    farm_error error = {.struct_size = sizeof error};
    for (size_t i = 0; i < CAPACITY + 1; i++)
        items[i] = (farm_submission){.struct_size = sizeof *items, .function = hold};
    cr_assert_eq(farm_submit(queue, items, CAPACITY + 1, NULL, &error), FARM_EINVAL);
    cr_assert_eq(farm_submit(queue, items, CAPACITY - 1, NULL, &error), FARM_OK, "%s", error.text);

    cr_assert_eq(farm_submit(queue, items, 2, NULL, &error), FARM_EAGAIN);
    cr_assert_str_eq(error.text, "the queue is full: collect completions first");
    cr_assert_eq(farm_submit(queue, items, 1, NULL, &error), FARM_OK);
    cr_assert_eq(farm_submit(queue, items, 1, NULL, &error), FARM_EAGAIN);
    open_gate();
    await_come(CAPACITY);

    /* What has ended and is not collected takes its place. */
    cr_assert_eq(farm_submit(queue, items, 1, NULL, &error), FARM_EAGAIN);
    next();
    cr_assert_eq(farm_submit(queue, items, 1, NULL, &error), FARM_OK);
    for (int i = 0; i < CAPACITY; i++) cr_assert_eq(next().status, FARM_OK);
    cr_assert_eq(gate.come, CAPACITY + 1);
}

Test(queue, one_that_waits_is_cancelled_at_once_and_never_runs) {
    submit_fine(hold, NULL, 1);
    await_come(1);
    farm_ticket ticket = submit_fine(found, "shop", 2);

    cr_assert_eq(farm_queue_cancel(queue, ticket), FARM_OK);
    farm_completion row = next();

    cr_assert_eq(row.word, 2);
    cr_assert_eq(row.status, FARM_ETIMEOUT);
    cr_assert_eq(row.has_run, 0);
    cr_assert_str_eq(row.text, "the submission was cancelled before it began");
    cr_assert_eq(farm_queue_cancel(queue, ticket), FARM_ENOTFOUND);
    open_gate();
    cr_assert_eq(next().word, 1);
    cr_assert_eq(is_readable(), 0);
    cr_assert_eq(entity_count(), 0);
}

Test(queue, one_that_runs_is_interrupted_and_does_nothing_more) {
    farm_ticket ticket = submit_fine(run_for_ever, "shop", 1);
    await_come(1);

    cr_assert_eq(farm_queue_cancel(queue, ticket), FARM_OK);
    farm_completion row = next();

    cr_assert_eq(row.ticket, ticket);
    cr_assert_eq(row.status, FARM_ETIMEOUT);
    cr_assert_eq(row.has_run, 1);
    cr_assert_gt(strlen(row.text), 0);
    cr_assert_eq(atomic_load(&is_misled), 0);
    cr_assert_eq(entity_count(), 0);
    /* The same session, most likely, serves the next one. */
    submit_fine(found, "shop", 2);
    cr_assert_eq(next().status, FARM_OK);
}

Test(queue, a_ticket_is_never_another_submissions) {
    farm_ticket first = submit_fine(note_order, (void *)(intptr_t)0, 1);
    cr_assert_eq(next().ticket, first);
    for (int i = 0; i < CAPACITY * 2; i++) {
        farm_ticket ticket = submit_fine(found, "shop", 1);
        cr_assert_neq(ticket, first);
        cr_assert_eq(farm_queue_cancel(queue, first), FARM_ENOTFOUND);
        next();
    }
    cr_assert_eq(farm_queue_cancel(queue, 0), FARM_ENOTFOUND);
    cr_assert_eq(farm_queue_cancel(queue, UINT64_MAX), FARM_ENOTFOUND);
}

Test(queue, time_is_over_for_one_that_waits_though_all_threads_are_busy) {
    const farm_submission item = {
        .struct_size = sizeof item, .function = found, .context = "shop", .timeout_us = 1};
    submit_fine(hold, NULL, 1);
    await_come(1);

    cr_assert_eq(farm_submit(queue, &item, 1, NULL, NULL), FARM_OK);
    farm_completion row = next();

    cr_assert_eq(row.status, FARM_ETIMEOUT);
    cr_assert_eq(row.has_run, 0);
    cr_assert_str_eq(row.text, "the submission's time was over before it began");
    open_gate();
    cr_assert_eq(next().word, 1);
    cr_assert_eq(entity_count(), 0);
}

Test(queue, time_is_over_for_one_that_runs_whatever_it_sets_on_its_session) {
    const farm_submission item = {
        .struct_size = sizeof item, .function = run_without_limit, .timeout_us = 50000};

    cr_assert_eq(farm_submit(queue, &item, 1, NULL, NULL), FARM_OK);

    cr_assert_eq(next().status, FARM_ETIMEOUT);
}

Test(queue, a_transaction_that_is_left_open_is_rolled_back_and_said) {
    submit_fine(leave_open, "shop", 1);

    farm_completion row = next();

    cr_assert_eq(row.status, FARM_EINVAL);
    cr_assert_str_eq(row.text, "the function left a transaction open, which is rolled back");
    cr_assert_eq(entity_count(), 0);
}

Test(queue, closing_drops_what_waits_interrupts_what_runs_and_loses_nothing) {
    farm_ticket running = submit_fine(run_for_ever, NULL, 1);
    await_come(1);
    for (int i = 0; i < CAPACITY - 1; i++) submit_fine(found, "shop", 2);
    const int descriptor = farm_queue_descriptor(queue);

    farm_queue_close(queue);

    cr_assert_eq(submit(found, "shop", 3, NULL), FARM_EINVAL);
    cr_assert_eq(farm_queue_descriptor(queue), descriptor);
    cr_assert_eq(is_readable(), 1);
    farm_completion rows[CAPACITY + 1];
    for (size_t i = 0; i < CAPACITY + 1; i++) rows[i].struct_size = sizeof *rows;
    size_t count = 0;
    cr_assert_eq(farm_queue_next(queue, -1, rows, CAPACITY + 1, &count), FARM_OK);
    cr_assert_eq(count, CAPACITY);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(rows[i].status, FARM_ETIMEOUT);
        cr_assert_eq(rows[i].has_run, rows[i].ticket == running);
    }
    cr_assert_eq(farm_queue_next(queue, -1, rows, 1, &count), FARM_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(entity_count(), 0);
    farm_queue_close(queue);
    cr_assert_eq(farm_queue_open(queue, contract_pool(), NULL, NULL), FARM_EINVAL);
}

Test(queue, no_session_is_free_and_what_waits_can_still_be_cancelled) {
    farm_session *taken[CONTRACT_SESSION_COUNT - 1];
    for (int i = 0; i < CONTRACT_SESSION_COUNT - 1; i++) taken[i] = contract_open_another();
    farm_ticket ticket = submit_fine(found, "shop", 1);
    submit_fine(found, "mall", 2);

    cr_assert_eq(farm_queue_cancel(queue, ticket), FARM_OK);

    cr_assert_eq(next().word, 1);
    contract_close_another(taken[0]);
    cr_assert_eq(next().word, 2);
    cr_assert_eq(entity_count(), 1);
    taken[0] = contract_open_another();
    submit_fine(found, "shop", 3);
    farm_queue_close(queue); /* does not wait for a session */
    cr_assert_eq(next().has_run, 0);
    for (int i = 0; i < CONTRACT_SESSION_COUNT - 1; i++) contract_close_another(taken[i]);
}

static farm_status close_from_inside(farm_session *given, void *context) {
    (void)given;
    farm_queue_close(context);
    return FARM_OK;
}

Test(queue, a_function_may_close_its_queue) {
    submit_fine(close_from_inside, queue, 1);

    farm_completion row = {.struct_size = sizeof row};
    size_t count = 0;
    struct pollfd polled = {.fd = farm_queue_descriptor(queue), .events = POLLIN};
    cr_assert_eq(poll(&polled, 1, -1), 1);
    cr_assert_eq(farm_queue_next(queue, 0, &row, 1, &count), FARM_OK);

    cr_assert_eq(count, 1);
    cr_assert_eq(row.status, FARM_OK);
    cr_assert_eq(submit(found, "shop", 1, NULL), FARM_EINVAL);
}

Test(queue, misuse_is_a_sentence) {
    farm_error error = {.struct_size = sizeof error};
    farm_completion row = {.struct_size = sizeof row};
    farm_queue *other = NULL;
    size_t count = 0;
    farm_submission item = {.struct_size = sizeof item, .function = found};
    cr_assert_eq(farm_queue_new(NULL), FARM_EINVAL);
    cr_assert_eq(farm_queue_new(&other), FARM_OK);
    cr_assert_eq(farm_queue_descriptor(other), -1);
    cr_assert_eq(farm_submit(other, &item, 1, NULL, &error), FARM_EINVAL);
    cr_assert_str_eq(error.text, "the queue is not open");
    cr_assert_eq(farm_queue_next(other, 0, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_queue_open(other, NULL, NULL, &error), FARM_EINVAL);
    farm_queue_options options = {.struct_size = sizeof options, .capacity = 65537};
    cr_assert_eq(farm_queue_open(other, contract_pool(), &options, &error), FARM_EINVAL);
    options = (farm_queue_options){.struct_size = sizeof options, .worker_count = 1001};
    cr_assert_eq(farm_queue_open(other, contract_pool(), &options, &error), FARM_EINVAL);
    farm_queue_free(other);
    farm_queue_free(NULL);
    farm_queue_close(NULL);

    cr_assert_eq(farm_submit(NULL, &item, 1, NULL, &error), FARM_EINVAL);
    cr_assert_eq(farm_submit(queue, NULL, 1, NULL, &error), FARM_EINVAL);
    cr_assert_eq(farm_submit(queue, &item, 0, NULL, &error), FARM_EINVAL);
    item.timeout_us = -2;
    cr_assert_eq(farm_submit(queue, &item, 1, NULL, &error), FARM_EINVAL);
    item = (farm_submission){.struct_size = sizeof item};
    cr_assert_eq(farm_submit(queue, &item, 1, NULL, &error), FARM_EINVAL);
    item = (farm_submission){.struct_size = 2, .function = found};
    cr_assert_eq(farm_submit(queue, &item, 1, NULL, &error), FARM_EINVAL);
    cr_assert_eq(farm_queue_next(queue, 0, NULL, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_queue_next(queue, 0, &row, 0, &count), FARM_EINVAL);
    cr_assert_eq(farm_queue_next(queue, -2, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_queue_next(queue, 0, &row, 1, NULL), FARM_EINVAL);
}

Test(queue, a_child_after_fork_is_refused_and_its_free_disturbs_nobody) {
    submit_fine(hold, NULL, 1);
    await_come(1);
    pid_t child = fork();
    if (child == 0) {
        farm_completion row = {.struct_size = sizeof row};
        size_t count = 0;
        const int is_refused = submit(found, "shop", 1, NULL) == FARM_EINVAL &&
                               farm_queue_cancel(queue, 1) == FARM_EINVAL &&
                               farm_queue_next(queue, -1, &row, 1, &count) == FARM_EINVAL;
        farm_queue_free(queue);
        _exit(is_refused ? 7 : 1);
    }
    int result = 0;

    cr_assert_eq(waitpid(child, &result, 0), child);

    cr_assert(WIFEXITED(result) && WEXITSTATUS(result) == 7);
    open_gate();
    cr_assert_eq(next().status, FARM_OK);
}
