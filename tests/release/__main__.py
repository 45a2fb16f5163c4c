"""`nox -s release`: look at what a release would publish, and print what to do next. Nothing is uploaded.

python -m tests.release FOLDER     FOLDER has the source distribution and the wheel of this source
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

import cometconn

from .changes import disagreements
from .contents import differences, expected_sdist, expected_wheel, sdist_files, wheel_files
from .installed import examine

ROOT = pathlib.Path(__file__).parents[2]
NEXT = """
Everything is in order. What is left to do, by hand:
  git tag -a v{version} -m "cometconn {version}"
  git push --follow-tags
  python -m twine upload {sdist} {wheel}
Then raise the version of the package.
"""


def main(folder: pathlib.Path) -> int:
    """Print what is wrong with the release in *folder*, or what is left to do. Returns 1 if something is wrong."""
    version = cometconn.__version__
    sdist, wheel = folder / f"cometconn-{version}.tar.gz", folder / f"cometconn-{version}-py3-none-any.whl"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = set(listed.splitlines())
    wrong = differences("wheel", wheel_files(wheel), expected_wheel(tracked, version))
    wrong += differences("source distribution", sdist_files(sdist), expected_sdist(tracked))
    with tempfile.TemporaryDirectory() as empty:
        wrong += examine(wheel.resolve(), version, pathlib.Path(empty))
    wrong += disagreements(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if wrong:
        print(f"cometconn {version} is not ready:", *wrong, sep="\n- ")
        return 1
    print(NEXT.format(version=version, sdist=sdist, wheel=wheel))
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
