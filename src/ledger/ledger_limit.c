/* The credit limit of an account is changed: read under its lock, decided, written. */
#include "base/id.h"
#include "ledger/ledger_rows.h"
#include "ledger/ledger_rules.h"
#include "ledger_limit_sql.h"

enum { LEDGER_WRITES = STORE_SERVICE | STORE_REPEATABLE };

typedef struct limit_operation {
    const farm_id *id;
    int64_t from_minor;
    int64_t to_minor;
    ledger_limit_limit_read_row found; /* book 0: there is no such account */
} limit_operation;

static int32_t take_found(void *context, size_t ordinal, const ledger_limit_limit_read_row *row) {
    (void)ordinal;
    limit_operation *operation = context;
    operation->found = *row;
    return 0;
}

static farm_status check_arguments(farm_session *session, const limit_operation *operation) {
    farm_status status = FARM_OK;
    if (operation->id == NULL) status = store_fail(session, FARM_EINVAL, 0, "id is missing");
    if (status == FARM_OK)
        status = store_check_range(session, "from_minor", operation->from_minor, 0, INT64_MAX);
    if (status == FARM_OK)
        status = store_check_range(session, "to_minor", operation->to_minor, 0, INT64_MAX);
    return status == FARM_OK ? store_check_service(session) : status;
}

static farm_status read_account(farm_session *session, limit_operation *operation) {
    const value_blob id = value_blob_of_id(operation->id);
    store_batch batch;
    store_batch_init(&batch, session);
    operation->found = (ledger_limit_limit_read_row){0};
    ledger_limit_limit_lock(&batch, &(ledger_limit_limit_lock_params){id}, NULL, NULL);
    ledger_limit_limit_read(&batch, &(ledger_limit_limit_read_params){id}, take_found, operation);
    return store_run(session, &batch);
}

/* How far its debits exceed its credits: so much credit is used. */
static int64_t used_minor(const ledger_limit_limit_read_row *found) {
    return found->debits_pending + found->debits_posted - found->credits_posted;
}

static farm_status decide(farm_session *session, const limit_operation *operation) {
    const ledger_limit_limit_read_row *found = &operation->found;
    if (found->book == 0) return store_fail(session, FARM_ENOTFOUND, 0, "there is no such account");
    if ((found->flags & FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS) == 0)
        return store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_UNLIMITED,
                          "the account's debits may exceed its credits as far as they like");
    if (found->credit_limit == operation->to_minor) return FARM_OK;
    if (found->credit_limit != operation->from_minor)
        return store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_LIMIT_DIFFERS,
                          "the credit limit is %lld and not %lld", (long long)found->credit_limit,
                          (long long)operation->from_minor);
    if (used_minor(found) > operation->to_minor)
        return store_fail(session, FARM_EREFUSED, FARM_LEDGER_REASON_LIMIT_USED,
                          "a credit of %lld is used, and the limit would be %lld",
                          (long long)used_minor(found), (long long)operation->to_minor);
    return FARM_OK;
}

static void write_limit(farm_session *session, store_batch *batch,
                        const limit_operation *operation) {
    const ledger_limit_limit_read_row *found = &operation->found;
    const int64_t timestamp_ns =
        ledger_next_ns(store_now_ns(session), ledger_draw_writer(session), found->last_ns);
    ledger_limit_limit_add(batch,
                           &(ledger_limit_limit_add_params){.book = found->book,
                                                            .account = found->account,
                                                            .timestamp_ns = timestamp_ns,
                                                            .credit_limit = operation->to_minor});
    ledger_limit_limit_put(batch,
                           &(ledger_limit_limit_put_params){.book = found->book,
                                                            .account = found->account,
                                                            .known = found->credit_limit,
                                                            .credit_limit = operation->to_minor});
}

static farm_status change_limit(farm_session *session, void *context) {
    limit_operation *operation = context;
    farm_status status = check_arguments(session, operation);
    if (status == FARM_OK) status = read_account(session, operation);
    if (status == FARM_OK) status = decide(session, operation);
    if (status != FARM_OK) return status;
    store_batch batch;
    store_batch_init(&batch, session);
    if (operation->found.credit_limit != operation->to_minor)
        write_limit(session, &batch, operation);
    return store_finish(session, &batch);
}

farm_status farm_ledger_change_credit_limit(farm_session *session, const farm_id *id,
                                            int64_t from_minor, int64_t to_minor) {
    limit_operation operation = {.id = id, .from_minor = from_minor, .to_minor = to_minor};
    return store_operate(session, LEDGER_WRITES, change_limit, &operation);
}
