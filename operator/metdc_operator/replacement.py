"""What is known of a replacement that has just come to its end. Pure.

The new pod says what it has proven, once it knows; for one that doesn't say so, the times of the pods tell: the old one
was told to stop when its grace period began.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.report import Handover, Report
from metdc_operator.handover import handed_over
from metdc_operator.observation import Rotation
from metdc_operator.records import PodRecord
from metdc_operator.times import parse

PROOF = 60 * SECOND
"""So long after its end a replacement waits for its proof to be told."""


class Read(Protocol):
    """A pod's last report."""

    @property
    def report(self) -> Report:
        """The report."""
        ...


def finished(
    pods: Sequence[PodRecord], current: Callable[[PodRecord], bool], reads: Mapping[str, Read], now: int
) -> Rotation | None:
    """Return the replacement that the newest pod has proven, or whose old pod is ending; null while there is none."""
    taking = [pod for pod in pods if pod.ready_since is not None and current(pod) and pod.meta.deleting is None]
    if not taking:
        return None
    new = max(taking, key=lambda pod: (pod.ready_since or 0, pod.meta.name))
    read = reads.get(new.meta.uid)
    report = read.report if read is not None else None
    if (proven := handed_over(report)) is not None:
        return proven
    leaving = [pod for pod in pods if pod.meta.deleting is not None and not current(pod)]
    if not leaving:
        return None
    old = max(leaving, key=_told)
    told, _ = _told(old)
    if report is not None and report.handover is not None and now < told + PROOF:
        return None
    return Rotation(slot=new.slot, old=old.meta.name, new=new.meta.name, finished=told)


def _told(pod: PodRecord) -> tuple[int, str]:
    """When it was told to stop: its deletion is due a grace period later."""
    return (pod.meta.deleting or 0) - pod.grace, pod.meta.name


def remembered(status: Mapping[str, Any]) -> dict[tuple[str, int], Rotation]:
    """Return the last replacement of each market and shard, as a status tells it."""
    found = {}
    for market in status.get("markets", ()):
        last = market.get("lastRotation")
        if last is not None:
            found[market["name"], market["shard"]] = Rotation(
                slot=last.get("slot", ""),
                old=last.get("from", ""),
                new=last.get("to", ""),
                finished=parse(last["finishedAt"]),
                handover=_proof(last),
            )
    return found


def _proof(last: Mapping[str, Any]) -> Handover | None:
    if "overlapMilliseconds" not in last:
        return None
    counts = {
        "by_id": last.get("symbolsProvenById", 0),
        "by_rows": last.get("symbolsProvenByRows", 0),
        "by_subscription": last.get("symbolsProvenBySubscription", 0),
        "by_rest": last.get("symbolsProvenByREST", 0),
        "backfilled": last.get("symbolsBackfilled", 0),
        "unfilled": last.get("symbolsUnfilled", 0),
    }
    return Handover(
        last.get("from", ""),
        farewell=last.get("farewell", False),
        final=True,
        overlap=last["overlapMilliseconds"] * 10**6,
        symbols=sum(counts.values()),
        lost=last.get("tradesLost"),
        duplicates=last.get("duplicates", 0),
        **counts,
    )
