-- Where Postgres differs: several writers at once.

-- name: transfer_add
-- Locked one by one in the order of the keys, as a batch does, so that neither waits for the other.
-- The timestamp is taken under the locks, later than both accounts as ledger_next_ns() does it, so
-- that who has waited for another comes after him.
WITH named AS MATERIALIZED (
    SELECT a.book, a.number, asked.side
    FROM (VALUES (0, :debit_account), (1, :credit_account)) AS asked (side, id)
    CROSS JOIN LATERAL (SELECT k.book, k.number FROM farm_ledger_account AS k
                        WHERE k.id = asked.id OFFSET 0) AS a
    WHERE a.book = :book ORDER BY a.number),
locked AS MATERIALIZED (
    SELECT named.side, b.*
    FROM named
    CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_balance AS k
                        WHERE k.book = named.book AND k.account = named.number FOR UPDATE) AS b),
latest AS (
    SELECT CASE WHEN MAX(last_ns) < :timestamp_ns THEN :timestamp_ns
                ELSE MAX(last_ns) / 1024 * 1024 + 1024 + :timestamp_ns % 1024 END AS timestamp_ns
    FROM locked),
at AS (
    SELECT timestamp_ns, CASE WHEN :effective_us <> 0 THEN :effective_us
                              WHEN timestamp_ns = :timestamp_ns THEN :timestamp_us
                              ELSE timestamp_ns / 1000 END AS effective_us
    FROM latest)
INSERT INTO farm_ledger_event ({event_columns})
SELECT {event_of}
FROM locked AS d CROSS JOIN locked AS c CROSS JOIN at
WHERE d.side = 0 AND c.side = 1 AND {it_is_simple}
ON CONFLICT DO NOTHING
RETURNING {event_outcome};

-- name: balances_follow
UPDATE farm_ledger_balance AS b
SET version = side.version, last_ns = e.timestamp_ns, debits_posted = side.debits_posted,
    credits_posted = side.credits_posted
FROM farm_ledger_event AS e
CROSS JOIN LATERAL (
    VALUES (e.debit_account, e.debit_version, e.debit_debits_posted, e.debit_credits_posted),
           (e.credit_account, e.credit_version, e.credit_debits_posted, e.credit_credits_posted))
    AS side (account, version, debits_posted, credits_posted)
WHERE e.id = :id AND b.book = e.book AND b.account = side.account AND b.version = side.version - 1;
