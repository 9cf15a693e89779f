/* Groups are opened, accounts put into them and taken out. What is read needs no lock, as neither
 * groups nor accounts ever change; what is written is decided by keys. */
#include "ledger/ledger_group_rules.h"
#include "ledger/ledger_rows.h"
#include "ledger/ledger_rules.h"
#include "ledger_group_sql.h"
#include <string.h>

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

static int32_t take_group(void *context, size_t ordinal, const ledger_group_group_read_row *row) {
    (void)ordinal;
    ledger_group_found *group = ledger_rows_add(context);
    if (group == NULL) return 1;
    *group = (ledger_group_found){.id = ledger_id_of(row->id),
                                  .parent_id = ledger_id_of(row->parent_id),
                                  .book = row->book,
                                  .depth = row->depth};
    return 0;
}

static farm_status check_refusal(farm_session *session, const ledger_group_refusal *refusal) {
    if (refusal->status == FARM_OK) return FARM_OK;
    return store_fail(session, refusal->status, refusal->reason, "item %zu: %s", refusal->place,
                      refusal->text);
}

/* --- groups --- */

typedef struct groups_operation {
    const farm_ledger_group *given;
    size_t count;
    farm_ledger_group *items;
    ledger_rows books;  /* found */
    ledger_rows groups; /* likewise: those that are named */
} groups_operation;

static farm_status check_groups(farm_session *session, groups_operation *operation) {
    farm_status status = store_check_array(session, "items", operation->given, operation->count,
                                           FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;
    operation->items =
        arena_allocate_array(store_arena(session), operation->count, sizeof *operation->items);
    if (operation->items == NULL) return ledger_fail_memory(session, operation->count);
    status = ledger_copy_items(session, operation->given, operation->count,
                               sizeof *operation->items, operation->items);
    for (size_t i = 0; i < operation->count && status == FARM_OK; i++) {
        status = store_check_range(session, "book", operation->items[i].book, 1, INT64_MAX);
        if (status == FARM_OK && ledger_check_id(&operation->items[i].id, 1, 1) != 0)
            status = store_fail(session, FARM_EINVAL, 0,
                                "item %zu: the id has to be neither zeros nor all ones", i);
    }
    return status;
}

static int32_t take_book(void *context, size_t ordinal, const ledger_group_book_there_row *row) {
    (void)ordinal;
    int64_t *book = ledger_rows_add(context);
    if (book == NULL) return 1;
    *book = row->book;
    return 0;
}

static farm_status read_groups(farm_session *session, groups_operation *operation) {
    arena *memory = store_arena(session);
    ledger_ids ids;
    farm_value *books = arena_allocate_array(memory, operation->count, sizeof *books);
    operation->books = (ledger_rows){.memory = memory, .item_size = sizeof(int64_t)};
    operation->groups = (ledger_rows){.memory = memory, .item_size = sizeof(ledger_group_found)};
    if (books == NULL || !ledger_ids_init(&ids, session, 2 * operation->count))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++) {
        books[i] = value_from_integer(operation->items[i].book);
        ledger_ids_add(&ids, &operation->items[i].id);
        ledger_ids_add(&ids, &operation->items[i].parent_id);
    }
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_group_book_there(
        &batch, &(ledger_group_book_there_params){{.items = books, .count = operation->count}},
        take_book, &operation->books);
    ledger_group_group_read(&batch, &(ledger_group_group_read_params){ledger_ids_list(&ids)},
                            take_group, &operation->groups);
    const farm_status status = store_run(session, &batch);
    if (status == FARM_OK && (operation->books.has_failed || operation->groups.has_failed))
        return ledger_fail_memory(session, operation->count);
    return status;
}

/* What is there, with room for what is opened. */
static int32_t make_room(farm_session *session, const groups_operation *operation,
                         ledger_group_opening *opening) {
    const ledger_rows *found = &operation->groups;
    const size_t most = found->count + operation->count;
    opening->groups = arena_allocate_array(store_arena(session), most, sizeof *opening->groups);
    if (opening->groups == NULL || !ledger_map_init(opening->places, session, most)) return 0;
    if (found->count > 0)
        memcpy(opening->groups, found->items, found->count * sizeof *opening->groups);
    opening->group_count = found->count;
    for (size_t i = 0; i < found->count; i++)
        *id_map_put(opening->places, &opening->groups[i].id) = (uint32_t)i;
    return 1;
}

static farm_status store_groups(farm_session *session, const ledger_group_opening *opening,
                                size_t known_count) {
    const size_t count = opening->group_count - known_count;
    ledger_group_group_open_each *each =
        arena_allocate_array(store_arena(session), count, sizeof *each);
    if (each == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) {
        const ledger_group_found *group = &opening->groups[known_count + i];
        each[i] =
            (ledger_group_group_open_each){.book = group->book,
                                           .id = value_blob_of_id(&group->id),
                                           .parent_id = ledger_blob_or_null(&group->parent_id),
                                           .depth = group->depth};
    }
    store_batch batch;
    store_batch_init(&batch, session);
    if (count > 0)
        ledger_group_group_open(&batch, &(ledger_group_group_open_params){store_now_us(session)},
                                each, count);
    return store_finish(session, &batch);
}

static farm_status open_groups(farm_session *session, void *context) {
    groups_operation *operation = context;
    id_map places;
    ledger_group_opening opening = {.count = operation->count, .places = &places};
    farm_status status = check_groups(session, operation);
    if (status == FARM_OK) status = read_groups(session, operation);
    if (status != FARM_OK) return status;
    if (!make_room(session, operation, &opening))
        return ledger_fail_memory(session, operation->count);
    opening.items = operation->items;
    opening.books = operation->books.items;
    opening.book_count = operation->books.count;
    const ledger_group_refusal refusal = ledger_open_groups(&opening);
    status = check_refusal(session, &refusal);
    return status == FARM_OK ? store_groups(session, &opening, operation->groups.count) : status;
}

farm_status farm_ledger_open_groups(farm_session *session, const farm_ledger_group *items,
                                    size_t count) {
    groups_operation operation = {.given = items, .count = count};
    return store_operate(session, LEDGER_WRITES, open_groups, &operation);
}

/* --- members --- */

typedef struct members_operation {
    const farm_ledger_member *given;
    size_t count;
    int32_t is_removal;
    farm_ledger_member *items;
    ledger_rows groups;   /* found */
    ledger_rows accounts; /* likewise */
    id_map group_places;
    id_map account_places;
} members_operation;

static farm_status check_members(farm_session *session, members_operation *operation) {
    farm_status status = store_check_array(session, "items", operation->given, operation->count,
                                           FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;
    operation->items =
        arena_allocate_array(store_arena(session), operation->count, sizeof *operation->items);
    if (operation->items == NULL) return ledger_fail_memory(session, operation->count);
    return ledger_copy_items(session, operation->given, operation->count, sizeof *operation->items,
                             operation->items);
}

static int32_t take_account(void *context, size_t ordinal,
                            const ledger_group_account_there_row *row) {
    (void)ordinal;
    ledger_account_found *account = ledger_rows_add(context);
    if (account == NULL) return 1;
    *account = (ledger_account_found){
        .id = ledger_id_of(row->id), .book = row->book, .number = row->number};
    return 0;
}

static farm_status index_found(farm_session *session, members_operation *operation) {
    const ledger_rows *groups = &operation->groups;
    const ledger_rows *accounts = &operation->accounts;
    if (groups->has_failed || accounts->has_failed ||
        !ledger_map_init(&operation->group_places, session, groups->count) ||
        !ledger_map_init(&operation->account_places, session, accounts->count))
        return ledger_fail_memory(session, operation->count);
    const ledger_group_found *group = groups->items;
    const ledger_account_found *account = accounts->items;
    for (size_t i = 0; i < groups->count; i++)
        *id_map_put(&operation->group_places, &group[i].id) = (uint32_t)i;
    for (size_t i = 0; i < accounts->count; i++)
        *id_map_put(&operation->account_places, &account[i].id) = (uint32_t)i;
    return FARM_OK;
}

/* is_waiting: whoever is opening accounts in the groups' books is waited for. */
static farm_status read_members(farm_session *session, members_operation *operation,
                                int32_t is_waiting) {
    arena *memory = store_arena(session);
    ledger_ids groups;
    ledger_ids accounts;
    store_batch batch;
    if (!ledger_ids_init(&groups, session, operation->count) ||
        !ledger_ids_init(&accounts, session, operation->count))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++) {
        ledger_ids_add(&groups, &operation->items[i].group_id);
        ledger_ids_add(&accounts, &operation->items[i].account_id);
    }
    store_batch_init(&batch, session);
    if (is_waiting) {
        const ledger_group_found *found = operation->groups.items;
        const size_t count = operation->groups.count;
        farm_value *books = arena_allocate_array(memory, count, sizeof *books);
        if (books == NULL) return ledger_fail_memory(session, count);
        for (size_t i = 0; i < count; i++) books[i] = value_from_integer(found[i].book);
        ledger_book_keep(&batch, &(ledger_book_keep_params){{.items = books, .count = count}}, NULL,
                         NULL);
    }
    operation->groups = (ledger_rows){.memory = memory, .item_size = sizeof(ledger_group_found)};
    operation->accounts =
        (ledger_rows){.memory = memory, .item_size = sizeof(ledger_account_found)};
    ledger_group_group_read(&batch, &(ledger_group_group_read_params){ledger_ids_list(&groups)},
                            take_group, &operation->groups);
    ledger_group_account_there(&batch,
                               &(ledger_group_account_there_params){ledger_ids_list(&accounts)},
                               take_account, &operation->accounts);
    const farm_status status = store_run(session, &batch);
    return status == FARM_OK ? index_found(session, operation) : status;
}

static ledger_group_refusal decide_members(const members_operation *operation) {
    const ledger_group_filling filling = {.items = operation->items,
                                          .count = operation->count,
                                          .groups = operation->groups.items,
                                          .group_places = &operation->group_places,
                                          .accounts = operation->accounts.items,
                                          .account_places = &operation->account_places};
    return ledger_check_members(&filling);
}

static farm_status store_members(farm_session *session, const members_operation *operation) {
    const ledger_account_found *accounts = operation->accounts.items;
    ledger_group_member_add_each *add =
        arena_allocate_array(store_arena(session), operation->count, sizeof *add);
    if (add == NULL) return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++) {
        const farm_ledger_member *item = &operation->items[i];
        const uint32_t *place = id_map_find(&operation->account_places, &item->account_id);
        add[i] = (ledger_group_member_add_each){.book = accounts[*place].book,
                                                .group_id = value_blob_of_id(&item->group_id),
                                                .account = accounts[*place].number};
    }
    store_batch batch;
    store_batch_init(&batch, session);
    if (operation->is_removal)
        ledger_group_member_remove(&batch, add, operation->count);
    else
        ledger_group_member_add(&batch, add, operation->count);
    return store_finish(session, &batch);
}

static farm_status change_members(farm_session *session, void *context) {
    members_operation *operation = context;
    farm_status status = check_members(session, operation);
    if (status == FARM_OK) status = read_members(session, operation, 0);
    if (status != FARM_OK) return status;
    ledger_group_refusal refusal = decide_members(operation);
    if (refusal.reason == FARM_LEDGER_REASON_ACCOUNT_UNKNOWN) {
        status = read_members(session, operation, 1);
        if (status != FARM_OK) return status;
        refusal = decide_members(operation);
    }
    status = check_refusal(session, &refusal);
    return status == FARM_OK ? store_members(session, operation) : status;
}

farm_status farm_ledger_group_accounts(farm_session *session, const farm_ledger_member *items,
                                       size_t count) {
    members_operation operation = {.given = items, .count = count};
    return store_operate(session, LEDGER_WRITES, change_members, &operation);
}

farm_status farm_ledger_ungroup_accounts(farm_session *session, const farm_ledger_member *items,
                                         size_t count) {
    members_operation operation = {.given = items, .count = count, .is_removal = 1};
    return store_operate(session, LEDGER_WRITES, change_members, &operation);
}
