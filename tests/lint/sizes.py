"""Files have up to 600 lines of up to 100 columns; functions have up to 70 lines."""
import re

from _source import Rule, code, line_of

FILE_LINES, FUNCTION_LINES, COLUMNS = 600, 70, 100
FOLDERS = ("include", "src", "backends", "bindings", "examples", "tests")
SUFFIXES = (".c", ".h", ".sql", ".py", ".i", ".swg", ".js", ".mjs", ".cjs", ".ts")
# A function begins in the first column, and its closing brace stands there, too.
FUNCTION = re.compile(r"^[A-Za-z_][^;{}]*\)\s*\{.*?^\}", re.S | re.M)

rule = Rule(__doc__)
for path in rule.files(*SUFFIXES, under=FOLDERS):
    text = path.read_text()
    lines = text.splitlines()
    if len(lines) > FILE_LINES:
        rule.find(path, FILE_LINES + 1, f"{len(lines)} lines")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            rule.find(path, number, f"{len(line)} columns")
    if path.suffix in (".c", ".h"):
        stripped = code(text)
        for match in FUNCTION.finditer(stripped):
            count = match[0].count("\n") + 1
            if count > FUNCTION_LINES:
                rule.find(path, line_of(stripped, match.start()), f"a function of {count} lines")
rule.end()
