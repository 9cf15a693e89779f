-- Where Postgres differs: several writers at once, and many rows in one statement.

-- name: account_lock
{accounts_in_order} FOR UPDATE OF b;

-- name: event_add
-- arrays
INSERT INTO farm_ledger_event (book, timestamp_ns, kind, id, debit_account, credit_account,
    amount, pending_id, timeout_us, code, flags, user_data_128, user_data_64, user_data_32,
    effective_us, debit_version, debit_debits_pending, debit_debits_posted, debit_credits_pending,
    debit_credits_posted, credit_version, credit_debits_pending, credit_debits_posted,
    credit_credits_pending, credit_credits_posted)
SELECT u.book, u.timestamp_ns, u.kind, u.id, u.debit_account, u.credit_account, u.amount,
       u.pending_id, u.timeout_us, u.code, u.flags, u.user_data_128, u.user_data_64,
       u.user_data_32, u.effective_us, u.debit_version, u.debit_debits_pending,
       u.debit_debits_posted, u.debit_credits_pending, u.debit_credits_posted, u.credit_version,
       u.credit_debits_pending, u.credit_debits_posted, u.credit_credits_pending,
       u.credit_credits_posted
FROM unnest(:book, :timestamp_ns, :kind, :id, :debit_account, :credit_account, :amount,
                  :pending_id, :timeout_us, :code, :flags, :user_data_128, :user_data_64,
                  :user_data_32, :effective_us, :debit_version, :debit_debits_pending,
                  :debit_debits_posted, :debit_credits_pending, :debit_credits_posted,
                  :credit_version, :credit_debits_pending, :credit_debits_posted,
                  :credit_credits_pending, :credit_credits_posted)
    AS u (book, timestamp_ns, kind, id, debit_account, credit_account, amount, pending_id,
         timeout_us, code, flags, user_data_128, user_data_64, user_data_32, effective_us,
         debit_version, debit_debits_pending, debit_debits_posted, debit_credits_pending,
         debit_credits_posted, credit_version, credit_debits_pending, credit_debits_posted,
         credit_credits_pending, credit_credits_posted);

-- name: balance_put
-- arrays
UPDATE farm_ledger_balance AS b
SET is_closed = u.is_closed, version = u.version, last_ns = u.last_ns,
    debits_pending = u.debits_pending, debits_posted = u.debits_posted,
    credits_pending = u.credits_pending, credits_posted = u.credits_posted
FROM unnest(:book, :account, :is_closed, :known_version, :version, :last_ns, :debits_pending,
                  :debits_posted, :credits_pending, :credits_posted)
    AS u (book, account, is_closed, known_version, version, last_ns, debits_pending, debits_posted,
         credits_pending, credits_posted)
WHERE b.book = u.book AND b.account = u.account AND b.version = u.known_version;

-- name: hold_add
-- arrays
INSERT INTO farm_ledger_hold (book, id, debit_account, credit_account, amount, end_ns)
SELECT u.book, u.id, u.debit_account, u.credit_account, u.amount, u.end_ns
FROM unnest(:book, :id, :debit_account, :credit_account, :amount, :end_ns)
    AS u (book, id, debit_account, credit_account, amount, end_ns);

-- name: hold_end
-- arrays
DELETE FROM farm_ledger_hold AS h USING unnest(:book, :id) AS u (book, id)
WHERE h.book = u.book AND h.id = u.id;

-- name: burnt_add
-- arrays
INSERT INTO farm_ledger_burnt (id, status, created_us)
SELECT u.id, u.status, :now
FROM unnest(:id, :status)
    AS u (id, status)
ON CONFLICT (id) DO NOTHING;
