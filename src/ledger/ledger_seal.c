/* Events are put in sequence and sealed: the last seal and what has none is read, the rest is
 * hashed and written. */
#include "base/options.h"
#include "ledger/ledger_seal_rows.h"
#include "ledger/ledger_seal_hash.h"
#include "ledger_total_sql.h"
#include <string.h>

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

typedef struct seal_operation {
    int64_t book;
    int64_t budget_count;
    farm_ledger_seal *out;
    farm_ledger_seal last; /* found: number 0, there is none */
    ledger_rows rows;      /* found: the events */
    farm_ledger_seal seal; /* made of them */
} seal_operation;

static farm_status check_arguments(farm_session *session, const seal_operation *operation) {
    farm_status status = store_check_range(session, "book", operation->book, 1, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "budget_count", operation->budget_count, 1,
                                   FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "out", operation->out, 1, FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static int32_t take_last(void *context, size_t ordinal, const ledger_seal_seal_last_row *row) {
    (void)ordinal;
    seal_operation *operation = context;
    operation->last = ledger_seal_of(operation->book, row);
    return 0;
}

static farm_status read_all(farm_session *session, seal_operation *operation) {
    const int64_t book = operation->book;
    store_batch batch;
    store_batch_init(&batch, session);
    operation->last = (farm_ledger_seal){.number = 0};
    operation->rows =
        (ledger_rows){.memory = store_arena(session), .item_size = sizeof(farm_ledger_event)};
    ledger_seal_seal_lock(&batch, &(ledger_seal_seal_lock_params){book}, NULL, NULL);
    ledger_seal_seal_last(&batch, &(ledger_seal_seal_last_params){book}, take_last, operation);
    ledger_seal_unsealed_read(&batch,
                              &(ledger_seal_unsealed_read_params){book, operation->budget_count},
                              ledger_seal_take_event, &operation->rows);
    const farm_status status = store_run(session, &batch);
    if (status == FARM_OK && operation->rows.has_failed)
        return ledger_fail_memory(session, (size_t)operation->budget_count);
    return status;
}

static void make_seal(farm_session *session, seal_operation *operation) {
    const farm_ledger_seal *last = &operation->last;
    const farm_ledger_event *events = operation->rows.items;
    farm_ledger_seal *seal = &operation->seal;
    *seal = (farm_ledger_seal){.struct_size = sizeof *seal,
                               .book = operation->book,
                               .number = last->number + 1,
                               .first_sequence =
                                   last->number == 0 ? 1 : last->first_sequence + last->event_count,
                               .event_count = (int64_t)operation->rows.count,
                               .sealed_us = store_now_us(session)};
    memcpy(seal->previous_hash, last->hash, sizeof seal->previous_hash);
    ledger_seal_begin(seal, seal->hash);
    for (size_t i = 0; i < operation->rows.count; i++) ledger_seal_add(seal->hash, &events[i]);
}

/* The sequence first: what waits for it is held against it. */
static farm_status write_seal(farm_session *session, const seal_operation *operation) {
    const farm_ledger_seal *seal = &operation->seal;
    const farm_ledger_event *events = operation->rows.items;
    const size_t count = operation->rows.count;
    ledger_seal_sequence_add_each *places =
        arena_allocate_array(store_arena(session), count, sizeof *places);
    if (places == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++)
        places[i] = (ledger_seal_sequence_add_each){seal->first_sequence + (int64_t)i,
                                                    events[i].timestamp_ns};
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_seal_seal_add(
        &batch, &(ledger_seal_seal_add_params){
                    .book = seal->book,
                    .number = seal->number,
                    .first_sequence = seal->first_sequence,
                    .event_count = seal->event_count,
                    .previous_hash = value_blob_of(seal->previous_hash, sizeof seal->previous_hash),
                    .hash = value_blob_of(seal->hash, sizeof seal->hash),
                    .now = seal->sealed_us});
    ledger_seal_sequence_add(&batch, &(ledger_seal_sequence_add_params){.book = seal->book}, places,
                             count);
    ledger_total_total_add(&batch, &(ledger_total_total_add_params){
                                       .book = seal->book,
                                       .first_sequence = seal->first_sequence,
                                       .end_sequence = seal->first_sequence + seal->event_count});
    ledger_seal_unsealed_end(&batch, &(ledger_seal_unsealed_end_params){
                                         .book = seal->book,
                                         .first_sequence = seal->first_sequence,
                                         .end_sequence = seal->first_sequence + seal->event_count});
    return store_finish(session, &batch);
}

static farm_status seal_events(farm_session *session, void *context) {
    seal_operation *operation = context;
    ledger_unit unit;
    operation->seal = (farm_ledger_seal){.struct_size = sizeof operation->seal};
    farm_status status = check_arguments(session, operation);
    if (status == FARM_OK) status = ledger_find_unit(session, operation->book, &unit);
    if (status == FARM_OK) status = read_all(session, operation);
    if (status != FARM_OK) return status;
    if (operation->rows.count > 0) {
        make_seal(session, operation);
        status = write_seal(session, operation);
    }
    if (status == FARM_OK)
        (void)options_answer(operation->out, &operation->seal, sizeof operation->seal);
    return status;
}

farm_status farm_ledger_seal_events(farm_session *session, int64_t book, int64_t budget_count,
                                    farm_ledger_seal *out) {
    seal_operation operation = {.book = book, .budget_count = budget_count, .out = out};
    return store_operate(session, LEDGER_WRITES, seal_events, &operation);
}
