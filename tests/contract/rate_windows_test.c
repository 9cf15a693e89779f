/* Windows and sliding windows on every store, alone and with limits of all other kinds in one call;
 * zones by name and by rule; refunds by window. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(rate_windows, .init = define_limits, .fini = close_session, .timeout = 60);

#define DAY_US (24 * HOUR_US)

static void define_window(const char *name, int64_t count, int32_t calendar, const char *zone,
                          int64_t period_us) {
    farm_rate_limit limit = limit_of(name, FARM_RATE_SCOPE_KEY, 0, count, period_us);
    limit.algorithm = FARM_RATE_ALGORITHM_WINDOW;
    limit.calendar = calendar;
    limit.zone = zone;
    define_as(limit);
}

static void define_kind(const char *name, int32_t algorithm, int64_t count, int64_t period_us) {
    farm_rate_limit limit = limit_of(name, FARM_RATE_SCOPE_KEY, 0, count, period_us);
    limit.algorithm = algorithm;
    define_as(limit);
}

/* Changes when any row of a table does. */
static int64_t sum_of_rows(void) {
    return contract_number(
        session, "SELECT CAST(COALESCE((SELECT SUM(tat %% 1000000007 + stamp %% 998244353 + "
                 "previous * 31 + debt * 37) FROM {farm_rate_bucket}), 0) + "
                 "COALESCE((SELECT SUM(cost * 41 + expires_us %% 1000003) FROM {farm_rate_hold}), "
                 "0) AS BIGINT)");
}

Test(rate_windows, a_day_of_a_zone_by_name_and_by_rule_ends_when_its_clocks_say) {
    /* CONTRACT_NOW_US is midnight in London, and an hour past it in Berlin. */
    define_window("name", 3, FARM_RATE_CALENDAR_DAY, "Europe/Berlin", 0);
    define_window("rule", 3, FARM_RATE_CALENDAR_DAY, "CET-1CEST,M3.5.0,M10.5.0/3", 0);
    define_window("utc", 3, FARM_RATE_CALENDAR_DAY, NULL, 0);
    const char *const names[] = {"name", "rule", "utc"};
    for (size_t i = 0; i < 3; i++) {
        const int64_t end_us = (i == 2 ? 24 : 23) * HOUR_US;
        set_clock(0);
        cr_assert(take(names[i], "s", 3));
        cr_assert_not(take(names[i], "s", 1));
        cr_assert_eq(decision.retry_after_us, end_us, "%s", names[i]);
        cr_assert_eq(states[0].reset_after_us, end_us);
        set_clock(end_us - 1);
        cr_assert_not(take(names[i], "s", 1));
        set_clock(end_us);
        cr_assert(take(names[i], "s", 1));
        cr_assert_eq(states[0].remaining, 2);
    }
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_rate_limit} WHERE zone = "
                                          "'CET-1CEST,M3.5.0,M10.5.0/3'"),
                 2);
}

Test(rate_windows, every_unit_of_the_calendar_turns_in_its_place) {
    static const struct {
        int32_t calendar;
        int64_t end_us;
    } units[] = {{FARM_RATE_CALENDAR_HOUR, HOUR_US},
                 {FARM_RATE_CALENDAR_DAY, DAY_US},
                 {FARM_RATE_CALENDAR_WEEK, 4 * DAY_US}, /* a Thursday */
                 {FARM_RATE_CALENDAR_MONTH, 31 * DAY_US},
                 {FARM_RATE_CALENDAR_YEAR, 365 * DAY_US}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        set_clock(0);
        define_window("unit", 2, units[i].calendar, "UTC", 0);
        cr_assert(take("unit", "s", 2));
        cr_assert_not(take("unit", "s", 1));
        cr_assert_eq(decision.retry_after_us, units[i].end_us, "unit %zu", i);
        set_clock(units[i].end_us);
        cr_assert(take("unit", "s", 2), "unit %zu", i);
    }
}

Test(rate_windows, a_bad_zone_is_named_and_changes_nothing) {
    static const char *const zones[] = {
        "Europe/Nowhere", "../../etc/passwd", "CET-1CEST", "/", "Europe/Berlin ", "\xff"};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        farm_rate_limit limit = limit_of("day", FARM_RATE_SCOPE_KEY, 0, 3, 0);
        limit.algorithm = FARM_RATE_ALGORITHM_WINDOW;
        limit.calendar = FARM_RATE_CALENDAR_DAY;
        limit.zone = zones[i];
        cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_EINVAL, "zone %zu", i);
        cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_BAD_ZONE);
        cr_assert_not_null(strstr(farm_session_error_text(session), "the limit day"));
    }
    cr_assert_eq(contract_count(session, "farm_rate_limit"), 4);
}

Test(rate_windows, cloudflares_example_holds_on_the_store) {
    define_kind("sliding", FARM_RATE_ALGORITHM_SLIDING, 50, MINUTE_US);
    set_clock(-30 * SECOND_US);
    cr_assert(take("sliding", "s", 42));
    set_clock(15 * SECOND_US);
    cr_assert(take("sliding", "s", 18));

    cr_assert_not(take("sliding", "s", 1));
    cr_assert_eq(states[0].remaining, 0);
    cr_assert_eq(decision.retry_after_us, 714286);
    set_clock(15 * SECOND_US + 714285);
    cr_assert_not(take("sliding", "s", 1));
    set_clock(15 * SECOND_US + 714286);
    cr_assert(take("sliding", "s", 1));
}

static const farm_rate_request *mixed(int64_t bucket, int64_t window, int64_t sliding,
                                      int64_t holds) {
    static farm_rate_request items[4];
    const farm_rate_request made[] = {
        request_of("route", "s", bucket), request_of("window", "s", window),
        request_of("sliding", "s", sliding), request_of("holds", "s", holds)};
    memcpy(items, made, sizeof made);
    return items;
}

Test(rate_windows, limits_of_all_kinds_are_taken_all_or_none) {
    define_window("window", 6, FARM_RATE_CALENDAR_NONE, NULL, MINUTE_US);
    define_kind("sliding", FARM_RATE_ALGORITHM_SLIDING, 6, MINUTE_US);
    define_kind("holds", FARM_RATE_ALGORITHM_CONCURRENCY, 6, MINUTE_US);
    take_all(mixed(2, 3, 4, 5), 4);
    cr_assert(decision.allowed);
    cr_assert_eq(states[0].remaining, 8);
    cr_assert_eq(states[1].remaining, 3);
    cr_assert_eq(states[2].remaining, 2);
    cr_assert_eq(states[3].remaining, 1);
    const int64_t before = sum_of_rows();
    set_clock(1000);

    for (int64_t i = 0; i < 4; i++) {
        take_all(mixed(i == 0 ? 9 : 1, i == 1 ? 4 : 1, i == 2 ? 3 : 1, i == 3 ? 2 : 1), 4);
        cr_assert_not(decision.allowed);
        cr_assert_eq(decision.decided_index, i);
        for (int64_t j = 0; j < 4; j++) cr_assert_eq(states[j].allowed, i != j);
        cr_assert_eq(sum_of_rows(), before, "refused by %lld", (long long)i);
        cr_assert_eq(contract_count(session, "farm_rate_hold"), 1);
    }
    take_all(mixed(1, 7, 1, 1), 4);
    cr_assert(decision.is_never);
    cr_assert_eq(sum_of_rows(), before);
    take_all(mixed(1, 1, 1, 1), 4);
    cr_assert(decision.allowed);
    contract_assert_sound(session);
}

Test(rate_windows, a_fresh_subject_leaves_no_row_when_another_limit_refuses) {
    define_window("window", 6, FARM_RATE_CALENDAR_NONE, NULL, MINUTE_US);
    define_kind("sliding", FARM_RATE_ALGORITHM_SLIDING, 6, MINUTE_US);
    define_kind("holds", FARM_RATE_ALGORITHM_CONCURRENCY, 1, MINUTE_US);
    cr_assert(take("holds", "s", 1));

    take_all(mixed(1, 1, 1, 1), 4);

    cr_assert_not(decision.allowed);
    cr_assert_eq(contract_count(session, "farm_rate_bucket"), 0);
    cr_assert_eq(contract_count(session, "farm_rate_hold"), 1);
}

/* What was used of the window before can be more than the quota, when it was forced: then even a
 * cost of nothing is refused, and takes nothing elsewhere. */
Test(rate_windows, a_look_at_an_overdrawn_window_refuses_the_call) {
    define_kind("sliding", FARM_RATE_ALGORITHM_SLIDING, 6, MINUTE_US);
    farm_rate_request forced = request_of("sliding", "s", 12);
    forced.flags = FARM_RATE_FORCE;
    take_all(&forced, 1);
    cr_assert(decision.allowed);
    set_clock(MINUTE_US);
    const farm_rate_request items[] = {request_of("sliding", "s", 0), request_of("route", "s", 3)};

    take_all(items, 2);

    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 0);
    cr_assert_eq(left("route", "s"), 10);
    set_clock(MINUTE_US + MINUTE_US / 2);
    take_all(items, 2);
    cr_assert(decision.allowed);
    cr_assert_eq(left("route", "s"), 7);
}

Test(rate_windows, a_refund_of_yesterday_gives_nothing_of_today) {
    static const int32_t kinds[] = {FARM_RATE_ALGORITHM_WINDOW, FARM_RATE_ALGORITHM_SLIDING};
    for (size_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? "window" : "sliding";
        set_clock((int64_t)i * 10 * MINUTE_US);
        define_kind(name, kinds[i], 20, MINUTE_US);
        const farm_rate_request back = request_of(name, "s", 5);
        cr_assert(take(name, "s", 5));
        const farm_id old = decision.token;
        set_clock((int64_t)i * 10 * MINUTE_US + 3 * MINUTE_US);
        cr_assert(take(name, "s", 7));
        const farm_id token = decision.token;

        cr_assert_eq(farm_rate_refund(session, &old, &back, 1), FARM_OK);
        cr_assert_eq(left(name, "s"), 13);
        cr_assert_eq(farm_rate_refund(session, &token, &back, 1), FARM_OK);
        cr_assert_eq(farm_rate_refund(session, &token, &back, 1), FARM_OK);
        cr_assert_eq(left(name, "s"), 18);
    }
}

Test(rate_windows, a_window_that_has_ended_is_tidied_away_and_not_before) {
    farm_maintenance done = {.struct_size = sizeof done};
    define_window("window", 6, FARM_RATE_CALENDAR_DAY, NULL, 0);
    define_kind("sliding", FARM_RATE_ALGORITHM_SLIDING, 6, 12 * HOUR_US);
    cr_assert(take("window", "s", 6));
    cr_assert(take("sliding", "s", 6));

    set_clock(19 * HOUR_US);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 0);
    cr_assert_eq(left("window", "s"), 0);
    set_clock(26 * HOUR_US);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 2);
    cr_assert_eq(left("window", "s"), 6);
}
