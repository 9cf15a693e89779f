/* Nominations are made and withdrawn: read under the locks of their programs, decided one after the
 * other, written. */
#include "base/id.h"
#include "base/options.h"
#include "ledger/ledger_program_load.h"

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

static void answer(void *results, size_t index, int32_t status, int64_t number) {
    const int32_t is_there =
        status == FARM_LEDGER_NOMINATION_CREATED || status == FARM_LEDGER_NOMINATION_EXISTS;
    const farm_ledger_nomination_result result = {
        .struct_size = sizeof result, .status = status, .number = is_there ? number : 0};
    (void)options_answer(store_array_at(results, index), &result, sizeof result);
}

/* --- nominating --- */

typedef struct nominate_operation {
    const farm_ledger_nomination *given;
    size_t count;
    farm_ledger_nomination_result *results;
    farm_ledger_nomination *items;
    int32_t *statuses;
    int64_t *numbers;
    ledger_nominations known;
    ledger_program_nomination_add_each *added;
    size_t added_count;
} nominate_operation;

static farm_status check_nomination(farm_session *session, const farm_ledger_nomination *item) {
    farm_status status = store_check_key(session, "subject", item->subject);
    if (status == FARM_OK) status = store_check_key(session, "nominated_by", item->nominated_by);
    if (status == FARM_OK)
        status = store_check_range(session, "until_us", item->until_us, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "number", item->number, 0, INT64_MAX);
    return status;
}

static farm_status take_nominations(farm_session *session, nominate_operation *operation) {
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    farm_status status = ledger_check_batch(session, operation->given, operation->results, count);
    if (status != FARM_OK) return status;
    operation->items = arena_allocate_array(memory, count, sizeof *operation->items);
    operation->statuses = arena_allocate_array(memory, count, sizeof *operation->statuses);
    operation->numbers = arena_allocate_array(memory, count, sizeof *operation->numbers);
    operation->added = arena_allocate_array(memory, count, sizeof *operation->added);
    operation->added_count = 0;
    if (operation->items == NULL || operation->statuses == NULL || operation->numbers == NULL ||
        operation->added == NULL)
        return ledger_fail_memory(session, count);
    status = ledger_nominations_init(&operation->known, session, count);
    if (status == FARM_OK)
        status = ledger_copy_items(session, operation->given, count, sizeof *operation->items,
                                   operation->items);
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        const farm_ledger_nomination *item = &operation->items[i];
        status = check_nomination(session, item);
        if (status == FARM_OK)
            ledger_nominations_add(&operation->known, i, &item->program_id, item->subject,
                                   &item->account_id);
    }
    return status;
}

static void add_nomination(nominate_operation *operation, const farm_ledger_nomination *item,
                           const ledger_program_state *program,
                           const ledger_subject_state *subject) {
    const ledger_nominee account = ledger_nominations_account(&operation->known, &item->account_id);
    operation->added[operation->added_count++] = (ledger_program_nomination_add_each){
        .book = program->book,
        .subject = value_text_of(item->subject),
        .program = value_blob_of_id(&item->program_id),
        .number = subject->number,
        .account = {.integer = account.number, .is_null = id_is_zero(&item->account_id)},
        .nominated_by = value_text_of(item->nominated_by),
        .from_us = subject->from_us,
        .until_us = subject->until_us,
        .user_data_128 = ledger_blob_or_null(&item->user_data_128)};
}

static void decide_nominations(nominate_operation *operation) {
    ledger_nominations *known = &operation->known;
    for (size_t i = 0; i < operation->count; i++) {
        const farm_ledger_nomination *item = &operation->items[i];
        ledger_program_state *program = ledger_nominations_program(known, &item->program_id);
        ledger_subject_state *subject = &known->subjects[known->subject_of[i]];
        const int64_t account_book = ledger_nominations_account(known, &item->account_id).book;
        operation->statuses[i] =
            ledger_decide_nomination(item, account_book, known->now_us, program, subject);
        operation->numbers[i] = subject->number;
        if (operation->statuses[i] == FARM_LEDGER_NOMINATION_CREATED)
            add_nomination(operation, item, program, subject);
    }
}

static farm_status nominate(farm_session *session, void *context) {
    nominate_operation *operation = context;
    farm_status status = take_nominations(session, operation);
    if (status == FARM_OK) status = ledger_nominations_read(&operation->known);
    if (status != FARM_OK) return status;
    decide_nominations(operation);
    store_batch batch;
    store_batch_init(&batch, session);
    if (operation->added_count > 0)
        ledger_program_nomination_add(&batch, operation->added, operation->added_count);
    status = store_finish(session, &batch);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        answer(operation->results, i, operation->statuses[i], operation->numbers[i]);
    return status;
}

farm_status farm_ledger_nominate(farm_session *session, const farm_ledger_nomination *items,
                                 size_t count, farm_ledger_nomination_result *results) {
    nominate_operation operation = {.given = items, .count = count, .results = results};
    return store_operate(session, LEDGER_WRITES, nominate, &operation);
}

/* --- withdrawing --- */

typedef struct withdraw_operation {
    const farm_ledger_withdrawal *given;
    size_t count;
    farm_ledger_nomination_result *results;
    farm_ledger_withdrawal *items;
    int32_t *statuses;
    int64_t *numbers;
    ledger_nominations known;
    ledger_program_nomination_withdraw_each *ended;
    size_t ended_count;
} withdraw_operation;

static farm_status check_withdrawal(farm_session *session, const farm_ledger_withdrawal *item) {
    farm_status status = store_check_key(session, "subject", item->subject);
    if (status == FARM_OK) status = store_check_key(session, "withdrawn_by", item->withdrawn_by);
    if (status == FARM_OK)
        status = store_check_range(session, "number", item->number, 0, INT64_MAX);
    return status;
}

static farm_status take_withdrawals(farm_session *session, withdraw_operation *operation) {
    static const farm_id nobody;
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    farm_status status = ledger_check_batch(session, operation->given, operation->results, count);
    if (status != FARM_OK) return status;
    operation->items = arena_allocate_array(memory, count, sizeof *operation->items);
    operation->statuses = arena_allocate_array(memory, count, sizeof *operation->statuses);
    operation->numbers = arena_allocate_array(memory, count, sizeof *operation->numbers);
    operation->ended = arena_allocate_array(memory, count, sizeof *operation->ended);
    operation->ended_count = 0;
    if (operation->items == NULL || operation->statuses == NULL || operation->numbers == NULL ||
        operation->ended == NULL)
        return ledger_fail_memory(session, count);
    status = ledger_nominations_init(&operation->known, session, count);
    if (status == FARM_OK)
        status = ledger_copy_items(session, operation->given, count, sizeof *operation->items,
                                   operation->items);
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        const farm_ledger_withdrawal *item = &operation->items[i];
        status = check_withdrawal(session, item);
        if (status == FARM_OK)
            ledger_nominations_add(&operation->known, i, &item->program_id, item->subject, &nobody);
    }
    return status;
}

static void decide_withdrawals(withdraw_operation *operation) {
    ledger_nominations *known = &operation->known;
    for (size_t i = 0; i < operation->count; i++) {
        const farm_ledger_withdrawal *item = &operation->items[i];
        ledger_program_state *program = ledger_nominations_program(known, &item->program_id);
        ledger_subject_state *subject = &known->subjects[known->subject_of[i]];
        operation->statuses[i] = ledger_decide_withdrawal(item, known->now_us, program, subject);
        operation->numbers[i] = subject->number;
        if (operation->statuses[i] != FARM_LEDGER_NOMINATION_CREATED) continue;
        operation->ended[operation->ended_count++] = (ledger_program_nomination_withdraw_each){
            .book = program->book,
            .subject = value_text_of(item->subject),
            .program = value_blob_of_id(&item->program_id),
            .number = subject->number,
            .until_us = subject->until_us,
            .withdrawn_by = value_text_of(item->withdrawn_by)};
    }
}

static farm_status withdraw(farm_session *session, void *context) {
    withdraw_operation *operation = context;
    farm_status status = take_withdrawals(session, operation);
    if (status == FARM_OK) status = ledger_nominations_read(&operation->known);
    if (status != FARM_OK) return status;
    decide_withdrawals(operation);
    store_batch batch;
    store_batch_init(&batch, session);
    if (operation->ended_count > 0)
        ledger_program_nomination_withdraw(&batch, operation->ended, operation->ended_count);
    status = store_finish(session, &batch);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        answer(operation->results, i, operation->statuses[i], operation->numbers[i]);
    return status;
}

farm_status farm_ledger_withdraw_nominations(farm_session *session,
                                             const farm_ledger_withdrawal *items, size_t count,
                                             farm_ledger_nomination_result *results) {
    withdraw_operation operation = {.given = items, .count = count, .results = results};
    return store_operate(session, LEDGER_WRITES, withdraw, &operation);
}
