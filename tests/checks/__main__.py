"""``python -m tests.checks``: the house rules that only read files. Exit 0 when all hold, 1 otherwise."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.checks import clean, exact, schemas, sizes, skaffold


def tracked() -> list[Path]:
    """Return the regular files that git tracks or would add, or all files of the tree where there is no repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = sorted({Path(name) for name in listing.split("\0") if name})
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def violations() -> Iterator[str]:
    """Yield every breach of a rule, as ``path:line: message``."""
    for path in tracked():
        content = path.read_bytes()
        yield from clean.violations(path, content)
        if path.suffix == ".py":
            text = content.decode(errors="replace")
            yield from sizes.violations(path, text)
            yield from exact.violations(path, text)
    yield from schemas.violations()
    yield from skaffold.violations()


def main() -> int:
    """Print every breach and a sum."""
    found = list(violations())
    for line in found:
        print(line, file=sys.stderr)
    print(f"house rules: {len(found)} broken" if found else "house rules: kept", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
