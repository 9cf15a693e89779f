"""The public headers compile alone, as C99, C11 and C++17, with every compiler that is there."""
import shutil
import subprocess
import tempfile

from _source import Rule

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only"]
C = ["-x", "c", "-Wstrict-prototypes"]
LANGUAGES = [
    (("gcc", "clang"), [*C, "-std=c99"]),
    (("gcc", "clang"), [*C, "-std=c11"]),
    (("g++", "clang++"), ["-x", "c++", "-std=c++17"]),
]

rule = Rule(__doc__)
headers = rule.files(".h", under=("include/farmcore",))
for compilers, flags in LANGUAGES:
    compilers = [name for name in compilers if shutil.which(name)]
    if not compilers:
        rule.find(rule.root / "include", 1, f"no compiler for {flags[-1]}")
    for compiler in compilers:
        for header in headers:
            with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
                # Twice, for its guard.
                source.write(f"#include <farmcore/{header.name}>\n" * 2)
                source.flush()
                command = [compiler, *WARNINGS, *flags, f"-I{rule.root}/include", source.name]
                result = subprocess.run(command, text=True, capture_output=True)
            if result.returncode:
                rule.find(header, 1, f"{compiler} {flags[-1]}:\n{result.stderr}")
rule.end()
