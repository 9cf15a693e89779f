/* Ids, lists and rows, for the statements of the ledger. */
#include "ledger/ledger_rows.h"
#include "base/id.h"
#include "ledger/ledger_rules.h"
#include <farmcore/ledger_total.h>
#include <string.h>

enum { ROWS_FIRST = 16 };

void *ledger_rows_add(ledger_rows *self) {
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity == 0 ? ROWS_FIRST : self->capacity * 2;
        void *items = arena_allocate_array(self->memory, capacity, self->item_size);
        if (items == NULL) {
            self->has_failed = 1;
            return NULL;
        }
        if (self->count > 0) memcpy(items, self->items, self->count * self->item_size);
        self->items = items;
        self->capacity = capacity;
    }
    return (unsigned char *)self->items + self->count++ * self->item_size;
}

int32_t ledger_map_init(id_map *map, farm_session *session, size_t count) {
    const size_t capacity = id_map_capacity(count);
    id_map_slot *slots = arena_allocate_array(store_arena(session), capacity, sizeof *slots);
    uint64_t seed = 0;
    if (slots == NULL) return 0;
    store_random(session, &seed, sizeof seed);
    id_map_init(map, slots, capacity, seed);
    return 1;
}

int32_t ledger_ids_init(ledger_ids *self, farm_session *session, size_t count) {
    *self = (ledger_ids){0};
    self->values = arena_allocate_array(store_arena(session), count, sizeof *self->values);
    return self->values != NULL && ledger_map_init(&self->known, session, count);
}

void ledger_ids_add(ledger_ids *self, const farm_id *id) {
    if (id_is_zero(id)) return;
    uint32_t *number = id_map_put(&self->known, id);
    if (*number != 0) return;
    self->values[self->count++] = value_from_blob(value_blob_of_id(id));
    *number = (uint32_t)self->count;
}

value_list ledger_ids_list(const ledger_ids *self) {
    return (value_list){.items = self->values, .count = self->count};
}

farm_id ledger_id_of(value_blob blob) {
    farm_id id = {{0}};
    if (blob.data != NULL && blob.size == sizeof id) memcpy(&id, blob.data, sizeof id);
    return id;
}

value_blob ledger_blob_or_null(const farm_id *id) {
    return id_is_zero(id) ? value_blob_of(NULL, 0) : value_blob_of_id(id);
}

farm_ledger_account ledger_account_of(const ledger_account_read_row *row) {
    return (farm_ledger_account){
        .struct_size = sizeof(farm_ledger_account),
        .flags = (uint32_t)row->flags,
        .id = ledger_id_of(row->id),
        .user_data_128 = ledger_id_of(row->user_data_128),
        .user_data_64 = row->user_data_64,
        .user_data_32 = (int32_t)row->user_data_32,
        .code = (int32_t)row->code,
        .book = row->book,
        .credit_limit_minor = row->opened_limit,
        .timestamp_ns = row->timestamp_ns,
        .version = row->version,
        .balances = {.debits_pending_minor = row->debits_pending,
                     .debits_posted_minor = row->debits_posted,
                     .credits_pending_minor = row->credits_pending,
                     .credits_posted_minor = row->credits_posted},
    };
}

farm_ledger_account ledger_account_now(const ledger_account_read_row *row) {
    farm_ledger_account account = ledger_account_of(row);
    account.flags &= ~(uint32_t)FARM_LEDGER_ACCOUNT_CLOSED;
    if (row->is_closed) account.flags |= FARM_LEDGER_ACCOUNT_CLOSED;
    account.credit_limit_minor = row->credit_limit;
    return account;
}

farm_ledger_event ledger_event_of(const ledger_event_read_row *row) {
    return (farm_ledger_event){
        .struct_size = sizeof(farm_ledger_event),
        .flags = (uint32_t)row->flags,
        .id = ledger_id_of(row->id),
        .debit_account_id = ledger_id_of(row->debit_account),
        .credit_account_id = ledger_id_of(row->credit_account),
        .pending_id = ledger_id_of(row->pending_id),
        .reversed_id = ledger_id_of(row->reversed_id),
        .user_data_128 = ledger_id_of(row->user_data_128),
        .user_data_64 = row->user_data_64,
        .user_data_32 = (int32_t)row->user_data_32,
        .code = (int32_t)row->code,
        .book = row->book,
        .amount_minor = row->amount,
        .timeout_us = row->timeout_us,
        .timestamp_ns = row->timestamp_ns,
        .effective_us = row->effective_us,
        .kind = (int32_t)row->kind,
        .resolution = (int32_t)row->resolution,
        .reversed_minor = row->reversed,
        .debit = {.debits_pending_minor = row->debit_debits_pending,
                  .debits_posted_minor = row->debit_debits_posted,
                  .credits_pending_minor = row->debit_credits_pending,
                  .credits_posted_minor = row->debit_credits_posted},
        .credit = {.debits_pending_minor = row->credit_debits_pending,
                   .debits_posted_minor = row->credit_debits_posted,
                   .credits_pending_minor = row->credit_credits_pending,
                   .credits_posted_minor = row->credit_credits_posted},
    };
}

static int32_t take_unit(void *context, size_t ordinal, const ledger_book_find_row *row) {
    (void)ordinal;
    ledger_unit *unit = context;
    const size_t size =
        row->asset.size < sizeof unit->asset ? row->asset.size : sizeof unit->asset - 1;
    memcpy(unit->asset, row->asset.data, size);
    unit->asset[size] = '\0';
    unit->scale = (int32_t)row->scale;
    return 0;
}

farm_status ledger_find_unit(farm_session *session, int64_t book, ledger_unit *out) {
    store_batch batch;
    store_batch_init(&batch, session);
    out->asset[0] = '\0';
    ledger_book_find(&batch, &(ledger_book_find_params){.book = book}, take_unit, out);
    const farm_status status = store_run(session, &batch);
    if (status != FARM_OK || out->asset[0] != '\0') return status;
    return store_fail(session, FARM_ENOTFOUND, 0, "there is no book %lld", (long long)book);
}

farm_status ledger_fail_memory(farm_session *session, size_t count) {
    return store_fail(session, FARM_ENOMEM, 0, "there is no memory for %zu items", count);
}

farm_status ledger_check_arrays(farm_session *session, const void *items, const void *results,
                                size_t count) {
    farm_status status = store_check_array(session, "items", items, count, FARM_LEDGER_BATCH_MAX);
    if (status == FARM_OK)
        status = store_check_array(session, "results", results, count, FARM_LEDGER_BATCH_MAX);
    return status;
}

farm_status ledger_check_batch(farm_session *session, const void *items, const void *results,
                               size_t count) {
    const farm_status status = ledger_check_arrays(session, items, results, count);
    return status == FARM_OK ? store_check_service(session) : status;
}

farm_status ledger_check_quarter(farm_session *session, const char *name, int64_t value_us) {
    const farm_status status = store_check_range(session, name, value_us, 0, INT64_MAX);
    if (status != FARM_OK || value_us % FARM_LEDGER_QUARTER_US == 0) return status;
    return store_fail(session, FARM_EINVAL, 0,
                      "%s is %lld, which is no quarter of an hour: %lld microseconds are over",
                      name, (long long)value_us, (long long)(value_us % FARM_LEDGER_QUARTER_US));
}

farm_status ledger_copy_items(farm_session *session, const void *items, size_t count, size_t size,
                              void *out) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < count && status == FARM_OK; i++)
        status = store_check_options(session, "items", (unsigned char *)out + i * size, size,
                                     store_array_at(items, i));
    return status;
}

int64_t ledger_draw_writer(farm_session *session) {
    uint64_t writer = 0;
    store_random(session, &writer, sizeof writer);
    return (int64_t)(writer & (uint64_t)LEDGER_WRITER_MAX);
}
