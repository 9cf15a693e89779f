"""The rules of the schema, asked of the catalog of a real Postgres: every table under forced
row-level security with a policy, every key begins with its owner (the table's first column),
foreign keys too. What must be global says `-- global: why` above its CREATE in src/schema."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
URI = os.environ.get("FARM_TEST_POSTGRES_OWNER")
SCHEMA = f"catalog_{os.getpid()}"
GLOBAL = re.compile(r"-- global: (\S.*)\n(?:--.*\n)*CREATE (?:TABLE|(?:UNIQUE )?INDEX) "
                    r"(?:\{schema\}\.)?(\w+)")

pytestmark = pytest.mark.skipif(not URI, reason="FARM_TEST_POSTGRES_OWNER names no server")

UNPROTECTED = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity
           AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))
"""
KEYS_WITHOUT_OWNER = """
SELECT i.relname FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relnamespace = '{schema}'::regnamespace AND x.indkey[0] <> 1
"""
TABLES_WITHOUT_KEY = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary)
"""
REFERENCES_WITHOUT_OWNER = """
SELECT r.conname FROM pg_constraint r
WHERE r.connamespace = '{schema}'::regnamespace AND r.contype = 'f'
  AND (r.conkey[1] <> 1 OR r.confkey[1] <> 1)
"""
SEQUENCES = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind = 'S'
"""
UNPINNED_FUNCTIONS = """
SELECT p.proname FROM pg_proc p
WHERE p.pronamespace = '{schema}'::regnamespace AND p.prosecdef
  AND NOT coalesce(p.proconfig::text LIKE '%search_path=%', false)
"""


def psql(text):
    """The rows of the last statement, each as its first column."""
    answer = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", URI],
        input=text.replace("{schema}", SCHEMA), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


@pytest.fixture(scope="module", autouse=True)
def schema():
    scripts = [p.read_text() for p in sorted(ROOT.glob("src/schema/[0-9]*.postgres.sql"))]
    psql("BEGIN; SELECT set_config('farm.actor', 's', true);" + "\n".join(scripts) + "COMMIT;")
    yield
    psql("DROP SCHEMA {schema} CASCADE")


def declared_global():
    text = "\n".join(p.read_text() for p in ROOT.glob("src/schema/[0-9]*.postgres.sql"))
    return {name for _, name in GLOBAL.findall(text)}


def offenders(query):
    excused = declared_global()
    return {n for n in psql(query) if n not in excused and n.removesuffix("_pkey") not in excused}


RULES = {
    "a table is under forced row-level security": (
        UNPROTECTED, "CREATE TABLE {schema}.bad (owner text PRIMARY KEY)", "bad"),
    "row-level security without force does not do": (
        UNPROTECTED,
        "CREATE TABLE {schema}.bad (owner text PRIMARY KEY);"
        "ALTER TABLE {schema}.bad ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY p ON {schema}.bad USING (false)", "bad"),
    "force without a policy does not do": (
        UNPROTECTED,
        "CREATE TABLE {schema}.bad (owner text PRIMARY KEY);"
        "ALTER TABLE {schema}.bad ENABLE ROW LEVEL SECURITY;"
        "ALTER TABLE {schema}.bad FORCE ROW LEVEL SECURITY", "bad"),
    "a key begins with its owner": (
        KEYS_WITHOUT_OWNER,
        "CREATE TABLE {schema}.bad (owner text, id text, PRIMARY KEY (id, owner))", "bad_pkey"),
    "an index begins with its owner": (
        KEYS_WITHOUT_OWNER,
        "CREATE TABLE {schema}.bad (owner text PRIMARY KEY, at bigint);"
        "CREATE INDEX bad_at ON {schema}.bad (at)", "bad_at"),
    "a table has a primary key": (
        TABLES_WITHOUT_KEY, "CREATE TABLE {schema}.bad (owner text)", "bad"),
    "a foreign key begins with its owner": (
        REFERENCES_WITHOUT_OWNER,
        "CREATE TABLE {schema}.bad (owner text PRIMARY KEY, other text,"
        " CONSTRAINT bad_other FOREIGN KEY (other) REFERENCES {schema}.bad (owner))", "bad_other"),
    "there are no sequences": (
        SEQUENCES, "CREATE TABLE {schema}.bad (owner serial PRIMARY KEY)", "bad_owner_seq"),
    "a definer's function has its search path pinned": (
        UNPINNED_FUNCTIONS,
        "CREATE FUNCTION {schema}.bad() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "bad"),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_schema_keeps_the_rule(rule):
    query, _, _ = RULES[rule]
    assert offenders(query) == set()


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_finds_what_breaks_it(rule):
    query, breach, name = RULES[rule]
    found = psql(f"BEGIN; {breach}; {query}; ROLLBACK;")
    assert name in found


def test_every_excuse_names_something_there_is():
    names = set(psql("SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace"))
    assert declared_global() <= names
    assert declared_global()


def test_every_policy_fails_closed_for_nobody():
    tables = psql("SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace"
                  " AND relkind IN ('r', 'p') AND relname NOT IN ('farm_schema')")
    role = f"nobody_{os.getpid()}"
    psql(f"CREATE ROLE {role}; GRANT USAGE ON SCHEMA {{schema}} TO {role};"
         f"GRANT ALL ON ALL TABLES IN SCHEMA {{schema}} TO {role};"
         f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {{schema}} TO {role}")
    try:
        for table in tables:
            for actor in ("RESET farm.actor", "SET LOCAL farm.actor = ''"):
                answer = psql(f"BEGIN; SET LOCAL ROLE {role}; {actor};"
                              f"SELECT count(*) FROM {{schema}}.{table}; ROLLBACK;")
                assert answer == ["0"], (table, actor)
    finally:
        psql(f"DROP OWNED BY {role}; DROP ROLE {role}")
