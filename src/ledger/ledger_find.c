/* Accounts and transfers are looked up by their ids. */
#include "base/options.h"
#include "ledger/ledger_rows.h"
#include "ledger_limit_sql.h"
#include <farmcore/ledger_read.h>
#include <string.h>

enum { LEDGER_READS = STORE_READS | STORE_SERVICE };

/* Results by the ids that were asked for; an id may be asked for twice. */
typedef struct find_operation {
    const farm_id *items;
    size_t count;
    void *results;
    int64_t timestamp_ns; /* of accounts as they were */
} find_operation;

static farm_status check_find(farm_session *session, const find_operation *operation,
                              ledger_ids *ids) {
    if (operation->items == NULL) return store_fail(session, FARM_EINVAL, 0, "items is missing");
    farm_status status =
        store_check_range(session, "count", (int64_t)operation->count, 1, FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "results", operation->results, operation->count,
                                   FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;
    if (!ledger_ids_init(ids, session, operation->count))
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < operation->count; i++) ledger_ids_add(ids, &operation->items[i]);
    return FARM_OK;
}

/* rows: what was found, each of row_size bytes, its id at id_place. */
static farm_status answer_found(farm_session *session, const find_operation *operation,
                                const ledger_rows *rows, size_t id_place) {
    id_map places;
    if (rows->has_failed || !ledger_map_init(&places, session, rows->count))
        return ledger_fail_memory(session, operation->count);
    const unsigned char *bytes = rows->items;
    void *nothing = arena_allocate(store_arena(session), rows->item_size);
    if (nothing == NULL) return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < rows->count; i++) {
        farm_id id;
        memcpy(&id, bytes + i * rows->item_size + id_place, sizeof id);
        *id_map_put(&places, &id) = (uint32_t)i;
    }
    for (size_t i = 0; i < operation->count; i++) {
        const uint32_t *place = id_map_find(&places, &operation->items[i]);
        const void *found = place == NULL ? nothing : bytes + *place * rows->item_size;
        (void)options_answer(store_array_at(operation->results, i), found, rows->item_size);
    }
    return FARM_OK;
}

/* CLOSED says whether it is closed now. */
static int32_t take_account(void *context, size_t ordinal, const ledger_account_read_row *row) {
    (void)ordinal;
    farm_ledger_account *account = ledger_rows_add(context);
    if (account == NULL) return 1;
    *account = ledger_account_now(row);
    return 0;
}

static farm_status find_accounts(farm_session *session, void *context) {
    const find_operation *operation = context;
    ledger_ids ids;
    ledger_rows accounts = {.memory = store_arena(session),
                            .item_size = sizeof(farm_ledger_account)};
    farm_status status = check_find(session, operation, &ids);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_account_read(&batch, &(ledger_account_read_params){.ids = ledger_ids_list(&ids)},
                        take_account, &accounts);
    status = store_finish(session, &batch);
    if (status != FARM_OK) return status;
    return answer_found(session, operation, &accounts, offsetof(farm_ledger_account, id));
}

farm_status farm_ledger_find_accounts(farm_session *session, const farm_id *items, size_t count,
                                      farm_ledger_account *results) {
    find_operation operation = {.items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, find_accounts, &operation);
}

/* --- as they were --- */

/* Accounts by their ids, and what each had then. */
typedef struct past {
    ledger_rows accounts;
    ledger_account_at_row *then; /* by the places of the ids; a version of 0: nothing yet */
    int64_t *limits;             /* likewise; -1: that of the opening */
} past;

static int32_t take_opened(void *context, size_t ordinal, const ledger_account_read_row *row) {
    (void)ordinal;
    past *self = context;
    farm_ledger_account *account = ledger_rows_add(&self->accounts);
    if (account == NULL) return 1;
    *account = ledger_account_of(row);
    return 0;
}

static int32_t take_then(void *context, size_t ordinal, const ledger_account_at_row *row) {
    past *self = context;
    self->then[ordinal] = *row;
    return 0;
}

static int32_t take_limit(void *context, size_t ordinal, const ledger_limit_limit_at_row *row) {
    past *self = context;
    self->limits[ordinal] = row->credit_limit;
    return 0;
}

static void put_back(farm_ledger_account *account, const ledger_account_at_row *then,
                     int64_t credit_limit) {
    if (credit_limit >= 0) account->credit_limit_minor = credit_limit;
    account->version = then->version;
    account->balances = (farm_ledger_balances){.debits_pending_minor = then->debits_pending,
                                               .debits_posted_minor = then->debits_posted,
                                               .credits_pending_minor = then->credits_pending,
                                               .credits_posted_minor = then->credits_posted};
}

/* Those that were opened later are left out. */
static void put_all_back(past *self, const ledger_ids *ids, int64_t timestamp_ns) {
    farm_ledger_account *accounts = self->accounts.items;
    size_t count = 0;
    for (size_t i = 0; i < self->accounts.count; i++) {
        if (accounts[i].timestamp_ns > timestamp_ns) continue;
        const uint32_t *number = id_map_find(&ids->known, &accounts[i].id);
        put_back(&accounts[i], &self->then[*number - 1], self->limits[*number - 1]);
        accounts[count++] = accounts[i];
    }
    self->accounts.count = count;
}

static farm_status read_past(farm_session *session, const find_operation *operation,
                             const ledger_ids *ids, past *self) {
    ledger_account_at_each *each =
        arena_allocate_array(store_arena(session), ids->count, sizeof *each);
    self->then = arena_allocate_array(store_arena(session), ids->count, sizeof *self->then);
    ledger_limit_limit_at_each *limits =
        arena_allocate_array(store_arena(session), ids->count, sizeof *limits);
    self->limits = arena_allocate_array(store_arena(session), ids->count, sizeof *self->limits);
    if (each == NULL || self->then == NULL || limits == NULL || self->limits == NULL)
        return ledger_fail_memory(session, operation->count);
    for (size_t i = 0; i < ids->count; i++) {
        each[i].id = (value_blob){.data = ids->values[i].data, .size = ids->values[i].size};
        limits[i].id = each[i].id;
        self->limits[i] = -1;
    }
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_account_read(&batch, &(ledger_account_read_params){.ids = ledger_ids_list(ids)},
                        take_opened, self);
    if (ids->count > 0) {
        const int64_t then_ns = operation->timestamp_ns;
        ledger_account_at(&batch, &(ledger_account_at_params){then_ns}, each, ids->count, take_then,
                          self);
        ledger_limit_limit_at(&batch, &(ledger_limit_limit_at_params){then_ns}, limits, ids->count,
                              take_limit, self);
    }
    return store_finish(session, &batch);
}

static farm_status find_accounts_at(farm_session *session, void *context) {
    const find_operation *operation = context;
    ledger_ids ids;
    past self = {
        .accounts = {.memory = store_arena(session), .item_size = sizeof(farm_ledger_account)}};
    farm_status status =
        store_check_range(session, "timestamp_ns", operation->timestamp_ns, 1, INT64_MAX);
    if (status == FARM_OK) status = check_find(session, operation, &ids);
    if (status == FARM_OK) status = read_past(session, operation, &ids, &self);
    if (status != FARM_OK) return status;
    put_all_back(&self, &ids, operation->timestamp_ns);
    return answer_found(session, operation, &self.accounts, offsetof(farm_ledger_account, id));
}

farm_status farm_ledger_find_accounts_at(farm_session *session, int64_t timestamp_ns,
                                         const farm_id *items, size_t count,
                                         farm_ledger_account *results) {
    find_operation operation = {
        .items = items, .count = count, .results = results, .timestamp_ns = timestamp_ns};
    return store_operate(session, LEDGER_READS, find_accounts_at, &operation);
}

/* --- transfers --- */

static int32_t take_event(void *context, size_t ordinal, const ledger_event_read_row *row) {
    (void)ordinal;
    farm_ledger_event *event = ledger_rows_add(context);
    if (event == NULL) return 1;
    *event = ledger_event_of(row);
    return 0;
}

static farm_status find_transfers(farm_session *session, void *context) {
    const find_operation *operation = context;
    ledger_ids ids;
    ledger_rows events = {.memory = store_arena(session), .item_size = sizeof(farm_ledger_event)};
    farm_status status = check_find(session, operation, &ids);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_event_read(&batch, &(ledger_event_read_params){.ids = ledger_ids_list(&ids)}, take_event,
                      &events);
    status = store_finish(session, &batch);
    if (status != FARM_OK) return status;
    return answer_found(session, operation, &events, offsetof(farm_ledger_event, id));
}

farm_status farm_ledger_find_transfers(farm_session *session, const farm_id *items, size_t count,
                                       farm_ledger_event *results) {
    find_operation operation = {.items = items, .count = count, .results = results};
    return store_operate(session, LEDGER_READS, find_transfers, &operation);
}
