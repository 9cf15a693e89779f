/* A book followed by its sequence, and its seals: found, and checked against their events. */
#include "base/crypto.h"
#include "base/options.h"
#include "ledger/ledger_seal_rows.h"
#include "ledger/ledger_seal_hash.h"
#include <string.h>

enum { LEDGER_READS = STORE_READS | STORE_SERVICE };

/* --- pages --- */

typedef struct page_operation {
    int64_t book;
    int64_t after;
    const char *after_name;
    void *rows;
    size_t capacity;
    void (*read)(store_batch *batch, struct page_operation *operation);
    size_t count; /* found: how many */
} page_operation;

static farm_status check_page(farm_session *session, const page_operation *operation) {
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, operation->after_name, operation->after, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "rows", operation->rows, operation->capacity,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static farm_status read_page(farm_session *session, void *context) {
    page_operation *operation = context;
    store_batch batch;
    operation->count = 0;
    const farm_status status = check_page(session, operation);
    if (status != FARM_OK) return status;
    store_batch_init(&batch, session);
    operation->read(&batch, operation);
    return store_finish(session, &batch);
}

static farm_status find_page(farm_session *session, page_operation *operation, size_t *out_count) {
    const farm_status status = store_operate(session, LEDGER_READS, read_page, operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation->count : 0;
    return status;
}

static void *next_row(page_operation *operation) {
    return store_array_at(operation->rows, operation->count++);
}

static int32_t take_followed(void *context, size_t ordinal, const ledger_event_follow_row *row) {
    (void)ordinal;
    const farm_ledger_event event = ledger_event_of(row);
    (void)options_answer(next_row(context), &event, sizeof event);
    return 0;
}

static void read_followed(store_batch *batch, page_operation *operation) {
    const ledger_event_follow_params params = {.book = operation->book,
                                               .after_sequence = operation->after,
                                               .budget = (int64_t)operation->capacity};
    ledger_event_follow(batch, &params, take_followed, operation);
}

farm_status farm_ledger_follow(farm_session *session, int64_t book, int64_t after_sequence,
                               farm_ledger_event *rows, size_t capacity, size_t *out_count) {
    page_operation operation = {
        book, after_sequence, "after_sequence", rows, capacity, read_followed, 0};
    return find_page(session, &operation, out_count);
}

static int32_t take_page_seal(void *context, size_t ordinal, const ledger_seal_seal_read_row *row) {
    (void)ordinal;
    page_operation *operation = context;
    const farm_ledger_seal seal = ledger_seal_of(operation->book, row);
    (void)options_answer(next_row(operation), &seal, sizeof seal);
    return 0;
}

static void read_page_seals(store_batch *batch, page_operation *operation) {
    const ledger_seal_seal_read_params params = {.book = operation->book,
                                                 .after_number = operation->after,
                                                 .budget = (int64_t)operation->capacity};
    ledger_seal_seal_read(batch, &params, take_page_seal, operation);
}

farm_status farm_ledger_find_seals(farm_session *session, int64_t book, int64_t after_number,
                                   farm_ledger_seal *rows, size_t capacity, size_t *out_count) {
    page_operation operation = {book, after_number, "after_number", rows, capacity, read_page_seals,
                                0};
    return find_page(session, &operation, out_count);
}

/* --- checked --- */

typedef struct verify_operation {
    int64_t book;
    const farm_ledger_seal *known;
    int64_t budget_count;
    farm_ledger_seal *out;
    farm_ledger_seal last; /* the one that was found right last; number 0: none */
    farm_ledger_seal seal; /* the one that is looked at */
    ledger_rows seals;
} verify_operation;

static farm_status check_verify(farm_session *session, verify_operation *operation) {
    operation->last = (farm_ledger_seal){.struct_size = sizeof operation->last};
    operation->seal = operation->last;
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "budget_count", operation->budget_count, 1,
                                   FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "out", operation->out, 1, FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK && operation->known != NULL)
        status = store_check_options(session, "known", &operation->last, sizeof operation->last,
                                     operation->known);
    if (status == FARM_OK)
        status = store_check_range(session, "number", operation->last.number, 0, INT64_MAX - 1);
    return status == FARM_OK ? store_check_service(session) : status;
}

static int32_t take_seal(void *context, size_t ordinal, const ledger_seal_seal_read_row *row) {
    (void)ordinal;
    verify_operation *operation = context;
    farm_ledger_seal *seal = ledger_rows_add(&operation->seals);
    if (seal == NULL) return 1;
    *seal = ledger_seal_of(operation->book, row);
    return 0;
}

/* The known one, too, where there is one: it has to be in the chain. */
static farm_status read_seals(farm_session *session, verify_operation *operation) {
    const int64_t known = operation->last.number;
    store_batch batch;
    store_batch_init(&batch, session);
    operation->seals =
        (ledger_rows){.memory = store_arena(session), .item_size = sizeof(farm_ledger_seal)};
    ledger_seal_seal_read(
        &batch,
        &(ledger_seal_seal_read_params){.book = operation->book,
                                        .after_number = known == 0 ? 0 : known - 1,
                                        .budget = operation->budget_count + (known > 0)},
        take_seal, operation);
    const farm_status status = store_run(session, &batch);
    if (status == FARM_OK && operation->seals.has_failed)
        return ledger_fail_memory(session, (size_t)operation->budget_count);
    return status;
}

static farm_status fail_seal(farm_session *session, const farm_ledger_seal *seal,
                             const char *what) {
    return store_fail(session, FARM_ECORRUPT, 0, "book %lld: seal %lld, events %lld to %lld, %s",
                      (long long)seal->book, (long long)seal->number,
                      (long long)seal->first_sequence,
                      (long long)(seal->first_sequence + seal->event_count - 1), what);
}

static farm_status check_known(farm_session *session, verify_operation *operation) {
    const farm_ledger_seal *known = &operation->last;
    const farm_ledger_seal *there = operation->seals.items;
    if (operation->seals.count == 0 || there->number != known->number)
        return store_fail(session, FARM_ECORRUPT, 0, "book %lld: seal %lld is missing",
                          (long long)operation->book, (long long)known->number);
    operation->seal = *there;
    if (!crypto_equals(there->hash, known->hash, sizeof known->hash))
        return fail_seal(session, there, "is not the one that is known");
    operation->last = *there;
    return FARM_OK;
}

static farm_status read_events(farm_session *session, const farm_ledger_seal *seal,
                               ledger_rows *rows) {
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_seal_sealed_read(
        &batch,
        &(ledger_seal_sealed_read_params){.book = seal->book,
                                          .first_sequence = seal->first_sequence,
                                          .end_sequence = seal->first_sequence + seal->event_count},
        ledger_seal_take_event, rows);
    const farm_status status = store_run(session, &batch);
    if (status == FARM_OK && rows->has_failed)
        return ledger_fail_memory(session, (size_t)seal->event_count);
    return status;
}

static int32_t follows(const farm_ledger_seal *seal, const farm_ledger_seal *last) {
    const int64_t first = last->number == 0 ? 1 : last->first_sequence + last->event_count;
    return seal->number == last->number + 1 && seal->first_sequence == first &&
           crypto_equals(seal->previous_hash, last->hash, sizeof last->hash);
}

/* rows: memory for the events, used again for each seal. */
static farm_status check_seal(farm_session *session, verify_operation *operation,
                              ledger_rows *rows) {
    const farm_ledger_seal *seal = &operation->seal;
    uint8_t hash[FARM_LEDGER_HASH_SIZE];
    if (!follows(seal, &operation->last))
        return fail_seal(session, seal, "does not begin where the one before it ended");
    rows->count = 0;
    const farm_status status = read_events(session, seal, rows);
    if (status != FARM_OK) return status;
    if ((int64_t)rows->count != seal->event_count)
        return fail_seal(session, seal, "has not all of its events");
    const farm_ledger_event *events = rows->items;
    ledger_seal_begin(seal, hash);
    for (size_t i = 0; i < rows->count; i++) ledger_seal_add(hash, &events[i]);
    if (!crypto_equals(hash, seal->hash, sizeof hash))
        return fail_seal(session, seal, "is not what its events say");
    operation->last = *seal;
    return FARM_OK;
}

static farm_status verify_seals(farm_session *session, void *context) {
    verify_operation *operation = context;
    ledger_rows rows = {.memory = store_arena(session), .item_size = sizeof(farm_ledger_event)};
    farm_status status = check_verify(session, operation);
    if (status == FARM_OK) status = read_seals(session, operation);
    if (status != FARM_OK) return status;
    const farm_ledger_seal *seals = operation->seals.items;
    size_t place = operation->last.number == 0 ? 0 : 1;
    if (place == 1) status = check_known(session, operation);
    for (; place < operation->seals.count && status == FARM_OK; place++) {
        operation->seal = seals[place];
        status = check_seal(session, operation, &rows);
    }
    const farm_ledger_seal *found = status == FARM_OK ? &operation->last : &operation->seal;
    if (status == FARM_OK || status == FARM_ECORRUPT)
        (void)options_answer(operation->out, found, sizeof *found);
    return status;
}

farm_status farm_ledger_verify_seals(farm_session *session, int64_t book,
                                     const farm_ledger_seal *known, int64_t budget_count,
                                     farm_ledger_seal *out) {
    verify_operation operation = {
        .book = book, .known = known, .budget_count = budget_count, .out = out};
    return store_operate(session, LEDGER_READS, verify_seals, &operation);
}
