"""What no file may hold: paths of one machine, hosts of downloads, what is left open."""
import re

from _source import Rule

# A letter of each stands in brackets, so that this table does not find itself.
BANNED = [
    (r"(?:^|[^\w.])/(?:[w]ork|[r]oot|[h]ome/\w+|tmp/\w+)(?:/|\b)|[^\w.]/[f]arm/",
     "a path of one machine"),
    (r"\"[r]esolved\": *\"https?://|[r]egistry *= *\"?https?://|-[i]ndex-url|^[d]eb +https?://|"
     r"[r]egistry\.npmjs|[p]ypi\.org|[p]ythonhosted\.org|deb\.[d]ebian\.org",
     "a host of downloads"),
    (r"\b(?:T[O]DO|F[I]XME|X[X]X)\b|[n]ot implemented", "left open"),
]
BINARY = (".png", ".ico", ".gz", ".db")

rule = Rule(__doc__)
for path in rule.files():
    if path.name.endswith(BINARY):
        continue
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        rule.find(path, 1, "not UTF-8")
        continue
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in BANNED:
            match = re.search(pattern, line)
            if match:
                rule.find(path, number, f"{what}: {match[0].strip()}")
rule.end()
