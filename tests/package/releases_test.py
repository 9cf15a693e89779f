"""Release N goes on serving while N+1 migrates; only a schema that it cannot work on is refused,
with both numbers. Three builds of the library: this one, one with a migration that this one can
live with, and one with a migration that it cannot."""
import os
import subprocess

from _package import ROOT, build, claim, folder, run

NEWEST = max(int(p.name[:4]) for p in (ROOT / "src/schema").glob("[0-9]*.sql"))
HARMLESS, BREAKING = NEWEST + 1, NEWEST + 2


def write_migration(place, number, works_with):
    place.mkdir(exist_ok=True)
    text = f"-- works-with: {works_with}\n{{}}"
    table = (f"CREATE TABLE {{schema}}.farm_later_{number} (owner text PRIMARY KEY);\n"
             f"ALTER TABLE {{schema}}.farm_later_{number} ENABLE ROW LEVEL SECURITY;\n")
    (place / f"{number:04}_later.postgres.sql").write_text(text.format(table))
    (place / f"{number:04}_later.sqlite.sql").write_text(
        text.format(f"CREATE TABLE farm_later_{number} (owner TEXT PRIMARY KEY) STRICT;\n"))


def make_release(work, name, migrations):
    """Build the library with further migrations, and the program with it."""
    place, extra = work / name, work / f"{name}-schema"
    for number, works_with in migrations:
        write_migration(extra, number, works_with)
    build(place, **({"FARM_SCHEMA_EXTRA": extra} if migrations else {}))
    program = place / "releases"
    run("cc", "-std=c11", ROOT / "tests/package/releases.c", f"-I{ROOT}/include", f"-L{place}",
        f"-Wl,-rpath,{place}", "-lfarmcore", "-o", program)
    return program


def serve_through(program, uri, change):
    """What a session that is open before the change answers after it."""
    server = subprocess.Popen([program, "serve", uri], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "FARM_OK\n"
    change()
    return server.communicate("\n")[0]


def tell_story(old, new, breaking, owner, uri):
    claim(run(old, "work", uri) == "FARM_EUNSUPPORTED the store has no schema yet: call "
          "farm_migrate()\n", "nothing works before a migration")
    claim(run(old, "migrate", owner) == "FARM_OK \n", f"release N migrates to {NEWEST}")
    claim(run(new, "work", uri) == f"FARM_EUNSUPPORTED the store's schema is {NEWEST} and this "
          f"library needs {HARMLESS}: call farm_migrate()\n",
          "N+1 says that it needs its migration, with both numbers")
    answer = serve_through(old, uri, lambda: run(new, "migrate", owner))
    claim(answer == "FARM_OK \n", "an open session of N works on while N+1 migrates")
    claim(run(old, "work", uri) == "FARM_OK \n", "a new session of N works after it too")
    claim(run(new, "work", uri) == "FARM_OK \n", "and so does N+1, repeating N's operation")
    claim(run(old, "migrate", owner) == "FARM_OK \n", "N's own migration has nothing to do")
    claim(run(breaking, "migrate", owner) == "FARM_OK \n", "a release breaks with N")
    refused = (f"FARM_EUNSUPPORTED the store's schema is {BREAKING} and takes libraries of schema "
               f"{BREAKING} or later; this one has {NEWEST}\n")
    claim(run(old, "work", uri) == refused, "N is refused, with both numbers")
    claim(run(old, "migrate", owner) == refused, "and does not migrate backwards")
    claim(run(breaking, "work", uri) == "FARM_OK \n", "the breaking release works")


work = folder()
old = make_release(work, "n", [])
new = make_release(work, "n1", [(HARMLESS, NEWEST)])
breaking = make_release(work, "n2", [(HARMLESS, NEWEST), (BREAKING, BREAKING)])
file = f"sqlite:{work}/releases.db"
tell_story(old, new, breaking, file, file)
if "FARM_TEST_POSTGRES" in os.environ:
    schema = f"schema=releases_{os.getpid()}"
    tell_story(old, new, breaking,
               f"{os.environ['FARM_TEST_POSTGRES_OWNER']}?{schema}&grant_to=farm_app",
               f"{os.environ['FARM_TEST_POSTGRES']}?{schema}")
    print("ok: the same on Postgres")
