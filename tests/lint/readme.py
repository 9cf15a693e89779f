"""The README's programs are the tested ones: a block under `<!-- PATH -->` is that file, word for
word, and every examples/quickstart.* is shown."""
import re

from _source import Rule, line_of

BLOCK = re.compile(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", re.S)

rule = Rule(__doc__)
readme = rule.root / "README.md"
text = readme.read_text(encoding="utf-8") if readme.exists() else ""
shown = set()
for match in BLOCK.finditer(text):
    path = rule.root / match[1]
    shown.add(path)
    if not path.exists() or path.read_text(encoding="utf-8") != match[2]:
        rule.find(readme, line_of(text, match.start()), f"this is not {match[1]}")
for path in sorted(rule.root.glob("examples/quickstart.*")):
    if path not in shown:
        rule.find(readme, 1, f"does not show {rule.name(path)}")
rule.end()
