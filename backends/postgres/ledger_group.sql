-- Where Postgres differs: several writers at once, and many rows in one statement. What two write
-- at once they write in the order of the keys, so that they cannot wait for each other.

-- name: group_read
SELECT g.id, g.parent_id, g.book, g.depth
FROM unnest((SELECT :ids)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_group AS k WHERE k.id = asked.id OFFSET 0) AS g;

-- name: account_there
SELECT a.id, a.book, a.number
FROM unnest((SELECT :ids)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_account AS k WHERE k.id = asked.id OFFSET 0) AS a;

-- name: group_open
-- arrays
-- A group and the one that it stands below come together: the key is asked after all of them.
INSERT INTO farm_ledger_group (book, id, parent_id, depth, parent_depth, created_us)
SELECT u.book, u.id, u.parent_id, u.depth, u.depth - 1, :now
FROM unnest(:book, :id, :parent_id, :depth) AS u (book, id, parent_id, depth)
ORDER BY u.id;

-- name: member_add
-- arrays
INSERT INTO farm_ledger_member (book, group_id, account)
SELECT u.book, u.group_id, u.account
FROM unnest(:book, :group_id, :account) AS u (book, group_id, account)
ORDER BY u.book, u.group_id, u.account
ON CONFLICT (book, group_id, account) DO NOTHING;

-- name: member_remove
-- arrays
WITH wanted AS MATERIALIZED (
    SELECT DISTINCT u.book, u.group_id, u.account
    FROM unnest(:book, :group_id, :account) AS u (book, group_id, account)
    ORDER BY u.book, u.group_id, u.account),
locked AS MATERIALIZED (
    SELECT m.book, m.group_id, m.account
    FROM wanted
    CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_member AS k
                        WHERE k.book = wanted.book AND k.group_id = wanted.group_id
                          AND k.account = wanted.account FOR UPDATE) AS m)
DELETE FROM farm_ledger_member AS m USING locked
WHERE m.book = locked.book AND m.group_id = locked.group_id AND m.account = locked.account;

-- name: group_sum
-- arrays
WITH RECURSIVE asked (place, book, id) AS MATERIALIZED (
    SELECT u.place, g.book, g.id
    FROM unnest((SELECT :id)) WITH ORDINALITY AS u (id, place)
    CROSS JOIN LATERAL (SELECT k.book, k.id FROM farm_ledger_group AS k
                        WHERE k.id = u.id OFFSET 0) AS g),
below (place, book, id) AS (
    SELECT asked.place, asked.book, asked.id FROM asked
    UNION ALL
    SELECT below.place, g.book, g.id
    FROM below
    CROSS JOIN LATERAL (SELECT k.book, k.id FROM farm_ledger_group AS k
                        WHERE k.book = below.book AND k.parent_id = below.id OFFSET 0) AS g),
member AS MATERIALIZED (
    SELECT DISTINCT below.place, m.book, m.account
    FROM below
    CROSS JOIN LATERAL (SELECT k.book, k.account FROM farm_ledger_member AS k
                        WHERE k.book = below.book AND k.group_id = below.id OFFSET 0) AS m)
SELECT asked.place - 1 AS ordinal, asked.book, {sums_of_halves}
FROM asked
LEFT JOIN member ON member.place = asked.place
LEFT JOIN LATERAL (SELECT k.* FROM farm_ledger_balance AS k
                   WHERE k.book = member.book AND k.account = member.account OFFSET 0) AS b ON true
GROUP BY asked.place, asked.book;
