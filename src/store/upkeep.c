/* farm_verify() and farm_maintain(): the check_… and maintain_… statements of every module. */
#include "base/integer.h"
#include "base/json.h"
#include "base/options.h"
#include "base/text.h"
#include "store/session.h"
#include <string.h>

enum { FOUND_MAX = 10, BUDGET_MAX = 100000, VIOLATION_TEXT_SIZE = 201 };

typedef struct violation {
    char subject[VIOLATION_TEXT_SIZE];
    char detail[VIOLATION_TEXT_SIZE];
} violation;

/* One check as it runs. */
typedef struct verify_operation {
    uint32_t statement;
    int64_t violation_count;
    violation found[FOUND_MAX]; /* the first of them */
} verify_operation;

static void copy_text(char *out, const farm_value *value) {
    text_format(out, VIOLATION_TEXT_SIZE, "%.*s", (int)integer_min((int64_t)value->size, INT32_MAX),
                value->size == 0 ? "" : (const char *)value->data);
}

static int32_t on_violation(void *context, size_t ordinal, const farm_value *row) {
    (void)ordinal;
    verify_operation *operation = context;
    if (operation->violation_count < FOUND_MAX) {
        violation *found = &operation->found[operation->violation_count];
        copy_text(found->subject, &row[0]);
        copy_text(found->detail, &row[1]);
    }
    operation->violation_count++;
    return 0;
}

/* Add a statement of which only the number is known: its parameters are integers. */
static int32_t add_call(store_batch *batch, uint32_t statement, farm_row_function on_row,
                        void *context, int64_t first, int64_t second) {
    store_slots slots;
    if (!store_batch_add(batch, statement, 1, NULL, NULL, NULL, &slots)) return 0;
    farm_call *call = &batch->calls[batch->count - 1];
    call->on_row = on_row;
    call->context = context;
    if (call->statement->param_count > 0) slots.shared[0] = value_from_integer(first);
    if (call->statement->param_count > 1) slots.shared[1] = value_from_integer(second);
    return 1;
}

static farm_status check(farm_session *session, void *context) {
    verify_operation *operation = context;
    operation->violation_count = 0;
    store_batch batch;
    store_batch_init(&batch, session);
    add_call(&batch, operation->statement, on_violation, operation, store_now_us(session), 0);
    return store_finish(session, &batch);
}

static void add_found(json *answer, const verify_operation *operation) {
    json *all = json_add_array(answer, "found");
    for (int64_t i = 0; i < operation->violation_count && i < FOUND_MAX; i++) {
        json *found = json_append_object(all);
        json_add_text(found, "subject", operation->found[i].subject);
        json_add_text(found, "detail", operation->found[i].detail);
    }
}

static farm_status run_check(farm_session *session, uint32_t statement, json *checks,
                             int64_t *violation_count) {
    verify_operation operation = {.statement = statement};
    run_set_deadline(session);
    farm_status status = store_operate(session, STORE_READS | STORE_SERVICE, check, &operation);
    json *answer = json_append_object(checks);
    json_add_text(answer, "name", session->shared->statements[statement].name);
    if (operation.violation_count > 0) add_found(answer, &operation);
    json_add_integer(answer, "violations", operation.violation_count);
    *violation_count += operation.violation_count;
    return status;
}

/* The checks of one store; the one of rate_uri= has the same tables, most of them empty. */
static farm_status run_checks(farm_session *session, json *checks, int64_t *violation_count) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < store_module_count; i++)
        for (size_t j = 0; j < store_modules[i]->check_count && status == FARM_OK; j++)
            status = run_check(session, store_modules[i]->checks[j], checks, violation_count);
    return status;
}

static farm_status verify(farm_session *session, char **out_text) {
    farm_status status = store_check_service(session);
    if (status != FARM_OK) return status;
    int64_t violation_count = 0;
    json *answer = json_new_object();
    json *checks = json_add_array(answer, "checks");
    status = run_checks(session, checks, &violation_count);
    farm_session *side = session;
    if (status == FARM_OK) status = store_rate_session(session, &side);
    if (status == FARM_OK && side != session)
        status = store_take_error(session, side, run_checks(side, checks, &violation_count));
    if (status == FARM_OK) {
        json_add_boolean(answer, "ok", violation_count == 0);
        status = json_print(answer, out_text);
        if (status != FARM_OK) store_fail(session, status, 0, "there is no memory for the answer");
    }
    json_free(answer);
    return status;
}

farm_status farm_verify(farm_session *session, char **out_text) {
    if (out_text != NULL) *out_text = NULL;
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    status = out_text == NULL ? store_fail(session, FARM_EINVAL, 0, "out_text is NULL")
                              : verify(session, out_text);
    return store_leave(session, status);
}

typedef struct maintain_operation {
    uint32_t statement;
    int64_t budget;
    int64_t removed_count;
} maintain_operation;

static farm_status remove_some(farm_session *session, void *context) {
    maintain_operation *operation = context;
    store_batch batch;
    store_batch_init(&batch, session);
    int32_t is_added = add_call(&batch, operation->statement, NULL, NULL, store_now_us(session),
                                operation->budget);
    const farm_call *call = is_added ? &batch.calls[batch.count - 1] : NULL;
    farm_status status = store_finish(session, &batch);
    if (status == FARM_OK) operation->removed_count = call->changes;
    return status;
}

static farm_status maintain(farm_session *session, int64_t budget, farm_maintenance *out) {
    farm_status status = FARM_OK;
    for (size_t i = 0; i < store_module_count; i++)
        for (size_t j = 0; j < store_modules[i]->maintain_count && status == FARM_OK; j++) {
            int64_t left = budget - out->removed_count;
            maintain_operation operation = {.statement = store_modules[i]->maintains[j],
                                            .budget = left};
            if (left > 0) {
                run_set_deadline(session);
                status = store_operate(session, STORE_SERVICE | STORE_REPEATABLE, remove_some,
                                       &operation);
            }
            out->removed_count += operation.removed_count;
            if (operation.removed_count >= left) out->is_done = 0;
        }
    return status;
}

static farm_status maintain_all(farm_session *session, int64_t budget, farm_maintenance *out) {
    farm_session *side = session;
    farm_status status = store_check_service(session);
    if (status == FARM_OK)
        status = store_check_range(session, "budget_count", budget, 1, BUDGET_MAX);
    if (status == FARM_OK) status = store_rate_session(session, &side);
    if (status == FARM_OK) status = maintain(session, budget, out);
    if (status == FARM_OK && side != session)
        status = store_take_error(session, side, maintain(side, budget, out));
    return status;
}

farm_status farm_maintain(farm_session *session, int64_t budget_count, farm_maintenance *out) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    farm_maintenance maintenance = {.struct_size = sizeof maintenance, .is_done = 1};
    status = maintain_all(session, budget_count, &maintenance);
    if (out != NULL && options_answer(out, &maintenance, sizeof maintenance) != FARM_OK &&
        status == FARM_OK)
        status = store_fail(session, FARM_EINVAL, 0, "out has no sound struct_size");
    return store_leave(session, status);
}
