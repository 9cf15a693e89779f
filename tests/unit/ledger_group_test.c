/* Which groups may be opened, and halves that are put together again. What a call does with it is a
 * matter of contract/ledger_group_test.c. */
#include "ledger/ledger_group_rules.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(ledger_group);

enum { SLOTS = 64 };

static farm_id id_of(uint8_t number) {
    return (farm_id){{number}};
}

static farm_ledger_group group_of(uint8_t id, uint8_t parent, int64_t book) {
    return (farm_ledger_group){.struct_size = sizeof(farm_ledger_group),
                               .id = id_of(id),
                               .parent_id = id_of(parent),
                               .book = book};
}

/* Group 1 is of book 3, and group 2 below it as deep as can be. */
static ledger_group_refusal open_two(farm_ledger_group first, farm_ledger_group second,
                                     ledger_group_found groups[4], size_t *count) {
    static const int64_t books[] = {3, 5, 9};
    const farm_ledger_group items[] = {first, second};
    id_map_slot slots[SLOTS] = {0};
    id_map places;
    id_map_init(&places, slots, SLOTS, 1);
    groups[0] = (ledger_group_found){.id = id_of(1), .book = 3, .depth = 1};
    groups[1] = (ledger_group_found){
        .id = id_of(2), .parent_id = id_of(1), .book = 3, .depth = FARM_LEDGER_GROUP_DEPTH_MAX};
    for (uint32_t i = 0; i < 2; i++) *id_map_put(&places, &groups[i].id) = i;
    ledger_group_opening opening = {.items = items,
                                    .count = 2,
                                    .books = books,
                                    .book_count = 3,
                                    .groups = groups,
                                    .group_count = 2,
                                    .places = &places};
    const ledger_group_refusal refusal = ledger_open_groups(&opening);
    *count = opening.group_count;
    return refusal;
}

typedef struct opening_case {
    const char *name;
    farm_ledger_group first;
    farm_ledger_group second;
    int32_t reason;
    size_t place;
    size_t count; /* of groups after it */
} opening_case;

#define GROUP(number, above, of)                                                                   \
    { .id = {{number}}, .parent_id = {{above}}, .book = (of) }

static const opening_case cases[] = {
    {"two trees", GROUP(7, 0, 3), GROUP(8, 0, 9), 0, 0, 4},
    {"one below the other", GROUP(7, 1, 3), GROUP(8, 7, 3), 0, 0, 4},
    {"the same twice", GROUP(7, 1, 3), GROUP(7, 1, 3), 0, 0, 3},
    {"what is there", GROUP(1, 0, 3), GROUP(2, 1, 3), 0, 0, 2},
    {"another parent", GROUP(7, 1, 3), GROUP(7, 0, 3), FARM_LEDGER_REASON_GROUP_DIFFERS, 1, 3},
    {"another book", GROUP(1, 0, 5), GROUP(8, 0, 3), FARM_LEDGER_REASON_GROUP_DIFFERS, 0, 2},
    {"no such book", GROUP(7, 0, 4), GROUP(8, 0, 3), FARM_LEDGER_REASON_BOOK_UNKNOWN, 0, 2},
    {"a book behind the last", GROUP(7, 0, 10), GROUP(8, 0, 3), FARM_LEDGER_REASON_BOOK_UNKNOWN, 0,
     2},
    {"no such parent", GROUP(7, 8, 3), GROUP(8, 0, 3), FARM_LEDGER_REASON_GROUP_UNKNOWN, 0, 2},
    {"below itself", GROUP(7, 7, 3), GROUP(8, 0, 3), FARM_LEDGER_REASON_GROUP_UNKNOWN, 0, 2},
    {"a parent of another book", GROUP(7, 1, 5), GROUP(8, 0, 3), FARM_LEDGER_REASON_OTHER_BOOK, 0,
     2},
    {"too deep", GROUP(7, 0, 3), GROUP(8, 2, 3), FARM_LEDGER_REASON_GROUP_TOO_DEEP, 1, 3},
};

Test(ledger_group, the_first_that_cannot_be_opened_decides) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const opening_case *row = &cases[i];
        ledger_group_found groups[4];
        size_t count = 0;
        const ledger_group_refusal refusal = open_two(row->first, row->second, groups, &count);
        cr_assert_eq(refusal.reason, row->reason, "%s: %d", row->name, (int)refusal.reason);
        cr_assert_eq(refusal.status == FARM_OK, row->reason == 0, "%s", row->name);
        cr_assert_eq(refusal.place, row->place, "%s", row->name);
        cr_assert_eq(count, row->count, "%s: %zu", row->name, count);
    }
}

Test(ledger_group, a_group_is_one_deeper_than_the_one_that_it_stands_below) {
    ledger_group_found groups[4];
    size_t count = 0;
    cr_assert_eq(open_two(group_of(7, 1, 3), group_of(8, 7, 3), groups, &count).status, FARM_OK);
    cr_assert_eq(groups[2].depth, 2);
    cr_assert_eq(groups[3].depth, 3);
}

Test(ledger_group, halves_are_put_together_and_seen_to_fit) {
    const int64_t all = INT64_C(1) << 32;
    const struct {
        ledger_halves halves[4];
        int32_t fits;
        farm_ledger_balances balances;
    } rows[] = {
        {{{0, 0}, {0, 0}, {0, 0}, {0, 0}}, 1, {0, 0, 0, 0}},
        {{{0, 1}, {1, 2}, {0, all}, {2, 3 * all + 1}}, 1, {1, all + 2, all, 5 * all + 1}},
        {{{0, 0}, {(all / 2) - 1, all - 1}, {0, 0}, {0, 0}}, 1, {0, INT64_MAX, 0, 0}},
        {{{0, 0}, {(all / 2) - 1, all}, {0, 0}, {0, 0}}, 0, {0}},
        {{{0, 0}, {0, 0}, {all / 2, 0}, {0, 0}}, 0, {0}},
        {{{0, 0}, {0, 0}, {0, 0}, {INT64_MAX, INT64_MAX}}, 0, {0}},
        {{{0, 1}, {(all / 2) - 1, all - 1}, {0, 0}, {0, 0}}, 0, {0}},
        {{{0, 0}, {0, 0}, {0, 1}, {(all / 2) - 1, all - 1}}, 0, {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        farm_ledger_balances found = {0};
        cr_assert_eq(ledger_join_halves(rows[i].halves, &found), rows[i].fits, "%zu", i);
        cr_assert(!rows[i].fits || memcmp(&found, &rows[i].balances, sizeof found) == 0, "%zu", i);
    }
}
