"""Proves the rules: each is run on a small tree that is right, then with one fault planted.

A row: the rule, the file, what is put in place of what, and the words that the finding must hold.
"""
import pathlib
import subprocess
import sys
import tempfile

HEADER = '''/**
 * @file farmcore/{name}.h
 * About {name}.
 */
#ifndef FARMCORE_{guard}_H
#define FARMCORE_{guard}_H

{body}
#endif
'''
# clang-format sets the backslashes into the last column.
BASE = '''#include <stdint.h>

#define FARM_API

/** Every status. */
#define FARM_STATUSES(X)  \\
    X(OK, 0, "done")      \\
    X(EINVAL, 2, "wrong")

/** A status. */
typedef int32_t farm_status;
'''
BASE = "\n".join(line[:-1].ljust(99) + "\\" if line.endswith("\\") else line
                 for line in BASE.split("\n"))
SESSION = '''#include <farmcore/base.h>

/** A session. */
typedef struct farm_session farm_session;

/** What becomes of a part. */
#define FARM_THING_PART_STATUSES(X) X(GOOD, 0, "good") X(BAD, 1, "bad")

/** What a thing is. */
typedef struct farm_thing {
    int64_t count; /**< how many */
} farm_thing;

/**
 * Make a thing.
 *
 * @param key its name. @param out receives it.
 * @return FARM_OK
 * @return FARM_EINVAL the name is empty.
 * Ownership: out is the caller's. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_thing_make(farm_session *session, const char *key, farm_thing **out);

/** How many. @return 0 for NULL. Threads: any. Since 0.1.0. */
FARM_API int32_t farm_thing_count(const farm_thing *out);
'''
RULES = '''/* Decides. */
#include "base/text.h"
#include <farmcore/base.h>
#include <string.h>

int32_t thing_decide(int32_t count) {
    return count + (int32_t)sizeof("time(0) /* malloc(1) */");
}
'''
TEXT = "#ifndef BASE_TEXT_H\n#define BASE_TEXT_H\n\n#include <farmcore/base.h>\n\n#endif\n"
STORE = '#ifndef STORE_RUN_H\n#define STORE_RUN_H\n\n#include "base/text.h"\n\n#endif\n'
TREE = {
    "include/farmcore/base.h": HEADER.format(name="base", guard="BASE", body=BASE),
    "include/farmcore/session.h": HEADER.format(name="session", guard="SESSION", body=SESSION),
    "src/base/text.h": TEXT,
    "src/store/run.h": STORE,
    "src/thing/thing_rules.c": RULES,
    "tests/contract/thing_test.c":
        'static const char script[] = "part P1\\n"\n                             "part P2 1 "\n'
        '                             "-> BAD\\n";\n',
    "tests/support/clock.h":
        "#ifndef CLOCK_H\n#define CLOCK_H\n\n#include <stdint.h>\n\n#endif\n",
    "backends/sqlite/sqlite.c": "#include <farmcore/backend.h>\n#include <sqlite3.h>\n",
    "bindings/common/box.h":
        "#ifndef BOX_H\n#define BOX_H\n\n#include <farmcore/session.h>\n\n#endif\n",
    "examples/tour.c": "#include <farmcore/session.h>\n#include <stdlib.h>\n",
    "examples/quickstart.c": "int main(void) {\n    return 0;\n}\n",
    "README.md": "<!-- examples/quickstart.c -->\n```c\nint main(void) {\n    return 0;\n}\n```\n",
    "docs/symbols.txt": "farm_thing_count 0.1.0\nfarm_thing_make 0.1.0\n",
    "pkgconfig/farmcore.map": "FARMCORE_0 {\nglobal:\n    farm_thing_count;\n"
                              "    farm_thing_make;\nlocal:\n    *;\n};\n",
    ".clang-format": (pathlib.Path(__file__).parents[2] / ".clang-format").read_text(),
}

BASE_H, SESSION_H = "include/farmcore/base.h", "include/farmcore/session.h"
DECIDE, SQLITE = "src/thing/thing_rules.c", "backends/sqlite/sqlite.c"
BODY = "    return count + (int32_t)sizeof(\"time(0) /* malloc(1) */\");\n"
PLANTED = [
    ("includes", DECIDE, "base/text.h", "base/clock.h", "may not include base/clock.h"),
    ("includes", DECIDE, "<string.h>", "<stdio.h>", "may not include stdio.h"),
    ("includes", DECIDE, "base/text.h", "store/run.h", "may not include store/run.h"),
    ("includes", SQLITE, "<farmcore/backend.h>", '"base/text.h"', "may not include base/text.h"),
    ("includes", SQLITE, "<sqlite3.h>", "<libpq-fe.h>", "may not include libpq-fe.h"),
    ("includes", "src/store/run.h", "base/text.h", "thing/thing.h", "may not include thing/"),
    ("includes", "src/base/text.h", "farmcore/base.h", "sqlite3.h", "may not include sqlite3.h"),
    ("includes", "src/base/text.h", "<farmcore/base.h>", '"farmcore/base.h"', "<> for what is"),
    ("includes", "examples/tour.c", "<stdlib.h>", '"base/text.h"', "may not include base/text.h"),
    ("includes", "bindings/common/box.h", "<farmcore/session.h>", '"thing/thing.h"',
     "may not include thing/"),
    ("includes", SESSION_H, "<farmcore/base.h>", "<time.h>", "may not include time.h"),
    ("cycles", "src/base/text.h", "<farmcore/base.h>", '"store/run.h"',
     "store/run.h -> base/text.h"),
    ("cycles", "tests/support/clock.h", "<stdint.h>", '"clock.h"',
     "support/clock.h -> support/clock.h"),
    ("cycles", "src/base/text.h", "BASE_TEXT_H", "TEKST_H", "the guard should be BASE_TEXT_H"),
    ("sizes", DECIDE, BODY, BODY + "    /**/\n" * 68, "a function of 71 lines"),
    ("sizes", DECIDE, BODY, BODY + "/**/\n" * 600, "608 lines"),
    ("sizes", DECIDE, BODY, BODY + "/*" + "-" * 97 + "*/\n", "101 columns"),
    ("calls", DECIDE, BODY, "    return (int32_t)time(0);\n", "time(): "),
    ("calls", DECIDE, BODY, "    return malloc(1) != 0;\n", "malloc(): "),
    ("calls", "examples/tour.c", "#include <stdlib.h>", "int i = atoi(x);", "atoi(): "),
    ("calls", SQLITE, "<sqlite3.h>\n", "<sqlite3.h>\nint x = getenv (1);", "getenv(): "),
    ("vocabulary", SESSION_H, "const char *key, farm_thing **out", "farm_thing **out, int32_t role",
     "stands before another"),
    ("vocabulary", SESSION_H, "const char *key", "const char *nom", "not of the vocabulary"),
    ("vocabulary", SESSION_H, "const char *key", "int32_t key", "not of the vocabulary"),
    ("vocabulary", SESSION_H, "int32_t farm_thing_count", "long farm_thing_count", "returns long"),
    ("vocabulary", SESSION_H, "make(farm_session *session, ", "make(", "session first"),
    ("vocabulary", SESSION_H, "const char *key", "const void *data", "not followed by"),
    ("symbols", SESSION_H, "farm_thing_count", "farm_thing_sum", "lacks farm_thing_sum"),
    ("symbols", "docs/symbols.txt", "farm_thing_make 0.1.0\n", "", "lacks farm_thing_make"),
    ("symbols", "docs/symbols.txt", "make 0.1.0", "make 0.2.0", "the header says 0.1.0"),
    ("symbols", "pkgconfig/farmcore.map", "    farm_thing_make;\n", "", "lacks farm_thing_make"),
    ("symbols", "pkgconfig/farmcore.map", "make;", "make; farm_old;\n    farm_x;", "has farm_x"),
    ("comments", SESSION_H, "Since 0.1.0. */", "*/", "since when"),
    ("comments", SESSION_H, "Threads: any. ", "", "which threads"),
    ("comments", SESSION_H, " @return 0 for NULL.", "", "what it returns"),
    ("comments", SESSION_H, " * @return FARM_OK\n", "", "does not name FARM_OK"),
    ("comments", SESSION_H, "FARM_EINVAL", "FARM_EHUH", "no status FARM_EHUH"),
    ("comments", SESSION_H, "@param key", "@param name", "no parameter name"),
    ("comments", SESSION_H, "Ownership: out is the caller's. ", "", "whose what it hands out"),
    ("comments", SESSION_H, "/** What a thing is. */\n", "", "has no doc comment"),
    ("comments", SESSION_H, " How many. @return", " @return", "does not say what it does"),
    ("headers", SESSION_H, "int64_t count;", "int64_t class;", "g++ -std=c++17"),
    ("headers", SESSION_H, "int64_t count;", "int64_t count[];", "-std=c99"),
    ("headers", SESSION_H, "#include <farmcore/base.h>", "", "-std=c11"),
    ("text", DECIDE, "/* Decides. */", "/* TO" + "DO: decide. */", "left open"),
    ("text", DECIDE, "/* Decides. */", "/* /wo" + "rk/main/x */", "a path of one machine"),
    ("text", "docs/symbols.txt", "0.1.0", "https://py" + "pi.org/simple", "a host of downloads"),
    ("readme", "README.md", "return 0", "return 1", "this is not examples/quickstart.c"),
    ("readme", "README.md", "<!-- examples/quickstart.c -->", "", "does not show examples/quick"),
    ("outcomes", "tests/contract/thing_test.c", "-> BAD", "-> BADE", "part … -> BAD"),
    ("outcomes", "tests/contract/thing_test.c", "part P2", "whole P2", "part … -> BAD"),
    ("format", DECIDE, "int32_t count)", "int32_t  count)", "is not formatted"),
]


def run(rule, root):
    script = pathlib.Path(__file__).with_name(f"{rule}.py")
    result = subprocess.run([sys.executable, script, "--root", root], text=True,
                            capture_output=True)
    return result.returncode, result.stdout + result.stderr


def main():
    failures, skipped = 0, set()
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, content in TREE.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        for rule in sorted({row[0] for row in PLANTED}):
            status, answer = run(rule, root)
            skipped |= {rule} if status == 77 else set()
            if status not in (0, 77):
                print(f"{rule}: finds something where nothing is:\n{answer}")
                failures += 1
        for rule, name, old, new, words in PLANTED:
            if rule in skipped:
                continue
            assert old in TREE[name], (rule, old)
            (root / name).write_text(TREE[name].replace(old, new))
            status, answer = run(rule, root)
            (root / name).write_text(TREE[name])
            if status != 1 or words not in answer:
                print(f"{rule}: does not find {words!r} in {name}, it answers {status}:\n{answer}")
                failures += 1
    scripts = {path.stem for path in pathlib.Path(__file__).parent.glob("[a-z]*.py")}
    for rule in sorted(scripts - {row[0] for row in PLANTED}):
        print(f"{rule}: no fault is planted for it")
        failures += 1
    print(f"{len(PLANTED)} planted, {failures} not found")
    return 1 if failures else 0


sys.exit(main())
