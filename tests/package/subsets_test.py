"""What is not chosen is not there: its code, its header, its library. What is chosen brings the
modules that it calls."""
import subprocess

from _package import ROOT, build, claim, folder, install, run

SUBSETS = [
    ("sqlite", {"FARM_BACKENDS": "sqlite"}, ["postgres"], ["libpq"]),
    ("postgres", {"FARM_BACKENDS": "postgres"}, ["sqlite"], ["libsqlite3"]),
    ("rate", {"FARM_MODULES": "rate", "FARM_BACKENDS": "sqlite"},
     ["idempotency", "roles", "redact", "postgres"], ["libpq"]),
    ("core", {"FARM_MODULES": "", "FARM_BACKENDS": "sqlite"},
     ["rate", "idempotency", "roles", "breaker", "redact", "postgres"], ["libpq"]),
]

work = folder()
for name, options, absent, libraries in SUBSETS:
    place, prefix = work / name, work / name / "installed"
    build(place, **options)
    install(place, prefix)
    needed = run("readelf", "-d", place / "libfarmcore.so")
    exports = run("nm", "-D", "--defined-only", place / "libfarmcore.so")
    stem = {"roles": "farm_role_", "sqlite": "sqlite", "postgres": "postgres"}
    for part in absent:
        claim(not (prefix / f"include/farmcore/{part}.h").exists(), f"{name}: no {part}.h")
        claim(stem.get(part, f"farm_{part}") not in exports, f"{name}: no function of {part}")
    for library in libraries:
        claim(library not in needed, f"{name}: {library} is not needed")
    config = run("pkg-config", "--static", "--libs", prefix / "lib/pkgconfig/farmcore.pc")
    claim(not any(library.removeprefix("lib") in config for library in libraries),
          f"{name}: nor named in the .pc")
    program = place / "consumer"
    run("cc", "-std=c11", ROOT / "tests/package/consumer.c", f"-I{prefix}/include",
        f"-L{prefix}/lib", f"-Wl,-rpath,{prefix}/lib", "-lfarmcore", "-o", program)
    if "sqlite" not in absent:
        run(program, "sqlite::memory:")
        claim(True, f"{name}: a program runs with it")
refused = subprocess.run(["cmake", "-S", ROOT, "-B", work / "wrong", "-DFARM_MODULES=rates"],
                         text=True, capture_output=True)
claim(refused.returncode != 0 and 'no module "rates"' in refused.stderr, "a wrong name is refused")
