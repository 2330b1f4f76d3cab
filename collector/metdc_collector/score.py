"""Figures of the health report: whose it is, how fast trades come, and one number for how much of a market flows. Pure.

``score = nats x (streaming / wanted) x promptness``

- nats: 1 while trades can be stored, else 0.5 (they are kept, and delivered afterwards);
- streaming / wanted: instruments that flow, of those wanted and not refused; 0 before the instrument list is read;
- promptness: 1 while the oldest trade that is not acknowledged is younger than 10 s, falling to 0.5 at 60 s.
"""

from typing import Any

from metdc_collector.wire.config import PodConfig

_PROMPT = 10.0
_LATE = 60.0


def score(*, nats: bool, wanted: int, streaming: int, backlog_age: float) -> float:
    """Return the health score; ``backlog_age`` in seconds, 0 without a backlog."""
    flowing = min(1.0, streaming / wanted) if wanted else 0.0
    lateness = min(max(backlog_age - _PROMPT, 0.0) / (_LATE - _PROMPT), 1.0)
    return round((1.0 if nats else 0.5) * flowing * (1.0 - 0.5 * lateness), 3)


class PerSecond:
    """Trades a second over the last report interval."""

    def __init__(self) -> None:
        self.per_second = 0.0
        self._count = 0
        self._at: int | None = None

    def measure(self, count: int, now: int) -> None:
        """So many trades had come by ``now`` (ns)."""
        if self._at is not None and now > self._at:
            self.per_second = round((count - self._count) * 1e9 / (now - self._at), 1)
        self._count, self._at = count, now


def identity(config: PodConfig) -> dict[str, Any]:
    """Return the members of a report that say whose it is."""
    return {
        "namespace": config.namespace,
        "collector": config.name,
        "exchange": config.exchange,
        "market": config.market,
        "shard": config.shard,
        "shards": config.shards,
        "pod": config.pod,
        "uid": config.uid,
        "slot": config.slot,
    }
