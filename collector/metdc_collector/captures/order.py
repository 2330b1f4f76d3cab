"""What is to be captured: a coin, a moment and the time around it. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from metdc_collector.wire import subjects
from metdc_collector.wire.durations import SECOND

WIDTH = 20 * SECOND
"""The window before and after the moment, unless it is said otherwise."""
NARROWEST, WIDEST = SECOND, 600 * SECOND
"""What either side of the window may be."""
EARLIER = 600 * SECOND
"""How far before the window a trade may lie that serves as a reference price."""
MARGIN = 60 * SECOND
"""How far the clock of an exchange may be ahead of that of NATS: reading begins so much earlier still."""

Reason = Literal["Invalid", "InFuture", "UnknownCoin", "RetentionExceeded", "Empty"]


class CaptureRefused(Exception):
    """There is nothing to capture; the text says why and what to do.

    Attributes:
        reason: why, in one word.
        settled: whether waiting changes nothing; else collectors have not proven the window, or have open gaps in it.
    """

    def __init__(self, reason: Reason, text: str, *, settled: bool = True) -> None:
        self.reason = reason
        self.settled = settled
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Order:
    """A capture as it is asked for.

    Attributes:
        base: the coin's common name: ``SOMI``.
        at: the moment of the announcement, ns since the epoch.
        before, after: the window is [at - before, at + after), ns.
        markets: only these, ``binance`` or ``binance.spot``; all where there are none.
    """

    base: str
    at: int
    before: int = WIDTH
    after: int = WIDTH
    markets: Collection[str] = ()

    @property
    def start(self) -> int:
        """Where the window begins, ns."""
        return self.at - self.before

    @property
    def end(self) -> int:
        """Where it ends, ns; no longer in it."""
        return self.at + self.after

    @property
    def read_from(self) -> int:
        """From which time of storing on is read (ns): a reference price may be so much older than the window."""
        return max(0, self.start - EARLIER - MARGIN)

    @property
    def name(self) -> str:
        """The name of the result's folder: ``SOMI-20261127T020000Z``, with a fraction where the moment has one."""
        seconds, rest = divmod(self.at, SECOND)
        fraction = f".{rest:09d}".rstrip("0") if rest else ""
        return f"{subjects.escape(self.base)}-{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}{fraction}Z"

    def pattern(self, kind: str) -> str:
        """Return the subjects of the coin's records of a kind (``trades``, ``gaps``, ``instruments``), all quotes."""
        return f"{kind}.*.*.{subjects.escape(self.base)}.*"

    def wants(self, exchange: str, market: str) -> bool:
        """Whether a market is to be captured."""
        return not self.markets or exchange in self.markets or f"{exchange}.{market}" in self.markets


def check(order: Order, now: int) -> None:
    """Pass an order that can be carried out once its window is over; ``now`` in ns.

    Raises:
        CaptureRefused: for any other.
    """
    for name, width in (("before", order.before), ("after", order.after)):
        if not NARROWEST <= width <= WIDEST:
            raise CaptureRefused("Invalid", f"{name}: {_seconds(width)} is not between 1 s and 600 s")
    if order.at > now:
        raise CaptureRefused(
            "InFuture", f"the window is in the future: {order.name} is {_seconds(order.at - now)} from now"
        )


def _seconds(span: int) -> str:
    return f"{-(-span // SECOND)} s"
