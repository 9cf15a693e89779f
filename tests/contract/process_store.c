/* A session whose store can be taken away. */
#include "process_store.h"
#include "backend/decorator_hooks.h"
#include "rate/rate_load.h"
#include <criterion/criterion.h>
#include <stdio.h>

static farm_session *keeper; /* keeps the store */
static farm_status failure;
static void (*then)(void);
static uint64_t asked; /* how often */
static int64_t monotonic_ns;
static int64_t now_us;

static farm_status before(decorator_event *event) {
    switch (event->operation) {
    case DECORATOR_OPEN:
    case DECORATOR_BEGIN:
    case DECORATOR_RUN:
    case DECORATOR_COMMIT:
        asked++;
        return failure;
    default:
        return FARM_OK;
    }
}

static farm_status after(decorator_event *event, farm_status status) {
    void (*function)(void) = then;
    if (event->operation != DECORATOR_RUN || function == NULL) return status;
    then = NULL;
    function();
    return status;
}

static const decorator_kind down = {.prefix = "down",
                                    .before = before,
                                    .after = after,
                                    .text = "the test has taken the store away"};

static int64_t read_monotonic_ns(void *context) {
    (void)context;
    return monotonic_ns;
}

static int64_t read_real_ns(void *context) {
    (void)context;
    return now_us * 1000;
}

static const farm_clock moved_clock = {
    .struct_size = sizeof moved_clock, .real_ns = read_real_ns, .monotonic_ns = read_monotonic_ns};

void open_process(void) {
    char uri[1200];
    const farm_session_options options = {.struct_size = sizeof options, .clock = &moved_clock};
    failure = FARM_OK;
    then = NULL;
    monotonic_ns = 1;
    now_us = CONTRACT_NOW_US;
    keeper = contract_open();
    const char *inner = contract_is_postgres() ? "postgresql" : "sqlite";
    cr_assert_not_null(decorator_register(&down, inner));
    snprintf(uri, sizeof uri, "down+%s", inner);
    cr_assert_not_null(decorator_register(&decorator_count, uri));
    snprintf(uri, sizeof uri, "count+down+%s", contract_uri());
    cr_assert_eq(farm_session_new(&session), FARM_OK);
    cr_assert_eq(farm_session_open(session, uri, &options), FARM_OK, "%s",
                 farm_session_error_text(session));
    if (!contract_is_postgres()) cr_assert_eq(farm_migrate(session), FARM_OK);
    act_as_service();
    pass(0);
    for (size_t i = 0; i < FARM_RATE_BATCH_MAX; i++) states[i].struct_size = sizeof states[i];
    decision.struct_size = sizeof decision;
}

void close_process(void) {
    store_fails(FARM_OK);
    contract_assert_sound(session);
    farm_session_free(session);
    contract_close(keeper);
}

void store_fails(farm_status status) {
    failure = status;
}

void after_next_run(void (*function)(void)) {
    then = function;
}

uint64_t round_trips(void) {
    decorator_counts counts;
    decorator_count_get(&counts);
    decorator_count_reset();
    return counts.round_trips + counts.open;
}

uint64_t times_asked(void) {
    const uint64_t times = asked;
    asked = 0;
    return times;
}

void pass(int64_t duration_us) {
    monotonic_ns += duration_us * 1000;
    now_us += duration_us;
    cr_assert_eq(farm_session_set_clock_us(session, now_us), FARM_OK);
}

void age_definitions(void) {
    rate_definitions *known = rate_definitions_enter_stale(session);
    cr_assert_not_null(known);
    atomic_fetch_sub(&known->snapshot.loaded_us, FARM_RATE_STALENESS_US);
    rate_definitions_leave(session, known);
}

void define_limit(farm_rate_limit limit) {
    limit.struct_size = sizeof limit;
    if (limit.period_us == 0) limit.period_us = 24 * HOUR_US;
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK, "%s",
                 farm_session_error_text(session));
    /* So that what is counted afterwards is not the reading of the limits. */
    (void)left_in_store(limit.name, "nobody");
    round_trips();
}

int64_t left_in_store(const char *limit, const char *subject) {
    const farm_rate_request item = request_of(limit, subject, 0);
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision looked = {.struct_size = sizeof looked};
    cr_assert_eq(farm_rate_peek(session, &item, 1, &state, &looked), FARM_OK, "%s",
                 farm_session_error_text(session));
    return state.remaining;
}

int64_t take_until_refused(const char *limit, const char *subject, int64_t cost) {
    int64_t total = 0;
    while (total < 100000 && take(limit, subject, cost)) total += cost;
    return total;
}
