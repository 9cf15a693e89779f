-- works-with: 1
-- The list of migrations itself, and the guard that expectations of statements become.
DO $$
BEGIN
    IF to_regnamespace('{schema}') IS NULL THEN
        CREATE SCHEMA {schema};
    END IF;
END
$$;

-- global: it describes the store as a whole
CREATE TABLE {schema}.farm_schema (
    number bigint PRIMARY KEY CHECK (number > 0),
    name text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    works_with bigint NOT NULL CHECK (works_with BETWEEN 1 AND number),
    library bigint NOT NULL,
    applied_us bigint NOT NULL
);
ALTER TABLE {schema}.farm_schema ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.farm_schema FORCE ROW LEVEL SECURITY;
-- Everybody has to know what he works on; only a migration writes.
CREATE POLICY farm_schema_read ON {schema}.farm_schema FOR SELECT USING (true);
CREATE POLICY farm_schema_write ON {schema}.farm_schema
    USING (current_setting('farm.actor', true) = 's')
    WITH CHECK (current_setting('farm.actor', true) = 's');

-- In a pipeline that ends in a commit the client would learn too late that a WHERE matched nothing.
CREATE FUNCTION {schema}.farm_expect(counted bigint, expected bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF counted <> expected THEN
        RAISE EXCEPTION USING ERRCODE = 'FM001', MESSAGE = 'a guarded statement missed';
    END IF;
    RETURN counted;
END
$$;
