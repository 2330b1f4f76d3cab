"""``make cluster-test``: everything in this folder on a real Kubernetes; further words go to pytest.

A whole run builds the images, then runs what may run side by side, then the sample, then what disturbs the whole
cluster or measures it.

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

Part = Sequence[Sequence[object]]
_FOLDER = Path(__file__).parent
_SAMPLE = _FOLDER / "sample"
_CAPTURES, _PODS = _FOLDER / "test_captures.py", _FOLDER / "test_collector_pod.py"
_OTHERS = ("-n", "4", "--dist", "worksteal", "-m", "not alone")
_LEFT_OUT = [f"--ignore={path}" for path in (_SAMPLE, _CAPTURES, _PODS)]
_IN_TURN = [_SAMPLE / f"test_{name}.py" for name in ("strokes", "outages", "rotations")]
WHOLE: Sequence[Part] = (
    [[_CAPTURES], [_PODS], [*_OTHERS, *_LEFT_OUT, _FOLDER]],
    [["-p", "no:randomly", *_IN_TURN]],
    [["-m", "alone", _FOLDER]],
)
"""What runs one after the other, of each part the words of the pytests that run at once.

A few markets' pods and what mostly waits for the operator go well together; the sample takes all of a small machine.
Its audits are of all trades so far: what needs few comes first.
"""


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    heed_signals()
    return conclude(partial(run, arguments), kube.NoCluster, code=FAILED)


def run(arguments: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """Run the tests; return the result, and whether it proves anything."""
    cluster = kube.find()
    environment = {"KUBECONFIG": cluster.kubeconfig} | ({} if arguments else images.named(tag=PREFIX))
    with folder("metdc-cluster-") as temporary:
        notes = temporary / "figures"
        environment |= {figures.VARIABLE: str(notes), figures.BEGUN: figures.moment(time.time())}
        parts: Sequence[Part] = [[arguments]] if arguments else WHOLE
        codes = [code for part in parts for code in tested({**os.environ, **environment}, part)]
        code, record = judge(codes, figures.read(notes), whole=not arguments)
    return {"ok": code == OK, "kubernetes": cluster.version()} | record, code != NOTHING


def tested(environment: Mapping[str, str], part: Part) -> list[int]:
    """Run a pytest for each of the words, all at once; return their exit codes."""
    with contextlib.ExitStack() as stack:
        running = []
        for words in part:
            command = python("pytest", "-v", "--durations=12", *map(str, words))
            running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sys.stderr))
            stack.callback(running[-1].terminate)  # where this one is ended early
        return [each.wait() for each in running]


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
