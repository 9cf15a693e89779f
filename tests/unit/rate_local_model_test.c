/* The limiter in the process against the limiter on a store: the same random operations on both, at
 * the same frozen times, answer alike step by step. */
#include "rate_local_support.h"
#include <stdlib.h>

enum {
    STEP_COUNT = 4000,
    TOKEN_COUNT = 32,
    LIMIT_COUNT = 8,
    SUBJECT_COUNT = 4,
    ITEM_MAX = 3,
    COST_MAX = 4
};

/* A decision of both, for refunds. */
typedef struct taken {
    farm_id stored;
    farm_id counted;
    farm_rate_request items[ITEM_MAX];
    size_t count;
} taken;

typedef struct pair {
    farm_session *session;
    farm_rate_local *local;
    int64_t now_us;
    uint64_t random;
    int step;
    taken tokens[TOKEN_COUNT];
    size_t token_count;
    int64_t allowed_count;
    int64_t refused_count;
} pair;

static const char *const names[LIMIT_COUNT] = {"rate",   "sliding", "quota", "slots",
                                               "opened", "shared",  "quiet", "rate/part"};
static const char *const keys[SUBJECT_COUNT] = {"ann", "bob", "bob/eu", "cy"};
static const char *const addresses[SUBJECT_COUNT] = {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1",
                                                     "2001:db8:0:1::2"};

/* xorshift64* (Vigna 2016). */
static int64_t draw(pair *both, int64_t bound) {
    both->random ^= both->random >> 12;
    both->random ^= both->random << 25;
    both->random ^= both->random >> 27;
    return (int64_t)((both->random * UINT64_C(0x2545F4914F6CDD1D) >> 33) % (uint64_t)bound);
}

static farm_rate_limit limit_at(pair *both, int64_t index) {
    farm_rate_limit limit = bucket_limit(names[index], 0, 0, 0);
    limit.count = 1 + draw(both, 7);
    limit.period_us = (1 + draw(both, 3)) * 10 * SECOND_US;
    limit.on_change = (int32_t)draw(both, 4);
    switch (index) {
    case 1:
        limit.algorithm = FARM_RATE_ALGORITHM_SLIDING;
        limit.scope = FARM_RATE_SCOPE_USER;
        break;
    case 2:
        limit.algorithm = FARM_RATE_ALGORITHM_WINDOW;
        limit.scope = FARM_RATE_SCOPE_ADDRESS;
        limit.calendar = FARM_RATE_CALENDAR_HOUR;
        limit.zone = "<+0530>-5:30";
        limit.period_us = 0;
        break;
    case 3:
        limit.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
        break;
    case 4:
        limit.burst = 6;
        limit.initial = 1 + draw(both, 6);
        limit.on_change %= FARM_RATE_CHANGE_KEEP;
        break;
    case 5:
        limit.scope = FARM_RATE_SCOPE_GLOBAL;
        break;
    case 6:
        limit.is_shadow = 1;
        limit.count = COST_MAX + draw(both, 4);
        break;
    default:
        limit.burst = 1 + draw(both, 9);
    }
    return limit;
}

static const char *subject_at(int64_t limit, int64_t index) {
    if (limit == 5) return NULL;
    return limit == 2 ? addresses[index] : keys[index];
}

static void same_status(const pair *both, const char *what, farm_status stored,
                        farm_status counted) {
    cr_assert_eq(stored, counted, "step %d, %s: the store says %s (%s), the process %s", both->step,
                 what, farm_status_name(stored), farm_session_error_text(both->session),
                 farm_status_name(counted));
}

#define SAME(field)                                                                                \
    cr_assert_eq(stored->field, counted->field,                                                    \
                 "step %d, item %zu, limit %s, subject %s: " #field                                \
                 " is %lld in the store, %lld in the process",                                     \
                 both->step, i, items[i].limit, items[i].subject, (long long)stored->field,        \
                 (long long)counted->field)

static void same_states(const pair *both, const farm_rate_request *items, const answer *store,
                        const answer *process, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const farm_rate_state *stored = &store->states[i];
        const farm_rate_state *counted = &process->states[i];
        SAME(allowed);
        SAME(is_never);
        SAME(is_shadow);
        SAME(burst);
        SAME(remaining);
        SAME(retry_after_us);
        SAME(reset_after_us);
        SAME(refill_us);
        SAME(rule);
    }
}

static void same_decision(const pair *both, const farm_rate_request *items, const answer *store,
                          const answer *process) {
    const farm_rate_decision *stored = &store->decision;
    const farm_rate_decision *counted = &process->decision;
    const size_t i = 0;
    SAME(allowed);
    SAME(decided_index);
    SAME(is_never);
    SAME(retry_after_us);
    SAME(is_shadowed);
    cr_assert_eq(is_zero(&stored->token), is_zero(&counted->token), "step %d", both->step);
}

static void remember(pair *both, const farm_rate_request *items, size_t count, const answer *store,
                     const answer *process) {
    if (is_zero(&store->decision.token)) return;
    taken *place = &both->tokens[both->token_count++ % TOKEN_COUNT];
    place->stored = store->decision.token;
    place->counted = process->decision.token;
    place->count = count;
    memcpy(place->items, items, count * sizeof *items);
    for (size_t i = 0; i < count; i++) place->items[i].flags = 0;
}

static size_t draw_items(pair *both, farm_rate_request *items) {
    const size_t count = 1 + (size_t)draw(both, ITEM_MAX);
    const int64_t first = draw(both, LIMIT_COUNT);
    for (size_t i = 0; i < count; i++) {
        const int64_t limit = (first + (int64_t)i * 3) % LIMIT_COUNT;
        const int32_t may_be_free = limit != 1 && limit != 3 && limit != 6;
        const int64_t cost = may_be_free && draw(both, 8) == 0 ? 0 : 1 + draw(both, COST_MAX);
        items[i] = request_of(names[limit], subject_at(limit, draw(both, SUBJECT_COUNT)), cost);
        if (limit != 3 && cost > 0 && draw(both, 12) == 0) items[i].flags = FARM_RATE_FORCE;
    }
    return count;
}

static void step_take(pair *both, int32_t is_take) {
    farm_rate_request items[ITEM_MAX];
    const size_t count = draw_items(both, items);
    answer store = empty_answer();
    answer process = empty_answer();
    farm_status stored = FARM_OK;
    farm_status counted = FARM_OK;
    if (is_take) {
        stored = farm_rate_take(both->session, items, count, store.states, &store.decision);
        counted = farm_rate_local_take(both->local, items, count, process.states, NULL,
                                       &process.decision);
    } else {
        stored = farm_rate_peek(both->session, items, count, store.states, &store.decision);
        counted = farm_rate_local_peek(both->local, items, count, process.states, NULL,
                                       &process.decision);
    }
    same_status(both, is_take ? "take" : "peek", stored, counted);
    if (stored != FARM_OK) return;
    same_states(both, items, &store, &process, count);
    same_decision(both, items, &store, &process);
    if (!is_take) return;
    both->allowed_count += store.decision.allowed;
    both->refused_count += !store.decision.allowed;
    remember(both, items, count, &store, &process);
}

static void step_give_back(pair *both) {
    if (both->token_count == 0) return;
    const size_t known = both->token_count < TOKEN_COUNT ? both->token_count : TOKEN_COUNT;
    taken *from = &both->tokens[draw(both, (int64_t)known)];
    farm_rate_request items[ITEM_MAX];
    memcpy(items, from->items, sizeof items);
    farm_status stored = FARM_OK;
    farm_status counted = FARM_OK;
    const int64_t what = draw(both, 4);
    if (what <= 1) {
        for (size_t i = 0; i < from->count; i++)
            if (items[i].cost == 0) items[i].cost = 1;
        stored = farm_rate_refund(both->session, &from->stored, items, from->count);
        counted = farm_rate_local_refund(both->local, &from->counted, items, from->count, NULL);
    } else if (what == 2) {
        stored = farm_rate_release(both->session, &from->stored, items, from->count);
        counted = farm_rate_local_release(both->local, &from->counted, items, from->count, NULL);
    } else if (from->count == 1) {
        stored = farm_rate_renew(both->session, &from->stored, items, from->count);
        counted = farm_rate_local_renew(both->local, &from->counted, items, from->count, NULL);
    }
    same_status(both, "giving back", stored, counted);
}

static void step_reset(pair *both) {
    const int64_t limit = draw(both, LIMIT_COUNT);
    const farm_rate_request item =
        request_of(names[limit], subject_at(limit, draw(both, SUBJECT_COUNT)), 0);
    same_status(both, "reset", farm_rate_reset(both->session, &item, 1),
                farm_rate_local_reset(both->local, &item, 1, NULL));
}

static void step_define(pair *both) {
    const int64_t index = draw(both, LIMIT_COUNT);
    if (draw(both, 6) == 0) {
        same_status(both, "remove", farm_rate_remove(both->session, names[index]),
                    farm_rate_local_remove(both->local, names[index], NULL));
        return;
    }
    const farm_rate_limit limit = limit_at(both, index);
    same_status(both, "define", farm_rate_define(both->session, &limit, 1),
                farm_rate_local_define(both->local, &limit, 1, NULL));
}

static void step_override(pair *both) {
    static const char *const networks[SUBJECT_COUNT] = {"192.0.2.0/24", "2001:db8::/32",
                                                        "192.0.2.1", "::/0"};
    const int64_t limit = draw(both, LIMIT_COUNT);
    const int64_t subject = draw(both, SUBJECT_COUNT);
    farm_rate_override item = {
        .struct_size = sizeof item,
        .rule = (int32_t)(1 + draw(both, 3)),
        .limit = names[limit],
        .subject = limit == 2 ? networks[subject] : subject_at(limit, subject),
        .expires_us = draw(both, 3) == 0 ? 0 : both->now_us + (1 + draw(both, 60)) * SECOND_US,
    };
    if (draw(both, 3) == 0) {
        same_status(both, "override remove", farm_rate_override_remove(both->session, &item, 1),
                    farm_rate_local_override_remove(both->local, &item, 1, NULL));
        return;
    }
    if (item.rule == FARM_RATE_RULE_OVERRIDE) {
        item.count = (limit == 6 ? COST_MAX : 1) + draw(both, 9);
        item.period_us = limit == 2 ? 0 : (1 + draw(both, 2)) * 5 * SECOND_US;
    }
    same_status(both, "override put", farm_rate_override_put(both->session, &item, 1),
                farm_rate_local_override_put(both->local, &item, 1, NULL));
}

static void set_clocks(pair *both) {
    cr_assert_eq(farm_session_set_clock_us(both->session, both->now_us), FARM_OK);
    cr_assert_eq(farm_rate_local_set_clock_us(both->local, both->now_us), FARM_OK);
}

static void step(pair *both) {
    const int64_t what = draw(both, 100);
    if (what < 55)
        step_take(both, 1);
    else if (what < 65)
        step_take(both, 0);
    else if (what < 75)
        step_give_back(both);
    else if (what < 77)
        step_reset(both);
    else if (what < 80)
        step_define(both);
    else if (what < 83)
        step_override(both);
    else
        both->now_us += draw(both, 4) == 0 ? draw(both, 30 * SECOND_US) : draw(both, 3 * SECOND_US);
    set_clocks(both);
}

static void open_pair(pair *both) {
    cr_assert_eq(farm_session_new(&both->session), FARM_OK);
    cr_assert_eq(farm_session_open(both->session, "sqlite::memory:", NULL), FARM_OK);
    cr_assert_eq(farm_session_set_service(both->session), FARM_OK);
    cr_assert_eq(farm_migrate(both->session), FARM_OK);
    both->local = new_local(0);
    set_clocks(both);
    for (int64_t i = 0; i < LIMIT_COUNT; i++) {
        const farm_rate_limit limit = limit_at(both, i);
        same_status(both, "define", farm_rate_define(both->session, &limit, 1),
                    farm_rate_local_define(both->local, &limit, 1, NULL));
    }
}

Test(rate_local_model, the_process_and_a_store_answer_alike_step_by_step) {
    const char *given = getenv("FARM_SEED");
    const uint64_t seed = given == NULL ? UINT64_C(20260101) : strtoull(given, NULL, 10);
    pair both = {.now_us = NOW_US, .random = seed * 2 + 1};
    printf("FARM_SEED=%llu\n", (unsigned long long)seed);
    open_pair(&both);

    for (both.step = 0; both.step < STEP_COUNT; both.step++) step(&both);

    /* It is of no use when nearly all are of one kind. */
    cr_expect_gt(both.allowed_count, STEP_COUNT / 10);
    cr_expect_gt(both.refused_count, STEP_COUNT / 10);
    farm_rate_local_free(both.local);
    farm_session_free(both.session);
}
