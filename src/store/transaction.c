/* The caller's own transaction: farm_begin(), farm_commit(), farm_rollback(). */
#include "store/session.h"
#include "store_sql.h"

static farm_status begin(farm_session *session) {
    if (session->frame != NULL)
        return store_fail(session, FARM_EINVAL, 0, "an operation is running");
    if (session->transaction != TRANSACTION_NONE)
        return store_fail(session, FARM_EINVAL, 0, "a transaction is open already");
    farm_status status = migrate_check(session);
    if (status == FARM_OK) status = run_connect(session);
    if (status == FARM_OK) status = run_set_timeout(session);
    if (status != FARM_OK) return status;
    if (session->is_adopted && session->shared->backend.has_transaction(session->connection))
        return store_fail(session, FARM_EINVAL, 0, "the host has a transaction open already");

    farm_fault fault = {.call = -1, .ordinal = -1};
    status = session->shared->backend.begin(session->connection, FARM_BEGIN_WRITE, &fault);
    if (status != FARM_OK) return error_of_call(session, NULL, status, &fault);
    session->transaction = TRANSACTION_OPEN;
    session->sent_kind = -1;
    return FARM_OK;
}

farm_status farm_begin(farm_session *session) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    run_set_deadline(session);
    return store_leave(session, begin(session));
}

static farm_status commit(farm_session *session) {
    if (session->transaction == TRANSACTION_NONE)
        return store_fail(session, FARM_EINVAL, 0, "no transaction is open");
    const farm_backend *backend = &session->shared->backend;
    if (session->transaction == TRANSACTION_BROKEN || session->frame != NULL) {
        backend->rollback(session->connection);
        session->transaction = TRANSACTION_NONE;
        snapshot_settle(session);
        return store_fail(session, FARM_EINVAL, 0,
                          "the transaction failed before and is rolled back");
    }
    farm_fault fault = {.call = -1, .ordinal = -1};
    farm_status status = run_set_timeout(session);
    if (status == FARM_OK)
        status = error_of_call(session, NULL, backend->commit(session->connection, &fault), &fault);
    if (status != FARM_OK) backend->rollback(session->connection);
    session->transaction = TRANSACTION_NONE;
    snapshot_settle(session);
    return status;
}

farm_status farm_commit(farm_session *session) {
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    run_set_deadline(session);
    return store_leave(session, commit(session));
}

void farm_rollback(farm_session *session) {
    if (store_enter(session) != FARM_OK) return;
    if (session->transaction != TRANSACTION_NONE && session->frame == NULL) {
        session->shared->backend.rollback(session->connection);
        session->transaction = TRANSACTION_NONE;
        snapshot_settle(session);
    }
    store_leave(session, FARM_OK);
}
