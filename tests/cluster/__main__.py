"""``make cluster-test``: everything in this folder on a real Kubernetes; further words go to pytest.

A whole run has tests side by side while the images are built, then the sample and other real pods beside it, then alone
what disturbs the whole cluster or measures it.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: all held, 1: something did not, or there
is no cluster, 2: bad usage, or a run that proves nothing: no test was run, or a whole run did not measure a figure.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster import figures, images, kube
from tests.cluster.conftest import PREFIX
from tests.harness import FAILED, NOTHING, OK, ROOT, conclude, folder, heed_signals, python, say

Words = Sequence[object]
_FOLDER = Path(__file__).parent
_SAMPLE = _FOLDER / "sample"
BESIDE: Words = tuple(_FOLDER / f"test_{name}.py" for name in ("captures", "images", "collector_pod"))
"""The words of the pytest beside the sample, which leaves some of the machine to others, one at a time."""
_LEFT_OUT = [f"--ignore={path}" for path in (_SAMPLE, *BESIDE)]
CROWD: Words = ("-n", "12", "--maxschedchunk", "1", "-m", "not alone", *_LEFT_OUT, _FOLDER)
"""The words of the first pytest: what mostly waits for the operator, and needs no image. It runs at once.

A worker gets its next test when it needs one, so that the long ones, which are first, are not in each other's way.
"""
SAMPLED: Words = ("-p", "no:randomly", *(_SAMPLE / f"test_{name}.py" for name in ("strokes", "outages", "rotations")))
"""Of the sample's, which runs when the crowd is through: both together are too much for a small machine.

Its audits are of all trades so far: what needs few comes first.
"""
ALONE: Words = ("-m", "alone", _FOLDER)
"""Of the last one."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    heed_signals()
    return conclude(partial(run, arguments), kube.NoCluster, code=FAILED)


def run(arguments: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """Run the tests; return the result, and whether it proves anything."""
    cluster, begun = kube.find(), time.time()
    with folder("metdc-cluster-") as temporary:
        notes = temporary / "figures"
        told = {
            "KUBECONFIG": cluster.kubeconfig,
            figures.VARIABLE: str(notes),
            figures.BEGUN: figures.moment(begun),
        }
        codes = [tested(told, arguments)] if arguments else whole(told)
        code, record = judge(codes, figures.read(notes), whole=not arguments)
    took = round(time.time() - begun)
    return {"ok": code == OK, "kubernetes": cluster.version(), "took_s": took} | record, code != NOTHING


def whole(told: Mapping[str, str]) -> list[int]:
    """Run everything; ``told`` is added to the environment. Return the exit codes."""
    with contextlib.ExitStack() as stack:
        crowd = _started(stack, told, CROWD)
        told = {**told, **images.named(tag=PREFIX)}
        codes = [crowd.wait()]
        beside = _started(stack, told, BESIDE)
        codes += [tested(told, SAMPLED), beside.wait()]
    return [*codes, tested(told, ALONE)]


def tested(told: Mapping[str, str], words: Words) -> int:
    """Run a pytest; return its exit code."""
    with contextlib.ExitStack() as stack:
        return _started(stack, told, words).wait()


def _started(stack: contextlib.ExitStack, told: Mapping[str, str], words: Words) -> "subprocess.Popen[bytes]":
    command = python("pytest", "-v", "--durations=12", *map(str, words))
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **told}, stdout=sys.stderr)
    stack.callback(running.terminate)  # where this one is ended early
    return running


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
