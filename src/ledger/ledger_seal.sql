-- Events are put in sequence and sealed, and a book is followed by that sequence.

-- name: seal_lock
-- params: book int
-- columns: number int
-- Two who seal a book at once: on Postgres the second waits, see there; of the first seal, which is
-- not there to be locked, the key is what decides.
SELECT number FROM farm_ledger_seal WHERE book = :book ORDER BY number DESC LIMIT 1;

-- name: seal_read
-- params: book int, after_number int, budget int
-- columns: number int, first_sequence int, event_count int, previous_hash blob, hash blob
-- columns: sealed_us int
SELECT number, first_sequence, event_count, previous_hash, hash, sealed_us
FROM farm_ledger_seal WHERE book = :book AND number > :after_number
ORDER BY number LIMIT :budget;

-- name: seal_last
-- params: book int
-- rows: seal_read
SELECT number, first_sequence, event_count, previous_hash, hash, sealed_us
FROM farm_ledger_seal WHERE book = :book ORDER BY number DESC LIMIT 1;

-- fragment: what_is_sealed
e.timestamp_ns, e.kind, e.id, d.id AS debit_account, c.id AS credit_account, e.amount,
       e.pending_id, e.reversed_id, e.timeout_us, e.code, e.flags, e.user_data_128,
       e.user_data_64, e.user_data_32, e.effective_us;

-- name: unsealed_read
-- params: book int, budget int
-- columns: timestamp_ns int, kind int, id blob?, debit_account blob, credit_account blob
-- columns: amount int, pending_id blob?, reversed_id blob?, timeout_us int, code int, flags int
-- columns: user_data_128 blob?, user_data_64 int, user_data_32 int, effective_us int
-- There is one writer, and what he posts is later than what is sealed.
SELECT {what_is_sealed}
FROM farm_ledger_event AS e
JOIN farm_ledger_account AS d ON d.book = e.book AND d.number = e.debit_account
JOIN farm_ledger_account AS c ON c.book = e.book AND c.number = e.credit_account
WHERE e.book = :book
  AND e.timestamp_ns > (SELECT k.sealed_ns FROM farm_ledger_book AS k WHERE k.book = :book)
ORDER BY e.timestamp_ns LIMIT :budget;

-- name: sealed_read
-- params: book int, first_sequence int, end_sequence int
-- rows: unsealed_read
-- What one seal is of.
SELECT {what_is_sealed}
FROM farm_ledger_sequence AS s
JOIN farm_ledger_event AS e ON e.book = s.book AND e.timestamp_ns = s.timestamp_ns
JOIN farm_ledger_account AS d ON d.book = e.book AND d.number = e.debit_account
JOIN farm_ledger_account AS c ON c.book = e.book AND c.number = e.credit_account
WHERE s.book = :book AND s.sequence >= :first_sequence AND s.sequence < :end_sequence
ORDER BY s.sequence;

-- name: sequence_add
-- params: book int
-- each: sequence int, timestamp_ns int
-- on: unique = EAGAIN
INSERT INTO farm_ledger_sequence (book, sequence, timestamp_ns)
VALUES (:book, :sequence, :timestamp_ns);

-- name: seal_add
-- params: book int, number int, first_sequence int, event_count int, previous_hash blob, hash blob
-- params: now int
-- on: unique = EAGAIN
INSERT INTO farm_ledger_seal (book, number, first_sequence, event_count, previous_hash, hash,
    sealed_us)
VALUES (:book, :number, :first_sequence, :event_count, :previous_hash, :hash, :now);

-- name: unsealed_end
-- params: book int, first_sequence int, end_sequence int
-- What is in sequence now waits no more.
UPDATE farm_ledger_book
SET sealed_ns = (SELECT MAX(s.timestamp_ns) FROM farm_ledger_sequence AS s
                 WHERE s.book = :book AND s.sequence >= :first_sequence
                   AND s.sequence < :end_sequence)
WHERE book = :book;

-- fragment: out_of_order
SELECT CAST(e.book AS TEXT) || '/' || CAST(e.timestamp_ns AS TEXT) AS subject,
       'it is in sequence before the event that it comes after' AS detail
FROM farm_ledger_sequence AS s
JOIN farm_ledger_event AS e ON e.book = s.book AND e.timestamp_ns = s.timestamp_ns
LEFT JOIN farm_ledger_sequence AS d
    ON d.book = e.book AND d.timestamp_ns = e.debit_previous_ns
LEFT JOIN farm_ledger_sequence AS c
    ON c.book = e.book AND c.timestamp_ns = e.credit_previous_ns
WHERE (e.debit_previous_ns = 0 OR d.sequence < s.sequence) IS NOT TRUE
   OR (e.credit_previous_ns = 0 OR c.sequence < s.sequence) IS NOT TRUE;

-- name: check_sequence
-- params: now int
-- columns: subject text, detail text
-- plan: scan every event is looked at
-- Each event is in sequence, or waits for it; and behind the events that it comes after.
SELECT CAST(e.book AS TEXT) || '/' || CAST(e.timestamp_ns AS TEXT) AS subject,
       CASE WHEN s.sequence IS NULL THEN 'it is in no sequence and does not wait for one'
            ELSE 'it is in sequence and waits for it' END AS detail
FROM farm_ledger_event AS e
JOIN farm_ledger_book AS k ON k.book = e.book
LEFT JOIN farm_ledger_sequence AS s ON s.book = e.book AND s.timestamp_ns = e.timestamp_ns
WHERE (s.sequence IS NULL) <> (e.timestamp_ns > k.sealed_ns)
UNION ALL
{out_of_order};

-- name: check_seals
-- params: now int
-- columns: subject text, detail text
-- plan: scan every seal is looked at
-- The seals are of all that is in sequence, one after the other. Whether their hashes are those of
-- the events is for farm_ledger_verify_seals().
SELECT CAST(k.book AS TEXT) AS subject, 'its seals are not of all that is in sequence' AS detail
FROM farm_ledger_book AS k
LEFT JOIN (SELECT book, CAST(SUM(event_count) AS BIGINT) AS total,
                  MAX(first_sequence + event_count - 1) AS last
           FROM farm_ledger_seal GROUP BY book) AS seals ON seals.book = k.book
LEFT JOIN (SELECT book, COUNT(*) AS total, MAX(sequence) AS last
           FROM farm_ledger_sequence GROUP BY book) AS there ON there.book = k.book
WHERE COALESCE(seals.total, 0) <> COALESCE(there.total, 0)
   OR COALESCE(seals.last, 0) <> COALESCE(there.last, 0)
   OR COALESCE(there.last, 0) <> COALESCE(there.total, 0)
UNION ALL
SELECT CAST(s.book AS TEXT) || '/' || CAST(s.number AS TEXT) AS subject,
       'a seal does not begin where the one before it ended' AS detail
FROM farm_ledger_seal AS s
LEFT JOIN farm_ledger_seal AS p ON p.book = s.book AND p.number = s.number - 1
WHERE (s.number = 1 AND s.first_sequence = 1
       OR p.first_sequence + p.event_count = s.first_sequence AND p.hash = s.previous_hash)
      IS NOT TRUE;
