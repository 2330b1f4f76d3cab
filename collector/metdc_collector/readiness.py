"""What readiness waits for of the market's other pods: the backlogs that they still have to deliver. Pure.

A backlog is what a pod has received and the stream doesn't hold: in its window, its memory and its spool. It counts
once its oldest trade is older than 15 s; what a healthy pod has under way is younger. It counts no more

- when the pod has delivered it, has said farewell, or hasn't renewed its report for three intervals;
- when it has not come below its lowest since five minutes (``patience``), counted from when NATS connected at the
  earliest: so two pods that both have one, and can't deliver it, don't hold each other for ever.

Ages of backlogs are by the clock of the pod that reports them, all else is by one's own: clocks need not agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from metdc_collector.wire.report import Report

_NS = 1_000_000_000
# A joining pod holds a trade for up to 10 s until the stream has its predecessor: that is no backlog.
_OLD = 15 * _NS
_SETTLED_INTERVALS = 2
_FRESH_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pod's newest report; when it was first seen, and when its backlog was first seen to be as low as ``low``."""

    report: Report
    renewed: int
    low: int
    shrunk: int
    given_up: bool = False


class Backlogs:
    """Follows the backlogs of the market's other pods, report by report."""

    def __init__(self, *, shard: int, shards: int, interval: float, patience: float) -> None:
        """``shard`` of ``shards`` is one's own; ``interval`` of reports and ``patience`` are in seconds."""
        self._shard = shard
        self._shards = shards
        self._settled = _SETTLED_INTERVALS * interval
        self._fresh = int(_FRESH_INTERVALS * interval * _NS)
        self._patience = patience
        self._seen: dict[tuple[str, int], _Seen] = {}
        self._judged = False
        self._holding: tuple[str, ...] = ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """What is waited for, in words that name pod, size and age; empty when nothing is."""
        if self._holding or self._judged:
            return self._holding
        return (f"the reports of the market's other pods, for {self._settled:g} s after NATS connects",)

    def look(self, reports: Iterable[Report] | None, *, now: int, connected: int) -> list[str]:
        """Judge anew by the reports that lie in the bucket ``now`` (ns); NATS is connected since ``connected`` (ns).

        Where they can't be read (null), what is known counts for as long as any report does. In the first two intervals
        of a connection pods may not have renewed theirs: an earlier verdict stays as it is then, and without one
        readiness waits. Returned is, once each and in words, what is not waited for any longer though it isn't
        delivered.
        """
        if reports is not None:
            self._seen = {
                (report.key, report.started): _follow(self._seen.get((report.key, report.started)), report, now)
                for report in reports
                if self._concerns(report)
            }
        settled = now - connected >= self._settled * _NS
        if self._judged and not settled:
            return []
        self._judged = settled
        holding: list[str] = []
        news: list[str] = []
        for place, seen in self._seen.items():
            if not _is_old(seen.report) or now - seen.renewed >= self._fresh:
                continue
            if now - max(seen.shrunk, connected) < self._patience * _NS:
                holding.append(f"pod {_words(seen.report)} to deliver its backlog of {_size(seen.report)}")
            elif not seen.given_up:
                self._seen[place] = replace(seen, given_up=True)
                still = f"the backlog of pod {_words(seen.report)}, {_size(seen.report)}"
                news.append(f"{still}, has not shrunk for {self._patience:g} s and is not waited for any longer")
        self._holding = tuple(holding)
        return news

    def _concerns(self, report: Report) -> bool:
        """Whether a pod may have trades of one's own instruments: another shard of the same split has others."""
        return report.shard == self._shard or report.shards != self._shards


def _follow(before: _Seen | None, report: Report, now: int) -> _Seen:
    trades = report.backlog.trades
    if before is None:
        return _Seen(report, now, trades, now)
    renewed = before.renewed if report.at == before.report.at else now
    if not _is_old(before.report) or trades < before.low:
        return _Seen(report, renewed, trades, now)
    return replace(before, report=report, renewed=renewed)


def _is_old(report: Report) -> bool:
    oldest = report.backlog.oldest
    return oldest is not None and report.at - oldest > _OLD


def _words(report: Report) -> str:
    return report.pod if report.shards == 1 else f"{report.pod} (shard {report.shard} of {report.shards})"


def _size(report: Report) -> str:
    age = (report.at - (report.backlog.oldest or report.at)) / _NS
    return f"{report.backlog.trades:,} trades, the oldest {age:.0f} s old"
