-- The statements of roles. They run as the service: the rules have decided by then, and the rows of
-- an entity are not the actor's own. The count of owners stands in one row of the entity, under a
-- CHECK, so that two owners who take each other's role away at once cannot both succeed.

-- name: actor_roles
-- params: subject text, now int
-- each: entity text
-- columns: role int
-- The roles that hold now.
SELECT role FROM farm_role_grant
WHERE entity = :entity AND subject = :subject AND (expires_us = 0 OR expires_us > :now);

-- name: entity_read
-- params: entity text
-- columns: owner_count int
SELECT owner_count FROM farm_role_entity WHERE entity = :entity;

-- name: entity_hold
-- like: entity_read
-- columns: owner_count int
-- The same for whoever is about to change its owners. Until that is done nobody else does, nor
-- takes away what allows it, which is read afterwards.
SELECT owner_count FROM farm_role_entity WHERE entity = :entity;

-- name: entity_found
-- params: entity text, subject text, now int
-- columns: is_owner int
-- An entity that was there before has an owner, so its owners are left as they are.
INSERT INTO farm_role_entity (entity, owner_count, created_us) VALUES (:entity, 1, :now)
ON CONFLICT (entity) DO NOTHING;
INSERT INTO farm_role_grant (entity, subject, role, expires_us, granted_us, granted_by)
SELECT :entity, :subject, 1, 0, :now, ''
WHERE NOT EXISTS (SELECT 1 FROM farm_role_grant WHERE entity = :entity AND role = 1);
SELECT COUNT(*) AS is_owner FROM farm_role_grant
WHERE entity = :entity AND subject = :subject AND role = 1;

-- name: grant_put
-- params: entity text, subject text, role int, expires int, now int, granted_by text
-- on: foreign = ENOTFOUND FARM_ROLE_REASON_UNKNOWN_ENTITY
INSERT INTO farm_role_grant AS held (entity, subject, role, expires_us, granted_us, granted_by)
VALUES (:entity, :subject, :role, :expires, :now, :granted_by)
ON CONFLICT (entity, subject, role) DO UPDATE SET
    expires_us = excluded.expires_us,
    granted_us = excluded.granted_us,
    granted_by = excluded.granted_by
WHERE held.expires_us <> excluded.expires_us;

-- name: owner_put
-- params: entity text, subject text, now int, granted_by text
-- on: foreign = ENOTFOUND FARM_ROLE_REASON_UNKNOWN_ENTITY
-- Counts the owner only when he is a new one.
UPDATE farm_role_entity SET owner_count = owner_count + 1
WHERE entity = :entity
  AND NOT EXISTS (SELECT 1 FROM farm_role_grant
                  WHERE entity = :entity AND subject = :subject AND role = 1);
INSERT INTO farm_role_grant (entity, subject, role, expires_us, granted_us, granted_by)
VALUES (:entity, :subject, 1, 0, :now, :granted_by)
ON CONFLICT (entity, subject, role) DO NOTHING;

-- name: grant_remove
-- params: entity text, subject text, role int
DELETE FROM farm_role_grant WHERE entity = :entity AND subject = :subject AND role = :role;

-- name: owner_remove
-- params: entity text, subject text
-- on: check = EREFUSED FARM_ROLE_REASON_LAST_OWNER
-- Counts the owner out only when he is one; the CHECK refuses the last.
UPDATE farm_role_entity SET owner_count = owner_count - 1
WHERE entity = :entity
  AND EXISTS (SELECT 1 FROM farm_role_grant
              WHERE entity = :entity AND subject = :subject AND role = 1);
DELETE FROM farm_role_grant WHERE entity = :entity AND subject = :subject AND role = 1;

-- name: grant_list
-- params: entity text, now int, after_subject text, after_role int, capacity int
-- columns: subject text, role int, expires_us int, granted_us int, granted_by text
SELECT subject, role, expires_us, granted_us, granted_by
FROM farm_role_grant
WHERE entity = :entity AND (subject, role) > (:after_subject, :after_role)
  AND (expires_us = 0 OR expires_us > :now)
ORDER BY subject, role
LIMIT :capacity;

-- name: maintain_expired
-- params: now int, budget int
-- Expiry is asked twice: between the two the grant may have been renewed.
DELETE FROM farm_role_grant
WHERE (entity, subject, role) IN (SELECT entity, subject, role FROM farm_role_grant
                                  WHERE expires_us > 0 AND expires_us <= :now
                                  ORDER BY expires_us LIMIT :budget)
  AND expires_us > 0 AND expires_us <= :now;

-- name: check_owner_count
-- params: now int
-- columns: subject text, detail text
-- plan: scan every entity is looked at
-- Counts the owners whose grant holds now, so that one with an end is found, too.
SELECT e.entity AS subject,
       'owner_count is ' || e.owner_count || ', its owners are ' || COUNT(g.subject) AS detail
FROM farm_role_entity AS e
LEFT JOIN farm_role_grant AS g ON g.entity = e.entity AND g.role = 1
                                   AND (g.expires_us = 0 OR g.expires_us > :now)
GROUP BY e.entity, e.owner_count
HAVING COUNT(g.subject) <> e.owner_count;
