/* Who or what was nominated, when, and the nominations of a subject. */
#include "base/options.h"
#include "ledger/ledger_program_rules.h"
#include "ledger/ledger_rows.h"
#include "ledger_program_sql.h"

enum { LEDGER_READS = STORE_READS | STORE_SERVICE };

/* 0: now. */
static int64_t time_asked(farm_session *session, int64_t at_us) {
    return at_us == 0 ? store_now_us(session) : at_us;
}

/* --- pages --- */

typedef struct list_operation {
    const farm_id *id;
    int64_t at_us;
    const char *after_subject;
    const farm_ledger_nomination_query *given; /* of the history, instead of the three */
    farm_ledger_nomination_row *rows;
    size_t capacity;
    size_t count; /* found */
} list_operation;

static int32_t take_nomination(void *context, size_t ordinal,
                               const ledger_program_nomination_list_row *row) {
    (void)ordinal;
    list_operation *operation = context;
    farm_ledger_nomination_row found = {.struct_size = sizeof found,
                                        .program_id = ledger_id_of(row->program),
                                        .account_id = ledger_id_of(row->account_id),
                                        .user_data_128 = ledger_id_of(row->user_data_128),
                                        .book = row->book,
                                        .number = row->number,
                                        .from_us = row->from_us,
                                        .until_us = ledger_until_said(row->until_us)};
    value_text_copy(row->subject, found.subject, sizeof found.subject);
    value_text_copy(row->nominated_by, found.nominated_by, sizeof found.nominated_by);
    value_text_copy(row->withdrawn_by, found.withdrawn_by, sizeof found.withdrawn_by);
    (void)options_answer(store_array_at(operation->rows, operation->count++), &found, sizeof found);
    return 0;
}

static farm_status check_rows(farm_session *session, list_operation *operation) {
    operation->count = 0;
    const farm_status status = store_check_array(session, "rows", operation->rows,
                                                 operation->capacity, FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static farm_status list_nominations(farm_session *session, void *context) {
    list_operation *operation = context;
    farm_status status = FARM_OK;
    if (operation->id == NULL) status = store_fail(session, FARM_EINVAL, 0, "id is missing");
    if (status == FARM_OK)
        status = store_check_range(session, "at_us", operation->at_us, 0, INT64_MAX);
    if (status == FARM_OK && operation->after_subject != NULL)
        status = store_check_key(session, "after_subject", operation->after_subject);
    if (status == FARM_OK) status = check_rows(session, operation);
    if (status != FARM_OK) return status;
    const char *after = operation->after_subject == NULL ? "" : operation->after_subject;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_program_nomination_list(
        &batch,
        &(ledger_program_nomination_list_params){.program = value_blob_of_id(operation->id),
                                                 .at_us = time_asked(session, operation->at_us),
                                                 .after_subject = value_text_of(after),
                                                 .budget = (int64_t)operation->capacity},
        take_nomination, operation);
    return store_finish(session, &batch);
}

static int32_t take_of_subject(void *context, size_t ordinal,
                               const ledger_program_nomination_history_row *row) {
    return take_nomination(context, ordinal, row);
}

static farm_status list_of_subject(farm_session *session, void *context) {
    list_operation *operation = context;
    farm_ledger_nomination_query query;
    farm_status status =
        store_check_options(session, "query", &query, sizeof query, operation->given);
    if (status == FARM_OK && operation->given == NULL)
        status = store_fail(session, FARM_EINVAL, 0, "query is missing");
    if (status == FARM_OK) status = store_check_range(session, "book", query.book, 1, INT64_MAX);
    if (status == FARM_OK) status = store_check_key(session, "subject", query.subject);
    if (status == FARM_OK)
        status = store_check_range(session, "after_number", query.after_number, 0, INT64_MAX);
    if (status == FARM_OK) status = check_rows(session, operation);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_program_nomination_history(
        &batch,
        &(ledger_program_nomination_history_params){.book = query.book,
                                                    .subject = value_text_of(query.subject),
                                                    .after_program =
                                                        value_blob_of_id(&query.after_program_id),
                                                    .after_number = query.after_number,
                                                    .budget = (int64_t)operation->capacity},
        take_of_subject, operation);
    return store_finish(session, &batch);
}

static farm_status run(farm_session *session, store_function function, list_operation *operation,
                       size_t *out_count) {
    const farm_status status = store_operate(session, LEDGER_READS, function, operation);
    if (out_count != NULL) *out_count = status == FARM_OK ? operation->count : 0;
    return status;
}

farm_status farm_ledger_list_nominations(farm_session *session, const farm_id *id, int64_t at_us,
                                         const char *after_subject,
                                         farm_ledger_nomination_row *rows, size_t capacity,
                                         size_t *out_count) {
    list_operation operation = {.id = id,
                                .at_us = at_us,
                                .after_subject = after_subject,
                                .rows = rows,
                                .capacity = capacity};
    return run(session, list_nominations, &operation, out_count);
}

farm_status farm_ledger_list_subject_nominations(farm_session *session,
                                                 const farm_ledger_nomination_query *query,
                                                 farm_ledger_nomination_row *rows, size_t capacity,
                                                 size_t *out_count) {
    list_operation operation = {.given = query, .rows = rows, .capacity = capacity};
    return run(session, list_of_subject, &operation, out_count);
}

/* --- accounts --- */

typedef struct check_operation {
    const farm_id *id;
    int64_t at_us;
    const farm_id *items;
    size_t count;
    farm_ledger_nominated *results;
    farm_ledger_nominated *found; /* of the items */
} check_operation;

static int32_t take_nominated(void *context, size_t ordinal,
                              const ledger_program_nominated_find_row *row) {
    check_operation *operation = context;
    operation->found[ordinal] =
        (farm_ledger_nominated){.is_nominated = 1, .until_us = ledger_until_said(row->until_us)};
    return 0;
}

static farm_status check_arguments(farm_session *session, const check_operation *operation) {
    farm_status status = FARM_OK;
    if (operation->id == NULL) status = store_fail(session, FARM_EINVAL, 0, "id is missing");
    if (status == FARM_OK)
        status = store_check_range(session, "at_us", operation->at_us, 0, INT64_MAX);
    if (status == FARM_OK && operation->items == NULL)
        status = store_fail(session, FARM_EINVAL, 0, "items is missing");
    if (status == FARM_OK)
        status = store_check_array(session, "results", operation->results, operation->count,
                                   FARM_LEDGER_BATCH_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static farm_status check_nominations(farm_session *session, void *context) {
    check_operation *operation = context;
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    farm_status status = check_arguments(session, operation);
    if (status != FARM_OK) return status;
    ledger_program_nominated_find_each *each = arena_allocate_array(memory, count, sizeof *each);
    operation->found = arena_allocate_array(memory, count, sizeof *operation->found);
    if (each == NULL || operation->found == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) each[i].id = value_blob_of_id(&operation->items[i]);
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_program_nominated_find(
        &batch,
        &(ledger_program_nominated_find_params){.program = value_blob_of_id(operation->id),
                                                .at_us = time_asked(session, operation->at_us)},
        each, count, take_nominated, operation);
    status = store_finish(session, &batch);
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &operation->found[i],
                             sizeof operation->found[i]);
    return status;
}

farm_status farm_ledger_check_nominations(farm_session *session, const farm_id *id, int64_t at_us,
                                          const farm_id *items, size_t count,
                                          farm_ledger_nominated *results) {
    check_operation operation = {
        .id = id, .at_us = at_us, .items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, check_nominations, &operation);
}
