"""Calls that are banned: which, where, and why. What is excepted stands in the row."""
import re

from _source import Rule, code, line_of

ALL = r".*"
LIBRARY = r"(src|backends)/.*"
# names, the files that they are banned in, the files that are excepted, why
BANNED = [
    ("strcpy strcat sprintf vsprintf gets strtok alloca", ALL, "",
     "it does not know its bounds"),
    ("atoi atol atoll atof", ALL, "", "it cannot tell an error from 0"),
    ("rand srand random srandom drand48", ALL, "", "entropy comes in through the session"),
    ("time localtime gmtime ctime asctime mktime clock gettimeofday", ALL, r"tests/backend/.*",
     "time comes in through the session"),
    ("clock_gettime", ALL,
     r"src/base/clock\.c|backends/.*|tests/(backend|bench|stress|fault|support)/.*",
     "time comes in through the session"),
    ("sleep usleep nanosleep", ALL, r"src/base/clock\.c|backends/.*|tests/backend/.*",
     "wait for the thing itself"),
    ("malloc calloc realloc free strdup strndup asprintf", LIBRARY, r"src/base/memory\.c",
     "memory comes from the hooks: farm_allocate, farm_free"),
    ("getenv setenv putenv", LIBRARY, "", "the library does not read the environment"),
    ("printf fprintf puts fputs putchar perror syslog", LIBRARY, "", "the library does not log"),
    ("exit _exit abort assert", LIBRARY, r"src/base/(assert\.h|crypto\.c)",
     "FARM_ASSERT says what happens"),
    ("system popen dlopen setjmp longjmp signal", LIBRARY, "", "not ours to do in a host"),
]

rule = Rule(__doc__)
for path in rule.files(".c", ".h", under=("include", "src", "backends", "bindings", "examples",
                                          "tests")):
    name = rule.name(path)
    text = code(path.read_text())
    for names, where, excepted, why in BANNED:
        if not re.fullmatch(where, name) or excepted and re.fullmatch(excepted, name):
            continue
        for match in re.finditer(rf"(?<![\w.>])({'|'.join(names.split())})\s*\(", text):
            rule.find(path, line_of(text, match.start(1)), f"{match[1]}(): {why}")
rule.end()
