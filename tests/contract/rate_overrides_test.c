/* Figures of a subject's own, bans and exemptions: by subject, by its parts, by network; their end;
 * and the most specific name of a limit. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_overrides, .init = define_limits, .fini = close_session, .timeout = 60);

enum {
    LIMIT = FARM_RATE_RULE_LIMIT,
    OWN = FARM_RATE_RULE_OVERRIDE,
    EXEMPT = FARM_RATE_RULE_EXEMPT,
    BAN = FARM_RATE_RULE_BAN
};

static farm_rate_override override_of(int32_t rule, const char *limit, const char *subject,
                                      int64_t burst, int64_t count, int64_t period_us) {
    return (farm_rate_override){.struct_size = sizeof(farm_rate_override),
                                .rule = rule,
                                .limit = limit,
                                .subject = subject,
                                .burst = burst,
                                .count = count,
                                .period_us = period_us};
}

static farm_status put(int32_t rule, const char *limit, const char *subject, int64_t burst,
                       int64_t count, int64_t period_us) {
    const farm_rate_override item = override_of(rule, limit, subject, burst, count, period_us);
    return farm_rate_override_put(session, &item, 1);
}

static farm_status drop(const char *limit, const char *subject) {
    const farm_rate_override item = override_of(0, limit, subject, 0, 0, 0);
    return farm_rate_override_remove(session, &item, 1);
}

/* The burst that a subject goes by, and the rule it comes from. */
static int64_t burst_of(const char *limit, const char *subject, int32_t rule) {
    const farm_rate_request item = request_of(limit, subject, 0);
    cr_assert_eq(farm_rate_peek(session, &item, 1, states, &decision), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(states[0].rule, rule, "%s", subject);
    return states[0].burst;
}

typedef struct expected {
    const char *subject;
    int32_t rule;
    int64_t burst;
} expected;

static void expect_all(const char *limit, const expected *cases, size_t count) {
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(burst_of(limit, cases[i].subject, cases[i].rule), cases[i].burst, "%s",
                     cases[i].subject);
}

static void put_all(const char *limit, const expected *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(put(items[i].rule, limit, items[i].subject, items[i].burst, items[i].burst, 0),
                     FARM_OK);
}

Test(rate_overrides, a_subject_has_figures_of_its_own_until_they_are_removed) {
    cr_assert(take("user", "ann", 4));
    cr_assert_eq(put(OWN, "user", "ann", 50, 5, 5 * SECOND_US), FARM_OK);

    /* They count alike, so what was taken stays taken. */
    cr_assert_eq(burst_of("user", "ann", OWN), 50);
    cr_assert_eq(states[0].remaining, 46);
    cr_assert_eq(burst_of("user", "bob", LIMIT), 5);
    cr_assert(take("user", "ann", 40));
    cr_assert_eq(put(OWN, "user", "ann", 50, 5, 5 * SECOND_US), FARM_OK);
    cr_assert_eq(states[0].remaining, 6);
    cr_assert_eq(drop("user", "ann"), FARM_OK);
    cr_assert_eq(drop("user", "ann"), FARM_OK);
    cr_assert_eq(burst_of("user", "ann", LIMIT), 5);
    cr_assert_eq(contract_count(session, "farm_rate_override"), 0);
}

Test(rate_overrides, figures_that_count_otherwise_have_a_bucket_of_their_own) {
    cr_assert(take("user", "ann", 5));

    cr_assert_eq(put(OWN, "user", "ann", 7, 70, 0), FARM_OK);
    cr_assert(take("user", "ann", 7));
    cr_assert_eq(decision.allowed, 1);
    cr_assert_not(take("user", "ann", 1));
    cr_assert_eq(decision.retry_after_us, 71429); /* 70 in the limit's 5 s */
    /* A burst so large that it needs a coarser clock does not read the finer one's row. */
    cr_assert_eq(put(OWN, "user", "ann", 7, 1, 2 * SECOND_US), FARM_OK);
    cr_assert(take("user", "ann", 7));
    cr_assert_eq(put(OWN, "user", "ann", 2147483647, 1, 2 * SECOND_US), FARM_OK);
    cr_assert_eq(burst_of("user", "ann", OWN), 2147483647);
    cr_assert_eq(states[0].remaining, 2147483647);
    cr_assert_eq(drop("user", "ann"), FARM_OK);
    cr_assert_not(take("user", "ann", 1));
}

Test(rate_overrides, a_quota_of_its_own_keeps_what_was_used_of_the_window) {
    farm_rate_limit limit = limit_of("day", FARM_RATE_SCOPE_KEY, 0, 100, 0);
    limit.algorithm = FARM_RATE_ALGORITHM_WINDOW;
    limit.calendar = FARM_RATE_CALENDAR_DAY;
    define_as(limit);
    cr_assert(take("day", "acme", 90));

    cr_assert_eq(put(OWN, "day", "acme", 0, 120, 0), FARM_OK);
    cr_assert_eq(burst_of("day", "acme", OWN), 120);
    cr_assert_eq(states[0].remaining, 30);
    /* Another stride, and then another quota of that stride. */
    cr_assert_eq(put(OWN, "day", "acme", 0, 600, 0), FARM_OK);
    cr_assert(take("day", "acme", 500));
    cr_assert_eq(put(OWN, "day", "acme", 0, 700, 0), FARM_OK);
    cr_assert_eq(burst_of("day", "acme", OWN), 700);
    cr_assert_eq(states[0].remaining, 200);
}

Test(rate_overrides, a_ban_refuses_without_a_look_and_an_exemption_takes_nothing) {
    farm_rate_override items[] = {override_of(BAN, "user", "eve", 0, 0, 0),
                                  override_of(EXEMPT, "user", "ops", 0, 0, 0),
                                  override_of(BAN, "user", "mal", 0, 0, 0)};
    items[2].expires_us = CONTRACT_NOW_US + MINUTE_US;
    cr_assert_eq(farm_rate_override_put(session, items, 3), FARM_OK, "%s",
                 farm_session_error_text(session));

    cr_assert_not(take("user", "eve", 1));
    cr_assert(decision.is_never);
    cr_assert_eq(decision.retry_after_us, -1);
    cr_assert_eq(states[0].rule, BAN);
    cr_assert_not(take("user", "eve", 0));
    cr_assert_not(take("user", "mal", 1));
    cr_assert_not(decision.is_never);
    cr_assert_eq(decision.retry_after_us, MINUTE_US);
    cr_assert_eq(states[0].remaining, 0);
    for (int i = 0; i < 3; i++) cr_assert(take("user", "ops", 1000));
    cr_assert_eq(states[0].rule, EXEMPT);
    cr_assert_eq(states[0].remaining, 5);
    cr_assert_eq(contract_count(session, "farm_rate_bucket"), 0);
    take_all((farm_rate_request[]){request_of("user", "eve", 1), request_of("route", "r", 1)}, 2);
    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 0);
    cr_assert_eq(contract_count(session, "farm_rate_bucket"), 0);
    take_all((farm_rate_request[]){request_of("user", "ops", 9), request_of("route", "r", 1)}, 2);
    cr_assert(decision.allowed);
    cr_assert_eq(contract_count(session, "farm_rate_bucket"), 1);
}

Test(rate_overrides, they_end_in_time_and_are_tidied_away) {
    farm_maintenance done = {.struct_size = sizeof done};
    farm_rate_override items[] = {override_of(OWN, "user", "ann", 50, 5, 0),
                                  override_of(BAN, "user", "eve", 0, 0, 0),
                                  override_of(EXEMPT, "user", "ops", 0, 0, 0)};
    for (int i = 0; i < 3; i++) items[i].expires_us = CONTRACT_NOW_US + (i + 1) * SECOND_US;
    cr_assert_eq(farm_rate_override_put(session, items, 3), FARM_OK);
    set_clock(SECOND_US - 1);
    cr_assert_eq(burst_of("user", "ann", OWN), 50);
    set_clock(SECOND_US);
    cr_assert_eq(burst_of("user", "ann", LIMIT), 5);
    cr_assert_not(take("user", "eve", 1));
    set_clock(2 * SECOND_US);
    cr_assert(take("user", "eve", 1));

    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);

    cr_assert_eq(done.removed_count, 2);
    cr_assert_eq(contract_count(session, "farm_rate_override"), 1);
    cr_assert_eq(burst_of("user", "ops", EXEMPT), 5);
    /* Those that never end use up nothing of its budget. */
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_eq(put(BAN, "user", names[i], 0, 0, 0), FARM_OK);
    set_clock(3 * SECOND_US);
    cr_assert_eq(farm_maintain(session, 1, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 1);
    cr_assert_eq(contract_count(session, "farm_rate_override"), 10);
}

Test(rate_overrides, the_longest_part_of_a_subject_wins) {
    static const expected own[] = {
        {"acme", OWN, 20},
        {"acme/eu", OWN, 30},
        {"acme/eu/de", EXEMPT, 0},
    };
    static const expected seen[] = {
        {"acme", OWN, 20},
        {"acme/us", OWN, 20},
        {"acme/eu", OWN, 30},
        {"acme/eu/fr", OWN, 30},
        {"acme/eu/de/berlin", EXEMPT, 10},
        {"acme/europe", OWN, 20},
        {"acmes", LIMIT, 10},
    };
    put_all("route", own, sizeof own / sizeof *own);

    expect_all("route", seen, sizeof seen / sizeof *seen);
    /* Each subject has a bucket of its own under the same figures. */
    cr_assert(take("route", "acme/us", 20));
    cr_assert(take("route", "acme/uk", 20));
}

Test(rate_overrides, the_longest_network_wins) {
    static const expected own[] = {
        {"2001:db8::/32", BAN, 0}, {"2001:db8:1::/48", OWN, 30}, {"2001:db8:1:2::7", EXEMPT, 0},
        {"10.0.0.0/8", OWN, 40},   {"10.1.2.3", BAN, 0},         {"0.0.0.0/0", OWN, 50},
    };
    static const expected seen[] = {
        {"2001:db8:ffff::1", BAN, 3},        {"2001:db8:1:1::1", OWN, 30},
        {"2001:db8:1:2:ffff::1", EXEMPT, 3}, {"2001:db9::1", LIMIT, 3},
        {"::ffff:10.9.9.9", OWN, 40},        {"10.1.2.3", BAN, 3},
    };
    put_all("ip", own, sizeof own / sizeof *own);

    expect_all("ip", seen, sizeof seen / sizeof *seen);
    cr_assert_eq(burst_of("ip", "192.0.2.1", OWN), 50);
}

Test(rate_overrides, two_prefixes_are_two_limits) {
    farm_rate_limit limits[] = {limit_of("ip64", FARM_RATE_SCOPE_ADDRESS, 2, 2, MINUTE_US),
                                limit_of("ip48", FARM_RATE_SCOPE_ADDRESS, 3, 3, MINUTE_US)};
    limits[1].ipv6_prefix = 48;
    cr_assert_eq(farm_rate_define(session, limits, 2), FARM_OK);
    static const char *const addresses[] = {"2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1::3",
                                            "2001:db8:0:2::1", "2001:db8:0:3::1"};
    static const int32_t allowed[] = {1, 1, 0, 1, 0};
    static const int32_t index[] = {-1, -1, 0, -1, 1};
    for (size_t i = 0; i < 5; i++) {
        const farm_rate_request items[] = {request_of("ip64", addresses[i], 1),
                                           request_of("ip48", addresses[i], 1)};
        take_all(items, 2);
        cr_assert_eq(decision.allowed, allowed[i], "address %zu", i);
        if (!allowed[i]) cr_assert_eq(decision.decided_index, index[i], "address %zu", i);
    }
}

Test(rate_overrides, a_request_goes_by_the_most_specific_limit) {
    define("api", FARM_RATE_SCOPE_KEY, 10, 10, MINUTE_US);
    define("api/search", FARM_RATE_SCOPE_KEY, 20, 20, MINUTE_US);
    define("api/search/images", FARM_RATE_SCOPE_KEY, 30, 30, MINUTE_US);

    cr_assert_eq(burst_of("api/search/images", "s", 0), 30);
    cr_assert_eq(burst_of("api/search/images/large", "s", 0), 30);
    cr_assert_eq(burst_of("api/search/video", "s", 0), 20);
    cr_assert_eq(burst_of("api/orders", "s", 0), 10);
    cr_assert_eq(burst_of("api/searches", "s", 0), 10);
    cr_assert(take("api/orders", "s", 6));
    cr_assert_not(take("api/carts", "s", 6)); /* one limit, one bucket */
    const farm_rate_request unknown = request_of("apis/x", "s", 1);
    cr_assert_eq(farm_rate_take(session, &unknown, 1, states, &decision), FARM_ENOTFOUND);
    const farm_rate_request twice[] = {request_of("api/a", "t", 1), request_of("api/b", "t", 1)};
    cr_assert_eq(farm_rate_take(session, twice, 2, states, &decision), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_TWICE);
    /* An override is of a limit by its very name. */
    cr_assert_eq(put(BAN, "api/orders", "s", 0, 0, 0), FARM_ENOTFOUND);
}

Test(rate_overrides, every_wrong_one_is_named_and_changes_nothing) {
    const struct {
        farm_rate_override item;
        farm_status status;
        int32_t reason;
    } cases[] = {
        {override_of(0, "user", "a", 1, 1, 1), FARM_EINVAL, 0},
        {override_of(4, "user", "a", 1, 1, 1), FARM_EINVAL, 0},
        {override_of(OWN, NULL, "a", 1, 1, 1), FARM_EINVAL, 0},
        {override_of(OWN, "a b", "a", 1, 1, 1), FARM_EINVAL, 0},
        {override_of(OWN, "none", "a", 1, 1, 1), FARM_ENOTFOUND, FARM_RATE_REASON_UNKNOWN_LIMIT},
        {override_of(OWN, "user", NULL, 1, 1, 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(OWN, "user", "", 1, 1, 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(OWN, "all", NULL, 1, 1, 1), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(OWN, "user", "a", 1, 0, 1), FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE},
        {override_of(OWN, "user", "a", -1, 1, 1), FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE},
        {override_of(OWN, "user", "a", 1, 1, -1), FARM_EINVAL, FARM_RATE_REASON_OUT_OF_RANGE},
        {override_of(OWN, "user", "a", 1, 2147483647, 1), FARM_EINVAL,
         FARM_RATE_REASON_OUT_OF_RANGE},
        {override_of(BAN, "user", "a", 1, 0, 0), FARM_EINVAL, 0},
        {override_of(EXEMPT, "user", "a", 0, 0, 1), FARM_EINVAL, 0},
        {override_of(BAN, "ip", "x", 0, 0, 0), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(BAN, "ip", "10.0.0.0/33", 0, 0, 0), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(BAN, "ip", "10.0.0.0/", 0, 0, 0), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(BAN, "ip", "10.0.0.0/-1", 0, 0, 0), FARM_EINVAL, FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(BAN, "ip", "2001:db8::/65", 0, 0, 0), FARM_EINVAL,
         FARM_RATE_REASON_BAD_SUBJECT},
        {override_of(BAN, "ip", "fe80::1%eth0", 0, 0, 0), FARM_EINVAL,
         FARM_RATE_REASON_BAD_SUBJECT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const farm_rate_override items[] = {override_of(BAN, "user", "fine", 0, 0, 0),
                                            cases[i].item};
        cr_assert_eq(farm_rate_override_put(session, items, 2), cases[i].status, "case %zu: %s", i,
                     farm_session_error_text(session));
        cr_assert_eq(farm_session_error_reason(session), cases[i].reason, "case %zu", i);
        cr_assert_str_not_empty(farm_session_error_text(session), "case %zu", i);
    }
    farm_rate_override late = override_of(BAN, "user", "a", 0, 0, 0);
    late.expires_us = -1;
    cr_assert_eq(farm_rate_override_put(session, &late, 1), FARM_EINVAL);
    late.expires_us = INT64_MAX;
    cr_assert_eq(farm_rate_override_put(session, &late, 1), FARM_EINVAL);
    const farm_rate_override twice[] = {override_of(BAN, "ip", "10.0.0.0/8", 0, 0, 0),
                                        override_of(BAN, "ip", "10.1.2.3/8", 0, 0, 0)};
    cr_assert_eq(farm_rate_override_put(session, twice, 2), FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_RATE_REASON_TWICE);
    cr_assert_eq(farm_rate_override_put(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(farm_rate_override_put(session, twice, 0), FARM_EINVAL);
    cr_assert_eq(farm_rate_override_put(session, twice, FARM_RATE_BATCH_MAX + 1), FARM_EINVAL);
    cr_assert_eq(farm_rate_override_remove(session, NULL, 1), FARM_EINVAL);
    cr_assert_eq(drop("none", "a"), FARM_ENOTFOUND);
    act_as("ann");
    cr_assert_eq(farm_rate_override_put(session, twice, 1), FARM_EDENIED);
    cr_assert_eq(drop("user", "a"), FARM_EDENIED);
    act_as_service();
    cr_assert_eq(contract_count(session, "farm_rate_override"), 0);
}

Test(rate_overrides, they_go_with_their_limit_and_no_subject_can_be_read_in_them) {
    cr_assert_eq(put(BAN, "ip", "192.0.2.1", 0, 0, 0), FARM_OK);
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_rate_override} WHERE "
                                          "length(subject) = 16 AND length = 32"),
                 1);

    cr_assert_eq(farm_rate_remove(session, "ip"), FARM_OK);

    cr_assert_eq(contract_count(session, "farm_rate_override"), 0);
    define("ip", FARM_RATE_SCOPE_ADDRESS, 3, 3, MINUTE_US);
    cr_assert(take("ip", "192.0.2.1", 1));
}

Test(rate_overrides, another_session_sees_them_at_once_and_a_rollback_leaves_none) {
    farm_session *other = contract_open_another();
    const farm_rate_request item = request_of("user", "eve", 1);
    cr_assert_eq(farm_rate_peek(other, &item, 1, states, &decision), FARM_OK);
    cr_assert(decision.allowed);
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(put(BAN, "user", "eve", 0, 0, 0), FARM_OK);
    cr_assert_not(take("user", "eve", 1));
    farm_rollback(session);
    cr_assert(take("user", "eve", 1));

    cr_assert_eq(put(BAN, "user", "eve", 0, 0, 0), FARM_OK);

    cr_assert_eq(farm_rate_peek(other, &item, 1, states, &decision), FARM_OK);
    cr_assert_not(decision.allowed);
    contract_close_another(other);
}
