"""Each result code of an item is expected by a script of the module's contract tests.

FARM_LEDGER_TRANSFER_STATUSES lists what a `transfer` is told, and a line of a script in
tests/contract/ledger*_test.c is `transfer … -> NAME`. The first code is what a line expects that
says nothing. What has tests of its own, as invoices in ledger_invoice_test.c, expects in tables
there: STATUS(NAME).
"""
import re

from _source import Rule

LIST = re.compile(r"#define FARM_(\w+?)_(\w+)_STATUSES\(X\)((?:.*\\\n)*.*)")
CODE = re.compile(r"X\((\w+), (\d+)")


def scripts(rule, module):
    """The tests of a module, their texts put together as the compiler does it."""
    for path in rule.files(".c", under=("tests/contract",)):
        if re.fullmatch(rf"{module}(_\w+)?_test\.c", path.name):
            yield re.sub(r'"\s*\n\s*"', "", path.read_text())


def expects(text, item, name, table):
    return re.search(rf"\b{item} .*-> {name}\b", text) or f"STATUS({name})" in table


rule = Rule(__doc__)
for path in rule.files(".h", under=("include",)):
    text = path.read_text()
    for found in LIST.finditer(text):
        module, item = found[1].lower(), found[2].lower()
        lines = "\n".join(scripts(rule, module)).replace("\\n", "\n")
        table = "".join(re.sub(r"\s", "", each) for each in scripts(rule, f"{module}_{item}"))
        for name, number in CODE.findall(found[3]):
            if number != "0" and not expects(lines, item, name, table):
                rule.find(path, text.count("\n", 0, found.start()) + 1,
                          f"no script of a test has: {item} … -> {name}")
rule.end()
