-- Where Postgres differs: several writers at once, each statement with a view of its own.

-- name: actor_roles
-- arrays
SELECT asked.place - 1 AS ordinal, held.role
FROM unnest(:entity) WITH ORDINALITY AS asked (entity, place)
JOIN farm_role_grant AS held ON held.entity = asked.entity
WHERE held.subject = :subject AND (held.expires_us = 0 OR held.expires_us > :now);

-- The entity is locked by a statement of its own: an UPDATE that had to wait would still see in its
-- EXISTS what was there before, and count the same owner twice. The lock leaves others free to
-- grant and revoke the other roles.

-- name: owner_put
SELECT 1 FROM farm_role_entity WHERE entity = :entity FOR NO KEY UPDATE;
UPDATE farm_role_entity SET owner_count = owner_count + 1
WHERE entity = :entity
  AND NOT EXISTS (SELECT 1 FROM farm_role_grant
                  WHERE entity = :entity AND subject = :subject AND role = 1);
INSERT INTO farm_role_grant (entity, subject, role, expires_us, granted_us, granted_by)
VALUES (:entity, :subject, 1, 0, :now, :granted_by)
ON CONFLICT (entity, subject, role) DO NOTHING;

-- name: owner_remove
SELECT 1 FROM farm_role_entity WHERE entity = :entity FOR NO KEY UPDATE;
UPDATE farm_role_entity SET owner_count = owner_count - 1
WHERE entity = :entity
  AND EXISTS (SELECT 1 FROM farm_role_grant
              WHERE entity = :entity AND subject = :subject AND role = 1);
DELETE FROM farm_role_grant WHERE entity = :entity AND subject = :subject AND role = 1;

-- name: maintain_expired
-- Those who tidy up at the same time do not wait for each other. The rows are chosen once: as a
-- sub-select they might be chosen anew for each row, and more than the budget.
WITH expired AS MATERIALIZED (
    SELECT entity, subject, role FROM farm_role_grant
    WHERE expires_us > 0 AND expires_us <= :now
    ORDER BY expires_us LIMIT :budget FOR UPDATE SKIP LOCKED)
DELETE FROM farm_role_grant AS held USING expired
WHERE held.entity = expired.entity AND held.subject = expired.subject AND held.role = expired.role
  AND held.expires_us > 0 AND held.expires_us <= :now;
