"""The README's programs are the tested ones: a block under `<!-- PATH -->` is that file,
word for word."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
ROOT = ROOT if ROOT.is_dir() else ROOT.parents[2]
BLOCK = re.compile(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", re.S)
NEEDED = {"examples/quickstart.c", "examples/quickstart.py", "examples/quickstart.mjs"}


def problems(readme):
    found = dict(BLOCK.findall(readme))
    for path in sorted(NEEDED - set(found)):
        yield f"README.md: does not show {path}"
    for path, text in found.items():
        file = ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            yield f"README.md: its block of {path} is not that file"


bad = list(problems((ROOT / "README.md").read_text(encoding="utf-8")))
print("\n".join(bad) or "ok")
sys.exit(bool(bad))
