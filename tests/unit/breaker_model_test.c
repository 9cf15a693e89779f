/* Random sequences of allow, report and set, on a clock that jumps, against a simple model: a list
 * of the reports of the present state and a list of the permits that are out. Every answer and
 * every figure must be the model's. A failure prints its seed; FARM_SEED runs that one alone. */
#include <criterion/criterion.h>
#include <farmcore/breaker.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

enum { STEP_COUNT = 1500, SEED_COUNT = 40 };

/* ------------------------------------------------------------------ what comes in from outside */

static int64_t clock_ns;

static int64_t read_clock(void *context) {
    (void)context;
    return clock_ns;
}

/* All zero: no open time is shortened. */
static void fill_zero(void *context, void *data, size_t size) {
    (void)context;
    memset(data, 0, size);
}

static unsigned random_state;

static int64_t below(int64_t bound) {
    random_state = random_state * 1664525U + 1013904223U;
    return (int64_t)(random_state >> 8) % bound;
}

/* ----------------------------------------------------------------------------------- the model */

typedef struct model_report {
    int64_t bucket;
    int32_t is_failure, is_slow;
} model_report;

typedef struct model_permit {
    farm_breaker_permit permit;
    int64_t generation, given_us;
    int32_t is_probe, is_reported;
} model_permit;

typedef struct model {
    farm_breaker_options options; /* with nothing left to default */
    int32_t state;
    int64_t generation, until_ms, trips, consecutive, probed, calls;
    int64_t opened, denied, ignored, events;
    model_report reports[STEP_COUNT];
    size_t report_count;
    model_permit permits[STEP_COUNT];
    size_t permit_count;
} model;

static model world;
static int64_t now_us; /* since the set was made */

static void enter(int32_t state, int32_t is_by_itself) {
    world.trips = state == FARM_BREAKER_HALF_OPEN         ? world.trips
                  : state != FARM_BREAKER_OPEN            ? 0
                  : world.state == FARM_BREAKER_HALF_OPEN ? world.trips + 1
                                                          : 1;
    world.state = state;
    world.generation++;
    world.events++;
    world.report_count = 0;
    world.consecutive = 0;
    world.probed = 0;
    world.until_ms = 0;
    if (state != FARM_BREAKER_OPEN) return;
    int64_t open_us = world.options.open_us;
    for (int64_t i = 1; i < world.trips; i++)
        if (open_us < world.options.open_max_us) open_us *= 2;
    if (open_us > world.options.open_max_us) open_us = world.options.open_max_us;
    world.until_ms = (now_us + open_us + 999) / 1000;
    world.opened += is_by_itself;
}

static int32_t is_out(const model_permit *permit) {
    const int64_t lifetime_ms = (world.options.probe_us + 999) / 1000;
    return permit->is_probe && !permit->is_reported &&
           now_us / 1000 - permit->given_us / 1000 < lifetime_ms;
}

static int64_t count_probes(void) {
    int64_t count = 0;
    for (size_t i = 0; i < world.permit_count; i++) count += is_out(&world.permits[i]);
    return count;
}

static int32_t model_allow(void) {
    if (world.state == FARM_BREAKER_OPEN && now_us >= world.until_ms * 1000)
        enter(FARM_BREAKER_HALF_OPEN, 0);
    const int32_t allowed =
        world.state == FARM_BREAKER_CLOSED || world.state == FARM_BREAKER_FORCED_CLOSED ||
        (world.state == FARM_BREAKER_HALF_OPEN && count_probes() < world.options.probe_count);
    world.denied += !allowed;
    return allowed;
}

static int64_t bucket_size(void) {
    const int64_t window =
        world.options.window_count > 0 ? world.options.window_count : world.options.window_us;
    return (window + world.options.bucket_count - 1) / world.options.bucket_count;
}

static int64_t present_bucket(void) {
    if (world.options.window_count == 0) return now_us / bucket_size();
    return world.calls == 0 ? 0 : (world.calls - 1) / bucket_size();
}

static void sum(int64_t *calls, int64_t *failures, int64_t *slow) {
    const int64_t oldest = present_bucket() - world.options.bucket_count + 1;
    *calls = *failures = *slow = 0;
    for (size_t i = 0; i < world.report_count; i++) {
        if (world.reports[i].bucket < oldest) continue;
        *calls += 1;
        *failures += world.reports[i].is_failure;
        *slow += world.reports[i].is_slow;
    }
}

static int32_t is_time_to_open(void) {
    const farm_breaker_options *options = &world.options;
    int64_t calls, failures, slow;
    sum(&calls, &failures, &slow);
    if (options->consecutive_count > 0 && world.consecutive >= options->consecutive_count) return 1;
    if (calls < options->minimum_count) return 0;
    if (options->failure_percent > 0 && failures * 100 >= calls * options->failure_percent)
        return 1;
    return options->slow_us > 0 && slow * 100 >= calls * options->slow_percent;
}

static void model_report_call(model_permit *permit, int32_t outcome, int64_t duration_us) {
    const int32_t is_held = !permit->is_probe || is_out(permit);
    permit->is_reported = 1;
    if (!is_held || permit->generation != world.generation) {
        world.ignored++;
        return;
    }
    if (outcome == FARM_BREAKER_EXCLUDED) return;
    if (duration_us < 0) duration_us = now_us - permit->given_us;
    const int32_t is_failure = outcome == FARM_BREAKER_FAILURE;
    const int32_t is_slow = world.options.slow_us > 0 && duration_us > world.options.slow_us;
    if (world.state == FARM_BREAKER_HALF_OPEN) {
        if (is_failure || is_slow)
            enter(FARM_BREAKER_OPEN, 1);
        else if (++world.probed >= world.options.probe_count)
            enter(FARM_BREAKER_CLOSED, 0);
    } else if (world.state == FARM_BREAKER_CLOSED) {
        world.calls++;
        world.reports[world.report_count++] = (model_report){present_bucket(), is_failure, is_slow};
        world.consecutive = is_failure ? world.consecutive + 1 : 0;
        if ((is_failure || is_slow) && is_time_to_open()) enter(FARM_BREAKER_OPEN, 1);
    }
}

/* ----------------------------------------------------------------------------------- comparing */

static farm_breakers *breakers;
static unsigned seed;
static int step;

#define AGREE(ours, models)                                                                        \
    cr_assert_eq((int64_t)(ours), (int64_t)(models), "seed %u, step %d: " #ours " %lld, not %lld", \
                 seed, step, (long long)(ours), (long long)(models))

static void compare(void) {
    farm_breaker_state state = {.struct_size = sizeof state};
    int64_t calls, failures, slow;
    sum(&calls, &failures, &slow);
    AGREE(farm_breaker_look(breakers, "shop", &state), FARM_OK);
    AGREE(state.state, world.state);
    AGREE(state.generation, world.generation);
    AGREE(state.call_count, calls);
    AGREE(state.failure_count, failures);
    AGREE(state.timed_count, world.options.slow_us > 0 ? calls : 0);
    AGREE(state.slow_count, slow);
    AGREE(state.consecutive_count, world.consecutive);
    AGREE(state.probe_count, count_probes());
    AGREE(state.opened_count, world.opened);
    AGREE(state.denied_count, world.denied);
    AGREE(state.ignored_count, world.ignored);
    const int64_t left = world.until_ms * 1000 - now_us;
    AGREE(state.retry_after_us, world.state == FARM_BREAKER_FORCED_OPEN        ? -1
                                : world.state == FARM_BREAKER_OPEN && left > 0 ? left
                                                                               : 0);
}

static void step_allow(void) {
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    const int32_t allowed = model_allow();
    AGREE(farm_breaker_allow(breakers, "shop", &permit), FARM_OK);
    AGREE(permit.allowed, allowed);
    AGREE(permit.state, world.state);
    if (allowed) {
        AGREE(permit.retry_after_us, 0);
        world.permits[world.permit_count++] = (model_permit){
            permit, world.generation, now_us, world.state == FARM_BREAKER_HALF_OPEN, 0};
    } else if (world.state == FARM_BREAKER_OPEN) {
        AGREE(permit.retry_after_us, world.until_ms * 1000 - now_us);
    } else {
        AGREE(permit.retry_after_us > 0, world.state == FARM_BREAKER_HALF_OPEN);
    }
}

/* Mostly a recent permit; a probe's perhaps twice, for that is found out. */
static void step_report(void) {
    if (world.permit_count == 0) return;
    const int64_t back = below(below(4) == 0 ? (int64_t)world.permit_count : 4);
    const int64_t place = (int64_t)world.permit_count - 1 - back;
    if (place < 0) return;
    model_permit *permit = &world.permits[place];
    if (permit->is_reported && !permit->is_probe) return;
    const int32_t outcome = below(10) == 0  ? FARM_BREAKER_EXCLUDED
                            : below(2) == 0 ? FARM_BREAKER_FAILURE
                                            : FARM_BREAKER_SUCCESS;
    const int64_t duration_us = below(3) == 0 ? -1 : below(400000);
    model_report_call(permit, outcome, duration_us);
    AGREE(farm_breaker_report(breakers, &permit->permit, outcome, duration_us), FARM_OK);
}

static void step_set(void) {
    static const int32_t states[] = {FARM_BREAKER_CLOSED, FARM_BREAKER_OPEN,
                                     FARM_BREAKER_FORCED_OPEN, FARM_BREAKER_FORCED_CLOSED};
    /* What is forced does not stay so for long, or nothing else would be tried. */
    const int32_t state =
        world.state >= FARM_BREAKER_FORCED_OPEN ? FARM_BREAKER_CLOSED : states[below(4)];
    if (state == FARM_BREAKER_CLOSED || state != world.state) enter(state, 0);
    AGREE(farm_breaker_set(breakers, "shop", state), FARM_OK);
}

static void step_clock(void) {
    const int64_t size = world.options.window_count > 0 ? 100000 : bucket_size();
    const int64_t kind = below(16);
    int64_t passed = below(size);
    if (kind < 2) passed = below(world.options.open_us * 2);
    if (kind == 2) passed = below(world.options.probe_us * 2);
    if (kind == 3) passed = size * world.options.bucket_count * (250 + below(10)) + below(size);
    now_us += passed;
    clock_ns += passed * 1000;
}

static void run(const farm_breaker_options *options) {
    const farm_clock clock = {
        .struct_size = sizeof clock, .real_ns = read_clock, .monotonic_ns = read_clock};
    const farm_entropy entropy = {.struct_size = sizeof entropy, .fill = fill_zero};
    const farm_breakers_options set = {
        .struct_size = sizeof set, .breaker = options, .clock = &clock, .entropy = &entropy};
    farm_error error = {.struct_size = sizeof error};
    memset(&world, 0, sizeof world);
    world.options = *options;
    now_us = 0;
    clock_ns = INT64_C(123456789123);
    random_state = seed;
    cr_assert_eq(farm_breakers_new(&set, &error, &breakers), FARM_OK, "%s", error.text);
    farm_breaker_permit first = {.struct_size = sizeof first};
    cr_assert_eq(farm_breaker_allow(breakers, "shop", &first), FARM_OK);
    for (step = 0; step < STEP_COUNT - 1; step++) {
        const int64_t kind = below(100);
        if (kind < 35)
            step_allow();
        else if (kind < 75)
            step_report();
        else if (kind < 98)
            step_clock();
        else
            step_set();
        compare();
    }
    farm_breaker_event events[256];
    size_t count = 0;
    events[0].struct_size = sizeof events[0];
    for (size_t i = 1; i < 256; i++) events[i].struct_size = sizeof events[0];
    AGREE(farm_breaker_events(breakers, 0, events, 256, &count), FARM_OK);
    AGREE(count, world.events < 256 ? world.events : 256);
    AGREE(count == 0 ? 0 : events[count - 1].sequence, world.events);
    AGREE(count == 0 ? 0 : events[0].lost_count, world.events - (int64_t)count);
    farm_breakers_free(breakers);
}

static void run_seeds(const farm_breaker_options *options) {
    const char *given = getenv("FARM_SEED");
    const unsigned first = given == NULL ? 1 : (unsigned)strtoul(given, NULL, 10);
    for (seed = first; seed < first + (given == NULL ? SEED_COUNT : 1); seed++) run(options);
}

/* ----------------------------------------------------------------------- the kinds of breakers */

static const farm_breaker_options plain = {.struct_size = sizeof plain,
                                           .consecutive_count = 5,
                                           .failure_percent = 50,
                                           .slow_percent = 50,
                                           .minimum_count = 8,
                                           .bucket_count = 10,
                                           .probe_count = 3,
                                           .jitter_percent = 20,
                                           .window_us = 10 * SECOND_US,
                                           .open_us = 5 * SECOND_US,
                                           .open_max_us = 60 * SECOND_US,
                                           .probe_us = 30 * SECOND_US};

Test(breaker_model, a_window_of_time) {
    run_seeds(&plain);
}

Test(breaker_model, a_window_of_time_with_slow_calls_and_no_rule_of_a_row) {
    farm_breaker_options options = plain;
    options.consecutive_count = -1;
    options.slow_us = 200000;
    options.slow_percent = 70;
    options.failure_percent = 60;
    options.bucket_count = 3;
    options.window_us = 1000000;
    run_seeds(&options);
}

Test(breaker_model, a_window_of_calls) {
    farm_breaker_options options = plain;
    options.consecutive_count = -1;
    options.window_count = 23;
    options.bucket_count = 5;
    run_seeds(&options);
}

Test(breaker_model, one_bucket_one_probe_and_short_times) {
    farm_breaker_options options = plain;
    options.consecutive_count = 2;
    options.failure_percent = -1;
    options.bucket_count = 1;
    options.probe_count = 1;
    options.window_us = 50000;
    options.open_us = 1500;
    options.open_max_us = 7000;
    options.probe_us = 3000;
    run_seeds(&options);
}

Test(breaker_model, many_probes_that_get_lost) {
    farm_breaker_options options = plain;
    options.probe_count = 8;
    options.probe_us = 400000;
    options.open_us = 100000;
    options.consecutive_count = 1;
    run_seeds(&options);
}
