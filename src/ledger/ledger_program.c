/* Programs are opened, brought to an end and found. */
#include "base/id.h"
#include "base/options.h"
#include "ledger/ledger_program_rules.h"
#include "ledger/ledger_rows.h"
#include "ledger/ledger_rules.h"
#include "ledger_program_sql.h"
#include <stdlib.h>
#include <string.h>

enum {
    LEDGER_READS = STORE_READS | STORE_SERVICE,
    LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE
};

/* --- opening --- */

typedef struct open_operation {
    const farm_ledger_program *given;
    size_t count;
    farm_ledger_program *items;
    ledger_program_program_open_each *each; /* in the order of the ids */
    farm_id different;                      /* found: a program that is there and is another */
} open_operation;

static farm_status check_program(farm_session *session, const farm_ledger_program *program) {
    farm_status status = FARM_OK;
    if (ledger_check_id(&program->id, 1, 1) != 0)
        status = store_fail(session, FARM_EINVAL, 0, "the id has to be neither zeros nor all ones");
    if (status == FARM_OK) status = store_check_range(session, "book", program->book, 1, INT64_MAX);
    if (status == FARM_OK) status = store_check_key(session, "name", program->name);
    if (status == FARM_OK)
        status = store_check_range(session, "from_us", program->from_us, 0, INT64_MAX - 1);
    if (status == FARM_OK && program->until_us != 0)
        status = store_check_range(session, "until_us", program->until_us, program->from_us + 1,
                                   INT64_MAX);
    if (status == FARM_OK)
        status =
            store_check_range(session, "nominations_max", program->nominations_max, 0, INT64_MAX);
    return status;
}

/* Two who open the same programs at once wait for each other in one order. */
static int compare_ids(const void *left, const void *right) {
    const ledger_program_program_open_each *one = left;
    const ledger_program_program_open_each *other = right;
    return memcmp(one->id.data, other->id.data, sizeof(farm_id));
}

static farm_status take_programs(farm_session *session, open_operation *operation) {
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    farm_status status =
        store_check_array(session, "items", operation->given, count, FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;
    operation->different = (farm_id){{0}};
    operation->items = arena_allocate_array(memory, count, sizeof *operation->items);
    operation->each = arena_allocate_array(memory, count, sizeof *operation->each);
    if (operation->items == NULL || operation->each == NULL)
        return ledger_fail_memory(session, count);
    status = ledger_copy_items(session, operation->given, count, sizeof *operation->items,
                               operation->items);
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        const farm_ledger_program *program = &operation->items[i];
        status = check_program(session, program);
        operation->each[i] = (ledger_program_program_open_each){
            .book = program->book,
            .id = value_blob_of_id(&program->id),
            .name = value_text_of(program->name),
            .from_us = program->from_us,
            .until_us = ledger_until_stored(program->until_us),
            .nominations_max = program->nominations_max,
            .user_data_128 = ledger_blob_or_null(&program->user_data_128)};
    }
    if (status == FARM_OK) qsort(operation->each, count, sizeof *operation->each, compare_ids);
    return status;
}

static int32_t take_there(void *context, size_t ordinal,
                          const ledger_program_program_open_row *row) {
    open_operation *operation = context;
    const ledger_program_program_open_each *asked = &operation->each[ordinal];
    const farm_id found = ledger_id_of(row->user_data_128);
    const farm_id wanted = ledger_id_of(asked->user_data_128);
    if (row->book == asked->book && row->from_us == asked->from_us &&
        row->opened_until_us == asked->until_us && row->nominations_max == asked->nominations_max &&
        id_equals(&found, &wanted) && row->name.size == asked->name.size &&
        memcmp(row->name.data, asked->name.data, row->name.size) == 0)
        return 0;
    operation->different = ledger_id_of(asked->id);
    return 0;
}

static farm_status open_programs(farm_session *session, void *context) {
    open_operation *operation = context;
    farm_status status = take_programs(session, operation);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_program_program_open(&batch,
                                &(ledger_program_program_open_params){.now = store_now_us(session)},
                                operation->each, operation->count, take_there, operation);
    status = store_run(session, &batch);
    if (status != FARM_OK) return status;
    if (!id_is_zero(&operation->different)) {
        char text[FARM_ID_TEXT_SIZE];
        farm_id_to_text(&operation->different, text);
        return store_fail(session, FARM_EEXISTS, FARM_LEDGER_REASON_PROGRAM_DIFFERS,
                          "program %s is there with other fields", text);
    }
    store_batch_init(&batch, session);
    return store_finish(session, &batch);
}

farm_status farm_ledger_open_programs(farm_session *session, const farm_ledger_program *items,
                                      size_t count) {
    open_operation operation = {.given = items, .count = count};
    return store_operate(session, LEDGER_WRITES, open_programs, &operation);
}

/* --- ending --- */

typedef struct end_operation {
    const farm_id *id;
    int64_t until_us;
    int64_t found_us; /* when it is over by now; -1: there is no such program */
} end_operation;

static int32_t take_end(void *context, size_t ordinal, const ledger_program_program_end_row *row) {
    (void)ordinal;
    end_operation *operation = context;
    operation->found_us = row->until_us;
    return 0;
}

static farm_status end_program(farm_session *session, void *context) {
    end_operation *operation = context;
    operation->found_us = -1;
    farm_status status = FARM_OK;
    if (operation->id == NULL) status = store_fail(session, FARM_EINVAL, 0, "id is missing");
    if (status == FARM_OK)
        status = store_check_range(session, "until_us", operation->until_us, 1, INT64_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_program_program_end(
        &batch,
        &(ledger_program_program_end_params){.id = value_blob_of_id(operation->id),
                                             .until_us = operation->until_us,
                                             .now = store_now_us(session)},
        take_end, operation);
    status = store_run(session, &batch);
    if (status != FARM_OK) return status;
    if (operation->found_us < 0)
        return store_fail(session, FARM_ENOTFOUND, 0, "there is no such program");
    if (operation->until_us > operation->found_us)
        return store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_PROGRAM_ENDS_EARLIER,
                          "the program ends at %lld, which is not put off to %lld",
                          (long long)operation->found_us, (long long)operation->until_us);
    store_batch_init(&batch, session);
    return store_finish(session, &batch);
}

farm_status farm_ledger_end_program(farm_session *session, const farm_id *id, int64_t until_us) {
    end_operation operation = {.id = id, .until_us = until_us};
    return store_operate(session, LEDGER_WRITES, end_program, &operation);
}

/* --- finding --- */

typedef struct find_operation {
    const farm_id *items;
    size_t count;
    farm_ledger_program_row *results;
    ledger_ids ids;
    farm_ledger_program_row *found; /* by the places of the ids */
} find_operation;

static int32_t take_program(void *context, size_t ordinal,
                            const ledger_program_program_read_row *row) {
    (void)ordinal;
    find_operation *operation = context;
    const farm_id id = ledger_id_of(row->id);
    farm_ledger_program_row *found =
        &operation->found[*id_map_find(&operation->ids.known, &id) - 1];
    *found = (farm_ledger_program_row){.id = id,
                                       .user_data_128 = ledger_id_of(row->user_data_128),
                                       .book = row->book,
                                       .from_us = row->from_us,
                                       .until_us = ledger_until_said(row->until_us),
                                       .opened_until_us = ledger_until_said(row->opened_until_us),
                                       .nominations_max = row->nominations_max,
                                       .nomination_count = row->nomination_count};
    value_text_copy(row->name, found->name, sizeof found->name);
    return 0;
}

static farm_status read_programs(farm_session *session, find_operation *operation) {
    operation->found =
        arena_allocate_array(store_arena(session), operation->count, sizeof *operation->found);
    if (operation->found == NULL || !ledger_ids_init(&operation->ids, session, operation->count))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++)
        ledger_ids_add(&operation->ids, &operation->items[i]);
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_program_program_read(
        &batch,
        &(ledger_program_program_read_params){.ids = ledger_ids_list(&operation->ids),
                                              .now = store_now_us(session)},
        take_program, operation);
    return store_finish(session, &batch);
}

static farm_status find_programs(farm_session *session, void *context) {
    static const farm_ledger_program_row nothing;
    find_operation *operation = context;
    farm_status status = FARM_OK;
    if (operation->items == NULL) status = store_fail(session, FARM_EINVAL, 0, "items is missing");
    if (status == FARM_OK)
        status = store_check_array(session, "results", operation->results, operation->count,
                                   FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status == FARM_OK) status = read_programs(session, operation);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++) {
        const uint32_t *number = id_map_find(&operation->ids.known, &operation->items[i]);
        (void)options_answer(store_array_at(operation->results, i),
                             number == NULL ? &nothing : &operation->found[*number - 1],
                             sizeof nothing);
    }
    return status;
}

farm_status farm_ledger_find_programs(farm_session *session, const farm_id *items, size_t count,
                                      farm_ledger_program_row *results) {
    find_operation operation = {.items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, find_programs, &operation);
}
