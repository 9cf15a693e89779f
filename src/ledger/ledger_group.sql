-- Groups of accounts. Groups and accounts stay for ever as they were opened: so what was read of
-- them is right until the keys below decide.

-- name: group_read
-- params: ids blob[]
-- columns: id blob, parent_id blob?, book int, depth int
SELECT g.id, g.parent_id, g.book, g.depth FROM farm_ledger_group AS g WHERE g.id IN (:ids);

-- name: book_there
-- params: books int[]
-- columns: book int
SELECT b.book FROM farm_ledger_book AS b WHERE b.book IN (:books) ORDER BY b.book;

-- name: account_there
-- params: ids blob[]
-- columns: id blob, book int, number int
SELECT a.id, a.book, a.number FROM farm_ledger_account AS a WHERE a.id IN (:ids);

-- name: group_open
-- params: now int
-- each: book int, id blob, parent_id blob?, depth int
-- on: unique = EAGAIN
INSERT INTO farm_ledger_group (book, id, parent_id, depth, parent_depth, created_us)
VALUES (:book, :id, :parent_id, :depth, :depth - 1, :now);

-- name: member_add
-- each: book int, group_id blob, account int
INSERT INTO farm_ledger_member (book, group_id, account) VALUES (:book, :group_id, :account)
ON CONFLICT (book, group_id, account) DO NOTHING;

-- name: member_remove
-- like: member_add
DELETE FROM farm_ledger_member
WHERE book = :book AND group_id = :group_id AND account = :account;

-- Sums of halves, which fit whatever the balances are; the halves are put together and seen to fit
-- afterwards. The sum of the wholes would be an error of the store's, which names no group.

-- fragment: sums_of_halves
COUNT(b.account) AS account_count,
       CAST(COALESCE(SUM(b.debits_pending >> 32), 0) AS BIGINT) AS debits_pending_high,
       CAST(COALESCE(SUM(b.debits_pending & 4294967295), 0) AS BIGINT) AS debits_pending_low,
       CAST(COALESCE(SUM(b.debits_posted >> 32), 0) AS BIGINT) AS debits_posted_high,
       CAST(COALESCE(SUM(b.debits_posted & 4294967295), 0) AS BIGINT) AS debits_posted_low,
       CAST(COALESCE(SUM(b.credits_pending >> 32), 0) AS BIGINT) AS credits_pending_high,
       CAST(COALESCE(SUM(b.credits_pending & 4294967295), 0) AS BIGINT) AS credits_pending_low,
       CAST(COALESCE(SUM(b.credits_posted >> 32), 0) AS BIGINT) AS credits_posted_high,
       CAST(COALESCE(SUM(b.credits_posted & 4294967295), 0) AS BIGINT) AS credits_posted_low;

-- name: group_sum
-- each: id blob
-- columns: book int, account_count int, debits_pending_high int, debits_pending_low int
-- columns: debits_posted_high int, debits_posted_low int, credits_pending_high int
-- columns: credits_pending_low int, credits_posted_high int, credits_posted_low int
-- Down the tree, level by level, and each account once.
WITH RECURSIVE below (book, id) AS (
    SELECT g.book, g.id FROM farm_ledger_group AS g WHERE g.id = :id
    UNION ALL
    SELECT g.book, g.id
    FROM below
    JOIN farm_ledger_group AS g ON g.book = below.book AND g.parent_id = below.id)
SELECT g.book, {sums_of_halves}
FROM farm_ledger_group AS g
LEFT JOIN (
    SELECT DISTINCT m.book, m.account
    FROM below
    JOIN farm_ledger_member AS m ON m.book = below.book AND m.group_id = below.id) AS member
    ON member.book = g.book
LEFT JOIN farm_ledger_balance AS b ON b.book = member.book AND b.account = member.account
WHERE g.id = :id
GROUP BY g.book;

-- name: check_groups
-- params: now int
-- columns: subject text, detail text
-- plan: scan every group and member is looked at
-- What the keys say, for whoever writes past them.
SELECT CAST(g.book AS TEXT) || '/' || CAST(g.depth AS TEXT) AS subject,
       'a group is not below the one that it names' AS detail
FROM farm_ledger_group AS g
LEFT JOIN farm_ledger_group AS parent ON parent.book = g.book AND parent.id = g.parent_id
WHERE CASE WHEN g.parent_id IS NULL THEN g.depth <> 1
           ELSE (parent.depth = g.depth - 1) IS NOT TRUE END
UNION ALL
SELECT CAST(m.book AS TEXT) || '/' || CAST(m.account AS TEXT) AS subject,
       'a member is in no group or is no account' AS detail
FROM farm_ledger_member AS m
LEFT JOIN farm_ledger_group AS g ON g.book = m.book AND g.id = m.group_id
LEFT JOIN farm_ledger_account AS a ON a.book = m.book AND a.number = m.account
WHERE g.id IS NULL OR a.id IS NULL;
