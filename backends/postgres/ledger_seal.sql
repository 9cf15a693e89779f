-- Where Postgres differs: several writers at once, and many rows in one statement.

-- name: seal_lock
SELECT number FROM farm_ledger_seal WHERE book = :book ORDER BY number DESC LIMIT 1 FOR UPDATE;

-- name: sequence_add
-- arrays
INSERT INTO farm_ledger_sequence (book, sequence, timestamp_ns)
SELECT :book, u.sequence, u.timestamp_ns
FROM unnest(:sequence, :timestamp_ns) AS u (sequence, timestamp_ns);

-- name: unsealed_read
-- In the order of their timestamps. An account's events are committed in that order, as each was
-- made under the lock of the account: so the one before an event is sealed or among these.
SELECT {what_is_sealed}
FROM farm_ledger_unsealed AS u
JOIN farm_ledger_event AS e ON e.book = u.book AND e.timestamp_ns = u.timestamp_ns
JOIN farm_ledger_account AS d ON d.book = e.book AND d.number = e.debit_account
JOIN farm_ledger_account AS c ON c.book = e.book AND c.number = e.credit_account
WHERE u.book = :book
ORDER BY u.timestamp_ns LIMIT :budget;

-- name: unsealed_end
DELETE FROM farm_ledger_unsealed AS u USING farm_ledger_sequence AS s
WHERE s.book = :book AND s.sequence >= :first_sequence AND s.sequence < :end_sequence
  AND u.book = s.book AND u.timestamp_ns = s.timestamp_ns;

-- name: check_sequence
SELECT CAST(e.book AS TEXT) || '/' || CAST(e.timestamp_ns AS TEXT) AS subject,
       CASE WHEN s.sequence IS NULL THEN 'it is in no sequence and does not wait for one'
            ELSE 'it is in sequence and waits for it' END AS detail
FROM farm_ledger_event AS e
LEFT JOIN farm_ledger_sequence AS s ON s.book = e.book AND s.timestamp_ns = e.timestamp_ns
LEFT JOIN farm_ledger_unsealed AS u ON u.book = e.book AND u.timestamp_ns = e.timestamp_ns
WHERE (s.sequence IS NULL) = (u.timestamp_ns IS NULL)
UNION ALL
{out_of_order};
