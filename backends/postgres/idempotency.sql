-- Where Postgres differs.

-- name: maintain_expired
-- Those who tidy up at the same time do not wait for each other, nor for a caller at work. The
-- rows are chosen once: as a sub-select they might be chosen anew for each row, and more of them
-- than the budget.
WITH expired AS MATERIALIZED (
    SELECT owner, key FROM farm_idempotency
    WHERE expires_us <= :now ORDER BY expires_us LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_idempotency AS held USING expired
WHERE held.owner = expired.owner AND held.key = expired.key AND held.expires_us <= :now;
