/* Books and accounts are opened. Transfers are posted in ledger_post.c, and what is there is found
 * in ledger_find.c and ledger_query.c. */
#include "base/clock.h"
#include "base/options.h"
#include "base/text.h"
#include "ledger/ledger_access.h"
#include "ledger/ledger_load.h"
#include "ledger/ledger_rows.h"
#include <farmcore/roles.h>
#include <stdlib.h>
#include <string.h>

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

/* --- books --- */

typedef struct books_operation {
    const farm_ledger_book *items;
    size_t count;
    int64_t different; /* found: a book that is there and is another */
} books_operation;

static farm_status check_asset(farm_session *session, const char *asset) {
    const size_t size = asset == NULL ? 0 : strnlen(asset, FARM_LEDGER_ASSET_MAX + 1);
    int32_t is_visible = size >= 1 && size <= FARM_LEDGER_ASSET_MAX;
    for (size_t i = 0; i < size && is_visible; i++) is_visible = asset[i] > ' ' && asset[i] <= '~';
    if (is_visible) return FARM_OK;
    return store_fail(session, FARM_EINVAL, 0, "asset has to be 1 to %d visible ASCII characters",
                      FARM_LEDGER_ASSET_MAX);
}

static farm_status take_books(farm_session *session, const books_operation *operation,
                              ledger_book_open_each *each) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++) {
        farm_ledger_book book;
        status = store_check_options(session, "items", &book, sizeof book,
                                     store_array_at(operation->items, i));
        if (status == FARM_OK) status = check_asset(session, book.asset);
        if (status == FARM_OK) status = store_check_range(session, "book", book.book, 1, INT64_MAX);
        if (status == FARM_OK)
            status = store_check_range(session, "scale", book.scale, 0, FARM_LEDGER_SCALE_MAX);
        each[i] = (ledger_book_open_each){
            .book = book.book, .asset = value_text_of(book.asset), .scale = book.scale};
    }
    return status;
}

static int32_t take_different(void *context, size_t ordinal, const ledger_book_open_row *row) {
    (void)ordinal;
    books_operation *operation = context;
    operation->different = row->book;
    return 1;
}

static farm_status open_books(farm_session *session, void *context) {
    books_operation *operation = context;
    operation->different = 0;
    farm_status status = store_check_array(session, "items", operation->items, operation->count,
                                           FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;
    ledger_book_open_each *each =
        arena_allocate_array(store_arena(session), operation->count, sizeof *each);
    if (each == NULL) return ledger_fail_memory(session, operation->count);
    status = take_books(session, operation, each);
    if (status != FARM_OK) return status;

    store_batch batch;
    store_batch_init(&batch, session);
    ledger_book_open(&batch, &(ledger_book_open_params){.now = store_now_us(session)}, each,
                     operation->count, take_different, operation);
    status = store_run(session, &batch);
    if (status != FARM_OK) return status;
    if (operation->different != 0)
        return store_fail(session, FARM_EEXISTS, FARM_LEDGER_REASON_BOOK_DIFFERS,
                          "book %lld is there with another asset or scale",
                          (long long)operation->different);
    store_batch_init(&batch, session);
    return store_finish(session, &batch);
}

farm_status farm_ledger_open_books(farm_session *session, const farm_ledger_book *items,
                                   size_t count) {
    books_operation operation = {.items = items, .count = count};
    return store_operate(session, LEDGER_WRITES, open_books, &operation);
}

/* --- closing --- */

typedef struct close_operation {
    int64_t book;
    int64_t through_us;
    int64_t closed_through_us; /* found; 0: there is no such book */
} close_operation;

static int32_t take_closed(void *context, size_t ordinal, const ledger_book_close_row *row) {
    (void)ordinal;
    close_operation *operation = context;
    operation->closed_through_us = row->closed_through_us;
    return 0;
}

static farm_status close_book(farm_session *session, void *context) {
    close_operation *operation = context;
    operation->closed_through_us = 0;
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "through_us", operation->through_us, 1,
                                   store_now_us(session));
    if (status == FARM_OK)
        status = ledger_check_may(session, FARM_ROLE_CLOSE, operation->book, NULL);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    /* Not the last batch: a table is locked inside a transaction alone. */
    ledger_book_close(
        &batch,
        &(ledger_book_close_params){.book = operation->book, .through_us = operation->through_us},
        take_closed, operation);
    status = store_run(session, &batch);
    if (status != FARM_OK || operation->closed_through_us > 0) return status;
    return store_fail(session, FARM_ENOTFOUND, 0, "there is no book %lld",
                      (long long)operation->book);
}

farm_status farm_ledger_close_book(farm_session *session, int64_t book, int64_t through_us) {
    close_operation operation = {.book = book, .through_us = through_us};
    return store_operate(session, LEDGER_WRITES, close_book, &operation);
}

/* --- accounts --- */

typedef struct accounts_operation {
    const farm_ledger_account *items;
    size_t count;
    farm_ledger_account_result *results;
} accounts_operation;

/* Rows as they arrive. */
typedef struct known {
    ledger_rows accounts;
    ledger_rows books;
} known;

static int32_t take_account(void *context, size_t ordinal, const ledger_account_read_row *row) {
    (void)ordinal;
    known *self = context;
    farm_ledger_account *account = ledger_rows_add(&self->accounts);
    if (account == NULL) return 1;
    *account = ledger_account_of(row);
    return 0;
}

static int32_t take_book(void *context, size_t ordinal, const ledger_book_read_row *row) {
    (void)ordinal;
    known *self = context;
    ledger_book *book = ledger_rows_add(&self->books);
    if (book == NULL) return 1;
    *book = (ledger_book){.book = row->book, .last_ns = row->last_ns};
    return 0;
}

static farm_status copy_accounts(farm_session *session, const accounts_operation *operation,
                                 ledger_opening *opening) {
    arena *memory = store_arena(session);
    farm_ledger_account *items = arena_allocate_array(memory, operation->count, sizeof *items);
    opening->results = arena_allocate_array(memory, operation->count, sizeof *opening->results);
    if (items == NULL || opening->results == NULL)
        return ledger_fail_memory(session, operation->count);
    opening->items = items;
    opening->count = operation->count;
    return ledger_copy_items(session, operation->items, operation->count, sizeof *items, items);
}

static farm_status read_known(farm_session *session, const ledger_opening *opening, known *self) {
    ledger_ids ids;
    farm_value *books = arena_allocate_array(store_arena(session), opening->count, sizeof *books);
    if (books == NULL || !ledger_ids_init(&ids, session, opening->count))
        return ledger_fail_memory(session, opening->count);
    for (size_t i = 0; i < opening->count; i++) {
        ledger_ids_add(&ids, &opening->items[i].id);
        books[i] = value_from_integer(opening->items[i].book);
    }
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_account_read(&batch, &(ledger_account_read_params){.ids = ledger_ids_list(&ids)},
                        take_account, self);
    ledger_book_read(&batch, &(ledger_book_read_params){{.items = books, .count = opening->count}},
                     take_book, self);
    const farm_status status = store_run(session, &batch);
    if (status == FARM_OK && (self->accounts.has_failed || self->books.has_failed))
        return ledger_fail_memory(session, opening->count);
    return status;
}

/* What is known, with room for what is opened. */
static int32_t make_room(farm_session *session, const known *self, ledger_opening *opening) {
    const size_t most = self->accounts.count + opening->count;
    opening->accounts = arena_allocate_array(store_arena(session), most, sizeof *opening->accounts);
    if (opening->accounts == NULL || !ledger_map_init(&opening->account_places, session, most))
        return 0;
    if (self->accounts.count > 0)
        memcpy(opening->accounts, self->accounts.items,
               self->accounts.count * sizeof *opening->accounts);
    opening->account_count = self->accounts.count;
    for (size_t i = 0; i < self->accounts.count; i++)
        *id_map_put(&opening->account_places, &opening->accounts[i].id) = (uint32_t)i;
    opening->books = self->books.items;
    opening->book_count = self->books.count;
    return 1;
}

static farm_status store_opened(farm_session *session, const ledger_opening *opening,
                                size_t known_count) {
    const size_t count = opening->account_count - known_count;
    ledger_account_open_each *each =
        arena_allocate_array(store_arena(session), count, sizeof *each);
    if (each == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) {
        const farm_ledger_account *account = &opening->accounts[known_count + i];
        each[i] = (ledger_account_open_each){
            .book = account->book,
            .id = value_blob_of_id(&account->id),
            .code = account->code,
            .flags = account->flags,
            .credit_limit = account->credit_limit_minor,
            .user_data_128 = ledger_blob_or_null(&account->user_data_128),
            .user_data_64 = account->user_data_64,
            .user_data_32 = account->user_data_32,
            .timestamp_ns = account->timestamp_ns,
            .is_closed = (account->flags & FARM_LEDGER_ACCOUNT_CLOSED) != 0};
    }
    store_batch batch;
    store_batch_init(&batch, session);
    if (count > 0) ledger_account_open(&batch, each, count);
    return store_finish(session, &batch);
}

static farm_status open_accounts(farm_session *session, void *context) {
    const accounts_operation *operation = context;
    arena *memory = store_arena(session);
    ledger_opening opening = {.now_ns = store_now_ns(session)};
    known self = {.accounts = {.memory = memory, .item_size = sizeof(farm_ledger_account)},
                  .books = {.memory = memory, .item_size = sizeof(ledger_book)}};
    farm_status status =
        ledger_check_batch(session, operation->items, operation->results, operation->count);
    if (status == FARM_OK) status = copy_accounts(session, operation, &opening);
    if (status == FARM_OK) status = read_known(session, &opening, &self);
    if (status != FARM_OK) return status;
    if (!make_room(session, &self, &opening)) return ledger_fail_memory(session, opening.count);

    opening.writer = ledger_draw_writer(session);
    ledger_open(&opening);

    status = store_opened(session, &opening, self.accounts.count);
    for (size_t i = 0; i < opening.count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &opening.results[i],
                             sizeof opening.results[i]);
    return status;
}

farm_status farm_ledger_open_accounts(farm_session *session, const farm_ledger_account *items,
                                      size_t count, farm_ledger_account_result *results) {
    accounts_operation operation = {items, count, results};
    return store_operate(session, LEDGER_WRITES, open_accounts, &operation);
}
