/* Whether the store answers, as JSON for any transport's /health. */
#include "base/json.h"
#include "base/text.h"
#include "store/migrations.h"
#include "store/session.h"
#include "store_sql.h"

static const int64_t default_gate_us = 500 * INT64_C(1000);

typedef struct health_facts {
    int64_t number; /* of the schema */
    int64_t is_present;
} health_facts;

static int32_t on_exists(void *context, size_t ordinal, const store_schema_exists_row *row) {
    (void)ordinal;
    ((health_facts *)context)->is_present = row->present;
    return 0;
}

static int32_t on_read(void *context, size_t ordinal, const store_schema_read_row *row) {
    (void)ordinal;
    ((health_facts *)context)->number = row->number;
    return 0;
}

static farm_status ask(farm_session *session, void *context) {
    health_facts *facts = context;
    store_batch batch;
    store_batch_init(&batch, session);
    store_ping(&batch, NULL, NULL);
    store_schema_exists(&batch, on_exists, facts);
    return store_finish(session, &batch);
}

static farm_status ask_schema(farm_session *session, void *context) {
    store_batch batch;
    store_batch_init(&batch, session);
    store_schema_read(&batch, on_read, context);
    return store_finish(session, &batch);
}

static farm_status write(farm_session *session, farm_status status, const health_facts *facts,
                         int64_t latency_us, int64_t gate_us, char **out_text) {
    char version[32];
    text_format(version, sizeof version, "%d.%d.%d", FARM_VERSION_MAJOR, FARM_VERSION_MINOR,
                FARM_VERSION_PATCH);
    const int32_t is_slow = latency_us > gate_us;
    const int32_t is_migrated = facts->number >= store_migrations[store_migration_count - 1].number;
    json *answer = json_new_object();
    json_add_boolean(answer, "ok", status == FARM_OK && !is_slow && is_migrated);
    json_add_number(answer, "latency_ms", (double)latency_us / 1000.0);
    json_add_text(answer, "version", version);
    json_add_text(answer, "backend", session->shared->backend.scheme);
    json_add_integer(answer, "schema", facts->number);
    if (status != FARM_OK) {
        json_add_text(answer, "error", session->error.text);
        json_add_text(answer, "status", farm_status_name(status));
    } else if (is_slow) {
        json_add_text(answer, "error", "the store is slower than the gate");
    } else if (!is_migrated) {
        json_add_text(answer, "error", "the store's schema is older than the library's");
    }
    status = json_print(answer, out_text);
    json_free(answer);
    return status;
}

farm_status farm_health(farm_session *session, int64_t timeout_us, char **out_text) {
    if (out_text != NULL) *out_text = NULL;
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    if (out_text == NULL) status = store_fail(session, FARM_EINVAL, 0, "out_text is NULL");
    if (status == FARM_OK)
        status = store_check_range(session, "timeout_us", timeout_us, 0, CLOCK_MAX_US);
    if (status != FARM_OK) return store_leave(session, status);

    run_set_deadline(session);
    const uint32_t flags = STORE_UNCHECKED | STORE_READS;
    health_facts facts = {0};
    const int64_t begun_us = clock_monotonic_us();
    status = store_operate(session, flags, ask, &facts);
    const int64_t latency_us = clock_monotonic_us() - begun_us;
    if (status == FARM_OK && facts.is_present)
        status = store_operate(session, flags, ask_schema, &facts);
    status = write(session, status, &facts, latency_us,
                   timeout_us == 0 ? default_gate_us : timeout_us, out_text);
    if (status != FARM_OK) store_fail(session, status, 0, "there is no memory for the answer");
    return store_leave(session, status);
}
