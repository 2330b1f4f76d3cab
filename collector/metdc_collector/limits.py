"""Rates kept on our side, so that no venue has to enforce them.

A limit per client address is shared by all processes at that address; each keeps to its share (``limitShare``).
"""

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable
from fractions import Fraction

from metdc_collector.exchanges.base import Rate

Sleep = Callable[[float], Awaitable[None]]


class Budget:
    """At most so many units within a sliding span of time. Pure bookkeeping: the caller sleeps.

    What was taken at once beyond the budget counts for longer than a span: a share of 3/8 of a unit a second is a unit
    in 2.67 s, and a request of twice the whole budget takes two spans. So no share is rounded up.
    """

    def __init__(self, rate: Rate, *, share: Fraction = Fraction(1), monotonic: Callable[[], float]) -> None:
        """Keep to ``share`` of ``rate``; ``monotonic`` gives seconds."""
        self._share = rate.count * share
        self._seconds = rate.seconds
        self._monotonic = monotonic
        self._taken: list[tuple[float, int]] = []  # until when they count, and how many; the first to end first
        self._until = 0.0

    @property
    def held(self) -> float:
        """For how many seconds nothing may be used, by an order to stop; 0 without one."""
        return max(0.0, self._until - self._monotonic())

    def hold(self, seconds: float) -> None:
        """Let nothing be used for so long: the venue has ordered it. An earlier order that lasts longer stays."""
        self._until = max(self._until, self._monotonic() + seconds)

    def take(self, units: int = 1) -> float:
        """Take so many units, and return for how many seconds to wait before using them.

        More units than the whole budget are let through once all earlier ones have run out.
        """
        now = self._monotonic()
        wait = self._wait(now, units, self._share)
        insort(self._taken, (now + wait + self._lasting(units), units))
        return wait

    def wait(self, units: int = 1, *, spare: Fraction = Fraction(0)) -> float:
        """Return for how many seconds to wait before taking so many, for those who leave ``spare`` (0 to 1) to others.

        Nothing is taken: whoever takes meanwhile goes first.
        """
        return self._wait(self._monotonic(), units, self._share * (1 - spare))

    def heed(self, left: int) -> None:
        """Step down to what the venue says is left for this address: others there may use more than their share."""
        now = self._monotonic()
        self._forget(now)
        surplus = int(self._share) - sum(taken for _, taken in self._taken) - left
        if surplus > 0:
            insort(self._taken, (now + self._seconds, surplus))

    def _wait(self, now: float, units: int, most: Fraction) -> float:
        self._forget(now)
        used, start = sum(taken for _, taken in self._taken), max(now, self._until)
        for until, taken in self._taken:
            if used + units <= most:
                break
            used -= taken
            start = max(start, until)
        return start - now

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0][0] <= now:
            self._taken.pop(0)

    def _lasting(self, units: int) -> float:
        """For how long so many units count: a span, or as many spans as they are times the budget."""
        return float(Fraction(self._seconds) * max(Fraction(1), units / self._share))


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
