/* The fault lab: the ledger: drawing. Most transfers are sound, and most meet others: few accounts,
 * holds of a moment ago, chains, ids that were used before. */
#include "fault/model_ledger.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Numbers ago, at most, that something is referred to. */
enum { REACH = 24 };

/* What is being drawn. */
typedef struct drawing {
    lab_random *random;
    const lab_operation *recent;
    int32_t recent_count;
    int can_compose;
    lab_operation *out;
    ledger_item items[LEDGER_ITEM_MAX];
    int64_t count;
} drawing;

static int64_t below(const drawing *self, int64_t bound) {
    return lab_random_below(self->random, bound);
}

static int once_in(const drawing *self, int64_t n) {
    return lab_random_once_in(self->random, n);
}

ledger_item ledger_item_at(const lab_operation *operation, int64_t place) {
    ledger_item item;
    memcpy(&item, operation->values + LEDGER_ITEMS + place * LEDGER_ITEM_SIZE, sizeof item);
    return item;
}

/* --- what came before --- */

static int is_near(const drawing *self, int64_t id) {
    return id > 0 && (uint64_t)(id >> 8) + REACH >= self->out->number;
}

/* And what it refers to. */
static int is_all_near(const drawing *self, const ledger_item *item) {
    return is_near(self, item->id) && (item->hold <= 0 || is_near(self, item->hold)) &&
           (item->reversed <= 0 || is_near(self, item->reversed));
}

/* A transfer that the player has drawn; 0: there is none. */
static int pick_recent(const drawing *self, ledger_item *out, int64_t *out_operation,
                       int64_t *out_place) {
    if (self->recent_count == 0) return 0;
    *out_operation = below(self, self->recent_count);
    const lab_operation *operation = &self->recent[*out_operation];
    if (operation->kind != LEDGER_POST) return 0;
    *out_place = below(self, operation->values[LEDGER_COUNT]);
    *out = ledger_item_at(operation, *out_place);
    return is_all_near(self, out);
}

/* One of somebody's, perhaps of somebody who plays at the same time. */
static int64_t pick_id(const drawing *self) {
    const int64_t number = (int64_t)self->out->number - (below(self, 9) - 2);
    return ledger_id((uint64_t)(number > 0 ? number : 1), below(self, 3));
}

/* A hold, or a transfer that is none, if it is of a batch of before; it may be of this one, too. 0:
 * none was found. */
static int pick_former(const drawing *self, uint32_t pending, ledger_item *out) {
    int64_t operation = 0;
    int64_t place = 0;
    if (self->count > 0 && once_in(self, 3)) {
        *out = self->items[below(self, self->count)];
        return out->id > 0;
    }
    for (int i = 0; i < 8; i++)
        if (pick_recent(self, out, &operation, &place) &&
            (out->flags & FARM_LEDGER_PENDING) == pending)
            return 1;
    return 0;
}

static int pick_hold(const drawing *self, ledger_item *out) {
    return pick_former(self, FARM_LEDGER_PENDING, out);
}

/* --- sound transfers --- */

static int8_t pick_account(const drawing *self, int8_t book) {
    static const int8_t first[] = {1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 9};
    if (book == 2) return (int8_t)(7 + below(self, 2));
    return first[below(self, (int64_t)sizeof first)];
}

static int64_t pick_amount(const drawing *self) {
    static const int64_t huge[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2, INT64_MAX / 2 + 1};
    return once_in(self, 50) ? huge[below(self, 4)] : below(self, 20);
}

static void draw_sides(const drawing *self, ledger_item *item) {
    item->book = once_in(self, 5) ? 2 : 1;
    item->debit = pick_account(self, item->book);
    do item->credit = pick_account(self, item->book);
    while (item->credit == item->debit);
}

static void draw_extras(const drawing *self, ledger_item *item) {
    for (int i = 0; i < 3 && once_in(self, 3); i++) item->data[i] = (int8_t)below(self, 3);
    if (once_in(self, 6)) item->effective_us = 1 + below(self, 3);
    if (!once_in(self, 8)) return;
    item->conditions = (int8_t)(1 + below(self, 7));
    item->operand = below(self, 12);
    if (self->can_compose == LAB_SOLE && once_in(self, 2)) {
        item->conditions |= LEDGER_RELATIVE;
        item->operand = below(self, 3);
    }
    if (item->conditions & FARM_LEDGER_IF_DEBIT_BALANCE) {
        item->conditions = FARM_LEDGER_IF_DEBIT_BALANCE;
        item->operand = below(self, 60) - 30;
    }
}

static void draw_move(const drawing *self, ledger_item *item) {
    draw_sides(self, item);
    item->amount = pick_amount(self);
    item->code = 1 + (int32_t)below(self, 2);
    if (once_in(self, 6)) item->flags |= FARM_LEDGER_BALANCING_DEBIT;
    if (once_in(self, 10)) item->flags |= FARM_LEDGER_BALANCING_CREDIT;
    if ((item->flags & FARM_LEDGER_BALANCING_DEBIT) && once_in(self, 2))
        item->amount = FARM_LEDGER_AMOUNT_MAX;
    draw_extras(self, item);
}

static void draw_hold(const drawing *self, ledger_item *item) {
    static const int64_t timeouts_us[] = {2000,     50000,  500000,  2000000,
                                          5000000,  0,      0,       20000000,
                                          60000000, 500000, 2000000, INT64_C(1000000000000000)};
    draw_move(self, item);
    item->flags |= FARM_LEDGER_PENDING;
    item->timeout_us = timeouts_us[below(self, sizeof timeouts_us / sizeof *timeouts_us)];
    /* Whose end may come within the time that a batch takes: where nobody else asks when it was. */
    if (self->can_compose == LAB_SOLE && once_in(self, 20)) item->timeout_us = 1;
    if (once_in(self, 40)) item->timeout_us = INT64_C(9000000000000000);
    if (once_in(self, 15)) item->flags |= FARM_LEDGER_CLOSING_DEBIT;
    if (once_in(self, 15)) item->flags |= FARM_LEDGER_CLOSING_CREDIT;
    if (item->flags & (FARM_LEDGER_CLOSING_DEBIT | FARM_LEDGER_CLOSING_CREDIT)) {
        if (!once_in(self, 3)) item->amount = 0;
        if (item->timeout_us == 0 || item->timeout_us > 2000000) item->timeout_us = 500000;
    }
}

static int64_t resolved_amount(const drawing *self, int is_post, int64_t held) {
    switch (below(self, 6)) {
    case 0:
        return held;
    case 1:
        return is_post && held > 0 && held < INT64_MAX ? below(self, held + 1) : 0;
    case 2:
        return once_in(self, 3) && held < INT64_MAX ? held + 1 : 0;
    default:
        return is_post ? FARM_LEDGER_AMOUNT_MAX : 0;
    }
}

static void draw_resolution(const drawing *self, ledger_item *item) {
    ledger_item hold = {.id = 0};
    const int is_known = pick_hold(self, &hold) && !once_in(self, 12);
    const int is_post = !once_in(self, 3);
    item->flags |= is_post ? FARM_LEDGER_POST_PENDING_TRANSFER : FARM_LEDGER_VOID_PENDING_TRANSFER;
    item->hold = is_known ? hold.id : pick_id(self);
    item->amount = resolved_amount(self, is_post, is_known ? hold.amount : below(self, 20));
    if (is_known && once_in(self, 4)) item->debit = hold.debit;
    if (is_known && once_in(self, 4)) item->credit = hold.credit;
    if (is_known && once_in(self, 4)) item->book = hold.book;
    if (is_known && once_in(self, 4)) item->code = hold.code;
    draw_extras(self, item);
}

static void draw_reversal(const drawing *self, ledger_item *item) {
    ledger_item former = {.id = 0};
    const int is_known = pick_former(self, 0, &former) && !once_in(self, 12);
    item->reversed = is_known ? former.id : pick_id(self);
    item->amount = once_in(self, 3) ? FARM_LEDGER_AMOUNT_MAX : below(self, 12);
    if (is_known && once_in(self, 4)) item->debit = former.credit;
    if (is_known && once_in(self, 4)) item->credit = former.debit;
    if (is_known && once_in(self, 4)) item->book = former.book;
    if (once_in(self, 4)) item->code = 1 + (int32_t)below(self, 2);
    draw_extras(self, item);
}

/* --- and others --- */

/* Not one that another player may be using at the same time for something else: an id that is
 * burnt and one that happens are rows of two tables, which nobody locks together. */
static void spoil_own_id(const drawing *self, int64_t *id) {
    const int64_t what = below(self, 4);
    if (what == 0) *id = LEDGER_ZEROS;
    if (what == 1) *id = LEDGER_ONES;
    if (what == 2 && self->can_compose) *id = pick_id(self);
    if (what == 3 && self->count > 0) *id = self->items[below(self, self->count)].id;
}

static void spoil_former(const drawing *self, int64_t *former) {
    spoil_own_id(self, former);
    if (once_in(self, 4)) *former = pick_id(self);
}

static void spoil_account(const drawing *self, int8_t *account) {
    static const int8_t accounts[] = {LEDGER_ZEROS, LEDGER_ONES, LEDGER_STRANGER, 9, 7, 1, 2, 3};
    *account = accounts[below(self, (int64_t)sizeof accounts)];
}

/* A field that is wrong, or is other than that of the transfer that it repeats. */
static void spoil(const drawing *self, ledger_item *item) {
    static const int32_t codes[] = {0, -1, FARM_LEDGER_CODE_MAX + 1, FARM_LEDGER_CODE_MAX, 1, 2};
    static const int8_t books[] = {LEDGER_BOOK_NONE, LEDGER_BOOK_NEGATIVE, LEDGER_BOOK_UNKNOWN, 1,
                                   2};
    static const int64_t effective_us[] = {-1, INT64_MAX, 1, 2};
    const int64_t amount = item->amount;
    switch (below(self, 15)) {
    case 0:
    case 1:
        item->flags ^= UINT32_C(1) << below(self, 9);
        break;
    case 2:
        item->flags |= UINT32_C(1) << (9 + below(self, 20));
        break;
    case 3:
        spoil_own_id(self, &item->id);
        break;
    case 4:
        spoil_account(self, &item->debit);
        break;
    case 5:
        spoil_account(self, &item->credit);
        break;
    case 6:
        item->amount = once_in(self, 3) ? -1 - below(self, 2) : below(self, 20);
        break;
    case 7:
        item->amount = amount < INT64_MAX ? amount + 1 : amount - 1;
        break;
    case 8:
        spoil_former(self, once_in(self, 2) ? &item->hold : &item->reversed);
        break;
    case 9:
        item->timeout_us = below(self, 3) - 1;
        break;
    case 10:
        item->code = codes[below(self, sizeof codes / sizeof *codes)];
        break;
    case 11:
        item->book = books[below(self, (int64_t)sizeof books)];
        break;
    case 12:
        item->effective_us = effective_us[below(self, 4)];
        break;
    case 13:
        item->data[below(self, 3)] ^= 1;
        break;
    default:
        item->stamp = (int8_t)below(self, 4);
        item->conditions |= once_in(self, 4) ? 8 : 0;
        break;
    }
    if (item->timeout_us == 1 && self->can_compose != LAB_SOLE) item->timeout_us = 0;
}

/* Some that were drawn before, one after the other, so that chains are repeated, too. */
static void copy_some(drawing *self, int64_t most) {
    ledger_item item;
    int64_t operation = 0;
    int64_t place = 0;
    if (!pick_recent(self, &item, &operation, &place)) return;
    const lab_operation *before = &self->recent[operation];
    const int64_t wanted = 1 + below(self, 4);
    for (int64_t i = 0; i < wanted && self->count < most && place < before->values[LEDGER_COUNT];
         i++, place++) {
        item = ledger_item_at(before, place);
        if (item.id > 0 ? !is_all_near(self, &item) : item.hold > 0 || item.reversed > 0) return;
        if (self->can_compose != LAB_SOLE) item.conditions &= ~LEDGER_RELATIVE;
        if (once_in(self, 3)) spoil(self, &item);
        self->items[self->count++] = item;
    }
}

static void draw_one(drawing *self, int *is_chained) {
    ledger_item item = {.id = ledger_id(self->out->number, self->count)};
    const int64_t kind = below(self, 10);
    if (kind < 4)
        draw_move(self, &item);
    else if (kind < 6)
        draw_hold(self, &item);
    else if (kind < 7)
        draw_reversal(self, &item);
    else
        draw_resolution(self, &item);
    if (once_in(self, 14)) spoil_own_id(self, &item.id);
    if (once_in(self, 10)) spoil(self, &item);
    *is_chained = *is_chained ? !once_in(self, 3) : once_in(self, 5);
    if (*is_chained) item.flags |= FARM_LEDGER_LINKED;
    self->items[self->count++] = item;
}

static void draw_batch(drawing *self) {
    const int64_t most = 1 + below(self, once_in(self, 3) ? LEDGER_ITEM_MAX : 5);
    int is_chained = 0;
    while (self->count < most) {
        if (once_in(self, 6))
            copy_some(self, most);
        else
            draw_one(self, &is_chained);
    }
    if (once_in(self, 25))
        for (int64_t i = 0; i < self->count; i++) {
            self->items[i].flags |= once_in(self, 8) ? 0 : FARM_LEDGER_IMPORTED;
            self->items[i].stamp = (int8_t)(once_in(self, 3) ? below(self, 4) : LEDGER_STAMP_FIRST);
        }
    /* Nobody locks a book, whose last event an import has to be later than. */
    if (!self->can_compose) self->items[0].flags &= ~(uint32_t)FARM_LEDGER_IMPORTED;
    /* Most chains end. */
    ledger_item *last = &self->items[self->count - 1];
    if (!once_in(self, 10) && last->id >> 8 == (int64_t)self->out->number)
        last->flags &= ~(uint32_t)FARM_LEDGER_LINKED;
}

/* At the end of a hold, for a change. */
static void draw_edge(const drawing *self) {
    ledger_item hold;
    if (self->can_compose != LAB_SOLE || once_in(self, 2) || !pick_hold(self, &hold)) return;
    if (hold.id >> 8 == (int64_t)self->out->number) return;
    self->out->values[LEDGER_EDGE] = hold.id;
    self->out->values[LEDGER_LATE_US] = below(self, 2);
}

/* Most through one of the few dates that transfers have. */
static void draw_close(const drawing *self) {
    static const int8_t books[] = {1, 1, 1, 2, 2, 2, LEDGER_BOOK_NONE, LEDGER_BOOK_UNKNOWN};
    static const int64_t through_us[] = {1, 1, 1, 1, 2, 2, 0, INT64_MAX};
    int64_t *values = self->out->values;
    values[LEDGER_BOOK] = books[below(self, (int64_t)sizeof books)];
    values[LEDGER_THROUGH] = through_us[below(self, sizeof through_us / sizeof *through_us)];
    if (once_in(self, 20)) values[LEDGER_THROUGH] = self->out->now_us - 10000000;
}

void ledger_draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    static const int32_t kinds[] = {LEDGER_EXPIRE, LEDGER_OPEN, LEDGER_CLOSE,
                                    LEDGER_SEAL,   LEDGER_FIND, LEDGER_FIND_ACCOUNTS};
    drawing self = {.random = random,
                    .recent = recent,
                    .recent_count = recent_count,
                    .can_compose = can_compose,
                    .out = out};
    out->kind = once_in(&self, 6) ? kinds[below(&self, sizeof kinds / sizeof *kinds)] : LEDGER_POST;
    /* A lone one may take the next ones when the first have been taken by another player. */
    out->values[LEDGER_BUDGET] =
        can_compose && !once_in(&self, 3) ? 1 + below(&self, 3) : FARM_LEDGER_BATCH_MAX;
    if (out->kind == LEDGER_POST) draw_batch(&self);
    if (out->kind == LEDGER_CLOSE || out->kind == LEDGER_SEAL) draw_close(&self);
    if (out->kind == LEDGER_FIND)
        while (self.count < LEDGER_ITEM_MAX) self.items[self.count++].id = pick_id(&self);
    if (out->kind == LEDGER_POST || out->kind == LEDGER_EXPIRE) draw_edge(&self);
    out->values[LEDGER_COUNT] = self.count;
    memcpy(out->values + LEDGER_ITEMS, self.items, sizeof self.items);
}

/* --- in words --- */

static void say_item(const ledger_item *item, char *text, size_t size) {
    snprintf(text, size,
             "\n      %" PRId64 ".%" PRId64 " flags %x, %d to %d of book %d, %" PRId64
             ", hold %" PRId64 ".%" PRId64 ", reverses %" PRId64 ".%" PRId64 ", timeout %" PRId64
             ", code %d, data %d %d %d, "
             "effective %" PRId64 ", stamp %d, if %x %" PRId64,
             item->id >> 8, item->id & 255, (unsigned)item->flags, item->debit, item->credit,
             item->book, item->amount, item->hold >> 8, item->hold & 255, item->reversed >> 8,
             item->reversed & 255, item->timeout_us, (int)item->code, item->data[0], item->data[1],
             item->data[2], item->effective_us, item->stamp, (unsigned)item->conditions,
             item->operand);
}

void ledger_describe(const lab_operation *operation, char *text, size_t size) {
    static const char *const kinds[] = {"",      "post", "expire", "open",
                                        "close", "seal", "find",   "find accounts"};
    const int64_t *values = operation->values;
    size_t used =
        (size_t)snprintf(text, size,
                         "%s, budget %" PRId64 ", edge %" PRId64 ".%" PRId64 " + %" PRId64
                         ", book %" PRId64 " through %" PRId64,
                         kinds[operation->kind], values[LEDGER_BUDGET], values[LEDGER_EDGE] >> 8,
                         values[LEDGER_EDGE] & 255, values[LEDGER_LATE_US], values[LEDGER_BOOK],
                         values[LEDGER_THROUGH]);
    for (int64_t i = 0; i < values[LEDGER_COUNT] && used < size; i++) {
        const ledger_item item = ledger_item_at(operation, i);
        say_item(&item, text + used, size - used);
        used += strlen(text + used);
    }
}
