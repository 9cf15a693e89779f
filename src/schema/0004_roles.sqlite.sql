-- works-with: 1
-- Roles: who may do what for an entity.

CREATE TABLE farm_role_entity (
    entity      TEXT    NOT NULL PRIMARY KEY CHECK (length(CAST(entity AS BLOB)) BETWEEN 1 AND 255),
    -- Its grants of the role owner. Whoever takes the last one away is stopped here.
    owner_count INTEGER NOT NULL CHECK (owner_count >= 1),
    created_us  INTEGER NOT NULL CHECK (created_us >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_role_grant (
    entity     TEXT    NOT NULL REFERENCES farm_role_entity (entity),
    subject    TEXT    NOT NULL CHECK (length(CAST(subject AS BLOB)) BETWEEN 1 AND 255),
    -- 1 owner, 2 manager, 3 member, 4 viewer, 5 service.
    role       INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),
    -- 0: never.
    expires_us INTEGER NOT NULL CHECK (expires_us >= 0),
    granted_us INTEGER NOT NULL CHECK (granted_us >= 0),
    -- Empty: the service.
    granted_by TEXT    NOT NULL CHECK (length(CAST(granted_by AS BLOB)) <= 255),
    PRIMARY KEY (entity, subject, role),
    -- An entity is never without an owner, so ownership does not end by itself.
    CHECK (role <> 1 OR expires_us = 0)
) STRICT, WITHOUT ROWID;

-- global: housekeeping removes what has expired, whosever it is, without reading the rest
CREATE INDEX farm_role_grant_expiry ON farm_role_grant (expires_us) WHERE expires_us > 0;

-- global: reference table
-- Which role allows which operation: 1 read, 2 write, 3 manage, 4 export, 5 pay, 6 refund, 7 close,
-- 8 grant. The library decides by the same table in C; this one is for those who read SQL.
CREATE TABLE farm_role_permission (
    role      INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),
    operation INTEGER NOT NULL CHECK (operation BETWEEN 1 AND 8),
    PRIMARY KEY (role, operation)
) STRICT, WITHOUT ROWID;

INSERT INTO farm_role_permission (role, operation) VALUES
    (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (1, 8),
    (2, 1), (2, 2), (2, 3), (2, 4), (2, 6), (2, 8),
    (3, 1), (3, 2),
    (4, 1),
    (5, 1), (5, 2), (5, 4), (5, 5), (5, 6);
