-- works-with: 1
-- Roles: who may do what for an entity.

CREATE TABLE {schema}.farm_role_entity (
    entity      text COLLATE "C" NOT NULL PRIMARY KEY
                CHECK (octet_length(entity) BETWEEN 1 AND 255),
    -- Its grants of the role owner. Whoever takes the last one away is stopped here.
    owner_count bigint NOT NULL CHECK (owner_count >= 1),
    created_us  bigint NOT NULL CHECK (created_us >= 0)
);

CREATE TABLE {schema}.farm_role_grant (
    entity     text COLLATE "C" NOT NULL REFERENCES {schema}.farm_role_entity (entity),
    subject    text COLLATE "C" NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 255),
    -- 1 owner, 2 manager, 3 member, 4 viewer, 5 service.
    role       bigint NOT NULL CHECK (role BETWEEN 1 AND 5),
    -- 0: never.
    expires_us bigint NOT NULL CHECK (expires_us >= 0),
    granted_us bigint NOT NULL CHECK (granted_us >= 0),
    -- Empty: the service.
    granted_by text COLLATE "C" NOT NULL CHECK (octet_length(granted_by) <= 255),
    PRIMARY KEY (entity, subject, role),
    -- An entity is never without an owner, so ownership does not end by itself.
    CHECK (role <> 1 OR expires_us = 0)
);

-- global: housekeeping removes what has expired, whosever it is, without reading the rest
CREATE INDEX farm_role_grant_expiry ON {schema}.farm_role_grant (expires_us) WHERE expires_us > 0;

-- global: reference table
-- Which role allows which operation: 1 read, 2 write, 3 manage, 4 export, 5 pay, 6 refund, 7 close,
-- 8 grant. The library decides by the same table in C; this one is for the row policies.
CREATE TABLE {schema}.farm_role_permission (
    role      bigint NOT NULL CHECK (role BETWEEN 1 AND 5),
    operation bigint NOT NULL CHECK (operation BETWEEN 1 AND 8),
    PRIMARY KEY (role, operation)
);

INSERT INTO {schema}.farm_role_permission (role, operation) VALUES
    (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (1, 8),
    (2, 1), (2, 2), (2, 3), (2, 4), (2, 6), (2, 8),
    (3, 1), (3, 2),
    (4, 1),
    (5, 1), (5, 2), (5, 4), (5, 5), (5, 6);

-- The rule of farm_role_check() for row policies: whether an actor, in the form of the setting
-- farm.actor, may do an operation for an entity. A policy does not know the clock of the session
-- that asks, so grants end here by the server's. It reads the grants as the service: were it to
-- read them as the actor, the policy on them would call it again, without end. A SET clause for
-- farm.actor takes a superuser, so the setting is put back by hand; after an error the rollback
-- does it.
CREATE FUNCTION {schema}.farm_role_allows(actor text, entity text, operation bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller text := coalesce(current_setting('farm.actor', true), '');
    is_allowed boolean;
BEGIN
    IF actor IS NULL OR entity IS NULL OR operation IS NULL THEN
        RETURN false;
    END IF;
    IF actor = 's' OR actor = 'u' || entity THEN
        RETURN operation BETWEEN 1 AND 8;
    END IF;
    PERFORM set_config('farm.actor', 's', true);
    is_allowed := EXISTS (
        SELECT 1
        FROM {schema}.farm_role_grant AS held
        JOIN {schema}.farm_role_permission AS allowed ON allowed.role = held.role
        WHERE held.entity = farm_role_allows.entity
          AND held.subject = substr(farm_role_allows.actor, 2)
          AND left(farm_role_allows.actor, 1) = 'u'
          AND allowed.operation = farm_role_allows.operation
          AND (held.expires_us = 0
               OR held.expires_us > extract(epoch FROM statement_timestamp()) * 1000000));
    PERFORM set_config('farm.actor', caller, true);
    RETURN is_allowed;
END
$$;
REVOKE ALL ON FUNCTION {schema}.farm_role_allows(text, text, bigint) FROM PUBLIC;

ALTER TABLE {schema}.farm_role_entity ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_role_entity FORCE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_role_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_role_grant FORCE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_role_permission ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_role_permission FORCE ROW LEVEL SECURITY;

-- Only the service writes: every operation does so after its rules have checked the caller.
CREATE POLICY farm_role_entity_service ON {schema}.farm_role_entity
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');
CREATE POLICY farm_role_grant_service ON {schema}.farm_role_grant
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

-- CASE, unlike OR, is sure not to call the function where it is not needed.
CREATE POLICY farm_role_entity_reader ON {schema}.farm_role_entity FOR SELECT
    USING (CASE WHEN nullif(current_setting('farm.actor', true), '') IS NULL THEN false
                WHEN current_setting('farm.actor', true) = 's' THEN true
                ELSE {schema}.farm_role_allows(current_setting('farm.actor', true), entity, 1) END);
CREATE POLICY farm_role_grant_reader ON {schema}.farm_role_grant FOR SELECT
    USING (CASE WHEN nullif(current_setting('farm.actor', true), '') IS NULL THEN false
                WHEN current_setting('farm.actor', true) = 's' THEN true
                WHEN 'u' || subject = current_setting('farm.actor', true) THEN true
                ELSE {schema}.farm_role_allows(current_setting('farm.actor', true), entity, 1) END);

-- Nobody writes here but a migration, which lifts FORCE for the time that it needs.
CREATE POLICY farm_role_permission_reader ON {schema}.farm_role_permission FOR SELECT
    USING (nullif(current_setting('farm.actor', true), '') IS NOT NULL);
