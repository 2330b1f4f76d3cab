"""Rates kept on our side, so that no venue has to enforce them.

A limit per client address is shared by all processes at that address; each keeps to its share (``limitShare``).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from fractions import Fraction

from metdc_collector.exchanges.base import Rate

Sleep = Callable[[float], Awaitable[None]]


class Budget:
    """At most so many units within a sliding span of time. Pure bookkeeping: the caller sleeps."""

    def __init__(self, rate: Rate, *, share: Fraction = Fraction(1), monotonic: Callable[[], float]) -> None:
        """Keep to ``share`` of ``rate``, but to one unit at least; ``monotonic`` gives seconds."""
        self._count = max(1, int(rate.count * share))
        self._seconds = rate.seconds
        self._monotonic = monotonic
        self._taken: deque[tuple[float, int]] = deque()

    def take(self, units: int = 1) -> float:
        """Take so many units, and return for how many seconds to wait before using them.

        More units than the whole budget are let through once all earlier ones have run out.
        """
        now = self._monotonic()
        while self._taken and self._taken[0][0] <= now - self._seconds:
            self._taken.popleft()
        used, start = sum(taken for _, taken in self._taken), now
        for taken_at, taken in self._taken:
            if used + units <= self._count:
                break
            used -= taken
            start = max(now, taken_at + self._seconds)
        self._taken.append((start, units))
        return start - now


# Frames are counted by the venue when they arrive, and the way there bunches them.
_MARGIN = 0.7


class Pace:
    """Frames of one connection, evenly spaced at seven tenths of what the venue allows."""

    def __init__(
        self, rate: Rate, *, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._interval = rate.seconds / (rate.count * _MARGIN)
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = 0.0
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when the next frame may be sent; it is to be sent at once."""
        async with self._turn:
            await self._sleep(max(0.0, self._next - self._monotonic()))
            self._next = self._monotonic() + self._interval
