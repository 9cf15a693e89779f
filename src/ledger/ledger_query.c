/* Transfers and accounts by what they are, a page at a time. What has an index is asked of the
 * store, which answers in order; the rest is looked at here. */
#include "base/id.h"
#include "base/integer.h"
#include "base/options.h"
#include "ledger/ledger_access.h"
#include "ledger/ledger_rows.h"
#include <farmcore/ledger_read.h>
#include <farmcore/roles.h>
#include <string.h>

enum {
    LEDGER_READS = STORE_READS | STORE_SERVICE,
    FLAGS_ALL = FARM_LEDGER_QUERY_HOLDS * 2 - 1,
    SIDES = FARM_LEDGER_QUERY_DEBITS | FARM_LEDGER_QUERY_CREDITS,
    STRIDE = 64,         /* events between two milestones: schema 0007 */
    FILTERED_READ = 1000 /* rows at once where not all of them may be wanted */
};

typedef struct query_operation {
    const farm_ledger_query *given;
    farm_ledger_query query;
    void *rows;
    size_t capacity;
    size_t count;      /* found: how many */
    int64_t cursor_ns; /* found: where to go on */
    int64_t (*timestamp)(const void *row);
    int32_t (*matches)(const farm_ledger_query *query, const void *row);
    void (*read)(store_batch *batch, const struct query_operation *operation, int64_t budget,
                 ledger_rows *rows);
    size_t row_size;
} query_operation;

/* --- what is wanted --- */

static int32_t is_reversed(const query_operation *operation) {
    return (operation->query.flags & FARM_LEDGER_QUERY_REVERSED) != 0;
}

/* Rows lie between these two, neither of them included. */
static int64_t after_ns(const query_operation *operation) {
    const farm_ledger_query *query = &operation->query;
    const int64_t from_ns = query->from_ns == 0 ? 0 : query->from_ns - 1;
    return is_reversed(operation) ? from_ns : integer_max(from_ns, query->cursor_ns);
}

static int64_t before_ns(const query_operation *operation) {
    const farm_ledger_query *query = &operation->query;
    const int64_t to_ns =
        query->to_ns == 0 || query->to_ns == INT64_MAX ? INT64_MAX : query->to_ns + 1;
    const int32_t has_cursor = is_reversed(operation) && query->cursor_ns != 0;
    return has_cursor ? integer_min(to_ns, query->cursor_ns) : to_ns;
}

static int32_t is_filtered(const farm_ledger_query *query) {
    return (query->flags & SIDES) != 0 || query->code != 0 || query->user_data_64 != 0 ||
           query->user_data_32 != 0 || !id_is_zero(&query->user_data_128);
}

static int32_t has_data(const farm_ledger_query *query, const farm_id *data_128, int64_t data_64,
                        int32_t data_32, int32_t code) {
    return (id_is_zero(&query->user_data_128) || id_equals(&query->user_data_128, data_128)) &&
           (query->user_data_64 == 0 || query->user_data_64 == data_64) &&
           (query->user_data_32 == 0 || query->user_data_32 == data_32) &&
           (query->code == 0 || query->code == code);
}

static int32_t event_matches(const farm_ledger_query *query, const void *row) {
    const farm_ledger_event *event = row;
    const uint32_t sides = query->flags & SIDES;
    const int32_t is_debit = id_equals(&event->debit_account_id, &query->account_id);
    const uint32_t side = is_debit ? FARM_LEDGER_QUERY_DEBITS : FARM_LEDGER_QUERY_CREDITS;
    return (sides == 0 || (sides & side)) && (query->book == 0 || query->book == event->book) &&
           has_data(query, &event->user_data_128, event->user_data_64, event->user_data_32,
                    event->code);
}

static int64_t event_timestamp(const void *row) {
    return ((const farm_ledger_event *)row)->timestamp_ns;
}

static int32_t account_matches(const farm_ledger_query *query, const void *row) {
    const farm_ledger_account *account = row;
    return has_data(query, &account->user_data_128, account->user_data_64, account->user_data_32,
                    account->code);
}

static int64_t account_timestamp(const void *row) {
    return ((const farm_ledger_account *)row)->timestamp_ns;
}

/* --- reading --- */

static int32_t take_event(void *context, size_t ordinal, const ledger_event_walk_row *row) {
    (void)ordinal;
    farm_ledger_event *event = ledger_rows_add(context);
    if (event == NULL) return 1;
    *event = ledger_event_of(row);
    return 0;
}

/* Forward: from a milestone that has so many events before it, as far as there is one. */
static void read_events(store_batch *batch, const query_operation *operation, int64_t budget,
                        ledger_rows *rows) {
    const farm_ledger_query *query = &operation->query;
    const int32_t goes_back = is_reversed(operation);
    const int64_t milestones = goes_back ? 1 : budget / STRIDE + 2;
    const ledger_event_walk_params params = {
        .account = ledger_blob_or_null(&query->account_id),
        .book = query->book,
        .after_ns = after_ns(operation),
        .before_ns = before_ns(operation),
        .is_reversed = goes_back,
        .holds_only = (query->flags & FARM_LEDGER_QUERY_HOLDS) != 0,
        .beyond_ns = goes_back ? before_ns(operation) : after_ns(operation) + 1,
        .milestones = milestones,
        .steps = goes_back ? budget + STRIDE + 1 : (milestones + 1) * STRIDE,
        .budget = budget,
    };
    ledger_event_walk(batch, &params, take_event, rows);
}

static int32_t take_account(void *context, size_t ordinal, const ledger_account_list_row *row) {
    (void)ordinal;
    farm_ledger_account *account = ledger_rows_add(context);
    if (account == NULL) return 1;
    *account = ledger_account_now(row);
    return 0;
}

static void read_accounts(store_batch *batch, const query_operation *operation, int64_t budget,
                          ledger_rows *rows) {
    const ledger_account_list_params params = {.book = operation->query.book,
                                               .after_ns = after_ns(operation),
                                               .before_ns = before_ns(operation),
                                               .is_reversed = is_reversed(operation),
                                               .budget = budget};
    ledger_account_list(batch, &params, take_account, rows);
}

/* Put what matches before the caller; 0: there is no room for more. */
static int32_t keep_matching(query_operation *operation, const ledger_rows *rows) {
    const unsigned char *row = rows->items;
    for (size_t i = 0; i < rows->count; i++, row += rows->item_size) {
        if (operation->count == operation->capacity) return 0;
        operation->query.cursor_ns = operation->timestamp(row);
        if (!operation->matches(&operation->query, row)) continue;
        (void)options_answer(store_array_at(operation->rows, operation->count++), row,
                             rows->item_size);
    }
    return 1;
}

/* Until the page is full, the end is reached, or enough was looked at. */
static farm_status read_all(farm_session *session, query_operation *operation) {
    int64_t left = FARM_LEDGER_SCAN_MAX;
    while (left > 0 && operation->count < operation->capacity) {
        const int64_t wanted = (int64_t)(operation->capacity - operation->count);
        const int64_t budget = integer_min(
            left, is_filtered(&operation->query) ? integer_max(wanted, FILTERED_READ) : wanted);
        ledger_rows rows = {.memory = store_arena(session), .item_size = operation->row_size};
        store_batch batch;
        store_batch_init(&batch, session);
        operation->read(&batch, operation, budget, &rows);
        const farm_status status = is_filtered(&operation->query) ? store_run(session, &batch)
                                                                  : store_finish(session, &batch);
        if (status != FARM_OK) return status;
        if (rows.has_failed) return ledger_fail_memory(session, (size_t)budget);
        const int32_t is_end = keep_matching(operation, &rows) && (int64_t)rows.count < budget;
        operation->cursor_ns = is_end ? 0 : operation->query.cursor_ns;
        if (is_end) break;
        left -= (int64_t)rows.count;
    }
    return FARM_OK;
}

/* --- the caller's arguments --- */

static farm_status check_times(farm_session *session, const farm_ledger_query *query) {
    farm_status status = store_check_range(session, "from_ns", query->from_ns, 0, INT64_MAX);
    if (status == FARM_OK) status = store_check_range(session, "to_ns", query->to_ns, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "cursor_ns", query->cursor_ns, 0, INT64_MAX - 1);
    return status;
}

static farm_status check_query(farm_session *session, query_operation *operation) {
    farm_ledger_query *query = &operation->query;
    operation->count = 0;
    operation->cursor_ns = 0;
    farm_status status =
        store_check_options(session, "query", query, sizeof *query, operation->given);
    if (status == FARM_OK)
        status = store_check_array(session, "rows", operation->rows, operation->capacity,
                                   FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = check_times(session, query);
    if (status == FARM_OK) status = store_check_range(session, "book", query->book, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "code", query->code, 0, FARM_LEDGER_CODE_MAX);
    if (status != FARM_OK) return status;
    if (query->flags & ~(uint32_t)FLAGS_ALL)
        return store_fail(session, FARM_EINVAL, 0, "flags has one that does not exist");
    return ledger_check_may(session, FARM_ROLE_READ, query->book, &query->account_id);
}

static farm_status query_transfers(farm_session *session, void *context) {
    query_operation *operation = context;
    const farm_ledger_query *query = &operation->query;
    farm_status status = check_query(session, operation);
    if (status != FARM_OK) return status;
    const int32_t is_of_book = id_is_zero(&query->account_id);
    if (is_of_book && query->book == 0)
        return store_fail(session, FARM_EINVAL, 0, "the query names neither an account nor a book");
    if (is_of_book && (query->flags & (SIDES | FARM_LEDGER_QUERY_HOLDS)))
        return store_fail(session, FARM_EINVAL, 0, "sides and holds are asked for of an account");
    return read_all(session, operation);
}

static farm_status query_accounts(farm_session *session, void *context) {
    query_operation *operation = context;
    const farm_ledger_query *query = &operation->query;
    farm_status status = check_query(session, operation);
    if (status != FARM_OK) return status;
    if (query->book == 0)
        return store_fail(session, FARM_EINVAL, 0, "accounts are asked for of a book");
    if (!id_is_zero(&query->account_id) || (query->flags & ~(uint32_t)FARM_LEDGER_QUERY_REVERSED))
        return store_fail(session, FARM_EINVAL, 0,
                          "of accounts neither account_id nor sides nor holds can be asked");
    return read_all(session, operation);
}

static farm_status run(farm_session *session, store_function function, query_operation *operation,
                       size_t *out_count, int64_t *out_cursor_ns) {
    const farm_status status = store_operate(session, LEDGER_READS, function, operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation->count : 0;
    if (out_cursor_ns != NULL) *out_cursor_ns = status == FARM_OK ? operation->cursor_ns : 0;
    return status;
}

farm_status farm_ledger_query_transfers(farm_session *session, const farm_ledger_query *query,
                                        farm_ledger_event *rows, size_t capacity, size_t *out_count,
                                        int64_t *out_cursor_ns) {
    query_operation operation = {.given = query,
                                 .rows = rows,
                                 .capacity = capacity,
                                 .timestamp = event_timestamp,
                                 .matches = event_matches,
                                 .read = read_events,
                                 .row_size = sizeof *rows};
    return run(session, query_transfers, &operation, out_count, out_cursor_ns);
}

farm_status farm_ledger_query_accounts(farm_session *session, const farm_ledger_query *query,
                                       farm_ledger_account *rows, size_t capacity,
                                       size_t *out_count, int64_t *out_cursor_ns) {
    query_operation operation = {.given = query,
                                 .rows = rows,
                                 .capacity = capacity,
                                 .timestamp = account_timestamp,
                                 .matches = account_matches,
                                 .read = read_accounts,
                                 .row_size = sizeof *rows};
    return run(session, query_accounts, &operation, out_count, out_cursor_ns);
}
