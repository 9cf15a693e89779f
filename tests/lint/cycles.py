"""No header includes itself by way of others, and each has a guard named after its path."""
import re

from _source import Rule, without_comments

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def guard(name):
    """src/base/text.h: BASE_TEXT_H; include/farmcore/base.h: FARMCORE_BASE_H."""
    folders = re.sub(r"^(src|include|backends|tests|bindings)/", "", name)
    return re.sub(r"\W", "_", folders).upper()


rule = Rule(__doc__)
headers = {}
for path in rule.files(".h", under=("include", "src", "backends", "tests")):
    name = rule.name(path)
    text = without_comments(path.read_text())
    headers[re.sub(r"^(src|include|tests)/", "", name)] = (path, text)
    found = re.match(r"\s*#ifndef (\w+)\n#define (\w+)\n", text)
    if not found or found[1] != found[2] or not guard(name).endswith(found[1]):
        rule.find(path, 1, f"the guard should be {guard(name)}")


def visit(name, way):
    if name in way:
        path, _ = headers[name]
        rule.find(path, 1, " -> ".join(way[way.index(name):] + [name]))
        return
    if name in done or name not in headers:
        return
    path, text = headers[name]
    for match in INCLUDE.finditer(text):
        beside = (path.parent / match[1]).relative_to(rule.root).as_posix()
        visit(match[1] if match[1] in headers else beside, way + [name])
    done.add(name)


done = set()
for name in headers:
    visit(name, [])
rule.end()
