"""How one process took over from the one before it, and what proves that nothing was lost in between. Pure.

The predecessor's last report says which trade of each instrument it had last; this process knows which came first here,
and what became of the holes that it found at its start. Nothing of it is asked for a second time, and no trade is
looked at: what is kept is one :class:`First` an instrument. Reports are kept for three intervals; of a process that
died before that, its proof still tells who it was and until when it had listened.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from metdc_collector.backfill.proof import Proof
from metdc_collector.continuity import First, number
from metdc_collector.wire.gap import Gap
from metdc_collector.wire.report import Handover, Report, Trades

_AGGREGATE = "agg:"


class Start(NamedTuple):
    """What a process's start has shown of the instruments of its first list.

    ``begun`` is since when they are listened to (ns), ``firsts`` the first trade of each, ``settled`` the records of
    holes that the start made, ``open`` whose hole is not settled, ``unheard`` what is not listened to yet.
    """

    begun: Mapping[str, int]
    firsts: Mapping[str, First]
    settled: Mapping[str, Sequence[Gap]] = {}
    open: AbstractSet[str] = frozenset()
    unheard: AbstractSet[str] = frozenset()


@dataclass(slots=True)
class Succession:
    """The hand-over of one process, until it is final.

    Attributes:
        record: what is known of it; null while no predecessor was seen.
    """

    record: Handover | None = field(default=None, init=False)
    _old: Report | None = field(default=None, init=False)
    _duplicates: int = field(default=0, init=False)
    _first: Sequence[Report] | None = field(default=None, init=False)

    def look(self, found: Collection[Report], proofs: Iterable[Proof], mine: Report, start: Start) -> None:
        """Take the reports of the market's pods and the proofs of others, and this process's own report as of now."""
        if self.record is not None and self.record.final:
            return
        if self._old is None:
            self._old = self._whom(found, proofs, mine)
            if self._old is None:
                return
            self._duplicates = self._old.trades.duplicates
        old = self._old
        last = next((each for each in found if (each.key, each.started) == (old.key, old.started)), None)
        self._old = _heard_longer(last or old, proofs)
        record = judge(self._old, mine, start, is_gone=last is None)
        during = max(0, self._old.trades.duplicates - self._duplicates)
        self.record = replace(record, duplicates=mine.trades.duplicates + during)

    def _whom(self, found: Collection[Report], proofs: Iterable[Proof], mine: Report) -> Report | None:
        """Return the predecessor once it is known: at the first look one that lives may not have reported yet.

        After an outage of NATS, that is. The first look alone shows what an earlier process of this pod has left.
        """
        is_first = self._first is None
        self._first = [*found] if self._first is None else self._first
        old = predecessor([*self._first, *found], mine)
        if is_first:
            return old if old is not None and _lives(old, mine) else None
        return old or _departed(proofs, mine)


def predecessor(found: Iterable[Report], mine: Report) -> Report | None:
    """Return whom this process takes over from: of those that started before, the one that lives and carries the data.

    Where none lives it is the one that started last, an earlier process of this very pod included.
    """
    earlier = [each for each in found if each.shard == mine.shard and each.started < mine.started]

    def rank(report: Report) -> tuple[bool, bool, int, str]:
        lives = _lives(report, mine)
        return lives, lives and report.ready, report.started, report.pod

    return max(earlier, key=rank, default=None)


def _lives(report: Report, mine: Report) -> bool:
    """Whether a process may go on, as far as its report shows; an earlier one of this very pod does not."""
    return report.state != "stopped" and report.pod != mine.pod


def _departed(proofs: Iterable[Proof], mine: Report) -> Report | None:
    """Return what a proof tells of a process whose last report is kept no longer."""
    last = max((proof for proof in proofs if proof.since < mine.started), key=lambda proof: proof.at, default=None)
    if last is None:
        return None
    pod, _, _ = last.pod.rpartition("-")
    return replace(
        mine, pod=pod, started=last.since, at=last.at, state="streaming", trades=Trades(), last_ids={}, ended=None
    )


def _heard_longer(old: Report, proofs: Iterable[Proof]) -> Report:
    """Return the report as of the time that its process has proven: reports are rare, and a crash makes no last one."""
    if old.ended is not None:
        return old
    of_pod = (proof for proof in proofs if proof.pod.rpartition("-")[0] == old.pod and proof.since >= old.started)
    own = min(of_pod, key=lambda proof: proof.since, default=None)  # a later one is of a process started again
    return old if own is None else replace(old, at=max(old.at, own.at))


def judge(old: Report, mine: Report, start: Start, *, is_gone: bool) -> Handover:
    """Return what is known of the hand-over by now; ``is_gone`` says that the predecessor reports no longer."""
    names = start.begun.keys() | start.unheard
    counts = Counter(_proof(name, old, mine, start) for name in names)
    farewell = old.state == "stopped"
    whole = bool(start.begun) and not start.unheard
    started = max(start.begun.values()) if whole else None
    finished = old.at if old.ended is None else old.ended
    ended = farewell or is_gone
    return Handover(
        predecessor=old.pod,
        farewell=farewell,
        final=ended and whole and not counts["open"],
        started=started,
        finished=finished,
        overlap=0 if started is None else max(0, finished - started),
        symbols=len(names),
        lost=_lost(gap for name in names for gap in start.settled.get(name, ())),
        **counts,
    )


def _proof(name: str, old: Report, mine: Report, start: Start) -> str:
    """What proves an instrument's hand-over, in the record's words."""
    if name in start.open or name in start.unheard:
        return "open"
    states = {gap.state for gap in start.settled.get(name, ())}
    if not states.isdisjoint(("partial", "unfillable")):
        return "unfilled"
    if states:
        return "backfilled" if "filled" in states else "by_rest"
    first, last = start.firsts.get(name), old.last_ids.get(name)
    if first is None:
        return "by_subscription"
    if first.order >= 0 and (first.shared or _follows(first, last)):
        return "by_id"
    same = last is not None and last in (first.id, mine.last_ids.get(name))
    return "by_rows" if first.shared or same else "by_subscription"


def _follows(first: First, last: str | None) -> bool:
    """Whether nothing can lie between the predecessor's last trade and the first here; ids must be the numbers."""
    if last is None or last.startswith(_AGGREGATE) != first.id.startswith(_AGGREGATE):
        return False
    return first.named and first.order <= number(last.removeprefix(_AGGREGATE)) + 1


def _lost(gaps: Iterable[Gap]) -> int | None:
    """Trades that were not found; null where one of the records doesn't count."""
    lost = 0
    for gap in gaps:
        if gap.state in ("partial", "unfillable"):
            if gap.missing is None:
                return None
            lost += gap.missing - (gap.filled or 0)
    return lost
