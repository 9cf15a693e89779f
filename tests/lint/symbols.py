"""The exported symbols: headers, docs/symbols.txt, the version script and the library agree.

docs/symbols.txt has a line a symbol: its name, the release that it came with and, perhaps,
`deprecated`. --write brings it and pkgconfig/farmcore.map up to the headers, and keeps both.
"""
import re
import subprocess

from _source import Rule, exported

MAP = "FARMCORE_0 {{\nglobal:\n{}\nlocal:\n    *;\n}};\n"

rule = Rule(__doc__, "--write", library=None)
listed_path = rule.root / "docs/symbols.txt"
map_path = rule.root / "pkgconfig/farmcore.map"

declared = {}
for path in rule.files(".h", under=("include",)):
    for item in exported(path.read_text()):
        since = re.search(r"Since\s+(\d+\.\d+\.\d+)", item.comment)
        declared[item.name] = since[1] if since else "?"

listed = {}
if listed_path.exists():
    rows = [line.split() for line in listed_path.read_text().splitlines()]
    listed = {row[0]: row[1:] for row in rows if row}

if rule.arguments.write:
    listed = {name: listed.get(name, [since]) for name, since in declared.items()}
    listed_path.parent.mkdir(exist_ok=True)
    listed_path.write_text("".join(f"{' '.join([name, *listed[name]])}\n"
                                   for name in sorted(listed)))
    map_path.write_text(MAP.format("\n".join(f"    {name};" for name in sorted(declared))))

mapped = set(re.findall(r"^\s+(\w+);", map_path.read_text(), re.M))
places = [(listed_path, set(listed)), (map_path, mapped)]
library = rule.arguments.library
if library:
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                           capture_output=True).stdout.splitlines()
    symbols = {line.split()[-1].split("@")[0] for line in lines}
    places.append((rule.root / "nm -D", symbols - {"FARMCORE_0"}))

for path, names in places:
    for name in sorted(set(declared) - names):
        rule.find(path, 1, f"lacks {name}, which a header exports")
    for name in sorted(names - set(declared)):
        rule.find(path, 1, f"has {name}, which no header exports")
for name, row in listed.items():
    if name in declared and row[:1] != [declared[name]]:
        rule.find(listed_path, 1, f"{name}: since {row[:1]}, but the header says {declared[name]}")
    if row[1:] not in ([], ["deprecated"]):
        rule.find(listed_path, 1, f"{name}: {' '.join(row[1:])}?")
rule.end()
