"""``make soak ROTATIONS=1000``: the simulator's sample on a real Kubernetes, rotated until it has been often enough.

Every pod is replaced each minute under trades of all markets; at the end the audit compares all that is stored with all
that the exchanges sent. The cluster is that of ``make cluster-test``. Ctrl-C ends the rotations early and audits what
there is.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: all held, 1: something did not, or there is
no cluster, 2: bad usage, or a run that proves nothing.
"""

import argparse
import contextlib
import os
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tests.audit.judge import Verdict
from tests.audit.stream import CannotRead
from tests.cluster import images as provision
from tests.cluster import kube
from tests.cluster.conftest import PREFIX
from tests.cluster.kube import Refused
from tests.cluster.place import place
from tests.cluster.sample.scene import RATE, ROTATION, Proofs, Rotations, Sample, sample
from tests.harness import FAILED, NotInTime, conclude, heed_signals, say

LOOK = 5.0
"""Seconds between two looks at the pods, each of which lives for a minute."""
STANDSTILL = 600.0
"""Seconds without any replacement after which the run is given up."""
_TOLD = 12
"""Looks between two lines of progress."""


def rotate(found: Sample, wanted: int) -> Rotations:
    """Replace pods until ``wanted`` have been, all markets together and each its share, and let the schedule rest.

    Raises:
        NotInTime: nothing is replaced any more.
    """
    rotations, counts = Rotations(found), dict.fromkeys(found.markets, 0)
    found.apply(rotation=ROTATION)
    share, begun, last = wanted // len(found.markets), time.monotonic(), time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        for look in range(sys.maxsize):
            before = sum(counts.values())
            with contextlib.suppress(Refused):  # the API server may be slow
                counts = rotations.look()
            total = sum(counts.values())
            if total >= wanted and min(counts.values()) >= share:
                break
            last = time.monotonic() if total > before else last
            if time.monotonic() - last > STANDSTILL:
                raise NotInTime(f"no pod was replaced for {STANDSTILL:g} s, after {total} rotations")
            if look % _TOLD == 0:
                say(f"{time.monotonic() - begun:6.0f} s  {total} of {wanted} rotations")
            time.sleep(LOOK)
    found.settle()
    say(f"{sum(rotations.look().values())} rotations in {time.monotonic() - begun:.0f} s; auditing ...")
    return rotations


def judged(counts: Mapping[str, int], proofs: Proofs, verdict: Verdict, wanted: int) -> dict[str, Any]:
    """Put the rotations by market, what pods have proven of them, and the audit's verdict together."""
    record = verdict.record()
    for market, entry in record["markets"].items():
        entry["rotations"] = counts.get(market, 0)
    lost = [(place, proof["tradesLost"]) for place, proof in proofs.items() if proof.get("tradesLost")]
    problems = [f"{market}: {count} trades lost, by the proof of {pod}" for (market, pod), count in lost]
    total = sum(counts.values())
    if total < wanted:
        problems.append(f"ended after {total} of {wanted} rotations")
    overlaps = [proof["overlapMilliseconds"] for proof in proofs.values() if "overlapMilliseconds" in proof]
    summary = {
        "rotations": total,
        "proofs": len(proofs),
        "overlap_ms_least": min(overlaps, default=None),
        "sent": sum(tally.sent for tally in verdict.tallies.values()),
        "stored": sum(tally.stored for tally in verdict.tallies.values()),
    }
    if not record["examples"]:
        del record["examples"]
    ok = record["ok"] and not problems
    return record | {"ok": ok} | summary | ({"problems": problems} if problems else {})


def soak(rotations: int, rate: float) -> tuple[dict[str, Any], bool]:
    """Run the sample in a namespace of its own; return the result, and whether it proves anything."""
    cluster = kube.find()
    os.environ["KUBECONFIG"] = cluster.kubeconfig
    images = provision.provide(tag=PREFIX)
    with place(cluster, f"{PREFIX}-soak-{uuid.uuid4().hex[:5]}") as where, sample(where, images, rate=rate) as found:
        begun = time.monotonic()
        counted = rotate(found, rotations)
        minutes = (time.monotonic() - begun) / 60
        verdict = found.audited()
        record = judged(counted.look(), counted.proofs, verdict, rotations)
    told = {"rate": rate, "minutes": round(minutes, 1), "kubernetes": cluster.version()}
    return record | told, not verdict.empty


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster.soak", description="The simulator's sample on a cluster, rotated many times."
    )
    parser.add_argument(
        "--rotations", type=int, default=1000, metavar="N", help="of all markets together (%(default)s)"
    )
    parser.add_argument("--rate", type=float, default=RATE, metavar="R", help="trades/s in all (%(default)g)")
    options = parser.parse_args(argv)
    if options.rotations < 1 or options.rate <= 0:
        parser.error("--rotations and --rate must be above 0")
    heed_signals()
    work = partial(soak, options.rotations, options.rate)
    return conclude(work, kube.NoCluster, NotInTime, Refused, CannotRead, OSError, code=FAILED)


if __name__ == "__main__":
    sys.exit(main())
