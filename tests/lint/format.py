"""C is formatted as .clang-format says. --write formats it."""
import shutil
import subprocess
import sys

from _source import Rule

rule = Rule(__doc__, "--write")
program = shutil.which("clang-format-14") or shutil.which("clang-format")
if not program:
    print("clang-format is missing: ./dev lint installs it")
    sys.exit(77)
folders = ("include", "src", "backends", "bindings", "examples", "tests")
for path in rule.files(".c", ".h", under=folders):
    if rule.arguments.write:
        subprocess.run([program, "-i", path], check=True)
        continue
    wanted = subprocess.run([program, path], text=True, capture_output=True, check=True).stdout
    text = path.read_text()
    if wanted != text:
        pairs = zip(text.splitlines(), wanted.splitlines())
        line = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), 1)
        rule.find(path, line, "is not formatted: tests/lint/format.py --write")
rule.end()
