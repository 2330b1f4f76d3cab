"""``make cluster-test``: everything in this folder on a real Kubernetes; further words go to pytest.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: all held, 1: something did not, or there
is no cluster, 2: bad usage, or a run that proves nothing: no test was run, or a whole run did not measure a figure.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster import figures, kube
from tests.harness import ROOT, folder, python, say

OK, FAILED, NOTHING = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Run the tests; return the exit code."""
    try:
        cluster = kube.find()
    except kube.NoCluster as error:
        say(str(error))
        print(json.dumps({"ok": False, "error": str(error).partition("\n")[0]}))
        return FAILED
    with folder("metdc-cluster-") as temporary:
        notes = temporary / "figures"
        environment = {"KUBECONFIG": cluster.kubeconfig, figures.VARIABLE: str(notes)}
        words = arguments or [str(Path(__file__).parent)]
        done = subprocess.run(
            python("pytest", "-v", *words), cwd=ROOT, env={**os.environ, **environment}, stdout=sys.stderr, check=False
        )
        code, record = judge(done.returncode, figures.read(notes), whole=not arguments)
    print(json.dumps({"ok": code == OK, "kubernetes": cluster.version()} | record))
    return code


def judge(pytest_code: int, measured: dict[str, float], *, whole: bool) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the figures; skipped tests are none, since a skip is red."""
    record: dict[str, Any] = {name: measured.get(name) for name in figures.WANTED} | measured | {"skipped": 0}
    missing = [name for name in figures.WANTED if name not in measured]
    if pytest_code == 0 and whole and missing:
        say(f"not measured: {', '.join(missing)}")
        return NOTHING, record
    return {0: OK, 1: FAILED}.get(pytest_code, NOTHING), record


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
