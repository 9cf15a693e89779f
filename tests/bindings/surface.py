"""Every exported function is bound in both languages, or is excepted with a reason.

    surface.py PYTHON_FOLDER NATIVE [NODE]

Looks at what the built modules export: farmcore._native below PYTHON_FOLDER, and the addon NATIVE,
loaded by NODE, or by the node of PATH. A function is bound when its name, without farm_, is there;
in Node as a promise, too. Exceptions stand in exceptions.txt: `name  reason`.
"""
import importlib
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTION = re.compile(r"^FARM_API\s+(?!extern)[^;(]*?\b(farm_\w+)\s*\(", re.M)
LIST = "console.log(JSON.stringify(Object.keys(require(process.argv[1]))))"


def declared():
    headers = sorted((ROOT / "include" / "farmcore").glob("*.h"))
    return {name for header in headers for name in FUNCTION.findall(header.read_text())}


def excepted():
    reasons = {}
    for line in pathlib.Path(__file__).with_name("exceptions.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            reasons[name] = reason.strip()
    return reasons


def bound(python_folder, native, node=None):
    node = node or shutil.which("node") or shutil.which("nodejs") or "node"
    sys.path.insert(0, python_folder)
    exported = set(dir(importlib.import_module("farmcore._native")))
    listed = subprocess.run([node, "-e", LIST, native], check=True, capture_output=True, text=True)
    keys = set(json.loads(listed.stdout))
    return {
        "Python": {f"farm_{name}" for name in exported},
        "Node": {f"farm_{name}" for name in keys if f"{name}Async" in keys},
    }


def complaints(functions, reasons, languages):
    if len(functions) < 50:
        yield f"only {len(functions)} functions were found in the headers"
    for name in sorted(functions):
        lacking = [language for language, names in languages.items() if name not in names]
        if lacking and name not in reasons:
            yield f"{name} is not bound in {' and '.join(lacking)}, and not excepted"
        if not lacking and name in reasons:
            yield f"{name} is excepted, but it is bound"
    for name, reason in sorted(reasons.items()):
        if name not in functions:
            yield f"{name} is excepted, but no header declares it"
        if len(reason.split()) < 3:
            yield f"{name} is excepted without a reason"


def main():
    found = list(complaints(declared(), excepted(), bound(*sys.argv[1:4])))
    print("\n".join(found) or f"{len(declared())} functions, {len(excepted())} excepted")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
