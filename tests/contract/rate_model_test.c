/* The statements against the same rules in C: random takes of all kinds of limits, forced takes,
 * refunds, holds, and clocks that jump, through the public functions; after each step every row and
 * every answer is what rate_row_rules.c and rate_state_rules.c make of it. FARM_TEST_SEED repeats a
 * run. */
#include "rate/rate_load.h"
#include "rate_limits.h"
#include "support/test_store.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_COUNT = 400, LIMIT_COUNT = 6, SUBJECT_COUNT = 2, TOKEN_COUNT = 16, HOLD_COUNT = 1024 };
enum { PLACE_COUNT = LIMIT_COUNT * SUBJECT_COUNT };

static const farm_rate_limit limits[LIMIT_COUNT] = {
    {.name = "bucket", .burst = 6, .count = 7, .period_us = 3 * SECOND_US},
    {.name = "fresh", .burst = 10, .count = 3, .period_us = SECOND_US, .initial = 4},
    {.name = "window", .algorithm = 1, .count = 9, .period_us = 4 * SECOND_US},
    {.name = "hour", .algorithm = 1, .count = 7, .calendar = 1, .zone = "XYZ-5:45"},
    {.name = "sliding", .algorithm = 2, .count = 8, .period_us = 6 * SECOND_US},
    {.name = "holds", .algorithm = 3, .count = 5, .period_us = 5 * SECOND_US},
};
static const char *const subjects[SUBJECT_COUNT] = {"ann", "bob"};

/* One limit of one subject. */
typedef struct place {
    const rate_definition *definition;
    const char *subject;
    uint8_t bucket[RATE_KEY_SIZE];
    rate_row row;
    int32_t has_row;
} place;

/* A decision that took, to be given back. */
typedef struct taken {
    farm_id token;
    size_t places[3];
    size_t count;
    int32_t is_refunded[PLACE_COUNT];
} taken;

typedef struct hold {
    farm_id token;
    size_t place;
    int64_t cost;
    int64_t expires_us; /* 0: released */
} hold;

static rate_definitions *definitions;
static place places[PLACE_COUNT];
static taken takens[TOKEN_COUNT];
static size_t taken_count;
static hold holds[HOLD_COUNT];
static size_t hold_count;
static int64_t now_us;
static uint64_t random_state;
static unsigned seed;
static int step;

#define HERE "seed %u, step %d", seed, step

static int64_t below(int64_t bound) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((random_state >> 33) % (uint64_t)bound);
}

static void open_model(void) {
    farm_rate_limit own[LIMIT_COUNT];
    define_limits();
    const char *text = getenv("FARM_TEST_SEED");
    seed = text == NULL ? 1 : (unsigned)strtoul(text, NULL, 10);
    memcpy(own, limits, sizeof own);
    for (size_t i = 0; i < LIMIT_COUNT; i++) own[i].struct_size = sizeof own[i];
    cr_assert_eq(farm_rate_define(session, own, LIMIT_COUNT), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_eq(rate_definitions_enter(session, &definitions), FARM_OK);
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        rate_subject subject;
        places[i].definition = rate_definitions_find(definitions, limits[i / SUBJECT_COUNT].name);
        places[i].subject = subjects[i % SUBJECT_COUNT];
        const rate_owner *owner = &places[i].definition->owner;
        cr_assert_null(rate_subject_read(owner, places[i].subject, &subject));
        rate_subject_hash(owner, places[i].definition->terms.epoch, &subject, places[i].bucket);
    }
}

static void close_model(void) {
    rate_definitions_leave(session, definitions);
    close_session();
}

/* The same time as the other suites have: Criterion loses memory when they differ. */
TestSuite(rate_model, .init = open_model, .fini = close_model, .timeout = 60);

static const rate_units *units_of(const place *from) {
    return &from->definition->terms.units;
}

static int32_t is_holding(const place *from) {
    return units_of(from)->algorithm == FARM_RATE_ALGORITHM_CONCURRENCY;
}

static rate_ask ask_of(const place *from, const farm_rate_request *item) {
    rate_ask ask;
    rate_ask_at(units_of(from), now_us * 1000, item->cost, &ask);
    if (item->flags & FARM_RATE_FORCE)
        ask.increment = rate_force_increment(units_of(from), item->cost);
    return ask;
}

static int64_t held_of(size_t index, int64_t *earliest_us) {
    int64_t held = 0;
    *earliest_us = 0;
    for (size_t i = 0; i < hold_count; i++) {
        if (holds[i].place != index || holds[i].expires_us <= now_us) continue;
        held += holds[i].cost;
        if (*earliest_us == 0 || holds[i].expires_us < *earliest_us)
            *earliest_us = holds[i].expires_us;
    }
    return held;
}

static rate_facts facts_of(size_t index, int32_t is_taken) {
    rate_facts facts = {
        .row = places[index].row, .has_row = places[index].has_row, .is_taken = is_taken};
    if (is_holding(&places[index])) facts.held = held_of(index, &facts.earliest_us);
    return facts;
}

/* --- what the store should do ----------------------------------------------------------------- */

/* A new subject of a limit with initial tokens has a row from its first take on. */
static void open_row(place *from, const farm_rate_request *item) {
    const rate_ask ask = ask_of(from, item);
    if (from->has_row || item->cost == 0 || units_of(from)->opening == 0) return;
    from->row = (rate_row){.tat = ask.moment.now + units_of(from)->opening};
    from->has_row = 1;
}

static int32_t fits(size_t index, const farm_rate_request *item) {
    const place *from = &places[index];
    const rate_ask ask = ask_of(from, item);
    const rate_facts facts = facts_of(index, 0);
    farm_rate_state state = {0};
    rate_row after;
    if (item->flags & FARM_RATE_FORCE) return 1;
    rate_decide(units_of(from), &ask, &facts, &state);
    /* What opens a row for initial tokens is a statement of its own. */
    if (item->cost > 0 && !is_holding(from) && (from->has_row || units_of(from)->opening == 0))
        cr_assert_eq(
            state.allowed,
            !rate_is_never(units_of(from), item->cost) &&
                rate_row_take(units_of(from), &ask, from->has_row ? &from->row : NULL, &after),
            HERE);
    return state.allowed;
}

static void apply(size_t index, const farm_rate_request *item) {
    place *from = &places[index];
    const rate_ask ask = ask_of(from, item);
    const rate_row *row = from->has_row ? &from->row : NULL;
    rate_row after;
    if (item->cost == 0) return;
    if (is_holding(from)) {
        cr_assert_lt(hold_count, HOLD_COUNT);
        holds[hold_count++] =
            (hold){decision.token, index, item->cost, now_us + units_of(from)->period_us};
        return;
    }
    if (item->flags & FARM_RATE_FORCE)
        cr_assert(rate_row_force(units_of(from), &ask, row, &after));
    else
        cr_assert(rate_row_take(units_of(from), &ask, row, &after));
    from->row = after;
    from->has_row = 1;
}

static void check_state(size_t index, const farm_rate_request *item, int32_t is_taken,
                        const farm_rate_state *state) {
    const rate_ask ask = ask_of(&places[index], item);
    const rate_facts facts = facts_of(index, is_taken && item->cost > 0);
    farm_rate_state expected = {.struct_size = sizeof expected,
                                .is_shadow = (item->flags & FARM_RATE_FORCE) != 0};
    rate_decide(units_of(&places[index]), &ask, &facts, &expected);
    cr_assert_eq(memcmp(&expected, state, sizeof expected), 0,
                 "seed %u, step %d, %s: allowed %d %d, left %lld %lld, retry %lld %lld, reset %lld "
                 "%lld",
                 seed, step, item->limit, expected.allowed, state->allowed,
                 (long long)expected.remaining, (long long)state->remaining,
                 (long long)expected.retry_after_us, (long long)state->retry_after_us,
                 (long long)expected.reset_after_us, (long long)state->reset_after_us);
}

/* --- what it does ----------------------------------------------------------------------------- */

static size_t choose(size_t *out, farm_rate_request *items) {
    size_t count = 0;
    const size_t wanted = (size_t)below(3) + 1;
    while (count < wanted) {
        const size_t index = (size_t)below(PLACE_COUNT);
        size_t other = 0;
        while (other < count && out[other] != index) other++;
        if (other < count) continue;
        items[count] = request_of(places[index].definition->owner.limit, places[index].subject,
                                  below(10) == 0 ? below(25) : below(5));
        if (!is_holding(&places[index]) && below(8) == 0) items[count].flags = FARM_RATE_FORCE;
        out[count++] = index;
    }
    return count;
}

static void step_take(int32_t is_peek) {
    size_t chosen[3];
    farm_rate_request items[3];
    const size_t count = choose(chosen, items);
    int32_t expected = 1;
    int32_t is_hopeless = 0;
    int32_t takes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(items[i].flags & FARM_RATE_FORCE) &&
            rate_is_never(units_of(&places[chosen[i]]), items[i].cost))
            is_hopeless = 1;
        takes += items[i].cost > 0;
    }
    for (size_t i = 0; i < count && !is_peek && !is_hopeless && takes > 0; i++)
        open_row(&places[chosen[i]], &items[i]);
    for (size_t i = 0; i < count; i++) expected = expected && fits(chosen[i], &items[i]);
    farm_status status = is_peek ? farm_rate_peek(session, items, count, states, &decision)
                                 : farm_rate_take(session, items, count, states, &decision);
    cr_assert_eq(status, FARM_OK, "seed %u, step %d: %s", seed, step,
                 farm_session_error_text(session));
    cr_assert_eq(decision.allowed, expected, HERE);
    const int32_t is_taken = expected && !is_peek && takes > 0;
    cr_assert_eq(rate_token_is_sound(&decision.token), is_taken, HERE);
    for (size_t i = 0; i < count && is_taken; i++) apply(chosen[i], &items[i]);
    for (size_t i = 0; i < count; i++) check_state(chosen[i], &items[i], is_taken, &states[i]);
    if (!is_taken) return;
    taken *kept = &takens[taken_count++ % TOKEN_COUNT];
    *kept = (taken){.token = decision.token, .count = count};
    memcpy(kept->places, chosen, sizeof chosen);
}

static taken *random_taken(void) {
    const size_t known = taken_count < TOKEN_COUNT ? taken_count : TOKEN_COUNT;
    return known == 0 ? NULL : &takens[below((int64_t)known)];
}

static void step_refund(void) {
    taken *from = random_taken();
    farm_rate_request items[3];
    if (from == NULL) return;
    for (size_t i = 0; i < from->count; i++) {
        place *to = &places[from->places[i]];
        items[i] = request_of(to->definition->owner.limit, to->subject, below(12) + 1);
        const rate_units *units = units_of(to);
        if (is_holding(to) || from->is_refunded[from->places[i]] ||
            now_us > rate_refund_until_us(units, &from->token))
            continue;
        rate_ask ask = {.increment = rate_force_increment(units, items[i].cost)};
        rate_row after;
        rate_refund_moment(units, &from->token, now_us * 1000, &ask.moment);
        from->is_refunded[from->places[i]] = 1;
        if (rate_row_refund(&ask, to->has_row ? &to->row : NULL, &after)) to->row = after;
    }
    cr_assert_eq(farm_rate_refund(session, &from->token, items, from->count), FARM_OK, HERE);
}

static void step_holds(int32_t is_release) {
    taken *from = random_taken();
    farm_rate_request items[3];
    int32_t is_lost = 0;
    if (from == NULL) return;
    for (size_t i = 0; i < from->count; i++)
        items[i] = request_of(places[from->places[i]].definition->owner.limit,
                              places[from->places[i]].subject, 0);
    for (size_t i = 0; i < from->count; i++) {
        int32_t is_found = !is_holding(&places[from->places[i]]);
        for (size_t j = 0; j < hold_count; j++)
            if (holds[j].place == from->places[i] && holds[j].expires_us > now_us &&
                memcmp(&holds[j].token, &from->token, sizeof from->token) == 0)
                is_found = 1;
        is_lost = is_lost || !is_found;
    }
    farm_status status = is_release ? farm_rate_release(session, &from->token, items, from->count)
                                    : farm_rate_renew(session, &from->token, items, from->count);
    cr_assert_eq(status, is_lost && !is_release ? FARM_ECONFLICT : FARM_OK, HERE);
    for (size_t j = 0; j < hold_count && status == FARM_OK; j++) {
        if (memcmp(&holds[j].token, &from->token, sizeof from->token) != 0) continue;
        const int64_t until_us = now_us + units_of(&places[holds[j].place])->period_us;
        if (is_release)
            holds[j].expires_us = 0;
        else if (until_us > holds[j].expires_us)
            holds[j].expires_us = until_us;
    }
}

/* Mostly a little forward; seldom far, or back, by less and by more than clocks differ. */
static void step_clock(void) {
    static const int64_t jumps_us[] = {3600 * SECOND_US, 40 * SECOND_US, -1 * SECOND_US,
                                       -4 * SECOND_US,   -7 * SECOND_US, -7200 * SECOND_US};
    now_us += below(12) == 0 ? jumps_us[below(6)] : below(700000);
    cr_assert_eq(farm_session_set_clock_us(session, now_us), FARM_OK);
}

/* --- every row -------------------------------------------------------------------------------- */

static void check_row(const place *from) {
    char key[2 * RATE_KEY_SIZE + 1];
    char text[256];
    farm_rows *rows = NULL;
    for (size_t i = 0; i < RATE_KEY_SIZE; i++) snprintf(key + 2 * i, 3, "%02x", from->bucket[i]);
    snprintf(text, sizeof text,
             contract_is_postgres()
                 ? "SELECT tat, previous, debt FROM {farm_rate_bucket} WHERE bucket = '\\x%s'"
                 : "SELECT tat, previous, debt FROM {farm_rate_bucket} WHERE bucket = x'%s'",
             key);
    cr_assert_eq(test_store_execute(session, text, &rows), FARM_OK);
    cr_assert_eq(farm_rows_count(rows), (size_t)from->has_row, "seed %u, step %d, %s", seed, step,
                 from->definition->owner.limit);
    for (size_t row = 0; row < farm_rows_count(rows); row++) {
        const int64_t wanted[] = {from->row.tat, from->row.previous, from->row.debt};
        for (size_t column = 0; column < 3; column++)
            cr_assert_eq(farm_rows_value(rows, row, column)->integer, wanted[column],
                         "seed %u, step %d, %s, column %zu: %lld and not %lld", seed, step,
                         from->definition->owner.limit, column,
                         (long long)farm_rows_value(rows, row, column)->integer,
                         (long long)wanted[column]);
    }
    farm_rows_free(rows);
}

Test(rate_model, every_row_and_answer_is_what_the_rules_in_c_say) {
    random_state = seed;
    now_us = CONTRACT_NOW_US;
    for (step = 0; step < STEP_COUNT; step++) {
        const int64_t kind = below(10);
        step_clock();
        if (kind < 5)
            step_take(0);
        else if (kind < 6)
            step_take(1);
        else if (kind < 8)
            step_refund();
        else
            step_holds(kind == 8);
        for (size_t i = 0; i < PLACE_COUNT; i++)
            if (!is_holding(&places[i])) check_row(&places[i]);
    }
    /* What a clock that is set back brings to life again is no hold too many. */
    set_clock(INT64_C(100) * 86400 * SECOND_US);
    contract_assert_sound(session);
}
