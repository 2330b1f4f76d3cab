"""What does not belong in the repository: paths of a machine, index addresses, skips, large or binary files."""

import re
from collections.abc import Iterator
from pathlib import Path

LARGEST = 1_000_000
PICTURES = Path("docs/images")
"""Screenshots that the documents show: PNG, which is no text."""
_PNG = b"\x89PNG\r\n\x1a\n"

# Written so that these lines do not match themselves.
MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.-])/(?:work|root|home|Users|opt/wheels)/[A-Za-z0-9_.-]")
INDEX_ADDRESS = re.compile(r"https?://[^/\"' ]*(?:pypi[.]|python[h]osted[.]|golang[.]|npm[j]s[.]|maven[.]|cr[a]tes[.])")
SKIP = re.compile(r"pyt[e]st[.](?:mark[.])?(?:s[k]ip|xf[a]il|importor[s]kip)|unittest[.]s[k]ip")


def violations(path: Path, content: bytes) -> Iterator[str]:
    """Yield ``path:line: what is wrong`` for one tracked file."""
    if len(content) > LARGEST:
        yield f"{path}:1: {len(content)} bytes, more than {LARGEST}"
    if path.parent == PICTURES and content.startswith(_PNG):
        return
    try:
        text = content.decode()
    except UnicodeDecodeError:
        yield f"{path}:1: not text"
        return
    rules = [(MACHINE_PATH, "a path of one machine"), (INDEX_ADDRESS, "the address of a package index")]
    if path.suffix == ".py" and path.is_relative_to("tests"):
        rules.append((SKIP, "a skip or an expected failure; here a test runs or is not there"))
    for number, line in enumerate(text.splitlines(), 1):
        for rule, meaning in rules:
            if rule.search(line):
                yield f"{path}:{number}: {meaning}: {line.strip()[:100]}"
