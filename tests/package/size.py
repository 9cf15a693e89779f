"""Prints the bytes of code and constants of each component, from the sizes of its objects.

Usage: size.py LIBRARY OBJECT...; the objects are in folders named farmcore_<component>.dir, but for
the generated <module>_sql.c, whose statements are their module's, and the migrations.
"""
import collections
import pathlib
import re
import subprocess
import sys


def text_size(path):
    """Bytes of code and constants."""
    row = subprocess.run(["size", path], check=True, text=True, capture_output=True).stdout
    return int(row.splitlines()[1].split()[0])


def component(path):
    generated = re.search(r"generated/(?:(\w+)_sql|store_(migrations))\.c", path.as_posix())
    if generated:
        return generated[1] or generated[2]
    return re.search(r"farmcore_(\w+)\.dir", path.as_posix())[1]


components = collections.Counter()
for path in map(pathlib.Path, sys.argv[2:]):
    components[component(path)] += text_size(path)
for name, size in components.most_common():
    print(f"{size:8,}  {name}")
print(f"{text_size(sys.argv[1]):8,}  {pathlib.Path(sys.argv[1]).name}")
