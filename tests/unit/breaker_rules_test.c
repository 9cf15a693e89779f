/* The rules of circuit breakers: the state table, options, what the shared words hold at their
 * bounds, when to open and for how long. */
#include "breaker/breaker_rules.h"
#include <criterion/criterion.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

static farm_breaker_options filled(farm_breaker_options given) {
    farm_breaker_options out;
    const char *complaint = breaker_options_fill(&given, &out);
    cr_assert_null(complaint, "%s", complaint);
    return out;
}

/* ---------------------------------------------------------------------------------- the states */

Test(breaker_rules, every_pair_of_states_is_as_the_table_says) {
    /* rows: from; columns: closed, open, half-open, forced open, forced closed */
    static const char *const expected[] = {"yynyy", "ynyyy", "yynyy", "yynny", "yynyn"};

    for (int32_t from = -1; from <= 5; from++)
        for (int32_t to = -1; to <= 5; to++) {
            const int32_t is_in = from >= 0 && from < 5 && to >= 0 && to < 5;
            cr_assert_eq(state_may_follow(&breaker_states, from, to),
                         is_in && expected[from][to] == 'y', "%d to %d", from, to);
        }
}

Test(breaker_rules, every_state_has_its_name) {
    cr_assert_str_eq(farm_breaker_state_name(FARM_BREAKER_CLOSED), "closed");
    cr_assert_str_eq(farm_breaker_state_name(FARM_BREAKER_OPEN), "open");
    cr_assert_str_eq(farm_breaker_state_name(FARM_BREAKER_HALF_OPEN), "half-open");
    cr_assert_str_eq(farm_breaker_state_name(FARM_BREAKER_FORCED_OPEN), "forced open");
    cr_assert_str_eq(farm_breaker_state_name(FARM_BREAKER_FORCED_CLOSED), "forced closed");
    cr_assert_str_eq(farm_breaker_state_name(5), "unknown");
    cr_assert_str_eq(farm_breaker_state_name(-1), "unknown");
}

Test(breaker_rules, every_status_says_something_of_the_store) {
    static const char expected[] = "SxxSSSSxFFFSFFFxx";

    for (farm_status status = 0; status <= FARM_EINTERNAL; status++) {
        const int32_t outcome = expected[status] == 'S'   ? FARM_BREAKER_SUCCESS
                                : expected[status] == 'F' ? FARM_BREAKER_FAILURE
                                                          : FARM_BREAKER_EXCLUDED;
        cr_assert_eq(farm_breaker_outcome(status), outcome, "%s", farm_status_name(status));
    }
    cr_assert_eq(farm_breaker_outcome(-1), FARM_BREAKER_EXCLUDED);
    cr_assert_eq(farm_breaker_outcome(FARM_EINTERNAL + 1), FARM_BREAKER_EXCLUDED);
}

/* --------------------------------------------------------------------------------- the options */

Test(breaker_rules, defaults_are_those_of_the_header) {
    farm_breaker_options options = filled((farm_breaker_options){0});

    cr_assert_eq(options.struct_size, sizeof options);
    cr_assert_eq(options.consecutive_count, 5);
    cr_assert_eq(options.failure_percent, 50);
    cr_assert_eq(options.slow_percent, 50);
    cr_assert_eq(options.minimum_count, 20);
    cr_assert_eq(options.bucket_count, 10);
    cr_assert_eq(options.window_count, 0);
    cr_assert_eq(options.probe_count, 3);
    cr_assert_eq(options.jitter_percent, 20);
    cr_assert_eq(options.window_us, 10 * SECOND_US);
    cr_assert_eq(options.slow_us, 0);
    cr_assert_eq(options.open_us, 5 * SECOND_US);
    cr_assert_eq(options.open_max_us, 60 * SECOND_US);
    cr_assert_eq(options.probe_us, 30 * SECOND_US);
    cr_assert_eq(breaker_bucket_size(&options), SECOND_US);
}

Test(breaker_rules, defaults_give_way_to_what_was_given) {
    farm_breaker_options few = filled((farm_breaker_options){.window_count = 4});
    farm_breaker_options many = filled((farm_breaker_options){.window_count = 95});
    farm_breaker_options lasting = filled((farm_breaker_options){.open_us = 100 * SECOND_US});

    cr_assert_eq(few.bucket_count, 4);
    cr_assert_eq(few.minimum_count, 4);
    cr_assert_eq(breaker_bucket_size(&few), 1);
    cr_assert_eq(many.bucket_count, 10);
    cr_assert_eq(many.minimum_count, 20);
    cr_assert_eq(breaker_bucket_size(&many), 10, "rounded up to whole buckets");
    cr_assert_eq(lasting.open_max_us, 100 * SECOND_US);
    cr_assert_eq(filled((farm_breaker_options){.window_us = 10000, .bucket_count = 3}).window_us,
                 10000);
}

Test(breaker_rules, options_out_of_range_are_named) {
    static const struct {
        farm_breaker_options options;
        const char *complaint;
    } cases[] = {
        {{.consecutive_count = -2}, "consecutive_count"},
        {{.consecutive_count = 1000001}, "consecutive_count"},
        {{.failure_percent = 101}, "failure_percent"},
        {{.failure_percent = -2}, "failure_percent"},
        {{.slow_percent = -1}, "slow_percent"},
        {{.slow_percent = 101}, "slow_percent"},
        {{.minimum_count = -1}, "minimum_count"},
        {{.minimum_count = 1000001}, "minimum_count"},
        {{.bucket_count = 61}, "bucket_count"},
        {{.bucket_count = -1}, "bucket_count"},
        {{.window_count = -1}, "window_count"},
        {{.window_count = 1000001}, "window_count"},
        {{.probe_count = 33}, "probe_count"},
        {{.probe_count = -1}, "probe_count"},
        {{.jitter_percent = 91}, "jitter_percent"},
        {{.jitter_percent = -2}, "jitter_percent"},
        {{.reserved = 1}, "reserved"},
        {{.window_us = 9999}, "window_us"},
        {{.window_us = DAY_US + 1}, "window_us"},
        {{.slow_us = -1}, "slow_us"},
        {{.slow_us = DAY_US + 1}, "slow_us"},
        {{.open_us = 999}, "open_us"},
        {{.open_us = DAY_US + 1}, "open_us"},
        {{.open_us = INT64_MIN}, "open_us"},
        {{.open_max_us = 999}, "open_max_us"},
        {{.open_max_us = 4 * SECOND_US}, "open_max_us is less"},
        {{.probe_us = 999}, "probe_us"},
        {{.probe_us = DAY_US + 1}, "probe_us"},
        {{.window_count = 9, .bucket_count = 10}, "bucket_count is more"},
        {{.window_count = 9, .minimum_count = 10}, "minimum_count is more"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_breaker_options out;
        const char *complaint = breaker_options_fill(&cases[i].options, &out);
        cr_assert_not_null(complaint, "case %zu", i);
        cr_assert_eq(strncmp(complaint, cases[i].complaint, strlen(cases[i].complaint)), 0,
                     "case %zu: %s", i, complaint);
    }
}

Test(breaker_rules, options_at_their_bounds_are_taken) {
    filled((farm_breaker_options){.consecutive_count = -1,
                                  .failure_percent = -1,
                                  .slow_percent = 1,
                                  .minimum_count = 1,
                                  .bucket_count = 60,
                                  .window_count = 60,
                                  .probe_count = 32,
                                  .jitter_percent = -1,
                                  .window_us = 10000,
                                  .slow_us = 1,
                                  .open_us = 1000,
                                  .open_max_us = 1000,
                                  .probe_us = 1000});
    filled((farm_breaker_options){.consecutive_count = 1000000,
                                  .failure_percent = 100,
                                  .slow_percent = 100,
                                  .minimum_count = 1000000,
                                  .bucket_count = 1,
                                  .window_count = 1000000,
                                  .probe_count = 1,
                                  .jitter_percent = 90,
                                  .window_us = DAY_US,
                                  .slow_us = DAY_US,
                                  .open_us = DAY_US,
                                  .open_max_us = DAY_US,
                                  .probe_us = DAY_US});
}

/* ----------------------------------------------------------------------------------- the state */

Test(breaker_rules, a_phase_goes_into_a_word_and_comes_back) {
    for (int32_t state = 0; state < 5; state++)
        for (uint32_t trips = 0; trips <= BREAKER_TRIPS_MAX; trips++)
            for (uint32_t i = 0; i < 4; i++) {
                breaker_phase phase = {state, trips, i * (BREAKER_GENERATION_COUNT - 1) / 3,
                                       (int64_t)i * ((INT64_C(1) << 38) - 1) / 3};
                breaker_phase back = breaker_phase_unpack(breaker_phase_pack(&phase));
                cr_assert_eq(back.state, phase.state);
                cr_assert_eq(back.trips, phase.trips);
                cr_assert_eq(back.generation, phase.generation);
                cr_assert_eq(back.until_ms, phase.until_ms);
            }
}

Test(breaker_rules, a_time_beyond_its_bits_is_held_at_the_bound) {
    breaker_phase late = {FARM_BREAKER_OPEN, 1, 7, INT64_MAX};
    breaker_phase early = {FARM_BREAKER_OPEN, 1, 7, -5};

    cr_assert_eq(breaker_phase_unpack(breaker_phase_pack(&late)).until_ms, (INT64_C(1) << 38) - 1);
    cr_assert_eq(breaker_phase_unpack(breaker_phase_pack(&early)).until_ms, 0);
    cr_assert_eq(breaker_phase_unpack(breaker_phase_pack(&late)).generation, 7);
}

static breaker_phase follow(breaker_phase from, int32_t to) {
    breaker_phase out;
    cr_assert(breaker_phase_follow(breaker_phase_pack(&from), to, &out));
    return out;
}

Test(breaker_rules, each_change_begins_a_generation_and_counts_the_openings_in_a_row) {
    breaker_phase phase = {FARM_BREAKER_CLOSED, 0, BREAKER_GENERATION_COUNT - 1, 0};

    phase = follow(phase, FARM_BREAKER_OPEN);
    cr_assert_eq(phase.generation, 0, "it goes around");
    cr_assert_eq(phase.trips, 1);
    for (uint32_t i = 2; i < 40; i++) {
        phase = follow(phase, FARM_BREAKER_HALF_OPEN);
        cr_assert_eq(phase.until_ms, 0);
        phase = follow(phase, FARM_BREAKER_OPEN);
        cr_assert_eq(phase.trips, i < BREAKER_TRIPS_MAX ? i : BREAKER_TRIPS_MAX);
    }
    phase = follow(follow(phase, FARM_BREAKER_HALF_OPEN), FARM_BREAKER_CLOSED);
    cr_assert_eq(phase.trips, 0);
    phase = follow(follow(phase, FARM_BREAKER_OPEN), FARM_BREAKER_FORCED_OPEN);
    cr_assert_eq(phase.trips, 0);
    cr_assert_eq(follow(phase, FARM_BREAKER_OPEN).trips, 1);
    breaker_phase out;
    cr_assert_not(breaker_phase_follow(breaker_phase_pack(&phase), FARM_BREAKER_HALF_OPEN, &out));
}

Test(breaker_rules, the_open_time_doubles_up_to_its_bound) {
    farm_breaker_options options = filled((farm_breaker_options){.jitter_percent = -1});
    static const int64_t seconds[] = {5, 5, 10, 20, 40, 60, 60};

    for (uint32_t trips = 0; trips < 7; trips++)
        cr_assert_eq(breaker_open_us(&options, trips, 500000), seconds[trips] * SECOND_US);
    cr_assert_eq(breaker_open_us(&options, BREAKER_TRIPS_MAX, 0), 60 * SECOND_US);
    options.open_us = options.open_max_us = DAY_US;
    cr_assert_eq(breaker_open_us(&options, BREAKER_TRIPS_MAX, 0), DAY_US);
}

Test(breaker_rules, jitter_shortens_by_up_to_its_part) {
    farm_breaker_options options = filled((farm_breaker_options){0});
    farm_breaker_options widest =
        filled((farm_breaker_options){.jitter_percent = 90, .open_us = DAY_US});

    cr_assert_eq(breaker_open_us(&options, 1, 0), 5000000);
    cr_assert_eq(breaker_open_us(&options, 1, BREAKER_RANDOM_MAX / 2), 4500000);
    cr_assert_eq(breaker_open_us(&options, 1, BREAKER_RANDOM_MAX), 4000000);
    cr_assert_eq(breaker_open_us(&options, 31, BREAKER_RANDOM_MAX), 48000000);
    cr_assert_eq(breaker_open_us(&widest, 31, BREAKER_RANDOM_MAX), DAY_US / 10);
}

Test(breaker_rules, an_open_time_ends_on_the_millisecond_after_it) {
    cr_assert_eq(breaker_until_ms(0, 1000), 1);
    cr_assert_eq(breaker_until_ms(1, 1000), 2);
    cr_assert_eq(breaker_until_ms(999, 1001), 2);
}

/* ------------------------------------------------------------------------------------- tallies */

static uint64_t added(uint64_t word, uint32_t generation, uint64_t lap, int32_t is_bad) {
    uint64_t out = 0;
    cr_assert(breaker_tally_add(word, (breaker_stamp){generation, lap}, is_bad, &out));
    return out;
}

static void holds(uint64_t word, uint32_t generation, uint64_t lap, int64_t count, int64_t bad) {
    breaker_tally tally = breaker_tally_read(word, (breaker_stamp){generation, lap});
    cr_assert_eq(tally.count, count, "%lld, not %lld", (long long)tally.count, (long long)count);
    cr_assert_eq(tally.bad, bad, "%lld bad, not %lld", (long long)tally.bad, (long long)bad);
}

Test(breaker_rules, a_tally_counts_what_is_of_its_stamp) {
    uint64_t word = added(added(added(0, 3, 7, 1), 3, 7, 0), 3, 7, 1);

    holds(word, 3, 7, 3, 2);
    holds(word, 3, 8, 0, 0);
    holds(word, 4, 7, 0, 0);
    holds(0, 0, 0, 0, 0);
}

Test(breaker_rules, a_tally_of_the_past_begins_anew) {
    uint64_t word = added(0, 3, 7, 1);

    holds(added(word, 3, 8, 0), 3, 8, 1, 0);
    holds(added(word, 4, 7, 0), 4, 7, 1, 0);
    holds(added(word, 3 + 40000, 7, 0), 3 + 40000, 7, 1, 0);
    holds(added(word, 3, 7 + 253, 0), 3, 7 + 253, 1, 0);
}

Test(breaker_rules, who_is_late_by_a_lap_counts_where_the_bucket_is_now) {
    uint64_t word = added(0, 3, 256, 1);

    holds(added(word, 3, 255, 1), 3, 256, 2, 2);
    holds(added(word, 3, 254, 0), 3, 256, 2, 1);
    holds(added(word, 3, 253, 0), 3, 253, 1, 0);
}

Test(breaker_rules, who_is_of_an_earlier_generation_does_not_count) {
    uint64_t word = added(0, 0, 1, 1);
    uint64_t out = 77;

    cr_assert_not(breaker_tally_add(word, (breaker_stamp){UINT16_MAX, 1}, 1, &out));
    cr_assert_not(breaker_tally_add(word, (breaker_stamp){(uint32_t)-64, 1}, 1, &out));
    cr_assert_eq(out, 77);
    cr_assert(breaker_tally_add(word, (breaker_stamp){(uint32_t)-65, 1}, 1, &out),
              "from so far behind it is ahead, once around");
}

Test(breaker_rules, a_full_tally_keeps_its_part) {
    const uint64_t full = (UINT64_C(1) << 20) - 1;
    uint64_t word = added(0, 1, 1, 1);
    for (uint64_t i = 1; i < full; i++) word = added(word, 1, 1, i % 4 == 0);
    holds(word, 1, 1, (int64_t)full, (int64_t)(full / 4) + 1);

    word = added(word, 1, 1, 0);

    holds(word, 1, 1, (int64_t)(full / 2) + 1, ((int64_t)(full / 4) + 1) / 2);
    holds(added(word, 1, 1, 1), 1, 1, (int64_t)(full / 2) + 2, ((int64_t)(full / 4) + 1) / 2 + 1);
}

static int32_t begins(uint64_t word, uint32_t generation, uint64_t lap, int32_t is_idle) {
    uint64_t out = 0;
    if (!breaker_tally_begin(word, (breaker_stamp){generation, lap}, is_idle, &out)) return 0;
    holds(out, generation, lap, 0, 0);
    cr_assert_eq(
        breaker_tally_read(added(out, generation, lap, 1), (breaker_stamp){generation, lap}).count,
        1);
    return 1;
}

Test(breaker_rules, a_bucket_begins_when_its_time_has_come) {
    uint64_t word = added(0, 3, 7, 1);

    cr_assert(begins(word, 3, 8, 0));
    cr_assert(begins(word, 4, 7, 0));
    cr_assert_not(begins(word, 3, 7, 0), "somebody has begun it");
    cr_assert_not(begins(word, 3, 6, 0), "somebody is ahead");
    cr_assert_not(begins(word, 2, 7, 0), "a later state has begun it");
}

Test(breaker_rules, after_an_idle_time_nothing_is_believed) {
    uint64_t word = added(0, 3, 7, 1);

    cr_assert(begins(word, 3, 7 + 256, 1), "256 laps later the stamp is the same");
    cr_assert(begins(word, 3, 6 + 256, 1));
    cr_assert(begins(word, 3 + 65536 - 1, 7, 1));
}

/* ------------------------------------------------------------------------------------ counters */

Test(breaker_rules, a_counter_is_of_one_generation) {
    uint64_t word = breaker_counter_add(breaker_counter_add(0, 9), 9);

    cr_assert_eq(breaker_counter_read(word, 9), 2);
    cr_assert_eq(breaker_counter_read(word, 8), 0);
    cr_assert_eq(breaker_counter_read(breaker_counter_add(word, 10), 10), 1);
    cr_assert_eq(breaker_counter_add(word, 8), word, "who is late does not count");
    cr_assert_eq(breaker_counter_add(word, BREAKER_GENERATION_COUNT - 55), word);
    cr_assert_neq(breaker_counter_add(word, BREAKER_GENERATION_COUNT - 56), word);
    cr_assert_eq(breaker_counter_read(breaker_counter_clear(word, 9), 9), 0);
    cr_assert_eq(breaker_counter_clear(word, 8), word);
}

Test(breaker_rules, a_full_counter_stays_full) {
    const uint64_t full = UINT64_C(9) << 32 | UINT32_MAX;

    cr_assert_eq(breaker_counter_add(full, 9), full);
}

/* -------------------------------------------------------------------------------------- probes */

Test(breaker_rules, a_probe_has_its_place_until_it_is_back_or_its_time_is_over) {
    uint64_t given = breaker_probe_give(0, 5000);

    cr_assert_not(breaker_probe_is_out(0, 5000, 1000));
    cr_assert(breaker_probe_is_out(given, 5000, 1000));
    cr_assert(breaker_probe_is_out(given, 5999, 1000));
    cr_assert_not(breaker_probe_is_out(given, 6000, 1000));
    cr_assert_eq(breaker_probe_left_ms(given, 5400, 1000), 600);
    cr_assert_eq(breaker_probe_left_ms(given, 4000, 1000), 1000, "a clock that goes back");
    cr_assert_not(breaker_probe_is_out(breaker_probe_return(given), 5000, 1000));
}

Test(breaker_rules, no_two_probes_of_a_place_are_the_same_word) {
    uint64_t first = breaker_probe_give(0, 5000);
    uint64_t second = breaker_probe_give(breaker_probe_return(first), 5000);
    uint64_t taken = breaker_probe_give(second, 5000);

    cr_assert_neq(first, second);
    cr_assert_neq(second, taken);
    cr_assert_neq(first, taken);
}

Test(breaker_rules, a_place_outlives_the_bits_of_its_time) {
    const int64_t late = (INT64_C(1) << 32) + 10;
    uint64_t given = breaker_probe_give(0, late - 20);

    cr_assert_eq(breaker_probe_left_ms(given, late, 1000), 980);
    cr_assert_not(breaker_probe_is_out(given, late + 980, 1000));
}

/* ----------------------------------------------------------------------------------- decisions */

Test(breaker_rules, it_opens_for_each_reason_at_its_bound_and_not_before) {
    farm_breaker_options options = filled((farm_breaker_options){.slow_us = 1000});
    static const struct {
        breaker_facts facts;
        int32_t cause;
    } cases[] = {
        {{.consecutive_count = 4}, 0},
        {{.consecutive_count = 5}, FARM_BREAKER_CAUSE_CONSECUTIVE},
        {{.failures = {19, 19}}, 0},
        {{.failures = {20, 9}}, 0},
        {{.failures = {20, 10}}, FARM_BREAKER_CAUSE_FAILURES},
        {{.failures = {21, 10}}, 0},
        {{.slow = {19, 19}}, 0},
        {{.slow = {20, 9}}, 0},
        {{.slow = {20, 10}}, FARM_BREAKER_CAUSE_SLOW},
        {{.failures = {20, 10}, .slow = {20, 10}, .consecutive_count = 5},
         FARM_BREAKER_CAUSE_CONSECUTIVE},
        {{.failures = {60 << 20, 30 << 20}}, FARM_BREAKER_CAUSE_FAILURES},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(breaker_decide(&options, &cases[i].facts), cases[i].cause, "case %zu", i);
}

Test(breaker_rules, a_reason_that_is_off_opens_nothing) {
    farm_breaker_options options =
        filled((farm_breaker_options){.consecutive_count = -1, .failure_percent = -1});
    breaker_facts facts = {{100, 100}, {100, 100}, 100};

    cr_assert_eq(breaker_decide(&options, &facts), 0);
}

Test(breaker_rules, slow_is_longer_than_the_bound) {
    farm_breaker_options options = filled((farm_breaker_options){.slow_us = 1000});
    farm_breaker_options none = filled((farm_breaker_options){0});

    cr_assert_not(breaker_is_slow(&options, 1000));
    cr_assert(breaker_is_slow(&options, 1001));
    cr_assert_not(breaker_is_slow(&none, INT64_MAX));
}

Test(breaker_rules, who_waits_for_a_probe_is_not_sent_away_for_longer_than_an_open_time) {
    farm_breaker_options options = filled((farm_breaker_options){0});

    cr_assert_eq(breaker_probe_retry_us(&options, 30000), 5 * SECOND_US);
    cr_assert_eq(breaker_probe_retry_us(&options, 1200), 1200000);
    cr_assert_eq(breaker_probe_retry_us(&options, 0), 1000);
}
