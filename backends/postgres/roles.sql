-- Where Postgres differs: several writers at once, each statement with a view of its own.

-- name: actor_roles
-- arrays
SELECT asked.place - 1 AS ordinal, held.role
FROM unnest(:entity) WITH ORDINALITY AS asked (entity, place)
JOIN farm_role_grant AS held ON held.entity = asked.entity
WHERE held.subject = :subject AND (held.expires_us = 0 OR held.expires_us > :now);

-- name: entity_hold
-- A statement of its own: one that had to wait would still see in its EXISTS what was there before,
-- and count the same owner twice. Others stay free to grant and revoke the other roles.
SELECT owner_count FROM farm_role_entity WHERE entity = :entity FOR NO KEY UPDATE;

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
