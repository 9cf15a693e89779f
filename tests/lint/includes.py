"""Who may include whom: the table below, and each outside library in one place."""
import re

from _source import Rule, line_of, without_comments

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
STANDARD = (r"(assert|ctype|errno|float|inttypes|limits|math|signal|stdalign|stdarg|stdatomic|"
            r"stdbool|stddef|stdint|stdio|stdlib|string)\.h")
# What of it neither does I/O nor tells the time.
PURE = r"(inttypes|limits|stddef|stdint|string|stdarg|stdalign)\.h"
POSIX = (r"(fcntl|poll|pthread|sched|time|unistd|strings|netinet/in|arpa/inet|"
         r"sys/(socket|stat|types|time|wait))\.h")

# folder or file: what it may include. The first row that fits a file holds. {x} is the module's or
# backend's name, which the row's pattern finds.
ALLOWED = [
    (r"include/farmcore/farmcore\.h", [r"farmcore/\w+\.h"]),
    (r"include/farmcore/base\.h", [r"std(def|int)\.h"]),
    (r"include/farmcore/(?P<x>[a-z]+)\w*\.h",
     [r"farmcore/(base|session|pool|backend|{x}(_\w+)?)\.h", r"std(def|int)\.h"]),
    (r"src/base/hash\.c", ["xxhash.h", r"base/\w+\.h", STANDARD]),
    (r"src/base/json\.c", [r"(cjson/)?cJSON\.h", r"farmcore/base\.h", r"base/\w+\.h", STANDARD]),
    (r"src/base/(crypto|clock)\.c", ["sodium.h", r"farmcore/(base|session)\.h", r"base/\w+\.h",
                                     STANDARD, POSIX]),
    (r"src/base/(civil|zone|calendar)\.[ch]", [r"base/(civil|zone|calendar)\.h", PURE]),
    (r"src/base/.*", [r"farmcore/(base|session)\.h", r"base/\w+\.h", STANDARD, r"pthread\.h"]),
    (r"src/store/.*", [r"farmcore/(base|session|pool|queue|topic|backend|sqlite|postgres)\.h",
                       r"base/\w+\.h", r"store/\w+\.h", r"store_sql\.h", STANDARD, POSIX]),
    (r"src/(?P<x>\w+)/\w+_rules\.[ch]",
     [r"farmcore/(base|money|{x}(_\w+)?)\.h", r"base/(?!clock|crypto|zone_file)\w+\.h",
      r"{x}/\w+\.h", PURE]),
    (r"src/(?P<x>rate)/rate_holds\.[ch]", [r"farmcore/base\.h", r"base/\w+\.h", r"{x}/\w+\.h",
                                            r"pthread\.h", STANDARD]),
    (r"src/(?P<x>\w+)/.*", [r"farmcore/\w+\.h", r"base/\w+\.h", r"{x}/\w+\.h",
                            r"{x}(_\w+)?_sql\.h", r"store/run\.h", STANDARD, r"arpa/inet\.h"]),
    (r"backends/sqlite/.*", [r"farmcore/(base|backend|sqlite)\.h", r"sqlite3\.h",
                             r"sqlite_\w+\.h", STANDARD, POSIX]),
    (r"backends/postgres/.*", [r"farmcore/(base|backend|postgres)\.h", r"libpq-fe\.h",
                               r"postgres_\w+\.h", STANDARD, POSIX]),
    (r"examples/http/.*", [r"farmcore/\w+\.h", r"microhttpd\.h", STANDARD, POSIX]),
    (r"(examples|tests/backend)/.*", [r"farmcore/\w+\.h", r"(conformance|decorator)\w*\.h",
                                      r"sqlite3\.h", r"libpq-fe\.h", r"sys/epoll\.h", STANDARD,
                                      POSIX]),
    (r"bindings/.*", [r"(farmcore/)?\w+(\.h)?", r"records\.def"]),
]


def allowed_for(name):
    for pattern, allowed in ALLOWED:
        match = re.fullmatch(pattern, name)
        if match:
            module = match.groupdict().get("x", "")
            return [row.replace("{x}", module) for row in allowed]
    return None


rule = Rule(__doc__)
for path in rule.files(".c", ".h", ".cc", ".i", under=("include", "src", "backends", "bindings",
                                                       "examples", "tests/backend")):
    name = rule.name(path)
    allowed = allowed_for(name)
    if allowed is None:
        rule.find(path, 1, "no row of the table in tests/lint/includes.py is for this file")
        continue
    text = without_comments(path.read_text())
    for match in INCLUDE.finditer(text):
        if not any(re.fullmatch(row, match[2]) for row in allowed):
            rule.find(path, line_of(text, match.start(1)), f"may not include {match[2]}")
        ours = re.match(r"(base|store|\w+_sql\.h)\b", match[2])
        if (match[1] == '"') != bool(ours) and (ours or match[2].startswith("farmcore/")):
            rule.find(path, line_of(text, match.start(1)), f"{match[2]}: <> for what is installed")
rule.end()
