/* The public functions of breaker.h where the model does not reach: arguments, names, options of a
 * name, events, hooks, memory. */
#include "failing_allocator.h"
#include <criterion/criterion.h>
#include <farmcore/breaker.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define NOW_US INT64_C(1767225600000000)

static farm_breakers *made(const farm_breaker_options *options) {
    const farm_breakers_options set = {.struct_size = sizeof set, .breaker = options};
    farm_breakers *breakers = NULL;
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_breakers_new(&set, &error, &breakers), FARM_OK, "%s", error.text);
    cr_assert_eq(farm_breakers_set_clock_us(breakers, NOW_US), FARM_OK);
    return breakers;
}

static farm_breaker_permit ask(farm_breakers *breakers, const char *key) {
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    cr_assert_eq(farm_breaker_allow(breakers, key, &permit), FARM_OK);
    return permit;
}

static void call(farm_breakers *breakers, const char *key, int32_t outcome, int count) {
    for (int i = 0; i < count; i++) {
        farm_breaker_permit permit = ask(breakers, key);
        cr_assert_eq(permit.allowed, 1);
        cr_assert_eq(farm_breaker_report(breakers, &permit, outcome, 0), FARM_OK);
    }
}

static farm_breaker_state look(farm_breakers *breakers, const char *key) {
    farm_breaker_state state = {.struct_size = sizeof state};
    cr_assert_eq(farm_breaker_look(breakers, key, &state), FARM_OK);
    return state;
}

static size_t events_after(farm_breakers *breakers, int64_t after, farm_breaker_event *rows,
                           size_t capacity) {
    size_t count = 99;
    for (size_t i = 0; i < capacity; i++) rows[i].struct_size = sizeof *rows;
    cr_assert_eq(farm_breaker_events(breakers, after, rows, capacity, &count), FARM_OK);
    return count;
}

/* ------------------------------------------------------------------------------- around a call */

Test(breaker, it_opens_denies_probes_and_closes) {
    farm_breakers *breakers = made(&(farm_breaker_options){
        .struct_size = sizeof(farm_breaker_options), .jitter_percent = -1, .probe_count = 2});
    call(breakers, "shop", FARM_BREAKER_FAILURE, 5);

    farm_breaker_permit denied = ask(breakers, "shop");
    farm_breakers_set_clock_us(breakers, NOW_US + 5 * SECOND_US + 1000);
    farm_breaker_permit first = ask(breakers, "shop");
    farm_breaker_permit second = ask(breakers, "shop");
    farm_breaker_permit third = ask(breakers, "shop");
    farm_breaker_report(breakers, &first, FARM_BREAKER_SUCCESS, 0);
    farm_breaker_report(breakers, &second, FARM_BREAKER_SUCCESS, 0);

    cr_assert_eq(denied.allowed, 0);
    cr_assert_eq(denied.state, FARM_BREAKER_OPEN);
    cr_assert(denied.retry_after_us >= 5 * SECOND_US && denied.retry_after_us < 5001000);
    cr_assert(first.allowed && second.allowed && !third.allowed);
    cr_assert_eq(third.state, FARM_BREAKER_HALF_OPEN);
    cr_assert_eq(look(breakers, "shop").state, FARM_BREAKER_CLOSED);
    cr_assert_eq(ask(breakers, "shop").allowed, 1);
    farm_breakers_free(breakers);
}

Test(breaker, names_do_not_touch_each_other) {
    farm_breakers *breakers = made(NULL);

    call(breakers, "shop", FARM_BREAKER_FAILURE, 5);

    cr_assert_eq(ask(breakers, "shop").allowed, 0);
    cr_assert_eq(ask(breakers, "pub").allowed, 1);
    cr_assert_eq(ask(breakers, "shopp").allowed, 1);
    farm_breakers_free(breakers);
}

Test(breaker, a_store_that_fails_three_times_is_left_alone_for_a_second) {
    const farm_breaker_options store = {.struct_size = sizeof store,
                                        .consecutive_count = 3,
                                        .failure_percent = -1,
                                        .jitter_percent = -1,
                                        .open_us = SECOND_US,
                                        .open_max_us = SECOND_US,
                                        .probe_count = 1};
    farm_breakers *breakers = made(&store);

    call(breakers, "store", farm_breaker_outcome(FARM_EUNAVAILABLE), 2);
    call(breakers, "store", farm_breaker_outcome(FARM_ENOTFOUND), 1);
    call(breakers, "store", farm_breaker_outcome(FARM_ETIMEOUT), 2);
    call(breakers, "store", farm_breaker_outcome(FARM_EAGAIN), 4);
    cr_assert_eq(look(breakers, "store").state, FARM_BREAKER_CLOSED);
    call(breakers, "store", farm_breaker_outcome(FARM_EUNCERTAIN), 1);

    cr_assert_eq(look(breakers, "store").state, FARM_BREAKER_OPEN);
    cr_assert_leq(ask(breakers, "store").retry_after_us, SECOND_US + 1000);
    farm_breakers_set_clock_us(breakers, NOW_US + SECOND_US + 1000);
    call(breakers, "store", FARM_BREAKER_SUCCESS, 1);
    cr_assert_eq(look(breakers, "store").state, FARM_BREAKER_CLOSED);
    farm_breakers_free(breakers);
}

Test(breaker, a_slow_answer_is_measured_from_the_permit) {
    farm_breakers *breakers =
        made(&(farm_breaker_options){.struct_size = sizeof(farm_breaker_options),
                                     .minimum_count = 2,
                                     .slow_percent = 100,
                                     .slow_us = 1000});
    farm_breaker_permit slow = ask(breakers, "shop");
    farm_breaker_permit slower = ask(breakers, "shop");
    farm_breakers_set_clock_us(breakers, NOW_US + 1001);

    farm_breaker_report(breakers, &slow, FARM_BREAKER_SUCCESS, -1);
    cr_assert_eq(look(breakers, "shop").slow_count, 1);
    farm_breaker_report(breakers, &slower, FARM_BREAKER_SUCCESS, -1);

    farm_breaker_event event;
    cr_assert_eq(events_after(breakers, 0, &event, 1), 1);
    cr_assert_eq(event.cause, FARM_BREAKER_CAUSE_SLOW);
    farm_breakers_free(breakers);
}

/* ------------------------------- what happens between two instructions, by way of the hooks */

static farm_breakers *interrupted;
static int32_t interrupted_state;
static int interruption_count;

/* Drawn between the look at a state and its change. */
static void interrupt_with_set(void *context, void *data, size_t size) {
    (void)context;
    memset(data, 0, size);
    if (interrupted == NULL || interruption_count++ > 0) return;
    farm_breaker_set(interrupted, "shop", interrupted_state);
}

Test(breaker, who_changes_a_state_first_has_changed_it) {
    const farm_entropy entropy = {.struct_size = sizeof entropy, .fill = interrupt_with_set};
    const farm_breakers_options set = {.struct_size = sizeof set, .entropy = &entropy};
    for (int32_t state = FARM_BREAKER_FORCED_OPEN; state <= FARM_BREAKER_FORCED_CLOSED; state++) {
        farm_breakers *breakers = NULL;
        cr_assert_eq(farm_breakers_new(&set, NULL, &breakers), FARM_OK);
        interrupted = breakers;
        interrupted_state = state;
        interruption_count = 0;
        call(breakers, "shop", FARM_BREAKER_FAILURE, 5);
        interrupted = NULL;

        farm_breaker_event rows[4];
        cr_assert_geq(interruption_count, 1);
        cr_assert_eq(look(breakers, "shop").state, state);
        cr_assert_eq(look(breakers, "shop").opened_count, 0);
        cr_assert_eq(events_after(breakers, 0, rows, 4), 1);
        cr_assert_eq(rows[0].after, state);
        farm_breakers_free(breakers);
    }
}

static farm_breaker_event seen_meanwhile[4];
static size_t seen_count;

static int64_t read_zero(void *context) {
    (void)context;
    return 0;
}

/* Asked while an event is being written. */
static int64_t interrupt_with_events(void *context) {
    (void)context;
    if (interrupted == NULL || interruption_count++ > 0) return 0;
    farm_breaker_set(interrupted, "pub", FARM_BREAKER_FORCED_OPEN);
    seen_count = events_after(interrupted, 0, seen_meanwhile, 4);
    return 0;
}

static void open_interrupted(uint32_t event_count) {
    const farm_clock clock = {
        .struct_size = sizeof clock, .real_ns = interrupt_with_events, .monotonic_ns = read_zero};
    const farm_breakers_options set = {
        .struct_size = sizeof set, .clock = &clock, .event_count = event_count};
    cr_assert_eq(farm_breakers_new(&set, NULL, &interrupted), FARM_OK);
    interruption_count = 0;
    seen_count = 99;
}

Test(breaker, an_event_that_is_half_written_is_not_told_nor_are_later_ones) {
    farm_breaker_event rows[4];
    open_interrupted(4);

    farm_breaker_set(interrupted, "shop", FARM_BREAKER_FORCED_OPEN);

    cr_assert_eq(seen_count, 0);
    cr_assert_eq(events_after(interrupted, 0, rows, 4), 2);
    cr_assert_str_eq(rows[0].key, "shop");
    cr_assert_str_eq(rows[1].key, "pub");
    farm_breakers_free(interrupted);
}

Test(breaker, an_event_that_meets_a_half_written_one_is_lost_and_nobody_waits) {
    farm_breaker_event rows[4];
    open_interrupted(1);

    farm_breaker_set(interrupted, "shop", FARM_BREAKER_FORCED_OPEN);

    cr_assert_eq(events_after(interrupted, 0, rows, 4), 0);
    farm_breaker_set(interrupted, "shop", FARM_BREAKER_CLOSED);
    cr_assert_eq(events_after(interrupted, 0, rows, 4), 1);
    cr_assert_eq(rows[0].sequence, 3);
    cr_assert_eq(rows[0].lost_count, 2);
    farm_breakers_free(interrupted);
}

/* -------------------------------------------------------------------------------------- events */

Test(breaker, events_tell_what_happened_in_order) {
    farm_breakers *breakers = made(NULL);
    farm_breaker_event rows[8];
    call(breakers, "shop", FARM_BREAKER_FAILURE, 5);
    farm_breakers_set_clock_us(breakers, NOW_US + 6 * SECOND_US);
    call(breakers, "shop", FARM_BREAKER_FAILURE, 1);
    farm_breaker_set(breakers, "pub", FARM_BREAKER_FORCED_OPEN);
    farm_breakers_set_clock_us(breakers, NOW_US + 17 * SECOND_US);
    call(breakers, "shop", FARM_BREAKER_SUCCESS, 3);

    const size_t count = events_after(breakers, 0, rows, 8);

    static const struct {
        const char *key;
        int32_t from, to, cause;
        int64_t at_s;
    } expected[] = {
        {"shop", FARM_BREAKER_CLOSED, FARM_BREAKER_OPEN, FARM_BREAKER_CAUSE_CONSECUTIVE, 0},
        {"shop", FARM_BREAKER_OPEN, FARM_BREAKER_HALF_OPEN, FARM_BREAKER_CAUSE_TIME, 6},
        {"shop", FARM_BREAKER_HALF_OPEN, FARM_BREAKER_OPEN, FARM_BREAKER_CAUSE_PROBE_FAILED, 6},
        {"pub", FARM_BREAKER_CLOSED, FARM_BREAKER_FORCED_OPEN, FARM_BREAKER_CAUSE_MANUAL, 6},
        {"shop", FARM_BREAKER_OPEN, FARM_BREAKER_HALF_OPEN, FARM_BREAKER_CAUSE_TIME, 17},
        {"shop", FARM_BREAKER_HALF_OPEN, FARM_BREAKER_CLOSED, FARM_BREAKER_CAUSE_PROBED, 17},
    };
    cr_assert_eq(count, 6);
    for (size_t i = 0; i < count; i++) {
        cr_assert_str_eq(rows[i].key, expected[i].key, "event %zu", i);
        cr_assert_eq(rows[i].before, expected[i].from, "event %zu", i);
        cr_assert_eq(rows[i].after, expected[i].to, "event %zu", i);
        cr_assert_eq(rows[i].cause, expected[i].cause, "event %zu", i);
        cr_assert_eq(rows[i].at_us, NOW_US + expected[i].at_s * SECOND_US, "event %zu", i);
        cr_assert_eq(rows[i].sequence, (int64_t)i + 1);
        cr_assert_eq(rows[i].lost_count, 0);
    }
    cr_assert_eq(rows[5].generation, 5);
    cr_assert_eq(events_after(breakers, 4, rows, 8), 2);
    cr_assert_eq(rows[0].sequence, 5);
    cr_assert_eq(events_after(breakers, 2, rows, 1), 1);
    cr_assert_eq(rows[0].sequence, 3);
    cr_assert_eq(events_after(breakers, 6, rows, 8), 0);
    cr_assert_eq(events_after(breakers, INT64_MAX, rows, 8), 0);
    farm_breakers_free(breakers);
}

Test(breaker, a_reader_who_comes_late_is_told_how_many_he_missed) {
    const farm_breakers_options set = {.struct_size = sizeof set, .event_count = 4};
    farm_breakers *breakers = NULL;
    farm_breaker_event rows[8];
    cr_assert_eq(farm_breakers_new(&set, NULL, &breakers), FARM_OK);
    for (int i = 0; i < 10; i++) farm_breaker_set(breakers, "shop", FARM_BREAKER_CLOSED);

    cr_assert_eq(events_after(breakers, 2, rows, 8), 4);
    cr_assert_eq(rows[0].sequence, 7);
    cr_assert_eq(rows[0].lost_count, 4);
    cr_assert_eq(rows[1].lost_count, 0);
    cr_assert_eq(events_after(breakers, 8, rows, 8), 2);
    cr_assert_eq(rows[0].lost_count, 0);
    farm_breakers_free(breakers);
}

/* ------------------------------------------------------------------------------ names, options */

Test(breaker, a_name_has_options_of_its_own_until_it_is_gone) {
    farm_breakers *breakers = made(NULL);
    farm_error error = {.struct_size = sizeof error};
    farm_breaker_options strict = {.struct_size = sizeof strict, .consecutive_count = 1};

    cr_assert_eq(farm_breaker_define(breakers, "shop", &strict, &error), FARM_OK);
    cr_assert_eq(farm_breaker_define(breakers, "shop", &strict, &error), FARM_OK);
    cr_assert_eq(farm_breaker_define(breakers, "shop", NULL, &error), FARM_EEXISTS);
    cr_assert_eq(error.status, FARM_EEXISTS);
    cr_assert_str_eq(error.text, "the name is in use with other options");
    call(breakers, "pub", FARM_BREAKER_FAILURE, 1);
    cr_assert_eq(farm_breaker_define(breakers, "pub", &strict, NULL), FARM_EEXISTS);
    cr_assert_eq(farm_breaker_define(breakers, "pub", NULL, &error), FARM_OK);
    cr_assert_eq(error.status, FARM_OK);
    call(breakers, "shop", FARM_BREAKER_FAILURE, 1);

    cr_assert_eq(look(breakers, "shop").state, FARM_BREAKER_OPEN);
    cr_assert_eq(look(breakers, "pub").state, FARM_BREAKER_CLOSED);
    farm_breakers_free(breakers);
}

Test(breaker, names_are_bounded_in_number) {
    const farm_breakers_options set = {.struct_size = sizeof set, .max_count = 3};
    farm_breakers *breakers = NULL;
    farm_error error = {.struct_size = sizeof error};
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    cr_assert_eq(farm_breakers_new(&set, NULL, &breakers), FARM_OK);
    ask(breakers, "a");
    ask(breakers, "b");
    ask(breakers, "c");

    cr_assert_eq(farm_breaker_allow(breakers, "d", &permit), FARM_EFULL);
    cr_assert_eq(farm_breaker_set(breakers, "d", FARM_BREAKER_CLOSED), FARM_EFULL);
    cr_assert_eq(farm_breaker_define(breakers, "d", NULL, &error), FARM_EFULL);
    cr_assert_str_eq(error.text, "the set has as many names as it may have");
    cr_assert_eq(ask(breakers, "b").allowed, 1);
    farm_breakers_free(breakers);
}

Test(breaker, all_names_are_listed) {
    const farm_breakers_options set = {.struct_size = sizeof set, .max_count = 300};
    farm_breakers *breakers = NULL;
    static farm_breaker_state rows[301];
    int32_t seen[300] = {0};
    size_t count = 0;
    char key[16];
    cr_assert_eq(farm_breakers_new(&set, NULL, &breakers), FARM_OK);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "shop-%d", i);
        call(breakers, key, FARM_BREAKER_FAILURE, i % 4);
        ask(breakers, key);
    }
    for (size_t i = 0; i < 301; i++) rows[i].struct_size = sizeof *rows;

    cr_assert_eq(farm_breaker_list(breakers, rows, 301, &count), FARM_OK);

    cr_assert_eq(count, 300);
    for (size_t i = 0; i < count; i++) {
        int number = -1;
        cr_assert_eq(sscanf(rows[i].key, "shop-%d", &number), 1);
        cr_assert_eq(seen[number]++, 0);
        cr_assert_eq(rows[i].failure_count, number % 4);
    }
    cr_assert_eq(farm_breaker_list(breakers, rows, 7, &count), FARM_OK);
    cr_assert_eq(count, 7);
    farm_breakers_free(breakers);
}

Test(breaker, what_can_be_no_name_is_refused) {
    farm_breakers *breakers = made(NULL);
    char longest[FARM_KEY_MAX + 2];
    const char *const bad[] = {NULL, "", longest, "\xff", "\xc0\x80"};
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    farm_breaker_state state = {.struct_size = sizeof state};
    memset(longest, 'a', sizeof longest);
    longest[FARM_KEY_MAX + 1] = '\0';

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(farm_breaker_allow(breakers, bad[i], &permit), FARM_EINVAL, "%zu", i);
        cr_assert_eq(farm_breaker_set(breakers, bad[i], FARM_BREAKER_OPEN), FARM_EINVAL);
        cr_assert_eq(farm_breaker_define(breakers, bad[i], NULL, NULL), FARM_EINVAL);
    }
    cr_assert_eq(farm_breaker_look(breakers, NULL, &state), FARM_EINVAL);
    cr_assert_eq(farm_breaker_look(breakers, "nobody", &state), FARM_ENOTFOUND);
    longest[FARM_KEY_MAX] = '\0';
    call(breakers, longest, FARM_BREAKER_FAILURE, 1);
    cr_assert_str_eq(look(breakers, longest).key, longest);
    farm_breakers_free(breakers);
}

Test(breaker, options_are_checked_and_the_text_says_which) {
    farm_breakers *breakers = NULL;
    farm_error error = {.struct_size = sizeof error};
    const farm_breaker_options wrong = {.struct_size = sizeof wrong, .failure_percent = 101};
    const farm_clock clock = {.struct_size = sizeof clock};
    const farm_entropy entropy = {.struct_size = sizeof entropy};
    struct {
        farm_breakers_options known;
        int64_t unknown;
    } newer = {{.struct_size = sizeof newer}, 1};
    const struct {
        farm_breakers_options options;
        const char *text;
    } cases[] = {
        {{.breaker = &wrong}, "options.failure_percent is not -1 to 100"},
        {{.max_count = 10001}, "options.max_count is not 0 to 10,000"},
        {{.event_count = 65537}, "options.event_count is not 0 to 65,536"},
        {{.reserved = 1}, "options.reserved is not 0"},
        {{.clock = &clock}, "options.clock lacks a function"},
        {{.entropy = &entropy}, "options.entropy lacks its function"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_breakers_options given = cases[i].options;
        given.struct_size = sizeof given;
        cr_assert_eq(farm_breakers_new(&given, &error, &breakers), FARM_EINVAL, "case %zu", i);
        cr_assert_str_eq(error.text, cases[i].text);
        cr_assert_null(breakers);
    }
    cr_assert_eq(farm_breakers_new(&newer.known, &error, &breakers), FARM_EUNSUPPORTED);
    cr_assert_eq(farm_breakers_new(NULL, &error, NULL), FARM_EINVAL);
    cr_assert_eq(farm_breakers_new(&(farm_breakers_options){0}, NULL, &breakers), FARM_EINVAL);
    cr_assert_eq(farm_breakers_new(NULL, &error, &breakers), FARM_OK);
    cr_assert_eq(farm_breaker_define(breakers, "shop", &wrong, &error), FARM_EINVAL);
    cr_assert_str_eq(error.text, "options.failure_percent is not -1 to 100");
    cr_assert_eq(farm_breaker_define(breakers, "", NULL, &error), FARM_EINVAL);
    cr_assert_str_eq(error.text, "the name is empty");
    farm_breakers_free(breakers);
}

/* ----------------------------------------------------------------------------------- arguments */

Test(breaker, wrong_arguments_change_nothing) {
    farm_breakers *breakers = made(NULL);
    farm_breaker_permit permit = ask(breakers, "shop");
    farm_breaker_permit forged = permit;
    farm_breaker_event row = {.struct_size = sizeof row};
    farm_breaker_state state = {.struct_size = sizeof state};
    size_t count = 0;

    cr_assert_eq(farm_breaker_report(breakers, &permit, 0, 0), FARM_EINVAL);
    cr_assert_eq(farm_breaker_report(breakers, &permit, 4, 0), FARM_EINVAL);
    cr_assert_eq(farm_breaker_report(breakers, &permit, FARM_BREAKER_FAILURE, -2), FARM_EINVAL);
    cr_assert_eq(farm_breaker_report(breakers, NULL, FARM_BREAKER_FAILURE, 0), FARM_EINVAL);
    cr_assert_eq(farm_breaker_report(NULL, &permit, FARM_BREAKER_FAILURE, 0), FARM_EINVAL);
    forged.allowed = 0;
    cr_assert_eq(farm_breaker_report(breakers, &forged, FARM_BREAKER_FAILURE, 0), FARM_EINVAL);
    for (int32_t place = 0; place < 70000; place += 7) {
        forged = permit;
        forged.place ^= place;
        if (forged.place == permit.place) continue;
        const farm_status status = farm_breaker_report(breakers, &forged, FARM_BREAKER_FAILURE, 0);
        /* That of no probe that is out is merely ignored. */
        cr_assert(status == FARM_EINVAL || forged.place >> 16 == 1, "place %d", forged.place);
    }
    forged.place = -1;
    cr_assert_eq(farm_breaker_report(breakers, &forged, FARM_BREAKER_FAILURE, 0), FARM_EINVAL);
    cr_assert_eq(farm_breaker_set(breakers, "shop", FARM_BREAKER_HALF_OPEN), FARM_EINVAL);
    cr_assert_eq(farm_breaker_set(breakers, "shop", 5), FARM_EINVAL);
    cr_assert_eq(farm_breaker_set(breakers, "shop", -1), FARM_EINVAL);
    cr_assert_eq(farm_breaker_set(NULL, "shop", 0), FARM_EINVAL);
    cr_assert_eq(farm_breaker_allow(breakers, "shop", NULL), FARM_EINVAL);
    cr_assert_eq(farm_breaker_allow(NULL, "shop", &permit), FARM_EINVAL);
    cr_assert_eq(farm_breaker_look(breakers, "shop", NULL), FARM_EINVAL);
    cr_assert_eq(farm_breaker_list(breakers, &state, 0, &count), FARM_EINVAL);
    cr_assert_eq(farm_breaker_list(breakers, &state, 10001, &count), FARM_EINVAL);
    cr_assert_eq(farm_breaker_list(breakers, NULL, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_breaker_events(breakers, -1, &row, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_breaker_events(breakers, 0, &row, 0, &count), FARM_EINVAL);
    cr_assert_eq(farm_breaker_events(breakers, 0, NULL, 1, &count), FARM_EINVAL);
    cr_assert_eq(farm_breakers_set_clock_us(breakers, -2), FARM_EINVAL);
    cr_assert_eq(farm_breakers_set_clock_us(breakers, INT64_MAX), FARM_EINVAL);
    farm_breakers_free(NULL);

    cr_assert_eq(look(breakers, "shop").state, FARM_BREAKER_CLOSED);
    cr_assert_eq(look(breakers, "shop").call_count, 0);
    farm_breakers_free(breakers);
}

Test(breaker, an_older_caller_has_shorter_structs) {
    farm_breakers *breakers = made(NULL);
    struct {
        farm_breaker_permit permit;
        char beyond[8];
    } given = {{.struct_size = offsetof(farm_breaker_permit, started_us)}, "beyond"};
    farm_breaker_state rows[2] = {{.struct_size = offsetof(farm_breaker_state, call_count)}};
    size_t count = 0;
    given.permit.probe = 77;

    cr_assert_eq(farm_breaker_allow(breakers, "shop", &given.permit), FARM_OK);
    cr_assert_eq(given.permit.allowed, 1);
    cr_assert_eq(given.permit.probe, 77, "what he does not know is left as it was");
    cr_assert_eq(farm_breaker_list(breakers, rows, 1, &count), FARM_OK);
    cr_assert_eq(rows[0].call_count, 0);
    rows[0].struct_size = 0;
    cr_assert_eq(farm_breaker_list(breakers, rows, 1, &count), FARM_EINVAL);
    farm_breakers_free(breakers);
}

/* ------------------------------------------------------------------------------- clock, memory */

Test(breaker, the_clock_is_frozen_moved_and_let_go) {
    farm_breakers *breakers = made(
        &(farm_breaker_options){.struct_size = sizeof(farm_breaker_options), .jitter_percent = -1});
    farm_breaker_set(breakers, "shop", FARM_BREAKER_OPEN);
    const int64_t left_us = look(breakers, "shop").retry_after_us;
    cr_assert_eq(left_us, 5 * SECOND_US, "frozen on a whole millisecond");

    farm_breakers_set_clock_us(breakers, NOW_US + SECOND_US);
    cr_assert_eq(look(breakers, "shop").retry_after_us, left_us - SECOND_US);
    farm_breakers_set_clock_us(breakers, NOW_US);
    cr_assert_eq(look(breakers, "shop").retry_after_us, left_us);
    farm_breakers_set_clock_us(breakers, 0);
    cr_assert_geq(look(breakers, "shop").retry_after_us, left_us);
    farm_breakers_set_clock_us(breakers, -1);
    cr_assert_leq(look(breakers, "shop").retry_after_us, left_us + 1000);
    farm_breakers_free(breakers);
}

Test(breaker, each_allocation_that_fails_leaves_nothing_behind) {
    failing_allocator allocator;
    int32_t has_succeeded = 0;
    for (int64_t countdown = 0; !has_succeeded; countdown++) {
        farm_breakers *breakers = NULL;
        farm_breaker_permit permit = {.struct_size = sizeof permit};
        farm_error error = {.struct_size = sizeof error};
        failing_allocator_set(&allocator, countdown);
        farm_status status = farm_breakers_new(NULL, &error, &breakers);
        if (status == FARM_OK) status = farm_breaker_allow(breakers, "shop", &permit);
        if (status == FARM_OK) status = farm_breaker_define(breakers, "pub", NULL, &error);
        cr_assert_eq(status, allocator.has_failed ? FARM_ENOMEM : FARM_OK);
        has_succeeded = status == FARM_OK;
        allocator.countdown = -1;
        if (breakers != NULL) cr_assert_eq(ask(breakers, "shop").allowed, 1, "the repeat succeeds");
        farm_breakers_free(breakers);
        cr_assert_eq(allocator.live_count, 0);
        cr_assert_lt(countdown, 10);
    }
    farm_allocator_set(NULL);
}
