/* Roles: load who has which role for an entity, let roles_rules.c decide, store what was decided.
 * All operations run as the service: an actor may not read the rows that decide about him. */
#include "base/clock.h"
#include "base/options.h"
#include "base/text.h"
#include "roles/roles_rules.h"
#include "roles_sql.h"
#include "store/run.h"
#include <string.h>

enum { ROLES_READS = STORE_READS | STORE_SERVICE, ROLES_WRITES = STORE_SERVICE | STORE_REPEATABLE };

/* Found, grant and revoke. */
typedef struct change_operation {
    roles_change change;
    roles_caller caller;
    int32_t is_owner; /* found: the subject is one in the end */
} change_operation;

typedef struct check_operation {
    const char *entity;
    int32_t operation;
} check_operation;

typedef struct many_operation {
    const farm_role_question *items;
    size_t count;
    farm_status *results;
    farm_role_question *questions; /* copied by size */
    uint32_t *roles;               /* of the actor, a set for each question */
} many_operation;

typedef struct list_operation {
    const char *entity;
    const char *after_subject;
    int32_t after_role;
    farm_role_grant_row *rows;
    size_t capacity;
    size_t *out_count;
} list_operation;

static roles_caller caller_of(const farm_session *session) {
    return (roles_caller){.actor = store_actor(session), .is_service = store_is_service(session)};
}

static farm_status deny(farm_session *session, const roles_caller *caller, int32_t reason,
                        const char *what) {
    char roles[ROLES_LIST_SIZE];
    roles_list_text(caller->roles, roles);
    if (caller->actor == NULL)
        return store_fail(session, FARM_EDENIED, reason, "nobody is named as the session's actor");
    if (reason == FARM_ROLE_REASON_NO_ROLE)
        return store_fail(session, FARM_EDENIED, reason, "the actor has no role for this entity");
    return store_fail(session, FARM_EDENIED, reason,
                      "what the actor is for this entity does not allow to %s (granted: %s)", what,
                      roles);
}

/* --- check ----------------------------------------------------------------------------------- */

static farm_status check_operation_number(farm_session *session, int32_t operation) {
    return store_check_range(session, "operation", operation, FARM_ROLE_READ, ROLES_OPERATION_LAST);
}

static int32_t take_role(void *context, size_t ordinal, const roles_actor_roles_row *row) {
    uint32_t *roles = context;
    if (roles_is_role((int32_t)row->role)) roles[ordinal] |= ROLES_BIT((int32_t)row->role);
    return 0;
}

static void add_roles(farm_session *session, store_batch *batch, const char *actor,
                      const roles_actor_roles_each *entities, size_t count, uint32_t *roles) {
    memset(roles, 0, count * sizeof *roles);
    roles_actor_roles(
        batch,
        &(roles_actor_roles_params){.subject = value_text_of(actor), .now = store_now_us(session)},
        entities, count, take_role, roles);
}

/* The caller's roles for one entity; asks the store only when they matter. */
static farm_status load_caller(farm_session *session, const char *entity, roles_caller *caller) {
    *caller = caller_of(session);
    if (roles_is_known(caller, entity)) return FARM_OK;
    const roles_actor_roles_each each = {.entity = value_text_of(entity)};
    store_batch batch;
    store_batch_init(&batch, session);
    add_roles(session, &batch, caller->actor, &each, 1, &caller->roles);
    return store_finish(session, &batch);
}

static farm_status check_one(farm_session *session, void *context) {
    const check_operation *check = context;
    farm_status status = store_check_key(session, "entity", check->entity);
    if (status == FARM_OK) status = check_operation_number(session, check->operation);
    if (status != FARM_OK) return status;

    roles_caller caller;
    status = load_caller(session, check->entity, &caller);
    if (status != FARM_OK) return status;

    const roles_verdict verdict = roles_decide(&caller, check->entity, check->operation);
    if (verdict.status == FARM_OK) return FARM_OK;
    return deny(session, &caller, verdict.reason, farm_role_operation_name(check->operation));
}

farm_status farm_role_check(farm_session *session, const char *entity, int32_t operation) {
    check_operation check = {.entity = entity, .operation = operation};
    return store_operate(session, ROLES_READS, check_one, &check);
}

static farm_status copy_questions(farm_session *session, many_operation *many) {
    for (size_t i = 0; i < many->count; i++) {
        farm_role_question *question = &many->questions[i];
        farm_status status = store_check_options(session, "items", question, sizeof *question,
                                                 store_array_at(many->items, i));
        if (status == FARM_OK) status = store_check_key(session, "entity", question->entity);
        if (status == FARM_OK) status = check_operation_number(session, question->operation);
        if (status != FARM_OK) return status;
    }
    return FARM_OK;
}

static farm_status prepare_many(farm_session *session, many_operation *many) {
    farm_status status =
        store_check_array(session, "items", many->items, many->count, FARM_ROLE_BATCH_MAX);
    if (status != FARM_OK) return status;
    if (many->results == NULL) return store_fail(session, FARM_EINVAL, 0, "results is missing");
    arena *memory = store_arena(session);
    many->questions = arena_allocate_array(memory, many->count, sizeof *many->questions);
    many->roles = arena_allocate_array(memory, many->count, sizeof *many->roles);
    if (many->questions == NULL || many->roles == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for %zu questions",
                          many->count);
    return copy_questions(session, many);
}

static farm_status load_many(farm_session *session, many_operation *many, const char *actor) {
    roles_actor_roles_each *entities =
        arena_allocate_array(store_arena(session), many->count, sizeof *entities);
    if (entities == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for %zu questions",
                          many->count);
    for (size_t i = 0; i < many->count; i++)
        entities[i].entity = value_text_of(many->questions[i].entity);
    store_batch batch;
    store_batch_init(&batch, session);
    add_roles(session, &batch, actor, entities, many->count, many->roles);
    return store_finish(session, &batch);
}

static farm_status check_each(farm_session *session, void *context) {
    many_operation *many = context;
    farm_status status = prepare_many(session, many);
    if (status != FARM_OK) return status;
    roles_caller caller = caller_of(session);
    if (caller.actor != NULL) status = load_many(session, many, caller.actor);
    if (status != FARM_OK) return status;

    for (size_t i = 0; i < many->count; i++) {
        const farm_role_question *question = &many->questions[i];
        caller.roles = many->roles[i];
        many->results[i] = roles_decide(&caller, question->entity, question->operation).status;
    }
    return FARM_OK;
}

farm_status farm_role_check_many(farm_session *session, const farm_role_question *items,
                                 size_t count, farm_status *results) {
    many_operation many = {.items = items, .count = count, .results = results};
    return store_operate(session, ROLES_READS, check_each, &many);
}

/* --- found, grant, revoke -------------------------------------------------------------------- */

static farm_status check_names(farm_session *session, const roles_change *change) {
    farm_status status = store_check_key(session, "entity", change->entity);
    if (status == FARM_OK) status = store_check_key(session, "subject", change->subject);
    return status;
}

static farm_status check_change(farm_session *session, const roles_change *change) {
    farm_status status = check_names(session, change);
    if (status == FARM_OK)
        status = store_check_range(session, "role", change->role, FARM_ROLE_OWNER, ROLES_ROLE_LAST);
    if (status == FARM_OK)
        status = store_check_range(session, "expires_us", change->expires_us, 0, CLOCK_MAX_US);
    return status;
}

static int32_t take_owner(void *context, size_t ordinal, const roles_entity_found_row *row) {
    (void)ordinal;
    change_operation *operation = context;
    operation->is_owner = row->is_owner > 0;
    return 0;
}

static farm_status found(farm_session *session, void *context) {
    change_operation *operation = context;
    const roles_change *change = &operation->change;
    farm_status status = check_names(session, change);
    if (status == FARM_OK) status = store_check_service(session);
    if (status != FARM_OK) return status;

    operation->is_owner = 0;
    store_batch batch;
    store_batch_init(&batch, session);
    roles_entity_found(&batch,
                       &(roles_entity_found_params){.entity = value_text_of(change->entity),
                                                    .subject = value_text_of(change->subject),
                                                    .now = store_now_us(session)},
                       take_owner, operation);
    status = store_finish(session, &batch);
    if (status != FARM_OK || operation->is_owner) return status;
    return store_fail(session, FARM_EEXISTS, 0,
                      "the entity is founded already, and this is not one of its owners");
}

farm_status farm_role_found(farm_session *session, const char *entity, const char *subject) {
    change_operation operation = {.change = {.entity = entity, .subject = subject}};
    return store_operate(session, ROLES_WRITES, found, &operation);
}

static int32_t take_entity(void *context, size_t ordinal, const roles_entity_read_row *row) {
    (void)ordinal;
    change_operation *operation = context;
    operation->change.is_founded = row->owner_count > 0;
    return 0;
}

static int32_t take_held(void *context, size_t ordinal, const roles_entity_hold_row *row) {
    return take_entity(context, ordinal, &(roles_entity_read_row){.owner_count = row->owner_count});
}

/* Owners, who may lose just that, are read when nobody else can change them. */
static farm_status ask(farm_session *session, change_operation *operation) {
    const roles_change *change = &operation->change;
    const roles_actor_roles_each each = {.entity = value_text_of(change->entity)};
    store_batch batch;
    store_batch_init(&batch, session);
    if (change->role == FARM_ROLE_OWNER)
        roles_entity_hold(&batch, &(roles_entity_hold_params){.entity = each.entity}, take_held,
                          operation);
    else
        roles_entity_read(&batch, &(roles_entity_read_params){.entity = each.entity}, take_entity,
                          operation);
    if (!roles_is_known(&operation->caller, change->entity))
        add_roles(session, &batch, operation->caller.actor, &each, 1, &operation->caller.roles);
    return store_run(session, &batch);
}

/* Whether there is anything to ask about, and who asks. A role in what is not there was granted
 * between the two answers, by whoever founded it. */
static farm_status load_change(farm_session *session, change_operation *operation) {
    operation->change.now_us = store_now_us(session);
    operation->change.is_founded = 0;
    operation->caller = caller_of(session);
    farm_status status = ask(session, operation);
    if (status == FARM_OK && operation->caller.roles != 0 && !operation->change.is_founded)
        status = ask(session, operation);
    return status;
}

static farm_status refuse_change(farm_session *session, const change_operation *operation,
                                 roles_verdict verdict, const char *verb) {
    char what[32];
    switch (verdict.status) {
    case FARM_EDENIED:
        text_format(what, sizeof what, "%s the role %s", verb,
                    farm_role_name(operation->change.role));
        return deny(session, &operation->caller, verdict.reason, what);
    case FARM_ENOTFOUND:
        return store_fail(session, FARM_ENOTFOUND, verdict.reason,
                          "nobody has founded this entity");
    default:
        return store_fail(session, verdict.status, verdict.reason,
                          verdict.reason == FARM_ROLE_REASON_OWNER_EXPIRES
                              ? "the role owner cannot be granted for a time"
                              : "expires_us is not in the future");
    }
}

static farm_status put_grant(farm_session *session, const change_operation *operation) {
    const roles_change *change = &operation->change;
    const value_text entity = value_text_of(change->entity);
    const value_text subject = value_text_of(change->subject);
    const char *actor = operation->caller.actor;
    const value_text granted_by = value_text_of(actor == NULL ? "" : actor);
    store_batch batch;
    store_batch_init(&batch, session);
    if (change->role == FARM_ROLE_OWNER)
        roles_owner_put(&batch, &(roles_owner_put_params){.entity = entity,
                                                          .subject = subject,
                                                          .now = change->now_us,
                                                          .granted_by = granted_by});
    else
        roles_grant_put(&batch, &(roles_grant_put_params){.entity = entity,
                                                          .subject = subject,
                                                          .role = change->role,
                                                          .expires = change->expires_us,
                                                          .now = change->now_us,
                                                          .granted_by = granted_by});
    return store_finish(session, &batch);
}

static farm_status grant(farm_session *session, void *context) {
    change_operation *operation = context;
    farm_status status = check_change(session, &operation->change);
    if (status == FARM_OK) status = load_change(session, operation);
    if (status != FARM_OK) return status;
    const roles_verdict verdict = roles_decide_grant(&operation->caller, &operation->change);
    if (verdict.status != FARM_OK) return refuse_change(session, operation, verdict, "grant");
    return put_grant(session, operation);
}

farm_status farm_role_grant(farm_session *session, const char *entity, const char *subject,
                            int32_t role, int64_t expires_us) {
    change_operation operation = {
        .change = {.entity = entity, .subject = subject, .role = role, .expires_us = expires_us}};
    return store_operate(session, ROLES_WRITES, grant, &operation);
}

static farm_status remove_grant(farm_session *session, const roles_change *change) {
    const value_text entity = value_text_of(change->entity);
    const value_text subject = value_text_of(change->subject);
    store_batch batch;
    store_batch_init(&batch, session);
    if (change->role == FARM_ROLE_OWNER)
        roles_owner_remove(&batch, &(roles_owner_remove_params){entity, subject});
    else
        roles_grant_remove(&batch, &(roles_grant_remove_params){entity, subject, change->role});
    farm_status status = store_finish(session, &batch);
    if (status != FARM_EREFUSED || store_fault_kind(session) != FARM_FAULT_CHECK) return status;
    return store_fail(session, FARM_EREFUSED, FARM_ROLE_REASON_LAST_OWNER,
                      "this is the entity's last owner");
}

static farm_status revoke(farm_session *session, void *context) {
    change_operation *operation = context;
    farm_status status = check_change(session, &operation->change);
    if (status == FARM_OK) status = load_change(session, operation);
    if (status != FARM_OK) return status;
    const roles_verdict verdict = roles_decide_revoke(&operation->caller, &operation->change);
    if (verdict.status != FARM_OK) return refuse_change(session, operation, verdict, "revoke");
    /* Where nothing was there to be locked, nothing is removed: it may have been founded since. */
    return operation->change.is_founded ? remove_grant(session, &operation->change) : FARM_OK;
}

farm_status farm_role_revoke(farm_session *session, const char *entity, const char *subject,
                             int32_t role) {
    change_operation operation = {.change = {.entity = entity, .subject = subject, .role = role}};
    return store_operate(session, ROLES_WRITES, revoke, &operation);
}

/* --- list ------------------------------------------------------------------------------------ */

static int32_t take_grant(void *context, size_t ordinal, const roles_grant_list_row *row) {
    (void)ordinal;
    list_operation *list = context;
    if (*list->out_count == list->capacity) return 1;
    farm_role_grant_row answer = {
        .struct_size = sizeof answer,
        .role = (int32_t)row->role,
        .expires_us = row->expires_us,
        .granted_us = row->granted_us,
    };
    value_text_copy(row->subject, answer.subject, sizeof answer.subject);
    value_text_copy(row->granted_by, answer.granted_by, sizeof answer.granted_by);
    (void)options_answer(store_array_at(list->rows, *list->out_count), &answer, sizeof answer);
    *list->out_count += 1;
    return 0;
}

static farm_status check_list(farm_session *session, list_operation *list) {
    if (list->out_count == NULL) return store_fail(session, FARM_EINVAL, 0, "out_count is missing");
    *list->out_count = 0;
    farm_status status = store_check_key(session, "entity", list->entity);
    if (status == FARM_OK && list->after_subject != NULL)
        status = store_check_key(session, "after_subject", list->after_subject);
    const int32_t is_later = list->after_subject != NULL;
    if (status == FARM_OK)
        status = store_check_range(session, "after_role", list->after_role,
                                   is_later ? FARM_ROLE_OWNER : 0, is_later ? ROLES_ROLE_LAST : 0);
    if (status != FARM_OK) return status;
    return store_check_array(session, "rows", list->rows, list->capacity, FARM_ROLE_BATCH_MAX);
}

static farm_status list_grants(farm_session *session, void *context) {
    list_operation *list = context;
    farm_status status = check_list(session, list);
    roles_caller caller;
    if (status == FARM_OK) status = load_caller(session, list->entity, &caller);
    if (status != FARM_OK) return status;
    const roles_verdict verdict = roles_decide(&caller, list->entity, FARM_ROLE_READ);
    if (verdict.status != FARM_OK) return deny(session, &caller, verdict.reason, "read");

    const char *after = list->after_subject == NULL ? "" : list->after_subject;
    store_batch batch;
    store_batch_init(&batch, session);
    roles_grant_list(&batch,
                     &(roles_grant_list_params){.entity = value_text_of(list->entity),
                                                .now = store_now_us(session),
                                                .after_subject = value_text_of(after),
                                                .after_role = list->after_role,
                                                .capacity = (int64_t)list->capacity},
                     take_grant, list);
    status = store_finish(session, &batch);
    if (status != FARM_OK) *list->out_count = 0;
    return status;
}

farm_status farm_role_list(farm_session *session, const char *entity, const char *after_subject,
                           int32_t after_role, farm_role_grant_row *rows, size_t capacity,
                           size_t *out_count) {
    if (out_count != NULL) *out_count = 0;
    list_operation list = {
        .entity = entity,
        .after_subject = after_subject,
        .after_role = after_role,
        .rows = rows,
        .capacity = capacity,
        .out_count = out_count,
    };
    return store_operate(session, ROLES_READS, list_grants, &list);
}
