/* Calls that are made together: who leads, who is taken along, and who gives up. */
#include "base/clock.h"
#include "store/combine.h"
#include <criterion/criterion.h>
#include <farmcore/farmcore.h>
#include <pthread.h>
#include <string.h>

enum { CALLERS = 6, RUNS_MAX = 16, OBJECT = STORE_OBJECT_LEDGER, LOOK_US = 500 };

/* What is asked: a number, and in return its square. */
typedef struct item {
    int64_t number;
    int64_t square;
} item;

typedef struct caller {
    farm_session *session;
    pthread_t thread;
    item item;
    farm_status status;
} caller;

static farm_pool *pool;
static caller callers[CALLERS];

/* The runs of the function so far, and how many of them may go on. */
static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static size_t run_counts[RUNS_MAX];
static size_t runs;
static size_t runs_allowed;
static farm_status status_of_several;

static void set_up(void) {
    const farm_pool_options options = {.struct_size = sizeof options, .max_count = CALLERS};
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_pool_new(&pool), FARM_OK);
    cr_assert_eq(farm_pool_open(pool, "sqlite::memory:", &options, &error), FARM_OK, "%s",
                 error.text);
    for (int i = 0; i < CALLERS; i++) {
        cr_assert_eq(farm_pool_acquire(pool, 0, &error, &callers[i].session), FARM_OK, "%s",
                     error.text);
        if (i == 0) cr_assert_eq(farm_migrate(callers[0].session), FARM_OK);
        callers[i].item = (item){.number = i + 2};
    }
    runs = runs_allowed = 0;
    status_of_several = FARM_OK;
}

static void tear_down(void) {
    for (int i = 0; i < CALLERS; i++) farm_pool_release(pool, callers[i].session);
    farm_pool_free(pool);
}

TestSuite(combine, .init = set_up, .fini = tear_down);

static farm_status square_all(farm_session *session, void *items, size_t count) {
    item *all = items;
    (void)session;
    pthread_mutex_lock(&gate_mutex);
    run_counts[runs] = count;
    const size_t mine = runs++;
    pthread_cond_broadcast(&gate_moved);
    while (runs_allowed <= mine) pthread_cond_wait(&gate_moved, &gate_mutex);
    pthread_mutex_unlock(&gate_mutex);
    if (count > 1 && status_of_several != FARM_OK) return status_of_several;
    for (size_t i = 0; i < count; i++) all[i].square = all[i].number * all[i].number;
    return FARM_OK;
}

static farm_status combine(farm_session *session, void *context) {
    caller *self = context;
    return store_combine(session, OBJECT, &self->item, sizeof self->item, square_all);
}

static void *call(void *context) {
    caller *self = context;
    self->status = store_operate(self->session, STORE_SERVICE, combine, self);
    return NULL;
}

static void allow(size_t count) {
    pthread_mutex_lock(&gate_mutex);
    runs_allowed = count;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_mutex);
}

static void await_runs(size_t count) {
    pthread_mutex_lock(&gate_mutex);
    while (runs < count) pthread_cond_wait(&gate_moved, &gate_mutex);
    pthread_mutex_unlock(&gate_mutex);
}

static void await_waiting(uint32_t count) {
    while (store_combine_waiting(callers[0].session, OBJECT) != count) clock_sleep_us(LOOK_US);
}

static void start(int i) {
    cr_assert_eq(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
}

/* Those who lead are under way, and the others wait in their order; all but one, or -1. */
static void start_all_but(int left_out) {
    uint32_t waiting = 0;
    for (int i = 0; i < CALLERS; i++) {
        if (i == left_out) continue;
        start(i);
        if (i < STORE_COMBINE_LEADERS)
            await_runs((size_t)i + 1);
        else
            await_waiting(++waiting);
    }
}

static void start_all(void) {
    start_all_but(-1);
}

static void expect(int i, farm_status status) {
    cr_assert_eq(callers[i].status, status, "%d: %s", i,
                 farm_session_error_text(callers[i].session));
    const int64_t number = i + 2;
    cr_assert_eq(callers[i].item.square, status == FARM_OK ? number * number : 0);
}

static void expect_all_done(void) {
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        expect(i, FARM_OK);
    }
    cr_assert_eq(store_combine_waiting(callers[0].session, OBJECT), 0);
}

/* One of the leaders is done, and the next has taken all that wait. */
static void pass_on(void) {
    allow(1);
    await_runs(STORE_COMBINE_LEADERS + 1);
}

Test(combine, who_finds_others_under_way_is_taken_along) {
    start_all();
    pass_on();
    allow(RUNS_MAX);
    expect_all_done();
    cr_assert_eq(runs, STORE_COMBINE_LEADERS + 1);
    for (int i = 0; i < STORE_COMBINE_LEADERS; i++) cr_assert_eq(run_counts[i], 1);
    cr_assert_eq(run_counts[STORE_COMBINE_LEADERS], CALLERS - STORE_COMBINE_LEADERS);

    /* And who comes when all is done leads again. */
    callers[5].item.square = 0;
    start(5);
    pthread_join(callers[5].thread, NULL);
    expect(5, FARM_OK);
    cr_assert_eq(run_counts[runs - 1], 1);
}

/* It may have been for the sake of one of them. */
Test(combine, what_is_refused_to_several_is_tried_for_each) {
    status_of_several = FARM_EREFUSED;
    start_all();
    pass_on();
    allow(RUNS_MAX);
    expect_all_done();
    cr_assert_eq(runs, STORE_COMBINE_LEADERS + 1 + CALLERS - STORE_COMBINE_LEADERS);
}

Test(combine, who_leads_others_and_fails_is_told_and_they_try_again) {
    status_of_several = FARM_EFULL;
    start_all();
    pass_on();
    allow(RUNS_MAX);
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        expect(i, i == STORE_COMBINE_LEADERS ? FARM_EFULL : FARM_OK);
    }
}

Test(combine, who_waits_gives_up_when_the_time_is_over_or_is_interrupted) {
    cr_assert_eq(farm_session_set_timeout_us(callers[3].session, 20000), FARM_OK);
    start_all_but(3);
    start(3);
    pthread_join(callers[3].thread, NULL);
    expect(3, FARM_ETIMEOUT);
    farm_session_interrupt(callers[5].session);
    pthread_join(callers[5].thread, NULL);
    expect(5, FARM_ETIMEOUT);
    await_waiting(CALLERS - STORE_COMBINE_LEADERS - 2);
    pass_on();
    allow(RUNS_MAX);
    for (int i = 0; i < CALLERS; i++)
        if (i != 3 && i != 5) pthread_join(callers[i].thread, NULL);
    for (int i = 0; i < CALLERS; i++)
        if (i != 3 && i != 5) expect(i, FARM_OK);
    cr_assert_eq(run_counts[STORE_COMBINE_LEADERS], CALLERS - STORE_COMBINE_LEADERS - 2);
}

Test(combine, who_gives_up_while_it_is_being_done_knows_nothing) {
    start_all();
    pass_on();
    farm_session_interrupt(callers[4].session);
    pthread_join(callers[4].thread, NULL);
    expect(4, FARM_EUNCERTAIN);
    allow(RUNS_MAX);
    for (int i = 0; i < CALLERS; i++)
        if (i != 4) pthread_join(callers[i].thread, NULL);
    for (int i = 0; i < CALLERS; i++)
        if (i != 4) expect(i, FARM_OK);
}

static farm_status ask(farm_session *session, void *may) {
    *(int32_t *)may = store_may_combine(session);
    return FARM_OK;
}

static int32_t may_combine(farm_session *session) {
    int32_t may = -1;
    cr_assert_eq(store_operate(session, STORE_SERVICE, ask, &may), FARM_OK);
    return may;
}

Test(combine, a_session_with_a_time_or_a_transaction_of_its_own_is_not_for_others) {
    farm_session *session = callers[0].session;
    cr_assert_eq(may_combine(session), 1);
    cr_assert_eq(farm_session_set_clock_us(session, 5), FARM_OK);
    cr_assert_eq(may_combine(session), 0);
    cr_assert_eq(farm_session_set_clock_us(session, -1), FARM_OK);
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(may_combine(session), 0);
    farm_rollback(session);
    cr_assert_eq(may_combine(session), 1);
}
