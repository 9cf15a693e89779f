"""Turns src/schema into store_migrations.c: numbered pairs NNNN_name.<dialect>.sql, in order.

Usage: migrations.py --out DIR SCHEMA_DIR [EXTRA_DIR]

Each file begins with `-- works-with: N`: the oldest library, named by its newest migration, that
can work on the result. An extra folder adds migrations: the test of several releases builds the
later ones so.
"""
import argparse
import hashlib
import pathlib
import re
import sys

DIALECTS = ("sqlite", "postgres")
NAME = re.compile(r"(\d{4})_([a-z][a-z0-9_]*)\.(sqlite|postgres)\.sql")
WORKS_WITH = re.compile(r"-- works-with: (\d+)\n")


def fail(message):
    sys.exit(message)


def read_folder(folder):
    """{number: (name, {dialect: text})} of one folder."""
    found = {}
    for path in sorted(folder.glob("[0-9]*.sql")):
        match = NAME.fullmatch(path.name)
        if not match:
            fail(f"{path}: must be named NNNN_name.sqlite.sql or NNNN_name.postgres.sql")
        number, name, dialect = int(match[1]), match[2], match[3]
        known = found.setdefault(number, (name, {}))
        if known[0] != name:
            fail(f"{path}: migration {number} is already called {known[0]}")
        known[1][dialect] = (path, path.read_text(encoding="utf-8"))
    return found


def works_with(number, texts):
    """The number that both files of a pair begin with."""
    answers = set()
    for path, text in texts.values():
        match = WORKS_WITH.match(text)
        if not match:
            fail(f"{path}:1: must begin with `-- works-with: N`")
        answers.add(int(match[1]))
    if len(answers) != 1 or not 1 <= min(answers) <= number:
        fail(f"migration {number}: works-with must be the same in both files, 1 to {number}")
    return answers.pop()


def shorten(text):
    """The text without its comment lines, which may be mended without changing the migration."""
    return "".join(line for line in text.splitlines(keepends=True)
                   if line.strip() and not line.lstrip().startswith("--"))


def render_bytes(data):
    """Numbers, since C promises no string literal of over 4,095 characters."""
    lines = [", ".join(str(byte) for byte in data[i:i + 24]) for i in range(0, len(data), 24)]
    return ",\n    ".join(lines)


def render_text(name, text):
    if not text.isascii():
        fail(f"{name}: migrations are written in ASCII, so that every compiler reads them alike")
    return f"static const char {name}[] = {{\n    {render_bytes(text.encode() + bytes(1))}}};\n\n"


def render_migration(number, name, texts):
    """(the texts, the row of the table) of one migration."""
    definitions, hashes, names = "", [], []
    for dialect in DIALECTS:
        if dialect not in texts:
            fail(f"migration {number} ({name}) has no {dialect} file")
        text = shorten(texts[dialect][1])
        names.append(f"{name}_{number}_{dialect}")
        definitions += render_text(names[-1], text)
        hashes.append("{" + render_bytes(hashlib.sha256(text.encode()).digest()) + "}")
    row = (f"    {{{number}, \"{name}\", {works_with(number, texts)},\n"
           f"     {{{hashes[0]},\n      {hashes[1]}}},\n     {{{', '.join(names)}}}}},\n")
    return definitions, row


def render_grants(folder):
    definitions = ""
    for dialect in DIALECTS:
        path = folder / f"grants.{dialect}.sql"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        definitions += render_text(f"grants_{dialect}", shorten(text))
    names = ", ".join(f"grants_{dialect}" for dialect in DIALECTS)
    return f"{definitions}const char *const store_grants[STORE_DIALECT_COUNT] = {{{names}}};\n"


def render(folders):
    migrations = {}
    for folder in folders:
        for number, value in read_folder(folder).items():
            if number in migrations:
                fail(f"{folder}: migration {number} is there twice")
            migrations[number] = value
    if not migrations:
        fail(f"{folders[0]}: there are no migrations")
    rendered = [render_migration(number, *migrations[number]) for number in sorted(migrations)]
    return ('/* Generated from src/schema: do not edit. */\n#include "store/migrations.h"\n\n'
            + "".join(definitions for definitions, _ in rendered)
            + "const store_migration store_migrations[] = {\n"
            + "".join(row for _, row in rendered)
            + f"}};\n\nconst size_t store_migration_count = {len(migrations)};\n\n"
            + render_grants(folders[0]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    text = render(arguments.folders)
    out = arguments.out / "store_migrations.c"
    if not out.exists() or out.read_text(encoding="utf-8") != text:
        arguments.out.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
