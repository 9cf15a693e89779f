-- For whom books and accounts are kept: account 0 is the book itself.

-- name: owner_place
-- each: book int, id blob?
-- columns: book int, account int
-- What is to be assigned, if it is there.
SELECT k.book, CAST(0 AS BIGINT) AS account FROM farm_ledger_book AS k
WHERE :id IS NULL AND k.book = :book
UNION ALL
SELECT a.book, a.number FROM farm_ledger_account AS a
WHERE a.id = :id AND (:book = 0 OR a.book = :book);

-- name: owner_put
-- each: book int, account int, entity text?
-- Nobody is no row.
DELETE FROM farm_ledger_owner WHERE :entity IS NULL AND book = :book AND account = :account;
INSERT INTO farm_ledger_owner AS o (book, account, entity)
SELECT :book, :account, :entity WHERE :entity IS NOT NULL
ON CONFLICT (book, account) DO UPDATE SET entity = excluded.entity
WHERE o.entity <> excluded.entity;

-- name: owner_find
-- each: id blob
-- columns: book int, entity text?, book_entity text?
SELECT a.book, o.entity, k.entity AS book_entity
FROM farm_ledger_account AS a
LEFT JOIN farm_ledger_owner AS o ON o.book = a.book AND o.account = a.number
LEFT JOIN farm_ledger_owner AS k ON k.book = a.book AND k.account = 0
WHERE a.id = :id;

-- name: owner_read
-- params: book int, id blob?
-- columns: entity text
-- Whose roles count: of an account also those for its book.
SELECT o.entity FROM farm_ledger_owner AS o
WHERE :id IS NULL AND o.book = :book AND o.account = 0
UNION ALL
SELECT o.entity
FROM farm_ledger_account AS a
JOIN farm_ledger_owner AS o ON o.book = a.book AND o.account IN (0, a.number)
WHERE a.id = :id;

-- name: owner_of_transfer
-- each: id blob
-- columns: entity text
-- Of the account that was credited, and would give back.
SELECT o.entity
FROM farm_ledger_event AS e
JOIN farm_ledger_owner AS o ON o.book = e.book AND o.account IN (0, e.credit_account)
WHERE e.id = :id;
