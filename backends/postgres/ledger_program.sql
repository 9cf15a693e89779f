-- Where Postgres differs: several writers at once, and many rows in one statement.

-- name: program_lock
-- Locked in the order of the keys, so that two who nominate cannot wait for each other. What is
-- read of the programs and of their nominations is read behind this.
SELECT p.book FROM farm_ledger_program AS p WHERE p.id IN (:ids)
ORDER BY p.book, p.id FOR NO KEY UPDATE;

-- name: program_read
SELECT {program_row}
FROM unnest((SELECT :ids)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_program AS k WHERE k.id = asked.id OFFSET 0) AS p;

-- name: nomination_last
-- arrays
SELECT asked.place - 1 AS ordinal, n.number, a.id AS account_id, n.nominated_by, n.from_us,
       n.until_us, n.given_until_us, n.withdrawn_by, n.user_data_128
FROM unnest((SELECT :program), (SELECT :subject)) WITH ORDINALITY AS asked (program, subject, place)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_program AS k WHERE k.id = asked.program OFFSET 0)
    AS p
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_nomination AS k
                    WHERE k.book = p.book AND k.program = p.id AND k.subject = asked.subject
                    ORDER BY k.number DESC LIMIT 1) AS n
LEFT JOIN LATERAL (SELECT k.id FROM farm_ledger_account AS k
                   WHERE k.book = n.book AND k.number = n.account OFFSET 0) AS a ON true;

-- name: nominee_read
SELECT a.id, a.book, a.number
FROM unnest((SELECT :ids)) AS asked (id)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_account AS k WHERE k.id = asked.id OFFSET 0) AS a;

-- name: nomination_add
-- arrays
INSERT INTO farm_ledger_nomination (book, subject, program, number, account, nominated_by, from_us,
    until_us, given_until_us, user_data_128)
SELECT u.book, u.subject, u.program, u.number, u.account, u.nominated_by, u.from_us, u.until_us,
       u.until_us, u.user_data_128
FROM unnest(:book, :subject, :program, :number, :account, :nominated_by, :from_us, :until_us,
            :user_data_128)
    AS u (book, subject, program, number, account, nominated_by, from_us, until_us, user_data_128);

-- name: nominated_find
-- arrays
SELECT asked.place - 1 AS ordinal, found.until_us
FROM unnest((SELECT :id)) WITH ORDINALITY AS asked (id, place)
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_account AS k WHERE k.id = asked.id OFFSET 0) AS a
CROSS JOIN LATERAL (SELECT k.* FROM farm_ledger_program AS k
                    WHERE k.book = a.book AND k.id = :program OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT {end_of_both} AS until_us
                    FROM farm_ledger_nomination AS n
                    WHERE n.book = p.book AND n.program = p.id AND n.account = a.number
                      AND {both_run}
                    ORDER BY 1 DESC LIMIT 1) AS found;
