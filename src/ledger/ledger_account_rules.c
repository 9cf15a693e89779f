/* Accounts to open. The order of the checks is TigerBeetle's (state_machine.zig,
 * create_account). */
#include "base/id.h"
#include "base/integer.h"
#include "ledger/ledger_rules.h"

#define STATUS(name) FARM_LEDGER_ACCOUNT_##name

enum {
    FLAGS_ALL = FARM_LEDGER_ACCOUNT_CLOSED * 2 - 1,
    LIMITS = FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS |
             FARM_LEDGER_ACCOUNT_CREDITS_MUST_NOT_EXCEED_DEBITS
};

static int32_t check_fields(const farm_ledger_account *account) {
    if (account->version != 0) return STATUS(RESERVED_FIELD);
    if (account->flags & ~(uint32_t)FLAGS_ALL) return STATUS(RESERVED_FLAG);
    if (account->code < 0 || account->code > FARM_LEDGER_CODE_MAX) return STATUS(CODE_OUT_OF_RANGE);
    if (account->book < 0) return STATUS(LEDGER_OUT_OF_RANGE);
    if (account->credit_limit_minor < 0) return STATUS(CREDIT_LIMIT_OUT_OF_RANGE);
    return ledger_check_id(&account->id, STATUS(ID_MUST_NOT_BE_ZERO),
                           STATUS(ID_MUST_NOT_BE_INT_MAX));
}

static int32_t compare(const farm_ledger_account *account, const farm_ledger_account *found) {
    if (account->flags != found->flags) return STATUS(EXISTS_WITH_DIFFERENT_FLAGS);
    if (!id_equals(&account->user_data_128, &found->user_data_128))
        return STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_128);
    if (account->user_data_64 != found->user_data_64)
        return STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_64);
    if (account->user_data_32 != found->user_data_32)
        return STATUS(EXISTS_WITH_DIFFERENT_USER_DATA_32);
    if (account->book != found->book) return STATUS(EXISTS_WITH_DIFFERENT_LEDGER);
    if (account->code != found->code) return STATUS(EXISTS_WITH_DIFFERENT_CODE);
    if (account->credit_limit_minor != found->credit_limit_minor)
        return STATUS(EXISTS_WITH_DIFFERENT_CREDIT_LIMIT);
    return STATUS(EXISTS);
}

static const ledger_book *find_book(const ledger_opening *opening, int64_t book) {
    size_t low = 0;
    size_t high = opening->book_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (opening->books[middle].book < book)
            low = middle + 1;
        else
            high = middle;
    }
    const int32_t is_there = low < opening->book_count && opening->books[low].book == book;
    return is_there ? &opening->books[low] : NULL;
}

static int32_t check_balances(const farm_ledger_balances *balances) {
    if (balances->debits_pending_minor != 0) return STATUS(DEBITS_PENDING_MUST_BE_ZERO);
    if (balances->debits_posted_minor != 0) return STATUS(DEBITS_POSTED_MUST_BE_ZERO);
    if (balances->credits_pending_minor != 0) return STATUS(CREDITS_PENDING_MUST_BE_ZERO);
    return balances->credits_posted_minor != 0 ? STATUS(CREDITS_POSTED_MUST_BE_ZERO)
                                               : STATUS(CREATED);
}

static int32_t check_new(const ledger_opening *opening, const farm_ledger_account *account) {
    if ((account->flags & LIMITS) == LIMITS) return STATUS(FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    const int32_t status = check_balances(&account->balances);
    if (status != STATUS(CREATED)) return status;
    if (account->book == 0) return STATUS(LEDGER_MUST_NOT_BE_ZERO);
    if (account->code == 0) return STATUS(CODE_MUST_NOT_BE_ZERO);
    if (account->credit_limit_minor != 0 &&
        (account->flags & FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS) == 0)
        return STATUS(CREDIT_LIMIT_OUT_OF_RANGE);
    const ledger_book *book = find_book(opening, account->book);
    if (book == NULL) return STATUS(LEDGER_NOT_FOUND);
    if ((account->flags & FARM_LEDGER_ACCOUNT_IMPORTED) &&
        account->timestamp_ns <= integer_max(book->last_ns, opening->last_ns))
        return STATUS(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS);
    return STATUS(CREATED);
}

/* --- the walk --- */

static uint32_t flags_of(const void *context, size_t index) {
    const ledger_opening *opening = context;
    return opening->items[index].flags;
}

static int64_t timestamp_of(const void *context, size_t index) {
    const ledger_opening *opening = context;
    return opening->items[index].timestamp_ns;
}

static size_t mark(const void *context) {
    const ledger_opening *opening = context;
    return opening->account_count;
}

static void undo(void *context, size_t account_count) {
    ledger_opening *opening = context;
    while (opening->account_count > account_count) {
        opening->account_count--;
        id_map_remove_last(&opening->account_places, &opening->accounts[opening->account_count].id);
    }
}

static int32_t decide(void *context, size_t index) {
    ledger_opening *opening = context;
    const farm_ledger_account *account = &opening->items[index];
    int32_t status = check_fields(account);
    if (status != STATUS(CREATED)) return status;
    const uint32_t *place = id_map_find(&opening->account_places, &account->id);
    if (place != NULL) return compare(account, &opening->accounts[*place]);
    status = check_new(opening, account);
    if (status != STATUS(CREATED)) return status;

    farm_ledger_account *made = &opening->accounts[opening->account_count];
    *made = *account;
    if ((account->flags & FARM_LEDGER_ACCOUNT_IMPORTED) == 0)
        made->timestamp_ns = ledger_next_ns(
            opening->now_ns, opening->writer,
            integer_max(opening->last_ns, find_book(opening, account->book)->last_ns));
    opening->last_ns = made->timestamp_ns;
    *id_map_put(&opening->account_places, &made->id) = (uint32_t)opening->account_count++;
    return STATUS(CREATED);
}

static void answer(void *context, size_t index, int32_t status) {
    ledger_opening *opening = context;
    farm_ledger_account_result *result = &opening->results[index];
    *result = (farm_ledger_account_result){.struct_size = sizeof *result, .status = status};
    if (status != STATUS(CREATED) && status != STATUS(EXISTS)) return;
    const uint32_t *place = id_map_find(&opening->account_places, &opening->items[index].id);
    result->timestamp_ns = opening->accounts[*place].timestamp_ns;
}

static const ledger_walk walk = {
    .imported_flag = FARM_LEDGER_ACCOUNT_IMPORTED,
    .imported_expected = STATUS(IMPORTED_EVENT_EXPECTED),
    .imported_not_expected = STATUS(IMPORTED_EVENT_NOT_EXPECTED),
    .imported_out_of_range = STATUS(IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE),
    .imported_must_not_advance = STATUS(IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE),
    .flags_of = flags_of,
    .timestamp_of = timestamp_of,
    .decide = decide,
    .mark = mark,
    .undo = undo,
    .answer = answer,
};

void ledger_open(ledger_opening *opening) {
    ledger_walk_all(&walk, opening, opening->count, opening->now_ns);
}
