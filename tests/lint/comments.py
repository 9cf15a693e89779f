"""Each public function, struct, enum and type has its doc comment, and it is whole.

A function's says what it does, each status that it returns, whose what it hands out is, which
threads may call it and since which release. Parameters are named as they are.
"""
import re

from _source import Rule, exported, line_of

TYPE = re.compile(r"(\*/\n)?^((?:typedef )?(?:struct|enum)\b[^;{]*\{.*?\}|typedef [^;{]*)",
                  re.S | re.M)


def complaints(function, statuses):
    comment = " ".join(function.comment.split())
    if not comment:
        yield "has no doc comment"
        return
    if comment.startswith("@"):
        yield "does not say what it does"
    if not re.search(r"Since \d+\.\d+\.\d+\.", comment):
        yield "does not say since when"
    if function.parameters is None:
        return
    if "Threads: " not in comment:
        yield "does not say which threads may call it"
    returns = re.findall(r"@return (\S+)", comment)
    if function.type != "void" and not returns:
        yield "does not say what it returns"
    if function.type == "farm_status":
        yield from status_complaints(returns, statuses)
    names = [parameter.name for parameter in function.parameters]
    named = ",".join(re.findall(r"@param (\w+(?:, \w+)*)", comment)).replace(" ", "").split(",")
    for name in sorted(set(named) - set(names) - {""}):
        yield f"has no parameter {name}"
    if any(re.search(r"^(?!const).*\*\*$", kind) for kind, _ in function.parameters):
        if "Ownership: " not in comment:
            yield "does not say whose what it hands out is"


def status_complaints(returns, statuses):
    named = [word for word in returns if word.startswith("FARM_")]
    if "FARM_OK" not in named:
        yield "does not name FARM_OK among what it returns"
    for word in named:
        if word not in statuses:
            yield f"there is no status {word}"
        if named.count(word) > 1:
            yield f"names {word} twice"
    for word in returns:
        if not word.startswith("FARM_") and word != "as":
            yield f"@return {word}: a line a status, or `as another_function()`"


rule = Rule(__doc__)
base = (rule.root / "include/farmcore/base.h").read_text()
statuses = {"FARM_" + name for name in re.findall(r"^    X\((\w+), \d+,", base, re.M)}
for path in rule.files(".h", under=("include",)):
    text = path.read_text()
    if not text.startswith("/**\n * @file farmcore/" + path.name):
        rule.find(path, 1, "does not begin with its @file comment")
    for function in exported(text):
        for complaint in complaints(function, statuses):
            rule.find(path, function.line, f"{function.name} {complaint}")
    for match in TYPE.finditer(text):
        # A list of values that are documented one by one, or by an X-macro, needs no more.
        listed = match[2].startswith("enum") and re.search(r"/\*\*<|#define", match[2])
        if not match[1] and not listed:
            what = " ".join(match[2].split()[:3])
            rule.find(path, line_of(text, match.start(2)), f"{what} … has no doc comment")
rule.end()
