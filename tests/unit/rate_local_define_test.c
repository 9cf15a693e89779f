/* What changes the limits in the process: definitions, overrides, taking over those of a store; and
 * that nothing is changed by halves when there is no memory. */
#include "failing_allocator.h"
#include "rate_local_support.h"

/* --- definitions ------------------------------------------------------------------------------ */

Test(rate_local_define, a_change_leaves_of_a_bucket_what_it_says) {
    static const struct {
        int32_t on_change;
        int64_t burst, count, left;
    } cases[] = {
        {FARM_RATE_CHANGE_DEFAULT, 20, 10, 14},     /* the burst alone: 6 stay used */
        {FARM_RATE_CHANGE_DEFAULT, 20, 20, 20},     /* the rate, too */
        {FARM_RATE_CHANGE_RESET, 20, 10, 20},       /* */
        {FARM_RATE_CHANGE_KEEP, 20, 20, 4},         /* */
        {FARM_RATE_CHANGE_KEEP, 3, 20, 3},          /* not more than the burst */
        {FARM_RATE_CHANGE_PROPORTIONAL, 20, 20, 8}, /* 4 of 10 */
        {FARM_RATE_CHANGE_PROPORTIONAL, 5, 3, 2},   /* */
        {FARM_RATE_CHANGE_PROPORTIONAL, 10, 10, 4}, /* nothing changes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        farm_rate_local *local = new_local(SMALL);
        define_one(local, bucket_limit("rate", 10, 10, HOUR_US));
        cr_assert(take(local, "rate", "ann", 6).decision.allowed);
        farm_rate_limit limit = bucket_limit("rate", cases[i].burst, cases[i].count, HOUR_US);
        limit.on_change = cases[i].on_change;

        for (int j = 0; j < 2; j++) define_one(local, limit);

        cr_expect_eq(left(local, "rate", "ann"), cases[i].left, "case %zu", i);
        cr_expect(take(local, "rate", "ann", 1).decision.allowed);
        cr_expect_eq(left(local, "rate", "ann"), cases[i].left - 1, "case %zu", i);
        cr_expect_eq(left(local, "rate", "bob"), cases[i].burst, "case %zu", i);
        farm_rate_local_free(local);
    }
}

/* The new bucket is full, and evicted, long before the old one would be. */
Test(rate_local_define, what_was_carried_over_is_not_carried_over_again) {
    farm_rate_local *local = new_local(16);
    farm_rate_limit limit = bucket_limit("rate", 10, 10, DAY_US);
    define_one(local, limit);
    define_one(local, bucket_limit("brief", 1, 1, 1));
    cr_assert(take(local, "rate", "ann", 10).decision.allowed);
    limit.period_us = SECOND_US;
    limit.on_change = FARM_RATE_CHANGE_PROPORTIONAL;
    define_one(local, limit);
    cr_assert_not(take(local, "rate", "ann", 1).decision.allowed);

    at(local, MINUTE_US);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        at(local, MINUTE_US + 10 * i);
        (void)take(local, "brief", name, 1);
    }

    cr_expect_eq(left(local, "rate", "ann"), 10);
    cr_expect_eq(admitted(local, "rate", "ann", 20), 10);
    farm_rate_local_free(local);
}

Test(rate_local_define, the_most_specific_name_decides) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("api", 1, 1, HOUR_US));
    define_one(local, bucket_limit("api/search", 2, 1, HOUR_US));

    cr_expect_eq(take(local, "api/search/images", "ann", 1).states[0].burst, 2);
    cr_expect_eq(take(local, "api/search", "ann", 1).states[0].remaining, 0, "the same bucket");
    cr_expect_eq(take(local, "api/other", "ann", 1).states[0].burst, 1);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(farm_rate_local_remove(local, "api/search", NULL), FARM_OK);
    cr_expect_eq(peek(local, "api/search", "ann", 1).states[0].burst, 1);
    farm_rate_local_free(local);
}

Test(rate_local_define, a_limit_that_was_removed_and_defined_again_begins_anew) {
    farm_rate_local *local = new_local(SMALL);
    const farm_rate_override ban = {
        .struct_size = sizeof ban, .rule = FARM_RATE_RULE_BAN, .limit = "rate", .subject = "eve"};
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));
    cr_assert_eq(farm_rate_local_override_put(local, &ban, 1, NULL), FARM_OK);
    cr_assert_eq(admitted(local, "rate", "ann", 5), 2);

    cr_assert_eq(farm_rate_local_remove(local, "rate", NULL), FARM_OK);
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));

    cr_expect_eq(admitted(local, "rate", "ann", 5), 2);
    cr_expect_eq(admitted(local, "rate", "eve", 5), 2);
    farm_rate_local_free(local);
}

Test(rate_local_define, definitions_that_are_wrong_change_nothing) {
    farm_rate_local *local = new_local(SMALL);
    farm_error error = {.struct_size = sizeof error};
    farm_rate_limit items[FARM_RATE_BATCH_MAX + 1];
    for (size_t i = 0; i <= FARM_RATE_BATCH_MAX; i++)
        items[i] = bucket_limit("rate", 1, 1, HOUR_US);
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));

    cr_expect_eq(farm_rate_local_define(NULL, items, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_define(local, NULL, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_define(local, items, 0, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_define(local, items, FARM_RATE_BATCH_MAX + 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_define(local, items, 2, &error), FARM_EINVAL);
    cr_expect_eq(error.reason, FARM_RATE_REASON_TWICE);
    items[0].count = 0;
    cr_expect_eq(farm_rate_local_define(local, items, 1, &error), FARM_EINVAL);
    cr_expect_eq(error.reason, FARM_RATE_REASON_OUT_OF_RANGE);
    items[0].count = 1;
    items[0].name = "a b";
    cr_expect_eq(farm_rate_local_define(local, items, 1, NULL), FARM_EINVAL);
    items[0] = (farm_rate_limit){.struct_size = sizeof *items,
                                 .name = "day",
                                 .count = 1,
                                 .algorithm = FARM_RATE_ALGORITHM_WINDOW,
                                 .calendar = FARM_RATE_CALENDAR_DAY,
                                 .zone = "Nowhere/At_All"};
    cr_expect_eq(farm_rate_local_define(local, items, 1, &error), FARM_EINVAL);
    cr_expect_eq(error.reason, FARM_RATE_REASON_BAD_ZONE);
    cr_expect_eq(farm_rate_local_remove(NULL, "rate", NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_remove(local, NULL, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_remove(local, "", NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_remove(local, "never", NULL), FARM_OK);

    cr_expect_eq(left(local, "rate", "ann"), 2);
    farm_rate_local_free(local);
}

Test(rate_local_define, there_are_no_more_limits_than_may_be) {
    farm_rate_local *local = new_local(SMALL);
    char names[FARM_RATE_BATCH_MAX][16];
    farm_rate_limit items[FARM_RATE_BATCH_MAX];
    farm_error error = {.struct_size = sizeof error};
    size_t total = 0;
    farm_status status = FARM_OK;
    while (status == FARM_OK && total <= FARM_RATE_LOCAL_LIMIT_MAX) {
        for (size_t i = 0; i < FARM_RATE_BATCH_MAX; i++) {
            snprintf(names[i], sizeof *names, "n%zu", total + i);
            items[i] = bucket_limit(names[i], 1, 1, HOUR_US);
        }
        status = farm_rate_local_define(local, items, FARM_RATE_BATCH_MAX, &error);
        total += status == FARM_OK ? FARM_RATE_BATCH_MAX : 0;
    }

    cr_expect_eq(status, FARM_EFULL);
    cr_expect_eq(total, FARM_RATE_LOCAL_LIMIT_MAX / FARM_RATE_BATCH_MAX * FARM_RATE_BATCH_MAX);
    cr_expect_eq(farm_rate_local_define(local, items, 1, NULL), FARM_OK, "there is room for one");
    farm_rate_local_free(local);
}

/* --- overrides -------------------------------------------------------------------------------- */

static farm_rate_override override_of(int32_t rule, const char *limit, const char *subject,
                                      int64_t count) {
    return (farm_rate_override){.struct_size = sizeof(farm_rate_override),
                                .rule = rule,
                                .limit = limit,
                                .subject = subject,
                                .count = count};
}

static void put(farm_rate_local *local, farm_rate_override item) {
    farm_error error = {.struct_size = sizeof error};
    cr_assert_eq(farm_rate_local_override_put(local, &item, 1, &error), FARM_OK, "%s", error.text);
}

Test(rate_local_define, subjects_have_figures_exemptions_and_bans_also_for_their_parts) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));
    put(local, override_of(FARM_RATE_RULE_OVERRIDE, "rate", "acme", 5));
    put(local, override_of(FARM_RATE_RULE_EXEMPT, "rate", "acme/eu", 0));
    farm_rate_override ban = override_of(FARM_RATE_RULE_BAN, "rate", "eve", 0);
    ban.expires_us = NOW_US + MINUTE_US;
    put(local, ban);

    cr_expect_eq(admitted(local, "rate", "acme", 9), 5);
    cr_expect_eq(admitted(local, "rate", "acme/us", 9), 5);
    cr_expect_eq(admitted(local, "rate", "acme/eu/berlin", 9), 9);
    cr_expect_eq(admitted(local, "rate", "acmes", 9), 2);
    const answer banned = take(local, "rate", "eve", 1);
    cr_expect_not(banned.decision.allowed);
    cr_expect_eq(banned.states[0].rule, FARM_RATE_RULE_BAN);
    cr_expect_eq(banned.decision.retry_after_us, MINUTE_US);
    at(local, MINUTE_US);
    cr_expect_eq(admitted(local, "rate", "eve", 9), 2);
    farm_rate_local_free(local);
}

Test(rate_local_define, the_longest_network_decides) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit limit = bucket_limit("net", 1, 1, HOUR_US);
    limit.scope = FARM_RATE_SCOPE_ADDRESS;
    define_one(local, limit);
    put(local, override_of(FARM_RATE_RULE_BAN, "net", "2001:db8::/32", 0));
    put(local, override_of(FARM_RATE_RULE_OVERRIDE, "net", "2001:db8:1::/48", 3));
    put(local, override_of(FARM_RATE_RULE_EXEMPT, "net", "::ffff:192.0.2.0/120", 0));

    cr_expect_eq(admitted(local, "net", "2001:db8:2::1", 9), 0);
    cr_expect_eq(admitted(local, "net", "2001:db8:1::1", 9), 3);
    cr_expect_eq(admitted(local, "net", "2001:db8:1::2", 9), 0, "the same /64");
    cr_expect_eq(admitted(local, "net", "192.0.2.77", 9), 9);
    cr_expect_eq(admitted(local, "net", "192.0.3.77", 9), 1);
    farm_rate_local_free(local);
}

Test(rate_local_define, an_override_ends_by_removal_and_repeats_change_nothing) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));
    const farm_rate_override item = override_of(FARM_RATE_RULE_OVERRIDE, "rate", "ann", 5);
    put(local, item);
    cr_assert_eq(admitted(local, "rate", "ann", 3), 3);
    put(local, item);
    cr_expect_eq(admitted(local, "rate", "ann", 9), 2);

    for (int i = 0; i < 2; i++)
        cr_expect_eq(farm_rate_local_override_remove(local, &item, 1, NULL), FARM_OK);
    cr_expect_eq(peek(local, "rate", "ann", 1).states[0].burst, 2);
    farm_rate_local_free(local);
}

Test(rate_local_define, overrides_that_are_wrong_change_nothing) {
    farm_rate_local *local = new_local(SMALL);
    farm_error error = {.struct_size = sizeof error};
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));
    farm_rate_override items[2] = {override_of(FARM_RATE_RULE_BAN, "rate", "ann", 0),
                                   override_of(FARM_RATE_RULE_BAN, "rate", "ann", 0)};

    cr_expect_eq(farm_rate_local_override_put(NULL, items, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_override_put(local, NULL, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_override_put(local, items, 0, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_override_put(local, items, 2, &error), FARM_EINVAL);
    cr_expect_eq(error.reason, FARM_RATE_REASON_TWICE);
    items[1].limit = "rate/part";
    cr_expect_eq(farm_rate_local_override_put(local, items, 2, &error), FARM_ENOTFOUND);
    cr_expect_eq(error.reason, FARM_RATE_REASON_UNKNOWN_LIMIT);
    items[1] = override_of(FARM_RATE_RULE_BAN, "rate", "", 0);
    cr_expect_eq(farm_rate_local_override_put(local, items, 2, &error), FARM_EINVAL);
    cr_expect_eq(error.reason, FARM_RATE_REASON_BAD_SUBJECT);
    items[1] = override_of(FARM_RATE_RULE_OVERRIDE, "rate", "bob", 0);
    cr_expect_eq(farm_rate_local_override_put(local, items, 2, NULL), FARM_EINVAL);
    items[1] = override_of(4, "rate", "bob", 0);
    cr_expect_eq(farm_rate_local_override_put(local, items, 2, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_override_remove(local, NULL, 1, NULL), FARM_EINVAL);
    items[0].limit = "never";
    cr_expect_eq(farm_rate_local_override_remove(local, items, 1, NULL), FARM_ENOTFOUND);

    cr_expect(take(local, "rate", "ann", 1).decision.allowed);
    farm_rate_local_free(local);
}

/* Bans for a time must not pile up. */
Test(rate_local_define, what_has_ended_is_forgotten) {
    failing_allocator allocator;
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));
    int64_t peak = 0;
    cr_assert_eq(failing_allocator_set(&allocator, -1), FARM_OK);
    for (int i = 0; i < 2000; i++) {
        char name[16];
        farm_rate_override ban = override_of(FARM_RATE_RULE_BAN, "rate", name, 0);
        snprintf(name, sizeof name, "eve-%d", i);
        at(local, i * SECOND_US);
        ban.expires_us = NOW_US + (i + 1) * SECOND_US;
        put(local, ban);
        if (i < 10 && allocator.live_count > peak) peak = allocator.live_count;
    }
    cr_expect_leq(allocator.live_count, peak);
    farm_rate_local_free(local);
}

/* --- no memory -------------------------------------------------------------------------------- */

/* One change; 0: all of it is as before, 1: it is done. */
typedef farm_status (*change_function)(farm_rate_local *local);

static farm_status change_limits(farm_rate_local *local) {
    farm_rate_limit items[] = {bucket_limit("rate", 20, 20, HOUR_US),
                               bucket_limit("more", 2, 1, HOUR_US)};
    items[0].on_change = FARM_RATE_CHANGE_KEEP;
    items[1].on_error = FARM_RATE_ON_ERROR_LOCAL;
    return farm_rate_local_define(local, items, 2, NULL);
}

static farm_status change_removed(farm_rate_local *local) {
    return farm_rate_local_remove(local, "gone", NULL);
}

static farm_status change_overrides(farm_rate_local *local) {
    const farm_rate_override items[] = {
        override_of(FARM_RATE_RULE_OVERRIDE, "rate", "ann", 20),
        override_of(FARM_RATE_RULE_BAN, "rate", "eve", 0),
    };
    return farm_rate_local_override_put(local, items, 2, NULL);
}

static farm_status change_override_removed(farm_rate_local *local) {
    const farm_rate_override item = override_of(FARM_RATE_RULE_OVERRIDE, "rate", "bob", 0);
    return farm_rate_local_override_remove(local, &item, 1, NULL);
}

Test(rate_local_define, without_memory_a_change_is_refused_whole_and_takes_go_on) {
    static const change_function changes[] = {change_limits, change_removed, change_overrides,
                                              change_override_removed};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        failing_allocator allocator;
        farm_rate_local *local = NULL;
        farm_status status = FARM_ENOMEM;
        int64_t tries = 0;
        cr_assert_eq(failing_allocator_set(&allocator, -1), FARM_OK);
        local = new_local(SMALL);
        define_one(local, bucket_limit("rate", 10, 10, HOUR_US));
        define_one(local, bucket_limit("gone", 10, 10, HOUR_US));
        put(local, override_of(FARM_RATE_RULE_OVERRIDE, "rate", "bob", 7));
        const int64_t live_count = allocator.live_count;
        for (; status == FARM_ENOMEM; tries++) {
            allocator.countdown = tries;
            status = changes[i](local);
            allocator.countdown = -1;
            if (status != FARM_ENOMEM) continue;
            cr_expect_eq(allocator.live_count, live_count, "change %zu, try %d", i, (int)tries);
            cr_expect_eq(peek(local, "rate", "ann", 1).states[0].burst, 10);
            cr_expect_eq(peek(local, "rate", "bob", 1).states[0].burst, 7);
            cr_expect(take(local, "gone", "ann", 0).decision.allowed);
            cr_expect(take(local, "rate", "eve", 0).decision.allowed);
        }
        cr_expect_eq(status, FARM_OK);
        cr_expect_geq(tries, 3, "change %zu", i);
        farm_rate_local_free(local);
        cr_expect_eq(allocator.live_count, 0);
    }
}

/* --- from a store ----------------------------------------------------------------------------- */

static farm_session *open_store(const char *space) {
    const farm_session_options options = {.struct_size = sizeof options, .space = space};
    farm_session *session = NULL;
    cr_assert_eq(farm_session_new(&session), FARM_OK);
    cr_assert_eq(farm_session_open(session, "sqlite::memory:", &options), FARM_OK);
    cr_assert_eq(farm_session_set_service(session), FARM_OK);
    cr_assert_eq(farm_migrate(session), FARM_OK);
    cr_assert_eq(farm_session_set_clock_us(session, NOW_US), FARM_OK);
    return session;
}

Test(rate_local_define, the_limits_of_a_store_are_taken_over_and_buckets_go_on) {
    farm_session *session = open_store("default");
    farm_rate_local *local = new_local(SMALL);
    const farm_rate_limit limits[] = {bucket_limit("rate", 5, 1, HOUR_US),
                                      bucket_limit("other", 5, 1, HOUR_US)};
    const farm_rate_override ban = override_of(FARM_RATE_RULE_BAN, "rate", "eve", 0);
    define_one(local, bucket_limit("own", 5, 1, HOUR_US));
    cr_assert_eq(farm_rate_define(session, limits, 2), FARM_OK);
    cr_assert_eq(farm_rate_override_put(session, &ban, 1), FARM_OK);

    cr_assert_eq(farm_rate_local_load(session, local), FARM_OK);
    cr_expect_eq(admitted(local, "rate", "ann", 3), 3);
    cr_expect_eq(admitted(local, "rate", "eve", 3), 0);
    answer got = empty_answer();
    const farm_rate_request own = request_of("own", "ann", 1);
    cr_expect_eq(farm_rate_local_take(local, &own, 1, got.states, NULL, &got.decision),
                 FARM_ENOTFOUND, "instead of those that there were");

    cr_expect_eq(farm_rate_local_load(session, local), FARM_OK);
    cr_expect_eq(left(local, "rate", "ann"), 2, "nothing has changed");
    const farm_rate_limit changed = bucket_limit("other", 9, 9, HOUR_US);
    cr_assert_eq(farm_rate_define(session, &changed, 1), FARM_OK);
    cr_assert_eq(farm_rate_local_load(session, local), FARM_OK);
    cr_expect_eq(left(local, "other", "ann"), 9);
    cr_expect_eq(left(local, "rate", "ann"), 2, "another limit has changed");
    cr_assert_eq(farm_rate_set_shadow(session, 1), FARM_OK);
    cr_assert_eq(farm_rate_local_load(session, local), FARM_OK);
    cr_expect_eq(admitted(local, "rate", "ann", 5), 5);

    farm_rate_local_free(local);
    farm_session_free(session);
}

Test(rate_local_define, what_is_of_a_store_is_changed_there_alone) {
    farm_session *session = open_store("default");
    farm_rate_local *local = new_local(SMALL);
    const farm_rate_limit limit = bucket_limit("rate", 5, 1, HOUR_US);
    const farm_rate_override item = override_of(FARM_RATE_RULE_BAN, "rate", "ann", 0);
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK);
    cr_assert_eq(farm_rate_local_load(session, local), FARM_OK);

    cr_expect_eq(farm_rate_local_define(local, &limit, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_remove(local, "rate", NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_override_put(local, &item, 1, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_override_remove(local, &item, 1, NULL), FARM_EINVAL);
    cr_expect_eq(admitted(local, "rate", "ann", 9), 5);

    cr_expect_eq(farm_rate_local_load(session, NULL), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_load(NULL, local), FARM_EINVAL);
    farm_rate_local_free(local);
    farm_session_free(session);
}

/* Each space counts its versions from 1. */
Test(rate_local_define, another_space_is_read_though_its_version_is_the_same) {
    farm_session *first = open_store("first");
    farm_session *second = open_store("second");
    farm_rate_local *local = new_local(SMALL);
    const farm_rate_limit here = bucket_limit("rate", 5, 1, HOUR_US);
    const farm_rate_limit there = bucket_limit("rate", 7, 1, HOUR_US);
    cr_assert_eq(farm_rate_define(first, &here, 1), FARM_OK);
    cr_assert_eq(farm_rate_define(second, &there, 1), FARM_OK);

    cr_assert_eq(farm_rate_local_load(first, local), FARM_OK);
    cr_expect_eq(left(local, "rate", "ann"), 5);
    cr_assert_eq(farm_rate_local_load(second, local), FARM_OK);
    cr_expect_eq(left(local, "rate", "ann"), 7);

    farm_rate_local_free(local);
    farm_session_free(first);
    farm_session_free(second);
}

Test(rate_local_define, a_load_that_fails_leaves_what_there_was) {
    failing_allocator allocator;
    cr_assert_eq(failing_allocator_set(&allocator, -1), FARM_OK);
    farm_session *session = open_store("default");
    farm_rate_local *local = new_local(SMALL);
    const farm_rate_limit limit = bucket_limit("rate", 5, 1, HOUR_US);
    farm_status status = FARM_ENOMEM;
    int64_t tries = 0;
    define_one(local, bucket_limit("own", 3, 1, HOUR_US));
    cr_assert_eq(farm_rate_define(session, &limit, 1), FARM_OK);

    for (; status == FARM_ENOMEM && tries < 1000; tries++) {
        allocator.countdown = tries;
        status = farm_rate_local_load(session, local);
        allocator.countdown = -1;
        if (status == FARM_ENOMEM) cr_expect_eq(left(local, "own", "ann"), 3);
    }

    cr_expect_eq(status, FARM_OK);
    cr_expect_gt(tries, 1);
    cr_expect_eq(left(local, "rate", "ann"), 5);
    farm_rate_local_free(local);
    farm_session_free(session);
    cr_expect_eq(allocator.live_count, 0);
}
