-- Incentive programs and nominations. A time that is over is over by itself: 9223372036854775807
-- stands for never, and of a nomination for as long as the program.

-- name: program_open
-- params: now int
-- each: book int, id blob, name text, from_us int, until_us int, nominations_max int
-- each: user_data_128 blob?
-- columns: book int, name text, from_us int, opened_until_us int, nominations_max int
-- columns: user_data_128 blob?
-- on: foreign = ENOTFOUND FARM_LEDGER_REASON_BOOK_UNKNOWN
-- Answers what is there then.
INSERT INTO farm_ledger_program (book, id, name, from_us, until_us, opened_until_us,
    nominations_max, user_data_128, created_us)
VALUES (:book, :id, :name, :from_us, :until_us, :until_us, :nominations_max, :user_data_128, :now)
ON CONFLICT (id) DO NOTHING;
SELECT book, name, from_us, opened_until_us, nominations_max, user_data_128
FROM farm_ledger_program WHERE id = :id;

-- fragment: end_asked
CASE WHEN :until_us < from_us AND :now < from_us THEN from_us
                WHEN :until_us < :now THEN :now ELSE :until_us END;

-- name: program_end
-- params: id blob, until_us int, now int
-- columns: until_us int
-- A time that has passed ends it now, or before it begins.
UPDATE farm_ledger_program SET until_us = {end_asked}
WHERE id = :id AND until_us > {end_asked};
SELECT until_us FROM farm_ledger_program WHERE id = :id;

-- name: program_lock
-- params: ids blob[]
-- columns: book int
-- Who nominates for a program has it for himself.
SELECT p.book FROM farm_ledger_program AS p WHERE p.id IN (:ids) ORDER BY p.book, p.id;

-- fragment: program_row
p.book, p.id, p.name, p.from_us, p.until_us, p.opened_until_us, p.nominations_max,
       p.user_data_128,
       CASE WHEN p.until_us <= :now THEN 0 ELSE (
           SELECT COUNT(*) FROM farm_ledger_nomination AS n
           WHERE n.book = p.book AND n.program = p.id AND n.until_us > :now) END
           AS nomination_count;

-- name: program_read
-- params: ids blob[], now int
-- columns: book int, id blob, name text, from_us int, until_us int, opened_until_us int
-- columns: nominations_max int, user_data_128 blob?, nomination_count int
SELECT {program_row}
FROM farm_ledger_program AS p WHERE p.id IN (:ids);

-- name: nomination_last
-- each: program blob, subject text
-- columns: number int, account_id blob?, nominated_by text, from_us int, until_us int
-- columns: given_until_us int, withdrawn_by text?, user_data_128 blob?
-- Of the subject's nominations in the program: one behind it is the next.
SELECT n.number, a.id AS account_id, n.nominated_by, n.from_us, n.until_us, n.given_until_us,
       n.withdrawn_by, n.user_data_128
FROM farm_ledger_program AS p
JOIN farm_ledger_nomination AS n
    ON n.book = p.book AND n.program = p.id AND n.subject = :subject
LEFT JOIN farm_ledger_account AS a ON a.book = n.book AND a.number = n.account
WHERE p.id = :program
ORDER BY n.number DESC LIMIT 1;

-- name: nominee_read
-- params: ids blob[]
-- columns: id blob, book int, number int
SELECT a.id, a.book, a.number FROM farm_ledger_account AS a WHERE a.id IN (:ids);

-- name: nomination_add
-- each: book int, subject text, program blob, number int, account int?, nominated_by text
-- each: from_us int, until_us int, user_data_128 blob?
-- on: unique = EAGAIN
INSERT INTO farm_ledger_nomination (book, subject, program, number, account, nominated_by, from_us,
    until_us, given_until_us, user_data_128)
VALUES (:book, :subject, :program, :number, :account, :nominated_by, :from_us, :until_us,
    :until_us, :user_data_128);

-- name: nomination_withdraw
-- each: book int, subject text, program blob, number int, until_us int, withdrawn_by text
-- expect: 1                       a miss: it is no longer what was decided by
-- on: guard = EAGAIN
UPDATE farm_ledger_nomination SET until_us = :until_us, withdrawn_by = :withdrawn_by
WHERE book = :book AND subject = :subject AND program = :program AND number = :number
  AND withdrawn_by IS NULL AND until_us > :until_us;

-- fragment: end_of_both
CASE WHEN n.until_us < p.until_us THEN n.until_us ELSE p.until_us END;

-- fragment: both_run
p.from_us <= :at_us AND p.until_us > :at_us AND n.from_us <= :at_us AND n.until_us > :at_us;

-- fragment: nomination_row
n.program, n.book, n.subject, n.number, a.id AS account_id, n.nominated_by, n.from_us,
       {end_of_both} AS until_us,
       n.withdrawn_by, n.user_data_128;

-- name: nomination_list
-- params: program blob, at_us int, after_subject text, budget int
-- columns: program blob, book int, subject text, number int, account_id blob?, nominated_by text
-- columns: from_us int, until_us int, withdrawn_by text?, user_data_128 blob?
SELECT {nomination_row}
FROM farm_ledger_program AS p
JOIN farm_ledger_nomination AS n ON n.book = p.book AND n.program = p.id
LEFT JOIN farm_ledger_account AS a ON a.book = n.book AND a.number = n.account
WHERE p.id = :program AND n.subject > :after_subject AND {both_run}
ORDER BY n.subject LIMIT :budget;

-- name: nomination_history
-- params: book int, subject text, after_program blob, after_number int, budget int
-- rows: nomination_list
SELECT {nomination_row}
FROM farm_ledger_nomination AS n
JOIN farm_ledger_program AS p ON p.book = n.book AND p.id = n.program
LEFT JOIN farm_ledger_account AS a ON a.book = n.book AND a.number = n.account
WHERE n.book = :book AND n.subject = :subject
  AND (n.program, n.number) > (:after_program, :after_number)
ORDER BY n.program, n.number LIMIT :budget;

-- name: nominated_find
-- params: program blob, at_us int
-- each: id blob
-- columns: until_us int
-- Of several nominations the one that lasts longest.
SELECT {end_of_both} AS until_us
FROM farm_ledger_account AS a
JOIN farm_ledger_program AS p ON p.book = a.book AND p.id = :program
JOIN farm_ledger_nomination AS n
    ON n.book = p.book AND n.program = p.id AND n.account = a.number
WHERE a.id = :id AND {both_run}
ORDER BY 1 DESC LIMIT 1;

-- name: check_nominations
-- params: now int
-- columns: subject text, detail text
-- plan: scan every nomination is looked at
-- Each is within its program, and a subject's come one after the other.
SELECT CAST(n.book AS TEXT) || '/' || n.subject AS subject,
       'a nomination is not within its program' AS detail
FROM farm_ledger_nomination AS n
LEFT JOIN farm_ledger_program AS p ON p.book = n.book AND p.id = n.program
WHERE (n.from_us < p.opened_until_us
       AND (n.given_until_us <= p.opened_until_us OR n.given_until_us = 9223372036854775807))
      IS NOT TRUE
UNION ALL
SELECT CAST(n.book AS TEXT) || '/' || n.subject AS subject,
       'a nomination ends before it begins' AS detail
FROM farm_ledger_nomination AS n WHERE n.until_us < n.from_us
UNION ALL
SELECT CAST(n.book AS TEXT) || '/' || n.subject AS subject,
       'a nomination begins before the one before it has ended' AS detail
FROM farm_ledger_nomination AS n
LEFT JOIN farm_ledger_nomination AS b ON b.book = n.book AND b.subject = n.subject
    AND b.program = n.program AND b.number = n.number - 1
WHERE (n.number = 1 OR b.until_us <= n.from_us) IS NOT TRUE;

-- name: check_programs
-- params: now int
-- columns: subject text, detail text
-- plan: scan every nomination is looked at
-- At no time more were nominated than the program allows.
WITH steps (book, program, at_us, step) AS (
    SELECT book, program, from_us, 1 FROM farm_ledger_nomination WHERE until_us > from_us
    UNION ALL
    SELECT book, program, until_us, -1 FROM farm_ledger_nomination WHERE until_us > from_us),
running (book, program, total) AS (
    SELECT book, program,
           SUM(step) OVER (PARTITION BY book, program ORDER BY at_us, step
                           ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    FROM steps)
SELECT CAST(p.book AS TEXT) || '/' || p.name AS subject,
       'more were nominated than the program allows' AS detail
FROM farm_ledger_program AS p
WHERE p.nominations_max > 0 AND p.nominations_max < (
    SELECT MAX(r.total) FROM running AS r WHERE r.book = p.book AND r.program = p.id);
