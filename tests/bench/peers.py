"""An environment of the peers' own, from ``requirements/peers.txt``."""

import sys
from pathlib import Path

from tests.checks.distribution import require
from tests.harness import ROOT, say

LOCK = ROOT / "requirements" / "peers.txt"


def installed(folder: Path) -> Path | None:
    """Return the environment's programs; None, with the reason on stderr, where it can't be made.

    cryptofeed comes without wheels for some versions of Python; then it is built, with what the lock says, and a C
    compiler that the machine has to have.
    """
    uv, python = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
    say("making an environment with cryptofeed and ccxt ...")
    try:
        require(uv, "venv", "--quiet", "--no-config", "--python", sys.executable, folder)
        pip = (uv, "pip", "install", "--quiet", "--no-config", "--python", python)
        require(*pip, "--require-hashes", "--build-constraints", LOCK, "-r", LOCK)
    except RuntimeError as error:
        say(f"the peers are not measured: {error}")
        return None
    return folder / "bin"
