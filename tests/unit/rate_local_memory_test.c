/* What is given back in the process, and what a full table does. */
#include "rate_local_support.h"

/* --- giving back ------------------------------------------------------------------------------ */

Test(rate_local_memory, a_decision_is_refunded_once_for_each_bucket) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 10, 1, MINUTE_US));
    define_one(local, bucket_limit("other", 10, 1, MINUTE_US));
    const farm_rate_request items[] = {request_of("rate", "ann", 3), request_of("other", "ann", 4)};
    const answer got = take_many(local, items, 2);
    (void)take_many(local, items, 2);

    for (int i = 0; i < 3; i++) {
        cr_expect_eq(farm_rate_local_refund(local, &got.decision.token, items, 1, NULL), FARM_OK);
        cr_expect_eq(left(local, "rate", "ann"), 7);
        cr_expect_eq(left(local, "other", "ann"), 2);
    }
    cr_expect_eq(farm_rate_local_refund(local, &got.decision.token, items, 2, NULL), FARM_OK);
    cr_expect_eq(left(local, "rate", "ann"), 7);
    cr_expect_eq(left(local, "other", "ann"), 6);
    farm_rate_local_free(local);
}

/* At the very last moment of a refund its claim must still be there. */
Test(rate_local_memory, a_claim_outlives_the_time_in_which_a_refund_is_honoured) {
    farm_rate_local *local = new_local(16);
    define_one(local, bucket_limit("rate", 10, 10, MINUTE_US));
    define_one(local, bucket_limit("brief", 1, 1, 1));
    const farm_rate_request item = request_of("rate", "ann", 5);
    const answer got = take(local, "rate", "ann", 5);
    const int64_t last_us = MINUTE_US + HOUR_US;

    at(local, last_us);
    (void)take(local, "rate", "ann", 10);
    cr_expect_eq(farm_rate_local_refund(local, &got.decision.token, &item, 1, NULL), FARM_OK);
    cr_expect_eq(left(local, "rate", "ann"), 5);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        (void)take(local, "brief", name, 1);
    }
    /* Room for another claim, were the first one gone. */
    const farm_rate_request brief = request_of("brief", "0", 0);
    cr_assert_eq(farm_rate_local_reset(local, &brief, 1, NULL), FARM_OK);
    cr_expect_eq(farm_rate_local_refund(local, &got.decision.token, &item, 1, NULL), FARM_OK);
    cr_expect_eq(left(local, "rate", "ann"), 5);
    farm_rate_local_free(local);
}

Test(rate_local_memory, a_refund_that_comes_too_late_gives_nothing_back) {
    farm_rate_local *local = new_local(16);
    define_one(local, bucket_limit("rate", 10, 10, MINUTE_US));
    const farm_rate_request item = request_of("rate", "ann", 5);
    const answer got = take(local, "rate", "ann", 5);

    at(local, MINUTE_US + HOUR_US + 1000);
    (void)take(local, "rate", "ann", 10);
    cr_expect_eq(farm_rate_local_refund(local, &got.decision.token, &item, 1, NULL), FARM_OK);

    cr_expect_eq(left(local, "rate", "ann"), 0);
    farm_rate_local_free(local);
}

/* A call that takes from "rate" and is then refused by "shut"; and what comes in between. */
typedef struct interruption {
    farm_rate_local *local;
    int64_t now_ns;
    int64_t reads;
    int64_t at_read;
    int64_t later_ns;
    char subject[16];
    int32_t is_taken;
} interruption;

static int64_t interrupted_ns(void *context) {
    interruption *self = context;
    if (++self->reads == self->at_read) {
        self->now_ns += self->later_ns;
        self->is_taken = take(self->local, "rate", self->subject, 10).decision.allowed;
    }
    return self->now_ns;
}

/* What was taken for a moment has come back by itself when the bucket was full again since. */
Test(rate_local_memory, what_a_refused_call_gives_back_late_is_not_given_twice) {
    static const struct {
        int64_t later_us;
        int32_t is_taken;
        int64_t left;
    } cases[] = {
        {0, 0, 10},            /* it is refused by what is held for a moment */
        {2 * MINUTE_US, 1, 0}, /* full again: all of the ten are gone, and none comes back */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        interruption self = {.now_ns = NOW_US * 1000, .later_ns = cases[i].later_us * 1000};
        const farm_clock clock = {
            .struct_size = sizeof clock, .real_ns = interrupted_ns, .context = &self};
        const farm_rate_local_options options = {.struct_size = sizeof options, .clock = &clock};
        farm_rate_limit slots = bucket_limit("slots", 0, 1, DAY_US);
        int64_t order = 0;
        /* The order of the two follows from a secret: with many subjects both are met. */
        cr_assert_eq(farm_rate_local_new(&options, NULL, &self.local), FARM_OK);
        slots.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
        define_one(self.local, bucket_limit("rate", 10, 10, MINUTE_US));
        define_one(self.local, slots);
        for (int j = 0; j < 64 && order == 0; j++) {
            snprintf(self.subject, sizeof self.subject, "user-%d", j);
            const farm_rate_request items[] = {request_of("rate", self.subject, 5),
                                               request_of("slots", self.subject, 1)};
            cr_assert(take(self.local, "slots", self.subject, 1).decision.allowed);
            const int64_t before = self.reads;
            (void)take_many(self.local, items, 2);
            /* Two reads: it took from "rate" first, and gave back. */
            if (self.reads - before < 2) continue;
            order = 1;
            self.at_read = self.reads + 2;
            cr_expect_not(take_many(self.local, items, 2).decision.allowed);
            cr_expect_eq(self.is_taken, cases[i].is_taken, "case %zu", i);
            cr_expect_eq(left(self.local, "rate", self.subject), cases[i].left, "case %zu", i);
        }
        cr_expect_eq(order, 1);
        farm_rate_local_free(self.local);
    }
}

Test(rate_local_memory, headers_and_problems_need_no_session) {
    farm_rate_local *local = new_local(SMALL);
    define_one(local, bucket_limit("rate", 1, 1, MINUTE_US));
    const farm_rate_request item = request_of("rate", "ann", 1);
    farm_error error = {.struct_size = sizeof error};
    const answer first = take(local, "rate", "ann", 1);
    const answer second = take(local, "rate", "ann", 1);
    char *text = NULL;

    cr_expect_eq(farm_rate_local_headers(&item, 1, second.states, &second.decision, NULL, &text),
                 FARM_OK);
    cr_expect_str_eq(text, "RateLimit-Policy: \"rate\";q=1;w=60\r\n"
                           "RateLimit: \"rate\";r=0;t=60\r\nRetry-After: 60\r\n");
    farm_free(text);
    cr_expect_eq(farm_rate_local_problem(&item, 1, second.states, &second.decision, NULL, &text),
                 FARM_OK);
    cr_expect_not_null(strstr(text, "\"violated-policies\":[\"rate\"]"));
    farm_free(text);
    cr_expect_eq(farm_rate_local_problem(&item, 1, first.states, &first.decision, &error, &text),
                 FARM_EINVAL);
    cr_expect_null(text);
    cr_expect_not_null(strstr(error.text, "allowed"));
    cr_expect_eq(farm_rate_local_headers(NULL, 1, first.states, &first.decision, NULL, &text),
                 FARM_EINVAL);
    cr_expect_eq(farm_rate_local_headers(&item, 1, NULL, &first.decision, NULL, &text),
                 FARM_EINVAL);
    cr_expect_eq(farm_rate_local_headers(&item, 1, first.states, NULL, NULL, &text), FARM_EINVAL);
    cr_expect_eq(farm_rate_local_headers(&item, 1, first.states, &first.decision, NULL, NULL),
                 FARM_EINVAL);
    farm_rate_local_free(local);
}

/* A caller of an older header, whose struct ends before the text does. */
Test(rate_local_memory, an_error_of_another_size_is_not_overrun) {
    farm_rate_local *local = new_local(SMALL);
    struct {
        uint32_t struct_size;
        farm_status status;
        int32_t reason;
        uint32_t guard[32];
    } small = {.struct_size = 12, .guard = {7, 7}};
    const farm_rate_request item = request_of("never", "ann", 1);
    answer got = empty_answer();

    cr_expect_eq(farm_rate_local_take(local, &item, 1, got.states, (farm_error *)(void *)&small,
                                      &got.decision),
                 FARM_ENOTFOUND);
    cr_expect_eq(small.status, FARM_ENOTFOUND);
    cr_expect_eq(small.reason, FARM_RATE_REASON_UNKNOWN_LIMIT);
    cr_expect(small.guard[0] == 7 && small.guard[1] == 7 && small.guard[2] == 0);
    cr_expect_eq(small.struct_size, 12);
    farm_rate_local_free(local);
}

Test(rate_local_memory, a_reset_fills_buckets_and_ends_holds) {
    farm_rate_local *local = new_local(SMALL);
    farm_rate_limit slots = bucket_limit("slots", 0, 1, MINUTE_US);
    slots.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    define_one(local, slots);
    define_one(local, bucket_limit("rate", 2, 1, HOUR_US));
    const farm_rate_request items[] = {request_of("rate", "ann", 2), request_of("slots", "ann", 1)};
    cr_assert(take_many(local, items, 2).decision.allowed);
    cr_assert(take(local, "rate", "bob", 2).decision.allowed);

    for (int i = 0; i < 2; i++) cr_expect_eq(farm_rate_local_reset(local, items, 2, NULL), FARM_OK);

    cr_expect_eq(left(local, "rate", "ann"), 2);
    cr_expect_eq(left(local, "slots", "ann"), 1);
    cr_expect_eq(left(local, "rate", "bob"), 0);
    farm_rate_local_free(local);
}

/* --- bounded memory --------------------------------------------------------------------------- */

/* With the least of tables every bucket may stand anywhere: 32 in all. */
Test(rate_local_memory,
     a_table_full_of_debts_forgives_none_and_new_subjects_share_then_are_refused) {
    enum { PLACES = 32 };
    farm_rate_local *local = new_local(16);
    define_one(local, bucket_limit("rate", 3, 1, HOUR_US));
    define_one(local, bucket_limit("later", 3, 1, HOUR_US));
    char names[2 * PLACES][16];
    for (int i = 0; i < 2 * PLACES; i++) snprintf(names[i], sizeof *names, "user-%d", i);
    for (int i = 0; i < PLACES - 1; i++)
        cr_assert_eq(admitted(local, "rate", names[i], 3), 3, "subject %d", i);
    cr_assert_eq(admitted(local, "rate", names[PLACES - 1], 2), 2);

    /* No place is left, also not for a bucket that new subjects share. */
    cr_expect_eq(peek(local, "rate", "new", 1).decision.allowed, 0);
    cr_expect_eq(admitted(local, "rate", "new", 5), 0);
    cr_expect_eq(admitted(local, "later", "new", 5), 0);
    const answer refused = take(local, "rate", "new", 1);
    cr_expect_eq(refused.states[0].remaining, 0);
    cr_expect_gt(refused.decision.retry_after_us, 0);

    /* One place: the shared bucket takes it, and all who are new go by it. */
    const farm_rate_request gone = request_of("rate", names[4], 0);
    cr_assert_eq(farm_rate_local_reset(local, &gone, 1, NULL), FARM_OK);
    const farm_rate_request last = request_of("rate", names[5], 0);
    cr_assert_eq(take(local, "rate", "first", 1).decision.allowed, 1);
    cr_assert_eq(admitted(local, "later", "any", 3), 0);
    cr_assert_eq(farm_rate_local_reset(local, &last, 1, NULL), FARM_OK);
    cr_assert_eq(take(local, "later", "any", 1).decision.allowed, 1);

    /* None of those who were there before was forgiven anything. */
    for (int i = 0; i < PLACES - 1; i++)
        if (i != 4 && i != 5) cr_expect_eq(admitted(local, "rate", names[i], 3), 0, "%d", i);
    cr_expect_eq(admitted(local, "rate", names[PLACES - 1], 3), 1);

    /* When they are full again there is room. */
    at(local, 4 * HOUR_US);
    for (int i = 0; i < 8; i++) cr_expect_eq(admitted(local, "rate", names[PLACES + i], 5), 3);
    farm_rate_local_free(local);
}

/* What subjects without a bucket of their own were let through, of 3 tries each; *out_token: of one
 * that took. */
static int64_t share(farm_rate_local *local, char *out_name, farm_id *out_token) {
    int64_t count = 0;
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "user-%d", i);
        for (int j = 0; j < 3; j++) {
            const answer got = take(local, "rate", name, 1);
            if (!got.decision.allowed || !(got.decision.token.bytes[15] & 1)) continue;
            count++;
            *out_token = got.decision.token;
            memcpy(out_name, name, sizeof name);
        }
    }
    return count;
}

static void reset_all(farm_rate_local *local) {
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "user-%d", i);
        const farm_rate_request item = request_of("rate", name, 0);
        cr_assert_eq(farm_rate_local_reset(local, &item, 1, NULL), FARM_OK);
    }
}

/* Where buckets stand depends on a secret: mostly, but not always, the shared one finds a place. */
Test(rate_local_memory, who_shares_a_bucket_is_counted_together_and_gets_no_refund) {
    int64_t shared_count = 0;
    for (int i = 0; i < 100 && shared_count < 5; i++) {
        farm_rate_local *local = new_local(32);
        char name[16];
        farm_id token = {{0}};
        define_one(local, bucket_limit("rate", 3, 1, HOUR_US));

        const int64_t count = share(local, name, &token);

        cr_expect(count == 0 || count == 3, "%lld of a bucket of 3", (long long)count);
        if (count == 3) {
            const farm_rate_request item = request_of("rate", name, 1);
            shared_count++;
            cr_expect_not(peek(local, "rate", name, 1).decision.allowed);
            cr_expect_eq(farm_rate_local_refund(local, &token, &item, 1, NULL), FARM_OK);
            cr_expect_not(take(local, "rate", name, 1).decision.allowed);
            reset_all(local);
            /* With room it has a bucket of its own, which owes nothing to that token. */
            cr_expect(take(local, "rate", name, 1).decision.allowed);
            cr_expect_eq(farm_rate_local_refund(local, &token, &item, 1, NULL), FARM_OK);
            cr_expect_eq(left(local, "rate", name), 2);
        }
        farm_rate_local_free(local);
    }
    cr_expect_eq(shared_count, 5);
}

Test(rate_local_memory, a_full_table_of_holds_refuses) {
    farm_rate_local *local = new_local(16);
    farm_rate_limit slots = bucket_limit("slots", 0, 100, MINUTE_US);
    slots.algorithm = FARM_RATE_ALGORITHM_CONCURRENCY;
    define_one(local, slots);

    cr_expect_eq(admitted(local, "slots", "ann", 20), 16);
    const answer refused = take(local, "slots", "bob", 1);
    cr_expect_not(refused.decision.allowed);
    cr_expect(is_zero(&refused.decision.token));
    cr_expect_eq(refused.decision.retry_after_us, MINUTE_US);
    at(local, MINUTE_US);
    cr_expect_eq(admitted(local, "slots", "bob", 20), 16);
    farm_rate_local_free(local);
}
