-- Where Postgres differs: several writers at once.

-- name: transfer_add
-- Locked one by one in the order of the keys, as a batch does, so that neither waits for the other.
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
                        WHERE k.book = named.book AND k.account = named.number FOR UPDATE) AS b)
INSERT INTO farm_ledger_event ({event_columns})
SELECT {event_of}
FROM locked AS d CROSS JOIN locked AS c
WHERE d.side = 0 AND c.side = 1 AND {it_is_simple}
ON CONFLICT DO NOTHING
RETURNING debit_debits_pending, debit_debits_posted, debit_credits_pending, debit_credits_posted,
    credit_debits_pending, credit_debits_posted, credit_credits_pending, credit_credits_posted;

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
