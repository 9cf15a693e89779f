"""What the tests of the package share: running, configuring, building, installing."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", "build", "dist", "node_modules", "__pycache__")


def folder():
    """The folder that the test works in, empty: its first argument."""
    work = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return work


def run(*command, **variables):
    """Run; when it fails, show what it said and end the test."""
    result = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ, **variables})
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}\nexit status {result.returncode}")
    return result.stdout


def build(work, source=ROOT, targets=("all",), **options):
    """Configure and build the library, without tests, as a release with debug information."""
    options = {"CMAKE_BUILD_TYPE": "RelWithDebInfo", "FARM_TESTS": "OFF",
               "CMAKE_INSTALL_LIBDIR": "lib", **options}
    run("cmake", "-G", "Ninja", "-S", source, "-B", work,
        *(f"-D{name}={value}" for name, value in options.items()))
    run("cmake", "--build", work, "--target", *targets)


def install(work, prefix):
    run("cmake", "--install", work, "--prefix", prefix)


def claim(holds, sentence):
    print(("ok: " if holds else "NOT: ") + sentence)
    if not holds:
        sys.exit(1)
