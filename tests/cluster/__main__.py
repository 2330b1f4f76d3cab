"""``make cluster-test``: everything in this folder on a real Kubernetes; further words go to pytest.

A whole run builds the images and then has two parts: what may run side by side does, then what disturbs the whole
cluster or measures it, one by one.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: all held, 1: something did not, or there
is no cluster, 2: bad usage, or a run that proves nothing: no test was run, or a whole run did not measure a figure.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster import figures, images, kube
from tests.cluster.conftest import PREFIX
from tests.harness import FAILED, NOTHING, OK, ROOT, conclude, folder, python, say

SIDE_BY_SIDE = 5
"""Tests that run at once where they may: they mostly wait for pods."""
_FOLDER = str(Path(__file__).parent)
WHOLE = (
    ("-n", str(SIDE_BY_SIDE), "--dist", "loadgroup", "-m", "not alone", "--durations=12", _FOLDER),
    ("-m", "alone", "--durations=12", _FOLDER),
)
"""The words for pytest of each part of a whole run; a group of tests, the longest first, is one worker's."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return conclude(partial(run, arguments), kube.NoCluster, code=FAILED)


def run(arguments: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """Run the tests; return the result, and whether it proves anything."""
    cluster = kube.find()
    environment = {"KUBECONFIG": cluster.kubeconfig} | ({} if arguments else images.named(tag=PREFIX))
    with folder("metdc-cluster-") as temporary:
        notes = temporary / "figures"
        environment |= {figures.VARIABLE: str(notes), figures.BEGUN: figures.moment(time.time())}
        codes = [
            subprocess.run(
                python("pytest", "-v", *words),
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=sys.stderr,
                check=False,
            ).returncode
            for words in ([arguments] if arguments else WHOLE)
        ]
        code, record = judge(codes, figures.read(notes), whole=not arguments)
    return {"ok": code == OK, "kubernetes": cluster.version()} | record, code != NOTHING


def judge(pytest_codes: Sequence[int], measured: dict[str, float], *, whole: bool) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the figures; skipped tests are none, since a skip is red."""
    record: dict[str, Any] = {name: measured.get(name) for name in figures.WANTED} | measured | {"skipped": 0}
    missing = [name for name in figures.WANTED if name not in measured]
    codes = {{0: OK, 1: FAILED}.get(each, NOTHING) for each in pytest_codes}
    if codes == {OK} and whole and missing:
        say(f"not measured: {', '.join(missing)}")
        return NOTHING, record
    return next(code for code in (FAILED, NOTHING, OK) if code in codes), record


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
