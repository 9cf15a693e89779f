"""The installed package, moved to another place, serves all who find it: by pkg-config, shared and
static, by find_package, and the source by add_subdirectory. And the conformance suite that is
installed beside it builds against it, as an author of a backend would build it, and passes.
"""
import re

from _package import ROOT, build, claim, folder, install, run

HERE = ROOT / "tests/package"
WARNINGS = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror"]
URI = "sqlite::memory:"

work = folder()
build(work / "build")
install(work / "build", work / "installed")
prefix = (work / "installed").rename(work / "moved")
pkgconfig = {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
library_path = {"LD_LIBRARY_PATH": str(prefix / "lib")}


def flags(*arguments):
    return run("pkg-config", *arguments, "farmcore", **pkgconfig).split()


run("pkg-config", "--validate", "farmcore", **pkgconfig)
version = ".".join(re.findall(r"#define FARM_VERSION_\w+ (\d+)",
                              (prefix / "include/farmcore/base.h").read_text()))
claim(flags("--modversion") == [version], "the .pc has the version of the header")
claim(str(prefix) in " ".join(flags("--cflags")), "the .pc goes by where it is")

run("cc", *WARNINGS, HERE / "consumer.c", *flags("--cflags", "--libs"), "-o", work / "shared")
run(work / "shared", URI, **library_path)
claim("libfarmcore.so.0" in run("readelf", "-d", work / "shared"), "pkg-config, shared")

static = [flag.replace("-lfarmcore", "-l:libfarmcore.a")
          for flag in flags("--static", "--cflags", "--libs")]
run("cc", *WARNINGS, HERE / "consumer.c", *static, "-o", work / "static")
run(work / "static", URI)
claim("libfarmcore" not in run("readelf", "-d", work / "static"), "pkg-config --static")

for name, options in [("find_package", [f"-DCMAKE_PREFIX_PATH={prefix}"]),
                      ("subdirectory", [f"-DFARMCORE_SOURCE={ROOT}"])]:
    run("cmake", "-G", "Ninja", "-S", HERE / "consumers" / name, "-B", work / name, *options)
    run("cmake", "--build", work / name)
    for library in ("farmcore", "farmcore_static"):
        run(work / name / f"with_{library}", URI)
        needed = "libfarmcore.so.0" in run("readelf", "-d", work / name / f"with_{library}")
        claim(needed == (library == "farmcore"), f"{name}, {library}")

suite = sorted((prefix / "share/farmcore/conformance").glob("conformance*.c"))
claim(len(suite) > 0, "the conformance suite is installed")
run("cc", *WARNINGS, *suite, *flags("--cflags", "--libs"), "-pthread", "-o", work / "conformance")
run(work / "conformance", URI, **library_path)
claim(True, "the installed conformance suite passes on the installed library")
