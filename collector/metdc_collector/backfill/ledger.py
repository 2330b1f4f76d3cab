"""The gap ledger: each hole's record, published at each change of its state, and counted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from metdc_collector.wire.gap import Gap, encode

log = logging.getLogger(__name__)
_TICK = 0.1
_SETTLED = 10_000

Tell = Callable[[str, bytes, str], Awaitable[bool]]
"""Publishes a record on a subject under a message id; whether the server has acknowledged it."""


@dataclass(slots=True, eq=False)
class Ledger:
    """The records of one process. They wait here while NATS is away; a hole's later state replaces an earlier one.

    Attributes:
        tell: publishes one record.
        open: those that were told and are not settled, by their identity.
        filled, unfillable: counts; a hole that was filled in part counts as unfillable.
    """

    tell: Tell
    open: dict[str, Gap] = field(default_factory=dict)
    filled: int = 0
    unfillable: int = 0
    _left: dict[str, Gap] = field(default_factory=dict)
    _queue: dict[str, Gap] = field(default_factory=dict)

    def opened(self, gap: Gap) -> None:
        """A hole is looked for."""
        self.open[gap.identity] = gap
        self._queue[gap.identity] = gap

    def settled(self, gap: Gap) -> None:
        """Nothing more will be done about a hole."""
        identity = gap.identity
        was_open = self.open.pop(identity, None) is not None
        if gap.state == "empty" and not was_open:
            return  # proven before anybody was told
        if (before := self._left.pop(identity, None)) is not None:
            gap = _joined(before, gap)
        if gap.state in ("partial", "unfillable"):
            self.unfillable += before is None
            self._left[identity] = gap
            while len(self._left) > _SETTLED:
                del self._left[next(iter(self._left))]
            log.warning("gap %s: %s, %s", identity, gap.state, gap.cause)
        elif gap.state == "filled":
            self.filled += 1
        self._queue[identity] = gap

    async def run(self) -> None:
        """Publish records as they come, until cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            await self.flush()

    async def flush(self, may: Callable[[], bool] = lambda: True) -> bool:
        """Publish what waits, for as long as that ``may`` go on; whether all of it was acknowledged."""
        while self._queue:
            if not may():
                return False
            identity, gap = next(iter(self._queue.items()))
            if not await self.tell(gap.subject, encode(gap), f"gap:{gap.identity}:{gap.state}:{gap.at}"):
                return False
            if self._queue.get(identity) is gap:  # else it has a later state, or somebody else has told of it
                del self._queue[identity]
        return True


def _joined(before: Gap, after: Gap) -> Gap:
    """Return the record of two holes behind the same trade, the first not filled: to readers both are one.

    It spans no more than what was not filled.
    """
    if after.state == "empty":
        return replace(before, at=after.at)
    filled = after.state == "filled"
    missing = None if before.missing is None or after.missing is None else before.missing + after.missing
    return replace(
        after,
        start=before.start if filled else min(before.start, after.start),
        end=before.end if filled else max(before.end, after.end),
        first_missing=before.first_missing or after.first_missing,
        last_missing=after.last_missing or before.last_missing,
        state="unfillable" if before.state == after.state == "unfillable" else "partial",
        missing=missing,
        filled=(before.filled or 0) + (after.filled or 0),
    )
