"""Built in two folders from two copies of the source, the libraries are the same to the bit."""
import hashlib
import shutil

from _package import LEFT_OUT, ROOT, build, claim, folder

LIBRARIES = ("libfarmcore.so", "libfarmcore.a")


def digests(place):
    shutil.copytree(ROOT, place / "source", ignore=LEFT_OUT)
    build(place / "build", place / "source", targets=("farmcore", "farmcore_static"))
    return [hashlib.sha256((place / "build" / name).read_bytes()).hexdigest() for name in LIBRARIES]


work = folder()
first, second = digests(work / "one"), digests(work / "another/and/deeper")
for name, one, other in zip(LIBRARIES, first, second):
    claim(one == other, f"{name}: {one}")
