"""``make e2e``: the chart on the cluster of KUBECONFIG, else of ``../shared/cluster``, as a new user installs it.

Builds the images, installs the chart with the real helm and the simulated exchanges as a pod, applies the simulator's
sample, and lets happen under load what befalls an installation; at the end the audit compares all that is stored with
all that the exchanges sent. Everything it needs comes by itself, pinned.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: all held, 1: something did not, or there is
no cluster, 2: bad usage, or a run that proves nothing.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from tests import tools
from tests.audit.judge import Verdict
from tests.cluster import images as provision
from tests.cluster import kube
from tests.cluster.conftest import PREFIX
from tests.cluster.place import ready
from tests.cluster.sample.scene import Rotations
from tests.e2e import adversary, release
from tests.e2e.scene import LIMIT, Scene, scene
from tests.e2e.strokes import FAILURES, MEANWHILE, ROTATIONS, STROKES, rotating, struck
from tests.harness import FAILED, conclude, heed_signals, say

MARKETS = 12
COUNTS = ("lost", "duplicated", "misordered", "wrong")


def run(*, accept_open: bool) -> tuple[dict[str, Any], bool]:
    """Install, strike, audit; return the result, and whether it proves anything."""
    tools.helm()
    cluster = kube.find()
    os.environ["KUBECONFIG"] = cluster.kubeconfig
    images = provision.provide(tag=f"{PREFIX}-e2e")
    again = provision.provide(tag=f"{PREFIX}-e2e-next", before=images)
    with scene(cluster, images, again) as found:
        record: dict[str, Any] = {
            "helm": release.version(),
            "kubernetes": cluster.version(),
            "install_to_first_trade_s": round(found.first_trade, 1),
            "pods_ready": sum(ready(pod) for pod in found.sample.pods()),
        }
        counted = Rotations(found.sample)
        enforced, faults = _enforced(found), _struck(found, counted)
        rotations = sum(counted.look().values())
        record |= {"rotations": rotations, "faults": faults, "policies_enforced": enforced}
        say("auditing ...")
        verdict = found.sample.audited()
    return judged(record, verdict, accept_open=accept_open), not verdict.empty


def _enforced(found: Scene) -> bool | None:
    try:
        return adversary.policies_enforced(found)
    except FAILURES as error:
        say(f"whether policies are enforced could not be seen: {error}")
        return None


def _struck(found: Scene, counted: Rotations) -> list[dict[str, Any]]:
    """What befalls the installation, then a neighbour and intruders while it rotates."""
    faults = [struck(found, stroke) for stroke in STROKES]
    try:
        with rotating(found, counted):
            faults += [struck(found, stroke) for stroke in MEANWHILE]
    except FAILURES as error:
        say(f"rotations: {error}")
    return faults


def judged(record: dict[str, Any], verdict: Verdict, *, accept_open: bool) -> dict[str, Any]:
    """Put everything together; ``problems`` say what did not hold."""
    tallies = verdict.tallies.values()
    counts = {name: sum(getattr(tally, name) for tally in tallies) for name in COUNTS}
    problems = [f"{each['name']}: {each.get('why', 'failed')}" for each in record["faults"] if not each["ok"]]
    if record["install_to_first_trade_s"] >= LIMIT:
        problems.append(f"trades of all markets were stored after {record['install_to_first_trade_s']} s only")
    if record["pods_ready"] < MARKETS:
        problems.append(f"{record['pods_ready']} pods were ready")
    if record["rotations"] < ROTATIONS:
        problems.append(f"{record['rotations']} of {ROTATIONS} rotations")
    if record["policies_enforced"] is not True and not accept_open:
        problems.append("network policies are not enforced; --accept-open-network takes that")
    if not verdict.ok:
        problems.append(f"the audit: {json.dumps(verdict.record()['examples'][:3])}")
    ok = not problems and not verdict.empty
    sent = sum(tally.sent for tally in tallies)
    return {"ok": ok} | record | counts | {"sent": sent, "skipped": 0} | ({"problems": problems} if problems else {})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e", description="The chart on a real Kubernetes.")
    parser.add_argument(
        "--accept-open-network", action="store_true", help="hold on a cluster that enforces no network policies"
    )
    options = parser.parse_args(argv)
    heed_signals()
    work = partial(run, accept_open=options.accept_open_network)
    return conclude(work, kube.NoCluster, tools.Missing, *FAILURES, code=FAILED)


if __name__ == "__main__":
    sys.exit(main())
