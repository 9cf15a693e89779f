-- The statements of idempotency keys. A key is taken by one guarded upsert, so that two callers can
-- never both execute; everything after it proves by the token that the key is still the caller's.

-- name: key_claim
-- params: owner text, key text, fingerprint blob, token blob, now int, locked_until int
-- params: expires int, nothing blob
-- Takes a key that is new, was given up, whose claim ran out, or which nobody need remember. Only
-- the last may be taken for another request, and begins again at step 0.
INSERT INTO farm_idempotency AS held
    (owner, key, fingerprint, token, state, locked_until_us, step, code, data, created_us,
     expires_us)
VALUES (:owner, :key, :fingerprint, :token, 1, :locked_until, 0, NULL, :nothing, :now, :expires)
ON CONFLICT (owner, key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    token = excluded.token,
    state = excluded.state,
    locked_until_us = excluded.locked_until_us,
    step = CASE WHEN held.expires_us <= :now THEN 0 ELSE held.step END,
    code = excluded.code,
    data = CASE WHEN held.expires_us <= :now THEN excluded.data ELSE held.data END,
    created_us = CASE WHEN held.expires_us <= :now THEN excluded.created_us
                      ELSE held.created_us END,
    expires_us = excluded.expires_us
WHERE held.expires_us <= :now
   OR (held.fingerprint = excluded.fingerprint AND held.state = 1 AND held.locked_until_us <= :now);

-- name: key_read
-- params: owner text, key text, fingerprint blob, nothing blob
-- columns: fingerprint blob, token blob, state int, locked_until_us int, step int
-- columns: code int?, data blob
-- What another request left behind is not handed over.
SELECT fingerprint, token, state, locked_until_us, step, code,
       CASE WHEN fingerprint = :fingerprint THEN data ELSE :nothing END AS data
FROM farm_idempotency
WHERE owner = :owner AND key = :key;

-- name: key_settle
-- params: owner text, key text, token blob, code int, data blob
-- columns: is_mine int, state int, step int, is_same int
-- Why a guard missed. The answer is compared here, so that it need not travel back.
SELECT CASE WHEN token = :token THEN CAST(1 AS BIGINT) ELSE 0 END AS is_mine, state, step,
       CASE WHEN code = :code AND data = :data THEN CAST(1 AS BIGINT) ELSE 0 END AS is_same
FROM farm_idempotency
WHERE owner = :owner AND key = :key;

-- name: key_advance
-- params: owner text, key text, token blob, step int, data blob, locked_until int, expires int
-- expect: 1                       a miss: the key is another caller's, or the step goes back
-- on: guard = ECONFLICT LOST
UPDATE farm_idempotency
SET step = :step, data = :data, locked_until_us = :locked_until, expires_us = :expires
WHERE owner = :owner AND key = :key AND token = :token AND state = 1 AND step <= :step;

-- name: key_finish
-- params: owner text, key text, token blob, code int, data blob, expires int
-- expect: 1                       a miss: the key is another caller's, or this is a repeat
-- on: guard = ECONFLICT LOST
UPDATE farm_idempotency
SET state = 2, code = :code, data = :data, locked_until_us = 0, expires_us = :expires
WHERE owner = :owner AND key = :key AND token = :token AND state = 1;

-- name: key_release
-- params: owner text, key text, token blob, nobody blob
-- The token goes too, so that who gave the key up cannot finish it.
UPDATE farm_idempotency
SET locked_until_us = 0, token = :nobody
WHERE owner = :owner AND key = :key AND token = :token AND state = 1;

-- name: maintain_expired
-- params: now int, budget int
-- Expiry is asked twice: between the two a caller may have taken the key.
DELETE FROM farm_idempotency
WHERE (owner, key) IN (SELECT owner, key FROM farm_idempotency
                       WHERE expires_us <= :now ORDER BY expires_us LIMIT :budget)
  AND expires_us <= :now;

-- name: check_states
-- params: now int
-- columns: subject text, detail text
-- plan: scan every row is looked at
-- A claim lasts a day at most, so a longer one was made by a clock that ran ahead; nobody gets such
-- a key before that time comes.
SELECT owner || '/' || key AS subject,
       CASE WHEN state = 2 AND code IS NULL THEN 'it is finished and has no code'
            WHEN state = 2 AND locked_until_us <> 0 THEN 'it is finished and held'
            WHEN state = 1 AND code IS NOT NULL THEN 'it is not finished and has a code'
            WHEN locked_until_us > expires_us THEN 'it expires while it is held'
            ELSE 'it is held for more than a day from now' END AS detail
FROM farm_idempotency
WHERE (state = 2 AND (code IS NULL OR locked_until_us <> 0))
   OR (state = 1 AND code IS NOT NULL)
   OR locked_until_us > expires_us
   OR locked_until_us > :now + 86400000000;
