"""What the rules share: finding files, taking comments and texts out of C, reading our headers.

A rule is a script that prints `path:line: what is wrong` for each finding, and exits with 1 when
there was one. `--root DIR` checks another tree than the one that the script is in.
"""
import argparse
import os
import pathlib
import re
import sys
from typing import NamedTuple

# Folders; in a worktree of git, .git is a file.
LEFT_OUT = {".git", "build", "dist", "node_modules", "__pycache__", ".pytest_cache", ".mypy_cache",
            ".cache", ".venv"}
BLANK = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.S)


class Rule:
    """One run of a rule: its arguments, the tree, the findings."""

    def __init__(self, about, *flags, **options):
        parser = argparse.ArgumentParser(description=about)
        parser.add_argument("--root", type=pathlib.Path,
                            default=pathlib.Path(__file__).resolve().parents[2])
        for flag in flags:
            parser.add_argument(flag, action="store_true")
        for option in options:
            parser.add_argument(f"--{option}", type=pathlib.Path)
        self.arguments = parser.parse_args()
        self.root = self.arguments.root.resolve()
        self.findings = 0

    def files(self, *suffixes, under=("",)):
        """Paths below the folders, with these suffixes (none: all), in order."""
        found = []
        for folder in under:
            for place, folders, names in os.walk(self.root / folder):
                folders[:] = sorted(set(folders) - LEFT_OUT)
                found += [pathlib.Path(place, name) for name in sorted(set(names) - LEFT_OUT)
                          if not suffixes or name.endswith(suffixes)]
        return found

    def name(self, path):
        return path.relative_to(self.root).as_posix()

    def find(self, path, line, what):
        print(f"{self.name(path)}:{line}: {what}")
        self.findings += 1

    def end(self):
        sys.exit(1 if self.findings else 0)


def blank(match):
    return "\n" * match[0].count("\n") or " "


def without_comments(text):
    """C with its comments taken out; lines keep their numbers."""
    return COMMENT.sub(lambda match: match[1] or blank(match), text)


def code(text):
    """C with comments and the contents of texts taken out; lines keep their numbers."""
    return BLANK.sub(lambda match: blank(match) if match[0][0] == "/" else '""', text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


class Parameter(NamedTuple):
    type: str
    name: str


class Declaration(NamedTuple):
    """A function (or a variable: parameters None) that a header exports."""
    name: str
    type: str
    parameters: list
    comment: str
    line: int


EXPORTED = re.compile(r"(?:/\*\*((?:(?!\*/).)*)\*/\s*)?(?:struct \w+;\s*)?"
                      r"^(?:extern\s+)?FARM_API\s+([^;(]*?)(\w+)\s*(?:\(([^;]*)\))?\s*;",
                      re.S | re.M)


def exported(text):
    """The declarations with FARM_API of a header, with their doc comments."""
    for match in EXPORTED.finditer(text):
        comment, kind, name, parameters = match.groups()
        if parameters is not None:
            parts = [" ".join(part.split()) for part in without_comments(parameters).split(",")]
            parameters = [Parameter(*re.match(r"(.*?)\s*(\w+)$", part).groups())
                          for part in parts if part != "void"]
        lines = [re.sub(r"^\s*\*? ?", "", line) for line in (comment or "").splitlines()]
        yield Declaration(name, " ".join(kind.split()), parameters, "\n".join(lines).strip(),
                          line_of(text, match.start(3)))
