"""The binary interface has not changed since the last release, but for what may be added.

Usage: abi.py LIBRARY [--write]. --write records the library's interface in farmcore.abi, at a
release. Before the first release there is nothing to compare with: then this checks that the
interface can be read at all, and in each case that the SONAME is the one that programs ask for.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BASELINE = HERE / "farmcore.abi"
HEADERS = HERE.parents[1] / "include"
SONAME = "libfarmcore.so.0"
INCOMPATIBLE = 8


def record(library, out):
    subprocess.run(["abidw", "--headers-dir", HEADERS, "--drop-private-types", "--no-corpus-path",
                    "--no-comp-dir-path", "--out-file", out, library], check=True)


parser = argparse.ArgumentParser()
parser.add_argument("library", type=pathlib.Path)
parser.add_argument("--write", action="store_true")
arguments = parser.parse_args()
if not shutil.which("abidw"):
    print("abigail-tools is missing: ./dev package installs it")
    sys.exit(77)

dynamic = subprocess.run(["readelf", "-d", arguments.library], check=True, text=True,
                         capture_output=True).stdout
soname = re.search(r"SONAME.*\[(.*)\]", dynamic)
if not soname or soname[1] != SONAME:
    sys.exit(f"the SONAME is {soname and soname[1]}, not {SONAME}")

if arguments.write:
    record(arguments.library, BASELINE)
    sys.exit(0)
if BASELINE.exists():
    result = subprocess.run(["abidiff", "--headers-dir2", HEADERS, "--drop-private-types",
                             "--suppressions", HERE / "suppressions", BASELINE, arguments.library],
                            text=True, capture_output=True)
    print(result.stdout + result.stderr)
    sys.exit(1 if result.returncode & (INCOMPATIBLE | 3) else 0)

with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder, "farmcore.abi")
    record(arguments.library, out)
    text = out.read_text()
listed = (HEADERS.parent / "docs/symbols.txt").read_text()
symbols = [line.split()[0] for line in listed.splitlines()]
missing = [name for name in symbols if f"'{name}'" not in text]
if missing:
    sys.exit(f"abidw does not see {', '.join(missing)}")
print(f"no release to compare with; {len(symbols)} symbols, {SONAME}")
