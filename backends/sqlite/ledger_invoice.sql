-- What SQLite says differently of src/ledger/ledger_invoice.sql: there is one writer, and so there
-- is nothing to lock.

-- name: transfer_lock
-- nothing
