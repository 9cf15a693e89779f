-- One transfer in one round trip: what nearly every transfer is, a movement between two accounts
-- that are open and have enough. Whatever else it may be, nothing is written, and the rules decide.

-- fragment: it_is_simple
-- Each look for a hold stays one of its account: as NOT EXISTS it may become one of all the book's.
d.is_closed = 0 AND c.is_closed = 0
  AND d.last_ns < at.timestamp_ns AND c.last_ns < at.timestamp_ns
  AND :amount <= 9223372036854775807 - d.debits_pending - d.debits_posted
  AND :amount <= 9223372036854775807 - c.credits_pending - c.credits_posted
  AND ((d.flags & 2) = 0
       OR d.debits_pending + d.debits_posted + :amount - d.credits_posted <= d.credit_limit)
  AND ((c.flags & 4) = 0 OR c.credits_pending + c.credits_posted + :amount <= c.debits_posted)
  AND (SELECT k.closed_through_us FROM farm_ledger_book AS k WHERE k.book = :book) < at.effective_us
  AND (SELECT h.end_ns FROM farm_ledger_hold AS h
       WHERE h.book = :book AND h.debit_account = d.account AND h.end_ns <= :now_ns
       LIMIT 1) IS NULL
  AND (SELECT h.end_ns FROM farm_ledger_hold AS h
       WHERE h.book = :book AND h.credit_account = d.account AND h.end_ns <= :now_ns
       LIMIT 1) IS NULL
  AND (SELECT h.end_ns FROM farm_ledger_hold AS h
       WHERE h.book = :book AND h.debit_account = c.account AND h.end_ns <= :now_ns
       LIMIT 1) IS NULL
  AND (SELECT h.end_ns FROM farm_ledger_hold AS h
       WHERE h.book = :book AND h.credit_account = c.account AND h.end_ns <= :now_ns
       LIMIT 1) IS NULL
  AND NOT EXISTS (SELECT 1 FROM farm_ledger_burnt AS b WHERE b.id = :id);

-- fragment: event_columns
book, timestamp_ns, kind, id, debit_account, credit_account, amount, pending_id, timeout_us,
    code, flags, user_data_128, user_data_64, user_data_32, effective_us, debit_previous_ns,
    credit_previous_ns, debit_version, debit_debits_pending, debit_debits_posted,
    debit_credits_pending, debit_credits_posted, credit_version, credit_debits_pending,
    credit_debits_posted, credit_credits_pending, credit_credits_posted;

-- fragment: event_of
d.book, at.timestamp_ns, 0, :id, d.account, c.account, :amount, NULL, 0, :code, 0,
    :user_data_128, :user_data_64, :user_data_32, at.effective_us,
    CASE WHEN d.version = 0 THEN 0 ELSE d.last_ns END,
    CASE WHEN c.version = 0 THEN 0 ELSE c.last_ns END,
    d.version + 1, d.debits_pending, d.debits_posted + :amount, d.credits_pending,
    d.credits_posted, c.version + 1, c.debits_pending, c.debits_posted, c.credits_pending,
    c.credits_posted + :amount;

-- fragment: event_outcome
timestamp_ns, debit_debits_pending, debit_debits_posted, debit_credits_pending,
    debit_credits_posted, credit_debits_pending, credit_debits_posted, credit_credits_pending,
    credit_credits_posted;

-- name: transfer_add
-- params: book int, timestamp_ns int, now_ns int, id blob, debit_account blob
-- params: credit_account blob, amount int, code int, user_data_128 blob?, user_data_64 int
-- params: user_data_32 int, effective_us int, timestamp_us int
-- columns: timestamp_ns int, debit_debits_pending int, debit_debits_posted int
-- columns: debit_credits_pending int, debit_credits_posted int, credit_debits_pending int
-- columns: credit_debits_posted int, credit_credits_pending int, credit_credits_posted int
-- A hold that has run out has to end first; an id that is there is another's, or this is a repeat.
INSERT INTO farm_ledger_event ({event_columns})
SELECT {event_of}
FROM farm_ledger_account AS debit
JOIN farm_ledger_balance AS d ON d.book = debit.book AND d.account = debit.number
JOIN farm_ledger_account AS credit ON credit.id = :credit_account AND credit.book = debit.book
JOIN farm_ledger_balance AS c ON c.book = credit.book AND c.account = credit.number
CROSS JOIN (SELECT :timestamp_ns AS timestamp_ns,
                   CASE WHEN :effective_us = 0 THEN :timestamp_us ELSE :effective_us END
                       AS effective_us) AS at
WHERE debit.id = :debit_account AND debit.book = :book AND {it_is_simple}
  AND (SELECT k.sealed_ns FROM farm_ledger_book AS k WHERE k.book = :book) < at.timestamp_ns
ON CONFLICT DO NOTHING
RETURNING {event_outcome};

-- name: balances_follow
-- params: id blob
-- What the event says that has just been added, and of one that was there before nothing.
UPDATE farm_ledger_balance AS b
SET version = e.debit_version, last_ns = e.timestamp_ns, debits_posted = e.debit_debits_posted
FROM farm_ledger_event AS e
WHERE e.id = :id AND b.book = e.book AND b.account = e.debit_account
  AND b.version = e.debit_version - 1;
UPDATE farm_ledger_balance AS b
SET version = e.credit_version, last_ns = e.timestamp_ns, credits_posted = e.credit_credits_posted
FROM farm_ledger_event AS e
WHERE e.id = :id AND b.book = e.book AND b.account = e.credit_account
  AND b.version = e.credit_version - 1;
