/* For whom books and accounts are kept is assigned and found. */
#include "base/id.h"
#include "base/options.h"
#include "ledger/ledger_rows.h"
#include "ledger_owner_sql.h"
#include <farmcore/ledger_owner.h>

enum {
    LEDGER_READS = STORE_READS | STORE_SERVICE,
    LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE
};

/* --- assigning --- */

typedef struct assign_operation {
    const farm_ledger_owner *items;
    size_t count;
    ledger_owner_owner_place_each *places; /* what is asked for */
    ledger_owner_owner_put_each *owners;   /* what is found of it, and for whom */
} assign_operation;

static farm_status take_owner(farm_session *session, assign_operation *operation, size_t index) {
    farm_ledger_owner owner;
    farm_status status = store_check_options(session, "items", &owner, sizeof owner,
                                             store_array_at(operation->items, index));
    const int32_t is_book = status == FARM_OK && id_is_zero(&owner.account_id);
    if (status == FARM_OK)
        status = store_check_range(session, "book", owner.book, is_book, INT64_MAX);
    if (status == FARM_OK && owner.entity != NULL)
        status = store_check_key(session, "entity", owner.entity);
    if (status != FARM_OK) return status;
    farm_id *id = arena_allocate(store_arena(session), sizeof *id);
    if (id == NULL) return ledger_fail_memory(session, operation->count);
    *id = owner.account_id;
    operation->places[index] =
        (ledger_owner_owner_place_each){.book = owner.book, .id = ledger_blob_or_null(id)};
    operation->owners[index] =
        (ledger_owner_owner_put_each){.book = 0, .entity = value_text_of(owner.entity)};
    return FARM_OK;
}

static farm_status take_owners(farm_session *session, assign_operation *operation) {
    arena *memory = store_arena(session);
    farm_status status = store_check_array(session, "items", operation->items, operation->count,
                                           FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;
    operation->places = arena_allocate_array(memory, operation->count, sizeof *operation->places);
    operation->owners = arena_allocate_array(memory, operation->count, sizeof *operation->owners);
    if (operation->places == NULL || operation->owners == NULL)
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        status = take_owner(session, operation, i);
    return status;
}

static int32_t take_place(void *context, size_t ordinal, const ledger_owner_owner_place_row *row) {
    assign_operation *operation = context;
    operation->owners[ordinal].book = row->book;
    operation->owners[ordinal].account = row->account;
    return 0;
}

static farm_status find_places(farm_session *session, assign_operation *operation) {
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_owner_owner_place(&batch, operation->places, operation->count, take_place, operation);
    const farm_status status = store_run(session, &batch);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        if (operation->owners[i].book == 0)
            return store_fail(session, FARM_ENOTFOUND, 0, "item %zu: there is no such %s", i,
                              operation->places[i].id.data == NULL ? "book" : "account");
    return status;
}

static farm_status assign_owners(farm_session *session, void *context) {
    assign_operation *operation = context;
    farm_status status = take_owners(session, operation);
    if (status == FARM_OK) status = find_places(session, operation);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_owner_owner_put(&batch, operation->owners, operation->count);
    return store_finish(session, &batch);
}

farm_status farm_ledger_assign_owners(farm_session *session, const farm_ledger_owner *items,
                                      size_t count) {
    assign_operation operation = {.items = items, .count = count};
    return store_operate(session, LEDGER_WRITES, assign_owners, &operation);
}

/* --- finding --- */

typedef struct find_operation {
    const farm_id *items;
    size_t count;
    farm_ledger_ownership *results;
    farm_ledger_ownership *found; /* of the items */
} find_operation;

static int32_t take_ownership(void *context, size_t ordinal,
                              const ledger_owner_owner_find_row *row) {
    find_operation *operation = context;
    farm_ledger_ownership *found = &operation->found[ordinal];
    found->book = row->book;
    value_text_copy(row->entity, found->entity, sizeof found->entity);
    value_text_copy(row->book_entity, found->book_entity, sizeof found->book_entity);
    return 0;
}

static farm_status read_owners(farm_session *session, find_operation *operation) {
    arena *memory = store_arena(session);
    const size_t count = operation->count;
    ledger_owner_owner_find_each *each = arena_allocate_array(memory, count, sizeof *each);
    operation->found = arena_allocate_array(memory, count, sizeof *operation->found);
    if (each == NULL || operation->found == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) each[i].id = value_blob_of_id(&operation->items[i]);
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_owner_owner_find(&batch, each, count, take_ownership, operation);
    return store_finish(session, &batch);
}

static farm_status find_owners(farm_session *session, void *context) {
    find_operation *operation = context;
    farm_status status = FARM_OK;
    if (operation->items == NULL) status = store_fail(session, FARM_EINVAL, 0, "items is missing");
    if (status == FARM_OK)
        status = store_check_array(session, "results", operation->results, operation->count,
                                   FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status == FARM_OK) status = read_owners(session, operation);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++)
        (void)options_answer(store_array_at(operation->results, i), &operation->found[i],
                             sizeof operation->found[i]);
    return status;
}

farm_status farm_ledger_find_owners(farm_session *session, const farm_id *items, size_t count,
                                    farm_ledger_ownership *results) {
    find_operation operation = {.items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, find_owners, &operation);
}
