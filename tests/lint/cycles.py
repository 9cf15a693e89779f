"""No header includes itself by way of others, and each has a guard named after its path."""
import re

from _source import Rule, without_comments

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def as_included(name):
    """src/base/text.h: base/text.h."""
    return re.sub(r"^(src|include|tests)/", "", name)


def guard(name):
    """src/base/text.h: BASE_TEXT_H; include/farmcore/base.h: FARMCORE_BASE_H."""
    folders = re.sub(r"^(src|include|backends|tests|bindings)/", "", name)
    return re.sub(r"\W", "_", folders).upper()


rule = Rule(__doc__)
headers = {}
for path in rule.files(".h", under=("include", "src", "backends", "bindings", "tests")):
    name = rule.name(path)
    text = without_comments(path.read_text())
    headers[as_included(name)] = (path, text)
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
        beside = as_included(rule.name(path.parent / match[1]))
        visit(match[1] if match[1] in headers else beside, way + [name])
    done.add(name)


done = set()
for name in headers:
    visit(name, [])
rule.end()
