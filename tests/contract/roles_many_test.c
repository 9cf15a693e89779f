/* Roles on every store, by the page and by the batch: lists and many questions at once. */
#include "roles_shop.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { LISTED_MAX = 16 };

TestSuite(roles_many, .init = open_shop, .fini = close_session, .timeout = 60);

Test(roles_many, many_questions_are_answered_like_one_each) {
    cr_assert_eq(farm_role_found(session, "stall", "bob"), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_MEMBER), FARM_OK);
    static const char *const entities[] = {"shop", "stall", "nowhere", "bob", "shop"};
    farm_role_question items[5 * OPERATION_COUNT];
    farm_status results[5 * OPERATION_COUNT];
    const size_t count = sizeof items / sizeof items[0];
    for (size_t i = 0; i < count; i++)
        items[i] = (farm_role_question){.struct_size = sizeof items[i],
                                        .operation = (int32_t)(i % OPERATION_COUNT) + 1,
                                        .entity = entities[i / OPERATION_COUNT]};
    static const char *const actors[] = {"bob", "ann", "eve", NULL};

    for (size_t a = 0; a < 4; a++) {
        act_as(actors[a]);
        memset(results, 0xff, sizeof results);
        cr_assert_eq(farm_role_check_many(session, items, count, results), FARM_OK);
        for (size_t i = 0; i < count; i++)
            cr_assert_eq(results[i], farm_role_check(session, items[i].entity, items[i].operation));
    }
    act_as_service();
    cr_assert_eq(farm_role_check_many(session, items, count, results), FARM_OK);
    for (size_t i = 0; i < count; i++) cr_assert_eq(results[i], FARM_OK);
}

Test(roles_many, a_thousand_questions_are_the_most) {
    static farm_role_question items[FARM_ROLE_BATCH_MAX + 1];
    static farm_status results[FARM_ROLE_BATCH_MAX + 1];
    for (size_t i = 0; i <= FARM_ROLE_BATCH_MAX; i++)
        items[i] = (farm_role_question){.struct_size = sizeof items[i],
                                        .operation = FARM_ROLE_READ,
                                        .entity = i % 7 == 0 ? "shop" : "nowhere"};
    act_as("ann");

    cr_assert_eq(farm_role_check_many(session, items, FARM_ROLE_BATCH_MAX, results), FARM_OK);
    for (size_t i = 0; i < FARM_ROLE_BATCH_MAX; i++)
        cr_assert_eq(results[i], i % 7 == 0 ? FARM_OK : FARM_EDENIED);

    cr_assert_eq(farm_role_check_many(session, items, FARM_ROLE_BATCH_MAX + 1, results),
                 FARM_EINVAL);
    cr_assert_eq(farm_role_check_many(session, items, 0, results), FARM_EINVAL);
}

Test(roles_many, one_wrong_question_refuses_all) {
    farm_role_question items[] = {
        {.struct_size = sizeof items[0], .operation = FARM_ROLE_READ, .entity = "shop"},
        {.struct_size = sizeof items[0], .operation = FARM_ROLE_READ, .entity = "shop"},
    };
    farm_status results[2];

    for (size_t i = 0; i < CONTRACT_BAD_TEXT_COUNT; i++) {
        items[1].entity = contract_bad_texts[i];
        cr_assert_eq(farm_role_check_many(session, items, 2, results), FARM_EINVAL);
    }
    items[1].entity = "shop";
    items[1].operation = OPERATION_COUNT + 1;
    cr_assert_eq(farm_role_check_many(session, items, 2, results), FARM_EINVAL);
    items[1].operation = 0;
    cr_assert_eq(farm_role_check_many(session, items, 2, results), FARM_EINVAL);
    items[1].operation = FARM_ROLE_READ;
    items[1].struct_size = 8;
    cr_assert_eq(farm_role_check_many(session, items, 2, results), FARM_EINVAL);
    items[0].struct_size = 0;
    cr_assert_eq(farm_role_check_many(session, items, 2, results), FARM_EINVAL);
    cr_assert_eq(farm_role_check_many(session, NULL, 2, results), FARM_EINVAL);
    cr_assert_eq(farm_role_check_many(session, items, 2, NULL), FARM_EINVAL);
    cr_assert_eq(farm_role_check_many(NULL, items, 2, results), FARM_EINVAL);
}

/* What a caller of a later version hands over: the same struct with a field more. */
typedef struct newer_question {
    farm_role_question known;
    uint64_t unknown;
} newer_question;

Test(roles_many, questions_of_a_newer_caller_are_read_unless_they_ask_for_more) {
    newer_question items[2] = {{{sizeof items[0], FARM_ROLE_READ, "shop"}, 0},
                               {{sizeof items[0], FARM_ROLE_PAY, "nowhere"}, 0}};
    farm_status results[2];
    act_as("ann");

    cr_assert_eq(farm_role_check_many(session, &items[0].known, 2, results), FARM_OK);
    cr_assert_eq(results[0], FARM_OK);
    cr_assert_eq(results[1], FARM_EDENIED);
    items[1].unknown = 1;

    cr_assert_eq(farm_role_check_many(session, &items[0].known, 2, results), FARM_EUNSUPPORTED);
}

static void size_rows(farm_role_grant_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) rows[i].struct_size = sizeof rows[i];
}

Test(roles_many, the_list_has_every_grant_that_holds_in_order) {
    const int64_t end = CONTRACT_NOW_US + SECOND_US;
    act_as("ann");
    cr_assert_eq(grant("zoe", FARM_ROLE_VIEWER), FARM_OK);
    cr_assert_eq(grant("Bob", FARM_ROLE_MANAGER), FARM_OK);
    cr_assert_eq(grant("Bob", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(grant("\xc3\xa9va", FARM_ROLE_MEMBER), FARM_OK);
    cr_assert_eq(farm_role_grant(session, "shop", "cem", FARM_ROLE_MEMBER, end), FARM_OK);
    cr_assert_eq(farm_role_grant(session, "shop", "dan", FARM_ROLE_MEMBER, end + 1), FARM_OK);
    set_clock(SECOND_US);
    static farm_role_grant_row rows[LISTED_MAX];
    size_rows(rows, LISTED_MAX);
    size_t count = 99;

    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, LISTED_MAX, &count), FARM_OK);

    static const struct {
        const char *subject, *granted_by;
        int32_t role;
        int64_t expires_after_us;
    } expected[] = {{"Bob", "ann", 1, 0}, {"Bob", "ann", 2, 0},
                    {"ann", "", 1, 0},    {"dan", "ann", 3, SECOND_US + 1},
                    {"zoe", "ann", 4, 0}, {"\xc3\xa9va", "ann", 3, 0}};
    cr_assert_eq(count, 6);
    for (size_t i = 0; i < count; i++) {
        const int64_t after_us = expected[i].expires_after_us;
        cr_assert_str_eq(rows[i].subject, expected[i].subject);
        cr_assert_str_eq(rows[i].granted_by, expected[i].granted_by);
        cr_assert_eq(rows[i].role, expected[i].role);
        cr_assert_eq(rows[i].expires_us, after_us == 0 ? 0 : CONTRACT_NOW_US + after_us);
        cr_assert_eq(rows[i].granted_us, CONTRACT_NOW_US);
        cr_assert_eq(rows[i].struct_size, sizeof rows[i]);
    }
}

Test(roles_many, pages_follow_each_other_without_gap_or_repeat) {
    for (int i = 0; i < 7; i++) {
        char subject[16];
        snprintf(subject, sizeof subject, "s%d", i / 2);
        cr_assert_eq(grant(subject, i % 2 == 0 ? FARM_ROLE_MEMBER : FARM_ROLE_VIEWER), FARM_OK);
    }
    static farm_role_grant_row rows[3];
    char after_subject[FARM_KEY_MAX + 1] = "";
    int32_t after_role = 0;
    size_t total = 0;
    size_t count = 3;

    while (count == 3) {
        size_rows(rows, 3);
        cr_assert_eq(farm_role_list(session, "shop", total == 0 ? NULL : after_subject, after_role,
                                    rows, 3, &count),
                     FARM_OK);
        for (size_t i = 0; i < count; i++) {
            const int order = strcmp(rows[i].subject, after_subject);
            cr_assert(order > 0 || (order == 0 && rows[i].role > after_role));
            snprintf(after_subject, sizeof after_subject, "%s", rows[i].subject);
            after_role = rows[i].role;
        }
        total += count;
    }

    cr_assert_eq(total, 8);
}

Test(roles_many, the_list_is_for_those_who_may_read) {
    static farm_role_grant_row rows[2];
    size_rows(rows, 2);
    size_t count = 99;
    act_as("eve");

    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, 2, &count), FARM_EDENIED);

    cr_assert_eq(count, 0);
    cr_assert_str_eq(rows[0].subject, "");
    act_as("shop");
    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, 2, &count), FARM_OK);
    cr_assert_eq(count, 1);
    act_as_service();
    cr_assert_eq(farm_role_list(session, "nowhere", NULL, 0, rows, 2, &count), FARM_OK);
    cr_assert_eq(count, 0);
}

Test(roles_many, the_list_refuses_wrong_arguments) {
    static farm_role_grant_row rows[2];
    size_rows(rows, 2);
    size_t count = 99;

    for (size_t i = 0; i < CONTRACT_BAD_TEXT_COUNT; i++) {
        cr_assert_eq(farm_role_list(session, contract_bad_texts[i], NULL, 0, rows, 2, &count),
                     FARM_EINVAL);
        if (contract_bad_texts[i] != NULL)
            cr_assert_eq(farm_role_list(session, "shop", contract_bad_texts[i], 1, rows, 2, &count),
                         FARM_EINVAL);
    }
    cr_assert_eq(farm_role_list(session, "shop", NULL, 1, rows, 2, &count), FARM_EINVAL);
    cr_assert_eq(farm_role_list(session, "shop", "ann", 0, rows, 2, &count), FARM_EINVAL);
    cr_assert_eq(farm_role_list(session, "shop", "ann", 6, rows, 2, &count), FARM_EINVAL);
    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, 0, &count), FARM_EINVAL);
    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, FARM_ROLE_BATCH_MAX + 1, &count),
                 FARM_EINVAL);
    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, NULL, 2, &count), FARM_EINVAL);
    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, 2, NULL), FARM_EINVAL);
    rows[1].struct_size = 8;
    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, 2, &count), FARM_EINVAL);
    rows[0].struct_size = 0;
    cr_assert_eq(farm_role_list(session, "shop", NULL, 0, rows, 2, &count), FARM_EINVAL);

    cr_assert_eq(count, 0);
}
