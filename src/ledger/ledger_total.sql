-- What was moved, by when it counts and by code. Of what is in sequence it stands in totals, to
-- which sealing adds; the rest is found by going back from the account's last event.

-- fragment: debits_of_event
e.book, e.debit_account AS account, e.effective_us - e.effective_us % 900000000 AS quarter_us,
           e.code, e.amount AS debits, 0 AS credits;

-- fragment: credits_of_event
e.book, e.credit_account AS account, e.effective_us - e.effective_us % 900000000 AS quarter_us,
           e.code, 0 AS debits, e.amount AS credits;

-- fragment: moved_in_sequence
farm_ledger_sequence AS s
    JOIN farm_ledger_event AS e ON e.book = s.book AND e.timestamp_ns = s.timestamp_ns
        AND e.kind IN (0, 2, 5);

-- fragment: sums_of_sides
book, account, quarter_us, code, CAST(SUM(debits) AS BIGINT) AS debits,
       CAST(SUM(credits) AS BIGINT) AS credits, COUNT(*) AS event_count;

-- name: total_add
-- params: book int, first_sequence int, end_sequence int
INSERT INTO farm_ledger_total (book, account, quarter_us, code, debits, credits, event_count)
SELECT {sums_of_sides}
FROM (
    SELECT {debits_of_event} FROM {moved_in_sequence}
    WHERE s.book = :book AND s.sequence >= :first_sequence AND s.sequence < :end_sequence
    UNION ALL
    SELECT {credits_of_event} FROM {moved_in_sequence}
    WHERE s.book = :book AND s.sequence >= :first_sequence AND s.sequence < :end_sequence) AS side
GROUP BY book, account, quarter_us, code
ON CONFLICT (book, account, quarter_us, code) DO UPDATE
SET debits = farm_ledger_total.debits + excluded.debits,
    credits = farm_ledger_total.credits + excluded.credits,
    event_count = farm_ledger_total.event_count + excluded.event_count;

-- fragment: event_before
CASE WHEN e.debit_account = walk.number THEN e.debit_previous_ns ELSE e.credit_previous_ns END;

-- fragment: walk_of_account
walk (book, number, timestamp_ns) AS (
    SELECT b.book, b.account, b.last_ns
    FROM farm_ledger_account AS a
    JOIN farm_ledger_balance AS b ON b.book = a.book AND b.account = a.number
    WHERE a.id = :id AND b.version > 0 AND NOT EXISTS (
        SELECT 1 FROM farm_ledger_sequence AS s
        WHERE s.book = b.book AND s.timestamp_ns = b.last_ns)
    UNION ALL
    SELECT walk.book, walk.number, {event_before}
    FROM walk
    JOIN farm_ledger_event AS e ON e.book = walk.book AND e.timestamp_ns = walk.timestamp_ns
    WHERE {event_before} <> 0 AND NOT EXISTS (
        SELECT 1 FROM farm_ledger_sequence AS s
        WHERE s.book = walk.book AND s.timestamp_ns = {event_before}));

-- fragment: parts_of_period
SELECT t.code, t.debits, t.credits, t.event_count
    FROM farm_ledger_account AS a
    JOIN farm_ledger_total AS t ON t.book = a.book AND t.account = a.number
    WHERE a.id = :id AND t.quarter_us >= :from_us AND t.quarter_us < :to_us
    UNION ALL
    SELECT e.code, CASE WHEN e.debit_account = walk.number THEN e.amount ELSE 0 END,
           CASE WHEN e.debit_account = walk.number THEN 0 ELSE e.amount END, 1
    FROM walk
    JOIN farm_ledger_event AS e ON e.book = walk.book AND e.timestamp_ns = walk.timestamp_ns
    WHERE e.kind IN (0, 2, 5) AND e.effective_us >= :from_us AND e.effective_us < :to_us;

-- name: period_sum
-- each: id blob, code int, from_us int, to_us int
-- columns: debits int, credits int, event_count int
WITH RECURSIVE {walk_of_account}
SELECT CAST(COALESCE(SUM(part.debits), 0) AS BIGINT) AS debits,
       CAST(COALESCE(SUM(part.credits), 0) AS BIGINT) AS credits,
       CAST(COALESCE(SUM(part.event_count), 0) AS BIGINT) AS event_count
FROM ({parts_of_period}) AS part
WHERE :code = 0 OR part.code = :code;

-- name: period_codes
-- params: id blob, from_us int, to_us int, after_code int, budget int
-- columns: code int, debits int, credits int, event_count int
WITH RECURSIVE {walk_of_account}
SELECT part.code, CAST(SUM(part.debits) AS BIGINT) AS debits,
       CAST(SUM(part.credits) AS BIGINT) AS credits,
       CAST(SUM(part.event_count) AS BIGINT) AS event_count
FROM ({parts_of_period}) AS part
WHERE part.code > :after_code
GROUP BY part.code
ORDER BY part.code LIMIT :budget;

-- name: check_totals
-- params: now int
-- columns: subject text, detail text
-- plan: scan every event is looked at
-- The totals are those of the events in sequence.
WITH reckoned AS (
    SELECT {sums_of_sides}
    FROM (SELECT {debits_of_event} FROM {moved_in_sequence}
          UNION ALL
          SELECT {credits_of_event} FROM {moved_in_sequence}) AS side
    GROUP BY book, account, quarter_us, code)
SELECT CAST(r.book AS TEXT) || '/' || CAST(r.account AS TEXT) AS subject,
       'a total is not that of its events' AS detail
FROM reckoned AS r
LEFT JOIN farm_ledger_total AS t ON t.book = r.book AND t.account = r.account
    AND t.quarter_us = r.quarter_us AND t.code = r.code
WHERE ((t.debits, t.credits, t.event_count) = (r.debits, r.credits, r.event_count)) IS NOT TRUE
UNION ALL
SELECT CAST(t.book AS TEXT) || '/' || CAST(t.account AS TEXT) AS subject,
       'a total is of no event' AS detail
FROM farm_ledger_total AS t
LEFT JOIN reckoned AS r ON t.book = r.book AND t.account = r.account
    AND t.quarter_us = r.quarter_us AND t.code = r.code
WHERE r.book IS NULL;

-- name: total_differ
-- params: book int, budget int
-- columns: account int, id blob, quarter_us int, code int, kept_debits int, kept_credits int
-- columns: kept_count int, debits int, credits int, event_count int
-- plan: scan every event of the book is looked at
-- Zeros: there is none, kept or reckoned.
WITH reckoned AS (
    SELECT {sums_of_sides}
    FROM (SELECT {debits_of_event} FROM {moved_in_sequence} WHERE s.book = :book
          UNION ALL
          SELECT {credits_of_event} FROM {moved_in_sequence} WHERE s.book = :book) AS side
    GROUP BY book, account, quarter_us, code),
compared AS (
    SELECT r.account, r.quarter_us, r.code, COALESCE(t.debits, 0) AS kept_debits,
           COALESCE(t.credits, 0) AS kept_credits, COALESCE(t.event_count, 0) AS kept_count,
           r.debits, r.credits, r.event_count
    FROM reckoned AS r
    LEFT JOIN farm_ledger_total AS t ON t.book = r.book AND t.account = r.account
        AND t.quarter_us = r.quarter_us AND t.code = r.code
    UNION ALL
    SELECT t.account, t.quarter_us, t.code, t.debits, t.credits, t.event_count, 0, 0, 0
    FROM farm_ledger_total AS t
    LEFT JOIN reckoned AS r ON t.book = r.book AND t.account = r.account
        AND t.quarter_us = r.quarter_us AND t.code = r.code
    WHERE t.book = :book AND r.book IS NULL)
SELECT c.account, a.id, c.quarter_us, c.code, c.kept_debits, c.kept_credits, c.kept_count,
       c.debits, c.credits, c.event_count
FROM compared AS c
JOIN farm_ledger_account AS a ON a.book = :book AND a.number = c.account
WHERE (c.kept_debits, c.kept_credits, c.kept_count) <> (c.debits, c.credits, c.event_count)
ORDER BY c.account, c.quarter_us, c.code LIMIT :budget;

-- name: total_repair
-- params: book int
-- each: account int, quarter_us int, code int, debits int, credits int, event_count int
DELETE FROM farm_ledger_total
WHERE book = :book AND account = :account AND quarter_us = :quarter_us AND code = :code;
INSERT INTO farm_ledger_total (book, account, quarter_us, code, debits, credits, event_count)
SELECT :book, :account, :quarter_us, :code, :debits, :credits, :event_count
WHERE :event_count > 0;
