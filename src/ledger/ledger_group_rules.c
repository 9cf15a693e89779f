/* The first item that cannot be decides for all. */
#include "ledger/ledger_group_rules.h"
#include "base/id.h"
#include "base/integer.h"

static const ledger_group_refusal none = {.status = FARM_OK};

static ledger_group_refusal refuse(int32_t reason, size_t place) {
    static const ledger_group_refusal refusals[] = {
        {FARM_EEXISTS, FARM_LEDGER_REASON_GROUP_DIFFERS, 0, "the group is there with other fields"},
        {FARM_ENOTFOUND, FARM_LEDGER_REASON_BOOK_UNKNOWN, 0, "there is no such book"},
        {FARM_ENOTFOUND, FARM_LEDGER_REASON_GROUP_UNKNOWN, 0, "there is no such group"},
        {FARM_ENOTFOUND, FARM_LEDGER_REASON_ACCOUNT_UNKNOWN, 0, "there is no such account"},
        {FARM_EREFUSED, FARM_LEDGER_REASON_OTHER_BOOK, 0, "the one and the other are of two books"},
        {FARM_EREFUSED, FARM_LEDGER_REASON_GROUP_TOO_DEEP, 0,
         "too many groups would stand below each other"},
    };
    size_t i = 0;
    while (refusals[i].reason != reason) i++;
    ledger_group_refusal refusal = refusals[i];
    refusal.place = place;
    return refusal;
}

static int32_t is_there(const ledger_group_opening *opening, int64_t book) {
    size_t low = 0;
    size_t high = opening->book_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (opening->books[middle] < book)
            low = middle + 1;
        else
            high = middle;
    }
    return low < opening->book_count && opening->books[low] == book;
}

/* How deep it would stand, or 0 and why it cannot. */
static int64_t depth_of(const ledger_group_opening *opening, const farm_ledger_group *item,
                        int32_t *reason) {
    *reason = FARM_LEDGER_REASON_BOOK_UNKNOWN;
    if (!is_there(opening, item->book)) return 0;
    if (id_is_zero(&item->parent_id)) return 1;
    const uint32_t *place = id_map_find(opening->places, &item->parent_id);
    *reason = FARM_LEDGER_REASON_GROUP_UNKNOWN;
    if (place == NULL) return 0;
    const ledger_group_found *parent = &opening->groups[*place];
    *reason = FARM_LEDGER_REASON_OTHER_BOOK;
    if (parent->book != item->book) return 0;
    *reason = FARM_LEDGER_REASON_GROUP_TOO_DEEP;
    return parent->depth < FARM_LEDGER_GROUP_DEPTH_MAX ? parent->depth + 1 : 0;
}

static ledger_group_refusal open_group(ledger_group_opening *opening, size_t place) {
    const farm_ledger_group *item = &opening->items[place];
    const uint32_t *known = id_map_find(opening->places, &item->id);
    if (known != NULL) {
        const ledger_group_found *found = &opening->groups[*known];
        const int32_t is_same =
            found->book == item->book && id_equals(&found->parent_id, &item->parent_id);
        return is_same ? none : refuse(FARM_LEDGER_REASON_GROUP_DIFFERS, place);
    }
    int32_t reason = 0;
    const int64_t depth = depth_of(opening, item, &reason);
    if (depth == 0) return refuse(reason, place);
    opening->groups[opening->group_count] = (ledger_group_found){
        .id = item->id, .parent_id = item->parent_id, .book = item->book, .depth = depth};
    *id_map_put(opening->places, &item->id) = (uint32_t)opening->group_count++;
    return none;
}

ledger_group_refusal ledger_open_groups(ledger_group_opening *opening) {
    ledger_group_refusal refusal = none;
    for (size_t i = 0; i < opening->count && refusal.status == FARM_OK; i++)
        refusal = open_group(opening, i);
    return refusal;
}

ledger_group_refusal ledger_check_members(const ledger_group_filling *filling) {
    for (size_t i = 0; i < filling->count; i++) {
        const farm_ledger_member *item = &filling->items[i];
        const uint32_t *group = id_map_find(filling->group_places, &item->group_id);
        const uint32_t *account = id_map_find(filling->account_places, &item->account_id);
        if (group == NULL) return refuse(FARM_LEDGER_REASON_GROUP_UNKNOWN, i);
        if (account == NULL) return refuse(FARM_LEDGER_REASON_ACCOUNT_UNKNOWN, i);
        if (filling->groups[*group].book != filling->accounts[*account].book)
            return refuse(FARM_LEDGER_REASON_OTHER_BOOK, i);
    }
    return none;
}

static int32_t join(ledger_halves halves, int64_t *out) {
    return integer_multiply(halves.high, INT64_C(1) << 32, out) &&
           integer_add(*out, halves.low, out);
}

int32_t ledger_join_halves(const ledger_halves halves[4], farm_ledger_balances *out) {
    int64_t both = 0;
    return join(halves[0], &out->debits_pending_minor) &&
           join(halves[1], &out->debits_posted_minor) &&
           join(halves[2], &out->credits_pending_minor) &&
           join(halves[3], &out->credits_posted_minor) &&
           integer_add(out->debits_pending_minor, out->debits_posted_minor, &both) &&
           integer_add(out->credits_pending_minor, out->credits_posted_minor, &both);
}
