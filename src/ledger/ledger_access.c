/* Who may do what with a book or an account: the service, and who has a role for its owner. */
#include "ledger/ledger_access.h"
#include "base/id.h"
#include "ledger/ledger_rows.h"
#include "ledger_owner_sql.h"
#include <farmcore/ledger_owner.h>
#include <farmcore/roles.h>

/* Entities as they are read, and of which item each is. */
typedef struct entities {
    farm_session *session;
    farm_role_question *questions;
    size_t *items;
    size_t count;
    int32_t operation;
    int32_t has_failed; /* there was no memory for one */
} entities;

/* An account or a transfer has two at the most. */
static farm_status entities_init(entities *self, farm_session *session, int32_t operation,
                                 size_t item_count) {
    arena *memory = store_arena(session);
    *self = (entities){.session = session,
                       .questions =
                           arena_allocate_array(memory, item_count * 2, sizeof *self->questions),
                       .items = arena_allocate_array(memory, item_count * 2, sizeof *self->items),
                       .operation = operation};
    if (self->questions == NULL || self->items == NULL)
        return ledger_fail_memory(session, item_count);
    return FARM_OK;
}

static int32_t add_entity(entities *self, size_t item, value_text entity) {
    const char *text = arena_copy(store_arena(self->session), entity.data, entity.size);
    self->has_failed = text == NULL;
    if (text == NULL) return 1;
    self->items[self->count] = item;
    self->questions[self->count++] = (farm_role_question){
        .struct_size = sizeof *self->questions, .operation = self->operation, .entity = text};
    return 0;
}

static int32_t take_entity(void *context, size_t ordinal, const ledger_owner_owner_read_row *row) {
    (void)ordinal;
    return add_entity(context, 0, row->entity);
}

static int32_t take_transfer_entity(void *context, size_t ordinal,
                                    const ledger_owner_owner_of_transfer_row *row) {
    return add_entity(context, ordinal, row->entity);
}

/* Of each item: whether a role for one of its entities allows it. */
static farm_status ask_roles(entities *self, int32_t *allowed) {
    farm_status *answers =
        arena_allocate_array(store_arena(self->session), self->count, sizeof *answers);
    if (answers == NULL || self->has_failed) return ledger_fail_memory(self->session, self->count);
    if (self->count == 0) return FARM_OK;
    const farm_status status =
        farm_role_check_many(self->session, self->questions, self->count, answers);
    for (size_t i = 0; i < self->count && status == FARM_OK; i++)
        if (answers[i] == FARM_OK) allowed[self->items[i]] = 1;
    return status;
}

static farm_status deny(farm_session *session, int32_t operation) {
    return store_fail(session, FARM_EDENIED, 0,
                      "the service may do this, and who has a role for its owner that allows to %s",
                      farm_role_operation_name(operation));
}

farm_status ledger_check_may(farm_session *session, int32_t operation, int64_t book,
                             const farm_id *account_id) {
    if (store_is_trusted(session)) return FARM_OK;
    if (store_actor(session) == NULL) return deny(session, operation);
    entities self;
    int32_t is_allowed = 0;
    farm_status status = entities_init(&self, session, operation, 1);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_owner_owner_read(
        &batch,
        &(ledger_owner_owner_read_params){
            .book = book,
            .id = account_id == NULL ? value_blob_of(NULL, 0) : ledger_blob_or_null(account_id)},
        take_entity, &self);
    status = store_run(session, &batch);
    if (status == FARM_OK) status = ask_roles(&self, &is_allowed);
    if (status != FARM_OK) return status;
    if (!is_allowed) return deny(session, operation);
    store_trust(session);
    return FARM_OK;
}

/* Nothing but a reversal of today. */
static int32_t is_refund(const farm_ledger_transfer *item) {
    return !id_is_zero(&item->reversed_id) && (item->flags & ~(uint32_t)FARM_LEDGER_LINKED) == 0;
}

static farm_status check_refunds(farm_session *session, const farm_ledger_transfer *items,
                                 size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_refund(&items[i])) return store_check_service(session);
    if (count <= FARM_LEDGER_REFUND_MAX) return FARM_OK;
    return store_fail(session, FARM_EINVAL, 0,
                      "these are %zu reversals, and at most %d are allowed", count,
                      FARM_LEDGER_REFUND_MAX);
}

static farm_status read_refunds(farm_session *session, const farm_ledger_transfer *items,
                                size_t count, entities *self) {
    ledger_owner_owner_of_transfer_each *each =
        arena_allocate_array(store_arena(session), count, sizeof *each);
    if (each == NULL) return ledger_fail_memory(session, count);
    for (size_t i = 0; i < count; i++) each[i].id = value_blob_of_id(&items[i].reversed_id);
    store_batch batch;
    store_batch_init(&batch, session);
    ledger_owner_owner_of_transfer(&batch, each, count, take_transfer_entity, self);
    return store_run(session, &batch);
}

farm_status ledger_check_may_post(farm_session *session, const farm_ledger_transfer *items,
                                  size_t count) {
    if (store_is_trusted(session)) return FARM_OK;
    if (store_actor(session) == NULL) return store_check_service(session);
    int32_t allowed[FARM_LEDGER_REFUND_MAX] = {0};
    entities self;
    farm_status status = check_refunds(session, items, count);
    if (status == FARM_OK) status = entities_init(&self, session, FARM_ROLE_REFUND, count);
    if (status == FARM_OK) status = read_refunds(session, items, count, &self);
    if (status == FARM_OK) status = ask_roles(&self, allowed);
    if (status != FARM_OK) return status;
    for (size_t i = 0; i < count; i++)
        if (!allowed[i]) return deny(session, FARM_ROLE_REFUND);
    store_trust(session);
    return FARM_OK;
}
