/* Migrations: numbered, forward only, each in a transaction of its own under a lock. And the check
 * that a library makes before it works on a schema. */
#include "store/migrations.h"
#include "base/assert.h"
#include "store/session.h"
#include "store_sql.h"
#include <string.h>

/* What the store says of itself. */
typedef struct schema_facts {
    int64_t is_present;
    int64_t number;
    int64_t works_with;
    int64_t clock_us;      /* the store's clock, 0: none */
    int64_t asked_from_ns; /* ours, before and after we asked for it */
    int64_t asked_until_ns;
    uint8_t *is_applied;            /* by index into store_migrations */
    const store_migration *changed; /* the first whose text is not what was applied */
    int32_t dialect;
} schema_facts;

static int64_t newest_number(void) {
    return store_migrations[store_migration_count - 1].number;
}

static int32_t on_exists(void *context, size_t ordinal, const store_schema_exists_row *row) {
    (void)ordinal;
    ((schema_facts *)context)->is_present = row->present;
    return 0;
}

static int32_t on_read(void *context, size_t ordinal, const store_schema_read_row *row) {
    (void)ordinal;
    schema_facts *facts = context;
    facts->number = row->number;
    facts->works_with = row->works_with;
    return 0;
}

static int32_t on_clock(void *context, size_t ordinal, const store_clock_read_row *row) {
    (void)ordinal;
    ((schema_facts *)context)->clock_us = row->now_us;
    return 0;
}

static int32_t on_listed(void *context, size_t ordinal, const store_schema_list_row *row) {
    (void)ordinal;
    schema_facts *facts = context;
    for (size_t i = 0; i < store_migration_count; i++) {
        const store_migration *migration = &store_migrations[i];
        if (migration->number != row->number) continue;
        facts->is_applied[i] = 1;
        int32_t is_equal =
            row->hash.size == MIGRATION_HASH_SIZE &&
            memcmp(row->hash.data, migration->hash[facts->dialect], MIGRATION_HASH_SIZE) == 0;
        if (!is_equal && facts->changed == NULL) facts->changed = migration;
    }
    return 0;
}

static int64_t host_now_ns(const farm_session *session) {
    return session->clock.real_ns(session->clock.context);
}

static farm_status read_facts(farm_session *session, void *context) {
    schema_facts *facts = context;
    store_batch batch;
    store_batch_init(&batch, session);
    store_schema_exists(&batch, on_exists, facts);
    store_clock_read(&batch, on_clock, facts);
    facts->asked_from_ns = host_now_ns(session);
    farm_status status = store_run(session, &batch);
    facts->asked_until_ns = host_now_ns(session);
    if (status != FARM_OK || !facts->is_present) return status;

    store_batch_init(&batch, session);
    store_schema_read(&batch, on_read, facts);
    return store_finish(session, &batch);
}

static farm_status judge(farm_session *session, const schema_facts *facts) {
    const int64_t newest = newest_number();
    if (!facts->is_present || facts->number == 0)
        return store_fail(session, FARM_EUNSUPPORTED, 0,
                          "the store has no schema yet: call farm_migrate()");
    if (facts->number < newest)
        return store_fail(session, FARM_EUNSUPPORTED, 0,
                          "the store's schema is %lld and this library needs %lld: call "
                          "farm_migrate()",
                          (long long)facts->number, (long long)newest);
    if (facts->works_with > newest)
        return store_fail(session, FARM_EUNSUPPORTED, 0,
                          "the store's schema is %lld and takes libraries of schema %lld or later; "
                          "this one has %lld",
                          (long long)facts->number, (long long)facts->works_with,
                          (long long)newest);
    return FARM_OK;
}

farm_status migrate_check(farm_session *session) {
    if (session->is_checked) return FARM_OK;
    schema_facts facts = {0};
    farm_status status = store_operate(session, STORE_UNCHECKED | STORE_READS, read_facts, &facts);
    if (status == FARM_OK) status = judge(session, &facts);
    if (status != FARM_OK) return status;
    session->is_checked = 1;
    if (session->shared->follows_store_clock && facts.clock_us != 0) {
        int64_t ours = facts.asked_from_ns + (facts.asked_until_ns - facts.asked_from_ns) / 2;
        session->ahead_ns = facts.clock_us * 1000 - ours;
    }
    return FARM_OK;
}

/* What is applied already, in the transaction that is open. */
static farm_status read_applied(farm_session *session, schema_facts *facts) {
    facts->dialect = session->shared->dialect;
    facts->is_present = 0;
    facts->changed = NULL;
    facts->is_applied = arena_allocate(store_arena(session), store_migration_count);
    if (facts->is_applied == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the migrations");
    store_batch batch;
    store_batch_init(&batch, session);
    store_schema_exists(&batch, on_exists, facts);
    farm_status status = store_run(session, &batch);
    if (status != FARM_OK || !facts->is_present) return status;

    store_batch_init(&batch, session);
    store_schema_read(&batch, on_read, facts);
    store_schema_list(&batch, on_listed, facts);
    status = store_run(session, &batch);
    if (status != FARM_OK) return status;
    if (facts->changed != NULL)
        return store_fail(session, FARM_ECORRUPT, 0,
                          "migration %lld (%s) was applied with another text than this library has",
                          (long long)facts->changed->number, facts->changed->name);
    return facts->number >= newest_number() ? judge(session, facts) : FARM_OK;
}

static farm_status run_script(farm_session *session, const char *text) {
    char *script = shared_expand(session->shared, store_arena(session), text);
    if (script == NULL)
        return store_fail(session, FARM_ENOMEM, 0, "there is no memory for the migration");
    farm_fault fault = {.call = -1, .ordinal = -1};
    const farm_status status = session->shared->backend.script(session->connection, script, &fault);
    return error_of_call(session, NULL, status, &fault);
}

static farm_status apply(farm_session *session, void *context) {
    const store_migration *migration = *(const store_migration *const *)context;
    schema_facts facts = {0};
    store_batch batch;
    store_batch_init(&batch, session);
    store_migrate_lock(&batch, NULL, NULL);
    farm_status status = store_run(session, &batch);
    if (status == FARM_OK) status = read_applied(session, &facts);
    if (status != FARM_OK || facts.is_applied[migration - store_migrations]) return status;

    status = run_script(session, migration->text[session->shared->dialect]);
    if (status != FARM_OK) return status;
    store_batch_init(&batch, session);
    store_schema_add(&batch, &(store_schema_add_params){
                                 .number = migration->number,
                                 .name = value_text_of(migration->name),
                                 .hash = value_blob_of(migration->hash[session->shared->dialect],
                                                       MIGRATION_HASH_SIZE),
                                 .works_with = migration->works_with,
                                 .library = farm_version(),
                                 .applied_us = store_now_us(session),
                             });
    return store_finish(session, &batch);
}

static farm_status look(farm_session *session, void *context) {
    return read_applied(session, context);
}

static farm_status grant(farm_session *session, void *context) {
    (void)context;
    store_batch batch;
    store_batch_init(&batch, session);
    store_migrate_lock(&batch, NULL, NULL);
    farm_status status = store_run(session, &batch);
    if (status == FARM_OK) status = run_script(session, store_grants[session->shared->dialect]);
    return status;
}

static farm_status migrate(farm_session *session) {
    const uint32_t flags = STORE_UNCHECKED | STORE_SERVICE | STORE_REPEATABLE | STORE_OWN;
    schema_facts facts = {0};
    run_set_deadline(session);
    farm_status status =
        store_operate(session, STORE_UNCHECKED | STORE_READS | STORE_OWN, look, &facts);
    int32_t is_missing[64] = {0};
    FARM_ASSERT(store_migration_count <= 64);
    for (size_t i = 0; i < store_migration_count && status == FARM_OK; i++)
        is_missing[i] = !facts.is_applied[i];
    for (size_t i = 0; i < store_migration_count && status == FARM_OK; i++) {
        const store_migration *migration = &store_migrations[i];
        run_set_deadline(session);
        if (is_missing[i]) status = store_operate(session, flags, apply, &migration);
    }
    if (status == FARM_OK && session->shared->grant_to[0] != '\0' &&
        store_grants[session->shared->dialect][0] != '\0')
        status = store_operate(session, flags, grant, NULL);
    session->is_checked = 0;
    return status;
}

farm_status farm_migrate(farm_session *session) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    farm_session *side = session;
    if (session->transaction != TRANSACTION_NONE)
        status = store_fail(session, FARM_EINVAL, 0, "a transaction is open");
    if (status == FARM_OK) status = migrate(session);
    if (status == FARM_OK) status = store_rate_session(session, &side);
    if (status == FARM_OK && side != session)
        status = store_take_error(session, side, farm_migrate(side));
    return store_leave(session, status);
}
