/* Live changes of a limit: what becomes of its buckets, from any algorithm to any other; subjects
 * that do not begin with a full bucket; resets. */
#include "rate_limits.h"
#include "store/run.h"
#include "support/test_store.h"
#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(rate_change, .init = define_limits, .fini = close_session, .timeout = 60);

enum {
    RESET = FARM_RATE_CHANGE_RESET,
    KEEP = FARM_RATE_CHANGE_KEEP,
    PART = FARM_RATE_CHANGE_PROPORTIONAL
};

static void change(const char *name, int32_t algorithm, int64_t burst, int64_t count,
                   int64_t period_us, int32_t on_change) {
    farm_rate_limit limit = limit_of(name, FARM_RATE_SCOPE_KEY, burst, count, period_us);
    limit.algorithm = algorithm;
    limit.on_change = on_change;
    define_as(limit);
}

Test(rate_change, tokens_are_kept_or_their_part_or_all_come_back) {
    static const struct {
        int32_t on_change;
        int64_t left;
    } cases[] = {{FARM_RATE_CHANGE_DEFAULT, 50}, {RESET, 50}, {KEEP, 40}, {PART, 20}};
    for (int32_t from = 0; from <= FARM_RATE_ALGORITHM_SLIDING; from++)
        for (int32_t to = 0; to <= FARM_RATE_ALGORITHM_SLIDING; to++)
            for (size_t i = 0; i < 4; i++) {
                char name[32];
                snprintf(name, sizeof name, "c%d%d%zu", from, to, i);
                change(name, from, 0, 100, MINUTE_US, 0);
                cr_assert(take(name, "s", 60));

                change(name, to, 0, 50, 7 * SECOND_US, cases[i].on_change);

                cr_assert_eq(left(name, "s"), cases[i].left, "peek at %s", name);
                cr_assert_eq(left(name, "new"), 50);
                cr_assert_not(take(name, "s", cases[i].left + 1));
                cr_assert_eq(states[0].remaining, cases[i].left, "%s", name);
                cr_assert(take(name, "s", cases[i].left), "%s", name);
                cr_assert_eq(states[0].remaining, 0);
                change(name, to, 0, 50, 7 * SECOND_US, cases[i].on_change);
                cr_assert_eq(left(name, "s"), 0, "the same again: %s", name);
            }
}

Test(rate_change, by_default_a_change_of_burst_alone_keeps_what_was_used) {
    change("bucket", 0, 10, 10, MINUTE_US, 0);
    change("window", 1, 0, 10, MINUTE_US, 0);
    change("sliding", 2, 0, 10, MINUTE_US, 0);
    change("holds", 3, 0, 10, MINUTE_US, 0);
    static const char *const names[] = {"bucket", "window", "sliding", "holds"};
    for (int32_t i = 0; i < 4; i++) {
        cr_assert(take(names[i], "s", 6));
        change(names[i], i, i == 0 ? 12 : 0, i == 0 ? 10 : 12, MINUTE_US, 0);
        cr_assert_eq(left(names[i], "s"), 6, "%s", names[i]);
        cr_assert_eq(left(names[i], "new"), 12);
        change(names[i], i, i == 0 ? 12 : 0, i == 0 ? 10 : 12, 2 * MINUTE_US, 0);
        cr_assert_eq(left(names[i], "s"), 12, "%s", names[i]);
    }
}

/* A take that has read what was before makes the bucket with less, unless it is there. */
Test(rate_change, a_reset_leaves_a_full_bucket_where_one_would_be_carried_over) {
    farm_rows *rows = NULL;
    change("c", 0, 10, 10, MINUTE_US, 0);
    cr_assert(take("c", "s", 10));
    change("c", 0, 20, 10, MINUTE_US, KEEP);
    const farm_rate_request item = request_of("c", "s", 0);

    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);

    cr_assert_eq(test_store_execute(
                     session, "SELECT COUNT(*) FROM {farm_rate_bucket} WHERE tat = stamp", &rows),
                 FARM_OK);
    cr_assert_eq(farm_rows_value(rows, 0, 0)->integer, 1);
    farm_rows_free(rows);
    cr_assert_eq(left("c", "s"), 20);
}

Test(rate_change, what_came_back_between_is_carried_over_and_only_once) {
    change("c", 0, 10, 10, 10 * SECOND_US, 0);
    cr_assert(take("c", "s", 10));
    change("c", 0, 20, 20, 10 * SECOND_US, KEEP);
    set_clock(4 * SECOND_US);

    cr_assert_eq(left("c", "s"), 4);
    cr_assert(take("c", "s", 4));
    cr_assert_not(take("c", "s", 1));
    set_clock(5 * SECOND_US);
    cr_assert_eq(left("c", "s"), 2);
    set_clock(2 * MINUTE_US);
    cr_assert_eq(left("c", "s"), 20);
    cr_assert_eq(left("c", "other"), 20);
}

Test(rate_change, a_change_of_burst_after_it_does_not_undo_it) {
    change("c", 0, 10, 10, 10 * SECOND_US, 0);
    cr_assert(take("c", "s", 10));
    change("c", 0, 20, 20, 10 * SECOND_US, KEEP);
    change("c", 0, 30, 20, 10 * SECOND_US, 0);

    cr_assert_eq(left("c", "s"), 0);
    cr_assert_not(take("c", "s", 1));
}

Test(rate_change, the_longest_limit_can_be_carried_over) {
    change("c", 0, 2147483647, 1, HOUR_US, 0);
    cr_assert(take("c", "s", 2147483647));

    change("c", 0, 10, 10, MINUTE_US, KEEP);

    cr_assert_eq(left("c", "s"), 0);
}

Test(rate_change, holds_begin_anew) {
    change("c", 0, 10, 10, MINUTE_US, 0);
    cr_assert(take("c", "s", 10));
    change("c", 3, 0, 4, MINUTE_US, KEEP);
    cr_assert(take("c", "s", 4));
    change("c", 1, 0, 5, MINUTE_US, KEEP);
    cr_assert(take("c", "s", 5));
    contract_assert_sound(session);
}

Test(rate_change, another_prefix_fills_every_bucket) {
    farm_rate_limit limit = limit_of("net", FARM_RATE_SCOPE_ADDRESS, 5, 5, MINUTE_US);
    define_as(limit);
    cr_assert(take("net", "192.0.2.1", 5));
    limit.ipv4_prefix = 24;
    limit.on_change = KEEP;

    define_as(limit);

    cr_assert_eq(left("net", "192.0.2.1"), 5);
}

/* --------------------------------------------------------------------------- initial tokens */

static void define_initial(int64_t initial) {
    farm_rate_limit limit = limit_of("new", FARM_RATE_SCOPE_KEY, 10, 10, 10 * SECOND_US);
    limit.initial = initial;
    define_as(limit);
}

Test(rate_change, a_new_subject_begins_with_its_initial_tokens) {
    define_initial(3);
    cr_assert_eq(left("new", "s"), 3);
    cr_assert(take("new", "s", 2));
    cr_assert_eq(states[0].remaining, 1);
    cr_assert_not(take("new", "s", 2));
    cr_assert_eq(decision.retry_after_us, SECOND_US);
    set_clock(9 * SECOND_US);
    cr_assert_eq(left("new", "s"), 10);
}

Test(rate_change, its_time_begins_with_the_first_call_though_that_is_refused) {
    const farm_rate_request items[] = {request_of("new", "both", 1), request_of("user", "u", 1)};
    define_initial(3);
    cr_assert(take("user", "u", 5));

    cr_assert_not(take("new", "s", 4));
    cr_assert_eq(decision.retry_after_us, SECOND_US);
    cr_assert_eq(states[0].remaining, 3);
    take_all(items, 2); /* refused by the other */
    cr_assert_not(decision.allowed);
    cr_assert_eq(decision.decided_index, 1);
    set_clock(SECOND_US);

    cr_assert_eq(left("new", "both"), 4);
    cr_assert(take("new", "s", 4));
    /* A look begins nothing, not even beside what is taken. */
    take_all((farm_rate_request[]){request_of("new", "looker", 0), request_of("route", "r", 1)}, 2);
    cr_assert(decision.allowed);
    set_clock(5 * SECOND_US);
    cr_assert_eq(left("new", "looker"), 3);
}

Test(rate_change, a_cost_that_never_fits_begins_nothing) {
    for (int32_t is_shadow = 0; is_shadow <= 1; is_shadow++) {
        farm_rate_limit limit =
            limit_of(is_shadow ? "quiet" : "strict", FARM_RATE_SCOPE_KEY, 10, 10, 10 * SECOND_US);
        limit.initial = 3;
        limit.is_shadow = is_shadow;
        define_as(limit);
        set_clock(0);
        const farm_rate_request item = request_of(limit.name, "s", 11);
        take_all(&item, 1);
        cr_assert_eq(decision.allowed, is_shadow);

        set_clock(SECOND_US);

        cr_assert_eq(left(limit.name, "s"), 3);
    }
}

Test(rate_change, a_reset_fills_the_bucket_of_such_a_limit_too) {
    const farm_rate_request item = request_of("new", "s", 0);
    define_initial(3);
    cr_assert(take("new", "s", 3));

    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);
    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);

    cr_assert_eq(left("new", "s"), 10);
    cr_assert(take("new", "s", 10));
}

Test(rate_change, a_reset_forgets_what_was_to_be_carried_over) {
    const farm_rate_request item = request_of("c", "s", 0);
    change("c", 0, 10, 10, MINUTE_US, 0);
    cr_assert(take("c", "s", 10));
    change("c", 0, 20, 20, MINUTE_US, KEEP);

    cr_assert_eq(farm_rate_reset(session, &item, 1), FARM_OK);

    cr_assert_eq(left("c", "s"), 20);
}

/* ---------------------------------------------------------------------------- older releases */

/* One that knew no initial tokens wrote 0; one that lowers a burst leaves more than it. */
Test(rate_change, limits_as_an_older_release_writes_them_are_understood) {
    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_limit} SET initial = 0 "
                                           "WHERE name = 'user'"),
                 FARM_OK);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_rate_limit} SET burst = 6, initial = 10 "
                                           "WHERE name = 'route'"),
                 FARM_OK);
    define("poke", FARM_RATE_SCOPE_KEY, 1, 1, SECOND_US);
    cr_assert(take("user", "s", 4));
    cr_assert_eq(left("route", "s"), 6);
    cr_assert(take("route", "s", 6));

    farm_rate_limit same = limit_of("user", FARM_RATE_SCOPE_USER, 5, 5, 5 * SECOND_US);
    same.on_change = RESET;
    define_as(same);

    cr_assert_eq(left("user", "s"), 1); /* it is the same: nothing changes */
    cr_assert_eq(contract_count(session, "farm_rate_past"), 0);
}

static int64_t burst_for(farm_session *other) {
    const farm_rate_request item = request_of("two", "s", 0);
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision asked = {.struct_size = sizeof asked};
    cr_assert_eq(farm_rate_peek(other, &item, 1, &state, &asked), FARM_OK, "%s",
                 farm_session_error_text(other));
    return state.burst;
}

/* Who looks at the limits before the commit, and makes them known to all, knows those of before. */
Test(rate_change, a_change_is_known_in_the_process_once_its_transaction_has_committed) {
    if (contract_is_memory()) return; /* readers wait for the writer */
    farm_session *other = contract_open_another();
    define("two", FARM_RATE_SCOPE_KEY, 10, 10, MINUTE_US);
    cr_assert_eq(burst_for(other), 10);

    cr_assert_eq(farm_begin(session), FARM_OK);
    define("two", FARM_RATE_SCOPE_KEY, 20, 10, MINUTE_US);
    cr_assert_eq(burst_for(other), 10);
    cr_assert_eq(farm_commit(session), FARM_OK);

    cr_assert_eq(burst_for(other), 20);

    cr_assert_eq(farm_begin(session), FARM_OK);
    define("two", FARM_RATE_SCOPE_KEY, 30, 10, MINUTE_US);
    farm_rollback(session);
    cr_assert_eq(burst_for(other), 20);
    contract_close_another(other);
}

static int freed;

static void free_snapshot(store_snapshot *snapshot) {
    (void)snapshot;
    freed++;
}

/* What is read is read for a while; a change may come before it is made known. */
Test(rate_change, what_was_read_before_a_change_is_not_made_known_after_it) {
    farm_session *other = contract_open_another();
    store_snapshot read = {.release = free_snapshot, .references = 1};
    const uint64_t before = store_snapshot_generation(session, STORE_SLOT_RATE);
    store_snapshot_forget(other, STORE_SLOT_RATE);

    store_snapshot_publish(session, STORE_SLOT_RATE, before, &read);

    cr_assert_null(store_snapshot_enter(session, STORE_SLOT_RATE));
    store_snapshot_publish(session, STORE_SLOT_RATE,
                           store_snapshot_generation(session, STORE_SLOT_RATE), &read);
    store_snapshot *found = store_snapshot_enter(other, STORE_SLOT_RATE);
    cr_assert_eq(found, &read);
    store_snapshot_leave(other, found);
    store_snapshot_forget(other, STORE_SLOT_RATE);
    cr_assert_eq(freed, 0);
    store_snapshot_leave(session, &read);
    cr_assert_eq(freed, 1);
    contract_close_another(other);
}
